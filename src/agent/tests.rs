//! What each event means, and that a reconciliation ends where the events would have led.

use core::net::IpAddr;
use std::collections::HashSet;
use std::string::ToString;
use std::vec::Vec;

use quickcheck::quickcheck;

use super::*;
use crate::lease::LeaseValue;
use crate::netlink::{HostGwRoute, OtherRoute};
use crate::subnet::IpPrefix;
use crate::wire::MacAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn peer(subnet: &str, public: &str, mac: u8) -> VxlanPeer {
    let subnet = IpPrefix::new(ip(subnet), 24).unwrap();
    VxlanPeer { subnet, public: ip(public), mac: MacAddr::new([2, 0, 0, 0, 0, mac]) }
}

fn words(plan: &Plan) -> Vec<std::string::String> {
    plan.changes().map(|change| change.to_string()).collect()
}

const VXLAN: Vxlan = Vxlan { link: 7 };
const HOST_GW: HostGw = HostGw { link: 2 };

#[test]
fn a_tunnelled_peer_is_neighbour_then_fdb_then_route() {
    let peer = peer("10.1.17.0", "192.168.50.3", 1);
    let added = VXLAN.added(&peer, Reach::Tunnel);
    assert_eq!(
        words(&added),
        [
            "set neighbour 10.1.17.0 is at 02:00:00:00:00:01 on link 7",
            "set 02:00:00:00:00:01 is behind 192.168.50.3 on link 7",
            "set route 10.1.17.0/24 via 10.1.17.0 on link 7, onlink",
        ]
    );
    let removed = VXLAN.removed(&peer, Reach::Tunnel);
    for done in 0..=3 {
        let undone: Vec<Change> = removed.changes().take(done).collect();
        assert_eq!(added.rollback(done).changes().collect::<Vec<_>>(), undone);
    }
}

#[test]
fn a_direct_peer_is_one_route() {
    let peer = peer("10.1.17.0", "192.168.50.3", 1);
    assert_eq!(
        words(&VXLAN.added(&peer, Reach::Direct)),
        ["set route 10.1.17.0/24 via 192.168.50.3, direct"]
    );
    assert_eq!(
        words(&VXLAN.removed(&peer, Reach::Direct)),
        ["delete route 10.1.17.0/24 via 192.168.50.3, direct"]
    );
}

#[test]
fn another_vtep_mac_withdraws_the_old_fdb_entry() {
    let (old, new) = (peer("10.1.17.0", "192.168.50.3", 1), peer("10.1.17.0", "192.168.50.3", 2));
    let plan = VXLAN.replaced((&old, Reach::Tunnel), (&new, Reach::Tunnel));
    assert_eq!(
        words(&plan),
        [
            "delete 02:00:00:00:00:01 is behind 192.168.50.3 on link 7",
            "set neighbour 10.1.17.0 is at 02:00:00:00:00:02 on link 7",
            "set 02:00:00:00:00:02 is behind 192.168.50.3 on link 7",
            "set route 10.1.17.0/24 via 10.1.17.0 on link 7, onlink",
        ]
    );
}

#[test]
fn another_public_address_overwrites_and_another_reach_withdraws() {
    let (old, new) = (peer("10.1.17.0", "192.168.50.3", 1), peer("10.1.17.0", "192.168.50.4", 1));
    let plan = VXLAN.replaced((&old, Reach::Tunnel), (&new, Reach::Tunnel));
    assert!(plan.changes().all(|change| matches!(change, Change::Set(_))));
    let plan = VXLAN.replaced((&old, Reach::Tunnel), (&new, Reach::Direct));
    assert_eq!(
        words(&plan),
        [
            "delete neighbour 10.1.17.0 is at 02:00:00:00:00:01 on link 7",
            "delete 02:00:00:00:00:01 is behind 192.168.50.3 on link 7",
            "set route 10.1.17.0/24 via 192.168.50.4, direct",
        ]
    );
    let (old, new) = [("192.168.50.3", "192.168.50.4")].map(|(a, b)| (host_gw(a), host_gw(b)))[0];
    assert_eq!(
        words(&HOST_GW.replaced(&old, &new)),
        [
            "delete route 10.1.17.0/24 via 192.168.50.3 on link 2",
            "add route 10.1.17.0/24 via 192.168.50.4 on link 2",
        ]
    );
    assert_eq!(HOST_GW.replaced(&old, &old).changes().count(), 0);
}

