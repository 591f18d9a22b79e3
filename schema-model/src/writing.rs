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
    Proto(crate::proto::Schema, Vec<i32>),
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
            Schema::Proto(schema) => Writing(Kind::Proto(schema.clone(), crate::proto::FIRST.to_vec())),
            #[cfg(feature = "json")]
            Schema::Json(schema) => Writing(Kind::Json(crate::json::Walk::new(schema))),
        }
    }

    /// Writes texts as a message of the schema, by its full name; of another format, and where there is no such message, as
    /// [`Writing::of`] does.
    ///
    /// ```
    /// use annals_schema_model::{Schema, SchemaType, Value, Writing};
    /// let text = r#"syntax = "proto3"; message A { int64 n = 1; } message B { int64 n = 1; }"#;
    /// let writing = Writing::of_message(&Schema::parse(SchemaType::Protobuf, text, &[])?, "B");
    /// let body = [2, 2, 8, 7];
    /// assert_eq!(writing.write(r#"{"n": "7"}"#)?, body);
    /// assert_eq!(writing.write_value(&Value::Map(vec![("n".into(), Value::Int(7))]))?, body);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of_message(schema: &Schema, name: &str) -> Writing {
        let _ = name;
        match schema {
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => {
                let indexes = schema.indexes_of(name);
                Writing(Kind::Proto(
                    schema.clone(),
                    indexes.unwrap_or_else(|| crate::proto::FIRST.to_vec()),
                ))
            }
            #[allow(unreachable_patterns)]
            other => Writing::of(other),
        }
    }

    /// The body of a value: the way back from [`Reading`](crate::Reading), for what expressions gave among what was read. Values
    /// are of the kinds that their types are read as, and none is rounded or cut but a floating-point number of 32 bits, which is
    /// the nearest.
    ///
    /// # Errors
    /// [`ReadError`] names the field, the value and what its type holds.
    #[cfg(feature = "cel")]
    pub fn write_value(&self, value: &crate::Value) -> Result<Vec<u8>, ReadError> {
        match &self.0 {
            #[cfg(feature = "avro")]
            Kind::Avro(schema) => crate::avro::write_value(schema, value),
            #[cfg(feature = "proto")]
            Kind::Proto(schema, indexes) => crate::proto::write_value(schema, indexes, value),
            #[cfg(feature = "json")]
            Kind::Json(_) => self.write(&value.to_json().to_string()),
        }
    }

    /// Whether a field of the record at the top, or of the message, holds a value. Besides what [`Writing::write_value`] refuses, it does not hold
    /// what some writers write in spite of their schema: decimals of too many digits, texts that are no UUID, times beyond the day.
    ///
    /// ```
    /// use annals_schema_model::{Schema, SchemaType, Value, Writing};
    /// let text = r#"{"type": "record", "name": "R", "fields": [{"name": "n", "type": "int"}]}"#;
    /// let writing = Writing::of(&Schema::parse(SchemaType::Avro, text, &[])?);
    /// let error = writing.holds("n", &Value::Int(3_000_000_000)).unwrap_err();
    /// assert_eq!(error.to_string(), "n: it is given 3000000000 and holds whole numbers of 32 bits");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As above.
    #[cfg(feature = "cel")]
    pub fn holds(&self, field: &str, value: &crate::Value) -> Result<(), ReadError> {
        match &self.0 {
            #[cfg(feature = "avro")]
            Kind::Avro(schema) => crate::avro::holds(schema, field, value),
            #[cfg(feature = "proto")]
            Kind::Proto(schema, indexes) => crate::proto::holds(schema, indexes, field, value),
            // What a value must be like there, only the whole says.
            #[cfg(feature = "json")]
            Kind::Json(_) => Ok(()),
        }
    }

    /// The body: what follows the magic byte and the schema id, in Protobuf beginning with the message's indexes: those
    /// of the first one, unless another was named.
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
            Kind::Proto(schema, indexes) => crate::proto::write(schema, indexes, json(text)?),
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
