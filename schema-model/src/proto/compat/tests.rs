//! Every rule with a change it names and a change near it that it does not; then whole verdicts.

use std::collections::BTreeSet;

mod cases;
mod table;

use super::{Comparison, check};
use crate::{
    Direction, Resolved, Standard,
    proto::{Schema, rules},
};
use cases::CASES;

fn parse(text: &str) -> Schema {
    parse_with(text, &[])
}

/// Texts without `syntax` are proto3 here.
fn parse_with(text: &str, references: &[(&str, &str)]) -> Schema {
    let whole = |text: &str| {
        if text.contains("syntax") {
            text.to_owned()
        } else {
            format!("syntax = 'proto3'; {text}")
        }
    };
    let resolved: Vec<Resolved> = references
        .iter()
        .map(|(name, text)| Resolved {
            name: (*name).into(),
            text: whole(text),
        })
        .collect();
    Schema::parse(&whole(text), &resolved).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn codes(old: &str, new: &str) -> BTreeSet<&'static str> {
    let comparison = Comparison::of(Standard::default(), &parse(new), &parse(old), Direction::Backward);
    let codes = comparison
        .ordered()
        .map(|(_, difference)| difference.row.rule.code());
    codes.collect()
}

#[test]
fn every_rule_finds_its_change_and_lets_its_neighbour_pass() {
    for (row, old, with, without) in CASES {
        let code = row.rule.code();
        assert!(
            codes(old, with).contains(code),
            "{code} is missed: {old} -> {with}"
        );
        assert!(
            !codes(old, without).contains(code),
            "{code} is found: {old} -> {without}"
        );
        let found = check(&parse(with), &parse(old), Direction::Backward);
        let reported = found.iter().any(|finding| finding.rule == row.rule);
        assert_eq!(
            reported,
            row.counts(Standard::default()),
            "{code}: {old} -> {with}"
        );
    }
}

#[test]
fn every_difference_of_confluents_has_a_case() {
    for row in &rules::ALL[..26] {
        let code = row.rule.code();
        assert!(
            CASES.iter().any(|case| case.0.rule == row.rule),
            "{code} has no case"
        );
    }
}

/// Checks the findings of a change, as `CODE path` lines, backward and forward.
#[track_caller]
fn verdict(old: &Schema, new: &Schema, backward: &[&str], forward: &[&str]) {
    let lines = |reader: &Schema, writer: &Schema, direction| -> Vec<String> {
        let findings = check(reader, writer, direction);
        findings
            .iter()
            .map(|finding| format!("{} {}", finding.rule, finding.path))
            .collect()
    };
    assert_eq!(lines(new, old, Direction::Backward), backward, "backward");
    assert_eq!(lines(old, new, Direction::Forward), forward, "forward");
}

#[test]
fn verdicts_both_ways() {
    let check = |old: &str, new: &str, backward: &[&str], forward: &[&str]| {
        verdict(&parse(old), &parse(new), backward, forward);
    };
    check(
        "message A {}",
        "message A {} message B {}",
        &[],
        &["MESSAGE_REMOVED #/B"],
    );
    check(
        "message A { int32 a = 1; }",
        "message A { int32 b = 2; }",
        &[],
        &[],
    );
    check(
        "message A { int32 a = 1; }",
        "message A { int64 b = 1; }",
        &[],
        &[],
    );
    check(
        "message A { oneof o { int32 a = 1; string b = 2; } }",
        "message A { oneof o { int32 a = 1; } string b = 2; }",
        &[],
        &["FIELD_MOVED_TO_EXISTING_ONEOF #/A/o"],
    );
    check(
        "package a; message A { message B { string c = 7; } }",
        "package b; message A { message B { oneof o { int32 c = 7; } } }",
        &["PACKAGE_CHANGED #/", "FIELD_SCALAR_KIND_CHANGED #/A/B/o/7"],
        &["PACKAGE_CHANGED #/", "FIELD_SCALAR_KIND_CHANGED #/A/B/7"],
    );
    check(
        "message A { A a = 1; map<int32, A> m = 2; }",
        "message A { A a = 1; map<int32, B> m = 2; } message B {}",
        &["FIELD_NAMED_TYPE_CHANGED #/A/2"],
        &["FIELD_NAMED_TYPE_CHANGED #/A/2", "MESSAGE_REMOVED #/B"],
    );
    check(
        "import 'google/protobuf/timestamp.proto'; message A { google.protobuf.Timestamp t = 1; }",
        "import 'google/protobuf/timestamp.proto'; message A { .google.protobuf.Timestamp at = 1; }",
        &[],
        &[],
    );
}

