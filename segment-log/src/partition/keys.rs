//! Asking which records a key has, and when they were recorded; see [`crate::keys`].
//!
//! Invariant: an answer is about committed records from the log's start to where it was asked for, at most to the last
//! stable offset.

use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;

use super::Partition;
use crate::error::KeyError;
use crate::keys::run::is_damaged;
use crate::keys::{KeyEntry, KeyFacts, Keys, Known, Removals};
use crate::mutex::{lock, read};

mod follow;
mod merging;
mod other;

pub(super) use follow::SCAN_BYTES;
pub use other::KeyedBy;

/// How often a run that turns out to be damaged is made anew for one question.
const ATTEMPTS_MAX: u32 = 3;

/// The key index of a partition, to be asked.
#[derive(Clone, Copy)]
pub struct KeyIndex<'p> {
    partition: &'p Partition,
    pub(super) keys: &'p Keys,
}

impl Partition {
    /// The index by records' own keys.
    pub fn keys(&self) -> KeyIndex<'_> {
        KeyIndex {
            partition: self,
            keys: &self.keys,
        }
    }

    /// Merges what can be of each index.
    pub(crate) fn merge_keys(&self) -> io::Result<()> {
        let mut merged = Ok(());
        self.each_keys(|index| {
            if merged.is_ok() {
                merged = index.merge();
            }
        });
        merged
    }

    /// Changes when records go from the partition: whoever asks several times for one answer compares it.
    pub fn removals(&self) -> Removals {
        Removals {
            log_start: self.log_start_offset(),
            compactions: self.keys.compactions.load(Ordering::Relaxed),
        }
    }
}

