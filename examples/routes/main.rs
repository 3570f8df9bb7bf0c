//! Netlink messages on the command line: read, rebuilt, planned from leases, and on Linux sent.
//!
//! `routes decode < HEX`, `routes reencode < HEX`, `routes plan LEASES.json --backend vxlan --self IP --vxlan-link N`,
//! `routes apply|reconcile` with the same, `routes list`, `routes send < HEX`.

mod json;
#[path = "../common/leases.rs"]
mod leases;
#[cfg(target_os = "linux")]
mod live;
mod plan;
#[path = "../common/usage.rs"]
mod usage;

use std::fmt::Display;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use vtep::agent::Reach;
use vtep::netlink::{Message, MessageError, Messages};

use plan::PlanArgs;

/// Netlink messages: read, rebuilt, planned from leases, sent.
#[derive(Parser)]
#[command(name = "routes", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read messages as hex, one a line, from standard input; print each as a JSON object.
    Decode,
    /// Read messages as hex, one a line; print each again, built from what was decoded.
    Reencode,
    /// Print what a file of leases means to the kernel: the requests as hex, in order.
    Plan {
        #[command(flatten)]
        plan: PlanArgs,
        /// Number of the first request.
        #[arg(long, default_value_t = 1)]
        seq: u32,
        /// The leases went.
        #[arg(long)]
        remove: bool,
        /// The peers are on the underlay's link: no tunnel (DirectRouting).
        #[arg(long)]
        direct: bool,
        /// In words, not as hex.
        #[arg(long)]
        words: bool,
    },
    /// Do to the kernel what a file of leases means; print it in words.
    #[cfg(target_os = "linux")]
    Apply {
        #[command(flatten)]
        plan: PlanArgs,
        /// The leases went.
        #[arg(long)]
        remove: bool,
        /// Ask the kernel for each peer whether it is on a link of ours: then no tunnel.
        #[arg(long)]
        direct: bool,
    },
    /// Print the kernel's gateway routes, permanent neighbours and FDB entries, as decode does.
    #[cfg(target_os = "linux")]
    List,
    /// Compare the kernel with a file of leases, delete what is stale, set what is missing; print it in words.
    #[cfg(target_os = "linux")]
    Reconcile {
        #[command(flatten)]
        plan: PlanArgs,
        /// Ask the kernel for each peer whether it is on a link of ours: then no tunnel.
        #[arg(long)]
        direct: bool,
        /// Only print.
        #[arg(long)]
        dry_run: bool,
    },
    /// Read requests as hex, one a line; send each to the kernel and print its answers as decode does.
    #[cfg(target_os = "linux")]
    Send,
}

/// Why the command failed: bad input (exit status 2), or the kernel or the terminal did (1).
enum Failure {
    Input(String),
    System(String),
    /// Bad input that was named already, and did not stop the rest (2).
    Named,
    /// Who reads has seen enough.
    Closed,
}

impl Failure {
    fn input(what: impl Display) -> Self {
        Self::Input(what.to_string())
    }

    fn system(what: impl Display) -> Self {
        Self::System(what.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::system(error),
        }
    }
}

