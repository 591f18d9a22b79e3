//! What partitions and transactional ids know: where epochs end, who writes, what is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_broker::OpenGate;
use annals_kafka_wire::batch::BatchBuilder;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use annals_kafka_wire::message::describe_producers::{DescribeProducersRequest, TopicRequest};
use annals_kafka_wire::message::describe_transactions::DescribeTransactionsRequest;
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic};
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::init_producer_id::InitProducerIdRequest;
use annals_kafka_wire::message::list_transactions::ListTransactionsRequest;
use annals_kafka_wire::message::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};

use tempfile::TempDir;

use crate::harness::*;
use crate::requests::copy_dir;

/// A broker that was killed once: two records of the epoch before that, and one of the epoch now.
async fn two_epochs() -> (Running, i32, i32, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let broker = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    produce(&mut client, "events", batch(None, &["a", "b"])).await;
    let before = broker.broker.topic("events").unwrap().partitions[0].leader_epoch();
    // Not closed, as when the process is killed: the next run has another epoch.
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    broker.stop().await;
    let broker = start_in(copy.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    produce(&mut client, "events", batch(None, &["c"])).await;
    let now = broker.broker.topic("events").unwrap().partitions[0].leader_epoch();
    assert!(now > before);
    (broker, before, now, copy)
}

#[tokio::test]
async fn a_consumer_learns_where_an_epoch_ended() {
    let (broker, before, now, _dir) = two_epochs().await;
    // Topic, partition, the epoch the client knows, the one asked about; code, epoch, end.
    let (none, unknown) = (ErrorCode::None, ErrorCode::UnknownTopicOrPartition);
    for version in 2..=4 {
        for (topic, partition, current, asked, code, epoch, end) in [
            ("events", 0, -1, before, none, before, 2),
            ("events", 0, now, now, none, now, 3),
            ("events", 0, -1, now + 1, none, -1, -1),
            ("events", 0, before, before, ErrorCode::FencedLeaderEpoch, -1, -1),
            (
                "events",
                0,
                now + 1,
                before,
                ErrorCode::UnknownLeaderEpoch,
                -1,
                -1,
            ),
            ("events", 1, -1, before, unknown, -1, -1),
            ("nowhere", 0, -1, before, unknown, -1, -1),
        ] {
            let request = OffsetForLeaderEpochRequest {
                topics: vec![OffsetForLeaderTopic {
                    topic: topic.to_owned(),
                    partitions: vec![OffsetForLeaderPartition {
                        partition,
                        current_leader_epoch: current,
                        leader_epoch: asked,
                    }],
                }],
                ..OffsetForLeaderEpochRequest::default()
            };
            let answer = ask(&broker, version, &request).await;
            let found = &answer.topics[0].partitions[0];
            assert_eq!(
                (
                    ErrorCode::from(found.error_code),
                    found.leader_epoch,
                    found.end_offset
                ),
                (code, epoch, end),
                "v{version} {topic} {partition} {current} {asked}"
            );
        }
    }
    broker.stop().await;
}

/// A Fetch that says of which epoch its last record is (KIP-595).
#[tokio::test]
async fn who_has_read_on_behind_an_epochs_end_is_told_where_it_ended() {
    let (broker, before, now, _dir) = two_epochs().await;
    // Its offset and that epoch; code, where the logs parted, whether there are records.
    let (none, out) = (ErrorCode::None, ErrorCode::OffsetOutOfRange);
    for (offset, last, code, parted, has_records) in [
        (2, before, none, (-1, -1), true),
        (1, before, none, (-1, -1), true),
        (3, now, none, (-1, -1), false),
        (3, before, none, (before, 2), false),
        (3, now + 1, out, (-1, -1), false),
        (-1, before, out, (-1, -1), false),
        (1, -1, none, (-1, -1), true),
    ] {
        let request = FetchRequest {
            max_bytes: 1 << 20,
            // Nothing to wait for where the logs parted.
            max_wait_ms: if parted.0 >= 0 { i32::MAX } else { 0 },
            min_bytes: 1,
            topics: vec![FetchTopic {
                topic: "events".to_owned(),
                partitions: vec![FetchPartition {
                    fetch_offset: offset,
                    last_fetched_epoch: last,
                    partition_max_bytes: 1 << 20,
                    ..FetchPartition::default()
                }],
                ..FetchTopic::default()
            }],
            ..FetchRequest::default()
        };
        let found = ask(&broker, 12, &request)
            .await
            .responses
            .remove(0)
            .partitions
            .remove(0);
        let epoch = &found.diverging_epoch;
        let got = (ErrorCode::from(found.error_code), (epoch.epoch, epoch.end_offset));
        assert_eq!(got, (code, parted), "{offset}, {last}");
        assert_eq!(
            found.records.is_some_and(|bytes| !bytes.is_empty()),
            has_records,
            "{offset}, {last}"
        );
    }
    broker.stop().await;
}

/// An open transaction with a record in partition 0 of `events`: the producer's id and epoch.
async fn open_transaction(broker: &Running, transactional_id: &str) -> (i64, i16) {
    let coordinator = FindCoordinatorRequest {
        key_type: 1,
        coordinator_keys: vec![transactional_id.to_owned()],
        ..FindCoordinatorRequest::default()
    };
    assert_eq!(ask(broker, 4, &coordinator).await.coordinators[0].error_code, 0);
    let init = InitProducerIdRequest {
        transactional_id: Some(transactional_id.to_owned()),
        transaction_timeout_ms: 60_000,
        ..InitProducerIdRequest::default()
    };
    let producer = ask(broker, 3, &init).await;
    assert_eq!(producer.error_code, 0);
    let (id, epoch) = (producer.producer_id, producer.producer_epoch);
    let add = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: transactional_id.to_owned(),
        v3_and_below_producer_id: id,
        v3_and_below_producer_epoch: epoch,
        v3_and_below_topics: vec![AddPartitionsToTxnTopic {
            name: "events".to_owned(),
            partitions: vec![0],
        }],
        ..AddPartitionsToTxnRequest::default()
    };
    let added = ask(broker, 3, &add).await;
    assert_eq!(
        added.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code,
        0
    );
    let mut builder = BatchBuilder::new().producer(id, epoch, 0).transactional();
    builder.push(NOW_MS, None, Some(b"a"), &[]);
    let mut request = produce_request("events", -1, builder.build());
    request.transactional_id = Some(transactional_id.to_owned());
    let produced = ask(broker, 9, &request).await;
    assert_eq!(produced.responses[0].partition_responses[0].error_code, 0);
    (id, epoch)
}

