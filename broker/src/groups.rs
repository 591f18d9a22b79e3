//! The coordinator of all groups: hands events to each group's state machine, carries out what comes of it, keeps
//! committed offsets, and stores both in `__consumer_offsets`.
//!
//! Invariant: what a client is told of a generation or of an offset is durable. A group changes under its own lock
//! alone, in the order its events came; nothing is waited for under that lock.
//!
//! Left out: the protocol of KIP-848, expiry of offsets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_kafka_wire::error::ErrorCode;
use tokio::sync::oneshot;

use crate::alarm::{Alarm, Stopwatch};
use crate::broker::Shared;
use crate::group::{Answer, Effect, Event, Group, Limits, Phase};
use crate::ticket::{Ticket, Waiting};

mod commit;
mod offsets;
mod store;

pub(crate) use commit::{commit, commit_in_transaction, end_transaction, forget, forget_topic};
pub(crate) use offsets::{Committed, Offsets};

/// What one group may cost: Kafka's defaults, but for two. A group waits for no second member, since on one machine
/// that only makes everybody wait; and it has no more members than can be told to a leader at once.
pub(crate) const LIMITS: Limits = Limits {
    members_max: 1_000,
    session_timeout_ms: (6_000, 1_800_000),
    initial_rebalance_delay_ms: 0,
};

/// How many groups there may be.
const GROUPS_MAX: usize = 10_000;

/// All groups.
pub(crate) struct Groups {
    by_id: Mutex<BTreeMap<String, Arc<Mutex<Entry>>>>,
    /// Groups with offsets that wait for a producer's marker.
    waiting: Mutex<HashMap<i64, BTreeSet<String>>>,
    /// Sessions are measured from here: a wall clock may be set.
    stopwatch: Stopwatch,
}

/// One group and what belongs to it.
pub(crate) struct Entry {
    pub(crate) group: Group,
    pub(crate) offsets: Offsets,
    /// Who waits for an answer.
    waiting: Waiting<Answer>,
    alarm: Alarm,
    /// Whether the log has a record of the group.
    is_stored: bool,
    /// Taken out of the list: whoever has it looks again.
    is_gone: bool,
}

impl Entry {
    fn new(group: Group) -> Entry {
        Entry {
            group,
            offsets: Offsets::default(),
            waiting: Waiting::default(),
            alarm: Alarm::default(),
            is_stored: false,
            is_gone: false,
        }
    }
}

impl Groups {
    /// None yet.
    pub(crate) fn new() -> Groups {
        Groups {
            by_id: Mutex::default(),
            waiting: Mutex::default(),
            stopwatch: Stopwatch::start(),
        }
    }

    /// Ids of all groups.
    pub(crate) fn ids(&self) -> Vec<String> {
        lock(&self.by_id).keys().cloned().collect()
    }

    /// Looks at a group, if it is there.
    pub(crate) fn look<T>(&self, id: &str, look: impl FnOnce(&Entry) -> T) -> Option<T> {
        let entry = lock(&self.by_id).get(id).cloned()?;
        let entry = lock(&entry);
        (!entry.is_gone).then(|| look(&entry))
    }

    /// Changes a group, which is made if it is not there and `makes`. `None` when there is none.
    fn with<T>(
        &self,
        id: &str,
        makes: bool,
        change: impl FnOnce(&Arc<Mutex<Entry>>, &mut Entry) -> T,
    ) -> Option<T> {
        loop {
            let shared = {
                let mut by_id = lock(&self.by_id);
                match by_id.get(id) {
                    Some(entry) => Arc::clone(entry),
                    None if makes && by_id.len() < GROUPS_MAX => {
                        let entry = Arc::new(Mutex::new(Entry::new(Group::new(LIMITS))));
                        by_id.insert(id.to_owned(), Arc::clone(&entry));
                        entry
                    }
                    None => return None,
                }
            };
            let mut entry = lock(&shared);
            if !entry.is_gone {
                return Some(change(&shared, &mut entry));
            }
            drop(entry);
            self.remove(id, &shared);
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
            self.with(id, false, |_, entry| {
                entry.offsets.end(producer_id, is_committed);
            });
        }
        groups
    }

    fn remove(&self, id: &str, gone: &Arc<Mutex<Entry>>) {
        let mut by_id = lock(&self.by_id);
        if by_id.get(id).is_some_and(|entry| Arc::ptr_eq(entry, gone)) {
            by_id.remove(id);
        }
    }
}

