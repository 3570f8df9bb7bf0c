//! Ethernet II (IEEE 802.3 section 3.2.6), without its FCS.
//!
//! ```text
//! | destination: 6 | source: 6 | EtherType: 2 | payload, padded to 46 bytes on copper |
//! ```
//!
//! In VXLAN neither the FCS nor padding is carried. A type field below 0x0600 is an 802.3 length; it is
//! kept as it is and no protocol is found behind it.

use core::fmt;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::build::{Build, BuildError, EthernetPayload, write_behind, write_header};
use super::{Layer, MacAddr, ParseError, PseudoHeader, VlanTag, view::view};
use crate::checksum::Sum;

/// The Ethernet header: 14 bytes, any bytes.
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
pub struct EthernetHeader {
    destination: MacAddr,
    source: MacAddr,
    ethertype: U16,
}

view!(EthernetHeader, 14, Layer::Ethernet);

impl EthernetHeader {
    /// A header with these fields.
    #[must_use]
    #[inline]
    pub const fn new(destination: MacAddr, source: MacAddr, ethertype: EtherType) -> Self {
        Self { destination, source, ethertype: U16::new(ethertype.0) }
    }

    /// Whom the frame is for.
    #[must_use]
    #[inline]
    pub const fn destination(&self) -> MacAddr {
        self.destination
    }

    /// Writes whom the frame is for.
    #[inline]
    pub const fn set_destination(&mut self, destination: MacAddr) {
        self.destination = destination;
    }

    /// Who sent the frame.
    #[must_use]
    #[inline]
    pub const fn source(&self) -> MacAddr {
        self.source
    }

    /// Writes who sent the frame.
    #[inline]
    pub const fn set_source(&mut self, source: MacAddr) {
        self.source = source;
    }

    /// The protocol of what follows, or the tag protocol of a VLAN tag.
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

/// A frame with a whole Ethernet header, its VLAN tags walked to the payload.
#[derive(Clone, Copy, Debug)]
pub struct EthernetFrame<'a> {
    header: &'a EthernetHeader,
    tags: [Option<VlanTag>; 2],
    ethertype: EtherType,
    payload: &'a [u8],
}

impl<'a> EthernetFrame<'a> {
    /// The most VLAN tags that are walked: an 802.1ad service tag and an 802.1Q customer tag. A third
    /// stays in the payload, and its tag protocol is the frame's EtherType.
    pub const MAX_TAGS: usize = 2;

    /// Reads a frame.
    ///
    /// # Errors
    /// `Truncated` for an Ethernet header, or a VLAN tag announced by an EtherType, that is not all there.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, mut payload) = EthernetHeader::ref_from_prefix(bytes)?;
        let mut tags = [None; Self::MAX_TAGS];
        let mut ethertype = header.ethertype();
        for slot in &mut tags {
            if !ethertype.is_vlan() {
                break;
            }
            let (tag, rest) = VlanTag::read(ethertype, payload)?;
            *slot = Some(tag.0);
            (ethertype, payload) = (tag.1, rest);
        }
        Ok(Self { header, tags, ethertype, payload })
    }

    /// The Ethernet header. Its EtherType is the outermost tag's if the frame is tagged.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a EthernetHeader {
        self.header
    }

    /// The VLAN tags, outermost first.
    #[inline]
    pub fn tags(&self) -> impl Iterator<Item = VlanTag> + use<> {
        self.tags.into_iter().flatten()
    }

    /// The protocol of the payload, behind all tags.
    #[must_use]
    #[inline]
    pub const fn ethertype(&self) -> EtherType {
        self.ethertype
    }

    /// What follows the header and the tags, padding included: Ethernet has no length field.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// Builds a frame.
#[derive(Clone, Copy, Debug)]
pub struct EthernetBuilder<P> {
    header: EthernetHeader,
    payload: P,
}

impl<P: EthernetPayload> EthernetBuilder<P> {
    /// A frame whose EtherType is the payload's.
    #[must_use]
    pub fn new(destination: MacAddr, source: MacAddr, payload: P) -> Self {
        Self::with_ethertype(destination, source, payload.ethertype(), payload)
    }
}

