//! The coordinator of all groups: hands events to each group's state machine, carries out what comes of it, keeps
//! committed offsets, and stores both in `__consumer_offsets`.
//!
//! Invariant: what a client is told of a generation or of an offset is durable. A group changes under its own lock
//! alone, in the order its events came; nothing is waited for under that lock.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use annals_kafka_wire::error::ErrorCode;
use tokio::sync::watch;

use crate::alarm::Stopwatch;
use crate::broker::Shared;
use crate::cells::{self, Cells, lock};
use crate::consumer_group;
use crate::group::{self, Group, Identity, Limits};
use crate::internal;
use crate::ticket::Waiting;

mod ask;
mod commit;
mod kind;
mod offsets;
mod store;

use ask::become_another;
pub(crate) use ask::{ask, heartbeat};
pub(crate) use commit::{Gone, commit, commit_in_transaction, end_transaction, forget, forget_topics_gone};
use kind::{Answer, Effect, Event, Now};
pub(crate) use kind::{Kind, Who};
pub(crate) use offsets::{Committed, Offsets};

/// What one group may cost: Kafka's defaults, but for two. A group waits for no second member, since on one machine
/// that only makes everybody wait; and it has no more members than can be told to a leader at once.
pub(crate) const LIMITS: Limits = Limits {
    members_max: 1_000,
    session_timeout_ms: (6_000, 1_800_000),
    initial_rebalance_delay_ms: 0,
};

/// The same for a group of the new protocol, and Kafka's session time-out. Its members are asked for a word more often
/// than Kafka asks, which has more of them: so a rebalance takes a moment.
pub(crate) const CONSUMER_LIMITS: consumer_group::Limits = consumer_group::Limits {
    members_max: 1_000,
    session_timeout_ms: 45_000,
    interval_ms: 2_000,
    waiting_interval_ms: 200,
    classic: LIMITS,
};

/// How many groups there may be.
const GROUPS_MAX: usize = 10_000;

/// All groups.
pub(crate) struct Groups {
    pub(crate) cells: Cells<Entry>,
    /// Groups with offsets that wait for a producer's marker.
    waiting: Mutex<HashMap<i64, BTreeSet<String>>>,
    /// What the members of all take, in bytes.
    members_bytes: AtomicUsize,
    /// Sessions are measured from here: a wall clock may be set.
    stopwatch: Stopwatch,
}

/// One group and what belongs to it.
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// How often it has become another kind: what was to be stored before is nothing to it.
    life: u64,
    pub(crate) offsets: Offsets,
    /// Who waits for an answer.
    waiting: Waiting<Answer>,
    /// Since when nobody is in it, by the wall clock; `None` while somebody is, or if nobody ever was.
    empty_since_ms: Option<i64>,
    /// What its members take, of those of all groups.
    members_bytes: usize,
    /// Whether the log has a record of the group.
    is_stored: bool,
}

/// One group, as it is worked with.
type Held = cells::Held<Entry>;
type Cell = cells::Cell<Entry>;

impl Default for Entry {
    fn default() -> Entry {
        Entry {
            kind: Kind::Classic(Group::new(LIMITS)),
            life: 0,
            offsets: Offsets::default(),
            waiting: Waiting::default(),
            empty_since_ms: None,
            members_bytes: 0,
            is_stored: false,
        }
    }
}

impl Groups {
    /// None yet.
    pub(crate) fn new() -> Groups {
        Groups {
            cells: Cells::new(GROUPS_MAX),
            waiting: Mutex::default(),
            members_bytes: AtomicUsize::new(0),
            stopwatch: Stopwatch::start(),
        }
    }

    /// The group has offsets that wait for a marker of this producer.
    fn expect_marker(&self, producer_id: i64, id: &str) {
        let mut waiting = lock(&self.waiting);
        waiting.entry(producer_id).or_default().insert(id.to_owned());
    }

