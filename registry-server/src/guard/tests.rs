//! What each level asks of records, by which subjects, and how rules are kept.

use std::collections::BTreeMap;

use annals_broker::{Caller, Guard, Record, Refusal, SENTENCES_MAX, Topic};
use annals_schema_model::SchemaId;
use annals_schema_model::avro::wire::Writer;
use bytes::Bytes;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::SchemaGuard;
use crate::registry::{Qualified, RegisterRequest, RuleSet};
use crate::service::Registry;
use crate::store::Database;

/// A registry with a guard over it.
struct Desk {
    registry: Registry,
    guard: SchemaGuard,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn open() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("registry.db"));
        let registry = Registry::open(&database, || 0, 1).await.unwrap();
        Desk {
            guard: SchemaGuard::new(registry.clone()),
            registry,
            _folder: folder,
        }
    }

    /// Registers a schema with rules; the answer is its id and guid.
    async fn register(&self, subject: &str, kind: &str, text: &str, rules: Json) -> (SchemaId, Uuid) {
        let request = RegisterRequest {
            schema: text.to_owned(),
            schema_type: Some(kind.to_owned()),
            rule_set: Some(RuleSet::from_json(json!({"domainRules": rules})).unwrap()),
            ..RegisterRequest::default()
        };
        let id = self
            .registry
            .register(&Qualified::parse(subject), request)
            .await
            .unwrap()
            .id();
        (id, self.registry.view().schema(id).unwrap().guid)
    }

    fn judge(&self, config: &[(&str, &str)], records: Vec<Record>) -> Vec<Refusal> {
        let config = config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let topic = Topic::new("t", Uuid::nil(), Vec::new(), config.collect::<BTreeMap<_, _>>());
        let caller = Caller {
            client_id: None,
            peer: ([127, 0, 0, 1], 9).into(),
        };
        self.guard
            .judge(&topic, &caller, &mut records.into_iter())
            .unwrap()
    }

    /// The code of the refusal of one value, if it is refused.
    fn code(&self, config: &[(&str, &str)], value: &[u8]) -> Option<&'static str> {
        let refusals = self.judge(config, vec![record(0, Some(value), &[])]);
        refusals.first().map(|refusal| refusal.code)
    }
}

fn record(index: i32, value: Option<&[u8]>, headers: &[(&str, &[u8])]) -> Record {
    Record {
        offset: i64::from(index),
        index,
        timestamp_ms: 0,
        key: None,
        value: value.map(Bytes::copy_from_slice),
        headers: headers
            .iter()
            .map(|(name, value)| (*name, Some(*value)))
            .collect(),
    }
}

/// A body behind an id.
fn framed(id: SchemaId, body: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    annals_schema_model::envelope::write(id, &mut value);
    value.extend_from_slice(body);
    value
}

const GUARD: &str = "annals.value.guard";
const STRATEGY: &str = "annals.value.subject.name.strategy";
const POINT: &str =
    r#"{"type": "record", "name": "Point", "namespace": "n", "fields": [{"name": "x", "type": "int"}]}"#;
const TWO: &str =
    "syntax = \"proto3\"; package p; message One { int32 a = 1; } message Two { string b = 1; }";

