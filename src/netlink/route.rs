//! Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (`struct rtmsg`,
//! `include/uapi/linux/rtnetlink.h`).

use core::net::IpAddr;

use super::attr::Attr;
use super::header::{Header, MessageFlags, MessageType};
use super::hop::{NextHop, NextHops, RouteFlags};
use super::ifindex::IfIndex;
use super::native::{RtMsg, read_u16, write_u16};
use super::value::{Family, Nested, Value, attributes, last, message};
use super::writer::{RequestError, Writer, build};

/// A routing table's number (`rt_class_t`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Table(pub u32);

impl Table {
    /// The main table (RT_TABLE_MAIN).
    pub const MAIN: Self = Self(254);
    /// The table of the node's own addresses (RT_TABLE_LOCAL).
    pub const LOCAL: Self = Self(255);
}

/// The fixed part of a route message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RouteHeader {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Bits of the destination prefix.
    pub destination_len: u8,
    /// Bits of the source prefix.
    pub source_len: u8,
    /// Type of service that the route is for.
    pub tos: u8,
    /// The table, 0 or 252 when [`RouteAttr::Table`] has its number.
    pub table: u8,
    /// Who made it (RTPROT_*): 2 the kernel, 3 boot, 4 static.
    pub protocol: u8,
    /// How far the destination is (RT_SCOPE_*): 0 anywhere, 253 on the link, 254 here, 255 nowhere.
    pub scope: u8,
    /// The type of the route (`rtm_type`, RTN_*): 1 unicast, 2 local, 3 broadcast, 6 blackhole.
    pub route_type: u8,
    /// Flags.
    pub flags: RouteFlags,
}

impl RouteHeader {
    /// A unicast route of the main table, protocol boot, with no destination: what flannel's
    /// netlink library starts from, for a list as for a new route.
    #[must_use]
    pub const fn unicast(family: Family) -> Self {
        Self {
            family,
            destination_len: 0,
            source_len: 0,
            tos: 0,
            table: 254,
            protocol: 3,
            scope: 0,
            route_type: 1,
            flags: RouteFlags::empty(),
        }
    }

    /// The header that these bytes are.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        let raw = RtMsg::from_bytes(bytes);
        Self {
            family: Family(raw.family),
            destination_len: raw.destination_len,
            source_len: raw.source_len,
            tos: raw.tos,
            table: raw.table,
            protocol: raw.protocol,
            scope: raw.scope,
            route_type: raw.route_type,
            flags: RouteFlags::from_bits_retain(raw.flags.get()),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 12] {
        let raw = RtMsg {
            family: self.family.0,
            destination_len: self.destination_len,
            source_len: self.source_len,
            tos: self.tos,
            table: self.table,
            protocol: self.protocol,
            scope: self.scope,
            route_type: self.route_type,
            flags: self.flags.bits().into(),
        };
        raw.to_bytes()
    }
}

