//! Fetch sessions (KIP-227) over the protocol. What they tell is held by a model in the broker's own tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_broker::{BrokerConfig, OpenGate};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, ForgottenTopic,
};

use crate::harness::*;

fn topics(offsets: &[(i32, i64)]) -> Vec<FetchTopic> {
    let asked = offsets.iter().map(|(partition, fetch_offset)| FetchPartition {
        partition: *partition,
        fetch_offset: *fetch_offset,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    });
    match offsets {
        [] => Vec::new(),
        _ => vec![FetchTopic {
            topic: "events".to_owned(),
            partitions: asked.collect(),
            ..FetchTopic::default()
        }],
    }
}

fn request(session_id: i32, session_epoch: i32, offsets: &[(i32, i64)]) -> FetchRequest {
    FetchRequest {
        min_bytes: 1,
        max_bytes: 1 << 20,
        session_id,
        session_epoch,
        topics: topics(offsets),
        ..FetchRequest::default()
    }
}

/// Every partition told of, and how many bytes of records it has.
fn told(answer: &FetchResponse) -> Vec<(i32, bool)> {
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    let given = |records: &Option<bytes::Bytes>| records.as_ref().is_some_and(|bytes| !bytes.is_empty());
    partitions
        .map(|one| (one.partition_index, given(&one.records)))
        .collect()
}

async fn start_with_topic(config: BrokerConfig) -> Running {
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 3, &BTreeMap::new()).await.unwrap();
    broker
}

async fn put(broker: &Running, index: i32, value: &str) {
    let mut request = produce_request("events", -1, batch(None, &[value]));
    request.topic_data[0].partition_data[0].index = index;
    let answer = ask(broker, 9, &request).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

/// Each request comes on a connection of its own: a session outlives them.
#[tokio::test]
async fn a_session_is_told_what_is_new_and_no_more() {
    let broker = start_with_topic(test_config()).await;
    let opened = ask(&broker, 12, &request(0, 0, &[(0, 0), (1, 0), (2, 0)])).await;
    let id = opened.session_id;
    assert!(opened.error_code == 0 && id > 0);
    assert_eq!(
        told(&opened),
        [(0, false), (1, false), (2, false)],
        "all of it at first"
    );
    let go_on = async |epoch, changed: &[(i32, i64)]| {
        let answer = ask(&broker, 12, &request(id, epoch, changed)).await;
        assert_eq!((answer.error_code, answer.session_id), (0, id));
        told(&answer)
    };
    assert_eq!(go_on(1, &[]).await, []);
    put(&broker, 1, "a").await;
    assert_eq!(go_on(2, &[]).await, [(1, true)]);
    // It says how far it has read, of that partition alone.
    assert_eq!(go_on(3, &[(1, 1)]).await, []);
    put(&broker, 0, "b").await;
    put(&broker, 1, "c").await;
    // What was given last comes last.
    assert_eq!(go_on(4, &[]).await, [(0, true), (1, true)]);
    put(&broker, 2, "d").await;
    let mut forgets = request(id, 5, &[(0, 1)]);
    forgets.forgotten_topics_data = vec![ForgottenTopic {
        topic: "events".to_owned(),
        partitions: vec![1],
        ..ForgottenTopic::default()
    }];
    assert_eq!(told(&ask(&broker, 12, &forgets).await), [(2, true)]);
    // An offset that is not there is an error, told each time until it is mended.
    assert_eq!(go_on(6, &[(0, 99), (2, 1)]).await, [(0, false)]);
    assert_eq!(go_on(7, &[]).await, [(0, false)]);
    assert_eq!(
        go_on(8, &[(0, 1)]).await,
        [(0, false)],
        "that it is mended is new"
    );
    assert_eq!(go_on(9, &[]).await, []);
    broker.stop().await;
}

#[tokio::test]
async fn a_waiting_request_of_a_session_is_woken() {
    let broker = start_with_topic(test_config()).await;
    let id = ask(&broker, 12, &request(0, 0, &[(0, 0), (2, 0)]))
        .await
        .session_id;
    let mut waits = request(id, 1, &[]);
    waits.max_wait_ms = 600_000;
    let (answer, ()) = tokio::join!(ask(&broker, 12, &waits), put(&broker, 2, "a"));
    assert_eq!(told(&answer), [(2, true)]);
    broker.stop().await;
}

#[tokio::test]
async fn a_session_that_cannot_be_gone_on_with_is_an_error_and_names_none() {
    let broker = start_with_topic(test_config()).await;
    let id = ask(&broker, 12, &request(0, 0, &[(0, 0)])).await.session_id;
    for (version, id, epoch, expected) in [
        (12, id ^ 1, 1, ErrorCode::FetchSessionIdNotFound),
        (12, 0, 1, ErrorCode::FetchSessionIdNotFound),
        (12, id, 2, ErrorCode::InvalidFetchSessionEpoch),
        (13, id, 1, ErrorCode::FetchSessionTopicIdError),
    ] {
        let answer = ask(&broker, version, &request(id, epoch, &[])).await;
        assert_eq!(ErrorCode::from(answer.error_code), expected);
        assert_eq!((answer.session_id, told(&answer)), (0, vec![]));
    }
    // The last one ends it, and reads once more.
    let last = ask(&broker, 12, &request(id, -1, &[(0, 0)])).await;
    assert_eq!((last.session_id, told(&last)), (0, vec![(0, false)]));
    let gone = ask(&broker, 12, &request(id, 1, &[])).await;
    assert_eq!(
        ErrorCode::from(gone.error_code),
        ErrorCode::FetchSessionIdNotFound
    );
    broker.stop().await;
}

#[tokio::test]
async fn who_gets_no_session_sends_whole_requests() {
    let broker = start_with_topic(BrokerConfig {
        fetch_sessions_max: 1,
        ..test_config()
    })
    .await;
    let whole = request(0, 0, &[(0, 0)]);
    assert_ne!(ask(&broker, 12, &whole).await.session_id, 0);
    for _ in 0..2 {
        let answer = ask(&broker, 12, &whole).await;
        assert_eq!((answer.session_id, told(&answer)), (0, vec![(0, false)]));
    }
    broker.stop().await;
}
