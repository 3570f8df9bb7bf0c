//! One packet of a capture, and what the file says of the interface that it came from.

use pcap_parser::{InterfaceDescriptionBlock, Linktype, OptionCode, PcapHeader};
use vtep::wire::{EtherType, EthernetFrame, EthernetHeader, MacAddr};

/// The link header of a packet.
#[derive(Clone, Copy, Debug)]
enum Link {
    Ethernet,
    /// There is none.
    RawIp,
    /// Linux "any" interface: 16 bytes, the EtherType last.
    Cooked,
    /// Version 2: 20 bytes, the EtherType first.
    Cooked2,
}

impl Link {
    fn of(linktype: Linktype) -> Result<Self, Linktype> {
        // The high bits of a pcap header's field tell the length of the FCS.
        match linktype.0 & 0xFFFF {
            1 => Ok(Self::Ethernet),
            12 | 14 | 101 | 228 | 229 => Ok(Self::RawIp),
            113 => Ok(Self::Cooked),
            276 => Ok(Self::Cooked2),
            _ => Err(linktype),
        }
    }

    /// The Ethernet header to put in place of this one, and what follows.
    fn open(self, bytes: &[u8]) -> (Option<EthernetHeader>, &[u8]) {
        let (ethertype, payload) = match (self, bytes) {
            (Self::Ethernet, _) => return (None, bytes),
            (Self::RawIp, [version, ..]) if version >> 4 == 6 => (EtherType::IPV6, bytes),
            (Self::RawIp, _) => (EtherType::IPV4, bytes),
            (Self::Cooked, [_, _, _, _, _, _, _, _, _, _, _, _, _, _, high, low, payload @ ..]) => {
                (EtherType(u16::from_be_bytes([*high, *low])), payload)
            }
            (Self::Cooked2, [high, low, rest @ ..]) if rest.len() >= 18 => {
                (EtherType(u16::from_be_bytes([*high, *low])), &rest[18..])
            }
            (Self::Cooked | Self::Cooked2, _) => return (None, &[]),
        };
        (Some(EthernetHeader::new(MacAddr::ZERO, MacAddr::ZERO, ethertype)), payload)
    }
}

/// One packet of a capture.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Counts from 1, as Wireshark does.
    pub number: u64,
    pub seconds: u32,
    pub nanoseconds: u32,
    /// An Ethernet header in place of a link header of another kind, its addresses zero.
    made: Option<EthernetHeader>,
    /// As much of the packet as was captured, without a link header of another kind.
    pub payload: &'a [u8],
    /// Whether the packet was longer.
    pub is_cut: bool,
}

impl<'a> Packet<'a> {
    /// The bytes to put in front of the payload to have an Ethernet frame.
    pub fn header(&self) -> &[u8] {
        self.made.as_ref().map_or(&[], |header| header.as_bytes().as_slice())
    }

    /// The protocol behind the link header, and its bytes.
    pub fn network(&self) -> Option<(EtherType, &'a [u8])> {
        match self.made {
            Some(header) => Some((header.ethertype(), self.payload)),
            None => {
                let frame = EthernetFrame::parse(self.payload).ok()?;
                Some((frame.ethertype(), frame.payload()))
            }
        }
    }

    /// Whether these are the packet's bytes.
    pub fn is(&self, frame: &[u8]) -> bool {
        frame.strip_prefix(self.header()) == Some(self.payload)
    }
}

/// Where packets were captured.
#[derive(Clone, Copy, Debug)]
pub struct Interface {
    link: Result<Link, Linktype>,
    /// The most bytes of a packet that were kept; 0 is no limit.
    pub snaplen: u32,
    ticks_a_second: u64,
    offset_seconds: i64,
}

impl Interface {
    pub fn of_pcap(header: &PcapHeader) -> Self {
        let ticks_a_second =
            if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
        Self {
            link: Link::of(header.network),
            snaplen: header.snaplen,
            ticks_a_second,
            offset_seconds: 0,
        }
    }

    pub fn of_pcapng(block: &InterfaceDescriptionBlock) -> Self {
        // Not `ts_resolution()`, which knows no powers of two.
        let exponent = u32::from(block.if_tsresol & 0x7F);
        let ticks = if block.if_tsresol & 0x80 == 0 {
            10u64.checked_pow(exponent)
        } else {
            1u64.checked_shl(exponent)
        };
        Self {
            link: Link::of(block.linktype),
            snaplen: block.snaplen,
            ticks_a_second: ticks.unwrap_or(u64::MAX),
            offset_seconds: offset_seconds(block),
        }
    }

    /// A packet of `len` bytes, of which `bytes` were captured.
    pub fn packet<'a>(
        &self,
        number: u64,
        time: Time,
        len: u32,
        bytes: &'a [u8],
    ) -> Result<Packet<'a>, String> {
        let link = self.link.map_err(|Linktype(link)| {
            format!("packet {number} has link type {link}, not Ethernet, raw IP or Linux cooked")
        })?;
        let (seconds, nanoseconds) = self.time(time);
        let (made, payload) = link.open(bytes);
        let is_cut = bytes.len() < len as usize;
        Ok(Packet { number, seconds, nanoseconds, made, payload, is_cut })
    }

    /// Seconds and nanoseconds. pcap has 32 bits of seconds: they wrap.
    fn time(&self, time: Time) -> (u32, u32) {
        let (seconds, rest) = match time {
            Time::Pcap(seconds, rest) => (seconds, u64::from(rest)),
            Time::Ticks(ticks) => {
                let seconds = ticks / self.ticks_a_second;
                let seconds = seconds.wrapping_add_signed(self.offset_seconds);
                (seconds as u32, ticks % self.ticks_a_second)
            }
        };
        let nanoseconds = u128::from(rest) * 1_000_000_000 / u128::from(self.ticks_a_second);
        (seconds, nanoseconds as u32)
    }
}

/// A timestamp as the file has it.
#[derive(Clone, Copy, Debug)]
pub enum Time {
    /// Seconds and ticks.
    Pcap(u32, u32),
    Ticks(u64),
}

/// Not `if_tsoffset`, which is read as little-endian in every file.
fn offset_seconds(block: &InterfaceDescriptionBlock) -> i64 {
    let option = block.options.iter().find(|option| option.code == OptionCode::IfTsoffset);
    let bytes = option.and_then(|option| option.value.first_chunk::<8>());
    match bytes {
        Some(bytes) if block.block_type == 1 => i64::from_le_bytes(*bytes),
        Some(bytes) => i64::from_be_bytes(*bytes),
        None => 0,
    }
}
