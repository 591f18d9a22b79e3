//! The operations of a declarative fold, and what each does to the state.
//!
//! Invariant: sums are exact or they halt the fold. A value that does not fit 64 bits (integers) or 128 (decimals) halts.
//! What one event costs is bounded, whoever wrote the fold: a state that doubles with every event halts soon.

use std::sync::Arc;

use annals_schema_model::Value;
use annals_schema_model::cel::{Arithmetic, Budget, Node, Root, Scope, equal, evaluate, holds, shown};

use super::fault::Place;
use super::names::{EVENT, Meant};
use super::slots::State;
use super::target::{At, Target, child, find, go};
use super::undo::{Change, Undo};
use crate::fold::Recorded;

/// What an event may cost a fold: elements that are looked at, and values and bytes that are made, in all its migration rules and
/// operations. As much as the largest batch has bytes, so that what an event brings can always be kept; far below a second's work.
pub(super) const EVENT_COST_MAX: u64 = 16 << 20;

/// One operation on one target.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) condition: Option<(Node, Place)>,
    pub(crate) target: Target,
    pub(crate) verb: Verb,
    /// What its values are of an event is asked for by nobody else afterwards (`last_use.rs`), so it is not copied.
    pub(crate) takes: bool,
    /// Where its value stands in the file.
    pub(crate) place: Place,
}

#[derive(Debug)]
pub(crate) enum Verb {
    Set(Node),
    Remove,
    Add(Node),
    Sub(Node),
    Inc(Node),
    Append(Node),
    RemoveWhere(Node),
    UpsertBy {
        key: String,
        value: Vec<(Arc<str>, Node)>,
    },
}

impl Verb {
    /// The word in the file.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Verb::Set(_) => "set",
            Verb::Remove => "remove",
            Verb::Add(_) => "add",
            Verb::Sub(_) => "sub",
            Verb::Inc(_) => "inc",
            Verb::Append(_) => "append",
            Verb::RemoveWhere(_) => "remove-where",
            Verb::UpsertBy { .. } => "upsert-by",
        }
    }

    /// The expressions behind it.
    pub(crate) fn nodes_mut(&mut self) -> Vec<&mut Node> {
        match self {
            Verb::Remove => vec![],
            Verb::Set(node)
            | Verb::Add(node)
            | Verb::Sub(node)
            | Verb::Inc(node)
            | Verb::Append(node)
            | Verb::RemoveWhere(node) => vec![node],
            Verb::UpsertBy { value, .. } => value.iter_mut().map(|(_, node)| node).collect(),
        }
    }
}

/// What a block is run over, besides the state and the event.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) recorded: &'a Recorded<'a>,
    /// What it may still cost.
    pub(crate) budget: &'a Budget,
    /// The names of the state's fields, by slot.
    pub(crate) names: &'a [String],
}

/// Runs a block, and notes what each of its operations did. On an error the state is what it was before. The event is of no
/// use afterwards.
pub(crate) fn run(
    block: &[Operation],
    state: &mut State,
    event: &mut Value,
    input: Input<'_>,
    note: &mut dyn FnMut(&Operation, &Undo, &State),
) -> Result<(), String> {
    let mut done: Vec<Undo> = Vec::with_capacity(block.len());
    for operation in block {
        match operation.run(state, event, input) {
            Ok(None) => {}
            Ok(Some(undo)) => {
                note(operation, &undo, state);
                done.push(undo);
            }
            Err(reason) => {
                done.into_iter().rev().for_each(|undo| undo.take_back(state));
                let (line, target) = (operation.place.line, &operation.target);
                return Err(format!("{reason} (line {line} of the fold, field `{target}`)"));
            }
        }
    }
    Ok(())
}

