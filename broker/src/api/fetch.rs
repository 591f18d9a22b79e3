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
//! * In a session (KIP-227, [`crate::fetch_sessions`]) a request reads what the session holds, and is told what is new.
//! * From v13 on topics are named by id: one that no topic has is UNKNOWN_TOPIC_ID, also where another topic has its
//!   name by now. INCONSISTENT_TOPIC_ID is never said: a topic's id and its log cannot part here.
//! * Who says of which epoch its last record is (v12), and has read on behind that epoch's end, is told where it ended.
//! * An older leader epoch than the partition's is FENCED_LEADER_EPOCH, a newer one UNKNOWN_LEADER_EPOCH.
//! * While memory is short an answer holds less than it may, and a request that finds no room to wait for records is
//!   answered without waiting. What is read has room before it is read: also the first batch, however long.
//! * Left out: rack awareness, followers (what they say of themselves is ignored), other leaders and tiers to be sent to.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::fetch::{FetchRequest, FetchResponse};
use annals_segment_log::Partition;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinError;
use uuid::Uuid;

use asked::{Asked, partition_of, topic_of};
use round::read_all;

use crate::broker::Shared;
use crate::budget::{Held, Room};
use crate::fetch_sessions::Wanted;
use crate::table::{Answer, Context};

mod asked;
mod round;
#[cfg(test)]
mod tests;

/// What a committed-records-only consumer asks with.
pub(crate) const READ_COMMITTED: i8 = 1;

/// An answer takes at most this share of the room that is left for answers.
const SHARES: usize = 8;

pub(crate) fn handle(ctx: &Context, version: i16, request: FetchRequest) -> Answer<FetchResponse> {
    let shared = &ctx.shared;
    let asked = match Asked::of(shared, ctx.caller.peer, version, request) {
        Ok(asked) => asked,
        Err(code) => return Answer::Now(refused(code)),
    };
    if !shared.poll_bytes.fits(asked.entry_bytes()) {
        let entries = asked.wanted.len();
        return Answer::Close(format!(
            "a fetch names {entries} partitions: more than could wait for records"
        ));
    }
    let wait = Duration::from_millis(u64::try_from(asked.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + wait.min(shared.config.fetch_wait_max);
    let (shared, held, stop) = (Arc::clone(shared), Arc::clone(&ctx.held), ctx.stop.clone());
    Answer::Poll(Box::pin(async move {
        let fetched = fetch(Arc::clone(&shared), held, stop, Arc::new(asked), deadline).await;
        count(&shared, &fetched.0);
        fetched
    }))
}

/// Counts what is given of each topic.
fn count(shared: &Shared, response: &FetchResponse) {
    let topics = shared.topics.now();
    for given in &response.responses {
        let records = given.partitions.iter().filter_map(|given| given.records.as_ref());
        // Newer versions have the id alone, older ones the name.
        let by_id = || topics.with_id(Uuid::from_bytes(given.topic_id));
        if let Some(topic) = topics.named(&given.topic).or_else(by_id) {
            topic.counts.read(records.map(Bytes::len).sum());
        }
    }
}

/// Reads, and reads again whenever something changed, until there is enough to answer.
async fn fetch(
    shared: Arc<Shared>,
    held: Arc<Held>,
    mut stop: watch::Receiver<bool>,
    asked: Arc<Asked>,
    deadline: Instant,
) -> (FetchResponse, Room) {
    let enough = usize::try_from(asked.min_bytes).unwrap_or(0);
    let entry_bytes = asked.entry_bytes();
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
            return (asked.answer(&shared, round), room);
        }
        drop((round, room));
        something(changes, deadline, &mut stop).await;
    }
}

fn failed(error: &JoinError) -> FetchResponse {
    tracing::error!(%error, "a fetch failed");
    refused(ErrorCode::UnknownServerError)
}

/// The whole request failed.
fn refused(code: ErrorCode) -> FetchResponse {
    FetchResponse {
        error_code: code.code(),
        ..FetchResponse::default()
    }
}

/// What the records of an answer may weigh: no more than is asked for, may be given, or is there; and while many
/// answers are under way a share of what is left, so that there is some for the next. One batch is always given: when
/// it turns out to weigh more, more is taken.
fn wanted_bytes(shared: &Shared, asked: &Asked) -> usize {
    let topics = shared.topics.now();
    let batch_max = shared.config.message_bytes_max;
    let there = asked.wanted.iter().filter_map(|wanted| {
        let partition = partition_of(&topics, wanted).ok()?;
        let behind = asked.end(partition) > wanted.asked.fetch_offset;
        let bytes = usize::try_from(wanted.asked.partition_max_bytes).unwrap_or(0);
        behind.then(|| bytes.max(batch_max))
    });
    there.fold(0usize, usize::saturating_add).min(
        asked
            .bytes_max(shared)
            .min(shared.answer_bytes.free_bytes() / SHARES)
            .max(batch_max),
    )
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
    let watch = |wanted: &Wanted| topic_of(&topics, wanted).ok()?.watch(wanted.asked.partition);
    asked.wanted.iter().filter_map(watch).collect()
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
