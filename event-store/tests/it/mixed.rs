//! Folds over events of several formats: each is told apart and read as its own format has it, whichever topic it is in.

use std::sync::Arc;

use annals_event_store::declarative::{self, Declarative};
use annals_event_store::{AnyFold, AsOf, EventStore, Page, StoreError, ValueFrom};
use annals_schema_model::{SchemaId, SchemaType};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Logs, Table, Write, enveloped};

const TOPICS: [&str; 3] = ["orders", "packages", "payments"];

const FILE: &str = "
name: whole
rev: 1
topics: [orders, packages, payments]
message: m.Parcel
ignore: [m.Noted, lost, Noted]
events:
";

/// What becomes of an event.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// It is folded: the field that has its number.
    Seen(&'static str),
    Ignored,
    /// The fold was loaded before there was such a one.
    Unknown,
}

/// Format, name and fate of each event.
const KINDS: [(usize, &str, Fate); 12] = [
    (0, "m.Placed", Fate::Seen("n")),
    (0, "m.Paid", Fate::Seen("n")),
    (0, "m.Noted", Fate::Ignored),
    (0, "m.New", Fate::Unknown),
    (1, "packed", Fate::Seen("packed.n")),
    (1, "sent", Fate::Seen("sent.n")),
    (1, "lost", Fate::Ignored),
    (1, "found", Fate::Unknown),
    (2, "Asked", Fate::Seen("Asked")),
    (2, "Taken", Fate::Seen("Taken")),
    (2, "Noted", Fate::Ignored),
    (2, "New", Fate::Unknown),
];

