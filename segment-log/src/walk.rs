//! Reading the batches of a segment file one after the other.
//!
//! Invariant: a batch is handed out only if its header makes sense, its checksum is right, and its offset is the
//! expected one; everything else is [`Bad`], after which the walk is over. Base offset, length and epoch stand
//! outside the checksum, so their continuity is what guards them: a walk knows the offset it begins at, and epochs
//! rise. Memory is bounded by the bytes of the file.

use std::io;
use std::ops::RangeInclusive;

use annals_kafka_wire::batch::{Batch, BatchError};
use bytes::Bytes;

use crate::damage::Damage;
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
    /// A whole batch but for its head, or bytes the disk does not give: no lost write leaves that.
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

impl Bad {
    /// As a place of `file` that cannot be read; offsets before `end_offset` are lost with it.
    pub(crate) fn damage(self, file: &str, bytes: u64, end_offset: i64) -> Damage {
        Damage {
            file: file.to_owned(),
            position: self.position,
            bytes,
            offset: self.offset,
            end_offset,
            reason: self.reason,
        }
    }
}

/// A batch and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) position: u64,
    pub(crate) batch: Batch,
}

/// A walk through part of a file.
pub(crate) struct Walk<'a> {
    file: &'a dyn DiskFile,
    position: u64,
    end: u64,
    /// The next batch must have this offset,
    offset: i64,
    /// and an epoch in between.
    epochs: RangeInclusive<i32>,
    /// Bytes of the file from `chunk_at` on.
    chunk: Bytes,
    chunk_at: u64,
    read_bytes: u64,
}

impl<'a> Walk<'a> {
    /// From the batch with offset `offset` at `position`.
    pub(crate) fn new(file: &'a dyn DiskFile, position: u64, end: u64, offset: i64) -> Walk<'a> {
        Walk {
            file,
            position,
            end,
            offset,
            epochs: 0..=i32::MAX,
            chunk: Bytes::new(),
            chunk_at: position,
            read_bytes: SCAN_BYTES,
        }
    }

    /// Epochs are at least the one before the walk, and at most the newest there is.
    pub(crate) fn epochs(mut self, epochs: RangeInclusive<i32>) -> Walk<'a> {
        self.epochs = epochs;
        self
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

    /// Bytes of the file that were read last, if they cover the range. Whoever keeps a little of them keeps no more.
    pub(crate) fn seen(&self, start: u64, end: u64) -> Option<Bytes> {
        let from = start.checked_sub(self.chunk_at)? as usize;
        let to = end.checked_sub(self.chunk_at)? as usize;
        let range = self.chunk.get(from..to)?;
        let is_most = range.len() >= self.chunk.len() / 4 * 3;
        Some(if is_most {
            self.chunk.slice(from..to)
        } else {
            Bytes::copy_from_slice(range)
        })
    }

    fn parse(&self) -> Result<Batch, BatchError> {
        Batch::parse(&self.chunk, (self.position - self.chunk_at) as usize).map(|(batch, _)| batch)
    }

    fn fill(&mut self, needed: u64) -> io::Result<()> {
        let bytes = self.read_bytes.max(needed).min(self.end - self.position);
        self.chunk = self.file.read(self.position, bytes as usize)?;
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
        let (found, epoch) = (batch.base_offset(), batch.partition_leader_epoch());
        if found != self.offset {
            return Err(self.bad(format!("a batch of offset {found}"), BadKind::WrongHead));
        }
        if !self.epochs.contains(&epoch) {
            return Err(self.bad(format!("leader epoch {epoch} does not fit"), BadKind::WrongHead));
        }
        let placed = Placed {
            position: self.position,
            batch,
        };
        self.position += placed.batch.bytes().len() as u64;
        self.offset = placed.batch.last_offset() + 1;
        self.epochs = epoch..=*self.epochs.end();
        Ok(placed)
    }

    /// The place the walk is at, as a bad one.
    pub(crate) fn bad(&self, reason: String, kind: BadKind) -> Bad {
        Bad {
            position: self.position,
            offset: self.offset,
            reason,
            kind,
        }
    }
}
