//! One partition: many threads append to it, read it and wait for it.
//!
//! ```text
//!  log start                            high watermark        log end
//!      |  what consumers may read             |  being synced    |
//!      v                                      v                  v
//!      [ sealed ][ sealed ][ active ...........................  ]
//! ```
//!
//! Invariant: `log_start <= high_watermark <= log_end`, and none of them falls. With [`Durability::Fsync`] the high
//! watermark is the durable end, so nothing that was read can vanish.
//!
//! Locks, in the order they are taken: `files` (held by readers while they read, and by whoever takes files away),
//! `turn` (the committer's, or a removal), `writer` (one append at a time), what is known of `keys` (across the reading
//! of its files), `derived` and `segments` (for a few instructions, never across IO). Watchers are called without any.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use annals_kafka_wire::batch::{Batch, TimestampType};

use crate::checkpoint::Mark;
use crate::clustered::Copies;
use crate::committer::Shared;
use crate::damage::Damage;
use crate::derived::producer::Sequence;
use crate::derived::{Claim, Derived, KnownProducer};
use crate::disk::Disk;
use crate::error::AppendError;
use crate::keys::Keys;
use crate::mutex::{lock, read, write};
use crate::recover::{Recovered, Recovery};
use crate::segment::{Opened, Segments};

mod append;
mod clustered;
mod commit;
mod compact;
mod condition;
mod config;
mod epoch;
mod fetch;
mod keys;
mod retain;
mod start;
mod time;

pub use append::Appended;
pub use condition::Conditions;
pub use config::{Durability, PartitionConfig, Retention};
pub use epoch::EpochEnd;
pub use fetch::Committed;
pub use keys::{KeyIndex, KeyedBy};
pub use start::DeleteError;
pub use time::Dated;

/// Called with the new high watermark.
type Watcher = Arc<dyn Fn(i64) + Send + Sync>;

/// One append-only sequence of records, see the module. Made by [`LogDir::partition`](crate::LogDir::partition).
pub struct Partition {
    path: String,
    /// Changed by who holds `writer` alone.
    config: RwLock<PartitionConfig>,
    shared: Arc<Shared>,
    me: Weak<Partition>,
    leader_epoch: i32,
    recovery: Recovery,
    /// Found when the partition was opened: nothing is written to it.
    damage: Vec<Damage>,
    /// Found by readers since.
    found: Mutex<Vec<Damage>>,
    /// Sealed segments stay where they are while anybody reads.
    files: RwLock<()>,
    turn: Mutex<commit::Turn>,
    writer: Mutex<Writer>,
    /// Changed by who holds `writer` alone.
    derived: RwLock<Derived>,
    segments: RwLock<Segments>,
    /// Sealed segments opened by readers, the last used at the back.
    opened: Mutex<VecDeque<Arc<Opened>>>,
    /// By the records' own keys.
    keys: Keys,
    /// By others, as long as somebody has them.
    other_keys: Mutex<Vec<Weak<Keys>>>,
    copies: Copies,
    /// Looked at by who reads copies.
    log_start: Arc<AtomicI64>,
    /// Where the log is to start as soon as that is on disk.
    log_start_due: AtomicI64,
    /// Held by who moves the log start.
    starting: Mutex<()>,
    /// Up to where it has been compacted.
    compacted_end: AtomicI64,
    /// When the next tombstone may go; at once after a start, as nobody knows.
    next_horizon: AtomicI64,
    /// Segments that took others' places and are not settled on disk.
    swapped: Mutex<Vec<Arc<Opened>>>,
    log_end: AtomicI64,
    high_watermark: AtomicI64,
    /// One behind the last synced record; the high watermark runs ahead of it with [`Durability::Os`].
    synced: AtomicI64,
    /// Whether the committer has been told.
    queued: AtomicBool,
    waiting: Mutex<()>,
    progress: Condvar,
    watchers: RwLock<Vec<Watcher>>,
}

