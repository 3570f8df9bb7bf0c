//! The same sequences against the real kernel, each in a network namespace of its own.

use std::io::Write;
use std::process::{Command, Stdio};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use vtep::agent::{Change, Found, Record};
use vtep::netlink::{
    Body, Dump, DumpStep, Family, Header, IfIndex, MessageFlags, MessageType, Messages,
    NeighbourDump, RouteAttr, RouteDump, RouteFlags, RouteHeader, build,
};
use vtep::subnet::IpPrefix;
use vtep::wire::MacAddr;

use crate::kernel::{Kernel, Refusal, Route, default_metric};
use crate::steps::Links;
use crate::world::{Edit, Live};

/// A node's links, as flannel has them: an underlay, two vxlan devices, and a link that is not the agent's.
const NODE: &str = "link set lo up
link add up0 type veth peer name up1
link set up0 up
link set up1 up
addr add 192.0.2.1/24 dev up0
addr add 2001:db8::1/64 dev up0 nodad
link add far0 type veth peer name far1
link set far0 up
link set far1 up
addr add 198.51.100.1/24 dev far0
addr add 2001:db8:9::1/64 dev far0 nodad
link add flannel.1 type vxlan id 1 dev up0 local 192.0.2.1 dstport 8472 nolearning
link add flannel-v6.1 type vxlan id 1 dev up0 local 2001:db8::1 dstport 8472 nolearning
link set flannel.1 up
link set flannel-v6.1 up
addr add 10.5.1.0/32 dev flannel.1
addr add fd00:5:1::/128 dev flannel-v6.1 nodad
route add default via 192.0.2.254 dev up0
route add default via 2001:db8::fe dev up0
";

/// The thread's namespace, and a socket to its kernel tables.
pub struct Namespace {
    socket: Socket,
    seq: u32,
    underlay: IfIndex,
}

