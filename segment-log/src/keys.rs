//! The key index of a partition: at which offsets a key occurs, and how often it did.
//!
//! ```text
//!  log start                                        last stable offset          log end
//!      |  sealed and decided                  |  being read   |  not stable yet      |
//!      [ run ][ run ][ run ][ keys in memory ]|[ part ....... |  ahead ............. ]
//! ```
//!
//! * A sealed segment whose transactions have ended has a run, a sorted file beside it that never changes (run.rs).
//! * What is read of the segment behind is in memory (part.rs), and so is that of a sealed one until it is decided and
//!   durable how its transactions ended.
//! * What is not stable is known only where somebody appends on condition (ahead.rs).
//!
//! It costs nothing where nobody asks: nothing is built until then, nothing is done when a batch is appended, and who
//! asks brings it up to the last stable offset ([`Partition::key_count`](crate::Partition::key_count) and what stands
//! beside it). So the acknowledgement of an unconditional append never waits for it, and no thread works on an index
//! that is not read. What is paid for that: the first question reads the log, one behind many appends what they wrote.
//!
//! Invariant: keys are compared whole, so no two are taken for one. Records of aborted transactions and control records
//! are not in it. It is derived: a run that is missing, damaged or of another segment is made anew from the log and has
//! the same bytes. All indexes of a log directory together take at most [`BYTES_MAX`] of memory; what would take more
//! is an error. What nobody asks for in ten minutes is given back.
//!
//! Left out: times, values, records without a key; runs over several segments.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use crate::disk::Disk;
use crate::error::KeyError;
use crate::mutex::{lock, write};

mod ahead;
mod block;
mod filter;
mod part;
mod reading;
pub(crate) mod run;

pub(crate) use ahead::{Ahead, Unstable};
pub(crate) use part::Part;
pub(crate) use reading::Reading;
use run::Run;

/// The most memory the key indexes of a log directory take together: 512 MiB, that is the filters of about 100 GiB of
/// log, or ten million keys in segments that are being written.
pub(crate) const BYTES_MAX: usize = 512 * 1024 * 1024;

/// How long an index is kept in memory after the last question.
const IDLE: Duration = Duration::from_secs(600);

/// A key, and where it is first met.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyEntry {
    /// The key.
    pub key: Box<[u8]>,
    /// The offset of its first record.
    pub first_offset: i64,
}

/// Memory that the indexes of a log directory share.
#[derive(Debug, Default)]
pub(crate) struct Budget(AtomicUsize);

/// The key index of one partition.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Held by the one who reads what is stable in.
    pub(crate) follower: Mutex<()>,
    pub(crate) known: RwLock<Known>,
    /// When somebody asked last.
    asked: Mutex<Option<Instant>>,
    budget: Arc<Budget>,
}

/// What is known of a partition's keys.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Of segments that are sealed and decided, oldest first.
    pub(crate) sealed: Vec<Arc<Sealed>>,
    /// Of the segment behind them.
    pub(crate) part: Option<Part>,
    pub(crate) ahead: Option<Ahead>,
    /// How often something was forgotten: what was read before may be of segments that are gone.
    pub(crate) forgotten: u64,
    /// What the budget has been charged.
    charged: usize,
}

/// The keys of a sealed segment.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) base: i64,
    pub(crate) end: i64,
    /// Bytes of its log file.
    pub(crate) size: u64,
    pub(crate) keys: SealedKeys,
}

#[derive(Debug)]
pub(crate) enum SealedKeys {
    Run(Run),
    /// Until everything before this offset is durable, when it can be written.
    Part(Part, i64),
}

impl Keys {
    pub(crate) fn new(budget: Arc<Budget>) -> Keys {
        Keys {
            follower: Mutex::default(),
            known: RwLock::default(),
            asked: Mutex::default(),
            budget,
        }
    }

    /// Changes what is known; forgets all of it when it has become too much.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> Result<T, KeyError> {
        let mut known = write(&self.known);
        let changed = change(&mut known);
        let bytes = known.bytes();
        let others = self.budget.0.fetch_add(bytes, Ordering::Relaxed) - known.charged;
        self.budget.0.fetch_sub(known.charged, Ordering::Relaxed);
        known.charged = bytes;
        if others + bytes > BYTES_MAX {
            *known = Known {
                forgotten: known.forgotten + 1,
                ..Known::default()
            };
            self.budget.0.fetch_sub(bytes, Ordering::Relaxed);
            return Err(KeyError::NoRoom { bytes_max: BYTES_MAX });
        }
        Ok(changed)
    }

    /// Somebody asks.
    pub(crate) fn note_asked(&self, now: Instant) {
        *lock(&self.asked) = Some(now);
    }

    /// Gives back what nobody has asked for in a long time: runs stay on disk, the rest is read again.
    pub(crate) fn forget_idle(&self, now: Instant) {
        let mut asked = lock(&self.asked);
        if asked.is_some_and(|asked| now.saturating_duration_since(asked) >= IDLE) {
            *asked = None;
            self.forget_from(i64::MIN);
        }
    }

    /// Forgets the segment that begins at `base`, and all behind it: another took its place.
    pub(crate) fn forget_from(&self, base: i64) {
        // Less takes no more memory than there was.
        let _ = self.change(|known| known.forget_from(base));
    }
}

