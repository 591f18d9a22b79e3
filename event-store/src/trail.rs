//! Who did what: the events of all aggregates between two cuts, by who caused them, their kind and what they changed.
//!
//! The log is read once, in its order, partition by partition, and topic by topic where the fold is of several. Of the events that fit, each says what it changed in the state of
//! its aggregate, which is folded for that from its first event on. They are taken in groups, each as large as all before it, so
//! that all folding for a page costs little more than folding its aggregates once; of a state no more is held than the one before
//! the event that is looked at. Invariant: the pages of one walk are of the same two cuts; a
//! page ends after so many records, found or not, so that the work on one is bounded and the next goes on. What the index
//! does not know, because its transaction was aborted, is no event here either. Left out: the changes of an event that its
//! fold did not come to.

use annals_kafka_wire::batch::Record;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::between::{CutTaken, ValueChange};
use crate::bookmark::Bookmarks;
use crate::cut::Cut;
use crate::diff::ChangedBy;
use crate::effects::GroupSize;
use crate::error::StoreError;
use crate::folding::{FoldUsed, SchemaUsed, Spot, open};
use crate::index::PartitionIndex;
use crate::key::key_text;
use crate::page::Room;
use crate::sought::Sought;
use crate::source::{Cursor, SCAN_BYTES};
use crate::store::EventStore;
use crate::time_source::TimeSource;
use crate::work::PAGE_WORK_PART;

/// Offsets that are looked at for one page, before the next page goes on: about a second's work.
pub const LOOKED_AT_MAX: u64 = 500_000;
/// Places that cannot be read which are passed over in one step.
const HOLES_MAX: usize = 10_000;

/// A page of events between two cuts, with what they changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Trail {
    /// The aggregate's name.
    pub aggregate: String,
    /// The point behind which events are looked at.
    pub from: CutTaken,
    /// The last point that is looked at.
    pub to: CutTaken,
    /// Whose clock recorded times are by, for all records within the later cut; null where none can be read.
    pub time: Option<TimeSource>,
    /// Batches within the later cut, and damaged places of the log, whose records cannot be read; they may hold events that fit.
    pub unreadable_batches: u64,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// How many offsets lie between the cuts.
    pub offsets: u64,
    /// How many of them were looked at for this page.
    pub looked_at: u64,
    /// The events that fit, in the order of the log. There may be none, and another page all the same.
    pub entries: Vec<Deed>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// An event, whose aggregate it is of, and what it changed there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Deed {
    /// The aggregate's id.
    pub id: String,
    /// The partition it is in.
    pub partition: u32,
    /// The event.
    pub by: ChangedBy,
    /// The schema it was written with.
    pub schema: Option<SchemaUsed>,
    /// How many fields of the state it changed; of those that were asked for, where that was.
    pub total: u64,
    /// The first 100 of them.
    pub changes: Vec<ValueChange>,
    /// Why it is not known what the event changed, or what it is.
    pub problem: Option<String>,
}

/// An event that fits, before it is known what it changed.
pub(crate) struct Found {
    pub(crate) key: Vec<u8>,
    pub(crate) spot: Spot,
    pub(crate) deed: Deed,
}

/// Where the reading of the log stands: the place of a partition, and the next offset there.
#[derive(Clone, Copy, Default)]
struct Position {
    place: usize,
    /// Nothing where the partition has not been begun.
    offset: Option<i64>,
}

impl Position {
    /// As a cursor has it.
    fn text(self) -> String {
        let offset = self.offset.map_or_else(String::new, |offset| offset.to_string());
        format!("{};{offset}", self.place)
    }

    /// What [`Position::text`] wrote, in a partition that there is.
    fn read(text: &str, aggregate: &Aggregate) -> Option<Position> {
        let (place, offset) = text.split_once(';')?;
        let place = place.parse().ok()?;
        let offset = match offset {
            "" => None,
            offset => Some(offset.parse().ok()?),
        };
        let is_there = place < aggregate.index.partitions.len();
        is_there.then_some(Position { place, offset })
    }
}

