//! Clients that behave, crash, lose answers and come back at random, over a log that fails and a broker that starts anew,
//! and what must hold whatever they do; then Kafka's rules by name.

use std::collections::{BTreeMap, BTreeSet};

use annals_kafka_wire::coordinator::offsets::OffsetsKey;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::primitives::Reader;
use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

mod assignors;
mod classic;
mod rules;

pub(crate) const LIMITS: Limits = Limits {
    members_max: 100,
    session_timeout_ms: 45_000,
    interval_ms: 2_000,
    waiting_interval_ms: 200,
    classic: group::Limits {
        members_max: 100,
        session_timeout_ms: (6_000, 1_800_000),
        initial_rebalance_delay_ms: 0,
    },
};

pub(crate) type Known = BTreeMap<String, (Uuid, i32)>;

impl Topics for Known {
    fn named(&self, name: &str) -> Option<(Uuid, i32)> {
        self.get(name).copied()
    }

    fn names(&self) -> Vec<&str> {
        self.keys().map(String::as_str).collect()
    }
}

const NAMES: [&str; 3] = ["orders", "offers", "payments"];
const CLIENTS: usize = 5;

pub(crate) fn known(topics: &[(&str, i32)]) -> Known {
    let topic = |(at, (name, partitions)): (u128, &(&str, i32))| {
        ((*name).to_owned(), (Uuid::from_u128(at + 1), *partitions))
    };
    (0..).zip(topics).map(topic).collect()
}

pub(crate) fn heartbeat(id: &str, epoch: i32) -> Heartbeat {
    Heartbeat {
        member_id: id.to_owned(),
        fresh_id: "fresh".to_owned(),
        instance_id: None,
        client_id: "client".into(),
        client_host: "/127.0.0.1".into(),
        rack_id: None,
        epoch,
        rebalance_timeout_ms: None,
        topics: None,
        regex: None,
        assignor: None,
        owned: None,
        classic: None,
    }
}

/// What a member says when it joins.
pub(crate) fn join(id: &str, topics: &[&str]) -> Heartbeat {
    Heartbeat {
        rebalance_timeout_ms: Some(30_000),
        topics: Some(topics.iter().map(|name| (*name).to_owned()).collect()),
        owned: Some(Parts::new()),
        ..heartbeat(id, JOINS)
    }
}

/// What the log has: the newest value of every key.
#[derive(Default)]
pub(crate) struct Log(pub(crate) BTreeMap<Vec<u8>, (OffsetsKey, Bytes)>);

impl Log {
    pub(crate) fn write(&mut self, lines: Vec<Line>) {
        for (key, value) in lines {
            let bytes = key.encode().unwrap().to_vec();
            match value {
                Some(value) => self.0.insert(bytes, (key, value)),
                None => self.0.remove(&bytes),
            };
        }
    }

    pub(crate) fn read(&self, now_ms: i64) -> ConsumerGroup {
        fn read<V: Versioned>(bytes: &Bytes) -> V {
            V::decode(&mut Reader::new(bytes.clone())).unwrap()
        }
        let mut restored = Restored::default();
        for (key, value) in self.0.values() {
            match key {
                OffsetsKey::ConsumerGroup(_) => restored.group(read(value)),
                OffsetsKey::TargetAssignment(_) => restored.target_epoch(Some(read(value))),
                OffsetsKey::ConsumerGroupMember(key) => {
                    restored.member(key.member_id.clone(), Some(read(value)))
                }
                OffsetsKey::TargetAssignmentMember(key) => {
                    restored.target(key.member_id.clone(), Some(read(value)));
                }
                OffsetsKey::CurrentMemberAssignment(key) => {
                    restored.current(key.member_id.clone(), Some(read(value)));
                }
                OffsetsKey::Group(_) => {}
                other => panic!("{other:?}"),
            }
        }
        restored.finish("group", LIMITS, now_ms)
    }
}

/// A simulated client.
#[derive(Debug, Clone)]
struct Client {
    is_there: bool,
    id: String,
    instance_id: Option<String>,
    epoch: i32,
    topics: BTreeSet<String>,
    regex: String,
    assignor: Option<String>,
    /// What it reads from.
    owned: Parts,
    /// What it was told that it has, until it has come to that.
    told: Option<Parts>,
    /// Says everything with its next heartbeat.
    is_full: bool,
    asked: Option<Ticket>,
    /// The highest epoch it was told since it last joined.
    highest: i32,
}

