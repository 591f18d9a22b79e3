//! Texts to schemas: errors and their places, references, message indexes, limits.

use annals_schema_model::proto::{Schema, TEXT_BYTES_MAX};
use proptest::prelude::*;

use super::{resolved, rich, schema, schema_with};

/// Checks that a text fails with these words at this line and column.
#[track_caller]
fn fails(text: &str, references: &[(&str, &str)], words: &str, place: (u32, u32)) {
    match Schema::parse(text, &resolved(references)) {
        Ok(_) => panic!("parses: {text}"),
        Err(error) => {
            assert!(error.message.contains(words), "{error}");
            assert_eq!((error.line, error.column), place, "{error}");
        }
    }
}

#[test]
fn errors_say_what_and_where() {
    fails("message A {\n  optional Strin a = 1;\n}", &[], "Strin", (2, 12));
    fails(
        "syntax = 'proto3';\nmessage A {\n  string é = 1;",
        &[],
        "invalid token",
        (3, 10),
    );
    fails(
        "syntax = 'proto3'; message A { int32 a = 1; int32 b = 1; }",
        &[],
        "number '1'",
        (1, 55),
    );
    fails(
        "syntax = 'proto3'; message A {} message A {}",
        &[],
        "'A'",
        (1, 41),
    );
    fails("syntax = 'proto3';\nmessage A {\n", &[], "end of file", (2, 12));
    fails("syntax = 'proto3'; enum E { A = 1; }", &[], "must be 0", (1, 33));
    fails("syntax = 'proto4'; message A {}", &[], "proto4", (1, 10));
    fails(
        "edition = '2023'; message A {}",
        &[],
        "editions are not supported",
        (1, 1),
    );
    fails("package a; package b;", &[], "multiple package", (1, 12));
    fails(
        "syntax = 'proto3'; message A { reserved 1; int32 a = 1; }",
        &[],
        "reserved",
        (1, 54),
    );
    fails(
        "syntax = 'proto3'; message A { int32 a = 1 [deprecated = 7]; }",
        &[],
        "deprecated",
        (1, 45),
    );
    fails("{\"type\":\"record\"}", &[], "expected", (1, 1));
}

#[test]
fn imports_come_from_references_and_from_within() {
    let uses = "syntax = 'proto3';\nimport 'b.proto';\nmessage A { p.B b = 1; }";
    let b = "syntax = 'proto3'; package p; import 'c.proto'; message B { C c = 1; }";
    let c = "syntax = 'proto3'; package p; message C {}";
    assert_eq!(
        schema_with(uses, &[("c.proto", c), ("b.proto", b)])
            .file()
            .dependencies()
            .len(),
        1
    );
    // References nobody imports do not matter, not even broken ones.
    schema_with(uses, &[("b.proto", b), ("c.proto", c), ("d.proto", "no schema")]);

    fails(
        uses,
        &[],
        "\"b.proto\" is neither built in nor a reference",
        (2, 1),
    );
    fails(
        uses,
        &[("b.proto", b)],
        "\"c.proto\" is neither built in nor a reference",
        (2, 1),
    );
    fails(
        uses,
        &[("b.proto", "syntax = 'proto3';\n oops")],
        "\"b.proto\", line 2, column 2",
        (2, 1),
    );
    fails(
        uses,
        &[("b.proto", "syntax = 'proto3'; message B { X x = 1; }")],
        "in the import \"b.proto\"",
        (2, 1),
    );
    fails(
        uses,
        &[("b.proto", b), ("c.proto", "import 'b.proto';")],
        "imports itself",
        (2, 1),
    );
    fails(
        "import 'b.proto';\nimport 'b.proto';",
        &[("b.proto", c)],
        "listed twice",
        (2, 1),
    );
    fails("import '<schema>';", &[], "imports itself", (1, 1));
    // What is built on the shape of a well-known type rests on it.
    let fake = "syntax = 'proto3'; package google.protobuf; message Timestamp { string at = 1; }";
    let text = "syntax = 'proto3'; import 'google/protobuf/timestamp.proto'; message A { google.protobuf.Timestamp t = 1; }";
    let used = schema_with(text, &[("google/protobuf/timestamp.proto", fake)]);
    let pool = used.file().parent_pool();
    let built_in = pool.get_message_by_name("google.protobuf.Timestamp").unwrap();
    assert!(built_in.get_field_by_name("seconds").is_some());
}

