//! The operations of a declarative fold, and what each does to the state.
//!
//! Invariant: sums are exact or they halt the fold. A value that does not fit 64 bits (integers) or 128 (decimals) halts.

use annals_schema_model::Value;

use super::eval::{Scope, equal, evaluate, exact, holds};
use super::expr::Node;
use crate::fold::Raw;

/// The state: fields in the order they were first set.
pub(crate) type Fields = Vec<(String, Value)>;

/// One operation on one field.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) condition: Option<Node>,
    pub(crate) field: String,
    pub(crate) verb: Verb,
    /// Where it stands in the file.
    pub(crate) line: u32,
}

#[derive(Debug)]
pub(crate) enum Verb {
    Set(Node),
    Add(Node),
    Sub(Node),
    Inc(Node),
    Append(Node),
    RemoveWhere(Node),
    UpsertBy { key: String, value: Vec<(String, Node)> },
}

impl Verb {
    /// The word in the file.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Verb::Set(_) => "set",
            Verb::Add(_) => "add",
            Verb::Sub(_) => "sub",
            Verb::Inc(_) => "inc",
            Verb::Append(_) => "append",
            Verb::RemoveWhere(_) => "remove-where",
            Verb::UpsertBy { .. } => "upsert-by",
        }
    }
}

/// How to take back what one operation did.
enum Undo {
    /// The field was this, or was not there.
    Field(String, Option<Value>),
    /// The list was so long.
    Length(String, usize),
    /// The element of the list was this.
    Element(String, usize, Value),
}

/// Runs a block. On an error the state is what it was before.
pub(crate) fn run(
    block: &[Operation],
    state: &mut Fields,
    event: &Value,
    raw: &Raw<'_>,
) -> Result<(), String> {
    let mut done = Vec::new();
    for operation in block {
        if let Err(reason) = operation.run(state, event, raw, &mut done) {
            done.into_iter().rev().for_each(|undo| take_back(undo, state));
            return Err(format!(
                "{reason} (line {} of the fold, field `{}`)",
                operation.line, operation.field
            ));
        }
    }
    Ok(())
}

fn take_back(undo: Undo, state: &mut Fields) {
    let name = match &undo {
        Undo::Field(name, _) | Undo::Length(name, _) | Undo::Element(name, ..) => name,
    };
    let Some(place) = state.iter().position(|(field, _)| field == name) else {
        return;
    };
    match (undo, state.get_mut(place)) {
        (Undo::Field(_, Some(old)), Some((_, value))) => *value = old,
        (Undo::Field(_, None), _) => drop(state.remove(place)),
        (Undo::Length(_, length), Some((_, Value::Array(items)))) => items.truncate(length),
        (Undo::Element(_, at, old), Some((_, Value::Array(items)))) => {
            if let Some(item) = items.get_mut(at) {
                *item = old;
            }
        }
        _ => {}
    }
}

