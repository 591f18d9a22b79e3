//! Numbers that the judge of a schema takes for others: it knows doubles, and integers of 64 bits.
//!
//! A decimal of more digits would be judged as the double next to it, which may be within a bound or a multiple where the
//! decimal is not. Invariant: where a schema asks anything of a number that two such numbers answer differently, a decimal that
//! is neither a double by its shortest digits nor an integer of 64 bits is found here. Left out: what is asked of a value
//! within another where the schema of that one says nothing of numbers; it is found all the same.

use std::collections::BTreeSet;

use super::Schema;
use super::node::{Keywords, Kind, Limit, NodeId, Types};
use crate::json_text::{Json, JsonKind};
use crate::{Decimal, Value};

/// The first number within a value that is judged as another, of those that are whole or of those that are not.
pub(super) fn found(value: &Value, is_whole: bool) -> Option<&Decimal> {
    match value {
        Value::Decimal(number) => {
            let is_of_them = number.at_scale(0).is_some() == is_whole;
            (is_of_them && !is_told(number)).then_some(number)
        }
        Value::Array(items) => items.iter().find_map(|item| found(item, is_whole)),
        Value::Map(entries) | Value::Record { fields: entries, .. } => {
            entries.iter().find_map(|(_, entry)| found(entry, is_whole))
        }
        _ => None,
    }
}

/// Whether a number is told from every other by the double, or the integer, that its text is read as.
fn is_told(number: &Decimal) -> bool {
    let text = number.to_string();
    text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() || number.as_double().is_some()
}

impl Schema {
    /// The keyword of some schemas, or of those within them, that asks something of numbers; where these are whole, something
    /// else than that.
    pub(super) fn asks_of_numbers(
        &self,
        nodes: impl IntoIterator<Item = NodeId>,
        are_whole: bool,
    ) -> Option<&'static str> {
        let (mut open, mut seen) = (Vec::from_iter(nodes), BTreeSet::new());
        while let Some(node) = open.pop() {
            let Kind::Object(keywords) = &self.node(node).kind else {
                continue;
            };
            if !seen.insert(node) {
                continue;
            }
            if let Some(asks) = asks(keywords, are_whole) {
                return Some(asks);
            }
            open.extend(keywords.in_place().chain(keywords.within()));
        }
        None
    }
}

/// The keyword of a schema that two numbers may answer differently, which are both whole or not.
fn asks(keywords: &Keywords, are_whole: bool) -> Option<&'static str> {
    let is_bound = |limit: &Limit| limit.about() == Types::NUMBER;
    let bound = keywords.limits.iter().map(|(limit, _)| *limit).find(is_bound);
    let only_whole = |types: &Types| types.meets(Types::INTEGER) && !Types::NUMBER.within(*types);
    let values = keywords.values.as_deref().unwrap_or_default();
    if keywords.multiple_of.is_some() {
        return Some("multipleOf");
    }
    if keywords.unique_items {
        return Some("uniqueItems");
    }
    if !are_whole && keywords.types.as_ref().is_some_and(only_whole) {
        return Some("type");
    }
    let bound = bound.map(Limit::keyword);
    bound.or_else(|| values.iter().any(has_number).then_some("enum"))
}

fn has_number(json: &Json) -> bool {
    match &json.kind {
        JsonKind::Number(_) => true,
        JsonKind::Array(items) => items.iter().any(has_number),
        JsonKind::Object(entries) => entries.iter().any(|(_, entry)| has_number(entry)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_or_not() {
        let check = |text: &str, wanted: bool| {
            assert_eq!(is_told(&text.parse().unwrap()), wanted, "{text}");
        };
        check("0", true);
        check("12.340", true);
        check("-0.1", true);
        check("9007199254740993", true);
        check("18446744073709551615", true);
        check("18446744073709551617", false);
        check("100000000000000000000000", true);
        check("0.30000000000000000001", false);
        check(&format!("0.{}1", "0".repeat(999)), false);
        check(&format!("1{}", "0".repeat(400)), false);
        check(&format!("0.{}1", "0".repeat(300)), true);
        let within = Value::Array(vec![
            Value::Int(1),
            Value::Map(vec![(
                "a".into(),
                Value::Decimal("1.00000000000000000001".parse().unwrap()),
            )]),
        ]);
        assert_eq!(
            found(&within, false).unwrap().to_string(),
            "1.00000000000000000001"
        );
        assert_eq!(found(&within, true), None);
    }

    #[test]
    fn what_a_schema_asks_of_numbers_is_found_wherever_it_stands() {
        let check = |property: &str, wanted: Option<&str>| {
            let text =
                format!(r##"{{"properties": {{"x": {property}}}, "$defs": {{"D": {{"multipleOf": 2}}}}}}"##);
            let schema = Schema::parse(&text, &[]).unwrap();
            assert_eq!(
                schema.asks_of_numbers([schema.0.root], false),
                wanted,
                "{property}"
            );
            let of_whole = wanted.filter(|keyword| *keyword != "type");
            assert_eq!(
                schema.asks_of_numbers([schema.0.root], true),
                of_whole,
                "{property}"
            );
        };
        check(r#"{"type": ["number", "null"]}"#, None);
        check(r#"{"type": "string", "maxLength": 3, "enum": ["a"]}"#, None);
        check(r#"{"type": "array", "maxItems": 3}"#, None);
        check(r#"{"multipleOf": 0.01}"#, Some("multipleOf"));
        check(r#"{"maximum": 1}"#, Some("maximum"));
        check(r#"{"type": "integer"}"#, Some("type"));
        check(r#"{"const": [1]}"#, Some("enum"));
        check(r#"{"uniqueItems": true}"#, Some("uniqueItems"));
        check(r#"{"type": "array", "items": {"minimum": 1}}"#, Some("minimum"));
        check(
            r##"{"additionalProperties": {"$ref": "#/$defs/D"}}"##,
            Some("multipleOf"),
        );
        check(
            r#"{"patternProperties": {"^a": {"anyOf": [{"not": {"exclusiveMinimum": 1}}]}}}"#,
            Some("exclusiveMinimum"),
        );
        check(
            r#"{"contains": {"exclusiveMaximum": 1}}"#,
            Some("exclusiveMaximum"),
        );
    }
}
