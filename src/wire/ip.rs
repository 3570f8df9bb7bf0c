//! What IPv4 and IPv6 share: protocol numbers, DSCP and ECN, and the pseudo-headers of the checksums above.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum::Sum;

/// The number of the protocol behind an IP header (IANA "Assigned Internet Protocol Numbers"). Every
/// value is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// IPv6 hop-by-hop options (RFC 8200 section 4.3).
    pub const HOP_BY_HOP: Self = Self(0);
    /// ICMP for IPv4 (RFC 792).
    pub const ICMPV4: Self = Self(1);
    /// TCP (RFC 9293).
    pub const TCP: Self = Self(6);
    /// UDP (RFC 768).
    pub const UDP: Self = Self(17);
    /// IPv6 routing header (RFC 8200 section 4.4).
    pub const ROUTING: Self = Self(43);
    /// IPv6 fragment header (RFC 8200 section 4.5).
    pub const FRAGMENT: Self = Self(44);
    /// Encapsulating security payload (RFC 4303).
    pub const ESP: Self = Self(50);
    /// Authentication header (RFC 4302).
    pub const AUTHENTICATION: Self = Self(51);
    /// ICMP for IPv6 (RFC 4443).
    pub const ICMPV6: Self = Self(58);
    /// Nothing follows (RFC 8200 section 4.7).
    pub const NO_NEXT_HEADER: Self = Self(59);
    /// IPv6 destination options (RFC 8200 section 4.6).
    pub const DESTINATION_OPTIONS: Self = Self(60);
    /// SCTP (RFC 9260).
    pub const SCTP: Self = Self(132);

    /// Whether its first four bytes are a source and a destination port.
    #[must_use]
    #[inline]
    pub const fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP | Self::SCTP)
    }
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IpProtocol({})", self.0)
    }
}

/// The byte that was once TOS: DSCP in the high 6 bits, ECN in the low 2 (RFC 2474, RFC 3168). IPv6 calls
/// it the traffic class.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct TrafficClass(pub u8);

impl TrafficClass {
    /// The byte with these parts.
    #[must_use]
    #[inline]
    pub const fn new(dscp: Dscp, ecn: Ecn) -> Self {
        Self(dscp.0 << 2 | ecn.bits())
    }

    /// The differentiated services codepoint.
    #[must_use]
    #[inline]
    pub const fn dscp(self) -> Dscp {
        Dscp(self.0 >> 2)
    }

    /// The congestion notification field.
    #[must_use]
    #[inline]
    pub const fn ecn(self) -> Ecn {
        Ecn::from_bits(self.0)
    }

    /// This byte with another ECN field.
    #[must_use]
    #[inline]
    pub const fn with_ecn(self, ecn: Ecn) -> Self {
        Self(self.0 & !0b11 | ecn.bits())
    }
}

/// A differentiated services codepoint: 6 bits (RFC 2474 section 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Dscp(u8);

impl Dscp {
    /// The greatest codepoint, 63.
    pub const MAX: Self = Self(63);

    /// The codepoint with this value.
    ///
    /// # Errors
    /// [`DscpTooLarge`] beyond 6 bits.
    #[inline]
    pub const fn new(value: u8) -> Result<Self, DscpTooLarge> {
        if value > Self::MAX.0 { Err(DscpTooLarge { value }) } else { Ok(Self(value)) }
    }

    /// The value, at most 63.
    #[must_use]
    #[inline]
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// A number that has more than the 6 bits of a [`Dscp`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DscpTooLarge {
    /// The number.
    pub value: u8,
}

impl fmt::Display for DscpTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DSCP {} is more than {}", self.value, Dscp::MAX.0)
    }
}

impl core::error::Error for DscpTooLarge {}

/// Explicit congestion notification (RFC 3168 section 5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Ecn {
    /// The transport does not take part.
    #[default]
    NotEct = 0b00,
    /// ECN-capable transport, codepoint 1.
    Ect1 = 0b01,
    /// ECN-capable transport, codepoint 0.
    Ect0 = 0b10,
    /// Congestion experienced.
    Ce = 0b11,
}

impl Ecn {
    /// The field in the low two bits of `bits`.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The field's two bits.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u8 {
        match self {
            Self::NotEct => 0b00,
            Self::Ect1 => 0b01,
            Self::Ect0 => 0b10,
            Self::Ce => 0b11,
        }
    }
}

/// Where a fragment's payload stands: 13 bits, in units of 8 bytes (RFC 791 section 3.1, RFC 8200 section
/// 4.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FragmentOffset(u16);

impl FragmentOffset {
    /// The greatest offset: 8191 units, 65,528 bytes.
    pub const MAX: Self = Self(0x1FFF);

