//! The pseudo-headers of transport checksums.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum::Sum;
use crate::wire::IpProtocol;
use crate::wire::len::add_len;

/// The fields of the IP header that the checksums of TCP, UDP and ICMPv6 cover: addresses, length
/// and protocol (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1).
///
/// ```text
/// |                         Source Address                        |
/// |                      Destination Address                      |
/// |     zero      |    Protocol   |             Length            |
/// ```
///
/// # Examples
///
/// ```
/// use vtep::wire::{IpProtocol, PseudoHeader, UdpChecksumState, UdpDatagram};
///
/// let (from, to) = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
/// let pseudo = PseudoHeader::v4(from, to, IpProtocol::UDP);
/// let datagram = UdpDatagram::parse(b"\x04\xd2\x00\x35\x00\x0c\xe7\xf7ping")?;
/// assert_eq!(datagram.checksum_state(&pseudo), UdpChecksumState::Good);
/// # Ok::<(), vtep::wire::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PseudoHeader {
    addresses: Addresses,
    protocol: IpProtocol,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Addresses {
    V4([Ipv4Addr; 2]),
    V6([Ipv6Addr; 2]),
}

impl PseudoHeader {
    /// Returns the pseudo-header between two IPv4 addresses.
    #[must_use]
    #[inline]
    pub const fn v4(source: Ipv4Addr, destination: Ipv4Addr, protocol: IpProtocol) -> Self {
        Self { addresses: Addresses::V4([source, destination]), protocol }
    }

    /// Returns the pseudo-header between two IPv6 addresses. With a routing header the destination
    /// is the last one (RFC 8200 section 8.1).
    #[must_use]
    #[inline]
    pub const fn v6(source: Ipv6Addr, destination: Ipv6Addr, protocol: IpProtocol) -> Self {
        Self { addresses: Addresses::V6([source, destination]), protocol }
    }

    /// The protocol that the checksum is for.
    #[must_use]
    #[inline]
    pub const fn protocol(&self) -> IpProtocol {
        self.protocol
    }

    /// Returns its sum, for `len` bytes of protocol header and payload.
    #[must_use]
    #[inline]
    pub fn sum(&self, len: u32) -> Sum {
        let addresses = match self.addresses {
            Addresses::V4([source, destination]) => Sum::from(source) + Sum::from(destination),
            Addresses::V6([source, destination]) => Sum::from(source) + Sum::from(destination),
        };
        addresses + Sum::from(len) + u16::from(self.protocol.0)
    }

    /// Returns whether the checksum of `parts`, which are the protocol header and its payload one
    /// after the other, is right. Each part but the last has an even length.
    pub(in crate::wire) fn is_valid(&self, parts: &[&[u8]]) -> bool {
        let len = parts.iter().fold(0, |len, part| add_len(len, part.len()));
        // The length in a pseudo-header has 32 bits (RFC 8200 section 8.1). No checksum covers
        // more.
        let Ok(len) = u32::try_from(len) else { return false };
        parts.iter().fold(self.sum(len), |sum, part| sum + Sum::of(part)).is_valid()
    }

    /// Returns whether it is between IPv6 addresses, where UDP requires a checksum (RFC 8200
    /// section 8.1).
    #[must_use]
    #[inline]
    pub const fn is_v6(&self) -> bool {
        matches!(self.addresses, Addresses::V6(_))
    }

    /// The source and the destination.
    #[must_use]
    #[inline]
    pub const fn addresses(&self) -> (IpAddr, IpAddr) {
        match self.addresses {
            Addresses::V4([source, destination]) => (IpAddr::V4(source), IpAddr::V4(destination)),
            Addresses::V6([source, destination]) => (IpAddr::V6(source), IpAddr::V6(destination)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_is_the_offload_seed_of_a_known_datagram() {
        // 10.1.15.2 -> 10.1.17.3, UDP, 12 bytes: the value that goes in the field before offload.
        let (source, destination) = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
        let pseudo = PseudoHeader::v4(source, destination, IpProtocol::UDP);
        assert_eq!(pseudo.sum(12).folded(), 0x3424);
    }
}
