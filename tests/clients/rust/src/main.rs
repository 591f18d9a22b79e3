//! schema_registry_converter against the server: its calls, and what it encodes through the broker, by rskafka.
//!
//! `rust-client BOOTSTRAP REGISTRY`; stops at the first surprise. All topics are guarded at full, as topics with a
//! registered subject are, so whatever is acknowledged here was understood by the server too.

use std::collections::BTreeMap;
use std::time::Duration;

use apache_avro::types::Value as Avro;
use rskafka::chrono::DateTime;
use rskafka::client::error::{Error as KafkaError, ProtocolError};
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use schema_registry_converter::async_impl::avro::{AvroDecoder, AvroEncoder};
use schema_registry_converter::async_impl::json::{JsonDecoder, JsonEncoder};
use schema_registry_converter::async_impl::proto_decoder::ProtoDecoder;
use schema_registry_converter::async_impl::proto_encoder::ProtoEncoder;
use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_all_subjects, get_all_versions, get_schema_by_guid, get_schema_by_id,
    get_schema_by_subject, get_schema_by_subject_and_version, is_compatible_schema, post_schema,
};
use schema_registry_converter::schema_registry_common::{
    SchemaType, SubjectNameStrategy, SuppliedReference, SuppliedSchema,
};
use serde_json::json;

const CLIENT: &str = "schema_registry_converter 6.0.0 with rskafka 0.6.0";

/// The server under test, as both clients see it.
struct Annals {
    kafka: Client,
    registry: SrSettings,
}

impl Annals {
    async fn create(&self, topic: &str) {
        let controller = self.kafka.controller_client().unwrap();
        controller.create_topic(topic, 1, 1, 5_000).await.unwrap();
    }

    async fn produce(&self, topic: &str, record: Record) -> Result<i64, KafkaError> {
        let partition = self.kafka.partition_client(topic, 0, UnknownTopicHandling::Error);
        let offsets = partition
            .await?
            .produce(vec![record], Compression::NoCompression)
            .await?;
        Ok(offsets[0])
    }

    /// Acknowledged, and read back as it was sent.
    async fn takes(&self, topic: &str, sent: Record) {
        let offset = self.produce(topic, sent.clone()).await.unwrap();
        let partition = self.kafka.partition_client(topic, 0, UnknownTopicHandling::Error);
        let partition = partition.await.unwrap();
        let (records, _) = partition.fetch_records(offset, 1..1 << 20, 5_000).await.unwrap();
        let found = &records[0].record;
        assert_eq!(
            (&found.value, &found.headers),
            (&sent.value, &sent.headers),
            "{topic}"
        );
    }

    /// The guard refuses it.
    async fn refuses(&self, topic: &str, record: Record) {
        match self.produce(topic, record).await {
            Err(KafkaError::ServerError {
                protocol_error: ProtocolError::InvalidRecord,
                ..
            }) => {}
            other => panic!("{topic}: {other:?}"),
        }
    }
}

fn record(value: &[u8]) -> Record {
    let timestamp = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
    Record {
        key: None,
        value: Some(value.to_vec()),
        headers: BTreeMap::new(),
        timestamp,
    }
}

fn value_of(topic: &str, schema: SuppliedSchema) -> SubjectNameStrategy {
    SubjectNameStrategy::TopicNameStrategyWithSchema(topic.to_owned(), false, schema)
}

fn newest(topic: &str) -> SubjectNameStrategy {
    SubjectNameStrategy::TopicNameStrategy(topic.to_owned(), false)
}

fn order(cents: &str, more: &str) -> SuppliedSchema {
    let text = format!(
        r#"{{"type":"record","name":"Order","namespace":"test","fields":[{{"name":"id","type":"string"}},{{"name":"cents","type":"{cents}"}}{more}]}}"#
    );
    SuppliedSchema::new(Some("test.Order".to_owned()), SchemaType::Avro, text)
}

const NOTE: &str = r#",{"name":"note","type":["null","string"],"default":null}"#;

async fn calls(annals: &Annals) {
    let sr = &annals.registry;
    let subject = "rs-calls";
    let first = post_schema(sr, subject.to_owned(), order("long", ""))
        .await
        .unwrap();
    assert_eq!(first.schema_type, SchemaType::Avro);
    assert_eq!(get_schema_by_id(first.id, sr).await.unwrap().schema, first.schema);
    let by_guid = get_schema_by_guid(first.guid.as_deref().unwrap(), sr)
        .await
        .unwrap();
    assert_eq!(by_guid.schema, first.schema);
    let named = SubjectNameStrategy::RecordNameStrategy(subject.to_owned());
    assert_eq!(get_schema_by_subject(sr, &named).await.unwrap().id, first.id);
    assert!(
        is_compatible_schema(sr, subject.to_owned(), order("long", NOTE))
            .await
            .unwrap()
    );
    assert!(
        !is_compatible_schema(sr, subject.to_owned(), order("string", ""))
            .await
            .unwrap()
    );
    let refusal = post_schema(sr, subject.to_owned(), order("string", ""))
        .await
        .unwrap_err();
    let said = format!("{refusal} {}", refusal.cause.as_deref().unwrap_or(""));
    assert!(
        said.contains("TYPE_MISMATCH") && said.contains("/fields/1/type"),
        "{said}"
    );
    let second = post_schema(sr, subject.to_owned(), order("long", NOTE))
        .await
        .unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(get_all_versions(sr, subject.to_owned()).await.unwrap(), [1, 2]);
    let version = get_schema_by_subject_and_version(sr, subject, Some(1))
        .await
        .unwrap();
    assert_eq!(version.id, first.id);
    assert!(get_all_subjects(sr).await.unwrap().contains(&subject.to_owned()));
    assert!(get_schema_by_id(99_999, sr).await.is_err());
}

