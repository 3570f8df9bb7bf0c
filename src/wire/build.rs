//! Builders: whole packets in one pass, with every length and checksum that the bytes imply.
//!
//! A builder holds its fields and its payload, which is another builder or plain bytes, so a packet is
//! written as it nests:
//!
//! ```
//! use vtep::wire::{Build, EthernetBuilder, Ipv4Builder, MacAddr, UdpBuilder};
//!
//! let packet = EthernetBuilder::new(
//!     MacAddr::new([0x02, 0, 0, 0, 0, 2]),
//!     MacAddr::new([0x02, 0, 0, 0, 0, 1]),
//!     Ipv4Builder::new([10, 1, 15, 2].into(), [10, 1, 17, 3].into(), UdpBuilder::new(1234, 53, b"ping".as_slice())),
//! );
//! let mut buffer = [0; 64];
//! let written = packet.build(&mut buffer)?;
//! assert_eq!(written.len(), 14 + 20 + 8 + 4);
//! # Ok::<(), vtep::wire::BuildError>(())
//! ```
//!
//! A layer gets the sum of its payload from the payload's own writing and adds its own values to it:
//! nothing is read back from the buffer.

use core::fmt;

use super::{EtherType, IpProtocol, Layer, PseudoHeader};
use crate::checksum::Sum;

/// Something that can stand in a packet: a header with its payload, or plain bytes.
pub trait Build {
    /// The length in bytes, payload included.
    fn len(&self) -> usize;

    /// Whether it has no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every length fits its field.
    ///
    /// # Errors
    /// [`BuildError::TooLong`] for the outermost layer whose length does not.
    fn check(&self) -> Result<(), BuildError>;

    /// Writes itself over the whole of `out`, which has [`len`](Self::len) bytes, and gives their sum.
    /// `pseudo` is what a checksum covers beside them. Called by the layer outside, after `check`.
    fn write(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Sum;

    /// Writes the packet to the front of `buffer`, and gives what was written.
    ///
    /// # Errors
    /// [`BuildError`] when a length does not fit its field, or the packet the buffer; nothing is written
    /// then.
    fn build<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], BuildError> {
        self.check()?;
        let (needed, available) = (self.len(), buffer.len());
        let out = buffer.get_mut(..needed).ok_or(BuildError::BufferTooSmall { needed, available })?;
        self.write(out, None);
        Ok(out)
    }
}

/// What can stand directly behind an Ethernet header or a VLAN tag.
pub trait EthernetPayload: Build {
    /// What the header in front says of it.
    fn ethertype(&self) -> EtherType;
}

/// What can stand directly behind an IP header.
pub trait IpPayload: Build {
    /// What the header in front says of it.
    fn protocol(&self) -> IpProtocol;
}

/// Plain bytes are copied.
impl Build for &[u8] {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn check(&self) -> Result<(), BuildError> {
        Ok(())
    }

    fn write(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Sum {
        for (to, from) in out.iter_mut().zip(*self) {
            *to = *from;
        }
        Sum::of(self)
    }
}

/// A payload that stands in the buffer already, behind the headers that are to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InPlace {
    len: usize,
    sum: Sum,
}

impl InPlace {
    /// The payload that `bytes` are, summed for the checksums outside.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { len: bytes.len(), sum: Sum::of(bytes) }
    }

    /// A payload of `len` bytes whose sum is known, or is not needed.
    #[must_use]
    pub const fn with_sum(len: usize, sum: Sum) -> Self {
        Self { len, sum }
    }
}

impl Build for InPlace {
    fn len(&self) -> usize {
        self.len
    }

    fn check(&self) -> Result<(), BuildError> {
        Ok(())
    }

    fn write(&self, _: &mut [u8], _: Option<&PseudoHeader>) -> Sum {
        self.sum
    }
}

/// Why a packet was not built. Nothing was written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The packet is longer than the buffer.
    BufferTooSmall {
        /// The packet's length in bytes.
        needed: usize,
        /// The buffer's.
        available: usize,
    },
    /// A header cannot say how long it and its payload are.
    TooLong {
        /// The header.
        layer: Layer,
        /// The length that it would have to say, in bytes.
        len: usize,
        /// The greatest that it can say.
        max: usize,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed, available } => {
                write!(f, "the packet has {needed} bytes, the buffer {available}")
            }
            Self::TooLong { layer, len, max } => {
                write!(f, "{layer}: length {len} is more than {max}")
            }
        }
    }
}

impl core::error::Error for BuildError {}

/// Refuses a length that a 16-bit field of `layer` cannot say.
pub(super) fn check_length(layer: Layer, len: usize) -> Result<(), BuildError> {
    const MAX: usize = 0xFFFF;
    if len > MAX {
        return Err(BuildError::TooLong { layer, len, max: MAX });
    }
    Ok(())
}

/// A length that was checked, as its field has it.
pub(super) fn length_field(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// Writes `payload` behind the first `header_len` bytes of `out`.
pub(super) fn write_behind(
    header_len: usize,
    out: &mut [u8],
    payload: &impl Build,
    pseudo: Option<&PseudoHeader>,
) -> Sum {
    match out.split_at_mut_checked(header_len) {
        Some((_, behind)) => payload.write(behind, pseudo),
        None => Sum::ZERO,
    }
}

/// Writes a header to the front of `out`, and gives its sum.
pub(super) fn write_header<const N: usize>(out: &mut [u8], header: &[u8; N]) -> Sum {
    if let Some(front) = out.first_chunk_mut() {
        *front = *header;
    }
    Sum::of(header)
}
