//! A group that moves between the protocols: clients of both come, go, crash and lose answers at random, over a log that
//! fails and a broker that starts anew, and what must hold whatever they do.

use std::collections::{BTreeMap, BTreeSet};

use annals_kafka_wire::primitives::Reader;
use proptest::prelude::*;

use super::*;
use crate::consumer_group::tests::{self as new_tests, Known, Log};
use crate::consumer_group::{GOES, Heartbeat, JOINS, Part, Parts};
use crate::group::Sync;
use crate::group::tests::join_of;

mod client;

use client::{At, Client, metadata};

const CLIENTS: usize = 4;
const TOPIC: &str = "orders";
const PARTITIONS: i32 = 6;

#[derive(Debug, Clone)]
enum Step {
    Act(usize),
    Lose(usize),
    Crash(usize),
    Leave(usize),
    Start(usize, bool),
    /// Leaves, and comes back with the other protocol.
    Roll(usize),
    Store(bool),
    Restart,
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = || 0..CLIENTS;
    let step = prop_oneof![
        40 => client().prop_map(Step::Act),
        2 => client().prop_map(Step::Lose),
        1 => client().prop_map(Step::Crash),
        1 => client().prop_map(Step::Leave),
        5 => (client(), any::<bool>()).prop_map(|(client, is_new)| Step::Start(client, is_new)),
        2 => client().prop_map(Step::Roll),
        14 => Just(Step::Store(true)),
        1 => Just(Step::Store(false)),
        1 => Just(Step::Restart),
        4 => (1..15_000i64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..250)
}

struct Story {
    kind: Kind,
    log: Log,
    topics: Known,
    /// How often the group has become another kind.
    life: u64,
    now_ms: i64,
    numbers: u64,
    clients: Vec<Client>,
    answers: BTreeMap<Ticket, Answer>,
    open: BTreeSet<Ticket>,
    /// What the log is told next: of which life, and under which number.
    stores: Vec<(u64, u64, Vec<Line>)>,
}

/// A group becomes another kind under no number.
const CONVERSION: u64 = 0;

impl Story {
    fn new(cooperates: bool) -> Story {
        let client = Client {
            is_there: false,
            is_new: false,
            cooperates,
            id: String::new(),
            epoch: -1,
            floor: -1,
            at: At::ToJoin,
            owned: Parts::new(),
            told: None,
            has_revoked: false,
            asked: None,
        };
        Story {
            kind: Kind::Classic(Group::new(new_tests::LIMITS.classic)),
            log: Log::default(),
            topics: new_tests::known(&[(TOPIC, PARTITIONS)]),
            life: 0,
            now_ms: 0,
            numbers: 0,
            clients: vec![client; CLIENTS],
            answers: BTreeMap::new(),
            open: BTreeSet::new(),
            stores: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        Now {
            passed_ms: self.now_ms,
            wall_ms: self.now_ms,
        }
    }

    fn happen(&mut self, event: Event) {
        for effect in self.kind.on("group", event, &self.topics, self.now()) {
            match effect {
                Effect::Store(store, lines) => self.stores.push((self.life, store, lines.unwrap())),
                Effect::Answer(ticket, answer) => {
                    assert!(
                        self.open.remove(&ticket),
                        "{ticket:?} is answered twice, or was never asked"
                    );
                    self.answers.insert(ticket, answer);
                }
            }
        }
        if let Some(turned_back) = self.kind.turned_back("group", &self.topics, self.now()) {
            let (kind, lines) = turned_back.unwrap();
            self.become_another(kind, lines);
        }
    }

    fn become_another(&mut self, kind: Kind, lines: Vec<Line>) {
        if !kind.is_vacant() {
            assert!(self.open.is_empty(), "{:?} wait for an answer", self.open);
        }
        // Who waits otherwise is let go, and asks again.
        self.lose_all();
        self.stores.push((self.life, CONVERSION, lines));
        self.life += 1;
        self.kind = kind;
    }

    fn lose_all(&mut self) {
        for client in &mut self.clients {
            if client.asked.is_some_and(|ticket| self.open.contains(&ticket)) {
                client.lose();
            }
        }
        self.open.clear();
    }

    fn ask(&mut self, at: usize, event: impl FnOnce(Ticket) -> Event) {
        self.numbers += 1;
        let ticket = Ticket(self.numbers);
        self.open.insert(ticket);
        self.clients[at].asked = Some(ticket);
        self.happen(event(ticket));
    }

    /// As the coordinator hands it over.
    fn ask_classic(&mut self, at: usize, makes: bool, event: impl FnOnce(Ticket) -> group::Event) {
        if let Kind::Consumer(group) = &self.kind
            && group.is_empty()
        {
            if !makes {
                self.clients[at].is_lost(true);
                return;
            }
            let lines = self.kind.lines_of_none("group");
            self.become_another(Kind::Classic(Group::new(new_tests::LIMITS.classic)), lines);
        }
        self.ask(at, |ticket| Event::Classic(event(ticket)));
    }

    fn ask_new(&mut self, at: usize, heartbeat: Heartbeat) {
        if let Kind::Classic(_) = self.kind {
            if heartbeat.epoch != JOINS {
                self.clients[at].starts_anew();
                return;
            }
            match self
                .kind
                .upgraded("group", new_tests::LIMITS, &self.topics, self.now())
            {
                Ok((kind, lines)) => self.become_another(kind, lines),
                Err(refused) => {
                    assert_eq!(
                        refused.code,
                        ErrorCode::CoordinatorLoadInProgress,
                        "{}",
                        refused.sentence
                    );
                    return;
                }
            }
        }
        let event = consumer_group::Event::Heartbeat;
        self.ask(at, |ticket| Event::Consumer(event(ticket, Box::new(heartbeat))));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Act(client) => self.act(client),
            Step::Lose(client) => {
                if self.clients[client].asked.is_some() {
                    self.clients[client].lose();
                }
            }
            Step::Crash(client) => self.clients[client].is_there = false,
            Step::Leave(client) => self.leave(client),
            Step::Start(client, is_new) => self.start(client, is_new),
            Step::Roll(client) => {
                let is_new = self.clients[client].is_new;
                self.leave(client);
                self.start(client, !is_new);
            }
            Step::Store(true) => {
                if !self.stores.is_empty() {
                    let (life, store, lines) = self.stores.remove(0);
                    self.log.write(lines);
                    self.stored(life, store, true);
                }
            }
            // A group that has become another kind in vain is so when the broker starts anew.
            Step::Store(false) if self.stores.iter().any(|(_, store, _)| *store == CONVERSION) => {
                self.step(Step::Restart);
            }
            Step::Store(false) => {
                for (life, store, _) in std::mem::take(&mut self.stores) {
                    self.stored(life, store, false);
                }
            }
            Step::Restart => self.restart(),
            Step::Pass(ms) => self.pass(ms),
        }
    }

