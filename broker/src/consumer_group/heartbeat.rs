//! Heartbeats: who joins, who stays, who goes, and whom the group does not know as who they say they are.

use annals_kafka_wire::error::ErrorCode;

use super::member::Standing;
use super::subscription;
use super::{
    ConsumerGroup, GOES, Heartbeat, JOINS, Member, Parts, Refused, Told, Topics, WILL_BE_BACK, is_assignor,
};

impl Heartbeat {
    /// Whether it says what is kept of a member, and not only that it is there.
    pub(crate) fn says_more(&self) -> bool {
        self.epoch == JOINS || self.topics.is_some() || self.regex.is_some()
    }

    /// What is kept of it takes about so many bytes.
    pub(crate) fn bytes(&self) -> usize {
        let topics = self.topics.iter().flatten().map(|name| 64 + name.len());
        let names = [&self.member_id, &self.client_id].map(String::len);
        let texts = [&self.regex, &self.rack_id, &self.instance_id, &self.assignor];
        let texts = texts.into_iter().flatten().map(String::len);
        512 + names.iter().sum::<usize>() + topics.sum::<usize>() + texts.sum::<usize>()
    }
}

/// A member that was heard, and is to be led on.
#[derive(Debug)]
pub(super) enum Heard {
    /// It goes.
    Gone(Told),
    Stays {
        id: String,
        /// The epoch it has shown.
        epoch: i32,
        owned: Option<Parts>,
        /// It said everything, or may not know what it has: it is told.
        wants_all: bool,
    },
}

impl ConsumerGroup {
    pub(super) fn heard(
        &mut self,
        heartbeat: Heartbeat,
        topics: &dyn Topics,
        now_ms: i64,
    ) -> Result<Heard, Refused> {
        if heartbeat
            .assignor
            .as_deref()
            .is_some_and(|name| !is_assignor(name))
        {
            let sentence = "The assignors of this broker are uniform and range.";
            return Err(refused(ErrorCode::UnsupportedAssignor, sentence));
        }
        match heartbeat.epoch {
            GOES | WILL_BE_BACK => self.goes(&heartbeat, now_ms).map(Heard::Gone),
            JOINS => self.joins(heartbeat, topics, now_ms),
            _ => self.stays(heartbeat, topics, now_ms),
        }
    }

    /// A member's life begins, or another one.
    pub(super) fn joins(
        &mut self,
        heartbeat: Heartbeat,
        topics: &dyn Topics,
        now_ms: i64,
    ) -> Result<Heard, Refused> {
        let id = match heartbeat.member_id.is_empty() {
            true => heartbeat.fresh_id.clone(),
            false => heartbeat.member_id.clone(),
        };
        let instance_id = heartbeat.instance_id.as_deref();
        let before = instance_id.and_then(|instance_id| self.owner_of(instance_id).cloned());
        // Static members of the classic protocol do not say that they go: who comes takes their place.
        let is_free = |before: &String| {
            let member = self.members.get(before);
            heartbeat.classic.is_some()
                || member.is_some_and(|member| member.epoch == WILL_BE_BACK || member.classic.is_some())
        };
        match &before {
            Some(before) if *before != id && !is_free(before) => {
                let sentence = format!("The instance id belongs to member {before}, who has not left.");
                return Err(refused(ErrorCode::UnreleasedInstanceId, sentence));
            }
            None if !self.members.contains_key(&id) && self.members.len() >= self.limits.members_max => {
                let sentence = format!("The group has {} members already.", self.limits.members_max);
                return Err(refused(ErrorCode::GroupMaxSizeReached, sentence));
            }
            _ => {}
        }
        let patterns = self.matched(&heartbeat, topics)?;
        if let Some(before) = before.filter(|before| *before != id) {
            self.rename(&before, &id);
        }
        let is_new = !self.members.contains_key(&id);
        self.release_instance_of(&id);
        if let Some(instance_id) = instance_id {
            self.instances.insert(instance_id.to_owned(), id.clone());
        }
        let member = self
            .members
            .entry(id.clone())
            .or_insert_with(|| Member::new(now_ms));
        // Who joins has nothing; what it had is still its own until it is led on below.
        member.instance_id = heartbeat.instance_id.clone();
        (member.epoch, member.previous_epoch) = (JOINS, JOINS);
        member.standing = Standing::Waiting;
        let held: Vec<_> = member.held().copied().collect();
        (member.assigned, member.revoking) = (Parts::new(), Parts::new());
        held.iter().for_each(|part| drop(self.owners.remove(part)));
        self.unsaved.members.insert(id.clone());
        let heard = self.takes_in(id, heartbeat, patterns, is_new, now_ms);
        // Also those of who had the id before.
        self.forget_patterns();
        Ok(heard)
    }

