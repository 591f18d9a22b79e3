//! What can go wrong, an enum per layer: opening a log, appending to it, reading from it.
//!
//! Invariant: a message says what was wrong, where, and what to do. A duplicate batch is not an error.

use std::io;

use annals_kafka_wire::batch::BatchError;

use crate::damage::Damage;

/// Why a log directory or a partition could not be opened, removed or closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Another process holds the directory.
    #[error("{path} is in use by another process: stop that process, or use another data directory")]
    Locked {
        /// The directory.
        path: String,
    },
    /// The directory was written in a format this program does not read.
    #[error(
        "FORMAT says \"{found}\", and this program reads \"{supported}\": run the version that wrote the directory, or a newer one"
    )]
    Format {
        /// First line of the `FORMAT` file.
        found: String,
        /// What this program writes.
        supported: String,
    },
    /// There is no log in a directory.
    #[error("{path} holds no log")]
    NotALog {
        /// The directory.
        path: String,
    },
    /// A partition path that cannot be a directory of ours.
    #[error("\"{path}\" cannot be a partition path: {reason}")]
    BadPath {
        /// The path given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An earlier sync failed; the directory takes no more writes until it is opened again.
    #[error("the log directory stopped taking writes: {0}. Check the disk, then restart")]
    Failed(String),
    /// The log directory was closed.
    #[error("the log directory is closed")]
    Closed,
    /// The operating system said no.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the file.
        what: String,
        /// The cause.
        source: io::Error,
    },
}

impl LogError {
    /// For `map_err`: an IO error with what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> LogError {
        let what = what.into();
        move |source| LogError::Io { what, source }
    }
}

/// Why a batch was not appended. A refused batch changes nothing, neither on disk nor in the producer's state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The batch's first sequence does not follow the producer's last.
    #[error("producer {producer_id} sent sequence {found}, and {expected} is next")]
    OutOfOrderSequence {
        /// The producer.
        producer_id: i64,
        /// The sequence that would be accepted.
        expected: i32,
        /// The batch's first sequence.
        found: i32,
    },
    /// A newer instance of the producer has written already.
    #[error(
        "producer {producer_id} sent epoch {found}, and {current} is current: a newer instance took over"
    )]
    InvalidProducerEpoch {
        /// The producer.
        producer_id: i64,
        /// The epoch the log knows.
        current: i16,
        /// The batch's epoch.
        found: i16,
    },
    /// The producer has a transaction open in the partition, and the batch does not belong to one.
    #[error(
        "producer {producer_id} wrote outside of a transaction, and the one it began at offset {first_offset} is open: commit or abort it first"
    )]
    OutsideTransaction {
        /// The producer.
        producer_id: i64,
        /// Where its open transaction begins.
        first_offset: i64,
    },
    /// As many transactions are open in the partition as may be.
    #[error("{max} transactions are open in the partition, and no more are taken: commit or abort some")]
    TooManyTransactions {
        /// How many may be open.
        max: usize,
    },
    /// The batch's bytes are not what its sender checksummed, or its offsets have gaps.
    #[error("corrupt batch: {0}")]
    Corrupt(#[from] BatchError),
    /// The batch was to be appended on conditions, which do not hold.
    #[error("{0}")]
    Condition(#[from] ConditionError),
    /// The batch does not fit into one segment.
    #[error("the batch has {bytes} bytes, and a segment holds {bytes_max}")]
    TooLarge {
        /// Size of the batch.
        bytes: u64,
        /// The partition's `segment_bytes_max`.
        bytes_max: u64,
    },
    /// The partition was removed while the batch was on its way.
    #[error("the partition was removed")]
    Removed,
    /// The log directory takes no more writes: a sync failed, or it was closed.
    #[error("{0}")]
    LogFailed(String),
    /// The partition was found damaged when it was opened, and is read only until somebody repairs it.
    #[error("the partition takes no records: {0}")]
    Damaged(Damage),
    /// The offset was not durable within the time given. The record may still become durable.
    #[error("offset {offset} is not durable yet")]
    TimedOut {
        /// The offset waited for.
        offset: i64,
    },
    /// The operating system took no bytes, as when the disk is full: nothing was written, and the next append tries
    /// again.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the file.
        what: String,
        /// The cause.
        source: io::Error,
    },
}

/// Why nothing is known about a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key indexes of all partitions take as much memory as they may.
    #[error(
        "the keys of the partitions that were asked about take more than the {bytes_max} bytes of memory they may"
    )]
    NoRoom {
        /// What they may take together.
        bytes_max: usize,
    },
    /// The log could not be read.
    #[error("{0}")]
    Log(#[from] ReadError),
    /// What a record is indexed by cannot be found out now.
    #[error(
        "what its record at offset {offset} or one soon behind it belongs to cannot be found out: {reason}"
    )]
    Unanswered {
        /// Where the batch of the record begins.
        offset: i64,
        /// Why.
        reason: String,
    },
    /// A file of the index could not be read or written.
    #[error("the key index: {0}")]
    Io(#[from] io::Error),
}

/// A record that expects a revision of its key that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unexpected {
    /// The record's place in its batch, from 0.
    pub index: usize,
    /// The revision expected of the record before it; -1: it should be the first.
    pub expected: i64,
    /// The revision of the last record before it; -1: there is none.
    pub found: i64,
}

/// Why a conditional append was refused: nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionError {
    /// Keys have other revisions than were expected.
    #[error("{} records expect other revisions than their keys have", .0.len())]
    Revision(Vec<Unexpected>),
    /// Whether a record of the key counts is not decided yet.
    #[error("record {index}: another producer's open transaction has written its key at offset {offset}")]
    Undecided {
        /// The record's place in its batch, from 0.
        index: usize,
        /// Where the key was written.
        offset: i64,
    },
    /// Records are gone from the partition, so that counting them tells no revision.
    #[error("record {index} expects a revision, which nobody can tell: {reason}")]
    NotWhole {
        /// The first record that expects one: its place in its batch, from 0.
        index: usize,
        /// What is gone.
        reason: &'static str,
    },
    /// The keys could not be counted.
    #[error("{0}")]
    Unknown(#[from] KeyError),
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The offset is before the first record or behind the last.
    #[error("the offset is outside {start}..{end}")]
    OutOfRange {
        /// The log start offset.
        start: i64,
        /// The high watermark.
        end: i64,
    },
    /// Stored bytes are not the bytes that were written.
    #[error("{0}")]
    Damaged(Damage),
    /// The operating system said no.
    #[error("reading a segment: {0}")]
    Io(#[from] io::Error),
}
