//! An aggregate whose events are in several topics: all partitions that have any of its key, put together.

use std::cell::OnceCell;

use super::{Located, Within, unreadable};
use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::Spot;
use crate::index::PartitionIndex;
use crate::key::key_text;
use crate::lanes::{Counted, Lanes, Reached};
use crate::merged::LogUsed;
use crate::snapshots::LogAccount;
use crate::store::EventStore;

impl Aggregate {
    /// An aggregate whose events are in these partitions of several topics.
    pub(super) fn locate_in<'a>(
        &'a self,
        store: &'a EventStore,
        logs: Vec<&'a PartitionIndex>,
        id: &str,
        key: Vec<u8>,
        head: Cut,
    ) -> Result<Located<'a>, StoreError> {
        let Some(partition) = logs.first().copied() else {
            return Err(self.unknown(id, &head));
        };
        Ok(Located {
            store,
            aggregate: self,
            partition,
            id: key_text(&key),
            events: 0,
            first: Vec::new(),
            removals: partition.log.removals(),
            others: Vec::new(),
            logs,
            key,
            head,
        })
    }
}

impl Located<'_> {
    /// What several topics' logs have to do with an answer; `fed` is what was fed of them to make a state. None where there is
    /// one topic.
    pub(crate) fn logs(&self, within: &Within, fed: &[LogAccount]) -> Result<Vec<LogUsed>, StoreError> {
        let Some(counted) = &within.counted else {
            return Ok(Vec::new());
        };
        let mut used = Vec::with_capacity(self.logs.len());
        // Those with events within the cut: an answer rests on it alone, and not on what has come since. By a field, what nobody
        // can read in any may belong to it.
        for log in &self.aggregate.index.partitions {
            let unreadable = unreadable(log, &within.cut)?;
            let may_have = log.field().is_some() && !unreadable.is_empty();
            if !may_have && !within.are_in(log) {
                continue;
            }
            let fed = fed.iter().find(|fed| fed.place == log.place);
            used.push(LogUsed {
                topic: log.topic.clone(),
                topic_id: log.topic_id.clone(),
                partition: log.number,
                by: log.field().map(str::to_owned),
                events: counted.at(log.place) as u64,
                ranges: fed.map(|fed| fed.applied.ranges.clone()).unwrap_or_default(),
                unreadable,
                log_start_offset: log.log.log_start_offset(),
            });
        }
        Ok(used)
    }

    /// The id of the one topic; of several, each log has its own.
    pub(crate) fn topic_id(&self) -> Option<String> {
        match self.aggregate.index.is_merged() {
            true => None,
            false => self.partition.topic_id.clone(),
        }
    }

    /// The partition of the first event within a cut.
    pub(crate) fn home(&self, within: &Within) -> Result<u32, StoreError> {
        let Some(counted) = &within.counted else {
            return Ok(self.partition.number);
        };
        let first = match within.order.get() {
            Some(order) => order.first().copied(),
            None => self.lanes(counted, &|_| Reached::default())?.next_spot()?,
        };
        Ok(first.map_or(self.partition.number, |first| self.log(&first).0.number))
    }

    /// Its events in several topics, so many of each log, from where each stands.
    pub(crate) fn lanes(
        &self,
        counted: &Counted,
        reached: &dyn Fn(usize) -> Reached,
    ) -> Result<Lanes<'_>, StoreError> {
        self.aggregate
            .index
            .lanes(self.store, &self.key, counted, reached)
    }

    /// The cut of a point, where a revision is one of the order within the head.
    pub(super) fn own_cut_of_several(&self, at: &AsOf) -> Result<Within, StoreError> {
        let index = &self.aggregate.index;
        let (cut, counted) = match at {
            AsOf::Revision(revision) => {
                let counted = index.counted(&self.key, &self.head)?;
                let events = usize::try_from(*revision).unwrap_or(usize::MAX).saturating_add(1);
                if events > counted.total() {
                    return Err(self.no_such_revision(*revision, counted.total()));
                }
                let mut lanes = match self.nearest(&counted, events)? {
                    Some((_, lanes)) => lanes,
                    None => self.lanes(&counted, &|_| Reached::default())?,
                };
                lanes.pass_to(events)?;
                (lanes.cut(index, &self.head), lanes.given(counted))
            }
            at => {
                let cut = self.aggregate.topic_cut(at, &self.head)?;
                let counted = index.counted(&self.key, &cut)?;
                (cut, counted)
            }
        };
        Ok(Within {
            cut,
            events: counted.total(),
            counted: Some(counted),
            order: OnceCell::new(),
        })
    }

    /// Where its events within a cut sit, in their order.
    pub(super) fn order<'w>(&self, within: &'w Within, counted: &Counted) -> Result<&'w [Spot], StoreError> {
        if let Some(order) = within.order.get() {
            return Ok(order);
        }
        let order = self
            .lanes(counted, &|_| Reached::default())?
            .spots(counted.total())?;
        Ok(within.order.get_or_init(|| order))
    }
}
