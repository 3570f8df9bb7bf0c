//! A parsed IPv4 packet, and one to edit.

use crate::wire::{Ipv4Header, Layer, ParseError, PseudoHeader};

/// A parsed IPv4 packet (RFC 791 section 3.1): version 4, the header within the total length, the
/// total length within the bytes. The checksum is a question of its own:
/// [`is_checksum_valid`](Self::is_checksum_valid).
///
/// # Examples
///
/// An ICMP error quotes the front of the packet that it is about; [`parse_head`](Self::parse_head)
/// accepts that its end is missing:
///
/// ```
/// use vtep::wire::{Icmpv4Packet, Ipv4Packet};
///
/// // Port unreachable, with the first 28 bytes of a datagram of 38.
/// let icmp = *b"\x03\x03\x34\x2e\0\0\0\0\
///     \x45\0\0\x26\x07\x93\x40\0\x3e\x11\xfe\x26\x0a\x01\x11\x05\x0a\x01\x12\x07\
///     \x80\xe8\x27\x0f\0\x12\x0c\xac";
/// let quoted = Icmpv4Packet::parse(&icmp)?.payload();
/// assert!(Ipv4Packet::parse(quoted).is_err());
/// let about = Ipv4Packet::parse_head(quoted)?;
/// assert_eq!(about.header().destination().to_string(), "10.1.18.7");
/// assert_eq!(about.payload()[2..4], 9999u16.to_be_bytes());
/// # Ok::<(), vtep::wire::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv4Packet<'a> {
    header: &'a Ipv4Header,
    options: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Ipv4Packet<'a> {
    /// Parses a packet. Bytes after its total length are padding and are cut off.
    ///
    /// # Errors
    /// - `Truncated` if the header, or the packet, is incomplete.
    /// - `Unsupported` for another version.
    /// - `LengthTooSmall` for an IHL below 5, or a total length below the header's.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let packet = Self::parse_head(bytes)?;
        let (needed, available) = (usize::from(packet.header.total_len()), bytes.len());
        if available < needed {
            return Err(ParseError::truncated(Layer::Ipv4, needed, available));
        }
        Ok(packet)
    }

    /// Parses a packet of which only the front is available: as [`parse`](Self::parse) does, but
    /// the payload may end before the total length does.
    ///
    /// # Errors
    /// As for `parse`, but `Truncated` only if the header or its options are incomplete.
    #[inline]
    pub fn parse_head(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = Ipv4Header::ref_from_prefix(bytes)?;
        if header.version() != 4 {
            let found = u16::from(header.version());
            return Err(ParseError::unsupported(Layer::Ipv4, 0, 4, found));
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

    /// The payload. It ends where the total length says.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Returns whether the header checksum is right, options included.
    #[must_use]
    #[inline]
    pub fn is_checksum_valid(&self) -> bool {
        self.header.is_checksum_valid(self.options)
    }

    /// Returns the pseudo-header that the payload's checksum covers.
    #[must_use]
    #[inline]
    pub const fn pseudo_header(&self) -> PseudoHeader {
        let header = self.header;
        PseudoHeader::v4(header.source(), header.destination(), header.protocol())
    }
}

/// A parsed IPv4 packet that can be edited in place.
///
/// It has plain fields, so that header, options and payload can be borrowed at once.
///
/// # Examples
///
/// The next segment of a super-frame: a new length and ID, a new sequence number, right checksums.
///
/// ```
/// # use vtep::wire::{Build, Ipv4Builder, TcpBuilder};
/// use vtep::wire::{Ipv4Packet, Ipv4PacketMut, TcpSegment, TcpSegmentMut};
///
/// # let tcp = TcpBuilder::new(80, 40_000, b"page").sequence(1000);
/// # let mut buffer = [0; 44];
/// # let (from, to) = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
/// # let bytes = Ipv4Builder::new(from, to, tcp).build(&mut buffer)?;
/// let ipv4 = Ipv4PacketMut::parse(bytes)?;
/// let pseudo = ipv4.pseudo_header();
/// ipv4.header.set_id(ipv4.header.id() + 1);
/// let mut tcp = TcpSegmentMut::parse(ipv4.payload)?;
/// tcp.header.set_sequence(1004);
/// tcp.payload.copy_from_slice(b"next");
/// tcp.fill_checksum(&pseudo)?;
///
/// let ipv4 = Ipv4Packet::parse(bytes)?;
/// let tcp = TcpSegment::parse(ipv4.payload())?;
/// assert!(ipv4.is_checksum_valid() && tcp.is_checksum_valid(&pseudo));
/// assert_eq!((tcp.header().sequence(), tcp.payload()), (1004, &b"next"[..]));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Ipv4PacketMut<'a> {
    /// The header without its options.
    pub header: &'a mut Ipv4Header,
    /// The options, 0 to 40 bytes.
    pub options: &'a mut [u8],
    /// The payload, delimited by the total length at the time of parsing.
    pub payload: &'a mut [u8],
}

