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

    /// The same without some fields of the reader's event, a record or message of this name: whatever the writer has there is
    /// passed over. In JSON, where nothing is resolved, this is [`Reading::new`].
    ///
    /// ```
    /// use annals_schema_model::{Reading, Schema, SchemaType};
    /// let of = |text: &str| Schema::parse(SchemaType::Protobuf, &format!("syntax = 'proto3'; message A {{ {text} }}"), &[]);
    /// let (old, new) = (of("int64 n = 1; int64 cents = 2;")?, of("int64 n = 1; string cents = 2;")?);
    /// assert!(Reading::new(&old, &new).is_err());
    /// let reading = Reading::without(&old, &new, "A", &["cents"]).expect("all else is the same");
    /// assert_eq!(reading.read(&[0, 8, 7, 16, 1])?.to_json().to_string(), r#"{"n":7}"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Reading::new`].
    pub fn without(
        writer: &Schema,
        reader: &Schema,
        event: &str,
        fields: &[&str],
    ) -> Result<Reading, Vec<Finding>> {
        let _ = (event, fields);
        match (writer, reader) {
            #[cfg(feature = "avro")]
            (writer, Schema::Avro(reader)) => {
                let rest = reader.without_fields(fields);
                Reading::new(writer, &Schema::Avro(rest.unwrap_or_else(|| reader.clone())))
            }
            #[cfg(feature = "proto")]
            (Schema::Proto(writer), Schema::Proto(reader)) => {
                let reading = crate::proto::Reading::without(writer, reader, event, fields)?;
                Ok(Reading(Kind::Proto(reading)))
            }
            #[allow(unreachable_patterns)]
            _ => Reading::new(writer, reader),
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
