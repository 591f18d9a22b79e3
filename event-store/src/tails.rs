//! What has been appended to logs behind their last copy in the order of keys, in that order, in memory.
//!
//! It is made for whoever asks for all aggregates, and kept for the next: pages of one walk ask again and again. What was
//! appended meanwhile is a further piece. Invariant: all that is kept is at most [`BYTES_MAX`] of records; a question holds
//! what it has begun with, kept or not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use annals_segment_log::{Chunk, KeyError};

use crate::index::PartitionIndex;

/// Bytes of records kept for all logs together.
pub(crate) const BYTES_MAX: usize = 64 << 20;
/// Pieces of one log before they are made one.
const PIECES_MAX: usize = 8;

/// The records of one log from an offset on.
struct Tail {
    /// Which index's log.
    log: u64,
    first: i64,
    pieces: Vec<Arc<Chunk>>,
}

impl Tail {
    fn end(&self) -> i64 {
        self.pieces.last().map_or(self.first, |last| last.end())
    }

    fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.bytes()).sum()
    }
}

/// The tails of the logs that were asked for last.
#[derive(Default)]
pub(crate) struct Tails(Mutex<VecDeque<Tail>>);

impl Tails {
    /// A log's records from `first` up to `end`, in pieces; nothing where they are too many. The last piece may go on.
    pub(crate) fn of(
        &self,
        partition: &PartitionIndex,
        first: i64,
        end: i64,
    ) -> Result<Option<Vec<Arc<Chunk>>>, KeyError> {
        let kept = self.take(partition.id);
        let mut tail = kept.filter(|tail| tail.first == first).unwrap_or(Tail {
            log: partition.id,
            first,
            pieces: Vec::new(),
        });
        if tail.end() < end && tail.pieces.len() >= PIECES_MAX {
            tail.pieces.clear();
        }
        while tail.end() < end {
            let piece = partition.log.in_key_order(tail.end(), end)?;
            if piece.end() <= tail.end() || tail.bytes() + piece.bytes() > BYTES_MAX {
                return Ok(None);
            }
            tail.pieces.push(Arc::new(piece));
        }
        let pieces = tail.pieces.clone();
        self.keep(tail);
        Ok(Some(pieces))
    }

    fn take(&self, log: u64) -> Option<Tail> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|tail| tail.log == log)?;
        kept.remove(at)
    }

    fn keep(&self, tail: Tail) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| other.log != tail.log);
        kept.push_front(tail);
        let mut bytes = 0;
        kept.retain(|tail| {
            bytes += tail.bytes();
            bytes <= BYTES_MAX
        });
    }
}
