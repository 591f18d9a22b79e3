//! A schema of any supported type.
//!
//! Invariant: a [`Schema`] has parsed; what is kept is the text as sent. Which text is *stored* and which one is used
//! for a *normalised* lookup are decided here per type and nowhere else.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{Policy, Resolved, Span};

/// The type of a schema, by the registry API's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaType {
    /// Apache Avro.
    #[default]
    Avro,
    /// Protocol Buffers.
    Protobuf,
    /// JSON Schema.
    Json,
}

/// A word that names no schema type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is not a schema type; use AVRO, PROTOBUF or JSON")]
pub struct SchemaTypeError(pub String);

impl SchemaType {
    /// `AVRO`, `PROTOBUF` or `JSON`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SchemaType::Avro => "AVRO",
            SchemaType::Protobuf => "PROTOBUF",
            SchemaType::Json => "JSON",
        }
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SchemaType {
    type Err = SchemaTypeError;

    fn from_str(text: &str) -> Result<SchemaType, SchemaTypeError> {
        [SchemaType::Avro, SchemaType::Protobuf, SchemaType::Json]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| SchemaTypeError(text.to_owned()))
    }
}

/// Why a text is not a schema, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message} (line {line}, column {column})")]
pub struct ParseError {
    /// What is wrong and what to do.
    pub message: String,
    /// Line in the text, from 1.
    pub line: u32,
    /// Column in the text, from 1, in characters.
    pub column: u32,
}

impl ParseError {
    /// An error at a byte position of a text.
    #[must_use]
    pub fn at(text: &str, position: usize, message: impl Into<String>) -> ParseError {
        let (line, column) = Span::line_column(text, position);
        ParseError {
            message: message.into(),
            line,
            column,
        }
    }
}

/// A parsed schema.
#[derive(Clone, Debug)]
pub enum Schema {
    /// An Avro schema.
    #[cfg(feature = "avro")]
    Avro(crate::avro::Schema),
    /// A Protobuf schema.
    #[cfg(feature = "proto")]
    Proto(crate::proto::Schema),
    /// A JSON Schema.
    #[cfg(feature = "json")]
    Json(crate::json::Schema),
}

impl Schema {
    /// Parses a schema text; names and imports it does not define are taken from `resolved`, dependencies first.
    ///
    /// # Errors
    /// [`ParseError`] with message, line and column.
    pub fn parse(kind: SchemaType, text: &str, resolved: &[Resolved]) -> Result<Schema, ParseError> {
        match kind {
            #[cfg(feature = "avro")]
            SchemaType::Avro => Ok(Schema::Avro(crate::avro::Schema::parse(text, resolved)?)),
            #[cfg(feature = "proto")]
            SchemaType::Protobuf => Ok(Schema::Proto(crate::proto::Schema::parse(text, resolved)?)),
            #[cfg(feature = "json")]
            SchemaType::Json => Ok(Schema::Json(crate::json::Schema::parse(text, resolved)?)),
            #[allow(unreachable_patterns)]
            other => {
                let _ = resolved;
                Err(ParseError::at(
                    text,
                    0,
                    format!("this build was made without {other} support"),
                ))
            }
        }
    }

