//! Rows as an Avro object container file, with a schema that is made from the types of the fold's state.
//!
//! | in the state | in the file |
//! |---|---|
//! | boolean, integer, floating-point number, text, bytes | `boolean`, `long`, `double`, `string`, `bytes` |
//! | instant, date, time of day | `timestamp-micros`, `date`, `time-micros` |
//! | decimal, duration, UUID | `string`: a decimal here has no scale of its own, a duration no type that Avro has |
//! | list, map, record | `array`, `map`, `record` |
//! | what the fold does not know the type of | `string`, its JSON |
//!
//! Everything is null or of its type, as the state may not have it yet. A column is called as its place in the state, with `_`
//! for what Avro has no letters for; `place` beside it has the place itself.
//! The metadata say of what cut the rows are, of which fold, and how many places of the log cannot be read (`annals.cut`,
//! `annals.fold`, `annals.unreadable`).
//! Invariant: the same rows give the same bytes.

use std::collections::BTreeSet;
use std::io::Write;

use annals_schema_model::avro::Schema;
use annals_schema_model::avro::container::{Codec, ContainerWriter};
use annals_schema_model::avro::wire::Writer;
use annals_schema_model::cel::Shape;
use annals_schema_model::{Timestamp, Value};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::canonical;
use crate::error::StoreError;
use crate::population::{Row, Rows, Summary};

use super::{apart, taken};

/// A column: its place in the state, and the type of what stands there.
pub(crate) type Column = (String, Shape);

/// Writes the rows of a question that has columns, at most so many.
pub(super) fn write(rows: &Rows, limit: Option<usize>, out: &mut impl Write) -> Result<Summary, StoreError> {
    let columns = rows.typed_columns()?;
    let text = schema(&rows.around().aggregate, rows.is_merged(), &columns).to_string();
    let schema = Schema::parse(&text, &[]).map_err(|error| rows.undecided(&[], error.to_string()))?;
    let digest = Sha256::digest(format!("{text}\n{}", rows.around().cut));
    let mut sync = [0; 16];
    sync.iter_mut().zip(digest).for_each(|(sync, byte)| *sync = byte);
    let around = rows.around();
    let metadata = [
        ("annals.cut", around.cut.to_string()),
        ("annals.fold", around.fold.to_string()),
        ("annals.unreadable", around.unreadable_batches.to_string()),
    ];
    let file = ContainerWriter::with_metadata(out, &schema, Codec::Deflate, sync, &metadata);
    let mut file = taken(file)?;
    let summary = rows.each_row(limit, &mut |row| {
        let datum = datum(&row, rows.is_merged(), &columns);
        let datum = datum.map_err(|problem| rows.undecided(row.member.id.as_bytes(), problem))?;
        taken(file.append(&datum))
    })?;
    taken(file.flush())?;
    Ok(summary)
}

/// The schema of rows with these columns.
fn schema(aggregate: &str, is_merged: bool, columns: &[Column]) -> Json {
    let mut names = Names::default();
    let mut fields = vec![
        json!({"name": "id", "type": "string"}),
        json!({"name": "partition", "type": "int"}),
        json!({"name": "events", "type": "long"}),
        json!({"name": "revision", "type": ["null", "long"]}),
        json!({"name": "offset", "type": ["null", "long"]}),
        json!({"name": "recorded", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]}),
        json!({"name": "halted", "type": ["null", "string"]}),
    ];
    let mut taken: BTreeSet<String> = super::FIXED.into_iter().map(str::to_owned).collect();
    if is_merged {
        fields.push(json!({"name": super::LOG, "type": ["null", "string"]}));
        taken.insert(super::LOG.to_owned());
    }
    for (place, shape) in columns {
        let name = apart(&mut taken, &letters(place));
        fields.push(json!({"name": name, "type": ["null", names.of(shape)], "place": place}));
    }
    let name = names.take(aggregate);
    json!({"type": "record", "name": name, "namespace": "annals.rows", "fields": fields})
}

/// Names of the records of one schema: each is another.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn take(&mut self, name: &str) -> String {
        apart(&mut self.0, &letters(name))
    }

    /// The type of what has this shape, where there is something.
    fn of(&mut self, shape: &Shape) -> Json {
        match shape {
            Shape::Bool => json!("boolean"),
            Shape::Int => json!("long"),
            Shape::Float => json!("double"),
            Shape::Bytes => json!("bytes"),
            Shape::Timestamp => json!({"type": "long", "logicalType": "timestamp-micros"}),
            Shape::Date => json!({"type": "int", "logicalType": "date"}),
            Shape::TimeOfDay => json!({"type": "long", "logicalType": "time-micros"}),
            Shape::Uuid => json!({"type": "string", "logicalType": "uuid"}),
            Shape::List(items) => json!({"type": "array", "items": ["null", self.of(items)]}),
            Shape::Map(values) => json!({"type": "map", "values": ["null", self.of(values)]}),
            Shape::Record { name, fields } => {
                let mut taken = BTreeSet::new();
                let fields: Vec<Json> = fields
                    .iter()
                    .map(|(name, shape)| {
                        let name = apart(&mut taken, &letters(name));
                        json!({"name": name, "type": ["null", self.of(shape)]})
                    })
                    .collect();
                let last = name.rsplit('.').next().unwrap_or(name);
                json!({"type": "record", "name": self.take(last), "fields": fields})
            }
            Shape::Optional(inner) => self.of(inner),
            _ => json!("string"),
        }
    }
}

