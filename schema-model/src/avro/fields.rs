//! Record fields, from JSON to the arena.

use std::collections::HashSet;

use super::{
    json::JsonKind,
    json_text, names,
    node::{Field, Kind, Order},
    parse::{Parser, Tree, props, text},
};
use crate::ParseError;

/// What properties of a field mean something to Avro and are no custom properties.
const RESERVED: [&str; 6] = ["default", "doc", "name", "order", "type", "aliases"];

/// Parses one field; its type is parsed into the arena. Whether the default fits is checked when all types are known.
pub(super) fn field<'t>(
    parser: &mut Parser<'t>,
    json: &Tree<'t>,
    namespace: Option<&str>,
    depth: usize,
) -> Result<Field, ParseError> {
    if !matches!(json.kind, JsonKind::Object(_)) {
        return Err(parser.error(json, "a field must be an object with \"name\" and \"type\""));
    }
    let name_json = parser.required(json, "name", "a field needs a \"name\"")?;
    let name = name_json
        .as_str()
        .ok_or_else(|| parser.error(name_json, "a field's name must be a string"))?;
    names::validate(name).map_err(|problem| parser.error(name_json, format!("the field name {problem}")))?;
    let type_json = parser.required(json, "type", "a field needs a \"type\"")?;
    let node = parser.schema(type_json, namespace, depth)?;
    let mut default = json.get("default").map(Tree::to_owned);
    if let Some(default) = &mut default
        && matches!(parser.node(node).kind, Kind::Float | Kind::Double)
        && let JsonKind::String(text) = &default.kind
    {
        let number = double_from_text(text).ok_or_else(|| {
            parser.error(
                default,
                format!("the default \"{text}\" of field \"{name}\" is not a number"),
            )
        })?;
        default.kind = JsonKind::Number(number);
    }
    if let Some(default) = &default {
        parser.check_default(name, node, default)?;
    }
    let (mut aliases, mut known) = (Vec::new(), HashSet::new());
    for (_, alias) in parser.alias_texts(json)? {
        if known.insert(alias) {
            aliases.push(alias.to_owned());
        }
    }
    Ok(Field {
        name: name.into(),
        doc: text(json, "doc"),
        node,
        default,
        aliases,
        order: order(parser, json)?,
        props: props(json, &RESERVED),
        span: json.span,
    })
}

fn order(parser: &Parser<'_>, json: &Tree<'_>) -> Result<Order, ParseError> {
    let Some(order) = json.get("order") else {
        return Ok(Order::Ascending);
    };
    let word = order.as_str().map(str::to_ascii_lowercase);
    match word.as_deref() {
        Some("ascending") => Ok(Order::Ascending),
        Some("descending") => Ok(Order::Descending),
        Some("ignore") => Ok(Order::Ignore),
        _ => Err(parser.error(order, "\"order\" must be ascending, descending or ignore")),
    }
}

/// A double given as a string, as Java parses one: `NaN`, `Infinity`, digits, and a type letter behind them.
fn double_from_text(text: &str) -> Option<String> {
    let text = text.trim_matches(|character| character <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let value = match unsigned {
        "NaN" => f64::NAN,
        "Infinity" if text.starts_with('-') => f64::NEG_INFINITY,
        "Infinity" => f64::INFINITY,
        _ if unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') => text
            .strip_suffix(['f', 'F', 'd', 'D'])
            .unwrap_or(text)
            .parse()
            .ok()?,
        _ => return None,
    };
    // Spelled so that it stays a double: NaN and the infinities as bare words.
    Some(
        json_text::number(&format!("{value:?}"))
            .trim_matches('"')
            .to_owned(),
    )
    .map(|number| match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => number,
    })
}
