//! What a fold reads with, and what it calls that, stays what it was.

use std::fs;

use serde_json::{Value, json};

use crate::running::{NOTE, PARCEL, Running, TOTAL, begin, fold, grown, placed_grown, record};

/// A case: a topic whose fold runs and has answered, and what is done to its subject then.
struct Case {
    topic: &'static str,
    change: fn(&Running),
}

/// Deletes a subject or a version for good.
fn delete(server: &Running, what: &str) {
    server.have("DELETE", &format!("/subjects/{what}"), Value::Null);
    server.have("DELETE", &format!("/subjects/{what}?permanent=true"), Value::Null);
}

const CASES: &[Case] = &[
    Case {
        topic: "namespace",
        change: |server| {
            let other = record("Placed", "", &[NOTE, TOTAL].join(",")).replace("shop", "elsewhere");
            server.register("namespace-value", "AVRO", &other);
        },
    },
    Case {
        topic: "softdelete",
        change: |server| drop(server.have("DELETE", "/subjects/softdelete-value", Value::Null)),
    },
    Case {
        topic: "harddelete",
        change: |server| delete(server, "harddelete-value"),
    },
    // A schema that another subject has, too, before this one in the alphabet.
    Case {
        topic: "shared",
        change: |server| delete(server, "a-subject-of-nobody"),
    },
    Case {
        topic: "versions",
        change: |server| delete(server, "versions-value/versions/1"),
    },
    Case {
        topic: "later",
        change: |server| delete(server, "later-value"),
    },
    Case {
        topic: "rename",
        change: |server| {
            let fields = [NOTE, TOTAL].join(",");
            let renamed = record("Ordered", r#","aliases":["shop.Placed"]"#, &fields);
            server.register("rename-value", "AVRO", &renamed);
        },
    },
    Case {
        topic: "records",
        change: |server| {
            server.register("records-value", "AVRO", &record("Other", "", NOTE));
        },
    },
    Case {
        topic: "dropped",
        change: |server| {
            server.register("dropped-value", "AVRO", &record("Placed", "", NOTE));
        },
    },
    Case {
        topic: "grown",
        change: |server| {
            server.register("grown-value", "AVRO", &grown());
        },
    },
    Case {
        topic: "package",
        change: |server| {
            server.have("PUT", "/config/package-value", json!({"compatibility": "NONE"}));
            server.register("package-value", "PROTOBUF", &PARCEL.replace("PACKAGE", "q"));
        },
    },
];

fn fold_of(topic: &str) -> String {
    match topic {
        "package" => "name: package\nrev: 1\ntopic: package\nmessage: p.Parcel\nevents:\n  packed:\n    begin:\n      - set: { box: event.packed.box }\n".to_owned(),
        "records" => fold(topic) + "  shop.Paid:\n    on:\n      - add: { total: event.total }\n",
        _ => fold(topic),
    }
}

/// Everything that can be asked of an aggregate by the cut at the head, and the answers to the byte; nothing where it has
/// no event.
fn asked(server: &Running, topic: &str, id: &str) -> Vec<(String, String)> {
    let path = format!("/v1/aggregates/{topic}/{id}");
    let (status, answer) = server.get(&path);
    if status != 200 {
        return Vec::new();
    }
    assert_eq!(answer["halted"], Value::Null, "{path}: {answer}");
    let cut = answer["cut"].as_str().unwrap();
    let paths = [
        format!("{path}?at={cut}"),
        format!("{path}/history?at={cut}"),
        format!("{path}/diff?to={cut}"),
        format!("/v1/aggregates/{topic}?at={cut}"),
    ];
    let answered = paths.map(|path| {
        let (status, text) = server.ask("GET", &path, None);
        assert_eq!(status, 200, "{path}: {text}");
        (path, text)
    });
    answered.to_vec()
}

#[test]
fn a_fold_answers_the_same_whatever_is_registered_or_deleted_later() {
    let data = tempfile::tempdir().unwrap();
    let folds = data.path().join("folds");
    fs::create_dir_all(&folds).unwrap();
    let server = Running::start(data.path());
    let mut answers = Vec::new();
    for case in CASES {
        begin(&server, case.topic);
        fs::write(folds.join(format!("{}.yaml", case.topic)), fold_of(case.topic)).unwrap();
    }
    for case in CASES {
        let path = format!("/v1/aggregates/{}/1", case.topic);
        server.until(&path, |status, _| status == 200);
    }
    // A version that comes when the fold runs already.
    let later = server.register("later-value", "AVRO", &grown());
    server.send_as("2", "later", later, &placed_grown());
    for case in CASES {
        for id in ["1", "2"] {
            answers.extend(asked(&server, case.topic, id));
        }
    }
    let used = |topic: &str, id: &str| {
        let (_, state) = server.get(&format!("/v1/aggregates/{topic}/{id}"));
        let schema = &state["schemas"][0];
        (schema["subject"].clone(), schema["version"].clone())
    };
    let value_of = |topic: &str| json!(format!("{topic}-value"));
    for topic in ["harddelete", "shared", "versions", "later"] {
        assert_eq!(used(topic, "1"), (value_of(topic), json!(1)));
    }
    assert_eq!(used("versions", "2"), (value_of("versions"), json!(2)));
    assert_eq!(used("later", "2"), (Value::Null, Value::Null));
    let state_of = |topic: &str| server.get(&format!("/v1/aggregates/{topic}/1")).1["state"].clone();
    assert_eq!(state_of("records"), json!({"note": "hello", "total": 10}));
    let grown_before = state_of("grown");
    let lock = |topic: &str| fs::read_to_string(folds.join(format!("{topic}.lock"))).unwrap();
    let locks: Vec<String> = CASES.iter().map(|case| lock(case.topic)).collect();
    let records = lock("records");
    assert!(
        records.contains("shop.Paid:") && records.contains("version: 2"),
        "{records}"
    );

    CASES.iter().for_each(|case| (case.change)(&server));
    let check = |server: &Running| {
        for (path, answer) in &answers {
            assert_eq!(&server.ask("GET", path, None), &(200, answer.clone()), "{path}");
        }
        for (case, before) in CASES.iter().zip(&locks) {
            assert_eq!(&lock(case.topic), before, "{}", case.topic);
        }
    };
    check(&server);
    server.stop();
    let server = Running::start(data.path());
    check(&server);

    // A fold that does not load with the newest versions is left as it is.
    let (status, said) = server.ask("POST", "/v1/folds/dropped/update", None);
    assert!(
        status == 409 && said.contains("dropped.yaml, line 7") && said.contains("total"),
        "{said}"
    );
    check(&server);
    let (status, said) = server.ask("POST", "/v1/folds/nobody/update", None);
    assert!(status == 404 && said.contains("rename"), "{said}");
    let updated = server.have("POST", "/v1/folds/grown/update", Value::Null);
    let versions = ["before", "after"].map(|side| updated["readers"][0][side]["version"].as_u64());
    assert_eq!(versions, [Some(1), Some(2)], "{updated}");
    assert_ne!(updated["before"]["digest"], updated["after"]["digest"]);
    let (_, now) = server.get("/v1/aggregates/grown/1");
    assert_eq!(now["fold"], updated["after"]);
    assert_eq!(now["state"], grown_before);
    assert!(lock("grown").contains("version: 2"));
    server.stop();
    let server = Running::start(data.path());
    assert_eq!(server.get("/v1/aggregates/grown/1").1, now);
    server.stop();
}
