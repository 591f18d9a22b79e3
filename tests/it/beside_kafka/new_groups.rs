//! Groups of the new protocol (KIP-848): heartbeats, what they refuse, descriptions, and their offsets.

use std::collections::HashMap;
use std::time::Instant;

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::message::consumer_group_describe::ConsumerGroupDescribeRequest;
use annals_kafka_wire::message::consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, TopicPartitions};
use annals_kafka_wire::message::delete_groups::DeleteGroupsRequest;
use annals_kafka_wire::message::describe_groups::DescribeGroupsRequest;
use annals_kafka_wire::message::heartbeat::HeartbeatRequest;
use annals_kafka_wire::message::list_groups::ListGroupsRequest;

use super::both::{Both, PATIENCE};
use super::offsets::{commit, committed};
use super::side::{Names, Side};
use super::topics::{make, rest};

const JOINS: i32 = 0;
const LEAVES: i32 = -1;
const LEAVES_FOR_A_WHILE: i32 = -2;

pub(crate) fn script(both: &mut Both) {
    let (topic, group) = (both.name("t"), both.name("g"));
    make(both, &topic, 2, &[]);
    refused(both, &topic);
    life(both, &topic, &group);
    described(both, &group);
    offsets(both, &topic, &group);
    two(both, &topic, &group);
    fixed(both, &topic);
    changes(both, &topic);
    ends(both, &topic, &group);
}

fn beat(group: &str, member_id: &str, member_epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: group.to_owned(),
        member_id: member_id.to_owned(),
        member_epoch,
        ..rest()
    }
}

/// A member's first heartbeat. The client makes its id, as it must from version 1 on and may before.
fn joining(group: &str, member_id: &str, topics: &[&str]) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        rebalance_timeout_ms: 30_000,
        subscribed_topic_names: Some(topics.iter().map(|topic| (*topic).to_owned()).collect()),
        topic_partitions: Some(Vec::new()),
        ..beat(group, member_id, JOINS)
    }
}

fn owns(
    request: ConsumerGroupHeartbeatRequest,
    topic_id: [u8; 16],
    partitions: &[i32],
) -> ConsumerGroupHeartbeatRequest {
    let topic = TopicPartitions {
        topic_id,
        partitions: partitions.to_vec(),
    };
    ConsumerGroupHeartbeatRequest {
        topic_partitions: Some(vec![topic]),
        ..request
    }
}

fn about(group: &str) -> ConsumerGroupDescribeRequest {
    ConsumerGroupDescribeRequest {
        group_ids: vec![group.to_owned()],
        ..rest()
    }
}

fn refused(both: &mut Both, topic: &str) {
    let group = both.name("refused");
    let plain = joining(&group, "m", &[topic]);
    for (what, request) in [
        (
            "no group",
            ConsumerGroupHeartbeatRequest {
                group_id: String::new(),
                ..plain.clone()
            },
        ),
        (
            "an empty group",
            ConsumerGroupHeartbeatRequest {
                group_id: " ".to_owned(),
                ..plain.clone()
            },
        ),
        (
            "no time to rebalance",
            ConsumerGroupHeartbeatRequest {
                rebalance_timeout_ms: -1,
                ..plain.clone()
            },
        ),
        (
            "no topics",
            ConsumerGroupHeartbeatRequest {
                subscribed_topic_names: None,
                ..plain.clone()
            },
        ),
        (
            "nothing said of partitions",
            ConsumerGroupHeartbeatRequest {
                topic_partitions: None,
                ..plain.clone()
            },
        ),
        ("partitions it has", owns(plain.clone(), [7; 16], &[0])),
        (
            "an epoch that is none",
            ConsumerGroupHeartbeatRequest {
                member_epoch: -3,
                ..plain.clone()
            },
        ),
        (
            "an empty name",
            ConsumerGroupHeartbeatRequest {
                instance_id: Some(String::new()),
                ..plain.clone()
            },
        ),
        (
            "an empty rack",
            ConsumerGroupHeartbeatRequest {
                rack_id: Some(String::new()),
                ..plain.clone()
            },
        ),
        (
            "an unknown assignor",
            ConsumerGroupHeartbeatRequest {
                server_assignor: Some("chance".to_owned()),
                ..plain.clone()
            },
        ),
        ("an epoch of an unknown group", beat(&group, "m", 1)),
        ("leaves an unknown group", beat(&group, "m", LEAVES)),
        (
            "leaves an unknown group for a while",
            beat(&group, "m", LEAVES_FOR_A_WHILE),
        ),
    ] {
        both.ask(&format!("heartbeat: {what}"), |_| request.clone());
    }
    if both.version_of(ApiKey::ConsumerGroupHeartbeat) >= 1 {
        both.ask("heartbeat: no member", |_| ConsumerGroupHeartbeatRequest {
            member_id: String::new(),
            ..plain.clone()
        });
        both.ask("heartbeat: an expression that is none", |_| {
            ConsumerGroupHeartbeatRequest {
                subscribed_topic_names: None,
                subscribed_topic_regex: Some("[".to_owned()),
                ..plain.clone()
            }
        });
    }
}

