//! What compaction leaves of a batch: some of its records, or none.
//!
//! Invariant: base offset, last offset, leader epoch, producer and sequences are those of the batch as it was, so order
//! and idempotence go on; a record that stays has its offset and its time. A delete horizon (KIP-534) is the time after
//! which tombstones may go; it takes the place of the base timestamp, and says so in attribute bit 6.

use bytes::{BufMut, Bytes, BytesMut};

use super::build::nullable;
use super::{
    BEFORE_LENGTH, Batch, BatchError, CODEC_BITS, CONTROL, CRC_AT, CRC_FROM, Compression, DELETE_HORIZON,
    HEADER_BYTES, NO_TIMESTAMP, Record, TimestampType, codec, crc,
};
use crate::primitives::Writer;

/// Offsets one batch without records may take.
const PLACEHOLDER_OFFSETS_MAX: i64 = i32::MAX as i64 + 1;

impl Batch {
    /// Batches without records that take all offsets from `base_offset` on and before `end`.
    pub fn placeholders(base_offset: i64, end: i64, leader_epoch: i32) -> Vec<Bytes> {
        let mut placeholders = Vec::new();
        let mut next = base_offset;
        while next < end {
            let offsets = (end - next).min(PLACEHOLDER_OFFSETS_MAX);
            placeholders.push(Batch::placeholder(next, (offsets - 1) as i32, leader_epoch));
            next += offsets;
        }
        placeholders
    }

    /// The batch without its records: what tells whose it was and which sequences it had.
    pub fn emptied(&self) -> Bytes {
        let mut out = BytesMut::from(&self.bytes[..HEADER_BYTES]);
        let attributes = self.attributes() & CONTROL;
        let mut head = &mut out[8..12];
        head.put_i32((HEADER_BYTES - BEFORE_LENGTH) as i32);
        let mut rest = &mut out[CRC_FROM..];
        rest.put_i16(attributes);
        rest.put_i32(self.last_offset_delta());
        rest.put_i64(NO_TIMESTAMP);
        rest.put_i64(NO_TIMESTAMP);
        rest.put_i64(self.producer_id());
        rest.put_i16(self.producer_epoch());
        rest.put_i32(self.base_sequence());
        rest.put_i32(0);
        sealed(out)
    }

    /// The batch with those of its records that `keep` wants, in its own codec; where `horizon` is given, with that as
    /// its delete horizon. `limit` is the most bytes decompression may give, of
    /// this batch and of that.
    pub fn with_records(
        &self,
        limit: usize,
        horizon: Option<i64>,
        keep: &mut dyn FnMut(&Record) -> bool,
    ) -> Result<Bytes, BatchError> {
        let base_timestamp = horizon.unwrap_or(self.base_timestamp());
        let (mut records, mut count, mut newest) = (Writer::new(), 0, NO_TIMESTAMP);
        for record in self.records(limit)? {
            let record = record?;
            if keep(&record) {
                newest = newest.max(record.timestamp_ms);
                put(&mut records, &record, self.base_offset(), base_timestamp);
                count += 1;
            }
        }
        let plain = records.into_bytes();
        // Times farther from the horizon than from each other take more bytes than before: too many for who reads it.
        if plain.len() > limit {
            let codec = self.compression();
            return Err(BatchError::TooLarge { codec, limit });
        }
        let mut packed = Vec::new();
        let (codec, records) = match codec::compress(self.compression(), &plain, &mut packed) {
            Ok(()) if self.compression() != Compression::None => (self.compression(), &packed[..]),
            _ => (Compression::None, &plain[..]),
        };
        let mut attributes = self.attributes() & !CODEC_BITS | codec.bits();
        if horizon.is_some() {
            attributes |= DELETE_HORIZON;
        }
        let max_timestamp = match self.timestamp_type() {
            TimestampType::CreateTime => newest,
            TimestampType::LogAppendTime => self.max_timestamp(),
        };
        let mut out = BytesMut::from(&self.bytes[..CRC_FROM]);
        let mut length = &mut out[8..12];
        length.put_i32((HEADER_BYTES - BEFORE_LENGTH + records.len()) as i32);
        out.put_i16(attributes);
        out.put_i32(self.last_offset_delta());
        out.put_i64(base_timestamp);
        out.put_i64(max_timestamp);
        out.put_i64(self.producer_id());
        out.put_i16(self.producer_epoch());
        out.put_i32(self.base_sequence());
        out.put_i32(count);
        out.put_slice(records);
        Ok(sealed(out))
    }

    /// Until when tombstones of the batch are kept, in milliseconds since 1970, once compaction has said so.
    pub fn delete_horizon(&self) -> Option<i64> {
        self.has_delete_horizon().then(|| self.base_timestamp())
    }
}

/// With the checksum of what it holds.
fn sealed(mut out: BytesMut) -> Bytes {
    let checksum = crc(&out[CRC_FROM..]);
    out[CRC_AT..CRC_FROM].copy_from_slice(&checksum.to_be_bytes());
    out.freeze()
}

fn put(records: &mut Writer, record: &Record, base_offset: i64, base_timestamp: i64) {
    let mut body = Writer::new();
    body.i8(0);
    body.varlong(record.timestamp_ms.wrapping_sub(base_timestamp));
    body.varint((record.offset - base_offset) as i32);
    nullable(&mut body, record.key.as_deref());
    nullable(&mut body, record.value.as_deref());
    body.varint(record.headers.len() as i32);
    body.put(record.headers.bytes());
    let body = body.into_bytes();
    records.varint(body.len() as i32);
    records.put(&body);
}
