//! A place in a consumer group of the classic protocol, with the range assignor: joined, kept, left.
//!
//! Who leads shares out all topics that anybody in the group asked for. Whoever has a [`Member`] says that it is alive
//! ([`Client::heartbeat`]) within 45 s, and joins again when it is told to.

use std::collections::BTreeMap;
use std::time::Duration;

use annals_kafka_wire::coordinator::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicPartition, subscribed_topics,
};
use annals_kafka_wire::error::{ErrorCode, WireError};
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::message::heartbeat::HeartbeatRequest;
use annals_kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use annals_kafka_wire::message::leave_group::{LeaveGroupRequest, MemberIdentity};
use annals_kafka_wire::message::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use annals_kafka_wire::primitives::{Reader, Writer};
use bytes::Bytes;

use crate::{ANSWER_TIMEOUT, Client, ClientError, accepted};

/// How long a member may be silent before it counts as gone.
const SESSION_TIMEOUT: Duration = Duration::from_secs(45);

/// How long a member waits for the others to join; theirs may be longer than ours.
const REBALANCE_WAIT_MAX: Duration = Duration::from_secs(300);

const CONSUMER: &str = "consumer";
const RANGE: &str = "range";

/// A place in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The group.
    pub group: String,
    /// The id that the coordinator gave.
    pub id: String,
    /// The group's generation that this was assigned in.
    pub generation: i32,
    /// The partitions of the topic that are this member's.
    pub partitions: Vec<i32>,
}

impl Client {
    /// Joins a group that reads `topic`, as somebody new or as the member of this id, and waits for its part.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason: INCONSISTENT_GROUP_PROTOCOL where the others do not know the
    /// range assignor.
    pub async fn join(
        &mut self,
        group: &str,
        topic: &str,
        id: Option<String>,
    ) -> Result<Member, ClientError> {
        self.coordinated(group, async |client| {
            client.join_until(group, topic, id.clone()).await
        })
        .await
    }

    /// Joins until there is a generation to be in.
    async fn join_until(
        &mut self,
        group: &str,
        topic: &str,
        id: Option<String>,
    ) -> Result<Member, ClientError> {
        let mut id = id.unwrap_or_default();
        loop {
            let joined = self.ask_to_join(group, topic, &id).await?;
            match ErrorCode::from(joined.error_code) {
                ErrorCode::MemberIdRequired => id = joined.member_id,
                ErrorCode::UnknownMemberId if !id.is_empty() => id = String::new(),
                ErrorCode::RebalanceInProgress => {}
                _ => {
                    accepted(joined.error_code, None)?;
                    id.clone_from(&joined.member_id);
                    if let Some(member) = self.sync(group, topic, joined).await? {
                        return Ok(member);
                    }
                }
            }
        }
    }

    async fn ask_to_join(
        &mut self,
        group: &str,
        topic: &str,
        id: &str,
    ) -> Result<JoinGroupResponse, ClientError> {
        let subscription = ConsumerProtocolSubscription {
            topics: vec![topic.to_owned()],
            ..ConsumerProtocolSubscription::default()
        };
        let millis = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        let request = JoinGroupRequest {
            group_id: group.to_owned(),
            session_timeout_ms: millis(SESSION_TIMEOUT),
            rebalance_timeout_ms: millis(SESSION_TIMEOUT),
            member_id: id.to_owned(),
            protocol_type: CONSUMER.to_owned(),
            protocols: vec![JoinGroupRequestProtocol {
                name: RANGE.to_owned(),
                metadata: bytes_of(&subscription)?,
            }],
            ..JoinGroupRequest::default()
        };
        let version = self.link.version::<JoinGroupRequest>()?;
        let wait_max = ANSWER_TIMEOUT + REBALANCE_WAIT_MAX;
        self.link.call(&request, version, wait_max).await
    }

    /// Gets this member's part; `None` when the group has moved on meanwhile.
    async fn sync(
        &mut self,
        group: &str,
        topic: &str,
        joined: JoinGroupResponse,
    ) -> Result<Option<Member>, ClientError> {
        let mut assignments = Vec::new();
        if joined.leader == joined.member_id && !joined.skip_assignment {
            assignments = self.share_out(&joined).await?;
        }
        let request = SyncGroupRequest {
            group_id: group.to_owned(),
            generation_id: joined.generation_id,
            member_id: joined.member_id.clone(),
            protocol_type: Some(CONSUMER.to_owned()),
            protocol_name: joined.protocol_name,
            assignments,
            ..SyncGroupRequest::default()
        };
        let version = self.link.version::<SyncGroupRequest>()?;
        let wait_max = ANSWER_TIMEOUT + REBALANCE_WAIT_MAX;
        let synced = self.link.call(&request, version, wait_max).await?;
        if has_moved_on(synced.error_code) {
            return Ok(None);
        }
        accepted(synced.error_code, None)?;
        let assigned = match synced.assignment.is_empty() {
            true => ConsumerProtocolAssignment::default(),
            false => ConsumerProtocolAssignment::decode(&mut Reader::new(synced.assignment))?,
        };
        let mine = assigned.assigned_partitions.into_iter();
        Ok(Some(Member {
            group: group.to_owned(),
            id: joined.member_id,
            generation: joined.generation_id,
            partitions: mine
                .filter(|assigned| assigned.topic == topic)
                .flat_map(|assigned| assigned.partitions)
                .collect(),
        }))
    }

