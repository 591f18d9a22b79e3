//! The places a listener has for connections, and who gives theirs up when all are taken.
//!
//! A connection either works for its client or waits for it: for its next request, for the rest of one, or for room to
//! write an answer that the client does not read. When somebody new finds every place taken, the connection that has
//! waited longest is closed, once it has waited [`PATIENCE`]. So neither clients that keep connections open for later
//! nor clients that never read can keep others out, and a request that is worked on is never broken off.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long a connection may wait for its client while others wait for its place.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often somebody who found every place taken looks whose place can be freed.
const LOOK: Duration = Duration::from_millis(50);

/// The places of a listener.
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Mutex<HashMap<u64, Arc<Waiting>>>,
    next: AtomicU64,
    start: Instant,
}

/// A connection's place, given back when dropped.
pub(super) struct Place {
    number: u64,
    waiting: Arc<Waiting>,
    places: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

/// Whether a connection waits for its client, and since when.
#[derive(Debug)]
pub(super) struct Waiting {
    /// In milliseconds after `start`; [`WORKS`] while it does not wait.
    since_ms: AtomicU64,
    start: Instant,
    leave: Notify,
}

/// No time: the connection works for its client.
const WORKS: u64 = u64::MAX;

impl Places {
    pub(super) fn new(count: usize) -> Arc<Places> {
        Arc::new(Places {
            free: Arc::new(Semaphore::new(count)),
            taken: Mutex::default(),
            next: AtomicU64::new(0),
            start: Instant::now(),
        })
    }

    /// A place for a connection that is there, as soon as one is free or can be freed; `None` when there will be none.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Place> {
        let permit = loop {
            if self.free.available_permits() == 0 {
                self.free_one();
            }
            if let Ok(permit) = timeout(LOOK, Arc::clone(&self.free).acquire_owned()).await {
                break permit.ok()?;
            }
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let waiting = Arc::new(Waiting::from(self.start));
        self.taken().insert(number, Arc::clone(&waiting));
        Some(Place {
            number,
            waiting,
            places: Arc::clone(self),
            _permit: permit,
        })
    }

    fn free_one(&self) {
        let taken = self.taken();
        let since = |waiting: &&Arc<Waiting>| waiting.since_ms.load(Ordering::Relaxed);
        let Some(longest) = taken.values().min_by_key(since) else {
            return;
        };
        if since(&longest).saturating_add(millis(PATIENCE)) <= millis(self.start.elapsed()) {
            longest.leave.notify_one();
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<u64, Arc<Waiting>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What the connection keeps saying about itself.
    pub(super) fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(&self.number);
    }
}

impl Waiting {
    /// A connection that waits from now on; times are counted from `start`.
    pub(super) fn from(start: Instant) -> Waiting {
        Waiting {
            since_ms: AtomicU64::new(millis(start.elapsed())),
            start,
            leave: Notify::new(),
        }
    }

    /// It works for its client.
    pub(super) fn works(&self) {
        self.since_ms.store(WORKS, Ordering::Relaxed);
    }

    /// It waits for its client: from now on, unless it did already.
    pub(super) fn waits(&self) {
        if self.since_ms.load(Ordering::Relaxed) == WORKS {
            self.since_ms
                .store(millis(self.start.elapsed()), Ordering::Relaxed);
        }
    }

    /// Its client did something: if it waits, it waits anew.
    pub(super) fn moved(&self) {
        if self.since_ms.load(Ordering::Relaxed) != WORKS {
            self.works();
            self.waits();
        }
    }

    /// Returns when the connection should end because it waits and others wait for its place.
    pub(super) async fn told_to_leave(&self) {
        loop {
            self.leave.notified().await;
            if self.since_ms.load(Ordering::Relaxed) != WORKS {
                return;
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
