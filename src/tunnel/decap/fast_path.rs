//! The fast path of decap: one view of 84 bytes for the common layout, whatever protocol is inside.
//! All other packets take the slow path, field by field.
//!
//! Its verdict on a packet is that of [`Vtep::inspect_head`]; `tests/fast_path.rs` compares the
//! two.

use core::net::IpAddr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::vxlan::vni_alone;
use crate::buf::{FrameBuf, FrameMeta, NicChecksum, meta_of, meta_pulled};
use crate::checksum::Sum;
use crate::tunnel::vtep::{DscpModel, InnerVlanRx, TunnelInfo, Vtep};
use crate::verdict::DropReason;
use crate::wire::{
    Ecn, EtherType, EthernetHeader, IpProtocol, Ipv4Header, Ipv6Header, UdpHeader, VxlanHeader,
};

/// The layout of the fast path: nothing tagged, no options, IPv4 in IPv4. If another protocol is
/// inside, `inner_ip` is not read.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct FastPacket {
    ethernet: EthernetHeader,
    ip: Ipv4Header,
    udp: UdpHeader,
    vxlan: VxlanHeader,
    inner: EthernetHeader,
    inner_ip: Ipv4Header,
}

impl FastPacket {
    /// The offset of the inner frame.
    const OUTER: usize = 50;
    /// The least UDP length up to VXLAN's header, up to the inner Ethernet header, and for all of
    /// it.
    const VXLAN: u16 = 16;
    const INNER: u16 = Self::VXLAN + 14;
    const UDP: usize = size_of::<Self>() - EthernetHeader::LEN - Ipv4Header::LEN;

    /// Eight bytes in wire order: the destination address, the source port, the destination port.
    #[inline(always)]
    fn address(&self) -> [u8; 8] {
        let front = self.as_bytes().first_chunk::<38>();
        front.and_then(|front| front.last_chunk().copied()).unwrap_or_default()
    }
}

