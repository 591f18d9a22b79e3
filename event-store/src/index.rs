//! The key index of a topic: which offsets belong to which record key, and when each record was recorded.
//!
//! The log is the truth and the index follows it: it is built by scanning each partition once and kept up by reading
//! what was committed since: records of aborted transactions are no events. Whoever asks at the head brings it up to the
//! last stable offset first ([`TopicIndex::catch_up`]), so a reader always sees what was acknowledged before it asked.
//! Recorded times are the records' timestamps, clamped so that they never run backwards within a partition.
//! A damaged place of the log is passed over like a batch nobody can read: answers name it, and what stands around it is
//! indexed. So is what retention or a client has deleted, and a batch of which compaction has taken records. Left out: index files beside sealed segments; a start scans the log.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use annals_kafka_wire::batch::{Batch, batches};
use annals_segment_log::{Committed, Damage, Partition, ReadError};
use bytes::Bytes;

use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::Spot;
use crate::known::Known;
use crate::source::SCAN_BYTES;
use crate::time_source::TimeSource;
use crate::work::Work;

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// A partition that cannot be indexed any further.
#[derive(Clone, Debug, thiserror::Error)]
#[error("partition {partition} of topic {topic} cannot be read at offset {offset}: {reason}")]
pub struct IndexError {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// Where it stopped.
    pub offset: i64,
    /// Why.
    pub reason: String,
}

/// What one batch adds to the index. It is read before the index is locked.
pub(crate) struct Scanned {
    pub(crate) next: i64,
    pub(crate) time: TimeSource,
    /// Offset, timestamp and key of each record.
    pub(crate) records: Vec<(i64, i64, Option<Bytes>)>,
    pub(crate) unreadable: Option<(i64, i64)>,
}

impl Scanned {
    /// Of a batch without events.
    fn nothing(batch: &Batch) -> Scanned {
        Scanned {
            next: batch.last_offset() + 1,
            time: TimeSource::from(batch.timestamp_type()),
            records: Vec::new(),
            unreadable: None,
        }
    }

    fn of(batch: &Batch, from: i64, limit: usize, work: &Work) -> Result<Scanned, StoreError> {
        let mut scanned = Scanned::nothing(batch);
        let whole = (batch.base_offset(), batch.last_offset());
        if batch.count() <= batch.last_offset_delta() {
            scanned.unreadable = Some(whole);
        }
        let Ok(records) = batch.records(limit) else {
            scanned.unreadable = Some(whole);
            return Ok(scanned);
        };
        for record in records {
            work.go_on()?;
            match record {
                Ok(record) if record.offset < from => {}
                Ok(record) => scanned
                    .records
                    .push((record.offset, record.timestamp_ms, record.key)),
                // What was read of the batch is of no use: nobody can read its records again.
                Err(_) => {
                    return Ok(Scanned {
                        records: Vec::new(),
                        unreadable: Some(whole),
                        ..scanned
                    });
                }
            }
        }
        Ok(scanned)
    }
}

/// One partition and what is known of it.
pub(crate) struct PartitionIndex {
    topic: String,
    pub(crate) number: u32,
    /// Names this index in the cache of batches; never used again.
    pub(crate) id: u64,
    pub(crate) log: Arc<Partition>,
    /// Held by the one who reads new records in.
    follower: Mutex<()>,
    known: RwLock<Known>,
}

impl PartitionIndex {
    pub(crate) fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events a key has up to an offset.
    pub(crate) fn within(&self, key: &[u8], last: i64) -> usize {
        let known = self.known();
        let offsets = known.offsets(key).unwrap_or_default();
        offsets.partition_point(|offset| *offset <= last)
    }