impl Operation {
    /// Does it, unless its condition says no, and tells how to take it back.
    fn run(&self, state: &mut State, event: &mut Value, input: Input<'_>) -> Result<Option<Undo>, String> {
        let meant = Meant::new(event, input, state);
        let scope = Scope::new(&meant).within(input.budget);
        if let Some((condition, _)) = &self.condition
            && !holds(condition, &scope)?
        {
            return Ok(None);
        }
        let steps = self.target.steps(&scope)?;
        let mut way = Vec::new();
        let change = match &self.verb {
            Verb::Set(node) => {
                let value = self.kept(node, state, event, input)?;
                let slot = state.get_mut(self.target.slot).ok_or("the field has no slot")?;
                match steps.split_last() {
                    None => Change::Was(slot.replace(value)),
                    Some((last, before)) => {
                        set(go(present(slot)?, before, &mut way)?, last, value, &mut way)?
                    }
                }
            }
            Verb::Remove => {
                let slot = state.get_mut(self.target.slot).ok_or("the field has no slot")?;
                match steps.split_last() {
                    None => Change::Was(slot.take()),
                    Some((last, before)) => match remove(go(present(slot)?, before, &mut way)?, last)? {
                        None => return Ok(None),
                        Some(change) => change,
                    },
                }
            }
            Verb::Add(node) | Verb::Sub(node) | Verb::Inc(node) => {
                let value = scope.kept(evaluate(node, &scope)?)?;
                let field = self.find(state, &steps, &mut way)?;
                let result = arithmetic(&self.verb).accumulate(field, &value)?;
                Change::Was(Some(std::mem::replace(field, result)))
            }
            Verb::Append(node) => {
                let value = self.kept(node, state, event, input)?;
                let list = list(self.find(state, &steps, &mut way)?)?;
                list.push(value);
                Change::Length(list.len() - 1)
            }
            Verb::RemoveWhere(condition) => {
                // The condition may look at the state, so the list stays in it until the places are known.
                let items = look(meant.state, self.target.slot, &steps)?;
                let places = matching(condition, items, meant)?;
                if places.is_empty() {
                    return Ok(None);
                }
                take_out(list(self.find(state, &steps, &mut way)?)?, &places)
            }
            Verb::UpsertBy { key, value } => {
                let mut values = Vec::with_capacity(value.len());
                for (_, node) in value {
                    values.push(self.kept(node, state, event, input)?);
                }
                let list = list(self.find(state, &steps, &mut way)?)?;
                upsert(list, key, value.iter().map(|(name, _)| name), values)
            }
        };
        Ok(Some(Undo {
            slot: self.target.slot,
            way,
            change,
        }))
    }

    /// The value of an expression, to be kept in the state.
    fn kept(&self, node: &Node, state: &State, event: &mut Value, input: Input<'_>) -> Result<Value, String> {
        let meant = Meant::new(event, input, state);
        let scope = Scope::new(&meant).within(input.budget);
        let value = evaluate(node, &scope)?;
        match node {
            Node::Path(path) if self.takes && path.root == Root::Name(EVENT) => {
                scope.spend_on(&value)?;
                Ok(event.take(&path.steps).unwrap_or_default())
            }
            _ => scope.kept(value),
        }
    }

    /// What the target leads to.
    fn find<'s>(
        &self,
        state: &'s mut State,
        steps: &[At],
        way: &mut Vec<usize>,
    ) -> Result<&'s mut Value, String> {
        let slot = state.get_mut(self.target.slot).ok_or("the field has no slot")?;
        go(present(slot)?, steps, way)
    }
}

fn present(slot: &mut Option<Value>) -> Result<&mut Value, String> {
    slot.as_mut()
        .ok_or_else(|| "nothing has set this field yet".to_owned())
}

fn list(value: &mut Value) -> Result<&mut Vec<Value>, String> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(format!("{} is no list", shown(other))),
    }
}

