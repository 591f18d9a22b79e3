//! A budget of bytes: whoever holds memory for a client takes room first, and gives it back by dropping it.
//!
//! Who waits for room of one budget while it holds some of another takes them in one order: a request's frame, its
//! surplus, its answer. Of one budget room is taken once, and never more of it while some is held: two that did would
//! wait for each other. Only frames grow while they are read; those that wait for each other make way
//! (see [`crate::pace`]).
//!
//! Invariant: room given out never exceeds the budget; a single demand above the budget takes all of it and waits for
//! that. Who waits is served in order. Room is counted in KiB, rounded up.
//!
//! Room is held at the pace of clients, so a budget says when somebody waits: who is slow then is cut off, who is
//! slow while there is enough for all may take its time (see [`crate::connection`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const UNIT_BYTES: usize = 1024;

/// Room taken from a [`Budget`]; `None` took nothing.
pub(crate) type Room = Option<OwnedSemaphorePermit>;

/// What a request holds until it is answered, or was worked on to its end.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Of its frame.
    pub(crate) frame: Room,
    /// Of what was read from that, or comes of it, where this is more.
    pub(crate) surplus: Room,
}

impl Held {
    /// Whether this is room for as many bytes.
    pub(crate) fn covers(&self, bytes: usize) -> bool {
        held_bytes(&self.frame) + held_bytes(&self.surplus) >= bytes
    }
}

/// The bytes that room was taken for, in whole units.
pub(crate) fn held_bytes(room: &Room) -> usize {
    room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits) * UNIT_BYTES
}

/// Bytes that may be held at once.
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    units_max: usize,
    waiting: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Budget {
        let units_max = bytes.div_ceil(UNIT_BYTES).clamp(1, u32::MAX as usize >> 3);
        Budget {
            units: Arc::new(Semaphore::new(units_max)),
            units_max,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits for room for this many bytes.
    pub(crate) async fn take(&self, bytes: usize) -> Room {
        self.take_units(self.units_for(bytes)).await
    }

    /// Takes room for this many bytes if there is as much right now.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Room> {
        let units = Arc::clone(&self.units);
        let taken = units.try_acquire_many_owned(self.units_for(bytes));
        taken.ok().map(Some)
    }

    /// Waits until `room` is room for this many bytes; it never shrinks.
    pub(crate) async fn grow(&self, room: &mut Room, bytes: usize) {
        let held = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = (self.units_for(bytes) as usize).saturating_sub(held);
        if missing == 0 {
            return;
        }
        // Fits: no more than `units_for` gave.
        let Some(more) = self.take_units(missing as u32).await else {
            return;
        };
        match room {
            Some(held) => held.merge(more),
            None => *room = Some(more),
        }
    }

    /// Whether there could ever be room for this many bytes.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        bytes.div_ceil(UNIT_BYTES) <= self.units_max
    }

    /// Whether `room` is room for this many bytes.
    pub(crate) fn covers(&self, room: &Room, bytes: usize) -> bool {
        let held = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        held >= self.units_for(bytes) as usize
    }

    /// Gives back all but the room for this many bytes.
    pub(crate) fn shrink(&self, room: &mut Room, bytes: usize) {
        if let Some(permit) = room {
            let surplus = permit
                .num_permits()
                .saturating_sub(self.units_for(bytes) as usize);
            drop(permit.split(surplus));
        }
    }

    /// Whether somebody waits for room.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// How many wait for room.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Bytes nobody has taken.
    pub(crate) fn free_bytes(&self) -> usize {
        self.units.available_permits() * UNIT_BYTES
    }

    /// Bytes that are taken.
    pub(crate) fn used_bytes(&self) -> usize {
        self.bytes_max().saturating_sub(self.free_bytes())
    }

    /// Bytes there are.
    pub(crate) fn bytes_max(&self) -> usize {
        self.units_max * UNIT_BYTES
    }

    async fn take_units(&self, units: u32) -> Room {
        if let Ok(room) = Arc::clone(&self.units).try_acquire_many_owned(units) {
            return Some(room);
        }
        let _counted = Waiting::count(&self.waiting);
        // The semaphore is never closed, so there is always a permit to wait for.
        Arc::clone(&self.units).acquire_many_owned(units).await.ok()
    }

    fn units_for(&self, bytes: usize) -> u32 {
        // Fits: units_max is far below u32::MAX.
        bytes.div_ceil(UNIT_BYTES).min(self.units_max) as u32
    }
}

/// Counts one who waits, until it is dropped: served, or gone.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn count(waiting: &AtomicUsize) -> Waiting<'_> {
        waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_taken_grown_shrunk_and_given_back() {
        let budget = Budget::new(10 * 1024);
        let mut room = budget.take(9 * 1024 + 1).await;
        assert_eq!(budget.free_bytes(), 0);
        assert!(budget.try_take(1).is_none());
        budget.shrink(&mut room, 2048);
        assert_eq!(budget.free_bytes(), 8 * 1024);
        budget.shrink(&mut room, 5000);
        assert_eq!(budget.free_bytes(), 8 * 1024, "shrinking never grows");
        budget.grow(&mut room, 5000).await;
        assert_eq!(budget.free_bytes(), 5 * 1024);
        budget.grow(&mut room, 100).await;
        assert_eq!(budget.free_bytes(), 5 * 1024, "growing never shrinks");
        drop(room);
        let all = budget.take(usize::MAX).await;
        assert_eq!(budget.free_bytes(), 0, "more than there is means all there is");
        drop(all);
        assert_eq!(budget.free_bytes(), 10 * 1024);
    }

    #[tokio::test]
    async fn a_budget_says_whether_somebody_waits() {
        let budget = Budget::new(1024);
        let room = budget.take(1024).await;
        assert!(!budget.is_wanted(), "who was served does not wait");
        let mut waiting = Box::pin(budget.take(1));
        let polled = futures_poll(&mut waiting).await;
        assert!(polled.is_none() && budget.is_wanted());
        drop(waiting);
        assert!(!budget.is_wanted(), "who gave up does not wait");
        drop(room);
    }

    /// Who samples it just then would cut off a slow client while there is room. The runtime makes a task wait that
    /// has been served often without a pause: a moment in which others can look.
    #[tokio::test]
    async fn who_is_served_at_once_never_counts_as_waiting() {
        let budget = Budget::new(1024);
        for _ in 0..1_000 {
            let mut taking = Box::pin(budget.take(1));
            let taken = futures_poll(&mut taking).await;
            assert!(taken.is_some() && !budget.is_wanted());
        }
    }

    /// What a future gives when it is polled once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
