//! Appending on condition: only if keys have the revisions that the sender expects.
//!
//! The revision of a key's record is the number of committed records of the key before it in the partition; records of
//! the same batch count for those behind them. The same goes for what the same producer wrote in its open transaction:
//! if that is aborted, the batch goes with it. What another's open transaction wrote of the key may come to count or
//! not: then nothing is known, and the append is refused until that is decided.
//!
//! What is sealed is counted before the append lock is taken, because files are read for it; the rest, in memory, under
//! the lock. Invariant: between that count and the write nobody else appends, so of all that expect one revision of a key
//! one is appended.

use std::collections::HashMap;
use std::io;
use std::sync::{MutexGuard, RwLockReadGuard};

use annals_kafka_wire::batch::{Batch, batches};
use bytes::Bytes;

use super::keys::SCAN_BYTES;
use super::{Appended, Partition, Writer};
use crate::error::{AppendError, ConditionError, KeyError, ReadError, Unexpected};
use crate::keys::{Ahead, BYTES_MAX, Known, Reading};
use crate::mutex::{lock, read};

/// What the records of a batch expect.
///
/// ```
/// use annals_segment_log::Conditions;
///
/// let mut conditions = Conditions::new(vec![Some("order-1".into()), Some("order-1".into()), None]);
/// conditions.expect(0, -1); // the first event of order-1,
/// conditions.expect(1, 0); // and the one behind it
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    keys: Vec<Option<Bytes>>,
    /// Record and revision, by rising record.
    expected: Vec<(usize, i64)>,
}

impl Conditions {
    /// None yet, for a batch whose records have these keys, all of them in order.
    #[must_use]
    pub fn new(keys: Vec<Option<Bytes>>) -> Conditions {
        Conditions {
            keys,
            expected: Vec::new(),
        }
    }

    /// The record at `index` expects `revision` of the last record before it with its key; -1: that there is none.
    /// Conditions are named by rising index.
    pub fn expect(&mut self, index: usize, revision: i64) {
        self.expected.push((index, revision));
    }

    /// Keys that something is expected of.
    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.expected.iter().filter_map(|(index, _)| self.key(*index))
    }

    fn key(&self, index: usize) -> Option<&[u8]> {
        self.keys.get(index)?.as_deref()
    }
}

/// How often what is sealed is counted for one append.
const COUNTS_MAX: u32 = 3;

/// An append's conditions, and what was counted for them.
type Judged<'c> = (&'c Conditions, Result<Counted<'c>, ConditionError>);

/// How often keys occur in what is sealed.
#[derive(Default)]
pub(super) struct Counted<'a> {
    /// Where that ends.
    end: i64,
    counts: HashMap<&'a [u8], u64>,
}

impl Partition {
    /// Appends a batch as [`Partition::append`] does, if its conditions hold. A batch that was stored before is a
    /// duplicate, whatever it expected then.
    pub fn append_if(
        &self,
        batch: &Batch,
        now_ms: i64,
        conditions: &Conditions,
    ) -> Result<Appended, AppendError> {
        self.append_under(batch, now_ms, Some(conditions))
    }

    /// Counts what is sealed for an append's conditions, and takes the append lock. Where what was counted is forgotten by
    /// then, it is counted again outside: nobody reads the whole log under the lock.
    pub(super) fn lock_counted<'p, 'c>(
        &'p self,
        conditions: &'c Conditions,
    ) -> (RwLockReadGuard<'p, ()>, MutexGuard<'p, Writer>, Judged<'c>) {
        let mut counts = 0;
        loop {
            let counted = self.count_sealed(conditions);
            counts += 1;
            // What was counted stays where it is.
            let files = read(&self.files);
            let writer = lock(&self.writer);
            let is_known = |counted: &Counted<'_>| self.still_knows(&read(&self.keys.known), counted).is_ok();
            if counts == COUNTS_MAX || counted.as_ref().map_or(true, is_known) {
                return (files, writer, (conditions, counted));
            }
        }
    }

    /// Whether what was counted is still in the index: not where memory ended.
    fn still_knows(&self, known: &Known, counted: &Counted<'_>) -> Result<(), KeyError> {
        match known.seen_end(self.log_start_offset()) >= counted.end {
            true => Ok(()),
            false => Err(KeyError::NoRoom { bytes_max: BYTES_MAX }),
        }
    }

