//! Requests as clients other than ours put them: versions, ids, limits and specials, answered as Kafka answers them.

use std::collections::BTreeMap;

use annals_kafka_wire::batch::BatchBuilder;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::create_topics::{CreatableTopic, CreateTopicsRequest};
use annals_kafka_wire::message::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic};
use annals_kafka_wire::message::init_producer_id::InitProducerIdRequest;
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use annals_kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};

use crate::harness::*;

const NO_ID: [u8; 16] = [0; 16];

#[tokio::test]
async fn once_something_is_given_a_partitions_limit_binds() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 3, &BTreeMap::new()).await.unwrap();
    let large = "x".repeat(200_000);
    for index in 0..3 {
        let mut request = produce_request("events", -1, batch(None, &[&large]));
        request.topic_data[0].partition_data[0].index = index;
        client.call(&request).await.unwrap();
    }
    for (limit, given) in [
        (1, [true, false, false]),
        (200_000, [true, false, false]),
        (300_000, [true; 3]),
    ] {
        let asked = (0..3).map(|partition| FetchPartition {
            partition,
            partition_max_bytes: limit,
            ..FetchPartition::default()
        });
        let request = FetchRequest {
            max_wait_ms: 30_000,
            min_bytes: 1,
            max_bytes: 50 << 20,
            topics: vec![FetchTopic {
                topic: "events".to_owned(),
                partitions: asked.collect(),
                ..FetchTopic::default()
            }],
            ..FetchRequest::default()
        };
        let answer = client.call(&request).await.unwrap();
        let partitions = answer.responses[0].partitions.iter();
        let sizes: Vec<usize> = partitions
            .map(|partition| partition.records.as_ref().unwrap().len())
            .collect();
        assert_eq!(
            sizes.iter().map(|size| *size > 200_000).collect::<Vec<_>>(),
            given,
            "{limit}"
        );
        assert_eq!(
            sizes.iter().filter(|size| **size == 0).count(),
            given.iter().filter(|one| !**one).count()
        );
    }
    broker.stop().await;
}

/// Version and special give a code and an offset.
async fn check_offsets(broker: &Running, topic: &str, rows: &[(i16, i64, ErrorCode, i64)]) {
    for (version, timestamp, code, offset) in rows {
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic {
                name: topic.to_owned(),
                partitions: vec![ListOffsetsPartition {
                    timestamp: *timestamp,
                    ..ListOffsetsPartition::default()
                }],
            }],
            ..ListOffsetsRequest::default()
        };
        let found = ask(broker, *version, &request)
            .await
            .topics
            .remove(0)
            .partitions
            .remove(0);
        let got = (ErrorCode::from(found.error_code), found.offset);
        assert_eq!(got, (*code, *offset), "{topic}, v{version}, {timestamp}");
        if *version >= 4 {
            // A record's own epoch, which is the only one so far.
            let epoch = broker.broker.topic(topic).unwrap().partitions[0].leader_epoch();
            assert_eq!(
                found.leader_epoch,
                if *offset < 0 { -1 } else { epoch },
                "v{version}, {timestamp}"
            );
        }
    }
}

#[tokio::test]
async fn specials_are_known_to_the_versions_that_have_them() {
    let broker = start().await;
    let mut client = broker.client().await;
    for topic in ["empty", "timeless", "events"] {
        client.create_topic(topic, 1, &BTreeMap::new()).await.unwrap();
    }
    for (topic, time) in [
        ("timeless", -1),
        ("timeless", -1),
        ("events", 100),
        ("events", 300),
        ("events", 200),
    ] {
        let mut builder = BatchBuilder::new();
        builder.push(time, None, Some(b"a"), &[]);
        assert_eq!(produce(&mut client, topic, builder.build()).await.error_code, 0);
    }
    let (none, unknown) = (ErrorCode::None, ErrorCode::UnsupportedVersion);
    let versions = [
        (1, -1, none, 3),
        (1, -2, none, 0),
        (6, -3, unknown, -1),
        (7, -3, none, 1),
        (7, -4, unknown, -1),
        (8, -4, none, 0),
        (8, -5, unknown, -1),
        (9, -5, none, -1),
        (10, -6, unknown, -1),
        (11, -6, none, -1),
        (11, -3, none, 1),
        (9, -9, unknown, -1),
    ];
    check_offsets(&broker, "events", &versions).await;
    check_offsets(&broker, "events", &[(9, 200, none, 1), (9, 301, none, -1)]).await;
    check_offsets(
        &broker,
        "timeless",
        &[(9, -3, none, 0), (9, 0, none, -1), (9, -1, none, 2)],
    )
    .await;
    check_offsets(
        &broker,
        "empty",
        &[
            (9, -3, none, -1),
            (9, -2, none, 0),
            (9, -1, none, 0),
            (9, 0, none, -1),
        ],
    )
    .await;
    broker.stop().await;
}

