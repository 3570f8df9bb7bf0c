//! The view of the TCP header.

use bitflags::bitflags;
use zerocopy::byteorder::network_endian::{U16, U32};

use crate::checksum::{self, Sum};
use crate::wire::emit::len_field;
use crate::wire::header::{format_flags, header};
use crate::wire::len::add_len;
use crate::wire::{BuildError, Layer, PseudoHeader};

header! {
    /// The TCP header without options (RFC 9293 section 3.1): 20 bytes, any bytes.
    ///
    /// ```text
    /// |          Source Port          |       Destination Port        |
    /// |                        Sequence Number                        |
    /// |                     Acknowledgment Number                     |
    /// |Offset |Rsvd |A C E U A P R S F|            Window             |
    /// |           Checksum            |         Urgent Pointer        |
    /// |                Options, offset * 4 - 20 bytes                 |
    /// ```
    ///
    /// The reserved bits are kept as they are.
    ///
    /// # Examples
    ///
    /// A source NAT: port and address change, and the checksum with them.
    ///
    /// ```
    /// use vtep::wire::{TcpFlags, TcpHeader};
    /// # let syn = *b"\x95\xce\x13\x89\x4b\xb0\x2c\xb0\0\0\0\0\x50\x02\xfd\x5c\xd2\x82\0\0";
    ///
    /// let mut header = TcpHeader::from_bytes(syn);
    /// assert_eq!((header.flags(), header.checksum()), (TcpFlags::SYN, 0xd282));
    /// let (old, new) = ([10, 1, 17, 5], [192, 0, 2, 1]);
    /// header.set_source_port(header.source_port() + 1);
    /// header.update_checksum(u32::from_be_bytes(old), u32::from_be_bytes(new));
    /// assert_eq!(header.checksum(), 0x2b86);
    /// ```
    #[derive(Debug, Default)]
    pub struct TcpHeader: 20 bytes, Layer::Tcp;
    {
        source_port: U16,
        destination_port: U16,
        sequence: U32,
        acknowledgment: U32,
        offset_flags: U16,
        window: U16,
        checksum: U16,
        urgent_pointer: U16,
    }
}

impl TcpHeader {
    /// Returns a header between two ports without options, everything else zero.
    #[must_use]
    #[inline]
    pub const fn new(source_port: u16, destination_port: u16) -> Self {
        Self {
            source_port: U16::new(source_port),
            destination_port: U16::new(destination_port),
            sequence: U32::ZERO,
            acknowledgment: U32::ZERO,
            offset_flags: U16::new(5 << 12),
            window: U16::ZERO,
            checksum: U16::ZERO,
            urgent_pointer: U16::ZERO,
        }
    }

    /// The source port.
    #[must_use]
    #[inline]
    pub const fn source_port(&self) -> u16 {
        self.source_port.get()
    }

    /// Writes the source port; the checksum is left stale.
    #[inline]
    pub const fn set_source_port_raw(&mut self, port: u16) {
        self.source_port = U16::new(port);
    }

