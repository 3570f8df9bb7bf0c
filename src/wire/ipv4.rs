//! IPv4 (RFC 791 section 3.1; TOS as RFC 2474 and RFC 3168 have it; ID as RFC 6864).
//!
//! ```text
//! |Version|  IHL  |DSCP       |ECN|          Total Length         |
//! |         Identification        |R D M      Fragment Offset     |
//! |      TTL      |    Protocol   |        Header Checksum        |
//! |                         Source Address                        |
//! |                      Destination Address                      |
//! |                    Options, IHL * 4 - 20 bytes                |
//! ```

use core::net::Ipv4Addr;

use bitflags::bitflags;
use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::build::{
    Build, BuildError, EthernetPayload, IpPayload, check_length, length_field, write_behind,
    write_header,
};
use super::{EtherType, IpProtocol, Layer, ParseError, PseudoHeader, TrafficClass, view::view};
use crate::checksum::{self, Sum};

/// The IPv4 header without options: 20 bytes, any bytes.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Ipv4Header {
    version_ihl: u8,
    traffic_class: u8,
    total_len: U16,
    id: U16,
    flags_offset: U16,
    ttl: u8,
    protocol: u8,
    checksum: U16,
    source: [u8; 4],
    destination: [u8; 4],
}

view!(Ipv4Header, 20, Layer::Ipv4);

impl Ipv4Header {
    /// The longest header, options included, in bytes.
    pub const MAX_LEN: usize = 60;

    /// A header between two addresses: version 4, no options, TTL 64, everything else zero, the checksum
    /// not yet filled.
    #[must_use]
    #[inline]
    pub const fn new(source: Ipv4Addr, destination: Ipv4Addr, protocol: IpProtocol) -> Self {
        Self {
            version_ihl: 0x45,
            traffic_class: 0,
            total_len: U16::ZERO,
            id: U16::ZERO,
            flags_offset: U16::ZERO,
            ttl: 64,
            protocol: protocol.0,
            checksum: U16::ZERO,
            source: source.octets(),
            destination: destination.octets(),
        }
    }

    /// Version and IHL: 0x45 in a valid header without options.
    #[must_use]
    #[inline]
    pub(crate) const fn first_byte(&self) -> u8 {
        self.version_ihl
    }

    /// The version: 4 in a valid header.
    #[must_use]
    #[inline]
    pub const fn version(&self) -> u8 {
        self.version_ihl >> 4
    }

    /// The header's length in bytes, options included, as the IHL says: 20 to 60 in a valid header.
    #[must_use]
    #[inline]
    pub const fn header_len(&self) -> usize {
        ((self.version_ihl & 0x0F) as usize) << 2
    }

    /// DSCP and ECN.
    #[must_use]
    #[inline]
    pub const fn traffic_class(&self) -> TrafficClass {
        TrafficClass(self.traffic_class)
    }

    /// Writes DSCP and ECN; the checksum is left stale.
    #[inline]
    pub const fn set_traffic_class_raw(&mut self, class: TrafficClass) {
        self.traffic_class = class.0;
    }

