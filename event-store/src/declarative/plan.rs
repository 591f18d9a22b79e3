//! How the events of one writer schema are read, found out once for each.
//!
//! Migration rules make them events of another version first, where there are some; what is read then is as if that version
//! had written it. Invariant: a plan is what it is for ever, because versions are.

use std::borrow::Cow;
#[cfg(feature = "json")]
use std::collections::BTreeMap;
use std::sync::Arc;

use annals_schema_model::avro::branch_of;
use annals_schema_model::cel::Budget;
#[cfg(feature = "json")]
use annals_schema_model::cel::Shape;
use annals_schema_model::envelope::SchemaKey;
use annals_schema_model::{DecodeError, Raw, ReadError, Reading, Resolve, Schema, SchemaId, Value, Writer};

use super::migration::Versions;
use super::rules::Step;
use super::{Declarative, Message};
use crate::explain::RuleUsed;
use crate::fold::AnyFold;

/// What to do with the events of one writer schema.
pub(super) struct Plan(How);

/// How they are read.
enum How {
    /// With the place of the event's rule in the fold.
    Record(usize, Way),
    Message(Way),
    /// Each by its name, behind what tells which it is.
    #[cfg(feature = "json")]
    Json(annals_schema_model::json::Reading, BTreeMap<String, JsonWay>),
    /// Each branch of the writer's union.
    Branches(Vec<How>),
    Ignored,
    Unknown,
    Unreadable(String),
}

/// How one event is read: through migration rules, and what they make of it with the fold's reader.
struct Way {
    event: String,
    steps: Vec<Step>,
    reading: Reading,
}

/// The same in JSON, which is read as it is, its numbers by the types of the reader.
#[cfg(feature = "json")]
struct JsonWay {
    /// The place of the event's rule in the fold.
    rule: usize,
    steps: Result<Vec<Step>, String>,
    shape: Shape,
}

/// An event, as far as a fold reads it.
pub(super) enum Met {
    /// With the place of its rule.
    Event(usize, Value),
    /// Which of the message's events it is, the member says that is set.
    Message(Value),
    Ignored,
    Unknown,
    Unreadable(String),
}

impl How {
    /// How a payload is read, and what of it: all, or what stands behind the choice of its branch.
    fn of<'a, 'b>(&'a self, body: &'b [u8]) -> Result<(&'a How, &'b [u8]), DecodeError> {
        let How::Branches(branches) = self else {
            return Ok((self, body));
        };
        let wrong = |message: String| DecodeError::Payload(message);
        let (branch, rest) = branch_of(body, branches.len()).map_err(|error| wrong(error.to_string()))?;
        let how = branches.get(branch);
        Ok((
            how.ok_or_else(|| wrong(format!("there is no branch {branch}")))?,
            rest,
        ))
    }

    /// The rules that events of this name go through; nothing where there is another.
    fn steps(&self, event: &str) -> Option<&[Step]> {
        match self {
            How::Record(_, way) | How::Message(way) => (way.event == event).then_some(&way.steps),
            #[cfg(feature = "json")]
            How::Json(_, ways) => ways.get(event)?.steps.as_deref().ok(),
            How::Branches(branches) => branches.iter().find_map(|branch| branch.steps(event)),
            How::Ignored | How::Unknown | How::Unreadable(_) => None,
        }
    }

    /// All rules, event by event in the order they run.
    fn rules(&self) -> Vec<RuleUsed> {
        let of = |steps: &[Step]| steps.iter().flat_map(Step::rules).cloned().collect();
        match self {
            How::Record(_, way) | How::Message(way) => of(&way.steps),
            #[cfg(feature = "json")]
            How::Json(_, ways) => {
                let steps = ways.values().filter_map(|way| way.steps.as_deref().ok());
                steps.flat_map(of).collect()
            }
            How::Branches(branches) => branches.iter().flat_map(How::rules).collect(),
            How::Ignored | How::Unknown | How::Unreadable(_) => Vec::new(),
        }
    }
}

