//! The entries that flannel makes in the kernel, and their requests.

use core::cmp::Ordering;
use core::fmt;
use core::net::IpAddr;

use crate::netlink::{
    Body, FdbEntry, HostGwRoute, IfIndex, NeighbourEntry, OnlinkRoute, OtherRoute, RequestError,
};
use crate::subnet::IpPrefix;
use crate::wire::MacAddr;

/// One entry of the kernel's that flannel makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Record {
    /// vxlan: the MAC address of the peer's VTEP (ARP, ND).
    Neighbour(NeighbourEntry),
    /// vxlan: the underlay address at which that MAC address is reached.
    Fdb(FdbEntry),
    /// vxlan: the peer's subnet is reached through its VTEP.
    Onlink(OnlinkRoute),
    /// vxlan with DirectRouting: the peer's subnet is reached through the peer.
    Direct(HostGwRoute),
    /// host-gw: the peer's subnet is reached through the peer.
    HostGw(HostGwRoute),
    /// A route that is not flannel's, but may have the place of one that is wanted.
    Other(OtherRoute),
}

impl Record {
    /// The entry that a message of a dump is about: a gateway route without RTNH_F_ONLINK is
    /// [`Record::HostGw`].
    #[must_use]
    pub fn from_body(body: Body<'_>) -> Option<Self> {
        match body {
            Body::Neighbour(message) => NeighbourEntry::from_message(message)
                .map(Self::Neighbour)
                .or_else(|| FdbEntry::from_message(message).map(Self::Fdb)),
            Body::Route(message) => OnlinkRoute::from_message(message)
                .map(Self::Onlink)
                .or_else(|| HostGwRoute::from_message(message).map(Self::HostGw))
                .or_else(|| OtherRoute::from_message(message).map(Self::Other)),
            _ => None,
        }
    }

    /// Writes the request that adds it, which the kernel refuses if there is an entry in its place;
    /// returns the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] if the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        match self {
            Self::Neighbour(entry) => entry.write_add(seq, buffer),
            Self::Fdb(entry) => entry.write_add(seq, buffer),
            Self::Onlink(route) => route.write_add(seq, buffer),
            Self::Direct(route) | Self::HostGw(route) => route.write_add(seq, buffer),
            Self::Other(route) => route.write_add(seq, buffer),
        }
    }

    /// Writes the request that sets it, in the place of another if there is one; returns the length
    /// in bytes.
    ///
    /// # Errors
    /// [`RequestError`] if the buffer is too short; it is then as it was.
    pub fn write_set(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        match self {
            Self::Neighbour(entry) => entry.write_set(seq, buffer),
            Self::Fdb(entry) => entry.write_set(seq, buffer),
            Self::Onlink(route) => route.write_set(seq, buffer),
            Self::Direct(route) | Self::HostGw(route) => route.write_set(seq, buffer),
            Self::Other(route) => route.write_set(seq, buffer),
        }
    }

    /// Writes the request that deletes it; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        match self {
            Self::Neighbour(entry) => entry.write_delete(seq, buffer),
            Self::Fdb(entry) => entry.write_delete(seq, buffer),
            Self::Onlink(route) => route.write_delete(seq, buffer),
            Self::Direct(route) | Self::HostGw(route) => route.write_delete(seq, buffer),
            Self::Other(route) => route.write_delete(seq, buffer),
        }
    }

    /// The route of flannel's, whichever of the three it is.
    pub(super) fn route(&self) -> Option<HostGwRoute> {
        match *self {
            Self::Onlink(OnlinkRoute { destination, gateway, ifindex }) => {
                Some(HostGwRoute { destination, gateway, ifindex: Some(ifindex) })
            }
            Self::Direct(route) | Self::HostGw(route) => Some(route),
            Self::Neighbour(_) | Self::Fdb(_) | Self::Other(_) => None,
        }
    }

    /// Whether an entry found in the kernel is this one. A direct route names no link; a host-gw
    /// route is compared as flannel does, by destination, gateway and link.
    pub(super) fn is_met_by(&self, found: &Self) -> bool {
        match (self, found.route()) {
            (Self::Direct(own), Some(route)) => {
                let ifindex = own.ifindex.or(route.ifindex);
                route == HostGwRoute { ifindex, ..*own } && !matches!(found, Self::Onlink(_))
            }
            (Self::HostGw(own), Some(route)) => *own == route,
            _ => self == found,
        }
    }

    /// Whether the request that deletes this entry deletes one found in the kernel. Linux does not
    /// compare the MAC address of a neighbour, and of a route the destination, gateway and link alone.
    pub(super) fn deletes(&self, found: &Self) -> bool {
        match (self, self.route(), found.route()) {
            (Self::Neighbour(_), ..) => self.shares_place(found),
            (_, Some(own), Some(route)) => {
                route == HostGwRoute { ifindex: own.ifindex.or(route.ifindex), ..own }
            }
            _ => self == found,
        }
    }

    /// Returns whether the kernel has room for only one of the two: neighbours of one address, FDB
    /// entries of one MAC address, routes to one destination.
    #[must_use]
    pub fn shares_place(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    pub(super) const fn place(&self) -> Place {
        match self {
            Self::Neighbour(entry) => Place::Neighbour(entry.ifindex, entry.address),
            Self::Fdb(entry) => Place::Fdb(entry.ifindex, entry.mac),
            Self::Onlink(OnlinkRoute { destination, .. })
            | Self::Direct(HostGwRoute { destination, .. })
            | Self::HostGw(HostGwRoute { destination, .. })
            | Self::Other(OtherRoute { destination, .. }) => Place::Route(*destination),
        }
    }

    /// What tells those of one place apart.
    fn detail(&self) -> (MacAddr, Option<IpAddr>, Option<IfIndex>, u16) {
        let kind = match self {
            Self::Neighbour(entry) => return (entry.mac, None, None, 0),
            Self::Fdb(entry) => return (MacAddr::ZERO, Some(entry.remote), None, 0),
            Self::Onlink(_) => 0,
            Self::Direct(_) => 1,
            Self::HostGw(_) => 2,
            Self::Other(OtherRoute { ifindex, scope, route_type, .. }) => {
                return (MacAddr::ZERO, None, *ifindex, u16::from_be_bytes([*scope, *route_type]));
            }
        };
        let route = self.route();
        let ifindex = route.and_then(|route| route.ifindex);
        (MacAddr::ZERO, route.map(|route| route.gateway), ifindex, kind)
    }
}

