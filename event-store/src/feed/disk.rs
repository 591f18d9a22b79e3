//! The feed over logs on disk that this process holds.
//!
//! It reads the partitions themselves and makes no index. Invariant: a batch of which compaction has taken records, and a
//! place that is damaged, are errors: whoever follows is not told less than was written without being told so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use annals_kafka_wire::batch::{Batch, batches};
use annals_segment_log::{Partition, ReadError};

use super::{Feed, FeedError, FeedRecord, Portion, is_beyond};
use crate::cut::Cut;
use crate::error::StoreError;
use crate::index::IndexError;
use crate::log::UnreadError;
use crate::source::{SCAN_BYTES, Source};
use crate::store::EventStore;

/// What wakes who waits: how often something became durable.
#[derive(Default)]
struct News {
    count: AtomicU64,
    gate: Mutex<()>,
    came: Condvar,
}

impl News {
    fn tell(&self) {
        self.count.fetch_add(1, Ordering::Release);
        // Who waits has looked at the count behind the gate, or looks at it after this.
        drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        self.came.notify_all();
    }

    fn wait(&self, known: u64, at_most: Duration) {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = |(): &mut ()| self.count.load(Ordering::Acquire) == known;
        drop(self.came.wait_timeout_while(gate, at_most, is_known));
    }
}

/// The partitions of a topic on disk, to be followed. [`Feed`] has an example.
pub struct DiskFeed {
    source: Source,
    news: Arc<News>,
}

impl Source {
    /// Follows these partitions, as [`EventStore::feed`] does those of an aggregate type.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{Feed, Source};
    /// # use annals_segment_log::PartitionConfig;
    ///
    /// # let log = &bank.log;
    /// let source = Source::open(log, "accounts", 1, &PartitionConfig::default())?;
    /// let feed = source.feed();
    /// assert_eq!((feed.topic(), feed.head()?), ("accounts", "0=4".parse()?));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn feed(&self) -> DiskFeed {
        let news = Arc::new(News::default());
        for partition in &self.partitions {
            let news = Arc::downgrade(&news);
            partition.on_durable(Box::new(move |_| {
                if let Some(news) = news.upgrade() {
                    news.tell();
                }
            }));
        }
        DiskFeed {
            source: self.clone(),
            news,
        }
    }
}

impl EventStore {
    /// Follows the topic of an aggregate type.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::Feed;
    ///
    /// let feed = store.feed("account")?;
    /// let portion = feed.read_on(0, 2, 100)?;
    /// let offsets: Vec<_> = portion.records.iter().map(|record| record.offset).collect();
    /// assert_eq!(offsets, [3, 4], "those behind offset 2");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When there is no such aggregate, or its events are in several topics.
    pub fn feed(&self, aggregate: &str) -> Result<DiskFeed, StoreError> {
        let aggregate = self.aggregate(aggregate)?;
        let index = &aggregate.index;
        if index.is_merged() {
            return Err(StoreError::SeveralTopics {
                what: "following the events",
                aggregate: aggregate.name().to_owned(),
                instead: "follow each topic by its own partitions",
            });
        }
        let source = Source {
            topic: aggregate.fold.topic().to_owned(),
            topic_id: None,
            partitions: index.partitions.iter().map(|one| Arc::clone(&one.log)).collect(),
        };
        Ok(source.feed())
    }
}

impl DiskFeed {
    fn gone(&self, partition: u32, from: i64, start: i64) -> FeedError {
        FeedError::Gone {
            topic: self.source.topic.clone(),
            partition,
            from,
            start,
        }
    }

    fn stuck(&self, partition: u32, offset: i64, reason: impl ToString) -> FeedError {
        let error = IndexError {
            topic: self.source.topic.clone(),
            partition,
            offset,
            reason: reason.to_string(),
        };
        UnreadError::Store(error.into()).into()
    }

    /// Takes a batch's records from an offset on; says whether there is room for more.
    fn take(
        &self,
        portion: &mut Portion,
        batch: &Batch,
        (number, partition): (u32, &Partition),
        (from, records_max): (i64, usize),
    ) -> Result<bool, FeedError> {
        if batch.count() <= batch.last_offset_delta() {
            return Err(self.gone(number, from.max(batch.base_offset()), batch.last_offset() + 1));
        }
        let unread = |error| self.stuck(number, from.max(batch.base_offset()), error);
        for record in batch
            .records(partition.decompressed_bytes_max())
            .map_err(unread)?
        {
            let record = record.map_err(unread)?;
            if record.offset >= from && !portion.push(FeedRecord::from(record), records_max) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Feed for DiskFeed {
    fn topic(&self) -> &str {
        &self.source.topic
    }

    fn head(&self) -> Result<Cut, FeedError> {
        let partitions = (0..).zip(&self.source.partitions);
        Ok(partitions
            .map(|(number, one)| (number, one.last_stable_offset() - 1))
            .collect())
    }

    fn wait(&self, seen: &Cut, at_most: Duration) -> Result<Cut, FeedError> {
        let known = self.news.count.load(Ordering::Acquire);
        let head = self.head()?;
        if is_beyond(&head, seen) {
            return Ok(head);
        }
        self.news.wait(known, at_most);
        self.head()
    }

    fn read_on(&self, partition: u32, behind: i64, records_max: usize) -> Result<Portion, FeedError> {
        let (number, from) = (partition, behind + 1);
        let mut portion = Portion::nothing(behind);
        let one = self.source.partitions.get(partition as usize);
        let one = one.ok_or_else(|| self.stuck(number, from, "the topic has no such partition"))?;
        let read = one
            .read_committed(from, SCAN_BYTES)
            .map_err(|error| match error {
                ReadError::OutOfRange { start, .. } if start > from => self.gone(number, from, start),
                error => self.stuck(number, from, error),
            })?;
        for batch in batches(&read.bytes) {
            let batch = batch.map_err(|error| self.stuck(number, portion.last + 1, error))?;
            let is_event = !batch.is_control() && !read.aborted.iter().any(|aborted| aborted.holds(&batch));
            if is_event && !self.take(&mut portion, &batch, (number, one), (from, records_max))? {
                break;
            }
            portion.last = batch.last_offset();
        }
        Ok(portion)
    }
}
