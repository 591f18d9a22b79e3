//! A body as a [`Value`]: decoded by its writer schema, or translated into a reader's shape first.

use std::sync::{Arc, OnceLock};

use super::{
    node::{Kind, Logical, Node, NodeId, Record},
    plan::{Plan, Planned},
    schema::Schema,
    walk::Ops,
    wire::{self, Reader, Source},
};
use crate::{Decimal, Finding, ReadError, Timestamp, Value, text};

/// A compiled reading. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reading {
    /// `None` when the bytes are in the shape to be read already.
    plan: Option<Arc<Plan>>,
    reader: Schema,
    /// How the fields of bytes in that shape are found, once some do not read.
    ops: Arc<OnceLock<Ops>>,
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
            ops: Arc::default(),
        })
    }

    /// Reads a writer's bytes in the writer's own shape.
    #[must_use]
    pub fn of(writer: &Schema) -> Reading {
        Reading {
            plan: None,
            reader: writer.clone(),
            ops: Arc::default(),
        }
    }

    /// Reads a body to its last byte.
    ///
    /// # Errors
    /// [`ReadError`] with the field and what is wrong.
    pub fn read(&self, body: &[u8]) -> Result<Value, ReadError> {
        let reader = Reader::new(body);
        let (schema, root) = (&self.reader, self.reader.root());
        match &self.plan {
            None => {
                let mut reader = reader;
                let read = value(schema, root, &mut reader).and_then(|value| reader.finish().map(|()| value));
                read.map_err(|fault| {
                    self.ops
                        .get_or_init(|| Ops::new(schema))
                        .placed(Reader::new(body), fault)
                })
            }
            Some(plan) => plan.read(reader, |planned: &mut Planned<'_>| value(schema, root, planned)),
        }
    }

    /// The full name of the top type that is read; empty when it has none.
    #[must_use]
    pub fn record_name(&self) -> String {
        self.reader.record_name().unwrap_or_default()
    }
}

/// Reads one value. The reader bounds how deep the recursion here goes; what takes room is in functions of its own, so that
/// a level takes little of the stack.
fn value<'a, S: Source<'a>>(schema: &Schema, id: NodeId, from: &mut S) -> wire::Result<Value> {
    let mut id = id;
    loop {
        match &schema.node(id).kind {
            Kind::Array(item) => return array(schema, *item, from),
            Kind::Map(item) => return map(schema, *item, from),
            Kind::Record(record) => return self::record(schema, record, from),
            Kind::Union(branches) => id = branches[from.branch(branches.len())?],
            _ => return plain(schema.node(id), from),
        }
    }
}

#[inline(never)]
fn array<'a, S: Source<'a>>(schema: &Schema, item: NodeId, from: &mut S) -> wire::Result<Value> {
    from.reader().enter()?;
    let mut items = Vec::new();
    wire::items_into(from, &mut items, |from, place| {
        *place = value(schema, item, from)?;
        Ok(())
    })?;
    from.reader().leave();
    Ok(Value::Array(items))
}

#[inline(never)]
fn map<'a, S: Source<'a>>(schema: &Schema, item: NodeId, from: &mut S) -> wire::Result<Value> {
    from.reader().enter()?;
    let mut entries = Vec::new();
    let key = |reader: &mut Reader<'a>, key: &mut String| reader.string_into(key);
    wire::entries_into(from, &mut entries, key, |from, place| {
        *place = value(schema, item, from)?;
        Ok(())
    })?;
    from.reader().leave();
    let shared = |(key, value): (String, Value)| (key.into(), value);
    Ok(Value::Map(entries.into_iter().map(shared).collect()))
}

#[inline(never)]
fn record<'a, S: Source<'a>>(schema: &Schema, record: &Record, from: &mut S) -> wire::Result<Value> {
    from.reader().open(record.holds_itself, record.nothings)?;
    let outer = from.begin()?;
    let mut fields = Vec::with_capacity(record.fields.len());
    for field in &record.fields {
        let value = value(schema, field.node, from.field()?)?;
        from.reader().charge_name(field.name.len())?;
        fields.push((Arc::clone(&field.name), value));
    }
    from.end(outer)?;
    from.reader().close(record.holds_itself);
    from.reader().charge_name(record.name.full().len())?;
    Ok(Value::Record {
        name: record.name.shared(),
        fields,
    })
}