fn host_gw(public: &str) -> HostGwPeer {
    HostGwPeer { subnet: IpPrefix::new(ip("10.1.17.0"), 24).unwrap(), public: ip(public) }
}

#[test]
fn a_host_gw_route_is_added_when_it_is_not_there() {
    let peer = host_gw("192.168.50.3");
    let add = "add route 10.1.17.0/24 via 192.168.50.3 on link 2";
    assert_eq!(words(&HOST_GW.added(&peer, None)), [add]);
    let route = HOST_GW.route(&peer);
    assert_eq!(HOST_GW.added(&peer, Some(Record::HostGw(route))).changes().count(), 0);
    let other = Record::HostGw(HostGwRoute { link: 3, ..route });
    let delete = "delete route 10.1.17.0/24 via 192.168.50.3 on link 3";
    assert_eq!(words(&HOST_GW.added(&peer, Some(other))), [delete, add]);
    for (link, kind, delete) in [
        (7, 1, "delete route 10.1.17.0/24 on link 7"),
        (0, 6, "delete route 10.1.17.0/24 of type 6"),
    ] {
        let other = OtherRoute { destination: route.destination, link, scope: 253, kind };
        assert_eq!(words(&HOST_GW.added(&peer, Some(Record::Other(other)))), [delete, add]);
    }
}

/// flannel `pkg/backend/route_network_test.go`: one route remains, with the new gateway.
#[test]
fn flannels_host_gw_route_gets_another_gateway() {
    let peer =
        |public| HostGwPeer { subnet: "192.168.0.0/24".parse().unwrap(), public: ip(public) };
    let [old, new] =
        ["127.0.0.1", "127.0.0.2"].map(|public| Record::HostGw(HOST_GW.route(&peer(public))));
    let changes: Vec<Change> = HOST_GW.added(&peer("127.0.0.2"), Some(old)).changes().collect();
    assert_eq!(after(&[old], &changes), [new]);
}

#[test]
fn a_lease_of_another_backend_is_no_peer() {
    let key = "10.5.34.0-24&fd00:5:34::-64".parse().unwrap();
    let text = r#"{"PublicIP":"192.168.50.3","PublicIPv6":"fd00:50::3","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"},"BackendV6Data":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:45"}}"#;
    let value = LeaseValue::from_json(text).unwrap();
    let [v4, v6] = VxlanPeer::from_lease(&key, &value).unwrap().map(Option::unwrap);
    assert_eq!((v4.subnet.to_string().as_str(), v4.public), ("10.5.34.0/24", ip("192.168.50.3")));
    assert_eq!((v6.subnet.to_string().as_str(), v6.public), ("fd00:5:34::/64", ip("fd00:50::3")));
    assert_eq!(v6.mac.to_string(), "c6:d2:32:6f:8f:45");
    assert_eq!(HostGwPeer::from_lease(&key, &value), [None; 2]);
    let text = r#"{"PublicIP":"192.168.50.3","PublicIPv6":null,"BackendType":"host-gw"}"#;
    let value = LeaseValue::from_json(text).unwrap();
    assert_eq!(VxlanPeer::from_lease(&key, &value), Ok([None; 2]));
    assert!(matches!(HostGwPeer::from_lease(&key, &value), [Some(_), None]));
    let text = r#"{"PublicIP":"192.168.50.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VtepMAC":7}}"#;
    assert!(VxlanPeer::from_lease(&key, &LeaseValue::from_json(text).unwrap()).is_err());
}

