//! What should be in the kernel against what is.

use std::collections::HashSet;
use std::vec;

use quickcheck::quickcheck;

use crate::netlink::{FdbEntry, HostGwRoute, IfIndex, OnlinkRoute, OtherRoute};

use super::*;

fn ownership(networks: &[IpPrefix]) -> Ownership<'_> {
    Ownership {
        vxlan_ifindex: Some(IfIndex::literal::<7>()),
        underlay_ifindex: Some(IfIndex::literal::<2>()),
        networks,
    }
}

/// The claims of leases of which only the entries matter: each has a subnet of its own.
fn claims(records: &[Record]) -> Vec<Claim> {
    let owner = |index: usize| {
        let [.., high, low] = index.to_be_bytes();
        Owner::of_subnet(IpPrefix::new(IpAddr::from([10, high, low, 0]), 24).unwrap())
    };
    let claim =
        |(index, record): (usize, &Record)| Claim::Wants(Wanted::new(owner(index), *record));
    records.iter().enumerate().map(claim).collect()
}

pub(super) fn reconciled_claims(claims: &[Claim], records: &[Record]) -> Vec<Change> {
    let networks = [prefix("10.1.0.0/16")];
    let mut entries = found(records);
    let entries = FoundRecords::new(&mut entries);
    let mut buffer = vec![None; claims.len() + records.len()];
    let wanted = WantedRecords::collect(claims.iter().copied(), entries, &mut buffer).unwrap();
    missing(wanted, entries).chain(stale(wanted, entries, ownership(&networks))).collect()
}

fn reconciled(wanted: &[Record], found: &[Record]) -> Vec<Change> {
    reconciled_claims(&claims(wanted), found)
}

#[test]
fn nothing_is_done_when_nothing_is_missing() {
    let peers = [peer("10.1.17.0", "192.168.50.3", 1), peer("10.1.18.0", "192.168.50.4", 2)];
    let wanted: Vec<Record> = peers.iter().flat_map(|peer| records(peer, Reach::Tunnel)).collect();
    let foreign = Record::HostGw(HostGwRoute {
        ifindex: Some(IfIndex::literal::<9>()),
        ..HOST_GW.route(&host_gw("192.168.50.9"))
    });
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
    let records = |peer| records(peer, Reach::Tunnel);
    let found = [records(&peers[0]), records(&peers[1])].concat();
    let changes: Vec<Change> = VXLAN.removed(&peers[0], Reach::Tunnel, []).changes().collect();
    assert_eq!(reconciled(&records(&peers[1]), &found), changes);
}

#[test]
fn a_second_remote_of_a_known_mac_goes() {
    let wanted = records(&peer("10.1.17.0", "192.168.50.3", 1), Reach::Tunnel);
    let Record::Fdb(fdb) = wanted[1] else { panic!() };
    let second = Record::Fdb(FdbEntry { remote: ip("192.168.50.9"), ..fdb });
    let found = [wanted.clone(), [second].into()].concat();
    assert_eq!(reconciled(&wanted, &found), [Change::Delete(second)]);
}

/// The default entry comes from the device's own configuration.
#[test]
fn the_default_fdb_entry_stays() {
    let default = FdbEntry {
        ifindex: IfIndex::literal::<7>(),
        mac: MacAddr::ZERO,
        remote: ip("192.168.50.9"),
    };
    assert_eq!(reconciled(&[], &[Record::Fdb(default)]), []);
    let own = FdbEntry { mac: MacAddr::new([2, 0, 0, 0, 0, 1]), ..default };
    assert_eq!(reconciled(&[], &[Record::Fdb(own)]), [Change::Delete(Record::Fdb(own))]);
}

#[test]
fn the_default_route_stays() {
    let networks = [prefix("0.0.0.0/0"), prefix("::/0")];
    for destination in networks {
        let route = HostGwRoute {
            destination,
            gateway: ip("192.0.2.254"),
            ifindex: Some(IfIndex::literal::<2>()),
        };
        let onlink =
            OnlinkRoute { destination, gateway: ip("10.1.1.0"), ifindex: IfIndex::literal::<7>() };
        let mut entries = found(&[Record::HostGw(route), Record::Onlink(onlink)]);
        let entries = FoundRecords::new(&mut entries);
        let wanted = WantedRecords::collect([], entries, &mut []).unwrap();
        assert_eq!(stale(wanted, entries, ownership(&networks)).count(), 0);
    }
}

/// Routes that others made with more than flannel writes are not the agent's.
#[test]
fn a_route_of_another_protocol_or_metric_stays() {
    let networks = [prefix("10.1.0.0/16")];
    let record = Record::HostGw(HOST_GW.route(&host_gw("192.168.50.3")));
    for (is_exact, stale_routes) in [(true, 1), (false, 0)] {
        let mut entries = [Found { is_exact, ..Found::exact(record) }];
        let entries = FoundRecords::new(&mut entries);
        let wanted = WantedRecords::collect([], entries, &mut []).unwrap();
        assert_eq!(stale(wanted, entries, ownership(&networks)).count(), stale_routes);
    }
}

