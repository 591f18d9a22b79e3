//! The sparse index of one segment: which batch starts at which position, about every 16 KiB.
//!
//! ```text
//! <base offset>.idx, framed as format.rs says, magic "ANNALSIX", version 1; the body:
//!  0  8  base offset
//!  8  8  end offset: one behind the last record
//! 16  8  bytes of the log file
//! 24  8  highest timestamp (-1: none)
//! 32  4  CRC-32C over the first 17 bytes of every batch, in order: base offset, length, epoch, magic,
//!        which the batch's own CRC leaves out
//! 36  4  number of entries, n
//! 40 16n entries, ascending:
//!          0  4  offset of a batch, less the base offset
//!          4  4  position of that batch
//!          8  8  highest timestamp of the batches before it (-1: none)
//! ```
//!
//! Invariant: offsets, positions and timestamps ascend, so each is found by bisection. The active segment's index
//! lives in memory and is rebuilt by the scan at start; a sealed one's is read from its file, and rebuilt when
//! that is missing, damaged or about another log file.

use annals_kafka_wire::batch::{Batch, NO_TIMESTAMP};
use bytes::{Buf, BufMut};

use crate::format::{crc_more, frame, unframe};

const MAGIC: &[u8; 8] = b"ANNALSIX";
const VERSION: u32 = 1;
const ENTRY_BYTES: usize = 16;

/// Bytes of log between two entries: small enough to read in one go, and 64 KiB of index for a 64 MiB segment.
const STEP_BYTES: u64 = 16 * 1024;

/// Largest index file worth reading: a 2 GiB segment's, with room.
pub(crate) const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Bytes of a batch its own checksum leaves out: base offset, length, epoch, magic.
const HEAD_BYTES: usize = 17;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    offset: u32,
    position: u32,
    timestamp_before: i64,
}

/// Entries of one segment, and what is known about the segment as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) base: i64,
    /// One behind the last record.
    pub(crate) end: i64,
    /// Bytes of whole batches in the log file.
    pub(crate) size: u64,
    pub(crate) max_timestamp: i64,
    /// CRC-32C over the batch heads, see the drawing.
    pub(crate) heads: u32,
    entries: Vec<Entry>,
}

/// Where a batch begins, and its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) position: u64,
    pub(crate) offset: i64,
}

/// A batch as the index needs to know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Indexed {
    pub(crate) base: i64,
    pub(crate) end: i64,
    pub(crate) bytes: u64,
    pub(crate) max_timestamp: i64,
    pub(crate) heads: u32,
}

/// The stamped batch of offsets `base..end` as the index takes it in; `heads` is the segment's checksum so far.
pub(crate) fn indexed(bytes: &[u8], base: i64, end: i64, max_timestamp: i64, heads: u32) -> Indexed {
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    Indexed {
        base,
        end,
        bytes: bytes.len() as u64,
        max_timestamp: max_timestamp.max(NO_TIMESTAMP),
        heads: crc_more(heads, head),
    }
}

impl Index {
    /// Of an empty segment.
    pub(crate) fn new(base: i64) -> Index {
        Index {
            base,
            end: base,
            size: 0,
            max_timestamp: NO_TIMESTAMP,
            heads: 0,
            entries: Vec::new(),
        }
    }

    /// Takes in the batch at the segment's end.
    pub(crate) fn push(&mut self, batch: Indexed) {
        let due = self
            .entries
            .last()
            .is_none_or(|last| self.size - u64::from(last.position) >= STEP_BYTES);
        if due {
            self.add_entry(batch.base);
        }
        self.end = batch.end;
        self.size += batch.bytes;
        self.max_timestamp = self.max_timestamp.max(batch.max_timestamp);
        self.heads = batch.heads;
    }

    /// Enters the batch of offset `offset` at the segment's end.
    fn add_entry(&mut self, offset: i64) {
        if let (Ok(offset), Ok(position)) = (u32::try_from(offset - self.base), u32::try_from(self.size)) {
            self.entries.push(Entry {
                offset,
                position,
                timestamp_before: self.max_timestamp,
            });
        }
    }

    /// Takes in a batch read from the segment's file.
    pub(crate) fn take(&mut self, batch: &Batch) {
        let end = batch.last_offset() + 1;
        self.push(indexed(
            batch.bytes(),
            batch.base_offset(),
            end,
            batch.max_timestamp(),
            self.heads,
        ));
    }