impl Plan {
    /// The rules that events of this name go through.
    pub(super) fn steps(&self, event: &str) -> &[Step] {
        self.0.steps(event).unwrap_or_default()
    }
}

impl Way {
    /// An event; nothing where the bytes are of another.
    fn read(&self, body: &[u8], budget: &Budget) -> Result<Option<Value>, DecodeError> {
        let Some(body) = migrated(&self.steps, body, budget)? else {
            return Ok(None);
        };
        let read = self.reading.read(&body);
        read.map(Some).map_err(unread)
    }
}

/// The bytes to be read: those that were written, or what migration rules make of them; nothing where they are of another event.
fn migrated<'b>(
    steps: &[Step],
    written: &'b [u8],
    budget: &Budget,
) -> Result<Option<Cow<'b, [u8]>>, DecodeError> {
    let mut body = Cow::Borrowed(written);
    for step in steps {
        match step.run(&body, budget).map_err(DecodeError::Payload)? {
            Some(next) => body = Cow::Owned(next),
            None => return Ok(None),
        }
    }
    Ok(Some(body))
}

fn unread(error: ReadError) -> DecodeError {
    DecodeError::Payload(error.to_string())
}

impl Declarative {
    /// Reads an event, through its migration rules.
    pub(super) fn meet(
        &self,
        raw: &Raw<'_>,
        resolve: &dyn Resolve,
        budget: &Budget,
    ) -> Result<Met, DecodeError> {
        let found;
        let plan = match self.plans.get(raw.schema) {
            Some(kept) => kept,
            None => {
                found = self.plan(raw.schema, resolve)?;
                &found
            }
        };
        let (how, body) = plan.0.of(raw.body)?;
        Ok(match how {
            How::Ignored => Met::Ignored,
            // There is no union in a union.
            How::Unknown | How::Branches(_) => Met::Unknown,
            How::Unreadable(reason) => Met::Unreadable(reason.clone()),
            How::Record(rule, way) => {
                let event = way.read(body, budget)?;
                event.map_or(Met::Unknown, |event| Met::Event(*rule, event))
            }
            How::Message(way) => way.read(body, budget)?.map_or(Met::Unknown, Met::Message),
            #[cfg(feature = "json")]
            How::Json(reading, ways) => {
                let name = reading.judge(body).map_err(unread)?;
                match ways.get(name) {
                    _ if self.ignore.contains(name) => Met::Ignored,
                    Some(way) => way.meet(name, body, budget)?,
                    None => Met::Unknown,
                }
            }
        })
    }

    fn plan(&self, schema: SchemaId, resolve: &dyn Resolve) -> Result<Arc<Plan>, DecodeError> {
        if let Some(plan) = self.known_plan(schema) {
            return Ok(plan);
        }
        let writer = resolve.writer(schema);
        let writer = writer.map_err(|why| DecodeError::schema(SchemaKey::Id(schema), why))?;
        let plan = Arc::new(Plan(self.how(&writer, resolve)));
        self.plans.keep(schema, Arc::clone(&plan));
        Ok(plan)
    }

    /// The migration rules that events of a schema go through, in the order they run.
    pub(super) fn rules_between(&self, schema: SchemaId, resolve: &dyn Resolve) -> Vec<RuleUsed> {
        let plan = self.plan(schema, resolve);
        plan.map_or_else(|_| Vec::new(), |plan| plan.0.rules())
    }

    /// The plan of a schema that some event was read with.
    pub(super) fn known_plan(&self, schema: SchemaId) -> Option<Arc<Plan>> {
        self.plans.get(schema).map(Arc::clone)
    }

    /// The migration rules between the writer of an event and its reader.
    fn steps(
        &self,
        event: &str,
        reader: &Arc<Writer>,
        writer: &Arc<Writer>,
        resolve: &dyn Resolve,
    ) -> Result<Vec<Step>, String> {
        match self.pins.get(event) {
            Some(pin) if writer.schema.has_event(event) && !pin.reads_without_rules(writer.id) => {
                Versions::new(event, pin, reader, resolve).steps(writer)
            }
            _ => Ok(Vec::new()),
        }
    }

