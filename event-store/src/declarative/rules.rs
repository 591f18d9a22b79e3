//! The migration rules of one version, compiled for an event of another: bytes of the one become bytes of the other.
//!
//! `message` is the event in the shape it was written in. What a transform gives are fields of the event as it is next. In Avro and
//! Protobuf the fields it does not give come over as they would without a rule, by resolution; in JSON, where nothing is resolved,
//! they stay as they were written. So a rule says what resolution cannot, and nothing twice. What comes out is written with the
//! schema of that version and read like any event of it.
//!
//! Invariant: what a rule gives is held by its field as it is when it runs; whatever it does not give can be resolved, or is what
//! its writer wrote. Left out: how a rule is typed.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_schema_model::cel::{Budget, Shape};
use annals_schema_model::{MigrationRule, ReadError, Reading, SchemaType, Value, Writer, Writing};
#[cfg(feature = "json")]
use annals_schema_model::{Schema, json::Laying};

use super::oneofs::{self, Oneofs};
use super::reader::{event_shape, other_shapes};
use super::rule::{Rule, Target};
use crate::explain::RuleUsed;

/// A version that events go from, or to.
#[derive(Clone)]
pub(super) struct Version {
    pub(super) number: u32,
    pub(super) writer: Arc<Writer>,
}

/// Rules between two versions, in the order they run, and the version they are registered with.
pub(super) struct Leg {
    pub(super) from: Version,
    pub(super) to: Version,
    pub(super) owner: u32,
    pub(super) rules: Vec<MigrationRule>,
}

/// The same, compiled for one event.
pub(super) struct Step {
    pub(super) from: Version,
    pub(super) to: Version,
    /// What the event is called.
    event: String,
    rules: Vec<Rule>,
    form: Form,
    /// What is told of an event that none of the rules can be named for.
    told: String,
}

/// How an event is read for the rules, and written with what they give.
enum Form {
    /// What is not given is resolved.
    Resolved {
        read: Reading,
        resolve: Reading,
        write: Writing,
        oneofs: Oneofs,
    },
    /// What is not given stays.
    #[cfg(feature = "json")]
    Laid(Laying),
}

impl Form {
    /// Where nothing is resolved.
    #[cfg(feature = "json")]
    fn laid(event: &str, from: &Version, to: &Version) -> Option<Form> {
        match (&from.writer.schema, &to.writer.schema) {
            (Schema::Json(from), Schema::Json(to)) => Laying::new(from, to, event).map(Form::Laid),
            _ => None,
        }
    }

    #[cfg(not(feature = "json"))]
    fn laid(_: &str, _: &Version, _: &Version) -> Option<Form> {
        None
    }

    /// With fields that are given whatever the event.
    fn resolved(event: &str, from: &Version, to: &Version, given: &[&str]) -> Result<Form, String> {
        Ok(Form::Resolved {
            read: Reading::of(&from.writer.schema.of_event(event)),
            resolve: resolve(event, from, to, given)?,
            write: Writing::of_message(&to.writer.schema.of_event(event), event),
            oneofs: Oneofs::of(&to.writer.schema, event),
        })
    }

    /// Whether the event has a field that its type does not name.
    fn describes(&self, field: &str) -> bool {
        let _ = field;
        match self {
            Form::Resolved { .. } => false,
            #[cfg(feature = "json")]
            Form::Laid(laying) => laying.describes(field),
        }
    }

    fn read(&self, body: &[u8]) -> Result<Value, ReadError> {
        match self {
            Form::Resolved { read, .. } => read.read(body),
            #[cfg(feature = "json")]
            Form::Laid(laying) => laying.read(body),
        }
    }

    /// Whether a rule may give these together.
    fn are_apart(&self, given: &[(Arc<str>, Value)]) -> Result<(), String> {
        match self {
            Form::Resolved { oneofs, .. } => oneofs.check(given),
            #[cfg(feature = "json")]
            Form::Laid(_) => Ok(()),
        }
    }

    /// Whether a field holds what it is given.
    fn holds(&self, field: &str, value: &Value) -> Result<(), ReadError> {
        match self {
            Form::Resolved { write, .. } => write.holds(field, value),
            #[cfg(feature = "json")]
            Form::Laid(laying) => laying.holds(field, value),
        }
    }

    /// The event with what is given.
    fn write(&self, body: &[u8], given: Vec<(Arc<str>, Value)>) -> Result<Vec<u8>, ReadError> {
        match self {
            Form::Resolved {
                resolve,
                write,
                oneofs,
                ..
            } => {
                let mut event = resolve.read(body)?;
                for (name, value) in given {
                    if let Value::Record { fields, .. } = &mut event {
                        // Of a oneof, it takes the place of the member that was set.
                        fields.retain(|(field, _)| value == Value::Null || !oneofs.exclude(field, &name));
                        set(fields, &name, value);
                    }
                }
                write.write_value(&event)
            }
            #[cfg(feature = "json")]
            Form::Laid(laying) => laying.lay(body, &given),
        }
    }
}

