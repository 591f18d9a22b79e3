//! `annals.toml`: what a folder of schemas cannot say by its names.
//!
//! Invariant: an absent file is an empty one. What it says of subjects nobody finds is an error, not a wish.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annals_schema_model::{Level, Policy, Span, Standard};
use toml::Spanned;

use super::Subject;
use super::said::{self, File, SubjectToml};
use crate::diagnostic::Diagnostic;
use crate::lock::Lock;

/// The file, beside the subjects' folders.
pub(super) const FILE: &str = "annals.toml";

/// What is shown to whoever has written something else.
const EXAMPLE: &str = "all it may say, and nothing that the folders' names say already:

    compatibility = \"BACKWARD_TRANSITIVE\"   # of every subject; BACKWARD when not said

    [[topic]]                               # a topic that the folders' names do not tell
    name = \"order-events\"
    subjects = [\"shop.OrderPlaced\"]         # when they are named by records alone

    [subject.\"orders-value\"]
    compatibility = \"FULL\"
    keep = [1]                              # old versions whose types are generated beside the newest
    upcast = [2]                            # the same, and you write the `From` that makes the next version of it

    [imports]                               # an import or a type, and the subject that has it
    \"shop/money.proto\" = \"money-value\"";

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Settings {
    path: PathBuf,
    text: String,
    file: File,
}

/// Reads the file, if there is one.
pub(super) fn load(root: &Path) -> Result<Settings, Vec<Diagnostic>> {
    let path = root.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Settings::default()),
        Err(error) => return Err(vec![Diagnostic::file(&path, format!("cannot be read: {error}"))]),
    };
    let file = said::read(&text).map_err(|(position, message)| {
        let (line, column) = Span::line_column(&text, position);
        vec![Diagnostic::at(&path, line, column, message).help(EXAMPLE)]
    })?;
    let settings = Settings { path, text, file };
    let wrong = settings.unreadable();
    if wrong.is_empty() {
        Ok(settings)
    } else {
        Err(wrong)
    }
}

impl Settings {
    fn at(&self, position: usize, message: impl Into<String>) -> Diagnostic {
        let (line, column) = Span::line_column(&self.text, position);
        Diagnostic::at(&self.path, line, column, message)
    }

    /// Words that name no level and no policy.
    fn unreadable(&self) -> Vec<Diagnostic> {
        let of_subjects = self.file.subject.values().map(Spanned::get_ref);
        let levels = of_subjects
            .clone()
            .filter_map(|subject| subject.compatibility.as_ref());
        let levels = levels.chain(&self.file.compatibility).filter_map(|word| {
            let error = word.get_ref().parse::<Level>().err()?;
            Some(self.at(word.span().start, error.to_string()))
        });
        let policies = of_subjects.filter_map(|subject| subject.policy.as_ref());
        let policies = policies.chain(&self.file.policy).filter_map(|word| {
            let error = word.get_ref().parse::<Policy>().err()?;
            Some(self.at(word.span().start, error.to_string()))
        });
        levels.chain(policies).collect()
    }

    /// The names of topics, and the subjects each is said to have.
    pub(super) fn topics(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.file.topic.iter().map(|topic| {
            let subjects = topic.subjects.iter().map(|subject| subject.get_ref().as_str());
            (topic.name.as_str(), subjects.collect())
        })
    }

    /// The subject that has an import or a type.
    pub(super) fn import(&self, name: &str) -> Option<&str> {
        Some(self.file.imports.get(name)?.get_ref())
    }

    /// Where an import is said to be.
    pub(super) fn wrong_import(&self, name: &str, message: String) -> Diagnostic {
        let position = self
            .file
            .imports
            .get(name)
            .map_or(0, |subject| subject.span().start);
        self.at(position, message)
    }

    /// By what a subject's versions are compared: as is said here, or as its registry did.
    pub(super) fn standard(&self, subject: &str, lock: &Lock) -> Standard {
        let locked = lock.of(subject).next_back().map(|(_, locked)| locked);
        let subject = self.file.subject.get(subject).map(Spanned::get_ref);
        let level = subject.and_then(|subject| subject.compatibility.as_ref());
        let policy = subject.and_then(|subject| subject.policy.as_ref());
        let level = level.or(self.file.compatibility.as_ref());
        let policy = policy.or(self.file.policy.as_ref());
        // That they are words of theirs was checked.
        Standard {
            level: level
                .and_then(|word| word.get_ref().parse().ok())
                .or(locked.map(|locked| locked.compatibility))
                .unwrap_or_default(),
            policy: policy
                .and_then(|word| word.get_ref().parse().ok())
                .or(locked.map(|locked| locked.policy))
                .unwrap_or_default(),
            ..Standard::default()
        }
    }

    /// The old versions of a subject that are generated beside the newest.
    pub(super) fn kept(&self, subject: &str) -> Vec<u32> {
        self.versions(subject, |subject| &subject.keep)
    }

    /// The old versions of a subject that its user makes the next version of.
    pub(super) fn upcast(&self, subject: &str) -> Vec<u32> {
        self.versions(subject, |subject| &subject.upcast)
    }

    fn versions(&self, subject: &str, said: impl Fn(&SubjectToml) -> &Vec<Spanned<u32>>) -> Vec<u32> {
        let subject = self.file.subject.get(subject).map(Spanned::get_ref);
        let versions = subject.into_iter().flat_map(said);
        versions.map(|version| *version.get_ref()).collect()
    }

    /// What is said of subjects and versions nobody has.
    pub(super) fn unused<'a>(&self, subjects: impl Iterator<Item = &'a Subject>) -> Vec<Diagnostic> {
        let known: BTreeMap<&str, &Subject> =
            subjects.map(|subject| (subject.name.as_str(), subject)).collect();
        let mut wrong = Vec::new();
        for (name, said) in &self.file.subject {
            let Some(subject) = known.get(name.as_str()) else {
                let message = format!("there is no subject `{name}`");
                wrong.push(self.at(said.span().start, message));
                continue;
            };
            let said = said.get_ref();
            for kept in said.keep.iter().chain(&said.upcast) {
                let version = kept.get_ref();
                if subject.versions.iter().all(|text| text.version != *version) {
                    let message =
                        format!("version {version} of `{name}` is to be kept, but there is no such file");
                    wrong.push(self.at(kept.span().start, message));
                }
            }
        }
        for subject in self.file.topic.iter().flat_map(|topic| &topic.subjects) {
            if !known.contains_key(subject.get_ref().as_str()) {
                let message = format!("there is no subject `{}`", subject.get_ref());
                wrong.push(self.at(subject.span().start, message));
            }
        }
        wrong
    }
}
