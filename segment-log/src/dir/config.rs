//! How a log directory is kept.

use std::time::Duration;

use crate::maintenance;

/// How a log directory is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Idempotent producers remembered per partition; the longest silent are forgotten first. Default 10,000, which
    /// is about 2 MB.
    pub producers_max: usize,
    /// Silence after which a producer may be forgotten, in milliseconds. Default one day, as in Kafka.
    pub producer_expiry_ms: i64,
    /// Bytes of the newest batches kept in memory per partition, for consumers that keep up. Default 256 KiB.
    pub tail_bytes_max: usize,
    /// How often the log is tidied up: old segments sealed, records that need not be kept thrown away. Default 15 s.
    pub maintenance_interval: Duration,
    /// Bytes of memory for the keys that compaction looks at together; what has more takes several passes. Default
    /// 64 MiB.
    pub compaction_bytes_max: usize,
    /// Bytes of the disk that are kept back, so that records can be deleted when it is full. Default 1 MiB.
    pub reserved_bytes: u64,
    /// Bytes of log that compaction reads in a second. Default 32 MiB.
    pub compaction_bytes_per_second: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            producers_max: 10_000,
            producer_expiry_ms: 24 * 60 * 60 * 1000,
            tail_bytes_max: 256 * 1024,
            maintenance_interval: maintenance::INTERVAL,
            compaction_bytes_max: maintenance::COMPACTION_BYTES_MAX,
            reserved_bytes: 1024 * 1024,
            compaction_bytes_per_second: maintenance::COMPACTION_BYTES_PER_SECOND,
        }
    }
}
