//! Numbers in the byte order of a capture.

/// The byte order of a file, or of a section of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    /// Returns the order in which the first four bytes are `magic`, or `None` if there is none.
    pub fn of_magic(bytes: &[u8], magic: u32) -> Option<Self> {
        [Self::Little, Self::Big].into_iter().find(|order| order.u32(bytes, 0) == Some(magic))
    }

    /// The number at byte `at`, or `None` if `bytes` end before it does.
    pub fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Little {
            u16::from_le_bytes(*bytes)
        } else {
            u16::from_be_bytes(*bytes)
        })
    }

    /// The number at byte `at`, or `None` if `bytes` end before it does.
    pub fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Little {
            u32::from_le_bytes(*bytes)
        } else {
            u32::from_be_bytes(*bytes)
        })
    }

    /// The number at byte `at`, or `None` if `bytes` end before it does.
    pub fn i64(self, bytes: &[u8], at: usize) -> Option<i64> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Little {
            i64::from_le_bytes(*bytes)
        } else {
            i64::from_be_bytes(*bytes)
        })
    }
}
