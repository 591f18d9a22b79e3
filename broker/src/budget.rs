//! A budget of bytes: whoever holds memory for a client takes room first, and gives it back by dropping it.
//!
//! Invariant: room given out never exceeds the budget; a single demand above the budget takes all of it and waits for
//! that. Room is counted in KiB, rounded up.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const UNIT_BYTES: usize = 1024;

/// Room taken from a [`Budget`]; `None` took nothing.
pub(crate) type Room = Option<OwnedSemaphorePermit>;

/// Bytes that may be held at once.
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    units_max: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Budget {
        let units_max = bytes.div_ceil(UNIT_BYTES).clamp(1, u32::MAX as usize >> 3);
        Budget {
            units: Arc::new(Semaphore::new(units_max)),
            units_max,
        }
    }

    /// Waits for room for this many bytes.
    pub(crate) async fn take(&self, bytes: usize) -> Room {
        // The semaphore is never closed, so there is always a permit to wait for.
        Arc::clone(&self.units)
            .acquire_many_owned(self.units_for(bytes))
            .await
            .ok()
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

    fn units_for(&self, bytes: usize) -> u32 {
        // Fits: units_max is far below u32::MAX.
        bytes.div_ceil(UNIT_BYTES).min(self.units_max) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_taken_shrunk_and_given_back() {
        let budget = Budget::new(10 * 1024);
        let mut room = budget.take(9 * 1024 + 1).await;
        assert_eq!(budget.units.available_permits(), 0);
        budget.shrink(&mut room, 2048);
        assert_eq!(budget.units.available_permits(), 8);
        budget.shrink(&mut room, 5000);
        assert_eq!(budget.units.available_permits(), 8, "shrinking never grows");
        drop(room);
        let all = budget.take(usize::MAX).await;
        assert_eq!(
            budget.units.available_permits(),
            0,
            "more than there is means all there is"
        );
        drop(all);
        assert_eq!(budget.units.available_permits(), 10);
    }
}
