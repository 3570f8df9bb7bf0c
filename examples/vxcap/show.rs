//! `vxcap show`: what stands in each packet.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;
use vtep::buf::FrameBuf;

use crate::cli::Show;
use crate::failure::Failure;
use crate::frame::FrameBuffer;
use crate::layers::{Inner, Layers, Outer, Reading, Vxlan};
use crate::reader::Capture;

/// Follows an IP packet whose length is 0.
const OFFLOAD: &str = ", length 0: offload?";

/// One packet's line.
#[derive(Serialize)]
struct Line {
    n: u64,
    verdict: &'static str,
    #[serde(flatten)]
    layers: Layers,
    /// The captured bytes of the FCS, which no layer has.
    #[serde(skip_serializing_if = "is_zero")]
    fcs: usize,
}

fn is_zero(value: &usize) -> bool {
    *value == 0
}

pub fn run(args: &Show) -> Result<ExitCode, Failure> {
    let mut capture = Capture::open(&args.input)?;
    if io::stdout().is_terminal() {
        capture.hide_progress();
    }
    let ports = args.receiver.ports();
    let vtep = args.vtep(&ports);
    let reading = Reading { ports: &ports, gbp: args.receiver.reads_gbp() };
    let mut buffer = FrameBuffer::new();
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let result = capture.each(|packet| {
        let frame = buffer.load(packet.header(), packet.payload);
        let verdict = vtep.inspect(frame.bytes()).map_or_else(|reason| reason.as_str(), |_| "ok");
        let layers = Layers::read(frame.bytes(), &reading);
        let line = Line { n: packet.number, verdict, layers, fcs: packet.fcs_len };
        let written = if args.json { line.json(&mut output) } else { writeln!(output, "{line}") };
        // Of a live capture each packet is shown as it comes.
        let written = written.and_then(|()| if packet.is_latest { output.flush() } else { Ok(()) });
        written.map_err(|error| Failure::io("standard output", &error))
    });
    output.flush().map_err(|error| Failure::io("standard output", &error))?;
    result.map(|()| capture.exit_code())
}

impl Line {
    fn json(&self, output: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *output, self)?;
        output.write_all(b"\n")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.n, self.verdict)?;
        let Layers { outer, vxlan, inner } = &self.layers;
        if let Some(outer) = outer {
            write!(f, " | {outer}")?;
        }
        if let Some(vxlan) = vxlan {
            write!(f, " | {vxlan}")?;
        }
        if let Some(inner) = inner {
            write!(f, " | {inner}")?;
        }
        match self.fcs {
            0 => Ok(()),
            len => write!(f, " | fcs {len} bytes"),
        }
    }
}

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.sport, self.dport) {
            (Some(sport), Some(dport)) => {
                write!(f, "{} port {sport} to {} port {dport}", self.src, self.dst)?;
            }
            _ => write!(f, "{} to {}", self.src, self.dst)?,
        }
        write!(f, ", ttl {}, tos {:#04x}", self.ttl, self.tos)?;
        if let Some(id) = self.id {
            write!(f, ", id {id}")?;
        }
        if self.df == Some(true) {
            f.write_str(", df")?;
        }
        if let Some(state) = self.udp_checksum {
            write!(f, ", checksum {state}")?;
        }
        f.write_str(if self.length_zero { OFFLOAD } else { "" })
    }
}

impl fmt::Display for Vxlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vni {}, flags {:#04x}", self.vni, self.flags)?;
        if let Some(group) = self.gbp {
            write!(f, ", group {group}")?;
        }
        if self.dont_learn == Some(true) {
            f.write_str(", don't learn")?;
        }
        if self.policy_applied == Some(true) {
            f.write_str(", policy applied")?;
        }
        Ok(())
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { len, src, dst, ethertype, length_zero } = self;
        write!(f, "{src} to {dst}, ethertype {ethertype:#06x}, {len} bytes")?;
        f.write_str(if *length_zero { OFFLOAD } else { "" })
    }
}
