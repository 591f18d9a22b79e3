//! A flipped bit in one topic: every other topic is served, this one as far as it can be read, until it is repaired.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use annals_broker::{Broker, Nameless, OfflineLog, OpenGate, PartitionNames};
use annals_kafka_wire::error::ErrorCode;

use crate::harness::*;
use crate::transactions::{add, committed, create, end, fetched, producer, write};

/// The log file of the partition at `path`.
fn log_file(dir: &Path, path: &str) -> PathBuf {
    dir.join(path).join("00000000000000000000.log")
}

fn flip(file: &Path, position: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[position] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_flipped_bit_in_one_topic_is_the_others_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let running = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = running.client().await;
    for topic in ["sick", "well"] {
        client.create_topic(topic, 1, &BTreeMap::new()).await.unwrap();
        for value in ["a", "b", "c"] {
            produce(&mut client, topic, batch(None, &[value])).await;
        }
    }
    let path = format!("t/{}/0", running.broker.topic("sick").unwrap().id.simple());
    running.stop().await;
    let file = log_file(dir.path(), &path);
    let size = std::fs::metadata(&file).unwrap().len() as usize;
    flip(&file, size / 3 + 65);

    let running = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = running.client().await;
    assert_eq!(
        produce(&mut client, "well", batch(None, &["d"])).await.error_code,
        0
    );
    assert_eq!(values(&mut client, "well", 4).await, ["a", "b", "c", "d"]);
    let refused = produce(&mut client, "sick", batch(None, &["d"])).await;
    assert_eq!(refused.error_code, ErrorCode::KafkaStorageError.code());
    let sentence = refused.error_message.unwrap();
    assert!(
        sentence.contains(&path) && sentence.contains("offset 1"),
        "{sentence}"
    );
    let now = Duration::ZERO;
    for (offset, value) in [(0, Some("a")), (1, None), (2, Some("c"))] {
        let fetched = client.fetch("sick", 0, offset, now).await;
        let first = fetched
            .ok()
            .and_then(|fetched| fetched.records.into_iter().next()?.value);
        assert_eq!(first.as_deref(), value.map(str::as_bytes), "offset {offset}");
    }
    let state = running.broker.log_state();
    assert_eq!((state.trouble(), state.damaged.len()), (None, 1));
    let damaged = &state.damaged[0];
    assert_eq!(
        (damaged.topic.as_str(), damaged.partition, damaged.takes_records),
        ("sick", 0, false)
    );
    assert_eq!((damaged.damage[0].offset, damaged.damage[0].end_offset), (1, 2));
    running.stop().await;

    let mut log = OfflineLog::open(dir.path()).unwrap();
    assert_eq!(
        PartitionNames::read(&log).unwrap().of(&path).as_deref(),
        Some("sick/0")
    );
    assert_eq!(log.repair(&path).unwrap().len(), 1);
    drop(log);
    let running = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = running.client().await;
    assert_eq!(running.broker.log_state().damaged, []);
    assert_eq!(
        produce(&mut client, "sick", batch(None, &["d"]))
            .await
            .base_offset,
        3
    );
    let rest = client.fetch("sick", 0, 1, Duration::from_secs(30)).await.unwrap();
    let offsets: Vec<i64> = rest.records.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [2, 3], "the lost record's offset stays empty");
    running.stop().await;
}

