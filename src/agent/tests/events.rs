//! What a lease event changes in the kernel, and its undoing.

use crate::netlink::{
    Family, FdbEntry, HostGwRoute, IfIndex, NeighbourEntry, OnlinkRoute, OtherRoute, RouteHeader,
    RouteMessage,
};

use super::*;

#[test]
fn a_tunnelled_peer_is_neighbour_then_fdb_then_route() {
    let peer = peer("10.1.17.0", "192.168.50.3", 1);
    let added = VXLAN.added(&peer, Reach::Tunnel, []);
    assert_eq!(
        words(&added),
        [
            "set neighbour 10.1.17.0 is at 02:00:00:00:00:01 on link 7",
            "set 02:00:00:00:00:01 is behind 192.168.50.3 on link 7",
            "set route 10.1.17.0/24 via 10.1.17.0 on link 7, onlink",
        ]
    );
    let removed = VXLAN.removed(&peer, Reach::Tunnel, []);
    for done in 0..=3 {
        let undone: Vec<Change> = removed.changes().take(done).collect();
        let rollback = added.rollback(done, FoundRecords::EMPTY);
        assert_eq!(rollback.plan().changes().collect::<Vec<_>>(), undone);
    }
}

#[test]
fn a_direct_peer_is_one_route() {
    let peer = peer("10.1.17.0", "192.168.50.3", 1);
    assert_eq!(
        words(&VXLAN.added(&peer, Reach::Direct, [])),
        ["set route 10.1.17.0/24 via 192.168.50.3, direct"]
    );
    assert_eq!(
        words(&VXLAN.removed(&peer, Reach::Direct, [])),
        ["delete route 10.1.17.0/24 via 192.168.50.3, direct"]
    );
}

#[test]
fn another_vtep_mac_is_reachable_before_the_old_one_goes() {
    let (old, new) = (peer("10.1.17.0", "192.168.50.3", 1), peer("10.1.17.0", "192.168.50.3", 2));
    let plan = VXLAN.replaced((&old, Reach::Tunnel), (&new, Reach::Tunnel), []);
    assert_eq!(
        words(&plan),
        [
            "set 02:00:00:00:00:02 is behind 192.168.50.3 on link 7",
            "set neighbour 10.1.17.0 is at 02:00:00:00:00:02 on link 7",
            "set route 10.1.17.0/24 via 10.1.17.0 on link 7, onlink",
            "delete 02:00:00:00:00:01 is behind 192.168.50.3 on link 7",
        ]
    );
}

#[test]
fn another_public_address_overwrites_and_another_reach_withdraws() {
    let (old, new) = (peer("10.1.17.0", "192.168.50.3", 1), peer("10.1.17.0", "192.168.50.4", 1));
    let plan = VXLAN.replaced((&old, Reach::Tunnel), (&new, Reach::Tunnel), []);
    assert!(plan.changes().all(|change| matches!(change, Change::Set(_))));
    let plan = VXLAN.replaced((&old, Reach::Tunnel), (&new, Reach::Direct), []);
    assert_eq!(
        words(&plan),
        [
            "set route 10.1.17.0/24 via 192.168.50.4, direct",
            "delete neighbour 10.1.17.0 is at 02:00:00:00:00:01 on link 7",
            "delete 02:00:00:00:00:01 is behind 192.168.50.3 on link 7",
        ]
    );
    let plan = HOST_GW.replaced(&host_gw("192.168.50.3"), &host_gw("192.168.50.4"), []);
    assert_eq!(words(&plan), ["set route 10.1.17.0/24 via 192.168.50.4 on link 2"]);
}

