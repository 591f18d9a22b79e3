//! One aggregate at two points: what differs, and which event made it so.
//!
//! The events up to the later point are folded once; the state is looked at on the way. The event a change is put
//! down to is the last one that touched the field or something in it or around it; in a list whose elements moved it is
//! the last one that touched that place, or else the list. It is left open when more
//! than [`ATTRIBUTED_EVENTS_MAX`] events lie between, and when the question looks backwards.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::at::AsOf;
use crate::canonical;
use crate::changes::{Change, ChangeKind, changes, on_one_way};
use crate::clock::TimeSource;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::fold::At;
use crate::folding::{FoldUsed, Folding, Halted, Spot, open};
use crate::kind::event_name;
use crate::locate::Located;
use crate::store::EventStore;

/// Changes are put down to events when there are at most so many between the points.
pub const ATTRIBUTED_EVENTS_MAX: usize = 1_024;

/// What differs between two points of an aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Diff {
    /// The aggregate's name.
    pub aggregate: String,
    /// Its id.
    pub id: String,
    /// Whose clock recorded times are by, for all records of the partition within the later cut: `append` is the log's,
    /// `producer` that of whoever sent the events.
    pub time: TimeSource,
    /// The partition its events are in.
    pub partition: u32,
    /// The point the comparison starts from.
    pub from: DiffSide,
    /// The point it leads to.
    pub to: DiffSide,
    /// The fields that differ, in the order of their names.
    pub changes: Vec<FieldChange>,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// Where the folding stopped before the later point.
    pub halted: Option<Halted>,
}

/// One of the two points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct DiffSide {
    /// The point as a cut.
    #[cfg_attr(feature = "http", schema(value_type = String, example = "0=12,1=40"))]
    pub cut: Cut,
    /// The aggregate's last event within; null before its first.
    pub revision: Option<u64>,
    /// That event's offset.
    pub offset: Option<i64>,
    /// When it was recorded.
    pub recorded: Option<String>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// Where in the state, as a JSON pointer.
    pub path: String,
    /// How it differs.
    pub kind: ChangeKind,
    /// The value at `from`; absent when it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(value_type = Option<Object>))]
    pub before: Option<Value>,
    /// The value at `to`; absent when it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(value_type = Option<Object>))]
    pub after: Option<Value>,
    /// The event that last changed it.
    pub by: Option<ChangedBy>,
}

/// An event that changed a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct ChangedBy {
    /// Its place among the aggregate's own events.
    pub revision: u64,
    /// Its offset.
    pub offset: i64,
    /// Its name.
    pub event: Option<String>,
    /// Who caused it.
    pub actor: Option<String>,
    /// When it was recorded.
    pub recorded: String,
    /// When it happened in the business.
    pub business_time: Option<String>,
}

impl EventStore {
    /// What differs between two points of one aggregate. `from` may lie before its first event.
    pub fn diff(&self, name: &str, id: &str, from: &AsOf, to: &AsOf) -> Result<Diff, StoreError> {
        let aggregate = self.aggregate(name)?;
        let located = aggregate.locate(id, &[from, to])?;
        let (from_cut, from_within) = located.cut(from)?;
        let (to_cut, to_within) = located.cut(to)?;
        if from_within == 0 && to_within == 0 {
            located.begun(to)?;
        }
        let (early, late) = (from_within.min(to_within), from_within.max(to_within));
        let attribute = from_within < to_within && late - early <= ATTRIBUTED_EVENTS_MAX;
        let mut folding = Folding::new(self, &aggregate, located.partition, &located.key);
        let early_spots = located.spots.get(..early).unwrap_or_default();
        self.read_spots(&located, early_spots, |spot, record| folding.feed(spot, record));
        let early_state = folding.view();
        let late_spots = located.spots.get(early..late).unwrap_or_default();
        let touched = self.feed_watching(&located, &mut folding, late_spots, early_state.clone(), attribute);
        let late_state = folding.view();
        let (before, after) = if from_within <= to_within {
            (early_state, late_state)
        } else {
            (late_state, early_state)
        };
        Ok(Diff {
            aggregate: aggregate.name().to_owned(),
            time: located.time(&from_cut).max(located.time(&to_cut)),
            partition: located.partition.number,
            from: side(&located, from_cut, from_within),
            to: side(&located, to_cut, to_within),
            changes: changes(&before, &after)
                .into_iter()
                .map(|change| put_down(change, &touched))
                .collect(),
            fold: FoldUsed::from(aggregate.fold.id()),
            halted: folding.halted,
            id: located.id,
        })
    }

    /// Feeds events and notes, when asked to, which paths each of them touched.
    fn feed_watching(
        &self,
        located: &Located<'_>,
        folding: &mut Folding<'_>,
        spots: &[Spot],
        mut state: Value,
        watch: bool,
    ) -> Vec<(Vec<String>, ChangedBy)> {
        let mut touched = Vec::new();
        self.read_spots(located, spots, |spot, record| {
            let read = record.as_ref().ok().copied();
            folding.feed(spot, record);
            if !watch || folding.halted.is_some() {
                return;
            }
            let next = folding.view();
            let paths: Vec<String> = changes(&state, &next)
                .into_iter()
                .map(|change| change.path)
                .collect();
            state = next;
            if let Some(record) = read.filter(|_| !paths.is_empty()) {
                touched.push((paths, self.changed_by(located, spot, record)));
            }
        });
        touched
    }

    fn changed_by(
        &self,
        located: &Located<'_>,
        spot: Spot,
        record: &annals_kafka_wire::batch::Record,
    ) -> ChangedBy {
        let at = At {
            partition: located.partition.number,
            offset: spot.offset,
            revision: spot.revision,
            recorded_ms: spot.recorded_ms,
            headers: &record.headers,
        };
        let opened = open(record, &self.resolve).ok();
        ChangedBy {
            revision: spot.revision,
            offset: spot.offset,
            event: opened.map(|opened| event_name(&opened.writer, &opened.body)),
            actor: at.actor().map(str::to_owned),
            recorded: canonical::time_text(spot.recorded_ms),
            business_time: at.business_time().map(|time| time.to_string()),
        }
    }
}

fn side(located: &Located<'_>, cut: Cut, within: usize) -> DiffSide {
    let last = within.checked_sub(1).and_then(|place| located.spots.get(place));
    DiffSide {
        cut,
        revision: last.map(|spot| spot.revision),
        offset: last.map(|spot| spot.offset),
        recorded: last.map(|spot| canonical::time_text(spot.recorded_ms)),
    }
}

fn put_down(change: Change, touched: &[(Vec<String>, ChangedBy)]) -> FieldChange {
    let last_touching = |place: &str| {
        touched
            .iter()
            .rev()
            .find(|(paths, _)| paths.iter().any(|path| on_one_way(path, place)))
    };
    // An element may have stood elsewhere in its list when it was touched; then the list as a whole tells.
    let mut place = change.path.as_str();
    let mut last = last_touching(place);
    while let (None, Some((around, _))) = (last, place.rsplit_once('/')) {
        place = around;
        last = last_touching(place);
    }
    FieldChange {
        path: change.path,
        kind: change.kind,
        before: change.before,
        after: change.after,
        by: last.map(|(_, by)| by.clone()),
    }
}
