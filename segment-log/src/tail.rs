//! The last batches of a partition, in memory: what consumers that keep up read, without a system call.
//!
//! Invariant: batches stand back to back in offset order, end at the log's end, and take at most `bytes_max` bytes
//! (a batch larger than that empties the ring). The bytes are those on disk.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

#[derive(Debug)]
struct Recent {
    base: i64,
    end: i64,
    bytes: Bytes,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Tail {
    batches: VecDeque<Recent>,
    bytes: usize,
    bytes_max: usize,
}

impl Tail {
    pub(crate) fn new(bytes_max: usize) -> Tail {
        Tail {
            batches: VecDeque::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// Adds the batch of offsets `base..end` at the end.
    pub(crate) fn push(&mut self, base: i64, end: i64, bytes: Bytes) {
        self.bytes += bytes.len();
        self.batches.push_back(Recent { base, end, bytes });
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.batches.pop_front()
        {
            self.bytes -= oldest.bytes.len();
        }
    }

    /// Whether the batch that holds `from` is in memory.
    pub(crate) fn holds(&self, from: i64) -> bool {
        let first = self.batches.partition_point(|batch| batch.end <= from);
        self.batches.get(first).is_some_and(|batch| batch.base <= from)
    }

    /// Lets go of the batches before `offset`.
    pub(crate) fn forget_before(&mut self, offset: i64) {
        while let Some(oldest) = self.batches.pop_front_if(|oldest| oldest.end <= offset) {
            self.bytes -= oldest.bytes.len();
        }
    }

    /// Whole batches from the one that holds `from`, none at or behind `limit`: at least one, then as many as fit
    /// into `bytes_max`. `None` when `from` is not in memory.
    pub(crate) fn read(&self, from: i64, limit: i64, bytes_max: usize) -> Option<Bytes> {
        let first = self.batches.partition_point(|batch| batch.end <= from);
        let mut taken = 0;
        let mut count = 0;
        for batch in self.batches.range(first..) {
            let wanted = batch.end <= limit && (count == 0 || taken + batch.bytes.len() <= bytes_max);
            if !wanted {
                break;
            }
            taken += batch.bytes.len();
            count += 1;
        }
        let start = self
            .batches
            .get(first)
            .filter(|batch| batch.base <= from && count > 0)?;
        if count == 1 {
            return Some(start.bytes.clone());
        }
        let mut out = BytesMut::with_capacity(taken);
        self.batches
            .range(first..first + count)
            .for_each(|batch| out.extend_from_slice(&batch.bytes));
        Some(out.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten batches of two offsets and ten bytes each, of which the last five are in memory.
    fn sample() -> Tail {
        let mut tail = Tail::new(50);
        for n in 0..10u8 {
            tail.push(i64::from(n) * 2, i64::from(n) * 2 + 2, Bytes::from(vec![n; 10]));
        }
        tail
    }

    #[test]
    fn what_is_read() {
        /// From, limit and bytes give the batches with these numbers.
        fn check(from: i64, limit: i64, bytes_max: usize, expected: Option<&[u8]>) {
            let tail = sample();
            let read = tail.read(from, limit, bytes_max);
            assert!(tail.holds(from) || read.is_none(), "from {from}");
            let read = read.map(|bytes| bytes.chunks(10).map(|batch| batch[0]).collect::<Vec<_>>());
            assert_eq!(
                read.as_deref(),
                expected,
                "from {from}, limit {limit}, {bytes_max} bytes"
            );
        }
        check(9, 20, 100, None);
        check(10, 20, 100, Some(&[5, 6, 7, 8, 9]));
        check(11, 20, 100, Some(&[5, 6, 7, 8, 9]));
        check(12, 20, 29, Some(&[6, 7]));
        check(12, 20, 30, Some(&[6, 7, 8]));
        check(12, 20, 0, Some(&[6]));
        check(12, 16, 100, Some(&[6, 7]));
        check(19, 20, 100, Some(&[9]));
        check(19, 18, 100, None);
        check(20, 20, 100, None);
    }

    #[test]
    fn a_batch_larger_than_the_ring_empties_it() {
        let mut tail = sample();
        tail.push(20, 21, Bytes::from(vec![0; 51]));
        assert!(tail.batches.is_empty() && tail.bytes == 0);
        tail.push(21, 22, Bytes::from(vec![0; 5]));
        assert!(tail.read(21, 22, 1).is_some() && tail.read(20, 22, 1).is_none());
    }
}
