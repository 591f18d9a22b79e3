//! From wire values to [`Value`]s: scalars, map entries, and finished messages with their well-known forms.

use std::sync::Arc;

use super::{Node, Partial, Slot};
use crate::{
    Timestamp, Value,
    proto::{
        shape::{Field, Form, Kind, Label, Message, Scalar, Shape},
        walk::not_utf8,
        wire::{Fault, Reader},
    },
};

/// The seconds a `google.protobuf.Timestamp` may hold: from year 1 to year 9999.
pub(in crate::proto) const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> =
    -62_135_596_800..=253_402_300_799;

/// Reads one scalar or enum.
pub(super) fn scalar(shape: &Shape, reader: &mut Reader<'_>, field: &Field) -> Result<Value, Fault> {
    let scalar = match field.kind {
        Kind::Scalar(scalar) => scalar,
        Kind::Enum(names) => {
            let number = low32(reader.varint()?) as i32;
            let name = shape.enums.get(names).and_then(|names| names.get(&number));
            return Ok(name.map_or(Value::Int(i64::from(number)), |name| Value::Enum(name.clone())));
        }
        Kind::Message(_) | Kind::Group(_) => return Ok(Value::Null),
    };
    Ok(match scalar {
        Scalar::Double => Value::Float(f64::from_le_bytes(reader.fixed64()?)),
        Scalar::Float => Value::Float(f64::from(f32::from_le_bytes(reader.fixed32()?))),
        Scalar::Int32 => Value::Int(i64::from(low32(reader.varint()?) as i32)),
        Scalar::Int64 => Value::Int(reader.varint()? as i64),
        Scalar::Uint32 => Value::UInt(u64::from(low32(reader.varint()?))),
        Scalar::Uint64 => Value::UInt(reader.varint()?),
        Scalar::Sint32 => Value::Int(zigzag(u64::from(low32(reader.varint()?)))),
        Scalar::Sint64 => Value::Int(zigzag(reader.varint()?)),
        Scalar::Fixed32 => Value::UInt(u64::from(u32::from_le_bytes(reader.fixed32()?))),
        Scalar::Fixed64 => Value::UInt(u64::from_le_bytes(reader.fixed64()?)),
        Scalar::Sfixed32 => Value::Int(i64::from(i32::from_le_bytes(reader.fixed32()?))),
        Scalar::Sfixed64 => Value::Int(i64::from_le_bytes(reader.fixed64()?)),
        Scalar::Bool => Value::Bool(reader.varint()? != 0),
        Scalar::Bytes => Value::Bytes(reader.length_delimited()?.to_vec()),
        Scalar::String => {
            let bytes = reader.length_delimited()?;
            match std::str::from_utf8(bytes) {
                Ok(text) => Value::String(text.to_owned()),
                Err(_) if field.utf8 => return Err(not_utf8()),
                Err(_) => Value::Bytes(bytes.to_vec()),
            }
        }
    })
}

/// 32-bit types take the low half of a longer varint, as every implementation does.
const fn low32(value: u64) -> u32 {
    value as u32
}

const fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Key and value of a finished map entry; what is not set has its default.
pub(super) fn entry(shape: &Shape, partial: Partial) -> Result<(String, Value), Fault> {
    let Value::Record { fields, .. } = record(shape, partial, true)? else {
        return Err(Fault::new("a map entry is no message"));
    };
    let mut fields = fields.into_iter().map(|(_, value)| value);
    let key = match fields.next() {
        Some(Value::String(key)) => key,
        Some(Value::Int(key)) => key.to_string(),
        Some(Value::UInt(key)) => key.to_string(),
        Some(Value::Bool(key)) => key.to_string(),
        Some(Value::Bytes(key)) => String::from_utf8_lossy(&key).into_owned(),
        _ => String::new(),
    };
    Ok((key, fields.next().unwrap_or(Value::Null)))
}

/// The value of a message whose bytes have all been read.
pub(super) fn finish(shape: &Shape, partial: Partial) -> Result<Value, Fault> {
    let Some(message) = shape.messages.get(partial.message) else {
        return Ok(Value::Null);
    };
    match message.form {
        Form::Record => record(shape, partial, false),
        Form::Timestamp => match timestamp(message, &partial) {
            Some(instant) => Ok(instant),
            None => record(shape, partial, false),
        },
        Form::Wrapper => match record(shape, partial, false)? {
            Value::Record { mut fields, .. } => Ok(fields.pop().map_or(Value::Null, |(_, value)| value)),
            other => Ok(other),
        },
    }
}

/// A message as a record. `whole` gives fields with presence their default, too, as map entries need.
fn record(shape: &Shape, partial: Partial, whole: bool) -> Result<Value, Fault> {
    let Some(message) = shape.messages.get(partial.message) else {
        return Ok(Value::Null);
    };
    let mut fields = Vec::with_capacity(message.fields.len());
    for (field, slot) in message.fields.iter().zip(partial.slots) {
        let value = match slot {
            Slot::Empty => match unset(shape, field, whole) {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(fault) => return Err(fault.inside(&field.name, None)),
            },
            Slot::One(node) => finish_node(shape, node).map_err(|fault| fault.inside(&field.name, None))?,
            Slot::Many(nodes) => {
                let finished = nodes.into_iter().enumerate().map(|(index, node)| {
                    finish_node(shape, node).map_err(|fault| fault.inside(&field.name, Some(index)))
                });
                Value::Array(finished.collect::<Result<_, _>>()?)
            }
            Slot::Entries(entries) => {
                let entries = entries.into_iter();
                Value::Map(entries.map(|(key, value)| (key.into(), value)).collect())
            }
        };
        fields.push((Arc::clone(&field.name), value));
    }
    Ok(Value::Record {
        name: Arc::clone(&message.name),
        fields,
    })
}

fn finish_node(shape: &Shape, node: Node) -> Result<Value, Fault> {
    match node {
        Node::Value(value) => Ok(value),
        Node::Message(partial) => finish(shape, partial),
    }
}

/// What an unset field reads as; `None` when it is left out of the record.
fn unset(shape: &Shape, field: &Field, whole: bool) -> Result<Option<Value>, Fault> {
    match field.label {
        Label::Repeated => Ok(Some(Value::Array(Vec::new()))),
        Label::Map => Ok(Some(Value::Map(Vec::new()))),
        Label::Required => Err(Fault::new("is required and missing")),
        Label::Implicit => Ok(Some(field.default.clone())),
        Label::Optional if !whole => Ok(None),
        Label::Optional => match field.kind {
            Kind::Message(message) | Kind::Group(message) => {
                let slots = shape
                    .messages
                    .get(message)
                    .map_or(0, |message| message.fields.len());
                let slots = std::iter::repeat_with(|| Slot::Empty).take(slots).collect();
                finish(shape, Partial { message, slots }).map(Some)
            }
            Kind::Scalar(_) | Kind::Enum(_) => Ok(Some(field.default.clone())),
        },
    }
}

/// The instant, if it lies within the calendar the type is defined for.
fn timestamp(message: &Message, partial: &Partial) -> Option<Value> {
    let number = |number: u32| {
        let (index, field) = message.field(number)?;
        match partial.slots.get(index)? {
            Slot::One(Node::Value(Value::Int(value))) => Some(*value),
            Slot::Empty if field.label == Label::Implicit => Some(0),
            _ => None,
        }
    };
    let (seconds, nanos) = (number(1)?, number(2)?);
    if !TIMESTAMP_SECONDS.contains(&seconds) {
        return None;
    }
    Timestamp::new(seconds, u32::try_from(nanos).ok()?).map(Value::instant)
}