#[tokio::test]
async fn producers_are_told_of_with_what_they_have_open() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 2, &BTreeMap::new()).await.unwrap();
    produce(&mut client, "events", batch(Some((900, 3, 0)), &["x", "y"])).await;
    let (id, epoch) = open_transaction(&broker, "orders-1").await;

    let request = DescribeProducersRequest {
        topics: vec![
            TopicRequest {
                name: "events".to_owned(),
                partition_indexes: vec![0, 0, 1, 2],
            },
            TopicRequest {
                name: "nowhere".to_owned(),
                partition_indexes: vec![0],
            },
        ],
    };
    let told = ask(&broker, 0, &request).await;
    let codes = |topic: usize| -> Vec<(i32, i16)> {
        let partitions = told.topics[topic].partitions.iter();
        partitions
            .map(|one| (one.partition_index, one.error_code))
            .collect()
    };
    assert_eq!((codes(0), codes(1)), (vec![(0, 0), (1, 0), (2, 3)], vec![(0, 3)]));
    let mut active: Vec<_> = told.topics[0].partitions[0]
        .active_producers
        .iter()
        .map(|one| {
            (
                one.producer_id,
                one.producer_epoch,
                one.last_sequence,
                one.current_txn_start_offset,
            )
        })
        .collect();
    active.sort_unstable();
    let mut expected = vec![(900, 3, 1, -1), (id, i32::from(epoch), 0, 2)];
    expected.sort_unstable();
    assert_eq!(active, expected);
    assert!(told.topics[0].partitions[1].active_producers.is_empty());
    broker.stop().await;
}

