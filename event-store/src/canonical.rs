//! The one JSON form of a state: object keys sorted, timestamps RFC 3339 in UTC with three fraction digits,
//! decimals as strings at their scale.
//!
//! Two folds agree when their texts agree byte for byte. Typed states reach this form through the serde modules
//! [`timestamp`], [`timestamp_option`], [`decimal`] and [`decimal_option`]:
//!
//! ```
//! #[derive(serde::Serialize)]
//! struct State {
//!     #[serde(with = "annals_event_store::canonical::timestamp")]
//!     placed: annals_schema_model::Timestamp,
//! }
//! let state = State { placed: annals_schema_model::Timestamp::from_millis(1_558_336_067_000) };
//! assert_eq!(serde_json::to_string(&state)?, r#"{"placed":"2019-05-20T07:07:47.000Z"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! Invariant: it is the form of RFC 8785, the JSON Canonicalization Scheme, to the byte: numbers as ECMAScript writes them, keys in
//! the order of their UTF-16 code units. A whole double has the text of an integer, so `1.0` and `1` are one state to whoever
//! compares; the fold itself, its conditions and its snapshots have the double. Two things lie outside of what the RFC speaks of:
//! integers of 64 bits beyond 2^53 keep all their digits, where a reader that has doubles alone takes the nearest; and what is no
//! number is null in a typed state, as in ECMAScript, and `"NaN"`, `"Infinity"` or `"-Infinity"` in a declared one.

use std::fmt::Display;
use std::str::FromStr;

use annals_schema_model::{Timestamp, Value as Plain};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

mod key_order;
mod number;
mod printed;
#[cfg(feature = "declarative")]
mod shown;
mod written;

#[cfg(feature = "declarative")]
pub(crate) use {shown::Shown, written::write_object};

pub use printed::{to_pretty, to_text, write_answer};

pub(crate) use printed::in_order;
pub(crate) use written::{has_form, write};

/// The same value with the keys of every object in order, where trees have one: by a feature of serde_json, which any crate may
/// turn on, they keep them as they come. Otherwise printing puts them in order.
///
/// ```
/// use annals_event_store::canonical::sorted;
///
/// let state = sorted(serde_json::json!({"total": 1, "items": [{"b": 2, "a": 3}]}));
/// assert_eq!(state.to_string(), r#"{"items":[{"a":3,"b":2}],"total":1}"#);
/// ```
pub fn sorted(mut value: Value) -> Value {
    sort(&mut value);
    value
}

fn sort(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let order = |one: &str, other: &str| key_order::compare(one.as_bytes(), other.as_bytes());
            if !map.keys().is_sorted_by(|one, other| order(one, other).is_le()) {
                let mut entries: Vec<(String, Value)> = std::mem::take(map).into_iter().collect();
                entries.sort_by(|(one, _), (other, _)| order(one, other));
                *map = entries.into_iter().collect::<Map<_, _>>();
            }
            map.values_mut().for_each(sort);
        }
        Value::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}

/// JSON as a value: its numbers are integers where they are whole, and its texts are texts, whatever they stand for.
pub(crate) fn plain(json: Value) -> Plain {
    match json {
        Value::Null => Plain::Null,
        Value::Bool(value) => Plain::Bool(value),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Plain::Int(number),
            (None, Some(number), _) => Plain::UInt(number),
            (.., number) => number.map_or(Plain::Null, Plain::Float),
        },
        Value::String(text) => Plain::String(text),
        Value::Array(items) => Plain::Array(items.into_iter().map(plain).collect()),
        Value::Object(fields) => Plain::Map(
            fields
                .into_iter()
                .map(|(name, value)| (name.into(), plain(value)))
                .collect(),
        ),
    }
}

/// The same value as its canonical text is read: doubles that are whole are integers. Two of them are the same where their texts
/// are.
pub(crate) fn as_read(mut value: Value) -> Value {
    read_numbers(&mut value);
    value
}

fn read_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(read) = number::as_read(number) {
                *number = read;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(read_numbers),
        Value::Object(fields) => fields.values_mut().for_each(read_numbers),
        _ => {}
    }
}

