//! A parsed UDP datagram, and one to edit.

use crate::checksum::Sum;
use crate::wire::{Layer, ParseError, PseudoHeader, UdpHeader};

/// The result of verifying a UDP checksum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum UdpChecksumState {
    /// The field is 0: the sender computed none. Legal over IPv4; over IPv6 only for tunnels that
    /// opted in (RFC 6935 section 5).
    Zero,
    /// There is a checksum, and it is right.
    Good,
    /// There is a checksum, and it is wrong.
    Bad,
}

/// A parsed UDP datagram (RFC 768), whose length is at least 8 and within the bytes.
///
/// # Examples
///
/// ```
/// use vtep::wire::UdpDatagram;
///
/// let datagram = UdpDatagram::parse(b"\x04\xd2\x00\x35\x00\x0c\xe7\xf7ping, and padding")?;
/// assert_eq!(datagram.header().destination_port(), 53);
/// assert_eq!(datagram.payload(), b"ping");
/// # Ok::<(), vtep::wire::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UdpDatagram<'a> {
    header: &'a UdpHeader,
    payload: &'a [u8],
}

impl<'a> UdpDatagram<'a> {
    /// Parses the payload of an IP packet. Bytes after the UDP length are cut off.
    ///
    /// # Errors
    /// - `Truncated` if the header, or the datagram, is incomplete.
    /// - `LengthTooSmall` for a length below 8. (A length of 0 means a jumbogram, over IPv6 alone,
    ///   RFC 2675 section 4, and is refused.)
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = UdpHeader::ref_from_prefix(bytes)?;
        let payload_len = payload_len(header)?;
        let truncated = truncated(header, bytes.len());
        let payload = rest.get(..payload_len).ok_or(truncated)?;
        Ok(Self { header, payload })
    }

    /// The header.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a UdpHeader {
        self.header
    }

    /// The payload. It ends where the UDP length says.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Verifies the checksum between the addresses of `pseudo`.
    #[must_use]
    pub fn checksum_state(&self, pseudo: &PseudoHeader) -> UdpChecksumState {
        if self.header.checksum() == 0 {
            return UdpChecksumState::Zero;
        }
        let len = u32::from(self.header.datagram_len());
        let sum = pseudo.sum(len) + Sum::of(self.header.as_bytes()) + Sum::of(self.payload);
        if sum.is_valid() { UdpChecksumState::Good } else { UdpChecksumState::Bad }
    }
}

/// A parsed UDP datagram that can be edited in place.
///
/// # Examples
///
/// ```
/// use vtep::wire::UdpDatagramMut;
///
/// let mut bytes = *b"\x04\xd2\x00\x35\x00\x0c\xe7\xf7ping";
/// let datagram = UdpDatagramMut::parse(&mut bytes)?;
/// datagram.payload.copy_from_slice(b"pong");
/// datagram.header.update_checksum(u32::from_be_bytes(*b"ping"), u32::from_be_bytes(*b"pong"));
/// assert_eq!(datagram.header.checksum(), 0xe7f1);
/// # Ok::<(), vtep::wire::ParseError>(())
/// ```
#[derive(PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct UdpDatagramMut<'a> {
    /// The header.
    pub header: &'a mut UdpHeader,
    /// The payload, delimited by the UDP length at the time of parsing.
    pub payload: &'a mut [u8],
}

impl<'a> UdpDatagramMut<'a> {
    /// Parses the payload of an IP packet, as [`UdpDatagram::parse`] does.
    ///
    /// # Errors
    /// As for `UdpDatagram::parse`.
    #[inline]
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, ParseError> {
        let available = bytes.len();
        let (header, rest) = UdpHeader::mut_from_prefix(bytes)?;
        let payload_len = payload_len(header)?;
        let truncated = truncated(header, available);
        let payload = rest.get_mut(..payload_len).ok_or(truncated)?;
        Ok(Self { header, payload })
    }

