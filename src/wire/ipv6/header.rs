//! The view of the IPv6 header.

use core::net::Ipv6Addr;

use zerocopy::byteorder::network_endian::{U16, U32};

use crate::wire::header::header;
use crate::wire::number::bounded;
use crate::wire::{IpProtocol, Layer, TrafficClass};

header! {
    /// The IPv6 header (RFC 8200 section 3): 40 bytes, any bytes.
    ///
    /// ```text
    /// |Version| Traffic Class |           Flow Label                  |
    /// |         Payload Length        |  Next Header  |   Hop Limit   |
    /// |                    Source Address, 16 bytes                   |
    /// |                  Destination Address, 16 bytes                |
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::{Ecn, IpProtocol, Ipv6Header, TrafficClass};
    ///
    /// let (from, to) = ("fd00:50::2".parse()?, "fd00:50::3".parse()?);
    /// let mut header = Ipv6Header::new(from, to, IpProtocol::UDP);
    /// header.set_traffic_class(TrafficClass(0).with_ecn(Ecn::Ce));
    /// header.set_hop_limit(header.hop_limit() - 1);
    /// assert_eq!(header.as_bytes()[..8], [0x60, 0x30, 0, 0, 0, 0, 17, 63]);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[derive(Debug)]
    pub struct Ipv6Header: 40 bytes, Layer::Ipv6;
    {
        version_class_label: U32,
        payload_len: U16,
        next_header: u8,
        hop_limit: u8,
        source: [u8; 16],
        destination: [u8; 16],
    }
}

impl Ipv6Header {
    /// Returns a header between two addresses: version 6, hop limit 64, everything else zero.
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

    /// The flow label; 0 if the sender set none.
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

    /// The destination address. With a routing header it is the next one on the route (RFC 8200
    /// section 4.4).
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

bounded! {
    /// An IPv6 flow label (RFC 6437): 20 bits, 0 if the sender set none. Text is hexadecimal.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::FlowLabel;
    ///
    /// let label = FlowLabel::literal::<0xabc>();
    /// assert_eq!(label.to_string(), "0x00abc");
    /// assert_eq!("0xabc".parse(), Ok(label));
    /// assert!(FlowLabel::new(0x10_0000).is_err());
    /// ```
    pub struct FlowLabel(u32), "flow label", max 0xF_FFFF, getter value;
    "{:#07x}"
}

#[cfg(test)]
pub(in crate::wire) mod tests {
    use super::*;
    use crate::wire::ParseError;

    /// Linux, VXLAN device with `flowlabel 0xabcde tos inherit`:
    /// flannel_outer_ipv6_tos_ttl_flowlabel.pcap, packet 1, its outer header.
    pub(in crate::wire) const CAPTURED: [u8; 40] = [
        0x60, 0x0a, 0xbc, 0xde, 0x00, 0x72, 0x11, 0x3f, 0xfd, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 2, 0xfd, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3,
    ];

    pub(in crate::wire) fn addresses() -> (Ipv6Addr, Ipv6Addr) {
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
    fn traffic_class_and_flow_label_share_a_byte() {
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
    fn ref_from_prefix_refuses_every_length_below_40() {
        for len in 0..40 {
            let error = ParseError::truncated(Layer::Ipv6, 40, len);
            assert_eq!(Ipv6Header::ref_from_prefix(&CAPTURED[..len]).unwrap_err(), error);
        }
    }
}
