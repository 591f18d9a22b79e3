//! What is said about unsound input: the file, the line, the column and a sentence.

use std::fs;
use std::path::Path;

use annals_codegen::Build;

const MANIFEST: &str = "[[topic]]\nname = \"t\"\nstrategy = \"topic_record\"\nsubjects = [\"t-R\"]\n";

/// Builds from files and compares all diagnostics, without the folder they are in. An expectation that ends in `…`
/// leaves the rest of the sentence to those who wrote it.
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let schemas = folder.path().join("schemas");
    fs::create_dir(&schemas).unwrap();
    for (name, text) in files {
        let path = schemas.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let wrong = Build::new(schemas.join("annals.toml"))
        .generate()
        .err()
        .unwrap_or_default();
    let prefix = format!("{}{}", schemas.display(), std::path::MAIN_SEPARATOR);
    let said: Vec<String> = wrong
        .iter()
        .map(|diagnostic| diagnostic.to_string().replace(&prefix, ""))
        .collect();
    let fits = |said: &String, expected: &&str| match expected.strip_suffix('…') {
        Some(start) => said.starts_with(start),
        None => said == expected,
    };
    let all = said.len() == expected.len()
        && said
            .iter()
            .zip(expected)
            .all(|(said, expected)| fits(said, expected));
    assert!(all, "said {said:#?}, expected {expected:#?}");
}

fn check_schema(text: &str, expected: &[&str]) {
    check(&[("annals.toml", MANIFEST), ("t-R/v1.avsc", text)], expected);
}

fn record(fields: &str) -> String {
    format!("{{\"type\": \"record\", \"name\": \"R\", \"fields\": [\n{fields}\n]}}")
}

#[test]
fn manifests() {
    check(&[("annals.toml", "")], &["annals.toml: names no [[topic]]"]);
    check(
        &[(
            "annals.toml",
            "[[topic]]\nname = \"t\"\nstrategy = \"record\"\nsubjects = []\n",
        )],
        &["annals.toml:3:12: unknown variant `record`, expected `topic_record` or `topic`"],
    );
    check(
        &[(
            "annals.toml",
            "[[topic]]\nname = \"t\"\nstrategy = \"topic\"\nsubjects = [\"t\"]\n",
        )],
        &[
            "annals.toml:4:13: subject `t` of topic `t` is not `t-value`",
            "annals.toml:4:13: subject `t` has no folder t: No such file or directory (os error 2)",
        ],
    );
    check(
        &[("annals.toml", MANIFEST), ("t-R/.keep", "")],
        &["annals.toml:4:13: subject `t-R` has no version in t-R"],
    );
    check(
        &[
            ("annals.toml", MANIFEST),
            ("t-R/v1.avsc", &record("")),
            ("t-R/1.avsc", ""),
        ],
        &["t-R/1.avsc: is no version: name the file v<N>.avsc or v<N>.proto, N from 1"],
    );
    check(
        &[
            ("annals.toml", MANIFEST),
            ("t-R/v1.proto", ""),
            ("t-R/v2.avsc", &record("")),
        ],
        &["t-R/v1.proto: is PROTOBUF, but the newest version of the subject is AVRO"],
    );
}

#[test]
fn a_kept_version_must_exist() {
    let wrong = Build::new("tests/schemas/annals.toml")
        .keep("zoo-park.zoo.Closed", 7)
        .generate()
        .unwrap_err();
    assert_eq!(
        wrong[0].to_string(),
        "tests/schemas/annals.toml: version 7 of `zoo-park.zoo.Closed` is to be kept, but there is no such file"
    );
}

