//! Each sentence of Confluent's documentation and of the comparison of registries: a change, and its findings.

/// Old and new text, and the codes.
pub(super) type Entry = (&'static str, &'static str, &'static [&'static str]);

/// Whole files.
pub(super) const WHOLE: &[Entry] = &[
    (
        "package a; message A {}",
        "package b; message A {}",
        &["PACKAGE_CHANGED"],
    ),
    ("enum E { X = 0; Y = 1; }", "enum E { X = 0; }", &[]),
    ("message A {} message B {}", "message A {}", &["MESSAGE_REMOVED"]),
    (
        "message A {} service S { rpc X(A) returns (A); }",
        "message A {} service S {}",
        &[],
    ),
    ("message A {} message B {}", "message B {} message A {}", &[]),
    ("message A { message C {} }", "message A {}", &["MESSAGE_REMOVED"]),
    (
        "message A {}",
        "message A { message C {} } message B {} enum E { X = 0; }",
        &[],
    ),
    (
        "syntax = 'proto2'; message A { optional int32 n = 1; }",
        "message A { int32 n = 1; }",
        &[],
    ),
    (
        "enum E { X = 0; }",
        "enum E { option allow_alias = true; Y = 0; X = 0; }",
        &[],
    ),
];

/// Within `message A { … } message B {}` of a proto3 file.
pub(super) const IN_PROTO3: &[Entry] = &[
    ("int32 n = 1;", "", &[]),
    ("map<string, int32> m = 1;", "", &[]),
    ("int32 n = 1;", "int32 m = 1;", &[]),
    ("int32 n = 1;", "int32 n = 2;", &[]),
    ("int32 n = 1;", "int64 n = 1;", &[]),
    ("int32 n = 1;", "optional int32 n = 1;", &[]),
    ("optional int32 n = 1;", "int32 n = 1;", &[]),
    ("int32 n = 1;", "repeated int32 n = 1;", &[]),
    ("repeated int32 n = 1;", "int32 n = 1;", &[]),
    ("repeated bool n = 1;", "oneof o { bool n = 1; }", &[]),
    (
        "optional int32 n = 1;",
        "repeated int32 n = 1;",
        &["FIELD_NUMERIC_LABEL_CHANGED"],
    ),
    (
        "repeated int32 n = 1;",
        "optional int32 n = 1;",
        &["FIELD_NUMERIC_LABEL_CHANGED"],
    ),
    ("A n = 1;", "B n = 1;", &["FIELD_NAMED_TYPE_CHANGED"]),
    (
        "int32 a = 1; oneof o { int32 b = 2; }",
        "oneof o { int32 a = 1; int32 b = 2; }",
        &["FIELD_MOVED_TO_EXISTING_ONEOF"],
    ),
    (
        "oneof o { int32 a = 1; int32 b = 2; }",
        "oneof o { int32 a = 1; } int32 b = 2;",
        &[],
    ),
    ("bytes n = 1;", "B n = 1;", &["FIELD_KIND_CHANGED"]),
    (
        "map<string, B> n = 1;",
        "repeated B n = 1;",
        &["FIELD_KIND_CHANGED"],
    ),
    (
        "map<string, int32> n = 1;",
        "map<int32, int32> n = 1;",
        &["FIELD_SCALAR_KIND_CHANGED"],
    ),
    (
        "map<string, A> n = 1;",
        "map<string, B> n = 1;",
        &["FIELD_NAMED_TYPE_CHANGED"],
    ),
    ("oneof o { int32 a = 1; int32 b = 2; }", "", &[]),
    (
        "oneof o { int32 a = 1; int32 b = 2; }",
        "oneof o { int32 a = 1; }",
        &["ONEOF_FIELD_REMOVED"],
    ),
    (
        "oneof o { int32 a = 1; int32 b = 2; }",
        "oneof p { int32 a = 1; }",
        &["ONEOF_FIELD_REMOVED"],
    ),
    (
        "oneof o { int32 a = 1; int32 b = 2; }",
        "oneof p { int32 a = 1; int32 b = 2; }",
        &[],
    ),
    (
        "oneof o { int32 a = 1; int32 b = 2; }",
        "int32 a = 1; int32 b = 2;",
        &[],
    ),
    ("int32 a = 1;", "oneof o { int32 a = 1; }", &[]),
    ("int32 a = 1;", "oneof o { int32 a = 1; int32 b = 2; }", &[]),
    (
        "int32 a = 1; int32 b = 2;",
        "oneof o { int32 a = 1; int32 b = 2; }",
        &["MULTIPLE_FIELDS_MOVED_TO_ONEOF"],
    ),
    (
        "oneof o { int32 a = 1; string c = 3; }",
        "oneof p { string a = 1; string c = 3; }",
        &["FIELD_SCALAR_KIND_CHANGED"],
    ),
    ("reserved 5; reserved 'x';", "int32 x = 5;", &[]),
    (
        "int32 n = 1;",
        "int32 n = 1 [json_name = 'x', deprecated = true];",
        &[],
    ),
];

/// The same in a proto2 file.
pub(super) const IN_PROTO2: &[Entry] = &[
    ("optional string n = 1;", "required string n = 1;", &[]),
    ("", "required string n = 1;", &["REQUIRED_FIELD_ADDED"]),
    ("required string n = 1;", "", &["REQUIRED_FIELD_REMOVED"]),
    (
        "optional int32 n = 1 [default = 1];",
        "optional int32 n = 1 [default = 2];",
        &[],
    ),
    ("extensions 5 to 9; extend A { optional int32 x = 5; }", "", &[]),
];
