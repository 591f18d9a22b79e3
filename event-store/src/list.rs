//! All aggregates of a type at a cut, page by page.
//!
//! Invariant: the pages of one walk are of one cut: the cursor carries it. A page's aggregates are folded group by group,
//! until it is full; a group reads each batch once, in the order of the log, however its aggregates' events are mixed.
//! How large a state is shows when it is folded, so the first group is one, and the next at most as many as came before it
//! and there is room for: what is folded in vain is no more than a page and one group.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use annals_segment_log::Removals;

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::canonical;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{FoldUsed, Folding, Halted, Spot};
use crate::key::{key_bytes, key_text};
use crate::page::Room;
use crate::source::Cursor;
use crate::store::EventStore;
use crate::time_source::TimeSource;

/// Aggregates on a page when nobody says how many.
pub const LIST_LIMIT_DEFAULT: usize = 100;
/// Events of a group, unless one aggregate has more.
const GROUP_EVENTS_MAX: usize = 100_000;
/// Events worth a thread of their own: below this a thread costs more than it saves.
const SHARE_EVENTS_MIN: usize = 2_000;
/// Threads one group may take.
const SHARES_MAX: usize = 4;

/// A page of aggregates with their states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Population {
    /// The aggregate's name.
    pub aggregate: String,
    /// The point the question was taken for; a time in whatever form is told as its instant.
    #[cfg_attr(feature = "http", schema(example = "2026-03-04T23:59:59.999Z"))]
    pub at: String,
    /// The cut all pages of this walk are of.
    #[cfg_attr(feature = "http", schema(value_type = String, example = "0=12,1=40"))]
    pub cut: Cut,
    /// Whose clock recorded times are by, for all records within the cut: `append` is the log's, `producer` that of
    /// whoever sent the events; null where there are none.
    pub time: Option<TimeSource>,
    /// Batches within the cut, and damaged places of the log, whose records cannot be read; they may hold events of any
    /// aggregate.
    pub unreadable_batches: u64,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// How many aggregates there are at the cut, on all pages.
    pub total: u64,
    /// This page's aggregates, in the order of their ids' bytes.
    pub items: Vec<Member>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// One aggregate of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Member {
    /// Its id.
    pub id: String,
    /// The partition its events are in.
    pub partition: u32,
    /// How many of its events are within the cut.
    pub events: u64,
    /// The last event that is part of the state.
    pub revision: Option<u64>,
    /// That event's offset.
    pub offset: Option<i64>,
    /// When it was recorded.
    pub recorded: Option<String>,
    /// The state in canonical JSON.
    #[cfg_attr(feature = "http", schema(value_type = Object))]
    pub state: Value,
    /// Where the folding stopped before the end of the cut.
    pub halted: Option<Halted>,
    /// Events of kinds the fold has not heard of.
    pub unknown_events: u64,
}

/// An aggregate chosen for a page.
pub(crate) struct Chosen {
    pub(crate) key: Vec<u8>,
    pub(crate) partition: usize,
    /// How many of its events are within the cut.
    pub(crate) events: usize,
}

/// Where a walk stands: its cut, and the last aggregate it gave out.
pub(crate) struct Walk {
    pub(crate) cut: Cut,
    pub(crate) after: Option<(Vec<u8>, usize)>,
}

impl Walk {
    pub(crate) fn cursor(cut: &Cut, last: &Chosen) -> String {
        format!("{cut};{};{}", last.partition, key_text(&last.key))
    }

