//! All aggregates of a type at two cuts: which appeared, which changed, and how.
//!
//! Only aggregates that have events between the cuts are folded, once, and looked at twice. Invariant: the pages of one
//! walk are of the same two cuts: the cursor carries them. An aggregate whose events changed nothing is none of the
//! answer. A page ends after so many events, found or not, and the next goes on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::between::{CutTaken, ValueChange};
use crate::bookmark::Bookmarks;
use crate::canonical;
use crate::changes::values;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{FoldUsed, Folding, Halted};
use crate::key::key_text;
use crate::list::Walk;
use crate::merged::LogName;
use crate::page::{Groups, PAGE_EVENTS_MAX, Room};
use crate::standing::place_text;
use crate::store::EventStore;
use crate::sweep::Wanted;
use crate::time_source::TimeSource;
use crate::work::{PAGE_WORK_PART, Work};

/// Aggregates that are looked for events between the points for one page.
const PAGE_AGGREGATES_MAX: usize = 100_000;
/// Aggregates of a group.
const GROUP_AGGREGATES_MAX: usize = 1_000;
/// Values that the states of a group may have, by those before it.
const GROUP_VALUES_MAX: usize = 200_000;

/// A page of the aggregates that differ between two points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Differences {
    /// The aggregate's name.
    pub aggregate: String,
    /// The point the comparison starts from.
    pub from: CutTaken,
    /// The point it leads to.
    pub to: CutTaken,
    /// Whose clock recorded times are by, for all records within either cut; null where none can be read.
    pub time: Option<TimeSource>,
    /// Batches within either cut, and damaged places of the log, whose records cannot be read; they may hold events of
    /// any aggregate.
    pub unreadable_batches: u64,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// This page's aggregates, in the order of their ids' bytes. There may be none, and another page all the same.
    pub items: Vec<Difference>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// One aggregate that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Difference {
    /// Its id.
    pub id: String,
    /// The partition its events are in; of a fold of several topics, that of the first of them.
    pub partition: u32,
    /// How it differs.
    pub kind: DifferenceKind,
    /// Its last event that is part of the state at `from`; null before its first.
    pub from: Option<LastEvent>,
    /// The same at `to`.
    pub to: Option<LastEvent>,
    /// How many fields of its state differ.
    pub total: u64,
    /// The first 100 of them.
    pub changes: Vec<ValueChange>,
    /// Where the folding stopped before the later point.
    pub halted: Option<Halted>,
}

/// How an aggregate differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// It has events within `to` alone.
    Appeared,
    /// It has events within both.
    Changed,
    /// It has events within `from` alone: the question looks backwards.
    Gone,
}

/// The last event of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct LastEvent {
    /// Its place among the aggregate's own events.
    pub revision: u64,
    /// Its offset.
    pub offset: i64,
    /// The log it is in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub log: Option<LogName>,
    /// When it was recorded.
    pub recorded: String,
}

/// An aggregate as it was looked at.
struct Seen {
    state: Value,
    last: Option<LastEvent>,
    halted: Option<Halted>,
    /// The partition of its first event, if it has one.
    home: Option<u32>,
}

impl Seen {
    fn of(folding: &mut Folding<'_>) -> Seen {
        Seen {
            state: folding.view(),
            last: folding.last.map(|last| LastEvent {
                revision: last.spot.revision,
                offset: last.spot.offset,
                log: folding.last_log(),
                recorded: canonical::time_text(last.recorded_ms),
            }),
            halted: folding.halted.clone(),
            home: folding.home(),
        }
    }
}

