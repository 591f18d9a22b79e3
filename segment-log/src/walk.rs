//! Reading the batches of a segment file one after the other.
//!
//! Invariant: a batch is handed out only if its header makes sense, its checksum is right, and its offset is the
//! expected one; everything else is [`Bad`], after which the walk is over. Base offset, length and epoch stand
//! outside the checksum, so their continuity is what guards them. Memory is bounded by the bytes of the file.

use std::io;

use annals_kafka_wire::batch::{Batch, BatchError};
use bytes::{Bytes, BytesMut};

use crate::disk::DiskFile;

/// Bytes read at a time when a whole segment is scanned.
pub(crate) const SCAN_BYTES: u64 = 1024 * 1024;

/// How bytes are bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadKind {
    /// The file ends inside the batch, or before it.
    CutShort,
    /// No batch, or one with a wrong checksum.
    Broken,
    /// A whole batch, but for its head: no lost write leaves that.
    WrongHead,
}

/// Bytes that are no batch, or not the one that belongs there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) position: u64,
    /// The offset expected there.
    pub(crate) offset: i64,
    pub(crate) reason: String,
    pub(crate) kind: BadKind,
}

/// A batch and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) position: u64,
    pub(crate) batch: Batch,
}

/// Which offset a batch must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Exactly this one.
    Exactly(i64),
    /// This one or a later: the walk began at a place the index gave, whose offset it did not.
    AtLeast(i64),
}

/// A walk through part of a file.
pub(crate) struct Walk<'a> {
    file: &'a dyn DiskFile,
    position: u64,
    end: u64,
    expected: Expected,
    /// Bytes of the file from `chunk_at` on.
    chunk: Bytes,
    chunk_at: u64,
    read_bytes: u64,
}

impl<'a> Walk<'a> {
    /// From the batch with offset `offset` at `position`.
    pub(crate) fn new(file: &'a dyn DiskFile, position: u64, end: u64, offset: i64) -> Walk<'a> {
        let expected = Expected::Exactly(offset);
        Walk {
            file,
            position,
            end,
            expected,
            chunk: Bytes::new(),
            chunk_at: position,
            read_bytes: SCAN_BYTES,
        }
    }

    /// From an indexed `position` in the segment that begins at offset `base`.
    pub(crate) fn within(file: &'a dyn DiskFile, position: u64, end: u64, base: i64) -> Walk<'a> {
        let mut walk = Walk::new(file, position, end, base);
        if position > 0 {
            walk.expected = Expected::AtLeast(base);
        }
        walk
    }

    /// Reads this many bytes at a time.
    pub(crate) fn reading(mut self, bytes: u64) -> Walk<'a> {
        self.read_bytes = bytes;
        self
    }

    /// The next batch, `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Result<Placed, Bad>>> {
        if self.position >= self.end {
            return Ok(None);
        }
        let left = self.end - self.position;
        loop {
            match self.parse() {
                // At most twice: for the header, then for the length it names.
                Err(BatchError::Truncated { needed, have, .. }) if needed > have && needed as u64 <= left => {
                    self.fill(needed as u64)?;
                }
                parsed => return Ok(Some(self.judge(parsed))),
            }
        }
    }

    /// Bytes of the file that were read last, if they cover the range.
    pub(crate) fn seen(&self, start: u64, end: u64) -> Option<Bytes> {
        let from = start.checked_sub(self.chunk_at)? as usize;
        let to = end.checked_sub(self.chunk_at)? as usize;
        (from <= to && to <= self.chunk.len()).then(|| self.chunk.slice(from..to))
    }

    fn parse(&self) -> Result<Batch, BatchError> {
        Batch::parse(&self.chunk, (self.position - self.chunk_at) as usize).map(|(batch, _)| batch)
    }

    fn fill(&mut self, needed: u64) -> io::Result<()> {
        let bytes = self.read_bytes.max(needed).min(self.end - self.position);
        let mut chunk = BytesMut::zeroed(bytes as usize);
        self.file.read_at(self.position, &mut chunk)?;
        self.chunk = chunk.freeze();
        self.chunk_at = self.position;
        Ok(())
    }

    fn judge(&mut self, parsed: Result<Batch, BatchError>) -> Result<Placed, Bad> {
        let batch = match parsed {
            Ok(batch) => batch,
            Err(BatchError::Truncated { needed, .. }) => {
                let left = self.end - self.position;
                let reason = format!("a batch of {needed} bytes, and the file has {left} more");
                return Err(self.bad(reason, BadKind::CutShort));
            }
            Err(error) => return Err(self.bad(error.to_string(), BadKind::Broken)),
        };
        if let Err(error) = batch.verify_crc() {
            return Err(self.bad(error.to_string(), BadKind::Broken));
        }
        let found = batch.base_offset();
        match self.expected {
            Expected::Exactly(offset) if found != offset => {
                return Err(self.bad(format!("a batch of offset {found}"), BadKind::WrongHead));
            }
            Expected::AtLeast(offset) if found < offset => {
                let reason = format!("a batch of offset {found} in the segment of {offset}");
                return Err(self.bad(reason, BadKind::WrongHead));
            }
            _ => {}
        }
        let placed = Placed {
            position: self.position,
            batch,
        };
        self.position += placed.batch.bytes().len() as u64;
        self.expected = Expected::Exactly(placed.batch.last_offset() + 1);
        Ok(placed)
    }

    fn bad(&self, reason: String, kind: BadKind) -> Bad {
        let (Expected::Exactly(offset) | Expected::AtLeast(offset)) = self.expected;
        Bad {
            position: self.position,
            offset,
            reason,
            kind,
        }
    }
}
