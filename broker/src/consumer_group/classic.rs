//! Members of the classic protocol in a group of the new one (KIP-848, "online migration"): they join, sync and beat as
//! they are used to, and the group leads them as it leads everybody. A generation is the member's epoch, and nobody has to
//! be waited for: a join is answered at once, and a heartbeat says when it is time to join again.
//!
//! A member says what it has when it joins. One that gives up everything before it joins (an eager protocol) has nothing
//! then; one that gives up what it is not told to have any more (a cooperative one) joins again when it has done so.

use std::collections::BTreeMap;

use annals_kafka_wire::coordinator::consumer_protocol::{
    ConsumerProtocolAssignment, TopicPartition, subscription,
};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::primitives::Writer;
use bytes::Bytes;
use uuid::Uuid;

use super::heartbeat::Heard;
use super::member::{Classic, Standing};
use super::{ConsumerGroup, Due, Heartbeat, ID_BYTES_MAX, JOINS, Member, Parts, Reply, Topics, by_topic};
use crate::group::{self, CONSUMER, Identity, Join, Joined, NotJoined, Sync, Synced};
use crate::ticket::Ticket;

/// The version of what they are given, which all of them understand.
const ASSIGNMENT_VERSION: i16 = 0;

impl ConsumerGroup {
    /// Takes in what a member of the classic protocol says; `None` for what is no word of a member.
    pub(super) fn heard_classic(
        &mut self,
        event: group::Event,
        topics: &dyn Topics,
        now_ms: i64,
    ) -> Option<(Ticket, Due)> {
        let answered = |ticket, answer| Some((ticket, Due::Told(Reply::Classic(answer))));
        match event {
            group::Event::Join(ticket, join) => {
                let joins = self.joins_classic(join, topics, now_ms);
                Some((ticket, Due::Joined(joins)))
            }
            group::Event::Sync(ticket, sync) => {
                answered(ticket, group::Answer::Sync(self.syncs(&sync, topics, now_ms)))
            }
            group::Event::Heartbeat(ticket, identity, generation) => {
                let beats = self.beats(&identity, generation, now_ms);
                let code = beats.err().unwrap_or(ErrorCode::None);
                answered(ticket, group::Answer::Heartbeat(code))
            }
            group::Event::Leave(ticket, identities) => {
                let codes = identities.iter().map(|identity| self.leaves(identity));
                answered(ticket, group::Answer::Leave(codes.collect()))
            }
            group::Event::Stored { .. } | group::Event::Tick => None,
        }
    }

    /// What a member that has joined is told: its generation. What it has it is told when it asks for its part.
    pub(super) fn joined(&self, member_id: String, generation: i32) -> Joined {
        Joined {
            protocol_type: Some(CONSUMER.to_owned()),
            protocol: self
                .members
                .get(&member_id)
                .and_then(protocol_of)
                .map(str::to_owned),
            member_id,
            generation,
            // Nobody leads: nobody assigns.
            leader: String::new(),
            skip_assignment: false,
            members: Vec::new(),
        }
    }

    fn joins_classic(&mut self, join: Join, topics: &dyn Topics, now_ms: i64) -> Result<Heard, NotJoined> {
        let not_joined = |code, member_id: &str| NotJoined {
            code,
            member_id: member_id.to_owned(),
        };
        let asked_id = join.identity.member_id.clone();
        let heartbeat = self
            .as_heartbeat(&join, topics)
            .map_err(|code| not_joined(code, &asked_id))?;
        let instance_id = join.identity.instance_id.as_ref();
        if self
            .members
            .get(&asked_id)
            .is_some_and(|member| member.classic.is_some())
        {
            self.known(&asked_id, instance_id)
                .map_err(|refused| not_joined(refused.code, &asked_id))?;
            return Ok(self.joins_again(asked_id, heartbeat, now_ms));
        }
        // Who was told to come with this id has nothing yet. Whoever has something was a member once, and has lost it.
        let has_something = heartbeat.owned.as_ref().is_some_and(|owned| !owned.is_empty());
        if !asked_id.is_empty() && (has_something || instance_id.is_some()) {
            let is_others = instance_id.is_some_and(|instance_id| self.owner_of(instance_id).is_some());
            let code = match is_others {
                true => ErrorCode::FencedInstanceId,
                false => ErrorCode::UnknownMemberId,
            };
            return Err(not_joined(code, &asked_id));
        }
        if asked_id.is_empty() && instance_id.is_none() && join.knows_its_id_first {
            return Err(not_joined(ErrorCode::MemberIdRequired, &join.fresh_id));
        }
        let heard = self.joins(heartbeat, topics, now_ms);
        let heard = heard.map_err(|refused| not_joined(refused.code, &asked_id))?;
        if let Heard::Stays { id, .. } = &heard {
            self.waits_for_sync(id, now_ms);
        }
        Ok(heard)
    }