async fn avro_records(annals: &Annals) {
    let topic = "rs-orders";
    annals.create(topic).await;
    let encoder = AvroEncoder::new(annals.registry.clone());
    let fields = || vec![("id", Avro::String("o-1".to_owned())), ("cents", Avro::Long(5))];
    let written = encoder
        .encode(fields(), value_of(topic, order("long", "")))
        .await
        .unwrap();
    annals.takes(topic, record(&written)).await;
    let read = AvroDecoder::new(annals.registry.clone())
        .decode(Some(&written))
        .await
        .unwrap();
    let wanted = fields()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    assert_eq!(read.value, Avro::Record(wanted));
    let fresh = AvroEncoder::new(annals.registry.clone());
    assert_eq!(fresh.encode(fields(), newest(topic)).await.unwrap(), written);
    annals.refuses(topic, record(&written[..written.len() - 1])).await;
    annals.refuses(topic, record(b"free text")).await;
    let broken = value_of(topic, order("string", ""));
    let broken = AvroEncoder::new(annals.registry.clone())
        .encode(fields(), broken)
        .await;
    assert!(broken.is_err(), "an incompatible schema was registered");
}

/// The client registers what is referred to under its own subject, then the schema itself. It finds a referenced type
/// by its short name only, within one namespace.
async fn avro_references(annals: &Annals) {
    let topic = "rs-lines";
    annals.create(topic).await;
    let money =
        r#"{"type":"record","name":"Money","namespace":"test","fields":[{"name":"cents","type":"long"}]}"#;
    let line =
        r#"{"type":"record","name":"Line","namespace":"test","fields":[{"name":"price","type":"Money"}]}"#;
    let reference = SuppliedReference::new("test.Money".into(), "rs-money".into(), money.into());
    let schema = SuppliedSchema::new(Some("test.Line".into()), SchemaType::Avro, line.into());
    let strategy = value_of(topic, schema.with_references(vec![reference]));
    let price = Avro::Record(vec![("cents".to_owned(), Avro::Long(120))]);
    let encoder = AvroEncoder::new(annals.registry.clone());
    let written = encoder
        .encode(vec![("price", price.clone())], strategy)
        .await
        .unwrap();
    annals.takes(topic, record(&written)).await;
    let read = AvroDecoder::new(annals.registry.clone())
        .decode(Some(&written))
        .await
        .unwrap();
    assert_eq!(read.value, Avro::Record(vec![("price".to_owned(), price)]));
    annals.refuses(topic, record(&written[..written.len() - 1])).await;
}

async fn protobuf_records(annals: &Annals) {
    let topic = "rs-parcels";
    annals.create(topic).await;
    let money =
        "syntax = \"proto3\";\npackage rs;\nmessage Money { int64 cents = 1; string currency = 2; }\n";
    let parcel = "syntax = \"proto3\";\npackage rs;\nimport \"rs/money.proto\";\nmessage Ignored { bool unused = 1; }\n\
        message Parcel {\n  message Leg { string hub = 1; }\n  string id = 1;\n  Money postage = 2;\n  \
        repeated Leg legs = 3;\n}\n";
    let reference = SuppliedReference::new("rs/money.proto".into(), "rs/money.proto".into(), money.into());
    let schema = SuppliedSchema::new(Some("rs.Parcel".into()), SchemaType::Protobuf, parcel.into());
    let strategy = value_of(topic, schema.with_references(vec![reference]));
    let encoder = ProtoEncoder::new(annals.registry.clone());
    let decoder = ProtoDecoder::new(annals.registry.clone());
    let cases = [
        (
            "rs.Parcel",
            json!({"id": "p-1", "postage": {"cents": "499", "currency": "EUR"}, "legs": [{"hub": "AMS"}]}),
            vec![2, 2],
        ),
        ("rs.Parcel.Leg", json!({"hub": "CDG"}), vec![4, 2, 0]),
    ];
    for (name, message, indexes) in cases {
        let written = encoder.encode_json(&message, name, &strategy).await.unwrap();
        // Message indexes: the second message of the file, and the first one within that.
        assert_eq!(&written[5..5 + indexes.len()], indexes, "{name}");
        annals.takes(topic, record(&written)).await;
        let read = decoder
            .decode_with_context(Some(&written))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(read.full_name, name);
        assert_eq!(serde_json::to_value(&read.value).unwrap(), message);
        annals.refuses(topic, record(&written[..written.len() - 1])).await;
    }
}

