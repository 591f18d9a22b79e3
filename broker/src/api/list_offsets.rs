//! ListOffsets (key 2): where a partition begins and ends, and which record is the first of a time.
//!
//! * -1 latest: the high watermark, which is the durable end; for who reads committed records alone the last stable offset.
//! * -2 earliest, -4 earliest local (v8): the log start. -5 latest tiered (v9), -6 earliest not yet tiered (v11): none,
//!   as there are no tiers; so there is nothing to wait for either (v10).
//! * -3 (v7): the first of the records with the greatest timestamp; where none has a time, the first of all.
//! * 0 and up: the first record of that time or later; offset -1 when there is none.
//! * A special that is newer than the request's version, or none at all: UNSUPPORTED_VERSION.
//! * A partition asked for several times is INVALID_REQUEST, said once, as with Kafka.
//! * The leader epoch is the found record's own; of the end it is the current one.

use std::sync::Arc;

use annals_kafka_wire::batch::NO_TIMESTAMP;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use annals_segment_log::{Dated, Partition, ReadError};
use tokio::task::JoinError;

use super::fetch::READ_COMMITTED;
use super::outcome::counted;
use crate::broker::Shared;
use crate::table::{Answer, Context};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_UNTIERED: i64 = -6;

/// The first versions whose clients know the newer specials.
const MAX_TIMESTAMP_SINCE: i16 = 7;
const EARLIEST_LOCAL_SINCE: i16 = 8;
const LATEST_TIERED_SINCE: i16 = 9;
const EARLIEST_UNTIERED_SINCE: i16 = 11;

/// What an answer has where the epoch of a record is not known.
const NO_EPOCH: i32 = -1;

/// A place in a partition, when there is such.
type Found = Option<Dated>;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: ListOffsetsRequest,
) -> Answer<ListOffsetsResponse> {
    let shared = Arc::clone(&ctx.shared);
    let asker = Asker {
        version,
        isolation_level: request.isolation_level,
    };
    Answer::later(async move {
        let mut times = counted(request.topics.iter().flat_map(|asked| {
            let partitions = asked.partitions.iter();
            partitions.map(|partition| (asked.name.as_str(), partition.partition_index))
        }));
        let mut topics = Vec::with_capacity(request.topics.len());
        for asked in &request.topics {
            let mut partitions = Vec::with_capacity(asked.partitions.len());
            for partition in &asked.partitions {
                // One that is named twice is answered once.
                let Some(count) = times.remove(&(asked.name.as_str(), partition.partition_index)) else {
                    continue;
                };
                partitions.push(match count > 1 {
                    true => answer(partition, ErrorCode::InvalidRequest, None),
                    false => look_up(&shared, asker, &asked.name, partition).await,
                });
            }
            topics.push(ListOffsetsTopicResponse {
                name: asked.name.clone(),
                partitions,
            });
        }
        ListOffsetsResponse {
            topics,
            ..ListOffsetsResponse::default()
        }
    })
}

fn answer(asked: &ListOffsetsPartition, error: ErrorCode, found: Found) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        error_code: error.code(),
        timestamp: found.map_or(NO_TIMESTAMP, |found| found.timestamp_ms),
        offset: found.map_or(-1, |found| found.offset),
        leader_epoch: found.map_or(NO_EPOCH, |found| found.leader_epoch),
    }
}

/// How the offsets are asked for.
#[derive(Debug, Clone, Copy)]
struct Asker {
    version: i16,
    isolation_level: i8,
}

impl Asker {
    /// Where the log ends for it.
    fn end(self, partition: &Partition) -> i64 {
        match self.isolation_level {
            READ_COMMITTED => partition.last_stable_offset(),
            _ => partition.high_watermark(),
        }
    }
}

async fn look_up(
    shared: &Shared,
    asker: Asker,
    topic: &str,
    asked: &ListOffsetsPartition,
) -> ListOffsetsPartitionResponse {
    let topics = shared.topics.now();
    let found = topics
        .named(topic)
        .and_then(|topic| topic.partition(asked.partition_index));
    let Some(partition) = found else {
        return answer(asked, ErrorCode::UnknownTopicOrPartition, None);
    };
    if let Some(error) = super::fetch::epoch_error(partition, asked.current_leader_epoch) {
        return answer(asked, error, None);
    }
    let error = match find(shared, partition, asker, asked.timestamp).await {
        Ok(found) => return answer(asked, ErrorCode::None, found),
        Err(LookUpError::Unsupported) => ErrorCode::UnsupportedVersion,
        Err(LookUpError::Read(ReadError::Damaged(_))) => ErrorCode::CorruptMessage,
        Err(LookUpError::Read(error)) => {
            tracing::error!(%error, topic, partition = asked.partition_index, "a time could not be looked up");
            ErrorCode::KafkaStorageError
        }
        Err(LookUpError::Failed(error)) => {
            tracing::error!(%error, topic, "offsets could not be looked up");
            ErrorCode::UnknownServerError
        }
    };
    answer(asked, error, None)
}

