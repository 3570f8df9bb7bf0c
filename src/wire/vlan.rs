//! VLAN tags: 802.1Q customer tags and 802.1ad service tags (IEEE 802.1Q section 9.6).
//!
//! [`EthernetFrame`](super::EthernetFrame) parses the tags of a frame into [`VlanTag`] values,
//! [`VlanBuilder`] builds a tag, [`VlanHeader`] is the view to edit one in place.

use core::fmt;

use zerocopy::byteorder::network_endian::U16;

use super::build::{Build, BuildError, EthernetPayload};
use super::emit::{Emit, emit_fixed};
use super::header::header;
use super::len::add_len;
use super::number::bounded;
use super::{EtherType, Layer, ParseError, PseudoHeader};
use crate::checksum::Sum;

header! {
    /// A VLAN tag after its tag protocol identifier, which is the EtherType in front (IEEE 802.1Q
    /// section 9.6): 4 bytes, any bytes.
    ///
    /// ```text
    /// | PCP: 3 bits | DEI: 1 bit | VLAN identifier: 12 bits | EtherType: 16 bits |
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::{EtherType, VlanHeader};
    ///
    /// // What follows 0x8100: priority 5, VLAN 100, IPv4.
    /// let (header, payload) = VlanHeader::ref_from_prefix(&[0xa0, 0x64, 0x08, 0x00, 0xee])?;
    /// assert_eq!((header.control(), header.ethertype()), (0xa064, EtherType::IPV4));
    /// assert_eq!(payload, [0xee]);
    /// # Ok::<(), vtep::wire::ParseError>(())
    /// ```
    #[derive(Debug, Default)]
    pub struct VlanHeader: 4 bytes, Layer::Vlan;
    {
        control: U16,
        ethertype: U16,
    }
}

impl VlanHeader {
    /// Returns the control word of `tag` and the EtherType of what follows.
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

/// A VLAN tag as a value (IEEE 802.1Q section 9.6): its protocol, priority, drop eligibility and
/// identifier.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Pcp, VlanId, VlanTag};
///
/// let tag = VlanTag::customer(VlanId::literal::<100>()).with_priority(Pcp::literal::<5>());
/// assert_eq!((tag.id().value(), tag.priority().value(), tag.control()), (100, 5, 0xa064));
/// assert_eq!(tag.to_string(), "802.1Q id 100 pcp 5");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VlanTag {
    protocol: EtherType,
    control: u16,
}

impl VlanTag {
    /// Returns an 802.1Q customer tag of priority 0.
    #[must_use]
    #[inline]
    pub const fn customer(id: VlanId) -> Self {
        Self { protocol: EtherType::DOT1Q, control: id.0 }
    }

    /// Returns an 802.1ad service tag of priority 0.
    #[must_use]
    #[inline]
    pub const fn service(id: VlanId) -> Self {
        Self { protocol: EtherType::DOT1AD, control: id.0 }
    }

    /// Returns this tag with a priority code point.
    #[must_use]
    #[inline]
    pub const fn with_priority(mut self, priority: Pcp) -> Self {
        self.control = self.control & 0x1FFF | (priority.0 as u16) << 13;
        self
    }

    /// Returns this tag with the drop eligible indicator (DEI) set or clear.
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

    /// Returns the drop eligible indicator (DEI; CFI before 2011).
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

    /// Parses the tag that `protocol` announces at the front of `bytes`; returns it, the EtherType
    /// after it, and the rest.
    #[inline]
    pub(crate) fn parse(
        protocol: EtherType,
        bytes: &[u8],
    ) -> Result<((Self, EtherType), &[u8]), ParseError> {
        let (header, rest) = VlanHeader::ref_from_prefix(bytes)?;
        Ok(((Self { protocol, control: header.control() }, header.ethertype()), rest))
    }
}

impl fmt::Display for VlanTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            EtherType::DOT1Q => f.write_str("802.1Q")?,
            EtherType::DOT1AD => f.write_str("802.1ad")?,
            other => fmt::Display::fmt(&other, f)?,
        }
        write!(f, " id {} pcp {}", self.id(), self.priority())?;
        if self.is_drop_eligible() { f.write_str(" dei") } else { Ok(()) }
    }
}

