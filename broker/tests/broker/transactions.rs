//! Transactions over the protocol: what is read of them, who may write, and what a restart finishes.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_broker::OpenGate;
use annals_kafka_wire::batch::{BatchBuilder, batches};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::add_offsets_to_txn::AddOffsetsToTxnRequest;
use annals_kafka_wire::message::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use annals_kafka_wire::message::end_txn::EndTxnRequest;
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use annals_kafka_wire::message::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use annals_kafka_wire::message::produce::PartitionProduceResponse;
use annals_kafka_wire::message::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};

use crate::harness::{NOW_MS, Running, ask, produce_request, start, start_in, test_config};

const ID: &str = "payments";

/// A producer of the transactional id, its next life if there was one.
pub(crate) async fn producer(running: &Running) -> InitProducerIdResponse {
    let coordinator = FindCoordinatorRequest {
        key_type: 1,
        coordinator_keys: vec![ID.into(), "__consumer_offsets".into()],
        ..FindCoordinatorRequest::default()
    };
    ask(running, 6, &coordinator).await;
    let group = FindCoordinatorRequest {
        coordinator_keys: vec!["g".into()],
        ..FindCoordinatorRequest::default()
    };
    ask(running, 6, &group).await;
    loop {
        let given = init(running, -1, -1).await;
        if ErrorCode::from(given.error_code) != ErrorCode::ConcurrentTransactions {
            assert_eq!(given.error_code, 0);
            return given;
        }
        tokio::task::yield_now().await;
    }
}

async fn init(running: &Running, producer_id: i64, producer_epoch: i16) -> InitProducerIdResponse {
    let request = InitProducerIdRequest {
        transactional_id: Some(ID.into()),
        transaction_timeout_ms: 60_000,
        producer_id,
        producer_epoch,
    };
    ask(running, 5, &request).await
}

pub(crate) async fn create(running: &Running, topic: &'static str) {
    let broker = running.broker.clone();
    let create = move || drop(broker.create_topic(topic, 1, BTreeMap::new()).unwrap());
    tokio::task::spawn_blocking(create).await.unwrap();
}

pub(crate) async fn add(running: &Running, who: &InitProducerIdResponse, topic: &str) -> ErrorCode {
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: ID.into(),
        v3_and_below_producer_id: who.producer_id,
        v3_and_below_producer_epoch: who.producer_epoch,
        v3_and_below_topics: vec![AddPartitionsToTxnTopic {
            name: topic.into(),
            partitions: vec![0],
        }],
        ..AddPartitionsToTxnRequest::default()
    };
    // A transaction that has just ended may still be on its way to its end.
    loop {
        let answer = ask(running, 3, &request).await;
        let code = answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code;
        match ErrorCode::from(code) {
            ErrorCode::ConcurrentTransactions => tokio::task::yield_now().await,
            code => return code,
        }
    }
}

pub(crate) async fn write(
    running: &Running,
    who: &InitProducerIdResponse,
    sequence: i32,
    topic: &str,
    value: &str,
) -> ErrorCode {
    write_in(running, 9, who, sequence, topic, value).await
}

/// A Produce of a version of the test's choice that names topics.
async fn write_in(
    running: &Running,
    version: i16,
    who: &InitProducerIdResponse,
    sequence: i32,
    topic: &str,
    value: &str,
) -> ErrorCode {
    let record = (None, value.as_bytes(), &[][..]);
    let answer = write_records(running, version, who, sequence, topic, &[record]).await;
    ErrorCode::from(answer.error_code)
}

/// A record: its key, its value and its headers.
pub(crate) type Written<'a> = (Option<&'a [u8]>, &'a [u8], &'a [(&'a str, &'a [u8])]);

