//! The record batch, magic 2: how records stand in requests, in answers and on disk.
//!
//! ```text
//!  at  bytes  field                    at  bytes  field
//!   0      8  base offset              27      8  base timestamp
//!   8      4  length (of what follows) 35      8  max timestamp
//!  12      4  partition leader epoch   43      8  producer id
//!  16      1  magic = 2                51      2  producer epoch
//!  17      4  CRC-32C of 21..end       53      4  base sequence
//!  21      2  attributes               57      4  record count
//!  23      4  last offset delta        61         records, compressed as one when a codec is set
//!
//!  attributes: bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon
//! ```
//!
//! Invariant: a [`Batch`] is exactly one batch, of magic 2, with a known codec and a header free of contradictions.
//! Its checksum is only verified by [`Batch::verify_crc`] and [`Batch::verified`], its records only by reading them all.
//! The first 16 bytes and the magic are outside the checksum, so a log may stamp offset and epoch without touching it.
//!
//! Left out on purpose: magic 0 and 1, which Kafka 4 no longer has; recompression; producer sequences (the log's).

mod build;
mod check;
mod codec;
mod compact;
mod error;
mod marker;
mod records;
mod stamp;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use bytes::{Buf, Bytes};

pub use build::BatchBuilder;
use check::Announced;
pub use check::Seen;
pub use codec::{Compression, pack, unpack};
pub use error::BatchError;
pub use marker::Marker;
pub use records::{HEADERS_MAX, Headers, NO_HEADERS, Payload, Record, Records, Skim, Skimmed};
pub use stamp::{stamp, stamp_append_time};

/// Bytes of a batch before its records.
pub const HEADER_BYTES: usize = 61;

/// A fair limit for [`Batch::records`], in bytes after decompression: 16 MiB, sixteen times Kafka's default for a
/// compressed batch. It bounds what one hostile batch can cost.
pub const DECOMPRESSED_BYTES_MAX: usize = 16 << 20;

/// The timestamp of a record that has none, and the greatest of a batch of such records.
pub const NO_TIMESTAMP: i64 = -1;

/// Bytes before `length` starts to count: the base offset and the length itself.
const BEFORE_LENGTH: usize = 12;
/// Where the checksum stands.
const CRC_AT: usize = 17;
/// Where the checksummed part begins.
const CRC_FROM: usize = 21;

const CODEC_BITS: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
const DELETE_HORIZON: i16 = 1 << 6;

/// Whose clock the timestamps of a batch come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// Each record carries the producer's time.
    CreateTime,
    /// All records have the time of the append, which is the batch's max timestamp.
    LogAppendTime,
}

impl TimestampType {
    /// That of the batch with this header.
    pub fn of(header: &[u8; HEADER_BYTES]) -> TimestampType {
        TimestampType::in_attributes(i16::from_be_bytes([header[CRC_FROM], header[CRC_FROM + 1]]))
    }

    fn in_attributes(attributes: i16) -> TimestampType {
        match attributes & LOG_APPEND_TIME {
            0 => TimestampType::CreateTime,
            _ => TimestampType::LogAppendTime,
        }
    }
}

/// One record batch: its bytes as they came and its header. Cloning shares the bytes.
///
/// ```
/// use annals_kafka_wire::batch::{Batch, BatchBuilder, DECOMPRESSED_BYTES_MAX};
///
/// let mut builder = BatchBuilder::new();
/// builder.push(1_700_000_000_000, Some(b"order-1"), Some(b"placed"), &[("actor", b"ada")]);
/// let bytes = builder.build();
///
/// let (batch, next) = Batch::parse(&bytes, 0)?;
/// assert_eq!(next, bytes.len());
/// batch.verify_crc()?;
/// for record in batch.records(DECOMPRESSED_BYTES_MAX)? {
///     assert_eq!(record?.value.as_deref(), Some(&b"placed"[..]));
/// }
/// # Ok::<(), annals_kafka_wire::batch::BatchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    bytes: Bytes,
    header: Header,
    /// The checksum was compared, and these bytes do not change.
    is_verified: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    base_offset: i64,
    partition_leader_epoch: i32,
    attributes: i16,
    compression: Compression,
    last_offset_delta: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    count: i32,
}

