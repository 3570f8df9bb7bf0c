//! The Internet checksum: RFC 1071 sums, RFC 1624 updates, and what UDP adds to them (RFC 768).
//!
//! A [`Sum`] is a one's complement sum of 16-bit words in network byte order. Sums of parts add up to
//! the sum of the whole as long as each part but the last has an even length; [`Sum::at_odd_offset`]
//! mends the case where one has not. So a header is summed from the values that are about to be
//! written, and never read back from memory.
#![forbid(unsafe_code)]

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::{Add, AddAssign};

use zerocopy::FromBytes;

/// A one's complement sum of 16-bit words in network byte order (RFC 1071 section 1), not inverted.
///
/// It is kept as the processor reads words from memory, and turned into network byte order at the end: the
/// sum of byte-swapped words is the byte-swapped sum (RFC 1071 section 2 (B)).
#[derive(Clone, Copy, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of no bytes.
    pub const ZERO: Self = Self(0);

    /// The sum of `bytes`, the first byte being the high half of a word. An odd last byte is padded
    /// with a zero byte (RFC 1071 section 4.1).
    #[must_use]
    #[inline]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_native(native_sum(bytes))
    }

    /// The sum of a few bytes, an even number that is known, in as few additions as there are.
    #[inline(always)]
    pub(crate) fn of_header<const N: usize>(bytes: &[u8; N]) -> Self {
        const { assert!(N % 2 == 0) };
        let mut sum = Self::ZERO;
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            sum += Self(u64::read_from_bytes(word).unwrap_or_default());
        }
        let mut rest = words.remainder();
        if let Some((word, behind)) = rest.split_first_chunk() {
            sum += Self(u32::from_ne_bytes(*word).into());
            rest = behind;
        }
        if let Some(word) = rest.first_chunk() {
            sum += Self(u16::from_ne_bytes(*word).into());
        }
        sum
    }

    /// The sum of one 16-bit word.
    #[must_use]
    #[inline]
    pub const fn word(word: u16) -> Self {
        // `u64::from` is not const.
        Self(word.to_be() as u64)
    }

    /// A sum of a few words, added up.
    #[inline]
    pub(crate) const fn from_words(sum: u32) -> Self {
        Self::word(fold_u32(sum))
    }

    /// A sum of native-endian words of 16, 32 or 64 bits, as the checksum kernels make them.
    #[must_use]
    #[inline]
    pub const fn from_native(sum: u64) -> Self {
        Self(sum)
    }

    /// This sum, for bytes that stand at an odd offset of what is summed: the halves of each word
    /// change places (RFC 1071 section 2 (B)).
    #[must_use]
    #[inline]
    pub const fn at_odd_offset(self) -> Self {
        // `u64::from` is not const.
        Self(fold(self.0).swap_bytes() as u64)
    }

    /// The sum in 16 bits. 0 only if every byte summed was 0.
    #[must_use]
    #[inline]
    pub const fn folded(self) -> u16 {
        u16::from_be(fold(self.0))
    }

    /// The checksum field that makes all of it sum to zero: the inverted sum.
    #[must_use]
    #[inline]
    pub const fn checksum(self) -> u16 {
        !self.folded()
    }

    /// The checksum field for UDP, where 0 means that there is none: 0 is sent as 0xFFFF (RFC 768).
    #[must_use]
    #[inline]
    pub const fn udp_checksum(self) -> u16 {
        match self.checksum() {
            0 => 0xFFFF,
            checksum => checksum,
        }
    }

    /// Whether bytes with their checksum field among them are intact: the sum is all ones (RFC 1071
    /// section 1). A sum of nothing but zeros is not.
    #[must_use]
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.folded() == 0xFFFF
    }
}

/// The sum of one 16-bit word.
impl From<u16> for Sum {
    #[inline]
    fn from(word: u16) -> Self {
        Self::word(word)
    }
}

/// The sum of two 16-bit words.
impl From<u32> for Sum {
    #[inline]
    fn from(words: u32) -> Self {
        Self(words.to_be().into())
    }
}

/// The sum of the address's words, for a pseudo-header or an update of a checksum that covers it.
impl From<Ipv4Addr> for Sum {
    #[inline]
    fn from(address: Ipv4Addr) -> Self {
        address.to_bits().into()
    }
}

