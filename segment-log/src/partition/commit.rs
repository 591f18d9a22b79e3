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
use crate::disk::{DiskFile, replace};
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

/// What a commit did.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    /// Bytes appended since the last commit.
    pub(crate) bytes: u64,
    /// Whether a segment was settled.
    pub(crate) sealed: bool,
}

/// What there is to sync.
struct Due {
    active: Arc<dyn DiskFile>,
    base: i64,
    end: i64,
    bytes: u64,
}

impl Partition {
    /// Makes durable what was appended so far, publishes it and calls the watchers. `all`: also what the partition's
    /// durability leaves to the operating system.
    pub(crate) fn commit(&self, all: bool) -> io::Result<Committed> {
        let mut turn = lock(&self.turn);
        let Some(due) = self.due(&mut turn) else {
            return Ok(Committed::default());
        };
        let synced = all || self.config().durability == Durability::Fsync;
        self.sync(&due, &mut turn, synced)?;
        let bytes = due.bytes.saturating_sub(turn.bytes);
        turn.bytes = due.bytes;
        let high_watermark = self.high_watermark();
        let moved = std::mem::replace(&mut turn.announced, high_watermark) != high_watermark;
        let sealed = !turn.rolled.is_empty();
        drop(turn);
        if moved {
            self.announce();
        }
        self.settle()?;
        Ok(Committed { bytes, sealed })
    }

    /// Syncs everything up to the record at `offset`, also what the partition's durability leaves to the operating
    /// system. Blocks.
    pub fn sync_to(&self, offset: i64) -> Result<(), AppendError> {
        if self.synced.load(Ordering::Acquire) > offset {
            return Ok(());
        }
        self.shared.ready()?;
        self.commit(true).map(drop).map_err(|source| {
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

    fn sync(&self, due: &Due, turn: &mut Turn, active: bool) -> io::Result<()> {
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

    /// Writes the sidecars of sealed segments and lets go of their indexes.
    fn settle(&self) -> io::Result<()> {
        loop {
            let mut turn = lock(&self.turn);
            let Some(rolled) = turn.rolled.front().filter(|_| !lock(&self.writer).removed) else {
                return Ok(());
            };
            let disk = &*self.shared.disk;
            let index = &rolled.sealed.index;
            replace(
                disk,
                &file_name(&self.path, rolled.next, "snap"),
                &rolled.snapshot,
            )?;
            replace(disk, &file_name(&self.path, index.base, "idx"), &index.encode())?;
            write(&self.segments).settle(index.base);
            turn.rolled.pop_front();
        }
    }
}
