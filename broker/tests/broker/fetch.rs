//! Fetch and ListOffsets: where reading may begin, what it gives, and when it waits.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use annals_kafka_client::{Client, ClientError};
use annals_kafka_wire::batch::{Batch, BatchBuilder};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame::{decode_response, encode_request};
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};

use crate::harness::*;

fn fetch_request(topic: &str, offset: i64, max_wait_ms: i32) -> FetchRequest {
    let asked = FetchPartition {
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    };
    FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 20,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![asked],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    }
}

async fn fetch_one(client: &mut Client, request: &FetchRequest) -> PartitionData {
    client
        .call(request)
        .await
        .unwrap()
        .responses
        .remove(0)
        .partitions
        .remove(0)
}

#[tokio::test]
async fn a_waiting_fetch_is_woken_by_a_produce() {
    let broker = start().await;
    broker
        .client()
        .await
        .create_topic("events", 1, &BTreeMap::new())
        .await
        .unwrap();
    let mut stream = broker.raw();
    let fetch = encode_request(&fetch_request("events", 0, 600_000), 11, 1, None).unwrap();
    let started = Instant::now();
    let fetching = blocking(move || {
        stream.write_all(&fetch).unwrap();
        let (header, answer) = decode_response::<FetchRequest>(read_frame(&mut stream), 11).unwrap();
        assert_eq!(header.correlation_id, 1);
        let partition = &answer.responses[0].partitions[0];
        assert_eq!((partition.error_code, partition.high_watermark), (0, 1));
        assert!(!partition.records.as_ref().unwrap().is_empty());
    });
    let mut producer = broker.client().await;
    let (_, produced) = tokio::join!(fetching, produce(&mut producer, "events", batch(None, &["a"])));
    assert_eq!(produced.error_code, 0);
    assert!(started.elapsed() < Duration::from_secs(50));
    broker.stop().await;
}

#[tokio::test]
async fn a_fetch_with_nothing_to_read_waits_its_time() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let started = Instant::now();
    let fetched = client
        .fetch("events", 0, 0, Duration::from_millis(150))
        .await
        .unwrap();
    assert!(started.elapsed() >= Duration::from_millis(150));
    assert!(fetched.records.is_empty());
    // More asked for than there is: what there is comes when the time is over.
    produce(&mut client, "events", batch(None, &["a"])).await;
    let mut request = fetch_request("events", 0, 100);
    request.min_bytes = 1 << 19;
    assert!(!fetch_one(&mut client, &request).await.records.unwrap().is_empty());
    broker.stop().await;
}

#[tokio::test]
async fn batches_come_whole_however_little_is_asked_for() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for values in [["a", "b"], ["c", "d"]] {
        produce(&mut client, "events", batch(None, &values)).await;
    }
    let mut request = fetch_request("events", 1, 0);
    request.max_bytes = 1;
    request.topics[0].partitions[0].partition_max_bytes = 1;
    let records = fetch_one(&mut client, &request).await.records.unwrap();
    let (first, end) = Batch::parse(&records, 0).unwrap();
    assert_eq!(
        (first.base_offset(), first.last_offset(), end),
        (0, 1, records.len())
    );
    assert_eq!(values(&mut client, "events", 4).await, ["a", "b", "c", "d"]);
    broker.stop().await;
}

#[tokio::test]
async fn offsets_and_epochs_the_partition_does_not_have_are_errors() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    produce(&mut client, "events", batch(None, &["a"])).await;
    let epoch = broker.broker.topic("events").unwrap().partitions[0].leader_epoch();
    for (topic, offset, leader_epoch, code) in [
        ("events", 2, -1, ErrorCode::OffsetOutOfRange),
        ("events", -1, -1, ErrorCode::OffsetOutOfRange),
        ("other", 0, -1, ErrorCode::UnknownTopicOrPartition),
        ("events", 0, epoch + 1, ErrorCode::UnknownLeaderEpoch),
        ("events", 1, epoch, ErrorCode::None),
    ] {
        let mut request = fetch_request(topic, offset, 0);
        request.topics[0].partitions[0].current_leader_epoch = leader_epoch;
        let answer = fetch_one(&mut client, &request).await;
        assert_eq!(
            ErrorCode::from(answer.error_code),
            code,
            "{topic} {offset} {leader_epoch}"
        );
    }
    let beyond = client.fetch("events", 0, 9, Duration::ZERO).await;
    assert!(matches!(
        beyond,
        Err(ClientError::Broker {
            code: ErrorCode::OffsetOutOfRange,
            ..
        })
    ));
    broker.stop().await;
}

#[tokio::test]
async fn a_deleted_topic_ends_a_waiting_fetch() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let mut waiting = broker.client().await;
    let wait =
        tokio::spawn(async move { fetch_one(&mut waiting, &fetch_request("events", 0, 60_000)).await });
    client.delete_topic("events").await.unwrap();
    let code = ErrorCode::from(wait.await.unwrap().error_code);
    assert_eq!(code, ErrorCode::UnknownTopicOrPartition);
    broker.stop().await;
}