    /// Computes the checksum between the addresses of `pseudo`, and writes it.
    #[inline]
    pub fn fill_checksum(&mut self, pseudo: &PseudoHeader) {
        self.header.fill_checksum(pseudo, self.payload);
    }
}

#[inline]
fn payload_len(header: &UdpHeader) -> Result<usize, ParseError> {
    let len = usize::from(header.datagram_len());
    len.checked_sub(UdpHeader::LEN).ok_or(ParseError::length_too_small(
        Layer::Udp,
        4,
        UdpHeader::LEN,
        len,
    ))
}

#[inline]
fn truncated(header: &UdpHeader, available: usize) -> ParseError {
    ParseError::truncated(Layer::Udp, usize::from(header.datagram_len()), available)
}

#[cfg(test)]
pub(in crate::wire) mod tests {
    use super::*;
    use crate::wire::IpProtocol;
    use core::net::{Ipv4Addr, Ipv6Addr};

    /// UDP 1234 -> 53, "ping", between 10.1.15.2 and 10.1.17.3.
    pub(in crate::wire) const DATAGRAM: [u8; 12] =
        [0x04, 0xd2, 0, 0x35, 0, 0x0c, 0xe7, 0xf7, b'p', b'i', b'n', b'g'];

    pub(in crate::wire) fn pseudo() -> PseudoHeader {
        let (source, destination) = (Ipv4Addr::new(10, 1, 15, 2), Ipv4Addr::new(10, 1, 17, 3));
        PseudoHeader::v4(source, destination, IpProtocol::UDP)
    }

    #[test]
    fn parse_reads_a_known_datagram() {
        let datagram = UdpDatagram::parse(&DATAGRAM).unwrap();
        let header = datagram.header();
        assert_eq!((header.source_port(), header.destination_port()), (1234, 53));
        assert_eq!((header.datagram_len(), datagram.payload()), (12, &b"ping"[..]));
        assert_eq!(datagram.checksum_state(&pseudo()), UdpChecksumState::Good);
    }

    #[test]
    fn parse_refuses_every_truncation_and_cuts_padding() {
        for len in 0..DATAGRAM.len() {
            let error = UdpDatagram::parse(&DATAGRAM[..len]).unwrap_err();
            let needed = if len < 8 { 8 } else { 12 };
            assert_eq!(error, ParseError::truncated(Layer::Udp, needed, len));
            let mut bytes = DATAGRAM;
            assert_eq!(UdpDatagramMut::parse(&mut bytes[..len]).unwrap_err(), error);
        }
        let mut padded = [0u8; 18];
        padded[..12].copy_from_slice(&DATAGRAM);
        assert_eq!(UdpDatagram::parse(&padded).unwrap().payload(), b"ping");
        assert_eq!(UdpDatagramMut::parse(&mut padded).unwrap().payload, b"ping");
    }

    #[test]
    fn parse_refuses_a_length_below_8() {
        for length in 0..8 {
            let mut bytes = DATAGRAM;
            bytes[5] = length;
            let error = ParseError::length_too_small(Layer::Udp, 4, 8, usize::from(length));
            assert_eq!(UdpDatagram::parse(&bytes).unwrap_err(), error);
        }
    }

    #[test]
    fn checksum_state_tells_zero_good_and_bad() {
        let mut bytes = DATAGRAM;
        bytes[6..8].fill(0);
        let state = |bytes: [u8; 12]| UdpDatagram::parse(&bytes).unwrap().checksum_state(&pseudo());
        assert_eq!(state(bytes), UdpChecksumState::Zero);
        bytes[7] = 1;
        assert_eq!(state(bytes), UdpChecksumState::Bad);
        let other = PseudoHeader::v6(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST, IpProtocol::UDP);
        let datagram = UdpDatagram::parse(&DATAGRAM).unwrap();
        assert_eq!(datagram.checksum_state(&other), UdpChecksumState::Bad);
    }
}
