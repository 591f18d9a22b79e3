//! Topics that change while they are in use: their settings, and more partitions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use annals_broker::BrokerConfig;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::alter_configs::{self, AlterConfigsRequest};
use annals_kafka_wire::message::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
};
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::incremental_alter_configs::{self, IncrementalAlterConfigsRequest};

use crate::harness::*;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

type Change<'a> = (&'a str, i8, Option<&'a str>);

fn changes(kind: i8, name: &str, changes: &[Change<'_>]) -> IncrementalAlterConfigsRequest {
    let change = |(name, operation, value): &Change<'_>| incremental_alter_configs::AlterableConfig {
        name: (*name).to_owned(),
        config_operation: *operation,
        value: value.map(str::to_owned),
    };
    IncrementalAlterConfigsRequest {
        resources: vec![incremental_alter_configs::AlterConfigsResource {
            resource_type: kind,
            resource_name: name.to_owned(),
            configs: changes.iter().map(change).collect(),
        }],
        validate_only: false,
    }
}

/// Changes settings of `events`; the code, and the sentence.
async fn change(broker: &Running, of_events: &[Change<'_>]) -> (ErrorCode, String) {
    let answer = ask(broker, 1, &changes(2, "events", of_events)).await;
    let one = &answer.responses[0];
    assert_eq!((one.resource_type, one.resource_name.as_str()), (2, "events"));
    (
        ErrorCode::from(one.error_code),
        one.error_message.clone().unwrap_or_default(),
    )
}

/// Sets exactly these settings of `events`.
async fn replace(
    broker: &Running,
    version: i16,
    validate_only: bool,
    settings: &[(&str, Option<&str>)],
) -> ErrorCode {
    let setting = |(name, value): &(&str, Option<&str>)| alter_configs::AlterableConfig {
        name: (*name).to_owned(),
        value: value.map(str::to_owned),
    };
    let request = AlterConfigsRequest {
        resources: vec![alter_configs::AlterConfigsResource {
            resource_type: 2,
            resource_name: "events".to_owned(),
            configs: settings.iter().map(setting).collect(),
        }],
        validate_only,
    };
    ErrorCode::from(ask(broker, version, &request).await.responses[0].error_code)
}

/// What `events` sets itself.
fn own(broker: &Running) -> Vec<(String, String)> {
    let topic = broker.broker.topic("events").unwrap();
    topic
        .config
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn settings_are_in_force_from_the_next_batch_on() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let code = |answer: annals_kafka_wire::message::produce::PartitionProduceResponse| {
        (ErrorCode::from(answer.error_code), answer.log_append_time_ms)
    };
    let large = || batch(None, &["x".repeat(1000).as_str()]);
    assert_eq!(
        code(produce(&mut client, "events", large()).await),
        (ErrorCode::None, -1)
    );
    let none = (ErrorCode::None, String::new());
    assert_eq!(
        change(&broker, &[("max.message.bytes", SET, Some("500"))]).await,
        none
    );
    assert_eq!(
        code(produce(&mut client, "events", large()).await).0,
        ErrorCode::MessageTooLarge
    );
    let both = [
        ("max.message.bytes", DELETE, None),
        ("message.timestamp.type", SET, Some("LogAppendTime")),
    ];
    assert_eq!(change(&broker, &both).await, none);
    assert_eq!(
        code(produce(&mut client, "events", large()).await),
        (ErrorCode::None, NOW_MS)
    );
    let back = [
        ("message.timestamp.type", DELETE, None),
        ("test.guard", SET, Some("on")),
    ];
    assert_eq!(change(&broker, &back).await, none);
    let bad = produce(&mut client, "events", batch(None, &["bad"])).await;
    assert_eq!(code(bad).0, ErrorCode::InvalidRecord);
    assert_eq!(
        replace(&broker, 0, false, &[("annals.durability", Some("os"))]).await,
        ErrorCode::None
    );
    assert_eq!(
        code(produce(&mut client, "events", batch(None, &["bad"])).await),
        (ErrorCode::None, -1)
    );
    broker.stop().await;
}

#[tokio::test]
async fn changed_settings_are_heard_of_once_and_stay() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start_in(dir.path(), test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let partition = Arc::clone(&broker.broker.topic("events").unwrap().partitions[0]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    broker.broker.on_topics_changed(Box::new(move |topics| {
        let config = topics[0].config.iter();
        let config = config.map(|(name, value)| format!("{name}={value}"));
        hears.lock().unwrap().push(config.collect::<Vec<_>>().join(" "));
    }));
    let first = [
        ("flush.ms", SET, Some("9")),
        ("max.message.bytes", SET, Some("500")),
    ];
    assert_eq!(change(&broker, &first).await.0, ErrorCode::None);
    // The same again is no change, and nobody hears of it.
    assert_eq!(change(&broker, &first[1..]).await.0, ErrorCode::None);
    let second = [("flush.ms", DELETE, None)];
    assert_eq!(change(&broker, &second).await.0, ErrorCode::None);
    let third = [("message.timestamp.type", Some("LogAppendTime"))];
    for version in 0..=2 {
        assert_eq!(replace(&broker, version, false, &third).await, ErrorCode::None);
    }
    let told = [
        "flush.ms=9 max.message.bytes=500",
        "max.message.bytes=500",
        "message.timestamp.type=LogAppendTime",
    ];
    assert_eq!(*heard.lock().unwrap(), told);
    let now = broker.broker.topic("events").unwrap();
    assert!(
        Arc::ptr_eq(&partition, &now.partitions[0]),
        "it is not opened again"
    );
    broker.stop().await;

    let broker = start_in(dir.path(), test_config(), Arc::new(NoBadValues)).await;
    assert_eq!(
        own(&broker),
        pairs(&[("message.timestamp.type", "LogAppendTime")])
    );
    let mut client = broker.client().await;
    assert_eq!(
        produce(&mut client, "events", batch(None, &["a"]))
            .await
            .log_append_time_ms,
        NOW_MS
    );
    broker.stop().await;
}

#[tokio::test]
async fn what_may_not_be_set_is_refused_and_nothing_changes() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    let config = BTreeMap::from([("segment.bytes".to_owned(), "2097152".to_owned())]);
    client.create_topic("events", 1, &config).await.unwrap();
    let before = pairs(&[("segment.bytes", "2097152")]);
    let (invalid, config) = (ErrorCode::InvalidRequest, ErrorCode::InvalidConfig);
    for (asked, code, says) in [
        (
            &[("max.message.bytes", SET, Some("many"))][..],
            config,
            "max.message.bytes",
        ),
        (&[("no.such", SET, Some("1"))], config, "no.such"),
        (&[("test.guard", SET, Some("maybe"))], config, "test.guard"),
        (&[("max.message.bytes", SET, None)], invalid, "max.message.bytes"),
        (&[("max.message.bytes", APPEND, Some("1"))], config, "not LIST"),
        (&[("max.message.bytes", SUBTRACT, Some("1"))], config, "not LIST"),
        (
            &[("cleanup.policy", APPEND, Some("compact,shrink"))],
            config,
            "cleanup.policy",
        ),
        (
            &[("max.message.bytes", 9, Some("1"))],
            invalid,
            "Unknown operation",
        ),
        (
            &[("flush.ms", SET, Some("1")), ("flush.ms", DELETE, None)],
            invalid,
            "duplicate",
        ),
        // One at fault, and the other is not made either.
        (
            &[
                ("max.message.bytes", SET, Some("500")),
                ("retention.sm", SET, Some("1")),
            ],
            config,
            "retention.sm",
        ),
    ] {
        let (found, sentence) = change(&broker, asked).await;
        assert_eq!(found, code, "{asked:?}");
        assert!(sentence.contains(says), "{asked:?}: {sentence}");
        assert_eq!(own(&broker), before, "{asked:?}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_whole_that_may_not_be_set_is_refused_and_a_check_changes_nothing() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    let own_size = BTreeMap::from([("segment.bytes".to_owned(), "2097152".to_owned())]);
    client.create_topic("events", 1, &own_size).await.unwrap();
    let before = pairs(&[("segment.bytes", "2097152")]);
    let (invalid, config) = (ErrorCode::InvalidRequest, ErrorCode::InvalidConfig);
    for (asked, code) in [
        (&[("no.such", Some("1"))][..], config),
        (&[("flush.ms", None)], invalid),
        (&[("flush.ms", Some("1")), ("flush.ms", Some("2"))], invalid),
    ] {
        for version in 0..=2 {
            assert_eq!(replace(&broker, version, false, asked).await, code, "{asked:?}");
        }
        assert_eq!(own(&broker), before, "{asked:?}");
    }
    // A check alone says the same, and changes nothing.
    assert_eq!(
        replace(&broker, 2, true, &[("flush.ms", Some("1"))]).await,
        ErrorCode::None
    );
    assert_eq!(replace(&broker, 2, true, &[("no.such", Some("1"))]).await, config);
    let mut check = changes(2, "events", &[("flush.ms", SET, Some("1"))]);
    check.validate_only = true;
    assert_eq!(ask(&broker, 0, &check).await.responses[0].error_code, 0);
    assert_eq!(own(&broker), before);
    broker.stop().await;
}

#[tokio::test]
async fn a_list_gets_and_loses_words() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for (operation, value, words) in [
        (APPEND, "delete", "delete"),
        (SUBTRACT, " compact ,", "delete"),
        (APPEND, "", "delete"),
        (APPEND, "compact,delete", "delete,compact"),
        (SUBTRACT, "delete", "compact"),
    ] {
        let asked = [("cleanup.policy", operation, Some(value))];
        assert_eq!(change(&broker, &asked).await.0, ErrorCode::None, "{asked:?}");
        assert_eq!(own(&broker)[0], ("cleanup.policy".to_owned(), words.to_owned()));
    }
    broker.stop().await;
}

#[tokio::test]
async fn settings_of_clients_topics_alone_change() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let (invalid, name) = (ErrorCode::InvalidRequest, ErrorCode::InvalidTopicException);
    let coordinator = FindCoordinatorRequest {
        coordinator_keys: vec!["g".to_owned()],
        ..Default::default()
    };
    ask(&broker, 4, &coordinator).await;
    for (kind, of, code) in [
        (2, "nowhere", ErrorCode::UnknownTopicOrPartition),
        (2, "no/name", name),
        (2, "__consumer_offsets", name),
        (4, "1", invalid),
        (8, "1", invalid),
        (16, "metrics", invalid),
        (32, "group", invalid),
        (0, "x", invalid),
    ] {
        for version in 0..=1 {
            let answer = ask(
                &broker,
                version,
                &changes(kind, of, &[("flush.ms", SET, Some("1"))]),
            )
            .await;
            let one = &answer.responses[0];
            assert_eq!(ErrorCode::from(one.error_code), code, "{kind} {of}");
            assert!(one.error_message.is_some(), "{kind} {of}");
        }
    }
    let mut twice = changes(2, "events", &[("flush.ms", SET, Some("1"))]);
    twice.resources.push(twice.resources[0].clone());
    let answer = ask(&broker, 1, &twice).await;
    assert!(
        answer.responses.len() == 2
            && answer
                .responses
                .iter()
                .all(|one| ErrorCode::from(one.error_code) == invalid)
    );
    broker.stop().await;
}

fn more(topics: &[(&str, i32)]) -> CreatePartitionsRequest {
    let topic = |(name, count): &(&str, i32)| CreatePartitionsTopic {
        name: (*name).to_owned(),
        count: *count,
        assignments: None,
    };
    CreatePartitionsRequest {
        topics: topics.iter().map(topic).collect(),
        timeout_ms: 30_000,
        validate_only: false,
    }
}

#[tokio::test]
async fn a_topic_grows_while_it_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start_in(dir.path(), test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    produce(&mut client, "events", batch(None, &["first"])).await;
    let first = broker.broker.topic("events").unwrap();
    for (version, count) in [(0, 2), (1, 3), (2, 4), (3, 5)] {
        let answer = ask(&broker, version, &more(&[("events", count)])).await;
        assert_eq!(
            (answer.results[0].name.as_str(), answer.results[0].error_code),
            ("events", 0)
        );
        let info = client.topic("events").await.unwrap().unwrap();
        assert_eq!((info.partitions, info.id), (count, first.id));
    }
    let now = broker.broker.topic("events").unwrap();
    assert!(
        Arc::ptr_eq(&first.partitions[0], &now.partitions[0]),
        "what was there is not opened again"
    );
    let mut request = produce_request("events", -1, batch(None, &["second"]));
    request.topic_data[0].partition_data[0].index = 4;
    let answer = client.call(&request).await.unwrap();
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    broker.stop().await;

    let broker = start_in(dir.path(), test_config(), Arc::new(NoBadValues)).await;
    let topic = broker.broker.topic("events").unwrap();
    let ends: Vec<i64> = topic
        .partitions
        .iter()
        .map(|partition| partition.high_watermark())
        .collect();
    assert_eq!(ends, [1, 0, 0, 0, 1]);
    let mut client = broker.client().await;
    client.delete_topic("events").await.unwrap();
    let left: Vec<_> = std::fs::read_dir(dir.path().join("t"))
        .into_iter()
        .flatten()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    broker.stop().await;
}

#[tokio::test]
async fn a_topic_does_not_shrink_nor_outgrow_the_broker() {
    let config = BrokerConfig {
        partitions_max: 6,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 2, &BTreeMap::new()).await.unwrap();
    client.create_topic("others", 1, &BTreeMap::new()).await.unwrap();
    let coordinator = FindCoordinatorRequest {
        coordinator_keys: vec!["g".to_owned()],
        ..Default::default()
    };
    ask(&broker, 4, &coordinator).await;
    let invalid = ErrorCode::InvalidPartitions;
    for (topics, codes) in [
        (&[("events", 2)][..], &[invalid][..]),
        (&[("events", 1)], &[invalid]),
        (&[("events", -1)], &[invalid]),
        (&[("events", i32::MAX)], &[ErrorCode::PolicyViolation]),
        (&[("events", 5)], &[ErrorCode::PolicyViolation]),
        (&[("nowhere", 5)], &[ErrorCode::UnknownTopicOrPartition]),
        (&[("__consumer_offsets", 5)], &[ErrorCode::InvalidTopicException]),
        (&[("events", 3), ("events", 4)], &[ErrorCode::InvalidRequest]),
    ] {
        for validate_only in [true, false] {
            let request = CreatePartitionsRequest {
                validate_only,
                ..more(topics)
            };
            let answer = ask(&broker, 3, &request).await;
            let found: Vec<_> = answer
                .results
                .iter()
                .map(|one| ErrorCode::from(one.error_code))
                .collect();
            assert_eq!(found, codes, "{topics:?}");
            assert!(answer.results.iter().all(|one| one.error_message.is_some()));
        }
    }
    // Who goes where, and what becomes of it when two more are asked for.
    for (assignments, validate_only, code) in [
        (vec![vec![1]], false, ErrorCode::InvalidReplicaAssignment),
        (vec![vec![1], vec![2]], false, ErrorCode::InvalidReplicaAssignment),
        (
            vec![vec![1], vec![1, 2]],
            false,
            ErrorCode::InvalidReplicaAssignment,
        ),
        (vec![vec![1], vec![1]], true, ErrorCode::None),
        (vec![vec![1], vec![1]], false, ErrorCode::None),
    ] {
        let mut request = more(&[("events", 4)]);
        request.validate_only = validate_only;
        let assigned = assignments.iter().map(|ids| CreatePartitionsAssignment {
            broker_ids: ids.clone(),
        });
        request.topics[0].assignments = Some(assigned.collect());
        let answer = ask(&broker, 3, &request).await;
        assert_eq!(
            ErrorCode::from(answer.results[0].error_code),
            code,
            "{assignments:?}"
        );
        let grown = !validate_only && code == ErrorCode::None;
        let partitions = broker.broker.topic("events").unwrap().partitions.len();
        assert_eq!(partitions, if grown { 4 } else { 2 });
    }
    broker.stop().await;
}
