//! The folds of a running server: their readers stay what they were, and their files are followed.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use annals_kafka_client::{Client, NewRecord, Producer};
use annals_registry_server::http::ApiShape;
use annals_registry_server::listeners::KafkaListener;
use annals_registry_server::serve::{Options, Server};
use annals_schema_model::avro::wire;
use annals_schema_model::{SchemaId, envelope};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long something that comes by itself may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in this process.
struct Running {
    runtime: Runtime,
    kafka: String,
    http: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(data_dir: &Path) -> Running {
        let runtime = Runtime::new().unwrap();
        let options = Options {
            data_dir: data_dir.to_owned(),
            kafka: KafkaListener::parse("127.0.0.1:0", None).unwrap(),
            http_listen: "127.0.0.1:0".to_owned(),
            database: None,
            api_shape: ApiShape::Eight,
        };
        let server = runtime.block_on(Server::start(options)).unwrap();
        let (kafka, _) = &server.kafka()[0];
        let (kafka, http) = (kafka.to_string(), format!("http://{}", server.http()));
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = runtime.spawn(server.run_until(async move { drop(stopped.await) }));
        Running {
            runtime,
            kafka,
            http,
            stop,
            ended,
        }
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.runtime.block_on(self.ended).unwrap().unwrap();
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("{}{path}", self.http);
        let answer = match (method, body) {
            ("GET", _) => agent.get(&url).call(),
            ("DELETE", _) => agent.delete(&url).call(),
            ("PUT", Some(body)) => agent.put(&url).send_json(body),
            (_, body) => agent.post(&url).send_json(body.unwrap_or(&json!({}))),
        };
        let mut answer = answer.unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), text)
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.ask("GET", path, None);
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Does what must work.
    fn have(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, text) = self.ask(method, path, Some(&body));
        assert_eq!(status, 200, "{method} {path} {body}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    fn register(&self, subject: &str, kind: &str, schema: &str) -> SchemaId {
        let body = json!({"schema": schema, "schemaType": kind});
        let answer = self.have("POST", &format!("/subjects/{subject}/versions"), body);
        SchemaId::new(u32::try_from(answer["id"].as_u64().unwrap()).unwrap()).unwrap()
    }

    fn topic(&self, name: &str) {
        self.runtime.block_on(async {
            let mut client = Client::connect(&self.kafka).await.unwrap();
            client.create_topic(name, 1, &BTreeMap::new()).await.unwrap();
        });
    }

    fn send(&self, topic: &str, id: SchemaId, body: &[u8]) {
        let mut value = Vec::new();
        envelope::write(id, &mut value);
        value.extend_from_slice(body);
        let record = NewRecord {
            key: Some("1".into()),
            value: Some(value.into()),
            headers: vec![],
            timestamp_ms: 1_700_000_000_000,
        };
        self.runtime.block_on(async {
            let client = Client::connect(&self.kafka).await.unwrap();
            let mut producer = Producer::new(client, Default::default()).await.unwrap();
            producer.send(topic, None, record).await.unwrap();
            for delivery in producer.flush().await.unwrap() {
                delivery.outcome.unwrap();
            }
        });
    }

    /// Asks until the answer is as wanted.
    fn until(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let since = Instant::now();
        loop {
            let (status, text) = self.ask("GET", path, None);
            if wanted(status, &text) {
                return text;
            }
            assert!(since.elapsed() < PATIENCE, "{path} stays {status}: {text}");
        }
    }
}

