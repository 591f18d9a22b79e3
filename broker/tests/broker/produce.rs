//! Produce: what is stored, what is refused and how, and what a refusal leaves behind.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use annals_broker::{BrokerConfig, OpenGate};
use annals_kafka_wire::batch::{BatchBuilder, Compression};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame::{decode_response, encode_request};
use annals_kafka_wire::message::produce::ProduceRequest;
use bytes::{Bytes, BytesMut};

use crate::harness::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_come_back_as_sent_with_every_codec() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let big = "x".repeat(100_000);
    for (codec, offset) in Compression::ALL.into_iter().zip((0..).step_by(2)) {
        let mut builder = BatchBuilder::new().compression(codec);
        builder.push(NOW_MS, Some(b"key"), Some(big.as_bytes()), &[("actor", b"ada")]);
        builder.push(NOW_MS + 1, None, None, &[]);
        let answer = produce(&mut client, "events", builder.build()).await;
        assert_eq!((answer.error_code, answer.base_offset), (0, offset), "{codec}");
        let wait = std::time::Duration::from_secs(30);
        let fetched = client.fetch("events", 0, offset, wait).await.unwrap();
        assert_eq!(fetched.high_watermark, offset + 2);
        let [first, second] = &fetched.records[..] else {
            panic!("two records, not {fetched:?}")
        };
        assert_eq!(first.key.as_deref(), Some(&b"key"[..]));
        assert_eq!(first.value.as_deref(), Some(big.as_bytes()));
        assert_eq!(first.headers, [("actor", Some("ada"))].into_iter().collect());
        assert_eq!(
            (second.offset, second.timestamp_ms, &second.value),
            (offset + 1, NOW_MS + 1, &None)
        );
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_retry_is_answered_with_the_first_offset() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for sequence in 0..5 {
        let answer = produce(&mut client, "events", batch(Some((7, 0, sequence)), &["a"])).await;
        assert_eq!(answer.base_offset, i64::from(sequence));
    }
    for sequence in 0..5 {
        let answer = produce(&mut client, "events", batch(Some((7, 0, sequence)), &["a"])).await;
        assert_eq!((answer.error_code, answer.base_offset), (0, i64::from(sequence)));
    }
    assert_eq!(values(&mut client, "events", 5).await.len(), 5);
    broker.stop().await;
}

#[tokio::test]
async fn a_refused_batch_leaves_no_trace() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    let guarded = BTreeMap::from([("test.guard".to_owned(), "on".to_owned())]);
    client.create_topic("events", 1, &guarded).await.unwrap();
    assert_eq!(
        produce(&mut client, "events", batch(Some((7, 0, 0)), &["a", "b"]))
            .await
            .error_code,
        0
    );

    let refused = produce(
        &mut client,
        "events",
        batch(Some((7, 0, 2)), &["ok", "bad 1", "ok", "bad 3"]),
    )
    .await;
    assert_eq!(ErrorCode::from(refused.error_code), ErrorCode::InvalidRecord);
    assert_eq!((refused.base_offset, refused.log_start_offset), (-1, -1));
    assert_eq!(
        refused.error_message.as_deref(),
        Some("BAD_VALUE: record 1 is bad")
    );
    let listed: Vec<_> = refused
        .record_errors
        .iter()
        .map(|e| (e.batch_index, e.batch_index_error_message.as_deref()))
        .collect();
    assert_eq!(
        listed,
        [
            (1, Some("BAD_VALUE: record 1 is bad")),
            (3, Some("BAD_VALUE: record 3 is bad"))
        ]
    );

    // A guard that cannot judge has the batch sent again.
    let later = produce(&mut client, "events", batch(Some((7, 0, 2)), &["later"])).await;
    assert_eq!(ErrorCode::from(later.error_code), ErrorCode::RequestTimedOut);
    assert_eq!(later.error_message.as_deref(), Some("not now"));
    assert_eq!(later.record_errors, []);

    // The same sequence again, and the client's own next epoch from 0, both go on.
    let next = produce(&mut client, "events", batch(Some((7, 0, 2)), &["c"])).await;
    assert_eq!((next.error_code, next.base_offset), (0, 2));
    let bumped = produce(&mut client, "events", batch(Some((7, 1, 0)), &["d"])).await;
    assert_eq!((bumped.error_code, bumped.base_offset), (0, 3));
    assert_eq!(values(&mut client, "events", 4).await, ["a", "b", "c", "d"]);
    broker.stop().await;
}

