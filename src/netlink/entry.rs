//! The two routes that flannel makes, as records (`backend/hostgw/hostgw.go`,
//! `backend/vxlan/vxlan_network.go`).

use core::net::IpAddr;

use crate::subnet::IpPrefix;

use super::header::{Header, MessageFlags, MessageType};
use super::hop::RouteFlags;
use super::ifindex::IfIndex;
use super::route::{RouteAttr, RouteHeader, RouteMessage, Table, Via};
use super::value::Family;
use super::writer::{RequestError, build};

/// A route to a peer's subnet through the peer itself (the host-gw backend; vxlan with
/// DirectRouting).
///
/// Equal are two with the same destination, gateway and link, whatever their metric, table and
/// protocol, as flannel compares them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HostGwRoute {
    /// The peer's subnet.
    pub destination: IpPrefix,
    /// The peer's address in the underlay.
    pub gateway: IpAddr,
    /// Index of the underlay's link; `None` lets the kernel find it by the gateway, as flannel's
    /// direct routes do: they have RTA_OIF 0.
    pub ifindex: Option<IfIndex>,
}

impl HostGwRoute {
    /// Writes the request that adds it, and fails when there is a route to that destination
    /// already; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(MessageType::NEWROUTE, MessageFlags::ADD, seq, buffer)
    }

    /// Writes the request that adds it or puts it in the place of the route to that destination;
    /// the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_set(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(MessageType::NEWROUTE, MessageFlags::SET, seq, buffer)
    }

    /// Writes the request that deletes it, which names no protocol and no type; the length in
    /// bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(MessageType::DELROUTE, MessageFlags::CHANGE, seq, buffer)
    }

    fn write(
        &self,
        kind: MessageType,
        flags: MessageFlags,
        seq: u32,
        buffer: &mut [u8],
    ) -> Result<usize, RequestError> {
        write_route(*self, RouteFlags::empty(), Header::request(kind, flags, seq), buffer)
    }

    /// The route that a message is about, if it is a unicast route of the main table with one
    /// gateway and one link, and packets go to the gateway as they are (no RTA_ENCAP).
    ///
    /// Returns `None` of any other, of one without a gateway (0.0.0.0 and `::` are none) or without
    /// a link, and if an attribute is [unreadable](RouteMessage::unreadable). A message
    /// that reports a deletion (RTM_DELROUTE) is read as well: the caller looks at its type.
    #[must_use]
    pub fn from_message(message: RouteMessage<'_>) -> Option<Self> {
        // 0: the type that a deletion does not name
        let is_unicast = matches!(message.header.route_type, 0 | 1);
        if !is_listed(message) || !is_unicast || message.has_encap() {
            return None;
        }
        let (address, len) = message.destination()?;
        let destination = IpPrefix::new(address, len)?;
        Some(Self { destination, gateway: message.gateway()?, ifindex: Some(message.ifindex()?) })
    }
}

/// A route to a peer's subnet through the peer's vxlan device (the vxlan backend): its gateway is
/// on the link although no address of the link says so.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OnlinkRoute {
    /// The peer's subnet.
    pub destination: IpPrefix,
    /// The address of the peer's vxlan device: the first of its subnet.
    pub gateway: IpAddr,
    /// Index of the own vxlan link.
    pub ifindex: IfIndex,
}

impl OnlinkRoute {
    /// Writes the request that adds it, which the kernel refuses if there is a route to that
    /// destination; returns the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] if the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(MessageType::NEWROUTE, MessageFlags::ADD, seq, buffer)
    }

    /// Writes the request that adds it or puts it in the place of the route to that destination;
    /// the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_set(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(MessageType::NEWROUTE, MessageFlags::SET, seq, buffer)
    }

    /// Writes the request that deletes it, which keeps RTNH_F_ONLINK; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(MessageType::DELROUTE, MessageFlags::CHANGE, seq, buffer)
    }

    fn write(
        &self,
        kind: MessageType,
        flags: MessageFlags,
        seq: u32,
        buffer: &mut [u8],
    ) -> Result<usize, RequestError> {
        let Self { destination, gateway, ifindex } = *self;
        let route = HostGwRoute { destination, gateway, ifindex: Some(ifindex) };
        write_route(route, RouteFlags::ONLINK, Header::request(kind, flags, seq), buffer)
    }

    /// The onlink route that a message is about: as [`HostGwRoute::from_message`], with
    /// RTNH_F_ONLINK.
    #[must_use]
    pub fn from_message(message: RouteMessage<'_>) -> Option<Self> {
        if !message.header.flags.contains(RouteFlags::ONLINK) {
            return None;
        }
        let HostGwRoute { destination, gateway, ifindex } = HostGwRoute::from_message(message)?;
        Some(Self { destination, gateway, ifindex: ifindex? })
    }
}