    /// Writes DSCP and ECN, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_traffic_class(&mut self, class: TrafficClass) {
        self.update_word(|header| header.set_traffic_class_raw(class), Self::first_word);
    }

    /// The length of header and payload in bytes.
    #[must_use]
    #[inline]
    pub const fn total_len(&self) -> u16 {
        self.total_len.get()
    }

    /// Writes the length of header and payload; the checksum is left stale.
    #[inline]
    pub const fn set_total_len_raw(&mut self, len: u16) {
        self.total_len = U16::new(len);
    }

    /// Writes the length of header and payload, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_total_len(&mut self, len: u16) {
        self.update_word(|header| header.set_total_len_raw(len), Self::total_len);
    }

    /// The identification. It means nothing in an atomic datagram (RFC 6864 section 4.1).
    #[must_use]
    #[inline]
    pub const fn id(&self) -> u16 {
        self.id.get()
    }

    /// Writes the identification; the checksum is left stale.
    #[inline]
    pub const fn set_id_raw(&mut self, id: u16) {
        self.id = U16::new(id);
    }

    /// Writes the identification, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_id(&mut self, id: u16) {
        self.update_word(|header| header.set_id_raw(id), Self::id);
    }

    /// The three flags.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> Ipv4Flags {
        Ipv4Flags::from_bits_retain(self.flags_offset.get() & !Self::OFFSET_MASK)
    }

    /// Writes the three flags; the checksum is left stale.
    #[inline]
    pub const fn set_flags_raw(&mut self, flags: Ipv4Flags) {
        let offset = self.flags_offset.get() & Self::OFFSET_MASK;
        self.flags_offset = U16::new(flags.bits() & !Self::OFFSET_MASK | offset);
    }

    /// Writes the three flags, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_flags(&mut self, flags: Ipv4Flags) {
        self.update_word(|header| header.set_flags_raw(flags), |header| header.flags_offset.get());
    }

    /// Where this fragment's payload stands in the datagram's, in bytes: a multiple of 8.
    #[must_use]
    #[inline]
    pub const fn fragment_offset(&self) -> u16 {
        (self.flags_offset.get() & Self::OFFSET_MASK) << 3
    }

    /// Whether it is one fragment of several: more follow, or it is not the first.
    #[must_use]
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        self.flags_offset.get() & (Ipv4Flags::MORE_FRAGMENTS.bits() | Self::OFFSET_MASK) != 0
    }

    /// The time to live, in hops.
    #[must_use]
    #[inline]
    pub const fn ttl(&self) -> u8 {
        self.ttl
    }

    /// Writes the time to live; the checksum is left stale.
    #[inline]
    pub const fn set_ttl_raw(&mut self, ttl: u8) {
        self.ttl = ttl;
    }

    /// Writes the time to live, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_ttl(&mut self, ttl: u8) {
        self.update_word(|header| header.set_ttl_raw(ttl), Self::ttl_protocol);
    }

    /// The protocol of the payload.
    #[must_use]
    #[inline]
    pub const fn protocol(&self) -> IpProtocol {
        IpProtocol(self.protocol)
    }

    /// Writes the protocol of the payload; the checksum is left stale.
    #[inline]
    pub const fn set_protocol_raw(&mut self, protocol: IpProtocol) {
        self.protocol = protocol.0;
    }

    /// The header checksum. 0 is a legal value.
    #[must_use]
    #[inline]
    pub const fn checksum(&self) -> u16 {
        self.checksum.get()
    }

    /// Writes the header checksum as given.
    #[inline]
    pub const fn set_checksum_raw(&mut self, checksum: u16) {
        self.checksum = U16::new(checksum);
    }

    /// Computes the checksum of this header and `options`, and writes it.
    #[inline]
    pub fn fill_checksum(&mut self, options: &[u8]) {
        self.set_checksum_raw(0);
        let sum = Sum::of(self.as_bytes()) + Sum::of(options);
        self.set_checksum_raw(sum.checksum());
    }

    /// Whether the checksum of this header and `options` is right.
    #[must_use]
    #[inline]
    pub fn is_checksum_valid(&self, options: &[u8]) -> bool {
        (Sum::of(self.as_bytes()) + Sum::of(options)).is_valid()
    }

    /// The source address.
    #[must_use]
    #[inline]
    pub const fn source(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.source;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Writes the source address; the checksum, and the payload's, are left stale.
    #[inline]
    pub const fn set_source_raw(&mut self, source: Ipv4Addr) {
        self.source = source.octets();
    }

    /// The destination address.
    #[must_use]
    #[inline]
    pub const fn destination(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.destination;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Writes the destination address; the checksum, and the payload's, are left stale.
    #[inline]
    pub const fn set_destination_raw(&mut self, destination: Ipv4Addr) {
        self.destination = destination.octets();
    }

    const OFFSET_MASK: u16 = 0x1FFF;

    /// Version, IHL, DSCP and ECN.
    const fn first_word(&self) -> u16 {
        u16::from_be_bytes([self.version_ihl, self.traffic_class])
    }

    const fn ttl_protocol(&self) -> u16 {
        u16::from_be_bytes([self.ttl, self.protocol])
    }

    fn update_word(&mut self, edit: impl FnOnce(&mut Self), word: impl Fn(&Self) -> u16) {
        let old = word(self);
        edit(self);
        self.set_checksum_raw(checksum::update(self.checksum(), old, word(self)));
    }
}

bitflags! {
    /// The flags of an IPv4 header, where they stand in the word that they share with the offset.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct Ipv4Flags: u16 {
        /// Reserved, zero. Kept as it is.
        const RESERVED = 0x8000;
        /// DF: routers may not fragment it.
        const DONT_FRAGMENT = 0x4000;
        /// MF: more fragments follow.
        const MORE_FRAGMENTS = 0x2000;
    }
}

