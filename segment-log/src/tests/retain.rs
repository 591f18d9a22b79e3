//! Records that go: by age, by size, because somebody said so; and a log start that no crash takes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_kafka_wire::batch::{Batch, BatchBuilder};

use super::support::{batch, batches, commit, config, one, open};
use crate::disk::Disk;
use crate::disk::sim::{SimDisk, Survives};
use crate::{
    AppendError, DeleteError, Durability, LogConfig, LogDir, Partition, PartitionConfig, ReadError, Retention,
};

/// Three batches of one record to a segment.
const SEGMENT_BYTES: u64 = 400;

fn keeping(ms: Option<i64>, bytes: Option<u64>) -> PartitionConfig {
    PartitionConfig {
        retention: Retention { ms, bytes },
        ..config(SEGMENT_BYTES)
    }
}

/// Ten batches with the times 0, 10 … 90, committed.
fn ten(log: &LogDir, config: PartitionConfig) -> Arc<Partition> {
    let partition = log.partition("a/0", config).unwrap();
    for n in 0..10 {
        partition.append(&one(n * 10), 1).unwrap();
    }
    commit(log);
    partition
}

fn offsets(partition: &Partition) -> Vec<i64> {
    batches(partition).iter().map(Batch::base_offset).collect()
}

fn files(disk: &SimDisk) -> Vec<String> {
    disk.names("a/0")
}

fn out_of_range(partition: &Partition, offset: i64) -> bool {
    matches!(partition.read(offset, 1), Err(ReadError::OutOfRange { .. }))
}

/// Two rounds of upkeep, with the committer between them.
fn maintain(log: &LogDir, now_ms: i64) {
    log.maintain(now_ms);
    commit(log);
    log.maintain(now_ms);
}

#[test]
fn what_is_too_old_goes_in_whole_segments_and_stays_gone() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = ten(&log, keeping(Some(50), None));
    let before = partition.size_bytes();
    maintain(&log, 60);
    assert_eq!(
        partition.log_start_offset(),
        0,
        "nothing is older than 50 yet but what stands with newer ones"
    );
    maintain(&log, 90);
    assert_eq!(
        (partition.log_start_offset(), offsets(&partition)),
        (3, (3..10).collect())
    );
    assert!(out_of_range(&partition, 2) && partition.size_bytes() < before);
    assert!(
        files(&disk)
            .iter()
            .all(|name| !name.starts_with("00000000000000000000")),
        "{:?}",
        files(&disk)
    );
    assert_eq!(
        partition.offset_for_time(0).unwrap().map(|found| found.offset),
        Some(3)
    );

    // The newest go as well, when they are old: the segment that is written to is sealed for it.
    maintain(&log, 1_000);
    assert_eq!(
        (partition.log_start_offset(), partition.high_watermark()),
        (10, 10)
    );
    assert_eq!(partition.size_bytes(), 0);
    assert_eq!(partition.last_stable_offset(), 10);
    assert_eq!(partition.append(&one(2_000), 1).unwrap().base_offset, 10);
    commit(&log);
    for survives in [Survives::Nothing, Survives::Everything] {
        let log = open(&disk.reboot(survives)).unwrap();
        let partition = log.partition("a/0", keeping(None, None)).unwrap();
        assert_eq!(
            (partition.log_start_offset(), offsets(&partition)),
            (10, vec![10])
        );
        assert_eq!(partition.damage(), []);
    }
}

#[test]
fn what_is_too_much_goes_the_oldest_first() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = ten(&log, config(SEGMENT_BYTES));
    let bytes = partition.size_bytes();
    let one_batch = bytes / 10;
    partition.reconfigure(keeping(None, Some(bytes - 3 * one_batch + 1)));
    maintain(&log, 0);
    assert_eq!(partition.log_start_offset(), 0);
    partition.reconfigure(keeping(None, Some(bytes - 3 * one_batch)));
    maintain(&log, 0);
    assert_eq!(partition.log_start_offset(), 3);
    partition.reconfigure(keeping(None, Some(0)));
    maintain(&log, 0);
    assert_eq!((partition.log_start_offset(), partition.size_bytes()), (10, 0));
}