    fn joins_again(&mut self, id: String, mut heartbeat: Heartbeat, now_ms: i64) -> Heard {
        heartbeat.epoch = self.members.get(&id).map_or(JOINS, |member| member.epoch);
        self.waits_for_sync(&id, now_ms);
        self.takes_in(id, heartbeat, None, false, now_ms)
    }

    fn waits_for_sync(&mut self, id: &str, now_ms: i64) {
        if let Some(member) = self.members.get_mut(id) {
            member.awaited_ms = None;
            member.is_awaited(now_ms);
        }
    }

    /// What a join says, in the words of the new protocol.
    fn as_heartbeat(&self, join: &Join, topics: &dyn Topics) -> Result<Heartbeat, ErrorCode> {
        let (shortest, longest) = self.limits.classic.session_timeout_ms;
        if !(shortest..=longest).contains(&join.session_timeout_ms) {
            return Err(ErrorCode::InvalidSessionTimeout);
        }
        if join.identity.member_id.len().max(join.fresh_id.len()) > ID_BYTES_MAX {
            return Err(ErrorCode::InvalidRequest);
        }
        let others = self
            .members
            .iter()
            .filter(|(id, _)| **id != join.identity.member_id);
        let others: Vec<&Classic> = others.filter_map(|(_, member)| member.classic.as_ref()).collect();
        let all_speak = |(name, _): &(String, Bytes)| others.iter().all(|other| other.speaks(name));
        if join.protocol_type != CONSUMER || !join.protocols.iter().any(all_speak) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let first = join.protocols.first().map(|(_, metadata)| metadata);
        let said = first.and_then(|metadata| subscription(metadata).ok());
        let said = said.ok_or(ErrorCode::InconsistentGroupProtocol)?;
        Ok(Heartbeat {
            member_id: join.identity.member_id.clone(),
            fresh_id: join.fresh_id.clone(),
            instance_id: join.identity.instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            rack_id: said.rack_id,
            epoch: JOINS,
            rebalance_timeout_ms: Some(join.rebalance_timeout_ms),
            topics: Some(said.topics.into_iter().collect()),
            regex: Some(String::new()),
            assignor: None,
            owned: Some(parts_of(said.owned_partitions, topics)),
            classic: Some(Classic {
                session_timeout_ms: join.session_timeout_ms,
                protocols: join.protocols.clone(),
            }),
        })
    }

    fn syncs(&mut self, sync: &Sync, topics: &dyn Topics, now_ms: i64) -> Result<Synced, ErrorCode> {
        let epoch = self.epoch;
        let member = self.classic_member(&sync.identity, sync.generation)?;
        let protocol = protocol_of(member).map(str::to_owned);
        let differs =
            |theirs: &Option<String>, ours: Option<&str>| theirs.is_some() && theirs.as_deref() != ours;
        if differs(&sync.protocol_type, Some(CONSUMER)) || differs(&sync.protocol, protocol.as_deref()) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        member.heard_ms = now_ms;
        // One that must give something up hears of that here, and only then joins again.
        if member.epoch < epoch && !matches!(member.standing, Standing::Revoking { .. }) {
            member.is_awaited(now_ms);
            return Err(ErrorCode::RebalanceInProgress);
        }
        member.awaited_ms = None;
        let assigned = member.assigned.clone();
        Ok(Synced {
            protocol_type: Some(CONSUMER.to_owned()),
            protocol,
            assignment: self.assignment_bytes(&sync.identity.member_id, &assigned, topics),
        })
    }