#[derive(Debug, Clone)]
enum Step {
    /// The client does what a client does where it is.
    Act(usize),
    /// An answer does not come.
    Lose(usize),
    Crash(usize),
    Start(usize),
    Leave(usize),
    /// Joins again as who it is, with another instance id, which may be another's.
    Turn(usize, Option<usize>),
    Want(usize, BTreeSet<usize>, bool, Option<bool>),
    /// What waits to be stored is, or cannot be.
    Store(bool),
    /// The broker starts anew, with what its log has.
    Restart,
    Topic(usize, Option<i32>),
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = || 0..CLIENTS;
    let topics = || prop::collection::btree_set(0..NAMES.len(), 0..3);
    let step = prop_oneof![
        30 => client().prop_map(Step::Act),
        3 => client().prop_map(Step::Lose),
        2 => client().prop_map(Step::Crash),
        6 => client().prop_map(Step::Start),
        2 => client().prop_map(Step::Leave),
        2 => (client(), prop::option::of(0..3usize)).prop_map(|(client, instance)| Step::Turn(client, instance)),
        3 => (client(), topics(), any::<bool>(), any::<Option<bool>>())
            .prop_map(|(client, topics, regex, range)| Step::Want(client, topics, regex, range)),
        14 => Just(Step::Store(true)),
        1 => Just(Step::Store(false)),
        1 => Just(Step::Restart),
        2 => (0..NAMES.len(), prop::option::of(1..6)).prop_map(|(topic, partitions)| Step::Topic(topic, partitions)),
        4 => (1..20_000i64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..200)
}

struct Story {
    group: ConsumerGroup,
    log: Log,
    topics: Known,
    ids: u128,
    now_ms: i64,
    tickets: u64,
    clients: Vec<Client>,
    answers: BTreeMap<Ticket, Answer>,
    open: BTreeSet<Ticket>,
    stores: Vec<(u64, Vec<Line>)>,
}

impl Story {
    fn new() -> Story {
        let client = |number: usize| Client {
            is_there: false,
            id: String::new(),
            // Two of them are static.
            instance_id: (number < 2).then(|| format!("instance-{number}")),
            epoch: JOINS,
            topics: BTreeSet::from([NAMES[0].to_owned()]),
            regex: String::new(),
            assignor: None,
            owned: Parts::new(),
            told: None,
            is_full: true,
            asked: None,
            highest: 0,
        };
        Story {
            group: ConsumerGroup::new("group", LIMITS),
            log: Log::default(),
            topics: known(&[(NAMES[0], 4), (NAMES[1], 3)]),
            ids: 100,
            now_ms: 0,
            tickets: 0,
            clients: (0..CLIENTS).map(client).collect(),
            answers: BTreeMap::new(),
            open: BTreeSet::new(),
            stores: Vec::new(),
        }
    }

    fn happen(&mut self, event: Event) {
        let before = self.group.epoch;
        for effect in self.group.on(event, &self.topics, self.now_ms) {
            match effect {
                Effect::Store(store, lines) => self.stores.push((store, lines)),
                Effect::Answer(_, Reply::Classic(answer)) => panic!("nobody here speaks it: {answer:?}"),
                Effect::Answer(ticket, Reply::Consumer(answer)) => {
                    assert!(
                        self.open.remove(&ticket),
                        "{ticket:?} is answered twice, or was never asked"
                    );
                    self.answers.insert(ticket, answer);
                }
            }
        }
        assert!(self.group.epoch >= before, "the group's epoch never falls");
    }

