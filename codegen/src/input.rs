//! What code is generated from: a folder of schemas, read once, every text parsed with what it refers to.
//!
//! ```text
//! schemas/orders-value/v1.avsc                        topic `orders`, all of whose records are of one subject
//! schemas/orders-value/v2.avsc                        the newest: what generated code reads into
//! schemas/payments-shop.payments.Paid/v1.avsc         topic `payments`, a subject a record
//! schemas/packages.proto                              topic `packages`, one version; `packages-value` in a registry
//! schemas/shop/money.proto                            what others import
//! schemas/annals.toml                                 what cannot be guessed; may be absent
//! ```
//!
//! What `annals.lock` has is called as it is registered, and so is its folder. Invariant: what is loaded has at least one version a subject, all of one type, in ascending order, and every one of
//! them is a schema. Left out: pulling from a registry, which is never done while building.

mod folder;
mod named;
mod place;
mod refer;
mod said;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use annals_schema_model::{Reference, Resolved, Schema, SchemaType, Standard};

use crate::diagnostic::Diagnostic;
use crate::draw::Weight;
use crate::lock::{self, Lock};
pub(crate) use place::Strategy;

/// Everything that was found in a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// By name.
    pub(crate) topics: Vec<Topic>,
    /// Subjects whose types are generated, and that no topic has events of: keys, and what other schemas refer to.
    pub(crate) others: Vec<Subject>,
    /// What is odd, and stops nothing.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// A topic and its subjects.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    /// How its subjects are named.
    pub(crate) strategy: Strategy,
    /// By name, or in the order of `annals.toml`.
    pub(crate) subjects: Vec<Subject>,
}

/// A subject and its versions.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its name in a registry.
    pub(crate) name: String,
    /// The type of all its versions.
    pub(crate) kind: SchemaType,
    /// Ascending; never empty.
    pub(crate) versions: Vec<VersionText>,
    /// How its versions are compared.
    pub(crate) standard: Standard,
    /// The old versions that are generated beside the newest.
    pub(crate) keep: Vec<u32>,
    /// Those of them whose events become the next version's by the user's own `From`.
    pub(crate) upcast: Vec<u32>,
}

/// One version of a subject.
#[derive(Clone, Debug)]
pub(crate) struct VersionText {
    /// From 1.
    pub(crate) version: u32,
    /// Its id in the registry it was pulled from, if it was.
    pub(crate) id: Option<u32>,
    /// The file, as reached from the folder's path.
    pub(crate) path: PathBuf,
    /// The file as docs name it: from the folder on, the same on every machine.
    pub(crate) label: String,
    /// The file's text.
    pub(crate) text: String,
    /// What it refers to, and what that refers to, dependencies first: names in Avro, import paths in Protobuf.
    pub(crate) references: Vec<Referred>,
    /// What it refers to itself, as a registry is told.
    pub(crate) refers: Vec<Refers>,
    /// The text, parsed with what it refers to.
    pub(crate) schema: Schema,
}

/// A reference, and the version it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refers {
    /// The name the schema uses.
    pub(crate) name: String,
    /// The subject; of a file that has none, the name.
    pub(crate) subject: String,
    /// The version there.
    pub(crate) version: u32,
}

/// A text another one refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Referred {
    /// The name it goes by there.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Where docs say that it is.
    pub(crate) label: String,
    /// Its text.
    pub(crate) text: String,
}

/// What parsers take.
pub(crate) fn resolved(references: &[Referred]) -> Vec<Resolved> {
    let each = |referred: &Referred| Resolved {
        name: referred.name.clone(),
        text: referred.text.clone(),
    };
    references.iter().map(each).collect()
}

impl Input {
    /// Every subject, those of topics first.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &Subject> {
        let of_topics = self.topics.iter().flat_map(|topic| &topic.subjects);
        of_topics.chain(&self.others)
    }

    /// Every version, each after those it refers to, if there is such an order.
    pub(crate) fn in_order(&self) -> Vec<(&Subject, &VersionText)> {
        let mut left: Vec<(&Subject, &VersionText)> = self
            .subjects()
            .flat_map(|subject| subject.versions.iter().map(move |text| (subject, text)))
            .collect();
        let mut ordered: Vec<(&Subject, &VersionText)> = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let waiting: BTreeSet<(&str, u32)> = left
                .iter()
                .map(|(subject, text)| (subject.name.as_str(), text.version))
                .collect();
            let waits = |(_, text): &(&Subject, &VersionText)| {
                let mut refers = text.refers.iter();
                refers.any(|refers| waiting.contains(&(refers.subject.as_str(), refers.version)))
            };
            let (later, now): (Vec<_>, Vec<_>) = left.iter().copied().partition(waits);
            if now.is_empty() {
                ordered.extend(later);
                break;
            }
            ordered.extend(now);
            left = later;
        }
        ordered
    }
}

