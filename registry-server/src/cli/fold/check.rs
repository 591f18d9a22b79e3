//! `annals fold check`: what is wrong with a fold, before any server has it.

use std::fs;
use std::path::{Path, PathBuf};

use annals_codegen::draw::{self, Remark};
use annals_event_store::declarative::{Declarative, LoadError, Pins, load_checked};
use annals_event_store::{AnyFold, FoldUsed};
use clap::Args;
use serde_json::json;

use super::schemas::{Schemas, SchemasAt};
use crate::cli::Global;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};

/// `annals fold check order.yaml`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals fold check order.yaml --schemas schemas    against a folder; no server is asked
  annals fold check order.yaml                      against what is registered at --server

A lock beside the fold (order.lock) says which versions its events are read with; without one it is the newest.
Exit code 3 when something is wrong.")]
pub(crate) struct Check {
    /// The fold
    file: PathBuf,
    #[command(flatten)]
    from: SchemasAt,
}

impl Check {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let schemas = self.from.open(global)?;
        let loaded = Loaded::read(&self.file, &schemas)?;
        match (&loaded.fold, global.output) {
            (Ok(fold), Format::Json) => {
                output::json(&json!({"fold": FoldUsed::from(fold.id()), "problems": []}))?;
            }
            (Err(problems), Format::Json) => {
                let problems = problems.iter().map(|problem| {
                    json!({"line": problem.line, "column": problem.column, "message": problem.message})
                });
                output::json(&json!({"fold": null, "problems": problems.collect::<Vec<_>>()}))?;
            }
            (Ok(fold), Format::Table) => {
                let (file, id) = (self.file.display(), fold.id());
                output::line(&format!(
                    "{file} is sound: fold {} of revision {}, over topic {}",
                    id.name,
                    id.rev,
                    fold.told_topics().join(", ")
                ))?;
            }
            (Err(problems), Format::Table) => {
                for problem in problems {
                    output::line(&drawn(problem, &self.file, &loaded.text))?;
                }
            }
        }
        Ok(if loaded.fold.is_ok() { Exit::Done } else { Exit::No })
    }
}

/// A fold file, and what became of it.
pub(super) struct Loaded {
    pub(super) text: String,
    pub(super) fold: Result<Declarative, Vec<LoadError>>,
}

impl Loaded {
    pub(super) fn read(file: &Path, schemas: &Schemas) -> Result<Loaded, Failure> {
        let text = read(file)?;
        let lock = file.with_extension("lock");
        let pins = match fs::read_to_string(&lock) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Pins::default(),
            Err(error) => return Err(unreadable(&lock, &error)),
            Ok(text) => Pins::parse(&text).map_err(|error| {
                let drawn = drawn(&error, &lock, &text);
                Failure::new(Exit::Failed, format!("the lock does not load\n{drawn}"))
            })?,
        };
        let fold = load_checked(&text, &pins, schemas);
        schemas.answered()?;
        Ok(Loaded { text, fold })
    }

    /// The fold, or all that is wrong with it as a failure.
    pub(super) fn sound(self, file: &Path) -> Result<Declarative, Failure> {
        self.fold.map_err(|problems| {
            let drawn = problems.iter().map(|problem| drawn(problem, file, &self.text));
            let drawn: Vec<String> = drawn.collect();
            Failure::new(
                Exit::Failed,
                format!("the fold does not load\n{}", drawn.join("\n")),
            )
        })
    }
}

pub(super) fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        format!("{} cannot be read: {error}", file.display()),
    )
}

/// A problem on its line of the file. What stands behind a semicolon is what helps.
pub(super) fn drawn(problem: &LoadError, file: &Path, text: &str) -> String {
    let (title, help) = match problem.message.split_once("; ") {
        Some((title, help)) => (title, Some(help)),
        None => (problem.message.as_str(), None),
    };
    let remark = Remark {
        title,
        help,
        span: problem.span,
        line: problem.line,
        column: problem.column,
    };
    draw::remark(&remark, &file.display().to_string(), text)
}
