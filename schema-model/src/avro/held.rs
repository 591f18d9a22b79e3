//! A value as a body, each type by what it holds: the way back from [`Reading`](super::Reading).
//!
//! What people write, in JSON, says less than a value, and is taken in many forms (`write.rs`). Here a type takes values of
//! its own kind alone, and none that it would have to round or cut; of a union, the branch that is nearest in kind and holds
//! the value. What some writers write in spite of their schema is written back as it was read: decimals of more digits than
//! their precision, texts that are no UUID, times beyond the day. Where a value is asked about ([`holds`]), they are not held.

use std::sync::Arc;

use super::{
    node::{Kind, Logical, Node, NodeId, Record},
    plan::PLANNED_BYTES_MAX,
    schema::Schema,
    wire::{LEVELS_MAX, Writer},
    write::{STEPS_MAX, duration},
};
use crate::cel::{exact, instant, text};
use crate::held::{double, float, floats_told, symbols_told, unheld, whole};
use crate::{ReadError, Timestamp, Value, text as texts};

const DAY_SECONDS: i64 = 86_400;

type Entries = [(Arc<str>, Value)];

/// Writes a value of the schema.
pub(crate) fn write_value(schema: &Schema, value: &Value) -> Result<Vec<u8>, ReadError> {
    let mut held = Held::new(schema, false);
    held.value(schema.root(), value)?;
    Ok(held.writer.into_bytes())
}

/// Whether a field of the record at the top holds a value.
pub(crate) fn holds(schema: &Schema, field: &str, value: &Value) -> Result<(), ReadError> {
    let Kind::Record(record) = &schema.node(schema.root()).kind else {
        return Err(ReadError::new("it is no record"));
    };
    let (_, of) = record.field(field).ok_or_else(|| no_field(record, field))?;
    let held = Held::new(schema, true).value(of.node, value);
    held.map_err(|error| error.within(field))
}

fn no_field(record: &Record, name: &str) -> ReadError {
    ReadError::new(format!("{} has no such field", record.name.full())).within(name)
}

struct Held<'s> {
    schema: &'s Schema,
    writer: Writer,
    steps: usize,
    levels: usize,
    /// Whether what writers write in spite of their schema is held.
    strict: bool,
    /// Whether a limit was met, so that trying other branches is of no use.
    is_over: bool,
}