impl<'a> Ipv4PacketMut<'a> {
    /// Parses a packet, as [`Ipv4Packet::parse`] does.
    ///
    /// # Errors
    /// As for `Ipv4Packet::parse`.
    #[inline]
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, ParseError> {
        let packet = Ipv4Packet::parse(bytes)?;
        let (options_len, payload_len) = (packet.options.len(), packet.payload.len());
        let (header, rest) = Ipv4Header::mut_from_prefix(bytes)?;
        let truncated =
            ParseError::truncated(Layer::Ipv4, usize::from(header.total_len()), Ipv4Header::LEN);
        let (options, rest) = rest.split_at_mut_checked(options_len).ok_or(truncated)?;
        let payload = rest.get_mut(..payload_len).ok_or(truncated)?;
        Ok(Self { header, options, payload })
    }

    /// Computes the header checksum, and writes it.
    #[inline]
    pub fn fill_checksum(&mut self) {
        self.header.fill_checksum(self.options);
    }

    /// Returns the pseudo-header that the payload's checksum covers.
    #[must_use]
    #[inline]
    pub const fn pseudo_header(&self) -> PseudoHeader {
        let (source, destination) = (self.header.source(), self.header.destination());
        PseudoHeader::v4(source, destination, self.header.protocol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ipv4::testdata::{CAPTURED, captured};

    #[test]
    fn parse_reads_a_captured_packet() {
        let bytes = captured();
        let packet = Ipv4Packet::parse(&bytes).unwrap();
        assert_eq!(packet.header().as_bytes(), &CAPTURED);
        assert_eq!((packet.options(), packet.payload()), (&[][..], &bytes[20..]));
        assert!(packet.is_checksum_valid());
    }

    #[test]
    fn parse_to_edit_finds_the_same_parts() {
        let mut bytes = captured();
        bytes[0] = 0x47;
        let mut padded = [0; 150];
        padded[..134].copy_from_slice(&bytes);
        let mut packet = Ipv4PacketMut::parse(&mut padded).unwrap();
        assert_eq!((&*packet.options, packet.payload.len()), (&[0x11; 8][..], 106));
        packet.fill_checksum();
        assert_eq!(packet.pseudo_header(), Ipv4Packet::parse(&bytes).unwrap().pseudo_header());
        assert!(Ipv4Packet::parse(&padded).unwrap().is_checksum_valid());
        for len in 0..bytes.len() {
            let error = Ipv4Packet::parse(&captured()[..len]).unwrap_err();
            assert_eq!(Ipv4PacketMut::parse(&mut captured()[..len]).unwrap_err(), error);
        }
    }

    #[test]
    fn parse_refuses_every_truncation_and_cuts_padding() {
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
    fn parse_head_accepts_a_payload_that_ends_early() {
        let bytes = captured();
        for len in 0..bytes.len() {
            let head = Ipv4Packet::parse_head(&bytes[..len]);
            match bytes[..len].get(20..) {
                Some(payload) => assert_eq!(head.unwrap().payload(), payload),
                None => assert_eq!(head.unwrap_err(), ParseError::truncated(Layer::Ipv4, 20, len)),
            }
        }
    }

    #[test]
    fn parse_refuses_impossible_versions_and_lengths() {
        let parse = |offset: usize, value: u8| {
            let mut bytes = captured();
            bytes[offset] = value;
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
}
