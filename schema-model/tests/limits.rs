//! Hostile schemas and payloads: each is refused, or done, quickly and without a deep stack.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "limits/comparing.rs"]
mod comparing;
#[path = "limits/texts.rs"]
mod texts;

use annals_schema_model::{
    Decimal, Direction, ReadError,
    avro::{Plan, Reading, Schema, Walk, compat},
};

fn avro(text: &str) -> Schema {
    Schema::parse(text, &[]).unwrap_or_else(|error| panic!("{error}\n{}", &text[..text.len().min(200)]))
}

fn refuse(text: &str, wanted: &str) {
    let error = Schema::parse(text, &[]).unwrap_err();
    assert!(error.message.contains(wanted), "{error}");
}

/// Records `R0`…, each with a field of the next; the last has an int.
fn chain(length: usize, forward: bool) -> String {
    chain_of(length, forward, "int")
}

fn chain_of(length: usize, forward: bool, last: &str) -> String {
    let mut records: Vec<String> = (0..length)
        .map(|index| {
            let next = if index + 1 == length {
                last.to_owned()
            } else {
                format!("R{}", index + 1)
            };
            format!(r#"{{"type":"record","name":"R{index}","fields":[{{"name":"f","type":"{next}"}}]}}"#)
        })
        .collect();
    if !forward {
        records.reverse();
    }
    format!("[{}]", records.join(","))
}

#[test]
fn chains_of_names_do_not_need_a_deep_stack() {
    // Printed, a chain of forward references would nest as deep as it is long.
    refuse(&chain(100, true), "once names are replaced by their definitions");
    avro(&chain(40, true));
    // Backward, each name is known when it is met: nothing nests, but comparing still follows the chain.
    let schema = avro(&chain(10_000, false));
    assert_eq!(compat::check(&schema, &schema, Direction::Backward), []);
    assert!(Plan::resolve(&schema, &schema).is_ok());
    // The deepest record cannot be filled: a payload nests 64 levels at most.
    let error = Walk::new(&schema).check(&[0xfe, 0x9b, 0x01]).unwrap_err();
    assert!(
        error.message.contains("does not exist") || error.message.contains("deeper"),
        "{error}"
    );
}

/// A ring of records, each with a link to the next.
fn ring(length: usize) -> String {
    let record = |index: usize| {
        let next = (index + 1) % length;
        format!(
            r#"{{"type":"record","name":"N","namespace":"r{index}","fields":[{{"name":"n","type":["null","r{next}.N"]}}]}}"#
        )
    };
    let inner = (1..length).rev().map(record).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"type":"record","name":"Top","fields":[{{"name":"all","type":[{inner},{}]}}]}}"#,
        record(0)
    )
}

#[test]
fn rings_of_different_length_are_compared_in_bounded_time() {
    let (one, other) = (avro(&ring(20)), avro(&ring(21)));
    assert_eq!(compat::check(&one, &other, Direction::Backward), []);
    assert!(Plan::resolve(&other, &one).is_ok());
}

