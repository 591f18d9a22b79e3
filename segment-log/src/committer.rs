//! The committer: one thread that makes appended batches durable and tells who waits for them.
//!
//! A round takes all partitions that were written since the last one, syncs each, publishes its durable offset and
//! calls its watchers. Nothing is delayed on purpose: what is appended while a sync runs is the next group.
//!
//! Invariant: an offset is published only after every byte before it was synced. The first failed write or sync ends
//! all writing (the page cache can no longer be trusted, so nothing is retried); what was durable stays readable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use crate::checkpoint::{Checkpoint, Mark};
use crate::dir::LogConfig;
use crate::disk::Disk;
use crate::error::AppendError;
use crate::mutex::lock;
use crate::partition::Partition;

/// Bytes made durable after which the checkpoint is due. A checkpoint costs about one sync; the lag costs a longer
/// stretch in which recovery cannot tell damage from a tear.
const CHECKPOINT_BYTES: u64 = 16 * 1024 * 1024;

/// Rounds after which it is due all the same.
const CHECKPOINT_ROUNDS: u64 = 4096;

/// Quiet time after which it is due when anything was made durable at all.
const CHECKPOINT_IDLE: Duration = Duration::from_secs(1);

/// What the log directory, its partitions and the committer share.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) config: LogConfig,
    /// Leader epoch of this run.
    pub(crate) epoch: AtomicI32,
    /// What is on disk, by partition.
    pub(crate) checkpoint: Mutex<Checkpoint>,
    /// Open partitions.
    pub(crate) partitions: Mutex<BTreeMap<String, Arc<Partition>>>,
    failure: OnceLock<String>,
    closed: AtomicBool,
    queue: Mutex<Queue>,
    bell: Condvar,
    /// Bytes and rounds since the checkpoint was written.
    unsaved_bytes: AtomicU64,
    unsaved_rounds: AtomicU64,
}

#[derive(Default)]
struct Queue {
    dirty: Vec<Arc<Partition>>,
    stop: bool,
    failed: bool,
}

/// What the committer does next.
enum Work {
    Commit(Vec<Arc<Partition>>),
    Announce,
    Idle,
    Stop,
}

impl Shared {
    pub(crate) fn new(disk: Arc<dyn Disk>, config: LogConfig, checkpoint: Checkpoint) -> Shared {
        Shared {
            disk,
            config,
            epoch: AtomicI32::new(checkpoint.epoch),
            checkpoint: Mutex::new(checkpoint),
            partitions: Mutex::default(),
            failure: OnceLock::new(),
            closed: AtomicBool::new(false),
            queue: Mutex::default(),
            bell: Condvar::new(),
            unsaved_bytes: AtomicU64::new(0),
            unsaved_rounds: AtomicU64::new(0),
        }
    }

    /// Why nothing can be written any more.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Whether writes are taken.
    pub(crate) fn ready(&self) -> Result<(), AppendError> {
        if let Some(failure) = self.failed() {
            return Err(AppendError::LogFailed(failure.to_owned()));
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(AppendError::LogFailed("the log directory is closed".to_owned()));
        }
        Ok(())
    }

    /// No more writes from here on; not a failure.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Ends all writing. The first reason stays.
    pub(crate) fn fail(&self, reason: String) {
        if self.failure.set(reason).is_ok() {
            lock(&self.queue).failed = true;
            self.bell.notify_all();
        }
    }

    /// The partition has something to commit.
    pub(crate) fn enqueue(&self, partition: Arc<Partition>) {
        lock(&self.queue).dirty.push(partition);
        self.bell.notify_all();
    }

    /// Asks the committer to finish what is queued and end.
    pub(crate) fn stop(&self) {
        lock(&self.queue).stop = true;
        self.bell.notify_all();
    }

    /// The committer thread.
    pub(crate) fn run(&self) {
        let _guard = Unwinding(self);
        while self.round(true) {}
    }