impl Held<'_> {
    fn new(schema: &Schema, strict: bool) -> Held<'_> {
        Held {
            schema,
            writer: Writer::new(),
            steps: 0,
            levels: 0,
            strict,
            is_over: false,
        }
    }

    /// Writes one value. What takes room is in functions of its own, so that a level takes little of the stack.
    fn value(&mut self, id: NodeId, value: &Value) -> Result<(), ReadError> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            self.is_over = true;
            return Err(ReadError::new(format!("it has more than {STEPS_MAX} values")));
        }
        let schema = self.schema;
        match (&schema.node(id).kind, value) {
            (Kind::Union(branches), value) => self.union(id, branches, value),
            (Kind::Array(item), Value::Array(items)) => self.array(*item, items),
            (Kind::Map(item), Value::Map(entries) | Value::Record { fields: entries, .. }) => {
                self.map(*item, entries)
            }
            (Kind::Record(record), Value::Map(entries) | Value::Record { fields: entries, .. }) => {
                self.record(record, entries)
            }
            _ => match self.plain(schema.node(id), value) {
                Some(()) => Ok(()),
                None => Err(unheld(value, &told(schema, id, value))),
            },
        }
    }

    fn enter(&mut self) -> Result<(), ReadError> {
        self.levels += 1;
        if self.levels > LEVELS_MAX {
            self.is_over = true;
            return Err(ReadError::new(format!(
                "it nests deeper than {LEVELS_MAX} levels"
            )));
        }
        Ok(())
    }

    #[inline(never)]
    fn array(&mut self, item: NodeId, items: &[Value]) -> Result<(), ReadError> {
        self.enter()?;
        self.count(items.len());
        for (index, value) in items.iter().enumerate() {
            self.value(item, value)
                .map_err(|error| error.within(&format!("[{index}]")))?;
        }
        self.writer.long(0);
        self.levels -= 1;
        Ok(())
    }

    #[inline(never)]
    fn map(&mut self, item: NodeId, entries: &Entries) -> Result<(), ReadError> {
        self.enter()?;
        self.count(entries.len());
        for (key, value) in entries {
            self.writer.string(key);
            self.value(item, value)
                .map_err(|error| error.within(&format!("[{key:?}]")))?;
        }
        self.writer.long(0);
        self.levels -= 1;
        Ok(())
    }

    fn count(&mut self, count: usize) {
        if count > 0 {
            self.writer.long(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    #[inline(never)]
    fn record(&mut self, record: &Record, entries: &Entries) -> Result<(), ReadError> {
        self.enter()?;
        let mut given: Vec<Option<&Value>> = vec![None; record.fields.len()];
        for (name, value) in entries {
            let place = record.field(name).and_then(|(place, _)| given.get_mut(place));
            *place.ok_or_else(|| no_field(record, name))? = Some(value);
        }
        for (field, value) in record.fields.iter().zip(given) {
            let written = match (value, &field.default) {
                (Some(value), _) => self.value(field.node, value),
                (None, Some(_)) => self.default(field),
                (None, None) => Err(ReadError::new("is missing, and has no default")),
            };
            written.map_err(|error| error.within(&field.name))?;
        }
        self.levels -= 1;
        Ok(())
    }

    #[inline(never)]
    fn default(&mut self, field: &super::Field) -> Result<(), ReadError> {
        let Some(default) = &field.default else {
            return Ok(());
        };
        let default = self.schema.default(field.node, default).map_err(ReadError::new)?;
        self.steps += default.values;
        self.writer.fixed(&default.bytes);
        if self.writer.len() > PLANNED_BYTES_MAX {
            let why = format!("it grows beyond {PLANNED_BYTES_MAX} bytes by the schema's defaults");
            return Err(ReadError::new(why));
        }
        Ok(())
    }

    #[inline(never)]
    fn union(&mut self, id: NodeId, branches: &[NodeId], value: &Value) -> Result<(), ReadError> {
        let mut tries: Vec<(u8, usize, NodeId)> = (0..)
            .zip(branches)
            .map(|(index, branch)| (rank(self.schema.node(*branch), value), index, *branch))
            .collect();
        tries.sort_by_key(|(rank, index, _)| (*rank, *index));
        let (before, levels) = (self.writer.len(), self.levels);
        let mut first = None;
        for (_, index, branch) in tries {
            self.writer.branch(index);
            let Err(error) = self.value(branch, value) else {
                return Ok(());
            };
            if self.is_over {
                return Err(error);
            }
            self.writer.truncate(before);
            self.levels = levels;
            // What is wrong within says more.
            if !error.path.is_empty() {
                first.get_or_insert(error);
            }
        }
        Err(first.unwrap_or_else(|| unheld(value, &told(self.schema, id, value))))
    }

    /// Writes what holds no values of its own; nothing where the type does not hold it.
    #[inline(never)]
    fn plain(&mut self, node: &Node, value: &Value) -> Option<()> {
        if let Some(logical) = node.logical {
            return self.logical(&node.kind, logical, value);
        }
        match (&node.kind, value) {
            (Kind::Null, Value::Null) => {}
            (Kind::Boolean, Value::Bool(value)) => self.writer.bool(*value),
            (Kind::Int, value) => self.writer.int(whole(value)?),
            (Kind::Long, value) => self.writer.long(whole(value)?),
            (Kind::Float, value) => self.writer.float(float(value)?),
            (Kind::Double, value) => self.writer.double(double(value)?),
            (Kind::String, value) => self.writer.string(text(value)?),
            (Kind::Bytes, Value::Bytes(bytes)) => self.writer.bytes(bytes),
            (Kind::Fixed(fixed), Value::Bytes(bytes)) if bytes.len() == fixed.size => {
                self.writer.fixed(bytes);
            }
            (Kind::Enum(kind), value) => self.writer.enum_index(kind.position(text(value)?)?),
            _ => return None,
        }
        Some(())
    }

    fn logical(&mut self, kind: &Kind, logical: Logical, value: &Value) -> Option<()> {
        match (logical, kind) {
            (Logical::Decimal { precision, scale }, kind) => {
                let decimal = exact(value)?.at_scale(scale)?;
                if self.strict && decimal.precision() > precision as usize {
                    return None;
                }
                match kind {
                    Kind::Fixed(fixed) => self.writer.decimal_fixed(decimal, fixed.size, scale).ok()?,
                    _ => self.writer.decimal(&decimal),
                }
            }
            (Logical::BigDecimal, _) => self.writer.big_decimal(&exact(value)?),
            (Logical::Uuid, kind) => self.uuid(kind, value)?,
            (Logical::Duration, _) => self.writer.fixed(&duration(text(value)?).ok()?),
            (Logical::Date, _) => self.writer.int(day(value)?),
            (Logical::TimeMillis, _) => {
                let micros = self.time_of_day(value)?;
                let millis = (micros % 1_000 == 0).then_some(micros / 1_000)?;
                self.writer.int(i32::try_from(millis).ok()?);
            }
            (Logical::TimeMicros, _) => {
                let micros = self.time_of_day(value)?;
                self.writer.long(micros);
            }
            (Logical::TimestampMillis, _) => self.writer.long(millis(instant(value)?)?),
            (Logical::TimestampMicros, _) => self.writer.long(micros(instant(value)?)?),
            (Logical::TimestampNanos, _) => self.writer.long(nanos(instant(value)?)?),
            (Logical::LocalTimestampMillis, _) => self.writer.long(millis(local(value)?)?),
            (Logical::LocalTimestampMicros, _) => self.writer.long(micros(local(value)?)?),
            (Logical::LocalTimestampNanos, _) => self.writer.long(nanos(local(value)?)?),
        }
        Some(())
    }

    fn uuid(&mut self, kind: &Kind, value: &Value) -> Option<()> {
        let parsed = match value {
            Value::Uuid(bytes) => Some(*bytes),
            value => texts::parse_uuid(text(value)?.to_ascii_lowercase().as_bytes()),
        };
        match (kind, parsed, value) {
            (Kind::Fixed(_), parsed, _) => self.writer.fixed(&parsed?),
            (_, Some(bytes), Value::Uuid(_)) => self.writer.string(&texts::uuid(&bytes)),
            (_, None, _) if self.strict => return None,
            // Any other spelling stays the text it is.
            (_, _, value) => self.writer.string(text(value)?),
        }
        Some(())
    }

    /// Microseconds since midnight.
    fn time_of_day(&self, value: &Value) -> Option<i64> {
        match value {
            Value::Time { micros } => {
                let is_one = (0..DAY_SECONDS * 1_000_000).contains(micros);
                (is_one || !self.strict).then_some(*micros)
            }
            value => micros(exactly(&format!("1970-01-01T{}Z", text(value)?))?),
        }
    }
}

/// How near a value is to the type of a branch: the lower the earlier it is tried.
fn rank(node: &Node, value: &Value) -> u8 {
    let is_own = match (&node.kind, node.logical, value) {
        (Kind::Record(record), _, Value::Record { name, .. }) => *record.name.full() == **name,
        (Kind::Float, _, Value::Float(value)) => f64::from(*value as f32).to_bits() == value.to_bits(),
        (Kind::String, None, Value::String(_))
        | (Kind::Enum(_), _, Value::Enum(_))
        | (Kind::Map(_), _, Value::Map(_))
        | (Kind::Double, _, Value::Float(_))
        | (Kind::Int | Kind::Long, None, Value::Int(_) | Value::UInt(_)) => true,
        (_, Some(Logical::Uuid), Value::Uuid(_)) => true,
        (_, Some(Logical::Decimal { precision, scale }), Value::Decimal(value)) => {
            value.scale() == scale && value.precision() <= precision as usize
        }
        _ => false,
    };
    match (is_own, &node.kind, value) {
        (true, ..) => 0,
        (_, Kind::Float | Kind::Double, Value::Int(_) | Value::UInt(_)) => 2,
        _ => 1,
    }
}

/// The instant of a text, unless that is finer than any is here.
fn exactly(text: &str) -> Option<Timestamp> {
    let (_, fraction) = text.split_once('.').unwrap_or_default();
    let digits = fraction.bytes().take_while(u8::is_ascii_digit);
    let is_finer = digits.skip(9).any(|digit| digit != b'0');
    text.parse().ok().filter(|_| !is_finer)
}

/// A local time is read like one in UTC.
fn local(value: &Value) -> Option<Timestamp> {
    exactly(&format!("{}Z", text(value)?))
}

fn day(value: &Value) -> Option<i32> {
    match value {
        Value::Date(day) => Some(*day),
        value => {
            let midnight = exactly(&format!("{}T00:00:00Z", text(value)?))?;
            i32::try_from(midnight.as_seconds() / DAY_SECONDS).ok()
        }
    }
}

fn millis(time: Timestamp) -> Option<i64> {
    Some(time.as_millis()).filter(|count| Timestamp::from_millis(*count) == time)
}

fn micros(time: Timestamp) -> Option<i64> {
    Some(time.as_micros()).filter(|count| Timestamp::from_micros(*count) == time)
}

fn nanos(time: Timestamp) -> Option<i64> {
    Some(time.as_nanos()).filter(|count| Timestamp::from_nanos(*count) == time)
}

/// What a type holds, for a sentence about a value that is none of it.
fn told(schema: &Schema, id: NodeId, value: &Value) -> String {
    let node = schema.node(id);
    let of = match (node.logical, &node.kind) {
        (Some(logical), _) => return logical_told(logical),
        (None, Kind::Union(branches)) => {
            let told = branches.iter().map(|branch| told(schema, *branch, value));
            return told.collect::<Vec<_>>().join(" or ");
        }
        (None, Kind::Fixed(fixed)) => return format!("{} bytes", fixed.size),
        (None, Kind::Enum(kind)) => return symbols_told(kind.symbols.iter().map(String::as_str)),
        (None, Kind::Record(record)) => return format!("a record {}", record.name.full()),
        (None, Kind::Float) => return floats_told(32, value),
        (None, Kind::Double) => return floats_told(64, value),
        (None, kind) => kind,
    };
    let of = match of {
        Kind::Null => "null",
        Kind::Boolean => "true or false",
        Kind::Int => "whole numbers of 32 bits",
        Kind::Long => "whole numbers of 64 bits",
        Kind::String => "text",
        Kind::Array(_) => "a list",
        Kind::Map(_) => "a map",
        _ => "bytes",
    };
    of.to_owned()
}

fn logical_told(logical: Logical) -> String {
    let of = match logical {
        Logical::Decimal { precision, scale } => {
            return format!("decimals of at most {precision} digits, {scale} of them behind the point");
        }
        Logical::BigDecimal => "decimals",
        Logical::Uuid => "UUIDs, such as 123e4567-e89b-12d3-a456-426614174000",
        Logical::Duration => "durations, such as P1M2DT3.004S",
        Logical::Date => "dates, such as 2026-03-04",
        Logical::TimeMillis => "times of day to the millisecond, such as 12:30:00.123",
        Logical::TimeMicros => "times of day to the microsecond, such as 12:30:00.123456",
        Logical::TimestampMillis => "instants to the millisecond",
        Logical::TimestampMicros => "instants to the microsecond",
        Logical::TimestampNanos => "instants to the nanosecond, of the years 1678 to 2261",
        Logical::LocalTimestampMillis => {
            "times without a zone to the millisecond, such as 2026-03-04T12:30:00.123"
        }
        Logical::LocalTimestampMicros => {
            "times without a zone to the microsecond, such as 2026-03-04T12:30:00.123456"
        }
        Logical::LocalTimestampNanos => {
            "times without a zone to the nanosecond, of the years 1678 to 2261, such as 2026-03-04T12:30:00.123456789"
        }
    };
    of.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Reading;
    use super::*;
    use crate::Decimal;

    /// All types side by side, the two records alike but for their names.
    const ALL: &str = r#"{"type": "array", "items": ["null", "boolean", {"type": "int", "logicalType": "date"},
        {"type": "long", "logicalType": "timestamp-millis"}, "float", "double", "string",
        {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
        {"type": "enum", "name": "E", "symbols": ["RED", "BLUE"]}, {"type": "fixed", "name": "F", "size": 4},
        {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"},
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]},
        {"type": "record", "name": "S", "fields": [{"name": "a", "type": "long"}]},
        {"type": "array", "items": "int"}, {"type": "map", "values": "long"}]}"#;

    fn parsed(text: &str) -> Schema {
        Schema::parse(text, &[]).unwrap()
    }

    fn one() -> impl Strategy<Value = Value> {
        let record = |name: &'static str| {
            any::<i64>().prop_map(move |a| Value::Record {
                name: name.into(),
                fields: vec![("a".into(), Value::Int(a))],
            })
        };
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i32>().prop_map(Value::Date),
            any::<i64>().prop_map(|millis| Value::Timestamp { millis }),
            any::<f32>().prop_map(|number| Value::Float(f64::from(number))),
            any::<f64>().prop_map(Value::Float),
            // Some in the forms that other types have in JSON.
            prop_oneof![
                ".*",
                Just("2026-03-04T05:06:07Z".to_owned()),
                Just("12.50".to_owned()),
                Just("RED".to_owned()),
                Just("2026-03-04".to_owned()),
            ]
            .prop_map(Value::String),
            // Of more digits than the type has, as some writers write them.
            any::<i64>().prop_map(|digits| Value::Decimal(Decimal::new(digits.into(), 2))),
            Just(Value::Enum("BLUE".to_owned())),
            any::<[u8; 4]>().prop_map(|bytes| Value::Bytes(bytes.to_vec())),
            any::<[u8; 16]>().prop_map(Value::Uuid),
            record("R"),
            record("S"),
            proptest::collection::vec(any::<i32>(), 0..3).prop_map(|items| Value::Array(
                items.into_iter().map(|item| Value::Int(item.into())).collect()
            )),
            proptest::collection::btree_map("[a-c]", any::<i64>(), 0..3).prop_map(|entries| {
                let entries = entries.into_iter();
                Value::Map(
                    entries
                        .map(|(key, value)| (key.into(), Value::Int(value)))
                        .collect(),
                )
            }),
        ]
    }

    proptest! {
        /// Whatever branch a value was read from, it is written as that branch, and nothing of it is lost.
        #[test]
        fn what_was_read_is_written_as_it_was(items in proptest::collection::vec(one(), 0..6)) {
            let (schema, value) = (parsed(ALL), Value::Array(items));
            let body = write_value(&schema, &value).unwrap();
            prop_assert_eq!(Reading::of(&schema).read(&body).unwrap(), value);
        }
    }

    #[test]
    fn a_value_nests_only_so_deep() {
        let schema =
            parsed(r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}"#);
        let nested = |levels: usize| {
            (1..levels).fold(Value::Map(vec![("next".into(), Value::Null)]), |inner, _| {
                Value::Map(vec![("next".into(), inner)])
            })
        };
        assert!(write_value(&schema, &nested(LEVELS_MAX)).is_ok());
        let error = write_value(&schema, &nested(LEVELS_MAX + 1)).unwrap_err();
        assert!(error.message.contains("deeper than 512 levels"), "{error}");
        assert!(error.path.starts_with("next.next"), "{error}");
        assert!(holds(&schema, "next", &nested(LEVELS_MAX)).is_ok());
        assert!(holds(&schema, "other", &Value::Null).is_err());
    }

    /// A union in a union in a union: what is tried for one value is bounded.
    #[test]
    fn what_is_tried_is_bounded() {
        let mut text = r#""int""#.to_owned();
        for level in 0..24 {
            let record = |side: &str, of: &str| {
                format!(
                    r#"{{"type": "record", "name": "{side}{level}", "fields": [{{"name": "a", "type": {of}}}]}}"#
                )
            };
            let inner = match level {
                0 => text.clone(),
                _ => format!(r#"["L{0}", "R{0}"]"#, level - 1),
            };
            text = match level {
                0 => format!("[{}, {}]", record("L", &inner), record("R", &inner)),
                _ => format!("[{}, {}]", record("L", &text), record("R", &inner)),
            };
        }
        let value = (0..24).fold(Value::String("x".to_owned()), |inner, _| {
            Value::Map(vec![("a".into(), inner)])
        });
        let error = write_value(&parsed(&text), &value).unwrap_err();
        assert!(error.message.contains("more than 1000000 values"), "{error}");
    }
}
