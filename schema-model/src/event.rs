//! Events before and after they are decoded: what generated code gives, and what it asks for.
//!
//! [`EventSet`] is the face of the events of one topic. An event of any registered writer schema becomes the reader's
//! type; [`Resolve`] says what a schema id stands for and [`Identify`] which id a schema has, and whoever has a registry, or
//! a table, implements them. Invariant: what an id names never changes, so it may be kept for as long as a process lives.
//! Where an event sits in a log, and what becomes of it, is not known here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::envelope::{self, EnvelopeError, SchemaKey};
use crate::{MigrationRule, Schema, SchemaId, SchemaType};

/// An event before it is decoded.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// The writer's schema, from the envelope.
    pub schema: SchemaId,
    /// The payload after the envelope's magic byte and id (Protobuf: begins with the message indexes).
    pub body: &'a [u8],
}

impl<'a> Raw<'a> {
    /// A record's value: the magic byte 0, the schema's id, the payload.
    ///
    /// # Errors
    /// When the value has no such envelope.
    pub fn from_value(value: &'a [u8]) -> Result<Raw<'a>, DecodeError> {
        let envelope = envelope::read(value)?;
        Ok(Raw {
            schema: envelope.id,
            body: envelope.body,
        })
    }

    /// The writer's schema.
    ///
    /// # Errors
    /// When nobody knows its id.
    pub fn writer(&self, resolve: &dyn Resolve) -> Result<Arc<Writer>, DecodeError> {
        let writer = resolve.writer(self.schema);
        writer.map_err(|why| DecodeError::schema(SchemaKey::Id(self.schema), why))
    }
}

/// A record's value without its envelope, wherever that names the schema.
#[derive(Clone, Debug)]
pub struct Opened<'a> {
    /// The writer's schema.
    pub writer: Arc<Writer>,
    /// The payload (Protobuf: begins with the message indexes).
    pub body: Cow<'a, [u8]>,
}

impl<'a> Opened<'a> {
    /// Takes the envelope off a value, whose schema the record's header [`envelope::VALUE_HEADER`] may name instead.
    ///
    /// # Errors
    /// When neither names a schema, or nobody knows it.
    pub fn new(
        header: Option<&'a [u8]>,
        value: &'a [u8],
        resolve: &dyn Resolve,
    ) -> Result<Opened<'a>, DecodeError> {
        let framed = envelope::read_framed(header, value)?;
        let id = match framed.schema {
            SchemaKey::Id(id) => Ok(id),
            SchemaKey::Guid(guid) => resolve.id_of(guid),
        };
        let writer = id.and_then(|id| resolve.writer(id));
        let writer = writer.map_err(|why| DecodeError::schema(framed.schema, why))?;
        let body = framed.whole_body(writer.schema.schema_type() == SchemaType::Protobuf)?;
        Ok(Opened { writer, body })
    }

    /// What a decoder reads.
    #[must_use]
    pub fn raw(&self) -> Raw<'_> {
        Raw {
            schema: self.writer.id,
            body: &self.body,
        }
    }

    /// The writer with the schema of this event alone: of a union at the top of an Avro schema the branch that was written.
    #[must_use]
    pub fn event_writer(&self) -> Arc<Writer> {
        #[cfg(feature = "avro")]
        if let Schema::Avro(schema) = &self.writer.schema
            && let Some(branches) = schema.branches()
            && let Ok((branch, _)) = crate::avro::branch_of(&self.body, branches.len())
            && let Some(branch) = schema.branch(branch)
        {
            let writer = Writer::clone(&self.writer);
            let schema = Schema::Avro(branch);
            return Arc::new(Writer { schema, ..writer });
        }
        Arc::clone(&self.writer)
    }
}

/// What a decoder made of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<E> {
    /// One of the set.
    Known(E),
    /// Knowingly not of the set; passed over.
    NotMine,
    /// Of the topic, but not one this set has heard of. Counted and reported, never skipped in silence.
    UnknownKind,
}

