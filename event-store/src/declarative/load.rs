//! From the YAML text to a fold that runs: names are looked up, expressions lowered, types checked.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use annals_schema_model::cel::{Node, Shape};
use annals_schema_model::{Schema, Value, Writer};
use serde_saphyr::Spanned;

use super::check::{Checked, check};
use super::lower::lower_arg;
use super::pins::{Pin, Pins};
use super::reader::{avro_shape, members, message_shape};
use super::slots::Slots;
use super::text::{self, Arg, Entries, File, Inc};
use super::verb::{Operation, Verb};
use super::{Declarative, Events, Rule};
use crate::canonical;
use crate::fold::FoldId;
use crate::resolve::Subjects;

/// Longest fold file.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// A fold file that cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct LoadError {
    /// The line in the file, from 1.
    pub line: u32,
    /// What is wrong there, and what to do.
    pub message: String,
}

impl LoadError {
    pub(super) fn new(line: u32, message: impl Into<String>) -> LoadError {
        LoadError {
            line: line.max(1),
            message: message.into(),
        }
    }

    fn yaml(error: &serde_saphyr::Error) -> LoadError {
        let line = error.location().map_or(1, |location| number(location.line()));
        LoadError::new(line, error.without_snippet().to_string())
    }
}

fn number(line: impl TryInto<u32>) -> u32 {
    line.try_into().unwrap_or(0)
}

fn line_of<T>(spanned: &Spanned<T>) -> u32 {
    number(spanned.referenced.line())
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, LoadError> {
    // YAML 1.2 booleans only: a field may be called `no`.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| LoadError::yaml(&error))
}

/// Loads a fold and checks it against the newest schemas registered now.
///
/// # Errors
/// The line, and what is wrong there.
pub fn load(text: &str, subjects: &dyn Subjects) -> Result<Declarative, LoadError> {
    load_pinned(text, &Pins::default(), subjects)
}

/// The name a fold file gives its aggregate, and its line, whatever else may be wrong with the file.
#[must_use]
pub fn name_of(text: &str) -> Option<(String, u32)> {
    let found = text.lines().zip(1..).find(|(line, _)| line.starts_with("name:"));
    let (line, number) = found?;
    let mut named: BTreeMap<String, String> = parse(line).ok()?;
    Some((named.remove("name")?, number))
}

/// Loads a fold whose readers are known, and checks it against them. An event that has no pin is read with the newest
/// schema registered now; [`Declarative::pins`] then has one for it.
///
/// # Errors
/// The line, and what is wrong there.
pub fn load_pinned(text: &str, pins: &Pins, subjects: &dyn Subjects) -> Result<Declarative, LoadError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(LoadError::new(
            1,
            format!("a fold has at most {TEXT_BYTES_MAX} bytes"),
        ));
    }
    let file: File = parse(text)?;
    let reducer: serde_json::Value = parse(text)?;
    if file.name.value.is_empty() || file.name.value.contains('/') {
        return Err(LoadError::new(
            line_of(&file.name),
            "a fold's name is not empty and has no slash",
        ));
    }
    let readers = match &file.message {
        None => avro_readers(&file, pins, subjects)?,
        Some(message) => message_readers(&file, message, pins, subjects)?,
    };
    let mut rules = rules(&file)?;
    let blocks: Vec<Checked<'_>> = rules
        .iter()
        .zip(&readers.shapes)
        .flat_map(|(rule, event)| {
            let blocks = [&rule.begin, &rule.on].into_iter().flatten();
            blocks.map(move |operations| Checked { event, operations })
        })
        .collect();
    check(&blocks).map_err(|(line, message)| LoadError::new(line, message))?;
    let mut slots = Slots::default();
    for rule in &mut rules {
        let blocks = [&mut rule.begin, &mut rule.on].into_iter().flatten();
        blocks.flatten().for_each(|operation| slots.give(operation));
    }
    let fingerprints = readers
        .fingerprints
        .iter()
        .map(|(name, fingerprint)| (name.as_str(), *fingerprint));
    let id = FoldId::new(
        &file.name.value,
        file.rev,
        fingerprints,
        &format!("{}\n{}", canonical::to_text(&reducer), readers.pins.meaning()),
    );
    let ignore = file.ignore.into_iter().map(|event| event.value).collect();
    Ok(Declarative {
        id,
        topic: file.topic,
        rules,
        slots,
        ignore,
        events: readers.events,
        names: readers.pins.names(),
        pins: readers.pins,
        plans: RwLock::default(),
    })
}

