//! given / when / then: what a fold makes of some events, written beside it in YAML.
//!
//! ```yaml
//! cases:
//!   - name: an order that is refunded in part stays placed
//!     given:
//!       - event: shop.orders.OrderPlaced
//!         data: { order_id: "7", total: "20.00", … }
//!     when:
//!       event: shop.orders.OrderRefunded
//!       data: { order_id: "7", amount: "5.00", … }
//!       headers: { actor: jane }
//!     then:
//!       contains: { refunded: "5.00", status: placed }
//! ```
//!
//! Invariant: a case's events go the way of those in a log: they are written with the schema the fold reads them with, and
//! the fold is given bytes. Left out: events that older schemas wrote, whose reading is the schemas' matter.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use annals_schema_model::{Raw, Timestamp, Writing};
use annals_segment_log::OtherKey;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_saphyr::Spanned;

use super::fault::{LoadError, Place};
use super::ids::Topic;
use super::load::parse;
use super::{Declarative, Message};
use crate::by_field::whose;
use crate::canonical;
use crate::cause::Headers;
use crate::changes::{at, changes, escaped};
use crate::fold::{AnyFold, At, Cell, Recorded, Spent, Step};
use crate::key::key_bytes;
use crate::resolve::Subjects;

/// Longest file of cases.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What the first event of a case is recorded at that names no time.
const RECORDED: &str = "1970-01-01T00:00:00Z";

/// What became of one case, as [`run_cases`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// Its line in the file, from 1.
    pub line: u32,
    /// What came out otherwise than it says; empty when nothing did.
    pub wrong: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cases: Vec<Spanned<Case>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The aggregate's id; events that are of an aggregate by a field need it.
    key: Option<String>,
    #[serde(default)]
    given: Vec<Spanned<Event>>,
    when: Option<Spanned<Event>>,
    then: Spanned<Then>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    event: Spanned<String>,
    #[serde(default)]
    data: serde_json::Map<String, Json>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    recorded: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Then {
    /// The whole state.
    state: Option<Json>,
    /// Some of it.
    contains: Option<Json>,
    /// Part of the reason why the last event is not accepted.
    halts: Option<String>,
}

/// Runs the cases of a file.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/declared.in"));
/// # fn main() -> Shown { let registry = registry();
/// use annals_event_store::declarative::{load, run_cases};
///
/// let cases = "
/// cases:
///   - name: what is paid in is there
///     given:
///       - { event: Opened, data: { owner: Ada } }
///     when: { event: Deposited, data: { cents: 500 } }
///     then: { contains: { balance: 499 } }
/// ";
/// let results = run_cases(&load(ACCOUNT, &registry)?, cases, &registry)?;
/// assert_eq!(results[0].wrong, ["/balance: 499 was expected, and there is 500"]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// What in the file is no case, and where.
pub fn run_cases(
    fold: &Declarative,
    text: &str,
    subjects: &dyn Subjects,
) -> Result<Vec<CaseResult>, LoadError> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("a file of cases has at most {TEXT_BYTES_MAX} bytes");
        return Err(Place::START.wrong(message));
    }
    let File { cases } = parse(text)?;
    let results = cases.iter().map(|case| {
        let wrong = run(fold, case, subjects)?;
        Ok(CaseResult {
            name: case.value.name.clone(),
            line: Place::of(case).line,
            wrong,
        })
    });
    results.collect()
}

