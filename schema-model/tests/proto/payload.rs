//! Payload bytes by hand: what walks, what does not and why, and what is read.

use annals_schema_model::{
    Direction, Finding, Value,
    proto::{Reading, Schema, Walk},
};
use serde_json::{Value as Json, json};

use super::{rich, schema};

/// Bytes written as hex with spaces anywhere.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter_map(|character| character.to_digit(16))
        .collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// Checks that a body walks and reads as this JSON, without the fields that are at their default.
#[track_caller]
fn reads(schema: &Schema, body: &str, wanted: Json) {
    let body = hex(body);
    Walk::new(schema)
        .check(&body)
        .unwrap_or_else(|error| panic!("{error}"));
    let value = Reading::of(schema)
        .read(&body)
        .unwrap_or_else(|error| panic!("{error}"));
    let mut json = value.to_json();
    if let Some(fields) = json.as_object_mut() {
        let empty = [
            json!(0),
            json!(0.0),
            json!(false),
            json!(""),
            json!([]),
            json!({}),
            json!("STATUS_NONE"),
        ];
        fields.retain(|_, value| !empty.contains(value));
    }
    assert_eq!(json, wanted);
}

/// Checks that walk and reading refuse a body with the same path and words.
#[track_caller]
fn refuses(schema: &Schema, body: &str, path: &str, words: &str) {
    let body = hex(body);
    let walked = Walk::new(schema).check(&body).expect_err("walks");
    assert_eq!(walked.path, path, "{walked}");
    assert!(walked.message.contains(words), "{walked}");
    let read = Reading::of(schema).read(&body).expect_err("reads");
    assert_eq!((read.path, read.message), (walked.path, walked.message));
}

#[test]
fn proto3_bodies() {
    let order = schema(rich::PROTO3);
    let reads = |body: &str, wanted: Json| reads(&order, body, wanted);
    reads("00", json!({}));
    reads("02 00", json!({}));
    reads("00 08 96 01", json!({"i32": 150}));
    reads("00 08 ff ff ff ff ff ff ff ff ff 01", json!({"i32": -1}));
    reads("00 10 ff ff ff ff ff ff ff ff 7f", json!({"i64": i64::MAX}));
    reads("00 20 ff ff ff ff ff ff ff ff ff 01", json!({"u64": u64::MAX}));
    reads("00 28 03 30 04", json!({"s32": -2, "s64": 2}));
    reads(
        "00 61 00 00 00 00 00 00 f0 3f 68 01",
        json!({"precise": 1.0, "paid": true}),
    );
    reads("00 72 02 6f 6b 7a 01 ff", json!({"name": "ok", "raw": "/w=="}));
    reads("00 80 01 05", json!({"status": "STATUS_DONE"}));
    reads("00 80 01 07", json!({"status": 7}));
    reads("00 f2 01 03 01 96 01 f0 01 02", json!({"numbers": [1, 150, 2]}));
    reads("00 f8 01 01 fa 01 02 02 03", json!({"loose": [-1, 1, -2]}));
    reads("00 82 02 01 61 82 02 01 62", json!({"tags": ["a", "b"]}));
    reads(
        "00 c2 02 05 0a 01 62 10 02 c2 02 03 0a 01 61 c2 02 03 0a 01 62",
        json!({"counts": {"a": 0, "b": 0}}),
    );
    reads(
        "00 ca 02 02 08 07",
        json!({"by_id": {"7": {"sku": "", "cents": 0}}}),
    );
    // The last member of a oneof goes; parts of one message are merged.
    reads("00 92 03 01 63 a0 03 05", json!({"cash": 5}));
    reads(
        "00 9a 03 03 0a 01 61 9a 03 02 10 04",
        json!({"voucher": {"sku": "a", "cents": 2}}),
    );
    reads(
        "00 ea 03 03 0a 01 61 ea 03 02 10 02",
        json!({"line": {"sku": "a", "cents": 1}}),
    );
    // Unknown: a varint, a length, a group with a group.
    reads(
        "00 c8 3e 01 ca 3e 01 ff cb 3e d3 3e d4 3e cc 3e 08 01",
        json!({"i32": 1}),
    );
    // Another message of the schema.
    reads("02 02 0a 01 61", json!({"sku": "a"}));
}

