//! Batches of what a chunk has of a range, to stand where the log has lost it.
//!
//! Invariant: a record has the offset, key, value, headers and time that it had in the log, and batches follow each other without
//! gaps: empty ones take the offsets of which the chunk has nothing, so that whoever reads them sees where something may be missing.
//!
//! Left out: whose the records were. Of a producer and a transaction a chunk knows no more than that they are committed.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use annals_kafka_wire::batch::{Batch, Record, TimestampType};
use bytes::Bytes;

use super::{Chunk, Content, Edge, Scan};

/// Bytes of the file that are read at once.
const AHEAD_BYTES: usize = 1024 * 1024;

/// Bytes of records after which a batch ends.
const BATCH_BYTES: usize = 1024 * 1024;

/// What becomes of a block of the chunk that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Nothing is told.
    Fails,
    /// It is passed over: better some records than none.
    Passed,
}

impl Chunk {
    /// Batches that take the offsets of a range, and how many records they have. The whole chunk is read for it.
    ///
    /// # Errors
    /// As for [`Chunk::scan`].
    pub(crate) fn batches(
        self: &Arc<Self>,
        range: Range<i64>,
        leader_epoch: i32,
        unreadable: Unreadable,
    ) -> io::Result<(Vec<Bytes>, u64)> {
        let mut scan = Scan::new(Arc::clone(self), AHEAD_BYTES)?;
        let mut records = Vec::new();
        loop {
            match scan.next() {
                Ok(Some(record)) if range.contains(&record.offset) => records.push(record),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) if unreadable == Unreadable::Fails => return Err(error),
                Err(_) => scan.pass_block(),
            }
        }
        records.sort_unstable_by_key(|record| record.offset);
        let count = records.len() as u64;
        let (mut batches, mut next, mut left) = (Vec::new(), range.start, &records[..]);
        while let Some(first) = left.first().map(|first| first.offset) {
            let (taken, rest) = left.split_at(self.batch_of(left));
            let end = first + taken.len() as i64;
            batches.extend(Batch::placeholders(next, first, leader_epoch));
            batches.push(Batch::of_records(first..end, leader_epoch, self.time(), taken));
            (next, left) = (end, rest);
        }
        batches.extend(Batch::placeholders(next, range.end, leader_epoch));
        Ok((batches, count))
    }

    /// How many of the records go into one batch: the first, and as many as follow each other and may be.
    fn batch_of(&self, records: &[Record]) -> usize {
        let is_log_time = self.time() == TimestampType::LogAppendTime;
        let length = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
        let mut bytes = 0;
        let fits = |pair: &&[Record]| {
            let [before, record] = pair else { return false };
            bytes += length(&record.key) + length(&record.value);
            bytes <= BATCH_BYTES
                && record.offset == before.offset + 1
                && !(is_log_time && record.timestamp_ms != before.timestamp_ms)
        };
        1 + records.windows(2).take_while(fits).count()
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
