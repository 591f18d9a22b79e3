//! The keys of the segment that is being read in, in memory.
//!
//! Invariant: it tells of every committed record of the offsets `base..end`, and of none behind. Offsets of a key rise.

use std::collections::{BinaryHeap, HashMap};

use super::KeyEntry;
use super::reading::Reading;

/// What an entry takes besides its key: the table's slot, the vector or box, the allocator's share. Measured, rounded.
const ENTRY_BYTES: usize = 72;

/// See the module.
#[derive(Debug)]
pub(crate) struct Part {
    /// The first offset of its segment.
    base: i64,
    /// The first offset it has not looked at.
    end: i64,
    /// Whether it began with its segment.
    is_whole: bool,
    /// Records that were there once are gone.
    gapped: bool,
    keys: HashMap<Box<[u8]>, Offsets>,
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
            gapped: false,
            keys: HashMap::new(),
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

    /// Whether records that were there once are gone.
    pub(super) fn is_gapped(&self) -> bool {
        self.gapped
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn key_count(&self) -> u64 {
        self.keys.len() as u64
    }

    /// Takes in what was read of a batch.
    pub(crate) fn add(&mut self, reading: &Reading) {
        self.gapped |= reading.gapped;
        for (offset, key) in &reading.keys {
            // A segment's offsets fit into 32 bits.
            let Ok(delta) = u32::try_from(offset - self.base) else {
                continue;
            };
            self.bytes += size_of::<u32>();
            match self.keys.get_mut(key.as_ref()) {
                Some(Offsets::Many(many)) => many.push(delta),
                Some(one) => *one = Offsets::Many(vec![one.all()[0], delta]),
                None => {
                    self.bytes += key.len() + ENTRY_BYTES;
                    self.keys.insert(Box::from(key.as_ref()), Offsets::One(delta));
                }
            }
        }
        self.end = reading.end;
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
        let entry = |key: &[u8]| {
            let offsets = self.keys.get(key).map(Offsets::all).unwrap_or_default();
            KeyEntry {
                key: Box::from(key),
                first_offset: self.base + offsets.first().copied().map_or(0, i64::from),
            }
        };
        lowest.into_sorted_vec().into_iter().map(entry).collect()
    }

    /// The first offset of a key in a range.
    pub(super) fn first_in(&self, key: &[u8], (from, end): (i64, i64)) -> Option<i64> {
        let first = self.offsets(key, self.count(key, from), 1);
        first.first().copied().filter(|first| *first < end)
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
