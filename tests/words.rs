//! What errors and values say of themselves: the offending value, and where it stands.

use std::fmt::{Debug, Display};
use std::net::IpAddr;

use vtep::agent::{self, AddressChange, PeerError, Record, TooManyRecords};
use vtep::arch::Isa;
use vtep::batch::decap_batch;
use vtep::buf::Frame;
use vtep::hash::HashKey;
use vtep::lease::json::{JsonString, RawJson};
use vtep::lease::{
    Annotation, AnnotationPrefix, Families, LeaseKey, LeaseValue, LeaseWatch, NetworkConfig,
    RenewalMargin, SubnetEnv, VxlanBackendData,
};
use vtep::netlink::{
    Attrs, Body, FdbEntry, IfIndex, LinkAddress, LinkName, MessageError, Messages, RebuildError,
};
use vtep::subnet::{
    AllocateError, IpPrefix, Ipv4Cidr, Ipv4Prefix, Ipv4PrefixLen, Ipv6Prefix, PoolConfig,
};
use vtep::tunnel::mtu::IcmpSuppressed;
use vtep::tunnel::{Adjacency, FlowHashKey, Set, SourcePorts, TunnelConfig, UdpChecksum, Vtep};
use vtep::verdict::DropReason;
use vtep::wire::{
    ArpOperation, Build, Dscp, Ecn, EtherType, EthernetFrame, FlowLabel, FragmentOffset,
    HeaderOptions, IpProtocol, Ipv4Packet, Ipv6Packet, MacAddr, Pcp, TrafficClass, UdpBuilder,
    VlanId, VlanTag, Vni, VxlanHeader,
};
use vtep::{checksum, netlink, wire};

fn says(value: impl Display, text: &str) {
    assert_eq!(value.to_string(), text);
}

fn error<T>(result: Result<T, impl Display>, text: &str) {
    match result {
        Ok(_) => panic!("no error: {text}"),
        Err(error) => says(error, text),
    }
}

fn shows(value: impl Debug, text: &str) {
    assert_eq!(format!("{value:?}"), text);
}

#[test]
fn numbers_that_are_too_large() {
    error(Vni::new(1 << 24), "VNI 16777216 is more than 16777215");
    error(Dscp::new(64), "DSCP 64 is more than 63");
    error(FragmentOffset::new(8192), "fragment offset 8192 is more than 8191");
    error(FlowLabel::new(0x10_0000), "flow label 1048576 is more than 1048575");
    error(VlanId::new(4096), "VLAN identifier 4096 is more than 4095");
    error(Pcp::new(8), "PCP 8 is more than 7");
    error(HeaderOptions::new(&[0; 41]), "41 bytes of options are more than 40");
    error(Ipv4PrefixLen::new(33), "prefix length 33, at most 32");
    error(RenewalMargin::new(1440), "renewal margin of 1440 minutes, not 1 to 1439");
    error(SourcePorts::linux(9, 9), "no source port from 9 to 9");
}

#[test]
fn packets_that_cannot_be_parsed_or_built() {
    error(EthernetFrame::parse(&[0; 13]), "ethernet: 14 bytes needed, 13 available");
    error(Ipv4Packet::parse(&[0x65; 20]), "ipv4: 0x6 at byte 0, expected 0x4");
    error(Ipv4Packet::parse(&[0x44; 20]), "ipv4: length 16 at byte 0, at least 20 needed");
    // Hop-by-hop options, then twenty destination options (RFC 8200 section 4.6).
    let mut chain = vec![0x60, 0, 0, 0, 0, 160, 0, 64];
    chain.extend([0; 32]);
    chain.extend([60, 0, 1, 4, 0, 0, 0, 0].repeat(20));
    let error_of_chain = Ipv6Packet::parse(&chain).unwrap_err().to_string();
    assert!(error_of_chain.starts_with("ipv6 extension: more than "), "{error_of_chain}");
    let packet = UdpBuilder::new(1, 2, &[0; 4][..]);
    error(packet.build(&mut [0; 11]), "the packet has 12 bytes, the buffer 11");
    let long = vec![0; 65_528];
    error(
        UdpBuilder::new(1, 2, &long[..]).build(&mut vec![0; 70_000]),
        "udp: length 65536 is more than 65535",
    );
    error("02:00:00:00:00:0x".parse::<MacAddr>(), "not a MAC address at byte 16");
    error("16777216".parse::<Vni>(), "VNI: a number from 0 to 16777215 is expected");
    error("IPv4".parse::<EtherType>(), "EtherType: a number from 0 to 65535 is expected");
}

