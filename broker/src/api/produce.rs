//! Produce (key 0): batches into partitions, one a partition, each on its own: one refused does not touch the others.
//!
//! * Appending happens before this handler returns, so the batches of a connection keep their order; what is awaited
//!   afterwards is only the sync.
//! * acks -1: answered when durable. The wait is for our disk, not for replicas of the client's choice, so a client
//!   that allows none gets one all the same. acks 1: answered when written. acks 0: not answered; an error closes the
//!   connection, as with Kafka, since nothing else can tell the client. Other acks: INVALID_REQUIRED_ACKS. What was
//!   not waited for here, the connection's next question waits for: see [`crate::table::Order`].
//! * A retry of an appended batch is answered with its first offset, and with acks -1 waits for the same sync.
//! * v8+ names every record at fault; v10+ could name a new leader, and there never is one.
//! * Versions 0 to 2 are advertised and not answered: see [`crate::table`].
//! * A transactional batch is appended while its transaction is open in its partition, and refused otherwise. From v12
//!   on it opens its transaction there itself (KIP-890), which is stored before anything is appended.
//! * From v13 on topics are named by id; one that no topic has is UNKNOWN_TOPIC_ID.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_kafka_wire::batch::{Batch, Compression};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::produce::{
    BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest,
    ProduceResponse, TOPIC_IDS_FROM, TopicProduceData, TopicProduceResponse,
};
use bytes::Bytes;
use tokio::runtime::{Handle, RuntimeFlavor};
use uuid::Uuid;

use crate::admit::{self, Judged, Rejection, Rules};
use crate::broker::Shared;
use crate::internal;
use crate::table::{Answer, Context};
use crate::topic::Topic;
use crate::topics::TopicMap;

mod transactional;

use transactional::{in_transaction, opening, producer_of};

const ACKS_NONE: i16 = 0;
const ACKS_WRITTEN: i16 = 1;
const ACKS_DURABLE: i16 = -1;

/// Requests of this weight or more are handled where they cannot hold up other connections, and a few at a time: a
/// batch that is unpacked for a guard takes more memory than any budget counts.
const HEAVY_BYTES: usize = 64 * 1024;

/// How much heavier a compressed batch is than its bytes: it is opened.
const COMPRESSED_WEIGHT: usize = 8;

/// The longest wait for a sync, whatever the client allows.
const SYNC_WAIT_MAX: Duration = Duration::from_secs(300);

/// The least wait for a sync before it is given up, whatever the client allows: a client's default.
const SYNC_WAIT_MIN: Duration = Duration::from_secs(30);

/// A batch whose sync is awaited: where its answer stands, and its last record.
struct Unsynced {
    topic_index: usize,
    partition_index: usize,
    topic: Topic,
    last_offset: i64,
}

pub(crate) fn handle(ctx: &Context, version: i16, request: ProduceRequest) -> Answer<ProduceResponse> {
    let ctx = ctx.clone();
    match opening(&ctx, version, &request) {
        None => append_in_turn(ctx, version, request, Ok(())),
        Some(opening) => Answer::After(Box::pin(async move {
            let opened = opening.await;
            append_in_turn(ctx, version, request, opened)
        })),
    }
}

/// Appends when the request's turn comes. `opened` is what came of opening its transaction.
fn append_in_turn(
    ctx: Context,
    version: i16,
    request: ProduceRequest,
    opened: Result<(), ErrorCode>,
) -> Answer<ProduceResponse> {
    if weight(&request) < HEAVY_BYTES {
        return append(&ctx, version, &request, opened);
    }
    Answer::Heavy(Box::new(move || {
        unhurried(|| append(&ctx, version, &request, opened))
    }))
}

/// Appends all batches, and answers as `acks` asks.
fn append(
    ctx: &Context,
    version: i16,
    request: &ProduceRequest,
    opened: Result<(), ErrorCode>,
) -> Answer<ProduceResponse> {
    let acks = request.acks;
    let patience = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let deadline = Instant::now() + patience.clamp(SYNC_WAIT_MIN, SYNC_WAIT_MAX);
    let (mut response, unsynced) = append_all(ctx, version, request, opened);
    if acks != ACKS_DURABLE {
        let appended = unsynced.iter().map(|waiting| {
            let partition =
                &response.responses[waiting.topic_index].partition_responses[waiting.partition_index];
            (waiting.topic.clone(), partition.index, waiting.last_offset)
        });
        ctx.appended.note(appended);
    }
    match acks {
        ACKS_NONE => match first_error(&response) {
            Some(sentence) => Answer::Close(sentence),
            None => Answer::Silent,
        },
        ACKS_DURABLE if !unsynced.is_empty() => {
            let shared = Arc::clone(&ctx.shared);
            Answer::later(async move {
                for waiting in unsynced {
                    let partition = &mut response.responses[waiting.topic_index].partition_responses
                        [waiting.partition_index];
                    let synced =
                        waiting
                            .topic
                            .durable(&shared.log, partition.index, waiting.last_offset, deadline);
                    let error = synced.await;
                    if error != ErrorCode::None {
                        partition.error_code = error.code();
                        partition.base_offset = -1;
                    }
                }
                response
            })
        }
        _ => Answer::Now(response),
    }
}

