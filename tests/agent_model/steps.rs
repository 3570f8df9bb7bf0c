//! Random sequences of events.

use std::fmt;
use std::net::IpAddr;

use fastrand::Rng;
use vtep::agent::{Reach, Record};
use vtep::lease::{Families, LeaseKey};
use vtep::netlink::{FdbEntry, HostGwRoute, IfIndex, NeighbourEntry, OnlinkRoute};
use vtep::subnet::IpPrefix;
use vtep::wire::MacAddr;

use crate::kernel::{BOOT, Route, default_metric};
use crate::leases::{Backend, Config, Fault, Spec};
use crate::world::Edit;

#[derive(Clone, Debug)]
pub enum Step {
    /// A lease is written: a new one, or another value.
    Write(Spec),
    /// The lease with this index in the store goes or expires; a lease that is not there does, too.
    Remove(usize),
    /// Some leases changed unheard, and all are told in this order.
    Snapshot {
        changed: Vec<Spec>,
        gone: Option<usize>,
        with_own: bool,
        order: u64,
    },
    Reconcile,
    Edit(Edit),
    /// An entry of the kernel's is deleted, by its index.
    Drop(usize),
}

#[derive(Clone, Debug)]
pub struct Event {
    pub step: Step,
    /// How many requests come before one that the kernel refuses.
    pub fails_after: Option<u32>,
    /// How many requests come before the agent is killed; another takes over with a snapshot and a reconciliation.
    pub killed_after: Option<u32>,
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, backend, macs, publics, reach, fault } = self;
        write!(f, "{key} {backend:?} {macs:?} {publics:?} {reach:?} {fault:?}")
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Step::Write(spec) => write!(f, "write {spec}")?,
            Step::Snapshot { changed, gone, with_own, order } => {
                write!(f, "snapshot in order {order} with own {with_own} without {gone:?}")?;
                changed.iter().try_for_each(|spec| write!(f, "\n  changed {spec}"))?;
            }
            Step::Edit(Edit::Set(record)) => write!(f, "by hand: set {record}")?,
            step => write!(f, "{step:?}")?,
        }
        write!(f, " | fails {:?} killed {:?}", self.fails_after, self.killed_after)
    }
}

pub struct Links {
    pub vxlan: [IfIndex; 2],
    pub underlay: IfIndex,
    pub foreign: IfIndex,
}

pub fn config(rng: &mut Rng, links: &Links) -> Config {
    Config {
        backend: if rng.u8(..4) == 0 { Backend::HostGw } else { Backend::Vxlan },
        families: [Families::Dual, Families::Dual, Families::Ipv4, Families::Ipv6][rng.usize(..4)],
        vxlan_links: links.vxlan,
        underlay: links.underlay,
        foreign_link: links.foreign,
        checks_networks: rng.bool(),
    }
}

/// A few nodes, of which each tends to have what is its own.
pub struct Generator {
    pub rng: Rng,
    pub config: Config,
    pub nodes: u8,
}

