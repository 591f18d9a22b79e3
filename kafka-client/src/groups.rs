//! Groups from outside: which there are, who is in them, what they have read; offsets set and taken away.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::coordinator::consumer_protocol::ConsumerProtocolAssignment;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::Versioned as _;
use annals_kafka_wire::message::consumer_group_describe::{self as new, ConsumerGroupDescribeRequest};
use annals_kafka_wire::message::delete_groups::DeleteGroupsRequest;
use annals_kafka_wire::message::describe_groups::{DescribeGroupsRequest, DescribedGroupMember};
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::list_groups::ListGroupsRequest;
use annals_kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use annals_kafka_wire::message::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use annals_kafka_wire::message::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup};
use annals_kafka_wire::primitives::Reader;

use crate::{Client, ClientError, Member, accepted, unexpected};

/// How long a coordinator that is not there yet is waited for, and the pause between two looks.
const COORDINATOR_WAIT_MAX: Duration = Duration::from_secs(15);
const COORDINATOR_PAUSE: Duration = Duration::from_millis(100);

/// Committed offsets by topic and partition: each that of the next record to read.
pub type Offsets = BTreeMap<(String, i32), i64>;

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// The group.
    pub id: String,
    /// What it is doing, such as `Stable` or `Empty`; empty from brokers too old to say.
    pub state: String,
    /// `classic` or `consumer`, by the protocol of its members; empty from brokers too old to say.
    pub kind: String,
}

/// What a group is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Such as `Stable` or `Empty`.
    pub state: String,
    /// How partitions are shared out; empty when nobody is there.
    pub assignor: String,
    /// Who is in it.
    pub members: Vec<MemberInfo>,
}

/// A member as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its id.
    pub id: String,
    /// The name it keeps over restarts, if it has one.
    pub instance_id: Option<String>,
    /// What its client calls itself.
    pub client_id: String,
    /// Where it comes from.
    pub client_host: String,
    /// The partitions it reads.
    pub partitions: Vec<(String, i32)>,
}

