//! Joining: who comes, who comes again, and when a generation is complete.

use annals_kafka_wire::coordinator::consumer_protocol::subscribed_topics;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::primitives::Reader;
use bytes::Bytes;

use super::{Answer, CONSUMER, Effect, Effects, Group, Join, Joined, NotJoined, Phase};
use crate::ticket::Ticket;

/// Static members that are away are looked for at most this often.
const PROLONGED_MS_MIN: i64 = 1_000;

impl Group {
    pub(super) fn join(&mut self, ticket: Ticket, join: Join, now_ms: i64, effects: &mut Effects) {
        let refusal = self.refuses(&join).or_else(|| self.refuses_member(&join));
        if let Some(code) = refusal {
            let member_id = join.identity.member_id;
            effects.push(not_joined(ticket, code, member_id));
        } else if join.identity.member_id.is_empty() {
            self.come(ticket, join, now_ms, effects);
        } else {
            self.come_again(ticket, join, now_ms, effects);
        }
    }

    /// What is wrong with a join, whoever it is.
    fn refuses(&self, join: &Join) -> Option<ErrorCode> {
        let (shortest, longest) = self.limits.session_timeout_ms;
        if !(shortest..=longest).contains(&join.session_timeout_ms) {
            return Some(ErrorCode::InvalidSessionTimeout);
        }
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return Some(ErrorCode::InconsistentGroupProtocol);
        }
        let other_type = |own: &String| *own != join.protocol_type;
        let is_foreign = !self.members.is_empty()
            && (self.protocol_type.as_ref().is_some_and(other_type)
                || !self.members.all_support_one_of(&join.protocols));
        is_foreign.then_some(ErrorCode::InconsistentGroupProtocol)
    }

    /// Whether it is who it says, and whether there is a place for it.
    fn refuses_member(&self, join: &Join) -> Option<ErrorCode> {
        let identity = &join.identity;
        let id = identity.member_id.as_str();
        if self.members.get(id).is_some() {
            return self.check_identity(identity).err();
        }
        if self.promised.contains_key(id) {
            return None;
        }
        let known_instance = identity
            .instance_id
            .as_deref()
            .and_then(|id| self.members.of_instance(id));
        match (id, known_instance) {
            ("", Some(_)) => None,
            ("", None) if self.members.len() + self.promised.len() >= self.limits.members_max => {
                Some(ErrorCode::GroupMaxSizeReached)
            }
            ("", None) => None,
            (_, Some(_)) => Some(ErrorCode::FencedInstanceId),
            (_, None) => Some(ErrorCode::UnknownMemberId),
        }
    }

    /// A member without an id.
    fn come(&mut self, ticket: Ticket, join: Join, now_ms: i64, effects: &mut Effects) {
        let fresh_id = join.fresh_id.clone();
        let instance = join.identity.instance_id.clone();
        match instance {
            Some(instance) => match self.members.of_instance(&instance).map(str::to_owned) {
                Some(old_id) => self.replace(ticket, &old_id, &join, now_ms, effects),
                None => self.add(ticket, &fresh_id, &join, now_ms, effects),
            },
            None if join.knows_its_id_first => {
                let deadline_ms = now_ms + i64::from(join.session_timeout_ms);
                self.promised.insert(fresh_id.clone(), deadline_ms);
                effects.push(not_joined(ticket, ErrorCode::MemberIdRequired, fresh_id));
            }
            None => self.add(ticket, &fresh_id, &join, now_ms, effects),
        }
    }

    /// A member with an id of ours.
    fn come_again(&mut self, ticket: Ticket, join: Join, now_ms: i64, effects: &mut Effects) {
        let id = join.identity.member_id.clone();
        if self.promised.remove(&id).is_some() {
            self.add(ticket, &id, &join, now_ms, effects);
            return;
        }
        self.members.touch(&id, now_ms);
        let is_leader = self.leader.as_ref() == Some(&id);
        let is_same = self
            .members
            .get(&id)
            .is_some_and(|member| member.protocols == join.protocols);
        match self.phase {
            Phase::Completing if is_same => self.tell(ticket, &id, effects),
            Phase::Stable if is_same && !is_leader => self.tell(ticket, &id, effects),
            _ => self.rejoin(ticket, &id, &join, now_ms, effects),
        }
    }

    /// The generation as it is.
    fn tell(&self, ticket: Ticket, id: &str, effects: &mut Effects) {
        let leader = self.leader.clone().unwrap_or_default();
        effects.push(joined(ticket, self.joined(id, &leader, false)));
    }

    fn add(&mut self, ticket: Ticket, id: &str, join: &Join, now_ms: i64, effects: &mut Effects) {
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        self.members.add(id, join, now_ms);
        self.rejoin(ticket, id, join, now_ms, effects);
    }

    /// Waits for the next generation.
    fn rejoin(&mut self, ticket: Ticket, id: &str, join: &Join, now_ms: i64, effects: &mut Effects) {
        if let Some(member) = self.members.get_mut(id) {
            member.update(join);
            // Who asks twice has given up the first time.
            if let Some(before) = member.joining.replace(ticket) {
                effects.push(not_joined(before, ErrorCode::UnknownMemberId, id.to_owned()));
            }
        }
        self.prepare(now_ms, effects);
        self.complete_if_all_joined(now_ms, effects);
    }

    /// A static member's next life. Nobody else notices where the protocol stays the same.
    fn replace(&mut self, ticket: Ticket, old_id: &str, join: &Join, now_ms: i64, effects: &mut Effects) {
        let id = join.fresh_id.clone();
        self.members.rename(old_id, &id);
        if let Some(member) = self.members.get_mut(&id) {
            let (joining, syncing) = (member.joining.take(), member.syncing.take());
            let fenced = ErrorCode::FencedInstanceId;
            effects.extend(joining.map(|before| not_joined(before, fenced, old_id.to_owned())));
            effects.extend(syncing.map(|before| Effect::Answer(before, Answer::Sync(Err(fenced)))));
        }
        let was_leader = self.leader.as_deref() == Some(old_id);
        if was_leader {
            self.leader = Some(id.clone());
        }
        self.members.touch(&id, now_ms);
        let before = self.subscription(&id);
        if let Some(member) = self.members.get_mut(&id) {
            member.update(join);
        }
        let is_same = self.members.choose_protocol() == self.protocol && self.subscription(&id) == before;
        if self.phase != Phase::Stable || !is_same {
            self.rejoin(ticket, &id, join, now_ms, effects);
            return;
        }
        // An older leader is not told that it leads, or it would assign anew.
        let leader = match was_leader && !join.can_skip_assignment {
            true => old_id.to_owned(),
            false => self.leader.clone().unwrap_or_default(),
        };
        let told = self.joined(&id, &leader, was_leader && join.can_skip_assignment);
        let store = self.store(effects);
        self.unstored.push((store, ticket, Answer::Join(Ok(told))));
    }

    /// What a member wants, without what it has: the topics of a consumer; all that another kind of member says.
    fn subscription(&self, id: &str) -> (Vec<String>, Bytes) {
        let metadata = self
            .members
            .get(id)
            .map(|member| member.metadata(self.protocol.as_deref()));
        let metadata = metadata.unwrap_or_default();
        match subscribed_topics(&mut Reader::new(metadata.clone())) {
            Ok(topics) if self.protocol_type.as_deref() == Some(CONSUMER) => (topics, Bytes::new()),
            _ => (Vec::new(), metadata),
        }
    }

    /// The way to the next generation begins, if it has not.
    pub(super) fn prepare(&mut self, now_ms: i64, effects: &mut Effects) {
        let waits = self.phase == Phase::Empty && self.limits.initial_rebalance_delay_ms > 0;
        let timeout_ms = match waits {
            true => self.limits.initial_rebalance_delay_ms,
            false => self.members.rebalance_timeout_ms(),
        };
        match self.phase {
            Phase::Preparing { .. } => return,
            Phase::Completing => self.refuse_syncs(ErrorCode::RebalanceInProgress, now_ms, effects),
            Phase::Empty | Phase::Stable => {}
        }
        self.storing = None;
        self.sync_deadline_ms = None;
        self.phase = Phase::Preparing {
            deadline_ms: now_ms.saturating_add(timeout_ms),
            waits,
        };
    }

    pub(super) fn complete_if_all_joined(&mut self, now_ms: i64, effects: &mut Effects) {
        let Phase::Preparing { waits: false, .. } = self.phase else {
            return;
        };
        if self.members.all_are_joining() && self.promised.is_empty() {
            self.complete(now_ms, effects);
        }
    }

    /// The next generation, of those that have joined; static members are waited for as long as their session lasts.
    pub(super) fn complete(&mut self, now_ms: i64, effects: &mut Effects) {
        let absent = self.members.iter().filter(|member| member.joining.is_none());
        let absent: Vec<String> = absent
            .filter(|member| member.instance_id.is_none())
            .map(|member| member.id.clone())
            .collect();
        for id in absent {
            self.members.remove(&id);
        }
        let leader_is_here = |id: &String| {
            self.members
                .get(id)
                .is_some_and(|leader| leader.joining.is_some())
        };
        if !self.leader.as_ref().is_some_and(leader_is_here) {
            self.leader = self.members.oldest_joining().map(str::to_owned);
        }
        if self.members.is_empty() {
            self.empty(effects);
            return;
        }
        let Some(leader) = self.leader.clone() else {
            // Static members alone, and none is here: their sessions will end.
            let longer_ms = self.members.rebalance_timeout_ms().max(PROLONGED_MS_MIN);
            self.phase = Phase::Preparing {
                deadline_ms: now_ms.saturating_add(longer_ms),
                waits: false,
            };
            return;
        };
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.protocol = self.members.choose_protocol();
        self.phase = Phase::Completing;
        self.sync_deadline_ms = Some(now_ms.saturating_add(self.members.rebalance_timeout_ms()));
        let mut tickets = Vec::new();
        for member in self.members.iter_mut() {
            member.assignment.clear();
            member.has_synced = false;
            if let Some(ticket) = member.joining.take() {
                tickets.push((ticket, member.id.clone()));
            }
        }
        for (ticket, id) in tickets {
            self.members.touch(&id, now_ms);
            effects.push(joined(ticket, self.joined(&id, &leader, false)));
        }
    }

    /// Nobody is left.
    fn empty(&mut self, effects: &mut Effects) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.phase = Phase::Empty;
        self.protocol = None;
        self.leader = None;
        self.store(effects);
    }
}

fn joined(ticket: Ticket, joined: Joined) -> Effect {
    Effect::Answer(ticket, Answer::Join(Ok(joined)))
}

fn not_joined(ticket: Ticket, code: ErrorCode, member_id: String) -> Effect {
    Effect::Answer(ticket, Answer::Join(Err(NotJoined { code, member_id })))
}
