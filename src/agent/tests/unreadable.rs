//! What unreadable leases keep, and what not.

use std::vec;

use crate::netlink::{HostGwRoute, IfIndex, NeighbourEntry, OtherRoute};

use super::reconcile::reconciled_claims;
use super::*;

/// An unreadable lease of a subnet, which was never readable.
fn unreadable(key: &str, subnet: &str) -> Reading<VxlanPeer> {
    let owner = Owner { subnet: prefix(subnet), lease: key.parse().unwrap() };
    Reading::Unreadable { owner, error: PeerError::NoBackendData, last: None }
}

fn claims_of(readings: &[(Reading<VxlanPeer>, Reach)]) -> Vec<Claim> {
    readings.iter().flat_map(|(reading, reach)| VXLAN.claims(reading, *reach)).collect()
}

fn conflicts(claims: &[Claim], records: &[Record]) -> usize {
    let mut entries = found(records);
    let entries = FoundRecords::new(&mut entries);
    let mut buffer = vec![None; 3 * claims.len()];
    let wanted = WantedRecords::collect(claims.iter().copied(), entries, &mut buffer).unwrap();
    wanted.conflicts().count()
}

#[test]
fn an_unreadable_lease_keeps_what_it_owns() {
    let known = peer("10.5.2.0", "192.0.2.12", 1);
    let gone = peer("10.5.3.0", "192.0.2.13", 2);
    let [known, gone] = [known, gone].map(|peer| records(&peer, Reach::Tunnel));
    let reading = Reading::Unreadable {
        owner: Owner::of_subnet(prefix("10.5.2.0/24")),
        error: PeerError::NoBackendData,
        last: None,
    };
    let claims: Vec<Claim> = VXLAN.claims(&reading, Reach::Tunnel).collect();
    let kernel = [known.clone(), gone.clone()].concat();
    let deleted: Vec<Change> = gone.iter().copied().map(Change::Delete).collect();
    assert_eq!(reconciled_claims(&claims, &kernel), deleted);
    // Without its neighbour nobody can tell which FDB entry is its own: none goes.
    let kernel = [known[1..].to_vec(), gone.clone()].concat();
    let left = [gone[0], gone[2]].map(Change::Delete);
    assert_eq!(reconciled_claims(&claims, &kernel), left);
    // By event, the same: another lease goes, its FDB entry stays.
    let peer = peer("10.5.3.0", "192.0.2.13", 2);
    let plan = VXLAN.removed(&peer, Reach::Tunnel, claims);
    assert_eq!(plan.changes().collect::<Vec<_>>(), left);
}

/// The key of a lease changed (a network that went from both families to IPv4), and its value is unreadable.
#[test]
fn what_it_last_said_is_under_its_present_key() {
    let text = r#"{"PublicIP":"192.0.2.12","BackendType":"vxlan","BackendData":{"VtepMAC":"02:00:00:00:00:01"}}"#;
    let read = |key: &str, text| VxlanPeer::from_json(&key.parse().unwrap(), text, &[])[0];
    let old = read("10.5.2.0-24&fd00:5:2::-64", text);
    let new = read("10.5.2.0-24", "{").or_last(&old);
    let expected = read("10.5.2.0-24", text);
    assert_eq!(new.peer(), expected.peer());
    assert_ne!(new.peer(), old.peer());
    let host_gw = |key: &str, text| HostGwPeer::from_json(&key.parse().unwrap(), text, &[])[0];
    let text = r#"{"PublicIP":"192.0.2.12","BackendType":"host-gw"}"#;
    let new = host_gw("10.5.2.0-24", "{").or_last(&host_gw("10.5.2.0-24&fd00:5:2::-64", text));
    assert_eq!(new.peer(), host_gw("10.5.2.0-24", text).peer());
    assert_eq!(host_gw("10.5.2.0-24", text).or_last(&new), host_gw("10.5.2.0-24", text));
}