pub(crate) async fn write_records(
    running: &Running,
    version: i16,
    who: &InitProducerIdResponse,
    sequence: i32,
    topic: &str,
    records: &[Written<'_>],
) -> PartitionProduceResponse {
    let mut builder = BatchBuilder::new()
        .producer(who.producer_id, who.producer_epoch, sequence)
        .transactional();
    for (key, value, headers) in records {
        builder.push(NOW_MS, *key, Some(value), headers);
    }
    let mut request = produce_request(topic, -1, builder.build());
    request.transactional_id = Some(ID.into());
    let mut answer = ask(running, version, &request).await;
    answer.responses.remove(0).partition_responses.remove(0)
}

/// As [`write_in`], as soon as the transaction before is at its end.
async fn write_next(running: &Running, who: &InitProducerIdResponse, value: &str) -> ErrorCode {
    loop {
        match write_in(running, 12, who, 0, "a", value).await {
            ErrorCode::ConcurrentTransactions => tokio::task::yield_now().await,
            code => return code,
        }
    }
}

pub(crate) async fn end(running: &Running, who: &InitProducerIdResponse, committed: bool) -> ErrorCode {
    let request = EndTxnRequest {
        transactional_id: ID.into(),
        producer_id: who.producer_id,
        producer_epoch: who.producer_epoch,
        committed,
    };
    ErrorCode::from(ask(running, 3, &request).await.error_code)
}

pub(crate) async fn fetched(running: &Running, topic: &str, isolation_level: i8) -> PartitionData {
    let request = FetchRequest {
        isolation_level,
        max_bytes: i32::MAX,
        topics: vec![FetchTopic {
            topic: topic.into(),
            partitions: vec![FetchPartition {
                partition_max_bytes: i32::MAX,
                ..FetchPartition::default()
            }],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    };
    ask(running, 12, &request)
        .await
        .responses
        .remove(0)
        .partitions
        .remove(0)
}

/// Values as a reader of committed records takes them, waiting until the end of the partition is decided.
pub(crate) async fn committed(running: &Running, topic: &str) -> Vec<String> {
    let found = loop {
        let found = fetched(running, topic, 1).await;
        // The ends are those of when the records had been read: what was decided in between comes with the next.
        let last = batches(found.records.as_ref().unwrap()).last();
        let end = last.map_or(0, |last| last.unwrap().last_offset() + 1);
        if found.last_stable_offset == found.high_watermark && end == found.high_watermark {
            break found;
        }
        tokio::task::yield_now().await;
    };
    let aborted = found.aborted_transactions.unwrap();
    let (mut values, mut last_marker) = (Vec::new(), -1);
    for batch in batches(&found.records.unwrap()).map(Result::unwrap) {
        if batch.is_control() {
            last_marker = batch.base_offset();
            continue;
        }
        let is_aborted = aborted.iter().any(|aborted| {
            aborted.producer_id == batch.producer_id()
                && (last_marker + 1..=batch.base_offset()).contains(&aborted.first_offset)
        });
        if !is_aborted {
            let records = batch
                .records(1 << 20)
                .unwrap()
                .map(|record| record.unwrap().value.unwrap());
            values.extend(records.map(|value| String::from_utf8(value.to_vec()).unwrap()));
        }
    }
    values
}

async fn latest(running: &Running, topic: &str, isolation_level: i8) -> i64 {
    let request = ListOffsetsRequest {
        isolation_level,
        topics: vec![ListOffsetsTopic {
            name: topic.into(),
            partitions: vec![ListOffsetsPartition {
                timestamp: -1,
                ..ListOffsetsPartition::default()
            }],
        }],
        ..ListOffsetsRequest::default()
    };
    ask(running, 7, &request).await.topics[0].partitions[0].offset
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_read_when_it_is() {
    let running = start().await;
    create(&running, "a").await;
    create(&running, "b").await;
    let who = producer(&running).await;
    assert_eq!(
        write(&running, &who, 0, "a", "too early").await,
        ErrorCode::InvalidTxnState
    );
    assert_eq!(
        add(&running, &who, "none").await,
        ErrorCode::UnknownTopicOrPartition
    );
    assert_eq!(add(&running, &who, "a").await, ErrorCode::None);
    assert_eq!(write(&running, &who, 0, "a", "one").await, ErrorCode::None);
    assert_eq!(
        write(&running, &who, 0, "b", "elsewhere").await,
        ErrorCode::InvalidTxnState
    );
    let open = fetched(&running, "a", 1).await;
    assert_eq!(
        (
            open.high_watermark,
            open.last_stable_offset,
            open.records.unwrap().len()
        ),
        (1, 0, 0)
    );
    assert!(!fetched(&running, "a", 0).await.records.unwrap().is_empty());
    assert_eq!(
        (latest(&running, "a", 0).await, latest(&running, "a", 1).await),
        (1, 0)
    );
    assert_eq!(end(&running, &who, true).await, ErrorCode::None);
    assert_eq!(committed(&running, "a").await, ["one"]);
    assert_eq!(
        write(&running, &who, 1, "a", "too late").await,
        ErrorCode::InvalidTxnState
    );

    assert_eq!(add(&running, &who, "a").await, ErrorCode::None);
    assert_eq!(write(&running, &who, 1, "a", "two").await, ErrorCode::None);
    assert_eq!(end(&running, &who, false).await, ErrorCode::None);
    assert_eq!(add(&running, &who, "a").await, ErrorCode::None);
    assert_eq!(write(&running, &who, 2, "a", "three").await, ErrorCode::None);
    assert_eq!(end(&running, &who, true).await, ErrorCode::None);
    assert_eq!(committed(&running, "a").await, ["one", "three"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_life_is_fenced_everywhere() {
    let running = start().await;
    create(&running, "a").await;
    let old = producer(&running).await;
    assert_eq!(add(&running, &old, "a").await, ErrorCode::None);
    assert_eq!(write(&running, &old, 0, "a", "old").await, ErrorCode::None);
    let new = producer(&running).await;
    assert_eq!(
        (new.producer_id, new.producer_epoch),
        (old.producer_id, old.producer_epoch + 2)
    );
    assert_eq!(end(&running, &old, true).await, ErrorCode::ProducerFenced);
    assert_eq!(add(&running, &old, "a").await, ErrorCode::ProducerFenced);
    assert_eq!(
        write(&running, &old, 1, "a", "old").await,
        ErrorCode::InvalidProducerEpoch
    );
    let refused = init(&running, old.producer_id, old.producer_epoch).await;
    assert_eq!(ErrorCode::from(refused.error_code), ErrorCode::ProducerFenced);
    assert_eq!(add(&running, &new, "a").await, ErrorCode::None);
    assert_eq!(write(&running, &new, 0, "a", "new").await, ErrorCode::None);
    assert_eq!(end(&running, &new, true).await, ErrorCode::None);
    running.stop().await;
}

/// The group's offset in `a`, and the error beside it.
async fn offset(running: &Running, require_stable: bool) -> (i64, ErrorCode) {
    let request = OffsetFetchRequest {
        require_stable,
        groups: vec![OffsetFetchRequestGroup {
            group_id: "g".into(),
            topics: Some(vec![OffsetFetchRequestTopics {
                name: "a".into(),
                partition_indexes: vec![0],
                ..OffsetFetchRequestTopics::default()
            }]),
            ..OffsetFetchRequestGroup::default()
        }],
        ..OffsetFetchRequest::default()
    };
    let answer = ask(running, 9, &request).await;
    let found = &answer.groups[0].topics[0].partitions[0];
    (found.committed_offset, ErrorCode::from(found.error_code))
}

async fn commit_offset(running: &Running, who: &InitProducerIdResponse, committed_offset: i64) -> ErrorCode {
    let add = AddOffsetsToTxnRequest {
        transactional_id: ID.into(),
        producer_id: who.producer_id,
        producer_epoch: who.producer_epoch,
        group_id: "g".into(),
    };
    while ErrorCode::from(ask(running, 3, &add).await.error_code) == ErrorCode::ConcurrentTransactions {
        tokio::task::yield_now().await;
    }
    commit_offset_in(running, 3, who, committed_offset).await
}

/// A TxnOffsetCommit of a version of the test's choice.
async fn commit_offset_in(
    running: &Running,
    version: i16,
    who: &InitProducerIdResponse,
    committed_offset: i64,
) -> ErrorCode {
    let commit = TxnOffsetCommitRequest {
        transactional_id: ID.into(),
        group_id: "g".into(),
        producer_id: who.producer_id,
        producer_epoch: who.producer_epoch,
        topics: vec![TxnOffsetCommitRequestTopic {
            name: "a".into(),
            partitions: vec![TxnOffsetCommitRequestPartition {
                committed_offset,
                ..TxnOffsetCommitRequestPartition::default()
            }],
        }],
        ..TxnOffsetCommitRequest::default()
    };
    ErrorCode::from(ask(running, version, &commit).await.topics[0].partitions[0].error_code)
}

async fn settled(running: &Running) -> i64 {
    loop {
        let (offset, code) = offset(running, true).await;
        if code == ErrorCode::None {
            return offset;
        }
        assert_eq!(code, ErrorCode::UnstableOffsetCommit);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_count_with_their_transaction_and_what_is_open_is_so_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = || start_in(dir.path(), test_config(), Arc::new(OpenGate));
    let running = start().await;
    create(&running, "a").await;
    let who = producer(&running).await;
    assert_eq!(commit_offset(&running, &who, 5).await, ErrorCode::None);
    assert_eq!(offset(&running, false).await, (-1, ErrorCode::None));
    assert_eq!(
        offset(&running, true).await,
        (-1, ErrorCode::UnstableOffsetCommit)
    );
    assert_eq!(end(&running, &who, false).await, ErrorCode::None);
    assert_eq!(settled(&running).await, -1);
    assert_eq!(commit_offset(&running, &who, 7).await, ErrorCode::None);
    assert_eq!(end(&running, &who, true).await, ErrorCode::None);
    assert_eq!(settled(&running).await, 7);
    assert_eq!(commit_offset(&running, &who, 9).await, ErrorCode::None);
    assert_eq!(add(&running, &who, "a").await, ErrorCode::None);
    assert_eq!(write(&running, &who, 0, "a", "nine").await, ErrorCode::None);
    running.stop().await;

    let running = start().await;
    assert_eq!(offset(&running, false).await.0, 7);
    assert_eq!(offset(&running, true).await.1, ErrorCode::UnstableOffsetCommit);
    assert_eq!(fetched(&running, "a", 1).await.last_stable_offset, 0);
    assert_eq!(end(&running, &who, true).await, ErrorCode::None);
    assert_eq!(settled(&running).await, 9);
    assert_eq!(committed(&running, "a").await, ["nine"]);
    running.stop().await;

    let running = start().await;
    assert_eq!(
        (settled(&running).await, committed(&running, "a").await),
        (9, vec!["nine".to_owned()])
    );
    running.stop().await;
}

/// KIP-890: from version 12 of Produce on a partition comes into the transaction with the first batch written to it.
#[tokio::test]
async fn a_newer_produce_opens_its_transaction_where_it_writes() {
    let broker = start().await;
    create(&broker, "a").await;
    create(&broker, "b").await;
    let who = producer(&broker).await;
    assert_eq!(
        write_in(&broker, 11, &who, 0, "a", "early").await,
        ErrorCode::InvalidTxnState
    );
    assert_eq!(write_in(&broker, 12, &who, 0, "a", "x").await, ErrorCode::None);
    assert_eq!(
        write_in(&broker, 11, &who, 1, "a", "y").await,
        ErrorCode::None,
        "open by now"
    );
    assert_eq!(
        write_in(&broker, 12, &who, 0, "none", "x").await,
        ErrorCode::UnknownTopicOrPartition
    );
    assert_eq!(end(&broker, &who, true).await, ErrorCode::None);
    assert_eq!(committed(&broker, "a").await, ["x", "y"]);
    // The next one begins as soon as the last is at its end; what it writes is undone in both.
    let again = loop {
        match write_in(&broker, 12, &who, 2, "a", "z").await {
            ErrorCode::ConcurrentTransactions => tokio::task::yield_now().await,
            code => break code,
        }
    };
    assert_eq!(again, ErrorCode::None);
    assert_eq!(write_in(&broker, 12, &who, 0, "b", "z").await, ErrorCode::None);
    assert_eq!(end(&broker, &who, false).await, ErrorCode::None);
    assert_eq!(committed(&broker, "a").await, ["x", "y"]);
    assert!(committed(&broker, "b").await.is_empty());
    // A producer that has been replaced opens nothing any more.
    let next = producer(&broker).await;
    assert_eq!(
        write_in(&broker, 12, &who, 3, "a", "late").await,
        ErrorCode::InvalidProducerEpoch
    );
    assert_eq!(
        write_in(&broker, 12, &next, 0, "a", "next").await,
        ErrorCode::None
    );
    broker.stop().await;
}

/// Ends a transaction, and goes on as the producer that is given.
async fn end_and_go_on(
    running: &Running,
    who: &InitProducerIdResponse,
    committed: bool,
) -> Result<InitProducerIdResponse, ErrorCode> {
    let request = EndTxnRequest {
        transactional_id: ID.into(),
        producer_id: who.producer_id,
        producer_epoch: who.producer_epoch,
        committed,
    };
    loop {
        let answer = ask(running, 5, &request).await;
        match ErrorCode::from(answer.error_code) {
            ErrorCode::ConcurrentTransactions => tokio::task::yield_now().await,
            ErrorCode::None => {
                return Ok(InitProducerIdResponse {
                    producer_id: answer.producer_id,
                    producer_epoch: answer.producer_epoch,
                    ..InitProducerIdResponse::default()
                });
            }
            code => return Err(code),
        }
    }
}

/// KIP-890: every transaction has an epoch of its own, also over a restart; what comes late enters no other.
#[tokio::test(flavor = "multi_thread")]
async fn every_transaction_of_a_newer_client_has_an_epoch_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let start = || start_in(dir.path(), test_config(), Arc::new(OpenGate));
    let running = start().await;
    create(&running, "a").await;
    let first = producer(&running).await;
    assert_eq!(
        end_and_go_on(&running, &first, true).await.err(),
        Some(ErrorCode::InvalidTxnState)
    );
    assert_eq!(write_in(&running, 12, &first, 0, "a", "x").await, ErrorCode::None);
    assert_eq!(commit_offset_in(&running, 5, &first, 7).await, ErrorCode::None);
    let second = end_and_go_on(&running, &first, true).await.unwrap();
    assert_eq!(
        (second.producer_id, second.producer_epoch),
        (first.producer_id, first.producer_epoch + 1)
    );
    assert_eq!(
        (settled(&running).await, committed(&running, "a").await),
        (7, vec!["x".to_owned()])
    );
    // Asked again, also after a restart, it is said again.
    assert_eq!(end_and_go_on(&running, &first, true).await.as_ref(), Ok(&second));
    running.stop().await;
    let running = start().await;
    assert_eq!(end_and_go_on(&running, &first, true).await.as_ref(), Ok(&second));
    // What comes late is of no transaction, neither before the next is open nor after that.
    for is_open in [false, true] {
        if is_open {
            assert_eq!(write_next(&running, &second, "y").await, ErrorCode::None);
        }
        assert_eq!(
            write_in(&running, 12, &first, 1, "a", "late").await,
            ErrorCode::InvalidProducerEpoch
        );
        assert_eq!(
            commit_offset_in(&running, 5, &first, 9).await,
            ErrorCode::InvalidProducerEpoch
        );
    }
    let third = end_and_go_on(&running, &second, false).await.unwrap();
    assert_eq!(write_next(&running, &third, "z").await, ErrorCode::None);
    let fourth = end_and_go_on(&running, &third, true).await.unwrap();
    assert_eq!(fourth.producer_epoch, first.producer_epoch + 3);
    assert_eq!(
        (settled(&running).await, committed(&running, "a").await),
        (7, vec!["x".to_owned(), "z".to_owned()])
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_topics_offsets_do_not_come_back_with_a_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let start = || start_in(dir.path(), test_config(), Arc::new(OpenGate));
    let running = start().await;
    create(&running, "a").await;
    let who = producer(&running).await;
    assert_eq!(commit_offset_in(&running, 5, &who, 7).await, ErrorCode::None);
    let broker = running.broker.clone();
    tokio::task::spawn_blocking(move || broker.delete_topic("a").unwrap())
        .await
        .unwrap();
    create(&running, "a").await;
    end_and_go_on(&running, &who, true).await.unwrap();
    assert_eq!(settled(&running).await, -1);
    running.stop().await;
    let running = start().await;
    assert_eq!(settled(&running).await, -1);
    running.stop().await;
}
