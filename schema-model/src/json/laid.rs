//! Events of one version as those of another: what is given is laid over what was written.
//!
//! Nothing is resolved in JSON, so all that is not given stays as its writer had it, to the digit. What is given must be what
//! its property may hold; of the rest, which was valid by its writer's schema, nothing is asked. Invariant: a value is laid
//! as it is or not at all. Left out: what depends on other properties (alternatives, `if`, what is required).

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use jsonschema::Validator;
use serde_json::{Map, Value as Json, json};

use super::node::{Keywords, Kind, NodeId};
use super::validator::{self, Failure};
use super::{Schema, coarse, walk};
use crate::cel::{Shape, shown};
use crate::finding::snippet;
use crate::json_text::{Json as Text, JsonKind};
use crate::{ReadError, Value};

/// What the properties of an event are, each by itself.
#[derive(Debug)]
struct Properties {
    /// As a schema.
    judge: Json,
    /// The schemas that say so.
    parts: Vec<NodeId>,
    /// What judges the names of those by pattern.
    patterns: Vec<Validator>,
}

/// How an event of one version becomes one of another.
///
/// ```
/// use annals_schema_model::{Value, json::{Laying, Schema}};
///
/// let version = |properties: &str| Schema::parse(&format!(r#"{{"title": "Paid", "properties": {{{properties}}}}}"#), &[]);
/// let old = version(r#""cents": {"type": "integer"}, "by": {"type": "string"}"#)?;
/// let new = version(r#""amount": {"type": "number"}, "by": {"type": "string"}"#)?;
/// let laying = Laying::new(&old, &new, "Paid").expect("both have it");
///
/// let amount = Value::Decimal("12.50".parse().expect("a decimal"));
/// laying.holds("amount", &amount).expect("a number");
/// let next = laying.lay(br#"{"cents": 1250, "by": "ada"}"#, &[("amount".into(), amount)]).expect("an object");
/// assert_eq!(next, br#"{"cents":1250,"by":"ada","amount":12.50}"#);
/// let error = laying.holds("amount", &Value::String("much".into())).unwrap_err();
/// assert_eq!(error.to_string(), r#"amount: it is given "much", and it is not of type "number" (keyword "type")"#);
/// # Ok::<(), annals_schema_model::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Laying {
    event: String,
    from: Shape,
    to: Shape,
    schema: Schema,
    properties: Properties,
    /// Judges by that, once something is given.
    judge: OnceLock<Result<Validator, String>>,
}

impl Laying {
    /// From one version of an event to another; nothing where one of them does not have it.
    #[must_use]
    pub fn new(from: &Schema, to: &Schema, event: &str) -> Option<Laying> {
        Some(Laying {
            event: event.to_owned(),
            from: from.shape(event)?,
            to: to.shape(event)?,
            properties: properties(to, event)?,
            schema: to.clone(),
            judge: OnceLock::new(),
        })
    }

    /// Reads an event that was judged, as its writer has it.
    ///
    /// # Errors
    /// [`ReadError`] names the place of a number with too many digits.
    pub fn read(&self, body: &[u8]) -> Result<Value, ReadError> {
        super::event_value(&self.event, body, &self.from)
    }

    /// Whether the event has a property, by its name or by a pattern.
    #[must_use]
    pub fn describes(&self, property: &str) -> bool {
        let Shape::Record { fields, .. } = self.to.present() else {
            return true;
        };
        let name = Json::from(property);
        let mut patterns = self.properties.patterns.iter();
        fields.iter().any(|(field, _)| field == property) || patterns.any(|pattern| pattern.is_valid(&name))
    }

