//! TCP (RFC 9293 section 3.1; ECN flags RFC 3168 section 6.1 and RFC 9768).
//!
//! ```text
//! |          Source Port          |       Destination Port        |
//! |                        Sequence Number                        |
//! |                     Acknowledgment Number                     |
//! |Offset |Rsvd |A C E U A P R S F|            Window             |
//! |           Checksum            |         Urgent Pointer        |
//! |                Options, offset * 4 - 20 bytes                 |
//! ```
//!
//! The reserved bits are kept as they are. There is no length field: a segment is as long as the IP packet
//! says.

use bitflags::bitflags;
use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Layer, ParseError, PseudoHeader, view::view};
use crate::checksum::{self, Sum};

/// The TCP header without options: 20 bytes, any bytes.
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
pub struct TcpHeader {
    source_port: U16,
    destination_port: U16,
    sequence: U32,
    acknowledgment: U32,
    offset_flags: U16,
    window: U16,
    checksum: U16,
    urgent_pointer: U16,
}

view!(TcpHeader, 20, Layer::Tcp);

impl TcpHeader {
    /// A header between two ports without options, everything else zero.
    #[must_use]
    #[inline]
    pub const fn new(source_port: u16, destination_port: u16) -> Self {
        Self {
            source_port: U16::new(source_port),
            destination_port: U16::new(destination_port),
            sequence: U32::ZERO,
            acknowledgment: U32::ZERO,
            offset_flags: U16::new(5 << 12),
            window: U16::ZERO,
            checksum: U16::ZERO,
            urgent_pointer: U16::ZERO,
        }
    }

    /// The source port.
    #[must_use]
    #[inline]
    pub const fn source_port(&self) -> u16 {
        self.source_port.get()
    }

    /// Writes the source port; the checksum is left stale.
    #[inline]
    pub const fn set_source_port_raw(&mut self, port: u16) {
        self.source_port = U16::new(port);
    }

    /// Writes the source port, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_source_port(&mut self, port: u16) {
        self.update_checksum(self.source_port(), port);
        self.set_source_port_raw(port);
    }

    /// The destination port.
    #[must_use]
    #[inline]
    pub const fn destination_port(&self) -> u16 {
        self.destination_port.get()
    }

    /// Writes the destination port; the checksum is left stale.
    #[inline]
    pub const fn set_destination_port_raw(&mut self, port: u16) {
        self.destination_port = U16::new(port);
    }

    /// Writes the destination port, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_destination_port(&mut self, port: u16) {
        self.update_checksum(self.destination_port(), port);
        self.set_destination_port_raw(port);
    }

    /// The sequence number of the first byte, or of SYN.
    #[must_use]
    #[inline]
    pub const fn sequence(&self) -> u32 {
        self.sequence.get()
    }

    /// Writes the sequence number; the checksum is left stale.
    #[inline]
    pub const fn set_sequence_raw(&mut self, sequence: u32) {
        self.sequence = U32::new(sequence);
    }

    /// The next sequence number that is expected. It means something only if [`TcpFlags::ACK`] is set.
    #[must_use]
    #[inline]
    pub const fn acknowledgment(&self) -> u32 {
        self.acknowledgment.get()
    }

    /// Writes the acknowledgment number; the checksum is left stale.
    #[inline]
    pub const fn set_acknowledgment_raw(&mut self, acknowledgment: u32) {
        self.acknowledgment = U32::new(acknowledgment);
    }

    /// The header's length in bytes, options included, as the data offset says: 20 to 60 in a valid header.
    #[must_use]
    #[inline]
    pub const fn header_len(&self) -> usize {
        ((self.offset_flags.get() >> 12) as usize) << 2
    }

    /// The flags, reserved bits included.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> TcpFlags {
        TcpFlags::from_bits_retain(self.offset_flags.get() & Self::FLAGS_MASK)
    }

    /// Writes the flags, reserved bits included; the checksum is left stale.
    #[inline]
    pub const fn set_flags_raw(&mut self, flags: TcpFlags) {
        let offset = self.offset_flags.get() & !Self::FLAGS_MASK;
        self.offset_flags = U16::new(offset | flags.bits() & Self::FLAGS_MASK);
    }

    /// Writes the flags, reserved bits included, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_flags(&mut self, flags: TcpFlags) {
        let old = self.offset_flags.get();
        self.set_flags_raw(flags);
        self.update_checksum(old, self.offset_flags.get());
    }

    /// The window, not scaled.
    #[must_use]
    #[inline]
    pub const fn window(&self) -> u16 {
        self.window.get()
    }

    /// Writes the window; the checksum is left stale.
    #[inline]
    pub const fn set_window_raw(&mut self, window: u16) {
        self.window = U16::new(window);
    }

    /// The checksum. 0 is a legal value.
    #[must_use]
    #[inline]
    pub const fn checksum(&self) -> u16 {
        self.checksum.get()
    }

    /// Writes the checksum as given.
    #[inline]
    pub const fn set_checksum_raw(&mut self, checksum: u16) {
        self.checksum = U16::new(checksum);
    }

    /// The checksum, after a 16-bit word that it covers changed: a field of this header, or a word of the
    /// IP addresses (RFC 1624).
    #[inline]
    pub fn update_checksum(&mut self, old: u16, new: u16) {
        self.set_checksum_raw(checksum::update(self.checksum(), old, new));
    }

    /// The urgent pointer. It means something only if [`TcpFlags::URG`] is set.
    #[must_use]
    #[inline]
    pub const fn urgent_pointer(&self) -> u16 {
        self.urgent_pointer.get()
    }

    /// Writes the urgent pointer; the checksum is left stale.
    #[inline]
    pub const fn set_urgent_pointer_raw(&mut self, pointer: u16) {
        self.urgent_pointer = U16::new(pointer);
    }

    const FLAGS_MASK: u16 = 0x0FFF;

    /// Writes the data offset, in words of 4 bytes; the checksum is left stale.
    #[inline]
    pub(super) const fn set_offset_raw(&mut self, words: u8) {
        self.offset_flags = U16::new((words as u16) << 12 | self.flags().bits());
    }
}

