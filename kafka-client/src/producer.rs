//! An idempotent producer: records are batched by partition, several batches are in flight, none is stored twice.
//!
//! What waits for a partition, and with which sequence it goes, is its [`Lane`]'s; here are requests and answers.
//! Left out on purpose: a linger timer (what is not full goes with `flush`), retries after a lost connection.

use std::collections::{BTreeMap, VecDeque};

use annals_kafka_wire::batch::{BatchBuilder, Compression, HEADERS_MAX};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::init_producer_id::InitProducerIdRequest;
use annals_kafka_wire::message::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use bytes::Bytes;

use crate::lane::{Entry, Lane, sequence_after};
use crate::{ANSWER_TIMEOUT, Client, ClientError, accepted, partition_for_key, unexpected};

/// The largest record a batch can surely hold, in bytes.
const RECORD_BYTES_MAX: usize = 512 << 20;

/// How a [`Producer`] batches.
#[derive(Debug, Clone)]
pub struct ProducerConfig {
    /// A batch is sent when its records take this many bytes before compression.
    pub batch_bytes_max: usize,
    /// Batches in flight; brokers remember five a producer, so more is never right.
    pub in_flight_max: usize,
    /// How batches are compressed.
    pub compression: Compression,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        ProducerConfig {
            batch_bytes_max: 128 * 1024,
            in_flight_max: 5,
            compression: Compression::None,
        }
    }
}

/// A record to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// Its key; records of one key go to one partition.
    pub key: Option<Bytes>,
    /// Its payload; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<(String, Bytes)>,
    /// Its time, in milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What [`Producer::send`] returned for it.
    pub ticket: u64,
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset, or why it was not stored.
    pub outcome: Result<i64, Undelivered>,
}

/// Why a record was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {sentence}")]
pub struct Undelivered {
    /// Kafka's code.
    pub code: ErrorCode,
    /// What the broker said about this record, or about its batch.
    pub sentence: String,
    /// Whether only another record of the same batch was at fault: this one may be sent again.
    pub innocent: bool,
}

type LaneKey = (String, i32);

/// A batch that was sent and not yet answered.
#[derive(Debug)]
struct InFlight {
    lane: LaneKey,
    entries: Vec<Entry>,
    base_sequence: i32,
    correlation_id: i32,
}

/// An idempotent producer over its own connection.
///
/// ```no_run
/// # async fn example() -> Result<(), annals_kafka_client::ClientError> {
/// use annals_kafka_client::{Client, NewRecord, Producer};
///
/// let client = Client::connect("localhost:9092").await?;
/// let mut producer = Producer::new(client, Default::default()).await?;
/// let record = NewRecord { key: Some("order-1".into()), value: Some("{}".into()), ..Default::default() };
/// producer.send("orders", None, record).await?;
/// for delivery in producer.flush().await? {
///     println!("{} is at {:?}", delivery.ticket, delivery.outcome);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Producer {
    client: Client,
    config: ProducerConfig,
    id: i64,
    epoch: i16,
    version: i16,
    lanes: BTreeMap<LaneKey, Lane>,
    partition_counts: BTreeMap<String, i32>,
    in_flight: VecDeque<InFlight>,
    next_ticket: u64,
    delivered: Vec<Delivery>,
}

impl Producer {
    /// Asks for a producer id on this connection.
    ///
    /// # Errors
    /// [`ClientError::Broker`] when the broker gives none.
    pub async fn new(mut client: Client, config: ProducerConfig) -> Result<Producer, ClientError> {
        let version = client.link.version::<ProduceRequest>()?;
        let ask = async |client: &mut Client| {
            let given = client.call(&InitProducerIdRequest::default()).await?;
            accepted(given.error_code, None).map(|()| given)
        };
        let given = client.patiently(ask).await?;
        Ok(Producer {
            client,
            config,
            id: given.producer_id,
            epoch: given.producer_epoch,
            version,
            lanes: BTreeMap::new(),
            partition_counts: BTreeMap::new(),
            in_flight: VecDeque::new(),
            next_ticket: 0,
            delivered: Vec::new(),
        })
    }

