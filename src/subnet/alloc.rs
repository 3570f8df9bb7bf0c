//! The leased subnets of a pool, and the choice of the next one: flannel's `local_manager.go`,
//! without its walk over all subnets.

use core::fmt;

use super::bitmap::{Bitmap, words_for};
use super::family::Prefix;
use super::others::{OtherLease, Others};
use super::pool::SubnetPool;
use super::prefix::Ipv4Prefix;

/// The reason why there is no subnet, or no allocator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum AllocateError {
    /// Every subnet of the pool overlaps a lease.
    OutOfSubnets,
    /// The caller has too few words for the pool's subnets.
    TooFewWords {
        /// The words that the pool takes.
        needed: usize,
        /// The words that there are.
        available: usize,
    },
    /// The caller has too few slots for leases of another length than the pool's.
    TooFewSlots {
        /// The slots that there are, all taken.
        max: usize,
    },
}

impl fmt::Display for AllocateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfSubnets => f.write_str("out of subnets"),
            Self::TooFewWords { needed, available } => {
                write!(f, "{needed} words of storage needed, {available} available")
            }
            Self::TooFewSlots { max } => {
                write!(f, "more than {max} leases that are not of the pool's length")
            }
        }
    }
}

impl core::error::Error for AllocateError {}

/// The leased subnets of a pool.
///
/// A lease of the pool's length is a bit: to reserve, to release and to find one takes constant
/// time, whatever the size of the pool and the number of leases. A lease of another length, left
/// from another configuration, has a slot of its own, found in as many steps as an address has
/// bits; what it overlaps is not allocated, even if a subnet under it is released. The search for
/// free subnets takes one step for each such lease before them, whatever its size.
///
/// # Examples
///
/// ```
/// use vtep::subnet::{OtherLease, PoolConfig, SubnetAllocator, SubnetPool};
///
/// let pool: SubnetPool = PoolConfig::new("10.3.0.0/16".parse()?).pool()?;
/// let mut words = [0; 5];
/// let mut others = [OtherLease::EMPTY; 8];
/// let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others)?;
/// subnets.reserve("10.3.1.0/24".parse()?)?;
/// let mine = subnets.allocate(|candidates| candidates / 2)?;
/// assert_eq!(mine, "10.3.52.0/24".parse()?);
/// subnets.release(mine);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SubnetAllocator<'a, P: Prefix = Ipv4Prefix> {
    pool: SubnetPool<P>,
    leased: Bitmap<'a>,
    others: Others<'a, P>,
}

impl<'a, P: Prefix> SubnetAllocator<'a, P> {
    /// The number of free subnets, the lowest ones, that flannel chooses among.
    pub const CANDIDATES: usize = 100;

    /// Returns the number of words that an allocator of `pool` takes: a bit for each subnet and a
    /// 64th more.
    #[must_use]
    pub fn words(pool: &SubnetPool<P>) -> usize {
        words_for(usize::try_from(pool.count()).unwrap_or(usize::MAX))
    }

    /// Returns an allocator with no leases, over the caller's storage, whose content does not
    /// matter.
    ///
    /// # Errors
    /// `TooFewWords`. [`SubnetPool::first`] limits a pool to the storage.
    pub fn new(
        pool: SubnetPool<P>,
        words: &'a mut [u64],
        others: &'a mut [OtherLease<P>],
    ) -> Result<Self, AllocateError> {
        let too_few =
            AllocateError::TooFewWords { needed: Self::words(&pool), available: words.len() };
        let leased = usize::try_from(pool.count())
            .ok()
            .and_then(|count| Bitmap::new(words, count))
            .ok_or(too_few)?;
        Ok(Self { pool, leased, others: Others::new(others) })
    }

    /// The pool.
    #[must_use]
    pub const fn pool(&self) -> &SubnetPool<P> {
        &self.pool
    }

    /// Records a lease of any length. One that is known, or outside the pool, changes nothing; nor
    /// does one of length 0, by which flannel says that there is none.
    ///
    /// # Errors
    /// `TooFewSlots`; then nothing is changed.
    pub fn reserve(&mut self, lease: P) -> Result<(), AllocateError> {
        if let Some(index) = self.index_of(lease) {
            self.leased.set(index);
        } else if self.is_other(lease) {
            let max = self.others.capacity();
            if !self.others.contains(lease) {
                self.others.insert(lease).ok_or(AllocateError::TooFewSlots { max })?;
            }
        }
        Ok(())
    }

