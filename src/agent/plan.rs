//! From a lease event to the ordered changes.

use core::net::IpAddr;

use crate::lease::{JsonString, LeaseKey, LeaseValue, VxlanBackendError};
use crate::netlink::{FdbEntry, HostGwRoute, NeighbourEntry, OnlinkRoute, RouteMessage};
use crate::subnet::IpPrefix;
use crate::wire::MacAddr;

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
    /// What the kernel's answer to [`RouteLookup`](crate::netlink::RouteLookup) for the peer's address says: direct when
    /// it is exactly one route, and that has no gateway (flannel `pkg/ip` `DirectRouting`).
    pub fn from_lookup<'a>(routes: impl IntoIterator<Item = RouteMessage<'a>>) -> Self {
        let mut routes = routes.into_iter();
        match (routes.next(), routes.next()) {
            (Some(route), None) if route.gateway().is_none() && route.next_hops().is_none() => {
                Self::Direct
            }
            _ => Self::Tunnel,
        }
    }
}

/// The ordered changes of one event, at most six.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Plan {
    changes: [Option<Change>; 6],
}

impl Plan {
    fn new(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut plan = Self { changes: [None; 6] };
        for (place, change) in plan.changes.iter_mut().zip(changes) {
            *place = Some(change);
        }
        plan
    }

    /// The changes, in order.
    pub fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        self.changes.iter().flatten().copied()
    }

    /// What to do when a change failed and `done` before it had not: what those set is deleted again, in the same
    /// order, the neighbour before the FDB entry. The event has then had no effect.
    #[must_use]
    pub fn rollback(&self, done: usize) -> Self {
        Self::new(self.changes().take(done).filter_map(|change| match change {
            Change::Set(record) => Some(Change::Delete(record)),
            Change::Delete(_) => None,
        }))
    }
}

/// A peer's lease, one family of it, as the vxlan backend needs it. The VNI in a lease is not to be relied on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VxlanPeer {
    /// Its subnet; the first address is its VTEP's.
    pub subnet: IpPrefix,
    /// Its address in the underlay: PublicIP, or PublicIPv6 of an IPv6 subnet.
    pub public: IpAddr,
    /// The MAC address of its vxlan device: VtepMAC.
    pub mac: MacAddr,
}

impl VxlanPeer {
    /// The peers that a lease of the vxlan backend is: IPv4 and IPv6. None of a lease of another backend, and none of a
    /// family that the lease does not have in full.
    ///
    /// # Errors
    /// The backend data is not what the vxlan backend writes. flannel passes over such a lease.
    pub fn from_lease(
        key: &LeaseKey,
        value: &LeaseValue<'_>,
    ) -> Result<[Option<Self>; 2], VxlanBackendError> {
        if value.backend_type != JsonString::new("vxlan") {
            return Ok([None; 2]);
        }
        let v4 = value.vxlan()?.map(|backend| Self {
            subnet: IpPrefix::V4(key.v4.prefix()),
            public: IpAddr::V4(value.public_ip),
            mac: backend.vtep_mac,
        });
        let v6 = match (key.v6, value.public_ipv6, value.vxlan_v6()?) {
            (Some(subnet), Some(public), Some(backend)) => Some(Self {
                subnet: IpPrefix::V6(subnet.prefix()),
                public: IpAddr::V6(public),
                mac: backend.vtep_mac,
            }),
            _ => None,
        };
        Ok([v4, v6])
    }
}

/// The vxlan backend of this node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Vxlan {
    /// Index of the vxlan link of that family: flannel.1, or flannel-v6.1.
    pub link: u32,
}

impl Vxlan {
    /// What should be there for a peer, in the order of setting: through the tunnel ARP, FDB and last the route, else the
    /// kernel would begin to resolve the route's gateway; directly a route alone.
    pub fn records(
        self,
        peer: &VxlanPeer,
        reach: Reach,
    ) -> impl Iterator<Item = Record> + Clone + use<> {
        let VxlanPeer { subnet, public, mac } = *peer;
        let (link, vtep) = (self.link, subnet.address());
        let records = match reach {
            Reach::Tunnel => [
                Some(Record::Neighbour(NeighbourEntry { link, address: vtep, mac })),
                Some(Record::Fdb(FdbEntry { link, mac, remote: public })),
                Some(Record::Onlink(OnlinkRoute { destination: subnet, gateway: vtep, link })),
            ],
            Reach::Direct => {
                let route = HostGwRoute { destination: subnet, gateway: public, link: 0 };
                [Some(Record::Direct(route)), None, None]
            }
        };
        records.into_iter().flatten()
    }