    /// Where some of a key's events sit, by their revisions.
    pub(crate) fn spots(&self, key: &[u8], revisions: Range<usize>) -> Vec<Spot> {
        let known = self.known();
        let offsets = known.offsets(key).unwrap_or_default();
        let spot = |(offset, revision): (i64, usize)| Spot {
            offset,
            revision: revision as u64,
            recorded_ms: known.recorded_ms(offset),
        };
        let some = offsets.get(revisions.clone()).unwrap_or_default();
        some.iter().copied().zip(revisions).map(spot).collect()
    }

    /// Indexes everything committed, and says where that ends.
    fn catch_up(&self, work: &Work) -> Result<i64, StoreError> {
        let end = self.log.last_stable_offset();
        while self.known().next < end {
            work.go_on()?;
            // Who waits for another to read waits for one piece, and then sees whether to go on.
            let _one_at_a_time: MutexGuard<'_, ()> =
                self.follower.lock().unwrap_or_else(PoisonError::into_inner);
            let next = self.known().next;
            if next >= end {
                break;
            }
            match self.log.read_committed(next, SCAN_BYTES) {
                Ok(read) if read.bytes.is_empty() => {
                    return Err(self.stuck(next, "the log ends before its end").into());
                }
                Ok(read) => self.take(&read, next, work)?,
                // What was deleted may have had events of anybody: answers name it.
                Err(ReadError::OutOfRange { start, .. }) if start > next => {
                    self.known
                        .write()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pass_over(start);
                }
                Err(ReadError::Damaged(damage)) => {
                    let end = self.behind(&damage, next);
                    self.known
                        .write()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pass_over(end);
                }
                Err(error) => return Err(self.stuck(next, error).into()),
            }
        }
        Ok(end)
    }

    fn take(&self, read: &Committed, next: i64, work: &Work) -> Result<(), StoreError> {
        for batch in batches(&read.bytes) {
            let batch = batch.map_err(|error| self.stuck(next, error))?;
            let is_event = !batch.is_control() && !read.aborted.iter().any(|aborted| aborted.holds(&batch));
            let scanned = match is_event {
                true => Scanned::of(&batch, next, self.log.decompressed_bytes_max(), work)?,
                false => Scanned::nothing(&batch),
            };
            self.known
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .add(scanned);
        }
        Ok(())
    }

    /// The first offset from which records can be read again, when damage keeps the one at `next` from being read.
    fn behind(&self, damage: &Damage, next: i64) -> i64 {
        let end = self.log.high_watermark();
        if damage.end_offset > next {
            return damage.end_offset.min(end);
        }
        // The log knows no end; its readers go in at the next place behind the damage that its own index knows.
        let (mut lost, mut behind) = (next, end);
        while lost + 1 < behind {
            let middle = lost + (behind - lost) / 2;
            let same = |other: &Damage| (&other.file, other.position) == (&damage.file, damage.position);
            match self.log.read(middle, 0) {
                Err(ReadError::Damaged(other)) if same(&other) => lost = middle,
                _ => behind = middle,
            }
        }
        behind
    }

    fn stuck(&self, offset: i64, reason: impl ToString) -> IndexError {
        IndexError {
            topic: self.topic.clone(),
            partition: self.number,
            offset,
            reason: reason.to_string(),
        }
    }
}

/// The index of one topic.
pub(crate) struct TopicIndex {
    pub(crate) topic: String,
    pub(crate) partitions: Vec<Arc<PartitionIndex>>,
}

impl TopicIndex {
    /// Of these logs; what `before` knows of one of them is kept.
    pub(crate) fn new(topic: &str, partitions: &[Arc<Partition>], before: Option<&TopicIndex>) -> TopicIndex {
        let indexed = partitions.iter().zip(0..).map(|(log, number)| {
            let kept = before.and_then(|before| before.of(log));
            let fresh = || {
                Arc::new(PartitionIndex {
                    topic: topic.to_owned(),
                    number,
                    id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
                    log: Arc::clone(log),
                    follower: Mutex::default(),
                    known: RwLock::default(),
                })
            };
            kept.unwrap_or_else(fresh)
        });
        TopicIndex {
            topic: topic.to_owned(),
            partitions: indexed.collect(),
        }
    }

