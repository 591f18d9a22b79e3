//! The room of what is read, and what one read does.

use std::collections::BTreeMap;

use annals_kafka_wire::batch::{Batch, BatchBuilder};

use annals_kafka_wire::message::fetch::{FetchPartition, FetchTopic};

use super::round::{PIECE_PARTITIONS, Reach, Round};
use super::*;
use crate::{Broker, BrokerConfig, OpenGate};

const MIB: usize = 1024 * 1024;
const BATCH_BYTES_MAX: &str = "16777216";

/// A broker with room for six MiB of answers, and a topic with one batch of more than four.
async fn start(dir: &std::path::Path) -> Arc<Shared> {
    let config = BrokerConfig {
        answers_in_flight_bytes_max: 6 * MIB,
        ..BrokerConfig::default()
    };
    let broker = Broker::open(dir, config, Arc::new(OpenGate)).unwrap();
    let shared = Arc::clone(&broker.shared);
    let fill = move || {
        let config = BTreeMap::from([("max.message.bytes".to_owned(), BATCH_BYTES_MAX.to_owned())]);
        let topic = broker.create_topic("events", 1, config).unwrap();
        let mut builder = BatchBuilder::new();
        assert!(builder.push(1, None, Some(&vec![7; 4 * MIB]), &[]));
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        topic.partitions[0].append(&batch, 1).unwrap();
        topic.partitions[0]
            .wait_durable(0, Duration::from_secs(60))
            .unwrap();
    };
    tokio::task::spawn_blocking(fill).await.unwrap();
    shared
}

/// What a request of a version with names reads, outside of any session.
fn asked(shared: &Shared, request: FetchRequest) -> Asked {
    let peer = ([127, 0, 0, 1], 1).into();
    Asked::of(shared, peer, 12, request).unwrap()
}

fn records(response: &FetchResponse) -> usize {
    response.responses[0].partitions[0]
        .records
        .as_ref()
        .unwrap()
        .len()
}

#[tokio::test]
async fn the_first_batch_has_its_room_before_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let shared = start(dir.path()).await;
    let request = FetchRequest {
        max_bytes: i32::MAX,
        topics: vec![FetchTopic {
            topic: "events".to_owned(),
            partitions: vec![FetchPartition {
                partition_max_bytes: 1,
                ..FetchPartition::default()
            }],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    };
    let asked = Arc::new(asked(&shared, request));
    let (_stop, stopping) = watch::channel(false);
    let ask = || {
        let (shared, asked) = (Arc::clone(&shared), Arc::clone(&asked));
        Box::pin(fetch(
            shared,
            Arc::default(),
            stopping.clone(),
            asked,
            Instant::now(),
        ))
    };
    let budget = &shared.answer_bytes;
    let (response, room) = ask().await;
    assert!(records(&response) > 4 * MIB && budget.covers(&room, records(&response)));
    // While that is not written there is no room for another.
    let mut another = ask();
    while !budget.is_wanted() {
        tokio::select! {
            biased;
            (response, room) = &mut another => panic!("{} bytes in {room:?}", records(&response)),
            () = tokio::task::yield_now() => {}
        }
    }
    drop((response, room));
    let (response, room) = another.await;
    assert!(records(&response) > 4 * MIB && budget.covers(&room, records(&response)));
    drop(room);
    assert_eq!(budget.free_bytes(), 6 * MIB);
}

/// So a request that names many partitions is given up when its client goes, and others come in between.
#[tokio::test]
async fn many_partitions_are_read_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let shared = start(dir.path()).await;
    let partitions = (0..1_000).map(|partition| FetchPartition {
        partition,
        ..FetchPartition::default()
    });
    let request = FetchRequest {
        topics: vec![FetchTopic {
            topic: "events".to_owned(),
            partitions: partitions.collect(),
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    };
    let asked = asked(&shared, request);
    let mut round = Round::default();
    round.read_piece(&shared, &asked, 8 * MIB, Reach::Memory);
    assert_eq!(
        round.partitions.len(),
        0,
        "the batch is longer than what is kept in memory"
    );
    round.read_piece(&shared, &asked, 8 * MIB, Reach::Disk);
    assert!(round.bytes > 4 * MIB && round.partitions.len() == 1);
    round.read_piece(&shared, &asked, 8 * MIB, Reach::Memory);
    assert_eq!(round.partitions.len(), 1 + PIECE_PARTITIONS);
}