    fn stored(&mut self, life: u64, store: u64, is_stored: bool) {
        if life == self.life && store != CONVERSION {
            self.happen(Event::Stored { store, is_stored });
        }
    }

    fn restart(&mut self) {
        let is_group = |(key, _): &&(OffsetsKey, Bytes)| matches!(key, OffsetsKey::Group(_));
        let is_new = |(key, _): &(OffsetsKey, Bytes)| matches!(key, OffsetsKey::ConsumerGroup(_));
        let classic = self.log.0.values().find(is_group);
        self.kind = match classic {
            _ if self.log.0.values().any(is_new) => {
                assert!(classic.is_none(), "the log has the group twice");
                Kind::Consumer(self.log.read(self.now_ms))
            }
            Some((_, value)) => {
                let value = GroupMetadataValue::decode(&mut Reader::new(value.clone())).unwrap();
                Kind::Classic(Group::restored(new_tests::LIMITS.classic, value, self.now_ms))
            }
            None => Kind::Classic(Group::new(new_tests::LIMITS.classic)),
        };
        self.stores.clear();
        self.life += 1;
        self.lose_all();
        // A generation that was told is stored only when its members have their parts.
        self.clients.iter_mut().for_each(|client| client.floor = -1);
        self.happen(Event::Tick);
    }

    fn start(&mut self, at: usize, is_new: bool) {
        self.numbers += 1;
        let client = &mut self.clients[at];
        if client.is_there {
            return;
        }
        (client.is_there, client.is_new) = (true, is_new);
        client.starts_anew();
        client.id = if is_new {
            format!("new-{}", self.numbers)
        } else {
            String::new()
        };
    }

    fn leave(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let (was_there, id, is_in) = (client.is_there, client.id.clone(), client.epoch > 0);
        client.is_there = false;
        client.starts_anew();
        if !was_there || !is_in {
            return;
        }
        if client.is_new {
            self.ask_new(at, new_tests::heartbeat(&id, GOES));
        } else {
            let identity = Identity {
                member_id: id,
                instance_id: None,
            };
            self.ask_classic(at, false, |ticket| group::Event::Leave(ticket, vec![identity]));
        }
        self.clients[at].asked = None;
    }

