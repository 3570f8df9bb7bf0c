//! The outer source port of a flow: every field of the flow has a part in it, and the ports are used evenly.

use std::collections::BTreeSet;

use vtep::buf::{ArrayFrame, FrameBuf, HEADROOM_MAX};
use vtep::tunnel::{Adjacency, EncapState, TunnelConfig};
use vtep::wire::{
    Build, EtherType, EthernetBuilder, IpProtocol, Ipv4Builder, Ipv6Builder, MacAddr,
};

const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xb]);
const ETHERNET: usize = 14;

fn built(packet: &impl Build) -> Vec<u8> {
    let mut bytes = vec![0; packet.len()];
    packet.build(&mut bytes).unwrap();
    bytes
}

/// The source port that encap gives to these frames.
fn ports(frames: impl Iterator<Item = Vec<u8>>) -> Vec<u16> {
    let (local, remote) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
    let tunnel = TunnelConfig::linux(local, remote, Adjacency::new(A, B)).build().unwrap();
    let port = |inner: Vec<u8>| {
        let mut frame = ArrayFrame::<256>::from_bytes_with_headroom(&inner, HEADROOM_MAX).unwrap();
        tunnel.encap(&mut frame, &mut EncapState::predictable()).unwrap();
        u16::from_be_bytes([frame.bytes()[34], frame.bytes()[35]])
    };
    frames.map(port).collect()
}

/// `frame` with each of these bits turned over, one at a time.
fn with_bits(frame: &[u8], bits: impl Iterator<Item = usize>) -> impl Iterator<Item = Vec<u8>> {
    bits.map(|bit| {
        let mut changed = frame.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    })
}

/// Every bit of these bytes of the frame takes it to another port.
fn every_bit_counts(frame: &[u8], bytes: std::ops::Range<usize>) {
    let own = ports([frame.to_vec()].into_iter())[0];
    let others = ports(with_bits(frame, bytes.start * 8..bytes.end * 8));
    // Of 28,231 ports two may be the same by chance, but not four.
    let same = others.iter().filter(|port| **port == own).count();
    let distinct = others.iter().collect::<BTreeSet<_>>().len();
    assert!(same < 2 && distinct + 3 > others.len(), "{bytes:?}: {same} {distinct}");
}

fn v4(protocol: IpProtocol) -> Vec<u8> {
    let (source, destination) = ([10, 5, 1, 1].into(), [10, 5, 2, 1].into());
    let packet = Ipv4Builder::with_protocol(source, destination, protocol, &[0x5a; 20][..]);
    built(&EthernetBuilder::new(A, B, packet))
}

fn v6(protocol: IpProtocol) -> Vec<u8> {
    let (source, destination) = ("fd00:5:1::1".parse().unwrap(), "fd00:5:2::1".parse().unwrap());
    let packet = Ipv6Builder::with_next_header(source, destination, protocol, &[0x5a; 20][..]);
    built(&EthernetBuilder::new(A, B, packet))
}

#[test]
fn addresses_and_ports_count() {
    every_bit_counts(&v4(IpProtocol::UDP), ETHERNET + 12..ETHERNET + 24);
    every_bit_counts(&v6(IpProtocol::TCP), ETHERNET + 8..ETHERNET + 44);
}

#[test]
fn the_protocol_counts() {
    let of_protocol = |frame: fn(IpProtocol) -> Vec<u8>| {
        let protocols = [IpProtocol::TCP, IpProtocol::UDP, IpProtocol::SCTP, IpProtocol(132 + 1)];
        ports(protocols.into_iter().map(frame)).into_iter().collect::<BTreeSet<_>>().len()
    };
    assert_eq!((of_protocol(v4), of_protocol(v6)), (4, 4));
}

#[test]
fn mac_addresses_count_where_there_is_no_ip() {
    let frame = built(&EthernetBuilder::with_ethertype(A, B, EtherType::ARP, &[0; 28][..]));
    every_bit_counts(&frame, 0..12);
}

#[test]
fn ports_are_used_evenly() {
    let flows = (0..4096_u16).map(|flow| {
        let mut frame = v4(IpProtocol::UDP);
        frame[ETHERNET + 20..][..2].copy_from_slice(&flow.to_be_bytes());
        frame
    });
    // Linux's 28,231 ports from 32768 on, in quarters: 1024 of the flows each, give or take 6 deviations.
    let mut quarters = [0; 4];
    let ports = ports(flows);
    // Of that many balls in so many boxes 3,811 fall into a box of their own or are the first there.
    let distinct = ports.iter().collect::<BTreeSet<_>>().len();
    assert!((3700..3950).contains(&distinct), "{distinct}");
    for port in ports {
        quarters[usize::from((port - 32_768) / 7058)] += 1;
    }
    assert!(quarters.iter().all(|flows| (850..1200).contains(flows)), "{quarters:?}");
}

/// TOS, TTL and the like are no part of a flow, nor are the first bytes of ICMP.
#[test]
fn nothing_else_counts() {
    let same = |frame: Vec<u8>, bytes: &[usize]| {
        let own = ports([frame.clone()].into_iter())[0];
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte * 8 + bit));
        ports(with_bits(&frame, bits)).into_iter().for_each(|port| assert_eq!(port, own));
    };
    let ip = ETHERNET;
    same(v4(IpProtocol::UDP), &[0, 6, ip + 1, ip + 4, ip + 5, ip + 8, ip + 10, ip + 24, ip + 25]);
    same(v4(IpProtocol::ICMPV4), &[ip + 20, ip + 21, ip + 22, ip + 23]);
    same(v6(IpProtocol::UDP), &[0, 6, ip + 1, ip + 2, ip + 3, ip + 7, ip + 44, ip + 45]);
    same(v6(IpProtocol::ICMPV6), &[ip + 40, ip + 41, ip + 42, ip + 43]);
}

/// A datagram of SCTP, as its header claims, with no payload: what follows its total length of 22 bytes is padding.
const PADDED: &str = "020000000001020000000002080045db0016657e0000ff8440090a0000000a0001026b1b07cb5174342eee8392d0f24df65cf7";

#[test]
fn padding_has_no_part_in_a_flow() {
    let digit = |digit: u8| (digit as char).to_digit(16).unwrap() as u8;
    let padded: Vec<u8> =
        PADDED.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    let with_tag = |frame: &[u8]| [&frame[..12], &[0x81, 0, 0, 5], &frame[12..]].concat();
    let own = ports([padded.clone()].into_iter())[0];
    let end = ETHERNET + 22;
    for frame in with_bits(&padded, end * 8..padded.len() * 8).chain([padded[..end].to_vec()]) {
        assert_eq!(ports([frame.clone(), with_tag(&frame)].into_iter()), [own, own]);
    }
    // Two ports that are both within the packet count again.
    let mut longer = padded;
    longer[ETHERNET + 3] = 24;
    every_bit_counts(&longer, ETHERNET + 20..ETHERNET + 24);
    longer[ETHERNET + 3] = 23;
    assert_eq!(ports([longer].into_iter()), [own]);
}
