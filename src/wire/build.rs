//! Builders: whole packets in one pass, with every length and checksum that the bytes imply.
//!
//! A builder holds its fields and its payload, which is another builder or plain bytes, so a packet
//! is written down as it nests:
//!
//! ```
//! use vtep::wire::{Build, EthernetBuilder, Ipv4Builder, MacAddr, UdpBuilder};
//!
//! let (to, from) = (MacAddr::new([2, 0, 0, 0, 0, 2]), MacAddr::new([2, 0, 0, 0, 0, 1]));
//! let udp = UdpBuilder::new(1234, 53, b"ping");
//! let ipv4 = Ipv4Builder::new([10, 1, 15, 2].into(), [10, 1, 17, 3].into(), udp);
//! let packet = EthernetBuilder::new(to, from, ipv4);
//!
//! let mut buffer = [0; 64];
//! let written = packet.build(&mut buffer)?;
//! assert_eq!(written.len(), 14 + 20 + 8 + 4);
//! # Ok::<(), vtep::wire::BuildError>(())
//! ```
//!
//! A layer gets the sum of its payload from the payload's own writing and adds its own values to
//! it: nothing is read back from the buffer.

use core::fmt;

use super::emit::Emit;
use super::{EtherType, IpProtocol, Layer, PseudoHeader};
use crate::checksum::Sum;

/// Something that can be written as a packet or a part of one: a header with its payload, or plain
/// bytes (`&[u8]`, `[u8; N]`, `&[u8; N]`).
///
/// It is sealed: the builders of this crate and plain bytes are all that implement it.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, BuildError, UdpBuilder};
///
/// let datagram = UdpBuilder::new(1234, 53, b"ping");
/// assert_eq!(datagram.len(), 12);
///
/// let mut buffer = [0xa5; 16];
/// let written = datagram.build(&mut buffer)?;
/// assert_eq!(written, [0x04, 0xd2, 0, 53, 0, 12, 0, 0, b'p', b'i', b'n', b'g']);
///
/// let error = datagram.build(&mut [0; 11]).unwrap_err();
/// assert_eq!(error, BuildError::BufferTooSmall { needed: 12, available: 11 });
/// # Ok::<(), BuildError>(())
/// ```
pub trait Build: Emit {
    /// The length in bytes, payload included.
    fn len(&self) -> usize;

    /// Returns whether it has no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks that every length fits its field.
    ///
    /// # Errors
    /// [`BuildError::TooLong`] for the outermost layer whose length does not.
    fn check(&self) -> Result<(), BuildError>;

    /// Writes the packet to the front of `buffer`, and returns what was written.
    ///
    /// The checksum of a UDP, TCP or ICMPv6 builder covers the IP addresses as well: it is computed
    /// where an IP builder encloses it, and left 0 elsewhere. To write such a packet alone use
    /// [`build_with_pseudo_header`](Self::build_with_pseudo_header).
    ///
    /// # Errors
    /// [`BuildError`] if a length does not fit its field, or the packet the buffer; nothing is
    /// written then.
    fn build<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], BuildError> {
        build(self, buffer, None)
    }

    /// Writes the packet as [`build`](Self::build) does, its checksum computed with `pseudo`: for
    /// the payload of an IP header that is written elsewhere.
    ///
    /// # Errors
    /// As for `build`.
    fn build_with_pseudo_header<'b>(
        &self,
        buffer: &'b mut [u8],
        pseudo: &PseudoHeader,
    ) -> Result<&'b mut [u8], BuildError> {
        build(self, buffer, Some(pseudo))
    }
}

fn build<'b>(
    packet: &(impl Build + ?Sized),
    buffer: &'b mut [u8],
    pseudo: Option<&PseudoHeader>,
) -> Result<&'b mut [u8], BuildError> {
    packet.check()?;
    let (needed, available) = (packet.len(), buffer.len());
    let too_small = BuildError::BufferTooSmall { needed, available };
    let out = buffer.get_mut(..needed).ok_or(too_small)?;
    packet.emit(out, pseudo)?;
    Ok(out)
}

