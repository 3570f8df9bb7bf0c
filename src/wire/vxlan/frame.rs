//! A parsed VXLAN frame, and the builder of one.

use super::{VxlanFlags, VxlanHeader};
use crate::checksum::Sum;
use crate::wire::emit::{Emit, emit_fixed};
use crate::wire::len::add_len;
use crate::wire::{Build, BuildError, EthernetFrame, Layer, ParseError, PseudoHeader, Vni};

/// A parsed VXLAN frame (RFC 7348 section 5): a header whose I flag is set, followed by an inner
/// Ethernet frame.
///
/// It applies no policy: to decapsulate use [`Vtep`](crate::tunnel::Vtep).
///
/// # Examples
///
/// ```
/// use vtep::wire::{EtherType, VxlanFrame};
///
/// let payload = *b"\x08\0\0\0\0\0\x01\0\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x08\x06arp";
/// let frame = VxlanFrame::parse(&payload)?;
/// assert_eq!((frame.vni().value(), frame.inner().ethertype()), (1, EtherType::ARP));
/// assert!(VxlanFrame::parse(&[0; 22]).is_err()); // The I flag is clear.
/// # Ok::<(), vtep::wire::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VxlanFrame<'a> {
    header: &'a VxlanHeader,
    inner: EthernetFrame<'a>,
}

impl<'a> VxlanFrame<'a> {
    /// Parses a UDP payload. Reserved bits are ignored (RFC 7348 section 5).
    ///
    /// # Errors
    /// - `Truncated` if the VXLAN header or the inner Ethernet header is incomplete.
    /// - `Unsupported` if the I flag is clear.
    #[inline]
    pub fn parse(payload: &'a [u8]) -> Result<Self, ParseError> {
        let (header, inner) = VxlanHeader::ref_from_prefix(payload)?;
        if !header.flags().contains(VxlanFlags::VNI) {
            let (expected, found) = (VxlanFlags::VNI.bits().into(), header.flags().bits().into());
            return Err(ParseError::unsupported(Layer::Vxlan, 0, expected, found));
        }
        Ok(Self { header, inner: EthernetFrame::parse(inner)? })
    }

    /// The VXLAN header.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a VxlanHeader {
        self.header
    }

    /// The network that the inner frame belongs to.
    #[must_use]
    #[inline]
    pub const fn vni(&self) -> Vni {
        self.header.vni()
    }

    /// The inner frame, its own padding included.
    #[must_use]
    #[inline]
    pub const fn inner(&self) -> EthernetFrame<'a> {
        self.inner
    }
}

/// Builds a VXLAN header and the inner frame that follows it (RFC 7348 section 5).
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, UdpBuilder, Vni, VxlanBuilder, VxlanHeader};
///
/// let inner = [0; 60];
/// let vxlan = VxlanBuilder::new(Vni::literal::<1>(), inner);
/// let mut buffer = [0; 128];
/// let datagram = UdpBuilder::new(49_152, VxlanHeader::PORT, vxlan).build(&mut buffer)?;
/// assert_eq!(datagram[8..16], [0x08, 0, 0, 0, 0, 0, 1, 0]);
/// # Ok::<(), vtep::wire::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VxlanBuilder<P> {
    header: VxlanHeader,
    inner: P,
}

impl<P: Build> VxlanBuilder<P> {
    /// Returns `inner` in the network `vni`.
    #[must_use]
    pub const fn new(vni: Vni, inner: P) -> Self {
        Self::with_header(VxlanHeader::new(vni), inner)
    }

    /// Returns `inner` after `header`, which is not checked.
    #[must_use]
    pub const fn with_header(header: VxlanHeader, inner: P) -> Self {
        Self { header, inner }
    }
}

impl<P: Build> Build for VxlanBuilder<P> {
    fn len(&self) -> usize {
        add_len(VxlanHeader::LEN, self.inner.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        self.inner.check()
    }
}

impl<P: Build> Emit for VxlanBuilder<P> {
    fn emit(&self, out: &mut [u8], _: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        emit_fixed(out, self.header.as_bytes(), &self.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_needs_the_flag_and_a_whole_inner_header() {
        let mut payload = [0u8; 22];
        payload[0] = 0x08;
        payload[6] = 1;
        assert_eq!(VxlanFrame::parse(&payload).unwrap().vni().value(), 1);
        for len in 0..payload.len() {
            assert!(VxlanFrame::parse(&payload[..len]).is_err(), "{len}");
        }
        payload[0] = 0xf7;
        let error = ParseError::unsupported(Layer::Vxlan, 0, 0x08, 0xf7);
        assert_eq!(VxlanFrame::parse(&payload).unwrap_err(), error);
    }
}
