//! The committer: one thread that makes appended batches durable and tells who waits for them.
//!
//! A round takes all partitions that were written since the last one, syncs them together, publishes their durable
//! offsets and calls their watchers. Nothing is delayed on purpose: what is appended while a sync runs is the next group.
//!
//! Invariant: an offset is published only after every byte before it was synced. The first failed sync ends all
//! writing (the page cache can no longer be trusted, so nothing is retried); what was durable stays readable. A failed
//! open or write has broken no promise: it is refused, and every second it is tried whether there is room again.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::checkpoint::{Checkpoint, Mark};
use crate::dir::LogConfig;
use crate::disk::{self, Disk, is_failed_sync};
use crate::error::AppendError;
use crate::keys::Budget;
use crate::mutex::lock;
use crate::partition::Partition;
use crate::recover::Recovery;
use crate::room::{self, Room};
use crate::timings::Timings;

/// Bytes made durable after which the checkpoint is due. A checkpoint costs about one sync; the lag costs a longer
/// stretch in which recovery cannot tell damage from a tear.
const CHECKPOINT_BYTES: u64 = 16 * 1024 * 1024;

/// Time after which it is due when anything changed at all.
const CHECKPOINT_AGE: Duration = Duration::from_secs(1);

/// Tells how long ago something was.
pub(crate) type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

/// What the log directory, its partitions and the committer share.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) config: LogConfig,
    clock: Clock,
    /// Leader epoch of this run.
    pub(crate) epoch: AtomicI32,
    /// What is on disk, by partition.
    pub(crate) checkpoint: Mutex<Checkpoint>,
    /// Open partitions.
    pub(crate) partitions: Mutex<BTreeMap<String, Arc<Partition>>>,
    failure: OnceLock<String>,
    pub(crate) room: Room,
    /// What the key indexes take.
    pub(crate) keys: Arc<Budget>,
    /// What recovery cut away in this run.
    cuts: Mutex<Cuts>,
    /// How long syncs of partitions took.
    pub(crate) syncs: Timings,
    closed: AtomicBool,
    queue: Mutex<Queue>,
    bell: Condvar,
    unsaved: Mutex<Unsaved>,
    /// Held by who does the upkeep.
    pub(crate) upkeep: Mutex<()>,
    /// Whether the upkeep is to end; and who waits for that.
    pub(crate) stopping: Mutex<bool>,
    pub(crate) stopped: Condvar,
}

/// Torn tails that were cut when partitions were opened: writes that were never finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cuts {
    /// How many partitions had one.
    pub count: u64,
    /// How many bytes they had.
    pub bytes: u64,
}

/// What was made durable since the checkpoint was written.
#[derive(Default)]
struct Unsaved {
    bytes: u64,
    since: Option<Instant>,
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
    Tick,
    Stop,
}

