//! The log directory: one process holds it, one committer serves all its partitions.
//!
//! Invariant: at most one process has the directory open (`LOCK`), and at most one [`Partition`] exists for a path.
//! A clean close leaves nothing to recover; after anything else the leader epoch is raised before a partition opens,
//! so that clients can tell that unacknowledged records may be gone. A partition being removed loses its mark
//! first, then its name, then its files: no step leaves a mark without a partition, which is refused as lost.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::checkpoint::{Checkpoint, Loaded};
use crate::committer::{Clock, Cuts, Shared};
use crate::damage::Damage;
use crate::disk::{DirLock, Disk, RealDisk, exists, is_failed_sync, parent, remove_tree};
use crate::error::LogError;
use crate::format;
use crate::mutex::lock;
use crate::partition::{Partition, PartitionConfig};
use crate::recover::Recover;
use crate::room;
use crate::timings::Timed;

mod config;

pub use config::LogConfig;

/// Longest partition path, in bytes: file names below it must fit as well.
const PATH_BYTES_MAX: usize = 512;

/// Ending of a partition directory that is being removed.
pub(crate) const REMOVED: &str = ".deleted";

/// An open log directory. Clones are handles to the same one; when the last is dropped without
/// [`LogDir::close`], writing ends and the next start counts as unclean.
///
/// See the crate's example.
#[derive(Clone)]
pub struct LogDir {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    /// The committer's, and that of the upkeep.
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<DirLock>>,
    /// Held while a partition is opened or removed.
    changing: Mutex<()>,
    /// The epoch of the run before: no batch on disk has a later one. `None` when no sound checkpoint was found.
    epoch_before: Option<i32>,
    opened_ms: i64,
}

impl std::fmt::Debug for LogDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogDir")
            .field("failed", &self.failed())
            .finish_non_exhaustive()
    }
}

impl LogDir {
    /// Opens a directory, creating it if it is missing, and starts its committer. `now_ms` dates the producers whose
    /// batches are read when a partition is opened: a day of silence is counted from then on, whatever their stamps say.
    pub fn open(path: &Path, config: LogConfig, now_ms: i64) -> Result<LogDir, LogError> {
        let (disk, lock) = RealDisk::open(path)?;
        let log = LogDir::on(Arc::new(disk), Some(lock), config, now_ms, Box::new(Instant::now))?;
        log.start()?;
        Ok(log)
    }

    /// Opens a directory without a committer.
    pub(crate) fn on(
        disk: Arc<dyn Disk>,
        held: Option<DirLock>,
        config: LogConfig,
        now_ms: i64,
        clock: Clock,
    ) -> Result<LogDir, LogError> {
        disk.reserve()
            .map_err(LogError::io("keeping file descriptors in reserve"))?;
        let fresh = format::claim(&*disk)?;
        let (found, epoch) = match Checkpoint::load(&*disk)? {
            Loaded::Whole(found) => (Some(found), None),
            Loaded::Missing => (None, None),
            Loaded::Damaged { reason, epoch } => {
                tracing::warn!(
                    %reason,
                    "CHECKPOINT is damaged: every segment is read, and what is behind the last sealed one is written \
                     again; that records are missing at an end would go unnoticed"
                );
                (None, epoch)
            }
        };
        let epoch_before = found.as_ref().map(|found| found.epoch).or(fresh.then_some(0));
        let mut checkpoint = found.unwrap_or(Checkpoint {
            clean: fresh,
            epoch: epoch.unwrap_or(0),
            ..Checkpoint::default()
        });
        if !checkpoint.clean {
            checkpoint.epoch = checkpoint.epoch.saturating_add(1);
        }
        checkpoint.clean = false;
        if epoch_before.is_some() {
            let stored = match checkpoint.store(&*disk) {
                Err(error) if room::is_full(&error) => {
                    room::let_go(&*disk).and_then(|()| checkpoint.store(&*disk))
                }
                stored => stored,
            };
            stored.map_err(LogError::io("writing CHECKPOINT"))?;
        } // else it is not known yet, and a start after a crash of this one must not think so
        match room::keep_back(&*disk, config.reserved_bytes) {
            Err(error) if !room::is_full(&error) => {
                return Err(LogError::io("keeping room in reserve")(error));
            }
            _ => {}
        }
        sweep(&*disk, "").map_err(LogError::io("sweeping removed partitions"))?;
        let inner = Inner {
            shared: Arc::new(Shared::new(disk, config, checkpoint, clock)),
            threads: Mutex::default(),
            lock: Mutex::new(held),
            changing: Mutex::default(),
            epoch_before,
            opened_ms: now_ms,
        };
        Ok(LogDir {
            inner: Arc::new(inner),
        })
    }

