//! The subnets of equal length that a network is divided into: flannel's defaults and checks
//! (`pkg/subnet/config.go`).

use core::fmt;

use super::family::Prefix;
use super::prefix::Ipv4Prefix;

/// The configuration of a pool. [`pool`](Self::pool) fills in what is `None` as flannel does.
///
/// # Examples
///
/// ```
/// use vtep::subnet::{Ipv4Prefix, PoolConfig, PoolError};
///
/// let network: Ipv4Prefix = "10.3.0.0/16".parse()?;
/// let config = PoolConfig { subnet_len: Some(26), ..PoolConfig::new(network) };
/// assert_eq!(config.pool()?.count(), 1023);
/// let config = PoolConfig { subnet_len: Some(17), ..config };
/// assert_eq!(config.pool(), Err(PoolError::SubnetLenTooShort { len: 17, min: 18 }));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PoolConfig<P: Prefix = Ipv4Prefix> {
    /// The network that is divided. [`DEFAULT`](Ipv4Prefix::DEFAULT) is an absent one.
    pub network: P,
    /// The length of the subnets, in bits. The default is 24 for IPv4 and 64 for IPv6, or two more
    /// than the network's length if the network would hold fewer than four of those.
    pub subnet_len: Option<u64>,
    /// The first subnet. The default is the second of the network.
    pub subnet_min: Option<P::Address>,
    /// The last subnet. The default is the last of the network.
    pub subnet_max: Option<P::Address>,
}

/// The reason why a network cannot be divided so: the rules of flannel's `CheckNetworkConfig`, in
/// its order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PoolError<P: Prefix = Ipv4Prefix> {
    /// The network is absent.
    NoNetwork,
    /// The subnets would be too small.
    SubnetLenTooLong {
        /// Their length, in bits.
        len: u64,
        /// The greatest length.
        max: u8,
    },
    /// The network would hold fewer than four subnets.
    SubnetLenTooShort {
        /// Their length, in bits.
        len: u64,
        /// The least length.
        min: u8,
    },
    /// The network is too small to hold four subnets of any length.
    NetworkTooSmall {
        /// The network.
        network: P,
        /// The greatest length.
        max: u8,
    },
    /// The first subnet is not in the network.
    MinOutside {
        /// The first subnet.
        min: P::Address,
        /// The network.
        network: P,
    },
    /// The last subnet is not in the network.
    MaxOutside {
        /// The last subnet.
        max: P::Address,
        /// The network.
        network: P,
    },
    /// The first subnet has host bits.
    MinUnaligned {
        /// The first subnet.
        min: P::Address,
        /// The length of subnets, in bits.
        len: u8,
    },
    /// The last subnet has host bits.
    MaxUnaligned {
        /// The last subnet.
        max: P::Address,
        /// The length of subnets, in bits.
        len: u8,
    },
}

impl<P: Prefix> fmt::Display for PoolError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNetwork => f.write_str("no network"),
            Self::SubnetLenTooLong { len, max } => {
                write!(f, "subnet length {len}, at most {max}")
            }
            Self::SubnetLenTooShort { len, min } => {
                write!(f, "subnet length {len}, at least {min} for four subnets in the network")
            }
            Self::NetworkTooSmall { network, max } => {
                write!(f, "network {network} is too small, its length is at most {max}")
            }
            Self::MinOutside { min, network } => {
                write!(f, "first subnet {min} is not in network {network}")
            }
            Self::MaxOutside { max, network } => {
                write!(f, "last subnet {max} is not in network {network}")
            }
            Self::MinUnaligned { min, len } => {
                write!(f, "first subnet {min} is not on a boundary of length {len}")
            }
            Self::MaxUnaligned { max, len } => {
                write!(f, "last subnet {max} is not on a boundary of length {len}")
            }
        }
    }
}

impl<P: Prefix> core::error::Error for PoolError<P> {}

impl<P: Prefix> PoolConfig<P> {
    /// Returns the configuration of the whole of `network`, with flannel's defaults.
    #[must_use]
    pub const fn new(network: P) -> Self {
        Self { network, subnet_len: None, subnet_min: None, subnet_max: None }
    }

