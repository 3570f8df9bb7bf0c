//! rtnetlink against the messages of the kernel, iproute2 and flanneld (`tests/data/netlink`).
// they were recorded on a little-endian machine
#![cfg(target_endian = "little")]

use std::net::IpAddr;
use std::sync::OnceLock;

use quickcheck::quickcheck;
use vtep::agent::{
    AddressChange, Change, FoundRecords, HostGwBackend, HostGwPeer, Owner, Plan, Reach, Record,
    VxlanBackend, VxlanPeer,
};
use vtep::netlink::{
    AddressDump, Body, BridgeLink, Dump, DumpStep, Family, FdbEntry, Header, HostGwRoute, IfIndex,
    LinkAddress, LinkChange, LinkLookup, LinkName, Message, MessageError, MessageFlags,
    MessageType, Messages, Metric, NeighbourDump, NeighbourEntry, OnlinkRoute, OtherRoute,
    RequestError, RouteAttr, RouteDump, RouteLookup, Table, VethLink, VxlanAttr, VxlanLink, build,
};
use vtep::subnet::IpPrefix;
use vtep::wire::{MacAddr, Vni};

fn data(name: &str) -> Vec<Vec<String>> {
    let path = format!("{}/tests/data/netlink/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("test data");
    text.lines().map(|line| line.split('\t').map(String::from).collect()).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    assert_eq!(hex.len() % 2, 0);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A recorded message: the command, who sent it, the bytes.
type Recorded = (String, String, Vec<u8>);

fn recorded() -> &'static [Recorded] {
    static RECORDED: OnceLock<Vec<Recorded>> = OnceLock::new();
    RECORDED.get_or_init(|| {
        let files = ["iproute2.tsv", "flanneld.tsv"].into_iter().flat_map(data);
        files.map(|line| (line[0].clone(), line[1].clone(), bytes(&line[2]))).collect()
    })
}

fn one(bytes: &[u8]) -> Message<'_> {
    let mut messages = Messages::new(bytes);
    let message = messages.next().unwrap().unwrap();
    assert!(messages.next().is_none());
    message
}

/// The recorded message of that command, sender and type.
fn of_command(name: &str, sender: &str, kind: MessageType) -> &'static [u8] {
    let found = recorded().iter().find(|(command, from, bytes)| {
        command.starts_with(name) && from == sender && one(bytes).header.kind == kind
    });
    &found.unwrap_or_else(|| panic!("{name} {sender} {kind:?}")).2
}

fn flanneld(backend: &str, kind: MessageType) -> Vec<String> {
    let lines = data("flanneld.tsv").into_iter().filter(|line| line[0] == backend);
    lines.map(|line| line[2].clone()).filter(|line| one(&bytes(line)).header.kind == kind).collect()
}

fn written(write: impl Fn(&mut [u8]) -> Result<usize, RequestError>) -> String {
    let mut buffer = [0xaa; 512];
    let length = write(&mut buffer).unwrap();
    for short in 0..length {
        let mut buffer = vec![0xaa; short];
        let error = RequestError::BufferTooSmall { needed: length, available: short };
        assert_eq!(write(&mut buffer), Err(error));
        assert!(buffer.iter().all(|byte| *byte == 0xaa), "a failed write changed the buffer");
    }
    assert!(buffer[length..].iter().all(|byte| *byte == 0xaa));
    hex(&buffer[..length])
}

