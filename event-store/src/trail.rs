//! Who did what: the events of all aggregates between two cuts, by who caused them, their kind and what they changed.
//!
//! The log is read once, in its order, partition by partition. Of the events that fit, each says what it changed in the state of
//! its aggregate, which is folded for that from its first event on. Invariant: the pages of one walk are of the same two cuts; a
//! page ends after so many records, found or not, so that the work on one is bounded and the next goes on. What the index
//! does not know, because its transaction was aborted, is no event here either. Left out: the changes of an event that its
//! fold did not come to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::between::{CutTaken, ValueChange};
use crate::changes::steps;
use crate::cut::Cut;
use crate::diff::{ChangedBy, values};
use crate::error::StoreError;
use crate::folding::{FoldUsed, Folding, SchemaUsed, Spot, open};
use crate::index::PartitionIndex;
use crate::key::key_text;
use crate::page::Room;
use crate::path::StatePath;
use crate::source::Cursor;
use crate::store::EventStore;
use crate::sweep::Wanted;
use crate::time_source::TimeSource;
use crate::work::PAGE_WORK_PART;

/// Offsets that are looked at for one page, before the next page goes on: about a second's work.
pub const LOOKED_AT_MAX: u64 = 500_000;
/// Events that are put down to their changes at once.
const GROUP_EVENTS_MAX: usize = 256;
/// Values that the states of a group may have, by those before it.
const GROUP_VALUES_MAX: usize = 200_000;

/// Which events: those that fit all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Who caused them, as their `actor` header says.
    pub actor: Option<String>,
    /// Their kind: the full name of the event, or its last part.
    pub kind: Option<String>,
    /// What they changed in the state: this place, something in it or around it. A step `*` is any step.
    pub field: Option<StatePath>,
}

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
    /// Whose clock recorded times are by, for all records within the later cut; null where there are none.
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
struct Found {
    key: Vec<u8>,
    place: usize,
    spot: Spot,
    deed: Deed,
}

/// Where the reading of the log stands: the place of a partition, and the next offset there.
#[derive(Clone, Copy)]
struct Position {
    place: usize,
    /// Nothing where the partition has not been begun.
    offset: Option<i64>,
}

