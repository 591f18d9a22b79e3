//! Records that go: by retention, by DeleteRecords; and topics that are held, of which nothing goes.

use std::collections::BTreeMap;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use annals_kafka_wire::message::delete_topics::DeleteTopicsRequest;
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};

use crate::harness::*;

pub(crate) fn config(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    let settings = settings.iter();
    settings
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Deletes what is before an offset of a topic's partition; the first offset there is then, and the code.
pub(crate) async fn delete(
    broker: &Running,
    topic: &str,
    partition_index: i32,
    offset: i64,
) -> (i64, ErrorCode) {
    let request = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: topic.to_owned(),
            partitions: vec![DeleteRecordsPartition {
                partition_index,
                offset,
            }],
        }],
        timeout_ms: 30_000,
    };
    let mut told = Vec::new();
    // Every version says the same; what is deleted stays deleted.
    for version in 0..=2 {
        let answer = ask(broker, version, &request).await;
        let one = &answer.topics[0].partitions[0];
        assert_eq!(
            (answer.topics[0].name.as_str(), one.partition_index),
            (topic, partition_index)
        );
        told.push((one.low_watermark, ErrorCode::from(one.error_code)));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    told[0]
}

/// The first offset of partition 0, as ListOffsets says it.
async fn earliest(broker: &Running, topic: &str) -> i64 {
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: topic.to_owned(),
            partitions: vec![ListOffsetsPartition {
                timestamp: -2,
                ..ListOffsetsPartition::default()
            }],
        }],
        ..ListOffsetsRequest::default()
    };
    let answer = ask(broker, 7, &request).await;
    answer.topics[0].partitions[0].offset
}

pub(crate) async fn alter(broker: &Running, topic: &str, name: &str, value: &str) -> ErrorCode {
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: 2,
            resource_name: topic.to_owned(),
            configs: vec![AlterableConfig {
                name: name.to_owned(),
                config_operation: 0,
                value: Some(value.to_owned()),
            }],
        }],
        validate_only: false,
    };
    ErrorCode::from(ask(broker, 1, &request).await.responses[0].error_code)
}

async fn delete_topic(broker: &Running, topic: &str) -> (ErrorCode, String) {
    let request = DeleteTopicsRequest {
        topic_names: vec![topic.to_owned()],
        timeout_ms: 30_000,
        ..DeleteTopicsRequest::default()
    };
    let answer = ask(broker, 5, &request).await;
    let one = &answer.responses[0];
    (
        ErrorCode::from(one.error_code),
        one.error_message.clone().unwrap_or_default(),
    )
}

/// A round of upkeep, at a time.
pub(crate) async fn maintain(broker: &Running, now_ms: i64) {
    let served = broker.broker.clone();
    blocking(move || served.maintain(now_ms)).await;
}

#[tokio::test]
async fn deleted_records_are_gone_at_once_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start_in(
        dir.path(),
        test_config(),
        std::sync::Arc::new(annals_broker::OpenGate),
    )
    .await;
    let mut client = broker.client().await;
    client.create_topic("events", 2, &BTreeMap::new()).await.unwrap();
    for value in ["a", "b", "c", "d"] {
        produce(&mut client, "events", batch(None, &[value])).await;
    }
    assert_eq!(earliest(&broker, "events").await, 0);
    assert_eq!(delete(&broker, "events", 0, 0).await, (0, ErrorCode::None));
    assert_eq!(delete(&broker, "events", 0, 3).await, (3, ErrorCode::None));
    assert_eq!(
        delete(&broker, "events", 0, 1).await,
        (3, ErrorCode::None),
        "it never goes back"
    );
    assert_eq!(earliest(&broker, "events").await, 3);
    let below = client.fetch("events", 0, 2, std::time::Duration::ZERO).await;
    assert!(below.unwrap_err().to_string().contains("OFFSET_OUT_OF_RANGE"));
    let table = [
        ("events", 0, 5, ErrorCode::OffsetOutOfRange),
        ("events", 0, -2, ErrorCode::OffsetOutOfRange),
        ("events", 7, 0, ErrorCode::UnknownTopicOrPartition),
        ("other", 0, 0, ErrorCode::UnknownTopicOrPartition),
        ("__consumer_offsets", 0, 0, ErrorCode::InvalidTopicException),
    ];
    for (topic, partition, offset, code) in table {
        assert_eq!(
            delete(&broker, topic, partition, offset).await,
            (-1, code),
            "{topic} {partition} {offset}"
        );
    }
    assert_eq!(
        delete(&broker, "events", 1, -1).await,
        (0, ErrorCode::None),
        "there is none"
    );
    broker.stop().await;

    let broker = start_in(
        dir.path(),
        test_config(),
        std::sync::Arc::new(annals_broker::OpenGate),
    )
    .await;
    assert_eq!(earliest(&broker, "events").await, 3);
    assert_eq!(delete(&broker, "events", 0, -1).await, (4, ErrorCode::None));
    maintain(&broker, NOW_MS).await;
    let topic = broker.broker.topic("events").unwrap();
    assert_eq!(topic.partitions[0].log_end_offset(), 4);
    broker.stop().await;
}