fn run(fold: &Declarative, case: &Spanned<Case>, subjects: &dyn Subjects) -> Result<Vec<String>, LoadError> {
    let Case {
        key,
        given,
        when,
        then,
        ..
    } = &case.value;
    let (place, then) = (Place::of(then), &then.value);
    if then.state.is_none() && then.contains.is_none() && then.halts.is_none() {
        return Err(place.wrong("`then` says nothing; it has state, contains or halts"));
    }
    let events: Vec<&Spanned<Event>> = given.iter().chain(when).collect();
    if then.halts.is_some() && events.is_empty() {
        return Err(place.wrong("nothing halts without an event; the case has `given` or `when`"));
    }
    let mut state: Cell = None;
    let mut recorded_ms = time(RECORDED).unwrap_or(0);
    let mut others = 0;
    for (event, number) in events.iter().zip(0u32..) {
        let last = number as usize + 1 == events.len();
        if let Some(text) = &event.value.recorded {
            recorded_ms = named_time(text)?;
        }
        let (schema, body) = fold.written(&event.value, subjects)?;
        let raw = Raw { schema, body: &body };
        if !fold.is_of(key.as_deref(), &event.value.event, &raw, subjects)? {
            others += 1;
            if let (true, Some(_)) = (last, &then.halts) {
                let name = &event.value.event.value;
                return Ok(vec![format!(
                    "by its field {name} is an event of another aggregate, or of none"
                )]);
            }
            continue;
        }
        let headers = event.value.headers.iter();
        let headers: Headers = headers.map(|(name, value)| (name, Some(value))).collect();
        let at = At {
            partition: 0,
            offset: i64::from(number),
            // Events of other aggregates are none of its own.
            revision: u64::from(number - others),
            recorded_ms,
            headers: &headers,
        };
        let recorded = Recorded {
            topic: fold.topic(),
            at,
            key: key.as_deref().unwrap_or_default().as_bytes(),
            raw,
            spent: &Spent::default(),
        };
        let which = format!("{} (event {})", event.value.event.value, number + 1);
        match (fold.step(&mut state, &recorded, subjects), &then.halts) {
            (Ok(Step::UnknownKind), _) => return Ok(vec![format!("the fold has not heard of {which}")]),
            (Ok(_), Some(reason)) if last => {
                return Ok(vec![format!(
                    "{which} does not halt the fold, with `{reason}` or otherwise"
                )]);
            }
            (Ok(_), _) => {}
            (Err(stop), Some(reason)) if last && stop.to_string().contains(reason.as_str()) => {}
            (Err(stop), _) => return Ok(vec![format!("{which} halts the fold: {stop}")]),
        }
    }
    let state = fold.view(&state).map_err(|stop| place.wrong(stop.to_string()))?;
    Ok(otherwise(then, &canonical::as_read(state)))
}

/// What of a state is otherwise than a case says.
fn otherwise(then: &Then, state: &Json) -> Vec<String> {
    let mut wrong = Vec::new();
    let wanted = |wanted: &Option<Json>| wanted.clone().map(canonical::as_read);
    if let Some(wanted) = wanted(&then.state) {
        changes(&wanted, state, &mut |change| {
            wrong.push(differs(change.path, change.before, change.after));
        });
    }
    if let Some(wanted) = wanted(&then.contains) {
        lacking(&mut String::new(), &wanted, Some(state), &mut wrong);
    }
    wrong
}

fn named_time(text: &Spanned<String>) -> Result<i64, LoadError> {
    let wrong = || {
        Place::of(text).wrong(format!(
            "`{}` is no time, such as 2024-03-01T12:00:00Z",
            text.value
        ))
    };
    time(&text.value).ok_or_else(wrong)
}

fn time(text: &str) -> Option<i64> {
    text.parse().ok().map(|time: Timestamp| time.as_millis())
}

/// A value, or its absence, in a sentence.
struct Shown<'a>(Option<&'a Json>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => f.write_str(&canonical::to_text(value)),
            None => f.write_str("nothing"),
        }
    }
}

fn differs(path: &str, wanted: Option<&Json>, found: Option<&Json>) -> String {
    let path = if path.is_empty() { "the state" } else { path };
    format!(
        "{path}: {} was expected, and there is {}",
        Shown(wanted),
        Shown(found)
    )
}

