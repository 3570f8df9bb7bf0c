//! The frame inside: what a container, or a bridge, may send.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arbitrary::{Arbitrary, Error, Result, Unstructured};

use super::{CAPACITY, perhaps, slice};
use crate::checksum::Sum;
use crate::wire::emit::Emit;
use crate::wire::{
    ArpHeader, Build, BuildError, Ecn, EtherType, EthernetBuilder, EthernetPayload, FragmentOffset,
    Icmpv4Builder, Icmpv4Message, Icmpv6Builder, Icmpv6Message, IpPayload, IpProtocol, Ipv4Builder,
    Ipv4Flags, Ipv6Builder, Ipv6FragmentHeader, Ipv6Packet, MacAddr, PseudoHeader, TcpBuilder,
    TrafficClass, UdpBuilder, VlanBuilder,
};

/// An Ethernet frame: up to two VLAN tags, then ARP, IPv4 with options, IPv6 with extension headers, or
/// something else; in IP a fragment, UDP, TCP, ICMP, or something else. All lengths and checksums are right.
#[derive(Clone, Copy)]
pub struct InnerFrame {
    bytes: [u8; CAPACITY],
    len: usize,
    ecn: Option<Ecn>,
}

impl InnerFrame {
    /// The frame.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The ECN field of an IP packet that stands directly behind the Ethernet header.
    #[must_use]
    pub const fn ecn(&self) -> Option<Ecn> {
        self.ecn
    }
}

impl fmt::Debug for InnerFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InnerFrame").field(&self.as_bytes()).finish()
    }
}

impl<'a> Arbitrary<'a> for InnerFrame {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (destination, source): (MacAddr, MacAddr) = u.arbitrary()?;
        let (class, network) = Network::new(u)?;
        let mut bytes = [0; CAPACITY];
        let (len, ecn) = match (perhaps(u)?, perhaps(u)?) {
            (None, _) => {
                (built(&EthernetBuilder::new(destination, source, network), &mut bytes)?, class)
            }
            (Some(tag), None) => {
                let tagged = VlanBuilder::new(tag, network);
                (built(&EthernetBuilder::new(destination, source, tagged), &mut bytes)?, None)
            }
            (Some(outer), Some(tag)) => {
                let tagged = VlanBuilder::new(outer, VlanBuilder::new(tag, network));
                (built(&EthernetBuilder::new(destination, source, tagged), &mut bytes)?, None)
            }
        };
        Ok(Self { bytes, len, ecn: ecn.map(TrafficClass::ecn) })
    }
}

/// Builds what fits by its construction.
pub(super) fn built(packet: &impl Build, buffer: &mut [u8]) -> Result<usize> {
    packet.build(buffer).map(|written| written.len()).map_err(|_| Error::IncorrectFormat)
}

/// What stands behind the tags.
enum Network<'a> {
    Arp([u8; ArpHeader::LEN]),
    V4(Ipv4Builder<Transport<'a>>),
    V6(Ipv6Builder<Extended<Transport<'a>>>),
    Other(EtherType, &'a [u8]),
}

impl<'a> Network<'a> {
    fn new(u: &mut Unstructured<'a>) -> Result<(Option<TrafficClass>, Self)> {
        let class: TrafficClass = u.arbitrary()?;
        Ok(match u.int_in_range(0..=7)? {
            0 => {
                let (sender, target): ((MacAddr, Ipv4Addr), (MacAddr, Ipv4Addr)) = u.arbitrary()?;
                let request = ArpHeader::request(sender, target.1);
                let arp = if u.arbitrary()? { request } else { ArpHeader::reply(sender, target) };
                (None, Self::Arp(*arp.as_bytes()))
            }
            1 => (None, Self::Other(u.arbitrary::<OtherType>()?.0, slice(u, 256)?)),
            2..=4 => (Some(class), Self::V4(ipv4(u, class)?)),
            _ => (Some(class), Self::V6(ipv6(u, class)?)),
        })
    }
}

/// An EtherType that is neither a tag nor one that this crate looks behind.
struct OtherType(EtherType);

impl<'a> Arbitrary<'a> for OtherType {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let known = [EtherType::IPV4, EtherType::IPV6, EtherType::ARP];
        let other = Some(u.arbitrary()?).filter(|other: &EtherType| !other.is_vlan());
        Ok(Self(other.filter(|other| !known.contains(other)).unwrap_or(EtherType(0x88b5))))
    }
}

fn ipv4<'a>(u: &mut Unstructured<'a>, class: TrafficClass) -> Result<Ipv4Builder<Transport<'a>>> {
    let (source, destination): (Ipv4Addr, Ipv4Addr) = u.arbitrary()?;
    let mut flags = Ipv4Flags::empty();
    flags.set(Ipv4Flags::DONT_FRAGMENT, u.arbitrary()?);
    let (offset, more) = fragment(u)?;
    flags.set(Ipv4Flags::MORE_FRAGMENTS, more);
    let transport = Transport::new(u, offset, true)?;
    let builder = Ipv4Builder::new(source, destination, transport).traffic_class(class);
    let builder = builder.id(u.arbitrary()?).ttl(u.arbitrary()?).options(u.arbitrary()?);
    Ok(builder.flags(flags).fragment_offset(offset))
}

