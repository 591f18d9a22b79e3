//! ListOffsets (key 2): where a partition begins and ends, and which record is the first of a time.
//!
//! * -1 latest: the high watermark, which is the durable end. Nothing is uncommitted, so isolation makes no difference.
//! * -2 earliest, -4 earliest local (v8): the log start. -5 latest tiered (v9): none.
//! * -3 (v7): the first of the records with the greatest timestamp.
//! * 0 and up: the first record of that time or later; offset -1 when there is none.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use annals_segment_log::{Partition, ReadError};

use crate::broker::Shared;
use crate::table::{Answer, Context};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

/// An offset and its timestamp, when there are such.
type Found = Option<(i64, i64)>;

pub(crate) fn handle(ctx: &Context, _: i16, request: ListOffsetsRequest) -> Answer<ListOffsetsResponse> {
    let shared = Arc::clone(&ctx.shared);
    // Looking up a time reads segments, which may not be in memory.
    let look_up = move || {
        let topics = request.topics.into_iter().map(|topic| ListOffsetsTopicResponse {
            partitions: topic
                .partitions
                .iter()
                .map(|asked| look_up_one(&shared, &topic.name, asked))
                .collect(),
            name: topic.name,
        });
        ListOffsetsResponse {
            topics: topics.collect(),
            ..ListOffsetsResponse::default()
        }
    };
    Answer::blocking(look_up, ListOffsetsResponse::default)
}

fn look_up_one(shared: &Shared, topic: &str, asked: &ListOffsetsPartition) -> ListOffsetsPartitionResponse {
    let answer = |error: ErrorCode, found: Found, leader_epoch| {
        let (offset, timestamp) = found.unwrap_or((-1, -1));
        ListOffsetsPartitionResponse {
            partition_index: asked.partition_index,
            error_code: error.code(),
            timestamp,
            offset,
            leader_epoch,
        }
    };
    let topics = shared.topics.now();
    let Some(partition) = topics
        .named(topic)
        .and_then(|topic| topic.partition(asked.partition_index))
    else {
        return answer(ErrorCode::UnknownTopicOrPartition, None, -1);
    };
    if let Some(error) = super::fetch::epoch_error(partition, asked.current_leader_epoch) {
        return answer(error, None, -1);
    }
    match find(partition, asked.timestamp) {
        Ok(Some(found)) => answer(ErrorCode::None, Some(found), partition.leader_epoch()),
        Ok(None) => answer(ErrorCode::None, None, -1),
        Err(LookUpError::Unsupported) => answer(ErrorCode::UnsupportedVersion, None, -1),
        Err(LookUpError::Read(error)) => {
            tracing::error!(%error, topic, partition = asked.partition_index, "a time could not be looked up");
            answer(ErrorCode::KafkaStorageError, None, -1)
        }
    }
}

enum LookUpError {
    /// A negative timestamp without a meaning.
    Unsupported,
    Read(ReadError),
}

fn find(partition: &Partition, timestamp: i64) -> Result<Found, LookUpError> {
    match timestamp {
        LATEST => Ok(Some((partition.high_watermark(), -1))),
        EARLIEST | EARLIEST_LOCAL => Ok(Some((partition.log_start_offset(), -1))),
        LATEST_TIERED => Ok(None),
        MAX_TIMESTAMP => newest(partition).map_err(LookUpError::Read),
        0.. => first_since(partition, timestamp).map_err(LookUpError::Read),
        _ => Err(LookUpError::Unsupported),
    }
}

/// The first durable record of this time or later.
fn first_since(partition: &Partition, timestamp: i64) -> Result<Found, ReadError> {
    let found = partition.offset_for_time(timestamp)?;
    let found = found.filter(|found| found.offset < partition.high_watermark());
    Ok(found.map(|found| (found.offset, found.timestamp_ms)))
}

/// The first record of the greatest timestamp, by halving the time in which it must lie: 63 look-ups at most.
fn newest(partition: &Partition) -> Result<Found, ReadError> {
    let Some(mut best) = first_since(partition, 0)? else {
        return Ok(None);
    };
    let mut beyond = i64::MAX;
    while best.1 < beyond {
        let middle = best.1 + (beyond - best.1) / 2 + 1;
        match first_since(partition, middle)? {
            Some(found) => best = found,
            None => beyond = middle - 1,
        }
    }
    Ok(Some(best))
}
