//! flannel's records for three nodes, programmed by the `routes` example through a real netlink socket, and pings between
//! pods on different nodes: in network namespaces that the test makes and takes away again.
//!
//! It needs root and iproute2: `.ci/netns.sh` runs it, or says why it cannot.
#![cfg(target_os = "linux")]

mod bed;
mod faults;
mod ping;

use bed::{Bed, hex, lines};
use vtep::agent::{Change, Owner, Reach, VxlanBackend, VxlanPeer};

const VXLAN: [&str; 2] = ["--backend", "vxlan"];
const HOST_GW: [&str; 2] = ["--backend", "host-gw"];

#[test]
#[ignore = "needs root and iproute2: .ci/netns.sh"]
fn three_nodes_of_flannel() {
    let mut bed = Bed::new();
    events_of_the_vxlan_backend(&bed);
    a_lease_goes_and_comes_again(&bed);
    a_route_deleted_by_hand_is_restored(&bed);
    a_node_comes_with_another_vtep_mac(&mut bed);
    direct_routing_needs_no_tunnel(&bed);
    host_gw_takes_over(&bed);
}

fn all_reach_all(bed: &Bed) {
    for from in 1..=3 {
        for to in (1..=3).filter(|to| *to != from) {
            assert!(bed.pings(from, to), "pod {from} does not reach pod {to}");
            assert!(bed.pings_v6(from, to), "pod {from} does not reach pod {to} over IPv6");
        }
    }
}

fn apply_on_all(bed: &Bed, backend: [&str; 2], more: &[&str]) {
    for node in 1..=3 {
        bed.routes(node, "apply", &bed.leases(backend[1], &[1, 2, 3]), backend, more);
    }
}

fn events_of_the_vxlan_backend(bed: &Bed) {
    assert!(!bed.pings(1, 2), "there is no route yet");
    apply_on_all(bed, VXLAN, &[]);
    assert_eq!(
        bed.ip(1, "route show 10.5.2.0/24"),
        "10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink"
    );
    assert_eq!(
        bed.ip(1, "neigh show 10.5.2.0"),
        "10.5.2.0 dev flannel.1 lladdr 02:00:00:00:00:02 PERMANENT"
    );
    assert!(
        bed.fdb(1).contains("02:00:00:00:00:02 dst 192.168.50.2 self permanent"),
        "{}",
        bed.fdb(1)
    );
    let before = bed.sent_through_the_tunnel(1);
    all_reach_all(bed);
    assert!(bed.sent_through_the_tunnel(1) > before);
    apply_on_all(bed, VXLAN, &[]);
    all_reach_all(bed);
}

fn a_lease_goes_and_comes_again(bed: &Bed) {
    let third = bed.leases("vxlan", &[3]);
    let said = bed.routes(1, "apply", &third, VXLAN, &["--remove"]);
    assert_eq!(lines(&said).count(), 6, "three entries a family: {said}");
    for gone in ["10.5.3.0", "fd00:5:3::", "02:00:00:00:00:03", "02:00:00:00:06:03"] {
        assert!(!bed.everything(1).contains(gone), "{gone} is left:\n{}", bed.everything(1));
    }
    assert!(!bed.pings(1, 3));
    assert!(bed.pings(1, 2));
    bed.routes(1, "apply", &third, VXLAN, &[]);
    all_reach_all(bed);
}

fn a_route_deleted_by_hand_is_restored(bed: &Bed) {
    let all = bed.leases("vxlan", &[1, 2, 3]);
    assert_eq!(bed.routes(1, "reconcile", &all, VXLAN, &[]), "", "all is there");
    bed.ip(1, "route del 10.5.2.0/24");
    assert!(!bed.pings(1, 2));
    let link = bed.link(1, "flannel.1");
    let restored = format!("set route 10.5.2.0/24 via 10.5.2.0 on link {link}, onlink");
    assert_eq!(bed.routes(1, "reconcile", &all, VXLAN, &["--dry-run"]), restored);
    assert!(!bed.pings(1, 2));
    assert_eq!(bed.routes(1, "reconcile", &all, VXLAN, &[]), restored);
    assert!(bed.pings(1, 2));
    assert_eq!(bed.routes(1, "reconcile", &all, VXLAN, &[]), "");
}

