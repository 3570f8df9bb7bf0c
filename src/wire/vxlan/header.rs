//! The view of the VXLAN header.

use core::fmt;

use bitflags::bitflags;
use zerocopy::byteorder::network_endian::U16;

use super::Gbp;
use crate::wire::header::{format_flags, header};
use crate::wire::{Layer, Vni};

header! {
    /// The VXLAN header (RFC 7348 section 5), with the bits of the Group Policy extension
    /// (draft-smith-vxlan-group-policy): 8 bytes, any bytes.
    ///
    /// ```text
    ///  0                   1                   2                   3
    /// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// |G|R|R|R|I|R|R|R|R|D|R|R|A|R|R|R|        Group Policy ID        |
    /// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// |                VXLAN Network Identifier       |   Reserved    |
    /// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// ```
    ///
    /// Without Group Policy every bit but I and the VNI is reserved: zero on transmit, ignored on
    /// receipt. This view keeps all of them; a receiver's policy is in [`tunnel`](crate::tunnel).
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::{Gbp, Vni, VxlanHeader};
    ///
    /// let mut bytes = [0x08, 0, 0, 0, 0, 0, 0x64, 0, /* inner frame */ 0xff];
    /// let (header, inner) = VxlanHeader::mut_from_prefix(&mut bytes)?;
    /// assert_eq!((header.vni(), header.gbp()), (Vni::literal::<100>(), None));
    /// header.set_vni(Vni::literal::<101>());
    /// header.set_gbp(Some(Gbp { group: 7, ..Gbp::default() }));
    /// assert_eq!(inner, [0xff]);
    /// assert_eq!(bytes, [0x88, 0, 0, 7, 0, 0, 0x65, 0, 0xff]);
    /// # Ok::<(), vtep::wire::ParseError>(())
    /// ```
    #[derive(Default)]
    pub struct VxlanHeader: 8 bytes, Layer::Vxlan;
    {
        flags: u8,
        policy_flags: u8,
        group: U16,
        vni: [u8; 3],
        reserved: u8,
    }
}

impl VxlanHeader {
    /// The UDP port that IANA assigned to VXLAN (RFC 7348 section 8).
    pub const PORT: u16 = 4789;
    /// The default UDP port of the Linux device, and of flannel on Linux
    /// (`drivers/net/vxlan/vxlan_core.c`).
    pub const LINUX_PORT: u16 = 8472;
    /// The UDP port that IANA assigned to VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe).
    pub const GPE_PORT: u16 = 4790;

    /// Returns a header with `vni`: I set, every reserved bit zero.
    #[must_use]
    #[inline]
    pub const fn new(vni: Vni) -> Self {
        Self {
            flags: VxlanFlags::VNI.bits(),
            policy_flags: 0,
            group: U16::ZERO,
            vni: vni.to_be_bytes(),
            reserved: 0,
        }
    }

    /// Returns this header with a group policy: the G, D and A bits and the group are overwritten.
    #[must_use]
    #[inline]
    pub fn with_gbp(mut self, gbp: Gbp) -> Self {
        self.set_gbp(Some(gbp));
        self
    }

    /// The first byte: I, and the bits that RFC 7348 reserves.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> VxlanFlags {
        VxlanFlags::from_bits_retain(self.flags)
    }

    /// Writes the first byte, reserved bits included.
    #[inline]
    pub const fn set_flags(&mut self, flags: VxlanFlags) {
        self.flags = flags.bits();
    }

    /// Bytes 1 to 3, reserved by RFC 7348; the Group Policy extension and GPE use them.
    #[must_use]
    #[inline]
    pub const fn reserved24(&self) -> [u8; 3] {
        let [high, low] = self.group.to_bytes();
        [self.policy_flags, high, low]
    }

    /// Writes bytes 1 to 3.
    #[inline]
    pub const fn set_reserved24(&mut self, [flags, high, low]: [u8; 3]) {
        self.policy_flags = flags;
        self.group = U16::from_bytes([high, low]);
    }

    /// The network identifier. It is valid only if [`VxlanFlags::VNI`] is set.
    #[must_use]
    #[inline]
    pub const fn vni(&self) -> Vni {
        Vni::from_be_bytes(self.vni)
    }

    /// Writes the network identifier; the I flag stays as it is.
    #[inline]
    pub const fn set_vni(&mut self, vni: Vni) {
        self.vni = vni.to_be_bytes();
    }

    /// Byte 7, reserved by RFC 7348.
    #[must_use]
    #[inline]
    pub const fn reserved8(&self) -> u8 {
        self.reserved
    }

    /// Writes byte 7.
    #[inline]
    pub const fn set_reserved8(&mut self, value: u8) {
        self.reserved = value;
    }

    /// The group policy, `None` if the G bit is clear.
    #[must_use]
    #[inline]
    pub const fn gbp(&self) -> Option<Gbp> {
        if !self.flags().contains(VxlanFlags::GROUP_POLICY) {
            return None;
        }
        Some(Gbp {
            group: self.group.get(),
            dont_learn: self.policy_flags & Gbp::DONT_LEARN != 0,
            policy_applied: self.policy_flags & Gbp::POLICY_APPLIED != 0,
        })
    }

    /// Writes the G, D and A bits and the group; `None` clears them. Other bits stay.
    #[inline]
    pub fn set_gbp(&mut self, gbp: Option<Gbp>) {
        let mut flags = self.flags();
        flags.set(VxlanFlags::GROUP_POLICY, gbp.is_some());
        self.set_flags(flags);
        let Gbp { group, dont_learn, policy_applied } = gbp.unwrap_or_default();
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        self.policy_flags &= !(Gbp::DONT_LEARN | Gbp::POLICY_APPLIED);
        self.policy_flags |= bit(dont_learn, Gbp::DONT_LEARN);
        self.policy_flags |= bit(policy_applied, Gbp::POLICY_APPLIED);
        self.group.set(group);
    }

    /// Returns whether it is a VXLAN-GPE header beyond reasonable doubt (draft-ietf-nvo3-vxlan-gpe
    /// section 3): I and P set, version 0, B and the two high flag bits clear, bytes 1 and 2 zero,
    /// and a next protocol that the draft assigns (1 IPv4 to 5 MPLS).
    #[must_use]
    #[inline]
    pub const fn is_gpe(&self) -> bool {
        let [reserved, reserved_too, next_protocol] = self.reserved24();
        self.flags & 0b1111_1110 == 0b0000_1100
            && reserved | reserved_too == 0
            && matches!(next_protocol, 1..=5)
    }
}

