//! Records at offsets: whole batches are read from the log, unpacked once, and kept for a while.
//!
//! A [`Cursor`] goes through a partition in ascending order; what it unpacks goes to the one [`Cache`] of the store,
//! whose bytes are bounded, so an aggregate whose events share batches costs few reads. Of the records before one that is
//! wanted only lengths and offsets are looked at: most batches are read for one record among a hundred.
//! Invariant: a cached batch is its bytes, a copy that pins nothing else; what a record would take once it is read, with all
//! its headers, is held for one record of a cursor alone. So what is counted is what is held.
//! Where the log is damaged, what stood there is read from its copies in the order of keys, by whoever goes by keys.
//! Whatever is read is work of the question it is read for, and ends with it (`work.rs`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use annals_kafka_wire::batch::{Batch, Record, Records, batches};
use annals_segment_log::{Partition, ReadError};

use crate::error::StoreError;
use crate::index::PartitionIndex;
use crate::keyed::Keyed;
use crate::store::EventStore;
use crate::work::Work;

/// Bytes read at once when most of what is read is wanted.
pub(crate) const SCAN_BYTES: usize = 512 << 10;
/// Bytes read at once when one batch is wanted: none beyond it.
const POINT_BYTES: usize = 0;
/// Wanted records closer together than this, on average, are read as a scan.
const SCAN_GAP_MAX: i64 = 64;
/// Bytes of unpacked batches the store keeps.
pub(crate) const CACHE_BYTES_MAX: usize = 16 << 20;
/// What a batch costs besides its records: itself, its two rows in the cache, and what the allocator adds.
const BATCH_BYTES: usize = 384;

/// The log an aggregate's events are in: what [`Source::open`] gives.
#[derive(Clone)]
pub struct Source {
    /// The topic.
    pub topic: String,
    /// The id that tells it from another topic of its name, deleted before or created after, where its broker gives one. Answers
    /// have it among what they rest on.
    pub topic_id: Option<String>,
    /// Its partitions, in order from 0.
    pub partitions: Vec<Arc<Partition>>,
}

/// Why a record was not read.
enum Unread {
    /// It cannot be.
    Problem(String),
    /// The question has come to its end.
    Ended(StoreError),
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Unread {
        Unread::Ended(error)
    }
}

fn problem(problem: impl ToString) -> Unread {
    Unread::Problem(problem.to_string())
}

/// A batch ready to be read.
struct Unpacked {
    first: i64,
    last: i64,
    /// Before the first of its records.
    records: Records,
    bytes: usize,
}

impl Unpacked {
    /// `limit` is its partition's bound on what a batch gives.
    fn of(batch: &Batch, limit: usize, work: &Work) -> Result<Unpacked, Unread> {
        let records = batch.records(limit).map_err(problem)?.detached();
        let bytes = records.unread_bytes();
        work.batch(bytes)?;
        Ok(Unpacked {
            first: batch.base_offset(),
            last: batch.last_offset(),
            bytes: BATCH_BYTES + bytes,
            records,
        })
    }

    fn contains(&self, offset: i64) -> bool {
        (self.first..=self.last).contains(&offset)
    }
}

/// A batch as it is read record by record.
struct Reading {
    batch: Arc<Unpacked>,
    /// The record read last, and the reading of those after it.
    last: Option<(Record, Records)>,
}

impl Reading {
    /// The record at an offset; nothing when the batch has none there.
    fn record(&mut self, offset: i64, work: &Work) -> Result<Option<&Record>, Unread> {
        let read = self.last.as_ref().map(|(record, _)| record.offset);
        if read != Some(offset) {
            let mut records = match self.last.take() {
                Some((record, records)) if record.offset < offset => records,
                _ => self.batch.records.clone(),
            };
            let before = records.unread_bytes();
            records.pass_to(offset);
            work.batch(before - records.unread_bytes())?;
            if let Some(record) = records.next() {
                let record = record.map_err(problem)?;
                work.record(record.headers.len())?;
                self.last = Some((record, records));
            }
        }
        let record = self.last.as_ref().map(|(record, _)| record);
        Ok(record.filter(|record| record.offset == offset))
    }
}

/// Which index's log, and the first offset of the batch in it.
type Place = (u64, i64);

