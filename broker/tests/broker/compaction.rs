//! Topics of which the newest record of each key stays; the broker's own are among them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals_broker::OpenGate;
use annals_kafka_wire::batch::{Batch, BatchBuilder};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic};
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::init_producer_id::InitProducerIdRequest;
use annals_kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use annals_kafka_wire::message::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use annals_kafka_wire::message::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use bytes::Bytes;

use crate::harness::*;
use crate::retention::{alter, config, delete, maintain};

const DAY_MS: i64 = 86_400_000;

/// One batch of these keys and values.
fn keyed(records: &[(Option<&str>, Option<&str>)]) -> Bytes {
    let mut builder = BatchBuilder::new();
    for (key, value) in records {
        builder.push(NOW_MS, key.map(str::as_bytes), value.map(str::as_bytes), &[]);
    }
    builder.build()
}

#[tokio::test]
async fn records_without_a_key_are_refused_one_by_one() {
    let broker = start().await;
    let mut client = broker.client().await;
    let compacted = config(&[("cleanup.policy", "compact")]);
    client.create_topic("table", 1, &compacted).await.unwrap();
    let mixed = keyed(&[
        (Some("a"), Some("1")),
        (None, Some("2")),
        (Some("b"), None),
        (None, None),
    ]);
    let refused = produce(&mut client, "table", mixed.clone()).await;
    assert_eq!(ErrorCode::from(refused.error_code), ErrorCode::InvalidRecord);
    let told: Vec<i32> = refused
        .record_errors
        .iter()
        .map(|error| error.batch_index)
        .collect();
    assert_eq!(told, [1, 3]);
    assert!(
        refused
            .error_message
            .is_some_and(|sentence| sentence.contains("without key"))
    );
    let empty = keyed(&[(Some(""), Some("an empty key is one"))]);
    assert_eq!(produce(&mut client, "table", empty).await.error_code, 0);
    // The next batch after a change is judged by the new policy.
    assert_eq!(
        alter(&broker, "table", "cleanup.policy", "delete").await,
        ErrorCode::None
    );
    assert_eq!(produce(&mut client, "table", mixed.clone()).await.error_code, 0);
    assert_eq!(
        alter(&broker, "table", "cleanup.policy", "compact,delete").await,
        ErrorCode::None
    );
    let refused = produce(&mut client, "table", mixed).await;
    assert_eq!(ErrorCode::from(refused.error_code), ErrorCode::InvalidRecord);
    broker.stop().await;
}

/// The first batch with records that a Fetch from the beginning on gives which has room for so many bytes: what is left
/// of those before takes nobody's room.
async fn first_given(broker: &Running, partition_max_bytes: i32) -> Batch {
    let partition = FetchPartition {
        partition_max_bytes,
        ..FetchPartition::default()
    };
    let request = FetchRequest {
        max_bytes: i32::MAX,
        topics: vec![FetchTopic {
            topic: "table".to_owned(),
            partitions: vec![partition],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    };
    let given = ask(broker, 12, &request)
        .await
        .responses
        .remove(0)
        .partitions
        .remove(0);
    let (first, _) = Batch::parse(&given.records.unwrap(), 0).unwrap();
    assert!(first.count() > 0, "compaction left nothing of it");
    first
}

#[tokio::test]
async fn the_newest_of_each_key_stays_at_its_offset() {
    let broker = start().await;
    let mut client = broker.client().await;
    let compacted = config(&[("cleanup.policy", "compact"), ("segment.ms", "1000")]);
    client.create_topic("table", 1, &compacted).await.unwrap();
    for round in 0..50 {
        let value = round.to_string();
        let batch = keyed(&[(Some("a"), Some(&value)), (Some("b"), Some(&value))]);
        produce(&mut client, "table", batch).await;
    }
    produce(&mut client, "table", keyed(&[(Some("b"), None)])).await;
    assert_eq!(
        delete(&broker, "table", 0, 1).await,
        (-1, ErrorCode::PolicyViolation),
        "by compaction alone"
    );
    let partition = broker.broker.topic("table").unwrap().partitions[0].clone();
    let whole = partition.size_bytes();
    let read = async |client: &mut annals_kafka_client::Client| {
        let (mut records, mut offset) = (Vec::new(), 0);
        while offset < partition.high_watermark() {
            let fetched = client
                .fetch("table", 0, offset, Duration::from_secs(30))
                .await
                .unwrap();
            let Some(last) = fetched.records.last() else { break };
            offset = last.offset + 1;
            records.extend(fetched.records);
        }
        let told = records.into_iter().map(|record| {
            let value = record
                .value
                .map(|value| String::from_utf8(value.to_vec()).unwrap());
            (record.offset, value)
        });
        told.collect::<Vec<_>>()
    };
    let settled = NOW_MS + 2_000;
    maintain(&broker, settled).await;
    produce(&mut client, "table", keyed(&[(Some("c"), Some("new"))])).await;
    maintain(&broker, settled).await;
    assert!(
        partition.size_bytes() < whole / 4,
        "{} of {whole}",
        partition.size_bytes()
    );
    let a = (98, Some("49".to_owned()));
    let c = (101, Some("new".to_owned()));
    assert_eq!(read(&mut client).await, [a.clone(), (100, None), c.clone()]);
    // The tombstone's day is over.
    maintain(&broker, settled + DAY_MS + 60_000).await;
    assert_eq!(read(&mut client).await, [a, c]);
    assert_eq!(first_given(&broker, 100).await.last_offset(), 99);
    assert_eq!(
        (partition.log_start_offset(), partition.high_watermark()),
        (0, 102)
    );
    broker.stop().await;
}

/// Commits an offset of one partition of `orders` for the group.
async fn commit(broker: &Running, partition_index: i32, committed_offset: i64) {
    let request = OffsetCommitRequest {
        group_id: "billing".into(),
        generation_id_or_member_epoch: -1,
        topics: vec![OffsetCommitRequestTopic {
            name: "orders".into(),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index,
                committed_offset,
                ..OffsetCommitRequestPartition::default()
            }],
            ..OffsetCommitRequestTopic::default()
        }],
        ..OffsetCommitRequest::default()
    };
    let answer = ask(broker, 9, &request).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
}

