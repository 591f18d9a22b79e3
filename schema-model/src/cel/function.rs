//! The functions of expressions: CEL's own, by our types, and those of Confluent's data contracts.
//!
//! Invariant: what a function takes is checked when a fold is loaded, as far as types are known then; a value it has
//! no answer for is an error, never a guess.

use super::eval::{shown, text};
use super::times::{self, Part};
use super::{Format, Node, Shape, exact};
use crate::{DecimalError, Value, write_double};

/// Parts that a text is split into: each takes many times the room of its bytes.
const SPLIT_PARTS_MAX: usize = 10_000;

/// A function.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Split,
    String,
    Int,
    Uint,
    Double,
    Decimal,
    Bool,
    Bytes,
    Dyn,
    Type,
    Timestamp,
    Duration,
    /// A part of a time, in UTC or so many seconds ahead of it.
    Part(Part, Option<i32>),
    Is(Format),
}

/// Each with its name; CEL's names for the first, one a line, then Confluent's.
const FUNCTIONS: [(&str, Function); 33] = [
    ("size", Function::Size),
    ("contains", Function::Contains),
    ("startsWith", Function::StartsWith),
    ("endsWith", Function::EndsWith),
    ("split", Function::Split),
    ("string", Function::String),
    ("int", Function::Int),
    ("uint", Function::Uint),
    ("double", Function::Double),
    ("decimal", Function::Decimal),
    ("bool", Function::Bool),
    ("bytes", Function::Bytes),
    ("dyn", Function::Dyn),
    ("type", Function::Type),
    ("timestamp", Function::Timestamp),
    ("duration", Function::Duration),
    ("getFullYear", Function::Part(Part::FullYear, None)),
    ("getMonth", Function::Part(Part::Month, None)),
    ("getDate", Function::Part(Part::Date, None)),
    ("getDayOfMonth", Function::Part(Part::DayOfMonth, None)),
    ("getDayOfWeek", Function::Part(Part::DayOfWeek, None)),
    ("getDayOfYear", Function::Part(Part::DayOfYear, None)),
    ("getHours", Function::Part(Part::Hours, None)),
    ("getMinutes", Function::Part(Part::Minutes, None)),
    ("getSeconds", Function::Part(Part::Seconds, None)),
    ("getMilliseconds", Function::Part(Part::Milliseconds, None)),
    ("isEmail", Function::Is(Format::Email)),
    ("isHostname", Function::Is(Format::Hostname)),
    ("isIpv4", Function::Is(Format::Ipv4)),
    ("isIpv6", Function::Is(Format::Ipv6)),
    ("isUri", Function::Is(Format::Uri)),
    ("isUriRef", Function::Is(Format::UriRef)),
    ("isUuid", Function::Is(Format::Uuid)),
];