    /// Goes on behind a damaged place, with a batch of offset `offset` at `position`.
    pub(crate) fn skip_to(&mut self, position: u64, offset: i64) {
        (self.size, self.end) = (position, offset);
        self.add_entry(offset);
    }

    /// A batch that starts at or before `offset`.
    pub(crate) fn spot_of(&self, offset: i64) -> Spot {
        let behind = self
            .entries
            .partition_point(|entry| self.base + i64::from(entry.offset) <= offset);
        self.spot_before(behind)
    }

    /// A batch before which every record is older than `ms`.
    pub(crate) fn spot_at_time(&self, ms: i64) -> Spot {
        let behind = self.entries.partition_point(|entry| entry.timestamp_before < ms);
        self.spot_before(behind)
    }

    fn spot_before(&self, behind: usize) -> Spot {
        let entry = behind.checked_sub(1).and_then(|at| self.entries.get(at));
        entry.map_or(
            Spot {
                position: 0,
                offset: self.base,
            },
            |entry| Spot {
                position: u64::from(entry.position),
                offset: self.base + i64::from(entry.offset),
            },
        )
    }

    /// The index file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(40 + self.entries.len() * ENTRY_BYTES);
        body.put_i64(self.base);
        body.put_i64(self.end);
        body.put_u64(self.size);
        body.put_i64(self.max_timestamp);
        body.put_u32(self.heads);
        body.put_u32(self.entries.len() as u32);
        for entry in &self.entries {
            body.put_u32(entry.offset);
            body.put_u32(entry.position);
            body.put_i64(entry.timestamp_before);
        }
        frame(MAGIC, VERSION, &body)
    }

    /// Reads an index file; `None` means rebuild.
    pub(crate) fn decode(file: &[u8]) -> Option<Index> {
        let mut body = unframe(MAGIC, VERSION, file)?;
        let mut index = Index {
            base: body.try_get_i64().ok()?,
            end: body.try_get_i64().ok()?,
            size: body.try_get_u64().ok()?,
            max_timestamp: body.try_get_i64().ok()?,
            heads: body.try_get_u32().ok()?,
            entries: Vec::new(),
        };
        let count = body.try_get_u32().ok()? as usize;
        if body.len() != count.checked_mul(ENTRY_BYTES)? {
            return None;
        }
        index.entries = (0..count)
            .map(|_| Entry {
                offset: body.get_u32(),
                position: body.get_u32(),
                timestamp_before: body.get_i64(),
            })
            .collect();
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches of ten records and 6,000 bytes; timestamps rise by 100 but for every third, which is late.
    fn sample(batches: i64) -> Index {
        let mut index = Index::new(1_000);
        for n in 0..batches {
            let base = 1_000 + n * 10;
            let max_timestamp = if n % 3 == 2 { 5 } else { n * 100 };
            index.push(Indexed {
                base,
                end: base + 10,
                bytes: 6_000,
                max_timestamp,
                heads: n as u32,
            });
        }
        index
    }

    #[test]
    fn a_found_position_is_never_behind_and_at_most_a_step_before() {
        let index = sample(50);
        for n in 0..50u64 {
            let Spot { position, offset } = index.spot_of(1_000 + n as i64 * 10 + 9);
            let wanted = n * 6_000;
            assert!(
                position <= wanted && wanted - position < STEP_BYTES + 6_000,
                "batch {n}: {position}"
            );
            assert_eq!(offset, 1_000 + position as i64 / 6_000 * 10, "batch {n}");
        }
        let first = Spot {
            position: 0,
            offset: 1_000,
        };
        assert_eq!(index.spot_of(0), first);
    }

    #[test]
    fn everything_before_a_position_found_by_time_is_older() {
        let index = sample(50);
        for ms in [-5, 0, 1, 99, 100, 101, 2_000, 4_900, 10_000] {
            let found = index.spot_at_time(ms).position / 6_000;
            let older = (0..found as i64).all(|n| n % 3 == 2 || n * 100 < ms);
            assert!(older, "{ms} ms: batch {found}");
        }
        assert_eq!(index.spot_at_time(10_000).position / 6_000, 48);
    }

    #[test]
    fn the_file_gives_the_index_back() {
        for batches in [0, 1, 3, 50] {
            let index = sample(batches);
            assert_eq!(Index::decode(&index.encode()), Some(index));
        }
        assert_eq!(Index::decode(b""), None);
    }
}
