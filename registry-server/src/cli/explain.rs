//! How a state's explanation is shown: one row a value, with the event that made it so and what of the event it is.

use annals_event_store::{Explanation, LeafOrigin, ValueFrom};
use serde_json::Value;

use super::aggregate::short;
use super::api::odd;
use super::exit::Failure;
use super::output;

const HEADER: &[&str] = &["FIELD", "VALUE", "OFFSET", "TIME (UTC)", "ACTOR", "EVENT", "FROM"];

/// Prints the values of an answer with where they come from.
pub(crate) fn print(answer: &Value) -> Result<(), Failure> {
    let explanation: Option<Explanation> = serde_json::from_value(answer["explanation"].clone()).ok();
    let explanation = explanation.ok_or_else(|| odd(answer))?;
    let rows = explanation.leaves.iter().map(|leaf| row(&answer["state"], leaf));
    output::table(HEADER, rows)?;
    let shown = explanation.leaves.len() as u64;
    if shown < explanation.total {
        output::remark(&format!(
            "these are the first {shown} of {} values",
            explanation.total
        ));
    }
    Ok(())
}

fn row(state: &Value, leaf: &LeafOrigin) -> Vec<String> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    vec![
        leaf.path.clone(),
        state.pointer(&leaf.path).map_or_else(String::new, output::cell),
        match &leaf.by.log {
            None => leaf.by.offset.to_string(),
            Some(log) => format!("{log}={}", leaf.by.offset),
        },
        leaf.by.recorded.clone(),
        or_none(&leaf.by.actor),
        leaf.by.event.as_deref().map_or("-", short).to_owned(),
        from(leaf),
    ]
}

/// What of its event a value is, and which operation took it.
fn from(leaf: &LeafOrigin) -> String {
    let schema = match &leaf.schema {
        Some(schema) => schema.to_string(),
        None => "its schema".to_owned(),
    };
    let field = leaf.field.as_deref();
    let name = field.map_or_else(|| "the event".to_owned(), |field| format!("event.{field}"));
    let from = match (leaf.from, field) {
        (Some(ValueFrom::Event), _) | (None, Some(_)) => name,
        (Some(ValueFrom::Upcast), _) => format!("{name}, upcast from {schema}"),
        (Some(ValueFrom::Default), _) => format!("{name}, a default: {schema} has no such field"),
        (Some(ValueFrom::Migration), _) => match &leaf.rule {
            Some(rule) => format!("{name}, by {rule} from {schema}"),
            None => format!("{name}, by a migration rule from {schema}"),
        },
        (Some(ValueFrom::Fold), _) => "the fold".to_owned(),
        (None, None) => "-".to_owned(),
    };
    match &leaf.operation {
        None => from,
        Some(operation) => format!(
            "{from} (line {}: {} {})",
            operation.line, operation.verb, operation.target
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_source_of_a_value_has_its_words() {
        let check = |source: Value, wanted: &str| {
            let mut leaf = json!({
                "path": "/a", "by": {"revision": 1, "offset": 7, "event": "t.E", "actor": null, "recorded": "x", "business_time": null},
                "schema": {"id": 3, "subject": "s", "version": 2}, "from": null, "field": null, "operation": null,
            });
            for (name, value) in source.as_object().unwrap() {
                leaf[name] = value.clone();
            }
            assert_eq!(from(&serde_json::from_value(leaf).unwrap()), wanted);
        };
        let operation = json!({"line": 9, "verb": "set", "target": "a"});
        check(json!({}), "-");
        check(json!({"from": "upcast"}), "the event, upcast from s v2 (id 3)");
        check(
            json!({"from": "event", "field": "b.c", "operation": operation}),
            "event.b.c (line 9: set a)",
        );
        check(
            json!({"from": "default", "field": "b"}),
            "event.b, a default: s v2 (id 3) has no such field",
        );
        check(
            json!({"from": "migration", "field": "b", "rule": {"name": "split", "subject": "s", "version": 3}}),
            "event.b, by migration rule split of version 3 of s from s v2 (id 3)",
        );
        check(
            json!({"from": "fold", "operation": operation}),
            "the fold (line 9: set a)",
        );
        check(
            json!({"from": "upcast", "field": "b", "schema": null}),
            "event.b, upcast from its schema",
        );
    }
}
