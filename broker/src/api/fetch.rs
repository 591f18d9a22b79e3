//! Fetch (key 1): durable records from partitions, waiting for them when there are too few.
//!
//! * Whole batches as they were produced; the first may begin before the offset asked for. The first batch found is
//!   given even over the limits, so a consumer always gets on; from then on every limit binds (KIP-74).
//! * Waits until `min_bytes` are there, or as many as may be given, `max_wait_ms` has passed, a partition has an error,
//!   or the broker stops.
//! * A partition named several times is read once, as it was named first. A request that names more than could wait is
//!   not answered: its connection is closed.
//! * The high watermark is the durable end. Who reads committed records alone reads to the last stable offset, and is
//!   told which transactions among them were aborted.
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

use annals_kafka_wire::batch::batches;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::fetch::{
    AbortedTransaction, FetchPartition, FetchRequest, FetchResponse, PartitionData,
};
use annals_segment_log::{Aborted, Partition, ReadError};
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinError;

use asked::Asked;

use crate::broker::Shared;
use crate::budget::{Held, Room};
use crate::table::{Answer, Context};

/// What a committed-records-only consumer asks with.
pub(crate) const READ_COMMITTED: i8 = 1;

/// What a partition asked for takes in memory, in the request and while it waits and in the answer.
const ENTRY_BYTES: usize = 512;

/// An answer takes at most this share of the room that is left for answers.
const SHARES: usize = 8;

/// Partitions looked at, and bytes read, in one go: then it is somebody else's turn.
const PIECE_PARTITIONS: usize = 64;
const PIECE_BYTES: usize = 1024 * 1024;

/// What has been read.
#[derive(Default)]
struct Round {
    /// Of every place, as far as this has come.
    partitions: Vec<PartitionData>,
    /// Bytes of records.
    bytes: usize,
    /// Whether some partition has an error.
    failed: bool,
    /// Whether some partition has more than could be given: then there is nothing to wait for.
    full: bool,
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
    let asked = Asked::of(request);
    if !ctx.shared.poll_bytes.fits(entry_bytes(&asked)) {
        let entries = asked.places.len();
        return Answer::Close(format!(
            "a fetch names {entries} partitions: more than could wait for records"
        ));
    }
    let wait = Duration::from_millis(u64::try_from(asked.request.max_wait_ms).unwrap_or(0))
        .min(config.fetch_wait_max);
    let deadline = Instant::now() + wait;
    Answer::Poll(Box::pin(fetch(
        Arc::clone(&ctx.shared),
        Arc::clone(&ctx.held),
        ctx.stop.clone(),
        Arc::new(asked),
        deadline,
    )))
}

/// Reads, and reads again whenever something changed, until there is enough to answer.
async fn fetch(
    shared: Arc<Shared>,
    held: Arc<Held>,
    mut stop: watch::Receiver<bool>,
    asked: Arc<Asked>,
    deadline: Instant,
) -> (FetchResponse, Room) {
    let enough = usize::try_from(asked.request.min_bytes).unwrap_or(0);
    let entry_bytes = entry_bytes(&asked);
    // Without room to wait in, what is there now is the answer.
    let may_wait = shared.poll_bytes.try_take(entry_bytes);
    // Until the answer has room, or this waits.
    let mut held = Some(held);
    // What the first batch was seen to weigh.
    let mut first_bytes = 0;
    loop {
        // Subscribed before reading, so that nothing that comes in between is missed.
        let changes = watched(&shared, &asked);
        let wanted = wanted_bytes(&shared, &asked).max(first_bytes);
        let mut room = shared.answer_bytes.take(wanted + entry_bytes).await;
        drop(held.take());
        let round = match read_all(&shared, &asked, wanted).await {
            Ok(round) => round,
            Err(error) => return (failed(&error), room),
        };
        if let Some(bytes) = round.first_bytes {
            // All of it anew: if each of many kept a part, none would ever have enough.
            first_bytes = bytes;
            continue;
        }
        shared.answer_bytes.shrink(&mut room, round.bytes + entry_bytes);
        let done = round.failed || round.full || round.bytes >= enough;
        if done || may_wait.is_none() || Instant::now() >= deadline || *stop.borrow() {
            return (asked.answer(round), room);
        }
        drop((round, room));
        something(changes, deadline, &mut stop).await;
    }
}

fn failed(error: &JoinError) -> FetchResponse {
    tracing::error!(%error, "a fetch failed");
    let error_code = ErrorCode::UnknownServerError.code();
    FetchResponse {
        error_code,
        ..FetchResponse::default()
    }
}

/// What the partitions asked for take in memory, records aside.
fn entry_bytes(asked: &Asked) -> usize {
    let entries = asked.request.topics.len() + asked.places.len();
    entries.saturating_mul(ENTRY_BYTES)
}

/// What the records of an answer may weigh: no more than is asked for, may be given, or is there; and while many
/// answers are under way a share of what is left, so that there is some for the next. One batch is always given: when
/// it turns out to weigh more, more is taken.
fn wanted_bytes(shared: &Shared, asked: &Asked) -> usize {
    let topics = shared.topics.now();
    let batch_max = shared.config.message_bytes_max;
    let request = &asked.request;
    let there = asked.partitions(0).filter_map(|(topic, asked)| {
        let partition = topics.named(topic)?.partition(asked.partition)?;
        let behind = end(request, partition) > asked.fetch_offset;
        let bytes = usize::try_from(asked.partition_max_bytes).unwrap_or(0);
        behind.then(|| bytes.max(batch_max))
    });
    there.fold(0usize, usize::saturating_add).min(
        asked
            .bytes_max(shared)
            .min(shared.answer_bytes.free_bytes() / SHARES)
            .max(batch_max),
    )
}

