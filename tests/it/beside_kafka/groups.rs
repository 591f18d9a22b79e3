//! Groups of the classic protocol: joined, synchronised, kept alive, committed to, described, left and deleted.

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::message::delete_groups::DeleteGroupsRequest;
use annals_kafka_wire::message::describe_groups::DescribeGroupsRequest;
use annals_kafka_wire::message::heartbeat::HeartbeatRequest;
use annals_kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use annals_kafka_wire::message::leave_group::{LeaveGroupRequest, MemberIdentity};
use annals_kafka_wire::message::list_groups::ListGroupsRequest;
use annals_kafka_wire::message::offset_commit::OffsetCommitRequest;
use annals_kafka_wire::message::offset_delete::OffsetDeleteRequest;
use annals_kafka_wire::message::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use bytes::Bytes;

use super::both::Both;
use super::offsets::{commit, committed, forget, simple};
use super::side::Names;
use super::topics::{make, rest};

pub(crate) fn script(both: &mut Both) {
    let (topic, group) = (both.name("t"), both.name("g"));
    make(both, &topic, 2, &[]);
    simple(both, &topic);
    refused(both, &group);
    life(both, &topic, &group);
    two(both);
    fixed(both);
    ends(both, &topic, &group);
}

fn join(group: &str, member_id: &str, protocols: &[(&str, &'static [u8])]) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.to_owned(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 30_000,
        member_id: member_id.to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: protocols
            .iter()
            .map(|(name, metadata)| JoinGroupRequestProtocol {
                name: (*name).to_owned(),
                metadata: Bytes::from_static(metadata),
            })
            .collect(),
        ..rest()
    }
}

/// Any client's way in: from version 4 on it is given its id first.
fn joined(both: &mut Both, what: &str, member: &str, request: &JoinGroupRequest) {
    let mut answers = both.ask(what, |_| request.clone());
    if both.version_of(ApiKey::JoinGroup) >= 4 && request.group_instance_id.is_none() {
        both.name_texts(member, &answers, |answer| &answer.member_id);
        answers = both.ask(&format!("{what}, by its id"), |names| JoinGroupRequest {
            member_id: names.text(member),
            ..request.clone()
        });
    }
    both.name_texts(member, &answers, |answer| &answer.member_id);
}

fn sync(
    names: &Names,
    group: &str,
    generation_id: i32,
    member: &str,
    shares: &[(&str, &'static [u8])],
) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: group.to_owned(),
        generation_id,
        member_id: names.text(member),
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        assignments: shares
            .iter()
            .map(|(member, share)| SyncGroupRequestAssignment {
                member_id: names.text(member),
                assignment: Bytes::from_static(share),
            })
            .collect(),
        ..rest()
    }
}

fn beat(group: &str, generation_id: i32, member_id: &str) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: group.to_owned(),
        generation_id,
        member_id: member_id.to_owned(),
        ..rest()
    }
}

fn refused(both: &mut Both, group: &str) {
    let plain = join(group, "", &[("range", b"m")]);
    for (what, request) in [
        (
            "without a group",
            JoinGroupRequest {
                group_id: String::new(),
                ..plain.clone()
            },
        ),
        (
            "of a ghost",
            JoinGroupRequest {
                member_id: "ghost".to_owned(),
                ..plain.clone()
            },
        ),
        (
            "for too short",
            JoinGroupRequest {
                session_timeout_ms: 1,
                ..plain.clone()
            },
        ),
        (
            "for too long",
            JoinGroupRequest {
                session_timeout_ms: i32::MAX,
                ..plain.clone()
            },
        ),
        (
            "for less than nothing",
            JoinGroupRequest {
                session_timeout_ms: -1,
                ..plain.clone()
            },
        ),
        (
            "without a protocol",
            JoinGroupRequest {
                protocols: vec![],
                ..plain.clone()
            },
        ),
        (
            "without a type",
            JoinGroupRequest {
                protocol_type: String::new(),
                ..plain.clone()
            },
        ),
    ] {
        both.ask(&format!("join {what}"), |_| request.clone());
    }
    both.ask("heartbeat to an unknown group", |_| beat("nobody", 1, "ghost"));
    both.ask("heartbeat without a group", |_| beat("", 1, "ghost"));
    both.ask("sync of an unknown group", |_| SyncGroupRequest {
        group_id: "nobody".to_owned(),
        generation_id: 1,
        member_id: "ghost".to_owned(),
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        ..rest()
    });
    both.ask("sync without a group", |_| SyncGroupRequest {
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        ..rest()
    });
    both.ask("leave an unknown group", |_| leave("nobody", &["ghost"]));
    both.ask("leave without a group", |_| leave("", &["ghost"]));
}