impl Batch {
    /// Reads the batch that begins at `position` of `bytes`, and says where the next one begins.
    /// Checks length, magic, codec and that the header does not contradict itself; not the checksum.
    pub fn parse(bytes: &Bytes, position: usize) -> Result<(Batch, usize), BatchError> {
        let have = bytes.len().saturating_sub(position);
        let truncated = |needed| BatchError::Truncated {
            position,
            needed,
            have,
        };
        let mut from = match bytes.get(position..) {
            Some(from) if have >= HEADER_BYTES => from,
            _ => return Err(truncated(HEADER_BYTES)),
        };
        let base_offset = from.get_i64();
        let length = from.get_i32();
        let size = usize::try_from(length).map_or(0, |length| length.saturating_add(BEFORE_LENGTH));
        if size < HEADER_BYTES {
            return Err(BatchError::Length { position, length });
        }
        if size > have {
            return Err(truncated(size));
        }
        let next = position + size;
        let bytes = bytes.slice(position..next);
        let header = Header::read(base_offset, from, position).map_err(|error| match error {
            // Another format has its checksum elsewhere.
            BatchError::Magic { .. } => error,
            // Nonsense under a wrong checksum is damage; under a right one its sender meant it.
            _ => verify_crc(&bytes).err().unwrap_or(error),
        })?;
        let batch = Batch {
            bytes,
            header,
            is_verified: false,
        };
        Ok((batch, next))
    }

    /// Compares the stored checksum with that of the bytes, unless that was done before.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        match self.is_verified {
            true => Ok(()),
            false => verify_crc(&self.bytes),
        }
    }

    /// The batch, if its checksum is right: whoever gets it need not compare it again.
    pub fn verified(self) -> Result<Batch, BatchError> {
        self.verify_crc()?;
        Ok(Batch {
            is_verified: true,
            ..self
        })
    }

    /// Checks what the header of a batch fresh from a producer must say: no control batch, no delete horizon, not empty,
    /// and offsets from 0 without gaps. (A log gives other offsets; compaction leaves gaps, and even empty batches.)
    pub fn check_produced(&self) -> Result<(), BatchError> {
        if self.base_offset() != 0 {
            return Err(BatchError::BaseOffset(self.base_offset()));
        }
        if self.is_control() {
            return Err(BatchError::Control);
        }
        if self.has_delete_horizon() {
            return Err(BatchError::DeleteHorizon);
        }
        if self.count() < 1 || i64::from(self.count()) != i64::from(self.last_offset_delta()) + 1 {
            return Err(BatchError::Gaps {
                count: self.count(),
                last_offset_delta: self.last_offset_delta(),
            });
        }
        Ok(())
    }

    /// The records, decompressed now if a codec is set; without one they are slices of [`Batch::bytes`].
    /// `limit` is the most bytes decompression may give, see [`DECOMPRESSED_BYTES_MAX`].
    pub fn records(&self, limit: usize) -> Result<Records, BatchError> {
        let packed = self.bytes.slice(HEADER_BYTES..);
        Ok(Records::new(
            self,
            codec::decompress(self.compression(), packed, limit)?,
        ))
    }

    /// Reads every record of a batch fresh from a producer, and keeps none: its records must be as many as the header
    /// says, well formed, with offsets without gaps, and nothing may follow them. `seen` is told of each, and whether it
    /// has a header named `sought`, until it breaks off. `limit` is the most bytes decompression may give. What passes to the
    /// end, [`Batch::records`] reads.
    pub fn check_records(
        &self,
        limit: usize,
        sought: &str,
        seen: &mut dyn FnMut(Seen) -> ControlFlow<()>,
    ) -> Result<(), BatchError> {
        let broken = codec::broken(self.compression(), limit);
        let mut from =
            codec::stream(self.compression(), &self.bytes[HEADER_BYTES..], limit).map_err(&broken)?;
        check::check(self.announced(), &mut *from, sought, seen, broken)
    }

    fn announced(&self) -> Announced {
        Announced {
            count: self.count(),
            base_timestamp: self.base_timestamp(),
        }
    }

    /// Exactly the bytes of this batch.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The offset of the first record (0 from a producer, until the log stamps it).
    pub fn base_offset(&self) -> i64 {
        self.header.base_offset
    }

    /// The offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.header.base_offset + i64::from(self.header.last_offset_delta)
    }

    /// How far the last record's offset is from the first's.
    pub fn last_offset_delta(&self) -> i32 {
        self.header.last_offset_delta
    }

    /// How many records there are; fewer than offsets after compaction.
    pub fn count(&self) -> i32 {
        self.header.count
    }

    /// The epoch of the leader that appended the batch.
    pub fn partition_leader_epoch(&self) -> i32 {
        self.header.partition_leader_epoch
    }

    /// The attribute bits as they came.
    pub fn attributes(&self) -> i16 {
        self.header.attributes
    }

    /// How the records are compressed.
    pub fn compression(&self) -> Compression {
        self.header.compression
    }

    /// Whether the batch belongs to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.header.attributes & TRANSACTIONAL != 0
    }

    /// Whether the batch holds a transaction marker instead of records for consumers.
    pub fn is_control(&self) -> bool {
        self.header.attributes & CONTROL != 0
    }

    /// Whether the base timestamp is the time after which compaction may drop tombstones.
    pub fn has_delete_horizon(&self) -> bool {
        self.header.attributes & DELETE_HORIZON != 0
    }

    /// Whose clock the timestamps come from.
    pub fn timestamp_type(&self) -> TimestampType {
        TimestampType::in_attributes(self.header.attributes)
    }

    /// The timestamp of the first record, in milliseconds since 1970.
    pub fn base_timestamp(&self) -> i64 {
        self.header.base_timestamp
    }

    /// The greatest timestamp, in milliseconds since 1970.
    pub fn max_timestamp(&self) -> i64 {
        self.header.max_timestamp
    }

    /// The producer's id, -1 for none.
    pub fn producer_id(&self) -> i64 {
        self.header.producer_id
    }

    /// The producer's epoch, -1 for none.
    pub fn producer_epoch(&self) -> i16 {
        self.header.producer_epoch
    }

    /// The sequence number of the first record, -1 for none.
    pub fn base_sequence(&self) -> i32 {
        self.header.base_sequence
    }

    /// The sequence number of the last record, -1 for none. After `i32::MAX` sequences go on at 0.
    pub fn last_sequence(&self) -> i32 {
        match self.header.base_sequence {
            none if none < 0 => none,
            base => base.wrapping_add(self.header.last_offset_delta) & i32::MAX,
        }
    }
}