/// What each event does.
fn rules(file: &File) -> Result<Vec<Rule>, LoadError> {
    let mut rules = Vec::with_capacity(file.events.0.len());
    for (event, blocks) in &file.events.0 {
        rules.push(Rule {
            event: event.value.clone(),
            begin: lower_block(blocks.value.begin.as_deref())?,
            on: lower_block(blocks.value.on.as_deref())?,
        });
        if rules
            .last()
            .is_some_and(|rule| rule.begin.is_none() && rule.on.is_none())
        {
            return Err(LoadError::new(
                line_of(event),
                format!("{} has neither begin nor on", event.value),
            ));
        }
    }
    Ok(rules)
}

/// The schemas a fold reads with: for each event a shape, and all fingerprints.
struct Readers {
    shapes: Vec<Shape>,
    fingerprints: Vec<(String, [u8; 32])>,
    events: Events,
    pins: Pins,
}

/// The schema an event is read with, and its pin: the pinned one, or else the newest.
fn reader(
    file: &File,
    event: &Spanned<String>,
    kind: &str,
    pins: &Pins,
    subjects: &dyn Subjects,
) -> Result<(Arc<Writer>, Pin), LoadError> {
    let (name, topic) = (&event.value, &file.topic);
    let found = match pins.get(name) {
        Some(pin) => match pin.find(subjects) {
            Some(writer) => Ok((writer, pin.clone())),
            None => Err(format!(
                "{name} is read with version {} of {}, which is not registered any more as it was; \
                 `annals fold update {}` reads it with the newest",
                pin.version, pin.subject, file.name.value
            )),
        },
        None => match subjects.latest(topic, name) {
            Some(newest) => Ok((Arc::clone(&newest.writer), Pin::of(&newest))),
            None => Err(format!(
                "no schema of {kind} {name} is registered for topic {topic}"
            )),
        },
    };
    found.map_err(|message| LoadError::new(line_of(event), message))
}

fn avro_readers(file: &File, pins: &Pins, subjects: &dyn Subjects) -> Result<Readers, LoadError> {
    let mut readers = Readers {
        shapes: vec![],
        fingerprints: vec![],
        events: Events::Records(BTreeMap::new()),
        pins: Pins::default(),
    };
    let mut by_name: BTreeMap<String, Arc<Writer>> = BTreeMap::new();
    for (event, _) in &file.events.0 {
        let name = &event.value;
        let (reader, pin) = reader(file, event, "record", pins, subjects)?;
        let Schema::Avro(schema) = &reader.schema else {
            let message = format!(
                "{name} is a Protobuf message; give the message as `message:` and its oneof's members as events"
            );
            return Err(LoadError::new(line_of(event), message));
        };
        readers.shapes.push(avro_shape(schema));
        readers.fingerprints.push((name.clone(), reader.fingerprint));
        readers.pins.insert(name, pin);
        by_name.insert(name.clone(), reader);
    }
    readers.events = Events::Records(by_name);
    Ok(readers)
}

fn message_readers(
    file: &File,
    message: &Spanned<String>,
    pins: &Pins,
    subjects: &dyn Subjects,
) -> Result<Readers, LoadError> {
    let wrong = |text: String| LoadError::new(line_of(message), text);
    let name = &message.value;
    let (reader, pin) = reader(file, message, "message", pins, subjects)?;
    let mut used = Pins::default();
    used.insert(name, pin);
    let Schema::Proto(schema) = &reader.schema else {
        return Err(wrong(format!(
            "{name} is an Avro record; leave `message:` out and name the records as events"
        )));
    };
    let (descriptor, members) = members(schema, name)
        .ok_or_else(|| wrong(format!("message {name} has no oneof to tell its events apart")))?;
    let named = file.events.0.iter().map(|(event, _)| event).chain(&file.ignore);
    if let Some(stranger) = named.into_iter().find(|event| !members.contains(&event.value)) {
        let message = format!(
            "message {name} has no event `{}`; it has {}",
            stranger.value,
            members.join(", ")
        );
        return Err(LoadError::new(line_of(stranger), message));
    }
    Ok(Readers {
        shapes: file.events.0.iter().map(|_| message_shape(&descriptor)).collect(),
        fingerprints: vec![(name.clone(), reader.fingerprint)],
        events: Events::Members {
            message: name.clone(),
            members,
            reader,
        },
        pins: used,
    })
}

