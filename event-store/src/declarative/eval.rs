//! Runs a lowered expression on borrowed values.
//!
//! `&&` and `||` are CEL's: an error on one side does not matter when the other decides.

use std::borrow::Cow;
use std::cmp::Ordering;

use annals_schema_model::Value;
use bytes::Bytes;

use super::arithmetic::{self, exact, negated};
use super::each;
use super::expr::{Comparison, Node, Path, Root};
use super::verb::Input;
use crate::key::key_text;

/// Characters of a value that a sentence shows.
const SHOWN_CHARS_MAX: usize = 200;

/// What expressions are evaluated over.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) input: Input<'a>,
    pub(crate) state: &'a [Option<Value>],
    pub(crate) it: Option<&'a Value>,
    pub(crate) variables: Option<&'a Variable<'a>>,
}

/// The variable of a macro, and those of the macros around it.
pub(crate) struct Variable<'a> {
    pub(crate) value: &'a Value,
    /// How many macros there are around this one.
    pub(crate) depth: usize,
    pub(crate) outer: Option<&'a Variable<'a>>,
}

/// The names under `at`, besides `headers`.
pub(crate) const AT_FIELDS: [&str; 9] = [
    "offset",
    "revision",
    "partition",
    "recorded",
    "recorded_ms",
    "schema_id",
    "key",
    "actor",
    "business_time",
];

impl<'a> Scope<'a> {
    fn at(&self, name: &str) -> Option<Value> {
        let at = &self.input.raw.at;
        let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::String(text.to_owned()));
        Some(match name {
            "offset" => Value::Int(at.offset),
            "revision" => Value::Int(i64::try_from(at.revision).unwrap_or(i64::MAX)),
            "partition" => Value::Int(i64::from(at.partition)),
            "recorded" => Value::Timestamp {
                millis: at.recorded_ms,
            },
            "recorded_ms" => Value::Int(at.recorded_ms),
            "schema_id" => Value::Int(i64::from(self.input.raw.schema.get())),
            "key" => Value::String(key_text(self.input.raw.key)),
            "actor" => text(at.actor()),
            "business_time" => at.business_time().map_or(Value::Null, |time| Value::Timestamp {
                millis: time.as_millis(),
            }),
            "headers" => Value::Map(
                at.headers
                    .iter()
                    .map(|(name, value)| (name.clone(), header(value.as_ref())))
                    .collect(),
            ),
            _ => return None,
        })
    }

    /// The value a path leads to by its first so many steps.
    fn find(&self, path: &Path, steps: usize) -> Result<Cow<'a, Value>, String> {
        let taken = path.steps.get(..steps).unwrap_or_default();
        let (first, rest) = match (path.root, taken.split_first()) {
            (Root::Event, _) => (Cow::Borrowed(self.input.event), taken),
            (Root::It, _) => (
                Cow::Borrowed(self.it.ok_or("`it` is only in remove-where")?),
                taken,
            ),
            (Root::Variable(depth), _) => (Cow::Borrowed(self.variable(depth)?), taken),
            (Root::State, Some((field, rest))) => {
                let value = self.state.get(path.slot).and_then(Option::as_ref);
                (
                    Cow::Borrowed(value.ok_or_else(|| format!("state.{field} is not set yet"))?),
                    rest,
                )
            }
            (Root::At, Some((field, [header]))) if field == "headers" => {
                let value = self
                    .input
                    .raw
                    .at
                    .headers
                    .iter()
                    .rev()
                    .find(|(name, _)| name == header);
                return Ok(Cow::Owned(
                    value.map_or(Value::Null, |(_, value)| self::header(value.as_ref())),
                ));
            }
            (Root::At, Some((field, rest))) => (
                Cow::Owned(self.at(field).ok_or_else(|| format!("at has no field {field}"))?),
                rest,
            ),
            (Root::State, None) => return Ok(Cow::Owned(self.whole_state())),
            (Root::At, None) => return Ok(Cow::Owned(self.whole_at())),
        };
        rest.iter().try_fold(first, |value, step| match value {
            Cow::Borrowed(value) => value
                .get(step)
                .map(Cow::Borrowed)
                .ok_or_else(|| missing(path, value, step)),
            Cow::Owned(value) => value
                .get(step)
                .cloned()
                .map(Cow::Owned)
                .ok_or_else(|| missing(path, &value, step)),
        })
    }

    fn variable(&self, depth: usize) -> Result<&'a Value, String> {
        let mut variable = self.variables;
        while let Some(this) = variable {
            if this.depth == depth {
                return Ok(this.value);
            }
            variable = this.outer;
        }
        Err("the variable has no value".to_owned())
    }

    /// Whether the last step of a path leads anywhere.
    fn has(&self, path: &Path) -> Result<bool, String> {
        let Some((last, before)) = path.steps.split_last() else {
            return Ok(true);
        };
        if before.is_empty() && path.root == Root::State {
            return Ok(self.state.get(path.slot).is_some_and(Option::is_some));
        }
        let of = match (path.root, before) {
            (Root::At, [_, ..]) => self
                .whole_at()
                .get(before.first().map_or("", String::as_str))
                .cloned(),
            (Root::At, []) => Some(self.whole_at()),
            _ => Some(self.find(path, before.len())?.into_owned()),
        };
        Ok(of.is_some_and(|of| of.get(last).is_some()))
    }

    fn whole_state(&self) -> Value {
        let fields = self.input.names.iter().zip(self.state);
        Value::Map(
            fields
                .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
                .collect(),
        )
    }

    fn whole_at(&self) -> Value {
        let names = AT_FIELDS.iter().copied().chain(["headers"]);
        Value::Map(
            names
                .filter_map(|name| Some((name.to_owned(), self.at(name)?)))
                .collect(),
        )
    }
}

