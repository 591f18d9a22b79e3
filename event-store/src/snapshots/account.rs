//! What became of the events of a folding: what an answer tells of them, in a size that does not grow with them.

use annals_schema_model::SchemaId;
use sha2::{Digest, Sha256};

use crate::cut::CutLog;
use crate::folding::{Spot, Unknown};
use crate::hex::hex;
use crate::index::PartitionIndex;
use crate::lanes::{Rank, Reached};
use crate::reconstruct::{OffsetRange, OffsetsApplied};

/// Runs of applied offsets shown in an answer, of each log.
pub(crate) const RANGES_SHOWN_MAX: usize = 64;

/// The account of a folding up to some event.
#[derive(Clone, Default)]
pub(crate) struct Account {
    /// How many events made the state.
    pub(crate) applied: u64,
    pub(crate) first: Option<i64>,
    /// The runs of their offsets in one log; of several, each has its own, and here is the last alone.
    pub(crate) runs: Runs,
    /// Over each of their offsets, a line each.
    pub(crate) hash: Sha256,
    /// The writer schemas of the events that were applied, in the order they were met.
    pub(crate) schemas: Vec<SchemaId>,
    pub(crate) unknown: Unknown,
    /// What was fed of each log, in the order they were met, where there are several.
    pub(crate) logs: Vec<LogAccount>,
}

/// Runs of offsets.
#[derive(Clone, Default)]
pub(crate) struct Runs {
    /// The first of them.
    pub(crate) ranges: Vec<OffsetRange>,
    /// The last offset.
    pub(crate) last: Option<i64>,
}

impl Runs {
    fn add(&mut self, offset: i64) {
        let follows = self.last.and_then(|last| last.checked_add(1)) == Some(offset);
        self.last = Some(offset);
        let run = self.ranges.last_mut();
        if let Some(run) = run.filter(|run| run.last.checked_add(1) == Some(offset)) {
            run.last = offset;
        } else if !follows && self.ranges.len() < RANGES_SHOWN_MAX {
            self.ranges.push(OffsetRange {
                first: offset,
                last: offset,
            });
        }
    }
}

/// What was fed of one of several logs.
#[derive(Clone)]
pub(crate) struct LogAccount {
    pub(crate) log: CutLog,
    /// Where its broker gives one.
    pub(crate) topic_id: Option<String>,
    /// Its place in the index; a snapshot does not say.
    pub(crate) place: usize,
    /// The first event's offset.
    pub(crate) first: i64,
    pub(crate) reached: Reached,
    /// Of those that made the state.
    pub(crate) applied: Runs,
}

impl LogAccount {
    /// The rank of the last event.
    pub(crate) fn rank(&self) -> Option<Rank> {
        let (offset, ms) = self.reached.last?;
        Some((ms, self.place, offset))
    }
}

impl Account {
    /// An event became part of the state.
    pub(crate) fn apply(&mut self, spot: Spot, schema: SchemaId) {
        self.count(spot.offset, schema, &spot.offset.to_string());
        self.runs.add(spot.offset);
    }

    /// The same of an event in one of several topics: which runs there are is told of each log.
    pub(crate) fn apply_of(&mut self, log: &CutLog, spot: Spot, schema: SchemaId) {
        self.count(spot.offset, schema, &format!("{log}={}", spot.offset));
        self.runs.last = Some(spot.offset);
        if let Some(log) = self.logs.iter_mut().find(|log| log.place == spot.place) {
            log.applied.add(spot.offset);
        }
    }

    /// An event of one of several logs is fed; `recorded_ms` is when it was recorded, where it can be read.
    pub(crate) fn feed(&mut self, log: &PartitionIndex, spot: Spot, recorded_ms: Option<i64>) {
        let known = self.logs.iter().position(|known| known.place == spot.place);
        let at = known.unwrap_or_else(|| {
            self.logs.push(LogAccount {
                log: log.in_cut(),
                topic_id: log.topic_id.clone(),
                place: spot.place,
                first: spot.offset,
                reached: Reached::default(),
                applied: Runs::default(),
            });
            self.logs.len() - 1
        });
        if let Some(log) = self.logs.get_mut(at) {
            log.reached = log.reached.after(spot.offset, recorded_ms);
        }
    }

    /// About how many bytes it takes to keep what is told of several logs.
    pub(crate) fn logs_bytes(&self) -> usize {
        let each = self.logs.iter().map(|log| {
            let names = log.log.topic.as_ref().map_or(0, |topic| topic.len());
            let names = names + log.topic_id.as_ref().map_or(0, String::len);
            64 + names + log.applied.ranges.len() * size_of::<OffsetRange>()
        });
        each.sum()
    }

    /// The rank of the last event that was fed, where there are several logs.
    pub(crate) fn rank(&self) -> Option<Rank> {
        self.logs.iter().filter_map(LogAccount::rank).max()
    }

    /// How far the log at a place has come, where there are several.
    pub(crate) fn reached(&self, place: usize) -> Reached {
        let log = self.logs.iter().find(|log| log.place == place);
        log.map(|log| log.reached).unwrap_or_default()
    }

    /// Counts an event; `line` is what it is hashed as.
    fn count(&mut self, offset: i64, schema: SchemaId, line: &str) {
        self.applied += 1;
        self.first.get_or_insert(offset);
        self.hash.update(line);
        self.hash.update(b"\n");
        if !self.schemas.contains(&schema) {
            self.schemas.push(schema);
        }
    }

    /// What an answer tells of the offsets.
    pub(crate) fn offsets(&self) -> OffsetsApplied {
        let hash = self.hash.clone().finalize();
        OffsetsApplied {
            count: self.applied,
            first: self.first,
            last: self.runs.last,
            ranges: self.runs.ranges.clone(),
            sha256: hex(&hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The account is of all offsets, as if they were counted at the end.
        #[test]
        fn it_is_what_all_offsets_together_give(steps in proptest::collection::vec(1i64..4, 0..300)) {
            let offsets: Vec<i64> = steps.iter().scan(0, |at, step| { *at += step; Some(*at) }).collect();
            let mut account = Account::default();
            for offset in &offsets {
                let spot = Spot { offset: *offset, ..Spot::default() };
                account.apply(spot, SchemaId::new(7).unwrap());
            }
            let text: String = offsets.iter().map(|offset| format!("{offset}\n")).collect();
            let runs = offsets.chunk_by(|one, next| one + 1 == *next);
            let ranges: Vec<(i64, i64)> = runs.take(64).map(|run| (run[0], run[run.len() - 1])).collect();
            let told = account.offsets();
            prop_assert_eq!(told.sha256, hex(&Sha256::digest(text)));
            prop_assert_eq!(told.count, offsets.len() as u64);
            prop_assert_eq!((told.first, told.last), (offsets.first().copied(), offsets.last().copied()));
            let told: Vec<(i64, i64)> = told.ranges.iter().map(|run| (run.first, run.last)).collect();
            prop_assert_eq!(told, ranges);
        }
    }
}
