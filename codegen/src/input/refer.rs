//! What schemas refer to: types of other files in Avro, imports in Protobuf.
//!
//! A type is where it is defined, and an import is the file of that path, or the subject of that name; `annals.toml` says
//! which where there are several. Invariant: the references of a text are listed dependencies first, each text once.
//! Newest versions are referred to, unless a lock or the path of a file says otherwise.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use annals_schema_model::{Outline, ParseError, Reference, Schema, SchemaType, Span};

use super::folder::{File, Found};
use super::settings::Settings;
use super::{Referred, Refers, VersionText, resolved};
use crate::diagnostic::Diagnostic;
use crate::lock::{self, Lock, Locked};

/// How deep references may be nested, as in the registry.
const DEPTH_MAX: usize = 64;

/// Every text with what it refers to.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// By the subject's name as found; versions that are no schema are left out.
    pub(super) versions: BTreeMap<String, Vec<VersionText>>,
    /// Subjects that others refer to.
    pub(super) referred: BTreeSet<String>,
}

/// A text that others may refer to: a version of a subject, or a file in a library.
struct Source<'a> {
    /// Whether it is meant where no version is.
    is_newest: bool,
    /// The subject, if it is one's.
    subject: Option<&'a str>,
    file: &'a File,
    outline: Outline,
}

struct Sources<'a> {
    root: &'a Path,
    all: Vec<Source<'a>>,
    settings: &'a Settings,
    lock: &'a Lock,
}

/// Why a name leads nowhere; nothing where a place is known already.
enum Failure {
    Said(Diagnostic),
    /// There is no such file.
    Nowhere,
    /// To be said of the file that asks.
    Because(String, Option<String>),
}

/// Parses everything that was found.
pub(super) fn parse(found: &Found, settings: &Settings, lock: &Lock, wrong: &mut Vec<Diagnostic>) -> Parsed {
    let newest = found.subjects.iter().flat_map(|subject| {
        let files = subject.files.iter();
        let newest = subject.files.last().map(|file| file.version);
        files.map(move |file| (Some(subject.name.as_str()), newest == Some(file.version), file))
    });
    let libraries = found.libraries.iter().map(|file| (None, true, file));
    let all = newest.chain(libraries).map(|(subject, is_newest, file)| {
        let outline = Outline::of(file.kind, &file.text);
        if let (None, Err(error)) = (subject, &outline) {
            let ParseError {
                line,
                column,
                message,
            } = error;
            wrong.push(Diagnostic::at(&file.path, *line, *column, message));
        }
        Source {
            is_newest,
            subject,
            file,
            // What has none is no schema; that of a subject's version is said when it is parsed.
            outline: outline.unwrap_or_default(),
        }
    });
    let sources = Sources {
        root: &found.root,
        all: all.collect(),
        settings,
        lock,
    };
    let mut parsed = Parsed::default();
    for subject in &found.subjects {
        let mut versions = Vec::new();
        for file in &subject.files {
            match sources.version(&subject.name, file, &mut parsed.referred) {
                Ok(version) => versions.push(version),
                Err(diagnostic) => wrong.push(*diagnostic),
            }
        }
        parsed.versions.insert(subject.name.clone(), versions);
    }
    parsed
}

impl<'a> Sources<'a> {
    fn version(
        &self,
        subject: &str,
        file: &File,
        referred: &mut BTreeSet<String>,
    ) -> Result<VersionText, Box<Diagnostic>> {
        let place = |error: ParseError| {
            Box::new(Diagnostic::at(
                &file.path,
                error.line,
                error.column,
                error.message,
            ))
        };
        if cfg!(not(feature = "proto")) && file.kind == SchemaType::Protobuf {
            let reason = "Protobuf is read with a feature: write `annals-codegen = { version = \"0.1\", features = [\"proto\"] }` under \
                          [build-dependencies]";
            return Err(Box::new(Diagnostic::file(&file.path, reason)));
        }
        let outline = Outline::of(file.kind, &file.text).map_err(place)?;
        let mut following = Following {
            sources: self,
            open: vec![file.relative.clone()],
            done: Vec::new(),
            referred,
        };
        let mut refers = Vec::new();
        for name in self.needed(Some((subject, file.version)), file.kind, &outline) {
            let source = following
                .follow(Some((subject, file.version)), file.kind, name)
                .map_err(|failure| Box::new(failure.of(self.root, file, name)))?;
            refers.push(Refers {
                name: name.clone(),
                subject: source.subject.unwrap_or(name).to_owned(),
                version: source.file.version,
            });
        }
        let references = following.done;
        let locked = self.lock.get(subject, file.version);
        if let Some(locked) = locked {
            // As it was registered, so that the registry knows it again.
            let as_registered = locked.references.iter().map(|reference| Refers {
                name: reference.name.clone(),
                subject: reference.subject.clone(),
                version: u32::try_from(reference.version).unwrap_or_default(),
            });
            refers = as_registered.collect();
        }
        let schema = Schema::parse(file.kind, &file.text, &resolved(&references)).map_err(place)?;
        Ok(VersionText {
            version: file.version,
            id: locked.map(|locked| locked.id),
            path: file.path.clone(),
            label: file.label.clone(),
            text: file.text.clone(),
            references,
            refers,
            schema,
        })
    }

