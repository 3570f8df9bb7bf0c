//! What should be in the kernel's tables: from scratch, from the current leases, place by place.

use std::collections::BTreeMap;
use std::net::IpAddr;

use vtep::agent::{Owner, Reach, Record};
use vtep::lease::LeaseKey;
use vtep::netlink::{FdbEntry, HostGwRoute, IfIndex, NeighbourEntry, OnlinkRoute};
use vtep::subnet::IpPrefix;
use vtep::wire::MacAddr;

use crate::kernel::{BOOT, Kernel, Route, default_metric, record_of};
use crate::leases::{Backend, Config, Leases, Peer, Spec, State};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    Neighbour(IfIndex, IpAddr),
    Fdb(IfIndex, MacAddr),
    Route(IpPrefix),
}

pub fn place(record: &Record) -> Place {
    match record {
        Record::Neighbour(entry) => Place::Neighbour(entry.ifindex, entry.address),
        Record::Fdb(entry) => Place::Fdb(entry.ifindex, entry.mac),
        Record::Onlink(route) => Place::Route(route.destination),
        Record::Direct(route) | Record::HostGw(route) => Place::Route(route.destination),
        Record::Other(route) => Place::Route(route.destination),
    }
}

/// A lease's part in a place.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub owner: Owner,
    pub place: Place,
    /// The entry that is wanted; of an unreadable lease none: what is there stays.
    pub record: Option<Record>,
}

/// The rule for conflicts: the lesser subnet (by address, then length), then the lesser key.
fn rank(owner: &Owner) -> (bool, IpAddr, u8, LeaseKey) {
    let subnet = owner.subnet;
    (subnet.address().is_ipv6(), subnet.address(), subnet.len(), owner.lease)
}

fn wants(config: &Config, family: usize, subnet: IpPrefix, peer: &Peer) -> Vec<Record> {
    let ifindex = config.vxlan_links[family];
    let gateway = subnet.address();
    let Peer { mac, public, reach } = *peer;
    let direct = |ifindex| HostGwRoute { destination: subnet, gateway: public, ifindex };
    match (config.backend, reach) {
        (Backend::Vxlan, Reach::Tunnel) => vec![
            Record::Neighbour(NeighbourEntry { ifindex, address: gateway, mac }),
            Record::Fdb(FdbEntry { ifindex, mac, remote: public }),
            Record::Onlink(OnlinkRoute { destination: subnet, gateway, ifindex }),
        ],
        (Backend::Vxlan, Reach::Direct) => vec![Record::Direct(direct(None))],
        _ => vec![Record::HostGw(direct(Some(config.underlay)))],
    }
}

fn keeps(config: &Config, family: usize, subnet: IpPrefix, kernel: &Kernel) -> Vec<Place> {
    let (link, first) = (config.vxlan_links[family], subnet.address());
    let mut places = vec![Place::Route(subnet)];
    if config.backend == Backend::Vxlan {
        places.push(Place::Neighbour(link, first));
        let mac = kernel.neighbours.get(&(link, first));
        places.extend(mac.map(|mac| Place::Fdb(link, *mac)));
    }
    places
}

/// All families of all leases: owner, index of the family, what is known.
fn families(leases: &Leases) -> impl Iterator<Item = (Owner, usize, State)> {
    leases.0.values().flat_map(|&(lease, states)| {
        [0, 1].into_iter().filter_map(move |family| {
            let subnet = Spec::subnet(lease, family)?;
            Some((Owner { subnet, lease }, family, states[family]))
        })
    })
}

