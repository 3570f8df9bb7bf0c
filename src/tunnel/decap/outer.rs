//! The outer headers of a received frame: Ethernet, tags, IP and UDP.

use core::net::IpAddr;

use super::result::Decap;
use crate::buf::{NicChecksum, RxMeta};
use crate::checksum::Sum;
use crate::tunnel::address::to_v6;
use crate::tunnel::vtep::{OuterTag, TunnelInfo, UdpChecksumPolicy, Vtep};
use crate::verdict::{DropReason, Verdict};
use crate::wire::{
    EtherType, EthernetFrame, EthernetHeader, IpProtocol, Ipv4Header, Ipv6Header, Ipv6Packet,
    Layer, ParseError, ParseErrorKind, PseudoHeader, TrafficClass, UdpHeader, VlanHeader,
    VxlanHeader,
};

/// What the outer headers up to UDP say.
struct Outer<'b> {
    remote: IpAddr,
    destination: IpAddr,
    class: TrafficClass,
    /// The offset of the UDP header in the frame.
    udp_at: usize,
    udp: &'b UdpHeader,
    /// What follows the UDP header, as far as it is in the linear head.
    rest: &'b [u8],
    /// The IP payload: the most that the UDP length can say.
    room: usize,
}

impl Outer<'_> {
    fn pseudo_header(&self) -> PseudoHeader {
        match (self.remote, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                PseudoHeader::v4(source, destination, IpProtocol::UDP)
            }
            (source, destination) => {
                PseudoHeader::v6(to_v6(source), to_v6(destination), IpProtocol::UDP)
            }
        }
    }
}

/// What is in the linear head of a frame, and what its NIC said.
#[derive(Clone, Copy)]
pub(in crate::tunnel) struct Received<'b> {
    /// From the IP header on.
    head: &'b [u8],
    /// How long the frame is from there, all segments together.
    total: usize,
    /// The offset of the IP header in the frame.
    at: usize,
    rx: RxMeta,
}

impl<'b> Received<'b> {
    /// Parses past the Ethernet header.
    #[inline]
    pub(in crate::tunnel) fn new(
        head: &'b [u8],
        total: usize,
        rx: RxMeta,
    ) -> Result<(EtherType, Self), DropReason> {
        let (ethernet, packet) =
            EthernetHeader::ref_from_prefix(head).map_err(|_| short(head.len(), total))?;
        let at = EthernetHeader::LEN;
        let received = Self { head: packet, total: total.wrapping_sub(at), at, rx };
        Ok((ethernet.ethertype(), received))
    }
}

