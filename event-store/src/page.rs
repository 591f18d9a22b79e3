//! How much of a long answer is given at once.
//!
//! Invariant: a page has at least one entry when there is one, at most as many as were asked for, and ends with the
//! entry that takes it past [`PAGE_BYTES_MAX`]. So a page is bounded whatever the entries are like, and its end never
//! depends on anything but the entries: the same page of the same cut is the same for ever.

use std::io;

use serde::Serialize;

use crate::canonical;
use crate::error::StoreError;

/// Most entries of a page: events of a history, aggregates of a list, changes of a difference.
pub const PAGE_ENTRIES_MAX: usize = 1_000;
/// A page ends with the entry that takes its JSON past so many bytes.
pub const PAGE_BYTES_MAX: usize = 1 << 20;

/// Events that are folded for one page, before the next goes on: about a second's work.
pub(crate) const PAGE_EVENTS_MAX: usize = 1_000_000;

/// Which part of a long answer: so many entries behind so many.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AsOf, Page};
///
/// let last = Page { from: 2, limit: 1, ..Page::default() };
/// let page = store.history("account", "a-1", &AsOf::Head, last)?;
/// assert_eq!((page.entries[0].revision, page.next_cursor), (2, None));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<'c> {
    /// How many entries stand before the page, where no cursor says so.
    pub from: u64,
    /// The most entries it may have, 1 to [`PAGE_ENTRIES_MAX`].
    pub limit: usize,
    /// The `next_cursor` of the page before, which carries its cuts.
    pub cursor: Option<&'c str>,
}

impl Default for Page<'_> {
    /// The first page, as long as may be.
    fn default() -> Self {
        Page {
            from: 0,
            limit: PAGE_ENTRIES_MAX,
            cursor: None,
        }
    }
}

/// What still goes onto a page.
pub(crate) struct Room {
    entries: usize,
    bytes: usize,
}

impl Room {
    pub(crate) fn new(limit: usize) -> Result<Room, StoreError> {
        if limit == 0 || limit > PAGE_ENTRIES_MAX {
            return Err(StoreError::Limit {
                limit,
                max: PAGE_ENTRIES_MAX,
            });
        }
        Ok(Room {
            entries: limit,
            bytes: PAGE_BYTES_MAX,
        })
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries == 0 || self.bytes == 0
    }

    /// How many more entries go onto the page at most.
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    /// Counts an entry that was put onto the page.
    pub(crate) fn take(&mut self, entry: &impl Serialize) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes_of(entry));
    }
}

/// How many are folded at once for a page: one first, because how large a state is shows when it is folded; then twice as many as
/// before, and no more than fit by those.
pub(crate) struct Groups {
    next: usize,
    room: usize,
    max: usize,
}

impl Groups {
    /// Groups of at most so many, which together may take so much room.
    pub(crate) fn new(room: usize, max: usize) -> Groups {
        Groups { next: 1, room, max }
    }

    /// The most of the next group.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// A group of so many took so much room.
    pub(crate) fn took(&mut self, count: usize, room: usize) {
        let fitting = self.room / (room / count.max(1)).max(1);
        self.next = (2 * self.next).min(fitting).clamp(1, self.max);
    }
}

/// How many bytes an entry's JSON has.
pub(crate) fn bytes_of(entry: &impl Serialize) -> usize {
    let mut count = Count(0);
    // What cannot be written is left to whoever writes it.
    let _ = canonical::write_answer(&mut count, entry);
    count.0
}

/// Counts the bytes that are written to it.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_grow_until_they_are_full() {
        let check = |each: usize, wanted: &[usize]| {
            let mut groups = Groups::new(1_000, 100);
            for wanted in wanted {
                assert_eq!(groups.next(), *wanted, "of {each}");
                groups.took(*wanted, wanted * each);
            }
        };
        check(0, &[1, 2, 4, 8, 16, 32, 64, 100, 100]);
        check(30, &[1, 2, 4, 8, 16, 32, 33, 33]);
        check(2_000, &[1, 1, 1]);
        let mut groups = Groups::new(1_000, 100);
        groups.took(1, 1);
        groups.took(0, 0);
        assert_eq!(groups.next(), 4, "a group may have been empty");
    }
}
