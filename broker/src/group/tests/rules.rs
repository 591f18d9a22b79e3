//! Kafka's rules, one by one.

use super::*;

/// A group that is driven by hand.
struct Desk {
    group: Group,
    now_ms: i64,
    tickets: u64,
}

impl Desk {
    fn new() -> Desk {
        Desk {
            group: Group::new(LIMITS),
            now_ms: 0,
            tickets: 0,
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// The answers that come at once; what is to be stored is.
    fn on(&mut self, event: Event) -> Vec<(Ticket, Answer)> {
        let mut answers = Vec::new();
        let mut due = self.group.on(event, self.now_ms);
        while !due.is_empty() {
            let effect = due.remove(0);
            match effect {
                Effect::Answer(ticket, answer) => answers.push((ticket, answer)),
                Effect::Store(store) => due.extend(self.group.on(
                    Event::Stored {
                        store,
                        is_stored: true,
                    },
                    self.now_ms,
                )),
            }
        }
        answers
    }

    fn join(&mut self, join: Join) -> (Ticket, Vec<(Ticket, Answer)>) {
        let ticket = self.ticket();
        (ticket, self.on(Event::Join(ticket, join)))
    }

    /// What a lone join comes to.
    fn joined(&mut self, join: Join) -> Result<Joined, NotJoined> {
        let (ticket, answers) = self.join(join);
        match answers.into_iter().find(|(to, _)| *to == ticket) {
            Some((_, Answer::Join(joined))) => joined,
            other => panic!("{other:?}"),
        }
    }

    fn synced(
        &mut self,
        joined: &Joined,
        instance_id: Option<&str>,
        parts: &[(&str, &'static str)],
    ) -> Result<Synced, ErrorCode> {
        let ticket = self.ticket();
        let part =
            |(id, part): &(&str, &'static str)| ((*id).to_owned(), Bytes::from_static(part.as_bytes()));
        let sync = Sync {
            identity: identity(&joined.member_id, instance_id),
            generation: joined.generation,
            protocol_type: None,
            protocol: None,
            assignments: parts.iter().map(part).collect(),
        };
        match self
            .on(Event::Sync(ticket, sync))
            .into_iter()
            .find(|(to, _)| *to == ticket)
        {
            Some((_, Answer::Sync(synced))) => synced,
            other => panic!("{other:?}"),
        }
    }

    fn heartbeat(&mut self, member_id: &str, instance_id: Option<&str>, generation: i32) -> ErrorCode {
        let ticket = self.ticket();
        match &self.on(Event::Heartbeat(
            ticket,
            identity(member_id, instance_id),
            generation,
        ))[..]
        {
            [(_, Answer::Heartbeat(code))] => *code,
            other => panic!("{other:?}"),
        }
    }

    fn leave(&mut self, member_id: &str, instance_id: Option<&str>) -> ErrorCode {
        let ticket = self.ticket();
        let answers = self.on(Event::Leave(ticket, vec![identity(member_id, instance_id)]));
        match answers.into_iter().find(|(to, _)| *to == ticket) {
            Some((_, Answer::Leave(codes))) => codes[0],
            other => panic!("{other:?}"),
        }
    }

    /// A lone member of the group, stable.
    fn lone(&mut self, instance_id: Option<&str>) -> Joined {
        let mut join = join_of(identity("", instance_id), "a");
        join.knows_its_id_first = false;
        let joined = self.joined(join).unwrap();
        let id = joined.member_id.clone();
        self.synced(&joined, instance_id, &[(&id, "all")]).unwrap();
        joined
    }
}

fn identity(member_id: &str, instance_id: Option<&str>) -> Identity {
    Identity {
        member_id: member_id.to_owned(),
        instance_id: instance_id.map(str::to_owned),
    }
}

fn code(joined: Result<Joined, NotJoined>) -> ErrorCode {
    joined.unwrap_err().code
}

#[test]
fn a_member_without_an_id_is_told_one_and_comes_again_with_it() {
    let mut desk = Desk::new();
    let refused = desk.joined(join_of(identity("", None), "a")).unwrap_err();
    assert_eq!(
        (refused.code, refused.member_id.as_str()),
        (ErrorCode::MemberIdRequired, "a")
    );
    let joined = desk.joined(join_of(identity("a", None), "x")).unwrap();
    assert_eq!(
        (joined.generation, joined.leader.as_str(), joined.members.len()),
        (1, "a", 1)
    );
    // It has no part in the group until it comes again, and an id that nobody gave out is none.
    assert_eq!(
        code(desk.joined(join_of(identity("b", None), "x"))),
        ErrorCode::UnknownMemberId
    );
}

#[test]
fn what_a_join_says_is_checked() {
    let mut desk = Desk::new();
    let good = join_of(identity("", None), "a");
    for ms in [5_999, 1_800_001, 0, -1] {
        let short = Join {
            session_timeout_ms: ms,
            ..good.clone()
        };
        assert_eq!(code(desk.joined(short)), ErrorCode::InvalidSessionTimeout, "{ms}");
    }
    let none = Join {
        protocols: Vec::new(),
        ..good.clone()
    };
    assert_eq!(code(desk.joined(none)), ErrorCode::InconsistentGroupProtocol);
    let nothing = Join {
        protocol_type: String::new(),
        ..good.clone()
    };
    assert_eq!(code(desk.joined(nothing)), ErrorCode::InconsistentGroupProtocol);
    desk.lone(None);
    let foreign = Join {
        protocol_type: "connect".into(),
        ..good.clone()
    };
    assert_eq!(code(desk.joined(foreign)), ErrorCode::InconsistentGroupProtocol);
    let unknown = Join {
        protocols: vec![("sticky".into(), Bytes::new())],
        ..good
    };
    assert_eq!(code(desk.joined(unknown)), ErrorCode::InconsistentGroupProtocol);
}

#[test]
fn a_second_member_makes_a_second_generation_with_the_same_leader() {
    let mut desk = Desk::new();
    let first = desk.lone(None);
    let mut join = join_of(identity("", None), "b");
    join.knows_its_id_first = false;
    let (second, answers) = desk.join(join);
    assert!(answers.is_empty(), "it waits for the first to come again");
    assert_eq!(
        desk.heartbeat("a", None, first.generation),
        ErrorCode::RebalanceInProgress
    );
    let (again, answers) = desk.join(join_of(identity("a", None), "x"));
    let told = |ticket| match answers.iter().find(|(to, _)| *to == ticket) {
        Some((_, Answer::Join(Ok(joined)))) => joined.clone(),
        other => panic!("{other:?}"),
    };
    let (leader, follower) = (told(again), told(second));
    assert_eq!((leader.generation, follower.generation), (2, 2));
    assert_eq!((leader.leader.as_str(), follower.leader.as_str()), ("a", "a"));
    assert_eq!((leader.members.len(), follower.members.len()), (2, 0));
    assert_eq!(desk.heartbeat("a", None, 1), ErrorCode::IllegalGeneration);
    let parts = [("a", "one"), ("b", "two"), ("stranger", "three")];
    assert_eq!(desk.synced(&leader, None, &parts).unwrap().assignment, "one");
    assert_eq!(desk.synced(&follower, None, &[]).unwrap().assignment, "two");
    assert_eq!(desk.heartbeat("b", None, 2), ErrorCode::None);
}

#[test]
fn who_comes_again_with_nothing_new_changes_nothing_but_the_leader() {
    let mut desk = Desk::new();
    desk.lone(None);
    let mut join = join_of(identity("", None), "b");
    join.knows_its_id_first = false;
    desk.join(join);
    let leader = desk.joined(join_of(identity("a", None), "x")).unwrap();
    desk.synced(&leader, None, &[("a", "1"), ("b", "2")]).unwrap();
    let follower = desk.joined(join_of(identity("b", None), "x")).unwrap();
    assert_eq!((follower.generation, desk.group.phase()), (2, Phase::Stable));
    let (_, answers) = desk.join(join_of(identity("a", None), "x"));
    assert!(
        answers.is_empty() && matches!(desk.group.phase(), Phase::Preparing { .. }),
        "a leader asks for a generation"
    );
}

#[test]
fn the_protocol_is_what_all_know_and_most_like() {
    let mut desk = Desk::new();
    let with = |id: &str, names: &[&str]| {
        let mut join = join_of(identity("", None), id);
        join.knows_its_id_first = false;
        join.protocols = names
            .iter()
            .map(|name| ((*name).to_owned(), Bytes::new()))
            .collect();
        join
    };
    desk.joined(with("a", &["range", "sticky", "odd"])).unwrap();
    desk.join(with("b", &["sticky", "range"]));
    desk.join(with("c", &["sticky", "range"]));
    let again = Join {
        identity: identity("a", None),
        ..with("x", &["range", "sticky", "odd"])
    };
    assert_eq!(desk.joined(again).unwrap().protocol.as_deref(), Some("sticky"));
}

#[test]
fn silence_ends_a_membership_and_the_last_leaves_an_empty_group() {
    let mut desk = Desk::new();
    desk.lone(None);
    assert_eq!(desk.group.deadline_ms(), Some(i64::from(SESSION_MS)));
    desk.now_ms = 9_999;
    desk.on(Event::Tick);
    assert_eq!(desk.heartbeat("a", None, 1), ErrorCode::None);
    desk.now_ms += 10_000;
    desk.on(Event::Tick);
    assert_eq!(
        (desk.group.phase(), desk.group.deadline_ms()),
        (Phase::Empty, None)
    );
    assert_eq!(desk.heartbeat("a", None, 1), ErrorCode::UnknownMemberId);
}

#[test]
fn who_never_asks_for_its_part_is_left_out() {
    let mut desk = Desk::new();
    desk.lone(None);
    let mut join = join_of(identity("", None), "b");
    join.knows_its_id_first = false;
    join.session_timeout_ms = 1_000_000;
    desk.join(join);
    let leader = desk.joined(join_of(identity("a", None), "x")).unwrap();
    desk.synced(&leader, None, &[("a", "1"), ("b", "2")]).unwrap();
    for _ in 0..7 {
        desk.now_ms += 5_000;
        desk.on(Event::Tick);
        desk.heartbeat("a", None, 2);
    }
    assert!(matches!(desk.group.phase(), Phase::Preparing { .. }));
    assert_eq!(desk.leave("b", None), ErrorCode::UnknownMemberId);
}

#[test]
fn a_static_member_comes_back_and_nobody_notices() {
    let mut desk = Desk::new();
    let first = desk.lone(Some("i"));
    let back = desk.joined(join_of(identity("", Some("i")), "b")).unwrap();
    assert_eq!(
        (back.generation, back.member_id.as_str(), desk.group.phase()),
        (first.generation, "b", Phase::Stable)
    );
    assert!(back.skip_assignment && back.leader == "b" && back.members.len() == 1);
    assert_eq!(desk.synced(&back, Some("i"), &[]).unwrap().assignment, "all");
    // The life before is fenced, whatever it asks.
    assert_eq!(desk.heartbeat("a", Some("i"), 1), ErrorCode::FencedInstanceId);
    assert_eq!(
        code(desk.joined(join_of(identity("a", Some("i")), "x"))),
        ErrorCode::FencedInstanceId
    );
    assert_eq!(desk.leave("a", Some("i")), ErrorCode::FencedInstanceId);
    // Who cannot be told to skip the assignment is not told that it leads.
    let old = Join {
        can_skip_assignment: false,
        ..join_of(identity("", Some("i")), "c")
    };
    let old = desk.joined(old).unwrap();
    assert_eq!(
        (old.leader.as_str(), old.member_id.as_str(), old.members.len()),
        ("b", "c", 0)
    );
    // By its instance alone it may be taken out.
    assert_eq!(desk.leave("", Some("i")), ErrorCode::None);
    assert_eq!(desk.group.phase(), Phase::Empty);
    assert_eq!(desk.leave("", Some("i")), ErrorCode::UnknownMemberId);
}

#[test]
fn a_static_member_that_wants_other_topics_is_noticed() {
    let mut desk = Desk::new();
    let consumer = |topic: &'static [u8], owned: &'static [u8]| {
        let metadata = [b"\0\x01\0\0\0\x01\0\x01", topic, b"\xff\xff\xff\xff", owned].concat();
        vec![("range".to_owned(), Bytes::from(metadata))]
    };
    let nothing: &[u8] = b"\0\0\0\0";
    let something: &[u8] = b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0";
    let join = |fresh: &str, protocols| Join {
        protocols,
        ..join_of(identity("", Some("i")), fresh)
    };
    let first = desk.joined(join("a", consumer(b"t", something))).unwrap();
    desk.synced(&first, Some("i"), &[("a", "all")]).unwrap();
    // What it has now is no reason, what it wants is.
    assert_eq!(
        desk.joined(join("b", consumer(b"t", nothing)))
            .unwrap()
            .generation,
        1
    );
    assert_eq!(
        desk.joined(join("c", consumer(b"u", nothing)))
            .unwrap()
            .generation,
        2
    );
}

#[test]
fn an_assignment_that_cannot_be_stored_is_nobodys() {
    let mut desk = Desk::new();
    let mut join = join_of(identity("", None), "a");
    join.knows_its_id_first = false;
    let joined = desk.joined(join).unwrap();
    let sync = Sync {
        identity: identity("a", None),
        generation: joined.generation,
        protocol_type: None,
        protocol: None,
        assignments: vec![("a".into(), Bytes::from_static(b"all"))],
    };
    let effects = desk.group.on(Event::Sync(Ticket(7), sync), 0);
    assert_eq!(effects, [Effect::Store(1)]);
    let effects = desk.group.on(
        Event::Stored {
            store: 1,
            is_stored: false,
        },
        0,
    );
    let told = Effect::Answer(Ticket(7), Answer::Sync(Err(ErrorCode::CoordinatorNotAvailable)));
    assert_eq!(effects, [told]);
    assert!(matches!(desk.group.phase(), Phase::Preparing { .. }));
}

#[test]
fn a_group_has_only_so_many_members() {
    let mut desk = Desk::new();
    desk.group = Group::new(Limits {
        members_max: 2,
        ..LIMITS
    });
    for id in ["a", "b"] {
        assert_eq!(
            code(desk.joined(join_of(identity("", None), id))),
            ErrorCode::MemberIdRequired
        );
    }
    assert_eq!(
        code(desk.joined(join_of(identity("", None), "c"))),
        ErrorCode::GroupMaxSizeReached
    );
}

#[test]
fn the_first_of_an_empty_group_waits_for_others_if_it_is_told_to() {
    let mut desk = Desk::new();
    desk.group = Group::new(Limits {
        initial_rebalance_delay_ms: 3_000,
        ..LIMITS
    });
    let mut join = join_of(identity("", None), "a");
    join.knows_its_id_first = false;
    let (_, answers) = desk.join(join);
    assert!(answers.is_empty());
    assert_eq!(desk.group.deadline_ms(), Some(3_000));
    desk.now_ms = 3_000;
    assert_eq!(desk.on(Event::Tick).len(), 1);
    assert_eq!(desk.group.phase(), Phase::Completing);
}

#[test]
fn whose_commits_count() {
    let mut desk = Desk::new();
    assert_eq!(desk.group.check_commit(&identity("", None), -1, 0), Ok(()));
    desk.lone(None);
    assert_eq!(
        desk.group.check_commit(&identity("", None), -1, 0),
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(
        desk.group.check_commit(&identity("a", None), 0, 0),
        Err(ErrorCode::IllegalGeneration)
    );
    assert_eq!(
        desk.group.check_commit(&identity("b", None), 1, 0),
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(
        desk.group.check_commit(&identity("a", Some("i")), 1, 0),
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(desk.group.check_commit(&identity("a", None), 1, 9_000), Ok(()));
    assert_eq!(
        desk.group.deadline_ms(),
        Some(19_000),
        "a commit is a sign of life"
    );
}