impl Function {
    pub(super) fn named(name: &str) -> Option<Function> {
        FUNCTIONS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, function)| *function)
    }

    /// All names, for a sentence.
    pub(super) fn names() -> String {
        let names: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
        format!(
            "{}, matches, has, all, exists, exists_one, filter, map",
            names.join(", ")
        )
    }

    fn name(self) -> &'static str {
        FUNCTIONS
            .iter()
            .find(|(_, function)| match (function, self) {
                (Function::Part(part, _), Function::Part(wanted, _)) => *part == wanted,
                (function, wanted) => *function == wanted,
            })
            .map_or("", |(name, _)| name)
    }

    /// The call, if it has as many arguments as the function takes; `x.size()` and `size(x)` are the same.
    pub(super) fn checked_count(self, arguments: Vec<Node>) -> Result<Node, String> {
        let count = match self {
            Function::Contains | Function::StartsWith | Function::EndsWith | Function::Split => 2,
            _ => 1,
        };
        let arguments = match (self, <[Node; 2]>::try_from(arguments)) {
            (Function::Part(part, None), Ok([of, place])) => return within(part, of, &place),
            (_, Ok(pair)) => Vec::from(pair),
            (_, Err(arguments)) => arguments,
        };
        if arguments.len() == count {
            return match (self, arguments.as_slice()) {
                // What is written in the text is wrong before anything runs.
                (Function::Timestamp | Function::Duration | Function::Decimal, [Node::Literal(constant)]) => {
                    self.call(&[constant]).map(Node::Literal)
                }
                _ => Ok(Node::Call(self, arguments)),
            };
        }
        let how = match self {
            Function::Contains | Function::StartsWith | Function::EndsWith | Function::Split => {
                "text.NAME(text)"
            }
            Function::Part(..) => "time.NAME(), or of a timestamp time.NAME('+02:00')",
            _ => "NAME(value)",
        };
        Err(format!(
            "`{}` is written {}",
            self.name(),
            how.replace("NAME", self.name())
        ))
    }

    /// Whether it takes arguments of a type.
    fn takes(self, shape: &Shape) -> bool {
        match self {
            Function::Size => matches!(
                shape,
                Shape::Any
                    | Shape::Text
                    | Shape::Enum(_)
                    | Shape::Bytes
                    | Shape::List(_)
                    | Shape::Map(_)
                    | Shape::Record { .. }
            ),
            Function::Contains | Function::StartsWith | Function::EndsWith | Function::Split => {
                matches!(shape.present(), Shape::Any | Shape::Text)
            }
            Function::String => {
                shape.is_duration() || !matches!(shape, Shape::List(_) | Shape::Map(_) | Shape::Record { .. })
            }
            Function::Int | Function::Uint => {
                matches!(
                    shape.present(),
                    Shape::Any | Shape::Int | Shape::Float | Shape::Text | Shape::Timestamp
                )
            }
            Function::Timestamp => matches!(
                shape.present(),
                Shape::Any | Shape::Text | Shape::Int | Shape::Timestamp | Shape::Date
            ),
            Function::Duration => {
                shape.is_duration() || matches!(shape.present(), Shape::Any | Shape::Text | Shape::TimeOfDay)
            }
            Function::Part(part, offset) => part.fits(shape, offset.is_some()),
            Function::Double => matches!(
                shape.present(),
                Shape::Any | Shape::Int | Shape::Float | Shape::Text | Shape::Decimal
            ),
            Function::Decimal => matches!(
                shape.present(),
                Shape::Any | Shape::Int | Shape::Decimal | Shape::Text
            ),
            Function::Bool => matches!(shape.present(), Shape::Any | Shape::Bool | Shape::Text),
            Function::Bytes => matches!(shape.present(), Shape::Any | Shape::Bytes | Shape::Text),
            // A uuid has its form by its type.
            Function::Is(Format::Uuid) => matches!(shape.present(), Shape::Any | Shape::Text | Shape::Uuid),
            Function::Is(_) => matches!(shape.present(), Shape::Any | Shape::Text),
            Function::Dyn | Function::Type => true,
        }
    }

    /// What comes out of arguments of these types.
    ///
    /// # Errors
    /// The function is not for them.
    pub fn shape(self, arguments: &[Shape]) -> Result<Shape, String> {
        if let Some(wrong) = arguments.iter().find(|shape| !self.takes(shape)) {
            return Err(match self {
                Function::Size => format!("{wrong} has no size"),
                Function::Decimal => {
                    format!("`decimal` is not for {wrong}, but for digits as text, such as decimal('0.00')")
                }
                _ => format!("`{}` is not for {wrong}", self.name()),
            });
        }
        Ok(match self {
            Function::Size | Function::Int | Function::Uint | Function::Part(..) => Shape::Int,
            Function::Timestamp => Shape::Timestamp,
            Function::Duration => Shape::Duration,
            Function::Contains
            | Function::StartsWith
            | Function::EndsWith
            | Function::Bool
            | Function::Is(_) => Shape::Bool,
            Function::Split => Shape::list(Shape::Text),
            Function::String | Function::Type => Shape::Text,
            Function::Double => Shape::Float,
            Function::Decimal => Shape::Decimal,
            Function::Bytes => Shape::Bytes,
            Function::Dyn => Shape::Any,
        })
    }

    /// What comes out of these values.
    pub(super) fn call(self, arguments: &[impl std::ops::Deref<Target = Value>]) -> Result<Value, String> {
        let [first, rest @ ..] = arguments else {
            return Err(format!("`{}` of nothing", self.name()));
        };
        let wrong = || format!("`{}` is not for {}", self.name(), shown(first));
        let pair = || Some((text(first)?, text(rest.first()?)?));
        let found = match self {
            Function::Size => return size(first),
            Function::Contains => pair().map(|(all, part)| Value::Bool(all.contains(part))),
            Function::StartsWith => pair().map(|(all, part)| Value::Bool(all.starts_with(part))),
            Function::EndsWith => pair().map(|(all, part)| Value::Bool(all.ends_with(part))),
            Function::Split => match pair() {
                Some((all, between)) => Some(split(all, between)?),
                None => None,
            },
            Function::String => string(first).map(Value::String),
            Function::Int => int(first).map(Value::Int),
            Function::Uint => int(first).filter(|number| *number >= 0).map(Value::Int),
            Function::Double => double(first).map(Value::Float),
            Function::Decimal => return decimal(first),
            Function::Bool => match (&**first, text(first)) {
                (Value::Bool(value), _) => Some(Value::Bool(*value)),
                (_, Some("true")) => Some(Value::Bool(true)),
                (_, Some("false")) => Some(Value::Bool(false)),
                _ => None,
            },
            Function::Bytes => match (&**first, text(first)) {
                (Value::Bytes(bytes), _) => Some(Value::Bytes(bytes.clone())),
                (_, text) => text.map(|text| Value::Bytes(text.as_bytes().to_vec())),
            },
            Function::Timestamp => return times::timestamp(first),
            Function::Duration => return times::duration(first),
            Function::Part(part, offset) => part.of(first, offset).map(Value::Int),
            Function::Is(format) => match (&**first, format) {
                (Value::Uuid(_), Format::Uuid) => Some(Value::Bool(true)),
                (value, format) => text(value).map(|text| Value::Bool(format.fits(text))),
            },
            Function::Dyn => Some((**first).clone()),
            Function::Type => Some(Value::String(kind(first).to_owned())),
        };
        found.ok_or_else(wrong)
    }
}

