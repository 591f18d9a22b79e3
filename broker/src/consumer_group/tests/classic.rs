//! The rules for members of the classic protocol by name.

use annals_kafka_wire::coordinator::consumer_protocol::ConsumerProtocolSubscription;
use annals_kafka_wire::primitives::Writer;

use super::*;
use crate::group::tests::join_of;
use crate::group::{Identity, Join, NotJoined, Sync};

struct Room {
    group: ConsumerGroup,
    topics: Known,
    now_ms: i64,
}

impl Room {
    fn new() -> Room {
        Room {
            group: ConsumerGroup::new("group", LIMITS),
            topics: known(&[("orders", 4)]),
            now_ms: 0,
        }
    }

    /// What is answered, once it is stored.
    fn happens(&mut self, event: Event) -> Option<Reply> {
        let mut answered = None;
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for effect in self.group.on(event, &self.topics, self.now_ms) {
                match effect {
                    Effect::Answer(_, reply) => answered = Some(reply),
                    Effect::Store(store, _) => {
                        let is_stored = true;
                        events.push(Event::Stored { store, is_stored });
                    }
                }
            }
        }
        answered
    }

    fn joins(&mut self, join: Join) -> Result<(String, i32), NotJoined> {
        match self.happens(Event::Classic(group::Event::Join(Ticket(1), join))) {
            Some(Reply::Classic(group::Answer::Join(joined))) => {
                joined.map(|joined| (joined.member_id, joined.generation))
            }
            other => panic!("{other:?}"),
        }
    }

    fn syncs(&mut self, id: &str, generation: i32) -> Result<(), ErrorCode> {
        let sync = Sync {
            identity: identity(id, None),
            generation,
            protocol_type: None,
            protocol: None,
            assignments: Vec::new(),
        };
        match self.happens(Event::Classic(group::Event::Sync(Ticket(1), sync))) {
            Some(Reply::Classic(group::Answer::Sync(synced))) => synced.map(drop),
            other => panic!("{other:?}"),
        }
    }

    fn beats(&mut self, id: &str, generation: i32) -> ErrorCode {
        let event = group::Event::Heartbeat(Ticket(1), identity(id, None), generation);
        match self.happens(Event::Classic(event)) {
            Some(Reply::Classic(group::Answer::Heartbeat(code))) => code,
            other => panic!("{other:?}"),
        }
    }

    fn new_joins(&mut self, heartbeat: Heartbeat) -> Answer {
        match self.happens(Event::Heartbeat(Ticket(1), Box::new(heartbeat))) {
            Some(Reply::Consumer(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn passes(&mut self, ms: i64) {
        self.now_ms += ms;
        self.happens(Event::Tick);
    }
}

fn identity(id: &str, instance_id: Option<&str>) -> Identity {
    Identity {
        member_id: id.to_owned(),
        instance_id: instance_id.map(str::to_owned),
    }
}

fn join(id: &str, instance_id: Option<&str>, fresh_id: &str) -> Join {
    let mut metadata = Writer::new();
    let said = ConsumerProtocolSubscription {
        topics: vec!["orders".to_owned()],
        ..ConsumerProtocolSubscription::default()
    };
    said.encode(&mut metadata, 1).unwrap();
    let mut join = join_of(identity(id, instance_id), fresh_id);
    join.protocols = vec![("range".to_owned(), metadata.into_bytes())];
    join
}

#[test]
fn who_is_told_to_join_or_to_sync_does_so_in_time() {
    // Sessions last 10 s here, and who is awaited has 30.
    let mut room = Room::new();
    room.joins(join("a", None, "")).unwrap();
    for _ in 0..5 {
        room.passes(7_000);
        room.beats("a", 1);
    }
    assert!(room.group.is_empty(), "it has not asked for its part");

    room.joins(join("b", None, "")).unwrap();
    let generation = room.group.members["b"].epoch;
    assert_eq!(room.syncs("b", generation), Ok(()));
    room.new_joins(super::join("n", &["orders"])).unwrap();
    for beat in 0..6 {
        room.passes(7_000);
        let known = if beat < 5 {
            ErrorCode::RebalanceInProgress
        } else {
            ErrorCode::UnknownMemberId
        };
        assert_eq!(room.beats("b", generation), known, "beat {beat}");
        let epoch = room.group.members["n"].epoch;
        room.new_joins(heartbeat("n", epoch)).unwrap();
    }
    assert_eq!(room.group.members["n"].target.len(), 4);

    room.joins(join("c", None, "")).unwrap();
    room.passes(9_999);
    assert!(room.group.members.contains_key("c"));
    room.passes(1);
    assert!(!room.group.members.contains_key("c"), "its session is its own");
}

#[test]
fn a_static_members_next_life_may_be_of_the_other_protocol() {
    let mut room = Room::new();
    let (first, _) = room.joins(join("", Some("i"), "first")).unwrap();
    assert_eq!(first, "first");
    let next = Heartbeat {
        instance_id: Some("i".to_owned()),
        ..super::join("second", &["orders"])
    };
    assert_eq!(
        room.new_joins(next.clone())
            .unwrap()
            .assignment
            .map(|parts| parts.len()),
        Some(4)
    );
    assert!(!room.group.members.contains_key("first") && !room.group.has_classic("second"));
    // What the first was told to do in time is nothing to the second.
    let second = &room.group.members["second"];
    assert_eq!(second.deadline_ms(45_000), second.heard_ms + 45_000);
    let (third, _) = room.joins(join("", Some("i"), "third")).unwrap();
    assert!(room.group.has_classic(&third) && room.group.members.len() == 1);
    assert_eq!(room.group.members[&third].assigned.len(), 4);
    // Two of the new protocol do not take each other's place.
    room.new_joins(next).unwrap();
    let other = Heartbeat {
        instance_id: Some("i".to_owned()),
        ..super::join("fourth", &["orders"])
    };
    assert_eq!(
        room.new_joins(other).unwrap_err().code,
        ErrorCode::UnreleasedInstanceId
    );
}

#[test]
fn a_join_that_the_group_cannot_take_is_refused() {
    let mut room = Room::new();
    room.joins(join("a", None, "")).unwrap();
    let long = "m".repeat(256);
    let with = |change: fn(&mut Join)| {
        let mut join = join("b", None, "");
        change(&mut join);
        join
    };
    for (join, code) in [
        (join("", None, "fresh"), ErrorCode::MemberIdRequired),
        (join(&long, None, ""), ErrorCode::InvalidRequest),
        (join("", None, &long), ErrorCode::InvalidRequest),
        (join("b", Some("i"), ""), ErrorCode::UnknownMemberId),
        (
            with(|join| join.session_timeout_ms = 1),
            ErrorCode::InvalidSessionTimeout,
        ),
        (
            with(|join| join.protocol_type = "connect".to_owned()),
            ErrorCode::InconsistentGroupProtocol,
        ),
        (
            with(|join| join.protocols.clear()),
            ErrorCode::InconsistentGroupProtocol,
        ),
        (
            with(|join| join.protocols[0].0 = "other".to_owned()),
            ErrorCode::InconsistentGroupProtocol,
        ),
        (
            with(|join| join.protocols[0].1 = Bytes::new()),
            ErrorCode::InconsistentGroupProtocol,
        ),
    ] {
        let refused = room.joins(join.clone()).unwrap_err();
        assert_eq!(refused.code, code, "{join:?}");
    }
    assert_eq!(room.group.members.len(), 1);
}
