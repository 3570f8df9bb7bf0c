//! Prefixes and their lengths: RFC 4632 section 3.1 (IPv4), RFC 4291 section 2.3 (IPv6).

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use super::text::{ParseCidrError, parse_cidr, parse_ipv4, parse_ipv6, parse_length};

/// A prefix length greater than the width of the family's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct PrefixLenError {
    /// The length, in bits.
    pub len: u8,
    /// The greatest length, in bits.
    pub max: u8,
}

impl fmt::Display for PrefixLenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prefix length {}, at most {}", self.len, self.max)
    }
}

impl core::error::Error for PrefixLenError {}

macro_rules! prefix {
    ($family:literal, $rfc:literal, $text:literal, $host:literal, $Addr:ident, $bits:ident, $width:literal, $Len:ident, $Prefix:ident, $Subnets:ident, $Cidr:ident, $parse:ident) => {
        #[doc = concat!("The length of an ", $family, " prefix in bits: 0 to ", $width, " (", $rfc, ").")]
        ///
        /// # Examples
        ///
        /// ```
        #[doc = concat!("use vtep::subnet::", stringify!($Len), ";")]
        ///
        #[doc = concat!("const LEN: ", stringify!($Len), " = ", stringify!($Len), "::literal::<24>();")]
        #[doc = concat!("assert_eq!(\"24\".parse::<", stringify!($Len), ">()?, LEN);")]
        #[doc = concat!("assert!(", stringify!($Len), "::try_from(", $width, " + 1).is_err());")]
        /// # Ok::<(), vtep::subnet::ParseCidrError>(())
        /// ```
        ///
        /// A literal that is too long does not compile:
        ///
        /// ```compile_fail
        #[doc = concat!("let len = vtep::subnet::", stringify!($Len), "::literal::<", $width, " + 1>();")]
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $Len(u8);

        impl $Len {
            /// The length 0, of the prefix that contains every address.
            pub const ZERO: Self = Self(0);
            /// The length of a single address.
            pub const MAX: Self = Self($width);

            /// Returns the length of this many bits.
            ///
            /// # Errors
            #[doc = concat!("[`PrefixLenError`] if it is more than ", $width, ".")]
            pub const fn new(len: u8) -> Result<Self, PrefixLenError> {
                if len <= $width {
                    Ok(Self(len))
                } else {
                    Err(PrefixLenError { len, max: $width })
                }
            }

            /// Returns a length that is known when the program is compiled. One that is too long
            /// does not compile, so there is nothing to unwrap and nothing that can panic.
            #[must_use]
            pub const fn literal<const LEN: u8>() -> Self {
                const { assert!(LEN <= $width) };
                Self(LEN)
            }

            /// The length, in bits.
            #[must_use]
            pub const fn value(self) -> u8 {
                self.0
            }

            /// The netmask: as many leading ones, most significant bit first.
            #[must_use]
            pub const fn mask(self) -> $bits {
                match self.0 {
                    // A shift by the whole width would be one by 0.
                    0 => 0,
                    len => $bits::MAX.wrapping_shl(u32::wrapping_sub($width, len as u32)),
                }
            }

            /// The number of addresses in a prefix of this length, modulo the address space: 0 for
            /// all.
            const fn size(self) -> $bits {
                self.mask().wrapping_neg()
            }
        }

        impl fmt::Display for $Len {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl TryFrom<u8> for $Len {
            type Error = PrefixLenError;

            fn try_from(len: u8) -> Result<Self, Self::Error> {
                Self::new(len)
            }
        }

        impl From<$Len> for u8 {
            fn from(len: $Len) -> Self {
                len.0
            }
        }

        impl FromStr for $Len {
            type Err = ParseCidrError;

            /// Reads a length in decimal digits.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_length(text, $width).map(Self).ok_or(ParseCidrError::Length { max: $width })
            }
        }

        #[doc = concat!("An ", $family, " prefix (", $rfc, "). The bits after its length are zero.")]
        ///
        /// Prefixes are ordered by address, a prefix before those inside it.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = concat!("use vtep::subnet::{", stringify!($Prefix), ", ParseCidrError};")]
        ///
        #[doc = concat!("let subnet: ", stringify!($Prefix), " = \"", $text, "\".parse()?;")]
        /// assert!(subnet.contains(subnet.last_address()));
        /// assert!(!subnet.overlaps(subnet.next()));
        #[doc = concat!("let host_bits = \"", $host, "\".parse::<", stringify!($Prefix), ">();")]
        /// assert_eq!(host_bits, Err(ParseCidrError::HostBits));
        /// # Ok::<(), ParseCidrError>(())
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Prefix {
            bits: $bits,
            len: $Len,
        }

        impl $Prefix {
            /// The prefix of length 0: every address, the default route.
            pub const DEFAULT: Self = Self { bits: 0, len: $Len::ZERO };

            /// Returns the prefix of that length that contains `address`: the host bits are
            /// dropped.
            #[must_use]
            pub const fn new(address: $Addr, len: $Len) -> Self {
                Self { bits: address.to_bits() & len.mask(), len }
            }

            /// The first address, which names the prefix.
            #[must_use]
            pub const fn address(self) -> $Addr {
                $Addr::from_bits(self.bits)
            }

            /// The last address. For IPv4 that is the broadcast address, if there is one.
            #[must_use]
            pub const fn last_address(self) -> $Addr {
                $Addr::from_bits(self.bits | !self.len.mask())
            }

            /// The length.
            #[must_use]
            pub const fn len(self) -> $Len {
                self.len
            }

            /// Returns whether it is [`DEFAULT`](Self::DEFAULT), which flannel calls an empty
            /// network.
            #[must_use]
            pub const fn is_default(self) -> bool {
                self.len.0 == 0
            }

            /// Returns whether `address` is in it.
            #[must_use]
            pub const fn contains(self, address: $Addr) -> bool {
                address.to_bits() & self.len.mask() == self.bits
            }

            /// Returns whether all of `other` is in it.
            #[must_use]
            pub const fn contains_prefix(self, other: Self) -> bool {
                self.len.0 <= other.len.0 && self.contains(other.address())
            }

            /// Returns whether they have an address in common: then one of them contains the other.
            #[must_use]
            pub const fn overlaps(self, other: Self) -> bool {
                self.contains_prefix(other) || other.contains_prefix(self)
            }

            /// Returns the next prefix of the same length. The first follows the last.
            #[must_use]
            pub const fn next(self) -> Self {
                self.nth(1)
            }

            /// Returns the `n`th prefix of the same length after it. The first follows the last;
            /// the 0th is itself.
            #[must_use]
            pub const fn nth(self, n: $bits) -> Self {
                let bits = self.bits.wrapping_add(n.wrapping_mul(self.len.size()));
                Self { bits, len: self.len }
            }

            /// Returns its parts of length `len`, in order: no parts if `len` is less than its own
            /// length.
            #[must_use]
            pub const fn subnets(self, len: $Len) -> $Subnets {
                let next = if len.0 < self.len.0 {
                    None
                } else {
                    Some(Self { bits: self.bits, len })
                };
                $Subnets { next, last: Self::new(self.last_address(), len) }
            }
        }

        impl fmt::Display for $Prefix {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/{}", self.address(), self.len)
            }
        }

        impl fmt::Debug for $Prefix {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $Prefix {
            type Err = ParseCidrError;

            /// Reads `address/length`, with a length in decimal digits.
            ///
            #[doc = concat!("An address with host bits is an error: [`", stringify!($Cidr), "`](super::", stringify!($Cidr), ")")]
            /// reads it, and its `prefix()` drops them.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let (address, len) = parse_cidr(text, $parse, $width)?;
                let prefix = Self::new(address, $Len(len));
                if prefix.address() == address { Ok(prefix) } else { Err(ParseCidrError::HostBits) }
            }
        }

        #[doc = concat!("The parts of an [`", stringify!($Prefix), "`] that have one length, in order.")]
        #[derive(Clone, Debug)]
        pub struct $Subnets {
            next: Option<$Prefix>,
            last: $Prefix,
        }

        impl Iterator for $Subnets {
            type Item = $Prefix;

            fn next(&mut self) -> Option<$Prefix> {
                let subnet = self.next?;
                self.next = (subnet != self.last).then(|| subnet.next());
                Some(subnet)
            }
        }

        impl core::iter::FusedIterator for $Subnets {}
    };
}

prefix!(
    "IPv4",
    "RFC 4632 section 3.1",
    "10.1.17.0/24",
    "10.1.17.9/24",
    Ipv4Addr,
    u32,
    32,
    Ipv4PrefixLen,
    Ipv4Prefix,
    Ipv4Subnets,
    Ipv4Cidr,
    parse_ipv4
);
prefix!(
    "IPv6",
    "RFC 4291 section 2.3",
    "fd00:5::/64",
    "fd00:5::9/64",
    Ipv6Addr,
    u128,
    128,
    Ipv6PrefixLen,
    Ipv6Prefix,
    Ipv6Subnets,
    Ipv6Cidr,
    parse_ipv6
);

#[cfg(test)]
mod tests;
