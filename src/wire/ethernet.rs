//! Ethernet II (IEEE 802.3 section 3.2.6), without its FCS.
//!
//! [`EthernetFrame`] parses a frame and its VLAN tags, [`EthernetFrameMut`] edits one in place,
//! [`EthernetHeader`] is the header alone, [`EthernetBuilder`] builds. In VXLAN neither the FCS nor
//! padding is carried.

use core::fmt;

use zerocopy::byteorder::network_endian::U16;

use super::build::{Build, BuildError, EthernetPayload};
use super::emit::{Emit, emit_fixed};
use super::header::header;
use super::len::add_len;
use super::number::unbounded;
use super::{Layer, MacAddr, ParseError, PseudoHeader, VlanTag};
use crate::checksum::Sum;

header! {
    /// The Ethernet header (IEEE 802.3 section 3.2.6): 14 bytes, any bytes.
    ///
    /// ```text
    /// | Destination: 6 bytes | Source: 6 bytes | EtherType: 2 bytes |
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::{EthernetHeader, MacAddr};
    ///
    /// let mut frame = *b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0payload";
    /// let (header, payload) = EthernetHeader::mut_from_prefix(&mut frame)?;
    /// header.set_destination(MacAddr::BROADCAST);
    /// assert_eq!(payload, b"payload");
    /// assert_eq!(frame[..6], [0xff; 6]);
    /// # Ok::<(), vtep::wire::ParseError>(())
    /// ```
    #[derive(Debug, Default)]
    pub struct EthernetHeader: 14 bytes, Layer::Ethernet;
    {
        destination: MacAddr,
        source: MacAddr,
        ethertype: U16,
    }
}

impl EthernetHeader {
    /// Returns a header with these fields.
    #[must_use]
    #[inline]
    pub const fn new(destination: MacAddr, source: MacAddr, ethertype: EtherType) -> Self {
        Self { destination, source, ethertype: U16::new(ethertype.0) }
    }

    /// The destination address.
    #[must_use]
    #[inline]
    pub const fn destination(&self) -> MacAddr {
        self.destination
    }

    /// Writes the destination address.
    #[inline]
    pub const fn set_destination(&mut self, destination: MacAddr) {
        self.destination = destination;
    }

    /// The source address.
    #[must_use]
    #[inline]
    pub const fn source(&self) -> MacAddr {
        self.source
    }

    /// Writes the source address.
    #[inline]
    pub const fn set_source(&mut self, source: MacAddr) {
        self.source = source;
    }

    /// The protocol of what follows, or the tag protocol identifier of a VLAN tag.
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

/// A parsed frame: an Ethernet header, up to two VLAN tags, and the payload.
///
/// # Examples
///
/// The whole chain, from a frame to the inner frame of VXLAN:
///
/// ```
/// # use vtep::wire::{Build, EthernetBuilder, Ipv4Builder, MacAddr, UdpBuilder, Vni, VxlanBuilder};
/// use vtep::wire::{EthernetFrame, Ipv4Packet, UdpDatagram, VxlanFrame};
///
/// # let mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
/// # let vxlan = VxlanBuilder::new(Vni::literal::<7>(), [0; 60]);
/// # let udp = UdpBuilder::new(50_000, 4789, vxlan).without_checksum();
/// # let ipv4 = Ipv4Builder::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), udp);
/// # let mut buffer = [0; 128];
/// # let bytes: &[u8] = EthernetBuilder::new(mac, mac, ipv4).build(&mut buffer)?;
/// let outer = EthernetFrame::parse(bytes)?;
/// let ipv4 = Ipv4Packet::parse(outer.payload())?;
/// let udp = UdpDatagram::parse(ipv4.payload())?;
/// let vxlan = VxlanFrame::parse(udp.payload())?;
/// assert_eq!((udp.header().destination_port(), vxlan.vni().value()), (4789, 7));
/// assert_eq!(vxlan.inner().payload().len(), 60 - 14);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EthernetFrame<'a> {
    header: &'a EthernetHeader,
    tags: [Option<VlanTag>; 2],
    ethertype: EtherType,
    payload: &'a [u8],
}