attributes! {
    /// An attribute of a route (`RTA_*`).
    pub enum RouteAttr {
        /// The destination; its prefix length is in the header.
        Destination(IpAddr) = 1,
        /// The source that the route is for; its prefix length is in the header.
        Source(IpAddr) = 2,
        /// Index of the input link (`RTA_IIF`).
        Iif(Option<IfIndex>) = 3,
        /// Index of the output link (`RTA_OIF`).
        Oif(Option<IfIndex>) = 4,
        /// The gateway.
        Gateway(IpAddr) = 5,
        /// The metric: of two routes to one prefix the lower is used.
        Priority(u32) = 6,
        /// The source address of packets that the node itself sends.
        PreferredSource(IpAddr) = 7,
        /// Values of the route (`RTAX_*`), see [`Metric`].
        Metrics(Nested<'a>) = 8,
        /// Several next hops.
        Multipath(NextHops<'a>) = 9,
        /// The realms, from and to, each 16 bits of it.
        Flow(u32) = 11,
        /// The table, when its number is above 255.
        Table(u32) = 15,
        /// The firewall mark that the route is for.
        Mark(u32) = 16,
        /// A gateway of the other family: `struct rtvia`, a 16-bit family and an address.
        Via(Via) = 18,
        /// The preference of a route of IPv6 (RFC 4191): 0 medium, 1 high, 3 low.
        Preference(u8) = 20,
        /// The type of the lightweight tunnel encapsulation (`LWTUNNEL_ENCAP_*`).
        EncapType(u16) = 21,
        /// The attributes of that encapsulation.
        Encap(Nested<'a>) = 22,
        /// Seconds that the route still lives.
        Expires(u32) = 23,
        /// A next hop object's number.
        NextHopId(u32) = 30,
    }
}

message! {
    /// A route message.
    pub struct RouteMessage {
        RouteHeader: 12 by |bytes| Ok(RouteHeader::from_bytes(bytes)), RouteAttr
    }
}

impl<'a> RouteMessage<'a> {
    /// The destination: the address and the length of the prefix. Without the attribute the address
    /// is 0.0.0.0 or `::`, of the default route.
    ///
    /// Returns `None` if the attribute does not hold an address of the route's family: it is then
    /// not known where the route leads, which is not the default route.
    #[must_use]
    pub fn destination(self) -> Option<(IpAddr, u8)> {
        let address = match self.attributes().filter(RouteAttr::is_destination).last() {
            Some(RouteAttr::Destination(address)) => address,
            Some(_) => return None,
            None if self.header.family == Family::INET => IpAddr::from([0; 4]),
            None => IpAddr::from([0; 16]),
        };
        let is_own = Family::of(address) == self.header.family;
        is_own.then_some((address, self.header.destination_len))
    }

    /// The gateway, of either family (RTA_GATEWAY or RTA_VIA), of several the last. 0.0.0.0 and
    /// `::` count as absent, as in Linux (`rtm_to_fib_config`).
    #[must_use]
    pub fn gateway(self) -> Option<IpAddr> {
        gateway(|is_one| self.attributes().filter(is_one).last())
    }

    /// Index of the output link (`RTA_OIF`). 0 counts as absent, as in Linux.
    #[must_use]
    pub fn ifindex(self) -> Option<IfIndex> {
        last!(self, RouteAttr::Oif).flatten()
    }

    /// The metric. An absent metric and 0 are equivalent.
    #[must_use]
    pub fn priority(self) -> Option<u32> {
        last!(self, RouteAttr::Priority)
    }

    /// The source address of packets that the node itself sends.
    #[must_use]
    pub fn preferred_source(self) -> Option<IpAddr> {
        last!(self, RouteAttr::PreferredSource)
    }

    /// The table, from the attribute or the header.
    #[must_use]
    pub fn table(self) -> Table {
        Table(last!(self, RouteAttr::Table).unwrap_or(u32::from(self.header.table)))
    }

    /// The values of the route.
    pub fn metrics(self) -> impl Iterator<Item = Metric> + 'a {
        let nested = last!(self, RouteAttr::Metrics);
        nested.into_iter().flat_map(|nested| nested.attrs()).filter_map(Metric::decode)
    }

    /// The next hops, when there are several.
    #[must_use]
    pub fn next_hops(self) -> Option<NextHops<'a>> {
        last!(self, RouteAttr::Multipath)
    }

    /// Whether the packets are encapsulated (RTA_ENCAP): the route leads to other hosts than
    /// its gateway alone says.
    pub(super) fn has_encap(self) -> bool {
        self.attributes().any(|attr| matches!(attr, RouteAttr::Encap(_)))
    }
}

impl<'a> NextHop<'a> {
    /// The gateway, of either family (RTA_GATEWAY or RTA_VIA), as
    /// [`RouteMessage::gateway`](RouteMessage::gateway) is that of a single next hop. Of
    /// several the first, as Linux reads it here (`nla_find`).
    #[must_use]
    pub fn gateway(&self) -> Option<IpAddr> {
        gateway(|is_one| self.attributes().find(is_one))
    }

    /// The attributes, typed, in the order they came. Linux reads the gateway, the encapsulation,
    /// the realm and those of MPLS; of an attribute that is there twice the first.
    pub fn attributes(&self) -> impl Iterator<Item = RouteAttr<'a>> + use<'a> {
        self.attrs().map(RouteAttr::decode)
    }
}

impl RouteAttr<'_> {
    /// Whether it is RTA_DST, readable or not.
    fn is_destination(&self) -> bool {
        match self {
            Self::Destination(_) => true,
            Self::Other(attr) => attr.kind() == 1,
            _ => false,
        }
    }
}

