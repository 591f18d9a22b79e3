//! `annals registry export | import | diff | sync`: a whole registry moved between servers and files, over the registry
//! API, ids, versions, soft-deleted ones, contexts, settings and modes included.
//!
//! Both sides are read into a [`Snapshot`]; what is written is what the comparison of the two says is missing, and what
//! was written is read back and compared again. What the API does not show cannot be moved: times of registration, ids
//! whose schemas were deleted for good, and settings of names that have neither a version nor an alias.

mod apply;
mod compare;
mod dump;
mod fetch;
mod plan;
mod pool;
mod report;
mod snapshot;
mod topic;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use annals_registry_client::server;
use clap::{Args, Subcommand};
use serde_json::json;

use super::Global;
use super::api::Api;
use super::exit::{Exit, Failure};
use super::output::{self, Format};
use crate::registry::Qualified;
use apply::Outcome;
use compare::compare;
use pool::{IN_FLIGHT_MAX, Stop};
use report::Sides;
use snapshot::Snapshot;

#[derive(Debug, Subcommand)]
pub(crate) enum Registry {
    /// Write everything a registry holds to a file, as the records of a `_schemas` topic
    Export(Export),
    /// Bring everything in a file into a registry, ids and all
    Import(Import),
    /// What differs between two registries or files? Exit code 3 when anything does
    Diff(Diff),
    /// Bring everything another registry holds into this one, ids and all: only what is missing
    Sync(Sync),
}

/// `annals registry export > registry.jsonl`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals registry export > registry.jsonl
  annals registry export --server http://old:8081 --to registry.jsonl")]
pub(crate) struct Export {
    /// The file to write; stdout when absent
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// `annals registry import registry.jsonl`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals registry import registry.jsonl --server http://new:8081
  annals registry export --server http://old:8081 | annals registry import -

A dump of a Kafka-backed registry's own topic is read too:
  kafka-console-consumer --bootstrap-server kafka:9092 --topic _schemas --from-beginning \\
    --property print.key=true --timeout-ms 10000 > schemas.txt
  kcat -b kafka:9092 -t _schemas -C -e -J > schemas.txt
  annals registry import schemas.txt

It can be run again at any time: what is there stays, what is missing is added, and nothing is ever taken away.
Exit code 3 when the registry does not hold everything in the end.")]
pub(crate) struct Import {
    /// An export or a topic's dump; `-` is stdin
    file: PathBuf,
}

/// `annals registry diff --from http://old:8081`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals registry diff --from http://old:8081 --server http://new:8081
  annals registry diff --from registry.jsonl
  annals registry diff monday.jsonl tuesday.jsonl -o json")]
pub(crate) struct Diff {
    /// The registry or file to compare the server with
    #[arg(long, value_name = "URL|FILE", required_unless_present = "sides")]
    from: Option<String>,
    /// Two registries or files to compare instead
    #[arg(value_name = "URL|FILE", num_args = 2, conflicts_with = "from")]
    sides: Vec<String>,
}

/// `annals registry sync --from http://old:8081`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  annals registry sync --from http://old:8081 --server http://new:8081

It can be run again at any time, also while clients still register with the other one: what is there stays, what is
missing is added, and nothing is ever taken away. Exit code 3 when this registry does not hold everything in the end.")]
pub(crate) struct Sync {
    /// The registry to read
    #[arg(long, value_name = "URL")]
    from: String,
}

impl Registry {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let stop = interruptible()?;
        match self {
            Self::Export(export) => export.run(global, &stop),
            Self::Import(import) => {
                let wanted = read_file(&import.file)?;
                bring(&wanted, &import.file.display().to_string(), global, &stop)
            }
            Self::Diff(diff) => diff.run(global, &stop),
            Self::Sync(sync) => {
                let wanted = read(&sync.from, BTreeSet::new(), &stop)?;
                bring(&wanted, &sync.from, global, &stop)
            }
        }
    }
}

/// Whether the user pressed Ctrl-C: the work then ends in order, modes put right. Pressed again, it ends at once.
fn interruptible() -> Result<Arc<Stop>, Failure> {
    let stop = Arc::new(Stop::new(false));
    let pressed = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if pressed.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
            }
        });
    });
    Ok(stop)
}

