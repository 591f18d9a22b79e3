//! The file that holds the derived state as of a segment's first offset, so that a start scans one segment only.
//!
//! ```text
//! <base offset>.snap, framed as format.rs says, magic "ANNALSPR", version 2; the body:
//!  0  8  base offset of the segment: every batch before it is taken in, none behind
//!  8  4  number of producers
//! 12  …  producers, by rising id:
//!          0  8  producer id
//!          8  2  epoch
//!         10  8  when it last wrote, ms since 1970
//!         18  8  offset of its last record
//!         26  1  number of batches, n <= 5
//!         27 24n batches, oldest first:
//!                  0  4  first sequence
//!                  4  4  last sequence
//!                  8  8  base offset
//!                 16  8  last offset
//!  …  4  number of open transactions
//!  …  …  open transactions, by rising producer:
//!          0  8  producer id
//!          8  8  offset of the first record
//!  …  4  number of aborted transactions
//!  …  …  aborted transactions, by rising marker:
//!          0  8  producer id
//!          8  8  offset of the first record
//!         16  8  offset of the marker
//!         24  8  up to where everything was decided
//! ```
//!
//! Version 1 ends behind the producers: there were no transactions then.
//!
//! Invariant: a snapshot that is missing, damaged or for another offset is not used; the segments before are scanned.

use std::collections::VecDeque;
use std::io;

use bytes::{Buf, BufMut};

use super::Derived;
use super::producer::{BATCHES_MAX, Producer, Producers, Written};
use super::transaction::{Aborted, Transactions};
use crate::disk::DiskFile;
use crate::format::{frame, unframe};

const MAGIC: &[u8; 8] = b"ANNALSPR";
const VERSION: u32 = 2;
const VERSION_WITHOUT_TRANSACTIONS: u32 = 1;

/// Largest file worth reading, in bytes: 400,000 producers, or two million aborted transactions.
pub(crate) const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The snapshot file for the segment that begins at `base`.
pub(crate) fn encode(derived: &Derived, base: i64) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_i64(base);
    put_producers(&mut body, &derived.producers);
    let open = derived.transactions.open();
    body.put_u32(open.len() as u32);
    for (producer_id, first_offset) in open {
        body.put_i64(producer_id);
        body.put_i64(first_offset);
    }
    let aborted = derived.transactions.aborted();
    body.put_u32(aborted.len() as u32);
    for aborted in aborted {
        body.put_i64(aborted.producer_id);
        body.put_i64(aborted.first_offset);
        body.put_i64(aborted.last_offset);
        body.put_i64(aborted.stable_end);
    }
    frame(MAGIC, VERSION, &body)
}

fn put_producers(body: &mut Vec<u8>, producers: &Producers) {
    let sorted = producers.sorted();
    body.put_u32(sorted.len() as u32);
    for (id, producer) in sorted {
        body.put_i64(id);
        body.put_i16(producer.epoch);
        body.put_i64(producer.last_ms);
        body.put_i64(producer.last_offset);
        body.put_u8(producer.batches.len() as u8);
        for batch in &producer.batches {
            body.put_i32(batch.first_sequence);
            body.put_i32(batch.last_sequence);
            body.put_i64(batch.base_offset);
            body.put_i64(batch.last_offset);
        }
    }
}

/// Whether a file is, to the last byte, a snapshot that was written.
pub(crate) fn is_whole(file: &dyn DiskFile) -> io::Result<bool> {
    let len = file.len()?;
    if len > FILE_BYTES_MAX {
        return Ok(false);
    }
    let bytes = file.read(0, len as usize)?;
    let versions = [VERSION, VERSION_WITHOUT_TRANSACTIONS];
    Ok(versions
        .iter()
        .any(|version| unframe(MAGIC, *version, &bytes).is_some()))
}

/// Reads a snapshot file; `None` means it cannot be used for the segment that begins at `base`.
pub(crate) fn decode(file: &[u8], base: i64, producers_max: usize) -> Option<Derived> {
    let old = || unframe(MAGIC, VERSION_WITHOUT_TRANSACTIONS, file);
    let (mut body, has_transactions) = match unframe(MAGIC, VERSION, file) {
        Some(body) => (body, true),
        None => (old()?, false),
    };
    if body.try_get_i64().ok()? != base {
        return None;
    }
    let mut derived = Derived::new(producers_max);
    for _ in 0..body.try_get_u32().ok()? {
        let (id, producer) = read_producer(&mut body)?;
        derived.producers.insert(id, producer);
    }
    if has_transactions {
        derived.transactions = read_transactions(&mut body, producers_max)?;
    }
    let transactions = &derived.transactions;
    derived.producers.shrink(&|id| transactions.is_open(id));
    body.is_empty().then_some(derived)
}

fn read_producer(body: &mut &[u8]) -> Option<(i64, Producer)> {
    let id = body.try_get_i64().ok()?;
    let mut producer = Producer {
        epoch: body.try_get_i16().ok()?,
        last_ms: body.try_get_i64().ok()?,
        last_offset: body.try_get_i64().ok()?,
        batches: VecDeque::new(),
    };
    let count = usize::from(body.try_get_u8().ok()?);
    if count > BATCHES_MAX {
        return None;
    }
    for _ in 0..count {
        producer.batches.push_back(Written {
            first_sequence: body.try_get_i32().ok()?,
            last_sequence: body.try_get_i32().ok()?,
            base_offset: body.try_get_i64().ok()?,
            last_offset: body.try_get_i64().ok()?,
        });
    }
    Some((id, producer))
}

fn read_transactions(body: &mut &[u8], open_max: usize) -> Option<Transactions> {
    let mut open = Vec::new();
    for _ in 0..body.try_get_u32().ok()? {
        open.push((body.try_get_i64().ok()?, body.try_get_i64().ok()?));
    }
    let mut aborted = Vec::new();
    for _ in 0..body.try_get_u32().ok()? {
        aborted.push(Aborted {
            producer_id: body.try_get_i64().ok()?,
            first_offset: body.try_get_i64().ok()?,
            last_offset: body.try_get_i64().ok()?,
            stable_end: body.try_get_i64().ok()?,
        });
    }
    Some(Transactions::restored(open_max, open, aborted))
}
