//! A server in this process, and topics whose folds it runs.

use std::collections::BTreeMap;
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
pub(crate) struct Running {
    runtime: Runtime,
    kafka: String,
    http: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub(crate) fn start(data_dir: &Path) -> Running {
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

    pub(crate) fn stop(self) {
        self.stop.send(()).unwrap();
        self.runtime.block_on(self.ended).unwrap().unwrap();
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
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

    /// Sends a fold.
    pub(crate) fn send_fold(&self, path: &str, text: &str) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let request = agent.post(format!("{}{path}", self.http));
        let mut answer = request.content_type("application/yaml").send(text).unwrap();
        let said = answer.body_mut().read_to_string().unwrap();
        let json = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        (answer.status().as_u16(), json)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.ask("GET", path, None);
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Does what must work.
    pub(crate) fn have(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, text) = self.ask(method, path, Some(&body));
        assert_eq!(status, 200, "{method} {path} {body}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) fn register(&self, subject: &str, kind: &str, schema: &str) -> SchemaId {
        let body = json!({"schema": schema, "schemaType": kind});
        let answer = self.have("POST", &format!("/subjects/{subject}/versions"), body);
        SchemaId::new(u32::try_from(answer["id"].as_u64().unwrap()).unwrap()).unwrap()
    }

    pub(crate) fn topic(&self, name: &str) {
        self.runtime.block_on(async {
            let mut client = Client::connect(&self.kafka).await.unwrap();
            client.create_topic(name, 1, &BTreeMap::new()).await.unwrap();
        });
    }

    pub(crate) fn send(&self, topic: &str, id: SchemaId, body: &[u8]) {
        self.send_as("1", topic, id, body);
    }

    /// The key is the aggregate's id.
    pub(crate) fn send_as(&self, key: &'static str, topic: &str, id: SchemaId, body: &[u8]) {
        let mut value = Vec::new();
        envelope::write(id, &mut value);
        value.extend_from_slice(body);
        let record = NewRecord {
            key: Some(key.into()),
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
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
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

pub(crate) fn record(name: &str, more: &str, fields: &str) -> String {
    format!(r#"{{"type":"record","name":"{name}","namespace":"shop"{more},"fields":[{fields}]}}"#)
}

pub(crate) const NOTE: &str = r#"{"name":"note","type":"string"}"#;
pub(crate) const TOTAL: &str = r#"{"name":"total","type":"long"}"#;
pub(crate) const EXTRA: &str = r#"{"name":"extra","type":"string","default":"none"}"#;

/// The fold of a topic of Avro records, named as the topic.
pub(crate) fn fold(topic: &str) -> String {
    format!(
        "name: {topic}\nrev: 1\ntopic: {topic}\nevents:\n  shop.Placed:\n    begin:\n      - set: {{ note: event.note, total: event.total }}\n"
    )
}

pub(crate) fn placed() -> Vec<u8> {
    let mut body = wire::Writer::new();
    body.string("hello");
    body.long(7);
    body.into_bytes()
}

/// The same with one field more.
pub(crate) fn grown() -> String {
    record("Placed", "", &[NOTE, TOTAL, EXTRA].join(","))
}

/// Of the grown record.
pub(crate) fn placed_grown() -> Vec<u8> {
    let mut body = wire::Writer::new();
    body.string("hello");
    body.long(7);
    body.string("more");
    body.into_bytes()
}

pub(crate) const PARCEL: &str = r#"syntax = "proto3"; package PACKAGE;
message Parcel { string id = 1; oneof event { Packed packed = 2; Sent sent = 3; } }
message Packed { string box = 1; }
message Sent { string carrier = 1; }"#;

/// Registers the first schemas of a topic and sends what its aggregate is made of.
pub(crate) fn begin(server: &Running, topic: &str) {
    server.topic(topic);
    let subject = format!("{topic}-value");
    if topic == "package" {
        let id = server.register(&subject, "PROTOBUF", &PARCEL.replace("PACKAGE", "p"));
        // Message indexes [0], id "1", then member 2 with box "b".
        server.send(topic, id, &[0, 0x0a, 1, b'1', 0x12, 3, 0x0a, 1, b'b']);
        return;
    }
    let first = record("Placed", "", &[NOTE, TOTAL].join(","));
    if topic == "shared" {
        server.register("a-subject-of-nobody", "AVRO", &first);
    }
    let id = server.register(&subject, "AVRO", &first);
    server.send(topic, id, &placed());
    if topic == "versions" {
        // Only an aggregate's first event has a block: the second is of another one.
        let id = server.register(&subject, "AVRO", &grown());
        server.send_as("2", topic, id, &placed_grown());
    }
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