impl Vtep<'_> {
    /// Parses past the tags of the outer frame.
    #[cold]
    pub(super) fn inspect_tagged(
        &self,
        mut ethertype: EtherType,
        mut received: Received<'_>,
    ) -> Result<Decap, DropReason> {
        let mut id = None;
        for _ in 0..EthernetFrame::MAX_TAGS {
            if !ethertype.is_vlan() {
                break;
            }
            let (tag, rest) = VlanHeader::ref_from_prefix(received.head)
                .map_err(|_| short(received.head.len(), received.total))?;
            ethertype = tag.ethertype();
            received.head = rest;
            received.total = received.total.saturating_sub(VlanHeader::LEN);
            received.at = received.at.saturating_add(VlanHeader::LEN);
            // A priority tag names no VLAN; a second tag never names that of the underlay.
            id = match (id, tag.control() & 0x0FFF) {
                (None, 0) => None,
                (None, id) => Some(id),
                (Some(_), _) => Some(u16::MAX),
            };
        }
        if !matches!(ethertype, EtherType::IPV4 | EtherType::IPV6) {
            return Err(DropReason::NotVxlan);
        }
        let is_ours = match self.outer_tag {
            OuterTag::Untagged => id.is_none(),
            OuterTag::One(ours) => id == Some(ours.value()),
            OuterTag::Any => true,
        };
        match (is_ours, ethertype) {
            (false, _) => Err(DropReason::OuterVlan),
            (true, EtherType::IPV4) => self.inspect_v4(received),
            (true, _) => self.inspect_v6(received),
        }
    }

    #[inline]
    pub(in crate::tunnel) fn inspect_v4(
        &self,
        received: Received<'_>,
    ) -> Result<Decap, DropReason> {
        let Received { head, total, at, rx } = received;
        let (header, rest) =
            Ipv4Header::ref_from_prefix(head).map_err(|_| short(head.len(), total))?;
        let (options, rest) = match header.first_byte() {
            0x45 => (Sum::ZERO, rest),
            _ => v4_options(header, rest, head.len(), total)?,
        };
        if header.protocol() != IpProtocol::UDP {
            return Err(DropReason::NotVxlan);
        }
        if header.is_fragment() {
            return Err(DropReason::Fragment);
        }
        let (udp, rest) = UdpHeader::ref_from_prefix(rest).map_err(|_| short(head.len(), total))?;
        let destination = IpAddr::V4(header.destination());
        self.check_destination(udp, destination)?;
        let total_len = usize::from(header.total_len());
        if total_len > total {
            return Err(DropReason::Truncated);
        }
        let header_len = header.header_len();
        let room = total_len.checked_sub(header_len).ok_or(DropReason::IpHeader)?;
        match rx.ip_checksum {
            NicChecksum::Good => {}
            NicChecksum::Unknown if (Sum::of(header.as_bytes()) + options).is_valid() => {}
            _ => return Err(DropReason::IpChecksum),
        }
        let udp_at = at.wrapping_add(header_len);
        let (remote, class) = (IpAddr::V4(header.source()), header.traffic_class());
        self.inspect_udp(Outer { remote, destination, class, udp_at, udp, rest, room }, rx)
    }

    #[inline]
    pub(super) fn inspect_v6(&self, received: Received<'_>) -> Result<Decap, DropReason> {
        let Received { head, total, at, rx } = received;
        let packet =
            Ipv6Packet::parse_head(head).map_err(|error| v6_refusal(error, head.len(), total))?;
        let header = packet.header();
        if packet.protocol() != IpProtocol::UDP {
            return Err(DropReason::NotVxlan);
        }
        if packet.is_fragment() {
            return Err(DropReason::Fragment);
        }
        let transport_at = packet.payload_offset();
        let rest = head.get(transport_at..).unwrap_or_default();
        let (udp, rest) = UdpHeader::ref_from_prefix(rest).map_err(|_| short(head.len(), total))?;
        // A packet with segments left has further to go (RFC 8200 section 4.4).
        if packet.has_segments_left() {
            return Err(DropReason::NotLocal);
        }
        let destination = IpAddr::V6(header.destination());
        self.check_destination(udp, destination)?;
        let end = usize::from(header.payload_len()).wrapping_add(Ipv6Header::LEN);
        if end > total {
            return Err(DropReason::Truncated);
        }
        let room = end.checked_sub(transport_at).ok_or(DropReason::IpHeader)?;
        let udp_at = at.wrapping_add(transport_at);
        let (remote, class) = (IpAddr::V6(header.source()), header.traffic_class());
        self.inspect_udp(Outer { remote, destination, class, udp_at, udp, rest, room }, rx)
    }

    #[inline(always)]
    pub(super) fn check_destination(&self, udp: &UdpHeader, destination: IpAddr) -> Verdict {
        if !self.ports.contains(&udp.destination_port()) {
            return Err(DropReason::NotVxlan);
        }
        if !self.locals.contains_address(destination) {
            return Err(DropReason::NotLocal);
        }
        Ok(())
    }

    #[inline]
    fn inspect_udp(&self, outer: Outer<'_>, rx: RxMeta) -> Result<Decap, DropReason> {
        let udp_len = usize::from(outer.udp.datagram_len());
        let payload_len = udp_len.checked_sub(UdpHeader::LEN).ok_or(DropReason::UdpLength)?;
        if udp_len > outer.room {
            return Err(DropReason::UdpLength);
        }
        let is_cut = outer.rest.len() < payload_len;
        let payload = outer.rest.get(..payload_len).unwrap_or(outer.rest);
        if outer.udp.checksum() == 0 {
            if outer.remote.is_ipv6() && !self.zero_checksum_v6 {
                return Err(DropReason::UdpChecksumMissing);
            }
        } else if self.udp_checksum == UdpChecksumPolicy::Verify {
            self.check_udp(&outer, payload, is_cut, rx)?;
        }
        if payload_len < VxlanHeader::LEN {
            return Err(DropReason::VxlanTruncated);
        }
        let (vxlan, inner) =
            VxlanHeader::ref_from_prefix(payload).map_err(|_| DropReason::NotLinear)?;
        let gbp = self.check_vxlan(vxlan, outer.udp.destination_port())?;
        let len = payload_len.wrapping_sub(VxlanHeader::LEN);
        let edit = self.check_inner(inner, len, outer.class)?;
        // `check_inner` has seen the inner Ethernet header.
        let link_len = self.inner_link_len();
        let len = len.wrapping_sub(link_len);
        let offset = outer.udp_at.wrapping_add(UdpHeader::LEN + VxlanHeader::LEN);
        let offset = offset.wrapping_add(link_len);
        let info = TunnelInfo {
            vni: vxlan.vni(),
            remote: outer.remote,
            source_port: outer.udp.source_port(),
            outer_traffic_class: outer.class,
            gbp,
        };
        Ok(Decap { offset, len, info, edit })
    }

    fn check_udp(&self, outer: &Outer<'_>, payload: &[u8], is_cut: bool, rx: RxMeta) -> Verdict {
        match rx.udp_checksum {
            NicChecksum::Good => return Ok(()),
            NicChecksum::Bad => return Err(DropReason::UdpChecksum),
            NicChecksum::Unknown if rx.is_partial_from(outer.udp_at) => return Ok(()),
            NicChecksum::Unknown if is_cut => return Err(DropReason::NotLinear),
            NicChecksum::Unknown => {}
        }
        let length = u32::from(outer.udp.datagram_len());
        let header = outer.pseudo_header().sum(length) + Sum::of(outer.udp.as_bytes());
        let sum = header + self.chosen_kernels().sum(payload);
        if sum.is_valid() { Ok(()) } else { Err(DropReason::UdpChecksum) }
    }
}

