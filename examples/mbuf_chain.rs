//! Encap and decap on chained buffers with metadata, as DPDK's mbufs are.
//!
//! A frame's head is in its first segment; the rest may follow in others. The burst holds pointers
//! to the first mbuf, so prefetch has two stages. What the NIC reports of a frame, its RSS hash and
//! which checksums it found good, is used, not computed again.

use std::time::{Duration, Instant};

use clap::Parser;
use vtep::arch::prefetch;
use vtep::batch::{decap_batch, encap_batch};
use vtep::buf::{FrameBuf, FrameMeta, InnerChecksum, NicChecksum, RxMeta, TxMeta};
use vtep::tunnel::{Adjacency, EncapState, TunnelConfig, UdpChecksum, Vtep};
use vtep::verdict::{DropCounters, DropReason, Verdict};
use vtep::wire::{Build, EthernetBuilder, Ipv4Builder, MacAddr, UdpBuilder, Vni};

/// `RTE_PKTMBUF_HEADROOM`, and the bytes of a segment after it.
const HEADROOM: usize = 128;
const DATAROOM: usize = 512;

/// One segment of a frame; the first one speaks for all.
struct Mbuf {
    buffer: [u8; HEADROOM + DATAROOM],
    /// Where this segment's data begins, and how long it is.
    start: usize,
    len: usize,
    /// The frame's length, all segments together.
    total: usize,
    /// In DPDK this is in the private area of the mbuf (`rte_pktmbuf_priv_size`).
    meta: FrameMeta,
    next: Option<Box<Mbuf>>,
}

impl Mbuf {
    /// A chain of segments with these bytes in them.
    fn chain(bytes: &[u8]) -> Box<Self> {
        let (head, rest) = bytes.split_at(bytes.len().min(DATAROOM));
        let mut buffer = [0; HEADROOM + DATAROOM];
        buffer[HEADROOM..HEADROOM + head.len()].copy_from_slice(head);
        Box::new(Self {
            buffer,
            start: HEADROOM,
            len: head.len(),
            total: bytes.len(),
            meta: FrameMeta::default(),
            next: (!rest.is_empty()).then(|| Self::chain(rest)),
        })
    }

    fn to_vec(&self) -> Vec<u8> {
        let mut bytes = self.buffer[self.start..self.start + self.len].to_vec();
        let mut next = &self.next;
        while let Some(segment) = next {
            bytes.extend(&segment.buffer[segment.start..segment.start + segment.len]);
            next = &segment.next;
        }
        bytes
    }
}

/// What a burst holds: `struct rte_mbuf *`.
struct Pointer(Box<Mbuf>);

impl FrameBuf for Pointer {
    fn bytes(&self) -> &[u8] {
        &self.0.buffer[self.0.start..self.0.start + self.0.len]
    }

    fn split_headroom(&mut self) -> (&mut [u8], &mut [u8]) {
        let mbuf = &mut *self.0;
        mbuf.buffer[..mbuf.start + mbuf.len].split_at_mut(mbuf.start)
    }

    fn push_front(&mut self, count: usize) -> Verdict {
        let mbuf = &mut *self.0;
        mbuf.start = mbuf.start.checked_sub(count).ok_or(DropReason::NoHeadroom)?;
        mbuf.len += count;
        mbuf.total += count;
        Ok(())
    }

    fn pull_front(&mut self, count: usize) -> Verdict {
        let mbuf = &mut *self.0;
        mbuf.len = mbuf.len.checked_sub(count).ok_or(DropReason::NotLinear)?;
        mbuf.start += count;
        mbuf.total -= count;
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.0.total = self.0.total.min(len);
        let mut left = self.0.total;
        let mut segment = Some(&mut self.0);
        while let Some(mbuf) = segment {
            mbuf.len = mbuf.len.min(left);
            left -= mbuf.len;
            if left == 0 {
                mbuf.next = None;
            }
            segment = mbuf.next.as_mut();
        }
    }

    fn total_len(&self) -> usize {
        self.0.total
    }

    fn prefetch_descriptor(&self) {
        let mbuf: *const Mbuf = &*self.0;
        // Start, lengths and metadata follow the data here.
        prefetch(mbuf.wrapping_add(1).cast::<u8>().wrapping_sub(64));
    }

    fn prefetch(&self, headroom: usize) {
        let front = self.0.buffer.as_ptr().wrapping_add(self.0.start).wrapping_sub(headroom);
        prefetch(front);
        prefetch(front.wrapping_add(64));
    }

