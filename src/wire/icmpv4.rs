//! ICMP for IPv4 (RFC 792; the MTU of "fragmentation needed" RFC 1191 section 4).
//!
//! [`Icmpv4Packet`] parses, [`Icmpv4Header`] edits in place, [`Icmpv4Builder`] builds. The checksum
//! covers header and payload alone.

use zerocopy::byteorder::network_endian::U16;

use super::build::{Build, BuildError, IpPayload};
use super::emit::{Emit, check_len, emit_after, emit_header};
use super::icmp::icmp;
use super::len::add_len;
use super::{Echo, IpProtocol, Layer, ParseError, PseudoHeader};
use crate::checksum::{self, Sum};

icmp! {
    /// The header of ICMP for IPv4 (RFC 792): 8 bytes, any bytes.
    ///
    /// ```text
    /// |     Type      |     Code      |           Checksum            |
    /// |             depends on Type and Code: 4 bytes                 |
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::{Echo, Icmpv4Header, Icmpv4Message};
    ///
    /// // Linux: a ping without payload.
    /// let mut header = Icmpv4Header::from_bytes([8, 0, 0x82, 0x77, 0x75, 0x87, 0, 1]);
    /// assert_eq!(header.message(), Icmpv4Message::EchoRequest(Echo { id: 0x7587, sequence: 1 }));
    /// header.set_echo_id(0x7588);
    /// assert_eq!(header.checksum(), 0x8276);
    /// ```
    Icmpv4Header,
    /// A parsed ICMP packet for IPv4 (RFC 792): a whole header and what follows it.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::Icmpv4Packet;
    ///
    /// let ping = Icmpv4Packet::parse(&[8, 0, 0x82, 0x77, 0x75, 0x87, 0, 1])?;
    /// assert!(ping.is_checksum_valid() && ping.payload().is_empty());
    /// # Ok::<(), vtep::wire::ParseError>(())
    /// ```
    Icmpv4Packet,
    Icmpv4Message, Layer::Icmpv4
}

impl Icmpv4Packet<'_> {
    /// Returns whether the checksum is right.
    #[must_use]
    pub fn is_checksum_valid(&self) -> bool {
        (Sum::of(self.header.as_bytes()) + Sum::of(self.payload)).is_valid()
    }
}

/// An ICMP message for IPv4 (RFC 792): type, code and the last four bytes of the header.
///
/// Bytes without a meaning are zero on transmit, and ignored.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Icmpv4Message, Icmpv4Packet};
///
/// let packet = Icmpv4Packet::parse(&[3, 4, 0xf0, 0x24, 0, 0, 5, 0xaa])?;
/// match packet.header().message() {
///     Icmpv4Message::FragmentationNeeded { mtu } => assert_eq!(mtu, 1450),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), vtep::wire::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Icmpv4Message {
    /// Type 0: an echo reply (RFC 792).
    EchoReply(Echo),
    /// Type 3, any code but 4: the packet cannot be delivered (RFC 792).
    DestinationUnreachable {
        /// The reason: 0 network, 1 host, 2 protocol, 3 port, 13 administratively prohibited ...
        code: u8,
    },
    /// Type 3, code 4: the packet is too long for the next link, and DF is set (RFC 1191 section
    /// 4).
    FragmentationNeeded {
        /// The next link's MTU in bytes; 0 from a router older than RFC 1191.
        mtu: u16,
    },
    /// Type 8: an echo request (RFC 792).
    EchoRequest(Echo),
    /// Type 11: TTL ran out in transit (code 0), or fragments did not come in time (code 1) (RFC
    /// 792).
    TimeExceeded {
        /// 0 or 1.
        code: u8,
    },
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

impl Icmpv4Message {
    /// Returns type, code and the last four bytes. Bytes without a meaning are zero.
    const fn encode(self) -> (u8, u8, [u8; 4]) {
        match self {
            Self::EchoReply(echo) => (0, 0, echo.to_bytes()),
            Self::DestinationUnreachable { code } => (3, code, [0; 4]),
            Self::FragmentationNeeded { mtu } => {
                let [high, low] = mtu.to_be_bytes();
                (3, 4, [0, 0, high, low])
            }
            Self::EchoRequest(echo) => (8, 0, echo.to_bytes()),
            Self::TimeExceeded { code } => (11, code, [0; 4]),
            Self::Other { message_type, code, rest } => (message_type, code, rest),
        }
    }

    const fn decode(message_type: u8, code: u8, rest: [u8; 4]) -> Self {
        match (message_type, code) {
            (0, 0) => Self::EchoReply(Echo::from_bytes(rest)),
            (3, 4) => {
                let [_, _, high, low] = rest;
                Self::FragmentationNeeded { mtu: u16::from_be_bytes([high, low]) }
            }
            (3, _) => Self::DestinationUnreachable { code },
            (8, 0) => Self::EchoRequest(Echo::from_bytes(rest)),
            (11, _) => Self::TimeExceeded { code },
            _ => Self::Other { message_type, code, rest },
        }
    }
}

/// Builds an ICMP message for IPv4 (RFC 792): the checksum is computed.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, Echo, Icmpv4Builder, Icmpv4Message, Icmpv4Packet};
///
/// let ping = Icmpv4Message::EchoRequest(Echo { id: 0x7587, sequence: 1 });
/// let mut buffer = [0; 12];
/// let written = Icmpv4Builder::new(ping, b"data").build(&mut buffer)?;
/// assert!(Icmpv4Packet::parse(written)?.is_checksum_valid());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Icmpv4Builder<P> {
    message: Icmpv4Message,
    payload: P,
}

