//! What becomes of a batch.
//!
//! | batch | what becomes of it |
//! |---|---|
//! | behind the end of the pass | stays as it is |
//! | of an aborted transaction | its records go |
//! | records | those with a newer record of their key go, those without a key, tombstones behind their horizon |
//! | the marker of a transaction of which a record stays | stays |
//! | the marker of any other | gets a horizon, and goes behind it |
//! | without records | goes, unless it tells a producer's sequences |
//!
//! Batches come in the order of their offsets from the log start on, in one pass: so it is known at a marker whether
//! anything of its transaction is left.

use std::collections::{HashMap, HashSet};

use annals_kafka_wire::batch::{Batch, BatchError, HEADER_BYTES};
use bytes::Bytes;

use super::latest::Latest;
use crate::derived::transaction::Aborted;

/// What becomes of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stays as it is.
    Stays,
    /// These bytes take its place.
    Becomes(Bytes),
    /// Its offsets are left.
    Goes,
}

/// What does not change during a pass.
pub(crate) struct Rules {
    pub(crate) latest: Latest,
    /// The first offset that is not looked at.
    pub(crate) end: i64,
    pub(crate) now_ms: i64,
    pub(crate) delete_retention_ms: i64,
    /// The most bytes a batch gives when decompressed.
    pub(crate) limit: usize,
    pub(crate) aborts: Aborts,
    /// Last offsets of the batches that tell a producer's sequences or its epoch.
    pub(crate) telling: HashSet<i64>,
}

/// Aborted transactions, by producer.
pub(crate) struct Aborts(HashMap<i64, Vec<(i64, i64)>>);

impl Aborts {
    /// Of all there are, by rising marker.
    pub(crate) fn of(aborted: &[Aborted]) -> Aborts {
        let mut by_producer: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
        for one in aborted {
            let ranges = by_producer.entry(one.producer_id).or_default();
            ranges.push((one.first_offset, one.last_offset));
        }
        Aborts(by_producer)
    }

    /// Whether one of them has the batch.
    pub(crate) fn hold(&self, batch: &Batch) -> bool {
        let Some(ranges) = self
            .0
            .get(&batch.producer_id())
            .filter(|_| batch.is_transactional())
        else {
            return false;
        };
        let offset = batch.base_offset();
        let at = ranges.partition_point(|(_, last)| *last < offset);
        ranges.get(at).is_some_and(|(first, _)| *first <= offset)
    }
}

/// See the module.
pub(crate) struct Judge {
    rules: Rules,
    /// Producers of whose transaction, not ended yet, a record stays.
    unfinished: HashSet<i64>,
    /// The earliest horizon of what stays.
    pub(crate) next_horizon: i64,
}

impl Judge {
    pub(crate) fn new(rules: Rules) -> Judge {
        Judge {
            rules,
            unfinished: HashSet::new(),
            next_horizon: i64::MAX,
        }
    }

    /// What becomes of the next batch. One that nobody can read stays.
    pub(crate) fn judge(&mut self, batch: &Batch) -> Verdict {
        if batch.last_offset() >= self.rules.end {
            return Verdict::Stays;
        }
        let tells = batch.producer_id() >= 0 && self.rules.telling.contains(&batch.last_offset());
        if batch.count() == 0 {
            return if tells { Verdict::Stays } else { Verdict::Goes };
        }
        if batch.is_control() {
            return self.marker(batch, tells);
        }
        if self.rules.aborts.hold(batch) {
            return without_records(batch, tells);
        }
        let verdict = self.records(batch, tells).unwrap_or(Verdict::Stays);
        let is_left = match &verdict {
            Verdict::Stays => true,
            Verdict::Becomes(bytes) => bytes.len() > HEADER_BYTES,
            Verdict::Goes => false,
        };
        if is_left && batch.is_transactional() {
            self.unfinished.insert(batch.producer_id());
        }
        verdict
    }

    fn records(&mut self, batch: &Batch, tells: bool) -> Result<Verdict, BatchError> {
        let is_past = batch
            .delete_horizon()
            .is_some_and(|horizon| self.rules.now_ms > horizon);
        let (mut stay, mut tombstones) = (HashSet::new(), false);
        for record in batch.records(self.rules.limit)? {
            let record = record?;
            let Some(key) = &record.key else { continue };
            let is_tombstone = record.value.is_none();
            if self.rules.latest.is_newer(key, record.offset) || (is_tombstone && is_past) {
                continue;
            }
            tombstones |= is_tombstone;
            stay.insert(record.offset);
        }
        if stay.is_empty() {
            return Ok(without_records(batch, tells));
        }
        let horizon = self.horizon(batch, tombstones);
        if stay.len() == batch.count() as usize && horizon.is_none() {
            return Ok(Verdict::Stays);
        }
        let bytes = batch.with_records(self.rules.limit, horizon, &mut |record| {
            stay.contains(&record.offset)
        })?;
        Ok(Verdict::Becomes(bytes))
    }

    fn marker(&mut self, batch: &Batch, tells: bool) -> Verdict {
        let is_marker = matches!(batch.marker(), Ok(Some(_)));
        // Control batches of another kind are nobody's to judge.
        if !is_marker || self.unfinished.remove(&batch.producer_id()) || tells {
            return Verdict::Stays;
        }
        let horizon = batch.delete_horizon();
        if horizon.is_some_and(|horizon| self.rules.now_ms > horizon) {
            return Verdict::Goes;
        }
        let Some(horizon) = self.horizon(batch, true) else {
            return Verdict::Stays;
        };
        let dated = batch.with_records(self.rules.limit, Some(horizon), &mut |_| true);
        dated.map_or(Verdict::Stays, Verdict::Becomes)
    }

    /// The horizon that a batch gets which has something to delete, if it has none.
    fn horizon(&mut self, batch: &Batch, deletes: bool) -> Option<i64> {
        if !deletes {
            return None;
        }
        let fresh = self.rules.now_ms.saturating_add(self.rules.delete_retention_ms);
        let horizon = batch.delete_horizon().unwrap_or(fresh);
        self.next_horizon = self.next_horizon.min(horizon);
        batch.delete_horizon().is_none().then_some(fresh)
    }
}

fn without_records(batch: &Batch, tells: bool) -> Verdict {
    match tells {
        true => Verdict::Becomes(batch.emptied()),
        false => Verdict::Goes,
    }
}
