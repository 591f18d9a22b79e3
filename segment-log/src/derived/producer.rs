//! What each producer has written, so that a batch sent twice is stored once and a lost one is noticed.
//!
//! The rules are Kafka's (KIP-98, KIP-360), for a batch with a producer id:
//!
//! | the log knows | the batch | answer |
//! |---|---|---|
//! | nothing | any sequence | accepted; the state may have been dropped |
//! | a higher epoch | | `InvalidProducerEpoch` |
//! | a lower epoch | sequence 0 / other | accepted / `OutOfOrderSequence` |
//! | the same epoch | first and last sequence of one of the last five batches | a duplicate, with its original offsets |
//! | the same epoch | the next sequence / other | accepted / `OutOfOrderSequence` |
//!
//! Sequences run from 0 to `i32::MAX` and then from 0 again. Control batches carry no sequence, nor does what a coordinator
//! writes for a producer: only their epoch counts.
//!
//! Invariant: [`Producers::check`] changes nothing; [`Producers::apply`] is called for stored batches only. The state
//! is a function of the log (but for time-outs), and the number of producers is bounded: the ones that wrote longest
//! ago are forgotten first, those with an open transaction never.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Claim, Content, Stored};
use crate::error::AppendError;

#[cfg(test)]
mod tests;

/// Batches remembered per producer: as many as a Java client has in flight at most (Kafka's figure).
pub(crate) const BATCHES_MAX: usize = 5;

/// Of a full table, this part is forgotten at once, so that the search for the oldest is paid rarely.
const EVICTED_PART: usize = 8;

/// Whether a batch is new to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// It is the next one (or carries no producer id).
    Next,
    /// It is stored already.
    Duplicate {
        /// Its first offset.
        base_offset: i64,
        /// Its last offset.
        last_offset: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) first_sequence: i32,
    pub(super) last_sequence: i32,
    pub(super) base_offset: i64,
    pub(super) last_offset: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) epoch: i16,
    /// When it last wrote, by the log's clock; after a restart, when its last batch was read. What the batch is stamped
    /// with is the producer's affair: a backfill's records are years old.
    pub(super) last_ms: i64,
    /// Its last record, or marker.
    pub(super) last_offset: i64,
    /// Oldest first, at most [`BATCHES_MAX`], all of the current epoch.
    pub(super) batches: VecDeque<Written>,
}

impl Producer {
    fn next_sequence(&self) -> i32 {
        self.batches
            .back()
            .map_or(0, |last| last.last_sequence.wrapping_add(1) & i32::MAX)
    }
}

/// All producers of one partition.
#[derive(Debug, Clone)]
pub(crate) struct Producers {
    known: HashMap<i64, Producer>,
    max: usize,
}

impl Producers {
    /// Nobody yet; at most `max` (at least one) are remembered.
    pub(crate) fn new(max: usize) -> Producers {
        Producers {
            known: HashMap::new(),
            max: max.max(1),
        }
    }

    /// Whether the batch may be appended.
    pub(crate) fn check(&self, claim: &Claim) -> Result<Sequence, AppendError> {
        let producer_id = claim.producer_id;
        let known = self.known.get(&producer_id);
        if let Some(known) = known.filter(|known| claim.epoch < known.epoch) {
            return Err(AppendError::InvalidProducerEpoch {
                producer_id,
                current: known.epoch,
                found: claim.epoch,
            });
        }
        let Content::Records {
            sequences: Some((first, last)),
            ..
        } = claim.content
        else {
            return Ok(Sequence::Next);
        };
        let expected = match known {
            None => first,
            Some(known) if claim.epoch > known.epoch => 0,
            Some(known) => {
                let again = |seen: &&Written| (seen.first_sequence, seen.last_sequence) == (first, last);
                if let Some(seen) = known.batches.iter().find(again) {
                    let (base_offset, last_offset) = (seen.base_offset, seen.last_offset);
                    return Ok(Sequence::Duplicate {
                        base_offset,
                        last_offset,
                    });
                }
                known.next_sequence()
            }
        };
        if first != expected {
            return Err(AppendError::OutOfOrderSequence {
                producer_id,
                expected,
                found: first,
            });
        }
        Ok(Sequence::Next)
    }

    /// Takes in a stored batch. `kept` tells which producers are not forgotten although the table is full.
    pub(super) fn apply(&mut self, claim: &Claim, stored: Stored, kept: &dyn Fn(i64) -> bool) {
        let Stored {
            base_offset,
            last_offset,
            ms,
        } = stored;
        if !self.known.contains_key(&claim.producer_id) && self.known.len() >= self.max {
            self.evict(kept);
        }
        let fresh = Producer {
            epoch: claim.epoch,
            last_ms: ms,
            last_offset,
            batches: VecDeque::new(),
        };
        let producer = self.known.entry(claim.producer_id).or_insert(fresh);
        if producer.epoch != claim.epoch {
            producer.batches.clear();
        }
        producer.epoch = claim.epoch;
        producer.last_ms = ms;
        producer.last_offset = last_offset;
        if let Content::Records {
            sequences: Some((first_sequence, last_sequence)),
            ..
        } = claim.content
        {
            if producer.batches.len() == BATCHES_MAX {
                producer.batches.pop_front();
            }
            producer.batches.push_back(Written {
                first_sequence,
                last_sequence,
                base_offset,
                last_offset,
            });
        }
    }

    /// Last offsets of the batches that tell what is known.
    pub(super) fn telling(&self) -> HashSet<i64> {
        let of_each = |producer: &Producer| {
            let last_offsets = producer.batches.iter().map(|batch| batch.last_offset);
            last_offsets.chain([producer.last_offset]).collect::<Vec<_>>()
        };
        self.known.values().flat_map(of_each).collect()
    }

    /// As a snapshot has it.
    pub(super) fn insert(&mut self, producer_id: i64, producer: Producer) {
        self.known.insert(producer_id, producer);
    }

    /// As few as may be, but for those that are `kept`: after a snapshot was read that may have been written by a log
    /// that remembered more.
    pub(super) fn shrink(&mut self, kept: &dyn Fn(i64) -> bool) {
        let mut before = usize::MAX;
        while self.known.len() > self.max && self.known.len() < before {
            before = self.known.len();
            self.evict(kept);
        }
    }

    /// All of them, by rising id.
    pub(super) fn sorted(&self) -> Vec<(i64, &Producer)> {
        let mut sorted: Vec<_> = self.known.iter().map(|(id, producer)| (*id, producer)).collect();
        sorted.sort_unstable_by_key(|(id, _)| *id);
        sorted
    }

    /// Forgets who has not written for `idle_ms` and is not `kept`.
    pub(super) fn expire(&mut self, now_ms: i64, idle_ms: i64, kept: &dyn Fn(i64) -> bool) {
        self.known
            .retain(|id, producer| now_ms.saturating_sub(producer.last_ms) <= idle_ms || kept(*id));
    }

    fn evict(&mut self, kept: &dyn Fn(i64) -> bool) {
        let mut last_offsets: Vec<i64> = self.known.values().map(|producer| producer.last_offset).collect();
        let place = (last_offsets.len() / EVICTED_PART).min(last_offsets.len().saturating_sub(1));
        let (_, limit, _) = last_offsets.select_nth_unstable(place);
        let limit = *limit;
        self.known
            .retain(|id, producer| producer.last_offset > limit || kept(*id));
    }
}
