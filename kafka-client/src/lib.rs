//! The least Kafka client: one connection to one broker, for the command line, the demo and tests.
//!
//! [`Client`] asks and waits; [`Producer`] batches records, keeps several batches in flight and is idempotent.
//! Left out on purpose: several brokers (the one connected to leads everything), groups, transactions, reconnecting.
//! An error of the connection ends the client; what a broker refuses does not.

mod lane;
mod link;
mod partitioner;
mod producer;

use std::collections::BTreeMap;
use std::time::Duration;

use annals_kafka_wire::batch::{BatchError, batches};
use annals_kafka_wire::error::WireError;
use annals_kafka_wire::message::Request;
use annals_kafka_wire::message::api_versions::ApiVersion;
use annals_kafka_wire::message::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
};
use annals_kafka_wire::message::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use annals_kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic};
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use annals_kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponseTopic};
use uuid::Uuid;

/// What a client's user meets of the wire crate.
pub use annals_kafka_wire::batch::{Compression, Record};
pub use annals_kafka_wire::error::ErrorCode;
use link::Link;
pub use partitioner::partition_for_key;
pub use producer::{Delivery, NewRecord, Producer, ProducerConfig, Undelivered};

/// How long an answer may take, besides what a request itself asks to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How much one fetch asks for, in bytes.
const FETCH_BYTES_MAX: i32 = 4 * 1024 * 1024;

/// What can go wrong between a client and its broker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The connection could not be made or broke.
    #[error("the connection to {addr} failed: {cause}")]
    Io {
        /// The broker's address as given.
        addr: String,
        /// The cause.
        cause: std::io::Error,
    },
    /// The broker closed the connection.
    #[error("{addr} closed the connection; its log says why")]
    Closed {
        /// The broker's address as given.
        addr: String,
    },
    /// No answer came in time.
    #[error("{addr} did not answer within {after:?}")]
    TimedOut {
        /// The broker's address as given.
        addr: String,
        /// How long was waited.
        after: Duration,
    },
    /// The answer was not of the protocol.
    #[error("the answer cannot be read: {0}")]
    Wire(#[from] WireError),
    /// The records of an answer cannot be read.
    #[error("the records of {topic}-{partition} at offset {offset} cannot be read: {cause}")]
    Records {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset asked for.
        offset: i64,
        /// The cause.
        cause: BatchError,
    },
    /// The answer belongs to no request, or misses what was asked for.
    #[error("the broker's answer does not fit the question: {0}")]
    Unexpected(String),
    /// Broker and client have no version of an API in common.
    #[error("the broker does not answer {0} in a version this client knows")]
    NoVersion(&'static str),
    /// A record no batch can hold.
    #[error("the record has {headers} headers and {bytes} bytes, and a record may have 1000 and 512 MiB")]
    Record {
        /// Its headers.
        headers: usize,
        /// Its size.
        bytes: usize,
    },
    /// The broker refused.
    #[error("{code}: {sentence}")]
    Broker {
        /// Kafka's code.
        code: ErrorCode,
        /// What the broker said, or what the code means.
        sentence: String,
    },
}

/// A topic as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: i32,
}

/// Records of one partition.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// The offset after the last durable record of the partition.
    pub high_watermark: i64,
    /// The records from the offset asked for; empty at the end.
    pub records: Vec<Record>,
}

/// One connection to one broker.
///
/// ```no_run
/// # async fn example() -> Result<(), annals_kafka_client::ClientError> {
/// use annals_kafka_client::Client;
///
/// let mut client = Client::connect("localhost:9092").await?;
/// client.create_topic("orders", 3, &Default::default()).await?;
/// for topic in client.topics().await? {
///     println!("{} has {} partitions", topic.name, topic.partitions);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    link: Link,
}

impl Client {
    /// Connects and asks what the broker can do.
    ///
    /// # Errors
    /// [`ClientError::Io`] when nobody listens at `addr` (`host:port`).
    pub async fn connect(addr: &str) -> Result<Client, ClientError> {
        Ok(Client {
            link: Link::connect(addr).await?,
        })
    }

    /// The APIs the broker answers, with their versions.
    #[must_use]
    pub fn api_versions(&self) -> &[ApiVersion] {
        self.link.api_versions()
    }

    /// Sends any request in the newest version both sides know, and waits for its answer.
    ///
    /// # Errors
    /// Those of the connection; error codes inside the answer are the caller's.
    pub async fn call<R: Request>(&mut self, request: &R) -> Result<R::Response, ClientError> {
        let version = self.link.version::<R>()?;
        self.link.call(request, version, ANSWER_TIMEOUT).await
    }

