//! Details that no larger test looks at: each was found as a mutant that lived.

use std::collections::BTreeSet;
use std::error::Error;

use vtep::buf::{ArrayFrame, FrameBuf, HEADROOM_MAX, RxMeta};
use vtep::checksum::Sum;
use vtep::lease::json::{JsonString, RawJson};
use vtep::lease::{LeaseValue, NetworkConfig, Profile, VxlanBackendData};
use vtep::netlink::{Body, Messages, Text};
use vtep::subnet::{IpPrefix, Ipv4Prefix, PoolConfig, SubnetAllocator};
use vtep::tunnel::minimal::{MinimalV4, encap_v4};
use vtep::tunnel::{Adjacency, EncapState, OuterTag, SourcePorts, TunnelConfig, UdpChecksum, Vtep};
use vtep::verdict::{DropReason, Verdict};
use vtep::wire::{
    ArpHeader, Build, Echo, EtherType, EthernetBuilder, FlowLabel, Icmpv4Builder, Icmpv4Message,
    Icmpv4Packet, Icmpv6Builder, Icmpv6Header, Icmpv6Message, Icmpv6Packet, InPlace, IpProtocol,
    Ipv4Builder, Ipv4Header, Ipv6Packet, MacAddr, PseudoHeader, TrafficClass, UdpBuilder,
    VlanBuilder, VlanId, VlanTag, Vni, VxlanBuilder,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[test]
fn debug_says_something() {
    assert!(format!("{:?}", Sum::word(0x1234)).contains("1234"));
    assert_eq!(format!("{:?}", Text(b"eth0\0")), "\"eth0\"");
    assert_eq!(format!("{:?}", Text(&[0xff])), "[255]");
}

#[test]
fn a_config_error_has_its_cause() {
    for text in
        ["[]", r#"{"Network":"10.5.0.0/30"}"#, r#"{"Network":"10.5.0.0/16","SubnetLen":31}"#]
    {
        let error = NetworkConfig::from_json(text).and_then(|config| config.pools()).unwrap_err();
        assert!(error.source().is_some(), "{error}");
    }
}

#[test]
#[cfg_attr(target_endian = "big", ignore = "the bytes are a little-endian machine's")]
fn an_error_names_the_offset_of_the_attribute() {
    // NLMSG_ERROR with NLM_F_CAPPED and NLM_F_ACK_TLVS, EINVAL, and NLMSGERR_ATTR_OFFS 28.
    let message = hex("2c000000 0200 0003 01000000 00000000 eaffffff
         34000000 1800 0506 01000000 00000000 08000200 1c000000");
    let message = Messages::new(&message).next().unwrap().unwrap();
    let Ok(Body::Error(error)) = message.body() else { panic!("{:?}", message.body()) };
    assert_eq!((error.errno(), error.offset()), (22, Some(28)));
}

#[test]
#[cfg_attr(target_endian = "big", ignore = "the bytes are a little-endian machine's")]
fn a_link_names_the_one_under_it() {
    // RTM_NEWLINK, index 4, IFLA_LINK 2.
    let message = hex(
        "28000000 1000 0000 01000000 00000000 00000100 04000000 00000000 00000000 08000500 02000000",
    );
    let message = Messages::new(&message).next().unwrap().unwrap();
    let Ok(Body::Link(link)) = message.body() else { panic!("{:?}", message.body()) };
    assert_eq!(link.lower_ifindex().map(u32::from), Some(2));
}

#[test]
fn the_flow_behind_a_tag_has_ports_too() {
    let ports = (0..64_u8).map(|port| {
        let inner = hex("02420a011200 02420a011100 81006005 0800 45000022000100003f1144bd0a0111050a011207 045708ae000e0000726566657265");
        let mut frame = ArrayFrame::<256>::from_bytes_with_headroom(&inner, HEADROOM_MAX).unwrap();
        frame.bytes_mut()[39] = port;
        let adjacency = Adjacency::new(MacAddr::ZERO, MacAddr::ZERO);
        let (local, remote) = ([192, 168, 50, 2].into(), [192, 168, 50, 3].into());
        let tunnel = TunnelConfig::linux(local, remote, adjacency).build().unwrap();
        tunnel.encap(&mut frame, &mut EncapState::predictable()).unwrap();
        [frame.bytes()[34], frame.bytes()[35]]
    });
    assert!(ports.collect::<BTreeSet<_>>().len() > 32);
}

/// Go's `encoding/json` leaves a field as it is where the value is null.
#[test]
fn null_is_no_value() {
    let text = r#"{"EnableIPv6":true,"Network":"10.3.0.0/16","IPv6Network":"fc00::/48","IPv6SubnetMin":null,"IPv6SubnetMax":null}"#;
    let config = NetworkConfig::from_json(text).unwrap();
    assert_eq!((config.ipv6.subnet_min, config.ipv6.subnet_max), (None, None));
    let text = r#"{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":null}"#;
    let value = LeaseValue::from_json(text).unwrap();
    assert!(value.backend_type.is_empty() && value.public_ipv6.is_none());
    let text = r#"{"VNI":null,"VtepMAC":"c6:d2:32:6f:8f:44"}"#;
    let backend = VxlanBackendData::from_json(RawJson::parse(text).unwrap()).unwrap();
    assert_eq!(backend.vni, None);
}

/// RFC 8259 section 6.
#[test]
fn numbers_of_json() {
    for number in ["0", "-0", "10", "1.5", "1e5", "1E5", "1e+5", "1E-5", "-1.0e0"] {
        assert!(RawJson::parse(number).is_ok(), "{number}");
    }
    for other in ["01", "-", "1.", ".5", "1e", "1e+", "1e+-5", "1eE5", "+1"] {
        assert!(RawJson::parse(other).is_err(), "{other}");
    }
    assert_eq!(JsonString::new("vxlan").as_str(), Some("vxlan"));
}

#[test]
fn prefixes_in_prefixes() {
    let prefix = |text: &str| text.parse::<IpPrefix>().unwrap();
    for (outer, inner, wanted) in [
        ("10.0.0.0/8", "10.1.0.0/16", true),
        ("10.1.0.0/16", "10.0.0.0/8", false),
        ("fd00::/16", "fd00:1::/32", true),
        ("fd00:1::/32", "fd00::/16", false),
        ("::/0", "10.0.0.0/8", false),
        ("0.0.0.0/0", "fd00::/16", false),
    ] {
        assert_eq!(prefix(outer).contains_prefix(prefix(inner)), wanted, "{outer} {inner}");
    }
}

#[test]
fn sums_are_added_in_place() {
    let mut sum = Sum::word(0x1200);
    sum += 0x0034;
    sum += Sum::word(0x4000);
    assert_eq!(sum.folded(), 0x5234);
    assert!(sum == Sum::word(0x5234) && sum != Sum::word(0x5235));
}

/// A buffer that has only what every one must have.
struct Plain(Vec<u8>, usize);

impl FrameBuf for Plain {
    fn bytes(&self) -> &[u8] {
        &self.0[self.1..]
    }

    fn split_headroom(&mut self) -> (&mut [u8], &mut [u8]) {
        self.0.split_at_mut(self.1)
    }

    fn push_front(&mut self, count: usize) -> Verdict {
        self.1 = self.1.checked_sub(count).ok_or(DropReason::NoHeadroom)?;
        Ok(())
    }

    fn pull_front(&mut self, count: usize) -> Verdict {
        self.1 += count;
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(self.1 + len);
    }
}

#[test]
fn a_plain_buffer_is_one_segment_of_which_nothing_is_known() {
    let inner = hex(
        "02420a011200 02420a011100 0800 45000022000100003f1144bd0a0111050a011207 045708ae000e0000726566657265",
    );
    let tunnel = flannel().udp_checksum(UdpChecksum::Full).build().unwrap();
    let mut plain = Plain([&[0; HEADROOM_MAX][..], &inner].concat(), HEADROOM_MAX);
    let mut array = ArrayFrame::<256>::from_bytes_with_headroom(&inner, HEADROOM_MAX).unwrap();
    tunnel.encap(&mut plain, &mut EncapState::predictable()).unwrap();
    tunnel.encap(&mut array, &mut EncapState::predictable()).unwrap();
    assert_eq!((plain.bytes(), plain.total_len()), (array.bytes(), array.total_len()));
    let vtep = Vtep::linux();
    vtep.decap(&mut plain).unwrap();
    assert_eq!(plain.bytes(), inner);
    assert_eq!((plain.headroom(), plain.complete_checksum()), (HEADROOM_MAX, Ok(())));
    assert_eq!(plain.meta(), None);
}

fn flannel() -> TunnelConfig {
    let adjacency = Adjacency::new(MacAddr::ZERO, MacAddr::ZERO);
    TunnelConfig::linux([192, 168, 50, 2].into(), [192, 168, 50, 3].into(), adjacency)
}

/// RFC 6040 section 4.2: CE outside goes to an inner packet that can carry it.
#[test]
fn a_look_says_what_will_be_written() {
    let vtep = Vtep::linux();
    for (inner_class, outer_class, wanted) in
        [(0x02, 0x03, Some(0x03)), (0x02, 0x02, None), (0x2a, 0x03, Some(0x2b))]
    {
        let udp = UdpBuilder::new(1, 2, &[7; 9][..]);
        let ip = Ipv4Builder::new([10, 5, 1, 1].into(), [10, 5, 2, 1].into(), udp)
            .traffic_class(TrafficClass(inner_class));
        let mut inner = [0; 51];
        EthernetBuilder::new(MacAddr::ZERO, MacAddr::ZERO, ip).build(&mut inner).unwrap();
        let mut frame = ArrayFrame::<256>::from_bytes_with_headroom(&inner, HEADROOM_MAX).unwrap();
        flannel().build().unwrap().encap(&mut frame, &mut EncapState::predictable()).unwrap();
        let (outer, _) = Ipv4Header::mut_from_prefix(&mut frame.bytes_mut()[14..]).unwrap();
        outer.set_traffic_class(TrafficClass(outer_class));
        let look = vtep.inspect(frame.bytes()).unwrap();
        assert_eq!(look.inner_class(), wanted.map(TrafficClass), "{inner_class:x}");
    }
}

#[test]
fn an_untagged_packet_is_not_of_a_tagged_underlay() {
    let vtep = Vtep::linux().outer_tag(OuterTag::One(VlanId::new(5).unwrap()));
    let adjacency = Adjacency::new(MacAddr::ZERO, MacAddr::ZERO);
    let (local, remote) = ("fd00:50::2".parse().unwrap(), "fd00:50::3".parse().unwrap());
    let over_v6 = TunnelConfig::linux(local, remote, adjacency);
    for config in [flannel(), over_v6] {
        let mut frame =
            ArrayFrame::<256>::from_bytes_with_headroom(&[0; 60], HEADROOM_MAX).unwrap();
        config.build().unwrap().encap(&mut frame, &mut EncapState::predictable()).unwrap();
        assert!(Vtep::linux().inspect(frame.bytes()).is_ok());
        assert_eq!(vtep.inspect(frame.bytes()).err(), Some(DropReason::OuterVlan));
    }
}

#[test]
fn lengths_up_to_the_most() {
    let fits = [0; 65_527];
    assert_eq!(UdpBuilder::new(1, 2, &fits[..]).check(), Ok(()));
    let long = [0; 65_528];
    let udp = UdpBuilder::new(1, 2, &long[..]);
    let tag = VlanTag::customer(VlanId::new(5).unwrap());
    assert!(VlanBuilder::with_ethertype(tag, EtherType::IPV4, udp).check().is_err());
    let error = Icmpv6Message::PacketTooBig { mtu: 1280 };
    assert!(Icmpv6Builder::new(error, udp).check().is_err());
    let error = Icmpv4Message::FragmentationNeeded { mtu: 1280 };
    assert!(Icmpv4Builder::new(error, udp).check().is_err());
    let vxlan = VxlanBuilder::new(
        Vni::default(),
        EthernetBuilder::with_ethertype(MacAddr::ZERO, MacAddr::ZERO, EtherType::IPV4, udp),
    );
    assert!(vxlan.check().is_err());
    assert!(Build::is_empty(&&b""[..]) && !Build::is_empty(&&b"a"[..]));
}

/// Bytes that are summed beforehand stand in a packet as the bytes themselves do.
#[test]
fn a_payload_in_place() {
    let payload = b"an odd number of bytes.";
    let of = |payload: InPlace| {
        let ip = Ipv4Builder::new(
            [10, 0, 0, 1].into(),
            [10, 0, 0, 2].into(),
            UdpBuilder::new(1, 2, payload),
        );
        let mut bytes = vec![0x5a; ip.len()];
        ip.build(&mut bytes).unwrap();
        bytes[..28].to_vec()
    };
    let plain = UdpBuilder::new(1, 2, &payload[..]);
    let plain = Ipv4Builder::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), plain);
    let mut bytes = vec![0; 51];
    assert_eq!(plain.build(&mut bytes).unwrap().len(), 51);
    assert_eq!(of(InPlace::of(payload)), bytes[..28]);
    assert_eq!(of(InPlace::with_sum(23, Sum::of(payload))), bytes[..28]);
}

#[test]
fn an_arp_packet_says_what_it_is() {
    let arp = ArpHeader::request((MacAddr::ZERO, [10, 0, 0, 1].into()), [10, 0, 0, 2].into());
    let mut bytes = [0; 42];
    EthernetBuilder::new(MacAddr::BROADCAST, MacAddr::ZERO, arp).build(&mut bytes).unwrap();
    assert_eq!(bytes[12..22], [8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
}

/// IEEE 802.3 section 3.2.6: from 0x600 on it is a protocol.
#[test]
fn lengths_and_protocols_of_ethernet() {
    assert!(EtherType(0).is_length() && EtherType(0x05ff).is_length());
    assert!(!EtherType(0x0600).is_length() && !EtherType::IPV4.is_length());
}

#[test]
fn icmp_messages_are_told_apart() {
    let v6 = |kind, code| Icmpv6Header::from_bytes([kind, code, 0, 0, 0, 0, 5, 0]).message();
    assert_eq!(v6(1, 4), Icmpv6Message::DestinationUnreachable { code: 4 });
    assert_eq!(v6(2, 0), Icmpv6Message::PacketTooBig { mtu: 1280 });
    assert_eq!(v6(3, 1), Icmpv6Message::TimeExceeded { code: 1 });
    assert_eq!(v6(128, 0), Icmpv6Message::EchoRequest(Echo { id: 0, sequence: 1280 }));
    assert_eq!(v6(129, 0), Icmpv6Message::EchoReply(Echo { id: 0, sequence: 1280 }));
    assert!(matches!(v6(129, 1), Icmpv6Message::Other { message_type: 129, code: 1, .. }));
    // RFC 792: a checksum of all zeros over an echo reply of all zeros is none.
    let mut echo = [0, 0, 0xff, 0xff, 0, 0, 0, 0];
    assert!(Icmpv4Packet::parse(&echo).unwrap().is_checksum_valid());
    echo[7] = 1;
    assert!(!Icmpv4Packet::parse(&echo).unwrap().is_checksum_valid());
    let (a, b) = ("::".parse().unwrap(), "::".parse().unwrap());
    let pseudo = PseudoHeader::v6(a, b, IpProtocol::ICMPV6);
    // Length 8 and protocol 58.
    let mut echo = [0, 0, 0xff, 0xbd, 0, 0, 0, 0];
    assert!(Icmpv6Packet::parse(&echo).unwrap().is_checksum_valid(&pseudo));
    echo[7] = 1;
    assert!(!Icmpv6Packet::parse(&echo).unwrap().is_checksum_valid(&pseudo));
}

/// RFC 8200 section 4.5: the second byte of a fragment header is reserved, and ignored.
#[test]
fn a_fragment_header_has_no_length() {
    let mut bytes = vec![0x60, 0, 0, 0, 0, 12, 44, 64];
    bytes.extend([0xfd; 32]);
    bytes.extend([17, 0xff, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9]);
    let packet = Ipv6Packet::parse(&bytes).unwrap();
    assert_eq!((packet.protocol(), packet.payload()), (IpProtocol::UDP, &[9; 4][..]));
}

#[test]
fn values_say_their_number() {
    assert_eq!(FlowLabel::new(0xa_bcde).unwrap().value(), 0xa_bcde);
    assert_eq!((SourcePorts::RFC7348.min(), SourcePorts::RFC7348.max()), (49_152, 65_535));
    let (a, b) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    assert!(!PseudoHeader::v4(a, b, IpProtocol::ICMPV6).is_v6());
    let (a, b) = ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap());
    assert!(PseudoHeader::v6(a, b, IpProtocol::ICMPV6).is_v6());
}

/// An empty pool has nothing in common with any lease, so that none needs a place.
#[test]
fn an_empty_pool_notes_nothing() {
    let network: Ipv4Prefix = "10.3.0.0/16".parse().unwrap();
    let (min, max) = ([10, 3, 9, 0].into(), [10, 3, 4, 0].into());
    let config =
        PoolConfig { subnet_min: Some(min), subnet_max: Some(max), ..PoolConfig::new(network) };
    let pool = config.pool().unwrap();
    assert_eq!(pool.count(), 0);
    let mut allocator = SubnetAllocator::new(pool, &mut [], &mut []).unwrap();
    assert_eq!(allocator.reserve("10.3.0.0/20".parse().unwrap()), Ok(()));
}

/// flannel tries ten times to create its lease, or so it means to; in truth it gives up after the first.
#[test]
fn how_often_a_lease_is_tried_for() {
    let attempts = [Profile::Documented, Profile::FlannelCompat].map(Profile::create_attempts);
    assert_eq!(attempts, [10, 1]);
}

/// An outer extension header that reaches beyond its packet is malformed, unless the rest of the packet lies in
/// another buffer.
#[test]
fn an_extension_header_beyond_the_head() {
    let mut packet = hex("020000000002 020000000001 86dd 60000000 0010 00 40");
    packet.extend([0xfd; 32]);
    // Hop-by-hop options of 2048 bytes.
    packet.extend([17, 255, 1, 4, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0]);
    let looked = |total| Vtep::linux().inspect_head(&packet, total, RxMeta::default()).err();
    assert_eq!(looked(packet.len()), Some(DropReason::IpHeader));
    assert_eq!(looked(packet.len() + 1), Some(DropReason::NotLinear));
}

/// 65,535 bytes are an outer IPv4 packet with 65,499 bytes inside; what fits that but not the MTU is too big.
#[test]
fn too_long_or_only_too_big() {
    let tunnel = flannel().udp_checksum(UdpChecksum::None).mtu(1450).build().unwrap();
    for (len, reason) in [(65_499, DropReason::TooBig), (65_500, DropReason::TooLong)] {
        let mut inner = vec![0; len];
        inner[12..15].copy_from_slice(&[8, 0, 0x45]);
        let mut frame =
            Box::new(ArrayFrame::<66_000>::from_bytes_with_headroom(&inner, HEADROOM_MAX).unwrap());
        assert_eq!(tunnel.encap(&mut *frame, &mut EncapState::predictable()), Err(reason));
        let plain = MinimalV4::new(&tunnel).unwrap();
        assert_eq!(encap_v4(plain, &mut *frame, &mut EncapState::predictable()), Err(reason));
    }
}

/// White space goes but for that in strings, wherever a string begins, and whatever is escaped in it.
#[test]
fn json_is_printed_tight() {
    for (text, tight) in [
        (r#"{"a b":1}"#, r#"{"a b":1}"#),
        (r#" { "a b" : [ 1 , 2 ] } "#, r#"{"a b":[1,2]}"#),
        (r#"["a\" b", "c\\", " \\\" "]"#, r#"["a\" b","c\\"," \\\" "]"#),
    ] {
        assert_eq!(RawJson::parse(text).unwrap().to_string(), tight);
    }
}
