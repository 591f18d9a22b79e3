//! Which event made each leaf of a state what it is.
//!
//! A tree in the shape of the state stands beside it, with a note at each leaf: a number, a text, a truth, null, or a list or
//! an object without anything in it. The next state takes over the notes of what stayed; what is new or other has a new
//! one. Invariant: a leaf's note is of the last event before which the leaf was not there or had another value. An element
//! of a list is followed where it moves, as far as [`unmoved`] knows it again; it is the same elsewhere in a difference.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::changes::{at, escaped, unmoved};

/// The notes of a state.
#[derive(Debug)]
pub(crate) enum Origins<T> {
    Leaf(T),
    Fields(BTreeMap<String, Origins<T>>),
    Items(Vec<Origins<T>>),
}

/// Makes the note of a leaf, by its place as a JSON pointer.
type Note<'n, T> = &'n mut dyn FnMut(&str) -> T;

impl<T> Origins<T> {
    /// Of a state that is new as a whole.
    pub(crate) fn new(state: &Value, note: Note<'_, T>) -> Origins<T> {
        made(state, &mut String::new(), note)
    }

    /// Of the next state; these are of the one before.
    pub(crate) fn next(self, before: &Value, after: &Value, note: Note<'_, T>) -> Origins<T> {
        self.carried(before, after, &mut String::new(), note)
    }

    fn carried(self, before: &Value, after: &Value, path: &mut String, note: Note<'_, T>) -> Origins<T> {
        match (self, before, after) {
            (Origins::Fields(mut had), Value::Object(before), Value::Object(after)) if !after.is_empty() => {
                let fields = after.iter().map(|(name, after)| {
                    let had = had.remove(name).zip(before.get(name));
                    let mut field = None;
                    at(path, &escaped(name), |path| {
                        field = Some(follow(had, after, path, note));
                    });
                    (name.clone(), field)
                });
                let fields = fields.filter_map(|(name, field)| Some((name, field?)));
                Origins::Fields(fields.collect())
            }
            (Origins::Items(had), Value::Array(before), Value::Array(after)) if !after.is_empty() => {
                let (head, tail) = unmoved(before, after);
                let (before_end, after_end) = (before.len() - tail, after.len() - tail);
                let mut had = had.into_iter();
                let mut items: Vec<Origins<T>> = had.by_ref().take(head).collect();
                let mut changed = had.by_ref().take(before_end - head).zip(before.iter().skip(head));
                for (place, after) in after.iter().enumerate().take(after_end).skip(head) {
                    let had = changed.next();
                    at(path, &place.to_string(), |path| {
                        items.push(follow(had, after, path, note))
                    });
                }
                changed.for_each(drop);
                items.extend(had);
                Origins::Items(items)
            }
            (had, before, after) if before == after => had,
            (_, _, after) => made(after, path, note),
        }
    }

    /// Tells all leaves, in the order of the state.
    pub(crate) fn each(&self, told: &mut dyn FnMut(&str, &T)) {
        self.each_at(&mut String::new(), told);
    }

    fn each_at(&self, path: &mut String, told: &mut dyn FnMut(&str, &T)) {
        match self {
            Origins::Leaf(note) => told(path, note),
            Origins::Fields(fields) => fields
                .iter()
                .for_each(|(name, of)| at(path, &escaped(name), |path| of.each_at(path, told))),
            Origins::Items(items) => items
                .iter()
                .enumerate()
                .for_each(|(place, of)| at(path, &place.to_string(), |path| of.each_at(path, told))),
        }
    }
}

fn follow<T>(
    had: Option<(Origins<T>, &Value)>,
    after: &Value,
    path: &mut String,
    note: Note<'_, T>,
) -> Origins<T> {
    match had {
        Some((had, before)) => had.carried(before, after, path, note),
        None => made(after, path, note),
    }
}

fn made<T>(value: &Value, path: &mut String, note: Note<'_, T>) -> Origins<T> {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut made_fields = BTreeMap::new();
            for (name, field) in fields {
                at(path, &escaped(name), |path| {
                    made_fields.insert(name.clone(), made(field, path, note));
                });
            }
            Origins::Fields(made_fields)
        }
        Value::Array(items) if !items.is_empty() => {
            let mut made_items = Vec::with_capacity(items.len());
            for (place, item) in items.iter().enumerate() {
                at(path, &place.to_string(), |path| {
                    made_items.push(made(item, path, note))
                });
            }
            Origins::Items(made_items)
        }
        _ => Origins::Leaf(note(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// The leaves with the numbers of the states that made them.
    fn notes(states: &[Value]) -> Vec<String> {
        let mut states = states.iter().enumerate();
        let (_, first) = states.next().unwrap();
        let mut origins = Origins::new(first, &mut |_| 0);
        let mut before = first;
        for (number, state) in states {
            origins = origins.next(before, state, &mut |_| number);
            before = state;
        }
        let mut told = Vec::new();
        origins.each(&mut |path, number| {
            assert!(before.pointer(path).is_some(), "{path} of {before}");
            told.push(format!("{path} {number}"));
        });
        told
    }

    #[test]
    fn tables() {
        let check = |states: &[Value], expected: &[&str]| assert_eq!(notes(states), expected, "{states:?}");
        check(&[json!({"a": 1, "b": {}})], &["/a 0", "/b 0"]);
        check(&[json!({"a": 1}), json!({"a": 1, "b": [2]})], &["/a 0", "/b/0 1"]);
        check(&[json!({"a": 1}), json!({"a": 2}), json!({"a": 1})], &["/a 2"]);
        check(
            &[json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": 1, "y": 3}})],
            &["/a/x 0", "/a/y 1"],
        );
        check(
            &[json!({"l": [1, 2, 3]}), json!({"l": [2, 3]})],
            &["/l/0 0", "/l/1 0"],
        );
        check(
            &[json!({"l": [1, 3]}), json!({"l": [1, 2, 3]})],
            &["/l/0 0", "/l/1 1", "/l/2 0"],
        );
        check(
            &[json!({"l": [1]}), json!({"l": []}), json!({"l": []})],
            &["/l 1"],
        );
        check(
            &[json!({"a/b~": {"c": 1}}), json!({"a/b~": {"c": 1, "d": 1}})],
            &["/a~1b~0/c 0", "/a~1b~0/d 1"],
        );
        check(
            &[json!({"a": 1}), json!({"a": {"b": 1}}), json!({"a": 1})],
            &["/a 2"],
        );
        check(&[json!(null), json!({"a": 1})], &["/a 1"]);
    }

    fn state() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![(0..3).prop_map(Value::from), Just(Value::Null)];
        let value = leaf.prop_recursive(3, 12, 3, |inner| {
            proptest::collection::btree_map("[ab/]", inner, 0..3).prop_map(|fields| json!(fields))
        });
        proptest::collection::btree_map("[ab/]", value, 0..3).prop_map(|fields| json!(fields))
    }

    proptest! {
        /// Where there are no lists, a leaf is told to be of the last state before which it was not as it is.
        #[test]
        fn a_leaf_is_of_the_last_state_that_changed_it(states in proptest::collection::vec(state(), 1..6)) {
            let last = states.last().unwrap();
            for told in notes(&states) {
                let (path, number) = told.rsplit_once(' ').unwrap();
                let mut slowly = states.len() - 1;
                while slowly > 0 && states[slowly - 1].pointer(path) == last.pointer(path) {
                    slowly -= 1;
                }
                prop_assert_eq!(number.parse::<usize>().unwrap(), slowly, "{} of {:?}", path, states);
            }
        }
    }
}
