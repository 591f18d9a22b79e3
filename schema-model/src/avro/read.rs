//! A body as a [`Value`]: decoded by its writer schema, or translated into a reader's shape first.

use std::sync::Arc;

use super::{
    node::{Kind, Logical, NodeId},
    plan::Plan,
    schema::Schema,
    wire::{Reader, ZERO_BYTE_ITEMS_MAX},
};
use crate::{Decimal, Finding, ReadError, Value, value};

/// A compiled reading. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reading {
    /// `None` when the bytes are in the shape to be read already.
    plan: Option<Arc<Plan>>,
    reader: Schema,
}

impl Reading {
    /// Reads a writer's bytes into the shape of another schema.
    ///
    /// # Errors
    /// The findings that keep the reader from reading the writer's data, or would make it misread them.
    pub fn new(writer: &Schema, reader: &Schema) -> Result<Reading, Vec<Finding>> {
        let plan = Plan::resolve(writer, reader)?;
        let plan = if plan.is_identity() {
            None
        } else {
            Some(Arc::new(plan))
        };
        Ok(Reading {
            plan,
            reader: reader.clone(),
        })
    }

    /// Reads a writer's bytes in the writer's own shape.
    #[must_use]
    pub fn of(writer: &Schema) -> Reading {
        Reading {
            plan: None,
            reader: writer.clone(),
        }
    }

    /// Reads a body to its last byte.
    ///
    /// # Errors
    /// [`ReadError`] with the field and what is wrong.
    pub fn read(&self, body: &[u8]) -> Result<Value, ReadError> {
        let Some(plan) = &self.plan else {
            return self.decode(body, ZERO_BYTE_ITEMS_MAX);
        };
        let mut translated = Vec::with_capacity(body.len());
        plan.translate(body, &mut translated)?;
        // Items may have lost their bytes on the way; the body's own justify them.
        self.decode(&translated, ZERO_BYTE_ITEMS_MAX + body.len())
    }