/// The list a target leads to, as it is.
fn look<'s>(state: &'s [Option<Value>], slot: usize, steps: &[At]) -> Result<&'s [Value], String> {
    let field = state.get(slot).and_then(Option::as_ref);
    let mut value = field.ok_or("nothing has set this field yet")?;
    for step in steps {
        let place = find(value, step)?.ok_or_else(|| format!("there is no {step} yet"))?;
        value = match value {
            Value::Array(items) => items.get(place),
            Value::Map(entries) | Value::Record { fields: entries, .. } => {
                entries.get(place).map(|(_, value)| value)
            }
            _ => None,
        }
        .ok_or("the value has no such place")?;
    }
    match value {
        Value::Array(items) => Ok(items),
        other => Err(format!("{} is no list", shown(other))),
    }
}

/// The places of the elements for which the condition holds.
fn matching(condition: &Node, items: &[Value], meant: Meant<'_>) -> Result<Vec<usize>, String> {
    let mut places = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let it = Some(item);
        if holds(
            condition,
            &Scope::new(&Meant { it, ..meant }).within(meant.input.budget),
        )? {
            places.push(place);
        }
    }
    Ok(places)
}

/// Takes out the elements at these places, which rise.
fn take_out(list: &mut Vec<Value>, places: &[usize]) -> Change {
    let (mut removed, mut kept) = (Vec::with_capacity(places.len()), Vec::new());
    for (place, item) in std::mem::take(list).into_iter().enumerate() {
        match places.binary_search(&place) {
            Ok(_) => removed.push((place, item)),
            Err(_) => kept.push(item),
        }
    }
    *list = kept;
    Change::Items(removed)
}

/// Sets what a step leads to, or adds an entry.
fn set(within: &mut Value, step: &At, value: Value, way: &mut Vec<usize>) -> Result<Change, String> {
    if let Some(place) = find(within, step)? {
        way.push(place);
        let old = child(within, place).map(|old| std::mem::replace(old, value));
        return Ok(Change::Was(old));
    }
    match (within, step) {
        (Value::Map(entries), At::Name(name)) => {
            entries.push((name.as_str().into(), value));
            Ok(Change::Length(entries.len() - 1))
        }
        (Value::Record { name, .. }, step) => Err(format!("a record {name} has no {step}")),
        (_, step) => Err(format!(
            "the list has no element {step}; `append` puts a value at its end"
        )),
    }
}

/// Takes out what a step leads to; nothing where nothing is.
fn remove(within: &mut Value, step: &At) -> Result<Option<Change>, String> {
    let found = find(within, step)?;
    match (within, found) {
        (Value::Map(entries), found) => {
            Ok(found.map(|place| Change::Entry(place, Box::new(entries.remove(place)))))
        }
        (other, _) => Err(format!("{} is no map to take {step} out of", shown(other))),
    }
}

/// Sets fields of the element with the same key, or adds an element.
fn upsert<'n>(
    list: &mut Vec<Value>,
    key: &str,
    names: impl Iterator<Item = &'n Arc<str>> + Clone,
    values: Vec<Value>,
) -> Change {
    let wanted = names
        .clone()
        .zip(&values)
        .find(|(name, _)| ***name == *key)
        .map(|(_, value)| value);
    let at = list.iter().position(|item| match (item.get(key), wanted) {
        (Some(found), Some(wanted)) => equal(found, wanted),
        _ => false,
    });
    let element = at.and_then(|at| Some((at, list.get_mut(at)?)));
    let Some((at, Value::Record { fields, .. } | Value::Map(fields))) = element else {
        list.push(Value::Map(names.cloned().zip(values).collect()));
        return Change::Length(list.len() - 1);
    };
    let count = fields.len();
    let mut old = Vec::with_capacity(values.len());
    for (name, value) in names.zip(values) {
        match fields
            .iter_mut()
            .enumerate()
            .find(|(_, (field, _))| *field == *name)
        {
            Some((place, (_, field))) => old.push((place, std::mem::replace(field, value))),
            None => fields.push((name.clone(), value)),
        }
    }
    Change::Element {
        at,
        fields: count,
        old,
    }
}

/// What adds, or takes away.
pub(crate) fn arithmetic(verb: &Verb) -> Arithmetic {
    match verb {
        Verb::Sub(_) => Arithmetic::Subtract,
        _ => Arithmetic::Add,
    }
}
