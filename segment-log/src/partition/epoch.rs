//! Where a leader epoch ends.
//!
//! Every unclean start begins an epoch, and every batch is stamped with the one it was appended in: so they never fall
//! along the log, and the end of one is found by halving.

use super::Partition;
use crate::error::ReadError;

/// The end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEnd {
    /// The last epoch that has records and is not after the one asked about, which it is when there is none.
    pub epoch: i32,
    /// The first offset of a later epoch; the high watermark where there is none.
    pub end_offset: i64,
}

impl Partition {
    /// Where the epoch ends, or ended; `None` for one that has not begun.
    pub fn epoch_end(&self, epoch: i32) -> Result<Option<EpochEnd>, ReadError> {
        let current = self.leader_epoch();
        let end_offset = self.high_watermark();
        if epoch >= current {
            return Ok((epoch == current).then_some(EpochEnd { epoch, end_offset }));
        }
        // All before `low` is of this epoch or an earlier one, and nothing from `high` on.
        let (mut low, mut high) = (self.log_start_offset(), end_offset);
        let mut last = epoch;
        while low < high {
            let at = low + (high - low) / 2;
            let middle = self.batch_at(at)?;
            if middle.partition_leader_epoch() > epoch {
                high = at.min(middle.base_offset()).max(low);
            } else {
                last = middle.partition_leader_epoch();
                low = middle.last_offset() + 1;
            }
        }
        Ok(Some(EpochEnd {
            epoch: last,
            end_offset: high,
        }))
    }
}
