//! The keys and times of the segment that is being read in, in memory.
//!
//! Invariant: it tells of every committed record from where it began to `end` that can be read, and of none behind.
//! Offsets of a key rise.

use std::sync::{Arc, Mutex};

use super::KeyEntry;
use super::facts::Facts;
use super::reading::Reading;
use super::table::{TOGETHER, Table};
use super::times::{self, Times};
use crate::mutex::lock;

/// See the module.
#[derive(Debug)]
pub(crate) struct Part {
    /// The first offset of its segment.
    base: i64,
    /// The first offset it has not looked at.
    end: i64,
    /// Whether it began with its segment.
    is_whole: bool,
    facts: Facts,
    /// Where keys occur, by distance from the base.
    keys: Table,
    /// The first so many of them in the order of their bytes, since somebody asked for it.
    ordered: Mutex<Arc<Vec<u32>>>,
    times: Times,
    /// First and last offset of each batch that cannot be read, or of which records are gone.
    unreadable: Vec<(i64, i64)>,
    /// Whether all of it rests on what it says it does.
    is_sure: bool,
}

impl Part {
    /// Of the segment that begins at `base`, from the offset `from` on.
    pub(crate) fn new(base: i64, from: i64) -> Part {
        Part {
            base,
            end: from,
            is_whole: from == base,
            facts: Facts::default(),
            keys: Table::default(),
            ordered: Mutex::default(),
            times: Times::default(),
            unreadable: Vec::new(),
            is_sure: true,
        }
    }

    /// The first offset of its segment.
    pub(crate) fn base(&self) -> i64 {
        self.base
    }

