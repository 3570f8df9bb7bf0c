//! Known faults of other implementations of these headers, each held by a test of its own. The
//! manual's chapter "others" names them.

mod common;

use vtep::wire::{
    Build, EthernetBuilder, EthernetFrame, HeaderOptions, IpProtocol, Ipv4Builder, Ipv4Flags,
    Ipv4Header, Ipv4Packet, Ipv6Packet, Layer, MacAddr, ParseError, PseudoHeader, TcpSegment,
    TrafficClass, UdpBuilder, UdpChecksumState, UdpDatagram, Vni, VxlanFrame,
};

/// tcpdump tests/vxlan.pcap, packet 1: the outer IPv4 header.
const IPV4: [u8; 20] = [
    0x45, 0x00, 0x00, 0x86, 0xd2, 0xc0, 0x40, 0x00, 0x40, 0x11, 0x51, 0x52, 0xc0, 0xa8, 0xcb, 0x01,
    0xc0, 0xa8, 0xca, 0x01,
];

/// UDP 1234 -> 53, "ping", from 10.1.15.2 to 10.1.17.3, in IPv4 in Ethernet: 46 bytes.
const PING: [u8; 46] = [
    0xc6, 0xd2, 0x32, 0x6f, 0x8f, 0x44, 0x02, 0x77, 0x11, 0xaa, 0x33, 0xbc, 0x08, 0x00, 0x45, 0x00,
    0x00, 0x20, 0x00, 0x00, 0x40, 0x00, 0x3f, 0x11, 0x07, 0xc7, 0x0a, 0x01, 0x0f, 0x02, 0x0a, 0x01,
    0x11, 0x03, 0x04, 0xd2, 0x00, 0x35, 0x00, 0x0c, 0xe7, 0xf7, 0x70, 0x69, 0x6e, 0x67,
];

/// Returns `header` and a payload, as long as its total length says.
fn datagram(header: &[u8]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    bytes.resize(usize::from(u16::from_be_bytes([header[2], header[3]])), 0x11);
    bytes
}

#[test]
fn pnet_a_computed_udp_checksum_of_zero_is_sent_as_ones() {
    // "ping" has the checksum e7f7. Two more bytes add 2 to both lengths, so e7f7 - 4 brings the
    // sum to all ones and the checksum to 0.
    let payload = [b'p', b'i', b'n', b'g', 0xe7, 0xf3];
    let (source, destination) = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
    let mut out = [0; 34];
    let udp = UdpBuilder::new(1234, 53, &payload[..]);
    Ipv4Builder::new(source, destination, udp).build(&mut out).unwrap();
    assert_eq!(out[26..28], [0xff, 0xff]);
    let pseudo = PseudoHeader::v4(source, destination, IpProtocol::UDP);
    let read = UdpDatagram::parse(&out[20..]).unwrap();
    assert_eq!(read.checksum_state(&pseudo), UdpChecksumState::Good);
}

#[test]
fn pnet_a_vni_is_never_truncated() {
    assert_eq!(Vni::new(0x0100_0001).unwrap_err().value, 0x0100_0001);
}

#[test]
fn pnet_a_udp_payload_has_no_ethernet_padding() {
    let mut padded = [0; 60];
    padded[..46].copy_from_slice(&PING);
    let frame = EthernetFrame::parse(&padded).unwrap();
    let packet = Ipv4Packet::parse(frame.payload()).unwrap();
    let datagram = UdpDatagram::parse(packet.payload()).unwrap();
    assert_eq!(datagram.payload(), b"ping");
    assert_eq!(datagram.checksum_state(&packet.pseudo_header()), UdpChecksumState::Good);
}

#[test]
fn etherparse_ingot_a_udp_length_of_0_is_refused() {
    let error = ParseError::length_too_small(Layer::Udp, 4, 8, 0);
    let bytes = [0x04, 0xd2, 0, 0x35, 0, 0, 0, 0, b'p', b'i', b'n', b'g'];
    assert_eq!(UdpDatagram::parse(&bytes).unwrap_err(), error);
}

#[test]
fn etherparse_the_reserved_ipv4_flag_is_kept() {
    // The captured header with the reserved flag set, its checksum by RFC 1624: 5152 - 8000.
    let mut flagged = IPV4;
    flagged[6] = 0xc0;
    flagged[10..12].copy_from_slice(&[0xd1, 0x51]);
    let bytes = datagram(&flagged);
    let packet = Ipv4Packet::parse(&bytes).unwrap();
    assert!(packet.is_checksum_valid());
    assert_eq!(packet.header().flags(), Ipv4Flags::RESERVED | Ipv4Flags::DONT_FRAGMENT);
    assert_eq!(rebuilt(&packet), bytes);
}

#[test]
fn etherparse_the_bits_of_ipv6_fragments_are_the_kernels() {
    // Inner Ethernet, IPv6 and fragment header start 50, 64 and 104 bytes into each frame.
    let fragments: Vec<(u16, bool)> = common::packets("flannel_inner_fragments_v6")
        .iter()
        .map(|frame| {
            let packet = Ipv6Packet::parse(&frame[64..]).unwrap();
            let fragment = packet.fragment().unwrap();
            assert!(packet.is_fragment());
            (fragment.offset().bytes(), fragment.more_fragments())
        })
        .collect();
    // Three fragments a direction, by tshark: 0x0001, 0x0579, 0x0af0.
    let each = [(0, true), (1400, true), (2800, false)];
    assert_eq!(fragments, [each, each].concat());
}

