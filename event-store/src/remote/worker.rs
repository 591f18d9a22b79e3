//! The thread that holds the connection: it follows the topic, fetches events and appends them.

use std::collections::BTreeMap;
use std::time::Duration;

use annals_kafka_client::{
    Client, ClientError, ErrorCode, Isolation, NewRecord, Place as AtPlace, Producer, ProducerConfig,
    Undelivered, partition_for_key,
};
use annals_schema_model::Timestamp;
use bytes::Bytes;

use super::follow::{Followed, Spot, find};
use super::{Ask, Fetched};
use crate::at::AsOf;
use crate::log::{NewEvent, Place, UnappendedError, UnreadError};
use crate::source::is_dense;

/// The header by which a record is appended only behind a revision of its key.
const EXPECTED_REVISION_HEADER: &str = "annals-expected-revision";
/// How the broker calls another revision, and a revision that an open transaction decides.
const UNEXPECTED: &str = "EXPECTED_REVISION";
const UNDECIDED: &str = "UNDECIDED_REVISION";
/// Bytes fetched for one event; its batch comes whole.
const POINT_BYTES: i32 = 16 << 10;
const SCAN_BYTES: i32 = 1 << 20;
/// How long what others have appended may take to become readable.
const SETTLE_TIMES_MAX: u32 = 30;
const SETTLE_WAIT: Duration = Duration::from_secs(1);

pub(super) struct Worker {
    bootstrap: String,
    pub(super) topic: String,
    pub(super) client: Option<Client>,
    producer: Option<Producer>,
    pub(super) partitions: Vec<Followed>,
}

pub(super) fn server(error: ClientError) -> UnreadError {
    UnreadError::Server(error.to_string())
}

impl Worker {
    pub(super) fn new(bootstrap: &str, topic: &str) -> Worker {
        Worker {
            bootstrap: bootstrap.to_owned(),
            topic: topic.to_owned(),
            client: None,
            producer: None,
            partitions: Vec::new(),
        }
    }

    /// Looks how many partitions there are.
    pub(super) async fn begin(&mut self) -> Result<(), UnreadError> {
        let (topic, mut client) = (self.topic.clone(), self.connected().await.map_err(server)?);
        let found = client.topic(&topic).await.map_err(server)?;
        let none = || UnreadError::Server(format!("there is no topic {topic}; make it first"));
        let count = usize::try_from(found.ok_or_else(none)?.partitions).unwrap_or(0);
        self.partitions.resize_with(count, Followed::default);
        self.client = Some(client);
        Ok(())
    }

    pub(super) async fn answer(&mut self, ask: Ask) {
        // Whoever asked may have gone.
        match ask {
            Ask::Read(key, at, answer) => drop(answer.send(self.read(&key, &at).await)),
            Ask::Append(key, place, events, now, answer) => {
                drop(answer.send(self.append(key, &place, events, now).await));
            }
            Ask::Head(seen, wait, answer) => drop(answer.send(self.head(&seen, wait).await)),
            Ask::ReadOn(partition, behind, max, answer) => {
                drop(answer.send(self.read_on(partition, behind, max).await));
            }
        }
    }

    /// A connection: taken out, and put back by who has no error with it.
    pub(super) async fn connected(&mut self) -> Result<Client, ClientError> {
        match self.client.take() {
            Some(client) => Ok(client),
            None => Client::connect(&self.bootstrap).await,
        }
    }

    async fn read(&mut self, key: &[u8], at: &AsOf) -> Result<(Place, Vec<Fetched>), UnreadError> {
        let mut client = self.connected().await.map_err(server)?;
        self.catch_up(&mut client).await.map_err(server)?;
        let times = match at {
            AsOf::Time(ms) => self.times(&mut client, *ms).await.map_err(server)?,
            _ => BTreeMap::new(),
        };
        let (number, cut, spots) = match find(&self.partitions, &self.topic, key, at, &times) {
            Ok(found) => found,
            Err(error) => {
                self.client = Some(client);
                return Err(error.into());
            }
        };
        let count = i32::try_from(self.partitions.len()).unwrap_or(i32::MAX);
        let partition = number.unwrap_or_else(|| partition_for_key(key, count).unsigned_abs());
        let events = fetch(&mut client, &self.topic, partition, spots).await;
        let events = events.map_err(server)?;
        self.client = Some(client);
        let place = Place {
            partition,
            events: events.len() as u64,
            cut,
        };
        Ok((place, events))
    }

