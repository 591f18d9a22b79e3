//! A consumer group of the new protocol (KIP-848), as a pure state machine: (state, event, time) → (state, effects).
//!
//! Members say by heartbeats what they want and what they have; the group decides who is to have what (the *target*)
//! and leads each member there by itself, so that nobody waits for all:
//!
//! ```text
//!                    has something that is not its own any more
//!   Stable ------------------------------------------------------> Revoking
//!    ^  |                                                              | says that it has given it up
//!    |  `----------- another still has some of its target -----.       v
//!    `--- has all of its target --- Waiting <------------------+-------'
//! ```
//!
//! Three epochs: the group's rises with every change of who is in it, what they want, or which partitions there are;
//! the target's is that of the group when it was made; a member's is that of the target it has come to. A commit counts
//! only under the member's epoch.
//!
//! Invariant: no partition has two owners, and one is given only when who had it has said that it gave it up, has left,
//! or is taken for dead. No epoch falls while its member is known. What a member is told is stored first; every
//! [`Ticket`] is answered once.
//!
//! Members of the classic protocol are in it as well (`classic.rs`), so that a group moves from one protocol to the other
//! while it works (`convert.rs`).
//!
//! Left out: racks in assignments, storing, waiting and clocks (the coordinator's).

use std::collections::{BTreeMap, BTreeSet};

use annals_kafka_wire::error::ErrorCode;
use uuid::Uuid;

use crate::group;
use crate::ticket::Ticket;

mod assign;
mod classic;
mod convert;
mod event;
mod heartbeat;
mod member;
mod reconcile;
mod record;
mod subscription;
#[cfg(test)]
pub(crate) mod tests;

use assign::Assignor;
pub(crate) use assign::is_assignor;
use event::Due;
pub(crate) use event::{Answer, Effect, Event, Heartbeat, Line, Refused, Reply, Told};
pub(crate) use member::{Classic, Member, Standing};
pub(crate) use record::{Restored, by_topic};

/// A partition, by its topic's id.
pub(crate) type Part = (Uuid, i32);
/// Some partitions.
pub(crate) type Parts = BTreeSet<Part>;

/// The longest id of a member, in bytes: it is kept beside each of its partitions.
pub(crate) const ID_BYTES_MAX: usize = 255;

/// The epoch of a member that joins,
pub(crate) const JOINS: i32 = 0;
/// of one that goes,
pub(crate) const GOES: i32 = -1;
/// and of a static one that will be back.
pub(crate) const WILL_BE_BACK: i32 = -2;

/// The topics there are.
pub(crate) trait Topics {
    /// Its id, and how many partitions it has.
    fn named(&self, name: &str) -> Option<(Uuid, i32)>;
    /// Names of all that a regular expression may find.
    fn names(&self) -> Vec<&str>;
}

/// What one group may cost, and its times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) members_max: usize,
    /// Who is not heard of for so long is taken for dead.
    pub(crate) session_timeout_ms: i64,
    /// How often a member says something,
    pub(crate) interval_ms: i32,
    /// and while it waits for partitions that others give up.
    pub(crate) waiting_interval_ms: i32,
    /// What holds for members of the classic protocol.
    pub(crate) classic: group::Limits,
}

/// What the log does not have yet.
#[derive(Debug, Clone, Default)]
struct Unsaved {
    /// The group's epochs,
    group: bool,
    /// and members by id: changed, or gone.
    members: BTreeSet<String>,
}

impl Unsaved {
    fn is_empty(&self) -> bool {
        !self.group && self.members.is_empty()
    }

    fn add(&mut self, other: Unsaved) {
        self.group |= other.group;
        self.members.extend(other.members);
    }
}

