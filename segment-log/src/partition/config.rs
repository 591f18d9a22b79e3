//! How a partition is kept: what counts as written, how long records stay, what is compacted.
//!
//! Invariant: by itself nothing is ever thrown away; whoever opens a partition says what may go.

use annals_kafka_wire::batch::{DECOMPRESSED_BYTES_MAX, TimestampType};

use crate::compact::Compaction;

/// When a record counts as written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it is synced to disk. A power cut loses nothing that was acknowledged.
    #[default]
    Fsync,
    /// When the operating system has it. A power cut loses the last seconds, a killed process nothing.
    Os,
}

/// How long records are kept. Whole segments go, the oldest first, and never what a transaction has not decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// A segment goes when its newest record is older than this, in milliseconds; `None` for never.
    pub ms: Option<i64>,
    /// The oldest segments go as long as this many bytes stay; `None` for never.
    pub bytes: Option<u64>,
}

/// How a partition is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionConfig {
    /// Bytes after which a new segment is begun, and the largest batch taken. Small segments are sealed and recovered
    /// fast. Default 64 MiB, at most 2 GiB.
    pub segment_bytes_max: u64,
    /// Milliseconds after which a new segment is begun although this one is not full. Default `None`: never.
    pub segment_ms_max: Option<i64>,
    /// When a record counts as written. Default [`Durability::Fsync`].
    pub durability: Durability,
    /// Whose time a record has: its producer's, or that of its append, which is then stamped into every batch.
    /// Default [`TimestampType::CreateTime`].
    pub timestamp_type: TimestampType,
    /// The most bytes a batch may give when its records are decompressed. Who appends holds batches to it, so that
    /// who reads can. Default [`DECOMPRESSED_BYTES_MAX`].
    pub decompressed_bytes_max: usize,
    /// How long records are kept. Default: for ever.
    pub retention: Retention,
    /// How it is compacted. Default: not at all.
    pub compaction: Option<Compaction>,
    /// Whether nothing may be thrown away, whatever else is said. Default false.
    pub is_held: bool,
}

impl Default for PartitionConfig {
    fn default() -> Self {
        PartitionConfig {
            segment_bytes_max: 64 * 1024 * 1024,
            segment_ms_max: None,
            durability: Durability::Fsync,
            timestamp_type: TimestampType::CreateTime,
            decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
            retention: Retention::default(),
            compaction: None,
            is_held: false,
        }
    }
}
