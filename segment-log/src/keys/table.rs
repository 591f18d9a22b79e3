//! Keys, numbered as they came, each with the places where it occurs.
//!
//! Invariant: the places of a key rise. All keys stand in one piece of memory, and so do all places, so that neither a key nor
//! a place costs an allocation. Outsiders choose the keys: they are spread by a hash whose seed nobody knows.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;

use foldhash::fast::RandomState;

use crate::order::{leading, shared_prefix};

/// Room for places is made for so many at first, where there is more than one, and then for twice as many each time.
const ROOM_MIN: usize = 4;

/// Keys that are added together: as many as a processor waits for at once, several times over.
pub(super) const TOGETHER: usize = 32;

/// See the module.
#[derive(Default)]
pub(super) struct Table {
    hasher: RandomState,
    /// In each slot the hash of a key in the upper half, and its number and one more in the lower; zero where there is none.
    /// A key stands in the first that was free from its hash on; there are as many as a power of two, and one in three is
    /// free.
    slots: Vec<u64>,
    known: Vec<Known>,
    /// All keys, one behind the other.
    keys: Vec<u8>,
    places: Places,
}

/// A key.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Where it ends among all.
    key_end: usize,
    /// How many places it has,
    count: u32,
    /// and the only one, or else where its room begins, in units of the smallest.
    at: u32,
}

/// Rooms for places.
#[derive(Debug, Default)]
struct Places {
    all: Vec<u32>,
    /// Rooms that were left, by the logarithm of their size.
    free: Vec<Vec<u32>>,
}

impl Places {
    /// Adds a place to those of a key; says where they begin then.
    fn push(&mut self, known: &mut Known, place: u32) {
        let count = known.count as usize;
        known.count += 1;
        match count {
            0 => known.at = place,
            1 => {
                let only = known.at;
                known.at = self.room(ROOM_MIN);
                self.all[known.at as usize * ROOM_MIN] = only;
                self.all[known.at as usize * ROOM_MIN + 1] = place;
            }
            count if count >= ROOM_MIN && count.is_power_of_two() => {
                let (old, new) = (known.at, self.room(2 * count));
                let from = old as usize * ROOM_MIN;
                self.all.copy_within(from..from + count, new as usize * ROOM_MIN);
                let size = count.ilog2() as usize;
                if self.free.len() <= size {
                    self.free.resize_with(size + 1, Vec::new);
                }
                self.free[size].push(old);
                known.at = new;
                self.all[new as usize * ROOM_MIN + count] = place;
            }
            count => self.all[known.at as usize * ROOM_MIN + count] = place,
        }
    }

    /// A room of this size, which is a power of two.
    fn room(&mut self, size: usize) -> u32 {
        if let Some(left) = self.free.get_mut(size.ilog2() as usize).and_then(Vec::pop) {
            return left;
        }
        let at = self.all.len() / ROOM_MIN;
        self.all.resize(self.all.len() + size, 0);
        // There is no memory for more.
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    fn of<'p>(&'p self, known: &'p Known) -> &'p [u32] {
        match known.count {
            1 => std::slice::from_ref(&known.at),
            count => {
                let from = known.at as usize * ROOM_MIN;
                self.all.get(from..from + count as usize).unwrap_or_default()
            }
        }
    }
}

impl Table {
    /// Adds a place to each of some keys, [`TOGETHER`] at most, behind those they have; says how many keys are new.
    pub(super) fn add(&mut self, keys: &[(&[u8], u32)]) -> u64 {
        let mut hashes = [0; TOGETHER];
        for (hash, (key, _)) in hashes.iter_mut().zip(keys) {
            *hash = self.hash(key);
        }
        self.touch(&hashes[..keys.len().min(TOGETHER)]);
        let before = self.known.len();
        for (hash, (key, place)) in hashes.iter().zip(keys) {
            self.add_one(*hash, key, *place);
        }
        (self.known.len() - before) as u64
    }

    /// Looks at what is needed for keys with these hashes, of all of them at once: what is far away in memory is waited for
    /// together, not one after the other.
    fn touch(&self, hashes: &[u32]) {
        let Some(mask) = self.slots.len().checked_sub(1) else {
            return;
        };
        let mut seen = 0;
        for hash in hashes {
            seen ^= self.slots[*hash as usize & mask];
        }
        black_box(seen);
        let mut found = [None; TOGETHER];
        for (found, hash) in found.iter_mut().zip(hashes) {
            let number = self.find(*hash, |_| true).ok();
            *found = number.map(|number| self.known[number as usize]);
        }
        let mut seen = 0;
        for known in found.iter().flatten() {
            let key = self.keys.get(known.key_end.wrapping_sub(1));
            let place = self.places.of(known).last();
            seen ^= u32::from(key.copied().unwrap_or(0)) ^ place.copied().unwrap_or(0);
        }
        black_box(seen);
    }

    /// The number of the key with this hash that is the one; or else the slot where it is to be put.
    fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Result<u32, usize> {
        let Some(mask) = self.slots.len().checked_sub(1) else {
            return Err(0);
        };
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            let number = slot as u32;
            if number == 0 {
                return Err(at);
            }
            if (slot >> 32) as u32 == hash && is_it(number - 1) {
                return Ok(number - 1);
            }
            at = (at + 1) & mask;
        }
    }