    /// Counts what is sealed.
    fn count_sealed<'a>(&self, conditions: &'a Conditions) -> Result<Counted<'a>, ConditionError> {
        self.is_whole(&read(&self.keys.known), conditions)?;
        let counted = self.keys().ask(i64::MAX, |known, _, _| {
            let mut counts = HashMap::new();
            for key in conditions.keys() {
                counts.insert(key, known.count_sealed(&*self.shared.disk, key, 0)?);
            }
            let end = known.sealed_end();
            Ok(Counted { end, counts })
        })?;
        let _files = read(&self.files);
        self.follow_unstable()?;
        Ok(counted)
    }

    /// Whether the conditions hold now; asked under the append lock, while no files are taken away.
    pub(super) fn check_conditions<'a>(
        &self,
        conditions: &'a Conditions,
        counted: Result<Counted<'_>, ConditionError>,
        batch: &Batch,
    ) -> Result<&'a Conditions, ConditionError> {
        let counted = counted?;
        let own = batch.is_transactional().then(|| batch.producer_id());
        let known = loop {
            self.still_knows(&read(&self.keys.known), &counted)?;
            self.follow_unstable()?;
            let known = read(&self.keys.known);
            if known.seen_end(self.log_start_offset()) >= self.log_end_offset() {
                break known;
            }
        };
        self.is_whole(&known, conditions)?;
        // One behind the revision of the last record, by key.
        let mut next: HashMap<&[u8], i64> = HashMap::new();
        for (index, _) in &conditions.expected {
            let Some(key) = conditions.key(*index) else {
                continue;
            };
            if !next.contains_key(key) {
                let stable = self.stable_count(&known, key, &counted).map_err(KeyError::Io)?;
                let unstable = self.unstable_count(&known, key, own);
                let unstable = unstable.map_err(|offset| ConditionError::Undecided {
                    index: *index,
                    offset,
                })?;
                next.insert(key, (stable + unstable).cast_signed());
            }
        }
        let mut expected = conditions.expected.iter().copied().peekable();
        let mut unexpected = Vec::new();
        for (index, key) in conditions.keys.iter().enumerate() {
            let asked = expected
                .next_if(|(of, _)| *of == index)
                .map(|(_, revision)| revision);
            let Some(next) = key.as_deref().and_then(|key| next.get_mut(key)) else {
                continue;
            };
            let found = *next - 1;
            unexpected.extend(asked.filter(|asked| *asked != found).map(|expected| Unexpected {
                index,
                expected,
                found,
            }));
            *next += 1;
        }
        match unexpected.is_empty() {
            true => Ok(conditions),
            false => Err(ConditionError::Revision(unexpected)),
        }
    }

    /// Takes in the keys of a batch that was appended on conditions, which are at hand.
    pub(super) fn note_keys(&self, conditions: &Conditions, batch: &Batch, base_offset: i64) {
        let own = batch.is_transactional().then(|| batch.producer_id());
        let keys = (base_offset..).zip(&conditions.keys);
        let keys = keys.filter_map(|(offset, key)| Some((offset, key.as_deref()?)));
        let reading = Reading::of_keys(batch, base_offset, keys);
        // What does not fit into memory is forgotten, and read again by who asks next.
        let _ = self.keys.change(|known| {
            if let Some(ahead) = known.ahead.as_mut().filter(|ahead| ahead.end == base_offset) {
                ahead.add(&reading, own);
            }
        });
    }

    /// Counting all records of a key tells its revision only where none is gone.
    fn is_whole(&self, known: &Known, conditions: &Conditions) -> Result<(), ConditionError> {
        // A segment that was compacted a moment ago is not read in again yet.
        let is_gapped = known.is_gapped() || !self.keys().is_aligned_with(known);
        let reason = match (self.log_start_offset(), is_gapped) {
            (0, false) => return Ok(()),
            (0, true) => "records are gone from within the partition",
            _ => "the partition's first records are gone",
        };
        let index = conditions.expected.first().map_or(0, |(index, _)| *index);
        Err(ConditionError::NotWhole { index, reason })
    }

    fn stable_count(&self, known: &Known, key: &[u8], counted: &Counted<'_>) -> io::Result<u64> {
        let before = counted.counts.get(key).filter(|_| known.ends_at(counted.end));
        let from = before.map_or(0, |_| counted.end);
        let sealed = known.count_sealed(&*self.shared.disk, key, from)?;
        Ok(before.copied().unwrap_or(0) + sealed + known.count_part(key))
    }

    /// How many records of a key that are not stable count for the producer `own` of a transaction; or the offset of one of
    /// which nobody knows.
    fn unstable_count(&self, known: &Known, key: &[u8], own: Option<i64>) -> Result<u64, i64> {
        let derived = read(&self.derived);
        let mut count = 0;
        for record in known.unstable(key) {
            let counts = match record.transactional {
                None => true,
                Some(producer) if derived.transactions.holds(producer, record.offset) => {
                    if own != Some(producer) {
                        return Err(record.offset);
                    }
                    true
                }
                Some(producer) => !derived.transactions.is_aborted(producer, record.offset),
            };
            count += u64::from(counts);
        }
        Ok(count)
    }

    /// Reads in what is not stable, while no files are taken away.
    fn follow_unstable(&self) -> Result<(), KeyError> {
        loop {
            let (from, forgotten) = {
                let known = read(&self.keys.known);
                (known.seen_end(self.log_start_offset()), known.forgotten)
            };
            let end = self.log_end_offset();
            if from >= end {
                return Ok(());
            }
            let bytes = self.read_below(from, end, SCAN_BYTES)?;
            let limit = self.decompressed_bytes_max();
            let mut readings = Vec::new();
            for batch in batches(&bytes) {
                let batch = batch.map_err(|error| ReadError::Io(io::Error::other(error)))?;
                let transactional = batch.is_transactional().then(|| batch.producer_id());
                let reading = match batch.is_control() {
                    true => Reading::nothing(&batch),
                    false => Reading::of(&batch, limit),
                };
                readings.push((reading, transactional));
            }
            self.keys.change(|known| {
                // Unless somebody else was quicker.
                if known.forgotten != forgotten || known.seen_end(self.log_start_offset()) != from {
                    return;
                }
                let ahead = known.ahead.get_or_insert_with(|| Ahead::new(from));
                for (reading, transactional) in &readings {
                    ahead.add(reading, *transactional);
                }
            })?;
        }
    }
}
