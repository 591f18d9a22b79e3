//! An ordered map that is cheap to copy and cheap to change after a copy.
//!
//! A view of the registry is immutable and replaced on every write. Copying a plain `BTreeMap` of 100,000 subjects for
//! each registration would cost milliseconds; here a copy shares its leaves, and a change copies one leaf and the list
//! of leaves.
//!
//! ```text
//!   leaves ──► [ leaf, leaf, leaf ]        leaf = at most LEAF_ENTRIES_MAX sorted (key, value) pairs
//!                 │      │     └► (m,·) (q,·) …
//! ```
//!
//! Invariant: keys ascend within a leaf and from leaf to leaf; no leaf is empty.

use std::{borrow::Borrow, sync::Arc};

/// How many entries a leaf holds: a change copies this many entries, a batch of changes `len / LEAF_ENTRIES_MAX` pointers.
const LEAF_ENTRIES_MAX: usize = 128;

type Leaf<K, V> = Arc<Vec<(K, V)>>;

/// An ordered map that shares its parts with its copies.
#[derive(Debug)]
pub struct SortedMap<K, V> {
    leaves: Arc<Vec<Leaf<K, V>>>,
    len: usize,
}

impl<K, V> Clone for SortedMap<K, V> {
    fn clone(&self) -> Self {
        SortedMap {
            leaves: Arc::clone(&self.leaves),
            len: self.len,
        }
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        SortedMap {
            leaves: Arc::new(Vec::new()),
            len: 0,
        }
    }
}

impl<K, V> SortedMap<K, V> {
    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries in ascending order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.leaves
            .iter()
            .flat_map(|leaf| leaf.iter())
            .map(|(key, value)| (key, value))
    }

    /// The entry with the greatest key.
    #[must_use]
    pub fn last(&self) -> Option<(&K, &V)> {
        self.leaves.last()?.last().map(|(key, value)| (key, value))
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let leaf = self.leaves.get(self.leaf_of(key))?;
        let place = leaf.binary_search_by(|(probe, _)| probe.borrow().cmp(key)).ok()?;
        leaf.get(place).map(|(_, value)| value)
    }

    /// A key as the map holds it, and its value.
    #[must_use]
    pub fn key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.from(key)
            .next()
            .filter(|(found, _)| (*found).borrow() == key)
    }

    /// The entries from a key on, in ascending order.
    pub fn from<'a, Q: Ord + ?Sized>(
        &'a self,
        key: &Q,
    ) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V, Q>
    where
        K: Borrow<Q>,
    {
        let first = self.leaf_of(key);
        let place = self
            .leaves
            .get(first)
            .map_or(0, |leaf| leaf.partition_point(|(probe, _)| probe.borrow() < key));
        self.leaves[first.min(self.leaves.len())..]
            .iter()
            .flat_map(|leaf| leaf.iter())
            .skip(place)
            .map(|(key, value)| (key, value))
    }

    /// The leaf a key belongs to: the last one that does not begin after it.
    fn leaf_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.leaves
            .partition_point(|leaf| leaf.first().is_some_and(|(probe, _)| probe.borrow() <= key))
            .saturating_sub(1)
    }
}

impl<K: Ord + Clone, V: Clone> SortedMap<K, V> {
    /// Sets a key's value; the former one is returned.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let number = self.leaf_of(&key);
        let leaves = Arc::make_mut(&mut self.leaves);
        let Some(leaf) = leaves.get_mut(number) else {
            leaves.push(Arc::new(vec![(key, value)]));
            self.len = 1;
            return None;
        };
        let leaf = Arc::make_mut(leaf);
        match leaf.binary_search_by(|(probe, _)| probe.cmp(&key)) {
            Ok(place) => return Some(std::mem::replace(&mut leaf[place].1, value)),
            Err(place) => leaf.insert(place, (key, value)),
        }
        self.len += 1;
        if leaf.len() > LEAF_ENTRIES_MAX {
            // Keys that only grow (ids) keep full leaves: the last leaf gives up its newest entry alone.
            let is_last = number + 1 == leaves.len();
            let leaf = Arc::make_mut(&mut leaves[number]);
            let cut = if is_last {
                LEAF_ENTRIES_MAX
            } else {
                LEAF_ENTRIES_MAX / 2
            };
            let rest = leaf.split_off(cut);
            leaves.insert(number + 1, Arc::new(rest));
        }
        None
    }

    /// A key's value, to be changed; one that is not there begins with the default.
    pub fn get_mut_or_default(&mut self, key: &K) -> &mut V
    where
        V: Default,
    {
        if self.get(key).is_none() {
            self.insert(key.clone(), V::default());
        }
        let number = self.leaf_of(key);
        let leaf = Arc::make_mut(&mut Arc::make_mut(&mut self.leaves)[number]);
        let place = leaf.partition_point(|(probe, _)| probe < key);
        &mut leaf[place].1
    }

    /// Removes a key; its value is returned.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let number = self.leaf_of(key);
        let place = self
            .leaves
            .get(number)?
            .binary_search_by(|(probe, _)| probe.borrow().cmp(key))
            .ok()?;
        let leaves = Arc::make_mut(&mut self.leaves);
        let leaf = Arc::make_mut(&mut leaves[number]);
        let (_, value) = leaf.remove(place);
        if leaf.is_empty() {
            leaves.remove(number);
        }
        self.len -= 1;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A sequence of pseudo-random numbers: the same every time.
    fn numbers(mut seed: u64) -> impl Iterator<Item = u64> {
        std::iter::repeat_with(move || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        })
    }

    #[test]
    fn behaves_like_a_btree_map() {
        for (seed, span) in [(1, 50), (2, 2_000), (3, 100_000)] {
            let (mut ours, mut model) = (SortedMap::default(), BTreeMap::new());
            for (step, number) in numbers(seed).take(6_000).enumerate() {
                let key = number % span;
                if step % 5 == 4 {
                    assert_eq!(ours.remove(&key), model.remove(&key), "remove {key}");
                } else {
                    assert_eq!(ours.insert(key, step), model.insert(key, step), "insert {key}");
                }
                let probe = number % (span + 7);
                assert_eq!(ours.get(&probe), model.get(&probe), "get {probe}");
                if step % 97 == 0 {
                    assert!(ours.from(&probe).eq(model.range(probe..)), "from {probe}");
                }
            }
            assert_eq!(ours.len(), model.len());
            assert!(ours.iter().eq(model.iter()));
            assert_eq!(ours.last(), model.last_key_value());
        }
    }

    #[test]
    fn a_copy_does_not_see_later_changes() {
        let mut map: SortedMap<u32, u32> = SortedMap::default();
        for key in 1..=1_000 {
            map.insert(key, key);
        }
        let copy = map.clone();
        map.insert(7, 0);
        map.remove(&8);
        map.insert(5_000, 0);
        assert_eq!(
            (copy.get(&7), copy.get(&8), copy.get(&5_000), copy.len()),
            (Some(&7), Some(&8), None, 1_000)
        );
        assert_eq!(
            (map.get(&7), map.get(&8), map.get(&5_000), map.len()),
            (Some(&0), None, Some(&0), 1_000)
        );
    }

    #[test]
    fn growing_keys_keep_full_leaves() {
        let mut map = SortedMap::default();
        for key in 0..2_560_u32 {
            map.insert(key, ());
        }
        assert_eq!(map.leaves.len(), 20);
    }
}
