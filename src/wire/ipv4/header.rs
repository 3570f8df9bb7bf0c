//! The view of the IPv4 header.

use core::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;

use crate::checksum::{self, Sum};
use crate::wire::header::header;
use crate::wire::{FragmentOffset, IpProtocol, Ipv4Flags, Layer, TrafficClass};

header! {
    /// The IPv4 header without options (RFC 791 section 3.1): 20 bytes, any bytes.
    ///
    /// ```text
    /// |Version|  IHL  |DSCP       |ECN|          Total Length         |
    /// |         Identification        |R D M      Fragment Offset     |
    /// |      TTL      |    Protocol   |        Header Checksum        |
    /// |                         Source Address                        |
    /// |                      Destination Address                      |
    /// |                    Options, IHL * 4 - 20 bytes                |
    /// ```
    ///
    /// # Examples
    ///
    /// `set_x` keeps the checksum right; `set_x_raw` leaves it stale, which means that it is the
    /// checksum of the header as it was:
    ///
    /// ```
    /// use vtep::wire::Ipv4Header;
    ///
    /// // tcpdump's tests/vxlan.pcap, packet 1.
    /// let mut bytes = *b"\x45\0\0\x86\xd2\xc0\x40\0\x40\x11\x51\x52\
    ///     \xc0\xa8\xcb\x01\xc0\xa8\xca\x01";
    /// let (header, _) = Ipv4Header::mut_from_prefix(&mut bytes)?;
    /// header.set_ttl(header.ttl() - 1);
    /// assert_eq!((header.ttl(), header.checksum()), (63, 0x5252));
    /// assert!(header.is_checksum_valid(&[]));
    ///
    /// header.set_ttl_raw(1);
    /// assert_eq!(header.checksum(), 0x5252); // Stale: it is the checksum for a TTL of 63.
    /// assert!(!header.is_checksum_valid(&[]));
    /// header.fill_checksum(&[]);
    /// assert!(header.is_checksum_valid(&[]));
    /// # Ok::<(), vtep::wire::ParseError>(())
    /// ```
    #[derive(Debug)]
    pub struct Ipv4Header: 20 bytes, Layer::Ipv4;
    {
        version_ihl: u8,
        traffic_class: u8,
        total_len: U16,
        id: U16,
        flags_offset: U16,
        ttl: u8,
        protocol: u8,
        checksum: U16,
        source: [u8; 4],
        destination: [u8; 4],
    }
}

impl Ipv4Header {
    /// The longest header, options included, in bytes.
    pub const MAX_LEN: usize = 60;

    /// Returns a header between two addresses: version 4, no options, TTL 64, everything else zero,
    /// the checksum too.
    #[must_use]
    #[inline]
    pub const fn new(source: Ipv4Addr, destination: Ipv4Addr, protocol: IpProtocol) -> Self {
        Self {
            version_ihl: 0x45,
            traffic_class: 0,
            total_len: U16::ZERO,
            id: U16::ZERO,
            flags_offset: U16::ZERO,
            ttl: 64,
            protocol: protocol.0,
            checksum: U16::ZERO,
            source: source.octets(),
            destination: destination.octets(),
        }
    }

    /// Version and IHL: 0x45 in a valid header without options.
    #[must_use]
    #[inline]
    pub(crate) const fn first_byte(&self) -> u8 {
        self.version_ihl
    }

    /// The version: 4 in a valid header.
    #[must_use]
    #[inline]
    pub const fn version(&self) -> u8 {
        self.version_ihl >> 4
    }

    /// The header's length in bytes, options included, as the IHL says: 20 to 60 in a valid header.
    #[must_use]
    #[inline]
    pub const fn header_len(&self) -> usize {
        ((self.version_ihl & 0x0F) as usize) << 2
    }

    /// Writes version 4 and a header length of `words` words of 4 bytes; the checksum is left
    /// stale.
    #[inline]
    pub(in crate::wire) const fn set_ihl_raw(&mut self, words: u8) {
        self.version_ihl = 0x40 | words & 0x0F;
    }

    /// DSCP and ECN.
    #[must_use]
    #[inline]
    pub const fn traffic_class(&self) -> TrafficClass {
        TrafficClass(self.traffic_class)
    }

    /// Writes DSCP and ECN; the checksum is left stale.
    #[inline]
    pub const fn set_traffic_class_raw(&mut self, class: TrafficClass) {
        self.traffic_class = class.0;
    }