    /// What a text needs, and what it would have without a file, but has one of.
    fn needed<'o>(&self, from: From<'_>, kind: SchemaType, outline: &'o Outline) -> Vec<&'o String> {
        let is_there = |name: &&String| !matches!(self.find(from, kind, name), Err(Failure::Nowhere));
        let replaced = outline.replaceable.iter().filter(is_there);
        outline.needs.iter().chain(replaced).collect()
    }

    /// Where a registered schema's reference leads to: the version that the registry has. What its references refer to is
    /// there to be used as well.
    fn find_locked(&self, locked: &Locked, name: &str) -> Result<&Source<'a>, Failure> {
        let mut open: VecDeque<&Reference> = locked.references.iter().collect();
        let mut seen: BTreeSet<(&str, &str, i32)> = BTreeSet::new();
        while let Some(reference) = open.pop_front() {
            let Reference { subject, version, .. } = reference;
            if !seen.insert((&reference.name, subject, *version)) {
                continue;
            }
            let found = self.all.iter().find(|source| source.is_of(reference));
            // A type goes by its own name, whichever one of its text the reference is called after.
            if reference.name == name || found.is_some_and(|source| source.defines(name)) {
                return found.ok_or_else(|| {
                    let why = format!(
                        "{} has it as {subject} v{version}, of which there is no file",
                        lock::FILE
                    );
                    Failure::Because(why, Some("`annals gen pull` puts it there".to_owned()))
                });
            }
            let version = u32::try_from(*version).unwrap_or_default();
            let further = self.lock.get(subject, version);
            open.extend(further.into_iter().flat_map(|locked| &locked.references));
        }
        Err(Failure::Nowhere)
    }

    /// Where a name leads to.
    fn find(&self, from: From<'_>, kind: SchemaType, name: &str) -> Result<&Source<'a>, Failure> {
        if let Some(locked) = from.and_then(|(subject, version)| self.lock.get(subject, version)) {
            return self.find_locked(locked, name);
        }
        let from = from.map(|(subject, _)| subject);
        if let Some(said) = self.settings.import(name) {
            let is_said = |source: &&Source<'_>| {
                source.is_newest && source.subject == Some(said) || source.file.relative == said
            };
            return self.all.iter().find(is_said).ok_or_else(|| {
                let message = format!("`{said}`, which `{name}` is said to be in, is no subject and no file");
                Failure::Said(self.settings.wrong_import(name, message))
            });
        }
        let of_kind = self.all.iter().filter(|source| source.file.kind == kind);
        // A path names one version, be it an older one, or of the subject itself.
        let is_meant = |source: &&Source<'a>| {
            let is_other = source.subject.is_none() || source.subject != from;
            source.is_newest && is_other || source.is_at(kind, name)
        };
        let others = of_kind.filter(is_meant);
        let all: Vec<&Source<'a>> = match kind {
            SchemaType::Avro => others.filter(|source| source.defines(name)).collect(),
            _ => others.filter(|source| source.is_import(name)).collect(),
        };
        // The one made for it goes before those that have it among others.
        let made_for = |source: &&&Source<'_>| source.is_made_for(name);
        match all.as_slice() {
            [one] => Ok(one),
            [] => Err(Failure::Nowhere),
            many => match many.iter().filter(made_for).collect::<Vec<_>>().as_slice() {
                [one] => Ok(one),
                _ => Err(ambiguous(name, many)),
            },
        }
    }
}

/// Who asks: a version of a subject, or a file in a library.
type From<'a> = Option<(&'a str, u32)>;