    /// Writes the source port, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_source_port(&mut self, port: u16) {
        let old = self.source_port();
        self.set_source_port_raw(port);
        self.update_word(old, port);
    }

    /// The destination port.
    #[must_use]
    #[inline]
    pub const fn destination_port(&self) -> u16 {
        self.destination_port.get()
    }

    /// Writes the destination port; the checksum is left stale.
    #[inline]
    pub const fn set_destination_port_raw(&mut self, port: u16) {
        self.destination_port = U16::new(port);
    }

    /// Writes the destination port, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_destination_port(&mut self, port: u16) {
        let old = self.destination_port();
        self.set_destination_port_raw(port);
        self.update_word(old, port);
    }

    /// The sequence number of the first byte, or of SYN.
    #[must_use]
    #[inline]
    pub const fn sequence(&self) -> u32 {
        self.sequence.get()
    }

    /// Writes the sequence number; the checksum is left stale.
    #[inline]
    pub const fn set_sequence_raw(&mut self, sequence: u32) {
        self.sequence = U32::new(sequence);
    }

    /// Writes the sequence number, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_sequence(&mut self, sequence: u32) {
        let old = self.sequence();
        self.set_sequence_raw(sequence);
        self.update_checksum(old, sequence);
    }

    /// The next sequence number that is expected. It is valid only if [`TcpFlags::ACK`] is set.
    #[must_use]
    #[inline]
    pub const fn acknowledgment(&self) -> u32 {
        self.acknowledgment.get()
    }

    /// Writes the acknowledgment number; the checksum is left stale.
    #[inline]
    pub const fn set_acknowledgment_raw(&mut self, acknowledgment: u32) {
        self.acknowledgment = U32::new(acknowledgment);
    }

    /// Writes the acknowledgment number, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_acknowledgment(&mut self, acknowledgment: u32) {
        let old = self.acknowledgment();
        self.set_acknowledgment_raw(acknowledgment);
        self.update_checksum(old, acknowledgment);
    }

    /// The header's length in bytes, options included, as the data offset says: 20 to 60 in a valid
    /// header.
    #[must_use]
    #[inline]
    pub const fn header_len(&self) -> usize {
        ((self.offset_flags.get() >> 12) as usize) << 2
    }

    /// The flags, reserved bits included.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> TcpFlags {
        TcpFlags::from_bits_retain(self.offset_flags.get() & Self::FLAGS_MASK)
    }

    /// Writes the flags, reserved bits included; the checksum is left stale.
    #[inline]
    pub const fn set_flags_raw(&mut self, flags: TcpFlags) {
        let offset = self.offset_flags.get() & !Self::FLAGS_MASK;
        self.offset_flags = U16::new(offset | flags.bits() & Self::FLAGS_MASK);
    }

    /// Writes the flags, reserved bits included, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_flags(&mut self, flags: TcpFlags) {
        let old = self.offset_flags.get();
        self.set_flags_raw(flags);
        self.update_word(old, self.offset_flags.get());
    }

    /// The window, not scaled.
    #[must_use]
    #[inline]
    pub const fn window(&self) -> u16 {
        self.window.get()
    }

    /// Writes the window; the checksum is left stale.
    #[inline]
    pub const fn set_window_raw(&mut self, window: u16) {
        self.window = U16::new(window);
    }

    /// Writes the window, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_window(&mut self, window: u16) {
        let old = self.window();
        self.set_window_raw(window);
        self.update_word(old, window);
    }

    /// The checksum. 0 is a legal value.
    #[must_use]
    #[inline]
    pub const fn checksum(&self) -> u16 {
        self.checksum.get()
    }

    /// Writes the checksum as given.
    #[inline]
    pub const fn set_checksum_raw(&mut self, checksum: u16) {
        self.checksum = U16::new(checksum);
    }

    /// Updates the checksum, after a part that it covers changed from `old` to `new`: a field of
    /// this header, words of the payload or an IP address (RFC 1624).
    #[inline]
    pub fn update_checksum<T: Into<Sum>>(&mut self, old: T, new: T) {
        let sum = checksum::update_sum(self.checksum(), old.into(), new.into());
        self.set_checksum_raw(sum.checksum());
    }

    /// Computes the checksum of this header, `options` and `payload` between the addresses of
    /// `pseudo`, and writes it. Together they have fewer than 2^16 bytes in an IP packet.
    ///
    /// # Errors
    /// [`BuildError::TooLong`] if they have more: no IP header can say so.
    #[inline]
    pub fn fill_checksum(
        &mut self,
        pseudo: &PseudoHeader,
        options: &[u8],
        payload: &[u8],
    ) -> Result<(), BuildError> {
        let len = add_len(add_len(Self::LEN, options.len()), payload.len());
        let len = len_field(Layer::Tcp, len)?;
        self.set_checksum_raw(0);
        let sum = Sum::of(self.as_bytes()) + Sum::of(options) + Sum::of(payload);
        self.set_checksum_raw((sum + pseudo.sum(u32::from(len))).checksum());
        Ok(())
    }

    /// The urgent pointer. It is valid only if [`TcpFlags::URG`] is set.
    #[must_use]
    #[inline]
    pub const fn urgent_pointer(&self) -> u16 {
        self.urgent_pointer.get()
    }

    /// Writes the urgent pointer; the checksum is left stale.
    #[inline]
    pub const fn set_urgent_pointer_raw(&mut self, pointer: u16) {
        self.urgent_pointer = U16::new(pointer);
    }

    /// Writes the urgent pointer, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_urgent_pointer(&mut self, pointer: u16) {
        let old = self.urgent_pointer();
        self.set_urgent_pointer_raw(pointer);
        self.update_word(old, pointer);
    }

    const FLAGS_MASK: u16 = 0x0FFF;

    /// Writes the data offset, in words of 4 bytes; the checksum is left stale.
    #[inline]
    pub(in crate::wire) const fn set_offset_raw(&mut self, words: u8) {
        self.offset_flags = U16::new((words as u16) << 12 | self.flags().bits());
    }

    fn update_word(&mut self, old: u16, new: u16) {
        self.set_checksum_raw(checksum::update(self.checksum(), old, new));
    }
}

