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
use uuid::Uuid;

use crate::broker::Shared;
use crate::group::Identity;
use crate::groups::{self, Committed, Gone, Who};
use crate::table::{Answer, Context};
use crate::transaction::Place;

/// The most metadata kept beside an offset, in bytes (Kafka's `offset.metadata.max.bytes`).
const METADATA_BYTES_MAX: usize = 4096;

/// The first version that names topics by their ids.
const TOPIC_IDS_FROM: i16 = 10;

/// The first version that knows of members' epochs.
const KNOWS_EPOCHS: i16 = 9;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: OffsetCommitRequest,
) -> Answer<OffsetCommitResponse> {
    let shared = Arc::clone(&ctx.shared);
    let identity = Identity {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let (epoch, group_id) = (request.generation_id_or_member_epoch, request.group_id);
    let (judged, kept) = Judged::of(&shared, request.topics, version >= TOPIC_IDS_FROM);
    Answer::Change(Box::pin(async move {
        let who = Who {
            identity: &identity,
            epoch,
            knows_epochs: version >= KNOWS_EPOCHS,
        };
        let stored = groups::commit(&shared, &group_id, &who, kept).await;
        let topic = |topic: JudgedTopic| OffsetCommitResponseTopic {
            name: topic.name,
            topic_id: topic.id,
            partitions: topic.partitions.into_iter().map(partition).collect(),
        };
        OffsetCommitResponse {
            topics: judged.answers(stored).map(topic).collect(),
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

/// One topic of a commit: its partitions, each with what is wrong with it.
pub(crate) struct JudgedTopic {
    pub(crate) name: String,
    /// Zeros where it is asked for by its name.
    pub(crate) id: [u8; 16],
    /// Of the topic that was found.
    found: Uuid,
    pub(crate) partitions: Vec<(i32, ErrorCode)>,
}

/// The topics of a commit.
pub(crate) struct Judged(Vec<JudgedTopic>);

impl Judged {
    /// Judges each offset, and gives those that can be kept.
    pub(crate) fn of(
        shared: &Shared,
        topics: Vec<OffsetCommitRequestTopic>,
        by_id: bool,
    ) -> (Judged, Vec<(Place, Committed)>) {
        let (known, commit_ms) = (shared.topics.now(), shared.now_ms());
        let (mut judged, mut kept) = (Vec::new(), Vec::new());
        for asked in topics {
            let topic = match by_id {
                true => known.with_id(Uuid::from_bytes(asked.topic_id)),
                false => known.named(&asked.name),
            };
            let mut partitions = Vec::new();
            for partition in asked.partitions {
                let number = partition.partition_index;
                let kept_in = topic.filter(|topic| topic.partition(number).is_some());
                let code = match kept_in {
                    None if topic.is_none() => unknown(by_id),
                    None => ErrorCode::UnknownTopicOrPartition,
                    Some(_) => fault(&partition),
                };
                partitions.push((number, code));
                if let (Some(topic), ErrorCode::None) = (kept_in, code) {
                    let committed = committed(topic.id, partition, commit_ms);
                    kept.push(((topic.name.clone(), number), committed));
                }
            }
            // Nothing is said of nothing.
            if topic.is_some() && partitions.is_empty() {
                continue;
            }
            judged.push(JudgedTopic {
                name: asked.name,
                id: asked.topic_id,
                found: topic.map_or(Uuid::nil(), |topic| topic.id),
                partitions,
            });
        }
        (Judged(judged), kept)
    }

    /// What is said of each: what is wrong with it, or else what became of all.
    pub(crate) fn answers(self, stored: Result<Gone, ErrorCode>) -> impl Iterator<Item = JudgedTopic> {
        self.0.into_iter().map(move |mut topic| {
            let all = match &stored {
                Ok(gone) if gone.contains(&topic.found) => unknown(topic.id != [0; 16]),
                Ok(_) => ErrorCode::None,
                Err(code) => *code,
            };
            let judged = topic.partitions.iter_mut();
            let right = judged.filter(|(_, own)| *own == ErrorCode::None);
            right.for_each(|(_, own)| *own = all);
            topic
        })
    }
}

/// There is no such topic.
fn unknown(by_id: bool) -> ErrorCode {
    match by_id {
        true => ErrorCode::UnknownTopicId,
        false => ErrorCode::UnknownTopicOrPartition,
    }
}

/// Why one partition's offset is not kept.
fn fault(partition: &OffsetCommitRequestPartition) -> ErrorCode {
    let metadata = partition.committed_metadata.as_deref().unwrap_or_default();
    match metadata.len() > METADATA_BYTES_MAX {
        true => ErrorCode::OffsetMetadataTooLarge,
        false => ErrorCode::None,
    }
}

fn committed(topic_id: Uuid, partition: OffsetCommitRequestPartition, commit_ms: i64) -> Committed {
    Committed {
        topic_id,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: partition.committed_metadata.unwrap_or_default(),
        commit_ms,
    }
}
