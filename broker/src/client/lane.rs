//! What waits for one partition: its open batch, the batches ready to go, and the next sequence number.
//!
//! A refused batch takes no sequence at the broker, so those behind it in flight come back as out of order. The lane
//! then waits until nothing of it is in flight, goes back to the sequence the broker expects, and gives those batches
//! out again, before the others and in order.

use std::collections::VecDeque;

use super::NewRecord;

/// A record and its ticket.
pub(super) type Entry = (u64, NewRecord);

/// What waits for one partition.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) open: Vec<Entry>,
    pub(super) open_bytes: usize,
    /// Batches ready to be sent, oldest first.
    pub(super) ready: VecDeque<Vec<Entry>>,
    /// Batches that came back out of order and go before the ready ones.
    pub(super) again: VecDeque<Vec<Entry>>,
    pub(super) next_sequence: i32,
    /// The sequence the broker expects, while batches behind a refused one are still in flight.
    pub(super) back_to: Option<i32>,
    pub(super) in_flight: usize,
}

impl Lane {
    pub(super) fn close_batch(&mut self) {
        if !self.open.is_empty() {
            self.ready.push_back(std::mem::take(&mut self.open));
            self.open_bytes = 0;
        }
    }

    pub(super) fn may_send(&self) -> bool {
        self.back_to.is_none() && !(self.again.is_empty() && self.ready.is_empty())
    }

    pub(super) fn next_batch(&mut self) -> Option<Vec<Entry>> {
        self.again.pop_front().or_else(|| self.ready.pop_front())
    }

    /// Nothing is in flight any more: the broker's sequence is known.
    pub(super) fn resume(&mut self) {
        if let Some(sequence) = self.back_to.take() {
            self.next_sequence = sequence;
        }
    }
}

/// Sequences run to `i32::MAX` and on from 0.
pub(super) fn sequence_after(base: i32, count: usize) -> i32 {
    base.wrapping_add(i32::try_from(count).unwrap_or(i32::MAX)) & i32::MAX
}