    fn pass(&mut self, ms: i64) {
        let until = self.now_ms + ms;
        while let Some(deadline_ms) = self
            .kind
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
            if let Some(answer) = self.answers.remove(&ticket) {
                client.asked = None;
                client.takes_in(answer, &self.topics);
            }
        } else if let Some(told) = client.told.take() {
            client.comes_to(told);
        } else if client.is_new {
            let said = client.says();
            self.ask_new(at, said);
        } else {
            self.act_classic(at);
        }
    }

    fn act_classic(&mut self, at: usize) {
        self.numbers += 1;
        let fresh_id = format!("classic-{}", self.numbers);
        let is_known = self.has_member(&self.clients[at].id);
        let client = &mut self.clients[at];
        let identity = Identity {
            member_id: client.id.clone(),
            instance_id: None,
        };
        let generation = client.epoch;
        match std::mem::replace(&mut client.at, At::In) {
            At::ToJoin if !client.cooperates && !client.owned.is_empty() => {
                client.owned.clear();
                client.at = At::ToJoin;
            }
            At::ToJoin => {
                client.at = At::Joining;
                if !is_known {
                    // To a group that has forgotten it, it is new.
                    client.floor = -1;
                }
                let makes = client.id.is_empty();
                let mut join = join_of(identity, &fresh_id);
                join.protocols = vec![(client.protocol(), metadata(&client.owned))];
                self.ask_classic(at, makes, |ticket| group::Event::Join(ticket, join));
            }
            At::ToSync(assignments) => {
                client.at = At::Syncing;
                let sync = Sync {
                    identity,
                    generation,
                    protocol_type: Some(CONSUMER.to_owned()),
                    protocol: Some(client.protocol()),
                    assignments,
                };
                self.ask_classic(at, false, |ticket| group::Event::Sync(ticket, sync));
            }
            At::In => {
                let event = |ticket| group::Event::Heartbeat(ticket, identity, generation);
                self.ask_classic(at, false, event);
            }
            waits => client.at = waits,
        }
    }

    fn has_member(&self, id: &str) -> bool {
        match &self.kind {
            Kind::Classic(group) => group.members().any(|member| member.id == id),
            Kind::Consumer(group) => group.members().any(|(known, _)| known == id),
        }
    }

    /// No partition is read by two whom the group takes for its members.
    fn check(&self) {
        let mut readers: BTreeMap<Part, &Client> = BTreeMap::new();
        for client in self.clients.iter().filter(|client| client.is_there) {
            let is_member = self.has_member(&client.id) && client.epoch > 0;
            for part in client.owned.iter().filter(|_| is_member) {
                if let Some(other) = readers.insert(*part, client) {
                    panic!(
                        "{part:?} is read by {client:?} and {other:?}: {}",
                        self.kind.state_name()
                    );
                }
            }
        }
    }

    /// Whoever is there goes on until nothing changes; then each partition has a reader, and the group the kind it should.
    fn settle(&mut self) {
        for _ in 0..150 {
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
        assert_eq!(self.kind.members_len(), there.len(), "{there:?}");
        if there.is_empty() {
            return;
        }
        assert_eq!(self.kind.state_name(), "Stable", "{there:?}");
        let is_new = there.iter().any(|client| client.is_new);
        assert_eq!(self.kind.name(), if is_new { "consumer" } else { "classic" });
        let read: usize = there.iter().map(|client| client.owned.len()).sum();
        assert_eq!(read, PARTITIONS as usize, "{there:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_partition_has_two_readers_while_a_group_moves_between_the_protocols(
        steps in steps(), cooperates in any::<bool>(),
    ) {
        let mut story = Story::new(cooperates);
        for step in steps {
            story.step(step);
            story.check();
        }
        story.settle();
    }
}

/// What a member of a cooperative protocol still reads and was not given again is its own until it has given it up.
#[test]
fn who_has_not_given_up_its_partitions_yet_has_them_in_the_new_protocol_too() {
    let mut story = Story::new(true);
    let store_all = |story: &mut Story| {
        while !story.stores.is_empty() {
            story.step(Step::Store(true));
        }
    };
    story.start(0, false);
    while story.clients[0].owned.len() < PARTITIONS as usize {
        story.act(0);
        store_all(&mut story);
    }
    story.start(1, false);
    while story.clients[0].told.is_none() {
        story.act(1);
        story.act(0);
        store_all(&mut story);
    }
    assert_eq!(story.clients[0].owned.len(), PARTITIONS as usize);
    story.start(2, true);
    for _ in 0..10 {
        story.act(2);
        store_all(&mut story);
        story.check();
    }
    assert_eq!(story.kind.name(), "consumer");
    story.settle();
}