    fn how(&self, writer: &Arc<Writer>, resolve: &dyn Resolve) -> How {
        match (&writer.schema, &self.events.message) {
            #[cfg(feature = "json")]
            (Schema::Json(schema), _) => {
                let reading = annals_schema_model::json::Reading::of(schema);
                let way = |name: String| Some((name.clone(), self.json_way(&name, writer, resolve)?));
                How::Json(
                    reading,
                    schema.event_names().into_iter().filter_map(way).collect(),
                )
            }
            (Schema::Proto(_), Some(Message { name, reader, .. })) => {
                let way = self.way(name, (writer, &writer.schema), reader, resolve);
                way.map_or_else(How::Unreadable, How::Message)
            }
            _ => {
                let record = |schema: &Schema| self.how_record((writer, schema), resolve);
                match writer.schema.branches().as_slice() {
                    [] => record(&writer.schema),
                    branches => How::Branches(branches.iter().map(record).collect()),
                }
            }
        }
    }

    /// How what was written with the schema of one event is read.
    fn how_record(&self, (writer, schema): (&Arc<Writer>, &Schema), resolve: &dyn Resolve) -> How {
        let name = schema.record_name().unwrap_or_default();
        if self.ignore.contains(&name) {
            return How::Ignored;
        }
        match (self.rule_of(&name), self.events.records.get(&name)) {
            (Some(rule), Some(reader)) => {
                let way = self.way(&name, (writer, schema), reader, resolve);
                way.map_or_else(How::Unreadable, |way| How::Record(rule, way))
            }
            _ => How::Unknown,
        }
    }

    /// How an event in JSON is read; nothing where it is none of the fold's.
    #[cfg(feature = "json")]
    fn json_way(&self, name: &str, writer: &Arc<Writer>, resolve: &dyn Resolve) -> Option<JsonWay> {
        let reader = self.events.records.get(name)?;
        let Schema::Json(schema) = &reader.schema else {
            return None;
        };
        Some(JsonWay {
            rule: self.rule_of(name)?,
            steps: self.steps(name, reader, writer, resolve),
            shape: schema.shape(name)?,
        })
    }

    fn rule_of(&self, event: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.event == event)
    }

    /// The way of an event, written with this schema, to its reader, or why there is none.
    fn way(
        &self,
        event: &str,
        (writer, schema): (&Arc<Writer>, &Schema),
        reader: &Arc<Writer>,
        resolve: &dyn Resolve,
    ) -> Result<Way, String> {
        let steps = self.steps(event, reader, writer, resolve)?;
        let (last, schema) = match steps.last() {
            Some(step) => (&step.to.writer, step.to.writer.schema.of_event(event)),
            None => (writer, schema.clone()),
        };
        let reading = Reading::new(&schema, &reader.schema.of_event(event)).map_err(|findings| {
            let first = findings
                .first()
                .map_or_else(String::new, |finding| format!(": {}", finding.message()));
            let (writer, reader) = (self.schema(last.id), self.schema(reader.id));
            format!("{writer} cannot be read with {reader}{first}")
        })?;
        Ok(Way {
            event: event.to_owned(),
            steps,
            reading,
        })
    }
}

#[cfg(feature = "json")]
impl JsonWay {
    fn meet(&self, name: &str, body: &[u8], budget: &Budget) -> Result<Met, DecodeError> {
        let steps = match &self.steps {
            Ok(steps) => steps,
            Err(why) => return Ok(Met::Unreadable(why.clone())),
        };
        let Some(body) = migrated(steps, body, budget)? else {
            return Ok(Met::Unknown);
        };
        let event = annals_schema_model::json::event_value(name, &body, &self.shape);
        Ok(Met::Event(self.rule, event.map_err(unread)?))
    }
}
