//! How a node acquires its lease (flannel `pkg/subnet/etcd/local_manager.go`).

use super::config::Pools;
use super::key::LeaseKey;
use crate::subnet::{AllocateError, Ipv4Prefix, Ipv6Prefix, SubnetAllocator};

/// The leased subnets of a network of one family or two. Each family is allocated by itself.
///
/// # Examples
///
/// ```
/// use vtep::lease::{Acquisition, LeaseAllocator, NetworkConfig};
/// use vtep::subnet::SubnetAllocator;
///
/// let pools = NetworkConfig::from_json(r#"{"Network":"10.3.0.0/16"}"#)?.pools()?;
/// let mut words = [0; 5];
/// let v4 = SubnetAllocator::new(pools.ipv4.unwrap(), &mut words, &mut [])?;
/// let mut leases = LeaseAllocator::new(pools, v4, None);
/// let previous = "10.3.52.0-24".parse()?;
/// let random = |candidates| candidates / 2;
/// assert_eq!(
///     leases.acquire(None, Some(previous), random)?,
///     Acquisition::Create { lease: previous, delete: None }
/// );
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LeaseAllocator<'a> {
    pools: Pools,
    v4: SubnetAllocator<'a, Ipv4Prefix>,
    v6: Option<SubnetAllocator<'a, Ipv6Prefix>>,
}

/// The step that a node takes to get its lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Acquisition {
    /// The node has a lease: write it again, with the node's current value.
    Renew(LeaseKey),
    /// Create the lease, unless another node has created it meanwhile. In that case try again, with
    /// the leases that exist by then.
    Create {
        /// The lease.
        lease: LeaseKey,
        /// The node's old one, which no longer fits the network: to be deleted first.
        delete: Option<LeaseKey>,
    },
}

impl<'a> LeaseAllocator<'a> {
    /// Returns an allocator of `pools`: `v4`, and `v6` if the network has IPv6. They may be limited
    /// by [`SubnetPool::first`](crate::subnet::SubnetPool::first).
    #[must_use]
    pub const fn new(
        pools: Pools,
        v4: SubnetAllocator<'a, Ipv4Prefix>,
        v6: Option<SubnetAllocator<'a, Ipv6Prefix>>,
    ) -> Self {
        Self { pools, v4, v6 }
    }

    /// Records a lease. A subnet of length 0, by which flannel says that there is none, takes
    /// nothing.
    ///
    /// # Errors
    /// [`TooFewSlots`](AllocateError::TooFewSlots); then nothing is changed.
    pub fn reserve(&mut self, lease: LeaseKey) -> Result<(), AllocateError> {
        let v4 = lease.v4.map(|v4| v4.prefix());
        v4.map_or(Ok(()), |v4| self.v4.has_room_for(v4))?;
        if let (Some(v6), Some(subnet)) = (&mut self.v6, lease.v6) {
            v6.reserve(subnet.prefix())?;
        }
        v4.map_or(Ok(()), |v4| self.v4.reserve(v4))
    }

    /// Releases a lease.
    pub fn release(&mut self, lease: LeaseKey) {
        if let Some(subnet) = lease.v4 {
            self.v4.release(subnet.prefix());
        }
        if let (Some(v6), Some(subnet)) = (&mut self.v6, lease.v6) {
            v6.release(subnet.prefix());
        }
    }

    /// Returns whether the lease fits the network: its subnets are of the pools, and it has IPv6 if
    /// and only if the network has.
    #[must_use]
    pub fn is_compatible(&self, lease: LeaseKey) -> bool {
        let v6 = match (self.pools.ipv6, lease.v6) {
            (Some(pool), Some(subnet)) => pool.contains(subnet.prefix()),
            (None, None) => true,
            _ => false,
        };
        let v4 = self.pools.ipv4.zip(lease.v4);
        v6 && v4.is_some_and(|(pool, subnet)| pool.contains(subnet.prefix()))
    }

    fn is_free(&self, lease: LeaseKey) -> bool {
        let v6 = match (&self.v6, lease.v6) {
            (Some(v6), Some(subnet)) => v6.is_free(subnet.prefix()),
            _ => true,
        };
        v6 && lease.v4.is_none_or(|subnet| self.v4.is_free(subnet.prefix()))
    }

    /// Returns a new lease, and records it. `choose` is called once for each family, see
    /// [`SubnetAllocator::choose`].
    ///
    /// # Errors
    /// A family is out of subnets, and nothing is changed.
    pub fn allocate(
        &mut self,
        mut choose: impl FnMut(u32) -> u32,
    ) -> Result<LeaseKey, AllocateError> {
        let v4 = self.v4.choose(&mut choose)?;
        let v6 = self.v6.as_ref().map(|v6| v6.choose(&mut choose)).transpose()?;
        let lease = LeaseKey { v4: Some(v4.into()), v6: v6.map(Into::into) };
        self.reserve(lease)?;
        Ok(lease)
    }

