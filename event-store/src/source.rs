//! Records at offsets: whole batches are read from the log, decoded once, and kept for a while.
//!
//! A [`Cursor`] goes through a partition in ascending order; what it decodes goes to the one [`Cache`] of the store,
//! whose bytes are bounded, so an aggregate whose events share batches costs few reads.
//! Invariant: a cached batch is a copy of its own bytes and pins nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use annals_kafka_wire::batch::{Batch, Record};
use annals_segment_log::Partition;
use bytes::Bytes;

use crate::index::PartitionIndex;

/// Most bytes a batch may unpack to. The log takes batches of about 1 MiB; what unpacks to more is hostile.
pub(crate) const BATCH_BYTES_MAX: usize = 64 << 20;
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
            .records(BATCH_BYTES_MAX)
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

/// Which log, and the first offset of the batch in it. A log in use keeps its address.
type Place = (usize, i64);

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

    fn get(&self, log: usize, offset: i64) -> Option<Arc<Decoded>> {
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

    fn put(&self, log: usize, batch: &Arc<Decoded>) {
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

    /// Forgets everything, for when a log goes away and its address may come back as another's.
    pub(crate) fn clear(&self) {
        *self.lru.lock().unwrap_or_else(PoisonError::into_inner) = Lru::default();
    }
}

/// Reads records of one partition at ascending offsets.
pub(crate) struct Cursor<'a> {
    log: &'a Arc<Partition>,
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
            log: &partition.log,
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
        let log = Arc::as_ptr(self.log) as usize;
        if let Some(batch) = self.cache.get(log, offset) {
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
        self.cache.put(log, &decoded);
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
            .log
            .read(offset, self.bytes)
            .map_err(|error| error.to_string())?;
        let mut position = 0;
        while position < bytes.len() {
            let (batch, after) = Batch::parse(&bytes, position).map_err(|error| error.to_string())?;
            self.ahead.push(batch);
            position = after;
        }
        self.ahead.reverse();
        Ok(())
    }
}