#[tokio::test]
async fn a_record_keeps_the_epoch_it_was_written_in() {
    let dir = tempfile::tempdir().unwrap();
    let guard = || std::sync::Arc::new(annals_broker::OpenGate);
    let broker = start_in(dir.path(), test_config(), guard()).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    produce(&mut client, "events", batch(None, &["a"])).await;
    let written_in = broker.broker.topic("events").unwrap().partitions[0].leader_epoch();
    // Not closed, as when the process is killed: the next run has another epoch.
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    broker.stop().await;

    let broker = start_in(copy.path(), test_config(), guard()).await;
    let now_in = broker.broker.topic("events").unwrap().partitions[0].leader_epoch();
    assert!(now_in > written_in, "{now_in} after {written_in}");
    for (timestamp, epoch) in [(-2, written_in), (-3, written_in), (0, written_in), (-1, now_in)] {
        let request = ListOffsetsRequest {
            topics: vec![ListOffsetsTopic {
                name: "events".to_owned(),
                partitions: vec![ListOffsetsPartition {
                    timestamp,
                    ..ListOffsetsPartition::default()
                }],
            }],
            ..ListOffsetsRequest::default()
        };
        let found = ask(&broker, 9, &request)
            .await
            .topics
            .remove(0)
            .partitions
            .remove(0);
        assert_eq!((found.error_code, found.leader_epoch), (0, epoch), "{timestamp}");
    }
    broker.stop().await;
}

pub(crate) fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn where_a_damaged_partition_starts_is_still_told() {
    let dir = tempfile::tempdir().unwrap();
    let guard = || std::sync::Arc::new(annals_broker::OpenGate);
    let broker = start_in(dir.path(), test_config(), guard()).await;
    let mut client = broker.client().await;
    let id = client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    produce(&mut client, "events", batch(None, &["a"])).await;
    broker.stop().await;
    let file = format!("t/{}/0/{:020}.log", id.simple(), 0);
    let file = dir.path().join(file);
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let broker = start_in(dir.path(), test_config(), guard()).await;
    let client = &mut broker.client().await;
    assert_eq!(client.offset_for_time("events", 0, -2).await.unwrap(), Some(0));
    let unreadable = client.fetch("events", 0, 0, std::time::Duration::ZERO).await;
    assert!(unreadable.is_err(), "{unreadable:?}");
    broker.stop().await;
}

#[tokio::test]
async fn a_client_that_allows_no_time_is_answered_when_its_batch_is_durable() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for timeout_ms in [0, -1, 1, i32::MAX] {
        let mut request = produce_request("events", -1, batch(None, &["a"]));
        request.timeout_ms = timeout_ms;
        let answer = client.call(&request).await.unwrap();
        let error_code = answer.responses[0].partition_responses[0].error_code;
        assert_eq!(ErrorCode::from(error_code), ErrorCode::None, "{timeout_ms} ms");
    }
    broker.stop().await;
}