    /// Returns the pool, after flannel's checks. They accept a first subnet after the last one:
    /// such a pool is empty.
    ///
    /// # Errors
    /// The first of flannel's rules that is broken.
    pub fn pool(&self) -> Result<SubnetPool<P>, PoolError<P>> {
        let Self { network, .. } = *self;
        let len = self.len()?;
        let size = subnet_size::<P>(len);
        let inside = |address: P::Address| {
            let bits = P::address_bits(address);
            network.first_bits() <= bits && bits <= network.last_bits()
        };
        let min = match self.subnet_min {
            None => network.first_bits().wrapping_add(size),
            Some(min) if inside(min) => P::address_bits(min),
            Some(min) => return Err(PoolError::MinOutside { min, network }),
        };
        let max = match self.subnet_max {
            None => network.last_bits() & size.wrapping_neg(),
            Some(max) if inside(max) => P::address_bits(max),
            Some(max) => return Err(PoolError::MaxOutside { max, network }),
        };
        let aligned = |bits: u128| bits & size.wrapping_sub(1) == 0;
        if !aligned(min) {
            return Err(PoolError::MinUnaligned { min: P::address_from_bits(min), len });
        }
        if !aligned(max) {
            return Err(PoolError::MaxUnaligned { max: P::address_from_bits(max), len });
        }
        Ok(SubnetPool { network, len, min, max })
    }

    fn len(&self) -> Result<u8, PoolError<P>> {
        let Self { network, subnet_len, .. } = *self;
        if network.first_bits() == 0 && network.bit_len() == 0 {
            return Err(PoolError::NoNetwork);
        }
        let shortest = network.bit_len().saturating_add(2);
        let longest = P::WIDTH.saturating_sub(2);
        match subnet_len {
            None if shortest > longest => {
                Err(PoolError::NetworkTooSmall { network, max: longest.saturating_sub(2) })
            }
            None => Ok(shortest.max(P::SUBNET_LEN)),
            Some(len) => match u8::try_from(len) {
                Ok(len) if (shortest..=longest).contains(&len) => Ok(len),
                Ok(short) if short <= longest => {
                    Err(PoolError::SubnetLenTooShort { len, min: shortest })
                }
                _ => Err(PoolError::SubnetLenTooLong { len, max: longest }),
            },
        }
    }
}

/// Returns the number of addresses in a subnet.
fn subnet_size<P: Prefix>(len: u8) -> u128 {
    1u128.wrapping_shl(P::WIDTH.saturating_sub(len).into())
}

/// The subnets of one length from the first to the last, both included.
///
/// # Examples
///
/// ```
/// use vtep::subnet::{PoolConfig, SubnetPool};
///
/// let pool: SubnetPool = PoolConfig::new("10.3.0.0/16".parse()?).pool()?;
/// assert_eq!((pool.min().to_string(), pool.count()), ("10.3.1.0/24".into(), 255));
/// assert_eq!(pool.index_of("10.3.52.0/24".parse()?), Some(51));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SubnetPool<P: Prefix = Ipv4Prefix> {
    network: P,
    len: u8,
    min: u128,
    max: u128,
}

impl<P: Prefix> SubnetPool<P> {
    /// The network that is divided.
    #[must_use]
    pub const fn network(&self) -> P {
        self.network
    }

    /// The length of the subnets, in bits.
    #[must_use]
    pub const fn subnet_len(&self) -> u8 {
        self.len
    }

    /// The first subnet.
    #[must_use]
    pub fn min(&self) -> P {
        self.subnet(self.min)
    }

    /// The last subnet.
    #[must_use]
    pub fn max(&self) -> P {
        self.subnet(self.max)
    }

    /// The number of subnets: 0 if the first is after the last.
    #[must_use]
    pub fn count(&self) -> u128 {
        match self.max.checked_sub(self.min) {
            Some(span) => span.wrapping_shr(self.shift()).saturating_add(1),
            None => 0,
        }
    }

