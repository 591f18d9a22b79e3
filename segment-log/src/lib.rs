//! Append-only partitions on disk: what is acknowledged is synced, what is read cannot vanish, bytes stay as sent.
//!
//! A [`LogDir`] holds partitions; a [`Partition`] holds record batches (magic 2) back to back in segment files, byte
//! for byte as their producer sent them but for two stamped fields: the base offset and the leader epoch. One
//! committer thread syncs all written partitions in groups; the *high watermark* is the durable end, and nobody reads
//! behind it. Everything is synchronous; a server waits in threads of its own, or hangs on
//! [`Partition::on_durable`].
//!
//! ```
//! use std::time::Duration;
//!
//! use annals_kafka_wire::batch::{Batch, BatchBuilder};
//! use annals_segment_log::{LogConfig, LogDir, PartitionConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let place = tempfile::tempdir()?;
//! let log = LogDir::open(place.path(), LogConfig::default(), 1_700_000_000_000)?;
//! let orders = log.partition("t/orders/0", PartitionConfig::default())?;
//!
//! let mut builder = BatchBuilder::new();
//! builder.push(1_700_000_000_000, Some(b"order-1"), Some(b"placed"), &[]);
//! let (batch, _) = Batch::parse(&builder.build(), 0)?;
//! let appended = orders.append(&batch, 1_700_000_000_000)?;
//! assert_eq!((appended.base_offset, appended.last_offset), (0, 0));
//!
//! orders.wait_durable(appended.last_offset, Duration::from_secs(10))?;
//! assert_eq!(orders.high_watermark(), 1);
//! let (stored, _) = Batch::parse(&orders.read(0, 1024)?, 0)?;
//! assert_eq!(stored.bytes()[16..], batch.bytes()[16..]);
//! log.close()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - A record that [`Partition::wait_durable`] answered for survives a killed process and a power cut, on a disk that
//!   keeps what it was told to sync.
//! - A batch sent twice by an idempotent producer is stored once, also across restarts.
//! - A flipped byte in the log is found when it is read, named, and never cut away: only a torn tail is. What stands
//!   before and behind it is served; a partition that is opened damaged takes no records ([`Partition::damage`]).
//! - After the first failed sync nothing is written or acknowledged any more ([`LogDir::failed`]), and no later sync
//!   that says yes is believed, not even after a restart. A full disk ends nothing: writes are refused until there is
//!   room ([`LogDir::refusing`]).
//!
//! - Nothing goes by itself: what a partition keeps and compacts is what it was told ([`PartitionConfig`]).
//!
//! Left out on purpose: topics, protocol, schemas (the broker's).

mod beside;
mod checkpoint;
mod clustered;
mod committer;
mod compact;
mod damage;
mod derived;
mod digested;
mod dir;
mod disk;
mod error;
mod format;
mod index;
mod keys;
mod maintenance;
mod mutex;
mod offline;
mod order;
mod partition;
mod recover;
mod room;
mod segment;
mod swap;
mod tail;
mod timings;
mod varint;
mod walk;

#[cfg(test)]
mod tests;

pub use beside::Beside;
pub use clustered::{Chunk, Scan};
pub use committer::Cuts;
pub use compact::Compaction;
pub use damage::Damage;
pub use derived::KnownProducer;
pub use derived::producer::Sequence;
pub use derived::transaction::Aborted;
pub use dir::{LogConfig, LogDir};
pub use disk::{create_folder, try_room};
pub use error::{AppendError, ConditionError, KeyError, LogError, ReadError, Unexpected};
pub use keys::{KeyEntry, KeyFacts, KeyOf, OtherKey, Removals};
pub use offline::{Mended, OfflineLog, PartitionCheck, Remedy};
pub use partition::{
    Appended, Committed, Conditions, Dated, DeleteError, Durability, EpochEnd, KeyIndex, KeyedBy, Partition,
    PartitionConfig, Retention,
};
pub use recover::Recovery;
pub use timings::{Timed, Timings};
