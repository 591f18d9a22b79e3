//! Where each key of a partition is met first: how many keys there are up to any offset.
//!
//! It is made when it is first asked for, by looking up each segment's keys in those before it, a page of them at a
//! time, and goes on from there. Invariant: it has the first offset of every key that is met before its end.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::KeyEntry;
use super::known::Known;
use super::sealed::Sealed;
use crate::disk::Disk;

/// Keys looked up at once: what the index is read for without a pause.
const PAGE_KEYS: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Firsts {
    /// Where the log began: what was met before may be met again behind a later start.
    start: i64,
    /// Rising.
    offsets: Vec<i64>,
    /// Keys met first before this offset are counted.
    end: i64,
    /// Of the run that is looked at: which offsets it has, the key to go on behind, and what was found in it.
    under_way: Option<UnderWay>,
    found: Vec<i64>,
}

type UnderWay = ((i64, i64), Box<[u8]>);

/// A look for the next page of keys, which reads without what is known being locked.
pub(crate) struct Search {
    start: i64,
    from: i64,
    under_way: Option<UnderWay>,
    /// Those before the one that is looked through, and that.
    sealed: Vec<Arc<Sealed>>,
    /// What is looked through instead, behind all of these.
    part: Option<(Vec<KeyEntry>, i64)>,
}

/// What one step finds.
pub(crate) struct Step {
    start: i64,
    /// What was found before is found again: the segment has become part of a merged run meanwhile.
    anew: bool,
    found: Vec<i64>,
    under_way: Option<UnderWay>,
    end: i64,
}

impl Firsts {
    pub(super) fn len(&self) -> u64 {
        self.offsets.len() as u64
    }

    pub(super) fn bytes(&self) -> usize {
        (self.offsets.capacity() + self.found.capacity()) * size_of::<i64>()
    }

    /// Takes in what was found.
    fn take(&mut self, step: Step) {
        if self.start != step.start {
            *self = Firsts {
                start: step.start,
                ..Firsts::default()
            };
        }
        if step.anew {
            self.found.clear();
        }
        self.found.extend(step.found);
        self.under_way = step.under_way;
        if self.under_way.is_none() {
            self.found.sort_unstable();
            self.offsets.append(&mut self.found);
            self.end = step.end;
        }
    }
}

impl Known {
    /// How many keys are met first before `end`, in a log that begins at `start`; nothing where that is not known yet.
    pub(crate) fn begun(&self, start: i64, end: i64) -> Option<u64> {
        if end <= start {
            return Some(0);
        }
        let firsts = self.firsts.as_ref();
        let firsts = firsts.filter(|firsts| firsts.start == start && end <= firsts.end)?;
        Some(firsts.offsets.partition_point(|first| *first < end) as u64)
    }

    /// What is to be looked through next, in a log that begins at `start`.
    pub(crate) fn search(&self, start: i64) -> Search {
        let firsts = self.firsts.as_ref().filter(|firsts| firsts.start == start);
        let from = firsts.map_or(start, |firsts| firsts.end.max(start));
        let next = self.sealed.iter().position(|sealed| sealed.end > from);
        let part = next.is_none().then(|| {
            let keys = self.part.as_ref().map(|part| part.keys_since(from, start));
            (keys.unwrap_or_default(), self.end(start))
        });
        let sealed = self.sealed.iter();
        Search {
            start,
            from,
            under_way: firsts.and_then(|firsts| firsts.under_way.clone()),
            sealed: sealed
                .take(next.map_or(usize::MAX, |next| next + 1))
                .cloned()
                .collect(),
            part,
        }
    }

    /// Takes in what was found.
    pub(crate) fn take_firsts(&mut self, step: Step) {
        let firsts = self.firsts.get_or_insert_default();
        firsts.take(step);
    }
}

impl Search {
    /// Looks up a page of keys.
    pub(crate) fn step(mut self, disk: &dyn Disk) -> io::Result<Step> {
        let mut step = Step {
            start: self.start,
            anew: true,
            found: Vec::new(),
            under_way: None,
            end: self.from,
        };
        let mut keys = match self.part.take() {
            Some((keys, end)) => {
                step.end = end;
                keys
            }
            None => match self.sealed.pop() {
                Some(sealed) => self.page(&sealed, disk, &mut step)?,
                None => Vec::new(),
            },
        };
        keys.retain(|entry| entry.first_offset >= self.from);
        keys.sort_unstable();
        step.found = self.new_among(disk, keys)?;
        Ok(step)
    }

    /// The next page of the keys of one that is sealed.
    fn page(&self, sealed: &Sealed, disk: &dyn Disk, step: &mut Step) -> io::Result<Vec<KeyEntry>> {
        let range = (sealed.base, sealed.end);
        let after = self.under_way.as_ref().filter(|(of, _)| *of == range);
        let mut page = sealed.keys_after(disk, after.map(|(_, key)| &**key), PAGE_KEYS)?;
        let last = page.last().filter(|_| page.len() == PAGE_KEYS);
        step.anew = after.is_none();
        step.under_way = last.map(|last| (range, last.key.clone()));
        step.end = sealed.end;
        if sealed.base < self.from {
            for entry in page.iter_mut().filter(|entry| entry.first_offset < self.start) {
                // It was deleted: what counts is what is left.
                let left = sealed.first_in(disk, &entry.key, (self.start, i64::MAX))?;
                entry.first_offset = left.unwrap_or(i64::MIN);
            }
        }
        Ok(page)
    }

    /// Where those of these rising keys are met first that no earlier segment has.
    fn new_among(&self, disk: &dyn Disk, mut keys: Vec<KeyEntry>) -> io::Result<Vec<i64>> {
        let start = self.start;
        for sealed in self.sealed.iter().rev() {
            let names: Vec<&[u8]> = keys.iter().map(|entry| &*entry.key).collect();
            let missing = sealed.missing(disk, &names)?;
            let mut gone = HashSet::new();
            for (at, _) in missing.iter().enumerate().filter(|(_, missing)| !**missing) {
                // Of a segment that begins before the log start, only what is behind it counts.
                let counts =
                    sealed.base >= start || sealed.first_in(disk, names[at], (start, i64::MAX))?.is_some();
                if counts {
                    gone.insert(at);
                }
            }
            let mut at = 0;
            keys.retain(|_| {
                at += 1;
                !gone.contains(&(at - 1))
            });
        }
        Ok(keys.into_iter().map(|entry| entry.first_offset).collect())
    }
}