    /// Whether a property may hold a value.
    ///
    /// # Errors
    /// [`ReadError`] names the place, what it is given and what it may hold.
    pub fn holds(&self, property: &str, value: &Value) -> Result<(), ReadError> {
        if !self.describes(property) {
            let none = format!("{} has no such property", self.event);
            return Err(ReadError::new(none).within(property));
        }
        let mut text = String::new();
        write(value, &mut text).map_err(|error| error.within(property))?;
        let whole = |message: String| ReadError::new(message).within(property);
        for is_whole in [false, true] {
            let number = coarse::found(value, is_whole);
            let keyword = number.and_then(|_| self.asks_of_numbers(property, is_whole));
            if let (Some(number), Some(keyword)) = (number, keyword) {
                let number = shown(&Value::Decimal(number.clone()));
                let more = "has more digits than a floating-point number, by which";
                return Err(whole(format!(
                    "it is given {number}, which {more} \"{keyword}\" is judged"
                )));
            }
        }
        let build = || validator::build_beside(&self.schema, &self.properties.judge);
        let validator = self.judge.get_or_init(build).as_ref();
        let validator = validator.map_err(|why| whole(format!("the schema does not compile: {why}")))?;
        let given = walk::json(text.as_bytes()).map_err(whole)?;
        let alone = Json::Object(Map::from_iter([(property.to_owned(), given)]));
        match validator::check(validator, &alone, text.len()) {
            Ok(_) => Ok(()),
            Err(Failure::TooLong(steps)) => {
                Err(whole(format!("the value takes more than {steps} steps to judge")))
            }
            Err(Failure::Invalid { pointer, message }) => {
                let at = alone.pointer(&pointer).unwrap_or(&Json::Null).to_string();
                let wrong = match message.strip_prefix("the value ") {
                    Some(wrong) => format!("it {wrong}"),
                    None => message,
                };
                Err(ReadError {
                    path: walk::dotted(&pointer, &alone),
                    position: None,
                    message: format!("it is given {}, and {wrong}", snippet(&at)),
                })
            }
        }
    }

    /// The keyword that asks something of the numbers in a property, beyond that they are whole where they are.
    fn asks_of_numbers(&self, property: &str, are_whole: bool) -> Option<&'static str> {
        let parts = self.properties.parts.iter();
        let parts = parts.filter_map(|part| self.schema.keywords(*part));
        let of_part = |keywords: &Keywords| -> Vec<NodeId> {
            match keywords.property(property) {
                Some(node) => vec![node],
                None => {
                    let patterns = keywords.pattern_properties.iter().map(|(_, node)| *node);
                    patterns.chain(keywords.additional_properties).collect()
                }
            }
        };
        self.schema.asks_of_numbers(parts.flat_map(of_part), are_whole)
    }

    /// The event with these properties, in the place of those of their names.
    ///
    /// # Errors
    /// It is no object, or nests too deep with them.
    pub fn lay(&self, body: &[u8], given: &[(Arc<str>, Value)]) -> Result<Vec<u8>, ReadError> {
        let text = std::str::from_utf8(body).map_err(|error| ReadError::new(error.to_string()))?;
        let written = Text::parse_strict(text).map_err(|error| ReadError::new(error.to_string()))?;
        let JsonKind::Object(entries) = &written.kind else {
            return Err(ReadError::new("it is no object"));
        };
        let mut next = String::with_capacity(text.len());
        next.push('{');
        let name = |next: &mut String, name: &str| {
            if next.len() > 1 {
                next.push(',');
            }
            next.push_str(&json!(name).to_string());
            next.push(':');
        };
        let is_kept = |entry: &&(String, Text)| given.iter().all(|(known, _)| **known != *entry.0);
        for (property, entry) in entries.iter().filter(is_kept) {
            name(&mut next, property);
            next.push_str(entry.span.of(text));
        }
        for (property, value) in given {
            name(&mut next, property);
            write(value, &mut next).map_err(|error| error.within(property))?;
        }
        next.push('}');
        walk::check_depth(&next).map_err(ReadError::new)?;
        Ok(next.into_bytes())
    }
}