/// A datagram whose lengths agree: version 4, the header within the total length, the total length within
/// the bytes. The checksum is a question of its own: [`is_checksum_valid`](Self::is_checksum_valid).
#[derive(Clone, Copy, Debug)]
pub struct Ipv4Packet<'a> {
    header: &'a Ipv4Header,
    options: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Ipv4Packet<'a> {
    /// Reads a datagram; bytes behind its total length are padding and are cut off.
    ///
    /// # Errors
    /// `Truncated` for a header, or a datagram, that is not all there; `Unsupported` for another version;
    /// `LengthTooSmall` for an IHL below 5, or a total length below the header's.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let packet = Self::parse_head(bytes)?;
        let (needed, got) = (usize::from(packet.header.total_len()), bytes.len());
        if got < needed {
            return Err(ParseError::truncated(Layer::Ipv4, needed, got));
        }
        Ok(packet)
    }

    /// Reads a datagram of which only the front is at hand: as [`parse`](Self::parse), but the payload may
    /// end before the total length does.
    ///
    /// # Errors
    /// As for `parse`; `Truncated` only where header and options are not all there.
    #[inline]
    pub fn parse_head(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = Ipv4Header::ref_from_prefix(bytes)?;
        if header.version() != 4 {
            let got = u16::from(header.version());
            return Err(ParseError::unsupported(Layer::Ipv4, 0, 4, got));
        }
        let header_len = header.header_len();
        let Some(options_len) = header_len.checked_sub(Ipv4Header::LEN) else {
            return Err(ParseError::length_too_small(Layer::Ipv4, 0, Ipv4Header::LEN, header_len));
        };
        let total_len = usize::from(header.total_len());
        let Some(payload_len) = total_len.checked_sub(header_len) else {
            return Err(ParseError::length_too_small(Layer::Ipv4, 2, header_len, total_len));
        };
        let truncated = ParseError::truncated(Layer::Ipv4, header_len, bytes.len());
        let (options, rest) = rest.split_at_checked(options_len).ok_or(truncated)?;
        let payload = rest.get(..payload_len).unwrap_or(rest);
        Ok(Self { header, options, payload })
    }

    /// The header without its options.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a Ipv4Header {
        self.header
    }

    /// The options, 0 to 40 bytes.
    #[must_use]
    #[inline]
    pub const fn options(&self) -> &'a [u8] {
        self.options
    }

    /// The payload, as long as the total length says.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Whether the header checksum is right, options included.
    #[must_use]
    #[inline]
    pub fn is_checksum_valid(&self) -> bool {
        self.header.is_checksum_valid(self.options)
    }

    /// What the payload's checksum covers beside the payload.
    #[must_use]
    #[inline]
    pub const fn pseudo_header(&self) -> PseudoHeader {
        let header = self.header;
        PseudoHeader::v4(header.source(), header.destination(), header.protocol())
    }
}

/// The options of an IPv4 header: at most 40 bytes, padded to whole words with end-of-options.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Options {
    bytes: [u8; 40],
    words: u8,
}

impl Ipv4Options {
    /// No options.
    pub const NONE: Self = Self { bytes: [0; 40], words: 0 };

    /// These options (RFC 791 section 3.1).
    ///
    /// # Errors
    /// [`BuildError::TooLong`] for more than 40 bytes.
    pub fn new(options: &[u8]) -> Result<Self, BuildError> {
        let (length, most) = (options.len(), Self::NONE.bytes.len());
        if length > most {
            return Err(BuildError::TooLong { layer: Layer::Ipv4, length, most });
        }
        let mut padded = Self::NONE;
        for (to, from) in padded.bytes.iter_mut().zip(options) {
            *to = *from;
        }
        padded.words = u8::try_from(length.div_ceil(4)).unwrap_or(u8::MAX);
        Ok(padded)
    }

    /// The options and their padding: a multiple of 4 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.words) << 2).unwrap_or_default()
    }
}

/// Builds a datagram: total length and header checksum are computed.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4Builder<P> {
    header: Ipv4Header,
    options: Ipv4Options,
    payload: P,
}

