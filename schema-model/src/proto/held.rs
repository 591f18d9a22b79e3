//! A value as a message, each type by what it holds: the way back from [`Reading`](super::Reading).
//!
//! Protobuf's JSON mapping is for what people write (`write.rs`): it takes numbers as texts and texts as bytes, and has forms
//! of its own for well-known types, which read as records. Here a type takes values of its own kind alone. Null is for fields
//! that may be unset, and unsets them; of a oneof one member may be given.

use std::sync::Arc;

use prost_reflect::{
    Cardinality, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _,
    Value as Held,
};

use super::{Schema, body, reading::TIMESTAMP_SECONDS, shape::VALUES_MAX};
use crate::cel::{instant, text};
use crate::held::{double, float, floats_told, symbols_told, unheld, whole};
use crate::{DEPTH_MAX, ReadError, Value};

const SECOND_NANOS: i128 = 1_000_000_000;

/// Writes a value of the message of these indexes, they before it.
pub(crate) fn write_value(schema: &Schema, indexes: &[i32], value: &Value) -> Result<Vec<u8>, ReadError> {
    let message = Writer::default().message(message(schema, indexes)?, value)?;
    Ok(body(indexes, &message))
}

/// Whether a field of the message of these indexes holds a value.
pub(crate) fn holds(schema: &Schema, indexes: &[i32], field: &str, value: &Value) -> Result<(), ReadError> {
    let message = message(schema, indexes)?;
    let of = message
        .get_field_by_name(field)
        .ok_or_else(|| no_field(&message, field))?;
    let held = match may_be_unset(&of, value) {
        true => Ok(()),
        false => Writer::default().field(&of, value).map(drop),
    };
    held.map_err(|error| error.within(field))
}

fn message(schema: &Schema, indexes: &[i32]) -> Result<MessageDescriptor, ReadError> {
    let message = schema.message(indexes);
    message.ok_or_else(|| ReadError::new("the schema has no message"))
}

fn no_field(message: &MessageDescriptor, name: &str) -> ReadError {
    ReadError::new(format!("{} has no such field", message.full_name())).within(name)
}

/// Whether null says of a field that it is not set.
fn may_be_unset(field: &FieldDescriptor, value: &Value) -> bool {
    *value == Value::Null && field.supports_presence() && field.cardinality() != Cardinality::Required
}

/// The member of a field's oneof that is set, where it is another.
fn beside(message: &DynamicMessage, field: &FieldDescriptor) -> Option<FieldDescriptor> {
    let oneof = field.containing_oneof()?;
    oneof
        .fields()
        .find(|member| member != field && message.has_field(member))
}

#[derive(Default)]
struct Writer {
    values: usize,
    levels: usize,
}

impl Writer {
    fn message(&mut self, of: MessageDescriptor, value: &Value) -> Result<DynamicMessage, ReadError> {
        self.levels += 1;
        if self.levels > DEPTH_MAX {
            return Err(ReadError::new(format!("nests deeper than {DEPTH_MAX} messages")));
        }
        let mut message = DynamicMessage::new(of.clone());
        match value {
            Value::Record { fields, .. } | Value::Map(fields) => self.fields(&mut message, fields)?,
            value => {
                let (seconds, nanos) = match (well_known(&of), value) {
                    (Some(WellKnown::Wrapper(field)), value) => {
                        let held = self.one(&field, &field.kind(), value)?;
                        set(&mut message, &field, held, value)?;
                        (None, None)
                    }
                    (Some(WellKnown::Timestamp), value) => match instant(value) {
                        Some(time) if TIMESTAMP_SECONDS.contains(&time.as_seconds()) => {
                            (Some(time.as_seconds()), i32::try_from(time.subsec_nanos()).ok())
                        }
                        _ => return Err(unheld(value, &told(&Kind::Message(of), value))),
                    },
                    (Some(WellKnown::Duration), Value::Duration(span)) => {
                        let nanos = span.as_nanos();
                        let seconds = i64::try_from(nanos / SECOND_NANOS).ok();
                        (seconds, i32::try_from(nanos % SECOND_NANOS).ok())
                    }
                    _ => return Err(unheld(value, &told(&Kind::Message(of), value))),
                };
                for (number, part) in [(1, seconds.map(Held::I64)), (2, nanos.map(Held::I32))] {
                    if let (Some(field), Some(part)) = (of.get_field(number), part) {
                        set(&mut message, &field, part, value)?;
                    }
                }
            }
        }
        self.levels -= 1;
        Ok(message)
    }

    fn fields(&mut self, message: &mut DynamicMessage, given: &[(Arc<str>, Value)]) -> Result<(), ReadError> {
        let of = message.descriptor();
        for (name, value) in given {
            let field = of.get_field_by_name(name).ok_or_else(|| no_field(&of, name))?;
            if may_be_unset(&field, value) {
                continue;
            }
            if let Some(other) = beside(message, &field) {
                let both = format!(
                    "`{}` is given too, and of a oneof one member is set",
                    other.name()
                );
                return Err(ReadError::new(both).within(name));
            }
            let held = self.field(&field, value);
            let held = held.and_then(|held| set(message, &field, held, value));
            held.map_err(|error| error.within(name))?;
        }
        let is_missing = |field: &FieldDescriptor| {
            field.cardinality() == Cardinality::Required && !message.has_field(field)
        };
        match of.fields().find(is_missing) {
            Some(missing) => Err(ReadError::new("is required and missing").within(missing.name())),
            None => Ok(()),
        }
    }