#[tokio::test]
async fn retention_is_off_unless_a_topic_asks_for_it_and_changes_while_it_is_open() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("kept", 1, &BTreeMap::new()).await.unwrap();
    let week = config(&[("retention.ms", "604800000")]);
    client.create_topic("week", 1, &week).await.unwrap();
    for topic in ["kept", "week"] {
        produce(&mut client, topic, batch(None, &["a", "b"])).await;
    }
    const WEEK_MS: i64 = 604_800_000;
    maintain(&broker, NOW_MS + WEEK_MS).await;
    assert_eq!(
        (earliest(&broker, "kept").await, earliest(&broker, "week").await),
        (0, 0)
    );
    maintain(&broker, NOW_MS + WEEK_MS + 1).await;
    assert_eq!(
        (earliest(&broker, "kept").await, earliest(&broker, "week").await),
        (0, 2)
    );
    assert_eq!(
        alter(&broker, "kept", "retention.ms", "1000").await,
        ErrorCode::None
    );
    maintain(&broker, NOW_MS + 1001).await;
    assert_eq!(earliest(&broker, "kept").await, 2);
    assert_eq!(values(&mut client, "kept", 0).await.len(), 0);
    produce(&mut client, "kept", batch(None, &["c"])).await;
    let fetched = client
        .fetch("kept", 0, 2, std::time::Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(fetched.records[0].offset, 2);
    broker.stop().await;
}

#[tokio::test]
async fn of_a_held_topic_nothing_goes_until_the_hold_ends() {
    let broker = start().await;
    let mut client = broker.client().await;
    let held = config(&[
        ("annals.hold", "true"),
        ("retention.ms", "0"),
        ("retention.bytes", "0"),
    ]);
    client.create_topic("held", 1, &held).await.unwrap();
    produce(&mut client, "held", batch(None, &["a", "b"])).await;
    assert_eq!(
        delete(&broker, "held", 0, 1).await,
        (-1, ErrorCode::PolicyViolation)
    );
    let (code, sentence) = delete_topic(&broker, "held").await;
    assert_eq!(code, ErrorCode::PolicyViolation);
    assert!(sentence.contains("annals.hold"), "{sentence}");
    maintain(&broker, NOW_MS * 2).await;
    assert_eq!(
        (
            earliest(&broker, "held").await,
            values(&mut client, "held", 2).await.len()
        ),
        (0, 2)
    );
    assert_eq!(
        alter(&broker, "held", "annals.hold", "false").await,
        ErrorCode::None
    );
    assert_eq!(delete(&broker, "held", 0, 1).await, (1, ErrorCode::None));
    assert_eq!(delete_topic(&broker, "held").await.0, ErrorCode::None);
    broker.stop().await;
}

#[tokio::test]
async fn the_brokers_own_topics_are_not_the_clients_to_delete_from() {
    let broker = start().await;
    let find = FindCoordinatorRequest {
        key: "group".to_owned(),
        ..FindCoordinatorRequest::default()
    };
    ask(&broker, 3, &find).await;
    assert!(broker.broker.topic("__consumer_offsets").is_some());
    let refused = (-1, ErrorCode::InvalidTopicException);
    assert_eq!(delete(&broker, "__consumer_offsets", 0, 0).await, refused);
    broker.stop().await;
}
