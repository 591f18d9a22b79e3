//! The API table: one row an API, with the versions advertised and the handler. Dispatch and the ApiVersions answer
//! are both made from it, so what is advertised is what is answered.
//!
//! Invariant: a row's versions are those [`annals_kafka_wire`] reads and writes whole, with one exception. Produce is
//! advertised from 0 because librdkafka before 2.11.1 stops compressing otherwise (KAFKA-18659), but requests of
//! versions 0 to 2 close their connection as they do with Kafka 4: they carry the record formats it dropped.

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::error::{ErrorCode, Fault, WireError};
use annals_kafka_wire::frame::{self, RequestHeader};
use annals_kafka_wire::message::{Request, api_versions};
use annals_kafka_wire::primitives::Reader;
use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use crate::api;
use crate::appended::Appended;
use crate::broker::Shared;
use crate::budget::Room;
use crate::net::Advertised;

/// How a request stands to the others of its connection. This is the only place that says so; the connection does it.
///
/// * Requests are handled in the order they were sent, and answered in that order.
/// * An append begins when every request before it that is no append has been answered. So appends follow each other
///   without waiting for their syncs, and are written in the order they were sent.
/// * Everything else begins when the request before it has been answered and what was appended before it is durable,
///   whatever its `acks`; and the next request begins when it has been answered itself. So a client that sends a
///   change and a question in one write is told what is so after the change, whoever asks finds what they produced,
///   and whatever is appended finds the change made.
/// * A client that closes its connection takes back what only asks ([`Reply::is_change`]), also what is under way, but
///   no append and no change: what it sent before it closed is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Records to append: several may be under way.
    Append,
    /// A question or a change: alone. Which of them may depend on what it says.
    Alone,
}

/// One API: its key, the versions it is advertised with, its order, and how a request is handled.
pub(crate) struct Row {
    /// Which API.
    pub(crate) key: ApiKey,
    /// What ApiVersions says, and what dispatch lets through.
    pub(crate) versions: RangeInclusive<i16>,
    order: Order,
    run: fn(Call) -> Result<Reply, Refused>,
}

/// Every API this broker answers, by key.
pub(crate) const TABLE: &[Row] = &[
    Row {
        key: ApiKey::Produce,
        versions: 0..=11,
        order: Order::Append,
        run: |call| call.run(api::produce::handle),
    },
    Row {
        key: ApiKey::Fetch,
        versions: 4..=12,
        order: Order::Alone,
        run: |call| call.run(api::fetch::handle),
    },
    Row {
        key: ApiKey::ListOffsets,
        versions: 1..=9,
        order: Order::Alone,
        run: |call| call.run(api::list_offsets::handle),
    },
    Row {
        key: ApiKey::Metadata,
        versions: 0..=13,
        order: Order::Alone,
        run: |call| call.run(api::metadata::handle),
    },
    Row {
        key: ApiKey::ApiVersions,
        versions: 0..=4,
        order: Order::Alone,
        run: |call| call.run(api::api_versions::handle),
    },
    Row {
        key: ApiKey::CreateTopics,
        versions: 2..=7,
        order: Order::Alone,
        run: |call| call.run(api::create_topics::handle),
    },
    Row {
        key: ApiKey::DeleteTopics,
        versions: 1..=6,
        order: Order::Alone,
        run: |call| call.run(api::delete_topics::handle),
    },
    Row {
        key: ApiKey::InitProducerId,
        versions: 0..=5,
        order: Order::Alone,
        run: |call| call.run(api::init_producer_id::handle),
    },
];

/// Bytes of memory a request may take, once read, beside its frame and as much again.
const REQUEST_ALLOWANCE_BYTES: usize = 1024 * 1024;

/// What an append holds until it is answered, in bytes for each that its topics and partitions took in memory: an
/// answer says more of a partition than the request.
const APPEND_ANSWER_FACTOR: usize = 8;

