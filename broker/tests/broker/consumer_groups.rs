//! Groups of the new protocol (KIP-848) over the protocol: joining, committing, restarting, describing, changing kind.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::consumer_group_describe::{ConsumerGroupDescribeRequest, DescribedGroup};
use annals_kafka_wire::message::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use annals_kafka_wire::message::delete_groups::DeleteGroupsRequest;
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::heartbeat::HeartbeatRequest;
use annals_kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use annals_kafka_wire::message::leave_group::{LeaveGroupRequest, MemberIdentity};
use annals_kafka_wire::message::list_groups::ListGroupsRequest;
use annals_kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use annals_kafka_wire::message::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use bytes::Bytes;

use crate::harness::{Running, ask, start, start_in, start_with, test_config};

pub(crate) const GROUP: &str = "billing";

pub(crate) async fn ready(running: &Running) -> [u8; 16] {
    let coordinator = FindCoordinatorRequest {
        coordinator_keys: vec![GROUP.into()],
        ..FindCoordinatorRequest::default()
    };
    ask(running, 6, &coordinator).await;
    create(running, "orders", 4).await
}

async fn create(running: &Running, name: &'static str, partitions: i32) -> [u8; 16] {
    let broker = running.broker.clone();
    let create = move || broker.create_topic(name, partitions, Default::default()).unwrap();
    let topic = tokio::task::spawn_blocking(create).await.unwrap();
    *topic.id.as_bytes()
}

pub(crate) fn join(member_id: &str) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        rebalance_timeout_ms: 30_000,
        subscribed_topic_names: Some(vec!["orders".into()]),
        topic_partitions: Some(Vec::new()),
        ..heartbeat(member_id, 0)
    }
}

/// A member's way into a group of the classic protocol.
pub(crate) fn classic(member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 30_000,
        member_id: member_id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(b"\0\0\0\0\0\x01\0\x06orders\xff\xff\xff\xff"),
        }],
        ..JoinGroupRequest::default()
    }
}

/// What a heartbeat of the classic protocol is answered.
pub(crate) async fn beat(running: &Running, member_id: &str, generation_id: i32) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: GROUP.into(),
        generation_id,
        member_id: member_id.into(),
        ..HeartbeatRequest::default()
    };
    ErrorCode::from(ask(running, 4, &request).await.error_code)
}

pub(crate) fn heartbeat(member_id: &str, member_epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: GROUP.into(),
        member_id: member_id.into(),
        member_epoch,
        ..ConsumerGroupHeartbeatRequest::default()
    }
}

pub(crate) async fn says(
    running: &Running,
    request: &ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    ask(running, 1, request).await
}

pub(crate) async fn refused(running: &Running, request: &ConsumerGroupHeartbeatRequest) -> ErrorCode {
    let answer = says(running, request).await;
    assert!(answer.error_message.is_some_and(|sentence| !sentence.is_empty()));
    ErrorCode::from(answer.error_code)
}

pub(crate) fn partitions(answer: &ConsumerGroupHeartbeatResponse) -> Option<usize> {
    assert_eq!(answer.error_code, 0, "{answer:?}");
    let topics = &answer.assignment.as_ref()?.topic_partitions;
    Some(topics.iter().map(|topic| topic.partitions.len()).sum())
}

pub(crate) async fn commit(
    running: &Running,
    version: i16,
    topic: [u8; 16],
    member_id: &str,
    epoch: i32,
) -> ErrorCode {
    let request = OffsetCommitRequest {
        group_id: GROUP.into(),
        generation_id_or_member_epoch: epoch,
        member_id: member_id.into(),
        topics: vec![OffsetCommitRequestTopic {
            name: if version < 10 {
                "orders".into()
            } else {
                String::new()
            },
            topic_id: if version < 10 { [0; 16] } else { topic },
            partitions: vec![OffsetCommitRequestPartition {
                committed_offset: 7,
                ..OffsetCommitRequestPartition::default()
            }],
        }],
        ..OffsetCommitRequest::default()
    };
    let answer = ask(running, version, &request).await;
    assert_eq!(answer.topics[0].topic_id, request.topics[0].topic_id);
    ErrorCode::from(answer.topics[0].partitions[0].error_code)
}

