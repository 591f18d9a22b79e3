//! What a log writes into a batch: its place, and its time where that is the log's to give or was wrong.
//!
//! Invariant: nothing else of the batch changes, and its checksum is right afterwards. Offset and leader epoch stand
//! outside the checksum; a time makes it be computed again.

use bytes::BytesMut;

use super::{Batch, CRC_AT, CRC_FROM, HEADER_BYTES, LOG_APPEND_TIME, crc};

/// Where the attributes stand: two bytes.
const ATTRIBUTES_AT: usize = 21;
/// Where the greatest timestamp stands: eight bytes.
const MAX_TIMESTAMP_AT: usize = 35;

/// Writes the base offset and the partition leader epoch into the batch at the start of `bytes`.
/// The checksum does not cover them. Bytes too short for a batch header are left alone.
pub fn stamp(bytes: &mut BytesMut, base_offset: i64, leader_epoch: i32) {
    if bytes.len() < HEADER_BYTES {
        return;
    }
    bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
    bytes[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// Makes `timestamp_ms`, the time of its append, the time of every record of the batch that is `bytes`.
/// Bytes too short for a batch header are left alone.
pub fn stamp_append_time(bytes: &mut BytesMut, timestamp_ms: i64) {
    retime(bytes, LOG_APPEND_TIME, timestamp_ms);
}

/// Writes the greatest timestamp, and whose it is.
fn retime(bytes: &mut BytesMut, type_bit: i16, max_timestamp: i64) {
    if bytes.len() < HEADER_BYTES {
        return;
    }
    let attributes = i16::from_be_bytes([bytes[ATTRIBUTES_AT], bytes[ATTRIBUTES_AT + 1]]) | type_bit;
    bytes[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    bytes[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&max_timestamp.to_be_bytes());
    let checksum = crc(&bytes[CRC_FROM..]);
    bytes[CRC_AT..CRC_FROM].copy_from_slice(&checksum.to_be_bytes());
}

impl Batch {
    /// The batch with the greatest timestamp its records really have. A right header is left byte for byte; a wrong
    /// one (some producers never fill it in) is written as Kafka writes it, with a checksum of its own.
    pub fn with_max_timestamp(self, max_timestamp: i64) -> Batch {
        if self.max_timestamp() == max_timestamp {
            return self;
        }
        let mut bytes = BytesMut::from(&self.bytes[..]);
        retime(&mut bytes, 0, max_timestamp);
        let mut header = self.header;
        header.max_timestamp = max_timestamp;
        Batch {
            bytes: bytes.freeze(),
            header,
            is_verified: self.is_verified,
        }
    }
}
