//! VXLAN (RFC 7348 section 5), with the bits of the Group Policy extension (draft-smith-vxlan-group-policy).
//!
//! ```text
//!  0                   1                   2                   3
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |G|R|R|R|I|R|R|R|R|D|R|R|A|R|R|R|        Group Policy ID        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                VXLAN Network Identifier       |   Reserved    |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! Without Group Policy every bit but I and the VNI is reserved: zero on transmit, ignored on receipt.
//! What a receiver makes of them is policy and lives in [`tunnel`](crate::tunnel); this view keeps all.

use core::fmt;

use bitflags::bitflags;
use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::build::{Build, BuildError, write_behind, write_header};
use super::{EthernetFrame, Layer, ParseError, PseudoHeader, Vni, view::view};
use crate::checksum::Sum;

/// The VXLAN header: 8 bytes, any bytes.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct VxlanHeader {
    flags: u8,
    policy_flags: u8,
    group: U16,
    vni: [u8; 3],
    reserved: u8,
}

view!(VxlanHeader, 8, Layer::Vxlan);

impl VxlanHeader {
    /// The UDP port that IANA gave VXLAN (RFC 7348 section 8).
    pub const PORT: u16 = 4789;
    /// The UDP port of the Linux device, and of flannel on Linux, unless another is given
    /// (`drivers/net/vxlan/vxlan_core.c`).
    pub const LINUX_PORT: u16 = 8472;
    /// The UDP port that IANA gave VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe).
    pub const GPE_PORT: u16 = 4790;

    /// A header that says `vni` and nothing else: I set, every reserved bit zero.
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

    /// This header with a group policy: the G, D and A bits and the group are overwritten.
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

    /// The network identifier. It means something only if [`VxlanFlags::VNI`] is set.
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

    /// The group policy, if the G bit says that there is one.
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

    /// Whether it is a VXLAN-GPE header beyond reasonable doubt (draft-ietf-nvo3-vxlan-gpe section 3):
    /// I and P set, version 0, B and the two high flag bits clear, bytes 1 and 2 zero, and a next protocol
    /// that the draft assigns (1 IPv4 to 5 MPLS).
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
    /// The first byte of a VXLAN header.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct VxlanFlags: u8 {
        /// G: a group policy follows (draft-smith-vxlan-group-policy).
        const GROUP_POLICY = 0x80;
        /// I: the VNI is valid. It must be set (RFC 7348 section 5).
        const VNI = 0x08;
        /// P: the next protocol stands in byte 3 (VXLAN-GPE).
        const NEXT_PROTOCOL = 0x04;
        /// The bits that no standard track document gives a meaning.
        const _ = !0;
    }
}

/// A VXLAN frame: a header whose I flag is set, and a whole inner Ethernet header behind it.
#[derive(Clone, Copy, Debug)]
pub struct VxlanFrame<'a> {
    header: &'a VxlanHeader,
    inner: EthernetFrame<'a>,
}

impl<'a> VxlanFrame<'a> {
    /// Reads a UDP payload. Reserved bits are ignored (RFC 7348 section 5).
    ///
    /// # Errors
    /// `Truncated` for a VXLAN header or an inner Ethernet header that is not all there; `Unsupported`
    /// when the I flag is clear.
    #[inline]
    pub fn parse(payload: &'a [u8]) -> Result<Self, ParseError> {
        let (header, inner) = VxlanHeader::ref_from_prefix(payload)?;
        if !header.flags().contains(VxlanFlags::VNI) {
            let expected = u16::from(VxlanFlags::VNI.bits());
            return Err(ParseError::unsupported(
                Layer::Vxlan,
                0,
                expected,
                u16::from(header.flags),
            ));
        }
        Ok(Self { header, inner: EthernetFrame::parse(inner)? })
    }

    /// The VXLAN header.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a VxlanHeader {
        self.header
    }

    /// The network that the inner frame belongs to.
    #[must_use]
    #[inline]
    pub const fn vni(&self) -> Vni {
        self.header.vni()
    }

    /// The inner frame, its own padding included.
    #[must_use]
    #[inline]
    pub const fn inner(&self) -> EthernetFrame<'a> {
        self.inner
    }
}

/// Builds a VXLAN header and the inner frame behind it.
#[derive(Clone, Copy, Debug)]
pub struct VxlanBuilder<P> {
    header: VxlanHeader,
    inner: P,
}

impl<P: Build> VxlanBuilder<P> {
    /// `inner` in the network `vni`.
    #[must_use]
    pub const fn new(vni: Vni, inner: P) -> Self {
        Self::with_header(VxlanHeader::new(vni), inner)
    }

