//! What of a field is an id, format by format; and what of a case's events is the aggregate's.

use std::sync::Arc;

use annals_event_store::{AsOf, EventStore, declarative};
use annals_schema_model::SchemaType;

use crate::support::{Logs, Table, Write};

/// What an event with a field is found by: an id, nothing, or that nobody can say.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Found {
    Id(&'static str),
    Nobodys,
    Unreadable,
}

/// One event, read by a fold of its topic by the field.
fn check(kind: SchemaType, schema: &str, (fold, field): (&str, &str), body: &[u8], wanted: Found) {
    let mut table = Table::default();
    let id = table.register(kind, "things", schema);
    let fold = fold.replace("FIELD", field);
    let fold = declarative::load(&fold, &table).unwrap();
    let logs = Logs::new("things", 1);
    logs.append(0, &[Write::of("another", id, body)]);
    let store = EventStore::new(Arc::new(table));
    store.add_merged(Box::new(fold), vec![logs.source()]).unwrap();
    let list = store.list("thing", &AsOf::Head, 10, None).unwrap();
    let ids: Vec<&str> = list.items.iter().map(|member| member.id.as_str()).collect();
    let wanted_ids = if let Found::Id(id) = wanted {
        vec![id]
    } else {
        vec![]
    };
    let shown = String::from_utf8_lossy(body);
    assert_eq!(ids, wanted_ids, "{shown}");
    let unreadable = u64::from(wanted == Found::Unreadable);
    assert_eq!(list.unreadable_batches, unreadable, "{shown}");
    if let Found::Id(id) = wanted {
        let answer = store.reconstruct("thing", id, &AsOf::Head).unwrap();
        assert_eq!((answer.events, &answer.halted), (1, &None), "{shown}");
    }
}

const JSON: &str = r#"{"oneOf": [
    {"title": "Seen", "type": "object", "required": ["seen"],
     "properties": {"seen": {"const": 1}, "k": {"type": ["integer", "null"]}, "any": {}}},
    {"title": "Missed", "type": "object", "required": ["missed"], "properties": {"missed": {"const": 1}}}]}"#;
const JSON_FOLD: &str = "\
name: thing
rev: 1
topics: [{topic: things, by: FIELD}]
ignore: [Missed]
events:
  Seen:
    begin:
      - set: { seen: true }
";

#[test]
fn whole_numbers_of_json_are_ids_however_long() {
    let check = |field: &str, text: &str, wanted: Found| {
        let seen = format!(r#"{{"seen": 1, "{field}": {text}}}"#);
        check(
            SchemaType::Json,
            JSON,
            (JSON_FOLD, field),
            seen.as_bytes(),
            wanted,
        );
    };
    for (text, id) in [
        ("7", "7"),
        ("-0", "0"),
        ("7.0", "7"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        (
            "123456789012345678901234567890.0",
            "123456789012345678901234567890",
        ),
        ("1e20", "100000000000000000000"),
        ("1e25", "10000000000000000000000000"),
    ] {
        check("k", text, Found::Id(id));
        check("any", text, Found::Id(id));
    }
    check("any", "\"a\"", Found::Id("a"));
    for field in ["k", "any"] {
        check(field, "null", Found::Nobodys);
        check(field, "1e2000", Found::Unreadable);
    }
    for text in ["1.5", "true", "[1]", "{}"] {
        check("any", text, Found::Unreadable);
    }
}

/// The fold does not read these, and another type of theirs is nothing it has to do with.
#[test]
fn what_is_ignored_may_have_anything_in_the_field() {
    let check = |text: &str, wanted: Found| {
        let missed = format!(r#"{{"missed": 1, "any": {text}}}"#);
        check(
            SchemaType::Json,
            JSON,
            (JSON_FOLD, "any"),
            missed.as_bytes(),
            wanted,
        );
    };
    check("true", Found::Nobodys);
    check("[1]", Found::Nobodys);
    // Its digits were not read.
    check("18446744073709551616", Found::Unreadable);
    check("1.5", Found::Nobodys);
}

#[test]
fn a_text_of_protobuf_that_is_no_utf8_is_an_id_by_its_bytes() {
    let proto = r#"syntax = "proto2"; package p;
message Thing { optional string k = 1; optional bytes b = 4; oneof event { Seen seen = 2; Missed missed = 3; } }
message Seen {} message Missed {}"#;
    let fold = "\
name: thing
rev: 1
topics: [{topic: things, by: FIELD}]
message: p.Thing
ignore: [missed]
events:
  seen:
    begin:
      - set: { seen: true }
";
    let check = |message: &[u8], wanted: Found| {
        let body = [&[0], message].concat();
        check(SchemaType::Protobuf, proto, (fold, "k"), &body, wanted);
    };
    check(&[0x0a, 1, b'7', 0x12, 0], Found::Id("7"));
    check(&[0x0a, 1, 0xff, 0x12, 0], Found::Id("hex:ff"));
    check(&[0x12, 0], Found::Nobodys);
}

/// What another aggregate's event says is not folded into this one, here as in a log.
#[test]
fn events_of_cases_are_of_the_aggregate_that_their_field_names() {
    let mut table = Table::default();
    let record = |name: &str| {
        format!(
            r#"{{"type":"record","name":"t.{name}","fields":[{{"name":"n","type":"long"}},{{"name":"of","type":["null","string"]}}]}}"#
        )
    };
    table.register(SchemaType::Avro, "orders", &record("Ordered"));
    table.register(SchemaType::Avro, "bills", &record("Billed"));
    let fold = "\
name: order
rev: 1
topics: [orders, {topic: bills, by: of}]
events:
  t.Ordered:
    begin:
      - set: { seen: [event.n], last: at.revision }
  t.Billed:
    on:
      - append: { seen: event.n }
      - set: { last: at.revision }
";
    let fold = declarative::load(fold, &table).unwrap();
    let case = |of: &str, then: &str| {
        format!(
            "cases:\n  - name: a bill\n    key: '7'\n    given:\n      - event: t.Ordered\n        data: {{ n: 1, of: null }}\n      \
             - event: t.Billed\n        data: {{ n: 2, of: {of} }}\n    when:\n      event: t.Billed\n      data: {{ n: 3, of: {{ string: '7' }} }}\n    \
             then:\n      {then}\n"
        )
    };
    let check = |of: &str, then: &str, wanted: &[&str]| {
        let results = declarative::run_cases(&fold, &case(of, then), &table).unwrap();
        assert_eq!(results[0].wrong, wanted, "{of}");
    };
    check("{ string: '7' }", "state: { seen: [1, 2, 3], last: 2 }", &[]);
    check("{ string: '8' }", "state: { seen: [1, 3], last: 1 }", &[]);
    check("null", "state: { seen: [1, 3], last: 1 }", &[]);
    let bill = "cases:\n  - name: a bill of another\n    key: '7'\n    when:\n      event: t.Billed\n      data: { n: 3, of: { string: '8' } }\n    \
                then:\n      halts: begun\n";
    let results = declarative::run_cases(&fold, bill, &table).unwrap();
    assert_eq!(
        results[0].wrong,
        ["by its field t.Billed is an event of another aggregate, or of none"]
    );
    let error = declarative::run_cases(&fold, &bill.replace("    key: '7'\n", ""), &table).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("give the case the aggregate's id as `key:`"),
        "{error}"
    );
}