/// A packet that can directly follow an Ethernet header or a VLAN tag.
///
/// # Examples
///
/// ```
/// use vtep::wire::{ArpHeader, EtherType, EthernetPayload, MacAddr};
///
/// let sender = (MacAddr::new([2, 0, 0, 0, 0, 1]), [10, 0, 0, 1].into());
/// let request = ArpHeader::request(sender, [10, 0, 0, 2].into());
/// assert_eq!(request.ethertype(), EtherType::ARP);
/// ```
pub trait EthernetPayload: Build {
    /// The EtherType of the header in front.
    fn ethertype(&self) -> EtherType;
}

/// A packet that can directly follow an IP header.
///
/// # Examples
///
/// ```
/// use vtep::wire::{IpPayload, IpProtocol, UdpBuilder};
///
/// assert_eq!(UdpBuilder::new(1234, 53, b"ping").protocol(), IpProtocol::UDP);
/// ```
pub trait IpPayload: Build {
    /// The protocol number in the header in front.
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
}

impl Emit for &[u8] {
    fn emit(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        for (to, from) in out.iter_mut().zip(*self) {
            *to = *from;
        }
        Ok(Sum::of(self))
    }
}

/// Plain bytes are copied.
impl<const N: usize> Build for [u8; N] {
    fn len(&self) -> usize {
        N
    }

    fn check(&self) -> Result<(), BuildError> {
        Ok(())
    }
}

impl<const N: usize> Emit for [u8; N] {
    fn emit(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        self.as_slice().emit(out, pseudo)
    }
}

/// Plain bytes are copied.
impl<const N: usize> Build for &[u8; N] {
    fn len(&self) -> usize {
        N
    }

    fn check(&self) -> Result<(), BuildError> {
        Ok(())
    }
}

impl<const N: usize> Emit for &[u8; N] {
    fn emit(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        self.as_slice().emit(out, pseudo)
    }
}

/// A payload that is in the buffer already, after the headers that are to be written.
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, InPlace, UdpBuilder, UdpHeader};
///
/// let mut buffer = *b"........ping";
/// let payload = InPlace::of(&buffer[UdpHeader::LEN..]);
/// UdpBuilder::new(1234, 53, payload).build(&mut buffer)?;
/// assert_eq!(&buffer, b"\x04\xd2\x00\x35\x00\x0c\x00\x00ping");
/// # Ok::<(), vtep::wire::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InPlace {
    len: usize,
    sum: Sum,
}

impl InPlace {
    /// Returns the payload that `bytes` are, summed for the checksums of the headers.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { len: bytes.len(), sum: Sum::of(bytes) }
    }

    /// Returns a payload of `len` bytes whose sum is known, or is not needed.
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
}

impl Emit for InPlace {
    fn emit(&self, _: &mut [u8], _: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        Ok(self.sum)
    }
}

/// The reason why a packet was not built. Nothing was written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BuildError {
    /// The packet is longer than the buffer.
    BufferTooSmall {
        /// The packet's length in bytes.
        needed: usize,
        /// The buffer's length in bytes.
        available: usize,
    },
    /// A header and its payload are longer than the header's length field can hold.
    TooLong {
        /// The header.
        layer: Layer,
        /// The length that the field would have to hold, in bytes.
        len: usize,
        /// The greatest that it can hold.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_copies_slices_arrays_and_their_references() {
        let mut out = [0xa5; 3];
        assert_eq!([1, 2].build(&mut out).unwrap(), [1, 2]);
        let reference = &[3, 4];
        assert_eq!(Build::build(&reference, &mut out).unwrap(), [3, 4]);
        assert_eq!([5, 6].as_slice().build(&mut out).unwrap(), [5, 6]);
        assert_eq!((out, Build::len(&[0; 3])), ([5, 6, 0xa5], 3));
        assert_eq!([1, 2].emit(&mut out, None), [1, 2].as_slice().emit(&mut out, None));
    }

    #[test]
    fn a_length_that_overflows_is_refused() {
        use crate::wire::{EthernetBuilder, MacAddr};
        let payload = InPlace::with_sum(usize::MAX, Sum::ZERO);
        let mac = MacAddr::ZERO;
        let frame = EthernetBuilder::with_ethertype(mac, mac, EtherType::IPV4, payload);
        let error = BuildError::BufferTooSmall { needed: usize::MAX, available: 20 };
        assert_eq!(frame.build(&mut [0; 20]).unwrap_err(), error);
    }
}
