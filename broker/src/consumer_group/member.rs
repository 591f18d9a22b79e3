//! One member of a group: what it says of itself, what it has, what it is to have.

use std::collections::BTreeSet;

use super::{Heartbeat, Part, Parts};

/// How far a member is on its way to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has what it is to have.
    Stable,
    /// It has partitions to give up, and until when.
    Revoking { deadline_ms: i64 },
    /// It waits for partitions that others give up.
    Waiting,
}

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) instance_id: Option<String>,
    pub(crate) rack_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) topics: BTreeSet<String>,
    pub(crate) regex: Option<String>,
    pub(crate) assignor: Option<String>,
    pub(crate) epoch: i32,
    /// The last epoch it has shown: it has no other when an answer was lost.
    pub(crate) previous_epoch: i32,
    pub(crate) standing: Standing,
    pub(crate) target: Parts,
    pub(crate) assigned: Parts,
    /// What it has and must give up.
    pub(crate) revoking: Parts,
    /// When it was last heard of.
    pub(crate) heard_ms: i64,
}

impl Member {
    /// One that has said nothing yet.
    pub(super) fn new(now_ms: i64) -> Member {
        Member {
            instance_id: None,
            rack_id: None,
            client_id: String::new(),
            client_host: String::new(),
            rebalance_timeout_ms: -1,
            topics: BTreeSet::new(),
            regex: None,
            assignor: None,
            epoch: 0,
            previous_epoch: 0,
            standing: Standing::Stable,
            target: Parts::new(),
            assigned: Parts::new(),
            revoking: Parts::new(),
            heard_ms: now_ms,
        }
    }

    /// Everything nobody else may have yet.
    pub(super) fn held(&self) -> impl Iterator<Item = &Part> {
        self.assigned.iter().chain(&self.revoking)
    }

    /// When it is taken for dead: after silence, or with what it should have given up.
    pub(super) fn deadline_ms(&self, session_timeout_ms: i64) -> i64 {
        let session_ms = self.heard_ms.saturating_add(session_timeout_ms);
        match self.standing {
            Standing::Revoking { deadline_ms } => session_ms.min(deadline_ms),
            Standing::Stable | Standing::Waiting => session_ms,
        }
    }

    /// What it takes, in bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        let topics = self.topics.iter().map(|name| 64 + name.len());
        let texts = [&self.regex, &self.rack_id, &self.instance_id, &self.assignor]
            .into_iter()
            .flatten()
            .map(String::len);
        let parts = self.target.len() + self.assigned.len() + self.revoking.len();
        let names = self.client_id.len() + self.client_host.len();
        512 + names + topics.sum::<usize>() + texts.sum::<usize>() + 256 * parts
    }

    /// Takes over what it says of itself; whether anything of that is new.
    pub(super) fn update(&mut self, heartbeat: &Heartbeat) -> bool {
        let regex = heartbeat
            .regex
            .clone()
            .map(|regex| Some(regex).filter(|regex| !regex.is_empty()));
        let is_new = [
            set(&mut self.client_id, Some(heartbeat.client_id.clone())),
            set(&mut self.client_host, Some(heartbeat.client_host.clone())),
            set(&mut self.rack_id, heartbeat.rack_id.clone().map(Some)),
            set(&mut self.rebalance_timeout_ms, heartbeat.rebalance_timeout_ms),
            set(&mut self.topics, heartbeat.topics.clone()),
            set(&mut self.regex, regex),
            set(&mut self.assignor, heartbeat.assignor.clone().map(Some)),
        ];
        is_new.contains(&true)
    }
}

/// Whether it was something else before.
fn set<T: PartialEq>(field: &mut T, said: Option<T>) -> bool {
    match said {
        Some(said) if said != *field => {
            *field = said;
            true
        }
        _ => false,
    }
}
