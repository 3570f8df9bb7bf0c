//! Leases of any length, in a digital search tree: each step compares one bit of the address, so
//! that no choice of leases makes a path longer than the address.

use super::family::Prefix;

/// The slot of a lease of another length than the pool's: see
/// [`SubnetAllocator`](super::SubnetAllocator).
///
/// # Examples
///
/// ```
/// use vtep::subnet::{Ipv4Prefix, OtherLease};
///
/// let slots = [OtherLease::<Ipv4Prefix>::EMPTY; 8];
/// assert_eq!(size_of_val(&slots), 8 * size_of::<OtherLease<Ipv4Prefix>>());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OtherLease<P> {
    /// `None` if the slot is free.
    lease: Option<P>,
    /// The slots that follow for a next bit of 0 and of 1. Of a free slot, the first is the next
    /// free one.
    children: [usize; 2],
}

/// No slot.
const NIL: usize = usize::MAX;

impl<P> OtherLease<P> {
    /// A free slot.
    pub const EMPTY: Self = Self { lease: None, children: [NIL; 2] };
}

/// The tree. A lease at depth `d` is `d` bits long or more, and its first `d` bits lead there.
///
/// So the leases that a subnet lies in are all on its own path; and if it holds others, there is
/// one on its path, at the depth of its length at the latest.
#[derive(Debug)]
pub(super) struct Others<'a, P> {
    slots: &'a mut [OtherLease<P>],
    root: usize,
    /// The first of the free slots that were in use before.
    free: usize,
    /// The number of slots that have been in use.
    used: usize,
}

/// Where the number of a slot is kept.
#[derive(Clone, Copy)]
enum Link {
    Root,
    Child { parent: usize, bit: bool },
}

/// The bit of the address that follows the first `depth` ones.
fn bit<P: Prefix>(lease: P, depth: u8) -> bool {
    let shift = P::WIDTH.saturating_sub(1).saturating_sub(depth);
    lease.first_bits().wrapping_shr(shift.into()) & 1 != 0
}

fn overlap<P: Prefix>(a: P, b: P) -> bool {
    a.first_bits() <= b.last_bits() && b.first_bits() <= a.last_bits()
}

impl<'a, P: Prefix> Others<'a, P> {
    /// Returns a tree of no leases. The content of the slots does not matter.
    pub(super) const fn new(slots: &'a mut [OtherLease<P>]) -> Self {
        Self { slots, root: NIL, free: NIL, used: 0 }
    }

    /// The number of slots.
    pub(super) const fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether each slot is taken.
    pub(super) const fn is_full(&self) -> bool {
        self.free == NIL && self.used == self.slots.len()
    }

    pub(super) fn contains(&self, lease: P) -> bool {
        self.find(lease).is_some()
    }

    /// A lease that overlaps `subnet`: the widest that it lies in, or else one that lies in it.
    pub(super) fn overlapping(&self, subnet: P) -> Option<P> {
        let on_path = self.path(subnet).map(|(_, _, lease)| lease);
        on_path.filter(|lease| overlap(*lease, subnet)).min_by_key(|lease| lease.bit_len())
    }

    /// Inserts a lease that is not there yet. Returns `None` if there is no slot for it.
    pub(super) fn insert(&mut self, lease: P) -> Option<()> {
        let slot = self.take_slot()?;
        let mut carried = lease;
        let mut link = Link::Root;
        for depth in 0..=P::WIDTH {
            let Some((at, found)) = self.get(link) else { break };
            // One that has no more bits to go by stays here; the one that was here has.
            if carried.bit_len() == depth {
                self.slots.get_mut(at)?.lease = Some(carried);
                carried = found;
            }
            link = Link::Child { parent: at, bit: bit(carried, depth) };
        }
        *self.slots.get_mut(slot)? = OtherLease { lease: Some(carried), ..OtherLease::EMPTY };
        self.set(link, slot)
    }

    /// Removes a lease. One that is not there changes nothing.
    pub(super) fn remove(&mut self, lease: P) {
        let Some((mut link, hole, _)) = self.find(lease) else { return };
        let mut last = (hole, lease);
        // A leaf below may be anywhere on the path to it.
        while let Some((below, leaf)) =
            self.children(last.0).find_map(|child| Some((child, self.get(child)?)))
        {
            (link, last) = (below, leaf);
        }
        let (leaf, moved) = last;
        if let Some(slot) = self.slots.get_mut(hole) {
            slot.lease = Some(moved);
        }
        let _ = self.set(link, NIL);
        if let Some(slot) = self.slots.get_mut(leaf) {
            *slot = OtherLease { lease: None, children: [self.free, NIL] };
            self.free = leaf;
        }
    }

