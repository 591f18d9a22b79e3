//! Mending a damaged partition, losing nothing that can be read.
//!
//! Invariant: the file as it was stands aside on disk before it is replaced, it is replaced as a whole, and its index goes first. What a
//! copy in the order of keys has of a damaged place comes back from there. An offset that was given is never given again: where a record
//! is lost, an empty batch stands in its place; and so that nobody finds it elsewhere, a copy that may have it, but is damaged, is set aside first, too.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use annals_kafka_wire::batch::Batch;

use super::{Hole, OfflineLog, Segment};
use crate::beside;
use crate::checkpoint::Mark;
use crate::clustered::{self, Chunk, Copy, Unreadable};
use crate::damage::Damage;
use crate::disk::{DiskFile, Open, parent};
use crate::error::LogError;
use crate::recover::readable;
use crate::segment::{file_name, parse_name};

/// Bytes copied at a time.
const COPY_BYTES: u64 = 1024 * 1024;

/// The largest batch whose head is restored: more than any topic takes.
const RESTORED_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// What became of a damaged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Only the batch's head was bad, and that is known from where it stands: nothing is lost.
    Restored,
    /// So many records came back from copies in the order of keys: those with a key, as far as there are copies. Empty batches
    /// take the other offsets.
    Recovered(u64),
    /// The records are lost; an empty batch takes their offsets.
    Emptied,
    /// Bytes that held no record anybody knows of were taken out.
    Removed,
    /// The files before the first one are gone; the log starts behind them.
    Advanced,
}

/// A damaged place that was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// What was wrong.
    pub damage: Damage,
    /// What was done about it.
    pub remedy: Remedy,
    /// Where the file stands as it was before; `None` when no file was changed.
    pub copy: Option<String>,
}

impl OfflineLog {
    /// Mends every damaged place of a partition. A torn tail is left to the next start.
    ///
    /// # Errors
    /// [`LogError::Io`] when there is no room for a copy, or a file cannot be read or written; a segment is either
    /// mended or as it was.
    pub fn repair(&mut self, path: &str) -> Result<Vec<Mended>, LogError> {
        let look = self.look(path, &mut |_| {})?;
        let mut mended = Vec::new();
        for segment in look.segments.iter().filter(|segment| !segment.holes.is_empty()) {
            self.mend(path, segment, &mut mended)?;
        }
        if let Some(missing) = look.found.missing {
            let start = missing.end_offset;
            if look.found.bases.is_empty() {
                let name = file_name(path, start, "log");
                self.begin(&name)
                    .map_err(LogError::io(format!("creating {name}")))?;
            }
            let mark = Mark {
                log_start: start,
                durable_end: look.found.durable_end,
                ..Mark::default()
            };
            self.checkpoint.marks.insert(path.to_owned(), mark);
            let stored = self.checkpoint.store(&*self.disk);
            stored.map_err(LogError::io("writing CHECKPOINT"))?;
            mended.push(Mended {
                damage: missing,
                remedy: Remedy::Advanced,
                copy: None,
            });
        }
        Ok(mended)
    }

    /// Removes the [`PartitionCheck::damaged_sidecars`](super::PartitionCheck::damaged_sidecars), or what is damaged of them; answers
    /// which they were.
    ///
    /// # Errors
    /// [`LogError::Io`] when one cannot be read or removed.
    pub fn discard(&mut self, path: &str) -> Result<Vec<String>, LogError> {
        let damaged = self.damaged_sidecars(path)?;
        if damaged.is_empty() {
            return Ok(damaged);
        }
        for name in &damaged {
            let done = match name.ends_with(beside::ENDING) {
                // What stands before the damage is of use.
                true => beside::cut(&*self.disk, name),
                false => self.disk.remove(name),
            };
            done.map_err(LogError::io(format!("removing {name}")))?;
        }
        let synced = self.disk.sync_dir(path);
        synced.map_err(LogError::io(format!("writing {path}")))?;
        Ok(damaged)
    }