/// Asks, and keeps the member's epoch that comes of it by the member's name.
fn told(both: &mut Both, what: &str, request: impl Fn(&Names) -> ConsumerGroupHeartbeatRequest) {
    let answers = both.ask(what, &request);
    let name = request(&both.sides[0].names).member_id;
    both.count(&name, &answers, |answer| answer.member_epoch.into());
}

/// The same of a change that comes to something now or a moment later, so that what is said of it first is not compared.
fn told_aside(both: &mut Both, request: impl Fn(&Names) -> ConsumerGroupHeartbeatRequest) {
    for side in &mut both.sides {
        let request = request(&side.names);
        let answer = side.exchange(&request, 1).unwrap();
        side.names.keep(&request.member_id, answer.member_epoch.into());
    }
}

/// The epoch that a member was told last.
fn epoch(names: &Names, member: &str) -> i32 {
    i32::try_from(names.number(member)).unwrap()
}

/// Lets members go on as clients do, who have at once what they are given, until each has as many partitions as it
/// should and all is well.
fn settle(both: &mut Both, group: &str, members: &[(&str, usize)]) {
    for side in &mut both.sides {
        let (started, mut owned) = (Instant::now(), HashMap::new());
        while !is_settled(side, group, members, &mut owned) {
            assert!(
                started.elapsed() < PATIENCE,
                "{}: {group} does not settle: {members:?}",
                side.name
            );
        }
    }
}

/// Whether it is so, after one more heartbeat of each. A member owns what it was told last.
fn is_settled(
    side: &mut Side,
    group: &str,
    members: &[(&str, usize)],
    owned: &mut HashMap<String, Vec<TopicPartitions>>,
) -> bool {
    let described = side.exchange(&about(group), 0).unwrap();
    let mut is_settled = described.groups[0].group_state == "Stable";
    for member in &described.groups[0].members {
        let Some((name, count)) = members.iter().find(|(name, _)| *name == member.member_id) else {
            continue;
        };
        let has = owned.entry(member.member_id.clone()).or_insert_with(|| {
            let topics = member
                .assignment
                .topic_partitions
                .iter()
                .map(|topic| TopicPartitions {
                    topic_id: topic.topic_id,
                    partitions: topic.partitions.clone(),
                });
            topics.collect()
        });
        let request = ConsumerGroupHeartbeatRequest {
            topic_partitions: Some(has.clone()),
            ..beat(group, name, member.member_epoch)
        };
        let answer = side.exchange(&request, 1).unwrap();
        if let Some(assignment) = answer.assignment {
            *has = assignment.topic_partitions;
        }
        is_settled &= has.iter().map(|topic| topic.partitions.len()).sum::<usize>() == *count;
        is_settled &= answer.member_epoch == member.member_epoch;
        side.names.keep(name, answer.member_epoch.into());
    }
    is_settled
}

fn life(both: &mut Both, topic: &str, group: &str) {
    told(both, "join", |_| joining(group, "m1", &[topic]));
    settle(both, group, &[("m1", 2)]);
    let beats = |names: &Names| beat(group, "m1", epoch(names, "m1"));
    both.ask("heartbeat", beats);
    both.ask("heartbeat with what it has", |names| {
        owns(beats(names), names.topic(topic), &[0, 1])
    });
    both.ask("heartbeat in full", |names| ConsumerGroupHeartbeatRequest {
        member_epoch: epoch(names, "m1"),
        ..owns(joining(group, "m1", &[topic]), names.topic(topic), &[0, 1])
    });
    both.ask("heartbeat of an epoch ahead", |_| beat(group, "m1", 999));
    both.ask("heartbeat of a ghost", |_| beat(group, "ghost", 1));
    both.ask("join again", |_| joining(group, "m1", &[topic]));
    both.ask("heartbeat of an unknown static member", |names| {
        ConsumerGroupHeartbeatRequest {
            instance_id: Some("i".to_owned()),
            ..beats(names)
        }
    });
}