/// What of a value is not found: objects may have further fields, wherever they stand.
fn lacking(path: &mut String, wanted: &Json, found: Option<&Json>, wrong: &mut Vec<String>) {
    let mut within = |step: &str, wanted: &Json, found: Option<&Json>| {
        at(path, step, |path| lacking(path, wanted, found, wrong));
    };
    match (wanted, found) {
        (Json::Object(wanted), Some(Json::Object(found))) => {
            for (name, value) in wanted {
                within(&escaped(name), value, found.get(name));
            }
        }
        (Json::Array(wanted), Some(Json::Array(found))) if wanted.len() == found.len() => {
            for (place, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                within(&place.to_string(), wanted, Some(found));
            }
        }
        _ if Some(wanted) == found => {}
        _ => wrong.push(differs(path, Some(wanted), found)),
    }
}

impl Declarative {
    /// Whether an event is one of this aggregate's, as an event of one of the topics that have it. By a record's key it is: a case
    /// has no other.
    fn is_of(
        &self,
        id: Option<&str>,
        event: &Spanned<String>,
        raw: &Raw<'_>,
        subjects: &dyn Subjects,
    ) -> Result<bool, LoadError> {
        let message = self.events.message_of(&event.value);
        let kind = message.map_or(&event.value, |message| &message.name);
        let has = |topic: &&Topic| subjects.latest(&topic.name, kind).is_some();
        let mut topics: Vec<&Topic> = self.topics.iter().filter(has).collect();
        if topics.is_empty() {
            topics = self.topics.iter().collect();
        }
        let fields = topics.iter().map(|topic| topic.by.as_ref());
        let fields: Option<Vec<_>> = fields.collect();
        // What cannot be read stops the fold, which says why.
        let (Some(fields), Ok(writer)) = (fields, subjects.writer(raw.schema)) else {
            return Ok(true);
        };
        let id = id.ok_or_else(|| {
            Place::of(event).wrong(format!(
                "which aggregate {} is of, a field of it says: give the case the aggregate's id as `key:`",
                event.value
            ))
        })?;
        let is_id = |value| whose(value, writer.schema.schema_type()) == OtherKey::Is(key_bytes(id));
        Ok(fields
            .iter()
            .any(|(field, _)| match self.read_id(field, raw, subjects) {
                Ok(Some(value)) => is_id(value),
                Ok(None) | Err(_) => true,
            }))
    }

    /// An event as it would stand in the log.
    fn written(
        &self,
        event: &Event,
        subjects: &dyn Subjects,
    ) -> Result<(annals_schema_model::SchemaId, Vec<u8>), LoadError> {
        let (name, place) = (&event.event.value, Place::of(&event.event));
        let message = self.events.message_of(name);
        let writer = match message {
            Some(_) if !event.data.contains_key(name) => {
                return Err(place.wrong(format!(
                    "the data of `{name}` is the whole message, with the member `{name}` in it"
                )));
            }
            Some(message) => Arc::clone(&message.reader),
            None => {
                let of = |topic: &Topic| subjects.latest(&topic.name, name).map(|newest| newest.writer);
                let latest = || self.topics.iter().find_map(of);
                let unknown = || match &self.events.message {
                    Some(Message { members, .. }) => {
                        format!("there is no event `{name}`; there are {}", members.join(", "))
                    }
                    None => format!("no schema of record {name} is registered for its topic"),
                };
                let known = self.events.records.get(name).cloned().or_else(latest);
                known.ok_or_else(|| place.wrong(unknown()))?
            }
        };
        let mut data = Json::Object(event.data.clone());
        if !writer.schema.branches().is_empty() {
            // The branch by its name, as Avro's own JSON has it.
            data = Json::Object([(name.clone(), data)].into_iter().collect());
        }
        let writing = match message {
            Some(message) => Writing::of_message(&writer.schema, &message.name),
            None => Writing::of(&writer.schema),
        };
        let body = writing.write(&data.to_string());
        let body = body.map_err(|error| place.wrong(format!("the data is no {name}: {error}")))?;
        let written = writer.event_name(&body);
        if message.is_none() && written != *name {
            return Err(place.wrong(format!(
                "the data is no {name}: it is what the schema calls {written}"
            )));
        }
        Ok((writer.id, body))
    }
}
