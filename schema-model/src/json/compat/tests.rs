//! Every rule with a change it names and a change near it that it does not; then whole verdicts.

use std::collections::BTreeSet;

mod cases;
mod large;
mod sound;
mod verdicts;

use super::differences;
use crate::{
    Resolved, Standard,
    json::{
        Schema,
        rules::{self, Class, Row},
    },
};

fn parse(text: &str) -> Schema {
    parse_with(text, &[])
}

fn parse_with(text: &str, references: &[(&str, &str)]) -> Schema {
    let resolved: Vec<Resolved> = references
        .iter()
        .map(|(name, text)| Resolved {
            name: (*name).into(),
            text: (*text).into(),
        })
        .collect();
    Schema::parse(text, &resolved).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn codes(old: &str, new: &str) -> BTreeSet<&'static str> {
    differences(Standard::default(), &parse(new), &parse(old), true)
        .iter()
        .map(|difference| difference.row.rule.code())
        .collect()
}

#[test]
fn every_rule_finds_its_change_and_lets_its_neighbour_pass() {
    let mut wrong = Vec::new();
    let mut check = |row: &Row, old: &str, with: &str, without: &str| {
        let code = row.rule.code();
        let found = codes(old, with);
        if !found.contains(code) {
            wrong.push(format!("{code} is missed: {old} -> {with}: {found:?}"));
        }
        let found = codes(old, without);
        if found.contains(code) {
            wrong.push(format!("{code} is found: {old} -> {without}: {found:?}"));
        }
    };
    for (row, old, with, without) in cases::CASES {
        check(row, old, with, without);
    }
    for (row, old, with, without) in &cases::bounds() {
        check(row, old, with, without);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_is_a_whole_row() {
    let codes: BTreeSet<_> = rules::ALL.iter().map(|row| row.rule.code()).collect();
    assert_eq!(codes.len(), rules::ALL.len());
    let bounds = cases::bounds();
    for row in rules::ALL {
        let code = row.rule.code();
        let has_case = cases::CASES.iter().any(|case| case.0.rule == row.rule)
            || bounds.iter().any(|case| case.0.rule == row.rule)
            || row.rule == rules::COMPARISON_TOO_LARGE.rule;
        assert!(has_case, "{code} has no case");
        assert!(row.rule.sentence().ends_with('.'), "{code} has no sentence");
        assert_eq!(row.rule.fix().is_empty(), row.class == Class::Harmless, "{code}");
        let described = row.describe("#/a", crate::Direction::Forward);
        assert!(
            described.contains("'#/a'") && !described.contains('{'),
            "{code}: {described}"
        );
    }
}
