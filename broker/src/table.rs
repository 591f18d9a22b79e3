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
use annals_kafka_wire::error::{ErrorCode, Fault, WireError};
use annals_kafka_wire::frame::{self, RequestHeader};
use annals_kafka_wire::message::{self, api_versions};
use annals_kafka_wire::primitives::{Pieces, Reader};
use bytes::Bytes;
use tokio::sync::Semaphore;

mod context;

pub use context::Caller;
pub(crate) use context::Context;

use crate::api;
use crate::budget::{Held, Room};
use crate::figures::Errors;

/// How a request stands to the others of its connection. This is the only place that says so; the connection does it.
///
/// * Requests are handled in the order they were sent, and answered in that order.
/// * An append begins when every request before it that is no append has been answered. So appends follow each other
///   without waiting for their syncs, and are written in the order they were sent.
/// * Everything else begins when the request before it has been answered and what was appended before it is durable,
///   whatever its `acks`; and the next request begins when it has been answered itself. So a client that sends a
///   change and a question in one write is told what is so after the change, whoever asks finds what they produced,
///   and whatever is appended finds the change made.
/// * A client that closes its connection takes back what only asks (no [`Reply::Change`]), also what is under way, but
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
    run: fn(Call) -> Result<Request, Refused>,
}

/// Declares the table: a row an API, of its key, its versions, its order and the module that handles it.
macro_rules! rows {
    ($($key:ident $versions:expr, $order:ident $module:ident;)*) => {
        &[$(Row {
            key: ApiKey::$key,
            versions: $versions,
            order: Order::$order,
            run: |call| call.run(api::$module::handle),
        }),*]
    };
}

/// Every API this broker answers, by key.
pub(crate) const TABLE: &[Row] = rows! {
    Produce 0..=13, Append produce;
    Fetch 4..=18, Alone fetch;
    ListOffsets 1..=11, Alone list_offsets;
    Metadata 0..=13, Alone metadata;
    OffsetCommit 2..=10, Alone offset_commit;
    OffsetFetch 1..=10, Alone offset_fetch;
    FindCoordinator 0..=6, Alone find_coordinator;
    JoinGroup 0..=9, Alone join_group;
    Heartbeat 0..=4, Alone heartbeat;
    LeaveGroup 0..=5, Alone leave_group;
    SyncGroup 0..=5, Alone sync_group;
    DescribeGroups 0..=6, Alone describe_groups;
    ListGroups 0..=5, Alone list_groups;
    ApiVersions 0..=4, Alone api_versions;
    CreateTopics 2..=7, Alone create_topics;
    DeleteTopics 1..=6, Alone delete_topics;
    DeleteRecords 0..=2, Alone delete_records;
    InitProducerId 0..=5, Alone init_producer_id;
    OffsetForLeaderEpoch 2..=4, Alone offset_for_leader_epoch;
    AddPartitionsToTxn 0..=3, Alone add_partitions_to_txn;
    AddOffsetsToTxn 0..=4, Alone add_offsets_to_txn;
    EndTxn 0..=5, Alone end_txn;
    TxnOffsetCommit 0..=5, Alone txn_offset_commit;
    DescribeAcls 1..=3, Alone describe_acls;
    DescribeConfigs 1..=4, Alone describe_configs;
    AlterConfigs 0..=2, Alone alter_configs;
    DescribeLogDirs 1..=4, Alone describe_log_dirs;
    CreatePartitions 0..=3, Alone create_partitions;
    DeleteGroups 0..=2, Alone delete_groups;
    ElectLeaders 0..=2, Alone elect_leaders;
    IncrementalAlterConfigs 0..=1, Alone incremental_alter_configs;
    AlterPartitionReassignments 0..=1, Alone alter_partition_reassignments;
    ListPartitionReassignments 0..=0, Alone list_partition_reassignments;
    OffsetDelete 0..=0, Alone offset_delete;
    DescribeClientQuotas 0..=1, Alone describe_client_quotas;
    DescribeUserScramCredentials 0..=0, Alone describe_user_scram_credentials;
    DescribeQuorum 0..=2, Alone describe_quorum;
    DescribeCluster 0..=2, Alone describe_cluster;
    DescribeProducers 0..=0, Alone describe_producers;
    DescribeTransactions 0..=0, Alone describe_transactions;
    ListTransactions 0..=2, Alone list_transactions;
    ConsumerGroupHeartbeat 0..=1, Alone consumer_group_heartbeat;
    ConsumerGroupDescribe 0..=1, Alone consumer_group_describe;
    ListConfigResources 0..=1, Alone list_config_resources;
    DescribeTopicPartitions 0..=0, Alone describe_topic_partitions;
};