/// The gateway among the attributes of a route or of a next hop. `find` is which of several
/// attributes counts.
fn gateway<'a>(
    find: impl Fn(fn(&RouteAttr<'a>) -> bool) -> Option<RouteAttr<'a>>,
) -> Option<IpAddr> {
    let gateway = find(|attr| matches!(attr, RouteAttr::Gateway(_)));
    let address = match gateway.or_else(|| find(|attr| matches!(attr, RouteAttr::Via(_))))? {
        RouteAttr::Gateway(address) | RouteAttr::Via(Via(address)) => address,
        _ => return None,
    };
    Some(address).filter(|address| !address.is_unspecified())
}

/// One value of a route (`RTAX_*`), those that are integers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Metric {
    /// Which: 1 lock (a bit for each that the kernel may not change), 2 MTU, 3 window, 4 RTT, 7
    /// congestion window, 8 MSS.
    pub kind: u16,
    /// How much, in the unit of its kind: bytes for an MTU.
    pub value: u32,
}

impl Metric {
    fn decode(attr: Attr<'_>) -> Option<Self> {
        Some(Self { kind: attr.kind(), value: u32::read(attr)? })
    }
}

/// A gateway of the other family than the route's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Via(pub IpAddr);

impl Value<'_> for Via {
    fn read(attr: Attr<'_>) -> Option<Self> {
        let (family, address) = attr.value().split_first_chunk()?;
        let address = IpAddr::read(Attr::new(attr.flags().bits(), address))?;
        (read_u16(*family) == u16::from(Family::of(address).0)).then_some(Self(address))
    }

    fn write(&self, kind: u16, writer: &mut Writer<'_>) {
        let family = write_u16(u16::from(Family::of(self.0).0));
        let [a, b] = family;
        match self.0 {
            IpAddr::V4(address) => {
                let [c, d, e, f] = address.octets();
                writer.attr(kind, &[a, b, c, d, e, f]);
            }
            IpAddr::V6(address) => {
                let mut value = [0; 18];
                for (to, from) in value.iter_mut().zip(family.into_iter().chain(address.octets())) {
                    *to = from;
                }
                writer.attr(kind, &value);
            }
        }
    }
}

/// The request for all routes of a family, as flannel sends it before it adds a host-gw route, and
/// every ten seconds (`netlink.RouteListFiltered`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RouteDump {
    /// IPv4 or IPv6.
    pub family: Family,
}

impl RouteDump {
    /// Writes the request; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write(self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let header = Header::request(MessageType::GETROUTE, MessageFlags::LIST, seq);
        build(buffer, header, |writer| writer.bytes(&RouteHeader::unicast(self.family).to_bytes()))
    }
}

/// The request for the route that a packet to an address would take (`netlink.RouteGet`): flannel's
/// question whether a peer can be reached without the tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RouteLookup {
    /// The peer's address in the underlay.
    pub address: IpAddr,
}

