//! A partition that is kept in another way while it is open; and where its leader epochs end.

use annals_kafka_wire::batch::{BatchBuilder, TimestampType};

use super::support::{batch, batches, commit, config, one, open};
use crate::disk::sim::{SimDisk, Survives};
use crate::{Durability, EpochEnd, PartitionConfig};

#[test]
fn what_waits_for_a_sync_is_written_when_that_is_left_to_the_operating_system() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    partition.append(&one(1), 1).unwrap();
    assert_eq!(partition.high_watermark(), 0);
    let unsynced = PartitionConfig {
        durability: Durability::Os,
        ..config(1 << 20)
    };
    partition.reconfigure(unsynced);
    assert_eq!(
        partition.high_watermark(),
        1,
        "who waits for it is told by the next round"
    );
    partition.append(&one(2), 2).unwrap();
    assert_eq!(partition.high_watermark(), 2);

    // And back: nothing that was read is taken back, all of it is synced with the next round.
    partition.reconfigure(config(1 << 20));
    assert_eq!(partition.high_watermark(), 2);
    partition.append(&one(3), 3).unwrap();
    assert_eq!(partition.high_watermark(), 2);
    commit(&log);
    assert_eq!(partition.high_watermark(), 3);
    drop((partition, log));
    let disk = disk.reboot(Survives::Nothing);
    let log = open(&disk).unwrap();
    assert_eq!(batches(&log.partition("a/0", config(1 << 20)).unwrap()).len(), 3);
}

#[test]
fn a_change_alone_syncs_what_was_left_to_the_operating_system() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let unsynced = PartitionConfig {
        durability: Durability::Os,
        ..config(1 << 20)
    };
    let partition = log.partition("a/0", unsynced).unwrap();
    partition.append(&one(1), 1).unwrap();
    commit(&log);
    partition.reconfigure(config(1 << 20));
    commit(&log);
    drop((partition, log));
    let disk = disk.reboot(Survives::Nothing);
    let log = open(&disk).unwrap();
    assert_eq!(batches(&log.partition("a/0", config(1 << 20)).unwrap()).len(), 1);
}

#[test]
fn segments_and_stamps_follow_the_change_and_the_limit_to_read_with_never_falls() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    for ms in 1..=4 {
        partition.append(&one(ms), ms).unwrap();
    }
    let segments = || {
        disk.names("a/0")
            .into_iter()
            .filter(|name| name.ends_with(".log"))
            .count()
    };
    assert_eq!(segments(), 1);
    let before = partition.decompressed_bytes_max();
    partition.reconfigure(PartitionConfig {
        timestamp_type: TimestampType::LogAppendTime,
        decompressed_bytes_max: before - 1,
        ..config(300)
    });
    assert_eq!(partition.decompressed_bytes_max(), before);
    partition.append(&one(5), 77).unwrap();
    commit(&log);
    assert_eq!(segments(), 2, "the first is larger than a segment may be now");
    let stored = batches(&partition);
    let times: Vec<i64> = stored.iter().map(|batch| batch.max_timestamp()).collect();
    assert_eq!(times, [1, 2, 3, 4, 77]);
}

#[test]
fn an_epoch_ends_where_a_later_one_begins() {
    let disk = SimDisk::new();
    // Epochs 0 to 4, of which 2 writes nothing: every start but the first is an unclean one.
    let mut appended = Vec::new();
    for records in [3_i64, 1, 0, 7, 2] {
        let log = open(&disk).unwrap();
        let partition = log.partition("a/0", config(400)).unwrap();
        for ms in 0..records {
            partition.append(&batch(None, &[ms, ms], 40), 1).unwrap();
        }
        commit(&log);
        appended.push((partition.leader_epoch(), partition.high_watermark()));
    }
    assert_eq!(appended, [(0, 6), (1, 8), (2, 8), (3, 22), (4, 26)]);
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(400)).unwrap();
    let end = |epoch, end_offset| Some(EpochEnd { epoch, end_offset });
    for (epoch, found) in [
        (-1, end(-1, 0)),
        (0, end(0, 6)),
        (1, end(1, 8)),
        (2, end(1, 8)),
        (3, end(3, 22)),
        (4, end(4, 26)),
        (5, end(5, 26)),
        (6, None),
    ] {
        assert_eq!(partition.epoch_end(epoch).unwrap(), found, "{epoch}");
    }
}

#[test]
fn producers_are_told_of_with_what_they_have_open() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1 << 20)).unwrap();
    partition
        .append(&batch(Some((7, 2, 0)), &[1, 2, 3], 10), 50)
        .unwrap();
    let mut open = BatchBuilder::new().producer(3, 1, 0).transactional();
    open.push(1, None, Some(b"v"), &[]);
    let open = annals_kafka_wire::batch::Batch::parse(&open.build(), 0)
        .unwrap()
        .0;
    partition.append(&open, 60).unwrap();
    let told = partition.producers();
    let told: Vec<_> = told
        .iter()
        .map(|one| {
            (
                one.id,
                one.epoch,
                one.last_sequence,
                one.last_ms,
                one.transaction_start,
            )
        })
        .collect();
    assert_eq!(told, [(3, 1, Some(0), 60, Some(3)), (7, 2, Some(2), 50, None)]);
}
