//! OffsetForLeaderEpoch (key 23): where the records of a leader epoch end, so that a consumer learns whether those it read
//! are still there: an unclean start begins an epoch, and may have lost what nobody was told is durable.
//!
//! An epoch that has not begun has no end: -1, as with Kafka. The current one ends at the high watermark.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};
use annals_segment_log::ReadError;

use crate::broker::Shared;
use crate::table::{Answer, Context};

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: OffsetForLeaderEpochRequest,
) -> Answer<OffsetForLeaderEpochResponse> {
    let shared = Arc::clone(&ctx.shared);
    Answer::later(async move {
        let mut topics = Vec::with_capacity(request.topics.len());
        for asked in request.topics {
            let mut partitions = Vec::with_capacity(asked.partitions.len());
            for partition in asked.partitions {
                partitions.push(end_of(&shared, &asked.topic, partition).await);
            }
            topics.push(OffsetForLeaderTopicResult {
                topic: asked.topic,
                partitions,
            });
        }
        OffsetForLeaderEpochResponse {
            topics,
            ..OffsetForLeaderEpochResponse::default()
        }
    })
}

/// Finding an end reads segments, which may not be in memory: one at a time, then it is somebody else's turn.
async fn end_of(shared: &Arc<Shared>, topic: &str, asked: OffsetForLeaderPartition) -> EpochEndOffset {
    let failed = |code: ErrorCode| EpochEndOffset {
        error_code: code.code(),
        partition: asked.partition,
        ..EpochEndOffset::default()
    };
    let topics = shared.topics.now();
    let partition = topics
        .named(topic)
        .and_then(|topic| topic.partition(asked.partition));
    let Some(partition) = partition.cloned() else {
        return failed(ErrorCode::UnknownTopicOrPartition);
    };
    let asks_for_none = (asked.leader_epoch == -1).then_some(ErrorCode::None);
    if let Some(code) = super::fetch::epoch_error(&partition, asked.current_leader_epoch).or(asks_for_none) {
        return failed(code);
    }
    match shared
        .look_up(move || partition.epoch_end(asked.leader_epoch))
        .await
    {
        Ok(Ok(Some(end))) => EpochEndOffset {
            partition: asked.partition,
            leader_epoch: end.epoch,
            end_offset: end.end_offset,
            ..EpochEndOffset::default()
        },
        Ok(Ok(None)) => failed(ErrorCode::None),
        Ok(Err(ReadError::Damaged(_))) => failed(ErrorCode::CorruptMessage),
        Ok(Err(error)) => {
            tracing::error!(%error, topic, partition = asked.partition, "the end of an epoch could not be found");
            failed(ErrorCode::KafkaStorageError)
        }
        Err(error) => {
            tracing::error!(%error, topic, partition = asked.partition, "the end of an epoch could not be found");
            failed(ErrorCode::UnknownServerError)
        }
    }
}
