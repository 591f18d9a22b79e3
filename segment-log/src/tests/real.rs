//! The real disk: the lock, the format, threads, removal.

use std::fs;
use std::thread;
use std::time::Duration;

use super::support::{CONFIG, batches, config, one};
use crate::{AppendError, LogDir, LogError};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_second_process_is_told_who_is_in_the_way() {
    let place = tempfile::tempdir().unwrap();
    let log = LogDir::open(place.path(), CONFIG, 0).unwrap();
    let refused = LogDir::open(place.path(), CONFIG, 0).unwrap_err();
    assert!(matches!(refused, LogError::Locked { .. }));
    let sentence = refused.to_string();
    assert!(
        sentence.contains("in use by another process") && sentence.contains("stop"),
        "{sentence}"
    );
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    log.close().unwrap();
    LogDir::open(place.path(), CONFIG, 0).unwrap().close().unwrap();
    drop(partition);
}

#[test]
fn another_format_is_refused_untouched() {
    let place = tempfile::tempdir().unwrap();
    LogDir::open(place.path(), CONFIG, 0).unwrap().close().unwrap();
    let checkpoint = fs::read(place.path().join("CHECKPOINT")).unwrap();
    fs::write(place.path().join("FORMAT"), "annals-log 2\nwhatever\n").unwrap();
    let refused = LogDir::open(place.path(), CONFIG, 0).unwrap_err();
    assert!(
        matches!(&refused, LogError::Format { found, .. } if found == "annals-log 2"),
        "{refused}"
    );
    assert_eq!(fs::read(place.path().join("CHECKPOINT")).unwrap(), checkpoint);
}

/// Bits that make another format of it are refused as one: it may be.
#[test]
fn a_damaged_format_is_told_from_another_one() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("FORMAT");
    LogDir::open(place.path(), CONFIG, 0).unwrap().close().unwrap();
    let good = fs::read(&file).unwrap();
    let version = b"annals-log ".len();
    for bit in (0..version * 8).filter(|bit| bit % 8 != 7) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &bad).unwrap();
        LogDir::open(place.path(), CONFIG, 0).unwrap().close().unwrap();
        assert_eq!(fs::read(&file).unwrap(), good, "bit {bit}");
    }
    // Without a CHECKPOINT nothing tells what it was.
    fs::write(&file, "annols-log 1\n").unwrap();
    fs::remove_file(place.path().join("CHECKPOINT")).unwrap();
    assert!(matches!(
        LogDir::open(place.path(), CONFIG, 0),
        Err(LogError::Format { .. })
    ));
}

#[test]
fn without_a_checkpoint_the_epoch_is_found_in_the_log() {
    let place = tempfile::tempdir().unwrap();
    let log = LogDir::open(place.path(), CONFIG, 0).unwrap();
    log.partition("a/0", config(1 << 20))
        .unwrap()
        .append(&one(1), 1)
        .unwrap();
    log.close().unwrap();
    fs::remove_file(place.path().join("CHECKPOINT")).unwrap();
    let log = LogDir::open(place.path(), CONFIG, 0).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    assert_eq!((partition.high_watermark(), partition.leader_epoch()), (1, 1));
    log.close().unwrap();
    let log = LogDir::open(place.path(), CONFIG, 0).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    assert_eq!(partition.leader_epoch(), 1, "found in the log, and kept");
}

#[test]
fn many_threads_append_to_many_partitions() {
    const PARTITIONS: usize = 3;
    const THREADS: i64 = 4;
    const BATCHES: i64 = 25;
    let place = tempfile::tempdir().unwrap();
    let log = LogDir::open(place.path(), CONFIG, 0).unwrap();
    let paths: Vec<String> = (0..PARTITIONS).map(|n| format!("t/orders/{n}")).collect();
    let partitions: Vec<_> = paths
        .iter()
        .map(|path| log.partition(path, config(2_000)).unwrap())
        .collect();
    thread::scope(|scope| {
        for id in 0..THREADS {
            let partitions = &partitions;
            scope.spawn(move || {
                for n in 0..BATCHES {
                    let partition = &partitions[(n + id) as usize % PARTITIONS];
                    let sent = one(n);
                    let appended = partition.append(&sent, 0).unwrap();
                    partition.wait_durable(appended.last_offset, SOON).unwrap();
                    let read = partition.read(appended.base_offset, 1).unwrap();
                    assert_eq!(read[16..], sent.bytes()[16..]);
                }
            });
        }
    });
    let total: usize = partitions.iter().map(|partition| batches(partition).len()).sum();
    assert_eq!(total, THREADS as usize * BATCHES as usize);
    drop(partitions);
    log.close().unwrap();
    let log = LogDir::open(place.path(), CONFIG, 0).unwrap();
    let reopened = paths
        .iter()
        .map(|path| log.partition(path, config(2_000)).unwrap());
    assert_eq!(
        reopened.map(|partition| batches(&partition).len()).sum::<usize>(),
        total
    );
}

#[test]
fn a_removed_partition_is_gone_and_its_path_free() {
    let place = tempfile::tempdir().unwrap();
    let log = LogDir::open(place.path(), CONFIG, 0).unwrap();
    let old = log.partition("t/x/0", config(200)).unwrap();
    let last = (0..5)
        .map(|n| old.append(&one(n), n).unwrap().last_offset)
        .next_back()
        .unwrap();
    old.wait_durable(last, SOON).unwrap();
    log.remove("t/x/0").unwrap();
    assert!(matches!(old.append(&one(9), 9), Err(AppendError::Removed)));
    assert!(!place.path().join("t").exists(), "empty directories go too");
    let new = log.partition("t/x/0", config(200)).unwrap();
    assert_eq!(new.log_end_offset(), 0);
    new.append(&one(1), 1).unwrap();
    log.remove("t/never/there").unwrap();
    log.close().unwrap();
}

#[test]
fn partition_paths() {
    let place = tempfile::tempdir().unwrap();
    let log = LogDir::open(place.path(), CONFIG, 0).unwrap();
    let long = format!("a/{}", "b".repeat(129));
    let bad = [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        ".x",
        "a b",
        "ä",
        "a\\b",
        "x.deleted",
        "LOCK",
        &long,
    ];
    for path in bad {
        let refused = log.partition(path, config(1 << 20));
        assert!(matches!(refused, Err(LogError::BadPath { .. })), "{path}");
        assert!(
            matches!(log.remove(path), Err(LogError::BadPath { .. })),
            "{path}"
        );
    }
    for path in ["meta/0", "t/0198c0de-0000-7000-8000-000000000000/12", "a.b_c-d"] {
        log.partition(path, config(1 << 20)).unwrap();
    }
}