/// The offset of the first partition by its topic's id, and all there are; or the group's error.
async fn fetched(
    running: &Running,
    topic: [u8; 16],
    member: Option<(&str, i32)>,
) -> Result<(i64, usize), ErrorCode> {
    let group = |topics| OffsetFetchRequestGroup {
        group_id: GROUP.into(),
        member_id: member.map(|(id, _)| id.to_owned()),
        member_epoch: member.map_or(-1, |(_, epoch)| epoch),
        topics,
    };
    let wanted = OffsetFetchRequestTopics {
        topic_id: topic,
        partition_indexes: vec![0],
        ..OffsetFetchRequestTopics::default()
    };
    let mut found = Vec::new();
    for topics in [Some(vec![wanted]), None] {
        let request = OffsetFetchRequest {
            groups: vec![group(topics)],
            ..OffsetFetchRequest::default()
        };
        let answer = ask(running, 10, &request).await.groups.remove(0);
        match ErrorCode::from(answer.error_code) {
            ErrorCode::None => found.push(answer.topics),
            code => return Err(code),
        }
    }
    let first = &found[0][0].partitions[0];
    match ErrorCode::from(first.error_code) {
        ErrorCode::None => Ok((first.committed_offset, found[1].len())),
        code => Err(code),
    }
}

pub(crate) async fn described(running: &Running) -> DescribedGroup {
    let request = ConsumerGroupDescribeRequest {
        group_ids: vec![GROUP.into()],
        ..ConsumerGroupDescribeRequest::default()
    };
    ask(running, 1, &request).await.groups.remove(0)
}