/// The schema of a format's events, with those that came later or without.
fn schema(format: usize, with_new: bool) -> (SchemaType, String) {
    let of = KINDS
        .iter()
        .filter(|(of, _, fate)| *of == format && (with_new || *fate != Fate::Unknown));
    let names: Vec<&str> = of.map(|(_, name, _)| *name).collect();
    let each = |one: &dyn Fn(&str, usize) -> String, between: &str| {
        let all: Vec<String> = names
            .iter()
            .zip(2..)
            .map(|(name, number)| one(name, number))
            .collect();
        all.join(between)
    };
    match format {
        0 => {
            let record = |name: &str, _| {
                format!(
                    r#"{{"type": "record", "name": "{name}", "fields": [{{"name": "n", "type": "long"}}]}}"#
                )
            };
            (SchemaType::Avro, format!("[{}]", each(&record, ", ")))
        }
        1 => {
            let member = |name: &str, number: usize| format!("Number {name} = {number};");
            let members = each(&member, " ");
            let text = format!(
                "syntax = \"proto3\"; package m; message Parcel {{ string id = 1; oneof event {{ {members} }} }} message Number {{ int64 n = 1; }}"
            );
            (SchemaType::Protobuf, text)
        }
        _ => {
            let branch = |name: &str, _| {
                format!(
                    r#"{{"title": "{name}", "type": "object", "required": ["{name}"], "properties": {{"{name}": {{"type": "integer"}}}}}}"#
                )
            };
            (
                SchemaType::Json,
                format!(r#"{{"oneOf": [{}]}}"#, each(&branch, ", ")),
            )
        }
    }
}

/// An event as JSON.
fn data((format, name, _): (usize, &str, Fate), n: usize) -> Value {
    match format {
        0 => json!({ name: { "n": n } }),
        1 => json!({ name: { "n": n.to_string() } }),
        _ => json!({ name: n }),
    }
}

fn file() -> String {
    let seen = KINDS.iter().filter_map(|(_, name, fate)| match fate {
        Fate::Seen(field) => Some(format!(
            "  {name}:\n    begin:\n      - set: {{ seen: [event.{field}] }}\n    on:\n      - append: {{ seen: event.{field} }}\n"
        )),
        _ => None,
    });
    FILE.to_owned() + &seen.collect::<String>()
}

/// The first schemas, and a fold that knows no others.
fn loaded() -> (Table, Declarative) {
    let mut table = Table::default();
    for (format, topic) in TOPICS.iter().enumerate() {
        let (kind, text) = schema(format, false);
        table.register(kind, topic, &text);
    }
    let fold = declarative::load(&file(), &table).unwrap();
    (table, fold)
}

/// Aggregates with these events: a kind and the topic that it went to, one a millisecond.
fn stored(events: &[(usize, usize)]) -> (EventStore, Vec<Logs>) {
    let (mut table, fold) = loaded();
    let ids: Vec<SchemaId> = (0..TOPICS.len())
        .map(|format| {
            let (kind, text) = schema(format, true);
            table.register(kind, TOPICS[format], &text)
        })
        .collect();
    let logs: Vec<Logs> = TOPICS.iter().map(|topic| Logs::new(topic, 1)).collect();
    for (n, (kind, topic)) in events.iter().enumerate() {
        let kind = KINDS[*kind];
        // Old schemas' events are read by the same readers.
        let old = SchemaId::new(kind.0 as u32 + 1).unwrap();
        let id = if kind.2 == Fate::Unknown || n % 2 == 0 {
            ids[kind.0]
        } else {
            old
        };
        let write = table.written(id, ("k", n as i64), &data(kind, n));
        logs[*topic].append(0, &[write]);
    }
    let store = EventStore::new(Arc::new(table));
    let sources = logs.iter().map(Logs::source).collect();
    store.add_merged(Box::new(fold), sources).unwrap();
    (store, logs)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn events_of_all_formats_are_one_aggregate(
        events in prop::collection::vec((0..KINDS.len(), 0..TOPICS.len()), 1..24),
    ) {
        let (store, _logs) = stored(&events);
        let (mut seen, mut unknown) = (Vec::new(), Vec::new());
        for (n, (kind, _)) in events.iter().enumerate() {
            match KINDS[*kind].2 {
                Fate::Seen(_) => seen.push(n),
                Fate::Unknown => unknown.push(KINDS[*kind].1),
                Fate::Ignored => {}
            }
            let answer = store.reconstruct("whole", "k", &AsOf::Revision(n as u64)).unwrap();
            prop_assert!(answer.halted.is_none(), "{:?}", answer.halted);
            let wanted = if seen.is_empty() { Value::Null } else { json!({ "seen": seen }) };
            prop_assert_eq!(&answer.state, &wanted);
            let told: Vec<&str> = answer.unknown.iter().map(|kind| kind.event.as_str()).collect();
            prop_assert_eq!(told, unknown.clone());
        }
        let history = store.history("whole", "k", &AsOf::Head, Page::default()).unwrap();
        let told: Vec<_> = history.entries.iter().map(|entry| entry.event.as_deref().unwrap()).collect();
        let wanted: Vec<_> = events.iter().map(|(kind, _)| KINDS[*kind].1).collect();
        prop_assert_eq!(told, wanted);
    }
}

#[test]
fn each_value_is_put_down_to_its_own_event() {
    let (store, _logs) = stored(&[(1, 0), (5, 1), (9, 2), (4, 0)]);
    let answer = store.explain("whole", "k", &AsOf::Head).unwrap();
    let leaves = answer.explanation.unwrap().leaves;
    let told: Vec<_> = leaves
        .iter()
        .map(|leaf| {
            (
                leaf.by.event.as_deref().unwrap(),
                leaf.field.as_deref().unwrap(),
                leaf.from,
            )
        })
        .collect();
    let event = Some(ValueFrom::Event);
    assert_eq!(
        told,
        [
            ("m.Paid", "n", event),
            ("sent", "sent.n", event),
            ("Taken", "Taken", event),
            ("packed", "packed.n", event),
        ]
    );
    assert!(matches!(
        store.reconstruct("whole", "other", &AsOf::Head),
        Err(StoreError::UnknownId { .. })
    ));
}

#[test]
fn events_that_are_misnamed_are_told() {
    let (table, fold) = loaded();
    let check = |from: &str, to: &str, wanted: &str| {
        let text = file();
        assert!(text.contains(from));
        let error = declarative::load(&text.replacen(from, to, 1), &table)
            .err()
            .unwrap();
        assert!(error.to_string().contains(wanted), "{error}");
    };
    let neither = "message m.Parcel has no event `parked`; it has packed, sent, lost, and no record of that name is registered for any of \
         the topics";
    check("  packed:", "  parked:", neither);
    check("lost, Noted", "parked, Noted", neither);
    check(
        "message: m.Parcel\n",
        "",
        "no schema of record packed is registered for topics orders, packages, payments",
    );
    check(
        "message: m.Parcel",
        "message: m.Paid",
        "m.Paid is no Protobuf message",
    );
    check("event.sent.n", "event.sent.m", "no field `m`");
    check(
        "event.Taken",
        "event.Asked",
        "event has no field `Asked`; it has Taken",
    );
    check(
        "  m.Paid:",
        "  m.Parcel:",
        "message m.Parcel has no event `m.Parcel`",
    );
    let pins: Vec<&str> = fold.pins().iter().map(|(event, _)| event).collect();
    assert_eq!(pins, ["Asked", "Taken", "m.Paid", "m.Parcel", "m.Placed"]);
}

/// An event that is called as one of the message's is none that the fold means.
#[test]
fn a_name_is_of_one_event() {
    let (mut table, fold) = loaded();
    let (pins, id) = (fold.pins().clone(), fold.id().clone());
    let other = r#"{"title": "packed", "type": "object", "required": ["packed"], "properties": {"packed": {"type": "integer"}}}"#;
    let other = table.register(SchemaType::Json, "payments", other);
    let error = declarative::load(&file(), &table).err().unwrap();
    let wanted = "`packed` is an event of message m.Parcel and one of payments-value, and a fold tells its events by their names";
    assert!(error.to_string().contains(wanted), "{error}");
    let fold = declarative::load_pinned(&file(), &pins, &table).unwrap();
    assert_eq!(*fold.id(), id);
    let logs: Vec<Logs> = TOPICS.iter().map(|topic| Logs::new(topic, 1)).collect();
    let value = Some(enveloped(other, br#"{"packed": 1}"#));
    logs[2].append(
        0,
        &[Write {
            ms: 1,
            key: Some(b"k".to_vec()),
            value,
            headers: vec![],
        }],
    );
    let store = EventStore::new(Arc::new(table));
    store
        .add_merged(Box::new(fold), logs.iter().map(Logs::source).collect())
        .unwrap();
    let answer = store.reconstruct("whole", "k", &AsOf::Head).unwrap();
    assert_eq!(
        (answer.state, answer.unknown[0].event.as_str()),
        (Value::Null, "packed")
    );
}

/// A field says whose a message is, while the key does so of a record.
#[test]
fn a_topic_of_one_format_may_be_by_a_field() {
    let (table, _) = loaded();
    let text = file().replace(
        "[orders, packages, payments]",
        "[orders, { topic: packages, by: id }, payments]",
    );
    let fold = declarative::load(&text, &table).unwrap();
    let error = declarative::load(&text.replace("by: id", "by: ids"), &table)
        .err()
        .unwrap();
    assert!(error.to_string().contains("`ids`"), "{error}");
    let logs: Vec<Logs> = TOPICS.iter().map(|topic| Logs::new(topic, 1)).collect();
    let events = [
        (0, "k", json!({"m.Placed": {"n": 1}})),
        (1, "parcel", json!({"id": "k", "packed": {"n": "2"}})),
        (1, "k", json!({"id": "parcel", "packed": {"n": "3"}})),
        (2, "k", json!({"Asked": 4})),
        (1, "", json!({"id": "k", "sent": {"n": "5"}})),
    ];
    for (n, (format, key, data)) in events.into_iter().enumerate() {
        let id = SchemaId::new(format as u32 + 1).unwrap();
        logs[format].append(0, &[table.written(id, (key, n as i64), &data)]);
    }
    let store = EventStore::new(Arc::new(table));
    store
        .add_merged(Box::new(fold), logs.iter().map(Logs::source).collect())
        .unwrap();
    let answer = store.reconstruct("whole", "k", &AsOf::Head).unwrap();
    assert_eq!(answer.state, json!({"seen": [1, 2, 4, 5]}));
    let answer = store.reconstruct("whole", "parcel", &AsOf::Head).unwrap();
    assert_eq!(answer.state, json!({"seen": [3]}));
}
