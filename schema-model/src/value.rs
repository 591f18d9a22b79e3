//! A payload read without generated types: what dynamic folds and the console work on.
//!
//! Union branches are the branch's value itself; a record carries its full name. [`Value::to_json`] is canonical:
//! the same value always gives the same JSON, no number loses digits, and nothing depends on a locale or time zone.

use std::sync::Arc;

use serde_json::{Map, Number, Value as Json};

use crate::{Decimal, Duration, Timestamp, text};

/// A value of any schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width (Protobuf).
    UInt(u64),
    /// A floating-point number of any width.
    Float(f64),
    /// An exact decimal.
    Decimal(Decimal),
    /// Text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An instant in UTC, in milliseconds since 1970.
    Timestamp {
        /// Milliseconds since 1970-01-01T00:00:00Z.
        millis: i64,
    },
    /// An instant in UTC, in microseconds since 1970.
    TimestampMicros {
        /// Microseconds since 1970-01-01T00:00:00Z.
        micros: i64,
    },
    /// An instant in UTC, in nanoseconds.
    TimestampNanos(Timestamp),
    /// A span of time, of an expression; what payloads have for one is a text or a record.
    Duration(Duration),
    /// Days since 1970-01-01.
    Date(i32),
    /// A time of day.
    Time {
        /// Microseconds since midnight.
        micros: i64,
    },
    /// A UUID.
    Uuid([u8; 16]),
    /// An enum's symbol.
    Enum(String),
    /// Items in order.
    Array(Vec<Value>),
    /// Entries in the order they were written.
    Map(Vec<(Arc<str>, Value)>),
    /// A record or message.
    Record {
        /// Its full name. Names are shared with the schema that a value was read by.
        name: Arc<str>,
        /// Its fields, in the order of the schema.
        fields: Vec<(Arc<str>, Value)>,
    },
}

impl Value {
    /// An instant in milliseconds, microseconds or nanoseconds: the coarsest that holds it.
    #[cfg(any(feature = "proto", feature = "cel"))]
    pub(crate) fn instant(time: Timestamp) -> Value {
        match time.subsec_nanos() {
            nanos if nanos % 1_000_000 == 0 => Value::Timestamp {
                millis: time.as_millis(),
            },
            nanos if nanos % 1_000 == 0 => Value::TimestampMicros {
                micros: time.as_micros(),
            },
            _ => Value::TimestampNanos(time),
        }
    }

    /// The field of a record, or the entry of a map.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Record { fields: entries, .. } | Value::Map(entries) => entries
                .iter()
                .find(|(key, _)| **key == *name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Takes out what these names lead to, one after the other, and leaves null in its place; nothing where they lead nowhere.
    ///
    /// ```
    /// use annals_schema_model::Value;
    /// let mut order = Value::Map(vec![("id".into(), Value::Int(7))]);
    /// assert_eq!(order.take(&["id".to_owned()]), Some(Value::Int(7)));
    /// assert_eq!(order.take(&["id".to_owned()]), Some(Value::Null));
    /// assert_eq!(order.take(&["total".to_owned()]), None);
    /// ```
    pub fn take(&mut self, names: &[String]) -> Option<Value> {
        let found = names.iter().try_fold(self, |value, name| match value {
            Value::Record { fields: entries, .. } | Value::Map(entries) => entries
                .iter_mut()
                .find(|(key, _)| **key == **name)
                .map(|(_, value)| value),
            _ => None,
        });
        found.map(std::mem::take)
    }

    /// The value as JSON: decimals as strings at their scale (`"524.96"`), instants as RFC 3339 in UTC with three
    /// fraction digits (six for microseconds, nine for nanoseconds), spans of time as `"86400s"`, dates as `"2019-05-20"`,
    /// bytes as base64, integers as integers; a float JSON has no number for as `"NaN"`, `"Infinity"` or `"-Infinity"`.
    ///
    /// ```
    /// use annals_schema_model::Value;
    /// assert_eq!(Value::Timestamp { millis: 0 }.to_json(), "1970-01-01T00:00:00.000Z");
    /// assert_eq!(Value::Int(i64::MAX).to_json().to_string(), "9223372036854775807");
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::Number(Number::from(*value)),
            Value::UInt(value) => Json::Number(Number::from(*value)),
            Value::Float(value) => float(*value),
            Value::Decimal(value) => Json::String(value.to_string()),
            Value::String(value) | Value::Enum(value) => Json::String(value.clone()),
            Value::Bytes(value) => Json::String(text::base64(value)),
            Value::Timestamp { millis } => Json::String(Timestamp::from_millis(*millis).to_string()),
            Value::TimestampMicros { micros } => {
                Json::String(format!("{:.6}", Timestamp::from_micros(*micros)))
            }
            Value::TimestampNanos(time) => Json::String(format!("{time:.9}")),
            Value::Duration(span) => Json::String(span.to_string()),
            Value::Date(days) => Json::String(text::date(i64::from(*days))),
            Value::Time { micros } => Json::String(text::time(*micros)),
            Value::Uuid(bytes) => Json::String(text::uuid(bytes)),
            Value::Array(items) => Json::Array(items.iter().map(Value::to_json).collect()),
            Value::Map(entries) | Value::Record { fields: entries, .. } => Json::Object(
                entries
                    .iter()
                    .map(|(key, value)| (String::from(&**key), value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

fn float(value: f64) -> Json {
    match Number::from_f64(value) {
        Some(number) => Json::Number(number),
        None if value.is_nan() => Json::String("NaN".into()),
        None if value > 0.0 => Json::String("Infinity".into()),
        None => Json::String("-Infinity".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json() {
        let check = |value: Value, wanted: &str| assert_eq!(value.to_json().to_string(), wanted);
        check(Value::Null, "null");
        check(Value::Bool(true), "true");
        check(Value::Int(i64::MIN), "-9223372036854775808");
        check(Value::UInt(u64::MAX), "18446744073709551615");
        check(Value::Float(0.5), "0.5");
        check(Value::Float(f64::NAN), "\"NaN\"");
        check(Value::Float(f64::NEG_INFINITY), "\"-Infinity\"");
        check(Value::Decimal(Decimal::new(-5, 2)), "\"-0.05\"");
        check(Value::Bytes(b"ab\xff".to_vec()), "\"YWL/\"");
        check(
            Value::Timestamp {
                millis: 1_558_336_067_000,
            },
            "\"2019-05-20T07:07:47.000Z\"",
        );
        check(
            Value::TimestampMicros { micros: -1 },
            "\"1969-12-31T23:59:59.999999Z\"",
        );
        check(
            Value::TimestampNanos(Timestamp::from_nanos(-1)),
            "\"1969-12-31T23:59:59.999999999Z\"",
        );
        check(Value::Duration("90m".parse().unwrap()), "\"5400s\"");
        check(Value::Date(18_036), "\"2019-05-20\"");
        check(
            Value::Time {
                micros: 25_667_000_000,
            },
            "\"07:07:47.000000\"",
        );
        check(
            Value::Uuid([0x11; 16]),
            "\"11111111-1111-1111-1111-111111111111\"",
        );
        let fields = vec![
            ("b".into(), Value::Int(1)),
            ("a".into(), Value::Array(vec![Value::Null])),
        ];
        check(
            Value::Record {
                name: "x.Y".into(),
                fields,
            },
            "{\"a\":[null],\"b\":1}",
        );
    }
}
