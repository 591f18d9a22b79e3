//! Reading a chunk in its order.
//!
//! Invariant: records come in the order of (key, offset), none twice, and none that was deleted.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use annals_kafka_wire::batch::{Payload, Record};
use bytes::Bytes;

use super::file::Copy;
use super::layout::{Numbers, take_numbers};
use super::{Chunk, Content};
use crate::disk::DiskFile;
use crate::varint::{self, Damaged};

/// The most bytes of a file that are read at first.
const AHEAD_BYTES_FIRST: u64 = 64 << 10;

/// Reads the records of a [`Chunk`], see [`Chunk::scan`]. It holds one open file, and in memory what was read of it at once.
pub struct Scan {
    chunk: Arc<Chunk>,
    /// Records from this offset on are passed over.
    end: i64,
    from: From,
}

enum From {
    File(Box<Blocks>),
    /// The place of the next record among what was gathered.
    Memory(usize),
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan")
            .field("chunk", &self.chunk)
            .finish_non_exhaustive()
    }
}

/// Where a record's parts are, and its numbers.
struct Spot<'a> {
    key: Bytes,
    /// What the payload is a range of.
    bytes: &'a Bytes,
    payload: Range<usize>,
    offset: i64,
    ms: i64,
}

impl Scan {
    /// From the beginning.
    pub(super) fn new(chunk: Arc<Chunk>, ahead: usize) -> io::Result<Scan> {
        let from = match &chunk.content {
            Content::File(copy) => From::File(Box::new(Blocks::new(Arc::clone(copy), ahead)?)),
            Content::Memory(_) => From::Memory(0),
        };
        Ok(Scan {
            chunk,
            end: i64::MAX,
            from,
        })
    }

    /// The same, which passes over the records from an offset on.
    #[must_use]
    pub fn before(self, end: i64) -> Scan {
        Scan { end, ..self }
    }

    /// The next record in the order of (key, offset); `None` at the end. It always has a key. Its place in its batch is not
    /// known here: `index` is 0. Its key and values are slices of a block, which stays in memory as long as one of them.
    ///
    /// # Errors
    /// As for [`Chunk::scan`]; what came before was right.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator of results goes on after an error"
    )]
    pub fn next(&mut self) -> io::Result<Option<Record>> {
        loop {
            let chunk = &*self.chunk;
            let Some(spot) = spot(&mut self.from, &chunk.content)? else {
                return Ok(None);
            };
            if spot.offset >= self.end || !chunk.holds(spot.offset) {
                continue;
            }
            let Some(payload) = Payload::read(spot.bytes, spot.payload) else {
                return Err(damaged(&chunk.content));
            };
            return Ok(Some(Record {
                offset: spot.offset,
                index: 0,
                timestamp_ms: spot.ms,
                key: Some(spot.key),
                value: payload.value,
                headers: payload.headers,
            }));
        }
    }

    /// Goes on behind a block that could not be read.
    pub(super) fn pass_block(&mut self) {
        match &mut self.from {
            From::File(blocks) => blocks.pass(),
            From::Memory(at) => *at += 1,
        }
    }

    /// Goes on to the first record at or behind (`key`, `offset`); never back. Blocks in between are not read.
    ///
    /// # Errors
    /// As for [`Chunk::scan`].
    pub fn seek(&mut self, key: &[u8], offset: i64) -> io::Result<()> {
        match (&mut self.from, &self.chunk.content) {
            (From::File(blocks), _) => blocks.seek(key, offset),
            (From::Memory(at), Content::Memory(gathered)) => {
                *at = gathered.place_of(key, offset).max(*at);
                Ok(())
            }
            (From::Memory(_), Content::File(_)) => Ok(()),
        }
    }
}

/// The next record.
fn spot<'a>(from: &'a mut From, content: &'a Content) -> io::Result<Option<Spot<'a>>> {
    match (from, content) {
        (From::File(blocks), _) => blocks.take(),
        (From::Memory(at), Content::Memory(gathered)) => {
            let found = gathered.get(*at);
            *at += usize::from(found.is_some());
            Ok(found.map(|found| Spot {
                key: found.piece.slice(found.key),
                bytes: found.piece,
                payload: found.payload,
                offset: found.offset,
                ms: found.ms,
            }))
        }
        (From::Memory(_), Content::File(_)) => Ok(None),
    }
}

fn damaged(content: &Content) -> io::Error {
    match content {
        Content::File(copy) => copy.damaged(),
        Content::Memory(_) => io::Error::other("a record that was read before cannot be read"),
    }
}

/// The blocks of a file, one after the other.
struct Blocks {
    copy: Arc<Copy>,
    file: Arc<dyn DiskFile>,
    /// Bytes read next: twice as many each time, up to so many. Many copies are opened for a page that takes little of each.
    ahead: u64,
    ahead_max: u64,
    /// The block to be read next.
    next: usize,
    /// Bytes of the file from `fetched_at` on.
    fetched: Bytes,
    fetched_at: u64,
    block: Option<Block>,
    /// The block before it: the next one takes its memory, if nobody has a record of it by then.
    before: Bytes,
}

impl Blocks {
    fn new(copy: Arc<Copy>, ahead: usize) -> io::Result<Blocks> {
        Ok(Blocks {
            file: copy.reopen()?,
            copy,
            ahead: AHEAD_BYTES_FIRST.min(ahead as u64),
            ahead_max: ahead as u64,
            next: 0,
            fetched: Bytes::new(),
            fetched_at: 0,
            block: None,
            before: Bytes::new(),
        })
    }

