//! The file that holds the producers as of a segment's first offset, so that a start scans one segment only.
//!
//! ```text
//! <base offset>.snap, framed as format.rs says, magic "ANNALSPR", version 1; the body:
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
//! ```
//!
//! Invariant: a snapshot that is missing, damaged or for another offset is not used; the segments before are scanned.

use std::collections::VecDeque;

use bytes::{Buf, BufMut};

use super::{BATCHES_MAX, Producer, Producers, Written};
use crate::format::{frame, unframe};

const MAGIC: &[u8; 8] = b"ANNALSPR";
const VERSION: u32 = 1;
const PRODUCER_BYTES: usize = 27;
const BATCH_BYTES: usize = 24;

/// Largest file worth reading, in bytes: 400,000 producers.
pub(crate) const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The snapshot file for the segment that begins at `base`.
pub(crate) fn encode(producers: &Producers, base: i64) -> Vec<u8> {
    let mut body =
        Vec::with_capacity(12 + producers.known.len() * (PRODUCER_BYTES + BATCHES_MAX * BATCH_BYTES));
    body.put_i64(base);
    body.put_u32(producers.known.len() as u32);
    let mut sorted: Vec<_> = producers.known.iter().collect();
    sorted.sort_unstable_by_key(|(id, _)| **id);
    for (id, producer) in sorted {
        body.put_i64(*id);
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
    frame(MAGIC, VERSION, &body)
}

/// Reads a snapshot file; `None` means it cannot be used for the segment that begins at `base`.
pub(crate) fn decode(file: &[u8], base: i64, producers_max: usize) -> Option<Producers> {
    let mut body = unframe(MAGIC, VERSION, file)?;
    if body.try_get_i64().ok()? != base {
        return None;
    }
    let count = body.try_get_u32().ok()?;
    let mut producers = Producers::new(producers_max);
    for _ in 0..count {
        let (id, producer) = read_producer(&mut body)?;
        producers.known.insert(id, producer);
        if producers.known.len() > producers.max {
            producers.evict();
        }
    }
    body.is_empty().then_some(producers)
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