fn record(name: &str, more: &str, fields: &str) -> String {
    format!(r#"{{"type":"record","name":"{name}","namespace":"shop"{more},"fields":[{fields}]}}"#)
}

const NOTE: &str = r#"{"name":"note","type":"string"}"#;
const TOTAL: &str = r#"{"name":"total","type":"long"}"#;
const EXTRA: &str = r#"{"name":"extra","type":"string","default":"none"}"#;

/// The fold of a topic of Avro records, named as the topic.
fn fold(topic: &str) -> String {
    format!(
        "name: {topic}\nrev: 1\ntopic: {topic}\nevents:\n  shop.Placed:\n    begin:\n      - set: {{ note: event.note, total: event.total }}\n"
    )
}

fn placed() -> Vec<u8> {
    let mut body = wire::Writer::new();
    body.string("hello");
    body.long(7);
    body.into_bytes()
}

const PARCEL: &str = r#"syntax = "proto3"; package PACKAGE;
message Parcel { string id = 1; oneof event { Packed packed = 2; Sent sent = 3; } }
message Packed { string box = 1; }
message Sent { string carrier = 1; }"#;

/// A case: a topic whose fold runs and has answered, and what is done to its subject then.
struct Case {
    topic: &'static str,
    change: fn(&Running),
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
        change: |server| {
            server.have("DELETE", "/subjects/harddelete-value", Value::Null);
            server.have("DELETE", "/subjects/harddelete-value?permanent=true", Value::Null);
        },
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
            let grown = record("Placed", "", &[NOTE, TOTAL, EXTRA].join(","));
            server.register("grown-value", "AVRO", &grown);
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

/// Registers the first schemas of a topic and sends what its aggregate is made of.
fn begin(server: &Running, topic: &str) {
    server.topic(topic);
    let subject = format!("{topic}-value");
    if topic == "package" {
        let id = server.register(&subject, "PROTOBUF", &PARCEL.replace("PACKAGE", "p"));
        // Message indexes [0], id "1", then member 2 with box "b".
        server.send(topic, id, &[0, 0x0a, 1, b'1', 0x12, 3, 0x0a, 1, b'b']);
        return;
    }
    let id = server.register(&subject, "AVRO", &record("Placed", "", &[NOTE, TOTAL].join(",")));
    server.send(topic, id, &placed());
    if topic == "records" {
        server.have(
            "PUT",
            &format!("/config/{subject}"),
            json!({"compatibility": "NONE"}),
        );
        let paid = server.register(&subject, "AVRO", &record("Paid", "", TOTAL));
        let mut body = wire::Writer::new();
        body.long(3);
        server.send(topic, paid, &body.into_bytes());
    }
}

fn fold_of(topic: &str) -> String {
    match topic {
        "package" => "name: package\nrev: 1\ntopic: package\nmessage: p.Parcel\nevents:\n  packed:\n    begin:\n      - set: { box: event.packed.box }\n".to_owned(),
        "records" => fold(topic) + "  shop.Paid:\n    on:\n      - add: { total: event.total }\n",
        _ => fold(topic),
    }
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
        let answer: Value = serde_json::from_str(&server.until(&path, |status, _| status == 200)).unwrap();
        assert_eq!(answer["halted"], Value::Null, "{}: {answer}", case.topic);
        let path = format!("{path}?at={}", answer["cut"].as_str().unwrap());
        answers.push((case.topic, path, answer));
    }
    assert_eq!(answers[4].2["state"], json!({"note": "hello", "total": 10}));
    let lock = |topic: &str| fs::read_to_string(folds.join(format!("{topic}.lock"))).unwrap();
    let locks: Vec<String> = CASES.iter().map(|case| lock(case.topic)).collect();
    assert!(
        locks[4].contains("shop.Paid:") && locks[4].contains("version: 2"),
        "{}",
        locks[4]
    );

    CASES.iter().for_each(|case| (case.change)(&server));
    let check = |server: &Running| {
        for ((topic, path, answer), before) in answers.iter().zip(&locks) {
            let (status, mut now) = server.get(path);
            let mut answer = answer.clone();
            // By its cut it is the same answer, but for what was asked.
            answer["at"].take();
            now["at"].take();
            if *topic == "harddelete" {
                // What was deleted for good is read on; only where it was registered is not known any more.
                answer["schemas"].take();
                now["schemas"].take();
            }
            assert_eq!((status, &now), (200, &answer), "{topic}");
            assert_eq!(&lock(topic), before, "{topic}");
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
    assert_eq!(now["state"], answers[6].2["state"]);
    assert!(lock("grown").contains("version: 2"));
    server.stop();
    let server = Running::start(data.path());
    assert_eq!(server.get("/v1/aggregates/grown/1").1, now);
    server.stop();
}

#[test]
fn fold_files_are_followed_and_say_why_they_do_not_load() {
    let data = tempfile::tempdir().unwrap();
    let folds = data.path().join("folds");
    let server = Running::start(data.path());
    begin(&server, "order");
    let path = "/v1/aggregates/order/1";
    let write = |name: &str, text: &str| fs::write(folds.join(name), text).unwrap();
    let good = fold("order");
    write("order.yaml", &good);
    server.until(path, |status, _| status == 200);

    // A second file with the name, and neither is taken for the other.
    write("copy.yaml", &good);
    let said = server.until(path, |status, _| status == 404);
    assert!(
        said.contains("copy.yaml") && said.contains("order.yaml"),
        "{said}"
    );
    let (_, listed) = server.get("/v1/aggregates");
    let told: Vec<(&str, &Value)> = listed["not_loaded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["file"].as_str().unwrap(), &one["line"]))
        .collect();
    assert_eq!(
        told,
        [("copy.yaml", &json!(1)), ("order.yaml", &json!(1))],
        "{listed}"
    );
    let (status, said) = server.ask("POST", "/v1/folds/order/update", None);
    assert!(
        status == 409 && said.contains("copy.yaml and order.yaml"),
        "{said}"
    );
    fs::remove_file(folds.join("copy.yaml")).unwrap();
    server.until(path, |status, _| status == 200);

    // Broken, whichever way, and mended.
    let broken = [
        (good.replace("event.note", "event.nte"), "line 7"),
        (good.replace("shop.Placed", "shop.Plced"), "line 5"),
        (good.replace("topic: order", "topic: nowhere"), "nowhere"),
        (good.replace("rev: 1", "rev: [1"), "order.yaml"),
    ];
    for (text, part) in broken {
        write("order.yaml", &text);
        let said = server.until(path, |status, text| status == 404 && text.contains(part));
        assert!(said.contains("does not load"), "{said}");
        for page in ["/console", "/console/aggregates", "/v1/aggregates"] {
            let (_, text) = server.ask("GET", page, None);
            assert!(
                text.contains(part) || text.contains("\"line\":7") || text.contains("\"line\":5"),
                "{page}: {text}"
            );
        }
        write("order.yaml", &good);
        server.until(path, |status, _| status == 200);
    }

    // Changed and taken away.
    write(
        "order.yaml",
        &good.replace("note: event.note", "words: event.note"),
    );
    server.until(path, |status, text| status == 200 && text.contains("words"));
    write("order.lock", "shop.Placed: [");
    let said = server.until(path, |status, _| status == 404);
    assert!(
        said.contains("order.lock") && said.contains("annals fold update order"),
        "{said}"
    );
    server.have("POST", "/v1/folds/order/update", Value::Null);
    server.until(path, |status, _| status == 200);
    fs::remove_file(folds.join("order.yaml")).unwrap();
    let said = server.until(path, |status, _| status == 404);
    assert!(said.contains("there are: none"), "{said}");

    // A fold that comes when its schemas are soft-deleted reads with them all the same.
    fs::remove_file(folds.join("order.lock")).unwrap();
    server.have("DELETE", "/subjects/order-value", Value::Null);
    write("order.yaml", &good);
    server.until(path, |status, _| status == 200);
    server.stop();
}