fn leave(group: &str, members: &[&str]) -> LeaveGroupRequest {
    LeaveGroupRequest {
        group_id: group.to_owned(),
        member_id: members
            .first()
            .map(|member| (*member).to_owned())
            .unwrap_or_default(),
        members: members
            .iter()
            .map(|member| MemberIdentity {
                member_id: (*member).to_owned(),
                ..rest()
            })
            .collect(),
    }
}

fn life(both: &mut Both, topic: &str, group: &str) {
    let described = |group: &str| DescribeGroupsRequest {
        groups: vec![group.to_owned()],
        ..rest()
    };
    joined(
        both,
        "join",
        "m1",
        &join(group, "", &[("range", b"m"), ("roundrobin", b"n")]),
    );
    both.ask("describe before it is assigned", |_| described(group));
    both.ask("heartbeat before it is assigned", |names| {
        beat(group, 1, &names.text("m1"))
    });
    both.ask("commit before it is assigned", |names| {
        commit(names, group, 1, &names.text("m1"), topic, &[(0, 1, Some(""))])
    });
    both.ask("sync of a generation ahead", |names| {
        sync(names, group, 7, "m1", &[])
    });
    if both.version_of(ApiKey::SyncGroup) >= 5 {
        for (kind, protocol) in [("connect", "range"), ("consumer", "sticky")] {
            both.ask(&format!("sync of {kind} {protocol}"), |names| SyncGroupRequest {
                protocol_type: Some(kind.to_owned()),
                protocol_name: Some(protocol.to_owned()),
                ..sync(names, group, 1, "m1", &[])
            });
        }
        both.ask("sync of no protocol", |names| SyncGroupRequest {
            protocol_type: None,
            protocol_name: None,
            ..sync(names, group, 1, "m1", &[("m1", b"share")])
        });
    }
    both.ask("sync", |names| sync(names, group, 1, "m1", &[("m1", b"share")]));
    both.ask("sync again", |names| {
        sync(names, group, 1, "m1", &[("m1", b"other")])
    });
    both.ask("heartbeat", |names| beat(group, 1, &names.text("m1")));
    both.ask("heartbeat of a generation ahead", |names| {
        beat(group, 2, &names.text("m1"))
    });
    both.ask("heartbeat of a ghost", |_| beat(group, 1, "ghost"));
    both.ask("commit", |names| {
        commit(names, group, 1, &names.text("m1"), topic, &[(0, 9, Some("n"))])
    });
    both.ask("commit of a generation ahead", |names| {
        commit(names, group, 2, &names.text("m1"), topic, &[(0, 1, Some(""))])
    });
    both.ask("commit of a ghost", |names| {
        commit(names, group, 1, "ghost", topic, &[(0, 1, Some(""))])
    });
    both.ask("commit from outside", |names| {
        commit(names, group, -1, "", topic, &[(1, 4, Some(""))])
    });
    both.ask("committed by a group", |names| {
        committed(names, group, topic, Some(&[0, 1]))
    });
    both.ask("describe", |_| described(group));
    both.ask("describe with what is allowed", |_| DescribeGroupsRequest {
        include_authorized_operations: true,
        ..described(group)
    });
    both.ask("describe unknown ones", |_| DescribeGroupsRequest {
        groups: vec![
            "nobody".to_owned(),
            String::new(),
            group.to_owned(),
            group.to_owned(),
        ],
        ..rest()
    });
    both.ask("describe none", |_| DescribeGroupsRequest::default());
    for (states, types) in [
        (vec![], vec![]),
        (vec!["Stable"], vec![]),
        (vec!["stable", "Nonsense"], vec![]),
        (vec!["Nonsense"], vec![]),
        (vec![], vec!["classic"]),
        (vec![], vec!["Consumer"]),
        (vec![], vec!["nonsense"]),
        (vec!["Empty"], vec!["classic"]),
    ] {
        both.ask(&format!("list {states:?} {types:?}"), |_| ListGroupsRequest {
            states_filter: states.iter().map(|state| (*state).to_owned()).collect(),
            types_filter: types.iter().map(|kind| (*kind).to_owned()).collect(),
        });
    }
    both.ask("delete a group with a member", |_| DeleteGroupsRequest {
        groups_names: vec![group.to_owned()],
    });
    both.ask("delete an offset that a member may want", |_| {
        forget(group, topic, &[0])
    });
    both.ask("join as another type", |_| JoinGroupRequest {
        protocol_type: "connect".to_owned(),
        ..join(group, "", &[("range", b"m")])
    });
    both.ask("join with other protocols", |_| {
        join(group, "", &[("sticky", b"m")])
    });
    both.ask("join again as it was", |names| {
        join(group, &names.text("m1"), &[("range", b"m"), ("roundrobin", b"n")])
    });
}

