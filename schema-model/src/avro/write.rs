//! JSON as a body: each value in the form that [`Value::to_json`](crate::Value::to_json) gives it, or as the plain number or
//! text below its logical type.
//!
//! A union's branch is found by trying: the ones whose form is closest first, the bytes last, since any text may be
//! base64. How much is tried in all is bounded, and how deep JSON nests by its parser.

use serde_json::Value as Json;

use super::{
    node::{Kind, Logical, NodeId, Record},
    plan::PLANNED_BYTES_MAX,
    schema::Schema,
    wire::Writer,
};
use crate::{Decimal, ReadError, Timestamp, text};

/// How many values may be written or tried for one body.
pub(super) const STEPS_MAX: usize = 1_000_000;

const DAY_SECONDS: i64 = 86_400;

/// Writes a value of the schema.
pub(crate) fn write(schema: &Schema, json: &Json) -> Result<Vec<u8>, ReadError> {
    write_at(schema, schema.root(), json)
}

/// Writes a value of one of the schema's types.
pub(super) fn write_at(schema: &Schema, id: NodeId, json: &Json) -> Result<Vec<u8>, ReadError> {
    let mut encoder = Encoder {
        schema,
        writer: Writer::new(),
        steps: 0,
    };
    encoder.value(id, json)?;
    Ok(encoder.writer.into_bytes())
}

struct Encoder<'s> {
    schema: &'s Schema,
    writer: Writer,
    steps: usize,
}

fn wrong(message: impl Into<String>) -> ReadError {
    ReadError::new(message)
}

