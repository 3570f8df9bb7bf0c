//! From what etcd tells to what changes: flannel's `LeaseWatcher` (`pkg/lease/lease.go`).
//!
//! etcd tells either of single leases or, at the start and after a gap, of all there are: a snapshot.
//! Flannel passes over a lease in a snapshot whose subnet it knows, and so never learns that a node
//! came back with another address or MAC address while it was not listening. Here that is an
//! [`Added`](LeaseEvent::Added) like any other; it says what it replaces.

use core::fmt;

use super::key::LeaseKey;

/// A change of the other nodes' leases. `T` is what is kept of a lease's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaseEvent<T> {
    /// A lease is there, or has another value.
    Added {
        /// Its subnets.
        key: LeaseKey,
        /// Its value.
        value: T,
        /// The value that it had. What it led to is to be withdrawn, where the new one does not
        /// replace it.
        replaced: Option<T>,
    },
    /// A lease is gone.
    Removed {
        /// Its subnets.
        key: LeaseKey,
        /// The value that it had, for etcd does not say. None if the lease was not known.
        value: Option<T>,
    },
}

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

/// A place for a lease: see [`LeaseWatch::new`].
#[derive(Clone, Copy, Debug)]
pub struct LeaseSlot<T>(Option<Known<T>>);

#[derive(Clone, Copy, Debug)]
struct Known<T> {
    key: LeaseKey,
    value: T,
    /// Whether the snapshot that is being read has it.
    seen: bool,
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

/// The leases of the other nodes, as far as they are known.
///
/// ```
/// use vtep::lease::{LeaseEvent, LeaseSlot, LeaseWatch};
///
/// let mut slots = [LeaseSlot::EMPTY; 8];
/// let mut watch = LeaseWatch::new(&mut slots, false);
/// watch.set_own(Some("10.3.1.0-24".parse()?));
/// let key = "10.3.2.0-24".parse()?;
/// let mut events = Vec::new();
/// watch.snapshot(&[("10.3.1.0-24".parse()?, "192.168.0.1"), (key, "192.168.0.2")], |event| {
///     events.push(event);
/// })?;
/// assert_eq!(events, [LeaseEvent::Added { key, value: "192.168.0.2", replaced: None }]);
/// assert_eq!(
///     watch.removed(key),
///     Some(LeaseEvent::Removed { key, value: Some("192.168.0.2") })
/// );
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LeaseWatch<'s, T> {
    /// A hash table with linear probing: a lease stands in the first free place from its own on.
    slots: &'s mut [LeaseSlot<T>],
    len: usize,
    own: Option<LeaseKey>,
    dual_stack: bool,
}

impl<'s, T: Clone + PartialEq> LeaseWatch<'s, T> {
    /// A watch that knows no leases. It keeps them in `slots`, and is slow when nearly all are taken:
    /// half again as many as leases is a good measure. In a network that is not `dual_stack` leases
    /// are told apart by their IPv4 subnets alone.
    #[must_use]
    pub fn new(slots: &'s mut [LeaseSlot<T>], dual_stack: bool) -> Self {
        slots.fill_with(LeaseSlot::default);
        Self { slots, len: 0, own: None, dual_stack }
    }

    /// The node's own lease, of which nothing is told. That it is gone is for the caller to see.
    pub const fn set_own(&mut self, own: Option<LeaseKey>) {
        self.own = own;
    }

    /// How many leases are known.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no lease is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The leases that are known, in no order.
    pub fn leases(&self) -> impl Iterator<Item = (LeaseKey, &T)> {
        self.slots.iter().filter_map(|slot| Some((slot.0.as_ref()?.key, &slot.0.as_ref()?.value)))
    }

    /// The value of a lease that is known.
    #[must_use]
    pub fn value(&self, key: LeaseKey) -> Option<&T> {
        Some(&self.known(self.find(key)?)?.value)
    }

    /// A lease was written. Always an event, unless it is the node's own.
    ///
    /// # Errors
    /// There is no place for the lease, and nothing is changed.
    pub fn added(
        &mut self,
        key: LeaseKey,
        value: T,
    ) -> Result<Option<LeaseEvent<T>>, TooManyLeases> {
        if self.is_own(key) {
            return Ok(None);
        }
        let replaced = self.insert(key, value.clone())?;
        Ok(Some(LeaseEvent::Added { key, value, replaced }))
    }

    /// A lease was deleted. Always an event, unless it is the node's own.
    pub fn removed(&mut self, key: LeaseKey) -> Option<LeaseEvent<T>> {
        if self.is_own(key) {
            return None;
        }
        let known = self.find(key).and_then(|at| self.take(at));
        Some(LeaseEvent::Removed { key, value: known.map(|known| known.value) })
    }

