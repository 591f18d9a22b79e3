//! Who brings a projection's tables to the head of its topic, and keeps them there.
//!
//! It remembers nothing between two transactions but where to look: what counts is read from the database each time. So
//! any number of programs may run the same projection; one of them does the work, and the others find it done.
//! Invariant: a generation is put in the place of the live one when it has come to what was the head before its last page
//! was read.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals_schema_model::{EventSet, Resolve};

use super::checkpoint::{self, Generation};
use super::database::{Database, Transaction};
use super::swap::Swapped;
use super::{Projection, ProjectionError, Table};
use crate::cut::Cut;
use crate::feed::{Feed, is_beyond};
use crate::fold::FoldId;
use crate::resolve::Memo;

/// How long the log is asked to wait for something new before it is looked whether there is anything else to do.
const WAIT: Duration = Duration::from_secs(1);
/// How often readers of the old tables are let go first, before that is told: some seconds, as each has its half.
const SWAP_TRIES_MAX: u32 = 8;

/// How far a projection has come, in offsets of all partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The projection.
    pub projection: &'static str,
    /// Whether it is about new tables, which nobody reads yet.
    pub building: bool,
    /// Offsets that are done with.
    pub done: u64,
    /// Offsets there are.
    pub total: u64,
}

type Observer = Box<dyn Fn(&Progress) + Send + Sync>;

/// A projection at work. See [`Projection`] for an example.
pub struct Projector<P> {
    pub(super) projection: P,
    pub(super) feed: Arc<dyn Feed>,
    pub(super) resolve: Arc<Memo>,
    pub(super) database: Database,
    id: FoldId,
    behind: Cut,
    observer: Option<Observer>,
    has_tables: AtomicBool,
}

/// What one round did.
struct Round {
    /// Something is left that can be done at once.
    moved: bool,
    /// Tables are ready and cannot be put in their place yet.
    in_use: bool,
    /// Some are not live yet.
    building: bool,
    /// So far all have come.
    cut: Cut,
}

impl<P: Projection> Projector<P> {
    /// A projection of what a feed gives, whose schemas a registry knows, into a database.
    pub fn new(
        projection: P,
        feed: impl Feed + 'static,
        resolve: Arc<dyn Resolve>,
        database: impl Into<Database>,
    ) -> Projector<P> {
        let table = |table: &Table| format!("{} ({}) {:?};", table.name, table.columns, table.indexes);
        let tables: String = P::TABLES.iter().map(table).collect();
        let readers = P::Event::READER.iter().copied();
        Projector {
            projection,
            feed: Arc::new(feed),
            resolve: Arc::new(Memo::new(resolve)),
            database: database.into(),
            id: FoldId::new(P::NAME, P::REV, readers, &format!("projection {tables}")),
            behind: Cut::default(),
            observer: None,
            has_tables: AtomicBool::new(false),
        }
    }

    /// Tables that are made from now on begin behind a cut, instead of at the beginning: where the events before it are
    /// gone, or are of no interest. Of a cut of several topics counts what it says of the one that is followed.
    #[must_use]
    pub fn behind(mut self, cut: Cut) -> Self {
        self.behind = cut.of_topic(self.feed.topic());
        self
    }

    /// Tells somebody after each transaction how far it is.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/projected.in"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Shown { let bank = two_accounts(); let (store, schemas) = (&bank.store, bank.schemas.clone());
    /// # let place = tempfile::tempdir()?; let database = database(&place).await;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let left = Arc::new(AtomicU64::new(u64::MAX));
    /// let told = Arc::clone(&left);
    /// let balances = Projector::new(Balances, store.feed("account")?, schemas, database)
    ///     .observe(move |progress| told.store(progress.total - progress.done, Ordering::Relaxed));
    /// balances.catch_up().await?;
    /// assert_eq!(left.load(Ordering::Relaxed), 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn observe(mut self, observer: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Brings the tables to what is the head now, and live. Dropped halfway, it has done so much less.
    ///
    /// # Errors
    /// As [`ProjectionError`] says.
    pub async fn catch_up(&self) -> Result<(), ProjectionError> {
        self.begin().await?;
        let head = self.head().await?;
        let mut tries = 0;
        loop {
            let round = self.round().await?;
            if !round.building && !is_beyond(&head, &round.cut) {
                return Ok(());
            }
            tries = if round.in_use { tries + 1 } else { 0 };
            if tries > SWAP_TRIES_MAX {
                return Err(ProjectionError::InUse { projection: P::NAME });
            }
        }
    }

