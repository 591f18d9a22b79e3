//! One member of a group: what it says of itself, what it has, what it is to have.

use std::collections::BTreeSet;

use bytes::Bytes;

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

/// What is known of a member that speaks the classic protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Classic {
    pub(crate) session_timeout_ms: i32,
    /// Name and metadata, the one it likes best first.
    pub(crate) protocols: Vec<(String, Bytes)>,
}

impl Classic {
    pub(super) fn speaks(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    /// What is kept of it takes about so many bytes.
    pub(super) fn bytes(&self) -> usize {
        let protocols = self.protocols.iter();
        protocols
            .map(|(name, metadata)| 64 + name.len() + metadata.len())
            .sum()
    }
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
    /// Of one that speaks the classic protocol.
    pub(crate) classic: Option<Classic>,
    pub(crate) epoch: i32,
    /// The last epoch it has shown: it has no other when an answer was lost.
    pub(crate) previous_epoch: i32,
    pub(crate) standing: Standing,
    pub(crate) target: Parts,
    pub(crate) assigned: Parts,
    /// What it has and must give up.
    pub(crate) revoking: Parts,
    /// Until when one of the classic protocol does what it was told to: joins again, or asks for its part.
    pub(super) awaited_ms: Option<i64>,
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
            classic: None,
            epoch: 0,
            previous_epoch: 0,
            standing: Standing::Stable,
            target: Parts::new(),
            assigned: Parts::new(),
            revoking: Parts::new(),
            awaited_ms: None,
            heard_ms: now_ms,
        }
    }

    /// Everything nobody else may have yet.
    pub(super) fn held(&self) -> impl Iterator<Item = &Part> {
        self.assigned.iter().chain(&self.revoking)
    }

    /// When it is taken for dead: after silence, or with what it should have given up.
    pub(super) fn deadline_ms(&self, session_timeout_ms: i64) -> i64 {
        let own_ms = self
            .classic
            .as_ref()
            .map(|classic| i64::from(classic.session_timeout_ms));
        let session_ms = self.heard_ms.saturating_add(own_ms.unwrap_or(session_timeout_ms));
        let deadline_ms = match self.standing {
            Standing::Revoking { deadline_ms } => session_ms.min(deadline_ms),
            Standing::Stable | Standing::Waiting => session_ms,
        };
        // What its life in the other protocol was told to do is nothing to one of the new.
        let awaited_ms = self.awaited_ms.filter(|_| self.classic.is_some());
        awaited_ms.map_or(deadline_ms, |awaited_ms| awaited_ms.min(deadline_ms))
    }

    /// One of the classic protocol has so long from now on to do what it was told to.
    pub(super) fn is_awaited(&mut self, now_ms: i64) {
        let until_ms = now_ms.saturating_add(i64::from(self.rebalance_timeout_ms));
        self.awaited_ms.get_or_insert(until_ms);
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
        let classic = self.classic.as_ref().map_or(0, Classic::bytes);
        512 + names + topics.sum::<usize>() + texts.sum::<usize>() + 256 * parts + classic
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
            set(&mut self.classic, Some(heartbeat.classic.clone())),
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