    /// Returns the lease of a node: `own`, the one that bears the node's public address, if it fits
    /// the network; else `previous`, from the node's `subnet.env`, if that fits and is free; else a
    /// new one. A lease to be created is recorded; one to be deleted still counts until it is
    /// released.
    ///
    /// Flannel takes the previous subnet unless a lease is equal to it; here one that overlaps
    /// another lease is not free either.
    ///
    /// # Errors
    /// A family is out of subnets, and nothing is changed.
    pub fn acquire(
        &mut self,
        own: Option<LeaseKey>,
        previous: Option<LeaseKey>,
        choose: impl FnMut(u32) -> u32,
    ) -> Result<Acquisition, AllocateError> {
        if let Some(own) = own.filter(|own| self.is_compatible(*own)) {
            return Ok(Acquisition::Renew(own));
        }
        let usable = |lease: &LeaseKey| self.is_compatible(*lease) && self.is_free(*lease);
        let lease = match previous.map(LeaseKey::masked).filter(usable) {
            Some(lease) => {
                self.reserve(lease)?;
                lease
            }
            None => self.allocate(choose)?,
        };
        Ok(Acquisition::Create { lease, delete: own })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::NetworkConfig;
    use crate::subnet::OtherLease;
    use std::string::ToString;

    /// The leases of flannel's mock registry.
    const LEASES: [&str; 5] =
        ["10.3.1.0-24", "10.3.2.0-24", "10.3.4.0-24", "10.3.5.0-24", "10.3.31.0-24"];
    const CONFIG: &str =
        r#"{"Network":"10.3.0.0/16","SubnetMin":"10.3.1.0","SubnetMax":"10.3.25.0"}"#;

    fn key(text: &str) -> LeaseKey {
        text.parse().unwrap()
    }

    fn with<T>(config: &str, leases: &[&str], run: impl FnOnce(LeaseAllocator<'_>) -> T) -> T {
        let pools = NetworkConfig::from_json(config).unwrap().pools().unwrap();
        let (mut v4_words, mut v6_words) = ([0; 1100], [0; 1100]);
        let (mut v4_others, mut v6_others) = ([OtherLease::EMPTY; 8], [OtherLease::EMPTY; 8]);
        let v4 = SubnetAllocator::new(pools.ipv4.unwrap(), &mut v4_words, &mut v4_others).unwrap();
        let v6 = pools.ipv6.map(|pool| {
            SubnetAllocator::new(pool.first(1000), &mut v6_words, &mut v6_others).unwrap()
        });
        let mut allocator = LeaseAllocator::new(pools, v4, v6);
        leases.iter().for_each(|lease| allocator.reserve(key(lease)).unwrap());
        run(allocator)
    }

    /// flannel `pkg/subnet/etcd/subnet_test.go`: TestAcquireLease, with the range that it means.
    #[test]
    fn flannels_lease_is_new_and_then_stays() {
        for choice in 0..25 {
            with(CONFIG, &LEASES, |mut allocator| {
                let new = allocator.acquire(None, None, |_| choice).unwrap();
                let Acquisition::Create { lease, delete: None } = new else { panic!("{new:?}") };
                assert!(key("10.3.1.0-24") <= lease && lease <= key("10.3.25.0-24"));
                assert!(!LEASES.contains(&lease.to_string().as_str()));
                let again = allocator.acquire(Some(lease), None, |_| choice + 1);
                assert_eq!(again, Ok(Acquisition::Renew(lease)));
            });
        }
    }

    /// flannel `pkg/subnet/etcd/subnet_test.go`: the subnet of `subnet.env`.
    #[test]
    fn flannels_previous_subnet_is_taken_if_it_fits() {
        for (previous, lease) in [
            ("10.3.6.0-24", "10.3.6.0-24"),
            ("10.3.6.1-24", "10.3.6.0-24"),
            ("10.4.1.0-24", "10.3.3.0-24"),
            ("10.3.5.0-24", "10.3.3.0-24"),
            ("10.3.6.0-25", "10.3.3.0-24"),
            ("10.3.31.0-24", "10.3.3.0-24"),
            ("10.3.6.0-24&fd00::-64", "10.3.3.0-24"),
        ] {
            with(CONFIG, &LEASES, |mut allocator| {
                let got = allocator.acquire(None, Some(key(previous)), |_| 0);
                assert_eq!(
                    got,
                    Ok(Acquisition::Create { lease: key(lease), delete: None }),
                    "{previous}"
                );
            });
        }
        // A lease of another length lies on it.
        with(CONFIG, &["10.3.6.0-23"], |mut allocator| {
            let got = allocator.acquire(None, Some(key("10.3.6.0-24")), |_| 0);
            assert_eq!(got, Ok(Acquisition::Create { lease: key("10.3.1.0-24"), delete: None }));
        });
    }

    /// flannel `pkg/subnet/etcd/subnet_test.go`: TestConfigChanged, with the range that it means.
    #[test]
    fn flannels_lease_of_another_network_is_deleted() {
        let old = key("10.3.7.0-24");
        with(r#"{"Network":"10.4.0.0/16"}"#, &["10.3.7.0-24"], |mut allocator| {
            let got = allocator.acquire(Some(old), Some(old), |count| count - 1);
            let new = Acquisition::Create { lease: key("10.4.100.0-24"), delete: Some(old) };
            assert_eq!(got, Ok(new));
        });
    }

    #[test]
    fn both_families_or_none() {
        let config = r#"{"Network":"10.3.0.0/24","EnableIPv6":true,"IPv6Network":"fc00::/48"}"#;
        with(config, &["10.3.0.64-26&fc00:0:0:1::-64"], |mut allocator| {
            let mut choices = [1, 7].into_iter();
            let lease = allocator.allocate(|_| choices.next().unwrap()).unwrap();
            assert_eq!(lease, key("10.3.0.192-26&fc00:0:0:9::-64"));
            assert!(allocator.is_compatible(lease));
            assert!(!allocator.is_compatible(key("10.3.0.192-26")));
            // Beyond the subnets that books are kept of, but of the network.
            assert!(allocator.is_compatible(key("10.3.0.192-26&fc00:0:0:ffff::-64")));
            let last = allocator.allocate(|_| 0).unwrap();
            assert_eq!(last, key("10.3.0.128-26&fc00:0:0:2::-64"));
            assert_eq!(allocator.allocate(|_| 0), Err(AllocateError::OutOfSubnets));
            allocator.release(last);
            assert_eq!(allocator.allocate(|_| 0), Ok(last));
        });
    }

    /// What flannel writes for a node without IPv4 overlaps every subnet, and takes none.
    #[test]
    fn reserve_of_an_absent_subnet_takes_nothing() {
        let config = r#"{"Network":"10.3.0.0/24","EnableIPv6":true,"IPv6Network":"fc00::/48"}"#;
        with(config, &["0.0.0.0-0&fc00:0:0:1::-64", "10.3.0.1-0&fc00::1-0"], |mut allocator| {
            let none = key("0.0.0.0-0&fc00:0:0:1::-64");
            assert!(!allocator.is_compatible(none));
            let got = allocator.acquire(Some(none), None, |_| 0);
            let lease = key("10.3.0.64-26&fc00:0:0:2::-64");
            assert_eq!(got, Ok(Acquisition::Create { lease, delete: Some(none) }));
        });
    }

    #[test]
    fn a_previous_lease_has_to_be_free_in_both_families() {
        let config = r#"{"Network":"10.3.0.0/24","EnableIPv6":true,"IPv6Network":"fc00::/48"}"#;
        for (previous, is_free) in [
            ("10.3.0.128-26&fc00:0:0:2::-64", true),
            ("10.3.0.128-26&fc00:0:0:1::-64", false),
            ("10.3.0.64-26&fc00:0:0:2::-64", false),
        ] {
            with(config, &["10.3.0.64-26&fc00:0:0:1::-64"], |mut allocator| {
                let got = allocator.acquire(None, Some(key(previous)), |count| count - 1);
                let is_taken =
                    got == Ok(Acquisition::Create { lease: key(previous), delete: None });
                assert_eq!(is_taken, is_free, "{previous}");
            });
        }
    }

    /// Only leases of another length than the pool's need a slot.
    #[test]
    fn reserve_without_a_slot_changes_nothing() {
        let config = r#"{"Network":"10.3.0.0/24","EnableIPv6":true,"IPv6Network":"fc00::/48"}"#;
        let pools = NetworkConfig::from_json(config).unwrap().pools().unwrap();
        let (mut v4_words, mut v6_words) = ([0; 8], [0; 1100]);
        let v4 = SubnetAllocator::new(pools.ipv4.unwrap(), &mut v4_words, &mut []).unwrap();
        let pool = pools.ipv6.unwrap().first(1000);
        let v6 = SubnetAllocator::new(pool, &mut v6_words, &mut []).unwrap();
        let mut allocator = LeaseAllocator::new(pools, v4, Some(v6));
        let wide = key("10.3.0.128-25&fc00:0:0:2::-64");
        assert_eq!(allocator.reserve(wide), Err(AllocateError::TooFewSlots { max: 0 }));
        // With one slot a lease is noted there, again if need be, but no second one.
        let (mut v4_words, mut slots) = ([0; 8], [OtherLease::EMPTY]);
        let v4 = SubnetAllocator::new(pools.ipv4.unwrap(), &mut v4_words, &mut slots).unwrap();
        let mut one_slot = LeaseAllocator::new(pools, v4, None);
        assert_eq!([one_slot.reserve(wide), one_slot.reserve(wide)], [Ok(()); 2]);
        let other = key("10.3.0.0-25&fc00:0:0:3::-64");
        assert_eq!(one_slot.reserve(other), Err(AllocateError::TooFewSlots { max: 1 }));
        let lease = key("10.3.0.64-26&fc00:0:0:2::-64");
        assert_eq!(
            allocator.acquire(None, Some(lease), |_| 0),
            Ok(Acquisition::Create { lease, delete: None })
        );
    }
}
