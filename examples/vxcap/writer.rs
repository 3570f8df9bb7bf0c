//! Packets into a pcap file.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use crate::failure::Failure;
use crate::format::Resolution;
use crate::packet::Packet;
use crate::reader::Capture;
use crate::source::STANDARD;
use crate::tally::Tally;

/// A pcap file of Ethernet frames that is being written, or a stream of them to standard output.
pub struct PcapWriter {
    file: String,
    output: BufWriter<Box<dyn Write>>,
    is_standard: bool,
    nanoseconds_a_tick: u32,
}

impl PcapWriter {
    const BUFFER: usize = 1 << 20;
    const SNAPLEN: u32 = 262_144;
    const ETHERNET: u32 = 1;

    /// A file whose timestamps are as fine as those of `input`.
    pub fn create(path: &Path, input: &Capture) -> Result<Self, Failure> {
        // By its file name, too: the counts are not to follow the capture.
        let is_standard = path == Path::new(STANDARD) || path == Path::new(STDOUT);
        let (file, output) =
            if is_standard { standard_output(input)? } else { new_file(path, input)? };
        let output = BufWriter::with_capacity(Self::BUFFER, output);
        let (magic, nanoseconds_a_tick) = match input.resolution() {
            Resolution::Microseconds => (0xa1b2_c3d4_u32, 1_000),
            Resolution::Nanoseconds => (0xa1b2_3c4d, 1),
        };
        let mut writer = Self { file, output, is_standard, nanoseconds_a_tick };
        let version = 2 | 4 << 16;
        writer.words([magic, version, 0, 0, Self::SNAPLEN, Self::ETHERNET])?;
        Ok(writer)
    }

    /// Writes `frame` with the time of `packet`.
    pub fn write(&mut self, packet: &Packet<'_>, frame: &[u8]) -> Result<(), Failure> {
        let ticks = packet.nanoseconds / self.nanoseconds_a_tick;
        let len = frame.len() as u32;
        self.words([packet.seconds, ticks, len, len])?;
        self.output.write_all(frame).map_err(|error| Failure::io(&self.file, &error))?;
        if packet.is_latest { self.flush() } else { Ok(()) }
    }

    /// Writes what is still buffered, and prints the counts: aside, where standard output is the
    /// capture.
    pub fn finish(mut self, tally: &Tally) -> Result<(), Failure> {
        let result = self.flush();
        match &result {
            Err(failure) if failure.broken_pipe => {}
            _ if self.is_standard => eprintln!("{tally}"),
            _ => tally.print(),
        }
        result
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.output.flush().map_err(|error| Failure::io(&self.file, &error))
    }

    fn words<const N: usize>(&mut self, words: [u32; N]) -> Result<(), Failure> {
        let bytes = words.map(u32::to_le_bytes);
        let written = self.output.write_all(bytes.as_flattened());
        written.map_err(|error| Failure::io(&self.file, &error))
    }
}

/// A name to print, and what is written to.
type Output = (String, Box<dyn Write>);

/// The file name of standard output.
const STDOUT: &str = "/dev/stdout";

fn standard_output(input: &Capture) -> Result<Output, Failure> {
    let file = "standard output".to_owned();
    if io::stdout().is_terminal() {
        return Err(Failure::new(file, "is a terminal, which cannot show a capture"));
    }
    refuse_input(&file, Path::new(STDOUT), input)?;
    Ok((file, Box::new(io::stdout())))
}

fn new_file(path: &Path, input: &Capture) -> Result<Output, Failure> {
    let file = path.display().to_string();
    refuse_input(&file, path, input)?;
    let output = File::create(path).map_err(|error| Failure::io(&file, &error))?;
    Ok((file, Box::new(output)))
}

/// Refuses to write over the capture that is read.
fn refuse_input(file: &str, path: &Path, input: &Capture) -> Result<(), Failure> {
    if input.is_at(path) {
        return Err(Failure::new(file, "is the capture that is read"));
    }
    Ok(())
}
