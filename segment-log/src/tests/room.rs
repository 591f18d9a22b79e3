//! No room on the disk, no descriptors: writes are refused, nothing else happens, and it goes on by itself.

use std::sync::Arc;
use std::time::Duration;

use super::support::{CONFIG, batch, batches, commit, config, one, open};
use crate::disk::sim::{SimDisk, Survives};
use crate::{AppendError, DeleteError, LogConfig, LogDir, LogError, PartitionConfig, Retention};

const TICK: Duration = Duration::from_secs(1);

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    let sent = |n: i32, bytes| batch(Some((7, 0, n)), &[i64::from(n)], bytes);
    partition.append(&sent(0, 40), 1).unwrap();
    commit(&log);
    for room in [0, 1, 60, 61, 100] {
        disk.set_room(room);
        let full = sent(1, 300);
        let refused = partition.append(&full, 2);
        assert!(matches!(refused, Err(AppendError::Io { .. })), "{refused:?}");
        assert_eq!((partition.log_end_offset(), batches(&partition).len()), (1, 1));
        partition.check(&full).expect("the producer's state is as before");
        assert!(log.refusing().unwrap().contains("a/0") && log.failed().is_none());
    }
    let size = disk.bytes("a/0/00000000000000000000.log").len();
    assert_eq!(
        size,
        batches(&partition)[0].bytes().len(),
        "nothing is left of what was refused"
    );
    disk.pass(TICK);
    commit(&log);
    assert!(log.refusing().is_some(), "there is no room yet");
    disk.set_room(usize::MAX);
    assert_eq!(
        partition.append(&sent(1, 300), 2).unwrap().base_offset,
        1,
        "no need to wait to be asked"
    );
    disk.pass(TICK);
    commit(&log);
    disk.pass(TICK);
    commit(&log);
    assert_eq!(log.refusing(), None);
    assert_eq!(partition.high_watermark(), 2);

    let partition = open(&disk.reboot(Survives::Nothing)).unwrap();
    let partition = partition.partition("a/0", config(1 << 20)).unwrap();
    assert_eq!(
        (batches(&partition).len(), partition.recovery().truncated_at),
        (2, None)
    );
}

/// What a refused batch left behind must not stand in the way when the segment is sealed behind it.
#[test]
fn bytes_of_a_refused_batch_do_not_outlive_it() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(400)).unwrap();
    for n in 0..6 {
        // Larger than the one that is taken, so that it would show behind the segment's end.
        disk.fail_next_write();
        assert!(partition.append(&batch(None, &[n], 200), n).is_err());
        assert_eq!(partition.append(&one(n), n).unwrap().base_offset, n);
    }
    commit(&log);
    for disk in [disk.reboot(Survives::Everything), disk.revive()] {
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(400)).unwrap();
        assert_eq!((batches(&partition).len(), partition.damage()), (6, vec![]));
        assert_eq!(partition.recovery().truncated_at, None);
    }
}

#[test]
fn sidecars_and_the_checkpoint_wait_for_room() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(300)).unwrap();
    for n in 0..6 {
        partition.append(&one(n), n).unwrap();
    }
    disk.set_room(0);
    commit(&log);
    assert_eq!(partition.high_watermark(), 6, "what was written is synced");
    assert!(log.refusing().is_some() && log.failed().is_none());
    assert!(disk.names("a/0").iter().all(|name| !name.ends_with(".idx")));
    disk.set_room(usize::MAX);
    disk.pass(TICK);
    commit(&log);
    disk.pass(TICK);
    commit(&log);
    assert_eq!(log.refusing(), None);
    let sealed = disk
        .names("a/0")
        .iter()
        .filter(|name| name.ends_with(".idx"))
        .count();
    assert_eq!(sealed, 2);
    log.close().unwrap();
    let log = open(&disk.reboot(Survives::Nothing)).unwrap();
    let partition = log.partition("a/0", config(300)).unwrap();
    assert_eq!(
        (partition.recovery().rebuilt_indexes, batches(&partition).len()),
        (0, 6)
    );
}

#[test]
fn without_descriptors_appends_go_on_and_new_segments_wait() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(300)).unwrap();
    partition.append(&one(0), 0).unwrap();
    partition.append(&one(1), 1).unwrap();
    disk.set_descriptors_gone(true);
    let refused = partition.append(&one(2), 2);
    assert!(matches!(refused, Err(AppendError::Io { .. })), "{refused:?}");
    commit(&log);
    assert_eq!(partition.high_watermark(), 2, "open files are written and synced");
    assert!(matches!(
        log.partition("a/1", config(300)),
        Err(LogError::Io { .. })
    ));
    disk.set_descriptors_gone(false);
    partition.append(&one(2), 2).unwrap();
    disk.set_descriptors_gone(true);
    commit(&log);
    assert_eq!(partition.high_watermark(), 2, "the directory cannot be synced");
    assert!(log.refusing().is_some() && log.failed().is_none());
    disk.set_descriptors_gone(false);
    disk.pass(TICK);
    commit(&log);
    disk.pass(TICK);
    commit(&log);
    assert_eq!((partition.high_watermark(), log.refusing()), (3, None));
    log.close().unwrap();
}

/// A log that keeps so many bytes back.
fn open_reserving(disk: &SimDisk, reserved_bytes: u64) -> LogDir {
    let (clock, of_log) = (disk.clone(), Arc::new(disk.clone()));
    let config = LogConfig {
        reserved_bytes,
        ..CONFIG
    };
    LogDir::on(of_log, None, config, 0, Box::new(move || clock.now())).unwrap()
}