impl Vtep<'_> {
    /// Decapsulates a packet that takes the fast path: see [`classify`](Self::classify).
    #[inline(always)]
    pub(super) fn decap_fast<B: FrameBuf>(
        &self,
        frame: &mut B,
    ) -> Result<TunnelInfo, Option<DropReason>> {
        let meta = meta_of(frame);
        let (len, info) = self.classify(frame, meta)?;
        frame.trim_to(FastPacket::OUTER, len)?;
        meta_pulled(frame, FastPacket::OUTER);
        Ok(info)
    }

    /// Checks a packet of the fast path as [`inspect_head`](Self::inspect_head) does, and returns
    /// the inner frame's length. The error is `None` if the slow path has to decide: the headers
    /// have another layout, or the inner header has to be changed.
    #[inline(always)]
    fn classify<B: FrameBuf>(
        &self,
        frame: &B,
        meta: FrameMeta,
    ) -> Result<(usize, TunnelInfo), Option<DropReason>> {
        let (packet, _) = FastPacket::ref_from_prefix(frame.bytes()).map_err(|_| None)?;
        let FastPacket { ethernet, ip, udp, vxlan, inner, .. } = packet;
        let has_fast_layout = ethernet.ethertype() == EtherType::IPV4
            && ip.first_byte() == 0x45
            && ip.protocol() == IpProtocol::UDP
            && !ip.is_fragment()
            && udp.checksum() == 0;
        if !has_fast_layout {
            return Err(None);
        }
        if !self.fast.address.matches(packet.address()) {
            self.check_destination(udp, IpAddr::V4(ip.destination()))?;
        }
        let (ip_len, udp_len) = (usize::from(ip.total_len()), usize::from(udp.datagram_len()));
        if ip_len > frame.total_len().wrapping_sub(EthernetHeader::LEN) {
            return Err(Some(DropReason::Truncated));
        }
        // A length too small for the header is reported before all that follows.
        let reject = |reason| match ip_len {
            ..Ipv4Header::LEN => Err(Some(DropReason::IpHeader)),
            _ => Err(Some(reason)),
        };
        if !is_intact(ip, meta) {
            return reject(DropReason::IpChecksum);
        }
        if udp_len.wrapping_add(Ipv4Header::LEN) > ip_len {
            return reject(DropReason::UdpLength);
        }
        if inner.ethertype() != EtherType::IPV4 {
            self.check_fast_other(packet, frame)?;
        } else if udp_len < FastPacket::UDP {
            return Err(Some(self.reject_short(packet)));
        }
        if !self.fast.vxlan.matches(*vxlan.as_bytes()) {
            self.check_fast_vxlan(packet)?;
        }
        let class = ip.traffic_class();
        if class.ecn() != Ecn::NotEct || self.looks_inside {
            self.check_fast_inner(packet)?;
        }
        let info = TunnelInfo {
            vni: vxlan.vni(),
            remote: IpAddr::V4(ip.source()),
            source_port: udp.source_port(),
            outer_traffic_class: class,
            gbp: None,
        };
        Ok((udp_len.wrapping_sub(UdpHeader::LEN + VxlanHeader::LEN), info))
    }

    /// Checks the VXLAN header. The error is `None` if a reserved bit is set.
    #[inline(never)]
    fn check_fast_vxlan(&self, packet: &FastPacket) -> Result<(), Option<DropReason>> {
        self.check_vxlan(&packet.vxlan, packet.udp.destination_port())?;
        vni_alone(&packet.vxlan).map(|_| ()).ok_or(None)
    }

    /// Checks the inner headers. The error is `None` if one has to be changed.
    #[inline(never)]
    fn check_fast_inner(&self, packet: &FastPacket) -> Result<(), Option<DropReason>> {
        if self.is_own(&packet.inner) {
            return Err(Some(DropReason::OwnMac));
        }
        let (class, inner) = (packet.ip.traffic_class(), packet.inner_ip.traffic_class());
        let is_plain = class.ecn() == Ecn::NotEct && self.dscp_model == DscpModel::Pipe;
        if is_plain || self.combine(inner, class)?.is_none() { Ok(()) } else { Err(None) }
    }

    fn is_own(&self, inner: &EthernetHeader) -> bool {
        self.own_mac.is_some_and(|own| own == inner.source())
    }

    /// Returns why a packet is refused whose UDP length leaves no space for the fast path's
    /// headers.
    #[cold]
    #[inline(never)]
    fn reject_short(&self, packet: &FastPacket) -> DropReason {
        match packet.udp.datagram_len() {
            ..8 => return DropReason::UdpLength,
            8..FastPacket::VXLAN => return DropReason::VxlanTruncated,
            _ => {}
        }
        if let Some(reason) = self.reject_vxlan(packet) {
            return reason;
        }
        let is_own = packet.udp.datagram_len() >= FastPacket::INNER && self.is_own(&packet.inner);
        if is_own { DropReason::OwnMac } else { DropReason::InnerTruncated }
    }

    /// Returns why the VXLAN header is refused, or `None` if it is not.
    #[cold]
    #[inline(never)]
    fn reject_vxlan(&self, packet: &FastPacket) -> Option<DropReason> {
        self.check_vxlan(&packet.vxlan, packet.udp.destination_port()).err()
    }

    /// Checks a packet whose inner frame is not IPv4, up to its VXLAN header. The error is `None`
    /// if the inner frame needs further checks, or its header is not in the linear head.
    #[cold]
    #[inline(never)]
    fn check_fast_other<B: FrameBuf>(
        &self,
        packet: &FastPacket,
        frame: &B,
    ) -> Result<(), Option<DropReason>> {
        let ethertype = packet.inner.ethertype();
        if ethertype.is_vlan() {
            return Err(self.reject_tagged(packet));
        }
        let ip_len = if ethertype == EtherType::IPV6 { Ipv6Header::LEN } else { 0 };
        let is_whole = frame.bytes().len()
            >= (FastPacket::OUTER + EthernetHeader::LEN).wrapping_add(ip_len)
            && usize::from(packet.udp.datagram_len())
                >= usize::from(FastPacket::INNER).wrapping_add(ip_len);
        let is_marked = packet.ip.traffic_class().ecn() != Ecn::NotEct;
        if is_whole && !is_marked && !self.looks_inside { Ok(()) } else { Err(None) }
    }

    /// Returns why a packet whose inner frame is tagged is refused, or `None` if the slow path has
    /// to decide.
    #[cold]
    fn reject_tagged(&self, packet: &FastPacket) -> Option<DropReason> {
        if self.inner_vlan != InnerVlanRx::Discard || packet.udp.datagram_len() < FastPacket::INNER
        {
            return None;
        }
        if let Some(reason) = self.reject_vxlan(packet) {
            return Some(reason);
        }
        Some(if self.is_own(&packet.inner) { DropReason::OwnMac } else { DropReason::InnerVlan })
    }
}

