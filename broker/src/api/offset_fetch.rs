//! OffsetFetch (key 9): how far groups have read. A partition without an offset has -1, and so has a group nobody knows.
//!
//! * Version 8 on asks for several groups at once; one that is named twice is answered once. With `require_stable` a partition whose offset a transaction may still
//!   change is UNSTABLE_OFFSET_COMMIT.

use std::collections::HashSet;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};

use crate::groups::Committed;
use crate::table::{Answer, Context};

/// The first version that asks for several groups.
const SEVERAL: i16 = 8;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: OffsetFetchRequest,
) -> Answer<OffsetFetchResponse> {
    if version >= SEVERAL {
        let mut seen = HashSet::new();
        let once = request.groups.into_iter();
        let once = once.filter(|asked| seen.insert(asked.group_id.clone()));
        let groups = once.map(|asked| offsets(ctx, asked, request.require_stable));
        return Answer::Now(OffsetFetchResponse {
            groups: groups.collect(),
            ..OffsetFetchResponse::default()
        });
    }
    let topics = request.topics.map(|topics| {
        let topic = |topic: annals_kafka_wire::message::offset_fetch::OffsetFetchRequestTopic| {
            OffsetFetchRequestTopics {
                name: topic.name,
                partition_indexes: topic.partition_indexes,
                ..OffsetFetchRequestTopics::default()
            }
        };
        topics.into_iter().map(topic).collect()
    });
    let asked = OffsetFetchRequestGroup {
        group_id: request.group_id,
        topics,
        ..OffsetFetchRequestGroup::default()
    };
    let topics = offsets(ctx, asked, request.require_stable)
        .topics
        .into_iter()
        .map(|topic| OffsetFetchResponseTopic {
            name: topic.name,
            partitions: topic.partitions.into_iter().map(of_old_version).collect(),
        });
    Answer::Now(OffsetFetchResponse {
        topics: topics.collect(),
        ..OffsetFetchResponse::default()
    })
}

fn of_old_version(partition: OffsetFetchResponsePartitions) -> OffsetFetchResponsePartition {
    OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    }
}

fn offsets(ctx: &Context, asked: OffsetFetchRequestGroup, stable: bool) -> OffsetFetchResponseGroup {
    let groups = &ctx.shared.groups;
    let wanted: Vec<(String, Vec<i32>)> = match asked.topics {
        Some(topics) => topics
            .into_iter()
            .map(|topic| (topic.name, topic.partition_indexes))
            .collect(),
        None => by_topic(
            groups
                .look(&asked.group_id, |entry| entry.offsets.places())
                .unwrap_or_default(),
        ),
    };
    let topic = |(name, partitions): (String, Vec<i32>)| {
        let found = groups.look(&asked.group_id, |entry| {
            let offset = |partition: &i32| match stable && entry.offsets.is_unstable(&name, *partition) {
                true => answer(*partition, None, ErrorCode::UnstableOffsetCommit),
                false => answer(*partition, entry.offsets.get(&name, *partition), ErrorCode::None),
            };
            partitions.iter().map(offset).collect()
        });
        let none = || {
            partitions
                .iter()
                .map(|partition| answer(*partition, None, ErrorCode::None))
                .collect()
        };
        OffsetFetchResponseTopics {
            partitions: found.unwrap_or_else(none),
            name,
            ..OffsetFetchResponseTopics::default()
        }
    };
    OffsetFetchResponseGroup {
        topics: wanted.into_iter().map(topic).collect(),
        group_id: asked.group_id,
        ..OffsetFetchResponseGroup::default()
    }
}

fn answer(
    partition_index: i32,
    committed: Option<&Committed>,
    error: ErrorCode,
) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: committed.map_or(-1, |committed| committed.offset),
        committed_leader_epoch: committed.map_or(-1, |committed| committed.leader_epoch),
        metadata: Some(
            committed
                .map(|committed| committed.metadata.clone())
                .unwrap_or_default(),
        ),
        error_code: error.code(),
    }
}

/// Places in their order, gathered by topic.
fn by_topic(places: Vec<(String, i32)>) -> Vec<(String, Vec<i32>)> {
    let mut topics: Vec<(String, Vec<i32>)> = Vec::new();
    for (topic, partition) in places {
        match topics.last_mut() {
            Some((last, partitions)) if *last == topic => partitions.push(partition),
            _ => topics.push((topic, vec![partition])),
        }
    }
    topics
}
