//! A keyed hash for tables whose keys strangers choose.
//!
//! With a hash that everybody knows, a stranger can write leases that all fall on one slot of a
//! table, which makes each search a walk over all of it. Nobody can do so against a key that is
//! drawn at random.
#![forbid(unsafe_code)]

use core::fmt;
use core::hash::{Hash, Hasher};

/// The key of a hash table, drawn at random by the caller.
///
/// # Examples
///
/// ```
/// use vtep::hash::HashKey;
///
/// let key = HashKey::new([7; 16]); // in a program: from the operating system
/// assert_eq!(key.hash(&"10.5.34.0-24"), key.hash(&"10.5.34.0-24"));
/// assert_ne!(key.hash(&"10.5.34.0-24"), HashKey::new([8; 16]).hash(&"10.5.34.0-24"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u64; 2]);

impl HashKey {
    /// A known key, for tests: every run has the same hashes, which an attacker can compute.
    pub const PREDICTABLE: Self = Self([0, 0]);

    /// Returns the key of 16 random bytes.
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        let bits = u128::from_le_bytes(random);
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of a u128")]
        Self([bits as u64, (bits >> 64) as u64])
    }

    /// Returns the hash of a value: SipHash-2-4 (Aumasson and Bernstein, 2012).
    #[must_use]
    pub fn hash(&self, value: &impl Hash) -> u64 {
        let [low, high] = self.0;
        #[allow(
            deprecated,
            reason = "std's successor is not in core, and its algorithm not specified"
        )]
        let mut hasher = core::hash::SipHasher::new_with_keys(low, high);
        value.hash(&mut hasher);
        hasher.finish()
    }
}

/// The key does not appear in logs.
impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that hashes as bytes alone.
    struct Bytes<'a>(&'a [u8]);

    impl Hash for Bytes<'_> {
        fn hash<H: Hasher>(&self, state: &mut H) {
            state.write(self.0);
        }
    }

    /// The paper's appendix A, and the list of vectors beside its reference implementation.
    #[test]
    fn hash_of_the_papers_vectors() {
        let mut bytes = [0; 16];
        (0..).zip(&mut bytes).for_each(|(value, byte)| *byte = value);
        let key = HashKey::new(bytes);
        for (len, hash) in [
            (0, 0x726f_db47_dd0e_0e31),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
            (16, 0x3f2a_cc7f_57c2_9bdb),
        ] {
            assert_eq!(key.hash(&Bytes(&bytes[..len])), hash, "{len}");
        }
    }
}