    fn ask(&mut self, heartbeat: Heartbeat) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.open.insert(ticket);
        self.happen(Event::Heartbeat(ticket, Box::new(heartbeat)));
        ticket
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Act(client) => self.act(client),
            Step::Lose(client) => {
                let client = &mut self.clients[client];
                if client.asked.take().is_some() {
                    client.is_full = true;
                }
            }
            Step::Crash(client) => self.clients[client].stop(),
            Step::Start(client) => {
                if !self.clients[client].is_there {
                    self.ids += 1;
                    self.clients[client].id = format!("member-{}", self.ids);
                    self.clients[client].is_there = true;
                    self.clients[client].starts_anew();
                }
            }
            Step::Leave(client) => self.leave(client),
            Step::Turn(client, instance) => {
                let client = &mut self.clients[client];
                client.instance_id = instance.map(|number| format!("instance-{number}"));
                client.starts_anew();
            }
            Step::Want(client, topics, is_regex, range) => {
                self.clients[client].wants(&topics, is_regex, range)
            }
            Step::Store(true) => {
                if !self.stores.is_empty() {
                    let (store, lines) = self.stores.remove(0);
                    self.log.write(lines);
                    self.happen(Event::Stored {
                        store,
                        is_stored: true,
                    });
                }
            }
            // What is refused is so at once: nothing that came after it is stored either.
            Step::Store(false) => {
                for (store, _) in std::mem::take(&mut self.stores) {
                    self.happen(Event::Stored {
                        store,
                        is_stored: false,
                    });
                }
            }
            Step::Restart => {
                self.group = self.log.read(self.now_ms);
                self.stores.clear();
                self.open.clear();
                self.clients
                    .iter_mut()
                    .for_each(|client| client.is_full |= client.asked.take().is_some());
                self.happen(Event::TopicsChanged);
            }
            Step::Topic(topic, partitions) => self.change_topic(topic, partitions),
            Step::Pass(ms) => self.pass(ms),
        }
    }

    fn leave(&mut self, client: usize) {
        let client = &mut self.clients[client];
        if !client.is_there || client.epoch == JOINS {
            return;
        }
        let epoch = match client.instance_id {
            Some(_) => WILL_BE_BACK,
            None => GOES,
        };
        let leave = Heartbeat {
            instance_id: client.instance_id.clone(),
            ..heartbeat(&client.id, epoch)
        };
        client.stop();
        self.ask(leave);
    }

    /// Makes a topic, lets one grow, or deletes one.
    fn change_topic(&mut self, topic: usize, partitions: Option<i32>) {
        let name = NAMES[topic].to_owned();
        match (self.topics.get(&name).copied(), partitions) {
            (Some((id, before)), Some(more)) => {
                self.topics.insert(name, (id, before.max(more)));
            }
            (None, Some(partitions)) => {
                self.ids += 1;
                self.topics.insert(name, (Uuid::from_u128(self.ids), partitions));
            }
            (_, None) => drop(self.topics.remove(&name)),
        }
        self.happen(Event::TopicsChanged);
    }

    fn pass(&mut self, ms: i64) {
        let until = self.now_ms + ms;
        while let Some(deadline_ms) = self
            .group
            .deadline_ms()
            .filter(|deadline_ms| *deadline_ms <= until)
        {
            self.now_ms = self.now_ms.max(deadline_ms);
            self.happen(Event::Tick);
        }
        self.now_ms = until;
    }

    fn act(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if !client.is_there {
            return;
        }
        if let Some(ticket) = client.asked {
            let Some(answer) = self.answers.remove(&ticket) else {
                return;
            };
            client.asked = None;
            client.takes_in(answer);
        } else if let Some(told) = client.told.take() {
            // Gives up first, and says so; takes what is new then.
            if client.owned.is_subset(&told) {
                client.owned = told;
            } else {
                client.owned = &client.owned & &told;
                client.told = Some(told);
            }
        } else {
            let said = client.says();
            let ticket = self.ask(said);
            self.clients[at].asked = Some(ticket);
        }
    }

    /// No partition is read by two whom the group takes for its members.
    fn check(&self) {
        for (instance_id, id) in &self.group.instances {
            let member = self.group.members.get(id);
            let has = member.and_then(|member| member.instance_id.as_ref());
            assert_eq!(has, Some(instance_id), "{id}'s: {:?}", self.group);
        }
        let mut readers: BTreeMap<Part, &Client> = BTreeMap::new();
        for client in self.clients.iter().filter(|client| client.is_there) {
            let is_member = self.group.members.get(&client.id).is_some_and(|member| {
                client.epoch > 0 && (client.epoch == member.epoch || client.epoch == member.previous_epoch)
            });
            for part in client.owned.iter().filter(|_| is_member) {
                if let Some(other) = readers.insert(*part, client) {
                    panic!("{part:?} is read by {client:?} and {other:?}: {:?}", self.group);
                }
            }
        }
    }

    /// Whoever is there goes on until nothing changes; then every partition somebody wants is read by one who wants it.
    fn settle(&mut self) {
        for _ in 0..80 {
            for client in 0..CLIENTS {
                self.act(client);
                while !self.stores.is_empty() {
                    self.step(Step::Store(true));
                }
                self.check();
            }
            self.pass(1_000);
        }
        let there: Vec<&Client> = self.clients.iter().filter(|client| client.is_there).collect();
        assert_eq!(self.group.members.len(), there.len(), "{:?}", self.group);
        let state = if there.is_empty() { "Empty" } else { "Stable" };
        assert_eq!(self.group.state_name(), state, "{:?}", self.group);
        let mut wanted = Parts::new();
        for client in &there {
            assert_eq!(
                client.owned, self.group.members[&client.id].assigned,
                "{client:?}"
            );
            let regex = self
                .topics
                .keys()
                .filter(|name| !client.regex.is_empty() && name.starts_with('o'));
            let names = client.topics.iter().chain(regex);
            let topics = names.filter_map(|name| self.topics.get(name));
            let parts: Parts = topics
                .flat_map(|(id, count)| (0..*count).map(move |partition| (*id, partition)))
                .collect();
            assert!(
                client.owned.is_subset(&parts),
                "{client:?} has what it does not want"
            );
            wanted.extend(parts);
        }
        let read: Parts = there
            .iter()
            .flat_map(|client| client.owned.iter().copied())
            .collect();
        assert_eq!(read, wanted, "{there:?}");
        assert!(self.open.is_empty(), "{:?} wait for ever", self.open);
        assert_eq!(self.group.owners.len(), wanted.len());
        let read_back = self.log.read(self.now_ms);
        let members = |group: &ConsumerGroup| format!("{:?}", group.members);
        assert_eq!(members(&read_back), {
            let mut group = self.group.clone();
            group
                .members
                .values_mut()
                .for_each(|member| member.heard_ms = self.now_ms);
            for (id, member) in &read_back.members {
                group.members.get_mut(id).unwrap().previous_epoch = member.previous_epoch;
            }
            members(&group)
        });
    }
}

