//! A group as `__consumer_offsets` keeps it, and back: Kafka's records of kinds 3 to 8.
//!
//! A member's lines come before the epoch of the target, so that of a target that was written in part nothing is
//! believed: its epoch is behind the group's, and another is made. What regular expressions stand for is not kept, it is
//! looked up again.

use std::collections::{BTreeMap, BTreeSet};

use annals_kafka_wire::coordinator::consumer_groups::{
    ClassicMemberMetadata, ClassicProtocol, ConsumerGroupCurrentMemberAssignmentKey as CurrentKey,
    ConsumerGroupCurrentMemberAssignmentValue as Current, ConsumerGroupMemberMetadataKey as MemberKey,
    ConsumerGroupMemberMetadataValue as MemberValue, ConsumerGroupMetadataKey as GroupKey,
    ConsumerGroupMetadataValue as GroupValue, ConsumerGroupTargetAssignmentMemberKey as TargetKey,
    ConsumerGroupTargetAssignmentMemberValue as Target,
    ConsumerGroupTargetAssignmentMetadataKey as TargetEpochKey,
    ConsumerGroupTargetAssignmentMetadataValue as TargetEpoch, TopicPartitions,
};
use annals_kafka_wire::coordinator::offsets::OffsetsKey;
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::primitives::Writer;
use bytes::Bytes;
use uuid::Uuid;

use super::member::{Classic, Member, Standing};
use super::{ConsumerGroup, Limits, Line, Parts, Unsaved};

/// Kafka's numbers of how a member stands.
const STABLE: i8 = 0;
const REVOKING: i8 = 1;
const WAITING: i8 = 2;

impl ConsumerGroup {
    /// The lines of what is not saved.
    pub(super) fn lines(&self, unsaved: &Unsaved) -> Vec<Line> {
        let mut lines = Vec::new();
        if unsaved.group {
            let value = GroupValue {
                epoch: self.epoch,
                metadata_hash: self.topics_hash,
            };
            lines.push((group_key(&self.id), bytes(&value)));
        }
        for id in &unsaved.members {
            lines.extend(self.lines_of(id, self.members.get(id)));
        }
        if unsaved.group {
            let value = TargetEpoch {
                assignment_epoch: self.assignment_epoch,
            };
            lines.push((target_key(&self.id), bytes(&value)));
        }
        lines
    }

    /// The lines that say that there is no such group any more, nor a member of it. Of those that have gone, the log may
    /// not have been told yet, or in vain.
    pub(crate) fn lines_of_none(&self) -> Vec<Line> {
        let unsaved = self.storing.values().chain([&self.unsaved]);
        let known = unsaved
            .flat_map(|unsaved| &unsaved.members)
            .chain(self.members.keys());
        let known: BTreeSet<&String> = known.collect();
        let mut lines: Vec<Line> = known.into_iter().flat_map(|id| self.lines_of(id, None)).collect();
        lines.extend([(target_key(&self.id), None), (group_key(&self.id), None)]);
        lines
    }

    /// What a member says, is to have and has; or that there is no such member any more. Kafka reads what belongs to a
    /// member only behind the member, and forgets them the other way round.
    fn lines_of(&self, id: &str, member: Option<&Member>) -> [Line; 3] {
        let (group_id, member_id) = (self.id.clone(), id.to_owned());
        let key = TargetKey { group_id, member_id };
        let target = (OffsetsKey::TargetAssignmentMember(key), member.and_then(target));
        let (group_id, member_id) = (self.id.clone(), id.to_owned());
        let key = MemberKey { group_id, member_id };
        let said = (OffsetsKey::ConsumerGroupMember(key), member.and_then(said));
        let (group_id, member_id) = (self.id.clone(), id.to_owned());
        let key = CurrentKey { group_id, member_id };
        let current = (OffsetsKey::CurrentMemberAssignment(key), member.and_then(current));
        match member {
            Some(_) => [said, target, current],
            None => [current, target, said],
        }
    }
}

fn group_key(group_id: &str) -> OffsetsKey {
    let group_id = group_id.to_owned();
    OffsetsKey::ConsumerGroup(GroupKey { group_id })
}

fn target_key(group_id: &str) -> OffsetsKey {
    let group_id = group_id.to_owned();
    OffsetsKey::TargetAssignment(TargetEpochKey { group_id })
}

fn said(member: &Member) -> Option<Bytes> {
    bytes(&MemberValue {
        instance_id: member.instance_id.clone(),
        rack_id: member.rack_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        subscribed_topic_names: member.topics.iter().cloned().collect(),
        subscribed_topic_regex: member.regex.clone(),
        rebalance_timeout_ms: member.rebalance_timeout_ms,
        server_assignor: member.assignor.clone(),
        classic_member_metadata: member.classic.clone().map(metadata),
    })
}

fn metadata(classic: Classic) -> ClassicMemberMetadata {
    let protocols = classic.protocols.into_iter();
    ClassicMemberMetadata {
        session_timeout_ms: classic.session_timeout_ms,
        supported_protocols: protocols
            .map(|(name, metadata)| ClassicProtocol { name, metadata })
            .collect(),
    }
}

fn classic(metadata: ClassicMemberMetadata) -> Classic {
    let protocols = metadata.supported_protocols.into_iter();
    Classic {
        session_timeout_ms: metadata.session_timeout_ms,
        protocols: protocols
            .map(|protocol| (protocol.name, protocol.metadata))
            .collect(),
    }
}

