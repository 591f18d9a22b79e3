//! Bodies as [`Value`]s, after they were judged.
//!
//! JSON carries its field names, so a reader's schema changes nothing about what is read, only whether it may be: a
//! body is judged by its writer's schema and given as it stands. The top object is a record named by the writer's
//! title, every object in it a map with its keys in order; whole numbers are exact from -2^63 to 2^64 - 1, all
//! others are doubles.

use serde_json::Value as Json;

use super::{Schema, Walk, compat};
use crate::{Direction, Finding, ReadError, Standard, Value};

/// A compiled reading of one writer schema, maybe into another reader schema.
#[derive(Clone, Debug)]
pub struct Reading {
    walk: Walk,
    name: String,
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
        }
    }

    /// Reads a body: what follows the magic byte and the schema id.
    ///
    /// # Errors
    /// [`ReadError`] names the place in the value and what is wrong with it.
    pub fn read(&self, body: &[u8]) -> Result<Value, ReadError> {
        let json = self.walk.read(body).map_err(|error| ReadError {
            path: error.path,
            position: None,
            message: error.message,
        })?;
        Ok(match json {
            Json::Object(entries) => Value::Record {
                name: self.name.clone(),
                fields: members(entries),
            },
            other => value(other),
        })
    }

    /// The title of the schema that is read; empty when it has none.
    #[must_use]
    pub fn record_name(&self) -> String {
        self.name.clone()
    }
}

fn members(entries: serde_json::Map<String, Json>) -> Vec<(String, Value)> {
    entries
        .into_iter()
        .map(|(key, entry)| (key, value(entry)))
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