/// What one append at a time may change.
struct Writer {
    /// Sealed since the committer came by.
    rolled: Vec<commit::Rolled>,
    /// When the active segment got its first batch, by the log's clock.
    begun_ms: i64,
    /// Part of a refused batch stands behind the end.
    overhang: bool,
    removed: bool,
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partition")
            .field("path", &self.path)
            .field("log_start", &self.log_start_offset())
            .field("high_watermark", &self.high_watermark())
            .field("log_end", &self.log_end_offset())
            .finish_non_exhaustive()
    }
}

impl Partition {
    pub(crate) fn new(
        path: &str,
        config: PartitionConfig,
        shared: Arc<Shared>,
        leader_epoch: i32,
        recovered: Recovered,
    ) -> Arc<Partition> {
        let Recovered {
            segments,
            derived,
            recovery,
            damage,
            log_start,
            compacted_end,
            begun_ms,
            ..
        } = recovered;
        // Offsets that were lost are not given again.
        let start = damage
            .iter()
            .fold(segments.first_base(), |start, damage| start.min(damage.offset))
            .max(log_start);
        let end = damage.iter().fold(segments.active.index.end, |end, damage| {
            end.max(damage.end_offset)
        });
        let keys = Keys::new(Arc::clone(&shared.keys), None);
        let copies = Copies::new(Arc::clone(&shared.keys));
        Arc::new_cyclic(|me| Partition {
            path: path.to_owned(),
            config: RwLock::new(config),
            shared,
            me: me.clone(),
            leader_epoch,
            recovery,
            damage,
            found: Mutex::default(),
            files: RwLock::default(),
            turn: Mutex::new(commit::Turn {
                bytes: segments.size_bytes(),
                announced: end,
                rolled: VecDeque::new(),
            }),
            writer: Mutex::new(Writer {
                rolled: Vec::new(),
                begun_ms,
                overhang: false,
                removed: false,
            }),
            derived: RwLock::new(derived),
            segments: RwLock::new(segments),
            opened: Mutex::default(),
            keys,
            other_keys: Mutex::default(),
            copies,
            log_start: Arc::new(AtomicI64::new(start)),
            log_start_due: AtomicI64::new(start),
            starting: Mutex::default(),
            compacted_end: AtomicI64::new(compacted_end),
            next_horizon: AtomicI64::new(0),
            swapped: Mutex::default(),
            log_end: AtomicI64::new(end),
            high_watermark: AtomicI64::new(end),
            synced: AtomicI64::new(end),
            queued: AtomicBool::new(false),
            waiting: Mutex::default(),
            progress: Condvar::new(),
            watchers: RwLock::default(),
        })
    }

