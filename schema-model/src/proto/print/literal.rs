//! Options and their values as text, sorted so that equal options print alike.

use prost_reflect::{DynamicMessage, Kind, MapKey, Value};

/// The options that are set, and others whose values are texts already, by name; a repeated option comes once for each
/// value, in its order.
pub(super) fn options(
    message: &DynamicMessage,
    others: impl Iterator<Item = (String, String)>,
) -> Vec<(String, String)> {
    let mut out: Vec<_> = others.collect();
    for (field, value) in message.fields() {
        push(&mut out, field.name().to_owned(), value, &field.kind());
    }
    for (extension, value) in message.extensions() {
        push(
            &mut out,
            format!("(.{})", extension.full_name()),
            value,
            &extension.kind(),
        );
    }
    // Stable: the values of one repeated option keep their order.
    out.sort_by(|left, right| left.0.cmp(&right.0));
    out
}

fn push(out: &mut Vec<(String, String)>, name: String, value: &Value, kind: &Kind) {
    out.extend(
        single_values(value, kind)
            .into_iter()
            .map(|text| (name.clone(), text)),
    );
}

/// A list's items, a map's entries, or the one value.
fn single_values(value: &Value, kind: &Kind) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(|item| literal(item, kind)).collect(),
        Value::Map(entries) => {
            let value_kind = kind
                .as_message()
                .map(|entry| entry.map_entry_value_field().kind());
            let mut texts: Vec<String> = entries
                .iter()
                .map(|(key, value)| {
                    let value = value_kind
                        .as_ref()
                        .map(|kind| literal(value, kind))
                        .unwrap_or_default();
                    format!("{{ key: {} value: {value} }}", map_key(key))
                })
                .collect();
            texts.sort_unstable();
            texts
        }
        value => vec![literal(value, kind)],
    }
}

/// One value as it is written in an option.
pub(super) fn literal(value: &Value, kind: &Kind) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => float(value.is_nan(), format!("{value:?}")),
        Value::F64(value) => float(value.is_nan(), format!("{value:?}")),
        Value::String(value) => quote(value.as_bytes(), true),
        Value::Bytes(value) => quote(value, false),
        Value::EnumNumber(number) => match kind.as_enum().and_then(|names| names.get_value(*number)) {
            Some(value) => value.name().to_owned(),
            None => number.to_string(),
        },
        Value::Message(message) => aggregate(message),
        Value::List(_) | Value::Map(_) => single_values(value, kind).join(" "),
    }
}

/// A message value: its fields by number, then extensions by name.
fn aggregate(message: &DynamicMessage) -> String {
    let mut parts = Vec::new();
    for (field, value) in message.fields() {
        let kind = field.kind();
        let texts = single_values(value, &kind);
        // A group is called by its type.
        let name = match kind.as_message().filter(|_| field.is_group()) {
            Some(body) => body.name(),
            None => field.name(),
        };
        parts.extend(texts.into_iter().map(|text| format!("{name}: {text}")));
    }
    let mut extensions = Vec::new();
    for (extension, value) in message.extensions() {
        let texts = single_values(value, &extension.kind());
        extensions.extend(
            texts
                .into_iter()
                .map(|text| format!("[{}]: {text}", extension.full_name())),
        );
    }
    extensions.sort_unstable();
    parts.extend(extensions);
    if parts.is_empty() {
        "{ }".to_owned()
    } else {
        format!("{{ {} }}", parts.join(" "))
    }
}

fn map_key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => quote(key.as_bytes(), true),
    }
}

fn float(nan: bool, text: String) -> String {
    if nan { "nan".to_owned() } else { text }
}

/// A string literal. Text keeps its characters; of bytes only ASCII stays as it is.
pub(in crate::proto) fn quote(bytes: &[u8], text: bool) -> String {
    let escape = |out: &mut String, byte: u8| out.push_str(&format!("\\{byte:03o}"));
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                ' '..='~' => out.push(character),
                _ if text && !character.is_control() => out.push(character),
                _ => {
                    let mut buffer = [0; 4];
                    character
                        .encode_utf8(&mut buffer)
                        .bytes()
                        .for_each(|byte| escape(&mut out, byte));
                }
            }
        }
        chunk.invalid().iter().for_each(|byte| escape(&mut out, *byte));
    }
    out.push('"');
    out
}
