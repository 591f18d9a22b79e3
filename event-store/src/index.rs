//! The key index of a topic: which offsets belong to which record key, and when each record was recorded.
//!
//! It is the logs' own, partition by partition ([`Partition::follow_keys`]): files beside sealed segments, and memory for
//! the segment that is written. Whoever asks at the head brings it up to the last stable offset first
//! ([`TopicIndex::catch_up`]), so a reader always sees what was acknowledged before it asked. Here a partition is given
//! its number and its topic's name, and a failure the sentence that an asker reads.
//! An aggregate of several topics has the logs of all of them, one after the other in the order in which its fold names the
//! topics; in what order their events are is the affair of `merged.rs`. A topic whose events say in a field whose they are
//! has another index of the logs' own, by that (`by_field.rs`).
//! A damaged place of the log is passed over like a batch nobody can read: answers name it, and what stands around it is
//! indexed. So is what retention or a client has deleted, and a batch of which compaction has taken records.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use annals_kafka_wire::batch::Record;
use annals_segment_log::{KeyError, KeyIndex, KeyOf, KeyedBy, OtherKey, Partition};

use crate::by_field::{ByField, index_by, name_of};
use crate::cut::{Cut, CutLog};
use crate::error::StoreError;
use crate::folding::Spot;
use crate::merged::LogName;
use crate::source::Source;
use crate::time_source::TimeSource;
use crate::work::Work;

mod still;

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

/// One partition, and its place in the topic.
pub(crate) struct PartitionIndex {
    pub(crate) topic: String,
    /// Where its broker gives one.
    pub(crate) topic_id: Option<String>,
    pub(crate) number: u32,
    /// How cuts name it.
    in_cut: CutLog,
    /// Its place among the logs of the index.
    pub(crate) place: usize,
    /// Names this index in the cache of batches; never used again.
    pub(crate) id: u64,
    pub(crate) log: Arc<Partition>,
    /// What its events belong to an aggregate by, and the index of that; nothing where it is their keys.
    by: Option<(Arc<ByField>, KeyedBy)>,
}

/// One behind the last offset of a cut.
fn behind(last: i64) -> i64 {
    last.saturating_add(1)
}

impl PartitionIndex {
    /// The last offset of it that is within a cut.
    pub(crate) fn last(&self, cut: &Cut) -> i64 {
        cut.last_of(&self.in_cut)
    }

    /// How cuts name it.
    pub(crate) fn in_cut(&self) -> CutLog {
        self.in_cut.clone()
    }

    /// What its events' offsets are told with: nothing where there is one topic.
    pub(crate) fn log_name(&self) -> Option<LogName> {
        let topic = self.in_cut.topic.as_ref()?;
        Some(LogName {
            topic: topic.to_string(),
            partition: self.number,
        })
    }

    /// The field that says whose its events are; nothing where their keys do.
    pub(crate) fn field(&self) -> Option<&str> {
        self.by.as_ref().map(|(by, _)| by.field.text())
    }