    /// Starts the committer and the upkeep.
    pub(crate) fn start(&self) -> Result<(), LogError> {
        let start = |name: &str, run: Box<dyn FnOnce(&Shared) + Send>| {
            let shared = self.inner.shared.clone();
            let thread = std::thread::Builder::new().name(name.to_owned());
            let thread = thread.spawn(move || run(&shared));
            thread.map_err(LogError::io(format!("starting {name}")))
        };
        let opened_ms = self.inner.opened_ms;
        let committer = start("log-committer", Box::new(|shared| shared.run()))?;
        lock(&self.inner.threads).push(committer);
        let upkeep = start("log-upkeep", Box::new(move |shared| shared.keep_up(opened_ms)))?;
        lock(&self.inner.threads).push(upkeep);
        Ok(())
    }

    /// Tidies up now, as at this time in milliseconds since 1970: seals old segments, throws away what need not be kept,
    /// and compacts, as fast as it can. A thread does that in every [`LogConfig::maintenance_interval`]. Blocks.
    pub fn maintain(&self, now_ms: i64) {
        self.inner.shared.maintain(now_ms, None);
    }

    /// The partition at `path`, such as `t/orders/0`: the open one if there is one (its first configuration stays),
    /// else it is opened and its tail recovered, else created.
    ///
    /// A path has parts of letters, digits, `-`, `_` and `.`, divided by `/`.
    pub fn partition(&self, path: &str, config: PartitionConfig) -> Result<Arc<Partition>, LogError> {
        check_path(path)?;
        let _changing = lock(&self.inner.changing);
        let shared = &self.inner.shared;
        self.writable()?;
        if let Some(open) = lock(&shared.partitions).get(path) {
            return Ok(open.clone());
        }
        let epoch = shared.epoch.load(Ordering::Acquire);
        let recover = Recover {
            disk: &*shared.disk,
            dir: path,
            mark: shared.mark(path),
            epoch_max: self.inner.epoch_before,
            producers_max: shared.config.producers_max,
            tail_bytes_max: shared.config.tail_bytes_max,
            now_ms: self.inner.opened_ms,
        };
        let recovered = recover.run().map_err(|error| self.noting(error))?;
        for damage in &recovered.damage {
            tracing::error!(partition = path, "{damage}");
        }
        if let Some(last) = recovered
            .last_epoch
            .filter(|last| self.inner.epoch_before.is_none() && *last >= epoch)
        {
            shared.epoch.store(last.saturating_add(1), Ordering::Release);
            self.save(false)?;
        }
        let epoch = shared.epoch.load(Ordering::Acquire);
        let partition = Partition::new(path, config, shared.clone(), epoch, recovered);
        lock(&shared.partitions).insert(path.to_owned(), partition.clone());
        shared.note_opened(partition.recovery());
        Ok(partition)
    }

    /// Removes a partition and its files. Whoever still holds it may read what is open, and append nothing.
    pub fn remove(&self, path: &str) -> Result<(), LogError> {
        check_path(path)?;
        let _changing = lock(&self.inner.changing);
        let shared = &self.inner.shared;
        self.writable()?;
        let open = lock(&shared.partitions).remove(path);
        if let Some(partition) = open {
            partition.retire();
        }
        let marked = lock(&shared.checkpoint).marks.remove(path).is_some();
        if marked {
            let saved = shared.save_at_any_rate();
            saved.map_err(|error| self.noting(LogError::io("writing CHECKPOINT")(error)))?;
        }
        let removed = self.remove_files(path);
        removed.map_err(|error| self.noting(LogError::io(format!("removing {path}"))(error)))
    }

    /// Lets go of the room that is kept back, if the disk is full: for what is written to give it room. Whoever is quicker
    /// takes it.
    pub fn give_way(&self) {
        if self.refusing().is_some()
            && let Err(error) = room::let_go(&*self.inner.shared.disk)
        {
            tracing::warn!(%error, "the room that is kept back could not be let go of");
        }
    }

    fn save(&self, clean: bool) -> Result<(), LogError> {
        let saved = self.inner.shared.save(clean);
        saved.map_err(|error| self.noting(LogError::io("writing CHECKPOINT")(error)))
    }

    /// A sync that failed ends all writing, whoever asked for it.
    fn noting(&self, error: LogError) -> LogError {
        if let LogError::Io { what, source } = &error
            && is_failed_sync(source)
        {
            self.inner.shared.fail(format!("{what}: {source}"));
        }
        error
    }

