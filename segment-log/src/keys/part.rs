//! The keys and times of the segment that is being read in, in memory.
//!
//! Invariant: it tells of every committed record from where it began to `end` that can be read, and of none behind.
//! Offsets of a key rise.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::KeyEntry;
use super::facts::Facts;
use super::reading::Reading;
use super::times::{self, Times};
use crate::mutex::lock;
use crate::order::{leading, shared_prefix};

/// What an entry takes besides its key: the table's slot, the vector or box, the allocator's share, and its places in the
/// two lists. Measured, rounded.
const ENTRY_BYTES: usize = 120;

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
    keys: HashMap<Arc<[u8]>, Offsets>,
    /// All keys, as they were met first.
    arrived: Vec<Arc<[u8]>>,
    /// The first so many of them in the order of their bytes, since somebody asked for it.
    ordered: Mutex<Arc<Vec<Arc<[u8]>>>>,
    times: Times,
    /// First and last offset of each batch that cannot be read, or of which records are gone.
    unreadable: Vec<(i64, i64)>,
    /// Whether all of it rests on what it says it does.
    is_sure: bool,
    bytes: usize,
}

/// Where a key occurs, by distance from the base. Most keys of a segment occur in it once.
#[derive(Debug)]
enum Offsets {
    One(u32),
    Many(Vec<u32>),
}

impl Offsets {
    fn all(&self) -> &[u32] {
        match self {
            Offsets::One(one) => std::slice::from_ref(one),
            Offsets::Many(many) => many,
        }
    }
}

impl Part {
    /// Of the segment that begins at `base`, from the offset `from` on.
    pub(crate) fn new(base: i64, from: i64) -> Part {
        Part {
            base,
            end: from,
            is_whole: from == base,
            facts: Facts::default(),
            keys: HashMap::new(),
            arrived: Vec::new(),
            ordered: Mutex::default(),
            times: Times::default(),
            unreadable: Vec::new(),
            is_sure: true,
            bytes: 0,
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
        self.bytes + self.times.bytes() + self.unreadable.len() * size_of::<(i64, i64)>()
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
                Some(key) => self.add_key(key, delta),
                None => self.facts.keyless += 1,
            }
        }
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

    fn add_key(&mut self, key: &[u8], delta: u32) {
        self.bytes += size_of::<u32>();
        match self.keys.get_mut(key) {
            Some(Offsets::Many(many)) => many.push(delta),
            Some(one) => *one = Offsets::Many(vec![one.all()[0], delta]),
            None => {
                self.bytes += key.len() + ENTRY_BYTES;
                self.facts.keys += 1;
                let key: Arc<[u8]> = Arc::from(key);
                self.arrived.push(Arc::clone(&key));
                self.keys.insert(key, Offsets::One(delta));
            }
        }
    }

    /// The keys that are met first at `from` or behind, of what is left from `start` on.
    pub(super) fn keys_since(&self, from: i64, start: i64) -> Vec<KeyEntry> {
        let met_before = |offset: i64| {
            self.arrived
                .partition_point(|key| self.first(key).is_some_and(|first| first < offset))
        };
        let deleted = self.arrived.iter().take(met_before(start));
        let again = deleted.filter_map(|key| {
            let first_offset = self.first_in(key, (start, i64::MAX))?;
            Some(KeyEntry {
                first_offset,
                ..self.entry(key)?
            })
        });
        let again = again.filter(|entry| entry.first_offset >= from);
        let since = self.arrived.iter().skip(met_before(from.max(start)));
        again.chain(since.filter_map(|key| self.entry(key))).collect()
    }

    /// All keys in the order of their bytes; those that came since somebody asked are put in their places.
    fn ordered(&self) -> Arc<Vec<Arc<[u8]>>> {
        let mut ordered = lock(&self.ordered);
        if ordered.len() < self.arrived.len() {
            let mut fresh = self.arrived.get(ordered.len()..).unwrap_or_default().to_vec();
            fresh.sort_unstable();
            let mut all = Vec::with_capacity(self.arrived.len());
            all.extend(ordered.iter().cloned());
            all.append(&mut fresh);
            // Of two runs, which this sort merges.
            all.sort();
            *ordered = Arc::new(all);
        }
        Arc::clone(&ordered)
    }

    fn first(&self, key: &[u8]) -> Option<i64> {
        let first = self.keys.get(key)?.all().first()?;
        Some(self.base + i64::from(*first))
    }

    fn entry(&self, key: &[u8]) -> Option<KeyEntry> {
        Some(KeyEntry {
            key: Box::from(key),
            first_offset: self.first(key)?,
        })
    }

    /// How often the key occurs before `end`.
    pub(super) fn count(&self, key: &[u8], end: i64) -> u64 {
        let offsets = self.keys.get(key).map(Offsets::all).unwrap_or_default();
        offsets.partition_point(|delta| self.base + i64::from(*delta) < end) as u64
    }

    /// Where the key occurs: from its `skip`th place on, at most `max`.
    pub(super) fn offsets(&self, key: &[u8], skip: u64, max: usize) -> Vec<i64> {
        let offsets = self.keys.get(key).map(Offsets::all).unwrap_or_default();
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
        let ordered = self.ordered();
        let before = |key: &Arc<[u8]>| after.is_some_and(|after| **key <= *after);
        let behind = ordered.iter().skip(ordered.partition_point(before));
        behind.take(max).filter_map(|key| self.entry(key)).collect()
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
    pub(super) fn sorted(&self) -> Vec<(&[u8], &[u32])> {
        // The bytes behind what all keys begin with decide most comparisons without a look at the key.
        let shared = shared_prefix(self.keys.keys().map(|key| &**key));
        let mut all: Vec<([u64; 2], &[u8], &[u32])> = (self.keys.iter())
            .map(|(key, offsets)| (leading(&key[shared..]), &**key, offsets.all()))
            .collect();
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0).then_with(|| one.1.cmp(other.1)));
        all.into_iter().map(|(_, key, offsets)| (key, offsets)).collect()
    }
}
