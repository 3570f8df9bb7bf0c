//! From a lease event to the ordered changes, and back.

use crate::netlink::{RouteAttr, RouteMessage};

use super::claim::{Claim, Wanted};
use super::found::FoundRecords;
use super::record::{Change, Record};

/// How a peer is reached.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reach {
    /// Through the tunnel.
    Tunnel,
    /// Over the link that both are on.
    Direct,
}

impl Reach {
    /// Reads the kernel's answer to [`RouteLookup`](crate::netlink::RouteLookup) for the peer's
    /// address: direct if it is exactly one route, and that has no gateway (flannel `pkg/ip`
    /// `DirectRouting`).
    pub fn from_lookup<'a>(routes: impl IntoIterator<Item = RouteMessage<'a>>) -> Self {
        let mut routes = routes.into_iter();
        let is_direct = |route: RouteMessage<'_>| {
            let has_next_hops = |attr| matches!(attr, RouteAttr::NextHopId(_));
            route.gateway().is_none()
                && route.next_hops().is_none()
                && route.unreadable().is_none()
                && !route.attributes().any(has_next_hops)
        };
        match (routes.next(), routes.next()) {
            (Some(route), None) if is_direct(route) => Self::Direct,
            _ => Self::Tunnel,
        }
    }
}

/// The most changes of one event: neighbour, route, and the FDB entries of the old and the new MAC
/// address.
const MAX_CHANGES: usize = 4;

/// The ordered changes of one event, at most four.
///
/// They are in an order in which a peer that was reachable before the event and is to be reachable
/// after it is so after each of them, too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Plan {
    changes: [Option<Change>; MAX_CHANGES],
}

impl Plan {
    /// A plan of no changes.
    pub const EMPTY: Self = Self { changes: [None; MAX_CHANGES] };

    pub(super) fn new(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut plan = Self::EMPTY;
        for (place, change) in plan.changes.iter_mut().zip(changes) {
            *place = Some(change);
        }
        plan
    }

