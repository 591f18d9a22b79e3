//! A consumer group of the classic protocol, as a pure state machine: (state, event, time) → (state, effects).
//!
//! ```text
//!            join                all have joined, or time is over          leader's assignment is stored
//!  Empty ----------> Preparing -------------------------------> Completing ------------------------------> Stable
//!    ^                ^  |  ^                                      |   a join, a leave, an expiry            |
//!    |                |  |  `--------------------------------------'                                         |
//!    `--- no member --+--'      `---------------- a join with something new, a leave, an expiry -------------'
//! ```
//!
//! The members agree on a *generation*: its number, its protocol, its leader, and what the leader assigned to each.
//! What is assigned is theirs: bytes that pass through. Rules: KIP-62 (rebalance time-out), KIP-345 (static members),
//! KIP-394 (a member knows its id before it counts), KIP-814 (a static leader that came back assigns nothing anew).
//!
//! Invariant: every [`Ticket`] that comes with an event is answered exactly once, and in finite time as long as
//! [`Event::Tick`] comes at [`Group::deadline_ms`]. An assignment is told only once it is stored. A generation never falls.
//!
//! Left out: offsets (`offsets.rs`), storing, waiting and clocks (the coordinator's).

use std::collections::BTreeMap;

use annals_kafka_wire::coordinator::consumer_protocol::subscribed_topics;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::primitives::Reader;
use bytes::Bytes;

use crate::ticket::Ticket;

mod join;
mod leave;
mod member;
mod record;
mod sync;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use member::Member;
use member::Members;

/// The protocol type of consumers.
pub(crate) const CONSUMER: &str = "consumer";

/// What one group may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many members it may have, those that have not joined yet among them.
    pub(crate) members_max: usize,
    /// Shortest and longest session time-out that a member may ask for.
    pub(crate) session_timeout_ms: (i32, i32),
    /// How long the first member of an empty group waits for others.
    pub(crate) initial_rebalance_delay_ms: i64,
}

/// A member as it names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Empty when it has none yet.
    pub(crate) member_id: String,
    /// Of a static member.
    pub(crate) instance_id: Option<String>,
}

/// A member's way into the next generation.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) identity: Identity,
    /// What a member without an id is called from now on.
    pub(crate) fresh_id: String,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) protocol_type: String,
    /// Name and metadata, the one it likes best first.
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// A member without an id is told one and comes again with it (version 4 on).
    pub(crate) knows_its_id_first: bool,
    /// A leader can be told that nothing is to be assigned (version 9 on).
    pub(crate) can_skip_assignment: bool,
}

/// A member asks for its part, and the leader says everybody's.
#[derive(Debug, Clone)]
pub(crate) struct Sync {
    pub(crate) identity: Identity,
    pub(crate) generation: i32,
    /// What it believes was chosen (version 5 on).
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    /// By member id; the leader's alone.
    pub(crate) assignments: Vec<(String, Bytes)>,
}

/// What happens to a group.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Join(Ticket, Join),
    Sync(Ticket, Sync),
    Heartbeat(Ticket, Identity, i32),
    Leave(Ticket, Vec<Identity>),
    /// What [`Effect::Store`] asked for was done, or could not be.
    Stored {
        store: u64,
        is_stored: bool,
    },
    /// Time has passed.
    Tick,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Store what the group is now, then say so by [`Event::Stored`] with the same number.
    Store(u64),
    Answer(Ticket, Answer),
}

/// What is told to who waits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Join(Result<Joined, NotJoined>),
    Sync(Result<Synced, ErrorCode>),
    Heartbeat(ErrorCode),
    /// One for each member named.
    Leave(Vec<ErrorCode>),
}

/// A generation as a member is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) member_id: String,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: String,
    pub(crate) skip_assignment: bool,
    /// Id, instance and metadata of each; told to the leader alone.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
}

/// Why a member has not joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotJoined {
    pub(crate) code: ErrorCode,
    /// The id to come again with, or the one it came with.
    pub(crate) member_id: String,
}

/// A member's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignment: Bytes,
}

/// Where a group is on its way to the next generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody is in it.
    Empty,
    /// Members join, until all have or the time is over; the first of an empty group waits until then in any case.
    Preparing {
        deadline_ms: i64,
        waits: bool,
    },
    /// All have joined; the leader's assignment is waited for.
    Completing,
    Stable,
}

impl Phase {
    /// Kafka's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::Preparing { .. } => "PreparingRebalance",
            Phase::Completing => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }
}

/// One group, see the module.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    limits: Limits,
    phase: Phase,
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: Members,
    /// Ids that were given out, and until when they may be used.
    promised: BTreeMap<String, i64>,
    /// Until when every member of this generation asks for its part, as long as one has not.
    sync_deadline_ms: Option<i64>,
    /// How many times something was to be stored.
    stores: u64,
    /// The store that the assignment of this generation waits for.
    storing: Option<u64>,
    /// Answers that wait for a store.
    unstored: Vec<(u64, Ticket, Answer)>,
    /// A member has gone, and its part is nobody's.
    has_lost: bool,
}

type Effects = Vec<Effect>;