fn header(value: Option<&Bytes>) -> Value {
    match value.map(|bytes| std::str::from_utf8(bytes)) {
        None => Value::Null,
        Some(Ok(text)) => Value::String(text.to_owned()),
        Some(Err(_)) => Value::Bytes(value.map(|bytes| bytes.to_vec()).unwrap_or_default()),
    }
}

fn missing(path: &Path, value: &Value, step: &str) -> String {
    let path = format!("{}.{}", path.root.name(), path.steps.join("."));
    match value {
        Value::Null => format!("{path}: what `{step}` is asked of is null; test it for null first"),
        _ => format!("{path}: there is no `{step}`"),
    }
}

/// The value of an expression.
pub(crate) fn evaluate<'a>(node: &'a Node, scope: &Scope<'a>) -> Result<Cow<'a, Value>, String> {
    Ok(match node {
        Node::Literal(value) => Cow::Borrowed(value),
        Node::Path(path) => return scope.find(path, path.steps.len()),
        Node::If(condition, then, other) => {
            return evaluate(if holds(condition, scope)? { then } else { other }, scope);
        }
        Node::Field(of, name) => {
            let of = evaluate(of, scope)?;
            Cow::Owned(
                of.get(name)
                    .cloned()
                    .ok_or_else(|| format!("there is no `{name}`"))?,
            )
        }
        Node::Index(of, key) => Cow::Owned(each::index(&*evaluate(of, scope)?, &*evaluate(key, scope)?)?),
        Node::Compute(arithmetic, a, b) => {
            Cow::Owned(arithmetic.compute(&*evaluate(a, scope)?, &*evaluate(b, scope)?)?)
        }
        Node::Negate(of) => Cow::Owned(negated(&*evaluate(of, scope)?)?),
        Node::Call(function, arguments) => {
            let arguments = arguments.iter().map(|argument| evaluate(argument, scope));
            Cow::Owned(function.call(&arguments.collect::<Result<Vec<_>, _>>()?)?)
        }
        Node::List(items) => {
            let items = items
                .iter()
                .map(|item| evaluate(item, scope).map(Cow::into_owned));
            Cow::Owned(Value::Array(items.collect::<Result<_, _>>()?))
        }
        Node::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, node)| Ok((key.clone(), evaluate(node, scope)?.into_owned())));
            Cow::Owned(Value::Map(entries.collect::<Result<_, String>>()?))
        }
        Node::Each {
            each: which,
            of,
            body,
            condition,
        } => Cow::Owned(each::run(
            *which,
            &*evaluate(of, scope)?,
            body,
            condition.as_deref(),
            scope,
        )?),
        Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) | Node::In(..) | Node::Has(_) => {
            Cow::Owned(Value::Bool(holds(node, scope)?))
        }
    })
}

