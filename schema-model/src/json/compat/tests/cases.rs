//! The rules' cases: for each a change it names and a change near it that it does not. The rows of bounds have theirs in
//! [`bounds`], made from the bound's name.

use crate::json::{
    compat::assertion::of_limit,
    node::Limit,
    rules::{self as r, Row},
};

/// Rule, old text, new text with the difference, new text without it.
pub(super) type Case = (&'static Row, &'static str, &'static str, &'static str);

/// Added, removed, tightened and loosened for every bound.
pub(super) fn bounds() -> Vec<(&'static Row, String, String, String)> {
    let with = |limit: Limit, amount: u32| {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        format!("{{\"$schema\": \"{draft}\", \"{}\": {amount}}}", limit.keyword())
    };
    let cases = |limit: Limit| {
        let [added, removed, tightened, loosened] = of_limit(limit);
        let (tight, loose) = if limit.is_upper() { (3, 5) } else { (5, 3) };
        let other = "{\"dependencies\": {\"a\": [\"b\"]}}".to_owned();
        [
            (added, "{}".to_owned(), with(limit, 3), other.clone()),
            (removed, with(limit, 3), other, with(limit, 3)),
            (
                tightened,
                with(limit, loose),
                with(limit, tight),
                with(limit, loose),
            ),
            (
                loosened,
                with(limit, tight),
                with(limit, loose),
                with(limit, tight),
            ),
        ]
    };
    Limit::ALL.into_iter().flat_map(cases).collect()
}

const CLOSED: &str = r#"{"additionalProperties": false}"#;
const CLOSED_A: &str = r#"{"properties": {"a": {"type": "string"}}, "additionalProperties": false}"#;
const OPEN_A: &str = r#"{"properties": {"a": {"type": "string"}}}"#;
const PARTLY: &str = r#"{"additionalProperties": {"type": "string"}}"#;
const PARTLY_A: &str =
    r#"{"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}}"#;
const PARTLY_INT: &str =
    r#"{"properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "string"}}"#;
const TUPLE: &str = r#"{"items": [{"type": "string"}, {"type": "integer"}]}"#;
const TUPLE_CLOSED: &str =
    r#"{"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": false}"#;
const ONE: &str = r#"{"items": [{"type": "string"}]}"#;
const ONE_CLOSED: &str = r#"{"items": [{"type": "string"}], "additionalItems": false}"#;
const ONE_PARTLY: &str = r#"{"items": [{"type": "string"}], "additionalItems": {"type": "number"}}"#;
const TUPLE_PARTLY: &str =
    r#"{"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": {"type": "number"}}"#;
const TUPLE_STRINGS: &str =
    r#"{"items": [{"type": "string"}, {"type": "string"}], "additionalItems": {"type": "number"}}"#;
const TUPLE_NUMBERS: &str =
    r#"{"items": [{"type": "string"}, {"type": "number"}], "additionalItems": {"type": "number"}}"#;