/// A frame that ends before its headers do: in its first segment, or altogether.
#[cold]
const fn short(head: usize, total: usize) -> DropReason {
    if head < total { DropReason::NotLinear } else { DropReason::Truncated }
}

/// The sum of the options of an outer header whose first byte is not 0x45, and what follows them.
#[cold]
fn v4_options<'b>(
    header: &Ipv4Header,
    rest: &'b [u8],
    head: usize,
    total: usize,
) -> Result<(Sum, &'b [u8]), DropReason> {
    let options_len = header.header_len().checked_sub(Ipv4Header::LEN);
    match options_len.filter(|_| header.version() == 4) {
        Some(len) => {
            let (options, rest) = rest.split_at_checked(len).ok_or(short(head, total))?;
            Ok((Sum::of(options), rest))
        }
        None => Err(DropReason::IpHeader),
    }
}

#[cold]
fn v6_refusal(error: ParseError, head: usize, total: usize) -> DropReason {
    match (error.layer, error.kind) {
        // An extension header may reach beyond its packet, which is no fault of the buffer.
        (Layer::Ipv6Extension, ParseErrorKind::Truncated { .. }) if head >= total => {
            DropReason::IpHeader
        }
        (_, ParseErrorKind::Truncated { .. }) => short(head, total),
        _ => DropReason::IpHeader,
    }
}
