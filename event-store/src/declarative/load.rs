//! From the YAML text to a fold that runs: names are looked up, expressions lowered, types checked.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use annals_schema_model::cel::Shape;
use annals_schema_model::{Schema, Writer};
use serde_saphyr::Spanned;

use super::check::{Checked, check};
use super::fault::{LoadError, Place};
use super::ids::{self, Topic};
use super::lower::lower_block;
use super::migration::with_rules;
use super::pins::{Pin, Pins};
use super::reader::{avro_shape, members, message_shape};
use super::slots::Slots;
use super::text::{Blocks, File};
use super::{Declarative, Events, Rule};
use crate::canonical;
use crate::fold::FoldId;
use crate::resolve::{Registered, Subjects};

/// Longest fold file.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

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
    of_line(text, "name")
}

/// The revision a fold file has, and its line, whatever else may be wrong with the file.
#[must_use]
pub fn rev_of(text: &str) -> Option<(u32, u32)> {
    of_line(text, "rev")
}

/// What stands behind a key at the beginning of a line, and the line.
fn of_line<T: serde::de::DeserializeOwned>(text: &str, key: &str) -> Option<(T, u32)> {
    let is_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    let (line, number) = text.lines().zip(1..).find(|(line, _)| is_key(line))?;
    let mut named: BTreeMap<String, T> = parse(line).ok()?;
    Some((named.remove(key)?, number))
}

/// Loads a fold whose readers are known, and checks it against them. An event that has no pin is read with the newest
/// schema registered now; [`Declarative::pins`] then has one for it.
///
/// # Errors
/// The first line where something is wrong, and what.
pub fn load_pinned(text: &str, pins: &Pins, subjects: &dyn Subjects) -> Result<Declarative, LoadError> {
    load_checked(text, pins, subjects).map_err(|wrong| {
        let first = wrong.into_iter().next();
        first.unwrap_or_else(|| Place::START.wrong("the fold cannot be loaded"))
    })
}

fn in_order(mut wrong: Vec<LoadError>) -> Vec<LoadError> {
    wrong.sort_by_key(|error| (error.line, error.column));
    wrong
}

/// The same, with all that is wrong, and not only the first of it.
///
/// # Errors
/// Each place where something is wrong, and what, in the order of the text.
pub fn load_checked(text: &str, pins: &Pins, subjects: &dyn Subjects) -> Result<Declarative, Vec<LoadError>> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("a fold has at most {TEXT_BYTES_MAX} bytes");
        return Err(vec![Place::START.wrong(message)]);
    }
    let file: File = parse(text).map_err(|error| vec![error])?;
    let reducer: serde_json::Value = parse(text).map_err(|error| vec![error])?;
    let topics = ids::topics(&file).map_err(|error| vec![error])?;
    let mut wrong = unsound(&file);
    let known = Known {
        fold: &file.name.value,
        topics: &topics,
        pins,
        subjects,
    };
    let readers = match &file.message {
        None => record_readers(&file, &known, &mut wrong),
        Some(message) => match message_readers(&file, message, &known, &mut wrong) {
            Ok(readers) => readers,
            Err(error) => {
                wrong.push(error);
                return Err(in_order(wrong));
            }
        },
    };
    ids::check(
        &file,
        &topics,
        (&readers.shapes, &readers.events),
        subjects,
        &mut wrong,
    );
    let mut rules = rules(&file, &mut wrong);
    let blocks: Vec<Checked<'_>> = rules
        .iter()
        .zip(&readers.shapes)
        .flat_map(|(rule, event)| {
            let blocks = [&rule.begin, &rule.on].into_iter().flatten();
            blocks.map(move |operations| Checked { event, operations })
        })
        .collect();
    let (shapes, faults) = check(&blocks);
    wrong.extend(faults);
    if !wrong.is_empty() {
        return Err(in_order(wrong));
    }
    let mut slots = Slots::default();
    for rule in &mut rules {
        let blocks = [&mut rule.begin, &mut rule.on].into_iter().flatten();
        blocks.flatten().for_each(|operation| slots.give(operation));
    }
    let id = id(&file, &reducer, &readers);
    let ignore = file.ignore.into_iter().map(|event| event.value).collect();
    Ok(Declarative {
        id,
        topics,
        rules,
        slots,
        shapes,
        ignore,
        events: readers.events,
        names: readers.pins.names(),
        pins: readers.pins,
        plans: RwLock::default(),
    })
}

/// What the fold is, with what it reads its events with.
fn id(file: &File, reducer: &serde_json::Value, readers: &Readers) -> FoldId {
    let fingerprints = readers
        .fingerprints
        .iter()
        .map(|(name, fingerprint)| (name.as_str(), *fingerprint));
    let text = format!("{}\n{}", canonical::to_text(reducer), readers.pins.meaning());
    FoldId::new(&file.name.value, file.rev, fingerprints, &text)
}

/// What each event does.
fn rules(file: &File, wrong: &mut Vec<LoadError>) -> Vec<Rule> {
    let mut rules = Vec::with_capacity(file.events.0.len());
    for (event, blocks) in &file.events.0 {
        let Blocks { begin, on } = &blocks.value;
        if begin.is_none() && on.is_none() {
            wrong.push(Place::of(event).wrong(format!("{} has neither begin nor on", event.value)));
        }
        rules.push(Rule {
            event: event.value.clone(),
            begin: begin.as_deref().map(|block| lower_block(block, wrong)),
            on: on.as_deref().map(|block| lower_block(block, wrong)),
        });
    }
    rules
}

