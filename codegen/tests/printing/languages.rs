//! The same events for other languages, compared with files in `tests/golden`. Their own compilers read them in the tests
//! of the whole.

use annals_codegen::{Build, configure};

use crate::golden::compare;

/// Every kind of type, and every name that is hard to give.
fn zoo() -> Build {
    configure().schemas("tests/schemas")
}

#[test]
fn printed_typescript_is_the_golden_file() {
    compare("events.ts.txt", &zoo().load().unwrap().typescript());
}

#[test]
fn printed_python_is_the_golden_file() {
    compare("events.py.txt", &zoo().load().unwrap().python());
}

#[test]
fn printed_asyncapi_is_the_golden_file() {
    let document = zoo().load().unwrap().asyncapi("The zoo", "1.2.0");
    compare(
        "events.asyncapi.json",
        &serde_json::to_string_pretty(&document).unwrap(),
    );
}

#[test]
fn a_document_has_what_topics_have_beside_their_events() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let record = |name: &str| format!(r#"{{"type": "record", "name": "{name}", "fields": []}}"#);
    write("orders-value.avsc", &record("s.Order"));
    write("orders-key.avsc", &record("s.OrderKey"));
    write(
        "paid-value.proto",
        "syntax = \"proto3\"; import \"money.proto\"; message Paid { Money money = 1; }",
    );
    write(
        "money.proto",
        "syntax = \"proto3\"; message Money { int64 units = 1; }",
    );
    let document = configure()
        .schemas(folder.path())
        .load()
        .unwrap()
        .asyncapi("T", "1");
    let document = serde_json::to_value(&document).unwrap();
    let messages = &document["components"]["messages"];
    let kafka = &messages["orders-value"]["bindings"]["kafka"];
    assert_eq!(kafka["key"]["name"], "OrderKey");
    assert_eq!(kafka["schemaLookupStrategy"], "TopicNameStrategy");
    let imports = &messages["paid-value"]["x-protobuf-imports"];
    assert!(imports["money.proto"].as_str().unwrap().contains("message Money"));
}

#[test]
fn no_words_of_a_schema_turn_the_text_or_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let doc = "a\\u202eb\\u2066c\\u0000d";
    let avro = format!(
        r#"{{"type": "record", "name": "R", "doc": "{doc}", "fields": [
            {{"name": "mood", "type": "string", "default": "😀", "doc": "{doc}"}}]}}"#
    );
    std::fs::write(folder.path().join("t-value.avsc"), avro).unwrap();
    let proto = "syntax = \"proto3\";\n// a\u{202e}b\u{2066}cd\nmessage P {\n  // a\u{202e}b\u{2066}cd\n  int32 a = 1;\n}";
    std::fs::write(folder.path().join("p-value.proto"), proto).unwrap();
    let build = configure().schemas(folder.path());
    let loaded = build.load().unwrap();
    for text in [loaded.rust().unwrap(), loaded.typescript(), loaded.python()] {
        assert_eq!(text.matches("abcd").count(), 4, "{text}");
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\0']), "{text}");
    }
    assert!(loaded.python().contains(r#"= "\U0001f600""#));
}

/// What is printed for files of a folder of its own.
fn printed(files: &[(&str, &str)], print: impl Fn(&Build) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    print(&configure().schemas(folder.path()))
}

#[test]
fn symbols_that_are_no_names_of_members_are_members() {
    let symbols = ["_", "__", "_a_", "a", "__b", "name", "class", "A"];
    let text = format!(r#"{{"type": "enum", "name": "E", "symbols": {symbols:?}}}"#);
    let text = printed(&[("e-value.avsc", &text)], |build| build.load().unwrap().python());
    let members = text
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split_once(" = "));
    let members: Vec<(&str, &str)> = members.collect();
    let names = [
        "underscore",
        "underscore_",
        "a_",
        "a",
        "b",
        "name_",
        "class_",
        "A",
    ];
    let symbols = symbols.map(|symbol| format!("{symbol:?}"));
    let expected: Vec<(&str, &str)> = names
        .into_iter()
        .zip(symbols.iter().map(String::as_str))
        .collect();
    assert_eq!(members, expected, "{text}");
}

/// A union of records, which avsc wraps; one whose branches it tells apart; an array.
const TOPS: &[(&str, &str)] = &[
    (
        "orders-value.avsc",
        r#"["null", {"type": "record", "name": "s.Placed", "fields": [{"name": "id", "type": "long"}]},
            {"type": "record", "name": "s.Paid", "fields": []},
            {"type": "map", "values": "s.Placed"}]"#,
    ),
    (
        "clicks-value.avsc",
        r#"["string", {"type": "record", "name": "s.Click", "fields": []}]"#,
    ),
    (
        "lists-value.avsc",
        r#"{"type": "array", "items": ["null", {"type": "record", "name": "s.Item", "fields": []}]}"#,
    ),
];