fn owned(networks: &[IpPrefix]) -> Owned<'_> {
    Owned { vxlan_link: Some(7), underlay_link: Some(2), networks }
}

/// What the kernel has after the changes: one entry in each place, an added route only in a free one.
fn after(found: &[Record], changes: &[Change]) -> Vec<Record> {
    let mut entries = found.to_vec();
    for change in changes {
        match change {
            Change::Delete(record) => entries.retain(|entry| entry != record),
            Change::Set(record @ Record::HostGw(_)) => {
                assert!(
                    !entries.iter().any(|entry| entry.place() == record.place()),
                    "EEXIST {record}"
                );
                entries.push(*record);
            }
            Change::Set(record) => {
                entries.retain(|entry| entry.place() != record.place());
                entries.push(*record);
            }
        }
    }
    entries
}

fn reconciled(wanted: &[Record], found: &[Record]) -> Vec<Change> {
    let networks = [IpPrefix::new(ip("10.1.0.0"), 16).unwrap()];
    let [mut wanted, mut found] = [wanted.to_vec(), found.to_vec()];
    wanted.sort_unstable();
    found.sort_unstable();
    let (wanted, found) =
        (SortedRecords::new(&wanted).unwrap(), SortedRecords::new(&found).unwrap());
    stale(wanted, found, owned(&networks)).chain(missing(wanted, found)).collect()
}

#[test]
fn nothing_is_done_when_nothing_is_missing() {
    let peers = [peer("10.1.17.0", "192.168.50.3", 1), peer("10.1.18.0", "192.168.50.4", 2)];
    let wanted: Vec<Record> =
        peers.iter().flat_map(|peer| VXLAN.records(peer, Reach::Tunnel)).collect();
    let foreign =
        Record::HostGw(HostGwRoute { link: 9, ..HOST_GW.route(&host_gw("192.168.50.9")) });
    let mut found = wanted.clone();
    assert_eq!(reconciled(&wanted, &found), []);
    found.push(foreign);
    assert_eq!(reconciled(&wanted, &found), [], "a route that is not the agent's");
    let route = found.remove(2);
    assert_eq!(reconciled(&wanted, &found), [Change::Set(route)]);
}

#[test]
fn what_a_lost_lease_left_goes() {
    let peers = [peer("10.1.17.0", "192.168.50.3", 1), peer("10.1.18.0", "192.168.50.4", 2)];
    let records = |peer| VXLAN.records(peer, Reach::Tunnel).collect::<Vec<_>>();
    let found = [records(&peers[0]), records(&peers[1])].concat();
    let changes: Vec<Change> = VXLAN.removed(&peers[0], Reach::Tunnel).changes().collect();
    assert_eq!(reconciled(&records(&peers[1]), &found), changes);
}

#[test]
fn a_second_remote_of_a_known_mac_goes() {
    let wanted: Vec<Record> =
        VXLAN.records(&peer("10.1.17.0", "192.168.50.3", 1), Reach::Tunnel).collect();
    let Record::Fdb(fdb) = wanted[1] else { panic!() };
    let second = Record::Fdb(crate::netlink::FdbEntry { remote: ip("192.168.50.9"), ..fdb });
    let found = [wanted.clone(), [second].into()].concat();
    assert_eq!(reconciled(&wanted, &found), [Change::Delete(second)]);
}

#[test]
fn a_host_gw_route_takes_the_place_of_another() {
    let wanted = Record::HostGw(HOST_GW.route(&host_gw("192.168.50.3")));
    let foreign =
        Record::HostGw(HostGwRoute { link: 9, ..HOST_GW.route(&host_gw("192.168.50.9")) });
    assert_eq!(reconciled(&[wanted], &[foreign]), [Change::Delete(foreign), Change::Set(wanted)]);
    assert_eq!(
        reconciled(&[wanted], &[foreign, wanted]),
        [],
        "it is there, and the other not the agent's"
    );
    let destination = "10.1.17.0/24".parse().unwrap();
    let other = Record::Other(OtherRoute { destination, link: 2, scope: 253, kind: 1 });
    assert_eq!(reconciled(&[wanted], &[other]), [Change::Delete(other), Change::Set(wanted)]);
    assert_eq!(reconciled(&[], &[other]), [], "a connected subnet is nobody's to delete");
}

