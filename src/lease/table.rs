//! Leases in the caller's memory, found by their subnets: a hash table with linear probing, a keyed
//! hash, and an eighth of its slots kept free, so that no choice of leases makes a search long.

use core::fmt;

use super::key::LeaseKey;
use crate::hash::HashKey;

/// There are more leases than the slots can hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct TooManyLeases {
    /// The number of leases that they can hold.
    pub max: usize,
}

impl fmt::Display for TooManyLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more leases than the {} that there is space for", self.max)
    }
}

impl core::error::Error for TooManyLeases {}

/// The address families of a network, by which its leases are told apart (flannel `pkg/lease`
/// `sameSubnet`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Families {
    /// IPv4 alone: the IPv6 subnet of a lease does not count.
    Ipv4,
    /// IPv6 alone: the IPv4 subnet of a lease does not count.
    Ipv6,
    /// IPv4 and IPv6: leases that differ in either subnet are two.
    Dual,
}

/// A slot for a lease: see [`LeaseWatch::new`](super::LeaseWatch::new).
///
/// # Examples
///
/// ```
/// use vtep::lease::LeaseSlot;
///
/// let mut constant = [LeaseSlot::<u32>::EMPTY; 64];
/// let mut default: [LeaseSlot<u32>; 8] = Default::default();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LeaseSlot<T>(Option<Known<T>>);

#[derive(Clone, Copy, Debug)]
pub(super) struct Known<T> {
    pub(super) key: LeaseKey,
    pub(super) value: T,
    /// True if the snapshot that is being read has it.
    pub(super) seen: bool,
}

impl<T> LeaseSlot<T> {
    /// A slot without a lease.
    pub const EMPTY: Self = Self(None);
}

impl<T> Default for LeaseSlot<T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// A lease is in the first free slot from its own on.
#[derive(Debug)]
pub(super) struct Table<'s, T> {
    slots: &'s mut [LeaseSlot<T>],
    len: usize,
    families: Families,
    hash_key: HashKey,
}

impl<'s, T> Table<'s, T> {
    pub(super) fn new(
        slots: &'s mut [LeaseSlot<T>],
        families: Families,
        hash_key: HashKey,
    ) -> Self {
        slots.fill_with(LeaseSlot::default);
        Self { slots, len: 0, families, hash_key }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The number of leases that it can hold: seven eighths of the slots.
    pub(super) const fn capacity(&self) -> usize {
        self.slots.len().saturating_sub(self.slots.len() / 8)
    }

    /// Returns whether these are the subnets of one lease.
    pub(super) fn same(&self, a: LeaseKey, b: LeaseKey) -> bool {
        self.compared(a) == self.compared(b)
    }

    /// The subnets that count.
    const fn compared(&self, key: LeaseKey) -> LeaseKey {
        match self.families {
            Families::Ipv4 => LeaseKey { v6: None, ..key },
            Families::Ipv6 => LeaseKey { v4: None, ..key },
            Families::Dual => key,
        }
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

    /// The slot where a lease belongs.
    fn home(&self, key: LeaseKey) -> usize {
        let hash = self.hash_key.hash(&self.compared(key));
        let slots = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        usize::try_from(hash.checked_rem(slots).unwrap_or(0)).unwrap_or(0)
    }

    /// The slot after that one, the first after the last.
    fn after(&self, at: usize) -> usize {
        let next = at.wrapping_add(1);
        if next < self.slots.len() { next } else { 0 }
    }

    /// All slots, from a lease's own on.
    fn probe(&self, key: LeaseKey) -> impl Iterator<Item = usize> {
        let home = self.home(key);
        (home..self.slots.len()).chain(0..home)
    }

    pub(super) fn find(&self, key: LeaseKey) -> Option<usize> {
        self.probe(key)
            .take_while(|at| self.known(*at).is_some())
            .find(|at| self.known(*at).is_some_and(|known| self.same(known.key, key)))
    }

    fn find_free(&self, key: LeaseKey) -> Option<usize> {
        let has_free = self.len < self.capacity();
        self.probe(key).find(|at| self.known(*at).is_none()).filter(|_| has_free)
    }

    /// Inserts a lease, and returns the value that it had.
    pub(super) fn insert(&mut self, key: LeaseKey, value: T) -> Result<Option<T>, TooManyLeases> {
        let at = self.find(key).or_else(|| self.find_free(key));
        let max = self.capacity();
        let slot = at.and_then(|at| self.slots.get_mut(at)).ok_or(TooManyLeases { max })?;
        let before = slot.0.replace(Known { key, value, seen: false });
        self.len = self.len.saturating_add(usize::from(before.is_none()));
        Ok(before.map(|known| known.value))
    }

    /// Takes a lease out, and moves up those after it that are there for want of this slot.
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

    /// The distance from one slot to the other. Those from which it goes around the end are
    /// farther than all others: the difference is modular.
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
        fn holds(extra: u8, steps: Vec<(u8, Option<u16>)>) -> bool {
            // Few slots, so that leases are far from their own, and around the end.
            let mut slots = vec![LeaseSlot::EMPTY; usize::from(extra % 12)];
            let mut table = Table::new(&mut slots, Families::Dual, HashKey::PREDICTABLE);
            let mut map = BTreeMap::new();
            for (third, value) in steps {
                let key: LeaseKey = std::format!("10.3.{}.0-24", third % 16).parse().unwrap();
                let (got, want) = match value {
                    Some(_) if map.len() == table.capacity() && !map.contains_key(&key) => {
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
    /// Keys that a stranger chose to have one home under a known key do not have one under another.
    #[test]
    fn a_keyed_hash_spreads_chosen_keys() {
        let mut slots = vec![LeaseSlot::<()>::EMPTY; 1 << 10];
        let keys = (0..=u16::MAX).map(|low| {
            let [a, b] = low.to_be_bytes();
            std::format!("10.{a}.{b}.0-24").parse::<LeaseKey>().unwrap()
        });
        let known = Table::new(&mut slots, Families::Ipv4, HashKey::PREDICTABLE);
        let chosen: Vec<LeaseKey> = keys.filter(|key| known.home(*key) == 7).collect();
        assert!(chosen.len() > 32);
        let mut slots = vec![LeaseSlot::EMPTY; 1 << 10];
        let mut table = Table::new(&mut slots, Families::Ipv4, HashKey::new([1; 16]));
        for key in &chosen {
            table.insert(*key, ()).unwrap();
        }
        let homes: std::collections::BTreeSet<usize> =
            chosen.iter().map(|key| table.home(*key)).collect();
        assert!(homes.len() > chosen.len() / 2, "{} of {}", homes.len(), chosen.len());
    }

    #[test]
    fn an_eighth_stays_free() {
        for (slots, capacity) in [(0, 0), (1, 1), (7, 7), (8, 7), (64, 56)] {
            let mut slots = vec![LeaseSlot::EMPTY; slots];
            let mut table = Table::new(&mut slots, Families::Ipv4, HashKey::PREDICTABLE);
            let key = |third: u8| std::format!("10.3.{third}.0-24").parse().unwrap();
            let inserted =
                (0..80).take_while(|third| table.insert(key(*third), ()).is_ok()).count();
            assert_eq!(inserted, capacity);
            assert_eq!(table.insert(key(99), ()), Err(TooManyLeases { max: capacity }));
        }
    }
}