fn ipv6<'a>(
    u: &mut Unstructured<'a>,
    class: TrafficClass,
) -> Result<Ipv6Builder<Extended<Transport<'a>>>> {
    let (source, destination): (Ipv6Addr, Ipv6Addr) = u.arbitrary()?;
    let (offset, more) = fragment(u)?;
    let transport = Transport::new(u, offset, false)?;
    let mut payload = Extended::new(transport);
    if offset.units() != 0 || more || u.ratio(1, 8)? {
        let fragment = Ipv6FragmentHeader::new(payload.protocol(), offset, more, u.arbitrary()?);
        payload.push(IpProtocol::FRAGMENT, fragment.as_bytes());
    }
    payload.extend(u)?;
    let builder = Ipv6Builder::new(source, destination, payload).traffic_class(class);
    Ok(builder.flow_label(u.arbitrary()?).hop_limit(u.arbitrary()?))
}

/// Where a fragment begins, and whether more follow: mostly it is none.
fn fragment(u: &mut Unstructured<'_>) -> Result<(FragmentOffset, bool)> {
    if u.ratio(1, 4)? { u.arbitrary() } else { Ok((FragmentOffset::default(), false)) }
}

/// What stands behind the IP headers.
enum Transport<'a> {
    Udp(UdpBuilder<&'a [u8]>),
    Tcp(TcpBuilder<&'a [u8]>),
    Icmpv4(Icmpv4Builder<&'a [u8]>),
    Icmpv6(Icmpv6Builder<&'a [u8]>),
    Other(IpProtocol, &'a [u8]),
}

impl<'a> Transport<'a> {
    fn new(u: &mut Unstructured<'a>, offset: FragmentOffset, is_v4: bool) -> Result<Self> {
        let kind = if offset.units() == 0 { u.int_in_range(0..=4)? } else { 4 };
        let payload = slice(u, 512)?;
        let (source, destination) = u.arbitrary()?;
        let message: (u8, u8, [u8; 4]) = u.arbitrary()?;
        let (message_type, code, rest) = message;
        Ok(match kind {
            0 => Self::Udp(UdpBuilder::new(source, destination, payload)),
            1 if is_v4 => {
                Self::Udp(UdpBuilder::new(source, destination, payload).without_checksum())
            }
            1 | 2 => {
                let tcp = TcpBuilder::new(source, destination, payload).flags(u.arbitrary()?);
                Self::Tcp(tcp.sequence(u.arbitrary()?).options(u.arbitrary()?))
            }
            3 if is_v4 => {
                let message = Icmpv4Message::Other { message_type, code, rest };
                Self::Icmpv4(Icmpv4Builder::new(message, payload))
            }
            3 => {
                let message = Icmpv6Message::Other { message_type, code, rest };
                Self::Icmpv6(Icmpv6Builder::new(message, payload))
            }
            _ => Self::Other(
                if u.arbitrary()? { IpProtocol::SCTP } else { IpProtocol::ESP },
                payload,
            ),
        })
    }
}

/// `Build` by the variant's payload.
macro_rules! build_by_variant {
    ($type:ident: $(|$pattern:pat_param| $inner:expr),* $(,)?) => {
        impl Build for $type<'_> {
            fn len(&self) -> usize {
                match self { $($pattern => Build::len(&$inner),)* }
            }

            fn check(&self) -> core::result::Result<(), BuildError> {
                match self { $($pattern => Build::check(&$inner),)* }
            }
        }

        impl Emit for $type<'_> {
            fn emit(
                &self,
                out: &mut [u8],
                pseudo: Option<&PseudoHeader>,
            ) -> core::result::Result<Sum, BuildError> {
                match self { $($pattern => Emit::emit(&$inner, out, pseudo),)* }
            }
        }
    };
}

build_by_variant!(Network:
    |Self::Arp(arp)| arp.as_slice(),
    |Self::V4(packet)| *packet,
    |Self::V6(packet)| *packet,
    |Self::Other(_, bytes)| *bytes,
);

build_by_variant!(Transport:
    |Self::Udp(datagram)| *datagram,
    |Self::Tcp(segment)| *segment,
    |Self::Icmpv4(message)| *message,
    |Self::Icmpv6(message)| *message,
    |Self::Other(_, bytes)| *bytes,
);

impl EthernetPayload for Network<'_> {
    fn ethertype(&self) -> EtherType {
        match self {
            Self::Arp(_) => EtherType::ARP,
            Self::V4(_) => EtherType::IPV4,
            Self::V6(_) => EtherType::IPV6,
            Self::Other(ethertype, _) => *ethertype,
        }
    }
}

impl IpPayload for Transport<'_> {
    fn protocol(&self) -> IpProtocol {
        match self {
            Self::Udp(_) => IpProtocol::UDP,
            Self::Tcp(_) => IpProtocol::TCP,
            Self::Icmpv4(_) => IpProtocol::ICMPV4,
            Self::Icmpv6(_) => IpProtocol::ICMPV6,
            Self::Other(protocol, _) => *protocol,
        }
    }
}