/// How an error calls what it found.
fn shape(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

impl Encoder<'_> {
    fn value(&mut self, id: NodeId, json: &Json) -> Result<(), ReadError> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(wrong(format!("it has more than {STEPS_MAX} values")));
        }
        let schema = self.schema;
        let node = schema.node(id);
        if let Some(logical) = node.logical
            && self.logical(&node.kind, logical, json)?
        {
            return Ok(());
        }
        match (&node.kind, json) {
            (Kind::Null, Json::Null) => {}
            (Kind::Boolean, Json::Bool(value)) => self.writer.bool(*value),
            (Kind::Int, Json::Number(_)) => self.writer.int(integer(json)?),
            (Kind::Long, Json::Number(_)) => self.writer.long(integer(json)?),
            (Kind::Float, _) => self.writer.float(float(json)? as f32),
            (Kind::Double, _) => self.writer.double(float(json)?),
            (Kind::String, Json::String(text)) => self.writer.string(text),
            (Kind::Bytes, Json::String(text)) => self.writer.bytes(&base64(text)?),
            (Kind::Fixed(fixed), Json::String(text)) => {
                let bytes = base64(text)?;
                if bytes.len() != fixed.size {
                    let (name, size, has) = (fixed.name.full(), fixed.size, bytes.len());
                    return Err(wrong(format!("{name} has {size} bytes, not {has}")));
                }
                self.writer.fixed(&bytes);
            }
            (Kind::Enum(kind), Json::String(text)) => match kind.position(text) {
                Some(index) => self.writer.enum_index(index),
                None => {
                    let (text, name) = (crate::finding::snippet(text), kind.name.full());
                    let symbols = kind.symbols.join(", ");
                    return Err(wrong(format!("{text:?} is no symbol of {name} ({symbols})")));
                }
            },
            (Kind::Array(item), Json::Array(values)) => {
                self.count(values.len());
                for (index, value) in values.iter().enumerate() {
                    self.value(*item, value)
                        .map_err(|error| error.within(&format!("[{index}]")))?;
                }
                self.writer.long(0);
            }
            (Kind::Map(item), Json::Object(entries)) => {
                self.count(entries.len());
                for (key, value) in entries {
                    self.writer.string(key);
                    self.value(*item, value)
                        .map_err(|error| error.within(&format!("[{key:?}]")))?;
                }
                self.writer.long(0);
            }
            (Kind::Union(branches), _) => self.union(branches, json)?,
            (Kind::Record(record), Json::Object(fields)) => self.record(record, fields)?,
            (kind, _) => {
                let name = kind.type_name().map_or(kind.name(), |name| name.full());
                return Err(wrong(format!("{} is no {name}", shape(json))));
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, fields: &serde_json::Map<String, Json>) -> Result<(), ReadError> {
        if let Some(odd) = fields.keys().find(|name| record.field(name).is_none()) {
            let name = record.name.full();
            return Err(wrong(format!("{name} has no such field")).within(odd));
        }
        for field in &record.fields {
            let within = |error: ReadError| error.within(&field.name);
            match (fields.get(&*field.name), &field.default) {
                (Some(value), _) => self.value(field.node, value).map_err(within)?,
                (None, Some(default)) => {
                    let default = self.schema.default(field.node, default);
                    let default = default.map_err(|message| within(wrong(message)))?;
                    self.steps += default.values;
                    self.writer.fixed(&default.bytes);
                    if self.writer.len() > PLANNED_BYTES_MAX {
                        let message =
                            format!("it grows beyond {PLANNED_BYTES_MAX} bytes by the schema's defaults");
                        return Err(within(wrong(message)));
                    }
                }
                (None, None) => return Err(within(wrong("is missing, and has no default"))),
            }
        }
        Ok(())
    }

    fn union(&mut self, branches: &[NodeId], json: &Json) -> Result<(), ReadError> {
        // {"branch": value}, as Avro's own JSON has it.
        let named = match json {
            Json::Object(entries) if entries.len() == 1 => entries.iter().next(),
            _ => None,
        };
        let mut tries: Vec<(u8, usize, &Json)> = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let kind = &self.schema.node(*branch).kind;
            if let Some((name, value)) = named
                && kind.type_name().map_or(kind.name(), |of| of.full()) == name
            {
                tries.push((0, index, value));
            }
            if let Some(rank) = rank(kind, self.schema.node(*branch).logical.is_some(), json) {
                tries.push((rank, index, json));
            }
        }
        tries.sort_by_key(|(rank, index, _)| (*rank, *index));
        let mut first = None;
        for (_, index, value) in tries {
            let before = self.writer.len();
            self.writer.branch(index);
            match self.value(branches[index], value) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    self.writer.truncate(before);
                    first.get_or_insert(error);
                }
            }
        }
        let names = branches.iter().map(|branch| {
            let kind = &self.schema.node(*branch).kind;
            kind.type_name().map_or(kind.name(), |name| name.full())
        });
        let names = names.collect::<Vec<_>>().join(", ");
        Err(first.unwrap_or_else(|| wrong(format!("{} is none of {names}", shape(json)))))
    }

    /// Writes the form that a logical type has; false when the form is that of the plain type.
    fn logical(&mut self, kind: &Kind, logical: Logical, json: &Json) -> Result<bool, ReadError> {
        let text = match (logical, json) {
            (Logical::Decimal { .. } | Logical::BigDecimal, Json::Number(number)) => number.to_string(),
            (_, Json::String(text)) => text.clone(),
            _ => return Ok(false),
        };
        match (logical, kind) {
            (Logical::Decimal { scale, .. }, _) => {
                let written = match kind {
                    Kind::Fixed(fixed) => self.writer.decimal_fixed(decimal(&text)?, fixed.size, scale),
                    _ => self.writer.decimal_bytes(decimal(&text)?, scale),
                };
                written.map_err(|error| wrong(error.to_string()))?;
            }
            (Logical::BigDecimal, _) => {
                self.writer.big_decimal(&decimal(&text)?);
            }
            (Logical::Uuid, Kind::Fixed(_)) => {
                let uuid = text::parse_uuid(text.to_ascii_lowercase().as_bytes());
                self.writer.fixed(&uuid.ok_or_else(|| wrong("it is no UUID"))?);
            }
            (Logical::Uuid, _) => return Ok(false),
            (Logical::Duration, _) => self.writer.fixed(&duration(&text)?),
            (Logical::Date, _) => {
                let days = instant(&format!("{text}T00:00:00Z"))?.as_seconds() / DAY_SECONDS;
                self.writer.long(days);
            }
            (Logical::TimeMillis, _) => {
                let millis = i32::try_from(time_of_day(&text)? / 1_000);
                self.writer
                    .int(millis.map_err(|_| wrong("it does not fit 32 bits"))?);
            }
            (Logical::TimeMicros, _) => self.writer.long(time_of_day(&text)?),
            (Logical::TimestampMillis, _) => self.writer.long(instant(&text)?.as_millis()),
            (Logical::TimestampMicros, _) => self.writer.long(instant(&text)?.as_micros()),
            (Logical::TimestampNanos, _) => self.writer.long(nanos(&text)?),
            (Logical::LocalTimestampMillis, _) => self.writer.long(instant(&local(&text))?.as_millis()),
            (Logical::LocalTimestampMicros, _) => self.writer.long(instant(&local(&text))?.as_micros()),
            (Logical::LocalTimestampNanos, _) => self.writer.long(nanos(&local(&text))?),
        }
        Ok(true)
    }

    fn count(&mut self, count: usize) {
        if count > 0 {
            self.writer.long(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

/// How close a branch is to the form of a value: the lower the earlier it is tried; `None` when it cannot be meant.
fn rank(kind: &Kind, is_logical: bool, json: &Json) -> Option<u8> {
    Some(match (json, kind) {
        (Json::Null, Kind::Null) | (Json::Bool(_), Kind::Boolean) => 1,
        // A plain number before one that would have a form of its own.
        (Json::Number(number), Kind::Int | Kind::Long) if !number.is_f64() => 1 + u8::from(is_logical),
        // A float where it is the number, and a double before one that is only near it.
        (Json::Number(number), Kind::Float) if !is_float(number) => 5,
        (Json::Number(_), Kind::Float | Kind::Double) => 3,
        (Json::Number(_), Kind::Bytes | Kind::Fixed(_)) if is_logical => 4,
        (Json::String(_), Kind::Enum(_)) => 1,
        (Json::String(_), Kind::Int | Kind::Long) if is_logical => 2,
        (Json::String(_), Kind::Bytes | Kind::Fixed(_)) if is_logical => 2,
        (Json::String(text), Kind::Float | Kind::Double) if special(text).is_some() => 2,
        (Json::String(_), Kind::String) => 3,
        (Json::String(_), Kind::Bytes | Kind::Fixed(_)) => 4,
        (Json::Array(_), Kind::Array(_)) => 1,
        (Json::Object(_), Kind::Record(_)) => 1,
        (Json::Object(_), Kind::Map(_)) => 2,
        (_, Kind::Union(_)) => 1,
        _ => return None,
    })
}

fn is_float(number: &serde_json::Number) -> bool {
    number
        .as_f64()
        .is_some_and(|value| f64::from(value as f32) == value)
}

fn integer<T: TryFrom<i64>>(json: &Json) -> Result<T, ReadError> {
    let value = json
        .as_i64()
        .ok_or_else(|| wrong(format!("{json} is no whole number of 64 bits")))?;
    T::try_from(value).map_err(|_| wrong(format!("{value} does not fit 32 bits")))
}

fn float(json: &Json) -> Result<f64, ReadError> {
    let value = match json {
        Json::String(text) => special(text),
        json => json.as_f64(),
    };
    value.ok_or_else(|| wrong(format!("{} is no floating-point number", shape(json))))
}

/// The numbers that JSON has no form of.
fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn base64(text: &str) -> Result<Vec<u8>, ReadError> {
    text::parse_base64(text).ok_or_else(|| wrong("it is not base64, as bytes are written in JSON here"))
}

fn decimal(text: &str) -> Result<Decimal, ReadError> {
    text.parse()
        .map_err(|error: crate::DecimalError| wrong(error.to_string()))
}

fn instant(text: &str) -> Result<Timestamp, ReadError> {
    text.parse()
        .map_err(|error: crate::TimestampError| wrong(format!("{}: {error}", crate::finding::snippet(text))))
}

/// A local time is read like one in UTC.
fn local(text: &str) -> String {
    format!("{text}Z")
}

fn nanos(text: &str) -> Result<i64, ReadError> {
    Ok(instant(text)?.as_nanos())
}

/// Microseconds since midnight; what is no time of day is printed as the number it is.
fn time_of_day(text: &str) -> Result<i64, ReadError> {
    match text.parse() {
        Ok(micros) => Ok(micros),
        Err(_) => Ok(instant(&format!("1970-01-01T{text}Z"))?.as_micros()),
    }
}

/// Months, days and milliseconds of a text such as `P1M2DT3.004S`.
pub(super) fn duration(text: &str) -> Result<[u8; 12], ReadError> {
    let parts = || {
        let (months, rest) = text.strip_prefix('P')?.split_once('M')?;
        let (days, rest) = rest.split_once("DT")?;
        let (seconds, millis) = rest.strip_suffix('S')?.split_once('.')?;
        let millis: u32 = millis.parse().ok().filter(|_| millis.len() == 3)?;
        let seconds: u32 = seconds.parse().ok()?;
        let millis = seconds.checked_mul(1_000)?.checked_add(millis)?;
        Some([months.parse().ok()?, days.parse().ok()?, millis])
    };
    let parts: [u32; 3] = parts().ok_or_else(|| wrong("a duration is written like P1M2DT3.004S"))?;
    let mut bytes = [0; 12];
    for (four, part) in bytes.chunks_exact_mut(4).zip(parts) {
        four.copy_from_slice(&part.to_le_bytes());
    }
    Ok(bytes)
}
