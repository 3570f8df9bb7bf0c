//! Addresses and lengths in text, read without a path to a panic.
//!
//! `core` looks for a `char` with a `memchr` that slices, and slices where it reads an IPv6
//! address: in ways that are right, but that the compiler cannot see to be. A link that proves the
//! absence of panics fails on them.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// The reason why a text is not `address/length`, or not a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ParseCidrError {
    /// There is no `/`.
    NoLength,
    /// The text before the `/` is not an address of the family.
    Address,
    /// The text after the `/` is not a number in decimal digits, or is more than the width of the
    /// family's addresses.
    Length {
        /// The greatest length, in bits.
        max: u8,
    },
    /// The address has bits after the length, which a prefix does not have. An
    /// [`Ipv4Cidr`](super::Ipv4Cidr) or [`Ipv6Cidr`](super::Ipv6Cidr) keeps them, and its
    /// `prefix()` drops them.
    HostBits,
}

impl fmt::Display for ParseCidrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLength => f.write_str("no '/' with a prefix length"),
            Self::Address => f.write_str("no address of this family before '/'"),
            Self::Length { max } => write!(f, "no prefix length from 0 to {max} after '/'"),
            Self::HostBits => f.write_str("the address has bits set after the prefix length"),
        }
    }
}

impl core::error::Error for ParseCidrError {}

/// A pattern for `split_once` and its like: `wanted`, by comparison.
pub(crate) const fn is(wanted: char) -> impl Fn(char) -> bool + Copy {
    move |c| c == wanted
}

/// Reads a number of decimal digits and nothing else, at most `max`. Leading zeros are ignored, as
/// in Go's `net.ParseCIDR` and `strconv.ParseUint`.
pub(crate) fn parse_length(text: &str, max: u8) -> Option<u8> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0u8, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        let value = (digit <= 9).then_some(value)?.checked_mul(10)?.checked_add(digit)?;
        (value <= max).then_some(value)
    })
}

/// Reads `address/length` with a length of at most `max` bits.
pub(super) fn parse_cidr<A>(
    text: &str,
    parse_address: fn(&str) -> Option<A>,
    max: u8,
) -> Result<(A, u8), ParseCidrError> {
    let (address, len) = text.split_once(is('/')).ok_or(ParseCidrError::NoLength)?;
    let address = parse_address(address).ok_or(ParseCidrError::Address)?;
    Ok((address, parse_length(len, max).ok_or(ParseCidrError::Length { max })?))
}

/// Reads an IPv4 address.
pub(super) fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    text.parse().ok()
}

/// Reads an IPv6 address (RFC 4291 section 2.2): the same as with `str::parse`.
pub(crate) fn parse_ipv6(text: &str) -> Option<Ipv6Addr> {
    let gap = text.as_bytes().windows(2).position(|pair| matches!(pair, [b':', b':']));
    let Some(gap) = gap else {
        let (bits, groups) = parse_groups(text, true)?;
        return (groups == 8).then_some(Ipv6Addr::from_bits(bits));
    };
    let (head, head_groups) = parse_groups(text.get(..gap)?, false)?;
    let (tail, tail_groups) = parse_groups(text.get(gap.saturating_add(2)..)?, true)?;
    // "::" is at least one group. A shift by all 128 bits leaves a value that is 0 anyway.
    let shift = 128u32.saturating_sub(head_groups.saturating_mul(16));
    let fits = head_groups.saturating_add(tail_groups) <= 7;
    fits.then_some(Ipv6Addr::from_bits(head.wrapping_shl(shift) | tail))
}

/// Groups of up to four hexadecimal digits with `:` between them, and how many there are. The last
/// two may be written as an IPv4 address, at the end of the text.
fn parse_groups(text: &str, ipv4: bool) -> Option<(u128, u32)> {
    if text.is_empty() {
        return Some((0, 0));
    }
    let (before, last) = match text.rsplit_once(is(':')) {
        Some((before, last)) => (Some(before), last),
        None => (None, text),
    };
    let (last_bits, last_groups) = match last.parse::<Ipv4Addr>() {
        Ok(address) if ipv4 => (address.to_bits(), 2u32),
        _ => (parse_group(last)?, 1),
    };
    let groups = before.into_iter().flat_map(|before| before.split(is(':')));
    let (bits, count) =
        groups.map(parse_group).try_fold((0u128, 0u32), |(bits, count), group| {
            Some((bits << 16 | u128::from(group?), count.saturating_add(1)))
        })?;
    let bits = bits.wrapping_shl(last_groups.saturating_mul(16)) | u128::from(last_bits);
    let count = count.saturating_add(last_groups);
    (count <= 8).then_some((bits, count))
}

fn parse_group(text: &str) -> Option<u32> {
    if !(1..=4).contains(&text.len()) {
        return None;
    }
    text.chars().try_fold(0u32, |group, c| Some(group << 4 | c.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    #[test]
    fn reads_rfc_4291_addresses() {
        for text in [
            "2001:DB8:0:0:8:800:200C:417A",
            "ff01::101",
            "::1",
            "::",
            "::13.1.68.3",
            "::ffff:129.144.52.38",
            "0:0:0:0:0:ffff:129.144.52.38",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
        ] {
            assert_eq!(parse_ipv6(text), Some(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn reads_what_core_reads_and_nothing_else() {
        fn holds(pieces: Vec<u8>) -> bool {
            const PIECES: [&str; 12] =
                [":", ":", "::", "1", "fe80", "0", "12345", "1.2.3.4", "1.2.3", "g", "", "fFfF"];
            let text: String =
                pieces.iter().map(|piece| PIECES[usize::from(*piece) % 12]).collect();
            parse_ipv6(&text) == text.parse().ok()
        }
        quickcheck::QuickCheck::new().tests(50_000).quickcheck(holds as fn(Vec<u8>) -> bool);
    }

    #[test]
    fn reads_an_address_cut_anywhere_as_core_does() {
        fn holds(bits: u128, zeros: u128, from: usize, to: usize) -> bool {
            let text = Ipv6Addr::from_bits(bits & zeros & zeros.rotate_left(40)).to_string();
            let from = from % (text.len() + 1);
            let cut = &text[from..from + to % (text.len() - from + 1)];
            parse_ipv6(&text) == text.parse().ok() && parse_ipv6(cut) == cut.parse().ok()
        }
        quickcheck::QuickCheck::new()
            .tests(5000)
            .quickcheck(holds as fn(u128, u128, usize, usize) -> bool);
    }
}
