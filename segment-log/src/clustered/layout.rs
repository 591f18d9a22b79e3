//! How a chunk stands on disk.
//!
//! ```text
//! <first offset>.clustered
//!   blocks of about 16 KiB, back to back; each:
//!       0  4  its bytes before packing, n
//!       4  …  packed as one LZ4 block; as they are where that would not be shorter
//!       …  4  CRC-32C of all of this
//!   directory; for each block
//!       varint  bytes of the block before it; of the first, 0
//!       varint  its first offset, less the first of the range
//!       varint  length of a key | the key
//!     and 4 CRC-32C of it
//!   footer, framed as format.rs says, magic "ANNALSCL", version 2; the body:
//!       0  8  first offset of the range
//!       8  8  end offset of the range
//!      16  8  position of the first batch in the segment's log file
//!      24 61  the batch's header
//!      85  8  position of the last batch
//!      93 61  the batch's header
//!     154  8  records
//!     162  8  base time: what times are told from
//!     170  8  position of the directory
//!     178  8  CRC-64/NVME of everything before the footer
//!
//! a block before packing: groups, back to back
//!     varint  length of the key | the key
//!     for each of its records
//!         varint  1 + length of the payload
//!         varint  offset, less that of the record before it in the group; of the first, less the first of the range
//!         varint  timestamp, less that of the record before it; of the first, less the base time       (zigzag)
//!         …       the payload: value and headers as they stand in a batch
//!     0, unless the block ends
//! ```
//!
//! What a block begins with, as the directory has it, is at most its first record and behind the last of the block before: a key
//! that goes on from there stands whole with the offset, of another one what tells it from that, with the first offset.
//!
//! Invariant: a chunk is a function of its range, of the batches in it, and of which transactions were aborted.

use std::io;

use annals_kafka_wire::batch::HEADER_BYTES;
use bytes::{Buf, BufMut};

use crate::disk::DiskFile;
use crate::format::{self, CRC_BYTES, HEAD_BYTES, crc, frame, unframe};
use crate::order::common;
use crate::varint::{self, Damaged, unzigzag, zigzag};

const MAGIC: &[u8; 8] = b"ANNALSCL";
const VERSION: u32 = 2;
const BODY_BYTES: usize = 186;
pub(super) const FOOTER_BYTES: usize = HEAD_BYTES + BODY_BYTES + CRC_BYTES;

/// A block's length before packing.
pub(super) const LENGTH_BYTES: usize = 4;

/// The first or the last batch of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    /// Where it begins in its segment's log file.
    pub(crate) position: u64,
    /// Its header, which has the batch's checksum.
    pub(crate) header: [u8; HEADER_BYTES],
}

impl Edge {
    /// Whether it begins there in a file.
    fn is_at(&self, file: &dyn DiskFile) -> io::Result<bool> {
        let mut header = [0; HEADER_BYTES];
        match file.read_at(self.position, &mut header) {
            Ok(()) => Ok(header == self.header),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What a chunk was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) first: i64,
    pub(crate) end: i64,
    pub(crate) first_batch: Edge,
    pub(crate) last_batch: Edge,
}

impl Identity {
    /// Whether a log file has the very batches, but for edges whose offsets are lost there.
    pub(crate) fn is_in(
        &self,
        file: &dyn DiskFile,
        is_lost: &dyn Fn(i64) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let has = |edge: &Edge, offset: i64| Ok::<bool, io::Error>(edge.is_at(file)? || is_lost(offset)?);
        Ok(has(&self.first_batch, self.first)? && has(&self.last_batch, self.end - 1)?)
    }
}

/// What a footer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) of: Identity,
    pub(super) records: u64,
    pub(super) base_ms: i64,
    pub(super) directory: u64,
    pub(super) digest: u64,
}

/// Whether a chunk's file is as it was written.
pub(crate) fn is_whole(file: &dyn DiskFile) -> io::Result<bool> {
    format::is_whole(file, (MAGIC, VERSION), BODY_BYTES)
}

