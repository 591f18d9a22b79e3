//! Making one run of several whose segments follow each other.
//!
//! What is looked up is looked for in every run, and a key that several of them have is written in each: so runs are
//! merged, eight of a kind to one, as long as that one is not too large; it is written as it is made. Invariant: what comes of it
//! is what one reading of all the segments would have made.

use std::io;
use std::sync::Arc;

use super::facts::Facts;
use super::layout::{SegmentId, Writing};
use super::run::{Entries, Run};
use super::sealed::Sealed;
use super::times::Times;
use crate::disk::{Disk, DiskFile};

/// Runs that become one.
pub(crate) const MERGED_RUNS: usize = 8;

/// The most bytes of runs that are merged: 64 MiB, of which a filter of some megabytes is made in memory.
const MERGED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Where the first runs are that can be merged: all of as many segments, and not too large together.
pub(crate) fn due(sealed: &[Arc<Sealed>]) -> Option<usize> {
    sealed.windows(MERGED_RUNS).position(|window| {
        let kind = window.first().map(|first| first.segments.len());
        let sure = |sealed: &Arc<Sealed>| sealed.run().filter(|run| run.is_sure()).map(Run::file_bytes);
        let alike = window.iter().all(|one| Some(one.segments.len()) == kind);
        let follow = window
            .iter()
            .zip(window.iter().skip(1))
            .all(|(one, next)| one.end == next.base);
        let total: Option<u64> = window.iter().map(sure).sum();
        // Offsets in a run have 32 bits.
        let fits = window
            .first()
            .zip(window.last())
            .is_some_and(|(first, last)| u32::try_from(last.end - first.base).is_ok());
        alike && follow && fits && total.is_some_and(|total| total <= MERGED_BYTES_MAX)
    })
}

/// Writes one run of these, whose segments are known by `of` together, to a new file, and syncs it.
pub(crate) fn merge(disk: &dyn Disk, runs: &[&Run], of: SegmentId, file: &dyn DiskFile) -> io::Result<()> {
    let shift = |run: &Run| (run.base() - of.base) as u32;
    let mut writing = Writing::default();
    let mut entries: Vec<(Entries<'_>, u32)> = Vec::with_capacity(runs.len());
    for run in runs {
        let mut first = run.entries(disk)?;
        first.advance()?;
        entries.push((first, shift(run)));
    }
    let (mut key, mut offsets) = (Vec::new(), Vec::new());
    loop {
        let lowest = entries
            .iter()
            .filter_map(|(entries, _)| entries.entry())
            .map(|entry| &entry.key)
            .min();
        let Some(lowest) = lowest else { break };
        key.clone_from(lowest);
        offsets.clear();
        for (entries, shift) in &mut entries {
            while let Some(entry) = entries.entry().filter(|entry| entry.key == key) {
                offsets.extend(entry.offsets.iter().map(|offset| offset + *shift));
                entries.advance()?;
            }
        }
        writing.push(&key, &offsets);
        writing.flush_some(file)?;
    }
    let (mut times, mut unreadable, mut facts) = (Times::default(), Vec::new(), Facts::default());
    for run in runs {
        run.each_time(disk, |offset, ms| times.push(offset + shift(run), ms))?;
        writing.put_times(&mut times, file)?;
        unreadable.extend(run.unreadable(disk)?);
        facts.add(run.facts());
    }
    let (at, rest) = writing.finish(&times, &unreadable, &facts, of);
    file.write_at(at, &rest)?;
    file.sync()
}
