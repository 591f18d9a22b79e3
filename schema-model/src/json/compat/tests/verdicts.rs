//! Whole verdicts: policies, references, recursion, places, bounds.

use super::{parse, parse_with};
use crate::{
    CompatibilityPolicy, Direction, Policy, Standard,
    json::{Schema, compat::check},
};

pub(super) fn confluent() -> Standard {
    Standard::default()
}

fn lenient() -> Standard {
    Standard {
        compatibility_policy: CompatibilityPolicy::Lenient,
        ..Standard::default()
    }
}

fn policy(policy: Policy) -> Standard {
    Standard {
        policy,
        ..Standard::default()
    }
}

/// The findings of a change, backward, as `CODE path` lines.
pub(super) fn lines(standard: Standard, old: &Schema, new: &Schema) -> Vec<String> {
    check(standard, new, old, Direction::Backward)
        .iter()
        .map(|finding| format!("{} {}", finding.rule, finding.path))
        .collect()
}

#[track_caller]
fn verdict(standard: Standard, old: &str, new: &str, wanted: &[&str]) {
    assert_eq!(
        lines(standard, &parse(old), &parse(new)),
        wanted,
        "{old} -> {new}"
    );
}

/// An object with a string `a`, and maybe an integer `b`.
fn object(rest: &str, b: &str, required: &str) -> String {
    let b = if b.is_empty() {
        String::new()
    } else {
        format!(", \"b\": {b}")
    };
    format!(
        r#"{{"type": "object", "properties": {{"a": {{"type": "string"}}{b}}}, "required": [{required}]{rest}}}"#
    )
}

#[test]
fn properties_come_and_go_by_model_and_policy() {
    let (open, closed) = ("", r#", "additionalProperties": false"#);
    let (optional, default) = (r#"{"type": "integer"}"#, r#"{"type": "integer", "default": 0}"#);
    let check = |rest: &str, b: &str, names: &str, standards: [(Standard, &[&str], &[&str]); 4]| {
        let (with, without) = (object(rest, b, names), object(rest, "", ""));
        for (standard, adding, removing) in standards {
            verdict(standard, &without, &with, adding);
            verdict(standard, &with, &without, removing);
        }
    };
    let standards = [
        confluent(),
        lenient(),
        policy(Policy::Wire),
        policy(Policy::Strict),
    ];
    let row = |findings: [(&'static [&'static str], &'static [&'static str]); 4]| {
        let [a, b, c, d] = findings;
        [
            (standards[0], a.0, a.1),
            (standards[1], b.0, b.1),
            (standards[2], c.0, c.1),
            (standards[3], d.0, d.1),
        ]
    };
    let added: &[&str] = &["OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b"];
    let required: &[&str] = &["REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b"];
    check(
        open,
        optional,
        "",
        row([(added, &[]), (&[], &[]), (&[], &[]), (added, &[])]),
    );
    check(
        open,
        optional,
        "\"b\"",
        row([(required, &[]), (required, &[]), (required, &[]), (required, &[])]),
    );
    let gone: &[&str] = &["PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/b"];
    let unopen: &[&str] = &["REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/b"];
    let with_default: &[&str] =
        &["REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/b"];
    check(
        closed,
        optional,
        "",
        row([(&[], gone), (&[], &[]), (&[], gone), (&[], gone)]),
    );
    check(
        closed,
        optional,
        "\"b\"",
        row([(unopen, gone), (unopen, &[]), (unopen, gone), (unopen, gone)]),
    );
    check(
        closed,
        default,
        "\"b\"",
        row([
            (&[], gone),
            (&[], &[]),
            (with_default, gone),
            (with_default, gone),
        ]),
    );
}

#[test]
fn a_required_property_with_a_default_is_not_there_yet() {
    let old = r#"{"properties": {"a": {"type": "string"}}}"#;
    let new = r#"{"properties": {"a": {"type": "string"}, "b": {"type": "string", "default": ""}}, "required": ["b"]}"#;
    let added: &[&str] = &["REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b"];
    for standard in [confluent(), policy(Policy::Wire), policy(Policy::Strict)] {
        verdict(standard, old, new, added);
        verdict(standard, new, old, &[]);
    }
    verdict(lenient(), old, new, &[]);
    let strictly_lenient = Standard {
        policy: Policy::Strict,
        ..lenient()
    };
    verdict(
        strictly_lenient,
        old,
        new,
        &["REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED #/required/b"],
    );
}

