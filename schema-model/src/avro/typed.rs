//! Generated types: how they are read from whatever a writer wrote.
//!
//! Invariant: bytes of the reader's own schema are read straight through. Another writer's schema is resolved once, and the
//! plan is kept by its id, because what an id stands for never changes: the first writers' for as long as the process lives,
//! those of more until there are too many.

use std::borrow::Cow;
use std::sync::{OnceLock, PoisonError, RwLock};

use super::{
    kept::{KEPT_MAX, Kept},
    met::{Known, Met},
    plan::{Plan, Planned},
    schema::Schema,
    walk::Ops,
    wire::{self, Fault, Reader, Source, Writer},
};
use crate::{DecodeError, ReadError, Resolved, event};

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
        wire::boxed()
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
    /// Of the union at the top.
    branch: Option<usize>,
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
            branch: None,
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

    /// The same for a type that is a branch of the union at the top. Of other writers' unions it reads what has a branch
    /// of its own before it.
    #[must_use]
    pub const fn branch(mut self, index: usize) -> ReaderSchema {
        self.branch = Some(index);
        self
    }

    /// Reads a payload written with exactly this schema, to its last byte.
    ///
    /// # Errors
    /// [`ReadError`] with the field and what is wrong.
    pub fn decode<T: Datum>(&self, body: &[u8]) -> Result<T, ReadError> {
        let mut value = T::blank();
        self.read_by(None, self.begin(body)?, &mut value, T::read, T::read)?;
        Ok(value)
    }

    /// Stands at the value of an own payload.
    #[inline]
    fn begin<'a>(&self, body: &'a [u8]) -> Result<Reader<'a>, ReadError> {
        let mut reader = Reader::new(body);
        if let Some(wanted) = self.branch {
            let branch = reader.long()?;
            if usize::try_from(branch) != Ok(wanted) {
                let message =
                    format!("the payload is of branch {branch} of the union, not of branch {wanted}");
                return Err(Fault::new(0, message).into());
            }
        }
        Ok(reader)
    }

    /// Reads a payload of any writer, to its last byte.
    ///
    /// # Errors
    /// When the payload does not read, with the schema's id, the field and the position of the byte.
    pub fn decode_from<T: Datum>(&self, writer: &event::Writer, body: &[u8]) -> Result<T, DecodeError> {
        let schema = avro(writer)?;
        if schema.branches().is_none() {
            return self.decode_written(writer, schema, Reader::new(body));
        }
        let Written { schema, value } = written(writer, body)?;
        self.decode_written(writer, &schema, value)
    }

    fn decode_written<T: Datum>(
        &self,
        writer: &event::Writer,
        schema: &Schema,
        from: Reader<'_>,
    ) -> Result<T, DecodeError> {
        let mut value = T::blank();
        let read = match self.known(writer, schema)? {
            Ok(kept) => self.read_by(kept.plan.as_deref(), from, &mut value, T::read, T::read),
            Err(met) => self.read_by(met.plan.as_deref(), from, &mut value, T::read, T::read),
        };
        match read {
            Ok(()) => Ok(value),
            Err(error) => Err(unreadable(writer, schema.name(), &error)),
        }
    }

    /// Whether a payload is of this schema: names, types, defaults and properties, but for docs and aliases. Of a union at
    /// the top it is asked for the branch that the payload has.
    ///
    /// # Errors
    /// When one of the two is no Avro, or the payload is of no branch.
    pub fn is_of(&self, writer: &event::Writer, body: &[u8]) -> Result<bool, DecodeError> {
        Ok(match self.known(writer, &written(writer, body)?.schema)? {
            Ok(kept) => kept.is_same,
            Err(met) => met.is_same,
        })
    }

    /// Reads a payload written with exactly this schema, to its last byte; the value borrows from it.
    ///
    /// # Errors
    /// [`ReadError`] with the field and what is wrong.
    pub fn decode_borrowed<'a, T: Borrowed<'a>>(&self, body: &'a [u8]) -> Result<T, ReadError> {
        let mut value = T::blank();
        self.read_by(None, self.begin(body)?, &mut value, T::read, T::read)?;
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
        let written = written(writer, body)?;
        let known = self.known(writer, &written.schema)?.map_err(|_| {
            DecodeError::Payload(format!(
                "schema id {} is read into values that borrow nothing only: {KEPT_MAX} other writers' schemas were before it, \
                 or some that take much memory",
                writer.id
            ))
        })?;
        let mut value = T::blank();
        let from = written.value.clone();
        match self.read_by(known.plan.as_deref(), from, &mut value, T::read, T::read) {
            Ok(()) => Ok(value),
            Err(error) => Err(unreadable(writer, written.schema.name(), &error)),
        }
    }

    /// Reads by a plan, or what needs none.
    #[inline]
    fn read_by<'a, T>(
        &self,
        plan: Option<&'a Plan>,
        from: Reader<'a>,
        value: &mut T,
        read: impl FnOnce(&mut T, &mut Reader<'a>) -> wire::Result<()>,
        read_planned: impl FnOnce(&mut T, &mut Planned<'a>) -> wire::Result<()>,
    ) -> Result<(), ReadError> {
        match plan {
            None => {
                let mut reader = from.clone();
                let read = read(value, &mut reader).and_then(|()| reader.finish());
                read.map_err(|fault| self.placed(from, fault))
            }
            Some(plan) => plan.read(from, |planned| read_planned(value, planned)),
        }
    }

    #[cold]
    fn placed(&self, from: Reader<'_>, fault: Fault) -> ReadError {
        match self.parsed() {
            Ok(ops) => ops.placed(from, fault),
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
            let top = self
                .branch
                .map_or(Some(schema.clone()), |index| schema.branch(index));
            let top = top.ok_or("the schema has no such branch at its top");
            Ok(Ops::new(&top?))
        });
        parsed
            .as_ref()
            .map_err(|message| DecodeError::Payload(message.clone()))
    }

    /// How a writer is read: as it is kept for as long as this is, or else by itself.
    fn known(&self, writer: &event::Writer, schema: &Schema) -> Result<Result<&Known, Known>, DecodeError> {
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

/// A payload behind the choice of its branch, where its writer's schema is a union at the top.
struct Written<'w, 'a> {
    /// The type that was written.
    schema: Cow<'w, Schema>,
    /// Stands where the value begins.
    value: Reader<'a>,
}

fn written<'w, 'a>(writer: &'w event::Writer, body: &'a [u8]) -> Result<Written<'w, 'a>, DecodeError> {
    let schema = avro(writer)?;
    let mut value = Reader::new(body);
    let Some(branches) = schema.branches() else {
        let schema = Cow::Borrowed(schema);
        return Ok(Written { schema, value });
    };
    let branch = value.branch(branches.len());
    let branch = branch.map_err(|fault| unreadable(writer, "", &fault.into()))?;
    let schema = schema.branch(branch).map_or(Cow::Borrowed(schema), Cow::Owned);
    Ok(Written { schema, value })
}

#[inline]
fn avro(writer: &event::Writer) -> Result<&Schema, DecodeError> {
    // A build may know Avro alone.
    #[allow(irrefutable_let_patterns)]
    let crate::Schema::Avro(schema) = &writer.schema else {
        return Err(no_avro(writer));
    };
    Ok(schema)
}

#[cold]
fn no_avro(writer: &event::Writer) -> DecodeError {
    DecodeError::Payload(format!("schema id {} is not Avro", writer.id))
}

/// What a payload is called by its writer: the full name of its type, or `array`, `int`, …. Of a union at the top it is that
/// of the branch which the payload has; of what is no Avro it is empty.
///
/// # Errors
/// When the payload is of no branch.
pub fn written_name<'w>(writer: &'w event::Writer, body: &[u8]) -> Result<&'w str, DecodeError> {
    // A build may know Avro alone.
    #[allow(irrefutable_let_patterns)]
    let crate::Schema::Avro(schema) = &writer.schema else {
        return Ok("");
    };
    let id = match schema.branches() {
        None => schema.root(),
        Some(_) => written(writer, body)?.schema.root(),
    };
    Ok(schema.type_label(id))
}