/// Somebody will look after what is due in groups that were read at start.
pub(crate) fn wake(shared: &Arc<Shared>) {
    for id in shared.groups.ids() {
        shared
            .groups
            .with(&id, false, |cell, entry| set_alarm(shared, &id, cell, entry));
    }
}

/// Hands an event to a group and gives the answer that will come; `None` when there is no such group.
pub(crate) fn ask(
    shared: &Arc<Shared>,
    id: &str,
    makes: bool,
    event: impl FnOnce(Ticket) -> Event,
) -> Option<oneshot::Receiver<Answer>> {
    shared.groups.with(id, makes, |cell, entry| {
        let (ticket, answer) = entry.waiting.add();
        happen(shared, id, cell, entry, event(ticket));
        answer
    })
}

/// An event, and all that comes of it.
fn happen(shared: &Arc<Shared>, id: &str, cell: &Arc<Mutex<Entry>>, entry: &mut Entry, event: Event) {
    let effects = entry.group.on(event, shared.groups.stopwatch.now_ms());
    for effect in effects {
        match effect {
            Effect::Answer(ticket, answer) => entry.waiting.answer(ticket, answer),
            Effect::Store(store) => store_group(shared, id, cell, entry, store),
        }
    }
    set_alarm(shared, id, cell, entry);
    if entry.group.is_vacant() && entry.offsets.is_empty() {
        let_go(shared, id, cell, entry);
    }
}

/// Forgets a group that has nothing left: nobody, and no offsets. The log is told; where it cannot be, the group stays.
fn let_go(shared: &Arc<Shared>, id: &str, cell: &Arc<Mutex<Entry>>, entry: &mut Entry) {
    if entry.is_stored && store::write_no_group(shared, id).is_err() {
        return;
    }
    entry.is_stored = false;
    entry.is_gone = true;
    let (shared, id, cell) = (Arc::clone(shared), id.to_owned(), Arc::clone(cell));
    // The list is locked before an entry, never behind it; until then whoever comes removes it.
    tokio::spawn(async move { shared.groups.remove(&id, &cell) });
}

/// Writes the group now, and says so when it is durable.
fn store_group(shared: &Arc<Shared>, id: &str, cell: &Arc<Mutex<Entry>>, entry: &mut Entry, store: u64) {
    let written = store::write_group(shared, id, &entry.group);
    entry.is_stored |= written.is_ok();
    let (shared, id, cell) = (Arc::clone(shared), id.to_owned(), Arc::clone(cell));
    tokio::spawn(async move {
        let is_stored = match written {
            Ok(write) => write.durable(&shared).await.is_ok(),
            Err(error) => {
                tracing::warn!(group = %id, %error, "a group could not be stored");
                false
            }
        };
        let mut entry = lock(&cell);
        happen(
            &shared,
            &id,
            &cell,
            &mut entry,
            Event::Stored { store, is_stored },
        );
    });
}

/// Sees to it that somebody comes when the group has something due.
fn set_alarm(shared: &Arc<Shared>, id: &str, cell: &Arc<Mutex<Entry>>, entry: &mut Entry) {
    let Some(deadline_ms) = entry.alarm.set(entry.group.deadline_ms()) else {
        return;
    };
    let stopwatch = shared.groups.stopwatch;
    let (shared, id, cell) = (Arc::downgrade(shared), id.to_owned(), Arc::downgrade(cell));
    tokio::spawn(async move {
        stopwatch.until(deadline_ms).await;
        let (Some(shared), Some(cell)) = (shared.upgrade(), cell.upgrade()) else {
            return;
        };
        let mut entry = lock(&cell);
        if entry.alarm.rings(deadline_ms) {
            happen(&shared, &id, &cell, &mut entry, Event::Tick);
        }
    });
}

/// Deletes a group that nobody is in, with its offsets.
pub(crate) async fn delete(shared: &Arc<Shared>, id: &str) -> ErrorCode {
    let places = shared
        .groups
        .with(id, false, |_, entry| match entry.group.phase() {
            Phase::Empty if entry.group.is_vacant() && !entry.offsets.is_in_transaction() => {
                Ok(entry.offsets.places())
            }
            _ => Err(ErrorCode::NonEmptyGroup),
        });
    let places = match places {
        None => return ErrorCode::GroupIdNotFound,
        Some(Err(code)) => return code,
        Some(Ok(places)) => places,
    };
    // Without offsets the group has nothing left, and goes.
    forget(shared, id, places).await.err().unwrap_or(ErrorCode::None)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