    /// These are all leases that there are, each once. What is new or has another value is told
    /// first, in order; then what is gone.
    ///
    /// # Errors
    /// There are not places enough, and nothing is changed or told.
    pub fn snapshot(
        &mut self,
        leases: &[(LeaseKey, T)],
        mut tell: impl FnMut(LeaseEvent<T>),
    ) -> Result<(), TooManyLeases> {
        let places = self.slots.len();
        if leases.iter().filter(|(key, _)| !self.is_own(*key)).count() > places {
            return Err(TooManyLeases { places });
        }
        for (key, value) in leases.iter().cloned() {
            if self.is_own(key) {
                continue;
            }
            let known = self.find(key).and_then(|at| self.slots.get_mut(at)?.0.as_mut());
            let replaced = match known {
                Some(known) => {
                    known.seen = true;
                    if known.value == value {
                        continue;
                    }
                    Some(core::mem::replace(&mut known.value, value.clone()))
                }
                None => None,
            };
            tell(LeaseEvent::Added { key, value, replaced });
        }
        self.remove_unseen(tell);
        // Only now is there surely room for the new ones.
        for (key, value) in leases {
            if !self.is_own(*key) {
                self.insert(*key, value.clone())?;
            }
        }
        Ok(())
    }

    fn remove_unseen(&mut self, mut tell: impl FnMut(LeaseEvent<T>)) {
        let mut at = 0usize;
        while at < self.slots.len() {
            // Taking one may move another one here.
            while self.known(at).is_some_and(|known| !known.seen) {
                if let Some(Known { key, value, .. }) = self.take(at) {
                    tell(LeaseEvent::Removed { key, value: Some(value) });
                }
            }
            at = at.wrapping_add(1);
        }
        self.slots.iter_mut().filter_map(|slot| slot.0.as_mut()).for_each(|k| k.seen = false);
    }

    fn is_own(&self, key: LeaseKey) -> bool {
        self.own.is_some_and(|own| self.same(own, key))
    }

    fn same(&self, a: LeaseKey, b: LeaseKey) -> bool {
        a.v4 == b.v4 && (!self.dual_stack || a.v6 == b.v6)
    }