    /// One round; waits for work if asked to. Answers whether to go on.
    pub(crate) fn round(&self, wait: bool) -> bool {
        match self.next(wait) {
            Work::Commit(partitions) => self.commit(&partitions),
            Work::Announce => self.announce(),
            Work::Idle => self.save_if_due(true),
            Work::Stop => return false,
        }
        true
    }

    fn next(&self, wait: bool) -> Work {
        let mut queue = lock(&self.queue);
        loop {
            if std::mem::take(&mut queue.failed) {
                return Work::Announce;
            }
            if !queue.dirty.is_empty() {
                return Work::Commit(std::mem::take(&mut queue.dirty));
            }
            if queue.stop {
                return Work::Stop;
            }
            if !wait {
                return Work::Idle;
            }
            if self.unsaved_rounds.load(Ordering::Relaxed) == 0 || self.failed().is_some() {
                queue = self
                    .bell
                    .wait(queue)
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                continue;
            }
            let waited = self.bell.wait_timeout(queue, CHECKPOINT_IDLE);
            let (guard, timeout) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
            queue = guard;
            if timeout.timed_out() && queue.dirty.is_empty() && !queue.failed && !queue.stop {
                return Work::Idle;
            }
        }
    }

    fn commit(&self, partitions: &[Arc<Partition>]) {
        for partition in partitions {
            if self.failed().is_some() {
                return;
            }
            match partition.commit(false) {
                Ok(committed) => {
                    self.unsaved_bytes.fetch_add(committed.bytes, Ordering::Relaxed);
                    if committed.sealed {
                        self.unsaved_bytes.fetch_add(CHECKPOINT_BYTES, Ordering::Relaxed);
                    }
                }
                Err(error) => self.fail(format!("syncing {}: {error}", partition.path())),
            }
        }
        self.unsaved_rounds.fetch_add(1, Ordering::Relaxed);
        self.save_if_due(false);
    }

    fn save_if_due(&self, idle: bool) {
        let rounds = self.unsaved_rounds.load(Ordering::Relaxed);
        let bytes = self.unsaved_bytes.load(Ordering::Relaxed);
        let due = bytes >= CHECKPOINT_BYTES || rounds >= CHECKPOINT_ROUNDS || (idle && rounds > 0);
        if due
            && self.failed().is_none()
            && let Err(error) = self.save(false)
        {
            self.fail(format!("writing CHECKPOINT: {error}"));
        }
    }

    /// A partition was opened: its mark is worth writing when there is time.
    pub(crate) fn note_unsaved(&self) {
        let _queue = lock(&self.queue);
        self.unsaved_rounds.fetch_add(1, Ordering::Relaxed);
        self.bell.notify_all();
    }

    /// Lets go of the partitions, which hold this in turn.
    pub(crate) fn forget(&self) {
        lock(&self.partitions).clear();
        lock(&self.queue).dirty.clear();
    }

    /// Writes the checkpoint.
    pub(crate) fn save(&self, clean: bool) -> std::io::Result<()> {
        let mut checkpoint = lock(&self.checkpoint);
        self.unsaved_bytes.store(0, Ordering::Relaxed);
        self.unsaved_rounds.store(0, Ordering::Relaxed);
        for (path, partition) in lock(&self.partitions).iter() {
            checkpoint.marks.insert(path.clone(), partition.mark());
        }
        checkpoint.clean = clean;
        checkpoint.epoch = self.epoch.load(Ordering::Acquire);
        checkpoint.store(&*self.disk)
    }

    /// The mark of a partition that is not open.
    pub(crate) fn mark(&self, path: &str) -> Option<Mark> {
        lock(&self.checkpoint).marks.get(path).copied()
    }

    /// Wakes everybody who waits for something that will not come.
    fn announce(&self) {
        let partitions: Vec<_> = lock(&self.partitions).values().cloned().collect();
        partitions.iter().for_each(|partition| partition.announce());
    }
}

/// Marks the log failed when the committer unwinds, so that nobody waits for it.
struct Unwinding<'a>(&'a Shared);

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("the committer ended by a panic".to_owned());
            self.0.announce();
        }
    }
}
