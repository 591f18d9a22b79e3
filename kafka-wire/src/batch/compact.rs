//! What compaction leaves of a batch: some of its records, or none; and batches of records that were kept elsewhere.
//!
//! Invariant: base offset, last offset, leader epoch, producer and sequences are those of the batch as it was, so order
//! and idempotence go on; a record that stays has its offset and its time. A delete horizon (KIP-534) is the time after
//! which tombstones may go; it takes the place of the base timestamp, and says so in attribute bit 6.

use std::ops::Range;

use bytes::Bytes;

use super::build::{EMPTY, nullable, written};
use super::{
    Batch, BatchError, CODEC_BITS, CONTROL, Compression, DELETE_HORIZON, Header, LOG_APPEND_TIME,
    NO_TIMESTAMP, Record, TimestampType, codec,
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
        let header = Header {
            attributes: self.attributes() & CONTROL,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            count: 0,
            ..self.header
        };
        written(&header, &[])
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
        let header = Header {
            attributes,
            base_timestamp,
            max_timestamp,
            count,
            ..self.header
        };
        Ok(written(&header, records))
    }

    /// A batch of no producer, not compressed, that takes the offsets of a range, at most 2^31, with these of its records,
    /// which ascend. Where the time is the log's, all have that of the first.
    pub fn of_records(
        offsets: Range<i64>,
        leader_epoch: i32,
        time: TimestampType,
        records: &[Record],
    ) -> Bytes {
        let times = || records.iter().map(|record| record.timestamp_ms);
        let base_timestamp = times().next().unwrap_or(NO_TIMESTAMP);
        let mut plain = Writer::new();
        for record in records {
            put(&mut plain, record, offsets.start, base_timestamp);
        }
        let header = Header {
            base_offset: offsets.start,
            partition_leader_epoch: leader_epoch,
            attributes: match time {
                TimestampType::CreateTime => 0,
                TimestampType::LogAppendTime => LOG_APPEND_TIME,
            },
            last_offset_delta: (offsets.end - 1 - offsets.start) as i32,
            base_timestamp,
            max_timestamp: times().max().unwrap_or(NO_TIMESTAMP),
            count: records.len() as i32,
            ..EMPTY
        };
        written(&header, &plain.into_bytes())
    }

    /// Until when tombstones of the batch are kept, in milliseconds since 1970, once compaction has said so.
    pub fn delete_horizon(&self) -> Option<i64> {
        self.has_delete_horizon().then(|| self.base_timestamp())
    }
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