bitflags! {
    /// The flags of a TCP header, and the reserved bits beside them.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct TcpFlags: u16 {
        /// The sender has finished.
        const FIN = 0x001;
        /// Sequence numbers are synchronised.
        const SYN = 0x002;
        /// The connection is reset.
        const RST = 0x004;
        /// The receiver should push.
        const PSH = 0x008;
        /// The acknowledgment number is valid.
        const ACK = 0x010;
        /// The urgent pointer is valid.
        const URG = 0x020;
        /// ECN echo (RFC 3168 section 6.1).
        const ECE = 0x040;
        /// Congestion window reduced (RFC 3168 section 6.1).
        const CWR = 0x080;
        /// Accurate ECN (RFC 9768 section 3.1); once the nonce sum, NS (RFC 3540).
        const AE = 0x100;
        /// Reserved, zero. Kept as they are.
        const RESERVED = 0xE00;
    }
}

/// A segment whose data offset agrees with its bytes.
#[derive(Clone, Copy, Debug)]
pub struct TcpSegment<'a> {
    header: &'a TcpHeader,
    options: &'a [u8],
    payload: &'a [u8],
}

impl<'a> TcpSegment<'a> {
    /// Reads the payload of an IP packet.
    ///
    /// # Errors
    /// `Truncated` for a header, or options, that are not all there; `LengthTooSmall` for a data offset
    /// below 5 words.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = TcpHeader::ref_from_prefix(bytes)?;
        let header_len = header.header_len();
        let Some(options_len) = header_len.checked_sub(TcpHeader::LEN) else {
            return Err(ParseError::length_too_small(Layer::Tcp, 12, TcpHeader::LEN, header_len));
        };
        let truncated = ParseError::truncated(Layer::Tcp, header_len, bytes.len());
        let (options, payload) = rest.split_at_checked(options_len).ok_or(truncated)?;
        Ok(Self { header, options, payload })
    }

    /// The header without its options.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a TcpHeader {
        self.header
    }

    /// The options, 0 to 40 bytes.
    #[must_use]
    #[inline]
    pub const fn options(&self) -> &'a [u8] {
        self.options
    }

    /// The payload.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Whether the checksum, between the addresses of `pseudo`, is right.
    #[must_use]
    pub fn is_checksum_valid(&self, pseudo: &PseudoHeader) -> bool {
        let len = self.header.header_len().saturating_add(self.payload.len());
        let sum = Sum::of(self.header.as_bytes()) + Sum::of(self.options) + Sum::of(self.payload);
        (sum + pseudo.sum(u32::try_from(len).unwrap_or(u32::MAX))).is_valid()
    }
}

#[cfg(test)]
pub(in crate::wire) mod tests {
    use super::*;
    use crate::wire::IpProtocol;

