//! The port over logs on disk that this process holds: it reads by the store's index and appends to the partition itself.
//!
//! This is the one place of the crate that writes to a log.

use std::sync::Arc;
use std::time::Duration;

use annals_kafka_wire::batch::{Batch, BatchBuilder};
use annals_kafka_wire::partitioner::partition_for_key;
use annals_schema_model::Timestamp;
use annals_segment_log::{
    AppendError, ConditionError, Conditions, LogDir, LogError, Partition, PartitionConfig,
};
use bytes::Bytes;

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::cause::NO_HEADERS;
use crate::error::StoreError;
use crate::folding::Spot;
use crate::index::PartitionIndex;
use crate::key::key_text;
use crate::log::{EventLog, NewEvent, Place, Stored, UnappendedError, UnreadError};
use crate::source::Source;
use crate::store::EventStore;

/// How long an append waits for its disk.
const DURABLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How many events are looked up at once.
const SPOTS_AT_ONCE: usize = 4_096;

impl Source {
    /// Opens a topic's partitions in a log directory, or makes them. They are no topic of a broker: that keeps a list of its
    /// topics, and `annals serve` on the same directory does not find these. Who wants both appends to the broker.
    ///
    /// ```
    /// use annals_event_store::Source;
    /// use annals_segment_log::{LogConfig, LogDir, PartitionConfig};
    ///
    /// # let place = tempfile::tempdir()?;
    /// let log = LogDir::open(place.path(), LogConfig::default(), 1_767_600_000_000)?;
    /// let source = Source::open(&log, "accounts", 4, &PartitionConfig::default())?;
    /// assert_eq!((&*source.topic, source.partitions.len()), ("accounts", 4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When a partition cannot be opened.
    pub fn open(
        log: &LogDir,
        topic: &str,
        partitions: u32,
        config: &PartitionConfig,
    ) -> Result<Source, LogError> {
        let open = |number| log.partition(&format!("t/{topic}/{number}"), config.clone());
        Ok(Source {
            topic: topic.to_owned(),
            topic_id: None,
            partitions: (0..partitions).map(open).collect::<Result<_, _>>()?,
        })
    }
}

/// The topic of one aggregate type of a store, to be written to: what [`EventStore::log`] gives. [`EventLog`] has an example.
pub struct Embedded {
    store: EventStore,
    aggregate: Arc<Aggregate>,
}

impl EventStore {
    /// The log of an aggregate type, for a [`Repository`](crate::Repository).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{Cause, Repository};
    ///
    /// # let (schemas, now) = (bank.schemas.clone(), annals_schema_model::Timestamp::from_millis(1_767_618_000_000));
    /// let accounts: Repository<AccountFold, _> = Repository::new(store.log("account")?, schemas);
    /// let done = accounts.handle("a-2", &Deposit { cents: 5 }, &Cause::new("pay-1", now))?;
    /// assert_eq!(done.offset, Some(5));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When there is no such aggregate, or its events are in several topics: what was decided on all of them cannot be appended
    /// behind all of them.
    pub fn log(&self, aggregate: &str) -> Result<Embedded, StoreError> {
        let aggregate = self.aggregate(aggregate)?;
        if aggregate.index.is_merged() {
            return Err(StoreError::SeveralTopics {
                what: "appending behind what was decided on",
                aggregate: aggregate.name().to_owned(),
                instead: "decide on a fold of the one topic that the events go to",
            });
        }
        Ok(Embedded {
            aggregate,
            store: self.at_work(&self.work),
        })
    }
}

impl Embedded {
    fn partition(&self, number: u32) -> Option<&Arc<Partition>> {
        let partition = self.aggregate.index.partitions.get(number as usize)?;
        Some(&partition.log)
    }

    /// Where a key without events will have its own.
    fn nowhere(&self, key: &[u8]) -> Result<Place, StoreError> {
        let partitions = i32::try_from(self.aggregate.index.partitions.len()).unwrap_or(i32::MAX);
        Ok(Place {
            partition: partition_for_key(key, partitions).unsigned_abs(),
            events: 0,
            cut: self.aggregate.index.catch_up(&self.store.work)?,
        })
    }
}