#[test]
fn a_host_gw_route_takes_the_place_of_another() {
    let wanted = Record::HostGw(HOST_GW.route(&host_gw("192.168.50.3")));
    let foreign = Record::HostGw(HostGwRoute {
        ifindex: Some(IfIndex::literal::<9>()),
        ..HOST_GW.route(&host_gw("192.168.50.9"))
    });
    assert_eq!(reconciled(&[wanted], &[foreign]), [Change::Set(wanted)]);
    assert_eq!(
        reconciled(&[wanted], &[foreign, wanted]),
        [],
        "it is there, and the other not the agent's"
    );
    let destination = prefix("10.1.17.0/24");
    let other = Record::Other(OtherRoute {
        destination,
        ifindex: Some(IfIndex::literal::<2>()),
        scope: 253,
        route_type: 1,
    });
    assert_eq!(reconciled(&[wanted], &[other]), [Change::Set(wanted)]);
    assert_eq!(reconciled(&[], &[other]), [], "a connected subnet is nobody's to delete");
    assert_eq!(reconciled(&[wanted], &[]), [Change::Add(wanted)]);
}

/// A route of another metric is not overwritten by the one that is wanted.
#[test]
fn a_route_beside_the_missing_one_goes_in_the_same_round() {
    let peer = peer("10.1.17.0", "192.168.50.3", 1);
    let beside = Found {
        is_exact: false,
        is_default_metric: false,
        ..Found::exact(records(&peer, Reach::Tunnel)[2])
    };
    let claims = claims(&records(&peer, Reach::Direct));
    let mut entries = [beside];
    let entries = FoundRecords::new(&mut entries);
    let mut buffer = [None; 1];
    let wanted = WantedRecords::collect(claims, entries, &mut buffer).unwrap();
    assert_eq!(missing(wanted, entries).count(), 1);
    let gone: Vec<Change> = stale(wanted, entries, ownership(&[])).collect();
    assert_eq!(gone, [Change::Delete(beside.record)]);
}

#[test]
fn a_direct_route_is_met_by_one_on_any_link() {
    let peer = peer("10.1.17.0", "192.168.50.3", 1);
    let wanted = records(&peer, Reach::Direct);
    let found = Record::HostGw(HOST_GW.route(&host_gw("192.168.50.3")));
    assert_eq!(reconciled(&wanted, &[found]), []);
    let tunnelled = records(&peer, Reach::Tunnel);
    let left = tunnelled.iter().take(2).copied().map(Change::Delete).collect::<Vec<_>>();
    let set = [Change::Set(wanted[0])];
    assert_eq!(
        reconciled(&wanted, &tunnelled),
        [set.into(), left].concat(),
        "the route is overwritten before the tunnel goes"
    );
}

/// A direct route is met by one over any link, but by none through the tunnel and by none to another
/// gateway.
#[test]
fn a_wanted_route_is_met_by_its_destination_and_gateway() {
    let destination = prefix("10.5.9.0/24");
    let gateway = ip("192.168.50.9");
    let is_missing = |wanted: Record, record: Record| {
        let mut buffer = [None];
        let claims = claims(&[wanted]);
        let wanted = WantedRecords::collect(claims, FoundRecords::EMPTY, &mut buffer).unwrap();
        let mut entries = found(&[record]);
        missing(wanted, FoundRecords::new(&mut entries)).count() == 1
    };
    let route = HostGwRoute { destination, gateway, ifindex: Some(IfIndex::literal::<2>()) };
    let direct = Record::Direct(HostGwRoute { ifindex: None, ..route });
    assert!(!is_missing(direct, Record::HostGw(route)));
    let elsewhere = HostGwRoute { gateway: ip("192.168.50.8"), ..route };
    assert!(is_missing(direct, Record::HostGw(elsewhere)));
    let onlink =
        Record::Onlink(OnlinkRoute { destination, gateway, ifindex: IfIndex::literal::<2>() });
    assert!(is_missing(direct, onlink));
    // A host-gw route is met by whatever has its destination, gateway and link.
    assert!(!is_missing(Record::HostGw(route), onlink));
}

#[test]
fn an_fdb_entry_of_another_link_stays() {
    let entry = |ifindex| {
        let mac = MacAddr::new([2, 0, 0, 0, 0, 9]);
        Record::Fdb(FdbEntry { ifindex, mac, remote: ip("192.168.50.9") })
    };
    assert_eq!(
        reconciled(&[], &[entry(VXLAN.ifindex), entry(IfIndex::literal::<8>())]),
        [Change::Delete(entry(VXLAN.ifindex))]
    );
}

