//! Limits, each at it and one past it, over sockets: what is past is refused, in its own words. `LIMITS.md` has the
//! table; those that are about time and room are in [`crate::hostile`] and [`crate::pace`].

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use annals_broker::{BrokerConfig, OpenGate};
use annals_kafka_wire::batch::{BatchBuilder, HEADER_BYTES, HEADERS_MAX};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame::encode_request;
use annals_kafka_wire::message::api_versions::ApiVersionsRequest;
use annals_kafka_wire::message::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use annals_kafka_wire::message::create_topics::{CreatableTopic, CreateTopicsRequest};
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic};
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::init_producer_id::InitProducerIdRequest;
use annals_kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use annals_kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use bytes::Bytes;

use crate::harness::*;
use crate::records::forged;

const NEVER: Duration = Duration::from_secs(600);

#[tokio::test]
async fn frames_of_any_length_up_to_the_limit_are_read() {
    let config = BrokerConfig {
        frame_bytes_max: 10_000,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let hello = encode_request(&ApiVersionsRequest::default(), 0, 1, None).unwrap();
    for (size, is_read) in [(7, false), (10, true), (10_000, true), (10_001, false)] {
        // What follows a request's end is let go.
        let mut frame = hello.to_vec();
        frame.resize(4 + size, 0);
        frame[..4].copy_from_slice(&u32::try_from(size).unwrap().to_be_bytes());
        let mut stream = broker.raw();
        let answered = blocking(move || {
            // Who is refused may be so before all is sent.
            let _ = stream.write_all(&frame);
            stream.read(&mut [0]).is_ok_and(|bytes| bytes > 0)
        });
        assert_eq!(answered.await, is_read, "{size} bytes");
    }
    broker.stop().await;
}

/// A batch of so many records with so many headers each.
fn records(count: usize, headers: usize, bytes: usize) -> Bytes {
    let mut builder = BatchBuilder::new();
    let value = vec![b'x'; bytes];
    for _ in 0..count {
        assert!(builder.push(NOW_MS, None, Some(&value), &vec![("h", &[][..]); headers]));
    }
    builder.build()
}

#[tokio::test]
async fn batches_hold_only_so_much() {
    let bytes = records(1, 0, 1_000).len();
    let config = |of: fn(&mut BrokerConfig, usize), max| {
        let mut config = test_config();
        of(&mut config, max);
        config
    };
    let by_bytes: fn(&mut BrokerConfig, usize) = |config, max| config.message_bytes_max = max;
    let by_records: fn(&mut BrokerConfig, usize) = |config, max| config.batch_records_max = max;
    let by_headers: fn(&mut BrokerConfig, usize) = |config, max| config.batch_headers_max = max;
    let by_nothing: fn(&mut BrokerConfig, usize) = |_, _| {};
    let too_large = ErrorCode::MessageTooLarge;
    let past_headers = records(1, HEADERS_MAX, 0);
    for (name, config, at, past, code) in [
        (
            "bytes",
            config(by_bytes, bytes),
            records(1, 0, 1_000),
            records(1, 0, 1_001),
            too_large,
        ),
        (
            "records",
            config(by_records, 50),
            records(50, 0, 1),
            records(51, 0, 1),
            too_large,
        ),
        (
            "headers of a batch",
            config(by_headers, 20),
            records(2, 10, 1),
            records(1, 21, 1),
            too_large,
        ),
        (
            "headers of a record",
            config(by_nothing, 0),
            past_headers.clone(),
            one_header_more(&past_headers),
            ErrorCode::InvalidRecord,
        ),
    ] {
        let broker = start_with(config, Arc::new(OpenGate)).await;
        let mut client = broker.client().await;
        client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
        for (batch, code) in [(at, ErrorCode::None), (past, code)] {
            let answer = produce(&mut client, "events", batch).await;
            let said = (ErrorCode::from(answer.error_code), answer.error_message);
            assert_eq!(said.0, code, "{name}: {said:?}");
            assert_eq!(said.1.is_some(), code != ErrorCode::None, "{name}: {said:?}");
        }
        broker.stop().await;
    }
}

/// The batch of one record with a header more, which no builder makes.
fn one_header_more(batch: &Bytes) -> Bytes {
    let (head, record) = batch.split_at(HEADER_BYTES);
    // Its length takes two bytes; its last header is a name's length, the name, and the length of no value.
    let (length, last) = (record.len() - 2, [2, b'h', 0]);
    assert!(record.starts_with(&zigzag(length)) && record.ends_with(&last));
    let mut record = [&zigzag(length + last.len()), &record[2..], &last].concat();
    let count = zigzag(HEADERS_MAX);
    let at = record.windows(2).position(|bytes| bytes == count).unwrap();
    record.splice(at..at + 2, zigzag(HEADERS_MAX + 1));
    forged(&[head, &record].concat().into(), &[], &[])
}

/// A number as records have them.
fn zigzag(number: usize) -> Vec<u8> {
    let mut left = number << 1;
    let mut bytes = Vec::new();
    while left >= 0x80 {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes
}

#[tokio::test]
async fn an_answer_has_only_so_many_bytes_whatever_is_asked_for() {
    let one = records(1, 0, 1_000).len();
    for (max, batches) in [(3 * one, 3), (3 * one - 1, 2)] {
        let config = BrokerConfig {
            fetch_bytes_max: max,
            ..test_config()
        };
        let broker = start_with(config, Arc::new(OpenGate)).await;
        let mut client = broker.client().await;
        client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
        for _ in 0..5 {
            let answer = produce(&mut client, "events", records(1, 0, 1_000)).await;
            assert_eq!(answer.error_code, 0);
        }
        let fetched = client.call(&fetch_all(0)).await.unwrap();
        let given = fetched.responses[0].partitions[0].records.as_ref().unwrap();
        assert_eq!(given.len(), batches * one, "of at most {max} bytes");
        broker.stop().await;
    }
}

/// Everything there is of a partition, and the longest wait for more when there is nothing.
fn fetch_all(offset: i64) -> FetchRequest {
    FetchRequest {
        max_bytes: i32::MAX,
        max_wait_ms: i32::MAX,
        min_bytes: 1,
        topics: vec![FetchTopic {
            topic: "events".to_owned(),
            partitions: vec![FetchPartition {
                fetch_offset: offset,
                partition_max_bytes: i32::MAX,
                ..FetchPartition::default()
            }],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    }
}

#[tokio::test]
async fn a_fetch_waits_only_so_long_whatever_is_asked_for() {
    let config = BrokerConfig {
        fetch_wait_max: Duration::from_millis(50),
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let fetched = client.call(&fetch_all(0)).await.unwrap();
    let partition = &fetched.responses[0].partitions[0];
    assert_eq!((partition.error_code, partition.high_watermark), (0, 0));
    broker.stop().await;
}

/// A broker with an answer of many bytes on its way, of which nobody takes more than the first.
async fn with_an_answer_under_way(config: BrokerConfig) -> (Running, std::net::TcpStream) {
    // More than the sockets of a connection hold between them.
    const ANSWER: usize = 16 << 20;
    let config = BrokerConfig {
        message_bytes_max: ANSWER,
        ..config
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let answer = produce(&mut client, "events", records(1, 0, ANSWER - 1024)).await;
    assert_eq!(answer.error_code, 0);
    let (mut stream, fetch) = (broker.raw(), encode_request(&fetch_all(0), 4, 1, None).unwrap());
    let stream = blocking(move || {
        stream.write_all(&fetch).unwrap();
        stream.read_exact(&mut [0; 4]).unwrap();
        stream
    });
    (broker, stream.await)
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let config = BrokerConfig {
        answer_write_timeout: Duration::from_millis(50),
        pace_window: NEVER,
        ..test_config()
    };
    let (broker, stream) = with_an_answer_under_way(config).await;
    while broker.broker.figures().connections_closed == 0 {
        tokio::task::yield_now().await;
    }
    let rest = blocking(move || answer_until_close(stream, &[])).await;
    assert!(rest.len() < 15 << 20, "{} bytes came", rest.len());
    broker.stop().await;
}

#[tokio::test]
async fn a_stop_waits_only_so_long_for_who_takes_no_answer() {
    let config = BrokerConfig {
        answer_write_timeout: NEVER,
        stop_timeout: Duration::from_millis(50),
        ..test_config()
    };
    let (broker, _stream) = with_an_answer_under_way(config).await;
    broker.stop().await;
}

/// Who joins a group with so many bytes about itself, and may be silent for so long.
fn join(group: &str, bytes: usize, session_timeout_ms: i32) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.to_owned(),
        session_timeout_ms,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".to_owned(),
            metadata: vec![0; bytes].into(),
        }],
        ..JoinGroupRequest::default()
    }
}

/// A member of a group of the new protocol.
fn member(member_id: String, names: Vec<String>, regex: Option<String>) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: "new".to_owned(),
        member_id,
        rebalance_timeout_ms: 10_000,
        subscribed_topic_names: Some(names),
        subscribed_topic_regex: regex,
        topic_partitions: Some(Vec::new()),
        ..ConsumerGroupHeartbeatRequest::default()
    }
}