/// A second member comes, and goes.
fn two(both: &mut Both) {
    let group = both.name("two");
    let protocols: &[(&str, &'static [u8])] = &[("range", b"m")];
    joined(both, "the first joins", "a", &join(&group, "", protocols));
    both.ask("the first syncs", |names| {
        sync(names, &group, 1, "a", &[("a", b"all")])
    });
    let is_told_first = both.version_of(ApiKey::JoinGroup) >= 4;
    if is_told_first {
        let told = both.ask("the second asks for an id", |_| join(&group, "", protocols));
        both.name_texts("b", &told, |answer| &answer.member_id);
    }
    let second = |names: &Names| {
        join(
            &group,
            &if is_told_first {
                names.text("b")
            } else {
                String::new()
            },
            protocols,
        )
    };
    let waiting = both.send("second", "the second joins", &second);
    both.ask_until(
        "the first is told",
        |names| beat(&group, 1, &names.text("a")),
        |answer| answer.error_code != 0,
    );
    both.ask("the first commits nothing meanwhile", |names| {
        commit(names, &group, 1, &names.text("a"), "t", &[])
    });
    both.ask("the first syncs meanwhile", |names| {
        sync(names, &group, 1, "a", &[])
    });
    let again = both.send("main", "the first joins again", &|names: &Names| {
        join(&group, &names.text("a"), protocols)
    });
    // Who leads has been told of both, so both have names before it is compared.
    let joined = both.receive::<JoinGroupRequest>(&waiting);
    both.name_texts("b", &joined, |answer| &answer.member_id);
    both.receive::<JoinGroupRequest>(&again);
    let waiting = both.send("second", "the second waits for its share", &|names: &Names| {
        sync(names, &group, 2, "b", &[])
    });
    both.ask("the first shares", |names| {
        sync(names, &group, 2, "a", &[("a", b"half"), ("b", b"rest")])
    });
    both.receive::<SyncGroupRequest>(&waiting);
    both.ask("two are described", |_| DescribeGroupsRequest {
        groups: vec![group.clone()],
        ..rest()
    });
    both.ask("the second leaves", |names| leave(&group, &[&names.text("b")]));
    both.ask("the second is gone", |names| beat(&group, 2, &names.text("b")));
    both.ask("the first is told that it left", |names| {
        beat(&group, 2, &names.text("a"))
    });
    both.ask("several leave", |names| {
        leave(&group, &[&names.text("a"), "ghost"])
    });
    both.ask("nobody leaves", |_| leave(&group, &[]));
}

/// A member with a name of its own.
fn fixed(both: &mut Both) {
    if both.version_of(ApiKey::JoinGroup) < 5 {
        return;
    }
    let group = both.name("fixed");
    let with_name = |member_id: &str| JoinGroupRequest {
        group_instance_id: Some("i".to_owned()),
        ..join(&group, member_id, &[("range", b"m")])
    };
    both.ask("a static ghost joins", |_| with_name("ghost"));
    joined(both, "a static member joins", "s1", &with_name(""));
    let named = |request: SyncGroupRequest| SyncGroupRequest {
        group_instance_id: Some("i".to_owned()),
        ..request
    };
    both.ask("a static member syncs", |names| {
        named(sync(names, &group, 1, "s1", &[("s1", b"all")]))
    });
    both.name_again("s1", "before");
    joined(both, "a static member comes back", "s2", &with_name(""));
    both.ask("a static member syncs again", |names| {
        named(sync(names, &group, 1, "s2", &[]))
    });
    both.ask("who it was before is fenced", |names| HeartbeatRequest {
        group_instance_id: Some("i".to_owned()),
        ..beat(&group, 1, &names.text("before"))
    });
    both.ask("who it was before joins", |names| {
        with_name(&names.text("before"))
    });
    both.ask("who it was before commits", |names| OffsetCommitRequest {
        group_instance_id: Some("i".to_owned()),
        ..commit(names, &group, 1, &names.text("before"), "t", &[])
    });
    both.ask("a static member beats", |names| HeartbeatRequest {
        group_instance_id: Some("i".to_owned()),
        ..beat(&group, 1, &names.text("s2"))
    });
    both.ask("an unknown static member beats", |names| HeartbeatRequest {
        group_instance_id: Some("other".to_owned()),
        ..beat(&group, 1, &names.text("s2"))
    });
    both.ask("a static member is described", |_| DescribeGroupsRequest {
        groups: vec![group.clone()],
        ..rest()
    });
    let by_name = |member_id: &str, name: &str| LeaveGroupRequest {
        group_id: group.clone(),
        member_id: member_id.to_owned(),
        members: vec![MemberIdentity {
            member_id: member_id.to_owned(),
            group_instance_id: Some(name.to_owned()),
            ..rest()
        }],
    };
    both.ask("who it was before leaves", |names| {
        by_name(&names.text("before"), "i")
    });
    both.ask("an unknown static member leaves", |_| by_name("", "other"));
    both.ask("a static member is taken out", |_| by_name("", "i"));
}

fn ends(both: &mut Both, topic: &str, group: &str) {
    both.ask("leave of a ghost", |_| leave(group, &["ghost"]));
    both.ask("leave", |names| leave(group, &[&names.text("m1")]));
    both.ask("leave again", |names| leave(group, &[&names.text("m1")]));
    both.ask("describe an empty one", |_| DescribeGroupsRequest {
        groups: vec![group.to_owned()],
        ..rest()
    });
    both.ask("forget an offset", |_| forget(group, topic, &[0]));
    both.ask("forget unknown offsets", |_| forget(group, topic, &[0, 9, -1]));
    both.ask("forget offsets of an unknown topic", |_| {
        forget(group, "none", &[0])
    });
    both.ask("forget offsets of an unknown group", |_| {
        forget("nobody", topic, &[0])
    });
    both.ask("forget offsets without a group", |_| forget("", topic, &[0]));
    both.ask("forget nothing", |_| OffsetDeleteRequest {
        group_id: group.to_owned(),
        ..rest()
    });
    both.ask("committed after it was forgotten", |names| {
        committed(names, group, topic, Some(&[0, 1]))
    });
    let delete = |groups: &[&str]| DeleteGroupsRequest {
        groups_names: groups.iter().map(|group| (*group).to_owned()).collect(),
    };
    both.ask("delete a group", |_| delete(&[group]));
    both.ask("delete unknown groups", |_| delete(&["nobody", "", group]));
    both.ask("delete a group twice", |_| {
        let simple = group.replace("-g", "-simple");
        delete(&[&simple, &simple])
    });
    both.ask("delete no group", |_| delete(&[]));
    both.ask("committed of a deleted group", |names| {
        committed(names, group, topic, Some(&[0]))
    });
}
