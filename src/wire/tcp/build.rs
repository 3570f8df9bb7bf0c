//! The builder of TCP segments.

use crate::checksum::Sum;
use crate::wire::emit::{Emit, check_len, emit_after, emit_header, len_field};
use crate::wire::len::add_len;
use crate::wire::{
    Build, BuildError, HeaderOptions, IpPayload, IpProtocol, Layer, PseudoHeader, TcpFlags,
    TcpHeader,
};

/// Builds a TCP segment (RFC 9293 section 3.1): data offset and checksum are computed. The checksum
/// covers the IP addresses, so there is one only where an IP builder encloses it, or with
/// [`build_with_pseudo_header`](Build::build_with_pseudo_header).
///
/// # Examples
///
/// ```
/// use vtep::wire::{Build, Ipv4Builder, TcpBuilder, TcpFlags};
///
/// let syn = TcpBuilder::new(38_350, 5001, b"").sequence(7).flags(TcpFlags::SYN).window(64_860);
/// let packet = Ipv4Builder::new([10, 1, 17, 5].into(), [10, 1, 18, 7].into(), syn);
/// let mut buffer = [0; 40];
/// assert_eq!(packet.build(&mut buffer)?[20..24], [0x95, 0xce, 0x13, 0x89]);
/// # Ok::<(), vtep::wire::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TcpBuilder<P> {
    header: TcpHeader,
    options: HeaderOptions,
    payload: P,
}

impl<P: Build> TcpBuilder<P> {
    /// Returns a segment between two ports: no flags, no options, every number zero.
    #[must_use]
    pub const fn new(source_port: u16, destination_port: u16, payload: P) -> Self {
        let header = TcpHeader::new(source_port, destination_port);
        Self { header, options: HeaderOptions::NONE, payload }
    }

    /// Sets the sequence number.
    #[must_use]
    pub const fn sequence(mut self, sequence: u32) -> Self {
        self.header.set_sequence_raw(sequence);
        self
    }

    /// Sets the acknowledgment number; the flag is set with [`flags`](Self::flags).
    #[must_use]
    pub const fn acknowledgment(mut self, acknowledgment: u32) -> Self {
        self.header.set_acknowledgment_raw(acknowledgment);
        self
    }

    /// Sets the flags.
    #[must_use]
    pub const fn flags(mut self, flags: TcpFlags) -> Self {
        self.header.set_flags_raw(flags);
        self
    }

    /// Sets the window.
    #[must_use]
    pub const fn window(mut self, window: u16) -> Self {
        self.header.set_window_raw(window);
        self
    }

    /// Sets the urgent pointer; the flag is set with [`flags`](Self::flags).
    #[must_use]
    pub const fn urgent_pointer(mut self, pointer: u16) -> Self {
        self.header.set_urgent_pointer_raw(pointer);
        self
    }

    /// Sets the options.
    #[must_use]
    pub const fn options(mut self, options: HeaderOptions) -> Self {
        self.header.set_offset_raw(options.header_words());
        self.options = options;
        self
    }
}

impl<P: Build> Build for TcpBuilder<P> {
    fn len(&self) -> usize {
        add_len(self.header.header_len(), self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_len(Layer::Tcp, self.len())?;
        self.payload.check()
    }
}

impl<P: Build> Emit for TcpBuilder<P> {
    fn emit(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Result<Sum, BuildError> {
        let mut header = self.header;
        let payload = emit_after(header.header_len(), out, &self.payload, None)?;
        let options = emit_after(TcpHeader::LEN, out, &self.options.as_bytes(), None)?;
        if let Some(pseudo) = pseudo {
            let len = u32::from(len_field(Layer::Tcp, self.len())?);
            let sum = Sum::of(header.as_bytes()) + options + payload + pseudo.sum(len);
            header.set_checksum_raw(sum.checksum());
        }
        Ok(emit_header(out, header.as_bytes())? + options + payload)
    }
}

impl<P: Build> IpPayload for TcpBuilder<P> {
    fn protocol(&self) -> IpProtocol {
        IpProtocol::TCP
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tcp::segment::tests::{SYN, pseudo};

    #[test]
    fn build_writes_the_kernels_syn() {
        let mut out = [0xa5; 44];
        let builder = TcpBuilder::new(38_350, 5001, &[][..])
            .sequence(0x4bb0_2cb0)
            .flags(TcpFlags::SYN)
            .window(64_860)
            .options(HeaderOptions::new(&SYN[20..]).unwrap());
        assert_eq!(builder.len(), SYN.len());
        let sum = builder.emit(&mut out[..40], Some(&pseudo())).unwrap();
        assert_eq!(out[..40], SYN);
        assert_eq!(out[40..], [0xa5; 4]);
        assert_eq!(sum, Sum::of(&SYN));
    }

    #[test]
    fn every_field_is_written() {
        let mut out = [0xa5; 23];
        let written = TcpBuilder::new(0x0102, 0x0304, &b"abc"[..])
            .acknowledgment(0x0506_0708)
            .flags(TcpFlags::URG | TcpFlags::AE)
            .urgent_pointer(0x090a)
            .build(&mut out)
            .unwrap();
        let header = [1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8, 0x51, 0x20, 0, 0, 0, 0, 9, 0x0a];
        assert_eq!((&written[..20], &written[20..]), (&header[..], &b"abc"[..]));
    }

    #[test]
    fn too_long_is_refused_before_anything_is_written() {
        let payload = [0u8; 65_516];
        let error = BuildError::TooLong { layer: Layer::Tcp, len: 65_536, max: 65_535 };
        assert_eq!(TcpBuilder::new(1, 2, &payload[..]).build(&mut [0; 8]).unwrap_err(), error);
    }
}