/// What a handler may use besides its request.
#[derive(Clone)]
pub(crate) struct Context {
    /// The broker.
    pub(crate) shared: Arc<Shared>,
    /// Where this connection's clients are told to connect to.
    pub(crate) advertised: Arc<Advertised>,
    /// What this connection appended.
    pub(crate) appended: Arc<Appended>,
    /// Turns true when the broker stops: whoever waits answers early.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A future a connection keeps until its turn to answer.
pub(crate) type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a handler gives back. What an append writes has been written by then, a change is under way.
pub(crate) enum Answer<T> {
    /// The answer.
    Now(T),
    /// The answer is worth some work, which is done at once if there is anybody to answer.
    Wanted(Box<dyn FnOnce() -> T + Send>),
    /// The answer will be there when the future is (a sync, a look at the disk).
    Later(Waiting<T>),
    /// As [`Answer::Later`], of a change.
    Change(Waiting<T>),
    /// As [`Answer::Later`], but it may wait for long: it holds no room of the requests' budget meanwhile, sees to
    /// what it holds itself, and comes with the room its answer takes until it is written to its socket.
    Poll(Waiting<(T, Room)>),
    /// The client wants no answer.
    Silent,
    /// The connection must be closed, for this reason.
    Close(String),
}

impl<T: Send + 'static> Answer<T> {
    /// Answers with what `make` gives, if there is anybody to answer.
    pub(crate) fn wanted(make: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
        Answer::Wanted(Box::new(make))
    }

    /// Answers when `future` is done.
    pub(crate) fn later(future: impl Future<Output = T> + Send + 'static) -> Answer<T> {
        Answer::Later(Box::pin(future))
    }

    /// Makes a change that blocks on a sync, off the threads that serve connections, when its turn comes. From here
    /// on it will be made, whoever waits for it. `unsettled` answers when that takes longer than `patience`
    /// (REQUEST_TIMED_OUT: it may still be made) or panicked (UNKNOWN_SERVER_ERROR).
    pub(crate) fn change(
        turns: &Arc<Semaphore>,
        patience: Duration,
        change: impl FnOnce() -> T + Send + 'static,
        unsettled: impl FnOnce(ErrorCode) -> T + Send + 'static,
    ) -> Answer<T> {
        let turns = Arc::clone(turns);
        let made = tokio::spawn(async move {
            let _turn = turns.acquire_owned().await;
            tokio::task::spawn_blocking(change).await
        });
        Answer::Change(Box::pin(async move {
            match tokio::time::timeout(patience, made).await {
                Ok(Ok(Ok(answer))) => answer,
                Ok(Err(error) | Ok(Err(error))) => {
                    tracing::error!(%error, "a change failed");
                    unsettled(ErrorCode::UnknownServerError)
                }
                Err(_) => unsettled(ErrorCode::RequestTimedOut),
            }
        }))
    }
}

/// What a connection writes back: whole frames, with the room they take when that was seen to.
pub(crate) enum Reply {
    /// A frame, made at once if there is anybody to answer.
    Now(Box<dyn FnOnce() -> Result<Bytes, WireError> + Send>),
    /// A frame, when its time has come, and the bytes of memory that are held for it until then.
    Later {
        frame: Waiting<Result<(Bytes, Room), WireError>>,
        held_bytes: usize,
        is_change: bool,
    },
    /// Nothing.
    Silent,
}

impl Reply {
    /// Whether the request changes something, which has then begun and is carried out whoever waits.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Reply::Later { is_change: true, .. })
    }
}

/// Why a connection is closed instead of answered, as Kafka does for requests it cannot read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("API key {0} is not one of this broker's")]
    Key(i16),
    #[error("{key} version {version} is not supported, only {} to {} are", .supported.start(), .supported.end())]
    Version {
        key: ApiKey,
        version: i16,
        supported: RangeInclusive<i16>,
    },
    #[error(transparent)]
    Malformed(#[from] WireError),
    #[error("{0}")]
    Handler(String),
}

/// The order of what a frame asks for; what nobody knows is refused in its turn.
pub(crate) fn order(request: &Bytes) -> Order {
    let key = request.first_chunk().map(|code| i16::from_be_bytes(*code));
    let row = key.and_then(row);
    row.map_or(Order::Alone, |row| row.order)
}

