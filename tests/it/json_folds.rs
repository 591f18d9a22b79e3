//! A fold over a JSON Schema topic, from the schema to the auditor's answer: the example of the language's description.

use std::fs;

use serde_json::{Value, json};

use crate::server::Server;

const LANGUAGE: &str = include_str!("../../docs/folds.md");

/// What the page shows in a language, with this in it.
fn block(language: &str, with: &str) -> &'static str {
    let mut blocks = LANGUAGE.split("```").skip(1).step_by(2);
    let is_it = |block: &&str| block.starts_with(language) && block.contains(with);
    blocks.find(is_it).unwrap()[language.len()..].trim_start()
}

/// What a command ends with, and says.
fn check(server: &Server, args: &[&str], code: i32, says: &[&str]) {
    let out = server.annals(args);
    let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
    for says in says {
        assert!(said.contains(says), "{args:?} does not say {says:?}: {said}");
    }
}

#[test]
fn events_of_a_json_schema_are_folded_checked_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let server = Server::start(&[]);
    check(&server, &["topic", "create", "payments"], 0, &[]);
    let schema = json!({"schemaType": "JSON", "schema": block("json", "PaymentRequested")});
    server.post("/subjects/payments-value/versions", &schema);

    let fold = block("yaml", "name: payment\n");
    let good = file("payment.yaml", fold);
    check(&server, &["fold", "check", &good], 0, &[]);
    // The same from a folder, which no server has seen.
    let schemas = folder.path().join("schemas");
    fs::create_dir_all(schemas.join("payments-value")).unwrap();
    fs::write(
        schemas.join("payments-value/v1.json"),
        block("json", "PaymentRequested"),
    )
    .unwrap();
    let schemas = schemas.to_str().unwrap();
    let offline = ["--server", "http://127.0.0.1:1", "--schemas", schemas];
    check(
        &server,
        &[&["fold", "check", &good], &offline[..]].concat(),
        0,
        &["is sound: fold payment"],
    );
    file("payment.test.yaml", block("yaml", "# payment.test.yaml"));
    check(
        &server,
        &[&["fold", "test", &good], &offline[..]].concat(),
        0,
        &[],
    );
    check(&server, &["fold", "test", &good], 0, &[]);
    let bad = file(
        "bad.yaml",
        &fold.replacen("amount: event.amount", "amount: event.amuont", 1),
    );
    check(
        &server,
        &["fold", "check", &bad],
        3,
        &[
            "event has no field `amuont`",
            "bad.yaml:8:19",
            "it has payment_id, amount, due, note",
        ],
    );
    check(
        &server,
        &[&["fold", "check", &bad], &offline[..]].concat(),
        3,
        &["event has no field `amuont`"],
    );
    check(&server, &["fold", "load", &good], 0, &["payment"]);

    let lines = file(
        "lines.jsonl",
        "{\"payment_id\": \"p\", \"amount\": 100.00, \"due\": \"2024-03-01T12:00:00Z\"}
{\"captured\": 12.30, \"at\": \"2024-03-02T12:00:00Z\"}\n",
    );
    check(
        &server,
        &["produce", "payments", "--key", "p", "--file", &lines],
        0,
        &[],
    );
    let asked = |args: &[&str]| -> Value {
        let out = server.annals(&[args, &["-o", "json"]].concat());
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"))
    };
    let wanted = json!({
        "amount": "100.00", "captured": "12.30", "due": "2024-03-01T12:00:00.000Z",
        "late": true, "note": null, "status": "open",
    });
    assert_eq!(asked(&["state", "payment/p"])["state"], wanted);
    let explained = asked(&["state", "payment/p", "--explain"])["explanation"]["leaves"].clone();
    let amount = explained
        .as_array()
        .unwrap()
        .iter()
        .find(|leaf| leaf["path"] == "/amount");
    let amount = amount.unwrap();
    assert_eq!(
        (&amount["by"]["event"], &amount["from"]),
        (&json!("PaymentRequested"), &json!("event"))
    );
    let due = "state.due < timestamp('2024-03-02T00:00:00Z') && state.captured < decimal('12.31')";
    check(&server, &["list", "payment", "--where", due], 0, &["p "]);
    check(
        &server,
        &["list", "payment", "--where", "state.due < duration('1h')"],
        2,
        &["a timestamp and a duration cannot be compared"],
    );
    check(
        &server,
        &["history", "payment/p"],
        0,
        &["PaymentRequested", "PaymentCaptured"],
    );
}
