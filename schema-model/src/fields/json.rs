//! The properties of a JSON Schema, through references, lists and combinations.

use serde_json::Value as Json;

use super::{DEPTH_MAX, FIELDS_MAX, Known, TAGS};

/// The properties a schema declares, by their way from `$`.
pub(super) fn in_json(text: &str) -> Known {
    let mut known = Known::new();
    if let Ok(root) = serde_json::from_str::<Json>(text) {
        json_properties(&root, &root, "$", 0, &mut known);
    }
    known
}

/// Looks at the properties a schema declares at a path.
fn json_properties(root: &Json, schema: &Json, path: &str, depth: usize, known: &mut Known) {
    if depth > DEPTH_MAX || known.len() >= FIELDS_MAX {
        return;
    }
    let within = |inner: &Json, known: &mut Known| json_properties(root, inner, path, depth + 1, known);
    let target = schema.get("$ref").and_then(Json::as_str);
    let target = target.and_then(|target| root.pointer(target.strip_prefix('#')?));
    target.into_iter().for_each(|target| within(target, known));
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let branches = schema.get(keyword).and_then(Json::as_array);
        branches
            .into_iter()
            .flatten()
            .for_each(|branch| within(branch, known));
    }
    if let Some(items) = schema.get("items") {
        within(items, known);
    }
    if let Some((types, tags)) = known.get_mut(path) {
        types.extend(json_types(schema));
        let own = schema.get(TAGS).and_then(Json::as_array).into_iter().flatten();
        tags.extend(own.filter_map(|tag| tag.as_str().map(str::to_owned)));
    }
    let properties = schema.get("properties").and_then(Json::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let path = format!("{path}.{name}");
        known.entry(path.clone()).or_default();
        json_properties(root, property, &path, depth + 1, known);
    }
}

fn json_types(schema: &Json) -> Vec<&'static str> {
    if schema.get("enum").is_some() || schema.get("const").is_some() {
        return Vec::new();
    }
    let words = match schema.get("type") {
        Some(Json::Array(words)) => words.as_slice(),
        Some(word) => std::slice::from_ref(word),
        None => &[],
    };
    let name = |word: &Json| match word.as_str()? {
        "string" => Some("STRING"),
        "integer" => Some("INT"),
        "number" => Some("DOUBLE"),
        _ => None,
    };
    words.iter().filter_map(name).collect()
}
