//! `annals gen rust | typescript | python | asyncapi`: the events in a folder of schemas, written where they are committed.
//!
//! What is generated is `annals-codegen`'s to say; here it is written, or compared with what is there. A file that would
//! not change is not written. What is wrong or odd with the schemas is told as a build tells it. `annals gen pull | update |
//! check` keep the folder beside a registry, and alone ask a server.

mod check;
mod pull;
mod questions;
mod remote;
mod rust;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use annals_codegen::draw::Weight;
use annals_codegen::{Build, Diagnostic, Error, Loaded, configure, files};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Global;
use super::exit::{Exit, Failure};
use super::output::{self, Format};

#[derive(Debug, Subcommand)]
pub(crate) enum Gen {
    /// Rust, the same that a build.rs makes, for those who commit it
    #[command(
        after_help = "Examples:\n  annals gen rust --schemas schemas --out src/gen\n  annals gen rust --schemas schemas \
                      --out src/gen --check\n\nThe file is one of the crate it is written into, which depends on \
                      annals-schema-model."
    )]
    Rust(rust::Rust),
    /// TypeScript, for services that read and write the same events with the registry clients of Node
    #[command(
        after_help = "Example:\n  annals gen typescript --schemas schemas --out web/src/events.ts\n\nTypes alone: of Avro those of \
                      avsc's values, of Protobuf those of protobuf-es. The file says how they are to be read."
    )]
    Typescript(Target),
    /// Python dataclasses, for services that read and write the same events with fastavro or confluent-kafka
    #[command(
        after_help = "Example:\n  annals gen python --schemas schemas --out billing/events.py\n\nThe file needs Python 3.10 and \
                      nothing else. It says how its types are to be read."
    )]
    Python(Target),
    /// An AsyncAPI 3 document of the topics, their messages and schemas
    #[command(
        after_help = "Examples:\n  annals gen asyncapi --out asyncapi.yaml --title 'Events of the shop'\n  annals gen asyncapi -o \
                      json | jq .channels"
    )]
    Asyncapi(Asyncapi),
    /// Bring registered schemas into the folder, and lock them: builds ask no server
    Pull(pull::Pull),
    /// Bring the newest versions of what is locked
    Update(pull::Update),
    /// Do the folder, its lock and the registry say the same? Exit code 3 says no
    Check(check::Check),
}

/// The folder that is kept beside a registry.
#[derive(Debug, Args)]
pub(crate) struct Schemas {
    /// The folder of the schemas
    #[arg(long = "schemas", value_name = "DIR", default_value = "schemas")]
    folder: PathBuf,
}

/// A document, and what only its owner knows.
#[derive(Debug, Args)]
pub(crate) struct Asyncapi {
    /// The folder of the schemas
    #[arg(long, value_name = "DIR", default_value = "schemas")]
    schemas: PathBuf,
    /// The file, in YAML, or in JSON when it ends so; without it the document is printed, in JSON with `-o json`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write nothing; exit code 3 when what is there is not what would be written
    #[arg(long, requires = "out")]
    check: bool,
    /// The document's title
    #[arg(long, default_value = "Events")]
    title: String,
    /// The document's version
    #[arg(long, value_name = "VERSION", default_value = "1.0.0")]
    document_version: String,
}

/// What is generated from, and where to.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The folder of the schemas
    #[arg(long, value_name = "DIR", default_value = "schemas")]
    schemas: PathBuf,
    /// A folder, or the file itself
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Write nothing; exit code 3 when what is there is not what would be written
    #[arg(long)]
    check: bool,
}

impl Gen {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        match self {
            Self::Rust(rust) => rust.run(global.output),
            Self::Typescript(target) => target.print("ts", Loaded::typescript, global.output),
            Self::Python(target) => target.print("py", Loaded::python, global.output),
            Self::Asyncapi(asked) => asked.run(global.output),
            Self::Pull(pull) => pull.run(global),
            Self::Update(update) => update.run(global),
            Self::Check(check) => check.run(global),
        }
    }
}

impl Asyncapi {
    fn run(self, format: Format) -> Result<Exit, Failure> {
        // Where the document itself is printed, what is wrong is told beside it.
        let listing = self.out.as_ref().map_or(Format::Table, |_| format);
        let loaded = load(&build(&self.schemas), listing)?;
        let document = loaded.asyncapi(&self.title, &self.document_version);
        let is_json = match &self.out {
            Some(file) => file.extension().is_some_and(|extension| extension == "json"),
            None => format == Format::Json,
        };
        let failed = |error: String| Failure::new(Exit::Failed, error);
        let text = if is_json {
            serde_json::to_string_pretty(&document).map_err(|error| failed(error.to_string()))? + "\n"
        } else {
            serde_saphyr::to_string(&document).map_err(|error| failed(error.to_string()))?
        };
        let Some(out) = self.out else {
            output::bytes(text.as_bytes())?;
            return Ok(Exit::Done);
        };
        let target = Target {
            schemas: self.schemas,
            out: out.clone(),
            check: self.check,
        };
        target.finish(&out, &text, loaded.warnings(), format)
    }
}