    /// The schema's type.
    #[must_use]
    pub fn schema_type(&self) -> SchemaType {
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(_) => SchemaType::Avro,
            #[cfg(feature = "proto")]
            Schema::Proto(_) => SchemaType::Protobuf,
            #[cfg(feature = "json")]
            Schema::Json(_) => SchemaType::Json,
        }
    }

    /// The text as sent.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => schema.text(),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => schema.text(),
            #[cfg(feature = "json")]
            Schema::Json(schema) => schema.text(),
        }
    }

    /// The text the registry stores and answers: Avro printed as Avro Java prints it, the others as sent.
    #[must_use]
    pub fn stored_text(&self) -> String {
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => schema.stored_text(),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => schema.stored_text(),
            #[cfg(feature = "json")]
            Schema::Json(schema) => schema.stored_text(),
        }
    }

    /// The text a schema is known by: two texts that differ in layout alone print alike, and nothing else does. Avro as
    /// Avro Java prints it; Protobuf without comments, in one layout, types by their full names, everything in the order
    /// it was declared in; JSON Schema without white space, keys in their order.
    #[must_use]
    pub fn printed(&self) -> String {
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => schema.stored_text(),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => schema.printed(),
            #[cfg(feature = "json")]
            Schema::Json(schema) => schema.printed(),
        }
    }

    /// What is asked of a schema that is registered for the first time, beyond that it can be read: Avro's names are
    /// those of its specification, and under [`Policy::Strict`] every custom option in Protobuf has a definition.
    /// Schemas that are stored already, or are imported with their ids, are not asked.
    ///
    /// # Errors
    /// [`ParseError`] with message, line and column.
    pub fn check_new(&self, policy: Policy) -> Result<(), ParseError> {
        let _ = policy;
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => schema.check_names(),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) if policy == Policy::Strict => schema.check_options(),
            #[allow(unreachable_patterns)]
            _ => Ok(()),
        }
    }

    /// The text used when a lookup or registration asks for normalisation.
    #[must_use]
    pub fn normalized(&self) -> String {
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => schema.normalized(),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => schema.normalized(),
            #[cfg(feature = "json")]
            Schema::Json(schema) => schema.normalized(),
        }
    }

    /// The full name of the top record or of the first message, in JSON the title, for record name strategies.
    #[must_use]
    pub fn record_name(&self) -> Option<String> {
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => schema.record_name(),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => schema.record_name(),
            #[cfg(feature = "json")]
            Schema::Json(schema) => schema.record_name(),
        }
    }

    /// The full name of the message that message indexes lead to; where there are none, as [`Schema::record_name`].
    #[must_use]
    pub fn record_name_at(&self, indexes: &[i32]) -> Option<String> {
        // Only Protobuf has several messages.
        let _ = indexes;
        match self {
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => Some(schema.message(indexes)?.full_name().to_owned()),
            #[allow(unreachable_patterns)]
            _ => self.record_name(),
        }
    }

    /// Whether a record may have this name: the top record's, or that of any message of the file.
    ///
    /// ```
    /// use annals_schema_model::{Schema, SchemaType};
    ///
    /// let text = "syntax = \"proto3\"; package p; message A {} message B { message C {} }";
    /// let schema = Schema::parse(SchemaType::Protobuf, text, &[])?;
    /// assert!(schema.has_record("p.B.C") && !schema.has_record("p.C"));
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    #[must_use]
    pub fn has_record(&self, name: &str) -> bool {
        match self {
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => schema.has_message(name),
            #[allow(unreachable_patterns)]
            _ => self.record_name().as_deref() == Some(name),
        }
    }

    /// Whether this is the schema of an event of this name: of the record or of one in the union at the top, in JSON of one of
    /// the events it tells apart, in Protobuf of a message anywhere in the file.
    #[must_use]
    pub fn has_event(&self, name: &str) -> bool {
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => schema.named(name).is_some(),
            #[cfg(feature = "json")]
            Schema::Json(schema) => schema.event_names().iter().any(|event| event == name),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => schema.has_message(name),
            #[allow(unreachable_patterns)]
            _ => self.record_name().as_deref() == Some(name),
        }
    }

    /// The schema of the event of this name alone, where an Avro schema is a union of several at its top; else, and where there is
    /// no such event, the whole.
    ///
    /// ```
    /// use annals_schema_model::{Schema, SchemaType};
    ///
    /// let record = |name: &str| format!(r#"{{"type": "record", "name": "{name}", "fields": []}}"#);
    /// let text = format!("[{}, {}]", record("shop.Placed"), record("shop.Paid"));
    /// let schema = Schema::parse(SchemaType::Avro, &text, &[])?;
    /// assert!(schema.has_event("shop.Paid") && schema.record_name().is_none());
    /// assert_eq!(schema.of_event("shop.Paid").record_name().as_deref(), Some("shop.Paid"));
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    #[must_use]
    pub fn of_event(&self, name: &str) -> Schema {
        let _ = name;
        let alone = match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => schema.named(name).map(Schema::Avro),
            #[allow(unreachable_patterns)]
            _ => None,
        };
        alone.unwrap_or_else(|| self.clone())
    }

    /// The schemas of the branches of the union at the top of an Avro schema; none where there is another type.
    #[must_use]
    pub fn branches(&self) -> Vec<Schema> {
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => (0..schema.branches().map_or(0, <[_]>::len))
                .filter_map(|index| schema.branch(index).map(Schema::Avro))
                .collect(),
            #[allow(unreachable_patterns)]
            _ => Vec::new(),
        }
    }

    /// SHA-256 of the canonical form.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        match self {
            #[cfg(feature = "avro")]
            Schema::Avro(schema) => schema.fingerprint(),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => schema.fingerprint(),
            #[cfg(feature = "json")]
            Schema::Json(schema) => schema.fingerprint(),
        }
    }
}