impl Step {
    /// Compiles the rules of a subject for an event; nothing where all of them are of other events for certain.
    ///
    /// # Errors
    /// The rule that is wrong, and how.
    pub(super) fn new(subject: &str, event: &str, leg: &Leg) -> Result<Option<Step>, String> {
        let Leg {
            from,
            to,
            owner,
            rules,
        } = leg;
        let schemas = [&from.writer.schema, &to.writer.schema];
        let whole = |why: String| format!("version {owner} of {subject} has migration rules, and {why}");
        let [Some(written), Some(wanted)] = schemas.map(|schema| event_shape(schema, event)) else {
            return Err(whole(format!(
                "{event} is no record, message or object of JSON Schema"
            )));
        };
        let others: Vec<Shape> = schemas
            .iter()
            .flat_map(|schema| other_shapes(schema, event))
            .collect();
        let mut message = written.clone();
        let laid = Form::laid(event, from, to);
        let target = Target {
            written: &written,
            wanted: &wanted,
            describes: &|field| laid.as_ref().is_some_and(|form| form.describes(field)),
            others: &others,
            message: oneofs::message(&to.writer.schema, event),
            format: to.writer.schema.schema_type(),
        };
        let mut compiled: Vec<Rule> = Vec::with_capacity(rules.len());
        for rule in rules {
            let used = RuleUsed {
                name: rule.name.clone(),
                subject: subject.to_owned(),
                version: *owner,
            };
            compiled.push(Rule::new(used, rule, &mut message, &target)?);
        }
        // What a schema does not name, an object of JSON may have all the same, and is asked for when it is there.
        if compiled.iter().all(Rule::passes) && target.format != SchemaType::Json {
            return Ok(None);
        }
        let given = compiled.iter().flat_map(Rule::gives_surely);
        let given: Vec<&str> = given.map(String::as_str).collect();
        let form = match laid {
            Some(form) => form,
            None => Form::resolved(event, from, to, &given).map_err(whole)?,
        };
        Ok(Some(Step {
            event: event.to_owned(),
            form,
            told: format!("the migration rules of version {owner} of {subject}"),
            rules: compiled,
            from: from.clone(),
            to: to.clone(),
        }))
    }

    /// The event as the other version would have written it; nothing where the bytes are of another event.
    ///
    /// # Errors
    /// The rule that fails, and why.
    pub(super) fn run(&self, body: &[u8], budget: &Budget) -> Result<Option<Vec<u8>>, String> {
        let unread = |error: ReadError| format!("{}: the event cannot be read: {error}", self.told);
        let mut message = self.form.read(body).map_err(unread)?;
        let is_it = |name: &Arc<str>| **name == *self.event;
        let mut given: Vec<(Arc<str>, Value)> = Vec::new();
        let mut by: BTreeMap<Arc<str>, &Rule> = BTreeMap::new();
        for rule in &self.rules {
            let fields = match &message {
                Value::Record { name, .. } if is_it(name) => rule.run(&message, budget).and_then(|fields| {
                    self.form.are_apart(&fields)?;
                    Ok(fields)
                }),
                Value::Record { .. } => return Ok(None),
                _ => return Err(format!("{} are for {}, and this is none", self.told, self.event)),
            };
            for (name, value) in fields.map_err(|why| format!("{}: {why}", rule.used))? {
                if let Value::Record { fields, .. } = &mut message {
                    set(fields, &name, value.clone());
                }
                set(&mut given, &name, value);
                by.insert(name, rule);
            }
        }
        for (name, value) in &given {
            let held = self.form.holds(name, value);
            held.map_err(|error| match by.get(name) {
                Some(rule) => format!("{}: {error}", rule.used),
                None => format!("{}: {error}", self.told),
            })?;
        }
        let written = self.form.write(body, given);
        written
            .map(Some)
            .map_err(|error| format!("{}: {error}", self.told))
    }

    /// Whether events become those of its version, and do not only pass.
    pub(super) fn leads_on(&self) -> bool {
        !self.rules.iter().all(Rule::passes)
    }

    /// Its rules, in the order they run.
    pub(super) fn rules(&self) -> impl Iterator<Item = &RuleUsed> {
        let own = self.rules.iter().filter(|rule| !rule.passes());
        own.map(|rule| &rule.used)
    }

    /// The rule that may have given a field.
    pub(super) fn giver(&self, field: &str) -> Option<&RuleUsed> {
        let giver = self.rules.iter().rfind(|rule| rule.may_give(field));
        giver.map(|rule| &rule.used)
    }
}

/// How everything but some fields comes over.
fn resolve(event: &str, from: &Version, to: &Version, given: &[&str]) -> Result<Reading, String> {
    let schemas = [from, to].map(|version| version.writer.schema.of_event(event));
    let [written, wanted] = &schemas;
    Reading::without(written, wanted, event, given).map_err(|findings| {
        let first = findings.first();
        let first = first.map_or_else(String::new, |finding| format!(": {}", finding.message()));
        format!(
            "what they do not always give cannot be resolved from version {} to version {}{first}",
            from.number, to.number
        )
    })
}

/// A field has this value.
fn set(fields: &mut Vec<(Arc<str>, Value)>, name: &str, value: Value) {
    fields.retain(|(field, _)| **field != *name);
    fields.push((name.into(), value));
}
