//! What clients can make happen as often as they like, and people want to hear of once in a while.
//!
//! The first is told at once, and then one a second: the last, with how many there were since. What was held back is
//! told when its second is over.

use std::time::Duration;

use tokio::time::Instant;

/// The time between two that are told.
const PAUSE: Duration = Duration::from_secs(1);

/// Happenings of one kind, of which the last is kept.
pub(crate) struct Rare<T> {
    last: Option<T>,
    count: usize,
    /// When the next may be told.
    due: Option<Instant>,
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Rare {
            last: None,
            count: 0,
            due: None,
        }
    }
}

impl<T> Rare<T> {
    /// One more.
    pub(crate) fn note(&mut self, now: Instant, happening: T) {
        self.last = Some(happening);
        self.count += 1;
        self.due.get_or_insert(now);
    }

    /// When there is something to tell, if there is.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.last.is_some())
    }

    /// What is to be told now: the last, and how many there were.
    pub(crate) fn take(&mut self, now: Instant) -> Option<(T, usize)> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        let last = self.last.take();
        // A second without any, and the next is told at once again.
        self.due = last.is_some().then(|| now + PAUSE);
        Some((last?, std::mem::take(&mut self.count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_then_one_a_second_with_their_number() {
        let begun = Instant::now();
        let mut rare = Rare::default();
        let mut told = Vec::new();
        // Ten a second for two and a half seconds, then none for two, then one.
        for tenth in 0..50 {
            let now = begun + PAUSE / 10 * tenth;
            if tenth < 25 || tenth == 45 {
                rare.note(now, tenth);
            }
            told.extend(rare.take(now));
        }
        assert_eq!(told, [(0, 1), (10, 10), (20, 10), (24, 4), (45, 1)]);
        assert_eq!(rare.due(), None, "there is nothing to tell");
    }
}
