//! Packets out of pcap and pcapng files, one at a time, whatever the file's size.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

use crate::failure::Failure;
use crate::packet::{Interface, Packet, Time};

/// How fine the timestamps of a file are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resolution {
    Microseconds,
    Nanoseconds,
}

/// A capture that is being read.
pub struct Capture {
    path: PathBuf,
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
        let file = path.display();
        let input = File::open(path).map_err(|error| Failure::io(&file, &error))?;
        let metadata = input.metadata().map_err(|error| Failure::io(&file, &error))?;
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
        let path = path.to_owned();
        Ok(Self { path, blocks, interfaces, resolution, count: 0, capacity, progress })
    }

    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Whether it is read from the file at `path`.
    pub fn is_at(&self, path: &Path) -> bool {
        let same = |path: &Path| path.canonicalize().ok();
        same(path).is_some_and(|path| same(&self.path) == Some(path))
    }

    /// Shows no bar where the output goes to the terminal too.
    pub fn hide_progress(&mut self) {
        self.progress = ProgressBar::hidden();
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
                        .map_err(|reason| Failure::new(self.path.display(), reason))?;
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
        Failure::new(self.path.display(), format_args!("{reason} packet {number}"))
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
    interface.packet(number, time, len, bytes).map(Some)
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