impl<'a> EthernetFrame<'a> {
    /// The most VLAN tags that are parsed: an 802.1ad service tag and an 802.1Q customer tag. A
    /// third stays in the payload, and its tag protocol identifier is the frame's EtherType.
    pub const MAX_TAGS: usize = 2;

    /// Parses a frame.
    ///
    /// # Errors
    /// `Truncated` if the Ethernet header, or a VLAN tag that an EtherType announces, is
    /// incomplete.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, mut payload) = EthernetHeader::ref_from_prefix(bytes)?;
        let mut tags = [None; Self::MAX_TAGS];
        let mut ethertype = header.ethertype();
        for slot in &mut tags {
            if !ethertype.is_vlan() {
                break;
            }
            let (tag, rest) = VlanTag::parse(ethertype, payload)?;
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

    /// The protocol of the payload, after all tags. Below 0x0600 it is an 802.3 length, and no
    /// protocol is known.
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

/// A parsed frame that can be edited in place.
///
/// It has plain fields, so that header and payload can be borrowed at once. The VLAN tags are
/// between them, and are not accessible here.
///
/// # Examples
///
/// ```
/// use vtep::wire::{EthernetFrameMut, Ipv4PacketMut, MacAddr, TcpSegmentMut};
///
/// # use vtep::wire::{Build, EthernetBuilder, Ipv4Builder, TcpBuilder};
/// # let mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
/// # let tcp = TcpBuilder::new(80, 40_000, b"page");
/// # let ipv4 = Ipv4Builder::new([10, 1, 15, 2].into(), [10, 1, 17, 3].into(), tcp);
/// # let mut buffer = [0; 64];
/// # let bytes = EthernetBuilder::new(mac, mac, ipv4).build(&mut buffer)?;
/// let frame = EthernetFrameMut::parse(bytes)?;
/// let ipv4 = Ipv4PacketMut::parse(frame.payload)?;
/// let tcp = TcpSegmentMut::parse(ipv4.payload)?;
/// tcp.header.set_sequence(7);
/// ipv4.header.set_ttl(63);
/// frame.header.set_destination(MacAddr::BROADCAST);
/// # assert!(vtep::wire::Ipv4Packet::parse(&bytes[14..])?.is_checksum_valid());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct EthernetFrameMut<'a> {
    /// The Ethernet header. Its EtherType is the outermost tag's if the frame is tagged.
    pub header: &'a mut EthernetHeader,
    /// The protocol of the payload, after all tags. It is a copy: writing it changes no byte.
    pub ethertype: EtherType,
    /// What follows the header and the tags, padding included.
    pub payload: &'a mut [u8],
}

impl<'a> EthernetFrameMut<'a> {
    /// Parses a frame, as [`EthernetFrame::parse`] does.
    ///
    /// # Errors
    /// As for `EthernetFrame::parse`.
    #[inline]
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, ParseError> {
        let frame = EthernetFrame::parse(bytes)?;
        let (ethertype, payload_len) = (frame.ethertype, frame.payload.len());
        let (header, rest) = EthernetHeader::mut_from_prefix(bytes)?;
        let payload = last_bytes(rest, payload_len).ok_or(ParseError::truncated(
            Layer::Ethernet,
            add_len(EthernetHeader::LEN, payload_len),
            EthernetHeader::LEN,
        ))?;
        Ok(Self { header, ethertype, payload })
    }
}

fn last_bytes(bytes: &mut [u8], count: usize) -> Option<&mut [u8]> {
    let start = bytes.len().checked_sub(count)?;
    bytes.get_mut(start..)
}

/// Builds an Ethernet frame.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, EtherType, EthernetBuilder, MacAddr};
///
/// let (to, from) = (MacAddr::BROADCAST, MacAddr::new([2, 0, 0, 0, 0, 1]));
/// let mut buffer = [0; 16];
/// let frame = EthernetBuilder::with_ethertype(to, from, EtherType::IPV6, [1, 2]);
/// assert_eq!(frame.build(&mut buffer)?[12..], [0x86, 0xdd, 1, 2]);
/// # Ok::<(), vtep::wire::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EthernetBuilder<P> {
    header: EthernetHeader,
    payload: P,
}

