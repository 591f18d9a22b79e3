//! Records at offsets: whole batches are read from the log, decoded once, and kept for a while.
//!
//! A [`Cursor`] goes through a partition in ascending order; what it decodes goes to the one [`Cache`] of the store,
//! whose bytes are bounded, so an aggregate whose events share batches costs few reads.
//! Invariant: a cached batch is a copy of its own bytes and pins nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use annals_kafka_wire::batch::{Batch, DECOMPRESSED_BYTES_MAX, Record, batches};
use annals_segment_log::Partition;
use bytes::Bytes;

use crate::index::PartitionIndex;

/// Bytes read at once when most of what is read is wanted.
pub(crate) const SCAN_BYTES: usize = 512 << 10;
/// Bytes read at once when one batch is wanted.
const POINT_BYTES: usize = 16 << 10;
/// Wanted records closer together than this, on average, are read as a scan.
const SCAN_GAP_MAX: i64 = 64;
/// Bytes of decoded batches the store keeps.
pub(crate) const CACHE_BYTES_MAX: usize = 16 << 20;
/// What a decoded record costs besides its bytes.
const RECORD_BYTES: usize = 160;

/// The log an aggregate's events are in.
#[derive(Clone)]
pub struct Source {
    /// The topic.
    pub topic: String,
    /// Its partitions, in order from 0.
    pub partitions: Vec<Arc<Partition>>,
}

/// A batch with its records read.
struct Decoded {
    first: i64,
    last: i64,
    records: Vec<Record>,
    bytes: usize,
}

impl Decoded {
    fn read(batch: &Batch) -> Result<Decoded, String> {
        let own = Bytes::copy_from_slice(batch.bytes());
        let (batch, _) = Batch::parse(&own, 0).map_err(|error| error.to_string())?;
        let records = batch
            .records(DECOMPRESSED_BYTES_MAX)
            .map_err(|error| error.to_string())?;
        let records: Vec<Record> = records
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        let unpacked = records.iter().map(|record| {
            RECORD_BYTES
                + record.key.as_ref().map_or(0, Bytes::len)
                + record.value.as_ref().map_or(0, Bytes::len)
        });
        let bytes = own.len() + unpacked.sum::<usize>();
        Ok(Decoded {
            first: batch.base_offset(),
            last: batch.last_offset(),
            records,
            bytes,
        })
    }

    fn contains(&self, offset: i64) -> bool {
        (self.first..=self.last).contains(&offset)
    }

    fn record(&self, offset: i64) -> Option<&Record> {
        let place = self
            .records
            .binary_search_by_key(&offset, |record| record.offset)
            .ok()?;
        self.records.get(place)
    }
}

/// Which index's log, and the first offset of the batch in it.
type Place = (u64, i64);

#[derive(Default)]
struct Lru {
    batches: BTreeMap<Place, (u64, Arc<Decoded>)>,
    by_use: BTreeMap<u64, Place>,
    uses: u64,
    bytes: usize,
}

/// The batches decoded last, up to a bound of bytes.
pub(crate) struct Cache {
    lru: Mutex<Lru>,
    bytes_max: usize,
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Cache {
        Cache {
            lru: Mutex::default(),
            bytes_max,
        }
    }

    fn get(&self, log: u64, offset: i64) -> Option<Arc<Decoded>> {
        let mut guard = self.lru.lock().unwrap_or_else(PoisonError::into_inner);
        let lru = &mut *guard;
        let (place, (used, batch)) = lru.batches.range_mut(..=(log, offset)).next_back()?;
        if place.0 != log || !batch.contains(offset) {
            return None;
        }
        lru.by_use.remove(used);
        lru.uses += 1;
        *used = lru.uses;
        lru.by_use.insert(lru.uses, *place);
        Some(Arc::clone(batch))
    }

    fn put(&self, log: u64, batch: &Arc<Decoded>) {
        if batch.bytes > self.bytes_max {
            return;
        }
        let mut guard = self.lru.lock().unwrap_or_else(PoisonError::into_inner);
        let lru = &mut *guard;
        lru.uses += 1;
        let place = (log, batch.first);
        if let Some((used, old)) = lru.batches.insert(place, (lru.uses, Arc::clone(batch))) {
            lru.by_use.remove(&used);
            lru.bytes -= old.bytes;
        }
        lru.by_use.insert(lru.uses, place);
        lru.bytes += batch.bytes;
        while lru.bytes > self.bytes_max {
            let Some((_, oldest)) = lru.by_use.pop_first() else {
                break;
            };
            if let Some((_, old)) = lru.batches.remove(&oldest) {
                lru.bytes -= old.bytes;
            }
        }
    }
}

