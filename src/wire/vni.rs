//! The VXLAN network identifier (RFC 7348 section 5).

use core::fmt;

/// A VXLAN network identifier: 24 bits. 0 is legal (RFC 7348 reserves none).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Vni(u32);

impl Vni {
    /// The greatest identifier, 2^24 - 1.
    pub const MAX: Self = Self(0xFF_FFFF);

    /// The identifier with this value.
    ///
    /// # Errors
    /// [`VniTooLarge`] beyond 24 bits.
    #[inline]
    pub const fn new(value: u32) -> Result<Self, VniTooLarge> {
        if value > Self::MAX.0 { Err(VniTooLarge { value }) } else { Ok(Self(value)) }
    }

    /// The value, at most 2^24 - 1.
    #[must_use]
    #[inline]
    pub const fn value(self) -> u32 {
        self.0
    }

    /// The identifier in these three bytes, most significant first.
    #[must_use]
    #[inline]
    pub const fn from_be_bytes([high, middle, low]: [u8; 3]) -> Self {
        Self(u32::from_be_bytes([0, high, middle, low]))
    }

    /// The three bytes, most significant first.
    #[must_use]
    #[inline]
    pub const fn to_be_bytes(self) -> [u8; 3] {
        let [_, high, middle, low] = self.0.to_be_bytes();
        [high, middle, low]
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vni({})", self.0)
    }
}

/// A number that has more than the 24 bits of a [`Vni`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VniTooLarge {
    /// The number.
    pub value: u32,
}

impl fmt::Display for VniTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VNI {} is more than {}", self.value, Vni::MAX)
    }
}

impl core::error::Error for VniTooLarge {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vni_has_24_bits() {
        assert_eq!(Vni::new(0xff_ffff), Ok(Vni::MAX));
        assert_eq!(Vni::new(0x100_0000), Err(VniTooLarge { value: 0x100_0000 }));
        assert_eq!(Vni::from_be_bytes([0x12, 0x34, 0x56]).value(), 0x12_3456);
    }
}