#[test]
fn imported_types_are_compared_by_structure() {
    let check = |old: (&str, &str), new: (&str, &str), backward: &[&str], forward: &[&str]| {
        let old = parse_with(old.0, &[("b.proto", old.1)]);
        let new = parse_with(new.0, &[("b.proto", new.1)]);
        verdict(&old, &new, backward, forward);
    };
    let uses = "import 'b.proto'; message A { p.B b = 1; }";
    let twice = "import 'b.proto'; message A { p.B b = 1; p.B c = 2; }";
    let broken = [
        "FIELD_SCALAR_KIND_CHANGED #/A/1/3",
        "FIELD_NAMED_TYPE_CHANGED #/A/1",
    ];
    check(
        (uses, "package p; message B {}"),
        (uses, "package p; message B { int32 n = 3; }"),
        &[],
        &[],
    );
    check(
        (uses, "package p; message B { int32 n = 3; }"),
        (uses, "package p; message B { string n = 3; }"),
        &broken,
        &broken,
    );
    // Found once, blamed on every field of the type.
    let again = [broken[0], broken[1], "FIELD_NAMED_TYPE_CHANGED #/A/2"];
    check(
        (twice, "package p; message B { int32 n = 3; }"),
        (twice, "package p; message B { string n = 3; }"),
        &again,
        &again,
    );
    // Another package, the same name and structure; recursion ends.
    check(
        (uses, "package p; message B { B b = 1; int32 n = 3; }"),
        (
            "import 'b.proto'; message A { q.B b = 1; }",
            "package q; message B { B b = 1; int64 n = 3; }",
        ),
        &[],
        &[],
    );
    // From an import into the file, and back.
    let inline = "message A { B b = 1; } message B { int32 n = 3; }";
    check(
        (uses, "package p; message B { int32 n = 3; }"),
        (inline, "package p; message B {}"),
        &[],
        &["MESSAGE_REMOVED #/B"],
    );
}

#[test]
fn a_long_chain_of_imported_types_ends() {
    let chain = |kind: &str| {
        let mut text = format!("message M0 {{ {kind} n = 1; }}");
        for index in 1..5_000 {
            text.push_str(&format!("message M{index} {{ M{} m = 1; }}", index - 1));
        }
        parse_with(
            "import 'b.proto'; message A { M4999 m = 1; }",
            &[("b.proto", &text)],
        )
    };
    assert!(!check(&chain("int32"), &chain("string"), Direction::Backward).is_empty());
}

#[test]
fn findings_are_bounded() {
    let fields = |kind: &str| -> String { (1..2_000).map(|n| format!("{kind} f{n} = {n};")).collect() };
    let schema = |kind: &str| parse(&format!("message A {{ {} }}", fields(kind)));
    let findings = check(&schema("int32"), &schema("string"), Direction::Backward);
    assert_eq!(findings.len(), super::FINDINGS_MAX);
}

#[test]
fn findings_point_into_the_new_text() {
    let old = "syntax = \"proto3\";\n\nmessage A {\n  string a = 1;\n  message Gone {}\n}\n";
    let new = "syntax = \"proto3\";\n// näher\nmessage A {\n  int32 z = 2; int32 a = 1;\n}\n";
    let (old, new) = (parse(old), parse(new));

    let findings = check(&new, &old, Direction::Backward);
    let [kind, gone] = &findings[..] else {
        panic!("{findings:?}")
    };
    assert_eq!((kind.line, kind.column), (Some(4), Some(16)));
    assert_eq!(
        (kind.old.as_str(), kind.new.as_str()),
        ("string a = 1;", "int32 a = 1;")
    );
    assert_eq!(
        kind.message(),
        "{errorType:\"FIELD_SCALAR_KIND_CHANGED\", description:\"The kind of a SCALAR field at path '#/A/1' in the \
         new schema does not match its kind in the old schema\"}"
    );
    // What is gone is shown where it would have been.
    assert_eq!((gone.line, gone.column), (Some(3), Some(1)));
    assert_eq!((gone.old.as_str(), gone.new.as_str()), ("message Gone {}", ""));
    assert_eq!(
        gone.description,
        "The new schema is missing a MESSAGE type at path '#/A/Gone' in the old schema"
    );

    let findings = check(&old, &new, Direction::Forward);
    assert_eq!(
        (findings[0].line, findings[0].old.as_str()),
        (Some(4), "string a = 1;")
    );
    assert!(
        findings[0]
            .description
            .contains("in the old schema does not match its kind in the new schema")
    );
}

