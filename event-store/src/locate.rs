//! From a name, an id and a point to the events a question is about.
//!
//! Invariant: the index is brought up to the head before it is asked, and what was found is cut to that head; what is
//! appended meanwhile changes no answer. A key that has records in several partitions is answered from the lowest one
//! that has any within the cuts asked for, so that the choice rests on the cuts alone and no later record can move it.
//! An offset and a revision are of the aggregate's own partition, so what they are taken for is the head with that
//! partition's end moved: asked again they may mean another cut, like a time or the head, and the cut never another answer.

use std::ops::Range;

use annals_segment_log::Removals;

use crate::aggregates::Aggregate;
use crate::at::{AsOf, AtError};
use crate::canonical;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::Spot;
use crate::index::PartitionIndex;
use crate::key::{key_bytes, key_text};
use crate::reconstruct::OffsetRange;
use crate::time_source::TimeSource;
use crate::work::Work;

/// Ranges of unreadable records shown in an answer.
const UNREADABLE_SHOWN_MAX: usize = 16;
/// Events whose offsets are looked up together with how many there are; most aggregates have no more.
const FIRST_OFFSETS: usize = 64;

/// An aggregate's events, found in the index.
pub(crate) struct Located<'a> {
    pub(crate) aggregate: &'a Aggregate,
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
}

impl Aggregate {
    /// Finds an aggregate's events up to the head, in the partition that the points asked for have them in.
    pub(crate) fn locate(&self, id: &str, points: &[&AsOf], work: &Work) -> Result<Located<'_>, StoreError> {
        let head = self.index.catch_up(work)?;
        let key = key_bytes(id);
        let mut holding = match self.index.partitions.as_slice() {
            // The look-up of its events says whether it has any.
            [one] => vec![(&**one, 0)],
            _ => self.index.find(&key, &head)?,
        };
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
                topic: self.index.topic.clone(),
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

    /// The cut a point means for the whole topic. An offset does only where there is one partition; a revision never.
    pub(crate) fn topic_cut(&self, at: &AsOf, head: &Cut) -> Result<Cut, StoreError> {
        let wrong = |problem: &str| Err(AtError::new(at, problem).into());
        match at {
            AsOf::Head => Ok(head.clone()),
            AsOf::Time(ms) => {
                let lasts = self.index.partitions.iter().map(|partition| {
                    let last = partition.last_at(*ms, head.last(partition.number))?;
                    Ok((partition.number, last))
                });
                lasts.collect()
            }
            AsOf::Cut(cut) => {
                let count = self.index.partitions.len();
                if let Some((beyond, _)) = cut.iter().find(|(partition, _)| *partition as usize >= count) {
                    return wrong(&format!(
                        "topic {} has {count} partitions, and no {beyond}",
                        self.index.topic
                    ));
                }
                Ok(head
                    .iter()
                    .map(|(partition, last)| (partition, last.min(cut.last(partition))))
                    .collect())
            }
            AsOf::Offset(offset) if self.index.partitions.len() == 1 => Ok(head
                .iter()
                .map(|(partition, last)| (partition, last.min(*offset)))
                .collect()),
            AsOf::Offset(_) => wrong("the topic has several partitions, so one offset says too little here"),
            AsOf::Revision(_) => wrong("a revision is of one aggregate, not of all"),
        }
    }
}

/// The range of one revision.
fn one(revision: u64) -> Range<usize> {
    let revision = usize::try_from(revision).unwrap_or(usize::MAX);
    revision..revision.saturating_add(1)
}

impl Located<'_> {
    /// Whose clock the partition's times up to a cut are by.
    pub(crate) fn time(&self, cut: &Cut) -> Result<TimeSource, StoreError> {
        self.partition.time(cut.last(self.partition.number))
    }

    /// The head with the end of the aggregate's own partition moved.
    fn up_to(&self, offset: i64) -> Cut {
        let own = self.partition.number;
        let ends = self.head.iter();
        ends.map(|(number, last)| (number, if number == own { last.min(offset) } else { last }))
            .collect()
    }

    /// Ranges of the partition within a cut that nobody can read; the first few.
    pub(crate) fn unreadable(&self, cut: &Cut) -> Result<Vec<OffsetRange>, StoreError> {
        let last = cut.last(self.partition.number);
        let shown = self.partition.unreadable(last, UNREADABLE_SHOWN_MAX)?.into_iter();
        Ok(shown.map(|(first, last)| OffsetRange { first, last }).collect())
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

    /// Where some of its events sit, by their revisions.
    pub(crate) fn spots(&self, revisions: Range<usize>) -> Result<Vec<Spot>, StoreError> {
        let first = revisions.start;
        self.partition.placed(&self.offsets(revisions)?, first)
    }

    /// The offset of one of its events.
    pub(crate) fn offset(&self, revision: u64) -> Result<Option<i64>, StoreError> {
        Ok(self.offsets(one(revision))?.pop())
    }

    /// Where one of its events sits.
    pub(crate) fn spot(&self, revision: u64) -> Result<Option<Spot>, StoreError> {
        Ok(self.spots(one(revision))?.pop())
    }

    /// The cut a point means for this aggregate, with an offset and a revision of its own partition, and how many of its events are within.
    pub(crate) fn own_cut(&self, at: &AsOf) -> Result<(Cut, usize), StoreError> {
        let number = self.partition.number;
        let cut = match at {
            AsOf::Offset(offset) => self.up_to(*offset),
            AsOf::Revision(revision) => {
                let Some(offset) = self.offset(*revision)? else {
                    return Err(StoreError::NoSuchRevision {
                        aggregate: self.aggregate.name().to_owned(),
                        id: self.id.clone(),
                        revision: *revision,
                        last: self.events.saturating_sub(1) as u64,
                    });
                };
                self.up_to(offset)
            }
            at => self.aggregate.topic_cut(at, &self.head)?,
        };
        let last = cut.last(number);
        if self.first.len() == self.events {
            let within = self.first.partition_point(|offset| *offset <= last);
            return Ok((cut, within));
        }
        let within = self.partition.within(&self.key, last)?.min(self.events);
        self.partition.still(self.removals)?;
        Ok((cut, within))
    }

    /// The same, for questions that mean nothing before the first event.
    pub(crate) fn begun(&self, at: &AsOf) -> Result<(Cut, usize), StoreError> {
        let (cut, within) = self.own_cut(at)?;
        if within > 0 {
            return Ok((cut, within));
        }
        let number = self.partition.number;
        let log_start_offset = self.partition.log.log_start_offset();
        if cut.last(number) < log_start_offset && log_start_offset > 0 {
            return Err(StoreError::Deleted {
                aggregate: self.aggregate.name().to_owned(),
                id: self.id.clone(),
                at: at.to_string(),
                partition: number,
                log_start_offset,
            });
        }
        let mut first = self.spot(0)?.map_or_else(String::new, |spot| {
            let time = canonical::time_text(spot.recorded_ms);
            format!("offset {} of partition {number}, recorded {time}", spot.offset)
        });
        if log_start_offset > 0 {
            first.push_str(&format!(
                "; earlier ones may have been among the records before offset {log_start_offset}, which were deleted"
            ));
        }
        Err(StoreError::NotYet {
            aggregate: self.aggregate.name().to_owned(),
            id: self.id.clone(),
            at: at.to_string(),
            first,
        })
    }
}
