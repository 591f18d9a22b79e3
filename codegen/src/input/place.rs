//! Which topic a subject belongs to, by its name: `<topic>-value`, `<topic>-<full record name>`, the topic's own.
//!
//! Names of records have no dashes, so the last dash ends the topic's name. What others refer to, and what is called as
//! its record alone, belongs to no topic unless `annals.toml` says so. Invariant: what the lock has keeps its name. A folder
//! `orders` that is not locked is subject `orders-value`; a locked one is subject `orders`, whose records are topic `orders`'s
//! unless that has other subjects.

use std::collections::{BTreeMap, BTreeSet};

use annals_schema_model::SchemaType;

use super::refer::Parsed;
use super::settings::Settings;
use super::{Input, Subject, Topic, VersionText, folder::FoundSubject};
use crate::diagnostic::Diagnostic;
use crate::lock::Lock;

/// How the subjects of a topic are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// One subject, `<topic>-value`, or a registered one whose name is its owner's own choice.
    Topic,
    /// `<topic>-<full record name>`: a subject a record type.
    TopicRecord,
    /// The full record name alone.
    Record,
}

/// What a subject's records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Events of a topic.
    Events { topic: String, strategy: Strategy },
    /// Events of the topic that is called as the registered subject itself, if that has no others.
    Own,
    /// Types alone.
    Types,
    /// Nothing: no record is of it, and no schema uses it.
    Nothing,
}

/// What is said of subjects beside their names.
#[derive(Clone, Copy)]
pub(super) struct Says<'a> {
    pub(super) settings: &'a Settings,
    pub(super) lock: &'a Lock,
}

/// Puts every subject in its place.
pub(super) fn all(
    found: Vec<FoundSubject>,
    mut parsed: Parsed,
    says: Says<'_>,
    said: &mut Vec<Diagnostic>,
) -> Input {
    let settings = says.settings;
    let mut topics: BTreeMap<String, Topic> = BTreeMap::new();
    let (mut others, mut own) = (Vec::new(), Vec::new());
    let mut places: BTreeMap<String, FoundSubject> = BTreeMap::new();
    for subject in found {
        let versions = parsed.versions.remove(&subject.name).unwrap_or_default();
        let Some(newest) = versions.last().filter(|_| versions.len() == subject.files.len()) else {
            // It is wrong already.
            continue;
        };
        let is_referred = parsed.referred.contains(&subject.name);
        let (name, role) = match role(&subject, &versions, newest, is_referred, says) {
            Ok(placed) => placed,
            Err(diagnostic) => {
                said.push(*diagnostic);
                continue;
            }
        };
        said.extend(unplaced(&role, &subject, newest).filter(|_| !is_referred));
        let placed = Subject {
            standard: settings.standard(&name, says.lock),
            keep: settings.kept(&name),
            upcast: settings.upcast(&name),
            name,
            kind: subject.kind,
            versions,
        };
        if let Some(other) = places.get(&placed.name) {
            let message = format!("is subject `{}` like {}", placed.name, other.path.display());
            said.push(Diagnostic::file(&subject.path, message));
            continue;
        }
        places.insert(placed.name.clone(), subject);
        match role {
            Role::Nothing => {}
            Role::Types => others.push(placed),
            Role::Own => own.push(placed),
            Role::Events { topic, strategy } => said.extend(add(&mut topics, topic, strategy, placed)),
        }
    }
    for placed in own {
        if topics.contains_key(&placed.name) {
            said.extend(places.get(&placed.name).map(of_another));
            others.push(placed);
        } else {
            said.extend(add(&mut topics, placed.name.clone(), Strategy::Topic, placed));
        }
    }
    for (name, order) in settings.topics() {
        if let Some(topic) = topics.get_mut(name) {
            let place = |subject: &Subject| order.iter().position(|named| *named == subject.name);
            topic
                .subjects
                .sort_by_key(|subject| place(subject).unwrap_or(usize::MAX));
        }
    }
    Input {
        topics: topics.into_values().collect(),
        others,
        warnings: Vec::new(),
    }
}

/// Adds a subject to its topic, and says where that has others that are named otherwise.
fn add(
    topics: &mut BTreeMap<String, Topic>,
    topic: String,
    strategy: Strategy,
    placed: Subject,
) -> Option<Diagnostic> {
    let topic = topics.entry(topic.clone()).or_insert(Topic {
        name: topic,
        strategy,
        subjects: Vec::new(),
    });
    let is_odd = topic.strategy != strategy || strategy == Strategy::Topic && !topic.subjects.is_empty();
    let newest = placed.versions.last().filter(|_| is_odd);
    let wrong = newest.map(|newest| {
        let message = format!(
            "subject `{}` of topic `{}` is not named as its others; the subjects of a topic are `{}-value` alone, or \
             each is named by its record",
            placed.name, topic.name, topic.name
        );
        Diagnostic::file(&newest.path, message)
    });
    topic.subjects.push(placed);
    wrong
}

/// Whether a subject is called as its record, and so belongs to any topic or none.
fn is_alone(subject: &FoundSubject, newest: &VersionText) -> bool {
    newest.schema.has_record(&subject.name)
}

