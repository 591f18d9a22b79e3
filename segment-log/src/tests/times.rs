//! Whose time a record has, and what of it is found again.

use annals_kafka_wire::batch::{Batch, BatchBuilder, Compression, DECOMPRESSED_BYTES_MAX, TimestampType};

use super::support::*;
use crate::disk::sim::SimDisk;
use crate::{Dated, PartitionConfig, Sequence};

fn append_time(segment_bytes_max: u64) -> PartitionConfig {
    PartitionConfig {
        timestamp_type: TimestampType::LogAppendTime,
        ..config(segment_bytes_max)
    }
}

#[test]
fn the_logs_own_time_is_stamped_and_found() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("t/0", append_time(300)).unwrap();
    assert_eq!(partition.timestamp_type(), TimestampType::LogAppendTime);
    // Whatever the producer says, into several segments.
    for (ms, now_ms) in [(5, 100), (900, 200), (7, 300), (1, 400)] {
        partition.append(&batch(None, &[ms, ms + 1], 40), now_ms).unwrap();
    }
    commit(&log);
    for stored in batches(&partition) {
        stored.verify_crc().unwrap();
        let now_ms = 100 + stored.base_offset() * 50;
        assert_eq!(
            (stored.timestamp_type(), stored.max_timestamp()),
            (TimestampType::LogAppendTime, now_ms)
        );
        let records = stored.records(DECOMPRESSED_BYTES_MAX).unwrap();
        assert!(
            records
                .map(Result::unwrap)
                .all(|record| record.timestamp_ms == now_ms)
        );
    }
    let leader_epoch = partition.leader_epoch();
    let at = |ms| partition.offset_for_time(ms).unwrap();
    for (ms, offset, timestamp_ms) in [(0, 0, 100), (100, 0, 100), (101, 2, 200), (301, 6, 400)] {
        let found = Dated {
            offset,
            timestamp_ms,
            leader_epoch,
        };
        assert_eq!(at(ms), Some(found), "{ms} ms");
    }
    assert_eq!(at(401), None);
}

#[test]
fn a_retried_batch_has_the_time_of_its_first_copy() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("t/0", append_time(300)).unwrap();
    for sequence in 0..4 {
        let sent = batch(Some((7, 0, sequence)), &[1], 40);
        partition.append(&sent, 100 + i64::from(sequence)).unwrap();
    }
    let stamped = |offset| partition.batch_at(offset).unwrap().max_timestamp();
    // Before it is durable, and after, and when it is no longer in memory.
    assert_eq!(stamped(3), 103);
    commit(&log);
    let sent = batch(Some((7, 0, 1)), &[1], 40);
    let expected = Sequence::Duplicate {
        base_offset: 1,
        last_offset: 1,
    };
    assert_eq!(partition.check(&sent).unwrap(), expected);
    assert_eq!((stamped(1), stamped(0)), (101, 100));
    assert!(partition.batch_at(4).is_err());
}

#[test]
fn records_are_found_by_time_up_to_the_partitions_own_bound() {
    let mut builder = BatchBuilder::new().compression(Compression::Zstd);
    builder.push(100, None, Some(&vec![0; DECOMPRESSED_BYTES_MAX]), &[]);
    builder.push(200, None, Some(b"last"), &[]);
    let (large, _) = Batch::parse(&builder.build(), 0).unwrap();
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let wide = PartitionConfig {
        decompressed_bytes_max: DECOMPRESSED_BYTES_MAX + 1_000,
        ..config(1 << 20)
    };
    let partition = log.partition("t/0", wide).unwrap();
    partition.append(&large, 0).unwrap();
    commit(&log);
    assert_eq!(partition.offset_for_time(150).unwrap().unwrap().offset, 1);
    assert!(large.records(partition.decompressed_bytes_max()).is_ok());
}

#[test]
fn a_batch_whose_records_nobody_can_read_is_found_by_its_header() {
    let mut builder = BatchBuilder::new().compression(Compression::Zstd);
    builder.push(100, None, Some(&vec![0; DECOMPRESSED_BYTES_MAX]), &[]);
    let (large, _) = Batch::parse(&builder.build(), 0).unwrap();
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    let partition = log.partition("t/0", config(1 << 20)).unwrap();
    for sent in [one(50), large, one(300)] {
        partition.append(&sent, 0).unwrap();
    }
    commit(&log);
    let at = |ms| {
        partition
            .offset_for_time(ms)
            .unwrap()
            .map(|found| (found.offset, found.timestamp_ms))
    };
    assert_eq!(
        [at(50), at(60), at(101)],
        [Some((0, 50)), Some((1, 100)), Some((2, 300))]
    );
    assert!(partition.damage().is_empty());
}
