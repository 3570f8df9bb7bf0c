//! Three nodes on one underlay, a pod on each: seven network namespaces, gone when the test is.
//!
//! `ip` makes the namespaces, the underlay and the pods' ends; what flannel and its CNI plugin make on a node is made by
//! this crate's bytes.

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vtep::netlink::{
    BridgeLink, IfIndex, LinkAddress, LinkChange, LinkName, MasterChange, RequestError, VethLink,
    VxlanLink,
};
use vtep::wire::{MacAddr, Vni};

use crate::ping;

pub struct Bed {
    /// What the names of this run begin with.
    name: String,
    macs: [u8; 3],
    directory: PathBuf,
}

/// A request of the crate's, as hex.
pub fn hex(write: impl Fn(&mut [u8]) -> Result<usize, RequestError>) -> String {
    let mut buffer = [0; 512];
    let length = write(&mut buffer).expect("room");
    buffer[..length].iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim)
}

fn run(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().expect("sh");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {error}");
    lines(&String::from_utf8_lossy(&output.stdout)).collect::<Vec<_>>().join("\n")
}

/// The `routes` example, which cargo built beside this test.
pub fn routes_example() -> PathBuf {
    let test = std::env::current_exe().expect("own path");
    let target = test.ancestors().nth(2).expect("target directory");
    let path = target.join("examples/routes");
    assert!(path.exists(), "{}: not there: cargo build --example routes", path.display());
    path
}

