//! The state of one aggregate at a point, and everything the answer rests on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::at::AsOf;
use crate::canonical;
use crate::clock::TimeSource;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{FoldUsed, Folding, Halted, SchemaUsed, Spot, UnknownEvent};
use crate::index::PartitionIndex;
use crate::locate::Located;
use crate::source::Cursor;
use crate::store::EventStore;

/// Ranges of unreadable records shown in an answer.
const UNREADABLE_SHOWN_MAX: usize = 16;

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
    /// Offsets of the events that made the state.
    pub offsets_applied: Vec<i64>,
    /// The schemas they were written with.
    pub schemas: Vec<SchemaUsed>,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// The snapshot the folding began with; null when it began with the first event.
    pub snapshot: Option<SnapshotUsed>,
    /// Where the folding stopped before the end of the cut.
    pub halted: Option<Halted>,
    /// Events of kinds the fold has not heard of.
    pub unknown: Vec<UnknownEvent>,
    /// Records of the partition within the cut that nobody can read; they may belong to this aggregate.
    pub unreadable: Vec<OffsetRange>,
    /// Other partitions with records of this key within the cut. Their order against these is unknown, so they are not folded.
    pub also_in_partitions: Vec<u32>,
    /// Where the partition's log begins; above 0, older events have been removed.
    pub log_start_offset: i64,
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

/// Ranges of a partition nobody can read, up to an offset; the first few.
pub(crate) fn unreadable(partition: &PartitionIndex, last: i64) -> Vec<OffsetRange> {
    let known = partition.known();
    let ranges = known.unreadable(last).iter().take(UNREADABLE_SHOWN_MAX);
    ranges.map(|&(first, last)| OffsetRange { first, last }).collect()
}

impl EventStore {
    /// The state of one aggregate at a point.
    pub fn reconstruct(&self, name: &str, id: &str, at: &AsOf) -> Result<Reconstruction, StoreError> {
        let aggregate = self.aggregate(name)?;
        let located = aggregate.locate(id, &[at])?;
        let (cut, within) = located.begun(at)?;
        let mut folding = Folding::new(self, &aggregate, located.partition, &located.key);
        let spots = located.spots(0..within);
        self.read_spots(&located, &spots, |spot, record| folding.feed(spot, record));
        let state = folding.view();
        Ok(Reconstruction {
            at: at.to_string(),
            state,
            revision: folding.last.map(|spot| spot.revision),
            recorded: folding.last.map(|spot| canonical::time_text(spot.recorded_ms)),
            time: located.time(&cut),
            partition: located.partition.number,
            events: within as u64,
            offsets_applied: folding.applied.iter().map(|spot| spot.offset).collect(),
            schemas: folding
                .writers
                .iter()
                .map(|writer| SchemaUsed::from(&**writer))
                .collect(),
            fold: FoldUsed::from(aggregate.fold.id()),
            snapshot: None,
            halted: folding.halted,
            unknown: folding.unknown,
            unreadable: unreadable(located.partition, cut.last(located.partition.number)),
            log_start_offset: located.partition.log.log_start_offset(),
            also_in_partitions: located.also_in(&cut),
            aggregate: aggregate.name().to_owned(),
            id: located.id,
            cut,
        })
    }

    /// Reads an aggregate's records in order.
    pub(crate) fn read_spots(
        &self,
        located: &Located<'_>,
        spots: &[Spot],
        mut each: impl FnMut(Spot, Result<&annals_kafka_wire::batch::Record, String>),
    ) {
        let offsets: Vec<i64> = spots.iter().map(|spot| spot.offset).collect();
        let mut cursor = Cursor::new(located.partition, &self.cache, &offsets);
        for spot in spots {
            each(*spot, cursor.record(spot.offset));
        }
    }
}
