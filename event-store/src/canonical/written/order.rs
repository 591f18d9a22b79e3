//! The entries of objects that are open, and how they are put in order (`key_order.rs`).
//!
//! Invariant: those of an object stand behind those of the object it is in. Of entries with the same key the last one stands,
//! as in a map. How objects were put in order is remembered for those that have the same keys, as most of a population do.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::canonical::key_order;

/// Entries of the objects that are open at once in most states; there is room for more when there are.
const ENTRIES: usize = 32;

/// Objects that are remembered: those of one kind of state, and of a few others.
const SHAPES_MAX: usize = 32;
/// Entries of an object that is remembered.
const SHAPE_ENTRIES_MAX: usize = 64;

/// Bytes of memory that are kept from one value for the next.
const MEMORY_BYTES_MAX: usize = 64 << 10;

/// Where an entry stands in what is written.
#[derive(Clone, Copy)]
struct Entry {
    /// What its key begins with, as a number, by which objects with the same keys are known, and most comparisons are decided.
    leading: u64,
    key_at: usize,
    key_end: usize,
    end: usize,
    /// The key has a character that is escaped.
    is_escaped: bool,
}

/// See the module.
#[derive(Default)]
pub(super) struct Order {
    entries: Vec<Entry>,
    /// Leading, by the rank of its bytes, and place of each entry of the object that is put in order, and its text: the same memory
    /// for each object.
    places: Vec<(u64, usize)>,
    sorted: Vec<u8>,
    shapes: Vec<Shape>,
}

/// Keys that differ in what they begin with, and their order.
struct Shape {
    leading: Vec<u64>,
    /// The places of the entries, in order; none where they are in order as they come.
    places: Vec<usize>,
}

impl Entry {
    /// The key as it was before it was escaped.
    fn key<'o>(&self, out: &'o [u8]) -> Cow<'o, [u8]> {
        let quoted = out.get(self.key_at..self.key_end).unwrap_or_default();
        match quoted {
            quoted if self.is_escaped => Cow::Owned(
                serde_json::from_slice::<String>(quoted)
                    .unwrap_or_default()
                    .into_bytes(),
            ),
            [_, key @ .., _] => Cow::Borrowed(key),
            _ => Cow::Borrowed(&[]),
        }
    }
}

impl Order {
    /// The place of the first entry of the object that begins.
    #[inline]
    pub(super) fn open(&mut self) -> usize {
        if self.entries.capacity() == 0 {
            self.entries.reserve(ENTRIES);
        }
        self.entries.len()
    }

    /// Whether an object whose first entry has this place has none yet.
    #[inline]
    pub(super) fn is_empty(&self, first: usize) -> bool {
        self.entries.len() == first
    }

    /// An entry begins, whose key is this, and stands here with its quotation marks.
    #[inline]
    pub(super) fn push(&mut self, key: &[u8], (key_at, key_end): (usize, usize), is_escaped: bool) {
        self.entries.push(Entry {
            leading: leading(key),
            key_at,
            key_end,
            end: key_end,
            is_escaped,
        });
    }

    /// The entry that was begun last, of those that are open, ends here.
    #[inline]
    pub(super) fn end_entry(&mut self, at: usize) {
        if let Some(entry) = self.entries.last_mut() {
            entry.end = at;
        }
    }

    /// Forgets the entries of a value that got no further than an error, and gives back what a large one took.
    pub(super) fn finish(&mut self) {
        self.entries.clear();
        if self.sorted.capacity() > MEMORY_BYTES_MAX {
            (self.entries, self.places, self.sorted) = Default::default();
        }
    }