    /// Returns an error if [`reserve`](Self::reserve) has no slot for a lease.
    pub(crate) fn has_room_for(&self, lease: P) -> Result<(), AllocateError> {
        if !self.others.is_full() || !self.is_other(lease) || self.others.contains(lease) {
            return Ok(());
        }
        Err(AllocateError::TooFewSlots { max: self.others.capacity() })
    }

    /// Returns whether it overlaps the pool's subnets and has another length. Length 0 is not a
    /// lease.
    fn is_other(&self, lease: P) -> bool {
        lease.bit_len() != 0
            && lease.bit_len() != self.pool.subnet_len()
            && self.pool.overlaps(lease)
    }

    /// Releases a lease. One that is not known changes nothing.
    pub fn release(&mut self, lease: P) {
        match self.index_of(lease) {
            Some(index) => self.leased.clear(index),
            None => self.others.remove(lease),
        }
    }

    /// Returns whether it is one of the pool's subnets and overlaps no lease.
    #[must_use]
    pub fn is_free(&self, subnet: P) -> bool {
        self.index_of(subnet).is_some_and(|index| !self.leased.is_set(index))
            && self.others.overlapping(subnet).is_none()
    }

    /// Returns the free subnets that flannel would choose among: the lowest hundred, in order.
    pub fn candidates(&self) -> impl Iterator<Item = P> + '_ {
        self.free().take(Self::CANDIDATES)
    }

    const fn free(&self) -> Free<'_, P> {
        Free { allocator: self, next: 0 }
    }

    /// Returns the candidate that `choose` chooses; the subnet is not reserved yet.
    ///
    /// `choose` gets the number of candidates and returns the index of one of them, from 0. It
    /// should be random: two nodes that choose at the same time are then unlikely to choose the
    /// same. An index that is too large is taken modulo their number.
    ///
    /// # Errors
    /// `OutOfSubnets`.
    pub fn choose(&self, choose: impl FnOnce(u32) -> u32) -> Result<P, AllocateError> {
        let count = u32::try_from(self.candidates().count()).unwrap_or(u32::MAX);
        if count == 0 {
            return Err(AllocateError::OutOfSubnets);
        }
        let chosen = choose(count).checked_rem(count).unwrap_or(0);
        let chosen = usize::try_from(chosen).unwrap_or(usize::MAX);
        self.candidates().nth(chosen).ok_or(AllocateError::OutOfSubnets)
    }

    /// Reserves the candidate that `choose` chooses, and returns it. See [`choose`](Self::choose).
    ///
    /// # Errors
    /// `OutOfSubnets`.
    pub fn allocate(&mut self, choose: impl FnOnce(u32) -> u32) -> Result<P, AllocateError> {
        let subnet = self.choose(choose)?;
        self.reserve(subnet)?;
        Ok(subnet)
    }

    fn index_of(&self, subnet: P) -> Option<usize> {
        usize::try_from(self.pool.index_of(subnet)?).ok()
    }
}

/// All free subnets, in order.
struct Free<'a, P: Prefix> {
    allocator: &'a SubnetAllocator<'a, P>,
    next: usize,
}

/// A step over the pool's subnets.
enum Step<P> {
    Free(P),
    /// A step past all subnets in one lease of another length.
    Over,
}

impl<P: Prefix> Free<'_, P> {
    fn step(&mut self) -> Option<Step<P>> {
        let index = self.allocator.leased.next_clear(self.next)?;
        let pool = &self.allocator.pool;
        let subnet = pool.nth(index as u128)?;
        if let Some(other) = self.allocator.others.overlapping(subnet) {
            self.next = usize::try_from(pool.index_after(other)).ok()?;
            return Some(Step::Over);
        }
        self.next = index.saturating_add(1);
        Some(Step::Free(subnet))
    }
}