#[test]
fn a_direct_route_is_met_by_one_on_any_link() {
    let peer = peer("10.1.17.0", "192.168.50.3", 1);
    let wanted: Vec<Record> = VXLAN.records(&peer, Reach::Direct).collect();
    let found = Record::HostGw(HOST_GW.route(&host_gw("192.168.50.3")));
    assert_eq!(reconciled(&wanted, &[found]), []);
    let tunnelled: Vec<Record> = VXLAN.records(&peer, Reach::Tunnel).collect();
    let left = tunnelled.iter().take(2).copied().map(Change::Delete).collect::<Vec<_>>();
    let set = [Change::Set(wanted[0])];
    assert_eq!(
        reconciled(&wanted, &tunnelled),
        [left, set.into()].concat(),
        "the route is overwritten"
    );
}

#[test]
fn records_out_of_order_are_refused() {
    let mut records: Vec<Record> =
        VXLAN.records(&peer("10.1.17.0", "192.168.50.3", 1), Reach::Tunnel).collect();
    assert!(SortedRecords::new(&records).is_ok(), "the order of setting is the order");
    records.swap(1, 2);
    assert_eq!(SortedRecords::new(&records), Err(NotSorted { index: 1 }));
    assert!(SortedRecords::new(&[]).is_ok());
}

quickcheck! {
    fn the_order_agrees_with_equality(a: (u8, u8, u8), b: (u8, u8, u8)) -> bool {
        let records = |(subnet, public, mac): (u8, u8, u8)| {
            let subnet = IpPrefix::new(IpAddr::from([10, 1, subnet % 2, 0]), 24).unwrap();
            let public = IpAddr::from([192, 168, 50, public % 2]);
            let peer = VxlanPeer { subnet, public, mac: MacAddr::new([2, 0, 0, 0, 0, mac % 2]) };
            let host_gw = Record::HostGw(HOST_GW.route(&HostGwPeer { subnet, public }));
            let direct = VXLAN.records(&peer, Reach::Direct);
            let other = Record::Other(OtherRoute { destination: subnet, link: 2, scope: mac % 2, kind: 1 });
            VXLAN.records(&peer, Reach::Tunnel).chain(direct).chain([host_gw, other]).collect::<Vec<_>>()
        };
        let (a, b) = (records(a), records(b));
        a.iter().all(|a| b.iter().all(|b| (a.cmp(b) == core::cmp::Ordering::Equal) == (a == b)))
    }

    fn events_and_reconciliation_lead_to_the_same(old: Vec<(u8, u8, u8, bool)>, new: Vec<(u8, u8, u8, bool)>) -> bool {
        let records = |nodes: &[(u8, u8, u8, bool)]| {
            let mut seen = (HashSet::new(), HashSet::new());
            let mut records = Vec::new();
            for (subnet, public, mac, host_gw) in nodes {
                if !seen.0.insert(subnet % 8) || !seen.1.insert(mac % 8) {
                    continue;
                }
                let public = IpAddr::from([192, 168, 50, public % 8]);
                let subnet = IpPrefix::new(IpAddr::from([10, 1, subnet % 8, 0]), 24).unwrap();
                let mac = MacAddr::new([2, 0, 0, 0, 0, mac % 8]);
                if *host_gw {
                    records.push(Record::HostGw(HOST_GW.route(&HostGwPeer { subnet, public })));
                } else {
                    records.extend(VXLAN.records(&VxlanPeer { subnet, public, mac }, Reach::Tunnel));
                }
            }
            records
        };
        let (found, wanted) = (records(&old), records(&new));
        let reached = after(&found, &reconciled(&wanted, &found));
        reached.iter().collect::<HashSet<_>>() == wanted.iter().collect::<HashSet<_>>()
    }
}
