//! How long something took, counted in steps of time: what a histogram is made of. Counting is a few atomic additions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the steps, in microseconds.
const BOUNDS_US: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];

/// Counts how long something took.
#[derive(Debug, Default)]
pub struct Timings {
    /// How many took as long as each step, longer than the one before; the last are longer than all.
    steps: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// What was counted up to a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timed {
    /// Bounds in microseconds, and how many took as long or less.
    pub up_to: Vec<(u64, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long all of them took, in microseconds.
    pub sum_us: u64,
}

impl Timings {
    /// Counts one more.
    pub fn note(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let step = BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(step) = self.steps.get(step) {
            step.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn now(&self) -> Timed {
        let mut count = 0;
        let mut up_to = Vec::with_capacity(BOUNDS_US.len());
        for (index, step) in self.steps.iter().enumerate() {
            count += step.load(Ordering::Relaxed);
            if let Some(bound) = BOUNDS_US.get(index) {
                up_to.push((*bound, count));
            }
        }
        Timed {
            up_to,
            count,
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_counted_in_its_step_and_all_longer_ones() {
        let timings = Timings::default();
        for us in [0, 100, 101, 5_000_000, 5_000_001] {
            timings.note(Duration::from_micros(us));
        }
        let timed = timings.now();
        assert_eq!((timed.count, timed.sum_us), (5, 10_000_202));
        assert_eq!(timed.up_to.first(), Some(&(100, 2)));
        assert_eq!(timed.up_to.get(1), Some(&(250, 3)));
        assert_eq!(timed.up_to.last(), Some(&(5_000_000, 4)));
        assert!(timed.up_to.is_sorted());
    }
}