    fn seek(&mut self, key: &[u8], offset: i64) -> io::Result<()> {
        let wanted = self.copy.directory().block_of(key, offset);
        if wanted >= self.next {
            self.next = wanted;
            self.block = None;
        }
        while self.peek()?
            && let Some(block) = &mut self.block
            && block.is_before(key, offset)
        {
            block.pass().map_err(|Damaged| self.copy.damaged())?;
        }
        Ok(())
    }

    fn pass(&mut self) {
        // What was begun of one is not taken up again.
        self.next += usize::from(self.block.take().is_none());
    }

    fn take(&mut self) -> io::Result<Option<Spot<'_>>> {
        if !self.peek()? {
            return Ok(None);
        }
        let Some(block) = &mut self.block else {
            return Ok(None);
        };
        let spot = block.take().map_err(|Damaged| self.copy.damaged())?;
        Ok(Some(spot))
    }

    /// Reads the numbers of the next record; answers whether there is one.
    fn peek(&mut self) -> io::Result<bool> {
        loop {
            if let Some(block) = &mut self.block
                && block.peek().map_err(|Damaged| self.copy.damaged())?
            {
                return Ok(true);
            }
            if self.next >= self.copy.directory().blocks() {
                self.block = None;
                return Ok(false);
            }
            let packed = self.fetch()?;
            let last = self.block.take().map(|block| block.bytes);
            let before = std::mem::replace(&mut self.before, last.unwrap_or_default());
            let bytes = self
                .copy
                .unpacked(&packed, before.try_into_mut().unwrap_or_default())?;
            self.block = Some(Block::new(bytes, (self.copy.first(), self.copy.base_ms())));
            self.next += 1;
        }
    }

    /// The packed bytes of the next block.
    fn fetch(&mut self) -> io::Result<Bytes> {
        let directory = self.copy.directory();
        let (from, end) = (directory.position(self.next), directory.position(self.next + 1));
        let within = |at: u64| {
            let at = usize::try_from(at.checked_sub(self.fetched_at)?).ok()?;
            (at <= self.fetched.len()).then_some(at)
        };
        if let (Some(from), Some(end)) = (within(from), within(end))
            && from <= end
        {
            return Ok(self.fetched.slice(from..end));
        }
        // No more than there are bytes of blocks, and a block at least.
        let last = directory.position(usize::MAX);
        if end < from || last < end {
            return Err(self.copy.damaged());
        }
        let bytes = self.ahead.min(last - from).max(end - from);
        self.ahead = (2 * self.ahead).min(self.ahead_max);
        self.fetched = self.copy.read(&*self.file, from, bytes)?;
        self.fetched_at = from;
        Ok(self.fetched.slice(..(end - from) as usize))
    }
}

/// An unpacked block that is being read.
struct Block {
    bytes: Bytes,
    at: usize,
    /// What the first record of a group is told from.
    base: (i64, i64),
    key: Bytes,
    /// Offset and timestamp of the record before in the group; none between groups.
    before: Option<(i64, i64)>,
    /// The record whose payload is next.
    next: Option<Numbers>,
}

impl Block {
    fn new(bytes: Bytes, base: (i64, i64)) -> Block {
        Block {
            bytes,
            at: 0,
            base,
            key: Bytes::new(),
            before: None,
            next: None,
        }
    }

    /// Reads the numbers of the next record, unless that was done; answers whether there is one.
    fn peek(&mut self) -> Result<bool, Damaged> {
        while self.next.is_none() {
            let mut from = self.bytes.get(self.at..).ok_or(Damaged)?;
            if from.is_empty() {
                return Ok(false);
            }
            let before = match self.before {
                Some(before) => before,
                None => {
                    let length = usize::try_from(varint::take(&mut from)?).map_err(|_| Damaged)?;
                    let key_at = self.bytes.len() - from.len();
                    from = from.get(length..).ok_or(Damaged)?;
                    self.key = self.bytes.slice(key_at..key_at + length);
                    self.base
                }
            };
            let numbers = take_numbers(&mut from, before)?;
            self.at = self.bytes.len() - from.len();
            self.before = numbers.payload_bytes.map(|_| (numbers.offset, numbers.ms));
            self.next = numbers.payload_bytes.map(|_| numbers);
        }
        Ok(true)
    }

    /// Whether the record that was peeked at stands before (key, offset).
    fn is_before(&self, key: &[u8], offset: i64) -> bool {
        let next = self.next.as_ref();
        next.is_some_and(|next| (&*self.key, next.offset) < (key, offset))
    }

    /// Goes behind the record that was peeked at; answers its numbers and where its payload stands.
    fn pass(&mut self) -> Result<(Numbers, Range<usize>), Damaged> {
        let numbers = self.next.take().ok_or(Damaged)?;
        let from = self.at;
        self.at = numbers
            .payload_bytes
            .and_then(|bytes| from.checked_add(bytes))
            .filter(|end| *end <= self.bytes.len())
            .ok_or(Damaged)?;
        Ok((numbers, from..self.at))
    }

    fn take(&mut self) -> Result<Spot<'_>, Damaged> {
        let (numbers, payload) = self.pass()?;
        Ok(Spot {
            key: self.key.clone(),
            bytes: &self.bytes,
            payload,
            offset: numbers.offset,
            ms: numbers.ms,
        })
    }
}
