//! Reading over the records of a batch: where each is, when, and its key; the rest of it is looked through and left where
//! it stands.
//!
//! Invariant: what [`Records`] reads is skimmed alike, and what it refuses is refused. Nothing is allocated for a record.

use std::ops::Range;

use bytes::Bytes;

use super::{BatchError, Flaw, HEADERS_MAX, Records, VARINT_BYTES_MAX, VARLONG_BYTES_MAX, unzigzag};

const CUT_SHORT: Flaw =
    Flaw::Rule("it is shorter than what it holds, or a number in it is longer than it may be");

/// What is told of a record; ranges are of [`Skim::bytes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skimmed {
    /// Its offset in the partition.
    pub offset: i64,
    /// Its time in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Where its key stands.
    pub key: Option<Range<usize>>,
    /// Where its value and its headers stand, as [`Payload::read`] reads them.
    pub payload: Range<usize>,
}

/// Iterates over a batch's records without taking them apart. After an error it is at its end.
///
/// ```
/// use annals_kafka_wire::batch::{Batch, BatchBuilder, DECOMPRESSED_BYTES_MAX, Payload};
///
/// let mut builder = BatchBuilder::new();
/// builder.push(1_700_000_000_000, Some(b"order-1"), Some(b"placed"), &[("actor", b"ada")]);
/// let (batch, _) = Batch::parse(&builder.build(), 0)?;
/// let mut skim = batch.records(DECOMPRESSED_BYTES_MAX)?.skim();
/// let record = skim.next().ok_or("a record")??;
/// let bytes = skim.bytes().clone();
/// assert_eq!(record.key.map(|key| bytes.slice(key)).as_deref(), Some(&b"order-1"[..]));
/// let payload = Payload::read(&bytes, record.payload).ok_or("a payload")?;
/// assert_eq!(payload.value.as_deref(), Some(&b"placed"[..]));
/// assert_eq!(payload.headers[0].0, "actor");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Skim {
    records: Records,
    bytes: Bytes,
    at: usize,
}

/// The value and the headers of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// Its payload; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers in order.
    pub headers: Vec<(String, Option<Bytes>)>,
}

impl Records {
    /// The same records, of which no more is read than [`Skimmed`] tells.
    pub fn skim(self) -> Skim {
        let bytes = self.from.rest().clone();
        Skim {
            records: self,
            bytes,
            at: 0,
        }
    }
}

impl Skim {
    /// The bytes that ranges are of: all records that were not read before.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    fn read(&mut self) -> Result<Skimmed, Flaw> {
        let mut from = Cursor {
            bytes: &self.bytes,
            at: self.at,
        };
        let length = from.varint().ok_or(CUT_SHORT)?;
        let length = usize::try_from(length).map_err(|_| Flaw::Rule("its length is negative"))?;
        let record = from.pass(length).ok_or(CUT_SHORT)?;
        let mut body = Cursor {
            bytes: self.bytes.get(..record.end).unwrap_or_default(),
            at: record.start,
        };
        body.pass(1).ok_or(CUT_SHORT)?; // attributes: no bit of it is in use
        let timestamp_delta = body.varlong().ok_or(CUT_SHORT)?;
        let offset_delta = body.varint().ok_or(CUT_SHORT)?;
        let records = &mut self.records;
        if offset_delta <= records.previous_delta || offset_delta > records.last_offset_delta {
            return Err(Flaw::Rule("its offset is out of order or beyond the batch"));
        }
        let key = body.nullable().ok_or(CUT_SHORT)?;
        let payload = body.at..record.end;
        body.nullable().ok_or(CUT_SHORT)?;
        body.each_header(|name, _| std::str::from_utf8(name).is_ok())
            .ok_or(Flaw::Rule("its headers are not what a record may have"))?;
        if body.at != record.end {
            return Err(Flaw::Rule("it is longer than what it holds"));
        }
        records.previous_delta = offset_delta;
        self.at = record.end;
        Ok(Skimmed {
            offset: records.base_offset + i64::from(offset_delta),
            timestamp_ms: records
                .append_time
                .unwrap_or(records.base_timestamp.saturating_add(timestamp_delta)),
            key,
            payload,
        })
    }
}

