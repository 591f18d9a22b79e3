//! An order in Avro, whose schema is a union of records defined elsewhere, and its packages in Protobuf: one aggregate, from the
//! schemas to the auditor's answer.

use std::fs;

use serde_json::{Value, json};

use crate::server::Server;

const FOLD: &str = "\
name: order
rev: 1
topics: [orders, packages]
message: z.Package
ignore: [lost]
events:
  z.Placed:
    begin:
      - set: { total: event.total, paid: 0, sent: [] }
  z.Paid:
    on:
      - add: { paid: event.amount }
  sent:
    on:
      - append: { sent: event.id }
";

/// What a command ends with, and says.
fn check(server: &Server, args: &[&str], code: i32, says: &[&str]) {
    let out = server.annals(args);
    let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
    for says in says {
        assert!(said.contains(says), "{args:?} does not say {says:?}: {said}");
    }
}

fn record(name: &str, fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "z.{name}", "fields": [{fields}]}}"#)
}

/// The union's text, which refers to a version of `placed`.
fn union(text: &str, placed: u32) -> Value {
    let references = json!([
        {"name": "z.Placed", "subject": "placed", "version": placed},
        {"name": "z.Paid", "subject": "paid", "version": 1},
    ]);
    json!({"schema": text, "references": references})
}

