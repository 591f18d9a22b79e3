//! Consumer groups over the protocol: joining, committing, restarting, describing, deleting.

use std::time::Duration;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::delete_groups::DeleteGroupsRequest;
use annals_kafka_wire::message::describe_groups::{DescribeGroupsRequest, DescribedGroup};
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::heartbeat::HeartbeatRequest;
use annals_kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use annals_kafka_wire::message::leave_group::{LeaveGroupRequest, MemberIdentity};
use annals_kafka_wire::message::list_groups::ListGroupsRequest;
use annals_kafka_wire::message::metadata::MetadataRequest;
use annals_kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use annals_kafka_wire::message::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use annals_kafka_wire::message::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use annals_kafka_wire::message::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use bytes::Bytes;

use crate::harness::{Running, ask, batch, produce, start, start_in, test_config};

const GROUP: &str = "billing";

async fn ready() -> Running {
    let running = start().await;
    prepare(&running).await;
    running
}

async fn prepare(running: &Running) {
    let coordinator = FindCoordinatorRequest {
        coordinator_keys: vec![GROUP.into(), "other".into()],
        ..FindCoordinatorRequest::default()
    };
    let found = ask(running, 6, &coordinator).await.coordinators;
    let port: i32 = running.addr.rsplit(':').next().unwrap().parse().unwrap();
    for (coordinator, key) in found.iter().zip([GROUP, "other"]) {
        assert_eq!(
            (coordinator.error_code, coordinator.key.as_str(), coordinator.port),
            (0, key, port)
        );
    }
    let broker = running.broker.clone();
    let made = move || drop(broker.create_topic("orders", 2, Default::default()));
    tokio::task::spawn_blocking(made).await.unwrap();
}

/// The subscription of a consumer to `orders`.
fn subscription() -> Bytes {
    Bytes::from_static(b"\0\0\0\0\0\x01\0\x06orders\xff\xff\xff\xff")
}

fn join(member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 30_000,
        member_id: member_id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: subscription(),
        }],
        ..JoinGroupRequest::default()
    }
}

/// Joins as a new member does: once for an id, once with it.
async fn joined(running: &Running) -> JoinGroupResponse {
    let first = ask(running, 9, &join("")).await;
    assert_eq!(ErrorCode::from(first.error_code), ErrorCode::MemberIdRequired);
    let joined = ask(running, 9, &join(&first.member_id)).await;
    assert_eq!(
        (joined.error_code, joined.member_id.as_str()),
        (0, first.member_id.as_str())
    );
    joined
}