#[test]
fn schemas_that_cannot_be_generated_from() {
    check_schema("{\"type\": \"record\",\n \"name\": 7}", &["t-R/v1.avsc:2:10: …"]);
    check_schema(
        "\"string\"",
        &["t-R/v1.avsc:1:1: has no record at its top; events are records"],
    );
    check_schema(
        "{\"type\": \"record\", \"name\": \"Other\", \"fields\": []}",
        &["t-R/v1.avsc:1:1: the subject of `Other` in topic `t` is `t-Other`, not `t-R`"],
    );
    check_schema(
        &record("{\"name\": \"a\", \"type\": []}"),
        &["t-R/v1.avsc:2:1: field `a` is a union without branches, which no value fits"],
    );
}

#[test]
fn the_newest_version_must_read_the_older_ones() {
    let files = |old: &str, new: &str, expected: &[&str]| {
        check(
            &[
                ("annals.toml", MANIFEST),
                ("t-R/v1.avsc", &record(old)),
                ("t-R/v2.avsc", &record(new)),
            ],
            expected,
        );
    };
    files(
        "{\"name\": \"a\", \"type\": \"int\"}",
        "{\"name\": \"a\", \"type\": \"long\"},\n  {\"name\": \"b\", \"type\": \"int\"}",
        &[
            "t-R/v2.avsc:3:3: version 2 cannot read data of version 1: READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1: The field …",
        ],
    );
    let decimal = |scale: u32| {
        format!(
            "{{\"name\": \"a\", \"type\": [\"null\",\n  {{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 9, \"scale\": {scale}}}]}}"
        )
    };
    files(
        &decimal(4),
        &decimal(2),
        &[
            "t-R/v2.avsc:3:3: version 2 misreads data of version 1: DECIMAL_SCALE_CHANGED at /fields/0/type/1: The scale …",
        ],
    );
    files(
        "{\"name\": \"a\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}}",
        "{\"name\": \"a\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}}",
        &[
            "t-R/v2.avsc:2:23: version 2 misreads data of version 1: LOGICAL_TYPE_CHANGED at /fields/0/type: The logical type …",
        ],
    );
    files(
        "{\"name\": \"a\", \"type\": \"long\"}",
        "{\"name\": \"a\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}}",
        &[],
    );
}

#[test]
fn a_protobuf_topic_has_a_message() {
    let manifest = "[[topic]]\nname = \"t\"\nstrategy = \"topic\"\nsubjects = [\"t-value\"]\n";
    let proto = |text: &str, expected: &[&str]| {
        check(&[("annals.toml", manifest), ("t-value/v1.proto", text)], expected);
    };
    let proto3 = |text: &str, expected: &[&str]| proto(&format!("syntax = \"proto3\";\n{text}"), expected);
    proto3("message A { oneof event { int32 a = 1; } }", &[]);
    proto3("message A { int32 a = 1; } message B {}", &[]);
    proto3("enum E { X = 0; }", &["t-value/v1.proto:1:1: has no message"]);
    proto3("message A { int32 a = 0; }", &["t-value/v1.proto:2:…"]);
    proto(
        "message A {\n  optional A a = 1;\n}\nmessage B {\n  required C c = 1;\n}\nmessage C { required group G = 1 { required B b = 1; } }",
        &[
            "t-value/v1.proto:4: `B` requires another of itself without an end, so it has no values",
            "t-value/v1.proto:7: `C` requires another of itself without an end, so it has no values",
            "t-value/v1.proto:7: `C.G` requires another of itself without an end, so it has no values",
        ],
    );
}

