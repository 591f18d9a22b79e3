//! Avro payloads case by case: error paths, values of logical types, resolution that is easy to get wrong.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use annals_schema_model::{
    Direction, Policy, Resolved, SchemaType,
    avro::{Plan, Reading, Schema, Walk, compat},
};

fn avro(text: &str) -> Schema {
    Schema::parse(text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","namespace":"shop","fields":[{fields}]}}"#)
}

#[test]
fn parse_errors_name_the_place() {
    let check = |text: &str, line: u32, column: u32, wanted: &str| {
        let error = Schema::parse(text, &[]).unwrap_err();
        assert_eq!(
            (error.line, error.column, error.message.as_str()),
            (line, column, wanted),
            "{text}"
        );
    };
    check(
        "{\n  \"type\": \"record\",\n  \"name\": \"R\",\n  \"fields\": [ { \"name\": \"a\", \"type\": \"Foo\" } ]\n}",
        4,
        38,
        "the type \"Foo\" is not defined here nor in the references",
    );
    check(
        r#"{"type":"record","name":"1","fields":[]}"#,
        1,
        25,
        "the name \"1\" must begin with a letter or _, not with \"1\"",
    );
    check(
        &record(r#"{"name":"a","type":"int","default":"x"}"#),
        1,
        93,
        "the default of field \"a\" does not fit its type: \"x\" is no int",
    );
    check(
        &record(r#"{"name":"a","type":"int"},{"name":"a","type":"int"}"#),
        1,
        84,
        "record shop.R has two fields named \"a\"",
    );
    check(r#"["int","int"]"#, 1, 1, "the union has the branch \"int\" twice");
    check(
        "5",
        1,
        1,
        "a schema is a type name, an object with a \"type\", or an array of schemas (a union)",
    );
    let error = Schema::parse(
        "\"A\"",
        &[Resolved {
            name: "a".into(),
            text: "{".into(),
        }],
    )
    .unwrap_err();
    assert_eq!(
        error.message,
        "reference \"a\": the text ends where a key in double quotes is expected (line 1, column 2)"
    );
}

#[test]
fn new_schemas_have_the_specifications_names() {
    let parse = |text: &str, references: &[Resolved]| {
        annals_schema_model::Schema::parse(SchemaType::Avro, text, references).unwrap()
    };
    let check = |text: &str, line: u32, column: u32, wanted: &str| {
        // It can be read, be it stored already or imported.
        for policy in Policy::ALL {
            let error = parse(text, &[]).check_new(policy).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
            assert!(error.message.starts_with(wanted), "{text}: {error}");
        }
    };
    check(
        r#"{"type":"record","name":"xé","fields":[]}"#,
        1,
        1,
        "the name \"xé\" may only hold",
    );
    check(
        r#"["null",{"type":"enum","name":"a.ä.E","symbols":[]}]"#,
        1,
        9,
        "the name \"a.ä.E\"",
    );
    check(
        r#"{"type":"fixed","name":"F","namespace":"größe","size":1}"#,
        1,
        1,
        "the name \"größe.F\"",
    );
    check(
        r#"{"type":"fixed","name":"F","aliases":["ok","名前"],"size":1}"#,
        1,
        1,
        "an alias \"名前\"",
    );
    check(
        r#"{"type":"enum","name":"E","symbols":["A","Ä"]}"#,
        1,
        1,
        "a symbol \"Ä\"",
    );
    check(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[\n {\"name\":\"a\",\"type\":\"int\"},\n {\"name\":\"äx\",\"type\":\"int\"}]}",
        3,
        2,
        "the field name \"äx\" may only hold the letters A to Z and a to z, digits and _, not \"ä\"",
    );
    check(
        r#"{"type":"record","name":"R","fields":[{"name":"a٣","type":"int"}]}"#,
        1,
        39,
        "the field name",
    );
    // A field that had such a name may still be read by its alias, and so may one in a reference. Of a type's alias the
    // last part alone is looked at, and it may be that of a primitive type.
    for good in [
        &*record(r#"{"name":"x","type":"long","aliases":["äx", "1 x", ""]},{"name":"_1","type":"int"}"#),
        r#"{"type":"fixed","name":"F","aliases":["1.b","é.b","a..b",".b","int"],"size":1}"#,
    ] {
        assert_eq!(parse(good, &[]).check_new(Policy::Confluent), Ok(()), "{good}");
    }
    let old = Resolved {
        name: "xé".into(),
        text: r#"{"type":"record","name":"xé","fields":[]}"#.into(),
    };
    assert_eq!(
        parse(&record(r#"{"name":"x","type":"xé"}"#), &[old]).check_new(Policy::Strict),
        Ok(())
    );
}

#[test]
fn references_know_each_other() {
    let resolved = |name: &str, text: &str| Resolved {
        name: name.into(),
        text: text.into(),
    };
    let references = [
        resolved(
            "shop.Money",
            r#"{"type":"record","name":"shop.Money","fields":[{"name":"cents","type":"long"}]}"#,
        ),
        resolved(
            "shop.Item",
            r#"{"type":"record","name":"shop.Item","fields":[{"name":"price","type":"Money"}]}"#,
        ),
    ];
    let text = record(
        r#"{"name":"items","type":{"type":"array","items":"Item"}},{"name":"total","type":"shop.Money"}"#,
    );
    let schema = Schema::parse(&text, &references).unwrap();
    assert_eq!(schema.record_name().as_deref(), Some("shop.R"));
    assert!(
        schema.stored_text().contains(r#""items":"Item""#)
            && schema.stored_text().contains(r#""type":"Money""#)
    );
    let value = Reading::of(&schema).read(&[2, 4, 0, 6]).unwrap();
    assert_eq!(
        value.to_json().to_string(),
        r#"{"items":[{"price":{"cents":2}}],"total":{"cents":3}}"#
    );
    // A finding inside a reference points at the field that leads there.
    let other = r#"{"type":"record","name":"shop.Money","fields":[{"name":"cents","type":"string"}]}"#;
    let old = Schema::parse(&text, &[resolved("m", other), references[1].clone()]).unwrap();
    let findings = compat::check(&schema, &old, Direction::Backward);
    assert_eq!(
        findings[0].path,
        "/fields/0/type/items/fields/0/type/fields/0/type"
    );
    let span = findings[0].span.unwrap();
    assert!(span.of(&text).contains(r#""items""#) && !span.of(&text).contains("total"));
}

#[test]
fn errors_name_the_field() {
    let schema = avro(&record(
        r#"{"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[
            {"name":"sku","type":"string"},{"name":"paid","type":["null","boolean"]}]}}},
           {"name":"extra","type":{"type":"map","values":"int"}}"#,
    ));
    let check = |body: &[u8], wanted: &str| {
        assert_eq!(Walk::new(&schema).check(body).unwrap_err().to_string(), wanted);
        assert_eq!(Reading::of(&schema).read(body).unwrap_err().to_string(), wanted);
    };
    check(
        &[2, 0, 2, 2, 0, 0],
        "items[0].paid: a boolean is the byte 2, it can only be 0 or 1",
    );
    check(
        &[4, 0, 0, 0, 4],
        "items[1].paid: union branch 2 does not exist, the schema has 2",
    );
    check(
        &[0, 2, 2, b'k'],
        "extra[\"k\"]: an int is cut off: the payload ends at byte 4",
    );
    check(
        &[2, 2, 0xff, 0],
        "items[0].sku: a string is not UTF-8: byte 0 of its 1",
    );
    check(
        &[0, 0, 0],
        "1 bytes are left over after the value's end at byte 2",
    );
    check(&[], "items: a block count is cut off: the payload ends at byte 0");
}

#[test]
fn logical_types_become_values() {
    let check = |schema: &str, body: &[u8], wanted: &str| {
        let value = Reading::of(&avro(schema)).read(body).unwrap();
        assert_eq!(value.to_json().to_string(), wanted, "{schema}");
    };
    check(
        r#"{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}"#,
        &[2, 5],
        "\"0.05\"",
    );
    check(
        r#"{"type":"fixed","name":"F","size":3,"logicalType":"decimal","precision":6,"scale":2}"#,
        &[255, 255, 254],
        "\"-0.02\"",
    );
    check(
        r#"{"type":"bytes","logicalType":"big-decimal"}"#,
        &[6, 2, 15, 2],
        "\"1.5\"",
    );
    check(r#"{"type":"int","logicalType":"date"}"#, &[2], "\"1970-01-02\"");
    check(
        r#"{"type":"int","logicalType":"time-millis"}"#,
        &[2],
        "\"00:00:00.001000\"",
    );
    check(
        r#"{"type":"long","logicalType":"timestamp-millis"}"#,
        &[1],
        "\"1969-12-31T23:59:59.999Z\"",
    );
    check(
        r#"{"type":"long","logicalType":"timestamp-micros"}"#,
        &[2],
        "\"1970-01-01T00:00:00.000001Z\"",
    );
    check(
        r#"{"type":"long","logicalType":"timestamp-nanos"}"#,
        &[2],
        "\"1970-01-01T00:00:00.000000001Z\"",
    );
    check(
        r#"{"type":"long","logicalType":"local-timestamp-millis"}"#,
        &[2],
        "\"1970-01-01T00:00:00.001\"",
    );
    check(
        r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#,
        &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0],
        "\"P1M2DT0.003S\"",
    );
    check(
        r#"{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}"#,
        &[0x11; 16],
        "\"11111111-1111-1111-1111-111111111111\"",
    );
    // A UUID in another spelling stays as it is; a logical type that does not fit is none.
    check(
        r#"{"type":"string","logicalType":"uuid"}"#,
        &[4, b'A', b'b'],
        "\"Ab\"",
    );
    check(r#"{"type":"string","logicalType":"date"}"#, &[2, b'x'], "\"x\"");
}

/// Translates a writer's body and shows it as the reader's JSON.
fn resolve(writer: &str, reader: &str, body: &[u8]) -> String {
    let (writer, reader) = (avro(writer), avro(reader));
    match Reading::new(&writer, &reader) {
        Ok(reading) => reading
            .read(body)
            .map_or_else(|error| error.to_string(), |value| value.to_json().to_string()),
        Err(findings) => findings[0].rule.to_string(),
    }
}

#[test]
fn resolution() {
    let check = |writer: &str, reader: &str, body: &[u8], wanted: &str| {
        assert_eq!(resolve(writer, reader, body), wanted, "{writer} -> {reader}");
    };
    // Reordered, dropped, defaulted, renamed by alias.
    check(
        &record(
            r#"{"name":"a","type":"int"},{"name":"gone","type":{"type":"array","items":"string"}},{"name":"b","type":"string"}"#,
        ),
        &record(
            r#"{"name":"c","type":"string","aliases":["b"]},{"name":"n","type":"long","default":7},{"name":"a","type":"double"}"#,
        ),
        &[6, 2, 2, b'x', 0, 2, b'y'],
        r#"{"a":3.0,"c":"y","n":7}"#,
    );
    // Two branches of the same shape: the written one counts, not the first that fits.
    let two = r#"[{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"x","type":"int"}]}]"#;
    let value = Reading::of(&avro(two)).read(&[2, 4]).unwrap();
    assert!(matches!(value, annals_schema_model::Value::Record { name, .. } if *name == *"B"));
    // Dropping a logical type, and default bytes that are characters, not UTF-8.
    check(
        r#"{"type":"long","logicalType":"timestamp-millis"}"#,
        "\"long\"",
        &[2],
        "1",
    );
    check(
        &record(""),
        &record(r#"{"name":"b","type":"bytes","default":"\u00ff"}"#),
        &[],
        r#"{"b":"/w=="}"#,
    );
    check(
        &record(""),
        &record(r#"{"name":"f","type":{"type":"fixed","name":"F","size":2},"default":"\u00ff\u0001"}"#),
        &[],
        r#"{"f":"/wE="}"#,
    );
    check(
        &record(""),
        &record(r#"{"name":"u","type":["null","string"],"default":"x"}"#),
        &[],
        r#"{"u":"x"}"#,
    );
    check(
        &record(""),
        &record(r#"{"name":"u","type":["int","double"],"default":1.5}"#),
        &[],
        r#"{"u":1.5}"#,
    );
    check("\"long\"", "\"int\"", &[2], "TYPE_MISMATCH");
    check(
        r#"{"type":"map","values":"int"}"#,
        &record(""),
        &[0],
        "TYPE_MISMATCH",
    );
    check(r#"["null","int"]"#, "\"int\"", &[0], "TYPE_MISMATCH");
    check(
        "\"bytes\"",
        "\"string\"",
        &[2, 0xff],
        "a string is not UTF-8: byte 0 of its 1",
    );
}

#[test]
fn compatible_schemas_read_even_where_java_does_not() {
    let enumeration =
        |namespace: &str| format!(r#"{{"type":"enum","name":"{namespace}.E","symbols":["A","B"]}}"#);
    let (writer, reader) = (enumeration("a"), format!(r#"["null",{}]"#, enumeration("b")));
    assert_eq!(resolve(&writer, &reader, &[2]), "\"B\"");
    let moved = |namespace: &str, field: &str| {
        format!(r#"{{"type":"record","name":"{namespace}.R","fields":[{field}]}}"#)
    };
    let writer = moved("a", r#"{"name":"x","type":"int"}"#);
    let reader = moved("b", r#"{"name":"y","type":"int","aliases":["x"]}"#);
    assert_eq!(resolve(&writer, &reader, &[2]), r#"{"y":1}"#);
}

#[test]
fn lenient_plans_fail_when_it_matters() {
    let (writer, reader) = (avro(r#"["null","string"]"#), avro("\"string\""));
    assert!(Plan::resolve(&writer, &reader).is_err());
    let plan = Plan::lenient(&writer, &reader);
    let mut out = vec![9];
    plan.translate(&[2, 2, b'x'], &mut out).unwrap();
    assert_eq!(out, [9, 2, b'x']);
    assert_eq!(
        plan.translate(&[0], &mut out).unwrap_err().to_string(),
        "found null, the reader expects string"
    );
    assert_eq!(out, [9, 2, b'x']);
}

#[test]
fn fingerprints() {
    // The specification's own example of CRC-64-AVRO, and a logical type that must not count.
    let int = avro("\"int\"");
    assert_eq!(format!("{:016x}", int.fingerprint_rabin()), "7275d51a3f395c8f");
    assert_eq!(
        avro(r#"{"type":"int","logicalType":"date"}"#).fingerprint(),
        int.fingerprint()
    );
    assert_ne!(avro("\"long\"").fingerprint_md5(), int.fingerprint_md5());
}
