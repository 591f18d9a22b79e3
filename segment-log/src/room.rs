//! Writes that were refused because there was no room: a full disk, or no file descriptors left.
//!
//! Invariant: a refusal has broken no promise, so it is not the end: every second, what was refused is tried again with
//! a file of the same size, and as soon as that works the log says that it takes writes again. Until then each append
//! is still tried for itself.
//!
//! To give room back takes some: a log start counts once CHECKPOINT has it. So a file keeps some bytes back, which is
//! let go of when a checkpoint has no room, and made again when there is some.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::committer::Shared;
use crate::disk::{Disk, DiskFile, Open, is_failed_sync, remove_if_there};
use crate::mutex::lock;
use crate::partition::Partition;

/// How often it is tried whether there is room again.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// Of what was refused, this much is tried: a few small batches, and all that is worth the work.
pub(crate) const TRIED_BYTES_MIN: u64 = 64 * 1024;
const TRIED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bytes written at a time.
static PIECE: [u8; 64 * 1024] = [0; 64 * 1024];

/// Written and removed to see whether there is room.
const FILE: &str = "ROOM.tmp";

/// Takes the room that is kept back.
const RESERVE: &str = "RESERVE";

/// What was refused, until there is room for it.
#[derive(Default)]
pub(crate) struct Room {
    refusal: Mutex<Option<Refusal>>,
    /// Held by the one that the room kept back is for.
    alone: Mutex<()>,
    is_taken: AtomicBool,
}

/// The room kept back is for whoever holds this, and nothing else is appended.
pub(crate) struct Alone<'a> {
    room: &'a Room,
    _turn: MutexGuard<'a, ()>,
}

struct Refusal {
    reason: String,
    bytes: u64,
    /// When it was last tried.
    tried: Instant,
    /// Partitions with something to commit then.
    waiting: Vec<Arc<Partition>>,
}

impl Room {
    /// Why writes are refused at the moment.
    pub(crate) fn reason(&self) -> Option<String> {
        Some(lock(&self.refusal).as_ref()?.reason.clone())
    }

    /// When it is to be tried again.
    pub(crate) fn due(&self) -> Option<Instant> {
        Some(lock(&self.refusal).as_ref()?.tried + RETRY)
    }

    /// A write of this size was refused; answers whether that is news. `waiting` is committed once there is room.
    pub(crate) fn refuse(
        &self,
        reason: String,
        bytes: u64,
        waiting: Option<Arc<Partition>>,
        now: Instant,
    ) -> bool {
        let mut refusal = lock(&self.refusal);
        let news = refusal.is_none();
        let refusal = refusal.get_or_insert_with(|| Refusal {
            reason: String::new(),
            bytes: 0,
            tried: now,
            waiting: Vec::new(),
        });
        refusal.reason = reason;
        refusal.bytes = refusal.bytes.max(bytes);
        let waits =
            |partition: &Arc<Partition>| refusal.waiting.iter().any(|other| Arc::ptr_eq(other, partition));
        let new = waiting.filter(|partition| !waits(partition));
        refusal.waiting.extend(new);
        news
    }

    /// Lets go of the partitions, which hold this in turn.
    pub(crate) fn forget(&self) {
        *lock(&self.refusal) = None;
    }

    /// Keeps others from appending. Who is about to has to be waited for.
    pub(crate) fn alone(&self) -> Alone<'_> {
        let turn = lock(&self.alone);
        self.is_taken.store(true, Ordering::Release);
        Alone {
            room: self,
            _turn: turn,
        }
    }

    /// Refuses who would append meanwhile.
    pub(crate) fn is_taken(&self) -> bool {
        self.is_taken.load(Ordering::Acquire)
    }

    /// Tries whether there is room again, for so many bytes kept back as well; answers who was waiting for it.
    pub(crate) fn look(
        &self,
        disk: &dyn Disk,
        reserved_bytes: u64,
        now: Instant,
    ) -> Option<Vec<Arc<Partition>>> {
        let bytes = {
            // What was just let go of is somebody's.
            if self.is_taken() {
                return None;
            }
            let mut refusal = lock(&self.refusal);
            let refusal = refusal.as_mut().filter(|refusal| now >= refusal.tried + RETRY)?;
            refusal.tried = now;
            refusal.bytes
        };
        let tried = try_room(disk, bytes.clamp(TRIED_BYTES_MIN, TRIED_BYTES_MAX));
        let there_is = tried.and_then(|()| keep_back(disk, reserved_bytes));
        there_is.is_ok().then(|| {
            lock(&self.refusal)
                .take()
                .map_or_else(Vec::new, |refusal| refusal.waiting)
        })
    }
}

impl Shared {
    /// Writes the checkpoint also on a full disk, with the room that is kept back, and nobody beside who would take that.
    pub(crate) fn save_at_any_rate(&self) -> io::Result<()> {
        let full = match self.save(false) {
            Err(error) if is_full(&error) => error,
            saved => return saved,
        };
        let _alone = self.room.alone();
        let partitions: Vec<_> = lock(&self.partitions).values().cloned().collect();
        partitions.iter().for_each(|partition| partition.drain());
        let_go(&*self.disk)?;
        let saved = self.save(false);
        // There is no more of it until there is room again.
        self.refused("writing CHECKPOINT", &full, 0, None);
        saved
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.room.is_taken.store(false, Ordering::Release);
    }
}

/// Whether a disk was too full for something.
pub(crate) fn is_full(error: &io::Error) -> bool {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    full.contains(&error.kind()) && !is_failed_sync(error)
}

/// Keeps so many bytes back; what there is of them, where that is less.
pub(crate) fn keep_back(disk: &dyn Disk, bytes: u64) -> io::Result<()> {
    let file = match disk.open(RESERVE, Open::Existing) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && bytes > 0 => {
            disk.open(RESERVE, Open::Create)?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    fill(&*file, file.len()?..bytes)
}

/// Lets go of what is kept back.
pub(crate) fn let_go(disk: &dyn Disk) -> io::Result<()> {
    remove_if_there(disk, RESERVE)
}

/// Whether a disk takes this many bytes, and a few files more; what was tried first is what is told.
pub(crate) fn try_room(disk: &dyn Disk, bytes: u64) -> io::Result<()> {
    disk.reserve()?;
    let file = disk.open(FILE, Open::Create)?;
    let written = fill(&*file, 0..bytes);
    let removed = disk.remove(FILE);
    written.and(removed)
}

/// Writes to all of a range, and up to a piece more.
fn fill(file: &dyn DiskFile, range: Range<u64>) -> io::Result<()> {
    let mut positions = range.step_by(PIECE.len());
    positions.try_for_each(|position| file.write_at(position, &PIECE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;

    #[test]
    fn what_failed_first_is_told_whatever_fails_after_it() {
        for cut_at in 2..=4 {
            let disk = SimDisk::new();
            disk.set_room(0);
            disk.cut_at(cut_at);
            let told = try_room(&disk, TRIED_BYTES_MIN).unwrap_err().kind();
            let written = if cut_at == 2 {
                // The write itself met the power cut.
                io::ErrorKind::Other
            } else {
                io::ErrorKind::StorageFull
            };
            assert_eq!(told, written, "power cut at step {cut_at}");
        }
        let disk = SimDisk::new();
        disk.set_descriptors_gone(true);
        let told = try_room(&disk, TRIED_BYTES_MIN).unwrap_err();
        assert_eq!(told.raw_os_error(), Some(24));
    }
}
