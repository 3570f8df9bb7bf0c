//! The numbers of attributes, message types and flags against those of the kernel's headers
//! (`numbers.tsv`).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bitflags::Flags;
use vtep::netlink::{
    AddressAttr, Attr, AttrFlags, Attrs, Be16, Be32, ExtAckAttr, Family, Header, IfIndex, LinkAttr,
    LinkFlags, LinkInfoAttr, MessageFlags, MessageType, NeighbourAttr, NeighbourFlags,
    NeighbourState, RouteAttr, RouteFlags, Table, Text, Via, VxlanAttr, Writer, build,
};
use vtep::wire::MacAddr;

const V4: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);
const V6: Ipv6Addr = Ipv6Addr::LOCALHOST;
const IP: IpAddr = IpAddr::V4(V4);
const MAC: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);
const INDEX: Option<IfIndex> = Some(IfIndex::literal::<1>());
const TEXT: Text<'_> = Text(b"a");

fn numbers() -> BTreeMap<String, u32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/netlink/numbers.tsv");
    let text = std::fs::read_to_string(path).expect("test data");
    let lines = text.lines().map(|line| line.split_once('\t').unwrap());
    lines.map(|(name, number)| (name.to_string(), number.parse().unwrap())).collect()
}

/// The type that an attribute is written with.
fn kind(write: impl Fn(&mut Writer<'_>)) -> u32 {
    let mut buffer = [0; 64];
    let header = Header::request(MessageType::NEWLINK, MessageFlags::CHANGE, 1);
    let length = build(&mut buffer, header, write).unwrap();
    u32::from(Attrs::new(&buffer[16..length]).next().unwrap().raw_type())
}

/// Compares the written type, and what that type is read as, with the kernel's number.
macro_rules! same {
    ($numbers:ident, $attr:ident: $($variant:ident($value:expr) = $name:literal,)*) => {$(
        let number = $numbers[$name];
        assert_eq!(kind(|writer| $attr::$variant($value).emit(writer)), number, $name);
    )*};
}

#[test]
fn attributes_of_routes() {
    let numbers = numbers();
    same! { numbers, RouteAttr:
        Destination(IP) = "RTA_DST",
        Source(IP) = "RTA_SRC",
        Iif(INDEX) = "RTA_IIF",
        Oif(INDEX) = "RTA_OIF",
        Gateway(IP) = "RTA_GATEWAY",
        Priority(1) = "RTA_PRIORITY",
        PreferredSource(IP) = "RTA_PREFSRC",
        Flow(1) = "RTA_FLOW",
        Table(1) = "RTA_TABLE",
        Mark(1) = "RTA_MARK",
        Via(Via(IP)) = "RTA_VIA",
        Preference(1) = "RTA_PREF",
        EncapType(1) = "RTA_ENCAP_TYPE",
        Expires(1) = "RTA_EXPIRES",
        NextHopId(1) = "RTA_NH_ID",
    }
}

#[test]
fn attributes_of_neighbours() {
    let numbers = numbers();
    same! { numbers, NeighbourAttr:
        Destination(IP) = "NDA_DST",
        LinkAddress(MAC) = "NDA_LLADDR",
        Probes(1) = "NDA_PROBES",
        Vlan(1) = "NDA_VLAN",
        Port(Be16(1)) = "NDA_PORT",
        Vni(1) = "NDA_VNI",
        IfIndex(INDEX) = "NDA_IFINDEX",
        Master(INDEX) = "NDA_MASTER",
        SourceVni(1) = "NDA_SRC_VNI",
        Protocol(1) = "NDA_PROTOCOL",
        NextHopId(1) = "NDA_NH_ID",
        FlagsExt(1) = "NDA_FLAGS_EXT",
    }
}

#[test]
fn attributes_of_addresses() {
    let numbers = numbers();
    same! { numbers, AddressAttr:
        Address(IP) = "IFA_ADDRESS",
        Local(IP) = "IFA_LOCAL",
        Label(TEXT) = "IFA_LABEL",
        Broadcast(IP) = "IFA_BROADCAST",
        Flags(1) = "IFA_FLAGS",
    }
}

#[test]
fn attributes_of_links() {
    let numbers = numbers();
    same! { numbers, LinkAttr:
        Address(MAC) = "IFLA_ADDRESS",
        Broadcast(MAC) = "IFLA_BROADCAST",
        Name(TEXT) = "IFLA_IFNAME",
        Mtu(1) = "IFLA_MTU",
        Link(INDEX) = "IFLA_LINK",
        Qdisc(TEXT) = "IFLA_QDISC",
        Master(INDEX) = "IFLA_MASTER",
        TxQueueLen(1) = "IFLA_TXQLEN",
        OperState(1) = "IFLA_OPERSTATE",
        NamespacePid(1) = "IFLA_NET_NS_PID",
        Alias(TEXT) = "IFLA_IFALIAS",
        Group(1) = "IFLA_GROUP",
        NamespaceFd(1) = "IFLA_NET_NS_FD",
        ExtMask(1) = "IFLA_EXT_MASK",
        LinkNetnsId(1) = "IFLA_LINK_NETNSID",
    }
}

#[test]
fn attributes_of_kinds_of_links() {
    let numbers = numbers();
    same! { numbers, LinkInfoAttr:
        Kind(TEXT) = "IFLA_INFO_KIND",
        PortKind(TEXT) = "IFLA_INFO_SLAVE_KIND",
    }
}

#[test]
fn attributes_of_reasons() {
    let numbers = numbers();
    same! { numbers, ExtAckAttr:
        Message(TEXT) = "NLMSGERR_ATTR_MSG",
        Offset(1) = "NLMSGERR_ATTR_OFFS",
        MissingType(1) = "NLMSGERR_ATTR_MISS_TYPE",
        MissingNest(1) = "NLMSGERR_ATTR_MISS_NEST",
    }
}

#[test]
fn attributes_of_vxlan_devices() {
    let numbers = numbers();
    same! { numbers, VxlanAttr:
        Id(1) = "IFLA_VXLAN_ID",
        Group(V4) = "IFLA_VXLAN_GROUP",
        Link(INDEX) = "IFLA_VXLAN_LINK",
        Local(V4) = "IFLA_VXLAN_LOCAL",
        Ttl(1) = "IFLA_VXLAN_TTL",
        Tos(1) = "IFLA_VXLAN_TOS",
        Learning(1) = "IFLA_VXLAN_LEARNING",
        Ageing(1) = "IFLA_VXLAN_AGEING",
        Limit(1) = "IFLA_VXLAN_LIMIT",
        PortRange([0; 4]) = "IFLA_VXLAN_PORT_RANGE",
        Proxy(1) = "IFLA_VXLAN_PROXY",
        Rsc(1) = "IFLA_VXLAN_RSC",
        L2Miss(1) = "IFLA_VXLAN_L2MISS",
        L3Miss(1) = "IFLA_VXLAN_L3MISS",
        Port(Be16(1)) = "IFLA_VXLAN_PORT",
        Group6(V6) = "IFLA_VXLAN_GROUP6",
        Local6(V6) = "IFLA_VXLAN_LOCAL6",
        UdpChecksum(1) = "IFLA_VXLAN_UDP_CSUM",
        ZeroChecksum6Tx(1) = "IFLA_VXLAN_UDP_ZERO_CSUM6_TX",
        ZeroChecksum6Rx(1) = "IFLA_VXLAN_UDP_ZERO_CSUM6_RX",
        RemoteChecksumTx(1) = "IFLA_VXLAN_REMCSUM_TX",
        RemoteChecksumRx(1) = "IFLA_VXLAN_REMCSUM_RX",
        Gbp(()) = "IFLA_VXLAN_GBP",
        RemoteChecksumNoPartial(()) = "IFLA_VXLAN_REMCSUM_NOPARTIAL",
        CollectMetadata(1) = "IFLA_VXLAN_COLLECT_METADATA",
        Label(Be32(1)) = "IFLA_VXLAN_LABEL",
        Gpe(()) = "IFLA_VXLAN_GPE",
        TtlInherit(1) = "IFLA_VXLAN_TTL_INHERIT",
        Df(1) = "IFLA_VXLAN_DF",
        VniFilter(1) = "IFLA_VXLAN_VNIFILTER",
    }
}

#[test]
fn attributes_of_attributes() {
    let numbers = numbers();
    let attr = |name: &str| Attr::new(u16::try_from(numbers[name]).unwrap(), &[]);
    let route = |name| RouteAttr::decode(attr(name));
    assert!(matches!(route("RTA_METRICS"), RouteAttr::Metrics(_)));
    assert!(matches!(route("RTA_ENCAP"), RouteAttr::Encap(_)));
    let hop = [&8_u16.to_ne_bytes()[..], &[0; 6]].concat();
    let multipath = RouteAttr::decode(Attr::new(attr("RTA_MULTIPATH").kind(), &hop));
    assert!(matches!(multipath, RouteAttr::Multipath(_)));
    assert!(matches!(LinkAttr::decode(attr("IFLA_LINKINFO")), LinkAttr::LinkInfo(_)));
    let info = |name| LinkInfoAttr::decode(attr(name));
    assert!(matches!(info("IFLA_INFO_DATA"), LinkInfoAttr::Data(_)));
    assert!(matches!(info("IFLA_INFO_SLAVE_DATA"), LinkInfoAttr::PortData(_)));
    assert_eq!(u32::from(AttrFlags::NESTED.bits()), numbers["NLA_F_NESTED"]);
    assert_eq!(u32::from(AttrFlags::NET_BYTEORDER.bits()), numbers["NLA_F_NET_BYTEORDER"]);
}

#[test]
fn message_types() {
    let numbers = numbers();
    for (kind, name) in [
        (MessageType::NOOP, "NLMSG_NOOP"),
        (MessageType::ERROR, "NLMSG_ERROR"),
        (MessageType::DONE, "NLMSG_DONE"),
        (MessageType::OVERRUN, "NLMSG_OVERRUN"),
        (MessageType::NEWLINK, "RTM_NEWLINK"),
        (MessageType::DELLINK, "RTM_DELLINK"),
        (MessageType::GETLINK, "RTM_GETLINK"),
        (MessageType::NEWADDR, "RTM_NEWADDR"),
        (MessageType::DELADDR, "RTM_DELADDR"),
        (MessageType::GETADDR, "RTM_GETADDR"),
        (MessageType::NEWROUTE, "RTM_NEWROUTE"),
        (MessageType::DELROUTE, "RTM_DELROUTE"),
        (MessageType::GETROUTE, "RTM_GETROUTE"),
        (MessageType::NEWNEIGH, "RTM_NEWNEIGH"),
        (MessageType::DELNEIGH, "RTM_DELNEIGH"),
        (MessageType::GETNEIGH, "RTM_GETNEIGH"),
    ] {
        assert_eq!(u32::from(kind.0), numbers[name], "{name}");
    }
    for kind in 0..40 {
        assert_eq!(MessageType(kind).is_control(), u32::from(kind) < numbers["NLMSG_MIN_TYPE"]);
    }
    assert_eq!(Table::MAIN.0, numbers["RT_TABLE_MAIN"]);
    assert_eq!(Table::LOCAL.0, numbers["RT_TABLE_LOCAL"]);
    for (family, name) in [
        (Family::UNSPEC, "AF_UNSPEC"),
        (Family::INET, "AF_INET"),
        (Family::BRIDGE, "AF_BRIDGE"),
        (Family::INET6, "AF_INET6"),
    ] {
        assert_eq!(u32::from(family.0), numbers[name], "{name}");
    }
}

/// Compares each flag that has a name with the number that a header has under one of the prefixes.
fn same_flags<F: Flags<Bits: Into<u32>>>(prefixes: &[&str]) {
    let numbers = numbers();
    for flag in F::FLAGS.iter().filter(|flag| flag.is_named()) {
        let names = prefixes.iter().map(|prefix| format!("{prefix}{}", flag.name()));
        let found: Vec<_> = names.filter_map(|name| numbers.get(&name)).collect();
        assert_eq!(found, [&flag.value().bits().into()], "{}", flag.name());
    }
}

#[test]
fn flags() {
    same_flags::<MessageFlags>(&["NLM_F_"]);
    same_flags::<NeighbourState>(&["NUD_"]);
    same_flags::<NeighbourFlags>(&["NTF_"]);
    same_flags::<RouteFlags>(&["RTNH_F_", "RTM_F_"]);
    same_flags::<LinkFlags>(&["IFF_"]);
}