impl<P: IpPayload> Ipv4Builder<P> {
    /// A datagram between two addresses whose protocol is the payload's: TTL 64, ID 0, no flags.
    #[must_use]
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr, payload: P) -> Self {
        Self::with_protocol(source, destination, payload.protocol(), payload)
    }
}

impl<P: Build> Ipv4Builder<P> {
    /// A datagram whose protocol is given.
    #[must_use]
    pub const fn with_protocol(
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: IpProtocol,
        payload: P,
    ) -> Self {
        let header = Ipv4Header::new(source, destination, protocol);
        Self { header, options: Ipv4Options::NONE, payload }
    }

    /// Sets DSCP and ECN.
    #[must_use]
    pub const fn traffic_class(mut self, class: TrafficClass) -> Self {
        self.header.set_traffic_class_raw(class);
        self
    }

    /// Sets the identification.
    #[must_use]
    pub const fn id(mut self, id: u16) -> Self {
        self.header.set_id_raw(id);
        self
    }

    /// Sets the three flags.
    #[must_use]
    pub const fn flags(mut self, flags: Ipv4Flags) -> Self {
        self.header.set_flags_raw(flags);
        self
    }

    /// Sets the fragment offset, in units of 8 bytes; bits beyond the field's 13 are refused.
    ///
    /// # Errors
    /// [`BuildError::TooLong`] for an offset beyond 8191 units.
    pub fn fragment_offset(mut self, units: u16) -> Result<Self, BuildError> {
        let most = Ipv4Header::OFFSET_MASK;
        if units > most {
            let (length, most) = (usize::from(units), usize::from(most));
            return Err(BuildError::TooLong { layer: Layer::Ipv4, length, most });
        }
        self.header.flags_offset = U16::new(self.header.flags().bits() | units);
        Ok(self)
    }

    /// Sets the time to live.
    #[must_use]
    pub const fn ttl(mut self, ttl: u8) -> Self {
        self.header.set_ttl_raw(ttl);
        self
    }

    /// Sets the options.
    #[must_use]
    pub const fn options(mut self, options: Ipv4Options) -> Self {
        self.header.version_ihl = 0x45_u8.wrapping_add(options.words);
        self.options = options;
        self
    }
}