/// A route of the main table that is neither of those: without a gateway, with several, with an
/// encapsulation, or one that drops. It may be where flannel wants its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OtherRoute {
    /// Where it leads.
    pub destination: IpPrefix,
    /// Index of its link; `None` of one that has none, or several.
    pub ifindex: Option<IfIndex>,
    /// How far the destination is (RT_SCOPE_*); a route is deleted only by its own.
    pub scope: u8,
    /// The type of the route (`rtm_type`, RTN_*): 1 unicast, 6 blackhole.
    pub route_type: u8,
}

impl OtherRoute {
    /// Writes the request that adds it; the length in bytes. One of several next hops, which it
    /// does not have, the kernel refuses.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(Header::request(MessageType::NEWROUTE, MessageFlags::ADD, seq), buffer)
    }

    /// Writes the request that adds it or puts it in the place of the route to that destination;
    /// returns the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] if the buffer is too short; it is then as it was.
    pub fn write_set(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(Header::request(MessageType::NEWROUTE, MessageFlags::SET, seq), buffer)
    }

    /// Writes the request that deletes it; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(Header::request(MessageType::DELROUTE, MessageFlags::CHANGE, seq), buffer)
    }

    fn write(&self, header: Header, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let destination = self.destination.address();
        let fixed = RouteHeader {
            destination_len: self.destination.len(),
            scope: self.scope,
            route_type: self.route_type,
            ..RouteHeader::unicast(Family::of(destination))
        };
        let protocol = if header.kind == MessageType::DELROUTE { 0 } else { fixed.protocol };
        build(buffer, header, |writer| {
            writer.bytes(&RouteHeader { protocol, ..fixed }.to_bytes());
            RouteAttr::Destination(destination).emit(writer);
            if self.ifindex.is_some() {
                RouteAttr::Oif(self.ifindex).emit(writer);
            }
        })
    }

    /// The route that a message is about, if it is of the main table and not a [`HostGwRoute`].
    ///
    /// Returns `None` if an attribute is [unreadable](RouteMessage::unreadable): a gateway that
    /// cannot be read is not one that is absent.
    #[must_use]
    pub fn from_message(message: RouteMessage<'_>) -> Option<Self> {
        if !is_listed(message) || HostGwRoute::from_message(message).is_some() {
            return None;
        }
        let (address, len) = message.destination()?;
        let destination = IpPrefix::new(address, len)?;
        let RouteHeader { scope, route_type, .. } = message.header;
        Some(Self { destination, ifindex: message.ifindex(), scope, route_type })
    }
}

/// Whether flannel's list of routes holds it: a route of the main table, all of it readable.
fn is_listed(message: RouteMessage<'_>) -> bool {
    message.table() == Table::MAIN
        && !message.header.flags.contains(RouteFlags::CLONED)
        && message.unreadable().is_none()
}

/// In flannel's order: destination, gateway, and last and always the link.
fn write_route(
    route: HostGwRoute,
    flags: RouteFlags,
    header: Header,
    buffer: &mut [u8],
) -> Result<usize, RequestError> {
    let destination = route.destination.address();
    let unicast = RouteHeader::unicast(Family::of(destination));
    let (protocol, route_type) = match header.kind {
        MessageType::DELROUTE => (0, 0),
        _ => (unicast.protocol, unicast.route_type),
    };
    let fixed = RouteHeader {
        destination_len: route.destination.len(),
        protocol,
        route_type,
        flags,
        ..unicast
    };
    let gateway = match Family::of(route.gateway) == fixed.family {
        true => RouteAttr::Gateway(route.gateway),
        false => RouteAttr::Via(Via(route.gateway)),
    };
    build(buffer, header, |writer| {
        writer.bytes(&fixed.to_bytes());
        RouteAttr::Destination(destination).emit(writer);
        gateway.emit(writer);
        RouteAttr::Oif(route.ifindex).emit(writer);
    })
}

#[cfg(test)]
mod tests {
    use super::super::attr::Attr;
    use super::super::writer::Writer;
    use super::*;
    use std::vec::Vec;

