//! Packets out of pcap and pcapng files, one at a time, whatever the file's size.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{
    Block, InterfaceDescriptionBlock, Linktype, OptionCode, PcapBlockOwned, PcapError, PcapHeader,
    create_reader,
};
use vtep::wire::{EtherType, EthernetFrame, EthernetHeader, MacAddr};

/// Why a file cannot be read or written: `file: reason`.
#[derive(Debug)]
pub struct Failure {
    file: String,
    reason: String,
    pub broken_pipe: bool,
}

impl Failure {
    pub fn new(file: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { file: file.to_string(), reason: reason.to_string(), broken_pipe: false }
    }

    pub fn io(file: impl fmt::Display, error: &io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::new(file, error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.reason)
    }
}

/// How fine the timestamps of a file are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resolution {
    Microseconds,
    Nanoseconds,
}

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

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Result<Link, Linktype>,
    snaplen: u32,
    ticks_a_second: u64,
    offset_seconds: i64,
}

impl Interface {
    fn of_pcap(header: &PcapHeader) -> Self {
        let ticks_a_second =
            if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
        Self {
            link: Link::of(header.network),
            snaplen: header.snaplen,
            ticks_a_second,
            offset_seconds: 0,
        }
    }

    fn of_pcapng(block: &InterfaceDescriptionBlock) -> Self {
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

#[derive(Clone, Copy, Debug)]
enum Time {
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

/// A capture that is being read.
pub struct Capture {
    file: String,
    blocks: Box<dyn PcapReaderIterator + Send>,
    interfaces: Vec<Interface>,
    resolution: Resolution,
    count: u64,
    /// The buffer's, in bytes.
    capacity: usize,
    progress: ProgressBar,
}

impl Capture {
    const BUFFER: usize = 1 << 20;
    /// No packet, and no block of pcapng that matters here, is longer.
    const LONGEST: usize = 1 << 24;
    /// A file that is read in the blink of an eye gets no bar.
    const LONG_FILE: u64 = 1 << 28;

    pub fn open(path: &Path) -> Result<Self, Failure> {
        let file = path.display().to_string();
        let fail = |error: io::Error| Failure::io(&file, &error);
        let input = File::open(path).map_err(fail)?;
        let metadata = input.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(Failure::new(&file, "is a directory"));
        }
        let mut blocks = create_reader(Self::BUFFER, Full(input)).map_err(|error| match error {
            PcapError::Eof => Failure::new(&file, "empty, not a capture"),
            PcapError::ReadError => Failure::new(&file, "cannot be read"),
            PcapError::Incomplete(_) => Failure::new(&file, "truncated within its header"),
            _ => Failure::new(&file, "not a pcap or pcapng capture"),
        })?;
        let mut interfaces = Vec::new();
        let mut resolution = Resolution::Nanoseconds;
        // A pcap file describes its one interface in front.
        if let Ok((offset, PcapBlockOwned::LegacyHeader(header))) = blocks.next() {
            if !header.is_nanosecond_precision() {
                resolution = Resolution::Microseconds;
            }
            interfaces.push(Interface::of_pcap(&header));
            blocks.consume(offset);
        }
        let progress = progress(metadata.len());
        let capacity = Self::BUFFER;
        Ok(Self { file, blocks, interfaces, resolution, count: 0, capacity, progress })
    }

    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Whether it is read from the file at `path`.
    pub fn is_at(&self, path: &Path) -> bool {
        let same = |path: &Path| path.canonicalize().ok();
        same(path).is_some_and(|path| same(Path::new(&self.file)) == Some(path))
    }

    /// Gives each packet to `f`, as long as it finds no fault.
    pub fn each(
        &mut self,
        mut f: impl FnMut(Packet<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let result = self.each_block(&mut f);
        self.progress.finish_and_clear();
        result
    }

    fn each_block(
        &mut self,
        f: &mut impl FnMut(Packet<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        loop {
            let number = self.count + 1;
            let step = match self.blocks.next() {
                Ok((offset, block)) => {
                    let packet = packet(&block, number, &mut self.interfaces)
                        .map_err(|reason| Failure::new(&self.file, reason))?;
                    if let Some(packet) = packet {
                        self.count = number;
                        f(packet)?;
                    }
                    Step::Consume(offset)
                }
                Err(PcapError::Eof) => return Ok(()),
                Err(PcapError::Incomplete(_)) => Step::Refill,
                Err(PcapError::BufferTooSmall) => Step::Grow,
                Err(PcapError::UnexpectedEof) => return Err(self.fail("truncated within", number)),
                Err(_) => return Err(self.fail("corrupt at", number)),
            };
            self.take(step, number)?;
        }
    }

    fn take(&mut self, step: Step, number: u64) -> Result<(), Failure> {
        match step {
            Step::Consume(offset) => {
                self.blocks.consume_noshift(offset);
                if number % 4096 == 0 {
                    self.progress.set_position(self.blocks.consumed() as u64);
                }
                Ok(())
            }
            Step::Refill => {
                let before = self.blocks.data().len();
                if self.blocks.refill().is_err() {
                    return Err(self.fail("cannot be read from", number));
                }
                let stuck = self.blocks.data().len() == before && !self.blocks.reader_exhausted();
                if stuck { self.grow(number) } else { Ok(()) }
            }
            Step::Grow => self.grow(number),
        }
    }

    /// Doubles the buffer, for a packet that is longer.
    fn grow(&mut self, number: u64) -> Result<(), Failure> {
        self.capacity *= 2;
        if self.capacity > Self::LONGEST || !self.blocks.grow(self.capacity) {
            return Err(self.fail("corrupt at", number));
        }
        Ok(())
    }

    fn fail(&self, reason: &str, number: u64) -> Failure {
        Failure::new(&self.file, format_args!("{reason} packet {number}"))
    }
}

enum Step {
    Consume(usize),
    Refill,
    Grow,
}

/// The packet in `block`, if there is one; what the block says of the interfaces is kept.
fn packet<'a>(
    block: &'a PcapBlockOwned<'a>,
    number: u64,
    interfaces: &mut Vec<Interface>,
) -> Result<Option<Packet<'a>>, String> {
    const OBSOLETE_PACKET_BLOCK: u32 = 2;
    let (id, time, len, bytes) = match block {
        PcapBlockOwned::Legacy(block) => {
            (0, Time::Pcap(block.ts_sec, block.ts_usec), block.origlen, block.data)
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
            let ticks = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
            (block.if_id as usize, Time::Ticks(ticks), block.origlen, block.packet_data())
        }
        PcapBlockOwned::NG(Block::SimplePacket(block)) => {
            // It does not say how much was captured, and its padding may be left.
            let snaplen = interfaces.first().map_or(0, |interface| interface.snaplen as usize);
            let data = block.packet_data();
            let most = if snaplen == 0 { data.len() } else { snaplen };
            (0, Time::Ticks(0), block.origlen, &data[..data.len().min(most)])
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            return Ok(None);
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(block)) => {
            interfaces.push(Interface::of_pcapng(block));
            return Ok(None);
        }
        PcapBlockOwned::NG(Block::Unknown(block)) if block.block_type == OBSOLETE_PACKET_BLOCK => {
            return Err(format!("packet {number} is in an obsolete Packet Block"));
        }
        _ => return Ok(None),
    };
    let Some(interface) = interfaces.get(id) else {
        return Err(format!("packet {number} is of interface {id}, which is not described"));
    };
    let link = interface.link.map_err(|Linktype(link)| {
        format!("packet {number} has link type {link}, not Ethernet, raw IP or Linux cooked")
    })?;
    let (seconds, nanoseconds) = interface.time(time);
    let (made, payload) = link.open(bytes);
    let is_cut = bytes.len() < len as usize;
    Ok(Some(Packet { number, seconds, nanoseconds, made, payload, is_cut }))
}

/// A bar for a file that takes a while, when somebody is looking.
fn progress(len: u64) -> ProgressBar {
    if len < Capture::LONG_FILE || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(len).with_style(style)
}

/// Reads until the buffer is full or the file ends, so that the first read holds a whole header even
/// when the file is a pipe.
struct Full(File);

impl Read for Full {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut len = 0;
        while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match self.0.read(rest) {
                Ok(0) => break,
                Ok(more) => len += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(len)
    }
}
