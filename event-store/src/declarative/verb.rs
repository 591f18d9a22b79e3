//! The operations of a declarative fold, and what each does to the state.
//!
//! Invariant: sums are exact or they halt the fold. A value that does not fit 64 bits (integers) or 128 (decimals) halts.

use annals_schema_model::Value;
use annals_schema_model::cel::{Arithmetic, Node, Scope, equal, evaluate, exact, holds, shown};

use super::names::Meant;
use super::slots::State;
use crate::fold::Recorded;

/// One operation on one field.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) condition: Option<Node>,
    pub(crate) field: String,
    /// The field's place in the state.
    pub(crate) slot: usize,
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

/// What a block is run over, besides the state.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) event: &'a Value,
    pub(crate) recorded: &'a Recorded<'a>,
    /// The names of the state's fields, by slot.
    pub(crate) names: &'a [String],
}

/// How to take back what one operation did to its slot.
enum Undo {
    /// The field was this, or not set.
    Field(Option<Value>),
    /// The list was so long.
    Length(usize),
    /// In the element at this place, so many fields were there, and these had other values.
    Element {
        at: usize,
        fields: usize,
        old: Vec<(usize, Value)>,
    },
}

/// Runs a block. On an error the state is what it was before.
pub(crate) fn run(block: &[Operation], state: &mut State, input: Input<'_>) -> Result<(), String> {
    let mut done = Vec::with_capacity(block.len());
    for operation in block {
        match operation.run(state, input) {
            Ok(undo) => done.extend(undo.map(|undo| (operation.slot, undo))),
            Err(reason) => {
                done.into_iter()
                    .rev()
                    .for_each(|(slot, undo)| take_back(undo, state.get_mut(slot)));
                let (line, field) = (operation.line, &operation.field);
                return Err(format!("{reason} (line {line} of the fold, field `{field}`)"));
            }
        }
    }
    Ok(())
}

fn take_back(undo: Undo, slot: Option<&mut Option<Value>>) {
    let Some(slot) = slot else { return };
    match (undo, slot) {
        (Undo::Field(old), slot) => *slot = old,
        (Undo::Length(length), Some(Value::Array(items))) => items.truncate(length),
        (
            Undo::Element {
                at,
                fields: count,
                old,
            },
            Some(Value::Array(items)),
        ) => {
            let Some(Value::Record { fields, .. } | Value::Map(fields)) = items.get_mut(at) else {
                return;
            };
            fields.truncate(count);
            for (place, value) in old.into_iter().rev() {
                if let Some((_, field)) = fields.get_mut(place) {
                    *field = value;
                }
            }
        }
        _ => {}
    }
}

impl Operation {
    /// Does it, unless its condition says no, and tells how to take it back.
    fn run(&self, state: &mut State, input: Input<'_>) -> Result<Option<Undo>, String> {
        let meant = Meant {
            input,
            state,
            it: None,
        };
        let scope = Scope::new(&meant);
        if let Some(condition) = &self.condition
            && !holds(condition, &scope)?
        {
            return Ok(None);
        }
        Ok(Some(match &self.verb {
            Verb::Set(node) => {
                let value = evaluate(node, &scope)?.into_owned();
                let slot = state.get_mut(self.slot).ok_or("the field has no slot")?;
                Undo::Field(slot.replace(value))
            }
            Verb::Add(node) | Verb::Sub(node) | Verb::Inc(node) => {
                let value = evaluate(node, &scope)?.into_owned();
                let field = self.field(state)?;
                let result = sum(field, &value, matches!(self.verb, Verb::Sub(_)))?;
                Undo::Field(Some(std::mem::replace(field, result)))
            }
            Verb::Append(node) => {
                let value = evaluate(node, &scope)?.into_owned();
                let list = self.list(state)?;
                list.push(value);
                Undo::Length(list.len() - 1)
            }
            Verb::RemoveWhere(condition) => {
                let removed = self.matching(condition, meant)?;
                if removed.is_empty() {
                    return Ok(None);
                }
                let list = self.list(state)?;
                let old = list.clone();
                let mut place = 0..;
                list.retain(|_| {
                    place
                        .next()
                        .is_none_or(|place: usize| removed.binary_search(&place).is_err())
                });
                Undo::Field(Some(Value::Array(old)))
            }
            Verb::UpsertBy { key, value } => {
                let values = value
                    .iter()
                    .map(|(_, node)| Ok(evaluate(node, &scope)?.into_owned()));
                let values: Vec<Value> = values.collect::<Result<_, String>>()?;
                upsert(self.list(state)?, key, value.iter().map(|(name, _)| name), values)
            }
        }))
    }

    fn field<'s>(&self, state: &'s mut State) -> Result<&'s mut Value, String> {
        let field = state.get_mut(self.slot).and_then(Option::as_mut);
        field.ok_or_else(|| "nothing has set this field yet".to_owned())
    }

    fn list<'s>(&self, state: &'s mut State) -> Result<&'s mut Vec<Value>, String> {
        match self.field(state)? {
            Value::Array(items) => Ok(items),
            other => Err(format!("{} is no list", shown(other))),
        }
    }

    /// The places of the list's elements for which the condition holds.
    fn matching(&self, condition: &Node, meant: Meant<'_>) -> Result<Vec<usize>, String> {
        let Some(Some(Value::Array(items))) = meant.state.get(self.slot) else {
            return Err("the field is no list".to_owned());
        };
        let mut places = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let it = Some(item);
            if holds(condition, &Scope::new(&Meant { it, ..meant }))? {
                places.push(place);
            }
        }
        Ok(places)
    }
}

/// Sets fields of the element with the same key, or adds an element.
fn upsert<'n>(
    list: &mut Vec<Value>,
    key: &str,
    names: impl Iterator<Item = &'n String> + Clone,
    values: Vec<Value>,
) -> Undo {
    let wanted = names
        .clone()
        .zip(&values)
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value);
    let at = list.iter().position(|item| match (item.get(key), wanted) {
        (Some(found), Some(wanted)) => equal(found, wanted),
        _ => false,
    });
    let element = at.and_then(|at| Some((at, list.get_mut(at)?)));
    let Some((at, Value::Record { fields, .. } | Value::Map(fields))) = element else {
        list.push(Value::Map(names.cloned().zip(values).collect()));
        return Undo::Length(list.len() - 1);
    };
    let count = fields.len();
    let mut old = Vec::new();
    for (name, value) in names.zip(values) {
        match fields
            .iter_mut()
            .enumerate()
            .find(|(_, (field, _))| field == name)
        {
            Some((place, (_, field))) => old.push((place, std::mem::replace(field, value))),
            None => fields.push((name.clone(), value)),
        }
    }
    Undo::Element {
        at,
        fields: count,
        old,
    }
}

fn sum(a: &Value, b: &Value, negate: bool) -> Result<Value, String> {
    if let Some(wrong) = [a, b].into_iter().find(|value| exact(value).is_none()) {
        return Err(format!("{} is no exact number", shown(wrong)));
    }
    let arithmetic = if negate {
        Arithmetic::Subtract
    } else {
        Arithmetic::Add
    };
    arithmetic.compute(a, b)
}
