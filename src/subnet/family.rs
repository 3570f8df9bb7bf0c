//! The operations on prefixes of either family that pools need.

use core::fmt::{Debug, Display};
use core::hash::Hash;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::prefix::{Ipv4Prefix, Ipv4PrefixLen, Ipv6Prefix, Ipv6PrefixLen};
use super::text::{parse_ipv4, parse_ipv6};

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Ipv4Prefix {}
    impl Sealed for super::Ipv6Prefix {}
}

/// A prefix of either family: [`Ipv4Prefix`] or [`Ipv6Prefix`].
///
/// Addresses are numbers of 128 bits here, those of IPv4 in the low 32.
///
/// # Examples
///
/// ```
/// use vtep::subnet::{Ipv4Prefix, Ipv6Prefix, PoolConfig, Prefix};
///
/// fn subnets<P: Prefix>(network: P) -> Option<u128> {
///     PoolConfig::new(network).pool().ok().map(|pool| pool.count())
/// }
///
/// assert_eq!(subnets("10.3.0.0/16".parse::<Ipv4Prefix>()?), Some(255));
/// assert_eq!(subnets("fd00:3::/48".parse::<Ipv6Prefix>()?), Some(65_535));
/// # Ok::<(), vtep::subnet::ParseCidrError>(())
/// ```
pub trait Prefix: Copy + Ord + Hash + Debug + Display + sealed::Sealed {
    /// The family's addresses.
    type Address: Copy + Ord + Hash + Debug + Display;
    /// The width of an address, in bits.
    const WIDTH: u8;
    /// The length of flannel's subnets, unless a network is too small for it.
    const SUBNET_LEN: u8;

    /// Returns the prefix of `len` bits, at most [`WIDTH`](Self::WIDTH), that contains the address
    /// of these bits.
    #[must_use]
    fn from_bits(bits: u128, len: u8) -> Option<Self>;
    /// The first address, as a number.
    #[must_use]
    fn first_bits(self) -> u128;
    /// The last address, as a number.
    #[must_use]
    fn last_bits(self) -> u128;
    /// The length in bits.
    #[must_use]
    fn bit_len(self) -> u8;
    /// Returns an address as a number.
    #[must_use]
    fn address_bits(address: Self::Address) -> u128;
    /// Reads an address; `None` if `text` is not one of the family.
    #[must_use]
    fn parse_address(text: &str) -> Option<Self::Address>;
    /// Returns the address in the low bits of a number.
    #[must_use]
    fn address_from_bits(bits: u128) -> Self::Address;
}

impl Prefix for Ipv4Prefix {
    type Address = Ipv4Addr;
    const WIDTH: u8 = 32;
    const SUBNET_LEN: u8 = 24;

    fn from_bits(bits: u128, len: u8) -> Option<Self> {
        Some(Self::new(Self::address_from_bits(bits), Ipv4PrefixLen::new(len).ok()?))
    }

    fn first_bits(self) -> u128 {
        Self::address_bits(self.address())
    }

    fn last_bits(self) -> u128 {
        Self::address_bits(self.last_address())
    }

    fn bit_len(self) -> u8 {
        self.len().value()
    }

    fn address_bits(address: Ipv4Addr) -> u128 {
        address.to_bits().into()
    }

    fn parse_address(text: &str) -> Option<Ipv4Addr> {
        parse_ipv4(text)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the low 32 bits are the address")]
    fn address_from_bits(bits: u128) -> Ipv4Addr {
        Ipv4Addr::from_bits(bits as u32)
    }
}

impl Prefix for Ipv6Prefix {
    type Address = Ipv6Addr;
    const WIDTH: u8 = 128;
    const SUBNET_LEN: u8 = 64;

    fn from_bits(bits: u128, len: u8) -> Option<Self> {
        Some(Self::new(Self::address_from_bits(bits), Ipv6PrefixLen::new(len).ok()?))
    }

    fn first_bits(self) -> u128 {
        Self::address_bits(self.address())
    }

    fn last_bits(self) -> u128 {
        Self::address_bits(self.last_address())
    }

    fn bit_len(self) -> u8 {
        self.len().value()
    }

    fn address_bits(address: Ipv6Addr) -> u128 {
        address.to_bits()
    }

    fn parse_address(text: &str) -> Option<Ipv6Addr> {
        parse_ipv6(text)
    }

    fn address_from_bits(bits: u128) -> Ipv6Addr {
        Ipv6Addr::from_bits(bits)
    }
}
