//! The one task that writes: it takes whatever writes are waiting, decides them one after the other on one view, and
//! commits them together.
//!
//! ```text
//!   write, write, write ──► queue ──► take the database's lock ──► catch up with other nodes ──► decide each on the view
//!                                          ▲                                                      the ones before it left
//!                                          │ connection lost: connect again, decide anew                   │
//!                                          └───────────────────────────────────────────── one commit ◄─────┘
//!                                                                                              │
//!                                                      swap the view, tell the hooks, answer ◄─┘
//! ```
//!
//! Nobody waits without a limit ([`WriteLimits`]): a write that was told to have taken too long is not begun any more.
//!
//! Invariant: the view is swapped only after its changes are durable, and every answer is given after that: whoever was
//! answered reads what it wrote. Ids and versions are decided under the database's lock on a view that has caught up, so
//! no other node can give them out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};

use super::ServiceError;
use crate::{
    registry::{Change, Commit, RegistryError, View},
    store::{Changes, Listener, Store, StoreError},
};

/// How many writes are committed together at most.
const BATCH_WRITES_MAX: usize = 256;
/// How many commands the queue holds: every write that may wait, and what others want of the writer.
const QUEUE_COMMANDS_MAX: usize = 1_024;
/// How often a batch is tried when the database's connection is lost.
const ATTEMPTS_MAX: usize = 3;

/// How many writes may wait for the database: half the connections that HTTP takes, so that reads and health checks find
/// a place however long the database is gone.
pub(crate) const WAITING_WRITES_MAX: usize = 512;

/// The limits of writes while the database is slow, or gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriteLimits {
    /// How many may wait for the database. Default [`WAITING_WRITES_MAX`].
    pub(super) waiting_max: usize,
    /// How long another waits to be among them. Default 1 s.
    pub(super) place: Duration,
    /// How long a write waits for its outcome. Default 20 s: longer than a node that hangs keeps the database's lock.
    pub(super) outcome: Duration,
}

impl Default for WriteLimits {
    fn default() -> WriteLimits {
        WriteLimits {
            waiting_max: WAITING_WRITES_MAX,
            place: Duration::from_secs(1),
            outcome: Duration::from_secs(20),
        }
    }
}

/// What is called with every new view.
pub(super) type Hook = Box<dyn Fn(&View) + Send + Sync>;

/// What readers and the writer share.
pub(super) struct Shared {
    pub(super) view: ArcSwap<View>,
    pub(super) hooks: RwLock<Vec<Hook>>,
    pub(super) clock: fn() -> i64,
}

impl Shared {
    fn swap(&self, view: View) {
        let view = Arc::new(view);
        self.view.store(Arc::clone(&view));
        for hook in self.hooks.read().unwrap_or_else(PoisonError::into_inner).iter() {
            hook(&view);
        }
    }
}

/// Applies what was committed elsewhere. What is known of another history is forgotten.
pub(super) fn catch_up(view: &mut View, news: &Changes) {
    if news.anew {
        tracing::warn!("the schema store has another history than this node knew; everything is read anew");
        *view = View::default();
    }
    news.changes.iter().for_each(|change| view.apply(change));
    view.commit = news.commit;
}