impl Group {
    pub(crate) fn new(limits: Limits) -> Group {
        Group {
            limits,
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: Members::default(),
            promised: BTreeMap::new(),
            sync_deadline_ms: None,
            stores: 0,
            storing: None,
            unstored: Vec::new(),
            has_lost: false,
        }
    }

    /// Takes in what happens at `now_ms`.
    pub(crate) fn on(&mut self, event: Event, now_ms: i64) -> Effects {
        let mut effects = Effects::new();
        match event {
            Event::Join(ticket, join) => self.join(ticket, join, now_ms, &mut effects),
            Event::Sync(ticket, sync) => self.sync(ticket, sync, now_ms, &mut effects),
            Event::Heartbeat(ticket, identity, generation) => {
                let code = self.heartbeat(&identity, generation, now_ms);
                effects.push(Effect::Answer(ticket, Answer::Heartbeat(code)));
            }
            Event::Leave(ticket, identities) => {
                let codes = identities
                    .iter()
                    .map(|identity| self.leave(identity, &mut effects));
                let codes = codes.collect();
                self.rebalance_without(now_ms, &mut effects);
                effects.push(Effect::Answer(ticket, Answer::Leave(codes)));
            }
            Event::Stored { store, is_stored } => {
                self.stored_or_not(store, is_stored, now_ms, &mut effects);
            }
            Event::Tick => self.tick(now_ms, &mut effects),
        }
        effects
    }

    /// When [`Event::Tick`] is due.
    pub(crate) fn deadline_ms(&self) -> Option<i64> {
        let phase = match self.phase {
            Phase::Preparing { deadline_ms, .. } => Some(deadline_ms),
            Phase::Empty | Phase::Completing | Phase::Stable => self.sync_deadline_ms,
        };
        let sessions = self.members.iter().filter_map(Member::deadline_ms).min();
        let promises = self.promised.values().min().copied();
        [phase, sessions, promises].into_iter().flatten().min()
    }

    /// The number of its generation.
    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    /// Whether its members have come to a generation, and nobody waits for an answer.
    pub(crate) fn is_settled(&self) -> bool {
        self.phase == Phase::Stable && self.unstored.is_empty()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// What kind of protocol its members speak, or spoke last.
    pub(crate) fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    /// The protocol of its generation.
    pub(crate) fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Its members, by id.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// Whether one of its members is subscribed to the topic; of members that are no consumers it is not known.
    pub(crate) fn wants(&self, topic: &str) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
            && self.members.iter().any(|member| {
                let metadata = member.metadata(self.protocol.as_deref());
                let topics = subscribed_topics(&mut Reader::new(metadata));
                topics.map_or(true, |topics| topics.iter().any(|wanted| wanted == topic))
            })
    }

    /// Whether nobody is in it, nor about to be.
    pub(crate) fn is_vacant(&self) -> bool {
        self.members.is_empty() && self.promised.is_empty()
    }

    /// Whether a commit of offsets by this member of this generation counts. A generation below 0 is one of somebody
    /// who takes no part, which is well while nobody does.
    pub(crate) fn check_commit(
        &mut self,
        identity: &Identity,
        generation: i32,
        now_ms: i64,
    ) -> Result<(), ErrorCode> {
        if generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        self.check_member(identity, generation)?;
        if self.phase == Phase::Completing {
            return Err(ErrorCode::RebalanceInProgress);
        }
        self.members.touch(&identity.member_id, now_ms);
        Ok(())
    }

    fn heartbeat(&mut self, identity: &Identity, generation: i32, now_ms: i64) -> ErrorCode {
        if let Err(code) = self.check_member(identity, generation) {
            return code;
        }
        self.members.touch(&identity.member_id, now_ms);
        match self.phase {
            Phase::Preparing { .. } => ErrorCode::RebalanceInProgress,
            _ => ErrorCode::None,
        }
    }

    /// Whether this is a member, and of this generation.
    fn check_member(&self, identity: &Identity, generation: i32) -> Result<(), ErrorCode> {
        self.check_identity(identity)?;
        if generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        Ok(())
    }

    /// Whether this is a member, and a static one's instance is still its own.
    fn check_identity(&self, identity: &Identity) -> Result<(), ErrorCode> {
        if let Some(instance_id) = &identity.instance_id {
            let owner = self
                .members
                .of_instance(instance_id)
                .ok_or(ErrorCode::UnknownMemberId)?;
            if owner != identity.member_id {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        match self.members.get(&identity.member_id) {
            Some(_) => Ok(()),
            None => Err(ErrorCode::UnknownMemberId),
        }
    }

    /// Asks for the group as it is now to be stored.
    fn store(&mut self, effects: &mut Effects) -> u64 {
        self.stores += 1;
        effects.push(Effect::Store(self.stores));
        self.stores
    }

    /// The current generation as this member is told it.
    fn joined(&self, member_id: &str, leader: &str, skip_assignment: bool) -> Joined {
        let is_told = member_id == leader;
        let members = self.members.iter().filter(|_| is_told).map(|member| {
            let metadata = member.metadata(self.protocol.as_deref());
            (member.id.clone(), member.instance_id.clone(), metadata)
        });
        Joined {
            member_id: member_id.to_owned(),
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: leader.to_owned(),
            skip_assignment,
            members: members.collect(),
        }
    }
}
