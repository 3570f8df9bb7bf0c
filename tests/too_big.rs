//! The answer to a packet that exceeds the overlay's MTU.

mod common;

use std::net::IpAddr;

use vtep::buf::{ArrayFrame, FrameBuf};
use vtep::tunnel::mtu::{IcmpSuppressed, icmp_too_big_frame, icmp_too_big_packet};
use vtep::tunnel::{Adjacency, EncapState, TunnelConfig, overlay_mtu};
use vtep::verdict::DropReason;
use vtep::wire::{
    Build, Echo, EtherType, EthernetBuilder, Icmpv4Builder, Icmpv4Message, Icmpv6Builder,
    Icmpv6Message, Icmpv6Packet, IpProtocol, Ipv4Builder, Ipv4Flags, Ipv6Builder, Ipv6Packet,
    MacAddr, UdpBuilder, VlanBuilder, VlanId, VlanTag,
};

const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 50, 2));
const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xb]);

#[test]
fn overlay_mtus_are_the_kernels() {
    assert_eq!([overlay_mtu(1500, V4, 0), overlay_mtu(1500, V6, 0)], [1450, 1430]);
    assert_eq!([overlay_mtu(9000, V4, 0), overlay_mtu(1550, V4, 0)], [8950, 1500]);
    assert_eq!([overlay_mtu(1500, V4, 1), overlay_mtu(1500, V6, 1)], [1446, 1426]);
    assert_eq!([overlay_mtu(50, V4, 0), overlay_mtu(49, V4, 0), overlay_mtu(0, V6, 255)], [0; 3]);
}

#[test]
fn the_kernels_own_answer() {
    // Packet 3 is a pod's ping of 1500 bytes with DF, packet 4 the answer of the bridged vxlan port.
    let packets = common::packets("l2_pmtud_icmp_from_bridged_vxlan");
    let tunnel = TunnelConfig::linux(V4, V4, Adjacency::new(A, B)).mtu(1450).build().unwrap();
    let mut frame = ArrayFrame::<2048>::from_bytes_with_headroom(&packets[2], 100).unwrap();
    assert_eq!(tunnel.encap(&mut frame, &mut EncapState::predictable()), Err(DropReason::TooBig));
    let mut buffer = [0xa5; 600];
    let answer = icmp_too_big_frame(frame.bytes(), 1450, &mut buffer).unwrap();
    assert_eq!(answer, packets[3]);
    assert_eq!(buffer[590..], [0xa5; 10]);
}

fn udp(len: usize) -> UdpBuilder<&'static [u8]> {
    UdpBuilder::new(1, 2, &[7; 2000][..len])
}

fn built(packet: &impl Build) -> Vec<u8> {
    let mut bytes = vec![0; packet.len()];
    packet.build(&mut bytes).unwrap();
    bytes
}

#[test]
fn packet_too_big_over_ipv6() {
    let (source, destination) = ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap());
    let router = "fd00::ff".parse().unwrap();
    let packet = built(&Ipv6Builder::new(source, destination, udp(1500)));
    let mut buffer = [0; 1280];
    let answer = icmp_too_big_packet(&packet, IpAddr::V6(router), 1430, &mut buffer).unwrap();
    assert_eq!(answer.len(), 1280);
    let parsed = Ipv6Packet::parse(answer).unwrap();
    assert_eq!((parsed.header().source(), parsed.header().destination()), (router, source));
    let icmp = Icmpv6Packet::parse(parsed.payload()).unwrap();
    assert_eq!(parsed.payload()[..2], [2, 0]);
    assert_eq!(parsed.payload()[4..8], [0, 0, 0x05, 0x96]);
    assert!(icmp.is_checksum_valid(&parsed.pseudo_header().unwrap()));
    assert_eq!(icmp.payload(), &packet[..1232]);
}