/// Bytes of memory a request may take, once read, beside its frame and as much again.
const REQUEST_ALLOWANCE_BYTES: usize = 1024 * 1024;

/// What an append holds until it is answered, in bytes for each that its topics and partitions took in memory: an
/// answer says more of a partition than the request.
const APPEND_ANSWER_FACTOR: usize = 8;

/// A future a connection keeps until its turn to answer.
pub(crate) type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a handler gives back. What an append writes has been written by then, a change is under way.
pub(crate) enum Answer<T> {
    /// The answer.
    Now(T),
    /// The answer is worth some work, which is done if there is anybody to answer, and done again rather than kept
    /// while there is no room for it.
    Wanted(Box<dyn Fn() -> T + Send>),
    /// An append that takes much memory while it is worked on: when its turn comes.
    Heavy(Box<dyn FnOnce() -> Answer<T> + Send>),
    /// An append that something must be done before, while nothing behind it is appended.
    After(Waiting<Answer<T>>),
    /// The answer will be there when the future is (a sync, a look at the disk).
    Later(Waiting<T>),
    /// As [`Answer::Later`], of a change.
    Change(Waiting<T>),
    /// As [`Answer::Later`], but it may wait for long: it sees itself to what it holds meanwhile, which is nothing of
    /// the requests' budgets, and comes with the room its answer takes until it is written to its socket.
    Poll(Waiting<(T, Room)>),
    /// The client wants no answer.
    Silent,
    /// The connection must be closed, for this reason.
    Close(String),
}