/// Reads records of one partition at ascending offsets.
pub(crate) struct Cursor<'a> {
    partition: &'a PartitionIndex,
    cache: &'a Cache,
    bytes: usize,
    current: Option<Arc<Decoded>>,
    /// What was read ahead and not yet decoded, the next batch last.
    ahead: Vec<Batch>,
}

impl<'a> Cursor<'a> {
    /// A cursor for so many records between two offsets.
    pub(crate) fn new(partition: &'a PartitionIndex, cache: &'a Cache, wanted: &[i64]) -> Cursor<'a> {
        let span = wanted
            .last()
            .copied()
            .unwrap_or(0)
            .saturating_sub(wanted.first().copied().unwrap_or(0));
        let dense = i64::try_from(wanted.len()).is_ok_and(|count| count > 4 && span / count < SCAN_GAP_MAX);
        let bytes = if dense { SCAN_BYTES } else { POINT_BYTES };
        Cursor {
            partition,
            cache,
            bytes,
            current: None,
            ahead: Vec::new(),
        }
    }

    /// The record at an offset, or a sentence why it cannot be read.
    pub(crate) fn record(&mut self, offset: i64) -> Result<&Record, String> {
        if !self.current.as_ref().is_some_and(|batch| batch.contains(offset)) {
            self.current = Some(self.batch(offset)?);
        }
        let batch = self.current.as_ref().and_then(|batch| batch.record(offset));
        batch.ok_or_else(|| format!("the log has no record at offset {offset}"))
    }

    fn batch(&mut self, offset: i64) -> Result<Arc<Decoded>, String> {
        if let Some(batch) = self.cache.get(self.partition.id, offset) {
            return Ok(batch);
        }
        let batch = match self.take_ahead(offset) {
            Some(batch) => batch,
            None => {
                self.read_ahead(offset)?;
                self.take_ahead(offset)
                    .ok_or_else(|| format!("the log has no record at offset {offset}"))?
            }
        };
        let decoded = Arc::new(Decoded::read(&batch)?);
        self.cache.put(self.partition.id, &decoded);
        Ok(decoded)
    }

    fn take_ahead(&mut self, offset: i64) -> Option<Batch> {
        while let Some(batch) = self.ahead.pop() {
            if batch.base_offset() > offset {
                self.ahead.push(batch);
                return None;
            }
            if offset <= batch.last_offset() {
                return Some(batch);
            }
        }
        None
    }

    fn read_ahead(&mut self, offset: i64) -> Result<(), String> {
        self.ahead.clear();
        let bytes = self
            .partition
            .log
            .read(offset, self.bytes)
            .map_err(|error| error.to_string())?;
        for batch in batches(&bytes) {
            self.ahead.push(batch.map_err(|error| error.to_string())?);
        }
        self.ahead.reverse();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use annals_kafka_wire::batch::BatchBuilder;

    /// A batch of one record with so many bytes, at this offset.
    fn decoded(offset: i64, bytes: usize) -> Arc<Decoded> {
        let mut builder = BatchBuilder::new();
        builder.push(0, Some(b"k"), Some(&vec![0; bytes]), &[]);
        let mut bytes = bytes::BytesMut::from(&builder.build()[..]);
        annals_kafka_wire::batch::stamp(&mut bytes, offset, 0);
        let (batch, _) = Batch::parse(&bytes.freeze(), 0).unwrap();
        Arc::new(Decoded::read(&batch).unwrap())
    }

    #[test]
    fn the_cache_keeps_what_was_used_last_and_no_more_than_it_may() {
        let one = decoded(0, 1_000).bytes;
        let cache = Cache::new(3 * one);
        for offset in 0..3 {
            cache.put(7, &decoded(offset, 1_000));
        }
        assert!(cache.get(7, 0).is_some() && cache.get(8, 0).is_none());
        cache.put(7, &decoded(3, 1_000));
        let kept: Vec<bool> = (0..4).map(|offset| cache.get(7, offset).is_some()).collect();
        assert_eq!(kept, [true, false, true, true]);
        cache.put(7, &decoded(3, 1_000));
        cache.put(7, &decoded(9, 1_000_000));
        assert!(cache.get(7, 9).is_none());
        let lru = cache.lru.lock().unwrap();
        assert_eq!((lru.batches.len(), lru.by_use.len(), lru.bytes), (3, 3, 3 * one));
    }
}
