//! The two brokers side by side: sends each the same request, and keeps where their answers differ.
//!
//! A script runs in rounds. In round *n* every API is asked in the *n*th of the versions that both brokers have, or in
//! the last one; a script has run through when it has asked for no version that is still to come.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame::decode_response;
use annals_kafka_wire::message::Request;
use bytes::Bytes;

use super::shown::{Difference, Node, compare, shown};
use super::side::{Names, Side};

/// How long a state may take to come about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What every client answers by asking again, and what no state was changed by.
const ASK_AGAIN: &[ErrorCode] = &[
    ErrorCode::CoordinatorLoadInProgress,
    ErrorCode::CoordinatorNotAvailable,
    ErrorCode::ConcurrentTransactions,
];

/// Both brokers, and what was found.
pub(crate) struct Both {
    pub(crate) sides: [Side; 2],
    versions: BTreeSet<(ApiKey, i16)>,
    script: &'static str,
    round: i16,
    is_last_round: bool,
    is_setup: bool,
    pub(crate) exchanges: usize,
    /// How many exchanges each version of each API had.
    pub(crate) asked: BTreeMap<(ApiKey, i16), usize>,
    pub(crate) differences: Vec<Found>,
}

/// A difference, and the question it is an answer to.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
    /// Script and step.
    pub(crate) what: String,
    pub(crate) difference: Difference,
}

/// A request that was sent on a connection and not answered yet.
pub(crate) struct Pending {
    connection: String,
    what: String,
    version: i16,
}

/// What both answered: Kafka first. `None` where there was no answer.
pub(crate) type Answers<T> = [Option<T>; 2];

impl Both {
    pub(crate) fn new(kafka: &str, annals: &str) -> Self {
        let mut sides = [Side::new("Kafka", kafka), Side::new("Annals", annals)];
        let [theirs, ours] = sides.each_mut().map(Side::advertised);
        Both {
            sides,
            versions: &theirs & &ours,
            script: "",
            round: 0,
            is_last_round: true,
            is_setup: false,
            exchanges: 0,
            asked: BTreeMap::new(),
            differences: Vec::new(),
        }
    }

    /// What both have and nobody asked.
    pub(crate) fn unasked(&self) -> Vec<(ApiKey, i16)> {
        let unasked = self.versions.iter().filter(|pair| !self.asked.contains_key(pair));
        unasked.copied().collect()
    }

    /// Runs a script in as many rounds as it needs.
    pub(crate) fn run(&mut self, name: &'static str, script: fn(&mut Both)) {
        (self.script, self.round) = (name, 0);
        loop {
            self.is_last_round = true;
            script(self);
            if self.is_last_round {
                break;
            }
            self.round += 1;
        }
    }

    /// What a script needs but is not about: in the last version of each API.
    pub(crate) fn set_up<T>(&mut self, work: impl FnOnce(&mut Both) -> T) -> T {
        let was = std::mem::replace(&mut self.is_setup, true);
        let done = work(self);
        self.is_setup = was;
        done
    }

    /// A name that no other script or round has.
    pub(crate) fn name(&self, stem: &str) -> String {
        format!("{}-{}-{stem}", self.script, self.round)
    }

    pub(crate) fn version_of(&mut self, key: ApiKey) -> i16 {
        let versions = self.versions.iter().filter(|(of, _)| *of == key);
        let versions: Vec<i16> = versions.map(|(_, version)| *version).collect();
        // Produce is advertised from 0 on, and closes the connection below 3.
        let versions = &versions[if key == ApiKey::Produce { 3 } else { 0 }..];
        if self.is_setup {
            return *versions.last().unwrap();
        }
        let round = usize::try_from(self.round).unwrap();
        self.is_last_round &= round + 1 >= versions.len();
        *versions.get(round).or(versions.last()).unwrap()
    }

    /// Asks both, and compares what they answer.
    pub(crate) fn ask<R>(&mut self, what: &str, request: impl Fn(&Names) -> R) -> Answers<R::Response>
    where
        R: Request,
        R::Response: Debug,
    {
        let pending = self.send("main", what, &request);
        let sent = |side: &Side, version| side.encoded(&request(&side.names), version);
        self.receive_settled::<R>(&pending, &sent, &mut |_, shown| {
            let mut is_settled = true;
            shown.error_codes(&mut |code| {
                is_settled &= ASK_AGAIN.iter().all(|again| again.code().to_string() != code)
            });
            is_settled
        })
    }

    /// Asks each until it answers with what is awaited, and compares that.
    pub(crate) fn ask_until<R>(
        &mut self,
        what: &str,
        request: impl Fn(&Names) -> R,
        is_awaited: impl Fn(&R::Response) -> bool,
    ) -> Answers<R::Response>
    where
        R: Request,
        R::Response: Debug,
    {
        let pending = self.send("main", what, &request);
        let sent = |side: &Side, version| side.encoded(&request(&side.names), version);
        self.receive_settled::<R>(&pending, &sent, &mut |answer, _| is_awaited(answer))
    }

