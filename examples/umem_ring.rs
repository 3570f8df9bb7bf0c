//! Encap and decap on descriptors over one memory area, as AF_XDP's UMEM has it.
//!
//! The area is cut into chunks once; a descriptor says where in its chunk a frame is. Frames are
//! received in bursts, sent through the tunnel that their inner destination names, and, because
//! this example is its own peer, received again and decapsulated. It prints the counters and the
//! rates.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use clap::Parser;
use vtep::arch::prefetch;
use vtep::batch::{decap_passed, encap_batch};
use vtep::buf::FrameBuf;
use vtep::tunnel::{Adjacency, EncapState, Tunnel, TunnelConfig, Vtep};
use vtep::verdict::{DropCounters, DropReason, Verdict};
use vtep::wire::{Build, EthernetBuilder, Ipv4Builder, MacAddr, UdpBuilder, Vni};

/// The bytes of a chunk, and what XDP leaves free at its front.
const CHUNK: usize = 2048;
const HEADROOM: usize = 256;

/// `struct xdp_desc` of `linux/if_xdp.h`.
#[derive(Clone, Copy)]
struct Descriptor {
    /// Where the frame begins in the memory area.
    address: u64,
    len: u32,
}

/// A descriptor with the chunk that it has.
struct UmemFrame<'a> {
    chunk: &'a mut [u8; CHUNK],
    /// Where the chunk begins in the memory area.
    base: u64,
    descriptor: Descriptor,
}

impl UmemFrame<'_> {
    fn start(&self) -> usize {
        (self.descriptor.address.saturating_sub(self.base) as usize).min(CHUNK)
    }

    fn end(&self) -> usize {
        self.start().saturating_add(self.descriptor.len as usize).min(CHUNK)
    }

    /// What the kernel does when it receives a frame: it fills the chunk and the descriptor.
    fn receive(&mut self, bytes: &[u8]) {
        self.descriptor =
            Descriptor { address: self.base + HEADROOM as u64, len: bytes.len() as u32 };
        self.bytes_mut().copy_from_slice(bytes);
    }
}

impl FrameBuf for UmemFrame<'_> {
    fn bytes(&self) -> &[u8] {
        &self.chunk[self.start()..self.end()]
    }

    fn split_headroom(&mut self) -> (&mut [u8], &mut [u8]) {
        let (start, end) = (self.start(), self.end());
        self.chunk[..end].split_at_mut(start)
    }

    fn push_front(&mut self, count: usize) -> Verdict {
        if count > self.start() {
            return Err(DropReason::NoHeadroom);
        }
        self.descriptor.address -= count as u64;
        self.descriptor.len += count as u32;
        Ok(())
    }

    fn pull_front(&mut self, count: usize) -> Verdict {
        if count > self.descriptor.len as usize {
            return Err(DropReason::NotLinear);
        }
        self.descriptor.address += count as u64;
        self.descriptor.len -= count as u32;
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.descriptor.len = self.descriptor.len.min(u32::try_from(len).unwrap_or(u32::MAX));
    }

    fn prefetch(&self, headroom: usize) {
        let front = self.chunk.as_ptr().wrapping_add(self.start()).wrapping_sub(headroom);
        prefetch(front);
        prefetch(front.wrapping_add(64));
    }
}

/// Encap and decap of frames over one memory area.
#[derive(Parser)]
#[command(name = "umem_ring")]
struct Arguments {
    /// How many frames to send.
    #[arg(long, default_value_t = 200_000)]
    frames: u64,
    /// How many frames a burst has.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    burst: u16,
}

/// UDP from 10.1.15.2 to `destination`, 64 bytes in all.
fn inner(destination: Ipv4Addr) -> [u8; 64] {
    let mac = |last| MacAddr::new([2, 0, 0, 0, 1, last]);
    let udp = UdpBuilder::new(12_345, 53, [0x5a; 22].as_slice());
    let ip = Ipv4Builder::new([10, 1, 15, 2].into(), destination, udp);
    let mut frame = [0; 64];
    EthernetBuilder::new(mac(1), mac(2), ip).build(&mut frame).expect("64 bytes");
    frame
}

fn tunnel(node: u8) -> Tunnel {
    let mac = |last| MacAddr::new([2, 0, 0, 0, 0, last]);
    let (local, remote) = ([192, 168, 0, 10].into(), [192, 168, 0, node].into());
    let config = TunnelConfig::rfc7348(local, remote, Adjacency::new(mac(node), mac(10)));
    let vni = Vni::new(1).expect("24 bits");
    config.vni(vni).build().expect("both ends are IPv4")
}

fn rate(frames: u64, time: Duration) -> f64 {
    frames as f64 / time.as_secs_f64() / 1e6
}

fn main() {
    let arguments = Arguments::parse();
    let burst = usize::from(arguments.burst);
    let mut umem = vec![[0; CHUNK]; burst];
    let mut frames: Vec<_> = umem
        .iter_mut()
        .enumerate()
        .map(|(index, chunk)| {
            let base = (index * CHUNK) as u64;
            UmemFrame { chunk, base, descriptor: Descriptor { address: base, len: 0 } }
        })
        .collect();
    // Node 17 has 10.1.17.0/24, node 18 has 10.1.18.0/24; nobody has 10.1.19.0/24.
    let nodes = [(17, tunnel(17)), (18, tunnel(18))];
    let inners: Vec<_> = [17, 18, 17, 19].map(|net| inner([10, 1, net, 3].into())).to_vec();
    let mut core = EncapState::predictable();
    let vtep = Vtep::rfc7348();
    let (mut sent, mut received) = (DropCounters::ZERO, DropCounters::ZERO);
    let (mut encap_time, mut decap_time) = (Duration::ZERO, Duration::ZERO);
    let mut verdicts = vec![Ok(()); burst];
    let mut left = arguments.frames;
    while left > 0 {
        let count = burst.min(usize::try_from(left).unwrap_or(burst));
        let frames = &mut frames[..count];
        for (frame, bytes) in frames.iter_mut().zip(inners.iter().cycle()) {
            frame.receive(bytes);
        }
        let start = Instant::now();
        let route = |_, frame: &UmemFrame<'_>| {
            let net = frame.bytes().get(32)?;
            nodes.iter().find(|(node, _)| node == net).map(|(_, tunnel)| tunnel)
        };
        encap_batch(frames, route, &mut core, &mut verdicts).expect("a verdict for each");
        encap_time += start.elapsed();
        sent.count_all(&verdicts[..count]);

        // A frame without a route was not sent, and is not received again.
        let start = Instant::now();
        decap_passed(&vtep, frames, None, &mut verdicts).expect("a verdict for each");
        decap_time += start.elapsed();
        received.count_all(&verdicts[..count]);
        left -= count as u64;
    }
    let times = [("encap", sent, encap_time), ("decap", received, decap_time)];
    for (way, counters, time) in times {
        println!(
            "{way}: {} passed, {:.1} million/s",
            counters.passed(),
            rate(arguments.frames, time)
        );
        for (reason, count) in &counters {
            println!("  {reason}: {count}");
        }
    }
}