/// Another lease has its subnet, and so its neighbour: one round is enough.
#[test]
fn an_fdb_entry_goes_with_a_neighbour_that_another_lease_takes() {
    let lesser = peer("10.5.2.0", "192.0.2.13", 2);
    let kept = unreadable("10.5.2.0-24&fd00:5:2::-64", "10.5.2.0/24");
    let claims = claims_of(&[(Reading::Peer(lesser), Reach::Tunnel), (kept, Reach::Tunnel)]);
    let old = records(&peer("10.5.2.0", "192.0.2.12", 1), Reach::Tunnel);
    let new = records(&lesser, Reach::Tunnel);
    let changes = [Change::Set(new[0]), Change::Set(new[1]), Change::Delete(old[1])];
    assert_eq!(reconciled_claims(&claims, &old), changes);
    // Without a neighbour, too: that which the other lease sets would tell in the second round.
    assert_eq!(reconciled_claims(&claims, &old[1..]), changes);
    assert_eq!(reconciled_claims(&claims, &new), []);
    // Two unreadable ones of one subnet: nobody takes their neighbour.
    let others = ["10.5.2.0-24&fd00:5:2::-64", "10.5.2.0-24&fd00:5:3::-64"];
    let claims = claims_of(&others.map(|key| (unreadable(key, "10.5.2.0/24"), Reach::Tunnel)));
    assert_eq!(reconciled_claims(&claims, &old[1..]), []);
}

/// A MAC address that no FDB entry of a peer has leads to none.
#[test]
fn a_neighbour_without_a_unicast_mac_says_nothing_of_its_fdb_entry() {
    let working = records(&peer("10.5.2.0", "192.0.2.12", 1), Reach::Tunnel);
    let Record::Neighbour(neighbour) = working[0] else { panic!() };
    let claims = claims_of(&[(unreadable("10.5.2.0-24", "10.5.2.0/24"), Reach::Tunnel)]);
    for mac in [MacAddr::ZERO, MacAddr::BROADCAST] {
        let neighbour = Record::Neighbour(NeighbourEntry { mac, ..neighbour });
        assert_eq!(reconciled_claims(&claims, &[neighbour, working[1]]), [], "{mac}");
    }
    assert_eq!(reconciled_claims(&claims, &working), []);
}

#[test]
fn its_fdb_entry_is_another_ones_conflict() {
    let working = records(&peer("10.5.2.0", "192.0.2.12", 1), Reach::Tunnel);
    let greater = peer("10.5.3.0", "192.0.2.13", 1);
    let kept = unreadable("10.5.2.0-24", "10.5.2.0/24");
    let claims = claims_of(&[(Reading::Peer(greater), Reach::Tunnel), (kept, Reach::Tunnel)]);
    let own = records(&greater, Reach::Tunnel);
    let set = [Change::Set(own[0]), Change::Set(own[2])];
    assert_eq!(reconciled_claims(&claims, &working), set);
    assert_eq!(conflicts(&claims, &working), 1);
    // By event, the same.
    let mut entries = found(&working);
    let entries = FoundRecords::new(&mut entries);
    let others = claims.iter().flat_map(|claim| claim.resolve(entries));
    let plan = VXLAN.added(&greater, Reach::Tunnel, others);
    assert_eq!(plan.changes().collect::<Vec<_>>(), set);
}

