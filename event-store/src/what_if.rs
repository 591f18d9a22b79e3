//! What if: a changed fold over the history there is, beside the fold that runs. Which aggregates differ at a cut, how, and
//! from which event on.
//!
//! Two outcomes differ when their states do, or when one fold stopped where the other did not. An aggregate whose outcomes
//! differed for a while and are the same at the cut is not told.
//! Invariant: the pages of one walk are of one cut and of the same two folds: the cursor carries them. A page ends when it
//! is full, and also when comparing has cost its share; so one may have no entry and lead on to the next all the same.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::between::ValueChange;
use crate::bookmark::Bookmarks;
use crate::changes::values;
use crate::cut::Cut;
use crate::diff::ChangedBy;
use crate::error::StoreError;
use crate::fold::AnyFold;
use crate::folding::{FoldUsed, Folding, Halted};
use crate::list::{Member, Walk};
use crate::merged::Reader;
use crate::page::{Groups, Room, bytes_of};
use crate::standing::Place;
use crate::store::EventStore;
use crate::sweep::Wanted;
use crate::time_source::TimeSource;
use crate::work::PAGE_WORK_PART;

/// Aggregates compared for one page.
const COMPARED_MAX: usize = 10_000;
/// States held to be compared, as JSON, when the next are like those before.
const STATES_BYTES_MAX: usize = 8 << 20;
/// Values looked at on the way to the event from which on states differ, of one aggregate: about a second's work.
const WATCHED_VALUES_MAX: usize = 4_000_000;

/// A page of the aggregates that a changed fold gives another state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct WhatIf {
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
    /// The fold that runs.
    pub before: FoldUsed,
    /// The changed fold.
    pub after: FoldUsed,
    /// How many aggregates there are at the cut, on all pages.
    pub total: u64,
    /// How many were compared for this page.
    pub compared: u64,
    /// Those of them that differ, in the order of their ids' bytes.
    pub items: Vec<Differing>,
    /// What to give as `cursor` for the next page; null on the last. A page without entries may have one.
    pub next_cursor: Option<String>,
}

/// An aggregate that a changed fold gives another state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Differing {
    /// Its id.
    pub id: String,
    /// The partition its events are in.
    pub partition: u32,
    /// How many of its events are within the cut.
    pub events: u64,
    /// The first event after which the two folds had different outcomes; null where the states are so large that looking
    /// at all of them is too much work.
    pub since: Option<ChangedBy>,
    /// How many fields differ.
    pub changes_total: u64,
    /// The first 100 of them, in the order of their names: before by the fold that runs, after by the changed one.
    pub changes: Vec<ValueChange>,
    /// Where the fold that runs stops, if it does.
    pub halted_before: Option<Halted>,
    /// Where the changed fold stops, if it does.
    pub halted_after: Option<Halted>,
}

/// What became of an aggregate by one of the folds.
#[derive(PartialEq)]
struct Outcome<'a> {
    state: &'a Value,
    /// The offset where the fold stopped.
    halted: Option<i64>,
}

impl<'a> Outcome<'a> {
    fn new(state: &'a Value, halted: Option<&Halted>) -> Outcome<'a> {
        let halted = halted.map(|halted| halted.offset);
        Outcome { state, halted }
    }

    fn of(member: &Member) -> Outcome<'_> {
        Outcome::new(&member.state, member.halted.as_ref())
    }
}

/// What was compared for a page.
#[derive(Default)]
struct Compared {
    items: Vec<Differing>,
    count: u64,
    /// The last aggregate of it.
    last: Option<Place>,
}