#[test]
fn imports_are_files_below_the_schemas() {
    let manifest = "[[topic]]\nname = \"t\"\nstrategy = \"topic\"\nsubjects = [\"t-value\"]\n";
    let proto = |text: &str, others: &[(&str, &str)], expected: &[&str]| {
        let text = format!("syntax = \"proto3\";\n{text}\nmessage A {{}}");
        let own = [("annals.toml", manifest), ("t-value/v1.proto", &text)];
        check(&[&own, others].concat(), expected);
    };
    let missing =
        "t-value/v1.proto:2:1: import \"shop/money.proto\" cannot be had: put the file at shop/money.proto";
    proto("import \"shop/money.proto\";", &[], &[missing]);
    let money = "syntax = \"proto3\"; package shop; message Money {}";
    proto(
        "import \"shop/money.proto\";",
        &[("shop/money.proto", money)],
        &[],
    );
    proto("import \"google/type/money.proto\";", &[], &[]);
    let importer = "syntax = \"proto3\";\npackage shop;\n  import \"far.proto\";";
    proto(
        "import \"shop/money.proto\";",
        &[("shop/money.proto", importer)],
        &["shop/money.proto:3:3: import \"far.proto\" cannot be had: put the file at far.proto"],
    );
    proto("import \"../annals.toml\";", &[], &["t-value/v1.proto:2:8: …"]);
    proto(
        "import \"shop/money.proto\";",
        &[("shop/money.proto", "syntax = \"proto3\"; message {}")],
        &["t-value/v1.proto:2:1: in the import \"shop/money.proto\", line 1, column 28: …"],
    );
}

#[test]
fn a_subject_is_named_by_one_of_its_messages() {
    let manifest =
        "[[topic]]\nname = \"t\"\nstrategy = \"topic_record\"\nsubjects = [\"t-p.B.C\", \"t-p.D\"]\n";
    let text = "syntax = \"proto3\"; package p; message A {} message B { message C {} }";
    check(
        &[
            ("annals.toml", manifest),
            ("t-p.B.C/v1.proto", text),
            ("t-p.D/v1.proto", text),
        ],
        &["t-p.D/v1.proto:1:1: the subject of `p.A` in topic `t` is `t-p.A`, not `t-p.D`"],
    );
}

#[test]
fn a_missing_manifest_is_named() {
    let wrong = Build::new(Path::new("nowhere/annals.toml"))
        .generate()
        .unwrap_err();
    assert!(
        wrong[0]
            .to_string()
            .starts_with("nowhere/annals.toml: cannot be read: "),
        "{}",
        wrong[0]
    );
}

#[test]
fn what_the_rules_let_pass_and_reading_does_not() {
    let decimal = |precision: u32| {
        record(&format!(
            r#"{{"name": "d", "type": {{"type": "bytes", "logicalType": "decimal", "precision": {precision}, "scale": 2}}}}"#
        ))
    };
    check(
        &[
            ("annals.toml", MANIFEST),
            ("t-R/v1.avsc", &decimal(12)),
            ("t-R/v2.avsc", &decimal(4)),
        ],
        &["t-R/v2.avsc:2:23: version 2 cannot read all data of version 1: DECIMAL_PRECISION_NARROWED at …"],
    );
    check_schema(
        &record(r#"{"name": "r", "type": "R"}"#),
        &["t-R/v1.avsc:1: `R` holds itself without an end, so it has no values"],
    );
}

#[test]
fn a_name_is_one_events() {
    let manifest =
        "[[topic]]\nname = \"t\"\nstrategy = \"topic_record\"\nsubjects = [\"t-n.A\", \"t-n.B\"]\n";
    let record = |name: &str, aliases: &str| {
        format!(
            r#"{{"type": "record", "name": "{name}", "namespace": "n", "aliases": [{aliases}], "fields": []}}"#
        )
    };
    check(
        &[
            ("annals.toml", manifest),
            ("t-n.A/v1.avsc", &record("A", "\"B\"")),
            ("t-n.B/v1.avsc", &record("B", "")),
        ],
        &[
            "t-n.A/v1.avsc:1:1: `n.B` is an alias of `n.A` and a name of `n.B` in topic `t`; take the alias away",
        ],
    );
    check(
        &[
            ("annals.toml", MANIFEST),
            (
                "t-R/v1.avsc",
                r#"{"type": "record", "name": "m.R", "fields": []}"#,
            ),
            ("t-R/v2.avsc", r#"{"type": "record", "name": "R", "fields": []}"#),
        ],
        &["t-R/v1.avsc:1:1: the subject of `m.R` in topic `t` is `t-m.R`, not `t-R`"],
    );
}
