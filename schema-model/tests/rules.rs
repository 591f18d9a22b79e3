//! Every Avro rule has its cases on file, and they break and pass as they should; levels and messages on top of them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use annals_schema_model::{Direction, Finding, Level, Rule, Schema, SchemaType, Version, avro, compat};

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

#[test]
fn every_rule_has_cases() {
    for rule in avro::rules::RULES {
        let [old, breaking, passing] = ["old", "breaking", "passing"].map(|name| on_file(rule, name));
        let check = |new: &Schema| compat::check(Level::Backward, new, &[(Version(1), &old)]);
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
        assert!(finding.line > Some(0) && finding.column > Some(0));
        assert_ne!(finding.old, finding.new);
        assert_eq!(check(&passing), [], "{rule}");
        assert!(rule.sentence().ends_with('.'));
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
                avro::rules::RULES.iter().any(|rule| rule.code() == code),
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
    let error = Schema::parse(SchemaType::Json, "{}", &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "JSON Schema is not supported yet (line 1, column 1)"
    );
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
}
