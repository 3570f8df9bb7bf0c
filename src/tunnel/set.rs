//! The ports, addresses and networks that a VTEP accepts.

use core::cmp::Ordering;
use core::fmt;
use core::net::IpAddr;

/// A filter: the ports, addresses or networks that a VTEP accepts. See [`Set::sorted`] for an
/// example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Set<'a, T> {
    /// Everything.
    Any,
    /// One value.
    One(T),
    /// The members of a sorted slice.
    Sorted(Sorted<'a, T>),
}

impl<'a, T: Ord + Copy> Set<'a, T> {
    /// Creates the set of `members`, which are in strictly ascending order.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::tunnel::{Set, SetNotSorted, Vtep};
    ///
    /// let vtep = Vtep::rfc7348().ports(Set::sorted(&[4789, 8472])?);
    /// assert_eq!(Set::sorted(&[4789, 8472, 8472]), Err(SetNotSorted { index: 2 }));
    /// # Ok::<(), SetNotSorted>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`SetNotSorted`] if a member is not greater than the one before it.
    pub fn sorted(members: &'a [T]) -> Result<Self, SetNotSorted> {
        let pairs = members.iter().zip(members.iter().skip(1));
        match pairs.into_iter().position(|(one, next)| one >= next) {
            Some(index) => Err(SetNotSorted { index: index.saturating_add(1) }),
            None => Ok(Self::Sorted(Sorted(members))),
        }
    }

    #[inline(always)]
    pub(super) fn contains(&self, member: &T) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one == member,
            Self::Sorted(Sorted(members)) => is_found(members, *member),
        }
    }
}

/// Searches a sorted slice. Kept out of line: inlined, it costs registers on the path of receivers
/// that have no sorted set.
#[inline(never)]
fn is_found<T: Ord>(members: &[T], member: T) -> bool {
    members.binary_search(&member).is_ok()
}

impl Set<'_, IpAddr> {
    /// [`contains`](Self::contains), which for IPv4 takes less code so: its addresses stand before
    /// those of IPv6.
    #[inline(always)]
    pub(super) fn contains_address(&self, address: IpAddr) -> bool {
        let IpAddr::V4(address) = address else { return self.contains(&address) };
        match self {
            Self::Any => true,
            Self::One(one) => *one == IpAddr::V4(address),
            Self::Sorted(Sorted(members)) => is_v4_found(members, address.to_bits()),
        }
    }
}

#[inline(never)]
fn is_v4_found(members: &[IpAddr], address: u32) -> bool {
    let order = |member: &IpAddr| match member {
        IpAddr::V4(member) => member.to_bits().cmp(&address),
        IpAddr::V6(_) => Ordering::Greater,
    };
    members.binary_search_by(order).is_ok()
}

/// Members in strictly ascending order: see [`Set::sorted`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sorted<'a, T>(&'a [T]);

/// The error of [`Set::sorted`]: the members are not in strictly ascending order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SetNotSorted {
    /// The index of the first member that is not greater than the one before it. It is never 0.
    pub index: usize,
}

impl fmt::Display for SetNotSorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member {} is not greater than the one before it", self.index)
    }
}

impl core::error::Error for SetNotSorted {}