async fn json_records(annals: &Annals) {
    let topic = "rs-people";
    annals.create(topic).await;
    let address = json!({"$id": "https://example.com/address.json", "type": "object", "required": ["city"],
        "properties": {"city": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}}});
    let person = {
        let schema = json!({"$id": "https://example.com/person.json", "type": "object", "required": ["name"],
            "additionalProperties": false, "properties": {"name": {"type": "string"},
            "age": {"type": "integer", "minimum": 0}, "home": {"$ref": "https://example.com/address.json"}}});
        let reference = SuppliedReference::new(
            "https://example.com/address.json".into(),
            "rs-address".into(),
            address.to_string(),
        );
        SuppliedSchema::new(None, SchemaType::Json, schema.to_string()).with_references(vec![reference])
    };
    let encoder = JsonEncoder::new(annals.registry.clone());
    let value = json!({"name": "Ada", "age": 36, "home": {"city": "London", "zip": "12345"}});
    let written = encoder.encode(&value, value_of(topic, person)).await.unwrap();
    annals.takes(topic, record(&written)).await;
    let decoder = JsonDecoder::new(annals.registry.clone());
    let read = decoder.decode(Some(&written)).await.unwrap().unwrap();
    assert_eq!(read.value, value);
    // What the client would refuse to write, the guard refuses to take.
    for wrong in [
        json!({"name": "Ada", "age": -1}),
        json!({"age": 36}),
        json!({"name": "Ada", "home": {"zip": "12345"}}),
    ] {
        let refused = encoder.encode(&wrong, newest(topic)).await;
        assert!(refused.is_err(), "{wrong} was written");
        let framed = [&written[..5], wrong.to_string().as_bytes()].concat();
        annals.refuses(topic, record(&framed)).await;
    }
}

async fn json_evolves(annals: &Annals) {
    let sr = &annals.registry;
    let subject = "rs-json";
    let schema = |text: serde_json::Value| SuppliedSchema::new(None, SchemaType::Json, text.to_string());
    let name =
        json!({"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": false});
    post_schema(sr, subject.to_owned(), schema(name.clone()))
        .await
        .unwrap();
    let mut tighter = name.clone();
    tighter["required"] = json!(["name"]);
    assert!(
        !is_compatible_schema(sr, subject.to_owned(), schema(tighter.clone()))
            .await
            .unwrap()
    );
    let refusal = post_schema(sr, subject.to_owned(), schema(tighter))
        .await
        .unwrap_err();
    assert!(
        format!("{refusal:?}").contains("REQUIRED_ATTRIBUTE_ADDED"),
        "{refusal:?}"
    );
    let mut wider = name;
    wider["properties"]["age"] = json!({"type": "integer"});
    post_schema(sr, subject.to_owned(), schema(wider)).await.unwrap();
    assert_eq!(get_all_versions(sr, subject.to_owned()).await.unwrap(), [1, 2]);
}

/// The id is a GUID in a record header, the value has no frame.
async fn headers(annals: &Annals) {
    let topic = "rs-headers";
    annals.create(topic).await;
    let encoder = AvroEncoder::new(annals.registry.clone());
    let fields = vec![("id", Avro::String("o-1".to_owned())), ("cents", Avro::Long(5))];
    let strategy = value_of(topic, order("long", ""));
    let (written, header) = encoder
        .encode_with_header_id(fields, strategy, false)
        .await
        .unwrap();
    let mut sent = record(&written);
    sent.headers.insert(header.name.to_owned(), header.value.clone());
    annals.takes(topic, sent.clone()).await;
    let decoder = AvroDecoder::new(annals.registry.clone());
    let read = decoder
        .decode_with_header_id(Some(&header.value), Some(&written))
        .await
        .unwrap();
    assert!(matches!(read.value, Avro::Record(fields) if fields[1].1 == Avro::Long(5)));
    sent.value = Some(written[..written.len() - 1].to_vec());
    annals.refuses(topic, sent).await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let kafka = tokio::time::timeout(
        Duration::from_secs(10),
        ClientBuilder::new(vec![args[1].clone()]).build(),
    );
    let annals = Annals {
        kafka: kafka.await.unwrap().unwrap(),
        registry: SrSettings::new(args[2].clone()),
    };
    let mut told = Vec::new();
    macro_rules! part {
        ($capability:literal, $part:ident) => {
            $part(&annals).await;
            println!("  {CLIENT}: {}: ok", $capability);
            told.push($capability);
        };
    }
    part!("register, look up, evolve", calls);
    part!("Avro records", avro_records);
    part!("Avro references", avro_references);
    part!("Protobuf records and references", protobuf_records);
    part!("GUIDs in headers", headers);
    part!("JSON Schema records and references", json_records);
    part!("evolving JSON Schema", json_evolves);
    println!(
        "client {CLIENT} | Avro, JSON Schema, Protobuf | {}",
        told.join(", ")
    );
}
