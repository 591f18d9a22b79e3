//! Clients as real ones behave: of the new protocol, and of the classic one, eager and cooperative.

use annals_kafka_wire::coordinator::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicPartition, subscription,
};
use annals_kafka_wire::primitives::Reader;

use super::*;
use crate::group::{Joined, NotJoined, Synced};

/// Where a client of the classic protocol is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum At {
    ToJoin,
    Joining,
    ToSync(Vec<(String, Bytes)>),
    Syncing,
    In,
}

/// A simulated client, of either protocol.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) is_there: bool,
    pub(super) is_new: bool,
    /// A classic one keeps what it has while it joins.
    pub(super) cooperates: bool,
    pub(super) id: String,
    pub(super) epoch: i32,
    /// What it is told next is no less.
    pub(super) floor: i32,
    pub(super) at: At,
    /// What it reads from.
    pub(super) owned: Parts,
    /// What it was told that it has, until it has come to that.
    pub(super) told: Option<Parts>,
    /// It has given something up, and is to join again.
    pub(super) has_revoked: bool,
    pub(super) asked: Option<Ticket>,
}

impl Client {
    pub(super) fn protocol(&self) -> String {
        let name = if self.cooperates {
            "cooperative-sticky"
        } else {
            "range"
        };
        name.to_owned()
    }

    pub(super) fn starts_anew(&mut self) {
        self.owned.clear();
        (self.told, self.asked, self.has_revoked) = (None, None, false);
        (self.epoch, self.at) = (if self.is_new { JOINS } else { -1 }, At::ToJoin);
        self.floor = -1;
    }

    /// An answer did not come.
    pub(super) fn lose(&mut self) {
        self.asked = None;
        if self.at != At::In {
            self.at = At::ToJoin;
        }
    }

    /// The group does not know it, or not of this generation.
    pub(super) fn is_lost(&mut self, is_unknown: bool) {
        self.starts_anew();
        if is_unknown && !self.is_new {
            self.id.clear();
        }
    }

    pub(super) fn says(&self) -> Heartbeat {
        Heartbeat {
            owned: Some(self.owned.clone()),
            rebalance_timeout_ms: Some(30_000),
            ..new_tests::join(&self.id, &[TOPIC])
        }
        .with_epoch(self.epoch)
    }

    pub(super) fn takes_in(&mut self, answer: Answer, topics: &Known) {
        match answer {
            Answer::Consumer(Ok(told)) => {
                assert!(told.epoch >= self.floor, "an epoch fell: {told:?} to {self:?}");
                (self.epoch, self.floor) = (told.epoch, told.epoch);
                self.told = told.assignment.or(self.told.take());
            }
            Answer::Consumer(Err(refused)) => match refused.code {
                ErrorCode::CoordinatorNotAvailable => {}
                _ => self.starts_anew(),
            },
            Answer::Classic(group::Answer::Join(joined)) => self.has_joined(joined, topics),
            Answer::Classic(group::Answer::Sync(synced)) => match synced {
                Ok(Synced { assignment, .. }) => {
                    self.told = Some(parts(&assignment, topics));
                    self.at = At::In;
                }
                Err(code) => self.is_refused(code),
            },
            Answer::Classic(group::Answer::Heartbeat(code)) => match code {
                ErrorCode::None | ErrorCode::CoordinatorNotAvailable => {}
                code => self.is_refused(code),
            },
            Answer::Classic(group::Answer::Leave(_)) => {}
        }
    }

    pub(super) fn is_refused(&mut self, code: ErrorCode) {
        match code {
            ErrorCode::RebalanceInProgress | ErrorCode::CoordinatorNotAvailable => self.at = At::ToJoin,
            ErrorCode::IllegalGeneration => self.is_lost(false),
            ErrorCode::UnknownMemberId => self.is_lost(true),
            code => panic!("{code:?} to {self:?}"),
        }
    }

