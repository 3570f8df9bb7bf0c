//! The overlay's MTU, and the ICMP answer to a packet that exceeds it.

use core::fmt;
use core::net::IpAddr;

use crate::wire::{
    Build, BuildError, EtherType, EthernetBuilder, EthernetFrame, EthernetPayload, Icmpv4Builder,
    Icmpv4Message, Icmpv4Packet, Icmpv6Builder, Icmpv6Message, Icmpv6Packet, IpProtocol,
    Ipv4Builder, Ipv4Flags, Ipv4Packet, Ipv6Builder, Ipv6Header, Ipv6Packet, VlanBuilder,
};

/// The greatest inner IP packet, in bytes, that a VXLAN tunnel carries over an underlay of that MTU: 50
/// bytes less over IPv4 and 70 over IPv6 (outer IP, UDP, VXLAN, inner Ethernet), and 4 for each VLAN tag
/// that inner frames keep. 0 where nothing is left. An outer VLAN tag costs nothing: an MTU does not
/// count the link's own header.
///
/// flannel takes 50 over IPv6 too; the kernel's device then has 1430 where `subnet.env` says 1450.
#[must_use]
pub const fn overlay_mtu(underlay: u16, remote: IpAddr, inner_tags: u8) -> u16 {
    let headers = if remote.is_ipv4() { 50 } else { 70 };
    let tags = (inner_tags as u16).saturating_mul(4);
    underlay.saturating_sub(headers).saturating_sub(tags)
}

/// The length that an ICMP error for IPv4 does not exceed (RFC 1812 section 4.3.2.3).
const MOST_V4: usize = 576;
/// The least MTU of IPv6, which an ICMPv6 error does not exceed (RFC 4443 section 2.4 (c)).
const MOST_V6: usize = 1280;

/// Answers a frame that was refused as `TooBig`, as Linux's bridged vxlan port does: the frame goes back to
/// its sender as if its destination had sent it, VLAN tags and all. It says fragmentation needed (RFC 1191)
/// or packet too big (RFC 4443 section 3.2), and `mtu`, the overlay's.
///
/// # Errors
/// [`NoAnswer`]: not every packet may be answered.
pub fn answer_frame<'b>(
    frame: &[u8],
    mtu: u16,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], NoAnswer> {
    let frame = EthernetFrame::parse(frame).map_err(|_| NoAnswer::NotIp)?;
    if !frame.header().source().is_station() || frame.header().destination().is_multicast() {
        return Err(NoAnswer::NotUnicast);
    }
    match frame.ethertype() {
        EtherType::IPV4 => {
            let packet = Ipv4Packet::parse(frame.payload()).map_err(|_| NoAnswer::NotIp)?;
            build_frame(&frame, v4(&packet, frame.payload(), None, mtu)?, buffer)
        }
        EtherType::IPV6 => {
            let packet = Ipv6Packet::parse(frame.payload()).map_err(|_| NoAnswer::NotIp)?;
            build_frame(&frame, v6(&packet, frame.payload(), None, mtu)?, buffer)
        }
        _ => Err(NoAnswer::NotIp),
    }
}

/// Answers an IP packet that was refused as `TooBig`, as a router does: from `router`, this node's own
/// address, or where that is of the other family as if from the packet's destination.
///
/// # Errors
/// [`NoAnswer`]: not every packet may be answered.
pub fn answer_packet<'b>(
    packet: &[u8],
    router: IpAddr,
    mtu: u16,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], NoAnswer> {
    if let Ok(parsed) = Ipv4Packet::parse(packet) {
        return Ok(v4(&parsed, packet, Some(router), mtu)?.build(buffer)?);
    }
    let parsed = Ipv6Packet::parse(packet).map_err(|_| NoAnswer::NotIp)?;
    Ok(v6(&parsed, packet, Some(router), mtu)?.build(buffer)?)
}

fn build_frame<'b>(
    frame: &EthernetFrame<'_>,
    packet: impl EthernetPayload + Copy,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], NoAnswer> {
    let (to, from) = (frame.header().source(), frame.header().destination());
    let mut tags = frame.tags();
    let built = match (tags.next(), tags.next()) {
        (None, _) => EthernetBuilder::new(to, from, packet).build(buffer),
        (Some(tag), None) => {
            EthernetBuilder::new(to, from, VlanBuilder::new(tag, packet)).build(buffer)
        }
        (Some(outer), Some(inner)) => {
            let packet = VlanBuilder::new(outer, VlanBuilder::new(inner, packet));
            EthernetBuilder::new(to, from, packet).build(buffer)
        }
    };
    Ok(built?)
}