/// A write, decided when its turn comes and perhaps more than once.
trait Write: Send {
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

enum Command {
    Write(Box<dyn Write>),
    /// Catch up with other nodes, and tell whoever waits for it.
    Refresh(Option<oneshot::Sender<()>>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Queue {
    writer: mpsc::Sender<Command>,
    places: Arc<Semaphore>,
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

    /// Catches up with what other nodes committed before this call.
    pub(super) async fn refresh(&self) {
        let (answer, done) = oneshot::channel();
        if self.writer.send(Command::Refresh(Some(answer))).await.is_ok() {
            // A writer that is gone leaves the view as it is.
            let _ = done.await;
        }
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

struct Writer {
    shared: Arc<Shared>,
    store: Store,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut commands = Vec::new();
        while queue.recv_many(&mut commands, BATCH_WRITES_MAX).await > 0 {
            let mut writes = Vec::new();
            let (mut refresh, mut refreshed) = (false, Vec::new());
            let mut close = None;
            for command in commands.drain(..) {
                match command {
                    Command::Write(write) => writes.push(write),
                    Command::Refresh(answer) => {
                        refresh = true;
                        refreshed.extend(answer);
                    }
                    Command::Close(answer) => close = Some(answer),
                }
            }
            if !writes.is_empty() {
                self.write(writes).await;
            } else if refresh && let Err(error) = self.refresh().await {
                report(
                    &error,
                    "the schema store cannot be read; what is known is still served",
                );
                self.reconnect().await;
            }
            for answer in refreshed {
                // Whoever asked may be gone.
                let _ = answer.send(());
            }
            if let Some(answer) = close {
                queue.close();
                let _ = answer.send(self.store.close().await);
            }
        }
    }

    /// Commits a batch, connecting again when the connection is lost: what was decided is decided anew on what the
    /// database then holds. A commit whose answer got lost is looked for first, and when it was made, everybody is told
    /// what was decided then.
    async fn write(&mut self, mut writes: Vec<Box<dyn Write>>) {
        let (mut attempt, mut unanswered) = (1, None);
        let committed = loop {
            match self.try_write(&mut writes, &mut unanswered).await {
                Ok(()) => break Ok(()),
                Err(error) if attempt < ATTEMPTS_MAX && error.lost_connection() => {
                    report(
                        &error,
                        "the connection to the schema store was lost; connecting again",
                    );
                    attempt += 1;
                    self.reconnect().await;
                }
                Err(error) => {
                    report(&error, "a write to the schema store failed");
                    break Err(Arc::new(error));
                }
            }
        };
        if committed.is_err() {
            // Nobody knows what the store holds now.
            if let Err(error) = self.refresh().await {
                report(
                    &error,
                    "the schema store cannot be read back; what is known is still served",
                );
            }
        }
        for write in writes {
            write.finish(committed.clone().map_err(ServiceError::Store));
        }
    }

    /// `unanswered` is a commit of these very writes whose answer got lost.
    async fn try_write(
        &mut self,
        writes: &mut Vec<Box<dyn Write>>,
        unanswered: &mut Option<Commit>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        writes.retain(|write| !write.is_expired());
        let mut view = View::clone(&self.shared.view.load());
        if transaction.last() != view.commit {
            let news = transaction.changes_since(view.commit).await?;
            catch_up(&mut view, &news);
        }
        if let Some(sent) = *unanswered {
            if transaction.has(sent).await? {
                transaction.rollback().await?;
                self.shared.swap(view);
                return Ok(());
            }
            *unanswered = None;
        }
        let changes;
        if writes.iter().any(|write| write.is_slow()) {
            let (deciding, clock) = (std::mem::take(writes), self.shared.clock);
            let decided = tokio::task::spawn_blocking(move || decide(deciding, view, clock())).await;
            (*writes, view, changes) = decided.map_err(|_| StoreError::Closed)?;
        } else {
            (*writes, view, changes) = decide(std::mem::take(writes), view, (self.shared.clock)());
        }
        transaction.write(&changes).await?;
        let sent = transaction.next();
        view.commit = match transaction.commit().await {
            Ok(last) => last,
            Err(error) => {
                *unanswered = matches!(error, StoreError::OutcomeUnknown(_)).then_some(sent);
                return Err(error);
            }
        };
        if view.commit != self.shared.view.load().commit {
            self.shared.swap(view);
        }
        Ok(())
    }

    async fn refresh(&mut self) -> Result<(), StoreError> {
        let mut view = View::clone(&self.shared.view.load());
        let news = self.store.changes_since(view.commit).await?;
        if news.commit != view.commit {
            catch_up(&mut view, &news);
            self.shared.swap(view);
        }
        Ok(())
    }

    async fn reconnect(&mut self) {
        if let Err(error) = self.store.reconnect().await {
            report(&error, "the schema store cannot be reached");
            return;
        }
        if let Err(error) = self.refresh().await {
            report(&error, "the schema store cannot be read");
        }
    }
}

type Decided = (Vec<Box<dyn Write>>, View, Vec<Change>);

/// Decides writes one after the other, each on the view the ones before it left.
fn decide(mut writes: Vec<Box<dyn Write>>, mut view: View, now_ms: i64) -> Decided {
    let mut changes = Vec::new();
    for write in &mut writes {
        // One that panics is answered as broken, and the others go on.
        let decided = catch_unwind(AssertUnwindSafe(|| write.decide(&view, now_ms))).unwrap_or_default();
        decided.iter().for_each(|change| view.apply(change));
        changes.extend(decided);
    }
    (writes, view, changes)
}

fn report(error: &StoreError, what: &'static str) {
    tracing::error!(error = error as &dyn std::error::Error, "{what}");
}