fn target(member: &Member) -> Option<Bytes> {
    let topic_partitions = by_topic(&member.target);
    bytes(&Target {
        topic_partitions: topic_partitions.map(partitions).collect(),
    })
}

fn current(member: &Member) -> Option<Bytes> {
    bytes(&Current {
        member_epoch: member.epoch,
        previous_member_epoch: member.previous_epoch,
        state: match member.standing {
            Standing::Stable => STABLE,
            Standing::Revoking { .. } => REVOKING,
            Standing::Waiting => WAITING,
        },
        assigned_partitions: by_topic(&member.assigned).map(partitions).collect(),
        partitions_pending_revocation: by_topic(&member.revoking).map(partitions).collect(),
    })
}

fn partitions((topic, partitions): (Uuid, Vec<i32>)) -> TopicPartitions {
    TopicPartitions {
        topic_id: topic.into_bytes(),
        partitions,
    }
}

/// Partitions gathered by their topics.
pub(crate) fn by_topic(parts: &Parts) -> impl Iterator<Item = (Uuid, Vec<i32>)> + use<> {
    let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in parts {
        topics.entry(*topic).or_default().push(*partition);
    }
    topics.into_iter()
}

/// Every value has a version 0, and what is in it came in a request: nothing of it is too long.
fn bytes<V: Versioned>(value: &V) -> Option<Bytes> {
    let mut writer = Writer::new();
    value.encode(&mut writer, 0).ok()?;
    Some(writer.into_bytes())
}

/// A group as it is being read back, a record at a time.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    is_there: bool,
    epoch: i32,
    assignment_epoch: i32,
    topics_hash: i64,
    members: BTreeMap<String, MemberValue>,
    targets: BTreeMap<String, Parts>,
    current: BTreeMap<String, Current>,
}

impl Restored {
    pub(crate) fn group(&mut self, value: GroupValue) {
        self.is_there = true;
        (self.epoch, self.topics_hash) = (value.epoch, value.metadata_hash);
    }

    /// Whether there is such a group.
    pub(crate) fn is_there(&self) -> bool {
        self.is_there
    }

    pub(crate) fn target_epoch(&mut self, value: Option<TargetEpoch>) {
        self.assignment_epoch = value.map_or(0, |value| value.assignment_epoch);
    }

    pub(crate) fn member(&mut self, id: String, value: Option<MemberValue>) {
        put(&mut self.members, id, value);
    }

    pub(crate) fn target(&mut self, id: String, value: Option<Target>) {
        put(
            &mut self.targets,
            id,
            value.map(|value| parts(value.topic_partitions)),
        );
    }

    pub(crate) fn current(&mut self, id: String, value: Option<Current>) {
        put(&mut self.current, id, value);
    }

    /// The group; its members are heard of now.
    pub(crate) fn finish(self, id: &str, limits: Limits, now_ms: i64) -> ConsumerGroup {
        let mut group = ConsumerGroup::new(id, limits);
        (group.epoch, group.topics_hash) = (self.epoch, self.topics_hash);
        // A target is made by whoever comes first, if this one is not whole.
        group.assignment_epoch = self.assignment_epoch.min(self.epoch);
        let (mut targets, mut current) = (self.targets, self.current);
        for (id, value) in self.members {
            let has = current.remove(&id).unwrap_or_default();
            let mut member = Member::new(now_ms);
            member.instance_id.clone_from(&value.instance_id);
            member.rack_id = value.rack_id;
            (member.client_id, member.client_host) = (value.client_id, value.client_host);
            member.rebalance_timeout_ms = value.rebalance_timeout_ms;
            member.topics = value.subscribed_topic_names.into_iter().collect();
            (member.regex, member.assignor) = (value.subscribed_topic_regex, value.server_assignor);
            member.classic = value.classic_member_metadata.map(classic);
            (member.epoch, member.previous_epoch) = (has.member_epoch, has.previous_member_epoch);
            member.target = targets.remove(&id).unwrap_or_default();
            member.assigned = parts(has.assigned_partitions);
            member.revoking = parts(has.partitions_pending_revocation);
            // A static member's two lives may both be here: what one has the other has not.
            member.assigned.retain(|part| !group.owners.contains_key(part));
            member.revoking.retain(|part| !group.owners.contains_key(part));
            member.standing = match has.state {
                STABLE => Standing::Stable,
                REVOKING => Standing::Revoking {
                    deadline_ms: now_ms.saturating_add(i64::from(value.rebalance_timeout_ms)),
                },
                _ => Standing::Waiting,
            };
            group.owners.extend(member.held().map(|part| (*part, id.clone())));
            if let Some(instance_id) = value.instance_id {
                group.instances.insert(instance_id, id.clone());
            }
            group.members.insert(id, member);
        }
        group
    }
}

fn put<V>(map: &mut BTreeMap<String, V>, id: String, value: Option<V>) {
    match value {
        Some(value) => map.insert(id, value),
        None => map.remove(&id),
    };
}

fn parts(topics: Vec<TopicPartitions>) -> Parts {
    let parts = topics.into_iter().flat_map(|topic| {
        let id = Uuid::from_bytes(topic.topic_id);
        topic.partitions.into_iter().map(move |partition| (id, partition))
    });
    parts.collect()
}
