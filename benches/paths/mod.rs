//! What the benchmarks of the packet path share: memory, frames, tunnels, and the floors.
#![allow(dead_code, reason = "no benchmark uses all of it")]

#[cfg(target_arch = "x86_64")]
pub mod floor;

use memmap2::{Advice, MmapMut};
use vtep::arch::{Isa, Kernels};
use vtep::buf::{Frame, FrameBuf, InnerChecksum, TxMeta};
use vtep::tunnel::{Adjacency, EncapState, Tunnel, TunnelConfig, UdpChecksum, Vtep};
use vtep::wire::{MacAddr, Vni};

/// From one frame to the next: 33 cache lines, an odd number, so that the frames' headers do not all fall
/// into the same few sets of the cache.
pub const STRIDE: usize = 33 * 64;
/// In front of each frame.
pub const HEADROOM: usize = 128;
/// What encap over IPv4 adds.
pub const OUTER: usize = 50;

pub type PoolFrame = Frame<&'static mut [u8]>;

/// The length of an inner frame.
#[derive(Clone, Copy)]
pub enum Size {
    Fixed(usize),
    /// 7 of 64 bytes to 4 of 576 to 1 of 1450.
    Imix,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Pages {
    Small,
    Huge,
}

/// A counter of 64-bit pseudo-random numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Inner frames, UDP over IPv4 with right checksums, each of another flow, in shuffled order. The memory is
/// never given back.
pub fn frames(count: usize, size: Size, pages: Pages) -> Vec<PoolFrame> {
    let mut random = Random(1);
    let memory = MmapMut::map_anon(count * STRIDE).expect("memory");
    let advice = if pages == Pages::Huge { Advice::HugePage } else { Advice::NoHugePage };
    memory.advise(advice).expect("pages of that size");
    let memory: &'static mut MmapMut = Box::leak(Box::new(memory));
    let mut frames = Vec::new();
    for (index, buffer) in memory.chunks_exact_mut(STRIDE).enumerate() {
        let len = match size {
            Size::Fixed(len) => len,
            Size::Imix => [64, 64, 64, 64, 64, 64, 64, 576, 576, 576, 576, 1450][random.below(12)],
        };
        let end = HEADROOM + len;
        write_inner(&mut buffer[HEADROOM..end], index as u32, &mut random);
        frames.push(Frame::new(buffer, HEADROOM..end).expect("within the buffer"));
    }
    for index in (1..frames.len()).rev() {
        frames.swap(index, random.below(index + 1));
    }
    frames
}

fn write_inner(frame: &mut [u8], index: u32, random: &mut Random) {
    use vtep::checksum::Sum;
    let ip_len = (frame.len() - 14) as u16;
    let udp_len = ip_len - 20;
    frame.fill_with(|| random.next() as u8);
    frame[12..16].copy_from_slice(&[0x08, 0, 0x45, 0]);
    frame[16..18].copy_from_slice(&ip_len.to_be_bytes());
    frame[18..26].copy_from_slice(&[0, 0, 0x40, 0, 64, 17, 0, 0]);
    let [a, b, c, d] = index.to_be_bytes();
    frame[26..34].copy_from_slice(&[10, a, b, 2, 10, 200, c, d]);
    let ip_checksum = Sum::of(&frame[14..34]).checksum();
    frame[24..26].copy_from_slice(&ip_checksum.to_be_bytes());
    frame[38..40].copy_from_slice(&udp_len.to_be_bytes());
    frame[40..42].copy_from_slice(&[0, 0]);
    let pseudo = Sum::of(&frame[26..34]) + 17 + udp_len;
    let checksum = (pseudo + Sum::of(&frame[34..])).udp_checksum();
    frame[40..42].copy_from_slice(&checksum.to_be_bytes());
}

/// What `Kernels::detect` gives with the feature `std`, so that `cargo bench` alone measures it.
pub fn kernels() -> &'static Kernels {
    #[cfg(target_arch = "x86_64")]
    if floor::is_available() {
        // SAFETY: the processor says that it has them.
        return unsafe { Kernels::assume(Isa::Avx2) }.expect("this is x86-64");
    }
    Kernels::baseline()
}

pub fn core() -> EncapState {
    EncapState::predictable().kernels(kernels())
}

pub fn vtep() -> Vtep<'static> {
    Vtep::rfc7348().kernels(kernels())
}

pub fn config(number: u32) -> TunnelConfig {
    let [a, b, c, d] = number.to_be_bytes();
    let next_hop = MacAddr::new([2, 0, a, b, c, d]);
    let adjacency = Adjacency::new(next_hop, MacAddr::new([2, 0, 0, 0, 0, 1]));
    let remote = std::net::Ipv4Addr::new(192, b, c, d);
    TunnelConfig::rfc7348([192, 168, 0, 10].into(), remote.into(), adjacency)
        .vni(Vni::new(number & 0xFF_FFFF).expect("24 bits"))
}

pub fn tunnel() -> Tunnel {
    config(1).build().expect("a tunnel")
}

pub fn summing(checksum: UdpChecksum) -> Tunnel {
    config(1).udp_checksum(checksum).build().expect("a tunnel")
}

pub fn tunnels(count: u32) -> Vec<Tunnel> {
    (0..count).map(|number| config(number).build().expect("a tunnel")).collect()
}

/// Frames whose inner checksum is vouched for.
pub fn vouched(frames: Vec<PoolFrame>) -> Vec<PoolFrame> {
    let tx = TxMeta::new().with_inner_checksum(InnerChecksum::Valid);
    frames.into_iter().map(|frame| frame.with_tx_meta(tx)).collect()
}

/// Each frame in a VXLAN packet.
pub fn encapsulated(mut frames: Vec<PoolFrame>, tunnel: &Tunnel) -> Vec<PoolFrame> {
    let mut core = core();
    for frame in &mut frames {
        tunnel.encap(frame, &mut core).expect("headroom");
    }
    frames
}

/// What is promised of all frames alike. Encap resets it.
pub fn promise(frames: &[PoolFrame]) -> TxMeta {
    frames.first().map(PoolFrame::tx_meta).unwrap_or_default()
}

/// Promises it again, for frames that are sent again.
pub fn promise_again(frames: &mut [PoolFrame], tx: TxMeta) {
    frames.iter_mut().for_each(|frame| frame.set_tx_meta(tx));
}

/// Takes off what encap put in front.
pub fn undo_encap(frames: &mut [PoolFrame]) {
    for frame in frames {
        frame.pull_front(OUTER).expect("encap passed");
    }
}

/// Puts decapsulated frames back behind the headers that still stand in front of them.
pub fn undo_decap(frames: &mut [PoolFrame]) {
    for frame in frames {
        frame.push_front(OUTER).expect("decap passed");
    }
}
