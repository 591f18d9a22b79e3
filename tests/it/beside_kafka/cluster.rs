//! What the cluster says of itself, what one node need not do, and bytes that no honest client sends.

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::message::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use annals_kafka_wire::message::api_versions::ApiVersionsRequest;
use annals_kafka_wire::message::describe_acls::DescribeAclsRequest;
use annals_kafka_wire::message::describe_client_quotas::{ComponentData, DescribeClientQuotasRequest};
use annals_kafka_wire::message::describe_cluster::DescribeClusterRequest;
use annals_kafka_wire::message::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest};
use annals_kafka_wire::message::describe_quorum::{DescribeQuorumRequest, QuorumPartition, QuorumTopic};
use annals_kafka_wire::message::describe_user_scram_credentials::{
    DescribeUserScramCredentialsRequest, UserName,
};
use annals_kafka_wire::message::elect_leaders::{ElectLeadersRequest, TopicPartitions};
use annals_kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use annals_kafka_wire::message::list_config_resources::ListConfigResourcesRequest;
use annals_kafka_wire::message::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsTopics,
};
use annals_kafka_wire::primitives::Writer;

use super::both::Both;
use super::topics::{know, make, rest};

pub(crate) fn script(both: &mut Both) {
    let topic = both.name("t");
    make(both, &topic, 2, &[]);
    versions(both);
    the_cluster(both);
    directories(both, &topic);
    nobody_and_nothing(both);
    leaders(both, &topic);
    coordinators(both);
}

fn versions(both: &mut Both) {
    let client = |name: &str, version: &str| ApiVersionsRequest {
        client_software_name: name.to_owned(),
        client_software_version: version.to_owned(),
    };
    both.ask("versions", |_| client("beside", "1.0"));
    for (name, version) in [
        ("", "1"),
        ("a", ""),
        ("a b", "1"),
        ("a", "1 2"),
        ("-a", "1"),
        ("a-", "1."),
        ("ä", "1"),
    ] {
        both.ask(&format!("versions for {name:?} {version:?}"), |_| {
            client(name, version)
        });
    }
}

fn the_cluster(both: &mut Both) {
    both.ask("cluster", |_| DescribeClusterRequest::default());
    both.ask("cluster with what is allowed", |_| DescribeClusterRequest {
        include_cluster_authorized_operations: true,
        include_fenced_brokers: true,
        ..rest()
    });
    for endpoint_type in [0, 2, 9] {
        both.ask(&format!("cluster, endpoints of type {endpoint_type}"), |_| {
            DescribeClusterRequest {
                endpoint_type,
                ..rest()
            }
        });
    }
    let quorum = |name: &str, partitions: &[i32]| DescribeQuorumRequest {
        topics: vec![QuorumTopic {
            topic_name: name.to_owned(),
            partitions: partitions
                .iter()
                .map(|index| QuorumPartition {
                    partition_index: *index,
                })
                .collect(),
        }],
    };
    both.ask("quorum", |_| quorum("__cluster_metadata", &[0]));
    both.ask("quorum of another topic", |_| quorum("elsewhere", &[0]));
    both.ask("quorum of another partition", |_| {
        quorum("__cluster_metadata", &[1])
    });
    both.ask("quorum of nothing", |_| DescribeQuorumRequest::default());
    for resource_types in [
        vec![],
        vec![2],
        vec![4],
        vec![8],
        vec![16],
        vec![32],
        vec![0],
        vec![99],
    ] {
        both.ask(&format!("things with settings: {resource_types:?}"), |_| {
            ListConfigResourcesRequest {
                resource_types: resource_types.clone(),
            }
        });
    }
}

fn directories(both: &mut Both, topic: &str) {
    let of = |topics: Vec<(&str, &[i32])>| DescribeLogDirsRequest {
        topics: Some(
            topics
                .into_iter()
                .map(|(topic, partitions)| DescribableLogDirTopic {
                    topic: topic.to_owned(),
                    partitions: partitions.to_vec(),
                })
                .collect(),
        ),
    };
    both.ask("directories", |_| of(vec![(topic, &[0, 1])]));
    both.ask("directories of unknown ones", |_| {
        of(vec![("none", &[0]), (topic, &[9, -1])])
    });
    both.ask("directories of nothing", |_| of(vec![]));
    both.ask("directories of no partition", |_| of(vec![(topic, &[])]));
}

