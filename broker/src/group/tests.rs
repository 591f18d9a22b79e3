//! Clients that behave, crash and come back at random, and what must hold whatever they do; then Kafka's rules by name.

use std::collections::BTreeMap;

use annals_kafka_wire::error::ErrorCode;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;

mod rules;

pub(super) const LIMITS: Limits = Limits {
    members_max: 100,
    session_timeout_ms: (6_000, 1_800_000),
    initial_rebalance_delay_ms: 0,
};

pub(super) const SESSION_MS: i32 = 10_000;
const REBALANCE_MS: i32 = 30_000;

pub(crate) fn join_of(identity: Identity, fresh_id: &str) -> Join {
    Join {
        identity,
        fresh_id: fresh_id.to_owned(),
        client_id: "client".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms: SESSION_MS,
        rebalance_timeout_ms: REBALANCE_MS,
        protocol_type: CONSUMER.into(),
        protocols: vec![("range".into(), Bytes::from_static(b"metadata"))],
        knows_its_id_first: true,
        can_skip_assignment: true,
    }
}

/// Where a simulated client is.
#[derive(Debug, Clone, PartialEq)]
enum At {
    /// Crashed, or not started: says nothing.
    Gone,
    Idle,
    Joining(Ticket),
    Joined(Joined),
    Syncing(Ticket, Joined),
    Stable(Joined, Bytes),
}