bitflags! {
    /// The flags of a TCP header (RFC 9293 section 3.1), and the reserved bits beside them.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::TcpFlags;
    ///
    /// let flags = TcpFlags::from_bits_retain(0x012);
    /// assert_eq!(flags, TcpFlags::SYN | TcpFlags::ACK);
    /// ```
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
    pub struct TcpFlags: u16 {
        /// The sender has finished.
        const FIN = 0x001;
        /// Sequence numbers are synchronised.
        const SYN = 0x002;
        /// The connection is reset.
        const RST = 0x004;
        /// The receiver should deliver the data without waiting for more.
        const PSH = 0x008;
        /// The acknowledgment number is valid.
        const ACK = 0x010;
        /// The urgent pointer is valid.
        const URG = 0x020;
        /// ECN echo (RFC 3168 section 6.1).
        const ECE = 0x040;
        /// Congestion window reduced (RFC 3168 section 6.1).
        const CWR = 0x080;
        /// Accurate ECN (RFC 9768 section 3.1); once the nonce sum, NS (RFC 3540).
        const AE = 0x100;
        /// Reserved, zero. Kept as they are.
        const RESERVED = 0xE00;
    }
}

format_flags!(TcpFlags);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::TcpSegment;
    use crate::wire::tcp::segment::tests::{SYN, pseudo};
    use core::net::Ipv4Addr;

    #[test]
    fn flags_are_where_the_rfcs_say() {
        // RFC 9293 section 3.1, bits 4 to 15 of the word; RFC 3168 figure 3: CWR is bit 8, ECE bit
        // 9.
        let flags = |high: u8, low: u8| {
            let mut bytes = SYN;
            bytes[12..14].copy_from_slice(&[high, low]);
            TcpHeader::ref_from_prefix(&bytes).unwrap().0.flags()
        };
        assert_eq!(flags(0x50, 0xc2), TcpFlags::CWR | TcpFlags::ECE | TcpFlags::SYN);
        assert_eq!(flags(0x51, 0x39), {
            TcpFlags::AE | TcpFlags::URG | TcpFlags::ACK | TcpFlags::PSH | TcpFlags::FIN
        });
        assert_eq!(flags(0x5e, 0x04), TcpFlags::RESERVED | TcpFlags::RST);
    }

    #[test]
    fn setters_keep_the_checksum_and_raw_setters_do_not() {
        let mut bytes = SYN;
        let (header, _) = TcpHeader::mut_from_prefix(&mut bytes).unwrap();
        header.set_source_port(40_000);
        header.set_destination_port(80);
        header.set_flags(TcpFlags::all());
        header.set_sequence(0xffff_0001);
        header.set_acknowledgment(0x0001_ffff);
        header.set_window(7);
        header.set_urgent_pointer(9);
        assert_eq!((header.flags(), header.header_len()), (TcpFlags::all(), 40));
        let numbers = (header.sequence(), header.acknowledgment());
        assert_eq!(numbers, (0xffff_0001, 0x0001_ffff));
        assert_eq!((header.window(), header.urgent_pointer()), (7, 9));
        assert!(TcpSegment::parse(&bytes).unwrap().is_checksum_valid(&pseudo()));
        let (header, _) = TcpHeader::mut_from_prefix(&mut bytes).unwrap();
        header.set_window_raw(1);
        assert!(!TcpSegment::parse(&bytes).unwrap().is_checksum_valid(&pseudo()));
    }

    #[test]
    fn update_checksum_takes_addresses() {
        let mut bytes = SYN;
        let (header, _) = TcpHeader::mut_from_prefix(&mut bytes).unwrap();
        let (old, new) = (Ipv4Addr::new(10, 1, 17, 5), Ipv4Addr::new(192, 0, 2, 255));
        header.update_checksum(old, new);
        let pseudo = PseudoHeader::v4(new, [10, 1, 18, 7].into(), crate::wire::IpProtocol::TCP);
        assert!(TcpSegment::parse(&bytes).unwrap().is_checksum_valid(&pseudo));
    }
}