fn nobody_and_nothing(both: &mut Both) {
    let any = DescribeAclsRequest {
        resource_type_filter: 1,
        pattern_type_filter: 1,
        operation: 1,
        permission_type: 1,
        ..rest()
    };
    both.ask("acls", |_| any.clone());
    both.ask("acls of unknown kinds", |_| DescribeAclsRequest {
        resource_type_filter: 0,
        operation: 0,
        ..any.clone()
    });
    let quotas = |components: Vec<(&str, i8, Option<&str>)>, strict| DescribeClientQuotasRequest {
        components: components
            .into_iter()
            .map(|(entity_type, match_type, matched)| ComponentData {
                entity_type: entity_type.to_owned(),
                match_type,
                matched: matched.map(str::to_owned),
            })
            .collect(),
        strict,
    };
    both.ask("quotas", |_| quotas(vec![], false));
    both.ask("quotas of a user", |_| {
        quotas(vec![("user", 0, Some("ada"))], true)
    });
    both.ask("quotas of the default user", |_| {
        quotas(vec![("user", 1, None)], false)
    });
    both.ask("quotas of any client", |_| {
        quotas(vec![("client-id", 2, None)], false)
    });
    both.ask("quotas of an address", |_| {
        quotas(vec![("ip", 0, Some("127.0.0.1"))], false)
    });
    both.ask("quotas of an address and a user", |_| {
        quotas(vec![("ip", 2, None), ("user", 2, None)], false)
    });
    both.ask("quotas of a user twice", |_| {
        quotas(vec![("user", 2, None), ("user", 2, None)], false)
    });
    both.ask("quotas of what nobody knows", |_| {
        quotas(vec![("planet", 2, None)], false)
    });
    both.ask("quotas of nobody", |_| quotas(vec![("", 2, None)], false));
    both.ask("quotas matched otherwise", |_| {
        quotas(vec![("user", 9, None)], false)
    });
    both.ask("quotas matched by null", |_| {
        quotas(vec![("user", 0, None)], false)
    });
    let users = |names: Option<&[&str]>| DescribeUserScramCredentialsRequest {
        users: names.map(|names| {
            names
                .iter()
                .map(|name| UserName {
                    name: (*name).to_owned(),
                })
                .collect()
        }),
    };
    both.ask("users", |_| users(None));
    both.ask("no users", |_| users(Some(&[])));
    both.ask("unknown users", |_| users(Some(&["ada", "bob", "ada", ""])));
}

fn leaders(both: &mut Both, topic: &str) {
    for election_type in [0, 1, 9] {
        let elect = |topics: Option<Vec<(&str, &[i32])>>| ElectLeadersRequest {
            election_type,
            topic_partitions: topics.map(|topics| {
                topics
                    .into_iter()
                    .map(|(topic, partitions)| TopicPartitions {
                        topic: topic.to_owned(),
                        partitions: partitions.to_vec(),
                    })
                    .collect()
            }),
            ..rest()
        };
        both.ask(&format!("elect {election_type}"), |_| {
            elect(Some(vec![(topic, &[0, 1])]))
        });
        both.ask(&format!("elect {election_type} unknown ones"), |_| {
            elect(Some(vec![("none", &[0]), (topic, &[9, -1])]))
        });
        both.ask(&format!("elect {election_type} none"), |_| elect(Some(vec![])));
        both.ask(&format!("elect {election_type} all"), |_| elect(None));
    }
    let move_to =
        |partition_index, replicas: Option<&[i32]>, topic: &str| AlterPartitionReassignmentsRequest {
            topics: vec![ReassignableTopic {
                name: topic.to_owned(),
                partitions: vec![ReassignablePartition {
                    partition_index,
                    replicas: replicas.map(<[i32]>::to_vec),
                }],
            }],
            ..rest()
        };
    both.ask("move to where it is", |_| move_to(0, Some(&[1]), topic));
    both.ask("move no more", |_| move_to(0, None, topic));
    both.ask("move to a stranger", |_| move_to(0, Some(&[1, 7]), topic));
    both.ask("move to nobody", |_| move_to(0, Some(&[]), topic));
    both.ask("move to one twice", |_| move_to(0, Some(&[1, 1]), topic));
    both.ask("move below 0", |_| move_to(0, Some(&[-1]), topic));
    both.ask("move an unknown partition", |_| move_to(9, Some(&[1]), topic));
    both.ask("move an unknown topic", |_| move_to(0, Some(&[1]), "none"));
    both.ask("move nothing", |_| AlterPartitionReassignmentsRequest::default());
    let moves = |topics: Option<Vec<(&str, &[i32])>>| ListPartitionReassignmentsRequest {
        topics: topics.map(|topics| {
            topics
                .into_iter()
                .map(|(name, partitions)| ListPartitionReassignmentsTopics {
                    name: name.to_owned(),
                    partition_indexes: partitions.to_vec(),
                })
                .collect()
        }),
        ..rest()
    };
    both.ask("moves", |_| moves(None));
    both.ask("moves of a topic", |_| {
        moves(Some(vec![(topic, &[0, 9]), ("none", &[0])]))
    });
    both.ask("moves of nothing", |_| moves(Some(vec![])));
}

