//! An aggregate whose events are in several topics: all partitions that have any of its key, put together.

use super::{Located, Within, unreadable};
use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::Spot;
use crate::index::PartitionIndex;
use crate::key::key_text;
use crate::merged::{LogUsed, runs};
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
    /// What several topics' logs have to do with an answer; `applied` are the events that made a state. None where there is
    /// one topic.
    pub(crate) fn logs(&self, within: &Within, applied: &[Spot]) -> Result<Vec<LogUsed>, StoreError> {
        let Some(order) = &within.order else {
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
            let events = order.iter().filter(|spot| spot.place == log.place);
            used.push(LogUsed {
                topic: log.topic.clone(),
                topic_id: log.topic_id.clone(),
                partition: log.number,
                by: log.field().map(str::to_owned),
                events: events.count() as u64,
                ranges: runs(applied, log.place),
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
    pub(crate) fn home(&self, within: &Within) -> u32 {
        let first = within.order.as_ref().and_then(|order| order.first());
        first.map_or(self.partition.number, |first| self.log(first).0.number)
    }

    /// The same of several topics, where a revision is one of the order within the head.
    pub(super) fn own_cut_of_several(&self, at: &AsOf) -> Result<Within, StoreError> {
        let index = &self.aggregate.index;
        let (cut, order) = match at {
            AsOf::Revision(revision) => {
                let mut order = index.in_order(self.store, &self.key, &self.head)?;
                let events = usize::try_from(*revision).unwrap_or(usize::MAX).saturating_add(1);
                if events > order.len() {
                    return Err(self.no_such_revision(*revision, order.len()));
                }
                let cut = index.cut_behind(&order, events, &self.head);
                order.truncate(events);
                (cut, order)
            }
            at => {
                let cut = self.aggregate.topic_cut(at, &self.head)?;
                let order = index.in_order(self.store, &self.key, &cut)?;
                (cut, order)
            }
        };
        Ok(Within {
            cut,
            events: order.len(),
            order: Some(order),
        })
    }
}