#[derive(Default)]
struct Lru {
    batches: BTreeMap<Place, (u64, Arc<Unpacked>)>,
    by_use: BTreeMap<u64, Place>,
    uses: u64,
    bytes: usize,
}

/// The batches unpacked last, up to a bound of bytes.
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

    fn get(&self, log: u64, offset: i64) -> Option<Arc<Unpacked>> {
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

    fn put(&self, log: u64, batch: &Arc<Unpacked>) {
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

/// Whether offsets, which ascend, stand so close together that they are better read as a scan.
pub(crate) fn is_dense(wanted: &[i64]) -> bool {
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
        return false;
    };
    let span = last.saturating_sub(*first);
    i64::try_from(wanted.len()).is_ok_and(|count| count > 4 && span / count < SCAN_GAP_MAX)
}

/// Reads records of one partition at ascending offsets.
pub(crate) struct Cursor<'a> {
    partition: &'a PartitionIndex,
    cache: &'a Cache,
    work: &'a Work,
    bytes: usize,
    current: Option<Reading>,
    /// What was read ahead and not yet unpacked, the next batch last.
    ahead: Vec<Batch>,
    /// The copies of the log to read from first, where one key's records are wanted.
    keyed: Option<Keyed>,
}

impl<'a> Cursor<'a> {
    /// A cursor for so many records between two offsets.
    pub(crate) fn new(store: &'a EventStore, partition: &'a PartitionIndex, wanted: &[i64]) -> Cursor<'a> {
        let bytes = if is_dense(wanted) { SCAN_BYTES } else { POINT_BYTES };
        Cursor {
            partition,
            cache: &store.shared.cache,
            work: &store.work,
            bytes,
            current: None,
            ahead: Vec::new(),
            keyed: None,
        }
    }

    /// A cursor for records of one key.
    pub(crate) fn of_key(
        store: &'a EventStore,
        partition: &'a PartitionIndex,
        key: &[u8],
        wanted: &[i64],
    ) -> Cursor<'a> {
        Cursor {
            keyed: store.copies_of(partition, key, wanted),
            ..Cursor::new(store, partition, wanted)
        }
    }

    /// A cursor for all records of a partition.
    pub(crate) fn scan(store: &'a EventStore, partition: &'a PartitionIndex) -> Cursor<'a> {
        Cursor {
            bytes: SCAN_BYTES,
            ..Cursor::new(store, partition, &[])
        }
    }

    /// The record at an offset, or a sentence why it cannot be read.
    ///
    /// # Errors
    /// The question has come to its end.
    pub(crate) fn record(&mut self, offset: i64) -> Result<Result<&Record, String>, StoreError> {
        match self.read(offset) {
            Ok(record) => Ok(Ok(record)),
            Err(Unread::Problem(problem)) => Ok(Err(problem)),
            Err(Unread::Ended(error)) => Err(error),
        }
    }

    fn read(&mut self, offset: i64) -> Result<&Record, Unread> {
        let start = self.partition.log.log_start_offset();
        if offset < start {
            // Whatever is still in memory.
            return Err(problem(format!(
                "the record at offset {offset} was deleted: the log begins at offset {start}"
            )));
        }
        if let Some(keyed) = &mut self.keyed
            && keyed.pass_to(offset, self.work)?
        {
            return self
                .keyed
                .as_ref()
                .and_then(Keyed::record)
                .ok_or_else(|| missing(offset));
        }
        let current = self.current.take();
        let current = match current.filter(|reading| reading.batch.contains(offset)) {
            Some(reading) => reading,
            None => Reading {
                batch: self.batch(offset)?,
                last: None,
            },
        };
        let record = self.current.insert(current).record(offset, self.work)?;
        record.ok_or_else(|| missing(offset))
    }

    fn batch(&mut self, offset: i64) -> Result<Arc<Unpacked>, Unread> {
        if let Some(batch) = self.cache.get(self.partition.id, offset) {
            return Ok(batch);
        }
        let batch = match self.take_ahead(offset) {
            Some(batch) => batch,
            None => {
                self.read_ahead(offset)?;
                self.take_ahead(offset).ok_or_else(|| missing(offset))?
            }
        };
        let limit = self.partition.log.decompressed_bytes_max();
        let unpacked = Arc::new(Unpacked::of(&batch, limit, self.work)?);
        self.cache.put(self.partition.id, &unpacked);
        Ok(unpacked)
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

    fn read_ahead(&mut self, offset: i64) -> Result<(), Unread> {
        self.ahead.clear();
        let log = &self.partition.log;
        let bytes = match log.read(offset, self.bytes) {
            // Copies have what has a key of its own.
            Err(ReadError::Damaged(damage)) if self.partition.field().is_none() => log
                .recovered(&damage, offset)
                .ok_or_else(|| problem(ReadError::Damaged(damage)))?,
            bytes => bytes.map_err(problem)?,
        };
        for batch in batches(&bytes) {
            let batch = batch.map_err(problem)?;
            // One without records tells nobody what stood there.
            if batch.count() > 0 {
                self.ahead.push(batch);
            }
        }
        self.ahead.reverse();
        Ok(())
    }
}