/// Runs what may take long (big batches, decompression) so that other connections are served meanwhile.
fn unhurried<T>(work: impl FnOnce() -> T) -> T {
    let many_threads =
        Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if many_threads {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

/// How heavy a request is: its bytes, those of compressed batches several times.
fn weight(request: &ProduceRequest) -> usize {
    let partitions = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    let records = partitions.filter_map(|partition| partition.records.as_ref());
    let weigh = |records: &Bytes| match Batch::parse(records, 0) {
        Ok((batch, _)) if batch.compression() != Compression::None => records.len() * COMPRESSED_WEIGHT,
        _ => records.len(),
    };
    records.map(weigh).sum()
}

fn append_all(
    ctx: &Context,
    version: i16,
    request: &ProduceRequest,
    opened: Result<(), ErrorCode>,
) -> (ProduceResponse, Vec<Unsynced>) {
    let shared = &ctx.shared;
    let rules = Rules {
        shared,
        caller: &ctx.caller,
        version,
        now_ms: shared.now_ms(),
    };
    let mut unsynced = Vec::new();
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for (topic_index, asked) in request.topic_data.iter().enumerate() {
        let topic = topic_of(&shared.topics.now(), version, asked);
        let mut partition_responses = Vec::with_capacity(asked.partition_data.len());
        for (partition_index, data) in asked.partition_data.iter().enumerate() {
            match append_one(shared, &rules, topic.as_ref(), request, data, opened) {
                Ok((topic, last_offset, response)) => {
                    unsynced.push(Unsynced {
                        topic_index,
                        partition_index,
                        topic,
                        last_offset,
                    });
                    partition_responses.push(response);
                }
                Err(rejection) => {
                    if let Ok(topic) = &topic {
                        let of_batch = [(rejection.code.name(), 1)];
                        let of_records = rejection.rules.as_slice();
                        let reasons = if of_records.is_empty() {
                            &of_batch
                        } else {
                            of_records
                        };
                        for (reason, count) in reasons {
                            topic.counts.refused(reason, *count);
                        }
                    }
                    tracing::debug!(
                        topic = %asked.name, partition = data.index, code = %rejection.code,
                        rules = ?rejection.rules, reason = %rejection.sentence, "a batch was refused"
                    );
                    partition_responses.push(rejected(data.index, rejection));
                }
            }
        }
        responses.push(TopicProduceResponse {
            name: asked.name.clone(),
            topic_id: asked.topic_id,
            partition_responses,
        });
    }
    (
        ProduceResponse {
            responses,
            ..ProduceResponse::default()
        },
        unsynced,
    )
}

/// The topic that is meant: by name, from version 13 on by id.
fn topic_of(topics: &TopicMap, version: i16, asked: &TopicProduceData) -> Result<Topic, ErrorCode> {
    let found = match version >= TOPIC_IDS_FROM {
        true => topics
            .with_id(Uuid::from_bytes(asked.topic_id))
            .ok_or(ErrorCode::UnknownTopicId),
        false => topics
            .named(&asked.name)
            .ok_or(ErrorCode::UnknownTopicOrPartition),
    };
    found.cloned()
}

/// Appends one partition's batch: its topic, its last offset, and the answer it gets when all is well.
fn append_one(
    shared: &Shared,
    rules: &Rules<'_>,
    topic: Result<&Topic, &ErrorCode>,
    request: &ProduceRequest,
    data: &PartitionProduceData,
    opened: Result<(), ErrorCode>,
) -> Result<(Topic, i64, PartitionProduceResponse), Rejection> {
    if !matches!(request.acks, ACKS_NONE | ACKS_WRITTEN | ACKS_DURABLE) {
        let sentence = format!("acks must be 0, 1 or -1, not {}", request.acks);
        return Err(Rejection::new(ErrorCode::InvalidRequiredAcks, sentence));
    }
    let found = topic.map_err(|code| *code).and_then(|topic| {
        let partition = topic.partition(data.index);
        Ok((topic, partition.ok_or(ErrorCode::UnknownTopicOrPartition)?))
    });
    let (topic, partition) = found.map_err(|code| Rejection::new(code, code.meaning()))?;
    if internal::is_internal(&topic.name) {
        let sentence = "The topic is the broker's own";
        return Err(Rejection::new(ErrorCode::InvalidTopicException, sentence));
    }
    let place = (topic.name.clone(), data.index);
    let at = (data.index, partition.as_ref());
    let producer = producer_of(data.records.as_ref());
    // What belongs to no transaction is not judged, and what is judged holds up no transaction.
    if let Some(producer) = producer {
        in_transaction(shared, request, opened, producer, &place, || Ok(()))?;
    }
    let admitted = match admit::judge(rules, topic, at, data.records.as_ref())? {
        Judged::Stored(before) => before,
        Judged::Fit(fit) => {
            let append = || admit::append(rules, topic, at, &fit);
            match producer {
                Some(producer) => in_transaction(shared, request, opened, producer, &place, append)?,
                None => append()?,
            }
        }
    };
    let response = PartitionProduceResponse {
        index: data.index,
        base_offset: admitted.base_offset,
        log_append_time_ms: admitted.append_time_ms,
        log_start_offset: partition.log_start_offset(),
        ..PartitionProduceResponse::default()
    };
    Ok((topic.clone(), admitted.last_offset, response))
}

fn rejected(index: i32, rejection: Rejection) -> PartitionProduceResponse {
    let records = rejection
        .records
        .into_iter()
        .map(|(batch_index, sentence)| BatchIndexAndErrorMessage {
            batch_index,
            batch_index_error_message: sentence,
        });
    PartitionProduceResponse {
        index,
        error_code: rejection.code.code(),
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        record_errors: records.collect(),
        error_message: Some(rejection.sentence),
        ..PartitionProduceResponse::default()
    }
}

/// The first error, for the log: a client that wants no answer will not hear of it.
fn first_error(response: &ProduceResponse) -> Option<String> {
    let mut partitions = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses);
    let failed = partitions.find(|partition| partition.error_code != 0)?;
    let sentence = failed.error_message.as_deref().unwrap_or_default();
    Some(format!(
        "an acks=0 batch was refused with {}: {sentence}",
        ErrorCode::from(failed.error_code)
    ))
}
