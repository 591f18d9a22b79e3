//! The port behind which a topic's events are followed: those of all keys, partition by partition, from a cut on.
//!
//! Invariant: what is given of a partition is each committed record once, in the order of the log: none of a transaction
//! that was aborted, and none of one that is still open. What is gone or cannot be read is an error, never a gap. Who
//! followed how far is kept by who follows, beside what they make of it (`projection` does). It blocks, as
//! [`EventLog`](crate::EventLog) does. Left out: an order between partitions, because there is none; what compaction has
//! taken where the log is a broker's, because its answers do not tell that from a transaction that was aborted.

mod disk;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::cause::Headers;
use crate::cut::Cut;
use crate::log::UnreadError;
pub use disk::DiskFeed;

/// A committed record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRecord {
    /// Its offset in the partition.
    pub offset: i64,
    /// Its timestamp as it stands in the log, in milliseconds since the epoch; these may run backwards.
    pub timestamp_ms: i64,
    /// Its key: the aggregate's id. A record without one belongs to no aggregate.
    pub key: Option<Bytes>,
    /// Its headers as they were sent.
    pub headers: Headers,
    /// Its value: envelope and payload.
    pub value: Option<Bytes>,
}

impl From<annals_kafka_wire::batch::Record> for FeedRecord {
    fn from(record: annals_kafka_wire::batch::Record) -> FeedRecord {
        FeedRecord {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            headers: record.headers,
            value: record.value,
        }
    }
}

/// What was read of a partition: what [`Feed::read_on`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portion {
    /// The records, ascending.
    pub records: Vec<FeedRecord>,
    /// The last offset that is done with: reading goes on behind it, also where no record is (a marker of a transaction).
    pub last: i64,
}

impl Portion {
    /// Nothing behind an offset.
    pub(crate) fn nothing(behind: i64) -> Portion {
        Portion {
            records: Vec::new(),
            last: behind,
        }
    }

    /// Takes a record, unless the portion is full; then the portion ends before it.
    pub(crate) fn push(&mut self, record: FeedRecord, records_max: usize) -> bool {
        if self.records.len() >= records_max {
            return false;
        }
        self.last = record.offset;
        self.records.push(record);
        true
    }
}

/// Why a topic cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// What comes next was deleted.
    #[error(
        "the records of partition {partition} of topic {topic} from offset {from} on are gone: those there are begin at \
         offset {start}; who can do without them begins behind a cut that has them"
    )]
    Gone {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The first that was wanted.
        from: i64,
        /// The first there is.
        start: i64,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Unread(#[from] UnreadError),
}

/// A topic that can be followed: one on disk ([`DiskFeed`]), or one of a broker.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use std::time::Duration;
/// use annals_event_store::{Cut, Feed};
///
/// let feed = store.feed("account")?;
/// let seen: Cut = "0=1".parse()?;
/// let head = feed.wait(&seen, Duration::from_secs(1))?;
/// assert_eq!(head.last(0), 4);
///
/// let portion = feed.read_on(0, seen.last(0), 100)?;
/// assert_eq!((portion.last, portion.records.len()), (head.last(0), 3));
/// assert_eq!(portion.records[0].key.as_deref(), Some(&b"a-2"[..]));
/// # Ok(()) }
/// ```
pub trait Feed: Send + Sync {
    /// The topic.
    fn topic(&self) -> &str;

    /// The last offset of each partition before which everything is decided; -1 where there is none.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn head(&self) -> Result<Cut, FeedError>;

    /// Waits until the head is beyond a cut, not longer than this, and gives it. It may come back early.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn wait(&self, seen: &Cut, at_most: Duration) -> Result<Cut, FeedError>;

    /// Reads records of a partition behind an offset, so many at most. Nothing at the head.
    ///
    /// # Errors
    /// When they are gone, or cannot be read.
    fn read_on(&self, partition: u32, behind: i64, records_max: usize) -> Result<Portion, FeedError>;
}

impl<F: Feed + ?Sized> Feed for Arc<F> {
    fn topic(&self) -> &str {
        (**self).topic()
    }

    fn head(&self) -> Result<Cut, FeedError> {
        (**self).head()
    }

    fn wait(&self, seen: &Cut, at_most: Duration) -> Result<Cut, FeedError> {
        (**self).wait(seen, at_most)
    }

    fn read_on(&self, partition: u32, behind: i64, records_max: usize) -> Result<Portion, FeedError> {
        (**self).read_on(partition, behind, records_max)
    }
}

/// Whether there is more in a cut than in another.
pub(crate) fn is_beyond(head: &Cut, seen: &Cut) -> bool {
    head.iter().any(|(partition, last)| last > seen.last(partition))
}