    /// The offset of this many units of 8 bytes.
    ///
    /// # Errors
    /// [`FragmentOffsetTooLarge`] beyond 13 bits.
    #[inline]
    pub const fn new(units: u16) -> Result<Self, FragmentOffsetTooLarge> {
        if units > Self::MAX.0 { Err(FragmentOffsetTooLarge { units }) } else { Ok(Self(units)) }
    }

    /// The offset in the low 13 bits of `word`.
    pub(super) const fn from_low_bits(word: u16) -> Self {
        Self(word & Self::MAX.0)
    }

    /// The offset in units of 8 bytes, at most 8191.
    #[must_use]
    #[inline]
    pub const fn units(self) -> u16 {
        self.0
    }

    /// The offset in bytes, at most 65,528.
    #[must_use]
    #[inline]
    pub const fn bytes(self) -> u16 {
        self.0 << 3
    }
}

/// A number that has more than the 13 bits of a [`FragmentOffset`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FragmentOffsetTooLarge {
    /// The number, in units of 8 bytes.
    pub units: u16,
}

impl fmt::Display for FragmentOffsetTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fragment offset {} is more than {} units", self.units, FragmentOffset::MAX.0)
    }
}

impl core::error::Error for FragmentOffsetTooLarge {}

/// What the checksums of TCP, UDP and ICMPv6 cover beside their own bytes: addresses, length, protocol
/// (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PseudoHeader {
    addresses: Addresses,
    protocol: IpProtocol,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Addresses {
    V4([Ipv4Addr; 2]),
    V6([Ipv6Addr; 2]),
}

impl PseudoHeader {
    /// Between two IPv4 addresses.
    #[must_use]
    #[inline]
    pub const fn v4(source: Ipv4Addr, destination: Ipv4Addr, protocol: IpProtocol) -> Self {
        Self { addresses: Addresses::V4([source, destination]), protocol }
    }

    /// Between two IPv6 addresses. Behind a routing header the destination is the last one (RFC 8200
    /// section 8.1).
    #[must_use]
    #[inline]
    pub const fn v6(source: Ipv6Addr, destination: Ipv6Addr, protocol: IpProtocol) -> Self {
        Self { addresses: Addresses::V6([source, destination]), protocol }
    }

    /// The protocol whose checksum it is for.
    #[must_use]
    #[inline]
    pub const fn protocol(&self) -> IpProtocol {
        self.protocol
    }

    /// Its sum, for `length` bytes of protocol header and payload.
    #[must_use]
    #[inline]
    pub fn sum(&self, length: u32) -> Sum {
        let addresses = match self.addresses {
            Addresses::V4([source, destination]) => {
                let words = |address: Ipv4Addr| {
                    let [a, b, c, d] = address.octets();
                    Sum::word(u16::from_be_bytes([a, b])) + u16::from_be_bytes([c, d])
                };
                words(source) + words(destination)
            }
            Addresses::V6([source, destination]) => {
                Sum::of(&source.octets()) + Sum::of(&destination.octets())
            }
        };
        let [a, b, c, d] = length.to_be_bytes();
        let length = Sum::word(u16::from_be_bytes([a, b])) + u16::from_be_bytes([c, d]);
        addresses + length + u16::from(self.protocol.0)
    }

    /// Whether it is between IPv6 addresses, where UDP may not go without a checksum (RFC 8200 section 8.1).
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
    fn traffic_class_splits_in_six_and_two() {
        let class = TrafficClass(0xb9);
        assert_eq!((class.dscp().value(), class.ecn()), (46, Ecn::Ect1));
        assert_eq!(TrafficClass::new(Dscp::new(46).unwrap(), Ecn::Ect1), class);
        assert_eq!(class.with_ecn(Ecn::Ce), TrafficClass(0xbb));
        assert_eq!(Dscp::new(64), Err(DscpTooLarge { value: 64 }));
    }

    #[test]
    fn ecn_bits_are_rfc_3168s() {
        use Ecn::{Ce, Ect0, Ect1, NotEct};
        assert_eq!([0b00, 0b01, 0b10, 0b11].map(Ecn::from_bits), [NotEct, Ect1, Ect0, Ce]);
        for bits in 0..=255 {
            assert_eq!(Ecn::from_bits(bits).bits(), bits & 3);
        }
    }

    #[test]
    fn the_seed_of_a_known_datagram() {
        // 10.1.15.2 -> 10.1.17.3, UDP, 12 bytes: the value that goes in the field before offload.
        let (source, destination) = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
        let pseudo = PseudoHeader::v4(source, destination, IpProtocol::UDP);
        assert_eq!(pseudo.sum(12).folded(), 0x3424);
    }
}
