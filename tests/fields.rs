//! Each field is where its RFC says: writing it changes its own bits and no other, whatever they
//! were.

use std::fmt::Debug;

use vtep::wire::{
    ArpHeader, ArpOperation, EtherType, EthernetHeader, FlowLabel, FragmentOffset, Icmpv4Header,
    Icmpv6Header, IpProtocol, Ipv4Flags, Ipv4Header, Ipv6Header, MacAddr, Pcp, TcpFlags, TcpHeader,
    TrafficClass, UdpHeader, VlanHeader, VlanId, VlanTag, Vni, VxlanFlags, VxlanHeader,
};

/// For each setter: the field's first byte, the bits that are its own, and their value afterwards.
macro_rules! fields {
    ($($Header:ident { $($set:ident($value:expr) $at:literal $own:tt $after:tt;)+ })+) => {$($(
        for background in [0x00, 0xff, 0xa5] {
            let mut bytes = [background; $Header::LEN];
            let (own, after): (&[u8], &[u8]) = (&$own, &$after);
            let mut expected = bytes;
            for (byte, (own, after)) in expected[$at..].iter_mut().zip(own.iter().zip(after)) {
                *byte = *byte & !own | after;
            }
            let (header, _) = $Header::mut_from_prefix(&mut bytes).unwrap();
            header.$set($value);
            assert_eq!(bytes, expected, "{} {}", stringify!($Header), stringify!($set));
        }
    )+)+};
}

const MAC: MacAddr = MacAddr::new([2, 3, 4, 5, 6, 7]);

#[test]
fn setters_of_ethernet_vlan_and_arp_write_their_own_bits() {
    fields! {
        EthernetHeader {
            set_destination(MAC) 0 [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] [0x02, 0x03, 0x04, 0x05, 0x06, 0x07];
            set_source(MAC) 6 [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] [0x02, 0x03, 0x04, 0x05, 0x06, 0x07];
            set_ethertype(EtherType::IPV6) 12 [0xff, 0xff] [0x86, 0xdd];
        }
        VlanHeader {
            set_control(0x6005) 0 [0xff, 0xff] [0x60, 0x05];
            set_ethertype(EtherType::IPV4) 2 [0xff, 0xff] [0x08, 0x00];
        }
        ArpHeader {
            set_operation(ArpOperation::REPLY) 6 [0xff, 0xff] [0x00, 0x02];
            set_sender_mac(MAC) 8 [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] [0x02, 0x03, 0x04, 0x05, 0x06, 0x07];
            set_sender_ip([10, 0, 0, 1].into()) 14 [0xff, 0xff, 0xff, 0xff] [0x0a, 0x00, 0x00, 0x01];
            set_target_mac(MAC) 18 [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] [0x02, 0x03, 0x04, 0x05, 0x06, 0x07];
            set_target_ip([10, 0, 0, 1].into()) 24 [0xff, 0xff, 0xff, 0xff] [0x0a, 0x00, 0x00, 0x01];
        }
    }
}