pub(super) static CASES: &[Case] = &[
    (
        &r::ID_CHANGED,
        r#"{"$id": "a", "type": "null"}"#,
        r#"{"$id": "b", "type": "null"}"#,
        r#"{"$id": "a", "type": "null", "title": "T"}"#,
    ),
    (
        &r::TITLE_CHANGED,
        r#"{"title": "a"}"#,
        r#"{"title": "b", "type": "null"}"#,
        r#"{"title": "a", "type": "null"}"#,
    ),
    (
        &r::DESCRIPTION_CHANGED,
        r#"{"type": "null"}"#,
        r#"{"type": "null", "description": "b"}"#,
        r#"{"type": "null", "title": "a"}"#,
    ),
    (
        &r::DEFAULT_CHANGED,
        r#"{"type": "integer", "default": 1}"#,
        r#"{"type": "integer", "default": 2}"#,
        r#"{"type": "integer", "default": 1, "title": "T"}"#,
    ),
    (
        &r::FORMAT_CHANGED,
        r#"{"format": "date"}"#,
        r#"{"format": "time"}"#,
        r#"{"type": ["string", "integer"]}"#,
    ),
    (
        &r::SCHEMA_ADDED,
        r#"{"type": "array"}"#,
        r#"{"type": "array", "items": {"type": "string"}}"#,
        r#"{"type": "array", "items": {}}"#,
    ),
    (
        &r::SCHEMA_ADDED,
        "{}",
        r#"{"propertyNames": {"maxLength": 3}}"#,
        "{}",
    ),
    (&r::SCHEMA_ADDED, "{}", r#"{"contains": {"type": "null"}}"#, "{}"),
    (
        &r::SCHEMA_REMOVED,
        r#"{"items": {"type": "string"}, "minItems": 1}"#,
        r#"{"minItems": 1}"#,
        r#"{"items": {"type": "string"}}"#,
    ),
    (
        &r::TYPE_EXTENDED,
        r#"{"type": "integer"}"#,
        r#"{"type": "number"}"#,
        r#"{"type": "integer", "title": "T"}"#,
    ),
    (
        &r::TYPE_NARROWED,
        r#"{"type": ["string", "null"]}"#,
        r#"{"type": "string"}"#,
        r#"{"type": ["null", "string", "integer"]}"#,
    ),
    (
        &r::TYPE_NARROWED,
        r#"{"type": "number"}"#,
        r#"{"type": "integer"}"#,
        r#"{"type": "number"}"#,
    ),
    (
        &r::TYPE_CHANGED,
        r#"{"type": "string"}"#,
        r#"{"type": "integer"}"#,
        r#"{"type": ["integer", "string"]}"#,
    ),
    (
        &r::COMBINED_TYPE_EXTENDED,
        r#"{"oneOf": [{"type": "string"}, {"type": "null"}]}"#,
        r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#,
        r#"{"oneOf": [{"type": "null"}, {"type": "string"}]}"#,
    ),
    (
        &r::COMBINED_TYPE_CHANGED,
        r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#,
        r#"{"oneOf": [{"type": "string"}, {"type": "null"}]}"#,
        r#"{"anyOf": [{"type": "null"}, {"type": "string"}]}"#,
    ),
    (
        &r::COMBINED_TYPE_CHANGED,
        r#"{"type": "string"}"#,
        r#"{"oneOf": [{"type": "integer"}, {"type": "null"}]}"#,
        r#"{"oneOf": [{"type": "string"}, {"type": "null"}]}"#,
    ),
    (
        &r::COMBINED_TYPE_SUBSCHEMAS_CHANGED,
        r#"{"oneOf": [{"type": "string"}, {"type": "null"}]}"#,
        r#"{"oneOf": [{"type": "string"}, {"type": "integer"}]}"#,
        r#"{"oneOf": [{"type": ["null", "array"]}, {"type": "string"}]}"#,
    ),
    (
        &r::PRODUCT_TYPE_EXTENDED,
        r#"{"allOf": [{"minLength": 1}]}"#,
        r#"{"allOf": [{"minLength": 1}, {"maxLength": 9}]}"#,
        r#"{"allOf": [{"minLength": 1}, {"minLength": 0}]}"#,
    ),
    (
        &r::PRODUCT_TYPE_NARROWED,
        r#"{"allOf": [{"minLength": 1}, {"maxLength": 9}]}"#,
        r#"{"allOf": [{"maxLength": 9}]}"#,
        r#"{"allOf": [{"maxLength": 9}, {"minLength": 1}]}"#,
    ),
    (
        &r::SUM_TYPE_EXTENDED,
        r#"{"oneOf": [{"type": "string"}]}"#,
        r#"{"oneOf": [{"type": "string"}, {"type": "null"}]}"#,
        r#"{"oneOf": [{"type": "string", "title": "T"}]}"#,
    ),
    (
        &r::SUM_TYPE_NARROWED,
        r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#,
        r#"{"anyOf": [{"type": "string"}]}"#,
        r#"{"anyOf": [{"type": "null"}, {"type": "string"}]}"#,
    ),
    (
        &r::SUM_TYPE_NARROWED,
        r#"{"oneOf": [{"type": "string"}, {"type": "null"}]}"#,
        r#"{"type": "string"}"#,
        r#"{"type": ["string", "null"]}"#,
    ),
    (
        &r::NOT_TYPE_EXTENDED,
        r#"{"not": {"type": "integer"}}"#,
        r#"{"not": {"type": "number"}}"#,
        r#"{"not": {"type": "integer"}, "title": "T"}"#,
    ),
    (
        &r::NOT_TYPE_NARROWED,
        r#"{"not": {"type": "number"}}"#,
        r#"{"not": {"type": "integer"}}"#,
        r#"{"not": {"type": "number"}, "title": "T"}"#,
    ),
    (
        &r::ENUM_ARRAY_EXTENDED,
        r#"{"enum": ["a"]}"#,
        r#"{"enum": ["b", "a"]}"#,
        r#"{"const": "a"}"#,
    ),
    (
        &r::ENUM_ARRAY_NARROWED,
        r#"{"enum": ["a", "b"]}"#,
        r#"{"enum": ["a"]}"#,
        r#"{"enum": ["b", "a"]}"#,
    ),
    (
        &r::ENUM_ARRAY_NARROWED,
        r#"{"type": "string"}"#,
        r#"{"type": "string", "enum": ["a"]}"#,
        r#"{"type": "string"}"#,
    ),
    (
        &r::ENUM_ARRAY_CHANGED,
        r#"{"enum": ["a"]}"#,
        r#"{"enum": ["b"]}"#,
        r#"{"enum": ["a", "b"]}"#,
    ),
    (&r::PATTERN_ADDED, "{}", r#"{"pattern": "a"}"#, "{}"),
    (
        &r::PATTERN_REMOVED,
        r#"{"pattern": "a", "type": "string"}"#,
        r#"{"type": "string"}"#,
        r#"{"pattern": "a", "type": "string"}"#,
    ),
    (
        &r::PATTERN_CHANGED,
        r#"{"pattern": "a"}"#,
        r#"{"pattern": "b"}"#,
        r#"{"pattern": "a", "title": "T"}"#,
    ),
    (&r::MULTIPLE_OF_ADDED, "{}", r#"{"multipleOf": 2}"#, "{}"),
    (
        &r::MULTIPLE_OF_REMOVED,
        r#"{"multipleOf": 2, "type": "integer"}"#,
        r#"{"type": "integer"}"#,
        r#"{"multipleOf": 2, "type": "integer"}"#,
    ),
    (
        &r::MULTIPLE_OF_EXPANDED,
        r#"{"multipleOf": 0.1}"#,
        r#"{"multipleOf": 0.3}"#,
        r#"{"multipleOf": 0.10}"#,
    ),
    (
        &r::MULTIPLE_OF_REDUCED,
        r#"{"multipleOf": 6}"#,
        r#"{"multipleOf": 3}"#,
        r#"{"multipleOf": 6}"#,
    ),
    (
        &r::MULTIPLE_OF_CHANGED,
        r#"{"multipleOf": 4}"#,
        r#"{"multipleOf": 6}"#,
        r#"{"multipleOf": 2}"#,
    ),
    (
        &r::UNIQUE_ITEMS_ADDED,
        "{}",
        r#"{"uniqueItems": true}"#,
        r#"{"uniqueItems": false}"#,
    ),
    (
        &r::UNIQUE_ITEMS_REMOVED,
        r#"{"uniqueItems": true, "minItems": 1}"#,
        r#"{"minItems": 1}"#,
        r#"{"uniqueItems": true, "minItems": 1}"#,
    ),
    (
        &r::REQUIRED_ATTRIBUTE_ADDED,
        OPEN_A,
        r#"{"properties": {"a": {"type": "string"}}, "required": ["a"]}"#,
        OPEN_A,
    ),
    (
        &r::REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED,
        OPEN_A,
        r#"{"properties": {"a": {"type": "string", "default": ""}}, "required": ["a"]}"#,
        OPEN_A,
    ),
    (
        &r::REQUIRED_ATTRIBUTE_REMOVED,
        r#"{"properties": {"a": {"type": "string"}}, "required": ["a"]}"#,
        OPEN_A,
        r#"{"properties": {"a": {"type": "string"}}, "required": ["a"]}"#,
    ),
    (
        &r::DEPENDENCY_ARRAY_ADDED,
        "{}",
        r#"{"dependencies": {"a": ["b"]}}"#,
        "{}",
    ),
    (
        &r::DEPENDENCY_ARRAY_REMOVED,
        r#"{"dependencies": {"a": ["b"]}, "minLength": 1}"#,
        r#"{"minLength": 1}"#,
        r#"{"dependencies": {"a": ["b"]}}"#,
    ),
    (
        &r::DEPENDENCY_ARRAY_EXTENDED,
        r#"{"dependencies": {"a": ["b"]}}"#,
        r#"{"dependencies": {"a": ["b", "c"]}}"#,
        r#"{"dependencies": {"a": ["b"]}}"#,
    ),
    (
        &r::DEPENDENCY_ARRAY_NARROWED,
        r#"{"dependencies": {"a": ["b", "c"]}}"#,
        r#"{"dependencies": {"a": ["b"]}}"#,
        r#"{"dependencies": {"a": ["c", "b"]}}"#,
    ),
    (
        &r::DEPENDENCY_ARRAY_CHANGED,
        r#"{"dependencies": {"a": ["b"]}}"#,
        r#"{"dependencies": {"a": ["c"]}}"#,
        r#"{"dependencies": {"a": ["b", "c"]}}"#,
    ),
    (
        &r::DEPENDENCY_SCHEMA_ADDED,
        "{}",
        r#"{"dependencies": {"a": {"required": ["b"]}}}"#,
        "{}",
    ),
    (
        &r::DEPENDENCY_SCHEMA_REMOVED,
        r#"{"dependencies": {"a": {"required": ["b"]}}, "minLength": 1}"#,
        r#"{"minLength": 1}"#,
        r#"{"dependencies": {"a": {"required": ["b"]}}}"#,
    ),
    (
        &r::OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL,
        "{}",
        OPEN_A,
        r#"{"properties": {"a": {}}}"#,
    ),
    (
        &r::REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL,
        "{}",
        r#"{"properties": {"a": {"type": "string"}}, "required": ["a"]}"#,
        OPEN_A,
    ),
    (
        &r::REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL,
        "{}",
        r#"{"properties": {"a": {"type": "string", "default": ""}}, "required": ["a"]}"#,
        r#"{"properties": {"a": {"type": "string"}}, "required": ["a"]}"#,
    ),
    (
        &r::REQUIRED_ATTRIBUTE_WITHOUT_SCHEMA_ADDED,
        r#"{"properties": {"a": {"type": "string"}}, "required": ["a"]}"#,
        r#"{"properties": {"a": {"type": "string"}}, "required": ["b"]}"#,
        OPEN_A,
    ),
    (
        &r::ADDITIONAL_ITEMS_REMOVED,
        r#"{"items": {"type": "string"}}"#,
        r#"{"items": {"type": "string"}, "additionalItems": false}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "items": {"type": "string"}, "additionalItems": false}"#,
    ),
    (
        &r::COMBINED_TYPE_EXTENDED,
        r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#,
        r#"{"oneOf": [{"type": "string"}, {"type": "null"}, {"type": "integer"}]}"#,
        r#"{"oneOf": [{"type": "string"}, {"type": "null"}]}"#,
    ),
    (
        &r::PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL,
        "{}",
        r#"{"properties": {"a": true}}"#,
        OPEN_A,
    ),
    (
        &r::REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL,
        CLOSED,
        r#"{"properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}"#,
        CLOSED_A,
    ),
    (
        &r::REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL,
        CLOSED,
        r#"{"properties": {"a": {"type": "string", "default": ""}}, "required": ["a"], "additionalProperties": false}"#,
        CLOSED_A,
    ),
    (
        &r::OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL,
        CLOSED,
        CLOSED_A,
        r#"{"additionalProperties": true}"#,
    ),
    (
        &r::PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL,
        r#"{"properties": {"a": {"type": "string"}}, "minProperties": 1}"#,
        r#"{"minProperties": 1}"#,
        CLOSED,
    ),
    (
        &r::PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL,
        r#"{"properties": {"a": false}, "additionalProperties": false}"#,
        CLOSED,
        r#"{"properties": {"a": false}}"#,
    ),
    (
        &r::PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL,
        CLOSED_A,
        CLOSED,
        r#"{"additionalProperties": true}"#,
    ),
    (
        &r::PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        PARTLY,
        PARTLY_A,
        PARTLY_INT,
    ),
    (
        &r::PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        r#"{"patternProperties": {"^a": {"type": "string"}}}"#,
        r#"{"properties": {"ab": {"type": "string"}}, "patternProperties": {"^a": {"type": "string"}}}"#,
        r#"{"properties": {"b": {"type": "string"}}, "patternProperties": {"^a": {"type": "string"}}}"#,
    ),
    (
        &r::PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        PARTLY,
        PARTLY_INT,
        PARTLY_A,
    ),
    (
        &r::PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        PARTLY_A,
        PARTLY,
        PARTLY_A,
    ),
    (
        &r::PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        PARTLY_INT,
        PARTLY,
        PARTLY_INT,
    ),
    (
        &r::ADDITIONAL_PROPERTIES_ADDED,
        CLOSED,
        r#"{"additionalProperties": true, "minLength": 0}"#,
        CLOSED,
    ),
    (&r::ADDITIONAL_PROPERTIES_REMOVED, "{}", CLOSED, "{}"),
    (
        &r::ADDITIONAL_PROPERTIES_EXTENDED,
        PARTLY,
        r#"{"additionalProperties": {}, "minLength": 0}"#,
        PARTLY,
    ),
    (&r::ADDITIONAL_PROPERTIES_NARROWED, "{}", PARTLY, "{}"),
    (
        &r::UNEVALUATED_PROPERTIES_ADDED,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "unevaluatedProperties": false}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "minLength": 0}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "unevaluatedProperties": false}"#,
    ),
    (
        &r::UNEVALUATED_PROPERTIES_REMOVED,
        "{}",
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "unevaluatedProperties": false}"#,
        "{}",
    ),
    (
        &r::UNEVALUATED_PROPERTIES_EXTENDED,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "unevaluatedProperties": {"type": "null"}}"#,
        r#"{"minLength": 0}"#,
        CLOSED,
    ),
    (
        &r::UNEVALUATED_PROPERTIES_NARROWED,
        "{}",
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "unevaluatedProperties": {"type": "null"}}"#,
        "{}",
    ),
    (&r::ADDITIONAL_ITEMS_ADDED, ONE_CLOSED, ONE, ONE_CLOSED),
    (&r::ADDITIONAL_ITEMS_REMOVED, ONE, ONE_CLOSED, ONE),
    (&r::ADDITIONAL_ITEMS_EXTENDED, ONE_PARTLY, ONE, ONE_PARTLY),
    (&r::ADDITIONAL_ITEMS_NARROWED, ONE, ONE_PARTLY, ONE),
    (
        &r::UNEVALUATED_ITEMS_ADDED,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true], "unevaluatedItems": false}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true]}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true], "unevaluatedItems": false}"#,
    ),
    (
        &r::UNEVALUATED_ITEMS_REMOVED,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true]}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true], "unevaluatedItems": false}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true], "items": false}"#,
    ),
    (
        &r::UNEVALUATED_ITEMS_EXTENDED,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true], "unevaluatedItems": {"type": "null"}}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true]}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true], "unevaluatedItems": false}"#,
    ),
    (
        &r::UNEVALUATED_ITEMS_NARROWED,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true]}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true], "unevaluatedItems": {"type": "null"}}"#,
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true]}"#,
    ),
    (
        &r::PATTERN_PROPERTY_ADDED,
        "{}",
        r#"{"patternProperties": {"a": {"type": "string"}}}"#,
        r#"{"patternProperties": {"a": {}}}"#,
    ),
    (&r::ITEM_ADDED_TO_OPEN_CONTENT_MODEL, ONE, TUPLE, ONE),
    (
        &r::ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL,
        ONE,
        r#"{"items": [{"type": "string"}, {}]}"#,
        TUPLE,
    ),
    (
        &r::ITEM_ADDED_TO_CLOSED_CONTENT_MODEL,
        ONE_CLOSED,
        TUPLE_CLOSED,
        ONE_CLOSED,
    ),
    (&r::ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL, TUPLE, ONE, ONE_CLOSED),
    (
        &r::ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL,
        r#"{"items": [{"type": "string"}, false], "additionalItems": false}"#,
        ONE_CLOSED,
        TUPLE_CLOSED,
    ),
    (
        &r::ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL,
        TUPLE_CLOSED,
        ONE_CLOSED,
        ONE,
    ),
    (
        &r::ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        ONE_PARTLY,
        TUPLE_NUMBERS,
        TUPLE_STRINGS,
    ),
    (
        &r::ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        ONE_PARTLY,
        TUPLE_STRINGS,
        TUPLE_NUMBERS,
    ),
    (
        &r::ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        TUPLE_PARTLY,
        ONE_PARTLY,
        TUPLE_PARTLY,
    ),
    (
        &r::ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        TUPLE_STRINGS,
        ONE_PARTLY,
        TUPLE_STRINGS,
    ),
    (
        &r::CONDITION_CHANGED,
        r#"{"if": {"type": "string"}, "then": {"minLength": 1}}"#,
        r#"{"if": {"type": "string"}, "then": {"minLength": 2}}"#,
        r#"{"if": {"type": ["string"]}, "then": {"minLength": 1, "title": "T"}}"#,
    ),
];
