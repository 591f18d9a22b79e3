//! Which foldings came to their end: so that a walk through a long history is not folded anew for each of its pages.
//!
//! Invariant: an entry says that a fold took the first so many events of a key, which stays true for ever while no records
//! go. What stopped is never remembered: a record that could not be read may be read again.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use annals_segment_log::Removals;

use crate::locate::Located;

/// Foldings remembered; a walk needs one.
const REMEMBERED_MAX: usize = 256;

/// The folding of an aggregate's first events.
#[derive(Clone, PartialEq, Eq)]
struct Folded {
    fold: [u8; 32],
    /// Which index's log.
    log: u64,
    /// What had gone from it.
    removals: Removals,
    key: Vec<u8>,
    events: usize,
}

/// The foldings that came to their end last.
#[derive(Default)]
pub(crate) struct Unhalted(Mutex<VecDeque<Folded>>);

impl Folded {
    fn of(located: &Located<'_>, events: usize) -> Folded {
        Folded {
            fold: located.aggregate.fold.id().digest,
            log: located.partition.id,
            removals: located.removals,
            key: located.key.clone(),
            events,
        }
    }
}

impl Unhalted {
    /// Whether the fold is known to take the first so many events.
    pub(crate) fn knows(&self, located: &Located<'_>, events: usize) -> bool {
        let folded = Folded::of(located, events);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&folded)
    }

    /// Remembers that it does.
    pub(crate) fn remember(&self, located: &Located<'_>, events: usize) {
        let folded = Folded::of(located, events);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&folded) {
            return;
        }
        known.truncate(REMEMBERED_MAX - 1);
        known.push_front(folded);
    }
}