    /// Reads what is committed now.
    async fn catch_up(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let numbers: Vec<i32> = (0..).take(self.partitions.len()).collect();
        let ends = client.offsets_at(&self.topic, &numbers, AtPlace::End, Isolation::Committed);
        let ends = ends.await?;
        loop {
            let behind = |(number, one): (i32, &Followed)| {
                let end = ends.get(&number).copied().flatten().unwrap_or(0);
                (one.next < end).then_some((number, one.next))
            };
            let from: BTreeMap<i32, i64> = (0..).zip(&self.partitions).filter_map(behind).collect();
            if from.is_empty() {
                return Ok(());
            }
            self.follow(client, &from, Duration::ZERO).await?;
        }
    }

    /// Reads on from these offsets.
    async fn follow(
        &mut self,
        client: &mut Client,
        from: &BTreeMap<i32, i64>,
        wait: Duration,
    ) -> Result<(), ClientError> {
        let portions = client
            .fetch_all(&self.topic, from, Isolation::Committed, wait)
            .await;
        let portions = match portions {
            Err(error) if error.is_out_of_range() => {
                // What was deleted may have had events of anybody: who appends to such a partition is refused.
                let numbers: Vec<i32> = from.keys().copied().collect();
                let starts = client.offsets_at(&self.topic, &numbers, AtPlace::Start, Isolation::Committed);
                for (number, start) in starts.await? {
                    let one = usize::try_from(number)
                        .ok()
                        .and_then(|at| self.partitions.get_mut(at));
                    if let (Some(one), Some(start)) = (one, start) {
                        one.next = one.next.max(start);
                    }
                }
                return Ok(());
            }
            portions => portions?,
        };
        for portion in portions {
            let number = usize::try_from(portion.partition).ok();
            if let Some(one) = number.and_then(|number| self.partitions.get_mut(number)) {
                one.take(portion);
            }
        }
        Ok(())
    }

    /// The last offset of each partition that was recorded up to a time.
    async fn times(&self, client: &mut Client, ms: i64) -> Result<BTreeMap<u32, i64>, ClientError> {
        let numbers: Vec<i32> = (0..).take(self.partitions.len()).collect();
        if ms < 0 {
            return Ok(BTreeMap::new());
        }
        let after = AtPlace::Time(ms.saturating_add(1));
        let found = client.offsets_at(&self.topic, &numbers, after, Isolation::Uncommitted);
        let last = |(number, next): (i32, Option<i64>)| {
            (number.unsigned_abs(), next.map_or(i64::MAX, |next| next - 1))
        };
        Ok(found.await?.into_iter().map(last).collect())
    }

    async fn append(
        &mut self,
        key: Bytes,
        behind: &Place,
        events: Vec<NewEvent>,
        now: Timestamp,
    ) -> Result<i64, UnappendedError> {
        let mut producer = match self.producer.take() {
            Some(producer) => producer,
            None => self.new_producer().await.map_err(|error| {
                // Nothing was sent yet.
                UnappendedError::Refused(error.to_string())
            })?,
        };
        let sent = self.send(&mut producer, &key, behind, events, now).await;
        // An error of the connection leaves open what became of what was sent.
        let outcome = sent.map_err(|error| UnappendedError::Unknown(error.to_string()))?;
        self.producer = Some(producer);
        match outcome {
            Ok(offset) => Ok(offset),
            Err(refused) if is_unexpected(&refused) => {
                let known = behind.events;
                self.settle(&key, behind.partition, known).await;
                Err(UnappendedError::Conflict)
            }
            Err(refused) => Err(UnappendedError::Refused(refused.to_string())),
        }
    }

