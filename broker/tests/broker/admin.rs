//! The cluster, its topics a page at a time and their sizes; and the answers of one node to what only several have.

use std::collections::BTreeMap;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use annals_kafka_wire::message::describe_acls::DescribeAclsRequest;
use annals_kafka_wire::message::describe_client_quotas::DescribeClientQuotasRequest;
use annals_kafka_wire::message::describe_cluster::DescribeClusterRequest;
use annals_kafka_wire::message::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest};
use annals_kafka_wire::message::describe_quorum::{DescribeQuorumRequest, QuorumPartition, QuorumTopic};
use annals_kafka_wire::message::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, TopicRequest,
};
use annals_kafka_wire::message::describe_user_scram_credentials::{
    DescribeUserScramCredentialsRequest, UserName,
};
use annals_kafka_wire::message::elect_leaders::{ElectLeadersRequest, TopicPartitions};
use annals_kafka_wire::message::list_config_resources::ListConfigResourcesRequest;
use annals_kafka_wire::message::list_partition_reassignments::ListPartitionReassignmentsRequest;

use crate::harness::*;

#[tokio::test]
async fn the_cluster_is_this_node_whatever_the_version() {
    let broker = start().await;
    let port = broker.addr.rsplit(':').next().unwrap().parse::<i32>().unwrap();
    for version in 0..=2 {
        let cluster = ask(
            &broker,
            version,
            &DescribeClusterRequest {
                endpoint_type: 1,
                ..Default::default()
            },
        )
        .await;
        assert_eq!(
            (cluster.error_code, cluster.controller_id, cluster.brokers.len()),
            (0, 1, 1)
        );
        assert_eq!(cluster.cluster_id, broker.broker.cluster_id());
        let node = &cluster.brokers[0];
        assert_eq!(
            (node.broker_id, node.host.as_str(), node.port),
            (1, "localhost", port)
        );
        assert!(!node.is_fenced);
    }
    for (endpoint_type, code) in [
        (2, ErrorCode::MismatchedEndpointType),
        (3, ErrorCode::UnsupportedEndpointType),
    ] {
        let request = DescribeClusterRequest {
            endpoint_type,
            ..Default::default()
        };
        assert_eq!(ErrorCode::from(ask(&broker, 2, &request).await.error_code), code);
    }

    let metadata = |topic_name: &str, partition_index| DescribeQuorumRequest {
        topics: vec![QuorumTopic {
            topic_name: topic_name.to_owned(),
            partitions: vec![QuorumPartition { partition_index }],
        }],
    };
    for version in 0..=2 {
        let quorum = ask(&broker, version, &metadata("__cluster_metadata", 0)).await;
        let decided = &quorum.topics[0].partitions[0];
        assert_eq!(
            (quorum.error_code, decided.error_code, decided.leader_id),
            (0, 0, 1),
            "v{version}"
        );
        // The cluster's id is the first of the metadata.
        assert_eq!(
            (decided.high_watermark, decided.current_voters[0].log_end_offset),
            (1, 1)
        );
        let listeners: Vec<i32> = quorum
            .nodes
            .iter()
            .map(|node| i32::from(node.listeners[0].port))
            .collect();
        assert_eq!(listeners, if version < 2 { vec![] } else { vec![port] });
    }
    for (name, number) in [("__cluster_metadata", 1), ("events", 0)] {
        let quorum = ask(&broker, 2, &metadata(name, number)).await;
        let code = ErrorCode::from(quorum.topics[0].partitions[0].error_code);
        assert_eq!(code, ErrorCode::UnknownTopicOrPartition);
    }
    broker.stop().await;
}