    fn known(&self, at: usize) -> Option<&Known<T>> {
        self.slots.get(at)?.0.as_ref()
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

    fn find(&self, key: LeaseKey) -> Option<usize> {
        self.probe(key)
            .take_while(|at| self.known(*at).is_some())
            .find(|at| self.known(*at).is_some_and(|known| self.same(known.key, key)))
    }

    /// Puts a lease in, and gives the value that it had.
    fn insert(&mut self, key: LeaseKey, value: T) -> Result<Option<T>, TooManyLeases> {
        let at = self.find(key).or_else(|| self.probe(key).find(|at| self.known(*at).is_none()));
        let places = self.slots.len();
        let slot = at.and_then(|at| self.slots.get_mut(at)).ok_or(TooManyLeases { places })?;
        let before = slot.0.replace(Known { key, value, seen: false });
        self.len = self.len.saturating_add(usize::from(before.is_none()));
        Ok(before.map(|known| known.value))
    }

    /// Takes a lease out, and moves up those behind it that stand there for want of this place.
    fn take(&mut self, at: usize) -> Option<Known<T>> {
        let taken = self.slots.get_mut(at)?.0.take()?;
        self.len = self.len.saturating_sub(1);
        let mut hole = at;
        let mut next = self.after(at);
        while let Some(key) = self.known(next).map(|known| known.key) {
            let home = self.home(key);
            if self.distance(home, next) >= self.distance(hole, next) {
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

    /// How many places it is from one to the other, going round.
    fn distance(&self, from: usize, to: usize) -> usize {
        let span = to.wrapping_sub(from);
        if to < from { span.wrapping_add(self.slots.len()) } else { span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::vec;
    use std::vec::Vec;

    fn key(third: u8) -> LeaseKey {
        std::format!("10.3.{third}.0-24").parse().unwrap()
    }

    fn told(watch: &mut LeaseWatch<'_, char>, leases: &[(u8, char)]) -> Vec<LeaseEvent<char>> {
        let leases: Vec<_> = leases.iter().map(|(third, value)| (key(*third), *value)).collect();
        let mut events = Vec::new();
        watch.snapshot(&leases, |event| events.push(event)).unwrap();
        events
    }

    fn added(third: u8, value: char, replaced: Option<char>) -> LeaseEvent<char> {
        LeaseEvent::Added { key: key(third), value, replaced }
    }

    fn removed(third: u8, value: Option<char>) -> LeaseEvent<char> {
        LeaseEvent::Removed { key: key(third), value }
    }

    #[test]
    fn snapshots() {
        let mut slots = [LeaseSlot::EMPTY; 3];
        let mut watch = LeaseWatch::new(&mut slots, false);
        watch.set_own(Some(key(9)));
        let first = [(1, 'a'), (9, 'o'), (2, 'b'), (3, 'c')];
        let events = told(&mut watch, &first);
        assert_eq!(events, [added(1, 'a', None), added(2, 'b', None), added(3, 'c', None)]);
        assert_eq!(told(&mut watch, &first), []);
        // Flannel says nothing of the changed one.
        let events = told(&mut watch, &[(4, 'd'), (2, 'B'), (3, 'c')]);
        assert_eq!(events, [added(4, 'd', None), added(2, 'B', Some('b')), removed(1, Some('a'))]);
        assert_eq!((watch.len(), watch.value(key(2))), (3, Some(&'B')));
        assert_eq!(told(&mut watch, &[]).len(), 3);
        assert!(watch.is_empty());
    }

    #[test]
    fn events() {
        let mut slots = [LeaseSlot::EMPTY; 2];
        let mut watch = LeaseWatch::new(&mut slots, false);
        watch.set_own(Some(key(9)));
        assert_eq!(watch.added(key(1), 'a'), Ok(Some(added(1, 'a', None))));
        assert_eq!(watch.added(key(1), 'a'), Ok(Some(added(1, 'a', Some('a')))));
        assert_eq!(watch.added(key(1), 'b'), Ok(Some(added(1, 'b', Some('a')))));
        assert_eq!(watch.added(key(9), 'o'), Ok(None));
        assert_eq!(watch.removed(key(9)), None);
        assert_eq!(watch.removed(key(7)), Some(removed(7, None)));
        assert_eq!(watch.removed(key(1)), Some(removed(1, Some('b'))));
    }

    #[test]
    fn too_many_change_nothing() {
        let mut slots = [LeaseSlot::EMPTY; 1];
        let mut watch = LeaseWatch::new(&mut slots, false);
        watch.added(key(1), 'a').unwrap();
        let full = TooManyLeases { places: 1 };
        assert_eq!(watch.added(key(2), 'b'), Err(full));
        let both = [(key(2), 'b'), (key(3), 'c')];
        assert_eq!(watch.snapshot(&both, |event| panic!("{event:?}")), Err(full));
        assert_eq!(watch.leases().collect::<Vec<_>>(), [(key(1), &'a')]);
        // As many as there were, all others.
        assert_eq!(told(&mut watch, &[(2, 'b')]), [added(2, 'b', None), removed(1, Some('a'))]);
        let mut watch = LeaseWatch::new(&mut [], false);
        assert_eq!(watch.added(key(1), 'a'), Err(TooManyLeases { places: 0 }));
    }

    #[test]
    fn dual_stack_leases_differ_in_either_family() {
        let [a, b] = ["10.3.1.0-24&fc00:1::-64", "10.3.1.0-24&fc00:2::-64"]
            .map(|text| text.parse::<LeaseKey>().unwrap());
        for (dual_stack, leases) in [(true, 2), (false, 1)] {
            let mut slots = [LeaseSlot::EMPTY; 2];
            let mut watch = LeaseWatch::new(&mut slots, dual_stack);
            watch.added(a, 'a').unwrap();
            watch.added(b, 'b').unwrap();
            assert_eq!(watch.len(), leases);
        }
    }

    #[test]
    fn tells_what_a_map_tells() {
        fn holds(places: u8, rounds: Vec<Vec<(u8, bool, char)>>) -> bool {
            let mut slots = vec![LeaseSlot::EMPTY; 40 + usize::from(places % 40)];
            let mut watch = LeaseWatch::new(&mut slots, true);
            let mut map = BTreeMap::new();
            for round in rounds {
                let Some(((third, ..), rest)) = round.split_first() else { continue };
                // Every other round is a snapshot, the others are events.
                if third % 2 == 0 {
                    let new: BTreeMap<_, _> =
                        rest.iter().map(|(t, _, v)| (key(t % 40), *v)).collect();
                    let mut want: Vec<_> = new
                        .iter()
                        .filter(|(key, value)| map.get(*key) != Some(*value))
                        .map(|(key, value)| (*key, Some(*value), map.get(key).copied()))
                        .collect();
                    let gone = map.iter().filter(|(key, _)| !new.contains_key(*key));
                    want.extend(gone.map(|(key, value)| (*key, None, Some(*value))));
                    let leases: Vec<_> = new.clone().into_iter().collect();
                    let mut got = Vec::new();
                    watch
                        .snapshot(&leases, |event| {
                            got.push(match event {
                                LeaseEvent::Added { key, value, replaced } => {
                                    (key, Some(value), replaced)
                                }
                                LeaseEvent::Removed { key, value } => (key, None, value),
                            });
                        })
                        .unwrap();
                    // Those that are gone come in no order.
                    let adds = want.iter().filter(|event| event.1.is_some()).count();
                    got[adds..].sort_unstable();
                    if got != want {
                        return false;
                    }
                    map = new;
                } else {
                    for (third, add, value) in rest {
                        let key = key(third % 40);
                        if *add {
                            watch.added(key, *value).unwrap();
                            map.insert(key, *value);
                        } else {
                            let value = map.remove(&key);
                            if watch.removed(key) != Some(LeaseEvent::Removed { key, value }) {
                                return false;
                            }
                        }
                    }
                }
                let mut known: Vec<_> = watch.leases().map(|(key, value)| (key, *value)).collect();
                known.sort_unstable();
                if known != map.clone().into_iter().collect::<Vec<_>>()
                    || known.len() != watch.len()
                {
                    return false;
                }
                if known.iter().any(|(key, value)| watch.value(*key) != Some(value)) {
                    return false;
                }
            }
            true
        }
        quickcheck::QuickCheck::new()
            .tests(100)
            .quickcheck(holds as fn(u8, Vec<Vec<(u8, bool, char)>>) -> bool);
    }
}
