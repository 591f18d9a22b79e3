//! The order of one connection's requests, as `table::Order` lays it down, and what a client that goes leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::Shutdown;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use annals_broker::{BrokerConfig, OpenGate, TopicError};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame::{decode_response, encode_request};
use annals_kafka_wire::message::Request;
use annals_kafka_wire::message::create_topics::{CreatableTopic, CreateTopicsRequest};
use annals_kafka_wire::message::delete_topics::DeleteTopicsRequest;
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use annals_kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};
use annals_kafka_wire::message::produce::{PartitionProduceData, ProduceRequest};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::harness::*;

/// What nothing here takes, unless it never comes.
const NEVER: Duration = Duration::from_secs(60);

fn encode<R: Request>(request: &R, version: i16) -> Bytes {
    encode_request(request, version, 1, None).unwrap()
}

fn create_request(name: &str) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: name.to_owned(),
            num_partitions: 1,
            replication_factor: 1,
            ..CreatableTopic::default()
        }],
        ..CreateTopicsRequest::default()
    }
}

fn metadata_request(name: &str) -> MetadataRequest {
    MetadataRequest {
        allow_auto_topic_creation: false,
        ..creating_request(name)
    }
}

/// A question that makes the topic it asks for.
fn creating_request(name: &str) -> MetadataRequest {
    MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            name: Some(name.to_owned()),
            ..MetadataRequestTopic::default()
        }]),
        allow_auto_topic_creation: true,
        ..MetadataRequest::default()
    }
}

#[tokio::test]
async fn a_change_has_been_made_when_the_next_request_begins() {
    let broker = start().await;
    let mut stream = broker.raw();
    blocking(move || {
        for round in 0..20 {
            let name = format!("topic-{round}");
            let delete = DeleteTopicsRequest {
                topic_names: vec![name.clone()],
                ..DeleteTopicsRequest::default()
            };
            let records = batch(None, &["a"]);
            let all = [
                encode(&create_request(&name), 5),
                encode(&metadata_request(&name), 9),
                encode(&produce_request(&name, 1, records.clone()), 9),
                encode(&delete, 4),
                encode(&produce_request(&name, 1, records), 9),
                encode(&metadata_request(&name), 9),
            ];
            stream.write_all(&all.concat()).unwrap();
            let mut error = |part: &str| {
                let frame = read_frame(&mut stream);
                ErrorCode::from(match part {
                    "create" => {
                        let (_, answer) = decode_response::<CreateTopicsRequest>(frame, 5).unwrap();
                        answer.topics[0].error_code
                    }
                    "delete" => {
                        let (_, answer) = decode_response::<DeleteTopicsRequest>(frame, 4).unwrap();
                        answer.responses[0].error_code
                    }
                    "produce" => {
                        let (_, answer) = decode_response::<ProduceRequest>(frame, 9).unwrap();
                        answer.responses[0].partition_responses[0].error_code
                    }
                    _ => {
                        let (_, answer) = decode_response::<MetadataRequest>(frame, 9).unwrap();
                        answer.topics[0].error_code
                    }
                })
            };
            let unknown = ErrorCode::UnknownTopicOrPartition;
            for (part, expected) in [
                ("create", ErrorCode::None),
                ("metadata", ErrorCode::None),
                ("produce", ErrorCode::None),
                ("delete", ErrorCode::None),
                ("produce", unknown),
                ("metadata", unknown),
            ] {
                assert_eq!(error(part), expected, "{name}: {part}");
            }
        }
    })
    .await;
    broker.stop().await;
}

#[tokio::test]
async fn a_client_that_closes_at_once_still_has_its_changes_made() {
    let broker = start().await;
    let (made, mut seen) = mpsc::unbounded_channel();
    broker.broker.on_topics_changed(Box::new(move |topics| {
        let names = topics.iter().map(|topic| topic.name.clone());
        made.send(names.collect::<BTreeSet<_>>()).unwrap();
    }));
    let mut expected = BTreeSet::new();
    for round in 0..60 {
        let name = |part: &str| format!("{part}-{round}");
        let (create, asking) = (create_request(&name("made")), creating_request(&name("asked")));
        let another = creating_request(&name("another"));
        let mut stream = broker.raw();
        let all = match round % 3 {
            0 => vec![encode(&asking, 9)],
            1 => vec![encode(&create, 5), encode(&asking, 9)],
            _ => vec![
                encode(&asking, 9),
                encode(&metadata_request(&name("asked")), 9),
                encode(&create, 5),
                encode(&another, 9),
            ],
        };
        blocking(move || {
            stream.write_all(&all.concat()).unwrap();
            if round % 2 == 0 {
                stream.shutdown(Shutdown::Write).unwrap();
            }
        })
        .await;
        let parts: &[&str] = match round % 3 {
            0 => &["asked"],
            1 => &["made", "asked"],
            _ => &["asked", "made", "another"],
        };
        expected.extend(parts.iter().map(|part| name(part)));
    }
    let all_made = async { while seen.recv().await.unwrap() != expected {} };
    tokio::time::timeout(NEVER, all_made).await.unwrap();
    broker.stop().await;
}