#[cfg(test)]
impl Budget {
    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// As if others took so much.
    pub(crate) fn take(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let charged = write(&self.known).charged;
        self.budget.0.fetch_sub(charged, Ordering::Relaxed);
    }
}

impl Known {
    /// The first offset not looked at, where the log begins at `start`.
    pub(crate) fn end(&self, start: i64) -> i64 {
        let sealed = self.sealed.last().map_or(start, |last| last.end);
        self.part.as_ref().map_or(sealed, |part| part.end()).max(start)
    }

    /// Where what is sealed ends.
    pub(crate) fn sealed_end(&self) -> i64 {
        self.sealed.last().map_or(0, |last| last.end)
    }

    /// The first offset not looked at, whether stable or not.
    pub(crate) fn seen_end(&self, start: i64) -> i64 {
        let ahead = self.ahead.as_ref().map_or(start, |ahead| ahead.end);
        ahead.max(self.end(start))
    }

    /// How often a key occurs in the segments that are sealed and begin at `from` or behind.
    pub(crate) fn count_sealed(&self, disk: &dyn Disk, key: &[u8], from: i64) -> io::Result<u64> {
        let sealed = self.sealed.iter().filter(|sealed| from <= sealed.base);
        sealed.map(|sealed| sealed.count(disk, key, i64::MAX)).sum()
    }

    /// How often a key occurs in what is stable behind them.
    pub(crate) fn count_part(&self, key: &[u8]) -> u64 {
        self.part.as_ref().map_or(0, |part| part.count(key, i64::MAX))
    }

    /// The records of a key that are not stable yet.
    pub(crate) fn unstable(&self, key: &[u8]) -> impl Iterator<Item = Unstable> {
        self.ahead.iter().flat_map(move |ahead| ahead.of(key))
    }

    /// Whether records that were there once are gone, so that counting the others tells no revision.
    pub(crate) fn is_gapped(&self) -> bool {
        let part = self.part.as_ref().is_some_and(Part::is_gapped);
        part || self.ahead.as_ref().is_some_and(Ahead::is_gapped)
            || self.sealed.iter().any(|sealed| sealed.is_gapped())
    }

    /// Forgets the segment that begins at `base`, and all behind it.
    pub(crate) fn forget_from(&mut self, base: i64) {
        self.sealed.retain(|sealed| sealed.base < base);
        (self.part, self.ahead) = (None, None);
        self.forgotten += 1;
    }

    fn bytes(&self) -> usize {
        let part = self.part.as_ref().map_or(0, Part::bytes);
        let ahead = self.ahead.as_ref().map_or(0, Ahead::bytes);
        self.sealed.iter().map(|sealed| sealed.bytes()).sum::<usize>() + part + ahead
    }

    /// How often a key occurs in `from..end`.
    pub(crate) fn count(&self, disk: &dyn Disk, key: &[u8], from: i64, end: i64) -> io::Result<u64> {
        let mut count = 0;
        if end <= from {
            return Ok(count);
        }
        for sealed in self
            .sealed
            .iter()
            .filter(|sealed| sealed.base < end && from < sealed.end)
        {
            count += sealed.count(disk, key, end)?;
            if sealed.base < from {
                count -= sealed.count(disk, key, from)?;
            }
        }
        let part = self.part.as_ref();
        let in_part = part.map_or(0, |part| part.count(key, end) - part.count(key, from));
        Ok(count + in_part)
    }

    /// Where a key occurs in `from..end`: from its `skip`th place on, at most `max`.
    pub(crate) fn offsets(
        &self,
        disk: &dyn Disk,
        key: &[u8],
        (from, end): (i64, i64),
        mut skip: u64,
        max: usize,
    ) -> io::Result<Vec<i64>> {
        let mut found = Vec::new();
        if end <= from {
            return Ok(found);
        }
        for sealed in self
            .sealed
            .iter()
            .filter(|sealed| sealed.base < end && from < sealed.end)
        {
            if found.len() >= max {
                return Ok(found);
            }
            let before = sealed.count(disk, key, from)?;
            let here = sealed.count(disk, key, end)? - before;
            if skip < here {
                let wanted = (max - found.len()).min((here - skip) as usize);
                found.extend(sealed.offsets(disk, key, before + skip, wanted)?);
            }
            skip = skip.saturating_sub(here);
        }
        if let Some(part) = &self.part {
            let before = part.count(key, from);
            let here = part.count(key, end).saturating_sub(before + skip) as usize;
            found.extend(part.offsets(key, before + skip, here.min(max - found.len())));
        }
        Ok(found)
    }

