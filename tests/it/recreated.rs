//! A topic that is deleted and created again has the name of the one before, and is another: answers say which they rest on.

use std::fs;

use serde_json::{Value, json};

use crate::server::Server;

const FOLD: &str = "name: till\nrev: 1\ntopic: tills\nevents: {Paid: {begin: [set: {sum: event.sum}]}}\n";

#[test]
fn an_answer_says_which_topic_of_a_name_it_rests_on() {
    let folder = tempfile::tempdir().unwrap();
    let (fold, event) = (folder.path().join("till.yaml"), folder.path().join("event.json"));
    fs::write(&fold, FOLD).unwrap();
    let server = Server::start(&[]);
    let done = |args: &[&str]| {
        let out = server.annals(args);
        assert!(
            out.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap()
    };
    let asked = |args: &[&str]| -> Value {
        let text = done(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}"))
    };
    let schema = json!({"title": "Paid", "type": "object", "properties": {"sum": {"type": "integer"}}});
    let schema = json!({"schemaType": "JSON", "schema": schema.to_string()});
    server.post("/subjects/tills-value/versions", &schema);
    let id_with = |sum: i64| {
        done(&["topic", "create", "tills"]);
        done(&["fold", "load", fold.to_str().unwrap()]);
        fs::write(&event, format!("{}\n", json!({"sum": sum}))).unwrap();
        done(&[
            "produce",
            "tills",
            "--key",
            "7",
            "--file",
            event.to_str().unwrap(),
        ]);
        let id = asked(&["topic", "describe", "tills"])["id"].clone();
        for question in ["state", "history"] {
            let answer = asked(&[question, "till/7"]);
            assert_eq!(answer["topic_id"], id, "{answer}");
        }
        assert_eq!(asked(&["state", "till/7"])["state"], json!({"sum": sum}));
        let id = id.as_str().unwrap().to_owned();
        let told = done(&["state", "till/7"]);
        assert!(
            told.contains(&format!("partition 0 of the topic with the id {id}")),
            "{told}"
        );
        id
    };
    let first = id_with(1);
    done(&["topic", "delete", "tills", "--yes"]);
    assert_ne!(id_with(2), first);
}