fn row(code: i16) -> Option<&'static Row> {
    let key = ApiKey::from_code(code)?;
    TABLE.iter().find(|row| row.key == key)
}

/// Reads one request frame (without its length) and handles it as its row says.
pub(crate) fn dispatch(context: &Context, request: Bytes) -> Result<Reply, Refused> {
    let allowance = request.len() + REQUEST_ALLOWANCE_BYTES;
    let mut reader = Reader::within(request, allowance);
    let mut peek = reader.clone();
    let (code, version, correlation_id) = (peek.i16()?, peek.i16()?, peek.i32()?);
    let row = row(code).ok_or(Refused::Key(code))?;
    if !row.versions.contains(&version) {
        if row.key == ApiKey::ApiVersions {
            // The client steps down to a version it finds in this answer (KIP-511).
            let versions = row.versions.clone();
            return Ok(Reply::Now(Box::new(move || {
                api_versions::unsupported(versions, correlation_id)
            })));
        }
        return Err(Refused::Version {
            key: row.key,
            version,
            supported: row.versions.clone(),
        });
    }
    let header = RequestHeader::decode(&mut reader)?;
    (row.run)(Call {
        context: context.clone(),
        order: row.order,
        header,
        body: reader,
    })
}

/// A request on its way to its handler.
struct Call {
    context: Context,
    order: Order,
    header: RequestHeader,
    body: Reader,
}

impl Call {
    fn run<R>(self, handler: fn(&Context, i16, R) -> Answer<R::Response>) -> Result<Reply, Refused>
    where
        R: Request,
        R::Response: Send + 'static,
    {
        let RequestHeader {
            api_version: version,
            correlation_id,
            ..
        } = self.header;
        if !R::VERSIONS.contains(&version) {
            return Err(Refused::Version {
                key: R::KEY,
                version,
                supported: R::VERSIONS,
            });
        }
        let (request, read_bytes) = read_request::<R>(self.body, version)?;
        let encode = move |response: R::Response| frame::encode_response(&response, version, correlation_id);
        let later = |waiting: Waiting<R::Response>, held_bytes, is_change| Reply::Later {
            frame: Box::pin(async move { Ok((encode(waiting.await)?, None)) }),
            held_bytes,
            is_change,
        };
        Ok(match handler(&self.context, version, request) {
            Answer::Now(response) => Reply::Now(Box::new(move || encode(response))),
            Answer::Wanted(make) => Reply::Now(Box::new(move || encode(make()))),
            Answer::Later(waiting) if self.order == Order::Append => {
                later(waiting, read_bytes.saturating_mul(APPEND_ANSWER_FACTOR), false)
            }
            Answer::Later(waiting) => later(waiting, read_bytes, false),
            Answer::Change(waiting) => later(waiting, read_bytes, true),
            Answer::Poll(waiting) => Reply::Later {
                frame: Box::pin(async move {
                    let (response, room) = waiting.await;
                    Ok((encode(response)?, room))
                }),
                held_bytes: 0,
                is_change: false,
            },
            Answer::Silent => Reply::Silent,
            Answer::Close(reason) => return Err(Refused::Handler(reason)),
        })
    }
}

/// Reads a request, and how many bytes of memory it takes. Like Kafka, lets go what follows its end: librdkafka 2.16
/// asks for the metadata of all topics with three bytes more than its version has.
fn read_request<R: Request>(mut body: Reader, version: i16) -> Result<(R, usize), WireError> {
    let (bytes, allowance) = (body.rest().clone(), body.allowance());
    match R::decode(&mut body, version) {
        Ok(request) => Ok((request, allowance - body.allowance())),
        Err(error) => match error.fault() {
            Fault::Trailing { left } => {
                let end = bytes.len().saturating_sub(*left);
                let mut body = Reader::within(bytes.slice(..end), allowance);
                let request = R::decode(&mut body, version)?;
                Ok((request, allowance - body.allowance()))
            }
            _ => Err(error),
        },
    }
}
