//! A content under its id in a context, with what is worked out from it once and kept.

use std::sync::{Arc, OnceLock};

use annals_schema_model::{ParseError, Reference, Schema, SchemaId, SchemaType};
use bytes::Bytes;
use uuid::Uuid;

use super::{
    change::Change,
    content::{Content, Identity, TextHash},
    contract::{Metadata, RuleSet},
};

/// A content under its id.
#[derive(Debug)]
pub struct Stored {
    /// The context the id counts in.
    pub context: Arc<str>,
    /// The id that travels in front of payloads.
    pub id: SchemaId,
    /// The hash it was given out under.
    pub guid: Uuid,
    /// The hash of its printed form; `None` when that was never worked out.
    pub(super) known_form: Option<Uuid>,
    /// The hash of the text that is served.
    pub(super) exact: Uuid,
    /// Text, references, metadata, rules. Contexts share it.
    pub content: Arc<Content>,
    /// When it was first registered, in milliseconds since 1970.
    pub registered_ms: i64,
    parsed: OnceLock<Box<Parsed>>,
    answer: OnceLock<Bytes>,
}

/// What parsing came to, and the hashes of other texts that mean the same, worked out when somebody asks.
#[derive(Debug)]
struct Parsed {
    schema: Result<Arc<Schema>, ParseError>,
    hashes: [OnceLock<Option<Uuid>>; 2],
}

impl Parsed {
    fn boxed(schema: Result<Arc<Schema>, ParseError>) -> Box<Parsed> {
        let hashes = Default::default();
        Box::new(Parsed { schema, hashes })
    }
}

/// Another text of a schema.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spelling {
    /// Its normal form.
    Normal,
    /// With its references written out; of Avro alone.
    WrittenOut,
}

impl Spelling {
    /// The hash of a schema's text so spelled.
    pub(super) fn hash(self, schema: &Schema) -> Option<Uuid> {
        let text = match (self, schema) {
            (Spelling::Normal, schema) => schema.normalized(),
            (Spelling::WrittenOut, Schema::Avro(schema)) => schema.resolved_text(),
            (Spelling::WrittenOut, _) => return None,
        };
        Some(TextHash::of(&text).alone())
    }
}

impl Stored {
    /// A content under its id.
    #[must_use]
    pub fn new(
        context: Arc<str>,
        id: SchemaId,
        guid: Uuid,
        form: Option<Uuid>,
        content: Arc<Content>,
        registered_ms: i64,
    ) -> Stored {
        // Avro is served as it prints, and mostly its guid is the hash of that.
        let exact = match content.schema_type {
            SchemaType::Avro if form == Some(guid) => guid,
            _ => content.exact(),
        };
        Stored {
            context,
            id,
            guid,
            known_form: form,
            exact,
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

    /// The hash of its printed form. As long as nobody printed it, it is known by its guid alone.
    #[must_use]
    pub fn form(&self) -> Uuid {
        self.known_form.unwrap_or(self.guid)
    }

    /// Whether its printed form was never worked out. Avro was always known by it.
    pub(super) fn lacks_form(&self) -> bool {
        self.known_form.is_none() && self.schema_type() != SchemaType::Avro
    }

    /// The same with its form.
    pub(super) fn with_form(&self, form: Uuid) -> Stored {
        Stored {
            known_form: Some(form),
            ..self.unparsed()
        }
    }

    /// The hashes it is found by beside its guid.
    pub(super) fn other_hashes(&self) -> impl Iterator<Item = Identity> + use<> {
        let (guid, exact, form) = (self.guid, self.exact, self.form());
        let schema_type = self.schema_type();
        let others = [Some(exact), Some(form).filter(|form| *form != exact)];
        let others = others.into_iter().flatten().filter(move |hash| *hash != guid);
        others.map(move |hash| (hash, schema_type))
    }

    /// Whether two are the same in everything.
    pub(super) fn is_same(&self, other: &Stored) -> bool {
        self.identity() == other.identity()
            && self.exact == other.exact
            && self.known_form == other.known_form
    }

    /// The same without what was worked out from it.
    pub(super) fn unparsed(&self) -> Stored {
        Stored {
            context: Arc::clone(&self.context),
            content: Arc::clone(&self.content),
            parsed: OnceLock::new(),
            answer: self.answer.clone(),
            ..*self
        }
    }

    /// The change that takes it out of service or back into it.
    pub(super) fn to_change(&self, retired: bool) -> Change {
        Change::Schema {
            context: Arc::clone(&self.context),
            id: self.id,
            guid: self.guid,
            form: self.known_form,
            content: Arc::clone(&self.content),
            printed: None,
            registered_ms: self.registered_ms,
            retired,
        }
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
        if parsed.schema_type() == self.schema_type() && parsed.text() == &**self.text() {
            // Somebody may have been faster; both parsed the same text.
            let _ = self.parsed.set(Parsed::boxed(Ok(parsed)));
        }
    }

    /// What parsing came to, if it was tried.
    pub(super) fn known(&self) -> Option<Result<Arc<Schema>, ParseError>> {
        self.parsed.get().map(|known| known.schema.clone())
    }

    /// The hash of another text of a schema that was parsed.
    pub(super) fn hash_as(&self, spelling: Spelling) -> Option<Uuid> {
        let parsed = self.parsed.get()?;
        let hash = || spelling.hash(parsed.schema.as_deref().ok()?);
        *parsed.hashes[spelling as usize].get_or_init(hash)
    }

    /// The parsed text; the first call parses it in the caller's thread.
    pub(super) fn parsed(
        &self,
        parse: impl FnOnce() -> Result<Arc<Schema>, ParseError>,
    ) -> Result<Arc<Schema>, ParseError> {
        self.parsed.get_or_init(|| Parsed::boxed(parse())).schema.clone()
    }
}