    /// Sends without waiting for the answer.
    pub(crate) fn send<R: Request>(
        &mut self,
        connection: &str,
        what: &str,
        request: &impl Fn(&Names) -> R,
    ) -> Pending {
        let version = self.version_of(R::KEY);
        for side in &mut self.sides {
            let frame = side.encoded(&request(&side.names), version);
            side.send(connection, &frame);
        }
        Pending {
            connection: connection.to_owned(),
            what: what.to_owned(),
            version,
        }
    }

    /// What comes of a request that was sent.
    pub(crate) fn receive<R>(&mut self, pending: &Pending) -> Answers<R::Response>
    where
        R: Request,
        R::Response: Debug,
    {
        let never = |_: &Side, _| unreachable!("every answer is awaited");
        self.receive_settled::<R>(pending, &never, &mut |_, _| true)
    }

    fn receive_settled<R>(
        &mut self,
        pending: &Pending,
        again: &dyn Fn(&Side, i16) -> Bytes,
        is_settled: &mut dyn FnMut(&R::Response, &Node) -> bool,
    ) -> Answers<R::Response>
    where
        R: Request,
        R::Response: Debug,
    {
        let Pending {
            connection,
            what,
            version,
        } = pending;
        let started = Instant::now();
        let settled = self.sides.each_mut().map(|side| {
            loop {
                let frame = match side.receive(connection) {
                    Ok(frame) => frame,
                    Err(instead) => return (None, Node::Leaf(instead.to_owned())),
                };
                let (_, answer) = decode_response::<R>(frame, *version)
                    .unwrap_or_else(|error| panic!("{}: {what}: {error}", side.name));
                let node = shown(&answer, &side.names);
                if is_settled(&answer, &node) || started.elapsed() > PATIENCE {
                    return (Some(answer), node);
                }
                let frame = again(side, *version);
                side.send(connection, &frame);
            }
        });
        let [(theirs, their_node), (ours, our_node)] = settled;
        self.note(R::KEY, *version, what, &their_node, &our_node);
        [theirs, ours]
    }

    /// Sends bytes that no honest client does, and compares whether they are answered or the connection is closed.
    pub(crate) fn ask_raw(&mut self, what: &str, key: ApiKey, version: i16, frame: &[u8]) {
        let [theirs, ours] = self.sides.each_mut().map(|side| {
            side.send("raw", frame);
            let answer = side.receive("raw");
            Node::Leaf(answer.map_or_else(|instead| instead, |_| "answered").to_owned())
        });
        self.note(key, version, what, &theirs, &ours);
    }

    fn note(&mut self, key: ApiKey, version: i16, what: &str, theirs: &Node, ours: &Node) {
        self.exchanges += 1;
        *self.asked.entry((key, version)).or_default() += 1;
        let mut found = Vec::new();
        compare("", theirs, ours, &mut found);
        // Names of a round are not what differs.
        let round = self.name("");
        self.differences.extend(found.into_iter().map(|difference| Found {
            key,
            version,
            what: format!("{}: {what}", self.script),
            difference: Difference {
                at: difference.at.replace(&round, ""),
                kafka: difference.kafka.replace(&round, ""),
                annals: difference.annals.replace(&round, ""),
            },
        }));
    }

    /// Calls a text that each broker made by a name of the script.
    pub(crate) fn name_texts<T>(&mut self, name: &str, answers: &Answers<T>, text: impl Fn(&T) -> &str) {
        for (side, answer) in self.sides.iter_mut().zip(answers) {
            side.names.name_text(name, answer.as_ref().map_or("", &text));
        }
    }

    /// Calls a text by another name, so that its old one is free.
    pub(crate) fn name_again(&mut self, old: &str, name: &str) {
        for side in &mut self.sides {
            let text = side.names.text(old);
            side.names.name_text(name, &text);
        }
    }

    /// Calls a number that each broker made by a name of the script.
    pub(crate) fn name_numbers<T>(&mut self, name: &str, answers: &Answers<T>, number: impl Fn(&T) -> i64) {
        for (side, answer) in self.sides.iter_mut().zip(answers) {
            side.names.name_number(name, answer.as_ref().map_or(-1, &number));
        }
    }

    /// Keeps a number that is compared as it is, such as an epoch.
    pub(crate) fn count<T>(&mut self, name: &str, answers: &Answers<T>, number: impl Fn(&T) -> i64) {
        for (side, answer) in self.sides.iter_mut().zip(answers) {
            side.names.keep(name, answer.as_ref().map_or(-1, &number));
        }
    }

    /// Calls a topic's id by the topic's name.
    pub(crate) fn name_topics<T>(&mut self, name: &str, answers: &Answers<T>, id: impl Fn(&T) -> [u8; 16]) {
        for (side, answer) in self.sides.iter_mut().zip(answers) {
            side.names.name_topic(name, answer.as_ref().map_or([0; 16], &id));
        }
    }
}
