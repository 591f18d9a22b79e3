//! A partition is compacted: when it is worth it, what is read, and how new segments take the places of old ones.
//!
//! The judgement is `compact.rs`'s. Invariant: sealed segments whose sidecars are on disk take part, up to what is
//! decided and synced; appends and commits do not wait, readers for the moment in which names change.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use annals_kafka_wire::batch::Batch;

use super::Partition;
use super::append::SEGMENT_OFFSETS_MAX;
use super::fetch::Place;
use crate::compact::Compaction;
use crate::compact::judge::{Aborts, Judge, Rules, Verdict};
use crate::compact::latest::Latest;
use crate::compact::output::Output;
use crate::disk::{DiskFile, Open, remove_if_there, replace};
use crate::error::ReadError;
use crate::index::{Index, Spot};
use crate::maintenance::Pace;
use crate::mutex::{lock, read, write};
use crate::segment::{Opened, file_name, parse_name};
use crate::swap::{finish, swap_name, undecided_name};
use crate::walk::SCAN_BYTES;

/// A sealed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    base: i64,
    end: i64,
    size: u64,
}

/// What a pass may look at.
struct Stretch {
    segments: Vec<Span>,
    /// The first offset that is new,
    dirty_from: i64,
    /// and the first that is not looked at.
    end: i64,
}

/// Segments that become one: neighbours, as long as they fit.
fn groups(segments: &[Span], bytes_max: u64) -> Vec<&[Span]> {
    let mut groups = Vec::new();
    let mut from = 0;
    for to in 1..=segments.len() {
        let fits = |group: &[Span]| {
            let (first, last) = (group[0], group[group.len() - 1]);
            let bytes: u64 = group.iter().map(|span| span.size).sum();
            bytes <= bytes_max && last.end - first.base <= SEGMENT_OFFSETS_MAX
        };
        if segments.get(from..=to).is_none_or(|group| !fits(group)) {
            groups.push(&segments[from..to]);
            from = to;
        }
    }
    groups
}

impl Partition {
    /// Compacts what is worth it; answers whether anything was. Not on a full disk: first there is to be room for appends.
    pub(crate) fn compact(&self, now_ms: i64, pace: &Pace<'_>) -> io::Result<bool> {
        let how = self.config().compaction;
        let Some(how) = how.filter(|_| self.shared.room.reason().is_none()) else {
            return Ok(false);
        };
        // What was begun is finished, in as many passes as it takes.
        let (mut until, mut from) = (0, -1);
        while let Some(stretch) = self.cleanable(how, now_ms, until)? {
            until = until.max(stretch.end);
            let gets_on = std::mem::replace(&mut from, stretch.dirty_from) != stretch.dirty_from;
            if !gets_on || !self.pass(how, &stretch, now_ms, pace)? {
                break;
            }
        }
        Ok(from >= 0)
    }

    /// What is worth a pass; what is new before `until` is.
    fn cleanable(&self, how: Compaction, now_ms: i64, until: i64) -> io::Result<Option<Stretch>> {
        if !self.may_forget() || !self.damage().is_empty() {
            return Ok(None);
        }
        let bound = self.settled_end();
        let dirty_from = self
            .compacted_end
            .load(Ordering::Acquire)
            .max(self.log_start_offset());
        let segments: Vec<Span> = {
            let segments = read(&self.segments);
            let old = |ms: i64| how.min_lag_ms <= 0 || now_ms.saturating_sub(ms) >= how.min_lag_ms;
            let sealed = segments.sealed.iter().take_while(|sealed| {
                sealed.pending.is_none() && sealed.base < bound && old(sealed.max_timestamp)
            });
            let span = sealed.map(|sealed| Span {
                base: sealed.base,
                end: sealed.end,
                size: sealed.size,
            });
            span.collect()
        };
        let Some(last) = segments.last() else {
            return Ok(None);
        };
        let end = last.end.min(bound);
        let is_new = end > dirty_from;
        let size = |spans: &mut dyn Iterator<Item = &Span>| spans.map(|span| span.size).sum::<u64>() as f64;
        let dirty = size(&mut segments.iter().filter(|span| span.end > dirty_from));
        let ratio = dirty / size(&mut segments.iter()).max(1.0);
        let worth = now_ms > self.next_horizon.load(Ordering::Acquire)
            || is_new
                && (dirty_from < until
                    || ratio > how.min_dirty_ratio
                    || self.waited(how, dirty_from, now_ms)?);
        Ok(worth.then_some(Stretch {
            segments,
            dirty_from: dirty_from.min(end),
            end,
        }))
    }

