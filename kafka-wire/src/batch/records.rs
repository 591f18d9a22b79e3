//! The records of a batch, read one by one.
//!
//! ```text
//! length varint | attributes i8 | timestamp delta varlong | offset delta varint
//!   | key length varint (-1 null) | key | value length varint (-1 null) | value
//!   | header count varint | (key length varint | key | value length varint (-1 null) | value)*
//! ```
//!
//! Invariant: the iterator gives exactly the records the header counts, with rising offsets that end within the batch,
//! or an error and then nothing. Keys, values and headers are slices of the decompressed bytes.

use std::ops::{ControlFlow, Range};

use bytes::Bytes;

use super::{Announced, Batch, BatchError, Compression, Seen, TimestampType, check, codec};

mod cursor;
mod headers;
mod skim;

use cursor::{Cursor, Flaw};
pub use headers::{Headers, NO_HEADERS};
pub use skim::{Payload, Skim, Skimmed};

/// The most headers one record may have.
pub const HEADERS_MAX: usize = 1_000;

/// The longest forms of 32 and of 64 bits in LEB128, in bytes.
pub(super) const VARINT_BYTES_MAX: usize = 5;
pub(super) const VARLONG_BYTES_MAX: usize = 10;

/// The number that a zigzag one stands for.
pub(super) fn unzigzag(bits: u64) -> i64 {
    (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
}

/// One record with its place made absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its offset in the partition.
    pub offset: i64,
    /// Its place in the batch, from 0.
    pub index: i32,
    /// Its time in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its payload; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers in order; keys may repeat. A key that is not UTF-8 is an error.
    pub headers: Headers,
}

/// Iterates over a batch's records. After an error it is at its end.
#[derive(Debug, Clone)]
pub struct Records {
    bytes: Bytes,
    /// Where the next record begins.
    at: usize,
    base_offset: i64,
    last_offset_delta: i32,
    base_timestamp: i64,
    /// The time all records have, if the log gave it.
    append_time: Option<i64>,
    count: i32,
    index: i32,
    previous_delta: i32,
    done: bool,
}

/// Where the parts of a record stand.
struct Parts {
    offset: i64,
    timestamp_ms: i64,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    /// Value and headers, with what says how long they are.
    payload: Range<usize>,
    /// Its headers behind their count, and that.
    headers: (Range<usize>, usize),
}

impl Records {
    pub(super) fn new(batch: &Batch, unpacked: Bytes) -> Self {
        let append_time = match batch.timestamp_type() {
            TimestampType::CreateTime => None,
            TimestampType::LogAppendTime => Some(batch.max_timestamp()),
        };
        Self {
            bytes: unpacked,
            at: 0,
            base_offset: batch.base_offset(),
            last_offset_delta: batch.last_offset_delta(),
            base_timestamp: batch.base_timestamp(),
            append_time,
            count: batch.count(),
            index: 0,
            previous_delta: -1,
            done: false,
        }
    }

    /// What [`Batch::check_records`] does, on records that are decompressed already; consumes none.
    pub fn check(
        &self,
        sought: &str,
        seen: &mut dyn FnMut(Seen) -> ControlFlow<()>,
    ) -> Result<(), BatchError> {
        let announced = Announced {
            count: self.count,
            base_timestamp: self.base_timestamp,
        };
        let broken = codec::broken(Compression::None, 0);
        check::check(announced, &mut self.unread(), sought, seen, broken)
    }

    fn unread(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// How many bytes are not yet read: at the beginning, what the records take unpacked.
    pub fn unread_bytes(&self) -> usize {
        self.unread().len()
    }

    /// The same reading of a copy of its bytes, which holds nothing else in memory.
    pub fn detached(mut self) -> Self {
        (self.bytes, self.at) = (Bytes::copy_from_slice(self.unread()), 0);
        self
    }

    /// Goes on to the first record at or behind `offset`. Of those before it no more is looked at than length and offset, so
    /// what is wrong with the rest of them goes unnoticed; one that cannot be passed over is the next that is read.
    pub fn pass_to(&mut self, offset: i64) {
        while !self.done && self.index < self.count {
            let Ok((end, delta)) = ahead(Cursor::new(&self.bytes, self.at)) else {
                return;
            };
            let fits = delta > self.previous_delta && delta <= self.last_offset_delta;
            let is_before = self.base_offset + i64::from(delta) < offset;
            if !fits || !is_before {
                return;
            }
            self.at = end;
            self.previous_delta = delta;
            self.index += 1;
        }
    }

    /// Reads the next record, and goes behind it.
    #[inline]
    fn read(&mut self) -> Result<Parts, Flaw> {
        let mut from = Cursor::new(&self.bytes, self.at);
        let length = from.length("its length is negative")?;
        let mut body = from.part(length)?;
        body.take(1)?; // attributes: no bit of it is in use
        let timestamp_delta = body.varlong()?;
        let offset_delta = body.varint()?;
        if offset_delta <= self.previous_delta || offset_delta > self.last_offset_delta {
            return Err("its offset is out of order or beyond the batch");
        }
        let key = body.nullable_place()?;
        let payload_at = body.at();
        let value = body.nullable_place()?;
        let headers = body.headers()?;
        body.finish()?;
        self.previous_delta = offset_delta;
        self.at = body.at();
        self.index += 1;
        Ok(Parts {
            offset: self.base_offset + i64::from(offset_delta),
            timestamp_ms: self
                .append_time
                .unwrap_or(self.base_timestamp.saturating_add(timestamp_delta)),
            key,
            value,
            payload: payload_at..self.at,
            headers,
        })
    }

    /// The next record, as long as there is one.
    #[inline]
    fn next_parts(&mut self) -> Option<Result<Parts, BatchError>> {
        if self.done {
            return None;
        }
        if self.index == self.count {
            self.done = true;
            return match self.unread() {
                [] => None,
                _ => Some(Err(self.fail("bytes follow the last record the header counts"))),
            };
        }
        Some(self.read().map_err(|flaw| self.fail(flaw)))
    }

    #[cold]
    fn fail(&mut self, flaw: Flaw) -> BatchError {
        self.done = true;
        BatchError::Record {
            index: self.index,
            reason: flaw.to_owned(),
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.index;
        let parts = match self.next_parts()? {
            Ok(parts) => parts,
            Err(error) => return Some(Err(error)),
        };
        let (headers, count) = parts.headers;
        Some(Ok(Record {
            offset: parts.offset,
            index,
            timestamp_ms: parts.timestamp_ms,
            key: parts.key.map(|key| self.bytes.slice(key)),
            value: parts.value.map(|value| self.bytes.slice(value)),
            headers: Headers::new(self.bytes.slice(headers), count),
        }))
    }
}

/// Where the next record ends, and its offset delta.
fn ahead(mut from: Cursor<'_>) -> Result<(usize, i32), Flaw> {
    let length = from.length("its length is negative")?;
    let mut body = from.part(length)?;
    body.take(1)?;
    body.varlong()?;
    Ok((from.at(), body.varint()?))
}