impl Export {
    fn run(self, global: &Global, stop: &Stop) -> Result<Exit, Failure> {
        let snapshot = fetch::fetch(&api(&global.server), BTreeSet::new(), stop)?;
        let server = shown(&global.server);
        let Some(path) = self.to else {
            return match dump::write(BufWriter::new(io::stdout().lock()), &snapshot, &server) {
                Ok(records) => told(records, &server),
                Err(failure) => Err(failure),
            };
        };
        let named = |error: io::Error| Failure::new(Exit::Failed, format!("{}: {error}", path.display()));
        // Whoever finds the file finds all of it.
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(".unfinished");
        let file = File::create(&unfinished).map_err(named)?;
        let records = dump::write(BufWriter::new(file), &snapshot, &server)?;
        std::fs::rename(&unfinished, &path).map_err(named)?;
        told(records, &server)
    }
}

fn told(records: usize, server: &str) -> Result<Exit, Failure> {
    writeln!(io::stderr(), "exported {records} records from {server}")?;
    Ok(Exit::Done)
}

impl Diff {
    fn run(self, global: &Global, stop: &Stop) -> Result<Exit, Failure> {
        let (left, right) = match (self.from, self.sides.as_slice()) {
            (Some(from), _) => (from, global.server.clone()),
            (None, [left, right]) => (left.clone(), right.clone()),
            (None, _) => {
                return Err(Failure::new(Exit::Usage, "nothing to compare").help("give --from, or two files"));
            }
        };
        let left_side = read(&left, BTreeSet::new(), stop)?;
        let right_side = read(&right, left_side.scopes(), stop)?;
        let comparison = compare(&left_side, &right_side);
        let sides = Sides {
            left: &shown(&left),
            right: &shown(&right),
        };
        let is_same = comparison.is_same();
        if global.output == Format::Json {
            output::json(&report::to_json(&comparison, &sides, is_same))?;
        } else {
            report::differences(comparison.differences.iter(), &sides, None)?;
            report::counts(&comparison)?;
        }
        Ok(if is_same { Exit::Done } else { Exit::No })
    }
}

/// Brings what is wanted into the server, reads it back and says how it went.
fn bring(wanted: &Snapshot, from: &str, global: &Global, stop: &Stop) -> Result<Exit, Failure> {
    let api = api(&global.server);
    let before = fetch::fetch(&api, wanted.scopes(), stop)?;
    let plan = plan::plan(wanted, &before);
    let is_needed = !plan.is_empty();
    let mut outcome = match is_needed {
        true => apply::apply(&api, &plan, stop),
        false => Outcome::default(),
    };
    if let Some(failure) = outcome.failure.take() {
        if global.output == Format::Table {
            report::outcome(&outcome)?;
        }
        return Err(match failure.help {
            Some(_) => failure,
            None => failure.help("run the same command again: it goes on where this one ended"),
        });
    }
    let after = match is_needed {
        true => fetch::fetch(&api, wanted.scopes(), stop)?,
        false => before,
    };
    let comparison = compare(wanted, &after);
    let sides = Sides {
        left: &shown(from),
        right: &shown(&global.server),
    };
    let holds_all = comparison.is_contained();
    if global.output == Format::Json {
        let verify = report::to_json(&comparison, &sides, holds_all);
        output::json(
            &json!({"changed": is_needed, "done": report::outcome_json(&outcome), "verify": verify}),
        )?;
    } else {
        match is_needed {
            true => report::outcome(&outcome)?,
            false => output::line("nothing was missing, nothing was changed")?,
        }
        report::verdict(&comparison, &sides)?;
    }
    Ok(if holds_all { Exit::Done } else { Exit::No })
}

fn api(server: &str) -> Api {
    Api::patient(server, IN_FLIGHT_MAX)
}

/// A source as it is told and kept: without a password in it.
fn shown(source: &str) -> String {
    match is_address(source) {
        true => server::shown(source).join(","),
        false => source.to_owned(),
    }
}

fn is_address(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

/// A registry or a file.
fn read(source: &str, also: BTreeSet<Qualified>, stop: &Stop) -> Result<Snapshot, Failure> {
    match is_address(source) {
        true => fetch::fetch(&api(source), also, stop),
        false => read_file(Path::new(source)),
    }
}

fn read_file(path: &Path) -> Result<Snapshot, Failure> {
    if path == Path::new("-") {
        return dump::read(BufReader::new(io::stdin().lock()), "stdin");
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| Failure::new(Exit::Failed, format!("{name}: {error}")))?;
    dump::read(BufReader::new(file), &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_registry_has_no_password_in_it() {
        let check = |source, wanted| assert_eq!(shown(source), wanted, "{source}");
        check("http://h:1", "http://h:1");
        check("https://me:s3cret@h:1,http://b", "https://h:1,http://b");
        check("me:s@file.jsonl", "me:s@file.jsonl");
    }
}
