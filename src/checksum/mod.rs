//! The Internet checksum: RFC 1071 sums, RFC 1624 updates, and what UDP adds to them (RFC 768).
//!
//! A [`Sum`] is a one's complement sum of 16-bit words in network byte order. Sums of parts add up
//! to the sum of the whole as long as each part but the last has an even length;
//! [`Sum::at_odd_offset`] corrects a part that follows one of odd length. So a header is summed
//! from the values that are about to be written, and never read back from memory.
//!
//! [`update`] and [`update_udp`] follow the change of a field; [`complete`] fills in a checksum
//! that its sender left to the NIC.
#![forbid(unsafe_code)]

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::{Add, AddAssign};

use zerocopy::FromBytes;

mod native;
mod update;

use native::fold;
// The kernels of x86-64 alone use it.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(crate) use native::sum_words;
pub(crate) use native::{fold_u32, native_sum};
pub(crate) use update::update_sum;
pub use update::{CompleteError, complete, update, update_udp};

/// A one's complement sum of 16-bit words in network byte order (RFC 1071 section 1), not inverted.
///
/// It is stored as the processor reads words from memory, and converted to network byte order at
/// the end: the sum of byte-swapped words is the byte-swapped sum (RFC 1071 section 2 (B)).
///
/// # Examples
///
/// The example of RFC 1071 section 3, whole and in two parts:
///
/// ```
/// use vtep::checksum::Sum;
///
/// let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
/// assert_eq!(Sum::of(&bytes).folded(), 0xddf2);
/// assert_eq!(Sum::of(&bytes).checksum(), 0x220d);
/// assert_eq!(Sum::of(&bytes[..3]) + Sum::of(&bytes[3..]).at_odd_offset(), Sum::of(&bytes));
/// ```
///
/// UDP sends a checksum that comes out as 0 as 0xFFFF, because 0 says that there is none:
///
/// ```
/// # use vtep::checksum::Sum;
/// let sum = Sum::of(&[0xff, 0xff]);
/// assert_eq!((sum.checksum(), sum.udp_checksum()), (0, 0xffff));
/// ```
#[derive(Clone, Copy, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of no bytes.
    pub const ZERO: Self = Self(0);

    /// The sum of `bytes`, the first byte being the high half of a word. An odd last byte is padded
    /// with a zero byte (RFC 1071 section 4.1).
    ///
    /// For long payloads [`Kernels::sum`](crate::arch::Kernels::sum) is faster.
    #[must_use]
    #[inline]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_native(native_sum(bytes))
    }

    /// The sum of an even number of bytes that is known when this is compiled, in as few additions
    /// as possible.
    #[inline(always)]
    pub(crate) fn of_header<const N: usize>(bytes: &[u8; N]) -> Self {
        const { assert!(N % 2 == 0) };
        let mut sum = Self::ZERO;
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            sum += Self(u64::read_from_bytes(word).unwrap_or_default());
        }
        let mut rest = words.remainder();
        if let Some((word, trailing)) = rest.split_first_chunk() {
            sum += Self(u32::from_ne_bytes(*word).into());
            rest = trailing;
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

    /// The sum of words whose plain sum is `sum`.
    #[inline]
    pub(crate) const fn from_words(sum: u32) -> Self {
        Self::word(fold_u32(sum))
    }

    /// Creates a sum from one of native-endian words of 16, 32 or 64 bits, as the checksum kernels
    /// return it.
    #[must_use]
    #[inline]
    pub const fn from_native(sum: u64) -> Self {
        Self(sum)
    }

    /// Returns this sum for bytes that start at an odd offset of what is summed: the halves of each
    /// word change places (RFC 1071 section 2 (B)).
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

    /// Returns `true` if bytes that include their checksum field are intact: the sum is all ones
    /// (RFC 1071 section 1). A sum of nothing but zeros is not.
    #[must_use]
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.folded() == 0xFFFF
    }
}

impl From<u16> for Sum {
    #[inline]
    fn from(word: u16) -> Self {
        Self::word(word)
    }
}

impl From<u32> for Sum {
    /// The sum of both words of a field, such as a TCP sequence number.
    #[inline]
    fn from(words: u32) -> Self {
        Self(words.to_be().into())
    }
}

impl From<Ipv4Addr> for Sum {
    #[inline]
    fn from(address: Ipv4Addr) -> Self {
        address.to_bits().into()
    }
}

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

#[cfg(feature = "defmt")]
impl defmt::Format for Sum {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Sum({=u16:#06x})", self.folded());
    }
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