/// Files that came from nobody knows where: older than what is locked of their subject, and not locked.
fn unlocked(subjects: &[folder::FoundSubject], lock: &Lock) -> Vec<Diagnostic> {
    let files = subjects.iter().flat_map(|subject| {
        let newest = lock.newest(&subject.name).unwrap_or_default();
        let is_locked = move |version: u32| lock.of(&subject.name).any(|(locked, _)| locked == version);
        let files = subject.files.iter();
        files.filter(move |file| file.version < newest && !is_locked(file.version))
    });
    let message = format!(
        "is older than what {} has of its subject, and is not in it",
        lock::FILE
    );
    files
        .map(|file| {
            let help = "`annals gen pull <subject>:<version>` puts it in";
            Diagnostic::file(&file.path, &message).help(help).warning()
        })
        .collect()
}

/// Folders of which nothing is used: what was meant to be a subject may be called otherwise.
fn unused(libraries: &[folder::File], parsed: &refer::Parsed, root: &Path) -> Vec<Diagnostic> {
    let versions = parsed.versions.values().flatten();
    let used: BTreeSet<&Path> = versions
        .flat_map(|version| version.references.iter().map(|referred| referred.path.as_path()))
        .collect();
    let mut folders: BTreeMap<&str, (bool, &str)> = BTreeMap::new();
    for file in libraries {
        let folder = file.relative.split('/').next().unwrap_or_default();
        let (is_used, _) = folders.entry(folder).or_insert((false, &file.relative));
        *is_used |= used.contains(file.path.as_path());
    }
    let unused = folders.into_iter().filter(|(_, (is_used, _))| !is_used);
    let said = unused.map(|(folder, (_, first))| {
        let message =
            format!("holds schemas that none refers to, {first} among them, so no code is generated of them");
        let help =
            format!("if it is a subject, its versions are files v<N>.avsc or v<N>.proto: {folder}/v1.avsc");
        Diagnostic::file(&root.join(folder), message).help(help).warning()
    });
    said.collect()
}

#[cfg(feature = "proto")]
fn is_well_known(import: &str) -> bool {
    crate::protobuf::is_well_known(import)
}

#[cfg(not(feature = "proto"))]
fn is_well_known(_: &str) -> bool {
    false
}

/// A version in a folder, as a registry is asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderVersion {
    /// The subject.
    pub subject: String,
    /// The version, as the files number it.
    pub version: u32,
    /// The schema's type.
    pub schema_type: SchemaType,
    /// The schema's text.
    pub text: String,
    /// What it refers to itself.
    pub references: Vec<Reference>,
    /// The file.
    pub path: PathBuf,
}

impl FolderVersion {
    pub(crate) fn of(subject: &Subject, text: &VersionText) -> FolderVersion {
        let references = text.refers.iter().map(|refers| Reference {
            name: refers.name.clone(),
            subject: refers.subject.clone(),
            version: i32::try_from(refers.version).unwrap_or(i32::MAX),
        });
        FolderVersion {
            subject: subject.name.clone(),
            version: text.version,
            schema_type: subject.kind,
            text: text.text.clone(),
            references: references.collect(),
            path: text.path.clone(),
        }
    }
}

/// Reads a folder and every schema in it.
pub(crate) fn load(root: &Path) -> Result<Input, Vec<Diagnostic>> {
    let settings = settings::load(root)?;
    let lock = Lock::read(root).map_err(|diagnostic| vec![diagnostic])?;
    let wrong = lock.wrong_files(root).into_iter();
    let mut said: Vec<Diagnostic> = wrong.map(|(_, diagnostic)| diagnostic).collect();
    let mut found = folder::read(root, &mut said);
    // Copies of what every reader of Protobuf brings along, and nobody may replace.
    found.libraries.retain(|file| !is_well_known(&file.relative));
    said.extend(unlocked(&found.subjects, &lock));
    let parsed = refer::parse(&found, &settings, &lock, &mut said);
    // Of what does not read nobody knows what it refers to.
    if said.iter().all(|said| said.weight == Weight::Warning) {
        said.extend(unused(&found.libraries, &parsed, root));
    }
    let says = place::Says {
        settings: &settings,
        lock: &lock,
    };
    let mut input = place::all(found.subjects, parsed, says, &mut said);
    said.extend(settings.unused(input.subjects()));
    let (mut wrong, odd) = Diagnostic::parted(said);
    if wrong.is_empty() {
        input.warnings = odd;
        Ok(input)
    } else {
        wrong.extend(odd);
        Err(wrong)
    }
}
