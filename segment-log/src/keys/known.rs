//! What is known of a partition's keys and times, and what is asked of it.
//!
//! Invariant: it tells of every committed record before its end, and of none behind; of damaged places of the log it
//! tells where they are.

use std::io;
use std::sync::Arc;

use super::ahead::{Ahead, Unstable};
use super::facts::Facts;
use super::firsts::Firsts;
use super::part::Part;
use super::sealed::Sealed;
use super::{KeyEntry, KeyFacts};
use crate::disk::Disk;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Of segments that are sealed and decided, oldest first.
    pub(crate) sealed: Vec<Arc<Sealed>>,
    /// Of the segment behind them.
    pub(crate) part: Option<Part>,
    pub(crate) ahead: Option<Ahead>,
    /// First and last offset of each damaged place of the log, in order.
    pub(crate) damaged: Vec<(i64, i64)>,
    /// Where keys were met first, if somebody counts them.
    pub(super) firsts: Option<Firsts>,
    /// How often something was forgotten: what was read before may be of segments that are gone.
    pub(crate) forgotten: u64,
    /// What the budget has been charged.
    pub(super) charged: usize,
}

impl Known {
    /// The first offset not looked at, where the log begins at `start`.
    pub(crate) fn end(&self, start: i64) -> i64 {
        let sealed = self.sealed.last().map_or(start, |last| last.end);
        let damaged = self.damaged.last().map_or(start, |(_, last)| last + 1);
        let part = self.part.as_ref().map_or(sealed, |part| part.end());
        part.max(damaged).max(start)
    }

    /// Where what is sealed ends.
    pub(crate) fn sealed_end(&self) -> i64 {
        self.sealed.last().map_or(0, |last| last.end)
    }

    /// Whether what is sealed before `end` is told by itself: not where a run was merged with what stands behind it.
    pub(crate) fn ends_at(&self, end: i64) -> bool {
        end == 0 || self.sealed.iter().any(|sealed| sealed.end == end)
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
        let ahead = self.ahead.as_ref().is_some_and(Ahead::is_gapped);
        ahead || !self.damaged.is_empty() || self.facts().any(|(_, facts)| facts.gapped)
    }

    /// Forgets the segment that begins at `base`, and all behind it.
    pub(crate) fn forget_from(&mut self, base: i64) {
        self.sealed.retain(|sealed| sealed.base < base);
        self.damaged.retain(|(_, last)| *last < base);
        (self.part, self.ahead, self.firsts) = (None, None, None);
        self.forgotten += 1;
    }

    /// Forgets the segments before the log start.
    pub(crate) fn forget_before(&mut self, start: i64) {
        self.sealed.retain(|sealed| sealed.end > start);
        self.damaged.retain(|(_, last)| *last >= start);
        // A key that was met before the start may be met again behind it.
        self.firsts = None;
        self.forgotten += 1;
    }

    pub(super) fn bytes(&self) -> usize {
        let part = self.part.as_ref().map_or(0, Part::bytes);
        let ahead = self.ahead.as_ref().map_or(0, Ahead::bytes);
        let firsts = self.firsts.as_ref().map_or(0, Firsts::bytes);
        let damaged = self.damaged.len() * size_of::<(i64, i64)>();
        self.sealed.iter().map(|sealed| sealed.bytes()).sum::<usize>() + part + ahead + firsts + damaged
    }

    /// Whether a segment has a damaged place.
    pub(crate) fn is_damaged(&self, (base, end): (i64, i64)) -> bool {
        self.damaged
            .iter()
            .any(|(first, last)| *first < end && base <= *last)
    }

    fn facts(&self) -> impl Iterator<Item = (i64, &Facts)> {
        let sealed = self.sealed.iter().map(|sealed| (sealed.base, sealed.facts()));
        sealed.chain(self.part.iter().map(|part| (part.base(), part.facts())))
    }

    fn sealed_in(&self, (from, end): (i64, i64)) -> impl Iterator<Item = &Sealed> {
        let within = move |sealed: &&Arc<Sealed>| sealed.base < end && from < sealed.end;
        self.sealed.iter().filter(within).map(|sealed| &**sealed)
    }

