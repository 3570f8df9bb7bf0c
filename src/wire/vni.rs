//! The VXLAN network identifier (RFC 7348 section 5).

use super::number::bounded;

bounded! {
    /// A VXLAN network identifier (RFC 7348 section 5): 24 bits. 0 is legal; the RFC reserves none.
    ///
    /// Text is decimal: [`Display`](core::fmt::Display) writes it, and `FromStr` reads it, or a
    /// hexadecimal number after `0x`.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::Vni;
    ///
    /// const FLANNEL: Vni = Vni::literal::<1>();
    ///
    /// assert_eq!("4096".parse::<Vni>()?, Vni::new(4096)?);
    /// assert_eq!(FLANNEL.to_be_bytes(), [0, 0, 1]);
    /// let error = Vni::try_from(1 << 24).unwrap_err();
    /// assert_eq!(error.to_string(), "VNI 16777216 is more than 16777215");
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// A literal that does not fit does not compile:
    ///
    /// ```compile_fail
    /// use vtep::wire::Vni;
    ///
    /// let vni = Vni::literal::<0x100_0000>();
    /// ```
    pub struct Vni(u32), "VNI", max 0xFF_FFFF, getter value;
    "{}"
}

impl Vni {
    /// Returns the identifier in these three bytes, most significant first.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_be_bytes_puts_the_most_significant_byte_first() {
        let vni = Vni::from_be_bytes([0x12, 0x34, 0x56]);
        assert_eq!((vni.value(), vni.to_be_bytes()), (0x12_3456, [0x12, 0x34, 0x56]));
    }
}
