//! The keys of a sealed segment on disk: a sorted run that never changes.
//!
//! ```text
//! <base offset>.keys
//!   data blocks of 4 KiB or a little more, back to back                (block.rs)
//!   filter                                                             (filter.rs)
//!   directory: for each block
//!         8 position | 4 first offset, less the base | 4 how many of its first key stand before it
//!       | 4 length of its first key | the key
//!     and 4 CRC-32C of it
//!   footer, framed as format.rs says, magic "ANNALSKY", version 1; the body:
//!       0  8  base offset of the segment
//!       8  8  end offset of the segment
//!      16  8  bytes of its log file
//!      24  4  CRC-32C over the heads of its batches, as in its index
//!      28  1  1 when records are gone from among the others, else 0
//!      29  8  keys
//!      37  8  position of the filter
//!      45  8  position of the directory
//! ```
//!
//! An entry has at most 128 offsets, so that a key that occurs often is found in one block at any offset or number.
//! Invariant: a run is a function of its segment and of which transactions were aborted. It is used for the very
//! segment its footer names, and what is read of it is checked: bad bytes are an error ([`is_damaged`]), not an answer.

use std::cmp::Ordering;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::{Buf, BufMut};

use super::KeyEntry;
use super::block::{Damaged, Reading, Writing};
use super::filter;
use super::part::Part;
use crate::disk::{Disk, DiskFile, Open};
use crate::format::{CRC_BYTES, HEAD_BYTES, crc, frame, unframe};

const MAGIC: &[u8; 8] = b"ANNALSKY";
const VERSION: u32 = 1;
const BODY_BYTES: usize = 53;
const FOOTER_BYTES: usize = HEAD_BYTES + BODY_BYTES + CRC_BYTES;

/// Bytes after which a block is closed: one read gets them for about what it costs by itself.
const BLOCK_BYTES: usize = 4096;

/// Offsets in one entry.
const OFFSETS_MAX: usize = 128;

/// Bytes of the directory for a block, without its key.
const DIRECTORY_ENTRY_BYTES: usize = 20;

/// What a segment is known by: a run was made of this one, or is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentId {
    pub(crate) base: i64,
    pub(crate) end: i64,
    pub(crate) size: u64,
    pub(crate) heads: u32,
}

/// A run's filter and directory; its blocks are read when they are asked for.
#[derive(Debug)]
pub(crate) struct Run {
    name: String,
    base: i64,
    pub(super) gapped: bool,
    filter: Vec<u8>,
    blocks: Vec<BlockHead>,
    /// Where the last block ends.
    blocks_end: u64,
    /// About what it takes in memory.
    bytes: usize,
    /// Somebody came upon bytes that are not those that were written.
    damaged: AtomicBool,
}

#[derive(Debug)]
struct BlockHead {
    position: u64,
    key: Box<[u8]>,
    first: u32,
    before: u32,
}

