//! The rules of KIP-848 by name.

use super::*;

/// A group, and what it was last told.
struct Room {
    group: ConsumerGroup,
    topics: Known,
    now_ms: i64,
}

impl Room {
    fn new(topics: &[(&str, i32)]) -> Room {
        Room {
            group: ConsumerGroup::new("group", LIMITS),
            topics: known(topics),
            now_ms: 0,
        }
    }

    /// Says something, and is answered once that is stored.
    fn says(&mut self, heartbeat: Heartbeat) -> Answer {
        let effects = self.group.on(
            Event::Heartbeat(Ticket(1), Box::new(heartbeat)),
            &self.topics,
            self.now_ms,
        );
        let mut answers = self.carry_out(effects);
        answers.pop().expect("an answer")
    }

    fn happens(&mut self, event: Event) {
        let effects = self.group.on(event, &self.topics, self.now_ms);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<Answer> {
        let mut answers = Vec::new();
        for effect in effects {
            match effect {
                Effect::Answer(_, Reply::Consumer(answer)) => answers.push(answer),
                Effect::Answer(_, Reply::Classic(answer)) => panic!("nobody here speaks it: {answer:?}"),
                Effect::Store(store, _) => {
                    let stored = Event::Stored {
                        store,
                        is_stored: true,
                    };
                    let effects = self.group.on(stored, &self.topics, self.now_ms);
                    answers.extend(self.carry_out(effects));
                }
            }
        }
        answers
    }

    fn joins(&mut self, heartbeat: Heartbeat) -> Told {
        self.says(heartbeat).expect("a member")
    }

    fn refuses(&mut self, heartbeat: Heartbeat) -> ErrorCode {
        self.says(heartbeat).expect_err("a refusal").code
    }

    fn passes(&mut self, ms: i64) {
        self.now_ms += ms;
        self.happens(Event::Tick);
    }
}

fn partitions(told: &Told) -> Vec<i32> {
    let parts = told.assignment.as_ref().expect("an assignment");
    parts.iter().map(|(_, partition)| *partition).collect()
}

/// A heartbeat that says what the member has.
fn has(id: &str, epoch: i32, owned: &Parts) -> Heartbeat {
    Heartbeat {
        owned: Some(owned.clone()),
        ..heartbeat(id, epoch)
    }
}

fn of_instance(heartbeat: Heartbeat, instance_id: &str) -> Heartbeat {
    Heartbeat {
        instance_id: Some(instance_id.to_owned()),
        ..heartbeat
    }
}

#[test]
fn the_first_member_has_everything_at_once() {
    let mut room = Room::new(&[("orders", 4)]);
    let told = room.joins(join("a", &["orders"]));
    assert_eq!((told.epoch, partitions(&told)), (1, vec![0, 1, 2, 3]));
    assert_eq!(room.group.state_name(), "Stable");
    // Nothing has changed: nothing is stored, and the assignment is not said again.
    let told = room.joins(heartbeat("a", 1));
    assert_eq!((told.epoch, told.assignment), (1, None));
    assert_eq!(room.group.stores, 1);
}

#[test]
fn a_second_member_waits_until_the_first_has_given_up() {
    let mut room = Room::new(&[("orders", 4)]);
    let all = room.joins(join("a", &["orders"])).assignment.expect("all");
    let told = room.joins(join("b", &["orders"]));
    assert_eq!((told.epoch, partitions(&told)), (2, vec![]));
    assert_eq!(told.interval_ms, LIMITS.waiting_interval_ms);
    assert_eq!(room.group.state_name(), "Reconciling");
    // The first keeps its epoch as long as it has more than it is to have, and its commits count.
    let told = room.joins(has("a", 1, &all));
    let kept = told.assignment.clone().expect("less");
    assert_eq!((told.epoch, kept.len()), (1, 2));
    assert_eq!(room.group.check_epoch("a", 1), Ok(()));
    assert_eq!(partitions(&room.joins(join("b", &["orders"]))).len(), 0);
    assert_eq!(room.joins(has("a", 1, &all)).epoch, 1);
    assert_eq!(room.joins(has("a", 1, &kept)).epoch, 2);
    assert_eq!(room.group.check_epoch("a", 1), Err(ErrorCode::StaleMemberEpoch));
    let told = room.joins(heartbeat("b", 2));
    assert_eq!((told.epoch, partitions(&told).len()), (2, 2));
    assert_eq!(room.group.state_name(), "Stable");
}

#[test]
fn epochs_that_are_not_the_members_are_fenced() {
    let mut room = Room::new(&[("orders", 2)]);
    let all = room.joins(join("a", &["orders"])).assignment.expect("all");
    assert_eq!(room.refuses(heartbeat("a", 2)), ErrorCode::FencedMemberEpoch);
    assert_eq!(room.refuses(heartbeat("b", 1)), ErrorCode::UnknownMemberId);
    // The answer to the join was lost: it joins again, and is told again.
    assert_eq!(partitions(&room.joins(join("a", &["orders"]))).len(), 2);
    room.topics.extend(known(&[("orders", 2), ("offers", 1)]));
    let wants = Heartbeat {
        topics: Some(["orders", "offers"].map(str::to_owned).into()),
        ..has("a", 1, &all)
    };
    assert_eq!(room.joins(wants).epoch, 2);
    // That one was lost too: who has no more than it is to have is believed, and told again.
    let told = room.joins(has("a", 1, &all));
    assert_eq!(
        (told.epoch, told.assignment.map(|parts| parts.len())),
        (2, Some(3))
    );
    assert_eq!(room.refuses(heartbeat("a", 1)), ErrorCode::FencedMemberEpoch);
    let more = Parts::from([(Uuid::from_u128(9), 0)]);
    assert_eq!(room.refuses(has("a", 1, &more)), ErrorCode::FencedMemberEpoch);
}

#[test]
fn who_is_silent_or_does_not_give_up_is_out() {
    let mut room = Room::new(&[("orders", 2)]);
    let all = room.joins(join("a", &["orders"])).assignment.expect("all");
    room.joins(join("b", &["orders"]));
    room.joins(has("a", 1, &all));
    // It goes on saying that it has everything, for longer than it asked for.
    for _ in 0..29 {
        room.passes(1_000);
        assert_eq!(room.joins(has("a", 1, &all)).epoch, 1);
        room.joins(heartbeat("b", 2));
    }
    room.passes(1_000);
    assert_eq!(room.refuses(has("a", 1, &all)), ErrorCode::UnknownMemberId);
    assert_eq!(partitions(&room.joins(heartbeat("b", 2))), vec![0, 1]);
    room.passes(LIMITS.session_timeout_ms - 1);
    assert_eq!(room.group.members.len(), 1);
    room.passes(1);
    assert_eq!(
        (room.group.state_name(), room.group.deadline_ms()),
        ("Empty", None)
    );
}

#[test]
fn a_static_member_comes_back_to_what_it_had() {
    let mut room = Room::new(&[("orders", 4)]);
    room.joins(of_instance(join("a", &["orders"]), "one"));
    room.joins(join("b", &["orders"]));
    let told = room.joins(of_instance(has("a", 1, &Parts::new()), "one"));
    let (epoch, had) = (told.epoch, told.assignment.clone().expect("half"));
    room.joins(heartbeat("b", epoch));
    let other = join("c", &["orders"]);
    assert_eq!(
        room.refuses(of_instance(other.clone(), "one")),
        ErrorCode::UnreleasedInstanceId
    );
    assert_eq!(
        room.refuses(of_instance(heartbeat("c", 1), "one")),
        ErrorCode::FencedInstanceId
    );
    assert_eq!(
        room.refuses(of_instance(heartbeat("c", 1), "two")),
        ErrorCode::UnknownMemberId
    );
    let left = room.joins(of_instance(heartbeat("a", WILL_BE_BACK), "one"));
    assert_eq!(left.epoch, WILL_BE_BACK);
    // Nobody else notices.
    let told = room.joins(heartbeat("b", epoch));
    assert_eq!((told.epoch, told.assignment), (epoch, None));
    let told = room.joins(of_instance(other, "one"));
    assert_eq!((told.epoch, told.assignment), (epoch, Some(had)));
    assert_eq!(
        room.refuses(of_instance(heartbeat("a", epoch), "one")),
        ErrorCode::FencedInstanceId
    );
    // Away for longer than its session, it is gone.
    room.joins(of_instance(heartbeat("c", WILL_BE_BACK), "one"));
    room.passes(LIMITS.session_timeout_ms - 1);
    room.joins(heartbeat("b", epoch));
    room.passes(1);
    assert_eq!(
        room.joins(heartbeat("b", epoch))
            .assignment
            .map(|parts| parts.len()),
        Some(4)
    );
}

#[test]
fn regular_expressions_find_topics_that_come_later() {
    let mut room = Room::new(&[("orders", 2), ("payments", 1)]);
    let wants = |regex: &str| Heartbeat {
        regex: Some(regex.to_owned()),
        ..join("a", &[])
    };
    let invalid = ["(", "a)(b", "(?=a)", "a{1000}{1000}", &"a".repeat(5_000)];
    for regex in invalid {
        assert_eq!(
            room.refuses(wants(regex)),
            ErrorCode::InvalidRegularExpression,
            "{regex}"
        );
    }
    assert!(room.group.is_empty());
    // The whole name is meant.
    assert_eq!(partitions(&room.joins(wants("order|pay.*"))), vec![0]);
    assert_eq!(partitions(&room.joins(wants("order.?"))), vec![0, 1]);
    room.topics
        .extend([("order2".to_owned(), (Uuid::from_u128(9), 3))]);
    room.happens(Event::TopicsChanged);
    let epoch = room.group.members["a"].epoch;
    assert_eq!(partitions(&room.joins(heartbeat("a", epoch))).len(), 5);
    assert!(room.group.wants("order2") && !room.group.wants("payments"));
    // It is not compiled again: as what nobody could compile it still finds what it found.
    let compiled = room.group.patterns.remove("order.?").unwrap();
    room.group.patterns.insert("(".to_owned(), compiled);
    room.group.members.get_mut("a").unwrap().regex = Some("(".to_owned());
    room.topics.insert("order3".to_owned(), (Uuid::from_u128(10), 1));
    room.happens(Event::TopicsChanged);
    assert!(room.group.wants("order3"));
    // Nothing of it is wanted any more, and a topic by its name.
    let other = Heartbeat {
        regex: Some(String::new()),
        ..join("a", &["payments"])
    };
    assert_eq!(partitions(&room.joins(other)), vec![0]);
    assert!(room.group.patterns.is_empty());
}

#[test]
fn a_group_notices_the_topics_it_wants_and_no_others() {
    let mut room = Room::new(&[("orders", 2), ("payments", 1)]);
    let told = room.joins(join("a", &["orders", "later"]));
    assert_eq!((told.epoch, partitions(&told).len()), (1, 2));
    room.topics.insert("payments".to_owned(), (Uuid::from_u128(2), 7));
    room.happens(Event::TopicsChanged);
    assert_eq!(room.group.epoch(), 1);
    room.topics.insert("later".to_owned(), (Uuid::from_u128(9), 1));
    room.happens(Event::TopicsChanged);
    assert_eq!(
        room.joins(heartbeat("a", 1)).assignment.map(|parts| parts.len()),
        Some(3)
    );
    // Deleted and made again it is another topic; what was had of it is given up.
    room.topics.insert("later".to_owned(), (Uuid::from_u128(10), 1));
    room.happens(Event::TopicsChanged);
    let told = room.joins(has("a", 2, &Parts::new()));
    assert!(
        told.assignment
            .is_some_and(|parts| parts.contains(&(Uuid::from_u128(10), 0)) && parts.len() == 3)
    );
}

#[test]
fn assignors_are_chosen_by_most_and_known() {
    let mut room = Room::new(&[("orders", 4)]);
    let likes = |id: &str, assignor: &str| Heartbeat {
        assignor: Some(assignor.to_owned()),
        ..join(id, &["orders"])
    };
    assert_eq!(room.refuses(likes("a", "sticky")), ErrorCode::UnsupportedAssignor);
    room.joins(join("a", &["orders"]));
    assert_eq!(room.group.assignor(), "uniform");
    room.joins(likes("b", "range"));
    assert_eq!(room.group.assignor(), "range");
    room.joins(likes("c", "uniform"));
    assert_eq!(room.group.assignor(), "uniform");
}

#[test]
fn no_more_members_than_may_be() {
    let mut room = Room::new(&[("orders", 1)]);
    for number in 0..LIMITS.members_max {
        room.joins(join(&format!("member-{number}"), &["orders"]));
    }
    assert_eq!(
        room.refuses(join("more", &["orders"])),
        ErrorCode::GroupMaxSizeReached
    );
    room.joins(heartbeat("member-7", GOES));
    room.joins(join("more", &["orders"]));
}

#[test]
fn what_could_not_be_stored_is_told_to_nobody_and_stored_with_what_comes_next() {
    let mut room = Room::new(&[("orders", 1)]);
    let effects = room.group.on(
        Event::Heartbeat(Ticket(1), Box::new(join("a", &["orders"]))),
        &room.topics,
        0,
    );
    let [Effect::Store(store, lines)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    let failed = Event::Stored {
        store: *store,
        is_stored: false,
    };
    let effects = room.group.on(failed, &room.topics, 0);
    assert!(
        matches!(&effects[..], [Effect::Answer(Ticket(1), Reply::Consumer(Err(refused)))] if refused.code == ErrorCode::CoordinatorNotAvailable),
        "{effects:?}"
    );
    let again = room.group.on(
        Event::Heartbeat(Ticket(2), Box::new(join("a", &["orders"]))),
        &room.topics,
        0,
    );
    let [Effect::Store(_, again)] = again.as_slice() else {
        panic!("{again:?}");
    };
    assert_eq!(again.len(), lines.len());
}

#[test]
fn an_instance_id_is_free_when_its_member_has_another_or_none() {
    let with = |id: &str, instance_id: Option<&str>| Heartbeat {
        instance_id: instance_id.map(str::to_owned),
        ..join(id, &["orders"])
    };
    for next in [Some("b"), None] {
        let mut room = Room::new(&[("orders", 4)]);
        room.joins(with("m", Some("a")));
        room.joins(with("m", next));
        assert_eq!(room.group.instances.len(), next.iter().len());
        room.joins(with("n", Some("a")));
        assert_eq!(room.group.instances["a"], "n");
    }
}

#[test]
fn who_comes_as_an_instance_that_is_away_gives_up_what_it_had_as_itself() {
    let mut room = Room::new(&[("orders", 4), ("payments", 3)]);
    let instance = |heartbeat: Heartbeat| Heartbeat {
        instance_id: Some("a".to_owned()),
        ..heartbeat
    };
    let away = room.joins(instance(join("n", &["orders"])));
    room.joins(instance(heartbeat("n", WILL_BE_BACK)));
    assert_eq!(partitions(&away).len(), 4);
    let itself = room.joins(join("m", &["payments"]));
    assert_eq!(partitions(&itself).len(), 3);
    room.joins(instance(join("m", &["orders"])));
    let told = room.joins(instance(has("m", room.group.members["m"].epoch, &Parts::new())));
    assert_eq!(room.group.members.len(), 1);
    assert_eq!(room.group.owners.len(), 4, "{told:?}: {:?}", room.group);
}

#[test]
fn a_group_that_goes_leaves_none_of_its_members_in_the_log() {
    let mut room = Room::new(&[("orders", 4)]);
    let mut log = Log::default();
    let join = Event::Heartbeat(Ticket(1), Box::new(join("m", &["orders"])));
    for effect in room.group.on(join, &room.topics, 0) {
        if let Effect::Store(store, lines) = effect {
            log.write(lines);
            let is_stored = true;
            room.group.on(Event::Stored { store, is_stored }, &room.topics, 0);
        }
    }
    let leave = Event::Heartbeat(Ticket(2), Box::new(heartbeat("m", GOES)));
    let left = room.group.on(leave, &room.topics, 0);
    let [Effect::Store(store, _)] = left[..] else {
        panic!("{left:?}");
    };
    // What was to be written is not; and, before it is known that it was not.
    let mut sooner = Log(log.0.clone());
    sooner.write(room.group.lines_of_none());
    assert!(sooner.0.is_empty(), "{:?}", sooner.0);
    let is_stored = false;
    room.group.on(Event::Stored { store, is_stored }, &room.topics, 0);
    log.write(room.group.lines_of_none());
    assert!(log.0.is_empty(), "{:?}", log.0);
}

#[test]
fn a_group_has_so_many_different_regular_expressions() {
    let mut room = Room::new(&[("orders", 4)]);
    let with = |number: usize, regex: usize| Heartbeat {
        regex: Some(format!("o{{{regex}}}.*")),
        ..join(&format!("m{number}"), &[])
    };
    for number in 0..64 {
        room.joins(with(number, number));
    }
    assert_eq!(room.refuses(with(64, 64)), ErrorCode::GroupMaxSizeReached);
    let before = room.group.patterns_bytes();
    room.joins(with(64, 63));
    assert_eq!(room.group.patterns_bytes(), before);
    for number in [63, 64] {
        room.joins(with(number, 0));
    }
    assert!(room.group.patterns_bytes() < before);
    room.joins(with(65, 65));
}
