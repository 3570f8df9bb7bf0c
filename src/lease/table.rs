//! Leases in the caller's memory, found by their subnets: a hash table with linear probing.

use core::fmt;

use super::key::LeaseKey;

/// There are more leases than places for them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TooManyLeases {
    /// The places.
    pub places: usize,
}

impl fmt::Display for TooManyLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more leases than the {} places for them", self.places)
    }
}

impl core::error::Error for TooManyLeases {}

/// A place for a lease: see [`LeaseWatch::new`](super::LeaseWatch::new).
#[derive(Clone, Copy, Debug)]
pub struct LeaseSlot<T>(Option<Known<T>>);

#[derive(Clone, Copy, Debug)]
pub(super) struct Known<T> {
    pub(super) key: LeaseKey,
    pub(super) value: T,
    /// Whether the snapshot that is being read has it.
    pub(super) seen: bool,
}

impl<T> LeaseSlot<T> {
    /// A place without a lease.
    pub const EMPTY: Self = Self(None);
}

impl<T> Default for LeaseSlot<T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// A lease stands in the first free place from its own on.
#[derive(Debug)]
pub(super) struct Table<'s, T> {
    slots: &'s mut [LeaseSlot<T>],
    len: usize,
    dual_stack: bool,
}

impl<'s, T> Table<'s, T> {
    pub(super) fn new(slots: &'s mut [LeaseSlot<T>], dual_stack: bool) -> Self {
        slots.fill_with(LeaseSlot::default);
        Self { slots, len: 0, dual_stack }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn places(&self) -> usize {
        self.slots.len()
    }

    /// Whether these are the subnets of one lease.
    pub(super) fn same(&self, a: LeaseKey, b: LeaseKey) -> bool {
        a.v4 == b.v4 && (!self.dual_stack || a.v6 == b.v6)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Known<T>> {
        self.slots.iter().filter_map(|slot| slot.0.as_ref())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Known<T>> {
        self.slots.iter_mut().filter_map(|slot| slot.0.as_mut())
    }

    pub(super) fn known(&self, at: usize) -> Option<&Known<T>> {
        self.slots.get(at)?.0.as_ref()
    }

    pub(super) fn known_mut(&mut self, at: usize) -> Option<&mut Known<T>> {
        self.slots.get_mut(at)?.0.as_mut()
    }

    /// The place where a lease belongs.
    fn home(&self, key: LeaseKey) -> usize {
        // Fibonacci hashing: subnets differ in a few bits in the middle.
        let bits = u64::from(key.v4.address().to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slots = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        let home = (bits >> 32).checked_rem(slots).unwrap_or(0);
        usize::try_from(home).unwrap_or(0)
    }

    /// The place after that one, the first after the last.
    fn after(&self, at: usize) -> usize {
        let next = at.wrapping_add(1);
        if next < self.slots.len() { next } else { 0 }
    }

    /// All places, from a lease's own on.
    fn probe(&self, key: LeaseKey) -> impl Iterator<Item = usize> {
        let home = self.home(key);
        (home..self.slots.len()).chain(0..home)
    }

    pub(super) fn find(&self, key: LeaseKey) -> Option<usize> {
        self.probe(key)
            .take_while(|at| self.known(*at).is_some())
            .find(|at| self.known(*at).is_some_and(|known| self.same(known.key, key)))
    }

    /// Puts a lease in, and gives the value that it had.
    pub(super) fn insert(&mut self, key: LeaseKey, value: T) -> Result<Option<T>, TooManyLeases> {
        let at = self.find(key).or_else(|| self.probe(key).find(|at| self.known(*at).is_none()));
        let places = self.slots.len();
        let slot = at.and_then(|at| self.slots.get_mut(at)).ok_or(TooManyLeases { places })?;
        let before = slot.0.replace(Known { key, value, seen: false });
        self.len = self.len.saturating_add(usize::from(before.is_none()));
        Ok(before.map(|known| known.value))
    }

    /// Takes a lease out, and moves up those behind it that stand there for want of this place.
    pub(super) fn take(&mut self, at: usize) -> Option<Known<T>> {
        let taken = self.slots.get_mut(at)?.0.take()?;
        self.len = self.len.saturating_sub(1);
        let mut hole = at;
        let mut next = self.after(at);
        while let Some(key) = self.known(next).map(|known| known.key) {
            let home = self.home(key);
            if Self::distance(home, next) >= Self::distance(hole, next) {
                let moved = self.slots.get_mut(next).and_then(|slot| slot.0.take());
                if let Some(slot) = self.slots.get_mut(hole) {
                    slot.0 = moved;
                }
                hole = next;
            }
            next = self.after(next);
        }
        Some(taken)
    }

    /// How far it is from one place to the other. Those from which it goes around the end are farther than
    /// all others.
    const fn distance(from: usize, to: usize) -> usize {
        to.wrapping_sub(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn finds_what_a_map_finds() {
        fn holds(places: u8, steps: Vec<(u8, Option<u16>)>) -> bool {
            // Few places, so that leases stand far from their own, and around the end.
            let mut slots = vec![LeaseSlot::EMPTY; usize::from(places % 12)];
            let mut table = Table::new(&mut slots, true);
            let mut map = BTreeMap::new();
            for (third, value) in steps {
                let key: LeaseKey = std::format!("10.3.{}.0-24", third % 16).parse().unwrap();
                let (got, want) = match value {
                    Some(_) if map.len() == table.places() && !map.contains_key(&key) => {
                        (table.insert(key, 0).ok().flatten(), None)
                    }
                    Some(value) => (table.insert(key, value).unwrap(), map.insert(key, value)),
                    None => {
                        let at = table.find(key);
                        (
                            at.and_then(|at| table.take(at)).map(|known| known.value),
                            map.remove(&key),
                        )
                    }
                };
                let all_found = map.iter().all(|(key, value)| {
                    let known = table.find(*key).and_then(|at| table.known(at));
                    known.is_some_and(|known| known.value == *value)
                });
                if got != want || table.len() != map.len() || !all_found {
                    return false;
                }
            }
            true
        }
        quickcheck::quickcheck(holds as fn(u8, Vec<(u8, Option<u16>)>) -> bool);
    }
}