/// The schemas a fold reads with: for each event a shape, and all fingerprints.
struct Readers {
    shapes: Vec<Shape>,
    fingerprints: Vec<(String, [u8; 32])>,
    events: Events,
    pins: Pins,
}

/// What is wrong with a file at first sight.
fn unsound(file: &File) -> Vec<LoadError> {
    let mut wrong = Vec::new();
    if file.name.value.is_empty() || file.name.value.contains(['/', '@']) {
        let message = "a fold's name is not empty and has no slash and no `@`";
        wrong.push(Place::of(&file.name).wrong(message));
    }
    if file.events.0.is_empty() {
        wrong.push(
            Place::START.wrong("a fold without events makes no state; name those it rests on under `events`"),
        );
    }
    wrong
}

/// What schemas of events are looked up by.
struct Known<'a> {
    fold: &'a str,
    topics: &'a [Topic],
    pins: &'a Pins,
    subjects: &'a dyn Subjects,
}

impl Known<'_> {
    /// The schema an event is read with, and its pin: the pinned one, or else the newest.
    fn reader(&self, event: &Spanned<String>, kind: &str) -> Result<(Arc<Writer>, Pin), LoadError> {
        let name = &event.value;
        let found = match self.pins.get(name) {
            Some(pin) => match pin.find(self.subjects) {
                Some(writer) => Ok((writer, pin.clone())),
                None => Err(format!(
                    "{name} is read with version {} of {}, which is not registered any more as it was; \
                     `annals fold update {}` reads it with the newest",
                    pin.version, pin.subject, self.fold
                )),
            },
            None => self.newest(name, kind),
        };
        let found = found.and_then(|(writer, pin)| {
            let is_old = self.pins.get(name).is_some();
            let pin = with_rules(pin, is_old, self.fold, name, &writer, self.subjects)?;
            Ok((writer, pin))
        });
        found.map_err(|message| Place::of(event).wrong(message))
    }

    /// The newest schema of an event, if that is the same for all topics that have one.
    fn newest(&self, name: &str, kind: &str) -> Result<(Arc<Writer>, Pin), String> {
        let newest = self
            .topics
            .iter()
            .filter_map(|topic| self.subjects.latest(&topic.name, name));
        let newest: Vec<Registered> = newest.collect();
        let Some(first) = newest.first() else {
            let names: Vec<&str> = self.topics.iter().map(|topic| topic.name.as_str()).collect();
            let topics = names.join(", ");
            let topics = if names.len() > 1 {
                format!("topics {topics}")
            } else {
                format!("topic {topics}")
            };
            return Err(format!("no schema of {kind} {name} is registered for {topics}"));
        };
        match newest.iter().find(|one| one.writer.id != first.writer.id) {
            Some(other) => Err(format!(
                "{name} is one schema under {} and another under {}, and a fold reads it with one: give the {kind} \
                 another name in one of the topics, or register the same schema for both",
                first.subject, other.subject
            )),
            None => Ok((Arc::clone(&first.writer), Pin::of(first))),
        }
    }
}

/// The readers of records, and of the events of JSON Schemas. Where one is missing, what the event is like is not known, and
/// the rest is checked all the same.
fn record_readers(file: &File, known: &Known<'_>, wrong: &mut Vec<LoadError>) -> Readers {
    let mut readers = Readers {
        shapes: vec![],
        fingerprints: vec![],
        events: Events::Records(BTreeMap::new()),
        pins: Pins::default(),
    };
    let mut by_name: BTreeMap<String, Arc<Writer>> = BTreeMap::new();
    for (event, _) in &file.events.0 {
        let name = &event.value;
        let found = known.reader(event, "record");
        let found = found.and_then(|(reader, pin)| match &reader.schema.of_event(name) {
            Schema::Avro(schema) => Ok((avro_shape(schema), reader, pin)),
            #[cfg(feature = "json")]
            Schema::Json(schema) => Ok((schema.shape(name).unwrap_or(Shape::Any), reader, pin)),
            _ => Err(Place::of(event).wrong(format!(
                "{name} is a Protobuf message; give the message as `message:` and its oneof's members as events"
            ))),
        });
        match found {
            Ok((shape, reader, pin)) => {
                readers.shapes.push(shape);
                readers.fingerprints.push((name.clone(), reader.fingerprint));
                readers.pins.insert(name, pin);
                by_name.insert(name.clone(), reader);
            }
            Err(error) => {
                readers.shapes.push(Shape::Any);
                wrong.push(error);
            }
        }
    }
    readers.events = Events::Records(by_name);
    readers
}

fn message_readers(
    file: &File,
    message: &Spanned<String>,
    known: &Known<'_>,
    wrong: &mut Vec<LoadError>,
) -> Result<Readers, LoadError> {
    let place = Place::of(message);
    let name = &message.value;
    let (reader, pin) = known.reader(message, "message")?;
    let mut used = Pins::default();
    used.insert(name, pin);
    let Schema::Proto(schema) = &reader.schema else {
        return Err(place.wrong(format!(
            "{name} is no Protobuf message; leave `message:` out and name the records as events"
        )));
    };
    let (descriptor, members) = members(schema, name)
        .ok_or_else(|| place.wrong(format!("message {name} has no oneof to tell its events apart")))?;
    let named = file.events.0.iter().map(|(event, _)| event).chain(&file.ignore);
    for stranger in named.filter(|event| !members.contains(&event.value)) {
        let message = format!(
            "message {name} has no event `{}`; it has {}",
            stranger.value,
            members.join(", ")
        );
        wrong.push(Place::of(stranger).wrong(message));
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
