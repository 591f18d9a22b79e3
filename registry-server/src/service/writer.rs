//! The one task that writes: it takes whatever writes are waiting, decides them one after the other on one view, and
//! commits them together, as one round. What the database refuses of a round is committed write by write: only the one
//! that is at fault fails.
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
//! Invariant: the view is swapped only after its changes are durable, and every answer is given after that: whoever was
//! answered reads what it wrote. Ids and versions are decided under the database's lock on a view that has caught up, so
//! no other node can give them out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock},
};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::{
    ServiceError,
    queue::{Command, Write},
};
use crate::{
    registry::{Change, Commit, View},
    store::{Changes, Store, StoreError},
};

/// How many writes are committed together at most.
const ROUND_WRITES_MAX: usize = 256;
/// How often a round is tried when the database's connection is lost.
const ATTEMPTS_MAX: usize = 3;

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
        tracing::warn!(
            "the schema store does not remember the last commit this node knew: it was too long ago, or the store has \
             another history, as after a restore; everything is read anew"
        );
        *view = View::default();
    }
    news.changes.iter().for_each(|change| view.apply(change));
    view.commit = news.commit;
}

/// Who writes.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Store,
}

impl Writer {
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut commands = Vec::new();
        while queue.recv_many(&mut commands, ROUND_WRITES_MAX).await > 0 {
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
            let mut is_current = true;
            if !writes.is_empty() {
                is_current = self.write(writes).await;
            } else if refresh && let Err(error) = self.refresh().await {
                report(
                    &error,
                    "the schema store cannot be read; what is known is still served",
                );
                is_current = self.reconnect().await;
            }
            for answer in refreshed {
                // Whoever asked may be gone.
                let _ = answer.send(is_current);
            }
            if let Some(answer) = close {
                queue.close();
                let _ = answer.send(self.store.close().await);
            }
        }
    }

    /// Commits writes and tells everybody; answers whether the view is up to date then.
    async fn write(&mut self, writes: Vec<Box<dyn Write>>) -> bool {
        let (mut rounds, mut is_current) = (vec![writes], true);
        while let Some(mut writes) = rounds.pop() {
            let mut unanswered = None;
            let committed = self.commit(&mut writes, &mut unanswered).await;
            is_current = committed.is_ok();
            if let Err(error) = &committed {
                report(error, "a write to the schema store failed");
                // Nobody knows what the store holds now.
                let read = self.refresh().await;
                is_current = read.is_ok();
                if let Err(error) = read {
                    report(
                        &error,
                        "the schema store cannot be read back; what is known is still served",
                    );
                }
                let is_refused = matches!(error, StoreError::Refused(_)) && unanswered.is_none();
                if is_refused && writes.len() > 1 {
                    rounds = writes.into_iter().rev().map(|write| vec![write]).collect();
                    continue;
                }
            }
            let committed = committed.map_err(Arc::new);
            for write in writes {
                write.finish(committed.clone().map_err(ServiceError::Store));
            }
        }
        is_current
    }

    /// Commits a round, connecting again when the connection is lost: what was decided is decided anew on what the
    /// database then holds. A commit whose answer got lost is looked for first, and when it was made, everybody is told
    /// what was decided then.
    async fn commit(
        &mut self,
        writes: &mut Vec<Box<dyn Write>>,
        unanswered: &mut Option<Commit>,
    ) -> Result<(), StoreError> {
        for _ in 1..ATTEMPTS_MAX {
            match self.try_write(writes, unanswered).await {
                Err(error) if error.lost_connection() => {
                    report(
                        &error,
                        "the connection to the schema store was lost; connecting again",
                    );
                    self.reconnect().await;
                }
                committed => return committed,
            }
        }
        self.try_write(writes, unanswered).await
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

    /// Connects again and catches up; answers whether that was done.
    async fn reconnect(&mut self) -> bool {
        if let Err(error) = self.store.reconnect().await {
            report(&error, "the schema store cannot be reached");
            return false;
        }
        let read = self.refresh().await;
        if let Err(error) = &read {
            report(error, "the schema store cannot be read");
        }
        read.is_ok()
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