#[tokio::test]
async fn every_refused_record_is_listed_and_the_first_are_told_why() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    let guarded = BTreeMap::from([("test.guard".to_owned(), "on".to_owned())]);
    client.create_topic("events", 1, &guarded).await.unwrap();
    let refused = produce(&mut client, "events", batch(None, &["bad"; 100])).await;
    assert_eq!(refused.record_errors.len(), 100);
    let told = refused
        .record_errors
        .iter()
        .filter(|e| e.batch_index_error_message.is_some());
    assert_eq!(told.count(), 32);
    broker.stop().await;
}

#[tokio::test]
async fn one_partitions_refusal_is_not_the_others() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 2, &BTreeMap::new()).await.unwrap();
    let mut request = produce_request("events", -1, batch(None, &["a"]));
    let mut corrupt = BytesMut::from(&batch(None, &["b"])[..]);
    *corrupt.last_mut().unwrap() ^= 1;
    let mut other = request.topic_data[0].partition_data[0].clone();
    other.index = 1;
    other.records = Some(corrupt.freeze());
    request.topic_data[0].partition_data.insert(0, other);
    let answer = client.call(&request).await.unwrap();
    let outcome: Vec<_> = answer.responses[0]
        .partition_responses
        .iter()
        .map(|p| (p.index, ErrorCode::from(p.error_code), p.base_offset))
        .collect();
    assert_eq!(
        outcome,
        [(1, ErrorCode::CorruptMessage, -1), (0, ErrorCode::None, 0)]
    );
    broker.stop().await;
}