    fn beats(&mut self, identity: &Identity, generation: i32, now_ms: i64) -> Result<(), ErrorCode> {
        self.classic_member(identity, generation)?;
        let member = &self.members[&identity.member_id];
        let is_due = match member.standing {
            Standing::Revoking { .. } => true,
            Standing::Waiting => self.is_all_free(&identity.member_id, member),
            Standing::Stable => false,
        };
        let joins_again = is_due || member.epoch < self.epoch;
        let Some(member) = self.members.get_mut(&identity.member_id) else {
            return Err(ErrorCode::UnknownMemberId);
        };
        member.heard_ms = now_ms;
        if joins_again {
            member.is_awaited(now_ms);
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// Whether a member would have all of its target if it joined now.
    fn is_all_free(&self, id: &str, member: &Member) -> bool {
        let mut owners = member.target.iter().filter_map(|part| self.owners.get(part));
        owners.all(|owner| owner == id)
    }

    /// Takes a member out, of either protocol; who leaves by its instance alone need not know its id.
    fn leaves(&mut self, identity: &Identity) -> ErrorCode {
        let instance_id = identity.instance_id.as_ref();
        let known = match instance_id.filter(|_| identity.member_id.is_empty()) {
            Some(instance_id) => self
                .owner_of(instance_id)
                .cloned()
                .ok_or(ErrorCode::UnknownMemberId),
            None => self
                .known(&identity.member_id, instance_id)
                .map_err(|refused| refused.code),
        };
        match known {
            Ok(id) => {
                self.remove(&id);
                ErrorCode::None
            }
            Err(code) => code,
        }
    }

    /// A member of the classic protocol, and of this generation.
    fn classic_member(&mut self, identity: &Identity, generation: i32) -> Result<&mut Member, ErrorCode> {
        let id = self.known(&identity.member_id, identity.instance_id.as_ref());
        let id = id.map_err(|refused| refused.code)?;
        let member = self
            .members
            .get_mut(&id)
            .filter(|member| member.classic.is_some());
        let member = member.ok_or(ErrorCode::UnknownMemberId)?;
        match member.epoch == generation {
            true => Ok(member),
            false => Err(ErrorCode::IllegalGeneration),
        }
    }

    /// What a member of the classic protocol is told that it has.
    pub(super) fn assignment_bytes(&self, id: &str, assigned: &Parts, topics: &dyn Topics) -> Bytes {
        let wanted = self
            .members
            .get(id)
            .into_iter()
            .flat_map(|member| self.wanted_by(member));
        let names: BTreeMap<Uuid, &String> = wanted
            .filter_map(|name| Some((topics.named(name)?.0, name)))
            .collect();
        // A topic that has no name any more has no partitions to read.
        let assigned_partitions = by_topic(assigned).filter_map(|(topic, partitions)| {
            let topic = (*names.get(&topic)?).clone();
            Some(TopicPartition { topic, partitions })
        });
        let assignment = ConsumerProtocolAssignment {
            assigned_partitions: assigned_partitions.collect(),
            user_data: None,
        };
        let mut bytes = Writer::new();
        let written = assignment.encode(&mut bytes, ASSIGNMENT_VERSION);
        written.map(|()| bytes.into_bytes()).unwrap_or_default()
    }
}

/// The protocol a member of the classic one is told, as long as the group is of the new one: it has no say there.
fn protocol_of(member: &Member) -> Option<&str> {
    let protocols = &member.classic.as_ref()?.protocols;
    protocols.first().map(|(name, _)| name.as_str())
}

/// Partitions by their topics' names; those that are not there are nobody's.
pub(super) fn parts_of(named: Vec<TopicPartition>, topics: &dyn Topics) -> Parts {
    let parts = named.into_iter().filter_map(|topic| {
        let (id, _) = topics.named(&topic.topic)?;
        Some(topic.partitions.into_iter().map(move |partition| (id, partition)))
    });
    parts.flatten().collect()
}
