//! How to take back what one operation did.
//!
//! Invariant: taken back in the opposite order of the operations, the state is what it was, entries in their order.
//! An undo holds what was there, and places instead of keys: what has changed since is taken back before it.

use std::sync::Arc;

use annals_schema_model::Value;

use super::slots::State;
use super::target::child;
use crate::changes::escaped;

/// What one operation did, the other way round.
pub(crate) struct Undo {
    pub(crate) slot: usize,
    /// The places from the field to what was changed.
    pub(crate) way: Vec<usize>,
    pub(crate) change: Change,
}

pub(crate) enum Change {
    /// The value was this; nothing, where a field was not set.
    Was(Option<Value>),
    /// The list, or the map, was so long.
    Length(usize),
    /// The map had this entry at this place.
    Entry(usize, Box<(Arc<str>, Value)>),
    /// The list had these elements besides, at these places of it.
    Items(Vec<(usize, Value)>),
    /// In the element at this place, so many fields were there, and these had other values.
    Element {
        at: usize,
        fields: usize,
        old: Vec<(usize, Value)>,
    },
}

impl Undo {
    /// Where in the state it was done, as a JSON pointer. The state is as the operation left it.
    pub(crate) fn place(&self, state: &State, names: &[String]) -> String {
        let mut place = format!("/{}", escaped(names.get(self.slot).map_or("", String::as_str)));
        let added = match self.change {
            Change::Length(length) => Some(length),
            Change::Element { at, .. } => Some(at),
            _ => None,
        };
        let mut value = state.get(self.slot).and_then(Option::as_ref);
        for step in self.way.iter().copied().chain(added) {
            match value {
                Some(Value::Map(entries) | Value::Record { fields: entries, .. }) => {
                    let entry = entries.get(step);
                    place.push('/');
                    place.push_str(&escaped(entry.map_or("", |(name, _)| name)));
                    value = entry.map(|(_, value)| value);
                }
                Some(Value::Array(items)) => {
                    place.push_str(&format!("/{step}"));
                    value = items.get(step);
                }
                _ => break,
            }
        }
        place
    }

    /// Takes it back.
    pub(crate) fn take_back(self, state: &mut State) {
        let Some(slot) = state.get_mut(self.slot) else {
            return;
        };
        if self.way.is_empty()
            && let Change::Was(old) = self.change
        {
            *slot = old;
            return;
        }
        let start = slot.as_mut();
        let changed = start.and_then(|start| self.way.into_iter().try_fold(start, child));
        if let Some(value) = changed {
            self.change.take_back(value);
        }
    }
}

