//! Which files of a folder are schemas, and of which subject and version they are.
//!
//! Invariant: nothing is parsed here, and nothing that looks like a schema is passed over without a word. Links may run in
//! a circle, or double at every step: depth and number are bounded.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use annals_schema_model::SchemaType;

use super::named::{Named, named};
use super::settings::FILE as SETTINGS;
use crate::diagnostic::Diagnostic;
use crate::draw::Weight;
use crate::lock;

/// The largest schema file that is read, in bytes. Real ones are a thousand times smaller.
const SCHEMA_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How deep folders are looked into.
const DEPTH_MAX: usize = 16;
/// How many schema files a folder may have.
const FILES_MAX: usize = 20_000;
/// How many folders are looked into.
const FOLDERS_MAX: usize = 10_000;

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The folder.
    pub(super) root: PathBuf,
    /// By name.
    pub(super) subjects: Vec<FoundSubject>,
    /// Files in folders that are no subject's.
    pub(super) libraries: Vec<File>,
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

/// Reads a folder.
pub(super) fn read(root: &Path, said: &mut Vec<Diagnostic>) -> Found {
    let mut reader = Reader {
        root,
        found: Found {
            root: root.to_owned(),
            ..Found::default()
        },
        files: 0,
        folders: 0,
        open: Vec::new(),
        said,
    };
    reader.root();
    let mut found = reader.found;
    found.subjects.sort_by(|a, b| a.name.cmp(&b.name));
    // A file and a folder may both be a subject's; which of the two is meant only their owner knows.
    found.subjects.dedup_by(|second, first| {
        let is_twice = second.name == first.name;
        if is_twice {
            let message = format!("is subject `{}` like {}", first.name, first.path.display());
            said.push(Diagnostic::file(&second.path, message));
        }
        is_twice
    });
    said.extend(same_but_for_case(&found));
    found
}

struct Reader<'a> {
    root: &'a Path,
    found: Found,
    files: usize,
    folders: usize,
    /// Those on the way, as they are without links.
    open: Vec<PathBuf>,
    said: &'a mut Vec<Diagnostic>,
}

/// The files and folders of one folder, by name.
#[derive(Default)]
struct Entries {
    files: BTreeMap<String, PathBuf>,
    folders: BTreeMap<String, PathBuf>,
}