#[test]
fn options_are_messages_in_messages() {
    let rules = "syntax = 'proto3'; package check; import 'google/protobuf/descriptor.proto';
        message Rules { repeated Rule cel = 1; bool required = 2; oneof type { Text text = 3; Whole whole = 4; Many many = 5; }
          map<string, Rules> keyed = 6; }
        message Rule { string id = 1; string expression = 2; }
        message Text { uint64 min_len = 1; optional string pattern = 2; repeated string in = 3; }
        message Whole { oneof least { sint64 gt = 1; sint64 gte = 2; } }
        message Many { Rules items = 1; }
        extend google.protobuf.FieldOptions { Rules field = 1159; }
        extend google.protobuf.MessageOptions { Rules message = 1159; }";
    let text = "syntax = 'proto3'; import 'check/rules.proto'; message Order {
        option (check.message).cel = { id: 'a', expression: 'this.total > 0' ' && true' };
        option (check.message).cel = { id: \"b\"; expression: 'x' };
        string id = 1 [(check.field).required = true, (check.field).text = { min_len: 1, pattern: '^[a-z]+$', in: ['x', \"y\"] }];
        repeated int64 totals = 2 [(check.field).many.items.whole.gte = -5, json_name = 'sums'];
        string note = 3 [(.check.field) = { keyed { key: 'k' value { text < in: 'a' in: 'b' > } } keyed: [{ key: 'l' }] }];
      }";
    let schema = schema_with(text, &[("check/rules.proto", rules)]);
    let normal = schema.normalized();
    for part in [
        "(.check.field) = { required: true text: { min_len: 1 pattern: \"^[a-z]+$\" in: \"x\" in: \"y\" } }",
        "(.check.field) = { many: { items: { whole: { gte: -5 } } } }",
        "expression: \"this.total > 0 && true\"",
    ] {
        assert!(normal.contains(part), "{normal}");
    }
    assert_eq!(
        schema_with(&normal, &[("check/rules.proto", rules)]).normalized(),
        normal
    );
}

#[test]
fn long_import_chains_and_limits() {
    let chain: Vec<(String, String)> = (0..900)
        .map(|index| {
            (
                format!("f{index}.proto"),
                format!("syntax = 'proto3'; import 'f{}.proto';", index + 1),
            )
        })
        .chain([("f900.proto".to_owned(), "syntax = 'proto3';".to_owned())])
        .collect();
    let chain: Vec<(&str, &str)> = chain
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    schema_with("import 'f0.proto';", &chain);

    fails(
        &" ".repeat(TEXT_BYTES_MAX + 1),
        &[],
        "at most 1048576",
        (1, 1_048_577),
    );
    fails(
        &format!("message A {{ {} }}", "message A {".repeat(100)),
        &[],
        "nests deeper",
        (1, 716),
    );
    let option = format!("option (a){} = 1;", ".b".repeat(100));
    fails(&option, &[], "more than 64 parts", (1, 137));
    let long = "a".repeat(990);
    schema(&format!("package {long}; message A {{}}"));
    fails(
        &format!("package {long};\nmessage B {{}}\nmessage LongestName {{}}"),
        &[],
        "more than 1000 bytes",
        (3, 1),
    );
    let text = "import 'google/protobuf/descriptor.proto'; message T { optional T t = 1; }
        extend google.protobuf.FileOptions { optional T top = 50000; } option (top) = ";
    fails(
        &format!("{text}{{ {} }};", "t {".repeat(80)),
        &[],
        "nests deeper",
        (2, 280),
    );
    schema(&format!("{text}{{ {} {} }};", "t {".repeat(60), "}".repeat(60)));
}

#[test]
fn names_texts_and_message_indexes() {
    let text =
        "syntax = 'proto3'; package p; // kept\nenum E { X = 0; }\nmessage A { map<string, int32> m = 1;
        message B { message C {} } message D {} }\nmessage F {}";
    let schema = schema(text);
    assert_eq!(schema.text(), text);
    assert_eq!(schema.stored_text(), text);
    assert_eq!(schema.record_name().as_deref(), Some("p.A"));
    let name = |indexes: &[i32]| {
        schema
            .message(indexes)
            .map(|message| message.full_name().to_owned())
    };
    let check =
        |indexes: &[i32], wanted: Option<&str>| assert_eq!(name(indexes).as_deref(), wanted, "{indexes:?}");
    check(&[0], Some("p.A"));
    check(&[1], Some("p.F"));
    check(&[0, 0], Some("p.A.B"));
    check(&[0, 0, 0], Some("p.A.B.C"));
    check(&[0, 1], Some("p.A.D"));
    check(&[0, 2], None);
    check(&[2], None);
    check(&[-1], None);
    check(&[], None);
    assert_eq!(
        super::schema("syntax = 'proto3'; enum E { X = 0; }").record_name(),
        None
    );
}

#[test]
fn a_megabyte_of_options_compiles_in_time() {
    let field = |number: u32| format!("int32 f{number}={number}[deprecated=true];\n");
    let fields: String = (1..19_000).chain(20_000..29_500).map(field).collect();
    let text = format!("syntax = 'proto3'; message A {{\n{fields}}}");
    assert!(
        (TEXT_BYTES_MAX - 100_000..TEXT_BYTES_MAX).contains(&text.len()),
        "{}",
        text.len()
    );
    assert_eq!(
        schema(&text).message(&[0]).map(|message| message.fields().len()),
        Some(28_499)
    );
}

proptest! {
    #[test]
    fn broken_texts_never_panic(at in 0usize..2_000, length in 0usize..40, patch in "[ -~\\n]{0,12}") {
        for text in [rich::PROTO3, rich::PROTO2] {
            let start = at.min(text.len());
            let end = (start + length).min(text.len());
            let _ = Schema::parse(&format!("{}{patch}{}", &text[..start], &text[end..]), &[]);
        }
    }

    #[test]
    fn random_texts_never_panic(words in proptest::collection::vec(
        prop::sample::select(vec![
            "message", "A", "{", "}", "oneof", "=", "1", ";", "int32", "map", "<", ">", ",", "string", "[", "]",
            "option", "(", ")", ".", "'", "\"", "reserved", "to", "max", "enum", "extend", "group", "optional",
            "-1", "service", "rpc", "returns", "stream", "default", "import", "/*", "*/", "//", "\n", "0x1", "1e9",
        ]),
        0..60,
    )) {
        let _ = Schema::parse(&words.join(" "), &[]);
    }
}
