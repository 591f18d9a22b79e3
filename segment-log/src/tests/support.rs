//! What the tests share: batches with known records, a log on a simulated disk driven by hand, reading everything.

use std::sync::Arc;

use annals_kafka_wire::batch::{Batch, BatchBuilder};
use bytes::Bytes;

use crate::disk::sim::SimDisk;
use crate::{Durability, LogConfig, LogDir, LogError, Partition, PartitionConfig, ReadError};

/// Id, epoch and first sequence.
pub(super) type Sender = (i64, i16, i32);

/// A batch of one record per timestamp, with values of `value_bytes` bytes that depend on the timestamp.
pub(super) fn batch(sender: Option<Sender>, timestamps: &[i64], value_bytes: usize) -> Batch {
    let mut builder = BatchBuilder::new();
    if let Some((id, epoch, sequence)) = sender {
        builder = builder.producer(id, epoch, sequence);
    }
    for ms in timestamps {
        let value: Vec<u8> = (0..value_bytes)
            .map(|at| 1 + ((*ms as usize * 31 + at * 7) % 250) as u8)
            .collect();
        builder.push(*ms, Some(b"key"), Some(&value), &[]);
    }
    Batch::parse(&builder.build(), 0).expect("a built batch").0
}

/// A batch of one record, without a producer.
pub(super) fn one(ms: i64) -> Batch {
    batch(None, &[ms], 40)
}

pub(super) const CONFIG: LogConfig = LogConfig {
    producers_max: 100,
    producer_expiry_ms: 1_000_000_000,
    tail_bytes_max: 400,
    maintenance_interval: std::time::Duration::from_secs(3600),
    // A few keys.
    compaction_bytes_max: 350,
    reserved_bytes: 0,
    compaction_bytes_per_second: 1,
};

/// A log whose committer is driven by [`commit`].
pub(super) fn open(disk: &SimDisk) -> Result<LogDir, LogError> {
    open_at(disk, 0)
}

/// The same, at a time.
pub(super) fn open_at(disk: &SimDisk, now_ms: i64) -> Result<LogDir, LogError> {
    let clock = disk.clone();
    let clock = Box::new(move || clock.now());
    LogDir::on(Arc::new(disk.clone()), None, CONFIG, now_ms, clock)
}

/// A log with a committer thread.
pub(super) fn open_running(disk: &SimDisk) -> LogDir {
    let log = open(disk).expect("a log");
    log.start().expect("a thread");
    log
}

pub(super) fn config(segment_bytes_max: u64) -> PartitionConfig {
    PartitionConfig {
        segment_bytes_max,
        durability: Durability::Fsync,
        ..PartitionConfig::default()
    }
}

/// One round of the committer.
pub(super) fn commit(log: &LogDir) {
    log.shared().round(false);
}

/// Every readable batch.
pub(super) fn batches(partition: &Partition) -> Vec<Batch> {
    try_batches(partition).expect("an undamaged log")
}

pub(super) fn try_batches(partition: &Partition) -> Result<Vec<Batch>, ReadError> {
    let mut batches = Vec::new();
    let mut offset = partition.log_start_offset();
    loop {
        let bytes: Bytes = partition.read(offset, 1_000)?;
        if bytes.is_empty() {
            return Ok(batches);
        }
        let mut position = 0;
        while position < bytes.len() {
            let (batch, next) = Batch::parse(&bytes, position).expect("whole batches");
            assert_eq!(batch.base_offset(), offset, "batches without gaps");
            offset = batch.last_offset() + 1;
            position = next;
            batches.push(batch);
        }
    }
}

/// The bytes of a batch that the log keeps as they are.
pub(super) fn body(batch: &Batch) -> Bytes {
    batch.bytes().slice(16..)
}
