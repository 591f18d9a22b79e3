//! Leaving: by word, or by silence.

use annals_kafka_wire::error::ErrorCode;

use super::{Answer, Effect, Effects, Group, Identity, NotJoined, Phase};

impl Group {
    /// Takes a member out; who leaves by its instance alone need not know its id.
    pub(super) fn leave(&mut self, identity: &Identity, effects: &mut Effects) -> ErrorCode {
        let by_instance = identity
            .instance_id
            .as_deref()
            .filter(|_| identity.member_id.is_empty());
        if let Some(instance_id) = by_instance {
            let Some(id) = self.members.of_instance(instance_id).map(str::to_owned) else {
                return ErrorCode::UnknownMemberId;
            };
            self.remove(&id, effects);
            return ErrorCode::None;
        }
        if self.promised.remove(&identity.member_id).is_some() {
            return ErrorCode::None;
        }
        if let Err(code) = self.check_identity(identity) {
            return code;
        }
        self.remove(&identity.member_id, effects);
        ErrorCode::None
    }

    fn remove(&mut self, id: &str, effects: &mut Effects) {
        let Some(member) = self.members.remove(id) else {
            return;
        };
        let code = ErrorCode::UnknownMemberId;
        effects.extend(member.joining.map(|ticket| {
            let member_id = member.id.clone();
            Effect::Answer(ticket, Answer::Join(Err(NotJoined { code, member_id })))
        }));
        effects.extend(
            member
                .syncing
                .map(|ticket| Effect::Answer(ticket, Answer::Sync(Err(code)))),
        );
        self.has_lost = true;
    }

    /// After members went: the others share what they had.
    pub(super) fn rebalance_without(&mut self, now_ms: i64, effects: &mut Effects) {
        if std::mem::take(&mut self.has_lost) {
            self.prepare(now_ms, effects);
        }
        self.complete_if_all_joined(now_ms, effects);
    }

    /// What is due now.
    pub(super) fn tick(&mut self, now_ms: i64, effects: &mut Effects) {
        self.promised.retain(|_, deadline_ms| *deadline_ms > now_ms);
        let silent = self.members.iter().filter(|member| {
            let deadline_ms = member.deadline_ms();
            deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms)
        });
        let silent: Vec<String> = silent.map(|member| member.id.clone()).collect();
        silent.iter().for_each(|id| self.remove(id, effects));
        self.rebalance_without(now_ms, effects);
        if self
            .sync_deadline_ms
            .is_some_and(|deadline_ms| deadline_ms <= now_ms)
        {
            self.sync_deadline_ms = None;
            let late = self.members.iter().filter(|member| !member.has_synced);
            let late: Vec<String> = late.map(|member| member.id.clone()).collect();
            late.iter().for_each(|id| self.remove(id, effects));
            self.rebalance_without(now_ms, effects);
        }
        if let Phase::Preparing { deadline_ms, .. } = self.phase
            && deadline_ms <= now_ms
        {
            self.complete(now_ms, effects);
        }
    }
}
