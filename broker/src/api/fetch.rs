//! Fetch (key 1): durable records from partitions, waiting for them when there are too few.
//!
//! * Whole batches as they were produced; the first may begin before the offset asked for. The first batch found is
//!   given even over the limits, so a consumer always gets on; from then on every limit binds (KIP-74).
//! * Waits until `min_bytes` are there, `max_wait_ms` has passed, a partition has an error, or the broker stops.
//! * The high watermark is the durable end, the last stable offset is the same: nothing is ever uncommitted.
//! * No fetch sessions: the session id is always 0, which is every client's leave to send whole requests. A request
//!   that names another session is FETCH_SESSION_ID_NOT_FOUND.
//! * An older leader epoch than the partition's is FENCED_LEADER_EPOCH, a newer one UNKNOWN_LEADER_EPOCH.
//! * While memory is short an answer holds less than it may, and a request that finds no room to wait for records is
//!   answered without waiting. What is read has room before it is read: also the first batch, however long.
//! * Left out: rack awareness, followers (a replica id is ignored), versions 13 and up (topic ids).

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use annals_segment_log::{Partition, ReadError};
use bytes::Bytes;
use tokio::sync::watch;

use crate::broker::Shared;
use crate::budget::Room;
use crate::table::{Answer, Context};

/// What a committed-records-only consumer asks with.
const READ_COMMITTED: i8 = 1;

/// What a partition asked for takes in memory, in the request and while it waits and in the answer.
const ENTRY_BYTES: usize = 512;

/// An answer takes at most this share of the room that is left for answers.
const SHARES: usize = 8;

/// What a read gives: the answer, the bytes of its records, and whether some partition has an error.
struct Round {
    response: FetchResponse,
    bytes: usize,
    failed: bool,
    /// The bytes of the first batch, when there was no room for it: then nothing was read.
    first_bytes: Option<usize>,
}

pub(crate) fn handle(ctx: &Context, _: i16, request: FetchRequest) -> Answer<FetchResponse> {
    if request.session_id != 0 {
        let error_code = ErrorCode::FetchSessionIdNotFound.code();
        return Answer::Now(FetchResponse {
            error_code,
            ..FetchResponse::default()
        });
    }
    let config = &ctx.shared.config;
    let wait =
        Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(config.fetch_wait_max);
    let deadline = Instant::now() + wait;
    Answer::Poll(Box::pin(fetch(
        Arc::clone(&ctx.shared),
        ctx.stop.clone(),
        Arc::new(request),
        deadline,
    )))
}

impl Round {
    /// Reads no more than `most` bytes of records.
    async fn read(shared: &Arc<Shared>, request: &Arc<FetchRequest>, most: usize) -> Round {
        if most == 0 {
            // Nothing to read from disk: not worth another thread.
            return read_all(shared, request, most);
        }
        let (reading, request) = (Arc::clone(shared), Arc::clone(request));
        let read = shared.look_up(move || read_all(&reading, &request, most));
        read.await.unwrap_or_else(Round::failed)
    }

    fn failed(error: tokio::task::JoinError) -> Round {
        tracing::error!(%error, "a fetch failed");
        let error_code = ErrorCode::UnknownServerError.code();
        Round {
            response: FetchResponse {
                error_code,
                ..FetchResponse::default()
            },
            bytes: 0,
            failed: true,
            first_bytes: None,
        }
    }
}

