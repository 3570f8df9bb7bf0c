//! Performance: what a batch costs, what was tried, and the figure that decided.
//!
//! ```sh
//! cd benches/criterion && cargo bench          # in nanoseconds, with plots in target/criterion there
//! taskset -c 1 cargo bench --bench ratios      # the ratios below
//! ```
//!
//! `benches/peers` holds other libraries against the same job; `.ci/instructions.py` counts instructions a
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
//! writes a verdict, and a `TunnelInfo` on decap: what any honest interface pays. Both give the crate's bytes, which
//! is asserted before anything is timed.
//!
//! # Where it stands
//!
//! Short of their aims are encap against the contract floor while hot, lco, and encap's and the checksum's
//! shares of the best peers' times. The floor has one tunnel in its registers; the crate's loop calls a route for
//! each frame, asks for its tunnel 16 frames ahead, keeps it in a ring and reads it again. Without that, the
//! tunnel given, encap took 1.19 times the floor. The floor does not read transmit metadata either, and knows one
//! layout, one ID rule and one ECN mode. The rest was not taken apart. Tunnels at random are at their aim, within what
//! runs differ by: 2.3 to 2.6.
//!
#![doc = include_str!("../../benches/results/table.md")]
//!
//! # What was tried
//!
//! Cycles a packet, or a call, one state of the code after another, in runs in which the contract floor of encap
//! took 17.5. "At random" is 65,536 tunnels.
//!
//! | encap | before | after | kept |
//! |---|---|---|---|
//! | the room of a frame checked once, by `push_header`, not by a borrow of it and then by `push_front` | 25.7 | 22.7 | yes |
//! | the frame's start moved first, the headers written into the frame then | 23.9 | 26.4 | no |
//! | a failed bounds check is a call of a cold function: compilers put such checks together otherwise | 28.8, one at a time | 25.2 | yes |
//! | one index for frames and verdicts, not two slices that shrink | 24.8 | 23.8 | yes |
//! | 50 bytes copied as two steps of 32 that overlap | 23.8 | 23.5 | yes |
//! | routes by runs of 16, 8 or 4 frames, not one by one, in two arrays | 22.9 | 25.3 to 28.4 | no |
//! | a run with one tunnel told apart, and a copy of that tunnel for its loop | 23.8 | 26.4 | no |
//! | a tunnel that was asked for last not asked for again | 23.0 | 22.8 | no: runs differ by as much |
//! | all that the plain layout needs in one cache line | 69, at random | 51 | yes |
//! | lco: a body that inherits nothing, compiled into the batch's loop | 54 | 44 | yes |
//! | lco: sums kept as the processor reads words until the end | 44.0 | 41.6 | yes |
//! | the whole outer traffic class from one table, not ECN bits to be added to the DSCP | 23.6 | 22.6 | yes |
//! | frames asked for 8 ahead of the route, not 16 | 22.6 | 22.0 | yes |
//! | the tunnel given, no route and no ring | 22.0 | 21.0 | no: a second function for that |
//! | one look at the bounds for the frame to be routed and the one to be asked for: 4 instructions less | 22.3 | 22.7 | no |
//! | the layouts for packets and for sums not in the batch's loop | 22.0 | 22.0; lco 38 becomes 51 | no |
//! | of the tunnel, the second cache line alone asked for | 22.0 | 22.3 | no |
//! | tunnels asked for 32 ahead, not 16 | 22.3; 56, at random | 23.7; 56 | no |
//! | lco: two inverted words added to those of the headers, then all of them folded once | 40.2 | 38.1 | yes |
//! | lco: the sum folded first, the words added then | 38.1 | 38.8 | no |
//!
//! | decap | before | after | kept |
//! |---|---|---|---|
//! | the `TunnelInfo` made in registers and written last; searches of sets out of line; the header summed by 8 bytes | 31.9 | 28 | yes |
//! | the same, one at a time | 49 | 35 | yes |
//! | the `TunnelInfo` returned by value to the batch, too | 28 | 58 | no |
//! | late refusals in the first look, not by a second walk | 2.9 times an accepted one | 1.5 | yes |
//! | the VNI's set looked up in place, not in a closure that stayed a call | 28.9 | 27.5 | yes |
//! | the receiver's own MAC address and the uniform model behind one flag, a tagged underlay in a loop of its own | 27.4 | 25.6 | yes |
//! | the frame's place moved and its end cut in one step, by `trim_to` | 27.5 | 27.4 | yes, for less code |
//! | two words compared under masks, where sets have one member or all | 25.6 | 25.7 | yes: with the four above, 122 instructions for 157 |
//! | frames asked for 16 ahead, not 32 | 25.7 | 24.4 | yes |
//! | IPv6, ARP and the like inside taken by the first look: IPv6 inside | 40 ns | 32 | yes |
//! | the same, for IPv4 inside | 24.4; 33.6, one at a time | 24.4; 37.0 | as above |
//! | the same, with the length at hand as an argument: one register more | 24.4 | 26.4 | no: the frame is asked again |
//!
//! | checksum of 1450 bytes | before | after | kept |
//! |---|---|---|---|
//! | lanes added up in vectors, the last bytes by eight | 50 | 47 | yes |
//! | payload sums with `vpmaddwd` on biased words | 178 | 51 | yes; the generic body runs beside it |
//!
//! The checksum's loop takes three instructions of the vector units for 32 bytes, and AVX2 has no way with two: a
//! quarter of smoltcp's time would be 0.6 cycles for them, with the loads. AVX-512 has one (`vpdpwssd`), but from
//! Rust 1.89 on.
//!
//! Earlier, with the batch's former loop:
//!
//! | | before | after | kept |
//! |---|---|---|---|
//! | encap: rare packets in functions of their own, the fast path inlined into the batch | 2.1 floors | 1.3 floors | yes |
//! | decap: a fast path that reads 84 bytes at once, field by field for others | 147 | 43 | yes |
//! | decap: everything inlined into the batch instead | 114 | 147 | no |
//! | tunnels routed and asked for 16 at once, before the 16 frames | 26.6; 81 at random | 25.0; 115 | no |
//! | lco and full checksums: a plain patch instead of a `Result`, all of it inlined | 107 | 57 | yes |
//!
//! # Lanes
//!
//! Headers of eight packets in the lanes of vectors, gathered, computed and scattered, with the same bytes out,
//! against the contract floor, whose loop does one packet after the other. Both were written by hand, so that nothing
//! else is compared. Cycles a packet, hot, and cold in huge pages:
//!
//! | | fused | lanes |
//! |---|---|---|
//! | encap: ports, lengths and header checksums of eight in lanes, eight verdicts in one store | 17.5; 67 | 22.0; 68 |
//! | decap: sums and lengths of eight in lanes, a masked compare of 32 bytes each | 21.2 to 23.0; 81 | 26.2; 78 to 80 |
//! | decap: the masked compare alone, the sum as ever | 21.2 to 23.0; 81 | 23.9; 80 |
//!
//! Headers lie apart in memory, so each word goes into a lane and out again through a store and a load, for
//! arithmetic of which a packet has a dozen instructions. Cold, both wait for the same memory. The fused loop stays.
//!
//! # What follows for users
//!
//! - Turn the feature `std` on where there is a standard library: a `EncapState` and a `Vtep` then have the
//!   kernels of [`Kernels::detect`]; without it a batch is compiled for the target's least processor.
//! - Implement [`FrameBuf::prefetch`](crate::buf::FrameBuf::prefetch): without it a batch waits for each cold frame.
//! - Do not place buffers 2048 bytes apart without an offset: all headers then fall into two sets of the cache.
#![forbid(unsafe_code)]
