//! The command line: one file a command, one table of exit codes.
//!
//! Data goes to stdout, everything else to stderr. Every command but `serve`, `log` and `gen` is a client: it talks to a
//! running server over HTTP (or, in `kafka/`, the Kafka protocol) and decides nothing that the server decides.

mod aggregate;
mod aggregates;
mod api;
mod arenas;
mod changes;
mod check;
mod exit;
mod explain;
mod fold;
mod r#gen;
mod kafka;
mod log;
mod output;
mod point;
mod progress;
mod registry;
mod remarks;
mod rows;
mod schema;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use output::Format;

/// A log your schemas, your consumers and your auditors can trust.
#[derive(Debug, Parser)]
#[command(name = "annals", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  annals serve --demo                       everything in one process, with a company to look at
  annals history order/990001               what happened to one order
  annals state order/990001 --at -2h        what it looked like two hours ago
  annals changes --actor jane --since -1d   what Jane did since yesterday
  annals schema check orders-value o.avsc   is the change safe? exit code 3 says no
  annals produce orders < orders.jsonl      a JSON value a line, written with the topic's schema
  annals consume orders --from -10 -f       the last ten records, and what comes
  annals group describe billing             what a group has read, and how far it is behind
  annals gen rust --out src/gen             the events of a folder of schemas as types

Exit codes: 0 done, 1 failed, 2 usage, 3 a check said no, 5 not found.";

/// What every client command needs to know.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The server's HTTP address
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "ANNALS_SERVER",
        default_value = "http://127.0.0.1:8081"
    )]
    server: String,
    /// The broker's address, for `topic`, `produce`, `consume` and `group`: any Kafka broker
    #[arg(
        short,
        long,
        global = true,
        value_name = "HOST:PORT",
        env = "ANNALS_BROKERS",
        default_value = "127.0.0.1:9092"
    )]
    brokers: String,
    /// How to print the answer
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// What every command needs to know that opens a server's files itself.
#[derive(Debug, Args)]
pub(crate) struct DataDir {
    /// The data folder: where the log, the schemas and the folds are kept
    #[arg(
        long = "data-dir",
        value_name = "DIR",
        default_value = "./annals-data",
        env = "ANNALS_DATA_DIR"
    )]
    path: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the registry, the broker, the event store and the console in one process
    Serve(serve::Serve),
    /// The state of one aggregate, now or at any point
    State(aggregate::State),
    /// The events of one aggregate
    History(aggregate::History),
    /// What changed between two points, in one aggregate or in all of a type
    Diff(aggregate::Diff),
    /// All aggregates of a type at a point: which, by what columns, in which order, with sums
    List(aggregates::List),
    /// Who did what: the changes to all aggregates, by actor, kind and field
    Changes(changes::Changes),
    /// The folds that make the states: list, check, test, compare, load, and move on to newer schemas
    #[command(subcommand)]
    Fold(fold::Fold),
    /// List, get, register and check schemas
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Generate the types of events from a folder of schemas
    #[command(subcommand)]
    Gen(r#gen::Gen),
    /// Move a whole registry between servers and files, and compare them
    #[command(subcommand)]
    Registry(registry::Registry),
    /// Check and repair the log of a server that is stopped
    #[command(subcommand)]
    Log(log::Log),
    /// List, create, describe, alter and delete topics
    #[command(subcommand)]
    Topic(kafka::Topic),
    /// Write records: lines, checked and encoded with the topic's schema
    Produce(kafka::Produce),
    /// Read records, decoded with their schemas
    Consume(kafka::Consume),
    /// List, describe, reset and delete consumer groups
    #[command(subcommand)]
    Group(kafka::Group),
}

/// Run one command and say how it went.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Serve(serve) => serve.run(),
        Command::State(state) => state.run(&cli.global),
        Command::History(history) => history.run(&cli.global),
        Command::Diff(diff) => diff.run(&cli.global),
        Command::List(list) => list.run(&cli.global),
        Command::Changes(changes) => changes.run(&cli.global),
        Command::Fold(fold) => fold.run(&cli.global),
        Command::Schema(schema) => schema.run(&cli.global),
        Command::Gen(generate) => generate.run(&cli.global),
        Command::Registry(registry) => registry.run(&cli.global),
        Command::Log(log) => log.run(&cli.global),
        Command::Topic(topic) => topic.run(&cli.global),
        Command::Produce(produce) => produce.run(&cli.global),
        Command::Consume(consume) => consume.run(&cli.global),
        Command::Group(group) => group.run(&cli.global),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::error(&failure);
            failure.exit.into()
        }
    }
}

/// Resolves at Ctrl-C or SIGTERM.
pub(crate) fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
