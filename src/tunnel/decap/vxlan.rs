//! The VXLAN header of a received packet (RFC 7348 section 5).

use crate::tunnel::vtep::{ReservedBits, Vtep};
use crate::verdict::DropReason;
use crate::wire::{Gbp, Vni, VxlanFlags, VxlanHeader};

impl Vtep<'_> {
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
}

/// Returns the VNI if the I flag is set and no other bit of the flags and reserved fields is.
#[inline(always)]
pub(super) fn vni_alone(header: &VxlanHeader) -> Option<Vni> {
    let word = u64::from_be_bytes(*header.as_bytes());
    let [_, _, _, _, vni @ .., _] = word.to_be_bytes();
    (word & !0xFFFF_FF00 == 1 << 59).then_some(Vni::from_be_bytes(vni))
}

/// Whether a header with the P bit is VXLAN-GPE: on its port, or by what it says.
#[cold]
fn is_gpe(header: &VxlanHeader, port: u16) -> bool {
    port == VxlanHeader::GPE_PORT || header.is_gpe()
}
