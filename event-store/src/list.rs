//! All aggregates of a type at a cut, page by page.
//!
//! Invariant: the pages of one walk are of one cut: the cursor carries it. How aggregates are gone through is the affair of
//! `members.rs`.

use std::collections::BTreeMap;

use annals_segment_log::Removals;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::bookmark::Bookmarks;
use crate::canonical;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{FoldUsed, Folding, Halted};
use crate::key::key_text;
use crate::members::Weighed;
use crate::merged::LogName;
use crate::page::{Room, bytes_of};
use crate::standing::{Place, place_text};
use crate::store::EventStore;
use crate::sweep::Wanted;
use crate::time_source::TimeSource;
use crate::work::{PAGE_WORK_PART, Work};

/// Aggregates on a page when nobody says how many.
pub const LIST_LIMIT_DEFAULT: usize = 100;
/// Events of a group, unless one aggregate has more.
const GROUP_EVENTS_MAX: usize = 100_000;
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
    /// whoever sent the events; null where none can be read.
    pub time: Option<TimeSource>,
    /// Batches within the cut, and damaged places of the log, whose records cannot be read; they may hold events of any
    /// aggregate.
    pub unreadable_batches: u64,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// How many aggregates there are at the cut, on all pages.
    pub total: u64,
    /// How many of them the condition holds for, on all pages; null where they were not counted.
    pub matched: Option<u64>,
    /// How many of those halted before the end of the cut, so that what is summed up of them is as it was before; null where
    /// they were not counted.
    #[serde(default)]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub halted: Option<u64>,
    /// What was summed up over those, by the names that were given; null where nothing was.
    pub sums: Option<BTreeMap<String, Sum>>,
    /// This page's aggregates, in the order of their ids' bytes, or in the one that was asked for. There may be none, and
    /// another page all the same, where a condition holds for few.
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
    /// The partition its events are in; of a fold of several topics, that of the first of them.
    pub partition: u32,
    /// How many of its events are within the cut.
    pub events: u64,
    /// The last event that is part of the state.
    pub revision: Option<u64>,
    /// That event's offset.
    pub offset: Option<i64>,
    /// The log it is in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub log: Option<LogName>,
    /// When it was recorded.
    pub recorded: Option<String>,
    /// The state in canonical JSON; the chosen columns of it, by their names, where some were chosen.
    #[serde(serialize_with = "canonical::in_order")]
    #[cfg_attr(feature = "http", schema(value_type = Option<Object>, required = true))]
    pub state: Value,
    /// Where the folding stopped before the end of the cut.
    pub halted: Option<Halted>,
    /// Events of kinds the fold has not heard of.
    pub unknown_events: u64,
}

/// A sum over aggregates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Sum {
    /// The exact sum, in the form its values have; null of nothing.
    #[cfg_attr(feature = "http", schema(value_type = Value))]
    pub sum: Value,
    /// How many aggregates have a value there.
    pub of: u64,
}

/// A walk through the aggregates that have begun at a cut, in the order of their keys.
pub(crate) struct Walk<'a> {
    pub(crate) aggregate: &'a Aggregate,
    pub(crate) cut: &'a Cut,
    /// All that have events behind this cut, and some of the others, where there is one.
    behind: Option<&'a Cut>,
    /// The last aggregate that was given out.
    pub(crate) after: Option<Place>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(aggregate: &'a Aggregate, cut: &'a Cut, after: Option<Place>) -> Walk<'a> {
        Walk {
            aggregate,
            cut,
            behind: None,
            after,
        }
    }

    /// Through all that have events between two cuts, and some of the others.
    pub(crate) fn between(
        aggregate: &'a Aggregate,
        (early, late): (&'a Cut, &'a Cut),
        after: Option<Place>,
    ) -> Walk<'a> {
        Walk {
            behind: Some(early),
            ..Walk::new(aggregate, late, after)
        }
    }

    /// The next aggregates: as many as are wanted, or fewer when they have many events.
    pub(crate) fn next(&mut self, wanted: usize) -> Result<Vec<Wanted>, StoreError> {
        let mut group = self.choose(self.after.as_ref(), wanted)?;
        let mut events = 0;
        let fitting = group.iter().take_while(|one| {
            let first = events == 0;
            events += one.events();
            first || events <= GROUP_EVENTS_MAX
        });
        let fitting = fitting.count();
        group.truncate(fitting);
        if let Some(last) = group.last() {
            self.after = Some((last.key.clone(), last.partition));
        }
        Ok(group)
    }

    /// The next aggregates behind one of them.
    fn choose(&self, after: Option<&Place>, count: usize) -> Result<Vec<Wanted>, StoreError> {
        let index = &self.aggregate.index;
        let mut keys: Vec<Place> = Vec::new();
        for (place, partition) in index.partitions.iter().enumerate() {
            let (home, last) = (index.home(place), partition.last(self.cut));
            let before = self.behind.map_or(-1, |cut| partition.last(cut));
            // The key the walk stands at may have events in this partition too.
            if let Some((key, number)) = after
                && home > *number
                && partition.within(key, last)? > partition.within(key, before)?
            {
                keys.push((key.clone(), home));
            }
            let after = after.map(|(key, _)| key.as_slice());
            let behind = partition.keys_after(after, (before, last), count)?;
            keys.extend(behind.into_iter().map(|key| (key.into_vec(), home)));
        }
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(count);
        let mut chosen = Vec::with_capacity(keys.len());
        for (key, home) in keys {
            let logs = index.logs_of(home).iter();
            let events = logs.map(|log| log.within(&key, log.last(self.cut)));
            chosen.push(Wanted {
                stops: vec![events.sum::<Result<usize, _>>()?],
                key,
                partition: home,
            });
        }
        Ok(chosen)
    }

    /// The place behind which the next page begins, when this one has ended with an aggregate; nothing behind the last.
    pub(crate) fn cursor_behind(&self, last: Option<&Place>) -> Result<Option<String>, StoreError> {
        let Some(last) = last else {
            return Ok(None);
        };
        let more = self.choose(Some(last), 1)?;
        Ok((!more.is_empty()).then(|| place_text(last)))
    }
}