fn v4<'p>(
    packet: &Ipv4Packet<'_>,
    bytes: &'p [u8],
    router: Option<IpAddr>,
    mtu: u16,
) -> Result<Ipv4Builder<Icmpv4Builder<&'p [u8]>>, NoAnswer> {
    let header = packet.header();
    let (source, destination) = (header.source(), header.destination());
    // Without DF the packet may be fragmented, which a router does and a VTEP must not.
    if !header.flags().contains(Ipv4Flags::DONT_FRAGMENT) {
        return Err(NoAnswer::MayBeFragmented);
    }
    if header.fragment_offset().bytes() != 0 {
        return Err(NoAnswer::LaterFragment);
    }
    if is_no_host(source.into()) || is_no_host(destination.into()) {
        return Err(NoAnswer::NotUnicast);
    }
    if header.protocol() == IpProtocol::ICMPV4 && is_icmpv4_error(packet.payload()) {
        return Err(NoAnswer::IcmpError);
    }
    let quoted = quote(bytes, usize::from(header.total_len()), MOST_V4 - 20 - 8);
    let icmp = Icmpv4Builder::new(Icmpv4Message::FragmentationNeeded { mtu }, quoted);
    let from = match router {
        Some(IpAddr::V4(router)) => router,
        _ => destination,
    };
    Ok(Ipv4Builder::new(from, source, icmp).flags(Ipv4Flags::DONT_FRAGMENT))
}

fn v6<'p>(
    packet: &Ipv6Packet<'_>,
    bytes: &'p [u8],
    router: Option<IpAddr>,
    mtu: u16,
) -> Result<Ipv6Builder<Icmpv6Builder<&'p [u8]>>, NoAnswer> {
    let header = packet.header();
    let (source, destination) = (header.source(), header.destination());
    // A packet to a group may be answered, with an address of one's own (RFC 4443 sections 2.2 and 2.4 (e)).
    let from = match router {
        Some(IpAddr::V6(router)) => router,
        _ => destination,
    };
    if is_no_host(source.into()) || is_no_host(from.into()) {
        return Err(NoAnswer::NotUnicast);
    }
    if packet.fragment().is_some_and(|fragment| fragment.offset().bytes() != 0) {
        return Err(NoAnswer::LaterFragment);
    }
    if packet.protocol() == IpProtocol::ICMPV6 && is_icmpv6_error(packet.payload()) {
        return Err(NoAnswer::IcmpError);
    }
    let whole = Ipv6Header::LEN.saturating_add(usize::from(header.payload_len()));
    let quoted = quote(bytes, whole, MOST_V6 - 40 - 8);
    let icmp = Icmpv6Builder::new(Icmpv6Message::PacketTooBig { mtu: u32::from(mtu) }, quoted);
    Ok(Ipv6Builder::new(from, source, icmp))
}

/// The front of a packet of `whole` bytes, `most` at the most.
fn quote(bytes: &[u8], whole: usize, most: usize) -> &[u8] {
    bytes.get(..whole.min(most)).unwrap_or(bytes)
}

/// An address that no single host has (RFC 1122 section 3.2.2).
const fn is_no_host(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    address.is_unspecified() || address.is_multicast() || address.is_loopback() || is_broadcast
}

/// Whether a message is an ICMP error, or cannot be read: echo, router and timestamp messages are queries.
fn is_icmpv4_error(message: &[u8]) -> bool {
    let kind = Icmpv4Packet::parse(message).map(|packet| packet.header().message_type());
    !matches!(kind, Ok(0 | 8 | 9 | 10 | 13 | 14))
}

/// Whether a message is an ICMPv6 error, one below 128 (RFC 4443 section 2.1), or cannot be read.
fn is_icmpv6_error(message: &[u8]) -> bool {
    let kind = Icmpv6Packet::parse(message).map(|packet| packet.header().message_type());
    !matches!(kind, Ok(128..))
}

/// Why a packet that was too big is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NoAnswer {
    /// It is not a whole IPv4 or IPv6 packet.
    NotIp,
    /// It is IPv4 with DF clear.
    MayBeFragmented,
    /// It is a fragment, and not the first.
    LaterFragment,
    /// It comes from, or is for, no single host.
    NotUnicast,
    /// It is an ICMP error itself.
    IcmpError,
    /// The answer does not fit the buffer; 14 bytes, 8 for tags and 1280 suffice.
    Build(BuildError),
}

impl From<BuildError> for NoAnswer {
    fn from(error: BuildError) -> Self {
        Self::Build(error)
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIp => f.write_str("not a whole IP packet"),
            Self::MayBeFragmented => f.write_str("it may be fragmented"),
            Self::LaterFragment => f.write_str("it is a fragment, and not the first"),
            Self::NotUnicast => f.write_str("it is not from one host to one host"),
            Self::IcmpError => f.write_str("it is an ICMP error itself"),
            Self::Build(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for NoAnswer {}
