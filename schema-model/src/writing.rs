//! A compiled writing: JSON text as a writer's bytes, the way back from [`Reading`](crate::Reading).
//!
//! What [`Value::to_json`](crate::Value::to_json) prints of a body is read back as that value (dates and instants within the
//! years 0 to 9999); what people write by hand besides is taken too: numbers for instants and dates, Avro's own JSON form
//! of unions (`{"string": "x"}`), Protobuf's JSON mapping. What the schema does not have is an error and not passed over:
//! it is a name misspelt.

use crate::{ReadError, Schema};

/// A compiled writing of one schema.
#[derive(Clone, Debug)]
pub struct Writing(Kind);

#[derive(Clone, Debug)]
enum Kind {
    #[cfg(feature = "avro")]
    Avro(crate::avro::Schema),
    #[cfg(feature = "proto")]
    Proto(crate::proto::Schema),
    #[cfg(feature = "json")]
    Json(crate::json::Walk),
}

impl Writing {
    /// Writes with this schema.
    #[must_use]
    pub fn of(schema: &Schema) -> Writing {
        match schema {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => Writing(Kind::Avro(schema.clone())),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => Writing(Kind::Proto(schema.clone())),
            #[cfg(feature = "json")]
            Schema::Json(schema) => Writing(Kind::Json(crate::json::Walk::new(schema))),
        }
    }

    /// The body: what follows the magic byte and the schema id, in Protobuf beginning with the message indexes of the
    /// first message.
    ///
    /// ```
    /// use annals_schema_model::{Reading, Schema, SchemaType, Writing};
    /// let text = r#"{"type":"record","name":"R","fields":[{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;
    /// let schema = Schema::parse(SchemaType::Avro, text, &[])?;
    /// let body = Writing::of(&schema).write(r#"{"at": "1970-01-01T00:00:00.001Z"}"#)?;
    /// assert_eq!(body, [2]);
    /// assert_eq!(Reading::of(&schema).read(&body)?.to_json()["at"], "1970-01-01T00:00:00.001Z");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ReadError`] names the field, and what of the text does not fit the schema.
    pub fn write(&self, text: &str) -> Result<Vec<u8>, ReadError> {
        match &self.0 {
            #[cfg(feature = "avro")]
            Kind::Avro(schema) => crate::avro::write(schema, &json(text)?),
            #[cfg(feature = "proto")]
            Kind::Proto(schema) => crate::proto::write(schema, json(text)?),
            #[cfg(feature = "json")]
            Kind::Json(walk) => {
                walk.check(text.as_bytes()).map_err(|error| ReadError {
                    path: error.path,
                    position: None,
                    message: error.message,
                })?;
                Ok(text.as_bytes().to_vec())
            }
        }
    }
}

#[cfg(any(feature = "avro", feature = "proto"))]
fn json(text: &str) -> Result<serde_json::Value, ReadError> {
    serde_json::from_str(text).map_err(|error| ReadError::new(format!("it is not JSON: {error}")))
}