#[test]
fn tops_that_are_no_records_are_types_of_typescript() {
    let text = printed(TOPS, |build| build.load().unwrap().typescript());
    for line in [
        "export type OrdersEvent =\n  | { \"s.Placed\": Placed }\n  | { \"s.Paid\": Paid }\n  | { \"map\": OrdersValueMap }\n  | OrdersValueNull;",
        "export type ClicksEvent =\n  | ClicksValueString\n  | Click;",
        "export type ListsEvent = { name: \"array\"; event: ListsValue };",
        "export type OrdersValueMap = Record<string, Placed>;",
        "export type OrdersValueNull = null;",
        "export type ListsValue = (Item | null)[];",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn tops_that_are_no_records_are_types_of_python() {
    let text = printed(TOPS, |build| build.load().unwrap().python());
    let place = |line: &str| text.find(line).unwrap_or_else(|| panic!("{line} in {text}"));
    // What is evaluated where it stands, stands behind what it is made of.
    assert!(place("class Placed") < place("OrdersValueMap: _typing.TypeAlias = dict[str, Placed]\n"));
    assert!(place("class Item") < place("ListsValue: _typing.TypeAlias = list[Item | None]\n"));
    let orders = place("OrdersEvent: _typing.TypeAlias = OrdersValueNull | Placed | Paid | OrdersValueMap\n");
    assert!(place("OrdersValueNull: _typing.TypeAlias = None\n") < orders);
    place("ClicksEvent: _typing.TypeAlias = ClicksValueString | Click\n");
}

#[test]
fn branches_are_messages_of_a_document() {
    let text = printed(TOPS, |build| {
        serde_json::to_string(&build.load().unwrap().asyncapi("T", "1")).unwrap()
    });
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let messages = document["components"]["messages"].as_object().unwrap();
    let keys: Vec<&str> = messages.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "clicks-value.s.Click",
            "clicks-value.string",
            "lists-value",
            "orders-value.map",
            "orders-value.null",
            "orders-value.s.Paid",
            "orders-value.s.Placed",
        ]
    );
    let paid = &messages["orders-value.s.Paid"];
    assert_eq!(
        (&paid["name"], &paid["title"]),
        (&"s.Paid".into(), &"Paid".into())
    );
    assert_eq!(paid["payload"]["schema"].as_array().map(Vec::len), Some(4));
    let of_channel = document["channels"]["orders"]["messages"].as_object().unwrap();
    assert_eq!(of_channel.len(), 4);
}

/// A type, a default of it, and that default in Python where it has such a value.
const DEFAULTS: &[(&str, &str, &str)] = &[
    (
        r#"{"type": "array", "items": ["null", "int"]}"#,
        "[null]",
        "_dataclasses.field(default_factory=lambda: [None])",
    ),
    (
        r#"{"type": "map", "values": "bytes"}"#,
        r#"{"a\"b": "\\\"\u0000"}"#,
        r#"_dataclasses.field(default_factory=lambda: {"a\"b": b"\\\"\x00"})"#,
    ),
    (
        r#"{"type": "record", "name": "P", "fields": [{"name": "in", "type": "int"}, {"name": "q", "type": {"type": "array", "items": "P"}}]}"#,
        r#"{"in": 1, "q": [{"in": 2, "q": []}]}"#,
        "_dataclasses.field(default_factory=lambda: P(in_=1, q=[P(in_=2, q=list())]))",
    ),
    (
        r#"{"type": "record", "name": "E", "fields": []}"#,
        "{}",
        "_dataclasses.field(default_factory=lambda: E())",
    ),
    (
        r#"{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}"#,
        r#""\u00ff""#,
        r#"_decimal.Decimal("-0.01")"#,
    ),
    (r#"{"type": "string", "logicalType": "uuid"}"#, r#""none""#, ""),
    (
        r#"{"type": "int", "logicalType": "date"}"#,
        "2932896",
        "_datetime.date.fromordinal(3652059)",
    ),
    (r#"{"type": "int", "logicalType": "date"}"#, "2932897", ""),
    (
        r#"{"type": "int", "logicalType": "time-millis"}"#,
        "86399999",
        "_datetime.time(23, 59, 59, 999000)",
    ),
    (r#"{"type": "long", "logicalType": "time-micros"}"#, "-1", ""),
    (
        r#"{"type": "long", "logicalType": "local-timestamp-millis"}"#,
        "253402300799999",
        "_datetime.datetime(1970, 1, 1) + _datetime.timedelta(microseconds=253402300799999000)",
    ),
    (
        r#"{"type": "long", "logicalType": "timestamp-micros"}"#,
        "253402300800000000",
        "",
    ),
    (
        r#"{"type": "long", "logicalType": "timestamp-nanos"}"#,
        "-5",
        "-5",
    ),
];

#[test]
fn defaults_are_values_of_python() {
    let folder = tempfile::tempdir().unwrap();
    let all = DEFAULTS.iter().enumerate().map(|(index, (kind, default, _))| {
        format!(r#"{{"name": "f{index}", "type": {kind}, "default": {default}}}"#)
    });
    let all: Vec<String> = all.collect();
    let text = format!(
        r#"{{"type": "record", "name": "D", "fields": [{}]}}"#,
        all.join(", ")
    );
    std::fs::write(folder.path().join("d-value.avsc"), text).unwrap();
    let python = configure().schemas(folder.path()).load().unwrap().python();
    for (index, (_, _, expected)) in DEFAULTS.iter().enumerate() {
        let start = format!("    f{index}: ");
        let line = python.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
        let default = line.split_once(" = ").map_or("", |(_, default)| default);
        assert_eq!(default, *expected, "{index}");
    }
}