impl EventStore {
    /// A page of what would be otherwise at a point, if `changed` ran in place of the fold that does. A cursor carries its
    /// own cut: `at` is to be the head then, or as it was.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use std::sync::Arc;
    /// use annals_event_store::{AsOf, typed};
    ///
    /// /// What if each deposit had cost a cent?
    /// struct WithFee;
    ///
    /// impl Fold for WithFee {
    ///     const NAME: &'static str = "account";
    ///     const REV: u32 = 2;
    ///     type State = Account;
    ///     type Event = AccountEvent;
    ///
    ///     fn begin(event: AccountEvent, at: &At<'_>) -> Result<Account, Halt> {
    ///         AccountFold::begin(event, at)
    ///     }
    ///
    ///     fn evolve(account: &mut Account, event: AccountEvent, at: &At<'_>) -> Result<(), Halt> {
    ///         AccountFold::evolve(account, event, at)?;
    ///         account.balance -= 1;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let changed = Arc::new(typed::<WithFee>("accounts"));
    /// let page = store.what_if("account", changed, &AsOf::Head, 100, None)?;
    /// let first = &page.items[0];
    /// assert_eq!((&*first.id, &first.changes[0].after), ("a-1", &Some(528.into())));
    /// assert_eq!(first.since.as_ref().map(|event| event.revision), Some(1));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// No such aggregate, a fold of another topic, a point that means nothing for all aggregates, or too much work.
    pub fn what_if(
        &self,
        name: &str,
        changed: Arc<dyn AnyFold>,
        at: &AsOf,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<WhatIf, StoreError> {
        let mut room = Room::new(limit)?;
        let runs = self.aggregate(name)?;
        let changed = runs.folded_by(changed);
        if changed.fold.told_topics() != runs.index.told_topics() {
            return Err(StoreError::WrongTopic {
                aggregate: name.to_owned(),
                wanted: runs.index.told_topics().join(", "),
                given: changed.fold.told_topics().join(", "),
            });
        }
        let question = ["what if", name].map(Some);
        let mut marks = Bookmarks::of([runs.fold.id(), changed.fold.id()], question, [at]);
        let (at, after) = match runs.go_on(&mut marks, cursor, &self.work)? {
            Some(([cut], after)) => (AsOf::Cut(cut), Some(after)),
            None => (at.clone(), None),
        };
        let removals = runs.removals();
        let population = runs.population(&at, &self.work)?;
        let mut walk = Walk::new(&runs, &population.cut, after);
        let Compared { items, count, last } = self.compare(&runs, &changed, &mut walk, &mut room)?;
        let next_cursor = walk.cursor_behind(last.as_ref())?;
        // What was counted is what both folds were run over.
        runs.still(&removals)?;
        Ok(WhatIf {
            aggregate: population.aggregate,
            at: population.at,
            time: population.time,
            unreadable_batches: population.unreadable_batches,
            before: population.fold,
            after: FoldUsed::from(changed.fold.id()),
            total: population.total,
            compared: count,
            items,
            next_cursor: next_cursor.map(|place| marks.cursor([&population.cut], place)),
            cut: population.cut,
        })
    }

    /// Compares aggregates in turn until the page ends.
    fn compare(
        &self,
        runs: &Aggregate,
        changed: &Aggregate,
        walk: &mut Walk<'_>,
        room: &mut Room,
    ) -> Result<Compared, StoreError> {
        let mut compared = Compared::default();
        let mut groups = Groups::new(STATES_BYTES_MAX, COMPARED_MAX);
        let mut count = 0_usize;
        while !(room.is_full() || count >= COMPARED_MAX || count > 0 && self.work.has_cost_a(PAGE_WORK_PART))
        {
            let group = walk.next(groups.next().min(COMPARED_MAX - count))?;
            let (before_group, mut states_bytes) = (count, 0);
            if group.is_empty() {
                break;
            }
            let look = |one: &Wanted, _, folding: &mut Folding<'_>| Ok(Member::of(one, folding));
            let before = self
                .sweep(runs, &[walk.cut], &group, &look)?
                .into_iter()
                .flatten();
            let after = self
                .sweep(changed, &[walk.cut], &group, &look)?
                .into_iter()
                .flatten();
            for ((one, before), after) in group.iter().zip(before).zip(after) {
                if room.is_full() || count > 0 && self.work.has_cost_a(PAGE_WORK_PART) {
                    break;
                }
                count += 1;
                compared.last = Some((one.key.clone(), one.partition));
                states_bytes += bytes_of(&before.state) + bytes_of(&after.state);
                if Outcome::of(&before) != Outcome::of(&after) {
                    let differing = differing(&before, &after, self.since(runs, changed, walk.cut, one)?);
                    room.take(&differing);
                    compared.items.push(differing);
                }
            }
            groups.took(count - before_group, states_bytes);
        }
        compared.count = count as u64;
        Ok(compared)
    }

    /// The first event after which the folds had different outcomes; nothing where finding it is too much work.
    fn since(
        &self,
        runs: &Aggregate,
        changed: &Aggregate,
        cut: &Cut,
        one: &Wanted,
    ) -> Result<Option<ChangedBy>, StoreError> {
        let Some(partition) = runs.index.partitions.get(one.partition) else {
            return Ok(None);
        };
        let spots = match runs.index.is_merged() {
            true => runs.index.in_order(self, &one.key, cut)?,
            false => partition.spots(&one.key, 0..one.events())?,
        };
        let mut before = Folding::new(self, runs, partition, &one.key);
        let mut after = Folding::new(self, changed, partition, &one.key);
        let mut reader = Reader::new(self, &runs.index, &one.key, &spots);
        let mut watched = 0;
        for spot in spots {
            let record = reader.record(&spot)?;
            before.feed(spot, record.clone())?;
            after.feed(spot, record.clone())?;
            let states = (before.view(), after.view());
            let is_same = Outcome::new(&states.0, before.halted.as_ref())
                == Outcome::new(&states.1, after.halted.as_ref());
            if !is_same {
                // What cannot be read stops both folds.
                let log = runs.index.log_of(&spot).unwrap_or(partition);
                return Ok(record.ok().map(|record| self.changed_by(log, spot, record)));
            }
            let looked_at = values(&states.0) + values(&states.1);
            self.work.values(looked_at)?;
            watched += looked_at;
            if watched > WATCHED_VALUES_MAX {
                return Ok(None);
            }
        }
        Ok(None)
    }
}

fn differing(before: &Member, after: &Member, since: Option<ChangedBy>) -> Differing {
    let (changes_total, changes) = ValueChange::between(&before.state, &after.state, &|_| true);
    Differing {
        id: before.id.clone(),
        partition: before.partition,
        events: before.events,
        since,
        changes_total,
        changes,
        halted_before: before.halted.clone(),
        halted_after: after.halted.clone(),
    }
}