#[tokio::test]
async fn several_partitions_share_the_limit_and_the_first_gets_its_batch() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 3, &BTreeMap::new()).await.unwrap();
    for index in 0..3 {
        let mut request = produce_request("events", -1, batch(None, &[&"x".repeat(1000)]));
        request.topic_data[0].partition_data[0].index = index;
        assert_eq!(
            client.call(&request).await.unwrap().responses[0].partition_responses[0].error_code,
            0
        );
    }
    let mut request = fetch_request("events", 0, 0);
    request.max_bytes = 500;
    request.topics[0].partitions = (0..3)
        .rev()
        .map(|partition| FetchPartition {
            partition,
            ..request.topics[0].partitions[0].clone()
        })
        .collect();
    let answer = client.call(&request).await.unwrap();
    let given: Vec<_> = answer.responses[0]
        .partitions
        .iter()
        .map(|p| {
            (
                p.partition_index,
                p.error_code,
                !p.records.as_ref().unwrap().is_empty(),
            )
        })
        .collect();
    assert_eq!(given, [(2, 0, true), (1, 0, false), (0, 0, false)]);
    broker.stop().await;
}

#[tokio::test]
async fn offsets_are_found_by_time_and_by_name() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    // Times that run backwards, as producers' clocks do.
    for time in [1_000, 3_000, 2_000, 3_000] {
        let mut builder = BatchBuilder::new();
        builder.push(time, None, Some(b"a"), &[]);
        produce(&mut client, "events", builder.build()).await;
    }
    for (timestamp, offset) in [
        (-1, Some(4)),
        (-2, Some(0)),
        (-3, Some(1)),
        (-4, Some(0)),
        (-5, None),
        (0, Some(0)),
        (1_000, Some(0)),
        (1_001, Some(1)),
        (3_000, Some(1)),
        (3_001, None),
    ] {
        let found = client.offset_for_time("events", 0, timestamp).await.unwrap();
        assert_eq!(found, offset, "{timestamp}");
    }
    let unknown = client.offset_for_time("events", 0, -9).await;
    assert!(matches!(
        unknown,
        Err(ClientError::Broker {
            code: ErrorCode::UnsupportedVersion,
            ..
        })
    ));
    let asked = ListOffsetsPartition {
        current_leader_epoch: 99,
        timestamp: -1,
        ..ListOffsetsPartition::default()
    };
    let topic = ListOffsetsTopic {
        name: "events".to_owned(),
        partitions: vec![asked],
    };
    let request = ListOffsetsRequest {
        topics: vec![topic],
        ..ListOffsetsRequest::default()
    };
    let answer = client.call(&request).await.unwrap();
    let code = ErrorCode::from(answer.topics[0].partitions[0].error_code);
    assert_eq!(code, ErrorCode::UnknownLeaderEpoch);
    broker.stop().await;
}

#[tokio::test]
async fn an_empty_partition_has_no_newest_record() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for (timestamp, offset) in [(-1, Some(0)), (-2, Some(0)), (-3, None), (0, None)] {
        assert_eq!(
            client.offset_for_time("events", 0, timestamp).await.unwrap(),
            offset,
            "{timestamp}"
        );
    }
    broker.stop().await;
}

/// More could come only after what was given is gone: there is nothing to wait for.
#[tokio::test]
async fn a_fetch_that_gives_all_it_may_does_not_wait_for_more() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 2, &BTreeMap::new()).await.unwrap();
    for _ in 0..3 {
        produce(&mut client, "events", batch(None, &[&"x".repeat(100_000)])).await;
    }
    for (max_bytes, partition_max_bytes, given) in [
        (250_000, 1 << 20, 2),
        (1 << 20, 250_000, 2),
        (1, 1, 1),
        (250_000, 1, 1),
    ] {
        let mut request = fetch_request("events", 0, i32::MAX);
        (request.min_bytes, request.max_bytes) = (i32::MAX, max_bytes);
        request.topics[0].partitions[0].partition_max_bytes = partition_max_bytes;
        let fetched = tokio::time::timeout(Duration::from_secs(60), fetch_one(&mut client, &request));
        let records = fetched.await.unwrap().records.unwrap();
        assert_eq!(
            records.len() / 100_000,
            given,
            "{max_bytes}, {partition_max_bytes}"
        );
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_partition_named_twice_is_read_once_and_looked_up_never() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    produce(&mut client, "events", batch(None, &["a"])).await;
    let mut fetch = fetch_request("events", 0, 0);
    let again = fetch.topics[0].clone();
    fetch.topics[0].partitions.extend(again.partitions.clone());
    fetch.topics.push(again);
    let answer = client.call(&fetch).await.unwrap();
    let partitions = answer.responses.iter().map(|topic| topic.partitions.len());
    assert_eq!(partitions.collect::<Vec<_>>(), [1]);

    let earliest = ListOffsetsPartition {
        timestamp: -2,
        ..ListOffsetsPartition::default()
    };
    let topic = |partitions| ListOffsetsTopic {
        name: "events".to_owned(),
        partitions,
    };
    let list = ListOffsetsRequest {
        topics: vec![topic(vec![earliest.clone(); 2]), topic(vec![earliest])],
        ..ListOffsetsRequest::default()
    };
    let answer = client.call(&list).await.unwrap();
    let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    let errors = partitions.map(|partition| ErrorCode::from(partition.error_code));
    assert_eq!(errors.collect::<Vec<_>>(), [ErrorCode::InvalidRequest]);
    broker.stop().await;
}
