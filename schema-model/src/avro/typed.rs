//! Generated types: how they are written, and read from whatever a writer wrote.
//!
//! Invariant: bytes of the reader's own schema are read straight through. Another writer's schema is resolved once, and the
//! plan is kept by its id, because what an id stands for never changes: the first writers' for as long as the process lives,
//! those of more until there are too many.

use std::cell::Cell;
use std::sync::{OnceLock, PoisonError, RwLock};

use super::{
    kept::{KEPT_MAX, Kept},
    met::{Known, Met},
    plan::{Plan, Planned},
    schema::Schema,
    walk::Ops,
    wire::{self, Fault, Reader, Source, Writer},
};
use crate::{DecodeError, EncodeError, ReadError, Resolved, event};

/// A type of a schema: what code is generated for records, enums, fixeds and unions.
///
/// A value is read into one that is there already: a record of many fields that came to be as a whole only when all of
/// them are read would take the compiler a time that grows with the third power of their number.
pub trait Datum: Default {
    /// A value to read into. It has nothing of the schema's defaults, which are read over anyway.
    #[must_use]
    fn blank() -> Self {
        Self::default()
    }

    /// Writes the value where the writer stands.
    fn write(&self, to: &mut Writer);

    /// Reads the value where the source stands.
    ///
    /// # Errors
    /// What is wrong, and at which byte. The value is of no use then.
    fn read<'a, S: Source<'a>>(&mut self, from: &mut S) -> wire::Result<()>;
}

/// As a record has it that can hold itself.
impl<T: Datum> Datum for Box<T> {
    fn blank() -> Self {
        Box::new(T::blank())
    }

    fn write(&self, to: &mut Writer) {
        T::write(self, to);
    }

    fn read<'a, S: Source<'a>>(&mut self, from: &mut S) -> wire::Result<()> {
        T::read(self, from)
    }
}

/// A generated type whose strings and bytes are borrowed from what it is read from.
pub trait Borrowed<'a>: wire::Blank {
    /// Reads the value where the source stands.
    ///
    /// # Errors
    /// What is wrong, and at which byte. The value is of no use then.
    fn read<S: Source<'a>>(&mut self, from: &mut S) -> wire::Result<()>;
}

/// Room that is kept on each thread for the next payload.
const SCRATCH_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The payload of a value, without an envelope.
#[must_use]
pub fn encode<T: Datum>(value: &T) -> Vec<u8> {
    let mut writer = Writer::append_to(SCRATCH.take());
    value.write(&mut writer);
    handed_out(writer.into_bytes())
}

/// The payload of a value that may have something nobody could read.
///
/// # Errors
/// When it has: it holds itself too deep, or has a symbol that is not of the schema, or a number that does not fit it.
pub fn encode_checked<T: Datum>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::append_to(SCRATCH.take());
    value.write(&mut writer);
    writer.finish().map(handed_out)
}

/// What is handed out has the size it needs, is one allocation, and is moved no more than once.
fn handed_out(mut scratch: Vec<u8>) -> Vec<u8> {
    let payload = scratch.as_slice().to_vec();
    if scratch.capacity() <= SCRATCH_BYTES_MAX {
        scratch.clear();
        SCRATCH.set(scratch);
    }
    payload
}

/// Appends the payload of a value to bytes that are there.
pub fn encode_into<T: Datum>(value: &T, out: &mut Vec<u8>) {
    let mut writer = Writer::append_to(std::mem::take(out));
    value.write(&mut writer);
    *out = writer.into_bytes();
}

/// Appends the payload of a value that may have something nobody could read; nothing where it has.
///
/// # Errors
/// As [`encode_checked`].
pub fn encode_into_checked<T: Datum>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    let mut writer = Writer::append_to(std::mem::take(out));
    value.write(&mut writer);
    let refusal = writer.take_refusal();
    *out = writer.into_bytes();
    match refusal {
        None => Ok(()),
        Some(message) => {
            out.truncate(start);
            Err(EncodeError::Payload(message))
        }
    }
}

