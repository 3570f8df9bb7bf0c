//! The two routes that flannel makes, as records (`backend/hostgw/hostgw.go`, `backend/vxlan/vxlan_network.go`).

use core::fmt;
use core::net::IpAddr;

use crate::subnet::{Ipv4Prefix, Ipv4PrefixLen, Ipv6Prefix, Ipv6PrefixLen};

use super::message::{Header, MessageFlags, MessageType};
use super::route::{RouteAttr, RouteFlags, RouteHeader, RouteMessage, Table, Via};
use super::value::Family;
use super::writer::{BuildError, build};

/// An IPv4 or an IPv6 prefix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IpPrefix {
    /// IPv4.
    V4(Ipv4Prefix),
    /// IPv6.
    V6(Ipv6Prefix),
}

impl IpPrefix {
    /// The prefix of that length that an address is in; none when the length is more than the address has bits.
    #[must_use]
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        match address {
            IpAddr::V4(address) => {
                Some(Self::V4(Ipv4Prefix::new(address, Ipv4PrefixLen::new(len).ok()?)))
            }
            IpAddr::V6(address) => {
                Some(Self::V6(Ipv6Prefix::new(address, Ipv6PrefixLen::new(len).ok()?)))
            }
        }
    }

    /// Its first address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        match self {
            Self::V4(prefix) => IpAddr::V4(prefix.address()),
            Self::V6(prefix) => IpAddr::V6(prefix.address()),
        }
    }

    /// Its length in bits.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "the length of a prefix is no count of elements"
    )]
    pub const fn len(self) -> u8 {
        match self {
            Self::V4(prefix) => prefix.len().value(),
            Self::V6(prefix) => prefix.len().value(),
        }
    }

    /// Whether all of another prefix lies in it.
    #[must_use]
    pub const fn contains_prefix(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(own), Self::V4(other)) => own.contains_prefix(other),
            (Self::V6(own), Self::V6(other)) => own.contains_prefix(other),
            _ => false,
        }
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.len())
    }
}

/// A route to a peer's subnet through the peer itself (the host-gw backend; vxlan with DirectRouting).
///
/// Equal are two with the same destination, gateway and link, whatever their metric, table and protocol, as flannel
/// compares them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HostGwRoute {
    /// The peer's subnet.
    pub destination: IpPrefix,
    /// The peer's address in the underlay.
    pub gateway: IpAddr,
    /// Index of the underlay's link; 0 lets the kernel find it, as flannel's direct routes do.
    pub link: u32,
}

impl HostGwRoute {
    /// Writes the request that adds it, and fails when there is a route to that destination already; the length in bytes.
    ///
    /// # Errors
    /// [`BuildError`] when the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, BuildError> {
        self.write(MessageType::NEWROUTE, MessageFlags::ADD, seq, buffer)
    }

    /// Writes the request that adds it or puts it in the place of the route to that destination; the length in bytes.
    ///
    /// # Errors
    /// [`BuildError`] when the buffer is too short; it is then as it was.
    pub fn write_set(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, BuildError> {
        self.write(MessageType::NEWROUTE, MessageFlags::SET, seq, buffer)
    }

    /// Writes the request that deletes it, which names no protocol and no type; the length in bytes.
    ///
    /// # Errors
    /// [`BuildError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, BuildError> {
        self.write(MessageType::DELROUTE, MessageFlags::CHANGE, seq, buffer)
    }

    fn write(
        &self,
        kind: MessageType,
        flags: MessageFlags,
        seq: u32,
        buffer: &mut [u8],
    ) -> Result<usize, BuildError> {
        write_route(*self, RouteFlags::empty(), Header::request(kind, flags, seq), buffer)
    }

    /// The route that a message is about, when it has one gateway and one link and is of the main table: what
    /// flannel's list of routes holds.
    #[must_use]
    pub fn from_message(message: RouteMessage<'_>) -> Option<Self> {
        if message.table() != Table::MAIN || message.header.flags.contains(RouteFlags::CLONED) {
            return None;
        }
        let (address, len) = message.destination()?;
        let destination = IpPrefix::new(address, len)?;
        Some(Self { destination, gateway: message.gateway()?, link: message.link()? })
    }
}

/// A route to a peer's subnet through the peer's vxlan device (the vxlan backend): its gateway is on the link although
/// no address of the link says so.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OnlinkRoute {
    /// The peer's subnet.
    pub destination: IpPrefix,
    /// The address of the peer's vxlan device: the first of its subnet.
    pub gateway: IpAddr,
    /// Index of the own vxlan link.
    pub link: u32,
}

impl OnlinkRoute {
    /// Writes the request that adds it or puts it in the place of the route to that destination; the length in bytes.
    ///
    /// # Errors
    /// [`BuildError`] when the buffer is too short; it is then as it was.
    pub fn write_set(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, BuildError> {
        self.write(MessageType::NEWROUTE, MessageFlags::SET, seq, buffer)
    }

    /// Writes the request that deletes it, which keeps RTNH_F_ONLINK; the length in bytes.
    ///
    /// # Errors
    /// [`BuildError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, BuildError> {
        self.write(MessageType::DELROUTE, MessageFlags::CHANGE, seq, buffer)
    }

    fn write(
        &self,
        kind: MessageType,
        flags: MessageFlags,
        seq: u32,
        buffer: &mut [u8],
    ) -> Result<usize, BuildError> {
        let route =
            HostGwRoute { destination: self.destination, gateway: self.gateway, link: self.link };
        write_route(route, RouteFlags::ONLINK, Header::request(kind, flags, seq), buffer)
    }

    /// The onlink route that a message is about.
    #[must_use]
    pub fn from_message(message: RouteMessage<'_>) -> Option<Self> {
        if !message.header.flags.contains(RouteFlags::ONLINK) {
            return None;
        }
        let HostGwRoute { destination, gateway, link } = HostGwRoute::from_message(message)?;
        Some(Self { destination, gateway, link })
    }
}

/// In flannel's order: destination, gateway, and last and always the link.
fn write_route(
    route: HostGwRoute,
    flags: RouteFlags,
    header: Header,
    buffer: &mut [u8],
) -> Result<usize, BuildError> {
    let destination = route.destination.address();
    let unicast = RouteHeader::unicast(Family::of(destination));
    let (protocol, kind) = match header.kind {
        MessageType::DELROUTE => (0, 0),
        _ => (unicast.protocol, unicast.kind),
    };
    let fixed =
        RouteHeader { destination_len: route.destination.len(), protocol, kind, flags, ..unicast };
    let gateway = match Family::of(route.gateway) == fixed.family {
        true => RouteAttr::Gateway(route.gateway),
        false => RouteAttr::Via(Via(route.gateway)),
    };
    build(buffer, header, |writer| {
        writer.bytes(&fixed.to_bytes());
        RouteAttr::Destination(destination).emit(writer);
        gateway.emit(writer);
        RouteAttr::Link(route.link).emit(writer);
    })
}