    fn field(&mut self, field: &FieldDescriptor, value: &Value) -> Result<Held, ReadError> {
        if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let (Value::Map(entries) | Value::Record { fields: entries, .. }) = value else {
                return Err(unheld(value, "a map"));
            };
            let (key, of) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            let entries = entries.iter().map(|(name, value)| {
                let held = map_key(&key.kind(), name)
                    .ok_or_else(|| {
                        ReadError::new(format!("its key is none of {}", told(&key.kind(), &Value::Null)))
                    })
                    .and_then(|key| Ok((key, self.one(&of, &of.kind(), value)?)));
                held.map_err(|error| error.within(&format!("[{name:?}]")))
            });
            return entries.collect::<Result<_, _>>().map(Held::Map);
        }
        if field.is_list() {
            let Value::Array(items) = value else {
                return Err(unheld(value, "a list"));
            };
            let items = items.iter().enumerate().map(|(index, item)| {
                let held = self.one(field, &field.kind(), item);
                held.map_err(|error| error.within(&format!("[{index}]")))
            });
            return items.collect::<Result<_, _>>().map(Held::List);
        }
        self.one(field, &field.kind(), value)
    }

    fn one(&mut self, field: &FieldDescriptor, kind: &Kind, value: &Value) -> Result<Held, ReadError> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(ReadError::new(format!("it has more than {VALUES_MAX} values")));
        }
        if let Kind::Message(message) = kind {
            return self.message(message.clone(), value).map(Held::Message);
        }
        let held = match (kind, value) {
            (Kind::Double, value) => double(value).map(Held::F64),
            (Kind::Float, value) => float(value).map(Held::F32),
            (Kind::Int32 | Kind::Sint32 | Kind::Sfixed32, value) => whole(value).map(Held::I32),
            (Kind::Int64 | Kind::Sint64 | Kind::Sfixed64, value) => whole(value).map(Held::I64),
            (Kind::Uint32 | Kind::Fixed32, value) => whole(value).map(Held::U32),
            (Kind::Uint64 | Kind::Fixed64, value) => whole(value).map(Held::U64),
            (Kind::Bool, Value::Bool(value)) => Some(Held::Bool(*value)),
            (Kind::String, value) => text(value).map(|text| Held::String(text.to_owned())),
            (Kind::Bytes, Value::Bytes(bytes)) => Some(Held::Bytes(bytes.clone().into())),
            // What has no name reads as its number.
            (Kind::Enum(_), Value::Int(_)) => whole(value).map(Held::EnumNumber),
            (Kind::Enum(names), value) => {
                let named = text(value).and_then(|name| names.get_value_by_name(name));
                named.map(|named| Held::EnumNumber(named.number()))
            }
            _ => None,
        };
        held.ok_or_else(|| unheld(value, &told(&field.kind(), value)))
    }
}

/// Sets a field.
fn set(
    message: &mut DynamicMessage,
    field: &FieldDescriptor,
    held: Held,
    value: &Value,
) -> Result<(), ReadError> {
    let set = message.try_set_field(field, held);
    set.map_err(|_| unheld(value, &told(&field.kind(), value)))
}

/// A message that reads as something else than a record.
enum WellKnown {
    Timestamp,
    Duration,
    /// With what it wraps.
    Wrapper(FieldDescriptor),
}

fn well_known(message: &MessageDescriptor) -> Option<WellKnown> {
    match (message.parent_file().name(), message.full_name()) {
        ("google/protobuf/timestamp.proto", "google.protobuf.Timestamp") => Some(WellKnown::Timestamp),
        ("google/protobuf/duration.proto", "google.protobuf.Duration") => Some(WellKnown::Duration),
        ("google/protobuf/wrappers.proto", _) => message.get_field(1).map(WellKnown::Wrapper),
        _ => None,
    }
}

fn map_key(kind: &Kind, key: &str) -> Option<MapKey> {
    Some(match kind {
        Kind::String => MapKey::String(key.to_owned()),
        Kind::Bool => MapKey::Bool(key.parse().ok()?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(key.parse().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(key.parse().ok()?),
        Kind::Uint32 | Kind::Fixed32 => MapKey::U32(key.parse().ok()?),
        Kind::Uint64 | Kind::Fixed64 => MapKey::U64(key.parse().ok()?),
        _ => return None,
    })
}

/// What a type holds, for a sentence about a value that is none of it.
fn told(kind: &Kind, value: &Value) -> String {
    let of = match kind {
        Kind::Double => return floats_told(64, value),
        Kind::Float => return floats_told(32, value),
        Kind::Enum(names) => {
            let names: Vec<String> = names.values().map(|named| named.name().to_owned()).collect();
            return symbols_told(names.iter().map(String::as_str));
        }
        Kind::Message(message) => match well_known(message) {
            Some(WellKnown::Wrapper(field)) => return told(&field.kind(), value),
            Some(WellKnown::Timestamp) => "instants of the years 1 to 9999",
            Some(WellKnown::Duration) => "durations",
            None => return format!("a message {}", message.full_name()),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "whole numbers of 32 bits",
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "whole numbers of 64 bits",
        Kind::Uint32 | Kind::Fixed32 => "whole numbers of 32 bits without a sign",
        Kind::Uint64 | Kind::Fixed64 => "whole numbers of 64 bits without a sign",
        Kind::Bool => "true or false",
        Kind::String => "text",
        Kind::Bytes => "bytes",
    };
    of.to_owned()
}
