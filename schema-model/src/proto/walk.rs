//! Does a body read with this schema, to its last byte? Answered on the bytes, without building a value.
//!
//! Checked: the message indexes, every tag, the wire type of every known field (repeated numbers packed or not),
//! lengths, UTF-8 of proto3 strings, nesting, required fields. Unknown fields are allowed, as everywhere in Protobuf.
//! A message given in several parts is one message; where required fields make that matter, the body is read as a
//! value instead, which merges the parts. A body that fails is read as well, because the reading knows the field's
//! path; the walk itself keeps none.

use std::sync::Arc;

use super::{
    Schema,
    reading::decode,
    shape::{Field, Kind, Label, Scalar, Shape, VALUES_MAX},
    wire::{self, Fault, Reader, Wire},
};
use crate::{DEPTH_MAX, WalkError, envelope};

/// A compiled validator of one Protobuf schema.
#[derive(Clone, Debug)]
pub struct Walk(Arc<Shape>);

impl Walk {
    /// Compiles the validator.
    #[must_use]
    pub fn new(schema: &Schema) -> Walk {
        Walk(schema.shape())
    }

    /// Checks a body that begins with its message indexes.
    ///
    /// # Errors
    /// [`WalkError`] names the field and what is wrong with its bytes.
    pub fn check(&self, body: &[u8]) -> Result<(), WalkError> {
        let error = |fault: Fault| WalkError {
            path: fault.path,
            message: fault.message,
        };
        let (indexes, message) =
            envelope::read_message_indexes(body).map_err(|fault| error(Fault::new(fault.to_string())))?;
        let root = self
            .0
            .roots
            .get(&indexes)
            .copied()
            .ok_or_else(|| error(unknown_message(&indexes)))?;
        if !self.0.messages.get(root).is_some_and(|message| message.required) {
            let mut steps = Steps {
                shape: &self.0,
                values_left: VALUES_MAX,
            };
            if steps.message(&mut Reader::new(message), root, 1, None).is_ok() {
                return Ok(());
            }
        }
        decode(&self.0, root, message).map(drop).map_err(error)
    }
}

pub(super) fn unknown_message(indexes: &[i32]) -> Fault {
    Fault::new(format!(
        "the message indexes {indexes:?} lead to no message of this schema"
    ))
}

/// Why the wire type of a known field is not acceptable.
pub(super) fn wrong_wire(field: &Field, wire: Wire) -> Fault {
    Fault::new(format!(
        "field number {} is written as {} where its type is written as {}",
        field.number,
        wire.name(),
        field.kind.wire().name()
    ))
}

pub(super) fn too_many_values() -> Fault {
    Fault::new(format!("holds more than {VALUES_MAX} values"))
}

pub(super) fn not_utf8() -> Fault {
    Fault::new("a string is not UTF-8")
}

struct Steps<'a> {
    shape: &'a Shape,
    values_left: usize,
}

impl Steps<'_> {
    fn spend(&mut self, values: usize) -> Result<(), Fault> {
        self.values_left = self.values_left.checked_sub(values).ok_or_else(too_many_values)?;
        Ok(())
    }

    /// Walks fields up to the end of the slice, or up to the end of the group being read.
    fn message(
        &mut self,
        reader: &mut Reader<'_>,
        message: usize,
        depth: usize,
        group: Option<u32>,
    ) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(wire::too_deep());
        }
        let shape = self.shape;
        let Some(message) = shape.messages.get(message) else {
            return Ok(());
        };
        self.spend(1 + message.fields.len())?;
        loop {
            match (reader.tag()?, group) {
                (None, None) => return Ok(()),
                (None, Some(number)) => return Err(wire::unfinished_group(number)),
                (Some((number, Wire::GroupEnd)), Some(open)) if number == open => return Ok(()),
                (Some((number, Wire::GroupEnd)), _) => return Err(wire::stray_end(number)),
                (Some((number, wire)), _) => match message.field(number) {
                    None => reader.skip(number, wire, depth)?,
                    Some((_, field)) => self.field(reader, field, wire, depth)?,
                },
            }
        }
    }

    fn field(
        &mut self,
        reader: &mut Reader<'_>,
        field: &Field,
        wire: Wire,
        depth: usize,
    ) -> Result<(), Fault> {
        if wire == field.kind.wire() {
            return self.value(reader, field, depth);
        }
        if field.label != Label::Repeated || !field.kind.packable() || wire != Wire::Length {
            return Err(wrong_wire(field, wire));
        }
        let mut run = Reader::new(reader.length_delimited()?);
        while run.remaining() > 0 {
            self.value(&mut run, field, depth)?;
        }
        Ok(())
    }

    fn value(&mut self, reader: &mut Reader<'_>, field: &Field, depth: usize) -> Result<(), Fault> {
        self.spend(1)?;
        match field.kind {
            Kind::Message(message) => {
                let bytes = reader.length_delimited()?;
                self.message(&mut Reader::new(bytes), message, depth + 1, None)
            }
            Kind::Group(message) => self.message(reader, message, depth + 1, Some(field.number)),
            Kind::Scalar(Scalar::String) if field.utf8 => {
                let bytes = reader.length_delimited()?;
                std::str::from_utf8(bytes).map(drop).map_err(|_| not_utf8())
            }
            Kind::Scalar(_) | Kind::Enum(_) => reader.skip(field.number, field.kind.wire(), depth),
        }
    }
}
