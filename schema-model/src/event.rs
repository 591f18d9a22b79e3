//! Events before and after they are decoded: what generated code gives, and what it asks for.
//!
//! [`EventSet`] is the face of the events of one topic. An event of any registered writer schema becomes the reader's
//! type; [`Resolve`] says what a schema id stands for, and whoever has a registry, or a table, implements it.
//! Invariant: what an id names never changes, so it may be kept for as long as a process lives. Where an event sits in a
//! log, and what becomes of it, is not known here.

use std::sync::Arc;

use thiserror::Error;

use crate::{Schema, SchemaId, envelope};

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
        let envelope = envelope::read(value).map_err(|error| DecodeError(error.to_string()))?;
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
        writer.ok_or_else(|| DecodeError(format!("schema id {} is not registered", self.schema)))
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

/// An event that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DecodeError(pub String);

/// An event that cannot be written, because nobody could read it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct EncodeError(pub String);

/// The events of one topic: one enum for an Avro subject set or a Protobuf oneof. Generated code implements it.
pub trait EventSet: Sized {
    /// Event name and fingerprint of the reader schema, for each event of the set.
    const READER: &'static [(&'static str, [u8; 32])];

    /// Reads an event of any registered writer schema as the reader's type.
    fn decode(raw: &Raw<'_>, resolve: &dyn Resolve) -> Result<Seen<Self>, DecodeError>;

    /// The record name and the payload without an envelope, for producers.
    fn encode(&self) -> Result<(&'static str, Vec<u8>), EncodeError>;
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
}

/// Where schemas come from: a registry's view, a client of one, or a table in a test.
pub trait Resolve: Send + Sync {
    /// The schema an envelope's id names, or nothing when the id is not registered. Nothing may become something later
    /// and is never kept.
    fn writer(&self, id: SchemaId) -> Option<Arc<Writer>>;

    /// The id of a schema that a record's header names by its guid. Resolvers that know none leave it at that.
    fn id_of(&self, guid: [u8; 16]) -> Option<SchemaId> {
        let _ = guid;
        None
    }
}