/// Reads, and reads again whenever something changed, until there is enough to answer.
async fn fetch(
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
    request: Arc<FetchRequest>,
    deadline: Instant,
) -> (FetchResponse, Room) {
    let enough = usize::try_from(request.min_bytes).unwrap_or(0);
    let entry_bytes = entry_bytes(&request);
    // Without room to wait in, what is there now is the answer.
    let may_wait = shared.poll_bytes.try_take(entry_bytes);
    // What the first batch was seen to weigh.
    let mut first_bytes = 0;
    loop {
        // Subscribed before reading, so that nothing that comes in between is missed.
        let changes = watched(&shared, &request);
        let wanted = wanted_bytes(&shared, &request).max(first_bytes);
        let mut room = shared.answer_bytes.take(wanted + entry_bytes).await;
        let round = Round::read(&shared, &request, wanted).await;
        if let Some(bytes) = round.first_bytes {
            // All of it anew: if each of many kept a part, none would ever have enough.
            first_bytes = bytes;
            continue;
        }
        shared.answer_bytes.shrink(&mut room, round.bytes + entry_bytes);
        let done = round.failed || round.bytes >= enough;
        if done || may_wait.is_none() || Instant::now() >= deadline || *stop.borrow() {
            return (round.response, room);
        }
        drop(room);
        tokio::select! {
            () = any_change(changes) => {}
            () = tokio::time::sleep_until(deadline.into()) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// What the partitions asked for take in memory, records aside.
fn entry_bytes(request: &FetchRequest) -> usize {
    let entries = request.topics.iter().map(|asked| 1 + asked.partitions.len());
    entries.sum::<usize>().saturating_mul(ENTRY_BYTES)
}

/// What the records of an answer may weigh: no more than is asked for, may be given, or is there; and while many
/// answers are under way a share of what is left, so that there is some for the next. One batch is always given: when
/// it turns out to weigh more, more is taken.
fn wanted_bytes(shared: &Shared, request: &FetchRequest) -> usize {
    let topics = shared.topics.now();
    let there = request.topics.iter().flat_map(|asked| {
        let topic = topics.named(&asked.topic);
        asked.partitions.iter().filter_map(move |asked| {
            let partition = topic?.partition(asked.partition)?;
            let behind = partition.high_watermark() > asked.fetch_offset;
            let batch_max = shared.config.message_bytes_max;
            behind.then(|| {
                usize::try_from(asked.partition_max_bytes)
                    .unwrap_or(0)
                    .max(batch_max)
            })
        })
    });
    there.fold(0usize, usize::saturating_add).min(
        bytes_max(shared, request)
            .min(shared.answer_bytes.free_bytes() / SHARES)
            .max(shared.config.message_bytes_max),
    )
}

fn bytes_max(shared: &Shared, request: &FetchRequest) -> usize {
    usize::try_from(request.max_bytes)
        .unwrap_or(0)
        .min(shared.config.fetch_bytes_max)
}

/// Reads every partition asked for, in the order asked: clients turn the order so that all get their share. No more
/// than `most` is read.
fn read_all(shared: &Shared, request: &FetchRequest, most: usize) -> Round {
    let topics = shared.topics.now();
    let (mut bytes, mut failed) = (0usize, false);
    let mut responses = Vec::with_capacity(request.topics.len());
    for asked_topic in &request.topics {
        let topic = topics.named(&asked_topic.topic);
        let mut partitions = Vec::with_capacity(asked_topic.partitions.len());
        for asked in &asked_topic.partitions {
            let left = bytes_max(shared, request).min(most).saturating_sub(bytes);
            let found = topic.and_then(|topic| topic.partition(asked.partition));
            let first = found.filter(|_| bytes == 0);
            let first_bytes = first.map(|partition| first_bytes(partition, asked));
            if first_bytes.is_some_and(|bytes| bytes > most) {
                return Round {
                    response: FetchResponse::default(),
                    bytes,
                    failed,
                    first_bytes,
                };
            }
            let read = match found {
                None => refused(asked, ErrorCode::UnknownTopicOrPartition),
                // The first records found are given whatever the limits; the others wait for the next request.
                Some(partition) if left > 0 || bytes == 0 => {
                    read_one(request, partition, asked, left, bytes == 0)
                }
                Some(partition) => given(request, partition, asked, Bytes::new()),
            };
            failed |= read.error_code != ErrorCode::None.code();
            bytes += read.records.as_ref().map_or(0, Bytes::len);
            partitions.push(read);
        }
        responses.push(FetchableTopicResponse {
            topic: asked_topic.topic.clone(),
            partitions,
        });
    }
    Round {
        response: FetchResponse {
            responses,
            ..FetchResponse::default()
        },
        bytes,
        failed,
        first_bytes: None,
    }
}

/// What the batch at the offset asked for weighs; nothing, when there is none or the read will say what is wrong.
fn first_bytes(partition: &Partition, asked: &FetchPartition) -> usize {
    partition.batch_bytes(asked.fetch_offset).unwrap_or(0)
}

fn read_one(
    request: &FetchRequest,
    partition: &Partition,
    asked: &FetchPartition,
    left: usize,
    first: bool,
) -> PartitionData {
    if let Some(error) = epoch_error(partition, asked.current_leader_epoch) {
        return refused(asked, error);
    }
    let most = usize::try_from(asked.partition_max_bytes).unwrap_or(0).min(left);
    match partition.read(asked.fetch_offset, most) {
        Ok(records) if !first && records.len() > most => given(request, partition, asked, Bytes::new()),
        Ok(records) => given(request, partition, asked, records),
        Err(ReadError::OutOfRange { .. }) => refused(asked, ErrorCode::OffsetOutOfRange),
        // The log has said so; a client that is told does not ask for the same bytes for ever.
        Err(ReadError::Damaged(_)) => refused(asked, ErrorCode::CorruptMessage),
        Err(error) => {
            tracing::error!(%error, partition = asked.partition, "a partition could not be read");
            refused(asked, ErrorCode::KafkaStorageError)
        }
    }
}

fn given(
    request: &FetchRequest,
    partition: &Partition,
    asked: &FetchPartition,
    records: Bytes,
) -> PartitionData {
    let high_watermark = partition.high_watermark();
    PartitionData {
        partition_index: asked.partition,
        high_watermark,
        last_stable_offset: high_watermark,
        log_start_offset: partition.log_start_offset(),
        aborted_transactions: (request.isolation_level == READ_COMMITTED).then(Vec::new),
        preferred_read_replica: -1,
        records: Some(records),
        ..PartitionData::default()
    }
}

fn refused(asked: &FetchPartition, error: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: asked.partition,
        error_code: error.code(),
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        preferred_read_replica: -1,
        records: Some(Bytes::new()),
        ..PartitionData::default()
    }
}

/// What is wrong with the leader epoch a client has; -1 means it has none.
pub(crate) fn epoch_error(partition: &Partition, epoch: i32) -> Option<ErrorCode> {
    match epoch.cmp(&partition.leader_epoch()) {
        _ if epoch == -1 => None,
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => Some(ErrorCode::FencedLeaderEpoch),
        std::cmp::Ordering::Greater => Some(ErrorCode::UnknownLeaderEpoch),
    }
}

/// The changes of every partition asked for.
fn watched(shared: &Shared, request: &FetchRequest) -> Vec<watch::Receiver<()>> {
    let topics = shared.topics.now();
    let asked = request.topics.iter();
    asked
        .flat_map(|asked| {
            let topic = topics.named(&asked.topic);
            asked
                .partitions
                .iter()
                .filter_map(move |asked| topic?.watch(asked.partition))
        })
        .collect()
}

/// Done when any of these changed; never, when there are none.
async fn any_change(mut changes: Vec<watch::Receiver<()>>) {
    let mut waiting: Vec<_> = changes
        .iter_mut()
        .map(|change| Box::pin(change.changed()))
        .collect();
    poll_fn(|cx| {
        let any = waiting.iter_mut().any(|one| Pin::new(one).poll(cx).is_ready());
        if any { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use annals_kafka_wire::batch::{Batch, BatchBuilder};
    use annals_kafka_wire::message::fetch::FetchTopic;

    use super::*;
    use crate::{Broker, BrokerConfig, OpenGate};

    const MIB: usize = 1024 * 1024;
    const BATCH_BYTES_MAX: &str = "16777216";

    /// A broker with room for six MiB of answers, and a topic with one batch of more than four.
    async fn start(dir: &std::path::Path) -> Arc<Shared> {
        let config = BrokerConfig {
            answers_in_flight_bytes_max: 6 * MIB,
            ..BrokerConfig::default()
        };
        let broker = Broker::open(dir, config, Arc::new(OpenGate)).unwrap();
        let shared = Arc::clone(&broker.shared);
        let fill = move || {
            let config = BTreeMap::from([("max.message.bytes".to_owned(), BATCH_BYTES_MAX.to_owned())]);
            let topic = broker.create_topic("events", 1, config).unwrap();
            let mut builder = BatchBuilder::new();
            assert!(builder.push(1, None, Some(&vec![7; 4 * MIB]), &[]));
            let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
            topic.partitions[0].append(&batch, 1).unwrap();
            topic.partitions[0]
                .wait_durable(0, Duration::from_secs(60))
                .unwrap();
        };
        tokio::task::spawn_blocking(fill).await.unwrap();
        shared
    }

    fn records(response: &FetchResponse) -> usize {
        response.responses[0].partitions[0]
            .records
            .as_ref()
            .unwrap()
            .len()
    }

    #[tokio::test]
    async fn the_first_batch_has_its_room_before_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let shared = start(dir.path()).await;
        let request = Arc::new(FetchRequest {
            max_bytes: i32::MAX,
            topics: vec![FetchTopic {
                topic: "events".to_owned(),
                partitions: vec![FetchPartition {
                    partition_max_bytes: 1,
                    ..FetchPartition::default()
                }],
            }],
            ..FetchRequest::default()
        });
        let (_stop, stopping) = watch::channel(false);
        let ask = || {
            let (shared, request) = (Arc::clone(&shared), Arc::clone(&request));
            Box::pin(fetch(shared, stopping.clone(), request, Instant::now()))
        };
        let budget = &shared.answer_bytes;
        let (response, room) = ask().await;
        assert!(records(&response) > 4 * MIB && budget.covers(&room, records(&response)));
        // While that is not written there is no room for another.
        let mut another = ask();
        while !budget.is_wanted() {
            tokio::select! {
                biased;
                (response, room) = &mut another => panic!("{} bytes in {room:?}", records(&response)),
                () = tokio::task::yield_now() => {}
            }
        }
        drop((response, room));
        let (response, room) = another.await;
        assert!(records(&response) > 4 * MIB && budget.covers(&room, records(&response)));
        drop(room);
        assert_eq!(budget.free_bytes(), 6 * MIB);
    }
}
