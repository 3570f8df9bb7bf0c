//! The inner frame of a received packet: the checks of it, and the traffic class written to it.

use super::result::Edit;
use crate::tunnel::ecn::{self, EcnDecap};
use crate::tunnel::vtep::{DscpModel, InnerVlanRx, Vtep};
use crate::verdict::{DropReason, Verdict};
use crate::wire::{
    Ecn, EtherType, EthernetFrame, EthernetHeader, Ipv4Header, Ipv6Header, TrafficClass, VlanHeader,
};

impl Vtep<'_> {
    /// The bytes of the inner frame that are stripped too.
    pub(super) const fn inner_link_len(&self) -> usize {
        if self.takes_packets { EthernetHeader::LEN } else { 0 }
    }

    /// Checks the inner frame of `len` bytes, and returns what has to be written to it.
    #[inline]
    pub(super) fn check_inner(
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

#[cold]
const fn short_inner(head: usize, len: usize) -> DropReason {
    if head < len { DropReason::NotLinear } else { DropReason::InnerTruncated }
}
