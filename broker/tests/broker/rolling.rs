//! A group that moves from the classic protocol to the new one and back, while a member of the classic one stays.

use std::path::Path;
use std::sync::Arc;

use annals_broker::OpenGate;
use annals_kafka_wire::coordinator::consumer_protocol::{ConsumerProtocolAssignment, TopicPartition};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupResponse};
use annals_kafka_wire::message::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use annals_kafka_wire::primitives::{Reader, Writer};

use crate::consumer_groups::{
    GROUP, beat, classic, commit, described, heartbeat, join, listed, partitions, ready, refused, says,
};
use crate::harness::{Running, ask, start_in, test_config};

async fn start(dir: &Path) -> Running {
    start_in(dir, test_config(), Arc::new(OpenGate)).await
}

async fn joined(running: &Running, member_id: &str) -> JoinGroupResponse {
    let joined = ask(running, 9, &classic(member_id)).await;
    assert_eq!(joined.error_code, 0);
    joined
}

/// The partitions of `orders` that a member is told it has; a leader gives itself all.
async fn synced(running: &Running, member: &JoinGroupResponse) -> Vec<i32> {
    let all = ConsumerProtocolAssignment {
        assigned_partitions: vec![TopicPartition {
            topic: "orders".into(),
            partitions: vec![0, 1, 2, 3],
        }],
        user_data: None,
    };
    let mut bytes = Writer::new();
    all.encode(&mut bytes, 1).unwrap();
    let to_itself = SyncGroupRequestAssignment {
        member_id: member.member_id.clone(),
        assignment: bytes.into_bytes(),
    };
    let leads = member.leader == member.member_id;
    let request = SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: member.generation_id,
        member_id: member.member_id.clone(),
        protocol_type: member.protocol_type.clone(),
        protocol_name: member.protocol_name.clone(),
        assignments: leads.then_some(to_itself).into_iter().collect(),
        ..SyncGroupRequest::default()
    };
    let synced = ask(running, 5, &request).await;
    assert_eq!(synced.error_code, 0);
    let told = ConsumerProtocolAssignment::decode(&mut Reader::new(synced.assignment)).unwrap();
    told.assigned_partitions
        .into_iter()
        .flat_map(|topic| topic.partitions)
        .collect()
}

async fn no_foreigner_is_let_in(running: &Running) {
    let foreign = JoinGroupRequest {
        protocol_type: "connect".into(),
        ..classic("")
    };
    let foreign = ask(running, 9, &foreign).await;
    assert_eq!(
        ErrorCode::from(foreign.error_code),
        ErrorCode::InconsistentGroupProtocol
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_moves_to_the_new_protocol_and_back_while_a_member_stays() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path()).await;
    let topic = ready(&running).await;
    let id = ask(&running, 9, &classic("")).await.member_id;
    let first = joined(&running, &id).await;
    assert_eq!(
        refused(&running, &join("new")).await,
        ErrorCode::CoordinatorLoadInProgress
    );
    assert_eq!(synced(&running, &first).await, [0, 1, 2, 3]);

    let told = says(&running, &join("new")).await;
    assert_eq!(
        (told.member_epoch, partitions(&told)),
        (first.generation_id + 1, Some(0))
    );
    assert_eq!(listed(&running, &["consumer"]).await.len(), 1);
    let types: Vec<i8> = described(&running)
        .await
        .members
        .iter()
        .map(|member| member.member_type)
        .collect();
    assert_eq!(types, [0, 1]);
    // Who stays commits under its generation, in any version, until it has joined again.
    assert_eq!(
        commit(&running, 8, topic, &id, first.generation_id).await,
        ErrorCode::None
    );
    assert_eq!(
        commit(&running, 9, topic, &id, first.generation_id + 7).await,
        ErrorCode::IllegalGeneration
    );
    assert_eq!(
        beat(&running, &id, first.generation_id).await,
        ErrorCode::RebalanceInProgress
    );
    let second = joined(&running, &id).await;
    assert_eq!(
        (second.generation_id, second.leader.as_str()),
        (told.member_epoch, "")
    );
    assert_eq!(synced(&running, &second).await.len(), 2);
    assert_eq!(
        beat(&running, &id, first.generation_id).await,
        ErrorCode::IllegalGeneration
    );

    // A restart is nothing to either.
    running.stop().await;
    let running = start(dir.path()).await;
    assert_eq!(beat(&running, &id, second.generation_id).await, ErrorCode::None);
    let told = says(&running, &heartbeat("new", told.member_epoch)).await;
    assert_eq!(partitions(&told), Some(2));
    no_foreigner_is_let_in(&running).await;

    says(&running, &heartbeat("new", -1)).await;
    assert_eq!(listed(&running, &["classic"]).await.len(), 1);
    assert_eq!(
        beat(&running, &id, second.generation_id).await,
        ErrorCode::RebalanceInProgress
    );
    // Also after a restart: nobody has what the other had.
    running.stop().await;
    let running = start(dir.path()).await;
    assert_eq!(
        beat(&running, &id, second.generation_id).await,
        ErrorCode::RebalanceInProgress
    );
    let third = joined(&running, &id).await;
    assert!(third.generation_id > second.generation_id);
    assert_eq!(third.leader, id);
    assert_eq!(synced(&running, &third).await, [0, 1, 2, 3]);
    running.stop().await;
}
