//! Finding the first record of a time.
//!
//! Invariant: segments, then index entries, then batches are passed over only when their highest timestamp is older;
//! records may have any order of timestamps. A batch whose header claims a newer timestamp than its records have is
//! passed over too.

use annals_kafka_wire::batch::Batch;

use super::Partition;
use crate::error::ReadError;
use crate::mutex::read;
use crate::walk::{Bad, BadKind};

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
        self.noting(self.look_for_time(ms))
    }

    fn look_for_time(&self, ms: i64) -> Result<Option<Dated>, ReadError> {
        let limit = self.high_watermark();
        let segments = read(&self.segments).since(ms);
        for base in segments {
            if let Some(found) = self.first_in_segment(base, ms, limit)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn first_in_segment(&self, base: i64, ms: i64, limit: i64) -> Result<Option<Dated>, ReadError> {
        let place = self.find(base, |index| index.spot_at_time(ms))?;
        let mut walk = place.walk();
        while let Some(step) = walk.next()? {
            let placed = step.map_err(|bad| place.damaged(bad))?;
            if placed.batch.last_offset() >= limit {
                return Ok(None);
            }
            if placed.batch.max_timestamp() < ms {
                continue;
            }
            let found =
                first_in_batch(&placed.batch, ms, self.decompressed_bytes_max()).map_err(|reason| {
                    let (position, offset) = (placed.position, placed.batch.base_offset());
                    place.damaged(Bad {
                        position,
                        offset,
                        reason,
                        kind: BadKind::Broken,
                    })
                })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

fn first_in_batch(batch: &Batch, ms: i64, limit: usize) -> Result<Option<Dated>, String> {
    for record in batch.records(limit).map_err(|error| error.to_string())? {
        let record = record.map_err(|error| error.to_string())?;
        if record.timestamp_ms >= ms {
            return Ok(Some(Dated {
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
                leader_epoch: batch.partition_leader_epoch(),
            }));
        }
    }
    Ok(None)
}
