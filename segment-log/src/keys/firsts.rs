//! Where each key of a partition is met first: how many keys there are up to any offset.
//!
//! It is made when it is first asked for, by looking up each segment's keys in those before it, a page of them at a
//! time, and goes on from there. Invariant: it has the first offset of every key that is met before its end.

use std::collections::HashSet;
use std::io;

use super::KeyEntry;
use super::known::Known;
use crate::disk::Disk;

/// Keys looked up at once: what the index is read for without a pause.
const PAGE_KEYS: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Firsts {
    /// Rising.
    offsets: Vec<i64>,
    /// Keys met first before this offset are counted.
    end: i64,
    /// Of the run that is looked at: which offsets it has, the key to go on behind, and what was found in it.
    under_way: Option<UnderWay>,
    found: Vec<i64>,
}

type UnderWay = ((i64, i64), Box<[u8]>);

/// What one step finds.
pub(crate) struct Step {
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
    /// How many keys are met first before `end`; nothing where that is not known yet.
    pub(crate) fn begun(&self, end: i64) -> Option<u64> {
        let firsts = self.firsts.as_ref().filter(|firsts| end <= firsts.end)?;
        Some(firsts.offsets.partition_point(|first| *first < end) as u64)
    }

    /// Looks up the next page of keys. Changes nothing: see [`Known::take_firsts`].
    pub(crate) fn look_for_firsts(&self, disk: &dyn Disk, start: i64) -> io::Result<Step> {
        let none = Firsts::default();
        let firsts = self.firsts.as_ref().unwrap_or(&none);
        let from = firsts.end.max(start);
        let next = self.sealed.iter().position(|sealed| sealed.end > from);
        let (mut keys, earlier, mut step) = match next.and_then(|at| Some((at, self.sealed.get(at)?))) {
            Some((at, sealed)) => {
                let range = (sealed.base, sealed.end);
                let after = firsts.under_way.as_ref().filter(|(of, _)| *of == range);
                let mut page = sealed.keys_after(disk, after.map(|(_, key)| &**key), PAGE_KEYS)?;
                let last = page.last().filter(|_| page.len() == PAGE_KEYS);
                let step = Step {
                    anew: after.is_none(),
                    found: Vec::new(),
                    under_way: last.map(|last| (range, last.key.clone())),
                    end: sealed.end,
                };
                if sealed.base < from {
                    for entry in page.iter_mut().filter(|entry| entry.first_offset < start) {
                        // It was deleted: what counts is what is left.
                        let left = sealed.first_in(disk, &entry.key, (start, i64::MAX))?;
                        entry.first_offset = left.unwrap_or(i64::MIN);
                    }
                }
                (page, at, step)
            }
            None => {
                let keys = self.part.as_ref().map(|part| part.keys_since(from));
                let step = Step {
                    anew: true,
                    found: Vec::new(),
                    under_way: None,
                    end: self.end(start),
                };
                (keys.unwrap_or_default(), self.sealed.len(), step)
            }
        };
        keys.retain(|entry| entry.first_offset >= from);
        keys.sort_unstable();
        step.found = self.new_among(disk, keys, earlier, start)?;
        Ok(step)
    }

    /// Where those of these rising keys are met first that no earlier segment has.
    fn new_among(
        &self,
        disk: &dyn Disk,
        mut keys: Vec<KeyEntry>,
        earlier: usize,
        start: i64,
    ) -> io::Result<Vec<i64>> {
        for sealed in self.sealed.iter().take(earlier).rev() {
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

    /// Takes in what was found.
    pub(crate) fn take_firsts(&mut self, step: Step) {
        let firsts = self.firsts.get_or_insert_default();
        firsts.take(step);
    }
}