/// What the properties of an event are; nothing where there is no such event.
fn properties(schema: &Schema, event: &str) -> Option<Properties> {
    let (node, top) = schema.nodes_of(event)?;
    let (mut open, mut seen) = (Vec::from_iter(top.into_iter().chain([node])), BTreeSet::new());
    let (mut parts, mut judges, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
    let reference = |(name, node): (&str, NodeId)| (name.to_owned(), schema.reference(node));
    while let Some(node) = open.pop() {
        let Some(keywords) = schema.keywords(node) else {
            continue;
        };
        if !seen.insert(node) {
            continue;
        }
        open.extend(keywords.target.iter().chain(&keywords.all_of));
        let named = keywords
            .properties
            .iter()
            .map(|(name, node)| (name.as_str(), *node));
        let by_pattern = keywords.pattern_properties.iter();
        let (known, are_others) = validator::by_patterns(by_pattern.map(|(pattern, _)| pattern.as_str()));
        let of_known = known.iter().filter_map(|(pattern, _)| {
            let node = keywords.pattern_properties.get(pattern)?;
            Some((*pattern, node))
        });
        let mut part = json!({
            "properties": Map::from_iter(named.map(reference)),
            "patternProperties": Map::from_iter(of_known.map(reference)),
        });
        // Where a pattern is not known any name may be one of it.
        if let Some(others) = keywords.additional_properties.filter(|_| !are_others) {
            part["additionalProperties"] = match schema.node(others).kind {
                Kind::Bool(are_allowed) => are_allowed.into(),
                Kind::Object(_) => schema.reference(others),
            };
        }
        judges.push(part);
        parts.push(node);
        patterns.extend(known.into_iter().map(|(_, judge)| judge));
    }
    Some(Properties {
        judge: json!({ "allOf": judges }),
        parts,
        patterns,
    })
}

impl Schema {
    /// A schema that is another one of this text, or of its references.
    fn reference(&self, node: NodeId) -> Json {
        let node = self.node(node);
        let document = self.0.documents.get(node.document as usize);
        let uri = document.and_then(|document| document.uris.first());
        let mut pointer = String::new();
        for byte in node.pointer.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'~' | b'-' | b'_' | b'.' | b'$' => {
                    pointer.push(char::from(byte));
                }
                byte => pointer.push_str(&format!("%{byte:02X}")),
            }
        }
        json!({ "$ref": format!("{}#{pointer}", uri.map_or("", String::as_str)) })
    }
}

