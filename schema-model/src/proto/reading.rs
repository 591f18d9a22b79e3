//! A writer's bytes as a [`Value`] in the reader's shape.
//!
//! Protobuf matches fields by number, so the reader's shape reads the writer's bytes as they are; the writer's schema
//! says which message they are, and before the first byte is read both shapes are checked to agree on the wire type
//! of every number they share. How a message reads:
//!
//! - fields with presence (`optional`, oneof members, messages, proto2) only when set, all others always;
//! - the later of two values of one field goes, two parts of one message are merged, the last member of a oneof wins;
//! - enums by name, by number when the number has no name; map entries sorted by key;
//! - `google.protobuf.Timestamp` as an instant (to the nanosecond, or the record itself when out of the calendar),
//!   the wrappers as what they wrap; a proto2 string that is not UTF-8 as bytes.

mod agree;
mod value;

#[cfg(feature = "cel")]
pub(super) use value::TIMESTAMP_SECONDS;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Schema,
    shape::{Field, Kind, Label, Shape, VALUES_MAX},
    walk::{too_many_values, unknown_message, wrong_wire},
    wire::{self, Fault, Reader, Wire},
};
use crate::{DEPTH_MAX, Finding, ReadError, Value, envelope};

/// A compiled reading of one Protobuf writer schema, maybe into another reader schema.
#[derive(Clone, Debug)]
pub struct Reading {
    shape: Arc<Shape>,
    targets: Arc<HashMap<Vec<i32>, Target>>,
    record_name: String,
}

/// A message of the writer and the reader's message of that name.
#[derive(Debug)]
struct Target {
    name: String,
    message: Option<usize>,
}

impl Reading {
    /// Reads a writer's bytes in the writer's own shape.
    #[must_use]
    pub fn of(writer: &Schema) -> Reading {
        let shape = writer.shape();
        Reading::with_targets(writer, &shape, &shape)
    }

    /// Reads a writer's bytes into the shape of another schema. Messages are matched by name, the package aside.
    ///
    /// # Errors
    /// A finding for every field whose bytes the reader would misread.
    pub fn new(writer: &Schema, reader: &Schema) -> Result<Reading, Vec<Finding>> {
        Reading::between(writer, reader, &reader.shape())
    }

    /// The same without some fields of one of the reader's messages, where that is what a payload begins with.
    ///
    /// # Errors
    /// As [`Reading::new`].
    pub fn without(
        writer: &Schema,
        reader: &Schema,
        message: &str,
        fields: &[&str],
    ) -> Result<Reading, Vec<Finding>> {
        let rest = reader.shape().without(message, fields);
        Reading::between(writer, reader, &Arc::new(rest))
    }

    fn between(writer: &Schema, reader: &Schema, read: &Arc<Shape>) -> Result<Reading, Vec<Finding>> {
        let written = writer.shape();
        let findings = agree::check(&written, read);
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(Reading::with_targets(reader, &written, read))
    }

    fn with_targets(reader: &Schema, written: &Shape, read: &Arc<Shape>) -> Reading {
        let partners = agree::Partners::of(read);
        let targets = written.roots.iter().filter_map(|(indexes, message)| {
            let message = written.messages.get(*message)?;
            let target = Target {
                name: message.name.to_string(),
                message: partners.partner(message),
            };
            Some((indexes.clone(), target))
        });
        Reading {
            shape: Arc::clone(read),
            targets: Arc::new(targets.collect()),
            record_name: reader.record_name().unwrap_or_default(),
        }
    }

    /// Reads a body that begins with its message indexes.
    ///
    /// # Errors
    /// [`ReadError`] names the field and what is wrong with its bytes.
    pub fn read(&self, body: &[u8]) -> Result<Value, ReadError> {
        self.root(body)
            .and_then(|(message, bytes)| decode(&self.shape, message, bytes))
            .map_err(|fault| ReadError {
                path: fault.path,
                position: None,
                message: fault.message,
            })
    }

    fn root<'a>(&self, body: &'a [u8]) -> Result<(usize, &'a [u8]), Fault> {
        let (indexes, bytes) =
            envelope::read_message_indexes(body).map_err(|error| Fault::new(error.to_string()))?;
        let target = self
            .targets
            .get(&indexes)
            .ok_or_else(|| unknown_message(&indexes))?;
        let message = target.message.ok_or_else(|| {
            Fault::new(format!(
                "the reader's schema has no message named like the writer's {}",
                target.name
            ))
        })?;
        Ok((message, bytes))
    }

    /// The full name of the reader's first message.
    #[must_use]
    pub fn record_name(&self) -> String {
        self.record_name.clone()
    }
}

/// Reads one message as a value.
pub(super) fn decode(shape: &Shape, message: usize, bytes: &[u8]) -> Result<Value, Fault> {
    let mut decoder = Decoder {
        shape,
        values_left: VALUES_MAX,
    };
    let mut partial = decoder.begin(message)?;
    decoder.fill(&mut partial, &mut Reader::new(bytes), 1, None)?;
    value::finish(shape, partial)
}

