//! One aggregate at two points: what differs, and which event made it so, page by page.
//!
//! The events up to the later point are folded once; the state is looked at on the way. The event a change is put
//! down to is the last one that touched the field or something in it or around it; in a list whose elements moved it is
//! the last one that touched that place, or else the list. It is left open when more than [`ATTRIBUTED_EVENTS_MAX`]
//! events lie between, when the states are so large that looking at all of them is too much work, and when the question
//! looks backwards, or when events of several topics that are only within the later point stand before some within the earlier.
//! Invariant: the pages of one walk are of the same two cuts: the cursor carries them.

use annals_kafka_wire::batch::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::at::AsOf;
use crate::bookmark::Bookmarks;
use crate::canonical;
use crate::changes::{Change, ChangeKind, changes, values};
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{FoldUsed, Folding, Halted, Latest, Spot, open};
use crate::index::PartitionIndex;
use crate::locate::{Located, Within};
use crate::merged::{LogName, LogUsed};
use crate::page::{Page, Room};
use crate::reconstruct::OffsetRange;
use crate::store::EventStore;
use crate::time_source::TimeSource;
use crate::touched::Touched;

/// Changes are put down to events when there are at most so many between the points.
pub const ATTRIBUTED_EVENTS_MAX: usize = 1_024;
/// The most values that are looked at on the way between the points, in all states together: about a second's work.
const WATCHED_VALUES_MAX: usize = 4_000_000;
/// The most places that are remembered with who touched them.
const TOUCHED_PLACES_MAX: usize = 200_000;

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
    /// The id of the topic, where its broker gives one: a topic that is deleted and created again has another. Of a fold of several
    /// topics it stands with each of the `logs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub topic_id: Option<String>,
    /// The partition its events are in; of a fold of several topics, that of the first of them.
    pub partition: u32,
    /// The logs its events are in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub logs: Vec<LogUsed>,
    /// The point the comparison starts from.
    pub from: DiffSide,
    /// The point it leads to.
    pub to: DiffSide,
    /// How many fields differ, on all pages.
    pub total: u64,
    /// This page's fields that differ, in the order of their names.
    pub changes: Vec<FieldChange>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// Where the folding stopped before the later point; what differs is then what the events before it changed.
    pub halted: Option<Halted>,
    /// Records of the partition within the later cut that nobody can read; they may belong to this aggregate.
    pub unreadable: Vec<OffsetRange>,
    /// Other partitions with records of this key within the later cut. Their order against these is unknown, so they are left out.
    #[serde(default)]
    pub also_in_partitions: Vec<u32>,
}

