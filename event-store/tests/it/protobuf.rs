//! Events of a Protobuf topic: the set member of the oneof is the event.

use annals_event_store::{AsOf, Page, declarative};
use annals_schema_model::{Schema, SchemaId, SchemaType};
use serde_json::json;

use crate::support::{Logs, Table, Write, stored};

const OLD: &str = r#"syntax = "proto3"; package p;
message Parcel { string id = 1; oneof event { Packed packed = 2; Sent sent = 3; } }
message Packed { repeated string items = 1; }
message Sent { string carrier = 1; uint32 tries = 2; }"#;
const NEW: &str = r#"syntax = "proto3"; package p;
message Parcel { string id = 1; oneof event { Packed packed = 2; Sent sent = 3; Lost lost = 4; } }
message Packed { repeated string items = 1; }
message Sent { string carrier = 1; uint32 tries = 2; }
message Lost { }"#;
const FILE: &str = r"
name: parcel
rev: 1
topic: parcels
message: p.Parcel
events:
  packed:
    begin:
      - set: { id: event.id, items: event.packed.items, tries: 0, carrier: null }
  sent:
    on:
      - set: { carrier: event.sent.carrier }
      - inc: { tries: event.sent.tries }
";

fn length_delimited(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    out.extend_from_slice(bytes);
    out
}

/// A message with message indexes [0].
fn parcel(schema: SchemaId, member: u8, body: &[u8]) -> Write {
    let mut message = vec![0];
    message.extend(length_delimited(1, b"p1"));
    message.extend(length_delimited(member, body));
    Write::of("p1", schema, &message)
}

#[test]
fn members_of_the_oneof_are_events() {
    let mut table = Table::default();
    let old = table.register(SchemaType::Protobuf, "parcels", OLD);
    let fold = declarative::load(FILE, &table).unwrap();
    let new = table.register(SchemaType::Protobuf, "parcels", NEW);
    let logs = Logs::new("parcels", 1);
    let sent = [length_delimited(1, b"post"), vec![2 << 3, 3]].concat();
    logs.append(
        0,
        &[
            parcel(old, 2, &length_delimited(1, b"i1")),
            parcel(new, 3, &sent),
            parcel(new, 4, b""),
        ],
    );
    let store = stored(table, fold, &logs);
    let answer = store.reconstruct("parcel", "p1", &AsOf::Head).unwrap();
    assert_eq!(
        answer.state,
        json!({"carrier": "post", "id": "p1", "items": ["i1"], "tries": 3}),
        "{:?}",
        answer.halted
    );
    // Loaded before `lost` was registered, so it does not know it; the history does.
    assert_eq!(answer.unknown[0].event, "lost");
    let history = store
        .history("parcel", "p1", &AsOf::Head, Page::default())
        .unwrap();
    let events: Vec<_> = history
        .entries
        .iter()
        .map(|entry| entry.event.as_deref().unwrap())
        .collect();
    assert_eq!(events, ["packed", "sent", "lost"]);
    assert_eq!(
        history.entries[1].data["sent"],
        json!({"carrier": "post", "tries": 3})
    );
}

#[test]
fn errors_name_the_members() {
    let mut table = Table::default();
    table.register(SchemaType::Protobuf, "parcels", OLD);
    let check = |text: String, line: u32, part: &str| {
        let error = declarative::load(&text, &table).err().unwrap();
        assert!(error.line == line && error.message.contains(part), "{error}");
    };
    check(
        FILE.replace("  sent:", "  lost:"),
        10,
        "no event `lost`; it has packed, sent",
    );
    check(
        FILE.replace("p.Parcel", "p.Packet"),
        5,
        "no schema of message p.Packet",
    );
    check(
        FILE.replace("event.sent.tries", "event.sent.trys"),
        13,
        "no field `trys`",
    );
    check(
        FILE.replace("message: p.Parcel\n", ""),
        6,
        "no schema of record packed",
    );
}

/// The message may stand anywhere in its file, and records say which message they are.
#[test]
fn a_message_that_is_not_the_first_of_its_file_is_found() {
    let mut table = Table::default();
    let text = OLD.replace(
        "message Parcel",
        "message Before { string id = 1; }\nmessage Parcel",
    );
    let parsed = Schema::parse(SchemaType::Protobuf, &text, &[]).unwrap();
    let schema = table.register_as("parcels-value".to_owned(), parsed, &[]);
    let fold = declarative::load(FILE, &table).unwrap();
    let case = "cases:\n  - name: packed\n    when:\n      event: packed\n      data: { id: p1, packed: { items: [a] } }\n    \
                then:\n      contains: { id: p1, items: [a] }\n";
    let results = declarative::run_cases(&fold, case, &table).unwrap();
    assert!(results[0].wrong.is_empty(), "{:?}", results[0].wrong);
    let logs = Logs::new("parcels", 1);
    let of = |index: u8, member: u8, body: &[u8]| {
        // The indexes of a list of one, each twice as large as it is (zigzag).
        let mut message = vec![2, 2 * index];
        message.extend(length_delimited(1, b"p1"));
        if member > 0 {
            message.extend(length_delimited(member, body));
        }
        Write::of("p1", schema, &message)
    };
    let packed = length_delimited(1, b"a");
    let sent = length_delimited(1, b"c");
    logs.append(0, &[of(1, 2, &packed), of(0, 0, &[]), of(1, 3, &sent)]);
    let store = stored(table, fold, &logs);
    let answer = store.reconstruct("parcel", "p1", &AsOf::Head).unwrap();
    assert_eq!(
        answer.state,
        json!({"id": "p1", "items": ["a"], "tries": 0, "carrier": "c"})
    );
    assert_eq!(
        (answer.events, answer.unknown_events, &answer.halted),
        (3, 1, &None)
    );
}