impl<E> Seen<E> {
    /// The event, when it is one of the set.
    #[must_use]
    pub fn known(self) -> Option<E> {
        match self {
            Seen::Known(event) => Some(event),
            Seen::NotMine | Seen::UnknownKind => None,
        }
    }
}

/// Why a schema, or its id, cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unresolved {
    /// Nobody has registered it. Somebody may.
    #[error("is not registered")]
    Unregistered,
    /// Whoever should know did not answer, or in no way that is understood: the record may be read when asked again.
    #[error("cannot be asked for: {0}")]
    Unanswered(String),
    /// The registry refuses it, or it is registered and cannot be used here: its text does not read, or is of a type that
    /// this build does not know.
    #[error("cannot be used: {0}")]
    Unusable(String),
}

/// Why an event could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The record names no schema.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The schema it names cannot be had.
    #[error("{schema} {why}")]
    Schema {
        /// What the record names.
        schema: SchemaKey,
        /// Whether it is worth asking again.
        why: Unresolved,
    },
    /// The payload does not read: which schema, which field, which byte, and what is wrong there.
    #[error("{0}")]
    Payload(String),
}

impl DecodeError {
    /// A schema that cannot be had.
    #[must_use]
    pub fn schema(schema: SchemaKey, why: Unresolved) -> DecodeError {
        DecodeError::Schema { schema, why }
    }
}

/// Why an event cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// Nobody could read it.
    #[error("{0}")]
    Payload(String),
    /// The id of its schema cannot be had.
    #[error("version {version} of subject {subject} {why}")]
    Schema {
        /// The subject.
        subject: &'static str,
        /// The version, as the files number it that the type was generated from.
        version: u32,
        /// Whether it is worth asking again.
        why: Unresolved,
    },
}

/// The events of one topic: one enum for an Avro subject set or a Protobuf oneof. Generated code implements it.
pub trait EventSet: Sized {
    /// Event name and fingerprint of the reader schema, for each event of the set.
    const READER: &'static [(&'static str, [u8; 32])];

    /// Reads an event of any registered writer schema as the reader's type.
    fn decode(raw: &Raw<'_>, resolve: &dyn Resolve) -> Result<Seen<Self>, DecodeError>;

    /// The record name and the payload without an envelope, for producers.
    fn encode(&self) -> Result<(&'static str, Vec<u8>), EncodeError>;

    /// The schema the event is written with.
    fn schema(&self) -> &'static SchemaVersion;

    /// Reads a record's value: envelope and payload.
    ///
    /// # Errors
    /// When it names no schema, nobody knows the schema, or it does not read.
    fn from_record(value: &[u8], registry: &dyn Resolve) -> Result<Seen<Self>, DecodeError> {
        Self::decode(&Raw::from_value(value)?, registry)
    }

    /// The same of a record that may have the header [`envelope::VALUE_HEADER`], by which its schema is named then.
    ///
    /// # Errors
    /// As [`EventSet::from_record`].
    fn from_headed(
        header: Option<&[u8]>,
        value: &[u8],
        registry: &dyn Resolve,
    ) -> Result<Seen<Self>, DecodeError> {
        Self::decode(&Opened::new(header, value, registry)?.raw(), registry)
    }

    /// The value of a record: envelope and payload.
    ///
    /// # Errors
    /// When the id of its schema cannot be had, or nobody could read the event.
    fn to_record(&self, registry: &dyn Identify) -> Result<Vec<u8>, EncodeError> {
        let schema = self.schema();
        let id = registry.id(schema).map_err(|why| EncodeError::Schema {
            subject: schema.subject,
            version: schema.version,
            why,
        })?;
        let (_, body) = self.encode()?;
        let mut value = Vec::with_capacity(envelope::HEADER_BYTES + body.len());
        envelope::write(id, &mut value);
        value.extend_from_slice(&body);
        Ok(value)
    }
}

/// A version of a subject, as generated code carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The subject.
    pub subject: &'static str,
    /// The version, as the files number it.
    pub version: u32,
    /// The schema's type.
    pub schema_type: SchemaType,
    /// The schema's text.
    pub text: &'static str,
    /// Name, subject and version of each reference.
    pub references: &'static [(&'static str, &'static str, u32)],
    /// Its id in the registry it was taken from, when it was taken from one.
    pub id: Option<SchemaId>,
}

