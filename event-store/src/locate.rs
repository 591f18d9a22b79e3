//! From a name, an id and a point to the events a question is about.
//!
//! Invariant: the index is brought up to the head before it is asked, and what was found is cut to that head; what is
//! appended meanwhile changes no answer. A key that has records in several partitions is answered from the lowest one
//! that has any within the cuts asked for, so that the choice rests on the cuts alone and no later record can move it.
//! Where the fold is of several topics, all partitions that have any are put together (`merged.rs`), and nothing is chosen.
//! An offset and a revision are of the aggregate's own partition, so what they are taken for is the head with that
//! partition's end moved: asked again they may mean another cut, like a time or the head, and the cut never another answer.

mod begun;
mod nearest;
mod several;

use std::cell::OnceCell;
use std::ops::Range;

use annals_segment_log::Removals;

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::Spot;
use crate::index::PartitionIndex;
use crate::key::{key_bytes, key_text};
use crate::lanes::Counted;
use crate::merged::{LogName, Reader};
use crate::point::was_deleted;
use crate::reconstruct::OffsetRange;
use crate::store::EventStore;
use crate::time_source::TimeSource;

/// Ranges of unreadable records shown in an answer.
const UNREADABLE_SHOWN_MAX: usize = 16;
/// Events whose offsets are looked up together with how many there are; most aggregates have no more.
const FIRST_OFFSETS: usize = 64;

/// An aggregate's events, found in the index.
pub(crate) struct Located<'a> {
    store: &'a EventStore,
    pub(crate) aggregate: &'a Aggregate,
    /// Where they are; the first that has any, where they are in several topics.
    pub(crate) partition: &'a PartitionIndex,
    pub(crate) id: String,
    pub(crate) key: Vec<u8>,
    /// Everything durable.
    pub(crate) head: Cut,
    /// How many events it has up to the head.
    events: usize,
    /// The offsets of the first of them: of a short one of all, so that the index is asked once.
    first: Vec<i64>,
    /// What had gone from the partition when they were counted.
    pub(crate) removals: Removals,
    /// Other partitions that have records with this key, each with the first one's offset.
    others: Vec<(u32, i64)>,
    /// All partitions that have any, where they are in several topics.
    logs: Vec<&'a PartitionIndex>,
}

/// What of an aggregate's events is within a cut.
pub(crate) struct Within {
    pub(crate) cut: Cut,
    /// How many.
    pub(crate) events: usize,
    /// How many of each log, where they are in several topics; else they are the first so many of their partition.
    pub(crate) counted: Option<Counted>,
    /// They in their order, as soon as it was asked for.
    order: OnceCell<Vec<Spot>>,
}

impl Aggregate {
    /// Finds an aggregate's events up to the head, in the partition that the points asked for have them in.
    pub(crate) fn locate<'a>(
        &'a self,
        id: &str,
        points: &[&AsOf],
        store: &'a EventStore,
    ) -> Result<Located<'a>, StoreError> {
        let head = self.index.catch_up(&store.work)?;
        let key = key_bytes(id);
        let mut holding = match self.index.partitions.as_slice() {
            // The look-up of its events says whether it has any.
            [one] if !self.index.is_merged() => vec![(&**one, 0)],
            _ => self.index.find(&key, &head)?,
        };
        if self.index.is_merged() {
            let logs: Vec<_> = holding.into_iter().map(|(log, _)| log).collect();
            return self.locate_in(store, logs, id, key, head);
        }
        let mut chosen = 0;
        if holding.len() > 1 {
            let cuts: Vec<Cut> = points
                .iter()
                .map(|at| self.choosing_cut(at, &head))
                .collect::<Result<_, _>>()?;
            let within = |(partition, first): &(&PartitionIndex, i64)| {
                cuts.iter().any(|cut| *first <= cut.last(partition.number))
            };
            chosen = holding.iter().position(within).unwrap_or(0);
        }
        if holding.is_empty() {
            return Err(self.unknown(id, &head));
        }
        let (partition, _) = holding.remove(chosen);
        let removals = partition.log.removals();
        let last = head.last(partition.number);
        let mut first = partition.offsets(&key, 0..FIRST_OFFSETS + 1)?;
        let are_all = first.len() <= FIRST_OFFSETS;
        first.retain(|offset| *offset <= last);
        let events = match are_all {
            true => first.len(),
            false => {
                let within = partition.within(&key, last)?;
                partition.still(removals)?;
                within
            }
        };
        if events == 0 {
            return Err(self.unknown(id, &head));
        }
        Ok(Located {
            store,
            aggregate: self,
            partition,
            id: key_text(&key),
            events,
            first,
            removals,
            others: holding
                .into_iter()
                .map(|(other, first)| (other.number, first))
                .collect(),
            logs: Vec::new(),
            key,
            head,
        })
    }

    /// Nothing is known of an id up to the head; what cannot be read there may be.
    fn unknown(&self, id: &str, head: &Cut) -> StoreError {
        match self.index.unreadable(head) {
            Err(error) => error,
            Ok(unreadable) => StoreError::UnknownId {
                aggregate: self.name().to_owned(),
                id: key_text(&key_bytes(id)),
                topic: self.index.named(),
                unreadable,
            },
        }
    }

    /// The cut by which a partition is chosen: points within an aggregate's own partition say nothing of others.
    fn choosing_cut(&self, at: &AsOf, head: &Cut) -> Result<Cut, StoreError> {
        match at {
            AsOf::Offset(_) | AsOf::Revision(_) => Ok(head.clone()),
            at => self.topic_cut(at, head),
        }
    }
}