impl EventStore {
    /// A page of the aggregates that exist at a point. A cursor carries its own cut: `at` is to be the head then, or as it was.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::AsOf;
    ///
    /// let first = store.list("account", &AsOf::Head, 1, None)?;
    /// assert_eq!((first.total, &*first.items[0].id), (2, "a-1"));
    ///
    /// let second = store.list("account", &AsOf::Head, 1, first.next_cursor.as_deref())?;
    /// assert_eq!(second.items[0].state["owner"], "Bob");
    /// # Ok(()) }
    /// ```
    pub fn list(
        &self,
        name: &str,
        at: &AsOf,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Population, StoreError> {
        let mut room = Room::new(limit)?;
        let aggregate = self.aggregate(name)?;
        let question = ["list", name].map(Some);
        let mut marks = Bookmarks::of([aggregate.fold.id()], question, [at]);
        let (at, after) = match aggregate.go_on(&mut marks, cursor, &self.work)? {
            Some(([cut], after)) => (AsOf::Cut(cut), Some(after)),
            None => (at.clone(), None),
        };
        let removals = aggregate.removals();
        let mut population = aggregate.population(&at, &self.work)?;
        let cut = population.cut.clone();
        let mut walk = Walk::new(&aggregate, &cut, after);
        let mut last = None;
        let look = |one: &Wanted, _, folding: &mut Folding<'_>| Ok(Member::of(one, folding));
        self.each_member(&mut walk, &look, &mut |one, member| {
            if !room.is_full() {
                room.take(&member);
                population.items.push(member);
                last = Some((one.key, one.partition));
            }
            Ok(!room.is_full() && !self.work.has_cost_a(PAGE_WORK_PART))
        })?;
        let next = walk.cursor_behind(last.as_ref())?;
        population.next_cursor = next.map(|place| marks.cursor([&cut], place));
        aggregate.still(&removals)?;
        // With what was come upon just now.
        population.unreadable_batches = aggregate.index.unreadable(&cut)?;
        Ok(population)
    }
}

#[cfg(feature = "questions")]
impl Population {
    /// Says what was counted and summed up over all pages.
    pub(crate) fn count(&mut self, summary: crate::population::Summary) {
        self.matched = Some(summary.matched);
        self.halted = Some(summary.halted);
        self.sums = (!summary.sums.is_empty()).then_some(summary.sums);
    }
}

impl Aggregate {
    /// What has gone from each partition.
    pub(crate) fn removals(&self) -> Vec<Removals> {
        let partitions = self.index.partitions.iter();
        partitions.map(|partition| partition.log.removals()).collect()
    }

    /// Refuses to go on with what was counted when less had gone than now: what was counted is what was folded.
    pub(crate) fn still(&self, removals: &[Removals]) -> Result<(), StoreError> {
        let mut each = self.index.partitions.iter().zip(removals);
        each.try_for_each(|(partition, removals)| partition.still(*removals))
    }

    /// What there is at a point, without any of it yet.
    pub(crate) fn population(&self, at: &AsOf, work: &Work) -> Result<Population, StoreError> {
        let head = self.index.catch_up(work)?;
        let cut = self.topic_cut(at, &head)?;
        self.is_left(at, &cut, &head)?;
        let total = self.total(&cut, work)?;
        Ok(Population {
            aggregate: self.name().to_owned(),
            at: match at {
                AsOf::Cut(_) => cut.to_string(),
                at => at.to_string(),
            },
            time: self.index.time(&cut)?,
            unreadable_batches: self.index.unreadable(&cut)?,
            fold: FoldUsed::from(self.fold.id()),
            total,
            matched: None,
            halted: None,
            sums: None,
            items: Vec::new(),
            next_cursor: None,
            cut,
        })
    }
}

impl Weighed for Member {
    fn bytes(&self) -> usize {
        bytes_of(self)
    }
}

impl Member {
    /// An aggregate as it is now.
    pub(crate) fn of(one: &Wanted, folding: &mut Folding<'_>) -> Member {
        let state = folding.view();
        Member::with(one, folding, state)
    }

    /// The same with something in the place of its state.
    pub(crate) fn with(one: &Wanted, folding: &Folding<'_>, state: Value) -> Member {
        Member {
            id: key_text(&one.key),
            partition: folding.home().unwrap_or_default(),
            events: one.events() as u64,
            state,
            revision: folding.last.map(|last| last.spot.revision),
            offset: folding.last.map(|last| last.spot.offset),
            log: folding.last_log(),
            recorded: folding.last.map(|last| canonical::time_text(last.recorded_ms)),
            halted: folding.halted.clone(),
            unknown_events: folding.account.unknown.events,
        }
    }
}
