//! The records of a batch, read one by one.
//!
//! ```text
//! length varint | attributes i8 | timestamp delta varlong | offset delta varint
//!   | key length varint (-1 null) | key | value length varint (-1 null) | value
//!   | header count varint | (key length varint | key | value length varint (-1 null) | value)*
//! ```
//!
//! Invariant: the iterator gives exactly the records the header counts, with rising offsets that end within the batch,
//! or an error and then nothing. Keys and values are slices of the decompressed bytes.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::{Announced, Batch, BatchError, Compression, Seen, TimestampType, check, codec};
use crate::{error::WireError, primitives::Reader};

mod skim;

use skim::Cursor;
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
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// Iterates over a batch's records. After an error it is at its end.
#[derive(Debug, Clone)]
pub struct Records {
    from: Reader,
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

impl Records {
    pub(super) fn new(batch: &Batch, unpacked: Bytes) -> Self {
        let append_time = match batch.timestamp_type() {
            TimestampType::CreateTime => None,
            TimestampType::LogAppendTime => Some(batch.max_timestamp()),
        };
        Self {
            from: Reader::new(unpacked),
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
        check::check(announced, &mut &self.from.rest()[..], sought, seen, broken)
    }

    /// How many bytes are not yet read: at the beginning, what the records take unpacked.
    pub fn unread_bytes(&self) -> usize {
        self.from.remaining()
    }

    /// The same reading of a copy of its bytes, which holds nothing else in memory.
    pub fn detached(mut self) -> Self {
        self.from = Reader::new(Bytes::copy_from_slice(self.from.rest()));
        self
    }

    /// Goes on to the first record at or behind `offset`. Of those before it no more is looked at than length and offset, so
    /// what is wrong with the rest of them goes unnoticed; one that cannot be passed over is the next that is read.
    pub fn pass_to(&mut self, offset: i64) {
        while !self.done && self.index < self.count {
            let Some((bytes, delta)) = ahead(self.from.rest()) else {
                return;
            };
            let fits = delta > self.previous_delta && delta <= self.last_offset_delta;
            let is_before = self.base_offset + i64::from(delta) < offset;
            if !fits || !is_before || self.from.pass(bytes).is_err() {
                return;
            }
            self.previous_delta = delta;
            self.index += 1;
        }
    }

    fn read(&mut self) -> Result<Record, Flaw> {
        let length = required(self.from.varint()?, "its length is negative")?;
        let mut body = Reader::new(self.from.take(length)?);
        let _attributes = body.i8()?; // no bit of it is in use
        let timestamp_delta = body.varlong()?;
        let offset_delta = body.varint()?;
        if offset_delta <= self.previous_delta || offset_delta > self.last_offset_delta {
            return Err(Flaw::Rule("its offset is out of order or beyond the batch"));
        }
        self.previous_delta = offset_delta;
        let key = nullable(&mut body)?;
        let value = nullable(&mut body)?;
        let headers = headers(&mut body)?;
        body.finish()?;
        Ok(Record {
            offset: self.base_offset + i64::from(offset_delta),
            index: self.index,
            timestamp_ms: self
                .append_time
                .unwrap_or(self.base_timestamp.saturating_add(timestamp_delta)),
            key,
            value,
            headers,
        })
    }

    fn end_early<T>(&mut self) -> Option<Result<T, BatchError>> {
        self.fail(Flaw::Rule("bytes follow the last record the header counts"))
    }

    fn fail<T>(&mut self, reason: Flaw) -> Option<Result<T, BatchError>> {
        self.done = true;
        let reason = match reason {
            Flaw::Wire(error) => error.to_string(),
            Flaw::Rule(rule) => rule.to_owned(),
        };
        Some(Err(BatchError::Record {
            index: self.index,
            reason,
        }))
    }
}

impl Iterator for Records {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        if self.index == self.count {
            self.done = true;
            return match self.from.finish() {
                Ok(()) => None,
                Err(_) => self.end_early(),
            };
        }
        match self.read() {
            Ok(record) => {
                self.index += 1;
                Some(Ok(record))
            }
            Err(reason) => self.fail(reason),
        }
    }
}

/// How many bytes the next record takes, and its offset delta; nothing when it says neither.
fn ahead(bytes: &[u8]) -> Option<(usize, i32)> {
    let mut from = Cursor::new(bytes);
    let length = usize::try_from(from.varint()?).ok()?;
    let record = from.pass(length)?;
    let mut body = Cursor::new(bytes.get(record.clone())?);
    body.pass(1)?;
    body.varlong()?;
    Some((record.end, body.varint()?))
}

/// Why a record cannot be read: its bytes, or a rule about them.
enum Flaw {
    Wire(WireError),
    Rule(&'static str),
}

impl From<WireError> for Flaw {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

fn required(length: i32, rule: &'static str) -> Result<usize, Flaw> {
    usize::try_from(length).map_err(|_| Flaw::Rule(rule))
}

fn nullable(body: &mut Reader) -> Result<Option<Bytes>, Flaw> {
    match body.varint()? {
        -1 => Ok(None),
        length => Ok(Some(
            body.take(required(length, "a key or value has a negative length")?)?,
        )),
    }
}

fn headers(body: &mut Reader) -> Result<Vec<(String, Option<Bytes>)>, Flaw> {
    let count = required(body.varint()?, "its header count is negative")?;
    // A header takes two bytes at least.
    if count > HEADERS_MAX || count > body.remaining() / 2 {
        return Err(Flaw::Rule(
            "it has more headers than its bytes can hold, or more than 1000",
        ));
    }
    let mut headers = Vec::with_capacity(count);
    for _ in 0..count {
        let length = required(body.varint()?, "a header key has a negative length")?;
        let key = body.take(length)?;
        let key = std::str::from_utf8(&key).map_err(|_| Flaw::Rule("a header key is not UTF-8"))?;
        headers.push((key.to_owned(), nullable(body)?));
    }
    Ok(headers)
}
