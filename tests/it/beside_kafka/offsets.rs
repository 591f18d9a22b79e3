//! Offsets of groups: committed with and without members, asked for, and forgotten.

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use annals_kafka_wire::message::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use annals_kafka_wire::message::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};

use super::both::Both;
use super::side::Names;
use super::topics::rest;

pub(crate) fn commit(
    names: &Names,
    group: &str,
    generation: i32,
    member_id: &str,
    topic: &str,
    offsets: &[(i32, i64, Option<&str>)],
) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: group.to_owned(),
        generation_id_or_member_epoch: generation,
        member_id: member_id.to_owned(),
        topics: vec![OffsetCommitRequestTopic {
            name: topic.to_owned(),
            topic_id: names.topic(topic),
            partitions: offsets
                .iter()
                .map(
                    |(partition_index, committed_offset, metadata)| OffsetCommitRequestPartition {
                        partition_index: *partition_index,
                        committed_offset: *committed_offset,
                        committed_leader_epoch: 0,
                        committed_metadata: metadata.map(str::to_owned),
                    },
                )
                .collect(),
        }],
        ..rest()
    }
}

/// What is committed of partitions of a topic; of all when there are none.
pub(crate) fn committed(
    names: &Names,
    group: &str,
    topic: &str,
    partitions: Option<&[i32]>,
) -> OffsetFetchRequest {
    OffsetFetchRequest {
        group_id: group.to_owned(),
        topics: partitions.map(|partitions| {
            vec![OffsetFetchRequestTopic {
                name: topic.to_owned(),
                partition_indexes: partitions.to_vec(),
            }]
        }),
        groups: vec![OffsetFetchRequestGroup {
            group_id: group.to_owned(),
            topics: partitions.map(|partitions| {
                vec![OffsetFetchRequestTopics {
                    name: topic.to_owned(),
                    topic_id: names.topic(topic),
                    partition_indexes: partitions.to_vec(),
                }]
            }),
            ..rest()
        }],
        ..rest()
    }
}

/// Offsets without members.
pub(crate) fn simple(both: &mut Both, topic: &str) {
    let (group, none) = (both.name("simple"), both.name("none"));
    both.ask("commit alone", |names| {
        commit(
            names,
            &group,
            -1,
            "",
            topic,
            &[(0, 5, Some("note")), (1, 0, Some(""))],
        )
    });
    both.ask("commit null", |names| {
        commit(names, &group, -1, "", topic, &[(1, 7, None)])
    });
    both.ask("commit below 0", |names| {
        commit(
            names,
            &group,
            -1,
            "",
            topic,
            &[(1, -1, Some("")), (0, -5, Some(""))],
        )
    });
    both.ask("commit to unknown partitions", |names| {
        commit(
            names,
            &group,
            -1,
            "",
            topic,
            &[(9, 1, Some("")), (-1, 1, Some(""))],
        )
    });
    both.ask("commit to an unknown topic", |names| {
        commit(names, &group, -1, "", &none, &[(0, 1, Some(""))])
    });
    both.ask("commit to a topic that cannot be", |names| {
        commit(names, &group, -1, "", "a/b", &[(0, 1, Some(""))])
    });
    let long = "m".repeat(5000);
    both.ask("commit too long a note", |names| {
        commit(
            names,
            &group,
            -1,
            "",
            topic,
            &[(0, 1, Some(&long)), (1, 1, Some(""))],
        )
    });
    both.ask("commit nothing", |names| OffsetCommitRequest {
        topics: vec![],
        ..commit(names, &group, -1, "", topic, &[])
    });
    both.ask("commit no partition", |names| {
        commit(names, &group, -1, "", topic, &[])
    });
    both.ask("commit of a generation", |names| {
        commit(names, &group, 3, "", topic, &[(0, 1, Some(""))])
    });
    both.ask("commit of a member", |names| {
        commit(names, &group, -1, "ghost", topic, &[(0, 1, Some(""))])
    });
    both.ask("commit without a group", |names| {
        commit(names, "", -1, "", topic, &[(0, 1, Some(""))])
    });
    both.ask("commit to a new group, of a generation", |names| {
        commit(names, &none, 1, "ghost", topic, &[(0, 1, Some(""))])
    });
    both.ask("committed", |names| {
        committed(names, &group, topic, Some(&[0, 1]))
    });
    both.ask("committed of unknown partitions", |names| {
        committed(names, &group, topic, Some(&[9, -1, 0]))
    });
    both.ask("committed of an unknown topic", |names| {
        committed(names, &group, &none, Some(&[0]))
    });
    both.ask("committed of no partition", |names| {
        committed(names, &group, topic, Some(&[]))
    });
    both.ask("committed of an unknown group", |names| {
        committed(names, &none, topic, Some(&[0]))
    });
    both.ask("committed without a group", |names| {
        committed(names, "", topic, Some(&[0]))
    });
    if both.version_of(ApiKey::OffsetFetch) >= 2 {
        both.ask("all that is committed", |names| {
            committed(names, &group, topic, None)
        });
        both.ask("all that is committed by an unknown group", |names| {
            committed(names, &none, topic, None)
        });
    }
    both.ask("all that is stable", |names| OffsetFetchRequest {
        require_stable: true,
        ..committed(names, &group, topic, Some(&[0]))
    });
    both.ask("committed by several", |names| {
        let one = committed(names, &group, topic, Some(&[0]));
        let more = committed(names, &none, topic, Some(&[1]));
        OffsetFetchRequest {
            groups: [one.groups.clone(), more.groups].concat(),
            ..one
        }
    });
    if both.version_of(ApiKey::OffsetFetch) >= 9 {
        for (member, epoch) in [(Some("ghost"), -1), (Some("ghost"), 1), (None, 1), (Some(""), 0)] {
            both.ask(&format!("committed, asked by {member:?} in {epoch}"), |names| {
                let mut request = committed(names, &group, topic, Some(&[0]));
                request.groups[0].member_id = member.map(str::to_owned);
                request.groups[0].member_epoch = epoch;
                request
            });
        }
    }
}

/// A request to forget offsets.
pub(crate) fn forget(group: &str, topic: &str, partitions: &[i32]) -> OffsetDeleteRequest {
    OffsetDeleteRequest {
        group_id: group.to_owned(),
        topics: vec![OffsetDeleteRequestTopic {
            name: topic.to_owned(),
            partitions: partitions
                .iter()
                .map(|partition_index| OffsetDeleteRequestPartition {
                    partition_index: *partition_index,
                })
                .collect(),
        }],
    }
}