/// What an entry is about. The kernel has room for one entry in each place: the address of a
/// neighbour, the MAC address of an FDB entry, the destination of a route.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Place {
    Neighbour(IfIndex, IpAddr),
    Fdb(IfIndex, MacAddr),
    Route(IpPrefix),
}

/// The order in which entries may be set: neighbours, FDB entries, routes; within it those that
/// cannot be there together side by side.
impl Ord for Record {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place()).then_with(|| self.detail().cmp(&other.detail()))
    }
}

impl PartialOrd for Record {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Neighbour(NeighbourEntry { ifindex, address, mac }) => {
                write!(f, "neighbour {address} is at {mac} on link {ifindex}")
            }
            Self::Fdb(FdbEntry { ifindex, mac, remote }) => {
                write!(f, "{mac} is behind {remote} on link {ifindex}")
            }
            Self::Onlink(OnlinkRoute { destination, gateway, ifindex }) => {
                write!(f, "route {destination} via {gateway} on link {ifindex}, onlink")
            }
            Self::Direct(HostGwRoute { destination, gateway, ifindex })
            | Self::HostGw(HostGwRoute { destination, gateway, ifindex }) => match ifindex {
                Some(ifindex) => write!(f, "route {destination} via {gateway} on link {ifindex}"),
                None => write!(f, "route {destination} via {gateway}, direct"),
            },
            Self::Other(OtherRoute { destination, ifindex, route_type, .. }) => match ifindex {
                Some(ifindex) => write!(f, "route {destination} on link {ifindex}"),
                None => write!(f, "route {destination} of type {route_type}"),
            },
        }
    }
}

/// One request to the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// Add this entry; the kernel refuses it if there is one in its place.
    Add(Record),
    /// Set this entry, in the place of another if there is one.
    Set(Record),
    /// Delete this entry.
    Delete(Record),
}

impl Change {
    /// Returns the entry.
    #[must_use]
    pub const fn record(&self) -> Record {
        match self {
            Self::Add(record) | Self::Set(record) | Self::Delete(record) => *record,
        }
    }

    /// Writes the request and returns its length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] if the buffer is too short; it is then as it was.
    pub fn write(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        match self {
            Self::Add(record) => record.write_add(seq, buffer),
            Self::Set(record) => record.write_set(seq, buffer),
            Self::Delete(record) => record.write_delete(seq, buffer),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self {
            Self::Add(_) => "add",
            Self::Set(_) => "set",
            Self::Delete(_) => "delete",
        };
        write!(f, "{verb} {}", self.record())
    }
}
