//! Packets and blocks of a capture that cannot be read, while those after them can.

use std::collections::BTreeMap;
use std::fmt;

/// Why one packet or block is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// The link type, or the whole field where its reserved bits are set.
    LinkType(u32),
    /// No Interface Description Block precedes the packet.
    NoInterface,
    /// A block whose lengths contradict each other, or that ends within its fields.
    Malformed(&'static str),
    /// A block length that is not a multiple of 4.
    Unpadded(&'static str),
    /// A block type that the draft does not assign.
    UnknownBlock(u32),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(link @ ..=0xFFFF) => write!(f, "unsupported link type {link}"),
            Self::LinkType(field) => write!(f, "unsupported link type {field:#010x}"),
            Self::NoInterface => f.write_str("interface not described"),
            Self::Malformed(block) => write!(f, "malformed {block}"),
            Self::Unpadded(block) => write!(f, "malformed {block}, not padded to 4 bytes"),
            Self::UnknownBlock(block_type) => write!(f, "unknown block type {block_type:#x}"),
        }
    }
}

/// The number of packets and blocks that were skipped, by reason.
#[derive(Debug, Default)]
pub struct Skipped(BTreeMap<Skip, u64>);

impl Skipped {
    pub fn add(&mut self, skip: Skip) {
        *self.0.entry(skip).or_default() += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `3 skipped (unsupported link type 147: 2; malformed Enhanced Packet Block: 1)`
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: u64 = self.0.values().sum();
        let reasons: Vec<String> =
            self.0.iter().map(|(skip, count)| format!("{skip}: {count}")).collect();
        write!(f, "{all} skipped ({})", reasons.join("; "))
    }
}
