//! A group as `__consumer_offsets` keeps it, and back.
//!
//! What is kept is a generation: its members with what they said and were given. After a restart they go on as if
//! nothing had happened, as long as they are heard of within their sessions. Members on their way to the next
//! generation are not kept: they are told to join again.

use annals_kafka_wire::coordinator::offsets::{GroupMetadataValue, MemberMetadata};

use super::member::{Member, Members};
use super::{Group, Limits, Phase};

impl Group {
    /// The generation as it is now; `wall_ms` says since when.
    pub(crate) fn record(&self, wall_ms: i64) -> GroupMetadataValue {
        let members = self.members.iter().map(|member| MemberMetadata {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: member.metadata(self.protocol.as_deref()),
            assignment: member.assignment.clone(),
        });
        GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: wall_ms,
            members: members.collect(),
        }
    }

    /// As it was stored; its members are heard of now.
    pub(crate) fn restored(limits: Limits, record: GroupMetadataValue, now_ms: i64) -> Group {
        let mut group = Group::new(limits);
        group.generation = record.generation;
        group.protocol_type = Some(record.protocol_type).filter(|kind| !kind.is_empty());
        if record.members.is_empty() {
            return group;
        }
        let protocol = record.protocol.clone().unwrap_or_default();
        let mut members = Members::default();
        for member in record.members {
            members.put(Member::restored(member, &protocol, now_ms));
        }
        group.protocol = record.protocol;
        group.leader = record.leader;
        group.members = members;
        group.phase = Phase::Stable;
        if group.leader.is_none() {
            // Its members were another kind of group's, and have to agree on who leads.
            group.prepare(now_ms, &mut Vec::new());
        }
        group
    }
}
