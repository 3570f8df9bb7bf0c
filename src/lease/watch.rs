//! From what etcd tells to what changes: flannel's `LeaseWatcher` (`pkg/lease/lease.go`).
//!
//! etcd reports either single leases or, at the start and after a gap, all that there are: a
//! snapshot. flannel ignores a lease in a snapshot whose subnet it knows, and so never learns that
//! a node came back with another address or MAC address while it was not listening. Here that is an
//! [`Added`](LeaseEvent::Added) like any other; it carries what it replaces.

use super::key::LeaseKey;
use super::table::{Families, Known, LeaseSlot, Table, TooManyLeases};
use crate::hash::HashKey;

/// A change of the other nodes' leases. `T` is what is kept of a lease's value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LeaseEvent<T> {
    /// A lease is there, or has another value.
    Added {
        /// Its subnets.
        key: LeaseKey,
        /// Its value.
        value: T,
        /// The value that it had, under this key or another key of the same lease. What it led to
        /// is to be withdrawn, where the new value does not replace it.
        replaced: Option<T>,
    },
    /// A lease is gone.
    Removed {
        /// Its subnets.
        key: LeaseKey,
        /// The value that it had, which etcd does not report. `None` if the lease was not known.
        value: Option<T>,
    },
}

/// The leases of the other nodes, as far as they are known.
///
/// `T` is what is kept of a lease's value. Keep what the tunnels need, of each family of the lease,
/// and not the [`LeaseValue`](super::LeaseValue), which would borrow the text of every lease. In an
/// agent on Linux that is two [`Reading`](crate::agent::Reading)s, which say as well when a lease
/// cannot be used.
///
/// # Examples
///
/// The peers of a network of both families:
///
/// ```
/// use core::net::IpAddr;
/// use vtep::hash::HashKey;
/// use vtep::lease::{Families, LeaseEvent, LeaseKey, LeaseSlot, LeaseValue, LeaseWatch};
/// use vtep::wire::MacAddr;
///
/// /// The underlay's address and the MAC address of the other VTEP, by IPv4 and by IPv6.
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// struct Peer {
///     v4: Option<(IpAddr, MacAddr)>,
///     v6: Option<(IpAddr, MacAddr)>,
/// }
///
/// fn peer(key: &LeaseKey, text: &str) -> Result<Peer, Box<dyn core::error::Error>> {
///     let value = LeaseValue::from_json_for(key, text)?;
///     let (v4, v6) = (value.vxlan()?, value.vxlan_v6()?);
///     Ok(Peer {
///         v4: value.public_ip.zip(v4).map(|(ip, data)| (ip.into(), data.vtep_mac)),
///         v6: value.public_ipv6.zip(v6).map(|(ip, data)| (ip.into(), data.vtep_mac)),
///     })
/// }
///
/// let mut slots = [LeaseSlot::EMPTY; 8];
/// let random = [7; 16]; // in a program: from the operating system
/// let mut watch = LeaseWatch::new(&mut slots, Families::Dual, HashKey::new(random));
/// watch.set_own(Some("10.3.1.0-24&fd00:3:0:1::-64".parse()?));
///
/// let key: LeaseKey = "10.3.2.0-24&fd00:3:0:2::-64".parse()?;
/// let text = r#"{"PublicIP":"192.168.0.2","PublicIPv6":"fd00::2","BackendType":"vxlan","BackendData":{"VtepMAC":"02:00:00:00:00:02"},"BackendV6Data":{"VtepMAC":"02:00:00:00:00:03"}}"#;
/// let value = peer(&key, text)?;
/// let mut events = Vec::new();
/// watch.snapshot(&[(key, value)], |_, event| events.push(event))?;
/// assert_eq!(events, [LeaseEvent::Added { key, value, replaced: None }]);
/// assert_eq!(value.v6, Some(("fd00::2".parse()?, "02:00:00:00:00:03".parse()?)));
///
/// // The node returned with IPv4 alone. The old value says what is to be withdrawn.
/// let new = Peer { v6: None, ..value };
/// let added = LeaseEvent::Added { key, value: new, replaced: Some(value) };
/// assert_eq!(watch.added(key, new)?, Some(added));
/// assert_eq!(watch.removed(key), Some(LeaseEvent::Removed { key, value: Some(new) }));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LeaseWatch<'s, T> {
    table: Table<'s, T>,
    own: Option<LeaseKey>,
}