    async fn new_producer(&self) -> Result<Producer, ClientError> {
        let client = Client::connect(&self.bootstrap).await?;
        let config = ProducerConfig {
            // What is appended together is one batch; a broker refuses one that is too large for it.
            batch_bytes_max: usize::MAX,
            ..ProducerConfig::default()
        };
        Producer::new(client, config).await
    }

    /// Sends events as one batch: the first one's offset, or why the broker refused.
    async fn send(
        &self,
        producer: &mut Producer,
        key: &Bytes,
        behind: &Place,
        events: Vec<NewEvent>,
        now: Timestamp,
    ) -> Result<Result<i64, Undelivered>, ClientError> {
        let partition = i32::try_from(behind.partition).ok();
        for (event, next) in events.into_iter().zip(behind.events..) {
            let expected = next
                .checked_sub(1)
                .map_or_else(|| "none".to_owned(), |last| last.to_string());
            let mut headers: Vec<(String, Bytes)> = event
                .headers
                .iter()
                .map(|(name, value)| (name.to_owned(), Bytes::copy_from_slice(value.unwrap_or_default())))
                .collect();
            headers.push((EXPECTED_REVISION_HEADER.to_owned(), expected.into()));
            let record = NewRecord {
                key: Some(key.clone()),
                value: Some(event.value.into()),
                headers,
                timestamp_ms: now.as_millis(),
            };
            producer.send(&self.topic, partition, record).await?;
        }
        let delivered = producer.flush().await?;
        let refused = |outcome: &Result<i64, Undelivered>| outcome.as_ref().err().cloned();
        // What is told of the record at fault comes before what is told of the others.
        let mut refusals: Vec<Undelivered> =
            delivered.iter().filter_map(|one| refused(&one.outcome)).collect();
        refusals.sort_by_key(|refusal| refusal.innocent);
        Ok(
            match (refusals.into_iter().next(), delivered.into_iter().next()) {
                (Some(refusal), _) => Err(refusal),
                (None, Some(first)) => first.outcome,
                (None, None) => Ok(-1),
            },
        )
    }

    /// Waits until more events of a key can be read than are known; who is quick in vain is only refused again.
    async fn settle(&mut self, key: &[u8], partition: u32, known: u64) {
        let Ok(number) = i32::try_from(partition) else {
            return;
        };
        for _ in 0..SETTLE_TIMES_MAX {
            let Some(one) = self.partitions.get(partition as usize) else {
                return;
            };
            if one.events(key).len() as u64 > known {
                return;
            }
            let from = BTreeMap::from([(number, one.next)]);
            let Ok(mut client) = self.connected().await else {
                return;
            };
            if self.follow(&mut client, &from, SETTLE_WAIT).await.is_err() {
                return;
            }
            self.client = Some(client);
        }
    }
}

fn is_unexpected(refused: &Undelivered) -> bool {
    let code = refused.sentence.split([':', ' ']).next();
    refused.code == ErrorCode::InvalidRecord && matches!(code, Some(UNEXPECTED | UNDECIDED))
}

/// The events at these places.
async fn fetch(
    client: &mut Client,
    topic: &str,
    partition: u32,
    spots: &[Spot],
) -> Result<Vec<Fetched>, ClientError> {
    let partition = i32::try_from(partition).unwrap_or(i32::MAX);
    let offsets: Vec<i64> = spots.iter().map(|(offset, _)| *offset).collect();
    let bytes = if is_dense(&offsets) {
        SCAN_BYTES
    } else {
        POINT_BYTES
    };
    let mut events = Vec::with_capacity(spots.len());
    let mut records = Vec::new().into_iter().peekable();
    for &(offset, recorded_by_ms) in spots {
        let is_before = |record: &annals_kafka_client::Record| record.offset < offset;
        while records.next_if(is_before).is_some() {}
        if records.peek().is_none() {
            records = client
                .fetch_at(topic, partition, offset, bytes)
                .await?
                .into_iter()
                .peekable();
        }
        let record = records.next_if(|record| record.offset == offset);
        events.push(Fetched {
            offset,
            recorded_ms: record
                .as_ref()
                .map_or(recorded_by_ms, |record| record.timestamp_ms),
            record: record.map(|record| (record.headers, record.value)),
        });
    }
    Ok(events)
}
