//! `annals.toml` and the schema files it names.
//!
//! A subject is a folder beside the manifest, a version is a file in it:
//!
//! ```text
//! schemas/annals.toml
//! schemas/orders-shop.orders.OrderPlaced/v1.avsc
//! schemas/orders-shop.orders.OrderPlaced/v2.avsc     the newest: what generated code reads into
//! schemas/packages-value/v1.proto
//! ```
//!
//! Invariant: what is loaded names at least one version a subject, all of one type, in ascending order. Whether the
//! texts are schemas is asked later. Left out: pulling from a registry, which is never done while building.

use std::path::{Path, PathBuf};

use annals_schema_model::{SchemaType, Span};
use serde::Deserialize;
use toml::Spanned;

use crate::diagnostic::Diagnostic;

/// The largest schema file that is read, in bytes. Real ones are a thousand times smaller.
const SCHEMA_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How subjects are named after topics and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Strategy {
    /// `<topic>-<full record name>`: a subject a record type.
    TopicRecord,
    /// `<topic>-value`: one subject.
    Topic,
}

/// All topics of a manifest.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// In the order of the file.
    pub(crate) topics: Vec<Topic>,
}

/// A topic and its subjects.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    /// How its subjects are named.
    pub(crate) strategy: Strategy,
    /// In the order of the file.
    pub(crate) subjects: Vec<Subject>,
}

/// A subject and its versions.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its name.
    pub(crate) name: String,
    /// The folder its versions are in.
    pub(crate) folder: PathBuf,
    /// The type of all its versions.
    pub(crate) kind: SchemaType,
    /// Ascending; never empty.
    pub(crate) versions: Vec<VersionText>,
}

/// One version of a subject.
#[derive(Clone, Debug)]
pub(crate) struct VersionText {
    /// From 1.
    pub(crate) version: u32,
    /// The file, as reached from the manifest's path.
    pub(crate) path: PathBuf,
    /// The file as docs name it: from the manifest's folder on, the same on every machine.
    pub(crate) label: String,
    /// The file's text.
    pub(crate) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileToml {
    #[serde(default)]
    topic: Vec<TopicToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicToml {
    name: Spanned<String>,
    strategy: Strategy,
    subjects: Vec<Spanned<String>>,
}

/// Reads the manifest and every file it leads to.
pub(crate) fn load(path: &Path) -> Result<Manifest, Vec<Diagnostic>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![Diagnostic::file(path, format!("cannot be read: {error}"))])?;
    let file: FileToml = toml::from_str(&text).map_err(|error| {
        let (line, column) = Span::line_column(&text, error.span().map_or(0, |span| span.start));
        vec![Diagnostic::at(path, line, column, error.message().trim())]
    })?;
    let mut loader = Loader {
        path,
        text: &text,
        wrong: Vec::new(),
    };
    let topics: Vec<Topic> = file.topic.into_iter().map(|topic| loader.topic(topic)).collect();
    if topics.is_empty() {
        loader.wrong.push(Diagnostic::file(path, "names no [[topic]]"));
    }
    if loader.wrong.is_empty() {
        Ok(Manifest { topics })
    } else {
        Err(loader.wrong)
    }
}