fn described(both: &mut Both, group: &str) {
    let of = |groups: &[&str]| ConsumerGroupDescribeRequest {
        group_ids: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..rest()
    };
    both.ask("describe", |_| of(&[group]));
    both.ask("describe with what is allowed", |_| {
        ConsumerGroupDescribeRequest {
            include_authorized_operations: true,
            ..of(&[group])
        }
    });
    both.ask("describe unknown ones", |_| of(&["nobody", "", group, group]));
    both.ask("describe none", |_| of(&[]));
    both.ask("describe as of the classic protocol", |_| DescribeGroupsRequest {
        groups: vec![group.to_owned()],
        ..rest()
    });
    both.set_up(|both| {
        for (states, types) in [
            (vec!["Stable"], vec!["consumer"]),
            (vec!["Reconciling", "Assigning"], vec![]),
        ] {
            both.ask(&format!("list {states:?} {types:?}"), |_| ListGroupsRequest {
                states_filter: states.iter().map(|state| (*state).to_owned()).collect(),
                types_filter: types.iter().map(|kind| (*kind).to_owned()).collect(),
            });
        }
    });
}

fn offsets(both: &mut Both, topic: &str, group: &str) {
    let offsets = &[(0, 3, Some("n"))];
    both.ask("commit", |names| {
        commit(names, group, epoch(names, "m1"), "m1", topic, offsets)
    });
    for (what, member, epoch) in [
        ("of an epoch ahead", "m1", 999),
        ("of an epoch before", "m1", 0),
        ("of a ghost", "ghost", 1),
        ("from outside", "", -1),
    ] {
        both.ask(&format!("commit {what}"), |names| {
            commit(names, group, epoch, member, topic, offsets)
        });
    }
    both.ask("committed", |names| committed(names, group, topic, Some(&[0, 1])));
    if both.version_of(ApiKey::OffsetFetch) >= 9 {
        for (member, other) in [
            ("m1", None),
            ("m1", Some(999)),
            ("m1", Some(0)),
            ("ghost", Some(1)),
            ("m1", Some(-1)),
        ] {
            both.ask(&format!("committed, asked by {member} in {other:?}"), |names| {
                let mut request = committed(names, group, topic, Some(&[0]));
                request.groups[0].member_id = Some(member.to_owned());
                request.groups[0].member_epoch = other.unwrap_or_else(|| epoch(names, "m1"));
                request
            });
        }
    }
    both.ask("the classic heartbeat", |names| HeartbeatRequest {
        group_id: group.to_owned(),
        generation_id: epoch(names, "m1"),
        member_id: "m1".to_owned(),
        ..rest()
    });
    both.ask("delete a group with a member", |_| DeleteGroupsRequest {
        groups_names: vec![group.to_owned()],
    });
}

/// A second member comes, is given what the first gives up, and goes.
fn two(both: &mut Both, topic: &str, group: &str) {
    told(both, "the second joins", |_| joining(group, "m2", &[topic]));
    settle(both, group, &[("m1", 1), ("m2", 1)]);
    both.ask("describe two", |_| about(group));
    both.ask("the second leaves", |_| beat(group, "m2", LEAVES));
    both.ask("the second is gone", |names| {
        beat(group, "m2", epoch(names, "m2"))
    });
    settle(both, group, &[("m1", 2)]);
    both.ask("describe the first alone", |_| about(group));
}