impl Client {
    fn stop(&mut self) {
        self.is_there = false;
        self.starts_anew();
    }

    /// Wants something else from now on, and says so.
    fn wants(&mut self, topics: &BTreeSet<usize>, is_regex: bool, range: Option<bool>) {
        self.topics = topics.iter().map(|at| NAMES[*at].to_owned()).collect();
        self.regex = if is_regex { "o.*".to_owned() } else { String::new() };
        self.assignor = range.map(|range| if range { "range" } else { "uniform" }.to_owned());
        self.is_full = true;
    }

    fn starts_anew(&mut self) {
        self.owned.clear();
        (self.told, self.asked, self.is_full) = (None, None, true);
        (self.epoch, self.highest) = (JOINS, 0);
    }

    fn says(&mut self) -> Heartbeat {
        let is_full = std::mem::take(&mut self.is_full) || self.epoch == JOINS;
        let basic = Heartbeat {
            instance_id: self.instance_id.clone(),
            owned: Some(self.owned.clone()),
            ..heartbeat(&self.id, self.epoch)
        };
        match is_full {
            false => basic,
            true => Heartbeat {
                rebalance_timeout_ms: Some(30_000),
                topics: Some(self.topics.clone()),
                regex: Some(self.regex.clone()),
                assignor: self.assignor.clone(),
                ..basic
            },
        }
    }

    fn takes_in(&mut self, answer: Answer) {
        match answer {
            Ok(told) => {
                assert!(
                    told.epoch >= self.highest,
                    "a member's epoch fell: {told:?} to {self:?}"
                );
                (self.epoch, self.highest) = (told.epoch, told.epoch);
                self.told = told.assignment.or(self.told.take());
            }
            Err(refused) => match refused.code {
                ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => self.starts_anew(),
                ErrorCode::UnreleasedInstanceId | ErrorCode::FencedInstanceId => self.stop(),
                ErrorCode::CoordinatorNotAvailable => self.is_full = true,
                code => panic!("{code:?}: {}", refused.sentence),
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_partition_has_two_readers_and_in_the_end_each_has_one(steps in steps()) {
        let mut story = Story::new();
        for step in steps {
            story.step(step);
            story.check();
        }
        story.settle();
    }
}