#[test]
fn tags_go_back_with_the_frame() {
    let tag = VlanTag::customer(VlanId::new(5).unwrap());
    let ip = Ipv4Builder::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), udp(1500))
        .flags(Ipv4Flags::DONT_FRAGMENT);
    let frame = built(&EthernetBuilder::new(B, A, VlanBuilder::new(tag, ip)));
    let mut buffer = [0; 600];
    let answer = icmp_too_big_frame(&frame, 1450, &mut buffer).unwrap();
    assert_eq!(answer[..6], A.octets());
    assert_eq!(answer[6..12], B.octets());
    assert_eq!(answer[12..18], [0x81, 0, 0, 5, 8, 0]);
    let error = icmp_too_big_frame(&frame, 1450, &mut [0; 593]).unwrap_err();
    assert!(matches!(error, IcmpSuppressed::Build(_)));
}

#[test]
fn what_is_never_answered() {
    let v4 = |source: [u8; 4], destination: [u8; 4]| {
        Ipv4Builder::new(source.into(), destination.into(), udp(1500))
            .flags(Ipv4Flags::DONT_FRAGMENT)
    };
    let (one, two) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let answer = |packet: &[u8]| icmp_too_big_packet(packet, V4, 1450, &mut [0; 600]).map(|_| ());
    assert_eq!(answer(&built(&v4(one, two))), Ok(()));
    assert_eq!(answer(&[]), Err(IcmpSuppressed::NotIp));
    assert_eq!(
        answer(&built(&v4(one, two).flags(Ipv4Flags::empty()))),
        Err(IcmpSuppressed::MayBeFragmented)
    );
    for (source, destination) in
        [([0; 4], two), (one, [224, 0, 0, 1]), (one, [255; 4]), ([127, 0, 0, 1], two)]
    {
        assert_eq!(answer(&built(&v4(source, destination))), Err(IcmpSuppressed::NotUnicast));
    }
    let mut fragment = built(&v4(one, two));
    fragment[7] = 1;
    assert_eq!(answer(&fragment), Err(IcmpSuppressed::LaterFragment));
    let error = Icmpv4Builder::new(Icmpv4Message::FragmentationNeeded { mtu: 1 }, &[0; 1500][..]);
    let error = Ipv4Builder::with_protocol(one.into(), two.into(), IpProtocol::ICMPV4, error)
        .flags(Ipv4Flags::DONT_FRAGMENT);
    assert_eq!(answer(&built(&error)), Err(IcmpSuppressed::IcmpError));
    let to_group = built(&EthernetBuilder::new(MacAddr::BROADCAST, A, v4(one, two)));
    assert_eq!(
        icmp_too_big_frame(&to_group, 1450, &mut [0; 600]).unwrap_err(),
        IcmpSuppressed::NotUnicast
    );
}

fn v6(source: &str, destination: &str) -> Ipv6Builder<UdpBuilder<&'static [u8]>> {
    Ipv6Builder::new(source.parse().unwrap(), destination.parse().unwrap(), udp(1500))
}

#[test]
fn a_frame_with_ipv6_is_answered_as_from_its_destination() {
    let ip = v6("fd00::1", "fd00::2");
    let packet = built(&ip);
    let frame = built(&EthernetBuilder::new(B, A, ip));
    let mut buffer = [0; 1300];
    let answer = icmp_too_big_frame(&frame, 1430, &mut buffer).unwrap();
    assert_eq!(answer[..14], [&A.octets()[..], &B.octets(), &[0x86, 0xdd]].concat());
    let parsed = Ipv6Packet::parse(&answer[14..]).unwrap();
    let addresses = (parsed.header().source(), parsed.header().destination());
    assert_eq!(addresses, ("fd00::2".parse().unwrap(), "fd00::1".parse().unwrap()));
    assert_eq!(parsed.payload()[8..], packet[..1232]);
    // ARP is not IP.
    let arp = EthernetBuilder::with_ethertype(B, A, EtherType::ARP, &[0; 28][..]);
    assert_eq!(
        icmp_too_big_frame(&built(&arp), 1430, &mut buffer).unwrap_err(),
        IcmpSuppressed::NotIp
    );
    let mut from_group = frame;
    from_group[6] |= 1;
    assert_eq!(
        icmp_too_big_frame(&from_group, 1430, &mut buffer).unwrap_err(),
        IcmpSuppressed::NotUnicast
    );
}