    fn remove_files(&self, path: &str) -> std::io::Result<()> {
        let disk = &*self.inner.shared.disk;
        let removed = format!("{path}{REMOVED}");
        remove_tree(disk, &removed)?;
        if !exists(disk, path)? {
            return Ok(());
        }
        disk.rename(path, &removed)?;
        disk.sync_dir(parent(path))?;
        remove_tree(disk, &removed)?;
        // Directories above that hold nothing any more.
        let mut dir = parent(path);
        while !dir.is_empty() && disk.list(dir)?.is_empty() {
            disk.remove(dir)?;
            dir = parent(dir);
        }
        Ok(())
    }

    /// Why nothing is written any more: an earlier sync failed. Only a restart helps, after a look at the disk.
    pub fn failed(&self) -> Option<String> {
        self.inner.shared.failed().map(str::to_owned)
    }

    /// Why writes are refused at the moment: the disk is full, or descriptors have run out. It ends by itself when
    /// there is room.
    pub fn refusing(&self) -> Option<String> {
        self.inner.shared.room.reason()
    }

    /// The damaged places of every open partition that has any, by path.
    pub fn damage(&self) -> Vec<(String, Vec<Damage>)> {
        let partitions = lock(&self.inner.shared.partitions);
        let damage = partitions
            .iter()
            .map(|(path, partition)| (path.clone(), partition.damage()));
        damage.filter(|(_, damage)| !damage.is_empty()).collect()
    }

    /// What recovery cut away since the directory was opened.
    pub fn cuts(&self) -> Cuts {
        self.inner.shared.cuts()
    }

    /// How long syncs of partitions took since the directory was opened.
    pub fn syncs(&self) -> Timed {
        self.inner.shared.syncs.now()
    }

    /// Syncs everything and marks the directory clean. Other handles and partitions stay readable and refuse appends.
    pub fn close(self) -> Result<(), LogError> {
        let shared = &self.inner.shared;
        let _changing = lock(&self.inner.changing);
        self.writable()?;
        shared.close();
        let partitions: Vec<_> = lock(&shared.partitions).values().cloned().collect();
        partitions.iter().for_each(|partition| partition.drain());
        self.inner.stop();
        for partition in &partitions {
            if shared.failed().is_some() {
                break; // a failed sync is not tried again
            }
            let committed = partition.commit(true);
            committed
                .map_err(|error| self.noting(LogError::io(format!("syncing {}", partition.path()))(error)))?;
        }
        if let Some(failure) = shared.failed() {
            return Err(LogError::Failed(failure.to_owned()));
        }
        self.save(true)?;
        lock(&self.inner.lock).take();
        Ok(())
    }

    fn writable(&self) -> Result<(), LogError> {
        match (self.inner.shared.ready(), self.failed()) {
            (Ok(()), _) => Ok(()),
            (_, Some(failure)) => Err(LogError::Failed(failure)),
            (_, None) => Err(LogError::Closed),
        }
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }
}

impl Inner {
    /// Ends the threads. One of them may hold the last handle, in a watcher: then it ends by itself.
    fn stop(&self) {
        self.shared.stop();
        let threads = std::mem::take(&mut *lock(&self.threads));
        let own = std::thread::current().id();
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != own) {
            // A panic of the committer has been noted as the directory's failure.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.close();
        self.stop();
        self.shared.forget();
    }
}

fn check_path(path: &str) -> Result<(), LogError> {
    let bad = |reason| {
        Err(LogError::BadPath {
            path: path.to_owned(),
            reason,
        })
    };
    if path.len() > PATH_BYTES_MAX {
        return bad("it is longer than 512 bytes");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    for part in path.split('/') {
        if part.is_empty() || part.starts_with('.') || part.len() > 128 {
            return bad("a part is empty, longer than 128 bytes, or begins with a dot");
        }
        if !part.bytes().all(plain) {
            return bad("it has other characters than letters, digits, -, _ and .");
        }
        if [REMOVED]
            .iter()
            .chain(&format::ENDINGS)
            .any(|ending| part.ends_with(ending))
        {
            return bad("a part ends like one of the log's own files");
        }
    }
    if ["LOCK", "FORMAT", "CHECKPOINT"].contains(&path) {
        return bad("it is one of the log's own files");
    }
    Ok(())
}

/// Finishes removals that a crash interrupted.
fn sweep(disk: &dyn Disk, dir: &str) -> std::io::Result<()> {
    for entry in disk.list(dir)?.into_iter().filter(|entry| entry.is_dir) {
        let name = if dir.is_empty() {
            entry.name
        } else {
            format!("{dir}/{}", entry.name)
        };
        if name.ends_with(REMOVED) {
            remove_tree(disk, &name)?
        } else {
            sweep(disk, &name)?
        }
    }
    Ok(())
}