    fn meta(&mut self) -> Option<&mut FrameMeta> {
        Some(&mut self.0.meta)
    }
}

impl Pointer {
    /// What a receive function does for a frame from a container: RSS, and the inner checksum found
    /// good (`RTE_MBUF_F_RX_L4_CKSUM_GOOD`).
    fn received_inside(&mut self, rss: u32) {
        let tx = TxMeta::new().with_inner_checksum(InnerChecksum::Valid).with_flow_hash(rss);
        self.0.meta.set_tx(tx);
    }

    /// What it does for a frame from the underlay: both outer checksums found good.
    fn received_outside(&mut self) {
        let good = NicChecksum::Good;
        self.0.meta.set_rx(RxMeta::new().with_ip_checksum(good).with_udp_checksum(good));
    }
}

/// Encap and decap of frames in chained buffers.
#[derive(Parser)]
#[command(name = "mbuf_chain")]
struct Arguments {
    /// How many bursts to send.
    #[arg(long, default_value_t = 2_000)]
    bursts: u32,
    /// The UDP payload of the inner frames, in bytes: from 471 on a frame has a second segment.
    #[arg(long, default_value_t = 1_408, value_parser = clap::value_parser!(u16).range(..=9_000))]
    payload: u16,
}

/// The frames of a burst.
const BURST: usize = 32;

/// A burst of frames from 10.1.15.2 to 10.1.17.3, each of another flow.
fn burst(payload: usize) -> Vec<Pointer> {
    let payload = vec![0x5a; payload];
    let mac = |last| MacAddr::new([2, 0, 0, 0, 1, last]);
    let frame = |port: u16| {
        let udp = UdpBuilder::new(port, 53, payload.as_slice());
        let ip = Ipv4Builder::new([10, 1, 15, 2].into(), [10, 1, 17, 3].into(), udp);
        let frame = EthernetBuilder::new(mac(1), mac(2), ip);
        let mut buffer = vec![0; frame.len()];
        frame.build(&mut buffer).expect("as long as it says");
        Pointer(Mbuf::chain(&buffer))
    };
    (0..BURST as u16).map(|flow| frame(20_000 + flow)).collect()
}

fn report(way: &str, counters: &DropCounters, frames: u64, time: Duration) {
    let rate = frames as f64 / time.as_secs_f64() / 1e6;
    println!("{way}: {} passed, {rate:.1} million/s", counters.passed());
    for (reason, count) in counters {
        println!("  {reason}: {count}");
    }
}

fn main() {
    let arguments = Arguments::parse();
    let mac = |last| MacAddr::new([2, 0, 0, 0, 0, last]);
    let (local, remote) = ([192, 168, 0, 10].into(), [192, 168, 0, 17].into());
    let tunnel = TunnelConfig::rfc7348(local, remote, Adjacency::new(mac(17), mac(10)))
        .vni(Vni::new(1).expect("24 bits"))
        .udp_checksum(UdpChecksum::Lco)
        .build()
        .expect("both ends are IPv4");
    let mut core = EncapState::predictable();
    let vtep = Vtep::rfc7348();

    let mut frames = burst(usize::from(arguments.payload));
    let before: Vec<_> = frames.iter().map(|frame| frame.0.to_vec()).collect();
    let (mut sent, mut received) = (DropCounters::ZERO, DropCounters::ZERO);
    let (mut encap_time, mut decap_time) = (Duration::ZERO, Duration::ZERO);
    let mut verdicts = [Ok(()); BURST];
    for _ in 0..arguments.bursts {
        for (index, frame) in frames.iter_mut().enumerate() {
            frame.received_inside((index as u32).wrapping_mul(0x9E37_79B9));
        }
        let start = Instant::now();
        encap_batch(&mut frames, |_, _| Some(&tunnel), &mut core, &mut verdicts)
            .expect("a verdict for each");
        encap_time += start.elapsed();
        sent.count_all(&verdicts);

        frames.iter_mut().for_each(Pointer::received_outside);
        let start = Instant::now();
        decap_batch(&vtep, &mut frames, None, &mut verdicts).expect("a verdict for each");
        decap_time += start.elapsed();
        received.count_all(&verdicts);
    }
    let after: Vec<_> = frames.iter().map(|frame| frame.0.to_vec()).collect();
    assert_eq!(before, after, "what was put in came out");
    let count = u64::from(arguments.bursts) * BURST as u64;
    report("encap", &sent, count, encap_time);
    report("decap", &received, count, decap_time);
}