/// A batch, and the code it must be refused with.
async fn check_refused(records: Option<Bytes>, code: ErrorCode, name: &str) {
    let config = BrokerConfig {
        message_bytes_max: 10_000,
        batch_records_max: 50,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let mut request = produce_request("events", -1, Bytes::new());
    request.topic_data[0].partition_data[0].records = records;
    let answer = client.call(&request).await.unwrap();
    let partition = &answer.responses[0].partition_responses[0];
    assert_eq!(
        ErrorCode::from(partition.error_code),
        code,
        "{name}: {:?}",
        partition.error_message
    );
    assert!(
        partition
            .error_message
            .as_ref()
            .is_some_and(|sentence| !sentence.is_empty()),
        "{name}"
    );
    // Nothing of it is kept, and the partition works.
    assert_eq!(
        produce(&mut client, "events", batch(None, &["a"]))
            .await
            .base_offset,
        0,
        "{name}"
    );
    broker.stop().await;
}

#[tokio::test]
async fn batches_no_producer_may_send_are_refused() {
    let one = |builder: BatchBuilder, time| {
        let mut builder = builder;
        builder.push(time, None, Some(b"a"), &[]);
        builder.build()
    };
    let plain = batch(None, &["a"]);
    let twice = Bytes::from([&plain[..], &plain[..]].concat());
    let cut = plain.slice(..plain.len() - 1);
    let mut old_magic = BytesMut::from(&plain[..]);
    old_magic[16] = 1;
    let long = "x".repeat(20_000);
    for (name, records, code) in [
        ("nothing", None, ErrorCode::InvalidRecord),
        ("no bytes", Some(Bytes::new()), ErrorCode::InvalidRecord),
        ("two batches", Some(twice), ErrorCode::InvalidRecord),
        ("a cut batch", Some(cut), ErrorCode::CorruptMessage),
        (
            "magic 1",
            Some(old_magic.freeze()),
            ErrorCode::UnsupportedForMessageFormat,
        ),
        (
            "an empty batch",
            Some(BatchBuilder::new().build()),
            ErrorCode::InvalidRecord,
        ),
        (
            "control",
            Some(one(BatchBuilder::new().control(), NOW_MS)),
            ErrorCode::InvalidRecord,
        ),
        (
            "a transaction",
            Some(one(BatchBuilder::new().transactional(), NOW_MS)),
            ErrorCode::InvalidTxnState,
        ),
        (
            "no sequence",
            Some(batch(Some((7, 0, -1)), &["a"])),
            ErrorCode::InvalidRecord,
        ),
        (
            "too many bytes",
            Some(batch(None, &[&long])),
            ErrorCode::MessageTooLarge,
        ),
        (
            "too many records",
            Some(batch(None, &["a"; 51])),
            ErrorCode::MessageTooLarge,
        ),
        (
            "the future",
            Some(one(BatchBuilder::new(), NOW_MS + 3_600_001)),
            ErrorCode::InvalidTimestamp,
        ),
    ] {
        check_refused(records, code, name).await;
    }
}

#[tokio::test]
async fn sequences_and_epochs_out_of_order_are_refused() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for (producer, code) in [
        ((7, 1, 0), ErrorCode::None),
        ((7, 1, 5), ErrorCode::OutOfOrderSequenceNumber),
        ((7, 0, 1), ErrorCode::InvalidProducerEpoch),
        ((7, 2, 3), ErrorCode::OutOfOrderSequenceNumber),
        ((7, 1, 1), ErrorCode::None),
        ((7, 2, 0), ErrorCode::None),
        ((8, 0, 41), ErrorCode::None),
    ] {
        let answer = produce(&mut client, "events", batch(Some(producer), &["a"])).await;
        assert_eq!(ErrorCode::from(answer.error_code), code, "{producer:?}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn topics_partitions_and_acks_that_are_not_there_are_refused() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for (topic, partition, acks, code) in [
        ("other", 0, -1, ErrorCode::UnknownTopicOrPartition),
        ("events", 1, -1, ErrorCode::UnknownTopicOrPartition),
        ("events", -1, -1, ErrorCode::UnknownTopicOrPartition),
        ("events", 0, 2, ErrorCode::InvalidRequiredAcks),
        ("events", 0, 1, ErrorCode::None),
    ] {
        let mut request = produce_request(topic, acks, batch(None, &["a"]));
        request.topic_data[0].partition_data[0].index = partition;
        let answer = client.call(&request).await.unwrap();
        let got = ErrorCode::from(answer.responses[0].partition_responses[0].error_code);
        assert_eq!(got, code, "{topic}-{partition} acks {acks}");
    }
    assert!(
        broker.broker.topic("other").is_none(),
        "producing creates no topics"
    );
    broker.stop().await;
}

#[tokio::test]
async fn pipelined_batches_are_appended_and_answered_in_order() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let mut stream = broker.raw();
    blocking(move || {
        let mut all = Vec::new();
        for sequence in 0..200 {
            let request = produce_request("events", -1, batch(Some((7, 0, sequence)), &["a"]));
            all.extend_from_slice(&encode_request(&request, 9, sequence, None).unwrap());
        }
        let mut reading = stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || stream.write_all(&all));
        for sequence in 0..200 {
            let (header, answer) = decode_response::<ProduceRequest>(read_frame(&mut reading), 9).unwrap();
            let partition = &answer.responses[0].partition_responses[0];
            assert_eq!(header.correlation_id, sequence);
            assert_eq!(
                (partition.error_code, partition.base_offset),
                (0, i64::from(sequence))
            );
        }
        writing.join().unwrap().unwrap();
    })
    .await;
    broker.stop().await;
}

#[tokio::test]
async fn acks_0_is_not_answered_and_its_error_closes_the_connection() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let good = encode_request(&produce_request("events", 0, batch(None, &["a"])), 9, 1, None).unwrap();
    let bad = encode_request(&produce_request("other", 0, batch(None, &["a"])), 9, 2, None).unwrap();
    let stream = broker.raw();
    let answered = blocking(move || answer_until_close(stream, &[&good[..], &good, &bad].concat())).await;
    assert_eq!(answered, b"");
    assert_eq!(values(&mut client, "events", 2).await, ["a", "a"]);
    broker.stop().await;
}
