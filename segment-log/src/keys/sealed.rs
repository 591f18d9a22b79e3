//! What is known of a sealed segment, or of some that follow each other: their run, or a part in memory until the run
//! can be written.

use std::io;

use super::KeyEntry;
use super::facts::Facts;
use super::part::{Part, PartFirsts};
use super::run::{Run, RunFirsts};
use crate::disk::Disk;

/// The keys and times of sealed segments.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) base: i64,
    pub(crate) end: i64,
    pub(crate) segments: Vec<Segment>,
    pub(crate) keys: SealedKeys,
}

/// A sealed segment, as long as it is that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) base: i64,
    pub(crate) end: i64,
    /// Bytes of its log file.
    pub(crate) size: u64,
}

#[derive(Debug)]
pub(crate) enum SealedKeys {
    Run(Run),
    /// Until everything before this offset is durable, when it can be written.
    Part(Part, i64),
}

/// Keys one after the other, each with its first offset.
pub(super) enum SealedFirsts<'a> {
    Run(Box<RunFirsts<'a>>),
    Part(PartFirsts<'a>),
}

impl SealedFirsts<'_> {
    /// The key it stands at; none at the end.
    pub(super) fn first(&self) -> Option<(&[u8], i64)> {
        match self {
            SealedFirsts::Run(run) => run.first(),
            SealedFirsts::Part(part) => part.first(),
        }
    }

    /// Goes on to the next key.
    pub(super) fn advance(&mut self) -> io::Result<()> {
        match self {
            SealedFirsts::Run(run) => run.advance().map(drop),
            SealedFirsts::Part(part) => {
                part.advance();
                Ok(())
            }
        }
    }
}

impl Sealed {
    /// Of segments that follow each other; `None` of none.
    pub(crate) fn new(segments: Vec<Segment>, keys: SealedKeys) -> Option<Sealed> {
        Some(Sealed {
            base: segments.first()?.base,
            end: segments.last()?.end,
            segments,
            keys,
        })
    }

    /// Its run, if it has one.
    pub(crate) fn run(&self) -> Option<&Run> {
        match &self.keys {
            SealedKeys::Run(run) => Some(run),
            SealedKeys::Part(..) => None,
        }
    }

    /// Whether its run was found damaged.
    pub(crate) fn is_damaged(&self) -> bool {
        matches!(&self.keys, SealedKeys::Run(run) if run.is_damaged())
    }

    pub(super) fn facts(&self) -> &Facts {
        match &self.keys {
            SealedKeys::Run(run) => run.facts(),
            SealedKeys::Part(part, _) => part.facts(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match &self.keys {
            SealedKeys::Run(run) => run.bytes(),
            SealedKeys::Part(part, _) => part.bytes(),
        }
    }

    pub(super) fn count(&self, disk: &dyn Disk, key: &[u8], end: i64) -> io::Result<u64> {
        if end <= self.base {
            return Ok(0);
        }
        match &self.keys {
            SealedKeys::Run(run) => run.count(disk, key, end),
            SealedKeys::Part(part, _) => Ok(part.count(key, end)),
        }
    }

    pub(super) fn offsets(&self, disk: &dyn Disk, key: &[u8], skip: u64, max: usize) -> io::Result<Vec<i64>> {
        match &self.keys {
            SealedKeys::Run(run) => run.offsets(disk, key, skip, max),
            SealedKeys::Part(part, _) => Ok(part.offsets(key, skip, max)),
        }
    }

    pub(super) fn keys_after(
        &self,
        disk: &dyn Disk,
        after: Option<&[u8]>,
        max: usize,
    ) -> io::Result<Vec<KeyEntry>> {
        match &self.keys {
            SealedKeys::Run(run) => run.keys_after(disk, after, max),
            SealedKeys::Part(part, _) => Ok(part.keys_after(after, max)),
        }
    }

    /// Its keys behind `after`, each with its first offset.
    pub(super) fn firsts(&self, disk: &dyn Disk, after: Option<&[u8]>) -> io::Result<SealedFirsts<'_>> {
        Ok(match &self.keys {
            SealedKeys::Run(run) => SealedFirsts::Run(Box::new(run.firsts(disk, after)?)),
            SealedKeys::Part(part, _) => SealedFirsts::Part(part.firsts(after)),
        })
    }

    pub(super) fn first_in(
        &self,
        disk: &dyn Disk,
        key: &[u8],
        (from, end): (i64, i64),
    ) -> io::Result<Option<i64>> {
        let before = self.count(disk, key, from)?;
        let first = self.offsets(disk, key, before, 1)?.first().copied();
        Ok(first.filter(|first| *first < end))
    }

    /// Which of these rising keys, by their hashes ([`filter::hash`]), it has not.
    pub(super) fn missing(&self, disk: &dyn Disk, keys: &[(u64, &[u8])]) -> io::Result<Vec<bool>> {
        match &self.keys {
            SealedKeys::Run(run) => run.missing(disk, keys),
            SealedKeys::Part(part, _) => {
                let is_missing = |(_, key): &(u64, &[u8])| part.count(key, i64::MAX) == 0;
                Ok(keys.iter().map(is_missing).collect())
            }
        }
    }

    /// The greatest time of the records up to an offset, by this segment alone.
    pub(super) fn recorded_by(&self, disk: &dyn Disk, offset: i64) -> io::Result<Option<i64>> {
        match &self.keys {
            SealedKeys::Run(run) => run.recorded_by(disk, offset),
            SealedKeys::Part(part, _) => Ok(part.recorded_by(offset)),
        }
    }

    /// The first offset with a later time.
    pub(super) fn later(&self, disk: &dyn Disk, ms: i64) -> io::Result<Option<i64>> {
        match &self.keys {
            SealedKeys::Run(run) => run.later(disk, ms),
            SealedKeys::Part(part, _) => Ok(part.later(ms)),
        }
    }

    /// First and last offset of the batches that cannot be read, or of which records are gone.
    pub(super) fn unreadable(&self, disk: &dyn Disk) -> io::Result<Vec<(i64, i64)>> {
        match &self.keys {
            SealedKeys::Run(run) => run.unreadable(disk),
            SealedKeys::Part(part, _) => Ok(part.unreadable().to_vec()),
        }
    }
}