#[test]
fn numbers_and_addresses_of_the_wire() {
    says(Vni::new(4096).unwrap(), "4096");
    shows(Vni::new(4096).unwrap(), "Vni(4096)");
    says(EtherType::IPV4, "0x0800");
    shows(EtherType::IPV4, "EtherType(0x0800)");
    says(IpProtocol::UDP, "17");
    shows(IpProtocol::UDP, "IpProtocol(17)");
    says(FlowLabel::new(0xabc).unwrap(), "0x00abc");
    shows(MacAddr::new([0xc6, 0xd2, 0x32, 0x6f, 0x8f, 0x44]), "c6:d2:32:6f:8f:44");
    let header = format!("{:?}", VxlanHeader::new(Vni::new(4096).unwrap()));
    assert!(header.starts_with("VxlanHeader {") && header.contains("Vni(4096)"), "{header}");
    says(wire::Layer::Vxlan, "vxlan");
    says(VlanId::MAX, "4095");
    says(Pcp::MAX, "7");
    says(Dscp::MAX, "63");
    says(FragmentOffset::MAX, "8191");
    says(TrafficClass(0x0b), "0x0b");
    says(ArpOperation::REPLY, "2");
    let ecn = [Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce].map(|ecn| ecn.to_string());
    assert_eq!(ecn, ["Not-ECT", "ECT(1)", "ECT(0)", "CE"]);
    let tag = VlanTag::customer(VlanId::literal::<100>()).with_priority(Pcp::literal::<5>());
    says(tag, "802.1Q id 100 pcp 5");
    says(tag.with_drop_eligible(true), "802.1Q id 100 pcp 5 dei");
    says(VlanTag::service(VlanId::default()), "802.1ad id 0 pcp 0");
}

#[test]
fn verdicts_frames_and_checksums() {
    says(DropReason::NotVxlan, "not UDP to a port of this VTEP");
    let frames = &mut [Frame::new([0; 4], 0..1).unwrap(), Frame::new([0; 4], 0..1).unwrap()];
    let few = decap_batch(&Vtep::rfc7348(), frames, None, &mut [Ok(())]);
    error(few, "2 results needed for the batch, 1 available");
    error(Frame::new([0; 4], 3..5), "bytes 3..5 are not within a buffer of 4 bytes");
    error(checksum::complete(&mut [0; 4], 2, 2), "the checksum needs 6 bytes, 4 are available");
    error(checksum::complete(&mut [0; 4], 0, 1), "the checksum field is at odd offset 1");
    error("lost".parse::<DropReason>(), "not the name of a drop reason");
    error(DropReason::try_from(200), "200 is not the number of a drop reason");
}

#[test]
fn tunnels() {
    says(Isa::Generic, "generic");
    // A key is a secret.
    shows(FlowHashKey::new([7; 16]), "FlowHashKey(..)");
    error(Set::sorted(&[2, 2]), "member 1 is not greater than the one before it");
    let tunnel = |local: &str, remote: &str| {
        let next_hop = Adjacency::new(MacAddr::ZERO, MacAddr::ZERO);
        TunnelConfig::rfc7348(local.parse().unwrap(), remote.parse().unwrap(), next_hop)
    };
    error(
        tunnel("10.0.0.1", "fd00::1").build(),
        "10.0.0.1 and fd00::1 are of different address families",
    );
    error(tunnel("10.0.0.1", "0.0.0.0").build(), "the remote address is unspecified");
    error(
        tunnel("fd00::1", "fd00::2").udp_checksum(UdpChecksum::None).build(),
        "UDP over IPv6 goes without a checksum only where zero_checksum_v6 allows it",
    );
}

#[test]
fn packets_that_are_not_answered() {
    let refusals = [
        IcmpSuppressed::NotIp,
        IcmpSuppressed::MayBeFragmented,
        IcmpSuppressed::LaterFragment,
        IcmpSuppressed::NotUnicast,
        IcmpSuppressed::IcmpError,
        IcmpSuppressed::MtuTooSmall { mtu: 67, min: 68 },
        IcmpSuppressed::NotTooBig,
        IcmpSuppressed::Build(wire::BuildError::BufferTooSmall { needed: 2, available: 1 }),
    ];
    let mut texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(texts[7], "the packet has 2 bytes, the buffer 1");
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), refusals.len());
}

