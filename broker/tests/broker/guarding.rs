//! What becomes of the records a guard has something against: refused, let in with a warning, counted, kept as dead letters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals_broker::{Refused, TopicError};
use annals_kafka_client::Client;
use annals_kafka_wire::batch::{BatchBuilder, Record};
use annals_kafka_wire::message::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use annals_kafka_wire::message::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use bytes::Bytes;

use crate::harness::*;

type Config = BTreeMap<String, String>;

fn config(pairs: &[(&str, &str)]) -> Config {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    pairs.collect()
}

async fn create(broker: &Running, name: &str, partitions: i32, pairs: &[(&str, &str)]) -> Result<(), String> {
    let (inner, name, config) = (broker.broker.clone(), name.to_owned(), config(pairs));
    let created = move || inner.create_topic(&name, partitions, config).map(drop);
    let created: Result<(), TopicError> = tokio::task::spawn_blocking(created).await.unwrap();
    created.map_err(|error| error.to_string())
}

async fn set_guard(broker: &Running, topic: &str, mode: &str) {
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: 2,
            resource_name: topic.to_owned(),
            configs: vec![AlterableConfig {
                name: "test.guard".to_owned(),
                config_operation: 0,
                value: Some(mode.to_owned()),
            }],
        }],
        validate_only: false,
    };
    let answer = ask(broker, 1, &request).await;
    assert_eq!(answer.responses[0].error_code, 0);
}

/// Name, value and source of a topic's guard settings, and the names that set them.
async fn guard_settings(broker: &Running, topic: &str) -> Vec<String> {
    let request = DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: 2,
            resource_name: topic.to_owned(),
            configuration_keys: None,
        }],
        include_synonyms: true,
        include_documentation: true,
    };
    let answer = ask(broker, 4, &request).await;
    let settings = answer.results[0].configs.iter();
    let of_guard =
        settings.filter(|setting| setting.name.starts_with("test.") || setting.name.starts_with("other."));
    let told = of_guard.map(|setting| {
        assert!(!setting.documentation.as_deref().unwrap().is_empty());
        let names: Vec<&str> = setting.synonyms.iter().map(|place| place.name.as_str()).collect();
        let value = setting.value.as_deref().unwrap();
        format!(
            "{}={value} of {} ({})",
            setting.name,
            setting.config_source,
            names.join(",")
        )
    });
    told.collect()
}

#[tokio::test]
async fn a_guards_settings_have_defaults_and_other_names_are_shown_as_they_were_set() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    create(&broker, "plain", 1, &[]).await.unwrap();
    create(&broker, "own", 1, &[("test.guard", "on"), ("test.words", "b,a")])
        .await
        .unwrap();
    create(&broker, "other", 1, &[("other.guard.on", "yes")])
        .await
        .unwrap();
    create(
        &broker,
        "both",
        1,
        &[("other.guard.on", "yes"), ("test.guard", "on")],
    )
    .await
    .unwrap();
    for (topic, wanted) in [
        (
            "plain",
            &[
                "test.guard=off of 5 (test.guard)",
                "test.words=a of 5 (test.words)",
            ][..],
        ),
        (
            "own",
            &[
                "test.guard=on of 1 (test.guard,test.guard)",
                "test.words=b,a of 1 (test.words,test.words)",
            ],
        ),
        (
            "other",
            &[
                "other.guard.on=yes of 1 (other.guard.on)",
                "test.guard=on of 1 (other.guard.on,test.guard)",
                "test.words=a of 5 (test.words)",
            ],
        ),
        (
            "both",
            &[
                "other.guard.on=yes of 1 (other.guard.on)",
                "test.guard=on of 1 (test.guard,test.guard)",
                "test.words=a of 5 (test.words)",
            ],
        ),
    ] {
        assert_eq!(guard_settings(&broker, topic).await, wanted, "{topic}");
    }
    for (pairs, says) in [
        (
            &[("other.guard.on", "maybe")][..],
            &["other.guard.on", "\"maybe\"", "yes or no"][..],
        ),
        (&[("test.guard", "1")], &["test.guard", "on or off"]),
        (
            &[("other.guard.on", "no"), ("test.guard", "on")],
            &[
                "other.guard.on = \"no\"",
                "test.guard = \"on\"",
                "different things",
            ],
        ),
    ] {
        let refused = create(&broker, "wrong", 1, pairs).await.unwrap_err();
        assert!(says.iter().all(|part| refused.contains(part)), "{refused}");
    }
    broker.stop().await;
}

/// What was told, but for when and whence.
fn told(refused: &[Refused]) -> Vec<(i32, &str, u64, bool)> {
    let told = refused.iter();
    told.map(|one| (one.partition, one.sentence.as_str(), one.records, one.is_warning))
        .collect()
}

