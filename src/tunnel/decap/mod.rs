//! Decap: what a received frame is, and the inner frame taken out of it.
//!
//! The tests are in wire order, but for one thing: a packet is identified first, then validated. One that is
//! not for this VTEP is `NotVxlan` or `NotLocal` whatever else is wrong, so that its owner can pass it on.

use core::net::IpAddr;

use super::ecn::{self, EcnDecap};
use super::fast_path::vni_alone;
use super::template::to_v6;
use super::vtep::{
    DscpModel, InnerVlanRx, OuterTag, ReservedBits, TunnelInfo, UdpChecksumPolicy, Vtep,
};
use crate::buf::{FrameBuf, NicChecksum, RxMeta, meta_pulled};
use crate::checksum::Sum;
use crate::verdict::{DropReason, Verdict};
use crate::wire::{
    Ecn, EtherType, EthernetFrame, EthernetHeader, Gbp, IpProtocol, Ipv4Header, Ipv6Header,
    Ipv6Packet, Layer, ParseError, ParseErrorKind, PseudoHeader, TrafficClass, UdpHeader,
    VlanHeader, VxlanFlags, VxlanHeader,
};

/// A VXLAN packet that was looked at and found good: where the inner frame stands in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decap {
    offset: usize,
    len: usize,
    pub(super) info: TunnelInfo,
    edit: Option<Edit>,
}

/// A traffic class that has to be written to the inner IP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Edit {
    /// Where the IP header stands in the inner frame.
    at: usize,
    is_v4: bool,
    class: TrafficClass,
}

impl Decap {
    /// The offset of the inner frame, or of the packet if the VTEP strips its
    /// [Ethernet header](Vtep::inner_ethernet), in bytes from the start of the outer frame.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The length of the inner frame or packet in bytes.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "an inner frame has at least 14 bytes, a packet 20"
    )]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// What the outer headers reported.
    #[must_use]
    pub const fn info(&self) -> TunnelInfo {
        self.info
    }

    /// The traffic class that [`apply`](Self::apply) will write to the inner IP header: the outer ECN field
    /// combined with the inner one (RFC 6040 section 4.2), and the outer DSCP in the uniform model. `None`
    /// where nothing changes.
    #[must_use]
    pub fn inner_class(&self) -> Option<TrafficClass> {
        self.edit.map(|edit| edit.class)
    }

    /// Strips the outer headers and the trailing bytes of the frame that was inspected.
    ///
    /// # Errors
    /// `NotLinear` for a frame that is not the one that was looked at. It is as it was then.
    #[inline]
    pub fn apply<B: FrameBuf>(&self, frame: &mut B) -> Verdict {
        frame.trim_to(self.offset, self.len)?;
        if let Some(edit) = self.edit {
            edit.apply(frame.bytes_mut());
        }
        meta_pulled(frame, self.offset);
        Ok(())
    }
}

impl Edit {
    #[cold]
    fn apply(self, frame: &mut [u8]) {
        let Some(packet) = frame.get_mut(self.at..) else { return };
        if self.is_v4 {
            if let Ok((header, _)) = Ipv4Header::mut_from_prefix(packet) {
                header.set_traffic_class(self.class);
            }
        } else if let Ok((header, _)) = Ipv6Header::mut_from_prefix(packet) {
            header.set_traffic_class(self.class);
        }
    }
}

/// What the outer headers up to UDP say.
struct Outer<'b> {
    remote: IpAddr,
    destination: IpAddr,
    class: TrafficClass,
    /// Where the UDP header stands in the frame.
    udp_at: usize,
    udp: &'b UdpHeader,
    /// What follows the UDP header, as far as it is at hand.
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

/// What is at hand of a frame, and what its NIC said.
#[derive(Clone, Copy)]
pub(super) struct Received<'b> {
    /// From the IP header on.
    head: &'b [u8],
    /// How long the frame is from there, all segments together.
    total: usize,
    /// Where the IP header stands in the frame.
    at: usize,
    rx: RxMeta,
}

