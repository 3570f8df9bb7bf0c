//! Local checksum offload: taken from the headers where they allow it, computed in full where they do not.
//!
//! Each inner packet here is spoilt in its last payload byte after its checksum was made. From the headers
//! alone the outer checksum comes out as if it were not spoilt, and so wrong; in full it comes out right.

use vtep::buf::{ArrayFrame, FrameBuf};
use vtep::tunnel::{Adjacency, EncapState, InnerVlanTx, TunnelConfig, UdpChecksum};
use vtep::wire::{
    Build, EtherType, EthernetBuilder, EthernetFrame, HeaderOptions, Icmpv4Builder, Icmpv4Message,
    Icmpv6Builder, Icmpv6Message, IpProtocol, Ipv4Builder, Ipv4Flags, Ipv4Packet, Ipv6Builder,
    MacAddr, TcpBuilder, UdpBuilder, UdpChecksumState, UdpDatagram, VlanBuilder, VlanId, VlanTag,
};

const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xb]);

fn built(packet: &impl Build) -> Vec<u8> {
    let mut bytes = vec![0; packet.len()];
    packet.build(&mut bytes).unwrap();
    bytes
}

fn spoilt(mut bytes: Vec<u8>) -> Vec<u8> {
    *bytes.last_mut().unwrap() ^= 0x55;
    bytes
}

fn ethernet(packet: impl vtep::wire::EthernetPayload) -> Vec<u8> {
    built(&EthernetBuilder::new(A, B, packet))
}

fn ipv4<P: vtep::wire::IpPayload>(payload: P) -> Ipv4Builder<P> {
    Ipv4Builder::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), payload)
}

fn ipv6<P: vtep::wire::IpPayload>(payload: P) -> Ipv6Builder<P> {
    Ipv6Builder::new("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap(), payload)
}

const PAYLOAD: &[u8] = b"an odd number of bytes.";

fn udp() -> UdpBuilder<&'static [u8]> {
    UdpBuilder::new(1234, 53, PAYLOAD)
}

const ECHO: Icmpv6Message = Icmpv6Message::EchoRequest(vtep::wire::Echo { id: 1, sequence: 2 });

/// The outer checksum's state, with the caller's promise that every inner checksum is right.
fn state(inner: &[u8], promise: bool) -> UdpChecksumState {
    let (local, remote) = ([192, 168, 0, 1].into(), [192, 168, 0, 2].into());
    let tunnel = TunnelConfig::rfc7348(local, remote, Adjacency::new(A, B))
        .udp_checksum(UdpChecksum::Lco)
        .inner_vlan(InnerVlanTx::Keep)
        .inner_checksum_valid(promise)
        .build()
        .unwrap();
    let mut frame = ArrayFrame::<2048>::from_bytes_with_headroom(inner, 50).unwrap();
    tunnel.encap(&mut frame, &mut EncapState::predictable()).unwrap();
    let ip = Ipv4Packet::parse(EthernetFrame::parse(frame.bytes()).unwrap().payload()).unwrap();
    UdpDatagram::parse(ip.payload()).unwrap().checksum_state(&ip.pseudo_header())
}

/// Taken from the headers: right for the packet as it was, wrong for what it was spoilt to.
fn from_headers(name: &str, inner: Vec<u8>) {
    assert_eq!(state(&inner, true), UdpChecksumState::Good, "{name}: whole");
    assert_eq!(state(&spoilt(inner.clone()), true), UdpChecksumState::Bad, "{name}: spoilt");
    assert_eq!(state(&spoilt(inner), false), UdpChecksumState::Good, "{name}: no promise");
}

/// Computed in full, whatever was promised.
fn in_full(name: &str, inner: Vec<u8>) {
    assert_eq!(state(&spoilt(inner), true), UdpChecksumState::Good, "{name}");
}

#[test]
fn from_the_headers_where_they_allow_it() {
    let tag = VlanTag::customer(VlanId::new(7).unwrap());
    from_headers("UDP over IPv4", ethernet(ipv4(udp())));
    from_headers("UDP over IPv6", ethernet(ipv6(udp())));
    from_headers("TCP over IPv4", ethernet(ipv4(TcpBuilder::new(1, 2, PAYLOAD))));
    from_headers("TCP over IPv6", ethernet(ipv6(TcpBuilder::new(1, 2, PAYLOAD))));
    from_headers("ICMPv6", ethernet(ipv6(Icmpv6Builder::new(ECHO, PAYLOAD))));
    from_headers("behind a tag", ethernet(VlanBuilder::new(tag, ipv4(udp()))));
}

#[test]
fn in_full_where_the_headers_do_not() {
    in_full("no inner checksum", ethernet(ipv4(udp().without_checksum())));
    in_full("first fragment", ethernet(ipv4(udp()).flags(Ipv4Flags::MORE_FRAGMENTS)));
    let options = HeaderOptions::new(&[1, 1, 1, 0]).unwrap();
    in_full("IPv4 options", ethernet(ipv4(udp()).options(options)));
    let echo = Icmpv4Message::EchoRequest(vtep::wire::Echo { id: 1, sequence: 2 });
    in_full("ICMP", ethernet(ipv4(Icmpv4Builder::new(echo, PAYLOAD))));
    let of = |protocol, payload| {
        Ipv4Builder::with_protocol([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), protocol, payload)
    };
    in_full("ICMPv6 over IPv4", ethernet(of(IpProtocol::ICMPV6, PAYLOAD)));
    in_full("TCP that is shorter than its header", ethernet(of(IpProtocol::TCP, &PAYLOAD[..19])));
    let sctp = Ipv4Builder::with_protocol(
        [10, 0, 0, 1].into(),
        [10, 0, 0, 2].into(),
        IpProtocol::SCTP,
        PAYLOAD,
    );
    in_full("SCTP", ethernet(sctp));
    let mut padded = ethernet(ipv4(udp()));
    padded.extend([0x11; 3]);
    in_full("bytes behind the IP length", padded);
    let mut padded = ethernet(ipv6(udp()));
    padded.extend([0x11; 3]);
    in_full("bytes behind the IPv6 length", padded);
    in_full("not IP", built(&EthernetBuilder::with_ethertype(A, B, EtherType(0x88b5), PAYLOAD)));
    let mut short = ethernet(ipv4(udp()));
    short[39] -= 1;
    in_full("a UDP length that is not the IP payload's", short);
}

#[test]
fn later_fragments_are_summed_in_full() {
    let mut later = ethernet(ipv4(udp()));
    later[21] = 3;
    in_full("later fragment", later);
    // A fragment header over IPv6: next header UDP, offset 8.
    let fragment = [&[17, 0, 0, 8, 0, 0, 0, 1][..], PAYLOAD].concat();
    let ip = Ipv6Builder::with_next_header(
        "fd00::1".parse().unwrap(),
        "fd00::2".parse().unwrap(),
        IpProtocol::FRAGMENT,
        &fragment[..],
    );
    in_full("IPv6 fragment", ethernet(ip));
    // The first one, of a datagram whose length is that of the fragment.
    let datagram = built(&ipv6(udp()))[40..].to_vec();
    let fragment = [&[17, 0, 0, 1, 0, 0, 0, 1][..], &datagram].concat();
    let ip = Ipv6Builder::with_next_header(
        "fd00::1".parse().unwrap(),
        "fd00::2".parse().unwrap(),
        IpProtocol::FRAGMENT,
        &fragment[..],
    );
    in_full("first IPv6 fragment", ethernet(ip));
}