async fn committed(broker: &Running) -> Vec<i64> {
    let request = OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: "billing".into(),
            topics: Some(vec![OffsetFetchRequestTopics {
                name: "orders".into(),
                partition_indexes: vec![0, 1],
                ..OffsetFetchRequestTopics::default()
            }]),
            ..OffsetFetchRequestGroup::default()
        }],
        ..OffsetFetchRequest::default()
    };
    let answer = ask(broker, 9, &request).await;
    let partitions = answer.groups[0].topics.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|partition| partition.committed_offset).collect()
}

/// The coordinators of a group and of a transactional id; asking makes their topics.
async fn coordinators(broker: &Running) {
    for (key_type, key) in [(0, "billing"), (1, "payments")] {
        let request = FindCoordinatorRequest {
            key_type,
            coordinator_keys: vec![key.into()],
            ..FindCoordinatorRequest::default()
        };
        ask(broker, 6, &request).await;
    }
}

/// The id and epoch of the transactional id's next life.
async fn next_life(broker: &Running) -> (i64, i16) {
    let request = InitProducerIdRequest {
        transactional_id: Some("payments".into()),
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
    };
    let given = ask(broker, 5, &request).await;
    assert_eq!(given.error_code, 0);
    (given.producer_id, given.producer_epoch)
}

#[tokio::test]
async fn groups_and_transactional_ids_are_read_from_compacted_topics() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("orders", 2, &BTreeMap::new()).await.unwrap();
    coordinators(&broker).await;
    let mut life = next_life(&broker).await;
    for offset in 0..60 {
        commit(&broker, 0, offset).await;
        commit(&broker, 1, offset).await;
        life = next_life(&broker).await;
    }
    let forget = OffsetDeleteRequest {
        group_id: "billing".into(),
        topics: vec![OffsetDeleteRequestTopic {
            name: "orders".into(),
            partitions: vec![OffsetDeleteRequestPartition { partition_index: 1 }],
        }],
    };
    assert_eq!(
        ask(&broker, 0, &forget).await.topics[0].partitions[0].error_code,
        0
    );
    assert_eq!(committed(&broker).await, [59, -1]);
    let sizes = |broker: &Running| {
        ["__consumer_offsets", "__transaction_state"].map(|name| {
            let topic = broker.broker.topic(name).unwrap();
            assert_eq!(topic.config["cleanup.policy"], "compact");
            topic.partitions[0].size_bytes()
        })
    };
    let before = sizes(&broker);
    maintain(&broker, NOW_MS + 8 * DAY_MS).await;
    maintain(&broker, NOW_MS + 8 * DAY_MS).await;
    for (before, after) in before.into_iter().zip(sizes(&broker)) {
        assert!(after < before / 10, "{before} and then {after}");
    }
    // With tombstones, and when they have gone.
    for later in [0, 2 * DAY_MS] {
        maintain(&broker, NOW_MS + 8 * DAY_MS + later).await;
    }
    broker.stop().await;
    let broker = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    assert_eq!(committed(&broker).await, [59, -1]);
    assert_eq!(next_life(&broker).await, (life.0, life.1 + 1));
    commit(&broker, 1, 7).await;
    assert_eq!(committed(&broker).await, [59, 7]);
    broker.stop().await;
}
