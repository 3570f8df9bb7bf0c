//! What `.ci/instructions.py` counts under valgrind: instructions, which are the same on every run.
//!
//! The kernels are named, not detected, so that the counts do not depend on the machine; it needs AVX2.
#![forbid(unsafe_code)]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use vtep::arch::{Isa, Kernels};
use vtep::batch::{decap_batch, encap_batch};
use vtep::buf::{ArrayFrame, FrameBuf, InnerChecksum, TxMeta};
use vtep::checksum::Sum;
use vtep::tunnel::{
    Adjacency, EncapState, ReservedBits, Tunnel, TunnelConfig, TunnelInfo, UdpChecksum, Vtep,
};
use vtep::verdict::{DropReason, Verdict};
use vtep::wire::{EtherType, EthernetHeader, IpProtocol, Ipv4Header, MacAddr, Vni};

/// How many packets one count is of: `.ci/instructions.py` divides by it.
const COUNT: usize = 256;

struct Bench {
    frames: Vec<ArrayFrame<192>>,
    tunnel: Tunnel,
    core: EncapState,
    vtep: Vtep<'static>,
    verdicts: Vec<Verdict>,
    infos: Vec<TunnelInfo>,
}

fn kernels(isa: Isa) -> &'static Kernels {
    let named = Kernels::supported().find(|kernels| kernels.isa() == isa);
    named.unwrap_or_else(|| panic!("this machine has no {isa}"))
}

fn frame(index: u8) -> ArrayFrame<192> {
    let mut bytes = [0; 64];
    let macs = [[2, 0, 0, 0, 1, index], [2, 0, 0, 0, 2, index]].map(MacAddr::new);
    let ethernet = EthernetHeader::new(macs[0], macs[1], EtherType::IPV4);
    let mut ip =
        Ipv4Header::new([10, 0, 1, index].into(), [10, 0, 2, index].into(), IpProtocol::UDP);
    ip.set_total_len_raw(50);
    ip.set_checksum_raw(0);
    ip.set_checksum_raw(Sum::of(ip.as_bytes()).checksum());
    bytes[..14].copy_from_slice(ethernet.as_bytes());
    bytes[14..34].copy_from_slice(ip.as_bytes());
    // A UDP length, and a checksum that nobody verifies here.
    bytes[38..42].copy_from_slice(&[0, 30, 0x5a, 0x5a]);
    ArrayFrame::from_bytes_with_headroom(&bytes, 64).expect("room")
}

fn config() -> TunnelConfig {
    let next_hop =
        Adjacency::new(MacAddr::new([2, 0, 0, 0, 0, 2]), MacAddr::new([2, 0, 0, 0, 0, 1]));
    TunnelConfig::rfc7348([192, 168, 0, 10].into(), [192, 168, 0, 17].into(), next_hop)
        .vni(Vni::new(1).expect("24 bits"))
}

/// 256 frames of 64 bytes, UDP over IPv4, and one tunnel.
fn plain(isa: Isa) -> Bench {
    let kernels = kernels(isa);
    Bench {
        frames: (0..=u8::MAX).map(frame).collect(),
        tunnel: config().build().expect("a tunnel"),
        core: EncapState::predictable().kernels(kernels),
        vtep: Vtep::rfc7348().kernels(kernels),
        verdicts: vec![Err(DropReason::NoRoute); COUNT],
        infos: vec![TunnelInfo::NONE; COUNT],
    }
}

/// The same frames in VXLAN.
fn tunnelled(isa: Isa) -> Bench {
    let mut bench = plain(isa);
    for frame in &mut bench.frames {
        bench.tunnel.encap(frame, &mut bench.core).expect("room");
    }
    assert_eq!(bench.frames[0].total_len(), 114);
    bench
}

fn bytes(isa: Isa) -> (&'static Kernels, Vec<u8>) {
    (kernels(isa), vec![0x5A; 1450])
}

#[library_benchmark]
#[bench::generic(args = (Isa::Generic), setup = plain)]
fn encap(mut bench: Bench) -> Bench {
    for (frame, verdict) in bench.frames.iter_mut().zip(&mut bench.verdicts) {
        *verdict = bench.tunnel.encap(frame, &mut bench.core);
    }
    bench
}

