//! The keys and times of the segment that is being read in, in memory.
//!
//! Invariant: it tells of every committed record from where it began to `end` that can be read, and of none behind.
//! Offsets of a key rise.

use std::collections::{BinaryHeap, HashMap};

use super::KeyEntry;
use super::facts::Facts;
use super::reading::Reading;
use super::times::Times;

/// What an entry takes besides its key: the table's slot, the vector or box, the allocator's share. Measured, rounded.
const ENTRY_BYTES: usize = 72;

/// What a new key takes besides its bytes while nobody has looked whether it is new in the partition.
const FRESH_BYTES: usize = 32;

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
    keys: HashMap<Box<[u8]>, Offsets>,
    times: Times,
    /// First and last offset of each batch that cannot be read, or of which records are gone.
    unreadable: Vec<(i64, i64)>,
    /// Keys and where they were met first, since somebody looked at all of them; none where nobody has.
    fresh: Option<Vec<KeyEntry>>,
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
            times: Times::default(),
            unreadable: Vec::new(),
            fresh: None,
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
            match &event.key {
                Some(key) => self.add_key(key, event.offset, delta),
                None => self.facts.keyless += 1,
            }
        }
        self.facts.last_ms = self.times.last_ms();
        self.end = reading.end;
    }

    fn add_key(&mut self, key: &[u8], offset: i64, delta: u32) {
        self.bytes += size_of::<u32>();
        match self.keys.get_mut(key) {
            Some(Offsets::Many(many)) => many.push(delta),
            Some(one) => *one = Offsets::Many(vec![one.all()[0], delta]),
            None => {
                self.bytes += key.len() + ENTRY_BYTES;
                self.facts.keys += 1;
                self.keys.insert(Box::from(key), Offsets::One(delta));
                if let Some(fresh) = &mut self.fresh {
                    self.bytes += key.len() + FRESH_BYTES;
                    fresh.push(KeyEntry {
                        key: Box::from(key),
                        first_offset: offset,
                    });
                }
            }
        }
    }

    /// The keys that are met first at `from` or behind.
    pub(super) fn keys_since(&self, from: i64) -> Vec<KeyEntry> {
        let is_since = |entry: &KeyEntry| entry.first_offset >= from;
        match &self.fresh {
            Some(fresh) => fresh.iter().filter(|entry| is_since(entry)).cloned().collect(),
            None => {
                let all = self.keys.iter().map(|(key, offsets)| self.entry(key, offsets));
                all.filter(is_since).collect()
            }
        }
    }

    /// Somebody has looked at all keys met first before `end`.
    pub(super) fn note_looked_at(&mut self, end: i64) {
        if self.fresh.is_none() && self.end > end {
            return;
        }
        let fresh = self.fresh.get_or_insert_default();
        let mut freed = 0;
        fresh.retain(|entry| {
            let stays = entry.first_offset >= end;
            freed += if stays { 0 } else { entry.key.len() + FRESH_BYTES };
            stays
        });
        self.bytes = self.bytes.saturating_sub(freed);
    }

    fn entry(&self, key: &[u8], offsets: &Offsets) -> KeyEntry {
        KeyEntry {
            key: Box::from(key),
            first_offset: self.base + offsets.all().first().copied().map_or(0, i64::from),
        }
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
        let mut lowest: BinaryHeap<&[u8]> = BinaryHeap::new();
        for key in self.keys.keys() {
            let behind = after.is_none_or(|after| &**key > after);
            let lower = lowest.len() < max || lowest.peek().is_some_and(|highest| &**key < *highest);
            if behind && lower {
                lowest.push(key);
                if lowest.len() > max {
                    lowest.pop();
                }
            }
        }
        let lowest = lowest.into_sorted_vec().into_iter();
        let entry = |key: &[u8]| Some(self.entry(key, self.keys.get(key)?));
        lowest.filter_map(entry).collect()
    }

    /// The first offset of a key in a range.
    pub(super) fn first_in(&self, key: &[u8], (from, end): (i64, i64)) -> Option<i64> {
        let first = self.offsets(key, self.count(key, from), 1);
        first.first().copied().filter(|first| *first < end)
    }

    /// When the records at these offsets were recorded, by this segment alone.
    pub(super) fn recorded(&self, offsets: &[i64]) -> Vec<Option<i64>> {
        let at = |offset: &i64| self.times.at(u32::try_from(offset - self.base).ok()?);
        offsets.iter().map(at).collect()
    }

    /// The first offset with a later time.
    pub(super) fn later(&self, ms: i64) -> Option<i64> {
        self.times.later(ms).map(|delta| self.base + i64::from(delta))
    }

    /// All keys in order, with their offsets by distance from the base.
    pub(super) fn sorted(&self) -> Vec<(&[u8], &[u32])> {
        // The bytes behind what all keys begin with decide most comparisons without a look at the key.
        let shared = self.shared_prefix();
        let mut all: Vec<(u64, &[u8], &[u32])> = (self.keys.iter())
            .map(|(key, offsets)| (leading(&key[shared..]), &**key, offsets.all()))
            .collect();
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0).then_with(|| one.1.cmp(other.1)));
        all.into_iter().map(|(_, key, offsets)| (key, offsets)).collect()
    }

    /// How many bytes all keys begin with.
    fn shared_prefix(&self) -> usize {
        let mut keys = self.keys.keys();
        let Some(first) = keys.next() else { return 0 };
        keys.fold(first.len(), |shared, key| {
            let both = first[..shared].iter().zip(&**key);
            both.take_while(|(one, other)| one == other).count()
        })
    }
}

/// The first eight bytes as a number that orders as they do; keys that end before count as if zeros followed.
fn leading(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let taken = bytes.len().min(8);
    first[..taken].copy_from_slice(&bytes[..taken]);
    u64::from_be_bytes(first)
}
