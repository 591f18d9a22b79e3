//! Building a batch as a producer does.
//!
//! Invariant: what [`BatchBuilder::build`] gives, [`super::Batch::parse`] accepts, with a right checksum and offsets
//! without gaps from 0.
//!
//! Left out on purpose: when a batch is full; the caller watches [`BatchBuilder::bytes_len`].

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    BEFORE_LENGTH, CONTROL, CRC_AT, CRC_FROM, Compression, HEADER_BYTES, HEADERS_MAX, Header, NO_TIMESTAMP,
    TRANSACTIONAL, codec, crc,
};
use crate::primitives::Writer;

/// The most a batch holds before compression, in bytes: 1 GiB, so that its length stays within 32 bits.
const BATCH_BYTES_MAX: usize = 1 << 30;

/// The most one record's framing takes beside key, value and headers, in bytes.
const RECORD_FRAME_BYTES_MAX: usize = 40;

/// Where a batch keeps its length and its magic.
const LENGTH_AT: usize = 8;
const MAGIC_AT: usize = 16;

/// Collects records and makes one batch of them. See [`super::Batch`] for an example.
#[derive(Debug)]
pub struct BatchBuilder {
    records: Writer,
    count: i32,
    compression: Compression,
    attributes: i16,
    base_timestamp: i64,
    max_timestamp: i64,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self {
            records: Writer::new(),
            count: 0,
            compression: Compression::None,
            attributes: 0,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
        }
    }
}

impl BatchBuilder {
    /// An empty batch without a producer, not compressed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the idempotent producer and the sequence number of the first record.
    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> Self {
        self.producer_id = id;
        self.producer_epoch = epoch;
        self.base_sequence = base_sequence;
        self
    }

    /// Chooses the codec.
    pub fn compression(mut self, codec: Compression) -> Self {
        self.compression = codec;
        self
    }

    /// Marks the batch as part of a transaction.
    pub fn transactional(mut self) -> Self {
        self.attributes |= TRANSACTIONAL;
        self
    }

    /// Marks the batch as a control batch; its one record is then a transaction marker.
    pub fn control(mut self) -> Self {
        self.attributes |= CONTROL;
        self
    }

    /// Adds a record; `None` as a value is a tombstone. The answer is false, and nothing is added, when the record
    /// has more than [`HEADERS_MAX`] headers or the batch would pass 1 GiB.
    pub fn push(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
    ) -> bool {
        let payload = headers
            .iter()
            .fold(key.map_or(0, <[u8]>::len), |sum, (key, value)| {
                sum.saturating_add(key.len())
                    .saturating_add(value.len())
                    .saturating_add(10)
            });
        let size = payload
            .saturating_add(value.map_or(0, <[u8]>::len))
            .saturating_add(RECORD_FRAME_BYTES_MAX);
        if headers.len() > HEADERS_MAX || self.records.len().saturating_add(size) > BATCH_BYTES_MAX {
            return false;
        }
        if self.count == 0 {
            self.base_timestamp = timestamp_ms;
            self.max_timestamp = timestamp_ms;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp_ms);

        let mut body = Writer::with_capacity(size);
        body.i8(0);
        body.varlong(timestamp_ms.wrapping_sub(self.base_timestamp));
        body.varint(self.count);
        nullable(&mut body, key);
        nullable(&mut body, value);
        // The checks above keep every length far below 2^31.
        body.varint(headers.len() as i32);
        for (key, value) in headers {
            nullable(&mut body, Some(key.as_bytes()));
            nullable(&mut body, Some(value));
        }
        let body = body.into_bytes();
        self.records.varint(body.len() as i32);
        self.records.put(&body);
        self.count += 1;
        true
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes the batch takes before compression, header included.
    pub fn bytes_len(&self) -> usize {
        HEADER_BYTES + self.records.len()
    }

    /// The finished batch. Should the codec fail, the batch is left uncompressed.
    pub fn build(self) -> Bytes {
        let plain = self.records.into_bytes();
        let mut packed = Vec::new();
        let (codec, records) = match self.compression {
            Compression::None => (Compression::None, &plain[..]),
            codec => match codec::compress(codec, &plain, &mut packed) {
                Ok(()) => (codec, &packed[..]),
                Err(_) => (Compression::None, &plain[..]),
            },
        };
        let header = Header {
            attributes: self.attributes | codec.bits(),
            last_offset_delta: (self.count - 1).max(0),
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
            count: self.count,
            ..EMPTY
        };
        written(&header, records)
    }
}

/// The header of a batch without records that no producer sent; place and leader epoch are the log's to give.
pub(super) const EMPTY: Header = Header {
    base_offset: 0,
    partition_leader_epoch: -1,
    attributes: 0,
    compression: Compression::None,
    last_offset_delta: 0,
    base_timestamp: NO_TIMESTAMP,
    max_timestamp: NO_TIMESTAMP,
    producer_id: -1,
    producer_epoch: -1,
    base_sequence: -1,
    count: 0,
};

/// A batch with this header, as its attributes have it, and these bytes of records.
pub(super) fn written(header: &Header, records: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(HEADER_BYTES + records.len());
    out.put_i64(header.base_offset);
    out.put_i32((HEADER_BYTES - BEFORE_LENGTH + records.len()) as i32);
    out.put_i32(header.partition_leader_epoch);
    out.put_i8(2);
    out.put_u32(0); // the checksum, below
    out.put_i16(header.attributes);
    out.put_i32(header.last_offset_delta);
    out.put_i64(header.base_timestamp);
    out.put_i64(header.max_timestamp);
    out.put_i64(header.producer_id);
    out.put_i16(header.producer_epoch);
    out.put_i32(header.base_sequence);
    out.put_i32(header.count);
    out.put_slice(records);
    let checksum = crc(&out[CRC_FROM..]);
    out[CRC_AT..CRC_FROM].copy_from_slice(&checksum.to_be_bytes());
    out.freeze()
}

impl super::Batch {
    /// A batch without records that takes the offsets from `base_offset` on, `last_offset_delta` behind the first:
    /// what stands in for records that are gone, as Kafka's compaction leaves it, so that later offsets stay.
    pub fn placeholder(base_offset: i64, last_offset_delta: i32, leader_epoch: i32) -> Bytes {
        let header = Header {
            base_offset,
            partition_leader_epoch: leader_epoch,
            last_offset_delta,
            ..EMPTY
        };
        written(&header, &[])
    }

    /// The batch these bytes were before their head went bad: what the checksum leaves out is known from where they
    /// stand, and the checksum says whether the rest is whole.
    pub fn with_head(bytes: &[u8], base_offset: i64, leader_epoch: i32) -> Option<super::Batch> {
        let length = i32::try_from(bytes.len().checked_sub(BEFORE_LENGTH)?).ok()?;
        let mut out = BytesMut::from(bytes);
        out.get_mut(LENGTH_AT..MAGIC_AT - 4)?
            .copy_from_slice(&length.to_be_bytes());
        *out.get_mut(MAGIC_AT)? = 2;
        super::stamp(&mut out, base_offset, leader_epoch);
        let (batch, _) = super::Batch::parse(&out.freeze(), 0).ok()?;
        batch.verify_crc().ok()?;
        Some(batch)
    }
}

pub(super) fn nullable(body: &mut Writer, bytes: Option<&[u8]>) {
    body.varint(bytes.map_or(-1, |bytes| bytes.len() as i32));
    body.put(bytes.unwrap_or_default());
}
