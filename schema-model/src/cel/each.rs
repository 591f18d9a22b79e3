//! Expressions over lists and maps: the macros, `in`, and the index.
//!
//! `all` and `exists` are CEL's: an element for which the condition is an error does not matter when another decides.
//! A map is gone through by its keys.

use std::borrow::Cow;

use super::eval::{equal, evaluate, holds, shown, text};
use super::scope::Variable;
use super::{Each, Node, Scope};
use crate::Value;

/// What a macro makes of a list or a map.
pub(super) fn run(
    each: Each,
    of: &Value,
    body: &Node,
    condition: Option<&Node>,
    scope: &Scope<'_>,
) -> Result<Value, String> {
    if !matches!(of, Value::Array(_)) {
        scope.spend_on(of)?;
    }
    let elements = elements(of)?;
    let holding = |element: &Value| with(scope, element, |scope| holds(body, scope));
    let mut taken = Vec::new();
    match each {
        Each::All => return decided(&elements, false, holding).map(|any| Value::Bool(!any)),
        Each::Exists => return decided(&elements, true, holding).map(Value::Bool),
        Each::ExistsOne => {
            let mut count = 0usize;
            for element in elements.iter() {
                count += usize::from(holding(element)?);
            }
            return Ok(Value::Bool(count == 1));
        }
        Each::Filter => {
            for element in elements.iter() {
                if holding(element)? {
                    taken.push(scope.kept(Cow::Borrowed(element))?);
                }
            }
        }
        Each::Map => {
            for element in elements.iter() {
                let wanted = |condition| with(scope, element, |scope| holds(condition, scope));
                if condition.map_or(Ok(true), wanted)? {
                    let value = with(scope, element, |scope| scope.kept(evaluate(body, scope)?));
                    taken.push(value?);
                }
            }
        }
    }
    Ok(Value::Array(taken))
}

/// Whether a condition comes out so for any element.
fn decided(
    elements: &[Value],
    deciding: bool,
    holds: impl Fn(&Value) -> Result<bool, String>,
) -> Result<bool, String> {
    let mut failed = None;
    for element in elements {
        match holds(element) {
            Ok(holds) if holds == deciding => return Ok(true),
            Ok(_) => {}
            Err(error) => drop(failed.get_or_insert(error)),
        }
    }
    failed.map_or(Ok(false), Err)
}

/// Asks with one more variable.
fn with<T>(
    scope: &Scope<'_>,
    value: &Value,
    ask: impl FnOnce(&Scope<'_>) -> Result<T, String>,
) -> Result<T, String> {
    scope.spend(1)?;
    let outer = scope.variables;
    let depth = outer.map_or(0, |outer| outer.depth + 1);
    let variable = Variable { value, depth, outer };
    ask(&Scope {
        variables: Some(&variable),
        ..*scope
    })
}

fn elements(of: &Value) -> Result<Cow<'_, [Value]>, String> {
    match of {
        Value::Array(items) => Ok(Cow::Borrowed(items)),
        Value::Map(entries) | Value::Record { fields: entries, .. } => {
            let keys = entries.iter().map(|(key, _)| Value::String(key.to_string()));
            Ok(Cow::Owned(keys.collect()))
        }
        other => Err(format!("{} is no list", shown(other))),
    }
}

/// Whether a list has an equal element, or a map the key.
pub(super) fn contains(of: &Value, wanted: &Value) -> Result<bool, String> {
    Ok(elements(of)?.iter().any(|element| equal(element, wanted)))
}

/// The element at a place, or the value of a key.
pub(super) fn index(of: &Value, key: &Value) -> Result<Value, String> {
    let found = match (of, key) {
        (Value::Array(items), Value::Int(place)) => {
            usize::try_from(*place).ok().and_then(|place| items.get(place))
        }
        (Value::Map(_) | Value::Record { .. }, key) => text(key).and_then(|key| of.get(key)),
        _ => None,
    };
    found
        .cloned()
        .ok_or_else(|| format!("there is no element {} in it", shown(key)))
}
