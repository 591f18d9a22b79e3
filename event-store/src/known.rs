//! What is known of one partition: the offsets of each key, the recorded times, and what nobody can read.
//!
//! Invariant: it tells of every offset before `next`, and of none behind.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::index::Scanned;
use crate::time_source::TimeSource;

/// What is known of one partition, up to `next`.
#[derive(Default)]
pub(crate) struct Known {
    /// The first offset not yet looked at.
    pub(crate) next: i64,
    /// Offsets of each key, ascending.
    keys: BTreeMap<Box<[u8]>, Vec<i64>>,
    /// The first offset of each key, ascending.
    firsts: Vec<i64>,
    /// Where the recorded time moves on: (first offset, clamped time), both strictly ascending.
    times: Vec<(i64, i64)>,
    /// The first record whose time is its producer's.
    producer_from: Option<i64>,
    /// Records looked at.
    records: u64,
    /// Records without a key, which belong to no aggregate.
    keyless: u64,
    /// First and last offset of each batch, and each damaged place, whose records could not be read.
    unreadable: Vec<(i64, i64)>,
}

impl Known {
    /// All offsets of a key.
    pub(crate) fn offsets(&self, key: &[u8]) -> Option<&[i64]> {
        self.keys.get(key).map(Vec::as_slice)
    }

    /// Keys behind `after` in the order of their bytes, with their offsets.
    pub(crate) fn keys_after(&self, after: Option<&[u8]>) -> impl Iterator<Item = (&[u8], &[i64])> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.keys.range::<[u8], _>((from, Bound::Unbounded));
        range.map(|(key, offsets)| (&**key, offsets.as_slice()))
    }

    /// How many keys have records up to an offset.
    pub(crate) fn begun(&self, last: i64) -> u64 {
        self.firsts.partition_point(|first| *first <= last) as u64
    }

    pub(crate) fn key_count(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn record_count(&self) -> u64 {
        self.records
    }

    pub(crate) fn keyless_count(&self) -> u64 {
        self.keyless
    }

    /// Batches and damaged places nobody can read whose first offset is within a cut.
    pub(crate) fn unreadable(&self, last: i64) -> &[(i64, i64)] {
        &self.unreadable[..self.unreadable.partition_point(|(first, _)| *first <= last)]
    }

    /// Whose clock the times up to an offset are by: a time shown for a record rests on those before it, too, because
    /// times never run backwards.
    pub(crate) fn time(&self, last: i64) -> TimeSource {
        match self.producer_from {
            Some(first) if first <= last => TimeSource::Producer,
            _ => TimeSource::Append,
        }
    }

    /// When the record at this offset was recorded.
    pub(crate) fn recorded_ms(&self, offset: i64) -> i64 {
        let after = self.times.partition_point(|(first, _)| *first <= offset);
        after
            .checked_sub(1)
            .and_then(|place| self.times.get(place))
            .map_or(0, |(_, ms)| *ms)
    }

    /// The last offset recorded at or before this time; -1 when there is none.
    pub(crate) fn last_at(&self, time_ms: i64) -> i64 {
        let after = self.times.partition_point(|(_, ms)| *ms <= time_ms);
        match self.times.get(after) {
            Some((first_later, _)) if after > 0 => first_later - 1,
            Some(_) => -1,
            None => self.next - 1,
        }
    }

    /// Goes on at `end`: nobody can read what stands before it.
    pub(crate) fn pass_over(&mut self, end: i64) {
        self.unreadable.push((self.next, end - 1));
        self.next = end;
    }

    pub(crate) fn add(&mut self, scanned: Scanned) {
        self.next = scanned.next;
        self.unreadable.extend(scanned.unreadable);
        for (offset, timestamp_ms, key) in scanned.records {
            self.records += 1;
            if scanned.time == TimeSource::Producer {
                self.producer_from.get_or_insert(offset);
            }
            if self.times.last().is_none_or(|(_, ms)| *ms < timestamp_ms) {
                self.times.push((offset, timestamp_ms));
            }
            match key {
                None => self.keyless += 1,
                Some(key) => match self.keys.get_mut(&*key) {
                    Some(offsets) => offsets.push(offset),
                    None => {
                        self.keys.insert(Box::from(&*key), vec![offset]);
                        self.firsts.push(offset);
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Times of consecutive records, as `take` would keep them.
    fn known(timestamps: &[i64]) -> Known {
        let mut known = Known::default();
        for (offset, ms) in (0..).zip(timestamps) {
            if known.times.last().is_none_or(|(_, last)| last < ms) {
                known.times.push((offset, *ms));
            }
            known.next = offset + 1;
        }
        known
    }

    #[test]
    fn times_never_run_backwards() {
        let known = known(&[100, 90, 200, 150, 150, 300]);
        let recorded: Vec<i64> = (0..6).map(|offset| known.recorded_ms(offset)).collect();
        assert_eq!(recorded, [100, 100, 200, 200, 200, 300]);
        for (time, last) in [
            (99, -1),
            (100, 1),
            (150, 1),
            (199, 1),
            (200, 4),
            (299, 4),
            (300, 5),
            (i64::MAX, 5),
        ] {
            assert_eq!(known.last_at(time), last, "{time}");
        }
        assert_eq!(Known::default().last_at(i64::MAX), -1);
    }

    proptest! {
        #[test]
        fn a_time_selects_exactly_the_records_up_to_it(times in proptest::collection::vec(-20i64..20, 0..40), at in -25i64..25) {
            let known = known(&times);
            let mut clamped = i64::MIN;
            let expected = times.iter().map(|ms| { clamped = clamped.max(*ms); clamped }).filter(|ms| *ms <= at).count();
            prop_assert_eq!(known.last_at(at), i64::try_from(expected).unwrap() - 1);
        }
    }
}