#[test]
fn a_segment_is_sealed_when_it_is_old_though_it_is_not_full() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let config = PartitionConfig {
        segment_ms_max: Some(100),
        ..config(1 << 20)
    };
    let partition = log.partition("a/0", config.clone()).unwrap();
    let segments = || files(&disk).iter().filter(|name| name.ends_with(".log")).count();
    log.maintain(1_000);
    assert_eq!(segments(), 1, "there is nothing in it");
    partition.append(&one(5), 1_000).unwrap();
    partition.append(&one(5), 1_090).unwrap();
    commit(&log);
    log.maintain(1_100);
    assert_eq!(segments(), 1);
    log.maintain(1_101);
    commit(&log);
    assert_eq!(segments(), 2);
    partition.append(&one(6), 1_200).unwrap();
    commit(&log);
    drop((partition, log));
    // After a restart its records say how old it is.
    let log = super::support::open_at(&disk, 5_000).unwrap();
    let partition = log.partition("a/0", config).unwrap();
    log.maintain(5_000);
    assert_eq!((segments(), partition.log_start_offset()), (3, 0));
}

#[test]
fn what_somebody_deletes_is_gone_when_that_is_answered() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = ten(&log, config(SEGMENT_BYTES));
    assert_eq!(partition.delete_before(0).unwrap(), 0);
    assert_eq!(partition.delete_before(4).unwrap(), 4);
    assert!(out_of_range(&partition, 3));
    assert_eq!(offsets(&partition), (4..10).collect::<Vec<_>>());
    let refused = partition.delete_before(11).unwrap_err();
    assert!(
        matches!(
            refused,
            DeleteError::OutOfRange {
                offset: 11,
                start: 4,
                end: 10
            }
        ),
        "{refused}"
    );
    assert!(partition.delete_before(-1).is_err());
    assert_eq!(partition.delete_before(2).unwrap(), 4, "it never goes back");
    // Before anything was tidied up, and after.
    for _ in 0..2 {
        let again = open(&disk.reboot(Survives::Nothing)).unwrap();
        let partition = again.partition("a/0", config(SEGMENT_BYTES)).unwrap();
        assert_eq!(
            (partition.log_start_offset(), offsets(&partition)),
            (4, (4..10).collect())
        );
        assert!(out_of_range(&partition, 3));
        maintain(&log, 0);
    }
    assert!(
        files(&disk)
            .iter()
            .all(|name| !name.starts_with("00000000000000000000"))
    );
    // A record in the middle of a batch.
    let appended = partition.append(&batch(None, &[1, 2, 3], 10), 0).unwrap();
    commit(&log);
    partition.delete_before(appended.base_offset + 1).unwrap();
    let read = partition.read(appended.base_offset + 1, 1).unwrap();
    assert_eq!(
        Batch::parse(&read, 0).unwrap().0.base_offset(),
        appended.base_offset
    );
    assert!(out_of_range(&partition, appended.base_offset));
    assert_eq!(
        partition.offset_for_time(0).unwrap().map(|found| found.offset),
        Some(appended.base_offset + 1)
    );
    // Everything: its files go too.
    assert_eq!(partition.delete_before(13).unwrap(), 13);
    maintain(&log, 0);
    assert_eq!((partition.size_bytes(), partition.log_end_offset()), (0, 13));
}

#[test]
fn what_only_the_operating_system_has_is_synced_before_it_is_deleted() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let unsynced = PartitionConfig {
        durability: Durability::Os,
        ..config(1 << 20)
    };
    let partition = log.partition("a/0", unsynced.clone()).unwrap();
    for ms in 0..3 {
        partition.append(&one(ms), 1).unwrap();
    }
    partition.delete_before(3).unwrap();
    let log = open(&disk.reboot(Survives::Nothing)).unwrap();
    let partition = log.partition("a/0", unsynced).unwrap();
    assert_eq!((partition.log_start_offset(), partition.log_end_offset()), (3, 3));
}