    /// Whether the first new record has waited for as long as it may.
    fn waited(&self, how: Compaction, dirty_from: i64, now_ms: i64) -> io::Result<bool> {
        let Some(max_lag_ms) = how.max_lag_ms else {
            return Ok(false);
        };
        let first = self.batch_at(dirty_from).map_err(io::Error::other)?;
        Ok(now_ms.saturating_sub(first.max_timestamp()) > max_lag_ms)
    }

    /// One pass; answers false when it was given up.
    fn pass(&self, how: Compaction, stretch: &Stretch, now_ms: i64, pace: &Pace<'_>) -> io::Result<bool> {
        let aborts = Aborts::of(read(&self.derived).transactions.aborted());
        let Some((latest, end)) = self.gather(stretch, &aborts, pace)? else {
            return Ok(false);
        };
        let rules = Rules {
            latest,
            end,
            now_ms,
            delete_retention_ms: how.delete_retention_ms,
            limit: self.decompressed_bytes_max(),
            telling: read(&self.derived).telling(),
            aborts,
        };
        let mut judge = Judge::new(rules);
        let count = stretch.segments.partition_point(|span| span.base < end);
        let segments = &stretch.segments[..count];
        self.drop_snapshots(segments.last().map_or(0, |last| last.end))?;
        let bytes_before = self.size_bytes();
        for group in groups(segments, self.config().segment_bytes_max) {
            if !self.rewrite(group, &mut judge, pace)? {
                return Ok(false);
            }
        }
        {
            let _files = write(&self.files);
            let _writer = lock(&self.writer);
            // What they wrote is gone.
            write(&self.derived).forget_before(end);
        }
        self.next_horizon.store(judge.next_horizon, Ordering::Release);
        self.compacted_end.fetch_max(end, Ordering::AcqRel);
        self.shared.save(false)?;
        let (bytes, path) = (self.size_bytes(), &self.path);
        tracing::info!(partition = %path, from = stretch.dirty_from, to = end, bytes_before, bytes, "compacted");
        Ok(true)
    }

    /// The newest offset of each key in what is new, and where memory ended.
    fn gather(
        &self,
        stretch: &Stretch,
        aborts: &Aborts,
        pace: &Pace<'_>,
    ) -> io::Result<Option<(Latest, i64)>> {
        let mut latest = Latest::new(self.shared.config.compaction_bytes_max);
        let mut end = stretch.dirty_from;
        let limit = self.decompressed_bytes_max();
        let new = stretch
            .segments
            .iter()
            .filter(|span| span.end > stretch.dirty_from);
        for span in new {
            let mut is_full = false;
            let through = self.each_batch(span, pace, &mut |batch| {
                // The log may start within a batch, also one that is not decided.
                if batch.last_offset() < stretch.dirty_from {
                    return Ok(true);
                }
                is_full = batch.last_offset() >= stretch.end || !latest.has_room();
                if is_full {
                    return Ok(false);
                }
                if !batch.is_control() && !aborts.hold(batch) {
                    // What nobody can read has no keys.
                    let _ = latest.take(batch, limit);
                }
                end = batch.last_offset() + 1;
                Ok(true)
            })?;
            match (through, is_full) {
                (true, _) => {}
                (false, true) => break,
                (false, false) => return Ok(None),
            }
        }
        Ok(Some((latest, end)))
    }

    /// Calls `each` with every batch of a segment until it has enough; answers whether it had all.
    fn each_batch(
        &self,
        span: &Span,
        pace: &Pace<'_>,
        each: &mut dyn FnMut(&Batch) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let name = file_name(&self.path, span.base, "log");
        let file = self.shared.disk.open(&name, Open::Existing)?;
        let place = Place {
            name,
            file,
            size: span.size,
            end: span.end,
            spot: Spot {
                position: 0,
                offset: span.base,
            },
            epoch_max: self.leader_epoch,
        };
        let mut walk = place.walk();
        let mut due = 0;
        while let Some(step) = walk.next()? {
            let batch = match step {
                Ok(placed) => placed.batch,
                Err(bad) => {
                    let damage = self.lost(&place, bad).map_err(io::Error::other)?;
                    return Err(io::Error::other(ReadError::Damaged(damage)));
                }
            };
            due += batch.bytes().len() as u64;
            if due >= SCAN_BYTES && !pace.spend(std::mem::take(&mut due)) {
                return Ok(false);
            }
            if !each(&batch)? {
                return Ok(false);
            }
        }
        Ok(pace.spend(due))
    }

