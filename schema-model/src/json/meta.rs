//! Is a text valid against its draft's own meta-schema?
//!
//! Where other registries are lax without harm, this is too: names listed twice or not at all in `required` and in
//! dependencies, values listed twice in `enum`, and patterns no engine here knows.

use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use super::{Draft, validator};
use crate::json_text::Json;

/// The first violation: a JSON pointer into the text, and what is wrong there.
pub(super) fn violation<'p>(
    json: &Json,
    draft: Draft,
    pointers: impl Iterator<Item = &'p str>,
) -> Option<(String, String)> {
    let mut value = validator::value(json);
    for pointer in pointers {
        if let Some(Value::Object(object)) = value.pointer_mut(pointer) {
            tidy(object);
        }
    }
    if let Value::Object(object) = &mut value {
        object.insert("$schema".to_owned(), Value::String(draft.uri()));
    }
    let meta = jsonschema::meta::validator_for(&value).ok()?;
    let error = meta
        .iter_errors(&value)
        .find(|error| !is_about_a_pattern(error.kind()))?;
    Some((
        error.instance_path().as_str().to_owned(),
        format!("{}, says the meta-schema", validator::sentence(&error)),
    ))
}

fn is_about_a_pattern(kind: &ValidationErrorKind) -> bool {
    match kind {
        ValidationErrorKind::Format { format } => format == "regex",
        ValidationErrorKind::PropertyNames { error } => is_about_a_pattern(error.kind()),
        _ => false,
    }
}

/// Takes out what is listed twice and lists of nothing, where neither means anything.
pub(super) fn tidy(object: &mut Map<String, Value>) {
    if let Some(Value::Array(names)) = object.get_mut("required") {
        dedup(names);
        if names.is_empty() {
            object.remove("required");
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        dedup(values);
    }
    for key in ["dependencies", "dependentRequired"] {
        if let Some(Value::Object(lists)) = object.get_mut(key) {
            lists.retain(|_, list| match list {
                Value::Array(names) => {
                    dedup(names);
                    !names.is_empty()
                }
                _ => true,
            });
        }
    }
}

fn dedup(names: &mut Vec<Value>) {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.to_string()));
}
