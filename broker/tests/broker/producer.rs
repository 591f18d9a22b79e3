//! The crate's own producer: batches, pipelining, and going on after a refusal.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_kafka_client::{ClientError, NewRecord, Producer, ProducerConfig, partition_for_key};
use annals_kafka_wire::batch::{Compression, HEADERS_MAX};
use annals_kafka_wire::error::ErrorCode;
use bytes::Bytes;
use proptest::test_runner::Config as ProptestConfig;

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

/// Sends values in batches of `per_batch` and holds what is stored to what was answered.
async fn check_refusals(bad: Vec<bool>, per_batch: usize) {
    let broker = start_with(test_config(), Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    let guarded = BTreeMap::from([("test.guard".to_owned(), "on".to_owned())]);
    client.create_topic("events", 1, &guarded).await.unwrap();
    let config = ProducerConfig {
        batch_bytes_max: 6 * per_batch,
        ..ProducerConfig::default()
    };
    let mut producer = Producer::new(broker.client().await, config).await.unwrap();
    let sent: Vec<String> = (0..bad.len())
        .map(|n| format!("{}{n:03}", if bad[n] { "bad" } else { "ok " }))
        .collect();
    for value in &sent {
        producer.send("events", None, record(value)).await.unwrap();
    }
    let delivered = producer.flush().await.unwrap();
    assert_eq!(delivered.len(), sent.len());
    let mut expected = Vec::new();
    for (batch, start) in bad.chunks(per_batch).zip((0..).step_by(per_batch)) {
        let refused = batch.contains(&true);
        for n in start..start + batch.len() {
            let offset = i64::try_from(expected.len()).unwrap();
            match &delivered[n].outcome {
                Ok(at) => assert_eq!((refused, *at), (false, offset), "record {n}"),
                Err(why) => assert_eq!((refused, why.innocent), (true, !bad[n]), "record {n}"),
            }
            expected.extend((!refused).then(|| sent[n].clone()));
        }
    }
    assert_eq!(values(&mut client, "events", expected.len()).await, expected);
    broker.stop().await;
}

proptest::proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 10, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is refused, all else is stored once and in order, and every record is told what became of it.
    #[test]
    fn refusals_anywhere_cost_only_their_batches(
        bad in proptest::collection::vec(proptest::bool::weighted(0.2), 0..60),
        per_batch in 1usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check_refusals(bad, per_batch));
    }
}
