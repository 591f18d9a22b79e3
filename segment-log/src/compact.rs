//! Compaction: of each key the newest record stays, at the offset it has.
//!
//! A pass reads the part of the log that is new since the last one and remembers the newest offset of each key
//! ([`latest`]), then reads every sealed segment up to there, judges each batch ([`judge`]), and writes what stays into
//! new segments ([`output`]), which take the places of the old ones (`swap.rs`). What memory holds is bounded:
//! where the keys do not fit, the pass ends before the batch that brought one too many, and the next goes on from there.
//!
//! ```text
//!   log start        compacted end          end of the pass       what is undecided, or young     active
//!      | older records of the | keys are gathered   | copied as it is                              |
//!      |  gathered keys go    |  here               |                                              |
//! ```
//!
//! The form of a compacted log, and why it is so:
//!
//! - Batches go on following each other without gaps in their offsets, since that order is what guards the heads which
//!   checksums leave out. A batch that keeps a record keeps its first and last offset and its sequences. Where batches
//!   have gone, one empty batch of 61 bytes takes all their offsets together: so the space a stretch of the log takes
//!   depends on what stays in it, whatever was there. It has the leader epoch of what it stands for: stretches of
//!   different epochs are not put together, so that an epoch ends where it ended.
//! - Neighbouring segments that fit into one become one: so the number of files depends on what stays, too.
//! - Of each remembered producer the batches that tell its sequences stay, without their records: who starts from the
//!   log alone knows the same duplicates.
//! - Tombstones, and markers of transactions of which nothing is left, get a delete horizon when compaction first comes
//!   upon them, and go when it has passed (KIP-534): a reader that is no further behind than `delete.retention.ms` sees
//!   that a key is gone.
//! - Records of aborted transactions go; what is undecided is never looked at. Records without a key go, as with Kafka: no
//!   later one can ever take their place.

pub(crate) mod judge;
pub(crate) mod latest;
pub(crate) mod output;

/// How a partition is compacted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compaction {
    /// The part of the log, from 0 to 1, that must be new before it is worth a pass. Default 0.5.
    pub min_dirty_ratio: f64,
    /// Milliseconds for which a record stays as it is. Default 0.
    pub min_lag_ms: i64,
    /// Milliseconds after which a record is looked at, however little is new; `None` for no such bound, the default.
    pub max_lag_ms: Option<i64>,
    /// Milliseconds for which tombstones and markers are kept once compaction has come upon them. Default a day.
    pub delete_retention_ms: i64,
}

impl Default for Compaction {
    fn default() -> Self {
        Compaction {
            min_dirty_ratio: 0.5,
            min_lag_ms: 0,
            max_lag_ms: None,
            delete_retention_ms: 24 * 60 * 60 * 1000,
        }
    }
}