/// Whether bytes of a run are not those that were written.
pub(crate) fn is_damaged(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// The run of a segment.
pub(crate) fn encode(part: &Part, of: SegmentId) -> Vec<u8> {
    let (mut out, mut directory, mut block) = (Vec::new(), Vec::new(), Writing::default());
    let mut hashes = Vec::with_capacity(part.key_count() as usize);
    for (key, all) in part.sorted() {
        hashes.push(filter::hash(key));
        for (number, offsets) in all.chunks(OFFSETS_MAX).enumerate() {
            let before = number * OFFSETS_MAX;
            if block.bytes.is_empty() {
                directory.put_u64(out.len() as u64);
                directory.put_u32(offsets[0]);
                directory.put_u32(before as u32);
                directory.put_u32(key.len() as u32);
                directory.put_slice(key);
            }
            block.push(key, before, offsets);
            if block.bytes.len() >= BLOCK_BYTES {
                block.close(&mut out);
            }
        }
    }
    if !block.bytes.is_empty() {
        block.close(&mut out);
    }
    let filter_at = out.len();
    out.extend(filter::encode(part.key_count(), hashes.into_iter()));
    let directory_at = out.len();
    out.put_slice(&directory);
    out.put_u32(crc(&directory));
    let mut body = Vec::with_capacity(BODY_BYTES);
    body.put_i64(of.base);
    body.put_i64(of.end);
    body.put_u64(of.size);
    body.put_u32(of.heads);
    body.put_u8(part.is_gapped().into());
    for number in [part.key_count(), filter_at as u64, directory_at as u64] {
        body.put_u64(number);
    }
    out.extend(frame(MAGIC, VERSION, &body));
    out
}

impl Run {
    /// Opens the run of a segment; `None` when there is none, or it is damaged or another's.
    pub(crate) fn open(disk: &dyn Disk, name: &str, of: SegmentId) -> io::Result<Option<Run>> {
        let file = match disk.open(name, Open::Existing) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(footer_at) = file.len()?.checked_sub(FOOTER_BYTES as u64) else {
            return Ok(None);
        };
        let mut footer = [0; FOOTER_BYTES];
        file.read_at(footer_at, &mut footer)?;
        let Some(mut body) = unframe(MAGIC, VERSION, &footer).filter(|body| body.len() == BODY_BYTES) else {
            return Ok(None);
        };
        let found = SegmentId {
            base: body.get_i64(),
            end: body.get_i64(),
            size: body.get_u64(),
            heads: body.get_u32(),
        };
        let gapped = body.get_u8() != 0;
        let [keys, filter_at, directory_at] = std::array::from_fn(|_| body.get_u64());
        let rising = filter_at <= directory_at && directory_at <= footer_at;
        if found != of || !rising || directory_at - filter_at != filter::bytes_for(keys) as u64 {
            return Ok(None);
        }
        let mut filter = vec![0; (directory_at - filter_at) as usize];
        file.read_at(filter_at, &mut filter)?;
        let mut directory = vec![0; (footer_at - directory_at) as usize];
        file.read_at(directory_at, &mut directory)?;
        let heads = directory.len() / DIRECTORY_ENTRY_BYTES * size_of::<BlockHead>();
        Ok(read_directory(&directory).map(|blocks| Run {
            name: name.to_owned(),
            base: of.base,
            gapped,
            bytes: filter.len() + directory.len() + heads,
            filter,
            blocks,
            blocks_end: filter_at,
            damaged: AtomicBool::new(false),
        }))
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
        if let Some(at) = self.block_of(key, |block| is_before(block.first))?
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
        let Some(at) = self.block_of(key, |block| u64::from(block.before) <= skip)? else {
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

    /// The last block that begins with a lower key, or with this one where `begins` says yes; `None` when the key is
    /// not here.
    fn block_of(&self, key: &[u8], begins: impl Fn(&BlockHead) -> bool) -> io::Result<Option<usize>> {
        match filter::may_have(&self.filter, filter::hash(key)) {
            None => return Err(self.damaged()),
            Some(false) => return Ok(None),
            Some(true) => {}
        }
        let behind = self.blocks.partition_point(|block| match (*block.key).cmp(key) {
            Ordering::Less => true,
            Ordering::Equal => begins(block),
            Ordering::Greater => false,
        });
        Ok(behind.checked_sub(1))
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

fn read_directory(bytes: &[u8]) -> Option<Vec<BlockHead>> {
    let end = bytes.len().checked_sub(CRC_BYTES)?;
    let (mut from, sum) = bytes.split_at(end);
    if sum != crc(from).to_be_bytes() {
        return None;
    }
    let mut blocks = Vec::new();
    while !from.is_empty() {
        let position = from.try_get_u64().ok()?;
        let first = from.try_get_u32().ok()?;
        let before = from.try_get_u32().ok()?;
        let key_bytes = from.try_get_u32().ok()? as usize;
        let (key, rest) = from.split_at_checked(key_bytes)?;
        from = rest;
        blocks.push(BlockHead {
            position,
            key: Box::from(key),
            first,
            before,
        });
    }
    Some(blocks)
}

/// Reads blocks one after the other.
struct Blocks<'a> {
    run: &'a Run,
    file: Arc<dyn DiskFile>,
    at: usize,
}

impl<'a> Blocks<'a> {
    fn new(run: &'a Run, disk: &dyn Disk, at: usize) -> io::Result<Blocks<'a>> {
        let file = disk.open(&run.name, Open::Existing)?;
        Ok(Blocks { run, file, at })
    }

    fn next(&mut self) -> io::Result<Option<Reading>> {
        let blocks = &self.run.blocks;
        let Some(head) = blocks.get(self.at) else {
            return Ok(None);
        };
        self.at += 1;
        let end = blocks
            .get(self.at)
            .map_or(self.run.blocks_end, |next| next.position);
        // The file may have become shorter: no more is reserved than it has.
        if end < head.position || end > self.file.len()? {
            return Err(self.run.damaged());
        }
        let mut bytes = vec![0; (end - head.position) as usize];
        self.file.read_at(head.position, &mut bytes)?;
        let block = Reading::new(bytes).map_err(|Damaged| self.run.damaged())?;
        Ok(Some(block))
    }
}
