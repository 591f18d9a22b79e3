//! ConsumerGroupDescribe (key 69): groups of the new protocol (KIP-848), and who is in them. One that nobody knows, or
//! that is of the classic protocol, is GROUP_ID_NOT_FOUND. One that is named twice is described once.

use std::collections::BTreeSet;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::consumer_group_describe::{
    Assignment, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup,
    Member as DescribedMember, TopicPartitions,
};

use crate::api::allowed;
use crate::consumer_group::{ConsumerGroup, Member, Parts, by_topic};
use crate::groups::Kind;
use crate::table::{Answer, Context};
use crate::topics::TopicMap;

/// What a member speaks: the classic protocol, or the new one.
const CLASSIC: i8 = 0;
const NEW: i8 = 1;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: ConsumerGroupDescribeRequest,
) -> Answer<ConsumerGroupDescribeResponse> {
    let topics = ctx.shared.topics.now();
    let operations = match request.include_authorized_operations {
        true => allowed::TO_A_GROUP,
        false => allowed::NOT_ASKED,
    };
    let describe = |group_id: String| {
        let found = ctx
            .shared
            .groups
            .cells
            .look(&group_id, |entry| match &entry.kind {
                Kind::Consumer(group) => Ok(DescribedGroup {
                    authorized_operations: operations,
                    ..described(group, &topics)
                }),
                Kind::Classic(_) => Err(format!("Group {group_id} is not a consumer group.")),
            });
        let group = match found.unwrap_or_else(|| Err(format!("Group {group_id} not found."))) {
            Ok(group) => group,
            Err(sentence) => DescribedGroup {
                error_code: ErrorCode::GroupIdNotFound.code(),
                error_message: Some(sentence),
                ..DescribedGroup::default()
            },
        };
        DescribedGroup { group_id, ..group }
    };
    let once: BTreeSet<String> = request.group_ids.into_iter().collect();
    Answer::Now(ConsumerGroupDescribeResponse {
        groups: once.into_iter().map(describe).collect(),
        ..ConsumerGroupDescribeResponse::default()
    })
}

fn described(group: &ConsumerGroup, topics: &TopicMap) -> DescribedGroup {
    let members = group
        .members()
        .map(|(id, member)| describe_member(id, member, topics));
    DescribedGroup {
        group_state: group.state_name().to_owned(),
        group_epoch: group.epoch(),
        assignment_epoch: group.assignment_epoch(),
        assignor_name: group.assignor().to_owned(),
        members: members.collect(),
        ..DescribedGroup::default()
    }
}

fn describe_member(id: &str, member: &Member, topics: &TopicMap) -> DescribedMember {
    let assignment = |parts: &Parts| Assignment {
        topic_partitions: by_topic(parts)
            .map(|(topic, partitions)| TopicPartitions {
                topic_id: topic.into_bytes(),
                topic_name: topics
                    .with_id(topic)
                    .map(|topic| topic.name.clone())
                    .unwrap_or_default(),
                partitions,
            })
            .collect(),
    };
    DescribedMember {
        member_id: id.to_owned(),
        instance_id: member.instance_id.clone(),
        rack_id: member.rack_id.clone(),
        member_epoch: member.epoch,
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        subscribed_topic_names: member.topics.iter().cloned().collect(),
        subscribed_topic_regex: member.regex.clone(),
        assignment: assignment(&member.assigned),
        target_assignment: assignment(&member.target),
        member_type: if member.classic.is_some() { CLASSIC } else { NEW },
    }
}
