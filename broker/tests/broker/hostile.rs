//! Bytes no honest client sends: the connection is closed, the broker goes on.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use annals_broker::{BrokerConfig, OpenGate};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame::encode_request;
use annals_kafka_wire::message::api_versions::ApiVersionsRequest;
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic};
use annals_kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};

use crate::harness::*;

fn frame(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

#[tokio::test]
async fn broken_frames_close_their_connection_and_no_other() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let huge_array = [
        &[0, 3, 0, 4, 0, 0, 0, 1, 0xff, 0xff][..],
        &[0x7f, 0xff, 0xff, 0xff],
    ]
    .concat();
    let old_produce = [0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let many = MetadataRequestTopic {
        name: Some("x".to_owned()),
        ..MetadataRequestTopic::default()
    };
    let many = MetadataRequest {
        topics: Some(vec![many; 10_001]),
        ..MetadataRequest::default()
    };
    for (name, bytes) in [
        ("a negative size", (-1i32).to_be_bytes().to_vec()),
        ("no size", 0i32.to_be_bytes().to_vec()),
        ("a header cut short", frame(&[0, 18, 0, 0, 0, 0, 0])),
        ("a huge size", i32::MAX.to_be_bytes().to_vec()),
        ("http", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("an unknown key", frame(&[3, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff])),
        (
            "a key that is not ours",
            frame(&[0, 11, 0, 0, 0, 0, 0, 1, 0xff, 0xff]),
        ),
        (
            "a version of the future",
            frame(&[0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff]),
        ),
        ("a forged count", frame(&huge_array)),
        ("produce of 2016", frame(&old_produce)),
        (
            "too many topics",
            encode_request(&many, 9, 1, None).unwrap().to_vec(),
        ),
    ] {
        let stream = broker.raw();
        let answer = blocking(move || answer_until_close(stream, &bytes)).await;
        assert_eq!(answer, b"", "{name}");
        assert_eq!(
            produce(&mut client, "events", batch(None, &["a"]))
                .await
                .error_code,
            0,
            "{name}"
        );
    }
    broker.stop().await;
}

#[tokio::test]
async fn random_bytes_in_every_api_never_stop_the_broker() {
    let broker = start().await;
    let mut client = broker.client().await;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for key in [0u8, 1, 2, 3, 10, 18, 19, 20, 22] {
        for _ in 0..20 {
            let version = (random() % 14) as u8;
            let length = (random() % 120) as usize;
            let mut body = vec![0, key, 0, version, 0, 0, 0, 1, 0xff, 0xff];
            body.extend(std::iter::repeat_with(|| (random() % 256) as u8).take(length));
            // Few bits set make lengths that fit, and so get further.
            body.iter_mut()
                .skip(10)
                .for_each(|byte| *byte &= (random() % 256) as u8 & 0x0f);
            let mut stream = broker.raw();
            blocking(move || {
                stream.write_all(&frame(&body)).unwrap();
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
            })
            .await;
        }
    }
    client.topics().await.unwrap();
    broker.stop().await;
}

#[tokio::test]
async fn silent_and_slow_connections_are_closed() {
    let config = BrokerConfig {
        first_request_timeout: Duration::from_millis(50),
        request_read_timeout: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(50),
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let hello = encode_request(&ApiVersionsRequest::default(), 0, 1, None).unwrap();
    let half = [&hello[..], &hello[..7]].concat();
    for (name, bytes, answered) in [
        ("silent", Vec::new(), false),
        ("slow", hello[..7].to_vec(), false),
        ("idle", hello.to_vec(), true),
        ("slow later", half, true),
    ] {
        let stream = broker.raw();
        let answer = blocking(move || answer_until_close(stream, &bytes)).await;
        assert_eq!(!answer.is_empty(), answered, "{name}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_first_request_that_never_becomes_whole_has_the_time_of_the_first() {
    const NEVER: Duration = Duration::from_secs(60);
    let config = BrokerConfig {
        first_request_timeout: Duration::from_millis(50),
        request_read_timeout: 10 * NEVER,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let hello = encode_request(&ApiVersionsRequest::default(), 0, 1, None).unwrap();
    for sent in [1, 3, 7] {
        let (mut stream, part) = (broker.raw(), hello.slice(..sent));
        let read = blocking(move || {
            stream.set_read_timeout(Some(NEVER)).unwrap();
            stream.write_all(&part).unwrap();
            stream.read(&mut [0])
        });
        assert_eq!(read.await.unwrap(), 0, "after {sent} bytes");
    }
    broker.stop().await;
}

#[tokio::test]
async fn asking_for_names_takes_half_of_the_partitions_at_most() {
    let config = BrokerConfig {
        partitions_max: 8,
        default_partitions: 2,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let all = MetadataRequest {
        topics: Some(
            (0..5)
                .map(|n| MetadataRequestTopic {
                    name: Some(format!("asked-{n}")),
                    ..MetadataRequestTopic::default()
                })
                .collect(),
        ),
        ..MetadataRequest::default()
    };
    // However often.
    for _ in 0..3 {
        let answer = ask(&broker, 9, &all).await;
        let errors = answer
            .topics
            .iter()
            .map(|topic| ErrorCode::from(topic.error_code));
        let (made, refused) = (ErrorCode::None, ErrorCode::PolicyViolation);
        assert_eq!(
            errors.collect::<Vec<_>>(),
            [made, made, refused, refused, refused]
        );
    }
    let mut client = broker.client().await;
    client.create_topic("meant", 4, &BTreeMap::new()).await.unwrap();
    assert_eq!(broker.broker.topics().len(), 3);
    broker.stop().await;
}

#[tokio::test]
async fn a_fetch_that_names_more_than_could_wait_closes_its_connection() {
    let broker = start().await;
    let asked = |partition| FetchPartition {
        partition,
        partition_max_bytes: 1,
        ..FetchPartition::default()
    };
    let many = FetchRequest {
        topics: (0..20)
            .map(|n| FetchTopic {
                topic: format!("none-{n}"),
                partitions: (0..10_000).map(asked).collect(),
                ..FetchTopic::default()
            })
            .collect(),
        ..FetchRequest::default()
    };
    // What follows a request's end is let go, and lets it take more memory when it is read.
    let padding = vec![0; 16 << 20];
    let many = frame(&[&encode_request(&many, 4, 1, None).unwrap()[4..], &padding].concat());
    let stream = broker.raw();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(blocking(move || answer_until_close(stream, &many)).await, b"");
    broker.client().await.topics().await.unwrap();
    broker.stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_at_once() {
    let broker = start_with(
        BrokerConfig {
            connections_max: 1,
            ..test_config()
        },
        Arc::new(OpenGate),
    )
    .await;
    let mut first = broker.client().await;
    let second = broker.raw();
    assert_eq!(blocking(move || answer_until_close(second, b"")).await, b"");
    first.topics().await.unwrap();
    broker.stop().await;
}

#[tokio::test]
async fn requests_beyond_the_room_for_them_wait_and_are_answered() {
    let config = BrokerConfig {
        requests_in_flight_bytes_max: 2_048,
        pipeline_max: 2,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let mut stream = broker.raw();
    blocking(move || {
        for number in 0..20 {
            let request = produce_request("events", -1, batch(None, &[&"x".repeat(1_000)]));
            stream
                .write_all(&encode_request(&request, 9, number, None).unwrap())
                .unwrap();
        }
        for number in 0..20 {
            assert_eq!(read_frame(&mut stream)[..4], i32::to_be_bytes(number));
        }
    })
    .await;
    let oversized = encode_request(
        &produce_request("events", -1, batch(None, &[&"x".repeat(3_000)])),
        9,
        1,
        None,
    );
    let stream = broker.raw();
    assert_eq!(
        blocking(move || answer_until_close(stream, &oversized.unwrap())).await,
        b""
    );
    broker.stop().await;
}