/// The parts of a text between others.
fn split(all: &str, between: &str) -> Result<Value, String> {
    if between.is_empty() {
        return Err("`split` by an empty text has no parts".to_owned());
    }
    let parts: Vec<Value> = all
        .split(between)
        .take(SPLIT_PARTS_MAX + 1)
        .map(|part| Value::String(part.to_owned()))
        .collect();
    if parts.len() > SPLIT_PARTS_MAX {
        return Err(format!("`split` makes at most {SPLIT_PARTS_MAX} parts of a text"));
    }
    Ok(Value::Array(parts))
}

/// A part of a time at a fixed offset.
fn within(part: Part, of: Node, place: &Node) -> Result<Node, String> {
    match place {
        Node::Literal(Value::String(offset)) => {
            let offset = times::offset(offset)?;
            Ok(Node::Call(Function::Part(part, Some(offset)), vec![of]))
        }
        _ => Err("the offset of a time is a text of its own, such as '+02:00'".to_owned()),
    }
}

fn size(value: &Value) -> Result<Value, String> {
    let count = match value {
        Value::Array(items) => items.len(),
        Value::Map(entries) | Value::Record { fields: entries, .. } => entries.len(),
        Value::Bytes(bytes) => bytes.len(),
        value => match text(value) {
            Some(text) => text.chars().count(),
            None => return Err(format!("{} has no size", shown(value))),
        },
    };
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// The text of a value, as it is shown in a state.
fn string(value: &Value) -> Option<String> {
    if let Some(span) = times::span(value) {
        return Some(span.to_string());
    }
    if let Value::Float(number) = value
        && number.is_finite()
    {
        let mut text = Vec::new();
        write_double(*number, &mut text).ok()?;
        return String::from_utf8(text).ok();
    }
    match (value, value.to_json()) {
        (Value::Bytes(bytes), _) => String::from_utf8(bytes.clone()).ok(),
        (Value::Null, _) => None,
        (_, serde_json::Value::String(text)) => Some(text),
        (_, json @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => Some(json.to_string()),
        _ => None,
    }
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        // As in CEL, what is behind the point is cut off. Both bounds are exact as floats; the upper one does not fit.
        Value::Float(value) => {
            let whole = value.trunc();
            (-(2f64.powi(63))..2f64.powi(63))
                .contains(&whole)
                .then_some(whole as i64)
        }
        value => match times::instant(value) {
            Some(time) => Some(time.as_seconds()),
            None => text(value)?.parse().ok(),
        },
    }
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        Value::UInt(value) => Some(*value as f64),
        Value::Decimal(value) => value.to_string().parse().ok(),
        value => text(value)?.parse().ok(),
    }
}

fn decimal(value: &Value) -> Result<Value, String> {
    if let Some(number) = exact(value) {
        return Ok(Value::Decimal(number));
    }
    let digits = text(value).ok_or_else(|| {
        format!(
            "`decimal` is not for {}, but for digits as text, such as decimal('0.00')",
            shown(value)
        )
    })?;
    let number = digits.parse();
    number
        .map(Value::Decimal)
        .map_err(|error: DecimalError| format!("decimal({}): {error}", shown(value)))
}

/// The name of a value's type, CEL's where it has one.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null_type",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::UInt(_) => "int",
        Value::Float(_) => "double",
        Value::Decimal(_) => "decimal",
        Value::String(_) | Value::Enum(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Timestamp { .. } | Value::TimestampMicros { .. } | Value::TimestampNanos(_) => "timestamp",
        Value::Duration(_) => "duration",
        Value::Date(_) => "date",
        Value::Time { .. } => "time",
        Value::Uuid(_) => "uuid",
        Value::Array(_) => "list",
        Value::Map(_) | Value::Record { .. } => "map",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_double_is_what_a_state_shows() {
        let check = |double: f64, wanted: &str| {
            let text = Function::String.call(&[&Value::Float(double)]);
            assert_eq!(text, Ok(Value::String(wanted.to_owned())));
        };
        check(1.0, "1");
        check(-0.0, "0");
        check(123.456, "123.456");
        check(-4.5e-3, "-0.0045");
        check(1e-7, "1e-7");
        check(1e16, "10000000000000000");
        check(1e21, "1e+21");
        check(f64::NAN, "NaN");
        check(f64::NEG_INFINITY, "-Infinity");
    }

    #[test]
    fn a_text_has_only_so_many_parts() {
        let split = |parts: usize, between: &str| {
            let text = vec!["a"; parts].join(";");
            Function::Split.call(&[&Value::String(text), &Value::String(between.to_owned())])
        };
        let Ok(Value::Array(parts)) = split(SPLIT_PARTS_MAX, ";") else {
            panic!("so many are taken");
        };
        assert_eq!(parts.len(), SPLIT_PARTS_MAX);
        assert!(
            split(SPLIT_PARTS_MAX + 1, ";")
                .unwrap_err()
                .contains("10000 parts")
        );
        assert!(split(2, "").unwrap_err().contains("empty"));
    }
}
