//! The offsets of one group.
//!
//! Invariant: of two commits for one place the one that stands later in the log counts, whichever was durable first.
//! What belongs to a transaction waits for its marker, and is then as if it had been committed where it stands.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::transaction::Place;

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    /// Of the topic that had the name then: another of this name begins anew. Nil where that was not written down.
    pub(crate) topic_id: Uuid,
    /// The offset of the next record to read.
    pub(crate) offset: i64,
    /// The leader epoch of the last record read, -1 for none.
    pub(crate) leader_epoch: i32,
    /// What the client wants to remember beside it.
    pub(crate) metadata: String,
    /// When it was committed, by the wall clock.
    pub(crate) commit_ms: i64,
}

/// By topic and partition.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    /// With the offset of each one's record in the log; a place that was forgotten keeps that alone.
    by_place: BTreeMap<Place, (i64, Option<Committed>)>,
    /// Commits that are not durable yet.
    expected: usize,
    /// By producer: what its open transaction would commit, with the offsets of the records.
    waiting: BTreeMap<i64, BTreeMap<Place, (Committed, i64)>>,
}

impl Offsets {
    /// Whether there are none, and none is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.expected == 0
            && self.waiting.is_empty()
            && self.by_place.values().all(|(_, committed)| committed.is_none())
    }

    /// A commit was written;
    pub(super) fn expect(&mut self) {
        self.expected += 1;
    }

    /// and has become durable, or never will.
    pub(super) fn settle(&mut self) {
        self.expected = self.expected.saturating_sub(1);
        if self.expected == 0 && self.waiting.is_empty() {
            // What was forgotten is remembered only while something older may still come to count.
            self.by_place.retain(|_, (_, committed)| committed.is_some());
        }
    }

    /// What counts from this place in the log on; nothing, if it was forgotten.
    pub(super) fn put(&mut self, place: Place, committed: Option<Committed>, log_offset: i64) {
        let known = self.by_place.get(&place);
        if known.is_none_or(|(before, _)| *before < log_offset) {
            self.by_place.insert(place, (log_offset, committed));
        }
    }

    /// Forgets what the log has of a place up to its end here, which no record says.
    pub(super) fn forget_before(&mut self, place: Place, end: i64) {
        self.by_place.insert(place, (end.saturating_sub(1), None));
    }

    /// What a transaction commits if it is committed.
    pub(super) fn wait_for_marker(
        &mut self,
        producer_id: i64,
        place: Place,
        committed: Committed,
        log_offset: i64,
    ) {
        let waiting = self.waiting.entry(producer_id).or_default();
        waiting.insert(place, (committed, log_offset));
    }

    /// The transaction has ended.
    pub(super) fn end(&mut self, producer_id: i64, is_committed: bool) {
        for (place, (committed, log_offset)) in self.waiting.remove(&producer_id).unwrap_or_default() {
            if is_committed {
                self.put(place, Some(committed), log_offset);
            }
        }
    }

    /// Whether a transaction may still change what was committed for a partition.
    pub(crate) fn is_unstable(&self, topic: &str, partition: i32) -> bool {
        let place = (topic.to_owned(), partition);
        self.waiting.values().any(|places| places.contains_key(&place))
    }

    /// Whether a transaction may still commit offsets.
    pub(super) fn is_in_transaction(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What was committed for a partition.
    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&Committed> {
        let (_, committed) = self.by_place.get(&(topic.to_owned(), partition))?;
        committed.as_ref()
    }

    /// Places whose offset was committed, or is `kept` since, for so long that it is forgotten; those that nobody
    /// `wants` alone, and that no transaction may still change.
    pub(super) fn expired(
        &self,
        now_ms: i64,
        retention_ms: i64,
        kept_since_ms: Option<i64>,
        wants: impl Fn(&str) -> bool,
    ) -> Vec<Place> {
        let is_old = |committed: &Committed| {
            let since_ms =
                kept_since_ms.map_or(committed.commit_ms, |kept_ms| kept_ms.max(committed.commit_ms));
            now_ms.saturating_sub(since_ms) >= retention_ms
        };
        let old = self
            .by_place
            .iter()
            .filter(|((topic, partition), (_, committed))| {
                committed.as_ref().is_some_and(is_old)
                    && !wants(topic)
                    && !self.is_unstable(topic, *partition)
            });
        old.map(|(place, _)| place.clone()).collect()
    }

    /// Lets go of what transactions may still commit and `is_gone`; the places of all that was committed and is, to be
    /// forgotten.
    pub(super) fn let_go(&mut self, is_gone: impl Fn(&Place, &Committed) -> bool) -> BTreeSet<Place> {
        let known = self.by_place.iter();
        let known = known.filter_map(|(place, (_, committed))| Some((place, committed.as_ref()?)));
        let known = known.filter(|(place, committed)| is_gone(place, committed));
        let gone = known.map(|(place, _)| place.clone()).collect();
        for places in self.waiting.values_mut() {
            // What was committed there since may be of a topic of the same name.
            places.retain(|place, (committed, _)| !is_gone(place, committed));
        }
        gone
    }

    /// All offsets, by topic and partition.
    pub(crate) fn all(&self) -> impl Iterator<Item = (String, i32, i64)> + '_ {
        self.by_place
            .iter()
            .filter_map(|((topic, partition), (_, committed))| {
                Some((topic.clone(), *partition, committed.as_ref()?.offset))
            })
    }

    /// All places with an offset, by topic and partition.
    pub(crate) fn places(&self) -> Vec<Place> {
        let known = self
            .by_place
            .iter()
            .filter(|(_, (_, committed))| committed.is_some());
        known.map(|(place, _)| place.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(offset: i64) -> Committed {
        Committed {
            topic_id: Uuid::nil(),
            offset,
            leader_epoch: -1,
            metadata: String::new(),
            commit_ms: 0,
        }
    }

    fn place() -> Place {
        ("t".to_owned(), 0)
    }

    fn offset(offsets: &Offsets) -> Option<i64> {
        offsets.get("t", 0).map(|committed| committed.offset)
    }

    #[test]
    fn what_stands_later_in_the_log_counts() {
        let mut offsets = Offsets::default();
        for _ in 0..4 {
            offsets.expect();
        }
        offsets.put(place(), Some(committed(20)), 2);
        offsets.put(place(), Some(committed(10)), 1);
        assert_eq!(offset(&offsets), Some(20));
        offsets.put(place(), None, 4);
        offsets.put(place(), Some(committed(30)), 3);
        assert_eq!((offset(&offsets), offsets.places().len()), (None, 0));
        assert!(!offsets.is_empty());
        for _ in 0..4 {
            offsets.settle();
        }
        assert!(offsets.is_empty());
    }

    #[test]
    fn what_is_forgotten_without_a_record_is_so_up_to_the_end_of_the_log() {
        let mut offsets = Offsets::default();
        offsets.expect();
        offsets.expect();
        offsets.put(place(), Some(committed(10)), 6);
        offsets.forget_before(place(), 7);
        assert_eq!(offset(&offsets), None);
        // Of those on their way one was written before, and one behind.
        offsets.put(place(), Some(committed(20)), 5);
        assert_eq!(offset(&offsets), None);
        offsets.put(place(), Some(committed(30)), 7);
        assert_eq!(offset(&offsets), Some(30));
    }

    #[test]
    fn a_transactions_offsets_wait_for_its_marker() {
        let mut offsets = Offsets::default();
        offsets.put(place(), Some(committed(1)), 1);
        offsets.wait_for_marker(7, place(), committed(5), 2);
        offsets.wait_for_marker(8, place(), committed(6), 3);
        assert_eq!(
            (
                offset(&offsets),
                offsets.is_unstable("t", 0),
                offsets.is_unstable("t", 1)
            ),
            (Some(1), true, false)
        );
        offsets.end(8, false);
        offsets.end(7, true);
        assert_eq!((offset(&offsets), offsets.is_unstable("t", 0)), (Some(5), false));
        // What was committed behind it stays.
        offsets.wait_for_marker(7, place(), committed(2), 4);
        offsets.put(place(), Some(committed(9)), 5);
        offsets.end(7, true);
        assert_eq!(offset(&offsets), Some(9));
    }
}
