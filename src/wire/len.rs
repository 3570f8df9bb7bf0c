//! Arithmetic of lengths.

/// Adds two lengths in bytes.
///
/// Of two parts of one slice the sum cannot overflow: a slice has at most `isize::MAX` bytes. Only
/// the length that a caller claims for a payload in place
/// ([`InPlace::with_sum`](super::InPlace::with_sum)) can make it do so. It saturates then, and
/// `usize::MAX` is more than any length field and any buffer holds, so that the packet is refused.
pub(super) const fn add_len(a: usize, b: usize) -> usize {
    a.saturating_add(b)
}