#[test]
fn proto3_refusals() {
    let order = schema(rich::PROTO3);
    let refuses = |body: &str, path: &str, words: &str| refuses(&order, body, path, words);
    refuses("", "", "message indexes");
    refuses("02 04", "", "[2] lead to no message");
    refuses("04 00 00", "", "[0, 0] lead to no message");
    refuses("00 08", "i32", "inside a varint");
    refuses(
        "00 09 01",
        "i32",
        "written as 64-bit where its type is written as varint",
    );
    refuses("00 0a 01 00", "i32", "length-delimited");
    refuses("00 72 05 61", "name", "5 bytes where 1 are left");
    refuses("00 72 01 ff", "name", "not UTF-8");
    refuses("00 f2 01 02 01 80", "numbers[1]", "inside a varint");
    refuses("00 82 02 01 61 82 02 01 ff", "tags[1]", "not UTF-8");
    refuses("00 8a 02 00 8a 02 03 0a 01 ff", "lines[1].sku", "not UTF-8");
    refuses("00 8a 02 05 1a 03 0a 01 ff", "lines[0].next.sku", "not UTF-8");
    refuses("00 c2 02 03 0a 01 ff", "counts.key", "not UTF-8");
    refuses("00 e3 03 e4 03", "parent", "start of a group");
    refuses("00 0c", "", "not open");
    refuses("00 00", "", "number 0");
    refuses("00 cb 3e", "", "inside group 1001");
    let deep = |levels: usize| {
        let mut body: Vec<u8> = Vec::new();
        for _ in 0..levels {
            let mut outer = vec![0x1a];
            let mut length = body.len();
            while length > 0x7f {
                outer.push((length & 0x7f) as u8 | 0x80);
                length >>= 7;
            }
            outer.push(length as u8);
            outer.append(&mut body);
            body = outer;
        }
        [&[2, 2][..], &body].concat()
    };
    assert!(Walk::new(&order).check(&deep(63)).is_ok());
    assert!(Walk::new(&order).check(&deep(64)).is_err());
    assert!(Reading::of(&order).read(&deep(64)).is_err());
}

#[test]
fn proto2_bodies() {
    let order = schema(rich::PROTO2);
    reads(&order, "00 08 05", json!({"id": 5}));
    reads(
        &order,
        "00 08 05 18 01 1a 02 02 03 22 04 01 00 00 00",
        json!({"id": 5, "packed": [1, 2, 3], "loose": [1]}),
    );
    reads(
        &order,
        "00 08 05 2b 08 07 2c 33 0a 01 ff 34 33 34",
        json!({"id": 5, "box": {"size": 7}, "bag": [{"raw": "/w=="}, {}]}),
    );
    // A group in two parts, neither of which is whole.
    reads(
        &order,
        "00 08 05 2b 2c 2b 08 07 2c",
        json!({"id": 5, "box": {"size": 7}}),
    );
    reads(&order, "00 08 05 12 01 ff", json!({"id": 5, "name": "/w=="}));
    reads(&order, "00 08 05 38 03", json!({"id": 5, "kind": "LARGE"}));
    reads(
        &order,
        "00 08 05 42 02 08 01",
        json!({"id": 5, "blobs": {"1": ""}}),
    );
    reads(&order, "02 02 08 01", json!({"whole": true}));
    refuses(&order, "00", "id", "required and missing");
    refuses(&order, "00 08 05 2b 2c", "box.size", "required and missing");
    refuses(
        &order,
        "00 08 05 2b 08 01 12 00 2c",
        "box.inner.id",
        "required and missing",
    );
    refuses(&order, "00 08 05 2b 08 01", "box", "inside group 5");
    refuses(&order, "00 08 05 2b 34", "box", "group 6");
}

#[test]
fn well_known_types() {
    let text = "syntax = 'proto3'; import 'google/protobuf/timestamp.proto'; import 'google/protobuf/wrappers.proto';
        message A { google.protobuf.Timestamp at = 1; google.protobuf.StringValue text = 2;
        repeated google.protobuf.Int64Value numbers = 3; map<string, google.protobuf.Timestamp> times = 4; }";
    let schema = schema(text);
    let reads = |body: &str, wanted: Json| reads(&schema, body, wanted);
    reads(
        "00 0a 06 08 c3 a4 89 e7 05",
        json!({"at": "2019-05-20T07:07:47.000Z"}),
    );
    reads("00 0a 00", json!({"at": "1970-01-01T00:00:00.000Z"}));
    reads(
        "00 0a 05 10 80 ad e2 04",
        json!({"at": "1970-01-01T00:00:00.010Z"}),
    );
    reads("00 0a 03 10 d0 0f", json!({"at": "1970-01-01T00:00:00.000002Z"}));
    reads("00 0a 02 10 01", json!({"at": "1970-01-01T00:00:00.000000001Z"}));
    reads(
        "00 0a 11 08 ff ff ff ff ff ff ff ff ff 01 10 ff 93 eb dc 03",
        json!({"at": "1969-12-31T23:59:59.999999999Z"}),
    );
    // Outside the calendar it stays what was written.
    reads(
        "00 0a 0b 10 ff ff ff ff ff ff ff ff ff 01",
        json!({"at": {"seconds": 0, "nanos": -1}}),
    );
    reads(
        "00 12 03 0a 01 61 1a 00 1a 02 08 07",
        json!({"text": "a", "numbers": [0, 7]}),
    );
    reads(
        "00 22 03 0a 01 61",
        json!({"times": {"a": "1970-01-01T00:00:00.000Z"}}),
    );
}