/// Asks for its part; gives the parts if there are any to give.
async fn synced(running: &Running, member: &JoinGroupResponse, parts: &[(&str, &'static str)]) -> Bytes {
    let assignments = parts.iter().map(|(member_id, part)| SyncGroupRequestAssignment {
        member_id: (*member_id).into(),
        assignment: Bytes::from_static(part.as_bytes()),
    });
    let sync = SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: member.generation_id,
        member_id: member.member_id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: assignments.collect(),
        ..SyncGroupRequest::default()
    };
    let synced = ask(running, 5, &sync).await;
    assert_eq!(
        (synced.error_code, synced.protocol_name.as_deref()),
        (0, Some("range"))
    );
    synced.assignment
}

async fn heartbeat(running: &Running, member: &JoinGroupResponse) -> ErrorCode {
    let heartbeat = HeartbeatRequest {
        group_id: GROUP.into(),
        generation_id: member.generation_id,
        member_id: member.member_id.clone(),
        ..HeartbeatRequest::default()
    };
    ErrorCode::from(ask(running, 4, &heartbeat).await.error_code)
}

/// Commits offsets of partitions of `orders`; the error of each.
async fn commit(
    running: &Running,
    member: Option<&JoinGroupResponse>,
    offsets: &[(i32, i64)],
) -> Vec<ErrorCode> {
    let partition = |&(partition_index, committed_offset): &(i32, i64)| OffsetCommitRequestPartition {
        partition_index,
        committed_offset,
        committed_metadata: Some(format!("up to {committed_offset}")),
        ..OffsetCommitRequestPartition::default()
    };
    let request = OffsetCommitRequest {
        group_id: GROUP.into(),
        generation_id_or_member_epoch: member.map_or(-1, |member| member.generation_id),
        member_id: member.map(|member| member.member_id.clone()).unwrap_or_default(),
        topics: vec![OffsetCommitRequestTopic {
            name: "orders".into(),
            partitions: offsets.iter().map(partition).collect(),
            ..OffsetCommitRequestTopic::default()
        }],
        ..OffsetCommitRequest::default()
    };
    let answer = ask(running, 9, &request).await;
    let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    partitions
        .map(|partition| ErrorCode::from(partition.error_code))
        .collect()
}

/// Offset and metadata of both partitions of `orders`, by the newest version; and what is there at all.
async fn fetched(running: &Running) -> (Vec<(i64, String)>, usize) {
    let group = |topics| OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: GROUP.into(),
            topics,
            ..OffsetFetchRequestGroup::default()
        }],
        ..OffsetFetchRequest::default()
    };
    let named = group(Some(vec![OffsetFetchRequestTopics {
        name: "orders".into(),
        partition_indexes: vec![0, 1],
        ..OffsetFetchRequestTopics::default()
    }]));
    let answer = ask(running, 9, &named).await;
    let partitions = answer.groups[0].topics.iter().flat_map(|topic| &topic.partitions);
    let offsets =
        partitions.map(|found| (found.committed_offset, found.metadata.clone().unwrap_or_default()));
    let offsets = offsets.collect();
    let all = ask(running, 9, &group(None)).await;
    (
        offsets,
        all.groups[0]
            .topics
            .iter()
            .map(|topic| topic.partitions.len())
            .sum(),
    )
}

async fn described(running: &Running) -> DescribedGroup {
    let request = DescribeGroupsRequest {
        groups: vec![GROUP.into()],
        ..DescribeGroupsRequest::default()
    };
    ask(running, 6, &request).await.groups.remove(0)
}