/// Reads every partition asked for, in the order asked: clients turn the order so that all get their share. No more
/// than `most` is read.
async fn read_all(shared: &Arc<Shared>, asked: &Arc<Asked>, most: usize) -> Result<Round, JoinError> {
    let mut round = Round::default();
    if most == 0 {
        // Nothing to read from disk: not worth another thread.
        while !round.is_over(asked) {
            round.read_piece(shared, asked, most);
        }
    }
    while !round.is_over(asked) {
        let (reading, asked) = (Arc::clone(shared), Arc::clone(asked));
        let piece = shared.look_up(move || {
            round.read_piece(&reading, &asked, most);
            round
        });
        round = piece.await?;
    }
    Ok(round)
}

impl Round {
    fn is_over(&self, asked: &Asked) -> bool {
        self.first_bytes.is_some() || self.partitions.len() >= asked.places.len()
    }

    /// Reads the next partitions.
    fn read_piece(&mut self, shared: &Shared, asked: &Asked, most: usize) {
        let topics = shared.topics.now();
        let bytes_max = asked.bytes_max(shared).min(most);
        let enough = self.bytes + PIECE_BYTES;
        let next = asked.partitions(self.partitions.len()).take(PIECE_PARTITIONS);
        for (topic, one) in next {
            if self.bytes >= enough {
                return;
            }
            let found = topics
                .named(topic)
                .and_then(|topic| topic.partition(one.partition));
            let Some(partition) = found else {
                self.failed = true;
                self.partitions
                    .push(refused(one, ErrorCode::UnknownTopicOrPartition));
                continue;
            };
            let end = end(&asked.request, partition);
            let first_bytes = match one.fetch_offset < end {
                true => first_bytes(partition, one),
                false => 0,
            };
            if self.bytes == 0 && first_bytes > most {
                self.first_bytes = Some(first_bytes);
                return;
            }
            let left = bytes_max.saturating_sub(self.bytes);
            let limit = usize::try_from(one.partition_max_bytes).unwrap_or(0).min(left);
            // The first records found are given whatever the limits; the others wait for the next request.
            let too_many = self.bytes > 0 && first_bytes > limit;
            let read = if too_many {
                given(&asked.request, partition, one, Bytes::new(), &[])
            } else {
                read_one(&asked.request, partition, one, limit)
            };
            let records = read.records.as_ref().filter(|records| !records.is_empty());
            self.full |= too_many || records.is_some_and(|records| end_of(records) < end);
            self.failed |= read.error_code != ErrorCode::None.code();
            self.bytes += records.map_or(0, Bytes::len);
            self.partitions.push(read);
        }
    }
}

/// How far the client may read.
fn end(request: &FetchRequest, partition: &Partition) -> i64 {
    match request.isolation_level {
        READ_COMMITTED => partition.last_stable_offset(),
        _ => partition.high_watermark(),
    }
}

/// What the batch at the offset asked for weighs; nothing, when there is none or the read will say what is wrong.
fn first_bytes(partition: &Partition, asked: &FetchPartition) -> usize {
    partition.batch_bytes(asked.fetch_offset).unwrap_or(0)
}

/// The offset behind the last of some batches.
fn end_of(records: &Bytes) -> i64 {
    let last = batches(records).filter_map(Result::ok).last();
    last.map_or(i64::MAX, |last| last.last_offset() + 1)
}

fn read_one(
    request: &FetchRequest,
    partition: &Partition,
    asked: &FetchPartition,
    most: usize,
) -> PartitionData {
    if let Some(error) = epoch_error(partition, asked.current_leader_epoch) {
        return refused(asked, error);
    }
    let read = if request.isolation_level == READ_COMMITTED {
        let read = partition.read_committed(asked.fetch_offset, most);
        read.map(|read| (read.bytes, read.aborted))
    } else {
        partition
            .read(asked.fetch_offset, most)
            .map(|records| (records, Vec::new()))
    };
    match read {
        Ok((records, aborted)) => given(request, partition, asked, records, &aborted),
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
    aborted: &[Aborted],
) -> PartitionData {
    let aborted = aborted.iter().map(|aborted| AbortedTransaction {
        producer_id: aborted.producer_id,
        first_offset: aborted.first_offset,
    });
    PartitionData {
        partition_index: asked.partition,
        high_watermark: partition.high_watermark(),
        last_stable_offset: partition.last_stable_offset(),
        log_start_offset: partition.log_start_offset(),
        aborted_transactions: (request.isolation_level == READ_COMMITTED).then(|| aborted.collect()),
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
fn watched(shared: &Shared, asked: &Asked) -> Vec<watch::Receiver<()>> {
    let topics = shared.topics.now();
    let watch = |(topic, asked): (&str, &FetchPartition)| topics.named(topic)?.watch(asked.partition);
    asked.partitions(0).filter_map(watch).collect()
}

/// Waits until any of these changed, there is no more time, or the broker stops.
async fn something(changes: Vec<watch::Receiver<()>>, deadline: Instant, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = any_change(changes) => {}
        () = tokio::time::sleep_until(deadline.into()) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
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

mod asked;
#[cfg(test)]
mod tests;