    const LINK: Option<IfIndex> = Some(IfIndex::literal::<2>());
    const GATEWAY: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 168, 0, 17));
    const SUBNET: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 1, 17, 0));

    fn fixed() -> RouteHeader {
        RouteHeader { destination_len: 24, ..RouteHeader::unicast(Family::INET) }
    }

    fn attrs() -> Vec<RouteAttr<'static>> {
        [RouteAttr::Destination(SUBNET), RouteAttr::Gateway(GATEWAY), RouteAttr::Oif(LINK)].into()
    }

    /// Which of the three records a message is read as.
    fn read(fixed: RouteHeader, attrs: &[RouteAttr<'_>]) -> (bool, bool, bool) {
        let mut buffer = [0; 256];
        let header = Header::request(MessageType::NEWROUTE, MessageFlags::ADD, 1);
        let body = |writer: &mut Writer<'_>| {
            writer.bytes(&fixed.to_bytes());
            attrs.iter().for_each(|attr| attr.emit(writer));
        };
        let length = build(&mut buffer, header, body).unwrap();
        let message = RouteMessage::parse(&buffer[16..length]).unwrap();
        let route = HostGwRoute::from_message(message);
        let destination = IpPrefix::new(SUBNET, 24).unwrap();
        let expected = HostGwRoute { destination, gateway: GATEWAY, ifindex: LINK };
        assert!(route.is_none_or(|route| route == expected));
        let onlink = OnlinkRoute::from_message(message).is_some();
        (route.is_some(), onlink, OtherRoute::from_message(message).is_some())
    }

    #[test]
    fn a_route_is_read_if_it_is_of_the_main_table_and_unicast() {
        let route = (true, false, false);
        assert_eq!(read(fixed(), &attrs()), route);
        let onlink = RouteHeader { flags: RouteFlags::ONLINK, ..fixed() };
        assert_eq!(read(onlink, &attrs()), (true, true, false));
        let cloned = RouteHeader { flags: RouteFlags::ONLINK | RouteFlags::CLONED, ..fixed() };
        assert_eq!(read(cloned, &attrs()), (false, false, false));
        for table in [0, 252, 253, 255] {
            let other = RouteHeader { table, ..fixed() };
            assert_eq!(read(other, &attrs()), (false, false, false), "{table}");
            let main = [attrs(), [RouteAttr::Table(254)].into()].concat();
            assert_eq!(read(other, &main), route);
        }
        let elsewhere = [attrs(), [RouteAttr::Table(1000)].into()].concat();
        assert_eq!(read(fixed(), &elsewhere), (false, false, false));
        for kind in 0..=11 {
            let expected = if kind < 2 { route } else { (false, false, true) };
            assert_eq!(
                read(RouteHeader { route_type: kind, ..fixed() }, &attrs()),
                expected,
                "{kind}"
            );
        }
        // flannel looks neither at who made it nor at the metric
        let made = RouteHeader { protocol: 16, scope: 253, ..fixed() };
        let attrs = [attrs(), [RouteAttr::Priority(100)].into()].concat();
        assert_eq!(read(made, &attrs), route);
    }

    #[test]
    fn a_route_without_gateway_or_link_is_another() {
        let other = (false, false, true);
        for missing in 1..3 {
            let mut attrs = attrs();
            attrs.remove(missing);
            assert_eq!(read(fixed(), &attrs), other, "{missing}");
        }
        let zeros = |gateway: IpAddr, ifindex| {
            [RouteAttr::Destination(SUBNET), RouteAttr::Gateway(gateway), RouteAttr::Oif(ifindex)]
        };
        assert_eq!(read(fixed(), &zeros(GATEWAY, None)), other);
        assert_eq!(read(fixed(), &zeros([0; 4].into(), LINK)), other);
        assert_eq!(read(fixed(), &zeros([0_u8; 16].into(), LINK)), other);
        let encap = RouteAttr::decode(Attr::new(22, &[]));
        assert_eq!(read(fixed(), &[attrs(), [encap].into()].concat()), other);
    }

    #[test]
    fn a_route_that_cannot_be_read_is_neither() {
        // RTA_DST, RTA_GATEWAY, RTA_OIF and RTA_TABLE of three bytes
        for kind in [1, 5, 4, 15] {
            let unreadable = RouteAttr::decode(Attr::new(kind, &[10, 1, 17]));
            let attrs = [attrs(), [unreadable].into()].concat();
            assert_eq!(read(fixed(), &attrs), (false, false, false), "{kind}");
            assert_eq!(read(fixed(), &[unreadable]), (false, false, false), "{kind}");
        }
        // a type that is not known is not unreadable
        let unknown = RouteAttr::decode(Attr::new(99, &[1, 2, 3]));
        assert!(read(fixed(), &[attrs(), [unknown].into()].concat()).0);
        // RTA_DST of the other family
        let other = RouteAttr::Destination([0_u8; 16].into());
        assert_eq!(read(fixed(), &[other, RouteAttr::Oif(LINK)]), (false, false, false));
    }
}