/// A value to read into.
#[inline]
#[must_use]
pub fn blank<T: wire::Blank>() -> T {
    T::blank()
}

/// What a schema's default reads as; nothing when it does not, as a text that is no uuid.
pub fn default_of<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> wire::Result<T>,
) -> Option<T> {
    read(&mut Reader::new(bytes)).ok()
}

/// The schema of a generated type, and what is known of the writers it was read from.
#[derive(Debug)]
pub struct ReaderSchema {
    text: &'static str,
    references: &'static [(&'static str, &'static str)],
    parsed: OnceLock<Result<Ops, String>>,
    kept: Kept,
    met: RwLock<Met>,
}

impl ReaderSchema {
    /// The schema of a text, which is parsed when that is needed first.
    #[must_use]
    pub const fn new(text: &'static str) -> ReaderSchema {
        ReaderSchema {
            text,
            references: &[],
            parsed: OnceLock::new(),
            kept: Kept::new(),
            met: RwLock::new(Met::new()),
        }
    }

    /// The same with what the text refers to, dependencies first: name and text.
    #[must_use]
    pub const fn referring(mut self, references: &'static [(&'static str, &'static str)]) -> ReaderSchema {
        self.references = references;
        self
    }

    /// Reads a payload written with exactly this schema, to its last byte.
    ///
    /// # Errors
    /// [`ReadError`] with the field and what is wrong.
    pub fn decode<T: Datum>(&self, body: &[u8]) -> Result<T, ReadError> {
        let mut reader = Reader::new(body);
        let mut value = T::blank();
        if let Err(fault) = value.read(&mut reader).and_then(|()| reader.finish()) {
            return Err(self.placed(body, fault));
        }
        Ok(value)
    }

    /// Reads a payload of any writer, to its last byte.
    ///
    /// # Errors
    /// When the payload does not read, with the schema's id, the field and the position of the byte.
    pub fn decode_from<T: Datum>(&self, writer: &event::Writer, body: &[u8]) -> Result<T, DecodeError> {
        let mut value = T::blank();
        let read = match self.known(writer)? {
            Ok(kept) => self.read_by(kept.plan.as_deref(), body, &mut value, T::read, T::read),
            Err(met) => self.read_by(met.plan.as_deref(), body, &mut value, T::read, T::read),
        };
        match read {
            Ok(()) => Ok(value),
            Err(error) => Err(unreadable(writer, &error)),
        }
    }

    /// Whether a writer's schema is this one: names, types, defaults and properties, but for docs and aliases.
    ///
    /// # Errors
    /// When one of the two is no Avro.
    pub fn is_of(&self, writer: &event::Writer) -> Result<bool, DecodeError> {
        Ok(match self.known(writer)? {
            Ok(kept) => kept.is_same,
            Err(met) => met.is_same,
        })
    }

    /// Reads a payload written with exactly this schema, to its last byte; the value borrows from it.
    ///
    /// # Errors
    /// [`ReadError`] with the field and what is wrong.
    pub fn decode_borrowed<'a, T: Borrowed<'a>>(&self, body: &'a [u8]) -> Result<T, ReadError> {
        let mut reader = Reader::new(body);
        let mut value = T::blank();
        if let Err(fault) = value.read(&mut reader).and_then(|()| reader.finish()) {
            return Err(self.placed(body, fault));
        }
        Ok(value)
    }