impl Within {
    /// Whether they are in several topics.
    pub(crate) fn is_merged(&self) -> bool {
        self.counted.is_some()
    }

    /// Whether some of them are in a log.
    fn are_in(&self, log: &PartitionIndex) -> bool {
        let of = self.counted.as_ref();
        of.is_none_or(|counted| counted.at(log.place) > 0)
    }
}

/// Ranges of a partition within a cut that nobody can read; the first few.
fn unreadable(partition: &PartitionIndex, cut: &Cut) -> Result<Vec<OffsetRange>, StoreError> {
    let last = partition.last(cut);
    let shown = partition.unreadable(last, UNREADABLE_SHOWN_MAX)?.into_iter();
    Ok(shown.map(|(first, last)| OffsetRange { first, last }).collect())
}

/// The range of one revision.
fn one(revision: u64) -> Range<usize> {
    let revision = usize::try_from(revision).unwrap_or(usize::MAX);
    revision..revision.saturating_add(1)
}

impl Located<'_> {
    /// The logs that may have events of it: its own partition, or of several topics all that have any up to the head.
    fn all_logs(&self) -> &[&PartitionIndex] {
        match self.logs.as_slice() {
            [] => std::slice::from_ref(&self.partition),
            logs => logs,
        }
    }

    /// Whose clock the times of its events within a cut are by.
    pub(crate) fn time(&self, within: &Within) -> Result<TimeSource, StoreError> {
        let mut time = None;
        for log in self.all_logs() {
            if within.are_in(log) {
                time = time.max(log.time(log.last(&within.cut))?);
            }
        }
        // Where there are no events there are no times.
        Ok(time.unwrap_or(TimeSource::Append))
    }

    /// The log of an event, and what is told of it beside its offset.
    pub(crate) fn log(&self, spot: &Spot) -> (&PartitionIndex, Option<LogName>) {
        let log = self.aggregate.index.log_of(spot).unwrap_or(self.partition);
        (log, log.log_name())
    }

    /// Reads some of its events.
    pub(crate) fn reader(&self, spots: &[Spot]) -> Reader<'_> {
        Reader::new(self.store, &self.aggregate.index, &self.key, spots)
    }

    /// The head with the end of the aggregate's own partition moved.
    fn up_to(&self, offset: i64) -> Cut {
        let own = self.partition.number;
        let ends = self.head.iter();
        ends.map(|(number, last)| (number, if number == own { last.min(offset) } else { last }))
            .collect()
    }

    /// Ranges of the partition within a cut that nobody can read; the first few. Of several topics they are told of each log.
    pub(crate) fn unreadable(&self, cut: &Cut) -> Result<Vec<OffsetRange>, StoreError> {
        match self.logs.is_empty() {
            true => unreadable(self.partition, cut),
            false => Ok(Vec::new()),
        }
    }

    /// Other partitions that have records with this key within a cut.
    pub(crate) fn also_in(&self, cut: &Cut) -> Vec<u32> {
        let within = self
            .others
            .iter()
            .filter(|(number, first)| *first <= cut.last(*number));
        within.map(|(number, _)| *number).collect()
    }

    /// The offsets of some of its events, by their revisions.
    pub(crate) fn offsets(&self, revisions: Range<usize>) -> Result<Vec<i64>, StoreError> {
        let within = revisions.start..revisions.end.min(self.events);
        if let Some(first) = self.first.get(within.clone()) {
            return Ok(first.to_vec());
        }
        let offsets = self.partition.offsets(&self.key, within)?;
        // Otherwise these are not the events that were counted.
        self.partition.still(self.removals)?;
        Ok(offsets)
    }

    /// Where some of its events within a cut sit, by their revisions.
    pub(crate) fn spots_of(&self, within: &Within, revisions: Range<usize>) -> Result<Vec<Spot>, StoreError> {
        match &within.counted {
            None => self.spots(revisions),
            Some(counted) => {
                let order = self.order(within, counted)?;
                Ok(order.get(revisions).unwrap_or_default().to_vec())
            }
        }
    }

    /// Whether a smaller cut has the first of the events within a larger one, so that its state is one on the way.
    pub(crate) fn goes_on(&self, from: &Within, to: &Within) -> Result<bool, StoreError> {
        match (&from.counted, &to.counted) {
            (Some(before), Some(after)) => Ok(self.order(to, after)?.starts_with(self.order(from, before)?)),
            _ => Ok(to.events >= from.events),
        }
    }

    /// Where some of its events sit, by their revisions, where they are in one partition.
    fn spots(&self, revisions: Range<usize>) -> Result<Vec<Spot>, StoreError> {
        let first = revisions.start;
        Ok(self.partition.placed(&self.offsets(revisions)?, first))
    }

    /// The offset of one of its events.
    pub(crate) fn offset(&self, revision: u64) -> Result<Option<i64>, StoreError> {
        Ok(self.offsets(one(revision))?.pop())
    }

    /// Where one of its events sits.
    pub(crate) fn spot(&self, revision: u64) -> Result<Option<Spot>, StoreError> {
        Ok(self.spots(one(revision))?.pop())
    }

    /// The cut a point means for this aggregate, with an offset and a revision of its own partition, and what of its events is
    /// within.
    pub(crate) fn own_cut(&self, at: &AsOf) -> Result<Within, StoreError> {
        if !self.logs.is_empty() {
            return self.own_cut_of_several(at);
        }
        let cut = match at {
            AsOf::Offset(offset) => self.up_to(*offset),
            AsOf::Revision(revision) => match self.offset(*revision)? {
                Some(offset) => self.up_to(offset),
                None => return Err(self.no_such_revision(*revision, self.events)),
            },
            at => self.aggregate.topic_cut(at, &self.head)?,
        };
        let last = self.partition.last(&cut);
        let events = if self.first.len() == self.events {
            self.first.partition_point(|offset| *offset <= last)
        } else {
            let within = self.partition.within(&self.key, last)?.min(self.events);
            self.partition.still(self.removals)?;
            within
        };
        Ok(Within {
            cut,
            events,
            counted: None,
            order: OnceCell::new(),
        })
    }

    /// Refuses a point at which one of the aggregate's logs has lost what it had, if any has.
    fn refuse(&self, at: &AsOf, has_lost: impl Fn(&PartitionIndex) -> bool) -> Result<(), StoreError> {
        match self.all_logs().iter().find(|log| has_lost(log)) {
            Some(log) => Err(log.deleted(format!("{} `{}`", self.aggregate.name(), self.id), at)),
            None => Ok(()),
        }
    }

    /// Refuses a cut that had something of a log of the aggregate's, and has nothing of it any more.
    pub(crate) fn is_left(&self, at: &AsOf, cut: &Cut) -> Result<(), StoreError> {
        self.refuse(at, |log| was_deleted(log, at, cut, &self.head))
    }

    fn no_such_revision(&self, revision: u64, events: usize) -> StoreError {
        StoreError::NoSuchRevision {
            aggregate: self.aggregate.name().to_owned(),
            id: self.id.clone(),
            revision,
            last: events.saturating_sub(1) as u64,
        }
    }
}
