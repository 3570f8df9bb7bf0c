//! The framing of pcap files (draft-ietf-opsawg-pcap).

use crate::link::Link;
use crate::order::Order;
use crate::packet::{Interface, Record, Time};
use crate::skip::Skip;

/// What the header of a pcap file says.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    order: Order,
    pub nanoseconds: bool,
    /// The length of a record's header: 16 bytes, 24 in the files of a patched libpcap of 1999.
    pub record_header_len: usize,
    snaplen: u32,
    link: u32,
}

impl Header {
    pub const LEN: usize = 24;
    /// Each magic number, whether timestamps are in nanoseconds, and the length of a record's
    /// header.
    const MAGIC: [(u32, bool, usize); 3] =
        [(0xa1b2_c3d4, false, 16), (0xa1b2_3c4d, true, 16), (0xa1b2_cd34, false, 24)];
    /// The FCS length is present.
    const FCS_LEN_PRESENT: u32 = 1 << 26;
    /// Bits that a writer must set to zero: a value that has them is not understood.
    const RESERVED: u32 = 0x0BFF_0000;

    /// Returns true if `bytes` begin with the magic number of a pcap file.
    pub fn is_magic(bytes: &[u8]) -> bool {
        Self::MAGIC.iter().any(|(magic, ..)| Order::of_magic(bytes, *magic).is_some())
    }

    /// Parses a file header, or returns `None` if it is not one or is cut short.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (order, nanoseconds, record_header_len) =
            Self::MAGIC.into_iter().find_map(|(magic, nanoseconds, len)| {
                Some((Order::of_magic(bytes, magic)?, nanoseconds, len))
            })?;
        let (snaplen, link) = (order.u32(bytes, 16)?, order.u32(bytes, 20)?);
        Some(Self { order, nanoseconds, record_header_len, snaplen, link })
    }

    /// The one interface of the file.
    pub fn interface(&self) -> Interface {
        let ticks_a_second = if self.nanoseconds { 1_000_000_000 } else { 1_000_000 };
        let link = match self.link & Self::RESERVED {
            0 => Link::of(self.link & 0xFFFF),
            _ => Err(Skip::LinkType(self.link)),
        };
        let (snaplen, fcs_len) = (self.snaplen, self.fcs_len());
        Interface { link, snaplen, fcs_len, ticks_a_second, offset_seconds: 0 }
    }

    /// The octets of FCS at the end of each packet. The field counts 16-bit words.
    fn fcs_len(&self) -> usize {
        let words = if self.link & Self::FCS_LEN_PRESENT == 0 { 0 } else { self.link >> 28 };
        2 * words as usize
    }

    /// The length of a record's packet, or `None` if the record's header is cut short.
    pub fn captured_len(&self, record: &[u8]) -> Option<usize> {
        Some(self.order.u32(record, 8)? as usize)
    }

    /// Reads a whole record, or returns `None` if its header is cut short.
    pub fn record<'a>(&self, record: &'a [u8]) -> Option<Record<'a>> {
        let word = |at| self.order.u32(record, at);
        Some(Record {
            interface: 0,
            time: Time::Pcap(word(0)?, word(4)?),
            len: word(12)? as usize,
            bytes: record.get(self.record_header_len..)?,
            fcs_len: None,
        })
    }
}
