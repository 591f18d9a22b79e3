//! The members of a group.
//!
//! Invariant: a static member's instance belongs to exactly one of them. A member that waits for an answer of ours is
//! alive; every other one has a deadline.

use std::collections::{BTreeMap, HashMap};

use annals_kafka_wire::coordinator::offsets::MemberMetadata;
use bytes::Bytes;

use super::{Join, Ticket};

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    /// Name and metadata, the one it likes best first.
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// What the leader gave it in this generation.
    pub(crate) assignment: Bytes,
    /// Waits for the others to join;
    pub(super) joining: Option<Ticket>,
    /// or for the leader to assign.
    pub(super) syncing: Option<Ticket>,
    /// Has asked for its part of this generation.
    pub(super) has_synced: bool,
    /// When it was last heard of.
    heard_ms: i64,
    /// Rises with each member that comes.
    number: u64,
}

impl Member {
    /// As it was stored, and heard of now.
    pub(super) fn restored(record: MemberMetadata, protocol: &str, now_ms: i64) -> Member {
        Member {
            id: record.member_id,
            instance_id: record.group_instance_id,
            client_id: record.client_id,
            client_host: record.client_host,
            session_timeout_ms: record.session_timeout,
            rebalance_timeout_ms: match record.rebalance_timeout {
                -1 => record.session_timeout,
                timeout => timeout,
            },
            protocols: vec![(protocol.to_owned(), record.subscription)],
            assignment: record.assignment,
            joining: None,
            syncing: None,
            has_synced: true,
            heard_ms: now_ms,
            number: 0,
        }
    }

    /// What it takes, in bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        let protocols = self
            .protocols
            .iter()
            .map(|(name, metadata)| 64 + name.len() + metadata.len());
        let names = [&self.id, &self.client_id, &self.client_host].map(|name| name.len());
        512 + names.iter().sum::<usize>() + protocols.sum::<usize>() + self.assignment.len()
    }

    /// When its session is over.
    pub(super) fn deadline_ms(&self) -> Option<i64> {
        let waits = self.joining.is_some() || self.syncing.is_some();
        (!waits).then(|| self.heard_ms.saturating_add(i64::from(self.session_timeout_ms)))
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    /// What it said about itself under this protocol.
    pub(crate) fn metadata(&self, protocol: Option<&str>) -> Bytes {
        let known = self
            .protocols
            .iter()
            .find(|(name, _)| Some(name.as_str()) == protocol);
        known.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    /// Takes over what a join says.
    pub(super) fn update(&mut self, join: &Join) {
        self.protocols.clone_from(&join.protocols);
        self.session_timeout_ms = join.session_timeout_ms;
        self.rebalance_timeout_ms = join.rebalance_timeout_ms;
        self.client_id.clone_from(&join.client_id);
        self.client_host.clone_from(&join.client_host);
    }
}

/// All members of a group, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    by_id: BTreeMap<String, Member>,
    /// Member ids by instance.
    instances: HashMap<String, String>,
    numbers: u64,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.by_id.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.by_id.values_mut()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Member> {
        self.by_id.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.by_id.get_mut(id)
    }

    /// The member id of an instance.
    pub(super) fn of_instance(&self, instance_id: &str) -> Option<&str> {
        self.instances.get(instance_id).map(String::as_str)
    }

    /// A new member, which is heard of now.
    pub(super) fn add(&mut self, id: &str, join: &Join, now_ms: i64) {
        self.numbers += 1;
        let member = Member {
            id: id.to_owned(),
            instance_id: join.identity.instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            session_timeout_ms: join.session_timeout_ms,
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            protocols: join.protocols.clone(),
            assignment: Bytes::new(),
            joining: None,
            syncing: None,
            has_synced: false,
            heard_ms: now_ms,
            number: self.numbers,
        };
        self.put(member);
    }

    /// One that was known before.
    pub(super) fn put(&mut self, mut member: Member) {
        if member.number == 0 {
            self.numbers += 1;
            member.number = self.numbers;
        }
        if let Some(instance_id) = &member.instance_id {
            self.instances.insert(instance_id.clone(), member.id.clone());
        }
        self.by_id.insert(member.id.clone(), member);
    }

    /// A static member's next life: another id, and all else as it was.
    pub(super) fn rename(&mut self, old_id: &str, new_id: &str) {
        if let Some(mut member) = self.remove(old_id) {
            new_id.clone_into(&mut member.id);
            self.put(member);
        }
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Member> {
        let member = self.by_id.remove(id)?;
        if let Some(instance_id) = &member.instance_id {
            self.instances.remove(instance_id);
        }
        Some(member)
    }

    /// It was heard of.
    pub(super) fn touch(&mut self, id: &str, now_ms: i64) {
        if let Some(member) = self.by_id.get_mut(id) {
            member.heard_ms = now_ms;
        }
    }

    /// The one that has been here longest, of those that wait for a generation.
    pub(super) fn oldest_joining(&self) -> Option<&str> {
        let joining = self.iter().filter(|member| member.joining.is_some());
        joining
            .min_by_key(|member| member.number)
            .map(|member| member.id.as_str())
    }

    pub(super) fn all_are_joining(&self) -> bool {
        self.iter().all(|member| member.joining.is_some())
    }

    /// Whether all would understand one of the protocols.
    pub(super) fn all_support_one_of(&self, protocols: &[(String, Bytes)]) -> bool {
        protocols
            .iter()
            .any(|(name, _)| self.iter().all(|member| member.supports(name)))
    }

    /// The protocol most members like best of those all support; of equals the one that the oldest likes better.
    pub(super) fn choose_protocol(&self) -> Option<String> {
        let common = |name: &str| self.iter().all(|member| member.supports(name));
        let favourite = |member: &Member| {
            let names = member.protocols.iter().map(|(name, _)| name);
            names.into_iter().find(|name| common(name)).cloned()
        };
        let mut votes: HashMap<String, usize> = HashMap::new();
        for name in self.iter().filter_map(favourite) {
            *votes.entry(name).or_default() += 1;
        }
        let oldest = self.iter().min_by_key(|member| member.number)?;
        let liking = |name: &str| oldest.protocols.iter().position(|(liked, _)| liked == name);
        let best = votes
            .into_iter()
            .max_by_key(|(name, votes)| (*votes, std::cmp::Reverse(liking(name))));
        best.map(|(name, _)| name)
    }

    /// The longest that a member may take to join.
    pub(super) fn rebalance_timeout_ms(&self) -> i64 {
        let longest = self.iter().map(|member| member.rebalance_timeout_ms).max();
        i64::from(longest.unwrap_or(0))
    }
}
