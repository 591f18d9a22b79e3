//! The normal form: one text for everything that means the same.

use proptest::prelude::*;

use super::{rich, schema, schema_with};

/// Checks that the normal form is a schema with the same normal form and fingerprint, and gives it back.
#[track_caller]
fn normal(text: &str) -> String {
    let parsed = schema(text);
    let normalized = parsed.normalized();
    let again = schema(&normalized);
    assert_eq!(again.normalized(), normalized);
    assert_eq!(again.fingerprint(), parsed.fingerprint());
    normalized
}

#[test]
fn everything_prints() {
    assert_eq!(normal(EVERYTHING), EVERYTHING_NORMAL);
}

#[test]
fn what_means_the_same_is_the_same() {
    let check = |left: &str, right: &str, same: bool| {
        assert_eq!(normal(left) == normal(right), same, "{left}\n{right}");
        assert_eq!(schema(left).fingerprint() == schema(right).fingerprint(), same);
    };
    let same = |left: &str, right: &str| check(left, right, true);
    let differs = |left: &str, right: &str| check(left, right, false);
    let p3 = |body: &str| format!("syntax = 'proto3'; package p; {body}");
    let base = p3("message A { int32 a = 1; B b = 2; } message B {}");
    same(
        &base,
        &p3("/* x */ message A {\n\n .p.B b = 2; // y\n int32 a = 1; } message B { }"),
    );
    same("message A {}", "syntax = \"proto2\"; message A {}");
    same(
        "import 'google/protobuf/any.proto'; import 'google/protobuf/api.proto'; message A {}",
        "import 'google/protobuf/api.proto'; import 'google/protobuf/any.proto'; message A {}",
    );
    same(
        &p3("option java_package = 'x'; option go_package = 'y'; message A { reserved 4, 2; }"),
        &p3("option go_package = 'y'; option java_package = 'x'; message A { reserved 2; reserved 4; }"),
    );
    same(
        &p3("enum E { X = 0; Y = 1; Z = 2; }"),
        &p3("enum E { X = 0; Z = 2; Y = 1; }"),
    );
    same(
        &p3("enum E { X = 0; } enum D { Y = 0; }"),
        &p3("enum D { Y = 0; } enum E { X = 0; }"),
    );
    same(
        &p3("message A { int32 a_b = 1 [json_name = 'aB']; }"),
        &p3("message A { int32 a_b = 1; }"),
    );

    differs(&base, &p3("message A { int64 a = 1; B b = 2; } message B {}"));
    differs(
        &base,
        &p3("message A { optional int32 a = 1; B b = 2; } message B {}"),
    );
    // Message indexes count messages in their order.
    differs(&base, &p3("message B {} message A { int32 a = 1; B b = 2; }"));
    // The first value is a proto2 enum's default.
    differs("enum E { X = 0; Y = 1; }", "enum E { Y = 1; X = 0; }");
    differs(
        &p3("message A { int32 a_b = 1 [json_name = 'x']; }"),
        &p3("message A { int32 a_b = 1; }"),
    );
}

#[test]
fn imported_types_keep_their_full_names() {
    let b = "syntax = 'proto3'; package q; message B {}";
    let parsed = schema_with(
        "syntax = 'proto3'; import 'b.proto'; message A { q.B b = 1; }",
        &[("b.proto", b)],
    );
    assert!(parsed.normalized().contains("  .q.B b = 1;\n"));
}

#[test]
fn rich_schemas_are_their_own_normal_form() {
    normal(rich::PROTO3);
    normal(rich::PROTO2);
}

#[test]
fn extensions_and_custom_options_can_be_left_out() {
    let text = "syntax = 'proto2'; import 'confluent/meta.proto';
        option java_package = 'x'; option (confluent.file_meta).doc = 'd';
        message A { option deprecated = true; option (confluent.message_meta).doc = 'd'; extensions 100 to 200;
          optional int32 n = 1 [deprecated = true, (confluent.field_meta).doc = 'd'];
          map<int32, int32> m = 2 [(confluent.field_meta).doc = 'd']; extend A { optional group G = 101 {} } }
        enum E { option (confluent.enum_meta).doc = 'd'; X = 0 [(confluent.enum_value_meta).doc = 'd']; }
        extend A { optional int32 x = 100; }";
    let plain = "syntax = \"proto2\";\nimport \"confluent/meta.proto\";\noption java_package = \"x\";\n\
        message A {\n  option deprecated = true;\n  optional int32 n = 1 [deprecated = true];\n  map<int32, int32> m = 2;\n}\n\
        enum E {\n  X = 0;\n}\n";
    assert_eq!(schema(text).without_extensions(), plain);
    assert_eq!(schema(plain).without_extensions(), normal(plain));
    assert_ne!(normal(text), plain);
}