impl Reader<'_> {
    fn root(&mut self) {
        self.within(self.root, Reader::subjects);
        let is_error = |said: &Diagnostic| said.weight == Weight::Error;
        if self.found.subjects.is_empty() && !self.said.iter().any(is_error) {
            let help = "a subject is a folder in it, a version a file: orders-value/v1.avsc, or v1.proto";
            let said = match self.found.libraries.first() {
                None => Diagnostic::file(self.root, "holds no schema").help(help),
                Some(File { relative, .. }) => {
                    let message = format!(
                        "holds no subject: {relative} and what else is deeper in it is there for others"
                    );
                    let help = format!(
                        "{help}; it may use the types of {relative}, in Protobuf by `import \"{relative}\";`"
                    );
                    Diagnostic::file(self.root, message).help(help)
                }
            };
            self.said.push(said);
        }
    }

    /// Looks into a folder, unless there is no end to that.
    fn within(&mut self, folder: &Path, look: impl FnOnce(&mut Self, Entries)) {
        self.folders += 1;
        if self.folders > FOLDERS_MAX {
            if self.folders == FOLDERS_MAX + 1 {
                let message = format!("holds more than {FOLDERS_MAX} folders, links to them included");
                self.said.push(Diagnostic::file(self.root, message));
            }
            return;
        }
        let passed_over = match folder.canonicalize() {
            Ok(real) if self.open.contains(&real) => {
                "is a link back to where it is in, and is not read".to_owned()
            }
            Ok(_) if self.open.len() > DEPTH_MAX => {
                format!("is more than {DEPTH_MAX} folders deep, and is not read")
            }
            Ok(real) => {
                if let Some(entries) = self.entries(folder) {
                    self.open.push(real);
                    look(self, entries);
                    self.open.pop();
                }
                return;
            }
            Err(error) => return self.unreadable(folder, &error),
        };
        self.said.push(Diagnostic::file(folder, passed_over).warning());
    }

    fn subjects(&mut self, entries: Entries) {
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
                    self.said.push(Diagnostic::file(&path, message).help(help));
                }
                Named::Shouted => self.shouted(&path),
                Named::Foreign(what) => self.foreign(&path, what),
                Named::Other => {}
            }
        }
        for (name, path) in entries.folders {
            self.within(&path, |reader, entries| reader.folder(&name, &path, entries));
        }
    }

    /// A folder is a subject's when it is called like one, or one of its files like a version; else it holds what others
    /// refer to.
    fn folder(&mut self, name: &str, path: &Path, entries: Entries) {
        let is_schema = |file: &String| named(file) != Named::Other;
        let is_empty = entries.folders.is_empty() && !entries.files.keys().any(is_schema);
        let is_subject = holds_versions(&entries) || name.ends_with("-value") || name.ends_with("-key");
        if !is_subject || is_empty {
            let before = (self.found.libraries.len(), self.said.len());
            self.library(entries);
            if (self.found.libraries.len(), self.said.len()) == before {
                let message = "holds no schema, and is not read; a version is a file v1.avsc or v1.proto";
                self.said.push(Diagnostic::file(path, message).warning());
            }
            return;
        }
        let mut versions = Vec::new();
        for (file, path) in entries.files {
            match named(&file) {
                Named::Version(version, kind) => versions.extend(self.file(version, kind, path)),
                Named::Typo | Named::Plain(_) | Named::Shouted => {
                    let message = "is no version: name the file v<N>.avsc or v<N>.proto, N from 1";
                    self.said.push(Diagnostic::file(&path, message));
                }
                Named::Foreign(what) => self.foreign(&path, what),
                Named::Other => {}
            }
        }
        for path in entries.folders.into_values() {
            let message = "is a folder in that of a subject, and is not read";
            self.said.push(Diagnostic::file(&path, message).warning());
        }
        self.subject(lock::subject(name), path.to_owned(), versions);
    }

    fn library(&mut self, entries: Entries) {
        for (file, path) in entries.files {
            match named(&file) {
                Named::Version(_, kind) | Named::Plain(kind) => {
                    let read = self.file(1, kind, path);
                    self.found.libraries.extend(read);
                }
                Named::Shouted => self.shouted(&path),
                Named::Foreign(what) => self.foreign(&path, what),
                Named::Typo | Named::Other => {}
            }
        }
        for path in entries.folders.into_values() {
            self.within(&path, |reader, entries| {
                if holds_versions(&entries) {
                    let message = format!(
                        "is a subject's folder in another one, and is not read; it belongs directly into {}",
                        reader.root.display()
                    );
                    reader.said.push(Diagnostic::file(&path, message).warning());
                } else {
                    reader.library(entries);
                }
            });
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
                self.said.push(Diagnostic::file(&b.path, message));
            }
        }
        for file in files.iter().filter(|file| file.kind != kind) {
            let message = format!(
                "is {}, but the newest version of the subject is {kind}",
                file.kind
            );
            self.said.push(Diagnostic::file(&file.path, message));
        }
        self.found.subjects.push(FoundSubject {
            name,
            path,
            kind,
            files,
        });
    }

    fn entries(&mut self, folder: &Path) -> Option<Entries> {
        let paths: std::io::Result<Vec<PathBuf>> =
            std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let paths = match paths {
            Ok(paths) => paths,
            Err(error) => {
                self.unreadable(folder, &error);
                return None;
            }
        };
        let mut all = Entries::default();
        for path in paths {
            let Some(name) = path.file_name().and_then(OsStr::to_str) else {
                let message = "has a name that is no UTF-8, and is not read";
                self.said.push(Diagnostic::file(&path, message).warning());
                continue;
            };
            if name.starts_with('.') || name == SETTINGS {
                continue;
            }
            let of_its_kind = match path.is_dir() {
                true => &mut all.folders,
                false => &mut all.files,
            };
            of_its_kind.insert(name.to_owned(), path);
        }
        Some(all)
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        let said = Diagnostic::file(path, format!("cannot be read: {error}"));
        let is_absent = path == self.root && error.kind() == std::io::ErrorKind::NotFound;
        let help = "make the folder, with a folder in it for each subject and a file for each version \
                    (orders-value/v1.avsc), or say where it is: `.schemas(\"…\")` in build.rs, `--schemas` to annals gen";
        self.said.push(if is_absent { said.help(help) } else { said });
    }

    fn file(&mut self, version: u32, kind: SchemaType, path: PathBuf) -> Option<File> {
        self.files += 1;
        if self.files > FILES_MAX {
            if self.files == FILES_MAX + 1 {
                let message = format!("holds more than {FILES_MAX} schemas");
                self.said.push(Diagnostic::file(self.root, message));
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
            Ok(mut text) => {
                // A byte order mark is the file's: JSON has none. What is read of Protobuf may begin with one.
                if kind == SchemaType::Avro && text.starts_with('\u{feff}') {
                    text.remove(0);
                }
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
                self.unreadable(&path, &error);
                None
            }
        }
    }

    fn foreign(&mut self, path: &Path, what: &str) {
        let message = format!("is {what}, of which no code is generated; Avro's schemas end in .avsc");
        self.said.push(Diagnostic::file(path, message).warning());
    }

    fn shouted(&mut self, path: &Path) {
        let plain = path.with_extension(path.extension().unwrap_or_default().to_ascii_lowercase());
        let plain = plain
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let message = format!("has an ending that no schema has: name it {plain}");
        self.said.push(Diagnostic::file(path, message));
    }
}

/// Folders and files that are one where case is nothing.
fn same_but_for_case(found: &Found) -> Vec<Diagnostic> {
    let mut known: BTreeMap<String, &Path> = BTreeMap::new();
    let twice = found.subjects.iter().filter_map(|subject| {
        let name = subject.path.file_name()?.to_string_lossy().to_lowercase();
        let first = *known.entry(name).or_insert(&subject.path);
        (first != subject.path).then(|| {
            let first = first.display();
            let message = format!("is the same as {first} on macOS and Windows, where case is nothing");
            Diagnostic::file(&subject.path, message).warning()
        })
    });
    twice.collect()
}

fn holds_versions(entries: &Entries) -> bool {
    let is_version = |file: &String| matches!(named(file), Named::Version(..) | Named::Typo);
    entries.files.keys().any(is_version)
}