    /// The first offset it has not looked at.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Whether it is all there is to say about its segment.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether a file of it is believed after a restart.
    pub(crate) fn is_sure(&self) -> bool {
        self.is_sure
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn times(&self) -> &Times {
        &self.times
    }

    pub(super) fn unreadable(&self) -> &[(i64, i64)] {
        &self.unreadable
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let ordered = self.keys.len() as usize * size_of::<u32>();
        let unreadable = self.unreadable.len() * size_of::<(i64, i64)>();
        self.keys.bytes() + ordered + self.times.bytes() + unreadable
    }

    /// Takes in what was read of a batch.
    pub(crate) fn add(&mut self, reading: &Reading) {
        if reading.gapped {
            self.facts.gapped = true;
            self.facts.unreadable += 1;
            self.unreadable
                .push((reading.base.max(self.end), reading.end - 1));
        }
        // What was deleted from the front of its batch is nobody's.
        let from = self.end;
        let mut keys: [(&[u8], u32); TOGETHER] = [(&[], 0); TOGETHER];
        let mut keyed = 0;
        for event in reading.events.iter().filter(|event| event.offset >= from) {
            // A segment's offsets fit into 32 bits.
            let Ok(delta) = u32::try_from(event.offset - self.base) else {
                continue;
            };
            self.facts.records += 1;
            if reading.by_producer {
                self.facts.producer_from.get_or_insert(event.offset);
            }
            self.times.push(delta, event.ms);
            // Ranges rise; what is gapped is told of as a whole.
            if !reading.gapped && reading.hidden.binary_search(&event.offset).is_ok() {
                self.add_unreadable(event.offset, reading.base);
            }
            match reading.key(event) {
                Some(key) => {
                    keys[keyed] = (key, delta);
                    keyed += 1;
                }
                None => self.facts.keyless += 1,
            }
            if keyed == TOGETHER {
                self.facts.keys += self.keys.add(&keys);
                keyed = 0;
            }
        }
        self.facts.keys += self.keys.add(&keys[..keyed]);
        self.is_sure &= reading.is_sure;
        self.facts.last_ms = self.times.last_ms();
        self.end = reading.end;
    }

    /// A record of which nobody knows whose it is; one behind another of the same batch is one place with it. What is written later
    /// makes no place longer.
    fn add_unreadable(&mut self, offset: i64, batch: i64) {
        match self.unreadable.last_mut() {
            Some((_, last)) if batch <= *last && *last + 1 == offset => *last = offset,
            _ => {
                self.facts.unreadable += 1;
                self.unreadable.push((offset, offset));
            }
        }
    }

    /// The keys that are met first at `from` or behind, of what is left from `start` on.
    pub(super) fn keys_since(&self, from: i64, start: i64) -> Vec<KeyEntry> {
        let met_before = |offset: i64| {
            let (mut low, mut high) = (0, self.keys.len());
            while low < high {
                let middle = low + (high - low) / 2;
                match self.first(middle) < offset {
                    true => low = middle + 1,
                    false => high = middle,
                }
            }
            low
        };
        let again = (0..met_before(start)).filter_map(|number| {
            let entry = self.entry(number);
            let first_offset = self.first_in(&entry.key, (start, i64::MAX))?;
            Some(KeyEntry {
                first_offset,
                ..entry
            })
        });
        let again = again.filter(|entry| entry.first_offset >= from);
        // In order: whoever compares them needs not put many of them in order.
        let since = self.keys.in_order(met_before(from.max(start))).into_iter();
        again.chain(since.map(|number| self.entry(number))).collect()
    }

    /// The numbers of all keys in the order of their bytes; those that came since somebody asked are put in their places.
    fn ordered(&self) -> Arc<Vec<u32>> {
        let mut ordered = lock(&self.ordered);
        if ordered.len() < self.keys.len() as usize {
            let mut all = Vec::with_capacity(self.keys.len() as usize);
            all.extend_from_slice(&ordered);
            all.extend(self.keys.in_order(ordered.len() as u32));
            // Of two runs, which this sort merges.
            all.sort_by(|one, other| self.keys.key(*one).cmp(self.keys.key(*other)));
            *ordered = Arc::new(all);
        }
        Arc::clone(&ordered)
    }

    /// Where a key is met first, by its number.
    fn first(&self, number: u32) -> i64 {
        self.base + self.keys.places(number).first().copied().map_or(0, i64::from)
    }

    fn entry(&self, number: u32) -> KeyEntry {
        KeyEntry {
            key: Box::from(self.keys.key(number)),
            first_offset: self.first(number),
        }
    }

    /// How often the key occurs before `end`.
    pub(super) fn count(&self, key: &[u8], end: i64) -> u64 {
        let offsets = self.keys.get(key);
        offsets.partition_point(|delta| self.base + i64::from(*delta) < end) as u64
    }

    /// Where the key occurs: from its `skip`th place on, at most `max`.
    pub(super) fn offsets(&self, key: &[u8], skip: u64, max: usize) -> Vec<i64> {
        let offsets = self.keys.get(key);
        let absolute = |delta: &u32| self.base + i64::from(*delta);
        offsets
            .iter()
            .skip(skip as usize)
            .take(max)
            .map(absolute)
            .collect()
    }

    /// The `max` lowest keys behind `after`, in order.
    pub(super) fn keys_after(&self, after: Option<&[u8]>, max: usize) -> Vec<KeyEntry> {
        let PartFirsts { ordered, at, .. } = self.firsts(after);
        let behind = ordered.iter().skip(at).take(max);
        behind.map(|number| self.entry(*number)).collect()
    }

    /// Its keys behind `after`.
    pub(super) fn firsts(&self, after: Option<&[u8]>) -> PartFirsts<'_> {
        let ordered = self.ordered();
        let before = |number: &u32| after.is_some_and(|after| self.keys.key(*number) <= after);
        PartFirsts {
            part: self,
            at: ordered.partition_point(before),
            ordered,
        }
    }

    /// The first offset of a key in a range.
    pub(super) fn first_in(&self, key: &[u8], (from, end): (i64, i64)) -> Option<i64> {
        let first = self.offsets(key, self.count(key, from), 1);
        first.first().copied().filter(|first| *first < end)
    }

    /// The greatest time of the records up to an offset, by this segment alone.
    pub(super) fn recorded_by(&self, offset: i64) -> Option<i64> {
        self.times.at(times::delta(self.base, offset)?)
    }

    /// The first offset with a later time.
    pub(super) fn later(&self, ms: i64) -> Option<i64> {
        self.times.later(ms).map(|delta| self.base + i64::from(delta))
    }

    /// All keys in order, with their offsets by distance from the base.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (&[u8], &[u32])> {
        let numbers = self.keys.in_order(0).into_iter();
        numbers.map(|number| (self.keys.key(number), self.keys.places(number)))
    }
}

/// The keys of a part in order, each with its first offset.
pub(super) struct PartFirsts<'a> {
    part: &'a Part,
    ordered: Arc<Vec<u32>>,
    at: usize,
}

impl PartFirsts<'_> {
    /// The key it stands at; none at the end.
    pub(super) fn first(&self) -> Option<(&[u8], i64)> {
        let number = *self.ordered.get(self.at)?;
        Some((self.part.keys.key(number), self.part.first(number)))
    }

    /// Goes on to the next key.
    pub(super) fn advance(&mut self) {
        self.at += 1;
    }
}
