//! Transactions through a partition: what readers of committed records may see, also after a restart.

use annals_kafka_wire::batch::{Batch, BatchBuilder, Marker};

use super::support::{commit, config, one, open};
use crate::disk::Disk;
use crate::disk::sim::{SimDisk, Survives};
use crate::{AppendError, Durability, Partition, PartitionConfig};

/// A transactional batch of one record.
fn write(producer_id: i64, sequence: i32) -> Batch {
    let mut builder = BatchBuilder::new()
        .producer(producer_id, 0, sequence)
        .transactional();
    builder.push(0, Some(b"key"), Some(&[7; 100]), &[]);
    Batch::parse(&builder.build(), 0).expect("a built batch").0
}

fn marker(producer_id: i64, committed: bool) -> Batch {
    let marker = Marker {
        committed,
        coordinator_epoch: 0,
    };
    Batch::parse(&marker.build(0, producer_id, 0), 0)
        .expect("a built batch")
        .0
}

const ABORT: bool = false;
const COMMIT: bool = true;

/// Producers of the committed batches, by offset, as a reader of committed records finds them.
fn committed(partition: &Partition) -> Vec<(i64, i64)> {
    let (mut found, mut offset) = (Vec::new(), 0);
    loop {
        let read = partition.read_committed(offset, 300).expect("an undamaged log");
        if read.bytes.is_empty() {
            assert_eq!(offset, read.last_stable_offset);
            return found;
        }
        for batch in annals_kafka_wire::batch::batches(&read.bytes) {
            let batch = batch.expect("whole batches");
            offset = batch.last_offset() + 1;
            if !batch.is_control() && !read.aborted.iter().any(|aborted| aborted.holds(&batch)) {
                found.push((batch.base_offset(), batch.producer_id()));
            }
        }
    }
}

#[test]
fn readers_stop_before_what_is_open_or_whose_end_is_not_durable() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1_000_000)).unwrap();
    partition.append(&one(0), 0).unwrap();
    partition.append(&write(1, 0), 0).unwrap();
    partition.append(&one(0), 0).unwrap();
    commit(&log);
    assert_eq!(
        (partition.last_stable_offset(), partition.high_watermark()),
        (1, 3)
    );
    assert_eq!(committed(&partition), [(0, -1)]);
    partition.append(&marker(1, COMMIT), 0).unwrap();
    assert_eq!(partition.last_stable_offset(), 1, "its end is not durable");
    commit(&log);
    assert_eq!(partition.last_stable_offset(), 4);
    assert_eq!(committed(&partition), [(0, -1), (1, 1), (2, -1)]);
}

#[test]
fn a_marker_that_a_power_cut_took_leaves_the_transaction_open() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1_000_000)).unwrap();
    partition.append(&write(1, 0), 0).unwrap();
    commit(&log);
    partition.append(&marker(1, ABORT), 0).unwrap();
    drop((partition, log));
    let log = open(&disk.reboot(Survives::Nothing)).unwrap();
    let partition = log.partition("a/0", config(1_000_000)).unwrap();
    assert_eq!(
        (partition.last_stable_offset(), partition.high_watermark()),
        (0, 1)
    );
    partition.append(&marker(1, ABORT), 0).unwrap();
    commit(&log);
    assert_eq!(partition.last_stable_offset(), 2);
    assert_eq!(committed(&partition), []);
}

#[test]
fn what_was_aborted_is_known_after_any_restart_and_across_segments() {
    let disk = SimDisk::new();
    // Five batches to a segment.
    let config = config(900);
    let mut log = open(&disk).unwrap();
    let mut partition = log.partition("a/0", config.clone()).unwrap();
    let mut expected = Vec::new();
    for round in 0..12 {
        let (aborts, commits) = (round * 2, round * 2 + 1);
        let append = |batch: &Batch| partition.append(batch, 0).unwrap().base_offset;
        append(&write(aborts, 0));
        let kept = append(&write(commits, 0));
        append(&write(aborts, 1));
        let plain = append(&one(0));
        append(&marker(aborts, ABORT));
        append(&marker(commits, COMMIT));
        expected.extend([(kept, commits), (plain, -1)]);
        commit(&log);
        assert_eq!(committed(&partition), expected, "round {round}");
        if round % 4 == 3 {
            log.close().unwrap();
            // Without any snapshot it is the same.
            if round == 7 {
                let snapshots = disk
                    .names("a/0")
                    .into_iter()
                    .filter(|name| name.ends_with(".snap"));
                snapshots.for_each(|name| disk.remove(&format!("a/0/{name}")).unwrap());
            }
            log = open(&disk).unwrap();
            partition = log.partition("a/0", config.clone()).unwrap();
            assert_eq!(committed(&partition), expected, "round {round}, after a restart");
        }
    }
}

#[test]
fn a_marker_can_be_synced_where_nothing_else_is() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let config = PartitionConfig {
        durability: Durability::Os,
        ..config(1_000_000)
    };
    let partition = log.partition("a/0", config.clone()).unwrap();
    partition.append(&write(1, 0), 0).unwrap();
    let marker = partition.append(&marker(1, COMMIT), 0).unwrap();
    partition.sync_to(marker.last_offset).unwrap();
    let syncs = disk.syncs();
    partition.sync_to(marker.last_offset).unwrap();
    assert_eq!(disk.syncs(), syncs, "once is enough");
    drop((partition, log));
    let log = open(&disk.reboot(Survives::Nothing)).unwrap();
    let partition = log.partition("a/0", config).unwrap();
    assert_eq!(partition.last_stable_offset(), 2);
}

#[test]
fn within_a_transaction_nothing_is_written_outside_of_it() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("a/0", config(1_000_000)).unwrap();
    partition.append(&write(1, 0), 0).unwrap();
    let mut outside = BatchBuilder::new().producer(1, 0, 1);
    outside.push(0, Some(b"key"), None, &[]);
    let (outside, _) = Batch::parse(&outside.build(), 0).unwrap();
    let refused = partition.append(&outside, 0);
    let first = AppendError::OutsideTransaction {
        producer_id: 1,
        first_offset: 0,
    };
    assert_eq!(refused.unwrap_err().to_string(), first.to_string());
    assert_eq!(partition.log_end_offset(), 1);
    partition.append(&marker(1, COMMIT), 0).unwrap();
    partition.append(&outside, 0).unwrap();
}
