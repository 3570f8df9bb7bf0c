//! The overlay's MTU, and the ICMP answer to a packet that exceeds it.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::{
    Build, BuildError, EtherType, EthernetBuilder, EthernetFrame, EthernetPayload, Icmpv4Builder,
    Icmpv4Message, Icmpv4Packet, Icmpv6Builder, Icmpv6Message, Icmpv6Packet, IpProtocol,
    Ipv4Builder, Ipv4Flags, Ipv4Packet, Ipv6Builder, Ipv6Header, Ipv6Packet, VlanBuilder,
};

/// The greatest inner IP packet, in bytes, that a VXLAN tunnel carries over an underlay of that
/// MTU: 50 bytes less over IPv4 and 70 over IPv6 (outer IP, UDP, VXLAN, inner Ethernet), and 4 for
/// each VLAN tag that inner frames keep. 0 where nothing is left. An outer VLAN tag costs nothing:
/// an MTU does not count the link's own header.
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
/// The length that an ICMPv6 error does not exceed (RFC 4443 section 2.4 (c)).
const MOST_V6: usize = 1280;
/// The least MTU of an IPv4 link; no path has a smaller one (RFC 791 section 3.2, RFC 1191 section
/// 3).
const MIN_MTU_V4: u16 = 68;
/// The least MTU of an IPv6 link (RFC 8200 section 5). A receiver discards an answer with a smaller
/// one (RFC 8201 section 4).
const MIN_MTU_V6: u16 = 1280;

/// Answers a frame that encap refused as [`TooBig`](crate::verdict::DropReason::TooBig): the answer
/// goes back to the sender as if the frame's destination had sent it, VLAN tags and all. It reports
/// fragmentation needed (RFC 1191) or packet too big (RFC 4443 section 3.2), and `mtu`, the
/// overlay's MTU in bytes.
///
/// The bytes are those of a bridged Linux vxlan port (`iptunnel_pmtud_build_icmp`). Which packets
/// are answered differs in the rows of [`manual::differences`](crate::manual::differences). `frame`
/// has to hold the whole packet. Its IPv4 header checksum is not verified, because a NIC may have
/// yet to fill it.
///
/// # Examples
/// ```
/// use vtep::tunnel::mtu::{IcmpSuppressed, icmp_too_big_frame};
/// use vtep::wire::{Build, EthernetBuilder, Ipv4Builder, Ipv4Flags, MacAddr, UdpBuilder};
///
/// let (pod, peer) = (MacAddr::new([2, 0, 0, 0, 0, 1]), MacAddr::new([2, 0, 0, 0, 0, 2]));
/// let udp = UdpBuilder::new(1234, 53, &[0; 1472][..]);
/// let packet = Ipv4Builder::new([10, 5, 1, 2].into(), [10, 5, 2, 2].into(), udp);
/// let mut frame = [0; 1514];
/// EthernetBuilder::new(peer, pod, packet.flags(Ipv4Flags::DONT_FRAGMENT)).build(&mut frame)?;
///
/// let mut buffer = [0; 1302];
/// let answer = icmp_too_big_frame(&frame, 1450, &mut buffer).expect("one host asked another");
/// assert_eq!(answer[..6], pod.octets());
/// assert_eq!(answer[34..36], [3, 4], "destination unreachable: fragmentation needed");
/// assert_eq!(answer[40..42], 1450_u16.to_be_bytes());
/// assert_eq!(icmp_too_big_frame(&frame, 1500, &mut buffer), Err(IcmpSuppressed::NotTooBig));
/// # Ok::<(), vtep::wire::BuildError>(())
/// ```
///
/// # Errors
/// Returns [`IcmpSuppressed`] if the packet may not be answered, or the answer does not fit
/// `buffer`.
pub fn icmp_too_big_frame<'b>(
    frame: &[u8],
    mtu: u16,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], IcmpSuppressed> {
    let frame = EthernetFrame::parse(frame).map_err(|_| IcmpSuppressed::NotIp)?;
    if !frame.header().source().is_valid_unicast() || frame.header().destination().is_multicast() {
        return Err(IcmpSuppressed::NotUnicast);
    }
    match frame.ethertype() {
        EtherType::IPV4 => {
            let packet = Ipv4Packet::parse(frame.payload()).map_err(|_| IcmpSuppressed::NotIp)?;
            build_frame(&frame, v4(&packet, frame.payload(), None, mtu)?, buffer)
        }
        EtherType::IPV6 => {
            let packet = Ipv6Packet::parse(frame.payload()).map_err(|_| IcmpSuppressed::NotIp)?;
            build_frame(&frame, v6(&packet, frame.payload(), None, mtu)?, buffer)
        }
        _ => Err(IcmpSuppressed::NotIp),
    }
}

