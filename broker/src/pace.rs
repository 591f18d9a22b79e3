//! The pace of a transfer: how long a client may take over one frame or one answer.
//!
//! There is a deadline, always. While somebody waits for the room that this transfer holds, there is also a least
//! rate: who moves less than [`PACED_BYTES_MIN`] within a window is lost. So nobody is held up for longer than about
//! a window by clients that send half a frame, or take no answers; and a slow line is no fault while there is room.
//!
//! Frames take room as their bytes arrive, so several that are half read could hold it all and wait for each other.
//! [`HalfReads`] counts them, and tells which are to make way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What a transfer must move within a window, in bytes, while others wait for its room: 64 KiB a second by default.
const PACED_BYTES_MIN: usize = 64 * 1024;

/// One transfer's pace.
pub(crate) struct Pace {
    deadline: Instant,
    window: Duration,
    window_begun: Instant,
    /// What had been moved when the window began.
    bytes_then: usize,
}

impl Pace {
    /// A transfer begins.
    pub(crate) fn new(patience: Duration, window: Duration) -> Pace {
        let now = Instant::now();
        Pace {
            deadline: now + patience,
            window,
            window_begun: now,
            bytes_then: 0,
        }
    }

    /// When the whole must be moved.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The transfer was held up by us, with this many bytes moved: its window begins anew.
    pub(crate) fn excuse(&mut self, bytes: usize) {
        self.window_begun = Instant::now();
        self.bytes_then = bytes;
    }

    /// Done when the transfer is lost, unless it moves on from `bytes` before: then this is dropped and asked again.
    pub(crate) async fn lost(&mut self, bytes: usize, is_wanted: impl Fn() -> bool) {
        loop {
            sleep_until(self.deadline.min(self.window_begun + self.window)).await;
            if self.is_lost(Instant::now(), bytes, is_wanted()) {
                return;
            }
        }
    }

    /// Whether the transfer is lost at this time, when the deadline or its window has ended.
    fn is_lost(&mut self, now: Instant, bytes: usize, is_wanted: bool) -> bool {
        if now >= self.deadline {
            return true;
        }
        if now < self.window_begun + self.window {
            return false;
        }
        let moved = bytes.saturating_sub(self.bytes_then);
        self.window_begun = now;
        self.bytes_then = bytes;
        is_wanted && moved < PACED_BYTES_MIN
    }
}

/// The frames of which not all is here yet, over all connections.
#[derive(Debug, Default)]
pub(crate) struct HalfReads {
    frames: AtomicUsize,
    bytes: AtomicUsize,
}

/// One of them, and the room it holds; until it is dropped.
pub(crate) struct HalfRead<'a> {
    all: &'a HalfReads,
    bytes: usize,
}

impl HalfReads {
    /// A frame begins, which holds nothing yet.
    pub(crate) fn enter(&self) -> HalfRead<'_> {
        self.frames.fetch_add(1, Ordering::Relaxed);
        HalfRead { all: self, bytes: 0 }
    }
}

impl HalfRead<'_> {
    /// The frame now holds room for this many bytes.
    pub(crate) fn grow(&mut self, bytes: usize) {
        self.all.bytes.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }

    /// Whether all of them hold more than `most`, and this one no less than they do on average.
    pub(crate) fn is_to_make_way(&self, most: usize) -> bool {
        let all = self.all.bytes.load(Ordering::Relaxed);
        let frames = self.all.frames.load(Ordering::Relaxed).max(1);
        all > most && self.bytes >= all / frames
    }
}

impl Drop for HalfRead<'_> {
    fn drop(&mut self) {
        self.all.frames.fetch_sub(1, Ordering::Relaxed);
        self.all.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(1);

    /// In which second a transfer is lost that moves so many bytes in every one, and has 30.
    fn lasts(bytes_a_second: usize, is_wanted: bool) -> usize {
        let mut pace = Pace::new(30 * WINDOW, WINDOW);
        let begun = pace.window_begun;
        let lost = |second: &usize| {
            let now = begun + WINDOW * u32::try_from(*second).unwrap();
            pace.is_lost(now, second * bytes_a_second, is_wanted)
        };
        (1..).find(lost).unwrap()
    }

    #[test]
    fn the_slow_are_lost_while_others_wait_and_everybody_at_the_deadline() {
        for (bytes_a_second, is_wanted, second) in [
            (0, true, 1),
            (0, false, 30),
            (PACED_BYTES_MIN - 1, true, 1),
            (PACED_BYTES_MIN - 1, false, 30),
            (PACED_BYTES_MIN, true, 30),
        ] {
            let name = format!("{bytes_a_second} bytes a second, wanted: {is_wanted}");
            assert_eq!(lasts(bytes_a_second, is_wanted), second, "{name}");
        }
    }

    #[test]
    fn a_transfer_that_we_held_up_has_its_whole_window_again() {
        let mut pace = Pace::new(30 * WINDOW, WINDOW);
        let begun = pace.window_begun;
        pace.window_begun = begun + WINDOW / 2;
        assert!(!pace.is_lost(begun + WINDOW, 0, true));
        assert!(pace.is_lost(begun + WINDOW * 2, 0, true));
    }

    #[test]
    fn half_read_frames_make_way_when_they_hold_most_of_the_room_and_no_less_than_others() {
        let all = HalfReads::default();
        let (mut big, mut bigger, small) = (all.enter(), all.enter(), all.enter());
        big.grow(400);
        bigger.grow(500);
        assert!(!bigger.is_to_make_way(900), "there is room for the others");
        assert!(bigger.is_to_make_way(899) && big.is_to_make_way(899));
        assert!(!small.is_to_make_way(899));
        drop(bigger);
        assert!(!big.is_to_make_way(899));
    }
}