/// Whether it is there for files that use its enums, or for what calls its services.
fn is_without_message(versions: &[VersionText]) -> bool {
    let mut schemas = versions.iter().map(|version| &version.schema);
    schemas.all(|schema| schema.schema_type() == SchemaType::Protobuf && schema.record_name().is_none())
}

/// Why no topic has events of a subject that nobody refers to, where that may not have been meant.
fn unplaced(role: &Role, subject: &FoundSubject, newest: &VersionText) -> Option<Diagnostic> {
    match role {
        Role::Types => {
            is_alone(subject, newest).then(|| of_no_topic(subject, "is named by its record alone"))
        }
        Role::Nothing => Some(without_message(subject)),
        Role::Events { .. } | Role::Own => None,
    }
}

fn without_message(subject: &FoundSubject) -> Diagnostic {
    let message = "has no message, and no schema refers to it, so no code is generated of it";
    let help = "events are messages, and a file without one is read where another imports it by its path";
    Diagnostic::file(&subject.path, message).help(help).warning()
}

fn of_another(subject: &FoundSubject) -> Diagnostic {
    of_no_topic(subject, "is not named as the others of the topic it is called as")
}

fn of_no_topic(subject: &FoundSubject, why: &str) -> Diagnostic {
    let name = &subject.name;
    let message = format!("subject `{name}` {why}, so no topic has events of it");
    let help = format!(
        "say in annals.toml which:\n\n    [[topic]]\n    name = \"orders\"\n    subjects = [\"{name}\"]"
    );
    Diagnostic::file(&subject.path, message).help(help).warning()
}

/// The subject's name in a registry, and what its records are.
fn role(
    subject: &FoundSubject,
    versions: &[VersionText],
    newest: &VersionText,
    is_referred: bool,
    Says { settings, lock }: Says<'_>,
) -> Result<(String, Role), Box<Diagnostic>> {
    let (name, schema) = (subject.name.as_str(), &newest.schema);
    let is_locked = lock.newest(name).is_some();
    let events = |topic: &str, strategy| Role::Events {
        topic: topic.to_owned(),
        strategy,
    };
    let as_named = |role| Ok((name.to_owned(), role));
    let of_topic = |topic: &str| match is_locked && name == topic {
        true => as_named(Role::Own),
        false => Ok((format!("{topic}-value"), events(topic, Strategy::Topic))),
    };

    for (topic, subjects) in settings.topics() {
        if !subjects.contains(&name) {
            continue;
        }
        let strategy = match name.strip_prefix(topic).and_then(|rest| rest.strip_prefix('-')) {
            Some("value") => Strategy::Topic,
            Some(record) if schema.has_record(record) => Strategy::TopicRecord,
            _ if is_locked && !schema.has_record(name) => Strategy::Topic,
            _ => Strategy::Record,
        };
        return as_named(events(topic, strategy));
    }
    let said: BTreeSet<&str> = settings.topics().map(|(topic, _)| topic).collect();
    // The longest name goes first: `a-b` before `a`.
    let of_said = said.iter().rev().find_map(|topic| {
        let rest = name.strip_prefix(topic)?;
        Some((
            *topic,
            if rest.is_empty() {
                ""
            } else {
                rest.strip_prefix('-')?
            },
        ))
    });
    match of_said.or_else(|| name.rsplit_once('-')) {
        Some((topic, "")) if !topic.is_empty() => of_topic(topic),
        Some((topic, "value")) => of_topic(topic),
        Some((_, "key")) => as_named(Role::Types),
        Some((topic, record)) if schema.has_record(record) => as_named(events(topic, Strategy::TopicRecord)),
        _ if is_locked && is_referred => as_named(Role::Types),
        _ if !is_referred && is_without_message(versions) => as_named(Role::Nothing),
        Some((topic, record)) if is_records_name(record) || of_said.is_some() => {
            Err(Box::new(misnamed(topic, name, newest, is_locked)))
        }
        _ if is_alone(subject, newest) => as_named(Role::Types),
        _ if is_referred => as_named(Role::Types),
        _ => of_topic(name),
    }
}

/// Topics are seldom called like this, and records always are.
fn is_records_name(name: &str) -> bool {
    name.contains('.') || name.starts_with(|first: char| first.is_ascii_uppercase())
}

fn misnamed(topic: &str, name: &str, newest: &VersionText, is_locked: bool) -> Diagnostic {
    let Some(record) = newest.schema.record_name() else {
        let message = format!("has no record, and its subject `{name}` is named by one");
        return Diagnostic::at(&newest.path, 1, 1, message);
    };
    let message = format!("the subject of `{record}` in topic `{topic}` is `{topic}-{record}`, not `{name}`");
    // What is registered keeps its name.
    let rename = if is_locked { "" } else { "rename the folder; or " };
    let help = format!(
        "{rename}if `{name}` is the topic, say so in annals.toml:\n\n    [[topic]]\n    name = \"{name}\""
    );
    Diagnostic::at(&newest.path, 1, 1, message).help(help)
}
