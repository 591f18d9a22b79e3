//! What clients stumble over unless a broker does just what Kafka does, where no other module has it.

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame::RequestHeader;
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::heartbeat::HeartbeatRequest;
use annals_kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use annals_kafka_wire::message::leave_group::{LeaveGroupRequest, MemberIdentity};
use annals_kafka_wire::message::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use annals_kafka_wire::primitives::Writer;
use bytes::Bytes;

use crate::harness::{Running, answer_until_close, ask, blocking, start};

/// Produce is advertised from 0 because librdkafka before 2.11.1 stops compressing otherwise (KAFKA-18659); what those
/// versions carried is gone, and who sends it is cut off as with Kafka 4.
#[tokio::test]
async fn produce_of_versions_with_old_records_is_advertised_and_closes_its_connection() {
    let broker = start().await;
    let client = broker.client().await;
    let produce = client.api_versions().iter().find(|api| api.api_key == 0);
    assert_eq!(produce.unwrap().min_version, 0);
    for api_version in 0..=2 {
        let mut writer = Writer::new();
        writer.i32(0);
        let header = RequestHeader {
            api_key: 0,
            api_version,
            correlation_id: 1,
            client_id: None,
        };
        header.encode(&mut writer).unwrap();
        // Acks, time-out, and no topics.
        writer.i16(-1);
        writer.i32(1000);
        writer.i32(0);
        let mut frame = writer.into_bytes().to_vec();
        let size = u32::try_from(frame.len() - 4).unwrap();
        frame[..4].copy_from_slice(&size.to_be_bytes());
        let stream = broker.raw();
        let answer = blocking(move || answer_until_close(stream, &frame)).await;
        assert!(answer.is_empty(), "v{api_version}");
    }
    broker.stop().await;
}

/// APIs, each with the oldest and the newest version that will do.
type Set = &'static [(ApiKey, i16, i16)];

/// librdkafka switches a feature on when each API of its set is there in one of the versions it knows.
#[tokio::test]
async fn librdkafka_finds_the_sets_that_it_looks_for() {
    use ApiKey::*;
    let broker = start().await;
    let client = broker.client().await;
    let sets: [(&str, Set); 5] = [
        ("records of magic 2", &[(Produce, 3, 3), (Fetch, 4, 4)]),
        (
            "compression, also of old ones",
            &[(Produce, 0, 2), (FindCoordinator, 0, 0)],
        ),
        ("zstd", &[(Produce, 7, 7), (Fetch, 10, 10)]),
        ("idempotence", &[(InitProducerId, 0, 0)]),
        (
            "groups",
            &[
                (FindCoordinator, 0, 0),
                (OffsetCommit, 1, 2),
                (OffsetFetch, 1, 1),
                (JoinGroup, 0, 0),
                (SyncGroup, 0, 0),
                (Heartbeat, 0, 0),
                (LeaveGroup, 0, 0),
            ],
        ),
    ];
    for (feature, set) in sets {
        for (key, oldest, newest) in set {
            let api = client.api_versions().iter().find(|api| api.api_key == key.code());
            let api = api.unwrap();
            assert!(
                api.min_version <= *newest && *oldest <= api.max_version,
                "{feature}: {key}"
            );
        }
    }
    broker.stop().await;
}

async fn prepare(broker: &Running) {
    let request = FindCoordinatorRequest {
        coordinator_keys: vec!["any".into()],
        ..FindCoordinatorRequest::default()
    };
    ask(broker, 6, &request).await;
}

fn join(group: &str, instance: Option<&str>, member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.to_owned(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 30_000,
        member_id: member_id.to_owned(),
        group_instance_id: instance.map(str::to_owned),
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(b"any"),
        }],
        ..JoinGroupRequest::default()
    }
}

/// KIP-394 and KIP-345: MEMBER_ID_REQUIRED is for those who know it, and not for members with a name of their own. Old
/// clients find out by versions 0 and 1 that there are groups.
#[tokio::test]
async fn a_member_without_an_id_joins_at_once_or_is_given_one_first() {
    let broker = start().await;
    prepare(&broker).await;
    for version in 0..=9 {
        let group = format!("dynamic-{version}");
        let joined = ask(&broker, version, &join(&group, None, "")).await;
        assert!(!joined.member_id.is_empty(), "v{version}");
        let expected = match version < 4 {
            true => ErrorCode::None,
            false => ErrorCode::MemberIdRequired,
        };
        assert_eq!(ErrorCode::from(joined.error_code), expected, "v{version}");
        if version >= 5 {
            let group = format!("static-{version}");
            let joined = ask(&broker, version, &join(&group, Some("a"), "")).await;
            assert_eq!((joined.error_code, joined.generation_id), (0, 1), "v{version}");
        }
    }
    broker.stop().await;
}

