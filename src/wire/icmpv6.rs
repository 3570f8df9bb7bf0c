//! ICMP for IPv6 (RFC 4443).
//!
//! [`Icmpv6Packet`] parses, [`Icmpv6Header`] edits in place, [`Icmpv6Builder`] builds. The checksum
//! covers a pseudo-header as well.

use zerocopy::byteorder::network_endian::U16;

use super::build::{Build, BuildError, IpPayload};
use super::emit::{Emit, check_len, emit_after, emit_header, len_field};
use super::icmp::icmp;
use super::len::add_len;
use super::{Echo, IpProtocol, Layer, ParseError, PseudoHeader};
use crate::checksum::{self, Sum};

icmp! {
    /// The header of ICMP for IPv6 (RFC 4443 section 2.1): 8 bytes, any bytes.
    ///
    /// ```text
    /// |     Type      |     Code      |           Checksum            |
    /// |             depends on Type and Code: 4 bytes                 |
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::{Echo, Icmpv6Header, Icmpv6Message};
    ///
    /// let header = Icmpv6Header::from_bytes([0x80, 0, 0x31, 0x05, 0x78, 0, 0, 1]);
    /// assert_eq!(header.message(), Icmpv6Message::EchoRequest(Echo { id: 0x7800, sequence: 1 }));
    /// ```
    Icmpv6Header,
    /// A parsed ICMP packet for IPv6 (RFC 4443 section 2.1): a whole header and what follows it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vtep::wire::{Build, Echo, Icmpv6Builder, Icmpv6Message, Ipv6Builder};
    /// use vtep::wire::{Icmpv6Packet, Ipv6Packet};
    ///
    /// # let ping = Icmpv6Message::EchoRequest(Echo { id: 0x7800, sequence: 1 });
    /// # let icmp = Icmpv6Builder::new(ping, b"data");
    /// # let (from, to) = ("fd00:1:17::5".parse()?, "fd00:1:18::7".parse()?);
    /// # let mut buffer = [0; 52];
    /// # let bytes: &[u8] = Ipv6Builder::new(from, to, icmp).build(&mut buffer)?;
    /// let ipv6 = Ipv6Packet::parse(bytes)?;
    /// let icmp = Icmpv6Packet::parse(ipv6.payload())?;
    /// let pseudo = ipv6.pseudo_header().ok_or("a routing header of an unknown type")?;
    /// assert!(icmp.is_checksum_valid(&pseudo));
    /// assert_eq!(icmp.payload(), b"data");
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    Icmpv6Packet,
    Icmpv6Message, Layer::Icmpv6
}

impl Icmpv6Packet<'_> {
    /// Returns whether the checksum, between the addresses of `pseudo`, is right.
    #[must_use]
    pub fn is_checksum_valid(&self, pseudo: &PseudoHeader) -> bool {
        pseudo.is_valid(&[self.header.as_bytes(), self.payload])
    }
}

/// An ICMP message for IPv6 (RFC 4443): type, code and the last four bytes of the header.
///
/// Bytes without a meaning are zero on transmit, and ignored.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Icmpv6Message, Icmpv6Packet};
///
/// let packet = Icmpv6Packet::parse(&[2, 0, 0x43, 0xe6, 0, 0, 5, 0x14])?;
/// match packet.header().message() {
///     Icmpv6Message::PacketTooBig { mtu } => assert_eq!(mtu, 1300),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), vtep::wire::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Icmpv6Message {
    /// Type 1: the packet cannot be delivered (RFC 4443 section 3.1).
    DestinationUnreachable {
        /// The reason: 0 no route, 1 administratively prohibited, 3 address, 4 port ...
        code: u8,
    },
    /// Type 2, code 0: the packet is too long for the next link (RFC 4443 section 3.2).
    PacketTooBig {
        /// The next link's MTU in bytes.
        mtu: u32,
    },
    /// Type 3: the hop limit ran out in transit (code 0), or fragments did not come in time (code
    /// 1) (RFC 4443 section 3.3).
    TimeExceeded {
        /// 0 or 1.
        code: u8,
    },
    /// Type 128: an echo request (RFC 4443 section 4.1).
    EchoRequest(Echo),
    /// Type 129: an echo reply (RFC 4443 section 4.2).
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
    /// Returns type, code and the last four bytes. Bytes without a meaning are zero.
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

    /// Receivers ignore the code of a packet too big (RFC 4443 section 3.2).
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