    /// What a leader gives to each member.
    async fn share_out(
        &mut self,
        joined: &JoinGroupResponse,
    ) -> Result<Vec<SyncGroupRequestAssignment>, ClientError> {
        let mut wanted: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for member in &joined.members {
            for topic in subscribed_topics(&mut Reader::new(member.metadata.clone()))? {
                wanted.entry(topic).or_default().push(&member.member_id);
            }
        }
        let mut parts: BTreeMap<&str, ConsumerProtocolAssignment> = BTreeMap::new();
        for (topic, mut members) in wanted {
            members.sort_unstable();
            members.dedup();
            let count = self.topic(&topic).await?.map_or(0, |topic| topic.partitions);
            for (member, partitions) in members.iter().zip(ranges(count, members.len())) {
                parts
                    .entry(member)
                    .or_default()
                    .assigned_partitions
                    .push(TopicPartition {
                        topic: topic.clone(),
                        partitions,
                    });
            }
        }
        let part = |member: &annals_kafka_wire::message::join_group::JoinGroupResponseMember| {
            let part = parts.remove(member.member_id.as_str()).unwrap_or_default();
            Ok(SyncGroupRequestAssignment {
                member_id: member.member_id.clone(),
                assignment: bytes_of(&part)?,
            })
        };
        joined.members.iter().map(part).collect()
    }

    /// Says that a member is alive; false when the group has moved on and it is to join again.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn heartbeat(&mut self, member: &Member) -> Result<bool, ClientError> {
        let request = HeartbeatRequest {
            group_id: member.group.clone(),
            generation_id: member.generation,
            member_id: member.id.clone(),
            ..HeartbeatRequest::default()
        };
        let answer = self.call(&request).await?;
        match has_moved_on(answer.error_code) {
            true => Ok(false),
            false => accepted(answer.error_code, None).map(|()| true),
        }
    }

    /// Leaves a group, so that the others need not wait until the session is over.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn leave(&mut self, member: Member) -> Result<(), ClientError> {
        let request = LeaveGroupRequest {
            group_id: member.group,
            member_id: member.id.clone(),
            members: vec![MemberIdentity {
                member_id: member.id,
                ..MemberIdentity::default()
            }],
        };
        accepted(self.call(&request).await?.error_code, None)
    }
}

impl ClientError {
    /// Whether the group has moved on without the member that was told this: it is to join again.
    #[must_use]
    pub fn is_rebalance(&self) -> bool {
        matches!(self, ClientError::Broker { code, .. } if has_moved_on(code.code()))
    }
}

fn has_moved_on(code: i16) -> bool {
    matches!(
        ErrorCode::from(code),
        ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId
    )
}

/// Partitions in as many runs as there are members, the first ones longer by one where it does not come out even.
fn ranges(partitions: i32, members: usize) -> Vec<Vec<i32>> {
    let members = i32::try_from(members).unwrap_or(i32::MAX).max(1);
    let (each, more) = (partitions / members, partitions % members);
    let begin = |member: i32| member * each + member.min(more);
    (0..members)
        .map(|member| (begin(member)..begin(member + 1)).collect())
        .collect()
}

/// What members say to each other, in the version that every client reads.
fn bytes_of(message: &impl Versioned) -> Result<Bytes, WireError> {
    let mut writer = Writer::new();
    message.encode(&mut writer, 0)?;
    Ok(writer.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_is_somebodys_and_no_share_is_larger_by_two() {
        for partitions in 0..40 {
            for members in 1..20 {
                let shares = ranges(partitions, members);
                assert_eq!(shares.len(), members);
                assert_eq!(shares.concat(), (0..partitions).collect::<Vec<_>>());
                let sizes = || shares.iter().map(Vec::len);
                assert!(sizes().max().unwrap() - sizes().min().unwrap() <= 1, "{shares:?}");
            }
        }
        assert_eq!(ranges(7, 3), [vec![0, 1, 2], vec![3, 4], vec![5, 6]]);
    }
}