    /// The `index`th subnet, from 0.
    #[must_use]
    pub fn nth(&self, index: u128) -> Option<P> {
        let offset = (index < self.count()).then(|| index.wrapping_shl(self.shift()))?;
        Some(self.subnet(self.min.wrapping_add(offset)))
    }

    /// Which of the subnets it is, from 0, if it is one.
    #[must_use]
    pub fn index_of(&self, subnet: P) -> Option<u128> {
        let bits = subnet.first_bits();
        let inside = subnet.bit_len() == self.len && (self.min..=self.max).contains(&bits);
        inside.then(|| bits.wrapping_sub(self.min).wrapping_shr(self.shift()))
    }

    /// Returns whether it is one of the subnets.
    #[must_use]
    pub fn contains(&self, subnet: P) -> bool {
        self.index_of(subnet).is_some()
    }

    /// The subnets, in order.
    pub fn subnets(&self) -> impl Iterator<Item = P> + use<P> {
        let pool = *self;
        (0..pool.count()).map_while(move |index| pool.nth(index))
    }

    /// The first `count` subnets of it, at least one: as much of an immense pool as there is room
    /// to keep books of.
    #[must_use]
    pub fn first(mut self, count: u128) -> Self {
        if let Some(last) = self.nth(count.saturating_sub(1)) {
            self.max = last.first_bits();
        }
        self
    }

    /// Returns whether one of the subnets has an address in common with `other`.
    pub(super) fn overlaps(&self, other: P) -> bool {
        self.count() > 0
            && other.last_bits() >= self.min
            && other.first_bits() <= self.max().last_bits()
    }

    /// Returns the index of the first subnet after all of `other`.
    pub(super) fn index_after(&self, other: P) -> u128 {
        match other.last_bits().checked_sub(self.min) {
            Some(span) => span.wrapping_shr(self.shift()).saturating_add(1),
            None => 0,
        }
    }

    fn shift(&self) -> u32 {
        P::WIDTH.saturating_sub(self.len).into()
    }

    fn subnet(&self, bits: u128) -> P {
        // The length was checked when the pool was made.
        P::from_bits(bits, self.len).unwrap_or(self.network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_subnet_belong_together() {
        fn holds(network: u32, network_len: u8, len: u8, index: u32) -> bool {
            let network = Ipv4Prefix::from_bits(network.into(), 1 + network_len % 28).unwrap();
            let len = network.bit_len() + 2 + len % (29 - network.bit_len());
            let config = PoolConfig { subnet_len: Some(len.into()), ..PoolConfig::new(network) };
            let pool = config.pool().unwrap();
            let index = u128::from(index) % pool.count();
            let subnet = pool.nth(index).unwrap();
            pool.index_of(subnet) == Some(index)
                && network.contains_prefix(subnet)
                && pool.nth(pool.count()).is_none()
                && pool.nth(pool.count() - 1) == Some(pool.max())
                && pool.nth(0) == Some(pool.min())
                && !pool.contains(pool.min().nth(u32::MAX))
        }
        quickcheck::quickcheck(holds as fn(u32, u8, u8, u32) -> bool);
    }

    #[test]
    fn only_its_own_length_is_contained() {
        let pool = PoolConfig::new("10.3.0.0/16".parse::<Ipv4Prefix>().unwrap()).pool().unwrap();
        for (subnet, index) in [
            ("10.3.0.0/24", None),
            ("10.3.1.0/24", Some(0)),
            ("10.3.255.0/24", Some(254)),
            ("10.4.0.0/24", None),
            ("10.3.1.0/25", None),
            ("10.3.0.0/16", None),
        ] {
            assert_eq!(pool.index_of(subnet.parse().unwrap()), index, "{subnet}");
        }
    }

    #[test]
    fn cuts_down_to_its_first_subnets() {
        let pool = PoolConfig::new("10.3.0.0/16".parse::<Ipv4Prefix>().unwrap()).pool().unwrap();
        assert_eq!(pool.first(10).max(), "10.3.10.0/24".parse().unwrap());
        assert_eq!(pool.first(255), pool);
        assert_eq!(pool.first(256), pool);
    }
}