#[derive(Debug, Clone)]
struct Client {
    member_id: String,
    instance_id: Option<String>,
    at: At,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The client does what a client does where it is.
    Act(usize),
    Crash(usize),
    /// It comes back, or asks to join again although nothing calls for it.
    Restart(usize),
    Leave(usize),
    /// What waits to be stored is, or cannot be.
    Store(bool),
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = || 0..CLIENTS;
    let step = prop_oneof![
        20 => client().prop_map(Step::Act),
        2 => client().prop_map(Step::Crash),
        4 => client().prop_map(Step::Restart),
        1 => client().prop_map(Step::Leave),
        6 => Just(Step::Store(true)),
        1 => Just(Step::Store(false)),
        4 => (1..15_000i64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..150)
}

const CLIENTS: usize = 5;

struct Story {
    group: Group,
    now_ms: i64,
    tickets: u64,
    ids: u64,
    clients: Vec<Client>,
    answers: BTreeMap<Ticket, Answer>,
    open: Vec<Ticket>,
    stores: Vec<u64>,
    /// Assignments that were stored or may have been, by generation: what the leader sent.
    assigned: BTreeMap<i32, BTreeMap<String, Bytes>>,
    leaders: BTreeMap<i32, String>,
}

impl Story {
    fn new() -> Story {
        let client = |number: usize| Client {
            member_id: String::new(),
            // Two of them are static.
            instance_id: (number < 2).then(|| format!("instance-{number}")),
            at: At::Gone,
        };
        Story {
            group: Group::new(LIMITS),
            now_ms: 0,
            tickets: 0,
            ids: 0,
            clients: (0..CLIENTS).map(client).collect(),
            answers: BTreeMap::new(),
            open: Vec::new(),
            stores: Vec::new(),
            assigned: BTreeMap::new(),
            leaders: BTreeMap::new(),
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        self.open.push(Ticket(self.tickets));
        Ticket(self.tickets)
    }

    fn happen(&mut self, event: Event) {
        let before = self.group.generation;
        for effect in self.group.on(event, self.now_ms) {
            match effect {
                Effect::Store(store) => self.stores.push(store),
                Effect::Answer(ticket, answer) => {
                    assert!(
                        self.open.contains(&ticket),
                        "{ticket:?} is answered twice, or was never asked"
                    );
                    self.open.retain(|open| *open != ticket);
                    if let Answer::Join(Ok(joined)) = &answer {
                        let leader = self
                            .leaders
                            .entry(joined.generation)
                            .or_insert_with(|| joined.leader.clone());
                        // A static leader's next life goes under another id.
                        if !joined.skip_assignment
                            && self.clients.iter().all(|client| client.instance_id.is_none())
                        {
                            assert_eq!(
                                *leader, joined.leader,
                                "one leader to generation {}",
                                joined.generation
                            );
                        }
                    }
                    self.answers.insert(ticket, answer);
                }
            }
        }
        assert!(self.group.generation >= before, "a generation never falls");
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Act(client) => self.act(client),
            Step::Crash(client) => self.clients[client].at = At::Gone,
            Step::Restart(client) => {
                // A dynamic client that starts anew knows no id; a static one neither.
                if self.clients[client].at == At::Gone {
                    self.clients[client].member_id.clear();
                }
                self.clients[client].at = At::Idle;
            }
            Step::Leave(client) => {
                let identity = self.identity(client);
                let ticket = self.ticket();
                self.happen(Event::Leave(ticket, vec![identity]));
                self.clients[client].member_id.clear();
                self.clients[client].at = At::Gone;
            }
            Step::Store(is_stored) => {
                if !self.stores.is_empty() {
                    let store = self.stores.remove(0);
                    self.happen(Event::Stored { store, is_stored });
                }
            }
            Step::Pass(ms) => {
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
        }
    }

    fn identity(&self, client: usize) -> Identity {
        let Client {
            member_id,
            instance_id,
            ..
        } = self.clients[client].clone();
        Identity {
            member_id,
            instance_id,
        }
    }

    fn act(&mut self, client: usize) {
        let identity = self.identity(client);
        let at = self.clients[client].at.clone();
        self.clients[client].at = match at {
            At::Gone => At::Gone,
            At::Idle => {
                self.ids += 1;
                let join = join_of(identity, &format!("member-{}", self.ids));
                let ticket = self.ticket();
                self.happen(Event::Join(ticket, join));
                At::Joining(ticket)
            }
            At::Joining(ticket) => match self.answers.remove(&ticket) {
                None => At::Joining(ticket),
                Some(Answer::Join(Ok(joined))) => {
                    self.clients[client].member_id.clone_from(&joined.member_id);
                    At::Joined(joined)
                }
                Some(Answer::Join(Err(NotJoined { code, member_id }))) => {
                    self.clients[client].member_id = match code {
                        ErrorCode::MemberIdRequired => member_id,
                        _ => String::new(),
                    };
                    At::Idle
                }
                Some(other) => panic!("{other:?}"),
            },
            At::Joined(joined) => {
                let assignments = match joined.leader == joined.member_id && !joined.skip_assignment {
                    true => self.assign(&joined),
                    false => Vec::new(),
                };
                let ticket = self.ticket();
                let sync = Sync {
                    identity,
                    generation: joined.generation,
                    protocol_type: joined.protocol_type.clone(),
                    protocol: joined.protocol.clone(),
                    assignments,
                };
                self.happen(Event::Sync(ticket, sync));
                At::Syncing(ticket, joined)
            }
            At::Syncing(ticket, joined) => match self.answers.remove(&ticket) {
                None => At::Syncing(ticket, joined),
                Some(Answer::Sync(Ok(synced))) => At::Stable(joined, synced.assignment),
                Some(Answer::Sync(Err(code))) => self.told(client, code),
                Some(other) => panic!("{other:?}"),
            },
            At::Stable(joined, assignment) => {
                let ticket = self.ticket();
                self.happen(Event::Heartbeat(ticket, identity, joined.generation));
                match self.answers.remove(&ticket) {
                    Some(Answer::Heartbeat(ErrorCode::None)) => At::Stable(joined, assignment),
                    Some(Answer::Heartbeat(code)) => self.told(client, code),
                    other => panic!("{other:?}"),
                }
            }
        };
    }

    /// An error, as a client takes it.
    fn told(&mut self, client: usize, code: ErrorCode) -> At {
        if matches!(
            code,
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId | ErrorCode::IllegalGeneration
        ) {
            self.clients[client].member_id.clear();
        }
        At::Idle
    }

    fn assign(&mut self, joined: &Joined) -> Vec<(String, Bytes)> {
        let part = |id: &str| Bytes::from(format!("{} of {}", id, joined.generation));
        let all: Vec<_> = joined
            .members
            .iter()
            .map(|(id, ..)| (id.clone(), part(id)))
            .collect();
        self.assigned
            .insert(joined.generation, all.iter().cloned().collect());
        all
    }

    /// Whoever is there goes on until nothing changes; then the group is theirs alone.
    fn settle(&mut self) {
        for _ in 0..60 {
            for client in 0..CLIENTS {
                self.act(client);
                while !self.stores.is_empty() {
                    self.step(Step::Store(true));
                }
            }
            self.step(Step::Pass(1_000));
        }
        let alive: Vec<&Client> = self
            .clients
            .iter()
            .filter(|client| client.at != At::Gone)
            .collect();
        for client in &alive {
            let At::Stable(joined, assignment) = &client.at else {
                panic!("{client:?} is not stable: {:?}", self.group);
            };
            assert_eq!(joined.generation, self.group.generation);
            assert!(
                !assignment.is_empty() || client.instance_id.is_some(),
                "{client:?}"
            );
        }
        assert_eq!(self.group.members.len(), alive.len(), "{:?}", self.group);
        let expected = if alive.is_empty() {
            Phase::Empty
        } else {
            Phase::Stable
        };
        assert_eq!(self.group.phase(), expected);
        assert!(self.open.is_empty(), "{:?} wait for ever", self.open);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_group_comes_to_rest_with_those_who_are_there(steps in steps()) {
        let mut story = Story::new();
        for step in steps {
            story.step(step);
            for client in &story.clients {
                if let At::Stable(joined, assignment) = &client.at {
                    let told = story.assigned.get(&joined.generation).and_then(|all| all.get(&client.member_id));
                    let is_own = told == Some(assignment) || (client.instance_id.is_some() && told.is_none());
                    prop_assert!(is_own, "{client:?} was told {assignment:?}, and the leader said {told:?}");
                }
            }
        }
        story.settle();
    }
}
