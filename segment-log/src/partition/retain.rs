//! Retention: which of the oldest segments have been kept for long enough.
//!
//! As with Kafka, a segment is as old as its newest record, and whole segments go. The active one goes too when
//! everything before it does: it is sealed first. A segment without a time in it goes with the next that has one.
//!
//! Invariant: nothing goes that is not decided, not synced, or held.

use std::io;
use std::sync::atomic::Ordering;

use super::{Partition, Retention};
use crate::disk::is_failed_sync;
use crate::mutex::{lock, read};

/// A segment as retention sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    end: i64,
    size: u64,
    max_timestamp: i64,
}

/// How many of the segments, oldest first, need not be kept.
fn expired(segments: &[Kept], retention: Retention, now_ms: i64) -> usize {
    let by_time = retention.ms.map_or(0, |ms| {
        let is_fresh =
            |kept: &Kept| kept.max_timestamp >= 0 && now_ms.saturating_sub(kept.max_timestamp) <= ms;
        let old = segments.iter().take_while(|kept| !is_fresh(kept)).count();
        let dated = segments
            .iter()
            .take(old)
            .rposition(|kept| kept.max_timestamp >= 0);
        dated.map_or(0, |last| last + 1)
    });
    let by_size = retention.bytes.map_or(0, |bytes| {
        let mut surplus = segments
            .iter()
            .map(|kept| kept.size)
            .sum::<u64>()
            .saturating_sub(bytes);
        let goes = |kept: &&Kept| {
            let goes = surplus > 0 && kept.size <= surplus;
            surplus = surplus.saturating_sub(kept.size);
            goes
        };
        segments.iter().take_while(goes).count()
    });
    by_time.max(by_size)
}

impl Partition {
    /// Whether records may be thrown away at all.
    pub(super) fn may_forget(&self) -> bool {
        self.takes_records() && !self.config().is_held && self.shared.ready().is_ok()
    }

    /// Moves the log start past the segments that have been kept for long enough.
    pub(super) fn retain(&self, now_ms: i64) -> io::Result<()> {
        let retention = self.config().retention;
        if retention == Retention::default() {
            return Ok(());
        }
        let segments = self.kept();
        let gone = expired(&segments, retention, now_ms);
        let all = gone == segments.len() && segments.last().is_some_and(|active| active.size > 0);
        // On a full disk the others go all the same.
        let sealed = if all { self.seal(now_ms) } else { Ok(()) };
        let bound = self.settled_end();
        let gone = segments.iter().take(gone).take_while(|kept| kept.end <= bound);
        let Some(start) = gone.last().map(|last| last.end) else {
            return sealed;
        };
        if start > self.log_start_offset() && self.start_at(start)? {
            tracing::info!(partition = %self.path, before = start, "records were kept for long enough, and go");
        }
        sealed
    }

    /// Up to where everything is decided and on disk.
    pub(super) fn settled_end(&self) -> i64 {
        let synced = self.synced.load(Ordering::Acquire);
        self.last_stable_offset().min(synced)
    }

    fn kept(&self) -> Vec<Kept> {
        let segments = read(&self.segments);
        let sealed = segments.sealed.iter().map(|sealed| Kept {
            end: sealed.end,
            size: sealed.size,
            max_timestamp: sealed.max_timestamp,
        });
        let active = &segments.active.index;
        let active = Kept {
            end: active.end,
            size: active.size,
            max_timestamp: active.max_timestamp,
        };
        sealed.chain([active]).collect()
    }

    /// Begins a new segment, so that the one written last can be compacted or go.
    pub(crate) fn seal(&self, now_ms: i64) -> io::Result<()> {
        let mut writer = lock(&self.writer);
        if writer.removed || self.shared.ready().is_err() {
            return Ok(());
        }
        self.seal_active(now_ms, &mut writer)?;
        drop(writer);
        // Settled at once, not when somebody appends again.
        self.commit(false)
    }

    /// Whether the active segment has been written to for longer than it may, or is all before the log start.
    fn is_due(&self, now_ms: i64) -> bool {
        let begun_ms = lock(&self.writer).begun_ms;
        let segments = read(&self.segments);
        let active = &segments.active.index;
        let config = self.config();
        // What waits to be compacted has to be sealed for it.
        let bounds = [
            config.segment_ms_max,
            config.compaction.and_then(|how| how.max_lag_ms),
        ];
        let bound = bounds.into_iter().flatten().min();
        let old = bound.is_some_and(|ms| now_ms.saturating_sub(begun_ms) > ms);
        active.size > 0 && (old || active.end <= self.log_start_offset())
    }

    /// What is due of the partition's upkeep, but for compaction. What gives room comes first, and is done whatever else
    /// fails on a full disk; the first that failed is told.
    pub(crate) fn maintain(&self, now_ms: i64) -> io::Result<()> {
        self.keys.forget_idle(self.shared.now());
        self.copies.forget_idle(self.shared.now());
        if !self.may_forget() {
            return Ok(());
        }
        let seal_due = || match self.is_due(now_ms) {
            true => self.seal(now_ms),
            false => Ok(()),
        };
        let steps: [&dyn Fn() -> io::Result<()>; 5] = [
            &|| self.free(),
            &|| self.finish_swaps(),
            &seal_due,
            &|| self.retain(now_ms),
            &|| self.free(),
        ];
        let mut told = Ok(());
        for step in steps {
            let done = step();
            if done.as_ref().is_err_and(is_failed_sync) {
                return done;
            }
            told = told.and(done);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_that_go() {
        /// Sizes and newest timestamps of segments; how many of them go at 1,000 ms.
        fn check(segments: &[(u64, i64)], ms: Option<i64>, bytes: Option<u64>, gone: usize) {
            let kept: Vec<Kept> = segments
                .iter()
                .map(|(size, max_timestamp)| Kept {
                    end: 0,
                    size: *size,
                    max_timestamp: *max_timestamp,
                })
                .collect();
            let retention = Retention { ms, bytes };
            assert_eq!(
                expired(&kept, retention, 1_000),
                gone,
                "{segments:?} {retention:?}"
            );
        }
        let four = [(10, 100), (10, 300), (10, 200), (10, 900)];
        check(&four, None, None, 0);
        check(&four, Some(1_000), None, 0);
        check(&four, Some(900), None, 0);
        check(&four, Some(899), None, 1);
        check(&four, Some(700), None, 1);
        check(&four, Some(699), None, 3);
        check(&four, Some(99), None, 4);
        check(&four, None, Some(40), 0);
        check(&four, None, Some(31), 0);
        check(&four, None, Some(30), 1);
        check(&four, None, Some(0), 4);
        check(&four, Some(699), Some(30), 3);
        check(&four, Some(899), Some(20), 2);
        // The newest record is what counts, whatever comes later is older.
        check(&[(10, 900), (10, 1)], Some(200), None, 0);
        // Without a time: with the next that has one.
        check(&[(10, -1), (10, 1), (10, -1)], Some(200), None, 2);
        check(&[(10, -1), (10, 900)], Some(200), None, 0);
        check(&[(10, -1)], Some(0), None, 0);
        check(&[(0, -1)], Some(0), Some(0), 0);
        check(&[(10, 100), (0, -1)], Some(0), None, 1);
    }
}
