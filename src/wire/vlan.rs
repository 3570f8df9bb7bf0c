//! VLAN tags: 802.1Q customer tags and 802.1ad service tags (IEEE 802.1Q section 9.6).
//!
//! ```text
//! | TPID: 16 (the EtherType before it) | PCP: 3 | DEI: 1 | VLAN identifier: 12 | EtherType: 16 |
//! ```

use core::fmt;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::build::{Build, BuildError, EthernetPayload, write_behind, write_header};
use super::{EtherType, Layer, ParseError, PseudoHeader, view::view};
use crate::checksum::Sum;

/// What stands behind a tag protocol identifier: the tag's control word and the next EtherType.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Debug,
    Default,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct VlanHeader {
    control: U16,
    ethertype: U16,
}

view!(VlanHeader, 4, Layer::Vlan);

impl VlanHeader {
    /// The control word of `tag`, and the EtherType of what follows.
    #[must_use]
    #[inline]
    pub const fn new(tag: VlanTag, ethertype: EtherType) -> Self {
        Self { control: U16::new(tag.control), ethertype: U16::new(ethertype.0) }
    }

    /// The tag control information: PCP, DEI and VLAN identifier.
    #[must_use]
    #[inline]
    pub const fn control(&self) -> u16 {
        self.control.get()
    }

    /// Writes the tag control information.
    #[inline]
    pub const fn set_control(&mut self, control: u16) {
        self.control = U16::new(control);
    }

    /// The protocol of what follows.
    #[must_use]
    #[inline]
    pub const fn ethertype(&self) -> EtherType {
        EtherType(self.ethertype.get())
    }

    /// Writes the protocol of what follows.
    #[inline]
    pub const fn set_ethertype(&mut self, ethertype: EtherType) {
        self.ethertype = U16::new(ethertype.0);
    }
}

/// A VLAN tag as a value: its protocol, priority, drop eligibility and identifier.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VlanTag {
    protocol: EtherType,
    control: u16,
}

impl VlanTag {
    /// An 802.1Q customer tag of priority 0.
    #[must_use]
    #[inline]
    pub const fn customer(id: VlanId) -> Self {
        Self { protocol: EtherType::DOT1Q, control: id.0 }
    }

    /// An 802.1ad service tag of priority 0.
    #[must_use]
    #[inline]
    pub const fn service(id: VlanId) -> Self {
        Self { protocol: EtherType::DOT1AD, control: id.0 }
    }

    /// This tag with a priority code point.
    #[must_use]
    #[inline]
    pub const fn with_priority(mut self, priority: Pcp) -> Self {
        self.control = self.control & 0x1FFF | (priority.0 as u16) << 13;
        self
    }

    /// This tag with the drop eligible indicator (DEI) set or clear.
    #[must_use]
    #[inline]
    pub const fn with_drop_eligible(mut self, eligible: bool) -> Self {
        self.control = self.control & !0x1000 | (eligible as u16) << 12;
        self
    }

    /// The tag protocol identifier: 0x8100 or 0x88a8.
    #[must_use]
    #[inline]
    pub const fn protocol(self) -> EtherType {
        self.protocol
    }

    /// The tag control information: PCP, DEI and VLAN identifier.
    #[must_use]
    #[inline]
    pub const fn control(self) -> u16 {
        self.control
    }

    /// The priority code point (PCP).
    #[must_use]
    #[inline]
    pub const fn priority(self) -> Pcp {
        Pcp(self.control.to_be_bytes()[0] >> 5)
    }

    /// The drop eligible indicator (DEI; CFI before 2011).
    #[must_use]
    #[inline]
    pub const fn is_drop_eligible(self) -> bool {
        self.control & 0x1000 != 0
    }

    /// The VLAN identifier.
    #[must_use]
    #[inline]
    pub const fn id(self) -> VlanId {
        VlanId(self.control & 0x0FFF)
    }

    /// The tag that `protocol` announces at the front of `bytes`, the EtherType behind it, and the rest.
    #[inline]
    pub(crate) fn read(
        protocol: EtherType,
        bytes: &[u8],
    ) -> Result<((Self, EtherType), &[u8]), ParseError> {
        let (header, rest) = VlanHeader::ref_from_prefix(bytes)?;
        Ok(((Self { protocol, control: header.control() }, header.ethertype()), rest))
    }
}

/// Builds a tag and what it tags.
#[derive(Clone, Copy, Debug)]
pub struct VlanBuilder<P> {
    tag: VlanTag,
    ethertype: EtherType,
    payload: P,
}