    /// Creates a topic and returns its id.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn create_topic(
        &mut self,
        name: &str,
        partitions: i32,
        config: &BTreeMap<String, String>,
    ) -> Result<Uuid, ClientError> {
        let setting = |(name, value): (&String, &String)| CreatableTopicConfig {
            name: name.clone(),
            value: Some(value.clone()),
        };
        let topic = CreatableTopic {
            name: name.to_owned(),
            num_partitions: partitions,
            replication_factor: -1,
            configs: config.iter().map(setting).collect(),
            ..CreatableTopic::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![topic],
            ..CreateTopicsRequest::default()
        };
        let CreateTopicsResponse { topics, .. } = self.call(&request).await?;
        let created = topics
            .into_iter()
            .next()
            .ok_or_else(|| unexpected("no topic in it"))?;
        accepted(created.error_code, created.error_message)?;
        Ok(Uuid::from_bytes(created.topic_id))
    }

    /// Deletes a topic and its records.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn delete_topic(&mut self, name: &str) -> Result<(), ClientError> {
        let topic = DeleteTopicState {
            name: Some(name.to_owned()),
            ..DeleteTopicState::default()
        };
        let request = DeleteTopicsRequest {
            topics: vec![topic],
            topic_names: vec![name.to_owned()],
            ..DeleteTopicsRequest::default()
        };
        let deleted = self.call(&request).await?.responses.into_iter().next();
        let deleted = deleted.ok_or_else(|| unexpected("no topic in it"))?;
        accepted(deleted.error_code, deleted.error_message)
    }

    /// All topics, by name.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn topics(&mut self) -> Result<Vec<TopicInfo>, ClientError> {
        let request = MetadataRequest {
            topics: None,
            ..MetadataRequest::default()
        };
        self.call(&request)
            .await?
            .topics
            .into_iter()
            .map(topic_info)
            .collect()
    }

    /// One topic; `None` when there is none of this name. Never creates it.
    ///
    /// # Errors
    /// [`ClientError::Broker`] when the name is not a topic's.
    pub async fn topic(&mut self, name: &str) -> Result<Option<TopicInfo>, ClientError> {
        let asked = MetadataRequestTopic {
            name: Some(name.to_owned()),
            ..MetadataRequestTopic::default()
        };
        let request = MetadataRequest {
            topics: Some(vec![asked]),
            allow_auto_topic_creation: false,
            ..MetadataRequest::default()
        };
        let found = self.call(&request).await?.topics.into_iter().next();
        let found = found.ok_or_else(|| unexpected("no topic in it"))?;
        if ErrorCode::from(found.error_code) == ErrorCode::UnknownTopicOrPartition {
            return Ok(None);
        }
        topic_info(found).map(Some)
    }

    /// The offset of the first record of this time (milliseconds since 1970) or later; -1 asks for the end of the
    /// partition, -2 for its start. `None` when there is no such record.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn offset_for_time(
        &mut self,
        topic: &str,
        partition: i32,
        timestamp: i64,
    ) -> Result<Option<i64>, ClientError> {
        let asked = ListOffsetsPartition {
            partition_index: partition,
            timestamp,
            ..ListOffsetsPartition::default()
        };
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic {
                name: topic.to_owned(),
                partitions: vec![asked],
            }],
            ..ListOffsetsRequest::default()
        };
        let topic = self.call(&request).await?.topics.into_iter().next();
        let found = topic.and_then(|topic| topic.partitions.into_iter().next());
        let found = found.ok_or_else(|| unexpected("no partition in it"))?;
        accepted(found.error_code, None)?;
        Ok(Some(found.offset).filter(|offset| *offset >= 0))
    }

    /// Records of one partition from `offset` on; at the end, waits for one up to `wait_max`.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with OFFSET_OUT_OF_RANGE beyond the ends, [`ClientError::Records`] when what came
    /// cannot be read.
    pub async fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
        wait_max: Duration,
    ) -> Result<Fetched, ClientError> {
        let asked = FetchPartition {
            partition,
            fetch_offset: offset,
            partition_max_bytes: FETCH_BYTES_MAX,
            ..FetchPartition::default()
        };
        let request = FetchRequest {
            max_wait_ms: i32::try_from(wait_max.as_millis()).unwrap_or(i32::MAX),
            min_bytes: 1,
            max_bytes: FETCH_BYTES_MAX,
            topics: vec![FetchTopic {
                topic: topic.to_owned(),
                partitions: vec![asked],
                ..FetchTopic::default()
            }],
            ..FetchRequest::default()
        };
        let version = self.link.version::<FetchRequest>()?;
        let response = self
            .link
            .call(&request, version, ANSWER_TIMEOUT + wait_max)
            .await?;
        accepted(response.error_code, None)?;
        let found = response
            .responses
            .into_iter()
            .next()
            .and_then(|topic| topic.partitions.into_iter().next());
        let found = found.ok_or_else(|| unexpected("no partition in it"))?;
        accepted(found.error_code, None)?;
        let records = records_from(&found.records.unwrap_or_default(), offset);
        let unreadable = |cause| ClientError::Records {
            topic: topic.to_owned(),
            partition,
            offset,
            cause,
        };
        Ok(Fetched {
            high_watermark: found.high_watermark,
            records: records.map_err(unreadable)?,
        })
    }
}

/// The most a batch may give when decompressed, in bytes: 256 MiB. What brokers take is bounded by their own settings,
/// which a client does not know; this bounds what a hostile one costs.
const UNPACKED_BYTES_MAX: usize = 256 << 20;

/// The records of whole batches, those before `offset` left out.
fn records_from(bytes: &bytes::Bytes, offset: i64) -> Result<Vec<Record>, BatchError> {
    let mut records = Vec::new();
    for batch in batches(bytes) {
        let batch = batch?;
        batch.verify_crc()?;
        for record in batch.records(UNPACKED_BYTES_MAX)? {
            records.extend(Some(record?).filter(|record| record.offset >= offset));
        }
    }
    Ok(records)
}

fn topic_info(topic: MetadataResponseTopic) -> Result<TopicInfo, ClientError> {
    accepted(topic.error_code, None)?;
    Ok(TopicInfo {
        name: topic.name.unwrap_or_default(),
        id: Uuid::from_bytes(topic.topic_id),
        partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
    })
}

/// An error code as a result, with the broker's words or the code's meaning.
fn accepted(code: i16, sentence: Option<String>) -> Result<(), ClientError> {
    match ErrorCode::from(code) {
        ErrorCode::None => Ok(()),
        code => {
            let sentence = sentence.unwrap_or_else(|| code.meaning().to_owned());
            Err(ClientError::Broker { code, sentence })
        }
    }
}

fn unexpected(what: &str) -> ClientError {
    ClientError::Unexpected(what.to_owned())
}