fn main() -> ExitCode {
    let command = match usage::command_line("routes") {
        Ok(Cli { command }) => command,
        Err(code) => return code,
    };
    match run(command) {
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(Failure::Named) => ExitCode::from(2),
        Err(Failure::Input(what)) => {
            eprintln!("routes: {what}");
            ExitCode::from(2)
        }
        Err(Failure::System(what)) => {
            eprintln!("routes: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let out = &mut io::stdout().lock();
    match command {
        Command::Decode => decode(out),
        Command::Reencode => reencode(out),
        Command::Plan { plan, seq, remove, direct, words } => {
            let mut seq = seq;
            let leases = plan.read()?;
            let reach = if direct { Reach::Direct } else { Reach::Tunnel };
            for change in leases.changes(remove, reach) {
                if words {
                    writeln!(out, "{change}")?;
                } else {
                    writeln!(out, "{}", hex(&plan::bytes(change, seq)))?;
                }
                seq = seq.wrapping_add(1);
            }
            let has_conflict = !remove && leases.report_conflicts(&leases.claims(reach));
            leases.outcome(has_conflict, 0)
        }
        #[cfg(target_os = "linux")]
        Command::Apply { plan, remove, direct } => live::apply(&plan.read()?, remove, direct, out),
        #[cfg(target_os = "linux")]
        Command::List => live::list(out),
        #[cfg(target_os = "linux")]
        Command::Reconcile { plan, direct, dry_run } => {
            live::reconcile(&plan.read()?, direct, dry_run, out)
        }
        #[cfg(target_os = "linux")]
        Command::Send => live::send(out),
    }
}

fn decode(out: &mut impl Write) -> Result<(), Failure> {
    let mut malformed = Malformed::default();
    for_lines(|number, line| {
        match messages(line).and_then(|bytes| objects(&bytes)) {
            Ok(objects) => objects.iter().try_for_each(|object| writeln!(out, "{object}"))?,
            Err(error) => {
                writeln!(out, "{}", json::malformed(number, &error))?;
                malformed.note(number, &error);
            }
        }
        Ok(())
    })?;
    malformed.none()
}

fn reencode(out: &mut impl Write) -> Result<(), Failure> {
    let mut malformed = Malformed::default();
    for_lines(|number, line| {
        match messages(line).and_then(|bytes| rebuilt(&bytes)) {
            Ok(bytes) => writeln!(out, "{}", hex(&bytes))?,
            Err(error) => malformed.note(number, &error),
        }
        Ok(())
    })?;
    malformed.none()
}

/// Lines that are no message: they do not stop those after them.
#[derive(Default)]
struct Malformed {
    first: Option<String>,
    others: Vec<String>,
}

impl Malformed {
    fn note(&mut self, number: usize, error: &str) {
        match self.first {
            None => self.first = Some(format!("line {number}: {error}")),
            Some(_) => self.others.push(number.to_string()),
        }
    }

    fn none(self) -> Result<(), Failure> {
        match self.first {
            None => Ok(()),
            Some(first) if self.others.is_empty() => Err(Failure::Input(first)),
            Some(first) => {
                let others = self.others.join(", ");
                Err(Failure::input(format_args!("{first}; no message either: line {others}")))
            }
        }
    }
}

/// The lines of standard input with their numbers, blank ones passed over.
fn for_lines(mut each: impl FnMut(usize, &str) -> Result<(), Failure>) -> Result<(), Failure> {
    for (number, line) in (1..).zip(io::stdin().lock().split(b'\n')) {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if !line.trim().is_empty() {
            each(number, line.trim())?;
        }
    }
    Ok(())
}

/// The bytes of a line of hex, white space between digits allowed.
fn messages(line: &str) -> Result<Vec<u8>, String> {
    let digits =
        line.chars().filter(|digit| !digit.is_whitespace()).map(|digit| digit.to_digit(16));
    let digits: Vec<u32> = digits.collect::<Option<_>>().ok_or("not hex")?;
    if digits.len() % 2 != 0 {
        return Err("an odd number of hex digits".into());
    }
    Ok(digits
        .chunks_exact(2)
        .filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok())
        .collect())
}

/// One JSON object for each message in the bytes, or the first error.
fn objects(bytes: &[u8]) -> Result<Vec<serde_json::Value>, String> {
    let object = |message: Result<Message<'_>, MessageError>| json::object(&message?);
    Messages::new(bytes).map(object).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn rebuilt(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    for message in Messages::new(bytes) {
        let message = message.map_err(|error| error.to_string())?;
        all.resize(all.len().next_multiple_of(4), 0);
        let mut buffer = vec![0; message.payload().len() + 20];
        let length = message.rebuild(&mut buffer).map_err(|error| error.to_string())?;
        all.extend(buffer.drain(..length));
    }
    Ok(all)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
