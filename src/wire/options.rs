//! The options of an IPv4 or a TCP header (RFC 791 section 3.1, RFC 9293 section 3.1).

use core::fmt;

/// The options of an IPv4 or a TCP header (RFC 791 section 3.1, RFC 9293 section 3.1): at most 40
/// bytes, padded to whole words of 4 bytes with end-of-options, which is 0 in both protocols.
///
/// # Examples
///
/// ```
/// use vtep::wire::{HeaderOptions, TcpBuilder};
///
/// let mss = HeaderOptions::new(&[2, 4, 0x05, 0x82])?;
/// let segment = TcpBuilder::new(38350, 5001, b"").options(mss);
/// assert_eq!(HeaderOptions::new(&[3, 3, 10])?.as_bytes(), [3, 3, 10, 0]);
/// assert!(HeaderOptions::new(&[1; 41]).is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HeaderOptions {
    bytes: [u8; Self::MAX_LEN],
    /// The length of the options in words of 4 bytes: 0 to 10.
    words: u8,
}

impl HeaderOptions {
    /// The greatest length in bytes: a length field of 4 bits counts up to 15 words, 5 of which are
    /// the header without options.
    pub const MAX_LEN: usize = 40;
    /// No options.
    pub const NONE: Self = Self { bytes: [0; Self::MAX_LEN], words: 0 };

    /// Copies options, and pads them.
    ///
    /// # Errors
    /// [`OptionsTooLong`] for more than 40 bytes.
    pub fn new(options: &[u8]) -> Result<Self, OptionsTooLong> {
        let len = options.len();
        let words = match u8::try_from(len.div_ceil(4)) {
            Ok(words) if len <= Self::MAX_LEN => words,
            _ => return Err(OptionsTooLong { len, max: Self::MAX_LEN }),
        };
        let mut bytes = [0; Self::MAX_LEN];
        for (to, from) in bytes.iter_mut().zip(options) {
            *to = *from;
        }
        Ok(Self { bytes, words })
    }

    /// The options and their padding: a multiple of 4 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        // At most 10 words, which are 40 bytes.
        self.bytes.get(..usize::from(self.words) << 2).unwrap_or_default()
    }

    /// The words of 4 bytes that a header of 20 bytes and these options have: 5 to 15.
    pub(super) const fn header_words(&self) -> u8 {
        // At most 10 words of options, so it does not saturate.
        self.words.saturating_add(5)
    }
}

impl TryFrom<&[u8]> for HeaderOptions {
    type Error = OptionsTooLong;

    fn try_from(options: &[u8]) -> Result<Self, Self::Error> {
        Self::new(options)
    }
}

/// Options that are longer than a header can hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct OptionsTooLong {
    /// Their length in bytes.
    pub len: usize,
    /// The greatest length that fits, in bytes.
    pub max: usize,
}

impl fmt::Display for OptionsTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of options are more than {}", self.len, self.max)
    }
}

impl core::error::Error for OptionsTooLong {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_pads_with_end_of_options() {
        let padded = HeaderOptions::new(&[7, 3, 4]).unwrap();
        assert_eq!((padded.as_bytes(), padded.header_words()), (&[7, 3, 4, 0][..], 6));
        assert_eq!(HeaderOptions::new(&[]), Ok(HeaderOptions::NONE));
        assert_eq!(HeaderOptions::NONE.header_words(), 5);
    }

    #[test]
    fn new_accepts_at_most_40_bytes() {
        let most = HeaderOptions::new(&[1; 40]).unwrap();
        assert_eq!((most.as_bytes(), most.header_words()), (&[1; 40][..], 15));
        assert_eq!(HeaderOptions::new(&[1; 41]), Err(OptionsTooLong { len: 41, max: 40 }));
    }
}