    /// Writes what stays of some segments, and puts it in their place; answers false when that was given up.
    fn rewrite(&self, group: &[Span], judge: &mut Judge, pace: &Pace<'_>) -> io::Result<bool> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return Ok(true);
        };
        let (base, end) = (first.base, last.end);
        let disk = &*self.shared.disk;
        let name = undecided_name(&self.path, base, end);
        let mut output = Output::new(disk.open(&name, Open::Create)?, base);
        let mut changed = group.len() > 1;
        let mut through = Ok(true);
        for span in group {
            through = self.each_batch(span, pace, &mut |batch| {
                let verdict = judge.judge(batch);
                let filler = batch.count() == 0 && batch.producer_id() < 0;
                changed |= verdict != Verdict::Stays && !filler;
                output.take(batch, verdict).map(|()| true)
            });
            if !matches!(through, Ok(true)) {
                break;
            }
        }
        let done = match through {
            Ok(true) if changed => output.finish().and_then(|(file, index)| self.swap(file, index)),
            through => through,
        };
        // It has its name by now, or is of no use. A sync that failed is told before all else.
        let removed = remove_if_there(disk, &name);
        let done = done?;
        removed?;
        Ok(done)
    }

    /// Puts a segment in the place of all that have offsets of its range; answers false when the partition is not to be
    /// compacted any more.
    fn swap(&self, file: Arc<dyn DiskFile>, index: Index) -> io::Result<bool> {
        let (base, end) = (index.base, index.end);
        let disk = &*self.shared.disk;
        let _files = write(&self.files);
        {
            // Whoever sets a hold waits for this name, or stops it.
            let writer = lock(&self.writer);
            let config = self.config();
            if writer.removed || config.is_held || config.compaction.is_none() {
                return Ok(false);
            }
            let undecided = undecided_name(&self.path, base, end);
            disk.rename(&undecided, &swap_name(&self.path, base, end))?;
        }
        // From here on it stands for them, also where the rest has to be done later.
        let opened = Arc::new(Opened {
            name: file_name(&self.path, base, "log"),
            file,
            index,
        });
        write(&self.segments).replace(&opened);
        lock(&self.opened).retain(|opened| !(base..end).contains(&opened.index.base));
        self.each_keys(|index| index.keys.note_compacted(base));
        lock(&self.swapped).push(opened.clone());
        self.ending(self.finish_swap(&opened)).map(|()| true)
    }

    fn finish_swap(&self, opened: &Arc<Opened>) -> io::Result<()> {
        self.may_sync()?;
        let (disk, index) = (&*self.shared.disk, &opened.index);
        // Nothing goes before what takes its place is on disk.
        disk.sync_dir(&self.path)?;
        finish(disk, &self.path, index.base, index.end)?;
        replace(disk, &file_name(&self.path, index.base, "idx"), &index.encode())?;
        write(&self.segments).settle(index.base);
        lock(&self.swapped).retain(|other| !Arc::ptr_eq(other, opened));
        Ok(())
    }

    /// Finishes what could not be finished before, on a full disk for instance.
    pub(super) fn finish_swaps(&self) -> io::Result<()> {
        let swapped = lock(&self.swapped).clone();
        for opened in swapped {
            let _files = write(&self.files);
            if !lock(&self.writer).removed {
                self.ending(self.finish_swap(&opened))?;
            }
        }
        Ok(())
    }

    /// Removes the snapshots of derived state before an offset: they may know of transactions whose markers go. The one
    /// behind every sealed segment stays; without it the state comes from the log.
    fn drop_snapshots(&self, end: i64) -> io::Result<()> {
        let _files = write(&self.files);
        if lock(&self.writer).removed {
            return Ok(());
        }
        let disk = &*self.shared.disk;
        let old = |name: &str| parse_name(name, ".snap").is_some_and(|base| base < end);
        let mut any = false;
        for entry in disk.list(&self.path)?.iter().filter(|entry| old(&entry.name)) {
            remove_if_there(disk, &format!("{}/{}", self.path, entry.name))?;
            any = true;
        }
        if any { disk.sync_dir(&self.path) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_fit_become_one() {
        /// Sizes of segments of ten offsets each; how many go into each group of at most 100 bytes.
        fn check(sizes: &[u64], expected: &[usize]) {
            let span = |(at, size): (i64, &u64)| Span {
                base: at * 10,
                end: at * 10 + 10,
                size: *size,
            };
            let segments: Vec<Span> = (0..).zip(sizes).map(span).collect();
            let groups = groups(&segments, 100);
            assert_eq!(
                groups.iter().map(|group| group.len()).collect::<Vec<_>>(),
                expected,
                "{sizes:?}"
            );
            assert_eq!(groups.concat(), segments);
        }
        check(&[], &[]);
        check(&[500], &[1]);
        check(&[50, 50, 1], &[2, 1]);
        check(&[10, 10, 10], &[3]);
        check(&[10, 95, 5, 500, 1], &[1, 2, 1, 1]);
    }
}
