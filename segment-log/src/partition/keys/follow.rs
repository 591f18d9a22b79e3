//! Bringing the key index up to what is committed, and writing its runs; see [`crate::keys`].
//!
//! Invariant: one at a time reads in, by the lock `follower`. Runs are written for segments that are synced, and of
//! transactions whose end is; a segment with a damaged place gets none, or where a copy had what stood there one that is not
//! believed later, so that it is looked at again at the next start.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use annals_kafka_wire::batch::{Batch, batches};

use super::{KeyIndex, Partition};
use crate::damage::Damage;
use crate::disk::{is_failed_sync, remove_if_there, replace};
use crate::error::{KeyError, ReadError};
use crate::keys::run::{Run, is_damaged};
use crate::keys::{Known, Part, Reading, Sealed, SealedKeys, Segment, SegmentId, encode};
use crate::mutex::{lock, read};
use crate::segment::Segments;

/// Bytes of the log that are read in at once: what the index is locked for.
pub(in crate::partition) const SCAN_BYTES: usize = 1024 * 1024;

impl KeyIndex<'_> {
    /// Reads in what is committed before `end`; answers whether it came so far, or `go_on` said no.
    pub(super) fn follow_while(&self, end: i64, go_on: &mut dyn FnMut() -> bool) -> Result<bool, KeyError> {
        self.keys.note_asked(self.partition.shared.now());
        while read(&self.keys.known).end(self.partition.log_start_offset()) < end || !self.is_aligned() {
            if !go_on() {
                return Ok(false);
            }
            // Who waits for another to read waits for one piece, and then sees whether to go on.
            let one_at_a_time = lock(&self.keys.follower);
            self.align()?;
            let start = self.partition.log_start_offset();
            let next = read(&self.keys.known).end(start);
            if next < end && !self.take_run(next)? {
                self.take_log(next)?;
            }
            self.keys.note_asked(self.partition.shared.now());
            drop(one_at_a_time);
            // What is read is not kept in memory for longer than it must be.
            self.settle_keys()?;
        }
        self.settle_keys().map(|()| true)
    }

    /// Looks for keys that are new, a page of them.
    pub(super) fn look_for_firsts(&self) -> Result<(), KeyError> {
        let _one_at_a_time = lock(&self.keys.follower);
        let files = read(&self.partition.files);
        if !self.is_aligned() {
            return Ok(());
        }
        // What is looked at is taken out first: nobody who appends waits for it to be read.
        let (search, forgotten) = {
            let known = read(&self.keys.known);
            (known.search(self.partition.log_start_offset()), known.forgotten)
        };
        let step = search.step(&*self.partition.shared.disk);
        drop(files);
        // A run that turns out to be damaged is made anew by the next question.
        let step = match step {
            Err(error) if is_damaged(&error) => return self.discard_damaged(),
            step => step?,
        };
        self.keys.change(|known| {
            if known.forgotten == forgotten {
                known.take_firsts(step);
            }
        })
    }

    /// Whether the segments that the index knows are those that there are.
    pub(super) fn is_aligned(&self) -> bool {
        self.is_aligned_with(&read(&self.keys.known))
    }

    pub(in crate::partition) fn is_aligned_with(&self, known: &Known) -> bool {
        let start = self.partition.log_start_offset();
        let segments = read(&self.partition.segments);
        let is_there = |sealed: &Arc<Sealed>| sealed.end > start && is_of(sealed, &segments);
        known.sealed.iter().all(is_there) && !is_of_none(known, &segments)
    }

    /// Forgets segments that are gone, and what was read behind one that has changed.
    fn align(&self) -> Result<(), KeyError> {
        if self.is_aligned() {
            return Ok(());
        }
        let start = self.partition.log_start_offset();
        self.keys.change(|known| {
            let segments = read(&self.partition.segments);
            known.forget_before(start);
            if is_of_none(known, &segments) {
                (known.part, known.ahead) = (None, None);
            }
            let changed = known.sealed.iter().find(|one| !is_of(one, &segments));
            if let Some(changed) = changed.map(|one| one.base) {
                known.forget_from(changed);
            }
        })
    }

    /// Takes in the run that begins with the segment at `next`, if what it is of is sealed and decided.
    fn take_run(&self, next: i64) -> Result<bool, KeyError> {
        let forgotten = read(&self.keys.known).forgotten;
        let name = self.run_name(next, true);
        let _files = read(&self.partition.files);
        let disk = &*self.partition.shared.disk;
        let Some(said) = Run::segments(disk, &name)? else {
            return Ok(false);
        };
        let segments = self.sealed_between(next, said.end);
        let is_last =
            |last: &Segment| last.end == said.end && last.end <= self.partition.last_stable_offset();
        if !segments.last().is_some_and(is_last) {
            return Ok(false);
        }
        let Some(id) = self.partition.segment_ids(&segments)? else {
            return Ok(false);
        };
        let Some(run) = Run::open(disk, &name, id)? else {
            return Ok(false);
        };
        let Some(sealed) = Sealed::new(segments, SealedKeys::Run(run)).map(Arc::new) else {
            return Ok(false);
        };
        self.keys.change(|known| {
            // Unless what stands before it is gone meanwhile: it would stand behind a gap.
            let follows = known.forgotten == forgotten
                && known.part.is_none()
                && known.end(self.partition.log_start_offset()) == next;
            if follows {
                known.sealed.push(sealed);
                known.ahead = None;
            }
            follows
        })
    }

    /// Takes in some of the log from `next` on.
    fn take_log(&self, next: i64) -> Result<(), KeyError> {
        let forgotten = read(&self.keys.known).forgotten;
        if read(&self.keys.known).end(self.partition.log_start_offset()) != next {
            return Ok(());
        }
        // By something else than their keys there may have been records that no copy has.
        let read = match self.keys.by {
            None => self.partition.read_keyed(next, SCAN_BYTES),
            Some(_) => self.partition.read_committed(next, SCAN_BYTES),
        };
        let committed = match read {
            // It begins later by now.
            Err(ReadError::OutOfRange { start, .. }) if start > next => return Ok(()),
            // Others ask for what stands around it, and are told.
            Err(ReadError::Damaged(damage)) => return self.pass_over(&damage, next),
            committed => committed?,
        };
        let limit = self.partition.decompressed_bytes_max();
        let mut readings = Vec::new();
        for batch in batches(&committed.bytes) {
            let batch = batch.map_err(|error| ReadError::Io(io::Error::other(error)))?;
            let aborted = committed.aborted.iter().any(|aborted| aborted.holds(&batch));
            readings.push(match batch.is_control() || aborted {
                true => Reading::nothing(&batch),
                false if committed.is_recovered => {
                    let compacted_end = self.partition.compacted_end.load(Ordering::Acquire);
                    Reading::recovered(&batch, limit, batch.base_offset() < compacted_end)
                }
                false => self.reading(&batch, limit)?,
            });
        }
        self.keys.change(|known| {
            // Unless what was read is gone.
            if known.forgotten == forgotten {
                self.take(known, &readings);
            }
        })
    }

    /// What a batch of events says. `limit` is the most bytes its records may take decompressed.
    fn reading(&self, batch: &Batch, limit: usize) -> Result<Reading, KeyError> {
        let Some(by) = &self.keys.by else {
            return Ok(Reading::of(batch, limit));
        };
        Reading::by(batch, limit, &**by).map_err(|reason| KeyError::Unanswered {
            offset: batch.base_offset(),
            reason,
        })
    }

    /// Goes on behind a damaged place.
    fn pass_over(&self, damage: &Damage, next: i64) -> Result<(), KeyError> {
        let forgotten = read(&self.keys.known).forgotten;
        let behind = self.partition.behind(damage, next);
        self.keys.change(|known| {
            if known.forgotten == forgotten {
                known.damaged.push((next, behind - 1));
                self.seal_part(known, behind);
                if let Some(ahead) = &mut known.ahead {
                    ahead.pass(behind);
                }
            }
        })
    }

    /// Takes in what was read of the log behind what is known.
    fn take(&self, known: &mut Known, readings: &[Reading]) {
        for reading in readings {
            let from = known.end(self.partition.log_start_offset());
            if reading.end <= from {
                continue;
            }
            self.seal_part(known, reading.base);
            let part = known.part.get_or_insert_with(|| {
                let (base, _) = read(&self.partition.segments).around(reading.base);
                Part::new(base, from.max(base))
            });
            part.add(reading);
            let end = part.end();
            self.seal_part(known, end);
        }
        let end = known.end(self.partition.log_start_offset());
        if let Some(ahead) = &mut known.ahead {
            ahead.pass(end);
        }
    }

    /// Moves the part to the sealed ones when its segment ends at or before `offset`.
    fn seal_part(&self, known: &mut Known, offset: i64) {
        let Some(part) = &known.part else { return };
        let (base, sealed) = read(&self.partition.segments).around(part.base());
        let Some((end, size)) = sealed.filter(|(end, _)| *end <= offset) else {
            return;
        };
        // What decided its transactions is before this.
        let decided = self.partition.high_watermark();
        if let Some(part) = known.part.take() {
            let segment = Segment { base, end, size };
            let sealed = Sealed::new(vec![segment], SealedKeys::Part(part, decided));
            known.sealed.extend(sealed.map(Arc::new));
        }
    }

    /// Writes the runs that can be, and lets go of what they tell.
    fn settle_keys(&self) -> Result<(), KeyError> {
        let synced = self.partition.synced.load(Ordering::Acquire);
        let known = read(&self.keys.known);
        let is_due = |sealed: &&Arc<Sealed>| match &sealed.keys {
            // A part that began in the middle of its segment is no function of it.
            SealedKeys::Part(part, decided) => {
                *decided <= synced && part.is_whole() && !known.is_damaged((sealed.base, sealed.end))
            }
            SealedKeys::Run(_) => false,
        };
        let due: Vec<Arc<Sealed>> = known.sealed.iter().filter(is_due).cloned().collect();
        drop(known);
        if due.is_empty()
            || self.partition.shared.ready().is_err()
            || self.partition.shared.room.reason().is_some()
        {
            return Ok(());
        }
        let _one_at_a_time = lock(&self.keys.follower);
        let _files = read(&self.partition.files);
        if !self.is_aligned() {
            return Ok(());
        }
        for sealed in due {
            let SealedKeys::Part(part, _) = &sealed.keys else {
                continue;
            };
            // Who came first has written it, and it may have been merged by now: its name is another's then.
            let is_known = |known: &Known| known.sealed.iter().any(|other| Arc::ptr_eq(other, &sealed));
            if !is_known(&read(&self.keys.known)) {
                continue;
            }
            let Some(id) = self.partition.segment_ids(&sealed.segments)? else {
                continue;
            };
            let name = self.run_name(sealed.base, part.is_sure());
            let disk = &*self.partition.shared.disk;
            if lock(&self.partition.writer).removed {
                return Ok(());
            }
            if let Err(error) = replace(disk, &name, &encode(part, id)) {
                if is_failed_sync(&error) {
                    self.partition
                        .shared
                        .refused(&format!("writing {name}"), &error, 0, None);
                }
                // What is in memory tells the same.
                tracing::warn!(%name, %error, "a key index could not be written");
                return Ok(());
            }
            self.sweep_others(sealed.base, part.is_sure());
            let Some(run) = Run::open(disk, &name, id)? else {
                continue;
            };
            let settled = Sealed::new(sealed.segments.clone(), SealedKeys::Run(run)).map(Arc::new);
            self.keys.change(|known| {
                let mine = known.sealed.iter_mut().find(|other| Arc::ptr_eq(other, &sealed));
                if let Some((mine, settled)) = mine.zip(settled) {
                    *mine = settled;
                }
            })?;
        }
        Ok(())
    }

    /// Takes away the runs that were found damaged, and forgets what stands behind the first.
    pub(super) fn discard_damaged(&self) -> Result<(), KeyError> {
        let damaged = |sealed: &&Arc<Sealed>| sealed.is_damaged();
        let found: Vec<(i64, String)> = read(&self.keys.known)
            .sealed
            .iter()
            .filter(damaged)
            .filter_map(|one| Some((one.base, one.run()?.name().to_owned())))
            .collect();
        // First, so that nobody asks for what is not there.
        self.keys.change(|known| {
            if let Some((first, _)) = found.first() {
                known.forget_from(*first);
            }
        })?;
        for (_, name) in &found {
            remove_if_there(&*self.partition.shared.disk, name)?;
        }
        Ok(())
    }

    /// The sealed segments that follow each other from the one that begins at `from` to the one that ends by `end`.
    fn sealed_between(&self, from: i64, end: i64) -> Vec<Segment> {
        let all = read(&self.partition.segments);
        let (mut found, mut next) = (Vec::new(), from);
        while let (base, Some((behind, size))) = all.around(next)
            && base == next
            && behind <= end
        {
            found.push(Segment {
                base,
                end: behind,
                size,
            });
            next = behind;
        }
        found
    }
}

impl Partition {
    /// The first offset from which records can be read again, when damage keeps the one at `next` from being read.
    pub(in crate::partition) fn behind(&self, damage: &Damage, next: i64) -> i64 {
        damage.end_offset.min(self.last_stable_offset()).max(next + 1)
    }

    /// What segments are known by together.
    pub(super) fn segment_ids(&self, segments: &[Segment]) -> Result<Option<SegmentId>, ReadError> {
        let mut ids = Vec::with_capacity(segments.len());
        for Segment { base, end, size } in segments.iter().copied() {
            let heads = self.sealed_heads(base)?;
            ids.push(SegmentId {
                base,
                end,
                size,
                heads,
            });
        }
        Ok(SegmentId::of_all(&ids))
    }
}

/// Whether the part is of a segment that is gone: the next one begins elsewhere.
fn is_of_none(known: &Known, segments: &Segments) -> bool {
    let part = known.part.as_ref();
    part.is_some_and(|part| segments.around(part.base()).0 != part.base())
}

/// Whether what is known is of segments that are still there.
fn is_of(sealed: &Sealed, segments: &Segments) -> bool {
    let is_there = |one: &Segment| segments.has_sealed(one.base, one.end, one.size);
    sealed.segments.iter().all(is_there)
}