/// A message while its fields come in, by field index.
struct Partial {
    message: usize,
    slots: Vec<Slot>,
}

enum Slot {
    Empty,
    One(Node),
    Many(Vec<Node>),
    /// By the key's text.
    Entries(BTreeMap<String, Value>),
}

enum Node {
    Value(Value),
    Message(Partial),
}

struct Decoder<'a> {
    shape: &'a Shape,
    values_left: usize,
}

impl Decoder<'_> {
    fn begin(&mut self, message: usize) -> Result<Partial, Fault> {
        let fields = self
            .shape
            .messages
            .get(message)
            .map_or(0, |message| message.fields.len());
        self.spend(1 + fields)?;
        let slots = std::iter::repeat_with(|| Slot::Empty).take(fields).collect();
        Ok(Partial { message, slots })
    }

    fn spend(&mut self, values: usize) -> Result<(), Fault> {
        self.values_left = self.values_left.checked_sub(values).ok_or_else(too_many_values)?;
        Ok(())
    }

    fn fill(
        &mut self,
        partial: &mut Partial,
        reader: &mut Reader<'_>,
        depth: usize,
        group: Option<u32>,
    ) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(wire::too_deep());
        }
        let shape = self.shape;
        let Some(message) = shape.messages.get(partial.message) else {
            return Ok(());
        };
        loop {
            match (reader.tag()?, group) {
                (None, None) => return Ok(()),
                (None, Some(number)) => return Err(wire::unfinished_group(number)),
                (Some((number, Wire::GroupEnd)), Some(open)) if number == open => return Ok(()),
                (Some((number, Wire::GroupEnd)), _) => return Err(wire::stray_end(number)),
                (Some((number, wire)), _) => match message.field(number) {
                    None => reader.skip(number, wire, depth)?,
                    Some((index, field)) => {
                        clear_siblings(partial, &message.fields, index, field.oneof);
                        let Some(slot) = partial.slots.get_mut(index) else {
                            return Ok(());
                        };
                        self.field(slot, reader, field, wire, depth)
                            .map_err(|fault| fault.inside(&field.name, count(slot)))?;
                    }
                },
            }
        }
    }

    fn field(
        &mut self,
        slot: &mut Slot,
        reader: &mut Reader<'_>,
        field: &Field,
        wire: Wire,
        depth: usize,
    ) -> Result<(), Fault> {
        match (field.label, &*slot) {
            (Label::Repeated, Slot::Empty) => *slot = Slot::Many(Vec::new()),
            (Label::Map, Slot::Empty) => *slot = Slot::Entries(BTreeMap::new()),
            _ => {}
        }
        if wire == field.kind.wire() {
            return self.value(slot, reader, field, depth);
        }
        if field.label != Label::Repeated || !field.kind.packable() || wire != Wire::Length {
            return Err(wrong_wire(field, wire));
        }
        let mut run = Reader::new(reader.length_delimited()?);
        while run.remaining() > 0 {
            self.value(slot, &mut run, field, depth)?;
        }
        Ok(())
    }

    fn value(
        &mut self,
        slot: &mut Slot,
        reader: &mut Reader<'_>,
        field: &Field,
        depth: usize,
    ) -> Result<(), Fault> {
        self.spend(1)?;
        let (message, group) = match field.kind {
            Kind::Message(message) => (message, None),
            Kind::Group(message) => (message, Some(field.number)),
            Kind::Scalar(_) | Kind::Enum(_) => {
                let value = value::scalar(self.shape, reader, field)?;
                put(slot, Node::Value(value));
                return Ok(());
            }
        };
        // Parts of one message are merged, so a second part goes on where the first ended.
        let mut partial = match std::mem::replace(slot, Slot::Empty) {
            Slot::One(Node::Message(partial)) => partial,
            other => {
                *slot = other;
                self.begin(message)?
            }
        };
        if group.is_some() {
            self.fill(&mut partial, reader, depth + 1, group)?;
        } else {
            let bytes = reader.length_delimited()?;
            self.fill(&mut partial, &mut Reader::new(bytes), depth + 1, None)?;
        }
        if let Slot::Entries(entries) = slot {
            let (key, value) = value::entry(self.shape, partial)?;
            entries.insert(key, value);
        } else {
            put(slot, Node::Message(partial));
        }
        Ok(())
    }
}

fn put(slot: &mut Slot, node: Node) {
    match slot {
        Slot::Many(nodes) => nodes.push(node),
        slot => *slot = Slot::One(node),
    }
}

/// Setting one member of a oneof unsets the others.
fn clear_siblings(partial: &mut Partial, fields: &[Field], index: usize, oneof: Option<usize>) {
    if oneof.is_none() {
        return;
    }
    for (other, (slot, field)) in partial.slots.iter_mut().zip(fields).enumerate() {
        if other != index && field.oneof == oneof {
            *slot = Slot::Empty;
        }
    }
}

/// The index of the item that was being read when it failed.
fn count(slot: &Slot) -> Option<usize> {
    match slot {
        Slot::Many(nodes) => Some(nodes.len()),
        _ => None,
    }
}