    /// How often a key occurs in `from..end`.
    pub(crate) fn count(&self, disk: &dyn Disk, key: &[u8], from: i64, end: i64) -> io::Result<u64> {
        let mut count = 0;
        if end <= from {
            return Ok(count);
        }
        for sealed in self.sealed_in((from, end)) {
            count += sealed.count(disk, key, end)? - sealed.count(disk, key, from)?;
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
        for sealed in self.sealed_in((from, end)) {
            if found.len() >= max {
                return Ok(found);
            }
            let before = sealed.count(disk, key, from)?;
            let left = max - found.len();
            if skip == 0 {
                let here = sealed.offsets(disk, key, before, left)?;
                found.extend(here.into_iter().take_while(|offset| *offset < end));
                continue;
            }
            let here = sealed.count(disk, key, end)? - before;
            if skip < here {
                let wanted = left.min((here - skip) as usize);
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

    /// The `max` lowest keys behind `after` that occur in `from..end`, in order, but for those of segments that end by `behind`.
    pub(crate) fn keys_after(
        &self,
        disk: &dyn Disk,
        after: Option<&[u8]>,
        (from, end): (i64, i64),
        behind: i64,
        max: usize,
    ) -> io::Result<Vec<KeyEntry>> {
        let mut found: Vec<KeyEntry> = Vec::new();
        if behind >= end {
            return Ok(found);
        }
        for sealed in self.sealed_in((from.max(behind), end)) {
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

    /// The greatest time of the records up to an offset; nothing before the first record.
    pub(crate) fn recorded_by(&self, disk: &dyn Disk, offset: i64) -> io::Result<Option<i64>> {
        let mut latest = None;
        for sealed in &self.sealed {
            if offset < sealed.end {
                return Ok(latest.max(sealed.recorded_by(disk, offset)?));
            }
            latest = latest.max(sealed.facts().last_ms);
        }
        let part = self.part.as_ref().and_then(|part| part.recorded_by(offset));
        Ok(latest.max(part))
    }

    /// The last offset before `end` recorded at or before a time; -1 where there is no record of it.
    pub(crate) fn last_at(&self, disk: &dyn Disk, ms: i64, end: i64) -> io::Result<i64> {
        let mut begun = false;
        for sealed in &self.sealed {
            let last_ms = sealed.facts().last_ms;
            if last_ms.is_some_and(|last| last > ms) {
                let later = sealed.later(disk, ms)?.unwrap_or(sealed.base);
                begun |= sealed.recorded_by(disk, later - 1)?.is_some();
                return Ok(if begun { later.min(end) - 1 } else { -1 });
            }
            begun |= last_ms.is_some();
        }
        match self.part.as_ref().and_then(|part| Some((part, part.later(ms)?))) {
            Some((part, later)) => {
                begun |= part.recorded_by(later - 1).is_some();
                Ok(if begun { later.min(end) - 1 } else { -1 })
            }
            None => Ok(end - 1),
        }
    }

    /// What is known of the events before its end, where the log begins at `start`.
    pub(crate) fn key_facts(&self, start: i64) -> KeyFacts {
        let mut told = KeyFacts {
            end: self.end(start),
            keys: self.firsts.as_ref().map_or(0, Firsts::len),
            ..KeyFacts::default()
        };
        for (_, facts) in self.facts() {
            told.records += facts.records;
            told.keyless += facts.keyless;
        }
        told
    }

    /// Whether the time of an event before `end` is its producer's.
    pub(crate) fn has_producer_time(&self, end: i64) -> bool {
        let mut from = self.facts().filter_map(|(_, facts)| facts.producer_from);
        from.next().is_some_and(|first| first < end)
    }

    /// How many places that cannot be read begin before `end`.
    pub(crate) fn unreadable_count(&self, disk: &dyn Disk, (start, end): (i64, i64)) -> io::Result<u64> {
        let mut count = self.damaged.iter().filter(|(first, _)| *first < end).count() as u64;
        count += u64::from(start > 0 && end > 0);
        for sealed in self.sealed_in((start, end)) {
            let whole = start <= sealed.base && sealed.end <= end;
            let all = sealed.facts().unreadable;
            count += match whole || all == 0 {
                true => all,
                false => within(&sealed.unreadable(disk)?, (start, end)).count() as u64,
            };
        }
        let part = self.part.as_ref().map(Part::unreadable).unwrap_or_default();
        Ok(count + within(part, (start, end)).count() as u64)
    }

    /// The first `max` places that cannot be read and begin before `end`: their first and last offsets.
    pub(crate) fn unreadable(
        &self,
        disk: &dyn Disk,
        (start, end): (i64, i64),
        max: usize,
    ) -> io::Result<Vec<(i64, i64)>> {
        let mut found = Vec::new();
        if start > 0 && end > 0 {
            found.push((0, start - 1));
        }
        for sealed in self.sealed_in((start, end)) {
            if found.len() >= max {
                break;
            }
            if sealed.facts().unreadable > 0 {
                found.extend(within(&sealed.unreadable(disk)?, (start, end)));
            }
        }
        let part = self.part.as_ref().map(Part::unreadable).unwrap_or_default();
        found.extend(within(part, (start, end)).take(max));
        found.extend(self.damaged.iter().filter(|(first, _)| *first < end));
        found.sort_unstable();
        found.truncate(max);
        Ok(found)
    }
}

/// Ranges that reach behind `start` and begin before `end`, less what stands before the start.
fn within(ranges: &[(i64, i64)], (start, end): (i64, i64)) -> impl Iterator<Item = (i64, i64)> {
    let there = ranges
        .iter()
        .filter(move |(first, last)| *last >= start && *first < end);
    there.map(move |(first, last)| (*first.max(&start), *last))
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