#[tokio::test]
async fn what_is_only_warned_of_is_let_in_and_counted() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    create(&broker, "events", 1, &[("test.guard", "on")])
        .await
        .unwrap();
    let mut client = broker.client().await;
    assert_eq!(
        produce(
            &mut client,
            "events",
            batch(None, &["good", "bad but", "bad but"])
        )
        .await
        .error_code,
        0
    );
    // Of a batch that is refused nobody is warned: nothing of it is let in.
    let answer = produce(&mut client, "events", batch(None, &["bad but", "bad", "good"])).await;
    let at_fault: Vec<i32> = answer
        .record_errors
        .iter()
        .map(|record| record.batch_index)
        .collect();
    assert_eq!((answer.error_code, at_fault), (87, vec![1]));
    assert_eq!(
        values(&mut client, "events", 3).await,
        ["good", "bad but", "bad but"]
    );

    let last = broker.broker.last_refused("events");
    assert_eq!(
        told(&last),
        [(0, "record 1 is bad", 1, false), (0, "record 1 is bad", 2, true)]
    );
    assert_eq!(last[0].at_ms, NOW_MS);
    assert!(last[0].client_id.is_some() && last[0].peer.ip().is_loopback());
    let figures = broker.broker.topic("events").unwrap().figures();
    assert_eq!(figures.refused, [("BAD_VALUE", 1)]);
    assert_eq!((figures.warned, figures.records_in), (vec![("BAD_VALUE", 2)], 3));

    // Nobody is warned of what the log does not take, nor a second time of what it has.
    let unexpected = |builder: &mut BatchBuilder| {
        let headers: &[(&str, &[u8])] = &[("annals-expected-revision", b"7")];
        builder.push(NOW_MS, Some(b"key"), Some(b"bad but"), headers)
    };
    let mut builder = BatchBuilder::new();
    assert!(unexpected(&mut builder));
    let answer = produce(&mut client, "events", builder.build()).await;
    assert_ne!(answer.error_code, 0);
    for _ in 0..2 {
        let once = batch(Some((7, 0, 0)), &["bad but"]);
        assert_eq!(produce(&mut client, "events", once).await.error_code, 0);
    }
    let figures = broker.broker.topic("events").unwrap().figures();
    assert_eq!((figures.warned, figures.records_in), (vec![("BAD_VALUE", 3)], 4));
    assert_eq!(figures.refused.len(), 2);
    broker.stop().await;
}

async fn letters(client: &mut Client, partition: i32, count: usize) -> Vec<Record> {
    let mut letters = Vec::new();
    while letters.len() < count {
        let offset = i64::try_from(letters.len()).unwrap();
        let fetched = client
            .fetch("dead", partition, offset, Duration::from_secs(30))
            .await
            .unwrap();
        letters.extend(fetched.records);
    }
    letters
}

fn header<'a>(record: &'a Record, name: &str) -> Option<&'a [u8]> {
    let found = record.headers.iter().filter(|(header, _)| *header == name);
    let values: Vec<_> = found.filter_map(|(_, value)| value).collect();
    assert!(values.len() <= 1, "{name} stands there once");
    values.first().copied()
}

#[tokio::test]
async fn refused_records_are_kept_as_they_came_and_their_producer_is_told_all_the_same() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    create(&broker, "dead", 2, &[]).await.unwrap();
    let guarded = [("test.guard", "on"), ("annals.dead.letter.topic", " dead ")];
    create(&broker, "events", 1, &guarded).await.unwrap();
    let mut client = broker.client().await;
    let mut builder = BatchBuilder::new().producer(7, 0, 0);
    builder.push(NOW_MS, Some(b"a"), Some(b"good"), &[]);
    let headers: &[(&str, &[u8])] = &[("actor", b"ada"), ("__annals.errors.code", b"OF EARLIER")];
    builder.push(NOW_MS + 1, Some(b"b"), Some(b"bad \xff"), headers);
    builder.push(NOW_MS + 2, None, Some(b"bad but let in"), &[]);
    let refused = builder.build();
    for _ in 0..3 {
        let answer = produce(&mut client, "events", refused.clone()).await;
        assert_eq!((answer.error_code, answer.record_errors.len()), (87, 1));
        assert_eq!(answer.record_errors[0].batch_index, 1);
    }
    // The producer goes on with the same sequence, and what comes next leaves a dead letter of its own.
    let answer = produce(&mut client, "events", batch(Some((7, 0, 0)), &["bad again"])).await;
    assert_eq!(answer.error_code, 87);
    assert_eq!(
        produce(&mut client, "events", batch(Some((7, 0, 0)), &["good"]))
            .await
            .error_code,
        0
    );

    let kept = letters(&mut client, 0, 2).await;
    let bodies: Vec<_> = kept
        .iter()
        .map(|letter| (letter.key.as_deref(), letter.value.as_deref().unwrap()))
        .collect();
    assert_eq!(
        bodies,
        [(Some(&b"b"[..]), &b"bad \xff"[..]), (None, b"bad again")]
    );
    assert_eq!(kept[0].timestamp_ms, NOW_MS + 1);
    for (name, value) in [
        ("actor", "ada"),
        ("__annals.errors.topic", "events"),
        ("__annals.errors.partition", "0"),
        ("__annals.errors.code", "BAD_VALUE"),
        ("__annals.errors.message", "record 1 is bad"),
        ("__annals.errors.timestamp", "1800000000000"),
    ] {
        assert_eq!(header(&kept[0], name), Some(value.as_bytes()), "{name}");
    }
    assert_eq!(header(&kept[0], "__annals.errors.schema.id"), None);
    broker.stop().await;
}