#[test]
fn twelve_records_that_all_hold_each_other() {
    let fields: Vec<String> = (0..12)
        .map(|index| format!(r#"{{"name":"f{index}","type":["null","R{index}"]}}"#))
        .collect();
    let records = |extra: &str| {
        let records: Vec<String> = (0..12)
            .map(|index| {
                format!(
                    r#"{{"type":"record","name":"R{index}","fields":[{}{extra}]}}"#,
                    fields.join(",")
                )
            })
            .collect();
        format!("[{}]", records.join(","))
    };
    let old = avro(&records(""));
    let new = avro(&records(r#",{"name":"g","type":"int"}"#));
    let findings = compat::check(&new, &old, Direction::Backward);
    assert_eq!(findings.len(), 12, "one for each branch of the union");
    assert_eq!(compat::check(&old, &new, Direction::Backward), []);
    assert!(Plan::resolve(&new, &old).is_ok());
}

#[test]
fn defaults_do_not_explode() {
    // Each record's default is empty and filled from two fields of the next: 2^40 values.
    let record = |index: usize| {
        let next = index + 1;
        format!(
            r#"{{"type":"record","name":"R{index}","fields":[{{"name":"a","type":"R{next}","default":{{}}}},{{"name":"b","type":"R{next}","default":{{}}}}]}}"#
        )
    };
    let mut records =
        vec![r#"{"type":"record","name":"R40","fields":[{"name":"x","type":"int","default":0}]}"#.to_owned()];
    records.extend((0..40).rev().map(record));
    refuse(&format!("[{}]", records.join(",")), "too large");
    refuse(
        r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R","default":{}}]}"#,
        "deeper than 64",
    );
}

fn read(schema: &Schema, body: &[u8]) -> ReadError {
    let error = Reading::of(schema).read(body).unwrap_err();
    assert_eq!(Walk::new(schema).check(body).unwrap_err().message, error.message);
    error
}

#[test]
fn payloads() {
    let list = avro(r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#);
    let error = read(&list, &[2; 400]);
    assert_eq!(error.message, "the payload nests deeper than 64 levels");
    let nulls = avro(r#"{"type":"array","items":"null"}"#);
    let error = read(&nulls, &[0x80, 0x89, 0x7a, 0]);
    assert_eq!(error.message, "more than 65536 items that take no bytes");
    let error = read(
        &nulls,
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0],
    );
    assert_eq!(error.message, "more than 65536 items that take no bytes");
    let strings = avro(r#"{"type":"array","items":"string"}"#);
    assert!(
        read(&strings, &[2, 0xfe, 0xff, 0xff, 0xff, 0x0f])
            .message
            .contains("the payload has only 0 bytes left")
    );
}

#[test]
fn translations_are_bounded() {
    let writer = avro(r#"{"type":"array","items":{"type":"record","name":"R","fields":[]}}"#);
    let default = "x".repeat(10_000);
    let reader = avro(&format!(
        r#"{{"type":"array","items":{{"type":"record","name":"R","fields":[{{"name":"f","type":"string","default":"{default}"}}]}}}}"#
    ));
    let plan = Plan::resolve(&writer, &reader).unwrap();
    let mut out = Vec::new();
    // 65,536 empty records would become 655 MB.
    let error = plan.translate(&[0x80, 0x80, 0x08, 0], &mut out).unwrap_err();
    assert!(error.message.contains("grows beyond"), "{error}");
    assert!(out.is_empty());
    // The other way the items lose their bytes, and still read.
    let reading = Reading::new(&reader, &writer).unwrap();
    let items = 70_000usize;
    let mut writer = annals_schema_model::avro::wire::Writer::new();
    writer.array(&vec![(); items], |writer, ()| writer.string(""));
    let value = reading.read(&writer.into_bytes()).unwrap();
    assert!(matches!(value, annals_schema_model::Value::Array(read) if read.len() == items));
}

#[test]
fn decimals_of_any_sensible_size_are_read() {
    let body = |digits: &[u8]| {
        let mut writer = annals_schema_model::avro::wire::Writer::new();
        writer.bytes(digits);
        writer.into_bytes()
    };
    let exact = |schema: &Schema, body: &[u8], wanted: &str| {
        Walk::new(schema).check(body).unwrap();
        let value = Reading::of(schema).read(body).unwrap();
        assert_eq!(value.to_json(), serde_json::json!(wanted));
    };
    let decimal = avro(r#"{"type":"bytes","logicalType":"decimal","precision":60,"scale":40}"#);
    let wide: Decimal = "-12345678901234567890.0123456789012345678901234567890123456789"
        .parse()
        .unwrap();
    exact(&decimal, &body(&wide.to_be_bytes()), &wide.to_string());
    exact(&decimal, &body(&[1]), &format!("0.{}1", "0".repeat(39)));
    let fixed =
        avro(r#"{"type":"fixed","name":"F","size":26,"logicalType":"decimal","precision":60,"scale":40}"#);
    let mut writer = annals_schema_model::avro::wire::Writer::new();
    writer.decimal_fixed(wide.clone(), 26, 40).unwrap();
    exact(&fixed, &writer.into_bytes(), &wide.to_string());
    let big = avro(r#"{"type":"bytes","logicalType":"big-decimal"}"#);
    exact(
        &big,
        &body(&[&[34][..], &[1; 17], &[80]].concat()),
        "0.0341616807575530379006368233343265341697",
    );
    exact(
        &big,
        &body(&[&[34][..], &[1; 17], &[3]].concat()),
        "34161680757553037900636823334326534169700",
    );
    let digits = [0x7f; 513];
    assert_eq!(
        read(&decimal, &body(&digits)).message,
        "the decimal has more than 4096 bits"
    );
    exact(&decimal, &body(&[]), &format!("0.{}", "0".repeat(40)));
    let tiny = avro(r#"{"type":"bytes","logicalType":"decimal","precision":2000,"scale":1001}"#);
    assert_eq!(
        read(&tiny, &body(&[1])).message,
        "the decimal has more than 1000 fraction digits"
    );
    for scale in [&[0xd2, 0x0f][..], &[0xff, 0xff, 0xff, 0xff, 0x0f]] {
        let wide = [&[2, 1][..], scale].concat();
        assert!(
            read(&big, &body(&wide))
                .message
                .contains("4096 bits or 1000 fraction digits")
        );
    }
    // What the reader has no field for is passed over, whatever its size.
    let wide = avro(
        r#"{"type":"record","name":"R","fields":[{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":60}}]}"#,
    );
    let none = avro(r#"{"type":"record","name":"R","fields":[]}"#);
    Reading::new(&wide, &none)
        .unwrap()
        .read(&body(&[1; 600]))
        .unwrap();
}

#[test]
fn what_would_be_misread_is_not_read() {
    let check = |writer: &str, reader: &str, body: &[u8], code: &str, wanted: &str| {
        let (writer, reader) = (avro(writer), avro(reader));
        assert_eq!(compat::check(&reader, &writer, Direction::Backward), []);
        let findings = Reading::new(&writer, &reader).unwrap_err();
        assert_eq!(findings[0].rule.code(), code);
        let error = Plan::lenient(&writer, &reader)
            .translate(body, &mut Vec::new())
            .unwrap_err();
        assert!(error.message.contains(wanted), "{error}");
    };
    let decimal = |scale: u32| {
        format!(
            r#"["null",{{"type":"array","items":{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}}}]"#
        )
    };
    check(
        &decimal(2),
        &decimal(4),
        &[2, 2, 2, 7, 0],
        "DECIMAL_SCALE_CHANGED",
        "the writer's decimal has the scale 2, the reader's has 4",
    );
    check(
        r#"{"type":"int","logicalType":"date"}"#,
        r#"{"type":"long","logicalType":"timestamp-millis"}"#,
        &[2],
        "LOGICAL_TYPE_CHANGED",
        "the writer's bytes mean date, the reader takes them for timestamp-millis",
    );
}
