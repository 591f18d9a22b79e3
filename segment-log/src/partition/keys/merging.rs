//! Merging runs of the key index, as part of the log's upkeep; see [`crate::keys::merge`].
//!
//! Invariant: a merged run takes the name of the first of those it was made of, by one rename, while nobody reads them; a
//! crash leaves those, or it. What it stands for goes after it is on disk, and is of no use in the meantime.

use std::io;
use std::sync::Arc;

use super::KeyIndex;
use crate::disk::{Open, parent, remove_if_there};
use crate::error::{KeyError, ReadError};
use crate::keys::merge::{MERGED_RUNS, due, merge};
use crate::keys::run::{Run, is_damaged};
use crate::keys::{Sealed, SealedKeys, SegmentId};
use crate::mutex::{lock, read};
use crate::segment::file_name;

impl KeyIndex<'_> {
    /// Merges what can be, as long as there is something.
    pub(super) fn merge(&self) -> io::Result<()> {
        loop {
            let sealed = read(&self.keys.known).sealed.clone();
            let Some(at) = due(&sealed) else {
                return Ok(());
            };
            match self.merge_runs(&sealed[at..at + MERGED_RUNS]) {
                Ok(true) => {}
                // Segments changed meanwhile, or there is no room: the next time.
                Ok(false) => return Ok(()),
                Err(KeyError::Io(error) | KeyError::Log(ReadError::Io(error)))
                    if error.kind() == io::ErrorKind::NotFound || is_damaged(&error) =>
                {
                    // Whoever asks next finds it out, and has it made anew.
                    return Ok(());
                }
                Err(KeyError::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    fn merge_runs(&self, sealed: &[Arc<Sealed>]) -> Result<bool, KeyError> {
        let disk = &*self.partition.shared.disk;
        let segments: Vec<_> = sealed.iter().flat_map(|one| one.segments.clone()).collect();
        let (Some(id), Some(base)) = (
            self.partition.segment_ids(&segments)?,
            sealed.first().map(|one| one.base),
        ) else {
            return Ok(false);
        };
        if self.partition.shared.ready().is_err() || self.partition.shared.room.reason().is_some() {
            return Ok(false);
        }
        let name = self.run_name(base, true);
        // A name that only the upkeep writes: so nobody waits for the bytes to be on disk.
        let fresh = file_name(&self.partition.path, base, "merged.tmp");
        let merged = self.put_merged((&fresh, &name), sealed, id);
        if !matches!(merged, Ok(true)) {
            // Where that fails, the next merge writes over it.
            let _ = remove_if_there(disk, &fresh);
            return merged;
        }
        disk.sync_dir(parent(&name))?;
        for gone in sealed.iter().skip(1) {
            match disk.remove(&self.run_name(gone.base, true)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(true)
    }

    /// Writes the merged run and puts it in the place of those it was made of, if they are still there.
    fn put_merged(
        &self,
        (fresh, name): (&str, &str),
        sealed: &[Arc<Sealed>],
        id: SegmentId,
    ) -> Result<bool, KeyError> {
        let disk = &*self.partition.shared.disk;
        let segments: Vec<_> = sealed.iter().flat_map(|one| one.segments.clone()).collect();
        let runs: Vec<&Run> = sealed.iter().filter_map(|one| one.run()).collect();
        merge(disk, &runs, id, &*disk.open(fresh, Open::Create)?)?;
        let _one_at_a_time = lock(&self.keys.follower);
        let _files = read(&self.partition.files);
        if lock(&self.partition.writer).removed {
            return Ok(false);
        }
        let merged = self.keys.change(|known| -> io::Result<bool> {
            let at = known
                .sealed
                .iter()
                .position(|one| sealed.first().is_some_and(|first| Arc::ptr_eq(one, first)));
            let range = at.map(|at| at..at + sealed.len());
            let same = range
                .clone()
                .and_then(|range| known.sealed.get(range))
                .is_some_and(|there| {
                    there
                        .iter()
                        .zip(sealed)
                        .all(|(one, other)| Arc::ptr_eq(one, other))
                });
            let Some(range) = range.filter(|_| same && self.is_aligned_with(known)) else {
                return Ok(false);
            };
            disk.rename(fresh, name)?;
            let run = Run::open(disk, name, id)?;
            let merged = run.and_then(|run| Sealed::new(segments, SealedKeys::Run(run)));
            let Some(merged) = merged else { return Ok(false) };
            known.sealed.splice(range, [Arc::new(merged)]);
            Ok(true)
        })?;
        Ok(merged?)
    }
}