/// Answers an IP packet that encap refused as [`TooBig`](crate::verdict::DropReason::TooBig), as a
/// router does: from `router`, this node's own address, or if that is of the other family as if
/// from the packet's destination. The answer reports `mtu`, the overlay's MTU in bytes; see
/// [`icmp_too_big_frame`].
///
/// # Examples
/// ```
/// use vtep::tunnel::mtu::{IcmpSuppressed, icmp_too_big_packet};
/// use vtep::wire::{Build, Ipv6Builder, UdpBuilder};
///
/// let udp = UdpBuilder::new(1234, 53, &[0; 1452][..]);
/// let (pod, peer) = ("fd00:5:1::2".parse().unwrap(), "fd00:5:2::2".parse().unwrap());
/// let mut packet = [0; 1500];
/// Ipv6Builder::new(pod, peer, udp).build(&mut packet)?;
///
/// let (router, mut buffer) = ("fd00:5:1::1".parse().unwrap(), [0; 1280]);
/// let answer = icmp_too_big_packet(&packet, router, 1430, &mut buffer).expect("one host asked another");
/// assert_eq!((answer.len(), answer[40]), (1280, 2));
/// // No answer helps below the least MTU of IPv6.
/// let refused = icmp_too_big_packet(&packet, router, 1210, &mut buffer);
/// assert_eq!(refused, Err(IcmpSuppressed::MtuTooSmall { mtu: 1210, min: 1280 }));
/// # Ok::<(), vtep::wire::BuildError>(())
/// ```
///
/// # Errors
/// Returns [`IcmpSuppressed`] if the packet may not be answered, or the answer does not fit
/// `buffer`.
pub fn icmp_too_big_packet<'b>(
    packet: &[u8],
    router: IpAddr,
    mtu: u16,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], IcmpSuppressed> {
    if let Ok(parsed) = Ipv4Packet::parse(packet) {
        return Ok(v4(&parsed, packet, Some(router), mtu)?.build(buffer)?);
    }
    let parsed = Ipv6Packet::parse(packet).map_err(|_| IcmpSuppressed::NotIp)?;
    Ok(v6(&parsed, packet, Some(router), mtu)?.build(buffer)?)
}

fn build_frame<'b>(
    frame: &EthernetFrame<'_>,
    packet: impl EthernetPayload + Copy,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], IcmpSuppressed> {
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
) -> Result<Ipv4Builder<Icmpv4Builder<&'p [u8]>>, IcmpSuppressed> {
    let header = packet.header();
    let (source, destination) = (header.source(), header.destination());
    check_mtu(bytes.len(), mtu, MIN_MTU_V4)?;
    // Without DF the packet may be fragmented, which a router does and a VTEP must not.
    if !header.flags().contains(Ipv4Flags::DONT_FRAGMENT) {
        return Err(IcmpSuppressed::MayBeFragmented);
    }
    if header.fragment_offset().bytes() != 0 {
        return Err(IcmpSuppressed::LaterFragment);
    }
    let from = match router {
        Some(IpAddr::V4(router)) => router,
        _ => destination,
    };
    if !([source, destination, from].into_iter().all(is_host_v4)) {
        return Err(IcmpSuppressed::NotUnicast);
    }
    if header.protocol() == IpProtocol::ICMPV4 && is_icmpv4_error(packet.payload()) {
        return Err(IcmpSuppressed::IcmpError);
    }
    let quoted = quote(bytes, usize::from(header.total_len()), MOST_V4 - 20 - 8);
    let icmp = Icmpv4Builder::new(Icmpv4Message::FragmentationNeeded { mtu }, quoted);
    Ok(Ipv4Builder::new(from, source, icmp).flags(Ipv4Flags::DONT_FRAGMENT))
}

fn v6<'p>(
    packet: &Ipv6Packet<'_>,
    bytes: &'p [u8],
    router: Option<IpAddr>,
    mtu: u16,
) -> Result<Ipv6Builder<Icmpv6Builder<&'p [u8]>>, IcmpSuppressed> {
    let header = packet.header();
    let (source, destination) = (header.source(), header.destination());
    check_mtu(bytes.len(), mtu, MIN_MTU_V6)?;
    let from = match router {
        Some(IpAddr::V6(router)) => router,
        _ => destination,
    };
    // A packet to a group may be answered, with an address of one's own (RFC 4443 sections 2.2 and
    // 2.4 (e)).
    let is_to_host = is_host_v6(destination) || destination.is_multicast();
    if !is_host_v6(source) || !is_host_v6(from) || !is_to_host {
        return Err(IcmpSuppressed::NotUnicast);
    }
    // A later fragment is answered as any packet (RFC 4443 section 3.2), and has no ICMP header.
    let is_later = packet.fragment().is_some_and(|fragment| fragment.offset().bytes() != 0);
    let is_icmp = packet.protocol() == IpProtocol::ICMPV6 && !is_later;
    if is_icmp && is_icmpv6_error(packet.payload()) {
        return Err(IcmpSuppressed::IcmpError);
    }
    let whole = Ipv6Header::LEN.saturating_add(usize::from(header.payload_len()));
    let quoted = quote(bytes, whole, MOST_V6 - 40 - 8);
    let icmp = Icmpv6Builder::new(Icmpv6Message::PacketTooBig { mtu: u32::from(mtu) }, quoted);
    Ok(Ipv6Builder::new(from, source, icmp))
}

