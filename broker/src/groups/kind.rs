//! What a group is: of the classic protocol, or of the new one (KIP-848), and what both have in common.
//!
//! A group that nobody is in becomes one of the other kind when somebody of that kind comes; as long as somebody is, it
//! stays what it is. That is what Kafka does with `group.consumer.migration.policy=disabled`.

use annals_kafka_wire::coordinator::offsets::{GroupMetadataKey, OffsetsKey};
use annals_kafka_wire::error::{ErrorCode, WireError};
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::primitives::Writer;
use uuid::Uuid;

use crate::consumer_group::{self, ConsumerGroup, Line, Topics};
use crate::group::{self, CONSUMER, Group, Identity, Phase};
use crate::internal;
use crate::ticket::Ticket;
use crate::topics::TopicMap;

/// The version of a classic group's value: what Kafka 4 writes.
const GROUP_VERSION: i16 = 3;

/// A group of either protocol.
pub(crate) enum Kind {
    Classic(Group),
    Consumer(ConsumerGroup),
}

/// What happens to a group.
pub(super) enum Event {
    Classic(group::Event),
    Consumer(consumer_group::Event),
    /// What was to be stored is, or cannot be.
    Stored {
        store: u64,
        is_stored: bool,
    },
    /// Time has passed.
    Tick,
}

/// What is to be done.
pub(super) enum Effect {
    Store(u64, Result<Vec<Line>, WireError>),
    Answer(Ticket, Answer),
}

/// What is told to who waits.
pub(super) enum Answer {
    Classic(group::Answer),
    Consumer(consumer_group::Answer),
}

/// Who commits offsets, or asks for them.
pub(crate) struct Who<'a> {
    pub(crate) identity: &'a Identity,
    /// The generation, or the member's epoch; below 0 for somebody who takes no part.
    pub(crate) epoch: i32,
    /// It knows of members' epochs.
    pub(crate) knows_epochs: bool,
}

