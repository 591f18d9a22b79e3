//! Durability: who sees what before, during and after a sync, and what a failed one ends.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::support::{batch, batches, body, commit, config, one, open, open_at, open_running};
use crate::disk::sim::{SimDisk, Survives};
use crate::{AppendError, Durability, LogDir, LogError, PartitionConfig, ReadError};

const SOON: Duration = Duration::from_secs(20);
const NOW: Duration = Duration::ZERO;

#[test]
fn nobody_reads_what_is_not_synced_and_one_sync_serves_a_group() {
    let disk = SimDisk::new();
    let log = open_running(&disk);
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    disk.freeze();
    partition.append(&one(1), 1).unwrap();
    disk.wait_frozen();
    for n in 2..=9 {
        partition.append(&one(n), n).unwrap();
    }
    assert_eq!((partition.high_watermark(), partition.log_end_offset()), (0, 9));
    assert!(partition.read(0, 1_000).unwrap().is_empty());
    assert!(partition.read(9, 1_000).unwrap().is_empty());
    assert!(matches!(
        partition.read(10, 1_000),
        Err(ReadError::OutOfRange { start: 0, end: 0 })
    ));
    assert!(matches!(
        partition.wait_durable(0, NOW),
        Err(AppendError::TimedOut { offset: 0 })
    ));
    let before = disk.syncs();
    disk.thaw();
    partition.wait_durable(8, SOON).unwrap();
    assert_eq!(batches(&partition).len(), 9);
    assert_eq!(
        disk.syncs() - before,
        2,
        "the frozen sync, and one for the eight that came meanwhile"
    );
    log.close().unwrap();
}

#[test]
fn watchers_hear_the_high_watermark() {
    let disk = SimDisk::new();
    let log = open_running(&disk);
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    let (heard, hears) = mpsc::channel();
    partition.on_durable(Box::new(move |high_watermark| {
        heard.send(high_watermark).unwrap()
    }));
    partition.append(&batch(None, &[1, 2, 3], 10), 1).unwrap();
    assert_eq!(hears.recv_timeout(SOON), Ok(3));
    partition.append(&one(4), 4).unwrap();
    assert_eq!(hears.recv_timeout(SOON), Ok(4));
    disk.fail_next_sync();
    partition.append(&one(5), 5).unwrap();
    assert_eq!(hears.recv_timeout(SOON), Ok(4), "once when the log fails");
    assert!(log.failed().is_some());
}

#[test]
fn a_failed_sync_ends_all_writing_and_is_never_retried() {
    let disk = SimDisk::new();
    let log = open_running(&disk);
    let [sick, other] = ["a/0", "a/1"].map(|path| log.partition(path, config(1 << 20)).unwrap());
    let good = sick.append(&one(1), 1).unwrap();
    sick.wait_durable(good.last_offset, SOON).unwrap();
    disk.fail_next_sync();
    let lost = sick.append(&one(2), 2).unwrap();
    assert!(matches!(
        sick.wait_durable(lost.last_offset, SOON),
        Err(AppendError::LogFailed(_))
    ));
    let syncs = disk.syncs();
    for partition in [&sick, &other] {
        assert!(matches!(
            partition.append(&one(3), 3),
            Err(AppendError::LogFailed(_))
        ));
    }
    assert_eq!(batches(&sick).len(), 1, "what was durable stays readable");
    assert!(matches!(
        log.partition("a/2", config(1 << 20)),
        Err(LogError::Failed(_))
    ));
    assert!(matches!(log.remove("a/1"), Err(LogError::Failed(_))));
    assert!(log.failed().unwrap().contains("a/0"));
    assert!(matches!(log.close(), Err(LogError::Failed(_))));
    assert_eq!(disk.syncs(), syncs);
}

/// Whoever comes next to sync the same file would be told yes by the system, and what was lost would be taken for written.
#[test]
fn a_failed_sync_is_known_before_anybody_can_try_again() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let [sick, other] = ["a/0", "a/1"].map(|path| log.partition(path, config(1 << 20)).unwrap());
    for partition in [&sick, &other] {
        partition.append(&one(1), 1).unwrap();
    }
    disk.fail_next_sync();
    assert!(sick.sync(false).is_err());
    assert!(log.failed().unwrap().contains("a/0"));
    let syncs = disk.syncs();
    for partition in [&sick, &other] {
        assert!(partition.sync(true).is_err() && partition.sync_to(0).is_err());
        assert_eq!(partition.high_watermark(), 0);
    }
    assert_eq!((disk.syncs(), log.refusing()), (syncs, None));
}