/// One group, see the module.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerGroup {
    id: String,
    limits: Limits,
    epoch: i32,
    assignment_epoch: i32,
    assignor: Assignor,
    members: BTreeMap<String, Member>,
    /// Member ids by instance.
    instances: BTreeMap<String, String>,
    /// Who has each partition, or has still to give it up.
    owners: BTreeMap<Part, String>,
    /// What each regular expression stands for.
    patterns: BTreeMap<String, subscription::Pattern>,
    /// Of the topics that are wanted, as they were when the epoch last rose; 0 for none.
    topics_hash: i64,
    unsaved: Unsaved,
    /// How many times something was to be stored.
    stores: u64,
    storing: BTreeMap<u64, Unsaved>,
    /// When what could not be stored is tried again.
    again_ms: Option<i64>,
    /// Answers that wait for a store.
    waiting: Vec<(u64, Ticket, Reply)>,
}

type Effects = Vec<Effect>;

impl ConsumerGroup {
    /// One that nobody is in yet.
    pub(crate) fn new(id: &str, limits: Limits) -> ConsumerGroup {
        ConsumerGroup {
            id: id.to_owned(),
            limits,
            epoch: 0,
            assignment_epoch: 0,
            assignor: Assignor::default(),
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            owners: BTreeMap::new(),
            patterns: BTreeMap::new(),
            topics_hash: 0,
            unsaved: Unsaved::default(),
            stores: 0,
            storing: BTreeMap::new(),
            again_ms: None,
            waiting: Vec::new(),
        }
    }

    /// Takes in what happens at `now_ms`, among these topics.
    pub(crate) fn on(&mut self, event: Event, topics: &dyn Topics, now_ms: i64) -> Effects {
        let mut effects = Effects::new();
        let due = match event {
            Event::Heartbeat(ticket, heartbeat) => {
                Some((ticket, Due::Heard(self.heard(*heartbeat, topics, now_ms))))
            }
            Event::Classic(event) => self.heard_classic(event, topics, now_ms),
            Event::TopicsChanged => {
                self.look_at_topics(topics);
                None
            }
            Event::Stored { store, is_stored } => {
                self.stored(store, is_stored, now_ms, &mut effects);
                return effects;
            }
            Event::Tick => {
                self.let_go_of_the_silent(now_ms);
                None
            }
        };
        self.make_target(topics);
        // A member is led on only after the target is made, and before what it has is stored.
        let answer = due.map(|(ticket, due)| (ticket, self.reply(due, now_ms)));
        if !self.unsaved.is_empty() {
            self.stores += 1;
            self.again_ms = None;
            let unsaved = std::mem::take(&mut self.unsaved);
            effects.push(Effect::Store(self.stores, self.lines(&unsaved)));
            self.storing.insert(self.stores, unsaved);
        }
        if let Some((ticket, answer)) = answer {
            match self.storing.last_key_value() {
                Some((store, _)) => self.waiting.push((*store, ticket, answer)),
                None => effects.push(Effect::Answer(ticket, answer)),
            }
        }
        effects
    }

    fn reply(&mut self, due: Due, now_ms: i64) -> Reply {
        match due {
            Due::Heard(heard) => Reply::Consumer(heard.map(|heard| self.lead(heard, now_ms))),
            Due::Joined(heard) => Reply::Classic(group::Answer::Join(heard.map(|heard| {
                let told = self.lead(heard, now_ms);
                self.joined(told.member_id, told.epoch)
            }))),
            Due::Told(reply) => reply,
        }
    }

    /// What a heartbeat would be refused for; nothing is done.
    pub(crate) fn refuses(&self, heartbeat: &Heartbeat, topics: &dyn Topics, now_ms: i64) -> Option<Refused> {
        self.clone().heard(heartbeat.clone(), topics, now_ms).err()
    }

    /// When [`Event::Tick`] is due.
    pub(crate) fn deadline_ms(&self) -> Option<i64> {
        let session_ms = self.limits.session_timeout_ms;
        let sessions = self.members.values().map(|member| member.deadline_ms(session_ms));
        sessions.chain(self.again_ms).min()
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(crate) fn assignment_epoch(&self) -> i32 {
        self.assignment_epoch
    }

    /// The assignor of the target.
    pub(crate) fn assignor(&self) -> &'static str {
        self.assignor.name()
    }