impl<'s, T: Clone + PartialEq> LeaseWatch<'s, T> {
    /// Returns a watch that knows no leases. It keeps them in `slots`, of which an eighth stays
    /// free: half again as many as leases is a good measure. `hash_key` keeps strangers, who choose
    /// the leases, from making it slow.
    #[must_use]
    pub fn new(slots: &'s mut [LeaseSlot<T>], families: Families, hash_key: HashKey) -> Self {
        Self { table: Table::new(slots, families, hash_key), own: None }
    }

    /// Sets the node's own lease, of which no event is reported. To see that it is gone is left to
    /// the caller.
    pub const fn set_own(&mut self, own: Option<LeaseKey>) {
        self.own = own;
    }

    /// The number of leases that are known.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns whether no lease is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// The leases that are known, in no order.
    pub fn leases(&self) -> impl Iterator<Item = (LeaseKey, &T)> {
        self.table.iter().map(|known| (known.key, &known.value))
    }

    /// The value of a lease that is known.
    #[must_use]
    pub fn value(&self, key: LeaseKey) -> Option<&T> {
        Some(&self.table.known(self.table.find(key)?)?.value)
    }

    /// Records that a lease was written. Returns an event, unless it is the node's own.
    ///
    /// # Errors
    /// There is no slot for the lease, and nothing is changed.
    pub fn added(
        &mut self,
        key: LeaseKey,
        value: T,
    ) -> Result<Option<LeaseEvent<T>>, TooManyLeases> {
        if self.is_own(key) {
            return Ok(None);
        }
        let replaced = self.table.insert(key, value.clone())?;
        Ok(Some(LeaseEvent::Added { key, value, replaced }))
    }

    /// Records that a lease was deleted. Returns an event, unless it is the node's own.
    pub fn removed(&mut self, key: LeaseKey) -> Option<LeaseEvent<T>> {
        if self.is_own(key) {
            return None;
        }
        let known = self.table.find(key).and_then(|at| self.table.take(at));
        Some(LeaseEvent::Removed { key, value: known.map(|known| known.value) })
    }

    /// Replaces the known leases with a snapshot, all leases that there are.
    ///
    /// Calls `tell` first with an [`Added`](LeaseEvent::Added) event for each known lease that has
    /// another value, then with a [`Removed`](LeaseEvent::Removed) event for each that is gone,
    /// last with an `Added` event for each new one, in the order of the snapshot. Of two keys that
    /// are one lease the later counts, and replaces the earlier one.
    ///
    /// `tell` also gets the watch, which knows the leases as they are after that event and before the next: the other
    /// leases that a plan has to respect. Those of the end of the snapshot would not do, because what they no longer want
    /// is still in use until their own event.
    ///
    /// # Errors
    /// [`TooManyLeases`] if there is not enough space; then nothing is changed or reported. A new
    /// lease under two keys needs space for two.
    pub fn snapshot(
        &mut self,
        leases: &[(LeaseKey, T)],
        mut tell: impl FnMut(&Self, LeaseEvent<T>),
    ) -> Result<(), TooManyLeases> {
        self.mark_seen(leases)?;
        for (key, value) in leases.iter().cloned() {
            let Some(known) = self.known_mut(key) else { continue };
            if known.value != value {
                known.key = key;
                let replaced = Some(core::mem::replace(&mut known.value, value.clone()));
                tell(self, LeaseEvent::Added { key, value, replaced });
            }
        }
        self.remove_unseen(&mut tell);
        for (key, value) in leases.iter().cloned() {
            let known = self.known_mut(key);
            let is_known = known.is_some_and(|known| known.seen || known.value == value);
            if is_known || self.is_own(key) {
                continue;
            }
            let replaced = self.table.insert(key, value.clone())?;
            tell(self, LeaseEvent::Added { key, value, replaced });
        }
        self.table.iter_mut().for_each(|known| known.seen = false);
        Ok(())
    }

    /// Marks the known leases that a snapshot has, if there is space for its new ones, too.
    fn mark_seen(&mut self, leases: &[(LeaseKey, T)]) -> Result<(), TooManyLeases> {
        let mut new = 0usize;
        for (key, _) in leases {
            if let Some(known) = self.known_mut(*key) {
                known.seen = true;
            } else if !self.is_own(*key) {
                new = new.saturating_add(1);
            }
        }
        let seen = self.table.iter().filter(|known| known.seen).count();
        let max = self.table.capacity();
        if seen.saturating_add(new) > max {
            self.table.iter_mut().for_each(|known| known.seen = false);
            return Err(TooManyLeases { max });
        }
        Ok(())
    }