#[test]
fn two_tags_go_back_too() {
    let tag = |id| VlanTag::customer(VlanId::new(id).unwrap());
    let inner = VlanBuilder::new(tag(6), v6("fd00::1", "fd00::2"));
    let frame = built(&EthernetBuilder::new(B, A, VlanBuilder::new(tag(5), inner)));
    let mut buffer = [0; 1302];
    let answer = icmp_too_big_frame(&frame, 1430, &mut buffer).unwrap();
    assert_eq!(answer[12..22], [0x81, 0, 0, 5, 0x81, 0, 0, 6, 0x86, 0xdd]);
    assert_eq!(answer.len(), 1302);
}

/// RFC 4443 section 2.4 (e): no error for an error, but one for an echo request, and none to a source that is
/// no host.
#[test]
fn what_is_never_answered_over_ipv6() {
    let router: IpAddr = "fd00::ff".parse().unwrap();
    let answer = |packet: &[u8]| {
        icmp_too_big_packet(packet, router, 1430, &mut [0; 1280]).map(|answer| answer.to_vec())
    };
    let message = |message| {
        let (source, destination) = ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap());
        let icmp = Icmpv6Builder::new(message, &[0; 1500][..]);
        built(&Ipv6Builder::new(source, destination, icmp))
    };
    assert!(answer(&message(Icmpv6Message::EchoRequest(Echo { id: 1, sequence: 1 }))).is_ok());
    let error = message(Icmpv6Message::PacketTooBig { mtu: 1280 });
    assert_eq!(answer(&error), Err(IcmpSuppressed::IcmpError));
    for type_ in [127, 128] {
        let mut other = message(Icmpv6Message::PacketTooBig { mtu: 1280 });
        other[40] = type_;
        assert_eq!(answer(&other).is_ok(), type_ == 128);
    }
    for source in ["::", "::1", "ff02::1"] {
        assert_eq!(
            answer(&built(&v6(source, "fd00::2"))),
            Err(IcmpSuppressed::NotUnicast),
            "{source}"
        );
    }
    // To a group it is answered, with an address of one's own.
    assert_eq!(answer(&built(&v6("fd00::1", "ff02::1"))).unwrap()[23], 0xff);
    // Each fragment is a packet, and a router answers one that exceeds the MTU (RFC 4443 section 3.2).
    for offset in [0, 8] {
        let fragment = [&[17, 0, 0, offset | 1, 0, 0, 0, 1][..], &[7; 1500]].concat();
        let packet = Ipv6Builder::with_next_header(
            "fd00::1".parse().unwrap(),
            "fd00::2".parse().unwrap(),
            IpProtocol::FRAGMENT,
            &fragment[..],
        );
        assert!(answer(&built(&packet)).is_ok(), "{offset}");
    }
}

/// RFC 1122 section 3.2.2: no ICMP error for an ICMP error; RFC 792 and RFC 1256 have the queries.
#[test]
fn queries_of_icmp_are_answered() {
    let mut packet = built(
        &Ipv4Builder::with_protocol(
            [10, 0, 0, 1].into(),
            [10, 0, 0, 2].into(),
            IpProtocol::ICMPV4,
            &[0; 1500][..],
        )
        .flags(Ipv4Flags::DONT_FRAGMENT),
    );
    for kind in 0..=18 {
        packet[20] = kind;
        let answer =
            icmp_too_big_packet(&packet, V4, 1450, &mut [0; 600]).map(|answer| answer.len());
        match kind {
            3 | 4 | 5 | 11 | 12 => assert_eq!(answer, Err(IcmpSuppressed::IcmpError), "{kind}"),
            0 | 8 | 9 | 10 | 13 | 14 => assert_eq!(answer, Ok(576), "{kind}"),
            _ => {}
        }
    }
    // From the router where it has an address of the family, else as from the destination.
    let mut buffer = [0; 600];
    packet[20] = 8;
    assert_eq!(
        icmp_too_big_packet(&packet, V4, 1450, &mut buffer).unwrap()[12..16],
        [192, 168, 50, 2]
    );
    assert_eq!(icmp_too_big_packet(&packet, V6, 1450, &mut buffer).unwrap()[12..16], [10, 0, 0, 2]);
}
