//! Whether a log still is what it was when an answer was begun: records may go from it meanwhile.

use annals_segment_log::Removals;

use super::PartitionIndex;
use crate::error::StoreError;
use crate::lanes::Reached;

impl PartitionIndex {
    /// Refuses to go on with what was counted when less had gone from the log than now.
    pub(crate) fn still(&self, removals: Removals) -> Result<(), StoreError> {
        self.is_still(self.log.removals() == removals)
    }

    /// Refuses to go on where a key's events up to one are not those that they were.
    pub(crate) fn still_ends(&self, key: &[u8], reached: &Reached) -> Result<(), StoreError> {
        self.is_still(self.ends_at(key, reached)?)
    }

    /// Whether so many of a key's events end where they did.
    pub(crate) fn ends_at(&self, key: &[u8], reached: &Reached) -> Result<bool, StoreError> {
        let last = reached.events.saturating_sub(1);
        let there = self.offsets(key, last..reached.events)?.first().copied();
        Ok(there == reached.last.map(|(last, _)| last))
    }

    fn is_still(&self, is_it: bool) -> Result<(), StoreError> {
        match is_it {
            true => Ok(()),
            false => Err(StoreError::Shortened {
                topic: self.topic.clone(),
                partition: self.number,
            }),
        }
    }
}
