//! The sum in the processor's own words.

use zerocopy::FromBytes;

/// Returns the sum of the native-endian words of `bytes`, the last one padded with zero bytes: of
/// 16 or of 32 bits, which is the same once it is folded.
///
/// Each turn adds eight 32-bit words to four 64-bit lanes: no carry is lost in fewer than 2^32
/// turns, and compilers make vectors of the lanes.
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

/// Adds the native-endian words of a few bytes to a sum.
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

/// Folds a sum to 16 bits, with end-around carry.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the two halves of a u64")]
pub(super) const fn fold(sum: u64) -> u16 {
    let (sum, carry) = (sum as u32).overflowing_add((sum >> 32) as u32);
    // After a carry the sum is at most 2^32 - 2.
    fold_u32(sum.wrapping_add(carry as u32))
}

/// Folds the plain sum of a few words to 16 bits, with end-around carry.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "a shift by 16 leaves 16 bits")]
pub(crate) const fn fold_u32(sum: u32) -> u16 {
    // The carry out of the low half's sum goes into the high half's.
    (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
}