fn lower_block(block: Option<&[Spanned<text::Operation>]>) -> Result<Option<Vec<Operation>>, LoadError> {
    let Some(block) = block else { return Ok(None) };
    let mut operations = Vec::new();
    for operation in block {
        lower_operation(line_of(operation), &operation.value, &mut operations)?;
    }
    Ok(Some(operations))
}

/// A verb on a field, and its line.
type Lowered = Result<Vec<(u32, String, Verb)>, LoadError>;

/// One operation of the file on several fields becomes one for each.
fn lower_operation(
    line: u32,
    operation: &text::Operation,
    out: &mut Vec<Operation>,
) -> Result<(), LoadError> {
    let verbs = [
        operation.set.as_ref().map(|entries| each(entries, Verb::Set)),
        operation.status.as_ref().map(status),
        operation.add.as_ref().map(|entries| each(entries, Verb::Add)),
        operation.sub.as_ref().map(|entries| each(entries, Verb::Sub)),
        operation.inc.as_ref().map(|inc| increment(line, inc)),
        operation
            .append
            .as_ref()
            .map(|entries| each(entries, Verb::Append)),
        operation
            .remove_where
            .as_ref()
            .map(|entries| each(entries, Verb::RemoveWhere)),
        operation.upsert_by.as_ref().map(upserts),
    ];
    let mut given = verbs.into_iter().flatten();
    let (Some(verbs), None) = (given.next(), given.next()) else {
        let message =
            "an operation has exactly one of set, status, add, sub, inc, append, remove-where, upsert-by";
        return Err(LoadError::new(line, message));
    };
    for (line, field, verb) in verbs? {
        let condition = operation.condition.as_ref().map(lower).transpose()?;
        out.push(Operation {
            condition,
            field,
            slot: 0,
            verb,
            line,
        });
    }
    Ok(())
}

fn each(entries: &Entries<Arg>, make: fn(Node) -> Verb) -> Lowered {
    let verbs = entries.0.iter();
    verbs
        .map(|(field, value)| Ok((line_of(value), field.value.clone(), make(lower(value)?))))
        .collect()
}

fn status(word: &Spanned<String>) -> Lowered {
    let value = Node::Literal(Value::String(word.value.clone()));
    Ok(vec![(line_of(word), "status".to_owned(), Verb::Set(value))])
}

fn increment(line: u32, inc: &Inc) -> Lowered {
    match inc {
        Inc::ByOne(field) => Ok(vec![(
            line,
            field.clone(),
            Verb::Inc(Node::Literal(Value::Int(1))),
        )]),
        Inc::By(entries) => each(entries, Verb::Inc),
    }
}

fn upserts(entries: &Entries<text::Upsert>) -> Lowered {
    let upserts = entries.0.iter().map(|(field, upsert)| {
        let fields = upsert
            .value
            .value
            .0
            .iter()
            .map(|(name, value)| Ok((name.value.clone(), lower(value)?)));
        let value = fields.collect::<Result<_, LoadError>>()?;
        let key = upsert.value.key.clone();
        Ok((
            line_of(upsert),
            field.value.clone(),
            Verb::UpsertBy { key, value },
        ))
    });
    upserts.collect()
}

fn lower(value: &Spanned<Arg>) -> Result<Node, LoadError> {
    lower_arg(&value.value)
        .map_err(|(line, message)| LoadError::new(if line == 0 { line_of(value) } else { line }, message))
}
