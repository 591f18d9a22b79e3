//! How much of a long answer is given at once.
//!
//! Invariant: a page has at least one entry when there is one, at most as many as were asked for, and ends with the
//! entry that takes it past [`PAGE_BYTES_MAX`]. So a page is bounded whatever the entries are like, and its end never
//! depends on anything but the entries: the same page of the same cut is the same for ever.

use std::io;

use serde::Serialize;

use crate::error::StoreError;

/// Most entries of a page: events of a history, aggregates of a list, changes of a difference.
pub const PAGE_ENTRIES_MAX: usize = 1_000;
/// A page ends with the entry that takes its JSON past so many bytes.
pub const PAGE_BYTES_MAX: usize = 1 << 20;

/// Which part of a long answer: so many entries behind so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many entries stand before the page.
    pub from: u64,
    /// The most entries it may have, 1 to [`PAGE_ENTRIES_MAX`].
    pub limit: usize,
}

impl Default for Page {
    /// The first page, as long as may be.
    fn default() -> Page {
        Page {
            from: 0,
            limit: PAGE_ENTRIES_MAX,
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

    /// Counts an entry that was put onto the page.
    pub(crate) fn take(&mut self, entry: &impl Serialize) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes_of(entry));
    }
}

/// How many bytes an entry's JSON has.
pub(crate) fn bytes_of(entry: &impl Serialize) -> usize {
    let mut count = Count(0);
    // What cannot be written is left to whoever writes it.
    let _ = serde_json::to_writer(&mut count, entry);
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
