//! The kernel's tables as flannel uses them, in three maps.
//!
//! As Linux 6.18 has them: an FDB entry is found by link and MAC address (the default one, of the zero MAC address, may
//! have many remotes), a neighbour by link and address, a route by destination and metric. A request that adds is refused
//! where the place is taken, one that sets overwrites. The deletion of a neighbour ignores its MAC address, that of an FDB
//! entry needs its remote, and that of a route takes the first by metric with this gateway and link.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use vtep::agent::{Change, Found, Record};
use vtep::netlink::{FdbEntry, HostGwRoute, IfIndex, NeighbourEntry, OnlinkRoute, OtherRoute};
use vtep::subnet::IpPrefix;
use vtep::wire::MacAddr;

/// The protocol of routes that flannel makes (RTPROT_BOOT).
pub const BOOT: u8 = 3;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Route {
    pub gateway: Option<IpAddr>,
    pub ifindex: IfIndex,
    pub onlink: bool,
    pub protocol: u8,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kernel {
    /// The link of which the underlay's addresses are.
    pub underlay: IfIndex,
    pub neighbours: BTreeMap<(IfIndex, IpAddr), MacAddr>,
    pub fdb: BTreeMap<(IfIndex, MacAddr), IpAddr>,
    pub default_fdb: BTreeSet<(IfIndex, IpAddr)>,
    pub routes: BTreeMap<(IpPrefix, u32), Route>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// EEXIST.
    Exists,
    /// ENOENT, ESRCH.
    NotThere,
    /// Anything else.
    Other,
}

/// The metric of a route that names none.
pub fn default_metric(destination: IpPrefix) -> u32 {
    if destination.address().is_ipv4() { 0 } else { 1024 }
}

impl Kernel {
    pub fn new(underlay: IfIndex) -> Self {
        Self {
            underlay,
            neighbours: BTreeMap::new(),
            fdb: BTreeMap::new(),
            default_fdb: BTreeSet::new(),
            routes: BTreeMap::new(),
        }
    }

    /// The route of an entry; a route that names no link has the underlay's.
    pub fn route(&self, record: &Record) -> Option<(IpPrefix, Route)> {
        let (destination, gateway, ifindex, onlink) = match *record {
            Record::Onlink(OnlinkRoute { destination, gateway, ifindex }) => {
                (destination, Some(gateway), Some(ifindex), true)
            }
            Record::Direct(HostGwRoute { destination, gateway, ifindex })
            | Record::HostGw(HostGwRoute { destination, gateway, ifindex }) => {
                (destination, Some(gateway), ifindex, false)
            }
            Record::Other(OtherRoute { destination, ifindex, .. }) => {
                (destination, None, ifindex, false)
            }
            Record::Neighbour(_) | Record::Fdb(_) => return None,
        };
        let ifindex = ifindex.unwrap_or(self.underlay);
        Some((destination, Route { gateway, ifindex, onlink, protocol: BOOT }))
    }

    pub fn send(&mut self, change: &Change) -> Result<(), Refusal> {
        if !matches!(change, Change::Delete(_)) && self.is_led_elsewhere(&change.record()) {
            return Err(Refusal::Other);
        }
        match change {
            Change::Set(record) => self.put(record),
            Change::Add(record) if self.is_taken(record) => return Err(Refusal::Exists),
            Change::Add(record) => self.put(record),
            Change::Delete(record) => return self.delete(record).ok_or(Refusal::NotThere),
        }
        Ok(())
    }

    /// Whether the gateway of an IPv6 route through the tunnel is reached by another link: by the longest prefix, and there
    /// by the least metric. The default route does not count.
    fn is_led_elsewhere(&self, record: &Record) -> bool {
        let Record::Onlink(OnlinkRoute { gateway: IpAddr::V6(gateway), ifindex, .. }) = *record
        else {
            return false;
        };
        let leads =
            |destination: &IpPrefix| destination.len() > 0 && destination.contains(gateway.into());
        let routes = self.routes.iter().filter(|((destination, _), _)| leads(destination));
        let best =
            routes.min_by_key(|((destination, metric), _)| (128 - destination.len(), *metric));
        best.is_some_and(|(_, route)| route.ifindex != ifindex)
    }

    fn is_taken(&self, record: &Record) -> bool {
        match record {
            Record::Neighbour(entry) => {
                self.neighbours.contains_key(&(entry.ifindex, entry.address))
            }
            Record::Fdb(entry) => self.fdb.contains_key(&(entry.ifindex, entry.mac)),
            _ => self.route(record).is_some_and(|(destination, _)| {
                self.routes.contains_key(&(destination, default_metric(destination)))
            }),
        }
    }

    pub fn put(&mut self, record: &Record) {
        match *record {
            Record::Neighbour(NeighbourEntry { ifindex, address, mac }) => {
                self.neighbours.insert((ifindex, address), mac);
            }
            Record::Fdb(FdbEntry { ifindex, mac, remote }) => {
                self.fdb.insert((ifindex, mac), remote);
            }
            _ => {
                let (destination, route) = self.route(record).expect("a route");
                self.routes.insert((destination, default_metric(destination)), route);
            }
        }
    }

    pub fn delete(&mut self, record: &Record) -> Option<()> {
        match *record {
            Record::Neighbour(entry) => {
                self.neighbours.remove(&(entry.ifindex, entry.address)).map(drop)
            }
            Record::Fdb(FdbEntry { ifindex, mac, remote }) => {
                let there = *self.fdb.get(&(ifindex, mac))?;
                if there == remote {
                    self.fdb.remove(&(ifindex, mac));
                }
                Some(())
            }
            _ => {
                let (destination, wanted) = self.route(record)?;
                let any_link = matches!(record, Record::Direct(route) if route.ifindex.is_none());
                let mut all = self.at(destination);
                let (metric, _) = all.find(|(_, route)| {
                    route.gateway == wanted.gateway && (any_link || route.ifindex == wanted.ifindex)
                })?;
                drop(all);
                self.routes.remove(&(destination, metric)).map(drop)
            }
        }
    }

    /// The routes to a destination, by metric.
    pub fn at(&self, destination: IpPrefix) -> impl Iterator<Item = (u32, Route)> {
        self.routes
            .range((destination, 0)..=(destination, u32::MAX))
            .map(|((_, metric), route)| (*metric, *route))
    }

    /// Whether a wanted entry is there: of a route, the one of the default metric, or if there is none any other.
    pub fn meets(&self, record: &Record) -> bool {
        match *record {
            Record::Neighbour(NeighbourEntry { ifindex, address, mac }) => {
                self.neighbours.get(&(ifindex, address)) == Some(&mac)
            }
            Record::Fdb(FdbEntry { ifindex, mac, remote }) => {
                self.fdb.get(&(ifindex, mac)) == Some(&remote)
            }
            _ => {
                let (destination, _) = self.route(record).expect("a route");
                let in_place = self.routes.get(&(destination, default_metric(destination)));
                match in_place {
                    Some(route) => self.is_it(record, *route),
                    None => self.at(destination).any(|(_, route)| self.is_it(record, route)),
                }
            }
        }
    }

    /// Whether a route is the wanted one: a direct one on any link; and host-gw does not look at RTNH_F_ONLINK.
    pub fn is_it(&self, record: &Record, found: Route) -> bool {
        let (_, wanted) = self.route(record).expect("a route");
        let same_link = found.ifindex == wanted.ifindex || matches!(record, Record::Direct(_));
        let same_kind = found.onlink == wanted.onlink || matches!(record, Record::HostGw(_));
        found.gateway == wanted.gateway && same_link && same_kind
    }

    /// What these tables have and the others do not, and the other way round.
    pub fn difference(&self, other: &Self) -> String {
        let [own, others] = [self, other].map(Self::lines);
        let more = own.difference(&others).map(|line| format!("+ {line}"));
        let fewer = others.difference(&own).map(|line| format!("- {line}"));
        more.chain(fewer).collect::<Vec<_>>().join("\n")
    }

    fn lines(&self) -> BTreeSet<String> {
        let found = self.found().into_iter().filter(|found| place_of_route(found).is_none());
        let routes = self.routes.iter().map(|((destination, metric), route)| {
            format!(
                "{} metric {metric} protocol {}",
                record_of(*destination, *route),
                route.protocol
            )
        });
        found.map(|found| found.record.to_string()).chain(routes).collect()
    }

    /// What a dump of the tables has.
    pub fn found(&self) -> Vec<Found> {
        let neighbours = self.neighbours.iter().map(|(&(ifindex, address), &mac)| {
            Found::exact(Record::Neighbour(NeighbourEntry { ifindex, address, mac }))
        });
        let fdb = self.fdb.iter().map(|(&(ifindex, mac), &remote)| {
            Found::exact(Record::Fdb(FdbEntry { ifindex, mac, remote }))
        });
        let default_fdb = self.default_fdb.iter().map(|&(ifindex, remote)| {
            Found::exact(Record::Fdb(FdbEntry { ifindex, mac: MacAddr::ZERO, remote }))
        });
        let routes = self.routes.iter().map(|(&(destination, metric), route)| {
            let is_default_metric = metric == default_metric(destination);
            let is_exact = is_default_metric && route.protocol == BOOT;
            Found { record: record_of(destination, *route), is_exact, is_default_metric }
        });
        neighbours.chain(fdb).chain(default_fdb).chain(routes).collect()
    }

    /// The tables with what does not count left out: the protocol of a route, and a route beside which there is one of
    /// another metric to the same gateway, which may stand for it.
    pub fn normal(&self) -> Self {
        let mut normal = self.clone();
        normal.routes.retain(|(destination, metric), route| {
            let same = |other: &Route| other.gateway == route.gateway;
            *metric != default_metric(*destination)
                || !self.at(*destination).any(|(other, found)| other != *metric && same(&found))
        });
        normal.routes.values_mut().for_each(|route| route.protocol = BOOT);
        normal
    }
}

pub fn record_of(destination: IpPrefix, route: Route) -> Record {
    let Route { gateway, ifindex, onlink, .. } = route;
    match gateway {
        Some(gateway) if onlink => Record::Onlink(OnlinkRoute { destination, gateway, ifindex }),
        Some(gateway) => {
            Record::HostGw(HostGwRoute { destination, gateway, ifindex: Some(ifindex) })
        }
        None => {
            let scope = if destination.address().is_ipv4() { 253 } else { 0 };
            Record::Other(OtherRoute { destination, ifindex: Some(ifindex), scope, route_type: 1 })
        }
    }
}

fn place_of_route(found: &Found) -> Option<IpPrefix> {
    match crate::naive::place(&found.record) {
        crate::naive::Place::Route(destination) => Some(destination),
        _ => None,
    }
}