async fn heartbeat(broker: &Running, instance: &str, member_id: &str, generation_id: i32) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: "shop".into(),
        generation_id,
        member_id: member_id.to_owned(),
        group_instance_id: Some(instance.to_owned()),
    };
    ErrorCode::from(ask(broker, 4, &request).await.error_code)
}

async fn sync(broker: &Running, instance: &str, joined: &JoinGroupResponse, parts: &[(&str, &str)]) -> Bytes {
    let part = |(member_id, part): &(&str, &str)| SyncGroupRequestAssignment {
        member_id: (*member_id).to_owned(),
        assignment: Bytes::copy_from_slice(part.as_bytes()),
    };
    let request = SyncGroupRequest {
        group_id: "shop".into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        group_instance_id: Some(instance.to_owned()),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: parts.iter().map(part).collect(),
    };
    let synced = ask(broker, 5, &request).await;
    assert_eq!(synced.error_code, 0, "{instance}");
    synced.assignment
}

/// A leader, and a follower, both with names: what each joined as.
async fn two_static_members(broker: &Running) -> (JoinGroupResponse, JoinGroupResponse) {
    let first = ask(broker, 9, &join("shop", Some("leader"), "")).await;
    sync(broker, "leader", &first, &[(&first.member_id, "all")]).await;
    let follows = join("shop", Some("follower"), "");
    let leads = async {
        while heartbeat(broker, "leader", &first.member_id, 1).await != ErrorCode::RebalanceInProgress {
            tokio::task::yield_now().await;
        }
        ask(broker, 9, &join("shop", Some("leader"), &first.member_id)).await
    };
    let (follower, leader) = tokio::join!(ask(broker, 9, &follows), leads);
    assert_eq!((leader.generation_id, follower.generation_id), (2, 2));
    assert_eq!(leader.leader, leader.member_id);
    (leader, follower)
}

/// KIP-345: who comes back within its session has what it had, and nobody else notices; its earlier life is fenced.
#[tokio::test]
async fn a_static_member_comes_back_and_nobody_notices() {
    let broker = start().await;
    prepare(&broker).await;
    let (leader, follower) = two_static_members(&broker).await;
    let parts = [
        (leader.member_id.as_str(), "one"),
        (follower.member_id.as_str(), "two"),
    ];
    assert_eq!(sync(&broker, "leader", &leader, &parts).await, "one");
    assert_eq!(sync(&broker, "follower", &follower, &[]).await, "two");

    let again = ask(&broker, 9, &join("shop", Some("follower"), "")).await;
    assert_eq!((again.error_code, again.generation_id), (0, 2));
    assert_ne!(again.member_id, follower.member_id);
    assert_eq!(sync(&broker, "follower", &again, &[]).await, "two");
    assert_eq!(
        heartbeat(&broker, "leader", &leader.member_id, 2).await,
        ErrorCode::None
    );
    assert_eq!(
        heartbeat(&broker, "follower", &again.member_id, 2).await,
        ErrorCode::None
    );
    let late = heartbeat(&broker, "follower", &follower.member_id, 2).await;
    assert_eq!(late, ErrorCode::FencedInstanceId);
    let late = ask(&broker, 9, &join("shop", Some("follower"), &follower.member_id)).await;
    assert_eq!(ErrorCode::from(late.error_code), ErrorCode::FencedInstanceId);

    // It leaves by its name; that is noticed.
    let leaves = LeaveGroupRequest {
        group_id: "shop".into(),
        members: vec![MemberIdentity {
            group_instance_id: Some("follower".into()),
            ..MemberIdentity::default()
        }],
        ..LeaveGroupRequest::default()
    };
    let left = ask(&broker, 3, &leaves).await;
    assert_eq!((left.error_code, left.members[0].error_code), (0, 0));
    let noticed = heartbeat(&broker, "leader", &leader.member_id, 2).await;
    assert_eq!(noticed, ErrorCode::RebalanceInProgress);
    broker.stop().await;
}