#[test]
fn prefixes_and_pools() {
    error("10.0.0.0".parse::<Ipv4Cidr>(), "no '/' with a prefix length");
    error("fd00::/8".parse::<Ipv4Cidr>(), "no address of this family before '/'");
    error("10.0.0.0/33".parse::<Ipv4Cidr>(), "no prefix length from 0 to 32 after '/'");
    let prefix: IpPrefix = "fd00:1::/32".parse().unwrap();
    shows(prefix, "fd00:1::/32");
    shows("10.1.2.3/24".parse::<Ipv4Cidr>().unwrap(), "10.1.2.3/24");
    shows("10.1.2.0/24".parse::<Ipv4Prefix>().unwrap(), "10.1.2.0/24");
    error("10.1.2.3/24".parse::<Ipv4Prefix>(), "the address has bits set after the prefix length");
    let v6: Result<Ipv6Prefix, _> = IpPrefix::V4("10.1.2.0/24".parse().unwrap()).try_into();
    error(v6, "a prefix of the other address family");
    says(AllocateError::OutOfSubnets, "out of subnets");
    says(
        AllocateError::TooFewWords { needed: 2, available: 1 },
        "2 words of storage needed, 1 available",
    );
    says(
        AllocateError::TooFewSlots { max: 4 },
        "more than 4 leases that are not of the pool's length",
    );
    let pool = |network: &str| PoolConfig::new(network.parse::<Ipv4Prefix>().unwrap());
    error(pool("0.0.0.0/0").pool(), "no network");
    let len = |len| PoolConfig { subnet_len: Some(len), ..pool("10.3.0.0/16") };
    error(len(31).pool(), "subnet length 31, at most 30");
    error(len(17).pool(), "subnet length 17, at least 18 for four subnets in the network");
    error(pool("10.3.0.0/29").pool(), "network 10.3.0.0/29 is too small, its length is at most 28");
    let min = |min: [u8; 4]| PoolConfig { subnet_min: Some(min.into()), ..pool("10.3.0.0/16") };
    error(min([10, 4, 0, 0]).pool(), "first subnet 10.4.0.0 is not in network 10.3.0.0/16");
    error(min([10, 3, 1, 1]).pool(), "first subnet 10.3.1.1 is not on a boundary of length 24");
    let max = |max: [u8; 4]| PoolConfig { subnet_max: Some(max.into()), ..pool("10.3.0.0/16") };
    error(max([10, 4, 0, 0]).pool(), "last subnet 10.4.0.0 is not in network 10.3.0.0/16");
    error(max([10, 3, 1, 1]).pool(), "last subnet 10.3.1.1 is not on a boundary of length 24");
}

