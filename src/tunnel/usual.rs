//! Decap of the usual packet in one look; any other is inspected field by field.
//!
//! What is taken here [`Vtep::inspect_head`] would take too, and give the same. What is wrong with a packet,
//! only that says.

use core::net::IpAddr;

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::{Origin, Vtep};
use crate::buf::{FrameBuf, NicChecksum, RxMeta};
use crate::checksum::Sum;
use crate::verdict::{DropReason, Verdict};
use crate::wire::{
    Ecn, EtherType, EthernetHeader, IpProtocol, Ipv4Header, TrafficClass, UdpHeader, VxlanHeader,
};

/// The usual packet: nothing tagged, no options, IPv4 in IPv4.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct UsualPacket {
    ethernet: EthernetHeader,
    ip: Ipv4Header,
    udp: UdpHeader,
    vxlan: VxlanHeader,
    inner: EthernetHeader,
    inner_ip: Ipv4Header,
}

impl UsualPacket {
    /// Where the inner frame begins.
    const OUTER: usize = 50;
}

impl Vtep<'_> {
    /// Makes a received VXLAN packet its inner frame.
    ///
    /// # Errors
    /// The [`DropReason`] why it is not a VXLAN packet for this VTEP. The frame is as it was then.
    #[inline]
    pub fn decap<B: FrameBuf>(&self, frame: &mut B) -> Result<Origin, DropReason> {
        let mut origin = Origin::NONE;
        self.decap_inline(frame, &mut origin)?;
        Ok(origin)
    }

    /// The same, for loops that are compiled for more than the target's processor. The origin is written in
    /// its place; where the frame is refused it is none.
    #[inline(always)]
    pub(crate) fn decap_inline<B: FrameBuf>(&self, frame: &mut B, origin: &mut Origin) -> Verdict {
        match self.look(frame.bytes(), frame.total_len(), frame.rx(), origin) {
            Some(len) => {
                frame.pull_front(UsualPacket::OUTER)?;
                frame.truncate(len);
                Ok(())
            }
            None => self.decap_unusual(frame, origin),
        }
    }

    #[inline(never)]
    fn decap_unusual<B: FrameBuf>(&self, frame: &mut B, origin: &mut Origin) -> Verdict {
        *origin = Origin::NONE;
        let decap = self.inspect_head(frame.bytes(), frame.total_len(), frame.rx())?;
        decap.apply(frame)?;
        *origin = decap.origin;
        Ok(())
    }

    /// Looks at a packet that has the usual headers, and gives the inner frame's length: `None` if it has
    /// others, or if there is anything in it that [`inspect_head`](Self::inspect_head) has to judge.
    #[inline(always)]
    fn look(&self, head: &[u8], total: usize, rx: RxMeta, origin: &mut Origin) -> Option<usize> {
        let (packet, _) = UsualPacket::ref_from_prefix(head).ok()?;
        let UsualPacket { ethernet, ip, udp, vxlan, inner, inner_ip } = packet;
        let has_usual_headers = ethernet.ethertype() == EtherType::IPV4
            && ip.first_byte() == 0x45
            && ip.protocol() == IpProtocol::UDP
            && !ip.is_fragment()
            && udp.checksum() == 0
            && says_vni_alone(vxlan)
            && inner.ethertype() == EtherType::IPV4;
        if !has_usual_headers || self.needs_tag() {
            return None;
        }
        self.check_destination(udp, IpAddr::V4(ip.destination())).ok()?;
        let (total_len, udp_len) = (usize::from(ip.total_len()), usize::from(udp.length()));
        let len = udp_len.checked_sub(UdpHeader::LEN + VxlanHeader::LEN)?;
        let are_lengths_right = total_len <= total.wrapping_sub(EthernetHeader::LEN)
            && udp_len.wrapping_add(Ipv4Header::LEN) <= total_len
            && len >= EthernetHeader::LEN + Ipv4Header::LEN;
        let is_taken = are_lengths_right
            && self.vnis.contains(&vxlan.vni())
            && self.own_mac.is_none_or(|own| own != inner.source())
            && self.keeps_class(ip.traffic_class(), inner_ip.traffic_class());
        if !is_taken || !is_intact(ip, rx) {
            return None;
        }
        *origin = Origin {
            vni: vxlan.vni(),
            remote: IpAddr::V4(ip.source()),
            port: udp.source_port(),
            class: ip.traffic_class(),
            gbp: None,
        };
        Some(len)
    }

    /// Whether the inner traffic class stays what it is.
    #[inline]
    fn keeps_class(&self, outer: TrafficClass, inner: TrafficClass) -> bool {
        let is_plain = outer.ecn() == Ecn::NotEct && !self.uniform_dscp;
        is_plain || self.combine(inner, outer) == Ok(None)
    }
}

#[inline]
fn is_intact(ip: &Ipv4Header, rx: RxMeta) -> bool {
    match rx.ip_checksum {
        NicChecksum::Unknown => Sum::of_20(*ip.as_bytes()).is_valid(),
        said => said == NicChecksum::Good,
    }
}

/// Whether a header is RFC 7348's own: I is set, and no reserved bit.
#[inline]
pub(super) fn says_vni_alone(header: &VxlanHeader) -> bool {
    u64::from_be_bytes(*header.as_bytes()) & !0xFFFF_FF00 == 1 << 59
}