impl<T: Send + 'static> Answer<T> {
    /// Answers with what `make` gives, if there is anybody to answer.
    pub(crate) fn wanted(make: impl Fn() -> T + Send + 'static) -> Answer<T> {
        Answer::Wanted(Box::new(make))
    }

    /// Answers when `future` is done.
    pub(crate) fn later(future: impl Future<Output = T> + Send + 'static) -> Answer<T> {
        Answer::Later(Box::pin(future))
    }

    /// Makes a change that blocks on a sync, off the threads that serve connections, when its turn comes. From here
    /// on it will be made, whoever waits for it, and holds the request's room until then. `unsettled` answers when that
    /// takes longer than `change_wait_max` (REQUEST_TIMED_OUT: it may still be made) or panicked (UNKNOWN_SERVER_ERROR).
    pub(crate) fn change(
        ctx: &Context,
        turns: &Arc<Semaphore>,
        change: impl FnOnce() -> T + Send + 'static,
        unsettled: impl FnOnce(ErrorCode) -> T + Send + 'static,
    ) -> Answer<T> {
        let (turns, held) = (Arc::clone(turns), Arc::clone(&ctx.held));
        let patience = ctx.shared.config.change_wait_max;
        let made = tokio::spawn(async move {
            let _turn = turns.acquire_owned().await;
            let made = tokio::task::spawn_blocking(change).await;
            drop(held);
            made
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

/// A frame on its way, with the room it takes when that was seen to.
pub(crate) type Frame = Waiting<Result<(Pieces, Room), WireError>>;

/// What a connection writes back, as [`Answer`], in whole frames.
pub(crate) enum Reply {
    /// A frame, made if there is anybody to answer.
    Now(Box<dyn Fn() -> Result<Pieces, WireError> + Send>),
    /// What comes of an append when its turn at the heavy ones comes.
    Heavy(Box<dyn FnOnce() -> Result<Reply, Refused> + Send>),
    /// What comes of an append when what must come before it is done.
    After(Waiting<Result<Reply, Refused>>),
    /// A frame, when its time has come.
    Later(Frame),
    /// A frame, when a change was made that has begun and is carried out whoever waits.
    Change(Frame),
    /// A frame, after what may be long; nothing of the request is held for it here.
    Poll(Frame),
    /// Nothing.
    Silent,
}

/// A request that was read and not handled yet.
pub(crate) struct Request {
    /// Which row of the table it is of.
    pub(crate) row: usize,
    /// Bytes of memory that it takes, and that are held for it until it is answered.
    pub(crate) held_bytes: usize,
    handle: Box<dyn FnOnce(Context) -> Result<Reply, Refused> + Send>,
}

impl Request {
    /// Handles the request as its row says.
    pub(crate) fn handle(self, context: &Context, held: &Arc<Held>) -> Result<Reply, Refused> {
        (self.handle)(Context {
            held: Arc::clone(held),
            ..context.clone()
        })
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
    let row = key.and_then(row_of);
    row.map_or(Order::Alone, |(_, row)| row.order)
}

fn row_of(code: i16) -> Option<(usize, &'static Row)> {
    let key = ApiKey::from_code(code)?;
    TABLE.iter().enumerate().find(|(_, row)| row.key == key)
}

/// Reads one request frame (without its length).
pub(crate) fn read(request: Bytes) -> Result<Request, Refused> {
    let allowance = request.len() + REQUEST_ALLOWANCE_BYTES;
    let mut reader = Reader::within(request, allowance);
    let mut peek = reader.clone();
    let (code, version, correlation_id) = (peek.i16()?, peek.i16()?, peek.i32()?);
    let (at, row) = row_of(code).ok_or(Refused::Key(code))?;
    if !row.versions.contains(&version) {
        if row.key == ApiKey::ApiVersions {
            // The client steps down to a version it finds in this answer (KIP-511).
            let versions = row.versions.clone();
            let refusal = move || api_versions::unsupported(versions.clone(), correlation_id);
            return Ok(Request {
                row: at,
                held_bytes: 0,
                handle: Box::new(|_| Ok(Reply::Now(Box::new(refusal)))),
            });
        }
        return Err(Refused::Version {
            key: row.key,
            version,
            supported: row.versions.clone(),
        });
    }
    let header = RequestHeader::decode(&mut reader)?;
    (row.run)(Call {
        row: at,
        order: row.order,
        header,
        body: reader,
    })
}

/// A request on its way to its handler.
struct Call {
    row: usize,
    order: Order,
    header: RequestHeader,
    body: Reader,
}

impl Call {
    fn run<R>(self, handler: fn(&Context, i16, R) -> Answer<R::Response>) -> Result<Request, Refused>
    where
        R: message::Request + Send + 'static,
        R::Response: Send + 'static,
    {
        let RequestHeader {
            api_version: version,
            correlation_id,
            client_id,
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
        let factor = if self.order == Order::Append {
            APPEND_ANSWER_FACTOR
        } else {
            1
        };
        let row = self.row;
        Ok(Request {
            row,
            held_bytes: read_bytes.saturating_mul(factor),
            handle: Box::new(move |mut context| {
                context.caller.client_id = client_id;
                let errors = Errors::of(&context.shared, row);
                let encode = move |response: &R::Response| {
                    errors.count(response);
                    frame::encode_response(response, version, correlation_id)
                };
                reply(handler(&context, version, request), encode)
            }),
        })
    }
}

/// An answer that will be there later, in its frame.
fn later<T: Send + 'static>(
    waiting: Waiting<T>,
    encode: impl Fn(&T) -> Result<Pieces, WireError> + Send + Sync + 'static,
) -> Frame {
    Box::pin(async move { Ok((encode(&waiting.await)?, None)) })
}

/// An answer as its connection writes it.
fn reply<T: Send + 'static>(
    answer: Answer<T>,
    encode: impl Fn(&T) -> Result<Pieces, WireError> + Send + Sync + 'static,
) -> Result<Reply, Refused> {
    Ok(match answer {
        Answer::Now(response) => Reply::Now(Box::new(move || encode(&response))),
        Answer::Wanted(make) => Reply::Now(Box::new(move || encode(&make()))),
        Answer::Heavy(work) => Reply::Heavy(Box::new(move || reply(work(), encode))),
        Answer::After(waiting) => Reply::After(Box::pin(async move { reply(waiting.await, encode) })),
        Answer::Later(waiting) => Reply::Later(later(waiting, encode)),
        Answer::Change(waiting) => Reply::Change(later(waiting, encode)),
        Answer::Poll(waiting) => Reply::Poll(Box::pin(async move {
            let (response, room) = waiting.await;
            Ok((encode(&response)?, room))
        })),
        Answer::Silent => Reply::Silent,
        Answer::Close(reason) => return Err(Refused::Handler(reason)),
    })
}

/// Reads a request, and how many bytes of memory it takes. Like Kafka, lets go what follows its end: librdkafka 2.16
/// asks for the metadata of all topics with three bytes more than its version has.
fn read_request<R: message::Request>(mut body: Reader, version: i16) -> Result<(R, usize), WireError> {
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