/// What all leases claim. What an unreadable one keeps is read from the tables.
pub fn claims(leases: &Leases, config: &Config, kernel: &Kernel) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (owner, family, state) in families(leases) {
        match state {
            State::Absent => {}
            State::Peer(peer) => {
                let records = wants(config, family, owner.subnet, &peer).into_iter();
                claims.extend(records.map(|r| Claim { owner, place: place(&r), record: Some(r) }));
            }
            State::Kept => {
                // Where nothing is, there is nothing to keep.
                let places = keeps(config, family, owner.subnet, kernel).into_iter();
                let kept = places.filter(|place| !records_at(kernel, *place).is_empty());
                claims.extend(kept.map(|place| Claim { owner, place, record: None }));
            }
        }
    }
    let winners = winners(&claims);
    // An FDB entry is an unreadable lease's own by its neighbour: not by one that another lease has.
    let is_lost = |claim: &Claim| match (claim.place, claim.record) {
        (Place::Fdb(link, _), None) => {
            let neighbour = Place::Neighbour(link, claim.owner.subnet.address());
            winners.get(&neighbour).is_some_and(|winner| winner.owner != claim.owner)
        }
        _ => false,
    };
    claims.iter().filter(|claim| !is_lost(claim)).copied().collect()
}

/// Who has each place, by the rule.
fn winners(claims: &[Claim]) -> BTreeMap<Place, Claim> {
    let mut winners = BTreeMap::new();
    for claim in claims {
        let winner = winners.entry(claim.place).or_insert(*claim);
        if rank(&claim.owner) < rank(&winner.owner) {
            *winner = *claim;
        }
    }
    winners
}

/// Whether a lease that is readable, or was, wants an entry in a place.
pub fn is_wanted(leases: &Leases, config: &Config, place: Place) -> bool {
    let wanted = peers(leases).into_iter();
    let mut wanted =
        wanted.flat_map(|(owner, family, peer)| wants(config, family, owner.subnet, &peer));
    wanted.any(|record| self::place(&record) == place)
}

/// Whether any FDB entry of a link may be an unreadable lease's own, because its neighbour is not there to say which, and
/// no other lease wants that.
fn may_own_fdb(leases: &Leases, config: &Config, link: IfIndex, kernel: &Kernel) -> bool {
    config.backend == Backend::Vxlan
        && families(leases).any(|(owner, family, state)| {
            let neighbour = Place::Neighbour(link, owner.subnet.address());
            state == State::Kept
                && config.vxlan_links[family] == link
                && records_at(kernel, neighbour).is_empty()
                && !is_wanted(leases, config, neighbour)
        })
}

/// The tables after an event that led from the old leases to the new ones: the winners' entries are there, those that
/// somebody wanted and nobody wants any more are not, and all else is as it was.
pub fn after_event(before: &Kernel, old: &Leases, new: &Leases, config: &Config) -> Kernel {
    let [old_winners, winners] = [old, new].map(|leases| winners(&claims(leases, config, before)));
    let mut kernel = before.clone();
    for (place, winner) in old_winners.iter().filter(|(place, _)| !winners.contains_key(place)) {
        let may_be_kept = match place {
            Place::Fdb(link, _) => may_own_fdb(new, config, *link, before),
            _ => false,
        };
        if let Some(record) = winner.record.filter(|_| !may_be_kept) {
            let _ = kernel.delete(&record);
        }
    }
    put_winners(&mut kernel, &winners);
    kernel
}

fn put_winners(kernel: &mut Kernel, winners: &BTreeMap<Place, Claim>) {
    for record in winners.values().filter_map(|winner| winner.record) {
        if !kernel.meets(&record) {
            kernel.put(&record);
        }
    }
}

fn owns_route(config: &Config, (destination, metric): (IpPrefix, u32), route: Route) -> bool {
    if destination.len() == 0 || route.gateway.is_none() {
        return false;
    }
    let is_vxlan = config.backend == Backend::Vxlan && config.vxlan_links.contains(&route.ifindex);
    let inside = Config::networks().iter().any(|network| network.contains_prefix(destination));
    let is_plain = route.protocol == BOOT && metric == default_metric(destination);
    match route.onlink {
        true => is_vxlan,
        false => route.ifindex == config.underlay && inside && is_plain,
    }
}