/// A member with a name of its own.
fn fixed(both: &mut Both, topic: &str) {
    let group = both.name("fixed");
    let named = |request: ConsumerGroupHeartbeatRequest| ConsumerGroupHeartbeatRequest {
        instance_id: Some("i".to_owned()),
        ..request
    };
    told(both, "a static member joins", |_| {
        named(joining(&group, "s1", &[topic]))
    });
    both.ask("another of its name joins", |_| {
        named(joining(&group, "s2", &[topic]))
    });
    both.ask("a static member leaves for a while", |_| {
        named(beat(&group, "s1", LEAVES_FOR_A_WHILE))
    });
    both.ask("describe without it", |_| about(&group));
    told(both, "a static member comes back", |_| {
        named(joining(&group, "s3", &[topic]))
    });
    both.ask("who it was before is fenced", |names| {
        named(beat(&group, "s1", epoch(names, "s1")))
    });
    both.ask("who it was before is unknown", |names| {
        beat(&group, "s1", epoch(names, "s1"))
    });
    both.ask("who it was before leaves", |_| named(beat(&group, "s1", LEAVES)));
    both.ask("a static member leaves", |_| named(beat(&group, "s3", LEAVES)));
    both.ask("a dynamic member leaves for a while", |_| {
        beat(&group, "s3", LEAVES_FOR_A_WHILE)
    });
}

/// What a member wants changes.
fn changes(both: &mut Both, topic: &str) {
    let (group, other) = (both.name("changes"), both.name("other"));
    told(both, "join for what is not there", |_| {
        joining(&group, "c", &["none"])
    });
    make(both, &other, 1, &[]);
    let wants = |names: &Names, topics: &[&String]| ConsumerGroupHeartbeatRequest {
        subscribed_topic_names: Some(topics.iter().map(|topic| (*topic).clone()).collect()),
        ..beat(&group, "c", epoch(names, "c"))
    };
    told_aside(both, |names| wants(names, &[&other, &topic.to_owned()]));
    settle(both, &group, &[("c", 3)]);
    both.ask("describe who wants another", |_| about(&group));
    told(both, "choose an assignor", |names| {
        ConsumerGroupHeartbeatRequest {
            server_assignor: Some("range".to_owned()),
            ..beat(&group, "c", epoch(names, "c"))
        }
    });
    settle(both, &group, &[("c", 3)]);
    both.ask("describe who chose", |_| about(&group));
    told(both, "want nothing", |names| wants(names, &[]));
    both.ask("leave after all", |_| beat(&group, "c", LEAVES));
    if both.version_of(ApiKey::ConsumerGroupHeartbeat) >= 1 {
        let (group, pattern) = (both.name("pattern"), format!("{}.*", both.name("oth")));
        told_aside(both, |_| ConsumerGroupHeartbeatRequest {
            subscribed_topic_names: None,
            subscribed_topic_regex: Some(pattern.clone()),
            ..joining(&group, "r", &[])
        });
        settle(both, &group, &[("r", 1)]);
        both.ask("describe an expression", |_| about(&group));
        both.ask("leave with an expression", |_| beat(&group, "r", LEAVES));
    }
}

fn ends(both: &mut Both, topic: &str, group: &str) {
    both.ask("leave", |_| beat(group, "m1", LEAVES));
    both.ask("leave again", |_| beat(group, "m1", LEAVES));
    both.ask("describe an empty one", |_| ConsumerGroupDescribeRequest {
        group_ids: vec![group.to_owned()],
        ..rest()
    });
    both.ask("commit to an empty one", |names| {
        commit(names, group, -1, "", topic, &[(0, 8, Some(""))])
    });
    both.ask("delete", |_| DeleteGroupsRequest {
        groups_names: vec![group.to_owned()],
    });
    both.ask("describe a deleted one", |_| ConsumerGroupDescribeRequest {
        group_ids: vec![group.to_owned()],
        ..rest()
    });
    let classic_one = both.name("classic");
    both.set_up(|both| {
        both.ask("commit to a group of no protocol", |names| {
            commit(names, &classic_one, -1, "", topic, &[(0, 8, Some(""))])
        })
    });
    both.ask("describe a classic one", |_| ConsumerGroupDescribeRequest {
        group_ids: vec![classic_one.clone()],
        ..rest()
    });
    both.ask("join an empty classic one", |_| {
        joining(&classic_one, "m1", &[topic])
    });
    both.ask("describe an upgraded one", |_| ConsumerGroupDescribeRequest {
        group_ids: vec![classic_one.clone()],
        ..rest()
    });
    both.ask("leave an upgraded one", |_| beat(&classic_one, "m1", LEAVES));
}