fn missing(offset: i64) -> Unread {
    Unread::Problem(format!("the log has no record at offset {offset}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocation_counter::measure;
    use annals_kafka_wire::batch::{BatchBuilder, Compression, DECOMPRESSED_BYTES_MAX};

    fn stamped(builder: BatchBuilder, offset: i64) -> Batch {
        let mut bytes = bytes::BytesMut::from(&builder.build()[..]);
        annals_kafka_wire::batch::stamp(&mut bytes, offset, 0);
        Batch::parse(&bytes.freeze(), 0).unwrap().0
    }

    fn of(batch: &Batch) -> Unpacked {
        let unpacked = Unpacked::of(batch, DECOMPRESSED_BYTES_MAX, &Work::default());
        unpacked.unwrap_or_else(|_| panic!("a batch that reads"))
    }

    /// A batch of one record with so many bytes, at this offset.
    fn unpacked(offset: i64, bytes: usize) -> Arc<Unpacked> {
        let mut builder = BatchBuilder::new();
        builder.push(0, Some(b"k"), Some(&vec![0; bytes]), &[]);
        Arc::new(of(&stamped(builder, offset)))
    }

    #[test]
    fn the_cache_keeps_what_was_used_last_and_no_more_than_it_may() {
        let one = unpacked(0, 1_000).bytes;
        let cache = Cache::new(3 * one);
        for offset in 0..3 {
            cache.put(7, &unpacked(offset, 1_000));
        }
        assert!(cache.get(7, 0).is_some() && cache.get(8, 0).is_none());
        cache.put(7, &unpacked(3, 1_000));
        let kept: Vec<bool> = (0..4).map(|offset| cache.get(7, offset).is_some()).collect();
        assert_eq!(kept, [true, false, true, true]);
        cache.put(7, &unpacked(3, 1_000));
        cache.put(7, &unpacked(9, 1_000_000));
        assert!(cache.get(7, 9).is_none());
        let lru = cache.lru.lock().unwrap();
        assert_eq!((lru.batches.len(), lru.by_use.len(), lru.bytes), (3, 3, 3 * one));
    }

    /// Whatever the batches are like, the cache holds no more memory than it was told to.
    #[test]
    fn what_the_cache_counts_is_what_it_holds() {
        const BYTES_MAX: usize = 1 << 20;
        let check = |records: usize, headers: usize, name: &str, codec: Compression| {
            let batch = |offset| {
                let mut builder = BatchBuilder::new().compression(codec);
                let headers = vec![(name, &b""[..]); headers];
                for _ in 0..records {
                    builder.push(0, None, None, &headers);
                }
                of(&stamped(builder, offset))
            };
            let cache = Cache::new(BYTES_MAX);
            let held = measure(|| {
                let (mut offset, mut given) = (0, 0);
                while given < 2 * BYTES_MAX {
                    let batch = batch(offset);
                    given += batch.bytes;
                    offset = batch.last + 1;
                    cache.put(7, &Arc::new(batch));
                }
            });
            let held = usize::try_from(held.bytes_current).unwrap();
            let what = format!("{records} records of {headers} headers `{name}` in {codec}");
            assert!(held <= BYTES_MAX, "{what}: {held} bytes are held");
            assert!(held >= BYTES_MAX / 4, "{what}: only {held} bytes are held");
        };
        for codec in [Compression::None, Compression::Gzip, Compression::Zstd] {
            check(1, 0, "", codec);
            check(1, 1_000, "", codec);
            check(40, 1_000, "", codec);
            check(40, 300, "actor", codec);
            check(500, 0, "", codec);
        }
    }
}
