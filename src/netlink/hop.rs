//! The next hops of a multipath route (`struct rtnexthop`, `include/uapi/linux/rtnetlink.h`).

use core::fmt;
use core::iter::FusedIterator;

use bitflags::bitflags;

use super::attr::{Attr, Attrs};
use super::ifindex::{IfIndex, IfIndexError};
use super::native::RtNextHop;
use super::value::{Value, nest_flag};
use super::writer::Writer;

bitflags! {
    /// `rtm_flags` and `rtnh_flags` (RTM_F_*, RTNH_F_*).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct RouteFlags: u32 {
        /// The next hop is dead.
        const DEAD = 0x1;
        /// The gateway is on the link, whatever the addresses there say.
        const ONLINK = 0x4;
        /// The link has no carrier.
        const LINKDOWN = 0x10;
        /// A route of the cache, not of a table.
        const CLONED = 0x200;
        /// Bits without a name here are kept.
        const _ = !0;
    }
}

/// The next hops of a multipath route (RTA_MULTIPATH), as Linux walks them (`rtnh_ok`,
/// `include/net/nexthop.h`): the walk ends at the first bytes that are not a next hop. There is at least
/// one. An attribute that has one with a negative interface index is unreadable
/// ([`RouteMessage::unreadable`](super::RouteMessage::unreadable)).
///
/// # Examples
/// ```
/// use vtep::netlink::{Body, Header, MessageFlags, MessageType, Messages};
/// use vtep::netlink::{Family, IfIndex, RouteAttr, RouteHeader, Via, build};
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
/// let hop = route.next_hops().unwrap().iter().next().unwrap();
/// assert_eq!(hop.gateway(), Some("fe80::2".parse()?));
/// assert_eq!((hop.ifindex, hop.weight()), (Some(IfIndex::literal::<3>()), 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct NextHops<'a> {
    /// Whether the attribute's type field has NLA_F_NESTED. Linux takes either, and sends it
    /// without.
    pub flagged: bool,
    bytes: &'a [u8],
}

impl fmt::Debug for NextHops<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> NextHops<'a> {
    /// Returns the bytes after the last next hop, which are not a next hop. Linux passes over them
    /// in a route of IPv6 (`ip6_route_multipath_add`) and refuses a route of IPv4 that has them
    /// (`fib_count_nexthops`).
    #[must_use]
    pub fn trailing(self) -> &'a [u8] {
        let mut rest = self.bytes;
        while let Some((_, after)) = split_next_hop(rest) {
            rest = after;
        }
        rest
    }

    /// Returns the next hops, in order.
    #[must_use]
    pub const fn iter(self) -> NextHopIter<'a> {
        NextHopIter { rest: self.bytes }
    }
}

impl<'a> IntoIterator for NextHops<'a> {
    type Item = NextHop<'a>;
    type IntoIter = NextHopIter<'a>;

    fn into_iter(self) -> NextHopIter<'a> {
        self.iter()
    }
}

/// The walk over [`NextHops`].
#[derive(Clone, Debug)]
pub struct NextHopIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for NextHopIter<'a> {
    type Item = NextHop<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (hop, rest) = split_next_hop(self.rest)?;
        self.rest = rest;
        // `Value::read` has refused all that are not.
        hop.ok()
    }
}

impl FusedIterator for NextHopIter<'_> {}

/// The first next hop and what follows its padding.
fn split_next_hop(bytes: &[u8]) -> Option<(Result<NextHop<'_>, IfIndexError>, &[u8])> {
    let raw = RtNextHop::from_bytes(*bytes.first_chunk()?);
    let length = usize::from(raw.len.get());
    let attrs = bytes.get(8..length)?;
    let flags = RouteFlags::from_bits_retain(u32::from(raw.flags));
    let ifindex = IfIndex::from_field(raw.ifindex.get());
    let hop = ifindex.map(|ifindex| NextHop { flags, hops: raw.hops, ifindex, attrs });
    let end = length.next_multiple_of(4).min(bytes.len());
    Some((hop, bytes.get(end..)?))
}

impl<'a> Value<'a> for NextHops<'a> {
    fn read(attr: Attr<'a>) -> Option<Self> {
        let hops = Self { flagged: nest_flag(attr)?, bytes: attr.value() };
        let (mut hop, mut rest) = split_next_hop(hops.bytes)?;
        while hop.is_ok() {
            match split_next_hop(rest) {
                Some(next) => (hop, rest) = next,
                None => return Some(hops),
            }
        }
        None
    }

    /// The bytes as they are: next hops within next hops, which Linux does not look at, are not
    /// walked.
    fn write(&self, kind: u16, writer: &mut Writer<'_>) {
        writer.nested(kind, self.flagged, |writer| writer.bytes(self.bytes));
    }
}

/// One next hop of several.
#[derive(Clone, Copy, Debug)]
pub struct NextHop<'a> {
    /// `rtnh_flags`, the low eight bits of [`RouteFlags`].
    pub flags: RouteFlags,
    /// The [weight](Self::weight), less one (`rtnh_hops`).
    pub hops: u8,
    /// Index of the link; `None` if the kernel is to find it by the gateway.
    pub ifindex: Option<IfIndex>,
    attrs: &'a [u8],
}

impl<'a> NextHop<'a> {
    /// The weight among the next hops: 1 to 256.
    #[must_use]
    pub fn weight(&self) -> u16 {
        u16::from(self.hops).saturating_add(1)
    }

