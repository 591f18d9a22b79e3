//! Records of a range of the log, gathered in memory and put in the order of (key, offset).
//!
//! Records stay where they were unpacked; what is sorted is an index of them. Invariant: batches are taken in the order of
//! their offsets, whole or not at all.

use std::ops::Range;

use annals_kafka_wire::batch::{Batch, Compression};
use bytes::Bytes;

use crate::order::{LEADING_BYTES, leading, shared_prefix};

/// What memory takes for a record besides its bytes.
const ENTRY_BYTES: usize = size_of::<Entry>();

/// See the module.
pub(crate) struct Gathered {
    first: i64,
    end: i64,
    /// Unpacked records of batches.
    pieces: Vec<Bytes>,
    entries: Vec<Entry>,
    bytes: usize,
}

/// Where a record is.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// What its key begins with, behind what all keys begin with.
    leading: [u64; 2],
    offset: i64,
    ms: i64,
    piece: u32,
    key_at: u32,
    payload_at: u32,
    payload_end: u32,
}

/// A record.
pub(super) struct Found<'a> {
    pub(super) piece: &'a Bytes,
    pub(super) key: Range<usize>,
    pub(super) payload: Range<usize>,
    pub(super) offset: i64,
    pub(super) ms: i64,
}

impl Found<'_> {
    pub(super) fn key(&self) -> &[u8] {
        self.piece.get(self.key.clone()).unwrap_or_default()
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.piece.get(self.payload.clone()).unwrap_or_default()
    }
}

impl Entry {
    /// A record's key ends where its payload begins.
    fn range(&self) -> Range<usize> {
        self.key_at as usize..self.payload_at as usize
    }

    fn key<'a>(&self, pieces: &'a [Bytes]) -> &'a [u8] {
        let piece = pieces.get(self.piece as usize);
        piece
            .and_then(|piece| piece.get(self.range()))
            .unwrap_or_default()
    }
}

impl Gathered {
    /// Nothing yet, from `first` on.
    pub(crate) fn new(first: i64) -> Gathered {
        Gathered {
            first,
            end: first,
            pieces: Vec::new(),
            entries: Vec::new(),
            bytes: 0,
        }
    }

    pub(crate) fn first(&self) -> i64 {
        self.first
    }

    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    pub(crate) fn records(&self) -> u64 {
        self.entries.len() as u64
    }

    /// About what it takes in memory. It depends on the batches alone, so that ranges are cut at the same places whenever it is
    /// done.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Goes on behind a batch that has nothing for it, at most to `until`.
    pub(crate) fn pass(&mut self, batch: &Batch, until: i64) {
        // It may be held in memory by its neighbours.
        self.bytes += batch.bytes().len();
        self.end = (batch.last_offset() + 1).min(until);
    }

    /// Takes in the committed records of a batch from the first offset on and before `until`. Answers false, and has taken
    /// nothing, when they cannot be read. `limit` is the most bytes they may take decompressed.
    pub(crate) fn take(&mut self, batch: &Batch, until: i64, limit: usize) -> bool {
        let before = self.entries.len();
        let Some(piece) = self.enter(batch, until, limit) else {
            self.entries.truncate(before);
            return false;
        };
        self.bytes += batch.count().unsigned_abs() as usize * ENTRY_BYTES
            + match batch.compression() {
                Compression::None => batch.bytes().len(),
                _ => piece.len(),
            };
        self.pieces.push(piece);
        self.end = (batch.last_offset() + 1).min(until);
        true
    }

    fn enter(&mut self, batch: &Batch, until: i64, limit: usize) -> Option<Bytes> {
        let mut skim = batch.records(limit).ok()?.skim();
        let piece = u32::try_from(self.pieces.len()).ok()?;
        // Whatever a record's place is, it has 32 bits.
        u32::try_from(skim.bytes().len()).ok()?;
        for record in skim.by_ref() {
            let record = record.ok()?;
            if !(self.first..until).contains(&record.offset) {
                continue;
            }
            if let Some(key) = record.key {
                self.entries.push(Entry {
                    leading: [0; 2],
                    offset: record.offset,
                    ms: record.timestamp_ms,
                    piece,
                    key_at: key.start as u32,
                    payload_at: record.payload.start as u32,
                    payload_end: record.payload.end as u32,
                });
            }
        }
        Some(skim.bytes().clone())
    }

    /// Puts the records in their order. Nothing is taken in any more.
    pub(crate) fn sort(&mut self) {
        let pieces = &self.pieces;
        let shared = shared_prefix(self.entries.iter().map(|entry| entry.key(pieces)));
        for entry in &mut self.entries {
            entry.leading = leading(&entry.key(pieces)[shared..]);
        }
        // Those of one key begin alike, and few others do: so keys are looked at once, not at each comparison; and not at all
        // where they are told as a whole.
        self.entries
            .sort_unstable_by_key(|entry| (entry.leading, entry.offset));
        for alike in self
            .entries
            .chunk_by_mut(|one, other| one.leading == other.leading)
        {
            let length = alike.first().map_or(0, |first| first.range().len());
            if length - shared <= LEADING_BYTES && alike.iter().all(|entry| entry.range().len() == length) {
                continue;
            }
            let first = alike.first().map(|first| first.key(pieces));
            if alike.iter().any(|entry| Some(entry.key(pieces)) != first) {
                alike.sort_unstable_by_key(|entry| (entry.key(pieces), entry.offset));
            }
        }
    }

    /// The record at a place in the order.
    pub(super) fn get(&self, at: usize) -> Option<Found<'_>> {
        let entry = self.entries.get(at)?;
        Some(Found {
            piece: self.pieces.get(entry.piece as usize)?,
            key: entry.range(),
            payload: entry.payload_at as usize..entry.payload_end as usize,
            offset: entry.offset,
            ms: entry.ms,
        })
    }

    /// All records in their order.
    pub(super) fn all(&self) -> impl Iterator<Item = Found<'_>> {
        (0..self.entries.len()).filter_map(|at| self.get(at))
    }

    /// The least timestamp; 0 where there is none.
    pub(super) fn earliest_ms(&self) -> i64 {
        let earliest = self.entries.iter().map(|entry| entry.ms).min();
        earliest.unwrap_or_default()
    }

    /// The place of the first record at or behind (key, offset).
    pub(super) fn place_of(&self, key: &[u8], offset: i64) -> usize {
        self.entries
            .partition_point(|entry| (entry.key(&self.pieces), entry.offset) < (key, offset))
    }
}
