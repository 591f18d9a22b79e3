//! Reading an aggregate's events for a folding: what copies of the log in the order of keys tell, and the log itself.

use super::{Folding, Spot};
use crate::error::StoreError;

impl Folding<'_> {
    /// Folds the next events as far as copies of the log tell of them, until one halts; says with which revision to go on. The
    /// copies know when each was recorded, which the index would have to be asked for.
    pub(crate) fn run_copied(&mut self, offsets: &[i64], revision: usize) -> Result<usize, StoreError> {
        let Some(mut copies) = self.store.copies_of(self.partition, self.key, offsets) else {
            return Ok(revision);
        };
        for (at, offset) in (revision..).zip(offsets) {
            // Of what was deleted the log tells.
            let is_there = *offset >= self.partition.log.log_start_offset();
            if self.halted.is_some() || !is_there || !copies.pass_to(*offset, &self.store.work)? {
                return Ok(at);
            }
            let Some(copied) = copies.copied() else {
                return Ok(at);
            };
            let spot = Spot {
                offset: *offset,
                revision: at as u64,
                recorded_ms: copied.recorded_ms,
                place: 0,
            };
            self.feed(spot, Ok(&copied.record))?;
        }
        Ok(revision + offsets.len())
    }
}