/// Syncs of one round are under way together: those that were begun before one fails come to their end, and count; none
/// is begun after it.
#[test]
fn one_failed_sync_among_several_ends_all_writing() {
    const PATHS: [&str; 3] = ["a/0", "a/1", "a/2"];
    for (rolls, all, segment_bytes_max) in [(false, 3, 1 << 20), (true, 6, 300)] {
        for nth in 1..=all {
            let disk = SimDisk::new();
            let log = open(&disk).unwrap();
            let open_all =
                |log: &LogDir| PATHS.map(|path| log.partition(path, config(segment_bytes_max)).unwrap());
            let partitions = open_all(&log);
            for partition in &partitions {
                partition.append(&batch(None, &[1], 200), 1).unwrap();
            }
            commit(&log);
            for partition in &partitions {
                partition.append(&batch(None, &[2], 200), 2).unwrap();
            }
            disk.fail_sync(nth);
            let before = disk.syncs();
            commit(&log);
            let syncs = disk.syncs();
            commit(&log);
            let what = format!("sync {nth}, rolls: {rolls}");
            assert!(log.failed().is_some(), "{what}");
            let acked = partitions.each_ref().map(|partition| partition.high_watermark());
            assert_eq!(syncs - before, nth, "{what}");
            let before_it = (nth - 1) / (all / 3);
            let good = acked.iter().filter(|end| **end == 2).count() as u64;
            assert_eq!(good, before_it, "{what}");
            for partition in &partitions {
                let refused = partition.append(&one(3), 3);
                assert!(matches!(refused, Err(AppendError::LogFailed(_))), "{what}");
                assert_eq!(batches(partition).len() as i64, partition.high_watermark());
            }
            assert_eq!(disk.syncs(), syncs, "{what}: synced again");
            drop((partitions, log));
            let log = open(&disk.reboot(Survives::Nothing)).unwrap();
            let found = open_all(&log)
                .each_ref()
                .map(|partition| partition.high_watermark());
            assert_eq!(found, acked, "{what}");
        }
    }
}

/// After a failed sync the system takes for written what is not. A restart must not believe it: what is behind the
/// mark is written again before it is served, or a retry is told that it is stored.
#[test]
fn what_a_failed_sync_left_is_written_again_after_a_restart() {
    let sent = |n: i32| batch(Some((7, 0, n)), &[i64::from(n)], 700);
    for (segment_bytes_max, fails_at) in [(1 << 20, 1), (1 << 20, 3), (2_000, 1), (2_000, 3), (2_000, 5)] {
        let disk = SimDisk::new();
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(segment_bytes_max)).unwrap();
        for n in 0..6 {
            partition.append(&sent(n), 0).unwrap();
            if n == fails_at {
                disk.fail_next_sync();
            }
            if n <= fails_at {
                commit(&log);
            }
            if log.failed().is_some() {
                break;
            }
        }
        let what = format!("{segment_bytes_max}, {fails_at}");
        assert!(log.failed().is_some(), "{what}");
        let acked = partition.high_watermark();
        assert_eq!(acked, i64::from(fails_at), "{what}");
        drop((partition, log));
        // The system is up, the process starts again: it sees everything, and the next sync says yes.
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(segment_bytes_max)).unwrap();
        let again = partition.append(&sent(fails_at), 0).unwrap();
        assert!(again.duplicate && again.base_offset == acked, "{what}");
        let served = batches(&partition);
        assert_eq!(served.len() as i64, acked + 1, "{what}");

        let disk = disk.reboot(Survives::Nothing);
        let partition = open(&disk)
            .unwrap()
            .partition("a/0", config(segment_bytes_max))
            .unwrap();
        assert_eq!(batches(&partition), served, "{what}: what was served is gone");
    }
}

#[test]
fn a_backfill_is_idempotent_after_a_restart() {
    const NOW: i64 = 1_900_000_000_000;
    const THEN: i64 = 1_550_000_000_000; // 2019
    let config = || config(400);
    let sent = |n: i32| batch(Some((7, 0, n)), &[THEN + i64::from(n)], 40);
    let disk = SimDisk::new();
    let log = open_at(&disk, NOW).unwrap();
    let partition = log.partition("a/0", config()).unwrap();
    for n in 0..2 {
        partition.append(&sent(n), NOW).unwrap();
    }
    commit(&log);
    for restarts in 0..3 {
        let log = open_at(&disk.revive(), NOW + 1_000).unwrap();
        let partition = log.partition("a/0", config()).unwrap();
        // Another client rolls the segment, which is when silent producers are forgotten.
        for n in 0..3 {
            partition.append(&one(NOW + n), NOW + 2_000).unwrap();
        }
        let again = partition.append(&sent(1), NOW + 3_000).unwrap();
        assert!(
            again.duplicate && again.base_offset == 1,
            "restart {restarts}: {again:?}"
        );
        commit(&log);
    }
}