    /// Takes a record, and sends its batch when that is full. The ticket returned marks its [`Delivery`].
    /// Without a partition the key decides, and without a key partition 0 it is.
    ///
    /// # Errors
    /// Those of the connection, and of a topic that does not exist.
    pub async fn send(
        &mut self,
        topic: &str,
        partition: Option<i32>,
        record: NewRecord,
    ) -> Result<u64, ClientError> {
        let (headers, bytes) = (record.headers.len(), size_of_record(&record));
        if headers > HEADERS_MAX || bytes > RECORD_BYTES_MAX {
            return Err(ClientError::Record { headers, bytes });
        }
        let partition = match (partition, &record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_for_key(key, self.partition_count(topic).await?),
            (None, None) => 0,
        };
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let lane = self.lanes.entry((topic.to_owned(), partition)).or_default();
        lane.open_bytes += bytes;
        lane.open.push((ticket, record));
        if lane.open_bytes >= self.config.batch_bytes_max {
            lane.close_batch();
            self.send_ready().await?;
        }
        Ok(ticket)
    }

    /// Sends everything, waits for every answer, and returns what became of each record since the last flush, in the
    /// order of their tickets.
    ///
    /// # Errors
    /// Those of the connection, and codes that leave open whether a batch was stored.
    pub async fn flush(&mut self) -> Result<Vec<Delivery>, ClientError> {
        self.lanes.values_mut().for_each(Lane::close_batch);
        loop {
            self.send_ready().await?;
            if self.in_flight.is_empty() {
                break;
            }
            self.receive_one().await?;
        }
        let mut delivered = std::mem::take(&mut self.delivered);
        delivered.sort_by_key(|delivery| delivery.ticket);
        Ok(delivered)
    }

    /// Sends batches until none may go: too many in flight make it wait for an answer first.
    async fn send_ready(&mut self) -> Result<(), ClientError> {
        while let Some(lane) = self
            .lanes
            .iter()
            .find(|(_, lane)| lane.may_send())
            .map(|(key, _)| key.clone())
        {
            if self.in_flight.len() >= self.config.in_flight_max.clamp(1, 5) {
                self.receive_one().await?;
            } else {
                self.send_batch(lane).await?;
            }
        }
        Ok(())
    }

    async fn send_batch(&mut self, key: LaneKey) -> Result<(), ClientError> {
        let Some(lane) = self.lanes.get_mut(&key) else {
            return Ok(());
        };
        let Some(entries) = lane.next_batch() else {
            return Ok(());
        };
        let base_sequence = lane.next_sequence;
        lane.next_sequence = sequence_after(base_sequence, entries.len());
        lane.in_flight += 1;
        let records = encode(
            &entries,
            self.id,
            self.epoch,
            base_sequence,
            self.config.compression,
        );
        let data = PartitionProduceData {
            index: key.1,
            records: Some(records),
        };
        let request = ProduceRequest {
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![TopicProduceData {
                name: key.0.clone(),
                partition_data: vec![data],
                ..TopicProduceData::default()
            }],
            ..ProduceRequest::default()
        };
        let correlation_id = self.client.link.send(&request, self.version).await?;
        self.in_flight.push_back(InFlight {
            lane: key,
            entries,
            base_sequence,
            correlation_id,
        });
        Ok(())
    }

    async fn receive_one(&mut self) -> Result<(), ClientError> {
        let Some(sent) = self.in_flight.pop_front() else {
            return Ok(());
        };
        let link = &mut self.client.link;
        let answer = link
            .receive::<ProduceRequest>(sent.correlation_id, self.version, ANSWER_TIMEOUT)
            .await?;
        let topic = answer.responses.into_iter().next();
        let partition = topic.and_then(|topic| topic.partition_responses.into_iter().next());
        self.settle(sent, partition.ok_or_else(|| unexpected("no partition in it"))?)
    }