fn coordinators(both: &mut Both) {
    let of = |key: &str, key_type, more: &[&str]| FindCoordinatorRequest {
        key: key.to_owned(),
        key_type,
        coordinator_keys: [&[key], more]
            .concat()
            .iter()
            .map(|key| (*key).to_owned())
            .collect(),
    };
    for key_type in [0, 1] {
        both.ask(&format!("coordinator of {key_type}"), |_| of("a", key_type, &[]));
        both.ask(&format!("coordinator of {key_type} without a name"), |_| {
            of("", key_type, &[])
        });
        both.ask(&format!("coordinators of {key_type}"), |_| {
            of("a", key_type, &["b", "a"])
        });
    }
    // 2 is for share groups, which we do not have.
    for key_type in [3, -1] {
        both.ask(&format!("coordinator of {key_type}"), |_| of("a", key_type, &[]));
    }
    both.ask("coordinators of nothing", |_| FindCoordinatorRequest {
        coordinator_keys: vec![],
        ..of("a", 0, &[])
    });
}

/// What clients do first: from here on both have the topics that coordinators keep their state in.
pub(crate) fn first(both: &mut Both) {
    both.set_up(|both| {
        for key_type in [0, 1] {
            both.ask("first of all", |_| FindCoordinatorRequest {
                key_type,
                coordinator_keys: vec!["a".to_owned()],
                ..rest()
            });
        }
        know(both, "__consumer_offsets");
        know(both, "__transaction_state");
    });
}

/// Bytes that no honest client sends, once: whether they are answered, or the connection is closed.
pub(crate) fn hostile(both: &mut Both) {
    let frame = |key: i16, version: i16, flexible: bool, body: &[u8]| {
        let mut w = Writer::new();
        w.i16(key);
        w.i16(version);
        w.i32(7);
        w.string(Some("beside")).unwrap();
        if flexible {
            w.uvarint(0);
        }
        w.put(body);
        let bytes = w.into_bytes();
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()
    };
    for version in 0..=2 {
        let empty = [0, 1, 0, 0, 3, 232, 0, 0, 0, 0];
        both.ask_raw(
            "an old produce",
            ApiKey::Produce,
            version,
            &frame(0, version, false, &empty),
        );
    }
    for (what, key, version, flexible, body) in [
        ("a version that is too new", 3, 99, true, &[][..]),
        ("a version below all", 3, -1, false, &[]),
        ("an unknown key", 999, 0, false, &[]),
        ("versions of a version that is too new", 18, 99, true, &[]),
        ("a version that was dropped", 1, 3, false, &[]),
        ("a body that ends early", 3, 1, false, &[0, 0]),
        (
            "a count that is not there",
            3,
            1,
            false,
            &[0x7f, 0xff, 0xff, 0xff],
        ),
        ("a length below null", 3, 1, false, &[0, 0, 0, 1, 0xff, 0xf0]),
        ("null where it may not be", 3, 0, false, &[0xff, 0xff, 0xff, 0xff]),
        ("a null name", 3, 1, false, &[0, 0, 0, 1, 0xff, 0xff]),
        ("a null group", 12, 0, false, &[0xff, 0xff, 0, 0, 0, 0, 0, 0]),
        (
            "more than a body",
            12,
            0,
            false,
            &[0, 1, b'g', 0, 0, 0, 0, 0, 1, b'm', 9, 9, 9],
        ),
        (
            "a tagged field that nobody knows",
            12,
            4,
            true,
            &[2, b'g', 0, 0, 0, 0, 2, b'm', 0, 1, 99, 1, 7],
        ),
        (
            "a tagged field that ends early",
            12,
            4,
            true,
            &[2, b'g', 0, 0, 0, 0, 2, b'm', 0, 1, 99, 9, 7],
        ),
        (
            "bytes that are no text",
            12,
            0,
            false,
            &[0, 1, 0xff, 0, 0, 0, 0, 0, 1, b'm'],
        ),
    ] {
        let of = ApiKey::from_code(key).unwrap_or(ApiKey::ApiVersions);
        both.ask_raw(what, of, version, &frame(key, version, flexible, body));
    }
    both.ask_raw("nothing at all", ApiKey::ApiVersions, 0, &[0, 0, 0, 0]);
    both.ask_raw(
        "a length below 0",
        ApiKey::ApiVersions,
        0,
        &[0xff, 0xff, 0xff, 0xff],
    );
    both.ask_raw(
        "a length above all",
        ApiKey::ApiVersions,
        0,
        &[0x7f, 0xff, 0xff, 0xff],
    );
}
