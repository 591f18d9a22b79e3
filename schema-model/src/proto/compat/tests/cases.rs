//! The rules' cases: for each a change it names and a change near it that it does not.
//!
//! Texts without `syntax` are proto3.

use crate::proto::rules::{self, Row};

/// Rule, old text, new text with the difference, new text without it.
pub(super) type Case = (&'static Row, &'static str, &'static str, &'static str);

pub(super) static CASES: &[Case] = &[
    (
        &rules::PACKAGE_CHANGED,
        "package a; message M {}",
        "package b; message M {}",
        "package a; message M {}",
    ),
    (
        &rules::MESSAGE_ADDED,
        "message A {}",
        "message A {} message B {}",
        "message A {} enum B { X = 0; }",
    ),
    (
        &rules::MESSAGE_REMOVED,
        "message A { message B {} }",
        "message A {}",
        "message A { message B {} }",
    ),
    (
        &rules::MESSAGE_REMOVED,
        "message A { map<string, int32> m = 1; }",
        "message X {}",
        "message A {}",
    ),
    (
        &rules::MESSAGE_MOVED,
        "message A {} message B {}",
        "message B {} message A {}",
        "message A {} message B {} message C {}",
    ),
    (
        &rules::ENUM_ADDED,
        "message A {}",
        "message A { enum E { X = 0; } }",
        "message A {}",
    ),
    (&rules::ENUM_REMOVED, "enum E { X = 0; }", "", "enum E { Y = 0; }"),
    (
        &rules::ENUM_CONST_ADDED,
        "enum E { X = 0; }",
        "enum E { X = 0; Y = 1; }",
        "enum E { Z = 0; }",
    ),
    (
        &rules::ENUM_CONST_CHANGED,
        "enum E { X = 0; }",
        "enum E { Y = 0; }",
        "enum E { X = 0; Y = 1; }",
    ),
    (
        &rules::ENUM_CONST_REMOVED,
        "enum E { X = 0; Y = 1; }",
        "enum E { X = 0; }",
        "enum E { X = 0; Z = 1; }",
    ),
    (
        &rules::FIELD_ADDED,
        "message A {}",
        "message A { int32 f = 1; }",
        "message A { oneof o { int32 f = 1; } }",
    ),
    (
        &rules::FIELD_REMOVED,
        "message A { int32 f = 1; }",
        "message A {}",
        "message A { string f = 1; }",
    ),
    (
        &rules::FIELD_NAME_CHANGED,
        "message A { int32 f = 1; }",
        "message A { int32 g = 1; }",
        "message A { int32 f = 2; }",
    ),
    (
        &rules::FIELD_KIND_CHANGED,
        "message A { bytes f = 1; } message B {}",
        "message A { B f = 1; } message B {}",
        "message A { string f = 1; } message B {}",
    ),
    (
        &rules::FIELD_KIND_CHANGED,
        "message A { map<string, int32> f = 1; }",
        "message A { repeated A f = 1; }",
        "message A { map<string, int64> f = 1; }",
    ),
    (
        &rules::FIELD_KIND_CHANGED,
        "syntax = 'proto2'; message A { optional group G = 1 {} }",
        "syntax = 'proto2'; message A { optional G g = 1; message G {} }",
        "syntax = 'proto2'; message A { optional group G = 1 { optional int32 n = 1; } }",
    ),
    (
        &rules::FIELD_SCALAR_KIND_CHANGED,
        "message A { int32 f = 1; }",
        "message A { sint32 f = 1; }",
        "message A { bool f = 1; }",
    ),
    (
        &rules::FIELD_SCALAR_KIND_CHANGED,
        "message A { map<string, int32> f = 1; }",
        "message A { map<string, string> f = 1; }",
        "message A { map<string, uint64> f = 1; }",
    ),
    (
        &rules::FIELD_SCALAR_KIND_CHANGED,
        "message A { fixed32 f = 1; }",
        "message A { fixed64 f = 1; }",
        "message A { sfixed32 f = 1; }",
    ),
    (
        &rules::FIELD_SCALAR_KIND_CHANGED,
        "message A { E f = 1; } enum E { X = 0; }",
        "message A { string f = 1; } enum E { X = 0; }",
        "message A { int64 f = 1; } enum E { X = 0; }",
    ),
    (
        &rules::FIELD_NAMED_TYPE_CHANGED,
        "message A { B f = 1; } message B {} message C {}",
        "message A { C f = 1; } message B {} message C {}",
        "message A { .B f = 1; } message B { int32 n = 1; } message C {}",
    ),
    (
        &rules::FIELD_NUMERIC_LABEL_CHANGED,
        "message A { optional int32 f = 1; }",
        "message A { repeated int32 f = 1; }",
        "message A { int32 f = 1; }",
    ),
    (
        &rules::FIELD_UNWRITTEN_LABEL_CHANGED,
        "message A { int32 f = 1; }",
        "message A { repeated int32 f = 1; }",
        "message A { optional int32 f = 1; }",
    ),
    (
        &rules::FIELD_UNWRITTEN_LABEL_CHANGED,
        "syntax = 'proto2'; enum E { X = 0; } message A { oneof o { E f = 1; } }",
        "syntax = 'proto2'; enum E { X = 0; } message A { repeated E f = 1; }",
        "syntax = 'proto2'; enum E { X = 0; } message A { optional E f = 1; }",
    ),
    (
        &rules::FIELD_NUMERIC_LABEL_CHANGED,
        "syntax = 'proto2'; message A { optional int32 f = 1; }",
        "syntax = 'proto2'; message A { required int32 f = 1; }",
        "syntax = 'proto3'; message A { int32 f = 1; }",
    ),
    (
        &rules::FIELD_STRING_OR_BYTES_LABEL_CHANGED,
        "message A { string f = 1; }",
        "message A { repeated bytes f = 1; }",
        "message A { optional string f = 1; }",
    ),
    (
        &rules::REQUIRED_FIELD_ADDED,
        "syntax = 'proto2'; message A {}",
        "syntax = 'proto2'; message A { required int32 f = 1; }",
        "syntax = 'proto2'; message A { optional int32 f = 1; }",
    ),
    (
        &rules::REQUIRED_FIELD_REMOVED,
        "syntax = 'proto2'; message A { required int32 f = 1; }",
        "syntax = 'proto2'; message A {}",
        "syntax = 'proto2'; message A { required int32 g = 1; }",
    ),
    (
        &rules::ONEOF_ADDED,
        "message A { int32 a = 1; }",
        "message A { oneof o { int32 a = 1; } }",
        "message A { optional int32 a = 1; }",
    ),
    (
        &rules::ONEOF_REMOVED,
        "message A { oneof o { int32 a = 1; } }",
        "message A { int32 a = 1; }",
        "message A { oneof o { int32 a = 1; string b = 2; } }",
    ),
    (
        &rules::ONEOF_FIELD_ADDED,
        "message A { oneof o { int32 a = 1; } }",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { oneof o { int32 a = 1; } int32 b = 2; }",
    ),
    (
        &rules::ONEOF_FIELD_REMOVED,
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { oneof p { int32 a = 1; } }",
        "message A { int32 c = 3; }",
    ),
    (
        &rules::ONEOF_FIELD_REMOVED,
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { oneof o { int32 c = 3; } }",
        "message A { oneof p { int32 a = 1; int32 b = 2; } }",
    ),
    (
        &rules::ONEOF_FIELD_MOVED_TO_TOP_LEVEL,
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { oneof o { int32 a = 1; } int32 b = 2; }",
        "message A { oneof p { int32 a = 1; int32 b = 2; } }",
    ),
    (
        &rules::MULTIPLE_FIELDS_MOVED_TO_ONEOF,
        "message A { int32 a = 1; int32 b = 2; }",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { oneof o { int32 a = 1; int32 c = 3; } int32 b = 2; }",
    ),
    (
        &rules::FIELD_MOVED_TO_EXISTING_ONEOF,
        "message A { int32 a = 1; oneof o { int32 b = 2; } }",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { int32 a = 1; oneof o { int32 b = 2; int32 c = 3; } }",
    ),
    (
        &rules::FIELD_MOVED_TO_EXISTING_ONEOF,
        "message A { oneof o { int32 a = 1; } oneof p { int32 b = 2; } }",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { oneof p { int32 a = 1; } oneof o { int32 b = 2; } }",
    ),
];