    /// Its members, by id.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&String, &Member)> {
        self.members.iter()
    }

    /// Whether nobody is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Kafka's word for how it is.
    pub(crate) fn state_name(&self) -> &'static str {
        let is_there =
            |member: &Member| member.standing == Standing::Stable && member.epoch == self.assignment_epoch;
        if self.members.is_empty() {
            "Empty"
        } else if self.epoch > self.assignment_epoch {
            "Assigning"
        } else if self.members.values().all(is_there) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    /// Whether one of its members is subscribed to the topic.
    pub(crate) fn wants(&self, topic: &str) -> bool {
        self.members
            .values()
            .any(|member| self.is_wanted_by(member, topic))
    }

    /// Whether there is such a member, and it speaks the classic protocol.
    pub(crate) fn has_classic(&self, member_id: &str) -> bool {
        let member = self.members.get(member_id);
        member.is_some_and(|member| member.classic.is_some())
    }

    /// Whether a member of this epoch may commit or ask for offsets. An epoch below 0 is one of somebody who takes no
    /// part, which is well while nobody does.
    pub(crate) fn check_epoch(&self, member_id: &str, epoch: i32) -> Result<(), ErrorCode> {
        if epoch < 0 && member_id.is_empty() && self.members.is_empty() {
            return Ok(());
        }
        let member = self.members.get(member_id).ok_or(ErrorCode::UnknownMemberId)?;
        match member.epoch == epoch && epoch >= 0 {
            true => Ok(()),
            false if member.classic.is_some() => Err(ErrorCode::IllegalGeneration),
            false => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    /// Makes a new target when something has changed since the last.
    fn make_target(&mut self, topics: &dyn Topics) {
        if self.epoch == self.assignment_epoch {
            return;
        }
        self.topics_hash = self.hash_of(topics);
        let (assignor, mut targets) = self.targets(topics);
        for (id, member) in &mut self.members {
            let target = targets.remove(id).unwrap_or_default();
            if member.target != target {
                member.target = target;
                self.unsaved.members.insert(id.clone());
            }
        }
        (self.assignor, self.assignment_epoch) = (assignor, self.epoch);
        self.unsaved.group = true;
    }

    /// The group is another than before.
    fn raise_epoch(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.unsaved.group = true;
    }

    fn let_go_of_the_silent(&mut self, now_ms: i64) {
        let session_ms = self.limits.session_timeout_ms;
        let gone = self
            .members
            .iter()
            .filter(|(_, member)| member.deadline_ms(session_ms) <= now_ms);
        let gone: Vec<String> = gone.map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|id| self.remove(id));
    }

    fn remove(&mut self, id: &str) {
        self.disown(id);
        self.forget_patterns();
    }

    /// A member is gone, and with it its claim to what it had.
    fn disown(&mut self, id: &str) {
        self.release_instance_of(id);
        let Some(member) = self.members.remove(id) else {
            return;
        };
        for part in member.held() {
            self.owners.remove(part);
        }
        self.unsaved.members.insert(id.to_owned());
        self.raise_epoch();
    }

    fn stored(&mut self, store: u64, is_stored: bool, now_ms: i64, effects: &mut Effects) {
        let unsaved = self.storing.remove(&store).unwrap_or_default();
        if !is_stored {
            // Nobody was told of it. It is written with what comes next, and if nothing does, as when the last one is gone,
            // by itself.
            self.unsaved.add(unsaved);
            self.again_ms = Some(now_ms + i64::from(self.limits.interval_ms));
        }
        let waiting = std::mem::take(&mut self.waiting);
        let (due, later): (Vec<_>, _) = waiting.into_iter().partition(|(after, ..)| *after == store);
        self.waiting = later;
        for (_, ticket, reply) in due {
            let reply = match is_stored {
                true => reply,
                false => reply.not_stored(),
            };
            effects.push(Effect::Answer(ticket, reply));
        }
    }
}