impl Target {
    /// The file that is written: `events` in the folder, unless a file is named.
    fn file(&self, extension: &str) -> PathBuf {
        if self.out.extension().is_some_and(|given| given == extension) {
            self.out.clone()
        } else {
            self.out.join("events").with_extension(extension)
        }
    }

    /// What is generated by one of the printers that ask for no more.
    fn print(
        &self,
        extension: &str,
        printer: impl FnOnce(&Loaded) -> String,
        format: Format,
    ) -> Result<Exit, Failure> {
        let loaded = load(&build(&self.schemas), format)?;
        let (file, text) = (self.file(extension), printer(&loaded));
        self.finish(&file, &text, loaded.warnings(), format)
    }

    /// Writes the file, or compares it, and lists what is odd for programs; people were told.
    fn finish(
        &self,
        file: &Path,
        text: &str,
        warnings: &[Diagnostic],
        format: Format,
    ) -> Result<Exit, Failure> {
        let present = match fs::read_to_string(file) {
            Ok(present) => Some(present),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(file, &error)),
        };
        let difference = difference(present.as_deref(), text);
        let state = match &difference {
            None => "unchanged",
            Some(_) if self.check => "differs",
            Some(_) => {
                let folder = file.parent().unwrap_or(Path::new(""));
                fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
                files::write(file, text).map_err(|error| failed(file, &error))?;
                "written"
            }
        };
        let name = file.display().to_string();
        let is_no = self.check && difference.is_some();
        if format == Format::Json {
            let difference = difference.filter(|_| is_no).map_or(Value::Null, Value::String);
            output::json(&json!({
                "files": [{"path": name, "state": state, "difference": difference}],
                "diagnostics": listed(warnings),
            }))?;
        } else {
            output::line(&format!("{state} {name}"))?;
            if let Some(difference) = difference.filter(|_| is_no) {
                output::remark(&difference);
            }
        }
        Ok(if is_no { Exit::No } else { Exit::Done })
    }
}

fn build(schemas: &Path) -> Build {
    configure().schemas(schemas)
}

/// Where a file that is there first parts from a text, in words; nothing when it does not.
fn difference(present: Option<&str>, text: &str) -> Option<String> {
    let Some(present) = present else {
        return Some("the file is not there".to_owned());
    };
    if present == text {
        return None;
    }
    let (mut there, mut wanted) = (present.lines(), text.lines());
    let mut number = 0_usize;
    loop {
        number += 1;
        let said = |line: Option<&str>| line.map_or_else(|| "nothing".to_owned(), |line| format!("`{line}`"));
        match (there.next(), wanted.next()) {
            (None, None) => return Some("only the ends of lines differ".to_owned()),
            (a, b) if a == b => {}
            (a, b) => {
                return Some(format!("line {number} is {}, and would be {}", said(a), said(b)));
            }
        }
    }
}

fn unsound_file(diagnostic: &Diagnostic) -> Failure {
    let failure = Failure::new(Exit::Failed, diagnostic.to_string());
    match diagnostic.help.as_str() {
        "" => failure,
        help => failure.help(help),
    }
}

/// Reads the schemas, and tells what is odd about them. For programs what is wrong is listed, too.
fn load(build: &Build, format: Format) -> Result<Loaded, Failure> {
    let loaded = build.load().map_err(|wrong| unsound(&wrong, format))?;
    tell(loaded.warnings());
    Ok(loaded)
}

fn tell(warnings: &[Diagnostic]) {
    for warning in warnings {
        output::remark(&format!("{}\n", warning.report()));
    }
}

/// What is wrong as a build tells it.
fn unsound(wrong: &Error, format: Format) -> Failure {
    if format == Format::Json {
        let listed = output::json(&json!({"files": [], "diagnostics": listed(wrong.diagnostics())}));
        if let Err(failure) = listed {
            return failure;
        }
    }
    Failure::new(Exit::Failed, format!("{wrong:?}"))
}

fn listed(diagnostics: &[Diagnostic]) -> Vec<Value> {
    let each = diagnostics.iter().map(|said| {
        json!({
            "is_error": said.weight == Weight::Error, "file": said.file.display().to_string(),
            "line": said.line, "column": said.column, "message": said.message, "help": said.help,
            "report": said.report(),
        })
    });
    each.collect()
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told() {
        let check = |present: Option<&str>, text: &str, expected: Option<&str>| {
            assert_eq!(
                difference(present, text).as_deref(),
                expected,
                "{present:?} {text:?}"
            );
        };
        check(Some("a\nb\n"), "a\nb\n", None);
        check(None, "a", Some("the file is not there"));
        check(
            Some("a\nb\nc"),
            "a\nx\ny",
            Some("line 2 is `b`, and would be `x`"),
        );
        check(Some("a"), "a\nb", Some("line 2 is nothing, and would be `b`"));
        check(Some("a\nb"), "a", Some("line 2 is `b`, and would be nothing"));
        check(Some("a\r\nb"), "a\nb", Some("only the ends of lines differ"));
    }
}