    /// The index that tells whose its events are.
    pub(crate) fn keys(&self) -> KeyIndex<'_> {
        match &self.by {
            None => self.log.keys(),
            Some((_, index)) => index.index(),
        }
    }

    /// Whose a record is; nothing where it is nobody's, or nobody can say.
    pub(crate) fn key_of(&self, record: &Record) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((by, _)) = &self.by else {
            return Ok(record.key.as_deref().map(<[u8]>::to_vec));
        };
        match by.key(record) {
            Ok(OtherKey::Is(key)) => Ok(Some(key)),
            Ok(_) => Ok(None),
            Err(reason) => Err(StoreError::Index(IndexError {
                topic: self.topic.clone(),
                partition: self.number,
                offset: record.offset,
                reason,
            })),
        }
    }

    /// How many events a key has up to an offset.
    pub(crate) fn within(&self, key: &[u8], last: i64) -> Result<usize, StoreError> {
        let count = self.told(self.keys().key_count(key, behind(last)))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Where some of a key's events sit, by their revisions.
    pub(crate) fn spots(&self, key: &[u8], revisions: Range<usize>) -> Result<Vec<Spot>, StoreError> {
        let first = revisions.start;
        Ok(self.placed(&self.offsets(key, revisions)?, first))
    }

    /// The offsets of some of a key's events, by their revisions.
    pub(crate) fn offsets(&self, key: &[u8], revisions: Range<usize>) -> Result<Vec<i64>, StoreError> {
        self.told(
            self.keys()
                .key_offsets(key, i64::MAX, revisions.start as u64, revisions.len()),
        )
    }

    /// The spots of events of one key whose offsets are known, from a revision on.
    pub(crate) fn placed(&self, offsets: &[i64], revision: usize) -> Vec<Spot> {
        let spot = |(offset, revision): (&i64, u64)| Spot {
            offset: *offset,
            revision,
            place: self.place,
        };
        offsets.iter().zip(revision as u64..).map(spot).collect()
    }

    /// A time by which all records up to this one were recorded: what is told of one that cannot be read.
    pub(crate) fn recorded_by(&self, offset: i64) -> Result<i64, StoreError> {
        self.told(self.keys().recorded_by(offset))
    }

    /// The first offset of a key up to an offset.
    pub(crate) fn first(&self, key: &[u8], last: i64) -> Result<Option<i64>, StoreError> {
        let first = self.told(self.keys().key_offsets(key, behind(last), 0, 1))?;
        Ok(first.first().copied())
    }

    /// The lowest keys behind `after` that have records behind an offset, up to another; among them may be some that have none
    /// but before.
    pub(crate) fn keys_after(
        &self,
        after: Option<&[u8]>,
        (before, last): (i64, i64),
        max: usize,
    ) -> Result<Vec<Box<[u8]>>, StoreError> {
        let offsets = behind(before)..behind(last);
        let found = self.told(self.keys().keys_after(after, offsets, max))?;
        Ok(found.into_iter().map(|entry| entry.key).collect())
    }

    /// How many keys have records up to an offset.
    pub(crate) fn begun(&self, last: i64, work: &Work) -> Result<u64, StoreError> {
        let begun = self
            .keys()
            .keys_begun_while(behind(last), &mut || work.go_on().is_ok());
        match self.told(begun)? {
            Some(begun) => Ok(begun),
            None => Err(StoreError::Stopped),
        }
    }

    /// The last offset up to `last` that was recorded at or before this time; -1 when there is none.
    pub(crate) fn last_at(&self, time_ms: i64, last: i64) -> Result<i64, StoreError> {
        self.told(self.keys().offset_recorded_at(time_ms, behind(last)))
    }

    /// Whose clock the times of the records up to an offset are by; nothing where none of them can be read.
    pub(crate) fn time(&self, last: i64) -> Result<Option<TimeSource>, StoreError> {
        if self.told(self.keys().has_producer_time(behind(last)))? {
            return Ok(Some(TimeSource::Producer));
        }
        let has_records = self.told(self.keys().has_records(behind(last)))?;
        Ok(has_records.then_some(TimeSource::Append))
    }

    /// The first and last offsets of the first places whose first offset is within a cut and that nobody can read.
    pub(crate) fn unreadable(&self, last: i64, max: usize) -> Result<Vec<(i64, i64)>, StoreError> {
        self.told(self.keys().unreadable(behind(last), max))
    }

    /// Whether it is the one that cuts name so.
    pub(crate) fn is(&self, log: &CutLog) -> bool {
        self.in_cut.partition == log.partition && self.in_cut.topic == log.topic
    }

    /// Indexes everything committed, and says where that ends.
    fn catch_up(&self, work: &Work) -> Result<i64, StoreError> {
        let end = self.told(self.keys().follow_keys(&mut || work.go_on().is_ok()))?;
        work.go_on()?;
        Ok(end)
    }

    /// What the log's index answered, or why it could not.
    fn told<T>(&self, answer: Result<T, KeyError>) -> Result<T, StoreError> {
        answer.map_err(|error| match error {
            KeyError::NoRoom { bytes_max } => StoreError::IndexFull {
                topic: self.topic.clone(),
                partition: self.number,
                bytes_max,
            },
            error => StoreError::Index(IndexError {
                topic: self.topic.clone(),
                partition: self.number,
                offset: self.keys().key_facts().end,
                reason: error.to_string(),
            }),
        })
    }
}