impl RouteLookup {
    /// Writes the request; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write(self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let destination_len = if self.address.is_ipv4() { 32 } else { 128 };
        let fixed = RouteHeader {
            family: Family::of(self.address),
            destination_len,
            source_len: 0,
            tos: 0,
            table: 0,
            protocol: 0,
            scope: 0,
            route_type: 0,
            flags: RouteFlags::empty(),
        };
        let header = Header::request(MessageType::GETROUTE, MessageFlags::REQUEST, seq);
        build(buffer, header, |writer| {
            writer.bytes(&fixed.to_bytes());
            RouteAttr::Destination(self.address).emit(writer);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    const LINK: Option<IfIndex> = Some(IfIndex::literal::<3>());
    const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 6, 0, 2));
    const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 6, 0, 3));

    /// Reads one thing of a route message of this family with these attributes.
    fn read<T>(family: Family, attrs: &[RouteAttr<'_>], read: impl Fn(RouteMessage<'_>) -> T) -> T {
        let mut buffer = [0; 256];
        let header = Header::request(MessageType::NEWROUTE, MessageFlags::ADD, 1);
        let body = |writer: &mut Writer<'_>| {
            writer.bytes(
                &RouteHeader { destination_len: 24, ..RouteHeader::unicast(family) }.to_bytes(),
            );
            attrs.iter().for_each(|attr| attr.emit(writer));
        };
        let length = build(&mut buffer, header, body).unwrap();
        read(RouteMessage::parse(&buffer[16..length]).unwrap())
    }

    #[test]
    fn a_destination_that_cannot_be_read_is_not_the_default_route() {
        let of = |family, attrs: &[_]| read(family, attrs, |route| route.destination());
        let v6 = IpAddr::from([0xfd_u8; 16]);
        let destination = RouteAttr::Destination;
        assert_eq!(of(Family::INET, &[destination(FIRST)]), Some((FIRST, 24)));
        assert_eq!(of(Family::INET6, &[destination(v6)]), Some((v6, 24)));
        assert_eq!(of(Family::INET, &[]), Some(([0; 4].into(), 24)));
        assert_eq!(of(Family::INET6, &[]), Some(([0_u8; 16].into(), 24)));
        let two = [destination(FIRST), destination(SECOND), RouteAttr::Oif(LINK)];
        assert_eq!(of(Family::INET, &two), Some((SECOND, 24)));
        assert_eq!(of(Family::INET, &[destination(v6)]), None);
        assert_eq!(of(Family::INET6, &[destination(FIRST)]), None);
        // AF_MPLS: a label
        assert_eq!(of(Family(28), &[destination(FIRST)]), None);
        assert_eq!(of(Family(28), &[]), None);
        for value in [&[][..], &[10, 1, 2], &[10, 1, 2, 3, 4]] {
            let unreadable = RouteAttr::decode(Attr::new(1, value));
            assert!(unreadable.is_unreadable());
            assert_eq!(of(Family::INET, &[unreadable]), None);
            assert_eq!(of(Family::INET, &[destination(FIRST), unreadable]), None);
        }
    }

    #[test]
    fn of_several_gateways_the_last_counts_and_zeros_are_none() {
        let of = |attrs: &[_]| read(Family::INET, attrs, |route| route.gateway());
        let (gateway, via) = (RouteAttr::Gateway, |address| RouteAttr::Via(Via(address)));
        assert_eq!(of(&[gateway(FIRST), gateway(SECOND)]), Some(SECOND));
        assert_eq!(of(&[via(FIRST), via(SECOND)]), Some(SECOND));
        assert_eq!(of(&[gateway(FIRST), via(SECOND)]), Some(FIRST));
        let zeros: [IpAddr; 2] = [[0; 4].into(), [0_u8; 16].into()];
        for zeros in zeros {
            assert_eq!((of(&[gateway(zeros)]), of(&[via(zeros)])), (None, None));
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_link_of_zero_is_none() {
        let of = |attrs: &[_]| read(Family::INET, attrs, |route| route.ifindex());
        let oif = |value: &'static [u8; 4]| RouteAttr::decode(Attr::new(4, value));
        let other = Some(IfIndex::literal::<4>());
        assert_eq!(of(&[RouteAttr::Oif(LINK), RouteAttr::Oif(other)]), other);
        assert_eq!((of(&[oif(&[0; 4])]), of(&[])), (None, None));
        assert!(matches!(oif(&[0; 4]), RouteAttr::Oif(None)));
        // -1: no index, and not none either.
        assert!(oif(&[0xff; 4]).is_unreadable());
    }

    #[test]
    fn what_a_route_has_once_is_the_last() {
        let metrics = |value: &'static [u8]| RouteAttr::decode(Attr::new(8, value));
        assert_eq!(read(Family::INET, &[metrics(&[])], |route| route.metrics().count()), 0);
        let source = [RouteAttr::PreferredSource(FIRST), RouteAttr::PreferredSource(SECOND)];
        assert_eq!(read(Family::INET, &source, |route| route.preferred_source()), Some(SECOND));
        let priority = [RouteAttr::Priority(1), RouteAttr::Priority(2)];
        assert_eq!(read(Family::INET, &priority, |route| route.priority()), Some(2));
    }
}
