//! The options behind an IPv4 or a TCP header (RFC 791 section 3.1, RFC 9293 section 3.1).

use core::fmt;

/// At most 40 bytes of options, padded to whole words of 4 bytes with end-of-options, which is 0 in both
/// protocols.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeaderOptions {
    bytes: [u8; Self::MAX_LEN],
    words: u8,
}

impl HeaderOptions {
    /// The greatest length in bytes: what 4 bits of words leave behind 20 bytes of header.
    pub const MAX_LEN: usize = 40;
    /// No options.
    pub const NONE: Self = Self { bytes: [0; Self::MAX_LEN], words: 0 };

    /// These options.
    ///
    /// # Errors
    /// [`OptionsTooLong`] for more than 40 bytes.
    pub fn new(options: &[u8]) -> Result<Self, OptionsTooLong> {
        let len = options.len();
        let words = match u8::try_from(len.div_ceil(4)) {
            Ok(words) if len <= Self::MAX_LEN => words,
            _ => return Err(OptionsTooLong { len }),
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
        self.bytes.get(..usize::from(self.words) << 2).unwrap_or_default()
    }

    /// How many words of 4 bytes a header of 20 bytes and these options have: 5 to 15.
    pub(super) const fn header_words(&self) -> u8 {
        self.words.saturating_add(5)
    }
}

/// Options that no header has room for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OptionsTooLong {
    /// Their length in bytes.
    pub len: usize,
}

impl fmt::Display for OptionsTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of options are more than {}", self.len, HeaderOptions::MAX_LEN)
    }
}

impl core::error::Error for OptionsTooLong {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_padded_with_end_of_options() {
        let padded = HeaderOptions::new(&[7, 3, 4]).unwrap();
        assert_eq!((padded.as_bytes(), padded.header_words()), (&[7, 3, 4, 0][..], 6));
        assert_eq!(HeaderOptions::new(&[]), Ok(HeaderOptions::NONE));
        assert_eq!(HeaderOptions::NONE.header_words(), 5);
    }

    #[test]
    fn have_at_most_40_bytes() {
        let most = HeaderOptions::new(&[1; 40]).unwrap();
        assert_eq!((most.as_bytes(), most.header_words()), (&[1; 40][..], 15));
        assert_eq!(HeaderOptions::new(&[1; 41]), Err(OptionsTooLong { len: 41 }));
    }
}
