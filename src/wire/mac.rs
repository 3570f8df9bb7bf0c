//! The EUI-48 address of a network interface (IEEE 802).

use core::fmt;
use core::str::FromStr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A MAC address: six bytes in transmission order.
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
    /// ff:ff:ff:ff:ff:ff, every station.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// 00:00:00:00:00:00: no station; in a VXLAN FDB, the default destination.
    pub const ZERO: Self = Self([0; 6]);

    /// The address with these bytes, in transmission order.
    #[must_use]
    #[inline]
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// The bytes, in transmission order.
    #[must_use]
    #[inline]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether the group bit (I/G) is set: multicast or broadcast (IEEE 802 section 8.4).
    #[must_use]
    #[inline]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// Whether it is ff:ff:ff:ff:ff:ff.
    #[must_use]
    #[inline]
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// Whether it can be a station's own: neither multicast nor zero (Linux `is_valid_ether_addr`).
    #[must_use]
    #[inline]
    pub fn is_valid_unicast(self) -> bool {
        !self.is_multicast() && self != Self::ZERO
    }

    /// Whether the U/L bit is set: administered locally, not from a vendor's block.
    #[must_use]
    #[inline]
    pub const fn is_local(self) -> bool {
        self.0[0] & 0x02 != 0
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

/// A text that is no MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ParseMacAddrError {
    /// Where in the text, in bytes, it ceases to be one.
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

    /// Reads six pairs of hexadecimal digits, upper or lower case, with `:` or with `-` between them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let separator = match bytes.get(2) {
            Some(b'-') => b'-',
            _ => b':',
        };
        let mut mac = [0; 6];
        for (byte, start) in mac.iter_mut().zip((0usize..).step_by(3)) {
            let digit = |i: usize| hex_digit(bytes.get(i)).ok_or(ParseMacAddrError { offset: i });
            *byte = digit(start)? << 4 | digit(start.wrapping_add(1))?;
            let end = start.wrapping_add(2);
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
    fn reads_and_prints() {
        let mac: MacAddr = "c6:d2:32:6f:8f:44".parse().unwrap();
        assert_eq!(mac.octets(), [0xc6, 0xd2, 0x32, 0x6f, 0x8f, 0x44]);
        assert_eq!(mac.to_string(), "c6:d2:32:6f:8f:44");
        assert_eq!("C6-D2-32-6F-8F-44".parse(), Ok(mac));
        assert!(mac.is_local() && mac.is_valid_unicast() && !mac.is_multicast());
    }

    #[test]
    fn refuses_what_is_none_and_says_where() {
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
    fn tells_group_addresses() {
        assert!(MacAddr::BROADCAST.is_multicast() && MacAddr::BROADCAST.is_broadcast());
        assert!(MacAddr::new([1, 0x80, 0xc2, 0, 0, 0]).is_multicast());
        assert!(!MacAddr::ZERO.is_valid_unicast());
    }
}
