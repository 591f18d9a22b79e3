//! The way to the writer: what waits for it, how long, and how many.
//!
//! Invariant: nobody waits without a limit ([`WriteLimits`]), and a write that was told to have taken too long is not begun
//! any more.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::block_in_place,
    time::{Instant, timeout, timeout_at},
};

use super::{
    ServiceError,
    writer::{Shared, Writer},
};
use crate::{
    registry::{Change, RegistryError, View},
    store::{Listener, Store, StoreError},
};

/// How many commands the queue holds: every write that may wait, and what others want of the writer.
const QUEUE_COMMANDS_MAX: usize = 1_024;
/// How long [`Queue::refresh_now`] may hold up its caller.
const REFRESH_MAX: Duration = Duration::from_secs(2);
/// How many it may hold up at a time: each keeps a thread, and what makes them ask comes from outside.
const REFRESHES_MAX: usize = 8;
/// How long a store that did not answer in time is not asked again.
const UNANSWERED_REMEMBERED: Duration = Duration::from_secs(1);

/// The limits of writes while the database is slow, or gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriteLimits {
    /// How many may wait for the database.
    pub(super) waiting_max: usize,
    /// How long another waits to be among them. Default 1 s.
    pub(super) place: Duration,
    /// How long a write waits for its outcome. Default 20 s: longer than a node that hangs keeps the database's lock.
    pub(super) outcome: Duration,
}

impl WriteLimits {
    pub(super) fn of(waiting_max: usize) -> WriteLimits {
        WriteLimits {
            waiting_max,
            place: Duration::from_secs(1),
            outcome: Duration::from_secs(20),
        }
    }
}

/// A write, decided when its turn comes and perhaps more than once.
pub(super) trait Write: Send {
    /// Whether deciding takes long enough to hold up the threads that serve requests.
    fn is_slow(&self) -> bool;
    /// Whether the one who asked has been told that it took too long: then it must not be done behind their back.
    fn is_expired(&self) -> bool;
    /// Decides on a view; answers the changes, none when the write is refused or changes nothing.
    fn decide(&mut self, view: &View, now_ms: i64) -> Vec<Change>;
    /// Tells the one who asked, after the commit or when it failed.
    fn finish(self: Box<Self>, committed: Result<(), ServiceError>);
}

type Decide<T> = Box<dyn FnMut(&View, i64) -> Result<(Vec<Change>, T), RegistryError> + Send>;

struct Waiting<T> {
    slow: bool,
    decide: Decide<T>,
    outcome: Result<T, ServiceError>,
    answer: oneshot::Sender<Result<T, ServiceError>>,
    deadline: Instant,
    _place: OwnedSemaphorePermit,
}

impl<T: Send> Write for Waiting<T> {
    fn is_slow(&self) -> bool {
        self.slow
    }

    fn is_expired(&self) -> bool {
        self.deadline <= Instant::now()
    }

    fn decide(&mut self, view: &View, now_ms: i64) -> Vec<Change> {
        // An outcome of an earlier decision is none of this one, which may panic.
        self.outcome = Err(ServiceError::Broken);
        match (self.decide)(view, now_ms) {
            Ok((changes, outcome)) => {
                self.outcome = Ok(outcome);
                changes
            }
            Err(error) => {
                self.outcome = Err(error.into());
                Vec::new()
            }
        }
    }

    fn finish(self: Box<Self>, committed: Result<(), ServiceError>) {
        // Whoever asked may be gone; the write stands all the same.
        let _ = self.answer.send(committed.and(self.outcome));
    }
}

/// What the writer is asked for.
pub(super) enum Command {
    /// Decide, and commit with the others.
    Write(Box<dyn Write>),
    /// Catch up with other nodes, and tell whoever waits for it whether that was done.
    Refresh(Option<oneshot::Sender<bool>>),
    /// Close the store, after what is waiting.
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Queue {
    writer: mpsc::Sender<Command>,
    places: Arc<Semaphore>,
    refreshes: Arc<Semaphore>,
    /// When the store was last found not to answer.
    unanswered: Arc<Mutex<Option<Instant>>>,
    limits: WriteLimits,
}

impl Queue {
    /// Starts the writer of a store.
    pub(super) fn start(
        shared: Arc<Shared>,
        store: Store,
        listener: Option<Listener>,
        limits: WriteLimits,
    ) -> Queue {
        let (sender, receiver) = mpsc::channel(QUEUE_COMMANDS_MAX);
        tokio::spawn(Writer { shared, store }.run(receiver));
        if let Some(listener) = listener {
            tokio::spawn(listen(listener, sender.downgrade()));
        }
        Queue {
            writer: sender,
            places: Arc::new(Semaphore::new(limits.waiting_max)),
            refreshes: Arc::new(Semaphore::new(REFRESHES_MAX)),
            unanswered: Arc::default(),
            limits,
        }
    }

