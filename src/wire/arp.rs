//! ARP for IPv4 over Ethernet (RFC 826).
//!
//! [`ArpPacket`] parses, [`ArpHeader`] edits in place and builds: ARP has no payload.

use core::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;

use super::build::{Build, BuildError, EthernetPayload};
use super::emit::{Emit, emit_header};
use super::header::header;
use super::number::unbounded;
use super::{EtherType, Layer, MacAddr, ParseError, PseudoHeader};
use crate::checksum::Sum;

header! {
    /// An ARP packet for IPv4 over Ethernet (RFC 826): 28 bytes, any bytes. It has no payload, so
    /// it is its own builder.
    ///
    /// ```text
    /// |  Hardware type: 1 (Ethernet)  |     Protocol type: 0x0800     |
    /// | HW length: 6  | Prot length: 4|           Operation           |
    /// | Sender MAC: 6 bytes           | Sender IPv4 address: 4 bytes  |
    /// | Target MAC: 6 bytes           | Target IPv4 address: 4 bytes  |
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::{ArpHeader, ArpPacket, Build, EthernetBuilder, EthernetFrame, MacAddr};
    ///
    /// let sender = (MacAddr::new([2, 0, 0, 0, 0, 1]), [10, 0, 0, 1].into());
    /// let request = ArpHeader::request(sender, [10, 0, 0, 2].into());
    ///
    /// let mut buffer = [0; 60];
    /// let frame = EthernetBuilder::new(MacAddr::BROADCAST, sender.0, request).build(&mut buffer)?;
    /// let received = ArpPacket::parse(EthernetFrame::parse(frame)?.payload())?;
    /// assert_eq!(received.header(), &request);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[derive(Debug)]
    pub struct ArpHeader: 28 bytes, Layer::Arp;
    {
        hardware_type: U16,
        protocol_type: U16,
        hardware_len: u8,
        protocol_len: u8,
        operation: U16,
        sender_mac: MacAddr,
        sender_ip: [u8; 4],
        target_mac: MacAddr,
        target_ip: [u8; 4],
    }
}

impl ArpHeader {
    const ETHERNET: u16 = 1;

    /// Returns a request: "who has `target`? tell `sender`". The target's MAC address is zero.
    #[must_use]
    pub const fn request(sender: (MacAddr, Ipv4Addr), target: Ipv4Addr) -> Self {
        Self::new(ArpOperation::REQUEST, sender, (MacAddr::ZERO, target))
    }

    /// Returns a reply to `target`: "`sender`'s IPv4 address is at `sender`'s MAC address".
    #[must_use]
    pub const fn reply(sender: (MacAddr, Ipv4Addr), target: (MacAddr, Ipv4Addr)) -> Self {
        Self::new(ArpOperation::REPLY, sender, target)
    }

    /// Returns a packet with these fields.
    #[must_use]
    pub const fn new(
        operation: ArpOperation,
        (sender_mac, sender_ip): (MacAddr, Ipv4Addr),
        (target_mac, target_ip): (MacAddr, Ipv4Addr),
    ) -> Self {
        Self {
            hardware_type: U16::new(Self::ETHERNET),
            protocol_type: U16::new(EtherType::IPV4.0),
            hardware_len: 6,
            protocol_len: 4,
            operation: U16::new(operation.0),
            sender_mac,
            sender_ip: sender_ip.octets(),
            target_mac,
            target_ip: target_ip.octets(),
        }
    }

    /// The operation: request, reply or another.
    #[must_use]
    #[inline]
    pub const fn operation(&self) -> ArpOperation {
        ArpOperation(self.operation.get())
    }

    /// Writes the operation.
    #[inline]
    pub const fn set_operation(&mut self, operation: ArpOperation) {
        self.operation = U16::new(operation.0);
    }

    /// The sender's MAC address.
    #[must_use]
    #[inline]
    pub const fn sender_mac(&self) -> MacAddr {
        self.sender_mac
    }

    /// Writes the sender's MAC address.
    #[inline]
    pub const fn set_sender_mac(&mut self, mac: MacAddr) {
        self.sender_mac = mac;
    }

