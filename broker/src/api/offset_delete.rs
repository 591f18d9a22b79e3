//! OffsetDelete (key 47): forgets a group's offsets in some partitions, but not in topics its members are subscribed to.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestTopic, OffsetDeleteResponse, OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
};

use crate::group::CONSUMER;
use crate::groups::{self, Entry};
use crate::table::{Answer, Context};

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: OffsetDeleteRequest,
) -> Answer<OffsetDeleteResponse> {
    let shared = Arc::clone(&ctx.shared);
    let refused = |code: ErrorCode| OffsetDeleteResponse {
        error_code: code.code(),
        ..OffsetDeleteResponse::default()
    };
    if request.group_id.is_empty() {
        return Answer::Now(refused(ErrorCode::InvalidGroupId));
    }
    Answer::Change(Box::pin(async move {
        let judged = shared
            .groups
            .cells
            .look(&request.group_id, |entry| judge(entry, &request.topics));
        let codes = match judged {
            None => return refused(ErrorCode::GroupIdNotFound),
            Some(Err(code)) => return refused(code),
            Some(Ok(codes)) => codes,
        };
        let places = request
            .topics
            .iter()
            .zip(&codes)
            .filter(|(_, code)| **code == ErrorCode::None);
        let places = places.flat_map(|(topic, _)| {
            let partitions = topic.partitions.iter().map(|partition| partition.partition_index);
            partitions.map(|partition| (topic.name.clone(), partition))
        });
        let done = groups::forget(&shared, &request.group_id, places.collect()).await;
        if let Err(code) = done {
            return refused(code);
        }
        let topics = request.topics.into_iter().zip(codes);
        OffsetDeleteResponse {
            topics: topics.map(|(topic, code)| answer(topic, code)).collect(),
            ..OffsetDeleteResponse::default()
        }
    }))
}

/// What is to be said of each topic; an error when nothing of the group may be forgotten.
fn judge(entry: &Entry, topics: &[OffsetDeleteRequestTopic]) -> Result<Vec<ErrorCode>, ErrorCode> {
    let group = &entry.kind;
    if !group.is_vacant() && group.protocol_type() != Some(CONSUMER) {
        return Err(ErrorCode::NonEmptyGroup);
    }
    let judge = |topic: &OffsetDeleteRequestTopic| match group.wants(&topic.name) {
        true => ErrorCode::GroupSubscribedToTopic,
        false => ErrorCode::None,
    };
    Ok(topics.iter().map(judge).collect())
}

fn answer(topic: OffsetDeleteRequestTopic, code: ErrorCode) -> OffsetDeleteResponseTopic {
    let partitions = topic
        .partitions
        .into_iter()
        .map(|partition| OffsetDeleteResponsePartition {
            partition_index: partition.partition_index,
            error_code: code.code(),
        });
    OffsetDeleteResponseTopic {
        name: topic.name,
        partitions: partitions.collect(),
    }
}
