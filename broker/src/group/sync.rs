//! Syncing: the leader says who gets what, and everybody is told once that is stored.

use annals_kafka_wire::error::ErrorCode;

use super::{Answer, Effect, Effects, Group, NotJoined, Phase, Sync, Synced};
use crate::ticket::Ticket;

impl Group {
    pub(super) fn sync(&mut self, ticket: Ticket, sync: Sync, now_ms: i64, effects: &mut Effects) {
        if let Err(code) = self.check_sync(&sync) {
            effects.push(Effect::Answer(ticket, Answer::Sync(Err(code))));
            return;
        }
        let id = sync.identity.member_id;
        self.members.touch(&id, now_ms);
        if let Some(member) = self.members.get_mut(&id) {
            member.has_synced = true;
        }
        if self.members.iter().all(|member| member.has_synced) {
            self.sync_deadline_ms = None;
        }
        if self.phase == Phase::Stable {
            effects.push(self.synced(ticket, &id));
            return;
        }
        if let Some(member) = self.members.get_mut(&id)
            && let Some(before) = member.syncing.replace(ticket)
        {
            effects.push(Effect::Answer(
                before,
                Answer::Sync(Err(ErrorCode::UnknownMemberId)),
            ));
        }
        if self.leader.as_ref() == Some(&id) && self.storing.is_none() {
            for (member, assignment) in sync.assignments {
                if let Some(member) = self.members.get_mut(&member) {
                    member.assignment = assignment;
                }
            }
            self.storing = Some(self.store(effects));
        }
    }

    fn check_sync(&self, sync: &Sync) -> Result<(), ErrorCode> {
        self.check_member(&sync.identity, sync.generation)?;
        let differs = |theirs: &Option<String>, ours: &Option<String>| theirs.is_some() && theirs != ours;
        if differs(&sync.protocol_type, &self.protocol_type) || differs(&sync.protocol, &self.protocol) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        match self.phase {
            Phase::Preparing { .. } => Err(ErrorCode::RebalanceInProgress),
            Phase::Empty => Err(ErrorCode::UnknownMemberId),
            Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    fn synced(&self, ticket: Ticket, id: &str) -> Effect {
        let assignment = self.members.get(id).map(|member| member.assignment.clone());
        let synced = Synced {
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: assignment.unwrap_or_default(),
        };
        Effect::Answer(ticket, Answer::Sync(Ok(synced)))
    }

    /// The assignment of a generation is stored, or cannot be: then everybody is asked to join again.
    pub(super) fn stored_or_not(&mut self, store: u64, is_stored: bool, now_ms: i64, effects: &mut Effects) {
        let (due, later) = std::mem::take(&mut self.unstored)
            .into_iter()
            .partition(|(after, ..)| *after <= store);
        self.unstored = later;
        let due: Vec<(u64, Ticket, Answer)> = due;
        for (_, ticket, answer) in due {
            let answer = match answer {
                Answer::Join(Ok(joined)) if !is_stored => Answer::Join(Err(NotJoined {
                    code: ErrorCode::CoordinatorNotAvailable,
                    member_id: joined.member_id,
                })),
                answer => answer,
            };
            effects.push(Effect::Answer(ticket, answer));
        }
        if self.storing != Some(store) {
            return;
        }
        self.storing = None;
        if !is_stored {
            self.refuse_syncs(ErrorCode::CoordinatorNotAvailable, now_ms, effects);
            self.phase = Phase::Stable;
            self.prepare(now_ms, effects);
            return;
        }
        self.phase = Phase::Stable;
        let waiting = self.members.iter_mut().filter_map(|member| {
            let ticket = member.syncing.take()?;
            Some((ticket, member.id.clone()))
        });
        let waiting: Vec<_> = waiting.collect();
        for (ticket, id) in waiting {
            self.members.touch(&id, now_ms);
            effects.push(self.synced(ticket, &id));
        }
    }

    /// The assignment is void.
    pub(super) fn refuse_syncs(&mut self, code: ErrorCode, now_ms: i64, effects: &mut Effects) {
        let mut told = Vec::new();
        for member in self.members.iter_mut() {
            member.assignment.clear();
            if let Some(ticket) = member.syncing.take() {
                told.push(member.id.clone());
                effects.push(Effect::Answer(ticket, Answer::Sync(Err(code))));
            }
        }
        told.iter().for_each(|id| self.members.touch(id, now_ms));
    }
}
