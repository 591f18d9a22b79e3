//! Runs a lowered expression on borrowed values.
//!
//! `&&` and `||` are CEL's: an error on one side does not matter when the other decides.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::arithmetic::{self, exact, negated};
use super::each;
use super::times::{instant, span};
use super::{Comparison, Function, Node, Scope};
use crate::Value;

/// Characters of a value that a sentence shows.
const SHOWN_CHARS_MAX: usize = 200;

/// The value of an expression.
///
/// # Errors
/// A sentence that says why it has none.
pub fn evaluate<'a>(node: &'a Node, scope: &Scope<'a>) -> Result<Cow<'a, Value>, String> {
    Ok(match node {
        Node::Literal(value) => Cow::Borrowed(value),
        Node::Path(path) => return scope.find(path, path.steps.len()),
        Node::If(condition, then, other) => {
            return evaluate(if holds(condition, scope)? { then } else { other }, scope);
        }
        Node::Field(of, name) => {
            let of = evaluate(of, scope)?;
            scope.spend_on_a_look_into(&of)?;
            let found = of.get(name).cloned();
            return scope.made(found.ok_or_else(|| format!("there is no `{name}`"))?);
        }
        Node::Index(of, key) => {
            let (of, key) = (evaluate(of, scope)?, evaluate(key, scope)?);
            scope.spend_on_a_look_into(&of)?;
            return scope.made(each::index(&of, &key)?);
        }
        Node::Compute(arithmetic, a, b) => {
            let (a, b) = (evaluate(a, scope)?, evaluate(b, scope)?);
            scope.spend_on(&a)?;
            scope.spend_on(&b)?;
            return scope.made(arithmetic.compute(&a, &b)?);
        }
        Node::Negate(of) => Cow::Owned(negated(&*evaluate(of, scope)?)?),
        Node::Call(function, arguments) => {
            let arguments = arguments.iter().map(|argument| evaluate(argument, scope));
            let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
            for argument in &arguments {
                // The size of a list is at hand.
                let gone_through = *function != Function::Size || text(argument).is_some();
                if gone_through {
                    scope.spend_on(argument)?;
                }
            }
            return scope.made(function.call(&arguments)?);
        }
        Node::List(items) => {
            let items = items.iter().map(|item| scope.kept(evaluate(item, scope)?));
            Cow::Owned(Value::Array(items.collect::<Result<_, _>>()?))
        }
        Node::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, node)| Ok((key.clone(), scope.kept(evaluate(node, scope)?)?)));
            Cow::Owned(Value::Map(entries.collect::<Result<_, String>>()?))
        }
        Node::Each {
            each: which,
            of,
            body,
            condition,
        } => {
            let of = evaluate(of, scope)?;
            Cow::Owned(each::run(*which, &of, body, condition.as_deref(), scope)?)
        }
        Node::Compare(..)
        | Node::And(..)
        | Node::Or(..)
        | Node::Not(_)
        | Node::In(..)
        | Node::Has(_)
        | Node::Matches(..) => Cow::Owned(Value::Bool(holds(node, scope)?)),
    })
}