impl<P: Prefix> Iterator for Free<'_, P> {
    type Item = P;

    fn next(&mut self) -> Option<P> {
        loop {
            if let Step::Free(subnet) = self.step()? {
                return Some(subnet);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subnet::{Ipv4PrefixLen, Ipv6Prefix, PoolConfig};
    use std::vec;
    use std::vec::Vec;

    fn prefix(text: &str) -> Ipv4Prefix {
        text.parse().unwrap()
    }

    fn pool(network: &str, min: &str, max: &str) -> SubnetPool {
        PoolConfig {
            subnet_min: Some(min.parse().unwrap()),
            subnet_max: Some(max.parse().unwrap()),
            ..PoolConfig::new(prefix(network))
        }
        .pool()
        .unwrap()
    }

    /// flannel `pkg/subnet/etcd/subnet_test.go`: the mock registry's leases and config.
    #[test]
    fn flannels_first_allocation() {
        let mut words = [0; 1];
        let mut others = [];
        let pool = pool("10.3.0.0/16", "10.3.1.0", "10.3.25.0");
        for choice in 0..100 {
            let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
            let taken =
                ["10.3.1.0/24", "10.3.2.0/24", "10.3.4.0/24", "10.3.5.0/24", "10.3.31.0/24"]
                    .map(prefix);
            taken.into_iter().for_each(|lease| subnets.reserve(lease).unwrap());
            assert_eq!(subnets.candidates().count(), 21);
            let subnet = subnets.allocate(|_| choice).unwrap();
            assert!(pool.min() <= subnet && subnet <= pool.max() && !taken.contains(&subnet));
            assert!(!subnets.is_free(subnet));
        }
    }

    #[test]
    fn chooses_among_the_lowest_hundred_free() {
        let mut words = [0; 5];
        let mut others = [];
        let pool = PoolConfig::new(prefix("10.3.0.0/16")).pool().unwrap();
        let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
        subnets.reserve(prefix("10.3.7.0/24")).unwrap();
        let mut asked = 0;
        let highest = subnets.choose(|count| {
            asked = count;
            count - 1
        });
        assert_eq!((asked, highest), (100, Ok(prefix("10.3.101.0/24"))));
        // 101 of 255 free.
        for third in 102..=255 {
            subnets.reserve(Ipv4Prefix::new([10, 3, third, 0].into(), pool.min().len())).unwrap();
        }
        subnets.release(prefix("10.3.200.0/24"));
        assert_eq!(subnets.candidates().last(), Some(prefix("10.3.101.0/24")));
        assert_eq!(subnets.allocate(|_| 100), Ok(prefix("10.3.1.0/24")));
    }

    #[test]
    fn a_subnet_freed_under_a_wider_lease_stays_taken() {
        let mut words = [0; 5];
        let mut others = [OtherLease::EMPTY; 2];
        let pool = PoolConfig::new(prefix("10.3.0.0/16")).pool().unwrap();
        let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
        let [subnet, wide, narrow] = ["10.3.1.0/24", "10.3.0.0/20", "10.3.16.128/26"].map(prefix);
        for lease in [subnet, wide, narrow, narrow, prefix("10.4.0.0/20")] {
            subnets.reserve(lease).unwrap();
        }
        subnets.release(subnet);
        assert!(!subnets.is_free(subnet));
        assert_eq!(subnets.candidates().next(), Some(prefix("10.3.17.0/24")));
        let full = AllocateError::TooFewSlots { max: 2 };
        assert_eq!(subnets.reserve(prefix("10.0.0.0/8")), Err(full));
        assert_eq!(subnets.reserve(Ipv4Prefix::DEFAULT), Ok(()));
        subnets.release(wide);
        assert!(subnets.is_free(subnet));
        subnets.release(narrow);
        assert_eq!(subnets.candidates().nth(15), Some(prefix("10.3.16.0/24")));
    }

    #[test]
    fn runs_out() {
        let mut words = [0; 1];
        let two = pool("10.3.0.0/16", "10.3.5.0", "10.3.6.0");
        let mut subnets = SubnetAllocator::new(two, &mut words, &mut []).unwrap();
        assert!(subnets.allocate(|_| 0).is_ok() && subnets.allocate(|_| 9).is_ok());
        assert_eq!(subnets.allocate(|_| 0), Err(AllocateError::OutOfSubnets));
        let empty = pool("10.3.0.0/16", "10.3.9.0", "10.3.5.0");
        let subnets = SubnetAllocator::new(empty, &mut words, &mut []).unwrap();
        assert_eq!(subnets.choose(|_| 0), Err(AllocateError::OutOfSubnets));
        assert_eq!((SubnetAllocator::words(&empty), empty.subnets().count()), (0, 0));
    }

    #[test]
    fn says_how_much_storage_it_needs() {
        let pool = PoolConfig::new(prefix("10.0.0.0/8")).pool().unwrap();
        let needed = SubnetAllocator::words(&pool);
        assert_eq!(needed, 1041);
        let mut words = vec![0; needed];
        let error = AllocateError::TooFewWords { needed, available: needed - 1 };
        let got = SubnetAllocator::new(pool, &mut words[1..], &mut []).map(|_| ());
        assert_eq!(got, Err(error));
        assert!(SubnetAllocator::new(pool, &mut words, &mut []).is_ok());
    }

    #[test]
    fn first_limits_an_immense_pool() {
        let network: Ipv6Prefix = "fc00::/48".parse().unwrap();
        let config = PoolConfig { subnet_len: Some(124), ..PoolConfig::new(network) };
        let pool = config.pool().unwrap();
        let mut words = [0; 3];
        assert!(SubnetAllocator::new(pool, &mut words, &mut []).is_err());
        let first = pool.first(128);
        let mut subnets = SubnetAllocator::new(first, &mut words, &mut []).unwrap();
        for index in 0..128 {
            assert_eq!(subnets.allocate(|_| 0), Ok(pool.nth(index).unwrap()));
        }
        assert_eq!(subnets.allocate(|_| 0), Err(AllocateError::OutOfSubnets));
    }

    /// However wide a lease is, it takes one step: this pool has four million subnets.
    #[test]
    fn steps_over_a_lease_at_once() {
        let config = PoolConfig { subnet_len: Some(30), ..PoolConfig::new(prefix("10.0.0.0/8")) };
        let pool = config.pool().unwrap();
        let mut words = vec![0; SubnetAllocator::words(&pool)];
        let mut others = [OtherLease::EMPTY; 70];
        let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
        let steps = |subnets: &SubnetAllocator<'_>| {
            let mut free = subnets.free();
            let steps = core::iter::from_fn(|| free.step()).take(1000);
            steps.take_while(|step| matches!(step, Step::Over)).count()
        };
        assert_eq!(steps(&subnets), 0);
        for half in ["10.0.0.0/9", "10.128.0.0/10", "10.192.0.0/11"] {
            subnets.reserve(prefix(half)).unwrap();
        }
        assert_eq!(
            (steps(&subnets), subnets.candidates().next()),
            (3, Some(prefix("10.224.0.0/30")))
        );
        // Those inside another take none.
        for third in 0..64 {
            subnets.reserve(Ipv4Prefix::from_bits(0x0a01_0000 | third << 8, 24).unwrap()).unwrap();
        }
        assert_eq!(steps(&subnets), 3);
        subnets.reserve(prefix("10.0.0.0/8")).unwrap();
        assert_eq!((steps(&subnets), subnets.candidates().next()), (1, None));
    }

    /// flannel's way: a walk over all subnets, each compared with each lease.
    fn naive(pool: &SubnetPool, leases: &[Ipv4Prefix]) -> Vec<Ipv4Prefix> {
        let free = |subnet: &Ipv4Prefix| !leases.iter().any(|lease| lease.overlaps(*subnet));
        pool.subnets().filter(free).take(100).collect()
    }

    #[test]
    fn gives_what_a_walk_over_all_gives() {
        fn holds(min: u8, max: u8, steps: Vec<(bool, u16, u8)>) -> bool {
            let address = |third| std::net::Ipv4Addr::from([10, 3, third, 0]);
            let config = PoolConfig {
                subnet_min: Some(address(min / 4)),
                subnet_max: Some(address(max)),
                ..PoolConfig::new(prefix("10.3.0.0/16"))
            };
            let pool = config.pool().unwrap();
            let (mut words, mut others) = ([u64::MAX; 6], [OtherLease::EMPTY; 100]);
            let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
            let mut leases = Vec::new();
            for (add, host, len) in steps {
                let len =
                    Ipv4PrefixLen::new([18, 20, 22, 23, 24, 24, 24, 26][usize::from(len % 8)]);
                let bits = 0x0a03_0000 | u32::from(host) & 0x3fff;
                let lease = Ipv4Prefix::new(bits.into(), len.unwrap());
                leases.retain(|other| *other != lease);
                if add {
                    leases.push(lease);
                    subnets.reserve(lease).unwrap();
                } else {
                    subnets.release(lease);
                }
            }
            let expected = naive(&pool, &leases);
            let first = (!expected.is_empty()).then(|| expected[expected.len() / 2]);
            subnets.candidates().collect::<Vec<_>>() == expected
                && expected.iter().all(|subnet| subnets.is_free(*subnet))
                && subnets.choose(|count| count / 2).ok() == first
        }
        quickcheck::QuickCheck::new()
            .tests(500)
            .quickcheck(holds as fn(u8, u8, Vec<(bool, u16, u8)>) -> bool);
    }
}