/// A claim that is not resolved keeps neighbour and route, one that is only what is there: with an empty kernel any FDB
/// entry.
#[test]
fn a_plan_leaves_what_it_may_own() {
    let lesser = unreadable("10.5.2.0-24", "10.5.2.0/24");
    let owner = Owner {
        lease: "10.5.2.0-24&fd00:5:2::-64".parse().unwrap(),
        ..Owner::of_subnet(prefix("10.5.2.0/24"))
    };
    let mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
    let greater = VxlanPeer::new(owner, ip("192.0.2.13"), mac).unwrap();
    let own = records(&greater, Reach::Tunnel);
    let claims: Vec<Claim> = VXLAN.claims(&lesser, Reach::Tunnel).collect();
    let resolved = claims.iter().flat_map(|claim| claim.resolve(FoundRecords::EMPTY));
    let changes = |plan: Plan| plan.changes().collect::<Vec<_>>();
    let added = VXLAN.added(&greater, Reach::Tunnel, claims.iter().copied());
    assert_eq!(changes(added), [Change::Set(own[1])]);
    let added = VXLAN.added(&greater, Reach::Tunnel, resolved.clone());
    assert_eq!(changes(added), own.iter().copied().map(Change::Set).collect::<Vec<_>>());
    let removed = VXLAN.removed(&greater, Reach::Tunnel, claims.iter().copied());
    assert_eq!(removed, Plan::EMPTY);
    let removed = VXLAN.removed(&greater, Reach::Tunnel, resolved.clone());
    assert_eq!(changes(removed), [own[0], own[2]].map(Change::Delete));
    // Resolved again it is the same.
    let again = resolved.clone().flat_map(|claim| claim.resolve(FoundRecords::EMPTY));
    assert!(again.eq(resolved));
    // Of another subnet it is none of this.
    let other = VxlanPeer::new(Owner::of_subnet(prefix("10.5.3.0/24")), ip("192.0.2.13"), mac);
    let removed = VXLAN.removed(&other.unwrap(), Reach::Tunnel, claims.iter().copied());
    assert_eq!(removed.changes().count(), 2);
}

/// Nobody knows whether it wants what it loses, nor whether the entry was its own.
#[test]
fn what_it_loses_is_no_conflict() {
    let lesser = peer("10.5.2.0", "192.0.2.13", 2);
    let kept = unreadable("10.5.2.0-24&fd00:5:2::-64", "10.5.2.0/24");
    let claims = claims_of(&[(Reading::Peer(lesser), Reach::Tunnel), (kept, Reach::Tunnel)]);
    let old = records(&peer("10.5.2.0", "192.0.2.12", 1), Reach::Tunnel);
    assert_eq!(conflicts(&claims, &old), 0);
    // A direct route names no link. The one that is kept meets it.
    let greater = Owner { lease: "10.5.2.0-24&fd00:5:2::-64".parse().unwrap(), ..lesser.owner() };
    let greater = VxlanPeer::new(greater, lesser.public(), lesser.mac()).unwrap();
    let kept = unreadable("10.5.2.0-24", "10.5.2.0/24");
    let claims = claims_of(&[(Reading::Peer(greater), Reach::Direct), (kept, Reach::Direct)]);
    let route = |public| {
        Record::HostGw(HostGwRoute {
            destination: prefix("10.5.2.0/24"),
            ..HOST_GW.route(&host_gw(public))
        })
    };
    assert_eq!(conflicts(&claims, &[route("192.0.2.13")]), 0);
    assert_eq!(conflicts(&claims, &[route("192.0.2.14")]), 1);
}

/// A lease of the same subnet goes. What is kept is there, and is not set.
#[test]
fn what_it_keeps_is_not_set() {
    let peer = peer("10.5.2.0", "192.0.2.12", 1);
    let destination = prefix("10.5.2.0/24");
    let ifindex = Some(IfIndex::literal::<9>());
    let foreign = Record::Other(OtherRoute { destination, ifindex, scope: 253, route_type: 1 });
    let beside = Found { is_exact: false, is_default_metric: false, ..Found::exact(foreign) };
    let mut entries = [beside];
    let entries = FoundRecords::new(&mut entries);
    let kept = unreadable("10.5.2.0-24&fd00:5:2::-64", "10.5.2.0/24");
    let others = VXLAN.claims(&kept, Reach::Tunnel).flat_map(|claim| claim.resolve(entries));
    let plan = VXLAN.removed(&peer, Reach::Direct, others);
    assert_eq!(plan, Plan::EMPTY);
}