impl<P: Build> Icmpv4Builder<P> {
    /// Returns a message with its payload: an echo's bytes, or the front of the packet that an
    /// error is about.
    #[must_use]
    pub const fn new(message: Icmpv4Message, payload: P) -> Self {
        Self { message, payload }
    }
}

impl<P: Build> Build for Icmpv4Builder<P> {
    fn len(&self) -> usize {
        add_len(Icmpv4Header::LEN, self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_len(Layer::Icmpv4, self.len())?;
        self.payload.check()
    }
}

impl<P: Build> Emit for Icmpv4Builder<P> {
    fn emit(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        let payload = emit_after(Icmpv4Header::LEN, out, &self.payload, None)?;
        let mut header = Icmpv4Header::new(self.message);
        let sum = Sum::of(header.as_bytes()) + payload;
        header.set_checksum_raw(sum.checksum());
        Ok(emit_header(out, header.as_bytes())? + payload)
    }
}

impl<P: Build> IpPayload for Icmpv4Builder<P> {
    fn protocol(&self) -> IpProtocol {
        IpProtocol::ICMPV4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn echo(id: u16, sequence: u16) -> Echo {
        Echo { id, sequence }
    }

    /// Linux: a ping without payload (flannel_icmp_sizes.pcap, packet 1), and the headers and first
    /// payload bytes of time exceeded and port unreachable (flannel_icmp_errors.pcap, packets 2 and
    /// 6) and of fragmentation needed (l2_pmtud_icmp_from_bridged_vxlan.pcap, packet 4).
    const CAPTURED: [([u8; 8], Icmpv4Message); 4] = [
        (
            [8, 0, 0x82, 0x77, 0x75, 0x87, 0, 1],
            Icmpv4Message::EchoRequest(Echo { id: 0x7587, sequence: 1 }),
        ),
        ([11, 0, 0xf4, 0xff, 0, 0, 0, 0], Icmpv4Message::TimeExceeded { code: 0 }),
        ([3, 3, 0x34, 0x2e, 0, 0, 0, 0], Icmpv4Message::DestinationUnreachable { code: 3 }),
        ([3, 4, 0xf0, 0x24, 0, 0, 5, 0xaa], Icmpv4Message::FragmentationNeeded { mtu: 1450 }),
    ];

    /// The packet that the kernel's port unreachable quotes.
    const QUOTED: [u8; 38] = [
        0x45, 0, 0, 0x26, 7, 0x93, 0x40, 0, 0x3e, 0x11, 0xfe, 0x26, 0x0a, 1, 0x11, 5, 0x0a, 1,
        0x12, 7, 0x80, 0xe8, 0x27, 0x0f, 0, 0x12, 0x0c, 0xac, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ];

    #[test]
    fn message_reads_the_kernels_headers() {
        for (bytes, message) in CAPTURED {
            assert_eq!(Icmpv4Header::from_bytes(bytes).message(), message);
        }
        let reply = Icmpv4Header::from_bytes([0, 0, 0xf4, 0x8f, 0x16, 0xfe, 0, 0]);
        assert_eq!(reply.message(), Icmpv4Message::EchoReply(echo(0x16fe, 0)));
        let ping = Icmpv4Packet::parse(&CAPTURED[0].0).unwrap();
        assert!(ping.is_checksum_valid() && ping.payload().is_empty());
    }

    #[test]
    fn build_writes_the_kernels_messages() {
        let (header, message) = CAPTURED[2];
        let want: Vec<u8> = [&header[..], &QUOTED].concat();
        let mut out = [0xa5; 50];
        let written = Icmpv4Builder::new(message, &QUOTED[..]).build(&mut out).unwrap();
        assert_eq!(written, want);
        assert_eq!(out[46..], [0xa5; 4]);
        assert!(Icmpv4Packet::parse(&want).unwrap().is_checksum_valid());
    }

    #[test]
    fn new_writes_every_message_as_it_was_read() {
        for [message_type, code] in (0..=0xffff_u16).map(u16::to_be_bytes) {
            let rest = if matches!(message_type, 3 | 11) { [0; 4] } else { [1, 2, 3, 4] };
            let header = Icmpv4Header { message_type, code, checksum: U16::ZERO, rest };
            assert_eq!(Icmpv4Header::new(header.message()), header);
        }
    }

    #[test]
    fn set_echo_id_keeps_the_checksum() {
        let mut bytes = CAPTURED[0].0;
        let (header, _) = Icmpv4Header::mut_from_prefix(&mut bytes).unwrap();
        header.set_echo_id(0x1234);
        assert_eq!(header.message(), Icmpv4Message::EchoRequest(echo(0x1234, 1)));
        assert!(Icmpv4Packet::parse(&bytes).unwrap().is_checksum_valid());
    }

    #[test]
    fn parse_refuses_every_length_below_8() {
        for len in 0..8 {
            let error = ParseError::truncated(Layer::Icmpv4, 8, len);
            assert_eq!(Icmpv4Packet::parse(&CAPTURED[0].0[..len]).unwrap_err(), error);
        }
    }
}
