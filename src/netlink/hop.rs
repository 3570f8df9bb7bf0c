//! The next hops of a multipath route (`struct rtnexthop`, `include/uapi/linux/rtnetlink.h`).

use core::fmt;
use core::iter::FusedIterator;
use core::net::IpAddr;

use super::attr::{Attr, Attrs};
use super::native::{read_u16, read_u32};
use super::route::{RouteAttr, RouteFlags, gateway};
use super::value::{Value, nest_flag};
use super::writer::Writer;

/// A walk over the next hops of a multipath route (RTA_MULTIPATH), as Linux walks them (`rtnh_ok`,
/// `include/net/nexthop.h`): it ends at the first bytes that are not a next hop. There is at least one.
///
/// # Examples
/// ```
/// use vtep::netlink::{Body, Header, MessageFlags, MessageType, Messages};
/// use vtep::netlink::{Family, RouteAttr, RouteHeader, Via, build};
///
/// // A route of IPv4 with a next hop of IPv6: an RTA_VIA within `struct rtnexthop`.
/// let mut buffer = [0; 128];
/// let header = Header::request(MessageType::NEWROUTE, MessageFlags::ADD, 1);
/// let len = build(&mut buffer, header, |writer| {
///     writer.bytes(&RouteHeader::unicast(Family::INET).to_bytes());
///     writer.nested(9, false, |writer| {
///         writer.bytes(&32_u16.to_ne_bytes());
///         writer.bytes(&[0, 4]);
///         writer.bytes(&3_u32.to_ne_bytes());
///         RouteAttr::Via(Via("fe80::2".parse().unwrap())).emit(writer);
///     });
/// })?;
/// let message = Messages::new(&buffer[..len]).next().unwrap()?;
/// let Body::Route(route) = message.body()? else { panic!() };
/// let hop = route.next_hops().unwrap().next().unwrap();
/// assert_eq!(hop.gateway(), Some("fe80::2".parse()?));
/// assert_eq!((hop.link, hop.weight()), (3, 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct NextHops<'a> {
    /// Whether the attribute's type field has NLA_F_NESTED. Linux takes either, and sends it without.
    pub flagged: bool,
    rest: &'a [u8],
}

impl fmt::Debug for NextHops<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

impl<'a> NextHops<'a> {
    /// Returns the bytes after the last next hop, which are not a next hop. Linux passes over them in a route of IPv6
    /// (`ip6_route_multipath_add`) and refuses a route of IPv4 that has them (`fib_count_nexthops`).
    #[must_use]
    pub fn trailing(mut self) -> &'a [u8] {
        while self.next().is_some() {}
        self.rest
    }
}

impl<'a> Iterator for NextHops<'a> {
    type Item = NextHop<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (hop, rest) = split_next_hop(self.rest)?;
        self.rest = rest;
        Some(hop)
    }
}

impl FusedIterator for NextHops<'_> {}

/// The first next hop and what follows its padding.
fn split_next_hop(bytes: &[u8]) -> Option<(NextHop<'_>, &[u8])> {
    let ([a, b, flags, hops, c, d, e, f], _) = bytes.split_first_chunk()?;
    let length = usize::from(read_u16([*a, *b]));
    let hop = NextHop {
        flags: RouteFlags::from_bits_retain(u32::from(*flags)),
        hops: *hops,
        link: read_u32([*c, *d, *e, *f]),
        attrs: Attrs::new(bytes.get(8..length)?),
    };
    let end = length.next_multiple_of(4).min(bytes.len());
    Some((hop, bytes.get(end..)?))
}

impl<'a> Value<'a> for NextHops<'a> {
    fn read(attr: Attr<'a>) -> Option<Self> {
        let hops = Self { flagged: nest_flag(attr)?, rest: attr.value() };
        let mut walk = hops;
        walk.next().map(|_| hops)
    }

    /// The bytes as they are: next hops within next hops, which Linux does not look at, are not walked.
    fn write(&self, kind: u16, writer: &mut Writer<'_>) {
        writer.nested(kind, self.flagged, |writer| writer.bytes(self.rest));
    }
}

/// One next hop of several.
#[derive(Clone, Copy, Debug)]
pub struct NextHop<'a> {
    /// `rtnh_flags`, the low eight bits of [`RouteFlags`].
    pub flags: RouteFlags,
    /// The weight, less one.
    pub hops: u8,
    /// Index of the link (an `int` of the kernel's, never negative); 0 if the kernel is to find it by the gateway.
    pub link: u32,
    attrs: Attrs<'a>,
}

impl<'a> NextHop<'a> {
    /// The gateway, of either family (RTA_GATEWAY or RTA_VIA), as [`RouteMessage::gateway`](super::RouteMessage::gateway)
    /// is that of a single next hop. Of several the first, as Linux reads it here (`nla_find`).
    #[must_use]
    pub fn gateway(&self) -> Option<IpAddr> {
        gateway(|is_one| self.attributes().find(is_one))
    }

    /// The weight among the next hops: 1 to 256.
    #[must_use]
    pub fn weight(&self) -> u16 {
        u16::from(self.hops).saturating_add(1)
    }

    /// The attributes, typed, in the order they came. Linux reads the gateway, the encapsulation, the realm and those of
    /// MPLS; of an attribute that is there twice the first.
    pub fn attributes(&self) -> impl Iterator<Item = RouteAttr<'a>> + use<'a> {
        self.attrs.map(RouteAttr::decode)
    }

    /// The attributes, raw.
    #[must_use]
    pub const fn attrs(&self) -> Attrs<'a> {
        self.attrs
    }
}