impl Footer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(BODY_BYTES);
        body.put_i64(self.of.first);
        body.put_i64(self.of.end);
        for edge in [&self.of.first_batch, &self.of.last_batch] {
            body.put_u64(edge.position);
            body.put_slice(&edge.header);
        }
        body.put_u64(self.records);
        body.put_i64(self.base_ms);
        body.put_u64(self.directory);
        body.put_u64(self.digest);
        frame(MAGIC, VERSION, &body)
    }

    /// `None` when it is none, or makes no sense where it stands at `at`.
    pub(super) fn decode(bytes: &[u8], at: u64) -> Option<Footer> {
        let mut body = unframe(MAGIC, VERSION, bytes).filter(|body| body.len() == BODY_BYTES)?;
        let (first, end) = (body.get_i64(), body.get_i64());
        let mut edge = || {
            let position = body.get_u64();
            let mut header = [0; HEADER_BYTES];
            body.copy_to_slice(&mut header);
            Edge { position, header }
        };
        let of = Identity {
            first,
            end,
            first_batch: edge(),
            last_batch: edge(),
        };
        let footer = Footer {
            of,
            records: body.get_u64(),
            base_ms: body.get_i64(),
            directory: body.get_u64(),
            digest: body.get_u64(),
        };
        (0 <= first && first < end && footer.directory <= at).then_some(footer)
    }
}

/// What blocks begin with.
#[derive(Debug, Default)]
pub(super) struct Directory {
    heads: Vec<Head>,
    keys: Vec<u8>,
    /// Where the last block ends.
    end: u64,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    position: u64,
    offset: i64,
    /// Where the key ends among all keys.
    key_end: usize,
}

impl Directory {
    /// `None` when it is damaged, or its blocks do not end where it stands, at `at`.
    pub(super) fn decode(bytes: &[u8], first: i64, at: u64) -> Option<Directory> {
        let (mut from, sum) = bytes.split_at_checked(bytes.len().checked_sub(CRC_BYTES)?)?;
        if sum != crc(from).to_be_bytes() {
            return None;
        }
        let mut directory = Directory {
            end: at,
            ..Directory::default()
        };
        let mut position = 0u64;
        while !from.is_empty() {
            let mut number = || varint::take(&mut from).ok();
            position = position.checked_add(number()?)?;
            let offset = first.checked_add_unsigned(number()?)?;
            let length = usize::try_from(number()?).ok()?;
            let (key, rest) = from.split_at_checked(length)?;
            from = rest;
            directory.keys.extend_from_slice(key);
            directory.heads.push(Head {
                position,
                offset,
                key_end: directory.keys.len(),
            });
        }
        directory.heads.shrink_to_fit();
        directory.keys.shrink_to_fit();
        let fits = directory.heads.first().is_none_or(|head| head.position == 0) && position <= at;
        fits.then_some(directory)
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.heads.len() * size_of::<Head>() + self.keys.len()
    }

    pub(super) fn blocks(&self) -> usize {
        self.heads.len()
    }

    /// Where a block begins; behind the last, where that ends.
    pub(super) fn position(&self, block: usize) -> u64 {
        self.heads.get(block).map_or(self.end, |head| head.position)
    }

    /// The block in which (key, offset) is, if it is anywhere: the last that begins at or before it.
    pub(super) fn block_of(&self, key: &[u8], offset: i64) -> usize {
        let (mut from, mut to) = (0, self.heads.len());
        while from < to {
            let middle = from + (to - from) / 2;
            match self.begins(middle) <= (key, offset) {
                true => from = middle + 1,
                false => to = middle,
            }
        }
        from.saturating_sub(1)
    }

    fn begins(&self, block: usize) -> (&[u8], i64) {
        let from = block.checked_sub(1).and_then(|before| self.heads.get(before));
        let from = from.map_or(0, |before| before.key_end);
        let Some(head) = self.heads.get(block) else {
            return (&[], i64::MAX);
        };
        let key = self.keys.get(from..head.key_end).unwrap_or_default();
        (key, head.offset)
    }
}

