//! The two backends of a node: what they want in the kernel for a peer, and what a lease event
//! changes there.

use crate::netlink::{FdbEntry, HostGwRoute, IfIndex, NeighbourEntry, OnlinkRoute};

use super::claim::{Claim, Kept, Wanted};
use super::found::{Found, FoundRecords};
use super::peer::{HostGwPeer, Reading, VxlanPeer};
use super::plan::{Plan, Reach};
use super::record::{Change, Record};

/// The vxlan backend of this node (flannel `backend/vxlan/vxlan_network.go`).
///
/// The plans take `others`: the claims of the other leases, in any order; those of the lease itself
/// are skipped. An entry that several leases want goes with the last of them, and one that another
/// lease has by the rule of
/// [`Owner`](super::Owner) is left alone.
///
/// # Examples
///
/// ```
/// use vtep::agent::{Claim, Reach, VxlanBackend, VxlanPeer};
/// use vtep::netlink::IfIndex;
///
/// let text = r#"{"PublicIP":"192.0.2.12","BackendType":"vxlan","BackendData":{"VtepMAC":"0a:00:00:00:00:12"}}"#;
/// let peer = |key: &str| VxlanPeer::from_json(&key.parse().ok()?, text, &[])[0].peer().copied();
/// let (old, new) = (peer("10.5.2.0-24").unwrap(), peer("10.5.9.0-24").unwrap());
///
/// // A node has a new subnet; its previous lease expires. The FDB entry is still needed.
/// let backend = VxlanBackend { ifindex: IfIndex::literal::<7>() };
/// let others = backend.wanted(&new, Reach::Tunnel).map(Claim::Wants);
/// let plan = backend.removed(&old, Reach::Tunnel, others);
/// let words: Vec<String> = plan.changes().map(|change| change.to_string()).collect();
/// assert_eq!(
///     words,
///     [
///         "delete neighbour 10.5.2.0 is at 0a:00:00:00:00:12 on link 7",
///         "delete route 10.5.2.0/24 via 10.5.2.0 on link 7, onlink",
///     ]
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VxlanBackend {
    /// Index of the vxlan link of that family: flannel.1, or flannel-v6.1.
    pub ifindex: IfIndex,
}

impl VxlanBackend {
    /// Returns the entries that should be in the kernel for a peer, in the order of setting:
    /// through the tunnel the neighbour, the FDB entry and last the route, else the kernel would
    /// begin to resolve the route's gateway; directly a route alone.
    pub fn wanted(
        self,
        peer: &VxlanPeer,
        reach: Reach,
    ) -> impl Iterator<Item = Wanted> + Clone + use<> {
        let (owner, mac, public) = (peer.owner(), peer.mac(), peer.public());
        let (ifindex, vtep) = (self.ifindex, owner.subnet.address());
        let records = match reach {
            Reach::Tunnel => [
                Some(Record::Neighbour(NeighbourEntry { ifindex, address: vtep, mac })),
                Some(Record::Fdb(FdbEntry { ifindex, mac, remote: public })),
                Some(Record::Onlink(OnlinkRoute {
                    destination: owner.subnet,
                    gateway: vtep,
                    ifindex,
                })),
            ],
            Reach::Direct => {
                let route =
                    HostGwRoute { destination: owner.subnet, gateway: public, ifindex: None };
                [Some(Record::Direct(route)), None, None]
            }
        };
        records.into_iter().flatten().map(move |record| Wanted::new(owner, record))
    }

    /// Returns the claims of one family of a lease. An unreadable one claims what it last said, or
    /// keeps what it owns.
    pub fn claims(
        self,
        reading: &Reading<VxlanPeer>,
        reach: Reach,
    ) -> impl Iterator<Item = Claim> + Clone + use<> {
        let wanted = reading.peer().map(|peer| self.wanted(peer, reach));
        let kept = kept(reading, Some(self.ifindex));
        wanted.into_iter().flatten().map(Claim::Wants).chain(kept.map(Claim::Keeps))
    }

    /// Returns what a new lease, or one that comes again, changes: flannel's requests in flannel's
    /// order.
    #[must_use]
    pub fn added<O>(self, peer: &VxlanPeer, reach: Reach, others: O) -> Plan
    where
        O: IntoIterator<Item = Claim, IntoIter: Clone>,
    {
        Plan::between([].into_iter(), self.wanted(peer, reach), others.into_iter(), Change::Set)
    }

