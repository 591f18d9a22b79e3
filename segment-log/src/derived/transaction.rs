//! Transactions as a partition sees them: which are open, and which were aborted.
//!
//! A producer's first transactional batch opens its transaction here, and a marker (a control batch) ends it; who
//! decides that is the broker's coordinator. The *last stable offset* is the first offset whose outcome is not known,
//! or not durable: readers of committed records stop before it, and pass over what aborted transactions wrote before.
//!
//! ```text
//!   a1  b1  a2  a:commit  c1  b2  b:abort  …        a1, a2, c1 …: batches of the producers a, b, c
//!       |                  |
//!       `- opens b         `- last stable offset, while c is open and the abort of b is durable
//! ```
//!
//! Invariant: an aborted transaction is known as long as one of its records may be read. A marker for a producer
//! without an open transaction changes nothing. The number of open transactions is bounded; aborted ones cost 32 bytes
//! each, less than the log has for their marker.

use std::collections::{BTreeMap, BTreeSet};

use annals_kafka_wire::batch::Batch;

use super::{Claim, Content, Stored};
use crate::error::AppendError;

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted {
    /// Whose it was.
    pub producer_id: i64,
    /// Offset of its first record in the partition.
    pub first_offset: i64,
    /// Offset of its marker.
    pub last_offset: i64,
    /// Up to where everything was decided when it ended: what ends later begins at or behind this offset.
    pub(crate) stable_end: i64,
}

impl Aborted {
    /// Whether the batch is part of it.
    pub fn holds(&self, batch: &Batch) -> bool {
        batch.is_transactional()
            && batch.producer_id() == self.producer_id
            && (self.first_offset..=self.last_offset).contains(&batch.base_offset())
    }
}

/// A transaction whose end is not durable yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ended {
    first_offset: i64,
    marker_offset: i64,
}

/// All transactions of one partition.
#[derive(Debug, Clone)]
pub(crate) struct Transactions {
    /// The first offset of each open one, by producer.
    open: BTreeMap<i64, i64>,
    /// The same offsets, rising.
    first_offsets: BTreeSet<i64>,
    /// By rising marker.
    ended: Vec<Ended>,
    /// By rising marker.
    aborted: Vec<Aborted>,
    open_max: usize,
}

impl Transactions {
    /// None yet; at most `open_max` (at least one) may be open.
    pub(crate) fn new(open_max: usize) -> Transactions {
        Transactions {
            open: BTreeMap::new(),
            first_offsets: BTreeSet::new(),
            ended: Vec::new(),
            aborted: Vec::new(),
            open_max: open_max.max(1),
        }
    }

    /// With these transactions open and those aborted, both by rising offset.
    pub(crate) fn restored(
        open_max: usize,
        open: impl IntoIterator<Item = (i64, i64)>,
        aborted: Vec<Aborted>,
    ) -> Transactions {
        let mut transactions = Transactions::new(open_max);
        for (producer_id, first_offset) in open {
            transactions.begin(producer_id, first_offset);
        }
        transactions.aborted = aborted;
        transactions
    }

    pub(crate) fn is_open(&self, producer_id: i64) -> bool {
        self.open.contains_key(&producer_id)
    }

    /// Where the producer's open one begins.
    pub(crate) fn first_offset(&self, producer_id: i64) -> Option<i64> {
        self.open.get(&producer_id).copied()
    }

    /// The open ones: producer and first offset, by rising producer.
    pub(crate) fn open(&self) -> impl ExactSizeIterator<Item = (i64, i64)> {
        self.open.iter().map(|(id, first_offset)| (*id, *first_offset))
    }

    /// All aborted ones, by rising marker.
    pub(crate) fn aborted(&self) -> &[Aborted] {
        &self.aborted
    }

    /// Whether the batch fits what its producer has open. Kafka's rule: within a transaction a producer writes nothing
    /// outside of it.
    pub(crate) fn check(&self, claim: &Claim) -> Result<(), AppendError> {
        let Content::Records { transactional, .. } = claim.content else {
            return Ok(());
        };
        let producer_id = claim.producer_id;
        match self.open.get(&producer_id) {
            Some(first_offset) if !transactional => Err(AppendError::OutsideTransaction {
                producer_id,
                first_offset: *first_offset,
            }),
            None if transactional && self.open.len() >= self.open_max => {
                Err(AppendError::TooManyTransactions { max: self.open_max })
            }
            _ => Ok(()),
        }
    }

    /// Takes in a stored batch. What lies before `durable_end` cannot be lost any more.
    pub(crate) fn apply(&mut self, claim: &Claim, stored: Stored, durable_end: i64) {
        match claim.content {
            Content::Records {
                transactional: true, ..
            } if !self.is_open(claim.producer_id) => {
                self.begin(claim.producer_id, stored.base_offset);
            }
            Content::Marker { committed } => self.end(claim.producer_id, committed, stored, durable_end),
            _ => {}
        }
    }

    fn begin(&mut self, producer_id: i64, first_offset: i64) {
        self.open.insert(producer_id, first_offset);
        self.first_offsets.insert(first_offset);
    }

    fn end(&mut self, producer_id: i64, committed: bool, stored: Stored, durable_end: i64) {
        let Some(first_offset) = self.open.remove(&producer_id) else {
            return;
        };
        self.first_offsets.remove(&first_offset);
        let marker_offset = stored.last_offset;
        if !committed {
            self.aborted.push(Aborted {
                producer_id,
                first_offset,
                last_offset: marker_offset,
                stable_end: self.first_offsets.first().copied().unwrap_or(marker_offset + 1),
            });
        }
        self.ended.retain(|ended| ended.marker_offset >= durable_end);
        self.ended.push(Ended {
            first_offset,
            marker_offset,
        });
    }

    /// The last stable offset where `durable_end` is the durable end.
    pub(crate) fn last_stable_offset(&self, durable_end: i64) -> i64 {
        let undecided = self.first_offsets.first().copied();
        let behind = self
            .ended
            .partition_point(|ended| ended.marker_offset < durable_end);
        let unsettled = self
            .ended
            .iter()
            .skip(behind)
            .map(|ended| ended.first_offset)
            .min();
        undecided.into_iter().chain(unsettled).fold(durable_end, i64::min)
    }

    /// Forgets aborted transactions that ended before `start`: none of their records is read any more.
    pub(crate) fn forget_before(&mut self, start: i64) {
        let ended = self
            .aborted
            .partition_point(|aborted| aborted.last_offset < start);
        self.aborted.drain(..ended);
    }

    /// Whether the record at `offset` is part of the producer's open one.
    pub(crate) fn holds(&self, producer_id: i64, offset: i64) -> bool {
        self.first_offset(producer_id)
            .is_some_and(|first| first <= offset)
    }

    /// Whether the transactional record at `offset` was aborted.
    pub(crate) fn is_aborted(&self, producer_id: i64, offset: i64) -> bool {
        let mut around = self.aborted_in(offset, offset + 1).into_iter();
        around.any(|aborted| {
            aborted.producer_id == producer_id
                && (aborted.first_offset..=aborted.last_offset).contains(&offset)
        })
    }

    /// The aborted transactions with a record or marker in `from..to`.
    pub(crate) fn aborted_in(&self, from: i64, to: i64) -> Vec<Aborted> {
        let start = self.aborted.partition_point(|aborted| aborted.last_offset < from);
        let mut found = Vec::new();
        for aborted in self.aborted.iter().skip(start) {
            if aborted.first_offset < to {
                found.push(*aborted);
            }
            if aborted.stable_end >= to {
                break;
            }
        }
        found
    }
}