impl<P: EthernetPayload> EthernetBuilder<P> {
    /// Returns a frame whose EtherType is the payload's.
    #[must_use]
    pub fn new(destination: MacAddr, source: MacAddr, payload: P) -> Self {
        Self::with_ethertype(destination, source, payload.ethertype(), payload)
    }
}

impl<P: Build> EthernetBuilder<P> {
    /// Returns a frame whose EtherType is an argument.
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
        add_len(EthernetHeader::LEN, self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        self.payload.check()
    }
}

impl<P: Build> Emit for EthernetBuilder<P> {
    fn emit(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        emit_fixed(out, self.header.as_bytes(), &self.payload)
    }
}

/// The protocol that an Ethernet header or a VLAN tag announces (IEEE 802.3 section 3.2.6; numbers
/// by IANA "IEEE 802 Numbers"). Every value is legal.
///
/// # Examples
///
/// ```
/// use vtep::wire::EtherType;
///
/// assert_eq!("0x86dd".parse(), Ok(EtherType::IPV6));
/// assert!(EtherType::from(0x8100).is_vlan());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EtherType(pub u16);

unbounded!(EtherType(u16), "EtherType", "{:#06x}");

impl EtherType {
    /// IPv4 (RFC 894).
    pub const IPV4: Self = Self(0x0800);
    /// ARP (RFC 826).
    pub const ARP: Self = Self(0x0806);
    /// Transparent Ethernet bridging: an Ethernet frame (RFC 8926 section 3.4).
    pub const TEB: Self = Self(0x6558);
    /// An 802.1Q customer tag (Linux `ETH_P_8021Q`).
    pub const DOT1Q: Self = Self(0x8100);
    /// IPv6 (RFC 2464 section 3).
    pub const IPV6: Self = Self(0x86dd);
    /// An 802.1ad service tag (Linux `ETH_P_8021AD`).
    pub const DOT1AD: Self = Self(0x88a8);

    /// Returns whether a VLAN tag follows.
    #[must_use]
    #[inline]
    pub const fn is_vlan(self) -> bool {
        matches!(self, Self::DOT1Q | Self::DOT1AD)
    }

    /// Returns whether it is an 802.3 length in bytes, not a protocol (IEEE 802.3 section 3.2.6).
    #[must_use]
    #[inline]
    pub const fn is_length(self) -> bool {
        self.0 < 0x0600
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
    fn parse_refuses_every_length_below_14() {
        for len in 0..14 {
            let error = ParseError::truncated(Layer::Ethernet, 14, len);
            assert_eq!(EthernetFrame::parse(&CAPTURED[..len]).unwrap_err(), error);
        }
        assert!(EthernetFrame::parse(&CAPTURED).unwrap().payload().is_empty());
    }

    #[test]
    fn parse_reads_two_tags_and_leaves_a_third() {
        let mut bytes: Vec<u8> = CAPTURED[..12].to_vec();
        bytes.extend([0x88, 0xa8, 0x00, 0x64, 0x81, 0x00, 0x60, 0x05, 0x81, 0x00, 0xaa]);
        let frame = EthernetFrame::parse(&bytes).unwrap();
        let ids: Vec<u16> = frame.tags().map(|tag| tag.id().value()).collect();
        assert_eq!(ids, [100, 5]);
        assert_eq!(frame.ethertype(), EtherType::DOT1Q);
        assert_eq!(frame.payload(), [0xaa]);
        let mut copy = bytes.clone();
        let edited = EthernetFrameMut::parse(&mut copy).unwrap();
        assert_eq!((edited.ethertype, &*edited.payload), (EtherType::DOT1Q, &[0xaa][..]));
        for len in 14..22 {
            assert_eq!(EthernetFrame::parse(&bytes[..len]).unwrap_err().layer, Layer::Vlan);
        }
    }
}
