//! ICMP for IPv6 (RFC 4443).
//!
//! ```text
//! |     Type      |     Code      |           Checksum            |
//! |                what Type and Code give a meaning              |
//! ```
//!
//! The checksum covers a pseudo-header as well. Bytes without a meaning are kept, and zero on transmit.

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::build::{Build, BuildError, IpPayload, check_length, write_behind, write_header};
use super::icmp::header;
use super::{Echo, IpProtocol, Layer, ParseError, PseudoHeader, view::view};
use crate::checksum::{self, Sum};

header!(Icmpv6Header, Icmpv6Message, Layer::Icmpv6);

/// What an ICMPv6 message says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Icmpv6Message {
    /// Type 1: it cannot be delivered (RFC 4443 section 3.1).
    DestinationUnreachable {
        /// Why: 0 no route, 1 administratively prohibited, 3 address, 4 port ...
        code: u8,
    },
    /// Type 2, code 0: it is too long for the next link (RFC 4443 section 3.2).
    PacketTooBig {
        /// The next link's MTU in bytes.
        mtu: u32,
    },
    /// Type 3: the hop limit ran out in transit (code 0), or fragments did not come in time (code 1)
    /// (RFC 4443 section 3.3).
    TimeExceeded {
        /// Which of the two.
        code: u8,
    },
    /// Type 128: a request to answer (RFC 4443 section 4.1).
    EchoRequest(Echo),
    /// Type 129: the answer to a request (RFC 4443 section 4.2).
    EchoReply(Echo),
    /// Any other type and code.
    Other {
        /// The type.
        message_type: u8,
        /// The code.
        code: u8,
        /// The last four bytes of the header.
        rest: [u8; 4],
    },
}

impl Icmpv6Message {
    /// Type, code and the last four bytes. Bytes without a meaning are zero.
    const fn encode(self) -> (u8, u8, [u8; 4]) {
        match self {
            Self::DestinationUnreachable { code } => (1, code, [0; 4]),
            Self::PacketTooBig { mtu } => (2, 0, mtu.to_be_bytes()),
            Self::TimeExceeded { code } => (3, code, [0; 4]),
            Self::EchoRequest(echo) => (128, 0, echo.to_bytes()),
            Self::EchoReply(echo) => (129, 0, echo.to_bytes()),
            Self::Other { message_type, code, rest } => (message_type, code, rest),
        }
    }

    /// A packet too big is read whatever its code: receivers ignore it (RFC 4443 section 3.2).
    const fn decode(message_type: u8, code: u8, rest: [u8; 4]) -> Self {
        match (message_type, code) {
            (1, _) => Self::DestinationUnreachable { code },
            (2, _) => Self::PacketTooBig { mtu: u32::from_be_bytes(rest) },
            (3, _) => Self::TimeExceeded { code },
            (128, 0) => Self::EchoRequest(Echo::from_bytes(rest)),
            (129, 0) => Self::EchoReply(Echo::from_bytes(rest)),
            _ => Self::Other { message_type, code, rest },
        }
    }
}

/// A whole header and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Icmpv6Packet<'a> {
    header: &'a Icmpv6Header,
    payload: &'a [u8],
}

impl<'a> Icmpv6Packet<'a> {
    /// Reads the payload of an IP packet.
    ///
    /// # Errors
    /// `Truncated` when there are fewer than 8 bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, payload) = Icmpv6Header::ref_from_prefix(bytes)?;
        Ok(Self { header, payload })
    }

    /// The header.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a Icmpv6Header {
        self.header
    }

    /// What follows the header: an echo's bytes, or the front of the packet that an error is about.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Whether the checksum, between the addresses of `pseudo`, is right.
    #[must_use]
    pub fn is_checksum_valid(&self, pseudo: &PseudoHeader) -> bool {
        let len = Icmpv6Header::LEN.saturating_add(self.payload.len());
        let pseudo = pseudo.sum(u32::try_from(len).unwrap_or(u32::MAX));
        (pseudo + Sum::of(self.header.as_bytes()) + Sum::of(self.payload)).is_valid()
    }
}

/// Builds a message: the checksum is computed wherever an IP builder stands outside.
#[derive(Clone, Copy, Debug)]
pub struct Icmpv6Builder<P> {
    message: Icmpv6Message,
    payload: P,
}

impl<P: Build> Icmpv6Builder<P> {
    /// A message with its payload: an echo's bytes, or the front of the packet that an error is about.
    #[must_use]
    pub const fn new(message: Icmpv6Message, payload: P) -> Self {
        Self { message, payload }
    }
}

