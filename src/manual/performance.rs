//! Performance: what a batch costs, what was tried, and the figure that decided.
//!
//! ```sh
//! cargo bench --features std                                  # everything, with plots
//! taskset -c 1 cargo bench --features std --bench ratios      # the ratios below
//! ```
//!
//! `benches/peers` holds other libraries against the same job; `.ci/instructions` counts instructions a
//! packet. Figures are core cycles a packet on a shared 2-core Zen 4 virtual machine, medians of
//! interleaved runs on one core, 64-byte inner frames, default target with [`Kernels::detect`]. Read them as
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
//! | | cycles | against | ratio | aim |
//! |---|---|---|---|---|
//! | encap, batch of 256, hot | 26.6 | contract floor 17.5 (bare 11.3) | 1.52 | 1.2 |
//! | decap, batch of 256, hot | 33.6 | contract floor 23.2 (bare 13.5) | 1.44 | 1.2 |
//! | encap, one at a time | 28.6 | batch | 1.08 | 1.6 |
//! | decap, one at a time | 50.0 | batch | 1.49 | 1.6 |
//! | encap of 1450 bytes | 26.7 | 64 bytes | 1.00 | 1.1 |
//! | encap, checksum from the headers (lco) | 61.7 | none | 2.32 | 1.5 |
//! | the same, 1450 bytes | 61.8 | 64 bytes | 1.00 | 1.1 |
//! | 65,536 tunnels at random | 71.0 | one tunnel | 2.67 | 2.5 |
//! | checksum of 1450 bytes, AVX2 | 50.8 | generic 178 | 0.29 | 30 bytes a cycle: 28.8 |
//!
//! Short of their aims are encap and decap against the contract floor, lco, and random tunnels. The floor does
//! not read transmit metadata, knows one layout, one ID rule and one ECN mode, and has one port range as a
//! constant; the crate's loop reads them from the tunnel. 65,536 tunnels of 128 bytes are 8 MiB: two cache lines
//! from the third level of cache for each packet.
//!
//! # What was tried
//!
//! | | before | after | kept |
//! |---|---|---|---|
//! | encap: rare layouts and rare packets in functions of their own, the usual one inlined into the batch | 2.1 floors | 1.3 floors | yes |
//! | decap: one look at 84 bytes for the usual packet, field by field for others | 114 | 43 | yes |
//! | decap: everything inlined into the batch instead | 114 | 147 | no: structures built of bytes were read back as vectors, which waits for the stores |
//! | lco and full checksums: the patch returned as a plain value, not in a `Result` | 107 | 57 | yes, for the same reason |
//! | lco: the sum of the 26 bytes in front of the addresses, instead of walking the headers | 97 | 57 | yes |
//! | a loop for each run of frames with one tunnel, its template in registers | 24.9 | 28.4 | no; with random tunnels 158 against 112 |
//! | encap: tunnels routed and asked for 16 frames ahead in a ring, not by the 16 at once | 117 with random tunnels, 25.0 with one | 71, 26.6 | yes |
//! | a few words summed as an array | 76 | 112 | no: the array went through memory |
//! | the tunnel's stack at the end of its two cache lines | 1.34 floors | 1.15 to 1.30 floors | yes: the 50 bytes of an IPv4 stack lie in one line |
//! | the IPv4 header summed as 64-bit words with carry, not as 32-bit lanes | 52 | 43 | yes |
//! | payload sums with `vpmaddwd` on biased words | 178 | 51 | yes |
//!
//! Not tried: headers of several packets in the lanes of one vector. Measured elsewhere, gathering and scattering
//! lost to the fused loop hot and cold.
//!
//! # What follows for users
//!
//! - Take [`Kernels::detect`] where the feature `std` is on: without it the batch is compiled for the target's
//!   least processor.
//! - Implement [`FrameBuf::prefetch`](crate::buf::FrameBuf::prefetch). On frames out of cache it is the largest
//!   gain there is: shuffled over 65,536 buffers in huge pages a batch takes about a third of the time of single calls
//!   (0.30 to 0.36). Such figures swing with what else the machine's memory does: measure on yours.
//! - Do not place buffers 2048 bytes apart without an offset: all headers then fall into two sets of the cache.
#![forbid(unsafe_code)]