    fn stays(&mut self, heartbeat: Heartbeat, topics: &dyn Topics, now_ms: i64) -> Result<Heard, Refused> {
        let id = self.known(&heartbeat.member_id, heartbeat.instance_id.as_ref())?;
        let member = &self.members[&id];
        let (epoch, known) = (heartbeat.epoch, member.epoch);
        // Its last answer may have been lost: then it still has no more than it is meant to have.
        let is_behind = || {
            let owned = heartbeat.owned.as_ref();
            epoch == member.previous_epoch && owned.is_some_and(|owned| owned.is_subset(&member.assigned))
        };
        if epoch > known || (epoch < known && !is_behind()) {
            let sentence = format!(
                "The member's epoch is {known}, not {epoch}: it must give up all its partitions and join again."
            );
            return Err(refused(ErrorCode::FencedMemberEpoch, sentence));
        }
        let patterns = self.matched(&heartbeat, topics)?;
        Ok(self.takes_in(id, heartbeat, patterns, false, now_ms))
    }

    /// What is the same for who joins and who stays.
    pub(super) fn takes_in(
        &mut self,
        id: String,
        heartbeat: Heartbeat,
        patterns: Option<(String, subscription::Pattern)>,
        is_new: bool,
        now_ms: i64,
    ) -> Heard {
        let (epoch, is_full) = (heartbeat.epoch, is_full(&heartbeat));
        let Some(member) = self.members.get_mut(&id) else {
            return Heard::Gone(self.told(id, epoch, None));
        };
        let wants_all = is_full || epoch == JOINS || epoch != member.epoch;
        member.heard_ms = now_ms;
        let before = (member.topics.clone(), member.regex.clone());
        if member.update(&heartbeat) {
            self.unsaved.members.insert(id.clone());
        }
        let wants_other = before != (member.topics.clone(), member.regex.clone());
        if wants_other {
            self.patterns.extend(patterns);
            self.forget_patterns();
        }
        if is_new || wants_other {
            self.raise_epoch();
        }
        let owned = match epoch {
            JOINS => Some(Parts::new()),
            _ => heartbeat.owned,
        };
        Heard::Stays {
            id,
            epoch,
            owned,
            wants_all,
        }
    }

    fn goes(&mut self, heartbeat: &Heartbeat, now_ms: i64) -> Result<Told, Refused> {
        let id = self.known(&heartbeat.member_id, heartbeat.instance_id.as_ref())?;
        match (heartbeat.epoch, self.members.get_mut(&id)) {
            (WILL_BE_BACK, Some(member)) => {
                member.epoch = WILL_BE_BACK;
                member.standing = Standing::Stable;
                member.heard_ms = now_ms;
                self.unsaved.members.insert(id.clone());
            }
            _ => self.remove(&id),
        }
        Ok(self.told(id, heartbeat.epoch, None))
    }

    /// The member of this name.
    pub(super) fn known(&self, member_id: &str, instance_id: Option<&String>) -> Result<String, Refused> {
        let unknown = || refused(ErrorCode::UnknownMemberId, "The group has no such member.");
        if let Some(instance_id) = instance_id {
            let owner = self.owner_of(instance_id).ok_or_else(unknown)?;
            if owner != member_id {
                let sentence = format!("The instance id belongs to member {owner}.");
                return Err(refused(ErrorCode::FencedInstanceId, sentence));
            }
        }
        match self.members.contains_key(member_id) {
            true => Ok(member_id.to_owned()),
            false => Err(unknown()),
        }
    }

    /// The member that has the instance id.
    pub(super) fn owner_of(&self, instance_id: &str) -> Option<&String> {
        let owner = self.instances.get(instance_id);
        owner.filter(|id| self.members.contains_key(*id))
    }

    /// A member's instance id is free for others.
    pub(super) fn release_instance_of(&mut self, id: &str) {
        let instance_id = self
            .members
            .get(id)
            .and_then(|member| member.instance_id.as_ref());
        if let Some(instance_id) = instance_id
            && self.instances.get(instance_id).is_some_and(|owner| owner == id)
        {
            self.instances.remove(instance_id);
        }
    }

    /// A static member's next life: another id, and all else as it was. A member of that id is no more.
    fn rename(&mut self, before: &str, id: &str) {
        self.disown(id);
        if let Some(member) = self.members.remove(before) {
            for part in member.held() {
                self.owners.insert(*part, id.to_owned());
            }
            self.members.insert(id.to_owned(), member);
            self.unsaved.members.insert(before.to_owned());
        }
    }

    pub(super) fn told(&self, member_id: String, epoch: i32, assignment: Option<Parts>) -> Told {
        Told {
            member_id,
            epoch,
            interval_ms: self.limits.interval_ms,
            assignment,
        }
    }
}

/// Whether everything is said: then everything is answered.
fn is_full(heartbeat: &Heartbeat) -> bool {
    let wants = heartbeat.topics.is_some() || heartbeat.regex.is_some();
    wants && heartbeat.rebalance_timeout_ms.is_some() && heartbeat.owned.is_some()
}

pub(super) fn refused(code: ErrorCode, sentence: impl Into<String>) -> Refused {
    let sentence = sentence.into();
    Refused { code, sentence }
}