    /// Sets a damaged checkpoint aside, so that the next start reads everything. Answers where it is now.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn set_checkpoint_aside(&mut self) -> Result<Option<String>, LogError> {
        let error = || LogError::io("setting CHECKPOINT aside");
        let name = crate::checkpoint::FILE;
        let there = self.disk.list("").map_err(error())?;
        if self.checkpoint_fault.is_none() || there.iter().all(|entry| entry.name != name) {
            return Ok(None);
        }
        let aside = self.free_name(name).map_err(error())?;
        self.disk.rename(name, &aside).map_err(error())?;
        self.disk.sync_dir("").map_err(error())?;
        Ok(Some(aside))
    }

    fn begin(&self, name: &str) -> io::Result<()> {
        crate::disk::create_dirs(&*self.disk, parent(name))?;
        self.disk.open(name, Open::Create)?.sync()?;
        self.disk.sync_dir(parent(name))
    }

    fn mend(&self, path: &str, segment: &Segment, mended: &mut Vec<Mended>) -> Result<(), LogError> {
        let name = file_name(path, segment.base, "log");
        let done = self.try_mend(path, segment, &name);
        let (copy, remedies) = done.map_err(LogError::io(format!("mending {name}")))?;
        for (hole, remedy) in segment.holes.iter().zip(remedies) {
            let end_offset = hole.end_offset.unwrap_or(hole.bad.offset);
            mended.push(Mended {
                damage: hole.bad.clone().damage(&name, hole.bytes, end_offset),
                remedy,
                copy: Some(copy.clone()),
            });
        }
        Ok(())
    }

    fn try_mend(&self, path: &str, segment: &Segment, name: &str) -> io::Result<(String, Vec<Remedy>)> {
        let disk = &*self.disk;
        let old = disk.open(name, Open::Existing)?;
        let copy = self.free_name(name)?;
        let kept = disk.open(&copy, Open::Create)?;
        pour(&*old, 0..segment.len, &*kept, 0)?;
        kept.sync()?;
        disk.sync_dir(path)?;

        let copies = self.copies(path, segment, &*old)?;
        let fresh = format!("{name}.tmp");
        let new = disk.open(&fresh, Open::Create)?;
        let (mut from, mut to) = (0, 0);
        let mut remedies = Vec::new();
        for hole in &segment.holes {
            to = pour(&*old, from..hole.bad.position, &*new, to)?;
            let remedy = restore(&*old, hole, &*new, &mut to)?;
            remedies.push(match remedy {
                Some(remedy) => remedy,
                None => refill(&copies, hole, &*new, &mut to)?,
            });
            from = hole.bad.position + hole.bytes;
        }
        pour(&*old, from..segment.len, &*new, to)?;
        new.sync()?;
        match disk.remove(&file_name(path, segment.base, "idx")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        disk.sync_dir(path)?;
        disk.rename(&fresh, name)?;
        disk.sync_dir(path)?;
        Ok((copy, remedies))
    }

    /// The copies that have something of the damaged places of a segment, oldest first. One that is not whole tells what can be
    /// read of it, and is set aside.
    fn copies(&self, path: &str, segment: &Segment, log: &dyn DiskFile) -> io::Result<Vec<Arc<Chunk>>> {
        let lost: Vec<Range<i64>> = segment.holes.iter().filter_map(Hole::offsets).collect();
        let end = lost.iter().map(|lost| lost.end).max().unwrap_or(segment.base);
        let is_lost = |offset: i64| Ok(lost.iter().any(|lost| lost.contains(&offset)));
        let mut found = Vec::new();
        for entry in self.disk.list(path)? {
            let first = parse_name(&entry.name, clustered::ENDING);
            let Some(first) = first.filter(|first| (segment.base..end).contains(first)) else {
                continue;
            };
            let name = format!("{path}/{}", entry.name);
            let copy = readable(Copy::open(&self.disk, &name, first))?.flatten();
            let file = self.disk.open(&name, Open::Existing)?;
            let is_whole = readable(clustered::is_whole(&*file))? == Some(true);
            let name = match is_whole {
                true => name,
                false => {
                    let aside = self.free_name(&name)?;
                    self.disk.rename(&name, &aside)?;
                    aside
                }
            };
            let Some(copy) = copy.map(|copy| copy.named(name)) else {
                continue;
            };
            let has_some = |lost: &Range<i64>| lost.start < copy.end() && copy.first() < lost.end;
            if lost.iter().any(has_some) && copy.of().is_in(log, &is_lost)? {
                found.push(copy);
            }
        }
        found.sort_unstable_by_key(Copy::first);
        let chunk = |copy| Arc::new(Chunk::of_file(Arc::new(copy), Arc::default()));
        Ok(found.into_iter().map(chunk).collect())
    }

    /// A name for what stands aside that is not taken.
    fn free_name(&self, name: &str) -> io::Result<String> {
        let taken = self.disk.list(parent(name))?;
        let names = (1u32..).map(|number| format!("{name}.damaged-{number}"));
        let mut free = names.filter(|fresh| taken.iter().all(|entry| !fresh.ends_with(&entry.name)));
        free.next().ok_or_else(|| io::ErrorKind::AlreadyExists.into())
    }
}