impl Client {
    /// All groups, by id.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn groups(&mut self) -> Result<Vec<GroupInfo>, ClientError> {
        let answer = self.call(&ListGroupsRequest::default()).await?;
        accepted(answer.error_code, None)?;
        let info = |group: annals_kafka_wire::message::list_groups::ListedGroup| GroupInfo {
            id: group.group_id,
            state: group.group_state,
            kind: group.group_type,
        };
        let mut groups: Vec<GroupInfo> = answer.groups.into_iter().map(info).collect();
        groups.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(groups)
    }

    /// What a group is doing; `None` when there is none of this id.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn group(&mut self, id: &str) -> Result<Option<Description>, ClientError> {
        self.coordinated(id, async |client| client.describe(id).await)
            .await
    }

    async fn describe(&mut self, id: &str) -> Result<Option<Description>, ClientError> {
        let request = DescribeGroupsRequest {
            groups: vec![id.to_owned()],
            ..DescribeGroupsRequest::default()
        };
        let found = self.call(&request).await?.groups.into_iter().next();
        let found = found.ok_or_else(|| unexpected("no group in it"))?;
        let is_unknown = ErrorCode::from(found.error_code) == ErrorCode::GroupIdNotFound;
        if !is_unknown {
            accepted(found.error_code, found.error_message)?;
        }
        if is_unknown || found.group_state == "Dead" {
            // Groups of the new protocol are described by a request of their own.
            return self.group_of_the_new_protocol(id).await;
        }
        Ok(Some(Description {
            state: found.group_state,
            assignor: found.protocol_data,
            members: found.members.into_iter().map(classic_member).collect(),
        }))
    }

    async fn group_of_the_new_protocol(&mut self, id: &str) -> Result<Option<Description>, ClientError> {
        let key = ApiKey::ConsumerGroupDescribe.code();
        if !self.api_versions().iter().any(|api| api.api_key == key) {
            return Ok(None);
        }
        let request = ConsumerGroupDescribeRequest {
            group_ids: vec![id.to_owned()],
            ..ConsumerGroupDescribeRequest::default()
        };
        let found = self.call(&request).await?.groups.into_iter().next();
        let found = found.ok_or_else(|| unexpected("no group in it"))?;
        if found.group_state == "Dead" || ErrorCode::from(found.error_code) == ErrorCode::GroupIdNotFound {
            return Ok(None);
        }
        accepted(found.error_code, found.error_message)?;
        let member = |member: new::Member| MemberInfo {
            id: member.member_id,
            instance_id: member.instance_id,
            client_id: member.client_id,
            client_host: member.client_host,
            partitions: member
                .assignment
                .topic_partitions
                .into_iter()
                .flat_map(|topic| places(&topic.topic_name, &topic.partitions))
                .collect(),
        };
        Ok(Some(Description {
            state: found.group_state,
            assignor: found.assignor_name,
            members: found.members.into_iter().map(member).collect(),
        }))
    }

    /// What a group has committed; of one that does not exist, nothing.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn committed(&mut self, group: &str) -> Result<Offsets, ClientError> {
        self.coordinated(group, async |client| client.fetch_offsets(group).await)
            .await
    }

    async fn fetch_offsets(&mut self, group: &str) -> Result<Offsets, ClientError> {
        let request = OffsetFetchRequest {
            group_id: group.to_owned(),
            topics: None,
            groups: vec![OffsetFetchRequestGroup {
                group_id: group.to_owned(),
                topics: None,
                ..OffsetFetchRequestGroup::default()
            }],
            require_stable: false,
        };
        let answer = self.call(&request).await?;
        accepted(answer.error_code, None)?;
        let mut offsets = Offsets::new();
        let mut take = |topic: &str, partition: i32, offset: i64, code: i16| {
            accepted(code, None)?;
            if offset >= 0 {
                offsets.insert((topic.to_owned(), partition), offset);
            }
            Ok::<_, ClientError>(())
        };
        // Older versions answer of one group, newer ones of a list.
        for topic in &answer.topics {
            for found in &topic.partitions {
                take(
                    &topic.name,
                    found.partition_index,
                    found.committed_offset,
                    found.error_code,
                )?;
            }
        }
        for answered in answer.groups {
            accepted(answered.error_code, None)?;
            for topic in &answered.topics {
                for found in &topic.partitions {
                    take(
                        &topic.name,
                        found.partition_index,
                        found.committed_offset,
                        found.error_code,
                    )?;
                }
            }
        }
        Ok(offsets)
    }

    /// Sets a group's offsets: as a member of it, or from outside while nobody is in it.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason: UNKNOWN_MEMBER_ID from outside while somebody is in it.
    pub async fn commit(
        &mut self,
        group: &str,
        member: Option<&Member>,
        offsets: &Offsets,
    ) -> Result<(), ClientError> {
        let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
        for ((topic, partition), offset) in offsets {
            let partition = OffsetCommitRequestPartition {
                partition_index: *partition,
                committed_offset: *offset,
                committed_metadata: Some(String::new()),
                ..OffsetCommitRequestPartition::default()
            };
            topics.entry(topic).or_default().push(partition);
        }
        let topic =
            |(name, partitions): (&str, Vec<OffsetCommitRequestPartition>)| OffsetCommitRequestTopic {
                name: name.to_owned(),
                partitions,
                ..OffsetCommitRequestTopic::default()
            };
        let request = OffsetCommitRequest {
            group_id: group.to_owned(),
            generation_id_or_member_epoch: member.map_or(-1, |member| member.generation),
            member_id: member.map_or_else(String::new, |member| member.id.clone()),
            topics: topics.into_iter().map(topic).collect(),
            ..OffsetCommitRequest::default()
        };
        self.coordinated(group, async |client| {
            let answer = client.call(&request).await?;
            let mut partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.try_for_each(|partition| accepted(partition.error_code, None))
        })
        .await
    }

    /// Deletes a group that nobody is in, with its offsets.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason: NON_EMPTY_GROUP while somebody is in it.
    pub async fn delete_group(&mut self, id: &str) -> Result<(), ClientError> {
        let request = DeleteGroupsRequest {
            groups_names: vec![id.to_owned()],
        };
        self.coordinated(id, async |client| {
            let deleted = client.call(&request).await?.results.into_iter().next();
            let deleted = deleted.ok_or_else(|| unexpected("no group in it"))?;
            accepted(deleted.error_code, None)
        })
        .await
    }

    /// Takes away what a group has committed for a topic.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason: GROUP_SUBSCRIBED_TO_TOPIC while somebody reads it.
    pub async fn delete_offsets(
        &mut self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> Result<(), ClientError> {
        let partition = |index: &i32| OffsetDeleteRequestPartition {
            partition_index: *index,
        };
        let request = OffsetDeleteRequest {
            group_id: group.to_owned(),
            topics: vec![OffsetDeleteRequestTopic {
                name: topic.to_owned(),
                partitions: partitions.iter().map(partition).collect(),
            }],
        };
        self.coordinated(group, async |client| {
            let answer = client.call(&request).await?;
            accepted(answer.error_code, None)?;
            let mut partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.try_for_each(|partition| accepted(partition.error_code, None))
        })
        .await
    }

    /// Asks the coordinator of a group. A broker that has never seen a group makes its topic for that first, and takes a
    /// while until it coordinates.
    pub(crate) async fn coordinated<T>(
        &mut self,
        group: &str,
        ask: impl AsyncFn(&mut Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let request = FindCoordinatorRequest {
            key: group.to_owned(),
            coordinator_keys: vec![group.to_owned()],
            ..FindCoordinatorRequest::default()
        };
        self.patiently(async |client| {
            let answer = client.call(&request).await?;
            let found = answer.coordinators.into_iter().next();
            let (code, sentence) = found.map_or((answer.error_code, answer.error_message), |found| {
                (found.error_code, found.error_message)
            });
            accepted(code, sentence)?;
            ask(client).await
        })
        .await
    }

    /// Asks again while a coordinator is on its way.
    pub(crate) async fn patiently<T>(
        &mut self,
        ask: impl AsyncFn(&mut Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let began = Instant::now();
        loop {
            let answer = ask(self).await;
            let is_on_its_way = matches!(
                &answer,
                Err(ClientError::Broker {
                    code: ErrorCode::CoordinatorNotAvailable
                        | ErrorCode::CoordinatorLoadInProgress
                        | ErrorCode::NotCoordinator,
                    ..
                })
            );
            if !is_on_its_way || began.elapsed() > COORDINATOR_WAIT_MAX {
                return answer;
            }
            tokio::time::sleep(COORDINATOR_PAUSE).await;
        }
    }
}

fn classic_member(member: DescribedGroupMember) -> MemberInfo {
    // What is assigned is the members' own business: who is no consumer says it in another way.
    let assigned = ConsumerProtocolAssignment::decode(&mut Reader::new(member.member_assignment));
    let assigned = assigned.unwrap_or_default().assigned_partitions;
    MemberInfo {
        id: member.member_id,
        instance_id: member.group_instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        partitions: assigned
            .into_iter()
            .flat_map(|topic| places(&topic.topic, &topic.partitions))
            .collect(),
    }
}

fn places(topic: &str, partitions: &[i32]) -> Vec<(String, i32)> {
    partitions
        .iter()
        .map(|partition| (topic.to_owned(), *partition))
        .collect()
}