/// The sum of the address's words, for a pseudo-header or an update of a checksum that covers it.
impl From<Ipv6Addr> for Sum {
    #[inline]
    fn from(address: Ipv6Addr) -> Self {
        Self::of_header(&address.octets())
    }
}

impl Add for Sum {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        let (sum, carry) = self.0.overflowing_add(other.0);
        // After a carry the sum is at most 2^64 - 2, so the end-around carry does not overflow.
        Self(sum.wrapping_add(u64::from(carry)))
    }
}

impl Add<u16> for Sum {
    type Output = Self;

    #[inline]
    fn add(self, word: u16) -> Self {
        self + Self::word(word)
    }
}

impl<T> AddAssign<T> for Sum
where
    Self: Add<T, Output = Self>,
{
    #[inline]
    fn add_assign(&mut self, other: T) {
        *self = *self + other;
    }
}

impl PartialEq for Sum {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Sum {}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sum({:#06x})", self.folded())
    }
}

/// The new checksum of bytes in which one 16-bit word changed from `old` to `new`: RFC 1624 equation 3.
///
/// For an IPv4 header, TCP and ICMP. For UDP see [`update_udp`].
#[must_use]
#[inline]
pub fn update(checksum: u16, old: u16, new: u16) -> u16 {
    (Sum::word(!checksum) + !old + new).checksum()
}

/// Returns the new checksum of bytes of which a part with the sum `old` became one with the sum `new`:
/// RFC 1624 equation 3 for several words at once. The part starts at an even offset.
#[inline]
pub(crate) fn update_sum(checksum: u16, old: Sum, new: Sum) -> Sum {
    Sum::word(!checksum) + !old.folded() + new
}

/// The new UDP checksum when one 16-bit word changed from `old` to `new`.
///
/// 0 stays 0, for it says that there is no checksum; and a sum that comes out as 0 is stored as 0xFFFF
/// (RFC 768).
#[must_use]
#[inline]
pub fn update_udp(checksum: u16, old: u16, new: u16) -> u16 {
    match checksum {
        0 => 0,
        _ => (Sum::word(!checksum) + !old + new).udp_checksum(),
    }
}

/// The sum of the native-endian words of `bytes`, the last one padded with zero bytes: of 16 or of 32 bits,
/// which is the same once it is folded.
///
/// Eight 32-bit words a turn go into four 64-bit lanes: no carry is lost in fewer than 2^32 turns, and
/// compilers turn the lanes into vectors.
#[inline]
pub(crate) fn native_sum(bytes: &[u8]) -> u64 {
    if cfg!(target_pointer_width = "32") {
        // Such processors have no vectors: lanes would only be more code.
        return sum_words(0, bytes);
    }
    let mut lanes = [0u64; 4];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        if let Ok([a, b, c, d, e, f, g, h]) = <[u32; 8]>::read_from_bytes(block) {
            let pairs = [(a, e), (b, f), (c, g), (d, h)];
            for (lane, (low, high)) in lanes.iter_mut().zip(pairs) {
                *lane = lane.wrapping_add(u64::from(low)).wrapping_add(u64::from(high));
            }
        }
    }
    let sum = lanes.iter().fold(0u64, |sum, lane| sum.wrapping_add(*lane));
    sum_words(sum, blocks.remainder())
}

/// The same for a few bytes, added to a sum.
#[inline]
pub(crate) fn sum_words(mut sum: u64, bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        if let Ok(word) = u32::read_from_bytes(word) {
            sum = sum.wrapping_add(u64::from(word));
        }
    }
    let rest = match *words.remainder() {
        [a, b, c] => u32::from_ne_bytes([a, b, c, 0]),
        [a, b] => u32::from_ne_bytes([a, b, 0, 0]),
        [a] => u32::from_ne_bytes([a, 0, 0, 0]),
        _ => 0,
    };
    sum.wrapping_add(u64::from(rest))
}

/// The sum in 16 bits, with end-around carry.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the two halves of a u64")]
const fn fold(sum: u64) -> u16 {
    let (sum, carry) = (sum as u32).overflowing_add((sum >> 32) as u32);
    // After a carry the sum is at most 2^32 - 2.
    fold_u32(sum.wrapping_add(carry as u32))
}