impl Iterator for Skim {
    type Item = Result<Skimmed, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.records.done {
            return None;
        }
        if self.records.index == self.records.count {
            self.records.done = true;
            return match self.at == self.bytes.len() {
                true => None,
                false => self.records.end_early(),
            };
        }
        match self.read() {
            Ok(record) => {
                self.records.index += 1;
                Some(Ok(record))
            }
            Err(reason) => self.records.fail(reason),
        }
    }
}

impl Payload {
    /// Reads what stands in this range of `bytes`, whose slices the value and the headers' values are. `None` where that
    /// is no value followed by headers, and nothing else.
    pub fn read(bytes: &Bytes, range: Range<usize>) -> Option<Payload> {
        let mut from = Cursor {
            bytes: bytes.get(..range.end)?,
            at: range.start,
        };
        let value = from.nullable()?;
        let count = from.header_count()?;
        let mut headers = Vec::with_capacity(count);
        from.headers(count, |name, value| {
            let Ok(name) = std::str::from_utf8(name) else {
                return false;
            };
            headers.push((name.to_owned(), value.map(|value| bytes.slice(value))));
            true
        })?;
        let is_all = from.at == range.end;
        is_all.then(|| Payload {
            value: value.map(|value| bytes.slice(value)),
            headers,
        })
    }
}

/// Reads numbers and lengths off a slice; `None` where they end too early, or are longer than they may be.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    /// A zigzag number of 32 bits.
    pub(super) fn varint(&mut self) -> Option<i32> {
        let bits = u32::try_from(self.leb128(VARINT_BYTES_MAX)?).ok()?;
        // Of 32 bits, the number is of 32 bits too.
        Some(unzigzag(u64::from(bits)) as i32)
    }

    /// A zigzag number of 64 bits.
    pub(super) fn varlong(&mut self) -> Option<i64> {
        self.leb128(VARLONG_BYTES_MAX).map(unzigzag)
    }

    fn leb128(&mut self, bytes_max: usize) -> Option<u64> {
        let mut bits = 0;
        for place in 0..bytes_max {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            // The tenth byte has room for one bit only.
            if place == VARLONG_BYTES_MAX - 1 && byte > 1 {
                return None;
            }
            bits |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(bits);
            }
        }
        None
    }

    /// Passes over so many bytes.
    pub(super) fn pass(&mut self, bytes: usize) -> Option<Range<usize>> {
        let end = self
            .at
            .checked_add(bytes)
            .filter(|end| *end <= self.bytes.len())?;
        let passed = self.at..end;
        self.at = end;
        Some(passed)
    }

    /// Passes over a length that is -1 for null, and as many bytes.
    fn nullable(&mut self) -> Option<Option<Range<usize>>> {
        match self.varint()? {
            -1 => Some(None),
            length => self.pass(usize::try_from(length).ok()?).map(Some),
        }
    }

    fn header_count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.varint()?).ok()?;
        // A header takes two bytes at least.
        (count <= HEADERS_MAX && count <= (self.bytes.len() - self.at) / 2).then_some(count)
    }

    /// Passes over the headers of a record while `each`, told name and value, says yes.
    fn each_header(&mut self, each: impl FnMut(&[u8], Option<Range<usize>>) -> bool) -> Option<()> {
        let count = self.header_count()?;
        self.headers(count, each)
    }

    fn headers(
        &mut self,
        count: usize,
        mut each: impl FnMut(&[u8], Option<Range<usize>>) -> bool,
    ) -> Option<()> {
        for _ in 0..count {
            let length = usize::try_from(self.varint()?).ok()?;
            let name = self.pass(length)?;
            let value = self.nullable()?;
            if !each(self.bytes.get(name)?, value) {
                return None;
            }
        }
        Some(())
    }
}