impl<P: Build> EthernetBuilder<P> {
    /// A frame whose EtherType is given.
    #[must_use]
    pub const fn with_ethertype(
        destination: MacAddr,
        source: MacAddr,
        ethertype: EtherType,
        payload: P,
    ) -> Self {
        Self { header: EthernetHeader::new(destination, source, ethertype), payload }
    }
}

impl<P: Build> Build for EthernetBuilder<P> {
    fn len(&self) -> usize {
        EthernetHeader::LEN.saturating_add(self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        self.payload.check()
    }

    fn write(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Sum {
        let payload = write_behind(EthernetHeader::LEN, out, &self.payload, None);
        write_header(out, self.header.as_bytes()) + payload
    }
}

/// What the two bytes behind the addresses say. Every value is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4 (RFC 894).
    pub const IPV4: Self = Self(0x0800);
    /// ARP (RFC 826).
    pub const ARP: Self = Self(0x0806);
    /// Transparent Ethernet bridging: an Ethernet frame (RFC 8926 section 3.4).
    pub const TEB: Self = Self(0x6558);
    /// An 802.1Q customer tag.
    pub const DOT1Q: Self = Self(0x8100);
    /// IPv6 (RFC 2464 section 3).
    pub const IPV6: Self = Self(0x86dd);
    /// An 802.1ad service tag.
    pub const DOT1AD: Self = Self(0x88a8);

    /// Whether a VLAN tag follows.
    #[must_use]
    #[inline]
    pub const fn is_vlan(self) -> bool {
        matches!(self, Self::DOT1Q | Self::DOT1AD)
    }

    /// Whether it is an 802.3 length in bytes, not a protocol (IEEE 802.3 section 3.2.6).
    #[must_use]
    #[inline]
    pub const fn is_length(self) -> bool {
        self.0 < 0x0600
    }
}

impl fmt::Display for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EtherType({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// tcpdump tests/vxlan.pcap, packet 1.
    const CAPTURED: [u8; 14] =
        [0x00, 0x16, 0x3e, 0x08, 0x71, 0xcf, 0x36, 0xdc, 0x85, 0x1e, 0xb3, 0x40, 0x08, 0x00];

    #[test]
    fn reads_and_writes_a_captured_header() {
        let header = EthernetHeader::from_bytes(CAPTURED);
        assert_eq!(header.destination(), "00:16:3e:08:71:cf".parse().unwrap());
        assert_eq!(header.source(), "36:dc:85:1e:b3:40".parse().unwrap());
        assert_eq!(header.ethertype(), EtherType::IPV4);
        let built = EthernetHeader::new(header.destination(), header.source(), EtherType::IPV4);
        assert_eq!(built.as_bytes(), &CAPTURED);
    }

    #[test]
    fn every_length_below_14_is_truncated() {
        for len in 0..14 {
            let error = ParseError::truncated(Layer::Ethernet, 14, len);
            assert_eq!(EthernetFrame::parse(&CAPTURED[..len]).unwrap_err(), error);
        }
        assert!(EthernetFrame::parse(&CAPTURED).unwrap().payload().is_empty());
    }

    #[test]
    fn walks_two_tags_and_leaves_a_third() {
        let mut bytes: Vec<u8> = CAPTURED[..12].to_vec();
        bytes.extend([0x88, 0xa8, 0x00, 0x64, 0x81, 0x00, 0x60, 0x05, 0x81, 0x00, 0xaa]);
        let frame = EthernetFrame::parse(&bytes).unwrap();
        let ids: Vec<u16> = frame.tags().map(|tag| tag.id().value()).collect();
        assert_eq!(ids, [100, 5]);
        assert_eq!(frame.ethertype(), EtherType::DOT1Q);
        assert_eq!(frame.payload(), [0xaa]);
        for len in 14..22 {
            assert_eq!(EthernetFrame::parse(&bytes[..len]).unwrap_err().layer, Layer::Vlan);
        }
    }
}
