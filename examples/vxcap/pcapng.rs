//! The blocks of pcapng files (draft-ietf-opsawg-pcapng).
//!
//! ```text
//! | block type | block length | body, padded to 32 bits | block length |
//! ```

use crate::link::Link;
use crate::order::Order;
use crate::packet::{Interface, Record, Time};
use crate::skip::Skip;

/// A block that is whole.
#[derive(Debug)]
pub enum Block<'a> {
    /// The start of a section: interfaces are described anew.
    Section,
    Interface(Interface),
    Packet(Record<'a>),
    /// Statistics, names, secrets and the like.
    NoPacket,
}

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
/// The obsolete Packet Block.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const MAGIC: u32 = 0x1A2B_3C4D;
/// The shortest block: its type and its length, twice.
pub const MIN_LEN: usize = 12;

/// Returns true if `bytes` begin a Section Header Block.
pub fn is_section(bytes: &[u8]) -> bool {
    Order::Little.u32(bytes, 0) == Some(SECTION_HEADER)
}

/// Returns the byte order of the section that a Section Header Block begins, or `None` if it has no
/// byte-order magic.
pub fn section_order(block: &[u8]) -> Option<Order> {
    Order::of_magic(block.get(8..)?, MAGIC)
}

impl Order {
    /// The length of the block that `bytes` begin, or `None` if they end before it.
    pub fn block_len(self, bytes: &[u8]) -> Option<usize> {
        Some(self.u32(bytes, 4)? as usize)
    }

    /// Returns true if the last four bytes of `block` are `len`, which is what ends a block of that
    /// length.
    pub fn ends_block(self, block: &[u8], len: usize) -> bool {
        let last = block.len().checked_sub(4).and_then(|at| self.u32(block, at));
        block.len() >= MIN_LEN && last == u32::try_from(len).ok()
    }

    /// Returns true if the block holds a packet, and so counts as one.
    pub fn is_packet(self, block: &[u8]) -> bool {
        matches!(self.u32(block, 0), Some(PACKET | SIMPLE_PACKET | ENHANCED_PACKET))
    }

    /// Returns true if the block describes an interface, and so takes a number.
    pub fn is_interface(self, block: &[u8]) -> bool {
        self.u32(block, 0) == Some(INTERFACE_DESCRIPTION)
    }
}

/// Reads a block. `snaplen` is the first interface's, which a Simple Packet Block does not repeat.
///
/// # Errors
/// Why the block is to be skipped.
pub fn parse(order: Order, block: &[u8], snaplen: u32) -> Result<Block<'_>, Skip> {
    let block_type = order.u32(block, 0).unwrap_or_default();
    let body = block.get(8..block.len().saturating_sub(4)).unwrap_or_default();
    let name = name(block_type).ok_or(Skip::UnknownBlock(block_type))?;
    if block.len() % 4 != 0 {
        return Err(Skip::Unpadded(name));
    }
    let malformed = Skip::Malformed(name);
    match block_type {
        SECTION_HEADER => Ok(Block::Section),
        INTERFACE_DESCRIPTION => Ok(Block::Interface(interface(order, body).ok_or(malformed)?)),
        SIMPLE_PACKET => Ok(Block::Packet(simple(order, body, snaplen).ok_or(malformed)?)),
        ENHANCED_PACKET => {
            let interface = order.u32(body, 0).ok_or(malformed)?;
            Ok(Block::Packet(packet(order, body, interface).ok_or(malformed)?))
        }
        PACKET => {
            // The first word of an Enhanced Packet Block was two: the interface, and a count of
            // drops.
            let interface = order.u16(body, 0).ok_or(malformed)?;
            Ok(Block::Packet(packet(order, body, interface.into()).ok_or(malformed)?))
        }
        _ => Ok(Block::NoPacket),
    }
}

