//! Encap against bytes that others computed.

use std::net::IpAddr;

use vtep::buf::{Frame, FrameBuf};
use vtep::tunnel::{Adjacency, Df, EncapState, IpId, SourcePorts, TunnelConfig, UdpChecksum};
use vtep::wire::{MacAddr, Vni};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// UDP 1234 -> 53 "ping" between 10.1.15.2 and 10.1.17.3, between two VTEPs' MAC addresses.
fn inner() -> Vec<u8> {
    hex(
        "c6d2326f8f44 027711aa33bc 0800 45000020000040003f1107c70a010f020a011103 04d20035000ce7f7 70696e67",
    )
}

fn config(local: &str, remote: &str) -> TunnelConfig {
    let (local, remote): (IpAddr, IpAddr) = (local.parse().unwrap(), remote.parse().unwrap());
    let adjacency =
        Adjacency::new(MacAddr::new([2, 0, 0, 0, 0, 2]), MacAddr::new([2, 0, 0, 0, 0, 1]));
    TunnelConfig::rfc7348(local, remote, adjacency)
        .vni(Vni::new(1).unwrap())
        .port(8472)
        .source_ports(SourcePorts::inclusive(53_522, 53_522).unwrap())
}

fn encap(config: &TunnelConfig, inner: &[u8]) -> Vec<u8> {
    // What the headroom held does not show.
    let mut buffer = [0xa5; 256];
    let range = 88..88 + inner.len();
    buffer[range.clone()].copy_from_slice(inner);
    let mut frame = Frame::new(buffer, range).unwrap();
    config.build().unwrap().encap(&mut frame, &mut EncapState::predictable()).unwrap();
    frame.bytes().to_vec()
}

#[test]
fn over_ipv4() {
    let want = hex("020000000002 020000000001 0800
         45000052000040004011b92fc0a8000ac0a80011 d1122118003e0000 0800000000000100");
    let config = config("192.168.0.10", "192.168.0.17");
    assert_eq!(encap(&config, &inner()), [want.clone(), inner()].concat());
    let mut summed = want;
    summed[40..42].copy_from_slice(&[0xde, 0x9b]);
    for checksum in [UdpChecksum::Full, UdpChecksum::Lco] {
        let config = config.clone().udp_checksum(checksum).inner_checksum_valid(true);
        assert_eq!(encap(&config, &inner()), [summed.clone(), inner()].concat());
    }
}

#[test]
fn over_ipv6() {
    let want = hex("020000000002 020000000001 86dd
         60000000003e1140 20010db800000000000000000000000a 20010db8000000000000000000000011
         d1122118003e047b 0800000000000100");
    let config = config("2001:db8::a", "2001:db8::11");
    assert_eq!(encap(&config, &inner()), [want.clone(), inner()].concat());
    let config = config.udp_checksum(UdpChecksum::Lco).inner_checksum_valid(true);
    assert_eq!(encap(&config, &inner()), [want, inner()].concat());
}

#[test]
fn an_ip_packet_as_flannel_sends_it() {
    // The same bytes, but that the inner Ethernet header comes from the tunnel.
    let vteps = inner();
    let mac = |at: usize| MacAddr::new(vteps[at..at + 6].try_into().unwrap());
    for (local, remote) in [("192.168.0.10", "192.168.0.17"), ("2001:db8::a", "2001:db8::11")] {
        for checksum in [UdpChecksum::Full, UdpChecksum::Lco] {
            let frames = config(local, remote).udp_checksum(checksum).inner_checksum_valid(true);
            let packets = frames.clone().inner_ethernet(mac(0), mac(6));
            assert_eq!(encap(&packets, &inner()[14..]), encap(&frames, &inner()));
        }
    }
}

#[test]
fn a_captured_packet_of_tcpdump() {
    // tests/vxlan.pcap, packet 1, whose inner frame begins with these bytes and is 98 bytes long.
    let mut inner = hex("00308801000200163e37f6040800");
    inner.resize(98, 0);
    let want = hex("00163e0871cf36dc851eb3400800 45000086d2c0400040115152c0a8cb01c0a8ca01
         b05d12b500720000 0800000000006400");
    let adjacency =
        Adjacency::new("00:16:3e:08:71:cf".parse().unwrap(), "36:dc:85:1e:b3:40".parse().unwrap());
    let local = "192.168.203.1".parse().unwrap();
    let config = TunnelConfig::rfc7348(local, "192.168.202.1".parse().unwrap(), adjacency)
        .vni(Vni::new(100).unwrap())
        .source_ports(SourcePorts::inclusive(45_149, 45_149).unwrap())
        .df(Df::Set)
        .ip_id(IpId::Fixed(0xd2c0));
    assert_eq!(encap(&config, &inner)[..50], want);
}
