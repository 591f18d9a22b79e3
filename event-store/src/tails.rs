//! What has been appended to logs behind their last copy in the order of keys, in that order, in memory.
//!
//! It is made for whoever asks for all aggregates, and kept for the next: pages of one walk ask again and again. What was
//! appended meanwhile is a further piece. What was found to be too much is not tried again before there is another copy.
//! Invariant: all that is kept is at most [`BYTES_MAX`] of records, and one is made at a time, whoever asks: those who wait find
//! it made. A question holds what it has begun with, kept or not.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use annals_segment_log::{Chunk, KeyError};

use crate::index::PartitionIndex;

/// Bytes of records kept for all logs together.
pub(crate) const BYTES_MAX: usize = 64 << 20;
/// Logs remembered whose tails are too much; beyond them all are tried again.
const TOO_MUCH_MAX: usize = 4_096;
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
pub(crate) struct Tails {
    kept: Mutex<VecDeque<Tail>>,
    /// Logs, and the offsets from which on they are too much.
    too_much: Mutex<BTreeSet<(u64, i64)>>,
    bytes_max: usize,
}

impl Tails {
    pub(crate) fn new(bytes_max: usize) -> Tails {
        Tails {
            kept: Mutex::default(),
            too_much: Mutex::default(),
            bytes_max,
        }
    }

    /// A log's records from `first` up to `end`, in pieces; nothing where they are too many. The last piece may go on.
    pub(crate) fn of(
        &self,
        partition: &PartitionIndex,
        first: i64,
        end: i64,
    ) -> Result<Option<Vec<Arc<Chunk>>>, KeyError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_too_much(partition.id, first) {
            return Ok(None);
        }
        let at = kept.iter().position(|tail| tail.log == partition.id);
        let known = at.and_then(|at| kept.remove(at));
        let mut tail = known.filter(|tail| tail.first == first).unwrap_or(Tail {
            log: partition.id,
            first,
            pieces: Vec::new(),
        });
        if tail.end() < end && tail.pieces.len() >= PIECES_MAX {
            tail.pieces.clear();
        }
        while tail.end() < end {
            let piece = partition.log.in_key_order(tail.end(), end)?;
            if piece.end() <= tail.end() || tail.bytes() + piece.bytes() > self.bytes_max {
                self.give_up(&[(partition.id, first)]);
                return Ok(None);
            }
            tail.pieces.push(Arc::new(piece));
        }
        let pieces = tail.pieces.clone();
        kept.push_front(tail);
        let mut bytes = 0;
        kept.retain(|tail| {
            bytes += tail.bytes();
            bytes <= self.bytes_max
        });
        Ok(Some(pieces))
    }

    /// Whether tails that one question wants are more than may be kept together: they would be made anew for each page.
    pub(crate) fn are_too_much(&self, bytes: usize) -> bool {
        bytes > self.bytes_max
    }

    /// Tails of these logs are not made again, before they begin behind another copy.
    pub(crate) fn give_up(&self, logs: &[(u64, i64)]) {
        let mut too_much = self.too_much.lock().unwrap_or_else(PoisonError::into_inner);
        if too_much.len() >= TOO_MUCH_MAX {
            too_much.clear();
        }
        too_much.extend(logs);
    }

    fn is_too_much(&self, log: u64, first: i64) -> bool {
        let too_much = self.too_much.lock().unwrap_or_else(PoisonError::into_inner);
        too_much.contains(&(log, first))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use annals_kafka_wire::batch::{Batch, BatchBuilder};
    use annals_segment_log::{LogConfig, LogDir, Partition, PartitionConfig};

    use super::*;
    use crate::index::TopicIndex;

    fn append(log: &Partition, bytes: usize) -> i64 {
        let mut builder = BatchBuilder::new();
        builder.push(1, Some(b"k"), Some(&vec![0; bytes]), &[]);
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        let last = log.append(&batch, 1).unwrap().last_offset;
        log.wait_durable(last, Duration::from_secs(10)).unwrap();
        last + 1
    }

    #[test]
    fn tails_take_only_so_much_together() {
        const BYTES: usize = 10_000;
        let place = tempfile::tempdir().unwrap();
        let log = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
        let open = |number: usize| log.partition(&format!("t/o/{number}"), PartitionConfig::default());
        let logs: Vec<_> = (0..3).map(|number| open(number).unwrap()).collect();
        let index = TopicIndex::of_one(&logs);
        let tails = Tails::new(3 * BYTES);
        let held = || tails.kept.lock().unwrap().iter().map(Tail::bytes).sum::<usize>();
        for _ in 0..2 {
            for (log, partition) in logs.iter().zip(&index.partitions) {
                let end = append(log, BYTES);
                let pieces = tails.of(partition, 0, end).unwrap().unwrap();
                assert_eq!(pieces.last().map(|piece| piece.end()), Some(end));
                assert_eq!(
                    pieces.iter().map(|piece| piece.records()).sum::<u64>(),
                    end as u64
                );
                assert!(held() <= 3 * BYTES, "{} bytes are held", held());
            }
        }
        // What is more than may be held is not put in order at all.
        let end = append(&logs[0], 2 * BYTES);
        assert!(tails.of(&index.partitions[0], 0, end).unwrap().is_none());
        assert!(
            tails.is_too_much(index.partitions[0].id, 0),
            "it is not tried again"
        );
        assert!(tails.of(&index.partitions[0], end - 1, end).unwrap().is_some());
    }

    #[test]
    fn only_so_many_logs_are_remembered_whose_tails_are_too_much() {
        let tails = Tails::new(BYTES_MAX);
        for log in 0..TOO_MUCH_MAX as u64 {
            tails.give_up(&[(log, 0)]);
        }
        assert!(tails.is_too_much(0, 0));
        tails.give_up(&[(u64::MAX, 0)]);
        assert!(!tails.is_too_much(0, 0) && tails.is_too_much(u64::MAX, 0));
    }

    #[test]
    fn many_pieces_become_one() {
        let place = tempfile::tempdir().unwrap();
        let log = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
        let logs = [log.partition("t/o/0", PartitionConfig::default()).unwrap()];
        let index = TopicIndex::of_one(&logs);
        let tails = Tails::new(BYTES_MAX);
        for _ in 0..3 * PIECES_MAX {
            let end = append(&logs[0], 1);
            let pieces = tails.of(&index.partitions[0], 0, end).unwrap().unwrap();
            assert!(pieces.len() <= PIECES_MAX);
            assert_eq!(
                pieces.iter().map(|piece| piece.records()).sum::<u64>(),
                end as u64
            );
        }
    }
}