impl fmt::Debug for VxlanHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VxlanHeader")
            .field("flags", &self.flags())
            .field("reserved24", &self.reserved24())
            .field("vni", &self.vni())
            .field("reserved8", &self.reserved8())
            .finish()
    }
}

bitflags! {
    /// The first byte of a VXLAN header (RFC 7348 section 5).
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::{Vni, VxlanFlags, VxlanHeader};
    ///
    /// assert_eq!(VxlanHeader::new(Vni::default()).flags(), VxlanFlags::VNI);
    /// ```
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
    pub struct VxlanFlags: u8 {
        /// G: a group policy follows (draft-smith-vxlan-group-policy).
        const GROUP_POLICY = 0x80;
        /// I: the VNI is valid. It must be set (RFC 7348 section 5).
        const VNI = 0x08;
        /// P: byte 3 is the next protocol (VXLAN-GPE).
        const NEXT_PROTOCOL = 0x04;
        /// The bits without a meaning in any standards track document.
        const _ = !0;
    }
}

format_flags!(VxlanFlags);

#[cfg(test)]
mod tests {
    use super::*;

    /// The VXLAN header of tcpdump's tests/vxlan.pcap, packet 1: VNI 100.
    const VNI_100: [u8; 8] = [0x08, 0, 0, 0, 0, 0, 0x64, 0];

    #[test]
    fn new_writes_a_captured_header() {
        let header = VxlanHeader::from_bytes(VNI_100);
        assert_eq!(header.vni(), Vni::new(100).unwrap());
        assert_eq!(header.flags(), VxlanFlags::VNI);
        assert_eq!(header.gbp(), None);
        assert_eq!(VxlanHeader::new(header.vni()).as_bytes(), &VNI_100);
    }

    #[test]
    fn set_gbp_writes_the_kernels_bits() {
        // Linux, mark 0x400123: the D bit and group 0x123; mark 0x8ffff: A and group 0xffff.
        for (mark, bytes) in [
            (0x40_0123, [0x88, 0x40, 0x01, 0x23, 0, 0, 1, 0]),
            (0x08_ffff, [0x88, 0x08, 0xff, 0xff, 0, 0, 1, 0]),
        ] {
            let header = VxlanHeader::new(Vni::new(1).unwrap()).with_gbp(Gbp::from_mark(mark));
            assert_eq!(header.as_bytes(), &bytes);
            assert_eq!(header.gbp().map(Gbp::mark), Some(mark));
        }
    }

    #[test]
    fn setters_cover_every_bit() {
        for bit in 0..64 {
            let bytes = (1u64 << bit).to_be_bytes();
            let header = VxlanHeader::from_bytes(bytes);
            let mut copy = VxlanHeader::default();
            copy.set_flags(header.flags());
            copy.set_reserved24(header.reserved24());
            copy.set_vni(header.vni());
            copy.set_reserved8(header.reserved8());
            assert_eq!(copy.as_bytes(), &bytes, "bit {bit}");
        }
    }

    #[test]
    fn set_gbp_leaves_other_bits() {
        let mut header = VxlanHeader::from_bytes([0xff; 8]);
        header.set_gbp(None);
        assert_eq!(header.as_bytes(), &[0x7f, 0xb7, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn is_gpe_needs_a_next_protocol() {
        // tcpdump tests/nsh-over-vxlan-gpe.pcap; then RFC 7348 headers with reserved bits set.
        assert!(VxlanHeader::from_bytes([0x0c, 0, 0, 4, 0xff, 0xff, 0xff, 0]).is_gpe());
        assert!(!VxlanHeader::from_bytes([0x0c, 0, 0, 0, 0, 0, 1, 0]).is_gpe());
        assert!(!VxlanHeader::from_bytes([0xff; 8]).is_gpe());
        assert!(!VxlanHeader::from_bytes(VNI_100).is_gpe());
    }
}