fn served() -> Server {
    let server = Server::start(&[]);
    let total = r#"{"name": "total", "type": "long"}"#;
    let noted = format!(r#"{total}, {{"name": "note", "type": "string", "default": ""}}"#);
    let amount = r#"{"name": "amount", "type": "long"}"#;
    for (subject, text) in [
        ("placed", record("Placed", total)),
        ("placed", record("Placed", &noted)),
        ("paid", record("Paid", amount)),
    ] {
        server.post(&format!("/subjects/{subject}/versions"), &json!({"schema": text}));
    }
    server.post(
        "/subjects/orders-value/versions",
        &union(r#"["z.Placed", "z.Paid"]"#, 1),
    );
    let packages = "syntax = \"proto3\"; package z; \
        message Package { string id = 1; oneof event { Sent sent = 2; Lost lost = 3; } } message Sent {} message Lost {}";
    server.post(
        "/subjects/packages-value/versions",
        &json!({"schemaType": "PROTOBUF", "schema": packages}),
    );
    for topic in ["orders", "packages"] {
        check(&server, &["topic", "create", topic], 0, &[]);
    }
    server
}

#[test]
fn records_of_a_union_and_members_of_a_message_are_one_orders_events() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let server = served();
    let good = file("order.yaml", FOLD);
    check(&server, &["fold", "check", &good], 0, &[]);
    let bad = file("bad.yaml", &FOLD.replace("  sent:\n", "  send:\n"));
    check(
        &server,
        &["fold", "check", &bad],
        3,
        &[
            "message z.Package has no event `send`",
            "bad.yaml:13:3",
            "it has sent, lost",
        ],
    );
    check(&server, &["fold", "load", &good], 0, &["order"]);

    let send = |topic: &str, event: Value| {
        let lines = file("event.jsonl", &format!("{event}\n"));
        check(
            &server,
            &["produce", topic, "--key", "7", "--file", &lines],
            0,
            &[],
        );
    };
    let asked = |args: &[&str]| -> Value {
        let out = server.annals(&[args, &["-o", "json"]].concat());
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"))
    };
    send("orders", json!({"z.Placed": {"total": 20}}));
    send("packages", json!({"id": "a", "sent": {}}));
    send("orders", json!({"z.Paid": {"amount": 12}}));
    send("packages", json!({"id": "b", "lost": {}}));
    let closed = format!(r#"["z.Placed", {}, "z.Paid"]"#, record("Closed", ""));
    server.post("/subjects/orders-value/versions", &union(&closed, 2));
    send("orders", json!({"z.Paid": {"amount": 8}}));
    send("orders", json!({"z.Closed": {}}));

    let whole = json!({"total": 20, "paid": 20, "sent": ["a"]});
    let answer = asked(&["state", "order/7"]);
    assert_eq!(answer["state"], whole);
    assert_eq!(answer["unknown"][0]["event"], "z.Closed");
    let history = asked(&["history", "order/7"]);
    let entries = history["entries"].as_array().unwrap().iter();
    let events: Vec<_> = entries.map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["z.Placed", "sent", "z.Paid", "lost", "z.Paid", "z.Closed"]
    );
    let explained = asked(&["state", "order/7", "--explain"])["explanation"]["leaves"].clone();
    let of = |path: &str| {
        let mut leaves = explained.as_array().unwrap().iter();
        let leaf = leaves.find(|leaf| leaf["path"] == path).unwrap();
        (leaf["by"]["event"].clone(), leaf["from"].clone())
    };
    assert_eq!(of("/total"), (json!("z.Placed"), json!("event")));
    assert_eq!(of("/sent/0"), (json!("sent"), json!("event")));

    // What the union gained is known to a fold that is told to read with it.
    check(&server, &["fold", "update", "order"], 0, &["orders-value"]);
    let later = FOLD
        .replace("rev: 1", "rev: 2")
        .replace("total: event.total", "total: event.total, note: event.note");
    let later = later + "  z.Closed:\n    on:\n      - status: closed\n";
    check(
        &server,
        &["fold", "load", &file("later.yaml", &later)],
        0,
        &["order"],
    );
    let answer = asked(&["state", "order/7"]);
    let whole = json!({"total": 20, "note": "", "paid": 20, "sent": ["a"], "status": "closed"});
    assert_eq!((&answer["state"], &answer["unknown"]), (&whole, &json!([])));
}

/// A record is one event under two subjects where it means one, whatever the texts are that it stands in, and else it is refused: in
/// two topics and in one.
#[test]
fn a_record_under_two_subjects_is_compared_by_what_it_means() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fold.yaml");
    let server = Server::start(&[]);
    let id = r#"{"name": "id", "type": "string"}"#;
    let alone = record("A", id);
    let other = record(
        "A",
        &format!(r#"{id}, {{"name": "x", "type": "int", "default": 1}}"#),
    );
    let documented = alone.replacen('{', r#"{"doc": "with words", "#, 1);
    let union = |record: &str| format!(r#"["null", {record}]"#);
    let by_reference = json!({
        "schema": r#"["null", "z.A"]"#,
        "references": [{"name": "z.A", "subject": "p-value", "version": 1}],
    });
    let of = |text: &str| json!({"schema": text});
    for (subject, body) in [
        ("p-value", of(&alone)),
        ("inline-value", of(&union(&alone))),
        ("wide-value", of(&format!(r#"["string", {alone}]"#))),
        ("named-z.A", of(&alone)),
        ("referring-value", by_reference),
        ("documented-value", of(&documented)),
        ("other-value", of(&union(&other))),
        ("both-z.A", of(&alone)),
        ("both-value", of(&union(&documented))),
        ("torn-z.A", of(&alone)),
        ("torn-value", of(&union(&other))),
    ] {
        server.post(&format!("/subjects/{subject}/versions"), &body);
    }
    let fold = |topics: &[&str], wanted: Option<[&str; 2]>| {
        for topic in topics {
            server.annals(&["topic", "create", topic]);
        }
        for topics in [
            topics.join(", "),
            topics
                .iter()
                .map(|topic| format!("{{topic: {topic}, by: id}}"))
                .collect::<Vec<_>>()
                .join(", "),
        ] {
            let text = format!(
                "name: whole\nrev: 1\ntopics: [{topics}]\nevents: {{z.A: {{begin: [set: {{id: event.id}}]}}}}\n"
            );
            fs::write(&path, text).unwrap();
            let says =
                wanted.map(|[one, other]| format!("z.A is one schema under {one} and another under {other}"));
            let code = if wanted.is_some() { 3 } else { 0 };
            let says: Vec<&str> = says.iter().map(String::as_str).collect();
            check(&server, &["fold", "check", path.to_str().unwrap()], code, &says);
        }
    };
    for same in ["inline", "wide", "named", "referring", "documented", "both"] {
        fold(&["p", same], None);
        fold(&[same, "p"], None);
    }
    fold(&["inline", "referring", "documented"], None);
    fold(&["both"], None);
    fold(&["p", "other"], Some(["p-value", "other-value"]));
    fold(&["torn"], Some(["torn-value", "torn-z.A"]));
}
