//! Migration rules from the registry to the auditor's answer: the example of the language's description, and what is refused.

use std::fs;

use serde_json::{Value, json};

use crate::server::Server;

const LANGUAGE: &str = include_str!("../../docs/folds.md");
const SUBJECT: &str = "/subjects/customers-value/versions";

/// What the page shows, with this in it.
fn blocks(with: &str) -> Vec<&'static str> {
    let blocks = LANGUAGE.split("```").skip(1).step_by(2);
    let found = blocks.filter(|block| block.contains(with));
    found
        .filter_map(|block| Some(block.split_once('\n')?.1))
        .collect()
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

fn state(server: &Server) -> Value {
    let out = server.annals(&["state", "customer/c1", "-o", "json"]);
    let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
    answer["state"].clone()
}

#[test]
fn rules_of_the_registry_make_old_events_new_ones() {
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let server = Server::start_in(data.path(), &[]);
    check(&server, &["topic", "create", "customers"], 0, &[]);
    let config = format!("{}/config/customers-value", server.http);
    ureq::put(config)
        .send_json(json!({"compatibility": "NONE"}))
        .unwrap();
    let schemas = blocks("CustomerJoined\",");
    server.post(SUBJECT, &json!({"schema": schemas[0]}));
    let lines = file(
        "old.jsonl",
        "{\"customer_id\": \"c1\", \"full_name\": \"Ada Lovelace\", \"credit_cents\": 1234}\n",
    );
    let produce = ["produce", "customers", "--key", "c1", "--file", &lines];
    check(&server, &produce, 0, &[]);
    let rules: Value = serde_json::from_str(blocks("migrationRules")[0]).unwrap();
    server.post(SUBJECT, &json!({"schema": schemas[1], "ruleSet": rules}));

    let text = blocks("name: customer\n")[0];
    let fold = file("customer.yaml", text);
    check(&server, &["fold", "check", &fold], 0, &[]);
    check(&server, &["fold", "load", &fold], 0, &["customer"]);
    let wanted = json!({"channel": "web", "credit": "12.34", "first": "Ada", "id": "c1", "last": "Lovelace"});
    assert_eq!(state(&server), wanted);
    let by = |rule: &str| {
        format!("by migration rule {rule} of version 2 of customers-value from customers-value v1")
    };
    check(
        &server,
        &["state", "customer/c1", "--explain"],
        0,
        &[
            &format!("event.first, {}", by("names")),
            &format!("event.credit, {}", by("credit")),
            "event.channel, a default: customers-value v1",
        ],
    );

    // A version whose rule nobody here can run: what is pinned goes on, and nothing new is read with it.
    let unknown = json!({"migrationRules": [
        {"name": "sift", "kind": "TRANSFORM", "mode": "UPGRADE", "type": "JSONATA", "expr": "$sift($)"}]});
    let third = schemas[1].replace("\"default\": \"web\"", "\"default\": \"shop\"");
    server.post(SUBJECT, &json!({"schema": third, "ruleSet": unknown}));
    let other = file("other.yaml", &text.replace("rev: 1", "rev: 2"));
    let says = [
        "migration rule sift of version 3 of customers-value",
        "JSONATA",
        "only CEL",
    ];
    check(&server, &["fold", "load", &other], 1, &says);
    check(&server, &["fold", "check", &other], 3, &says);
    check(&server, &["fold", "update", "customer"], 1, &says);
    assert_eq!(state(&server), wanted);
    let gone = format!("{}{SUBJECT}/3", server.http);
    ureq::delete(&gone).call().unwrap();
    server.stop();

    // Other rules than those that were pinned.
    let lock = data.path().join("folds/customer@1.lock");
    let pinned = fs::read_to_string(&lock).unwrap();
    let (before, digest) = pinned.split_once("migrations:\n    2: ").unwrap();
    let other = if digest.starts_with('0') { '1' } else { '0' };
    let changed = format!("{before}migrations:\n    2: {other}{}", &digest[1..]);
    fs::write(&lock, changed).unwrap();
    let server = Server::start_in(data.path(), &[]);
    let refused = [
        "version 2 of customers-value",
        "annals fold update customer",
        "`rev`",
    ];
    check(&server, &["state", "customer/c1"], 5, &refused);
    check(&server, &["fold", "update", "customer"], 0, &["customer"]);
    assert_eq!(state(&server), wanted);
    let rules = format!("migrations:\n    2: {}", digest.lines().next().unwrap());
    assert!(fs::read_to_string(&lock).unwrap().contains(&rules));
}
