//! Topics: created by request and on demand, described, deleted, and refused with reasons.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use annals_broker::{BrokerConfig, OpenGate, TopicError};
use annals_kafka_client::ClientError;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame::decode_response;
use annals_kafka_wire::message::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicResult, CreateTopicsRequest,
};
use annals_kafka_wire::message::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use annals_kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};
use uuid::Uuid;

use crate::harness::*;

fn by_name(name: &str) -> MetadataRequest {
    let topic = MetadataRequestTopic {
        name: Some(name.to_owned()),
        ..MetadataRequestTopic::default()
    };
    MetadataRequest {
        topics: Some(vec![topic]),
        ..MetadataRequest::default()
    }
}

#[tokio::test]
async fn a_topic_is_created_described_and_deleted() {
    let broker = start().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    broker.broker.on_topics_changed(Box::new(move |topics| {
        heard
            .lock()
            .unwrap()
            .push(topics.iter().map(|topic| topic.name.clone()).collect::<Vec<_>>());
    }));
    let mut client = broker.client().await;
    let config = BTreeMap::from([("max.message.bytes".to_owned(), "1000".to_owned())]);
    let id = client.create_topic("events", 3, &config).await.unwrap();

    let metadata = client.call(&by_name("events")).await.unwrap();
    assert_eq!(metadata.cluster_id.as_deref().map(str::len), Some(32));
    let node = &metadata.brokers[0];
    let port = broker.addr.rsplit(':').next().unwrap().parse::<i32>().unwrap();
    assert_eq!(
        (node.node_id, node.host.as_str(), node.port),
        (1, "localhost", port)
    );
    let topic = &metadata.topics[0];
    assert_eq!(
        (
            topic.error_code,
            Uuid::from_bytes(topic.topic_id),
            topic.partitions.len()
        ),
        (0, id, 3)
    );
    assert_eq!(topic.partitions[2].partition_index, 2);
    assert_eq!(topic.partitions[2].leader_id, 1);

    let info = client.topics().await.unwrap().remove(0);
    assert_eq!((info.name.as_str(), info.id, info.partitions), ("events", id, 3));
    assert_eq!(broker.broker.topic("events").unwrap().config, config);

    client.delete_topic("events").await.unwrap();
    assert_eq!(client.topic("events").await.unwrap(), None);
    assert!(client.topics().await.unwrap().is_empty());
    assert_eq!(*seen.lock().unwrap(), [vec!["events".to_owned()], vec![]]);
    broker.stop().await;
}