    /// The slots on the path of `lease`, down to the depth of its length.
    fn path(&self, lease: P) -> impl Iterator<Item = (Link, usize, P)> + '_ {
        let mut link = Link::Root;
        (0..=lease.bit_len()).map_while(move |depth| {
            let (at, found) = self.get(link)?;
            let here = (link, at, found);
            link = Link::Child { parent: at, bit: bit(lease, depth) };
            Some(here)
        })
    }

    fn find(&self, lease: P) -> Option<(Link, usize, P)> {
        self.path(lease).find(|(_, _, found)| *found == lease)
    }

    fn children(&self, parent: usize) -> impl Iterator<Item = Link> + use<P> {
        [false, true].into_iter().map(move |bit| Link::Child { parent, bit })
    }

    fn get(&self, link: Link) -> Option<(usize, P)> {
        let at = match link {
            Link::Root => self.root,
            Link::Child { parent, bit } => {
                let [zero, one] = self.slots.get(parent)?.children;
                if bit { one } else { zero }
            }
        };
        Some((at, self.slots.get(at)?.lease?))
    }

    fn set(&mut self, link: Link, slot: usize) -> Option<()> {
        *match link {
            Link::Root => &mut self.root,
            Link::Child { parent, bit } => {
                let [zero, one] = &mut self.slots.get_mut(parent)?.children;
                if bit { one } else { zero }
            }
        } = slot;
        Some(())
    }

    fn take_slot(&mut self) -> Option<usize> {
        if let Some(slot) = self.slots.get(self.free) {
            let taken = self.free;
            [self.free, _] = slot.children;
            return Some(taken);
        }
        let taken = self.used;
        self.slots.get(taken)?;
        self.used = self.used.wrapping_add(1);
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subnet::Ipv4Prefix;
    use std::collections::BTreeSet;
    use std::vec;
    use std::vec::Vec;

    fn prefix(bits: u32, len: u8) -> Ipv4Prefix {
        Ipv4Prefix::from_bits(bits.into(), len).unwrap()
    }

    /// Few bits, so that leases lie in each other and come again.
    #[test]
    fn knows_what_a_set_knows() {
        fn holds(steps: Vec<(bool, u8, u8)>, subnet: (u8, u8)) -> bool {
            let lease = |bits: u8, len: u8| prefix(u32::from(bits & 0x3f) << 26, len % 7);
            let mut slots = [OtherLease { lease: Some(prefix(7, 32)), children: [0; 2] }; 9];
            let mut others = Others::new(&mut slots);
            let mut set = BTreeSet::new();
            for (add, bits, len) in steps {
                let lease = lease(bits, len);
                if !add {
                    others.remove(lease);
                    set.remove(&lease);
                } else if !set.contains(&lease) {
                    let noted = others.insert(lease).is_some();
                    assert_eq!(noted, set.len() < 9);
                    if noted {
                        set.insert(lease);
                    }
                }
                assert_eq!(others.is_full(), set.len() == 9);
            }
            let subnet = lease(subnet.0, subnet.1);
            let expected = set.iter().filter(|lease| lease.overlaps(subnet));
            let widest = expected.map(|lease| lease.bit_len()).min();
            let found = others.overlapping(subnet);
            let mut all = (0..64).flat_map(|bits| (0..7).map(move |len| (bits, len)));
            all.all(|(bits, len)| {
                others.contains(lease(bits, len)) == set.contains(&lease(bits, len))
            }) && found.is_none_or(|lease| set.contains(&lease) && lease.overlaps(subnet))
                && match widest {
                    Some(len) if len <= subnet.bit_len() => {
                        found.map(|lease| lease.bit_len()) == widest
                    }
                    _ => found.is_some() == widest.is_some(),
                }
        }
        quickcheck::QuickCheck::new()
            .tests(3000)
            .quickcheck(holds as fn(Vec<(bool, u8, u8)>, (u8, u8)) -> bool);
    }

    /// The bound that the module claims, on leases in ascending order, descending, and one in
    /// another.
    #[test]
    fn no_path_is_longer_than_an_address() {
        const COUNT: u32 = 20_000;
        let ascending = |n| prefix(n << 6, 26);
        let nested = |n| prefix(u32::MAX << (n % 31), 32 - (n % 31) as u8);
        for lease in [&ascending as &dyn Fn(u32) -> Ipv4Prefix, &|n| ascending(COUNT - n), &nested]
        {
            let mut slots = vec![OtherLease::EMPTY; COUNT as usize];
            let mut others = Others::new(&mut slots);
            for number in 0..COUNT {
                if !others.contains(lease(number)) {
                    others.insert(lease(number)).unwrap();
                }
            }
            let longest = (0..COUNT).map(|number| others.path(lease(number)).count()).max();
            assert!(longest <= Some(33), "{longest:?}");
            (0..COUNT).for_each(|number| others.remove(lease(number)));
            assert_eq!(others.root, NIL);
        }
    }
}
