//! Faults that other programs were reported for, sent to the kernel: what a lease says takes nothing down that works.
//!
//! One node in a namespace of its own, with an underlay and a vxlan device; the leases are in `tests/data/cases`.

use std::path::Path;
use std::process::{Command, Output};

use crate::bed::routes_example;

struct Node {
    name: String,
    /// Index of flannel.1.
    link: String,
}

#[test]
#[ignore = "needs root and iproute2: .ci/netns.sh"]
fn what_leases_say_takes_nothing_down() {
    let node = Node::new();
    a_lease_without_ipv4_leaves_the_default_route(&node);
    backend_data_of_an_absent_family_leaves_the_peer(&node);
    an_unreadable_lease_keeps_its_entries(&node);
    a_refused_route_gives_back_what_was_there(&node);
    an_fdb_entry_goes_with_the_last_lease(&node);
    a_conflict_comes_to_rest(&node);
}

impl Node {
    fn new() -> Self {
        let name = format!("vtep-faults{}", std::process::id());
        let mut node = Self { name, link: String::new() };
        node.sh(&format!("ip netns add {0} && ip -n {0} link set lo up", node.name));
        node.ip("link add up0 type veth peer name up1");
        for setting in ["link set up0 up", "link set up1 up", "addr add 192.0.2.1/24 dev up0"] {
            node.ip(setting);
        }
        node.ip("-6 addr add 2001:db8::1/64 dev up0 nodad");
        node.ip(
            "link add flannel.1 type vxlan id 1 dev up0 local 192.0.2.1 dstport 8472 nolearning",
        );
        node.ip("link set flannel.1 up");
        node.ip("addr add 10.5.1.0/32 dev flannel.1");
        node.ip("route add default via 192.0.2.254 dev up0");
        node.link = node.index("flannel.1");
        node
    }

    fn sh(&self, command: &str) -> String {
        let Output { status, stdout, stderr } =
            Command::new("sh").args(["-c", command]).output().expect("sh");
        assert!(status.success(), "{command}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8_lossy(&stdout).lines().map(str::trim).collect::<Vec<_>>().join("\n")
    }

    fn ip(&self, arguments: &str) -> String {
        self.sh(&format!("ip -n {} {arguments}", self.name))
    }

    fn index(&self, link: &str) -> String {
        self.ip(&format!("-o link show {link} | cut -d: -f1"))
    }

    /// Runs `routes` over a file of cases: exit status, what it printed, what it complained of.
    fn routes(&self, command: &str, case: &str, more: &str) -> (i32, String, String) {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
        let output = Command::new("ip")
            .args(["netns", "exec", &self.name])
            .arg(routes_example())
            .arg(command)
            .arg(cases.join(case))
            .args(more.split_whitespace())
            .output()
            .expect("routes");
        let text = |bytes| String::from_utf8(bytes).expect("text").trim().to_owned();
        (output.status.code().expect("a status"), text(output.stdout), text(output.stderr))
    }

    fn vxlan(&self, command: &str, case: &str) -> (i32, String, String) {
        let link = &self.link;
        self.routes(command, case, &format!("--backend vxlan --self 192.0.2.1 --vxlan-link {link}"))
    }

    /// Neighbours, FDB entries and routes of flannel.1.
    fn tables(&self) -> String {
        let fdb = format!("bridge -n {} fdb show dev flannel.1", self.name);
        [
            self.ip("neigh show dev flannel.1 nud permanent"),
            self.sh(&fdb),
            self.ip("route show dev flannel.1"),
        ]
        .join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

/// flannel-io/flannel#1539.
fn a_lease_without_ipv4_leaves_the_default_route(node: &Node) {
    let default = node.ip("route show default");
    assert!(!default.is_empty());
    let link = node.index("up0");
    let arguments = format!("--backend host-gw --self 2001:db8::1 --link {link}");
    for command in ["apply", "reconcile"] {
        let (status, out, error) = node.routes(command, "lease_v6only_hgw.json", &arguments);
        let added = format!("add route fd00:42:0:2::/64 via 2001:db8::12 on link {link}");
        let expected = if command == "apply" { added } else { String::new() };
        assert_eq!((status, out, error), (0, expected, String::new()), "{command}");
        assert_eq!(node.ip("route show default"), default, "{command}");
    }
}

/// F5Networks/k8s-bigip-ctlr#2168.
fn backend_data_of_an_absent_family_leaves_the_peer(node: &Node) {
    let (status, ..) = node.vxlan("reconcile", "lease_v6data_null.good.json");
    assert_eq!(status, 0);
    let tables = node.tables();
    assert!(tables.contains("0a:00:00:00:00:12 dst 192.0.2.12"), "{tables}");
    let nothing = (0, String::new(), String::new());
    assert_eq!(node.vxlan("reconcile", "lease_v6data_null.json"), nothing);
    assert_eq!(node.tables(), tables);
}

fn an_unreadable_lease_keeps_its_entries(node: &Node) {
    let tables = node.tables();
    let (status, out, error) = node.vxlan("reconcile", "lease_unreadable.json");
    assert_eq!((status, out.as_str(), error.lines().count()), (2, "", 1), "{error}");
    assert_eq!(node.tables(), tables);
}

/// flannel-io/flannel#959.
fn a_refused_route_gives_back_what_was_there(node: &Node) {
    let tables = node.tables();
    node.ip("addr add 10.5.2.0/32 dev lo");
    let (status, out, error) = node.vxlan("apply", "lease_v6data_null.good.json");
    assert_eq!((status, out.lines().count()), (1, 2), "{out}");
    assert!(error.contains("Nexthop has invalid gateway"), "{error}");
    node.ip("addr del 10.5.2.0/32 dev lo");
    assert_eq!(node.tables(), tables);
}

/// moby/moby#50106.
fn an_fdb_entry_goes_with_the_last_lease(node: &Node) {
    let remove = format!("--backend vxlan --self 192.0.2.1 --vxlan-link {} --remove", node.link);
    node.vxlan("apply", "lease_moved_old.json");
    node.vxlan("apply", "lease_moved_new.json");
    node.routes("apply", "lease_moved_old.json", &remove);
    let tables = node.tables();
    assert!(tables.contains("0a:00:00:00:00:12 dst 192.0.2.12"), "{tables}");
    assert!(tables.contains("10.5.9.0") && !tables.contains("10.5.2.0"), "{tables}");
    node.routes("apply", "lease_moved_new.json", &remove);
    assert!(!node.tables().contains("0a:00:00:00:00:12"), "{}", node.tables());
}

/// projectcalico/calico#7281.
fn a_conflict_comes_to_rest(node: &Node) {
    let (status, out, error) = node.vxlan("reconcile", "lease_same_mac.json");
    assert_eq!((status, out.lines().count()), (1, 5), "{out}");
    assert!(error.contains("leases 10.5.2.0-24 and 10.5.3.0-24 conflict"), "{error}");
    let tables = node.tables();
    assert!(tables.contains("0a:00:00:00:00:12 dst 192.0.2.12"), "{tables}");
    for _ in 0..3 {
        let (status, out, _) = node.vxlan("reconcile", "lease_same_mac.json");
        assert_eq!((status, out.as_str()), (1, ""));
        assert_eq!(node.tables(), tables);
    }
}
