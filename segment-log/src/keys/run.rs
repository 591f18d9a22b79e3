//! A run that is read: the keys and times of sealed segments, in a file beside the first that never changes (layout.rs).
//!
//! Invariant: it is used for the very segments its footer names, and what is read of it is checked: bad bytes are an
//! error ([`is_damaged`]), not an answer. In memory are its filter and its directory.

use std::cmp::Ordering;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::KeyEntry;
use super::block::Reading;
use super::facts::Facts;
use super::layout::{BlockHead, Ends, FOOTER_BYTES, OFFSETS_MAX, SegmentId, read_directory, read_footer};
use super::{UNSURE, filter, times};
use crate::disk::{Disk, DiskFile, Open};
use crate::format::{CRC_BYTES, crc};
use crate::varint::{self, Damaged};

mod entries;

use entries::Blocks;
pub(super) use entries::{Entries, RunFirsts};

/// A run's filter and directory; its blocks are read when they are asked for.
#[derive(Debug)]
pub(crate) struct Run {
    name: String,
    base: i64,
    facts: Facts,
    filter: Vec<u8>,
    blocks: Vec<BlockHead>,
    times: Vec<times::Head>,
    ends: Ends,
    /// About what it takes in memory.
    bytes: usize,
    /// Somebody came upon bytes that are not those that were written.
    damaged: AtomicBool,
}

