//! Building TCP segments, their options included (RFC 9293 section 3.1).

use super::build::{Build, BuildError, IpPayload, check_length, write_behind, write_header};
use super::{HeaderOptions, IpProtocol, Layer, PseudoHeader, TcpFlags, TcpHeader};
use crate::checksum::Sum;

/// Builds a segment: data offset and checksum are computed. It has a checksum wherever an IP builder stands
/// outside.
#[derive(Clone, Copy, Debug)]
pub struct TcpBuilder<P> {
    header: TcpHeader,
    options: HeaderOptions,
    payload: P,
}

impl<P: Build> TcpBuilder<P> {
    /// A segment between two ports: no flags, no options, every number zero.
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
        self.header.header_len().saturating_add(self.payload.len())
    }

    fn check(&self) -> Result<(), BuildError> {
        check_length(Layer::Tcp, self.len())?;
        self.payload.check()
    }

    fn write(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Sum {
        let mut header = self.header;
        let payload = write_behind(header.header_len(), out, &self.payload, None);
        let behind = write_behind(TcpHeader::LEN, out, &self.options.as_bytes(), None) + payload;
        if let Some(pseudo) = pseudo {
            let length = u32::try_from(self.len()).unwrap_or(u32::MAX);
            let sum = Sum::of(header.as_bytes()) + behind + pseudo.sum(length);
            header.set_checksum_raw(sum.checksum());
        }
        write_header(out, header.as_bytes()) + behind
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
    use crate::wire::tcp::tests::{SYN, pseudo};

    #[test]
    fn builds_the_kernels_syn() {
        let mut out = [0xa5; 44];
        let builder = TcpBuilder::new(38_350, 5001, &[][..])
            .sequence(0x4bb0_2cb0)
            .flags(TcpFlags::SYN)
            .window(64_860)
            .options(HeaderOptions::new(&SYN[20..]).unwrap());
        assert_eq!(builder.len(), SYN.len());
        let sum = builder.write(&mut out[..40], Some(&pseudo()));
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
