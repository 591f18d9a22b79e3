//! A content under its id in a context, with what is worked out from it once and kept.

use std::sync::{Arc, OnceLock};

use annals_schema_model::{ParseError, Reference, Schema, SchemaId, SchemaType};
use bytes::Bytes;
use uuid::Uuid;

use super::{
    content::Content,
    context::Identity,
    contract::{Metadata, RuleSet},
};

/// A content under its id.
#[derive(Debug)]
pub struct Stored {
    /// The context the id counts in.
    pub context: Arc<str>,
    /// The id that travels in front of payloads.
    pub id: SchemaId,
    /// The content's hash.
    pub guid: Uuid,
    /// Text, references, metadata, rules. Contexts share it.
    pub content: Arc<Content>,
    /// When it was first registered, in milliseconds since 1970.
    pub registered_ms: i64,
    parsed: OnceLock<Box<Result<Arc<Schema>, ParseError>>>,
    answer: OnceLock<Bytes>,
}

impl Stored {
    /// A content under its id.
    #[must_use]
    pub fn new(
        context: Arc<str>,
        id: SchemaId,
        guid: Uuid,
        content: Arc<Content>,
        registered_ms: i64,
    ) -> Stored {
        Stored {
            context,
            id,
            guid,
            content,
            registered_ms,
            parsed: OnceLock::new(),
            answer: OnceLock::new(),
        }
    }

    /// Avro, Protobuf or JSON Schema.
    #[must_use]
    pub fn schema_type(&self) -> SchemaType {
        self.content.schema_type
    }

    /// What tells it from other contents.
    pub(super) fn identity(&self) -> Identity {
        (self.guid, self.content.schema_type)
    }

    /// The stored text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.content.text
    }

    /// The references, in the order given.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.content.references
    }

    /// Tags and properties.
    #[must_use]
    pub fn metadata(&self) -> Option<&Metadata> {
        self.content.metadata.as_ref()
    }

    /// Rules for clients.
    #[must_use]
    pub fn rule_set(&self) -> Option<&RuleSet> {
        self.content.rule_set.as_ref()
    }

    /// The serialised answer to a request for this id: rendered once, then only counted up.
    pub fn answer(&self, render: impl FnOnce(&Stored) -> Bytes) -> Bytes {
        self.answer.get_or_init(|| render(self)).clone()
    }

    /// Spares parsing the text again: what was parsed when it was registered.
    pub fn keep_parsed(&self, parsed: Arc<Schema>) {
        if parsed.schema_type() == self.schema_type() {
            // Somebody may have been faster; both parsed the same text.
            let _ = self.parsed.set(Box::new(Ok(parsed)));
        }
    }

    /// What parsing came to, if it was tried.
    pub(super) fn known(&self) -> Option<Result<Arc<Schema>, ParseError>> {
        self.parsed.get().map(|known| known.as_ref().clone())
    }

    /// The parsed text; the first call parses it in the caller's thread.
    pub(super) fn parsed(
        &self,
        parse: impl FnOnce() -> Result<Arc<Schema>, ParseError>,
    ) -> Result<Arc<Schema>, ParseError> {
        self.parsed.get_or_init(|| Box::new(parse())).as_ref().clone()
    }
}