struct Loader<'a> {
    path: &'a Path,
    text: &'a str,
    wrong: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn complain(&mut self, position: usize, message: String) {
        let (line, column) = Span::line_column(self.text, position);
        self.wrong.push(Diagnostic::at(self.path, line, column, message));
    }

    fn topic(&mut self, topic: TopicToml) -> Topic {
        let position = topic.name.span().start;
        let name = topic.name.into_inner();
        if topic.subjects.is_empty() {
            self.complain(position, format!("topic `{name}` has no subjects"));
        }
        if topic.strategy == Strategy::Topic && topic.subjects.len() > 1 {
            self.complain(
                position,
                format!("topic `{name}` has strategy `topic`, so it has the one subject `{name}-value`"),
            );
        }
        let mut subjects = Vec::new();
        for subject in topic.subjects {
            let position = subject.span().start;
            let subject = subject.into_inner();
            let fits = match topic.strategy {
                Strategy::Topic => subject == format!("{name}-value"),
                Strategy::TopicRecord => subject
                    .strip_prefix(&name)
                    .is_some_and(|rest| rest.starts_with('-')),
            };
            if !fits {
                let wanted = match topic.strategy {
                    Strategy::Topic => format!("{name}-value"),
                    Strategy::TopicRecord => format!("{name}-<full record name>"),
                };
                self.complain(
                    position,
                    format!("subject `{subject}` of topic `{name}` is not `{wanted}`"),
                );
            }
            subjects.extend(self.subject(position, subject));
        }
        Topic {
            name,
            strategy: topic.strategy,
            subjects,
        }
    }

    fn subject(&mut self, position: usize, name: String) -> Option<Subject> {
        if name.contains(['/', '\\']) || name == ".." || name == "." {
            self.complain(position, format!("subject `{name}` cannot be a folder's name"));
            return None;
        }
        let folder = self.path.parent().unwrap_or(Path::new("")).join(&name);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                let shown = folder.display();
                self.complain(
                    position,
                    format!("subject `{name}` has no folder {shown}: {error}"),
                );
                return None;
            }
        };
        let mut found: Vec<(u32, SchemaType, PathBuf)> = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            let file = entry.file_name();
            let file = file.to_string_lossy();
            if file.starts_with('.') {
                continue;
            }
            match version_of(&file) {
                Some((version, kind)) => found.push((version, kind, entry.path())),
                None => self.wrong.push(Diagnostic::file(
                    &entry.path(),
                    "is no version: name the file v<N>.avsc or v<N>.proto, N from 1",
                )),
            }
        }
        found.sort_by_key(|(version, ..)| *version);
        let Some(kind) = found.last().map(|(_, kind, _)| *kind) else {
            self.complain(
                position,
                format!("subject `{name}` has no version in {}", folder.display()),
            );
            return None;
        };
        self.check_types(&found, kind);
        let versions = found
            .into_iter()
            .filter_map(|(version, _, path)| self.version(version, path))
            .collect();
        Some(Subject {
            name,
            folder,
            kind,
            versions,
        })
    }

    fn check_types(&mut self, found: &[(u32, SchemaType, PathBuf)], kind: SchemaType) {
        for pair in found.windows(2) {
            if let [(a, ..), (b, _, path)] = pair
                && a == b
            {
                self.wrong
                    .push(Diagnostic::file(path, format!("version {a} exists twice")));
            }
        }
        for (_, other, path) in found.iter().filter(|(_, other, _)| *other != kind) {
            let message = format!("is {other}, but the newest version of the subject is {kind}");
            self.wrong.push(Diagnostic::file(path, message));
        }
    }

    fn version(&mut self, version: u32, path: PathBuf) -> Option<VersionText> {
        match read_schema(&path) {
            Ok(text) => {
                let label = self.label(&path);
                Some(VersionText {
                    version,
                    path,
                    label,
                    text,
                })
            }
            Err(error) => {
                self.wrong
                    .push(Diagnostic::file(&path, format!("cannot be read: {error}")));
                None
            }
        }
    }

    /// `schemas/<subject>/v1.avsc`, with `/` on every system.
    fn label(&self, path: &Path) -> String {
        let folder = self
            .path
            .parent()
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned());
        let tail = path
            .components()
            .rev()
            .take(2)
            .map(|part| part.as_os_str().to_string_lossy().into_owned());
        let mut parts: Vec<String> = tail.collect();
        parts.extend(folder);
        parts.reverse();
        parts.join("/")
    }
}

/// The text of a schema file.
pub(crate) fn read_schema(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > SCHEMA_BYTES_MAX {
        let message = format!("it is larger than {SCHEMA_BYTES_MAX} bytes");
        return Err(std::io::Error::other(message));
    }
    std::fs::read_to_string(path)
}

/// `v3.avsc` is version 3 in Avro.
fn version_of(file: &str) -> Option<(u32, SchemaType)> {
    let (stem, kind) = [(".avsc", SchemaType::Avro), (".proto", SchemaType::Protobuf)]
        .into_iter()
        .find_map(|(end, kind)| Some((file.strip_suffix(end)?, kind)))?;
    let digits = stem
        .strip_prefix('v')
        .filter(|digits| !digits.starts_with(['0', '+']))?;
    Some((digits.parse().ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_versions() {
        let check = |file: &str, expected: Option<(u32, SchemaType)>| {
            assert_eq!(version_of(file), expected, "{file}");
        };
        check("v1.avsc", Some((1, SchemaType::Avro)));
        check("v12.proto", Some((12, SchemaType::Protobuf)));
        check("v0.avsc", None);
        check("v01.avsc", None);
        check("v+1.avsc", None);
        check("1.avsc", None);
        check("v1.json", None);
        check("v99999999999.avsc", None);
    }
}