    /// Writes DSCP and ECN, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_traffic_class(&mut self, class: TrafficClass) {
        self.update_word(|header| header.set_traffic_class_raw(class), Self::first_word);
    }

    /// The length of header and payload in bytes.
    #[must_use]
    #[inline]
    pub const fn total_len(&self) -> u16 {
        self.total_len.get()
    }

    /// Writes the length of header and payload; the checksum is left stale.
    #[inline]
    pub const fn set_total_len_raw(&mut self, len: u16) {
        self.total_len = U16::new(len);
    }

    /// Writes the length of header and payload, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_total_len(&mut self, len: u16) {
        self.update_word(|header| header.set_total_len_raw(len), Self::total_len);
    }

    /// The identification. It has no meaning in an atomic datagram (RFC 6864 section 4.1).
    #[must_use]
    #[inline]
    pub const fn id(&self) -> u16 {
        self.id.get()
    }

    /// Writes the identification; the checksum is left stale.
    #[inline]
    pub const fn set_id_raw(&mut self, id: u16) {
        self.id = U16::new(id);
    }

    /// Writes the identification, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_id(&mut self, id: u16) {
        self.update_word(|header| header.set_id_raw(id), Self::id);
    }

    /// The three flags.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> Ipv4Flags {
        Ipv4Flags::from_bits_retain(self.flags_offset.get() & !Self::OFFSET_MASK)
    }

    /// Writes the three flags; the checksum is left stale.
    #[inline]
    pub const fn set_flags_raw(&mut self, flags: Ipv4Flags) {
        let offset = self.flags_offset.get() & Self::OFFSET_MASK;
        self.flags_offset = U16::new(flags.bits() & !Self::OFFSET_MASK | offset);
    }

    /// Writes the three flags, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_flags(&mut self, flags: Ipv4Flags) {
        self.update_word(|header| header.set_flags_raw(flags), |header| header.flags_offset.get());
    }

    /// The offset of this fragment's payload in the whole datagram's.
    #[must_use]
    #[inline]
    pub const fn fragment_offset(&self) -> FragmentOffset {
        FragmentOffset::from_low_bits(self.flags_offset.get())
    }

    /// Writes the fragment offset; the checksum is left stale.
    #[inline]
    pub const fn set_fragment_offset_raw(&mut self, offset: FragmentOffset) {
        self.flags_offset = U16::new(self.flags().bits() | offset.units());
    }

    /// Writes the fragment offset, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_fragment_offset(&mut self, offset: FragmentOffset) {
        self.update_word(
            |header| header.set_fragment_offset_raw(offset),
            |header| header.flags_offset.get(),
        );
    }

    /// Returns whether it is one fragment of several: more follow, or it is not the first.
    #[must_use]
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        self.flags_offset.get() & (Ipv4Flags::MORE_FRAGMENTS.bits() | Self::OFFSET_MASK) != 0
    }

    /// The time to live, in hops.
    #[must_use]
    #[inline]
    pub const fn ttl(&self) -> u8 {
        self.ttl
    }

    /// Writes the time to live; the checksum is left stale.
    #[inline]
    pub const fn set_ttl_raw(&mut self, ttl: u8) {
        self.ttl = ttl;
    }

    /// Writes the time to live, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_ttl(&mut self, ttl: u8) {
        self.update_word(|header| header.set_ttl_raw(ttl), Self::ttl_protocol);
    }

    /// The protocol of the payload.
    #[must_use]
    #[inline]
    pub const fn protocol(&self) -> IpProtocol {
        IpProtocol(self.protocol)
    }

    /// Writes the protocol of the payload; the checksum is left stale.
    #[inline]
    pub const fn set_protocol_raw(&mut self, protocol: IpProtocol) {
        self.protocol = protocol.0;
    }

    /// Writes the protocol of the payload, and keeps the checksum right (RFC 1624).
    #[inline]
    pub fn set_protocol(&mut self, protocol: IpProtocol) {
        self.update_word(|header| header.set_protocol_raw(protocol), Self::ttl_protocol);
    }

    /// The header checksum. 0 is a legal value.
    #[must_use]
    #[inline]
    pub const fn checksum(&self) -> u16 {
        self.checksum.get()
    }

    /// Writes the header checksum as given.
    #[inline]
    pub const fn set_checksum_raw(&mut self, checksum: u16) {
        self.checksum = U16::new(checksum);
    }

    /// Computes the checksum of this header and `options`, and writes it.
    #[inline]
    pub fn fill_checksum(&mut self, options: &[u8]) {
        self.set_checksum_raw(0);
        let sum = Sum::of(self.as_bytes()) + Sum::of(options);
        self.set_checksum_raw(sum.checksum());
    }

    /// Returns whether the checksum of this header and `options` is right.
    #[must_use]
    #[inline]
    pub fn is_checksum_valid(&self, options: &[u8]) -> bool {
        (Sum::of(self.as_bytes()) + Sum::of(options)).is_valid()
    }

    /// The source address.
    #[must_use]
    #[inline]
    pub const fn source(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.source;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Writes the source address; the checksum, and the payload's, are left stale.
    #[inline]
    pub const fn set_source_raw(&mut self, source: Ipv4Addr) {
        self.source = source.octets();
    }

    /// Writes the source address, and keeps this header's checksum right (RFC 1624). The payload's
    /// is left stale: see `update_checksum` of
    /// [`TcpHeader`](crate::wire::TcpHeader::update_checksum) and
    /// [`UdpHeader`](crate::wire::UdpHeader::update_checksum).
    #[inline]
    pub fn set_source(&mut self, source: Ipv4Addr) {
        let old = self.source();
        self.set_source_raw(source);
        let checksum = checksum::update_sum(self.checksum(), old.into(), source.into());
        self.set_checksum_raw(checksum.checksum());
    }

    /// The destination address.
    #[must_use]
    #[inline]
    pub const fn destination(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.destination;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Writes the destination address; the checksum, and the payload's, are left stale.
    #[inline]
    pub const fn set_destination_raw(&mut self, destination: Ipv4Addr) {
        self.destination = destination.octets();
    }

    /// Writes the destination address, and keeps this header's checksum right (RFC 1624). The
    /// payload's is left stale: see `update_checksum` of
    /// [`TcpHeader`](crate::wire::TcpHeader::update_checksum) and
    /// [`UdpHeader`](crate::wire::UdpHeader::update_checksum).
    #[inline]
    pub fn set_destination(&mut self, destination: Ipv4Addr) {
        let old = self.destination();
        self.set_destination_raw(destination);
        let checksum = checksum::update_sum(self.checksum(), old.into(), destination.into());
        self.set_checksum_raw(checksum.checksum());
    }

    const OFFSET_MASK: u16 = FragmentOffset::MAX.units();

    /// Version, IHL, DSCP and ECN.
    const fn first_word(&self) -> u16 {
        u16::from_be_bytes([self.version_ihl, self.traffic_class])
    }

    const fn ttl_protocol(&self) -> u16 {
        u16::from_be_bytes([self.ttl, self.protocol])
    }

    fn update_word(&mut self, edit: impl FnOnce(&mut Self), word: impl Fn(&Self) -> u16) {
        let old = word(self);
        edit(self);
        self.update_checksum(old, word(self));
    }

    fn update_checksum(&mut self, old: u16, new: u16) {
        self.set_checksum_raw(checksum::update(self.checksum(), old, new));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ParseError;
    use crate::wire::ipv4::testdata::CAPTURED;

    #[test]
    fn reads_a_captured_header() {
        let header = Ipv4Header::from_bytes(CAPTURED);
        assert_eq!((header.version(), header.header_len(), header.total_len()), (4, 20, 134));
        assert_eq!((header.id(), header.fragment_offset().units()), (0xd2c0, 0));
        assert_eq!(header.flags(), Ipv4Flags::DONT_FRAGMENT);
        assert_eq!((header.ttl(), header.protocol()), (64, IpProtocol::UDP));
        assert_eq!(header.source(), Ipv4Addr::new(192, 168, 203, 1));
        assert_eq!(header.destination(), Ipv4Addr::new(192, 168, 202, 1));
        assert!(header.is_checksum_valid(&[]) && !header.is_fragment());
    }

    #[test]
    fn reads_the_kernels_fragment() {
        // Linux, the second fragment of `ping -s 3000`: flannel_inner_fragments.pcap, packet 2,
        // inner.
        let header = Ipv4Header::from_bytes([
            0x45, 0x00, 0x00, 0x1b, 0x09, 0x5b, 0x00, 0xb2, 0x3f, 0x01, 0x3a, 0xc8, 0x0a, 0x01,
            0x11, 0x05, 0x0a, 0x01, 0x12, 0x07,
        ]);
        assert_eq!(header.fragment_offset().bytes(), 1424);
        assert!(header.is_fragment() && header.flags().is_empty());
    }

    #[test]
    fn ref_from_prefix_refuses_every_length_below_20() {
        for len in 0..20 {
            let error = ParseError::truncated(Layer::Ipv4, 20, len);
            assert_eq!(Ipv4Header::ref_from_prefix(&CAPTURED[..len]).unwrap_err(), error);
        }
    }

    #[test]
    fn setters_keep_the_checksum_and_raw_setters_do_not() {
        let mut header = Ipv4Header::from_bytes(CAPTURED);
        header.set_traffic_class(TrafficClass(0xbb));
        header.set_total_len(1500);
        header.set_id(7);
        header.set_flags(Ipv4Flags::all());
        header.set_fragment_offset(FragmentOffset::MAX);
        header.set_ttl(1);
        header.set_protocol(IpProtocol::TCP);
        header.set_source(Ipv4Addr::new(255, 255, 0, 1));
        header.set_destination(Ipv4Addr::new(10, 1, 17, 3));
        assert!(header.is_checksum_valid(&[]));
        assert_eq!((header.ttl(), header.flags()), (1, Ipv4Flags::all()));
        let offset = header.fragment_offset();
        assert_eq!((offset, header.protocol()), (FragmentOffset::MAX, IpProtocol::TCP));
        header.set_ttl_raw(2);
        assert!(!header.is_checksum_valid(&[]));
    }

    #[test]
    fn the_reserved_flag_and_the_offset_survive() {
        let mut header = Ipv4Header::from_bytes(CAPTURED);
        header.flags_offset = U16::new(0x9fff);
        assert_eq!(header.flags(), Ipv4Flags::RESERVED);
        assert_eq!(header.fragment_offset(), FragmentOffset::MAX);
        header.set_flags_raw(header.flags() | Ipv4Flags::MORE_FRAGMENTS);
        assert_eq!(header.flags_offset.get(), 0xbfff);
        header.set_fragment_offset_raw(FragmentOffset::default());
        assert_eq!(header.flags_offset.get(), 0xa000);
        assert!(header.is_fragment());
    }
}