    /// A producer's transaction has ended, so that its offsets count, or never will. The groups that had some.
    fn settle(&self, producer_id: i64, is_committed: bool) -> BTreeSet<String> {
        let groups = lock(&self.waiting).remove(&producer_id).unwrap_or_default();
        for id in &groups {
            self.cells.with(id, false, |_, entry| {
                entry.offsets.end(producer_id, is_committed);
            });
        }
        groups
    }

    /// Takes note of what a group's members take now.
    fn weigh(&self, entry: &mut Entry) {
        let bytes = entry.kind.members_bytes();
        let before = std::mem::replace(&mut entry.members_bytes, bytes);
        self.members_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.members_bytes.fetch_sub(before, Ordering::Relaxed);
    }
}

/// Somebody will look after what is due in groups that were read at start, and tells groups of topics that come and go.
pub(crate) fn wake(shared: &Arc<Shared>) {
    // Changed from the start: what groups knew of topics is from before it.
    let (told, mut changes) = watch::channel(());
    changes.mark_changed();
    shared.topics.on_change(Box::new(move |_| told.send_replace(())));
    let weak = Arc::downgrade(shared);
    tokio::spawn(async move {
        while changes.changed().await.is_ok() {
            let Some(shared) = weak.upgrade() else {
                return;
            };
            shared.groups.cells.each(|id, cell, entry| {
                let event = Event::Consumer(consumer_group::Event::TopicsChanged);
                happen(&shared, id, cell, entry, event);
            });
        }
    });
}

/// An event, and all that comes of it.
fn happen(shared: &Arc<Shared>, id: &str, cell: &Cell, entry: &mut Held, event: Event) {
    let (topics, now) = (shared.topics.now(), now(shared));
    // What says that somebody is there changes nothing that takes room, unless it is stored.
    let mut weighs = !matches!(
        event,
        Event::Classic(group::Event::Heartbeat(..)) | Event::Consumer(consumer_group::Event::Heartbeat(..))
    );
    let effects = entry.kind.on(id, event, topics.as_ref(), now);
    let mut failed = Vec::new();
    for effect in effects {
        match effect {
            Effect::Answer(ticket, answer) => entry.waiting.answer(ticket, answer),
            Effect::Store(store, lines) => {
                weighs = true;
                let lines = lines.map_err(internal::WriteError::from);
                match lines.and_then(|lines| store::write_lines(shared, lines)) {
                    Ok(written) => {
                        entry.is_stored = true;
                        stored_later(shared, id, cell, entry.life, store, written);
                    }
                    Err(error) => {
                        tracing::warn!(group = %id, %error, "a group could not be stored");
                        failed.push(store);
                    }
                }
            }
        }
    }
    // Said before anything else happens: what comes next is not built on it.
    for store in failed {
        let is_stored = false;
        happen(shared, id, cell, entry, Event::Stored { store, is_stored });
    }
    if let Some(turned_back) = entry.kind.turned_back(id, topics.as_ref(), now) {
        weighs = true;
        let turned_back = turned_back.map_err(internal::WriteError::from);
        let turned_back = turned_back.and_then(|(kind, lines)| become_another(shared, entry, kind, lines));
        if let Err(error) = turned_back {
            tracing::warn!(group = %id, %error, "a group could not be turned back to the classic protocol yet");
        }
    }
    let due = (shared.groups.stopwatch, entry.kind.deadline_ms());
    let (weak, name) = (Arc::downgrade(shared), id.to_owned());
    entry.wake(cell, due, move |cell, entry| {
        if let Some(shared) = weak.upgrade() {
            happen(&shared, &name, cell, entry, Event::Tick);
        }
    });
    if weighs {
        shared.groups.weigh(entry);
    }
    if !entry.kind.is_vacant() {
        entry.empty_since_ms = None;
    } else if entry.offsets.is_empty() {
        let_go(shared, id, cell, entry);
    } else if entry.is_stored && entry.empty_since_ms.is_none() {
        entry.empty_since_ms = Some(now.wall_ms);
    }
}