impl<'b> Received<'b> {
    /// Goes over the Ethernet header.
    #[inline]
    pub(super) fn new(
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
    /// Looks at an Ethernet frame, and changes nothing.
    ///
    /// # Errors
    /// The [`DropReason`] why it is not a VXLAN packet for this VTEP.
    #[inline]
    pub fn inspect(&self, frame: &[u8]) -> Result<Decap, DropReason> {
        self.inspect_head(frame, frame.len(), RxMeta::default())
    }

    /// Looks at an Ethernet frame of `total` bytes whose front is at hand, with what its NIC said.
    ///
    /// # Errors
    /// As [`inspect`](Self::inspect); `NotLinear` where the front is too short.
    #[inline]
    pub fn inspect_head(&self, head: &[u8], total: usize, rx: RxMeta) -> Result<Decap, DropReason> {
        let (ethertype, received) = Received::new(head, total, rx)?;
        match ethertype {
            EtherType::IPV4 if !self.needs_tag() => self.inspect_v4(received),
            EtherType::IPV6 if !self.needs_tag() => self.inspect_v6(received),
            ethertype => self.inspect_tagged(ethertype, received),
        }
    }

    #[inline]
    pub(super) const fn needs_tag(&self) -> bool {
        matches!(self.outer_tag, OuterTag::One(_))
    }

    /// Returns whether the fast path would be wrong about every packet.
    #[inline]
    pub(crate) const fn needs_slow_path(&self) -> bool {
        self.needs_tag() || self.takes_packets
    }

    /// The bytes of the inner frame that are stripped too.
    const fn inner_link_len(&self) -> usize {
        if self.takes_packets { EthernetHeader::LEN } else { 0 }
    }

    /// Goes over the tags of the outer frame.
    #[cold]
    fn inspect_tagged(
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
    pub(super) fn inspect_v4(&self, received: Received<'_>) -> Result<Decap, DropReason> {
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
    fn inspect_v6(&self, received: Received<'_>) -> Result<Decap, DropReason> {
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
        let offset = outer.udp_at.wrapping_add(UdpHeader::LEN + VxlanHeader::LEN + link_len);
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

    #[inline]
    pub(super) fn check_vxlan(
        &self,
        header: &VxlanHeader,
        port: u16,
    ) -> Result<Option<Gbp>, DropReason> {
        if !header.flags().contains(VxlanFlags::VNI) {
            return Err(DropReason::NoVni);
        }
        let is_common = vni_alone(header).is_some();
        if header.flags().contains(VxlanFlags::NEXT_PROTOCOL) && is_gpe(header, port) {
            return Err(DropReason::UnsupportedGpe);
        }
        if !self.vnis.contains(&header.vni()) {
            return Err(DropReason::UnknownVni);
        }
        if is_common { Ok(None) } else { self.check_reserved(header) }
    }

    #[cold]
    fn check_reserved(&self, header: &VxlanHeader) -> Result<Option<Gbp>, DropReason> {
        let mut known = VxlanFlags::VNI;
        let mut reserved24 = header.reserved24();
        if self.gbp {
            known |= VxlanFlags::GROUP_POLICY;
            reserved24 = [0; 3];
        }
        let is_clean =
            known.contains(header.flags()) && reserved24 == [0; 3] && header.reserved8() == 0;
        if self.reserved_bits == ReservedBits::Reject && !is_clean {
            return Err(DropReason::ReservedBits);
        }
        Ok(header.gbp().filter(|_| self.gbp))
    }

    /// Checks the inner frame of `len` bytes, and gives what has to be written to it.
    #[inline]
    fn check_inner(
        &self,
        head: &[u8],
        len: usize,
        outer: TrafficClass,
    ) -> Result<Option<Edit>, DropReason> {
        let short = || short_inner(head.len(), len);
        let (ethernet, packet) = EthernetHeader::ref_from_prefix(head).map_err(|_| short())?;
        if self.own_mac.is_some_and(|own| own == ethernet.source()) {
            return Err(DropReason::OwnMac);
        }
        if self.takes_packets {
            self.check_packet(ethernet)?;
        }
        let (mut ethertype, mut packet, mut at) =
            (ethernet.ethertype(), packet, EthernetHeader::LEN);
        if ethertype.is_vlan() {
            match self.inner_vlan {
                InnerVlanRx::Discard => return Err(DropReason::InnerVlan),
                InnerVlanRx::Opaque => {
                    return VlanHeader::ref_from_prefix(packet).map(|_| None).map_err(|_| short());
                }
                InnerVlanRx::Keep => {}
            }
            let frame = EthernetFrame::parse(head).map_err(|_| short())?;
            (ethertype, packet) = (frame.ethertype(), frame.payload());
            at = head.len().wrapping_sub(packet.len());
        }
        let (is_v4, class) = match ethertype {
            EtherType::IPV4 => {
                let (ip, _) = Ipv4Header::ref_from_prefix(packet).map_err(|_| short())?;
                (true, ip.traffic_class())
            }
            EtherType::IPV6 => {
                let (ip, _) = Ipv6Header::ref_from_prefix(packet).map_err(|_| short())?;
                (false, ip.traffic_class())
            }
            _ => return Ok(None),
        };
        if outer.ecn() == Ecn::NotEct && self.dscp_model == DscpModel::Pipe {
            return Ok(None);
        }
        self.combine(class, outer).map(|class| {
            class.map(|class| {
                let at = at.wrapping_sub(self.inner_link_len());
                Edit { at, is_v4, class }
            })
        })
    }

    /// Checks that an inner frame is an untagged IP packet for this receiver.
    fn check_packet(&self, ethernet: &EthernetHeader) -> Verdict {
        if self.own_mac != Some(ethernet.destination()) {
            return Err(DropReason::InnerDestination);
        }
        match ethernet.ethertype() {
            EtherType::IPV4 | EtherType::IPV6 => Ok(()),
            tagged if tagged.is_vlan() => Err(DropReason::InnerVlan),
            _ => Err(DropReason::NotIp),
        }
    }

    /// What the inner traffic class becomes, where it changes.
    #[cold]
    pub(super) fn combine(
        &self,
        inner: TrafficClass,
        outer: TrafficClass,
    ) -> Result<Option<TrafficClass>, DropReason> {
        let EcnDecap::Forward(ecn) = ecn::decap(inner.ecn(), outer.ecn()) else {
            return Err(DropReason::EcnUnmarkable);
        };
        let dscp = match self.dscp_model {
            DscpModel::Uniform => outer.dscp(),
            DscpModel::Pipe => inner.dscp(),
        };
        let class = TrafficClass::new(dscp, ecn);
        Ok((class != inner).then_some(class))
    }
}

/// A frame that ends before its headers do: in its first segment, or altogether.
#[cold]
const fn short(head: usize, total: usize) -> DropReason {
    if head < total { DropReason::NotLinear } else { DropReason::Truncated }
}

#[cold]
const fn short_inner(head: usize, len: usize) -> DropReason {
    if head < len { DropReason::NotLinear } else { DropReason::InnerTruncated }
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

/// Whether a header with the P bit is VXLAN-GPE: on its port, or by what it says.
#[cold]
fn is_gpe(header: &VxlanHeader, port: u16) -> bool {
    port == VxlanHeader::GPE_PORT || header.is_gpe()
}