    /// What all partitions of a log directory have in common.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.shared.disk
    }

    /// Where the partition lives below the log directory.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What had to be repaired when the partition was opened.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// What of the partition cannot be read, as far as anybody has noticed. See [`Partition::takes_records`].
    pub fn damage(&self) -> Vec<Damage> {
        self.damage.iter().chain(&*lock(&self.found)).cloned().collect()
    }

    /// Whether records are appended: not when the partition was found damaged as it was opened. Damage that a reader
    /// comes upon later, in what was written before, leaves it as it is.
    pub fn takes_records(&self) -> bool {
        self.damage.is_empty()
    }

    /// The offset that consumers may read up to: one behind the last durable record.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::Acquire)
    }

    /// The offset that readers of committed records may read up to: before the first record of a transaction that is
    /// open, or whose end is not durable; at most the high watermark, and at least the log start.
    pub fn last_stable_offset(&self) -> i64 {
        let high_watermark = self.high_watermark();
        let stable = read(&self.derived)
            .transactions
            .last_stable_offset(high_watermark);
        // What was deleted of an open transaction is nobody's to wait for.
        stable.max(self.log_start_offset())
    }

    /// The first offset there is.
    pub fn log_start_offset(&self) -> i64 {
        self.log_start.load(Ordering::Acquire)
    }

    /// The offset of the next record.
    pub fn log_end_offset(&self) -> i64 {
        self.log_end.load(Ordering::Acquire)
    }

    /// Stamped into every batch appended in this run; one more after every unclean start.
    pub fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// Whose time its records have.
    pub fn timestamp_type(&self) -> TimestampType {
        self.config().timestamp_type
    }

    /// The most bytes a batch of it gives when decompressed: the limit to read its records with.
    pub fn decompressed_bytes_max(&self) -> usize {
        self.config().decompressed_bytes_max
    }

    fn config(&self) -> PartitionConfig {
        read(&self.config).clone()
    }

    /// Keeps it in another way from the next append on. What was written stays as it is, and what counts as written
    /// does: with [`Durability::Os`] everything does at once; with [`Durability::Fsync`] again, what is not synced yet
    /// soon is. The limit to read with does not fall while the partition is open.
    pub fn reconfigure(&self, config: PartitionConfig) {
        let writer = lock(&self.writer);
        let read_with = self.decompressed_bytes_max();
        let unsynced = config.durability == Durability::Os;
        *write(&self.config) = PartitionConfig {
            decompressed_bytes_max: config.decompressed_bytes_max.max(read_with),
            ..config
        };
        // Nothing more is acknowledged once the log has failed.
        if unsynced && self.shared.ready().is_ok() {
            self.high_watermark
                .store(self.log_end_offset(), Ordering::Release);
        }
        drop(writer);
        self.wake_committer();
    }

    /// The producers it remembers, by rising id: at most
    /// [`LogConfig::producers_max`](crate::LogConfig::producers_max).
    pub fn producers(&self) -> Vec<KnownProducer> {
        read(&self.derived).known()
    }

    /// Bytes of all log files.
    pub fn size_bytes(&self) -> u64 {
        read(&self.segments).size_bytes()
    }

    /// Whether the batch's producer may append it now. Changes nothing; [`Partition::append`] asks again.
    pub fn check(&self, batch: &Batch) -> Result<Sequence, AppendError> {
        match Claim::of(batch) {
            Some(claim) => read(&self.derived).check(&claim),
            None => Ok(Sequence::Next),
        }
    }

    /// Blocks until the record at `offset` is durable, the log fails, or the time is over.
    pub fn wait_durable(&self, offset: i64, timeout: Duration) -> Result<(), AppendError> {
        let waits = |_: &mut ()| self.high_watermark() <= offset && self.shared.failed().is_none();
        let guard = lock(&self.waiting);
        let waited = self.progress.wait_timeout_while(guard, timeout, waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        if self.high_watermark() > offset {
            return Ok(());
        }
        match self.shared.failed() {
            Some(failure) => Err(AppendError::LogFailed(failure.to_owned())),
            None => Err(AppendError::TimedOut { offset }),
        }
    }

    /// Registers a watcher. The committer calls it with the high watermark each time that has moved, and once when
    /// the log directory fails (see [`LogDir::failed`](crate::LogDir::failed)). No lock is held; but every partition
    /// waits meanwhile, so it must not block.
    pub fn on_durable(&self, watcher: Box<dyn Fn(i64) + Send + Sync>) {
        write(&self.watchers).push(Arc::from(watcher));
    }

    /// The durable mark.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            durable_end: self.synced.load(Ordering::Acquire),
            log_start: self.log_start_due.load(Ordering::Acquire),
            compacted_end: self.compacted_end.load(Ordering::Acquire),
        }
    }

    /// Wakes who waits and calls the watchers.
    pub(crate) fn announce(&self) {
        drop(lock(&self.waiting));
        self.progress.notify_all();
        let watchers: Vec<Watcher> = read(&self.watchers).clone();
        let high_watermark = self.high_watermark();
        watchers.iter().for_each(|watcher| watcher(high_watermark));
    }

    /// No appends and no commits from here on.
    pub(crate) fn retire(&self) {
        let turn = lock(&self.turn);
        lock(&self.writer).removed = true;
        drop(turn);
        // Nor is any file taken away that has to do with it.
        drop(write(&self.files));
    }

    pub(crate) fn is_removed(&self) -> bool {
        lock(&self.writer).removed
    }

    /// Waits for an append that is under way.
    pub(crate) fn drain(&self) {
        drop(lock(&self.writer));
    }
}