/// A name in the letters that Avro has for names.
fn letters(name: &str) -> String {
    let mut name: String = name
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        name.insert(0, '_');
    }
    name
}

/// A row in Avro.
fn datum(row: &Row, is_merged: bool, columns: &[Column]) -> Result<Vec<u8>, String> {
    let member = &row.member;
    let mut out = Writer::new();
    out.string(&member.id);
    out.int(i32::try_from(member.partition).unwrap_or(i32::MAX));
    out.long(i64::try_from(member.events).unwrap_or(i64::MAX));
    let revision = member
        .revision
        .map(|revision| i64::try_from(revision).unwrap_or(i64::MAX));
    for number in [revision, member.offset, row.recorded_ms] {
        nullable(&mut out, number, |out, number| out.long(number));
    }
    let halted = member.halted.as_ref().map(ToString::to_string);
    nullable(&mut out, halted, |out, reason| out.string(&reason));
    if is_merged {
        let log = member.log.as_ref().map(ToString::to_string);
        nullable(&mut out, log, |out, log| out.string(&log));
    }
    for ((place, shape), value) in columns.iter().zip(&row.cells) {
        put(&mut out, shape, value).map_err(|problem| format!("{place}: {problem}"))?;
    }
    Ok(out.into_bytes())
}

fn nullable<T>(out: &mut Writer, value: Option<T>, put: impl FnOnce(&mut Writer, T)) {
    out.branch(usize::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

/// Null, or a value of a shape.
fn put(out: &mut Writer, shape: &Shape, value: &Value) -> Result<(), String> {
    out.branch(usize::from(*value != Value::Null));
    if *value == Value::Null {
        return Ok(());
    }
    match (shape.present(), value) {
        (Shape::Bool, Value::Bool(value)) => out.bool(*value),
        (Shape::Int, Value::Int(value)) => out.long(*value),
        (Shape::Int, Value::UInt(value)) => {
            out.long(i64::try_from(*value).map_err(|_| format!("{value} is beyond Avro's long"))?);
        }
        (Shape::Float, Value::Float(value)) => out.double(*value),
        (Shape::Bytes, Value::Bytes(bytes)) => out.bytes(bytes),
        (Shape::Timestamp, Value::Timestamp { millis }) => {
            out.long(
                millis
                    .checked_mul(1_000)
                    .ok_or("its time is beyond Avro's microseconds")?,
            );
        }
        (Shape::Timestamp, Value::TimestampNanos(time)) => out.long(whole_micros(*time)?),
        (Shape::Timestamp, Value::TimestampMicros { micros })
        | (Shape::TimeOfDay, Value::Time { micros }) => out.long(*micros),
        (Shape::Date, Value::Date(days)) => out.int(*days),
        (Shape::List(shape), Value::Array(items)) => {
            block(out, items.len());
            items.iter().try_for_each(|item| put(out, shape, item))?;
            end(out);
        }
        (Shape::Map(shape), Value::Map(entries)) => {
            block(out, entries.len());
            for (key, value) in entries {
                out.string(key);
                put(out, shape, value)?;
            }
            end(out);
        }
        (Shape::Record { fields: shapes, .. }, Value::Record { fields, .. } | Value::Map(fields)) => {
            for (name, shape) in shapes {
                let found = fields.iter().find(|(field, _)| **field == **name);
                put(out, shape, found.map_or(&Value::Null, |(_, value)| value))?;
            }
        }
        (
            Shape::Bool
            | Shape::Int
            | Shape::Float
            | Shape::Bytes
            | Shape::Timestamp
            | Shape::TimeOfDay
            | Shape::Date
            | Shape::List(_)
            | Shape::Map(_)
            | Shape::Record { .. },
            value,
        ) => return Err(format!("{} is not of its type", value.to_json())),
        (Shape::Any | Shape::Null, value) => out.string(&canonical::to_text(&value.to_json())),
        // Whatever is shown as a text.
        (_, value) => match value.to_json() {
            Json::String(text) => out.string(&text),
            other => out.string(&canonical::to_text(&other)),
        },
    }
    Ok(())
}

/// Nothing finer is cut off.
fn whole_micros(time: Timestamp) -> Result<i64, String> {
    let micros = time.as_micros();
    match Timestamp::from_micros(micros) == time {
        true => Ok(micros),
        false => Err(format!("{time:.9} is no whole number of Avro's microseconds")),
    }
}

fn block(out: &mut Writer, count: usize) {
    if count > 0 {
        out.long(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

fn end(out: &mut Writer) {
    out.long(0);
}
