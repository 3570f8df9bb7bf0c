//! `vxcap`: shows, opens and makes VXLAN in packet captures.

mod cli;
mod decap;
mod encap;
mod express;
mod failure;
mod format;
mod frame;
mod layers;
mod link;
mod options;
mod order;
mod packet;
mod pcap;
mod pcapng;
mod reader;
mod roundtrip;
mod show;
mod skip;
mod source;
mod tally;
#[path = "../common/usage.rs"]
mod usage;
mod writer;

use std::process::ExitCode;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli: Cli = match usage::command_line("vxcap") {
        Ok(cli) => cli,
        Err(code) => return code,
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