/// A marker that rotted away takes its transaction's end with it: where the log of transactions says how it ended, the
/// next start after the repair writes it again. What the producer did since, elsewhere, is not taken for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_marker_that_was_lost_is_written_again() {
    for is_committed in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let running = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
        create(&running, "sick").await;
        create(&running, "well").await;
        let who = producer(&running).await;
        for (topic, value, is_committed) in [("sick", "a", is_committed), ("well", "b", !is_committed)] {
            assert_eq!(add(&running, &who, topic).await, ErrorCode::None);
            assert_eq!(write(&running, &who, 0, topic, value).await, ErrorCode::None);
            assert_eq!(end(&running, &who, is_committed).await, ErrorCode::None);
            let wanted = if is_committed { vec![value] } else { vec![] };
            while running.broker.topic(topic).unwrap().partitions[0].last_stable_offset() < 2 {
                tokio::task::yield_now().await;
            }
            assert_eq!(committed(&running, topic).await, wanted);
        }
        let path = format!("t/{}/0", running.broker.topic("sick").unwrap().id.simple());
        running.stop().await;
        let file = log_file(dir.path(), &path);
        flip(&file, std::fs::metadata(&file).unwrap().len() as usize - 3);
        // Nothing is written to what is damaged, and nobody waits for it.
        start_in(dir.path(), test_config(), Arc::new(OpenGate))
            .await
            .stop()
            .await;
        let mended = OfflineLog::open(dir.path()).unwrap().repair(&path).unwrap();
        assert_eq!(mended.len(), 1);

        let running = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
        let wanted = if is_committed { vec!["a"] } else { vec![] };
        let partition = Arc::clone(&running.broker.topic("sick").unwrap().partitions[0]);
        while partition.last_stable_offset() < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(committed(&running, "sick").await, wanted);
        assert_eq!(fetched(&running, "sick", 1).await.last_stable_offset, 3);
        running.stop().await;
        // Once is enough, and its producer goes on there.
        let running = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
        let partition = Arc::clone(&running.broker.topic("sick").unwrap().partitions[0]);
        assert_eq!(
            (partition.log_end_offset(), partition.last_stable_offset()),
            (3, 3)
        );
        assert_eq!(add(&running, &who, "sick").await, ErrorCode::None);
        assert_eq!(write(&running, &who, 1, "sick", "c").await, ErrorCode::None);
        assert_eq!(end(&running, &who, true).await, ErrorCode::None);
        running.stop().await;
    }
}

/// A topic whose creation rotted away: the repair says which folder is its, and a person gives the records a name.
#[tokio::test]
async fn a_topic_that_lost_its_name_is_told_and_can_be_had_back() {
    let dir = tempfile::tempdir().unwrap();
    let running = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = running.client().await;
    let mut ids = Vec::new();
    for topic in ["kept", "lost"] {
        ids.push(client.create_topic(topic, 2, &BTreeMap::new()).await.unwrap());
        for value in ["a", "b"] {
            produce(&mut client, topic, batch(None, &[value])).await;
        }
    }
    running.stop().await;
    let folder = |id: uuid::Uuid| format!("t/{}", id.simple());
    let meta = log_file(dir.path(), "meta/0");
    flip(&meta, std::fs::metadata(&meta).unwrap().len() as usize - 3);
    let refused = Broker::open(dir.path(), test_config(), Arc::new(OpenGate)).map(drop);
    let sentence = refused.unwrap_err().to_string();
    assert!(sentence.contains("annals log repair"), "{sentence}");

    let mut log = OfflineLog::open(dir.path()).unwrap();
    log.repair("meta/0").unwrap();
    let nameless = PartitionNames::read(&log).unwrap().nameless(&log).unwrap();
    let lost = Nameless {
        folder: folder(ids[1]),
        partitions: 2,
        records: 2,
    };
    assert_eq!(nameless, [lost]);
    drop(log);

    let running = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = running.client().await;
    assert_eq!(running.broker.topics().len(), 1);
    let id = client.create_topic("lost", 2, &BTreeMap::new()).await.unwrap();
    running.stop().await;
    for partition in 0..2 {
        let of = |id| log_file(dir.path(), &format!("{}/{partition}", folder(id)));
        std::fs::copy(of(ids[1]), of(id)).unwrap();
    }
    let running = start_in(dir.path(), test_config(), Arc::new(OpenGate)).await;
    let mut client = running.client().await;
    for topic in ["kept", "lost"] {
        assert_eq!(values(&mut client, topic, 2).await, ["a", "b"], "{topic}");
        assert_eq!(
            produce(&mut client, topic, batch(None, &["c"])).await.base_offset,
            2
        );
    }
    assert_eq!(running.broker.log_state().damaged, []);
    running.stop().await;
}

#[test]
fn without_the_log_of_topics_nothing_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::open(dir.path(), test_config(), Arc::new(OpenGate)).unwrap();
    broker.create_topic("events", 1, BTreeMap::new()).unwrap();
    broker.close().unwrap();
    drop(broker);
    flip(&log_file(dir.path(), "meta/0"), 70);
    let refused = Broker::open(dir.path(), test_config(), Arc::new(OpenGate)).map(drop);
    let sentence = refused.unwrap_err().to_string();
    assert!(
        sentence.contains("meta/0") && sentence.contains("which topics there are"),
        "{sentence}"
    );
}