/// The same without its namespace.
///
/// # Errors
/// As [`written_name`].
pub fn written_short_name<'w>(writer: &'w event::Writer, body: &[u8]) -> Result<&'w str, DecodeError> {
    let name = written_name(writer, body)?;
    Ok(name.rsplit_once('.').map_or(name, |(_, short)| short))
}

/// The branch that a payload has, of a union of so many at the top of its schema, and the payload behind its choice.
///
/// ```
/// assert_eq!(annals_schema_model::avro::branch_of(&[2, 8], 2), Ok((1, &[8][..])));
/// assert!(annals_schema_model::avro::branch_of(&[4, 8], 2).is_err());
/// ```
///
/// # Errors
/// When the payload is of no branch.
pub fn branch_of(body: &[u8], branches: usize) -> Result<(usize, &[u8]), ReadError> {
    let mut reader = Reader::new(body);
    let branch = reader.branch(branches)?;
    Ok((branch, body.get(reader.position()..).unwrap_or_default()))
}

#[cold]
fn unreadable(writer: &event::Writer, name: &str, error: &ReadError) -> DecodeError {
    let place = error
        .position
        .map_or_else(String::new, |byte| format!(" (byte {byte})"));
    let id = writer.id;
    DecodeError::Payload(match name {
        "" => format!("schema id {id}: {error}{place}"),
        _ => format!("{name} (schema id {id}): {error}{place}"),
    })
}
