//! The least Kafka client: one connection to one broker, for the command line, the demo and tests.
//!
//! [`Client`] asks and waits; [`Producer`] batches records, keeps several batches in flight and is idempotent;
//! [`Member`] is a place in a consumer group. Left out on purpose: several brokers (the one connected to leads
//! everything), transactional producers, reconnecting.
//! An error of the connection ends the client; what a broker refuses does not.

mod groups;
mod lane;
mod link;
mod member;
mod producer;
mod reading;
mod topics;

use std::time::Duration;

use annals_kafka_wire::batch::BatchError;
use annals_kafka_wire::error::WireError;
use annals_kafka_wire::message::Request;
use annals_kafka_wire::message::api_versions::ApiVersion;

/// What a client's user meets of the wire crate.
pub use annals_kafka_wire::batch::{Compression, Record};
pub use annals_kafka_wire::error::ErrorCode;
pub use annals_kafka_wire::partitioner::partition_for_key;
pub use groups::{Description, GroupInfo, MemberInfo, Offsets};
use link::Link;
pub use member::Member;
pub use producer::{Delivery, NewRecord, Producer, ProducerConfig, Undelivered};
pub use reading::{Fetched, Isolation, Place, Portion};
pub use topics::{Setting, TopicInfo};

/// How long an answer may take, besides what a request itself asks to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

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
