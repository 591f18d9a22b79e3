//! The snapshot nearest to a point, of an aggregate whose events are in several topics.
//!
//! Its events are the first of those within a cut, in their order (`merged.rs`), or it is of no use there: a cut may have others
//! between them, which came later and were recorded earlier. Whether it has shows where each log stands in the snapshot: the next
//! event of every log has its place behind the last that was folded.
//! Invariant: what holds for one topic's (`snapshots`) holds for each log: it has the same first event and the same last, at the
//! same revisions, and begins before. Left out: logs without a topic's id; another topic may have come in the place of one.

use std::sync::Arc;

use super::{Located, one};
use crate::error::StoreError;
use crate::index::{PartitionIndex, TopicIndex};
use crate::lanes::{Counted, Lanes};
use crate::snapshots::{EVENTS_MIN, File, LogAccount, Snapshot};

/// Snapshots that are looked at for one question: some from the nearest back, and then such as are twice as far each time.
const LOOKED_AT_MAX: u32 = 20;
/// How many one after the other.
const IN_A_ROW: u32 = 4;

impl TopicIndex {
    /// Whether no other topic can be taken for one of these.
    fn is_identified(&self) -> bool {
        self.topics.len() == 1 || self.partitions.iter().all(|log| log.topic_id.is_some())
    }
}

impl Located<'_> {
    /// The snapshots of the fold, which are beside the first log of all, if some may be used and left.
    pub(crate) fn snapshots_of_several(&self) -> Option<Arc<File>> {
        let index = &self.aggregate.index;
        let first = index.partitions.first().filter(|_| index.is_identified())?;
        self.store.snapshots_of(self.aggregate, first)
    }

    /// The last snapshot of at most so many events that are the first of these, and the events behind it.
    pub(crate) fn nearest(
        &self,
        counted: &Counted,
        events: usize,
    ) -> Result<Option<(Snapshot, Lanes<'_>)>, StoreError> {
        let mut upto = (events as u64, 0);
        if upto.0 < EVENTS_MIN {
            return Ok(None);
        }
        let Some(file) = self.snapshots_of_several() else {
            return Ok(None);
        };
        for looked_at in 0..LOOKED_AT_MAX {
            self.store.work.go_on()?;
            let Some(mut snapshot) = file.before(&self.key, upto) else {
                break;
            };
            upto = snapshot.stage();
            if self.stands(&mut snapshot, counted)? {
                let account = &snapshot.account;
                let lanes = self.lanes(counted, &|place| account.reached(place))?;
                if lanes.rank().is_none_or(|next| account.rank() < Some(next)) {
                    return Ok(Some((snapshot, lanes)));
                }
            }
            if let Some(further) = (looked_at + 1).checked_sub(IN_A_ROW) {
                upto.0 = upto.0.saturating_sub(EVENTS_MIN << further);
            }
        }
        Ok(None)
    }

    /// Whether each log still has what it had of a snapshot, which is told the logs' places.
    fn stands(&self, snapshot: &mut Snapshot, counted: &Counted) -> Result<bool, StoreError> {
        let mut fed = 0;
        for log in &mut snapshot.account.logs {
            let mut there = self.aggregate.index.partitions.iter();
            let is_it = |there: &&Arc<PartitionIndex>| there.is(&log.log) && there.topic_id == log.topic_id;
            let Some(there) = there.find(is_it) else {
                return Ok(false);
            };
            log.place = there.place;
            if log.reached.events > counted.at(log.place) || !self.has(there, log)? {
                return Ok(false);
            }
            fed += log.reached.events as u64;
        }
        let Some((_, place, offset)) = snapshot.account.rank() else {
            return Ok(false);
        };
        let last = &mut snapshot.last.spot;
        last.place = place;
        Ok(last.offset == offset && last.revision.checked_add(1) == Some(fed))
    }

    /// Whether a log has the events of a snapshot where they were.
    fn has(&self, there: &PartitionIndex, log: &LogAccount) -> Result<bool, StoreError> {
        Ok(there.log.log_start_offset() <= log.first
            && there.offsets(&self.key, one(0))? == [log.first]
            && there.ends_at(&self.key, &log.reached)?)
    }
}
