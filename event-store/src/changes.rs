//! What differs between two JSON states, field by field.
//!
//! Paths are JSON pointers (RFC 6901). Objects are compared by key; arrays by place, after what both begin and end
//! with is set aside, so that one element taken out of a list reads as one removal. A removed element's path counts
//! in the older list, any other's in the newer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How a field differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is only in the later state.
    Added,
    /// It is only in the earlier state.
    Removed,
    /// It is in both, with other values.
    Changed,
}

/// One field that differs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change<'a> {
    pub(crate) path: &'a str,
    pub(crate) kind: ChangeKind,
    pub(crate) before: Option<&'a Value>,
    pub(crate) after: Option<&'a Value>,
}

/// Who is told of changes.
type Told<'t> = &'t mut dyn FnMut(Change<'_>);

/// Tells all differences, in the order of the keys. No state at all counts as an object without fields.
pub(crate) fn changes(before: &Value, after: &Value, told: Told<'_>) {
    let empty = Value::Object(Map::new());
    let whole = |value| match value {
        &Value::Null => &empty,
        value => value,
    };
    compare(&mut String::new(), whole(before), whole(after), told);
}

fn compare(path: &mut String, before: &Value, after: &Value, told: Told<'_>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => objects(path, before, after, told),
        (Value::Array(before), Value::Array(after)) => arrays(path, before, after, told),
        _ if before == after => {}
        _ => told(Change {
            path,
            kind: ChangeKind::Changed,
            before: Some(before),
            after: Some(after),
        }),
    }
}

fn objects(path: &mut String, before: &Map<String, Value>, after: &Map<String, Value>, told: Told<'_>) {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        at(path, &escaped(key), |path| {
            either(path, before.get(key), after.get(key), told)
        });
    }
}

/// How many elements two lists begin with alike, and how many of the rest they end with alike: those are the same ones.
pub(crate) fn unmoved(before: &[Value], after: &[Value]) -> (usize, usize) {
    let same = |(a, b): &(&Value, &Value)| a == b;
    let head = before.iter().zip(after).take_while(same).count();
    let (before, after) = (before.iter().skip(head), after.iter().skip(head));
    (head, before.rev().zip(after.rev()).take_while(same).count())
}

fn arrays(path: &mut String, before: &[Value], after: &[Value], told: Told<'_>) {
    let (head, tail) = unmoved(before, after);
    let (before_rest, after_rest) = (&before[head..], &after[head..]);
    let before_rest = &before_rest[..before_rest.len() - tail];
    let after_rest = &after_rest[..after_rest.len() - tail];
    for place in 0..before_rest.len().max(after_rest.len()) {
        at(path, &(head + place).to_string(), |path| {
            either(path, before_rest.get(place), after_rest.get(place), told);
        });
    }
}

fn either(path: &mut String, before: Option<&Value>, after: Option<&Value>, told: Told<'_>) {
    let kind = match (before, after) {
        (Some(before), Some(after)) => return compare(path, before, after, told),
        (None, Some(_)) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
        (None, None) => return,
    };
    told(Change {
        path,
        kind,
        before,
        after,
    });
}

pub(crate) fn at(path: &mut String, step: &str, visit: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push('/');
    path.push_str(step);
    visit(path);
    path.truncate(length);
}

pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The keys and places that a JSON pointer leads through.
pub(crate) fn steps(pointer: &str) -> impl Iterator<Item = String> {
    let steps = pointer.split('/').skip(1);
    steps.map(|step| step.replace("~1", "/").replace("~0", "~"))
}

/// How many values a state is made of.
pub(crate) fn values(state: &Value) -> usize {
    1 + match state {
        Value::Array(items) => items.iter().map(values).sum(),
        Value::Object(fields) => fields.values().map(values).sum::<usize>(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(before: Value, after: Value, expected: &[&str]) {
        let text = |value: Option<&Value>| value.map_or("-".to_owned(), Value::to_string);
        let mut told = Vec::new();
        changes(&before, &after, &mut |change| {
            let (before, after) = (text(change.before), text(change.after));
            told.push(format!("{:?} {} {before} {after}", change.kind, change.path));
        });
        assert_eq!(told, expected, "{before} -> {after}");
    }

    #[test]
    fn tables() {
        check(json!({"a": 1}), json!({"a": 1}), &[]);
        check(json!({"a": 1}), json!({"a": 2}), &["Changed /a 1 2"]);
        check(
            json!({"b": 1}),
            json!({"a": 2}),
            &["Added /a - 2", "Removed /b 1 -"],
        );
        check(json!({"a": null}), json!({"a": 2}), &["Changed /a null 2"]);
        check(
            json!(null),
            json!({"a": 2, "b": [1]}),
            &["Added /a - 2", "Added /b - [1]"],
        );
        check(json!({"a": 2}), json!(null), &["Removed /a 2 -"]);
        check(
            json!({"a": {"b": 1, "c": 2}}),
            json!({"a": {"b": 1, "c": 3}}),
            &["Changed /a/c 2 3"],
        );
        check(
            json!({"a": {"b": 1}}),
            json!({"a": [1]}),
            &[r#"Changed /a {"b":1} [1]"#],
        );
        check(
            json!({"a/b~c": 1}),
            json!({"a/b~c": 2}),
            &["Changed /a~1b~0c 1 2"],
        );
        check(json!({"a": "1"}), json!({"a": 1}), &[r#"Changed /a "1" 1"#]);
    }

    #[test]
    fn lists() {
        check(json!({"l": [1, 2]}), json!({"l": [1, 2, 3]}), &["Added /l/2 - 3"]);
        check(
            json!({"l": [1, 2, 3]}),
            json!({"l": [1, 3]}),
            &["Removed /l/1 2 -"],
        );
        check(json!({"l": [1, 3]}), json!({"l": [1, 2, 3]}), &["Added /l/1 - 2"]);
        check(
            json!({"l": [{"k": 1, "v": 1}, 2]}),
            json!({"l": [{"k": 1, "v": 9}, 2]}),
            &["Changed /l/0/v 1 9"],
        );
        check(json!({"l": [1, 1]}), json!({"l": [1]}), &["Removed /l/1 1 -"]);
        check(json!({"l": []}), json!({"l": [1]}), &["Added /l/0 - 1"]);
    }
}
