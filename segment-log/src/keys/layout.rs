//! How a run is laid out: the keys and times of a sealed segment, or of several that follow each other, sorted.
//!
//! ```text
//! <base offset>.keys
//!   data blocks of 4 KiB or a little more, back to back                (block.rs)
//!   blocks of times                                                    (times.rs)
//!   filter                                                             (filter.rs)
//!   directory:
//!       4 how many blocks of times there are; for each
//!         4 first offset, less the base | 8 its time | 8 position, from where the first begins
//!       for each data block
//!         8 position | 4 first offset, less the base | 4 how many of its first key stand before it
//!       | 4 length of its first key | the key
//!     and 4 CRC-32C of it
//!   where batches cannot be read, or records of them are gone, for each by rising offset
//!       varint  its first offset, less one behind the batch before it, or the base
//!       varint  its last offset, less its first
//!     and 4 CRC-32C of it
//!   footer, framed as format.rs says, magic "ANNALSKY", version 2; the body:
//!       0  8  base offset of the segment, or of the first
//!       8  8  end offset of the segment, or of the last
//!      16  8  bytes of its log file, or of all
//!      24  4  CRC-32C over the heads of its batches, as in its index; of several segments, over what is in these four
//!             fields of each
//!      28  1  1 when records are gone from among the others, else 0
//!      29  8  keys
//!      37  8  events
//!      45  8  events without a key
//!      53  8  offset of the first event whose time is its producer's; -1: there is none
//!      61  8  the latest time
//!      69  8  batches that cannot be read, or of which records are gone
//!      77  8  position of the times
//!      85  8  position of the filter
//!      93  8  position of the directory
//!     101  8  position of the batches that cannot be read
//!     109  8  CRC-64/NVME of everything before the footer
//! ```
//!
//! An entry has at most 128 offsets, so that a key that occurs often is found in one block at any offset or number.
//! Invariant: a run is a function of its segments and of which transactions were aborted.
//! Version 1 had no times; a run of it is made anew.

use std::io;

use bytes::{Buf, BufMut};

use super::facts::Facts;
use super::part::Part;
use super::times::Times;
use super::{block, filter, times};
use crate::digested::Digested;
use crate::disk::DiskFile;
use crate::format::{self, CRC_BYTES, HEAD_BYTES, crc, frame, unframe};
use crate::varint;

const MAGIC: &[u8; 8] = b"ANNALSKY";
const VERSION: u32 = 2;
const BODY_BYTES: usize = 117;
pub(super) const FOOTER_BYTES: usize = HEAD_BYTES + BODY_BYTES + CRC_BYTES;

/// Bytes after which a block is closed: one read gets them for about what it costs by itself.
const BLOCK_BYTES: usize = 4096;

/// Hashes of keys in one piece of memory: half a megabyte.
const HASHES: usize = 64 * 1024;

/// Offsets in one entry.
pub(super) const OFFSETS_MAX: usize = 128;

/// What segments are known by: a run was made of these, or is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentId {
    pub(crate) base: i64,
    pub(crate) end: i64,
    pub(crate) size: u64,
    pub(crate) heads: u32,
}

impl SegmentId {
    /// Of segments that follow each other; of one, its own. `None` of none.
    pub(crate) fn of_all(all: &[SegmentId]) -> Option<SegmentId> {
        let (first, last) = (all.first()?, all.last()?);
        if all.len() == 1 {
            return Some(*first);
        }
        let mut fields = Vec::new();
        for one in all {
            fields.put_i64(one.base);
            fields.put_i64(one.end);
            fields.put_u64(one.size);
            fields.put_u32(one.heads);
        }
        Some(SegmentId {
            base: first.base,
            end: last.end,
            size: all.iter().map(|one| one.size).sum(),
            heads: crc(&fields),
        })
    }
}

/// Where the parts of a run end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) blocks: u64,
    pub(super) times: u64,
    pub(super) filter: u64,
    pub(super) directory: u64,
    pub(super) ranges: u64,
}

#[derive(Debug)]
pub(super) struct BlockHead {
    pub(super) position: u64,
    pub(super) key: Box<[u8]>,
    pub(super) first: u32,
    pub(super) before: u32,
}

/// The run of a segment.
pub(crate) fn encode(part: &Part, of: SegmentId) -> Vec<u8> {
    let mut writing = Writing::default();
    for (key, offsets) in part.sorted() {
        writing.push(key, offsets);
    }
    writing
        .finish(part.times(), part.unreadable(), part.facts(), of)
        .1
}

/// A run that is being written.
#[derive(Default)]
pub(super) struct Writing {
    out: Digested,
    directory: Vec<u8>,
    block: block::Writing,
    /// In pieces, of which none is large.
    hashes: Vec<Vec<u64>>,
    /// Where the times begin, once there are no more keys.
    times_at: Option<u64>,
}

impl Writing {
    /// Adds a key and all its offsets, one at least; keys come in order.
    pub(super) fn push(&mut self, key: &[u8], all: &[u32]) {
        match self.hashes.last_mut() {
            Some(some) if some.len() < HASHES => some.push(filter::hash(key)),
            _ => self.hashes.push(vec![filter::hash(key)]),
        }
        for (number, offsets) in all.chunks(OFFSETS_MAX).enumerate() {
            let before = number * OFFSETS_MAX;
            if self.block.bytes.is_empty() {
                self.directory.put_u64(self.out.position());
                self.directory.put_u32(offsets[0]);
                self.directory.put_u32(before as u32);
                self.directory.put_u32(key.len() as u32);
                self.directory.put_slice(key);
            }
            self.block.push(key, before, offsets);
            if self.block.bytes.len() >= BLOCK_BYTES {
                self.block.close(&mut self.out.waiting);
            }
        }
    }

