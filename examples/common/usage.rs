//! A wrong command line is answered as any other bad input: in one line, with exit status 2.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

/// The command line; or how `program` ends without one, after it has printed help or what is wrong.
pub fn command_line<C: Parser>(program: &str) -> Result<C, ExitCode> {
    C::try_parse().map_err(|error| {
        if !error.use_stderr() {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        let text = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "no command, see --help".into(),
            _ => error.to_string(),
        };
        let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
        let line = lines.collect::<Vec<_>>().join(" ");
        eprintln!("{program}: {}", line.trim_start_matches("error: "));
        ExitCode::from(2)
    })
}