#[test]
fn a_record_lists_what_is_set_in_declared_order() {
    let schema = schema(
        "syntax = 'proto3'; package p; message A { int32 z = 3; string a = 1; optional int32 o = 2; A child = 4;
         oneof c { int32 x = 5; } repeated int32 r = 6; }",
    );
    let value = Reading::of(&schema).read(&hex("00 10 00")).unwrap();
    let fields = [
        ("z", Value::Int(0)),
        ("a", Value::String(String::new())),
        ("o", Value::Int(0)),
        ("r", Value::Array(vec![])),
    ];
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    assert_eq!(
        value,
        Value::Record {
            name: "p.A".into(),
            fields
        }
    );
}

/// Checks what a reader makes of a writer's body, or the findings that keep it from reading.
#[track_caller]
fn reads_as(writer: &str, reader: &str, body: &str, wanted: Result<Json, &[&str]>) {
    let parse = |body: &str| schema(&format!("syntax = 'proto3'; {body}"));
    match (Reading::new(&parse(writer), &parse(reader)), wanted) {
        (Ok(reading), Ok(wanted)) => assert_eq!(reading.read(&hex(body)).unwrap().to_json(), wanted),
        (Err(findings), Err(wanted)) => {
            let line = |finding: &Finding| format!("{} {}", finding.rule, finding.path);
            assert_eq!(findings.iter().map(line).collect::<Vec<_>>(), wanted);
            assert!(
                findings
                    .iter()
                    .all(|finding| finding.direction == Direction::Backward)
            );
        }
        (result, _) => panic!("{writer} -> {reader}: {result:?}"),
    }
}

#[test]
fn readers_of_other_versions() {
    let check =
        |writer: &str, reader: &str, body: &str, wanted: Json| reads_as(writer, reader, body, Ok(wanted));
    check(
        "message A { int32 a = 1; string b = 2; }",
        "message A { int64 c = 1; string d = 3; }",
        "00 08 07 12 01 61",
        json!({"c": 7, "d": ""}),
    );
    check(
        "package p; message A { int32 a = 1; }",
        "package q; message B {} message A { int32 a = 1; }",
        "00 08 07",
        json!({"a": 7}),
    );
    check(
        "message A { int32 a = 1; }",
        "message A { repeated E a = 1; } enum E { X = 0; }",
        "00 08 00",
        json!({"a": ["X"]}),
    );
    check(
        "message A { B b = 1; } message B { int32 n = 1; }",
        "message A { C b = 1; } message C { int64 n = 1; }",
        "00 0a 02 08 05",
        json!({"b": {"n": 5}}),
    );
    let gone = Reading::new(&schema("message A {}"), &schema("message B {}")).unwrap();
    assert!(
        gone.read(&[0])
            .unwrap_err()
            .message
            .contains("no message named like the writer's A")
    );
    assert_eq!(gone.record_name(), "B");
}

#[test]
fn readers_that_would_misread() {
    let check = |writer: &str, reader: &str, findings: &[&str]| reads_as(writer, reader, "", Err(findings));
    let int32 = "message A { int32 a = 1; }";
    check(
        int32,
        "message A { sint32 a = 1; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1"],
    );
    check(
        "message A { A a = 1; }",
        "message A { bytes a = 1; }",
        &["FIELD_KIND_CHANGED #/A/1"],
    );
    check(
        "message A { repeated int32 a = 1; }",
        int32,
        &["FIELD_NUMERIC_LABEL_CHANGED #/A/1"],
    );
    check(
        "message A { B b = 1; message B { string s = 9; } }",
        "message A { C b = 1; } message C { float s = 9; }",
        &["FIELD_SCALAR_KIND_CHANGED #/C/9"],
    );
}

#[test]
fn values_are_bounded() {
    let fields: String = (1..=5_000)
        .map(|number| format!("int32 f{number} = {number};"))
        .collect();
    let schema = schema(&format!(
        "syntax = 'proto3'; message A {{ repeated B b = 1; }} message B {{ {fields} }}"
    ));
    let body = [&[0][..], &[0x0a, 0].repeat(1_000)].concat();
    refuses_bytes(&schema, &body, "holds more than 2097152 values");
}

#[track_caller]
fn refuses_bytes(schema: &Schema, body: &[u8], words: &str) {
    let walked = Walk::new(schema).check(body).expect_err("walks");
    let read = Reading::of(schema).read(body).expect_err("reads");
    assert!(
        walked.message.contains(words) && read.message.contains(words),
        "{walked} {read}"
    );
}