#[test]
fn what_confluent_lets_pass_or_minds_where_it_means_nothing() {
    let check = |old: &str, new: &str, wanted: [&[&str]; 3]| {
        for (name, wanted) in [Policy::Confluent, Policy::Wire, Policy::Strict]
            .into_iter()
            .zip(wanted)
        {
            verdict(policy(name), old, new, wanted);
        }
    };
    // A property that one side does not declare becomes required, and another one no longer is.
    let ab = r#"{"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a", "b"]}"#;
    let ac = r#"{"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a", "c"]}"#;
    let required: &[&str] = &["REQUIRED_ATTRIBUTE_WITHOUT_SCHEMA_ADDED #/required/c"];
    check(ab, ac, [&[], required, required]);
    let c = r#"{"properties": {"a": {"type": "string"}, "b": {"type": "string"}, "c": {}}, "required": ["a", "b"]}"#;
    check(c, ac, [&[], required, required]);
    let both = r#"{"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}"#;
    let declared: &[&str] = &["REQUIRED_ATTRIBUTE_ADDED #/required/b"];
    check(both, ab, [declared, declared, declared]);
    // A value that fits both choices of anyOf fits no oneOf.
    let any = r#"{"anyOf": [{"type": "string"}, {"type": "integer"}]}"#;
    let one = |more: &str| format!(r#"{{"oneOf": [{{"type": "string"}}, {{"type": "integer"}}{more}]}}"#);
    let changed: &[&str] = &["COMBINED_TYPE_CHANGED #/oneOf"];
    check(any, &one(r#", {"type": "null"}"#), [&[], changed, changed]);
    check(any, &one(""), [changed, changed, changed]);
    // Behind a list there is nothing to allow or forbid.
    let list = |more: &str, draft: &str| format!(r#"{{{draft} "items": {{"type": "string"}}{more}}}"#);
    let gone: &[&str] = &["ADDITIONAL_ITEMS_REMOVED #/additionalItems"];
    let closed = r#", "additionalItems": false"#;
    check(&list("", ""), &list(closed, ""), [gone, &[], gone]);
    check(&list(closed, ""), &list("", ""), [&[], &[], &[]]);
    let narrowed: &[&str] = &["ADDITIONAL_ITEMS_NARROWED #/additionalItems"];
    check(
        &list("", ""),
        &list(r#", "additionalItems": {"type": "string"}"#, ""),
        [narrowed, &[], narrowed],
    );
    let newest = r#""$schema": "https://json-schema.org/draft/2020-12/schema","#;
    check(&list("", newest), &list(closed, newest), [&[], &[], &[]]);
}

#[test]
fn verdicts_of_combinations() {
    let check = |old: &str, new: &str, wanted: &[&str]| verdict(confluent(), old, new, wanted);
    let sum = |branches: &str| format!(r#"{{"oneOf": [{branches}]}}"#);
    // Branches are paired off in any order, each with its own partner.
    check(
        &sum(r#"{"type": "string"}, {"type": "integer"}"#),
        &sum(r#"{"type": "number"}, {"type": "string"}"#),
        &[],
    );
    check(
        &sum(r#"{"type": "integer"}, {"type": "integer", "maximum": 5}"#),
        &sum(r#"{"type": "integer"}"#),
        &["SUM_TYPE_NARROWED #/oneOf"],
    );
    verdict(
        policy(Policy::Wire),
        &sum(r#"{"type": "integer"}, {"type": "integer", "maximum": 5}"#),
        &sum(r#"{"type": "integer"}"#),
        &[],
    );
    // The first choice has to give way to the second.
    check(
        &sum(r#"{"type": "integer"}, {"type": "number"}"#),
        &sum(r#"{"type": "number"}, {"type": "integer"}"#),
        &[],
    );
    check(
        r#"{"type": "string"}"#,
        &sum(r#"{"type": "string"}, {"type": "null"}"#),
        &[],
    );
    check(&sum(r#"{"type": "string"}"#), r#"{"type": "string"}"#, &[]);
    check(
        &sum(r#"{"type": "string"}"#),
        &sum(r#"{"type": "integer"}"#),
        &["TYPE_CHANGED #/oneOf/0/type"],
    );
    check(
        r#"{"type": "string", "minLength": 1}"#,
        r#"{"allOf": [{"type": "string"}, {"minLength": 1}]}"#,
        &[],
    );
    check(
        r#"{"allOf": [{"type": "string"}, {"minLength": 1}]}"#,
        r#"{"type": "string"}"#,
        &[],
    );
    check(
        r#"{"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}"#,
        r#"{"type": "object"}"#,
        &[],
    );
    check(
        r#"{"type": "object"}"#,
        r#"{"type": "object", "allOf": [{"required": ["a"]}]}"#,
        &["PRODUCT_TYPE_EXTENDED #/allOf"],
    );
    // A `$ref` beside other keywords, since 2019-09.
    let beside = |id: &str, more: &str| {
        format!(
            r##"{{"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/a"{more}, "$defs": {{"a": {{"type": "object", "properties": {{"id": {{"type": "{id}"}}}}}}}}}}"##
        )
    };
    check(
        &beside("integer", ""),
        &beside("number", r#", "minProperties": 0"#),
        &[],
    );
    check(
        &beside("integer", r#", "minProperties": 1"#),
        &beside("string", r#", "minProperties": 1"#),
        &["TYPE_CHANGED #/properties/id/type"],
    );
}

#[test]
fn bytes_of_connect_are_equal() {
    verdict(
        confluent(),
        r#"{"type": "string", "connect.type": "bytes"}"#,
        r#"{"type": "array", "connect.type": "bytes"}"#,
        &[],
    );
}

#[test]
fn recursion_ends_and_is_judged() {
    let tree = |kind: &str| {
        format!(
            r##"{{"type": "object", "properties": {{"value": {{"type": "{kind}"}}, "next": {{"$ref": "#"}}, "more": {{"items": {{"$ref": "#"}}}}}}}}"##
        )
    };
    verdict(confluent(), &tree("integer"), &tree("number"), &[]);
    verdict(
        confluent(),
        &tree("number"),
        &tree("integer"),
        &["TYPE_NARROWED #/properties/value/type"],
    );
    // An assumption made in a branch that fails does not count in the next one.
    let list = |last: &str| {
        format!(
            r##"{{"definitions": {{
                 "a": {{"type": "object", "required": ["a"], "properties": {{"x": {{"$ref": "#/definitions/b"}}, "v": {{"type": "{last}"}}}}}},
                 "b": {{"type": "object", "properties": {{"y": {{"$ref": "#/definitions/a"}}}}}}}},
               "oneOf": [{{"$ref": "#/definitions/a"}}, {{"$ref": "#/definitions/b"}}]}}"##
        )
    };
    verdict(confluent(), &list("integer"), &list("number"), &[]);
    assert_eq!(
        lines(confluent(), &parse(&list("number")), &parse(&list("integer"))).len(),
        1
    );
}

#[test]
fn types_of_references_are_compared() {
    let uses = r#"{"properties": {"m": {"$ref": "money.json"}}}"#;
    let money =
        |kind: &str| format!(r#"{{"type": "object", "properties": {{"cents": {{"type": "{kind}"}}}}}}"#);
    let (old, new) = (money("number"), money("integer"));
    let old = parse_with(uses, &[("money.json", &old)]);
    let new = parse_with(uses, &[("money.json", &new)]);
    let findings = check(confluent(), &new, &old, Direction::Backward);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].path, "#/properties/m/properties/cents/type");
    // Shown where the reference is used.
    assert_eq!((findings[0].line, findings[0].column), (Some(1), Some(16)));
    assert_eq!(
        (findings[0].old.as_str(), findings[0].new.as_str()),
        ("\"number\"", "\"integer\"")
    );
    // From a reference into the schema.
    let inline =
        parse(r#"{"properties": {"m": {"type": "object", "properties": {"cents": {"type": "integer"}}}}}"#);
    assert_eq!(lines(confluent(), &new, &inline), [""; 0]);
}

#[test]
fn findings_point_into_the_new_text() {
    let old = parse("{\n  \"properties\": {\n    \"a\": {\"type\": \"string\", \"maxLength\": 9}\n  }\n}");
    let new = parse("{\n  \"properties\": {\n    \"a\": {\"type\": \"string\", \"maxLength\": 5}\n  }\n}");
    let findings = check(confluent(), &new, &old, Direction::Backward);
    let finding = &findings[0];
    assert_eq!(
        finding.message(),
        "{errorType:\"MAX_LENGTH_DECREASED\", description:\"The keyword at path '#/properties/a/maxLength' in the new \
         schema is more restrictive than in the old schema\"}"
    );
    assert_eq!((finding.line, finding.column), (Some(3), Some(42)));
    assert_eq!((finding.old.as_str(), finding.new.as_str()), ("9", "5"));
    assert_eq!(finding.hint, "Keep the old maxLength.");
    let findings = check(confluent(), &new, &old, Direction::Forward);
    assert!(
        findings[0]
            .description
            .contains("in the old schema is more restrictive than in the new schema")
    );
    assert_eq!((findings[0].old.as_str(), findings[0].new.as_str()), ("5", "9"));
}
