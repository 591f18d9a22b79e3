//! The writers that a reader met first, and how it reads them: for good.
//!
//! Invariant: what is here stays here, unchanged, as long as the reader: what is read by a plan may borrow the reader's
//! defaults from it, and looking for one takes no lock. So it is bounded, in number and in memory, and more writers are
//! remembered in [`super::met`].

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{met::Known, schema::Schema};
use crate::SchemaId;

/// Writers that are kept; one more for each thread that asks at the same moment.
pub(super) const KEPT_MAX: usize = 256;

/// How many bytes of memory their plans and texts may take before no more are kept.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Lists that writers are spread over by their ids.
const LISTS: usize = 64;

/// Writers that are kept.
#[derive(Debug)]
pub(super) struct Kept {
    lists: [Link; LISTS],
    count: AtomicUsize,
    bytes: AtomicUsize,
}

type Link = OnceLock<Box<Entry>>;

#[derive(Debug)]
struct Entry {
    id: SchemaId,
    known: Known,
    next: Link,
}

impl Kept {
    pub(super) const fn new() -> Kept {
        Kept {
            lists: [const { Link::new() }; LISTS],
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// What is known of a writer, found out when it is asked for first; nothing when no more are kept.
    pub(super) fn of(&self, id: SchemaId, writer: &Schema, find_out: impl Fn() -> Known) -> Option<&Known> {
        let mut link = &self.lists[id.get() as usize % LISTS];
        loop {
            if link.get().is_none() && self.is_full() {
                return None;
            }
            // Who comes while it is found out waits for it, and goes on behind it if it is another's.
            let entry = link.get_or_init(|| {
                let known = find_out();
                self.count.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(known.bytes(), Ordering::Relaxed);
                Box::new(Entry {
                    id,
                    known,
                    next: Link::new(),
                })
            });
            if entry.id == id && entry.known.is_of(writer) {
                return Some(&entry.known);
            }
            link = &entry.next;
        }
    }

    fn is_full(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= KEPT_MAX || self.bytes.load(Ordering::Relaxed) >= BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Schema {
        Schema::parse(text, &[]).unwrap()
    }

    fn id(number: u32) -> SchemaId {
        SchemaId::new(number).unwrap()
    }

    #[test]
    fn a_writer_is_kept_once_for_an_id_and_a_schema() {
        let (kept, int, long) = (Kept::new(), schema("\"int\""), schema("\"long\""));
        let asked = std::cell::Cell::new(0);
        let ask = |number, writer: &Schema| {
            let find_out = || {
                asked.set(asked.get() + 1);
                Known::new(writer, &long)
            };
            kept.of(id(number), writer, find_out).map(std::ptr::from_ref)
        };
        let first = ask(1, &int);
        assert!(first.is_some());
        // The same id of another registry, and an id of the same list.
        assert_ne!(ask(1, &schema("\"float\"")), first);
        assert_ne!(ask(65, &int), first);
        assert_eq!((ask(1, &schema("\"int\"")), asked.get()), (first, 3));
        for number in 0..KEPT_MAX as u32 {
            let is_kept = ask(100 + number, &int).is_some();
            assert_eq!(is_kept, (number as usize) < KEPT_MAX - 3, "{number}");
        }
        assert_eq!(ask(1, &int), first);
    }

    #[test]
    fn what_takes_much_memory_fills_it_as_well() {
        let (kept, int) = (Kept::new(), schema("\"int\""));
        let find_out = || Known::new(&int, &int);
        assert!(kept.of(id(1), &int, find_out).is_some());
        kept.bytes.store(BYTES_MAX, Ordering::Relaxed);
        assert!(kept.of(id(1), &int, find_out).is_some() && kept.of(id(2), &int, find_out).is_none());
    }

    #[test]
    fn threads_that_ask_at_once_are_all_answered() {
        let (kept, int, long) = (Kept::new(), schema("\"int\""), schema("\"long\""));
        let ask = || {
            (1..=200).for_each(|number| {
                let found = kept.of(id(number), &int, || Known::new(&int, &long));
                assert!(found.is_some_and(|known| known.plan.is_some()));
            });
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(ask);
            }
        });
        assert_eq!(kept.count.load(Ordering::Relaxed), 200);
    }
}