    /// Has a write decided and committed. Deciding takes a look at a view or two.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        decide: impl FnMut(&View, i64) -> Result<(Vec<Change>, T), RegistryError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        self.enqueue(false, Box::new(decide)).await
    }

    /// The same for a decision that parses or compares schemas.
    pub(super) async fn write_slowly<T: Send + 'static>(
        &self,
        decide: impl FnMut(&View, i64) -> Result<(Vec<Change>, T), RegistryError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        self.enqueue(true, Box::new(decide)).await
    }

    async fn enqueue<T: Send + 'static>(&self, slow: bool, decide: Decide<T>) -> Result<T, ServiceError> {
        let closed = || ServiceError::from(StoreError::Closed);
        let deadline = Instant::now() + self.limits.outcome;
        let place = timeout(self.limits.place, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| ServiceError::Crowded)?.map_err(|_| closed())?;
        let (answer, outcome) = oneshot::channel();
        let waiting = Waiting {
            slow,
            decide,
            outcome: Err(ServiceError::Broken),
            answer,
            deadline,
            _place: place,
        };
        let decided = async {
            let sent = self.writer.send(Command::Write(Box::new(waiting))).await;
            sent.map_err(|_| closed())?;
            outcome.await.unwrap_or_else(|_| Err(closed()))
        };
        timeout_at(deadline, decided)
            .await
            .unwrap_or(Err(ServiceError::TimedOut))
    }

    /// Catches up with what other nodes committed before this call, and answers whether that was done; holds up a thread
    /// that does not await, for [`REFRESH_MAX`] at most, and [`REFRESHES_MAX`] of them.
    pub(super) fn refresh_now(&self) -> bool {
        let runtime = Handle::try_current().ok();
        let runtime = runtime.filter(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
        let (Some(runtime), Ok(_place)) = (runtime, self.refreshes.try_acquire()) else {
            return false;
        };
        let unanswered = || self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        if unanswered().is_some_and(|since| since.elapsed() < UNANSWERED_REMEMBERED) {
            return false;
        }
        let refreshed = async {
            let (answer, done) = oneshot::channel();
            let sent = self.writer.send(Command::Refresh(Some(answer))).await;
            sent.is_ok() && done.await.unwrap_or(false)
        };
        let refreshed = async { timeout(REFRESH_MAX, refreshed).await };
        let done = block_in_place(|| runtime.block_on(refreshed)).unwrap_or(false);
        if !done {
            *unanswered() = Some(Instant::now());
            tracing::warn!("cannot ask the schema store for what other nodes wrote");
        }
        done
    }

    /// Closes the store after what is waiting.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let (answer, closed) = oneshot::channel();
        if self.writer.send(Command::Close(answer)).await.is_err() {
            return Ok(());
        }
        closed.await.unwrap_or(Ok(()))
    }
}

/// Passes on that another node wrote.
async fn listen(mut listener: Listener, writer: mpsc::WeakSender<Command>) {
    loop {
        listener.changed().await;
        let Some(writer) = writer.upgrade() else { return };
        if writer.send(Command::Refresh(None)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_does_not_answer_holds_up_a_few() {
        let (writer, mut asked) = mpsc::channel(QUEUE_COMMANDS_MAX);
        let queue = Queue {
            writer,
            places: Arc::new(Semaphore::new(1)),
            refreshes: Arc::new(Semaphore::new(REFRESHES_MAX)),
            unanswered: Arc::default(),
            limits: WriteLimits::of(1),
        };
        let ask = |_| {
            let queue = queue.clone();
            tokio::task::spawn_blocking(move || queue.refresh_now())
        };
        for waiting in (0..4 * REFRESHES_MAX).map(ask).collect::<Vec<_>>() {
            assert!(!waiting.await.unwrap());
        }
        let mut waited = 0;
        while asked.try_recv().is_ok() {
            waited += 1;
        }
        assert!((1..=REFRESHES_MAX).contains(&waited), "{waited}");
    }

    #[test]
    fn a_decision_that_panics_has_no_outcome_of_an_earlier_one() {
        let (answer, mut told) = oneshot::channel();
        let mut decided = 0;
        let mut write = Box::new(Waiting {
            slow: false,
            decide: Box::new(move |_: &View, _| {
                decided += 1;
                assert!(decided < 2, "decided on another view");
                Ok((Vec::new(), ()))
            }),
            outcome: Err(ServiceError::Broken),
            answer,
            deadline: Instant::now(),
            _place: Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap(),
        });
        let view = View::default();
        let mut decide = || catch_unwind(AssertUnwindSafe(|| write.decide(&view, 0)));
        assert!(decide().is_ok() && decide().is_err());
        write.finish(Ok(()));
        let told = told.try_recv().unwrap();
        assert!(matches!(told, Err(ServiceError::Broken)), "{told:?}");
    }
}
