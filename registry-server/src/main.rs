//! The `annals` binary: parse the command line, run the command, exit with its code.

use std::process::ExitCode;

use annals_registry_server::cli::Cli;
use clap::Parser as _;

fn main() -> ExitCode {
    annals_registry_server::cli::run(Cli::parse())
}