#[test]
fn leases() {
    for (key, text) in [
        ("x-24", "not a lease key: no IPv4 address before '-'"),
        ("10.5.1.0-32", "not a lease key: no length from 0 to 31 after the IPv4 address"),
        ("10.5.1.0-24&x-64", "not a lease key: no IPv6 address in lower case after '&'"),
        (
            "10.5.1.0-24&fd00::-128",
            "not a lease key: no length from 0 to 127 after the IPv6 address",
        ),
    ] {
        error(key.parse::<LeaseKey>(), text);
    }
    error(RawJson::parse("[1"), "JSON ends early, at byte 2");
    error(RawJson::parse("[1}"), "JSON: unexpected '}' at byte 2");
    let deep = RawJson::parse(&"[".repeat(2000)).unwrap_err().to_string();
    assert!(deep.starts_with("JSON: nested deeper than "), "{deep}");
    shows(JsonString::new("a\"b"), r#""a\"b""#);
    error(LeaseValue::from_json("[]"), "not a JSON object");
    let data = RawJson::parse(r#"{"VNI":1}"#).map(VxlanBackendData::from_json).unwrap();
    error(data, "VtepMAC is missing");
    error(LeaseValue::from_json(r#"{"PublicIP":7}"#), "PublicIP has a wrong value at byte 12");
    error(LeaseValue::from_json("{"), "JSON ends early, at byte 1");
    let pools = |text| NetworkConfig::from_json(text).and_then(|config| config.pools());
    error(pools("[]"), "not a JSON object");
    error(pools("{}"), "IPv4: no network");
    error(pools(r#"{"Network":"10.3.0.0/16","EnableIPv6":true}"#), "IPv6: no network");
    error("A=1\nB".parse::<SubnetEnv>(), "line 2: not an assignment");
    error("FLANNEL_MTU=x".parse::<SubnetEnv>(), "line 1: FLANNEL_MTU is not a number of 32 bits");
    error("\nFLANNEL_IPMASQ=x".parse::<SubnetEnv>(), "line 2: FLANNEL_IPMASQ is not true or false");
    error(
        AnnotationPrefix::parse("com"),
        "annotation prefix: no domain in lower case with a dot in it",
    );
    error(
        AnnotationPrefix::parse("a.com/B"),
        "annotation prefix: after '/' not only a-z, 0-9, '-' and '_'",
    );
    let prefix = AnnotationPrefix::parse("a.com/b").unwrap();
    says(prefix.key(Annotation::PublicIp), "a.com/b-public-ip");
    let mut watch = LeaseWatch::new(&mut [], Families::Ipv4, HashKey::PREDICTABLE);
    let added = watch.added("10.5.1.0-24".parse().unwrap(), ());
    error(added, "more leases than the 0 that there is space for");
}

#[test]
fn netlink_messages() {
    says(MessageError::Header { available: 3 }, "a netlink header needs 16 bytes, 3 are available");
    says(
        MessageError::Length { len: 9, available: 20 },
        "message length 9, 20 bytes are available",
    );
    says(
        MessageError::Body { needed: 12, available: 4 },
        "the message body needs 12 bytes, 4 are available",
    );
    error(Attrs::new(&[4, 0, 1, 0, 9]).check(), "bytes that are not an attribute at byte 4");
    let room = netlink::RequestError::BufferTooSmall { needed: 40, available: 39 };
    says(room, "the message needs 40 bytes, the buffer has 39");
    says(
        netlink::RequestError::TooLong { len: 65_536, max: 65_535 },
        "65536 bytes, at most 65535 fit the length field",
    );
    says(RebuildError::Build(room), "the message needs 40 bytes, the buffer has 39");
    says(
        RebuildError::Message(MessageError::Header { available: 3 }),
        "a netlink header needs 16 bytes, 3 are available",
    );
    error(LinkName::new(""), "link name of 0 bytes, 1 to 15 allowed");
    error(LinkName::new("eth 0"), "link name with a byte that is not allowed at 3");
}

#[test]
fn walks_show_what_they_walk_over() {
    // An attribute of type 1 with one byte.
    let attribute = [&5_u16.to_ne_bytes()[..], &1_u16.to_ne_bytes(), &[0x5a, 0, 0, 0]].concat();
    let shown = format!("{:?}", Attrs::new(&attribute));
    assert!(shown.starts_with('[') && shown.contains("90"), "{shown}");
    // RTM_NEWROUTE of the default route with RTA_MULTIPATH.
    let hop = [&8_u16.to_ne_bytes()[..], &[0, 0], &2_u32.to_ne_bytes()].concat();
    let multipath = [&12_u16.to_ne_bytes()[..], &9_u16.to_ne_bytes(), &hop].concat();
    let route = [&[2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0][..], &multipath].concat();
    let header = [&40_u32.to_ne_bytes()[..], &24_u16.to_ne_bytes(), &[0; 10]].concat();
    let message = [header, route].concat();
    let message = Messages::new(&message).next().unwrap().unwrap();
    let Ok(Body::Route(route)) = message.body() else { panic!() };
    let shown = format!("{:?}", route.next_hops().unwrap());
    assert!(
        shown.starts_with("[NextHop {") && shown.contains("ifindex: Some(IfIndex(2))"),
        "{shown}"
    );
}

#[test]
fn changes_of_the_agent() {
    let address = LinkAddress {
        ifindex: IfIndex::literal::<4>(),
        address: [10, 5, 1, 0].into(),
        prefix_len: 32,
    };
    says(AddressChange::Add(address), "add address 10.5.1.0/32 on link 4");
    says(AddressChange::Delete(address), "delete address 10.5.1.0/32 on link 4");
    let mac = MacAddr::new([2, 0, 0, 0, 0, 9]);
    let fdb = Record::Fdb(FdbEntry {
        ifindex: IfIndex::literal::<4>(),
        mac,
        remote: IpAddr::from([192, 168, 50, 9]),
    });
    says(fdb, "02:00:00:00:00:09 is behind 192.168.50.9 on link 4");
    says(agent::Change::Set(fdb), "set 02:00:00:00:00:09 is behind 192.168.50.9 on link 4");
    says(agent::Change::Add(fdb), "add 02:00:00:00:00:09 is behind 192.168.50.9 on link 4");
    says(TooManyRecords { max: 3 }, "leases want more than 3 entries");
    let subnet = "10.5.3.0/24".parse().unwrap();
    says(PeerError::NoBackendData, "the backend data is absent");
    says(PeerError::NoPublicAddress, "the public address is absent");
    let group = PeerError::PublicAddress([224, 0, 0, 1].into());
    says(group, "public address 224.0.0.1 is not unicast");
    says(PeerError::VtepMac(MacAddr::ZERO), "VtepMAC 00:00:00:00:00:00 is not unicast");
    says(PeerError::Subnet(subnet), "10.5.3.0/24 is not a subnet for a peer");
    says(PeerError::OutsideNetworks(subnet), "10.5.3.0/24 is outside the overlay's networks");
}