/// Where a log starts takes a checkpoint, and a checkpoint takes room.
#[test]
fn a_full_disk_is_given_room_by_deleting_records() {
    const RESERVED: u64 = 64 * 1024;
    let how = PartitionConfig {
        retention: Retention {
            ms: None,
            bytes: Some(400),
        },
        ..config(300)
    };
    for (by_hand, reserved) in [(true, RESERVED), (false, RESERVED), (true, 0), (false, 0)] {
        let what = format!("by hand: {by_hand}, with {reserved} bytes kept back");
        let disk = SimDisk::new();
        let log = open_reserving(&disk, reserved);
        let (partition, other) = (
            log.partition("a/0", how.clone()),
            log.partition("a/1", how.clone()),
        );
        let (partition, other) = (partition.unwrap(), other.unwrap());
        for n in 0..12 {
            partition.append(&one(n), n).unwrap();
            other.append(&one(n), n).unwrap();
        }
        commit(&log);
        disk.set_room(0);
        assert!(partition.append(&one(12), 12).is_err(), "{what}");
        let before = partition.size_bytes();
        let is_possible = reserved > 0;
        if by_hand {
            let deleted = partition.delete_before(8);
            match &deleted {
                Ok(start) => assert_eq!((*start, is_possible), (8, true), "{what}"),
                Err(error) => assert!(
                    matches!(error, DeleteError::Log(_)) && !is_possible,
                    "{what}: {error}"
                ),
            }
        } else {
            log.maintain(100);
        }
        assert_eq!(partition.size_bytes() < before, is_possible, "{what}");
        assert_eq!(partition.log_start_offset() > 0, is_possible, "{what}");
        assert_eq!(partition.append(&one(12), 12).is_ok(), is_possible, "{what}");
        if !is_possible {
            assert_eq!(
                partition.log_start_offset(),
                0,
                "{what}: who was refused moved nothing"
            );
            continue;
        }
        commit(&log);
        disk.set_room(usize::MAX / 2);
        disk.pass(TICK);
        commit(&log);
        assert_eq!(
            (log.refusing(), disk.bytes("RESERVE").len() as u64),
            (None, RESERVED),
            "{what}"
        );
        let start = partition.log_start_offset();
        let log = open_reserving(&disk.reboot(Survives::Nothing), reserved);
        assert_eq!(
            log.partition("a/0", how.clone()).unwrap().log_start_offset(),
            start,
            "{what}"
        );
    }
}

#[test]
fn a_full_disk_lets_a_log_start() {
    for (reserved, opens) in [(64 * 1024, true), (0, false)] {
        let disk = SimDisk::new();
        let log = open_reserving(&disk, reserved);
        log.partition("a/0", config(300))
            .unwrap()
            .append(&one(0), 0)
            .unwrap();
        commit(&log);
        log.close().unwrap();
        let disk = disk.reboot(Survives::Everything);
        disk.set_room(0);
        let clock = disk.clone();
        let clock = Box::new(move || clock.now());
        let opened = LogDir::on(Arc::new(disk.clone()), None, CONFIG, 0, clock);
        let partition = opened.map(|log| log.partition("a/0", config(300)).unwrap());
        assert_eq!(
            partition.is_ok_and(|partition| batches(&partition).len() == 1),
            opens
        );
    }
}

/// What is kept back is for the one that gives room, and for nobody beside.
#[test]
fn nobody_appends_while_a_full_disk_is_given_room() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(300)).unwrap();
    let alone = log.shared().room.alone();
    let refused = partition.append(&one(0), 0);
    assert!(matches!(refused, Err(AppendError::Io { .. })), "{refused:?}");
    drop(alone);
    assert_eq!(partition.append(&one(0), 0).unwrap().base_offset, 0);
}

/// The mark is at most a second old, however slowly and steadily records come.
#[test]
fn the_mark_is_written_every_second_that_something_changed() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    let mark = || {
        let text = String::from_utf8(disk.bytes("CHECKPOINT")).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("partition ")?.strip_suffix(" 0 a/0"));
        line.map_or(0, |end| end.parse::<i64>().unwrap())
    };
    for n in 0..10 {
        partition.append(&one(n), n).unwrap();
        // Appended every 0.9 s: never a quiet second. What is older than one is marked.
        disk.pass(Duration::from_millis(900));
        commit(&log);
        assert!((n - 1..=n + 1).contains(&mark()), "after {n}: {}", mark());
    }
    disk.pass(TICK);
    commit(&log);
    disk.pass(TICK);
    commit(&log);
    let steps = disk.syncs();
    disk.pass(TICK);
    commit(&log);
    assert_eq!(disk.syncs(), steps, "nothing changed, nothing is written");
}

/// A cache leaves the room there is to records.
#[test]
fn nothing_is_appended_while_the_log_takes_nothing() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    let (beside, _) = partition.beside("x", &mut |_, _| {}).unwrap();
    assert_eq!(beside.append(b"a").unwrap(), 0);
    disk.set_room(100);
    partition.append(&batch(None, &[1], 300), 1).unwrap_err();
    let refused = beside.append(b"b").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull, "{refused}");
    disk.set_room(usize::MAX);
    partition.append(&one(1), 1).unwrap();
    for _ in 0..2 {
        disk.pass(TICK);
        commit(&log);
    }
    assert_eq!(beside.append(b"c").unwrap(), 9);
    log.close().unwrap();
    assert!(beside.append(b"d").is_err(), "the directory is closed");
}