/// Node 1 learns of it by the event, node 2 by its reconciliation.
fn a_node_comes_with_another_vtep_mac(bed: &mut Bed) {
    let owner = Owner::of_subnet("10.5.3.0/24".parse().unwrap());
    let peer = |bed: &Bed| VxlanPeer::new(owner, [192, 168, 50, 3].into(), bed.mac(3)).unwrap();
    let old = peer(bed);
    bed.change_mac(3, 0x33);
    assert!(!bed.pings(1, 3));
    let new = peer(bed);
    let backend = VxlanBackend { ifindex: bed.link(1, "flannel.1").parse().unwrap() };
    let plan = backend.replaced((&old, Reach::Tunnel), (&new, Reach::Tunnel), []);
    bed.send(
        1,
        &plan
            .changes()
            .map(|change: Change| hex(|buffer| change.write(7, buffer)))
            .collect::<Vec<_>>(),
    );
    let said = bed.routes(2, "reconcile", &bed.leases("vxlan", &[1, 2, 3]), VXLAN, &[]);
    let link = bed.link(2, "flannel.1");
    let expected = [
        format!("set neighbour 10.5.3.0 is at 02:00:00:00:00:33 on link {link}"),
        format!("set 02:00:00:00:00:33 is behind 192.168.50.3 on link {link}"),
        format!("delete 02:00:00:00:00:03 is behind 192.168.50.3 on link {link}"),
    ];
    assert_eq!(lines(&said).collect::<Vec<_>>(), expected);
    // with its address the kernel took the device's neighbours
    let said = bed.routes(3, "reconcile", &bed.leases("vxlan", &[1, 2, 3]), VXLAN, &[]);
    assert!(lines(&said).all(|line| line.starts_with("set neighbour 10.5.")), "{said}");
    for node in [1, 2] {
        assert!(!bed.everything(node).contains("02:00:00:00:00:03"), "the old MAC address is left");
    }
    all_reach_all(bed);
}

/// All nodes are on one link: the kernel's answer is direct, and the tunnel's entries go.
fn direct_routing_needs_no_tunnel(bed: &Bed) {
    let all = bed.leases("vxlan", &[1, 2, 3]);
    for node in 1..=3 {
        bed.routes(node, "reconcile", &all, VXLAN, &["--direct"]);
        assert_eq!(bed.routes(node, "reconcile", &all, VXLAN, &["--direct"]), "");
    }
    assert_eq!(bed.ip(1, "route show 10.5.2.0/24"), "10.5.2.0/24 via 192.168.50.2 dev eth0");
    assert!(!bed.fdb(1).contains("dst"), "{}", bed.fdb(1));
    let before = bed.sent_through_the_tunnel(1);
    all_reach_all(bed);
    assert_eq!(bed.sent_through_the_tunnel(1), before);
    apply_on_all(bed, VXLAN, &["--direct", "--remove"]);
    assert!(!bed.pings(1, 2));
}

/// One that drops and one to a link, by an event and by the reconciliation: one request puts ours in their place.
fn routes_without_a_gateway_are_replaced(bed: &Bed) {
    let all = bed.leases("host-gw", &[1, 2, 3]);
    let link = bed.link(1, "eth0");
    for command in ["apply", "reconcile"] {
        for (node, other) in [(2, "blackhole 10.5.2.0/24"), (3, "10.5.3.0/24 dev eth0")] {
            bed.ip(1, &format!("route del 10.5.{node}.0/24"));
            bed.ip(1, &format!("route add {other}"));
        }
        let said = bed.routes(1, command, &all, HOST_GW, &[]);
        let set = [2, 3]
            .map(|node| format!("set route 10.5.{node}.0/24 via 192.168.50.{node} on link {link}"));
        assert_eq!(lines(&said).collect::<Vec<_>>(), set);
        assert_eq!(bed.routes(1, command, &all, HOST_GW, &[]), "");
        assert_eq!(bed.ip(1, "route show 10.5.2.0/24"), "10.5.2.0/24 via 192.168.50.2 dev eth0");
    }
}

fn host_gw_takes_over(bed: &Bed) {
    bed.ip(1, "route add 10.5.2.0/24 via 192.168.50.3");
    apply_on_all(bed, HOST_GW, &[]);
    assert_eq!(bed.ip(1, "route show 10.5.2.0/24"), "10.5.2.0/24 via 192.168.50.2 dev eth0");
    all_reach_all(bed);
    let all = bed.leases("host-gw", &[1, 2, 3]);
    assert_eq!(bed.routes(1, "apply", &all, HOST_GW, &[]), "", "what is there stays");
    bed.ip(1, "route del 10.5.3.0/24");
    bed.ip(1, "route add 10.5.9.0/24 via 192.168.50.3");
    let networks = ["--network", "10.5.0.0/16"];
    let said = bed.routes(1, "reconcile", &all, HOST_GW, &networks);
    let link = bed.link(1, "eth0");
    let expected = [
        format!("add route 10.5.3.0/24 via 192.168.50.3 on link {link}"),
        format!("delete route 10.5.9.0/24 via 192.168.50.3 on link {link}"),
    ];
    assert_eq!(lines(&said).collect::<Vec<_>>(), expected);
    routes_without_a_gateway_are_replaced(bed);
    all_reach_all(bed);
    bed.routes(1, "apply", &bed.leases("host-gw", &[3]), HOST_GW, &["--remove"]);
    assert_eq!(bed.ip(1, "route show 10.5.3.0/24"), "");
    assert!(!bed.pings(1, 3));
    assert!(bed.pings(1, 2));
}
