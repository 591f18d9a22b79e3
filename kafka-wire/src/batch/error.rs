//! What can be wrong with a batch, and the code a broker answers for it.

use super::Compression;
use crate::error::ErrorCode;

/// Why a batch or one of its records cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The bytes end inside the batch.
    #[error("the batch at byte {position} needs {needed} bytes, {have} are there")]
    Truncated {
        /// Where the batch begins.
        position: usize,
        /// Bytes it takes, at least.
        needed: usize,
        /// Bytes there are.
        have: usize,
    },
    /// A length too small for a header.
    #[error("the batch at byte {position} has an impossible length of {length}")]
    Length {
        /// Where the batch begins.
        position: usize,
        /// The length as it came.
        length: i32,
    },
    /// A message format other than 2.
    #[error(
        "the batch at byte {position} has magic {magic}: only magic 2 (Kafka 0.11 and later) is supported"
    )]
    Magic {
        /// Where the batch begins.
        position: usize,
        /// The magic as it came.
        magic: i8,
    },
    /// A codec number without a codec.
    #[error("compression codec {0} is unknown: use none, gzip, snappy, lz4 or zstd")]
    Codec(i16),
    /// Offsets and count that no batch can have.
    #[error(
        "a batch header contradicts itself: base offset {base_offset}, last offset delta {last_offset_delta}, {count} records"
    )]
    Contradiction {
        /// The base offset.
        base_offset: i64,
        /// The last offset delta.
        last_offset_delta: i32,
        /// The record count.
        count: i32,
    },
    /// The checksum is not that of the bytes.
    #[error("the batch's checksum is {stored:08x}, its bytes have {computed:08x}")]
    Crc {
        /// As stored.
        stored: u32,
        /// As computed.
        computed: u32,
    },
    /// A control batch from a producer.
    #[error("a producer may not send a control batch")]
    Control,
    /// A delete horizon from a producer.
    #[error("a producer may not send a batch with a delete horizon (attribute bit 6): compaction sets it")]
    DeleteHorizon,
    /// A base offset that is the log's to give.
    #[error("a produced batch must begin at offset 0, not {0}")]
    BaseOffset(i64),
    /// An empty batch, or one with gaps, from a producer.
    #[error(
        "a produced batch of {count} records must end at offset delta {count} - 1, not {last_offset_delta}"
    )]
    Gaps {
        /// The record count.
        count: i32,
        /// The last offset delta.
        last_offset_delta: i32,
    },
    /// The compressed bytes cannot be read.
    #[error("the records are not valid {codec}: {reason}")]
    Decompress {
        /// The codec of the batch.
        codec: Compression,
        /// The codec's own words.
        reason: String,
    },
    /// Decompression would give more bytes than the caller allows.
    #[error("the records take more than {limit} bytes when decompressed with {codec}")]
    TooLarge {
        /// The codec of the batch.
        codec: Compression,
        /// The most that was allowed.
        limit: usize,
    },
    /// A record is malformed.
    #[error("record {index} of the batch: {reason}")]
    Record {
        /// The record's place in the batch, from 0.
        index: i32,
        /// What is wrong.
        reason: String,
    },
}

impl BatchError {
    /// The code a broker answers, as Kafka would: what may have been damaged on its way is retriable, what its sender
    /// meant is not. (For records no codec reads Kafka has UNKNOWN_SERVER_ERROR, from an exception nobody caught.)
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Truncated { .. } | Self::Length { .. } | Self::Crc { .. } => ErrorCode::CorruptMessage,
            Self::Magic { .. } => ErrorCode::UnsupportedForMessageFormat,
            Self::Codec(_) => ErrorCode::UnsupportedCompressionType,
            Self::TooLarge { .. } => ErrorCode::MessageTooLarge,
            Self::Contradiction { .. }
            | Self::Decompress { .. }
            | Self::Control
            | Self::DeleteHorizon
            | Self::BaseOffset(_)
            | Self::Gaps { .. }
            | Self::Record { .. } => ErrorCode::InvalidRecord,
        }
    }
}
