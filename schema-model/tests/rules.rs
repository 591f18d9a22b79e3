//! Every Avro rule has its cases on file, and they break and pass as they should; levels and messages on top of them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use annals_schema_model::{
    CompatibilityPolicy, Direction, Finding, Level, Policy, Resolved, Rule, Schema, SchemaType, Standard,
    Version,
    avro::{self, rules::Class},
    compat,
};

fn on_file(rule: Rule, name: &str) -> Schema {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("rules")
        .join(rule.code())
        .join(format!("{name}.avsc"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    avro(&text)
}

fn avro(text: &str) -> Schema {
    Schema::parse(SchemaType::Avro, text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The standard that asks for the fewest rules beside those of a class.
fn standard_of(class: Class) -> Standard {
    let mut standard = Standard::from(Level::Backward);
    match class {
        Class::Bytes | Class::Name => {}
        Class::Meaning => standard.compatibility_policy = CompatibilityPolicy::Logical,
        Class::Value => standard.policy = Policy::Strict,
    }
    standard
}

#[test]
fn every_rule_has_cases() {
    for (rule, class) in avro::rules::RULES {
        let [old, breaking, passing] = ["old", "breaking", "passing"].map(|name| on_file(rule, name));
        let check = |new: &Schema| compat::check(standard_of(class), new, &[(Version(1), &old)]);
        let findings = check(&breaking);
        assert_eq!(
            findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(),
            [rule]
        );
        let finding = &findings[0];
        assert_eq!(
            (finding.version, finding.direction),
            (Some(Version(1)), Direction::Backward)
        );
        assert!(finding.path.starts_with('/'));
        assert!(finding.line > Some(0) && finding.column > Some(0));
        assert_ne!(finding.old, finding.new);
        assert!(
            !rule.fix().is_empty() && finding.hint != rule.fix(),
            "{rule}: {}",
            finding.hint
        );
        for text in [rule.fix(), finding.hint.as_str(), rule.sentence()] {
            assert!(text.ends_with('.'), "{rule}: {text}");
        }
        assert_eq!(check(&passing), [], "{rule}");
    }
}

#[test]
fn policies_ask_for_their_rules() {
    let logical = CompatibilityPolicy::Logical;
    for (rule, class) in avro::rules::RULES {
        let [old, breaking] = ["old", "breaking"].map(|name| on_file(rule, name));
        let check = |standard: Standard, wanted: bool| {
            let findings = compat::check_pair(standard, &breaking, &old);
            let found = findings.iter().any(|finding| finding.rule == rule);
            assert_eq!(found, wanted, "{rule} {standard:?}");
            assert_eq!(findings.is_empty(), !wanted, "{rule} {standard:?} {findings:?}");
        };
        let plain = Standard::from(Level::Backward);
        let wanted = match class {
            Class::Bytes => [true, true, true],
            Class::Name => [true, true, false],
            Class::Meaning | Class::Value => [false, true, false],
        };
        for (policy, wanted) in Policy::ALL.into_iter().zip(wanted) {
            let standard = Standard { policy, ..plain };
            check(standard, wanted);
            let standard = Standard {
                compatibility_policy: logical,
                ..standard
            };
            check(standard, wanted || class == Class::Meaning);
        }
    }
}

#[test]
fn hints_name_the_case() {
    let record = |fields: &str| avro(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#));
    let check = |level: Level, old: &str, new: &str, wanted: &str| {
        let findings = compat::check(level, &record(new), &[(Version(1), &record(old))]);
        let hints: Vec<&str> = findings.iter().map(|finding| finding.hint.as_str()).collect();
        assert_eq!(hints, [wanted], "{old} -> {new}");
    };
    let (back, forth) = (Level::Backward, Level::Forward);
    let a = r#"{"name":"a","type":"string"}"#;
    let b = r#"{"name":"b","type":"string"}"#;
    check(
        back,
        "",
        a,
        r#"Give field "a" a default, for example "type": ["null", "string"], "default": null."#,
    );
    check(
        back,
        "",
        r#"{"name":"a","type":["null","string"]}"#,
        r#"Give field "a" a default, for example "default": null."#,
    );
    check(
        back,
        a,
        b,
        r#"Give field "b" a default, for example "type": ["null", "string"], "default": null; if it is what "a" was, give it "aliases": ["a"]."#,
    );
    check(
        forth,
        a,
        "",
        r#"Keep field "a": readers with the old schema need it. It can go once the schema they read with has a default for it."#,
    );
    let (int, long) = (r#"{"name":"a","type":"int"}"#, r#"{"name":"a","type":"long"}"#);
    check(
        back,
        long,
        int,
        "Keep long: what was written as long may not fit int.",
    );
    check(
        forth,
        int,
        long,
        "Keep int here, which readers with the old schema expect, and add a new field for long.",
    );
    check(
        back,
        r#"{"name":"a","type":["null","string"]}"#,
        a,
        r#"Old data may be null here: make the type a union of "null" and "string"."#,
    );
    let union = |field: &str| {
        format!(r#"{{"name":"a","type":["null",{{"type":"record","name":"I","fields":[{field}]}}]}}"#)
    };
    check(
        back,
        &union(""),
        &union(a),
        r#"Both unions have I, but READER_FIELD_MISSING_DEFAULT_VALUE at /fields/0 within it keeps it from being read. Give field "a" a default, for example "type": ["null", "string"], "default": null."#,
    );
}

#[test]
fn findings_in_references_point_at_what_holds_them() {
    let parse = |field: &str| {
        let money = format!(r#"{{"type":"record","name":"Money","fields":[{field}]}}"#);
        let resolved = [Resolved {
            name: "Money".to_owned(),
            text: money,
        }];
        let text =
            "{\"type\":\"record\",\"name\":\"Order\",\"fields\":[\n{\"name\":\"total\",\"type\":\"Money\"}]}";
        Schema::parse(SchemaType::Avro, text, &resolved).unwrap()
    };
    let (one, other) = (parse(r#"{"name":"cents","type":"long"}"#), parse(""));
    for (level, new, old) in [(Level::Backward, &one, &other), (Level::Forward, &other, &one)] {
        let findings = compat::check(level, new, &[(Version(1), old)]);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].line, findings[0].column),
            (Some(2), Some(1)),
            "{level}"
        );
    }
}

#[test]
fn every_case_belongs_to_a_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.join("old.avsc").exists() {
            let code = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(
                avro::rules::RULES.iter().any(|(rule, _)| rule.code() == code),
                "{code} has cases but no rule"
            );
        }
    }
}

#[test]
fn messages_are_those_clients_know() {
    let check = |rule: Rule, level: Level, wanted: &str| {
        let (old, new) = (on_file(rule, "old"), on_file(rule, "breaking"));
        let (old, new) = if level == Level::Forward {
            (new, old)
        } else {
            (old, new)
        };
        let messages: Vec<String> = compat::check(level, &new, &[(Version(1), &old)])
            .iter()
            .map(Finding::message)
            .collect();
        assert_eq!(messages, [wanted]);
    };
    use avro::rules as r;
    check(
        r::READER_FIELD_MISSING_DEFAULT_VALUE,
        Level::Backward,
        "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'currency' at path '/fields/1' in the new schema has no default value and is missing in the old schema', additionalInfo:'currency'}",
    );
    check(
        r::READER_FIELD_MISSING_DEFAULT_VALUE,
        Level::Forward,
        "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'currency' at path '/fields/1' in the old schema has no default value and is missing in the new schema', additionalInfo:'currency'}",
    );
    check(
        r::TYPE_MISMATCH,
        Level::Backward,
        "{errorType:'TYPE_MISMATCH', description:'The type (path '/fields/1/type') of a field in the new schema does not match with the old schema', additionalInfo:'reader type: STRING not compatible with writer type: INT'}",
    );
    check(
        r::MISSING_UNION_BRANCH,
        Level::Backward,
        "{errorType:'MISSING_UNION_BRANCH', description:'The new schema is missing a type inside a union field at path '/fields/1/type/1' in the old schema', additionalInfo:'reader union lacking writer type: STRING'}",
    );
    check(
        r::MISSING_ENUM_SYMBOLS,
        Level::Backward,
        "{errorType:'MISSING_ENUM_SYMBOLS', description:'The new schema is missing enum symbols '[FAX]' at path '/fields/1/type/symbols' in the old schema', additionalInfo:'[FAX]'}",
    );
    check(
        r::FIXED_SIZE_MISMATCH,
        Level::Backward,
        "{errorType:'FIXED_SIZE_MISMATCH', description:'The size of FIXED type field at path '/fields/1/type/size' in the new schema does not match with the old schema', additionalInfo:'expected: 16, found: 20'}",
    );
    check(
        r::NAME_MISMATCH,
        Level::Backward,
        "{errorType:'NAME_MISMATCH', description:'The name of the schema has changed (path '/name')', additionalInfo:'expected: shop.Order'}",
    );
    check(
        r::AMBIGUOUS_FIELD_ALIAS,
        Level::Backward,
        "Unexpected exception during compatibility check: Reader record field id type:LONG pos:0 matches multiple fields in writer record schema shop.Order",
    );
}

#[test]
fn a_finding_names_line_and_column() {
    let rule = avro::rules::READER_FIELD_MISSING_DEFAULT_VALUE;
    let (old, new) = (on_file(rule, "old"), on_file(rule, "breaking"));
    let findings = compat::check(Level::Backward, &new, &[(Version(1), &old)]);
    assert_eq!((findings[0].line, findings[0].column), (Some(7), Some(5)));
    assert_eq!(findings[0].new, r#"{ "name": "currency", "type": "string" }"#);
    // Going forward it is the new schema that lacks the field: the record is the place.
    let findings = compat::check(Level::Forward, &old, &[(Version(1), &new)]);
    assert_eq!((findings[0].line, findings[0].column), (Some(1), Some(1)));
}

/// Three versions of a record, each with one field more; `v3` has a default for it.
fn versions() -> [Schema; 4] {
    let record = |fields: &str| avro(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#));
    [
        record(r#"{"name":"a","type":"int"}"#),
        record(r#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#),
        record(
            r#"{"name":"a","type":"int"},{"name":"b","type":"int"},{"name":"c","type":"int","default":0}"#,
        ),
        record(r#"{"name":"b","type":"int"}"#),
    ]
}

#[test]
fn levels() {
    let [v1, v2, v3, only_b] = versions();
    let check = |level: &str, new: &Schema, olds: &[(u32, &Schema)], wanted: &[(u32, &str, &str)]| {
        let olds: Vec<(Version, &Schema)> = olds
            .iter()
            .map(|(version, schema)| (Version(*version), *schema))
            .collect();
        let findings = compat::check(level.parse::<Level>().unwrap(), new, &olds);
        let found: Vec<(u32, &str, &str)> = findings
            .iter()
            .map(|finding| {
                (
                    finding.version.unwrap().get(),
                    finding.direction.name(),
                    finding.additional_info.as_str(),
                )
            })
            .collect();
        assert_eq!(found, wanted, "{level}");
    };
    let olds = [(1, &v1), (2, &v2)];
    check("NONE", &only_b, &olds, &[]);
    check("BACKWARD", &v3, &olds, &[]);
    check("BACKWARD_TRANSITIVE", &v3, &olds, &[(1, "BACKWARD", "b")]);
    check("FORWARD", &v3, &olds, &[]);
    check("FORWARD_TRANSITIVE", &v3, &olds, &[]);
    check("FULL", &v3, &olds, &[]);
    check("FULL_TRANSITIVE", &v3, &olds, &[(1, "BACKWARD", "b")]);
    // The newest version that fails ends the check, in whichever order the versions are given.
    check(
        "BACKWARD_TRANSITIVE",
        &v2,
        &[(1, &v1), (3, &only_b), (2, &v3)],
        &[(3, "BACKWARD", "a")],
    );
    // What the old schema cannot read comes first.
    check(
        "full",
        &only_b,
        &[(1, &v1)],
        &[(1, "FORWARD", "a"), (1, "BACKWARD", "b")],
    );
    check("FORWARD", &only_b, &[(1, &v1)], &[(1, "FORWARD", "a")]);
    check("BACKWARD", &only_b, &[], &[]);
}

#[test]
fn levels_of_other_types() {
    let old = avro("\"int\"");
    let new = Schema::parse(SchemaType::Protobuf, "syntax = \"proto3\"; message M {}", &[]).unwrap();
    assert_eq!(compat::check(Level::None, &new, &[(Version(1), &old)]), []);
    let findings = compat::check(Level::Backward, &new, &[(Version(1), &old)]);
    assert_eq!(
        findings[0].message(),
        "Incompatible because of different schema type"
    );
    assert_eq!(
        (findings[0].old.as_str(), findings[0].new.as_str()),
        ("AVRO", "PROTOBUF")
    );
    assert_eq!((findings[0].line, findings[0].column), (Some(1), Some(1)));
    assert!(findings[0].hint.contains("another subject"));
}