impl<P: Build> Build for Ipv4Builder<P> {
    fn len(&self) -> usize {
        self.header.header_len().saturating_add(self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_length(Layer::Ipv4, self.len())?;
        self.payload.check()
    }

    fn write(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Sum {
        let mut header = self.header;
        let (source, destination) = (header.source(), header.destination());
        let pseudo = PseudoHeader::v4(source, destination, header.protocol());
        let payload = write_behind(header.header_len(), out, &self.payload, Some(&pseudo));
        header.set_total_len_raw(length_field(self.len()));
        header.fill_checksum(self.options.as_bytes());
        let options = write_behind(Ipv4Header::LEN, out, &self.options.as_bytes(), None);
        write_header(out, header.as_bytes()) + options + payload
    }
}

impl<P: Build> EthernetPayload for Ipv4Builder<P> {
    fn ethertype(&self) -> EtherType {
        EtherType::IPV4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tcpdump tests/vxlan.pcap, packet 1, its outer header: 134 bytes in all.
    const CAPTURED: [u8; 20] = [
        0x45, 0x00, 0x00, 0x86, 0xd2, 0xc0, 0x40, 0x00, 0x40, 0x11, 0x51, 0x52, 0xc0, 0xa8, 0xcb,
        0x01, 0xc0, 0xa8, 0xca, 0x01,
    ];

    fn captured() -> [u8; 134] {
        let mut bytes = [0x11; 134];
        bytes[..20].copy_from_slice(&CAPTURED);
        bytes
    }

    #[test]
    fn reads_a_captured_header() {
        let bytes = captured();
        let packet = Ipv4Packet::parse(&bytes).unwrap();
        let header = packet.header();
        assert_eq!((header.version(), header.header_len(), header.total_len()), (4, 20, 134));
        assert_eq!((header.id(), header.fragment_offset()), (0xd2c0, 0));
        assert_eq!(header.flags(), Ipv4Flags::DONT_FRAGMENT);
        assert_eq!((header.ttl(), header.protocol()), (64, IpProtocol::UDP));
        assert_eq!(header.source(), Ipv4Addr::new(192, 168, 203, 1));
        assert_eq!(header.destination(), Ipv4Addr::new(192, 168, 202, 1));
        assert!(packet.is_checksum_valid() && !header.is_fragment());
        assert_eq!(packet.payload().len(), 114);
    }

    #[test]
    fn builds_a_captured_header() {
        let header = Ipv4Header::from_bytes(CAPTURED);
        let mut out = [0xa5; 140];
        let payload = &captured()[20..];
        let written = Ipv4Builder::with_protocol(
            header.source(),
            header.destination(),
            IpProtocol::UDP,
            payload,
        )
        .id(0xd2c0)
        .flags(Ipv4Flags::DONT_FRAGMENT)
        .build(&mut out)
        .unwrap();
        assert_eq!(written, captured());
        assert_eq!(out[134..], [0xa5; 6]);
    }

    #[test]
    fn every_truncation_is_refused_and_padding_is_cut() {
        let bytes = captured();
        for len in 0..bytes.len() {
            let needed = if len < 20 { 20 } else { 134 };
            let error = ParseError::truncated(Layer::Ipv4, needed, len);
            assert_eq!(Ipv4Packet::parse(&bytes[..len]).unwrap_err(), error);
        }
        let mut padded = [0; 150];
        padded[..134].copy_from_slice(&bytes);
        assert_eq!(Ipv4Packet::parse(&padded).unwrap().payload(), &bytes[20..]);
    }

    #[test]
    fn version_and_lengths_that_cannot_be_are_refused() {
        let parse = |at: usize, value: u8| {
            let mut bytes = captured();
            bytes[at] = value;
            Ipv4Packet::parse(&bytes).unwrap_err()
        };
        assert_eq!(parse(0, 0x65), ParseError::unsupported(Layer::Ipv4, 0, 4, 6));
        for ihl in 0..5 {
            let error = ParseError::length_too_small(Layer::Ipv4, 0, 20, usize::from(ihl) * 4);
            assert_eq!(parse(0, 0x40 | ihl), error);
        }
        assert_eq!(parse(3, 19), ParseError::length_too_small(Layer::Ipv4, 2, 20, 19));
        assert_eq!(parse(3, 135), ParseError::truncated(Layer::Ipv4, 135, 134));
    }

    #[test]
    fn options_are_carried_padded_and_summed() {
        let options = Ipv4Options::new(&[7, 3, 4]).unwrap();
        let mut out = [0xa5; 28];
        let (source, destination) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        Ipv4Builder::with_protocol(source, destination, IpProtocol::UDP, &[1u8, 2, 3, 4][..])
            .options(options)
            .build(&mut out)
            .unwrap();
        let packet = Ipv4Packet::parse(&out).unwrap();
        assert_eq!((packet.options(), packet.payload()), (&[7, 3, 4, 0][..], &[1, 2, 3, 4][..]));
        assert!(packet.is_checksum_valid());
        assert!(Ipv4Options::new(&[0; 41]).is_err());
        assert_eq!(Ipv4Options::new(&[1; 40]).unwrap().as_bytes(), [1; 40]);
    }

    #[test]
    fn setters_keep_the_checksum_and_raw_setters_do_not() {
        let mut header = Ipv4Header::from_bytes(CAPTURED);
        header.set_traffic_class(TrafficClass(0xbb));
        header.set_total_len(1500);
        header.set_id(7);
        header.set_flags(Ipv4Flags::all());
        header.set_ttl(1);
        assert!(header.is_checksum_valid(&[]));
        assert_eq!((header.ttl(), header.flags()), (1, Ipv4Flags::all()));
        header.set_ttl_raw(2);
        assert!(!header.is_checksum_valid(&[]));
    }

    #[test]
    fn the_reserved_flag_and_the_offset_survive() {
        let mut header = Ipv4Header::from_bytes(CAPTURED);
        header.flags_offset = U16::new(0x9fff);
        assert_eq!((header.flags(), header.fragment_offset()), (Ipv4Flags::RESERVED, 65_528));
        header.set_flags_raw(header.flags() | Ipv4Flags::MORE_FRAGMENTS);
        assert_eq!(header.flags_offset.get(), 0xbfff);
        assert!(header.is_fragment());
    }
}
