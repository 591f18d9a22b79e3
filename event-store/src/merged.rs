//! The order of an aggregate's events that are in several topics.
//!
//! Each partition's own order is kept. Across partitions an event comes before another when it was recorded earlier, by its record's
//! own time, which counts as no earlier than that of any event of the aggregate before it in its partition; so clocks of producers
//! that go back change nothing, and neither do records of others, which may be deleted. A record that cannot be read counts as
//! recorded with the one before it. Of events that were recorded at the same time those of the topic that the fold names first come first, then
//! those of the lower partition, then those of the lower offset.
//!
//! Invariant: the order within a cut is the restriction of the order within any larger cut, because an event's place rests on
//! what is before it in its partition alone. Revisions count within a cut, so a larger cut may put an event between two that
//! followed each other. How events are read in this order is the affair of `lanes.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use annals_kafka_wire::batch::Record;
use serde::{Deserialize, Serialize};

use crate::aggregates::Aggregate;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::Spot;
use crate::index::{PartitionIndex, TopicIndex};
use crate::reconstruct::OffsetRange;
use crate::source::Cursor;
use crate::store::EventStore;
use crate::work::Work;

/// Topics that one fold may name; each is asked for every aggregate.
pub const TOPICS_MAX: usize = 16;
/// Keys that are counted in one step.
const KEYS_AT_ONCE: usize = 4_096;

/// The log that an event is in, where the fold is of several topics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct LogName {
    /// Its topic.
    pub topic: String,
    /// The partition of the topic.
    pub partition: u32,
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A log that an answer rests on, where the fold is of several topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct LogUsed {
    /// Its topic.
    pub topic: String,
    /// The id of the topic, where its broker gives one: a topic that is deleted and created again has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub topic_id: Option<String>,
    /// The partition of the topic.
    pub partition: u32,
    /// The field of its events that says which aggregate each is of; absent where their keys do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How many of the aggregate's events within the cut are in it.
    pub events: u64,
    /// Runs of offsets of those that made the state, 64 at most; none where the answer is no state.
    pub ranges: Vec<OffsetRange>,
    /// Records of it within the cut that nobody can read; they may belong to this aggregate.
    pub unreadable: Vec<OffsetRange>,
    /// Where it begins; above 0, older events have been removed.
    pub log_start_offset: i64,
}

impl TopicIndex {
    /// The lowest keys behind `after` that have records within a cut, in whatever partition.
    pub(crate) fn keys_after(
        &self,
        after: Option<&[u8]>,
        cut: &Cut,
        max: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut keys = BTreeSet::new();
        for partition in &self.partitions {
            let found = partition.keys_after(after, (-1, partition.last(cut)), max)?;
            keys.extend(found.into_iter().map(<[u8]>::into_vec));
        }
        Ok(keys.into_iter().take(max).collect())
    }

    /// The log of an event.
    pub(crate) fn log_of(&self, spot: &Spot) -> Option<&PartitionIndex> {
        self.partitions.get(spot.place).map(|log| &**log)
    }
}

impl Aggregate {
    /// How many aggregates have begun at a cut.
    pub(crate) fn total(&self, cut: &Cut, work: &Work) -> Result<u64, StoreError> {
        if self.index.is_merged() {
            return self.total_of_several(cut, work);
        }
        let partitions = self.index.partitions.iter();
        partitions
            .map(|partition| partition.begun(partition.last(cut), work))
            .sum()
    }

    /// The same of several topics, whose keys are put together; that is kept for the further pages of a walk.
    fn total_of_several(&self, cut: &Cut, work: &Work) -> Result<u64, StoreError> {
        let counted = || {
            let counted = self.index.total.lock();
            counted.unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        if let Some((_, total)) = counted().as_ref().filter(|(of, _)| of == cut) {
            return Ok(*total);
        }
        let removals = self.removals();
        let (mut total, mut after) = (0, None);
        loop {
            work.go_on()?;
            let keys = self.index.keys_after(after.as_deref(), cut, KEYS_AT_ONCE)?;
            total += keys.len() as u64;
            match keys.into_iter().next_back() {
                None => break,
                last => after = last,
            }
        }
        self.still(&removals)?;
        *counted() = Some((cut.clone(), total));
        Ok(total)
    }
}

/// Reads an aggregate's events, each from its log.
pub(crate) struct Reader<'a>(Vec<(usize, Cursor<'a>)>);

impl<'a> Reader<'a> {
    /// Of some of a key's events, in their order.
    pub(crate) fn new(
        store: &'a EventStore,
        index: &'a TopicIndex,
        key: &[u8],
        spots: &[Spot],
    ) -> Reader<'a> {
        let mut offsets: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        for spot in spots {
            offsets.entry(spot.place).or_default().push(spot.offset);
        }
        let cursors = offsets.into_iter().filter_map(|(place, offsets)| {
            let log = index.partitions.get(place)?;
            Some((place, Cursor::of_key(store, log, key, &offsets)))
        });
        Reader(cursors.collect())
    }

    /// The record of an event, or a sentence why it cannot be read.
    ///
    /// # Errors
    /// The question has come to its end.
    pub(crate) fn record(&mut self, spot: &Spot) -> Result<Result<&Record, String>, StoreError> {
        match self.0.iter_mut().find(|(place, _)| *place == spot.place) {
            Some((_, cursor)) => cursor.record(spot.offset),
            None => Ok(Err(format!("no log has the record at offset {}", spot.offset))),
        }
    }
}
