//! The committer's half of a partition: sync, publish, settle sealed segments.
//!
//! Invariant: sealed segments are synced before the directory, the directory before the active segment, all of them
//! before the end is published; a sealed segment's index is written last, so a good index proves a synced log.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Durability, Partition};
use crate::disk::{DiskFile, replace};
use crate::mutex::{lock, read, write};
use crate::segment::{Opened, file_name};

/// A segment that was sealed in memory.
pub(super) struct Rolled {
    pub(super) sealed: Arc<Opened>,
    /// Base offset of the segment behind it.
    pub(super) next: i64,
    /// Producers as of `next`.
    pub(super) snapshot: Vec<u8>,
}

/// What is known from the commit before.
#[derive(Debug)]
pub(super) struct Turn {
    /// Bytes of the partition then.
    pub(super) bytes: u64,
    /// The high watermark the watchers know.
    pub(super) announced: i64,
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
    rolled: Vec<Rolled>,
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
        let Some(due) = self.due() else {
            return Ok(Committed::default());
        };
        let synced = all || self.config.durability == Durability::Fsync;
        self.sync(&due, synced)?;
        let bytes = due.bytes.saturating_sub(turn.bytes);
        turn.bytes = due.bytes;
        let high_watermark = self.high_watermark();
        let moved = std::mem::replace(&mut turn.announced, high_watermark) != high_watermark;
        drop(turn);
        if moved {
            self.announce();
        }
        self.settle(&due.rolled)?;
        Ok(Committed {
            bytes,
            sealed: !due.rolled.is_empty(),
        })
    }

    /// Takes what was appended; `None` when the partition was removed.
    fn due(&self) -> Option<Due> {
        let mut writer = lock(&self.writer);
        // Before the end is read: a later append asks for another commit.
        self.queued.store(false, Ordering::Release);
        let rolled = std::mem::take(&mut writer.rolled);
        let segments = read(&self.segments);
        let index = &segments.active.index;
        (!writer.removed).then(|| Due {
            rolled,
            active: segments.active.file.clone(),
            base: index.base,
            end: index.end,
            bytes: segments.size_bytes(),
        })
    }

    fn sync(&self, due: &Due, active: bool) -> io::Result<()> {
        for rolled in &due.rolled {
            rolled.sealed.file.sync()?;
        }
        if !due.rolled.is_empty() {
            self.shared.disk.sync_dir(&self.path)?;
            self.synced.fetch_max(due.base, Ordering::AcqRel);
        }
        if active && self.synced.load(Ordering::Acquire) < due.end {
            due.active.sync()?;
            self.synced.store(due.end, Ordering::Release);
        }
        self.high_watermark
            .fetch_max(self.synced.load(Ordering::Acquire), Ordering::AcqRel);
        Ok(())
    }

    /// Writes the sidecars of sealed segments and lets go of their indexes.
    fn settle(&self, rolled: &[Rolled]) -> io::Result<()> {
        for rolled in rolled {
            let _turn = lock(&self.turn);
            if lock(&self.writer).removed {
                return Ok(());
            }
            let disk = &*self.shared.disk;
            let index = &rolled.sealed.index;
            replace(
                disk,
                &file_name(&self.path, rolled.next, "snap"),
                &rolled.snapshot,
            )?;
            replace(disk, &file_name(&self.path, index.base, "idx"), &index.encode())?;
            write(&self.segments).settle(index.base);
        }
        Ok(())
    }
}