/// The batches that stand back to back in `bytes`, each a slice of them. After an error it is at its end.
///
/// ```
/// use annals_kafka_wire::batch::{BatchBuilder, batches};
///
/// let mut builder = BatchBuilder::new();
/// builder.push(1_700_000_000_000, Some(b"order-1"), Some(b"placed"), &[]);
/// let one = builder.build();
/// let bytes = bytes::Bytes::from([&one[..], &one[..]].concat());
/// assert_eq!(batches(&bytes).filter_map(Result::ok).count(), 2);
/// assert!(batches(&bytes.slice(1..)).next().is_some_and(|batch| batch.is_err()));
/// ```
pub fn batches(bytes: &Bytes) -> impl Iterator<Item = Result<Batch, BatchError>> + '_ {
    let mut position = 0;
    std::iter::from_fn(move || {
        if position >= bytes.len() {
            return None;
        }
        let parsed = Batch::parse(bytes, position);
        position = parsed.as_ref().map_or(bytes.len(), |(_, next)| *next);
        Some(parsed.map(|(batch, _)| batch))
    })
}

impl Header {
    /// Reads what follows the length. The caller has checked that a whole header is there.
    fn read(base_offset: i64, mut from: &[u8], position: usize) -> Result<Self, BatchError> {
        let partition_leader_epoch = from.get_i32();
        let magic = from.get_i8();
        if magic != 2 {
            return Err(BatchError::Magic { position, magic });
        }
        from.advance(size_of::<u32>()); // the checksum
        let attributes = from.get_i16();
        let header = Header {
            base_offset,
            partition_leader_epoch,
            attributes,
            compression: Compression::from_bits(attributes & CODEC_BITS)?,
            last_offset_delta: from.get_i32(),
            base_timestamp: from.get_i64(),
            max_timestamp: from.get_i64(),
            producer_id: from.get_i64(),
            producer_epoch: from.get_i16(),
            base_sequence: from.get_i32(),
            count: from.get_i32(),
        };
        let last = base_offset.checked_add(i64::from(header.last_offset_delta));
        let fits = i64::from(header.count) <= i64::from(header.last_offset_delta) + 1;
        if base_offset < 0 || last.is_none() || header.last_offset_delta < 0 || header.count < 0 || !fits {
            return Err(BatchError::Contradiction {
                base_offset,
                last_offset_delta: header.last_offset_delta,
                count: header.count,
            });
        }
        Ok(header)
    }
}

/// Compares the stored checksum of a whole batch with that of its bytes.
fn verify_crc(batch: &[u8]) -> Result<(), BatchError> {
    let stored = batch[CRC_AT..CRC_FROM]
        .iter()
        .fold(0, |crc, byte| crc << 8 | u32::from(*byte));
    match crc(&batch[CRC_FROM..]) {
        computed if computed != stored => Err(BatchError::Crc { stored, computed }),
        _ => Ok(()),
    }
}

/// CRC-32C (Castagnoli).
fn crc(bytes: &[u8]) -> u32 {
    // The algorithm is 32 bits wide; the library returns every width as 64.
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32
}