fn ip(arguments: &[&str], input: &str) -> String {
    let mut ip = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ip");
    ip.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("ip reads");
    let output = ip.wait_with_output().expect("ip");
    assert!(output.status.success(), "ip {arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

impl Namespace {
    /// Moves the thread to a new namespace and makes a node there. With `refuses`, the kernel refuses routes to a subnet,
    /// because its first address is the node's own.
    pub fn enter(refuses: bool) -> (Self, Links) {
        // SAFETY: a plain system call without pointers.
        let entered = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        assert_eq!(entered, 0, "unshare: {}", std::io::Error::last_os_error());
        ip(&["-batch", "-"], NODE);
        if refuses {
            ip(
                &["-batch", "-"],
                "addr add 10.5.4.0/32 dev lo\naddr add fd00:5:4::/128 dev lo nodad\n",
            );
        }
        let bridge =
            ["fdb", "append", "00:00:00:00:00:00", "dev", "flannel.1", "dst", "192.0.2.250"];
        assert!(Command::new("bridge").args(bridge).status().expect("bridge").success());
        let mut socket = Socket::new(NETLINK_ROUTE).expect("a socket");
        socket.bind_auto().expect("an address");
        socket.connect(&SocketAddr::new(0, 0)).expect("the kernel");
        let links = ip(&["-o", "link"], "");
        let index = |name: &str| {
            let line =
                links.lines().find(|line| line.contains(&format!(": {name}"))).expect("a link");
            let index = line.split(':').next().and_then(|index| index.trim().parse().ok());
            IfIndex::new(index.expect("a number")).expect("an index")
        };
        let links = Links {
            vxlan: [index("flannel.1"), index("flannel-v6.1")],
            underlay: index("up0"),
            foreign: index("far0"),
        };
        (Self { socket, seq: 0, underlay: links.underlay }, links)
    }

    fn request(&mut self, request: &[u8]) -> Vec<u8> {
        self.socket.send(request, 0).expect("sent");
        self.socket.recv_from_full().expect("an answer").0
    }

    fn next_seq(&mut self) -> u32 {
        self.seq += 1;
        self.seq
    }

    /// Sends a request, and reads the acknowledgement or the refusal.
    fn change(&mut self, write: impl Fn(u32, &mut [u8]) -> usize) -> Result<(), Refusal> {
        let seq = self.next_seq();
        let mut buffer = [0; 256];
        let len = write(seq, &mut buffer);
        let answer = self.request(&buffer[..len]);
        let message = Messages::new(&answer).next().expect("a message").expect("readable");
        let Body::Error(error) = message.body().expect("readable") else { panic!("no answer") };
        assert_eq!(message.header.seq, seq);
        match error.errno() {
            0 => Ok(()),
            2 | 3 => Err(Refusal::NotThere),
            17 => Err(Refusal::Exists),
            _ => Err(Refusal::Other),
        }
    }

    fn dump<T>(
        &mut self,
        write: impl Fn(u32, &mut [u8]) -> usize,
        entry: impl Fn(Body<'_>) -> Option<T>,
    ) -> Vec<T> {
        let seq = self.next_seq();
        let (mut buffer, mut entries, mut dump) = ([0; 64], Vec::new(), Dump::new(seq));
        let len = write(seq, &mut buffer);
        let mut answer = self.request(&buffer[..len]);
        loop {
            for message in Messages::new(&answer) {
                match dump.step(&message.expect("readable")).expect("a step") {
                    DumpStep::Entry(body) => entries.extend(entry(body)),
                    DumpStep::Finished => return entries,
                    step => panic!("{step:?}"),
                }
            }
            answer = self.socket.recv_from_full().expect("more").0;
        }
    }

    /// All entries of the kinds that flannel makes, but for the kernel's own.
    fn entries<T>(&mut self, entry: impl Fn(Body<'_>) -> Option<T>) -> Vec<T> {
        const KERNEL: u8 = 2;
        let mut entries = Vec::new();
        for family in [Family::INET, Family::INET6, Family::BRIDGE] {
            let write =
                |seq, buffer: &mut [u8]| NeighbourDump { family }.write(seq, buffer).unwrap();
            entries.extend(self.dump(write, &entry));
        }
        for family in [Family::INET, Family::INET6] {
            let write = |seq, buffer: &mut [u8]| RouteDump { family }.write(seq, buffer).unwrap();
            entries.extend(self.dump(write, |body| match body {
                Body::Route(route) if route.header.protocol == KERNEL => None,
                _ => entry(body),
            }));
        }
        entries
    }
}

fn route_request(
    seq: u32,
    buffer: &mut [u8],
    (destination, metric): (IpPrefix, u32),
    route: Route,
) -> usize {
    let address = destination.address();
    let family = if address.is_ipv4() { Family::INET } else { Family::INET6 };
    let scope = if address.is_ipv4() && route.gateway.is_none() { 253 } else { 0 };
    let flags = if route.onlink { RouteFlags::ONLINK } else { RouteFlags::empty() };
    let fixed = RouteHeader {
        destination_len: destination.len(),
        protocol: route.protocol,
        scope,
        flags,
        ..RouteHeader::unicast(family)
    };
    build(buffer, Header::request(MessageType::NEWROUTE, MessageFlags::SET, seq), |writer| {
        writer.bytes(&fixed.to_bytes());
        RouteAttr::Destination(address).emit(writer);
        if let Some(gateway) = route.gateway {
            RouteAttr::Gateway(gateway).emit(writer);
        }
        RouteAttr::Oif(Some(route.ifindex)).emit(writer);
        RouteAttr::Priority(metric).emit(writer);
    })
    .expect("space")
}

impl Live for Namespace {
    fn send(&mut self, change: &Change) -> Result<(), Refusal> {
        self.change(|seq, buffer| change.write(seq, buffer).expect("space"))
    }

    fn edit(&mut self, edit: &Edit) -> bool {
        let answer = match *edit {
            Edit::Set(record) => self.send(&Change::Set(record)),
            Edit::Delete(record) => self.send(&Change::Delete(record)),
            Edit::Route(destination, metric, route) => {
                self.change(|seq, buffer| route_request(seq, buffer, (destination, metric), route))
            }
        };
        answer != Err(Refusal::Other)
    }

    fn found(&mut self) -> Vec<Found> {
        self.entries(Found::from_body)
    }

    fn tables(&mut self) -> Kernel {
        let mut kernel = Kernel::new(self.underlay);
        let entries = self.entries(|body| {
            let route = match body {
                Body::Route(route) => Some((route.header.protocol, route.priority())),
                _ => None,
            };
            Some((Record::from_body(body)?, route))
        });
        for (record, route) in entries {
            match (record, route) {
                (Record::Fdb(entry), _) if entry.mac == MacAddr::ZERO => {
                    kernel.default_fdb.insert((entry.ifindex, entry.remote));
                }
                (Record::Neighbour(_) | Record::Fdb(_), _) => kernel.put(&record),
                (_, route) => {
                    let (protocol, metric) = route.expect("a route");
                    let (destination, route) = kernel.route(&record).expect("a route");
                    let key = (destination, metric.unwrap_or(default_metric(destination)));
                    kernel.routes.insert(key, Route { protocol, ..route });
                }
            }
        }
        kernel
    }
}
