//! Packets out of pcap and pcapng files, one at a time, whatever the file's size.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;
use crate::format::{Format, Resolution};
use crate::packet::{Interface, Packet, Record};
use crate::skip::{Skip, Skipped};
use crate::source::Source;

/// A capture that is being read.
pub struct Capture {
    source: Source,
    format: Format,
    interfaces: Vec<Interface>,
    /// The number of packets, skipped ones included.
    count: u64,
    skipped: Skipped,
    progress: ProgressBar,
}

impl Capture {
    /// The longest record or block in bytes: 16 MiB. A length beyond it is not a length.
    const MAX_LEN: usize = 1 << 24;
    /// The length of a file that takes long enough for a progress bar.
    const LONG_FILE: u64 = 1 << 28;

    pub fn open(path: &Path) -> Result<Self, Failure> {
        let mut source = Source::open(path)?;
        source.fill(Format::HEADER_LEN)?;
        let header = source.bytes(Format::HEADER_LEN);
        let (format, header_len) =
            Format::of(header).map_err(|reason| Failure::new(source.name(), reason))?;
        let interfaces = format.interface().into_iter().collect();
        source.consume(header_len);
        let progress = progress(source.len());
        let skipped = Skipped::default();
        Ok(Self { source, format, interfaces, count: 0, skipped, progress })
    }

    pub fn resolution(&self) -> Resolution {
        self.format.resolution()
    }

    /// Returns true if it is read from the file at `path`.
    pub fn is_at(&self, path: &Path) -> bool {
        self.source.is_at(path)
    }

    /// The name to print.
    pub fn name(&self) -> String {
        self.source.name()
    }

    /// Shows no bar where the output goes to the terminal too.
    pub fn hide_progress(&mut self) {
        self.progress = ProgressBar::hidden();
    }

    /// Gives each packet to `f`, as long as it finds no fault, then prints what was skipped.
    pub fn each(
        &mut self,
        mut f: impl FnMut(Packet<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let result = self.each_record(&mut f);
        self.progress.finish_and_clear();
        let is_heard = !result.as_ref().is_err_and(|failure| failure.broken_pipe);
        if !self.skipped.is_empty() && is_heard {
            eprintln!("vxcap: {}: {}", self.name(), self.skipped);
        }
        result
    }

    /// The exit status after a capture was read to its end.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(u8::from(!self.skipped.is_empty()))
    }

    fn each_record(
        &mut self,
        f: &mut impl FnMut(Packet<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while let Some(len) = self.next_len()? {
            let is_latest = self.source.fill(len)? == len;
            let bytes = self.source.bytes(len);
            self.format.check(bytes, len).map_err(|reason| self.fail(reason))?;
            self.count += u64::from(self.format.is_packet(bytes));
            let record = self.format.read(bytes, &mut self.interfaces);
            match packet(record, &self.interfaces, self.count, is_latest) {
                Ok(Some(packet)) => f(packet)?,
                Ok(None) => {}
                Err(skip) => self.skipped.add(skip),
            }
            self.source.consume(len);
            if self.count % 4096 == 0 {
                self.progress.set_position(self.source.position());
            }
        }
        Ok(())
    }

    /// The length of the record or block that comes next, or `None` at the end of the file.
    fn next_len(&mut self) -> Result<Option<usize>, Failure> {
        let head_len = self.format.head_len();
        if self.source.fill(head_len)? == 0 {
            return Ok(None);
        }
        let head = self.source.bytes(head_len);
        if head.len() < head_len {
            return Err(self.fail("truncated within"));
        }
        match self.format.len(head) {
            Some(len @ ..=Self::MAX_LEN) if len >= head_len => Ok(Some(len)),
            _ => Err(self.fail("corrupt at")),
        }
    }

    fn fail(&self, reason: &str) -> Failure {
        Failure::new(self.name(), format_args!("{reason} packet {}", self.count + 1))
    }
}

/// The packet in `record`, if there is one.
fn packet<'a>(
    record: Result<Option<Record<'a>>, Skip>,
    interfaces: &[Interface],
    number: u64,
    is_latest: bool,
) -> Result<Option<Packet<'a>>, Skip> {
    let Some(record) = record? else { return Ok(None) };
    let interface = interfaces.get(record.interface).ok_or(Skip::NoInterface)?;
    interface.packet(number, &record, is_latest).map(Some)
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
