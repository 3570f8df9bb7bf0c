//! An IPv4 datagram, its lengths checked (RFC 791 section 3.1).

use super::{Ipv4Header, Layer, ParseError, PseudoHeader};

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
    fn reads_a_captured_datagram() {
        let bytes = captured();
        let packet = Ipv4Packet::parse(&bytes).unwrap();
        assert_eq!(packet.header().as_bytes(), &CAPTURED);
        assert_eq!((packet.options(), packet.payload()), (&[][..], &bytes[20..]));
        assert!(packet.is_checksum_valid());
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
    fn of_a_head_the_payload_may_be_missing() {
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
}
