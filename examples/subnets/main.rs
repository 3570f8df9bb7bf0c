//! Flannel's subnets on the command line: pools, allocation, lease keys, `subnet.env`.
//!
//! `subnets pool CONFIG.json`, `subnets allocate CONFIG.json --nodes N`, `subnets key TEXT...`,
//! `subnets env FILE`. What `allocate` prints, `routes plan` reads.

mod allocate;
#[path = "../common/leases.rs"]
mod leases;
#[path = "../common/usage.rs"]
mod usage;

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;
use vtep::lease::{LeaseKey, NetworkConfig, SubnetEnv};
use vtep::subnet::{Prefix, SubnetPool};

use allocate::Allocate;

/// Flannel's subnets: pools, allocation, lease keys, subnet.env.
#[derive(Parser)]
#[command(name = "subnets", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print which subnets a network config deals out.
    Pool {
        /// The network config.
        config: PathBuf,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Lease a subnet to each of many nodes; print the leases as a JSON array, one a line.
    Allocate(Allocate),
    /// Read lease keys.
    Key {
        /// The keys, or paths that end in them.
        #[arg(required = true)]
        text: Vec<String>,
        /// Print JSON objects.
        #[arg(long)]
        json: bool,
    },
    /// Read subnet.env and print what Docker is started with for it.
    Env {
        /// The file.
        file: PathBuf,
    },
}

/// An error and what it is about, in one line.
pub type Failure = Box<dyn Error>;

/// `error`, about `what`.
fn about(what: impl Display, error: impl Display) -> Failure {
    format!("{what}: {error}").into()
}

fn main() -> ExitCode {
    let command = match usage::command_line("subnets") {
        Ok(Cli { command }) => command,
        Err(code) => return code,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    match run(command, &mut out).and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads has seen enough.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("subnets: {error}");
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run(command: Command, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Pool { config, json } => pool(&config, json, out),
        Command::Allocate(allocate) => allocate.run(out),
        Command::Key { text, json } => key(&text, json, out),
        Command::Env { file } => env(&file, out),
    }
}

/// The text of a file.
fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| about(path.display(), error))
}

#[derive(Serialize)]
struct PoolLine {
    len: u8,
    min: String,
    max: String,
    count: u128,
}

impl PoolLine {
    fn new<P: Prefix>(pool: &SubnetPool<P>) -> Self {
        let address = |subnet: P| P::address_from_bits(subnet.first_bits()).to_string();
        let (min, max) = (address(pool.min()), address(pool.max()));
        Self { len: pool.subnet_len(), min, max, count: pool.count() }
    }
}

impl Display for PoolLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { len, min, max, count } = self;
        write!(f, "{min}/{len} to {max}/{len}: {count} subnets")
    }
}

/// The pool of the one family, or IPv4's and then that of IPv6.
#[derive(Serialize)]
struct PoolLines {
    #[serde(flatten)]
    first: PoolLine,
    #[serde(skip_serializing_if = "Option::is_none")]
    v6: Option<PoolLine>,
}

fn pool(path: &Path, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let text = read(path)?;
    let pools = NetworkConfig::from_json(&text).and_then(|config| config.pools());
    let pools = pools.map_err(|error| about(path.display(), error))?;
    let v4 = pools.ipv4.as_ref().map(PoolLine::new);
    let v6 = pools.ipv6.as_ref().map(PoolLine::new);
    let lines = match (v4, v6) {
        (Some(first), v6) => PoolLines { first, v6 },
        (None, Some(first)) => PoolLines { first, v6: None },
        (None, None) => return Err(about(path.display(), "neither IPv4 nor IPv6 is enabled")),
    };
    if json {
        writeln!(out, "{}", serde_json::to_string(&lines)?)?;
    } else {
        writeln!(out, "{}", lines.first)?;
        lines.v6.iter().try_for_each(|v6| writeln!(out, "{v6}"))?;
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(untagged)]
enum KeyLine<'a> {
    Key { text: &'a str, v4: Option<String>, v6: Option<String> },
    Error { text: &'a str, error: String },
}

impl Display for KeyLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key { text, v4, v6 } => {
                write!(f, "{text}:")?;
                v4.iter().chain(v6).try_for_each(|subnet| write!(f, " {subnet}"))
            }
            Self::Error { text, error } => write!(f, "{text:?}: {error}"),
        }
    }
}

fn key(texts: &[String], json: bool, out: &mut impl Write) -> Result<(), Failure> {
    for text in texts {
        let line = match text.parse::<LeaseKey>() {
            Ok(LeaseKey { v4, v6 }) => KeyLine::Key {
                text,
                v4: v4.map(|v4| v4.to_string()),
                v6: v6.map(|v6| v6.to_string()),
            },
            Err(error) => KeyLine::Error { text, error: error.to_string() },
        };
        if json {
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
        } else {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn env(path: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let text = read(path)?;
    let env = text.parse::<SubnetEnv>().map_err(|error| about(path.display(), error))?;
    if env == SubnetEnv::default() {
        return Err(about(path.display(), "no FLANNEL_ variable"));
    }
    if env.subnet.value().is_none() {
        eprintln!("subnets: {}: no FLANNEL_SUBNET with one subnet: no --bip", path.display());
    }
    Ok(writeln!(out, "{}", env.docker())?)
}
