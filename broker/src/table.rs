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

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::error::{Fault, WireError};
use annals_kafka_wire::frame::{self, RequestHeader};
use annals_kafka_wire::message::{Request, api_versions};
use annals_kafka_wire::primitives::Reader;
use bytes::Bytes;
use tokio::sync::watch;

use crate::api;
use crate::broker::Shared;
use crate::budget::Room;

/// One API: its key, the versions it is advertised with, and how a request is handled.
pub(crate) struct Row {
    /// Which API.
    pub(crate) key: ApiKey,
    /// What ApiVersions says, and what dispatch lets through.
    pub(crate) versions: RangeInclusive<i16>,
    run: fn(Call) -> Result<Reply, Refused>,
}

/// Every API this broker answers, by key.
pub(crate) const TABLE: &[Row] = &[
    Row {
        key: ApiKey::Produce,
        versions: 0..=11,
        run: |call| call.run(api::produce::handle),
    },
    Row {
        key: ApiKey::Fetch,
        versions: 4..=12,
        run: |call| call.run(api::fetch::handle),
    },
    Row {
        key: ApiKey::ListOffsets,
        versions: 1..=9,
        run: |call| call.run(api::list_offsets::handle),
    },
    Row {
        key: ApiKey::Metadata,
        versions: 0..=13,
        run: |call| call.run(api::metadata::handle),
    },
    Row {
        key: ApiKey::FindCoordinator,
        versions: 0..=6,
        run: |call| call.run(api::find_coordinator::handle),
    },
    Row {
        key: ApiKey::ApiVersions,
        versions: 0..=4,
        run: |call| call.run(api::api_versions::handle),
    },
    Row {
        key: ApiKey::CreateTopics,
        versions: 2..=7,
        run: |call| call.run(api::create_topics::handle),
    },
    Row {
        key: ApiKey::DeleteTopics,
        versions: 1..=6,
        run: |call| call.run(api::delete_topics::handle),
    },
    Row {
        key: ApiKey::InitProducerId,
        versions: 0..=5,
        run: |call| call.run(api::init_producer_id::handle),
    },
];

/// What a handler may use besides its request.
#[derive(Clone)]
pub(crate) struct Context {
    /// The broker.
    pub(crate) shared: Arc<Shared>,
    /// Turns true when the broker stops: whoever waits answers early.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A future a connection keeps until its turn to answer.
pub(crate) type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a handler gives back. Everything whose order matters within a connection has happened by then.
pub(crate) enum Answer<T> {
    /// The answer.
    Now(T),
    /// The answer will be there when the future is (a sync, new records, a blocking change), with the room it takes
    /// until it is written to its socket.
    Later(Waiting<(T, Room)>),
    /// The client wants no answer.
    Silent,
    /// The connection must be closed, for this reason.
    Close(String),
}

impl<T: Send + 'static> Answer<T> {
    /// Answers when `future` is done.
    pub(crate) fn later(future: impl Future<Output = T> + Send + 'static) -> Answer<T> {
        Answer::Later(Box::pin(async move { (future.await, None) }))
    }

    /// Runs a change that blocks on a sync, off the threads that serve connections. `None` when it panicked.
    pub(crate) fn blocking(change: impl FnOnce() -> T + Send + 'static, failed: fn() -> T) -> Answer<T> {
        Answer::later(async move {
            tokio::task::spawn_blocking(change).await.unwrap_or_else(|error| {
                tracing::error!(%error, "a request's handler failed");
                failed()
            })
        })
    }
}

/// What a connection writes back: whole frames.
pub(crate) enum Reply {
    /// A frame.
    Now(Bytes),
    /// A frame, when its time has come.
    Later(Waiting<Result<(Bytes, Room), WireError>>),
    /// Nothing.
    Silent,
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

/// Reads one request frame (without its length) and handles it as its row says.
pub(crate) fn dispatch(context: &Context, request: Bytes) -> Result<Reply, Refused> {
    let mut reader = Reader::new(request);
    let mut peek = reader.clone();
    let (code, version, correlation_id) = (peek.i16()?, peek.i16()?, peek.i32()?);
    let row = ApiKey::from_code(code).and_then(|key| TABLE.iter().find(|row| row.key == key));
    let row = row.ok_or(Refused::Key(code))?;
    if !row.versions.contains(&version) {
        if row.key == ApiKey::ApiVersions {
            // The client steps down to a version it finds in this answer (KIP-511).
            return Ok(Reply::Now(api_versions::unsupported(
                row.versions.clone(),
                correlation_id,
            )?));
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
        header,
        body: reader,
    })
}

/// A request on its way to its handler.
struct Call {
    context: Context,
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
        let request = read_request::<R>(self.body, version)?;
        match handler(&self.context, version, request) {
            Answer::Now(response) => Ok(Reply::Now(frame::encode_response(
                &response,
                version,
                correlation_id,
            )?)),
            Answer::Later(waiting) => Ok(Reply::Later(Box::pin(async move {
                let (response, room) = waiting.await;
                Ok((frame::encode_response(&response, version, correlation_id)?, room))
            }))),
            Answer::Silent => Ok(Reply::Silent),
            Answer::Close(reason) => Err(Refused::Handler(reason)),
        }
    }
}

/// Reads a request and, like Kafka, lets go what follows its end: librdkafka 2.16 asks for the metadata of all topics
/// with three bytes more than its version has.
fn read_request<R: Request>(mut body: Reader, version: i16) -> Result<R, WireError> {
    let bytes = body.rest().clone();
    R::decode(&mut body, version).or_else(|error| match error.fault() {
        Fault::Trailing { left } => {
            let end = bytes.len().saturating_sub(*left);
            R::decode(&mut Reader::new(bytes.slice(..end)), version)
        }
        _ => Err(error),
    })
}