/// The pages of topics asked for: names with their codes and partitions, by following the cursor.
async fn pages(broker: &Running, names: &[&str], limit: i32, cursor: Option<Cursor>) -> Vec<String> {
    let mut pages = Vec::new();
    let mut request = DescribeTopicPartitionsRequest {
        topics: names
            .iter()
            .map(|name| TopicRequest {
                name: (*name).to_owned(),
            })
            .collect(),
        response_partition_limit: limit,
        cursor,
    };
    loop {
        let page = ask(broker, 0, &request).await;
        let topic = |topic: &annals_kafka_wire::message::describe_topic_partitions::DescribeTopicPartitionsResponseTopic| {
            let numbers: Vec<String> = topic.partitions.iter().map(|one| one.partition_index.to_string()).collect();
            assert!(topic.partitions.iter().all(|one| one.leader_id == 1 && one.isr_nodes == [1]));
            format!("{}:{}:{}", topic.name.as_ref().unwrap(), topic.error_code, numbers.join(","))
        };
        pages.push(page.topics.iter().map(topic).collect::<Vec<_>>().join(" "));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn topics_are_described_a_page_at_a_time() {
    let broker = start().await;
    let mut client = broker.client().await;
    for (name, partitions) in [("b", 3), ("a", 1), ("c", 2)] {
        client
            .create_topic(name, partitions, &BTreeMap::new())
            .await
            .unwrap();
    }
    let cursor = |topic_name: &str, partition_index| {
        Some(Cursor {
            topic_name: topic_name.to_owned(),
            partition_index,
        })
    };
    // Topics asked for (none for all), limit, cursor, pages.
    for (names, limit, cursor, found) in [
        (&[][..], 2000, None, &["a:0:0 b:0:0,1,2 c:0:0,1"][..]),
        (&[], 3, None, &["a:0:0 b:0:0,1", "b:0:2 c:0:0,1"]),
        (&[], 4, None, &["a:0:0 b:0:0,1,2", "c:0:0,1"]),
        // A limit that is none is the least there is, and one beyond Kafka's is Kafka's.
        (&["a", "c"], 0, None, &["a:0:0", "c:0:0", "c:0:1"]),
        (&["a", "c"], i32::MAX, None, &["a:0:0 c:0:0,1"]),
        (
            &["c", "c", "nowhere", "no/name"],
            2000,
            None,
            &["c:0:0,1 no/name:17: nowhere:3:"],
        ),
        (&["c", "nowhere"], 2, None, &["c:0:0,1", "nowhere:3:"]),
        (&[], 2000, cursor("b", 2), &["b:0:2 c:0:0,1"]),
        (&[], 2000, cursor("b", 9), &["b:0: c:0:0,1"]),
        (&[], 2000, cursor("bb", 1), &["c:0:0,1"]),
        // No page of these begins there.
        (&["a"], 2000, cursor("z", 0), &["a:42:"]),
        (&["a"], 2000, cursor("a", -1), &["a:42:"]),
    ] {
        let told = pages(&broker, names, limit, cursor).await;
        assert_eq!(told, found, "{names:?} {limit}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn sizes_are_those_of_the_logs_and_what_has_settings_is_listed() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 2, &BTreeMap::new()).await.unwrap();
    client.create_topic("other", 1, &BTreeMap::new()).await.unwrap();
    let batch = batch(None, &["a", "b"]);
    produce(&mut client, "events", batch.clone()).await;
    let bytes = i64::try_from(batch.len()).unwrap();
    let asked = |topic: &str, partitions: &[i32]| DescribableLogDirTopic {
        topic: topic.to_owned(),
        partitions: partitions.to_vec(),
    };
    let size = |sizes: &[(i32, i64)]| sizes.to_vec();
    for version in 1..=4 {
        for (topics, found) in [
            (
                None,
                vec![
                    ("events", size(&[(0, bytes), (1, 0)])),
                    ("other", size(&[(0, 0)])),
                ],
            ),
            (Some(vec![]), vec![]),
            (
                Some(vec![asked("events", &[0, 0, 7]), asked("nowhere", &[0])]),
                vec![("events", size(&[(0, bytes)]))],
            ),
        ] {
            let answer = ask(&broker, version, &DescribeLogDirsRequest { topics }).await;
            let [dir] = &answer.results[..] else { panic!() };
            assert_eq!((answer.error_code, dir.error_code), (0, 0));
            assert!(dir.log_dir.starts_with('/'));
            let told: Vec<_> = dir
                .topics
                .iter()
                .map(|topic| {
                    let sizes = topic.partitions.iter();
                    let sizes: Vec<_> = sizes
                        .map(|one| (one.partition_index, one.partition_size))
                        .collect();
                    (topic.name.as_str(), sizes)
                })
                .collect();
            assert_eq!(told, found, "v{version}");
        }
    }

    for (version, kinds, code, found) in [
        (0, vec![], 0, vec![]),
        (
            1,
            vec![],
            0,
            vec![(2, "events"), (2, "other"), (4, "1"), (8, "1")],
        ),
        (1, vec![4, 16, 32], 0, vec![(4, "1")]),
        (1, vec![2, 3], ErrorCode::UnsupportedVersion.code(), vec![]),
    ] {
        let request = ListConfigResourcesRequest {
            resource_types: kinds.clone(),
        };
        let answer = ask(&broker, version, &request).await;
        let told = answer.config_resources.iter();
        let told: Vec<_> = told
            .map(|one| (one.resource_type, one.resource_name.as_str()))
            .collect();
        assert_eq!((answer.error_code, told), (code, found), "v{version} {kinds:?}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn one_node_has_nothing_to_elect_or_to_move() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for version in 0..=2 {
        let request = ElectLeadersRequest {
            topic_partitions: Some(vec![TopicPartitions {
                topic: "events".to_owned(),
                partitions: vec![0, 1],
            }]),
            ..ElectLeadersRequest::default()
        };
        let answer = ask(&broker, version, &request).await;
        let codes = answer.replica_election_results[0].partition_result.iter();
        let codes: Vec<_> = codes.map(|one| ErrorCode::from(one.error_code)).collect();
        assert_eq!(
            codes,
            [ErrorCode::ElectionNotNeeded, ErrorCode::UnknownTopicOrPartition]
        );
        let all = ElectLeadersRequest {
            topic_partitions: None,
            ..ElectLeadersRequest::default()
        };
        let answer = ask(&broker, version, &all).await;
        let told = &answer.replica_election_results;
        assert_eq!((answer.error_code, told.len()), (0, 1));
        assert!(told[0].partition_result.is_empty());
    }
    let request = ElectLeadersRequest {
        election_type: 7,
        topic_partitions: None,
        ..ElectLeadersRequest::default()
    };
    assert_eq!(
        ErrorCode::from(ask(&broker, 2, &request).await.error_code),
        ErrorCode::InvalidRequest
    );

    for (number, replicas, code) in [
        (0, Some(vec![1]), ErrorCode::None),
        (0, None, ErrorCode::NoReassignmentInProgress),
        (0, Some(vec![2]), ErrorCode::InvalidReplicaAssignment),
        (0, Some(vec![1, 2]), ErrorCode::InvalidReplicaAssignment),
        (0, Some(vec![]), ErrorCode::InvalidReplicaAssignment),
        (1, Some(vec![1]), ErrorCode::UnknownTopicOrPartition),
    ] {
        let request = AlterPartitionReassignmentsRequest {
            topics: vec![ReassignableTopic {
                name: "events".to_owned(),
                partitions: vec![ReassignablePartition {
                    partition_index: number,
                    replicas: replicas.clone(),
                }],
            }],
            ..AlterPartitionReassignmentsRequest::default()
        };
        for version in 0..=1 {
            let answer = ask(&broker, version, &request).await;
            let found = ErrorCode::from(answer.responses[0].partitions[0].error_code);
            assert_eq!(
                (answer.error_code, found),
                (0, code),
                "v{version} {number} {replicas:?}"
            );
        }
    }
    let moves = ask(&broker, 0, &ListPartitionReassignmentsRequest::default()).await;
    assert_eq!((moves.error_code, moves.topics.len()), (0, 0));
    broker.stop().await;
}

#[tokio::test]
async fn nobody_has_quotas_credentials_or_rules() {
    let broker = start().await;
    for version in 0..=1 {
        let quotas = ask(&broker, version, &DescribeClientQuotasRequest::default()).await;
        assert_eq!((quotas.error_code, quotas.entries), (0, Some(Vec::new())));
    }
    let named = |names: &[&str]| DescribeUserScramCredentialsRequest {
        users: Some(
            names
                .iter()
                .map(|name| UserName {
                    name: (*name).to_owned(),
                })
                .collect(),
        ),
    };
    let all = DescribeUserScramCredentialsRequest { users: None };
    let (missing, twice) = (ErrorCode::ResourceNotFound, ErrorCode::DuplicateResource);
    for (request, found) in [
        (all, vec![]),
        (named(&["ann"]), vec![("ann", missing)]),
        (
            named(&["bob", "ann", "bob"]),
            vec![("ann", missing), ("bob", twice)],
        ),
    ] {
        let answer = ask(&broker, 0, &request).await;
        let users = answer.results.iter();
        let users: Vec<_> = users
            .map(|one| (one.user.as_str(), ErrorCode::from(one.error_code)))
            .collect();
        assert_eq!((answer.error_code, users), (0, found));
    }
    for version in 1..=3 {
        let rules = ask(&broker, version, &DescribeAclsRequest::default()).await;
        assert_eq!(ErrorCode::from(rules.error_code), ErrorCode::SecurityDisabled);
        assert!(rules.resources.is_empty());
    }
    broker.stop().await;
}
