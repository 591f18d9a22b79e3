//! The state of one aggregate at a point, and everything the answer rests on.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::at::AsOf;
use crate::canonical;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{FoldUsed, Folding, Halted, SchemaUsed, Spot, UnknownEvent};
use crate::locate::Located;
use crate::store::EventStore;
use crate::time_source::TimeSource;

/// Runs of applied offsets shown in an answer.
const RANGES_SHOWN_MAX: usize = 64;

/// An aggregate's state at a cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Reconstruction {
    /// The aggregate's name.
    pub aggregate: String,
    /// Its id.
    pub id: String,
    /// The state in canonical JSON; null when there is none.
    #[cfg_attr(feature = "http", schema(value_type = Object))]
    pub state: Value,
    /// The last event that is part of the state, counted from 0 among the aggregate's own.
    pub revision: Option<u64>,
    /// When that event was recorded.
    pub recorded: Option<String>,
    /// The point the question was taken for; a time in whatever form is told as its instant.
    #[cfg_attr(feature = "http", schema(example = "2026-03-04T23:59:59.999Z"))]
    pub at: String,
    /// That point as a cut: asking for it again gives the same answer for ever, with the cut for `at`.
    #[cfg_attr(feature = "http", schema(value_type = String, example = "0=12,1=40"))]
    pub cut: Cut,
    /// Whose clock recorded times are by, for all records of the partition within the cut: `append` is the log's,
    /// `producer` that of whoever sent the events.
    pub time: TimeSource,
    /// The partition its events are in.
    pub partition: u32,
    /// How many of its events are within the cut.
    pub events: u64,
    /// Which events made the state.
    pub offsets_applied: OffsetsApplied,
    /// The schemas they were written with.
    pub schemas: Vec<SchemaUsed>,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// The snapshot the folding began with; null when it began with the first event.
    pub snapshot: Option<SnapshotUsed>,
    /// Where the folding stopped before the end of the cut.
    pub halted: Option<Halted>,
    /// How many events are of kinds the fold has not heard of.
    pub unknown_events: u64,
    /// The first of them.
    pub unknown: Vec<UnknownEvent>,
    /// Records of the partition within the cut that nobody can read; they may belong to this aggregate.
    pub unreadable: Vec<OffsetRange>,
    /// Other partitions with records of this key within the cut. Their order against these is unknown, so they are not folded.
    pub also_in_partitions: Vec<u32>,
    /// Where the partition's log begins; above 0, older events have been removed.
    pub log_start_offset: i64,
}

/// The offsets of the events that made a state: all of them by their hash, the first ones by name. One by one they stand
/// in the history at the same cut, which comes in pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct OffsetsApplied {
    /// How many.
    pub count: u64,
    /// The first; null when there is none.
    pub first: Option<i64>,
    /// The last.
    pub last: Option<i64>,
    /// Runs of offsets that follow each other, 64 at most. There are further ones when these hold fewer than `count`.
    pub ranges: Vec<OffsetRange>,
    /// SHA-256, in hexadecimal, of the text that has each offset on a line of its own, in rising order.
    pub sha256: String,
}

impl OffsetsApplied {
    fn of(applied: &[Spot]) -> OffsetsApplied {
        let offsets = || applied.iter().map(|spot| spot.offset);
        let mut hash = Sha256::new();
        for offset in offsets() {
            hash.update(format!("{offset}\n"));
        }
        let runs = applied.chunk_by(|one, next| one.offset.checked_add(1) == Some(next.offset));
        let ranges = runs.take(RANGES_SHOWN_MAX).filter_map(|run| {
            Some(OffsetRange {
                first: run.first()?.offset,
                last: run.last()?.offset,
            })
        });
        OffsetsApplied {
            count: applied.len() as u64,
            first: offsets().next(),
            last: offsets().next_back(),
            ranges: ranges.collect(),
            sha256: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// A snapshot an answer began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct SnapshotUsed {
    /// The last offset it includes.
    pub offset: i64,
}

/// A range of offsets, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct OffsetRange {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

impl EventStore {
    /// The state of one aggregate at a point.
    pub fn reconstruct(&self, name: &str, id: &str, at: &AsOf) -> Result<Reconstruction, StoreError> {
        let aggregate = self.aggregate(name)?;
        let located = aggregate.locate(id, &[at], &self.work)?;
        let (cut, within) = located.begun(at)?;
        let (folding, state) = self.fold(&located, within)?;
        Ok(Reconstruction {
            at: at.to_string(),
            state,
            revision: folding.last.map(|spot| spot.revision),
            recorded: folding.last.map(|spot| canonical::time_text(spot.recorded_ms)),
            time: located.time(&cut)?,
            partition: located.partition.number,
            events: within as u64,
            offsets_applied: OffsetsApplied::of(&folding.applied),
            schemas: folding
                .schemas
                .iter()
                .map(|id| aggregate.fold.schema(*id))
                .collect(),
            fold: FoldUsed::from(aggregate.fold.id()),
            snapshot: None,
            halted: folding.halted,
            unknown_events: folding.unknown.events,
            unknown: folding.unknown.first,
            unreadable: located.unreadable(&cut)?,
            log_start_offset: located.partition.log.log_start_offset(),
            also_in_partitions: located.also_in(&cut),
            aggregate: aggregate.name().to_owned(),
            id: located.id,
            cut,
        })
    }

    /// Folds an aggregate's first so many events, and shows the state.
    fn fold<'a>(
        &'a self,
        located: &'a Located<'_>,
        events: usize,
    ) -> Result<(Folding<'a>, Value), StoreError> {
        let mut folding = Folding::new(self, located.aggregate, located.partition, &located.key);
        folding.run(&located.spots(0..events)?)?;
        let state = folding.view();
        if folding.halted.is_none() {
            self.shared.unhalted.remember(located, events);
        }
        Ok((folding, state))
    }

    /// Where the folding of an aggregate's first so many events stops, if it does.
    pub(crate) fn halted(&self, located: &Located<'_>, events: usize) -> Result<Option<Halted>, StoreError> {
        if self.shared.unhalted.knows(located, events) {
            return Ok(None);
        }
        let (folding, _) = self.fold(located, events)?;
        Ok(folding.halted)
    }
}