impl<P: Build> Build for Icmpv6Builder<P> {
    fn len(&self) -> usize {
        Icmpv6Header::LEN.saturating_add(self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_length(Layer::Icmpv6, self.len())?;
        self.payload.check()
    }

    fn write(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Sum {
        let payload = write_behind(Icmpv6Header::LEN, out, &self.payload, None);
        let mut header = Icmpv6Header::new(self.message);
        if let Some(pseudo) = pseudo {
            let length = u32::try_from(self.len()).unwrap_or(u32::MAX);
            let sum = Sum::of(header.as_bytes()) + payload + pseudo.sum(length);
            header.set_checksum_raw(sum.checksum());
        }
        write_header(out, header.as_bytes()) + payload
    }
}

impl<P: Build> IpPayload for Icmpv6Builder<P> {
    fn protocol(&self) -> IpProtocol {
        IpProtocol::ICMPV6
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Linux, a ping from fd00:1:17::5 to fd00:1:18::7: flannel_inner_ipv6.pcap, packet 1, its header.
    const REQUEST: [u8; 8] = [0x80, 0, 0x31, 0x05, 0x78, 0, 0, 1];

    /// Linux, a router fd00:a::1 whose next link has an MTU of 1300, to fd00:a::2 which sent 1400 times `x`
    /// by UDP: the header, and the first bytes quoted. 1184 times `x` follow.
    const TOO_BIG: [u8; 56] = [
        2, 0, 0x43, 0xe6, 0, 0, 5, 0x14, 0x60, 0x0d, 0xf0, 0x51, 5, 0x80, 0x11, 0x40, 0xfd, 0, 0,
        0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0xfd, 0, 0, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 2, 0xb8, 0xd4, 0, 9, 5, 0x80, 0xff, 0xab,
    ];

    fn too_big() -> (Vec<u8>, PseudoHeader) {
        let (source, destination) = ("fd00:a::1".parse().unwrap(), "fd00:a::2".parse().unwrap());
        let pseudo = PseudoHeader::v6(source, destination, IpProtocol::ICMPV6);
        ([&TOO_BIG[..], &[b'x'; 1184]].concat(), pseudo)
    }

    #[test]
    fn reads_the_kernels_messages() {
        let echo = Echo { id: 0x7800, sequence: 1 };
        assert_eq!(Icmpv6Header::from_bytes(REQUEST).message(), Icmpv6Message::EchoRequest(echo));
        let (bytes, pseudo) = too_big();
        let packet = Icmpv6Packet::parse(&bytes).unwrap();
        assert_eq!(packet.header().message(), Icmpv6Message::PacketTooBig { mtu: 1300 });
        assert_eq!(packet.payload().len(), 1232);
        assert!(packet.is_checksum_valid(&pseudo));
    }

    #[test]
    fn builds_the_kernels_packet_too_big() {
        let (bytes, pseudo) = too_big();
        let mut out = [0xa5; 1244];
        let message = Icmpv6Message::PacketTooBig { mtu: 1300 };
        let builder = Icmpv6Builder::new(message, &bytes[8..]);
        let sum = builder.write(&mut out[..1240], Some(&pseudo));
        assert_eq!(out[..1240], bytes);
        assert_eq!(out[1240..], [0xa5; 4]);
        assert_eq!(sum, Sum::of(&bytes));
    }

    #[test]
    fn every_type_and_code_comes_back_as_it_was() {
        for [message_type, code] in (0..=0xffff_u16).map(u16::to_be_bytes) {
            let rest = if matches!(message_type, 1 | 3) { [0; 4] } else { [1, 2, 3, 4] };
            let header = Icmpv6Header { message_type, code, checksum: U16::ZERO, rest };
            let again = Icmpv6Header::new(header.message());
            // A packet too big is sent with code 0 whatever was received.
            let want = if message_type == 2 { Icmpv6Header { code: 0, ..header } } else { header };
            assert_eq!(again, want);
        }
    }

    #[test]
    fn an_echos_id_changes_with_its_checksum() {
        let mut header = Icmpv6Header::from_bytes(REQUEST);
        header.set_echo_id(0x7801);
        assert_eq!(header.as_bytes(), &[0x80, 0, 0x31, 0x04, 0x78, 1, 0, 1]);
    }

    #[test]
    fn every_length_below_8_is_truncated() {
        for len in 0..8 {
            let error = ParseError::truncated(Layer::Icmpv6, 8, len);
            assert_eq!(Icmpv6Packet::parse(&REQUEST[..len]).unwrap_err(), error);
        }
    }
}
