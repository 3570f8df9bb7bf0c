//! The kernels in safe code: the oracle of all others.
#![forbid(unsafe_code)]

/// Returns the sum of native-endian words.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    crate::checksum::native_sum(bytes)
}
