//! From the YAML text to a fold that runs: names are looked up, expressions lowered, types checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_schema_model::cel::Shape;
use annals_schema_model::{Schema, Writer};
use serde_saphyr::Spanned;

use super::check::{Checked, check};
use super::fault::{LoadError, Place};
use super::ids::{self, Topic};
use super::last_use;
use super::lower::lower_block;
use super::migration::with_rules;
use super::pins::{Pin, Pins};
use super::reader::{avro_shape, members, message_shape};
use super::same::newest;
use super::slots::Slots;
use super::text::{Blocks, File};
use super::{Declarative, Events, Message, Rule};
use crate::by_field::READINGS_MAX;
use crate::canonical;
use crate::fold::FoldId;
use crate::kept::Kept;
use crate::resolve::Subjects;

/// Longest fold file.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

pub(super) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, LoadError> {
    // YAML 1.2 booleans only: a field may be called `no`.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| LoadError::yaml(&error))
}

/// Loads a fold and checks it against the newest schemas registered now.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/declared.in"));
/// # fn main() -> Shown { let registry = registry();
/// let wrong = ACCOUNT.replace("event.cents", "event.pence");
/// let error = declarative::load(&wrong, &registry).err().expect("there is no such field");
/// assert_eq!(error.line, 10);
/// assert!(declarative::load(ACCOUNT, &registry).is_ok());
/// # Ok(()) }
/// ```
///
/// # Errors
/// The line, and what is wrong there.
pub fn load(text: &str, subjects: &dyn Subjects) -> Result<Declarative, LoadError> {
    load_pinned(text, &Pins::default(), subjects)
}

/// The name a fold file gives its aggregate, and its line, whatever else may be wrong with the file.
///
/// ```
/// assert_eq!(annals_event_store::declarative::name_of("name: order\nrev: 2"), Some(("order".to_owned(), 1)));
/// ```
#[must_use]
pub fn name_of(text: &str) -> Option<(String, u32)> {
    of_line(text, "name")
}

/// The revision a fold file has, and its line, as [`name_of`] tells the name.
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

/// The same, with all that is wrong, and not only the first of it. [`LoadError`] has an example.
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
    let readers = match readers(&file, &known, &mut wrong) {
        Ok(readers) => readers,
        Err(error) => {
            wrong.push(error);
            return Err(in_order(wrong));
        }
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
        for block in blocks {
            block.iter_mut().for_each(|operation| slots.give(operation));
            last_use::find(block);
        }
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
        plans: Kept::up_to(READINGS_MAX),
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
            None => newest(name, kind, self.topics, self.subjects)
                .map(|one| (Arc::clone(&one.writer), Pin::of(&one))),
        };
        let found = found.and_then(|(writer, pin)| {
            let is_old = self.pins.get(name).is_some();
            let pin = with_rules(pin, is_old, self.fold, name, &writer, self.subjects)?;
            Ok((writer, pin))
        });
        found.map_err(|message| Place::of(event).wrong(message))
    }

    /// Whether an event is one of the message's, and not a record's or a JSON Schema's.
    ///
    /// # Errors
    /// It could be both, or is neither.
    fn is_of_message(&self, event: &Spanned<String>, events: &Events) -> Result<bool, LoadError> {
        let name = &event.value;
        let Some(message) = &events.message else {
            return Ok(false);
        };
        let mut newest = self
            .topics
            .iter()
            .filter_map(|topic| self.subjects.latest(&topic.name, name));
        let other = newest.find(|one| !matches!(one.writer.schema, Schema::Proto(_)));
        let told = match (events.message_of(name).is_some(), other) {
            // What is chosen stays, whatever is registered later.
            (true, Some(other)) if self.pins.get(&message.name).is_none() => format!(
                "`{name}` is an event of message {} and one of {}, and a fold tells its events by their names; give one of them \
                 another name",
                message.name, other.subject
            ),
            (false, None) if self.pins.get(name).is_none() => format!(
                "message {} has no event `{name}`; it has {}{}",
                message.name,
                message.members.join(", "),
                match self.topics {
                    [_] => "",
                    _ => ", and no record of that name is registered for any of the topics",
                }
            ),
            (is_of_message, _) => return Ok(is_of_message),
        };
        Err(Place::of(event).wrong(told))
    }
}

/// The readers of all events. Where one is missing, what the event is like is not known, and the rest is checked all the same.
///
/// # Errors
/// What is wrong with the message, whose events are not known then.
fn readers(file: &File, known: &Known<'_>, wrong: &mut Vec<LoadError>) -> Result<Readers, LoadError> {
    let mut readers = Readers {
        shapes: vec![],
        fingerprints: vec![],
        events: Events {
            records: BTreeMap::new(),
            message: None,
        },
        pins: Pins::default(),
    };
    let message = file.message.as_ref();
    let whole = message.map(|message| message_reader(message, known, &mut readers));
    let whole = whole.transpose()?;
    for (event, _) in &file.events.0 {
        let found = match (known.is_of_message(event, &readers.events), &whole) {
            (Ok(true), Some(whole)) => Ok(whole.clone()),
            (Ok(_), _) => record_reader(event, known, &mut readers),
            (Err(error), _) => Err(error),
        };
        readers.shapes.push(found.unwrap_or_else(|error| {
            wrong.push(error);
            Shape::Any
        }));
    }
    // What was ignored when the message was chosen is ignored whatever becomes of its schema.
    if message.is_some_and(|message| known.pins.get(&message.value).is_none()) {
        let ignored = file.ignore.iter();
        wrong.extend(ignored.filter_map(|event| known.is_of_message(event, &readers.events).err()));
    }
    Ok(readers)
}

/// The reader of a record, or of an event of a JSON Schema, and what the event is like.
fn record_reader(
    event: &Spanned<String>,
    known: &Known<'_>,
    readers: &mut Readers,
) -> Result<Shape, LoadError> {
    let name = &event.value;
    let (reader, pin) = known.reader(event, "record")?;
    let shape = match &reader.schema.of_event(name) {
        Schema::Avro(schema) => avro_shape(schema),
        #[cfg(feature = "json")]
        Schema::Json(schema) => schema.shape(name).unwrap_or(Shape::Any),
        _ => {
            return Err(Place::of(event).wrong(format!(
                "{name} is a Protobuf message; give the message as `message:` and its oneof's members as events"
            )));
        }
    };
    readers.fingerprints.push((name.clone(), reader.fingerprint));
    readers.pins.insert(name, pin);
    readers.events.records.insert(name.clone(), reader);
    Ok(shape)
}

/// The reader of a message, and what it is like.
fn message_reader(
    message: &Spanned<String>,
    known: &Known<'_>,
    readers: &mut Readers,
) -> Result<Shape, LoadError> {
    let (place, name) = (Place::of(message), &message.value);
    let (reader, pin) = known.reader(message, "message")?;
    let Schema::Proto(schema) = &reader.schema else {
        return Err(place.wrong(format!(
            "{name} is no Protobuf message; leave `message:` out and name the records as events"
        )));
    };
    let (descriptor, members) = members(schema, name)
        .ok_or_else(|| place.wrong(format!("message {name} has no oneof to tell its events apart")))?;
    readers.fingerprints.push((name.clone(), reader.fingerprint));
    readers.pins.insert(name, pin);
    readers.events.message = Some(Message {
        name: name.clone(),
        members,
        reader,
    });
    Ok(message_shape(&descriptor))
}