/// IPv6 extension headers in front of a payload.
pub(super) struct Extended<P> {
    /// The headers, from the last byte to the front.
    bytes: [u8; 160],
    len: usize,
    count: usize,
    first: Option<IpProtocol>,
    payload: P,
}

impl<P: IpPayload> Extended<P> {
    pub(super) const fn new(payload: P) -> Self {
        Self { bytes: [0; 160], len: 0, count: 0, first: None, payload }
    }

    /// Puts a header in front; its first byte names what was the first until now.
    fn push(&mut self, kind: IpProtocol, header: &[u8]) {
        let next = self.protocol();
        let free = self.bytes.len().saturating_sub(self.len);
        let Some(start) = free.checked_sub(header.len()) else { return };
        let room = self.bytes.get_mut(start..free).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(header) {
            *to = *from;
        }
        if let Some(to) = room.first_mut() {
            *to = next.0;
        }
        (self.len, self.first) = (self.len.saturating_add(header.len()), Some(kind));
        self.count = self.count.saturating_add(1);
    }

    /// Up to three more headers in front: options and routing headers that ask for nothing, and perhaps
    /// hop-by-hop options before all.
    pub(super) fn extend(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        // One option, padding, as long as the rest.
        const SHORT: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];
        const LONG: [u8; 24] =
            [0, 2, 1, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for _ in 0..u.int_in_range(0..=3)? {
            if self.count.saturating_add(1) >= Ipv6Packet::MAX_EXTENSIONS {
                break;
            }
            match u.int_in_range(0..=2)? {
                0 => self.push(IpProtocol::DESTINATION_OPTIONS, &SHORT),
                1 => self.push(IpProtocol::DESTINATION_OPTIONS, &LONG),
                _ => self.push(IpProtocol::ROUTING, &[0; 8]),
            }
        }
        if u.ratio(1, 4)? {
            self.push(IpProtocol::HOP_BY_HOP, &SHORT);
        }
        Ok(())
    }
}

impl<P: IpPayload> Build for Extended<P> {
    fn len(&self) -> usize {
        self.payload.len().saturating_add(self.len)
    }

    fn check(&self) -> core::result::Result<(), BuildError> {
        self.payload.check()
    }
}

impl<P: IpPayload> Emit for Extended<P> {
    fn emit(
        &self,
        out: &mut [u8],
        pseudo: Option<&PseudoHeader>,
    ) -> core::result::Result<Sum, BuildError> {
        let too_small = BuildError::BufferTooSmall { needed: self.len, available: out.len() };
        let (headers, rest) = out.split_at_mut_checked(self.len).ok_or(too_small)?;
        let start = self.bytes.len().saturating_sub(self.len);
        let bytes = self.bytes.get(start..).unwrap_or_default();
        // The transport's checksum covers its own protocol number (RFC 8200 section 8.1).
        let pseudo = pseudo.and_then(|pseudo| match pseudo.addresses() {
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                Some(PseudoHeader::v6(source, destination, self.payload.protocol()))
            }
            _ => None,
        });
        Ok(bytes.emit(headers, None)? + self.payload.emit(rest, pseudo.as_ref())?)
    }
}

impl<P: IpPayload> IpPayload for Extended<P> {
    fn protocol(&self) -> IpProtocol {
        self.first.unwrap_or(self.payload.protocol())
    }
}
