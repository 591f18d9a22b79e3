//! Custom options nobody defined: kept and let through, unless the `strict` policy is asked.

use annals_schema_model::{
    Direction, Policy, SchemaType,
    proto::{Schema, compat},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{resolved, schema, schema_with};

const UNDEFINED: &str = "syntax = 'proto3'; package shop;
option (top) = 'x';
message A {
  option (acme.audit).level = HIGH;
  reserved 9;
  int32 a = 1 [(check.field).int32 = { gt: 0, in: [1, 2] name: 'it\\'s' }, deprecated = true];
  oneof o { option (one) = -5; int32 b = 2 [(.far.away) = 1.5]; }
  enum E { option (e) = true; X = 0 [(v) = -1e999]; }
  message B { option (b) = 'é\\377'; }
}
service S { option (s) = 1; rpc R (A) returns (A) { option (http) = { get: '/v1' }; } }
";

#[test]
fn they_are_kept_in_every_form() {
    let parsed = schema(UNDEFINED);
    for text in [parsed.printed(), parsed.normalized()] {
        let again = schema(&text);
        assert_eq!(again.printed(), parsed.printed());
        assert_eq!(again.normalized(), parsed.normalized());
        for option in [
            "\noption (top) = \"x\";",
            "  option (acme.audit).level = HIGH;",
            "(check.field).int32 = { gt : 0 , in : [ 1 , 2 ] name : \"it\\'s\" }, deprecated = true]",
            "    option (one) = -5;",
            " [(.far.away) = 1.5]",
            "    option (e) = true;",
            "X = 0 [(v) = -1e999]",
            "option (b) = \"é\\377\";",
            "  option (s) = 1;",
            "    option (http) = { get : \"/v1\" };",
        ] {
            assert!(text.contains(option), "{option}\n{text}");
        }
    }
    let plain = parsed.without_extensions();
    assert!(!plain.contains('(') || !plain.contains("(check"), "{plain}");
    assert_eq!(schema(&plain).check_options(), Ok(()));
    // They are part of what a schema says.
    let other = UNDEFINED.replace("gt: 0", "gt: 1");
    assert_ne!(schema(&other).printed(), parsed.printed());
    let other = UNDEFINED.replace("gt: 0", "gt:\t0");
    assert_eq!(schema(&other).printed(), parsed.printed());
}

#[test]
fn strict_refuses_them() {
    let parse = |text: &str| annals_schema_model::Schema::parse(SchemaType::Protobuf, text, &[]).unwrap();
    for policy in [Policy::Confluent, Policy::Wire] {
        assert_eq!(parse(UNDEFINED).check_new(policy), Ok(()));
    }
    let check = |text: &str, words: &str, place: (u32, u32)| {
        let error = parse(text).check_new(Policy::Strict).unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert_eq!((error.line, error.column), place, "{error}");
    };
    check(
        UNDEFINED,
        "the option (top) is defined neither here nor in an import",
        (2, 1),
    );
    let (_, rest) = UNDEFINED.split_once("option (top) = 'x';").unwrap();
    check(
        &format!("syntax = 'proto3'; {rest}"),
        "(acme.audit).level",
        (3, 3),
    );
    check("message A { optional int32 a = 1 [(x) = 1]; }", "(x)", (1, 35));
    assert_eq!(parse(super::rich::PROTO3).check_new(Policy::Strict), Ok(()));
    let defined = "import 'confluent/meta.proto'; message A { optional int32 a = 1 [(confluent.field_meta).doc = 'd']; }";
    assert_eq!(parse(defined).check_new(Policy::Strict), Ok(()));
}

#[test]
fn the_file_that_defines_options_is_judged_as_any_other() {
    let text = |java_package: &str, rest: &str| {
        format!(
            "syntax = 'proto2'; package google.protobuf; option java_package = {rest}; option owner = 'us';
            message FileOptions {{ optional {java_package} java_package = 1; optional string owner = 60; extensions 1000 to max; }}
            message FieldOptions {{ optional bool packed = 2; optional int32 weight = 61; }}
            message Numbers {{ repeated int32 all = 1 [packed = true, weight = 5]; }}
            enum Twice {{ option allow_alias = true; A = 0; B = 0; }}"
        )
    };
    // Its options are its own; that the one built in has a string here is no matter.
    let changed = schema(&text("int32", "5"));
    assert!(
        changed
            .printed()
            .contains("option java_package = 5;\noption owner = \"us\";"),
        "{}",
        changed.printed()
    );
    assert!(
        changed.printed().contains("[packed = true, weight = 5]"),
        "{}",
        changed.printed()
    );
    assert_eq!(schema(&changed.printed()).printed(), changed.printed());
    assert_eq!(changed.check_options(), Ok(()));
    let findings = compat::check(&changed, &schema(&text("string", "'x'")), Direction::Backward);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].rule.code(), "FIELD_SCALAR_KIND_CHANGED");
    assert_eq!(findings[0].path, "#/FileOptions/1");
    // The one everybody has compiles, too.
    let pool = prost_reflect::DescriptorPool::global();
    let built_in = pool.get_file_by_name("google/protobuf/descriptor.proto").unwrap();
    let sent = BASE64_STANDARD.encode(built_in.encode_to_vec());
    assert_eq!(
        schema(&sent).record_name().as_deref(),
        Some("google.protobuf.FileDescriptorSet")
    );
}

#[test]
fn options_are_held_to_the_definitions_that_are_imported() {
    const OPTIONS: &str = "google/protobuf/descriptor.proto";
    let text = |import: &str, options: &str| {
        format!(
            "syntax = 'proto3'; import '{import}'; {options}
            message A {{ repeated int32 a = 1 [packed = true, weight = 5]; }}"
        )
    };
    // What everybody has under the number 1 is a string.
    for (kind, right, wrong) in [("string", "\"x\"", "5"), ("int32", "5", "'x'")] {
        let own = format!(
            "syntax = 'proto2'; package google.protobuf;
            message FileOptions {{ optional {kind} java_package = 1; optional string owner = 60; }}
            message FieldOptions {{ optional bool packed = 2; optional int32 weight = 61; }}"
        );
        let all = format!("import public '{OPTIONS}';");
        let given = [(OPTIONS, own.as_str()), ("all.proto", &all)];
        for import in [OPTIONS, "all.proto"] {
            let options = format!("option java_package = {right}; option owner = \"us\";");
            let parsed = schema_with(&text(import, &options), &given);
            let printed = parsed.printed();
            for option in [
                options.replace("; ", ";\n").as_str(),
                "[packed = true, weight = 5]",
            ] {
                assert!(printed.contains(option), "{kind}: {option}\n{printed}");
            }
            assert_eq!(schema_with(&printed, &given).printed(), printed);
            assert_eq!(parsed.check_options(), Ok(()));
            for (option, words) in [
                (format!("java_package = {wrong}"), "java_package"),
                ("owner = 5".to_owned(), "owner"),
                ("java_multiple_files = true".to_owned(), "java_multiple_files"),
            ] {
                let text = text(import, &format!("option {option};"));
                let error = Schema::parse(&text, &resolved(&given)).unwrap_err();
                assert!(error.message.contains(words), "{kind}: {option}: {error}");
            }
        }
    }
    let error = Schema::parse(&text(OPTIONS, "option owner = 'us';"), &[]).unwrap_err();
    assert!(error.message.contains("owner"), "{error}");
}

#[test]
fn only_options_may_lack_their_definition() {
    let fails = |text: &str, references: &[(&str, &str)], words: &str| {
        let error = Schema::parse(text, &resolved(references)).unwrap_err();
        assert!(error.message.contains(words), "{text}\n{error}");
    };
    fails(
        "import 'acme/options.proto'; message A { option (acme.x) = 1; }",
        &[],
        "neither built in nor a reference",
    );
    fails("message A { optional Gone a = 1 [(x) = 1]; }", &[], "Gone");
    fails(
        "message A { option (x) = 1; } extend Gone { optional int32 y = 1; }",
        &[],
        "Gone",
    );
    // What is defined is held to its definition.
    let acme = [(
        "acme.proto",
        "package acme; import 'google/protobuf/descriptor.proto';
        extend google.protobuf.MessageOptions { optional int32 size = 50000; } message Size {}",
    )];
    let with = |option: &str| format!("import 'acme.proto'; message A {{ option {option}; }}");
    schema_with(&with("(acme.size) = 1"), &acme);
    fails(&with("(acme.size) = 'x'"), &acme, "size");
    fails(&with("(acme.size).of = 1"), &acme, "size");
    fails(&with("(acme.Size) = 1"), &acme, "Size");
    fails(&with("unheard_of = 1"), &acme, "unheard_of");
    fails(
        "message A { optional int32 a = 1 [(acme.size = 1]; }",
        &[],
        "expected",
    );
    // A definition that is there but not imported is a mistake, too.
    let through = [acme[0], ("b.proto", "import 'acme.proto';")];
    fails(
        "import 'b.proto'; message A { option (acme.size) = 1; }",
        &through,
        "size",
    );
    // A file may be imported that has such options.
    let b = [(
        "b.proto",
        "syntax = 'proto3'; message B { option (x) = 1; int32 b = 1 [(y) = 2]; }",
    )];
    schema_with("syntax = 'proto3'; import 'b.proto'; message A { B b = 1; }", &b);
}