/// Linux answers "Nexthop has invalid gateway or device mismatch" while the direct route is there.
#[test]
fn a_direct_route_of_ipv6_goes_before_the_tunnels() {
    let owner = Owner::of_subnet(prefix("fd00:5:2::/64"));
    let mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
    let peer = VxlanPeer::new(owner, ip("2001:db8::12"), mac).unwrap();
    let direct = "delete route fd00:5:2::/64 via 2001:db8::12, direct";
    let tunnel = "set route fd00:5:2::/64 via fd00:5:2:: on link 7, onlink";
    let plan = VXLAN.replaced((&peer, Reach::Direct), (&peer, Reach::Tunnel), []);
    assert_eq!(words(&plan)[2..], [direct, tunnel]);
    // The rollback of each of its changes gives the direct route back.
    let before = HostGwRoute {
        destination: owner.subnet,
        gateway: peer.public(),
        ifindex: HOST_GW.route(&host_gw("192.0.2.1")).ifindex,
    };
    let mut entries = found(&[Record::HostGw(before)]);
    let entries = FoundRecords::new(&mut entries);
    for done in [3, 4] {
        let undo: Vec<Change> = plan.rollback(done, entries).plan().changes().collect();
        assert!(undo.contains(&Change::Set(Record::HostGw(before))), "{done}: {undo:?}");
    }
    // In that of a plan that led from the tunnel to a direct route, too, that one goes first.
    let plan = VXLAN.replaced((&peer, Reach::Tunnel), (&peer, Reach::Direct), []);
    let mut tables = found(&records(&peer, Reach::Tunnel));
    let undo = plan.rollback(1, FoundRecords::new(&mut tables));
    assert_eq!(words(undo.plan()), [direct, tunnel]);
    // Another lease gets its route back.
    let other = Owner { lease: "10.5.2.0-24&fd00:5:2::-64".parse().unwrap(), ..owner };
    let other = VxlanPeer::new(other, ip("2001:db8::13"), mac).unwrap();
    let others = VXLAN.wanted(&other, Reach::Tunnel).map(Claim::Wants);
    let removed = VXLAN.removed(&peer, Reach::Direct, others.clone());
    assert_eq!(words(&removed), [direct, tunnel]);
    // So does the reconciliation.
    let mut buffer = [None; 3];
    let wanted = WantedRecords::collect(others, entries, &mut buffer).unwrap();
    let changes: Vec<String> = missing(wanted, entries).map(|change| change.to_string()).collect();
    let found = "delete route fd00:5:2::/64 via 2001:db8::12 on link 2";
    assert_eq!(changes[2..], [found, tunnel]);
}

/// moby/moby#50106, and a node whose subnet changed while its device kept its MAC address.
#[test]
fn an_fdb_entry_goes_with_the_last_lease_that_wants_it() {
    let (old, new) = (peer("10.5.2.0", "192.0.2.12", 1), peer("10.5.9.0", "192.0.2.12", 1));
    let claims = |peer: &VxlanPeer| VXLAN.wanted(peer, Reach::Tunnel).map(Claim::Wants);
    let fdb = |plan: &Plan| plan.changes().filter(|c| matches!(c.record(), Record::Fdb(_))).count();
    assert_eq!(fdb(&VXLAN.removed(&old, Reach::Tunnel, claims(&new))), 0);
    assert_eq!(
        fdb(&VXLAN.removed(&old, Reach::Tunnel, claims(&old))),
        1,
        "its own claims are skipped"
    );
    // Another MAC address leaves the shared entry, too.
    let other = peer("10.5.2.0", "192.0.2.12", 2);
    let plan = VXLAN.replaced((&old, Reach::Tunnel), (&other, Reach::Tunnel), claims(&new));
    assert!(plan.changes().all(|change| matches!(change, Change::Set(_))), "{:?}", words(&plan));
}

/// Two leases with one VtepMAC (projectcalico/calico#7281): the lesser subnet has it, whoever comes
/// first.
#[test]
fn the_lesser_subnet_has_what_two_leases_want() {
    let (lesser, greater) = (peer("10.5.2.0", "192.0.2.12", 1), peer("10.5.3.0", "192.0.2.13", 1));
    let claims = |peer: &VxlanPeer| VXLAN.wanted(peer, Reach::Tunnel).map(Claim::Wants);
    let fdb = |plan: &Plan| {
        let is_fdb = |change: &Change| matches!(change.record(), Record::Fdb(_));
        plan.changes().find(is_fdb).map(|change| change.to_string())
    };
    let to_lesser = Some("set 02:00:00:00:00:01 is behind 192.0.2.12 on link 7".into());
    assert_eq!(fdb(&VXLAN.added(&lesser, Reach::Tunnel, claims(&greater))), to_lesser);
    assert_eq!(fdb(&VXLAN.added(&greater, Reach::Tunnel, claims(&lesser))), None);
    assert_eq!(fdb(&VXLAN.removed(&greater, Reach::Tunnel, claims(&lesser))), None);
    let to_greater = Some("set 02:00:00:00:00:01 is behind 192.0.2.13 on link 7".into());
    assert_eq!(fdb(&VXLAN.removed(&lesser, Reach::Tunnel, claims(&greater))), to_greater);
}

