//! The builder of IPv4 packets.

use core::net::Ipv4Addr;

use crate::checksum::Sum;
use crate::wire::emit::{Emit, check_len, emit_after, emit_header, len_field};
use crate::wire::len::add_len;
use crate::wire::{
    Build, BuildError, EtherType, EthernetPayload, FragmentOffset, HeaderOptions, IpPayload,
    IpProtocol, Ipv4Flags, Ipv4Header, Layer, PseudoHeader, TrafficClass,
};

/// Builds an IPv4 packet (RFC 791 section 3.1): the total length and the header checksum are
/// computed.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, IpProtocol, Ipv4Builder, Ipv4Packet, UdpBuilder};
///
/// let udp = UdpBuilder::new(1234, 53, b"ping");
/// let mut buffer = [0; 32];
/// Ipv4Builder::new([10, 1, 15, 2].into(), [10, 1, 17, 3].into(), udp).ttl(63).build(&mut buffer)?;
///
/// let packet = Ipv4Packet::parse(&buffer)?;
/// assert_eq!((packet.header().ttl(), packet.header().protocol()), (63, IpProtocol::UDP));
/// assert!(packet.is_checksum_valid());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv4Builder<P> {
    header: Ipv4Header,
    options: HeaderOptions,
    payload: P,
}

impl<P: IpPayload> Ipv4Builder<P> {
    /// Returns a packet between two addresses whose protocol is the payload's: TTL 64, ID 0, no
    /// flags.
    #[must_use]
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr, payload: P) -> Self {
        Self::with_protocol(source, destination, payload.protocol(), payload)
    }
}

impl<P: Build> Ipv4Builder<P> {
    /// Returns a packet whose protocol is an argument.
    #[must_use]
    pub const fn with_protocol(
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: IpProtocol,
        payload: P,
    ) -> Self {
        let header = Ipv4Header::new(source, destination, protocol);
        Self { header, options: HeaderOptions::NONE, payload }
    }

    /// Sets DSCP and ECN.
    #[must_use]
    pub const fn traffic_class(mut self, class: TrafficClass) -> Self {
        self.header.set_traffic_class_raw(class);
        self
    }

    /// Sets the identification.
    #[must_use]
    pub const fn id(mut self, id: u16) -> Self {
        self.header.set_id_raw(id);
        self
    }

    /// Sets the three flags.
    #[must_use]
    pub const fn flags(mut self, flags: Ipv4Flags) -> Self {
        self.header.set_flags_raw(flags);
        self
    }

    /// Sets the fragment offset.
    #[must_use]
    pub const fn fragment_offset(mut self, offset: FragmentOffset) -> Self {
        self.header.set_fragment_offset_raw(offset);
        self
    }

    /// Sets the time to live.
    #[must_use]
    pub const fn ttl(mut self, ttl: u8) -> Self {
        self.header.set_ttl_raw(ttl);
        self
    }

    /// Sets the options.
    #[must_use]
    pub const fn options(mut self, options: HeaderOptions) -> Self {
        self.header.set_ihl_raw(options.header_words());
        self.options = options;
        self
    }
}

impl<P: Build> Build for Ipv4Builder<P> {
    fn len(&self) -> usize {
        add_len(self.header.header_len(), self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_len(Layer::Ipv4, self.len())?;
        self.payload.check()
    }
}

impl<P: Build> Emit for Ipv4Builder<P> {
    fn emit(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        let mut header = self.header;
        let (source, destination) = (header.source(), header.destination());
        let pseudo = PseudoHeader::v4(source, destination, header.protocol());
        let payload = emit_after(header.header_len(), out, &self.payload, Some(&pseudo))?;
        header.set_total_len_raw(len_field(Layer::Ipv4, self.len())?);
        header.fill_checksum(self.options.as_bytes());
        let options = emit_after(Ipv4Header::LEN, out, &self.options.as_bytes(), None)?;
        Ok(emit_header(out, header.as_bytes())? + options + payload)
    }
}

impl<P: Build> EthernetPayload for Ipv4Builder<P> {
    fn ethertype(&self) -> EtherType {
        EtherType::IPV4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Ipv4Packet;
    use crate::wire::ipv4::testdata::{CAPTURED, captured};

    #[test]
    fn build_writes_a_captured_header() {
        let header = Ipv4Header::from_bytes(CAPTURED);
        let mut out = [0xa5; 140];
        let payload = &captured()[20..];
        let written = Ipv4Builder::with_protocol(
            header.source(),
            header.destination(),
            IpProtocol::UDP,
            payload,
        )
        .id(0xd2c0)
        .flags(Ipv4Flags::DONT_FRAGMENT)
        .build(&mut out)
        .unwrap();
        assert_eq!(written, captured());
        assert_eq!(out[134..], [0xa5; 6]);
    }

    #[test]
    fn options_are_written_padded_and_summed() {
        let options = HeaderOptions::new(&[7, 3, 4]).unwrap();
        let mut out = [0xa5; 28];
        let (source, destination) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        Ipv4Builder::with_protocol(source, destination, IpProtocol::UDP, &[1u8, 2, 3, 4][..])
            .options(options)
            .build(&mut out)
            .unwrap();
        let packet = Ipv4Packet::parse(&out).unwrap();
        assert_eq!((packet.options(), packet.payload()), (&[7, 3, 4, 0][..], &[1, 2, 3, 4][..]));
        assert!(packet.is_checksum_valid());
    }
}