impl Change {
    fn take_back(self, value: &mut Value) {
        match (self, value) {
            (Change::Was(Some(old)), value) => *value = old,
            (Change::Length(length), Value::Array(items)) => items.truncate(length),
            (Change::Length(length), Value::Map(entries)) => entries.truncate(length),
            (Change::Entry(place, entry), Value::Map(entries)) => {
                entries.insert(place.min(entries.len()), *entry);
            }
            (Change::Items(removed), Value::Array(items)) => {
                let mut kept = std::mem::take(items).into_iter();
                for (place, item) in removed {
                    items.extend(kept.by_ref().take(place.saturating_sub(items.len())));
                    items.push(item);
                }
                items.extend(kept);
            }
            (Change::Element { at, fields, old }, Value::Array(items)) => {
                let Some(Value::Record { fields: entries, .. } | Value::Map(entries)) = items.get_mut(at)
                else {
                    return;
                };
                entries.truncate(fields);
                for (place, value) in old.into_iter().rev() {
                    if let Some((_, entry)) = entries.get_mut(place) {
                        *entry = value;
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_schema_model::cel::{Budget, Comparison, Node, Path, Root};
    use annals_schema_model::{Raw, SchemaId, Value};
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::super::fault::Place;
    use super::super::names::IT;
    use super::super::target::{At, Step, Target};
    use super::super::verb::{EVENT_COST_MAX, Input, Operation, Verb, run};
    use crate::fold::{Recorded, Spent};

    /// An operation as the model does it: on JSON, step by step, with nothing to take back.
    #[derive(Clone, Debug)]
    struct Simple {
        field: usize,
        steps: Vec<At>,
        act: Act,
    }

    #[derive(Clone, Debug)]
    enum Act {
        Set(Value),
        Remove,
        Add(i64),
        Sub(i64),
        Append(Value),
        RemoveWhere(i64),
        UpsertBy(i64, Value),
    }

    fn go<'j>(mut value: &'j mut Json, steps: &[At]) -> Option<&'j mut Json> {
        for step in steps {
            value = match step {
                At::Name(name) => value.as_object_mut()?.get_mut(name)?,
                At::Element(place) => value.as_array_mut()?.get_mut(*place)?,
            };
        }
        Some(value)
    }

    impl Simple {
        /// Nothing when it halts.
        fn run(&self, state: &mut [Option<Json>]) -> Option<()> {
            let slot = &mut state[self.field];
            match (&self.act, self.steps.split_last()) {
                (Act::Set(value), None) => *slot = Some(value.to_json()),
                (Act::Set(value), Some((last, before))) => match (go(slot.as_mut()?, before)?, last) {
                    (Json::Object(entries), At::Name(name)) => {
                        entries.insert(name.clone(), value.to_json());
                    }
                    (Json::Array(items), At::Element(place)) => *items.get_mut(*place)? = value.to_json(),
                    _ => return None,
                },
                (Act::Remove, None) => *slot = None,
                (Act::Remove, Some((last, before))) => match (go(slot.as_mut()?, before)?, last) {
                    (Json::Object(entries), At::Name(name)) => drop(entries.remove(name)),
                    _ => return None,
                },
                (act, _) => {
                    let found = go(slot.as_mut()?, &self.steps)?;
                    match act {
                        Act::Add(more) => *found = json!(found.as_i64()?.checked_add(*more)?),
                        Act::Sub(less) => *found = json!(found.as_i64()?.checked_sub(*less)?),
                        Act::Append(value) => found.as_array_mut()?.push(value.to_json()),
                        Act::RemoveWhere(number) => {
                            found.as_array_mut()?.retain(|item| *item != json!(number));
                        }
                        Act::UpsertBy(key, value) => {
                            let items = found.as_array_mut()?;
                            let known = items.iter_mut().find(|item| item.get("x") == Some(&json!(key)));
                            match known {
                                Some(item) => item["y"] = value.to_json(),
                                None => items.push(json!({"x": key, "y": value.to_json()})),
                            }
                        }
                        Act::Set(_) | Act::Remove => {}
                    }
                }
            }
            Some(())
        }

        fn operation(&self) -> Operation {
            let whole = |number: &i64| Node::Literal(Value::Int(*number));
            let verb = match &self.act {
                Act::Set(value) => Verb::Set(Node::Literal(value.clone())),
                Act::Remove => Verb::Remove,
                Act::Add(more) => Verb::Add(whole(more)),
                Act::Sub(less) => Verb::Sub(whole(less)),
                Act::Append(value) => Verb::Append(Node::Literal(value.clone())),
                Act::RemoveWhere(number) => {
                    let it = Node::Path(Path {
                        root: Root::Name(IT),
                        steps: vec![],
                        slot: 0,
                    });
                    let number = Box::new(whole(number));
                    Verb::RemoveWhere(Node::Compare(Comparison::Equal, Box::new(it), number))
                }
                Act::UpsertBy(key, value) => Verb::UpsertBy {
                    key: "x".to_owned(),
                    value: vec![
                        ("x".into(), whole(key)),
                        ("y".into(), Node::Literal(value.clone())),
                    ],
                },
            };
            let mut target = Target::read("field", Place::START).unwrap();
            target.slot = self.field;
            let steps = self.steps.iter().map(|step| match step {
                At::Name(name) => Step::Key(Node::Literal(Value::String(name.clone()))),
                At::Element(place) => Step::Key(whole(&i64::try_from(*place).unwrap())),
            });
            target.steps = steps.collect();
            Operation {
                condition: None,
                target,
                verb,
                takes: false,
                place: Place::START,
            }
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            4 => (-3i64..4).prop_map(Value::Int),
            1 => Just(Value::Int(i64::MAX)),
            1 => Just(Value::Null),
            1 => Just(Value::String("t".to_owned())),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let map = proptest::collection::btree_map("[xyz]", inner.clone(), 0..4);
            // In no order, so that entries that come back elsewhere show.
            let map = map.prop_map(|entries| {
                Value::Map(
                    entries
                        .into_iter()
                        .rev()
                        .map(|(key, value)| (key.into(), value))
                        .collect(),
                )
            });
            let list = proptest::collection::vec(inner, 0..4).prop_map(Value::Array);
            prop_oneof![map, list]
        })
    }

    fn simple() -> impl Strategy<Value = Simple> {
        let step = prop_oneof![
            2 => "[xyz]".prop_map(At::Name),
            1 => (0usize..3).prop_map(At::Element),
        ];
        let act = prop_oneof![
            4 => value().prop_map(Act::Set),
            2 => Just(Act::Remove),
            1 => (-2i64..3).prop_map(Act::Add),
            1 => (-2i64..3).prop_map(Act::Sub),
            1 => value().prop_map(Act::Append),
            1 => (-3i64..4).prop_map(Act::RemoveWhere),
            1 => ((-3i64..4), value()).prop_map(|(key, value)| Act::UpsertBy(key, value)),
        ];
        (0usize..2, proptest::collection::vec(step, 0..3), act).prop_map(|(field, steps, act)| Simple {
            field,
            steps,
            act,
        })
    }

    fn as_json(state: &[Option<Value>]) -> Vec<Option<Json>> {
        state
            .iter()
            .map(|value| value.as_ref().map(Value::to_json))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2 * ProptestConfig::default().cases))]

        /// A block does what its operations do one after the other, or nothing at all.
        #[test]
        fn blocks_do_what_the_model_does(
            before in proptest::collection::vec(proptest::option::weighted(0.9, value()), 2),
            block in proptest::collection::vec(simple(), 1..5),
        ) {
            let at = crate::fold::At { partition: 0, offset: 0, revision: 0, recorded_ms: 0, headers: &annals_kafka_wire::batch::NO_HEADERS };
            let raw = Raw { schema: SchemaId::new(1).unwrap(), body: &[] };
            let recorded = Recorded { topic: "t", at, key: b"k", raw, spent: &Spent::default() };
            let budget = Budget::new(EVENT_COST_MAX);
            let names = ["a".to_owned(), "b".to_owned()];
            let input = Input { recorded: &recorded, budget: &budget, names: &names };
            let operations: Vec<Operation> = block.iter().map(Simple::operation).collect();
            let mut state = before.clone();
            let ran = run(&operations, &mut state, &mut Value::Null, input, &mut |_, _, _| {});
            let mut model = as_json(&before);
            match block.iter().try_for_each(|simple| simple.run(&mut model)) {
                Some(()) => {
                    prop_assert_eq!(ran, Ok(()));
                    prop_assert_eq!(as_json(&state), model);
                }
                None => {
                    prop_assert!(ran.is_err(), "{:?}", ran);
                    prop_assert_eq!(state, before);
                }
            }
        }
    }
}