pub(crate) async fn listed(running: &Running, types: &[&str]) -> Vec<(String, String)> {
    let request = ListGroupsRequest {
        types_filter: types.iter().map(|kind| (*kind).to_owned()).collect(),
        ..ListGroupsRequest::default()
    };
    let groups = ask(running, 5, &request).await.groups.into_iter();
    groups
        .map(|group| (group.group_type, group.group_state))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_and_a_restart_is_nothing_to_them() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        start_in(
            dir.path(),
            test_config(),
            std::sync::Arc::new(annals_broker::OpenGate),
        )
    };
    let running = start().await;
    let topic = ready(&running).await;
    let first = says(&running, &join("a")).await;
    assert_eq!((first.member_epoch, partitions(&first)), (1, Some(4)));
    assert_eq!(partitions(&says(&running, &join("b")).await), Some(0));
    let has = |partitions: Vec<i32>| ConsumerGroupHeartbeatRequest {
        topic_partitions: Some(vec![TopicPartitions {
            topic_id: topic,
            partitions,
        }]),
        ..heartbeat("a", 1)
    };
    let less = says(&running, &has(vec![0, 1, 2, 3])).await;
    assert_eq!((less.member_epoch, partitions(&less)), (1, Some(2)));
    let kept = less.assignment.unwrap().topic_partitions[0].partitions.clone();
    let group = described(&running).await;
    assert_eq!(
        (
            group.group_state.as_str(),
            group.group_epoch,
            group.assignment_epoch
        ),
        ("Reconciling", 2, 2)
    );
    running.stop().await;

    let running = start().await;
    assert_eq!(described(&running).await, group);
    assert_eq!(says(&running, &has(kept)).await.member_epoch, 2);
    let second = says(&running, &heartbeat("b", 2)).await;
    assert_eq!((second.member_epoch, partitions(&second)), (2, Some(2)));
    let group = described(&running).await;
    let one = &group.members[1];
    assert_eq!(
        (
            group.group_state.as_str(),
            group.assignor_name.as_str(),
            group.members.len(),
            one.member_type
        ),
        ("Stable", "uniform", 2, 1)
    );
    assert_eq!(
        (&one.assignment, one.client_host.as_str()),
        (&one.target_assignment, "/127.0.0.1")
    );
    assert_eq!(one.assignment.topic_partitions[0].topic_name, "orders");
    assert_eq!(
        listed(&running, &["consumer"]).await,
        [("consumer".into(), "Stable".into())]
    );
    assert_eq!(listed(&running, &["Classic"]).await, []);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_committed_and_asked_for_under_the_members_epoch_alone() {
    let running = start().await;
    let topic = ready(&running).await;
    says(&running, &join("a")).await;
    for version in [9, 10] {
        assert_eq!(commit(&running, version, topic, "a", 1).await, ErrorCode::None);
        assert_eq!(
            commit(&running, version, topic, "a", 2).await,
            ErrorCode::StaleMemberEpoch
        );
        assert_eq!(
            commit(&running, version, topic, "b", 1).await,
            ErrorCode::UnknownMemberId
        );
        assert_eq!(
            commit(&running, version, topic, "", -1).await,
            ErrorCode::UnknownMemberId
        );
    }
    assert_eq!(
        commit(&running, 8, topic, "a", 1).await,
        ErrorCode::UnsupportedVersion
    );
    assert_eq!(
        commit(&running, 10, [9; 16], "a", 1).await,
        ErrorCode::UnknownTopicId
    );
    assert_eq!(fetched(&running, topic, Some(("a", 1))).await, Ok((7, 1)));
    assert_eq!(
        fetched(&running, topic, Some(("a", 2))).await,
        Err(ErrorCode::StaleMemberEpoch)
    );
    assert_eq!(
        fetched(&running, topic, Some(("b", 1))).await,
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(fetched(&running, topic, None).await, Ok((7, 1)));
    assert_eq!(
        fetched(&running, [9; 16], None).await,
        Err(ErrorCode::UnknownTopicId)
    );
    // Nobody is in it any more: an admin may, and the group goes when it is told to.
    says(&running, &heartbeat("a", -1)).await;
    assert_eq!(commit(&running, 9, topic, "", -1).await, ErrorCode::None);
    assert_eq!(listed(&running, &[]).await, [("consumer".into(), "Empty".into())]);
    let delete = DeleteGroupsRequest {
        groups_names: vec![GROUP.into()],
    };
    assert_eq!(ask(&running, 2, &delete).await.results[0].error_code, 0);
    assert_eq!(listed(&running, &[]).await, []);
    assert_eq!(
        described(&running).await.error_code,
        ErrorCode::GroupIdNotFound.code()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_of_a_topic_is_nothing_to_another_of_its_name() {
    let running = start().await;
    let old = ready(&running).await;
    assert_eq!(commit(&running, 10, old, "", -1).await, ErrorCode::None);
    assert_eq!(fetched(&running, old, None).await, Ok((7, 1)));
    let broker = running.broker.clone();
    let delete = move || broker.delete_topic("orders").unwrap();
    tokio::task::spawn_blocking(delete).await.unwrap();
    let new = create(&running, "orders", 2).await;
    assert_eq!(commit(&running, 10, old, "", -1).await, ErrorCode::UnknownTopicId);
    let gone = fetched(&running, old, None).await;
    assert_eq!(gone, Err(ErrorCode::UnknownTopicId));
    assert_eq!(fetched(&running, new, None).await, Ok((-1, 0)));
    assert_eq!(commit(&running, 10, new, "", -1).await, ErrorCode::None);
    assert_eq!(fetched(&running, new, None).await, Ok((7, 1)));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_come_and_grow_are_given_to_members() {
    let running = start().await;
    ready(&running).await;
    let wants = ConsumerGroupHeartbeatRequest {
        subscribed_topic_names: None,
        subscribed_topic_regex: Some("o.*".into()),
        ..join("a")
    };
    let mut epoch = says(&running, &wants).await.member_epoch;
    let mut expected = 4;
    for (name, partitions_more) in [("offers", 3), ("payments", 2), ("other", 1)] {
        create(&running, name, partitions_more).await;
        if name == "payments" {
            continue;
        }
        expected += usize::try_from(partitions_more).unwrap();
        // The group is told beside whoever creates the topic.
        loop {
            let answer = says(&running, &heartbeat("a", epoch)).await;
            epoch = answer.member_epoch;
            if let Some(found) = partitions(&answer) {
                assert_eq!(found, expected, "{name}");
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_group_becomes_one_of_the_other_kind_and_keeps_its_offsets() {
    let running = start().await;
    let topic = ready(&running).await;
    for round in 0..2 {
        let member = format!("new-{round}");
        let epoch = says(&running, &join(&member)).await.member_epoch;
        assert_eq!(commit(&running, 9, topic, &member, epoch).await, ErrorCode::None);
        assert_eq!(beat(&running, &member, epoch).await, ErrorCode::UnknownMemberId);
        says(&running, &heartbeat(&member, -1)).await;
        let first = ask(&running, 9, &classic("")).await;
        let joined = ask(&running, 9, &classic(&first.member_id)).await;
        assert_eq!(joined.error_code, 0);
        assert_eq!(listed(&running, &["classic"]).await.len(), 1);
        // Its members have not come to a generation yet.
        assert_eq!(
            refused(&running, &join("c")).await,
            ErrorCode::CoordinatorLoadInProgress
        );
        let beats = heartbeat("c", 1);
        assert_eq!(refused(&running, &beats).await, ErrorCode::GroupIdNotFound);
        assert_eq!(
            described(&running).await.error_code,
            ErrorCode::GroupIdNotFound.code()
        );
        let leave = LeaveGroupRequest {
            group_id: GROUP.into(),
            members: vec![MemberIdentity {
                member_id: joined.member_id,
                ..MemberIdentity::default()
            }],
            ..LeaveGroupRequest::default()
        };
        assert_eq!(ask(&running, 5, &leave).await.members[0].error_code, 0);
        assert_eq!(fetched(&running, topic, None).await, Ok((7, 1)));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_heartbeat_lacks_is_said() {
    let running = start().await;
    ready(&running).await;
    let invalid = [
        ConsumerGroupHeartbeatRequest {
            group_id: String::new(),
            ..join("a")
        },
        join(""),
        heartbeat("a", -3),
        heartbeat("a", -2),
        ConsumerGroupHeartbeatRequest {
            instance_id: Some(String::new()),
            ..join("a")
        },
        ConsumerGroupHeartbeatRequest {
            rebalance_timeout_ms: -1,
            ..join("a")
        },
        ConsumerGroupHeartbeatRequest {
            topic_partitions: None,
            ..join("a")
        },
        ConsumerGroupHeartbeatRequest {
            subscribed_topic_names: None,
            ..join("a")
        },
        ConsumerGroupHeartbeatRequest {
            subscribed_topic_names: Some(vec!["n".repeat(30_000); 20]),
            ..join("a")
        },
        join(&"a".repeat(256)),
        ConsumerGroupHeartbeatRequest {
            topic_partitions: Some(vec![
                TopicPartitions {
                    topic_id: [1; 16],
                    partitions: (0..10_000).collect(),
                };
                11
            ]),
            ..heartbeat("a", 1)
        },
    ];
    for request in &invalid {
        assert_eq!(
            refused(&running, request).await,
            ErrorCode::InvalidRequest,
            "{request:?}"
        );
    }
    assert_eq!(
        refused(&running, &heartbeat("a", 1)).await,
        ErrorCode::GroupIdNotFound
    );
    let unknown = ConsumerGroupHeartbeatRequest {
        server_assignor: Some("sticky".into()),
        ..join("a")
    };
    assert_eq!(refused(&running, &unknown).await, ErrorCode::UnsupportedAssignor);
    let regex = ConsumerGroupHeartbeatRequest {
        subscribed_topic_regex: Some("(".into()),
        ..join("a")
    };
    assert_eq!(
        refused(&running, &regex).await,
        ErrorCode::InvalidRegularExpression
    );
    assert_eq!(listed(&running, &[]).await, []);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_version_1_the_coordinator_makes_a_members_id() {
    let running = start().await;
    ready(&running).await;
    let named = ask(&running, 0, &join("")).await;
    assert_eq!(
        (named.error_code, named.member_id.is_some_and(|id| id.len() > 10)),
        (0, true)
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_all_groups_have_so_much_room_together() {
    let config = annals_broker::BrokerConfig {
        members_bytes_max: 5_000,
        ..test_config()
    };
    let running = start_with(config, std::sync::Arc::new(annals_broker::OpenGate)).await;
    ready(&running).await;
    let mut epoch = says(&running, &join("a")).await.member_epoch;
    // Whoever is in stays in; neither kind of group takes who needs more than there is.
    let large = ConsumerGroupHeartbeatRequest {
        subscribed_topic_names: Some(vec!["n".repeat(4_000)]),
        ..join("b")
    };
    assert_eq!(refused(&running, &large).await, ErrorCode::GroupMaxSizeReached);
    let mut large = JoinGroupRequest {
        group_id: "other".into(),
        ..classic("")
    };
    large.protocols[0].metadata = vec![0; 4_000].into();
    let turned_away = ask(&running, 9, &large).await;
    assert_eq!(
        ErrorCode::from(turned_away.error_code),
        ErrorCode::GroupMaxSizeReached
    );
    epoch = says(&running, &heartbeat("a", epoch)).await.member_epoch;
    says(&running, &heartbeat("a", -1)).await;
    assert_eq!(epoch, 1);
    let let_in = ask(&running, 9, &large).await;
    assert_eq!(ErrorCode::from(let_in.error_code), ErrorCode::MemberIdRequired);
    running.stop().await;
}
