//! The names of links.

use core::fmt;

/// A name that a link can have: 1 to 15 bytes, not "." or "..", none of them "/", ":", white space
/// or control (Linux `dev_valid_name`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkName<'a>(&'a str);

impl<'a> LinkName<'a> {
    /// The name.
    ///
    /// # Errors
    /// [`LinkNameError`] when no link can have it.
    pub fn new(name: &'a str) -> Result<Self, LinkNameError> {
        let wrong = |byte: u8| byte == b'/' || byte == b':' || byte <= b' ' || byte == 0x7f;
        match name.len() {
            1..=15 => {}
            len => return Err(LinkNameError::Length { len }),
        }
        match name.bytes().position(wrong) {
            Some(offset) => Err(LinkNameError::Byte { offset }),
            None if name == "." || name == ".." => Err(LinkNameError::Byte { offset: 0 }),
            None => Ok(Self(name)),
        }
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// A name that no link can have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LinkNameError {
    /// Empty, or more than 15 bytes.
    Length {
        /// Its bytes.
        len: usize,
    },
    /// It has a byte that it may not have.
    Byte {
        /// Where.
        offset: usize,
    },
}

impl fmt::Display for LinkNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { len } => write!(f, "link name of {len} bytes, 1 to 15 allowed"),
            Self::Byte { offset } => {
                write!(f, "link name with a byte that is not allowed at {offset}")
            }
        }
    }
}

impl core::error::Error for LinkNameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_a_link_can_have() {
        for name in ["lo", "flannel.1", "flannel-v6.1", "...", "fifteen-bytes-x"] {
            assert_eq!(LinkName::new(name), Ok(LinkName(name)));
        }
        for (name, error) in [
            ("", LinkNameError::Length { len: 0 }),
            ("sixteen-bytes-xx", LinkNameError::Length { len: 16 }),
            ("a/b", LinkNameError::Byte { offset: 1 }),
            ("eth0:1", LinkNameError::Byte { offset: 4 }),
            ("a b", LinkNameError::Byte { offset: 1 }),
            ("a\0", LinkNameError::Byte { offset: 1 }),
            ("..", LinkNameError::Byte { offset: 0 }),
        ] {
            assert_eq!(LinkName::new(name), Err(error), "{name:?}");
        }
    }
}
