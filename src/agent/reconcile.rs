//! What should be in the kernel against what is (flannel's ten-second check,
//! `backend/route_network.go`, and more).

use crate::netlink::IfIndex;
use crate::subnet::IpPrefix;
use crate::wire::MacAddr;

use super::backend::set_host_gw;
use super::claim::{Wanted, WantedRecords};
use super::found::{Found, FoundRecords};
use super::plan::in_the_way;
use super::record::{Change, Place, Record};

/// Which of the entries found in the kernel are the agent's own, so that it may delete them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Ownership<'a> {
    /// Index of the vxlan link: all its permanent neighbours, FDB entries and onlink routes, but
    /// for the default FDB entry, which comes from the device's own configuration.
    pub vxlan_ifindex: Option<IfIndex>,
    /// Index of the underlay's link: its gateway routes into `networks`, as flannel makes them.
    pub underlay_ifindex: Option<IfIndex>,
    /// The overlay's networks.
    pub networks: &'a [IpPrefix],
}

impl Ownership<'_> {
    fn has(&self, found: &Found) -> bool {
        match found.record {
            Record::Neighbour(entry) => self.vxlan_ifindex == Some(entry.ifindex),
            Record::Fdb(entry) => {
                self.vxlan_ifindex == Some(entry.ifindex) && entry.mac != MacAddr::ZERO
            }
            Record::Onlink(route) => {
                self.vxlan_ifindex == Some(route.ifindex) && route.destination.len() != 0
            }
            Record::Direct(route) | Record::HostGw(route) => {
                let inside = |network: &IpPrefix| network.contains_prefix(route.destination);
                found.is_exact
                    && route.destination.len() != 0
                    && self.underlay_ifindex.is_some()
                    && self.underlay_ifindex == route.ifindex
                    && self.networks.iter().any(inside)
            }
            Record::Other(_) => false,
        }
    }
}

/// Returns the additions: entries that leases want and that are not in the kernel, in the order in
/// which they should be set: neighbours, FDB entries, routes. Apply them before the deletions of
/// [`stale`]: a peer that is to be reached directly is still reached through the tunnel until its
/// route is set.
///
/// Of entries that conflict, only the one that is kept is set ([`WantedRecords::conflicts`] lists the
/// others), so that a second round finds nothing to do.
pub fn missing<'a>(
    wanted: WantedRecords<'a>,
    found: FoundRecords<'a>,
) -> impl Iterator<Item = Change> + 'a {
    let missing = wanted.winners().filter(move |wanted| !found.meet(wanted));
    missing.flat_map(move |record| {
        let mut overwritten = found.at(record.place()).filter(|found| found.is_default_metric);
        let in_the_way = overwritten.find_map(|found| in_the_way(&found.record, &record));
        in_the_way.into_iter().chain([set_host_gw(record, found)])
    })
}

/// Returns the deletions: entries in the kernel that the agent owns and no lease wants. Apply them
/// after the additions of [`missing`].
///
/// What an addition overwrites is left to it: of the routes to one destination, that of the default
/// metric. What an unreadable lease owns stays; and while it cannot be told whose an FDB entry is,
/// since the neighbour of an unreadable lease is not there, so do all FDB entries of that link.
pub fn stale<'a>(
    wanted: WantedRecords<'a>,
    found: FoundRecords<'a>,
    ownership: Ownership<'a>,
) -> impl Iterator<Item = Change> + 'a {
    let mut last: Option<(Place, PlaceState)> = None;
    found
        .iter()
        .filter(move |entry| {
            let place = entry.record.place();
            let state = match last {
                Some((known, state)) if known == place => state,
                _ => PlaceState::of(place, wanted, found),
            };
            last = Some((place, state));
            state.is_stale(entry) && ownership.has(entry)
        })
        .map(|entry| Change::Delete(entry.record))
}

/// What the leases say of a place in the kernel. All entries found there share it.
#[derive(Clone, Copy)]
enum PlaceState {
    /// No lease wants an entry there.
    Free,
    /// An unreadable lease may own what is there.
    Unknown,
    /// This entry is wanted there, and is there.
    Met(Wanted),
    /// This entry is wanted there, and overwrites what has the default metric.
    Missing(Wanted),
}

impl PlaceState {
    fn of(place: Place, wanted: WantedRecords<'_>, found: FoundRecords<'_>) -> Self {
        match (wanted.winner(place), place) {
            (Some(winner), _) if found.meet(&winner.record) => Self::Met(winner),
            (Some(winner), _) => Self::Missing(winner),
            (None, Place::Fdb(ifindex, _)) if wanted.may_own_fdb(ifindex) => Self::Unknown,
            (None, _) => Self::Free,
        }
    }

    fn is_stale(&self, entry: &Found) -> bool {
        match self {
            Self::Free => true,
            Self::Unknown => false,
            Self::Missing(winner) => {
                !entry.is_default_metric && !winner.record.is_met_by(&entry.record)
            }
            Self::Met(winner) => !winner.is_kept() && !winner.record.is_met_by(&entry.record),
        }
    }
}
