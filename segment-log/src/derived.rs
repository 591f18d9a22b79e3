//! What is computed from a partition's batches, and must be known to append or to read: producers and transactions.
//!
//! One seam for all of it, at four moments of a batch's life:
//!
//! | moment | call | where |
//! |---|---|---|
//! | a batch is about to be written | [`Derived::check`], which changes nothing | `partition/append.rs`, under the append lock |
//! | it is written | [`Derived::apply`] | the same |
//! | a segment is sealed | [`snapshot::encode`], as of the next one's first offset | the same; written by the committer |
//! | a partition is opened | [`snapshot::decode`], then [`Derived::apply`] for each batch behind it | `recover.rs` |
//!
//! Invariant: it is a function of the log (but for producers that time out) and never a second truth: thrown away, it
//! comes back the same from the batches. Everything in it is bounded.

use std::collections::HashSet;

use annals_kafka_wire::batch::Batch;

use crate::error::AppendError;

pub(crate) mod producer;
pub(crate) mod snapshot;
#[cfg(test)]
mod tests;
pub(crate) mod transaction;

use producer::{Producers, Sequence};
use transaction::Transactions;

/// What a batch says about its producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) content: Content,
}

/// What a producer's batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Records {
        /// Of the first and the last record; `None` where they have none: what a coordinator writes for a producer.
        sequences: Option<(i32, i32)>,
        transactional: bool,
    },
    /// The end of a transaction.
    Marker { committed: bool },
    /// Another control batch.
    Control,
}

impl Claim {
    /// `None` for a batch without a producer id.
    pub(crate) fn of(batch: &Batch) -> Option<Claim> {
        let sequences = (batch.base_sequence(), batch.last_sequence());
        let content = || match batch.marker() {
            Ok(Some(marker)) => Content::Marker {
                committed: marker.committed,
            },
            _ if batch.is_control() => Content::Control,
            _ => Content::Records {
                sequences: (sequences.0 >= 0).then_some(sequences),
                transactional: batch.is_transactional(),
            },
        };
        (batch.producer_id() >= 0).then(|| Claim {
            producer_id: batch.producer_id(),
            epoch: batch.producer_epoch(),
            content: content(),
        })
    }
}

/// Where a batch was put, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    /// By the log's clock; after a restart, when the batch was read.
    pub(crate) ms: i64,
}

/// A producer as a partition remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownProducer {
    /// Its id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// The sequence of its last record; `None` where that had none, or only markers are left.
    pub last_sequence: Option<i32>,
    /// When it last wrote, by the log's clock, in milliseconds since 1970.
    pub last_ms: i64,
    /// Where its open transaction begins.
    pub transaction_start: Option<i64>,
}

/// The derived state of one partition.
#[derive(Debug, Clone)]
pub(crate) struct Derived {
    producers: Producers,
    pub(crate) transactions: Transactions,
}

impl Derived {
    /// Of an empty log. At most `producers_max` producers are remembered, and as many transactions may be open.
    pub(crate) fn new(producers_max: usize) -> Derived {
        Derived {
            producers: Producers::new(producers_max),
            transactions: Transactions::new(producers_max),
        }
    }

    /// Whether the batch may be appended.
    pub(crate) fn check(&self, claim: &Claim) -> Result<Sequence, AppendError> {
        let sequence = self.producers.check(claim)?;
        if sequence == Sequence::Next {
            self.transactions.check(claim)?;
        }
        Ok(sequence)
    }

    /// Takes in a stored batch. What lies before `durable_end` cannot be lost any more.
    pub(crate) fn apply(&mut self, claim: &Claim, stored: Stored, durable_end: i64) {
        self.transactions.apply(claim, stored, durable_end);
        let transactions = &self.transactions;
        self.producers
            .apply(claim, stored, &|id| transactions.is_open(id));
    }

    /// What stands before `start` is not read any more.
    pub(crate) fn forget_before(&mut self, start: i64) {
        self.transactions.forget_before(start);
    }

    /// Last offsets of the batches that tell what is known of producers.
    pub(crate) fn telling(&self) -> HashSet<i64> {
        self.producers.telling()
    }

    /// Every producer, by rising id.
    pub(crate) fn known(&self) -> Vec<KnownProducer> {
        let known = |(id, producer): (i64, &producer::Producer)| KnownProducer {
            id,
            epoch: producer.epoch,
            last_sequence: producer.batches.back().map(|last| last.last_sequence),
            last_ms: producer.last_ms,
            transaction_start: self.transactions.first_offset(id),
        };
        self.producers.sorted().into_iter().map(known).collect()
    }

    /// Forgets producers that have not written for `idle_ms`, but for those with an open transaction.
    pub(crate) fn expire(&mut self, now_ms: i64, idle_ms: i64) {
        let transactions = &self.transactions;
        self.producers
            .expire(now_ms, idle_ms, &|id| transactions.is_open(id));
    }
}
