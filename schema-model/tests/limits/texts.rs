//! Texts of schemas: long ones, deep ones, and odd characters and numbers in them.

use annals_schema_model::{
    Direction,
    avro::{Walk, compat},
};

use super::{avro, refuse};

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

/// None of these would be done if it took more than a pass or two.
#[test]
fn large_texts() {
    let ten = 10 * 1024 * 1024;
    refuse(&"[".repeat(ten), "longer than 1048576 bytes");
    let blanks = " ".repeat(ten);
    refuse(
        &format!("{{{blanks}\"type\":\"int\"}}"),
        "longer than 1048576 bytes",
    );
    refuse(&"1".repeat(1024 * 1024), "a schema is");
    let long_key = "a".repeat(1024 * 1024 - 5);
    refuse(&format!("{{\"{long_key}\":1"), "the text ends");
    let comments = "/**/".repeat(200_000);
    refuse(&format!("{comments}\"in"), "inside a string");
    // 100,000 fields do not fit a text; as many as do are read, and one twice is found.
    let fields = |count: usize| -> Vec<String> {
        let field = |index| format!(r#"{{"name":"f{index}","type":"int"}}"#);
        (0..count).map(field).collect()
    };
    let record = |fields: &[String]| {
        let fields = fields.join(",");
        format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
    };
    refuse(&record(&fields(100_000)), "longer than 1048576 bytes");
    let mut fields = fields(30_000);
    let schema = avro(&record(&fields));
    assert_eq!(compat::check(&schema, &schema, Direction::Backward), []);
    fields.push(fields[7].clone());
    refuse(&record(&fields), "has two fields named \"f7\"");
    let properties: Vec<String> = (0..60_000).map(|index| format!("\"k{index}\":1")).collect();
    avro(&format!(r#"{{"type":"int",{}}}"#, properties.join(",")));
    let symbols: Vec<String> = (0..90_000).map(|index| format!("\"s{index}\"")).collect();
    let symbols = symbols.join(",");
    avro(&format!(r#"{{"type":"enum","name":"E","symbols":[{symbols}]}}"#));
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
        let schema = avro(&text);
        avro(&schema.stored_text());
    }
    // A record can hold itself and nothing else: a schema, though no data fits it.
    let endless = avro(r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#);
    assert_eq!(compat::check(&endless, &endless, Direction::Backward), []);
    assert!(
        Walk::new(&endless)
            .check(&[])
            .unwrap_err()
            .message
            .contains("deeper than 256")
    );
}

/// A namespace stands in a text once, and every name in it has all of it.
#[test]
fn names_that_multiply() {
    let wanted = "more than 67108864 bytes";
    let long = "n".repeat(500_000);
    let record = |fields: &[String]| {
        let fields = fields.join(",");
        format!(r#"{{"type":"record","name":"R","namespace":"{long}","fields":[{fields}]}}"#)
    };
    let enums = |count: usize| -> Vec<String> {
        let one = |index| {
            format!(r#"{{"name":"f{index}","type":{{"type":"enum","name":"E{index}","symbols":["A"]}}}}"#)
        };
        (0..count).map(one).collect()
    };
    avro(&record(&enums(100)));
    refuse(&record(&enums(5_000)), wanted);
    let again: Vec<String> = (0..5_000)
        .map(|index| format!(r#"{{"name":"f{index}","type":"R"}}"#))
        .collect();
    refuse(&record(&again), wanted);
    let aliases: Vec<String> = (0..5_000).map(|index| format!("\"A{index}\"")).collect();
    let aliases = aliases.join(",");
    refuse(
        &format!(
            r#"{{"type":"enum","name":"E","namespace":"{long}","aliases":[{aliases}],"symbols":["A"]}}"#
        ),
        wanted,
    );
}