/// Two leases of one subnet: the lesser goes, and the other's peer is the same, but reached directly. Its MAC address is a
/// third lease's, too.
#[test]
fn a_direct_route_is_given_back_before_the_tunnel_goes() {
    let lease = |key: &str, subnet, public, mac| {
        let owner = Owner { subnet: prefix(subnet), lease: key.parse().unwrap() };
        VxlanPeer::new(owner, ip(public), MacAddr::new([2, 0, 0, 0, 0, mac])).unwrap()
    };
    let gone = lease("10.5.2.0-24", "10.5.2.0/24", "192.0.2.10", 1);
    let direct = lease("10.5.2.0-24&fd00:5:2::-64", "10.5.2.0/24", "192.0.2.10", 1);
    let third = lease("10.5.3.0-24", "10.5.3.0/24", "192.0.2.11", 1);
    let claims = [(direct, Reach::Direct), (third, Reach::Tunnel)];
    let others = claims.iter().flat_map(|(peer, reach)| VXLAN.wanted(peer, *reach));
    assert_eq!(
        words(&VXLAN.removed(&gone, Reach::Tunnel, others.map(Claim::Wants))),
        [
            "set route 10.5.2.0/24 via 192.0.2.10, direct",
            "set 02:00:00:00:00:01 is behind 192.0.2.11 on link 7",
            "delete neighbour 10.5.2.0 is at 02:00:00:00:00:01 on link 7",
        ]
    );
}

#[test]
fn a_host_gw_route_is_added_when_it_is_not_there() {
    let peer = host_gw("192.168.50.3");
    let add = "add route 10.1.17.0/24 via 192.168.50.3 on link 2";
    let set = "set route 10.1.17.0/24 via 192.168.50.3 on link 2";
    let added = |entry: Option<Found>| {
        let mut found: Vec<Found> = entry.into_iter().collect();
        words(&HOST_GW.added(&peer, FoundRecords::new(&mut found), []))
    };
    assert_eq!(added(None), [add]);
    let route = HOST_GW.route(&peer);
    let same = Found::exact(Record::HostGw(route));
    assert!(added(Some(same)).is_empty());
    let inexact = Found { is_exact: false, is_default_metric: false, ..same };
    assert!(added(Some(inexact)).is_empty(), "flannel does not compare the metric");
    let elsewhere = HostGwRoute { ifindex: Some(IfIndex::literal::<3>()), ..route };
    let other = Found::exact(Record::HostGw(elsewhere));
    let mut both = [inexact, other];
    let plan = HOST_GW.added(&peer, FoundRecords::new(&mut both), []);
    assert_eq!(words(&plan), [set], "another route comes before it");
    assert_eq!(added(Some(other)), [set]);
    let beside = Found { is_default_metric: false, ..other };
    assert_eq!(added(Some(beside)), [add], "a route of another metric is not overwritten");
    for (ifindex, route_type) in [(Some(IfIndex::literal::<7>()), 1), (None, 6)] {
        let other = OtherRoute { destination: route.destination, ifindex, scope: 253, route_type };
        assert_eq!(added(Some(Found::exact(Record::Other(other)))), [set]);
    }
}

/// flannel `pkg/backend/route_network_test.go`: one route remains, with the new gateway.
#[test]
fn flannels_host_gw_route_gets_another_gateway() {
    let peer =
        |public| HostGwPeer::new(Owner::of_subnet(prefix("192.168.0.0/24")), ip(public)).unwrap();
    let [old, new] =
        ["127.0.0.1", "127.0.0.2"].map(|public| Record::HostGw(HOST_GW.route(&peer(public))));
    let mut entries = found(&[old]);
    let plan = HOST_GW.added(&peer("127.0.0.2"), FoundRecords::new(&mut entries), []);
    assert_eq!(after(&[old], &plan.changes().collect::<Vec<_>>()), [new]);
}

