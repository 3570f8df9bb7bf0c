//! Inner frames, and the crate's side of the job.

use vtep::arch::Kernels;
use vtep::checksum::Sum;
use vtep::tunnel::{Adjacency, InnerVlanRx, Tunnel, TunnelConfig, UdpChecksumPolicy, Vtep};
use vtep::wire::{MacAddr, Vni};

use crate::job::Outer;

pub const OUTER: Outer = Outer {
    next_hop: [2, 0, 0, 0, 0, 2],
    source_mac: [2, 0, 0, 0, 0, 1],
    local: std::net::Ipv4Addr::new(192, 168, 0, 10),
    remote: std::net::Ipv4Addr::new(192, 168, 0, 17),
    vni: 0x12_3456,
};

/// The crate's tunnel to the same end.
pub fn tunnel() -> Tunnel {
    let next_hop = Adjacency::new(MacAddr::new(OUTER.next_hop), MacAddr::new(OUTER.source_mac));
    TunnelConfig::rfc7348(OUTER.local.into(), OUTER.remote.into(), next_hop)
        .vni(Vni::new(OUTER.vni).expect("24 bits"))
        .build()
        .expect("a tunnel")
}

/// A receiver that asks no more than the job: no UDP checksum, no word on inner tags.
pub fn vtep() -> Vtep<'static> {
    Vtep::rfc7348()
        .udp_checksum(UdpChecksumPolicy::Accept)
        .inner_vlan(InnerVlanRx::Keep)
        .kernels(Kernels::detect())
}

/// What sets one inner packet apart from another.
#[derive(Clone, Copy)]
pub struct Flow {
    pub protocol: u8,
    pub class: u8,
    /// Flags and fragment offset.
    pub fragment: u16,
}

/// Makes all of `frame` an IPv4 packet with random addresses, ports and payload behind an Ethernet header.
pub fn write(frame: &mut [u8], flow: Flow, random: &mut fastrand::Rng) {
    let len = u16::try_from(frame.len() - 14).expect("a frame's length");
    random.fill(frame);
    frame[0] &= !1;
    frame[12..16].copy_from_slice(&[0x08, 0x00, 0x45, flow.class]);
    frame[16..18].copy_from_slice(&len.to_be_bytes());
    frame[20..22].copy_from_slice(&flow.fragment.to_be_bytes());
    frame[23] = flow.protocol;
    frame[38..40].copy_from_slice(&(len - 20).to_be_bytes());
    fill_checksum(&mut frame[14..34]);
}

/// Fills in the checksum of an IPv4 header.
pub fn fill_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    let checksum = Sum::of(header).checksum();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
}
