//! The builder of UDP datagrams.

use crate::checksum::Sum;
use crate::wire::emit::{Emit, check_len, emit_after, emit_header, len_field};
use crate::wire::len::add_len;
use crate::wire::{Build, BuildError, IpPayload, IpProtocol, Layer, PseudoHeader, UdpHeader};

/// Builds a UDP datagram (RFC 768): length and checksum are computed. The checksum covers the IP
/// addresses, so there is one only where an IP builder encloses it, or with
/// [`build_with_pseudo_header`](Build::build_with_pseudo_header).
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, IpProtocol, PseudoHeader, UdpBuilder};
///
/// let (from, to) = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
/// let pseudo = PseudoHeader::v4(from, to, IpProtocol::UDP);
/// let mut buffer = [0; 12];
/// let datagram = UdpBuilder::new(1234, 53, b"ping");
/// let written = datagram.build_with_pseudo_header(&mut buffer, &pseudo)?;
/// assert_eq!(written, b"\x04\xd2\x00\x35\x00\x0c\xe7\xf7ping");
/// # Ok::<(), vtep::wire::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UdpBuilder<P> {
    source_port: u16,
    destination_port: u16,
    checksum: bool,
    payload: P,
}

impl<P: Build> UdpBuilder<P> {
    /// Returns a datagram between two ports.
    #[must_use]
    pub const fn new(source_port: u16, destination_port: u16, payload: P) -> Self {
        Self { source_port, destination_port, checksum: true, payload }
    }

    /// Returns this datagram with the checksum field 0. Over IPv6 only tunnels may do so (RFC 6935
    /// section 5).
    #[must_use]
    pub const fn without_checksum(mut self) -> Self {
        self.checksum = false;
        self
    }
}

impl<P: Build> Build for UdpBuilder<P> {
    fn len(&self) -> usize {
        add_len(UdpHeader::LEN, self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_len(Layer::Udp, self.len())?;
        self.payload.check()
    }
}

impl<P: Build> Emit for UdpBuilder<P> {
    fn emit(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        let payload = emit_after(UdpHeader::LEN, out, &self.payload, None)?;
        let len = len_field(Layer::Udp, self.len())?;
        let mut header = UdpHeader::new(self.source_port, self.destination_port, len);
        let sum = Sum::of(header.as_bytes()) + payload;
        if let (true, Some(pseudo)) = (self.checksum, pseudo) {
            let checksum = (sum + pseudo.sum(u32::from(len))).udp_checksum();
            header.set_checksum_raw(checksum);
        }
        Ok(emit_header(out, header.as_bytes())? + payload)
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
    use crate::wire::udp::datagram::tests::{DATAGRAM, pseudo};
    use crate::wire::{UdpChecksumState, UdpDatagram};

    #[test]
    fn build_writes_a_known_datagram() {
        let mut out = [0xa5; 16];
        let builder = UdpBuilder::new(1234, 53, &b"ping"[..]);
        builder.build_with_pseudo_header(&mut out, &pseudo()).unwrap();
        assert_eq!(out[..12], DATAGRAM);
        assert_eq!(out[12..], [0xa5; 4]);
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
        UdpBuilder::new(1234, 53, missing).build_with_pseudo_header(&mut out, &pseudo).unwrap();
        assert_eq!(out[6..8], [0xff, 0xff]);
        let state = UdpDatagram::parse(&out).unwrap().checksum_state(&pseudo);
        assert_eq!(state, UdpChecksumState::Good);
    }

    #[test]
    fn too_long_is_refused_before_anything_is_written() {
        let payload = [0u8; 65_528];
        let error = BuildError::TooLong { layer: Layer::Udp, len: 65_536, max: 65_535 };
        assert_eq!(UdpBuilder::new(1, 2, &payload[..]).build(&mut [0; 8]).unwrap_err(), error);
    }
}
