//! Stopping and starting again: what was acknowledged is there, what is in flight is answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_broker::{Advertised, Broker, OpenGate};
use annals_kafka_wire::message::init_producer_id::InitProducerIdRequest;
use annals_kafka_wire::message::metadata::{MetadataRequest, MetadataResponse};

use crate::harness::*;

#[tokio::test]
async fn a_restart_keeps_topics_records_and_sequences() {
    let dir = tempfile::tempdir().unwrap();
    let settings = BTreeMap::from([("max.message.bytes".to_owned(), "5000".to_owned())]);
    let broker = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    let id = client.create_topic("kept", 2, &settings).await.unwrap();
    client.create_topic("gone", 1, &BTreeMap::new()).await.unwrap();
    client.delete_topic("gone").await.unwrap();
    let producer = client.call(&InitProducerIdRequest::default()).await.unwrap();
    let claim = (producer.producer_id, producer.producer_epoch, 0);
    assert_eq!(
        produce(&mut client, "kept", batch(Some(claim), &["a", "b"]))
            .await
            .base_offset,
        0
    );
    let cluster = client
        .call(&MetadataRequest::default())
        .await
        .map(cluster_id)
        .unwrap();
    broker.stop().await;

    let broker = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = broker.client().await;
    let topic = client.topics().await.unwrap().remove(0);
    assert_eq!((topic.name.as_str(), topic.id, topic.partitions), ("kept", id, 2));
    assert_eq!(broker.broker.topics().len(), 1);
    assert_eq!(broker.broker.topic("kept").unwrap().config, settings);
    assert_eq!(
        client
            .call(&MetadataRequest::default())
            .await
            .map(cluster_id)
            .unwrap(),
        cluster
    );
    assert_eq!(values(&mut client, "kept", 2).await, ["a", "b"]);
    let retry = produce(&mut client, "kept", batch(Some(claim), &["a", "b"])).await;
    assert_eq!(
        (retry.error_code, retry.base_offset),
        (0, 0),
        "a retry across a restart is still a retry"
    );
    let next = client.call(&InitProducerIdRequest::default()).await.unwrap();
    assert!(
        next.producer_id > producer.producer_id,
        "no producer id is given twice"
    );
    broker.stop().await;
}

fn cluster_id(metadata: MetadataResponse) -> Option<String> {
    metadata.cluster_id
}

#[tokio::test]
async fn producer_ids_are_given_once() {
    let broker = start().await;
    let mut client = broker.client().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..1_001 {
        let given = client.call(&InitProducerIdRequest::default()).await.unwrap();
        assert_eq!((given.error_code, given.producer_epoch), (0, 0));
        assert!(seen.insert(given.producer_id));
    }
    broker.stop().await;
}

#[tokio::test]
async fn stopping_answers_what_waits() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    let waiting = tokio::spawn(async move { client.fetch("events", 0, 0, Duration::from_secs(60)).await });
    let mut idle = broker.client().await;
    let started = Instant::now();
    broker.stop().await;
    assert!(
        started.elapsed() < Duration::from_secs(9),
        "stopping waits for nobody who has nothing to do"
    );
    // The fetch was answered early, or had not been read yet and its connection was closed.
    if let Ok(fetched) = waiting.await.unwrap() {
        assert!(fetched.records.is_empty());
    }
    assert!(idle.topics().await.is_err());
}

#[tokio::test]
async fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = Broker::open(dir.path(), test_config(), Arc::new(OpenGate)).unwrap();
    let second = Broker::open(dir.path(), test_config(), Arc::new(OpenGate)).map(drop);
    assert!(second.unwrap_err().to_string().contains("in use"));
    first.close().unwrap();
    assert!(first.create_topic("late", 1, BTreeMap::new()).is_err());
}

#[tokio::test]
async fn topics_not_synced_are_durable_when_written() {
    let broker = start().await;
    let mut client = broker.client().await;
    let settings = BTreeMap::from([("annals.durability".to_owned(), "os".to_owned())]);
    client.create_topic("quick", 1, &settings).await.unwrap();
    assert_eq!(
        produce(&mut client, "quick", batch(None, &["a"]))
            .await
            .base_offset,
        0
    );
    assert_eq!(values(&mut client, "quick", 1).await, ["a"]);
    broker.stop().await;
}

/// Two listeners of one broker: each tells its clients its own address.
#[tokio::test]
async fn every_listener_tells_its_clients_its_own_address() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::open(dir.path(), test_config(), Arc::new(OpenGate)).unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut serving = Vec::new();
    for (host, port) in [("internal.example", 9), ("external.example", 0)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap();
        let advertised = Advertised {
            host: host.to_owned(),
            port,
        };
        let (broker, mut stopped) = (broker.clone(), stopped.clone());
        serving.push(tokio::spawn(async move {
            let stop = async move { drop(stopped.wait_for(|stop| *stop).await) };
            broker.serve(listener, advertised, stop).await.unwrap();
        }));
        let mut client = annals_kafka_client::Client::connect(&own.to_string())
            .await
            .unwrap();
        let node = client
            .call(&MetadataRequest::default())
            .await
            .unwrap()
            .brokers
            .remove(0);
        let told = if port == 0 { own.port() } else { port };
        assert_eq!((node.host.as_str(), node.port), (host, i32::from(told)));
    }
    stop.send_replace(true);
    for one in serving {
        one.await.unwrap();
    }
    broker.close().unwrap();
}
