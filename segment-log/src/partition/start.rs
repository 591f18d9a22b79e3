//! Moving the log start: what stands before it is gone for readers at once, and its segments as soon as may be.
//!
//! Invariant: a log start that anybody was told is on disk (CHECKPOINT), and lies at or before the durable end; so no
//! restart goes back behind it, and no offset is given twice. Files go after that, a segment's sidecars before its log:
//! what a crash leaves of them stands before the log start, and is removed when the partition is opened.

use std::io;
use std::sync::atomic::Ordering;

use super::Partition;
use crate::clustered;
use crate::disk::remove_if_there;
use crate::error::AppendError;
use crate::mutex::{lock, read, write};
use crate::segment::{file_name, parse_name};

/// Why records were not deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// The partition keeps everything.
    #[error("nothing is deleted from {path}: it is held, and keeps every record until the hold ends")]
    Held {
        /// The partition.
        path: String,
    },
    /// Consumers have not been shown so many records.
    #[error("offset {offset} cannot be the first to keep: the partition has offsets {start} to {end}")]
    OutOfRange {
        /// The offset asked for.
        offset: i64,
        /// The log start offset.
        start: i64,
        /// The high watermark.
        end: i64,
    },
    /// The log start could not be made durable, or the partition takes no writes.
    #[error(transparent)]
    Log(#[from] AppendError),
}

impl Partition {
    /// Deletes the records before `offset`: durable when this answers, with the first offset there is then. Space is
    /// given back in whole segments: later ([`LogDir::maintain`](crate::LogDir::maintain)), or at once on a full disk.
    /// Blocks.
    ///
    /// # Errors
    /// See [`DeleteError`]. An offset at or before the log start is none: nothing happens.
    pub fn delete_before(&self, offset: i64) -> Result<i64, DeleteError> {
        let (start, end) = (self.log_start_offset(), self.high_watermark());
        if !(0..=end).contains(&offset) {
            return Err(DeleteError::OutOfRange { offset, start, end });
        }
        if self.config().is_held {
            let path = self.path.clone();
            return Err(DeleteError::Held { path });
        }
        if let Some(damage) = self.damage.first() {
            return Err(AppendError::Damaged(damage.clone()).into());
        }
        self.shared.ready()?;
        if offset > start {
            self.sync_to(offset - 1)?;
            let moved = self.start_at(offset).map_err(|source| {
                let what = format!("moving the log start of {}", self.path);
                self.shared.refused(&what, &source, 0, None);
                AppendError::Io { what, source }
            })?;
            if !moved {
                let path = self.path.clone();
                return Err(DeleteError::Held { path });
            }
            tracing::info!(partition = %self.path, before = offset, "records were deleted");
            if self.shared.room.reason().is_some()
                && let Err(error) = self.free()
            {
                // They are gone for everybody; their files are tried again by the upkeep.
                tracing::warn!(partition = %self.path, %error, "segments could not be removed");
            }
        }
        Ok(self.log_start_offset())
    }

    /// Lets the log start at `offset`, which is at most the synced end, and syncs that. Answers false when the partition
    /// is held by now.
    pub(crate) fn start_at(&self, offset: i64) -> io::Result<bool> {
        let _one_at_a_time = lock(&self.starting);
        {
            // Whoever sets a hold comes before this, or after.
            let _writer = lock(&self.writer);
            if self.config().is_held {
                return Ok(false);
            }
            self.log_start_due.fetch_max(offset, Ordering::AcqRel);
        }
        if let Err(error) = self.shared.save_at_any_rate() {
            // What was refused does not happen with the next checkpoint.
            self.log_start_due
                .store(self.log_start_offset(), Ordering::Release);
            return Err(error);
        }
        let _files = write(&self.files);
        self.log_start.fetch_max(offset, Ordering::AcqRel);
        let _writer = lock(&self.writer);
        write(&self.derived).forget_before(offset);
        Ok(true)
    }

    /// Removes the files of segments before the log start.
    pub(super) fn free(&self) -> io::Result<()> {
        let _files = write(&self.files);
        let gone = {
            let writer = lock(&self.writer);
            if writer.removed {
                return Ok(());
            }
            write(&self.segments).drop_before(self.log_start_offset())
        };
        if gone.is_empty() {
            return Ok(());
        }
        lock(&self.opened).retain(|opened| !gone.contains(&opened.index.base));
        let disk = &*self.shared.disk;
        // Chunks are named by their first offsets, within a segment; key indexes by what they are by, too.
        let start = read(&self.segments).first_base();
        let is_before = |name: &str, ending| parse_name(name, ending).is_some_and(|first| first < start);
        for entry in disk.list(&self.path)? {
            if is_before(&entry.name, clustered::ENDING) || is_before(&entry.name, ".keys") {
                remove_if_there(disk, &format!("{}/{}", self.path, entry.name))?;
            }
        }
        for base in &gone {
            for extension in ["snap", "idx", "log"] {
                remove_if_there(disk, &file_name(&self.path, *base, extension))?;
            }
        }
        disk.sync_dir(&self.path)?;
        tracing::info!(partition = %self.path, segments = gone.len(), "segments before the log start were removed");
        Ok(())
    }
}
