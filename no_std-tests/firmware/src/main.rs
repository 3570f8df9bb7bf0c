//! The main loop of a VTEP's firmware: an interrupt fills and empties rings, the loop works on what they hold.
//!
//! The interrupt owns the NIC, the loop the tunnels and the counters; they share rings of one producer and one
//! consumer each, so that neither waits for the other, and no frame is copied: what a ring holds is a
//! [`Packet`], the only handle on its buffer. The NIC is a pretended one ([`nic`]).
#![no_std]
#![no_main]

use core::iter;

use heapless::Vec;
use heapless::spsc::{Consumer, Producer};
use vtep::batch::{decap_batch, encap_batch};
use vtep::buf::{Frame, FrameBuf};
use vtep::tunnel::{Adjacency, EncapState, Tunnel, TunnelConfig, TunnelInfo, Vtep};
use vtep::verdict::{DropCounters, Verdict};
use vtep::wire::{MacAddr, Vni};

use defmt_semihosting as _;

mod nic;

/// A frame in a buffer of the NIC's.
type Packet = Frame<&'static mut [u8]>;

/// How many frames the loop takes from a ring at once.
const BATCH: usize = 4;

const VNI: Vni = Vni::from_be_bytes([0, 0, 1]);
static VTEP: Vtep<'_> = Vtep::linux().vni(VNI);

board::main!(run);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::exit(101)
}

/// The loop's ends of a port's rings.
struct Port {
    received: Consumer<'static, Packet>,
    to_send: Producer<'static, Packet>,
}

/// Where the frames for a MAC address of the overlay go.
struct Peer {
    mac: MacAddr,
    tunnel: Tunnel,
}

/// What the loop owns.
struct Node {
    underlay: Port,
    overlay: Port,
    /// Buffers that the NIC may have back.
    spent: Producer<'static, &'static mut [u8]>,
    peers: [Peer; 2],
    core: EncapState,
    counters: DropCounters,
}

fn run() -> i32 {
    let (Some(peers), Some((underlay, overlay, spent))) = (peers(), nic::start()) else {
        return 2;
    };
    let (core, counters) = (EncapState::predictable(), DropCounters::ZERO);
    let mut node = Node { underlay, overlay, spent, peers, core, counters };
    defmt::info!("VNI {} between {} and {}", VNI, node.peers[0].mac, node.peers[1].mac);
    let report = loop {
        if node.turn() == 0 {
            if let Some(report) = nic::report() {
                break report;
            }
            // The next tick wakes it, if it is not this one that has just been.
            cortex_m::asm::wfi();
        }
    };
    defmt::info!("passed: {}", node.counters.passed());
    for (reason, count) in &node.counters {
        defmt::info!("{}: {}", reason, count);
    }
    defmt::info!("sent: {}, not as captured: {}", report.sent, report.wrong);
    i32::from(report.wrong != 0)
}

/// The nodes of the capture, with the addresses that it has.
fn peers() -> Option<[Peer; 2]> {
    let peer = |local: u8, remote: u8, mac| {
        let [to, from] = [remote, local].map(|last| MacAddr::new([0x52, 0x54, 0, 0, 0x50, last]));
        let [local, remote] = [local, remote].map(|last| [192, 168, 50, last].into());
        let config = TunnelConfig::linux(local, remote, Adjacency::new(to, from)).vni(VNI);
        Some(Peer { mac: MacAddr::new(mac), tunnel: config.build().ok()? })
    };
    let there = peer(2, 3, [0x0e, 0x66, 0x67, 0xf9, 0x27, 0xd3])?;
    Some([there, peer(3, 2, [0x12, 0x37, 0xfd, 0x18, 0xd8, 0x31])?])
}

impl Node {
    /// A batch from each port, and how many frames they had.
    fn turn(&mut self) -> usize {
        self.decap() + self.encap()
    }

    /// From the underlay to the overlay.
    fn decap(&mut self) -> usize {
        let mut frames = batch(&mut self.underlay.received);
        let mut verdicts = verdicts(&frames);
        let mut infos = [TunnelInfo::NONE; BATCH];
        let _ = decap_batch(&VTEP, &mut frames, Some(&mut infos), &mut verdicts);
        if self.counters.passed() == 0 && !frames.is_empty() {
            defmt::info!("first heard: {}", infos[0]);
        }
        self.counters.count_all(&verdicts);
        deliver("underlay", iter::zip(frames, verdicts), &mut self.overlay, &mut self.spent)
    }

    /// From the overlay to the underlay.
    fn encap(&mut self) -> usize {
        let mut frames = batch(&mut self.overlay.received);
        let mut verdicts = verdicts(&frames);
        let peers = &self.peers;
        let route = |_, frame: &Packet| {
            let is_its = |peer: &&Peer| frame.bytes().starts_with(&peer.mac.octets());
            peers.iter().find(is_its).map(|peer| &peer.tunnel)
        };
        let _ = encap_batch(&mut frames, route, &mut self.core, &mut verdicts);
        self.counters.count_all(&verdicts);
        deliver("overlay", iter::zip(frames, verdicts), &mut self.underlay, &mut self.spent)
    }
}

fn batch(ring: &mut Consumer<'static, Packet>) -> Vec<Packet, BATCH> {
    iter::from_fn(|| ring.dequeue()).take(BATCH).collect()
}

fn verdicts(frames: &[Packet]) -> Vec<Verdict, BATCH> {
    frames.iter().map(|_| Ok(())).collect()
}

/// Hands what passed to the other port and what did not back to the NIC. No ring is full: each has a place for every
/// buffer there is.
fn deliver(
    from: &str,
    frames: impl Iterator<Item = (Packet, Verdict)>,
    to: &mut Port,
    spent: &mut Producer<'static, &'static mut [u8]>,
) -> usize {
    frames
        .map(|(frame, verdict)| match verdict {
            Ok(()) => drop(to.to_send.enqueue(frame)),
            Err(reason) => {
                defmt::warn!("{=str}: {}, {} bytes", from, reason, frame.total_len());
                drop(spent.enqueue(frame.into_buffer()));
            }
        })
        .count()
}