impl Kind {
    /// Kafka's word for the kind.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Kind::Classic(_) => "classic",
            Kind::Consumer(_) => "consumer",
        }
    }

    /// Kafka's word for how it is.
    pub(crate) fn state_name(&self) -> &'static str {
        match self {
            Kind::Classic(group) => group.phase().name(),
            Kind::Consumer(group) => group.state_name(),
        }
    }

    /// What kind of protocol its members speak, or spoke last.
    pub(crate) fn protocol_type(&self) -> Option<&str> {
        match self {
            Kind::Classic(group) => group.protocol_type(),
            Kind::Consumer(_) => Some(CONSUMER),
        }
    }

    /// Whether nobody is in it, nor about to be.
    pub(crate) fn is_vacant(&self) -> bool {
        match self {
            Kind::Classic(group) => group.phase() == Phase::Empty && group.is_vacant(),
            Kind::Consumer(group) => group.is_empty(),
        }
    }

    /// Whether one of its members is subscribed to the topic.
    pub(crate) fn wants(&self, topic: &str) -> bool {
        match self {
            Kind::Classic(group) => group.wants(topic),
            Kind::Consumer(group) => group.wants(topic),
        }
    }

    /// Whether offsets of the topic are kept however old they are: a member wants it, or may.
    pub(super) fn keeps(&self, topic: &str) -> bool {
        match self {
            Kind::Classic(group) => {
                let is_known = group.phase() == Phase::Stable && group.protocol_type() == Some(CONSUMER);
                !self.is_vacant() && (!is_known || group.wants(topic))
            }
            Kind::Consumer(group) => group.wants(topic),
        }
    }

    /// How many are in it.
    pub(crate) fn members_len(&self) -> usize {
        match self {
            Kind::Classic(group) => group.members().count(),
            Kind::Consumer(group) => group.members().count(),
        }
    }

    /// What its members take, in bytes, about.
    pub(super) fn members_bytes(&self) -> usize {
        match self {
            Kind::Classic(group) => group.members().map(group::Member::bytes).sum(),
            Kind::Consumer(group) => {
                let members = group.members().map(|(id, member)| id.len() + member.bytes());
                members.sum::<usize>() + group.patterns_bytes()
            }
        }
    }

    /// What one of its members takes of that, under its id or its instance's; nothing if it is none yet.
    pub(super) fn bytes_of(&self, who: &Identity) -> usize {
        let is_instance = |of: &Option<String>| of.is_some() && *of == who.instance_id;
        match self {
            Kind::Classic(group) => {
                let mut members = group.members();
                let known =
                    members.find(|member| member.id == who.member_id || is_instance(&member.instance_id));
                known.map_or(0, group::Member::bytes)
            }
            Kind::Consumer(group) => {
                let mut members = group.members();
                let known =
                    members.find(|(id, member)| **id == who.member_id || is_instance(&member.instance_id));
                known.map_or(0, |(id, member)| id.len() + member.bytes())
            }
        }
    }

    /// Whether a commit of offsets counts.
    pub(super) fn check_commit(&mut self, who: &Who<'_>, now_ms: i64) -> Result<(), ErrorCode> {
        match self {
            Kind::Classic(group) => group.check_commit(who.identity, who.epoch, now_ms),
            Kind::Consumer(_) if who.epoch >= 0 && !who.knows_epochs => Err(ErrorCode::UnsupportedVersion),
            Kind::Consumer(group) => group.check_epoch(&who.identity.member_id, who.epoch),
        }
    }

    /// Whether a member may ask for offsets: one of an old epoch might go on from where it should not.
    pub(crate) fn check_fetch(&self, member_id: &str, epoch: i32) -> Result<(), ErrorCode> {
        match self {
            Kind::Consumer(group) => group.check_epoch(member_id, epoch),
            Kind::Classic(_) => Ok(()),
        }
    }

    pub(super) fn deadline_ms(&self) -> Option<i64> {
        match self {
            Kind::Classic(group) => group.deadline_ms(),
            Kind::Consumer(group) => group.deadline_ms(),
        }
    }

    /// Takes in what happens. What is for a group of the other kind is let go: nobody waits for it.
    pub(super) fn on(&mut self, id: &str, event: Event, topics: &TopicMap, now: Now) -> Vec<Effect> {
        match self {
            Kind::Classic(group) => {
                let event = match event {
                    Event::Classic(event) => event,
                    Event::Stored { store, is_stored } => group::Event::Stored { store, is_stored },
                    Event::Tick => group::Event::Tick,
                    Event::Consumer(_) => return Vec::new(),
                };
                let effects = group.on(event, now.passed_ms);
                let effect = |effect| match effect {
                    group::Effect::Answer(ticket, answer) => Effect::Answer(ticket, Answer::Classic(answer)),
                    group::Effect::Store(store) => Effect::Store(store, line_of(id, group, now.wall_ms)),
                };
                effects.into_iter().map(effect).collect()
            }
            Kind::Consumer(group) => {
                let event = match event {
                    Event::Consumer(event) => event,
                    Event::Stored { store, is_stored } => consumer_group::Event::Stored { store, is_stored },
                    Event::Tick => consumer_group::Event::Tick,
                    Event::Classic(_) => return Vec::new(),
                };
                let effects = group.on(event, topics, now.passed_ms);
                let effect = |effect| match effect {
                    consumer_group::Effect::Answer(ticket, answer) => {
                        Effect::Answer(ticket, Answer::Consumer(answer))
                    }
                    consumer_group::Effect::Store(store, lines) => Effect::Store(store, Ok(lines)),
                };
                effects.into_iter().map(effect).collect()
            }
        }
    }

    /// The lines that say that there is no such group any more, which nobody is in.
    pub(super) fn lines_of_none(&self, id: &str) -> Vec<Line> {
        match self {
            Kind::Classic(_) => vec![(key_of(id), None)],
            Kind::Consumer(group) => group.lines_of_none(),
        }
    }
}

/// A moment: since the start, and by the wall clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) passed_ms: i64,
    pub(super) wall_ms: i64,
}

fn key_of(id: &str) -> OffsetsKey {
    OffsetsKey::Group(GroupMetadataKey { group: id.to_owned() })
}

fn line_of(id: &str, group: &Group, wall_ms: i64) -> Result<Vec<Line>, WireError> {
    let mut value = Writer::new();
    group.record(wall_ms).encode(&mut value, GROUP_VERSION)?;
    Ok(vec![(key_of(id), Some(value.into_bytes()))])
}

impl Topics for TopicMap {
    fn named(&self, name: &str) -> Option<(Uuid, i32)> {
        let topic = self.named(name)?;
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        Some((topic.id, partitions))
    }

    fn names(&self) -> Vec<&str> {
        let names = self.names();
        names.filter(|name| !internal::is_internal(name)).collect()
    }
}