    /// `inner` behind `header`, whatever that says.
    #[must_use]
    pub const fn with_header(header: VxlanHeader, inner: P) -> Self {
        Self { header, inner }
    }
}

impl<P: Build> Build for VxlanBuilder<P> {
    fn len(&self) -> usize {
        VxlanHeader::LEN.saturating_add(self.inner.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        self.inner.check()
    }

    fn write(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Sum {
        let inner = write_behind(VxlanHeader::LEN, out, &self.inner, None);
        write_header(out, self.header.as_bytes()) + inner
    }
}

/// What the Group Policy extension says of a frame (draft-smith-vxlan-group-policy section 2.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Gbp {
    /// The Group Policy ID: the source's group.
    pub group: u16,
    /// D: the egress VTEP must not learn the source address.
    pub dont_learn: bool,
    /// A: policy has been applied already, and must not be again.
    pub policy_applied: bool,
}

impl Gbp {
    const DONT_LEARN: u8 = 0x40;
    const POLICY_APPLIED: u8 = 0x08;
    /// The bits of [`mark`](Self::mark) that mean something.
    pub const MARK_MASK: u32 = 0x48_FFFF;

    /// The policy in a Linux packet mark: D is bit 22, A bit 19, the group the low 16 bits
    /// (`include/net/vxlan.h`). Other bits of the mark are not looked at.
    #[must_use]
    #[inline]
    pub const fn from_mark(mark: u32) -> Self {
        let [_, flags, high, low] = mark.to_be_bytes();
        Self {
            group: u16::from_be_bytes([high, low]),
            dont_learn: flags & Self::DONT_LEARN != 0,
            policy_applied: flags & Self::POLICY_APPLIED != 0,
        }
    }

    /// The policy as a Linux packet mark.
    #[must_use]
    #[inline]
    pub const fn mark(self) -> u32 {
        let dont_learn = if self.dont_learn { Self::DONT_LEARN } else { 0 };
        let applied = if self.policy_applied { Self::POLICY_APPLIED } else { 0 };
        let [high, low] = self.group.to_be_bytes();
        u32::from_be_bytes([0, dont_learn | applied, high, low])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The VXLAN header of tcpdump's tests/vxlan.pcap, packet 1: VNI 100.
    const VNI_100: [u8; 8] = [0x08, 0, 0, 0, 0, 0, 0x64, 0];

    #[test]
    fn reads_and_writes_a_captured_header() {
        let header = VxlanHeader::from_bytes(VNI_100);
        assert_eq!(header.vni(), Vni::new(100).unwrap());
        assert_eq!(header.flags(), VxlanFlags::VNI);
        assert_eq!(header.gbp(), None);
        assert_eq!(VxlanHeader::new(header.vni()).as_bytes(), &VNI_100);
    }

    #[test]
    fn reads_and_writes_the_kernels_group_policy() {
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
    fn keeps_every_bit() {
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
    fn setting_a_policy_leaves_other_bits() {
        let mut header = VxlanHeader::from_bytes([0xff; 8]);
        header.set_gbp(None);
        assert_eq!(header.as_bytes(), &[0x7f, 0xb7, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn tells_gpe() {
        // tcpdump tests/nsh-over-vxlan-gpe.pcap; then RFC 7348 headers with reserved bits set.
        assert!(VxlanHeader::from_bytes([0x0c, 0, 0, 4, 0xff, 0xff, 0xff, 0]).is_gpe());
        assert!(!VxlanHeader::from_bytes([0x0c, 0, 0, 0, 0, 0, 1, 0]).is_gpe());
        assert!(!VxlanHeader::from_bytes([0xff; 8]).is_gpe());
        assert!(!VxlanHeader::from_bytes(VNI_100).is_gpe());
    }

    #[test]
    fn a_frame_needs_its_flag_and_a_whole_inner_header() {
        let mut payload = [0u8; 22];
        payload[0] = 0x08;
        payload[6] = 1;
        assert_eq!(VxlanFrame::parse(&payload).unwrap().vni().value(), 1);
        for len in 0..payload.len() {
            assert!(VxlanFrame::parse(&payload[..len]).is_err(), "{len}");
        }
        payload[0] = 0xf7;
        let error = ParseError::unsupported(Layer::Vxlan, 0, 0x08, 0xf7);
        assert_eq!(VxlanFrame::parse(&payload).unwrap_err(), error);
    }
}