    /// Reads a payload of any writer, to its last byte; the value borrows from it, and from the schema's defaults.
    ///
    /// # Errors
    /// When the payload does not read, with the schema's id, the field and the position of the byte. Also when 256 other
    /// writers' schemas were read before: more are only read into types that borrow nothing.
    pub fn decode_borrowed_from<'a, T: Borrowed<'a>>(
        &'a self,
        writer: &event::Writer,
        body: &'a [u8],
    ) -> Result<T, DecodeError> {
        let known = self.known(writer)?.map_err(|_| {
            DecodeError::Payload(format!(
                "schema id {} is read into values that borrow nothing only: {KEPT_MAX} other writers' schemas were before it, \
                 or some that take much memory",
                writer.id
            ))
        })?;
        let mut value = T::blank();
        match self.read_by(known.plan.as_deref(), body, &mut value, T::read, T::read) {
            Ok(()) => Ok(value),
            Err(error) => Err(unreadable(writer, &error)),
        }
    }

    /// Reads by a plan, or what needs none.
    #[inline]
    fn read_by<'a, T>(
        &self,
        plan: Option<&'a Plan>,
        body: &'a [u8],
        value: &mut T,
        read: impl FnOnce(&mut T, &mut Reader<'a>) -> wire::Result<()>,
        read_planned: impl FnOnce(&mut T, &mut Planned<'a>) -> wire::Result<()>,
    ) -> Result<(), ReadError> {
        match plan {
            None => {
                let mut reader = Reader::new(body);
                let read = read(value, &mut reader).and_then(|()| reader.finish());
                read.map_err(|fault| self.placed(body, fault))
            }
            Some(plan) => plan.read(Reader::new(body), |planned| read_planned(value, planned)),
        }
    }

    #[cold]
    fn placed(&self, body: &[u8], fault: Fault) -> ReadError {
        match self.parsed() {
            Ok(ops) => ops.placed(body, fault),
            Err(_) => fault.into(),
        }
    }

    fn parsed(&self) -> Result<&Ops, DecodeError> {
        let parsed = self.parsed.get_or_init(|| {
            let referred = self.references.iter().map(|(name, text)| Resolved {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
            });
            let referred: Vec<Resolved> = referred.collect();
            let schema = Schema::parse(self.text, &referred).map_err(|error| error.to_string())?;
            Ok(Ops::new(&schema))
        });
        parsed
            .as_ref()
            .map_err(|message| DecodeError::Payload(message.clone()))
    }

    /// How a writer is read: as it is kept for as long as this is, or else by itself.
    fn known(&self, writer: &event::Writer) -> Result<Result<&Known, Known>, DecodeError> {
        // A build may know Avro alone.
        #[allow(irrefutable_let_patterns)]
        let crate::Schema::Avro(schema) = &writer.schema else {
            return Err(DecodeError::Payload(format!(
                "schema id {} is not Avro",
                writer.id
            )));
        };
        let reader = self.parsed()?.schema();
        if let Some(known) = self.kept.of(writer.id, schema, || Known::new(schema, reader)) {
            return Ok(Ok(known));
        }
        let met = self.met.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = met.find(writer.id, schema) {
            return Ok(Err(known.clone()));
        }
        drop(met);
        // Nobody waits while it is compiled.
        let new = Known::new(schema, reader);
        let mut met = self.met.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Err(met.remember(writer.id, new)))
    }
}

/// The full name of the top type of a writer's schema; empty when it has none.
#[must_use]
pub fn record_name(writer: &event::Writer) -> &str {
    // A build may know Avro alone.
    #[allow(unreachable_patterns)]
    match &writer.schema {
        crate::Schema::Avro(schema) => schema.name(),
        _ => "",
    }
}

/// The same without its namespace.
#[must_use]
pub fn short_name(writer: &event::Writer) -> &str {
    let name = record_name(writer);
    name.rsplit_once('.').map_or(name, |(_, short)| short)
}

#[cold]
fn unreadable(writer: &event::Writer, error: &ReadError) -> DecodeError {
    let name = writer.schema.record_name().unwrap_or_default();
    let place = error
        .position
        .map_or_else(String::new, |byte| format!(" (byte {byte})"));
    DecodeError::Payload(format!("{name} (schema id {}): {error}{place}", writer.id))
}