impl<P: EthernetPayload> VlanBuilder<P> {
    /// `tag` in front of `payload`, whose EtherType it says.
    #[must_use]
    pub fn new(tag: VlanTag, payload: P) -> Self {
        Self::with_ethertype(tag, payload.ethertype(), payload)
    }
}

impl<P: Build> VlanBuilder<P> {
    /// `tag` in front of `payload`, whose EtherType is given.
    #[must_use]
    pub const fn with_ethertype(tag: VlanTag, ethertype: EtherType, payload: P) -> Self {
        Self { tag, ethertype, payload }
    }
}

impl<P: Build> Build for VlanBuilder<P> {
    fn len(&self) -> usize {
        VlanHeader::LEN.saturating_add(self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        self.payload.check()
    }

    fn write(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Sum {
        let payload = write_behind(VlanHeader::LEN, out, &self.payload, None);
        write_header(out, VlanHeader::new(self.tag, self.ethertype).as_bytes()) + payload
    }
}

impl<P: Build> EthernetPayload for VlanBuilder<P> {
    fn ethertype(&self) -> EtherType {
        self.tag.protocol()
    }
}

/// A VLAN identifier: 12 bits. 0 tags a priority alone, 4095 is reserved; both are seen on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct VlanId(u16);

impl VlanId {
    /// The greatest identifier, 4095.
    pub const MAX: Self = Self(0x0FFF);

    /// The identifier with this value.
    ///
    /// # Errors
    /// [`VlanFieldTooLarge`] beyond 12 bits.
    #[inline]
    pub const fn new(value: u16) -> Result<Self, VlanFieldTooLarge> {
        if value > Self::MAX.0 {
            Err(VlanFieldTooLarge { value, most: Self::MAX.0 })
        } else {
            Ok(Self(value))
        }
    }

    /// The value, at most 4095.
    #[must_use]
    #[inline]
    pub const fn value(self) -> u16 {
        self.0
    }
}

/// A priority code point: 3 bits, 7 the highest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Pcp(u8);

impl Pcp {
    /// The highest priority, 7.
    pub const MAX: Self = Self(7);

    /// The priority with this value.
    ///
    /// # Errors
    /// [`VlanFieldTooLarge`] beyond 3 bits.
    #[inline]
    pub const fn new(value: u8) -> Result<Self, VlanFieldTooLarge> {
        if value > Self::MAX.0 {
            Err(VlanFieldTooLarge { value: value as u16, most: Self::MAX.0 as u16 })
        } else {
            Ok(Self(value))
        }
    }

    /// The value, at most 7.
    #[must_use]
    #[inline]
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// A number that has more bits than its field of a VLAN tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VlanFieldTooLarge {
    /// The number.
    pub value: u16,
    /// The greatest that fits.
    pub most: u16,
}

impl fmt::Display for VlanFieldTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is more than {}", self.value, self.most)
    }
}

impl core::error::Error for VlanFieldTooLarge {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_tags() {
        // l2_vlan_tagged_inner.pcap carries 802.1Q with PCP 5 and VID 100, and VID 4095.
        let bytes = [0xa0, 0x64, 0x08, 0x00, 0xee];
        let ((tag, ethertype), rest) = VlanTag::read(EtherType::DOT1Q, &bytes).unwrap();
        assert_eq!((tag.priority(), tag.id()), (Pcp(5), VlanId(100)));
        assert_eq!(
            (tag.is_drop_eligible(), ethertype, rest),
            (false, EtherType::IPV4, &[0xee][..])
        );
        let built = VlanTag::customer(VlanId(100)).with_priority(Pcp(5));
        assert_eq!(VlanHeader::new(built, ethertype).as_bytes(), &bytes[..4]);
        assert_eq!(built, tag);
    }

    #[test]
    fn every_bit_has_its_field() {
        let tag = VlanTag::service(VlanId::MAX).with_priority(Pcp::MAX).with_drop_eligible(true);
        assert_eq!(tag.control(), 0xffff);
        assert_eq!(tag.with_priority(Pcp(0)).control(), 0x1fff);
        assert_eq!(tag.with_drop_eligible(false).control(), 0xefff);
        assert_eq!(tag.protocol(), EtherType(0x88a8));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(VlanId::new(4096), Err(VlanFieldTooLarge { value: 4096, most: 4095 }));
        assert_eq!(Pcp::new(8), Err(VlanFieldTooLarge { value: 8, most: 7 }));
    }

    #[test]
    fn every_length_below_4_is_truncated() {
        for len in 0..4 {
            let error = ParseError::truncated(Layer::Vlan, 4, len);
            assert_eq!(VlanHeader::ref_from_prefix(&[0; 4][..len]).unwrap_err(), error);
        }
    }
}
