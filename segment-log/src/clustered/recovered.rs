//! Batches of what a chunk has of a range, to stand where the log has lost it.
//!
//! Invariant: a record has the offset, key, value, headers and time that it had in the log, and batches follow each other without
//! gaps.
//!
//! Left out: whose the records were. Of a producer and a transaction a chunk knows no more than that they are committed.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use annals_kafka_wire::batch::{Batch, Record, TimestampType};
use bytes::Bytes;

use super::{Chunk, Content, Edge};

/// Bytes of the file that are read at once.
const AHEAD_BYTES: usize = 1024 * 1024;

/// Bytes of records after which a batch ends.
const BATCH_BYTES: usize = 1024 * 1024;

impl Chunk {
    /// Batches that take the offsets of a range, and how many records they have. The whole chunk is read for it.
    ///
    /// # Errors
    /// As for [`Chunk::scan`].
    pub(crate) fn batches(
        self: &Arc<Self>,
        range: Range<i64>,
        leader_epoch: i32,
    ) -> io::Result<(Vec<Bytes>, u64)> {
        let mut scan = self.scan(b"", 0, AHEAD_BYTES)?;
        let mut records = Vec::new();
        while let Some(record) = scan.next()? {
            if range.contains(&record.offset) {
                records.push(record);
            }
        }
        records.sort_unstable_by_key(|record| record.offset);
        let count = records.len() as u64;
        let (mut batches, mut next, mut left) = (Vec::new(), range.start, &records[..]);
        while let Some(length) = self.batch_of(left) {
            let (taken, rest) = left.split_at(length);
            let end = taken.last().map_or(next, |last| last.offset + 1);
            batches.push(Batch::of_records(next..end, leader_epoch, self.time(), taken));
            (next, left) = (end, rest);
        }
        batches.extend(Batch::placeholders(next, range.end, leader_epoch));
        Ok((batches, count))
    }

    /// How many of the records go into one batch: the first, and as many as may be.
    fn batch_of(&self, records: &[Record]) -> Option<usize> {
        let first = records.first()?;
        let is_log_time = self.time() == TimestampType::LogAppendTime;
        let length = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
        let mut bytes = 0;
        let fits = |record: &&Record| {
            bytes += length(&record.key) + length(&record.value);
            bytes <= BATCH_BYTES && !(is_log_time && record.timestamp_ms != first.timestamp_ms)
        };
        Some(records.iter().take_while(fits).count().max(1))
    }

    /// Whose the times are.
    fn time(&self) -> TimestampType {
        let Content::File(copy) = &self.content else {
            return TimestampType::CreateTime;
        };
        let is_log_time = |edge: &Edge| TimestampType::of(&edge.header) == TimestampType::LogAppendTime;
        match is_log_time(&copy.of().first_batch) || is_log_time(&copy.of().last_batch) {
            true => TimestampType::LogAppendTime,
            false => TimestampType::CreateTime,
        }
    }
}
