//! Topics by their ids: a topic that was deleted and made again under its name is another one, and whoever means the
//! old one is told so.

use std::collections::BTreeMap;
use std::time::Duration;

use annals_kafka_client::Client;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use annals_kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};
use annals_kafka_wire::message::produce::{PartitionProduceResponse, ProduceRequest};
use uuid::Uuid;

use crate::harness::*;

async fn create(client: &mut Client) -> Uuid {
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap()
}

fn read(id: Uuid, partition: i32, max_wait_ms: i32) -> FetchRequest {
    let asked = FetchPartition {
        partition,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    };
    FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        topics: vec![FetchTopic {
            topic_id: *id.as_bytes(),
            partitions: vec![asked],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    }
}

async fn fetched(broker: &Running, version: i16, request: &FetchRequest) -> PartitionData {
    let mut answer = ask(broker, version, request).await;
    assert_eq!((answer.error_code, answer.session_id), (0, 0));
    let mut topic = answer.responses.remove(0);
    assert_eq!(topic.topic_id, request.topics[0].topic_id);
    topic.partitions.remove(0)
}

async fn produced(broker: &Running, id: Uuid, index: i32, value: &str) -> PartitionProduceResponse {
    let mut request = produce_request("", -1, batch(None, &[value]));
    request.topic_data[0].topic_id = *id.as_bytes();
    request.topic_data[0].partition_data[0].index = index;
    let mut answer = ask::<ProduceRequest>(broker, 13, &request).await;
    let mut topic = answer.responses.remove(0);
    assert_eq!(topic.topic_id, *id.as_bytes());
    topic.partition_responses.remove(0)
}

fn code(code: i16) -> ErrorCode {
    ErrorCode::from(code)
}

#[tokio::test]
async fn records_go_and_come_by_the_topics_id() {
    let broker = start().await;
    let id = create(&mut broker.client().await).await;
    for offset in 0..2 {
        let produced = produced(&broker, id, 0, "a").await;
        assert_eq!((produced.error_code, produced.base_offset), (0, offset));
    }
    for version in 13..=18 {
        let found = fetched(&broker, version, &read(id, 0, 0)).await;
        assert_eq!((found.error_code, found.high_watermark), (0, 2), "v{version}");
        assert!(!found.records.unwrap().is_empty(), "v{version}");
        let beyond = fetched(&broker, version, &read(id, 1, 0)).await;
        assert_eq!(
            code(beyond.error_code),
            ErrorCode::UnknownTopicOrPartition,
            "v{version}"
        );
        let nobody = fetched(&broker, version, &read(Uuid::max(), 0, 0)).await;
        assert_eq!(code(nobody.error_code), ErrorCode::UnknownTopicId, "v{version}");
    }
    let beyond = produced(&broker, id, 1, "a").await;
    assert_eq!(code(beyond.error_code), ErrorCode::UnknownTopicOrPartition);
    let nobody = produced(&broker, Uuid::nil(), 0, "a").await;
    assert_eq!(code(nobody.error_code), ErrorCode::UnknownTopicId);
    broker.stop().await;
}

#[tokio::test]
async fn a_topic_made_again_under_its_name_is_another_one() {
    let broker = start().await;
    let mut client = broker.client().await;
    let old = create(&mut client).await;
    assert_eq!(produced(&broker, old, 0, "old").await.error_code, 0);
    // One consumer waits for more, one is in a session.
    let mut waits = read(old, 0, 600_000);
    waits.topics[0].partitions[0].fetch_offset = 1;
    let mut opens = read(old, 0, 0);
    opens.session_epoch = 0;
    let session_id = ask(&broker, 17, &opens).await.session_id;
    assert_ne!(session_id, 0);
    let by_id = DeleteTopicState {
        topic_id: *old.as_bytes(),
        name: None,
    };
    let delete = DeleteTopicsRequest {
        topics: vec![by_id],
        ..DeleteTopicsRequest::default()
    };
    let again = async {
        let deleted = ask(&broker, 6, &delete).await.responses.remove(0);
        assert_eq!((deleted.error_code, deleted.name.as_deref()), (0, Some("events")));
        create(&mut client).await
    };
    let (waited, new) = tokio::join!(fetched(&broker, 17, &waits), again);
    assert_eq!(code(waited.error_code), ErrorCode::UnknownTopicId);
    assert_ne!(new, old);
    // Nothing of the new topic is taken for the old one's.
    let now = fetched(&broker, 17, &read(old, 0, 0)).await;
    assert_eq!(code(now.error_code), ErrorCode::UnknownTopicId);
    assert_eq!(
        code(produced(&broker, old, 0, "late").await.error_code),
        ErrorCode::UnknownTopicId
    );
    let deleted = ask(&broker, 6, &delete).await.responses.remove(0);
    assert_eq!(code(deleted.error_code), ErrorCode::UnknownTopicId);
    let metadata = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            topic_id: *old.as_bytes(),
            name: None,
        }]),
        ..MetadataRequest::default()
    };
    let described = ask(&broker, 12, &metadata).await.topics.remove(0);
    assert_eq!(code(described.error_code), ErrorCode::UnknownTopicId);
    for epoch in 1..3 {
        let goes_on = FetchRequest {
            session_id,
            session_epoch: epoch,
            topics: Vec::new(),
            ..read(old, 0, 0)
        };
        let told = ask(&broker, 17, &goes_on).await.responses.remove(0);
        assert_eq!(told.topic_id, *old.as_bytes());
        assert_eq!(
            code(told.partitions[0].error_code),
            ErrorCode::UnknownTopicId,
            "each time"
        );
    }
    assert_eq!(produced(&broker, new, 0, "new").await.base_offset, 0);
    let records = client
        .fetch("events", 0, 0, Duration::ZERO)
        .await
        .unwrap()
        .records;
    assert_eq!(records[0].value.as_deref(), Some(&b"new"[..]));
    broker.stop().await;
}