#[test]
fn a_held_partition_keeps_everything() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let held = PartitionConfig {
        is_held: true,
        ..keeping(Some(0), Some(0))
    };
    let partition = ten(&log, held);
    let refused = partition.delete_before(5).unwrap_err();
    assert!(
        matches!(refused, DeleteError::Held { .. }) && refused.to_string().contains("held"),
        "{refused}"
    );
    maintain(&log, 1 << 40);
    assert_eq!((partition.log_start_offset(), offsets(&partition).len()), (0, 10));
    partition.reconfigure(keeping(Some(0), Some(0)));
    maintain(&log, 1 << 40);
    assert_eq!(partition.log_start_offset(), 10);
}

/// A hold that is set while somebody deletes comes before the log start is moved, or after.
#[test]
fn a_hold_is_asked_for_where_the_start_moves() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = ten(&log, config(SEGMENT_BYTES));
    let held = PartitionConfig {
        is_held: true,
        ..config(SEGMENT_BYTES)
    };
    partition.reconfigure(held);
    assert!(!partition.start_at(5).unwrap());
    assert_eq!((partition.log_start_offset(), partition.mark().log_start), (0, 0));
    partition.reconfigure(config(SEGMENT_BYTES));
    assert!(partition.start_at(5).unwrap());
    assert_eq!(partition.log_start_offset(), 5);
}

/// What was deleted before gives room, whatever else fails for want of it.
#[test]
fn a_full_disk_is_freed_of_what_stands_before_the_start() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = ten(&log, keeping(None, Some(0)));
    partition.delete_before(7).unwrap();
    partition.append(&one(1_000), 1).unwrap();
    commit(&log);
    let before = partition.size_bytes();
    disk.set_room(0);
    log.maintain(2_000);
    assert!(partition.size_bytes() < before);
    assert!(log.failed().is_none());
}

#[test]
fn a_delete_that_was_refused_does_not_happen_later() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = ten(&log, config(SEGMENT_BYTES));
    disk.set_room(0);
    let refused = partition.delete_before(5);
    assert!(matches!(refused, Err(DeleteError::Log(_))), "{refused:?}");
    disk.set_room(usize::MAX);
    log.shared().save(false).unwrap();
    assert_eq!(partition.log_start_offset(), 0);
    let log = open(&disk.reboot(Survives::Nothing)).unwrap();
    let partition = log.partition("a/0", config(SEGMENT_BYTES)).unwrap();
    assert_eq!(partition.log_start_offset(), 0);
    assert_eq!(offsets(&partition), (0..10).collect::<Vec<_>>());
}

#[test]
fn what_is_not_decided_is_not_too_old_but_may_be_deleted() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", keeping(Some(0), None)).unwrap();
    let mut builder = BatchBuilder::new().producer(1, 0, 0).transactional();
    builder.push(0, Some(b"key"), Some(&[7; 100]), &[]);
    for n in 0..10 {
        if n == 4 {
            partition
                .append(&Batch::parse(&builder.build(), 0).unwrap().0, 0)
                .unwrap();
            builder = BatchBuilder::new();
        }
        partition.append(&one(0), 0).unwrap();
    }
    commit(&log);
    maintain(&log, 1_000);
    let start = partition.log_start_offset();
    assert!(start > 0 && start <= 4, "{start}");
    assert_eq!(partition.last_stable_offset(), 4);
    partition.delete_before(6).unwrap();
    assert_eq!(partition.last_stable_offset(), 6, "nobody waits for what is gone");
}

#[test]
fn when_the_start_cannot_be_written_nobody_is_told_and_writes_go_on() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = ten(&log, config(SEGMENT_BYTES));
    disk.set_room(0);
    let refused = partition.delete_before(5).unwrap_err();
    assert!(
        matches!(refused, DeleteError::Log(AppendError::Io { .. })),
        "{refused}"
    );
    assert_eq!((partition.log_start_offset(), offsets(&partition).len()), (0, 10));
    disk.set_room(1 << 20);
    assert_eq!(partition.delete_before(5).unwrap(), 5);
    assert_eq!(log.failed(), None);
}

