//! The two formats of captures: how long a record is, and what it holds.

use crate::order::Order;
use crate::packet::{Interface, Record};
use crate::pcapng::Block;
use crate::skip::Skip;
use crate::{pcap, pcapng};

/// How fine the timestamps of a file are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resolution {
    Microseconds,
    Nanoseconds,
}

/// A file format, and what its framing depends on.
pub enum Format {
    Pcap(pcap::Header),
    /// The byte order of the section.
    Pcapng(Order),
}

/// Compressed files, by their first bytes.
const COMPRESSED: [(&[u8], &str); 5] = [
    (&[0x1F, 0x8B], "gzip"),
    (&[0x28, 0xB5, 0x2F, 0xFD], "zstd"),
    (&[0xFD, b'7', b'z', b'X', b'Z', 0], "xz"),
    (b"BZh", "bzip2"),
    (&[0x04, 0x22, 0x4D, 0x18], "lz4"),
];

impl Format {
    /// The number of bytes that tell the format.
    pub const HEADER_LEN: usize = pcap::Header::LEN;

    /// Returns the format of the file that `bytes` begin, and the length of its own header.
    ///
    /// # Errors
    /// Why it is not a capture.
    pub fn of(bytes: &[u8]) -> Result<(Self, usize), String> {
        if let Some(header) = pcap::Header::parse(bytes) {
            return Ok((Self::Pcap(header), Self::HEADER_LEN));
        }
        if pcapng::is_section(bytes) {
            if let Some(order) = pcapng::section_order(bytes) {
                return Ok((Self::Pcapng(order), 0));
            }
        }
        Err(not_a_capture(bytes))
    }

    /// The one interface of a pcap file. Those of pcapng are described where they appear.
    pub fn interface(&self) -> Option<Interface> {
        match self {
            Self::Pcap(header) => Some(header.interface()),
            Self::Pcapng(_) => None,
        }
    }

    pub fn resolution(&self) -> Resolution {
        match self {
            Self::Pcap(header) if !header.nanoseconds => Resolution::Microseconds,
            _ => Resolution::Nanoseconds,
        }
    }

    /// The number of bytes of a record or block that tell its length.
    pub fn head_len(&self) -> usize {
        match self {
            Self::Pcap(header) => header.record_header_len,
            Self::Pcapng(_) => pcapng::MIN_LEN,
        }
    }

    /// The length of the record or block that `head` begins. A section changes the byte order.
    pub fn len(&mut self, head: &[u8]) -> Option<usize> {
        match self {
            Self::Pcap(header) => header.captured_len(head)?.checked_add(head.len()),
            Self::Pcapng(order) => {
                if pcapng::is_section(head) {
                    *order = pcapng::section_order(head)?;
                }
                order.block_len(head)
            }
        }
    }

    /// Checks that a record or block of `len` bytes is all there and ends where it says.
    ///
    /// # Errors
    /// Why nothing after it can be found.
    pub fn check(&self, bytes: &[u8], len: usize) -> Result<(), &'static str> {
        let ends = match self {
            Self::Pcap(_) => bytes.len() == len,
            Self::Pcapng(order) => order.ends_block(bytes, len),
        };
        match bytes.len() == len {
            true if ends => Ok(()),
            true => Err("corrupt at"),
            // Its last word is there: the padding before it is not.
            false if ends => Err("malformed, without padding, at"),
            false => Err("truncated within"),
        }
    }

    /// Returns true if a record or block counts as a packet.
    pub fn is_packet(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Pcap(_) => true,
            Self::Pcapng(order) => order.is_packet(bytes),
        }
    }

    /// Reads a record or block. What it says of the interfaces is kept.
    ///
    /// # Errors
    /// Why it is to be skipped.
    pub fn read<'a>(
        &self,
        bytes: &'a [u8],
        interfaces: &mut Vec<Interface>,
    ) -> Result<Option<Record<'a>>, Skip> {
        let order = match self {
            Self::Pcap(header) => return Ok(header.record(bytes)),
            Self::Pcapng(order) => *order,
        };
        let snaplen = interfaces.first().map_or(0, |interface| interface.snaplen);
        match pcapng::parse(order, bytes, snaplen) {
            Ok(Block::Packet(record)) => return Ok(Some(record)),
            Ok(Block::Section) => interfaces.clear(),
            Ok(Block::Interface(interface)) => interfaces.push(interface),
            Ok(Block::NoPacket) => {}
            Err(skip) => {
                // The interfaces after it keep their numbers.
                if order.is_interface(bytes) {
                    interfaces.push(Interface::unreadable(skip));
                }
                return Err(skip);
            }
        }
        Ok(None)
    }
}

/// The reason why a file that begins with `bytes` is not a capture.
fn not_a_capture(bytes: &[u8]) -> String {
    let compressed = COMPRESSED.iter().find(|(magic, _)| bytes.starts_with(magic));
    if let Some((_, name)) = compressed {
        return format!(
            "is compressed: decompress it first, as in: {name} -dc FILE | vxcap show -"
        );
    }
    let is_cut = bytes.len() < 4 || pcap::Header::is_magic(bytes) || is_cut_section(bytes);
    let reason = match bytes {
        [] => "empty, not a capture",
        _ if is_cut => "truncated within its header",
        _ => "not a pcap or pcapng capture",
    };
    reason.to_owned()
}

fn is_cut_section(bytes: &[u8]) -> bool {
    pcapng::is_section(bytes) && bytes.len() < pcapng::MIN_LEN
}
