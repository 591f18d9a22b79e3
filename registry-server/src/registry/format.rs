//! The forms a schema's text can be asked for in.
//!
//! Beside the stored text: for Avro `resolved`, its references written out; for Protobuf `serialized`, the compiled
//! file's descriptor in base64, which is what client libraries without a parser read, and `ignore_extensions`. A format
//! that is not known means the stored text, as everywhere in this API.

use std::sync::Arc;

use annals_schema_model::{Schema, SchemaType};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{RegistryError, Stored, View};

/// Whether a format asks for more than the stored text.
#[must_use]
pub fn needs_work(stored: &Stored, format: &str) -> bool {
    match stored.schema_type() {
        SchemaType::Avro => format == "resolved" && !stored.references().is_empty(),
        SchemaType::Protobuf => format == "serialized" || format == "ignore_extensions",
        SchemaType::Json => false,
    }
}

/// A schema's text in a format.
pub fn text(view: &View, stored: &Stored, format: &str) -> Result<Arc<str>, RegistryError> {
    if !needs_work(stored, format) {
        return Ok(Arc::clone(stored.text()));
    }
    let parsed = view
        .parsed(stored)
        .map_err(|error| RegistryError::InvalidSchema(error.to_string()))?;
    match parsed.as_ref() {
        Schema::Avro(schema) => Ok(schema.resolved_text().into()),
        Schema::Proto(schema) if format == "serialized" => {
            Ok(BASE64_STANDARD.encode(schema.file().encode_to_vec()).into())
        }
        Schema::Proto(schema) => Ok(schema.without_extensions().into()),
        Schema::Json(_) => Ok(Arc::clone(stored.text())),
    }
}
