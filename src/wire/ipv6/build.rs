//! The builder of IPv6 packets.

use core::net::Ipv6Addr;

use super::{FlowLabel, Ipv6Header};
use crate::checksum::Sum;
use crate::wire::emit::{Emit, check_len, emit_after, emit_header, len_field};
use crate::wire::len::add_len;
use crate::wire::{
    Build, BuildError, EtherType, EthernetPayload, IpPayload, IpProtocol, Layer, PseudoHeader,
    TrafficClass,
};

/// Builds an IPv6 packet without extension headers (RFC 8200 section 3): the payload length is
/// computed.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, Ipv6Builder, Ipv6Packet, UdpBuilder};
///
/// let (from, to) = ("fd00:1:17::5".parse()?, "fd00:1:18::7".parse()?);
/// let udp = UdpBuilder::new(1234, 53, b"ping");
/// let mut buffer = [0; 52];
/// let written = Ipv6Builder::new(from, to, udp).hop_limit(63).build(&mut buffer)?;
/// assert_eq!(Ipv6Packet::parse(written)?.header().payload_len(), 12);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv6Builder<P> {
    header: Ipv6Header,
    payload: P,
}

impl<P: IpPayload> Ipv6Builder<P> {
    /// Returns a packet between two addresses whose next header is the payload's: hop limit 64,
    /// flow label 0.
    #[must_use]
    pub fn new(source: Ipv6Addr, destination: Ipv6Addr, payload: P) -> Self {
        Self::with_next_header(source, destination, payload.protocol(), payload)
    }
}

impl<P: Build> Ipv6Builder<P> {
    /// Returns a packet whose next header is an argument.
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
        add_len(Ipv6Header::LEN, self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_len(Layer::Ipv6, self.payload.len())?;
        self.payload.check()
    }
}

impl<P: Build> Emit for Ipv6Builder<P> {
    fn emit(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        let mut header = self.header;
        let (source, destination) = (header.source(), header.destination());
        let pseudo = PseudoHeader::v6(source, destination, header.next_header());
        let payload = emit_after(Ipv6Header::LEN, out, &self.payload, Some(&pseudo))?;
        header.set_payload_len(len_field(Layer::Ipv6, self.payload.len())?);
        Ok(emit_header(out, header.as_bytes())? + payload)
    }
}

impl<P: Build> EthernetPayload for Ipv6Builder<P> {
    fn ethertype(&self) -> EtherType {
        EtherType::IPV6
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ipv6::header::tests::{CAPTURED, addresses};

    #[test]
    fn build_writes_a_captured_header() {
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
    fn build_refuses_a_payload_above_65535_bytes() {
        let (source, destination) = addresses();
        let payload = [0u8; 65_536];
        let builder =
            Ipv6Builder::with_next_header(source, destination, IpProtocol::UDP, &payload[..]);
        let error = BuildError::TooLong { layer: Layer::Ipv6, len: 65_536, max: 65_535 };
        assert_eq!(builder.build(&mut [0; 8]).unwrap_err(), error);
    }
}