/// A time of the log as the canonical text.
///
/// ```
/// assert_eq!(annals_event_store::canonical::time_text(1_558_336_067_000), "2019-05-20T07:07:47.000Z");
/// ```
pub fn time_text(ms: i64) -> String {
    Timestamp::from_millis(ms).to_string()
}

/// A value from its text.
fn parse<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(input: D) -> Result<T, D::Error> {
    String::deserialize(input)?.parse().map_err(D::Error::custom)
}

/// A value from its text, or nothing from null.
fn parse_option<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(input)?;
    text.map(|text| text.parse().map_err(D::Error::custom))
        .transpose()
}

/// `#[serde(with = "…::canonical::timestamp")]` for a [`annals_schema_model::Timestamp`].
///
/// ```
/// use annals_schema_model::Timestamp;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct State {
///     #[serde(with = "annals_event_store::canonical::timestamp")]
///     value: Timestamp,
/// }
/// let state: State = serde_json::from_str(r#"{"value":"2019-05-20T07:07:47.000Z"}"#)?;
/// assert_eq!(state.value, Timestamp::from_millis(1_558_336_067_000));
/// assert_eq!(serde_json::to_string(&state)?, r#"{"value":"2019-05-20T07:07:47.000Z"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod timestamp {
    use annals_schema_model::Timestamp;
    use serde::{Deserializer, Serializer};

    /// Writes the canonical text.
    pub fn serialize<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        time.with_text(|text| out.serialize_str(text))
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Timestamp, D::Error> {
        super::parse(input)
    }
}

/// `#[serde(with = "…::canonical::timestamp_option")]` for an optional [`annals_schema_model::Timestamp`].
///
/// ```
/// use annals_schema_model::Timestamp;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct State {
///     #[serde(with = "annals_event_store::canonical::timestamp_option")]
///     value: Option<Timestamp>,
/// }
/// let state: State = serde_json::from_str(r#"{"value":null}"#)?;
/// assert_eq!(state.value, None);
/// assert_eq!(serde_json::to_string(&state)?, r#"{"value":null}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod timestamp_option {
    use annals_schema_model::Timestamp;
    use serde::{Deserializer, Serializer};

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Timestamp>, D::Error> {
        super::parse_option(input)
    }

    /// Writes the canonical text, or null.
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, out: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::timestamp::serialize(time, out),
            None => out.serialize_none(),
        }
    }
}

/// `#[serde(with = "…::canonical::decimal")]` for a [`annals_schema_model::Decimal`].
///
/// ```
/// use annals_schema_model::Decimal;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct State {
///     #[serde(with = "annals_event_store::canonical::decimal")]
///     value: Decimal,
/// }
/// let state: State = serde_json::from_str(r#"{"value":"10.50"}"#)?;
/// assert_eq!(state.value, Decimal::new(1050, 2));
/// assert_eq!(serde_json::to_string(&state)?, r#"{"value":"10.50"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod decimal {
    use annals_schema_model::Decimal;
    use serde::{Deserializer, Serializer};

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Decimal, D::Error> {
        super::parse(input)
    }

    /// Writes the digits at the decimal's scale, as a string.
    pub fn serialize<S: Serializer>(decimal: &Decimal, out: S) -> Result<S::Ok, S::Error> {
        decimal.with_text(|text| out.serialize_str(text))
    }
}

/// `#[serde(with = "…::canonical::decimal_option")]` for an optional [`annals_schema_model::Decimal`].
///
/// ```
/// use annals_schema_model::Decimal;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct State {
///     #[serde(with = "annals_event_store::canonical::decimal_option")]
///     value: Option<Decimal>,
/// }
/// let state: State = serde_json::from_str(r#"{"value":"10.50"}"#)?;
/// assert_eq!(state.value, Some(Decimal::new(1050, 2)));
/// assert_eq!(serde_json::to_string(&state)?, r#"{"value":"10.50"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod decimal_option {
    use annals_schema_model::Decimal;
    use serde::{Deserializer, Serializer};

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Decimal>, D::Error> {
        super::parse_option(input)
    }

    /// Writes the digits at the decimal's scale as a string, or null.
    pub fn serialize<S: Serializer>(decimal: &Option<Decimal>, out: S) -> Result<S::Ok, S::Error> {
        match decimal {
            Some(decimal) => super::decimal::serialize(decimal, out),
            None => out.serialize_none(),
        }
    }
}
