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
//! let log = LogDir::open(place.path(), LogConfig::default())?;
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
//! - A flipped byte in the log is found when it is read, named, and never cut away: only a torn tail is.
//! - After the first failed write or sync nothing is written or acknowledged any more ([`LogDir::failed`]).
//!
//! Left out on purpose: topics, protocol, schemas (the broker's); retention and compaction; serving around damage.

mod checkpoint;
mod committer;
mod dir;
mod disk;
mod error;
mod format;
mod index;
mod mutex;
mod partition;
mod producer;
mod recover;
mod segment;
mod tail;
mod walk;

#[cfg(test)]
mod tests;

pub use dir::{LogConfig, LogDir};
pub use error::{AppendError, LogError, ReadError};
pub use partition::{Appended, Dated, Durability, Partition, PartitionConfig};
pub use producer::Sequence;
pub use recover::Recovery;