enum LookUpError {
    /// A negative timestamp without a meaning in the request's version.
    Unsupported,
    Read(ReadError),
    Failed(JoinError),
}

impl From<JoinError> for LookUpError {
    fn from(error: JoinError) -> Self {
        Self::Failed(error)
    }
}

impl From<ReadError> for LookUpError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Looking up a time reads segments, which may not be in memory, and unpacks a batch: one at a time, then it is
/// somebody else's turn.
async fn find(
    shared: &Shared,
    partition: &Arc<Partition>,
    asker: Asker,
    timestamp: i64,
) -> Result<Found, LookUpError> {
    let looked = Arc::clone(partition);
    let version = asker.version;
    match timestamp {
        LATEST => Ok(Some(Dated {
            offset: asker.end(partition),
            timestamp_ms: NO_TIMESTAMP,
            leader_epoch: partition.leader_epoch(),
        })),
        EARLIEST => Ok(Some(shared.look_up(move || start(&looked)).await?)),
        EARLIEST_LOCAL if version >= EARLIEST_LOCAL_SINCE => {
            Ok(Some(shared.look_up(move || start(&looked)).await?))
        }
        LATEST_TIERED if version >= LATEST_TIERED_SINCE => Ok(None),
        EARLIEST_UNTIERED if version >= EARLIEST_UNTIERED_SINCE => Ok(None),
        MAX_TIMESTAMP if version >= MAX_TIMESTAMP_SINCE => newest(shared, partition, asker).await,
        0.. => first_since(shared, partition, asker, timestamp).await,
        _ => Err(LookUpError::Unsupported),
    }
}

/// The start of the log, with the epoch of its first record: the current one where there is none yet, and none where
/// it cannot be read, which whoever fetches it is told.
fn start(partition: &Partition) -> Dated {
    let offset = partition.log_start_offset();
    let leader_epoch = match partition.batch_at(offset) {
        Ok(first) => first.partition_leader_epoch(),
        Err(ReadError::OutOfRange { .. }) => partition.leader_epoch(),
        Err(_) => NO_EPOCH,
    };
    Dated {
        offset,
        timestamp_ms: NO_TIMESTAMP,
        leader_epoch,
    }
}

/// The first durable record of this time or later.
async fn first_since(
    shared: &Shared,
    partition: &Arc<Partition>,
    asker: Asker,
    timestamp: i64,
) -> Result<Found, LookUpError> {
    let looked = Arc::clone(partition);
    let look_up = move || {
        let found = looked.offset_for_time(timestamp)?;
        Ok(found.filter(|found| found.offset < asker.end(&looked)))
    };
    shared.look_up(look_up).await?
}

/// The first record of the greatest timestamp. Where that cannot be read yet it is found by halving the time in which it
/// must lie: 63 look-ups at most.
async fn newest(shared: &Shared, partition: &Arc<Partition>, asker: Asker) -> Result<Found, LookUpError> {
    if let Some(found) = first_since(shared, partition, asker, partition.max_timestamp()).await? {
        return Ok(Some(found));
    }
    let Some(mut best) = first_since(shared, partition, asker, 0).await? else {
        // Nothing has a time: the first record is as new as any.
        let any = partition.log_start_offset() < asker.end(partition);
        let looked = Arc::clone(partition);
        return Ok(match any {
            true => Some(shared.look_up(move || start(&looked)).await?),
            false => None,
        });
    };
    let mut beyond = i64::MAX;
    while best.timestamp_ms < beyond {
        let middle = best.timestamp_ms + (beyond - best.timestamp_ms) / 2 + 1;
        match first_since(shared, partition, asker, middle).await? {
            Some(found) => best = found,
            None => beyond = middle - 1,
        }
    }
    Ok(Some(best))
}