impl EventStore {
    /// A page of the events between two points, over all aggregates of a type. A cursor carries its own cuts: the points are
    /// to be the head then, or as they were.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, Cut, Sought};
    ///
    /// let by_jane = Sought { actor: Some("jane".to_owned()), ..Sought::default() };
    /// let page = store.trail("account", &by_jane, &AsOf::Cut(Cut::default()), &AsOf::Head, 100, None)?;
    /// let told: Vec<_> = page.entries.iter().map(|deed| (&*deed.id, deed.by.offset)).collect();
    /// assert_eq!(told, [("a-1", 3), ("a-2", 4)]);
    /// assert_eq!(page.entries[0].changes[0].after, Some(530.into()));
    /// # Ok(()) }
    /// ```
    pub fn trail(
        &self,
        name: &str,
        sought: &Sought,
        from: &AsOf,
        to: &AsOf,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Trail, StoreError> {
        let mut room = Room::new(limit)?;
        let aggregate = self.aggregate(name)?;
        sought.check(&*aggregate.fold)?;
        let question = [Some("trail"), Some(name)].into_iter().chain(sought.parts());
        let mut marks = Bookmarks::of([aggregate.fold.id()], question, [from, to]);
        let went_on = cursor.map(|cursor| marks.go_on(cursor, |text| Position::read(text, &aggregate)));
        let (from, to, mut position) = match went_on.transpose()? {
            Some(([from, to], position)) => (AsOf::Cut(from), AsOf::Cut(to), position),
            None => (from.clone(), to.clone(), Position::default()),
        };
        let removals = aggregate.removals();
        let mut trail = self.trail_around(&aggregate, &from, &to)?;
        let mut size = GroupSize::default();
        let mut at_end = false;
        // One group at least: a page that looked at nothing would be told for ever.
        let may_go_on = |looked_at| looked_at == 0 || !self.work.has_cost_a(PAGE_WORK_PART);
        while !at_end && !room.is_full() && trail.looked_at < LOOKED_AT_MAX && may_go_on(trail.looked_at) {
            let events_max = match &sought.field {
                // What comes of each is an entry.
                None => room.entries(),
                Some(_) => usize::MAX,
            };
            let most = size.next();
            let most = (most.0.min(events_max), most.1);
            let mut found = self.find(&aggregate, sought, &mut trail, &mut position, most)?;
            at_end = position.place >= aggregate.index.partitions.len();
            self.put_down(&aggregate, sought, &trail.to.cut, &mut found, &mut size)?;
            for found in found {
                if room.is_full() {
                    // What was found behind is found again.
                    position = Position {
                        place: found.spot.place,
                        offset: Some(found.spot.offset),
                    };
                    at_end = false;
                    break;
                }
                if sought.field.is_none() || found.deed.total > 0 || found.deed.problem.is_some() {
                    room.take(&found.deed);
                    trail.entries.push(found.deed);
                }
            }
        }
        aggregate.still(&removals)?;
        trail.unreadable_batches = aggregate.index.unreadable(&trail.to.cut)?;
        trail.next_cursor =
            (!at_end).then(|| marks.cursor([&trail.from.cut, &trail.to.cut], position.text()));
        Ok(trail)
    }

    fn trail_around(&self, aggregate: &Aggregate, from: &AsOf, to: &AsOf) -> Result<Trail, StoreError> {
        let points = (from, to);
        let (from, to, time) = aggregate.two_cuts(from, to, &self.work)?;
        if is_backwards(points, (&from.cut, &to.cut)) {
            return Err(StoreError::Backwards {
                from: from.at,
                to: to.at,
            });
        }
        let between = to.cut.logs().map(|(log, last)| last - from.cut.last_of(log));
        Ok(Trail {
            aggregate: aggregate.name().to_owned(),
            time,
            unreadable_batches: aggregate.index.unreadable(&to.cut)?,
            fold: FoldUsed::from(aggregate.fold.id()),
            offsets: between.map(|offsets| u64::try_from(offsets).unwrap_or(0)).sum(),
            looked_at: 0,
            entries: Vec::new(),
            next_cursor: None,
            from,
            to,
        })
    }

    /// The next events that fit, so far as that is known without their aggregates' states.
    fn find(
        &self,
        aggregate: &Aggregate,
        sought: &Sought,
        trail: &mut Trail,
        position: &mut Position,
        (events_max, aggregates_max): (usize, usize),
    ) -> Result<Vec<Found>, StoreError> {
        let (mut found, mut aggregates) = (Vec::new(), FxHashSet::default());
        while let Some(partition) = aggregate.index.partitions.get(position.place) {
            let first = partition.last(&trail.from.cut) + 1;
            let start = first.max(position.offset.unwrap_or(first));
            let mut offset = start.max(partition.log.log_start_offset());
            let last = partition.last(&trail.to.cut);
            let mut cursor = Cursor::scan(self, partition);
            let mut holes = Holes::default();
            while offset <= last {
                let is_full = found.len() >= events_max || aggregates.len() >= aggregates_max;
                if is_full || trail.looked_at >= LOOKED_AT_MAX {
                    position.offset = Some(offset);
                    return Ok(found);
                }
                trail.looked_at += 1;
                self.work.go_on()?;
                let here = offset;
                offset += 1;
                let Ok(record) = cursor.record(here)? else {
                    let behind = holes.behind(self, partition, here, last)?;
                    trail.looked_at += u64::try_from(behind - offset).unwrap_or(0);
                    offset = behind;
                    continue;
                };
                if let Some(one) = self.judge(aggregate, sought, position.place, here, record)? {
                    aggregates.insert(one.key.clone());
                    found.push(one);
                }
            }
            *position = Position {
                place: position.place + 1,
                offset: None,
            };
        }
        Ok(found)
    }

    /// Whether a record is an event that fits, so far as that is known without its aggregate's state.
    fn judge(
        &self,
        aggregate: &Aggregate,
        sought: &Sought,
        place: usize,
        offset: i64,
        record: &Record,
    ) -> Result<Option<Found>, StoreError> {
        let partition = aggregate.index.partitions.get(place);
        let Some(partition) = partition else {
            return Ok(None);
        };
        // Only its headers are looked at before it is known to be an event.
        let nowhere = Spot {
            offset,
            revision: 0,
            place,
        };
        let at = nowhere.at(partition, record);
        if !sought.fits_headers(&at) {
            return Ok(None);
        }
        let opened = open(&at, record.value.as_deref(), &*self.shared.resolve);
        if opened.as_ref().is_ok_and(|opened| !sought.fits_kind(opened)) {
            return Ok(None);
        }
        let Some(key) = partition.key_of(record)? else {
            return Ok(None);
        };
        let id = opened.as_ref().ok().map(|opened| opened.writer.id);
        let problem = opened.err();
        let Some(spot) = spot_of(partition, &key, offset)? else {
            return Ok(None);
        };
        Ok(Some(Found {
            deed: Deed {
                id: key_text(&key),
                partition: partition.number,
                by: self.changed_by(partition, spot, record),
                schema: id.map(|id| aggregate.fold.schema(id)),
                total: 0,
                changes: Vec::new(),
                problem,
            },
            key,
            spot,
        }))
    }
}

/// Places of a partition that nobody can read, looked up when one is met.
#[derive(Default)]
struct Holes(Option<Vec<(i64, i64)>>);

impl Holes {
    /// Where what cannot be read at an offset ends, as far as the index knows; at the next offset where it does not.
    fn behind(
        &mut self,
        store: &EventStore,
        partition: &PartitionIndex,
        offset: i64,
        last: i64,
    ) -> Result<i64, StoreError> {
        // A reading that was in vain costs what another does.
        store.work.batch(SCAN_BYTES)?;
        let holes = match &mut self.0 {
            Some(holes) => holes,
            none => none.insert(partition.unreadable(last, HOLES_MAX)?),
        };
        let hole = holes
            .iter()
            .find(|(first, last)| (*first..=*last).contains(&offset));
        Ok(hole.map_or(offset, |(_, end)| (*end).min(last)) + 1)
    }
}

/// Whether a point is later than another, be it in one log. Two of a kind say it themselves, also beyond the head; of others
/// their cuts do.
fn is_backwards(points: (&AsOf, &AsOf), (from, to): (&Cut, &Cut)) -> bool {
    match points {
        (AsOf::Time(from), AsOf::Time(to)) | (AsOf::Offset(from), AsOf::Offset(to)) => from > to,
        (AsOf::Cut(from), AsOf::Cut(to)) => from.has_more_than(to),
        _ => from.has_more_than(to),
    }
}

/// Where a record sits among its key's events; nothing where it is none of them.
fn spot_of(partition: &PartitionIndex, key: &[u8], offset: i64) -> Result<Option<Spot>, StoreError> {
    let Some(place) = partition.within(key, offset)?.checked_sub(1) else {
        return Ok(None);
    };
    let spot = partition.spots(key, place..place + 1)?.pop();
    Ok(spot.filter(|spot| spot.offset == offset))
}