impl KeyIndex<'_> {
    fn run_name(&self, base: i64, is_sure: bool) -> String {
        self.keys.run_name(&self.partition.path, base, is_sure)
    }

    /// How many committed records of the offsets before `end` have this key.
    ///
    /// Who asks first waits for the log to be read; who asks later, for what was written since. The same goes for the
    /// questions below.
    pub fn key_count(&self, key: &[u8], end: i64) -> Result<u64, KeyError> {
        self.ask(end, |known, start, end| {
            known.count(&*self.partition.shared.disk, key, start, end)
        })
    }

    /// The offsets before `end` at which the key occurs in committed records: from its `skip`th on, at most `max`.
    pub fn key_offsets(&self, key: &[u8], end: i64, skip: u64, max: usize) -> Result<Vec<i64>, KeyError> {
        self.ask(end, |known, start, end| {
            known.offsets(&*self.partition.shared.disk, key, (start, end), skip, max)
        })
    }

    /// The lowest `max` keys behind `after` that committed records at these offsets have, in the order of their bytes, and maybe
    /// others that records before these have: no segment is looked through for each key's place in it. `first_offset` is the
    /// first of those that were looked at.
    pub fn keys_after(
        &self,
        after: Option<&[u8]>,
        offsets: Range<i64>,
        max: usize,
    ) -> Result<Vec<KeyEntry>, KeyError> {
        self.ask(offsets.end, |known, start, end| {
            known.keys_after(
                &*self.partition.shared.disk,
                after,
                (start, end),
                offsets.start,
                max,
            )
        })
    }

    /// The greatest timestamp of the committed records up to an offset, in milliseconds since 1970; 0 where there are none.
    pub fn recorded_by(&self, offset: i64) -> Result<i64, KeyError> {
        self.ask(offset.saturating_add(1), |known, _, _| {
            let latest = known.recorded_by(&*self.partition.shared.disk, offset)?;
            Ok(latest.unwrap_or_default())
        })
    }

    /// How many keys committed records before `end` have. Who asks first waits for the keys of all segments to be
    /// compared; who asks later, for the new ones.
    pub fn keys_begun(&self, end: i64) -> Result<u64, KeyError> {
        let begun = self.keys_begun_while(end, &mut || true)?;
        Ok(begun.unwrap_or_default())
    }

    /// The same; nothing when `go_on` said no on the way. What was compared by then is kept.
    pub fn keys_begun_while(
        &self,
        end: i64,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<u64>, KeyError> {
        // Once: what is appended meanwhile is another's question.
        let end = end.min(self.partition.last_stable_offset());
        loop {
            let begun = self.ask(end, |known, start, end| Ok(known.begun(start, end)))?;
            if begun.is_some() || !go_on() {
                return Ok(begun);
            }
            self.look_for_firsts()?;
        }
    }

    /// The last offset before `end` that was recorded at or before `ms`; -1 where all records are later.
    pub fn offset_recorded_at(&self, ms: i64, end: i64) -> Result<i64, KeyError> {
        self.ask(end, |known, _, end| {
            known.last_at(&*self.partition.shared.disk, ms, end)
        })
    }

    /// Whether the time of any committed record before `end` is its producer's, not the log's.
    pub fn has_producer_time(&self, end: i64) -> Result<bool, KeyError> {
        self.ask(end, |known, _, end| Ok(known.has_producer_time(end)))
    }

    /// Whether there are committed records before `end` that can be read. Where the log begins within a segment, those
    /// deleted from it count as long as anything before `end` is left.
    pub fn has_records(&self, end: i64) -> Result<bool, KeyError> {
        self.ask(end, |known, start, end| {
            Ok(end > start
                && known
                    .recorded_by(&*self.partition.shared.disk, end - 1)?
                    .is_some())
        })
    }

    /// How many places before `end` nobody can read: batches whose records cannot be read or of which some are gone,
    /// damage, and what was deleted from the beginning.
    pub fn unreadable_count(&self, end: i64) -> Result<u64, KeyError> {
        let lost = self.lost();
        self.ask(end, |known, start, end| {
            let known_of = known.unreadable_count(&*self.partition.shared.disk, (start, end))?;
            Ok(known_of + lost_since(&lost, known, (start, end)).count() as u64)
        })
    }

    /// The first and the last offset of the first `max` of them.
    pub fn unreadable(&self, end: i64, max: usize) -> Result<Vec<(i64, i64)>, KeyError> {
        let lost = self.lost();
        self.ask(end, |known, start, end| {
            let mut places = known.unreadable(&*self.partition.shared.disk, (start, end), max)?;
            places.extend(lost_since(&lost, known, (start, end)));
            places.sort_unstable();
            places.truncate(max);
            Ok(places)
        })
    }

    /// First and last offsets of damage, but for what copies have, which are by records' own keys.
    fn lost(&self) -> Vec<(i64, i64)> {
        let damage = self.partition.damage().into_iter();
        let places = damage.map(|damage| damage.offset..damage.end_offset.max(damage.offset + 1));
        match self.keys.by {
            None => places
                .flat_map(|place| self.partition.not_copied(place))
                .collect(),
            Some(_) => places.map(|place| (place.start, place.end - 1)).collect(),
        }
    }

    /// What the key index knows right now; nothing is read for it.
    pub fn key_facts(&self) -> KeyFacts {
        read(&self.keys.known).key_facts(self.partition.log_start_offset())
    }

    /// Brings the key index up to the last stable offset, and answers that. It is given up, with what was read kept, as
    /// soon as `go_on` says no: then the answer is where the index ends.
    pub fn follow_keys(&self, go_on: &mut dyn FnMut() -> bool) -> Result<i64, KeyError> {
        let end = self.partition.last_stable_offset();
        match self.follow_while(end, go_on)? {
            true => Ok(end),
            false => Ok(self.key_facts().end.min(end)),
        }
    }

    pub(super) fn ask<T>(
        &self,
        end: i64,
        ask: impl Fn(&Known, i64, i64) -> io::Result<T>,
    ) -> Result<T, KeyError> {
        let mut attempt = 1;
        loop {
            let end = end.min(self.partition.last_stable_offset());
            self.follow_while(end, &mut || true)?;
            let files = read(&self.partition.files);
            if !self.is_aligned() {
                continue;
            }
            let answer = ask(&read(&self.keys.known), self.partition.log_start_offset(), end);
            drop(files);
            match answer {
                Err(error) if is_damaged(&error) && attempt < ATTEMPTS_MAX => {
                    tracing::warn!(partition = %self.partition.path, %error, "a key index is made anew");
                    let _one_at_a_time = lock(&self.keys.follower);
                    self.discard_damaged()?;
                    attempt += 1;
                }
                answer => return Ok(answer?),
            }
        }
    }
}

/// Those of the lost places that readers came upon where the index had read whole batches before.
fn lost_since(
    lost: &[(i64, i64)],
    known: &Known,
    (start, end): (i64, i64),
) -> impl Iterator<Item = (i64, i64)> {
    lost.iter()
        .copied()
        .filter(move |(first, last)| *first < end && start <= *last && !known.is_damaged((*first, *last + 1)))
}