fn plan(plan: &Plan, seq: u32) -> Vec<String> {
    let numbered = plan.changes().zip(seq..);
    numbered.map(|(change, seq)| written(|buffer| change.write(seq, buffer))).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(address: &str, len: u8) -> IpPrefix {
    IpPrefix::new(ip(address), len).unwrap()
}

fn mac(text: &str) -> MacAddr {
    text.parse().unwrap()
}

#[test]
fn every_recorded_message_is_read_and_rebuilt() {
    let recorded = recorded();
    assert_eq!(recorded.len(), 331);
    for (name, sender, bytes) in recorded {
        let message = one(bytes);
        let body = message.body().unwrap_or_else(|error| panic!("{name} {sender}: {error}"));
        let known = !matches!(body, Body::Other(_));
        assert!(known || name == "61_nexthop_add", "{name} {sender}");
        let mut buffer = [0xaa; 4096];
        let length = message.rebuild(&mut buffer).unwrap();
        assert_eq!(hex(&buffer[..length]), hex(bytes), "{name} {sender}");
    }
}

#[test]
fn the_vectors_are_written() {
    let route = HostGwRoute {
        destination: prefix("10.1.17.0", 24),
        gateway: ip("192.168.0.17"),
        ifindex: Some(IfIndex::literal::<2>()),
    };
    assert_eq!(
        written(|buffer| route.write_add(1, buffer)),
        "3400000018000506010000000000000002180000fe03000100000000080001000a01110008000500c0a800110800040002000000"
    );
    let onlink = OnlinkRoute {
        destination: prefix("10.1.17.0", 24),
        gateway: ip("10.1.17.0"),
        ifindex: IfIndex::literal::<7>(),
    };
    assert_eq!(
        written(|buffer| onlink.write_set(1, buffer)),
        "3400000018000505010000000000000002180000fe03000104000000080001000a011100080005000a0111000800040007000000"
    );
    let mac = mac("c6:d2:32:6f:8f:44");
    let neighbour =
        NeighbourEntry { ifindex: IfIndex::literal::<7>(), address: ip("10.1.17.0"), mac };
    assert_eq!(
        written(|buffer| neighbour.write_set(1, buffer)),
        "300000001c0005050100000000000000020000000700000080000001080001000a0111000a000200c6d2326f8f440000"
    );
    let fdb = FdbEntry { ifindex: IfIndex::literal::<7>(), mac, remote: ip("192.168.0.17") };
    assert_eq!(
        written(|buffer| fdb.write_set(1, buffer)),
        "300000001c000505010000000000000007000000070000008000020008000100c0a800110a000200c6d2326f8f440000"
    );
    let route = HostGwRoute {
        destination: prefix("fd00:1::", 64),
        gateway: ip("fd00:50::2"),
        ifindex: Some(IfIndex::literal::<2>()),
    };
    assert_eq!(written(|buffer| route.write_add(1, buffer)).len(), 2 * 76);
}

#[test]
fn a_vxlan_peer_gives_flannelds_own_bytes() {
    let owner = Owner::of_subnet(prefix("10.5.49.0", 24));
    let peer = VxlanPeer::new(owner, ip("192.168.50.3"), mac("22:75:83:68:df:b4")).unwrap();
    let backend = VxlanBackend { ifindex: IfIndex::literal::<3>() };
    let neighbours = flanneld("vxlan", MessageType::NEWNEIGH);
    let routes = flanneld("vxlan", MessageType::NEWROUTE);
    assert_eq!(plan(&backend.added(&peer, Reach::Tunnel, []), 8), [neighbours, routes].concat());
    let neighbours = flanneld("vxlan", MessageType::DELNEIGH);
    let routes = flanneld("vxlan", MessageType::DELROUTE);
    assert_eq!(
        plan(&backend.removed(&peer, Reach::Tunnel, []), 0x0b),
        [neighbours, routes].concat()
    );
}

#[test]
fn a_host_gw_peer_gives_flannelds_own_bytes() {
    let owner = Owner::of_subnet(prefix("10.6.82.0", 24));
    let peer = HostGwPeer::new(owner, ip("192.168.50.3")).unwrap();
    let backend = HostGwBackend { ifindex: IfIndex::literal::<2>() };
    let added = backend.added(&peer, FoundRecords::EMPTY, []);
    assert_eq!(plan(&added, 4), flanneld("hostgw", MessageType::NEWROUTE));
    assert_eq!(plan(&backend.removed(&peer, []), 6), flanneld("hostgw", MessageType::DELROUTE));
    let family = Family::INET;
    let lists: Vec<String> =
        [2, 3, 5].map(|seq| written(|buffer| RouteDump { family }.write(seq, buffer))).into();
    assert_eq!(lists, flanneld("hostgw", MessageType::GETROUTE));
}

#[test]
fn the_vxlan_device_is_made_as_flanneld_makes_it() {
    let name = LinkName::new("flannel.1").unwrap();
    let link = VxlanLink::flannel(
        name,
        Vni::new(1).unwrap(),
        IfIndex::literal::<2>(),
        ip("192.168.50.2"),
        mac("fa:84:e9:0c:e5:39"),
    );
    let up = LinkChange { up: Some(true), ..LinkChange::new(IfIndex::literal::<3>()) };
    let made =
        vec![written(|buffer| link.write_add(2, buffer)), written(|buffer| up.write(7, buffer))];
    assert_eq!(made, flanneld("vxlan", MessageType::NEWLINK));
    let address =
        LinkAddress { ifindex: IfIndex::literal::<3>(), address: ip("10.5.17.0"), prefix_len: 32 };
    assert_eq!(
        vec![written(|buffer| address.write_add(6, buffer))],
        flanneld("vxlan", MessageType::NEWADDR)
    );
}

#[test]
fn links_and_addresses_are_asked_for_as_flanneld_does() {
    // the first is of Go's standard library
    let asked = &flanneld("vxlan", MessageType::GETLINK)[1..];
    let name = LinkLookup::Name(LinkName::new("flannel.1").unwrap());
    let lookups = [(name, 3), (LinkLookup::Index(IfIndex::literal::<3>()), 4)];
    assert_eq!(lookups.map(|(lookup, seq)| written(|buffer| lookup.write(seq, buffer))), asked);
    let family = Family::INET;
    let lists = [1, 5].map(|seq| written(|buffer| AddressDump { family }.write(seq, buffer)));
    assert_eq!(lists, *flanneld("vxlan", MessageType::GETADDR));
}

#[test]
fn links_are_changed_and_deleted_as_iproute2_does() {
    let seq = |bytes: &[u8]| one(bytes).header.seq;
    let expected = of_command("45_link_del", "tx", MessageType::DELLINK);
    assert_eq!(
        written(|buffer| LinkChange::write_delete(IfIndex::literal::<4>(), seq(expected), buffer)),
        hex(expected)
    );
    let expected = of_command("76_link_set_netns", "tx", MessageType::NEWLINK);
    let change = LinkChange { namespace_fd: Some(4), ..LinkChange::new(IfIndex::literal::<2>()) };
    assert_eq!(written(|buffer| change.write(seq(expected), buffer)), hex(expected));
    let is_change = |(name, from, _): &&(String, String, Vec<u8>)| {
        (name == "01_link_set_address" || name == "02_link_set_mtu") && from == "tx"
    };
    let recorded = recorded();
    let changes: Vec<&Vec<u8>> = recorded
        .iter()
        .filter(is_change)
        .map(|(_, _, bytes)| bytes)
        .filter(|bytes| one(bytes).header.kind == MessageType::NEWLINK && bytes.len() > 32)
        .collect();
    assert_eq!(changes.len(), 2);
    let address = Some(mac("02:42:0a:01:10:00"));
    let change = LinkChange { address, ..LinkChange::new(IfIndex::literal::<4>()) };
    assert_eq!(written(|buffer| change.write(seq(changes[0]), buffer)), hex(changes[0]));
    let change = LinkChange { mtu: Some(1450), ..LinkChange::new(IfIndex::literal::<4>()) };
    assert_eq!(written(|buffer| change.write(seq(changes[1]), buffer)), hex(changes[1]));
}

#[test]
fn routes_are_read_back() {
    let bytes = of_command("06_hostgw_route_add", "notify", MessageType::NEWROUTE);
    let Ok(Body::Route(route)) = one(bytes).body() else { panic!() };
    let expected = HostGwRoute {
        destination: prefix("10.1.17.0", 24),
        gateway: ip("192.168.50.2"),
        ifindex: Some(IfIndex::literal::<3>()),
    };
    assert_eq!(HostGwRoute::from_message(route), Some(expected));
    assert_eq!(OnlinkRoute::from_message(route), None);
    assert_eq!(route.table(), Table::MAIN);

    let bytes = of_command("31_route6_add_onlink", "notify", MessageType::NEWROUTE);
    let Ok(Body::Route(route)) = one(bytes).body() else { panic!() };
    let read = OnlinkRoute::from_message(route).unwrap();
    assert_eq!(read.destination.to_string(), "fd00:1:18::/64");
    assert_eq!((read.gateway, read.ifindex), (ip("fd00:1:18::"), IfIndex::literal::<4>()));

    let bytes = of_command("13_hostgw_route_add_metric_proto_src", "tx", MessageType::NEWROUTE);
    let Ok(Body::Route(route)) = one(bytes).body() else { panic!() };
    assert_eq!(route.priority(), Some(100));
    assert_eq!(route.preferred_source(), Some(ip("192.168.50.10")));
    assert_eq!(route.metrics().collect::<Vec<_>>(), [Metric { kind: 2, value: 1400 }]);
}

#[test]
fn links_are_read_back() {
    let link = |bytes| match one(bytes).body() {
        Ok(Body::Link(link)) => link,
        other => panic!("{other:?}"),
    };
    let made = link(of_command("34_link_add_vxlan6", "tx", MessageType::NEWLINK));
    assert_eq!(made.name().and_then(|name| name.as_str()), Some("flannel-v6.1"));
    assert_eq!((made.mtu(), made.address()), (Some(1430), Some(mac("02:42:0a:06:10:00"))));
    assert_eq!(made.kind().and_then(|kind| kind.as_str()), Some("vxlan"));
    assert!(made.data().is_some());
    assert_eq!((made.lower_ifindex(), made.master()), (None, None));
    let moved = link(of_command("76_link_set_netns", "tx", MessageType::NEWLINK));
    assert_eq!((moved.name().is_none(), moved.mtu(), moved.address()), (true, None, None));
    assert!(moved.kind().is_none() && moved.data().is_none());
}

#[test]
fn the_own_address_of_a_point_to_point_link_is_its_local_one() {
    let mut bytes = of_command("03_addr_add_32", "tx", MessageType::NEWADDR).to_vec();
    // IFA_LOCAL stands first, IFA_ADDRESS last: the other side's.
    *bytes.last_mut().unwrap() = 9;
    let Ok(Body::Address(address)) = one(&bytes).body() else { panic!() };
    assert_eq!(
        (address.local(), address.address()),
        (Some(ip("10.1.16.0")), Some(ip("10.1.16.9")))
    );
    let own =
        LinkAddress { ifindex: IfIndex::literal::<4>(), address: ip("10.1.16.0"), prefix_len: 32 };
    assert_eq!(LinkAddress::from_message(address), Some(own));
    let bytes = of_command("03_addr_add_32", "notify", MessageType::NEWADDR);
    let Ok(Body::Address(address)) = one(bytes).body() else { panic!() };
    assert_eq!(address.label().and_then(|label| label.as_str()), Some("flannel.1"));
    assert_eq!(LinkAddress::from_message(address), Some(own));
}

#[test]
fn routes_are_asked_for_as_iproute2_does() {
    let expected = of_command("63_route_get", "tx", MessageType::GETROUTE);
    let lookup = RouteLookup { address: ip("10.10.1.1") };
    let asked = written(|buffer| lookup.write(one(expected).header.seq, buffer));
    // iproute2 asks for the table too: RTM_F_LOOKUP_TABLE.
    let mut expected = expected.to_vec();
    assert_eq!(std::mem::take(&mut expected[25]), 0x10);
    assert_eq!(asked, hex(&expected));
    let v6 = RouteLookup { address: ip("fd00::1") };
    let asked = bytes(&written(|buffer| v6.write(1, buffer)));
    let Ok(Body::Route(route)) = one(&asked).body() else { panic!() };
    assert_eq!(route.destination(), Some((ip("fd00::1"), 128)));
}

#[test]
fn a_route_without_a_destination_is_the_default_route() {
    for (family, all) in [(Family::INET, ip("0.0.0.0")), (Family::INET6, ip("::"))] {
        let asked = bytes(&written(|buffer| RouteDump { family }.write(1, buffer)));
        let Ok(Body::Route(route)) = one(&asked).body() else { panic!() };
        assert_eq!(route.destination(), Some((all, 0)));
    }
    // AF_MPLS
    let family = Family(28);
    let asked = bytes(&written(|buffer| RouteDump { family }.write(1, buffer)));
    let Ok(Body::Route(route)) = one(&asked).body() else { panic!() };
    assert_eq!(route.destination(), None);
}

#[test]
fn a_blackhole_is_another_route() {
    let expected = of_command("60_route_blackhole", "tx", MessageType::NEWROUTE);
    let seq = one(expected).header.seq;
    let Ok(Body::Route(route)) = one(expected).body() else { panic!() };
    let other =
        OtherRoute { destination: prefix("10.13.0.0", 16), ifindex: None, scope: 0, route_type: 6 };
    assert_eq!(OtherRoute::from_message(route), Some(other));
    assert_eq!(written(|buffer| other.write_add(seq, buffer)), hex(expected));
    // NLM_F_REQUEST and NLM_F_ACK; a route is deleted whoever made it.
    let mut deleted = expected.to_vec();
    (deleted[4], deleted[6], deleted[7], deleted[21]) = (25, 5, 0, 0);
    assert_eq!(written(|buffer| other.write_delete(seq, buffer)), hex(&deleted));
    // RT_SCOPE_LINK
    let direct =
        OtherRoute { ifindex: Some(IfIndex::literal::<3>()), scope: 253, route_type: 1, ..other };
    let asked = bytes(&written(|buffer| direct.write_add(seq, buffer)));
    let Ok(Body::Route(route)) = one(&asked).body() else { panic!() };
    assert_eq!(OtherRoute::from_message(route), Some(direct));

    let gateway = of_command("06_hostgw_route_add", "notify", MessageType::NEWROUTE);
    let Ok(Body::Route(route)) = one(gateway).body() else { panic!() };
    assert_eq!(OtherRoute::from_message(route), None);
    let table = of_command("59_route_table_metrics", "tx", MessageType::NEWROUTE);
    let Ok(Body::Route(route)) = one(table).body() else { panic!() };
    assert_eq!(OtherRoute::from_message(route), None);
}

/// flannel `pkg/ip` `DirectRouting`: exactly one route, without a gateway.
#[test]
fn a_peer_is_direct_where_its_one_route_has_no_gateway() {
    let via = of_command("63_route_get", "rx", MessageType::NEWROUTE);
    let Ok(Body::Route(via)) = one(via).body() else { panic!() };
    assert_eq!(via.gateway(), Some(ip("10.9.0.2")));
    assert_eq!(Reach::from_lookup([via]), Reach::Tunnel);
    let direct = of_command("60_route_blackhole", "tx", MessageType::NEWROUTE);
    let Ok(Body::Route(direct)) = one(direct).body() else { panic!() };
    assert_eq!(Reach::from_lookup([direct]), Reach::Direct);
    assert_eq!(Reach::from_lookup([direct, direct]), Reach::Tunnel);
    assert_eq!(Reach::from_lookup([]), Reach::Tunnel);
    let several = of_command("56_route_multipath", "tx", MessageType::NEWROUTE);
    let Ok(Body::Route(several)) = one(several).body() else { panic!() };
    assert_eq!((several.gateway(), several.next_hops().is_some()), (None, true));
    assert_eq!(Reach::from_lookup([several]), Reach::Tunnel);
}

#[test]
fn changes_of_addresses_are_written() {
    let address =
        LinkAddress { ifindex: IfIndex::literal::<3>(), address: ip("10.5.17.0"), prefix_len: 32 };
    let add = written(|buffer| AddressChange::Add(address).write(6, buffer));
    assert_eq!(vec![add], flanneld("vxlan", MessageType::NEWADDR));
    let delete = bytes(&written(|buffer| AddressChange::Delete(address).write(6, buffer)));
    assert_eq!(one(&delete).header.kind, MessageType::DELADDR);
    let Ok(Body::Address(read)) = one(&delete).body() else { panic!() };
    assert_eq!(LinkAddress::from_message(read), Some(address));
}

/// NLM_F_REQUEST and NLM_F_ACK; to add NLM_F_CREATE and NLM_F_EXCL, to set NLM_F_CREATE and
/// NLM_F_REPLACE.
#[test]
fn a_request_says_what_becomes_of_the_entry_that_is_there() {
    let (address, mac) = (ip("10.1.17.0"), mac("c6:d2:32:6f:8f:44"));
    let ifindex = IfIndex::literal::<7>();
    let destination = prefix("10.1.17.0", 24);
    let records = [
        Record::Neighbour(NeighbourEntry { ifindex, address, mac }),
        Record::Fdb(FdbEntry { ifindex, mac, remote: ip("192.168.0.17") }),
        Record::Onlink(OnlinkRoute { destination, gateway: address, ifindex }),
        Record::HostGw(HostGwRoute {
            destination,
            gateway: ip("192.168.0.17"),
            ifindex: Some(ifindex),
        }),
        Record::Other(OtherRoute {
            destination,
            ifindex: Some(ifindex),
            scope: 253,
            route_type: 1,
        }),
    ];
    for record in records {
        let is_route = !matches!(record, Record::Neighbour(_) | Record::Fdb(_));
        let [new, delete] = if is_route { [24, 25] } else { [28, 29] };
        for (change, kind, flags) in [
            (Change::Add(record), new, 0x605),
            (Change::Set(record), new, 0x505),
            (Change::Delete(record), delete, 0x005),
        ] {
            let request = bytes(&written(|buffer| change.write(3, buffer)));
            let Header { kind: own_kind, flags: own_flags, seq, port_id } = one(&request).header;
            assert_eq!(
                (own_kind.0, own_flags.bits(), seq, port_id),
                (kind, flags, 3, 0),
                "{change}"
            );
        }
    }
}

#[test]
fn a_route_is_replaced_as_iproute2_does() {
    let expected = of_command("08_hostgw_route_replace", "tx", MessageType::NEWROUTE);
    let Ok(Body::Route(route)) = one(expected).body() else { panic!() };
    let route = HostGwRoute::from_message(route).unwrap();
    let seq = one(expected).header.seq;
    assert_eq!(written(|buffer| route.write_set(seq, buffer)), hex(expected));
}

#[test]
fn what_the_kernel_only_keeps_in_mind_is_not_listed() {
    let mut bytes = of_command("06_hostgw_route_add", "notify", MessageType::NEWROUTE).to_vec();
    let route = |bytes: &[u8]| match one(bytes).body() {
        Ok(Body::Route(route)) => HostGwRoute::from_message(route).is_some(),
        other => panic!("{other:?}"),
    };
    assert!(route(&bytes));
    // RTM_F_CLONED
    bytes[25] |= 0x02;
    assert!(!route(&bytes));
}

#[test]
fn an_fdb_entry_is_permanent_and_the_devices_own() {
    let bytes = of_command("19_fdb_append_dst", "notify", MessageType::NEWNEIGH);
    let entry = |bytes: &[u8]| match one(bytes).body() {
        Ok(Body::Neighbour(message)) => FdbEntry::from_message(message).is_some(),
        other => panic!("{other:?}"),
    };
    assert!(entry(bytes));
    // `struct ndmsg`: AF_INET, state reachable, flags without NTF_SELF.
    for (at, value) in [(16, 2), (24, 0x02), (26, 0)] {
        let mut other = bytes.to_vec();
        assert_ne!(std::mem::replace(&mut other[at], value), value);
        assert!(!entry(&other), "{at}");
    }
}

#[test]
fn neighbours_are_asked_for_by_family() {
    for (family, number) in [(Family::INET, 2), (Family::INET6, 10), (Family::BRIDGE, 7)] {
        let asked = bytes(&written(|buffer| NeighbourDump { family }.write(6, buffer)));
        // RTM_GETNEIGH with NLM_F_REQUEST and NLM_F_DUMP, then `struct ndmsg`.
        let mut expected = vec![28, 0, 0, 0, 30, 0, 1, 3, 6, 0, 0, 0, 0, 0, 0, 0, number];
        expected.extend([0; 11]);
        assert_eq!(asked, expected);
    }
}

#[test]
fn a_dump_that_the_kernel_breaks_off_has_failed() {
    // NLMSG_DONE with -ENOBUFS.
    let mut bytes = vec![20, 0, 0, 0, 3, 0, 2, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend((-105_i32).to_le_bytes());
    let step = Dump::new(9).step(&one(&bytes));
    assert!(matches!(step, Ok(DumpStep::Failed { errno: 105, .. })), "{step:?}");
    bytes[16..].fill(0);
    assert!(matches!(Dump::new(9).step(&one(&bytes)), Ok(DumpStep::Finished)));
}

#[test]
fn a_short_request_has_a_family_alone() {
    for kind in [18, 22, 26, 30] {
        let mut bytes = vec![17, 0, 0, 0, kind, 0, 1, 3, 9, 0, 0, 0, 0, 0, 0, 0, 10];
        let body = one(&bytes).body().unwrap();
        assert!(matches!(body, Body::General([10])), "{body:?}");
        assert_eq!(body.family(), Some(Family::INET6));
        // Without a family it is none, and with the whole fixed part it is an ordinary request.
        bytes.truncate(16);
        bytes[0] = 16;
        assert!(matches!(one(&bytes).body(), Err(MessageError::Body { available: 0, .. })));
        bytes[0] = 32;
        bytes.extend([0; 16]);
        assert!(!matches!(one(&bytes).body(), Ok(Body::General(_))));
    }
    // A NEW of that length is none.
    let bytes = [17, 0, 0, 0, 24, 0, 1, 3, 9, 0, 0, 0, 0, 0, 0, 0, 10];
    assert!(matches!(one(&bytes).body(), Err(MessageError::Body { available: 1, .. })));
}

#[test]
fn neighbours_are_read_back() {
    let read = |name: &str| {
        let bytes = of_command(name, "notify", MessageType::NEWNEIGH);
        Record::from_body(one(bytes).body().unwrap())
    };
    let mac = mac("02:42:0a:01:12:00");
    let neighbour =
        NeighbourEntry { ifindex: IfIndex::literal::<4>(), address: ip("10.1.18.0"), mac };
    assert_eq!(read("17_neigh_add_permanent"), Some(Record::Neighbour(neighbour)));
    let fdb = FdbEntry { ifindex: IfIndex::literal::<4>(), mac, remote: ip("192.168.50.3") };
    assert_eq!(read("19_fdb_append_dst"), Some(Record::Fdb(fdb)));
    assert!(matches!(
        read("35_fdb6_append"),
        Some(Record::Fdb(FdbEntry { remote: IpAddr::V6(_), .. }))
    ));
}

#[test]
fn vxlan_devices_are_read_back() {
    let bytes = of_command("37_link_add_vxlan_gbp_opts", "notify", MessageType::NEWLINK);
    let Ok(Body::Link(link)) = one(bytes).body() else { panic!() };
    assert_eq!(link.name().and_then(|name| name.as_str()), Some("vxg"));
    let has = |wanted: fn(&VxlanAttr<'_>) -> bool| link.vxlan().filter(wanted).count() == 1;
    assert!(has(|attr| matches!(attr, VxlanAttr::Id(0xff_ffff))));
    assert!(has(|attr| matches!(attr, VxlanAttr::Port(port) if port.0 == 4789)));
    assert!(has(
        |attr| matches!(attr, VxlanAttr::Group(group) if group.octets() == [239, 1, 1, 1])
    ));
    assert!(has(|attr| matches!(attr, VxlanAttr::PortRange([0xc3, 0x50, 0xc3, 0xb4]))));
    assert!(has(|attr| matches!(attr, VxlanAttr::Gbp(()))));
    assert!(has(|attr| matches!(attr, VxlanAttr::Ageing(77))));
    assert!(has(|attr| matches!(attr, VxlanAttr::Df(1))));
}

/// libnetwork `drivers/overlay/ov_utils.go`: learning, ARP answered, both misses told, port 4789,
/// nothing else of it.
#[test]
fn the_vxlan_device_of_docker_is_made() {
    let name = LinkName::new("vx-001001").unwrap();
    let docker = VxlanLink::docker(name, Vni::new(4097).unwrap());
    assert_eq!(made_switches(&docker), [(7, 1), (11, 1), (12, 0), (13, 1), (14, 1)]);
    let request = bytes(&written(|buffer| docker.write_add(1, buffer)));
    let Ok(Body::Link(link)) = one(&request).body() else { panic!() };
    assert_eq!((link.mtu(), link.address(), link.lower_ifindex()), (None, None, None));
    assert!(link.vxlan().any(|attr| matches!(attr, VxlanAttr::Id(4097))));
    assert!(link.vxlan().any(|attr| matches!(attr, VxlanAttr::Port(port) if port.0 == 4789)));
    // IFLA_VXLAN_LINK, _LOCAL, _LOCAL6, _GBP
    let others = [3, 4, 17, 23].map(|kind| link.data().unwrap().attrs().find(kind));
    assert_eq!(others, [None; 4]);
    let lower_ifindex = Some(IfIndex::literal::<9>());
    let more =
        VxlanLink { gbp: true, mtu: 1400, lower_ifindex, local: Some(ip("fd00::1")), ..docker };
    let request = bytes(&written(|buffer| more.write_add(1, buffer)));
    let Ok(Body::Link(link)) = one(&request).body() else { panic!() };
    assert_eq!(link.mtu(), Some(1400));
    assert!(link.vxlan().any(|attr| matches!(attr, VxlanAttr::Gbp(()))));
    assert!(
        link.vxlan().any(|attr| matches!(attr, VxlanAttr::Link(index) if index == lower_ifindex))
    );
    let local = ip("fd00::1");
    assert!(link.vxlan().any(|attr| matches!(attr, VxlanAttr::Local6(own) if own == local)));
    let flannel = VxlanLink::flannel(
        name,
        docker.vni,
        IfIndex::literal::<2>(),
        ip("10.0.0.1"),
        MacAddr::ZERO,
    );
    assert_eq!(made_switches(&flannel), [(7, 0), (11, 0), (12, 0), (13, 0), (14, 0)]);
}

/// IFLA_VXLAN_LEARNING, _PROXY, _RSC, _L2MISS and _L3MISS of a new device.
fn made_switches(link: &VxlanLink<'_>) -> Vec<(u16, u8)> {
    let request = bytes(&written(|buffer| link.write_add(1, buffer)));
    let Ok(Body::Link(link)) = one(&request).body() else { panic!() };
    let attrs = link.data().unwrap().attrs();
    let switches = attrs.filter(|attr| matches!(attr.kind(), 7 | 11..=14));
    switches.map(|attr| (attr.kind(), attr.value()[0])).collect()
}

#[test]
fn acknowledgements_and_errors_are_told_apart() {
    let error = |name: &str| {
        let answers = recorded().iter().filter(|(command, from, bytes)| {
            command.starts_with(name)
                && from == "rx"
                && one(bytes).header.kind == MessageType::ERROR
        });
        let (_, _, bytes) = answers.reduce(|_, last| last).unwrap();
        let Ok(Body::Error(error)) = one(bytes).body() else { panic!() };
        assert_eq!(error.is_ack(), error.errno() == 0);
        (error.errno(), error.text().map(String::from), error.request.kind)
    };
    assert_eq!(error("03_addr_add_32"), (0, None, MessageType::NEWADDR));
    assert_eq!(error("07_"), (17, None, MessageType::NEWROUTE));
    assert_eq!(error("43_"), (3, None, MessageType::DELROUTE));
    let text = "Nexthop has invalid gateway".to_string();
    assert_eq!(error("14_"), (101, Some(text), MessageType::NEWROUTE));
    let text = "A VXLAN device with the specified VNI already exists".to_string();
    assert_eq!(error("39_"), (17, Some(text), MessageType::NEWLINK));
}

#[test]
fn a_dump_ends_and_says_when_it_was_interrupted() {
    let mut dump: Vec<u8> = Vec::new();
    for (name, from, bytes) in recorded() {
        let message = one(bytes);
        if name == "25_route_dump"
            && from == "rx"
            && message.header.flags.contains(MessageFlags::MULTI)
        {
            dump.extend(bytes);
        }
    }
    let seq = Messages::new(&dump).next().unwrap().unwrap().header.seq;
    let done = Header::request(MessageType::DONE, MessageFlags::MULTI, seq);
    let mut buffer = [0; 20];
    build(&mut buffer, done, |writer| writer.bytes(&[0; 4])).unwrap();
    dump.extend(buffer);
    let walk = |dump: &[u8], seq| {
        let mut state = Dump::new(seq);
        let mut entries = 0;
        for message in Messages::new(dump) {
            match state.step(&message.unwrap()).unwrap() {
                DumpStep::Entry(Body::Route(_)) => entries += 1,
                last => return (entries, format!("{last:?}")),
            }
        }
        panic!("no end")
    };
    let (entries, end) = walk(&dump, seq);
    assert_eq!((entries, end.as_str()), (3, "Finished"));
    assert_eq!(walk(&dump, seq + 1), (0, "Foreign".into()));
    dump[6] |= 0x10;
    assert_eq!(walk(&dump, seq).1, "Interrupted");
}

#[test]
fn several_next_hops_are_read() {
    let bytes = of_command("57_route6_multipath", "tx", MessageType::NEWROUTE);
    let Ok(Body::Route(route)) = one(bytes).body() else { panic!() };
    let hops: Vec<_> = route
        .next_hops()
        .unwrap()
        .iter()
        .map(|hop| (hop.gateway(), hop.hops, hop.ifindex.map_or(0, u32::from)))
        .collect();
    assert_eq!(hops, [(Some(ip("fd00:9::2")), 0, 0), (Some(ip("fd00:9::3")), 4, 0)]);
    assert_eq!(HostGwRoute::from_message(route), None);

    let bytes = of_command("59_route_table_metrics", "tx", MessageType::NEWROUTE);
    let Ok(Body::Route(route)) = one(bytes).body() else { panic!() };
    assert_eq!((route.table(), route.header.table), (Table(1000), 0));
    assert_eq!(HostGwRoute::from_message(route), None, "of another table");

    let bytes = of_command("58_route_via_inet6", "tx", MessageType::NEWROUTE);
    let Ok(Body::Route(route)) = one(bytes).body() else { panic!() };
    let read = HostGwRoute::from_message(route).unwrap();
    assert_eq!((read.destination, read.gateway), (prefix("10.11.0.0", 16), ip("fd00:9::2")));
    assert_eq!(written(|buffer| read.write_add(one(bytes).header.seq, buffer)), hex(bytes));
}

#[test]
fn next_hops_that_are_not_whole_are_none() {
    let mut bytes = of_command("56_route_multipath", "tx", MessageType::NEWROUTE).to_vec();
    let has_hops = |bytes: &[u8]| match one(bytes).body() {
        Ok(Body::Route(route)) => route.next_hops().is_some(),
        other => panic!("{other:?}"),
    };
    assert!(has_hops(&bytes));
    // RTA_MULTIPATH, which follows RTA_DST, as an integer of network byte order.
    assert_eq!(bytes[38..40], [9, 0]);
    bytes[39] = 0x40;
    assert!(!has_hops(&bytes));
    // Its first hop shorter than its own header, then longer than all.
    bytes[39] = 0;
    for length in [0, 7, 0xfc] {
        bytes[40] = length;
        assert!(!has_hops(&bytes), "{length}");
    }
}

#[test]
fn bridges_and_veths_are_made() {
    let name = |name| LinkName::new(name).unwrap();
    let bridge = BridgeLink { name: name("cni0") };
    let veth = VethLink { name: name("veth0"), peer: name("veth1") };
    // the first NEWLINK of iproute2 is an empty probe
    let sent = |command: &str| {
        let recorded = recorded().iter().filter(|(name, from, bytes)| {
            name == command
                && from == "tx"
                && bytes.len() > 32
                && one(bytes).header.kind == MessageType::NEWLINK
        });
        recorded.map(|(_, _, bytes)| bytes).next().unwrap()
    };
    let expected = sent("50_link_add_bridge");
    let seq = one(expected).header.seq;
    assert_eq!(written(|buffer| bridge.write_add(seq, buffer)), hex(expected));
    let expected = sent("51_link_add_veth");
    let seq = one(expected).header.seq;
    assert_eq!(written(|buffer| veth.write_add(seq, buffer)), hex(expected));
    let expected = sent("52_link_set_master");
    let Ok(Body::Link(link)) = one(expected).body() else { panic!() };
    assert_eq!(link.master(), Some(IfIndex::literal::<2>()));
}

/// A decoded message with one field changed, in its fixed part or in an attribute, has other bytes
/// there alone.
#[test]
fn one_field_changed_changes_its_bytes_alone() {
    let bytes = of_command("59_route_table_metrics", "tx", MessageType::NEWROUTE);
    let message = one(bytes);
    let Ok(Body::Route(mut route)) = message.body() else { panic!() };
    route.header.protocol = 0x77;
    let mut expected = bytes.to_vec();
    expected[16 + 5] = 0x77;
    assert_eq!(
        written(|buffer| build(buffer, message.header, |writer| route.emit(writer))),
        hex(&expected)
    );

    let gateway = IpAddr::from([10, 9, 0, 2]);
    let at = bytes.windows(4).rposition(|window| window == [10, 9, 0, 2]).unwrap();
    let mut expected = bytes.to_vec();
    expected[at + 3] = 0x99;
    let Ok(Body::Route(route)) = message.body() else { panic!() };
    let changed = |attr| match attr {
        RouteAttr::Gateway(old) if old == gateway => {
            RouteAttr::Gateway(IpAddr::from([10, 9, 0, 0x99]))
        }
        attr => attr,
    };
    let rebuilt = written(|buffer| {
        build(buffer, message.header, |writer| {
            writer.bytes(&route.header.to_bytes());
            route.attributes().map(changed).for_each(|attr| attr.emit(writer));
        })
    });
    assert_eq!(rebuilt, hex(&expected));
}

#[test]
fn flags_of_an_attribute_type_are_kept() {
    // RTA_DST with NLA_F_NET_BYTEORDER, RTA_METRICS with NLA_F_NESTED, one that is not known
    let mut bytes =
        of_command("13_hostgw_route_add_metric_proto_src", "tx", MessageType::NEWROUTE).to_vec();
    bytes[31] |= 0x40;
    let metrics = bytes.len() - 12;
    bytes[metrics + 3] |= 0x80;
    bytes.extend([6, 0, 77, 0, 1, 2, 0, 0]);
    bytes[0] = u8::try_from(bytes.len()).unwrap();
    let message = one(&bytes);
    let Ok(Body::Route(route)) = message.body() else { panic!() };
    assert_eq!(route.metrics().count(), 1);
    let mut buffer = [0; 256];
    let length = message.rebuild(&mut buffer).unwrap();
    assert_eq!(hex(&buffer[..length]), hex(&bytes));
}

#[test]
fn a_message_cut_anywhere_is_refused() {
    for (name, from, bytes) in recorded() {
        for cut in 1..bytes.len() {
            let mut messages = Messages::new(&bytes[..cut]);
            let error = messages.next().unwrap().unwrap_err();
            let expected = match cut {
                0..16 => MessageError::Header { available: cut },
                _ => MessageError::Length { len: bytes.len().try_into().unwrap(), available: cut },
            };
            assert_eq!(error, expected, "{name} {from} {cut}");
            assert!(messages.next().is_none());
        }
    }
}

/// What the body says must stay inside the message, whatever its length field says.
#[test]
fn a_message_that_says_it_is_shorter_is_read_no_further() {
    for (_, _, bytes) in recorded() {
        for length in 16..bytes.len() {
            let mut cut = bytes[..length].to_vec();
            cut[..4].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
            let mut padded = bytes.clone();
            padded[..4].copy_from_slice(&cut[..4]);
            let before_more = Messages::new(&padded).next().unwrap().unwrap();
            assert_eq!(before_more.payload(), &cut[16..]);
            rebuilds(&cut);
        }
    }
}

/// A message that is read is written again with the same bytes.
fn rebuilds(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    for message in Messages::new(bytes).flatten() {
        let length = message.payload().len() + 16;
        let (own, after) = rest.split_at(length);
        rest = &after[after.len().min(length.next_multiple_of(4) - length)..];
        let Ok(body) = message.body() else { continue };
        let mut buffer = vec![0xaa; length];
        assert_eq!(message.rebuild(&mut buffer), Ok(length));
        assert_eq!(hex(&buffer), hex(own), "{body:?}");
        let _ = Record::from_body(body);
    }
    true
}

quickcheck! {
    fn any_bytes_are_walked_to_an_end(bytes: Vec<u8>) -> bool {
        Messages::new(&bytes).count() <= bytes.len() / 16 + 1 && rebuilds(&bytes)
    }

    fn any_body_of_any_type_is_read(kind: u8, flags: u16, body: Vec<u8>) -> bool {
        let mut bytes = vec![0; 16];
        bytes[..4].copy_from_slice(&u32::try_from(16 + body.len()).unwrap().to_le_bytes());
        bytes[4] = kind % 40;
        bytes[6..8].copy_from_slice(&flags.to_le_bytes());
        bytes.extend(body);
        rebuilds(&bytes)
    }

    fn recorded_messages_with_bytes_changed_are_read(which: usize, changes: Vec<(usize, u8)>) -> bool {
        let recorded = recorded();
        let mut bytes = recorded[which % recorded.len()].2.clone();
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        rebuilds(&bytes)
    }

    fn what_is_set_is_read_back(address: u32, len: u8, public: u32, mac: (u16, u32), link: u16) -> bool {
        // What no peer can have, `VxlanPeer::new` refuses; a link of zero is none.
        let (address, mac) = (address >> 4 | 1 << 27, (mac.0 & 0xfeff | 0x0200, mac.1));
        let public = IpAddr::from((public >> 4 | 1 << 27).to_be_bytes());
        let subnet = IpPrefix::new(IpAddr::from(address.to_be_bytes()), len % 28 + 5).unwrap();
        let ([a, b], [c, d, e, f]) = (mac.0.to_be_bytes(), mac.1.to_be_bytes());
        let mac = MacAddr::new([a, b, c, d, e, f]);
        let peer = VxlanPeer::new(Owner::of_subnet(subnet), public, mac).unwrap();
        let backend = VxlanBackend { ifindex: IfIndex::new(u32::from(link) + 1).unwrap() };
        backend.wanted(&peer, Reach::Tunnel).all(|wanted| {
            let mut buffer = [0; 64];
            [Change::Set(wanted.record), Change::Add(wanted.record)].iter().all(|change| {
                let length = change.write(9, &mut buffer).unwrap();
                Record::from_body(one(&buffer[..length]).body().unwrap()) == Some(wanted.record)
            })
        })
    }
}