/// What a value is in JSON, every number with its digits.
fn write(value: &Value, text: &mut String) -> Result<(), ReadError> {
    match value {
        Value::Decimal(number) => text.push_str(&number.to_string()),
        Value::Float(number) if !number.is_finite() => {
            let given = format!("it is given {}, and JSON has no such number", shown(value));
            return Err(ReadError::new(given));
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Enum(_) => text.push_str(&value.to_json().to_string()),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(item, text).map_err(|error| error.within(&format!("[{place}]")))?;
            }
            text.push(']');
        }
        Value::Map(entries) | Value::Record { fields: entries, .. } => {
            text.push('{');
            for (place, (name, entry)) in entries.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(&json!(**name).to_string());
                text.push(':');
                write(entry, text).map_err(|error| error.within(name))?;
            }
            text.push('}');
        }
        other => {
            let given = format!(
                "it is given {}, and JSON has no such type; string(…) makes a text of it",
                shown(other)
            );
            return Err(ReadError::new(given));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Resolved;

    fn parse(text: &str) -> Schema {
        Schema::parse(text, &[]).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Whatever the draft, and wherever the schema of the property stands.
    #[test]
    fn what_is_given_is_judged_by_its_property() {
        for (draft, defs, id) in [
            ("http://json-schema.org/draft-04/schema#", "definitions", "id"),
            ("http://json-schema.org/draft-06/schema#", "definitions", "$id"),
            ("http://json-schema.org/draft-07/schema#", "definitions", "$id"),
            ("https://json-schema.org/draft/2019-09/schema", "$defs", "$id"),
            ("https://json-schema.org/draft/2020-12/schema", "$defs", "$id"),
        ] {
            for identity in [format!(r#""{id}": "http://a.b/events.json","#), String::new()] {
                let text = format!(
                    r##"{{"$schema": "{draft}", {identity} "properties": {{"common": {{"type": "boolean"}}}},
                    "oneOf": [{{"$ref": "#/{defs}/Leaf é"}}, {{"title": "Other", "type": "object", "required": ["other"]}}],
                    "{defs}": {{
                        "Leaf é": {{"title": "E", "type": "object", "required": ["size", "tree"],
                            "properties": {{"size": {{"$ref": "#/{defs}/a~1b %"}}, "tree": {{"$ref": "#/{defs}/Tree"}}}},
                            "allOf": [{{"properties": {{"size": {{"maximum": 9}}, "part": {{"enum": ["x"]}}}}}}]}},
                        "Tree": {{"type": "object", "additionalProperties": {{"$ref": "#/{defs}/Tree"}}}},
                        "a/b %": {{"type": "integer"}}}}}}"##
                );
                let text = text.replace("#/definitions/Leaf é", "#/definitions/Leaf%20%C3%A9");
                let text = text.replace("#/$defs/Leaf é", "#/$defs/Leaf%20%C3%A9");
                let text = text.replace("a~1b %\"", "a~1b%20%25\"");
                let schema = parse(&text);
                let laying = Laying::new(&schema, &schema, "E").unwrap();
                let check = |property: &str, value: Value, wanted: Option<&str>| {
                    let held = laying.holds(property, &value).map_err(|error| error.to_string());
                    match (held, wanted) {
                        (Ok(()), None) => {}
                        (Err(told), Some(says)) if told.starts_with(says) => {}
                        (held, _) => panic!("{property} = {value:?} in {text}: {held:?}"),
                    }
                };
                check("size", Value::Int(7), None);
                check(
                    "size",
                    Value::Int(10),
                    Some("size: it is given 10, and it is greater than the maximum of 9"),
                );
                check(
                    "size",
                    Value::String("a".into()),
                    Some("size: it is given \"a\", and it is not of type \"integer\""),
                );
                check("part", Value::String("x".into()), None);
                check("part", Value::String("y".into()), Some("part: it is given \"y\""));
                check("common", Value::Int(1), Some("common: it is given 1"));
                let tree = |inner| Value::Map(vec![("a".into(), Value::Map(vec![("b".into(), inner)]))]);
                check("tree", tree(Value::Map(vec![])), None);
                check("tree", tree(Value::Null), Some("tree.a.b: it is given null"));
                check("lost", Value::Int(1), Some("lost: E has no such property"));
            }
        }
    }

    #[test]
    fn schemas_in_other_texts_judge_too() {
        let reference = Resolved {
            name: "shop/size.json".to_owned(),
            text: r##"{"$ref": "#/definitions/S", "definitions": {"S": {"type": "integer"}}}"##.to_owned(),
        };
        let text = r#"{"title": "E", "properties": {"size": {"$ref": "shop/size.json"}}}"#;
        let schema = Schema::parse(text, &[reference]).unwrap();
        let laying = Laying::new(&schema, &schema, "E").unwrap();
        assert_eq!(laying.holds("size", &Value::Int(1)), Ok(()));
        assert!(laying.holds("size", &Value::Bool(true)).is_err());
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<i64>().prop_map(Json::from),
            "[a\"\\\\é\u{1}]{0,4}".prop_map(Json::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
                prop::collection::btree_map("[a-c\"]", inner, 0..3)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn given() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<i64>().prop_map(|digits| Value::Decimal(crate::Decimal::new(i128::from(digits), 3))),
            "[a\"\\\\é\u{1}]{0,4}".prop_map(Value::String),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::btree_map("[a-c\"]", inner, 0..3).prop_map(|entries| {
                    Value::Map(
                        entries
                            .into_iter()
                            .map(|(name, value)| (name.into(), value))
                            .collect(),
                    )
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_given_is_read_again_and_all_else_stays(
            body in prop::collection::btree_map("[a-e\"]", json(), 0..5),
            given in prop::collection::btree_map("[a-e\"]", given(), 0..4),
        ) {
            let schema = parse(r#"{"title": "E"}"#);
            let laying = Laying::new(&schema, &schema, "E").unwrap();
            let body = serde_json::to_vec(&body).unwrap();
            let given: Vec<(Arc<str>, Value)> =
                given.into_iter().map(|(name, value)| (name.into(), value)).collect();
            let laid = laying.read(&laying.lay(&body, &given).unwrap()).unwrap();
            let before = laying.read(&body).unwrap();
            for name in ["a", "b", "c", "d", "e", "\""] {
                let wanted = given.iter().find(|(known, _)| **known == *name);
                let wanted = wanted.map_or(before.get(name), |(_, value)| Some(value));
                prop_assert_eq!(laid.get(name), wanted);
            }
        }
    }
}