    /// The `max` lowest keys behind `after` that occur in `from..end`, in order.
    pub(crate) fn keys_after(
        &self,
        disk: &dyn Disk,
        after: Option<&[u8]>,
        (from, end): (i64, i64),
        max: usize,
    ) -> io::Result<Vec<KeyEntry>> {
        let mut found: Vec<KeyEntry> = Vec::new();
        for sealed in self
            .sealed
            .iter()
            .filter(|sealed| sealed.base < end && from < sealed.end)
        {
            let whole = from <= sealed.base && sealed.end <= end;
            let range = (!whole).then_some((from, end));
            let page = |after: Option<&[u8]>| sealed.keys_after(disk, after, max);
            let first = |key: &[u8]| sealed.first_in(disk, key, (from, end));
            found.extend(occurring(after, range, max, page, first)?);
        }
        if let Some(part) = &self.part {
            let page = |after: Option<&[u8]>| Ok(part.keys_after(after, max));
            let first = |key: &[u8]| Ok(part.first_in(key, (from, end)));
            found.extend(occurring(after, Some((from, end)), max, page, first)?);
        }
        found.sort_unstable();
        // Of the same key, the one met first.
        found.dedup_by(|one, before| one.key == before.key);
        found.truncate(max);
        Ok(found)
    }
}

/// Keys page by page, until `max` are found that occur where they should: anywhere, where there is no range.
fn occurring(
    after: Option<&[u8]>,
    range: Option<(i64, i64)>,
    max: usize,
    page: impl Fn(Option<&[u8]>) -> io::Result<Vec<KeyEntry>>,
    first_in: impl Fn(&[u8]) -> io::Result<Option<i64>>,
) -> io::Result<Vec<KeyEntry>> {
    let mut found = Vec::new();
    let mut after: Option<Box<[u8]>> = after.map(Box::from);
    loop {
        let page = page(after.as_deref())?;
        let Some(last) = page.last().filter(|_| found.len() < max) else {
            return Ok(found);
        };
        after = Some(last.key.clone());
        for mut entry in page {
            if let Some((from, end)) = range
                && !(from..end).contains(&entry.first_offset)
            {
                let later = match entry.first_offset < from {
                    true => first_in(&entry.key)?,
                    false => None,
                };
                let Some(first) = later else { continue };
                entry.first_offset = first;
            }
            found.push(entry);
        }
        if range.is_none() {
            return Ok(found);
        }
    }
}

impl Sealed {
    /// Whether its run was found damaged.
    pub(crate) fn is_damaged(&self) -> bool {
        matches!(&self.keys, SealedKeys::Run(run) if run.is_damaged())
    }

    fn is_gapped(&self) -> bool {
        match &self.keys {
            SealedKeys::Run(run) => run.gapped,
            SealedKeys::Part(part, _) => part.is_gapped(),
        }
    }

    fn bytes(&self) -> usize {
        match &self.keys {
            SealedKeys::Run(run) => run.bytes(),
            SealedKeys::Part(part, _) => part.bytes(),
        }
    }

    fn count(&self, disk: &dyn Disk, key: &[u8], end: i64) -> io::Result<u64> {
        match &self.keys {
            SealedKeys::Run(run) => run.count(disk, key, end),
            SealedKeys::Part(part, _) => Ok(part.count(key, end)),
        }
    }

    fn offsets(&self, disk: &dyn Disk, key: &[u8], skip: u64, max: usize) -> io::Result<Vec<i64>> {
        match &self.keys {
            SealedKeys::Run(run) => run.offsets(disk, key, skip, max),
            SealedKeys::Part(part, _) => Ok(part.offsets(key, skip, max)),
        }
    }

    fn keys_after(&self, disk: &dyn Disk, after: Option<&[u8]>, max: usize) -> io::Result<Vec<KeyEntry>> {
        match &self.keys {
            SealedKeys::Run(run) => run.keys_after(disk, after, max),
            SealedKeys::Part(part, _) => Ok(part.keys_after(after, max)),
        }
    }

    fn first_in(&self, disk: &dyn Disk, key: &[u8], (from, end): (i64, i64)) -> io::Result<Option<i64>> {
        let before = self.count(disk, key, from)?;
        let first = self.offsets(disk, key, before, 1)?.first().copied();
        Ok(first.filter(|first| *first < end))
    }
}