    /// The index of this log, if it is one of these.
    pub(crate) fn of(&self, log: &Arc<Partition>) -> Option<Arc<PartitionIndex>> {
        let mut partitions = self.partitions.iter();
        partitions.find(|mine| Arc::ptr_eq(&mine.log, log)).cloned()
    }

    /// Whether this index follows exactly these logs.
    pub(crate) fn follows(&self, partitions: &[Arc<Partition>]) -> bool {
        self.partitions.len() == partitions.len()
            && self
                .partitions
                .iter()
                .zip(partitions)
                .all(|(mine, other)| Arc::ptr_eq(&mine.log, other))
    }

    /// Indexes everything committed, and gives the cut of it.
    pub(crate) fn catch_up(&self, work: &Work) -> Result<Cut, StoreError> {
        let ends = self
            .partitions
            .iter()
            .map(|partition| Ok((partition.number, partition.catch_up(work)? - 1)));
        ends.collect()
    }

    /// Whose clock the times up to a cut are by; nothing where it has no records.
    pub(crate) fn time(&self, cut: &Cut) -> Option<TimeSource> {
        let within = self
            .partitions
            .iter()
            .filter(|partition| cut.last(partition.number) >= 0);
        within
            .map(|partition| partition.known().time(cut.last(partition.number)))
            .max()
    }

    /// How many batches and damaged places within a cut nobody can read.
    pub(crate) fn unreadable(&self, cut: &Cut) -> u64 {
        let partitions = self.partitions.iter();
        let each = partitions.map(|one| one.known().unreadable(cut.last(one.number)).len() as u64);
        each.sum()
    }

    /// What is indexed already: the last offset of each partition.
    pub(crate) fn head(&self) -> Cut {
        let ends = self
            .partitions
            .iter()
            .map(|partition| (partition.number, partition.known().next - 1));
        ends.collect()
    }

    /// The partitions where a key has records up to a cut, each with the first one's offset.
    pub(crate) fn find(&self, key: &[u8], cut: &Cut) -> impl Iterator<Item = (&PartitionIndex, i64)> {
        self.partitions.iter().filter_map(move |partition| {
            let first = *partition.known().offsets(key)?.first()?;
            (first <= cut.last(partition.number)).then_some((&**partition, first))
        })
    }
}

#[cfg(test)]
mod tests {
    use annals_kafka_wire::batch::BatchBuilder;
    use annals_segment_log::{Durability, LogConfig, LogDir, PartitionConfig};

    use super::*;

    #[test]
    fn a_topic_with_more_partitions_keeps_what_is_known_of_those_it_had() {
        let place = tempfile::tempdir().unwrap();
        let log = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
        let config = PartitionConfig {
            durability: Durability::Os,
            ..PartitionConfig::default()
        };
        let open = |number: usize| {
            log.partition(&format!("t/orders/{number}"), config.clone())
                .unwrap()
        };
        let mut builder = BatchBuilder::new();
        builder.push(1, Some(b"k"), Some(b"v"), &[]);
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        let two = [open(0), open(1)];
        two[1].append(&batch, 1).unwrap();
        let before = TopicIndex::new("orders", &two, None);
        before.catch_up(&Work::default()).unwrap();

        let three = [two[0].clone(), two[1].clone(), open(2)];
        let after = TopicIndex::new("orders", &three, Some(&before));
        assert!(after.follows(&three) && !before.follows(&three));
        let (had, new) = after.partitions.split_at(2);
        assert!(
            had.iter()
                .zip(&before.partitions)
                .all(|(one, other)| Arc::ptr_eq(one, other))
        );
        assert_eq!(had[1].known().record_count(), 1, "without reading it again");
        assert_eq!((new[0].number, new[0].known().record_count()), (2, 0));
    }
}
