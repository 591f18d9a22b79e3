//! Topics: made, asked for, grown and deleted.

use annals_kafka_wire::message::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
};
use annals_kafka_wire::message::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use annals_kafka_wire::message::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use annals_kafka_wire::message::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, TopicRequest,
};
use annals_kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use annals_kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};

use super::both::Both;

/// The rest of a message as it is when nothing is said.
pub(crate) fn rest<T: Default>() -> T {
    T::default()
}

/// Makes a topic in both, waits until it can be written to, and calls its id by its name.
pub(crate) fn make(both: &mut Both, name: &str, partitions: i32, configs: &[(&str, &str)]) {
    both.set_up(|both| {
        both.ask("make", |_| creation(vec![topic(name, partitions, configs)]));
        know(both, name);
        both.ask_until(
            "until it is there",
            |_| ListOffsetsRequest {
                replica_id: -1,
                topics: vec![ListOffsetsTopic {
                    name: name.to_owned(),
                    partitions: (0..partitions)
                        .map(|partition_index| ListOffsetsPartition {
                            partition_index,
                            timestamp: -1,
                            ..rest()
                        })
                        .collect(),
                }],
                ..rest()
            },
            |answer| {
                answer
                    .topics
                    .iter()
                    .flat_map(|topic| &topic.partitions)
                    .all(|one| one.error_code == 0)
            },
        );
    });
}

/// Waits until both know a topic, and calls its id by its name.
pub(crate) fn know(both: &mut Both, name: &str) {
    both.set_up(|both| {
        let known = both.ask_until(
            "until it is known",
            |_| described(&[name]),
            |answer| answer.topics.iter().all(|topic| topic.error_code == 0),
        );
        both.name_topics(name, &known, |answer| answer.topics[0].topic_id);
    });
}

/// Waits until nobody knows a topic any more.
fn forget(both: &mut Both, name: &str) {
    both.set_up(|both| {
        both.ask_until(
            "until it is gone",
            |_| described(&[name]),
            |answer| answer.topics.iter().all(|topic| topic.error_code != 0),
        );
    });
}

fn described(names: &[&str]) -> DescribeTopicPartitionsRequest {
    DescribeTopicPartitionsRequest {
        topics: names
            .iter()
            .map(|name| TopicRequest {
                name: (*name).to_owned(),
            })
            .collect(),
        ..rest()
    }
}

fn topic(name: &str, num_partitions: i32, configs: &[(&str, &str)]) -> CreatableTopic {
    CreatableTopic {
        name: name.to_owned(),
        num_partitions,
        replication_factor: 1,
        configs: configs
            .iter()
            .map(|(name, value)| CreatableTopicConfig {
                name: (*name).to_owned(),
                value: Some((*value).to_owned()),
            })
            .collect(),
        ..rest()
    }
}

fn creation(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest { topics, ..rest() }
}

/// A partition, and the brokers that hold it.
type Place<'a> = (i32, &'a [i32]);

