//! The traffic class: DSCP (RFC 2474) and ECN (RFC 3168).

use core::fmt;

use crate::wire::number::{bounded, unbounded};

/// The traffic class of IPv6, the former TOS byte of IPv4: DSCP in the high 6 bits, ECN in the low
/// 2 (RFC 2474 section 3, RFC 3168 section 5).
///
/// # Examples
///
/// ```
/// use vtep::wire::{Dscp, Ecn, TrafficClass};
///
/// let class = TrafficClass::new(Dscp::literal::<46>(), Ecn::Ect0);
/// assert_eq!(class, TrafficClass(0xba));
/// assert_eq!(class.with_ecn(Ecn::Ce).to_string(), "0xbb");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TrafficClass(pub u8);

unbounded!(TrafficClass(u8), "traffic class", "{:#04x}");

impl TrafficClass {
    /// Returns the byte with these parts.
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

    /// Returns this byte with another ECN field.
    #[must_use]
    #[inline]
    pub const fn with_ecn(self, ecn: Ecn) -> Self {
        Self(self.0 & !0b11 | ecn.bits())
    }
}

bounded! {
    /// A differentiated services codepoint (RFC 2474 section 3): 6 bits.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::Dscp;
    ///
    /// const EXPEDITED_FORWARDING: Dscp = Dscp::literal::<46>();
    ///
    /// assert_eq!("46".parse(), Ok(EXPEDITED_FORWARDING));
    /// assert_eq!(Dscp::new(64).unwrap_err().to_string(), "DSCP 64 is more than 63");
    /// ```
    pub struct Dscp(u8), "DSCP", max 63, getter value;
    "{}"
}

/// Explicit congestion notification (RFC 3168 section 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Ecn {
    /// Not-ECT: the transport is not ECN-capable.
    #[default]
    NotEct = 0b00,
    /// ECT(1): the transport is ECN-capable.
    Ect1 = 0b01,
    /// ECT(0): the transport is ECN-capable.
    Ect0 = 0b10,
    /// CE: congestion was experienced.
    Ce = 0b11,
}

impl Ecn {
    /// Returns the field in the low two bits of `bits`.
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

/// Writes the RFC's name: `Not-ECT`, `ECT(1)`, `ECT(0)` or `CE`.
impl fmt::Display for Ecn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotEct => "Not-ECT",
            Self::Ect1 => "ECT(1)",
            Self::Ect0 => "ECT(0)",
            Self::Ce => "CE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dscp_is_the_high_six_bits_and_ecn_the_low_two() {
        let class = TrafficClass(0xb9);
        assert_eq!((class.dscp().value(), class.ecn()), (46, Ecn::Ect1));
        assert_eq!(TrafficClass::new(Dscp::new(46).unwrap(), Ecn::Ect1), class);
        assert_eq!(class.with_ecn(Ecn::Ce), TrafficClass(0xbb));
    }

    #[test]
    fn ecn_bits_are_rfc_3168s() {
        use Ecn::{Ce, Ect0, Ect1, NotEct};
        assert_eq!([0b00, 0b01, 0b10, 0b11].map(Ecn::from_bits), [NotEct, Ect1, Ect0, Ce]);
        for bits in 0..=255 {
            assert_eq!(Ecn::from_bits(bits).bits(), bits & 3);
        }
    }
}
