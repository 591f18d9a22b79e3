//! The printed form: one text for everything that differs in layout alone, and nothing that differs in more.

use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::prelude::*;

use super::{normal::EVERYTHING, rich, schema, schema_with};

/// Checks that the printed form is a schema that prints as itself, before and after it was compiled, and means the same.
#[track_caller]
fn printed(text: &str) -> String {
    let parsed = schema(text);
    let printed = parsed.printed();
    let again = schema(&printed);
    assert_eq!(again.printed(), printed);
    assert_eq!(again.normalized(), parsed.normalized());
    let compiled = BASE64_STANDARD.encode(parsed.file().encode_to_vec());
    assert_eq!(schema(&compiled).printed(), printed);
    printed
}

#[test]
fn what_differs_in_layout_alone_prints_alike() {
    let check = |left: &str, right: &str, same: bool| {
        assert_eq!(printed(left) == printed(right), same, "{left}\n{right}");
    };
    let same = |left: &str, right: &str| check(left, right, true);
    let differs = |left: &str, right: &str| check(left, right, false);
    let p3 = |body: &str| format!("syntax = 'proto3'; package p; {body}");
    let base = p3("message A { B b = 2; int32 a = 1; } message B {}");
    same(
        "syntax=\"proto3\"; message T { string x=1; }",
        "syntax = 'proto3';\n\nmessage T {\n  string x = 1;\n}\n",
    );
    same(
        &base,
        &p3("// x\nmessage A {\n\n .p.B b = 2; /* y */\n int32 a = 1 ; } ; message B { }"),
    );
    same("message A {}", "syntax = \"proto2\"; message A {}");
    same(
        &p3("option java_package = 'x'; option go_package = 'y'; message A { reserved 4, 2; }"),
        &p3("option go_package = \"y\"; option java_package = 'x'; message A { reserved 4; reserved 2; }"),
    );
    same(
        &p3("message A { int32 a_b = 1 [json_name = 'aB']; }"),
        &p3("message A { int32 a_b = 1; }"),
    );

    differs(&base, &p3("message A { int32 a = 1; B b = 2; } message B {}"));
    differs(&base, &p3("message B {} message A { B b = 2; int32 a = 1; }"));
    differs(&base, &p3("message A { B c = 2; int32 a = 1; } message B {}"));
    differs(
        "import 'google/protobuf/any.proto'; import 'google/protobuf/api.proto';",
        "import 'google/protobuf/api.proto'; import 'google/protobuf/any.proto';",
    );
    differs(
        &p3("message A { reserved 4, 2; }"),
        &p3("message A { reserved 2, 4; }"),
    );
    differs(
        &p3("enum E { X = 0; Y = 1; Z = 2; }"),
        &p3("enum E { X = 0; Z = 2; Y = 1; }"),
    );
    differs(
        &p3("enum E { X = 0; } enum D { Y = 0; }"),
        &p3("enum D { Y = 0; } enum E { X = 0; }"),
    );
    differs(
        &p3("message A { oneof o { int32 a = 2; int32 b = 1; } }"),
        &p3("message A { oneof o { int32 b = 1; int32 a = 2; } }"),
    );
    let service = |body: &str| p3(&format!("message A {{}} service S {{ {body} }}"));
    differs(
        &service("rpc X (A) returns (A); rpc Y (A) returns (A);"),
        &service("rpc Y (A) returns (A); rpc X (A) returns (A);"),
    );
    let ranges = |options: &str| {
        format!(
            "import 'google/protobuf/descriptor.proto'; message A {{ extensions 9, 4 to 6 {options}; extensions 2; }}
            extend google.protobuf.ExtensionRangeOptions {{ optional string owner = 50000; }}"
        )
    };
    same(&ranges(""), &ranges("/* nothing */"));
    differs(&ranges(""), &ranges("[(owner) = 'me']"));
    differs(&ranges("[(owner) = 'me']"), &ranges("[(owner) = 'you']"));
}

#[test]
fn everything_keeps_its_order() {
    printed(EVERYTHING);
    printed(rich::PROTO3);
    printed(rich::PROTO2);
    let text = "syntax = 'proto2'; message A { optional int32 c = 3; oneof o { int32 b = 2; int32 z = 9; } optional int32 a = 1;
        extensions 20 to max; extensions 10; reserved 8, 4 to 6; reserved 'y', 'x'; message C {} message B {} }
        extend A { optional int32 q = 21; } extend A { optional int32 p = 20; }";
    let wanted = "syntax = \"proto2\";\nmessage A {\n  reserved 8, 4 to 6;\n  reserved \"y\", \"x\";\n  extensions 20 to max, 10;\n  \
        optional int32 c = 3;\n  oneof o {\n    int32 b = 2;\n    int32 z = 9;\n  }\n  optional int32 a = 1;\n  \
        message C {\n  }\n  message B {\n  }\n}\nextend .A {\n  optional int32 q = 21;\n  optional int32 p = 20;\n}\n";
    assert_eq!(printed(text), wanted);
}

#[test]
fn imported_types_print_with_their_full_names() {
    let b = [("b.proto", "syntax = 'proto3'; package q; message B {}")];
    let text =
        |name: &str| format!("syntax = 'proto3'; package q; import 'b.proto'; message A {{ {name} b = 1; }}");
    let short = schema_with(&text("B"), &b).printed();
    assert_eq!(short, schema_with(&text(".q.B"), &b).printed());
    assert!(short.contains("  .q.B b = 1;\n"), "{short}");
}

proptest! {
    #[test]
    fn layout_does_not_matter_and_order_does(
        numbers in Just((1u32..12).collect::<Vec<_>>()).prop_shuffle(),
        space in prop::sample::select(vec![" ", "\n", " /* x */ ", " // y\n\t"]),
    ) {
        let text = |numbers: &[u32], space: &str| {
            let field = |number: &u32| format!("repeated{space}int32{space}f{number}{space}={space}{number};{space}");
            format!("syntax = 'proto3'; message{space}A{space}{{{space}{}}}", numbers.iter().map(field).collect::<String>())
        };
        let sorted: Vec<u32> = (1..12).collect();
        prop_assert_eq!(printed(&text(&numbers, space)), printed(&text(&numbers, " ")));
        prop_assert_eq!(printed(&text(&numbers, space)) == printed(&text(&sorted, " ")), numbers == sorted);
    }
}