    /// The attributes, raw.
    #[must_use]
    pub const fn attrs(&self) -> Attrs<'a> {
        Attrs::new(self.attrs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::route::{RouteAttr, Via};
    use super::super::writer::{Writer, build};
    use super::*;
    use crate::netlink::{Family, Header, MessageFlags, MessageType};
    use core::net::{IpAddr, Ipv4Addr};
    use std::vec::Vec;

    const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 6, 0, 2));
    const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 6, 0, 3));

    /// `struct rtnexthop` of this length field, with these attributes.
    fn hop(length: Option<u16>, attrs: &[RouteAttr<'_>]) -> Vec<u8> {
        let mut buffer = [0; 256];
        let header = Header::request(MessageType::NEWROUTE, MessageFlags::ADD, 1);
        let body = |writer: &mut Writer<'_>| attrs.iter().for_each(|attr| attr.emit(writer));
        let end = build(&mut buffer, header, body).unwrap();
        let length = length.unwrap_or(u16::try_from(end - 16 + 8).unwrap());
        [&length.to_ne_bytes()[..], &[4, 2], &7_u32.to_ne_bytes(), &buffer[16..end]].concat()
    }

    fn read(bytes: &[u8]) -> Option<NextHops<'_>> {
        NextHops::read(Attr::new(9, bytes))
    }

    fn gateway_of(attrs: &[RouteAttr<'_>]) -> Option<IpAddr> {
        let bytes = hop(None, attrs);
        read(&bytes).unwrap().iter().next().unwrap().gateway()
    }

    #[test]
    fn a_gateway_is_of_either_attribute_and_the_first() {
        let via = |address: &str| RouteAttr::Via(Via(address.parse().unwrap()));
        assert_eq!(gateway_of(&[RouteAttr::Gateway(FIRST)]), Some(FIRST));
        assert_eq!(gateway_of(&[via("fe80::2")]), Some("fe80::2".parse().unwrap()));
        assert_eq!(gateway_of(&[via("10.6.0.2")]), Some(FIRST));
        let both = [RouteAttr::Flow(1), RouteAttr::Gateway(FIRST), RouteAttr::Gateway(SECOND)];
        assert_eq!(gateway_of(&both), Some(FIRST));
        assert_eq!(gateway_of(&[via("10.6.0.3"), via("fe80::2")]), Some(SECOND));
        assert_eq!(gateway_of(&[RouteAttr::Gateway([0; 4].into())]), None);
        assert_eq!(gateway_of(&[via("::")]), None);
        assert_eq!(gateway_of(&[]), None);
        // of the family that `struct rtvia` does not say
        let value = [&u16::from(Family::INET6.0).to_ne_bytes()[..], &[10, 6, 0, 2]].concat();
        assert_eq!(gateway_of(&[RouteAttr::Other(Attr::new(18, &value))]), None);
    }

    #[test]
    fn a_next_hop_has_all_that_it_says() {
        let bytes = hop(None, &[RouteAttr::Flow(5), RouteAttr::Gateway(FIRST)]);
        let read = read(&bytes).unwrap().iter().next().unwrap();
        assert_eq!((read.flags, read.hops, read.weight()), (RouteFlags::ONLINK, 2, 3));
        assert_eq!(read.ifindex, Some(IfIndex::literal::<7>()));
        assert_eq!((read.attrs().count(), read.attributes().count()), (2, 2));
        assert!(matches!(read.attributes().next(), Some(RouteAttr::Flow(5))));
        assert_eq!(NextHop { hops: 255, ..read }.weight(), 256);
    }

    /// `rtnh_ok` and `rtnh_next`.
    #[test]
    fn the_walk_ends_where_linux_ends_it() {
        let one = hop(None, &[RouteAttr::Gateway(FIRST)]);
        for length in 0..=255 {
            let second = hop(Some(length), &[RouteAttr::Gateway(SECOND)]);
            let bytes = [&one[..], &second].concat();
            let hops = read(&bytes).unwrap();
            let is_second = (8..=16).contains(&length);
            let (count, trailing) = match length {
                // RTA_GATEWAY starts with its length, 8, and is a third next hop.
                8 => (3, &[][..]),
                9..=12 => (2, &second[12..]),
                13..=16 => (2, &[][..]),
                _ => (1, &second[..]),
            };
            assert_eq!((hops.iter().count(), hops.trailing()), (count, trailing), "{length}");
            assert_eq!(read(&second).is_some(), is_second);
        }
        for cut in 0..one.len() {
            assert!(read(&one[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn an_attribute_with_a_negative_index_is_unreadable() {
        let mut bytes = [hop(None, &[]), hop(None, &[RouteAttr::Flow(1)])].concat();
        assert_eq!(read(&bytes).unwrap().iter().count(), 2);
        bytes[12..16].copy_from_slice(&0_i32.to_ne_bytes());
        assert_eq!(read(&bytes).unwrap().iter().last().unwrap().ifindex, None);
        bytes[12..16].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert!(read(&bytes).is_none());
        assert!(RouteAttr::decode(Attr::new(9, &bytes)).is_unreadable());
    }

    #[test]
    fn the_nest_flag_is_kept_and_a_number_is_none() {
        let bytes = hop(None, &[]);
        let flagged = |raw| NextHops::read(Attr::new(raw, &bytes)).map(|hops| hops.flagged);
        assert_eq!((flagged(9), flagged(0x8009)), (Some(false), Some(true)));
        assert_eq!((flagged(0x4009), flagged(0xc009)), (None, None));
    }
}
