//! Bodies as [`Value`]s, after they were judged.
//!
//! JSON carries its field names, so a reader's schema changes nothing about what is read, only whether it may be: a
//! body is judged by its writer's schema and given as it stands. The top object is a record named by the event it is, or
//! else the schema's title, every object in it a map with its keys in order. Whole numbers are exact from -2^63 to 2^64 - 1;
//! all others are doubles, but in events that are read for what is computed with them: there each is the number that is
//! written, an integer or a decimal by the type of its field.

use std::sync::Arc;

use serde_json::Value as Json;

#[cfg(feature = "cel")]
use super::exact;
use super::{Schema, Walk, compat};
#[cfg(feature = "cel")]
use crate::cel::Shape;
use crate::{Direction, Finding, ReadError, Standard, Value, WalkError};

/// A compiled reading of one writer schema, maybe into another reader schema.
#[derive(Clone, Debug)]
pub struct Reading {
    walk: Walk,
    /// The title.
    name: String,
    /// The names of the branches that are events.
    branches: Arc<[String]>,
}

impl Reading {
    /// Reads a writer's bytes into the shape of another schema.
    ///
    /// # Errors
    /// The findings that keep the reader from reading the writer's data, under the `wire` policy.
    pub fn new(writer: &Schema, reader: &Schema) -> Result<Reading, Vec<Finding>> {
        let standard = Standard {
            policy: crate::Policy::Wire,
            ..Standard::default()
        };
        let findings = compat::check(standard, reader, writer, Direction::Backward);
        if findings.is_empty() {
            let name = reader.record_name().unwrap_or_default();
            Ok(Reading {
                name,
                ..Reading::of(writer)
            })
        } else {
            Err(findings)
        }
    }

    /// Reads a writer's bytes in the writer's own shape.
    #[must_use]
    pub fn of(writer: &Schema) -> Reading {
        Reading {
            walk: Walk::new(writer),
            name: writer.record_name().unwrap_or_default(),
            branches: writer
                .branches()
                .map_or_else(Vec::new, |branches| branches.names)
                .into(),
        }
    }

    /// Reads a body: what follows the magic byte and the schema id.
    ///
    /// # Errors
    /// [`ReadError`] names the place in the value and what is wrong with it.
    pub fn read(&self, body: &[u8]) -> Result<Value, ReadError> {
        let (json, branch) = self.walk.read(body).map_err(unread)?;
        Ok(match json {
            Json::Object(entries) => Value::Record {
                name: self.name_of(branch).into(),
                fields: members(entries),
            },
            other => value(other),
        })
    }

    /// Which event a body is, which must be valid. [`event_value`] is what it has.
    ///
    /// # Errors
    /// [`ReadError`] names the place in the value that is not valid, and what is wrong with it.
    pub fn judge(&self, body: &[u8]) -> Result<&str, ReadError> {
        let (_, branch) = self.walk.read(body).map_err(unread)?;
        Ok(self.name_of(branch))
    }

    fn name_of(&self, branch: Option<usize>) -> &str {
        let branch = branch.and_then(|branch| self.branches.get(branch));
        branch.unwrap_or(&self.name)
    }

    /// The title of the schema that is read; empty when it has none.
    #[must_use]
    pub fn record_name(&self) -> String {
        self.name.clone()
    }
}

/// The value of an event that was judged, with every number as it is written: an integer or a decimal by the types of the event.
///
/// # Errors
/// [`ReadError`] names the place of a number that has too many digits.
#[cfg(feature = "cel")]
pub fn event_value(name: &str, body: &[u8], shape: &Shape) -> Result<Value, ReadError> {
    Ok(match exact::read(body, shape)? {
        Value::Map(fields) => Value::Record {
            name: name.into(),
            fields,
        },
        other => other,
    })
}

fn unread(error: WalkError) -> ReadError {
    ReadError {
        path: error.path,
        position: None,
        message: error.message,
    }
}

fn members(entries: serde_json::Map<String, Json>) -> Vec<(Arc<str>, Value)> {
    entries
        .into_iter()
        .map(|(key, entry)| (key.into(), value(entry)))
        .collect()
}

fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::UInt(value),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(value) => Value::String(value),
        Json::Array(items) => Value::Array(items.into_iter().map(value).collect()),
        Json::Object(entries) => Value::Map(members(entries)),
    }
}