    fn add_one(&mut self, hash: u32, key: &[u8], place: u32) {
        if self.slots.len() * 2 < (self.known.len() + 1) * 3 {
            self.grow();
        }
        match self.find(hash, |number| self.key(number) == key) {
            Ok(number) => self.places.push(&mut self.known[number as usize], place),
            Err(free) => {
                self.keys.extend_from_slice(key);
                let mut new = Known {
                    key_end: self.keys.len(),
                    count: 0,
                    at: 0,
                };
                self.places.push(&mut new, place);
                self.known.push(new);
                // A segment has no more records than 32 bits count.
                self.slots[free] = u64::from(hash) << 32 | self.known.len() as u64;
            }
        }
    }

    fn grow(&mut self) {
        let slots = vec![0; (2 * self.slots.len()).max(64)];
        let mask = slots.len() - 1;
        for slot in std::mem::replace(&mut self.slots, slots) {
            if slot != 0 {
                let mut at = (slot >> 32) as usize & mask;
                while self.slots[at] != 0 {
                    at = (at + 1) & mask;
                }
                self.slots[at] = slot;
            }
        }
    }

    /// The places of a key; none where it is not here.
    pub(super) fn get(&self, key: &[u8]) -> &[u32] {
        let number = self.find(self.hash(key), |number| self.key(number) == key);
        number.map_or(&[], |number| self.places(number))
    }

    fn hash(&self, key: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        let hash = hasher.finish();
        (hash ^ hash >> 32) as u32
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> u32 {
        self.known.len() as u32
    }

    /// The key of a number.
    pub(super) fn key(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let from = number
            .checked_sub(1)
            .map_or(0, |before| self.known[before].key_end);
        &self.keys[from..self.known[number].key_end]
    }

    /// Its places.
    pub(super) fn places(&self, number: u32) -> &[u32] {
        self.places.of(&self.known[number as usize])
    }

    /// The numbers from `from` on, by the order of their keys.
    pub(super) fn in_order(&self, from: u32) -> Vec<u32> {
        // The bytes behind what all keys begin with decide most comparisons without a look at the key.
        let shared = shared_prefix((from..self.len()).map(|number| self.key(number)));
        let told = |number| (leading(&self.key(number)[shared..])[0], number);
        let mut all: Vec<(u64, u32)> = (from..self.len()).map(told).collect();
        all.sort_unstable_by(|(one, at), (other, behind)| {
            one.cmp(other).then_with(|| self.key(*at).cmp(self.key(*behind)))
        });
        all.into_iter().map(|(_, number)| number).collect()
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let free: usize = self.places.free.iter().map(Vec::capacity).sum();
        self.slots.capacity() * size_of::<u64>()
            + self.known.capacity() * size_of::<Known>()
            + self.keys.capacity()
            + (self.places.all.capacity() + free) * size_of::<u32>()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// What a table tells is what a map of lists does.
    fn check(keys: &[Vec<u8>]) {
        let (mut table, mut model) = (Table::default(), BTreeMap::<&[u8], Vec<u32>>::new());
        let mut arrived: Vec<&[u8]> = Vec::new();
        for (place, key) in (0..).zip(keys) {
            let is_new = !model.contains_key(&**key);
            model.entry(key).or_default().push(place);
            assert_eq!(table.add(&[(key, place)]), u64::from(is_new));
            if is_new {
                arrived.push(key);
            }
            assert_eq!(table.get(key), &model[&**key][..]);
        }
        assert_eq!(table.len() as usize, model.len());
        for (number, key) in (0..).zip(&arrived) {
            assert_eq!(table.key(number), *key);
            assert_eq!(table.places(number), &model[key][..]);
        }
        for from in [0, 1, table.len()] {
            let mut wanted: Vec<&[u8]> = arrived.iter().skip(from as usize).copied().collect();
            wanted.sort_unstable();
            let found = table.in_order(from);
            let found: Vec<&[u8]> = found.iter().map(|number| table.key(*number)).collect();
            assert_eq!(found, wanted);
        }
        assert_eq!(table.get(b"another"), [0; 0]);
        let mut together = Table::default();
        let placed: Vec<(&[u8], u32)> = keys.iter().map(|key| &**key).zip(0..).collect();
        let new: u64 = placed.chunks(TOGETHER).map(|some| together.add(some)).sum();
        assert_eq!(new, u64::from(table.len()));
        for number in 0..table.len() {
            assert_eq!(together.key(number), table.key(number));
            assert_eq!(together.places(number), table.places(number));
        }
    }

    #[test]
    fn keys_that_occur_often_beside_those_that_occur_once() {
        let key = |number: u32| {
            format!(
                "order-{}",
                if number.is_multiple_of(3) {
                    number
                } else {
                    number % 11
                }
            )
        };
        let keys: Vec<Vec<u8>> = (0..3_000).map(|number| key(number).into_bytes()).collect();
        check(&keys);
        check(&[]);
        check(&vec![Vec::new(); 1_000]);
    }

    #[test]
    fn rooms_that_were_left_are_taken_again() {
        let mut table = Table::default();
        for place in 0..4_096 {
            table.add(&[(b"first", place)]);
        }
        let all = table.places.all.len();
        for place in 0..2_048 {
            table.add(&[(b"second", place)]);
        }
        assert_eq!(table.places.all.len(), all);
    }

    proptest! {
        #[test]
        fn whatever_the_keys(keys in prop::collection::vec(prop::collection::vec(0..3u8, 0..4), 0..200)) {
            check(&keys);
        }
    }
}
