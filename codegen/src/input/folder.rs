//! Which files of a folder are schemas, and of which subject and version they are.
//!
//! Invariant: nothing is parsed here, and nothing that looks like a schema is passed over without a word. Links may run in
//! a circle: depth and number are bounded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annals_schema_model::SchemaType;

use super::settings::FILE as SETTINGS;
use crate::diagnostic::Diagnostic;
use crate::lock;

/// The largest schema file that is read, in bytes. Real ones are a thousand times smaller.
const SCHEMA_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How deep folders are looked into.
const DEPTH_MAX: usize = 16;
/// How many schema files a folder may have.
const FILES_MAX: usize = 20_000;

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The folder.
    pub(super) root: PathBuf,
    /// By name.
    pub(super) subjects: Vec<FoundSubject>,
    /// Files in folders that are no subject's.
    pub(super) libraries: Vec<File>,
    /// What is odd, and stops nothing.
    pub(super) warnings: Vec<Diagnostic>,
}

/// A folder of versions, or a file that is the only one.
#[derive(Debug)]
pub(super) struct FoundSubject {
    /// The folder's name, or the file's without its ending.
    pub(super) name: String,
    /// The folder or the file.
    pub(super) path: PathBuf,
    /// Of all versions.
    pub(super) kind: SchemaType,
    /// Ascending; never empty.
    pub(super) files: Vec<File>,
}

/// A schema file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// From 1; 1 for what has no versions.
    pub(super) version: u32,
    pub(super) kind: SchemaType,
    pub(super) path: PathBuf,
    /// The path from the folder on, with `/` on every system.
    pub(super) relative: String,
    /// The same behind the folder's own name.
    pub(super) label: String,
    pub(super) text: String,
}

/// What a file's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Version(u32, SchemaType),
    /// Meant to be a version, and none.
    Typo,
    /// A schema under a name of its own.
    Plain(SchemaType),
    /// JSON Schema.
    Json,
    Other,
}

/// Reads a folder.
pub(super) fn read(root: &Path, wrong: &mut Vec<Diagnostic>) -> Found {
    let mut reader = Reader {
        root,
        found: Found {
            root: root.to_owned(),
            ..Found::default()
        },
        files: 0,
        wrong,
    };
    reader.root();
    let mut found = reader.found;
    found.subjects.sort_by(|a, b| a.name.cmp(&b.name));
    // A file and a folder may both be a subject's; which of the two is meant only their owner knows.
    found.subjects.dedup_by(|second, first| {
        let is_twice = second.name == first.name;
        if is_twice {
            let message = format!("is subject `{}` like {}", first.name, first.path.display());
            wrong.push(Diagnostic::file(&second.path, message));
        }
        is_twice
    });
    found
}

struct Reader<'a> {
    root: &'a Path,
    found: Found,
    files: usize,
    wrong: &'a mut Vec<Diagnostic>,
}

/// The files and folders of one folder, by name.
#[derive(Default)]
struct Entries {
    files: BTreeMap<String, PathBuf>,
    folders: BTreeMap<String, PathBuf>,
}

