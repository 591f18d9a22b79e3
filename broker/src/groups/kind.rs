//! What a group is: of the classic protocol, or of the new one (KIP-848), and what both have in common.
//!
//! A group that nobody is in becomes one of the other kind when somebody of that kind comes. One of consumers becomes one of
//! the new protocol when the first member comes that speaks it, and one of the classic protocol again when the last is gone:
//! what Kafka does with `group.consumer.migration.policy=bidirectional`.

use annals_kafka_wire::coordinator::offsets::{GroupMetadataKey, GroupMetadataValue, OffsetsKey};
use annals_kafka_wire::error::{ErrorCode, WireError};
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::primitives::Writer;
use bytes::Bytes;
use uuid::Uuid;

pub(super) use crate::consumer_group::Reply as Answer;
use crate::consumer_group::{self, ConsumerGroup, Line, Refused, Topics};
use crate::group::{self, CONSUMER, Group, Identity, Phase};
use crate::internal;
use crate::ticket::Ticket;
use crate::topics::TopicMap;

#[cfg(test)]
mod tests;

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
            Kind::Consumer(group) => {
                let id = &who.identity.member_id;
                match who.epoch >= 0 && !who.knows_epochs && !group.has_classic(id) {
                    true => Err(ErrorCode::UnsupportedVersion),
                    false => group.check_epoch(id, who.epoch),
                }
            }
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

    /// Takes in what happens. What only the other kind of group knows is let go: nobody waits for it.
    pub(super) fn on(&mut self, id: &str, event: Event, topics: &dyn Topics, now: Now) -> Vec<Effect> {
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
                    Event::Classic(event) => consumer_group::Event::Classic(event),
                };
                let effects = group.on(event, topics, now.passed_ms);
                let effect = |effect| match effect {
                    consumer_group::Effect::Answer(ticket, answer) => Effect::Answer(ticket, answer),
                    consumer_group::Effect::Store(store, lines) => Effect::Store(store, Ok(lines)),
                };
                effects.into_iter().map(effect).collect()
            }
        }
    }

    /// The group as one of the new protocol, for a member that joins by it, and what the log is to say of that; if it can be
    /// one, and now.
    pub(super) fn upgraded(
        &self,
        id: &str,
        limits: consumer_group::Limits,
        topics: &dyn Topics,
        now: Now,
    ) -> Result<(Kind, Vec<Line>), Refused> {
        let refused = |code, sentence: String| Err(Refused { code, sentence });
        let Kind::Classic(group) = self else {
            return refused(
                ErrorCode::GroupIdNotFound,
                format!("Group {id} is of the new protocol."),
            );
        };
        if group.members().next().is_none() {
            return Ok((
                Kind::Consumer(ConsumerGroup::new(id, limits)),
                self.lines_of_none(id),
            ));
        }
        if group.protocol_type() != Some(CONSUMER) {
            return refused(
                ErrorCode::GroupIdNotFound,
                format!("Group {id} is none of consumers."),
            );
        }
        if !group.is_settled() {
            let sentence = format!("The members of group {id} are about to share it out: come again.");
            return refused(ErrorCode::CoordinatorLoadInProgress, sentence);
        }
        match ConsumerGroup::of_classic(id, limits, group, topics, now.passed_ms) {
            Ok(new) => {
                let lines = self.lines_of_none(id).into_iter().chain(new.lines_of_all());
                Ok((Kind::Consumer(new), lines.collect()))
            }
            Err(why) => refused(
                ErrorCode::GroupIdNotFound,
                format!("Group {id} has members of the classic protocol, and {why}."),
            ),
        }
    }

    /// The group as one of the classic protocol again, if no member of the new is left, and what the log is to say of that.
    pub(super) fn turned_back(
        &self,
        id: &str,
        topics: &dyn Topics,
        now: Now,
    ) -> Option<Result<(Kind, Vec<Line>), WireError>> {
        let Kind::Consumer(group) = self else {
            return None;
        };
        group.is_classic().then(|| {
            let record = group.as_classic(topics, now.wall_ms);
            let mut lines = self.lines_of_none(id);
            lines.push((key_of(id), Some(value_of(&record)?)));
            let classic = Group::restored(group.limits().classic, record, now.passed_ms);
            Ok((Kind::Classic(classic), lines))
        })
    }

    /// The lines that say that there is no such group any more.
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
    Ok(vec![(key_of(id), Some(value_of(&group.record(wall_ms))?))])
}

fn value_of(record: &GroupMetadataValue) -> Result<Bytes, WireError> {
    let mut value = Writer::new();
    record.encode(&mut value, GROUP_VERSION)?;
    Ok(value.into_bytes())
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