/// Whether a condition holds.
pub(crate) fn holds(node: &Node, scope: &Scope<'_>) -> Result<bool, String> {
    match node {
        Node::And(a, b) => either_decides(holds(a, scope), || holds(b, scope), false),
        Node::Or(a, b) => either_decides(holds(a, scope), || holds(b, scope), true),
        Node::Not(inner) => holds(inner, scope).map(|holds| !holds),
        Node::In(a, b) => each::contains(&*evaluate(b, scope)?, &*evaluate(a, scope)?),
        Node::Has(path) => scope.has(path),
        Node::Compare(comparison, a, b) => compare(*comparison, &*evaluate(a, scope)?, &*evaluate(b, scope)?),
        other => match &*evaluate(other, scope)? {
            Value::Bool(holds) => Ok(*holds),
            value => Err(format!(
                "a condition came out as {}, not as true or false",
                shown(value)
            )),
        },
    }
}

/// `&&` and `||`: what decides does so whatever the other side is.
fn either_decides(
    first: Result<bool, String>,
    second: impl FnOnce() -> Result<bool, String>,
    deciding: bool,
) -> Result<bool, String> {
    match first {
        Ok(value) if value == deciding => Ok(deciding),
        first => match (first, second()) {
            (_, Ok(value)) if value == deciding => Ok(deciding),
            (Err(error), _) => Err(error),
            (Ok(_), second) => second,
        },
    }
}

fn compare(comparison: Comparison, a: &Value, b: &Value) -> Result<bool, String> {
    match comparison {
        Comparison::Equal => return Ok(equal(a, b)),
        Comparison::NotEqual => return Ok(!equal(a, b)),
        _ => {}
    }
    let order = order(a, b).ok_or_else(|| format!("{} and {} have no order", shown(a), shown(b)))?;
    Ok(match comparison {
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}

fn micros(value: &Value) -> Option<i128> {
    match value {
        Value::Timestamp { millis } => Some(i128::from(*millis) * 1_000),
        Value::TimestampMicros { micros } => Some(i128::from(*micros)),
        _ => None,
    }
}

/// A value as a sentence shows it: as JSON, but for decimals, which are numbers there, and not at any length.
pub(crate) fn shown(value: &Value) -> String {
    let mut text = String::new();
    show(value, &mut text);
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn show(value: &Value, text: &mut String) {
    match value {
        Value::Decimal(value) => text.push_str(&value.to_string()),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().take(SHOWN_CHARS_MAX).enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                show(item, text);
            }
            text.push(']');
        }
        Value::Map(entries) | Value::Record { fields: entries, .. } => {
            text.push('{');
            for (place, (name, entry)) in entries.iter().take(SHOWN_CHARS_MAX).enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                text.push_str(&format!("{}:", serde_json::Value::from(name.as_str())));
                show(entry, text);
            }
            text.push('}');
        }
        value => text.push_str(&value.to_json().to_string()),
    }
}

/// The text of a value that is one.
pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(value) | Value::Enum(value) => Some(value),
        _ => None,
    }
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        // By far the most common, and a detour over decimals costs a division.
        (Value::Int(a), Value::Int(b)) => return Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => return Some(a.cmp(b)),
        _ => {}
    }
    if let (Some(a), Some(b)) = (exact(a), exact(b)) {
        return Some(a.cmp(&b));
    }
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => return a.partial_cmp(b),
        (Value::Float(a), b) => return arithmetic::order(*a, &exact(b)?),
        (a, Value::Float(b)) => return arithmetic::order(*b, &exact(a)?).map(Ordering::reverse),
        _ => {}
    }
    if let (Some(a), Some(b)) = (micros(a), micros(b)) {
        return Some(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (text(a), text(b)) {
        return Some(a.cmp(b));
    }
    match (a, b) {
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        (Value::Time { micros: a }, Value::Time { micros: b }) => Some(a.cmp(b)),
        (Value::Uuid(a), Value::Uuid(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Whether two values are the same; values of different types are not.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Map(a) | Value::Record { fields: a, .. }, Value::Map(_) | Value::Record { .. }) => {
            let count = match b {
                Value::Map(b) | Value::Record { fields: b, .. } => b.len(),
                _ => 0,
            };
            a.len() == count && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => order(a, b) == Some(Ordering::Equal),
    }
}