/// A block and the directory that are being written.
pub(super) struct Filling {
    first: i64,
    base_ms: i64,
    pub(super) block: Vec<u8>,
    directory: Vec<u8>,
    /// Bytes of the block closed last.
    closed: u64,
    /// The key written last,
    key: Vec<u8>,
    /// and of the record before in its group: offset and timestamp. None begins a block.
    before: Option<(i64, i64)>,
    is_first: bool,
}

impl Filling {
    pub(super) fn new(first: i64, base_ms: i64) -> Filling {
        Filling {
            first,
            base_ms,
            block: Vec::new(),
            directory: Vec::new(),
            closed: 0,
            key: Vec::new(),
            before: None,
            is_first: true,
        }
    }

    /// Adds the next record in the order.
    pub(super) fn push(&mut self, key: &[u8], offset: i64, ms: i64, payload: &[u8]) {
        let goes_on = !self.is_first && self.key == key;
        if self.block.is_empty() {
            self.enter(key, goes_on.then_some(offset));
        }
        let (before, before_ms) = match self.before {
            Some(before) if goes_on => before,
            before => {
                if before.is_some() {
                    self.block.put_u8(0);
                }
                varint::put(&mut self.block, key.len() as u64);
                self.block.put_slice(key);
                (self.first, self.base_ms)
            }
        };
        varint::put(&mut self.block, payload.len() as u64 + 1);
        varint::put(&mut self.block, (offset - before).cast_unsigned());
        varint::put(&mut self.block, zigzag(ms.wrapping_sub(before_ms)));
        self.block.put_slice(payload);
        self.before = Some((offset, ms));
        if !goes_on {
            self.key.clear();
            self.key.extend_from_slice(key);
        }
        self.is_first = false;
    }

    /// Enters the block that begins with this key, which goes on from the block before where an offset is given.
    fn enter(&mut self, key: &[u8], goes_on: Option<i64>) {
        let told = match goes_on {
            _ if self.is_first => 0,
            Some(_) => key.len(),
            // It is behind the last one, so it has a byte more than what they share.
            None => (common(&self.key, key) + 1).min(key.len()),
        };
        varint::put(&mut self.directory, self.closed);
        let offset = goes_on.unwrap_or(self.first);
        varint::put(&mut self.directory, (offset - self.first).cast_unsigned());
        varint::put(&mut self.directory, told as u64);
        self.directory.put_slice(&key[..told]);
    }

    /// The block ends, and takes so many bytes in the file.
    pub(super) fn close(&mut self, bytes: u64) {
        self.closed = bytes;
        self.block.clear();
        self.before = None;
    }

    /// The directory, with its checksum.
    pub(super) fn directory(self) -> Vec<u8> {
        let mut directory = self.directory;
        directory.put_u32(crc(&directory));
        directory
    }
}

/// A record's numbers as they stand in a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// `None`: the group ends.
    pub(super) payload_bytes: Option<usize>,
    pub(super) offset: i64,
    pub(super) ms: i64,
}

/// Reads a record's numbers off the front, where the one before has this offset and this time.
pub(super) fn take_numbers(from: &mut &[u8], (before, before_ms): (i64, i64)) -> Result<Numbers, Damaged> {
    let length = varint::take(from)?;
    let Some(payload_bytes) = length.checked_sub(1) else {
        return Ok(Numbers {
            payload_bytes: None,
            offset: before,
            ms: before_ms,
        });
    };
    let offset = before.checked_add_unsigned(varint::take(from)?).ok_or(Damaged)?;
    let ms = before_ms.wrapping_add(unzigzag(varint::take(from)?));
    Ok(Numbers {
        payload_bytes: Some(usize::try_from(payload_bytes).map_err(|_| Damaged)?),
        offset,
        ms,
    })
}
