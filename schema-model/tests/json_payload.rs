//! JSON payloads: judged by their schema, read into values, and never at a cost their size does not justify.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(feature = "json")]

use annals_schema_model::{
    DEPTH_MAX, Reading, Resolved, Schema, SchemaId, SchemaType, Value, Walk, envelope,
};

fn json_with(text: &str, references: &[(&str, &str)]) -> Schema {
    let resolved: Vec<Resolved> = references
        .iter()
        .map(|(name, text)| Resolved {
            name: (*name).into(),
            text: (*text).into(),
        })
        .collect();
    Schema::parse(SchemaType::Json, text, &resolved).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn json(text: &str) -> Schema {
    json_with(text, &[])
}

const ORDER: &str = r##"{
  "title": "Order", "type": "object", "required": ["id"], "additionalProperties": false,
  "properties": {
    "id": {"type": "integer", "minimum": 1},
    "email": {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$", "maxLength": 40},
    "items": {"type": "array", "items": {"$ref": "#/definitions/item"}}
  },
  "definitions": {"item": {"type": "object", "properties": {"price": {"type": "number"}, "sku": {"enum": ["a", "b"]}}}}
}"##;

#[test]
fn bodies_are_judged() {
    let walk = Walk::new(&json(ORDER));
    let check = |body: &str, wanted: Option<(&str, &str)>| match (walk.check(body.as_bytes()), wanted) {
        (Ok(()), None) => {}
        (Err(error), Some((path, message))) => {
            assert_eq!(error.path, path, "{body}: {error}");
            assert!(error.message.contains(message), "{body}: {error}");
        }
        (found, wanted) => panic!("{body}: {found:?}, wanted {wanted:?}"),
    };
    check(r#"{"id": 1, "items": [{"price": 2.5, "sku": "a"}, {}]}"#, None);
    check(r#" {"id": 1.0} "#, None);
    check(r#"{"id": "1"}"#, Some(("id", "(keyword \"type\")")));
    check(r#"{"id": 0}"#, Some(("id", "(keyword \"minimum\")")));
    check("{}", Some(("", "\"id\" is a required property")));
    check(r#"{"id": 1, "other": 2}"#, Some(("", "'other'")));
    check(
        r#"{"id": 1, "items": [{}, {"price": "2.5"}]}"#,
        Some(("items[1].price", "keyword \"type\"")),
    );
    check(
        r#"{"id": 1, "items": [{"sku": "c"}]}"#,
        Some(("items[0].sku", "keyword \"enum\"")),
    );
    check(
        r#"{"id": 1, "email": "a"}"#,
        Some(("email", "keyword \"pattern\"")),
    );
    check(r#"{"id": 1"#, Some(("", "the body is not JSON: EOF")));
    check(r#"{"id": 1} x"#, Some(("", "trailing characters")));
    check("", Some(("", "the body is not JSON")));
    let error = walk.check(b"{\"id\": 1, \"email\": \"\xff\"}").unwrap_err();
    assert!(error.message.contains("not UTF-8"), "{error}");
}

#[test]
fn values_are_read() {
    let reading = Reading::of(&json(ORDER));
    assert_eq!(reading.record_name(), "Order");
    let value = reading
        .read(br#"{"id": 9007199254740993, "items": [{"price": 0.5}]}"#)
        .unwrap();
    assert!(matches!(&value, Value::Record { name, .. } if **name == *"Order"));
    assert_eq!(value.get("id"), Some(&Value::Int(9_007_199_254_740_993)));
    assert_eq!(
        value.get("items"),
        Some(&Value::Array(vec![Value::Map(vec![(
            "price".into(),
            Value::Float(0.5)
        )])]))
    );
    assert_eq!(reading.read(br#"{"id": "x"}"#).unwrap_err().path, "id");
    let any = Reading::of(&json("true"));
    let check = |body: &str, wanted: Value| assert_eq!(any.read(body.as_bytes()), Ok(wanted));
    check("18446744073709551615", Value::UInt(u64::MAX));
    check("-9223372036854775808", Value::Int(i64::MIN));
    check("1.0", Value::Float(1.0));
    check("[null, true]", Value::Array(vec![Value::Null, Value::Bool(true)]));
    check("\"é\"", Value::String("é".into()));
}

#[test]
fn references_reach_the_validator() {
    let item = r##"{"type": "object", "properties": {"n": {"$ref": "#/definitions/n"}}, "definitions": {"n": {"type": "integer"}}}"##;
    let check = |text: &str, references: &[(&str, &str)]| {
        let walk = Walk::new(&json_with(text, references));
        walk.check(br#"{"item": {"n": 1}}"#).unwrap();
        let error = walk.check(br#"{"item": {"n": "1"}}"#).unwrap_err();
        assert_eq!(error.path, "item.n", "{text}: {error}");
    };
    check(
        r#"{"properties": {"item": {"$ref": "item.json"}}}"#,
        &[("item.json", item)],
    );
    check(
        r#"{"$id": "https://x.org/s/order.json", "properties": {"item": {"$ref": "item.json#"}}}"#,
        &[("item.json", item)],
    );
    check(
        r#"{"$id": "https://x.org/s/order.json", "properties": {"item": {"$ref": "https://x.org/s/item.json"}}}"#,
        &[("https://x.org/s/item.json", item)],
    );
    check(
        r#"{"properties": {"item": {"$ref": "urn:item"}}}"#,
        &[("whatever", &item.replacen('{', r#"{"$id": "urn:item", "#, 1))],
    );
    // By way of a reference with an id of its own, which refers to the other one by name.
    check(
        r#"{"properties": {"item": {"$ref": "mid.json"}}}"#,
        &[
            ("item.json", item),
            (
                "mid.json",
                r#"{"$id": "https://y.org/mid.json", "$ref": "item.json"}"#,
            ),
        ],
    );
    check(
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"item": {"$ref": "item.json"}}}"#,
        &[(
            "item.json",
            r##"{"$ref": "#o", "$defs": {"o": {"$anchor": "o", "allOf": [true], "properties": {"n": {"type": "integer"}}}}}"##,
        )],
    );
}

#[test]
fn a_pattern_the_engine_does_not_know_demands_nothing() {
    let walk = Walk::new(&json(
        r#"{"properties": {"a": {"type": "string", "pattern": "^(?!x)(a)\\1$"}, "b": {"pattern": "^\\d+$"}},
           "patternProperties": {"(?=z)": {"type": "string"}}, "additionalProperties": false}"#,
    ));
    walk.check(br#"{"a": "x", "b": "12", "other": 1}"#).unwrap();
    assert_eq!(walk.check(br#"{"a": 1}"#).unwrap_err().path, "a");
    assert_eq!(walk.check(br#"{"b": "x"}"#).unwrap_err().path, "b");
    // A pattern that would grow to gigabytes.
    let walk = Walk::new(&json(r#"{"pattern": "((a{0,1000}){0,1000}){0,1000}"}"#));
    walk.check(b"\"b\"").unwrap();
}

#[test]
fn catastrophic_patterns_take_linear_time() {
    let walk = Walk::new(&json(r#"{"pattern": "^(a+)+$"}"#));
    walk.check(format!("\"{}b\"", "a".repeat(100_000)).as_bytes())
        .unwrap_err();
}

#[test]
fn depth_is_bounded() {
    let walk = Walk::new(&json("true"));
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    walk.check(nested(DEPTH_MAX).as_bytes()).unwrap();
    let error = walk.check(nested(DEPTH_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!(error.message, "the payload nests deeper than 64 levels");
    walk.check(nested(1_000_000).as_bytes()).unwrap_err();
    walk.check(format!("{:?}", "[".repeat(1000) + "\"{").as_bytes())
        .unwrap();
}

#[test]
fn recursion_that_doubles_with_every_level_ends() {
    for combinator in ["anyOf", "oneOf", "allOf"] {
        let branch = r##"{"properties": {"x": {"$ref": "#"}}, "required": ["x"]}"##;
        let walk = Walk::new(&json(&format!(r#"{{"{combinator}": [{branch}, {branch}]}}"#)));
        let body = format!("{}{{}}{}", r#"{"x":"#.repeat(60), "}".repeat(60));
        let error = walk.check(body.as_bytes()).unwrap_err();
        let ended = if combinator == "allOf" {
            "required"
        } else {
            "steps to judge"
        };
        assert!(error.message.contains(ended), "{combinator}: {error}");
    }
    let doubling: Vec<String> = (0..20)
        .map(|n| format!(r##""d{n}": {{"anyOf": [{{"$ref": "#/definitions/d{0}"}}, {{"$ref": "#/definitions/d{0}"}}]}}"##, n + 1))
        .collect();
    let walk = Walk::new(&json(&format!(
        r##"{{"$ref": "#/definitions/d0", "definitions": {{{}, "d20": {{"type": "string"}}}}}}"##,
        doubling.join(",")
    )));
    walk.check(b"\"a\"").unwrap();
    assert!(walk.check(b"1").unwrap_err().message.contains("steps to judge"));
}

#[test]
fn long_ways_fit_the_stack() {
    // Every value is judged by a long row of schemas, at every level.
    let length = annals_schema_model::json::IN_PLACE_MAX / 2 - 2;
    let row: Vec<String> = (0..length)
        .map(|n| {
            format!(
                r##""d{n}": {{"allOf": [{{"$ref": "#/definitions/d{}"}}]}}"##,
                n + 1
            )
        })
        .collect();
    let text = format!(
        r##"{{"$ref": "#/definitions/d0", "definitions": {{{}, "d{length}": {{"items": {{"$ref": "#"}}}}}}}}"##,
        row.join(",")
    );
    let body = format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
    Walk::new(&json(&text)).check(body.as_bytes()).unwrap();
    // Definitions that lead to each other, one after the other.
    let chain: Vec<String> = (0..5000)
        .map(|n| {
            format!(
                r##""d{n}": {{"properties": {{"x": {{"$ref": "#/definitions/d{}"}}}}}}"##,
                n + 1
            )
        })
        .collect();
    let text = format!(
        r##"{{"$ref": "#/definitions/d0", "definitions": {{{}, "d5000": {{"type": "string"}}}}}}"##,
        chain.join(",")
    );
    Walk::new(&json(&text)).check(b"{\"x\": {\"x\": 1}}").unwrap();
}

#[test]
fn the_envelope_has_no_message_indexes() {
    let mut payload = Vec::new();
    envelope::write(SchemaId::new(7).unwrap(), &mut payload);
    payload.extend_from_slice(br#"{"id": 1}"#);
    assert_eq!(payload[..6], [0, 0, 0, 0, 7, b'{']);
    let read = envelope::read(&payload).unwrap();
    Walk::new(&json(ORDER)).check(read.body).unwrap();
}
