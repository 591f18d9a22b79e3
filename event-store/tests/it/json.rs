//! Events of a JSON Schema topic: the branch that a value is valid for is the event.

use annals_event_store::{AsOf, Page, declarative};
use annals_schema_model::{SchemaId, SchemaType};
use serde_json::{Value, json};

use crate::support::{Logs, Table, Write, stored};

const OLD: &str = r##"{
    "oneOf": [{"$ref": "#/$defs/Opened"}, {"$ref": "#/$defs/Moved"}],
    "$defs": {
        "Opened": {"type": "object", "required": ["owner", "limits"], "properties": {
            "owner": {"type": "string"},
            "limits": {"type": "object", "additionalProperties": {"type": "number"}}}},
        "Moved": {"type": "object", "required": ["amount"], "properties": {
            "amount": {"type": "number"},
            "count": {"type": "integer"},
            "details": {}}}}}"##;

const FILE: &str = r#"
name: account
rev: 1
topic: accounts
events:
  Opened:
    begin:
      - set: { owner: event.owner, limits: event.limits, sum: decimal('0.00'), count: 0, extra: [] }
  Moved:
    on:
      - add: { sum: event.amount }
      - inc: { count: event.count }
        if: has(event.count)
      - append: { extra: "dyn(event).details.code" }
        if: has(event.details)
"#;

/// With another event, and a field that is now required.
fn new() -> String {
    let closed = r##"{"$ref": "#/$defs/Moved"}, {"title": "Closed", "type": "object", "required": ["closed"], "properties": {"closed": {"const": true}}}"##;
    let new = OLD.replacen(r##"{"$ref": "#/$defs/Moved"}"##, closed, 1);
    new.replace(r#""required": ["amount"]"#, r#""required": ["amount", "count"]"#)
}

fn written(schema: SchemaId, body: &str) -> Write {
    Write::of("a1", schema, body.as_bytes())
}

#[test]
fn branches_of_the_one_of_are_events() {
    let mut table = Table::default();
    let old = table.register(SchemaType::Json, "accounts", OLD);
    let fold = declarative::load(FILE, &table).unwrap();
    let new = table.register(SchemaType::Json, "accounts", &new());
    let logs = Logs::new("accounts", 1);
    logs.append(
        0,
        &[
            written(old, r#"{"owner": "ada", "limits": {"b": 10, "a": 2.50}}"#),
            written(old, r#"{"amount": 0.1, "details": {"code": 7}}"#),
            written(new, r#"{"amount": 12345678901234567.125, "count": 2.0}"#),
            written(new, r#"{"closed": true}"#),
        ],
    );
    let store = stored(table, fold, &logs);
    let answer = store.reconstruct("account", "a1", &AsOf::Head).unwrap();
    assert_eq!(
        answer.state,
        json!({"owner": "ada", "limits": {"a": "2.50", "b": "10"}, "sum": "12345678901234567.225", "count": 2, "extra": [7]}),
        "{:?}",
        answer.halted
    );
    // Loaded before `Closed` was registered, so it does not know it; the history does.
    assert_eq!(answer.unknown[0].event, "Closed");
    let history = store
        .history("account", "a1", &AsOf::Head, Page::default())
        .unwrap();
    let events: Vec<_> = history
        .entries
        .iter()
        .map(|entry| entry.event.as_deref().unwrap())
        .collect();
    assert_eq!(events, ["Opened", "Moved", "Moved", "Closed"]);
    // What was written is shown as it was, numbers as numbers.
    assert_eq!(
        history.entries[1].data,
        json!({"amount": 0.1, "details": {"code": 7}})
    );
    // But for those that JSON's readers have no number for, which keep their digits.
    assert_eq!(
        history.entries[2].data,
        json!({"amount": "12345678901234567.125", "count": 2})
    );
    let explained = store.explain("account", "a1", &AsOf::Head).unwrap();
    let explained: Value = serde_json::to_value(&explained).unwrap();
    assert!(explained.to_string().contains("\"event\""), "{explained}");
}

#[test]
fn what_does_not_fit_halts_and_changes_nothing() {
    let mut table = Table::default();
    let schema = table.register(SchemaType::Json, "accounts", OLD);
    let fold = declarative::load(FILE, &table).unwrap();
    let logs = Logs::new("accounts", 1);
    logs.append(
        0,
        &[
            written(schema, r#"{"owner": "ada", "limits": {}}"#),
            written(schema, r#"{"amount": 1, "details": {}}"#),
        ],
    );
    let store = stored(table, fold, &logs);
    let answer = store.reconstruct("account", "a1", &AsOf::Head).unwrap();
    assert_eq!(answer.state["sum"], "0.00");
    assert!(
        format!("{:?}", answer.halted).contains("code"),
        "{:?}",
        answer.halted
    );
}

#[test]
fn errors_name_what_there_is() {
    let mut table = Table::default();
    table.register(SchemaType::Json, "accounts", OLD);
    let check = |text: String, line: u32, part: &str| {
        let error = declarative::load(&text, &table).err().unwrap();
        assert!(error.line == line && error.message.contains(part), "{error}");
    };
    check(
        FILE.replace("  Moved:", "  Shifted:"),
        9,
        "no schema of record Shifted",
    );
    check(
        FILE.replace("event.amount", "event.amout"),
        11,
        "event has no field `amout`; it has amount, count, details",
    );
    check(
        FILE.replace("event.amount", "event.count + 'x'"),
        11,
        "`+` does not go with an integer or null and text",
    );
    check(
        FILE.replace("topic: accounts", "topic: accounts\nmessage: Moved"),
        5,
        "leave `message:` out",
    );
}