#[inline(always)]
fn is_intact(ip: &Ipv4Header, meta: FrameMeta) -> bool {
    match meta.ip_checksum() {
        NicChecksum::Unknown => Sum::of_header(ip.as_bytes()).is_valid(),
        said => said == NicChecksum::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::ArrayFrame;
    use crate::tunnel::{OuterTag, Set};
    use crate::verdict::Verdict;
    use crate::wire::Vni;

    /// VXLAN over IPv4, port 4789, VNI 1, around ARP.
    const PACKET: [u8; 64] = [
        2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, 17, 0xb9,
        0x65, 192, 168, 0, 2, 192, 168, 0, 3, 0x9c, 0x40, 0x12, 0xb5, 0, 30, 0, 0, 8, 0, 0, 0, 0,
        0, 1, 0, 2, 0, 0, 0, 0, 0x12, 2, 0, 0, 0, 0, 0x11, 8, 6,
    ];

    /// The verdict on `PACKET` with other bytes, and the info that is written over an earlier
    /// packet's.
    fn decap(vtep: Vtep<'_>, change: &[(usize, u8)]) -> (Verdict, TunnelInfo) {
        // With padding, for the fast path looks at that much.
        let mut bytes = [0; size_of::<FastPacket>()];
        bytes[..64].copy_from_slice(&PACKET);
        for (at, byte) in change {
            bytes[*at] = *byte;
        }
        let mut frame = ArrayFrame::<96>::from_bytes_with_headroom(&bytes, 0).unwrap();
        let mut info = TunnelInfo { source_port: 7, ..TunnelInfo::NONE };
        (vtep.decap_inline(&mut frame, &mut info), info)
    }

    #[test]
    fn a_refused_frame_has_no_origin() {
        let vtep = Vtep::rfc7348();
        let (verdict, info) = decap(vtep, &[]);
        assert_eq!((verdict, info.vni.value(), info.source_port), (Ok(()), 1, 40_000));
        // Refused by the fast path before and after the VXLAN header is checked, and by the slow
        // path.
        for (vtep, change, reason) in [
            (vtep, &[(25, 0)][..], DropReason::IpChecksum),
            (vtep, &[(42, 0)], DropReason::NoVni),
            (vtep.vni(Vni::MAX), &[], DropReason::UnknownVni),
            (vtep, &[(40, 1)], DropReason::UdpChecksum),
            (vtep, &[(12, 9)], DropReason::NotVxlan),
            (vtep.outer_tag(OuterTag::Any), &[(12, 0x81)], DropReason::NotVxlan),
        ] {
            assert_eq!(decap(vtep, change), (Err(reason), TunnelInfo::NONE), "{reason}");
        }
    }

    /// A value of zero is a value: the fast path compares it too.
    #[test]
    fn port_0_and_address_0_are_not_any() {
        let vtep = Vtep::rfc7348();
        let zero = IpAddr::from([0; 4]);
        for (vtep, reason) in [
            (vtep.port(0), DropReason::NotVxlan),
            (vtep.port(0).local([192, 168, 0, 3].into()), DropReason::NotVxlan),
            (vtep.local(zero), DropReason::NotLocal),
            (vtep.ports(Set::Any).local(zero), DropReason::NotLocal),
            (vtep.port(0).local(zero), DropReason::NotVxlan),
        ] {
            assert_eq!(decap(vtep, &[]).0, Err(reason), "{vtep:?}");
        }
    }
}