    /// A lease came, or came again.
    #[must_use]
    pub fn added(self, peer: &VxlanPeer, reach: Reach) -> Plan {
        Plan::new(self.records(peer, reach).map(Change::Set))
    }

    /// A lease went: the same order. Go on past an entry that is not there.
    #[must_use]
    pub fn removed(self, peer: &VxlanPeer, reach: Reach) -> Plan {
        Plan::new(self.records(peer, reach).map(Change::Delete))
    }

    /// A lease came with another VtepMAC, public address or reach than before: first goes what the new entries do not
    /// overwrite. flannel forgets it.
    #[must_use]
    pub fn replaced(self, old: (&VxlanPeer, Reach), new: (&VxlanPeer, Reach)) -> Plan {
        let wanted = self.records(new.0, new.1);
        let left = self
            .records(old.0, old.1)
            .filter(|record| !wanted.clone().any(|new| new.place() == record.place()))
            .map(Change::Delete);
        Plan::new(left.chain(wanted.clone().map(Change::Set)))
    }
}

/// A peer's lease, one family of it, as the host-gw backend needs it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HostGwPeer {
    /// Its subnet.
    pub subnet: IpPrefix,
    /// Its address in the underlay: PublicIP, or PublicIPv6 of an IPv6 subnet.
    pub public: IpAddr,
}

impl HostGwPeer {
    /// The peers that a lease of the host-gw backend is: IPv4 and IPv6. None of a lease of another backend, and no
    /// IPv6 one of a lease without PublicIPv6.
    #[must_use]
    pub fn from_lease(key: &LeaseKey, value: &LeaseValue<'_>) -> [Option<Self>; 2] {
        if value.backend_type != JsonString::new("host-gw") {
            return [None; 2];
        }
        let v4 =
            Self { subnet: IpPrefix::V4(key.v4.prefix()), public: IpAddr::V4(value.public_ip) };
        let v6 = key.v6.zip(value.public_ipv6).map(|(subnet, public)| Self {
            subnet: IpPrefix::V6(subnet.prefix()),
            public: IpAddr::V6(public),
        });
        [Some(v4), v6]
    }
}

/// The host-gw backend of this node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HostGw {
    /// Index of the underlay's link.
    pub link: u32,
}

impl HostGw {
    /// What should be there for a peer.
    #[must_use]
    pub const fn route(self, peer: &HostGwPeer) -> HostGwRoute {
        HostGwRoute { destination: peer.subnet, gateway: peer.public, link: self.link }
    }

    /// A lease came, and `listed` is the first route to its subnet in the kernel's list
    /// ([`RouteDump`](crate::netlink::RouteDump)), whatever it is: it stays when it is the same, else it goes.
    #[must_use]
    pub fn added(self, peer: &HostGwPeer, listed: Option<Record>) -> Plan {
        let wanted = Record::HostGw(self.route(peer));
        if listed.is_some_and(|listed| wanted.is_met_by(&listed)) {
            return Plan::new([]);
        }
        Plan::new(listed.map(Change::Delete).into_iter().chain([Change::Set(wanted)]))
    }

    /// A lease went.
    #[must_use]
    pub fn removed(self, peer: &HostGwPeer) -> Plan {
        Plan::new([Change::Delete(Record::HostGw(self.route(peer)))])
    }

    /// A lease came with another public address than before: the old route goes, the new one comes.
    #[must_use]
    pub fn replaced(self, old: &HostGwPeer, new: &HostGwPeer) -> Plan {
        if old == new {
            return Plan::new([]);
        }
        let changes = [self.removed(old), self.added(new, None)];
        Plan::new(changes.iter().flat_map(Plan::changes))
    }
}