/// Whether bytes of a run are not those that were written.
pub(crate) fn is_damaged(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

impl Run {
    /// Which segments the run of this name says it is of; `None` when there is none, or it is damaged.
    pub(crate) fn segments(disk: &dyn Disk, name: &str) -> io::Result<Option<SegmentId>> {
        let Some(file) = existing(disk, name)? else {
            return Ok(None);
        };
        Ok(footer(&*file)?.map(|(found, ..)| found))
    }

    /// Opens the run of some segments; `None` when there is none, or it is damaged or of others.
    pub(crate) fn open(disk: &dyn Disk, name: &str, of: SegmentId) -> io::Result<Option<Run>> {
        let Some(file) = existing(disk, name)? else {
            return Ok(None);
        };
        let Some((_, mut facts, ends)) = footer(&*file)?.filter(|(found, ..)| *found == of) else {
            return Ok(None);
        };
        let mut filter = vec![0; (ends.filter - ends.times) as usize];
        file.read_at(ends.times, &mut filter)?;
        if !filter::is_whole(&filter) {
            return Ok(None);
        }
        let mut directory = vec![0; (ends.directory - ends.filter) as usize];
        file.read_at(ends.filter, &mut directory)?;
        let Some((times, blocks)) = read_directory(&directory) else {
            return Ok(None);
        };
        if times.is_empty() {
            facts.last_ms = None;
        }
        let heads = blocks.len() * size_of::<BlockHead>() + times.len() * size_of::<times::Head>();
        Ok(Some(Run {
            name: name.to_owned(),
            base: of.base,
            facts,
            bytes: filter.len() + directory.len() + heads,
            filter,
            blocks,
            times,
            ends,
            damaged: AtomicBool::new(false),
        }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is believed after a restart.
    pub(super) fn is_sure(&self) -> bool {
        !self.name.ends_with(UNSURE)
    }

    pub(super) fn base(&self) -> i64 {
        self.base
    }

    /// Bytes of its file, less those of its footer.
    pub(super) fn file_bytes(&self) -> u64 {
        self.ends.ranges
    }

    /// Its entries from the first on.
    pub(super) fn entries(&self, disk: &dyn Disk) -> io::Result<Entries<'_>> {
        Ok(Entries {
            blocks: Blocks::new(self, disk, 0)?,
            block: None,
        })
    }

    /// Its keys behind `after`.
    pub(super) fn firsts(&self, disk: &dyn Disk, after: Option<&[u8]>) -> io::Result<RunFirsts<'_>> {
        let behind = |key: &[u8]| after.is_none_or(|after| key > after);
        let at = self.blocks.partition_point(|block| !behind(&block.key));
        let blocks = Blocks::new(self, disk, at.saturating_sub(1))?;
        let mut firsts = RunFirsts { blocks, block: None };
        while firsts.advance()? && firsts.first().is_some_and(|(key, _)| !behind(key)) {}
        Ok(firsts)
    }

    /// Tells each offset, less the base, where the recorded time moves on.
    pub(super) fn each_time(&self, disk: &dyn Disk, mut tell: impl FnMut(u32, i64)) -> io::Result<()> {
        let file = disk.open(&self.name, Open::Existing)?;
        for (number, head) in self.times.iter().enumerate() {
            let steps = self.times_block(&*file, number)?;
            self.noting(times::each(head, &steps, &mut tell))?;
        }
        Ok(())
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How often the key occurs before `end`.
    pub(super) fn count(&self, disk: &dyn Disk, key: &[u8], end: i64) -> io::Result<u64> {
        let delta = end.saturating_sub(self.base);
        let is_before = |offset: u32| i64::from(offset) < delta;
        let mut count = 0;
        if let Some(at) = self.block_of(key, |block| is_before(block.first))
            && let Some(mut block) = Blocks::new(self, disk, at)?.next()?
        {
            while let Some(entry) = block.next().map_err(|Damaged| self.damaged())? {
                let within = entry.offsets.partition_point(|offset| is_before(*offset)) as u64;
                if entry.key == key && within > 0 {
                    count = entry.before + within;
                }
            }
        }
        Ok(count)
    }

    /// Where the key occurs: from its `skip`th place on, at most `max`.
    pub(super) fn offsets(&self, disk: &dyn Disk, key: &[u8], skip: u64, max: usize) -> io::Result<Vec<i64>> {
        let mut found = Vec::new();
        let Some(at) = self.block_of(key, |block| u64::from(block.before) <= skip) else {
            return Ok(found);
        };
        let mut blocks = Blocks::new(self, disk, at)?;
        while let Some(mut block) = blocks.next()? {
            while let Some(entry) = block.next().map_err(|Damaged| self.damaged())? {
                if *entry.key > *key || found.len() >= max {
                    return Ok(found);
                }
                if entry.key == key {
                    let passed = skip.saturating_sub(entry.before).min(OFFSETS_MAX as u64) as usize;
                    let left = max - found.len();
                    let some = entry.offsets.iter().skip(passed).take(left);
                    found.extend(some.map(|offset| self.base + i64::from(*offset)));
                }
            }
        }
        Ok(found)
    }

    /// The `max` lowest keys behind `after`, in order.
    pub(super) fn keys_after(
        &self,
        disk: &dyn Disk,
        after: Option<&[u8]>,
        max: usize,
    ) -> io::Result<Vec<KeyEntry>> {
        let behind = |key: &[u8]| after.is_none_or(|after| key > after);
        let at = self.blocks.partition_point(|block| !behind(&block.key));
        let mut blocks = Blocks::new(self, disk, at.saturating_sub(1))?;
        let mut found = Vec::new();
        while found.len() < max
            && let Some(mut block) = blocks.next()?
        {
            while let Some(entry) = block.next().map_err(|Damaged| self.damaged())? {
                // An entry that goes on with a key comes behind the one that named it.
                if entry.before == 0 && behind(&entry.key) && found.len() < max {
                    found.push(KeyEntry {
                        key: Box::from(&*entry.key),
                        first_offset: self.base + entry.offsets.first().copied().map_or(0, i64::from),
                    });
                }
            }
        }
        Ok(found)
    }

    /// The greatest time of the records up to an offset; nothing before the first.
    pub(super) fn recorded_by(&self, disk: &dyn Disk, offset: i64) -> io::Result<Option<i64>> {
        let Some(delta) = times::delta(self.base, offset) else {
            return Ok(None);
        };
        let file = disk.open(&self.name, Open::Existing)?;
        let told = times::at(&self.times, delta, |block| self.times_block(&*file, block));
        self.noting(told)
    }

    /// The first offset with a later time.
    pub(super) fn later(&self, disk: &dyn Disk, ms: i64) -> io::Result<Option<i64>> {
        let file = disk.open(&self.name, Open::Existing)?;
        let later = times::later(&self.times, ms, |block| self.times_block(&*file, block));
        Ok(self.noting(later)?.map(|delta| self.base + i64::from(delta)))
    }

    /// The steps of a block of times.
    fn times_block(&self, file: &dyn DiskFile, block: usize) -> io::Result<Vec<u8>> {
        let length = self.ends.times - self.ends.blocks;
        let from = self.times.get(block).map_or(0, |head| head.at);
        let end = self.times.get(block + 1).map_or(length, |next| next.at);
        self.summed(file, self.ends.blocks + from, self.ends.blocks + end)
    }

    /// First and last offset of the batches that cannot be read.
    pub(super) fn unreadable(&self, disk: &dyn Disk) -> io::Result<Vec<(i64, i64)>> {
        let mut ranges = Vec::new();
        if self.facts.unreadable == 0 {
            return Ok(ranges);
        }
        let file = disk.open(&self.name, Open::Existing)?;
        let bytes = self.summed(&*file, self.ends.directory, self.ends.ranges)?;
        let (mut rest, mut behind) = (&bytes[..], self.base);
        while !rest.is_empty() {
            let mut number = || varint::take(&mut rest).map_err(|Damaged| self.damaged());
            let first = behind.saturating_add_unsigned(number()?);
            let last = first.saturating_add_unsigned(number()?);
            ranges.push((first, last));
            behind = last.saturating_add(1);
        }
        Ok(ranges)
    }

    /// Which of these rising keys, by their hashes, are not here.
    pub(super) fn missing(&self, disk: &dyn Disk, keys: &[(u64, &[u8])]) -> io::Result<Vec<bool>> {
        let mut missing = Vec::with_capacity(keys.len());
        let mut blocks = Blocks::new(self, disk, 0)?;
        let mut current: Option<(usize, Reading)> = None;
        for (hash, key) in keys {
            // An entry that begins a key stands in the last block that begins with it or with a lower one.
            let Some(at) = self.block_by(*hash, key, |block| block.before == 0) else {
                missing.push(true);
                continue;
            };
            if current.as_ref().is_none_or(|(number, _)| *number != at) {
                blocks.at = at;
                current = blocks.next()?.map(|block| (at, block));
            }
            let mut found = false;
            if let Some((_, block)) = &mut current {
                while block.last().is_none_or(|last| *last.key < **key)
                    && block.next_first().map_err(|Damaged| self.damaged())?.is_some()
                {}
                found = block.last().is_some_and(|last| *last.key == **key);
            }
            missing.push(!found);
        }
        Ok(missing)
    }

    /// Bytes of the file, less their checksum behind them.
    fn summed(&self, file: &dyn DiskFile, from: u64, end: u64) -> io::Result<Vec<u8>> {
        // The file may have become shorter: no more is reserved than it has.
        if end < from + CRC_BYTES as u64 || end > file.len()? {
            return Err(self.damaged());
        }
        let mut bytes = vec![0; (end - from) as usize];
        file.read_at(from, &mut bytes)?;
        let sum = bytes.split_off(bytes.len() - CRC_BYTES);
        match sum == crc(&bytes).to_be_bytes() {
            true => Ok(bytes),
            false => Err(self.damaged()),
        }
    }

    fn noting<T>(&self, read: io::Result<T>) -> io::Result<T> {
        if read.as_ref().is_err_and(is_damaged) {
            self.damaged.store(true, Relaxed);
        }
        read
    }

    /// The last block that begins with a lower key, or with this one where `begins` says yes; `None` when the key is
    /// not here.
    fn block_of(&self, key: &[u8], begins: impl Fn(&BlockHead) -> bool) -> Option<usize> {
        self.block_by(filter::hash(key), key, begins)
    }

    /// The same of a key with this hash.
    fn block_by(&self, hash: u64, key: &[u8], begins: impl Fn(&BlockHead) -> bool) -> Option<usize> {
        if !filter::may_have(&self.filter, hash) {
            return None;
        }
        let behind = self.blocks.partition_point(|block| match (*block.key).cmp(key) {
            Ordering::Less => true,
            Ordering::Equal => begins(block),
            Ordering::Greater => false,
        });
        behind.checked_sub(1)
    }

    /// Whether bytes of it are not those that were written, as far as anybody has noticed.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Relaxed)
    }

    fn damaged(&self) -> io::Error {
        self.damaged.store(true, Relaxed);
        io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", self.name))
    }
}

fn existing(disk: &dyn Disk, name: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
    match disk.open(name, Open::Existing) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a run's footer says; `None` when it is damaged.
fn footer(file: &dyn DiskFile) -> io::Result<Option<(SegmentId, Facts, Ends)>> {
    let Some(footer_at) = file.len()?.checked_sub(FOOTER_BYTES as u64) else {
        return Ok(None);
    };
    let mut footer = [0; FOOTER_BYTES];
    file.read_at(footer_at, &mut footer)?;
    Ok(read_footer(&footer, footer_at))
}