/// Of many partitions, which are synced one after the other: at least the last of them is not durable yet when the
/// question comes that was sent with the records.
#[tokio::test]
async fn who_asks_finds_what_was_produced_before_whatever_its_acks() {
    const PARTITIONS: i32 = 24;
    let broker = start().await;
    let mut client = broker.client().await;
    client
        .create_topic("events", PARTITIONS, &BTreeMap::new())
        .await
        .unwrap();
    let mut stream = broker.raw();
    blocking(move || {
        for (round, acks) in (1..).zip([1, 0, 1, 0]) {
            let mut produce = produce_request("events", acks, batch(None, &["a"]));
            let data = produce.topic_data[0].partition_data.remove(0);
            produce.topic_data[0].partition_data = (0..PARTITIONS)
                .map(|index| PartitionProduceData {
                    index,
                    ..data.clone()
                })
                .collect();
            let asked = |partition_index| ListOffsetsPartition {
                partition_index,
                timestamp: -1,
                ..ListOffsetsPartition::default()
            };
            let latest = ListOffsetsRequest {
                topics: vec![ListOffsetsTopic {
                    name: "events".to_owned(),
                    partitions: (0..PARTITIONS).map(asked).collect(),
                }],
                ..ListOffsetsRequest::default()
            };
            let all = [encode(&produce, 9), encode(&latest, 5)].concat();
            stream.write_all(&all).unwrap();
            if acks == 1 {
                let frame = read_frame(&mut stream);
                decode_response::<ProduceRequest>(frame, 9).unwrap();
            }
            let (_, answer) = decode_response::<ListOffsetsRequest>(read_frame(&mut stream), 5).unwrap();
            for partition in &answer.topics[0].partitions {
                let name = format!("acks {acks}, partition {}", partition.partition_index);
                assert_eq!(partition.offset, round, "{name}");
            }
        }
    })
    .await;
    broker.stop().await;
}

#[tokio::test]
async fn a_creation_that_took_too_long_is_the_topic_of_its_name_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let impatient = BrokerConfig {
        change_wait_max: Duration::ZERO,
        ..test_config()
    };
    let broker = start_in(dir.path(), impatient, Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    let answer = client
        .call(&create_request("late"))
        .await
        .unwrap()
        .topics
        .remove(0);
    assert_eq!(ErrorCode::from(answer.error_code), ErrorCode::RequestTimedOut);
    // Whoever tries again waits for the first creation, and finds its topic.
    let handle = broker.broker.clone();
    let again = move || handle.create_topic("late", 1, BTreeMap::new());
    let mut outcome = blocking(again.clone()).await;
    if outcome.is_ok() {
        // It came before the first, which then found the topic there.
        outcome = blocking(again).await;
    }
    assert!(matches!(outcome, Err(TopicError::Exists(_))), "{outcome:?}");
    let id = broker.broker.topic("late").unwrap().id;
    broker.stop().await;

    let broker = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let topics = broker.broker.topics();
    assert_eq!((topics.len(), topics[0].id), (1, id));
    broker.stop().await;
}

#[tokio::test]
async fn many_clients_that_create_one_topic_make_one() {
    let broker = start().await;
    let creations = (0..16).map(|_| {
        let broker = broker.broker.clone();
        blocking(move || {
            broker
                .create_topic("one", 1, BTreeMap::new())
                .map(|topic| topic.id)
        })
    });
    let creations: Vec<_> = creations.map(tokio::spawn).collect();
    let mut made = Vec::new();
    for creation in creations {
        match creation.await.unwrap() {
            Ok(id) => made.push(id),
            Err(error) => assert!(matches!(error, TopicError::Exists(_)), "{error}"),
        }
    }
    assert_eq!(made, [broker.broker.topic("one").unwrap().id]);
    broker.stop().await;
}

/// A topic is deleted while two create it: one of them makes it, or none that came too early; never both.
#[tokio::test]
async fn a_deletion_beside_two_creations_leaves_one_topic() {
    const ROUNDS: usize = 50;
    let dir = tempfile::tempdir().unwrap();
    let broker = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let handle = broker.broker.clone();
    let id = blocking(move || {
        let create = || {
            handle
                .create_topic("one", 1, BTreeMap::new())
                .map(|topic| topic.id)
        };
        let _ = create().unwrap();
        for round in 0..ROUNDS {
            let begin = Barrier::new(3);
            let beside = |change: &(dyn Fn() -> bool + Sync)| {
                begin.wait();
                change()
            };
            let made = std::thread::scope(|scope| {
                let creations = [(); 2].map(|()| scope.spawn(|| beside(&|| create().is_ok())));
                assert!(beside(&|| handle.delete_topic("one").is_ok()), "round {round}");
                creations.map(|creation| creation.join().unwrap())
            });
            assert_ne!(made, [true; 2], "round {round}: two topics of one name");
            if made == [false; 2] {
                let _ = create().unwrap();
            }
        }
        handle.topic("one").unwrap().id
    })
    .await;
    broker.stop().await;
    let broker = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let topics = broker.broker.topics();
    assert_eq!((topics.len(), topics[0].id), (1, id));
    broker.stop().await;
}
