//! What stands for the ids of schemas, kept for good: it is asked for by each event, and looking for it takes no lock.
//!
//! Invariant: what is here stays, unchanged, as long as the whole. So whoever keeps it says how many there may be.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals_schema_model::SchemaId;

/// Lists that ids are spread over.
const LISTS: usize = 256;

/// See the module.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    lists: [Link<T>; LISTS],
    count: AtomicUsize,
    max: usize,
}

/// The place of the next entry of a list.
type Link<T> = OnceLock<Box<Entry<T>>>;

#[derive(Debug)]
struct Entry<T> {
    id: SchemaId,
    kept: T,
    next: Link<T>,
}

impl<T> Kept<T> {
    /// Keeps so many at most; one more for each thread that asks at the same moment.
    pub(crate) fn up_to(max: usize) -> Kept<T> {
        Kept {
            lists: [const { Link::new() }; LISTS],
            count: AtomicUsize::new(0),
            max,
        }
    }

    /// What stands for an id.
    pub(crate) fn get(&self, id: SchemaId) -> Option<&T> {
        self.find(id).ok()
    }

    /// What stands for an id, or else where it is to be put.
    fn find(&self, id: SchemaId) -> Result<&T, Option<&Link<T>>> {
        let mut link = self.lists.get(id.get() as usize % LISTS);
        while let Some(entry) = link.and_then(Link::get) {
            if entry.id == id {
                return Ok(&entry.kept);
            }
            link = Some(&entry.next);
        }
        Err(link)
    }

    /// Keeps what stands for an id, unless there are too many.
    pub(crate) fn keep(&self, id: SchemaId, kept: T) {
        if let Err(Some(end)) = self.find(id)
            && self.count.load(Ordering::Relaxed) < self.max
        {
            let entry = Box::new(Entry {
                id,
                kept,
                next: Link::new(),
            });
            // Who is slower than another of the same list is asked for again.
            if end.set(entry).is_ok() {
                self.count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_and_no_more_than_may_be_is() {
        let kept = Kept::up_to(5);
        let id = |number: u32| SchemaId::new(number).unwrap();
        // Several of a list.
        let lists = LISTS as u32;
        for number in [2, 2 + lists, 3, 2 + 2 * lists, 2, 300, 4] {
            kept.keep(id(number), number);
        }
        for (number, is_kept) in [
            (2, true),
            (2 + lists, true),
            (3, true),
            (2 + 2 * lists, true),
            (300, true),
            (4, false),
            (5, false),
            (2 + 3 * lists, false),
        ] {
            assert_eq!(kept.get(id(number)), is_kept.then_some(&number), "{number}");
        }
    }

    #[test]
    fn threads_that_keep_at_once_find_what_they_kept() {
        let kept = Kept::up_to(10_000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 1..=2_000 {
                        let id = SchemaId::new(number).unwrap();
                        kept.keep(id, number);
                        assert!(kept.get(id).is_none_or(|found| *found == number));
                    }
                });
            }
        });
        let all = (1..=2_000).filter_map(|number| kept.get(SchemaId::new(number).unwrap()));
        assert!(all.count() > 1_000);
    }
}