/// The same for a few words.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "a shift by 16 leaves 16 bits")]
pub(crate) const fn fold_u32(sum: u32) -> u16 {
    // The carry out of the low half's sum goes into the high half's.
    (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn rfc_1071_section_3_example() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::of(&bytes).folded(), 0xddf2);
    }

    #[test]
    fn integers_and_addresses_are_summed_as_their_bytes() {
        let (v4, v6) =
            (Ipv4Addr::new(192, 168, 203, 1), "fd00:1:17::5".parse::<Ipv6Addr>().unwrap());
        assert_eq!(Sum::from(0xc0a8_u16), Sum::of(&[0xc0, 0xa8]));
        assert_eq!(Sum::from(0xc0a8_cb01_u32), Sum::of(&[0xc0, 0xa8, 0xcb, 0x01]));
        assert_eq!(Sum::from(v4), Sum::of(&v4.octets()));
        assert_eq!(Sum::from(v6), Sum::of(&v6.octets()));
        assert_eq!(Sum::from(v4).folded(), 0x8baa);
    }

    #[test]
    fn a_captured_ipv4_header_is_valid() {
        // tcpdump tests/vxlan.pcap, packet 1.
        let header = [
            0x45, 0x00, 0x00, 0x86, 0xd2, 0xc0, 0x40, 0x00, 0x40, 0x11, 0x51, 0x52, 0xc0, 0xa8,
            0xcb, 0x01, 0xc0, 0xa8, 0xca, 0x01,
        ];
        assert!(Sum::of(&header).is_valid());
        assert!(!Sum::of(&header[2..]).is_valid());
    }

    #[test]
    fn nothing_is_not_valid() {
        assert!(!Sum::of(&[]).is_valid());
        assert!(!Sum::of(&[0; 20]).is_valid());
    }

    #[test]
    fn rfc_1624_equation_3() {
        // The RFC's own example, then the edges: (HC, m, m') -> HC'.
        for (checksum, old, new, want) in [
            (0xdd2f, 0x5555, 0x3285, 0x0000),
            (0x0000, 0x0001, 0x0001, 0x0000),
            (0xffff, 0x0000, 0x0000, 0x0000),
            (0x1234, 0x0000, 0xffff, 0x1234),
            (0x1234, 0xffff, 0x0000, 0x1234),
            (0xfffe, 0x0001, 0x0000, 0x0000),
        ] {
            assert_eq!(update(checksum, old, new), want, "{checksum:04x} {old:04x} {new:04x}");
        }
    }

    #[test]
    fn udp_zero_stays_none_and_is_never_made() {
        assert_eq!(update_udp(0, 0x1234, 0x4321), 0);
        assert_eq!(update_udp(0xfffe, 0x0001, 0x0000), 0xffff);
        assert_eq!(Sum::word(0xffff).udp_checksum(), 0xffff);
    }

    #[test]
    fn a_ttl_decrement_as_flannels_proxy_does_it() {
        // TTL 64 -> 63 beside protocol 17 adds 0x0100 with end-around carry.
        for (before, after) in [
            (0x0000, 0x0100),
            (0x1234, 0x1334),
            (0xfe00, 0xff00),
            (0xfeff, 0x0000),
            (0xff00, 0x0001),
            (0xfffe, 0x00ff),
            (0x5152, 0x5252),
            (0xfdff, 0xfeff),
        ] {
            assert_eq!(update(before, 0x4011, 0x3f11), after, "{before:04x}");
        }
    }

    #[test]
    fn parts_add_up_to_the_whole_at_every_split_and_length() {
        let bytes: Vec<u8> = (0..200u32).map(|i| (i.wrapping_mul(167) >> 1) as u8).collect();
        for len in 0..bytes.len() {
            let whole = Sum::of(&bytes[..len]);
            for split in 0..=len {
                let (front, back) = bytes[..len].split_at(split);
                let back = match split % 2 {
                    0 => Sum::of(back),
                    _ => Sum::of(back).at_odd_offset(),
                };
                assert_eq!(Sum::of(front) + back, whole, "{split} of {len}");
            }
        }
    }

    #[test]
    fn a_long_run_of_ones_loses_no_carry() {
        assert_eq!(Sum::of(&[0xff; 65_535]).folded(), 0xff00);
        assert_eq!(Sum::of(&[0xff; 65_534]).folded(), 0xffff);
    }
}
