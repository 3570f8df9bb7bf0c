//! Performance: what a batch costs, what was tried, and the figure that decided.
//!
//! ```sh
//! cargo bench                                  # everything, with plots in target/criterion
//! taskset -c 1 cargo bench --bench ratios      # the ratios below
//! ```
//!
//! `benches/peers` holds other libraries against the same job; `.ci/instructions` counts instructions a
//! packet. Figures are core cycles a packet on a shared 2-core Zen 4 virtual machine, medians of runs
//! that take turns on one core, 64-byte inner frames, default target with [`Kernels::detect`]. Read them as
//! ratios.
//!
//! [`Kernels::detect`]: crate::arch::Kernels::detect
//!
//! # The floors
//!
//! `benches/paths/floor.rs` does the same job by hand, with raw pointers, AVX2 and prefetch. *Bare* has no
//! descriptors and checks nothing. *Contract* reads and updates descriptors, checks lengths and headroom,
//! writes a verdict, and an origin on decap: what any honest interface pays. Both give the crate's bytes, which
//! is asserted before anything is timed.
//!
//! # Where it stands
//!
//! Short of their aims are both batches against the contract floor while hot, lco, and the shares of the best
//! peers' times; the checksum of 1450 bytes is at 28.8 bytes a cycle of 30. The floor does not read transmit
//! metadata, knows one layout, one ID rule and one ECN mode, and has one port range as a constant; the crate's
//! loop reads them from the tunnel. How much of the gap each of these is was not measured.
//!
#![doc = include_str!("../../benches/results/table.md")]
//!
//! # What was tried
//!
//! Compared alone, the two programs taking turns seven times:
//!
//! | | with one tunnel | with 65,536 at random | kept |
//! |---|---|---|---|
//! | tunnels routed and asked for 16 at once, before the 16 frames | 25.0 | 115 | no |
//! | in a ring, each 16 frames ahead | 26.6 | 81 | yes |
//!
//! Single runs, one state of the code after another. Where several changes came together the figures are those
//! of all of them, and which one mattered is not known:
//!
//! | | before | after | kept |
//! |---|---|---|---|
//! | encap: rare packets in functions of their own, the usual one inlined into the batch | 2.1 floors | 1.3 floors | yes |
//! | decap: one look at 84 bytes for the usual packet, field by field for others | 147 | 43 | yes |
//! | decap: everything inlined into the batch instead | 114 | 147 | no |
//! | a loop for each run of frames with one tunnel, its template out of the loop | 24.9 | 28.4 | no |
//! | lco and full checksums: a plain patch instead of a `Result`, all of it inlined | 107 | 57 | yes: bytes stored one by one were read back as words, as the disassembly shows |
//! | lco: 26 bytes summed instead of the headers walked | 127 | 81 | yes, with the batch's loop rewritten |
//! | payload sums with `vpmaddwd` on biased words | 178 | 51 | yes; the generic body runs beside it |
//!
//! Not tried: headers of several packets in the lanes of one vector. Measured elsewhere, gathering and scattering
//! lost to the fused loop hot and cold.
//!
//! # What follows for users
//!
//! - Take [`Kernels::detect`] where the feature `std` is on: without it the batch is compiled for the target's
//!   least processor.
//! - Implement [`FrameBuf::prefetch`](crate::buf::FrameBuf::prefetch): without it a batch waits for each cold frame.
//! - Do not place buffers 2048 bytes apart without an offset: all headers then fall into two sets of the cache.
#![forbid(unsafe_code)]