    /// Puts the entries from `first` on in order, and forgets them.
    pub(super) fn close(&mut self, first: usize, out: &mut Vec<u8>) {
        let entries = self.entries.get(first..).unwrap_or_default();
        if entries.len() > 1 {
            let is_it = |shape: &&Shape| {
                let leading = shape.leading.iter().zip(entries);
                shape.leading.len() == entries.len()
                    && leading
                        .into_iter()
                        .all(|(leading, entry)| *leading == entry.leading)
            };
            match self.shapes.iter().find(is_it) {
                Some(shape) if shape.places.is_empty() => {}
                Some(shape) => put(entries, shape.places.iter().copied(), &mut self.sorted, out),
                None => self.sort(first, out),
            }
        }
        self.entries.truncate(first);
    }

    fn sort(&mut self, first: usize, out: &mut Vec<u8>) {
        let Order {
            entries,
            places,
            sorted,
            shapes,
        } = self;
        let entries = entries.get(first..).unwrap_or_default();
        let same = |one: usize, other: usize| match (entries.get(one), entries.get(other)) {
            (Some(one), Some(other)) => key_order::compare(&one.key(out), &other.key(out)),
            _ => Ordering::Equal,
        };
        places.clear();
        let rank = |leading: u64| u64::from_be_bytes(leading.to_be_bytes().map(key_order::rank));
        let leading = entries.iter().map(|entry| rank(entry.leading));
        places.extend(leading.zip(0..));
        places.sort_unstable_by(|(one, at), (other, behind)| {
            let leading = one.cmp(other);
            leading
                .then_with(|| same(*at, *behind))
                .then_with(|| at.cmp(behind))
        });
        let differ = |pair: &[(u64, usize)]| matches!(pair, [(one, _), (next, _)] if one != next);
        if shapes.len() < SHAPES_MAX && entries.len() <= SHAPE_ENTRIES_MAX && places.windows(2).all(differ) {
            let in_order = places.iter().map(|(_, at)| *at);
            shapes.push(Shape {
                leading: entries.iter().map(|entry| entry.leading).collect(),
                places: match in_order.clone().is_sorted() {
                    true => Vec::new(),
                    false => in_order.collect(),
                },
            });
        }
        let stands = |(place, (leading, at)): (usize, &(u64, usize))| {
            let next = places.get(place + 1);
            let again = next.is_some_and(|(next, behind)| next == leading && same(*at, *behind).is_eq());
            (!again).then_some(*at)
        };
        let standing: Vec<usize> = places.iter().enumerate().filter_map(stands).collect();
        put(entries, standing.into_iter(), sorted, out);
    }
}

/// Puts these of some entries in the place of all.
fn put(entries: &[Entry], places: impl Iterator<Item = usize>, sorted: &mut Vec<u8>, out: &mut Vec<u8>) {
    let begins = entries.first().map_or(out.len(), |first| first.key_at);
    sorted.clear();
    for at in places {
        if !sorted.is_empty() {
            sorted.push(b',');
        }
        let piece = entries.get(at).and_then(|entry| out.get(entry.key_at..entry.end));
        sorted.extend_from_slice(piece.unwrap_or_default());
    }
    out.truncate(begins);
    out.extend_from_slice(sorted);
}

/// The first bytes of a key as a number.
#[inline]
fn leading(key: &[u8]) -> u64 {
    match (key.first_chunk(), key.first_chunk(), key.last_chunk()) {
        (Some(first), ..) => u64::from_be_bytes(*first),
        (None, Some(first), Some(last)) => {
            // The last four bytes are of the first in part, which are shifted out.
            let behind = u32::from_be_bytes(*last).checked_shl(64 - 8 * key.len() as u32);
            u64::from(u32::from_be_bytes(*first)) << 32 | u64::from(behind.unwrap_or_default())
        }
        _ => {
            let number = key.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            // Fewer than four; none are no number.
            number.checked_shl(64 - 8 * key.len() as u32).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_begins_with_is_a_number() {
        for length in 0..12u8 {
            let key: Vec<u8> = (1..=length).collect();
            let mut first = [0; 8];
            for (place, byte) in first.iter_mut().zip(&key) {
                *place = *byte;
            }
            assert_eq!(leading(&key), u64::from_be_bytes(first), "{length}");
        }
    }
}