/// A topic with its partitions laid out by hand.
fn laid_out(
    name: &str,
    num_partitions: i32,
    replication_factor: i16,
    places: &[Place<'_>],
) -> CreatableTopic {
    let assignments = places
        .iter()
        .map(|(partition_index, brokers)| CreatableReplicaAssignment {
            partition_index: *partition_index,
            broker_ids: brokers.to_vec(),
        });
    CreatableTopic {
        name: name.to_owned(),
        num_partitions,
        replication_factor,
        assignments: assignments.collect(),
        ..rest()
    }
}

pub(crate) fn script(both: &mut Both) {
    creating(both);
    asking(both);
    growing(both);
    deleting(both);
}

fn creating(both: &mut Both) {
    let (plain, laid, first) = (both.name("plain"), both.name("laid"), both.name("first"));
    let name = both.name("x");
    both.ask("create", |_| {
        creation(vec![topic(
            &plain,
            3,
            &[("retention.ms", "86400000"), ("cleanup.policy", "compact")],
        )])
    });
    know(both, &plain);
    both.ask("create again", |_| creation(vec![topic(&plain, 3, &[])]));
    both.ask("create laid out", |_| {
        creation(vec![laid_out(&laid, -1, -1, &[(0, &[1]), (1, &[1])])])
    });
    know(both, &laid);
    both.ask("create none", |_| creation(vec![]));
    both.ask("create several", |_| {
        creation(vec![
            topic(&first, 1, &[]),
            topic(&plain, 1, &[]),
            topic("a b", 1, &[]),
        ])
    });
    know(both, &first);
    both.ask("create one twice", |_| {
        creation(vec![topic(&name, 1, &[]), topic(&name, 2, &[])])
    });
    both.ask("only try", |_| CreateTopicsRequest {
        validate_only: true,
        ..creation(vec![topic(&name, 2, &[("retention.ms", "5")])])
    });
    let long = "n".repeat(250);
    for bad in [
        "",
        ".",
        "..",
        "a/b",
        "ä",
        long.as_str(),
        "__consumer_offsets",
        "__cluster_metadata",
    ] {
        both.ask(&format!("create named {bad:.5}"), |_| {
            creation(vec![topic(bad, 1, &[])])
        });
    }
    // A name that differs from another's in a dot alone: metrics know them as the same.
    let (dotted, under) = (name.replace('-', "."), name.replace('-', "_"));
    both.ask("create with dots", |_| creation(vec![topic(&dotted, 1, &[])]));
    both.ask("create with underscores", |_| {
        creation(vec![topic(&under, 1, &[])])
    });
    for partitions in [0, -1, -2] {
        let name = both.name(&format!("partitions{partitions}"));
        both.ask(&format!("create {partitions} partitions"), |_| {
            creation(vec![topic(&name, partitions, &[])])
        });
    }
    for replication_factor in [0, -1, -2, 2] {
        let name = both.name(&format!("replicas{replication_factor}"));
        both.ask(&format!("create {replication_factor} replicas"), |_| {
            creation(vec![CreatableTopic {
                replication_factor,
                ..topic(&name, 1, &[])
            }])
        });
    }
    let layouts: &[(&str, i32, i16, &[Place<'_>])] = &[
        ("with a number of partitions", 2, -1, &[(0, &[1]), (1, &[1])]),
        ("with a number of replicas", -1, 1, &[(0, &[1])]),
        ("with a gap", -1, -1, &[(0, &[1]), (2, &[1])]),
        ("from 1 on", -1, -1, &[(1, &[1])]),
        ("below 0", -1, -1, &[(-1, &[1])]),
        ("twice", -1, -1, &[(0, &[1]), (0, &[1])]),
        ("on nobody", -1, -1, &[(0, &[])]),
        ("on one twice", -1, -1, &[(0, &[1, 1])]),
        ("on a stranger", -1, -1, &[(0, &[7])]),
        ("on several", -1, -1, &[(0, &[1]), (1, &[1, 7])]),
    ];
    for (what, partitions, replicas, places) in layouts {
        both.ask(&format!("lay out {what}"), |_| {
            creation(vec![laid_out(&name, *partitions, *replicas, places)])
        });
    }
    for (key, value) in [
        ("no.such.config", "1"),
        ("retention.ms", "long"),
        ("retention.ms", "-2"),
        ("retention.ms", ""),
        ("cleanup.policy", "burn"),
        ("cleanup.policy", ""),
        ("compression.type", "rar"),
        ("max.message.bytes", "-1"),
        ("segment.bytes", "1"),
        ("min.insync.replicas", "0"),
        ("message.timestamp.type", "Never"),
        ("min.cleanable.dirty.ratio", "2"),
        ("unclean.leader.election.enable", "perhaps"),
        ("remote.storage.enable", "true"),
        ("", "1"),
    ] {
        let name = both.name(&format!("with-{key}-{}", value.len()));
        both.ask(&format!("create with {key}={value}"), |_| {
            creation(vec![topic(&name, 1, &[(key, value)])])
        });
    }
    let nulled = both.name("nulled");
    both.ask("create with null", |_| {
        let nothing = CreatableTopicConfig {
            name: "retention.ms".to_owned(),
            value: None,
        };
        creation(vec![CreatableTopic {
            configs: vec![nothing],
            ..topic(&nulled, 1, &[])
        }])
    });
    let twice = both.name("twice");
    both.ask("create with a setting twice", |_| {
        creation(vec![topic(
            &twice,
            1,
            &[("retention.ms", "1000"), ("retention.ms", "2000")],
        )])
    });
}

fn by_name(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic {
        name: Some(name.to_owned()),
        ..rest()
    }
}

fn asking(both: &mut Both) {
    let (plain, laid, none) = (both.name("plain"), both.name("laid"), both.name("none"));
    let about = |topics: Vec<MetadataRequestTopic>| MetadataRequest {
        topics: Some(topics),
        allow_auto_topic_creation: false,
        ..rest()
    };
    both.ask("metadata", |_| about(vec![by_name(&plain), by_name(&laid)]));
    both.ask("metadata of none", |_| about(vec![]));
    both.ask("metadata of one twice", |_| {
        about(vec![by_name(&plain), by_name(&plain)])
    });
    both.ask("metadata with what is allowed", |_| MetadataRequest {
        include_cluster_authorized_operations: true,
        include_topic_authorized_operations: true,
        ..about(vec![by_name(&plain)])
    });
    for strange in ["", "a/b", "..", "__consumer_offsets", "__cluster_metadata"] {
        both.ask(&format!("metadata of {strange}"), |_| {
            about(vec![by_name(strange)])
        });
    }
    if both.version_of(annals_kafka_wire::api_key::ApiKey::Metadata) >= 4 {
        both.ask("metadata of an unknown one", |_| {
            about(vec![by_name(&plain), by_name(&none)])
        });
    }
    if both.version_of(annals_kafka_wire::api_key::ApiKey::Metadata) >= 10 {
        let id = |topic_id| MetadataRequestTopic { topic_id, name: None };
        both.ask("metadata by id", |names| {
            about(vec![id(names.topic(&plain)), id(names.topic(&laid))])
        });
        both.ask("metadata by an unknown id", |_| about(vec![id([7; 16])]));
        both.ask("metadata by no id", |_| about(vec![id([0; 16])]));
        both.ask("metadata by id and name", |names| {
            about(vec![MetadataRequestTopic {
                topic_id: names.topic(&plain),
                name: Some(plain.clone()),
            }])
        });
        both.ask("metadata by id and by name", |names| {
            about(vec![id(names.topic(&plain)), by_name(&laid)])
        });
    }
    let auto = both.name("auto");
    both.ask_until(
        "metadata makes it",
        |_| MetadataRequest {
            topics: Some(vec![by_name(&auto)]),
            ..rest()
        },
        |answer| answer.topics.iter().all(|topic| topic.error_code == 0),
    );
    both.ask("metadata makes no bad name", |_| MetadataRequest {
        topics: Some(vec![by_name("a/b")]),
        ..rest()
    });

    both.ask("describe partitions", |_| described(&[&plain, &laid]));
    both.ask("describe partitions of an unknown one", |_| {
        described(&[&none, "a/b", &plain])
    });
    both.ask("describe partitions of one twice", |_| {
        described(&[&plain, &plain])
    });
    for limit in [0, -1, 1, 2, 4] {
        both.ask(&format!("describe {limit} partitions"), |_| {
            DescribeTopicPartitionsRequest {
                response_partition_limit: limit,
                ..described(&[&plain, &laid])
            }
        });
    }
    for partition_index in [-1, 0, 1, 2, 3, 9] {
        both.ask(&format!("describe partitions from {partition_index}"), |_| {
            DescribeTopicPartitionsRequest {
                cursor: Some(Cursor {
                    topic_name: plain.clone(),
                    partition_index,
                }),
                ..described(&[&plain, &laid])
            }
        });
    }
    both.ask("describe partitions from an unknown one", |_| {
        DescribeTopicPartitionsRequest {
            cursor: Some(Cursor {
                topic_name: none.clone(),
                partition_index: 0,
            }),
            ..described(&[&plain, &laid])
        }
    });
}

fn growing(both: &mut Both) {
    let (plain, laid, none) = (both.name("plain"), both.name("laid"), both.name("none"));
    let more = |name: &str, count, places: Option<&[&[i32]]>| CreatePartitionsTopic {
        name: name.to_owned(),
        count,
        assignments: places.map(|places| {
            let assignment = |brokers: &&[i32]| CreatePartitionsAssignment {
                broker_ids: brokers.to_vec(),
            };
            places.iter().map(assignment).collect()
        }),
    };
    let request = |topics| CreatePartitionsRequest {
        topics,
        timeout_ms: 30_000,
        ..rest()
    };
    both.ask("grow", |_| request(vec![more(&plain, 4, None)]));
    both.ask("grow laid out", |_| {
        request(vec![more(&laid, 4, Some(&[&[1], &[1]]))])
    });
    both.ask("only try to grow", |_| CreatePartitionsRequest {
        validate_only: true,
        ..request(vec![more(&plain, 6, None)])
    });
    for count in [4, 3, 0, -1] {
        both.ask(&format!("grow to {count}"), |_| {
            request(vec![more(&plain, count, None)])
        });
    }
    let layouts: &[(&str, &[&[i32]])] = &[
        ("of none", &[]),
        ("of too many", &[&[1], &[1]]),
        ("on a stranger", &[&[7]]),
        ("on nobody", &[&[]]),
        ("on one twice", &[&[1, 1]]),
    ];
    for (what, places) in layouts {
        both.ask(&format!("grow by a layout {what}"), |_| {
            request(vec![more(&plain, 5, Some(places))])
        });
    }
    both.ask("grow an unknown one", |_| {
        request(vec![
            more(&none, 4, None),
            more("a/b", 2, None),
            more("", 2, None),
        ])
    });
    both.ask("grow one twice", |_| {
        request(vec![more(&plain, 7, None), more(&plain, 8, None)])
    });
    both.ask("grow none", |_| request(vec![]));
}

fn deleting(both: &mut Both) {
    let (plain, laid, first, none) = (
        both.name("plain"),
        both.name("laid"),
        both.name("first"),
        both.name("none"),
    );
    let named = |names: &[&str]| DeleteTopicsRequest {
        topics: names
            .iter()
            .map(|name| DeleteTopicState {
                name: Some((*name).to_owned()),
                ..rest()
            })
            .collect(),
        topic_names: names.iter().map(|name| (*name).to_owned()).collect(),
        timeout_ms: 30_000,
    };
    both.ask("delete none", |_| named(&[]));
    both.ask("delete unknown ones", |_| {
        named(&[&none, "a/b", "", "__cluster_metadata"])
    });
    both.ask("delete one twice", |_| named(&[&first, &first]));
    both.ask("delete", |_| named(&[&plain]));
    forget(both, &plain);
    both.ask("delete again", |_| named(&[&plain]));
    if both.version_of(annals_kafka_wire::api_key::ApiKey::DeleteTopics) >= 6 {
        let one = |name: Option<&str>, topic_id| DeleteTopicsRequest {
            topics: vec![DeleteTopicState {
                name: name.map(str::to_owned),
                topic_id,
            }],
            timeout_ms: 30_000,
            ..rest()
        };
        both.ask("delete by an unknown id", |_| one(None, [7; 16]));
        both.ask("delete by the id of one that is gone", |names| {
            one(None, names.topic(&plain))
        });
        both.ask("delete by nothing", |_| one(None, [0; 16]));
        both.ask("delete by name and id", |names| {
            one(Some(&laid), names.topic(&laid))
        });
        both.ask("delete by id", |names| one(None, names.topic(&laid)));
        forget(both, &laid);
    }
}
