//! A parsed TCP segment, and one to edit.

use crate::wire::{BuildError, Layer, ParseError, PseudoHeader, TcpHeader};

/// A parsed TCP segment (RFC 9293 section 3.1), whose data offset is at least 5 words and within
/// the bytes.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, HeaderOptions, TcpBuilder, TcpSegment};
///
/// # let options = HeaderOptions::new(&[2, 4, 5, 0x82])?;
/// # let mut buffer = [0; 28];
/// # let bytes = TcpBuilder::new(80, 40_000, b"page").options(options).build(&mut buffer)?;
/// let segment = TcpSegment::parse(bytes)?;
/// assert_eq!((segment.header().source_port(), segment.header().header_len()), (80, 24));
/// assert_eq!((segment.options(), segment.payload()), (&[2, 4, 5, 0x82][..], &b"page"[..]));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TcpSegment<'a> {
    header: &'a TcpHeader,
    options: &'a [u8],
    payload: &'a [u8],
}

impl<'a> TcpSegment<'a> {
    /// Parses the payload of an IP packet.
    ///
    /// # Errors
    /// - `Truncated` if the header, or its options, are incomplete.
    /// - `LengthTooSmall` for a data offset below 5 words.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = TcpHeader::ref_from_prefix(bytes)?;
        let options_len = options_len(header)?;
        let truncated = truncated(header, bytes.len());
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

    /// Returns whether the checksum, between the addresses of `pseudo`, is right.
    #[must_use]
    pub fn is_checksum_valid(&self, pseudo: &PseudoHeader) -> bool {
        pseudo.is_valid(&[self.header.as_bytes(), self.options, self.payload])
    }
}

/// A parsed TCP segment that can be edited in place.
///
/// # Examples
///
/// ```
/// # use vtep::wire::{Build, TcpBuilder};
/// use vtep::wire::{TcpFlags, TcpSegmentMut};
///
/// # let mut buffer = [0; 24];
/// # let bytes = TcpBuilder::new(80, 40_000, b"page").build(&mut buffer)?;
/// let segment = TcpSegmentMut::parse(bytes)?;
/// segment.header.set_sequence(1448);
/// segment.header.set_flags(segment.header.flags() | TcpFlags::PSH);
/// assert_eq!(segment.payload, b"page");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct TcpSegmentMut<'a> {
    /// The header without its options.
    pub header: &'a mut TcpHeader,
    /// The options, 0 to 40 bytes.
    pub options: &'a mut [u8],
    /// The payload.
    pub payload: &'a mut [u8],
}

impl<'a> TcpSegmentMut<'a> {
    /// Parses the payload of an IP packet, as [`TcpSegment::parse`] does.
    ///
    /// # Errors
    /// As for `TcpSegment::parse`.
    #[inline]
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, ParseError> {
        let available = bytes.len();
        let (header, rest) = TcpHeader::mut_from_prefix(bytes)?;
        let options_len = options_len(header)?;
        let truncated = truncated(header, available);
        let (options, payload) = rest.split_at_mut_checked(options_len).ok_or(truncated)?;
        Ok(Self { header, options, payload })
    }

    /// Computes the checksum between the addresses of `pseudo`, and writes it.
    ///
    /// # Errors
    /// As for [`TcpHeader::fill_checksum`].
    #[inline]
    pub fn fill_checksum(&mut self, pseudo: &PseudoHeader) -> Result<(), BuildError> {
        self.header.fill_checksum(pseudo, self.options, self.payload)
    }
}

#[inline]
fn options_len(header: &TcpHeader) -> Result<usize, ParseError> {
    let len = header.header_len();
    len.checked_sub(TcpHeader::LEN).ok_or(ParseError::length_too_small(
        Layer::Tcp,
        12,
        TcpHeader::LEN,
        len,
    ))
}

#[inline]
fn truncated(header: &TcpHeader, available: usize) -> ParseError {
    ParseError::truncated(Layer::Tcp, header.header_len(), available)
}

#[cfg(test)]
pub(in crate::wire) mod tests {
    use super::*;
    use crate::wire::{IpProtocol, TcpFlags};

    /// Linux, the inner SYN and SYN ACK of flannel_tcp_short.pcap, packets 1 and 2: 10.1.17.5,
    /// 10.1.18.7.
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
    fn parse_reads_the_kernels_handshake() {
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
    fn parse_refuses_every_truncation_of_the_header() {
        for len in 0..SYN.len() {
            let needed = if len < 20 { 20 } else { 40 };
            let error = ParseError::truncated(Layer::Tcp, needed, len);
            assert_eq!(TcpSegment::parse(&SYN[..len]).unwrap_err(), error);
            assert_eq!(TcpSegmentMut::parse(&mut { SYN }[..len]).unwrap_err(), error);
        }
    }

    #[test]
    fn parse_refuses_a_data_offset_below_5() {
        for words in 0..5u8 {
            let mut bytes = SYN;
            bytes[12] = words << 4;
            let error = ParseError::length_too_small(Layer::Tcp, 12, 20, usize::from(words) * 4);
            assert_eq!(TcpSegment::parse(&bytes).unwrap_err(), error);
        }
    }

    #[test]
    fn fill_checksum_is_the_kernels_and_refuses_what_ip_cannot_hold() {
        let mut bytes = SYN;
        let mut segment = TcpSegmentMut::parse(&mut bytes).unwrap();
        segment.header.set_checksum_raw(0x1234);
        segment.fill_checksum(&pseudo()).unwrap();
        assert_eq!(bytes, SYN);
        let mut long = [0; 65_536];
        long[..40].copy_from_slice(&SYN);
        let mut segment = TcpSegmentMut::parse(&mut long).unwrap();
        let error = BuildError::TooLong { layer: Layer::Tcp, len: 65_536, max: 65_535 };
        assert_eq!(segment.fill_checksum(&pseudo()), Err(error));
        assert_eq!(segment.header.checksum(), 0xec77);
    }
}