/// Deletes and tidies up; what clients were told of the log start, and of its end.
fn live(disk: &SimDisk, told: &mut (i64, i64)) -> Result<(), ()> {
    let log = open(disk).map_err(drop)?;
    let partition = log.partition("a/0", keeping(Some(50), None)).map_err(drop)?;
    let mut time = 0;
    for (round, delete) in [(0, Some(4)), (1, None), (2, Some(16)), (3, Some(22)), (4, None)] {
        for _ in 0..6 {
            partition.append(&one(time), time).map_err(drop)?;
            time += 10;
        }
        commit(&log);
        told.1 = told.1.max(partition.high_watermark());
        if let Some(offset) = delete {
            told.0 = told.0.max(partition.delete_before(offset).map_err(drop)?);
        }
        maintain(&log, time);
        told.0 = told.0.max(partition.log_start_offset());
        if round == 2 {
            log.shared().save(false).map_err(drop)?;
        }
        if log.failed().is_some() {
            return Err(());
        }
    }
    Ok(())
}

#[test]
fn power_cut_at_every_step_never_takes_the_log_start_back() {
    let outcomes = [
        Survives::Nothing,
        Survives::Everything,
        Survives::Half,
        Survives::Sectors(1),
        Survives::Sectors(2),
        Survives::Sectors(3),
    ];
    let mut starts = std::collections::BTreeSet::new();
    for step in 1.. {
        let disk = SimDisk::new();
        let mut told = (0, 0);
        disk.cut_at(step);
        let done = live(&disk, &mut told).is_ok();
        assert!(done || disk.is_cut(), "step {step}: an error without a power cut");
        if done && !disk.is_cut() {
            assert!(step > 150, "only {step} steps");
            break;
        }
        for survives in outcomes {
            let disk = disk.reboot(survives);
            let log = open(&disk).unwrap();
            let partition = log.partition("a/0", keeping(None, None)).unwrap();
            let (start, end) = (partition.log_start_offset(), partition.high_watermark());
            starts.insert(start);
            assert!(
                start >= told.0,
                "step {step}, {survives:?}: {start} after {told:?}"
            );
            if !partition.takes_records() {
                // The power left a hole in what nobody was told of.
                assert!(
                    partition.damage().iter().all(|damage| damage.offset >= told.1),
                    "step {step}"
                );
                continue;
            }
            assert!(end >= told.1, "step {step}, {survives:?}: {end} after {told:?}");
            assert_eq!(
                offsets(&partition),
                (start..end).collect::<Vec<_>>(),
                "step {step}, {survives:?}"
            );
            assert!(start == 0 || out_of_range(&partition, start - 1));
            let left = files(&disk);
            let before = |name: &String| name[..20].parse::<i64>().is_ok_and(|base| base + 3 <= start - 3);
            assert!(
                !left.iter().any(before),
                "step {step}, {survives:?}: {left:?} and {start}"
            );
            assert_eq!(partition.append(&one(1), 1).unwrap().base_offset, end);
            commit(&log);
        }
    }
    assert!(starts.len() > 4, "{starts:?}");
}

#[test]
fn sidecars_without_their_log_are_swept_before_the_start() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = ten(&log, config(SEGMENT_BYTES));
    partition.delete_before(7).unwrap();
    drop((partition, log));
    disk.remove("a/0/00000000000000000000.log").unwrap();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(SEGMENT_BYTES)).unwrap();
    assert_eq!((partition.damage(), partition.log_start_offset()), (vec![], 7));
    assert!(
        files(&disk)
            .iter()
            .all(|name| name.as_str() >= "00000000000000000006"),
        "{:?}",
        files(&disk)
    );
}

#[test]
fn a_thread_does_it_by_itself() {
    let place = tempfile::tempdir().unwrap();
    let config = LogConfig {
        maintenance_interval: Duration::from_millis(1),
        ..LogConfig::default()
    };
    let log = LogDir::open(place.path(), config, 1_000_000).unwrap();
    let partition = log.partition("a/0", keeping(Some(1_000), None)).unwrap();
    for ms in 0..10 {
        partition.append(&one(ms), 1_000_000).unwrap();
    }
    let begun = Instant::now();
    while partition.size_bytes() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{partition:?}");
        std::thread::yield_now();
    }
    assert_eq!(partition.log_start_offset(), 10);
    log.close().unwrap();
}