/// The index of the topics of an aggregate, most often of one.
pub(crate) struct TopicIndex {
    /// In the order in which the fold names them.
    pub(crate) topics: Vec<String>,
    /// For each what its events belong to an aggregate by, where that is a field.
    pub(crate) by: Vec<Option<Arc<ByField>>>,
    /// Of one topic after the other.
    pub(crate) partitions: Vec<Arc<PartitionIndex>>,
    /// Of several topics: how many aggregates a cut has, as it was counted last.
    pub(crate) total: Mutex<Option<(Cut, u64)>>,
}

impl TopicIndex {
    /// Of these logs, each topic's by a field where there is one; what `before` knows of one of them is kept.
    pub(crate) fn new(
        sources: &[Source],
        by: Vec<Option<Arc<ByField>>>,
        before: &dyn Fn(&Arc<Partition>) -> Option<Arc<PartitionIndex>>,
    ) -> Result<TopicIndex, StoreError> {
        let is_merged = sources.len() > 1 || by.iter().any(Option::is_some);
        let mut partitions = Vec::new();
        for (source, by) in sources.iter().zip(&by) {
            let named = is_merged.then(|| Arc::from(source.topic.as_str()));
            for (log, number) in source.partitions.iter().zip(0..) {
                let known = before(log);
                let in_cut = CutLog {
                    topic: named.clone(),
                    partition: number,
                };
                let place = partitions.len();
                let is_by =
                    |known: &PartitionIndex| known.by.as_ref().map(|(by, _)| by.name()) == name_of(by);
                let is_same = |known: &&Arc<PartitionIndex>| {
                    known.in_cut == in_cut && known.place == place && is_by(known)
                };
                let kept = known.as_ref().filter(is_same).cloned();
                let fresh = || -> Result<_, StoreError> {
                    Ok(Arc::new(PartitionIndex {
                        topic: source.topic.clone(),
                        topic_id: source.topic_id.clone(),
                        number,
                        in_cut: in_cut.clone(),
                        place,
                        id: match &known {
                            Some(known) => known.id,
                            None => NEXT_ID.fetch_add(1, Ordering::Relaxed),
                        },
                        log: Arc::clone(log),
                        by: by
                            .as_ref()
                            .map(|by| index_by(log, by, &source.topic, number))
                            .transpose()?,
                    }))
                };
                partitions.push(kept.map_or_else(fresh, Ok)?);
            }
        }
        Ok(TopicIndex {
            topics: sources.iter().map(|source| source.topic.clone()).collect(),
            by,
            partitions,
            total: Mutex::default(),
        })
    }

    /// Whether it is of several topics, or of one whose events say in a field whose they are: an aggregate's may be in any
    /// partition.
    pub(crate) fn is_merged(&self) -> bool {
        self.topics.len() > 1 || self.by.iter().any(Option::is_some)
    }

    /// The place of an aggregate that has an event in the log at this place: that of its partition, or the first of all where
    /// they are of several topics.
    pub(crate) fn home(&self, place: usize) -> usize {
        if self.is_merged() { 0 } else { place }
    }

    /// The logs that may have events of an aggregate at this place.
    pub(crate) fn logs_of(&self, home: usize) -> &[Arc<PartitionIndex>] {
        match self.is_merged() {
            true => &self.partitions,
            false => self.partitions.get(home..=home).unwrap_or_default(),
        }
    }

    /// Its topics, in words.
    pub(crate) fn named(&self) -> String {
        self.told_topics().join(" or ")
    }

    /// The index of this log, if it is one of these.
    pub(crate) fn of(&self, log: &Arc<Partition>) -> Option<Arc<PartitionIndex>> {
        let mut partitions = self.partitions.iter();
        partitions.find(|mine| Arc::ptr_eq(&mine.log, log)).cloned()
    }