    pub(crate) fn resume(cursor: &str) -> Result<Walk, StoreError> {
        let wrong = || StoreError::cursor(cursor);
        let mut parts = cursor.splitn(3, ';');
        let (Some(cut), Some(partition), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let cut = cut.parse().map_err(|_| wrong())?;
        let partition = partition.parse().map_err(|_| wrong())?;
        Ok(Walk {
            cut,
            after: Some((key_bytes(id), partition)),
        })
    }
}

impl EventStore {
    /// A page of the aggregates that exist at a point. A cursor carries its own cut, and `at` is not looked at then.
    pub fn list(
        &self,
        name: &str,
        at: &AsOf,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Population, StoreError> {
        let mut room = Room::new(limit)?;
        let aggregate = self.aggregate(name)?;
        let head = aggregate.index.catch_up(&self.work)?;
        let walk = match cursor {
            Some(cursor) => Walk::resume(cursor)?,
            None => Walk {
                cut: aggregate.topic_cut(at, &head)?,
                after: None,
            },
        };
        let at = match cursor {
            Some(_) => walk.cut.to_string(),
            None => at.to_string(),
        };
        let cut = aggregate.topic_cut(&AsOf::Cut(walk.cut), &head)?;
        let removals: Vec<Removals> = removals(&aggregate).collect();
        let (total, chosen) = choose(&aggregate, &cut, walk.after.as_ref(), limit + 1)?;
        let mut items = Vec::new();
        while let (false, Some(rest)) = (room.is_full(), chosen.get(items.len()..)) {
            let before = items.len();
            let group = group(rest, room.estimate(before).clamp(1, before.max(1)));
            if group.is_empty() {
                break;
            }
            for member in self.fold_all(&aggregate, group)? {
                if room.is_full() {
                    break;
                }
                room.take(&member);
                items.push(member);
            }
        }
        // What was counted is what was folded.
        for (partition, removals) in aggregate.index.partitions.iter().zip(removals) {
            partition.still(removals)?;
        }
        let last = items.len().checked_sub(1).and_then(|last| chosen.get(last));
        let next_cursor = last
            .filter(|_| chosen.len() > items.len())
            .map(|last| Walk::cursor(&cut, last));
        Ok(Population {
            aggregate: aggregate.name().to_owned(),
            time: aggregate.index.time(&cut)?,
            unreadable_batches: aggregate.index.unreadable(&cut)?,
            at,
            fold: FoldUsed::from(aggregate.fold.id()),
            total,
            items,
            next_cursor,
            cut,
        })
    }

    /// The states of the chosen aggregates. A group with many events is shared out among the processor's cores.
    pub(crate) fn fold_all(
        &self,
        aggregate: &Aggregate,
        chosen: &[Chosen],
    ) -> Result<Vec<Member>, StoreError> {
        let events: usize = chosen.iter().map(|one| one.events).sum();
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let shares = (events / SHARE_EVENTS_MIN).clamp(1, cores.min(SHARES_MAX));
        let mut shares = chosen.chunks(chosen.len().div_ceil(shares).max(1));
        let first = shares.next().unwrap_or_default();
        std::thread::scope(|scope| {
            let others: Vec<_> = shares
                .map(|share| {
                    (
                        share,
                        std::thread::Builder::new().spawn_scoped(scope, || self.fold_share(aggregate, share)),
                    )
                })
                .collect();
            let mut members = self.fold_share(aggregate, first)?;
            for (share, thread) in others {
                // A share whose thread did not come about, or to an end, is folded here.
                let folded = thread.ok().and_then(|thread| thread.join().ok());
                members.extend(folded.unwrap_or_else(|| self.fold_share(aggregate, share))?);
            }
            Ok(members)
        })
    }

    /// Folds aggregates side by side, in the order of the log.
    fn fold_share(&self, aggregate: &Aggregate, chosen: &[Chosen]) -> Result<Vec<Member>, StoreError> {
        let mut foldings: Vec<Folding<'_>> = chosen
            .iter()
            .filter_map(|one| {
                let partition = aggregate.index.partitions.get(one.partition)?;
                Some(Folding::new(self, aggregate, partition, &one.key))
            })
            .collect();
        for (place, partition) in aggregate.index.partitions.iter().enumerate() {
            let mut steps: Vec<(Spot, usize)> = Vec::new();
            for (row, one) in chosen
                .iter()
                .enumerate()
                .filter(|(_, one)| one.partition == place)
            {
                let spots = partition.spots(&one.key, 0..one.events)?;
                steps.extend(spots.into_iter().map(|spot| (spot, row)));
            }
            steps.sort_unstable();
            let offsets: Vec<i64> = steps.iter().map(|(spot, _)| spot.offset).collect();
            let mut cursor = Cursor::new(self, partition, &offsets);
            for (spot, row) in steps {
                if let Some(folding) = foldings.get_mut(row).filter(|folding| folding.halted.is_none()) {
                    folding.feed(spot, cursor.record(spot.offset)?)?;
                }
            }
        }
        let members = chosen.iter().zip(foldings);
        Ok(members.map(|(one, folding)| member(one, folding)).collect())
    }
}

/// The next so many, or fewer when they have many events.
pub(crate) fn group(rest: &[Chosen], wanted: usize) -> &[Chosen] {
    let mut events = 0;
    let fitting = rest.iter().take(wanted).take_while(|one| {
        let first = events == 0;
        events += one.events;
        first || events <= GROUP_EVENTS_MAX
    });
    rest.get(..fitting.count()).unwrap_or_default()
}

fn member(one: &Chosen, mut folding: Folding<'_>) -> Member {
    Member {
        id: key_text(&one.key),
        partition: u32::try_from(one.partition).unwrap_or(u32::MAX),
        events: one.events as u64,
        state: folding.view(),
        revision: folding.last.map(|spot| spot.revision),
        offset: folding.last.map(|spot| spot.offset),
        recorded: folding.last.map(|spot| canonical::time_text(spot.recorded_ms)),
        halted: folding.halted.take(),
        unknown_events: folding.account.unknown.events,
    }
}

/// What has gone from each partition.
pub(crate) fn removals(aggregate: &Aggregate) -> impl Iterator<Item = Removals> {
    aggregate
        .index
        .partitions
        .iter()
        .map(|partition| partition.log.removals())
}

/// How many aggregates a cut has, and the first so many behind a place.
pub(crate) fn choose(
    aggregate: &Aggregate,
    cut: &Cut,
    after: Option<&(Vec<u8>, usize)>,
    count: usize,
) -> Result<(u64, Vec<Chosen>), StoreError> {
    let mut total: u64 = 0;
    let mut keys: Vec<(Vec<u8>, usize)> = Vec::new();
    let partitions = &aggregate.index.partitions;
    for (place, partition) in partitions.iter().enumerate() {
        let last = cut.last(partition.number);
        total += partition.begun(last)?;
        let from = after.map(|(key, _)| key.as_slice());
        // The key the walk stands at may have events in this partition too.
        if let Some((key, number)) = after
            && place > *number
            && partition.first(key, last)?.is_some()
        {
            keys.push((key.clone(), place));
        }
        let behind = partition.keys_after(from, last, count)?;
        keys.extend(behind.into_iter().map(|key| (key.into_vec(), place)));
    }
    keys.sort_unstable();
    keys.truncate(count);
    let mut chosen = Vec::with_capacity(keys.len());
    for (key, place) in keys {
        let Some(partition) = partitions.get(place) else {
            continue;
        };
        chosen.push(Chosen {
            events: partition.within(&key, cut.last(partition.number))?,
            key,
            partition: place,
        });
    }
    Ok((total, chosen))
}
