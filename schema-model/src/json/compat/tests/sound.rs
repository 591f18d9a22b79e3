//! Properties of random schemas: each reads its own data, and what is called compatible is, with the `jsonschema` crate
//! as the judge of values.
//!
//! Where that holds: without oneOf (a value may come to fit two branches) and without patterns, formats and conditions.
//! Under the policy `confluent` for every content model and with no defaults (a required property with one passes);
//! under `wire`, which takes it that data holds only what is declared, for closed models.

use proptest::{
    prelude::*,
    strategy::{BoxedStrategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value, json};

use super::parse;
use crate::{
    Direction, Policy, Standard,
    json::{Walk, compat::check},
};

/// An old and a new schema that have something in common.
type Both = (Value, Value);

fn leaf() -> impl Strategy<Value = Value> {
    let types = prop::sample::subsequence(
        vec!["integer", "number", "string", "null", "boolean", "array"],
        1..4,
    );
    let keyword = prop::sample::select(vec![
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
    ]);
    prop_oneof![
        4 => types.prop_map(|types| json!({ "type": types })),
        3 => (keyword, 0..4u8).prop_map(|(keyword, amount)| json!({ keyword: amount })),
        1 => prop::sample::select(vec![2, 3, 4, 6]).prop_map(|factor| json!({ "multipleOf": factor })),
        2 => prop::sample::subsequence(vec![json!(0), json!(1), json!("a"), json!("abc"), json!(null)], 1..4)
            .prop_map(|values| json!({ "enum": values })),
        1 => Just(json!({ "uniqueItems": true })),
        1 => Just(json!(true)),
        1 => Just(json!({})),
    ]
}

fn merged(left: Value, right: Value) -> Value {
    match (left, right) {
        (Value::Object(mut left), Value::Object(right)) => {
            left.extend(right);
            Value::Object(left)
        }
        (left, _) => left,
    }
}

fn leaves() -> impl Strategy<Value = Both> {
    let one = || (leaf(), leaf()).prop_map(|(left, right)| merged(left, right));
    prop_oneof![
        2 => one().prop_map(|schema| (schema.clone(), schema)),
        2 => (one(), leaf()).prop_map(|(schema, more)| (merged(schema.clone(), more), schema)),
        1 => (one(), one()),
    ]
}

/// Objects of up to three properties, each on either side or both; closed, or of any model.
fn objects(inner: BoxedStrategy<Both>, closed: bool) -> impl Strategy<Value = Both> {
    let property = (inner.clone(), 0..6u8, 0..4u8, any::<bool>());
    let rest = match closed {
        true => Just((json!(false), json!(false))).boxed(),
        false => prop_oneof![
            Just((json!(false), json!(false))),
            Just((json!(true), json!(true))),
            Just((json!(false), json!(true))),
            Just((json!(true), json!(false))),
            inner,
        ]
        .boxed(),
    };
    (prop::collection::vec(property, 0..4), rest).prop_map(|(properties, (old_rest, new_rest))| {
        let mut old =
            json!({"type": "object", "properties": {}, "required": [], "additionalProperties": old_rest});
        let mut new =
            json!({"type": "object", "properties": {}, "required": [], "additionalProperties": new_rest});
        for (name, ((old_schema, new_schema), there, required, both)) in
            ["a", "b", "c", "d"].iter().zip(properties)
        {
            for (side, schema, is_there, is_required) in [
                (&mut old, old_schema, there != 0, required == 0),
                (&mut new, new_schema, there != 1, required == 0 && both),
            ] {
                if is_there {
                    side["properties"][name] = schema;
                }
                if is_there && is_required {
                    side["required"].as_array_mut().unwrap().push(json!(name));
                }
            }
        }
        (old, new)
    })
}

fn pairs(closed: bool) -> impl Strategy<Value = Both> {
    leaves().prop_recursive(3, 16, 3, move |inner| {
        let several = prop::collection::vec(inner.clone(), 1..4);
        let combined = (several, 0..2u8, prop::sample::select(vec!["anyOf", "allOf"]), any::<bool>());
        prop_oneof![
            4 => objects(inner.clone(), closed),
            2 => inner.clone().prop_map(|(old, new)| (json!({"items": old}), json!({"items": new}))),
            2 => combined.prop_map(|(branches, dropped, keyword, old_side)| {
                let (mut old, mut new): (Vec<Value>, Vec<Value>) = branches.into_iter().unzip();
                let side = if old_side { &mut old } else { &mut new };
                side.truncate((side.len() - usize::from(dropped)).max(1));
                (json!({ keyword: old }), json!({ keyword: new }))
            }),
            1 => inner.clone().prop_map(|(old, new)| (json!({"not": new}), json!({"not": old}))),
            1 => inner.clone().prop_map(|(old, new)| (json!({"anyOf": [old.clone(), {"type": "null"}]}), merged(new, json!({})))),
            1 => (inner.clone(), inner).prop_map(|((old, new), (more, _))| {
                (json!({"allOf": [old, more]}), new)
            }),
        ]
    })
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-1..7i64).prop_map(Value::from),
        Just(json!(1.5)),
        prop::sample::select(vec!["", "a", "abc", "abcde"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned);
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(name, inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Goes through many pairs; answers how many values of an old schema a new one was seen to accept.
fn witnesses(policy: Policy, closed: bool, pairs_count: usize) -> usize {
    let standard = Standard {
        policy,
        ..Standard::default()
    };
    let mut runner = TestRunner::deterministic();
    let (pairs, values) = (pairs(closed), prop::collection::vec(values(), 60));
    let mut seen = 0;
    for _ in 0..pairs_count {
        let (old_text, new_text) = pairs.new_tree(&mut runner).unwrap().current();
        let (old, new) = (parse(&old_text.to_string()), parse(&new_text.to_string()));
        if !check(standard, &new, &old, Direction::Backward).is_empty() {
            continue;
        }
        let (reads_old, reads_new) = (Walk::new(&old), Walk::new(&new));
        for value in values.new_tree(&mut runner).unwrap().current() {
            let body = value.to_string();
            if reads_old.check(body.as_bytes()).is_ok() {
                let read = reads_new.check(body.as_bytes());
                assert!(
                    read.is_ok(),
                    "{policy}: {old_text} -> {new_text} is called compatible; {body}: {read:?}"
                );
                seen += 1;
            }
        }
    }
    seen
}

#[test]
fn what_confluent_calls_compatible_reads_every_value() {
    assert!(witnesses(Policy::Confluent, false, 1_500) > 2_000);
}

#[test]
fn what_is_compatible_on_the_wire_reads_every_value_of_closed_models() {
    assert!(witnesses(Policy::Wire, true, 1_500) > 2_000);
}

proptest! {
    #[test]
    fn every_schema_reads_its_own_data((schema, other) in pairs(false)) {
        let text = json!({"definitions": {"a": schema}, "properties": {"x": {"$ref": "#/definitions/a"}, "y": {"$ref": "#"}},
            "oneOf": [{"$ref": "#/definitions/a"}, other]}).to_string();
        let schema = parse(&text);
        for policy in Policy::ALL {
            let standard = Standard { policy, ..Standard::default() };
            prop_assert_eq!(check(standard, &schema, &schema, Direction::Backward), []);
        }
    }
}
