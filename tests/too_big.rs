//! The answer to a packet that exceeds the overlay's MTU.

mod common;

use std::net::IpAddr;

use vtep::buf::{ArrayFrame, FrameBuf};
use vtep::tunnel::mtu::{NoAnswer, answer_frame, answer_packet};
use vtep::tunnel::{Adjacency, Core, TunnelConfig, overlay_mtu};
use vtep::verdict::DropReason;
use vtep::wire::{
    Build, EthernetBuilder, Icmpv4Builder, Icmpv4Message, Icmpv6Packet, IpProtocol, Ipv4Builder,
    Ipv4Flags, Ipv6Builder, Ipv6Packet, MacAddr, UdpBuilder, VlanBuilder, VlanId, VlanTag,
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
    let mut frame = ArrayFrame::<2048>::copy_of(&packets[2], 100).unwrap();
    assert_eq!(tunnel.encap(&mut frame, &mut Core::default()), Err(DropReason::TooBig));
    let mut buffer = [0xa5; 600];
    let answer = answer_frame(frame.bytes(), 1450, &mut buffer).unwrap();
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
    let answer = answer_packet(&packet, IpAddr::V6(router), 1430, &mut buffer).unwrap();
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
    let answer = answer_frame(&frame, 1450, &mut buffer).unwrap();
    assert_eq!(answer[..6], A.octets());
    assert_eq!(answer[6..12], B.octets());
    assert_eq!(answer[12..18], [0x81, 0, 0, 5, 8, 0]);
    let error = answer_frame(&frame, 1450, &mut [0; 593]).unwrap_err();
    assert!(matches!(error, NoAnswer::Build(_)));
}

#[test]
fn what_is_never_answered() {
    let v4 = |source: [u8; 4], destination: [u8; 4]| {
        Ipv4Builder::new(source.into(), destination.into(), udp(1500))
            .flags(Ipv4Flags::DONT_FRAGMENT)
    };
    let (one, two) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let answer = |packet: &[u8]| answer_packet(packet, V4, 1450, &mut [0; 600]).map(|_| ());
    assert_eq!(answer(&built(&v4(one, two))), Ok(()));
    assert_eq!(answer(&[]), Err(NoAnswer::NotIp));
    assert_eq!(
        answer(&built(&v4(one, two).flags(Ipv4Flags::empty()))),
        Err(NoAnswer::MayBeFragmented)
    );
    for (source, destination) in
        [([0; 4], two), (one, [224, 0, 0, 1]), (one, [255; 4]), ([127, 0, 0, 1], two)]
    {
        assert_eq!(answer(&built(&v4(source, destination))), Err(NoAnswer::NotUnicast));
    }
    let mut fragment = built(&v4(one, two));
    fragment[7] = 1;
    assert_eq!(answer(&fragment), Err(NoAnswer::LaterFragment));
    let error = Icmpv4Builder::new(Icmpv4Message::FragmentationNeeded { mtu: 1 }, &[0; 1500][..]);
    let error = Ipv4Builder::with_protocol(one.into(), two.into(), IpProtocol::ICMPV4, error)
        .flags(Ipv4Flags::DONT_FRAGMENT);
    assert_eq!(answer(&built(&error)), Err(NoAnswer::IcmpError));
    let to_group = built(&EthernetBuilder::new(MacAddr::BROADCAST, A, v4(one, two)));
    assert_eq!(answer_frame(&to_group, 1450, &mut [0; 600]).unwrap_err(), NoAnswer::NotUnicast);
}