impl SchemaVersion {
    /// A version without references, and of no registry.
    #[must_use]
    pub const fn new(
        subject: &'static str,
        version: u32,
        schema_type: SchemaType,
        text: &'static str,
    ) -> SchemaVersion {
        SchemaVersion {
            subject,
            version,
            schema_type,
            text,
            references: &[],
            id: None,
        }
    }
}

/// A registered schema, as the one who wrote an event used it. Where it is registered is not part of it: subjects come
/// and go, and an answer must not move with them.
#[derive(Clone, Debug)]
pub struct Writer {
    /// The schema's id.
    pub id: SchemaId,
    /// The schema itself.
    pub schema: Schema,
    /// SHA-256 of its canonical form.
    pub fingerprint: [u8; 32],
    /// The migration rules that are registered with it, in their order; none where nobody knows any.
    pub migrations: Vec<MigrationRule>,
}

impl Writer {
    /// A schema under its id.
    #[must_use]
    pub fn new(id: SchemaId, schema: Schema) -> Writer {
        let fingerprint = schema.fingerprint();
        Writer {
            id,
            schema,
            fingerprint,
            migrations: Vec::new(),
        }
    }

    /// The same with migration rules.
    #[must_use]
    pub fn with_migrations(self, migrations: Vec<MigrationRule>) -> Writer {
        Writer { migrations, ..self }
    }

    /// The name of the event that a payload is: an Avro record's full name (or what else the type is called that was
    /// written, of a union the branch), the branch of a JSON Schema's top `oneOf` or else its title, or the set member of a
    /// Protobuf message's first oneof. A payload that does not read still has the name of its schema.
    #[must_use]
    pub fn event_name(&self, body: &[u8]) -> String {
        let _ = body;
        let told = match &self.schema {
            #[cfg(feature = "avro")]
            Schema::Avro(_) => crate::avro::written_name(self, body).ok().map(str::to_owned),
            #[cfg(feature = "proto")]
            Schema::Proto(schema) => schema.event_name(body),
            #[cfg(feature = "json")]
            Schema::Json(schema) => schema.event_name(body),
            #[allow(unreachable_patterns)]
            _ => None,
        };
        told.or_else(|| self.schema.record_name())
            .unwrap_or_else(|| format!("schema id {}", self.id))
    }
}

/// Where schemas come from: a registry's view, a client of one, or a table in a test.
pub trait Resolve: Send + Sync {
    /// The schema an envelope's id names. That there is none is never kept: there may be one later.
    ///
    /// # Errors
    /// When the id is not registered, or nobody can be asked.
    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved>;

    /// The id of a schema that a record's header names by its guid. Resolvers that know none leave it at that.
    ///
    /// # Errors
    /// As [`Resolve::writer`].
    fn id_of(&self, guid: [u8; 16]) -> Result<SchemaId, Unresolved> {
        let _ = guid;
        Err(Unresolved::Unregistered)
    }

    /// The versions of a subject that hold an event of this name, soft-deleted or not, with their ids. Resolvers that know no
    /// subjects leave it at none.
    fn versions(&self, subject: &str, event: &str) -> BTreeMap<u32, SchemaId> {
        let _ = (subject, event);
        BTreeMap::new()
    }
}

/// Where the ids of schemas come from that somebody writes with.
pub trait Identify: Send + Sync {
    /// The id of a schema under its subject.
    ///
    /// # Errors
    /// When it is not registered there, or nobody can be asked.
    fn id(&self, schema: &SchemaVersion) -> Result<SchemaId, Unresolved>;
}

/// Whoever knows the id has it: `event.to_record(&id)`.
impl Identify for SchemaId {
    fn id(&self, _: &SchemaVersion) -> Result<SchemaId, Unresolved> {
        Ok(*self)
    }
}
