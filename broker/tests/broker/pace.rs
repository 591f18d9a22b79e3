//! Clients that are slow, or say more than they do: nobody else waits for them. The patience of these brokers is
//! without end, so what is answered at all is answered because room was made.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use annals_broker::{BrokerConfig, OpenGate};
use annals_kafka_wire::frame::encode_request;
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic};

use crate::harness::*;

const MIB: usize = 1024 * 1024;
const NEVER: Duration = Duration::from_secs(600);

async fn start_patient(config: BrokerConfig) -> Running {
    let config = BrokerConfig {
        first_request_timeout: NEVER,
        request_read_timeout: NEVER,
        answer_write_timeout: NEVER,
        pace_window: Duration::from_millis(500),
        stop_timeout: Duration::ZERO,
        ..config
    };
    start_with(config, Arc::new(OpenGate)).await
}

/// Sends the beginning of a frame of this many bytes.
async fn begin_frame(broker: &Running, size: usize, sent: usize) -> TcpStream {
    let mut stream = broker.raw();
    blocking(move || {
        stream
            .write_all(&u32::try_from(size).unwrap().to_be_bytes())
            .unwrap();
        // Room may run out before all of it is taken.
        stream
            .set_write_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let _ = stream.write_all(&vec![0; sent]);
        stream
    })
    .await
}

#[tokio::test]
async fn a_frame_that_is_only_announced_takes_no_room() {
    let config = BrokerConfig {
        requests_in_flight_bytes_max: MIB,
        pace_window: NEVER,
        ..test_config()
    };
    let config = BrokerConfig {
        request_read_timeout: NEVER,
        stop_timeout: Duration::ZERO,
        ..config
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let mut silent = Vec::new();
    for _ in 0..12 {
        silent.push(begin_frame(&broker, MIB, 1).await);
    }
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let records = batch(None, &[&"x".repeat(MIB / 2)]);
    assert_eq!(produce(&mut client, "events", records).await.error_code, 0);
    broker.stop().await;
}

#[tokio::test]
async fn clients_that_stop_within_a_frame_are_cut_off_when_others_need_the_room() {
    let broker = start_patient(BrokerConfig {
        requests_in_flight_bytes_max: MIB,
        ..test_config()
    })
    .await;
    let mut stopped = Vec::new();
    for _ in 0..4 {
        stopped.push(begin_frame(&broker, MIB, MIB - 1).await);
    }
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let records = batch(None, &[&"x".repeat(MIB / 2)]);
    assert_eq!(produce(&mut client, "events", records).await.error_code, 0);
    broker.stop().await;
}

fn fetch_of(bytes: usize) -> FetchRequest {
    let bytes = i32::try_from(bytes).unwrap();
    FetchRequest {
        max_bytes: bytes,
        topics: vec![FetchTopic {
            topic: "events".to_owned(),
            partitions: vec![FetchPartition {
                partition_max_bytes: bytes,
                ..FetchPartition::default()
            }],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    }
}

#[tokio::test]
async fn consumers_that_do_not_read_do_not_delay_others() {
    // More than the sockets of a connection hold between them.
    const ANSWER: usize = 16 * MIB;
    let broker = start_patient(BrokerConfig {
        answers_in_flight_bytes_max: ANSWER,
        message_bytes_max: ANSWER,
        ..test_config()
    })
    .await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let records = batch(None, &[&"x".repeat(ANSWER - 1024)]);
    assert_eq!(produce(&mut client, "events", records).await.error_code, 0);
    let fetch = encode_request(&fetch_of(ANSWER), 4, 1, None).unwrap();
    let mut unread = Vec::new();
    for _ in 0..4 {
        let (mut stream, fetch) = (broker.raw(), fetch.clone());
        unread.push(
            blocking(move || {
                stream.write_all(&fetch).unwrap();
                // The answer is under way.
                stream.read_exact(&mut [0; 4]).unwrap();
                stream
            })
            .await,
        );
    }
    let fetched = client.fetch("events", 0, 0, Duration::ZERO).await.unwrap();
    assert_eq!(fetched.records.len(), 1);
    broker.stop().await;
}

#[tokio::test]
async fn a_fetch_without_room_to_wait_is_answered_at_once() {
    let broker = start_with(
        BrokerConfig {
            polls_bytes_max: 1,
            ..test_config()
        },
        Arc::new(OpenGate),
    )
    .await;
    let (mut one, mut other) = (broker.client().await, broker.client().await);
    one.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let fetch = FetchRequest {
        max_wait_ms: i32::MAX,
        min_bytes: 1,
        ..fetch_of(MIB)
    };
    // There is room for one to wait.
    let answered = tokio::select! {
        answered = one.call(&fetch) => answered.unwrap(),
        answered = other.call(&fetch) => answered.unwrap(),
    };
    let partition = &answered.responses[0].partitions[0];
    assert!(partition.records.as_ref().unwrap().is_empty());
    broker.stop().await;
}

#[tokio::test]
async fn a_fetch_that_waits_for_records_holds_no_room_of_requests() {
    let config = BrokerConfig {
        requests_in_flight_bytes_max: 1024,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let (mut waiting, mut other) = (broker.client().await, broker.client().await);
    let fetch = FetchRequest {
        max_wait_ms: i32::MAX,
        min_bytes: 1,
        ..fetch_of(MIB)
    };
    let others = async {
        for _ in 0..50 {
            other.topics().await.unwrap();
        }
        produce(&mut other, "events", batch(None, &["a"])).await
    };
    let (fetched, produced) = tokio::join!(waiting.call(&fetch), others);
    assert_eq!(produced.error_code, 0);
    assert!(!fetched.unwrap().responses.is_empty());
    broker.stop().await;
}