impl Shared {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        config: LogConfig,
        checkpoint: Checkpoint,
        clock: Clock,
    ) -> Shared {
        Shared {
            disk,
            config,
            clock,
            epoch: AtomicI32::new(checkpoint.epoch),
            checkpoint: Mutex::new(checkpoint),
            partitions: Mutex::default(),
            failure: OnceLock::new(),
            room: Room::default(),
            keys: Arc::default(),
            cuts: Mutex::default(),
            syncs: Timings::default(),
            closed: AtomicBool::new(false),
            queue: Mutex::default(),
            bell: Condvar::new(),
            unsaved: Mutex::default(),
            upkeep: Mutex::default(),
            stopping: Mutex::default(),
            stopped: Condvar::new(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        (self.clock)()
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
        if self.room.is_taken() {
            return Err(AppendError::Io {
                what: "writing while a full disk is given room".to_owned(),
                source: io::ErrorKind::StorageFull.into(),
            });
        }
        Ok(())
    }

    /// No more writes from here on; not a failure.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Ends all writing. The first reason stays.
    pub(crate) fn fail(&self, reason: String) {
        if self.failure.set(reason.clone()).is_ok() {
            tracing::error!(%reason, "the log has stopped: nothing is written any more until a restart");
            lock(&self.queue).failed = true;
            self.bell.notify_all();
        }
    }

    /// The partition has something to commit.
    pub(crate) fn enqueue(&self, partition: Arc<Partition>) {
        lock(&self.queue).dirty.push(partition);
        self.bell.notify_all();
    }

    /// Asks the committer to finish what is queued and end, and the upkeep to end.
    pub(crate) fn stop(&self) {
        *lock(&self.stopping) = true;
        self.stopped.notify_all();
        lock(&self.queue).stop = true;
        self.bell.notify_all();
    }

    /// The committer thread.
    pub(crate) fn run(&self) {
        let _guard = Unwinding(self, "committer");
        while self.round(true) {}
    }

    /// One round; waits for work if asked to. Answers whether to go on.
    pub(crate) fn round(&self, wait: bool) -> bool {
        match self.next(wait) {
            Work::Commit(partitions) => {
                self.commit(&partitions);
                self.tick();
            }
            Work::Announce => self.announce(),
            Work::Tick => self.tick(),
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
            let due = self.due().filter(|_| self.failed().is_none());
            let left = due.map(|due| due.saturating_duration_since((self.clock)()));
            if !wait || left.is_some_and(|left| left.is_zero()) {
                return Work::Tick;
            }
            // Waking early is harmless: everything is looked at again.
            queue = match left {
                None => self.bell.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let waited = self.bell.wait_timeout(queue, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// When there is something to do although nothing was appended.
    fn due(&self) -> Option<Instant> {
        let checkpoint = lock(&self.unsaved).since.map(|since| since + CHECKPOINT_AGE);
        checkpoint.into_iter().chain(self.room.due()).min()
    }

    fn commit(&self, partitions: &[Arc<Partition>]) {
        if self.failed().is_some() {
            return;
        }
        let synced = self.each(partitions, |partition| partition.sync(false));
        let mut unsaved = lock(&self.unsaved);
        unsaved.since.get_or_insert_with(&self.clock);
        unsaved.bytes += synced.iter().map(|(_, bytes)| bytes).sum::<u64>();
        drop(unsaved);
        // After a failed sync everybody is told that.
        if self.failed().is_some() {
            return;
        }
        // All at once: whoever waits for several is woken once.
        synced.iter().for_each(|(partition, _)| partition.tell());
        let rolled = synced.into_iter().map(|(partition, _)| partition);
        let rolled: Vec<_> = rolled.filter(|partition| partition.is_unsettled()).collect();
        let settled = self.each(&rolled, Partition::settle);
        lock(&self.unsaved).bytes += CHECKPOINT_BYTES * settled.len() as u64;
    }

    /// Does something with these partitions, all of them together; answers with which it worked, and what came of it.
    fn each<T: Send + 'static>(
        &self,
        partitions: &[Arc<Partition>],
        work: fn(&Partition) -> io::Result<T>,
    ) -> Vec<(Arc<Partition>, T)> {
        let (done, results) = mpsc::channel();
        let one = |partition: &Arc<Partition>| {
            let (partition, done) = (Arc::clone(partition), done.clone());
            let one = move || {
                let result = work(&partition);
                // The other end is below.
                let _ = done.send((partition, result));
            };
            Box::new(one) as disk::Work
        };
        self.disk.together(partitions.iter().map(one).collect());
        drop(done);
        let results: Vec<_> = results.into_iter().collect();
        if results.len() < partitions.len() {
            self.fail("a sync ended by a panic".to_owned());
        }
        let good = results
            .into_iter()
            .filter_map(|(partition, result)| match result {
                Ok(value) => Some((partition, value)),
                Err(error) => {
                    let what = format!("syncing {}", partition.path());
                    self.refused(&what, &error, 0, Some(partition));
                    None
                }
            });
        good.collect()
    }

    /// What is due when time has passed.
    fn tick(&self) {
        if self.failed().is_some() {
            return;
        }
        let now = (self.clock)();
        if let Some(waiting) = self.room.look(&*self.disk, self.config.reserved_bytes, now) {
            tracing::warn!("the log takes writes again");
            waiting.into_iter().for_each(|partition| self.enqueue(partition));
        }
        let due = {
            let unsaved = lock(&self.unsaved);
            let old = unsaved.since.is_some_and(|since| now >= since + CHECKPOINT_AGE);
            old || unsaved.bytes >= CHECKPOINT_BYTES
        };
        if due && let Err(error) = self.save(false) {
            self.refused("writing CHECKPOINT", &error, 0, None);
        }
    }

    /// Something could not be written: the end of all writing if it was a sync that failed, else tried again later.
    pub(crate) fn refused(&self, what: &str, error: &io::Error, bytes: u64, waiting: Option<Arc<Partition>>) {
        let reason = format!("{what}: {error}");
        if is_failed_sync(error) {
            self.fail(reason);
        } else if self.failed().is_none() && self.room.refuse(reason.clone(), bytes, waiting, (self.clock)())
        {
            match room::is_full(error) {
                true => tracing::error!(%reason, "the log refuses writes until there is room"),
                false => tracing::error!(%reason, "the log refuses writes until they can be done again"),
            }
            // The committer learns that it has a time to wake at.
            drop(lock(&self.queue));
            self.bell.notify_all();
        }
    }

    /// A partition was opened: its mark is worth writing when there is time.
    pub(crate) fn note_opened(&self, recovery: &Recovery) {
        if recovery.truncated_at.is_some() {
            let mut cuts = lock(&self.cuts);
            cuts.count += 1;
            cuts.bytes += recovery.truncated_bytes;
        }
        lock(&self.unsaved).since.get_or_insert_with(&self.clock);
        drop(lock(&self.queue));
        self.bell.notify_all();
    }

    /// What recovery cut away in this run.
    pub(crate) fn cuts(&self) -> Cuts {
        *lock(&self.cuts)
    }

    /// Lets go of the partitions, which hold this in turn.
    pub(crate) fn forget(&self) {
        lock(&self.partitions).clear();
        lock(&self.queue).dirty.clear();
        self.room.forget();
    }

    /// Writes the checkpoint. When that fails it is due again in a while.
    pub(crate) fn save(&self, clean: bool) -> io::Result<()> {
        let mut checkpoint = lock(&self.checkpoint);
        *lock(&self.unsaved) = Unsaved::default();
        for (path, partition) in lock(&self.partitions).iter() {
            checkpoint.marks.insert(path.clone(), partition.mark());
        }
        checkpoint.clean = clean;
        checkpoint.epoch = self.epoch.load(Ordering::Acquire);
        let stored = checkpoint.store(&*self.disk);
        if stored.is_err() {
            lock(&self.unsaved).since = Some((self.clock)());
        }
        stored
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

/// Marks the log failed when the thread of this name unwinds, so that nobody waits for it.
pub(crate) struct Unwinding<'a>(pub(crate) &'a Shared, pub(crate) &'static str);

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(format!("the {} ended by a panic", self.1));
            self.0.announce();
        }
    }
}
