//! What parses, what is refused and where; where references lead; normal form.

use proptest::prelude::*;

use super::{Draft, Schema};
use crate::Resolved;

fn resolved(references: &[(&str, &str)]) -> Vec<Resolved> {
    let pairs = references.iter().map(|(name, text)| Resolved {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
    });
    pairs.collect()
}

#[test]
fn what_parses() {
    for text in [
        "true",
        "{}",
        r#"{"type": ["string", "null"], "unknown": {"anything": [1]}}"#,
        r#"{"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMaximum": true, "maximum": 3}"#,
        r##"{"$ref": "#/definitions/a", "definitions": {"a": {"properties": {"next": {"$ref": "#"}}}}}"##,
        r##"{"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#x", "$defs": {"a": {"$anchor": "x"}}}"##,
        r##"{"properties": {"a": {"$ref": "#/elsewhere/0"}}, "elsewhere": [{"type": "string"}]}"##,
        r##"{"$id": "https://x.org/a", "properties": {"a": {"$ref": "a#/properties/b"}, "b": true}}"##,
        r##"{"$ref": "http://json-schema.org/draft-07/schema#"}"##,
        r#"{"$schema": "http://json-schema.org/draft-04/schema#", "required": [], "dependencies": {"a": []}}"#,
        r#"{"required": ["a", "a"], "enum": [1, 1], "pattern": "(?<!a)b", "patternProperties": {"(": {}}}"#,
        r##"{"properties": {"a%b": {"$ref": "#/properties/~1"}, "/": {"$ref": "#/properties/a%25b/x"}}, "x": 1}"##,
    ] {
        let parsed = Schema::parse(text, &[]);
        // The last one refers to a place below a `$ref`, where there is nothing.
        assert_eq!(parsed.is_ok(), !text.contains("a%25b/x"), "{text}");
    }
    let draft = |text: &str| Schema::parse(text, &[]).unwrap().draft();
    assert_eq!(draft("{}"), Draft::Draft7);
    assert_eq!(
        draft(r#"{"$schema": "https://json-schema.org/draft/2019-09/schema"}"#),
        Draft::Draft201909
    );
}

#[test]
fn the_printed_form_has_no_white_space_and_keeps_the_rest() {
    let printed = |text: &str| Schema::parse(text, &[]).unwrap().printed();
    let wanted = r#"{"type":"object","properties":{"b":{"maximum":9007199254740993.0},"a":{"const":1e400}},"title":"é \"x\""}"#;
    let spread = "\n{ \"type\" : \"object\",\r\n\t\"properties\": {\"b\": {\"maximum\": 9007199254740993.0}, \"a\": {\"const\": 1e400}},
        \"title\": \"\\u00e9 \\\"x\\\"\" }\n";
    assert_eq!(printed(spread), wanted);
    assert_eq!(printed(wanted), wanted);
    for other in [
        wanted.replace("9007199254740993.0", "9007199254740992.0"),
        wanted.replace("1e400", "1e401"),
        r#"{"properties":{"b":{"maximum":9007199254740993.0},"a":{"const":1e400}},"type":"object","title":"é \"x\""}"#.to_owned(),
        wanted.replace("\\\"x", " \\\"x"),
    ] {
        assert_ne!(printed(&other), wanted, "{other}");
    }
    assert_eq!(printed(" true "), "true");
}

#[test]
fn what_is_refused_and_where() {
    let check = |text: &str, line: u32, column: u32, wanted: &str| {
        let error = Schema::parse(text, &[]).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        assert!(error.message.contains(wanted), "{text}: {error}");
    };
    check("", 1, 1, "the schema is empty");
    check("{ // no comments\n}", 1, 3, "expected a key");
    check("[1]", 1, 1, "a schema is an object");
    check("{\n \"type\": \"strin\"}", 2, 10, "\"type\" must be one of");
    check(r#"{"properties": {"a": 3}}"#, 1, 22, "a schema is an object");
    check(r#"{"properties": []}"#, 1, 16, "must be an object");
    check(r#"{"required": "a"}"#, 1, 14, "an array of strings");
    check(r#"{"maxLength": -1}"#, 1, 15, "0 or above");
    check(r#"{"maxLength": 1.5}"#, 1, 15, "0 or above");
    check(r#"{"exclusiveMaximum": true}"#, 1, 22, "must be a number");
    check(
        r#"{"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMaximum": 1}"#,
        1,
        76,
        "true or false in draft-04",
    );
    check(r#"{"multipleOf": 0}"#, 1, 16, "above 0");
    check(r#"{"anyOf": []}"#, 1, 11, "at least one");
    check(
        "{\n \"$comment\": 1}",
        2,
        14,
        "the value is not of type \"string\" (keyword \"type\"), says the meta-schema",
    );
    check(r#"{"enum": "a"}"#, 1, 10, "must be an array");
    check(r#"{"$schema": "https://x.org/mine"}"#, 1, 13, "no draft");
    check(r##"{"$ref": "#/definitions/a"}"##, 1, 10, "leads to nothing");
    check(r##"{"$ref": "#a"}"##, 1, 10, "leads to nothing");
    check(r#"{"$ref": 1}"#, 1, 10, "must be a string");
    check(r##"{"$ref": "#"}"##, 1, 1, "refers back to itself");
    check(
        r##"{"definitions": {"a": {"anyOf": [{"$ref": "#/definitions/a"}]}}}"##,
        1,
        23,
        "refers back to itself",
    );
    for remote in ["http://127.0.0.1:1/a.json", "file:///etc/passwd", "other.json"] {
        check(&format!(r#"{{"$ref": "{remote}"}}"#), 1, 10, remote);
    }
}

#[test]
fn references_are_found_by_name_and_by_id() {
    let check = |text: &str, references: &[(&str, &str)], wanted: Option<&str>| {
        let error = Schema::parse(text, &resolved(references)).err();
        assert_eq!(
            error.is_some(),
            wanted.is_some(),
            "{text} {references:?}: {error:?}"
        );
        if let (Some(error), Some(wanted)) = (error, wanted) {
            assert!(error.message.contains(wanted), "{error}");
        }
    };
    let item = r#"{"type": "object"}"#;
    check(r#"{"$ref": "item.json"}"#, &[("item.json", item)], None);
    check(r#"{"$ref": "./item.json#"}"#, &[("item.json", item)], None);
    check(
        r#"{"$id": "https://x.org/s/order.json", "items": {"$ref": "item.json"}}"#,
        &[("item.json", item)],
        None,
    );
    check(
        r#"{"$id": "https://x.org/s/order.json", "items": {"$ref": "item.json"}}"#,
        &[("https://x.org/s/item.json", item)],
        None,
    );
    check(
        r#"{"items": {"$ref": "https://x.org/item"}}"#,
        &[("item", r#"{"$id": "https://x.org/item"}"#)],
        None,
    );
    // A reference of a reference, and one back to the schema itself.
    let first = r##"{"$id": "https://y.org/a.json", "properties": {"b": {"$ref": "b.json"}, "c": {"$ref": "#/properties/b"}}}"##;
    check(
        r#"{"properties": {"a": {"$ref": "a.json"}}}"#,
        &[("b.json", item), ("a.json", first)],
        None,
    );
    check(
        r#"{"$ref": "a.json"}"#,
        &[("a.json", first)],
        Some("in the reference \"a.json\", line 1, column 62: the $ref \"b.json\""),
    );
    check(
        r#"{"$ref": "a.json"}"#,
        &[("a.json", "{")],
        Some("in the reference \"a.json\", line 1, column 2"),
    );
    check(
        r#"{"$ref": "a.json#/nothing"}"#,
        &[("a.json", item)],
        Some("leads to nothing"),
    );
}

#[test]
fn everything_is_bounded() {
    let refuse = |text: &str, wanted: &str| {
        let error = Schema::parse(text, &[]).unwrap_err();
        assert!(error.message.contains(wanted), "{error}");
    };
    let nested = |levels: usize| format!("{}{{}}{}", r#"{"not":"#.repeat(levels), "}".repeat(levels));
    assert!(Schema::parse(&nested(crate::DEPTH_MAX - 1), &[]).is_ok());
    refuse(&nested(crate::DEPTH_MAX), "deeper than 64");
    refuse(&"[".repeat(100_000), "deeper than");
    refuse(&" ".repeat(super::TEXT_BYTES_MAX + 1), "longer than");
    let many = vec!["{}"; super::NODES_MAX].join(",");
    refuse(&format!(r#"{{"allOf":[{many}]}}"#), "more than 50000 subschemas");
    let row: Vec<String> = (0..super::IN_PLACE_MAX)
        .map(|n| format!(r##""d{n}":{{"$ref":"#/definitions/d{}"}}"##, n + 1))
        .collect();
    let last = super::IN_PLACE_MAX;
    refuse(
        &format!(r#"{{"definitions":{{{},"d{last}":{{}}}}}}"#, row.join(",")),
        "in a row",
    );
}

#[test]
fn the_normal_form_is_sorted_and_compact() {
    let schema = Schema::parse(
        "{ \"b\": [2, 1],\n \"a\": {\"y\": 1.50, \"x\": \"\\u00e9\"} }",
        &[],
    )
    .unwrap();
    assert_eq!(schema.normalized(), r#"{"a":{"x":"é","y":1.5},"b":[2,1]}"#);
    assert!(schema.stored_text().contains('\n'));
    let other = Schema::parse(r#"{"a": {"x": "é", "y": 1.5}, "b": [2, 1]}"#, &[]).unwrap();
    assert_eq!(schema.fingerprint(), other.fingerprint());
    let normal = |number: &str| {
        let text = format!("{{\"const\": {number}}}");
        Schema::parse(&text, &[]).unwrap().normalized()
    };
    assert_eq!(normal("9007199254740993.0"), normal("9007199254740993.00"));
    assert_ne!(normal("9007199254740993.0"), normal("9007199254740992.0"));
    assert_eq!(normal("1e400"), r#"{"const":1E400}"#);
}

proptest! {
    #[test]
    fn the_normal_form_is_normal(text in "\\{(\"(title|x|default)\": ?(1|-0|2\\.50|1e3|1e400|-0\\.10e-400|9007199254740993\\.0|\"\\\\n\"|\\[1, ?\\{\"b\":1, \"a\":2\\}\\]),){0,4}\"z\": true\\}") {
        if let Ok(schema) = Schema::parse(&text, &[]) {
            let normal = schema.normalized();
            let again = Schema::parse(&normal, &[]).unwrap();
            prop_assert_eq!(&again.normalized(), &normal);
            prop_assert_eq!(again.fingerprint(), schema.fingerprint());
        }
    }

    #[test]
    fn nothing_panics(text in "(\\{|\\}|\\[|\\]|:|,|\"\\$ref\"|\"#/a\"|\"items\"|\"a\"|\"type\"|\"string\"|true|1){0,24}") {
        let _ = Schema::parse(&text, &[]);
    }
}