#[test]
fn setters_of_ip_write_their_own_bits() {
    let v6 = "fd01:203:405:607:809:a0b:c0d:e0f".parse().unwrap();
    fields! {
        Ipv4Header {
            set_traffic_class_raw(TrafficClass(0x2b)) 1 [0xff] [0x2b];
            set_total_len_raw(0x1234) 2 [0xff, 0xff] [0x12, 0x34];
            set_id_raw(0x1234) 4 [0xff, 0xff] [0x12, 0x34];
            set_flags_raw(Ipv4Flags::DONT_FRAGMENT) 6 [0xe0] [0x40];
            set_fragment_offset_raw(FragmentOffset::new(0x1234).unwrap()) 6 [0x1f, 0xff] [0x12, 0x34];
            set_ttl_raw(17) 8 [0xff] [0x11];
            set_protocol_raw(IpProtocol::UDP) 9 [0xff] [0x11];
            set_checksum_raw(0x1234) 10 [0xff, 0xff] [0x12, 0x34];
            set_source_raw([10, 0, 0, 1].into()) 12 [0xff, 0xff, 0xff, 0xff] [0x0a, 0x00, 0x00, 0x01];
            set_destination_raw([10, 0, 0, 1].into()) 16 [0xff, 0xff, 0xff, 0xff] [0x0a, 0x00, 0x00, 0x01];
        }
        Ipv6Header {
            set_traffic_class(TrafficClass(0x2b)) 0 [0x0f, 0xf0] [0x02, 0xb0];
            set_flow_label(FlowLabel::new(0xa_bcde).unwrap()) 1 [0x0f, 0xff, 0xff] [0x0a, 0xbc, 0xde];
            set_payload_len(0x1234) 4 [0xff, 0xff] [0x12, 0x34];
            set_next_header(IpProtocol::UDP) 6 [0xff] [0x11];
            set_hop_limit(17) 7 [0xff] [0x11];
            set_source(v6) 8
                [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
                [0xfd, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f];
            set_destination(v6) 24
                [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
                [0xfd, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f];
        }
    }
}

#[test]
fn setters_of_transports_and_vxlan_write_their_own_bits() {
    fields! {
        UdpHeader {
            set_source_port_raw(0x1234) 0 [0xff, 0xff] [0x12, 0x34];
            set_destination_port_raw(0x1234) 2 [0xff, 0xff] [0x12, 0x34];
            set_datagram_len_raw(0x1234) 4 [0xff, 0xff] [0x12, 0x34];
            set_checksum_raw(0x1234) 6 [0xff, 0xff] [0x12, 0x34];
        }
        TcpHeader {
            set_source_port_raw(0x1234) 0 [0xff, 0xff] [0x12, 0x34];
            set_destination_port_raw(0x1234) 2 [0xff, 0xff] [0x12, 0x34];
            set_sequence_raw(0x1234_5678) 4 [0xff, 0xff, 0xff, 0xff] [0x12, 0x34, 0x56, 0x78];
            set_acknowledgment_raw(0x1234_5678) 8 [0xff, 0xff, 0xff, 0xff] [0x12, 0x34, 0x56, 0x78];
            set_flags_raw(TcpFlags::SYN) 12 [0x0f, 0xff] [0x00, 0x02];
            set_window_raw(0x1234) 14 [0xff, 0xff] [0x12, 0x34];
            set_checksum_raw(0x1234) 16 [0xff, 0xff] [0x12, 0x34];
            set_urgent_pointer_raw(0x1234) 18 [0xff, 0xff] [0x12, 0x34];
        }
        Icmpv4Header {
            set_checksum_raw(0x1234) 2 [0xff, 0xff] [0x12, 0x34];
            set_rest_raw([1, 2, 3, 4]) 4 [0xff, 0xff, 0xff, 0xff] [0x01, 0x02, 0x03, 0x04];
        }
        Icmpv6Header {
            set_checksum_raw(0x1234) 2 [0xff, 0xff] [0x12, 0x34];
            set_rest_raw([1, 2, 3, 4]) 4 [0xff, 0xff, 0xff, 0xff] [0x01, 0x02, 0x03, 0x04];
        }
        VxlanHeader {
            set_flags(VxlanFlags::VNI) 0 [0xff] [0x08];
            set_reserved24([0x12, 0x34, 0x56]) 1 [0xff, 0xff, 0xff] [0x12, 0x34, 0x56];
            set_vni(Vni::new(0x12_3456).unwrap()) 4 [0xff, 0xff, 0xff] [0x12, 0x34, 0x56];
            set_reserved8(0x12) 7 [0xff] [0x12];
        }
    }
}

/// Writing a field of UDP and TCP keeps a right checksum right (RFC 1624).
#[test]
fn setters_of_udp_and_tcp_keep_the_checksum() {
    let sum = |bytes: &[u8]| vtep::checksum::Sum::of(bytes).checksum();
    for background in [0x00_u8, 0x5a, 0xff] {
        let mut udp = UdpHeader::from_bytes([background; 8]);
        udp.set_checksum_raw(0x1234);
        let before = sum(udp.as_bytes());
        let ports = |udp: &UdpHeader| (udp.source_port(), udp.destination_port());
        udp.set_source_port(0x1111);
        assert_eq!(sum(udp.as_bytes()), before);
        udp.set_destination_port(0x2222);
        assert_eq!((ports(&udp), sum(udp.as_bytes())), ((0x1111, 0x2222), before));

        let mut tcp = TcpHeader::from_bytes([background; 20]);
        tcp.set_checksum_raw(0x1234);
        let before = sum(tcp.as_bytes());
        tcp.set_source_port(0x1111);
        assert_eq!(sum(tcp.as_bytes()), before);
        tcp.set_destination_port(0x2222);
        assert_eq!(sum(tcp.as_bytes()), before);
        tcp.set_flags(TcpFlags::ACK);
        assert_eq!(sum(tcp.as_bytes()), before);
        assert_eq!((tcp.source_port(), tcp.destination_port()), (0x1111, 0x2222));
        assert_eq!(tcp.flags(), TcpFlags::ACK);
        tcp.set_sequence(0x3333_4444);
        assert_eq!((tcp.sequence(), sum(tcp.as_bytes())), (0x3333_4444, before));
        tcp.set_acknowledgment(0xffff_fffe);
        assert_eq!((tcp.acknowledgment(), sum(tcp.as_bytes())), (0xffff_fffe, before));
        tcp.set_window(0x5555);
        assert_eq!((tcp.window(), sum(tcp.as_bytes())), (0x5555, before));
        tcp.set_urgent_pointer(0x6666);
        assert_eq!((tcp.urgent_pointer(), sum(tcp.as_bytes())), (0x6666, before));
    }
}

/// The last four bytes of ICMP are an MTU, or an identifier and a sequence number.
#[test]
fn setters_of_icmp_keep_the_checksum() {
    let sum = |bytes: &[u8]| vtep::checksum::Sum::of(bytes).checksum();
    // Linux: fragmentation needed, MTU 1450, and an echo request.
    let mut v4 = Icmpv4Header::from_bytes([3, 4, 0xf0, 0x24, 0, 0, 5, 0xaa]);
    let before = sum(v4.as_bytes());
    v4.set_rest([0, 0, 5, 0x14]);
    assert_eq!((v4.as_bytes()[4..] == [0, 0, 5, 0x14], sum(v4.as_bytes())), (true, before));
    let mut v6 = Icmpv6Header::from_bytes([0x80, 0, 0x31, 0x05, 0x78, 0, 0, 1]);
    let before = sum(v6.as_bytes());
    v6.set_rest([0x12, 0x34, 0xff, 0xff]);
    assert_eq!((v6.rest(), sum(v6.as_bytes())), ([0x12, 0x34, 0xff, 0xff], before));
}

#[test]
fn setters_of_ipv4_keep_the_checksum() {
    let mut header = Ipv4Header::from_bytes(
        *b"\x45\0\0\x22\0\x01\0\0\x3f\x11\0\0\x0a\x01\x11\x05\x0a\x01\x12\x07",
    );
    // As flannel_udp_64flows.pcap has it in packet 1.
    header.set_checksum_raw(0x44bd);
    let sum = |header: &Ipv4Header| vtep::checksum::Sum::of(header.as_bytes()).checksum();
    assert_eq!(sum(&header), 0);
    header.set_total_len(0x1234);
    assert_eq!((header.total_len(), sum(&header)), (0x1234, 0));
    header.set_source([192, 168, 1, 2].into());
    assert_eq!((header.source().octets(), sum(&header)), ([192, 168, 1, 2], 0));
    header.set_destination([192, 168, 3, 4].into());
    assert_eq!((header.destination().octets(), sum(&header)), ([192, 168, 3, 4], 0));
    header.set_ttl(1);
    header.set_id(0xfffe);
    header.set_flags(Ipv4Flags::DONT_FRAGMENT);
    header.set_traffic_class(TrafficClass(0xb8));
    header.set_fragment_offset(FragmentOffset::new(0x1abc).unwrap());
    header.set_fragment_offset(FragmentOffset::default());
    header.set_protocol(IpProtocol::TCP);
    assert_eq!((header.protocol(), sum(&header)), (IpProtocol::TCP, 0));
    header.set_protocol(IpProtocol::UDP);
    assert_eq!(header.as_bytes()[..10], [0x45, 0xb8, 0x12, 0x34, 0xff, 0xfe, 0x40, 0, 1, 17]);
    assert_eq!(sum(&header), 0);
}

#[test]
fn vlan_tag_writes_its_own_bits() {
    let tag = VlanTag::customer(VlanId::new(0xabc).unwrap());
    let tag = tag.with_drop_eligible(true);
    assert_eq!(tag.control(), 0x1abc);
    assert_eq!(tag.with_drop_eligible(true).control(), 0x1abc);
    let tag = tag.with_priority(Pcp::new(5).unwrap());
    assert_eq!((tag.control(), tag.priority().value(), tag.is_drop_eligible()), (0xbabc, 5, true));
    assert_eq!(tag.with_priority(Pcp::new(2).unwrap()).control(), 0x5abc);
    assert_eq!(tag.with_drop_eligible(false).control(), 0xaabc);
}

fn bits<T: Debug + PartialEq>(got: [T; 3], want: [T; 3]) {
    assert_eq!(got, want);
}

#[test]
fn mac_address_bits() {
    // A vendor's, one that Docker assigns, a group.
    let addresses =
        [[0, 0x16, 0x3e, 8, 0x71, 0xcf], [2, 0x42, 10, 1, 16, 0], [1, 0, 0x5e, 0, 0, 1]];
    let addresses = addresses.map(MacAddr::new);
    bits(addresses.map(MacAddr::is_local), [false, true, false]);
    bits(addresses.map(MacAddr::is_multicast), [false, false, true]);
    bits(addresses.map(MacAddr::is_valid_unicast), [true, true, false]);
    assert!(!MacAddr::ZERO.is_valid_unicast() && MacAddr::BROADCAST.is_broadcast());
    assert!(!addresses[2].is_broadcast());
}

/// draft-ietf-nvo3-vxlan-gpe section 3: I and P set, next protocol 1 (IPv4) to 5 (MPLS).
#[test]
fn is_gpe_follows_the_draft() {
    let is_gpe = |flags, reserved, reserved_too, protocol| {
        VxlanHeader::from_bytes([flags, reserved, reserved_too, protocol, 0, 0, 1, 0]).is_gpe()
    };
    assert!((1..=5).all(|protocol| is_gpe(0x0c, 0, 0, protocol)));
    assert!(is_gpe(0x0d, 0, 0, 3));
    for (flags, reserved, reserved_too, protocol) in [
        (0x0c, 0, 0, 0),
        (0x0c, 0, 0, 6),
        (0x0c, 1, 0, 3),
        (0x0c, 0, 1, 3),
        (0x0c, 1, 1, 3),
        (0x08, 0, 0, 3),
        (0x04, 0, 0, 3),
        (0x1c, 0, 0, 3),
        (0x8c, 0, 0, 3),
    ] {
        assert!(!is_gpe(flags, reserved, reserved_too, protocol), "{flags:x}");
    }
}
