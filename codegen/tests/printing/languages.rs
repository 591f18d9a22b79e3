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
