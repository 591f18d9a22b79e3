//! A compiled reading: a writer's bytes as a [`Value`] in the reader's shape.
//!
//! What the event store's dynamic folds and the console read with. Depth and items are bounded; a body must end
//! exactly where its schema says.

use thiserror::Error;

#[cfg(feature = "values")]
use crate::{Finding, Schema, Value};

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct ReadError {
    /// The field, e.g. `items[2].price`; empty for the body itself.
    pub path: String,
    /// The position of the byte where the value begins that does not read, in Avro.
    pub position: Option<usize>,
    /// What is wrong.
    pub message: String,
}

#[cfg(all(
    feature = "values",
    any(feature = "avro", feature = "proto", all(feature = "json", feature = "cel"))
))]
impl ReadError {
    /// An error of a value as a whole.
    pub(crate) fn new(message: impl Into<String>) -> ReadError {
        ReadError {
            path: String::new(),
            position: None,
            message: message.into(),
        }
    }

    /// The same error one field further out: `price` within `item` is `item.price`.
    #[cfg(any(
        feature = "avro",
        all(any(feature = "proto", feature = "json"), feature = "cel")
    ))]
    pub(crate) fn within(self, field: &str) -> ReadError {
        let dot = match self.path.is_empty() || self.path.starts_with('[') {
            true => "",
            false => ".",
        };
        ReadError {
            path: format!("{field}{dot}{}", self.path),
            ..self
        }
    }
}

/// A compiled reading of one writer schema, maybe into another reader schema.
#[cfg(feature = "values")]
#[derive(Clone, Debug)]
pub struct Reading(Kind);

#[cfg(feature = "values")]
#[derive(Clone, Debug)]
enum Kind {
    #[cfg(feature = "avro")]
    Avro(crate::avro::Reading),
    #[cfg(feature = "proto")]
    Proto(crate::proto::Reading),
    #[cfg(feature = "json")]
    Json(crate::json::Reading),
}

#[cfg(feature = "values")]
impl Reading {
    /// Reads a writer's bytes into the shape of another schema.
    ///
    /// # Errors
    /// The findings that keep the reader from reading the writer's data.
    pub fn new(writer: &Schema, reader: &Schema) -> Result<Reading, Vec<Finding>> {
        match (writer, reader) {
            #[cfg(feature = "avro")]
            (Schema::Avro(writer), Schema::Avro(reader)) => {
                Ok(Reading(Kind::Avro(crate::avro::Reading::new(writer, reader)?)))
            }
            #[cfg(feature = "proto")]
            (Schema::Proto(writer), Schema::Proto(reader)) => {
                Ok(Reading(Kind::Proto(crate::proto::Reading::new(writer, reader)?)))
            }
            #[cfg(feature = "json")]
            (Schema::Json(writer), Schema::Json(reader)) => {
                Ok(Reading(Kind::Json(crate::json::Reading::new(writer, reader)?)))
            }
            #[allow(unreachable_patterns)]
            _ => Err(crate::compat::can_read(
                crate::Standard::default(),
                reader,
                writer,
                crate::Direction::Backward,
            )),
        }
    }

    /// Reads a writer's bytes in the writer's own shape.
    #[must_use]
    pub fn of(writer: &Schema) -> Reading {
        match writer {
            #[cfg(feature = "avro")]
            Schema::Avro(writer) => Reading(Kind::Avro(crate::avro::Reading::of(writer))),
            #[cfg(feature = "proto")]
            Schema::Proto(writer) => Reading(Kind::Proto(crate::proto::Reading::of(writer))),
            #[cfg(feature = "json")]
            Schema::Json(writer) => Reading(Kind::Json(crate::json::Reading::of(writer))),
        }
    }

    /// Reads a body: what follows the magic byte and the schema id, in Protobuf beginning with the message indexes.
    ///
    /// # Errors
    /// [`ReadError`] names the field and what is wrong with its bytes.
    pub fn read(&self, body: &[u8]) -> Result<Value, ReadError> {
        match &self.0 {
            #[cfg(feature = "avro")]
            Kind::Avro(reading) => reading.read(body),
            #[cfg(feature = "proto")]
            Kind::Proto(reading) => reading.read(body),
            #[cfg(feature = "json")]
            Kind::Json(reading) => reading.read(body),
        }
    }

    /// The full name of the record or (first) message that is read; empty when the schema is not a named type.
    #[must_use]
    pub fn record_name(&self) -> String {
        match &self.0 {
            #[cfg(feature = "avro")]
            Kind::Avro(reading) => reading.record_name(),
            #[cfg(feature = "proto")]
            Kind::Proto(reading) => reading.record_name(),
            #[cfg(feature = "json")]
            Kind::Json(reading) => reading.record_name(),
        }
    }
}