/// Answers of the coordinator, whichever request it was.
async fn joined(broker: &Running, request: JoinGroupRequest) -> ErrorCode {
    ask(broker, 5, &request).await.error_code.into()
}

async fn heard(broker: &Running, request: ConsumerGroupHeartbeatRequest) -> ErrorCode {
    ask(broker, 1, &request).await.error_code.into()
}

async fn begun(broker: &Running, transaction_timeout_ms: i32) -> ErrorCode {
    let request = InitProducerIdRequest {
        transactional_id: Some("id".to_owned()),
        transaction_timeout_ms,
        ..InitProducerIdRequest::default()
    };
    ask(broker, 4, &request).await.error_code.into()
}

async fn committed(broker: &Running, metadata_bytes: usize) -> ErrorCode {
    let partition = OffsetCommitRequestPartition {
        committed_metadata: Some("m".repeat(metadata_bytes)),
        ..OffsetCommitRequestPartition::default()
    };
    let request = OffsetCommitRequest {
        group_id: "alone".to_owned(),
        topics: vec![OffsetCommitRequestTopic {
            name: "events".to_owned(),
            partitions: vec![partition],
            ..OffsetCommitRequestTopic::default()
        }],
        ..OffsetCommitRequest::default()
    };
    let answer = ask(broker, 8, &request).await;
    answer.topics[0].partitions[0].error_code.into()
}

