//! ListOffsets (key 2): where a partition begins and ends, and which record is the first of a time.
//!
//! * -1 latest: the high watermark, which is the durable end. Nothing is uncommitted, so isolation makes no difference.
//! * -2 earliest, -4 earliest local (v8): the log start. -5 latest tiered (v9): none.
//! * -3 (v7): the first of the records with the greatest timestamp; where none has a time, the first of all.
//! * 0 and up: the first record of that time or later; offset -1 when there is none.
//! * A special that is newer than the request's version, or none at all: UNSUPPORTED_VERSION.
//! * The leader epoch is the found record's own; of the end it is the current one.

use std::sync::Arc;

use annals_kafka_wire::batch::NO_TIMESTAMP;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use annals_segment_log::{Dated, Partition, ReadError};

use crate::broker::Shared;
use crate::table::{Answer, Context};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

/// The first versions whose clients know the newer specials.
const MAX_TIMESTAMP_SINCE: i16 = 7;
const EARLIEST_LOCAL_SINCE: i16 = 8;
const LATEST_TIERED_SINCE: i16 = 9;

/// Look-ups made in one go.
const PIECE_LOOK_UPS: usize = 16;

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
    Answer::later(async move {
        let mut topics = Vec::with_capacity(request.topics.len());
        for asked in request.topics {
            let mut partitions = Vec::with_capacity(asked.partitions.len());
            for piece in asked.partitions.chunks(PIECE_LOOK_UPS) {
                partitions.extend(look_up_piece(&shared, version, &asked.name, piece).await);
            }
            topics.push(ListOffsetsTopicResponse {
                name: asked.name,
                partitions,
            });
        }
        ListOffsetsResponse {
            topics,
            ..ListOffsetsResponse::default()
        }
    })
}

/// Looking up a time reads segments, which may not be in memory: a few at a time, then it is somebody else's turn.
async fn look_up_piece(
    shared: &Arc<Shared>,
    version: i16,
    topic: &str,
    piece: &[ListOffsetsPartition],
) -> Vec<ListOffsetsPartitionResponse> {
    let (look, name, asked) = (Arc::clone(shared), topic.to_owned(), piece.to_vec());
    let look_up = move || {
        asked
            .iter()
            .map(|asked| look_up_one(&look, version, &name, asked))
            .collect()
    };
    shared.look_up(look_up).await.unwrap_or_else(|error| {
        tracing::error!(%error, topic, "offsets could not be looked up");
        let failed = |asked: &ListOffsetsPartition| ListOffsetsPartitionResponse {
            partition_index: asked.partition_index,
            error_code: ErrorCode::UnknownServerError.code(),
            ..ListOffsetsPartitionResponse::default()
        };
        piece.iter().map(failed).collect()
    })
}

fn look_up_one(
    shared: &Shared,
    version: i16,
    topic: &str,
    asked: &ListOffsetsPartition,
) -> ListOffsetsPartitionResponse {
    let answer = |error: ErrorCode, found: Found| ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        error_code: error.code(),
        timestamp: found.map_or(NO_TIMESTAMP, |found| found.timestamp_ms),
        offset: found.map_or(-1, |found| found.offset),
        leader_epoch: found.map_or(NO_EPOCH, |found| found.leader_epoch),
    };
    let topics = shared.topics.now();
    let Some(partition) = topics
        .named(topic)
        .and_then(|topic| topic.partition(asked.partition_index))
    else {
        return answer(ErrorCode::UnknownTopicOrPartition, None);
    };
    if let Some(error) = super::fetch::epoch_error(partition, asked.current_leader_epoch) {
        return answer(error, None);
    }
    match find(partition, version, asked.timestamp) {
        Ok(found) => answer(ErrorCode::None, found),
        Err(LookUpError::Unsupported) => answer(ErrorCode::UnsupportedVersion, None),
        Err(LookUpError::Read(ReadError::Damaged(_))) => answer(ErrorCode::CorruptMessage, None),
        Err(LookUpError::Read(error)) => {
            tracing::error!(%error, topic, partition = asked.partition_index, "a time could not be looked up");
            answer(ErrorCode::KafkaStorageError, None)
        }
    }
}

enum LookUpError {
    /// A negative timestamp without a meaning in the request's version.
    Unsupported,
    Read(ReadError),
}

impl From<ReadError> for LookUpError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

fn find(partition: &Partition, version: i16, timestamp: i64) -> Result<Found, LookUpError> {
    match timestamp {
        LATEST => Ok(Some(Dated {
            offset: partition.high_watermark(),
            timestamp_ms: NO_TIMESTAMP,
            leader_epoch: partition.leader_epoch(),
        })),
        EARLIEST => Ok(Some(start(partition))),
        EARLIEST_LOCAL if version >= EARLIEST_LOCAL_SINCE => Ok(Some(start(partition))),
        LATEST_TIERED if version >= LATEST_TIERED_SINCE => Ok(None),
        MAX_TIMESTAMP if version >= MAX_TIMESTAMP_SINCE => Ok(newest(partition)?),
        0.. => Ok(first_since(partition, timestamp)?),
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
fn first_since(partition: &Partition, timestamp: i64) -> Result<Found, ReadError> {
    let found = partition.offset_for_time(timestamp)?;
    Ok(found.filter(|found| found.offset < partition.high_watermark()))
}

/// The first record of the greatest timestamp, by halving the time in which it must lie: 63 look-ups at most.
fn newest(partition: &Partition) -> Result<Found, ReadError> {
    let Some(mut best) = first_since(partition, 0)? else {
        // Nothing has a time: the first record is as new as any.
        let any = partition.log_start_offset() < partition.high_watermark();
        return Ok(any.then(|| start(partition)));
    };
    let mut beyond = i64::MAX;
    while best.timestamp_ms < beyond {
        let middle = best.timestamp_ms + (beyond - best.timestamp_ms) / 2 + 1;
        match first_since(partition, middle)? {
            Some(found) => best = found,
            None => beyond = middle - 1,
        }
    }
    Ok(Some(best))
}