/// Whether a condition holds.
///
/// # Errors
/// A sentence that says why that is not known.
pub fn holds(node: &Node, scope: &Scope<'_>) -> Result<bool, String> {
    match node {
        Node::And(a, b) => either_decides(holds(a, scope), || holds(b, scope), false),
        Node::Or(a, b) => either_decides(holds(a, scope), || holds(b, scope), true),
        Node::Not(inner) => holds(inner, scope).map(|holds| !holds),
        Node::In(a, b) => {
            let of = evaluate(b, scope)?;
            scope.spend_on(&of)?;
            each::contains(&of, &*evaluate(a, scope)?)
        }
        Node::Matches(of, pattern) => {
            let of = evaluate(of, scope)?;
            let text = text(&of).ok_or_else(|| format!("`matches` is not for {}", shown(&of)))?;
            scope.spend(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
            Ok(pattern.is_match(text))
        }
        Node::Has(path) => scope.has(path),
        Node::Compare(comparison, a, b) => {
            let (a, b) = (evaluate(a, scope)?, evaluate(b, scope)?);
            scope.spend_on(&a)?;
            scope.spend_on(&b)?;
            compare(*comparison, &a, &b)
        }
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

/// A value as a sentence shows it: as JSON, but for decimals, which are numbers there, and not at any length. What is not
/// shown is not gone through either.
#[must_use]
pub fn shown(value: &Value) -> String {
    let mut text = String::new();
    show(value, &mut text);
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// As much of a text as may be shown, and a character more where there is more.
fn head(text: &str) -> &str {
    let end = text.char_indices().nth(SHOWN_CHARS_MAX + 1);
    end.map_or(text, |(end, _)| &text[..end])
}

/// Whether no more of it would be shown.
fn is_full(text: &str) -> bool {
    text.len() > SHOWN_CHARS_MAX && text.chars().nth(SHOWN_CHARS_MAX).is_some()
}

fn show(value: &Value, text: &mut String) {
    if is_full(text) {
        return;
    }
    match value {
        Value::String(value) | Value::Enum(value) => {
            text.push_str(&serde_json::Value::from(head(value)).to_string());
        }
        Value::Bytes(bytes) => {
            let shown = bytes.get(..SHOWN_CHARS_MAX).unwrap_or(bytes);
            text.push_str(&Value::Bytes(shown.to_vec()).to_json().to_string());
        }
        Value::Decimal(value) => text.push_str(&value.to_string()),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if is_full(text) {
                    break;
                }
                text.push_str(if place == 0 { "" } else { "," });
                show(item, text);
            }
            text.push(']');
        }
        Value::Map(entries) | Value::Record { fields: entries, .. } => {
            text.push('{');
            for (place, (name, entry)) in entries.iter().enumerate() {
                if is_full(text) {
                    break;
                }
                text.push_str(if place == 0 { "" } else { "," });
                text.push_str(&format!("{}:", serde_json::Value::from(head(name))));
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

/// Which of two values is less; nothing where they have no order.
#[must_use]
pub fn order(a: &Value, b: &Value) -> Option<Ordering> {
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
    if let (Some(a), Some(b)) = (instant(a), instant(b)) {
        return Some(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (span(a), span(b)) {
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
#[must_use]
pub fn equal(a: &Value, b: &Value) -> bool {
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

#[cfg(test)]
mod tests {
    use super::super::{Budget, Names, Path, Roots, lower};
    use super::*;

    struct Message(Value);

    impl Roots for Message {
        fn start(&self, _: &Path, _: usize) -> Result<(Cow<'_, Value>, usize), String> {
            Ok((Cow::Borrowed(&self.0), 0))
        }
    }

    static NAMES: Names = Names {
        known: &["message"],
        told: "message",
        besides: "",
    };

    #[test]
    fn an_expression_has_only_so_many_bytes() {
        let padded = |bytes| format!("{:bytes$}", "message == 1");
        assert!(lower(&padded(4_096), &NAMES).is_ok());
        let refused = lower(&padded(4_097), &NAMES).unwrap_err();
        assert!(refused.contains("at most 4096 bytes"), "{refused}");
    }

    /// An error is a sentence with both sides in it, however large they are.
    #[test]
    fn both_sides_of_an_operation_are_paid_for() {
        let items = (0..1_000).map(Value::Int).collect();
        let message = Message(Value::Map(vec![
            ("items".into(), Value::Array(items)),
            ("name".into(), Value::String("x".repeat(100_000))),
        ]));
        for text in [
            "message.items.all(x, x < message.name)",
            "message.items.all(x, x + message.name > 0)",
            "message.items.all(x, message.name * x > 0)",
        ] {
            let node = lower(text, &NAMES).unwrap();
            let budget = Budget::new(1_000_000);
            let scope = Scope::new(&message).within(&budget);
            assert!(!holds(&node, &scope).unwrap_or(false), "{text}");
            assert!(scope.spend(1).is_err(), "{text} has used up its budget");
        }
    }

    #[test]
    fn what_is_shown_of_a_large_value_is_its_beginning() {
        let long = "\u{e9}\"".repeat(10_000);
        let list = |item: Value| Value::Array(vec![item; 1_000]);
        for value in [
            Value::String(long.clone()),
            Value::Bytes(vec![7; 100_000]),
            Value::Map(vec![(long.as_str().into(), Value::Null)]),
            list(Value::Int(1)),
            list(Value::Array(Vec::new())),
            list(list(Value::Bool(true))),
            list(Value::String(long)),
        ] {
            let whole: String = value
                .to_json()
                .to_string()
                .chars()
                .take(SHOWN_CHARS_MAX)
                .collect();
            assert_eq!(shown(&value), format!("{whole}…"));
            let mut text = String::new();
            show(&value, &mut text);
            assert!(text.len() < 8 * SHOWN_CHARS_MAX, "{} bytes were made", text.len());
        }
        assert_eq!(shown(&Value::String("short".to_owned())), "\"short\"");
    }
}