    /// Brings the tables to the head and keeps them there, until something else is done: a signal, say. It ends between
    /// two steps, and what was not committed by then comes again.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/projected.in"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Shown { let bank = two_accounts(); let (store, schemas) = (&bank.store, bank.schemas.clone());
    /// # let place = tempfile::tempdir()?; let database = database(&place).await;
    /// let balances = Projector::new(Balances, store.feed("account")?, schemas, database);
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let running = tokio::spawn(async move {
    ///     let until = async { drop(stopped.await) };
    ///     balances.run(until).await
    /// });
    /// drop(stop);
    /// running.await??;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`ProjectionError`] says. Called again it goes on, be the cause gone.
    pub async fn run(&self, until: impl Future<Output = ()>) -> Result<(), ProjectionError> {
        let mut until = pin!(until);
        tokio::select! {
            biased;
            () = &mut until => Ok(()),
            ended = self.go_on() => ended,
        }
    }

    async fn go_on(&self) -> Result<(), ProjectionError> {
        self.begin().await?;
        loop {
            let round = self.round().await?;
            if !round.moved {
                // Where readers keep new tables waiting, the live ones go on meanwhile.
                let feed = Arc::clone(&self.feed);
                blocking(move || feed.wait(&round.cut, WAIT)).await??;
            }
        }
    }

    /// Has the tables made anew, beside those that are live, which are kept up meanwhile. That is begun here, and done by
    /// [`catch_up`](Projector::catch_up) or [`run`](Projector::run), in whatever program they are called.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/projected.in"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Shown { let bank = two_accounts(); let (store, schemas) = (&bank.store, bank.schemas.clone());
    /// # let place = tempfile::tempdir()?; let database = database(&place).await;
    /// let balances = Projector::new(Balances, store.feed("account")?, schemas, database);
    /// balances.catch_up().await?;
    /// balances.rebuild().await?;
    /// assert!(balances.status().await?.building.is_some());
    ///
    /// balances.catch_up().await?;
    /// let status = balances.status().await?;
    /// assert_eq!(status.live.map(|tables| (tables.generation, tables.events)), Some((2, 5)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`ProjectionError`] says.
    pub async fn rebuild(&self) -> Result<(), ProjectionError> {
        self.change(true).await
    }

    async fn begin(&self) -> Result<(), ProjectionError> {
        self.change(false).await
    }

    /// Sees to it that there are tables of this projection as it is: live ones, or ones that are being made.
    async fn change(&self, anew: bool) -> Result<(), ProjectionError> {
        for table in P::TABLES {
            checkpoint::check_name(table.name)?;
        }
        let mut transaction = checkpoint::begin_to_change(&self.database).await?;
        let changed = self.change_within(&mut transaction, anew).await;
        match changed {
            Ok(()) => transaction.commit().await?,
            Err(_) => transaction.rollback().await?,
        }
        changed
    }

    async fn change_within(&self, transaction: &mut Transaction, anew: bool) -> Result<(), ProjectionError> {
        let all = checkpoint::generations(transaction, P::NAME).await?;
        // The live one first: a later one that is being made is not in its way.
        let (live, building): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.live);
        for one in live.into_iter().chain(building) {
            if one.revision > P::REV {
                return Err(ProjectionError::Older {
                    projection: P::NAME,
                    revision: P::REV,
                    there: one.revision,
                });
            }
            if !anew && self.is_mine(&one) {
                return Ok(());
            }
            if !one.live {
                checkpoint::unmake(transaction, one.number).await?;
            }
        }
        checkpoint::make(transaction, &self.id, P::TABLES, &self.behind).await
    }

    fn is_mine(&self, generation: &Generation) -> bool {
        generation.digest == self.id.digest_hex()
    }

    /// Brings each generation of this projection a page further in each partition, and puts one that has come to the head
    /// in its place.
    async fn round(&self) -> Result<Round, ProjectionError> {
        let head = self.head().await?;
        let mut mine = self.generations().await?;
        mine.retain(|one| self.is_mine(one));
        if mine.is_empty() {
            return Err(self.superseded());
        }
        let mut round = Round {
            moved: false,
            in_use: false,
            building: false,
            cut: head.clone(),
        };
        for generation in &mut mine {
            self.is_of_this_log(&generation.cut(), &head)?;
            for (partition, last) in head.iter() {
                if generation.last(partition) < last {
                    round.moved = true;
                    self.advance(generation, partition).await?;
                    self.tell(generation, &head);
                }
            }
            if !generation.live {
                self.settle(generation, &head, &mut round).await?;
            }
            let cut = generation.cut();
            let least = |(partition, last): (u32, i64)| (partition, last.min(cut.last(partition)));
            round.cut = round.cut.iter().map(least).collect();
        }
        Ok(round)
    }

    /// Puts a generation in its place, if it has come to the head.
    async fn settle(
        &self,
        generation: &mut Generation,
        head: &Cut,
        round: &mut Round,
    ) -> Result<(), ProjectionError> {
        if is_beyond(head, &generation.cut()) {
            round.building = true;
            return Ok(());
        }
        if self.swap(generation).await? == Swapped::InUse {
            (round.building, round.in_use) = (true, true);
        }
        Ok(())
    }

    fn is_of_this_log(&self, cut: &Cut, head: &Cut) -> Result<(), ProjectionError> {
        match cut.iter().find(|(partition, read)| *read > head.last(*partition)) {
            None => Ok(()),
            Some((partition, read)) => Err(ProjectionError::OtherLog {
                projection: P::NAME,
                topic: self.feed.topic().to_owned(),
                partition,
                read,
                last: head.last(partition),
            }),
        }
    }

    fn tell(&self, generation: &Generation, head: &Cut) {
        let Some(observer) = &self.observer else {
            return;
        };
        let (total, cut) = (offsets(head), generation.cut());
        observer(&Progress {
            projection: P::NAME,
            building: !generation.live,
            done: offsets(&cut).min(total),
            total,
        });
    }

    pub(super) fn superseded(&self) -> ProjectionError {
        ProjectionError::Superseded {
            projection: P::NAME,
            revision: P::REV,
        }
    }

    /// All generations of this projection, whoever makes them.
    pub(super) async fn generations(&self) -> Result<Vec<Generation>, ProjectionError> {
        if !self.has_tables.load(Ordering::Relaxed) {
            // Who only looks may be the first.
            checkpoint::begin_to_change(&self.database)
                .await?
                .commit()
                .await?;
            self.has_tables.store(true, Ordering::Relaxed);
        }
        let mut transaction = self.database.begin().await?;
        let all = checkpoint::generations(&mut transaction, P::NAME).await?;
        transaction.rollback().await?;
        Ok(all)
    }

    pub(super) async fn head(&self) -> Result<Cut, ProjectionError> {
        let feed = Arc::clone(&self.feed);
        Ok(blocking(move || feed.head()).await??)
    }
}

/// How many offsets a cut has.
fn offsets(cut: &Cut) -> u64 {
    cut.iter().map(|(_, last)| (last + 1).unsigned_abs()).sum()
}

/// Does what blocks where it keeps nobody waiting.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ProjectionError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|ended| ProjectionError::GivenUp(ended.to_string()))
}