/// One of the two points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct DiffSide {
    /// The point the question was taken for; a time in whatever form is told as its instant.
    #[cfg_attr(feature = "http", schema(example = "2026-03-04T23:59:59.999Z"))]
    pub at: String,
    /// That point as a cut.
    #[cfg_attr(feature = "http", schema(value_type = String, example = "0=12,1=40"))]
    pub cut: Cut,
    /// The last event within that is part of the state; null before the first.
    pub revision: Option<u64>,
    /// That event's offset.
    pub offset: Option<i64>,
    /// The log it is in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub log: Option<LogName>,
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
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "canonical::in_order"
    )]
    #[cfg_attr(feature = "http", schema(value_type = Value, required = false))]
    pub before: Option<Value>,
    /// The value at `to`; absent when it is not there.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "canonical::in_order"
    )]
    #[cfg_attr(feature = "http", schema(value_type = Value, required = false))]
    pub after: Option<Value>,
    /// The event that last changed it. It is not looked for, and null, where more than 1,024 events lie between the points, where
    /// their states are so large that looking at each is too much work, and where the question looks backwards; `/v1/changes`
    /// tells event by event what was changed.
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
    /// The log it is in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub log: Option<LogName>,
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
    /// A page of what differs between two points of one aggregate. `from` may lie before its first event.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, Page};
    ///
    /// let diff = store.diff("account", "a-1", &AsOf::Revision(1), &AsOf::Head, Page::default())?;
    /// let change = &diff.changes[0];
    /// assert_eq!((&*change.path, &change.before, &change.after), ("/balance", &Some(500.into()), &Some(530.into())));
    /// assert_eq!(change.by.as_ref().and_then(|by| by.actor.as_deref()), Some("jane"));
    /// # Ok(()) }
    /// ```
    pub fn diff(
        &self,
        name: &str,
        id: &str,
        from: &AsOf,
        to: &AsOf,
        page: Page<'_>,
    ) -> Result<Diff, StoreError> {
        let mut room = Room::new(page.limit)?;
        let aggregate = self.aggregate(name)?;
        let question = ["diff", name, id].map(Some);
        let mut marks = Bookmarks::of([aggregate.fold.id()], question, [from, to]);
        let (from, to, before) = match page.cursor {
            Some(cursor) => {
                let ([from, to], given) = marks.go_on(cursor, |place| place.parse().ok())?;
                (&AsOf::Cut(from), &AsOf::Cut(to), given)
            }
            None => (from, to, page.from),
        };
        let located = aggregate.locate(id, &[from, to], self)?;
        let (mut diff, given) = self.diff_of(&located, from, to, before, &mut room)?;
        if given < diff.total {
            diff.next_cursor = Some(marks.cursor([&diff.from.cut, &diff.to.cut], given));
        }
        Ok(diff)
    }

    /// What differs, behind so many changes, and how many come before the next page.
    fn diff_of(
        &self,
        located: &Located<'_>,
        from: &AsOf,
        to: &AsOf,
        skipped: u64,
        room: &mut Room,
    ) -> Result<(Diff, u64), StoreError> {
        let aggregate = located.aggregate;
        let (from_within, to_within) = (located.own_cut(from)?, located.own_cut(to)?);
        if from_within.events == 0 && to_within.events == 0 {
            located.begun(to)?;
        }
        located.is_left(from, &from_within.cut)?;
        located.is_left(to, &to_within.cut)?;
        let forwards = from_within.events <= to_within.events;
        let (early, late) = match forwards {
            true => (&from_within, &to_within),
            false => (&to_within, &from_within),
        };
        let states = self.two_states(located, early, late, forwards)?;
        let TwoStates {
            early: early_state,
            late: late_state,
            touched,
            folding,
        } = states;
        let ((before, from_last), (after, to_last)) = match forwards {
            true => (early_state, late_state),
            false => (late_state, early_state),
        };
        let (mut total, mut shown) = (0, Vec::new());
        changes(&before, &after, &mut |change| {
            if total >= skipped && !room.is_full() {
                let change = touched.put_down(change);
                room.take(&change);
                shown.push(change);
            }
            total += 1;
        });
        let given = skipped.saturating_add(shown.len() as u64);
        let diff = Diff {
            aggregate: aggregate.name().to_owned(),
            time: located.time(&from_within)?.max(located.time(&to_within)?),
            unreadable: located.unreadable(&late.cut)?,
            also_in_partitions: located.also_in(&late.cut),
            topic_id: located.topic_id(),
            partition: located.home(late)?,
            logs: located.logs(late, &[])?,
            from: located.side(from, &from_within, from_last),
            to: located.side(to, &to_within, to_last),
            total,
            changes: shown,
            next_cursor: None,
            fold: FoldUsed::from(aggregate.fold.id()),
            halted: folding.halted,
            id: located.id.clone(),
        };
        Ok((diff, given))
    }

    /// The states behind two cuts of an aggregate, and what touched what between them, where that is looked for and is clear.
    fn two_states<'a>(
        &'a self,
        located: &'a Located<'_>,
        early: &Within,
        late: &Within,
        forwards: bool,
    ) -> Result<TwoStates<'a>, StoreError> {
        let new = || Folding::new(self, located.aggregate, located.partition, &located.key);
        let mut folding = new();
        folding.run(&located.spots_of(early, 0..early.events)?)?;
        let early_state = (folding.view(), folding.last);
        if !located.goes_on(early, late)? {
            folding = new();
            folding.run(&located.spots_of(late, 0..late.events)?)?;
            return Ok(TwoStates {
                early: early_state,
                late: (folding.view(), folding.last),
                touched: Touches::default(),
                folding,
            });
        }
        let between = late.events - early.events;
        let attribute = forwards && between > 0 && between <= ATTRIBUTED_EVENTS_MAX;
        let late_spots = located.spots_of(late, early.events..late.events)?;
        let touched = match attribute {
            true => self.feed_watching(located, &mut folding, &late_spots, &early_state.0)?,
            false => {
                folding.run(&late_spots)?;
                Touches::default()
            }
        };
        Ok(TwoStates {
            early: early_state,
            late: (folding.view(), folding.last),
            touched,
            folding,
        })
    }

    /// Feeds events and notes which places each of them touched; nothing when that is too much work.
    fn feed_watching(
        &self,
        located: &Located<'_>,
        folding: &mut Folding<'_>,
        spots: &[Spot],
        before: &Value,
    ) -> Result<Touches, StoreError> {
        let mut touches = Touches::default();
        let mut watched = 0;
        let mut state = None;
        let mut reader = located.reader(spots);
        for spot in spots.iter().copied() {
            if folding.halted.is_some() {
                break;
            }
            let record = reader.record(&spot)?;
            let read = record.as_ref().ok().copied();
            folding.feed(spot, record)?;
            let too_much = watched > WATCHED_VALUES_MAX || touches.places.len() > TOUCHED_PLACES_MAX;
            let Some(record) = read.filter(|_| !too_much && folding.halted.is_none()) else {
                continue;
            };
            let next = folding.view();
            watched += values(&next);
            let number = touches.events.len();
            let mut any = false;
            changes(state.as_ref().unwrap_or(before), &next, &mut |change| {
                any = true;
                touches.places.note(change.path, number);
            });
            if any {
                touches
                    .events
                    .push(self.changed_by(located.log(&spot).0, spot, record));
            }
            state = Some(next);
        }
        let too_much = watched > WATCHED_VALUES_MAX || touches.places.len() > TOUCHED_PLACES_MAX;
        Ok(if too_much { Touches::default() } else { touches })
    }

    pub(crate) fn changed_by(&self, partition: &PartitionIndex, spot: Spot, record: &Record) -> ChangedBy {
        let at = spot.at(partition, record);
        let opened = open(&at, record.value.as_deref(), &*self.shared.resolve).ok();
        ChangedBy {
            revision: spot.revision,
            offset: spot.offset,
            log: partition.log_name(),
            event: opened.map(|opened| opened.writer.event_name(&opened.body)),
            actor: at.actor().map(str::to_owned),
            recorded: canonical::time_text(at.recorded_ms),
            business_time: at.business_time().map(|time| time.to_string()),
        }
    }
}

/// The events between the points that changed something, and the places they touched.
#[derive(Default)]
struct Touches {
    events: Vec<ChangedBy>,
    places: Touched,
}

impl Touches {
    fn put_down(&self, change: Change<'_>) -> FieldChange {
        let last = self.places.last(change.path);
        FieldChange {
            path: change.path.to_owned(),
            kind: change.kind,
            before: change.before.cloned(),
            after: change.after.cloned(),
            by: last.and_then(|event| self.events.get(event)).cloned(),
        }
    }
}

/// A state, and the last event that is part of it.
type Behind = (Value, Option<Latest>);

/// The states behind two cuts.
struct TwoStates<'a> {
    early: Behind,
    late: Behind,
    touched: Touches,
    /// That of the later one.
    folding: Folding<'a>,
}

impl Located<'_> {
    fn side(&self, at: &AsOf, within: &Within, last: Option<Latest>) -> DiffSide {
        DiffSide {
            at: at.to_string(),
            cut: within.cut.clone(),
            revision: last.map(|last| last.spot.revision),
            offset: last.map(|last| last.spot.offset),
            log: last.and_then(|last| self.log(&last.spot).1),
            recorded: last.map(|last| canonical::time_text(last.recorded_ms)),
        }
    }
}
