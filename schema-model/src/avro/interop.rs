//! To and from the `apache-avro` crate, for programs that already speak its `Schema` and `Value`.
//!
//! Conversions are led by our schema, because the two value types drop different things: ours which union branch was
//! written, theirs the names of records. A branch is found by the form of the value, one look deep. What our [`Value`] keeps
//! as text (durations, local timestamps, nanoseconds) goes by the bytes that such text is written as. That crate's own
//! limits (names in ASCII only, logical types checked strictly) show as errors of its parser.
//!
//! Where that crate does otherwise than Avro Java and we, a table in `tests/interop` says what it does, with its issue where
//! there is one: `values.rs` of values and the schemas it refuses, `schemas.rs` of what a schema loses there, and
//! `resolution.rs` of reading with another schema than the writer's, where most is. It resolves values without their types: a
//! long is read as an int where it fits, names of enums and fixeds and aliases of fields do not count, a date is no int, and
//! defaults of bytes are UTF-8.

use std::sync::Arc;

use apache_avro::{Days, Millis, Months, Schema as ApacheSchema, Uuid, types::Value as ApacheValue};
use thiserror::Error;

use super::{
    node::{Kind, Logical, NodeId},
    print, read,
    schema::Schema,
    wire::{self, Duration, Reader, Writer},
    write,
};
use crate::{Decimal, ParseError, Timestamp, Value, text};

/// How many values may lie inside each other, unions among them. A level takes much of the stack where nothing is optimised:
/// it is less than goes on a stack of 2 MiB there, and than what is read may nest.
const DEPTH_MAX: usize = 256;

