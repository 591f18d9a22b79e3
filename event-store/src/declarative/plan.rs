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
pub(super) struct Plan {
    /// The rules they go through first.
    pub(super) steps: Vec<Step>,
    how: How,
}

/// How they are read.
enum How {
    Record {
        rule: usize,
        reading: Reading,
    },
    Message(Reading),
    /// What its events are called, and by which types of their readers' numbers are read.
    #[cfg(feature = "json")]
    Json {
        reading: annals_schema_model::json::Reading,
        shapes: BTreeMap<String, Shape>,
    },
    /// Each branch of the writer's union.
    Branches(Vec<How>),
    Ignored,
    Unknown,
    Unreadable(String),
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
}

impl Plan {
    /// All rules, in the order they run.
    fn rules(&self) -> impl Iterator<Item = &RuleUsed> {
        self.steps.iter().flat_map(Step::rules)
    }

    /// The bytes to be read: those that were written, or what migration rules make of them.
    fn body<'b>(&self, written: &'b [u8], budget: &Budget) -> Result<Cow<'b, [u8]>, DecodeError> {
        let mut body = Cow::Borrowed(written);
        for step in &self.steps {
            let next = step.run(&body, budget);
            body = Cow::Owned(next.map_err(DecodeError::Payload)?);
        }
        Ok(body)
    }
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
        let body = plan.body(raw.body, budget)?;
        let (how, body) = plan.how.of(&body)?;
        let wrong = |error: ReadError| DecodeError::Payload(error.to_string());
        Ok(match how {
            How::Ignored => Met::Ignored,
            // There is no union in a union.
            How::Unknown | How::Branches(_) => Met::Unknown,
            How::Unreadable(reason) => Met::Unreadable(reason.clone()),
            How::Record { rule, reading } => Met::Event(*rule, reading.read(body).map_err(wrong)?),
            How::Message(reading) => Met::Message(reading.read(body).map_err(wrong)?),
            #[cfg(feature = "json")]
            How::Json { reading, shapes } => {
                let read = reading.read_event(body, |name| shapes.get(name));
                let (name, event) = read.map_err(wrong)?;
                if self.ignore.contains(name) {
                    return Ok(Met::Ignored);
                }
                let rule = self.rules.iter().position(|rule| rule.event == *name);
                match rule.filter(|_| shapes.contains_key(name)) {
                    Some(rule) => Met::Event(rule, event),
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
        let plan = self.migrated(&writer, resolve).unwrap_or_else(|why| Plan {
            steps: Vec::new(),
            how: How::Unreadable(why),
        });
        let plan = Arc::new(plan);
        self.plans.keep(schema, Arc::clone(&plan));
        Ok(plan)
    }

    /// The migration rules that events of a schema go through, in the order they run.
    pub(super) fn rules_between(&self, schema: SchemaId, resolve: &dyn Resolve) -> Vec<RuleUsed> {
        let plan = self.plan(schema, resolve);
        plan.map_or_else(|_| Vec::new(), |plan| plan.rules().cloned().collect())
    }

    /// The plan of a schema that some event was read with.
    pub(super) fn known_plan(&self, schema: SchemaId) -> Option<Arc<Plan>> {
        self.plans.get(schema).map(Arc::clone)
    }

    /// The plan with what lies between the writer and the reader.
    fn migrated(&self, writer: &Arc<Writer>, resolve: &dyn Resolve) -> Result<Plan, String> {
        let mut steps = Vec::new();
        let readers = self.events.readers();
        for (name, reader) in readers.filter(|(name, _)| writer.schema.has_event(name)) {
            if let Some(pin) = self.pins.get(name)
                && !pin.reads_without_rules(writer.id)
            {
                steps = Versions::new(name, pin, reader, resolve).steps(writer)?;
            }
        }
        let how = match steps.last() {
            Some(step) => self.how(&step.to.writer),
            None => self.how(writer),
        };
        Ok(Plan { steps, how })
    }

    fn how(&self, writer: &Writer) -> How {
        match (&writer.schema, &self.events.message) {
            #[cfg(feature = "json")]
            (Schema::Json(writer), _) => {
                let shape = |(name, reader): (&String, &Arc<Writer>)| match &reader.schema {
                    Schema::Json(schema) => Some((name.clone(), schema.shape(name)?)),
                    _ => None,
                };
                How::Json {
                    reading: annals_schema_model::json::Reading::of(writer),
                    shapes: self.events.records.iter().filter_map(shape).collect(),
                }
            }
            (Schema::Proto(_), Some(Message { reader, .. })) => self
                .reading(writer.id, &writer.schema, (reader.id, &reader.schema))
                .map_or_else(|plan| plan, How::Message),
            _ => {
                let branches = writer.schema.branches();
                if branches.is_empty() {
                    return self.how_record(writer.id, &writer.schema);
                }
                let branches = branches.iter();
                How::Branches(
                    branches
                        .map(|branch| self.how_record(writer.id, branch))
                        .collect(),
                )
            }
        }
    }

    /// How what was written with the schema of one event is read.
    fn how_record(&self, writer: SchemaId, schema: &Schema) -> How {
        let name = schema.record_name().unwrap_or_default();
        if self.ignore.contains(&name) {
            return How::Ignored;
        }
        match (
            self.rules.iter().position(|rule| rule.event == name),
            self.events.records.get(&name),
        ) {
            (Some(rule), Some(reader)) => self
                .reading(writer, schema, (reader.id, &reader.schema.of_event(&name)))
                .map_or_else(|plan| plan, |reading| How::Record { rule, reading }),
            _ => How::Unknown,
        }
    }

    /// The reading of a schema with another, or why there is none.
    fn reading(
        &self,
        writer: SchemaId,
        schema: &Schema,
        (reader, wanted): (SchemaId, &Schema),
    ) -> Result<Reading, How> {
        Reading::new(schema, wanted).map_err(|findings| {
            let first = findings
                .first()
                .map_or_else(String::new, |finding| format!(": {}", finding.message()));
            let (writer, reader) = (self.schema(writer), self.schema(reader));
            How::Unreadable(format!("{writer} cannot be read with {reader}{first}"))
        })
    }
}
