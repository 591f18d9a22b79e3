//! Leading one member to its target: first it gives up, then it gets what is free.

use super::heartbeat::Heard;
use super::member::Standing;
use super::{ConsumerGroup, Parts, Told, WILL_BE_BACK};

impl ConsumerGroup {
    /// The next step of a member that was heard, and what it is told.
    pub(super) fn lead(&mut self, heard: Heard, now_ms: i64) -> Told {
        let (id, epoch, owned, wants_all) = match heard {
            Heard::Gone(told) => return told,
            Heard::Stays {
                id,
                epoch,
                owned,
                wants_all,
            } => (id, epoch, owned, wants_all),
        };
        let before = self.members.get(&id).map(|member| member.assigned.clone());
        self.step(&id, epoch, owned.as_ref(), now_ms);
        let Some(member) = self.members.get(&id) else {
            return self.told(id, epoch, None);
        };
        let is_other = before.as_ref() != Some(&member.assigned);
        let assignment = (wants_all || is_other).then(|| member.assigned.clone());
        let mut told = self.told(id, member.epoch, assignment);
        if member.standing == Standing::Waiting {
            told.interval_ms = self.limits.waiting_interval_ms;
        }
        told
    }

    fn step(&mut self, id: &str, shown_epoch: i32, owned: Option<&Parts>, now_ms: i64) {
        let Some(member) = self.members.get(id).filter(|member| member.epoch != WILL_BE_BACK) else {
            return;
        };
        let has_given_up = |parts: &Parts| owned.is_some_and(|owned| owned.is_disjoint(parts));
        match member.standing {
            Standing::Stable if member.epoch == self.assignment_epoch => return,
            Standing::Revoking { .. } if !has_given_up(&member.revoking) => return,
            _ => {}
        }
        let kept: Parts = &member.assigned & &member.target;
        let lost: Parts = &member.assigned - &member.target;
        if !lost.is_empty() && !has_given_up(&lost) {
            let timeout_ms = i64::from(member.rebalance_timeout_ms);
            let deadline_ms = now_ms.saturating_add(timeout_ms);
            return self.put(id, member.epoch, Standing::Revoking { deadline_ms }, kept, lost);
        }
        let is_free = |part: &&_| self.owners.get(*part).is_none_or(|owner| owner == id);
        let free: Parts = member.target.difference(&kept).filter(is_free).copied().collect();
        let assigned: Parts = &kept | &free;
        let standing = match assigned.len() == member.target.len() {
            true => Standing::Stable,
            false => Standing::Waiting,
        };
        let epoch = self.assignment_epoch;
        self.put(id, epoch, standing, assigned, Parts::new());
        if let Some(member) = self.members.get_mut(id) {
            member.previous_epoch = shown_epoch;
        }
    }

    /// What a member has from now on; nobody else has any of it.
    fn put(&mut self, id: &str, epoch: i32, standing: Standing, assigned: Parts, revoking: Parts) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        let is_same = (member.epoch, member.standing) == (epoch, standing)
            && member.assigned == assigned
            && member.revoking == revoking;
        if is_same {
            return;
        }
        for part in member.held() {
            self.owners.remove(part);
        }
        for part in assigned.union(&revoking) {
            self.owners.insert(*part, id.to_owned());
        }
        (member.epoch, member.standing) = (epoch, standing);
        (member.assigned, member.revoking) = (assigned, revoking);
        self.unsaved.members.insert(id.to_owned());
    }
}