async fn created(broker: &Running, name_bytes: usize) -> ErrorCode {
    let request = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: "n".repeat(name_bytes),
            num_partitions: 1,
            replication_factor: 1,
            ..CreatableTopic::default()
        }],
        ..CreateTopicsRequest::default()
    };
    ask(broker, 5, &request).await.topics[0].error_code.into()
}

/// A broker whose coordinators have their topics, and a topic of a client's.
async fn start_coordinating() -> Running {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for kind in [0, 1] {
        let request = FindCoordinatorRequest {
            key: "id".to_owned(),
            key_type: kind,
            ..FindCoordinatorRequest::default()
        };
        assert_eq!(ask(&broker, 3, &request).await.error_code, 0);
    }
    broker
}

/// What was asked at a limit, and one past it, was answered so.
fn check(name: &str, answers: [ErrorCode; 2], fine: ErrorCode, code: ErrorCode) {
    assert_eq!(answers, [fine, code], "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_say_only_so_much() {
    let broker = &start_coordinating().await;
    // The first answer of a member is the id it is to come again with.
    let welcome = ErrorCode::MemberIdRequired;
    for (name, at, past, code) in [
        (
            "bytes about itself",
            (1 << 20, 6_000),
            ((1 << 20) + 1, 6_000),
            ErrorCode::InvalidRequest,
        ),
        (
            "shortest session",
            (1, 6_000),
            (1, 5_999),
            ErrorCode::InvalidSessionTimeout,
        ),
        (
            "longest session",
            (1, 1_800_000),
            (1, 1_800_001),
            ErrorCode::InvalidSessionTimeout,
        ),
    ] {
        let at = joined(broker, join("g", at.0, at.1)).await;
        let past = joined(broker, join("g", past.0, past.1)).await;
        check(name, [at, past], welcome, code);
    }
    let names = |bytes: usize| vec!["n".repeat(bytes / 17); 17];
    let said_max = 512 * 1024 / 17 * 17;
    let regex = |bytes| Some("r".repeat(bytes));
    let named = |id: &str, names, regex| member(id.to_owned(), names, regex);
    for (name, at, past, code) in [
        (
            "bytes of its id",
            member("m".repeat(255), Vec::new(), None),
            member("m".repeat(256), Vec::new(), None),
            ErrorCode::InvalidRequest,
        ),
        (
            "bytes of what it wants",
            named("a", names(said_max), None),
            named("b", names(said_max + 17), None),
            ErrorCode::InvalidRequest,
        ),
        (
            "bytes of a regular expression",
            named("c", Vec::new(), regex(4_096)),
            named("d", Vec::new(), regex(4_097)),
            ErrorCode::InvalidRegularExpression,
        ),
    ] {
        let answers = [heard(broker, at).await, heard(broker, past).await];
        check(name, answers, ErrorCode::None, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_say_only_so_much() {
    let broker = &start_coordinating().await;
    let answers = [begun(broker, 900_000).await, begun(broker, 900_001).await];
    let code = ErrorCode::InvalidTransactionTimeout;
    check("longest transaction", answers, ErrorCode::None, code);
    let answers = [committed(broker, 4_096).await, committed(broker, 4_097).await];
    let code = ErrorCode::OffsetMetadataTooLarge;
    check("bytes beside an offset", answers, ErrorCode::None, code);
    let answers = [created(broker, 249).await, created(broker, 250).await];
    let code = ErrorCode::InvalidTopicException;
    check("bytes of a topic's name", answers, ErrorCode::None, code);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_groups() {
    const GROUPS_MAX: usize = 10_000;
    let broker = start().await;
    let coordinator = FindCoordinatorRequest {
        key: "g".to_owned(),
        ..FindCoordinatorRequest::default()
    };
    assert_eq!(ask(&broker, 3, &coordinator).await.error_code, 0);
    let mut client = broker.client().await;
    for number in 0..=GROUPS_MAX {
        // A session so long that none has gone before the last has come.
        let joins = join(&format!("g{number}"), 1, 1_800_000);
        let answer = client.call(&joins).await.unwrap();
        let code = match number < GROUPS_MAX {
            true => ErrorCode::MemberIdRequired,
            false => ErrorCode::GroupMaxSizeReached,
        };
        assert_eq!(ErrorCode::from(answer.error_code), code, "group {number}");
    }
    assert_eq!(broker.broker.figures().groups, GROUPS_MAX);
    broker.stop().await;
}
