//! The committer's half of a partition: sync, publish, settle sealed segments.
//!
//! Invariant: sealed segments are synced before the directory, the directory before the active segment, all of them
//! before the end is published; a sealed segment's index is written last, so a good index proves a synced log. What
//! could not be opened or written stays due; a sync that failed is the end of all writing (committer.rs).

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Durability, Partition};
use crate::disk::{DiskFile, is_failed_sync, replace};
use crate::error::AppendError;
use crate::mutex::{lock, read, write};
use crate::segment::{Opened, file_name};

/// A segment that was sealed in memory.
pub(super) struct Rolled {
    pub(super) sealed: Arc<Opened>,
    /// Base offset of the segment behind it.
    pub(super) next: i64,
    /// Derived state as of `next`.
    pub(super) snapshot: Vec<u8>,
    /// It and its directory are synced; what is left are its sidecars.
    pub(super) synced: bool,
}

/// What is known from the commit before.
pub(super) struct Turn {
    /// Bytes of the partition then.
    pub(super) bytes: u64,
    /// The high watermark the watchers know.
    pub(super) announced: i64,
    /// Sealed segments that are not settled on disk yet, oldest first.
    pub(super) rolled: VecDeque<Rolled>,
}

/// What there is to sync.
struct Due {
    active: Arc<dyn DiskFile>,
    base: i64,
    end: i64,
    bytes: u64,
}

impl Partition {
    /// Makes durable what was appended so far and publishes it; answers how many bytes that were. `all`: also what the
    /// partition's durability leaves to the operating system.
    pub(crate) fn sync(&self, all: bool) -> io::Result<u64> {
        let mut turn = lock(&self.turn);
        self.may_sync()?;
        let Some(due) = self.due(&mut turn) else {
            return Ok(0);
        };
        let active = all || self.config().durability == Durability::Fsync;
        self.ending(self.sync_files(&due, &mut turn, active))?;
        let bytes = due.bytes.saturating_sub(turn.bytes);
        turn.bytes = due.bytes;
        Ok(bytes)
    }

    /// Nothing is synced after a sync that failed: the next one may say yes to what is lost.
    pub(super) fn may_sync(&self) -> io::Result<()> {
        match self.shared.failed() {
            Some(failure) => Err(io::Error::other(failure.to_owned())),
            None => Ok(()),
        }
    }

    /// Ends all writing after a failed sync, before who waits for the lock that is held can try the same again.
    pub(super) fn ending<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &done
            && is_failed_sync(error)
        {
            self.shared.fail(format!("syncing {}: {error}", self.path));
        }
        done
    }

    /// Tells the watchers what was published, if they do not know.
    pub(crate) fn tell(&self) {
        let mut turn = lock(&self.turn);
        let high_watermark = self.high_watermark();
        let moved = std::mem::replace(&mut turn.announced, high_watermark) != high_watermark;
        drop(turn);
        if moved {
            self.announce();
        }
    }

    /// All of the above at once, in the thread that asks for it.
    pub(crate) fn commit(&self, all: bool) -> io::Result<()> {
        self.sync(all)?;
        self.tell();
        self.settle()
    }

    /// Syncs everything up to the record at `offset`, also what the partition's durability leaves to the operating
    /// system. Blocks.
    pub fn sync_to(&self, offset: i64) -> Result<(), AppendError> {
        if self.synced.load(Ordering::Acquire) > offset {
            return Ok(());
        }
        self.shared.ready()?;
        self.commit(true).map_err(|source| {
            let what = format!("syncing {}", self.path);
            self.shared.refused(&what, &source, 0, None);
            AppendError::Io { what, source }
        })
    }

    /// Takes what was appended; `None` when the partition was removed.
    fn due(&self, turn: &mut Turn) -> Option<Due> {
        let mut writer = lock(&self.writer);
        // Before the end is read: a later append asks for another commit.
        self.queued.store(false, Ordering::Release);
        turn.rolled.extend(std::mem::take(&mut writer.rolled));
        let segments = read(&self.segments);
        let index = &segments.active.index;
        (!writer.removed).then(|| Due {
            active: segments.active.file.clone(),
            base: index.base,
            end: index.end,
            bytes: segments.size_bytes(),
        })
    }

    fn sync_files(&self, due: &Due, turn: &mut Turn, active: bool) -> io::Result<()> {
        let unsynced = || turn.rolled.iter().filter(|rolled| !rolled.synced);
        if unsynced().count() > 0 {
            for rolled in unsynced() {
                rolled.sealed.file.sync()?;
            }
            self.shared.disk.sync_dir(&self.path)?;
            self.synced.fetch_max(due.base, Ordering::AcqRel);
            turn.rolled.iter_mut().for_each(|rolled| rolled.synced = true);
        }
        if active && self.synced.load(Ordering::Acquire) < due.end {
            let begun = Instant::now();
            due.active.sync()?;
            self.shared.syncs.note(begun.elapsed());
            self.synced.store(due.end, Ordering::Release);
        }
        self.high_watermark
            .fetch_max(self.synced.load(Ordering::Acquire), Ordering::AcqRel);
        Ok(())
    }

    /// Whether sealed segments are not settled on disk yet.
    pub(crate) fn is_unsettled(&self) -> bool {
        !lock(&self.turn).rolled.is_empty()
    }

    /// Writes the sidecars of sealed segments and lets go of their indexes.
    pub(crate) fn settle(&self) -> io::Result<()> {
        loop {
            let mut turn = lock(&self.turn);
            let Some(rolled) = turn.rolled.front().filter(|_| !lock(&self.writer).removed) else {
                return Ok(());
            };
            self.may_sync()?;
            let disk = &*self.shared.disk;
            let index = &rolled.sealed.index;
            let snapshot = file_name(&self.path, rolled.next, "snap");
            self.ending(replace(disk, &snapshot, &rolled.snapshot))?;
            let name = file_name(&self.path, index.base, "idx");
            self.ending(replace(disk, &name, &index.encode()))?;
            write(&self.segments).settle(index.base);
            turn.rolled.pop_front();
        }
    }
}