impl Operation {
    fn run(
        &self,
        state: &mut Fields,
        event: &Value,
        raw: &Raw<'_>,
        done: &mut Vec<Undo>,
    ) -> Result<(), String> {
        let scope = Scope {
            event,
            raw,
            state,
            it: None,
        };
        if let Some(condition) = &self.condition
            && !holds(condition, &scope)?
        {
            return Ok(());
        }
        let name = || self.field.clone();
        match &self.verb {
            Verb::Set(node) => {
                let value = evaluate(node, &scope)?.into_owned();
                done.push(match state.iter_mut().find(|(field, _)| *field == self.field) {
                    Some((_, old)) => Undo::Field(name(), Some(std::mem::replace(old, value))),
                    None => {
                        state.push((name(), value));
                        Undo::Field(name(), None)
                    }
                });
            }
            Verb::Add(node) | Verb::Sub(node) | Verb::Inc(node) => {
                let value = evaluate(node, &scope)?.into_owned();
                let field = self.field(state)?;
                let result = sum(field, &value, matches!(self.verb, Verb::Sub(_)))?;
                done.push(Undo::Field(name(), Some(std::mem::replace(field, result))));
            }
            Verb::Append(node) => {
                let value = evaluate(node, &scope)?.into_owned();
                let list = self.list(state)?;
                done.push(Undo::Length(name(), list.len()));
                list.push(value);
            }
            Verb::RemoveWhere(condition) => {
                let removed = self.matching(condition, &scope)?;
                if removed.contains(&true) {
                    let list = self.list(state)?;
                    done.push(Undo::Field(name(), Some(Value::Array(list.clone()))));
                    let mut removed = removed.into_iter();
                    list.retain(|_| !removed.next().unwrap_or(false));
                }
            }
            Verb::UpsertBy { key, value } => {
                let value = value
                    .iter()
                    .map(|(name, node)| Ok((name.clone(), evaluate(node, &scope)?.into_owned())));
                let value: Fields = value.collect::<Result<_, String>>()?;
                done.push(self.upsert(self.list(state)?, key, value)?);
            }
        }
        Ok(())
    }

    fn field<'s>(&self, state: &'s mut Fields) -> Result<&'s mut Value, String> {
        let field = state
            .iter_mut()
            .find(|(name, _)| *name == self.field)
            .map(|(_, value)| value);
        field.ok_or_else(|| "nothing has set this field yet".to_owned())
    }

    fn list<'s>(&self, state: &'s mut Fields) -> Result<&'s mut Vec<Value>, String> {
        match self.field(state)? {
            Value::Array(items) => Ok(items),
            other => Err(format!("{} is no list", other.to_json())),
        }
    }

    /// For each element of the list whether the condition holds.
    fn matching(&self, condition: &Node, scope: &Scope<'_>) -> Result<Vec<bool>, String> {
        let list = scope.state.iter().find(|(name, _)| *name == self.field);
        let Some((_, Value::Array(items))) = list else {
            return Err("the field is no list".to_owned());
        };
        items
            .iter()
            .map(|item| {
                holds(
                    condition,
                    &Scope {
                        it: Some(item),
                        ..*scope
                    },
                )
            })
            .collect()
    }

    fn upsert(&self, list: &mut Vec<Value>, key: &str, value: Fields) -> Result<Undo, String> {
        let wanted = value.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        let wanted = wanted.ok_or_else(|| format!("the value has no field `{key}`"))?;
        let place = list
            .iter()
            .position(|item| item.get(key).is_some_and(|found| equal(found, wanted)));
        let name = self.field.clone();
        let undo = place.and_then(|place| Some(Undo::Element(name, place, list.get(place)?.clone())));
        let (Some(undo), Some(Value::Record { fields, .. } | Value::Map(fields))) =
            (undo, place.and_then(|place| list.get_mut(place)))
        else {
            list.push(Value::Map(value));
            return Ok(Undo::Length(self.field.clone(), list.len() - 1));
        };
        for (name, value) in value {
            match fields.iter_mut().find(|(field, _)| *field == name) {
                Some((_, old)) => *old = value,
                None => fields.push((name, value)),
            }
        }
        Ok(undo)
    }
}

fn sum(a: &Value, b: &Value, negate: bool) -> Result<Value, String> {
    let wrong = |value: &Value| format!("{} is no exact number", value.to_json());
    let (left, right) = (
        exact(a).ok_or_else(|| wrong(a))?,
        exact(b).ok_or_else(|| wrong(b))?,
    );
    let result = if negate {
        left.checked_sub(right)
    } else {
        left.checked_add(right)
    };
    let too_large = || format!("{left} and {right} together have too many digits");
    let result = result.ok_or_else(too_large)?;
    if matches!(a, Value::Decimal(_)) || matches!(b, Value::Decimal(_)) {
        return Ok(Value::Decimal(result));
    }
    i64::try_from(result.unscaled)
        .map(Value::Int)
        .map_err(|_| too_large())
}
