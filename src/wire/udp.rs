//! UDP (RFC 768; over IPv6 RFC 8200 section 8.1, RFC 6935 and RFC 6936).
//!
//! ```text
//! |          Source Port          |       Destination Port        |
//! |             Length            |            Checksum           |
//! ```
//!
//! A checksum of 0 says that there is none; a sum that comes out as 0 is sent as 0xFFFF.

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::build::{
    Build, BuildError, IpPayload, check_length, length_field, write_behind, write_header,
};
use super::{IpProtocol, Layer, ParseError, PseudoHeader, view::view};
use crate::checksum::{self, Sum};

/// The UDP header: 8 bytes, any bytes.
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
pub struct UdpHeader {
    source_port: U16,
    destination_port: U16,
    datagram_len: U16,
    checksum: U16,
}

view!(UdpHeader, 8, Layer::Udp);

impl UdpHeader {
    /// A header between two ports with no checksum, `length` bytes long with its payload.
    #[must_use]
    #[inline]
    pub const fn new(source_port: u16, destination_port: u16, datagram_len: u16) -> Self {
        Self {
            source_port: U16::new(source_port),
            destination_port: U16::new(destination_port),
            datagram_len: U16::new(datagram_len),
            checksum: U16::ZERO,
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

    /// Writes the source port, and keeps the checksum right (RFC 1624); none stays none.
    #[inline]
    pub fn set_source_port(&mut self, port: u16) {
        let checksum = checksum::update_udp(self.checksum(), self.source_port(), port);
        self.set_source_port_raw(port);
        self.set_checksum_raw(checksum);
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

    /// Writes the destination port, and keeps the checksum right (RFC 1624); none stays none.
    #[inline]
    pub fn set_destination_port(&mut self, port: u16) {
        let checksum = checksum::update_udp(self.checksum(), self.destination_port(), port);
        self.set_destination_port_raw(port);
        self.set_checksum_raw(checksum);
    }

    /// The length of header and payload in bytes: at least 8 in a valid header.
    #[must_use]
    #[inline]
    pub const fn datagram_len(&self) -> u16 {
        self.datagram_len.get()
    }

    /// Writes the length of header and payload; the checksum, which covers it twice, is left stale.
    #[inline]
    pub const fn set_datagram_len_raw(&mut self, len: u16) {
        self.datagram_len = U16::new(len);
    }

    /// The checksum; 0 means that there is none.
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

    /// Computes the checksum of this header and `payload` between the addresses of `pseudo`, and writes it.
    #[inline]
    pub fn fill_checksum(&mut self, pseudo: &PseudoHeader, payload: &[u8]) {
        self.set_checksum_raw(0);
        let sum =
            pseudo.sum(u32::from(self.datagram_len())) + Sum::of(self.as_bytes()) + Sum::of(payload);
        self.set_checksum_raw(sum.udp_checksum());
    }
}

/// Whether a UDP checksum is there and right.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UdpChecksumState {
    /// The field is 0: the sender computed none. Legal over IPv4; over IPv6 for tunnels that opted in
    /// (RFC 6935 section 5).
    Zero,
    /// It is there and right.
    Good,
    /// It is there and wrong.
    Bad,
}

/// A datagram whose lengths agree.
#[derive(Clone, Copy, Debug)]
pub struct UdpDatagram<'a> {
    header: &'a UdpHeader,
    payload: &'a [u8],
}

impl<'a> UdpDatagram<'a> {
    /// Reads the payload of an IP packet; bytes behind the UDP length are cut off.
    ///
    /// # Errors
    /// `Truncated` for a header, or a datagram, that is not all there; `LengthTooSmall` for a length below
    /// 8. (A length of 0 means a jumbogram over IPv6 alone, RFC 2675 section 4, and is refused.)
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = UdpHeader::ref_from_prefix(bytes)?;
        let length = usize::from(header.datagram_len());
        let Some(payload_len) = length.checked_sub(UdpHeader::LEN) else {
            return Err(ParseError::length_too_small(Layer::Udp, 4, UdpHeader::LEN, length));
        };
        let truncated = ParseError::truncated(Layer::Udp, length, bytes.len());
        let payload = rest.get(..payload_len).ok_or(truncated)?;
        Ok(Self { header, payload })
    }

    /// The header.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a UdpHeader {
        self.header
    }

    /// The payload, as long as the UDP length says.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Whether the checksum, between the addresses of `pseudo`, is there and right.
    #[must_use]
    pub fn checksum_state(&self, pseudo: &PseudoHeader) -> UdpChecksumState {
        if self.header.checksum() == 0 {
            return UdpChecksumState::Zero;
        }
        let length = u32::from(self.header.datagram_len());
        let sum = pseudo.sum(length) + Sum::of(self.header.as_bytes()) + Sum::of(self.payload);
        if sum.is_valid() { UdpChecksumState::Good } else { UdpChecksumState::Bad }
    }
}

/// Builds a datagram. It has a checksum wherever an IP builder stands outside, unless told otherwise.
#[derive(Clone, Copy, Debug)]
pub struct UdpBuilder<P> {
    source_port: u16,
    destination_port: u16,
    checksum: bool,
    payload: P,
}

impl<P: Build> UdpBuilder<P> {
    /// A datagram between two ports.
    #[must_use]
    pub const fn new(source_port: u16, destination_port: u16, payload: P) -> Self {
        Self { source_port, destination_port, checksum: true, payload }
    }

