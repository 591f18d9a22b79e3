//! Where each key of a partition is met first: how many keys there are up to any offset.
//!
//! It is made when it is first asked for, by going through the keys of all segments side by side, in their order and a page of
//! them at a time. Then it goes on from there: keys of segments that are new are looked up in those before. Invariant: it has
//! the first offset of every key that is met before its end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io;
use std::sync::Arc;

use super::known::Known;
use super::sealed::{Sealed, SealedFirsts};
use super::{KeyEntry, filter};
use crate::disk::Disk;

/// Keys looked at at once: what the index is read for without a pause.
const PAGE_KEYS: usize = if cfg!(test) { 3 } else { 8192 };

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Firsts {
    /// Where the log began: what was met before may be met again behind a later start.
    start: i64,
    /// Rising.
    offsets: Vec<i64>,
    /// Keys met first before this offset are counted.
    end: i64,
    /// Of what is looked at: which offsets it has, the key to go on behind, and what was found in it.
    under_way: Option<UnderWay>,
    found: Vec<i64>,
}

type UnderWay = ((i64, i64), Box<[u8]>);

/// A look for the next page of keys, which reads without what is known being locked.
pub(crate) struct Search {
    start: i64,
    from: i64,
    /// The key to go on behind, in those that are looked through.
    after: Option<Box<[u8]>>,
    /// Those that were looked through before,
    old: Vec<Arc<Sealed>>,
    /// and those that are, which follow each other.
    fresh: Vec<Arc<Sealed>>,
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
        let (old, mut fresh): (Vec<_>, Vec<_>) =
            self.sealed.iter().cloned().partition(|sealed| sealed.end <= from);
        let part = fresh.is_empty().then(|| {
            let keys = self.part.as_ref().map(|part| part.keys_since(from, start));
            (keys.unwrap_or_default(), self.end(start))
        });
        // What was sealed meanwhile is looked through next time.
        let mut under_way = firsts.and_then(|firsts| firsts.under_way.clone());
        if let Some(((base, end), _)) = under_way {
            let same: Vec<_> = fresh.iter().filter(|one| one.end <= end).cloned().collect();
            match range_of(&same) == Some((base, end)) {
                true => fresh = same,
                false => under_way = None,
            }
        }
        Search {
            start,
            from,
            after: under_way.map(|(_, key)| key),
            old,
            fresh,
            part,
        }
    }

    /// Takes in what was found.
    pub(crate) fn take_firsts(&mut self, step: Step) {
        let firsts = self.firsts.get_or_insert_default();
        firsts.take(step);
    }
}

/// The offsets of those that follow each other.
fn range_of(sealed: &[Arc<Sealed>]) -> Option<(i64, i64)> {
    Some((sealed.first()?.base, sealed.last()?.end))
}

impl Search {
    /// Looks for a page of keys.
    pub(crate) fn step(mut self, disk: &dyn Disk) -> io::Result<Step> {
        let mut step = Step {
            start: self.start,
            anew: self.after.is_none(),
            found: Vec::new(),
            under_way: None,
            end: self.from,
        };
        let mut keys = match self.part.take() {
            Some((mut keys, end)) => {
                step.end = end;
                keys.sort_unstable();
                keys
            }
            None => {
                let page = self.page(disk)?;
                step.end = self.fresh.last().map_or(self.from, |last| last.end);
                step.under_way = range_of(&self.fresh).zip(page.last);
                page.keys
            }
        };
        keys.retain(|entry| entry.first_offset >= self.from);
        step.found = self.new_among(disk, keys)?;
        Ok(step)
    }

    /// The next page of the keys of those that are sealed and not looked through yet, each once.
    fn page(&self, disk: &dyn Disk) -> io::Result<Page> {
        let mut page = Page::default();
        let mut readings = Vec::with_capacity(self.fresh.len());
        // The lowest key, and of the same the one of the first segment, is first.
        let mut lowest: BinaryHeap<Reverse<(Vec<u8>, usize)>> = BinaryHeap::new();
        for (place, sealed) in self.fresh.iter().enumerate() {
            let firsts = sealed.firsts(disk, self.after.as_deref())?;
            if let Some((key, _)) = firsts.first() {
                lowest.push(Reverse((key.to_vec(), place)));
            }
            readings.push((firsts, sealed));
        }
        let (mut seen, mut is_met) = (Vec::new(), true);
        let mut count = 0;
        while let Some(mut next) = lowest.peek_mut() {
            let Reverse((key, place)) = &mut *next;
            let Some((firsts, sealed)) = readings.get_mut(*place) else {
                break;
            };
            if count == 0 || *key != seen {
                if count == PAGE_KEYS {
                    page.last = Some(seen.into());
                    break;
                }
                count += 1;
                seen.clone_from(key);
                is_met = false;
            }
            if !is_met && let Some(first_offset) = self.met(firsts, sealed, disk)? {
                is_met = true;
                // Before that it was counted.
                if first_offset >= self.from {
                    let key = Box::from(&**key);
                    page.keys.push(KeyEntry { key, first_offset });
                }
            }
            firsts.advance()?;
            match firsts.first() {
                Some((after, _)) => {
                    key.clear();
                    key.extend_from_slice(after);
                }
                None => drop(PeekMut::pop(next)),
            }
        }
        Ok(page)
    }

    /// Where the key that is read is met first of what is left in its segment.
    fn met(&self, firsts: &SealedFirsts<'_>, sealed: &Sealed, disk: &dyn Disk) -> io::Result<Option<i64>> {
        match firsts.first() {
            Some((key, first)) if first < self.start => sealed.first_in(disk, key, (self.start, i64::MAX)),
            first => Ok(first.map(|(_, first)| first)),
        }
    }

    /// Where those of these rising keys are met first that no earlier segment has.
    fn new_among(&self, disk: &dyn Disk, mut keys: Vec<KeyEntry>) -> io::Result<Vec<i64>> {
        // What is looked through now is known to have none of its own before; of what is not sealed all segments are earlier.
        for sealed in self.old.iter().rev() {
            let names: Vec<(u64, &[u8])> = keys
                .iter()
                .map(|entry| (filter::hash(&entry.key), &*entry.key))
                .collect();
            let mut missing = sealed.missing(disk, &names)?;
            for (missing, (_, key)) in missing.iter_mut().zip(&names) {
                // Of a segment that begins before the log start, only what is behind it counts.
                if !*missing && sealed.base < self.start {
                    *missing = sealed.first_in(disk, key, (self.start, i64::MAX))?.is_none();
                }
            }
            let mut missing = missing.into_iter();
            keys.retain(|_| missing.next().unwrap_or(true));
        }
        Ok(keys.into_iter().map(|entry| entry.first_offset).collect())
    }
}

/// Some keys.
#[derive(Default)]
struct Page {
    keys: Vec<KeyEntry>,
    /// The last that was looked at, where there are others behind it.
    last: Option<Box<[u8]>>,
}