#[inline(never)]
fn plain<'a, S: Source<'a>>(node: &Node, from: &mut S) -> wire::Result<Value> {
    if let Some(logical) = node.logical {
        return logical_value(&node.kind, logical, from);
    }
    Ok(match &node.kind {
        Kind::Boolean => Value::Bool(from.bool()?),
        Kind::Int => Value::Int(i64::from(from.int()?)),
        Kind::Long => Value::Int(from.long()?),
        Kind::Float => Value::Float(f64::from(from.float()?)),
        Kind::Double => Value::Float(from.double()?),
        Kind::Bytes => Value::Bytes(from.bytes()?),
        Kind::String => Value::String(from.string()?),
        Kind::Fixed(fixed) => Value::Bytes(from.fixed_slice(fixed.size)?.to_vec()),
        Kind::Enum(kind) => {
            let symbol = &kind.symbols[from.enum_index(kind.symbols.len())?];
            Value::Enum(from.reader().named(symbol)?)
        }
        _ => {
            from.null()?;
            Value::Null
        }
    })
}

fn logical_value<'a, S: Source<'a>>(kind: &Kind, logical: Logical, from: &mut S) -> wire::Result<Value> {
    Ok(match (logical, kind) {
        (Logical::Decimal { scale, .. }, Kind::Fixed(fixed)) => {
            let read = |from: &mut S| from.fixed_slice(fixed.size);
            Value::Decimal(from.as_logical(read, |bytes| decimal(bytes, scale))?)
        }
        (Logical::Decimal { scale, .. }, _) => {
            Value::Decimal(from.as_logical(S::slice, |bytes| decimal(bytes, scale))?)
        }
        (Logical::BigDecimal, _) => Value::Decimal(from.big_decimal()?),
        (Logical::Uuid, Kind::Fixed(_)) => Value::Uuid(from.fixed::<16>()?),
        (Logical::Uuid, _) => {
            let text = from.str()?;
            // Any other spelling stays the text it is, so that nothing is lost.
            text::parse_uuid(text.as_bytes()).map_or_else(|| Value::String(text.to_owned()), Value::Uuid)
        }
        (Logical::Date, _) => Value::Date(from.int()?),
        (Logical::TimeMillis, _) => Value::Time {
            micros: i64::from(from.int()?) * 1000,
        },
        (Logical::TimeMicros, _) => Value::Time { micros: from.long()? },
        (Logical::TimestampMillis, _) => Value::Timestamp { millis: from.long()? },
        (Logical::TimestampMicros, _) => Value::TimestampMicros { micros: from.long()? },
        (Logical::TimestampNanos, _) => Value::TimestampNanos(Timestamp::from_nanos(from.long()?)),
        (Logical::LocalTimestampMillis, _) => {
            Value::String(without_zone(Value::Timestamp { millis: from.long()? }))
        }
        (Logical::LocalTimestampMicros, _) => {
            Value::String(without_zone(Value::TimestampMicros { micros: from.long()? }))
        }
        (Logical::LocalTimestampNanos, _) => Value::String(text::nanos(from.long()?)),
        (Logical::Duration, _) => Value::String(duration(from.duration()?)),
    })
}

fn decimal(bytes: &[u8], scale: u32) -> Result<Decimal, String> {
    Decimal::from_be_bytes(bytes, scale).map_err(|error| error.to_string())
}

/// A local instant is written like one in UTC, without the zone.
pub(super) fn without_zone(instant: Value) -> String {
    let text = instant.to_json();
    text.as_str().unwrap_or_default().trim_end_matches('Z').to_owned()
}

/// As an ISO 8601 duration.
pub(super) fn duration(wire::Duration { months, days, millis }: wire::Duration) -> String {
    format!("P{months}M{days}DT{}.{:03}S", millis / 1000, millis % 1000)
}