    /// Whether this index follows exactly these logs, by the same.
    pub(crate) fn follows(&self, sources: &[Source], by: &[Option<Arc<ByField>>]) -> bool {
        let topics = sources.iter().map(|source| &source.topic);
        let logs = sources.iter().flat_map(|source| &source.partitions);
        let mine = self.partitions.iter().map(|partition| &partition.log);
        let is_same = self.by.iter().map(name_of).eq(by.iter().map(name_of));
        is_same && self.topics.iter().eq(topics) && mine.map(Arc::as_ptr).eq(logs.map(Arc::as_ptr))
    }

    /// Indexes everything committed, and gives the cut of it.
    pub(crate) fn catch_up(&self, work: &Work) -> Result<Cut, StoreError> {
        let ends = self
            .partitions
            .iter()
            .map(|partition| Ok((partition.in_cut(), partition.catch_up(work)? - 1)));
        ends.collect()
    }

    /// Counts the keys of everything indexed, log by log, so that [`crate::Progress`] knows how many there are.
    pub(crate) fn count_keys(&self, work: &Work) -> Result<(), StoreError> {
        for partition in &self.partitions {
            partition.begun(i64::MAX, work)?;
        }
        Ok(())
    }

    /// Whose clock the times up to a cut are by; nothing where it has no records that can be read.
    pub(crate) fn time(&self, cut: &Cut) -> Result<Option<TimeSource>, StoreError> {
        let mut time = None;
        for partition in &self.partitions {
            let last = partition.last(cut);
            if last >= 0 {
                time = time.max(partition.time(last)?);
            }
        }
        Ok(time)
    }

    /// How many batches and damaged places within a cut nobody can read.
    pub(crate) fn unreadable(&self, cut: &Cut) -> Result<u64, StoreError> {
        let each = self.partitions.iter().map(|partition| {
            let last = partition.last(cut);
            partition.told(partition.keys().unreadable_count(behind(last)))
        });
        each.sum()
    }

    /// What is indexed already: the last offset of each partition.
    pub(crate) fn head(&self) -> Cut {
        let ends = self
            .partitions
            .iter()
            .map(|partition| (partition.in_cut(), partition.keys().key_facts().end - 1));
        ends.collect()
    }

    /// The partitions where a key has records up to a cut, each with the first one's offset.
    pub(crate) fn find(&self, key: &[u8], cut: &Cut) -> Result<Vec<(&PartitionIndex, i64)>, StoreError> {
        let mut found = Vec::new();
        for partition in &self.partitions {
            let first = partition.first(key, partition.last(cut))?;
            found.extend(first.map(|first| (&**partition, first)));
        }
        Ok(found)
    }
}

#[cfg(test)]
impl TopicIndex {
    /// Of one topic, for tests.
    pub(crate) fn of_one(partitions: &[Arc<Partition>]) -> TopicIndex {
        let source = Source {
            topic: "t".to_owned(),
            topic_id: None,
            partitions: partitions.to_vec(),
        };
        TopicIndex::new(&[source], vec![None], &|_| None).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use annals_kafka_wire::batch::{Batch, BatchBuilder};
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
        let source = |partitions: &[Arc<Partition>]| {
            [Source {
                topic: "orders".to_owned(),
                topic_id: None,
                partitions: partitions.to_vec(),
            }]
        };
        let before = TopicIndex::new(&source(&two), vec![None], &|_| None).unwrap();
        before.catch_up(&Work::default()).unwrap();

        let three = [two[0].clone(), two[1].clone(), open(2)];
        let after = TopicIndex::new(&source(&three), vec![None], &|log| before.of(log)).unwrap();
        assert!(after.follows(&source(&three), &[None]) && !before.follows(&source(&three), &[None]));
        let (had, new) = after.partitions.split_at(2);
        assert!(
            had.iter()
                .zip(&before.partitions)
                .all(|(one, other)| Arc::ptr_eq(one, other))
        );
        assert_eq!(had[1].keys().key_facts().records, 1, "without reading it again");
        assert_eq!((new[0].number, new[0].keys().key_facts().records), (2, 0));
    }
}