#[tokio::test]
async fn an_id_that_is_asked_by_counts() {
    let broker = start().await;
    let mut client = broker.client().await;
    let id = *client
        .create_topic("events", 2, &BTreeMap::new())
        .await
        .unwrap()
        .as_bytes();
    client.create_topic("other", 1, &BTreeMap::new()).await.unwrap();
    let (none, no_id, invalid) = (
        ErrorCode::None,
        ErrorCode::UnknownTopicId,
        ErrorCode::InvalidRequest,
    );
    for (version, topic_id, name, code, partitions) in [
        (12, id, None, none, 2),
        (13, id, None, none, 2),
        // As Java's clients ask.
        (12, id, Some(""), none, 2),
        (12, id, Some("events"), none, 2),
        (12, id, Some("other"), no_id, 0),
        (12, id, Some("nobody"), no_id, 0),
        (12, [7; 16], None, no_id, 0),
        (12, [7; 16], Some("events"), no_id, 0),
        (12, [7; 16], Some("new"), no_id, 0),
        (12, NO_ID, Some("events"), none, 2),
        (12, NO_ID, None, invalid, 0),
        (11, id, Some("events"), invalid, 0),
        (10, id, None, invalid, 0),
        (10, NO_ID, None, invalid, 0),
        (10, NO_ID, Some("events"), none, 2),
        (9, NO_ID, Some("events"), none, 2),
    ] {
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic {
                topic_id,
                name: name.map(str::to_owned),
            }]),
            ..MetadataRequest::default()
        };
        let row = format!("v{version}, {topic_id:?}, {name:?}");
        let answer = ask(&broker, version, &request).await.topics.remove(0);
        assert_eq!(
            (ErrorCode::from(answer.error_code), answer.partitions.len()),
            (code, partitions),
            "{row}"
        );
        if code == none {
            assert_eq!(answer.name.as_deref(), Some("events"), "{row}");
        }
    }
    assert!(broker.broker.topic("new").is_none() && broker.broker.topic("").is_none());
    broker.stop().await;
}

#[tokio::test]
async fn a_topic_is_deleted_by_name_or_by_id_and_once() {
    let broker = start().await;
    let mut client = broker.client().await;
    let id = *client
        .create_topic("events", 1, &BTreeMap::new())
        .await
        .unwrap()
        .as_bytes();
    let other = *client
        .create_topic("other", 1, &BTreeMap::new())
        .await
        .unwrap()
        .as_bytes();
    let (none, invalid) = (ErrorCode::None, ErrorCode::InvalidRequest);
    let by = |topic_id: [u8; 16], name: Option<&str>| DeleteTopicState {
        topic_id,
        name: name.map(str::to_owned),
    };
    for (topics, codes) in [
        (vec![by(id, Some("events"))], vec![invalid]),
        (vec![by(NO_ID, None)], vec![invalid]),
        (
            vec![by(NO_ID, Some("events")), by(NO_ID, Some("events"))],
            vec![invalid],
        ),
        (vec![by(id, None), by(id, None)], vec![invalid]),
        (vec![by([7; 16], None)], vec![ErrorCode::UnknownTopicId]),
        (
            vec![by(id, Some("other")), by(NO_ID, Some("events"))],
            vec![invalid, none],
        ),
        (vec![by(other, None)], vec![none]),
    ] {
        let request = DeleteTopicsRequest {
            topics: topics.clone(),
            ..DeleteTopicsRequest::default()
        };
        let answer = ask(&broker, 6, &request).await.responses;
        let got: Vec<ErrorCode> = answer.iter().map(|one| ErrorCode::from(one.error_code)).collect();
        assert_eq!(got, codes, "{topics:?}");
    }
    assert!(broker.broker.topics().is_empty());
    broker.stop().await;
}

#[tokio::test]
async fn an_id_and_an_epoch_come_together() {
    let broker = start().await;
    for (producer_id, producer_epoch, code) in [
        (-1, -1, ErrorCode::None),
        (5, 5, ErrorCode::None),
        (-1, 5, ErrorCode::InvalidRequest),
        (5, -1, ErrorCode::InvalidRequest),
    ] {
        let request = InitProducerIdRequest {
            producer_id,
            producer_epoch,
            ..InitProducerIdRequest::default()
        };
        let answer = ask(&broker, 4, &request).await;
        assert_eq!(
            ErrorCode::from(answer.error_code),
            code,
            "({producer_id}, {producer_epoch})"
        );
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_replication_factor_that_cannot_be_is_explained() {
    let broker = start().await;
    let mut client = broker.client().await;
    for (replication_factor, says) in [
        (0, "larger than 0, or -1 to use the default value"),
        (-2, "larger than 0, or -1 to use the default value"),
        (3, "larger than available brokers: 1"),
    ] {
        let topic = CreatableTopic {
            name: "events".to_owned(),
            num_partitions: 1,
            replication_factor,
            ..CreatableTopic::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![topic],
            ..CreateTopicsRequest::default()
        };
        let answer = client.call(&request).await.unwrap().topics.remove(0);
        assert_eq!(
            ErrorCode::from(answer.error_code),
            ErrorCode::InvalidReplicationFactor
        );
        let said = answer.error_message.unwrap();
        assert!(said.contains(says), "{replication_factor}: {said}");
    }
    broker.stop().await;
}