/// The codes found going backward.
#[track_caller]
fn finds(old: &str, new: &str, wanted: &[&str]) {
    let findings = check(&parse(new), &parse(old), Direction::Backward);
    let found: BTreeSet<&str> = findings.iter().map(|finding| finding.rule.code()).collect();
    assert_eq!(found, wanted.iter().copied().collect(), "{old} -> {new}");
}

#[test]
fn confluents_table() {
    for (old, new, wanted) in table::WHOLE {
        finds(old, new, wanted);
    }
    let in_3 = |body: &str| format!("message A {{ {body} }} message B {{}}");
    let in_2 = |body: &str| format!("syntax = 'proto2'; {}", in_3(body));
    for (old, new, wanted) in table::IN_PROTO3 {
        finds(&in_3(old), &in_3(new), wanted);
    }
    for (old, new, wanted) in table::IN_PROTO2 {
        finds(&in_2(old), &in_2(new), wanted);
    }
    // Labels: of numbers any change, of strings and messages none.
    for (before, after) in [
        ("optional", "repeated"),
        ("repeated", "required"),
        ("required", "optional"),
    ] {
        for (kind, wanted) in [
            ("int32", &["FIELD_NUMERIC_LABEL_CHANGED"][..]),
            ("double", &["FIELD_NUMERIC_LABEL_CHANGED"]),
            ("string", &[]),
            ("bytes", &[]),
            ("B", &[]),
        ] {
            let with = |label: &str| in_2(&format!("{label} {kind} n = 1;"));
            finds(&with(before), &with(after), wanted);
            finds(&with(after), &with(before), wanted);
        }
    }
}

#[test]
fn scalars_of_a_group_read_each_other() {
    let groups: &[&[&str]] = &[
        &["int32", "int64", "uint32", "uint64", "bool", "E"],
        &["sint32", "sint64"],
        &["string", "bytes"],
        &["fixed32", "sfixed32"],
        &["fixed64", "sfixed64"],
        &["float"],
        &["double"],
    ];
    let kinds = || {
        let numbered = groups.iter().enumerate();
        numbered.flat_map(|(group, kinds)| kinds.iter().map(move |kind| (group, *kind)))
    };
    let with =
        |kind: &str| format!("message A {{ {kind} n = 1; map<int32, {kind}> m = 2; }} enum E {{ X = 0; }}");
    for (group, before) in kinds() {
        for (other, after) in kinds() {
            let wanted: &[&str] = if group == other {
                &[]
            } else {
                &["FIELD_SCALAR_KIND_CHANGED"]
            };
            finds(&with(before), &with(after), wanted);
        }
    }
}

#[test]
fn deep_chains_of_imported_types_are_compared_to_their_end() {
    let chain = |kind: &str, extra: &str| {
        let mut text = format!("message M0 {{ {kind} n = 1; }} {extra}");
        for index in 1..3_000 {
            text.push_str(&format!("message M{index} {{ M{} m = 1; }}", index - 1));
        }
        parse_with(
            "import 'b.proto'; message A { M2999 m = 1; }",
            &[("b.proto", &text)],
        )
    };
    let old = chain("int32", "");
    assert!(check(&chain("int64", "message X {}"), &old, Direction::Backward).is_empty());
    let findings = check(&chain("string", ""), &old, Direction::Backward);
    assert_eq!(findings.len(), super::FINDINGS_MAX);
    assert_eq!(findings[0].rule, rules::FIELD_SCALAR_KIND_CHANGED.rule);
    // Nobody reads a path of three thousand steps.
    assert_eq!(findings[0].path.matches('/').count(), 65);
}
