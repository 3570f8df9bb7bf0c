//! The view of the IPv6 fragment header.

use zerocopy::byteorder::network_endian::{U16, U32};

use crate::wire::header::header;
use crate::wire::{FragmentOffset, IpProtocol, Layer};

header! {
    /// The IPv6 fragment header (RFC 8200 section 4.5): 8 bytes, any bytes.
    ///
    /// ```text
    /// |  Next Header  |   Reserved    |      Fragment Offset    |Res|M|
    /// |                         Identification                        |
    /// ```
    ///
    /// The reserved bits are zero on transmit and ignored on receipt.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::{IpProtocol, Ipv6FragmentHeader};
    ///
    /// // Linux: the second fragment of an ICMPv6 message.
    /// let header = Ipv6FragmentHeader::from_bytes([0x3a, 0, 0x05, 0x79, 0xf5, 0xb6, 0x7b, 0x98]);
    /// assert_eq!(header.next_header(), IpProtocol::ICMPV6);
    /// assert_eq!((header.offset().bytes(), header.more_fragments()), (1400, true));
    /// ```
    #[derive(Debug, Default)]
    pub struct Ipv6FragmentHeader: 8 bytes, Layer::Ipv6Extension;
    {
        next_header: u8,
        reserved: u8,
        offset_more: U16,
        id: U32,
    }
}

impl Ipv6FragmentHeader {
    const MORE: u16 = 0x0001;

    /// Returns the header of one fragment of a packet.
    #[must_use]
    #[inline]
    pub const fn new(next_header: IpProtocol, offset: FragmentOffset, more: bool, id: u32) -> Self {
        Self {
            next_header: next_header.0,
            reserved: 0,
            offset_more: U16::new(offset.bytes() | more as u16),
            id: U32::new(id),
        }
    }

    /// The first header of the fragmented part: a protocol, or another extension header.
    #[must_use]
    #[inline]
    pub const fn next_header(&self) -> IpProtocol {
        IpProtocol(self.next_header)
    }

    /// The offset of this fragment's payload in the fragmented part.
    #[must_use]
    #[inline]
    pub const fn offset(&self) -> FragmentOffset {
        FragmentOffset::from_low_bits(self.offset_more.get() >> 3)
    }

    /// Returns M: whether more fragments follow.
    #[must_use]
    #[inline]
    pub const fn more_fragments(&self) -> bool {
        self.offset_more.get() & Self::MORE != 0
    }

    /// Returns whether it is one fragment of several: more follow, or it is not the first. A whole
    /// packet can have a fragment header as well (an atomic fragment, RFC 6946).
    #[must_use]
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        self.offset_more.get() & (FragmentOffset::MAX.bytes() | Self::MORE) != 0
    }

    /// The identification that all fragments of a packet share.
    #[must_use]
    #[inline]
    pub const fn id(&self) -> u32 {
        self.id.get()
    }
}

#[cfg(test)]
pub(in crate::wire) mod tests {
    use super::*;
    use crate::wire::ParseError;

    /// Linux, `ping -s 3000` over an MTU of 1450: flannel_inner_fragments_v6.pcap, packets 1 to 3,
    /// the inner fragment headers.
    pub(in crate::wire) const CAPTURED: [[u8; 8]; 3] = [
        [0x3a, 0x00, 0x00, 0x01, 0xf5, 0xb6, 0x7b, 0x98],
        [0x3a, 0x00, 0x05, 0x79, 0xf5, 0xb6, 0x7b, 0x98],
        [0x3a, 0x00, 0x0a, 0xf0, 0xf5, 0xb6, 0x7b, 0x98],
    ];

    #[test]
    fn reads_the_kernels_fragments() {
        let read = CAPTURED.map(|bytes| {
            let header = Ipv6FragmentHeader::from_bytes(bytes);
            assert_eq!((header.next_header(), header.id()), (IpProtocol::ICMPV6, 0xf5b6_7b98));
            let (offset, more) = (header.offset(), header.more_fragments());
            assert_eq!(
                Ipv6FragmentHeader::new(IpProtocol::ICMPV6, offset, more, header.id()),
                header
            );
            (offset.bytes(), more, header.is_fragment())
        });
        assert_eq!(read, [(0, true, true), (1400, true, true), (2800, false, true)]);
    }

    #[test]
    fn reserved_bits_are_not_the_offset() {
        let header = Ipv6FragmentHeader::from_bytes([17, 0xff, 0x00, 0x06, 0, 0, 0, 1]);
        assert_eq!((header.offset().units(), header.more_fragments()), (0, false));
        assert!(!header.is_fragment());
        let last = Ipv6FragmentHeader::from_bytes([17, 0, 0xff, 0xf8, 0, 0, 0, 1]);
        assert_eq!((last.offset(), last.more_fragments()), (FragmentOffset::MAX, false));
    }

    #[test]
    fn ref_from_prefix_refuses_every_length_below_8() {
        for len in 0..8 {
            let error = ParseError::truncated(Layer::Ipv6Extension, 8, len);
            assert_eq!(
                Ipv6FragmentHeader::ref_from_prefix(&CAPTURED[0][..len]).unwrap_err(),
                error
            );
        }
    }
}