    /// The sender's IPv4 address; 0.0.0.0 in a probe (RFC 5227 section 2.1.1).
    #[must_use]
    #[inline]
    pub const fn sender_ip(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.sender_ip;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Writes the sender's IPv4 address.
    #[inline]
    pub const fn set_sender_ip(&mut self, ip: Ipv4Addr) {
        self.sender_ip = ip.octets();
    }

    /// The target's MAC address. It has no meaning in a request.
    #[must_use]
    #[inline]
    pub const fn target_mac(&self) -> MacAddr {
        self.target_mac
    }

    /// Writes the target's MAC address.
    #[inline]
    pub const fn set_target_mac(&mut self, mac: MacAddr) {
        self.target_mac = mac;
    }

    /// The target's IPv4 address.
    #[must_use]
    #[inline]
    pub const fn target_ip(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.target_ip;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Writes the target's IPv4 address.
    #[inline]
    pub const fn set_target_ip(&mut self, ip: Ipv4Addr) {
        self.target_ip = ip.octets();
    }
}

impl Build for ArpHeader {
    fn len(&self) -> usize {
        Self::LEN
    }

    fn check(&self) -> Result<(), BuildError> {
        Ok(())
    }
}

impl Emit for ArpHeader {
    fn emit(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        emit_header(out, self.as_bytes())
    }
}

impl EthernetPayload for ArpHeader {
    fn ethertype(&self) -> EtherType {
        EtherType::ARP
    }
}

/// A parsed ARP packet, whose constants are those of IPv4 over Ethernet.
///
/// # Examples
///
/// ```
/// use vtep::wire::{ArpOperation, ArpPacket};
///
/// // Linux: 10.0.1.5 at 02:42:0a:00:01:05 requests the address of 10.0.1.7.
/// let bytes = [
///     0, 1, 8, 0, 6, 4, 0, 1, 0x02, 0x42, 0x0a, 0, 1, 5, 10, 0, 1, 5, 0, 0, 0, 0, 0, 0, 10, 0,
///     1, 7,
/// ];
/// let arp = ArpPacket::parse(&bytes)?.header();
/// assert_eq!(arp.operation(), ArpOperation::REQUEST);
/// assert_eq!(arp.target_ip().to_string(), "10.0.1.7");
/// # Ok::<(), vtep::wire::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ArpPacket<'a> {
    header: &'a ArpHeader,
}

impl<'a> ArpPacket<'a> {
    /// Parses the payload of an Ethernet frame. Trailing bytes are padding and are ignored.
    ///
    /// # Errors
    /// - `Truncated` if there are fewer than 28 bytes.
    /// - `Unsupported` for another hardware type, protocol type or address length.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, _) = ArpHeader::ref_from_prefix(bytes)?;
        let constants = [
            (0, ArpHeader::ETHERNET, header.hardware_type.get()),
            (2, EtherType::IPV4.0, header.protocol_type.get()),
            (4, 6, u16::from(header.hardware_len)),
            (5, 4, u16::from(header.protocol_len)),
        ];
        for (offset, expected, found) in constants {
            if found != expected {
                return Err(ParseError::unsupported(Layer::Arp, offset, expected, found));
            }
        }
        Ok(Self { header })
    }

    /// The packet's fields.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a ArpHeader {
        self.header
    }
}

/// The operation of an ARP packet (RFC 826). Every value is legal.
///
/// # Examples
///
/// ```
/// use vtep::wire::ArpOperation;
///
/// assert_eq!(ArpOperation::from(2), ArpOperation::REPLY);
/// assert_eq!(ArpOperation::REQUEST.to_string(), "1");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ArpOperation(pub u16);

impl ArpOperation {
    /// A request: who has this address?
    pub const REQUEST: Self = Self(1);
    /// A reply: the address is here.
    pub const REPLY: Self = Self(2);
}

unbounded!(ArpOperation(u16), "ARP operation", "{}");

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux, docker_overlay_arp_proxy_inner.pcap, packets 2 and 5 without their Ethernet headers.
    const REPLY: [u8; 28] = [
        0, 1, 8, 0, 6, 4, 0, 2, 0x02, 0x42, 0x0a, 0, 1, 7, 0x0a, 0, 1, 7, 0x02, 0x42, 0x0a, 0, 1,
        5, 0x0a, 0, 1, 5,
    ];
    const REQUEST: [u8; 28] = [
        0, 1, 8, 0, 6, 4, 0, 1, 0x02, 0x42, 0x0a, 0, 1, 5, 0x0a, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0x0a,
        0, 1, 7,
    ];

    fn ends() -> [(MacAddr, Ipv4Addr); 2] {
        [5, 7].map(|host| {
            (MacAddr::new([0x02, 0x42, 0x0a, 0, 1, host]), Ipv4Addr::new(10, 0, 1, host))
        })
    }

    #[test]
    fn parse_reads_the_kernels_reply() {
        let header = ArpPacket::parse(&REPLY).unwrap().header();
        assert_eq!(header.operation(), ArpOperation::REPLY);
        let [target, sender] = ends();
        assert_eq!((header.sender_mac(), header.sender_ip()), sender);
        assert_eq!((header.target_mac(), header.target_ip()), target);
    }

    #[test]
    fn builds_the_kernels_request_and_reply() {
        let mut out = [0xa5; 32];
        let [near, far] = ends();
        let request = ArpHeader::request(near, far.1);
        assert_eq!(request.build(&mut out).unwrap(), REQUEST);
        assert_eq!(out[28..], [0xa5; 4]);
        assert_eq!(ArpHeader::reply(far, near).as_bytes(), &REPLY);
    }

    #[test]
    fn setters_write_their_own_field_alone() {
        let [target, sender] = ends();
        let mut header = ArpHeader::from_bytes(REQUEST);
        header.set_operation(ArpOperation::REPLY);
        header.set_sender_mac(sender.0);
        header.set_sender_ip(sender.1);
        header.set_target_mac(target.0);
        header.set_target_ip(target.1);
        assert_eq!(header.as_bytes(), &REPLY);
    }

    #[test]
    fn parse_refuses_every_truncation_and_ignores_padding() {
        for len in 0..28 {
            let error = ParseError::truncated(Layer::Arp, 28, len);
            assert_eq!(ArpPacket::parse(&REPLY[..len]).unwrap_err(), error);
        }
        let mut padded = [0xff; 46];
        padded[..28].copy_from_slice(&REPLY);
        assert_eq!(ArpPacket::parse(&padded).unwrap().header().as_bytes(), &REPLY);
    }

    #[test]
    fn parse_refuses_other_constants() {
        for (offset, expected) in [(1, 1), (3, 0x0800), (4, 6), (5, 4)] {
            let mut bytes = REPLY;
            bytes[offset] ^= 0x80;
            let field = offset & !1 | usize::from(offset == 5);
            let error = ParseError::unsupported(Layer::Arp, field, expected, expected ^ 0x80);
            assert_eq!(ArpPacket::parse(&bytes).unwrap_err(), error);
        }
    }
}