/// Builds a VLAN tag and the packet that it tags.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, EtherType, VlanBuilder, VlanId, VlanTag};
///
/// let tag = VlanTag::customer(VlanId::literal::<100>());
/// let mut buffer = [0; 8];
/// let tagged = VlanBuilder::with_ethertype(tag, EtherType::IPV4, b"data").build(&mut buffer)?;
/// assert_eq!(tagged, b"\x00\x64\x08\x00data");
/// # Ok::<(), vtep::wire::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VlanBuilder<P> {
    tag: VlanTag,
    ethertype: EtherType,
    payload: P,
}

impl<P: EthernetPayload> VlanBuilder<P> {
    /// Returns `tag` in front of `payload`, with the payload's EtherType.
    #[must_use]
    pub fn new(tag: VlanTag, payload: P) -> Self {
        Self::with_ethertype(tag, payload.ethertype(), payload)
    }
}

impl<P: Build> VlanBuilder<P> {
    /// Returns `tag` in front of `payload`, whose EtherType is an argument.
    #[must_use]
    pub const fn with_ethertype(tag: VlanTag, ethertype: EtherType, payload: P) -> Self {
        Self { tag, ethertype, payload }
    }
}

impl<P: Build> Build for VlanBuilder<P> {
    fn len(&self) -> usize {
        add_len(VlanHeader::LEN, self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        self.payload.check()
    }
}

impl<P: Build> Emit for VlanBuilder<P> {
    fn emit(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        emit_fixed(out, VlanHeader::new(self.tag, self.ethertype).as_bytes(), &self.payload)
    }
}

impl<P: Build> EthernetPayload for VlanBuilder<P> {
    fn ethertype(&self) -> EtherType {
        self.tag.protocol()
    }
}

bounded! {
    /// A VLAN identifier (IEEE 802.1Q section 9.6): 12 bits. 0 marks a priority tag, 4095 is
    /// reserved; both are seen on the wire.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::VlanId;
    ///
    /// const MANAGEMENT: VlanId = VlanId::literal::<100>();
    ///
    /// assert_eq!("100".parse(), Ok(MANAGEMENT));
    /// assert_eq!(VlanId::new(4096).unwrap_err().max, 4095);
    /// ```
    pub struct VlanId(u16), "VLAN identifier", max 0x0FFF, getter value;
    "{}"
}

bounded! {
    /// A priority code point (IEEE 802.1Q section 9.6): 3 bits, 7 the highest.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::Pcp;
    ///
    /// assert_eq!(Pcp::try_from(7), Ok(Pcp::MAX));
    /// assert!(Pcp::new(8).is_err() && Pcp::literal::<5>() > Pcp::default());
    /// ```
    pub struct Pcp(u8), "PCP", max 7, getter value;
    "{}"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_the_kernels_tags() {
        // l2_vlan_tagged_inner.pcap carries 802.1Q with PCP 5 and VID 100, and VID 4095.
        let bytes = [0xa0, 0x64, 0x08, 0x00, 0xee];
        let ((tag, ethertype), rest) = VlanTag::parse(EtherType::DOT1Q, &bytes).unwrap();
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
    fn setters_of_a_tag_write_their_own_bits() {
        let tag = VlanTag::service(VlanId::MAX).with_priority(Pcp::MAX).with_drop_eligible(true);
        assert_eq!(tag.control(), 0xffff);
        assert_eq!(tag.with_priority(Pcp(0)).control(), 0x1fff);
        assert_eq!(tag.with_drop_eligible(false).control(), 0xefff);
        assert_eq!(tag.protocol(), EtherType(0x88a8));
    }

    #[test]
    fn display_names_the_protocol_and_the_drop_eligible_bit() {
        let tag = VlanTag::service(VlanId::MAX).with_drop_eligible(true);
        assert_eq!(std::format!("{tag}"), "802.1ad id 4095 pcp 0 dei");
    }

    #[test]
    fn every_length_below_4_is_truncated() {
        for len in 0..4 {
            let error = ParseError::truncated(Layer::Vlan, 4, len);
            assert_eq!(VlanHeader::ref_from_prefix(&[0; 4][..len]).unwrap_err(), error);
        }
    }
}