#[tokio::test]
async fn topics_with_bad_names_or_settings_are_refused() {
    let config = BrokerConfig {
        partitions_max: 5,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    client.create_topic("a.b", 1, &BTreeMap::new()).await.unwrap();
    for (name, partitions, setting, code) in [
        ("", 1, None, ErrorCode::InvalidTopicException),
        ("../../etc", 1, None, ErrorCode::InvalidTopicException),
        ("a_b", 1, None, ErrorCode::InvalidTopicException),
        ("a.b", 1, None, ErrorCode::TopicAlreadyExists),
        ("new", 0, None, ErrorCode::InvalidPartitions),
        ("new", -2, None, ErrorCode::InvalidPartitions),
        ("new", i32::MAX, None, ErrorCode::InvalidPartitions),
        ("new", 5, None, ErrorCode::PolicyViolation),
        ("new", 1, Some(("no.such.setting", "1")), ErrorCode::InvalidConfig),
        (
            "new",
            1,
            Some(("cleanup.policy", "shrink")),
            ErrorCode::InvalidConfig,
        ),
        ("new", 1, Some(("test.guard", "maybe")), ErrorCode::InvalidConfig),
        ("new", -1, Some(("test.guard", "off")), ErrorCode::None),
    ] {
        let config = setting
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let created = client.create_topic(name, partitions, &config).await;
        let got = match created {
            Ok(_) => ErrorCode::None,
            Err(ClientError::Broker { code, sentence }) => {
                assert!(!sentence.is_empty());
                code
            }
            Err(other) => panic!("{name}: {other}"),
        };
        assert_eq!(got, code, "{name} {partitions} {setting:?}");
    }
    assert_eq!(client.topics().await.unwrap().len(), 2);
    broker.stop().await;
}

async fn create_one(topic: CreatableTopic, validate_only: bool, twice: bool) -> Vec<CreatableTopicResult> {
    let broker = start().await;
    let mut client = broker.client().await;
    let topics = if twice {
        vec![topic.clone(), topic]
    } else {
        vec![topic]
    };
    let request = CreateTopicsRequest {
        topics,
        validate_only,
        ..CreateTopicsRequest::default()
    };
    let results = client.call(&request).await.unwrap().topics;
    let created = results
        .iter()
        .filter(|result| result.error_code == 0 && !validate_only)
        .count();
    assert_eq!(broker.broker.topics().len(), created);
    broker.stop().await;
    results
}

#[tokio::test]
async fn create_topics_follows_kafkas_corners() {
    let topic = |num_partitions, replication_factor| CreatableTopic {
        name: "new".to_owned(),
        num_partitions,
        replication_factor,
        ..CreatableTopic::default()
    };
    let assigned = |numbers: &[i32], node| CreatableTopic {
        assignments: numbers
            .iter()
            .map(|number| CreatableReplicaAssignment {
                partition_index: *number,
                broker_ids: vec![node],
            })
            .collect(),
        ..topic(-1, -1)
    };
    for (topic, validate_only, twice, code) in [
        (topic(2, 1), false, false, ErrorCode::None),
        (topic(2, 3), false, false, ErrorCode::InvalidReplicationFactor),
        (topic(2, -1), true, false, ErrorCode::None),
        (topic(0, -1), true, false, ErrorCode::InvalidPartitions),
        (topic(2, 1), false, true, ErrorCode::InvalidRequest),
        (assigned(&[1, 0], 1), false, false, ErrorCode::None),
        (
            assigned(&[0, 2], 1),
            false,
            false,
            ErrorCode::InvalidReplicaAssignment,
        ),
        (
            assigned(&[0], 9),
            false,
            false,
            ErrorCode::InvalidReplicaAssignment,
        ),
        (
            CreatableTopic {
                num_partitions: 1,
                ..assigned(&[0], 1)
            },
            false,
            false,
            ErrorCode::InvalidRequest,
        ),
    ] {
        let results = create_one(topic.clone(), validate_only, twice).await;
        for result in &results {
            assert_eq!(ErrorCode::from(result.error_code), code, "{topic:?}");
        }
        if code == ErrorCode::None {
            assert_eq!((results[0].num_partitions, results[0].replication_factor), (2, 1));
            let configs = results[0].configs.as_ref().unwrap();
            let retention = configs
                .iter()
                .find(|config| config.name == "retention.ms")
                .unwrap();
            assert_eq!(
                (retention.value.as_deref(), retention.config_source),
                (Some("-1"), 5)
            );
        }
    }
}

#[tokio::test]
async fn metadata_creates_topics_when_broker_and_client_agree() {
    let broker = start_with(
        BrokerConfig {
            default_partitions: 2,
            ..test_config()
        },
        Arc::new(OpenGate),
    )
    .await;
    let mut client = broker.client().await;
    let refusing = MetadataRequest {
        allow_auto_topic_creation: false,
        ..by_name("wanted")
    };
    let answer = client.call(&refusing).await.unwrap().topics.remove(0);
    assert_eq!(
        ErrorCode::from(answer.error_code),
        ErrorCode::UnknownTopicOrPartition
    );
    let answer = client.call(&by_name("wanted")).await.unwrap().topics.remove(0);
    assert_eq!((answer.error_code, answer.partitions.len()), (0, 2));
    let answer = client
        .call(&by_name("not wanted"))
        .await
        .unwrap()
        .topics
        .remove(0);
    assert_eq!(
        ErrorCode::from(answer.error_code),
        ErrorCode::InvalidTopicException
    );
    broker.stop().await;

    let broker = start_with(
        BrokerConfig {
            auto_create_topics: false,
            ..test_config()
        },
        Arc::new(OpenGate),
    )
    .await;
    let answer = broker
        .client()
        .await
        .call(&by_name("wanted"))
        .await
        .unwrap()
        .topics
        .remove(0);
    assert_eq!(
        ErrorCode::from(answer.error_code),
        ErrorCode::UnknownTopicOrPartition
    );
    broker.stop().await;
}

#[tokio::test]
async fn one_request_names_each_topic_once_and_creates_only_so_many() {
    let broker = start_with(
        BrokerConfig {
            auto_create_topics_per_request_max: 2,
            ..test_config()
        },
        Arc::new(OpenGate),
    )
    .await;
    let mut client = broker.client().await;
    let named = |names: &[&str]| MetadataRequest {
        topics: Some(
            names
                .iter()
                .flat_map(|name| by_name(name).topics.unwrap())
                .collect(),
        ),
        ..MetadataRequest::default()
    };
    let wanted = named(&["a", "b", "a", "c", "c", "a"]);
    let (unknown, made) = (ErrorCode::UnknownTopicOrPartition, ErrorCode::None);
    for (round, third) in [("first", unknown), ("second", made)] {
        let topics = client.call(&wanted).await.unwrap().topics;
        let answered: Vec<_> = topics
            .iter()
            .map(|topic| (topic.name.as_deref().unwrap(), ErrorCode::from(topic.error_code)))
            .collect();
        assert_eq!(answered, [("a", made), ("b", made), ("c", third)], "{round}");
    }
    let many = named(&["a"; 10_000]);
    assert_eq!(client.call(&many).await.unwrap().topics.len(), 1);
    broker.stop().await;
}

#[tokio::test]
async fn topics_are_described_and_deleted_by_id() {
    let broker = start().await;
    let mut client = broker.client().await;
    let id = client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let asked = |id: Uuid| MetadataRequestTopic {
        name: None,
        topic_id: *id.as_bytes(),
    };
    let topics = Some(vec![asked(id), asked(Uuid::from_u128(1))]);
    let answer = client
        .call(&MetadataRequest {
            topics,
            ..MetadataRequest::default()
        })
        .await
        .unwrap();
    assert_eq!(answer.topics[0].name.as_deref(), Some("events"));
    assert_eq!(
        ErrorCode::from(answer.topics[1].error_code),
        ErrorCode::UnknownTopicId
    );
    let state = |id: Uuid| DeleteTopicState {
        name: None,
        topic_id: *id.as_bytes(),
    };
    let topics = vec![state(Uuid::from_u128(1)), state(id)];
    let answer = client
        .call(&DeleteTopicsRequest {
            topics,
            ..DeleteTopicsRequest::default()
        })
        .await
        .unwrap();
    assert_eq!(
        ErrorCode::from(answer.responses[0].error_code),
        ErrorCode::UnknownTopicId
    );
    assert_eq!(answer.responses[1].error_code, 0);
    assert!(broker.broker.topics().is_empty());
    broker.stop().await;
}

#[tokio::test]
async fn the_program_around_it_creates_topics_too() {
    let broker = start().await;
    let own = broker.broker.clone();
    blocking(move || {
        own.create_topic("events", 1, BTreeMap::new()).unwrap();
        let again = own.create_topic("events", 1, BTreeMap::new());
        assert!(matches!(again, Err(TopicError::Exists(name)) if name == "events"));
        own.delete_topic("events").unwrap();
        assert!(matches!(own.delete_topic("events"), Err(TopicError::Unknown(_))));
    })
    .await;
    broker.stop().await;
}

#[tokio::test]
async fn librdkafkas_question_for_all_topics_is_answered() {
    let broker = start().await;
    broker
        .client()
        .await
        .create_topic("events", 1, &BTreeMap::new())
        .await
        .unwrap();
    let mut stream = broker.raw();
    // As librdkafka 2.16 sends it: v13, no client id, the null list as four bytes where one is meant.
    let question = [0, 3, 0, 13, 0, 0, 0, 3, 0xff, 0xff, 0, 0, 0, 0, 0, 1, 0, 0];
    blocking(move || {
        stream
            .write_all(&[&[0, 0, 0, 18][..], &question].concat())
            .unwrap();
        let (_, answer) = decode_response::<MetadataRequest>(read_frame(&mut stream), 13).unwrap();
        assert_eq!(answer.topics[0].name.as_deref(), Some("events"));
    })
    .await;
    broker.stop().await;
}