    /// Returns what a lease that is gone changes: the same order. An entry that is not there is no
    /// failure: go on.
    #[must_use]
    pub fn removed<O>(self, peer: &VxlanPeer, reach: Reach, others: O) -> Plan
    where
        O: IntoIterator<Item = Claim, IntoIter: Clone>,
    {
        Plan::between(self.wanted(peer, reach), [].into_iter(), others.into_iter(), Change::Set)
    }

    /// Returns what a lease changes that came with another VtepMAC, public address or reach than
    /// before: the new FDB entry, the neighbour that leads to it, the route, and last goes what is
    /// not needed any more. flannel forgets that.
    #[must_use]
    pub fn replaced<O>(self, old: (&VxlanPeer, Reach), new: (&VxlanPeer, Reach), others: O) -> Plan
    where
        O: IntoIterator<Item = Claim, IntoIter: Clone>,
    {
        let wanted = self.wanted(new.0, new.1);
        let is_fdb = |wanted: &Wanted| matches!(wanted.record, Record::Fdb(_));
        let fdb_first =
            wanted.clone().filter(is_fdb).chain(wanted.filter(move |wanted| !is_fdb(wanted)));
        Plan::between(self.wanted(old.0, old.1), fdb_first, others.into_iter(), Change::Set)
    }
}

/// The host-gw backend of this node (flannel `backend/hostgw/hostgw.go`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HostGwBackend {
    /// Index of the underlay's link.
    pub ifindex: IfIndex,
}

impl HostGwBackend {
    /// Returns the route that should be in the kernel for a peer.
    #[must_use]
    pub const fn route(self, peer: &HostGwPeer) -> HostGwRoute {
        HostGwRoute {
            destination: peer.owner().subnet,
            gateway: peer.public(),
            ifindex: Some(self.ifindex),
        }
    }

    /// Returns the entry that should be in the kernel for a peer.
    #[must_use]
    pub const fn wanted(self, peer: &HostGwPeer) -> Wanted {
        Wanted::new(peer.owner(), Record::HostGw(self.route(peer)))
    }

    /// Returns the claim of one family of a lease, if any: see [`VxlanBackend::claims`].
    pub fn claims(
        self,
        reading: &Reading<HostGwPeer>,
    ) -> impl Iterator<Item = Claim> + Clone + use<> {
        let wanted = reading.peer().map(|peer| Claim::Wants(self.wanted(peer)));
        wanted.into_iter().chain(kept(reading, None).map(Claim::Keeps))
    }

    /// Returns what a new lease, or one that comes again, changes, when `found` is in the kernel:
    /// nothing if the route is there, whatever its metric; otherwise it is added, or set in the
    /// place of another.
    #[must_use]
    pub fn added<O>(self, peer: &HostGwPeer, found: FoundRecords<'_>, others: O) -> Plan
    where
        O: IntoIterator<Item = Claim, IntoIter: Clone>,
    {
        let new = Some(self.wanted(peer)).filter(|new| !found.meet(&new.record));
        let set = |record| set_host_gw(record, found);
        Plan::between([].into_iter(), new.into_iter(), others.into_iter(), set)
    }

    /// Returns what a lease that is gone changes.
    #[must_use]
    pub fn removed<O>(self, peer: &HostGwPeer, others: O) -> Plan
    where
        O: IntoIterator<Item = Claim, IntoIter: Clone>,
    {
        let old = [self.wanted(peer)].into_iter();
        Plan::between(old, [].into_iter(), others.into_iter(), Change::Set)
    }

    /// Returns what a lease changes that came with another public address: one request puts the new
    /// route in the place of the old one.
    #[must_use]
    pub fn replaced<O>(self, old: &HostGwPeer, new: &HostGwPeer, others: O) -> Plan
    where
        O: IntoIterator<Item = Claim, IntoIter: Clone>,
    {
        let [old, new] = [old, new].map(|peer| [self.wanted(peer)].into_iter());
        Plan::between(old, new, others.into_iter(), Change::Set)
    }
}

/// A route of host-gw is added as flannel does it where there is none, and put in the place of
/// another.
pub(super) fn set_host_gw(record: Record, found: FoundRecords<'_>) -> Change {
    let is_overwritten = |found: &Found| found.is_default_metric;
    match record {
        Record::HostGw(_) if !found.at(record.place()).any(is_overwritten) => Change::Add(record),
        _ => Change::Set(record),
    }
}

fn kept<P: Copy>(reading: &Reading<P>, vxlan_ifindex: Option<IfIndex>) -> Option<Kept> {
    match reading {
        Reading::Unreadable { owner, last: None, .. } => Some(Kept::new(*owner, vxlan_ifindex)),
        _ => None,
    }
}