    /// This datagram with the checksum field 0. Over IPv6 only tunnels may do so (RFC 6935 section 5).
    #[must_use]
    pub const fn without_checksum(mut self) -> Self {
        self.checksum = false;
        self
    }
}

impl<P: Build> Build for UdpBuilder<P> {
    fn len(&self) -> usize {
        UdpHeader::LEN.saturating_add(self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_length(Layer::Udp, self.len())?;
        self.payload.check()
    }

    fn write(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Sum {
        let payload = write_behind(UdpHeader::LEN, out, &self.payload, None);
        let length = length_field(self.len());
        let mut header = UdpHeader::new(self.source_port, self.destination_port, length);
        let sum = Sum::of(header.as_bytes()) + payload;
        if let (true, Some(pseudo)) = (self.checksum, pseudo) {
            let checksum = (sum + pseudo.sum(u32::from(length))).udp_checksum();
            header.set_checksum_raw(checksum);
        }
        write_header(out, header.as_bytes()) + payload
    }
}

impl<P: Build> IpPayload for UdpBuilder<P> {
    fn protocol(&self) -> IpProtocol {
        IpProtocol::UDP
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    /// UDP 1234 -> 53, "ping", between 10.1.15.2 and 10.1.17.3.
    const DATAGRAM: [u8; 12] = [0x04, 0xd2, 0, 0x35, 0, 0x0c, 0xe7, 0xf7, b'p', b'i', b'n', b'g'];

    fn pseudo() -> PseudoHeader {
        let (source, destination) = (Ipv4Addr::new(10, 1, 15, 2), Ipv4Addr::new(10, 1, 17, 3));
        PseudoHeader::v4(source, destination, IpProtocol::UDP)
    }

    #[test]
    fn reads_a_known_datagram() {
        let datagram = UdpDatagram::parse(&DATAGRAM).unwrap();
        let header = datagram.header();
        assert_eq!((header.source_port(), header.destination_port()), (1234, 53));
        assert_eq!((header.datagram_len(), datagram.payload()), (12, &b"ping"[..]));
        assert_eq!(datagram.checksum_state(&pseudo()), UdpChecksumState::Good);
    }

    #[test]
    fn builds_a_known_datagram() {
        let mut out = [0xa5; 16];
        let builder = UdpBuilder::new(1234, 53, &b"ping"[..]);
        builder.write(&mut out[..12], Some(&pseudo()));
        assert_eq!(out[..12], DATAGRAM);
        assert_eq!(out[12..], [0xa5; 4]);
    }

    #[test]
    fn every_truncation_is_refused_and_padding_is_cut() {
        for len in 0..DATAGRAM.len() {
            let error = UdpDatagram::parse(&DATAGRAM[..len]).unwrap_err();
            let needed = if len < 8 { 8 } else { 12 };
            assert_eq!(error, ParseError::truncated(Layer::Udp, needed, len));
        }
        let mut padded = [0u8; 18];
        padded[..12].copy_from_slice(&DATAGRAM);
        assert_eq!(UdpDatagram::parse(&padded).unwrap().payload(), b"ping");
    }

    #[test]
    fn a_length_below_8_is_refused() {
        for length in 0..8 {
            let mut bytes = DATAGRAM;
            bytes[5] = length;
            let error = ParseError::length_too_small(Layer::Udp, 4, 8, usize::from(length));
            assert_eq!(UdpDatagram::parse(&bytes).unwrap_err(), error);
        }
    }

    #[test]
    fn a_sum_of_zero_is_sent_as_ones() {
        // The payload is what is missing to all ones, so that the checksum would come out as 0.
        let mut header = UdpHeader::new(1234, 53, 10);
        let pseudo = pseudo();
        header.fill_checksum(&pseudo, &[0, 0]);
        let missing = header.checksum().to_be_bytes();
        header.fill_checksum(&pseudo, &missing);
        assert_eq!(header.checksum(), 0xffff);
        let mut out = [0; 10];
        UdpBuilder::new(1234, 53, &missing[..]).write(&mut out, Some(&pseudo));
        assert_eq!(out[6..8], [0xff, 0xff]);
        let state = UdpDatagram::parse(&out).unwrap().checksum_state(&pseudo);
        assert_eq!(state, UdpChecksumState::Good);
    }

    #[test]
    fn ports_change_with_their_checksum() {
        let mut bytes = DATAGRAM;
        let (header, _) = UdpHeader::mut_from_prefix(&mut bytes).unwrap();
        header.set_source_port(40_000);
        header.set_destination_port(8472);
        let datagram = UdpDatagram::parse(&bytes).unwrap();
        assert_eq!(datagram.checksum_state(&pseudo()), UdpChecksumState::Good);
        let (header, _) = UdpHeader::mut_from_prefix(&mut bytes).unwrap();
        header.set_checksum_raw(0);
        header.set_source_port(1);
        assert_eq!(header.checksum(), 0);
    }

    #[test]
    fn states_are_told_apart() {
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

    #[test]
    fn too_long_is_refused_before_anything_is_written() {
        let payload = [0u8; 65_528];
        let error = BuildError::TooLong { layer: Layer::Udp, len: 65_536, max: 65_535 };
        assert_eq!(UdpBuilder::new(1, 2, &payload[..]).build(&mut [0; 8]).unwrap_err(), error);
    }
}
