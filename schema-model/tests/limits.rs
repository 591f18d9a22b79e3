//! Hostile schemas and payloads: each is refused, or done, quickly and without a deep stack.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "limits/comparing.rs"]
mod comparing;

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

#[test]
fn texts() {
    refuse(&" ".repeat(1024 * 1024 + 1), "longer than 1048576 bytes");
    refuse(&"[".repeat(100_000), "nests deeper than 256 levels");
    let arrays = |depth: usize| {
        format!(
            "{}\"int\"{}",
            r#"{"type":"array","items":"#.repeat(depth),
            "}".repeat(depth)
        )
    };
    avro(&arrays(63));
    refuse(&arrays(64), "nest deeper than 64 levels");
    refuse(
        &format!("[{}]", vec!["\"int\""; 100_001].join(",")),
        "more than 100000 types",
    );
    refuse(
        r#"{"type":"fixed","name":"F","size":16777217}"#,
        "from 0 to 16777216",
    );
    refuse(
        r#"{"type":"fixed","name":"F","size":18446744073709551615}"#,
        "from 0 to 16777216",
    );
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

/// What a text costs at most: generous, for a debug build on a busy machine.
fn in_time<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = std::time::Instant::now();
    let value = run();
    assert!(start.elapsed().as_secs() < 20, "{what}: {:?}", start.elapsed());
    value
}

#[test]
fn large_texts() {
    let check = |what: &str, text: &str, wanted: &str| in_time(what, || refuse(text, wanted));
    let ten = 10 * 1024 * 1024;
    check("10 MB of brackets", &"[".repeat(ten), "longer than 1048576 bytes");
    check(
        "10 MB of blanks in a schema",
        &format!("{{{}\"type\":\"int\"}}", " ".repeat(ten)),
        "longer than 1048576 bytes",
    );
    check("1 MB of digits", &"1".repeat(1024 * 1024), "a schema is");
    check(
        "a long key",
        &format!("{{\"{}\":1", "a".repeat(1024 * 1024 - 5)),
        "the text ends",
    );
    check(
        "comments",
        &format!("{}\"in", "/**/".repeat(200_000)),
        "inside a string",
    );
    // 100,000 fields do not fit a text; as many as do are read, and one twice is found.
    let fields = |count: usize| -> Vec<String> {
        (0..count)
            .map(|index| format!(r#"{{"name":"f{index}","type":"int"}}"#))
            .collect()
    };
    let record = |fields: &[String]| {
        format!(
            r#"{{"type":"record","name":"R","fields":[{}]}}"#,
            fields.join(",")
        )
    };
    check(
        "100,000 fields",
        &record(&fields(100_000)),
        "longer than 1048576 bytes",
    );
    let mut fields = fields(30_000);
    let schema = in_time("30,000 fields", || avro(&record(&fields)));
    let verdict = || compat::check(&schema, &schema, Direction::Backward);
    assert_eq!(in_time("30,000 fields compared", verdict), []);
    fields.push(fields[7].clone());
    check("a field twice", &record(&fields), "has two fields named \"f7\"");
    let entries: Vec<String> = (0..60_000).map(|index| format!("\"k{index}\":1")).collect();
    in_time("60,000 properties", || {
        avro(&format!(r#"{{"type":"int",{}}}"#, entries.join(",")))
    });
    let symbols: Vec<String> = (0..90_000).map(|index| format!("\"s{index}\"")).collect();
    let symbols = symbols.join(",");
    in_time("90,000 symbols", || {
        avro(&format!(r#"{{"type":"enum","name":"E","symbols":[{symbols}]}}"#))
    });
}

#[test]
fn odd_characters_and_numbers() {
    for (text, wanted) in [
        (
            r#"{"type":"enum","name":"E\u0000","symbols":[]}"#,
            "letters, digits and _",
        ),
        (
            r#"{"type":"enum","name":"\u0000","symbols":[]}"#,
            "must begin with a letter",
        ),
        (
            "{\"type\":\"enum\",\"name\":\"E\0\",\"symbols\":[]}",
            "must be escaped",
        ),
        (r#"{"type":"enum","name":"\ud800","symbols":[]}"#, "surrogate"),
        (r#"{"type":"int","doc":"\udc00\ud800"}"#, "surrogate"),
        (r#"{"type":"int","p":"\ud83d\u0041"}"#, "surrogate"),
        (r#"{"type":"int","p":"\ud83d"}"#, "surrogate"),
        ("\u{0}", "expected a JSON value"),
        (r#"{"type":"fixed","name":"F","size":1e3}"#, "from 0 to 16777216"),
        (r#"{"type":"fixed","name":"F","size":-0.0}"#, "from 0 to 16777216"),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":99999999999999999999}]}"#,
            "is no int",
        ),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"R"},{"name":"a","type":"R"}]}"#,
            "two fields",
        ),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":["R","R"]}]}"#,
            "twice",
        ),
    ] {
        refuse(text, wanted);
    }
    // As in Java these are numbers and logical types that do not fit; nothing overflows.
    for text in [
        r#"{"type":"bytes","logicalType":"decimal","precision":99999999999999999999,"scale":1}"#.to_owned(),
        r#"{"type":"bytes","logicalType":"decimal","precision":2147483647,"scale":2147483647}"#.to_owned(),
        r#"{"type":"fixed","name":"F","size":16777216,"logicalType":"decimal","precision":2147483647}"#
            .to_owned(),
        format!(r#"{{"type":"int","p":1e{}}}"#, "9".repeat(1000)),
        format!(r#"{{"type":"int","p":-0.{}1}}"#, "0".repeat(10_000)),
        format!(r#"{{"type":"int","p":{}}}"#, "9".repeat(100_000)),
    ] {
        let schema = in_time("numbers", || avro(&text));
        in_time("numbers printed", || avro(&schema.stored_text()));
    }
    // A record can hold itself and nothing else: a schema, though no data fits it.
    let endless = avro(r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#);
    assert_eq!(compat::check(&endless, &endless, Direction::Backward), []);
    assert!(
        Walk::new(&endless)
            .check(&[])
            .unwrap_err()
            .message
            .contains("deeper than 64")
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
    for (digits, wanted) in [
        (&[0x7f; 513][..], "the decimal has more than 4096 bits"),
        (&[], "a decimal needs at least one byte"),
    ] {
        assert_eq!(read(&decimal, &body(digits)).message, wanted);
    }
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