/// Builds an ICMP message for IPv6 (RFC 4443): the checksum is computed. It covers the IP
/// addresses, so there is one only where an IP builder encloses it, or with
/// [`build_with_pseudo_header`](Build::build_with_pseudo_header).
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, Icmpv6Builder, Icmpv6Message, Ipv6Builder, Ipv6Packet};
///
/// let (from, to) = ("fd00:a::1".parse()?, "fd00:a::2".parse()?);
/// let too_big = Icmpv6Builder::new(Icmpv6Message::PacketTooBig { mtu: 1300 }, b"the packet");
/// let mut buffer = [0; 58];
/// let written = Ipv6Builder::new(from, to, too_big).build(&mut buffer)?;
/// assert_eq!(written[40..42], [2, 0]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Icmpv6Builder<P> {
    message: Icmpv6Message,
    payload: P,
}

impl<P: Build> Icmpv6Builder<P> {
    /// Returns a message with its payload: an echo's bytes, or the front of the packet that an
    /// error is about.
    #[must_use]
    pub const fn new(message: Icmpv6Message, payload: P) -> Self {
        Self { message, payload }
    }
}

impl<P: Build> Build for Icmpv6Builder<P> {
    fn len(&self) -> usize {
        add_len(Icmpv6Header::LEN, self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_len(Layer::Icmpv6, self.len())?;
        self.payload.check()
    }
}

impl<P: Build> Emit for Icmpv6Builder<P> {
    fn emit(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        let payload = emit_after(Icmpv6Header::LEN, out, &self.payload, None)?;
        let mut header = Icmpv6Header::new(self.message);
        if let Some(pseudo) = pseudo {
            let len = u32::from(len_field(Layer::Icmpv6, self.len())?);
            let sum = Sum::of(header.as_bytes()) + payload + pseudo.sum(len);
            header.set_checksum_raw(sum.checksum());
        }
        Ok(emit_header(out, header.as_bytes())? + payload)
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

    /// Linux, a ping from fd00:1:17::5 to fd00:1:18::7: flannel_inner_ipv6.pcap, packet 1, its
    /// header.
    const REQUEST: [u8; 8] = [0x80, 0, 0x31, 0x05, 0x78, 0, 0, 1];

    /// Linux, a router fd00:a::1 whose next link has an MTU of 1300, to fd00:a::2 which sent 1400
    /// times `x` by UDP: the header, and the first bytes quoted. 1184 times `x` follow.
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
    fn message_reads_the_kernels_headers() {
        let echo = Echo { id: 0x7800, sequence: 1 };
        assert_eq!(Icmpv6Header::from_bytes(REQUEST).message(), Icmpv6Message::EchoRequest(echo));
        let (bytes, pseudo) = too_big();
        let packet = Icmpv6Packet::parse(&bytes).unwrap();
        assert_eq!(packet.header().message(), Icmpv6Message::PacketTooBig { mtu: 1300 });
        assert_eq!(packet.payload().len(), 1232);
        assert!(packet.is_checksum_valid(&pseudo));
    }

    #[test]
    fn build_writes_the_kernels_packet_too_big() {
        let (bytes, pseudo) = too_big();
        let mut out = [0xa5; 1244];
        let message = Icmpv6Message::PacketTooBig { mtu: 1300 };
        let builder = Icmpv6Builder::new(message, &bytes[8..]);
        let sum = builder.emit(&mut out[..1240], Some(&pseudo)).unwrap();
        assert_eq!(out[..1240], bytes);
        assert_eq!(out[1240..], [0xa5; 4]);
        assert_eq!(sum, Sum::of(&bytes));
    }

    #[test]
    fn new_writes_every_message_as_it_was_read() {
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
    fn set_echo_id_keeps_the_checksum() {
        let mut header = Icmpv6Header::from_bytes(REQUEST);
        header.set_echo_id(0x7801);
        assert_eq!(header.as_bytes(), &[0x80, 0, 0x31, 0x04, 0x78, 1, 0, 1]);
    }

    #[test]
    fn parse_refuses_every_length_below_8() {
        for len in 0..8 {
            let error = ParseError::truncated(Layer::Icmpv6, 8, len);
            assert_eq!(Icmpv6Packet::parse(&REQUEST[..len]).unwrap_err(), error);
        }
    }
}
