//! Finding the first record of a time.
//!
//! Invariant: segments, then index entries, then batches are passed over only when their highest timestamp is older;
//! records may have any order of timestamps. A batch whose header claims a newer timestamp than its records have is
//! passed over too; one whose records nobody can read is taken at its header's word.

use annals_kafka_wire::batch::Batch;

use super::Partition;
use crate::error::ReadError;
use crate::mutex::read;

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// Its offset.
    pub offset: i64,
    /// Its time, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The leader epoch it was appended in.
    pub leader_epoch: i32,
}

impl Partition {
    /// The first readable record with a timestamp of at least `ms` since 1970.
    pub fn offset_for_time(&self, ms: i64) -> Result<Option<Dated>, ReadError> {
        let _files = read(&self.files);
        let limit = self.high_watermark();
        let segments = read(&self.segments).since(ms);
        for base in segments {
            if let Some(found) = self.first_in_segment(base, ms, limit)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The greatest timestamp there is, durable or not; -1 where there is none.
    pub fn max_timestamp(&self) -> i64 {
        read(&self.segments).max_timestamp()
    }

    fn first_in_segment(&self, base: i64, ms: i64, limit: i64) -> Result<Option<Dated>, ReadError> {
        let start = self.log_start_offset();
        let place = self.find(base, |index| index.spot_at_time(ms))?;
        let mut walk = place.walk();
        while let Some(step) = walk.next()? {
            let placed = match step {
                Ok(placed) => placed,
                Err(bad) => return Err(ReadError::Damaged(self.lost(&place, bad)?)),
            };
            if placed.batch.last_offset() >= limit {
                return Ok(None);
            }
            if placed.batch.max_timestamp() < ms || placed.batch.last_offset() < start {
                continue;
            }
            let found = first_in_batch(&placed.batch, (start, ms), self.decompressed_bytes_max());
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// The batch was stored as it came. If its records cannot be read all the same, because it was taken when batches were
/// not opened, its header is all there is. Only records from offset `start` on count.
fn first_in_batch(batch: &Batch, (start, ms): (i64, i64), limit: usize) -> Option<Dated> {
    let dated = |offset, timestamp_ms| Dated {
        offset,
        timestamp_ms,
        leader_epoch: batch.partition_leader_epoch(),
    };
    let by_header = || dated(batch.base_offset().max(start), batch.max_timestamp());
    let Ok(records) = batch.records(limit) else {
        return Some(by_header());
    };
    for record in records {
        match record {
            Ok(record) if record.timestamp_ms >= ms && record.offset >= start => {
                return Some(dated(record.offset, record.timestamp_ms));
            }
            Ok(_) => {}
            Err(_) => return Some(by_header()),
        }
    }
    None
}