#[test]
fn conflicts_are_reported_and_come_to_rest() {
    let (lesser, greater) = (peer("10.5.2.0", "192.0.2.12", 1), peer("10.5.3.0", "192.0.2.13", 1));
    let claims: Vec<Claim> = [greater, lesser]
        .iter()
        .flat_map(|peer| VXLAN.wanted(peer, Reach::Tunnel).map(Claim::Wants))
        .collect();
    let changes = reconciled_claims(&claims, &[]);
    let kernel = after(&[], &changes);
    assert_eq!(kernel.len(), 5);
    assert!(kernel.contains(&records(&lesser, Reach::Tunnel)[1]));
    assert_eq!(reconciled_claims(&claims, &kernel), [], "a second round");
    let mut buffer = [None; 6];
    let wanted = WantedRecords::collect(claims, FoundRecords::EMPTY, &mut buffer).unwrap();
    let conflicts: Vec<String> = wanted.conflicts().map(|conflict| conflict.to_string()).collect();
    assert_eq!(
        conflicts,
        [
            "leases 10.5.2.0-24 and 10.5.3.0-24 conflict: 02:00:00:00:00:01 is behind 192.0.2.12 on link 7, \
            not 02:00:00:00:00:01 is behind 192.0.2.13 on link 7"
        ]
    );
}

#[test]
fn collect_needs_space() {
    let peer = peer("10.5.2.0", "192.0.2.12", 1);
    let claims = || VXLAN.wanted(&peer, Reach::Tunnel).map(Claim::Wants);
    for max in 0..4 {
        let mut buffer = vec![None; max];
        let collected = WantedRecords::collect(claims(), FoundRecords::EMPTY, &mut buffer);
        assert_eq!(collected.err(), (max < 3).then_some(TooManyRecords { max }));
    }
}

#[test]
fn peers_are_read_back_from_the_kernel() {
    let peers = [peer("10.5.2.0", "192.0.2.12", 1), peer("10.5.3.0", "192.0.2.13", 2)];
    let mut entries: Vec<Record> =
        peers.iter().flat_map(|peer| records(peer, Reach::Tunnel)).collect();
    let mut all = found(&entries);
    assert_eq!(FoundRecords::new(&mut all).vxlan_peers(VXLAN.ifindex).collect::<Vec<_>>(), peers);
    assert_eq!(FoundRecords::new(&mut all).vxlan_peers(IfIndex::literal::<8>()).count(), 0);
    entries.remove(4);
    let mut all = found(&entries);
    assert_eq!(
        FoundRecords::new(&mut all).vxlan_peers(VXLAN.ifindex).collect::<Vec<_>>(),
        peers[..1]
    );
}

quickcheck! {
    fn the_order_agrees_with_equality(a: (u8, u8, u8), b: (u8, u8, u8)) -> bool {
        let all = |(subnet, public, mac): (u8, u8, u8)| {
            let subnet = IpPrefix::new(IpAddr::from([10, 1, subnet % 2, 0]), 24).unwrap();
            let public = IpAddr::from([192, 168, 50, public % 2]);
            let owner = Owner::of_subnet(subnet);
            let peer = VxlanPeer::new(owner, public, MacAddr::new([2, 0, 0, 0, 0, mac % 2])).unwrap();
            let host_gw = Record::HostGw(HOST_GW.route(&HostGwPeer::new(owner, public).unwrap()));
            let other = Record::Other(OtherRoute { destination: subnet, ifindex: Some(IfIndex::literal::<2>()), scope: mac % 2, route_type: 1 });
            [records(&peer, Reach::Tunnel), records(&peer, Reach::Direct), vec![host_gw, other]].concat()
        };
        let (a, b) = (all(a), all(b));
        a.iter().all(|a| b.iter().all(|b| (a.cmp(b) == core::cmp::Ordering::Equal) == (a == b)))
    }

    fn events_and_reconciliation_lead_to_the_same(old: Vec<(u8, u8, u8, bool)>, new: Vec<(u8, u8, u8, bool)>) -> bool {
        let all = |nodes: &[(u8, u8, u8, bool)]| {
            let mut seen = (HashSet::new(), HashSet::new());
            let mut entries = Vec::new();
            for (subnet, public, mac, host_gw) in nodes {
                if !seen.0.insert(subnet % 8) || !seen.1.insert(mac % 8) {
                    continue;
                }
                let public = IpAddr::from([192, 168, 50, public % 8]);
                let subnet = IpPrefix::new(IpAddr::from([10, 1, subnet % 8, 0]), 24).unwrap();
                let (owner, mac) = (Owner::of_subnet(subnet), MacAddr::new([2, 0, 0, 0, 0, mac % 8]));
                if *host_gw {
                    entries.push(Record::HostGw(HOST_GW.route(&HostGwPeer::new(owner, public).unwrap())));
                } else {
                    entries.extend(records(&VxlanPeer::new(owner, public, mac).unwrap(), Reach::Tunnel));
                }
            }
            entries
        };
        let (found, wanted) = (all(&old), all(&new));
        let reached = after(&found, &reconciled(&wanted, &found));
        reached.iter().collect::<HashSet<_>>() == wanted.iter().collect::<HashSet<_>>()
    }
}
