//! A prefix of either family: of routes, and of the records of leases.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use super::prefix::{Ipv4Prefix, Ipv4PrefixLen, Ipv6Prefix, Ipv6PrefixLen};
use super::text::ParseCidrError;

/// An IPv4 or an IPv6 prefix.
///
/// # Examples
///
/// ```
/// use vtep::subnet::{IpPrefix, Ipv4Prefix, Ipv6Prefix};
///
/// let subnet: IpPrefix = "10.1.17.0/24".parse()?;
/// assert!(subnet.contains("10.1.17.9".parse()?));
/// assert_eq!(IpPrefix::from(Ipv4Prefix::try_from(subnet)?), subnet);
/// assert!(Ipv6Prefix::try_from(subnet).is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpPrefix {
    /// IPv4.
    V4(Ipv4Prefix),
    /// IPv6.
    V6(Ipv6Prefix),
}

impl IpPrefix {
    /// Returns the prefix of that length that contains an address: its host bits are dropped.
    /// `None` if the length is more than the width of the address.
    #[must_use]
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        match address {
            IpAddr::V4(address) => {
                Some(Self::V4(Ipv4Prefix::new(address, Ipv4PrefixLen::new(len).ok()?)))
            }
            IpAddr::V6(address) => {
                Some(Self::V6(Ipv6Prefix::new(address, Ipv6PrefixLen::new(len).ok()?)))
            }
        }
    }

    /// Its first address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        match self {
            Self::V4(prefix) => IpAddr::V4(prefix.address()),
            Self::V6(prefix) => IpAddr::V6(prefix.address()),
        }
    }

    /// Its length in bits.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "the length of a prefix is no count of elements"
    )]
    pub const fn len(self) -> u8 {
        match self {
            Self::V4(prefix) => prefix.len().value(),
            Self::V6(prefix) => prefix.len().value(),
        }
    }

    /// Returns whether an address is in it.
    #[must_use]
    pub const fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(own), IpAddr::V4(address)) => own.contains(address),
            (Self::V6(own), IpAddr::V6(address)) => own.contains(address),
            _ => false,
        }
    }

    /// Returns whether all of another prefix is in it.
    #[must_use]
    pub const fn contains_prefix(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(own), Self::V4(other)) => own.contains_prefix(other),
            (Self::V6(own), Self::V6(other)) => own.contains_prefix(other),
            _ => false,
        }
    }
}

/// A prefix of the other family than the one that is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct OtherFamily;

impl fmt::Display for OtherFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a prefix of the other address family")
    }
}

impl core::error::Error for OtherFamily {}

macro_rules! family {
    ($Prefix:ident, $Family:ident) => {
        impl From<$Prefix> for IpPrefix {
            fn from(prefix: $Prefix) -> Self {
                Self::$Family(prefix)
            }
        }

        impl TryFrom<IpPrefix> for $Prefix {
            type Error = OtherFamily;

            fn try_from(prefix: IpPrefix) -> Result<Self, Self::Error> {
                match prefix {
                    IpPrefix::$Family(prefix) => Ok(prefix),
                    _ => Err(OtherFamily),
                }
            }
        }
    };
}

family!(Ipv4Prefix, V4);
family!(Ipv6Prefix, V6);

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(prefix) => fmt::Display::fmt(prefix, f),
            Self::V6(prefix) => fmt::Display::fmt(prefix, f),
        }
    }
}

impl fmt::Debug for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for IpPrefix {
    type Err = ParseCidrError;

    /// Reads `address/length`. An address with host bits is an error.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Err(ParseCidrError::Address) => text.parse().map(Self::V6),
            v4 => v4.map(Self::V4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn reads_and_prints_both_families() {
        for (text, prefix) in [
            ("10.1.17.0/24", IpPrefix::new([10, 1, 17, 9].into(), 24)),
            ("0.0.0.0/0", IpPrefix::new([0; 4].into(), 0)),
            ("fd00:5:34::/64", IpPrefix::new("fd00:5:34::".parse().unwrap(), 64)),
        ] {
            assert_eq!(text.parse().ok(), prefix, "{text}");
            assert_eq!(prefix.unwrap().to_string().parse().ok(), prefix, "{text}");
        }
        for (text, error) in [
            ("10.1.17.0", ParseCidrError::NoLength),
            ("10.1.17.0/33", ParseCidrError::Length { max: 32 }),
            ("fd00::/129", ParseCidrError::Length { max: 128 }),
            ("node/24", ParseCidrError::Address),
            ("10.1.17.9/24", ParseCidrError::HostBits),
            ("fd00::1/64", ParseCidrError::HostBits),
        ] {
            assert_eq!(text.parse::<IpPrefix>(), Err(error), "{text}");
        }
        assert_eq!(IpPrefix::new([10, 1, 17, 0].into(), 33), None);
    }

    #[test]
    fn converts_from_and_to_its_own_family() {
        let v4: Ipv4Prefix = "10.1.17.0/24".parse().unwrap();
        let v6: Ipv6Prefix = "fd00::/64".parse().unwrap();
        assert_eq!(Ipv4Prefix::try_from(IpPrefix::from(v4)), Ok(v4));
        assert_eq!(Ipv6Prefix::try_from(IpPrefix::from(v6)), Ok(v6));
        assert_eq!(Ipv4Prefix::try_from(IpPrefix::from(v6)), Err(OtherFamily));
        assert_eq!(Ipv6Prefix::try_from(IpPrefix::from(v4)), Err(OtherFamily));
    }

    #[test]
    fn contains_nothing_of_the_other_family() {
        let [v4, v6] = ["0.0.0.0/0", "::/0"].map(|text| text.parse::<IpPrefix>().unwrap());
        assert!(v4.contains([10, 1, 17, 1].into()) && !v4.contains([0; 16].into()));
        assert!(v6.contains([0; 16].into()) && !v6.contains([10, 1, 17, 1].into()));
        assert!(!v4.contains_prefix(v6) && !v6.contains_prefix(v4));
    }
}