#[test]
fn what_the_operating_system_has_is_readable_at_once_with_durability_os() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let os = PartitionConfig {
        durability: Durability::Os,
        ..config(300)
    };
    let partition = log.partition("a/0", os.clone()).unwrap();
    let heard = Arc::new(AtomicI64::new(-1));
    let hears = heard.clone();
    partition.on_durable(Box::new(move |high_watermark| {
        heard.store(high_watermark, Ordering::Relaxed)
    }));
    let syncs = disk.syncs();
    partition.append(&one(1), 1).unwrap();
    assert_eq!(partition.high_watermark(), 1);
    partition.wait_durable(0, NOW).unwrap();
    commit(&log);
    assert_eq!((hears.load(Ordering::Relaxed), disk.syncs()), (1, syncs));
    for n in 2..=6 {
        partition.append(&one(n), n).unwrap();
    }
    commit(&log);
    assert_eq!(batches(&partition).len(), 6);
    // Sealed segments are synced, the active one is not.
    let after = disk.reboot(Survives::Nothing);
    let survived = open(&after)
        .unwrap()
        .partition("a/0", os.clone())
        .unwrap()
        .high_watermark();
    assert!((1..6).contains(&survived), "{survived}");
    log.close().unwrap();
    let after = disk.reboot(Survives::Nothing);
    assert_eq!(
        open(&after)
            .unwrap()
            .partition("a/0", os)
            .unwrap()
            .high_watermark(),
        6,
        "closing syncs"
    );
}

#[test]
fn a_closed_log_is_clean_readable_and_takes_nothing() {
    let disk = SimDisk::new();
    let log = open_running(&disk);
    let partition = log.partition("a/0", config(400)).unwrap();
    let sent: Vec<_> = (0..10).map(one).collect();
    sent.iter()
        .for_each(|batch| assert!(partition.append(batch, 0).is_ok()));
    let other = log.clone();
    log.close().unwrap();
    assert!(matches!(
        partition.append(&one(1), 1),
        Err(AppendError::LogFailed(_))
    ));
    assert!(matches!(
        other.partition("b/0", config(400)),
        Err(LogError::Closed)
    ));
    assert!(matches!(other.close(), Err(LogError::Closed)));
    let read: Vec<_> = batches(&partition).iter().map(body).collect();
    assert_eq!(read, sent.iter().map(body).collect::<Vec<_>>());

    let disk = disk.reboot(Survives::Nothing);
    let partition = open(&disk).unwrap().partition("a/0", config(400)).unwrap();
    assert_eq!((partition.leader_epoch(), partition.high_watermark()), (0, 10));
    assert_eq!(partition.recovery().truncated_at, None);
    assert_eq!(partition.recovery().rebuilt_indexes, 0);
    assert!(
        partition.recovery().scanned_bytes <= 400,
        "only the last segment is read"
    );
}

#[test]
fn a_log_that_was_not_closed_gets_a_new_epoch() {
    let mut disk = SimDisk::new();
    for epoch in 0..4 {
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(1 << 20)).unwrap();
        assert_eq!(partition.leader_epoch(), epoch);
        partition.append(&one(1), 1).unwrap();
        commit(&log);
        let stamped: Vec<_> = batches(&partition)
            .iter()
            .map(|batch| batch.partition_leader_epoch())
            .collect();
        assert_eq!(stamped, (0..=epoch).collect::<Vec<_>>());
        disk = disk.reboot(Survives::Nothing);
    }
    // Without the checkpoint the epoch comes from the log, and is kept from then on.
    crate::disk::Disk::remove(&disk, "CHECKPOINT").unwrap();
    for _ in 0..2 {
        let log = open(&disk).unwrap();
        assert_eq!(log.partition("a/0", config(1 << 20)).unwrap().leader_epoch(), 4);
        log.close().unwrap();
    }
}

#[test]
fn a_dropped_log_ends_its_committer_and_refuses_appends() {
    let disk = SimDisk::new();
    let log = open_running(&disk);
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    partition.on_durable(Box::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    }));
    let appended = partition.append(&one(1), 1).unwrap();
    drop(log);
    partition
        .wait_durable(appended.last_offset, NOW)
        .expect("what was queued was finished");
    assert!(matches!(
        partition.append(&one(2), 2),
        Err(AppendError::LogFailed(_))
    ));
    assert_eq!(Arc::strong_count(&partition), 1, "nobody else holds it");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