    /// Books one answer.
    fn settle(&mut self, sent: InFlight, answer: PartitionProduceResponse) -> Result<(), ClientError> {
        let lane = self.lanes.entry(sent.lane.clone()).or_default();
        lane.in_flight -= 1;
        match ErrorCode::from(answer.error_code) {
            ErrorCode::None => {
                // Behind a refused batch this can only be the first the broker saw of this producer.
                lane.back_to = lane
                    .back_to
                    .map(|_| sequence_after(sent.base_sequence, sent.entries.len()));
                let offsets = answer.base_offset..;
                self.deliver(
                    &sent.lane,
                    sent.entries
                        .iter()
                        .zip(offsets)
                        .map(|((t, _), offset)| (*t, Ok(offset))),
                );
            }
            ErrorCode::OutOfOrderSequenceNumber if lane.back_to.is_some() => {
                lane.again.push_back(sent.entries)
            }
            code if leaves_open(code) => return accepted(answer.error_code, answer.error_message),
            code => {
                lane.back_to.get_or_insert(sent.base_sequence);
                let outcomes = blame(code, &answer, &sent.entries);
                self.deliver(&sent.lane, outcomes.into_iter());
            }
        }
        let lane = self.lanes.entry(sent.lane).or_default();
        if lane.in_flight == 0 {
            lane.resume();
        }
        Ok(())
    }

    fn deliver(&mut self, lane: &LaneKey, outcomes: impl Iterator<Item = (u64, Result<i64, Undelivered>)>) {
        let (topic, partition) = lane;
        self.delivered.extend(outcomes.map(|(ticket, outcome)| Delivery {
            ticket,
            topic: topic.clone(),
            partition: *partition,
            outcome,
        }));
    }

    /// How many partitions a topic has, asked once. Waits for what is in flight, as answers come in order.
    async fn partition_count(&mut self, topic: &str) -> Result<i32, ClientError> {
        if let Some(count) = self.partition_counts.get(topic) {
            return Ok(*count);
        }
        while !self.in_flight.is_empty() {
            self.receive_one().await?;
        }
        let info = self.client.topic(topic).await?;
        let info = info.ok_or_else(|| ClientError::Broker {
            code: ErrorCode::UnknownTopicOrPartition,
            sentence: format!("there is no topic '{topic}'"),
        })?;
        self.partition_counts.insert(topic.to_owned(), info.partitions);
        Ok(info.partitions)
    }
}

/// Whether a code leaves open if the batch was stored.
fn leaves_open(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RequestTimedOut | ErrorCode::KafkaStorageError | ErrorCode::UnknownServerError
    )
}

/// What each record of a refused batch is told.
fn blame(
    code: ErrorCode,
    answer: &PartitionProduceResponse,
    entries: &[Entry],
) -> Vec<(u64, Result<i64, Undelivered>)> {
    let of_batch = answer
        .error_message
        .clone()
        .unwrap_or_else(|| code.meaning().to_owned());
    let told: BTreeMap<i32, Option<&String>> = answer
        .record_errors
        .iter()
        .map(|record| (record.batch_index, record.batch_index_error_message.as_ref()))
        .collect();
    let outcome = |((ticket, _), index): (&Entry, i32)| {
        let own = told.get(&index);
        let sentence = own.copied().flatten().unwrap_or(&of_batch).clone();
        (
            *ticket,
            Err(Undelivered {
                code,
                sentence,
                innocent: own.is_none() && !told.is_empty(),
            }),
        )
    };
    entries.iter().zip(0..).map(outcome).collect()
}

fn encode(entries: &[Entry], id: i64, epoch: i16, base_sequence: i32, compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new()
        .producer(id, epoch, base_sequence)
        .compression(compression);
    for (_, record) in entries {
        let headers: Vec<(&str, &[u8])> = record
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref()))
            .collect();
        builder.push(
            record.timestamp_ms,
            record.key.as_deref(),
            record.value.as_deref(),
            &headers,
        );
    }
    builder.build()
}

fn size_of_record(record: &NewRecord) -> usize {
    let headers: usize = record
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    headers + record.key.as_ref().map_or(0, Bytes::len) + record.value.as_ref().map_or(0, Bytes::len)
}