    fn decode(&self, body: &[u8], zero_byte_items: usize) -> Result<Value, ReadError> {
        let mut reader = Reader::with_budget(body, zero_byte_items);
        let value = value(&self.reader, self.reader.root(), &mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// The full name of the top type that is read; empty when it has none.
    #[must_use]
    pub fn record_name(&self) -> String {
        self.reader.record_name().unwrap_or_default()
    }
}

/// Reads one value. Depth is bounded by the reader, so the recursion here is.
fn value(schema: &Schema, id: NodeId, reader: &mut Reader<'_>) -> Result<Value, ReadError> {
    let node = schema.node(id);
    if let Some(logical) = node.logical {
        return logical_value(&node.kind, logical, reader);
    }
    Ok(match &node.kind {
        Kind::Null => Value::Null,
        Kind::Boolean => Value::Bool(reader.bool()?),
        Kind::Int => Value::Int(i64::from(reader.int()?)),
        Kind::Long => Value::Int(reader.long()?),
        Kind::Float => Value::Float(f64::from(reader.float()?)),
        Kind::Double => Value::Float(reader.double()?),
        Kind::Bytes => Value::Bytes(reader.bytes()?.to_vec()),
        Kind::String => Value::String(reader.string()?.to_owned()),
        Kind::Fixed(fixed) => Value::Bytes(reader.fixed_slice(fixed.size)?.to_vec()),
        Kind::Enum(kind) => Value::Enum(kind.symbols[reader.enum_index(kind.symbols.len())?].clone()),
        Kind::Array(item) => Value::Array(reader.array(|reader| value(schema, *item, reader))?),
        Kind::Map(item) => Value::Map(reader.map(|reader| value(schema, *item, reader))?),
        Kind::Union(branches) => {
            let branch = reader.branch(branches.len())?;
            value(schema, branches[branch], reader)?
        }
        Kind::Record(record) => {
            let fields = reader.record(|reader| {
                let mut fields = Vec::with_capacity(record.fields.len());
                for field in &record.fields {
                    let value =
                        value(schema, field.node, reader).map_err(|error| error.within(&field.name))?;
                    fields.push((field.name.clone(), value));
                }
                Ok(fields)
            })?;
            Value::Record {
                name: record.name.full().to_owned(),
                fields,
            }
        }
    })
}

fn logical_value(kind: &Kind, logical: Logical, reader: &mut Reader<'_>) -> Result<Value, ReadError> {
    Ok(match (logical, kind) {
        (Logical::Decimal { scale, .. }, Kind::Fixed(fixed)) => {
            Value::Decimal(reader.decimal_fixed(fixed.size, scale)?)
        }
        (Logical::Decimal { scale, .. }, _) => Value::Decimal(reader.decimal_bytes(scale)?),
        (Logical::BigDecimal, _) => big_decimal(reader.bytes()?)?,
        (Logical::Uuid, Kind::Fixed(_)) => Value::Uuid(reader.fixed::<16>()?),
        (Logical::Uuid, _) => {
            let text = reader.string()?;
            // Any other spelling stays the text it is, so that nothing is lost.
            value::parse_uuid(text).map_or_else(|| Value::String(text.to_owned()), Value::Uuid)
        }
        (Logical::Date, _) => Value::Date(reader.int()?),
        (Logical::TimeMillis, _) => Value::Time {
            micros: i64::from(reader.int()?) * 1000,
        },
        (Logical::TimeMicros, _) => Value::Time {
            micros: reader.long()?,
        },
        (Logical::TimestampMillis, _) => Value::Timestamp {
            millis: reader.long()?,
        },
        (Logical::TimestampMicros, _) => Value::TimestampMicros {
            micros: reader.long()?,
        },
        (Logical::TimestampNanos, _) => Value::String(value::nanos_text(reader.long()?) + "Z"),
        (Logical::LocalTimestampMillis, _) => Value::String(without_zone(Value::Timestamp {
            millis: reader.long()?,
        })),
        (Logical::LocalTimestampMicros, _) => Value::String(without_zone(Value::TimestampMicros {
            micros: reader.long()?,
        })),
        (Logical::LocalTimestampNanos, _) => Value::String(value::nanos_text(reader.long()?)),
        (Logical::Duration, _) => Value::String(duration(reader.fixed::<12>()?)),
    })
}

/// A local instant is written like one in UTC, without the zone.
fn without_zone(instant: Value) -> String {
    let text = instant.to_json();
    text.as_str().unwrap_or_default().trim_end_matches('Z').to_owned()
}

/// Three little-endian numbers as an ISO 8601 duration.
fn duration(bytes: [u8; 12]) -> String {
    let part = |index: usize| {
        let mut four = [0; 4];
        four.copy_from_slice(&bytes[index * 4..index * 4 + 4]);
        u32::from_le_bytes(four)
    };
    let (months, days, millis) = (part(0), part(1), part(2));
    format!("P{months}M{days}DT{}.{:03}S", millis / 1000, millis % 1000)
}

/// Bytes that hold the digits as bytes and then the scale as an int.
pub(super) fn big_decimal(bytes: &[u8]) -> Result<Value, ReadError> {
    let mut reader = Reader::new(bytes);
    let digits = reader.bytes()?;
    let scale = reader.int()?;
    reader.finish()?;
    let too_large = || ReadError {
        path: String::new(),
        message: format!(
            "a big-decimal has more than {} bits or {} fraction digits",
            Decimal::BITS_MAX,
            Decimal::SCALE_MAX
        ),
    };
    let decimal = match u32::try_from(scale) {
        Ok(scale) => Decimal::from_be_bytes(digits, scale).ok(),
        Err(_) => {
            let whole = Decimal::from_be_bytes(digits, 0).ok();
            whole.and_then(|whole| whole.times_power_of_ten(scale.unsigned_abs()))
        }
    };
    decimal.map(Value::Decimal).ok_or_else(too_large)
}
