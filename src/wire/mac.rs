//! The EUI-48 address of a network interface (IEEE 802).

use core::fmt;
use core::str::FromStr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::len::add_len;

/// A MAC address (EUI-48, IEEE 802): six bytes in transmission order.
///
/// Text is `c6:d2:32:6f:8f:44`; `FromStr` also reads upper case, and `-` in place of `:`.
///
/// # Examples
///
/// ```
/// use vtep::wire::MacAddr;
///
/// let mac: MacAddr = "c6:d2:32:6f:8f:44".parse()?;
/// assert_eq!(mac, MacAddr::from([0xc6, 0xd2, 0x32, 0x6f, 0x8f, 0x44]));
/// assert!(mac.is_local() && mac.is_valid_unicast());
///
/// // An address for a new VTEP, of six bytes from the caller's source of randomness.
/// let random = [0xff; 6];
/// assert_eq!(MacAddr::random_local(random).to_string(), "fe:ff:ff:ff:ff:ff");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(transparent)]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// ff:ff:ff:ff:ff:ff, all interfaces.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// 00:00:00:00:00:00: no interface; in a VXLAN FDB, the default destination.
    pub const ZERO: Self = Self([0; 6]);

    /// Returns the address with these bytes, in transmission order.
    #[must_use]
    #[inline]
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// Returns a locally administered unicast address: `random` with the I/G bit cleared and the
    /// U/L bit set (Linux `eth_random_addr`). The caller supplies the randomness.
    #[must_use]
    #[inline]
    pub const fn random_local([first, b, c, d, e, f]: [u8; 6]) -> Self {
        Self([first & 0xFE | 0x02, b, c, d, e, f])
    }

    /// The bytes, in transmission order.
    #[must_use]
    #[inline]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Returns whether the group bit (I/G) is set: multicast or broadcast (IEEE 802 section 8.4).
    #[must_use]
    #[inline]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// Returns whether it is ff:ff:ff:ff:ff:ff.
    #[must_use]
    #[inline]
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// Returns whether it can be an interface's own: neither multicast nor zero (Linux
    /// `is_valid_ether_addr`).
    #[must_use]
    #[inline]
    pub fn is_valid_unicast(self) -> bool {
        !self.is_multicast() && self != Self::ZERO
    }

    /// Returns whether the U/L bit is set: administered locally, not from a vendor's block.
    #[must_use]
    #[inline]
    pub const fn is_local(self) -> bool {
        self.0[0] & 0x02 != 0
    }
}

impl From<[u8; 6]> for MacAddr {
    #[inline]
    fn from(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }
}

impl From<MacAddr> for [u8; 6] {
    #[inline]
    fn from(mac: MacAddr) -> Self {
        mac.0
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for MacAddr {
    fn format(&self, f: defmt::Formatter<'_>) {
        let [a, b, c, d, e, g] = self.0;
        defmt::write!(
            f,
            "{=u8:02x}:{=u8:02x}:{=u8:02x}:{=u8:02x}:{=u8:02x}:{=u8:02x}",
            a,
            b,
            c,
            d,
            e,
            g
        );
    }
}

/// A text that is not a MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ParseMacAddrError {
    /// The offset in bytes of the first character that is wrong, or missing.
    pub offset: usize,
}

impl fmt::Display for ParseMacAddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a MAC address at byte {}", self.offset)
    }
}

impl core::error::Error for ParseMacAddrError {}

impl FromStr for MacAddr {
    type Err = ParseMacAddrError;

    /// Reads six pairs of hexadecimal digits, upper or lower case, with `:` or with `-` between
    /// them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let separator = match bytes.get(2) {
            Some(b'-') => b'-',
            _ => b':',
        };
        let mut mac = [0; 6];
        for (byte, start) in mac.iter_mut().zip((0usize..).step_by(3)) {
            let digit = |i: usize| hex_digit(bytes.get(i)).ok_or(ParseMacAddrError { offset: i });
            *byte = digit(start)? << 4 | digit(add_len(start, 1))?;
            let end = add_len(start, 2);
            let expected = (start < 15).then_some(&separator);
            if bytes.get(end) != expected {
                return Err(ParseMacAddrError { offset: end });
            }
        }
        Ok(Self(mac))
    }
}

fn hex_digit(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn from_str_reads_what_display_writes() {
        let mac: MacAddr = "c6:d2:32:6f:8f:44".parse().unwrap();
        assert_eq!(mac.octets(), [0xc6, 0xd2, 0x32, 0x6f, 0x8f, 0x44]);
        assert_eq!(mac.to_string(), "c6:d2:32:6f:8f:44");
        assert_eq!("C6-D2-32-6F-8F-44".parse(), Ok(mac));
        assert!(mac.is_local() && mac.is_valid_unicast() && !mac.is_multicast());
    }

    #[test]
    fn from_str_refuses_other_texts_and_reports_the_offset() {
        for (text, offset) in [
            ("", 0),
            ("c", 1),
            ("c6", 2),
            ("c6:d2:32:6f:8f:4", 16),
            ("c6:d2:32:6f:8f:44:", 17),
            ("c6:d2-32:6f:8f:44", 5),
            ("+6:d2:32:6f:8f:44", 0),
            ("c6:d2:32:6f:8f:4g", 16),
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(ParseMacAddrError { offset }), "{text:?}");
        }
    }

    #[test]
    fn is_multicast_tests_the_group_bit() {
        assert!(MacAddr::BROADCAST.is_multicast() && MacAddr::BROADCAST.is_broadcast());
        assert!(MacAddr::new([1, 0x80, 0xc2, 0, 0, 0]).is_multicast());
        assert!(!MacAddr::ZERO.is_valid_unicast());
    }

    #[test]
    fn random_local_fixes_two_bits_and_leaves_the_others() {
        for first in 0..=255u8 {
            let mac = MacAddr::random_local([first, 1, 2, 3, 4, 5]);
            assert!(mac.is_local() && mac.is_valid_unicast());
            assert_eq!(mac.octets(), [first & 0xfc | 2, 1, 2, 3, 4, 5]);
        }
    }
}