/// The name of a block type, or `None` if it is not known. Types with the highest bit are for local
/// use.
fn name(block_type: u32) -> Option<&'static str> {
    Some(match block_type {
        SECTION_HEADER => "Section Header Block",
        INTERFACE_DESCRIPTION => "Interface Description Block",
        PACKET => "Packet Block",
        SIMPLE_PACKET => "Simple Packet Block",
        ENHANCED_PACKET => "Enhanced Packet Block",
        4 => "Name Resolution Block",
        5 => "Interface Statistics Block",
        9 => "systemd Journal Export Block",
        10 => "Decryption Secrets Block",
        0x0BAD | 0x4000_0BAD => "Custom Block",
        0x8000_0000.. => "block for local use",
        _ => return None,
    })
}

/// Reads a packet block whose first word the caller has read. Its flags may have the length of the
/// FCS.
fn packet(order: Order, body: &[u8], interface: u32) -> Option<Record<'_>> {
    const HEAD: usize = 20;
    const FLAGS: u16 = 2;
    let word = |at| order.u32(body, at);
    let captured = word(12)? as usize;
    let bytes = body.get(HEAD..)?.get(..captured)?;
    let rest = body.get(HEAD + captured.next_multiple_of(4)..).unwrap_or_default();
    let flags = options(order, rest).find(|(code, _)| *code == FLAGS);
    let flags = flags.and_then(|(_, value)| order.u32(value, 0)).unwrap_or_default();
    // Bits 5 to 8, in octets; 0 is "not available".
    let fcs_len = Some((flags >> 5 & 0xF) as usize).filter(|len| *len != 0);
    let time = Time::Ticks(u64::from(word(4)?) << 32 | u64::from(word(8)?));
    Some(Record { interface: interface as usize, time, len: word(16)? as usize, bytes, fcs_len })
}

/// Reads a Simple Packet Block. It does not say how much was captured: as much as the snaplen
/// allows.
fn simple(order: Order, body: &[u8], snaplen: u32) -> Option<Record<'_>> {
    let len = order.u32(body, 0)? as usize;
    let captured = if snaplen == 0 { len } else { len.min(snaplen as usize) };
    let bytes = body.get(4..)?.get(..captured)?;
    Some(Record { interface: 0, time: Time::Ticks(0), len, bytes, fcs_len: None })
}

fn interface(order: Order, body: &[u8]) -> Option<Interface> {
    const FIXED: usize = 8;
    let (mut fcs_len, mut resolution, mut offset_seconds) = (0, 6, 0);
    for (code, value) in options(order, body.get(FIXED..)?) {
        match (code, value) {
            (9, [exponent, ..]) => resolution = *exponent,
            (13, [len, ..]) => fcs_len = octets(*len),
            (14, _) => offset_seconds = order.i64(value, 0).unwrap_or_default(),
            _ => {}
        }
    }
    Some(Interface {
        link: Link::of(order.u16(body, 0)?.into()),
        snaplen: order.u32(body, 4)?,
        fcs_len,
        ticks_a_second: ticks_a_second(resolution),
        offset_seconds,
    })
}

/// The octets that `if_fcslen` means. The draft of 2019 counts bits; Wireshark, and the draft's own
/// example, 4, octets (IETF-OPSAWG-WG/draft-ietf-opsawg-pcap, issue 60). No FCS has 8 octets or
/// more, and none has fewer than 8 bits.
fn octets(fcs_len: u8) -> usize {
    usize::from(if fcs_len < 8 { fcs_len } else { fcs_len / 8 })
}

/// The ticks a second of `if_tsresol`: a power of ten, or of two where the high bit is set.
fn ticks_a_second(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7F);
    let ticks = if resolution & 0x80 == 0 {
        10u64.checked_pow(exponent)
    } else {
        1u64.checked_shl(exponent)
    };
    ticks.unwrap_or(u64::MAX)
}

/// The options that `bytes` begin with, each with its code: up to the last, or to one that is cut
/// short.
fn options(order: Order, mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let code = order.u16(bytes, 0).filter(|code| *code != 0)?;
        let len = usize::from(order.u16(bytes, 2)?);
        let value = bytes.get(4..)?.get(..len)?;
        bytes = bytes.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
}