#[tokio::test(flavor = "multi_thread")]
async fn each_level_asks_what_the_one_before_it_asks_and_more() {
    let desk = Desk::open().await;
    let (own, _) = desk.register("t-value", "AVRO", POINT, json!([])).await;
    let (foreign, _) = desk.register("u-value", "AVRO", "\"string\"", json!([])).await;
    let nobodys = SchemaId::new(99).unwrap();
    let values = [
        b"text".to_vec(),
        framed(nobodys, &[2]),
        framed(foreign, &[0]),
        framed(own, &[]),
        framed(own, &[2]),
    ];
    let all = [
        "NO_SCHEMA_ID",
        "UNKNOWN_SCHEMA_ID",
        "FOREIGN_SCHEMA_ID",
        "INVALID_PAYLOAD",
    ];
    for (config, refused) in [
        (&[][..], 4),
        (&[(GUARD, "auto")], 4),
        (&[(GUARD, "off")], 0),
        (&[(GUARD, "id")], 2),
        (&[(GUARD, "subject")], 3),
        (&[("confluent.value.schema.validation", "true")], 3),
        (&[("redpanda.value.schema.id.validation", "true")], 3),
        (&[(GUARD, "full")], 4),
        (&[(GUARD, "warn")], 4),
    ] {
        for (place, value) in values.iter().enumerate() {
            let wanted = all.get(place).copied().filter(|_| place < refused);
            assert_eq!(desk.code(config, value), wanted, "{config:?}, value {place}");
        }
        let refusals = desk.judge(config, vec![record(0, Some(b"text"), &[])]);
        let is_warn = config == [(GUARD, "warn")];
        assert!(
            refusals.iter().all(|refusal| refusal.is_warning == is_warn),
            "{config:?}"
        );
    }
    // A refusal says which schema it is about, where there is one.
    let ids: Vec<_> = values
        .iter()
        .map(|value| {
            let refusals = desk.judge(&[], vec![record(0, Some(value), &[])]);
            refusals.first().and_then(|refusal| refusal.schema_id)
        })
        .collect();
    assert_eq!(ids, [None, Some(99), Some(foreign.get()), Some(own.get()), None]);
    // A record without a value is welcome unless the topic says otherwise, whatever else it asks.
    let null = || vec![record(0, None, &[])];
    assert!(desk.judge(&[(GUARD, "full")], null()).is_empty());
    for level in ["off", "full", "warn"] {
        let refusals = desk.judge(&[(GUARD, level), ("annals.value.nulls", "reject")], null());
        assert_eq!(
            (refusals[0].code, refusals[0].is_warning),
            ("NO_VALUE", false),
            "{level}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subjects_are_those_that_the_topics_strategies_name() {
    let desk = Desk::open().await;
    let subjects = ["t-value", "n.Point", "t-n.Point", "u-value"];
    let mut values = Vec::new();
    for (place, subject) in subjects.into_iter().enumerate() {
        // Each has a text of its own, or they had one id.
        let text = POINT.replace("int\"", &format!("int\", \"place\": {place}"));
        let (id, _) = desk.register(subject, "AVRO", &text, json!([])).await;
        values.push(framed(id, &[2]));
    }
    for (strategy, welcome) in [
        ("topic", [true, false, false, false]),
        ("record", [false, true, false, false]),
        ("topic-record", [false, false, true, false]),
        ("topic,topic-record", [true, false, true, false]),
        ("record,topic", [true, true, false, false]),
    ] {
        let config = [(GUARD, "subject"), (STRATEGY, strategy)];
        let admitted: Vec<bool> = values
            .iter()
            .map(|value| desk.code(&config, value).is_none())
            .collect();
        assert_eq!(admitted, welcome, "{strategy}");
    }
    let class = "io.confluent.kafka.serializers.subject.RecordNameStrategy";
    let config = [
        ("confluent.value.schema.validation", "true"),
        ("confluent.value.subject.name.strategy", class),
    ];
    assert_eq!(desk.code(&config, &values[1]), None);
    assert_eq!(desk.code(&config, &values[0]), Some("FOREIGN_SCHEMA_ID"));

    // In Protobuf the record's name is that of the message which is written, whichever of its file it is.
    let (id, _) = desk.register("p.Two", "PROTOBUF", TWO, json!([])).await;
    for level in ["subject", "full"] {
        let config = [(GUARD, level), (STRATEGY, "record")];
        assert_eq!(
            desk.code(&config, &framed(id, &[2, 2, 0x0a, 1, b'x'])),
            None,
            "{level}"
        );
        assert_eq!(
            desk.code(&config, &framed(id, &[0, 0x08, 1])),
            Some("FOREIGN_SCHEMA_ID"),
            "{level}"
        );
        assert_eq!(
            desk.code(&config, &framed(id, &[1])),
            Some("INVALID_PAYLOAD"),
            "{level}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_may_be_named_in_a_header_and_nothing_hides_behind_its_name() {
    let desk = Desk::open().await;
    let (_, avro) = desk.register("t-value", "AVRO", POINT, json!([])).await;
    let (_, proto) = desk.register("t-p.One", "PROTOBUF", TWO, json!([])).await;
    let (_, json) = desk
        .register(
            "t-J",
            "JSON",
            r#"{"title": "J", "type": "object", "required": ["a"]}"#,
            json!([]),
        )
        .await;
    let header = |guid: Uuid, rest: &[u8]| [&[1], &guid.as_bytes()[..], rest].concat();
    for (guid, rest, body, code) in [
        (avro, &[][..], &[2][..], None),
        (avro, &[], &[], Some("INVALID_PAYLOAD")),
        // Together they read, but whoever reads the value sees the second byte alone.
        (avro, &[2], &[], Some("INVALID_PAYLOAD")),
        (proto, &[0], &[0x08, 1], None),
        (proto, &[0], &[0x0a, 1, b'x'], Some("INVALID_PAYLOAD")),
        (proto, &[0, 0x08], &[1], Some("INVALID_PAYLOAD")),
        (proto, &[], &[0, 0x08, 1], Some("INVALID_PAYLOAD")),
        (json, &[], b"{\"a\": 1}", None),
        (json, &[], b"{}", Some("INVALID_PAYLOAD")),
        (Uuid::nil(), &[], &[2], Some("UNKNOWN_SCHEMA_ID")),
    ] {
        let header = header(guid, rest);
        let record = record(0, Some(body), &[("__value_schema_id", &header)]);
        let refusals = desk.judge(&[], vec![record]);
        let found = refusals
            .first()
            .map(|refusal| (refusal.code, refusal.sentence.clone()));
        assert_eq!(
            found.as_ref().map(|(code, _)| *code),
            code,
            "{guid} {rest:?} {body:?}: {found:?}"
        );
    }
}

fn rule(name: &str, kind: &str, expr: &str, more: Json) -> Json {
    let mut rule = json!({"name": name, "kind": "CONDITION", "mode": "WRITE", "type": kind, "expr": expr});
    rule.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    rule
}

const PERSON: &str = r#"{"type": "record", "name": "Person", "namespace": "n", "fields": [
    {"name": "name", "type": "string", "confluent:tags": ["PII"]},
    {"name": "age", "type": "int"},
    {"name": "born", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "mails", "type": {"type": "array", "items": "string"}, "confluent:tags": ["PII"]},
    {"name": "note", "type": ["null", "string"]}]}"#;

fn person(name: &str, age: i32, mails: &[&str]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.string(name);
    writer.int(age);
    writer.long(1_000);
    if !mails.is_empty() {
        writer.long(i64::try_from(mails.len()).unwrap());
        mails.iter().for_each(|mail| writer.string(mail));
    }
    writer.long(0);
    writer.long(0);
    writer.into_bytes()
}

/// Rules, and whether they refuse Ada, who is 36, nobody, of the same age, and Bob, who is 7 and has no mails.
#[rustfmt::skip]
fn rules_and_what_they_refuse() -> Vec<(Json, [bool; 3])> {
    let none = || json!({});
    let cel = |expr: &str, more: Json| rule("adult", "CEL", expr, more);
    let field = |expr: &str, more: Json| rule("full", "CEL_FIELD", expr, more);
    let adult = |more: Json| rule("adult", "CEL", "message.age >= 18", more);
    vec![
        (adult(none()), [false, false, true]),
        (cel("message.name == 'bob' ; message.age >= 18", none()), [false, false, true]),
        (cel("message.name == 'x' ; message.age >= 18", none()), [false; 3]),
        // Where its guard comes out as an error a rule is not asked; where the rule does, it is broken.
        (cel("message.gone == 1 ; false", none()), [false; 3]),
        (cel("message.gone == 1", none()), [true; 3]),
        (adult(json!({"mode": "WRITEREAD"})), [false, false, true]),
        (adult(json!({"mode": "READ"})), [false; 3]),
        (adult(json!({"disabled": true})), [false; 3]),
        (adult(json!({"kind": "TRANSFORM"})), [false; 3]),
        (adult(json!({"onFailure": "NONE"})), [false; 3]),
        (adult(json!({"onFailure": "DLQ,NONE", "mode": "WRITEREAD"})), [false, false, true]),
        (adult(json!({"onFailure": "NONE,ERROR", "mode": "WRITEREAD"})), [false; 3]),
        (rule("adult", "JSONATA", "age >= 18", none()), [false; 3]),
        // A timestamp is the number it is written as, as in clients.
        (cel("message.born > 999 && message.born < 1001", none()), [false; 3]),
        (field("typeName == 'STRING' ; value != ''", none()), [false, true, false]),
        (field("value != ''", json!({"tags": ["PII"]})), [false, true, false]),
        (field("name == 'mails' ; value.matches('@')", json!({"tags": ["PII"]})), [false, true, false]),
        (field("fullName == 'n.Person.age' ; value > 7 && message.age == value", none()), [false, false, true]),
        (field("name == 'note' ; value == null && typeName == 'NULL'", none()), [false; 3]),
        (field("tags.exists(t, t == 'PII') ; size(message.mails) > 0", none()), [false, false, true]),
        (field("false", json!({"tags": ["SECRET"]})), [false; 3]),
        // Confluent's own functions.
        (cel("(message.name + '@example.com').isEmail()", none()), [false, true, false]),
        (cel("message.name.isHostname() && !message.name.isUuid()", none()), [false, true, false]),
        // What this server cannot ask it cannot keep.
        (cel("message.name.isMagic()", none()), [true; 3]),
        (cel(&"(".repeat(4_000), none()), [true; 3]),
        (cel(&"!".repeat(4_000), none()), [true; 3]),
        (cel(&format!("1{}", "+1".repeat(2_000)), none()), [true; 3]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_in_cel_are_kept_and_the_sentence_names_the_rule() {
    let ada = person("ada", 36, &["a@b"]);
    let nobody = person("", 36, &["a@b", ""]);
    let child = person("bob", 7, &[]);
    for (rule, broken) in rules_and_what_they_refuse() {
        let desk = Desk::open().await;
        let (id, _) = desk
            .register("t-value", "AVRO", PERSON, json!([rule.clone()]))
            .await;
        let found = [&ada, &nobody, &child].map(|body| {
            let refusals = desk.judge(&[], vec![record(0, Some(&framed(id, body)), &[])]);
            refusals
                .first()
                .map(|refusal| (refusal.code, refusal.sentence.clone()))
        });
        assert_eq!(found.each_ref().map(Option::is_some), broken, "{rule}: {found:?}");
        for (code, sentence) in found.iter().flatten() {
            assert_eq!(*code, "BROKEN_RULE");
            assert!(sentence.contains(&format!("rule {}", rule["name"])), "{sentence}");
        }
        // Rules are a matter of the payload.
        assert_eq!(desk.code(&[(GUARD, "subject")], &framed(id, &child)), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_says_is_told_and_conditions_before_a_transform_are_left_to_clients() {
    let desk = Desk::open().await;
    let rules = json!([
        rule("before", "CEL", "false", json!({})),
        rule("change", "CEL_FIELD", "value", json!({"kind": "TRANSFORM"})),
        rule(
            "adult",
            "CEL",
            "message.age >= 18",
            json!({"doc": "nobody under 18"})
        ),
        rule("named", "CEL_FIELD", "name == 'name' ; value != 'bob'", json!({})),
    ]);
    let (id, _) = desk.register("t-value", "AVRO", PERSON, rules).await;
    let sentences = |body: &[u8]| -> Vec<String> {
        let refusals = desk.judge(&[], vec![record(0, Some(&framed(id, body)), &[])]);
        refusals.into_iter().map(|refusal| refusal.sentence).collect()
    };
    assert!(sentences(&person("ada", 36, &[])).is_empty());
    let wanted = format!("t-value v1 (id {id}): rule \"adult\" is broken: nobody under 18");
    assert_eq!(sentences(&person("ada", 7, &[])), [wanted]);
    let wanted = format!(
        "t-value v1 (id {id}): rule \"named\" is broken at n.Person.name: name == 'name' ; value != 'bob'"
    );
    assert_eq!(sentences(&person("bob", 18, &[])), [wanted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_see_the_fields_of_every_format() {
    let proto = r#"syntax = "proto3"; package p; import "confluent/meta.proto";
        message Outer { Inner inner = 1; message Inner { string mail = 1 [(confluent.field_meta).tags = "PII"]; int64 n = 2; } }"#;
    let json_schema = r##"{"type": "object", "properties": {"inner": {"$ref": "#/definitions/I"}}, "definitions": {"I": {
        "type": "object", "properties": {"mail": {"type": "string", "confluent:tags": ["PII"]}, "n": {"type": "integer"}}}}}"##;
    let (good, bad) = (&[0, 0x0a, 3, 0x0a, 1, b'@'][..], &[0, 0x0a, 3, 0x0a, 1, b'x'][..]);
    for (kind, text, name, good, bad) in [
        ("PROTOBUF", proto, "p.Outer.Inner.mail", good, bad),
        (
            "JSON",
            json_schema,
            "$.inner.mail",
            br#"{"inner": {"mail": "@", "n": 1}}"#,
            br#"{"inner": {"mail": "x"}}"#,
        ),
    ] {
        let desk = Desk::open().await;
        let expr = format!("fullName == '{name}' && typeName == 'STRING' && value.matches('@')");
        let rules = json!([rule("mail", "CEL_FIELD", &expr, json!({"tags": ["PII"]}))]);
        let (id, _) = desk.register("t-value", kind, text, rules).await;
        assert_eq!(desk.code(&[], &framed(id, good)), None, "{kind}");
        assert_eq!(desk.code(&[], &framed(id, bad)), Some("BROKEN_RULE"), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_records_cost_no_more_than_they_may() {
    let desk = Desk::open().await;
    let text = r#"{"type": "array", "items": "int"}"#;
    // A rule that looks at every pair.
    let rules = json!([rule(
        "pairs",
        "CEL",
        "message.all(a, message.all(b, a + b > 0))",
        json!({})
    )]);
    let (id, _) = desk.register("t-value", "AVRO", text, rules).await;
    let short = framed(id, &[2, 2, 0]);
    let mut long = framed(id, &[]);
    long.extend([0xc0, 0x9a, 0x0c]);
    long.extend(std::iter::repeat_n(2, 100_000));
    long.push(0);
    let refusals = desk.judge(&[], vec![record(0, Some(&long), &[])]);
    assert_eq!(refusals[0].code, "BROKEN_RULE", "the work is bounded");
    // The same rule on records of a size for it, and records that break it, each named, a thousand with a sentence.
    let records = |value: &[u8]| {
        (0..100_000)
            .map(|index| record(index, Some(value), &[]))
            .collect::<Vec<_>>()
    };
    assert!(desk.judge(&[], records(&short)).is_empty());
    let refusals = desk.judge(&[], records(&framed(id, &[2, 1, 0])));
    assert_eq!(refusals.len(), 100_000);
    let told = refusals
        .iter()
        .filter(|refusal| !refusal.sentence.is_empty())
        .count();
    assert_eq!(told, SENTENCES_MAX);
}