fn ambiguous(name: &str, many: &[&Source<'_>]) -> Failure {
    let labels: Vec<&str> = many.iter().map(|source| source.file.label.as_str()).collect();
    let first = many.first().map_or("", |source| source.called());
    let help = format!("say in annals.toml which is meant:\n\n    [imports]\n    \"{name}\" = \"{first}\"");
    Failure::Because(format!("it may be that of {}", labels.join(" or ")), Some(help))
}

impl Source<'_> {
    fn version(&self) -> From<'_> {
        Some((self.subject?, self.file.version))
    }

    /// Whether it is what a reference leads to.
    fn is_of(&self, reference: &Reference) -> bool {
        self.subject == Some(reference.subject.as_str())
            && i32::try_from(self.file.version) == Ok(reference.version)
    }

    /// Whether it defines a type that is called so, or so without a namespace.
    fn defines(&self, name: &str) -> bool {
        let short = name.rsplit('.').next().unwrap_or(name);
        self.outline
            .defines
            .iter()
            .any(|full| full == name || full == short)
    }

    /// Whether it is the file of an import's path.
    fn is_at(&self, kind: SchemaType, path: &str) -> bool {
        kind == SchemaType::Protobuf && self.file.relative == path
    }

    fn is_import(&self, path: &str) -> bool {
        let stem = path.strip_suffix(".proto").unwrap_or(path);
        self.file.relative == path
            || self
                .subject
                .is_some_and(|subject| subject == path || subject == stem)
    }

    /// Whether a name is what the file is there for.
    fn is_made_for(&self, name: &str) -> bool {
        let is_first = || {
            self.subject
                .is_some_and(|subject| subject == name || subject.ends_with(&format!("-{name}")))
        };
        match self.file.kind {
            SchemaType::Avro => is_first() || self.outline.defines.as_slice() == [name],
            _ => self.file.relative == name,
        }
    }

    /// What `annals.toml` calls it.
    fn called(&self) -> &str {
        self.subject.unwrap_or(&self.file.relative)
    }
}

impl Failure {
    fn of(self, root: &Path, file: &File, name: &str) -> Diagnostic {
        let (what, place) = match file.kind {
            SchemaType::Avro => ("type", "define it in a file there, or write its definition here"),
            _ => ("import", "put the file at"),
        };
        let short = name.rsplit('.').next().unwrap_or(name);
        let quoted = [name, short].map(|name| file.text.find(&format!("\"{name}\"")));
        let position = quoted.into_iter().flatten().next().unwrap_or_default();
        let at = |message: String| {
            let (line, column) = Span::line_column(&file.text, position);
            Diagnostic::at(&file.path, line, column, message)
        };
        let root = root.file_name().unwrap_or_default().to_string_lossy();
        match (self, file.kind) {
            (Failure::Said(diagnostic), _) => diagnostic,
            (Failure::Nowhere, SchemaType::Avro) => at(format!(
                "the type \"{name}\" is defined nowhere in {root}: {place}"
            )),
            (Failure::Nowhere, _) => at(format!("import \"{name}\" is not there: {place} {root}/{name}")),
            (Failure::Because(why, help), _) => {
                at(format!("the {what} \"{name}\" is not clear: {why}")).help(help.unwrap_or_default())
            }
        }
    }
}

/// The way along references.
struct Following<'f, 'a> {
    sources: &'f Sources<'a>,
    /// The files on the way.
    open: Vec<String>,
    done: Vec<Referred>,
    referred: &'f mut BTreeSet<String>,
}

impl<'f, 'a> Following<'f, 'a> {
    fn follow(&mut self, from: From<'_>, kind: SchemaType, name: &str) -> Result<&'f Source<'a>, Failure> {
        let sources = self.sources;
        let source = sources.find(from, kind, name)?;
        if let Some(subject) = source.subject {
            self.referred.insert(subject.to_owned());
        }
        // An Avro text is one however many of its types are used; an import is a path.
        let is_done = |done: &Referred| match kind {
            SchemaType::Avro => done.path == source.file.path,
            _ => done.name == name,
        };
        if self.done.iter().any(is_done) {
            return Ok(source);
        }
        if self.open.contains(&source.file.relative) {
            let way = format!(
                "{} and {} refer to each other",
                self.open.join(", "),
                source.file.relative
            );
            return Err(Failure::Because(way, None));
        }
        if self.open.len() == DEPTH_MAX {
            let why = format!("references nest deeper than {DEPTH_MAX} levels");
            return Err(Failure::Because(why, None));
        }
        self.open.push(source.file.relative.clone());
        for needed in sources.needed(source.version(), kind, &source.outline) {
            self.follow(source.version(), kind, needed)
                .map_err(|failure| Failure::Said(failure.of(sources.root, source.file, needed)))?;
        }
        self.open.pop();
        self.done.push(Referred {
            name: name.to_owned(),
            path: source.file.path.clone(),
            label: source.file.label.clone(),
            text: source.file.text.clone(),
        });
        Ok(source)
    }
}