/// flannel-io/flannel#959: the lease of a working peer comes again, and the route is refused.
#[test]
fn a_rollback_gives_back_what_was_there() {
    let (old, new) = (peer("10.5.2.0", "192.0.2.12", 1), peer("10.5.2.0", "192.0.2.13", 2));
    let before = records(&old, Reach::Tunnel);
    let again = VXLAN.added(&old, Reach::Tunnel, []);
    let moved = VXLAN.replaced((&old, Reach::Tunnel), (&new, Reach::Tunnel), []);
    let removed = VXLAN.removed(&old, Reach::Tunnel, []);
    let direct = VXLAN.replaced((&old, Reach::Tunnel), (&new, Reach::Direct), []);
    for plan in [again, moved, removed, direct] {
        for done in 0..=plan.changes().count() {
            let changes: Vec<Change> = plan.changes().take(done).collect();
            let mut entries = found(&before);
            let undo = plan.rollback(done, FoundRecords::new(&mut entries));
            let undone: Vec<Change> = undo.plan().changes().collect();
            let reached = after(&after(&before, &changes), &undone);
            assert_eq!(sorted(&reached), sorted(&before), "{:?} {done}", words(&plan));
            assert_eq!(undo.inexact().count(), 0);
        }
    }
}

/// The kernel deletes a neighbour whatever its MAC address, and a route whatever its RTNH_F_ONLINK.
#[test]
fn a_rollback_gives_back_what_a_deletion_did_not_mean() {
    let peer = peer("10.5.2.0", "192.0.2.12", 1);
    let [Record::Neighbour(neighbour), fdb, Record::Onlink(route)] =
        records(&peer, Reach::Tunnel)[..]
    else {
        panic!()
    };
    let neighbour = NeighbourEntry { mac: MacAddr::new([2, 0, 0, 0, 0, 9]), ..neighbour };
    let OnlinkRoute { destination, gateway, ifindex } = route;
    let route = Record::HostGw(HostGwRoute { destination, gateway, ifindex: Some(ifindex) });
    let Record::Fdb(entry) = fdb else { panic!() };
    let fdb = Record::Fdb(FdbEntry { remote: ip("192.0.2.99"), ..entry });
    let mut entries = found(&[Record::Neighbour(neighbour), fdb, route]);
    let removed = VXLAN.removed(&peer, Reach::Tunnel, []);
    let undo = removed.rollback(3, FoundRecords::new(&mut entries));
    let restored = [route, Record::Neighbour(neighbour)].map(Change::Set);
    assert_eq!(undo.plan().changes().collect::<Vec<_>>(), restored, "the FDB entry stayed");
}

#[test]
fn a_rollback_says_what_it_cannot_give_back() {
    let peer = host_gw("192.168.50.3");
    let several =
        OtherRoute { destination: prefix("10.1.17.0/24"), ifindex: None, scope: 0, route_type: 1 };
    let several = Record::Other(several);
    let mut entries = [Found { is_exact: false, ..Found::exact(several) }];
    let entries = FoundRecords::new(&mut entries);
    let undo = HOST_GW.added(&peer, entries, []).rollback(1, entries);
    assert_eq!(undo.plan().changes().collect::<Vec<_>>(), [Change::Set(several)]);
    assert_eq!(undo.inexact().collect::<Vec<_>>(), [several]);
}

/// A gateway that cannot be read, or a next hop object, is not the absence of a gateway.
#[test]
fn a_peer_whose_gateway_is_not_known_is_not_direct() {
    let reach = |attribute: &[u8]| {
        let header = RouteHeader::unicast(Family::INET).to_bytes();
        let body = [&header[..], attribute].concat();
        Reach::from_lookup([RouteMessage::parse(&body).unwrap()])
    };
    let attribute = |kind: u16, value: &[u8]| {
        let len = u16::try_from(value.len() + 4).unwrap();
        [&len.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat()
    };
    assert_eq!(reach(&attribute(4, &2_u32.to_ne_bytes())), Reach::Direct);
    assert_eq!(reach(&attribute(5, &[192, 0, 2, 1])), Reach::Tunnel);
    assert_eq!(reach(&attribute(5, &[192, 0, 2])), Reach::Tunnel, "unreadable");
    assert_eq!(reach(&attribute(30, &7_u32.to_ne_bytes())), Reach::Tunnel, "a next hop object");
}
