//! Reading over the records of a batch: where each is, when, and its key; the rest of it is looked through and left where
//! it stands.
//!
//! Invariant: what [`Records`] reads is skimmed alike, and what it refuses is refused. Nothing is allocated for a record.

use std::ops::Range;

use bytes::Bytes;

use super::{BatchError, Cursor, Headers, Records};

/// What a record has at least: its length, attributes, two deltas, the lengths of key and value, and a count of headers.
const RECORD_BYTES_MIN: usize = 7;

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
/// assert_eq!(payload.headers.last("actor"), Some(Some(&b"ada"[..])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Skim(Records);

/// The value and the headers of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// Its payload; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers in order.
    pub headers: Headers,
}

impl Records {
    /// The same records, of which no more is read than [`Skimmed`] tells.
    pub fn skim(self) -> Skim {
        Skim(self)
    }
}

impl Skim {
    /// How many records are left at most, by their count and their bytes.
    pub fn left_max(&self) -> usize {
        let counted = usize::try_from(self.0.count - self.0.index).unwrap_or_default();
        counted.min(self.0.unread_bytes() / RECORD_BYTES_MIN)
    }

    /// The bytes that ranges are of.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }
}

impl Iterator for Skim {
    type Item = Result<Skimmed, BatchError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let parts = self.0.next_parts()?;
        Some(parts.map(|parts| Skimmed {
            offset: parts.offset,
            timestamp_ms: parts.timestamp_ms,
            key: parts.key,
            payload: parts.payload,
        }))
    }
}

impl Payload {
    /// Reads what stands in this range of `bytes`, whose slices the value and the headers are: what was skimmed, or a copy of
    /// it. That the headers are what a record may have is not looked at again. `None` where there is no value and no
    /// count of headers.
    pub fn read(bytes: &Bytes, range: Range<usize>) -> Option<Payload> {
        let mut from = Cursor::new(bytes.get(..range.end)?, range.start);
        let value = from.nullable_place().ok()?;
        let count = from.header_count().ok()?;
        Some(Payload {
            value: value.map(|value| bytes.slice(value)),
            headers: Headers::new(bytes.slice(from.at()..range.end), count),
        })
    }
}
