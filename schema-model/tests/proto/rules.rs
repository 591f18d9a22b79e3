//! Every Protobuf rule has its cases on file, and they break and pass as they should, under each policy.

use std::{collections::BTreeSet, path::Path};

use annals_schema_model::{
    CompatibilityPolicy, Direction, Level, Policy, Resolved, Rule, Schema, SchemaType, Standard, Version,
    compat,
    proto::rules::{self, Class, Row},
};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}

fn on_file(rule: Rule, name: &str) -> Schema {
    let path = folder().join(rule.code()).join(format!("{name}.proto"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    proto(&text)
}

fn proto(text: &str) -> Schema {
    Schema::parse(SchemaType::Protobuf, text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn asked_for() -> impl Iterator<Item = &'static Row> {
    let rows = rules::ALL.iter().copied();
    rows.filter(|row| row.class != Class::Harmless)
}

/// The standard that asks for the fewest rules beside those of a class.
fn standard_of(class: Class) -> Standard {
    let mut standard = Standard::from(Level::Backward);
    match class {
        Class::Harmless | Class::Bytes | Class::Contract => {}
        Class::Unread | Class::Packed => standard.policy = Policy::Wire,
        Class::Meaning => standard.policy = Policy::Strict,
        Class::Reserved => standard.compatibility_policy = CompatibilityPolicy::Logical,
    }
    standard
}

#[test]
fn every_rule_has_cases() {
    let codes: BTreeSet<&str> = rules::ALL.iter().map(|row| row.rule.code()).collect();
    assert_eq!((codes.len(), rules::ALL.len(), asked_for().count()), (43, 43, 32));
    for row in asked_for() {
        let rule = row.rule;
        let [old, breaking, passing] = ["old", "breaking", "passing"].map(|name| on_file(rule, name));
        let check = |new: &Schema| compat::check(standard_of(row.class), new, &[(Version(1), &old)]);
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
        assert!(finding.path.starts_with("#/"), "{rule}");
        assert!(finding.line > Some(0) && finding.column > Some(0), "{rule}");
        assert_ne!(finding.old, finding.new, "{rule}");
        for text in [rule.fix(), finding.hint.as_str(), rule.sentence()] {
            assert!(text.ends_with('.'), "{rule}: {text}");
        }
        assert!(
            finding.description.contains(&format!("'{}'", finding.path))
                && !finding.description.contains('{'),
            "{rule}: {}",
            finding.description
        );
        assert_eq!(check(&passing), [], "{rule}");
        // At a level that only goes forward the sides are swapped, but old and new are not.
        if matches!(row.class, Class::Reserved) {
            let forward = Standard {
                level: Level::Forward,
                ..standard_of(row.class)
            };
            assert_eq!(compat::check_pair(forward, &breaking, &old).len(), 1, "{rule}");
            let full = Standard {
                level: Level::Full,
                ..forward
            };
            assert_eq!(compat::check_pair(full, &breaking, &old).len(), 1, "{rule}");
        }
    }
}

#[test]
fn policies_ask_for_their_rules() {
    for row in asked_for() {
        let [old, breaking] = ["old", "breaking"].map(|name| on_file(row.rule, name));
        let wanted = match row.class {
            Class::Harmless => [false, false, false],
            Class::Bytes => [true, true, true],
            Class::Contract => [true, true, false],
            Class::Unread => [false, true, true],
            Class::Packed => [false, false, true],
            Class::Meaning | Class::Reserved => [false, true, false],
        };
        for (policy, wanted) in Policy::ALL.into_iter().zip(wanted) {
            for compatibility_policy in CompatibilityPolicy::ALL {
                let standard = Standard {
                    level: Level::Backward,
                    policy,
                    compatibility_policy,
                };
                let findings = compat::check_pair(standard, &breaking, &old);
                let found = findings.iter().any(|finding| finding.rule == row.rule);
                let logical = compatibility_policy == CompatibilityPolicy::Logical;
                let wanted = wanted || logical && row.class == Class::Reserved;
                assert_eq!(found, wanted, "{} {standard:?} {findings:?}", row.rule);
            }
        }
    }
}

#[test]
fn every_case_belongs_to_a_rule() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.join("old.proto").exists() {
            let code = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(
                asked_for().any(|row| row.rule.code() == code),
                "{code} has cases but no rule"
            );
        }
    }
}

/// The codes of the findings of a change, backward, under a policy.
#[track_caller]
fn verdict(policy: Policy, old: &Schema, new: &Schema, wanted: &[&str]) {
    let standard = Standard {
        policy,
        ..Standard::from(Level::Backward)
    };
    let findings = compat::check_pair(standard, new, old);
    let codes: Vec<&str> = findings.iter().map(|finding| finding.rule.code()).collect();
    assert_eq!(codes, wanted, "{policy}");
}

#[test]
fn on_the_wire_names_do_not_matter() {
    let check = |old: &str, new: &str, wanted: &[&str]| {
        let whole = |text: &str| proto(&format!("syntax = 'proto3'; {text}"));
        verdict(Policy::Wire, &whole(old), &whole(new), wanted);
    };
    let two = "message B { int32 n = 1; } message C { int64 m = 1; } message D { string m = 1; }";
    check(
        &format!("package a; message A {{ B b = 1; }} {two}"),
        &format!("package b; message Z {{}} message A {{ C b = 1; }} {two}"),
        &[],
    );
    check(
        &format!("message A {{ B b = 1; }} {two}"),
        &format!("message A {{ D b = 1; }} {two}"),
        &["FIELD_SCALAR_KIND_CHANGED", "FIELD_NAMED_TYPE_CHANGED"],
    );
    // A type that is its own field, under two names.
    check(
        "message A { B b = 1; } message B { B b = 1; }",
        "message A { C b = 1; } message C { C b = 1; }",
        &[],
    );
    check(
        "message A { int32 n = 1; }",
        "message A { repeated int32 n = 1; }",
        &[],
    );
    check(
        "message A { repeated string n = 1; }",
        "message A { string n = 1; }",
        &[],
    );
    // Of values that are not packed a single field reads the last.
    check(
        "message A { repeated int32 n = 1 [packed = false]; }",
        "message A { int32 n = 1; }",
        &[],
    );
    let proto2 = |field: &str| proto(&format!("syntax = 'proto2'; message A {{ {field} }}"));
    let single = proto2("optional int32 n = 1;");
    verdict(Policy::Wire, &proto2("repeated int32 n = 1;"), &single, &[]);
    let packed = proto2("repeated int32 n = 1 [packed = true];");
    verdict(Policy::Wire, &packed, &single, &["PACKED_FIELD_MADE_SINGLE"]);
    check("message A { int32 n = 1; }", "", &[]);
    // A map is its entries.
    let entries = "message A { repeated E m = 1; } message E { string k = 1; int64 v = 2; }";
    check("message A { map<string, int32> m = 1; }", entries, &[]);
    check(entries, "message A { map<string, int32> m = 1; }", &[]);
    check(
        entries,
        "message A { map<string, string> m = 1; }",
        &["FIELD_SCALAR_KIND_CHANGED", "FIELD_NAMED_TYPE_CHANGED"],
    );
}

#[test]
fn strict_looks_into_imports_and_blames_no_one_else() {
    let parse = |import: &str| {
        let text = "syntax = 'proto3'; import 'b.proto';\nmessage A { B b = 1; E e = 2; }";
        let resolved = [Resolved {
            name: "b.proto".to_owned(),
            text: format!("syntax = 'proto3'; {import}"),
        }];
        Schema::parse(SchemaType::Protobuf, text, &resolved).unwrap()
    };
    let old = parse("message B { int32 n = 3; } enum E { X = 0; Y = 1; }");
    let new = parse("message B { int32 m = 3; } enum E { X = 0; Z = 1; }");
    verdict(
        Policy::Strict,
        &old,
        &new,
        &["FIELD_NAME_CHANGED", "ENUM_CONST_CHANGED"],
    );
    verdict(Policy::Confluent, &old, &new, &[]);
    let standard = Standard {
        policy: Policy::Strict,
        ..Standard::from(Level::Backward)
    };
    let finding = &compat::check_pair(standard, &new, &old)[0];
    assert_eq!(finding.path, "#/A/1/3");
    assert_eq!((finding.line, finding.column), (Some(2), Some(13)));
    assert_eq!(
        (finding.old.as_str(), finding.new.as_str()),
        ("int32 n = 3;", "int32 m = 3;")
    );
}

#[test]
fn reserved_in_enums_and_ranges() {
    let check = |old: &str, new: &str, wanted: &[(&str, &str)]| {
        let whole = |text: &str| proto(&format!("syntax = 'proto3'; {text}"));
        let standard = Standard {
            compatibility_policy: CompatibilityPolicy::Logical,
            ..Standard::from(Level::Backward)
        };
        let findings = compat::check_pair(standard, &whole(new), &whole(old));
        let found: Vec<(&str, &str)> = findings
            .iter()
            .map(|finding| (finding.rule.code(), finding.path.as_str()))
            .collect();
        assert_eq!(found, wanted, "{old} -> {new}");
    };
    check(
        "enum E { reserved 2, 4 to max; reserved 'B'; A = 0; }",
        "enum E { reserved 6 to max; A = 0; B = 2; C = 4; }",
        &[
            ("RESERVED_NUMBER_REUSED", "#/E/2"),
            ("RESERVED_NAME_REUSED", "#/E/B"),
            ("RESERVED_NUMBER_REUSED", "#/E/4"),
            ("RESERVED_NUMBER_REMOVED", "#/E/5"),
        ],
    );
    check(
        "message A { message B { reserved 1 to max; } }",
        "message A { message B { reserved 1 to 10, 12 to max; int32 n = 11; } }",
        &[("RESERVED_NUMBER_REUSED", "#/A/B/11")],
    );
    check("message A { reserved 5; }", "message A { reserved 1 to 9; }", &[]);
    check(
        "message A { reserved 5; }",
        "message B {}",
        &[("MESSAGE_REMOVED", "#/A")],
    );
}

#[test]
fn hints_name_the_case() {
    let check = |old: &str, new: &str, wanted: &str| {
        let whole = |text: &str| proto(&format!("syntax = 'proto3'; message Order {{ {text} }}"));
        let standard = Standard {
            policy: Policy::Strict,
            ..Standard::from(Level::Backward)
        };
        let findings = compat::check_pair(standard, &whole(new), &whole(old));
        let hints: Vec<&str> = findings.iter().map(|finding| finding.hint.as_str()).collect();
        assert_eq!(hints, [wanted], "{old} -> {new}");
    };
    check(
        "string note = 2;",
        "",
        "Add \"reserved 2;\" and 'reserved \"note\";' to message Order.",
    );
    check(
        "string note = 2;",
        "reserved 1 to 9;",
        "Add 'reserved \"note\";' to message Order.",
    );
    check(
        "string note = 2;",
        "reserved 2; string note = 3;",
        "Give field \"note\" its number 2 back, or call the one with number 3 something else.",
    );
    check(
        "reserved 2 to 5;",
        "reserved 2;",
        "Add \"reserved 3 to 5;\" again.",
    );
}
