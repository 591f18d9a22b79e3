//! `annals serve`: start everything, say where it is, run until told to stop.

use std::io::IsTerminal as _;
use std::time::Instant;

use clap::Args;
use tracing_subscriber::EnvFilter;

use super::DataDir;
use super::exit::{Exit, Failure};
use super::output;
use crate::demo::Played;
use crate::http::ApiShape;
use crate::listeners::{KafkaListener, ListenError};
use crate::serve::{Options, Server};
use crate::store::Database;

/// `annals serve --demo`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals serve
  annals serve --demo --data-dir /tmp/annals
  annals serve --kafka-listen 127.0.0.1:0 --http-listen 127.0.0.1:0    # free ports, printed when ready

Kafka clients on other machines are told an address that leads them here:
  annals serve --kafka-listen 0.0.0.0:9092 --kafka-advertised kafka.example:9092

Several listeners, each with its own, for a container:
  annals serve --kafka-listen INTERNAL://0.0.0.0:9092,EXTERNAL://0.0.0.0:9094 \\
    --kafka-advertised INTERNAL://annals:9092,EXTERNAL://localhost:9094

What is logged on stderr, warnings and refused records where nothing else is said:
  ANNALS_LOG=info annals serve    # or error, warn, debug, or a level a module: warn,annals_broker=debug")]
pub(crate) struct Serve {
    #[command(flatten)]
    data_dir: DataDir,
    /// Where Kafka clients connect; port 0 takes a free one. Several: NAME://HOST:PORT,NAME://HOST:PORT
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9092",
        env = "ANNALS_KAFKA_LISTEN"
    )]
    kafka_listen: String,
    /// Where Kafka clients are told to connect; needed to listen on every address. Of several listeners by name
    #[arg(long, value_name = "HOST:PORT", env = "ANNALS_KAFKA_ADVERTISED")]
    kafka_advertised: Option<String>,
    /// Where registry clients and browsers connect; port 0 takes a free one
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8081",
        env = "ANNALS_HTTP_LISTEN"
    )]
    http_listen: String,
    /// Where schemas are kept: a PostgreSQL URL, which several servers may share, or a SQLite file
    #[arg(
        long,
        value_name = "URL",
        env = "ANNALS_DATABASE",
        hide_env_values = true,
        help = "Where schemas are kept: postgres://user@host/name, or the path of a SQLite file [default: registry.db in the data folder]",
        value_parser = Database::parse
    )]
    database: Option<Database>,
    /// Which generation of the registry API to answer like: 8, or 7 for clients that choke on what 8 added
    #[arg(
        long,
        value_name = "7|8",
        default_value_t = ApiShape::Eight,
        env = "ANNALS_REGISTRY_API_SHAPE"
    )]
    registry_api_shape: ApiShape,
    /// Fill an empty server with the history of a small order company
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        super::arenas::few();
        log_to_stderr();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.serve()).map_err(|error| {
            let failure = Failure::new(Exit::Failed, told(&error));
            if let Some(help) = crate::serve::help_with(&error) {
                return failure.help(help);
            }
            match error.downcast::<ListenError>() {
                Ok(taken @ ListenError::PortTaken { .. }) => failure.help(taken.help()),
                Ok(wrong) => Failure {
                    exit: Exit::Usage,
                    ..failure.help(wrong.help())
                },
                Err(_) => failure,
            }
        })
    }

    async fn serve(self) -> anyhow::Result<Exit> {
        let begun = Instant::now();
        let options = Options {
            data_dir: self.data_dir.path.clone(),
            kafka: KafkaListener::parse(&self.kafka_listen, self.kafka_advertised.as_deref())?,
            http_listen: self.http_listen,
            database: self.database,
            api_shape: self.registry_api_shape,
        };
        // Listening for signals from the start: a stop during the demo is a stop too.
        let stop = super::stop_signal()?;
        let server = Server::start(options).await?;
        let http = server.http();
        for (address, told) in server.kafka() {
            let address = address.to_string();
            let whose = match *told == address {
                true => "any Kafka client".to_owned(),
                false => format!("clients are told {told}"),
            };
            say(&format!("Kafka     {address:<34}{whose}"));
        }
        say(&format!(
            "Registry  {:<34}Avro, Protobuf, JSON Schema",
            format!("http://{http}")
        ));
        say(&format!("Console   http://{http}/console"));
        say(&format!("API       http://{http}/docs"));
        if self.demo {
            say(&demo_line(server.play_demo().await?));
        }
        server.set_ready();
        say(&format!(
            "annals {} ready in {:.2} s, {} resident, data in {}",
            env!("CARGO_PKG_VERSION"),
            begun.elapsed().as_secs_f64(),
            resident_memory().unwrap_or_else(|| "memory unknown".to_owned()),
            self.data_dir.path.display()
        ));
        server.run_until(stop).await?;
        say(&format!(
            "stopped; the data is in {}",
            self.data_dir.path.display()
        ));
        Ok(Exit::Done)
    }
}

/// An error with its causes, but for those it has in its own words already.
fn told(error: &anyhow::Error) -> String {
    error
        .chain()
        .fold(String::new(), |text, cause| match cause.to_string() {
            cause if text.is_empty() => cause,
            cause if text.contains(&cause) => text,
            cause => format!("{text}: {cause}"),
        })
}

fn demo_line(played: Played) -> String {
    match played {
        Played::Now { orders, events } => format!("Demo      {orders} orders, {events} events"),
        Played::Before { events } => format!("Demo      already there, {events} events"),
        Played::Elsewise { found, wanted } => format!(
            "Demo      left alone: its topics hold {found} records, not {wanted}; another --data-dir takes it"
        ),
    }
}

/// The banner is for whoever started the server; that nobody reads it any more must not stop it.
fn say(text: &str) {
    let _ = output::line(text);
}

/// What is logged unless `ANNALS_LOG` says otherwise: warnings, and what was refused, because many a client hides why.
const LOGGED: &str = "warn,annals_broker::refusals=info";

/// Text for people, JSON for machines.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("ANNALS_LOG").unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second `run` in one process keeps the first one's log.
    let _ = match std::io::stderr().is_terminal() {
        true => builder.try_init(),
        false => builder.json().try_init(),
    };
}

/// What the kernel says this process holds in memory, such as `31 MB`; Linux only.
fn resident_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(format!("{} MB", kib * 1024 / 1_000_000))
}
