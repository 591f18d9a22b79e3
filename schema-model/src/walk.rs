//! A compiled validator of payloads: does this body read with that schema, to its last byte?
//!
//! What a broker asks before it appends. Bounded in depth and in items, and no value is built.

use thiserror::Error;

use crate::Schema;

/// Why a body does not read with its schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct WalkError {
    /// The field, e.g. `items[2].price`; empty for the body itself.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// A compiled validator of one schema.
#[derive(Clone, Debug)]
pub struct Walk(Kind);

#[derive(Clone, Debug)]
enum Kind {
    #[cfg(feature = "avro")]
    Avro(crate::avro::Walk),
    #[cfg(feature = "proto")]
    Proto(crate::proto::Walk),
    #[cfg(feature = "json")]
    Json(crate::json::Walk),
}

impl Walk {
    /// Compiles the validator of a schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Walk {
        match schema {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => Walk(Kind::Avro(crate::avro::Walk::new(schema))),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => Walk(Kind::Proto(crate::proto::Walk::new(schema))),
            #[cfg(feature = "json")]
            Schema::Json(schema) => Walk(Kind::Json(crate::json::Walk::new(schema))),
        }
    }

    /// Checks a body: what follows the magic byte and the schema id, in Protobuf beginning with the message indexes.
    ///
    /// # Errors
    /// [`WalkError`] names the field and what is wrong with its bytes.
    pub fn check(&self, body: &[u8]) -> Result<(), WalkError> {
        match &self.0 {
            #[cfg(feature = "avro")]
            Kind::Avro(walk) => walk.check(body),
            #[cfg(feature = "proto")]
            Kind::Proto(walk) => walk.check(body),
            #[cfg(feature = "json")]
            Kind::Json(walk) => walk.check(body),
        }
    }
}