impl EventStore {
    /// A page of the aggregates of a type that differ between two points. A cursor carries its own cuts: the points
    /// are to be the head then, or as they were.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, DifferenceKind, parse_at};
    ///
    /// let half_past_nine = parse_at("2026-01-05T09:30:00Z", 0)?;
    /// let page = store.differences("account", &half_past_nine, &AsOf::Head, 100, None)?;
    /// let told: Vec<_> = page.items.iter().map(|one| (&*one.id, one.kind)).collect();
    /// assert_eq!(told, [("a-1", DifferenceKind::Changed), ("a-2", DifferenceKind::Appeared)]);
    /// assert_eq!(page.items[0].changes[0].path, "/balance");
    /// # Ok(()) }
    /// ```
    pub fn differences(
        &self,
        name: &str,
        from: &AsOf,
        to: &AsOf,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Differences, StoreError> {
        let mut room = Room::new(limit)?;
        let aggregate = self.aggregate(name)?;
        let question = ["differences", name].map(Some);
        let mut marks = Bookmarks::of([aggregate.fold.id()], question, [from, to]);
        let (from, to, after) = match aggregate.go_on(&mut marks, cursor, &self.work)? {
            Some(([from, to], after)) => (AsOf::Cut(from), AsOf::Cut(to), Some(after)),
            None => (from.clone(), to.clone(), None),
        };
        let removals = aggregate.removals();
        let (from, to, time) = aggregate.two_cuts_left(&from, &to, &self.work)?;
        let [both, either] = [i64::min, i64::max].map(|chosen| of_two(&from.cut, &to.cut, chosen));
        let mut walk = Walk::between(&aggregate, (&both, &either), after);
        let (mut items, mut last, mut events, mut aggregates) = (Vec::new(), None, 0, 0);
        let (mut groups, mut at_end) = (Groups::new(GROUP_VALUES_MAX, GROUP_AGGREGATES_MAX), false);
        while !room.is_full() && !at_end && self.may_go_on(events, aggregates) {
            let group = walk.next(groups.next())?;
            at_end = group.is_empty();
            aggregates += group.len();
            last = group.last().map(|one| (one.key.clone(), one.partition)).or(last);
            let (cuts, mut looked_at) = ([&from.cut, &to.cut], 0);
            let group = between(&aggregate, group, cuts)?;
            let look = |_: &Wanted, _, folding: &mut Folding<'_>| Ok(Seen::of(folding));
            let mut seen = self.sweep(&aggregate, &cuts, &group, &look)?.into_iter();
            for one in &group {
                if room.is_full() {
                    at_end = false;
                    break;
                }
                events += one.events();
                last = Some((one.key.clone(), one.partition));
                let sides = seen.next().map(Vec::into_iter);
                let Some((early, late)) = sides.and_then(|mut sides| Some((sides.next()?, sides.next()?)))
                else {
                    continue;
                };
                looked_at += values(&early.state) + values(&late.state);
                let backwards = aggregate.is_backwards(one, &from.cut, &to.cut);
                if let Some(item) = difference(one, early, late, backwards) {
                    room.take(&item);
                    items.push(item);
                }
            }
            self.work.values(looked_at)?;
            groups.took(group.len(), looked_at);
        }
        aggregate.still(&removals)?;
        let next_cursor = last
            .filter(|_| !at_end)
            .map(|last| marks.cursor([&from.cut, &to.cut], place_text(&last)));
        Ok(Differences {
            aggregate: aggregate.name().to_owned(),
            time,
            unreadable_batches: aggregate.index.unreadable(&either)?,
            fold: FoldUsed::from(aggregate.fold.id()),
            items,
            next_cursor,
            from,
            to,
        })
    }

    /// Whether a page that has looked at so much goes on.
    fn may_go_on(&self, events: usize, aggregates: usize) -> bool {
        let fits = events < PAGE_EVENTS_MAX && aggregates < PAGE_AGGREGATES_MAX;
        // One group at least: a page that looked at nothing would be taken for the last.
        fits && (aggregates == 0 || !self.work.has_cost_a(PAGE_WORK_PART))
    }
}

impl Aggregate {
    /// Two points taken for cuts, neither of which has lost what it had.
    fn two_cuts_left(
        &self,
        from: &AsOf,
        to: &AsOf,
        work: &Work,
    ) -> Result<(CutTaken, CutTaken, Option<TimeSource>), StoreError> {
        let (taken_from, taken_to, time) = self.two_cuts(from, to, work)?;
        let head = self.index.head();
        self.is_left(from, &taken_from.cut, &head)?;
        self.is_left(to, &taken_to.cut, &head)?;
        Ok((taken_from, taken_to, time))
    }

    /// Whether a cut has more of an aggregate's partition than another. Of several topics each side is folded on its own.
    fn is_backwards(&self, one: &Wanted, from: &Cut, to: &Cut) -> bool {
        if self.index.is_merged() {
            return false;
        }
        let of = self.index.partitions.get(one.partition);
        of.is_some_and(|of| of.last(from) > of.last(to))
    }
}

/// The cut with what each log has of two, by a choice.
fn of_two(one: &Cut, other: &Cut, chosen: fn(i64, i64) -> i64) -> Cut {
    let each = one.logs();
    each.map(|(log, last)| (log.clone(), chosen(last, other.last_of(log))))
        .collect()
}

/// Those of some aggregates that have events between two cuts, to be looked at behind both.
fn between(aggregate: &Aggregate, group: Vec<Wanted>, cuts: [&Cut; 2]) -> Result<Vec<Wanted>, StoreError> {
    let mut between = Vec::new();
    for one in group {
        let logs = aggregate.index.logs_of(one.partition);
        let within = |cut| {
            let each = logs.iter().map(|log| log.within(&one.key, log.last(cut)));
            each.collect::<Result<Vec<usize>, _>>()
        };
        let (from, to) = (within(cuts[0])?, within(cuts[1])?);
        if from != to {
            let mut stops: Vec<usize> = [from, to].iter().map(|events| events.iter().sum()).collect();
            // In one partition the events within the one cut are the first of those within the other.
            if !aggregate.index.is_merged() {
                stops.sort_unstable();
            }
            between.push(Wanted { stops, ..one });
        }
    }
    Ok(between)
}

/// How an aggregate's two states differ, looked at forwards or backwards; nothing where they do not.
fn difference(one: &Wanted, early: Seen, late: Seen, backwards: bool) -> Option<Difference> {
    let (halted, home) = (late.halted.clone(), late.home.or(early.home));
    let (from, to) = if backwards { (late, early) } else { (early, late) };
    let (total, changes) = ValueChange::between(&from.state, &to.state, &|_| true);
    let kind = match (&from.last, &to.last) {
        (None, Some(_)) => DifferenceKind::Appeared,
        (Some(_), None) => DifferenceKind::Gone,
        _ if total == 0 => return None,
        _ => DifferenceKind::Changed,
    };
    Some(Difference {
        id: key_text(&one.key),
        partition: home.unwrap_or_default(),
        kind,
        from: from.last,
        to: to.last,
        total,
        changes,
        halted,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use annals_schema_model::{Resolve, SchemaId, Unresolved, Writer};

    use super::*;

    struct Nothing;

    impl Resolve for Nothing {
        fn writer(&self, _: SchemaId) -> Result<Arc<Writer>, Unresolved> {
            Err(Unresolved::Unregistered)
        }
    }

    #[test]
    fn a_page_goes_on_until_so_many_events_were_folded() {
        let store = EventStore::new(Arc::new(Nothing));
        assert!(store.may_go_on(PAGE_EVENTS_MAX - 1, PAGE_AGGREGATES_MAX - 1));
        assert!(!store.may_go_on(PAGE_EVENTS_MAX, 0));
        assert!(!store.may_go_on(0, PAGE_AGGREGATES_MAX));
    }
}
