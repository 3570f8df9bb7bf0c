//! The view of the UDP header.

use zerocopy::byteorder::network_endian::U16;

use crate::checksum::{self, Sum};
use crate::wire::header::header;
use crate::wire::{Layer, PseudoHeader};

header! {
    /// The UDP header (RFC 768): 8 bytes, any bytes.
    ///
    /// ```text
    /// |          Source Port          |       Destination Port        |
    /// |             Length            |            Checksum           |
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::UdpHeader;
    ///
    /// let mut bytes = *b"\x04\xd2\x00\x35\x00\x0c\xe7\xf7ping";
    /// let (header, payload) = UdpHeader::mut_from_prefix(&mut bytes)?;
    /// header.set_destination_port(54); // One more, so the checksum is one less.
    /// assert_eq!((header.checksum(), header.datagram_len()), (0xe7f6, 12));
    /// assert_eq!(payload, b"ping");
    /// # Ok::<(), vtep::wire::ParseError>(())
    /// ```
    #[derive(Debug, Default)]
    pub struct UdpHeader: 8 bytes, Layer::Udp;
    {
        source_port: U16,
        destination_port: U16,
        datagram_len: U16,
        checksum: U16,
    }
}

impl UdpHeader {
    /// Returns a header between two ports without a checksum. `datagram_len` is the length of
    /// header and payload in bytes.
    #[must_use]
    #[inline]
    pub const fn new(source_port: u16, destination_port: u16, datagram_len: u16) -> Self {
        Self {
            source_port: U16::new(source_port),
            destination_port: U16::new(destination_port),
            datagram_len: U16::new(datagram_len),
            checksum: U16::ZERO,
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

    /// Writes the source port, and keeps a right checksum right (RFC 1624); none stays none.
    #[inline]
    pub fn set_source_port(&mut self, port: u16) {
        let old = self.source_port();
        self.set_source_port_raw(port);
        self.set_checksum_raw(checksum::update_udp(self.checksum(), old, port));
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

    /// Writes the destination port, and keeps a right checksum right (RFC 1624); none stays none.
    #[inline]
    pub fn set_destination_port(&mut self, port: u16) {
        let old = self.destination_port();
        self.set_destination_port_raw(port);
        self.set_checksum_raw(checksum::update_udp(self.checksum(), old, port));
    }

    /// The length of header and payload in bytes: at least 8 in a valid header.
    #[must_use]
    #[inline]
    pub const fn datagram_len(&self) -> u16 {
        self.datagram_len.get()
    }

    /// Writes the length of header and payload; the checksum, which covers it twice, is left stale.
    #[inline]
    pub const fn set_datagram_len_raw(&mut self, len: u16) {
        self.datagram_len = U16::new(len);
    }

    /// Writes the length of header and payload, and updates the checksum for this field and its
    /// copy in the pseudo-header (RFC 1624); none stays none. Bytes that join or leave the payload
    /// need [`update_checksum`](Self::update_checksum) as well, unless they are zero.
    #[inline]
    pub fn set_datagram_len(&mut self, len: u16) {
        let old = self.datagram_len();
        self.set_datagram_len_raw(len);
        self.update_checksum(Sum::from(old) + old, Sum::from(len) + len);
    }

    /// The checksum; 0 means no checksum.
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
    /// this header, words of the payload or an IP address (RFC 1624). None stays none.
    #[inline]
    pub fn update_checksum<T: Into<Sum>>(&mut self, old: T, new: T) {
        if self.checksum() != 0 {
            let sum = checksum::update_sum(self.checksum(), old.into(), new.into());
            self.set_checksum_raw(sum.udp_checksum());
        }
    }

    /// Computes the checksum of this header and `payload` between the addresses of `pseudo`, and
    /// writes it.
    #[inline]
    pub fn fill_checksum(&mut self, pseudo: &PseudoHeader, payload: &[u8]) {
        self.set_checksum_raw(0);
        let len = u32::from(self.datagram_len());
        let sum = pseudo.sum(len) + Sum::of(self.as_bytes()) + Sum::of(payload);
        self.set_checksum_raw(sum.udp_checksum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::udp::datagram::tests::{DATAGRAM, pseudo};
    use crate::wire::{UdpChecksumState, UdpDatagram};

    #[test]
    fn setters_of_ports_keep_the_checksum_and_its_absence() {
        let mut bytes = DATAGRAM;
        let (header, _) = UdpHeader::mut_from_prefix(&mut bytes).unwrap();
        header.set_source_port(40_000);
        header.set_destination_port(8472);
        let datagram = UdpDatagram::parse(&bytes).unwrap();
        assert_eq!(datagram.checksum_state(&pseudo()), UdpChecksumState::Good);
        let (header, _) = UdpHeader::mut_from_prefix(&mut bytes).unwrap();
        header.set_checksum_raw(0);
        header.set_source_port(1);
        assert_eq!(header.checksum(), 0);
    }

    #[test]
    fn set_datagram_len_updates_the_checksum_for_both_lengths() {
        let mut bytes = [0; 16];
        bytes[..12].copy_from_slice(&DATAGRAM);
        let (header, _) = UdpHeader::mut_from_prefix(&mut bytes).unwrap();
        header.set_datagram_len(16);
        let datagram = UdpDatagram::parse(&bytes).unwrap();
        assert_eq!(datagram.payload(), b"ping\0\0\0\0");
        assert_eq!(datagram.checksum_state(&pseudo()), UdpChecksumState::Good);
    }

    #[test]
    fn update_checksum_takes_words_and_addresses_and_leaves_none() {
        let mut bytes = DATAGRAM;
        let (header, payload) = UdpHeader::mut_from_prefix(&mut bytes).unwrap();
        payload.copy_from_slice(b"pong");
        header.update_checksum(u32::from_be_bytes(*b"ping"), u32::from_be_bytes(*b"pong"));
        let datagram = UdpDatagram::parse(&bytes).unwrap();
        assert_eq!(datagram.checksum_state(&pseudo()), UdpChecksumState::Good);
        let mut header = UdpHeader::new(1, 2, 8);
        header.update_checksum(0u16, 1u16);
        assert_eq!(header.checksum(), 0);
        // RFC 768: a sum that comes out as zero is all ones.
        header.set_checksum_raw(1);
        header.update_checksum(0u16, 1u16);
        assert_eq!(header.checksum(), 0xffff);
    }
}
