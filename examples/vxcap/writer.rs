//! Packets into a pcap file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::failure::Failure;
use crate::packet::Packet;
use crate::reader::{Capture, Resolution};

/// A pcap file of Ethernet frames that is being written.
pub struct PcapWriter {
    file: String,
    output: BufWriter<File>,
    nanoseconds_a_tick: u32,
}

impl PcapWriter {
    const BUFFER: usize = 1 << 20;
    const SNAPLEN: u32 = 262_144;
    const ETHERNET: u32 = 1;

    /// A file whose timestamps are as fine as those of `input`.
    pub fn create(path: &Path, input: &Capture) -> Result<Self, Failure> {
        let file = path.display().to_string();
        if input.is_at(path) {
            return Err(Failure::new(file, "is the capture that is read"));
        }
        let output = File::create(path).map_err(|error| Failure::io(&file, &error))?;
        let output = BufWriter::with_capacity(Self::BUFFER, output);
        let (magic, nanoseconds_a_tick) = match input.resolution() {
            Resolution::Microseconds => (0xa1b2_c3d4_u32, 1_000),
            Resolution::Nanoseconds => (0xa1b2_3c4d, 1),
        };
        let mut writer = Self { file, output, nanoseconds_a_tick };
        let version = 2 | 4 << 16;
        writer.words([magic, version, 0, 0, Self::SNAPLEN, Self::ETHERNET])?;
        Ok(writer)
    }

    /// Writes `frame` with the time of `packet`.
    pub fn write(&mut self, packet: &Packet<'_>, frame: &[u8]) -> Result<(), Failure> {
        let ticks = packet.nanoseconds / self.nanoseconds_a_tick;
        let len = frame.len() as u32;
        self.words([packet.seconds, ticks, len, len])?;
        self.output.write_all(frame).map_err(|error| Failure::io(&self.file, &error))
    }

    /// Writes what is still buffered.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.output.flush().map_err(|error| Failure::io(&self.file, &error))
    }

    fn words<const N: usize>(&mut self, words: [u32; N]) -> Result<(), Failure> {
        let bytes = words.map(u32::to_le_bytes);
        let written = self.output.write_all(bytes.as_flattened());
        written.map_err(|error| Failure::io(&self.file, &error))
    }
}
