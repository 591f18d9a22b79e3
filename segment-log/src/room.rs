//! Writes that were refused because there was no room: a full disk, or no file descriptors left.
//!
//! Invariant: a refusal has broken no promise, so it is not the end: every second, what was refused is tried again with
//! a file of the same size, and as soon as that works the log says that it takes writes again. Until then each append
//! is still tried for itself.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::disk::{Disk, Open};
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

/// What was refused, until there is room for it.
#[derive(Default)]
pub(crate) struct Room {
    refusal: Mutex<Option<Refusal>>,
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

    /// Tries whether there is room again; answers who was waiting for it.
    pub(crate) fn look(&self, disk: &dyn Disk, now: Instant) -> Option<Vec<Arc<Partition>>> {
        let bytes = {
            let mut refusal = lock(&self.refusal);
            let refusal = refusal.as_mut().filter(|refusal| now >= refusal.tried + RETRY)?;
            refusal.tried = now;
            refusal.bytes
        };
        let there_is = try_room(disk, bytes.clamp(TRIED_BYTES_MIN, TRIED_BYTES_MAX)).is_ok();
        there_is.then(|| {
            lock(&self.refusal)
                .take()
                .map_or_else(Vec::new, |refusal| refusal.waiting)
        })
    }
}

/// Whether a disk takes this many bytes, and a few files more; what was tried first is what is told.
pub(crate) fn try_room(disk: &dyn Disk, bytes: u64) -> io::Result<()> {
    disk.reserve()?;
    let file = disk.open(FILE, Open::Create)?;
    let written = (0..bytes)
        .step_by(PIECE.len())
        .try_for_each(|position| file.write_at(position, &PIECE));
    let removed = disk.remove(FILE);
    written.and(removed)
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
