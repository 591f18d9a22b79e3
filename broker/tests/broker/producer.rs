//! The crate's own producer: batches, pipelining, and going on after a refusal.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_broker::client::{ClientError, NewRecord, Producer, ProducerConfig, partition_for_key};
use annals_kafka_wire::batch::{Compression, HEADERS_MAX};
use annals_kafka_wire::error::ErrorCode;
use bytes::Bytes;

use crate::harness::*;

#[tokio::test]
async fn many_batches_arrive_once_and_in_order() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let config = ProducerConfig {
        batch_bytes_max: 100,
        compression: Compression::Lz4,
        ..ProducerConfig::default()
    };
    let mut producer = Producer::new(broker.client().await, config).await.unwrap();
    for n in 0..500u64 {
        assert_eq!(
            producer
                .send("events", None, record(&format!("value {n}")))
                .await
                .unwrap(),
            n
        );
    }
    let delivered = producer.flush().await.unwrap();
    let offsets: Vec<_> = delivered
        .iter()
        .map(|delivery| delivery.outcome.clone().unwrap())
        .collect();
    assert_eq!(offsets, (0..500).collect::<Vec<i64>>());
    let read = values(&mut client, "events", 500).await;
    assert_eq!(read, (0..500).map(|n| format!("value {n}")).collect::<Vec<_>>());
    broker.stop().await;
}

#[tokio::test]
async fn a_refused_batch_in_the_middle_costs_only_itself() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    let guarded = BTreeMap::from([("test.guard".to_owned(), "on".to_owned())]);
    client.create_topic("events", 1, &guarded).await.unwrap();
    // Two records a batch, five batches in flight: each refusal takes those behind it down with it.
    let config = ProducerConfig {
        batch_bytes_max: 10,
        ..ProducerConfig::default()
    };
    let mut producer = Producer::new(broker.client().await, config).await.unwrap();
    let sent: Vec<String> = (0..40)
        .map(|n| {
            if n % 10 == 3 {
                format!("bad{n:02}")
            } else {
                format!("ok {n:02}")
            }
        })
        .collect();
    for value in &sent {
        producer.send("events", None, record(value)).await.unwrap();
    }
    let delivered = producer.flush().await.unwrap();
    assert_eq!(delivered.len(), 40);
    let mut stored = Vec::new();
    for (n, delivery) in delivered.iter().enumerate() {
        match &delivery.outcome {
            Ok(offset) => stored.push((*offset, sent[n].clone())),
            Err(refused) => {
                assert_eq!(refused.code, ErrorCode::InvalidRecord);
                assert_eq!(refused.innocent, n % 10 != 3, "record {n} of {refused:?}");
                assert!(n % 10 == 3 || n % 10 == 2, "record {n} was in no bad batch");
            }
        }
    }
    assert_eq!(stored.len(), 32);
    stored.sort();
    let read = values(&mut client, "events", stored.len()).await;
    let expected: Vec<String> = stored.into_iter().map(|(_, value)| value).collect();
    assert_eq!(read, expected);
    assert!(read.is_sorted(), "records kept their order: {read:?}");
    broker.stop().await;
}

#[tokio::test]
async fn a_refused_first_batch_does_not_lose_the_second() {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    let guarded = BTreeMap::from([("test.guard".to_owned(), "on".to_owned())]);
    client.create_topic("events", 1, &guarded).await.unwrap();
    let config = ProducerConfig {
        batch_bytes_max: 1,
        ..ProducerConfig::default()
    };
    let mut producer = Producer::new(broker.client().await, config).await.unwrap();
    for value in ["bad", "a", "b", "c"] {
        producer.send("events", None, record(value)).await.unwrap();
    }
    let stored = producer
        .flush()
        .await
        .unwrap()
        .iter()
        .filter(|delivery| delivery.outcome.is_ok())
        .count();
    producer.send("events", None, record("d")).await.unwrap();
    assert!(producer.flush().await.unwrap()[0].outcome.is_ok());
    assert_eq!(stored, 3);
    let read = values(&mut client, "events", 4).await;
    assert_eq!(read, ["a", "b", "c", "d"]);
    broker.stop().await;
}

#[tokio::test]
async fn keys_choose_partitions_as_java_clients_do() {
    let broker = start().await;
    broker
        .client()
        .await
        .create_topic("events", 5, &BTreeMap::new())
        .await
        .unwrap();
    let mut producer = Producer::new(broker.client().await, ProducerConfig::default())
        .await
        .unwrap();
    for n in 0..20 {
        let keyed = NewRecord {
            key: Some(Bytes::from(format!("key {n}"))),
            ..record("v")
        };
        producer.send("events", None, keyed).await.unwrap();
    }
    for (n, delivery) in producer.flush().await.unwrap().iter().enumerate() {
        assert_eq!(
            delivery.partition,
            partition_for_key(format!("key {n}").as_bytes(), 5)
        );
        assert!(delivery.outcome.is_ok());
    }
    let keyed = NewRecord {
        key: Some(Bytes::from_static(b"k")),
        ..record("v")
    };
    let unknown = producer.send("other", None, keyed).await;
    assert!(matches!(
        unknown,
        Err(ClientError::Broker {
            code: ErrorCode::UnknownTopicOrPartition,
            ..
        })
    ));
    let headers = vec![("h".to_owned(), Bytes::new()); HEADERS_MAX + 1];
    let overloaded = producer
        .send(
            "events",
            None,
            NewRecord {
                headers,
                ..record("v")
            },
        )
        .await;
    assert!(matches!(overloaded, Err(ClientError::Record { .. })));
    broker.stop().await;
}