impl Generator {
    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(..n) == 0
    }

    /// A node's own number, or seldom another's.
    fn number(&mut self, node: u8) -> u8 {
        if self.one_in(6) { self.rng.u8(..self.nodes) } else { node }
    }

    fn key(&mut self, node: u8) -> LeaseKey {
        let (v4, v6) = (self.number(node), self.number(node));
        let second = if self.one_in(12) { 6 } else { 5 };
        let v4 = match self.rng.u8(..12) {
            0 => format!("10.{second}.{}.7-24", v4 + 2),
            1 => format!("10.{second}.{}.0-25", v4 + 2),
            _ => format!("10.{second}.{}.0-24", v4 + 2),
        };
        let v6 = match self.rng.u8(..12) {
            0 => format!("fd00:{second}:{}::-80", v6 + 2),
            _ => format!("fd00:{second}:{}::-64", v6 + 2),
        };
        let key = match self.rng.u8(..8) {
            0 | 1 => v4,
            2 => format!("0.0.0.0-0&{v6}"),
            _ => format!("{v4}&{v6}"),
        };
        key.parse().unwrap()
    }

    fn public(&mut self, node: u8, family: usize) -> IpAddr {
        let number = self.number(node);
        match family {
            0 => IpAddr::from([192, 0, 2, 10 + number]),
            _ => format!("2001:db8::1{number}").parse().unwrap(),
        }
    }

    fn mac(&mut self, node: u8, family: u8) -> MacAddr {
        let number = self.number(node);
        // A node may come with a new one; and a node may have one for both families.
        let [generation, family] =
            [self.one_in(5), !self.one_in(4)].map(u8::from).map(|b| b * family.max(1));
        MacAddr::new([2, 0, 0, generation, family, number])
    }

    fn fault(&mut self) -> Fault {
        let family = self.rng.usize(..2);
        let absent = ["\"0.0.0.0\"", "\"::\""][family];
        match self.rng.u8(..8) {
            0 => Fault::BadJson,
            1 => Fault::NoValue,
            2 => Fault::NullData(family),
            3 => Fault::BadMac(family, "00:00:00:00:00:00"),
            4 => Fault::BadMac(family, ["01:00:5e:00:00:01", "zz", ""][self.rng.usize(..3)]),
            5 => Fault::BadAddress(family, ["null", "\"\"", absent][self.rng.usize(..3)]),
            6 => Fault::BadAddress(family, ["\"224.0.0.1\"", "\"ff02::1\""][family]),
            _ => Fault::BadAddress(family, "\"192.0.2\""),
        }
    }

    fn spec(&mut self) -> Spec {
        let node = self.rng.u8(..self.nodes);
        let key = self.key(node);
        let other = [Backend::Vxlan, Backend::HostGw, Backend::Other][self.rng.usize(..3)];
        let backend = if self.one_in(8) { other } else { self.config.backend };
        let reach = |direct| if direct { Reach::Direct } else { Reach::Tunnel };
        Spec {
            key,
            backend,
            macs: [self.mac(node, 0), self.mac(node, 1)],
            publics: [self.public(node, 0), self.public(node, 1)],
            reach: [reach(self.one_in(4)), reach(self.one_in(4))],
            fault: self.one_in(5).then(|| self.fault()),
        }
    }

    fn snapshot(&mut self) -> Step {
        let changed = (0..self.rng.usize(..4)).map(|_| self.spec()).collect();
        let gone = self.rng.bool().then(|| self.rng.usize(..8));
        Step::Snapshot { changed, gone, with_own: self.rng.bool(), order: self.rng.u64(..) }
    }

    fn edit(&mut self) -> Edit {
        let node = self.rng.u8(..self.nodes);
        let family = self.rng.usize(..2);
        let Config { vxlan_links, underlay, foreign_link, .. } = self.config;
        let key = loop {
            let key = self.key(node);
            if Spec::subnet(key, family).is_some() {
                break key;
            }
        };
        let subnet = Spec::subnet(key, family).unwrap();
        let vxlan = vxlan_links[family];
        let (public, mac) = (self.public(node, family), self.mac(node, 1));
        let any = [vxlan, foreign_link][usize::from(self.one_in(4))];
        match self.rng.u8(..8) {
            0 => Edit::Set(Record::Neighbour(NeighbourEntry {
                ifindex: any,
                address: subnet.address(),
                mac,
            })),
            1 => Edit::Set(Record::Fdb(FdbEntry { ifindex: vxlan, mac, remote: public })),
            2 => {
                let route =
                    OnlinkRoute { destination: subnet, gateway: subnet.address(), ifindex: vxlan };
                Edit::Set(Record::Onlink(route))
            }
            3 => {
                let link = [underlay, foreign_link][usize::from(self.one_in(4))];
                let gateway = if link == underlay { public } else { beyond(public) };
                Edit::Set(Record::HostGw(HostGwRoute {
                    destination: subnet,
                    gateway,
                    ifindex: Some(link),
                }))
            }
            _ => self.route(subnet, public, [underlay, foreign_link, vxlan]),
        }
    }

    /// A route of somebody else's: another metric or protocol, or without a gateway.
    fn route(&mut self, destination: IpPrefix, public: IpAddr, links: [IfIndex; 3]) -> Edit {
        let metric = if self.rng.bool() { 2000 } else { default_metric(destination) };
        let protocol = if self.rng.bool() { 4 } else { BOOT };
        let ifindex = links[self.rng.usize(..2)];
        let route = match self.rng.u8(..6) {
            0 => Route { gateway: None, ifindex, onlink: false, protocol },
            // The vxlan link is the agent's own, whatever the metric.
            1 => Route {
                gateway: Some(destination.address()),
                ifindex: links[2],
                onlink: true,
                protocol,
            },
            _ if ifindex == links[0] => {
                Route { gateway: Some(public), ifindex, onlink: false, protocol }
            }
            _ => Route { gateway: Some(beyond(public)), ifindex, onlink: false, protocol },
        };
        Edit::Route(destination, metric, route)
    }

    pub fn event(&mut self) -> Event {
        let step = match self.rng.u8(..20) {
            0..=9 => Step::Write(self.spec()),
            10..=12 => Step::Remove(self.rng.usize(..8)),
            13 | 14 => self.snapshot(),
            15 | 16 => Step::Reconcile,
            17 | 18 => Step::Edit(self.edit()),
            _ => Step::Drop(self.rng.usize(..64)),
        };
        let is_sent = !matches!(step, Step::Edit(_) | Step::Drop(_));
        let fails_after = (is_sent && self.one_in(6)).then(|| self.rng.u32(..6));
        let killed_after = (is_sent && self.one_in(40)).then(|| self.rng.u32(..6));
        Event { step, fails_after, killed_after }
    }
}

/// A gateway on the link that is not the agent's.
fn beyond(public: IpAddr) -> IpAddr {
    match public {
        IpAddr::V4(v4) => IpAddr::from([198, 51, 100, v4.octets()[3]]),
        IpAddr::V6(v6) => {
            let [a, b, .., last] = v6.segments();
            IpAddr::from([a, b, 9, 0, 0, 0, 0, last])
        }
    }
}