#[tokio::test]
async fn a_batch_leaves_only_so_many_dead_letters() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    create(&broker, "dead", 1, &[("max.message.bytes", "20000")])
        .await
        .unwrap();
    let guarded = [
        ("test.guard", "on"),
        ("annals.dead.letter.topic", "dead"),
        ("max.message.bytes", "1000000"),
    ];
    create(&broker, "events", 1, &guarded).await.unwrap();
    let mut client = broker.client().await;
    let large = format!("bad {}", "x".repeat(30_000));
    let mut bad: Vec<String> = vec![large];
    bad.extend((1..3_000).map(|number| format!("bad {number}")));
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    let records: Bytes = batch(None, &bad);
    let answer = produce(&mut client, "events", records).await;
    assert_eq!((answer.error_code, answer.record_errors.len()), (87, 3_000));
    // The first is too large for its new topic, and a batch leaves a thousand at most.
    let kept = letters(&mut client, 0, 999).await;
    assert_eq!(kept.len(), 999);
    assert_eq!(kept[0].value.as_deref(), Some(&b"bad 1"[..]));
    assert_eq!(kept[998].value.as_deref(), Some(&b"bad 999"[..]));
    broker.stop().await;
}

#[tokio::test]
async fn the_topic_of_dead_letters_must_be_there_and_may_go() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    create(&broker, "guarded", 1, &[("test.guard", "on")])
        .await
        .unwrap();
    create(&broker, "compacted", 1, &[("cleanup.policy", "compact")])
        .await
        .unwrap();
    for (topic, place, says) in [
        ("events", "dead", "create it first"),
        ("events", "events", "its own dead letters"),
        ("events", "__consumer_offsets", "the broker's own"),
        ("events", "not a name", "the name of a topic"),
        ("events", "guarded", "judges its own records"),
        ("events", "compacted", "is compacted"),
    ] {
        let refused = create(&broker, topic, 1, &[("annals.dead.letter.topic", place)])
            .await
            .unwrap_err();
        assert!(
            refused.contains("annals.dead.letter.topic") && refused.contains(says),
            "{refused}"
        );
    }
    create(&broker, "dead", 1, &[]).await.unwrap();
    let guarded = [("test.guard", "on"), ("annals.dead.letter.topic", "dead")];
    create(&broker, "events", 1, &guarded).await.unwrap();
    let inner = broker.broker.clone();
    tokio::task::spawn_blocking(move || inner.delete_topic("dead"))
        .await
        .unwrap()
        .unwrap();
    let mut client = broker.client().await;
    assert_eq!(
        produce(&mut client, "events", batch(None, &["bad"]))
            .await
            .error_code,
        87
    );
    assert_eq!(
        produce(&mut client, "events", batch(None, &["good"]))
            .await
            .error_code,
        0
    );
    broker.stop().await;
}

/// Settings change, and what is kept elsewhere must not get past the guard of a topic that has one by then.
#[tokio::test]
async fn no_dead_letter_enters_a_topic_that_has_become_guarded() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    create(&broker, "dead", 1, &[]).await.unwrap();
    let guarded = [("test.guard", "on"), ("annals.dead.letter.topic", "dead")];
    create(&broker, "events", 1, &guarded).await.unwrap();
    let mut client = broker.client().await;
    let refused = batch(None, &["bad"]);
    set_guard(&broker, "dead", "on").await;
    for _ in 0..2 {
        let answer = produce(&mut client, "events", refused.clone()).await;
        assert_eq!(answer.error_code, 87);
    }
    assert_eq!(broker.broker.topic("dead").unwrap().figures().records_in, 0);
    let end = broker.broker.topic("dead").unwrap().partitions[0].high_watermark();
    assert_eq!(end, 0);
    // What found no place is not taken for kept.
    set_guard(&broker, "dead", "off").await;
    assert_eq!(produce(&mut client, "events", refused).await.error_code, 87);
    assert_eq!(letters(&mut client, 0, 1).await.len(), 1);
    broker.stop().await;
}
