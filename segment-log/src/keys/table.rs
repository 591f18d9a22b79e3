//! Keys, numbered as they came, each with the places where it occurs.
//!
//! Invariant: the places of a key rise. All keys stand in one piece of memory, and so do all places, so that neither a key nor
//! a place costs an allocation. Outsiders choose the keys: they are spread by a hash whose seed nobody knows.

use std::fmt;
use std::hash::{BuildHasher, Hasher};

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::order::{leading, shared_prefix};

/// Room for places is made for so many at first, where there is more than one, and then for twice as many each time.
const ROOM_MIN: usize = 4;

/// See the module.
#[derive(Default)]
pub(super) struct Table {
    hasher: DefaultHashBuilder,
    /// The numbers of keys, by their hashes.
    numbers: HashTable<u32>,
    known: Vec<Known>,
    /// All keys, one behind the other.
    keys: Vec<u8>,
    places: Places,
}

/// A key.
#[derive(Debug, Clone, Copy)]
struct Known {
    hash: u64,
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

fn key_of<'k>(known: &[Known], keys: &'k [u8], number: u32) -> &'k [u8] {
    let number = number as usize;
    let from = number.checked_sub(1).map_or(0, |before| known[before].key_end);
    &keys[from..known[number].key_end]
}

impl Table {
    /// Adds a place of a key, behind those it has; says whether the key is new.
    pub(super) fn add(&mut self, key: &[u8], place: u32) -> bool {
        let hash = self.hash(key);
        let Table {
            numbers,
            known,
            keys,
            places,
            ..
        } = self;
        let is_it =
            |number: &u32| known[*number as usize].hash == hash && key_of(known, keys, *number) == key;
        match numbers.entry(hash, is_it, |number| known[*number as usize].hash) {
            Entry::Occupied(found) => {
                let number = *found.get() as usize;
                places.push(&mut known[number], place);
                false
            }
            Entry::Vacant(free) => {
                // A segment has no more records than 32 bits count.
                free.insert(known.len() as u32);
                keys.extend_from_slice(key);
                let mut new = Known {
                    hash,
                    key_end: keys.len(),
                    count: 0,
                    at: 0,
                };
                places.push(&mut new, place);
                known.push(new);
                true
            }
        }
    }

    /// The places of a key; none where it is not here.
    pub(super) fn get(&self, key: &[u8]) -> &[u32] {
        let is_it = |number: &u32| self.key(*number) == key;
        let number = self.numbers.find(self.hash(key), is_it);
        number.map_or(&[], |number| self.places(*number))
    }

    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> u32 {
        self.known.len() as u32
    }

    /// The key of a number.
    pub(super) fn key(&self, number: u32) -> &[u8] {
        key_of(&self.known, &self.keys, number)
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
        self.numbers.allocation_size()
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
            assert_eq!(table.add(key, place), is_new);
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
            table.add(b"first", place);
        }
        let all = table.places.all.len();
        for place in 0..2_048 {
            table.add(b"second", place);
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
