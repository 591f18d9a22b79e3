//! The `annals` binary: parse the command line, run the command, exit with its code.

use std::process::ExitCode;

use annals_registry_server::cli::Cli;
use clap::Parser as _;

/// Gives memory back to the system when an answer is sent. What glibc frees stays with the process, in an arena for each
/// of the many threads that answers are made on.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    annals_registry_server::cli::run(Cli::parse())
}
