//! A damaged place of the log keeps nobody from what stands around it, and is named where it counts.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use annals_event_store::{AsOf, EventStore, OffsetRange, Page, Source, StoreError, typed};
use annals_kafka_wire::batch::{Batch, BatchBuilder};
use annals_segment_log::{LogConfig, LogDir, PartitionConfig};

use crate::till::{Ids, TOPIC, Till, TillFold, table};

/// Batches of the first partition, one event each.
const BATCHES: i64 = 200;

fn opened(owner: &str) -> Till {
    Till::Opened {
        owner: owner.to_owned(),
        opened_at: 0,
    }
}

fn batch(ids: &Ids, key: &str, event: &Till) -> Batch {
    let write = event.write(ids, key, 1);
    let mut builder = BatchBuilder::new();
    builder.push(write.ms, write.key.as_deref(), write.value.as_deref(), &[]);
    Batch::parse(&builder.build(), 0).unwrap().0
}

/// Two partitions with segments of so many bytes, closed. Each batch of the first is another till's; the second holds one.
fn written(segment_bytes_max: u64) -> (tempfile::TempDir, PartitionConfig) {
    let (_, ids) = table();
    let place = tempfile::tempdir().unwrap();
    let config = PartitionConfig {
        segment_bytes_max,
        ..PartitionConfig::default()
    };
    let log = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
    let [first, second] = ["t/0", "t/1"].map(|path| log.partition(path, config.clone()).unwrap());
    for number in 0..BATCHES {
        let batch = batch(&ids, &format!("till {number}"), &opened(&"x".repeat(300)));
        first.append(&batch, 0).unwrap();
    }
    second.append(&batch(&ids, "other", &opened("ada")), 0).unwrap();
    log.close().unwrap();
    (place, config)
}

/// The first segment of the first partition.
fn first_segment(place: &tempfile::TempDir) -> PathBuf {
    place.path().join("t/0/00000000000000000000.log")
}

fn ranges(unreadable: &[OffsetRange]) -> Vec<(i64, i64)> {
    unreadable.iter().map(|range| (range.first, range.last)).collect()
}

/// Everything that can be read is answered for.
fn check(segment_bytes_max: u64, hit: i64) {
    let (place, config) = written(segment_bytes_max);
    let file = first_segment(&place);
    let mut bytes = fs::read(&file).unwrap();
    let batch_bytes = Batch::parse(&bytes.clone().into(), 0).unwrap().1;
    bytes[hit as usize * batch_bytes + batch_bytes - 8] ^= 4;
    fs::write(&file, &bytes).unwrap();

    let log = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
    let partitions = ["t/0", "t/1"].map(|path| log.partition(path, config.clone()).unwrap());
    let first = Arc::clone(&partitions[0]);
    let store = EventStore::new(Arc::new(table().0));
    let source = Source {
        topic: TOPIC.to_owned(),
        topic_id: None,
        partitions: partitions.to_vec(),
    };
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), source)
        .unwrap();

    let page = Page::default();
    let lost: Vec<i64> = (0..BATCHES)
        .filter(|offset| first.read(*offset, 0).is_err())
        .collect();
    assert_eq!(lost, [hit]);
    for offset in 0..BATCHES {
        let (id, at) = (
            format!("till {offset}"),
            AsOf::Cut(format!("0={offset}").parse().unwrap()),
        );
        let answer = store.reconstruct("till", &id, &at);
        if lost.contains(&offset) {
            let said = answer.unwrap_err();
            assert!(
                matches!(said, StoreError::UnknownId { unreadable: 1, .. }),
                "{said}"
            );
            assert!(said.to_string().contains("one place of it cannot"), "{said}");
            continue;
        }
        let expected = if offset < hit { vec![] } else { vec![(hit, hit)] };
        let answer = answer.unwrap();
        assert_eq!(
            (answer.revision, ranges(&answer.unreadable)),
            (Some(0), expected.clone())
        );
        let history = store.history("till", &id, &at, page).unwrap();
        assert_eq!(
            (history.entries.len(), ranges(&history.unreadable)),
            (1, expected.clone())
        );
        let diff = store.diff("till", &id, &AsOf::Offset(-1), &at, page).unwrap();
        assert_eq!((diff.total > 0, ranges(&diff.unreadable)), (true, expected));
    }
    // A partition that is sound says nothing of it.
    let other = store.reconstruct("till", "other", &AsOf::Head).unwrap();
    assert_eq!((other.partition, ranges(&other.unreadable)), (1, vec![]));
    let all = store.list("till", &AsOf::Head, 1_000, None).unwrap();
    let readable = BATCHES as usize + 1 - lost.len();
    assert_eq!(
        (all.items.len(), all.total, all.unreadable_batches),
        (readable, readable as u64, 1)
    );
    let before = AsOf::Cut(format!("0={}", hit - 1).parse().unwrap());
    let before = store.list("till", &before, 1_000, None).unwrap();
    assert_eq!((before.total, before.unreadable_batches), (hit as u64, 0));
    let info = &store.aggregates()[0];
    assert_eq!((info.unreadable_batches, &info.damage), (1, &None));
    store.caught_up().unwrap();
}

#[test]
fn what_stands_around_damage_is_answered() {
    // One segment, which is read when the log is opened.
    check(1 << 20, 7);
    // Sealed segments, which are not read then: whoever comes upon it looks for its end.
    check(20_000, 7);
    check(20_000, 30);
}
