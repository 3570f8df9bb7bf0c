//! Embedding guide: memory, time and size on a small processor.
//!
//! `no_std-tests/` in the repository has the images that hold what is said here: they boot under QEMU on
//! Cortex-M4F, AArch64 and RISC-V 64, and are built for `thumbv6m-none-eabi` and `riscv32imc-unknown-none-elf`.
//! `no_std-tests/firmware` is a main loop to begin with: rings between an interrupt and batches, counters, a log.
//!
//! # Memory
//! Nothing is allocated. What has to be kept is the caller's: a `static`, a slice of a pool, a stack frame.
//!
//! | value | bytes | where |
//! |---|---|---|
//! | [`Tunnel`](crate::tunnel::Tunnel) | 128, aligned to 64: two cache lines | one for each remote VTEP, shared by all cores |
//! | [`Vtep`](crate::tunnel::Vtep) | 104 on 32 bits, 136 on 64; its sets are borrowed | one, shared; `const` |
//! | [`EncapState`](crate::tunnel::EncapState) | 24 on 32 bits, 32 on 64 | one for each core, never shared |
//! | [`DropCounters`](crate::verdict::DropCounters) | 8 a reason, and 8 for what passed | one for each core, added up with `+=` |
//! | [`Frame`](crate::buf::Frame) | the buffer or its reference, and 20 on 32 bits, 32 on 64 | one for each buffer in work |
//! | [`SubnetAllocator`](crate::subnet::SubnetAllocator) | a bit for each subnet and a 64th more, in words of 8 bytes; a prefix for each lease of another length | `words(&pool)` says how many |
//! | [`LeaseWatch`](crate::lease::LeaseWatch) | a slot is 25 and the value; an agent keeps two [`Reading`](crate::agent::Reading)s, one of each family | a slice of slots |
//!
//! A tunnel is immutable. To change it, build another and swap the reference that the cores read, or call
//! [`set_adjacency`](crate::tunnel::Tunnel::set_adjacency) where nobody reads.
//!
//! # Headroom, alignment, DMA
//! Encap writes in front of the frame: 50 bytes over IPv4, 64 with the inner Ethernet header of a tunnel for IP
//! packets, 70 and 84 over IPv6, 4 more with an outer VLAN tag; [`HEADROOM_MAX`](crate::buf::HEADROOM_MAX) is
//! enough for all. XDP leaves 256 bytes in front of a frame and DPDK 128, so both do. Where a receive descriptor
//! can be given an offset, 128 is a good one: in a buffer that begins with a cache line of 64 bytes the outer headers
//! over IPv4 then share the line before the frame. [`Frame::into_buffer`](crate::buf::Frame::into_buffer) gives a
//! buffer back to receive into.
//!
//! No alignment is asked for: headers are read and written by the byte, or by what the processor does unaligned.
//! For a processor that faults on it the compiler uses bytes. Where the inner IP header should be aligned to 4
//! on receipt, let the NIC put the frame 2 bytes behind a multiple of 4: 2 + 14 of Ethernet is such a multiple.
//! The outer stack of an Ethernet frame is 50 bytes, which is 2 more than one: after decap the inner IP header is
//! aligned if the outer frame began at a multiple of 4 (50 + 14 = 64), and the outer one then is not.
//! Give DMA whole cache lines: a buffer whose start and size are multiples of the line, so that invalidating it
//! loses nothing of a neighbour. Clean what was written, the headroom included, before the NIC is told to send.
//! Whatever a device writes has to have come to an end before [`bytes`](crate::buf::FrameBuf::bytes) is called.
//!
//! # Time
//! Every function ends after a number of steps that its input bounds:
//!
//! | function | bound |
//! |---|---|
//! | encap, no UDP checksum | constant; of an inner IPv6 packet its extension headers, 8 at most; the VLAN tags in front, which may fill the frame |
//! | encap with a UDP checksum | that and the frame's length; with local checksum offload the headers' alone, of which IPv6's extensions may have 16 KiB |
//! | decap | constant; 40 bytes of IPv4 options, or 8 IPv6 extension headers; log2 of each sorted set; with a UDP checksum the packet's length |
//! | a batch | the sum of its frames, and of the calls of `route` |
//! | the answer to what is too big | the headers as for encap, and at most 1,280 bytes copied and summed |
//! | allocate | the same at any fill: twice 100 candidates and the leases of other lengths, each at most two words of bitmap a level; the levels are log64 of the pool, 2 for 255 subnets, 3 for 65,535 |
//! | note or release a lease | one word a level, and the leases of other lengths |
//! | a lease watch's event | the slots up to a free one: 8 on the average when as full as it gets, whatever the keys, since the hash is keyed; a snapshot is that for each lease and a walk over all slots |
//! | lease and netlink records | the length of the text or message, for each accessor anew; JSON nests 64 deep at most, netlink attributes as deep as the message has space for, both without recursion |
//! | the plan of a lease event | the claims of the other leases, four times at most |
//! | reconcile | n log n of the records, whatever they have in common, and for each the networks |
//!
//! `cargo bench --bench hostile_control_plane` measures the operations on leases, records and subnets with 1,000 to 100,000
//! of them, chosen to be the worst: ten times as many cost at most 14 times as much.
//!
//! Instructions of one packet, counted by QEMU on RISC-V 64 at `opt-level` "s" (`no_std-tests/count`). The worst
//! packets have everything that is walked as often as it is walked, for a tunnel or VTEP with every policy and sets of 64
//! ports, 64 addresses and 1,024 VNIs. To them the checksum comes, where there is one, and tags beyond two.
//!
#![doc = include_str!("instructions.md")]
//!
//! # Panics and size
//! No panic can be reached from any function but `Debug`, `Display` and what prints through them (the texts of
//! lease keys, values and backend data, the names of annotations), `defmt::Format` of the types that go through `Debug`,
//! and the feature `arbitrary`. The images called `gate` link with a panic handler that refers to a symbol which does
//! not exist: a panic that could be reached would not link.
//! The compiler can prove that only with optimization, link-time optimization and one codegen unit.
//!
//! [`Tunnel::encap`](crate::tunnel::Tunnel::encap) and [`Vtep::decap`](crate::tunnel::Vtep::decap) choose among
//! all layouts and policies at run time, so all of them are in the image. Where there is room for one,
//! [`encap_v4`](crate::tunnel::minimal::encap_v4) and [`decap_v4`](crate::tunnel::minimal::decap_v4) fix it when the image is built. The first leaves out every inner frame but untagged IPv4 without options,
//! which it refuses as `NotIp`; the second leaves out IPv6 and VLAN tags of the underlay. A tunnel for IP packets
//! ([`inner_ethernet`](crate::tunnel::TunnelConfig::inner_ethernet)) has no such form. What routes packets, as a flannel
//! node does, writes those 14 bytes itself, which are the same for all packets to a peer, and gives the frame to
//! `encap_v4`: the bytes are the same.
//!
//! Measured with `no_std-tests/footprint`, in bytes, `memcpy` and its like included; "both" is `encap_v4` with
//! `decap_v4`. CI refuses what is an eighth above this:
//!
#![doc = include_str!("footprint.md")]
//!
//! No function calls itself, directly or through others, whatever the input nests:
//! `no_std-tests/callgraph.py` reads that from LLVM's call graph of the library and of the linked
//! images. The longest way down that graph, in bytes of frames at `opt-level` "s", is a bound for
//! every input. Per module it is that of a test that calls each of its public functions, the test's
//! own frames and buffers included, so a program's share is less. CI refuses what is an eighth
//! above this:
//!
#![doc = include_str!("stack.md")]
//!
//! # Kernels
//! On bare metal nothing is detected: [`Kernels::baseline`](crate::arch::Kernels::baseline) is what the target has
//! (NEON on `aarch64-unknown-none`, safe code elsewhere: `x86_64-unknown-none` and `x86_64-unknown-uefi` have no
//! SSE), and a `EncapState` or `Vtep` has that unless told otherwise.
//! It is chosen when the image is built, by the target and `-C target-feature`: `aarch64-unknown-none-softfloat` has no
//! NEON, and so suits code that must not touch vector registers, as an interrupt handler that does not save them.
//! Prefetch is an instruction on x86-64 with SSE2 and AArch64 with NEON, and nothing elsewhere.
//!
//! # Interrupts
//! No function blocks, masks interrupts or touches a global: all of them may be called from a handler. What is
//! `&mut` must not be shared with one: give the handler its own `EncapState` and counters, or let it only queue what came,
//! and work in the main loop. A ring of one producer and one consumer each way (`heapless::spsc`), of owned frames, does
//! that without a lock: `no_std-tests/firmware`. Nothing needs atomics, so targets without them are served.
//!
//! # Tables
//! Give a lease watch half again as many slots as there are nodes; give the allocator
//! [`words`](crate::subnet::SubnetAllocator::words) words, and one slot for each lease whose length is not the
//! pool's: those that were there before the configuration changed. A pool that is too large is cut down with
//! [`first`](crate::subnet::SubnetPool::first). A set of local addresses, ports or VNIs is a sorted slice; a tunnel for
//! each remote VTEP is 128 bytes. A ring has a place for every buffer, so that it is never full. A batch asks for memory
//! up to 40 frames ahead; where prefetch is no instruction, a short one loses nothing by that.
#![forbid(unsafe_code)]
