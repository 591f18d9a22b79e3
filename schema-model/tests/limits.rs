//! Hostile schemas and payloads: each is refused, or done, quickly and without a deep stack.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "limits/comparing.rs"]
mod comparing;
#[path = "limits/levels.rs"]
mod levels;
#[path = "limits/payloads.rs"]
mod payloads;
#[path = "limits/texts.rs"]
mod texts;

use annals_schema_model::{
    Decimal, Direction, ReadError, Writing,
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
    // The deepest record cannot be filled: a payload nests only so deep.
    for (body, passes) in [([0xfe, 0x07, 2], true), ([0x80, 0x08, 2], false)] {
        assert_eq!(Walk::new(&schema).check(&body).is_ok(), passes);
        assert_eq!(Reading::of(&schema).read(&body).is_ok(), passes);
    }
    let error = Walk::new(&schema).check(&[0xfe, 0x9b, 0x01]).unwrap_err();
    assert!(error.message.contains("records, arrays and maps"), "{error}");
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
    assert_eq!(error.message, "the payload nests deeper than 256 levels");
    let nulls = avro(r#"{"type":"array","items":"null"}"#);
    let error = read(&nulls, &[0x80, 0x89, 0x7a, 0]);
    assert_eq!(
        error.message,
        "more than 65536 items that take no bytes, and 4 for each of the payload's"
    );
    let error = read(
        &nulls,
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0],
    );
    assert_eq!(
        error.message,
        "more than 65536 items that take no bytes, and 4 for each of the payload's"
    );
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
fn defaults_are_counted_over_the_payload() {
    let writer = avro(r#"{"type":"array","items":{"type":"record","name":"I","fields":[]}}"#);
    let read = |reader: &str, items: usize| {
        let reader = avro(reader);
        let mut body = annals_schema_model::avro::wire::Writer::new();
        body.array(&vec![(); items], |_, ()| {});
        let body = body.into_bytes();
        let mut translated = Vec::new();
        let plan = Plan::resolve(&writer, &reader).unwrap();
        let translation = plan.translate(&body, &mut translated);
        let read = Reading::new(&writer, &reader).unwrap().read(&body);
        assert_eq!(translation.clone().err(), read.clone().err());
        if translation.is_ok() {
            assert_eq!(Reading::of(&reader).read(&translated), read);
        }
        read.map(drop).map_err(|error| error.message)
    };
    let nulls = |count: usize| {
        let default = vec!["null"; count].join(",");
        let nulls = r#"{"type":"array","items":"null"}"#;
        format!(
            r#"{{"type":"array","items":{{"type":"record","name":"I","fields":[{{"name":"n","type":{nulls},"default":[{default}]}}]}}}}"#
        )
    };
    let too_many = || {
        Err("in the reader's default of \"n\": more than 65536 items that take no bytes, and 4 for each of the payload's".to_owned())
    };
    assert_eq!(read(&nulls(32_767), 2), Ok(()));
    assert_eq!(read(&nulls(32_767), 3), too_many());
    assert_eq!(read(&nulls(65_535), 1), Ok(()));
    // A default that is a byte or two may be many values.
    let fields: Vec<String> = (0..300)
        .map(|index| format!(r#"{{"name":"f{index}","type":["null","string"],"default":null}}"#))
        .collect();
    let wide = format!(
        r#"{{"type":"array","items":{{"type":"record","name":"I","fields":[{{"name":"w","default":{{}},"type":{{"type":"record","name":"W","fields":[{}]}}}}]}}}}"#,
        fields.join(",")
    );
    assert_eq!(read(&wide, 100), Ok(()));
    assert!(read(&wide, 4_000).unwrap_err().contains("grows beyond"));
}

#[test]
fn a_field_that_is_passed_over_first_is_counted_once() {
    let record = |fields: &str| avro(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#));
    let (a, b) = (
        r#"{"name":"a","type":{"type":"array","items":"null"}}"#,
        r#"{"name":"b","type":"int"}"#,
    );
    let (writer, reader) = (record(&format!("{a},{b}")), record(&format!("{b},{a}")));
    let mut body = annals_schema_model::avro::wire::Writer::new();
    body.array(&[(); 40_000], |_, ()| {});
    body.int(1);
    let body = body.into_bytes();
    Reading::of(&writer).read(&body).unwrap();
    Reading::new(&writer, &reader).unwrap().read(&body).unwrap();
    // What is passed over time and again is counted all the same.
    let list = |fields: &str| {
        avro(&format!(
            r#"{{"type":"array","items":{{"type":"record","name":"R","fields":[{fields}]}}}}"#
        ))
    };
    let c = r#"{"name":"c","type":"int"}"#;
    let (writer, reader) = (list(&format!("{a},{b},{c}")), list(&format!("{c},{b}")));
    let mut body = annals_schema_model::avro::wire::Writer::new();
    body.array(&[(); 1_100], |body, ()| {
        body.array(&[(); 65_536], |_, ()| {});
        body.int(1);
        body.int(1);
    });
    let error = Reading::new(&writer, &reader)
        .unwrap()
        .read(&body.into_bytes())
        .unwrap_err();
    assert!(error.message.contains("fields in another order"), "{error}");
}

#[test]
fn json_does_not_grow_without_end() {
    let write = |kind: &str, default: &str, items: usize| {
        let field = format!(r#"{{"name":"f","type":{kind},"default":{default}}}"#);
        let text = format!(r#"{{"type":"array","items":{{"type":"record","name":"R","fields":[{field}]}}}}"#);
        let schema = annals_schema_model::Schema::Avro(avro(&text));
        let json = format!("[{}]", vec!["{}"; items].join(","));
        Writing::of(&schema).write(&json)
    };
    let text = format!("\"{}\"", "x".repeat(500_000));
    assert!(write("\"string\"", &text, 100).is_ok());
    let error = write("\"string\"", &text, 200).unwrap_err();
    assert_eq!(error.path, "[134].f");
    assert!(error.message.contains("grows beyond"), "{error}");
    let nulls = format!("[{}]", vec!["null"; 100_000].join(","));
    let error = write(r#"{"type":"array","items":"null"}"#, &nulls, 20).unwrap_err();
    assert!(error.message.contains("more than 1000000 values"), "{error}");
}

#[test]
fn long_names_are_not_copied_for_ever() {
    let name = "n".repeat(200_000);
    let field = format!(r#"{{"type":"record","name":"R","fields":[{{"name":"{name}","type":"null"}}]}}"#);
    let record = format!(r#"{{"type":"record","name":"{name}","fields":[]}}"#);
    let symbol = format!(r#"{{"type":"enum","name":"E","symbols":["{name}"]}}"#);
    for item in [field, record, symbol] {
        let schema = avro(&format!(r#"{{"type":"array","items":{item}}}"#));
        let read = |items: usize| {
            let mut body = annals_schema_model::avro::wire::Writer::new();
            // An item is a byte, or none.
            body.array(&vec![(); items], |body, ()| {
                if item.contains("enum") {
                    body.enum_index(0);
                }
            });
            let body = body.into_bytes();
            let read = Reading::of(&schema).read(&body);
            let passed = Walk::new(&schema).check(&body);
            let told = read.as_ref().map(drop).map_err(|error| error.message.clone());
            assert_eq!(passed.map_err(|error| error.message), told, "the guard");
            read
        };
        assert!(read(100).is_ok());
        assert!(
            read(1_000)
                .unwrap_err()
                .message
                .contains("names of fields and symbols")
        );
    }
}

/// A tree of records, each with these fields as well, whose leaves lead back to the top.
fn tree(levels: usize, name: &str, fields: &str) -> String {
    let below = |side: &str| match levels {
        1 => "\"T\"".to_owned(),
        _ => tree(levels - 1, &format!("{name}{side}"), fields),
    };
    let (left, right) = (below("l"), below("r"));
    format!(
        r#"{{"type":"record","name":"{name}","fields":[{fields}{{"name":"l","type":["null",{left}]}},{{"name":"r","type":["null",{right}]}}]}}"#
    )
}

#[test]
fn a_plan_has_a_default_once_and_a_largest_size() {
    let default = "x".repeat(60_000);
    let field = format!(r#"{{"name":"d","type":"string","default":"{default}"}},"#);
    let (writer, reader) = (avro(&tree(11, "T", "")), avro(&tree(4, "T", &field)));
    // Eight thousand pairs of records, each with a default of 60 kB.
    let plan = Plan::lenient(&writer, &reader);
    let mut out = Vec::new();
    plan.translate(&[2, 0, 2, 0, 0, 0], &mut out).unwrap();
    assert_eq!(out.len(), 3 * 60_003 + 6);
    // Some hundred thousand pairs.
    let (writer, reader) = (avro(&tree(13, "T", "")), avro(&tree(12, "T", "")));
    let error = Plan::lenient(&writer, &reader)
        .translate(&[2, 0, 0, 0], &mut out)
        .unwrap_err();
    assert!(error.message.contains("no plan holds"), "{error}");
}

/// What a plan refuses it says, by names that may be long: the sentences are a part of its size.
#[test]
fn sentences_of_a_plan_count() {
    let namespace = "n".repeat(20_000);
    let record = |name: &str, fields: &[String]| {
        let fields = fields.join(",");
        format!(r#"{{"type":"record","name":"{name}","fields":[{fields}]}}"#)
    };
    let field = |index: usize, kind: &str| format!(r#"{{"name":"f{index}","type":{kind}}}"#);
    let all = |fields: &[String]| {
        let all = record("All", fields);
        avro(&all.replacen('{', &format!(r#"{{"namespace":"{namespace}","#), 1))
    };
    // Each of the writer's records beside each of the reader's, which has a field more.
    let (writers, readers) = (80, 30);
    let defined: Vec<String> = (0..writers)
        .map(|index| record(&format!("E{index}"), &[]))
        .collect();
    let named: Vec<String> = (0..writers).map(|index| format!(r#""E{index}""#)).collect();
    let written: Vec<String> = (0..readers)
        .map(|index| {
            let branches = if index == 0 { &defined } else { &named };
            field(index, &format!("[{}]", branches.join(",")))
        })
        .collect();
    let read: Vec<String> = (0..readers)
        .map(|index| field(index, &record(&format!("T{index}"), &[field(0, r#""int""#)])))
        .collect();
    let plan = Plan::lenient(&all(&written), &all(&read));
    let body = vec![0; readers];
    let error = plan.translate(&body, &mut Vec::new()).unwrap_err();
    assert!(
        error.message.contains("no plan holds"),
        "{}",
        &error.message[..80]
    );
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
fn what_is_read_is_what_the_writer_wrote() {
    // An int is no larger in a reader that has a long, and text is text where bytes are read.
    let long = wire_long(1 << 35);
    for (writer, reader, body) in [
        ("int", "long", &long[..]),
        ("int", "float", &long),
        ("int", "double", &long),
        ("string", "bytes", &[2, 0xff]),
    ] {
        let [writer, reader] = [writer, reader].map(|name| avro(&format!("\"{name}\"")));
        let refused = Walk::new(&writer).check(body).unwrap_err().message;
        let reading = Reading::new(&writer, &reader).unwrap();
        assert_eq!(reading.read(body).unwrap_err().message, refused);
        let plan = Plan::resolve(&writer, &reader).unwrap();
        assert_eq!(
            plan.translate(body, &mut Vec::new()).unwrap_err().message,
            refused
        );
    }
}

fn wire_long(value: i64) -> Vec<u8> {
    let mut writer = annals_schema_model::avro::wire::Writer::new();
    writer.long(value);
    writer.into_bytes()
}

#[test]
fn what_does_not_read_is_named_also_where_it_takes_no_byte() {
    let check = |writer: &str, reader: &str, body: &[u8], path: &str, wanted: &str| {
        let [writer, reader] = [writer, reader]
            .map(|fields| avro(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)));
        let error = Plan::lenient(&writer, &reader)
            .translate(body, &mut Vec::new())
            .unwrap_err();
        assert_eq!(error.path, path, "{error}");
        assert!(error.message.contains(wanted), "{error}");
    };
    let [a_int, a_null, b_int, z_int] = [("a", "int"), ("a", "null"), ("b", "int"), ("z", "int")]
        .map(|(name, kind)| format!(r#"{{"name":"{name}","type":"{kind}"}}"#));
    let within = |name: &str, fields: &str| {
        format!(r#"{{"name":"{name}","type":{{"type":"record","name":"I","fields":[{fields}]}}}}"#)
    };
    // The record, and not its first field, which begins where it does.
    check(&a_int, &z_int, &[2], "", "field \"z\" is missing");
    let [writer, reader] = [&a_int, &z_int].map(|fields| within("item", fields));
    check(&writer, &reader, &[2], "item", "field \"z\" is missing");
    let [writer, reader] = [&writer, &reader].map(|fields| format!("{b_int},{fields}"));
    check(&writer, &reader, &[2, 2], "item", "field \"z\" is missing");
    // The null, and not what comes behind it.
    let [writer, reader] = [&a_null, &a_int].map(|field| format!("{field},{b_int}"));
    check(&writer, &reader, &[2], "a", "found null, the reader expects int");
    // The items of an array.
    let nulls = r#"{"name":"a","type":{"type":"array","items":"null"}}"#;
    let ints = r#"{"name":"a","type":{"type":"array","items":"int"}}"#;
    check(nulls, ints, &[4, 0], "a[0]", "found null, the reader expects int");
    // A default is no value of the writer's, whatever comes next.
    let default = vec!["null"; 65_545].join(",");
    let default = format!(r#"{{"name":"d","type":{{"type":"array","items":"null"}},"default":[{default}]}}"#);
    check(
        &b_int,
        &format!("{default},{b_int}"),
        &[2],
        "",
        "in the reader's default of \"d\": more than",
    );
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
