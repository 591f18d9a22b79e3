//! A group that moves from the classic protocol to the new one and back, while its members work.
//!
//! It moves on when a member joins by the new protocol and the others have come to a generation, and back when the last
//! such member is gone. Whoever is in it stays: a generation becomes an epoch, and an epoch a generation, so that neither
//! falls and nobody notices but by the rebalance that follows in any case.
//!
//! Invariant: what a member may still read is its own in both worlds.

use annals_kafka_wire::coordinator::consumer_protocol::{ConsumerProtocolAssignment, subscription};
use annals_kafka_wire::coordinator::offsets::{GroupMetadataValue, MemberMetadata};
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::primitives::Reader;

use super::classic::parts_of;
use super::member::{Classic, Member, Standing};
use super::{ConsumerGroup, ID_BYTES_MAX, Limits, Line, Parts, Topics, Unsaved};
use crate::group::{self, CONSUMER, Group};

impl ConsumerGroup {
    /// A group of the classic protocol whose members have come to a generation; or why it cannot be one of the new.
    pub(crate) fn of_classic(
        id: &str,
        limits: Limits,
        group: &Group,
        topics: &dyn Topics,
        now_ms: i64,
    ) -> Result<ConsumerGroup, &'static str> {
        let mut new = ConsumerGroup::new(id, limits);
        (new.epoch, new.assignment_epoch) = (group.generation(), group.generation());
        let mut had = Vec::new();
        for member in group.members() {
            if member.id.len() > ID_BYTES_MAX {
                return Err("one of them has an id longer than 255 bytes");
            }
            let protocol = group.protocol();
            let said = subscription(&member.metadata(protocol))
                .map_err(|_| "what its members say of themselves cannot be read")?;
            let mut one = Member::new(now_ms);
            one.assigned = assigned_to(member, topics)?;
            // A leader that gives a partition twice is not believed the second time.
            one.assigned.retain(|part| !new.owners.contains_key(part));
            one.target.clone_from(&one.assigned);
            one.epoch = group.generation();
            one.previous_epoch = one.epoch;
            one.instance_id.clone_from(&member.instance_id);
            one.rack_id = said.rack_id;
            one.client_id.clone_from(&member.client_id);
            one.client_host.clone_from(&member.client_host);
            one.rebalance_timeout_ms = member.rebalance_timeout_ms;
            one.topics = said.topics.into_iter().collect();
            one.classic = Some(Classic {
                session_timeout_ms: member.session_timeout_ms,
                protocols: member.protocols.clone(),
            });
            had.push((member.id.clone(), parts_of(said.owned_partitions, topics)));
            new.owners
                .extend(one.assigned.iter().map(|part| (*part, member.id.clone())));
            let instance_id = one.instance_id.clone();
            new.instances
                .extend(instance_id.map(|instance_id| (instance_id, member.id.clone())));
            new.members.insert(member.id.clone(), one);
        }
        for (id, had) in had {
            new.still_has(&id, had, now_ms);
        }
        new.topics_hash = new.hash_of(topics);
        Ok(new)
    }

    /// What a member had when it joined, and was not given again: it may not have given it up yet, and joins again when it
    /// has.
    fn still_has(&mut self, id: &str, had: Parts, now_ms: i64) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        let had = had.into_iter().filter(|part| !self.owners.contains_key(part));
        member.revoking = had.collect();
        if !member.revoking.is_empty() {
            let timeout_ms = i64::from(member.rebalance_timeout_ms);
            let deadline_ms = now_ms.saturating_add(timeout_ms);
            member.standing = Standing::Revoking { deadline_ms };
        }
        let revoking = member.revoking.iter().map(|part| (*part, id.to_owned()));
        self.owners.extend(revoking);
    }

    /// All there is to say of it.
    pub(crate) fn lines_of_all(&self) -> Vec<Line> {
        self.lines(&Unsaved {
            group: true,
            members: self.members.keys().cloned().collect(),
        })
    }

    /// Whether all that are in it speak the classic protocol, and nothing is on its way to the log or to one of them.
    pub(crate) fn is_classic(&self) -> bool {
        let is_at_rest = self.unsaved.is_empty() && self.storing.is_empty() && self.waiting.is_empty();
        is_at_rest && !self.is_empty() && self.members.values().all(|member| member.classic.is_some())
    }

    /// As a group of the classic protocol is kept. There is no leader: the members are to agree on a generation.
    pub(crate) fn as_classic(&self, topics: &dyn Topics, wall_ms: i64) -> GroupMetadataValue {
        let classic = || self.members.values().filter_map(|member| member.classic.as_ref());
        let speak = |name: &String| classic().all(|classic| classic.speaks(name));
        let names = classic().flat_map(|classic| classic.protocols.iter().map(|(name, _)| name));
        let protocol = names.into_iter().find(|name| speak(name)).cloned();
        let metadata = |classic: &Classic| {
            let mut protocols = classic.protocols.iter();
            let chosen = protocols.find(|(name, _)| Some(name) == protocol.as_ref());
            chosen.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
        };
        let members = self.members.iter().filter_map(|(id, member)| {
            let classic = member.classic.as_ref()?;
            Some(MemberMetadata {
                member_id: id.clone(),
                group_instance_id: member.instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout: member.rebalance_timeout_ms,
                session_timeout: classic.session_timeout_ms,
                subscription: metadata(classic),
                assignment: self.assignment_bytes(id, &member.assigned, topics),
            })
        });
        let members = members.collect();
        let epochs = self.members.values().map(|member| member.epoch);
        GroupMetadataValue {
            protocol_type: CONSUMER.to_owned(),
            // The newest that any of them knows: the group's own may be ahead, and nobody was told.
            generation: epochs.max().unwrap_or_default(),
            protocol,
            leader: None,
            current_state_timestamp: wall_ms,
            members,
        }
    }
}

/// What the leader gave a member.
fn assigned_to(member: &group::Member, topics: &dyn Topics) -> Result<Parts, &'static str> {
    // Who is given nothing may be given nothing at all.
    if member.assignment.is_empty() {
        return Ok(Parts::new());
    }
    let given = ConsumerProtocolAssignment::decode(&mut Reader::new(member.assignment.clone()))
        .map_err(|_| "what its leader gives cannot be read")?;
    // What an assignor of its own adds nobody here could say.
    match given.user_data.is_none_or(|added| added.is_empty()) {
        true => Ok(parts_of(given.assigned_partitions, topics)),
        false => Err("its assignor adds something to what it gives"),
    }
}
