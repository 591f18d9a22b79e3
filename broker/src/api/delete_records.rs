//! DeleteRecords (key 21): lets a partition begin at a later offset; -1 is its high watermark. Answered when that is
//! durable, with the first offset there is then; the space comes back later, in whole segments.
//!
//! As with Kafka: an offset behind the high watermark, or negative, is OFFSET_OUT_OF_RANGE; one at or before the log
//! start changes nothing; a topic whose `cleanup.policy` has no `delete` is POLICY_VIOLATION, as is one that is held; the
//! broker's own topics are INVALID_TOPIC_EXCEPTION. The answer has no room for a sentence: the log has it.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopic, DeleteRecordsTopicResult,
};
use annals_segment_log::{AppendError, DeleteError};

use crate::broker::Shared;
use crate::internal;
use crate::table::{Answer, Context};
use crate::topic_config::clipped;

/// What an answer has for the first offset when nothing was deleted.
const NONE: i64 = -1;

/// The offset that stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: DeleteRecordsRequest,
) -> Answer<DeleteRecordsResponse> {
    let shared = Arc::clone(&ctx.shared);
    let asked = request.topics.clone();
    let delete = move || {
        answer(&request.topics, |topic, partition| {
            delete(&shared, &topic.name, partition)
        })
    };
    let unsettled = move |error| answer(&asked, |_, _| Err(error));
    Answer::change(ctx, &ctx.shared.topic_turns, delete, unsettled)
}

fn answer(
    topics: &[DeleteRecordsTopic],
    each: impl Fn(&DeleteRecordsTopic, &DeleteRecordsPartition) -> Result<i64, ErrorCode>,
) -> DeleteRecordsResponse {
    let topic = |topic: &DeleteRecordsTopic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let outcome = each(topic, partition);
            DeleteRecordsPartitionResult {
                partition_index: partition.partition_index,
                low_watermark: outcome.unwrap_or(NONE),
                error_code: outcome.err().unwrap_or(ErrorCode::None).code(),
            }
        });
        DeleteRecordsTopicResult {
            name: topic.name.clone(),
            partitions: partitions.collect(),
        }
    };
    DeleteRecordsResponse {
        topics: topics.iter().map(topic).collect(),
        ..DeleteRecordsResponse::default()
    }
}

/// Blocks for a sync.
fn delete(shared: &Shared, name: &str, asked: &DeleteRecordsPartition) -> Result<i64, ErrorCode> {
    let refused = |code: ErrorCode, reason: &str| {
        tracing::info!(topic = %clipped(name), partition = asked.partition_index, offset = asked.offset, reason, "records are not deleted");
        Err(code)
    };
    if internal::is_internal(name) {
        return refused(ErrorCode::InvalidTopicException, "the topic is the broker's own");
    }
    let topic = shared.topics.now().named(name).cloned();
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = topic.partition(asked.partition_index);
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !topic.settings.deletes {
        return refused(ErrorCode::PolicyViolation, "its cleanup.policy has no delete");
    }
    let offset = match asked.offset {
        HIGH_WATERMARK => partition.high_watermark(),
        offset => offset,
    };
    partition.delete_before(offset).or_else(|error| {
        let code = match &error {
            DeleteError::Held { .. } => ErrorCode::PolicyViolation,
            DeleteError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            DeleteError::Log(AppendError::Removed) => ErrorCode::UnknownTopicOrPartition,
            _ => ErrorCode::KafkaStorageError,
        };
        refused(code, &error.to_string())
    })
}