    /// A known lease that is not the node's own.
    fn known_mut(&mut self, key: LeaseKey) -> Option<&mut Known<T>> {
        if self.is_own(key) {
            return None;
        }
        self.table.find(key).and_then(|at| self.table.known_mut(at))
    }

    fn remove_unseen(&mut self, mut tell: impl FnMut(&Self, LeaseEvent<T>)) {
        for at in 0..self.table.slots() {
            // Taking one may move another one here.
            while self.table.known(at).is_some_and(|known| !known.seen) {
                if let Some(Known { key, value, .. }) = self.table.take(at) {
                    tell(self, LeaseEvent::Removed { key, value: Some(value) });
                }
            }
        }
    }

    fn is_own(&self, key: LeaseKey) -> bool {
        self.own.is_some_and(|own| self.table.same(own, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::vec;
    use std::vec::Vec;

    type Leases = BTreeMap<u8, char>;

    fn key(third: u8) -> LeaseKey {
        std::format!("10.3.{third}.0-24").parse().unwrap()
    }

    fn told(watch: &mut LeaseWatch<'_, char>, leases: &[(u8, char)]) -> Vec<LeaseEvent<char>> {
        let leases: Vec<_> = leases.iter().map(|(third, value)| (key(*third), *value)).collect();
        let mut events = Vec::new();
        watch.snapshot(&leases, |_, event| events.push(event)).unwrap();
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
        let mut watch = LeaseWatch::new(&mut slots, Families::Ipv4, HashKey::PREDICTABLE);
        watch.set_own(Some(key(9)));
        let first = [(1, 'a'), (9, 'o'), (2, 'b'), (3, 'c')];
        let events = told(&mut watch, &first);
        assert_eq!(events, [added(1, 'a', None), added(2, 'b', None), added(3, 'c', None)]);
        assert_eq!(told(&mut watch, &first), []);
        // flannel does not report the changed one.
        let events = told(&mut watch, &[(4, 'd'), (2, 'B'), (3, 'c')]);
        assert_eq!(events, [added(2, 'B', Some('b')), removed(1, Some('a')), added(4, 'd', None)]);
        assert_eq!((watch.len(), watch.value(key(2))), (3, Some(&'B')));
        assert_eq!(told(&mut watch, &[]).len(), 3);
        assert!(watch.is_empty());
    }

    #[test]
    fn events() {
        let mut slots = [LeaseSlot::EMPTY; 2];
        let mut watch = LeaseWatch::new(&mut slots, Families::Ipv4, HashKey::PREDICTABLE);
        watch.set_own(Some(key(9)));
        assert!(watch.is_empty());
        assert_eq!(watch.added(key(1), 'a'), Ok(Some(added(1, 'a', None))));
        assert!(!watch.is_empty());
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
        let mut watch = LeaseWatch::new(&mut slots, Families::Ipv4, HashKey::PREDICTABLE);
        watch.added(key(1), 'a').unwrap();
        let full = TooManyLeases { max: 1 };
        assert_eq!(watch.added(key(2), 'b'), Err(full));
        let both = [(key(2), 'b'), (key(3), 'c')];
        assert_eq!(watch.snapshot(&both, |_, event| panic!("{event:?}")), Err(full));
        assert_eq!(watch.leases().collect::<Vec<_>>(), [(key(1), &'a')]);
        // As many as there were, all others.
        assert_eq!(told(&mut watch, &[(2, 'b')]), [removed(1, Some('a')), added(2, 'b', None)]);
        let mut watch = LeaseWatch::new(&mut [], Families::Ipv4, HashKey::PREDICTABLE);
        assert_eq!(watch.added(key(1), 'a'), Err(TooManyLeases { max: 0 }));
    }

    /// flannel `pkg/lease/lease.go` `sameSubnet`.
    #[test]
    fn leases_differ_in_the_subnets_of_the_networks_families() {
        let keys =
            ["10.3.1.0-24&fc00:1::-64", "10.3.1.0-24&fc00:2::-64", "10.3.2.0-24&fc00:2::-64"];
        let keys = keys.map(|text| text.parse::<LeaseKey>().unwrap());
        for (families, leases) in [(Families::Dual, 3), (Families::Ipv4, 2), (Families::Ipv6, 2)] {
            let mut slots = [LeaseSlot::EMPTY; 4];
            let mut watch = LeaseWatch::new(&mut slots, families, HashKey::PREDICTABLE);
            for key in keys {
                watch.added(key, 'a').unwrap();
            }
            assert_eq!(watch.len(), leases, "{families:?}");
        }
    }

    /// A network that went from dual stack to IPv4 has both keys of a node for 24 hours.
    #[test]
    fn a_snapshot_with_two_keys_of_one_lease_tells_what_is_replaced() {
        let [old, new] =
            ["10.1.2.0-24", "10.1.2.0-24&fd00:1::-64"].map(|text| text.parse().unwrap());
        let mut slots = [LeaseSlot::EMPTY; 4];
        let mut watch = LeaseWatch::new(&mut slots, Families::Ipv4, HashKey::PREDICTABLE);
        let mut told = |leases: &[(LeaseKey, u8)]| {
            let mut events = Vec::new();
            watch.snapshot(leases, |_, event| events.push(event)).unwrap();
            events
        };
        let added = |key, value, replaced| LeaseEvent::Added { key, value, replaced };
        assert_eq!(told(&[(old, 1), (new, 2)]), [added(old, 1, None), added(new, 2, Some(1))]);
        assert_eq!(told(&[(new, 2), (new, 2)]), []);
        assert_eq!(told(&[(old, 2), (new, 3)]), [added(new, 3, Some(2))]);
        assert_eq!(told(&[]), [LeaseEvent::Removed { key: new, value: Some(3) }]);
        assert_eq!(told(&[(old, 5), (new, 5)]), [added(old, 5, None)], "one value under two keys");
    }

    /// While an event is told, the leases of later events are as they were.
    #[test]
    fn a_snapshot_tells_with_the_leases_so_far() {
        let mut slots = [LeaseSlot::EMPTY; 4];
        let mut watch = LeaseWatch::new(&mut slots, Families::Ipv4, HashKey::PREDICTABLE);
        told(&mut watch, &[(1, 'a'), (2, 'b'), (3, 'c')]);
        let leases = [(key(4), 'd'), (key(1), 'A'), (key(2), 'B')];
        let mut seen = Vec::new();
        watch
            .snapshot(&leases, |watch, event| {
                let known = [1, 2, 3, 4].map(|third| watch.value(key(third)).copied());
                seen.push((event, known));
            })
            .unwrap();
        let expected = [
            (added(1, 'A', Some('a')), [Some('A'), Some('b'), Some('c'), None]),
            (added(2, 'B', Some('b')), [Some('A'), Some('B'), Some('c'), None]),
            (removed(3, Some('c')), [Some('A'), Some('B'), None, None]),
            (added(4, 'd', None), [Some('A'), Some('B'), None, Some('d')]),
        ];
        assert_eq!(seen, expected);
    }

    /// What a snapshot means, by two maps.
    fn changes(old: &Leases, new: &Leases) -> Vec<LeaseEvent<char>> {
        let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
        let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
        let (changed, new): (Vec<_>, Vec<_>) = changed.partition(|(key, _)| old.contains_key(*key));
        let tell = |(key, value): (&u8, &char)| added(*key, *value, old.get(key).copied());
        changed
            .into_iter()
            .map(tell)
            .chain(gone.map(|(key, value)| removed(*key, Some(*value))))
            .chain(new.into_iter().map(tell))
            .collect()
    }

    #[test]
    fn snapshots_tell_what_two_maps_tell() {
        fn holds(extra: u8, snapshots: Vec<Vec<(u8, char)>>) -> bool {
            let mut slots = vec![LeaseSlot::EMPTY; 23 + usize::from(extra % 4)];
            let mut watch = LeaseWatch::new(&mut slots, Families::Dual, HashKey::PREDICTABLE);
            let mut old = Leases::new();
            for snapshot in snapshots {
                let new: Leases = snapshot.into_iter().map(|(third, v)| (third % 20, v)).collect();
                let leases: Vec<_> = new.clone().into_iter().collect();
                let mut events = told(&mut watch, &leases);
                // Those that are gone come in no order.
                events.sort_by_key(|event| match event {
                    LeaseEvent::Added { key, replaced: Some(_), .. } => (0, *key),
                    LeaseEvent::Removed { key, .. } => (1, *key),
                    LeaseEvent::Added { key, replaced: None, .. } => (2, *key),
                });
                let known = |(third, value): (&u8, &char)| watch.value(key(*third)) == Some(value);
                if events != changes(&old, &new)
                    || !new.iter().all(known)
                    || watch.len() != new.len()
                {
                    return false;
                }
                old = new;
            }
            true
        }
        quickcheck::quickcheck(holds as fn(u8, Vec<Vec<(u8, char)>>) -> bool);
    }
}