/// Builds `packet` again from its parts.
fn rebuilt(packet: &Ipv4Packet<'_>) -> Vec<u8> {
    let header = packet.header();
    let (source, destination) = (header.source(), header.destination());
    let builder =
        Ipv4Builder::with_protocol(source, destination, header.protocol(), packet.payload())
            .traffic_class(header.traffic_class())
            .id(header.id())
            .flags(header.flags())
            .fragment_offset(header.fragment_offset())
            .ttl(header.ttl())
            .options(HeaderOptions::new(packet.options()).unwrap());
    let mut out = vec![0; builder.len()];
    builder.build(&mut out).unwrap();
    out
}

#[test]
fn smoltcp_tos_id_options_and_a_clear_df_survive() {
    // IHL 6, TOS b9, ID d2c0, no flag, router alert (RFC 2113).
    let mut header = vec![0x46, 0xb9, 0x00, 0x86, 0xd2, 0xc0, 0x00, 0x00, 0x40, 0x11, 0, 0];
    header.extend([0xc0, 0xa8, 0xcb, 0x01, 0xc0, 0xa8, 0xca, 0x01, 0x94, 0x04, 0x00, 0x00]);
    let checksum = common::ones_complement(&header);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    let bytes = datagram(&header);
    let packet = Ipv4Packet::parse(&bytes).unwrap();
    assert!(packet.is_checksum_valid());
    assert_eq!(packet.header().traffic_class(), TrafficClass(0xb9));
    assert_eq!((packet.header().id(), packet.options()), (0xd2c0, &[0x94, 4, 0, 0][..]));
    assert_eq!(packet.header().flags(), Ipv4Flags::empty());
    assert_eq!(rebuilt(&packet), bytes);
}

#[test]
fn smoltcp_ingot_another_version_is_refused() {
    let mut bytes = datagram(&IPV4);
    bytes[0] = 0x65;
    let error = ParseError::unsupported(Layer::Ipv4, 0, 4, 6);
    assert_eq!(Ipv4Packet::parse(&bytes).unwrap_err(), error);
    let mut six = [0; 40];
    six[0] = 0x40;
    let error = ParseError::unsupported(Layer::Ipv6, 0, 6, 4);
    assert_eq!(Ipv6Packet::parse(&six).unwrap_err(), error);
}

#[test]
fn ingot_a_header_length_below_5_words_is_refused() {
    let mut bytes = datagram(&IPV4);
    bytes[0] = 0x43;
    let error = ParseError::length_too_small(Layer::Ipv4, 0, 20, 12);
    assert_eq!(Ipv4Packet::parse(&bytes).unwrap_err(), error);
}

#[test]
fn hedgehog_vpp_reserved_bits_and_vni_0_are_accepted() {
    // RFC 7348 section 5: reserved fields "MUST be set to zero on transmission and ignored on
    // receipt".
    let mut payload = vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xff];
    payload.extend(PING);
    let frame = VxlanFrame::parse(&payload).unwrap();
    assert_eq!(frame.vni().value(), 0);
    assert_eq!(frame.header().as_bytes()[..], payload[..8]);
    // The kernel accepts VNI 0 as well.
    for frame in common::packets("vni_zero_port4789") {
        assert_eq!(VxlanFrame::parse(&frame[42..]).unwrap().vni().value(), 0);
    }
}

#[test]
fn vpp_ports_follow_the_options() {
    let (source, destination) = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
    let options = HeaderOptions::new(&[0x94, 4, 0, 0, 1, 1, 1, 0]).unwrap();
    let mut out = [0; 40];
    let ip = Ipv4Builder::new(source, destination, UdpBuilder::new(1234, 53, &b"ping"[..]));
    let written = ip.options(options).build(&mut out).unwrap();
    assert_eq!(written[28..32], [0x04, 0xd2, 0x00, 0x35]);
    let packet = Ipv4Packet::parse(written).unwrap();
    assert_eq!(UdpDatagram::parse(packet.payload()).unwrap().header().source_port(), 1234);
}

#[test]
fn vpp_a_udp_length_beyond_the_ip_payload_is_refused() {
    for more in 1..=20 {
        let mut bytes = PING[34..].to_vec();
        bytes[5] += more;
        let error = ParseError::truncated(Layer::Udp, 12 + usize::from(more), 12);
        assert_eq!(UdpDatagram::parse(&bytes).unwrap_err(), error);
    }
}

#[test]
fn a_builder_refuses_a_length_that_its_field_cannot_hold() {
    // Nothing is written then.
    let payload = vec![0; 65_508];
    let (source, destination) = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
    let udp = UdpBuilder::new(1, 2, payload.as_slice());
    let mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
    let frame = EthernetBuilder::new(mac, mac, Ipv4Builder::new(source, destination, udp));
    let mut out = vec![0xa5; 70_000];
    assert!(frame.build(&mut out).is_err());
    assert!(out.iter().all(|byte| *byte == 0xa5));
}

#[test]
fn a_header_alone_is_not_a_packet() {
    // Lengths are checked where the packet is parsed, not where the payload is used.
    assert!(Ipv4Header::ref_from_prefix(&IPV4).is_ok());
    assert!(Ipv4Packet::parse(&IPV4).is_err());
    assert!(TcpSegment::parse(&IPV4).is_err());
}

#[test]
fn the_manual_names_tests_that_exist() {
    let (chapter, tests) =
        (include_str!("../src/manual/others.rs"), include_str!("wire_faults.rs"));
    let named: Vec<&str> = chapter
        .split("`wire_faults`: `")
        .skip(1)
        .filter_map(|after| after.split('`').next())
        .collect();
    assert_eq!(named.len(), 12);
    for name in named {
        assert!(tests.contains(&format!("#[test]\nfn {name}()")), "{name}");
    }
}