impl Reader<'_> {
    fn root(&mut self) {
        let Some(entries) = self.entries(self.root) else {
            return;
        };
        for (file, path) in entries.files {
            match named(&file) {
                Named::Plain(kind) => {
                    let name = file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem);
                    let name = name.to_owned();
                    let files: Vec<File> = self.file(1, kind, path.clone()).into_iter().collect();
                    self.subject(name, path, files);
                }
                Named::Version(..) | Named::Typo => {
                    let message = "is a version of no subject";
                    let help = format!(
                        "put it into a folder that is called as its subject: {}/orders-value/v1.avsc",
                        self.root.display()
                    );
                    self.wrong.push(Diagnostic::file(&path, message).help(help));
                }
                Named::Json => self.warn_of_json(&path),
                Named::Other => {}
            }
        }
        for (name, path) in entries.folders {
            self.folder(name, &path);
        }
        let nothing = self.found.subjects.is_empty() && self.wrong.is_empty();
        if nothing {
            let message = "holds no schema";
            let help = "a subject is a folder in it, a version a file: orders-value/v1.avsc, or v1.proto";
            self.wrong.push(Diagnostic::file(self.root, message).help(help));
        }
    }

    /// A folder is a subject's when one of its files is called like a version; else it holds what others refer to.
    fn folder(&mut self, name: String, path: &Path) {
        let Some(entries) = self.entries(path) else {
            return;
        };
        if !holds_versions(&entries) {
            let before = self.found.libraries.len();
            self.library(entries, 1);
            if self.found.libraries.len() == before {
                let message = "holds no schema, and is not read; a version is a file v1.avsc or v1.proto";
                self.found.warnings.push(Diagnostic::file(path, message));
            }
            return;
        }
        let mut versions = Vec::new();
        for (file, path) in entries.files {
            match named(&file) {
                Named::Version(version, kind) => versions.extend(self.file(version, kind, path)),
                Named::Typo | Named::Plain(_) => {
                    let message = "is no version: name the file v<N>.avsc or v<N>.proto, N from 1";
                    self.wrong.push(Diagnostic::file(&path, message));
                }
                Named::Json => self.warn_of_json(&path),
                Named::Other => {}
            }
        }
        self.subject(lock::subject(&name), path.to_owned(), versions);
    }

    fn library(&mut self, entries: Entries, depth: usize) {
        for (file, path) in entries.files {
            match named(&file) {
                Named::Version(_, kind) | Named::Plain(kind) => {
                    let read = self.file(1, kind, path);
                    self.found.libraries.extend(read);
                }
                Named::Json => self.warn_of_json(&path),
                Named::Typo | Named::Other => {}
            }
        }
        for path in entries.folders.into_values().filter(|_| depth < DEPTH_MAX) {
            if let Some(entries) = self.entries(&path) {
                if holds_versions(&entries) {
                    let message = format!(
                        "is a subject's folder in another one, and is not read; it belongs directly into {}",
                        self.root.display()
                    );
                    self.found.warnings.push(Diagnostic::file(&path, message));
                } else {
                    self.library(entries, depth + 1);
                }
            }
        }
    }

    fn subject(&mut self, name: String, path: PathBuf, mut files: Vec<File>) {
        files.sort_by_key(|file| file.version);
        let Some(kind) = files.last().map(|file| file.kind) else {
            return;
        };
        for pair in files.windows(2) {
            if let [a, b] = pair
                && a.version == b.version
            {
                let message = format!("version {} exists twice", a.version);
                self.wrong.push(Diagnostic::file(&b.path, message));
            }
        }
        for file in files.iter().filter(|file| file.kind != kind) {
            let message = format!(
                "is {}, but the newest version of the subject is {kind}",
                file.kind
            );
            self.wrong.push(Diagnostic::file(&file.path, message));
        }
        self.found.subjects.push(FoundSubject {
            name,
            path,
            kind,
            files,
        });
    }

    fn entries(&mut self, folder: &Path) -> Option<Entries> {
        let read = std::fs::read_dir(folder).and_then(|entries| {
            let mut all = Entries::default();
            for entry in entries {
                let path = entry?.path();
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let name = name.unwrap_or_default();
                if name.starts_with('.') || name == SETTINGS {
                    continue;
                }
                let is_folder = path.is_dir();
                let of_its_kind = if is_folder {
                    &mut all.folders
                } else {
                    &mut all.files
                };
                of_its_kind.insert(name, path);
            }
            Ok(all)
        });
        match read {
            Ok(entries) => Some(entries),
            Err(error) => {
                self.wrong
                    .push(Diagnostic::file(folder, format!("cannot be read: {error}")));
                None
            }
        }
    }

    fn file(&mut self, version: u32, kind: SchemaType, path: PathBuf) -> Option<File> {
        self.files += 1;
        if self.files > FILES_MAX {
            if self.files == FILES_MAX + 1 {
                let message = format!("holds more than {FILES_MAX} schemas");
                self.wrong.push(Diagnostic::file(self.root, message));
            }
            return None;
        }
        let text = std::fs::metadata(&path).and_then(|meta| {
            if meta.len() > SCHEMA_BYTES_MAX {
                return Err(std::io::Error::other(format!(
                    "it is larger than {SCHEMA_BYTES_MAX} bytes"
                )));
            }
            std::fs::read_to_string(&path)
        });
        match text {
            Ok(text) => {
                let parts = path.strip_prefix(self.root).unwrap_or(&path).components();
                let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
                let relative = parts.join("/");
                let label = match self.root.file_name() {
                    Some(root) => format!("{}/{relative}", root.to_string_lossy()),
                    None => relative.clone(),
                };
                Some(File {
                    version,
                    kind,
                    path,
                    relative,
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

    fn warn_of_json(&mut self, path: &Path) {
        let message = "is JSON Schema, of which no code is generated; Avro's files end in .avsc";
        self.found.warnings.push(Diagnostic::file(path, message));
    }
}

fn holds_versions(entries: &Entries) -> bool {
    let is_version = |file: &String| matches!(named(file), Named::Version(..) | Named::Typo);
    entries.files.keys().any(is_version)
}

/// `v3.avsc` is version 3 in Avro.
fn named(file: &str) -> Named {
    let Some((stem, ending)) = file.rsplit_once('.') else {
        return Named::Other;
    };
    let kind = match ending {
        "avsc" => Some(SchemaType::Avro),
        "proto" => Some(SchemaType::Protobuf),
        "json" => return Named::Json,
        _ => None,
    };
    let known = ["avsc", "proto"]
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known));
    let digits = stem.strip_prefix(['v', 'V']).unwrap_or(stem);
    let is_number = !digits.is_empty()
        && digits
            .trim_start_matches(['+', '-'])
            .bytes()
            .all(|byte| byte.is_ascii_digit());
    let is_proper = stem.starts_with('v') && !digits.starts_with(['0', '+', '-']);
    match (kind, is_number) {
        (Some(kind), true) if is_proper => digits
            .parse()
            .map_or(Named::Typo, |version| Named::Version(version, kind)),
        (_, true) if known => Named::Typo,
        (Some(kind), false) => Named::Plain(kind),
        _ => Named::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_versions() {
        let check = |file: &str, expected: Named| assert_eq!(named(file), expected, "{file}");
        check("v1.avsc", Named::Version(1, SchemaType::Avro));
        check("v12.proto", Named::Version(12, SchemaType::Protobuf));
        for typo in [
            "v0.avsc",
            "v01.avsc",
            "v+1.avsc",
            "1.avsc",
            "V1.proto",
            "v99999999999.avsc",
            "v1.AVSC",
        ] {
            check(typo, Named::Typo);
        }
        check("money.proto", Named::Plain(SchemaType::Protobuf));
        check("vat.avsc", Named::Plain(SchemaType::Avro));
        check("v1.json", Named::Json);
        check("README.md", Named::Other);
        check("LICENSE", Named::Other);
    }
}
