//! The index of an interface.

use core::fmt;
use core::num::NonZeroU32;
use core::str::FromStr;

/// The index of a network interface, in its network namespace (`ifi_index`, `ndm_ifindex`,
/// `RTA_OIF`; Linux `include/uapi/linux/rtnetlink.h`): 1 to 2147483647, because the kernel holds it
/// as a positive `int`.
///
/// 0 is not an index. Where netlink has 0 for *none* or *any*, this crate has `None`, and
/// `Option<IfIndex>` has the size of an integer.
///
/// # Examples
/// ```
/// use vtep::netlink::IfIndex;
///
/// const LOOPBACK: IfIndex = IfIndex::literal::<1>();
///
/// assert_eq!("7".parse(), Ok(IfIndex::new(7)?));
/// assert_eq!(u32::from(LOOPBACK), 1);
/// assert!(IfIndex::try_from(0).is_err());
/// # Ok::<(), vtep::netlink::IfIndexError>(())
/// ```
///
/// A literal that is not an index does not compile:
///
/// ```compile_fail
/// const NONE: vtep::netlink::IfIndex = vtep::netlink::IfIndex::literal::<0>();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IfIndex(NonZeroU32);

impl IfIndex {
    /// The greatest index, 2147483647.
    pub const MAX: Self = Self::literal::<{ i32::MAX.unsigned_abs() }>();

    /// Returns the index with this number.
    ///
    /// # Errors
    /// [`IfIndexError`] if it is 0 or more than [`MAX`](Self::MAX).
    pub const fn new(value: u32) -> Result<Self, IfIndexError> {
        match NonZeroU32::new(value) {
            Some(index) if value <= i32::MAX.unsigned_abs() => Ok(Self(index)),
            _ => Err(IfIndexError { value }),
        }
    }

    /// Returns an index that is known when the program is compiled. A number that is not an index
    /// does not compile, so there is nothing to unwrap and nothing that can panic.
    #[must_use]
    pub const fn literal<const VALUE: u32>() -> Self {
        const {
            match Self::new(VALUE) {
                Ok(index) => index,
                Err(_) => panic!("an interface index is 1 to 2147483647"),
            }
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Returns what a field of a message says, in which 0 is absent.
    pub(super) const fn from_field(value: u32) -> Result<Option<Self>, IfIndexError> {
        if value == 0 {
            return Ok(None);
        }
        match Self::new(value) {
            Ok(index) => Ok(Some(index)),
            Err(error) => Err(error),
        }
    }

    /// Returns the number for a field of a message, in which 0 is absent.
    pub(super) const fn to_field(index: Option<Self>) -> u32 {
        match index {
            Some(index) => index.get(),
            None => 0,
        }
    }
}

impl TryFrom<u32> for IfIndex {
    type Error = IfIndexError;

    fn try_from(value: u32) -> Result<Self, IfIndexError> {
        Self::new(value)
    }
}

impl From<IfIndex> for u32 {
    fn from(index: IfIndex) -> Self {
        index.get()
    }
}

impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Reads decimal digits, as `if_nametoindex`, `ip -o link` and sysfs (`ifindex`) show them.
impl FromStr for IfIndex {
    type Err = ParseIfIndexError;

    fn from_str(text: &str) -> Result<Self, ParseIfIndexError> {
        let value = text.parse().map_err(|_| ParseIfIndexError)?;
        Self::new(value).map_err(|_| ParseIfIndexError)
    }
}

/// A number that is not the index of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct IfIndexError {
    /// The number: 0, or more than 2147483647, which is negative in the kernel's `int`.
    pub value: u32,
}

impl fmt::Display for IfIndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interface index {}, from 1 to {} is allowed", self.value, IfIndex::MAX)
    }
}

impl core::error::Error for IfIndexError {}

/// A text that is not the index of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ParseIfIndexError;

impl fmt::Display for ParseIfIndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interface index: a number from 1 to {} is expected", IfIndex::MAX)
    }
}

impl core::error::Error for ParseIfIndexError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn an_index_is_a_positive_int() {
        for value in [1, 7, 0x7fff_ffff] {
            let index = IfIndex::new(value).unwrap();
            assert_eq!((index.get(), index.to_string().parse()), (value, Ok(index)));
            assert_eq!(IfIndex::from_field(value), Ok(Some(index)));
            assert_eq!(IfIndex::to_field(Some(index)), value);
        }
        for value in [0, 0x8000_0000, u32::MAX] {
            assert_eq!(IfIndex::new(value), Err(IfIndexError { value }));
            assert_eq!(value.to_string().parse::<IfIndex>(), Err(ParseIfIndexError));
        }
        assert_eq!(IfIndex::from_field(0), Ok(None));
        assert_eq!(IfIndex::to_field(None), 0);
        assert!(IfIndex::from_field(0x8000_0000).is_err());
        for text in ["", "eth0", "-1", "4294967296", " 1"] {
            assert_eq!(text.parse::<IfIndex>(), Err(ParseIfIndexError), "{text:?}");
        }
        assert_eq!(size_of::<Option<IfIndex>>(), 4);
    }

    #[test]
    fn a_fixed_part_with_a_negative_index_is_an_error() {
        use crate::netlink::{AddressMessage, LinkMessage, MessageError, NeighbourMessage};
        let parse = |value: u32| {
            let mut bytes = [0; 16];
            bytes[4..8].copy_from_slice(&value.to_ne_bytes());
            [
                LinkMessage::parse(&bytes).map(|message| message.header.ifindex),
                AddressMessage::parse(&bytes).map(|message| message.header.ifindex),
                NeighbourMessage::parse(&bytes).map(|message| message.header.ifindex),
            ]
        };
        assert_eq!(parse(0), [Ok(None); 3]);
        assert_eq!(parse(0x7fff_ffff), [Ok(Some(IfIndex::MAX)); 3]);
        for value in [0x8000_0000, u32::MAX] {
            assert_eq!(parse(value), [Err(MessageError::IfIndex(IfIndexError { value })); 3]);
        }
    }
}