fn now(shared: &Shared) -> Now {
    Now {
        passed_ms: shared.groups.stopwatch.now_ms(),
        wall_ms: shared.now_ms(),
    }
}

/// Whether a member of a group may say so much about itself, beside all there are; who says no more than it has said
/// before may always.
pub(crate) fn have_room(shared: &Shared, id: &str, who: &Identity, bytes: usize) -> bool {
    let known = shared.groups.cells.look(id, |entry| entry.kind.bytes_of(who));
    let more = bytes.saturating_sub(known.unwrap_or(0));
    let taken = shared.groups.members_bytes.load(Ordering::Relaxed);
    more == 0 || taken.saturating_add(more) <= shared.config.members_bytes_max
}

/// Forgets offsets that are older than they are kept, and with them groups that have nothing else.
pub(crate) fn expire(shared: &Arc<Shared>) {
    let retention_ms = i64::try_from(shared.config.offsets_retention.as_millis()).unwrap_or(i64::MAX);
    shared.groups.cells.each(|id, cell, entry| {
        let keeps = |topic: &str| entry.kind.keeps(topic);
        let since_ms = entry.empty_since_ms;
        let old = entry
            .offsets
            .expired(shared.now_ms(), retention_ms, since_ms, keeps);
        if !old.is_empty() && commit::forget_now(shared, id, entry, old) {
            happen(shared, id, cell, entry, Event::Tick);
        }
    });
}

/// Forgets a group that has nothing left: nobody, and no offsets. The log is told; where it cannot be, the group stays.
fn let_go(shared: &Arc<Shared>, id: &str, cell: &Cell, entry: &mut Held) {
    if entry.is_gone() || write_no_group(shared, id, entry).is_err() {
        return;
    }
    entry.goes();
    let (shared, id, cell) = (Arc::clone(shared), id.to_owned(), Arc::clone(cell));
    // The list is locked before an entry, never behind it; until then whoever comes removes it.
    tokio::spawn(async move { shared.groups.cells.remove(&id, &cell) });
}

/// Writes that there is no group of this kind any more, if the log has one.
fn write_no_group(shared: &Shared, id: &str, entry: &mut Held) -> Result<(), internal::WriteError> {
    if entry.is_stored {
        store::write_lines(shared, entry.kind.lines_of_none(id))?;
        entry.is_stored = false;
    }
    Ok(())
}

/// Says so when what was written is durable.
fn stored_later(
    shared: &Arc<Shared>,
    id: &str,
    cell: &Cell,
    life: u64,
    store: u64,
    written: internal::Written,
) {
    let (shared, id, cell) = (Arc::clone(shared), id.to_owned(), Arc::clone(cell));
    tokio::spawn(async move {
        let is_stored = written.durable(&shared).await.is_ok();
        let mut entry = lock(&cell);
        if entry.life == life {
            happen(
                &shared,
                &id,
                &cell,
                &mut entry,
                Event::Stored { store, is_stored },
            );
        }
    });
}

/// Deletes a group that nobody is in, with its offsets; done when the log has that.
pub(crate) async fn delete(shared: &Arc<Shared>, id: &str) -> ErrorCode {
    let places = shared.groups.cells.with(id, false, |_, entry| {
        match entry.kind.is_vacant() && !entry.offsets.is_in_transaction() {
            true => Ok(entry.offsets.places()),
            false => Err(ErrorCode::NonEmptyGroup),
        }
    });
    let places = match places {
        None => return ErrorCode::GroupIdNotFound,
        Some(Err(code)) => return code,
        Some(Ok(places)) => places,
    };
    // Without offsets the group has nothing left, and goes; that it does stands in the log behind the offsets.
    if let Err(code) = forget(shared, id, places).await {
        return code;
    }
    match internal::so_far(shared, internal::OFFSETS) {
        Some(written) => written.durable(shared).await.err().unwrap_or(ErrorCode::None),
        None => ErrorCode::None,
    }
}