    /// Linux, the inner SYN and SYN ACK of flannel_tcp_short.pcap, packets 1 and 2: 10.1.17.5, 10.1.18.7.
    pub(in crate::wire) const SYN: [u8; 40] = [
        0x95, 0xce, 0x13, 0x89, 0x4b, 0xb0, 0x2c, 0xb0, 0, 0, 0, 0, 0xa0, 0x02, 0xfd, 0x5c, 0xec,
        0x77, 0, 0, 2, 4, 5, 0x82, 4, 2, 8, 0x0a, 0x39, 0x49, 0xcc, 0x4b, 0, 0, 0, 0, 1, 3, 3,
        0x0a,
    ];
    const SYN_ACK: [u8; 40] = [
        0x13, 0x89, 0x95, 0xce, 0xed, 0x84, 0x12, 0xcd, 0x4b, 0xb0, 0x2c, 0xb1, 0xa0, 0x12, 0xfb,
        0x34, 0x13, 0x26, 0, 0, 2, 4, 5, 0x82, 4, 2, 8, 0x0a, 0xd5, 0x7a, 5, 0x9c, 0x39, 0x49,
        0xcc, 0x4b, 1, 3, 3, 0x0a,
    ];

    pub(in crate::wire) fn pseudo() -> PseudoHeader {
        PseudoHeader::v4([10, 1, 17, 5].into(), [10, 1, 18, 7].into(), IpProtocol::TCP)
    }

    #[test]
    fn reads_the_kernels_handshake() {
        let segment = TcpSegment::parse(&SYN).unwrap();
        let header = segment.header();
        assert_eq!((header.source_port(), header.destination_port()), (38_350, 5001));
        assert_eq!((header.sequence(), header.acknowledgment()), (0x4bb0_2cb0, 0));
        assert_eq!((header.header_len(), header.flags()), (40, TcpFlags::SYN));
        assert_eq!((header.window(), header.checksum()), (64_860, 0xec77));
        assert_eq!((segment.options(), segment.payload()), (&SYN[20..], &[][..]));
        assert!(segment.is_checksum_valid(&pseudo()));

        let segment = TcpSegment::parse(&SYN_ACK).unwrap();
        assert_eq!(segment.header().flags(), TcpFlags::SYN | TcpFlags::ACK);
        assert_eq!(segment.header().acknowledgment(), 0x4bb0_2cb1);
        assert!(segment.is_checksum_valid(&pseudo()));
    }

    #[test]
    fn flags_stand_where_the_rfcs_say() {
        // RFC 9293 section 3.1, bits 4 to 15 of the word; RFC 3168 figure 3: CWR is bit 8, ECE bit 9.
        let flags = |high: u8, low: u8| {
            let mut bytes = SYN;
            bytes[12..14].copy_from_slice(&[high, low]);
            TcpHeader::ref_from_prefix(&bytes).unwrap().0.flags()
        };
        assert_eq!(flags(0x50, 0xc2), TcpFlags::CWR | TcpFlags::ECE | TcpFlags::SYN);
        assert_eq!(flags(0x51, 0x39), {
            TcpFlags::AE | TcpFlags::URG | TcpFlags::ACK | TcpFlags::PSH | TcpFlags::FIN
        });
        assert_eq!(flags(0x5e, 0x04), TcpFlags::RESERVED | TcpFlags::RST);
    }

    #[test]
    fn every_truncation_of_the_header_is_refused() {
        for len in 0..SYN.len() {
            let needed = if len < 20 { 20 } else { 40 };
            let error = ParseError::truncated(Layer::Tcp, needed, len);
            assert_eq!(TcpSegment::parse(&SYN[..len]).unwrap_err(), error);
        }
    }

    #[test]
    fn a_data_offset_below_5_is_refused() {
        for words in 0..5u8 {
            let mut bytes = SYN;
            bytes[12] = words << 4;
            let error = ParseError::length_too_small(Layer::Tcp, 12, 20, usize::from(words) * 4);
            assert_eq!(TcpSegment::parse(&bytes).unwrap_err(), error);
        }
    }

    #[test]
    fn setters_keep_the_checksum_and_raw_setters_do_not() {
        let mut bytes = SYN;
        let (header, _) = TcpHeader::mut_from_prefix(&mut bytes).unwrap();
        header.set_source_port(40_000);
        header.set_destination_port(80);
        header.set_flags(TcpFlags::all());
        assert_eq!((header.flags(), header.header_len()), (TcpFlags::all(), 40));
        assert!(TcpSegment::parse(&bytes).unwrap().is_checksum_valid(&pseudo()));
        let (header, _) = TcpHeader::mut_from_prefix(&mut bytes).unwrap();
        header.set_window_raw(1);
        assert!(!TcpSegment::parse(&bytes).unwrap().is_checksum_valid(&pseudo()));
    }
}
