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
    ($family:literal, $Addr:ident, $bits:ident, $width:literal, $Len:ident, $Prefix:ident, $Subnets:ident, $Cidr:ident, $parse:ident) => {
        #[doc = concat!("The length of an ", $family, " prefix in bits: 0 to ", $width, ".")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $Len(u8);

        impl $Len {
            /// The length that every address has in common.
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

            /// The netmask: as many leading ones.
            #[must_use]
            pub const fn mask(self) -> $bits {
                match self.0 {
                    // A shift by the whole width is none.
                    0 => 0,
                    len => $bits::MAX.wrapping_shl(u32::wrapping_sub($width, len as u32)),
                }
            }

            /// How many addresses a prefix of this length has, modulo the address space: 0 for all.
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

        #[doc = concat!("An ", $family, " prefix. The bits after its length are zero.")]
        ///
        /// Ordered by address, a prefix before those inside it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Prefix {
            bits: $bits,
            len: $Len,
        }

        impl $Prefix {
            /// The prefix of length 0: every address, the default route.
            pub const DEFAULT: Self = Self { bits: 0, len: $Len::ZERO };

            /// The prefix of that length that `address` lies in.
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

            /// Whether it is [`DEFAULT`](Self::DEFAULT): what flannel calls an empty network.
            #[must_use]
            pub const fn is_default(self) -> bool {
                self.len.0 == 0
            }

            /// Whether `address` lies in it.
            #[must_use]
            pub const fn contains(self, address: $Addr) -> bool {
                address.to_bits() & self.len.mask() == self.bits
            }

            /// Whether all of `other` lies in it.
            #[must_use]
            pub const fn contains_prefix(self, other: Self) -> bool {
                self.len.0 <= other.len.0 && self.contains(other.address())
            }

            /// Whether they have an address in common: then one of them contains the other.
            #[must_use]
            pub const fn overlaps(self, other: Self) -> bool {
                self.contains_prefix(other) || other.contains_prefix(self)
            }

            /// The prefix of the same length after it. After the last comes the first.
            #[must_use]
            pub const fn next(self) -> Self {
                self.nth(1)
            }

            /// The `n`th prefix of the same length after it, going round at the end of the address
            /// space; the 0th is itself.
            #[must_use]
            pub const fn nth(self, n: $bits) -> Self {
                let bits = self.bits.wrapping_add(n.wrapping_mul(self.len.size()));
                Self { bits, len: self.len }
            }

            /// Its parts of length `len`, in order. None when it is shorter than this prefix.
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

prefix!("IPv4", Ipv4Addr, u32, 32, Ipv4PrefixLen, Ipv4Prefix, Ipv4Subnets, Ipv4Cidr, parse_ipv4);
prefix!("IPv6", Ipv6Addr, u128, 128, Ipv6PrefixLen, Ipv6Prefix, Ipv6Subnets, Ipv6Cidr, parse_ipv6);

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    fn v4(text: &str) -> Ipv4Prefix {
        text.parse().unwrap()
    }

    fn v6(text: &str) -> Ipv6Prefix {
        text.parse().unwrap()
    }

    /// flannel `pkg/ip/ipnet_test.go`: overlaps, contains, containsCIDR.
    #[test]
    fn flannels_ipv4_overlap_and_containment() {
        for (a, b, overlap) in [
            ("1.2.3.0/24", "1.2.3.0/24", true),
            ("1.2.3.0/24", "1.2.0.0/16", true),
            ("1.2.3.0/24", "1.2.4.0/24", false),
            ("1.2.3.0/24", "7.2.4.0/22", false),
            ("10.3.4.0/24", "10.3.4.128/25", true),
            ("10.3.4.0/25", "10.3.4.128/25", false),
            ("0.0.0.0/0", "10.0.0.0/8", true),
        ] {
            assert_eq!(v4(a).overlaps(v4(b)), overlap, "{a} {b}");
            assert_eq!(v4(b).overlaps(v4(a)), overlap, "{b} {a}");
        }
        for (address, inside) in [("1.2.3.0", true), ("1.2.3.4", true), ("1.2.4.0", false)] {
            assert_eq!(v4("1.2.3.0/24").contains(address.parse().unwrap()), inside, "{address}");
        }
        for (inner, inside) in [
            ("10.244.0.0/16", true),
            ("10.244.7.0/24", true),
            ("10.244.255.0/24", true),
            ("10.244.0.0/15", false),
            ("192.168.0.0/24", false),
        ] {
            assert_eq!(v4("10.244.0.0/16").contains_prefix(v4(inner)), inside, "{inner}");
        }
    }

    /// flannel `pkg/ip/ip6net_test.go`: Empty, Overlaps, Contains, ContainsCIDR.
    #[test]
    fn flannels_ipv6_emptiness_overlap_and_containment() {
        for (text, empty) in [("::/0", true), ("::/64", false), ("fc00:1::/64", false)] {
            assert_eq!(v6(text).is_default(), empty, "{text}");
        }
        for (b, overlap) in [
            ("fc00:1::/64", true),
            ("fc00::/16", true),
            ("fc00:2::/64", false),
            ("fb00:2::/48", false),
        ] {
            assert_eq!(v6("fc00:1::/64").overlaps(v6(b)), overlap, "{b}");
        }
        for (address, inside) in [("fc00:1::", true), ("fc00:1::1", true), ("fc00:2::", false)] {
            assert_eq!(v6("fc00:1::/64").contains(address.parse().unwrap()), inside, "{address}");
        }
        for (inner, inside) in [
            ("2001:db8:1234::/48", true),
            ("2001:db8:1234::/64", true),
            ("2001:db8:1234:ffff::/64", true),
            ("2001:db8:1234::/47", false),
            ("fe02::/32", false),
        ] {
            assert_eq!(v6("2001:db8:1234::/48").contains_prefix(v6(inner)), inside, "{inner}");
        }
    }

    #[test]
    fn flannels_next_wraps() {
        for (prefix, next) in [
            ("10.1.17.0/24", "10.1.18.0/24"),
            ("10.1.255.0/24", "10.2.0.0/24"),
            ("10.0.0.0/8", "11.0.0.0/8"),
            ("255.255.255.0/24", "0.0.0.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("1.2.3.4/32", "1.2.3.5/32"),
            ("255.255.255.255/32", "0.0.0.0/32"),
        ] {
            assert_eq!(v4(prefix).next(), v4(next), "{prefix}");
        }
        assert_eq!(v6("::/0").next(), v6("::/0"));
        assert_eq!(v6("fc00:0:0:ffff::/64").next(), v6("fc00:0:1::/64"));
        let last = v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
        assert_eq!(last.next(), v6("::/128"));
    }

    #[test]
    fn the_edges_of_length_are_like_any_other() {
        assert!(v4("0.0.0.0/0").contains(Ipv4Addr::BROADCAST));
        assert_eq!(v4("0.0.0.0/0").last_address(), Ipv4Addr::BROADCAST);
        assert_eq!(v4("1.2.3.4/32").last_address(), Ipv4Addr::new(1, 2, 3, 4));
        assert!(!v6("::1/128").contains(Ipv6Addr::UNSPECIFIED));
        assert!(v6("::/0").contains_prefix(v6("::1/128")));
        assert_eq!(Ipv4PrefixLen::new(33), Err(PrefixLenError { len: 33, max: 32 }));
        assert_eq!(Ipv6PrefixLen::new(129), Err(PrefixLenError { len: 129, max: 128 }));
    }

    #[test]
    fn iterates_over_its_parts_to_the_end_of_the_address_space() {
        let len = |len| Ipv4PrefixLen::new(len).unwrap();
        let parts = |text: &str, bits| -> Vec<_> {
            v4(text).subnets(len(bits)).map(|subnet| subnet.to_string()).collect()
        };
        assert_eq!(parts("255.255.254.0/23", 24), ["255.255.254.0/24", "255.255.255.0/24"]);
        assert_eq!(parts("0.0.0.0/0", 1), ["0.0.0.0/1", "128.0.0.0/1"]);
        assert_eq!(parts("0.0.0.0/0", 0), ["0.0.0.0/0"]);
        assert_eq!(parts("1.2.3.4/32", 32), ["1.2.3.4/32"]);
        assert!(parts("10.0.0.0/24", 23).is_empty());
    }

    #[test]
    fn literal_and_arithmetic_are_const() {
        const LEN: Ipv4PrefixLen = Ipv4PrefixLen::literal::<24>();
        const PREFIX: Ipv4Prefix = Ipv4Prefix::new(Ipv4Addr::new(10, 1, 17, 9), LEN).next();
        assert_eq!(PREFIX, v4("10.1.18.0/24"));
    }

    #[test]
    fn a_length_converts_from_and_to_numbers_and_text() {
        assert_eq!(Ipv4PrefixLen::try_from(32).map(u8::from), Ok(32));
        assert_eq!(Ipv6PrefixLen::try_from(129), Err(PrefixLenError { len: 129, max: 128 }));
        assert_eq!("128".parse(), Ok(Ipv6PrefixLen::MAX));
        for text in ["", "33", "+1", " 1", "1 ", "/1", "0x1"] {
            let error = ParseCidrError::Length { max: 32 };
            assert_eq!(text.parse::<Ipv4PrefixLen>(), Err(error), "{text:?}");
        }
    }

    /// `Prefix::new`, and the `prefix()` of a text with host bits, are the ways to drop them.
    #[test]
    fn from_str_refuses_host_bits() {
        for text in ["10.0.0.7/24", "0.0.0.1/0", "10.0.0.1/31", "128.0.0.0/0"] {
            assert_eq!(text.parse::<Ipv4Prefix>(), Err(ParseCidrError::HostBits), "{text}");
        }
        for text in ["fd00::7/64", "::1/127", "8000::/0"] {
            assert_eq!(text.parse::<Ipv6Prefix>(), Err(ParseCidrError::HostBits), "{text}");
        }
        assert_eq!("10.0.0.7/32".parse(), Ok(v4("10.0.0.7/32")));
        assert_eq!("10.0.0.7".parse::<Ipv4Prefix>(), Err(ParseCidrError::NoLength));
        let len = ParseCidrError::Length { max: 32 };
        assert_eq!("10.0.0.7/33".parse::<Ipv4Prefix>(), Err(len), "the length is read first");
    }

    #[test]
    fn text_of_a_prefix_reads_back() {
        fn holds(address: u32, len: u8) -> bool {
            let prefix = Ipv4Prefix::new(address.into(), Ipv4PrefixLen::new(len % 33).unwrap());
            prefix.to_string().parse() == Ok(prefix)
        }
        quickcheck::quickcheck(holds as fn(u32, u8) -> bool);
        fn holds_v6(address: u128, len: u8) -> bool {
            let prefix = Ipv6Prefix::new(address.into(), Ipv6PrefixLen::new(len % 129).unwrap());
            prefix.to_string().parse() == Ok(prefix)
        }
        quickcheck::quickcheck(holds_v6 as fn(u128, u8) -> bool);
    }

    #[test]
    fn overlap_is_a_common_address() {
        fn holds(a: u32, a_len: u8, b_bits: u32, b_len: u8) -> bool {
            // Near each other, else random prefixes never meet.
            let prefix = |bits: u32, len| {
                Ipv4Prefix::new(bits.into(), Ipv4PrefixLen::new(24 + len % 9).unwrap())
            };
            let (a, b) = (prefix(a, a_len), prefix(a ^ (b_bits & 0xff), b_len));
            let common = (0..=255u32)
                .map(|host| Ipv4Addr::from_bits(a.address().to_bits() & !0xff | host))
                .any(|address| a.contains(address) && b.contains(address));
            a.overlaps(b) == common
        }
        quickcheck::quickcheck(holds as fn(u32, u8, u32, u8) -> bool);
    }
}