    /// Writes what there is, if it is much.
    pub(super) fn flush_some(&mut self, file: &dyn DiskFile) -> io::Result<()> {
        self.out.flush_some(file)
    }

    /// No more keys come; answers where the times begin.
    fn end_keys(&mut self) -> u64 {
        if !self.block.bytes.is_empty() {
            self.block.close(&mut self.out.waiting);
        }
        *self.times_at.get_or_insert(self.out.position())
    }

    /// Takes over the times to which nothing is added any more, behind all keys.
    pub(super) fn put_times(&mut self, times: &mut Times, file: &dyn DiskFile) -> io::Result<()> {
        self.end_keys();
        times.drain_to(&mut self.out.waiting);
        self.flush_some(file)
    }

    /// The rest of the run, with what else there is to say, and where it is to be written.
    pub(super) fn finish(
        mut self,
        times: &Times,
        unreadable: &[(i64, i64)],
        facts: &Facts,
        of: SegmentId,
    ) -> (u64, Vec<u8>) {
        let times_at = self.end_keys();
        let Writing {
            mut out,
            directory,
            hashes,
            ..
        } = self;
        let keys = hashes.iter().map(Vec::len).sum::<usize>() as u64;
        let (times, heads) = times.closed();
        out.waiting.put_slice(&times);
        let filter_at = out.position();
        out.waiting
            .extend(filter::encode(keys, hashes.into_iter().flatten()));
        let directory_at = out.position();
        put_directory(&mut out.waiting, &heads, &directory);
        let ranges_at = out.position();
        put_ranges(&mut out.waiting, of.base, unreadable);
        let positions = [times_at, filter_at, directory_at, ranges_at];
        let (digest, at, mut rest) = out.finish();
        let facts = Facts {
            keys,
            ..facts.clone()
        };
        rest.extend(frame(MAGIC, VERSION, &body(of, &facts, positions, digest)));
        (at, rest)
    }
}

fn put_directory(out: &mut Vec<u8>, times: &[times::Head], blocks: &[u8]) {
    let from = out.len();
    out.put_u32(times.len() as u32);
    for head in times {
        out.put_u32(head.first);
        out.put_i64(head.ms);
        out.put_u64(head.at);
    }
    out.put_slice(blocks);
    let sum = crc(&out[from..]);
    out.put_u32(sum);
}

fn put_ranges(out: &mut Vec<u8>, base: i64, ranges: &[(i64, i64)]) {
    if ranges.is_empty() {
        return;
    }
    let (from, mut behind) = (out.len(), base);
    for (first, last) in ranges {
        varint::put(out, (first - behind).cast_unsigned());
        varint::put(out, (last - first).cast_unsigned());
        behind = last + 1;
    }
    let sum = crc(&out[from..]);
    out.put_u32(sum);
}

fn body(of: SegmentId, facts: &Facts, positions: [u64; 4], digest: u64) -> Vec<u8> {
    let mut body = Vec::with_capacity(BODY_BYTES);
    body.put_i64(of.base);
    body.put_i64(of.end);
    body.put_u64(of.size);
    body.put_u32(of.heads);
    body.put_u8(facts.gapped.into());
    body.put_u64(facts.keys);
    body.put_u64(facts.records);
    body.put_u64(facts.keyless);
    body.put_i64(facts.producer_from.unwrap_or(-1));
    body.put_i64(facts.last_ms.unwrap_or(0));
    body.put_u64(facts.unreadable);
    for position in positions {
        body.put_u64(position);
    }
    body.put_u64(digest);
    body
}

/// Whether a run is as it was written.
pub(crate) fn is_whole(file: &dyn DiskFile) -> io::Result<bool> {
    format::is_whole(file, (MAGIC, VERSION), BODY_BYTES)
}

/// What a footer says, which stands at `footer_at`; `None` when it is none, or makes no sense.
pub(super) fn read_footer(footer: &[u8], footer_at: u64) -> Option<(SegmentId, Facts, Ends)> {
    let mut body = unframe(MAGIC, VERSION, footer).filter(|body| body.len() == BODY_BYTES)?;
    let found = SegmentId {
        base: body.get_i64(),
        end: body.get_i64(),
        size: body.get_u64(),
        heads: body.get_u32(),
    };
    let facts = Facts {
        gapped: body.get_u8() != 0,
        keys: body.get_u64(),
        records: body.get_u64(),
        keyless: body.get_u64(),
        producer_from: Some(body.get_i64()).filter(|offset| *offset >= 0),
        last_ms: Some(body.get_i64()),
        unreadable: body.get_u64(),
    };
    let ends = Ends {
        blocks: body.get_u64(),
        times: body.get_u64(),
        filter: body.get_u64(),
        directory: body.get_u64(),
        ranges: footer_at,
    };
    let rising = ends.blocks <= ends.times
        && ends.times <= ends.filter
        && ends.filter <= ends.directory
        && ends.directory <= ends.ranges;
    let fits = rising && ends.filter - ends.times == filter::bytes_for(facts.keys) as u64;
    fits.then_some((found, facts, ends))
}

/// What each block of times and each data block begins with.
pub(super) fn read_directory(bytes: &[u8]) -> Option<(Vec<times::Head>, Vec<BlockHead>)> {
    let end = bytes.len().checked_sub(CRC_BYTES)?;
    let (mut from, sum) = bytes.split_at(end);
    if sum != crc(from).to_be_bytes() {
        return None;
    }
    let mut times = Vec::new();
    for _ in 0..from.try_get_u32().ok()? {
        times.push(times::Head {
            first: from.try_get_u32().ok()?,
            ms: from.try_get_i64().ok()?,
            at: from.try_get_u64().ok()?,
        });
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
    Some((times, blocks))
}