impl Bed {
    pub fn new() -> Self {
        let name = format!("vtep{}", std::process::id());
        let directory = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&directory).expect("temporary directory");
        let bed = Self { name, macs: [1, 2, 3], directory };
        run(&format!("ip netns add {0} && ip -n {0} link add br0 up type bridge", bed.underlay()));
        for node in 1..=3 {
            bed.add_node(node);
        }
        bed
    }

    fn underlay(&self) -> String {
        format!("{}-u", self.name)
    }

    fn node(&self, node: u8) -> String {
        format!("{}-n{node}", self.name)
    }

    fn pod(&self, node: u8) -> String {
        format!("{}-p{node}", self.name)
    }

    fn add_node(&self, node: u8) {
        let (underlay, name) = (self.underlay(), self.node(node));
        run(&format!(
            "ip netns add {name}
             ip -n {underlay} link add n{node} type veth peer name eth0 netns {name}
             ip -n {underlay} link set n{node} master br0 up
             ip -n {name} link set lo up
             ip -n {name} link set eth0 up
             ip -n {name} addr add 192.168.50.{node}/24 dev eth0
             ip -n {name} addr add fd00:50::{node}/64 dev eth0 nodad
             ip netns exec {name} sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
             echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'"
        ));
        self.add_vxlan(node);
        self.add_pod(node);
    }

    /// flannel.1 and flannel-v6.1 with their addresses, as flanneld makes them.
    fn add_vxlan(&self, node: u8) {
        let lower: IfIndex = self.link(node, "eth0").parse().expect("index");
        let vni = Vni::new(1).expect("VNI");
        let devices: [(&str, IpAddr, MacAddr, IpAddr); 2] = [
            ("flannel.1", [192, 168, 50, node].into(), self.mac(node), [10, 5, node, 0].into()),
            ("flannel-v6.1", v6(0x50, 0, node), self.mac_v6(node), v6(5, node, 0)),
        ];
        for (name, local, mac, address) in devices {
            let mut link =
                VxlanLink::flannel(LinkName::new(name).expect("name"), vni, lower, local, mac);
            link.mtu = 1430;
            self.send(node, &[hex(|buffer| link.write_add(1, buffer))]);
            let ifindex = self.link(node, name).parse().expect("index");
            let prefix_len = if address.is_ipv4() { 32 } else { 128 };
            let address = LinkAddress { ifindex, address, prefix_len };
            let up = LinkChange { up: Some(true), ..LinkChange::new(ifindex) };
            self.send(
                node,
                &[hex(|buffer| address.write_add(2, buffer)), hex(|buffer| up.write(3, buffer))],
            );
        }
    }

    /// The bridge cni0, and a pod on it.
    fn add_pod(&self, node: u8) {
        let (name, pod) = (self.node(node), self.pod(node));
        let bridge = BridgeLink { name: LinkName::new("cni0").expect("name") };
        let veth = VethLink {
            name: LinkName::new("veth0").expect("name"),
            peer: LinkName::new("pod0").expect("name"),
        };
        self.send(
            node,
            &[hex(|buffer| bridge.write_add(1, buffer)), hex(|buffer| veth.write_add(2, buffer))],
        );
        let index = |name| -> IfIndex { self.link(node, name).parse().expect("index") };
        let (bridge, end) = (index("cni0"), index("veth0"));
        let bridge_up = LinkChange { up: Some(true), ..LinkChange::new(bridge) };
        let end_up = LinkChange {
            up: Some(true),
            mtu: Some(1430),
            master: Some(MasterChange::Join(bridge)),
            ..LinkChange::new(end)
        };
        self.send(
            node,
            &[hex(|buffer| bridge_up.write(3, buffer)), hex(|buffer| end_up.write(4, buffer))],
        );
        run(&format!(
            "ip netns add {pod}
             ip -n {name} link set pod0 netns {pod}
             ip -n {name} addr add 10.5.{node}.1/24 dev cni0
             ip -n {name} addr add fd00:5:{node}::1/64 dev cni0 nodad
             ip -n {pod} link set pod0 name eth0 mtu 1430 up
             ip -n {pod} addr add 10.5.{node}.2/24 dev eth0
             ip -n {pod} addr add fd00:5:{node}::2/64 dev eth0 nodad
             ip -n {pod} route add default via 10.5.{node}.1
             ip -n {pod} route add default via fd00:5:{node}::1"
        ));
    }

    /// The MAC address of a node's flannel.1.
    pub fn mac(&self, node: u8) -> MacAddr {
        MacAddr::new([2, 0, 0, 0, 0, self.macs[usize::from(node) - 1]])
    }

    fn mac_v6(&self, node: u8) -> MacAddr {
        MacAddr::new([2, 0, 0, 0, 6, node])
    }

    pub fn change_mac(&mut self, node: u8, last: u8) {
        self.macs[usize::from(node) - 1] = last;
        let ifindex = self.link(node, "flannel.1").parse().expect("index");
        let change = LinkChange { address: Some(self.mac(node)), ..LinkChange::new(ifindex) };
        self.send(node, &[hex(|buffer| change.write(1, buffer))]);
    }

    /// Index of a link of a node.
    pub fn link(&self, node: u8, name: &str) -> String {
        run(&format!("ip netns exec {} cat /sys/class/net/{name}/ifindex", self.node(node)))
    }

    /// A file with the leases of these nodes.
    pub fn leases(&self, backend: &str, nodes: &[u8]) -> PathBuf {
        let lease = |node: &u8| {
            let value = match backend {
                "vxlan" => format!(
                    r#""BackendType":"vxlan","BackendData":{{"VNI":1,"VtepMAC":"{}"}},"BackendV6Data":{{"VNI":1,"VtepMAC":"{}"}}"#,
                    self.mac(*node),
                    self.mac_v6(*node)
                ),
                backend => format!(r#""BackendType":"{backend}""#),
            };
            format!(
                r#"{{"key":"10.5.{node}.0-24&fd00:5:{node}::-64","value":{{"PublicIP":"192.168.50.{node}","PublicIPv6":"fd00:50::{node}",{value}}}}}"#
            )
        };
        let leases: Vec<String> = nodes.iter().map(lease).collect();
        let path = self.directory.join("leases.json");
        std::fs::write(&path, format!("[{}]", leases.join(","))).expect("leases");
        path
    }

    /// Runs the `routes` example on a node; what it printed.
    pub fn routes(
        &self,
        node: u8,
        command: &str,
        leases: &Path,
        backend: [&str; 2],
        more: &[&str],
    ) -> String {
        run(&format!(
            "ip netns exec {} {} {command} {} {} --self 192.168.50.{node} --link {} --vxlan-link {} --vxlan-link-v6 {} {}",
            self.node(node),
            routes_example().display(),
            leases.display(),
            backend.join(" "),
            self.link(node, "eth0"),
            self.link(node, "flannel.1"),
            self.link(node, "flannel-v6.1"),
            more.join(" ")
        ))
    }

    /// Sends requests on a node; all must be acknowledged.
    pub fn send(&self, node: u8, requests: &[String]) {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.node(node)])
            .arg(routes_example())
            .arg("send")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ip");
        let text = requests.join("\n");
        child.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("requests");
        let output = child.wait_with_output().expect("routes send");
        let answers = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success());
        let acks = lines(&answers).filter(|answer| answer.contains(r#""type":"ack""#)).count();
        assert_eq!(acks, requests.len(), "{answers}");
    }

    /// Runs `ip` on a node.
    pub fn ip(&self, node: u8, arguments: &str) -> String {
        run(&format!("ip -n {} {arguments}", self.node(node)))
    }

    /// The FDB of a node's flannel.1.
    pub fn fdb(&self, node: u8) -> String {
        run(&format!("bridge -n {} fdb show dev flannel.1", self.node(node)))
    }

    /// Routes, neighbours and FDB entries of a node.
    pub fn everything(&self, node: u8) -> String {
        let node = self.node(node);
        run(&format!(
            "ip -n {node} route; ip -n {node} -6 route
             ip -n {node} neigh show nud permanent; bridge -n {node} fdb | grep ' dev flannel' | grep dst"
        ))
    }

    /// Packets that a node's flannel.1 has sent.
    pub fn sent_through_the_tunnel(&self, node: u8) -> u64 {
        let path = "/sys/class/net/flannel.1/statistics/tx_packets";
        run(&format!("ip netns exec {} cat {path}", self.node(node))).parse().expect("a count")
    }

    pub fn pings(&self, from: u8, to: u8) -> bool {
        ping::answered(&self.pod(from), [10, 5, to, 2].into())
    }

    pub fn pings_v6(&self, from: u8, to: u8) -> bool {
        ping::answered(&self.pod(from), v6(5, to, 2))
    }
}

/// fd00:a:b::c, or fd00:a::c for b = 0.
fn v6(a: u16, b: u8, c: u8) -> IpAddr {
    [0xfd00, a, b.into(), 0, 0, 0, 0, c.into()].into()
}

impl Drop for Bed {
    fn drop(&mut self) {
        let names: Vec<String> = (1..=3)
            .flat_map(|node| [self.pod(node), self.node(node)])
            .chain([self.underlay()])
            .collect();
        for name in names {
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
