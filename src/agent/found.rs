//! What is in the kernel.

use crate::netlink::{Attr, Body, Family, IfIndex, RouteFlags, RouteHeader, RouteMessage};

use super::peer::{Owner, VxlanPeer};
use super::record::{Place, Record};
use super::sort::sort;

/// An entry that a dump of the kernel's tables has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Found {
    /// The entry.
    pub record: Record,
    /// Whether the entry is no more than `record` says, so that setting `record` gives it back: a
    /// route of protocol `boot` with the default metric and without a preferred source, several
    /// next hops or the like.
    pub is_exact: bool,
    /// Whether it is a route of the default metric, which a new route to its destination
    /// overwrites. Neighbours and FDB entries always are.
    pub is_default_metric: bool,
}

impl Found {
    /// Returns an entry of the kernel's that is as `record` says.
    #[must_use]
    pub const fn exact(record: Record) -> Self {
        Self { record, is_exact: true, is_default_metric: true }
    }

    /// Reads an entry from a message of a dump: `None` of what is not an entry of flannel's kinds.
    #[must_use]
    pub fn from_body(body: Body<'_>) -> Option<Self> {
        let record = Record::from_body(body)?;
        match body {
            Body::Route(message) => {
                let is_default_metric = has_default_metric(message);
                let is_exact = is_default_metric && is_exact(record, message);
                Some(Self { record, is_exact, is_default_metric })
            }
            _ => Some(Self::exact(record)),
        }
    }

    const fn order(&self) -> (Place, &Record, bool, bool) {
        (self.record.place(), &self.record, self.is_exact, self.is_default_metric)
    }
}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The metric that an IPv6 route has where none is asked for (Linux `IP6_RT_PRIO_USER`).
const IPV6_METRIC: u32 = 1024;

fn has_default_metric(message: RouteMessage<'_>) -> bool {
    let is_ipv6 = message.header.family == Family::INET6;
    let default = if is_ipv6 { IPV6_METRIC } else { 0 };
    message.priority().is_none_or(|metric| metric == 0 || metric == default)
}

fn is_exact(record: Record, message: RouteMessage<'_>) -> bool {
    let RouteHeader { tos, source_len, protocol, scope, route_type, flags, .. } = message.header;
    let usual = RouteHeader::unicast(message.header.family);
    let is_plain = match record {
        Record::Other(_) => true,
        _ => (scope, route_type) == (usual.scope, usual.route_type),
    };
    let flags = flags & (RouteFlags::ONLINK | RouteFlags::CLONED);
    let is_onlink = matches!(record, Record::Onlink(_));
    is_plain
        && (tos, source_len, protocol) == (0, 0, usual.protocol)
        && flags == if is_onlink { RouteFlags::ONLINK } else { RouteFlags::empty() }
        && message.attrs().all(says_no_more)
}

/// Whether a record has what the attribute says, or it is a default or a report of the kernel's:
/// RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_CACHEINFO, RTA_TABLE (a record is of the main
/// table), RTA_VIA, RTA_PREF medium.
fn says_no_more(attr: Attr<'_>) -> bool {
    match attr.kind() {
        1 | 4 | 5 | 6 | 12 | 15 | 18 => true,
        20 => attr.value() == [0],
        _ => false,
    }
}

/// The entries in the kernel, sorted so that each is found fast.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FoundRecords<'a>(&'a [Found]);

impl<'a> FoundRecords<'a> {
    /// No entries.
    pub const EMPTY: Self = Self(&[]);

    /// Sorts the entries of the dumps.
    #[must_use]
    pub fn new(entries: &'a mut [Found]) -> Self {
        sort(entries);
        Self(entries)
    }

    /// Returns the entries in their order: neighbours, FDB entries, routes.
    pub fn iter(self) -> impl Iterator<Item = Found> + use<'a> {
        self.0.iter().copied()
    }

    /// The entries in a place.
    pub(super) fn at(self, place: Place) -> impl Iterator<Item = &'a Found> + use<'a> {
        let start = self.0.partition_point(|found| found.record.place() < place);
        let after = self.0.get(start..).unwrap_or_default();
        after.iter().take_while(move |found| found.record.place() == place)
    }

    /// Whether a wanted entry is there: of a route, with any metric, if no other has the default one,
    /// which comes before.
    pub(super) fn meet(self, wanted: &Record) -> bool {
        let mut in_place =
            self.at(wanted.place()).filter(|found| found.is_default_metric).peekable();
        let is_it = |found: &Found| wanted.is_met_by(&found.record);
        match in_place.peek() {
            Some(_) => in_place.any(is_it),
            None => self.at(wanted.place()).any(is_it),
        }
    }

    /// Returns the peers of the vxlan backend that are wholly in the kernel: route, neighbour and
    /// FDB entry.
    ///
    /// A program that keeps no state of its own learns so what other leases want. The key of their
    /// leases is not known: it is taken to be that of a lease of this subnet alone.
    pub fn vxlan_peers(self, ifindex: IfIndex) -> impl Iterator<Item = VxlanPeer> + use<'a> {
        self.iter().filter_map(move |found| {
            let Record::Onlink(route) = found.record else { return None };
            let neighbour = Place::Neighbour(ifindex, route.gateway);
            let mac = self.at(neighbour).find_map(|found| match found.record {
                Record::Neighbour(neighbour) => Some(neighbour.mac),
                _ => None,
            })?;
            let remote =
                self.at(Place::Fdb(ifindex, mac)).find_map(|found| match found.record {
                    Record::Fdb(fdb) => Some(fdb.remote),
                    _ => None,
                })?;
            let peer = VxlanPeer::new(Owner::of_subnet(route.destination), remote, mac).ok();
            peer.filter(|_| route.ifindex == ifindex)
        })
    }
}