    pub(super) fn has_joined(&mut self, joined: Result<Joined, NotJoined>, topics: &Known) {
        match joined {
            Ok(joined) => {
                assert!(
                    joined.generation >= self.floor,
                    "a generation fell: {joined:?} to {self:?}"
                );
                let leads = joined.leader == joined.member_id;
                self.at = At::ToSync(if leads {
                    self.share_out(&joined, topics)
                } else {
                    Vec::new()
                });
                (self.id, self.epoch) = (joined.member_id, joined.generation);
                self.floor = self.epoch;
            }
            Err(NotJoined {
                code: ErrorCode::MemberIdRequired,
                member_id,
            }) => {
                (self.id, self.at) = (member_id, At::ToJoin);
            }
            Err(NotJoined { code, .. }) => self.is_refused(code),
        }
    }

    /// What a leader gives: in turns; what somebody else still has is given to nobody yet.
    pub(super) fn share_out(&self, joined: &Joined, topics: &Known) -> Vec<(String, Bytes)> {
        let owned = |metadata: &Bytes| named(subscription(metadata).unwrap().owned_partitions, topics);
        let has: Vec<Parts> = joined
            .members
            .iter()
            .map(|(_, _, metadata)| owned(metadata))
            .collect();
        let (id, _) = topics[TOPIC];
        let mut given = vec![Vec::new(); joined.members.len()];
        for partition in 0..PARTITIONS {
            let to = partition as usize % given.len();
            let mut others = has.iter().enumerate().filter(|(at, _)| *at != to);
            if !others.any(|(_, has)| has.contains(&(id, partition))) {
                given[to].push(partition);
            }
        }
        let members = joined.members.iter().zip(given);
        members
            .map(|((id, ..), partitions)| (id.clone(), assignment(partitions)))
            .collect()
    }

    /// Gives up first, and takes what is new then.
    pub(super) fn comes_to(&mut self, told: Parts) {
        if self.owned.is_subset(&told) {
            self.owned = told;
            if std::mem::take(&mut self.has_revoked) && !self.is_new {
                self.at = At::ToJoin;
            }
        } else {
            self.owned = &self.owned & &told;
            (self.told, self.has_revoked) = (Some(told), true);
        }
    }
}

impl Heartbeat {
    pub(super) fn with_epoch(self, epoch: i32) -> Heartbeat {
        Heartbeat { epoch, ..self }
    }
}

pub(super) fn metadata(owned: &Parts) -> Bytes {
    let mut bytes = Writer::new();
    let said = ConsumerProtocolSubscription {
        topics: vec![TOPIC.to_owned()],
        owned_partitions: topic_of(owned.iter().map(|(_, partition)| *partition).collect()),
        ..ConsumerProtocolSubscription::default()
    };
    said.encode(&mut bytes, 1).unwrap();
    bytes.into_bytes()
}

fn assignment(partitions: Vec<i32>) -> Bytes {
    let mut bytes = Writer::new();
    let given = ConsumerProtocolAssignment {
        assigned_partitions: topic_of(partitions),
        user_data: None,
    };
    given.encode(&mut bytes, 1).unwrap();
    bytes.into_bytes()
}

fn topic_of(partitions: Vec<i32>) -> Vec<TopicPartition> {
    let topic = TOPIC.to_owned();
    vec![TopicPartition { topic, partitions }]
}

fn named(topics: Vec<TopicPartition>, known: &Known) -> Parts {
    let parts = topics.into_iter().flat_map(|topic| {
        let (id, _) = known[&topic.topic];
        topic.partitions.into_iter().map(move |partition| (id, partition))
    });
    parts.collect()
}

fn parts(given: &Bytes, topics: &Known) -> Parts {
    if given.is_empty() {
        return Parts::new();
    }
    let given = ConsumerProtocolAssignment::decode(&mut Reader::new(given.clone())).unwrap();
    named(given.assigned_partitions, topics)
}