async fn leave(running: &Running, member: &JoinGroupResponse) -> ErrorCode {
    let request = LeaveGroupRequest {
        group_id: GROUP.into(),
        members: vec![MemberIdentity {
            member_id: member.member_id.clone(),
            ..MemberIdentity::default()
        }],
        ..LeaveGroupRequest::default()
    };
    ErrorCode::from(ask(running, 5, &request).await.members[0].error_code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_consumer_commits_and_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        start_in(
            dir.path(),
            test_config(),
            std::sync::Arc::new(annals_broker::OpenGate),
        )
    };
    let running = start().await;
    prepare(&running).await;
    let member = joined(&running).await;
    assert_eq!((member.generation_id, member.members.len()), (1, 1));
    let id = member.member_id.clone();
    assert_eq!(synced(&running, &member, &[(&id, "both")]).await, "both");
    assert_eq!(heartbeat(&running, &member).await, ErrorCode::None);
    let codes = commit(&running, Some(&member), &[(0, 7), (1, 0), (2, 1)]).await;
    assert_eq!(
        codes,
        [
            ErrorCode::None,
            ErrorCode::None,
            ErrorCode::UnknownTopicOrPartition
        ]
    );
    let expected = (vec![(7, "up to 7".to_owned()), (0, "up to 0".to_owned())], 2);
    assert_eq!(fetched(&running).await, expected);
    running.stop().await;

    let running = start().await;
    assert_eq!(fetched(&running).await, expected);
    let group = described(&running).await;
    assert_eq!(
        (
            group.group_state.as_str(),
            group.members[0].member_assignment.as_ref()
        ),
        ("Stable", &b"both"[..])
    );
    // Nobody notices: same member, same generation.
    assert_eq!(heartbeat(&running, &member).await, ErrorCode::None);
    assert_eq!(
        commit(&running, Some(&member), &[(0, 8)]).await,
        [ErrorCode::None]
    );
    assert_eq!(fetched(&running).await.0[0].0, 8);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_and_one_takes_over() {
    let running = ready().await;
    let first = joined(&running).await;
    synced(&running, &first, &[(&first.member_id, "all")]).await;
    // The second waits until the first has learned of it and joined again.
    let again = join(&first.member_id);
    let (second, first) = tokio::join!(joined(&running), async {
        while heartbeat(&running, &first).await != ErrorCode::RebalanceInProgress {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        ask(&running, 9, &again).await
    });
    assert_eq!((first.generation_id, second.generation_id), (2, 2));
    assert_eq!(
        (&first.leader, &second.leader),
        (&first.member_id, &first.member_id)
    );
    assert_eq!((first.members.len(), second.members.len()), (2, 0));
    let parts = [
        (first.member_id.as_str(), "one"),
        (second.member_id.as_str(), "two"),
    ];
    // Who asks before the leader has said it waits.
    let (two, one) = tokio::join!(synced(&running, &second, &[]), synced(&running, &first, &parts));
    assert_eq!((one, two), ("one".into(), "two".into()));
    assert_eq!(described(&running).await.members.len(), 2);

    assert_eq!(leave(&running, &first).await, ErrorCode::None);
    assert_eq!(heartbeat(&running, &first).await, ErrorCode::UnknownMemberId);
    assert_eq!(heartbeat(&running, &second).await, ErrorCode::RebalanceInProgress);
    assert_eq!(
        commit(&running, Some(&first), &[(0, 1)]).await,
        [ErrorCode::UnknownMemberId]
    );
    let second = ask(&running, 9, &join(&second.member_id)).await;
    assert_eq!((second.generation_id, &second.leader), (3, &second.member_id));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_listed_described_and_deleted() {
    let running = ready().await;
    assert_eq!(
        described(&running).await.error_code,
        ErrorCode::GroupIdNotFound.code()
    );
    let old = DescribeGroupsRequest {
        groups: vec![GROUP.into()],
        ..DescribeGroupsRequest::default()
    };
    let unknown = ask(&running, 5, &old).await.groups.remove(0);
    assert_eq!((unknown.error_code, unknown.group_state.as_str()), (0, "Dead"));

    let member = joined(&running).await;
    synced(&running, &member, &[(&member.member_id, "all")]).await;
    commit(&running, Some(&member), &[(0, 1), (1, 2)]).await;
    let group = described(&running).await;
    assert_eq!(
        (group.group_state.as_str(), group.protocol_data.as_str()),
        ("Stable", "range")
    );
    assert_eq!(
        (
            group.members[0].client_host.as_str(),
            &group.members[0].member_metadata
        ),
        ("/127.0.0.1", &subscription())
    );
    let states = |states: &[&str]| ListGroupsRequest {
        states_filter: states.iter().map(|state| (*state).to_owned()).collect(),
        ..ListGroupsRequest::default()
    };
    assert_eq!(ask(&running, 5, &states(&[])).await.groups[0].group_id, GROUP);
    assert_eq!(ask(&running, 5, &states(&["Stable"])).await.groups.len(), 1);
    assert_eq!(ask(&running, 5, &states(&["Empty"])).await.groups.len(), 0);

    let forget = OffsetDeleteRequest {
        group_id: GROUP.into(),
        topics: vec![OffsetDeleteRequestTopic {
            name: "orders".into(),
            partitions: vec![OffsetDeleteRequestPartition { partition_index: 1 }],
        }],
    };
    let code = |answer: annals_kafka_wire::message::offset_delete::OffsetDeleteResponse| {
        ErrorCode::from(answer.topics[0].partitions[0].error_code)
    };
    assert_eq!(
        code(ask(&running, 0, &forget).await),
        ErrorCode::GroupSubscribedToTopic
    );
    let delete = DeleteGroupsRequest {
        groups_names: vec![GROUP.into(), "nobody".into()],
    };
    let codes = |answer: annals_kafka_wire::message::delete_groups::DeleteGroupsResponse| {
        let codes = answer
            .results
            .iter()
            .map(|result| ErrorCode::from(result.error_code));
        codes.collect::<Vec<_>>()
    };
    let refused = codes(ask(&running, 2, &delete).await);
    assert_eq!(refused, [ErrorCode::NonEmptyGroup, ErrorCode::GroupIdNotFound]);

    assert_eq!(leave(&running, &member).await, ErrorCode::None);
    assert_eq!(code(ask(&running, 0, &forget).await), ErrorCode::None);
    assert_eq!(fetched(&running).await.1, 1);
    assert_eq!(codes(ask(&running, 2, &delete).await)[0], ErrorCode::None);
    assert_eq!(
        (fetched(&running).await.1, described(&running).await.error_code),
        (0, ErrorCode::GroupIdNotFound.code())
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_part_commits_while_nobody_does() {
    let running = ready().await;
    assert_eq!(commit(&running, None, &[(0, 5)]).await, [ErrorCode::None]);
    assert_eq!(
        fetched(&running).await,
        (vec![(5, "up to 5".into()), (-1, String::new())], 1)
    );
    let state = described(&running).await.group_state;
    assert_eq!(state, "Empty");
    let member = joined(&running).await;
    assert_eq!(
        commit(&running, None, &[(0, 6)]).await,
        [ErrorCode::UnknownMemberId]
    );
    // The generation is not complete before its members have their parts.
    assert_eq!(
        commit(&running, Some(&member), &[(0, 6)]).await,
        [ErrorCode::RebalanceInProgress]
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topic_of_offsets_is_the_brokers_own() {
    let running = ready().await;
    let all = ask(
        &running,
        12,
        &MetadataRequest {
            topics: None,
            ..MetadataRequest::default()
        },
    )
    .await;
    let internal = all
        .topics
        .iter()
        .map(|topic| (topic.name.as_deref().unwrap(), topic.is_internal));
    assert_eq!(
        internal.collect::<Vec<_>>(),
        [("__consumer_offsets", true), ("orders", false)]
    );
    let broker = running.broker.clone();
    let own = move || broker.create_topic("__transaction_state", 1, Default::default());
    let made = tokio::task::spawn_blocking(own).await.unwrap();
    assert!(made.is_err(), "{made:?}");
    let mut client = running.client().await;
    let refused = produce(&mut client, "__consumer_offsets", batch(None, &["x"])).await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::InvalidTopicException
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_offsets_alone_is_deleted_and_goes_with_its_topic() {
    let running = ready().await;
    assert_eq!(commit(&running, None, &[(0, 5)]).await, [ErrorCode::None]);
    let delete = DeleteGroupsRequest {
        groups_names: vec![GROUP.into()],
    };
    let deleted = ask(&running, 2, &delete).await;
    assert_eq!(deleted.results[0].error_code, 0);
    assert_eq!(
        described(&running).await.error_code,
        ErrorCode::GroupIdNotFound.code()
    );
    let again = ask(&running, 2, &delete).await;
    assert_eq!(
        ErrorCode::from(again.results[0].error_code),
        ErrorCode::GroupIdNotFound
    );
    // Another topic of the name begins anew.
    assert_eq!(commit(&running, None, &[(0, 5), (1, 6)]).await.len(), 2);
    let broker = running.broker.clone();
    let anew = move || {
        broker.delete_topic("orders").unwrap();
        drop(broker.create_topic("orders", 2, Default::default()).unwrap());
    };
    tokio::task::spawn_blocking(anew).await.unwrap();
    assert_eq!(
        fetched(&running).await,
        (vec![(-1, String::new()), (-1, String::new())], 0)
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_everybody_left_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        start_in(
            dir.path(),
            test_config(),
            std::sync::Arc::new(annals_broker::OpenGate),
        )
    };
    let running = start().await;
    prepare(&running).await;
    let member = joined(&running).await;
    synced(&running, &member, &[(&member.member_id, "all")]).await;
    assert_eq!(leave(&running, &member).await, ErrorCode::None);
    let listed = ask(&running, 5, &ListGroupsRequest::default()).await;
    assert_eq!(listed.groups.len(), 0);
    running.stop().await;
    let running = start().await;
    assert_eq!(
        ask(&running, 5, &ListGroupsRequest::default()).await.groups.len(),
        0
    );
    running.stop().await;
}