/// Copies a range of a file; answers where the copy ends.
fn pour(from: &dyn DiskFile, range: std::ops::Range<u64>, to: &dyn DiskFile, at: u64) -> io::Result<u64> {
    let mut position = range.start;
    while position < range.end {
        let mut chunk = vec![0; COPY_BYTES.min(range.end - position) as usize];
        from.read_at(position, &mut chunk)?;
        to.write_at(at + (position - range.start), &chunk)?;
        position += chunk.len() as u64;
    }
    Ok(at + (range.end - range.start))
}

/// Writes what a damaged place itself says that stood there, at `to`, and moves that behind it; `None` when records are lost.
fn restore(file: &dyn DiskFile, hole: &Hole, new: &dyn DiskFile, to: &mut u64) -> io::Result<Option<Remedy>> {
    if (1..=RESTORED_BYTES_MAX).contains(&hole.bytes) {
        let mut bytes = vec![0; hole.bytes as usize];
        file.read_at(hole.bad.position, &mut bytes)?;
        let whole = Batch::with_head(&bytes, hole.bad.offset, hole.epoch);
        let fits = |batch: &Batch| hole.end_offset.is_none_or(|end| batch.last_offset() + 1 == end);
        if let Some(batch) = whole.filter(fits) {
            put(new, to, batch.bytes())?;
            return Ok(Some(Remedy::Restored));
        }
    }
    Ok(hole.offsets().is_none().then_some(Remedy::Removed))
}

/// Writes what copies have of a damaged place at `to`, and empty batches where they have nothing; moves `to` behind it.
fn refill(copies: &[Arc<Chunk>], hole: &Hole, new: &dyn DiskFile, to: &mut u64) -> io::Result<Remedy> {
    let Some(lost) = hole.offsets() else {
        return Ok(Remedy::Removed);
    };
    let (mut next, mut recovered) = (lost.start, 0);
    let empty = |from: i64, end: i64, to: &mut u64| {
        let batches = Batch::placeholders(from, end, hole.epoch);
        batches.iter().try_for_each(|batch| put(new, to, batch))
    };
    for copy in copies {
        let range = next.max(copy.first())..lost.end.min(copy.end());
        if range.is_empty() {
            continue;
        }
        empty(next, range.start, to)?;
        next = range.end;
        let (batches, records) = copy.batches(range, hole.epoch, Unreadable::Passed)?;
        batches.iter().try_for_each(|batch| put(new, to, batch))?;
        recovered += records;
    }
    empty(next, lost.end, to)?;
    Ok(match recovered {
        0 => Remedy::Emptied,
        _ => Remedy::Recovered(recovered),
    })
}

fn put(file: &dyn DiskFile, to: &mut u64, bytes: &[u8]) -> io::Result<()> {
    file.write_at(*to, bytes)?;
    *to += bytes.len() as u64;
    Ok(())
}
