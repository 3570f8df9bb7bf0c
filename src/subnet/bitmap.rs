//! Bits with summaries: the next clear bit is found in a few steps however many are set before it.

/// A bit set says "taken". Above each level is a summary, with a bit for each word that is all
/// ones, up to a level of one word. The levels follow each other in the caller's words.
#[derive(Debug)]
pub(super) struct Bitmap<'a> {
    words: &'a mut [u64],
    bits: usize,
    /// Where each level begins; `levels[0]` holds the bits themselves.
    levels: [Level; Level::MOST],
    depth: usize,
}

#[derive(Clone, Copy, Default, Debug)]
struct Level {
    start: usize,
    words: usize,
}

impl Level {
    /// 64^11 is above every `usize`.
    const MOST: usize = 11;
}

/// The words that `bits` bits and their summaries take.
pub(super) const fn words_for(bits: usize) -> usize {
    let mut words = bits.div_ceil(64);
    let mut sum = words;
    while words > 1 {
        words = words.div_ceil(64);
        sum = sum.saturating_add(words);
    }
    sum
}

impl<'a> Bitmap<'a> {
    /// `bits` clear bits, if there are words enough.
    pub(super) fn new(words: &'a mut [u64], bits: usize) -> Option<Self> {
        let words = words.get_mut(..words_for(bits))?;
        words.fill(0);
        let mut bitmap = Self { words, bits, levels: [Level::default(); Level::MOST], depth: 0 };
        let mut start = 0usize;
        let mut below = bits;
        for level in &mut bitmap.levels {
            let words = below.div_ceil(64);
            *level = Level { start, words };
            start = start.saturating_add(words);
            bitmap.depth = bitmap.depth.saturating_add(1);
            // The bits of the last word that are beyond the count are never free.
            if let Some(last) = start.checked_sub(1).and_then(|at| bitmap.words.get_mut(at)) {
                *last = match below % 64 {
                    0 => 0,
                    used => mask(used).wrapping_neg(),
                };
            }
            if words <= 1 {
                break;
            }
            below = words;
        }
        Some(bitmap)
    }

    pub(super) fn is_set(&self, bit: usize) -> bool {
        self.word(0, bit / 64).is_none_or(|word| word & mask(bit) != 0)
    }

    pub(super) fn set(&mut self, mut bit: usize) {
        for level in 0..self.depth {
            let Some(word) = self.word_mut(level, bit / 64) else { return };
            *word |= mask(bit);
            if *word != u64::MAX {
                return;
            }
            bit /= 64;
        }
    }

    pub(super) fn clear(&mut self, mut bit: usize) {
        if bit >= self.bits {
            return;
        }
        for level in 0..self.depth {
            let Some(word) = self.word_mut(level, bit / 64) else { return };
            let was_full = *word == u64::MAX;
            *word &= !mask(bit);
            if !was_full {
                return;
            }
            bit /= 64;
        }
    }

    /// The first clear bit that is not before `from`.
    pub(super) fn next_clear(&self, from: usize) -> Option<usize> {
        let mut bit = from;
        for level in 0..self.depth {
            // Up: is there one in the rest of this word?
            let free = !self.word(level, bit / 64)? & mask(bit).wrapping_neg();
            if free != 0 {
                let found = (bit & !63) | free.trailing_zeros() as usize;
                return self.descend(level, found);
            }
            bit = (bit / 64).wrapping_add(1);
        }
        None
    }

    /// The first clear bit below bit `bit` of `level`, which is clear.
    fn descend(&self, level: usize, bit: usize) -> Option<usize> {
        (0..level).rev().try_fold(bit, |bit, level| {
            let free = !self.word(level, bit)?;
            Some(bit.wrapping_mul(64) | free.trailing_zeros() as usize)
        })
    }

    fn word(&self, level: usize, index: usize) -> Option<u64> {
        let level = self.levels.get(level).filter(|level| index < level.words)?;
        self.words.get(level.start.wrapping_add(index)).copied()
    }

    fn word_mut(&mut self, level: usize, index: usize) -> Option<&mut u64> {
        let level = self.levels.get(level).filter(|level| index < level.words)?;
        self.words.get_mut(level.start.wrapping_add(index))
    }
}

/// The bit in its word: a wrapping shift goes by the low six bits.
#[allow(clippy::cast_possible_truncation, reason = "the low bits are all that counts")]
const fn mask(bit: usize) -> u64 {
    1u64.wrapping_shl(bit as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn takes_a_64th_more_than_the_bits() {
        assert_eq!([0, 1, 64, 65, 4096, 4097].map(words_for), [0, 1, 1, 3, 65, 68]);
        assert_eq!(words_for(65_535), 1024 + 16 + 1);
    }

    #[test]
    fn a_bit_behind_the_last_is_never_free() {
        for bits in [1, 63, 64, 65, 4097] {
            let mut words = vec![0; words_for(bits)];
            let mut bitmap = Bitmap::new(&mut words, bits).unwrap();
            (0..bits).for_each(|bit| bitmap.set(bit));
            (bits..bits + 70).for_each(|bit| bitmap.clear(bit));
            assert_eq!(bitmap.next_clear(0), None, "{bits}");
        }
    }

    /// The word after the last of a level is the first of the next.
    #[test]
    fn a_level_ends_with_its_last_word() {
        let mut words = vec![0; words_for(128)];
        let mut bitmap = Bitmap::new(&mut words, 128).unwrap();
        assert_eq!(bitmap.next_clear(128), None);
        assert!(bitmap.is_set(128));
        (0..64).for_each(|bit| bitmap.set(bit));
        bitmap.set(129);
        assert_eq!(bitmap.next_clear(0), Some(64));
    }

    /// The claim of a few steps: words that a summary calls full are not looked at. Here they are
    /// not full, so that a search there would return the wrong bit.
    #[test]
    fn passes_over_full_words_unread() {
        let bits = 64 * 64 * 5;
        let mut words = vec![0; words_for(bits)];
        let mut bitmap = Bitmap::new(&mut words, bits).unwrap();
        (0..bits - 1).for_each(|bit| bitmap.set(bit));
        bitmap.words[1..bits / 64 - 1].fill(0);
        assert_eq!(bitmap.next_clear(0), Some(bits - 1));
        // Of the summary's words, those between the first and the last.
        bitmap.words[bits / 64..][1..4].fill(0);
        assert_eq!(bitmap.next_clear(0), Some(bits - 1));
    }

    #[test]
    fn finds_what_a_set_finds() {
        fn holds(bits: u16, steps: Vec<(bool, u16)>, from: u16) -> bool {
            let bits = usize::from(bits % 5000);
            let mut words = vec![7; words_for(bits)];
            let mut bitmap = Bitmap::new(&mut words, bits).unwrap();
            let mut set = BTreeSet::new();
            // Mostly full: empty bits are the rare ones.
            for bit in 0..bits {
                bitmap.set(bit);
                set.insert(bit);
            }
            for (taken, bit) in steps {
                let bit = usize::from(bit) % (bits + 1);
                if taken {
                    bitmap.set(bit);
                    set.insert(bit);
                } else {
                    bitmap.clear(bit);
                    set.remove(&bit);
                }
            }
            let from = usize::from(from) % 6000;
            bitmap.next_clear(from) == (from..bits).find(|bit| !set.contains(bit))
                && (0..bits).all(|bit| bitmap.is_set(bit) == set.contains(&bit))
        }
        quickcheck::quickcheck(holds as fn(u16, Vec<(bool, u16)>, u16) -> bool);
    }
}
