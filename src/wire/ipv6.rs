//! IPv6 (RFC 8200 section 3; traffic class as RFC 2474 and RFC 3168 have it; flow label RFC 6437).
//!
//! ```text
//! |Version| Traffic Class |           Flow Label                  |
//! |         Payload Length        |  Next Header  |   Hop Limit   |
//! |                    Source Address, 16 bytes                   |
//! |                  Destination Address, 16 bytes                |
//! ```
//!
//! It has no checksum of its own: the checksums behind it cover its addresses. What stands between it and
//! the transport is [`Ipv6Packet`](super::Ipv6Packet)'s business.

use core::fmt;
use core::net::Ipv6Addr;

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::build::{
    Build, BuildError, EthernetPayload, IpPayload, check_length, length_field, write_behind,
    write_header,
};
use super::{EtherType, IpProtocol, Layer, ParseError, PseudoHeader, TrafficClass, view::view};
use crate::checksum::Sum;

/// The IPv6 header: 40 bytes, any bytes.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Ipv6Header {
    version_class_label: U32,
    payload_len: U16,
    next_header: u8,
    hop_limit: u8,
    source: [u8; 16],
    destination: [u8; 16],
}

view!(Ipv6Header, 40, Layer::Ipv6);

impl Ipv6Header {
    /// A header between two addresses: version 6, hop limit 64, everything else zero.
    #[must_use]
    #[inline]
    pub const fn new(source: Ipv6Addr, destination: Ipv6Addr, next_header: IpProtocol) -> Self {
        Self {
            version_class_label: U32::new(6 << 28),
            payload_len: U16::ZERO,
            next_header: next_header.0,
            hop_limit: 64,
            source: source.octets(),
            destination: destination.octets(),
        }
    }

    /// The version: 6 in a valid header.
    #[must_use]
    #[inline]
    pub const fn version(&self) -> u8 {
        self.version_class_label.to_bytes()[0] >> 4
    }

    /// DSCP and ECN.
    #[must_use]
    #[inline]
    pub const fn traffic_class(&self) -> TrafficClass {
        let [high, low, _, _] = self.version_class_label.to_bytes();
        TrafficClass(high << 4 | low >> 4)
    }

    /// Writes DSCP and ECN.
    #[inline]
    pub const fn set_traffic_class(&mut self, class: TrafficClass) {
        let [high, low, c, d] = self.version_class_label.to_bytes();
        let (high, low) = (high & 0xF0 | class.0 >> 4, class.0 << 4 | low & 0x0F);
        self.version_class_label = U32::from_bytes([high, low, c, d]);
    }

    /// The flow label; 0 when the sender gave none.
    #[must_use]
    #[inline]
    pub const fn flow_label(&self) -> FlowLabel {
        FlowLabel(self.version_class_label.get() & FlowLabel::MAX.0)
    }

    /// Writes the flow label.
    #[inline]
    pub const fn set_flow_label(&mut self, label: FlowLabel) {
        let others = self.version_class_label.get() & !FlowLabel::MAX.0;
        self.version_class_label = U32::new(others | label.0);
    }

    /// The length of what follows this header in bytes, extension headers included.
    #[must_use]
    #[inline]
    pub const fn payload_len(&self) -> u16 {
        self.payload_len.get()
    }

    /// Writes the length of what follows this header.
    #[inline]
    pub const fn set_payload_len(&mut self, len: u16) {
        self.payload_len = U16::new(len);
    }

    /// The protocol of the payload, or the first extension header.
    #[must_use]
    #[inline]
    pub const fn next_header(&self) -> IpProtocol {
        IpProtocol(self.next_header)
    }

    /// Writes the protocol of what follows this header.
    #[inline]
    pub const fn set_next_header(&mut self, protocol: IpProtocol) {
        self.next_header = protocol.0;
    }

    /// The hop limit.
    #[must_use]
    #[inline]
    pub const fn hop_limit(&self) -> u8 {
        self.hop_limit
    }

    /// Writes the hop limit.
    #[inline]
    pub const fn set_hop_limit(&mut self, limit: u8) {
        self.hop_limit = limit;
    }

    /// The source address.
    #[must_use]
    #[inline]
    pub const fn source(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from_be_bytes(self.source))
    }

    /// Writes the source address; the payload's checksum is left stale.
    #[inline]
    pub const fn set_source(&mut self, source: Ipv6Addr) {
        self.source = source.octets();
    }

    /// The destination address: the next one, when a routing header follows (RFC 8200 section 4.4).
    #[must_use]
    #[inline]
    pub const fn destination(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from_be_bytes(self.destination))
    }

    /// Writes the destination address; the payload's checksum is left stale.
    #[inline]
    pub const fn set_destination(&mut self, destination: Ipv6Addr) {
        self.destination = destination.octets();
    }
}

/// Builds a packet: the payload length is computed.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6Builder<P> {
    header: Ipv6Header,
    payload: P,
}

impl<P: IpPayload> Ipv6Builder<P> {
    /// A packet between two addresses whose next header is the payload's: hop limit 64, flow label 0.
    #[must_use]
    pub fn new(source: Ipv6Addr, destination: Ipv6Addr, payload: P) -> Self {
        Self::with_next_header(source, destination, payload.protocol(), payload)
    }
}

impl<P: Build> Ipv6Builder<P> {
    /// A packet whose next header is given.
    #[must_use]
    pub const fn with_next_header(
        source: Ipv6Addr,
        destination: Ipv6Addr,
        next_header: IpProtocol,
        payload: P,
    ) -> Self {
        Self { header: Ipv6Header::new(source, destination, next_header), payload }
    }

