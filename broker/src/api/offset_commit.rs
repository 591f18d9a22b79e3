//! OffsetCommit (key 8): how far a group has read, answered when it is durable.
//!
//! * All of a request's offsets stand in one batch: they count together or not at all. What cannot be kept (an unknown
//!   partition, too much metadata) is said of its partition, and the others are.
//! * A generation below 0 is somebody who takes no part in the group; `retention_time_ms` of old versions is not heeded.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

use crate::broker::Shared;
use crate::group::Identity;
use crate::groups::{self, Committed};
use crate::table::{Answer, Context};
use crate::transaction::Place;

/// The most metadata kept beside an offset, in bytes (Kafka's `offset.metadata.max.bytes`).
const METADATA_BYTES_MAX: usize = 4096;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: OffsetCommitRequest,
) -> Answer<OffsetCommitResponse> {
    let shared = Arc::clone(&ctx.shared);
    let identity = Identity {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let (generation, group_id) = (request.generation_id_or_member_epoch, request.group_id);
    let (judged, kept) = Judged::of(&shared, request.topics);
    Answer::Change(Box::pin(async move {
        let stored = groups::commit(&shared, &group_id, &identity, generation, kept).await;
        let topics = judged.answers(stored.err().unwrap_or(ErrorCode::None));
        let topic = |(name, partitions): (String, Vec<(i32, ErrorCode)>)| OffsetCommitResponseTopic {
            name,
            partitions: partitions.into_iter().map(partition).collect(),
            ..OffsetCommitResponseTopic::default()
        };
        OffsetCommitResponse {
            topics: topics.map(topic).collect(),
            ..OffsetCommitResponse::default()
        }
    }))
}

fn partition((partition_index, code): (i32, ErrorCode)) -> OffsetCommitResponsePartition {
    OffsetCommitResponsePartition {
        partition_index,
        error_code: code.code(),
    }
}

/// The partitions of a commit, by topic, each with what is wrong with it.
pub(crate) struct Judged(Vec<(String, Vec<(i32, ErrorCode)>)>);

impl Judged {
    /// Judges each offset, and gives those that can be kept.
    pub(crate) fn of(
        shared: &Shared,
        topics: Vec<OffsetCommitRequestTopic>,
    ) -> (Judged, Vec<(Place, Committed)>) {
        let (known, commit_ms) = (shared.topics.now(), shared.now_ms());
        let (mut judged, mut kept) = (Vec::new(), Vec::new());
        for asked in topics {
            let topic = known.named(&asked.name);
            let mut partitions = Vec::new();
            for partition in asked.partitions {
                let number = partition.partition_index;
                let exists = topic.is_some_and(|topic| topic.partition(number).is_some());
                let code = fault(exists, &partition);
                partitions.push((number, code));
                if code == ErrorCode::None {
                    kept.push(((asked.name.clone(), number), committed(partition, commit_ms)));
                }
            }
            judged.push((asked.name, partitions));
        }
        (Judged(judged), kept)
    }

    /// What is said of each: what is wrong with it, or else what became of all.
    pub(crate) fn answers(self, all: ErrorCode) -> impl Iterator<Item = (String, Vec<(i32, ErrorCode)>)> {
        let said = move |(number, own)| match own {
            ErrorCode::None => (number, all),
            own => (number, own),
        };
        let topics = self.0.into_iter();
        topics.map(move |(name, partitions)| (name, partitions.into_iter().map(said).collect()))
    }
}

/// Why one partition's offset is not kept.
fn fault(exists: bool, partition: &OffsetCommitRequestPartition) -> ErrorCode {
    let metadata = partition.committed_metadata.as_deref().unwrap_or_default();
    if !exists {
        ErrorCode::UnknownTopicOrPartition
    } else if metadata.len() > METADATA_BYTES_MAX {
        ErrorCode::OffsetMetadataTooLarge
    } else {
        ErrorCode::None
    }
}

fn committed(partition: OffsetCommitRequestPartition, commit_ms: i64) -> Committed {
    Committed {
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: partition.committed_metadata.unwrap_or_default(),
        commit_ms,
    }
}
