//! What became of the events of a folding: what an answer tells of them, in a size that does not grow with them.

use annals_schema_model::SchemaId;
use sha2::{Digest, Sha256};

use crate::cut::CutLog;
use crate::folding::{Spot, Unknown};
use crate::hex::hex;
use crate::reconstruct::{OffsetRange, OffsetsApplied};

/// Runs of applied offsets shown in an answer, of each log.
pub(crate) const RANGES_SHOWN_MAX: usize = 64;

/// The account of a folding up to some event.
#[derive(Clone, Default)]
pub(crate) struct Account {
    /// How many events made the state.
    pub(crate) applied: u64,
    pub(crate) first: Option<i64>,
    pub(crate) last: Option<i64>,
    /// Runs of their offsets, the first ones.
    pub(crate) ranges: Vec<OffsetRange>,
    /// Over each of their offsets, a line each.
    pub(crate) hash: Sha256,
    /// The writer schemas of the events that were applied, in the order they were met.
    pub(crate) schemas: Vec<SchemaId>,
    pub(crate) unknown: Unknown,
}

impl Account {
    /// An event became part of the state.
    pub(crate) fn apply(&mut self, spot: Spot, schema: SchemaId) {
        let offset = spot.offset;
        let follows = self.last.and_then(|last| last.checked_add(1)) == Some(offset);
        self.count(offset, schema, &offset.to_string());
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

    /// The same of an event in one of several topics: which runs there are is told of each log.
    pub(crate) fn apply_of(&mut self, log: &CutLog, spot: Spot, schema: SchemaId) {
        self.count(spot.offset, schema, &format!("{log}={}", spot.offset));
    }

    /// Counts an event; `line` is what it is hashed as.
    fn count(&mut self, offset: i64, schema: SchemaId, line: &str) {
        self.applied += 1;
        self.first.get_or_insert(offset);
        self.last = Some(offset);
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
            last: self.last,
            ranges: self.ranges.clone(),
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