#[library_benchmark]
#[bench::generic(args = (Isa::Generic), setup = plain)]
#[bench::avx2(args = (Isa::Avx2), setup = plain)]
fn encap_in_a_batch(mut bench: Bench) -> Bench {
    let route = |_, _: &_| Some(&bench.tunnel);
    let passed = encap_batch(&mut bench.frames, route, &mut bench.core, &mut bench.verdicts);
    assert_eq!(passed, Ok(COUNT));
    bench
}

#[library_benchmark]
#[bench::generic(args = (Isa::Generic), setup = tunnelled)]
fn decap(mut bench: Bench) -> Bench {
    let results = bench.infos.iter_mut().zip(&mut bench.verdicts);
    for (frame, (info, verdict)) in bench.frames.iter_mut().zip(results) {
        *verdict = bench.vtep.decap(frame).map(|from| *info = from);
    }
    bench
}

#[library_benchmark]
#[bench::generic(args = (Isa::Generic), setup = tunnelled)]
#[bench::avx2(args = (Isa::Avx2), setup = tunnelled)]
fn decap_in_a_batch(mut bench: Bench) -> Bench {
    let Bench { vtep, frames, infos, verdicts, .. } = &mut bench;
    assert_eq!(decap_batch(vtep, frames, Some(infos), verdicts), Ok(COUNT));
    bench
}

/// The same packets, but each is refused.
fn refused(edit: fn(&mut [u8])) -> Bench {
    let mut bench = tunnelled(Isa::Avx2);
    let vni = Vni::new(1).expect("24 bits");
    bench.vtep = bench.vtep.vni(vni).reserved_bits(ReservedBits::Reject);
    for frame in &mut bench.frames {
        edit(frame.bytes_mut());
    }
    bench
}

fn unknown_vni(packet: &mut [u8]) {
    packet[48] = 9;
}

fn reserved_bit(packet: &mut [u8]) {
    packet[49] = 1;
}

fn inner_tag(packet: &mut [u8]) {
    packet[62..64].copy_from_slice(&[0x81, 0]);
}

/// Congestion that the inner packet cannot be told: the last check of all.
fn congestion(packet: &mut [u8]) {
    packet[15] = 3;
    packet[24..26].fill(0);
    let checksum = Sum::of(&packet[14..34]).checksum();
    packet[24..26].copy_from_slice(&checksum.to_be_bytes());
}

#[library_benchmark]
#[bench::unknown_vni(args = (unknown_vni), setup = refused)]
#[bench::reserved_bit(args = (reserved_bit), setup = refused)]
#[bench::inner_tag(args = (inner_tag), setup = refused)]
#[bench::congestion(args = (congestion), setup = refused)]
fn refused_in_a_batch(mut bench: Bench) -> Bench {
    let Bench { vtep, frames, infos, verdicts, .. } = &mut bench;
    assert_eq!(decap_batch(vtep, frames, Some(infos), verdicts), Ok(0));
    bench
}

/// Frames that are vouched for, and a tunnel that sums by their headers alone.
fn vouched(isa: Isa) -> Bench {
    let mut bench = plain(isa);
    bench.tunnel = config().udp_checksum(UdpChecksum::Lco).build().expect("a tunnel");
    let tx = TxMeta::new().with_inner_checksum(InnerChecksum::Valid);
    bench.frames = bench.frames.into_iter().map(|frame| frame.with_tx_meta(tx)).collect();
    bench
}

#[library_benchmark]
#[bench::avx2(args = (Isa::Avx2), setup = vouched)]
fn lco_in_a_batch(mut bench: Bench) -> Bench {
    let route = |_, _: &_| Some(&bench.tunnel);
    let passed = encap_batch(&mut bench.frames, route, &mut bench.core, &mut bench.verdicts);
    assert_eq!(passed, Ok(COUNT));
    bench
}

#[library_benchmark]
#[bench::generic(args = (Isa::Generic), setup = bytes)]
#[bench::avx2(args = (Isa::Avx2), setup = bytes)]
fn checksum_of_1450_bytes((kernels, bytes): (&'static Kernels, Vec<u8>)) -> (Sum, Vec<u8>) {
    (black_box(kernels.sum(black_box(&bytes))), bytes)
}

library_benchmark_group!(
    name = per_packet,
    benchmarks =
        [encap, encap_in_a_batch, lco_in_a_batch, decap, decap_in_a_batch, refused_in_a_batch]
);
library_benchmark_group!(name = per_call, benchmarks = checksum_of_1450_bytes);
main!(library_benchmark_groups = [per_packet, per_call]);