/// Why a schema or value has no counterpart on the other side.
#[derive(Debug, Error)]
pub enum InteropError {
    /// The `apache-avro` crate does not read the schema.
    #[error("apache-avro refuses the schema: {0}")]
    Apache(String),
    /// Our parser does not read what `apache-avro` printed.
    #[error("the schema from apache-avro does not parse: {0}")]
    Parse(#[from] ParseError),
    /// A value does not fit the schema.
    #[error("{0}")]
    Value(String),
}

type Result<T> = std::result::Result<T, InteropError>;

/// Our schema as that crate's, references included.
///
/// # Errors
/// [`InteropError::Apache`] when the crate refuses it.
pub fn schema_to_apache(schema: &Schema) -> Result<ApacheSchema> {
    ApacheSchema::parse_str(&print::resolved(schema)).map_err(|error| InteropError::Apache(error.to_string()))
}

/// That crate's schema as ours; it is read from the text that crate prints.
///
/// # Errors
/// [`InteropError::Parse`] when that text is no schema.
pub fn schema_from_apache(schema: &ApacheSchema) -> Result<Schema> {
    let text = serde_json::to_string(schema).map_err(|error| InteropError::Apache(error.to_string()))?;
    Ok(Schema::parse(&text, &[])?)
}

/// Our value as that crate's.
///
/// # Errors
/// [`InteropError::Value`] when the value does not fit the schema.
pub fn value_to_apache(schema: &Schema, value: &Value) -> Result<ApacheValue> {
    to_apache(schema, schema.root(), value, 0)
}

/// That crate's value as ours.
///
/// # Errors
/// [`InteropError::Value`] when the value does not fit the schema.
pub fn value_from_apache(schema: &Schema, value: &ApacheValue) -> Result<Value> {
    from_apache(schema, schema.root(), value, 0)
}

fn misfit<T>(schema: &Schema, id: NodeId, value: &dyn std::fmt::Debug) -> Result<T> {
    let value = crate::finding::snippet(&format!("{value:?}"));
    Err(InteropError::Value(format!(
        "{value} does not fit {}",
        schema.type_label(id)
    )))
}

fn to_apache(schema: &Schema, id: NodeId, value: &Value, depth: usize) -> Result<ApacheValue> {
    if depth > DEPTH_MAX {
        return Err(InteropError::Value(format!(
            "the value nests deeper than {DEPTH_MAX} levels"
        )));
    }
    let node = schema.node(id);
    Ok(match (&node.kind, value) {
        (Kind::Array(item), Value::Array(items)) => {
            let items = items
                .iter()
                .map(|value| to_apache(schema, *item, value, depth + 1));
            ApacheValue::Array(items.collect::<Result<_>>()?)
        }
        (Kind::Map(item), Value::Map(entries)) => {
            let entry = |(key, value): &(Arc<str>, Value)| {
                Ok((key.to_string(), to_apache(schema, *item, value, depth + 1)?))
            };
            ApacheValue::Map(entries.iter().map(entry).collect::<Result<_>>()?)
        }
        (Kind::Record(record), Value::Record { name, fields })
            if **name == *record.name.full() && fields.len() == record.fields.len() =>
        {
            let fields = record.fields.iter().zip(fields).map(|(field, (name, value))| {
                Ok((name.to_string(), to_apache(schema, field.node, value, depth + 1)?))
            });
            ApacheValue::Record(fields.collect::<Result<_>>()?)
        }
        (Kind::Union(branches), value) => {
            let Some(index) = branches.iter().position(|branch| fits(schema, *branch, value)) else {
                return misfit(schema, id, value);
            };
            let value = to_apache(schema, branches[index], value, depth + 1)?;
            ApacheValue::Union(u32::try_from(index).unwrap_or(u32::MAX), Box::new(value))
        }
        _ => return scalar_to_apache(schema, id, value),
    })
}

/// Whether a value has the form of a type; what lies inside is not looked at.
fn fits(schema: &Schema, id: NodeId, value: &Value) -> bool {
    match (&schema.node(id).kind, value) {
        (Kind::Array(_), Value::Array(_)) | (Kind::Map(_), Value::Map(_)) => true,
        (Kind::Record(record), Value::Record { name, .. }) => **name == *record.name.full(),
        // One that loses digits is another branch's.
        (Kind::Float, Value::Float(number)) => number.is_nan() || f64::from(*number as f32) == *number,
        _ => scalar_to_apache(schema, id, value).is_ok(),
    }
}

/// What our values keep as text, as the primitive value below it.
fn from_text<T>(
    schema: &Schema,
    id: NodeId,
    value: &Value,
    read: impl FnOnce(&mut Reader<'_>) -> wire::Result<T>,
) -> Result<T> {
    let bytes = write::write_at(schema, id, &value.to_json()).ok();
    let read = bytes.and_then(|bytes| read(&mut Reader::new(&bytes)).ok());
    read.map_or_else(|| misfit(schema, id, value), Ok)
}

/// A logical type whose values are text here.
fn text_to_apache(schema: &Schema, id: NodeId, value: &Value) -> Result<ApacheValue> {
    let long = || from_text(schema, id, value, |reader| reader.long());
    Ok(match schema.node(id).logical {
        Some(Logical::LocalTimestampMillis) => ApacheValue::LocalTimestampMillis(long()?),
        Some(Logical::LocalTimestampMicros) => ApacheValue::LocalTimestampMicros(long()?),
        Some(Logical::LocalTimestampNanos) => ApacheValue::LocalTimestampNanos(long()?),
        Some(Logical::Duration) => {
            let span = Duration::from_bytes(from_text(schema, id, value, |reader| reader.fixed())?);
            let (months, days) = (Months::new(span.months), Days::new(span.days));
            ApacheValue::Duration(apache_avro::Duration::new(months, days, Millis::new(span.millis)))
        }
        _ => return misfit(schema, id, value),
    })
}

/// A decimal of digits and a scale, which may be negative.
fn decimal_of(digits: &[u8], scale: i64) -> Option<Value> {
    let mut inner = Writer::new();
    inner.bytes(digits);
    inner.int(i32::try_from(scale).ok()?);
    wire::big_decimal(&inner.into_bytes()).ok().map(Value::Decimal)
}

fn scalar_to_apache(schema: &Schema, id: NodeId, value: &Value) -> Result<ApacheValue> {
    let node = schema.node(id);
    Ok(match (&node.kind, node.logical, value) {
        (Kind::Null, _, Value::Null) => ApacheValue::Null,
        (Kind::Boolean, _, Value::Bool(value)) => ApacheValue::Boolean(*value),
        (Kind::Int, None, Value::Int(value)) => match i32::try_from(*value) {
            Ok(value) => ApacheValue::Int(value),
            Err(_) => return misfit(schema, id, value),
        },
        (Kind::Int, Some(Logical::Date), Value::Date(days)) => ApacheValue::Date(*days),
        (Kind::Int, Some(Logical::TimeMillis), Value::Time { micros }) => {
            match i32::try_from(micros / 1000) {
                Ok(millis) => ApacheValue::TimeMillis(millis),
                Err(_) => return misfit(schema, id, value),
            }
        }
        (Kind::Long, None, Value::Int(value)) => ApacheValue::Long(*value),
        (_, Some(Logical::TimeMicros), Value::Time { micros }) => ApacheValue::TimeMicros(*micros),
        (_, Some(Logical::TimestampMillis), Value::Timestamp { millis }) => {
            ApacheValue::TimestampMillis(*millis)
        }
        (_, Some(Logical::TimestampMicros), Value::TimestampMicros { micros }) => {
            ApacheValue::TimestampMicros(*micros)
        }
        (_, Some(Logical::TimestampNanos), Value::TimestampNanos(time)) => {
            ApacheValue::TimestampNanos(time.as_nanos())
        }
        (Kind::Float, _, Value::Float(value)) => ApacheValue::Float(*value as f32),
        (Kind::Double, _, Value::Float(value)) => ApacheValue::Double(*value),
        (Kind::String, Some(Logical::Uuid), Value::Uuid(bytes)) => {
            ApacheValue::Uuid(Uuid::from_bytes(*bytes))
        }
        (Kind::Fixed(_), Some(Logical::Uuid), Value::Uuid(bytes)) => ApacheValue::Fixed(16, bytes.to_vec()),
        (Kind::String, None, Value::String(text)) => ApacheValue::String(text.clone()),
        (Kind::Bytes, None, Value::Bytes(bytes)) => ApacheValue::Bytes(bytes.clone()),
        (_, Some(Logical::Decimal { scale, .. }), Value::Decimal(decimal)) => match decimal.at_scale(scale) {
            Some(decimal) => ApacheValue::Decimal(decimal.to_be_bytes().into()),
            None => return misfit(schema, id, value),
        },
        (Kind::Fixed(fixed), None, Value::Bytes(bytes)) if bytes.len() == fixed.size => {
            ApacheValue::Fixed(fixed.size, bytes.clone())
        }
        (_, Some(Logical::BigDecimal), Value::Decimal(decimal)) => {
            let digits = num_bigint::BigInt::from_signed_bytes_be(&decimal.to_be_bytes());
            ApacheValue::BigDecimal((digits, i64::from(decimal.scale())).into())
        }
        // A uuid in another spelling.
        (Kind::String, Some(Logical::Uuid), Value::String(text)) => ApacheValue::String(text.clone()),
        (_, Some(_), Value::String(_)) => return text_to_apache(schema, id, value),
        (Kind::Enum(kind), _, Value::Enum(symbol)) => {
            match kind.symbols.iter().position(|known| known == symbol) {
                Some(index) => ApacheValue::Enum(u32::try_from(index).unwrap_or(u32::MAX), symbol.clone()),
                None => return misfit(schema, id, value),
            }
        }
        _ => return misfit(schema, id, value),
    })
}

fn from_apache(schema: &Schema, id: NodeId, value: &ApacheValue, depth: usize) -> Result<Value> {
    if depth > DEPTH_MAX {
        return Err(InteropError::Value(format!(
            "the value nests deeper than {DEPTH_MAX} levels"
        )));
    }
    let node = schema.node(id);
    Ok(match (&node.kind, value) {
        (Kind::Union(branches), ApacheValue::Union(index, value)) => match branches.get(*index as usize) {
            Some(branch) => from_apache(schema, *branch, value, depth + 1)?,
            None => return misfit(schema, id, value),
        },
        (Kind::Array(item), ApacheValue::Array(items)) => {
            let items = items
                .iter()
                .map(|value| from_apache(schema, *item, value, depth + 1));
            Value::Array(items.collect::<Result<_>>()?)
        }
        (Kind::Map(item), ApacheValue::Map(entries)) => {
            // That crate's maps have no order; ours are put into the order of their keys.
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|left, right| left.0.cmp(right.0));
            let entry = |(key, value): (&String, &ApacheValue)| {
                Ok((key.as_str().into(), from_apache(schema, *item, value, depth + 1)?))
            };
            Value::Map(entries.into_iter().map(entry).collect::<Result<_>>()?)
        }
        (Kind::Record(record), ApacheValue::Record(values)) if values.len() == record.fields.len() => {
            let fields = record.fields.iter().zip(values).map(|(field, (_, value))| {
                Ok((
                    Arc::clone(&field.name),
                    from_apache(schema, field.node, value, depth + 1)?,
                ))
            });
            Value::Record {
                name: record.name.shared(),
                fields: fields.collect::<Result<_>>()?,
            }
        }
        _ => return scalar_from_apache(schema, id, value),
    })
}

fn scalar_from_apache(schema: &Schema, id: NodeId, value: &ApacheValue) -> Result<Value> {
    let node = schema.node(id);
    Ok(match (&node.kind, node.logical, value) {
        (Kind::Null, _, ApacheValue::Null) => Value::Null,
        (Kind::Boolean, _, ApacheValue::Boolean(value)) => Value::Bool(*value),
        (Kind::Int, _, ApacheValue::Int(value)) => Value::Int(i64::from(*value)),
        (Kind::Int, _, ApacheValue::Date(days)) => Value::Date(*days),
        (Kind::Int, _, ApacheValue::TimeMillis(millis)) => Value::Time {
            micros: i64::from(*millis) * 1000,
        },
        (Kind::Long, _, ApacheValue::Long(value)) => Value::Int(*value),
        (Kind::Long, _, ApacheValue::TimeMicros(micros)) => Value::Time { micros: *micros },
        (Kind::Long, _, ApacheValue::TimestampMillis(millis)) => Value::Timestamp { millis: *millis },
        (Kind::Long, _, ApacheValue::TimestampMicros(micros)) => Value::TimestampMicros { micros: *micros },
        (Kind::Long, _, ApacheValue::TimestampNanos(nanos)) => {
            Value::TimestampNanos(Timestamp::from_nanos(*nanos))
        }
        (Kind::Long, _, ApacheValue::LocalTimestampNanos(nanos)) => Value::String(text::nanos(*nanos)),
        (Kind::Long, _, ApacheValue::LocalTimestampMillis(millis)) => {
            Value::String(read::without_zone(Value::Timestamp { millis: *millis }))
        }
        (Kind::Long, _, ApacheValue::LocalTimestampMicros(micros)) => {
            Value::String(read::without_zone(Value::TimestampMicros { micros: *micros }))
        }
        (Kind::Fixed(_), _, ApacheValue::Duration(span)) => Value::String(read::duration(Duration {
            months: span.months().into(),
            days: span.days().into(),
            millis: span.millis().into(),
        })),
        (Kind::Bytes, _, ApacheValue::BigDecimal(decimal)) => {
            let (digits, scale) = decimal.as_bigint_and_exponent();
            match decimal_of(&digits.to_signed_bytes_be(), scale) {
                Some(decimal) => decimal,
                None => return misfit(schema, id, value),
            }
        }
        (Kind::Float, _, ApacheValue::Float(value)) => Value::Float(f64::from(*value)),
        (Kind::Double, _, ApacheValue::Double(value)) => Value::Float(*value),
        (Kind::String, _, ApacheValue::String(text)) => Value::String(text.clone()),
        (Kind::String | Kind::Fixed(_), _, ApacheValue::Uuid(uuid)) => Value::Uuid(*uuid.as_bytes()),
        (_, Some(Logical::Decimal { scale, .. }), ApacheValue::Decimal(decimal)) => {
            let digits =
                Vec::<u8>::try_from(decimal).map_err(|error| InteropError::Value(error.to_string()))?;
            match Decimal::from_be_bytes(&digits, scale) {
                Ok(decimal) => Value::Decimal(decimal),
                Err(error) => return Err(InteropError::Value(error.to_string())),
            }
        }
        // A decimal of more digits than its bytes hold is none for us, and bytes.
        (Kind::Fixed(fixed), None, ApacheValue::Decimal(decimal)) => {
            let digits =
                Vec::<u8>::try_from(decimal).map_err(|error| InteropError::Value(error.to_string()))?;
            let sign = digits
                .first()
                .map_or(0, |first| if *first >= 0x80 { 0xff } else { 0 });
            let padding = fixed.size.saturating_sub(digits.len());
            Value::Bytes([vec![sign; padding], digits].concat())
        }
        (Kind::Bytes, _, ApacheValue::Bytes(bytes)) | (Kind::Fixed(_), _, ApacheValue::Fixed(_, bytes)) => {
            match (node.logical, <[u8; 16]>::try_from(bytes.as_slice())) {
                (Some(Logical::Uuid), Ok(bytes)) => Value::Uuid(bytes),
                _ => Value::Bytes(bytes.clone()),
            }
        }
        (Kind::Enum(kind), _, ApacheValue::Enum(_, symbol)) if kind.symbols.contains(symbol) => {
            Value::Enum(symbol.clone())
        }
        _ => return misfit(schema, id, value),
    })
}
