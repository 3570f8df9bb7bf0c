//! The fields that IPv4 and IPv6 share: protocol numbers, the traffic class, fragment offsets, and
//! the pseudo-headers of transport checksums.

use core::fmt;

use super::number::{bounded, unbounded};

mod pseudo;
mod traffic_class;

pub use pseudo::PseudoHeader;
pub use traffic_class::{Dscp, Ecn, TrafficClass};

/// The number of the protocol that follows an IP header (IANA "Assigned Internet Protocol
/// Numbers"). Every value is legal.
///
/// # Examples
///
/// ```
/// use vtep::wire::IpProtocol;
///
/// assert_eq!(IpProtocol::from(17), IpProtocol::UDP);
/// assert_eq!("6".parse(), Ok(IpProtocol::TCP));
/// assert!(IpProtocol::SCTP.has_ports());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IpProtocol(pub u8);

unbounded!(IpProtocol(u8), "protocol number", "{}");

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

    /// Returns whether its first four bytes are a source and a destination port.
    #[must_use]
    #[inline]
    pub const fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP | Self::SCTP)
    }
}

impl fmt::Debug for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IpProtocol({})", self.0)
    }
}

bounded! {
    /// The offset of a fragment's payload in the whole packet's (RFC 791 section 3.1, RFC 8200
    /// section 4.5): 13 bits, in units of 8 bytes. Text is in units as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::FragmentOffset;
    ///
    /// let offset = FragmentOffset::new(185)?;
    /// assert_eq!((offset.units(), offset.bytes()), (185, 1480));
    /// assert!(FragmentOffset::new(8192).is_err());
    /// # Ok::<(), vtep::wire::OutOfRange>(())
    /// ```
    pub struct FragmentOffset(u16), "fragment offset", max 0x1FFF, getter units;
    "{}"
}

impl FragmentOffset {
    /// Returns the offset in the low 13 bits of `word`.
    pub(super) const fn from_low_bits(word: u16) -> Self {
        Self(word & Self::MAX.0)
    }

    /// The offset in bytes, at most 65,528.
    #[must_use]
    #[inline]
    pub const fn bytes(self) -> u16 {
        self.0 << 3
    }
}
