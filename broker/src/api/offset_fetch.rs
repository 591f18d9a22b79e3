//! OffsetFetch (key 9): how far groups have read. A partition without an offset has -1, and so has a group nobody knows.
//!
//! * Version 8 on asks for several groups at once; one that is named twice is answered once. With `require_stable` a
//!   partition whose offset a transaction may still change is UNSTABLE_OFFSET_COMMIT.
//! * From version 9 on a member of the new protocol says its epoch, and is told nothing under an old one; from 10 on topics
//!   are named by id.

use std::collections::HashSet;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics, TOPIC_IDS_FROM,
};
use uuid::Uuid;

use crate::groups::{Committed, Offsets};
use crate::table::{Answer, Context};
use crate::topics::TopicMap;

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
        let groups = once.map(|asked| offsets(ctx, version, asked, request.require_stable));
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
    let topics = offsets(ctx, version, asked, request.require_stable)
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

fn offsets(
    ctx: &Context,
    version: i16,
    asked: OffsetFetchRequestGroup,
    stable: bool,
) -> OffsetFetchResponseGroup {
    let groups = &ctx.shared.groups;
    if let (Some(member_id), epoch @ 0..) = (&asked.member_id, asked.member_epoch) {
        let checked = groups
            .cells
            .look(&asked.group_id, |entry| entry.kind.check_fetch(member_id, epoch));
        if let Some(Err(code)) = checked {
            return OffsetFetchResponseGroup {
                group_id: asked.group_id,
                error_code: code.code(),
                ..OffsetFetchResponseGroup::default()
            };
        }
    }
    let known = ctx.shared.topics.now();
    let wanted: Vec<Wanted> = match asked.topics {
        Some(topics) => topics
            .into_iter()
            .map(|topic| Wanted::of(&known, topic, version >= TOPIC_IDS_FROM))
            .collect(),
        None => {
            let places = groups.cells.look(&asked.group_id, |entry| entry.offsets.places());
            let all = by_topic(places.unwrap_or_default()).into_iter();
            let wanted = all.map(|(name, partition_indexes)| Wanted {
                topic_id: known.named(&name).map_or([0; 16], |topic| *topic.id.as_bytes()),
                name,
                partition_indexes,
                fault: ErrorCode::None,
            });
            // Where topics are named by id, one that is gone cannot be.
            wanted
                .filter(|topic| version < TOPIC_IDS_FROM || topic.topic_id != [0; 16])
                .collect()
        }
    };
    let topics = |offsets: &Offsets| -> Vec<OffsetFetchResponseTopics> {
        wanted.iter().map(|topic| topic.answer(offsets, stable)).collect()
    };
    let found = groups.cells.look(&asked.group_id, |entry| topics(&entry.offsets));
    OffsetFetchResponseGroup {
        topics: found.unwrap_or_else(|| topics(&Offsets::default())),
        group_id: asked.group_id,
        ..OffsetFetchResponseGroup::default()
    }
}

/// A topic of which offsets are asked for.
struct Wanted {
    name: String,
    /// Zeros where it is asked for by its name.
    topic_id: [u8; 16],
    partition_indexes: Vec<i32>,
    /// Why it has none.
    fault: ErrorCode,
}

impl Wanted {
    fn of(known: &TopicMap, asked: OffsetFetchRequestTopics, by_id: bool) -> Wanted {
        let by_id = by_id.then(|| known.with_id(Uuid::from_bytes(asked.topic_id)));
        let (name, fault) = match by_id {
            None => (asked.name, ErrorCode::None),
            Some(Some(topic)) => (topic.name.clone(), ErrorCode::None),
            Some(None) => (asked.name, ErrorCode::UnknownTopicId),
        };
        Wanted {
            name,
            fault,
            topic_id: asked.topic_id,
            partition_indexes: asked.partition_indexes,
        }
    }

    fn answer(&self, offsets: &Offsets, stable: bool) -> OffsetFetchResponseTopics {
        // Since it was looked up its name may have become another's.
        let asked_id = Uuid::from_bytes(self.topic_id);
        let is_its = |committed: &&Committed| {
            asked_id.is_nil() || committed.topic_id.is_nil() || committed.topic_id == asked_id
        };
        let partition = |partition: &i32| {
            let committed = offsets.get(&self.name, *partition).filter(is_its);
            match self.fault {
                ErrorCode::None if stable && offsets.is_unstable(&self.name, *partition) => {
                    answer(*partition, None, ErrorCode::UnstableOffsetCommit)
                }
                ErrorCode::None => answer(*partition, committed, ErrorCode::None),
                fault => answer(*partition, None, fault),
            }
        };
        OffsetFetchResponseTopics {
            partitions: self.partition_indexes.iter().map(partition).collect(),
            name: self.name.clone(),
            topic_id: self.topic_id,
        }
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
