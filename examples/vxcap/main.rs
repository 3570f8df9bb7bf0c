//! `vxcap`: shows, opens and makes VXLAN in packet captures.

mod cli;
mod decap;
mod encap;
mod express;
mod failure;
mod frame;
mod layers;
mod options;
mod packet;
mod reader;
mod roundtrip;
mod show;
mod tally;
mod writer;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let done = match &cli.command {
        Command::Show(args) => show::run(args),
        Command::Decap(args) => decap::run(args),
        Command::Encap(args) => encap::run(args),
        Command::Roundtrip(args) => roundtrip::run(args),
    };
    match done {
        Ok(code) => code,
        // Whoever read the output has enough.
        Err(failure) if failure.broken_pipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("vxcap: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Prints help as it is, and an error in one line.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let what: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let what = what.join(" ");
    eprintln!("vxcap: {}", what.strip_prefix("error: ").unwrap_or(&what));
    ExitCode::from(2)
}