    /// Returns the changes, in order.
    pub fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        self.changes.iter().flatten().copied()
    }

    /// The changes that lead from what one lease wanted to what it wants now.
    ///
    /// First comes what is new, then what others want of what it had, last what nobody wants. Of what others want the
    /// route is first: when it leads to its peer directly, it no longer needs the neighbour and the FDB entry.
    pub(super) fn between(
        old: impl Iterator<Item = Wanted> + Clone,
        new: impl Iterator<Item = Wanted> + Clone,
        others: impl Iterator<Item = Claim> + Clone,
        set: impl Fn(Record) -> Change,
    ) -> Self {
        let left = old
            .clone()
            .filter(|old| !new.clone().any(|new| new.record.place() == old.record.place()));
        let is_set = |new: &Wanted| match rival(new, others.clone()) {
            Some(Claim::Wants(other)) => new.owner < other.owner || new.record == other.record,
            Some(kept) => kept.is_uncertain(new.record.place()) || new.owner < kept.owner(),
            None => true,
        };
        let set_new = new.clone().filter(is_set).flat_map(|new| {
            let in_the_way = old.clone().find_map(|old| in_the_way(&old.record, &new.record));
            in_the_way.into_iter().chain([set(new.record)])
        });
        let to_other = |old: Wanted| match rival(&old, others.clone()) {
            // What an unreadable lease keeps is there, and stays as it is.
            Some(Claim::Wants(other)) if !other.is_kept() => Some(other.record)
                .filter(|record| old.owner < other.owner && *record != old.record)
                .map(|record| {
                    in_the_way(&old.record, &record).into_iter().chain([Change::Set(record)])
                }),
            _ => None,
        };
        let is_route = |old: &Wanted| old.record.route().is_some();
        let (routes, rest) =
            (left.clone().filter(is_route), left.clone().filter(|old| !is_route(old)));
        let given_back = routes.chain(rest).filter_map(to_other).flatten();
        let deleted = left
            .filter(|old| rival(old, others.clone()).is_none())
            .map(|old| Change::Delete(old.record));
        Self::new(set_new.chain(given_back).chain(deleted))
    }

    /// Returns what undoes the first `done` changes, when the one after them failed and `found` was
    /// in the kernel before the event.
    ///
    /// What they overwrote or deleted is set again; deleted is only what was not there. `found`
    /// needs the entries in the places that the plan changes; an agent that keeps its own account
    /// of the kernel's tables passes that.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::agent::{Found, FoundRecords, Owner, Reach, VxlanBackend, VxlanPeer};
    /// use vtep::netlink::IfIndex;
    /// use vtep::wire::MacAddr;
    ///
    /// let owner = Owner::of_subnet("10.5.2.0/24".parse()?);
    /// let peer = VxlanPeer::new(owner, [192, 0, 2, 12].into(), MacAddr::new([2, 0, 0, 0, 0, 1]))?;
    /// let backend = VxlanBackend { ifindex: IfIndex::literal::<7>() };
    /// let plan = backend.added(&peer, Reach::Tunnel, []);
    ///
    /// // The route was refused. On an empty kernel, neighbour and FDB entry go again:
    /// assert_eq!(plan.rollback(2, FoundRecords::EMPTY).plan().changes().count(), 2);
    /// // but they stay if they were there.
    /// let mut found: Vec<Found> =
    ///     backend.wanted(&peer, Reach::Tunnel).map(|wanted| Found::exact(wanted.record)).collect();
    /// let undo = plan.rollback(2, FoundRecords::new(&mut found));
    /// assert_eq!(undo.plan().changes().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rollback(&self, done: usize, found: FoundRecords<'_>) -> Rollback {
        let mut undo = Rollback { plan: Self::EMPTY, inexact: [None; MAX_CHANGES] };
        let mut restored = [None; MAX_CHANGES];
        let mut deleted = [None; MAX_CHANGES];
        let places = restored.iter_mut().zip(&mut deleted).zip(&mut undo.inexact);
        for (change, ((restored, deleted), inexact)) in self.changes().take(done).zip(places) {
            let before = found.at(change.record().place());
            let before = match change {
                Change::Set(_) | Change::Add(_) => before.filter(|b| b.is_default_metric).min(),
                Change::Delete(record) => before
                    .filter(|b| record.deletes(&b.record))
                    .min_by_key(|b| (!b.is_default_metric, *b)),
            };
            match (change, before) {
                (Change::Set(record) | Change::Add(record), Some(b))
                    if record.is_met_by(&b.record) => {}
                (change, Some(before)) => {
                    let is_there = !matches!(change, Change::Delete(_));
                    let way = in_the_way(&change.record(), &before.record).filter(|_| is_there);
                    *restored = Some((way, Change::Set(before.record)));
                    *inexact = (!before.is_exact).then_some(before.record);
                }
                (Change::Set(record) | Change::Add(record), None) => {
                    *deleted = Some(Change::Delete(record));
                }
                (Change::Delete(_), None) => {}
            }
        }
        let restored = restored.into_iter().rev().flatten();
        let restored = restored.flat_map(|(way, change)| way.into_iter().chain([change]));
        undo.plan = Self::new(restored.chain(deleted.into_iter().flatten()));
        undo
    }
}

/// What undoes an event: see [`Plan::rollback`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rollback {
    plan: Plan,
    inexact: [Option<Record>; MAX_CHANGES],
}

impl Rollback {
    /// Returns the changes: first what is set again, the last first, then what is deleted.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the entries that are set again with less than they had: another protocol, a
    /// preferred source, several next hops. The kernel may refuse them.
    pub fn inexact(&self) -> impl Iterator<Item = Record> + '_ {
        self.inexact.iter().flatten().copied()
    }
}

/// The deletion that has to come before a route is set. Linux refuses an IPv6 route through the tunnel
/// while its gateway is reached by another link, as it is by the route that it should overwrite
/// (`net/ipv6/route.c`, `ip6_route_check_nh_onlink`).
pub(super) fn in_the_way(old: &Record, new: &Record) -> Option<Change> {
    let Record::Onlink(route) = new else { return None };
    let is_in_the_way = match old {
        Record::Neighbour(_) | Record::Fdb(_) => false,
        Record::Onlink(old) => old.ifindex != route.ifindex,
        Record::Direct(_) | Record::HostGw(_) | Record::Other(_) => true,
    };
    let is_ipv6 = route.destination.address().is_ipv6();
    (is_ipv6 && is_in_the_way && old.shares_place(new)).then_some(Change::Delete(*old))
}

/// The other lease that has, or is to have, the place of an entry: the least owner, and last one of
/// which that is not certain.
fn rival(wanted: &Wanted, others: impl Iterator<Item = Claim>) -> Option<Claim> {
    let place = wanted.record.place();
    others
        .filter(|other| other.owner() != wanted.owner && other.concerns(place))
        .min_by_key(|other| (other.is_uncertain(place), other.owner()))
}
