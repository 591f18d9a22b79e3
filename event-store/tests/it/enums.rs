//! Conditions on enums: what is no symbol can never be there, and is no answer of "none".

use std::sync::Arc;

use annals_event_store::{AsOf, EventStore, Question, StoreError, declarative};
use annals_schema_model::SchemaType;

use crate::support::{Logs, Table};

const TOPIC: &str = "orders";
const AVRO: &str = r#"{"type": "record", "name": "Placed", "fields": [
    {"name": "channel", "type": {"type": "enum", "name": "Channel", "symbols": ["WEB", "SHOP"]}},
    {"name": "before", "type": ["null", "Channel"]},
    {"name": "all", "type": {"type": "array", "items": "Channel"}},
    {"name": "note", "type": "string"}]}"#;
const JSON: &str = r##"{"oneOf": [{"$ref": "#/$defs/Placed"}], "$defs": {"Placed": {
    "type": "object", "required": ["channel", "all", "note"], "properties": {
        "channel": {"enum": ["WEB", "SHOP"]},
        "before": {"anyOf": [{"const": "WEB"}, {"const": "SHOP"}, {"type": "null"}]},
        "all": {"type": "array", "items": {"type": "string", "enum": ["WEB", "SHOP"]}},
        "note": {"type": "string"}}}}}"##;
const PROTO: &str = r#"syntax = "proto3"; package p;
enum Channel { WEB = 0; SHOP = 1; }
message Order { oneof event { Placed Placed = 1; } }
message Placed { Channel channel = 1; optional Channel before = 2; repeated Channel all = 3; string note = 4; }"#;

/// A fold of the one event, with what stands behind `begin`.
fn text(message: &str, operations: &str) -> String {
    format!("name: order\nrev: 1\ntopic: {TOPIC}\n{message}events:\n  Placed:\n    begin:\n{operations}")
}

fn refusals(kind: SchemaType, schema: &str, message: &str, event: &str) {
    let mut table = Table::default();
    table.register(kind, TOPIC, schema);
    let check = |condition: &str, refused: Option<&str>| {
        let condition = condition.replace("event.", event);
        let operation = format!("      - status: yes\n        if: \"{condition}\"\n");
        match (declarative::load(&text(message, &operation), &table), refused) {
            (Ok(_), None) => {}
            (Err(error), Some(symbol)) => {
                let wanted = format!("'{symbol}' is no symbol of the enum; there are WEB, SHOP");
                assert_eq!(
                    (error.line, error.message),
                    (message.lines().count() as u32 + 8, wanted)
                );
            }
            (loaded, wanted) => {
                panic!("{kind} {condition}: {:?}, expected {wanted:?}", loaded.map(drop));
            }
        }
    };
    check("event.channel == 'WEB'", None);
    check("event.channel == 'web'", Some("web"));
    check("'web' != event.channel", Some("web"));
    check("event.before == null || event.before == 'SHOP'", None);
    check("event.before != 'NONE'", Some("NONE"));
    check("event.channel in ['WEB', 'SHOP']", None);
    check("event.channel in ['WEB', 'MAIL']", Some("MAIL"));
    check("'MAIL' in event.all", Some("MAIL"));
    check("event.all.exists(x, x == 'MAIL')", Some("MAIL"));
    check("event.channel < 'a' && event.channel.startsWith('W')", None);
    check("event.channel + 'x' == 'WEBx'", None);
    check("event.note == 'anything' && event.channel == event.note", None);
    check(
        "(event.note == '' ? event.channel : event.note) == 'anything'",
        None,
    );
    check("string(event.channel) == 'anything'", None);
}

#[test]
fn what_is_no_symbol_is_refused_where_a_fold_compares_with_it() {
    refusals(SchemaType::Avro, AVRO, "", "event.");
    refusals(SchemaType::Json, JSON, "", "event.");
    refusals(SchemaType::Protobuf, PROTO, "message: p.Order\n", "event.Placed.");
}

#[test]
fn what_is_no_symbol_is_refused_where_aggregates_are_asked_for_by_it() {
    let mut table = Table::default();
    table.register(SchemaType::Avro, TOPIC, AVRO);
    let operations =
        "      - set: { channel: event.channel, mixed: event.channel, all: event.all, none: null }
      - set: { mixed: \"'OTHER'\", none: event.before }\n";
    let fold = declarative::load(&text("", operations), &table).unwrap();
    let logs = Logs::new(TOPIC, 1);
    let store = EventStore::new(Arc::new(table));
    store.add_aggregate(Box::new(fold), logs.source()).unwrap();
    let check = |condition: &str, says: Option<&str>| {
        let question = Question {
            condition: Some(condition.to_owned()),
            ..Question::default()
        };
        let asked = store.ask("order", &AsOf::Head, &question, 1, None);
        match (asked, says) {
            (Ok(_), None) => {}
            (Err(StoreError::Question { problem, .. }), Some(says)) => assert_eq!(problem, says),
            (asked, says) => panic!("{condition}: {asked:?}, expected {says:?}"),
        }
    };
    check("state.channel == 'WEB' && size(state.channel) == 3", None);
    let refused = Some("'nosuch' is no symbol of the enum; there are WEB, SHOP");
    check("state.channel == 'nosuch'", refused);
    check("state.none == 'nosuch'", refused);
    check("!('nosuch' in state.all)", refused);
    check("state.mixed == 'OTHER' || state.mixed == 'nosuch'", None);
}