    /// Sets DSCP and ECN.
    #[must_use]
    pub const fn traffic_class(mut self, class: TrafficClass) -> Self {
        self.header.set_traffic_class(class);
        self
    }

    /// Sets the flow label.
    #[must_use]
    pub const fn flow_label(mut self, label: FlowLabel) -> Self {
        self.header.set_flow_label(label);
        self
    }

    /// Sets the hop limit.
    #[must_use]
    pub const fn hop_limit(mut self, limit: u8) -> Self {
        self.header.set_hop_limit(limit);
        self
    }
}

impl<P: Build> Build for Ipv6Builder<P> {
    fn len(&self) -> usize {
        Ipv6Header::LEN.saturating_add(self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_length(Layer::Ipv6, self.payload.len())?;
        self.payload.check()
    }

    fn write(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Sum {
        let mut header = self.header;
        let (source, destination) = (header.source(), header.destination());
        let pseudo = PseudoHeader::v6(source, destination, header.next_header());
        let payload = write_behind(Ipv6Header::LEN, out, &self.payload, Some(&pseudo));
        header.set_payload_len(length_field(self.payload.len()));
        write_header(out, header.as_bytes()) + payload
    }
}

impl<P: Build> EthernetPayload for Ipv6Builder<P> {
    fn ethertype(&self) -> EtherType {
        EtherType::IPV6
    }
}

/// A flow label: 20 bits (RFC 6437).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FlowLabel(u32);

impl FlowLabel {
    /// The greatest label, 0xfffff.
    pub const MAX: Self = Self(0xF_FFFF);

    /// The label with this value.
    ///
    /// # Errors
    /// [`FlowLabelTooLarge`] beyond 20 bits.
    #[inline]
    pub const fn new(value: u32) -> Result<Self, FlowLabelTooLarge> {
        if value > Self::MAX.0 { Err(FlowLabelTooLarge { value }) } else { Ok(Self(value)) }
    }

    /// The value, at most 0xfffff.
    #[must_use]
    #[inline]
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl fmt::Display for FlowLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#07x}", self.0)
    }
}

/// A number that has more than the 20 bits of a [`FlowLabel`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FlowLabelTooLarge {
    /// The number.
    pub value: u32,
}

impl fmt::Display for FlowLabelTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flow label {:#x} is more than {}", self.value, FlowLabel::MAX)
    }
}

impl core::error::Error for FlowLabelTooLarge {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux, VXLAN device with `flowlabel 0xabcde tos inherit`: flannel_outer_ipv6_tos_ttl_flowlabel.pcap,
    /// packet 1, its outer header.
    const CAPTURED: [u8; 40] = [
        0x60, 0x0a, 0xbc, 0xde, 0x00, 0x72, 0x11, 0x3f, 0xfd, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 2, 0xfd, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3,
    ];

    fn addresses() -> (Ipv6Addr, Ipv6Addr) {
        ("fd00:50::2".parse().unwrap(), "fd00:50::3".parse().unwrap())
    }

    #[test]
    fn reads_a_captured_header() {
        let header = Ipv6Header::from_bytes(CAPTURED);
        assert_eq!((header.version(), header.traffic_class()), (6, TrafficClass(0)));
        assert_eq!(header.flow_label(), FlowLabel::new(0xabcde).unwrap());
        assert_eq!((header.payload_len(), header.next_header()), (114, IpProtocol::UDP));
        assert_eq!(header.hop_limit(), 63);
        assert_eq!((header.source(), header.destination()), addresses());
    }

    #[test]
    fn builds_a_captured_header() {
        let (source, destination) = addresses();
        let mut out = [0xa5; 160];
        let payload = [0x11u8; 114];
        let written =
            Ipv6Builder::with_next_header(source, destination, IpProtocol::UDP, &payload[..])
                .flow_label(FlowLabel::new(0xabcde).unwrap())
                .hop_limit(63)
                .build(&mut out)
                .unwrap();
        assert_eq!(written[..40], CAPTURED);
        assert_eq!(written[40..], payload);
        assert_eq!(out[154..], [0xa5; 6]);
    }

    #[test]
    fn class_and_label_share_bytes_and_keep_apart() {
        let mut header = Ipv6Header::from_bytes([0xff; 40]);
        header.set_traffic_class(TrafficClass(0));
        assert_eq!(header.as_bytes()[..4], [0xf0, 0x0f, 0xff, 0xff]);
        header.set_flow_label(FlowLabel::default());
        assert_eq!(header.as_bytes()[..4], [0xf0, 0, 0, 0]);
        header.set_traffic_class(TrafficClass(0xb9));
        assert_eq!(header.as_bytes()[..4], [0xfb, 0x90, 0, 0]);
        header.set_flow_label(FlowLabel::MAX);
        assert_eq!(header.as_bytes()[..4], [0xfb, 0x9f, 0xff, 0xff]);
        assert_eq!(header.traffic_class(), TrafficClass(0xb9));
    }

    #[test]
    fn every_length_below_40_is_truncated() {
        for len in 0..40 {
            let error = ParseError::truncated(Layer::Ipv6, 40, len);
            assert_eq!(Ipv6Header::ref_from_prefix(&CAPTURED[..len]).unwrap_err(), error);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(FlowLabel::new(0x10_0000), Err(FlowLabelTooLarge { value: 0x10_0000 }));
        let (source, destination) = addresses();
        let payload = [0u8; 65_536];
        let builder =
            Ipv6Builder::with_next_header(source, destination, IpProtocol::UDP, &payload[..]);
        let error = BuildError::TooLong { layer: Layer::Ipv6, len: 65_536, max: 65_535 };
        assert_eq!(builder.build(&mut [0; 8]).unwrap_err(), error);
    }
}