impl EventStore {
    /// A page of the events between two points, over all aggregates of a type. A cursor carries its own cuts, and neither
    /// point is looked at then.
    ///
    /// ```no_run
    /// use annals_event_store::{AsOf, Cut, EventStore, Sought, StoreError};
    ///
    /// fn moved_by_jane(store: &EventStore) -> Result<(), StoreError> {
    ///     let sought = Sought {
    ///         actor: Some("jane".to_owned()),
    ///         field: "address.street".parse().ok(),
    ///         ..Sought::default()
    ///     };
    ///     let page = store.trail("order", &sought, &AsOf::Cut(Cut::default()), &AsOf::Head, 100, None)?;
    ///     for deed in page.entries {
    ///         println!("{} at offset {}: {:?}", deed.id, deed.by.offset, deed.changes);
    ///     }
    ///     Ok(())
    /// }
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
        let (from, to, mut position) = match cursor.map(resume).transpose()? {
            Some((from, to, position)) => (AsOf::Cut(from), AsOf::Cut(to), position),
            None => (
                from.clone(),
                to.clone(),
                Position {
                    place: 0,
                    offset: None,
                },
            ),
        };
        let removals = aggregate.removals();
        let mut trail = self.trail_around(&aggregate, &from, &to)?;
        let mut group_max = 1;
        let mut at_end = false;
        let may_go_on = || !self.work.has_cost_a(PAGE_WORK_PART);
        while !at_end && !room.is_full() && trail.looked_at < LOOKED_AT_MAX && may_go_on() {
            let found = self.find(&aggregate, sought, &mut trail, &mut position, group_max)?;
            at_end = position.place >= aggregate.index.partitions.len();
            let count = found.len();
            let (seen, found) = self.put_down(&aggregate, sought, found)?;
            for found in found {
                if room.is_full() {
                    // What was found behind is found again.
                    position = Position {
                        place: found.place,
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
            let fitting = GROUP_VALUES_MAX / (seen / count.max(1)).max(1);
            group_max = (2 * group_max).min(fitting).clamp(1, GROUP_EVENTS_MAX);
        }
        aggregate.still(&removals)?;
        trail.next_cursor = (!at_end).then(|| {
            let offset = position
                .offset
                .map_or_else(String::new, |offset| offset.to_string());
            format!("{};{};{};{offset}", trail.from.cut, trail.to.cut, position.place)
        });
        Ok(trail)
    }

    fn trail_around(&self, aggregate: &Aggregate, from: &AsOf, to: &AsOf) -> Result<Trail, StoreError> {
        let (from, to, time) = aggregate.two_cuts(from, to, &self.work)?;
        let between = to.cut.iter().map(|(number, last)| last - from.cut.last(number));
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
        wanted: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        while let Some(partition) = aggregate.index.partitions.get(position.place) {
            let first = trail.from.cut.last(partition.number) + 1;
            let first = position.offset.unwrap_or(first);
            let start = first.max(partition.log.log_start_offset());
            let mut cursor = Cursor::scan(self, partition);
            for offset in start..=trail.to.cut.last(partition.number) {
                if found.len() >= wanted || trail.looked_at >= LOOKED_AT_MAX {
                    position.offset = Some(offset);
                    return Ok(found);
                }
                trail.looked_at += 1;
                self.work.go_on()?;
                let Ok(record) = cursor.record(offset)? else {
                    continue;
                };
                let Some(key) = record.key.clone() else { continue };
                // Only its headers are looked at before it is known to be an event.
                let nowhere = Spot {
                    offset,
                    revision: 0,
                    recorded_ms: 0,
                };
                let at = nowhere.at(partition, record);
                if sought.actor.is_some() && at.actor() != sought.actor.as_deref() {
                    continue;
                }
                let opened = open(&at, record.value.as_deref(), &self.shared.resolve);
                let id = opened.as_ref().ok().map(|opened| opened.writer.id);
                if let (Ok(opened), Some(kind)) = (&opened, &sought.kind)
                    && !is_kind(&opened.writer.event_name(&opened.body), kind)
                {
                    continue;
                }
                let problem = opened.err();
                let Some(spot) = spot_of(partition, &key, offset)? else {
                    continue;
                };
                found.push(Found {
                    deed: Deed {
                        id: key_text(&key),
                        partition: partition.number,
                        by: self.changed_by(partition, spot, record),
                        schema: id.map(|id| aggregate.fold.schema(id)),
                        total: 0,
                        changes: Vec::new(),
                        problem,
                    },
                    key: key.to_vec(),
                    place: position.place,
                    spot,
                });
            }
            *position = Position {
                place: position.place + 1,
                offset: None,
            };
        }
        Ok(found)
    }

    /// Says what each event changed; gives also how many values were looked at.
    fn put_down(
        &self,
        aggregate: &Aggregate,
        sought: &Sought,
        mut found: Vec<Found>,
    ) -> Result<(usize, Vec<Found>), StoreError> {
        let mut stops: BTreeMap<(usize, &[u8]), Vec<usize>> = BTreeMap::new();
        for one in &found {
            let revision = usize::try_from(one.spot.revision).unwrap_or(usize::MAX);
            let stops = stops.entry((one.place, &one.key)).or_default();
            stops.extend([revision, revision.saturating_add(1)]);
            stops.dedup();
        }
        let wanted: Vec<Wanted> = stops
            .into_iter()
            .map(|((partition, key), stops)| Wanted {
                key: key.to_vec(),
                partition,
                stops,
            })
            .collect();
        let look = |_: &Wanted, _, folding: &mut Folding<'_>| {
            let halted = folding.halted.as_ref().map(ToString::to_string);
            Ok((folding.view(), halted))
        };
        let states = self.sweep(aggregate, &wanted, &look)?;
        let seen = states.iter().flatten().map(|(state, _)| values(state)).sum();
        self.work.values(seen)?;
        let fits = |path: &str| sought.field.as_ref().is_none_or(|field| is_on_way(field, path));
        for one in &mut found {
            let place =
                wanted.binary_search_by(|wanted| (wanted.partition, &wanted.key).cmp(&(one.place, &one.key)));
            let aggregate = place
                .ok()
                .and_then(|place| Some((wanted.get(place)?, states.get(place)?)));
            let Some((wanted, states)) = aggregate else {
                continue;
            };
            let state = |events: u64| {
                let events = usize::try_from(events).ok()?;
                states.get(wanted.stops.binary_search(&events).ok()?)
            };
            let (before, after) = (state(one.spot.revision), state(one.spot.revision + 1));
            if let (Some((before, _)), Some((after, halted))) = (before, after) {
                (one.deed.total, one.deed.changes) = ValueChange::between(before, after, &fits);
                one.deed.problem = one.deed.problem.take().or_else(|| halted.clone());
            }
        }
        Ok((seen, found))
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

/// Whether an event is of a kind: by its full name, or by the last part of it.
fn is_kind(event: &str, kind: &str) -> bool {
    event == kind || event.rsplit('.').next() == Some(kind)
}

/// Whether a place is the field that is asked for, in it or around it.
fn is_on_way(field: &StatePath, path: &str) -> bool {
    steps(path)
        .zip(field.steps())
        .all(|(step, asked)| asked == "*" || *asked == step)
}

fn resume(cursor: &str) -> Result<(Cut, Cut, Position), StoreError> {
    let read = || {
        let mut parts = cursor.splitn(4, ';');
        let (from, to) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let place = parts.next()?.parse().ok()?;
        let offset = match parts.next()? {
            "" => None,
            offset => Some(offset.parse().ok()?),
        };
        Some((from, to, Position { place, offset }))
    };
    read().ok_or_else(|| StoreError::cursor(cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_on_the_way_of_what_is_in_it_and_around_it() {
        let check = |field: &str, path: &str, wanted: bool| {
            assert_eq!(is_on_way(&field.parse().unwrap(), path), wanted, "{field} {path}");
        };
        check("address.street", "/address/street", true);
        check("address.street", "/address", true);
        check("address", "/address/street", true);
        check("address.street", "/address/city", false);
        check("address", "/address_changes", false);
        check("items[*].status", "/items/3/status", true);
        check("items[*].status", "/items/3/item_id", false);
        check("items[*].status", "/items/3", true);
        check("/a~1b", "/a~1b", true);
    }
}
