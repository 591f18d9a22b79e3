//! What is said about unsound input: the file, the line, the column and a sentence.

use std::fs;

use annals_codegen::configure;

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
    let wrong = configure().schemas(&schemas).generate().err();
    let prefix = schemas.display().to_string();
    let said: Vec<String> = wrong
        .iter()
        .flat_map(|error| error.diagnostics())
        .map(|diagnostic| {
            let said = diagnostic.to_string();
            said.replace(&format!("{prefix}{}", std::path::MAIN_SEPARATOR), "")
                .replace(&prefix, "schemas")
        })
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
    check(&[("t-R/v1.avsc", text)], expected);
}

fn record(fields: &str) -> String {
    format!("{{\"type\": \"record\", \"name\": \"R\", \"fields\": [\n{fields}\n]}}")
}

const R: (&str, &str) = ("t-R/v1.avsc", r#"{"type": "record", "name": "R", "fields": []}"#);

#[test]
fn folders() {
    check(&[], &["schemas: holds no schema"]);
    check(&[("README.md", "")], &["schemas: holds no schema"]);
    check(&[("v1.avsc", "")], &["v1.avsc: is a version of no subject"]);
    let no_version = |file: &str| {
        let said = format!("t-R/{file}: is no version: name the file v<N>.avsc or v<N>.proto, N from 1");
        check(&[R, (&format!("t-R/{file}"), "")], &[&said]);
    };
    for typo in ["1.avsc", "V2.avsc", "v02.proto", "v2.AVSC", "v0.avsc", "R.avsc"] {
        no_version(typo);
    }
    check(
        &[
            R,
            ("t-R/README.md", "what it is"),
            ("t-R/v1.txt", ""),
            ("notes.txt", ""),
        ],
        &[],
    );
    check(
        &[("t-R/v1.proto", "syntax = \"proto3\";"), ("t-R/v2.avsc", R.1)],
        &["t-R/v1.proto: is PROTOBUF, but the newest version of the subject is AVRO"],
    );
    check(
        &[("t-R/v1.proto", "syntax = \"proto3\";"), R],
        &["t-R/v1.proto: version 1 exists twice", "t-R/v1.…", "t-R/v1.…"],
    );
    check(
        &[("t-value/v1.avsc", R.1), ("t.avsc", R.1)],
        &["t-value: is subject `t-value` like t.avsc"],
    );
    let proto = "syntax = \"proto3\"; message A {}";
    for (one, other, name, said) in [
        (
            ("t-value.avsc", R.1),
            ("t-value/v1.avsc", R.1),
            "t-value",
            "t-value.avsc",
        ),
        (
            ("t-value.avsc", R.1),
            ("t-value.proto", proto),
            "t-value.proto",
            "t-value.avsc",
        ),
        (
            ("t%2Dvalue/v1.avsc", R.1),
            ("t-value/v1.avsc", R.1),
            "t-value",
            "t%2Dvalue",
        ),
    ] {
        check(
            &[one, other],
            &[&format!("{name}: is subject `t-value` like {said}")],
        );
    }
}

#[test]
fn settings() {
    let said = |text: &str, expected: &[&str]| check(&[R, ("annals.toml", text)], expected);
    said("", &[]);
    said(
        "[[topic]]\nstrategy = \"topic_record\"",
        &["annals.toml:2:1: unknown field `strategy`, expected `name` or `subjects`"],
    );
    said("[[topic]]", &["annals.toml:1:1: missing field `name`"]);
    said(
        "compatibility = \"BACK\"",
        &["annals.toml:1:17: \"BACK\" is not a compatibility level; …"],
    );
    said(
        "[subject.\"t-R\"]\nkeep = [7]",
        &["annals.toml:2:9: version 7 of `t-R` is to be kept, but there is no such file"],
    );
    said(
        "[subject.x]\n[[topic]]\nname = \"t\"\nsubjects = [\"y\"]",
        &[
            "annals.toml:1:1: there is no subject `x`",
            "annals.toml:4:13: there is no subject `y`",
        ],
    );
}

#[test]
fn schemas_that_cannot_be_generated_from() {
    check_schema("{\"type\": \"record\",\n \"name\": 7}", &["t-R/v1.avsc:2:10: …"]);
    check_schema(
        "\"string\"",
        &["t-R/v1.avsc:1:1: has no record, and its subject `t-R` is named by one"],
    );
    check_schema(
        "{\"type\": \"record\", \"name\": \"Other\", \"fields\": []}",
        &["t-R/v1.avsc:1:1: the subject of `Other` in topic `t` is `t-Other`, not `t-R`"],
    );
    check_schema(
        &record("{\"name\": \"a\", \"type\": []}"),
        &["t-R/v1.avsc:2:1: field `a` is a union without branches, which no value fits"],
    );
    check(
        &[("t-value/v1.avsc", "[]")],
        &["t-value/v1.avsc:1:1: the top is a union without branches, which no value fits"],
    );
    check(
        &[("t-value/v1.avsc", r#"["null", {"type": "map", "values": []}]"#)],
        &["t-value/v1.avsc:1:1: `map` at the top is a union without branches, which no value fits"],
    );
    check(
        &[
            ("R/v1.avsc", "[\"int\"]"),
            ("annals.toml", "[[topic]]\nname = \"t\"\nsubjects = [\"R\"]"),
        ],
        &["R/v1.avsc:1:1: has no name at its top that its subject could be called by"],
    );
    let decimal = r#"{"type": "bytes", "logicalType": "decimal", "precision": 1001, "scale": 1001}"#;
    check_schema(
        &record(&format!("{{\"name\": \"a\", \"type\": [\"null\", {decimal}]}}")),
        &[
            "t-R/v1.avsc:2:1: field `a` is a decimal of 1001 fraction digits, and those that are read have 1000 at most",
        ],
    );
}

#[test]
fn the_newest_version_must_read_the_older_ones() {
    let files = |old: &str, new: &str, expected: &[&str]| {
        check(
            &[("t-R/v1.avsc", &record(old)), ("t-R/v2.avsc", &record(new))],
            expected,
        );
    };
    files(
        "{\"name\": \"a\", \"type\": \"int\"}",
        "{\"name\": \"a\", \"type\": \"long\"},\n  {\"name\": \"b\", \"type\": \"int\"}",
        &[
            "t-R/v2.avsc:3:3: not BACKWARD compatible with t-R v1: READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1: The field …",
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
            "t-R/v2.avsc:3:3: v2 misreads what t-R v1 wrote: DECIMAL_SCALE_CHANGED at /fields/0/type/1: The scale …",
        ],
    );
    files(
        "{\"name\": \"a\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}}",
        "{\"name\": \"a\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}}",
        &[
            "t-R/v2.avsc:2:23: v2 misreads what t-R v1 wrote: LOGICAL_TYPE_CHANGED at /fields/0/type: The logical type …",
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
    let proto = |text: &str, expected: &[&str]| {
        check(&[("t-value/v1.proto", text)], expected);
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
    let proto = |text: &str, others: &[(&str, &str)], expected: &[&str]| {
        let text = format!("syntax = \"proto3\";\n{text}\nmessage A {{}}");
        let own = [("t-value/v1.proto", text.as_str())];
        check(&[&own, others].concat(), expected);
    };
    let missing = "t-value/v1.proto:2:8: import \"shop/money.proto\" is not there: put the file at schemas/shop/money.proto";
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
        &["shop/money.proto:3:10: import \"far.proto\" is not there: put the file at schemas/far.proto"],
    );
    proto("import \"../annals.toml\";", &[], &["t-value/v1.proto:2:8: …"]);
    proto(
        "import \"shop/money.proto\";",
        &[("shop/money.proto", "syntax = \"proto3\"; message {}")],
        &[
            "shop/money.proto:1:28: …",
            "t-value/v1.proto:2:1: in the import \"shop/money.proto\", line 1, column 28: …",
        ],
    );
}

#[test]
fn a_subject_is_named_by_one_of_its_messages() {
    let text = "syntax = \"proto3\"; package p; message A {} message B { message C {} }";
    check(
        &[("t-p.B.C/v1.proto", text), ("t-p.D/v1.proto", text)],
        &["t-p.D/v1.proto:1:1: the subject of `p.A` in topic `t` is `t-p.A`, not `t-p.D`"],
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
        &[("t-R/v1.avsc", &decimal(12)), ("t-R/v2.avsc", &decimal(4))],
        &["t-R/v2.avsc:2:23: v2 cannot read all of what t-R v1 wrote: DECIMAL_PRECISION_NARROWED at …"],
    );
    let kind = |kind: &str| record(&format!(r#"{{"name": "d", "type": "{kind}"}}"#));
    check(
        &[("t-R/v1.avsc", &kind("bytes")), ("t-R/v2.avsc", &kind("string"))],
        &["t-R/v2.avsc:2:23: v2 cannot read all of what t-R v1 wrote: LOSSY_PROMOTION at /fields/0/type: …"],
    );
    let added = |plain: &str, on: &str, logical: &str, is_refused: bool| {
        let field = |kind: &str| record(&format!(r#"{{"name": "d", "type": {kind}}}"#));
        let said = "t-R/v2.avsc:2:23: v2 cannot read all of what t-R v1 wrote: LOGICAL_TYPE_ADDED at /fields/0/type: The …";
        let logical = format!(r#"{{"type": {on}, "logicalType": {logical}}}"#);
        check(
            &[("t-R/v1.avsc", &field(plain)), ("t-R/v2.avsc", &field(&logical))],
            &[said][..usize::from(is_refused)],
        );
    };
    added("\"string\"", "\"string\"", "\"uuid\"", true);
    added(
        "\"bytes\"",
        "\"bytes\"",
        "\"decimal\", \"precision\": 12, \"scale\": 2",
        true,
    );
    added("\"bytes\"", "\"bytes\"", "\"big-decimal\"", true);
    added("\"int\"", "\"int\"", "\"date\"", true);
    added("\"int\"", "\"int\"", "\"time-millis\"", true);
    added("\"int\"", "\"long\"", "\"time-micros\"", true);
    added("\"int\"", "\"long\"", "\"timestamp-micros\"", true);
    added("\"long\"", "\"long\"", "\"timestamp-micros\"", false);
    added("\"long\"", "\"long\"", "\"local-timestamp-nanos\"", false);
    let fixed = r#"{"type": "fixed", "name": "F", "size": 16}"#;
    added(fixed, r#""fixed", "name": "F", "size": 16"#, "\"uuid\"", false);
    added(
        fixed,
        r#""fixed", "name": "F", "size": 16"#,
        "\"decimal\", \"precision\": 9",
        true,
    );
    check_schema(
        &record(r#"{"name": "r", "type": "R"}"#),
        &["t-R/v1.avsc:1: `R` holds itself without an end, so it has no values"],
    );
}

#[test]
fn a_type_holds_only_so_many_bytes_in_place() {
    let fixed = |name: &str, size: usize| format!(r#"{{"type": "fixed", "name": "{name}", "size": {size}}}"#);
    let field = |name: &str, kind: &str| format!(r#"{{"name": "{name}", "type": {kind}}}"#);
    let fields = |kinds: &[&str]| {
        let names = ["a", "b", "c"].iter().zip(kinds);
        let all: Vec<String> = names.map(|(name, kind)| field(name, kind)).collect();
        record(&all.join(",\n"))
    };
    let said = |place: &str, name: &str| {
        format!(
            "t-R/v1.avsc:{place}: `{name}` holds more than 16384 bytes of `fixed` in place, for which stacks are too small"
        )
    };
    check_schema(&fields(&["\"int\"", &fixed("F", 300_000)]), &[&said("3", "F")]);
    check_schema(&fields(&["\"int\"", &fixed("F", 16_384)]), &[]);
    let half = fixed("F", 8_193);
    check_schema(&fields(&[&half, "\"F\""]), &[&said("1", "R")]);
    let inner = format!(
        r#"{{"type": "record", "name": "S", "fields": [{}]}}"#,
        field("s", "\"F\"")
    );
    check_schema(
        &fields(&[&half, &format!(r#"["null", {inner}]"#)]),
        &[&said("1", "R")],
    );
    let inner = record("").replace("\"R\"", "\"S\"").replace('\n', "");
    let inner = inner.replace(
        "[]",
        r#"[{"name": "s", "type": "F"}, {"name": "t", "type": "F"}, {"name": "r", "type": ["null", "R"]}]"#,
    );
    check_schema(
        &fields(&[&half, "\"F\"", &format!(r#"["null", {inner}]"#)]),
        &[&said("1", "R"), &said("4", "S")],
    );
    // One of both, and what lies elsewhere.
    check_schema(
        &fields(&[&format!(r#"["null", {half}, {}]"#, fixed("G", 8_192))]),
        &[],
    );
    check_schema(
        &fields(&[&half, r#"{"type": "array", "items": "F"}"#, r#"["null", "R"]"#]),
        &[],
    );
}

#[test]
fn an_old_name_is_one_events() {
    let record = |name: &str, more: &str| {
        format!(
            r#"{{"type": "record", "name": "{name}", "fields": [{{"name": "a", "type": "string"}}{more}]}}"#
        )
    };
    let more = r#", {"name": "b", "type": "int"}"#;
    let newest = |aliases: &str| {
        let second = record("k.A", more).replace("\"fields\"", &format!("{aliases}\"fields\""));
        format!("[{}, {second}]", record("n.A", ""))
    };
    let (first, second) = (
        record("m.A", ""),
        record("m.A", &more.replace('}', ", \"default\": 0}")),
    );
    let all = |aliases: &str, expected: &[&str]| {
        check(
            &[
                ("o-value/v1.avsc", &first),
                ("o-value/v2.avsc", &second),
                ("o-value/v3.avsc", &newest(aliases)),
            ],
            expected,
        );
    };
    all(
        "",
        &[
            "o-value/v3.avsc:1:1: `m.A` of older versions is read as `n.A` and as `k.A` in topic `o`; list it among the aliases of one",
        ],
    );
}

#[test]
fn a_name_is_one_events() {
    let record = |name: &str, aliases: &str| {
        format!(
            r#"{{"type": "record", "name": "{name}", "namespace": "n", "aliases": [{aliases}], "fields": []}}"#
        )
    };
    check(
        &[
            ("t-n.A/v1.avsc", &record("A", "\"B\"")),
            ("t-n.B/v1.avsc", &record("B", "")),
        ],
        &[
            "t-n.A/v1.avsc:1:1: `n.B` is an alias of `n.A` and a name of `n.B` in topic `t`; take the alias away",
        ],
    );
    check(
        &[
            (
                "t-R/v1.avsc",
                r#"{"type": "record", "name": "m.R", "fields": []}"#,
            ),
            ("t-R/v2.avsc", r#"{"type": "record", "name": "R", "fields": []}"#),
        ],
        &["t-R/v1.avsc:1:1: the subject of `m.R` in topic `t` is `t-m.R`, not `t-R`"],
    );
}