proptest! {
    #[test]
    fn layout_and_field_order_do_not_matter(
        numbers in Just((1u32..12).collect::<Vec<_>>()).prop_shuffle(),
        space in prop::sample::select(vec![" ", "\n", " /* x */ ", " // y\n\t"]),
    ) {
        let text = |numbers: &[u32], space: &str| {
            let field = |number: &u32| format!("repeated{space}int32{space}f{number}{space}={space}{number};{space}");
            format!("syntax = 'proto3'; message{space}A{space}{{{space}{}}}", numbers.iter().map(field).collect::<String>())
        };
        let sorted: Vec<u32> = (1..12).collect();
        prop_assert_eq!(schema(&text(&numbers, space)).fingerprint(), schema(&text(&sorted, " ")).fingerprint());
    }
}

pub(crate) const EVERYTHING: &str = r#"// a comment
syntax = "proto2";  package shop;
import "google/protobuf/timestamp.proto";
import public "confluent/meta.proto";
import "google/protobuf/descriptor.proto";
option java_package = "com.shop"; option (confluent.file_meta) = { tags: ["b", "a"], params { key: "z" value: "1" } params { key: "a" } };
option (top).child.text = "deep\n\"quote\" é";
message Order {
  optional bytes raw = 9 [default = "a\"\377\n"];
  optional string name = 8 [default = 'it\'s', json_name = "label", deprecated = true];
  required int64 id = 1;
  oneof pay { Card card = 7; uint32 cash = 5 [json_name = "cash"]; }
  map<string, .google.protobuf.Timestamp> times = 3;
  optional double ratio = 10 [default = -inf]; optional float small = 11 [default = 1e-30];
  repeated Kind kinds = 2 [packed = true];
  optional Kind kind = 12 [default = SMALL];
  optional group Box = 13 { optional int32 size = 1; }
  message Card { enum Brand { B = 2; A = 0; C = 1; } reserved 8; reserved "y", "x"; reserved 1 to 3; }
  extensions 100 to 199, 300 to max;
  extend Order { optional int32 later = 150; }
}
enum Kind { option allow_alias = true; LARGE = 3; SMALL = 1; TINY = 1; reserved 9 to 11, 20 to max; }
message Top { optional Top child = 1; optional string text = 2; }
extend google.protobuf.FileOptions { optional Top top = 50000; }
service Shop { rpc Put (Order) returns (stream Order) { option deprecated = true; } rpc Get (Order) returns (Order); }
"#;

const EVERYTHING_NORMAL: &str = r#"syntax = "proto2";
package shop;
import public "confluent/meta.proto";
import "google/protobuf/descriptor.proto";
import "google/protobuf/timestamp.proto";
option (.confluent.file_meta) = { params: { key: "a" value: "" } params: { key: "z" value: "1" } tags: "b" tags: "a" };
option (.shop.top) = { child: { text: "deep\n\"quote\" é" } };
option java_package = "com.shop";
message Order {
  extensions 100 to 199, 300 to max;
  required int64 id = 1;
  repeated .shop.Kind kinds = 2 [packed = true];
  map<string, .google.protobuf.Timestamp> times = 3;
  oneof pay {
    uint32 cash = 5;
    .shop.Order.Card card = 7;
  }
  optional string name = 8 [default = "it's", json_name = "label", deprecated = true];
  optional bytes raw = 9 [default = "a\"\377\n"];
  optional double ratio = 10 [default = -inf];
  optional float small = 11 [default = 1e-30];
  optional .shop.Kind kind = 12 [default = SMALL];
  optional group Box = 13 {
    optional int32 size = 1;
  }
  message Card {
    reserved 1 to 3, 8;
    reserved "x", "y";
    enum Brand {
      B = 2;
      A = 0;
      C = 1;
    }
  }
  extend .shop.Order {
    optional int32 later = 150;
  }
}
message Top {
  optional .shop.Top child = 1;
  optional string text = 2;
}
enum Kind {
  option allow_alias = true;
  reserved 9 to 11, 20 to max;
  LARGE = 3;
  SMALL = 1;
  TINY = 1;
}
extend .google.protobuf.FileOptions {
  optional .shop.Top top = 50000;
}
service Shop {
  rpc Get (.shop.Order) returns (.shop.Order);
  rpc Put (.shop.Order) returns (stream .shop.Order) {
    option deprecated = true;
  }
}
"#;
