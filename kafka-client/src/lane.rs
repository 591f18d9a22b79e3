//! What waits for one partition: its open batch, the batches ready to go, and the next sequence number.
//!
//! A refused batch takes no sequence at the broker, so those behind it in flight come back as out of order. The lane
//! then waits until nothing of it is in flight, goes back to the sequence the broker expects, and gives those batches
//! out again, before the others and in order.

use std::collections::VecDeque;

use crate::NewRecord;

/// A record and its ticket.
pub(crate) type Entry = (u64, NewRecord);

/// What waits for one partition.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) open: Vec<Entry>,
    pub(crate) open_bytes: usize,
    /// Batches ready to be sent, oldest first.
    pub(crate) ready: VecDeque<Vec<Entry>>,
    /// Batches that came back out of order and go before the ready ones.
    pub(crate) again: VecDeque<Vec<Entry>>,
    pub(crate) next_sequence: i32,
    /// The sequence the broker expects, while batches behind a refused one are still in flight.
    pub(crate) back_to: Option<i32>,
    pub(crate) in_flight: usize,
}

impl Lane {
    pub(crate) fn close_batch(&mut self) {
        if !self.open.is_empty() {
            self.ready.push_back(std::mem::take(&mut self.open));
            self.open_bytes = 0;
        }
    }

    pub(crate) fn may_send(&self) -> bool {
        self.back_to.is_none() && !(self.again.is_empty() && self.ready.is_empty())
    }

    pub(crate) fn next_batch(&mut self) -> Option<Vec<Entry>> {
        self.again.pop_front().or_else(|| self.ready.pop_front())
    }

    /// Nothing is in flight any more: the broker's sequence is known.
    pub(crate) fn resume(&mut self) {
        if let Some(sequence) = self.back_to.take() {
            self.next_sequence = sequence;
        }
    }
}

/// Sequences run to `i32::MAX` and on from 0.
pub(crate) fn sequence_after(base: i32, count: usize) -> i32 {
    base.wrapping_add(i32::try_from(count).unwrap_or(i32::MAX)) & i32::MAX
}