/// Checks that there is an MTU to report, and that a packet of `len` bytes exceeds it.
fn check_mtu(len: usize, mtu: u16, min: u16) -> Result<(), IcmpSuppressed> {
    if mtu < min {
        return Err(IcmpSuppressed::MtuTooSmall { mtu, min });
    }
    if len <= usize::from(mtu) { Err(IcmpSuppressed::NotTooBig) } else { Ok(()) }
}

/// The front of a packet of `whole` bytes, `most` at the most.
fn quote(bytes: &[u8], whole: usize, most: usize) -> &[u8] {
    bytes.get(..whole.min(most)).unwrap_or(bytes)
}

/// Whether it is a single host's address on a network: not of 0.0.0.0/8, 127.0.0.0/8, class D or
/// class E (RFC 1122 section 3.2.2 for a source, RFC 1812 section 5.3.7 for a destination).
const fn is_host_v4(address: Ipv4Addr) -> bool {
    !matches!(address.octets()[0], 0 | 127 | 224..)
}

/// Whether it is a single host's address on a network (RFC 4291 sections 2.5.2, 2.5.3 and 2.7).
const fn is_host_v6(address: Ipv6Addr) -> bool {
    !address.is_unspecified() && !address.is_loopback() && !address.is_multicast()
}

/// Whether a message is an ICMP error, or of a type that is not known to be a query or its reply
/// (RFC 792, RFC 950, RFC 1256, RFC 8335), or cannot be read.
fn is_icmpv4_error(message: &[u8]) -> bool {
    let kind = Icmpv4Packet::parse(message).map(|packet| packet.header().message_type());
    !matches!(kind, Ok(0 | 8 | 9 | 10 | 13..=18 | 42 | 43))
}

/// Whether a message is an ICMPv6 error, which is one below 128, or a redirect (RFC 4443 sections
/// 2.1 and 2.4 (e)), or cannot be read.
fn is_icmpv6_error(message: &[u8]) -> bool {
    let kind = Icmpv6Packet::parse(message).map(|packet| packet.header().message_type());
    !matches!(kind, Ok(128..=136 | 138..))
}

/// Why a packet that was too big is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum IcmpSuppressed {
    /// It is not a whole IPv4 or IPv6 packet.
    NotIp,
    /// It is IPv4 with DF clear.
    MayBeFragmented,
    /// It is an IPv4 fragment, and not the first (RFC 1122 section 3.2.2).
    LaterFragment,
    /// It comes from no single host, or is for none (RFC 1122 section 3.2.2, RFC 4443 section 2.4
    /// (e)); or the answer would have no single host's address as its source.
    NotUnicast,
    /// It is an ICMP error itself, an ICMPv6 redirect, or of an ICMP type that is not known to be a
    /// query.
    IcmpError,
    /// The MTU is below the least one that an answer may report: 68 for IPv4 (RFC 1191 section 3),
    /// 1280 for IPv6 (RFC 8201 section 4). The sender cannot be helped: the underlay's MTU is too
    /// small.
    MtuTooSmall {
        /// The MTU in bytes.
        mtu: u16,
        /// The least that can be reported, in bytes.
        min: u16,
    },
    /// It does not exceed the MTU.
    NotTooBig,
    /// The answer does not fit the buffer; 14 bytes, 8 for tags and 1280 suffice.
    Build(BuildError),
}

impl From<BuildError> for IcmpSuppressed {
    fn from(error: BuildError) -> Self {
        Self::Build(error)
    }
}

impl fmt::Display for IcmpSuppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIp => f.write_str("not a whole IP packet"),
            Self::MayBeFragmented => f.write_str("it may be fragmented"),
            Self::LaterFragment => f.write_str("it is a fragment, and not the first"),
            Self::NotUnicast => f.write_str("it is not from one host to one host"),
            Self::IcmpError => f.write_str("it is an ICMP error itself"),
            Self::MtuTooSmall { mtu, min } => {
                write!(f, "an MTU of {mtu} bytes is below {min}, the least that may be reported")
            }
            Self::NotTooBig => f.write_str("it does not exceed the MTU"),
            Self::Build(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for IcmpSuppressed {}