/// The tables after a reconciliation: the winners' entries, what unreadable leases own, and what is not the agent's.
pub fn after_reconciliation(before: &Kernel, leases: &Leases, config: &Config) -> Kernel {
    let winners = winners(&claims(leases, config, before));
    let is_vxlan =
        |link: IfIndex| config.backend == Backend::Vxlan && config.vxlan_links.contains(&link);
    let is_wanted = |place| winners.contains_key(&place);
    let mut kernel = before.clone();
    kernel
        .neighbours
        .retain(|&(link, ip), _| !is_vxlan(link) || is_wanted(Place::Neighbour(link, ip)));
    kernel.fdb.retain(|&(link, mac), _| {
        !is_vxlan(link)
            || is_wanted(Place::Fdb(link, mac))
            || may_own_fdb(leases, config, link, before)
    });
    put_winners(&mut kernel, &winners);
    let placed = kernel.clone();
    kernel.routes.retain(|&(destination, metric), route| {
        let keep = match winners.get(&Place::Route(destination)) {
            None => false,
            Some(Claim { record: None, .. }) => true,
            Some(Claim { record: Some(record), .. }) => placed.is_it(record, *route),
        };
        keep || !owns_route(config, (destination, metric), *route)
    });
    kernel
}

/// A conflict: who has the place, and who does not, with what.
pub type Conflict = (Owner, Owner, Record);

/// The conflicts: entries that leases want where another lease has another. An unreadable one has what is there.
pub fn conflicts(leases: &Leases, config: &Config, kernel: &Kernel) -> Vec<Conflict> {
    let claims = claims(leases, config, kernel);
    let winners = winners(&claims);
    let mut conflicts = Vec::new();
    for claim in &claims {
        let winner = &winners[&claim.place];
        let Some(refused) = claim.record.filter(|_| winner.owner != claim.owner) else { continue };
        let is_met = match winner.record {
            Some(record) => record == refused,
            None => kernel.meets(&refused),
        };
        if !is_met {
            conflicts.push((winner.owner, claim.owner, refused));
        }
    }
    conflicts.sort();
    conflicts
}

fn records_at(kernel: &Kernel, place: Place) -> Vec<Record> {
    match place {
        Place::Neighbour(link, address) => {
            let mac = kernel.neighbours.get(&(link, address));
            let record = |&mac| Record::Neighbour(NeighbourEntry { ifindex: link, address, mac });
            mac.map(record).into_iter().collect()
        }
        Place::Fdb(link, mac) => {
            let remote = kernel.fdb.get(&(link, mac));
            let record = |&remote| Record::Fdb(FdbEntry { ifindex: link, mac, remote });
            remote.map(record).into_iter().collect()
        }
        Place::Route(destination) => {
            kernel.at(destination).map(|(_, route)| record_of(destination, route)).collect()
        }
    }
}

/// The peers that there are, with what leads to each: its subnet, its family and what the lease says.
pub type Reachable = (Owner, usize, Peer);

pub fn peers(leases: &Leases) -> Vec<Reachable> {
    families(leases)
        .filter_map(|(owner, family, state)| Some((owner, family, state.peer()?)))
        .collect()
}

/// Whether the tables lead to a peer: the first route to its subnet goes to its public address directly, or through the
/// tunnel to a neighbour that has its MAC address and is behind its public address.
pub fn is_reachable(kernel: &Kernel, config: &Config, (owner, family, peer): Reachable) -> bool {
    let Some((_, route)) = kernel.at(owner.subnet).next() else { return false };
    let link = config.vxlan_links[family];
    if config.backend == Backend::Vxlan && route.onlink && route.ifindex == link {
        let Some(gateway) = route.gateway else { return false };
        return kernel.neighbours.get(&(link, gateway)) == Some(&peer.mac)
            && kernel.fdb.get(&(link, peer.mac)) == Some(&peer.public);
    }
    route.gateway == Some(peer.public) && route.ifindex == config.underlay
}

/// Whether the route to a peer is of the kind that its lease wants, through the tunnel or not.
pub fn is_reached_as_said(kernel: &Kernel, peer: Reachable) -> bool {
    is_through_the_tunnel(kernel, peer) == (peer.2.reach == Reach::Tunnel)
}

pub fn is_through_the_tunnel(kernel: &Kernel, (owner, ..): Reachable) -> bool {
    kernel.at(owner.subnet).next().is_some_and(|(_, route)| route.onlink)
}