impl EventLog for Embedded {
    fn topic(&self) -> &str {
        self.aggregate.fold.topic()
    }

    fn read(&self, key: &[u8], at: &AsOf, each: &mut dyn FnMut(&Stored<'_>)) -> Result<Place, UnreadError> {
        let located = match self.aggregate.locate(&key_text(key), &[at], &self.store) {
            Ok(located) => located,
            Err(StoreError::UnknownId { .. }) if !matches!(at, AsOf::Revision(_)) => {
                return Ok(self.nowhere(key)?);
            }
            Err(error) => return Err(error.into()),
        };
        let within = located.own_cut(at)?;
        let events = within.events;
        for from in (0..events).step_by(SPOTS_AT_ONCE) {
            let spots = located.spots_of(&within, from..events.min(from + SPOTS_AT_ONCE))?;
            let mut reader = located.reader(&spots);
            for spot in &spots {
                match reader.record(spot)? {
                    Ok(record) => each(&Stored {
                        at: spot.at(located.partition, record),
                        value: Ok(record.value.as_deref()),
                    }),
                    Err(problem) => each(&unread(spot, located.partition, &problem)?),
                }
            }
        }
        Ok(Place {
            partition: located.partition.number,
            events: events as u64,
            cut: within.cut,
        })
    }

    fn append(
        &self,
        key: &[u8],
        behind: &Place,
        events: &[NewEvent],
        now: Timestamp,
    ) -> Result<i64, UnappendedError> {
        let refused = |why: &str| UnappendedError::Refused(why.to_owned());
        let partition = self
            .partition(behind.partition)
            .ok_or_else(|| refused("the topic has no such partition"))?;
        let batch = batch(key, events, now).ok_or_else(|| refused("the events are too large for a batch"))?;
        let mut conditions = Conditions::new(vec![Some(Bytes::copy_from_slice(key)); events.len()]);
        // Those behind the first count with it.
        let revision = i64::try_from(behind.events).map_err(|_| refused("there are too many events"))? - 1;
        conditions.expect(0, revision);
        let appended = match partition.append_if(&batch, now.as_millis(), &conditions) {
            Ok(appended) => appended,
            Err(AppendError::Condition(ConditionError::Revision(_))) => {
                settle(partition)?;
                return Err(UnappendedError::Conflict);
            }
            Err(error) => return Err(UnappendedError::Refused(error.to_string())),
        };
        let durable = partition.wait_durable(appended.last_offset, DURABLE_TIMEOUT);
        durable.map_err(|error| UnappendedError::Unknown(error.to_string()))?;
        Ok(appended.base_offset)
    }
}

/// What others have appended is read once it is durable.
fn settle(partition: &Partition) -> Result<(), UnappendedError> {
    let last = partition.log_end_offset() - 1;
    let durable = partition.wait_durable(last, DURABLE_TIMEOUT);
    durable.map_err(|error| UnappendedError::Refused(error.to_string()))
}

fn batch(key: &[u8], events: &[NewEvent], now: Timestamp) -> Option<Batch> {
    let mut builder = BatchBuilder::new();
    for event in events {
        let headers: Vec<(&str, &[u8])> = event
            .headers
            .iter()
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect();
        if !builder.push(now.as_millis(), Some(key), Some(&event.value), &headers) {
            return None;
        }
    }
    let (batch, _) = Batch::parse(&builder.build(), 0).ok()?;
    Some(batch)
}

/// An event whose record cannot be read, and so has no headers.
fn unread<'a>(spot: &Spot, partition: &PartitionIndex, problem: &'a str) -> Result<Stored<'a>, StoreError> {
    Ok(Stored {
        at: crate::fold::At {
            partition: partition.number,
            offset: spot.offset,
            revision: spot.revision,
            recorded_ms: partition.recorded_by(spot.offset)?,
            headers: &NO_HEADERS,
        },
        value: Err(problem),
    })
}