#[tokio::test]
async fn a_transaction_is_described_with_what_it_has_written_to() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 2, &BTreeMap::new()).await.unwrap();
    let (id, epoch) = open_transaction(&broker, "orders-1").await;
    let request = DescribeTransactionsRequest {
        transactional_ids: vec!["orders-1".to_owned(), "nobody".to_owned(), "orders-1".to_owned()],
    };
    let told = ask(&broker, 0, &request).await.transaction_states;
    let [nobody, orders] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        ErrorCode::from(nobody.error_code),
        ErrorCode::TransactionalIdNotFound
    );
    assert_eq!(
        (orders.error_code, orders.transaction_state.as_str()),
        (0, "Ongoing")
    );
    assert_eq!(
        (
            orders.producer_id,
            orders.producer_epoch,
            orders.transaction_timeout_ms
        ),
        (id, epoch, 60_000)
    );
    assert!(orders.transaction_start_time_ms > 0 && orders.transaction_start_time_ms <= NOW_MS);
    assert_eq!(
        (orders.topics[0].topic.as_str(), &orders.topics[0].partitions[..]),
        ("events", &[0][..])
    );
    broker.stop().await;
}

#[tokio::test]
async fn transactions_are_listed_by_state_producer_time_and_name() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 2, &BTreeMap::new()).await.unwrap();
    let (id, _) = open_transaction(&broker, "orders-1").await;
    let all = ListTransactionsRequest {
        duration_filter: -1,
        ..ListTransactionsRequest::default()
    };
    let states = |names: &[&str]| ListTransactionsRequest {
        state_filters: names.iter().map(|name| (*name).to_owned()).collect(),
        ..all.clone()
    };
    let producers = |ids: &[i64]| ListTransactionsRequest {
        producer_id_filters: ids.to_vec(),
        ..all.clone()
    };
    let longer = |duration_filter| ListTransactionsRequest {
        duration_filter,
        ..all.clone()
    };
    let named = |pattern: &str| ListTransactionsRequest {
        transactional_id_pattern: Some(pattern.to_owned()),
        ..all.clone()
    };
    for (version, request, listed, unknown) in [
        (0, all.clone(), true, &[][..]),
        (1, all.clone(), true, &[]),
        (2, all.clone(), true, &[]),
        (2, states(&["Ongoing"]), true, &[]),
        (2, states(&["Empty", "CompleteAbort"]), false, &[]),
        (2, states(&["Dreaming", "Ongoing"]), true, &["Dreaming"]),
        (2, producers(&[id, 5]), true, &[]),
        (2, producers(&[id + 1]), false, &[]),
        (1, longer(3_600_000), false, &[]),
        (2, named("orders-.*"), true, &[]),
        (2, named("orders"), false, &[]),
        (2, named("x|.*1"), true, &[]),
    ] {
        let answer = ask(&broker, version, &request).await;
        let ids: Vec<_> = answer
            .transaction_states
            .iter()
            .map(|one| one.transactional_id.as_str())
            .collect();
        assert_eq!(
            ids,
            if listed { vec!["orders-1"] } else { vec![] },
            "v{version} {request:?}"
        );
        assert_eq!(
            (answer.error_code, answer.unknown_state_filters),
            (0, unknown.iter().map(|name: &&str| (*name).to_owned()).collect())
        );
    }
    for pattern in ["(", "(a{1000}){1000}"] {
        let code = ask(&broker, 2, &named(pattern)).await.error_code;
        assert_eq!(
            ErrorCode::from(code),
            ErrorCode::InvalidRegularExpression,
            "{pattern}"
        );
    }
    broker.stop().await;
}
