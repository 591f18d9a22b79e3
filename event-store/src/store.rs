//! The store: which aggregates there are, and whose logs they follow.
//!
//! Invariant: an answer at the head includes every record that was durable when the question was asked.
//! A thread of its own keeps the indexes near the head; correctness does not depend on it.

use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use annals_schema_model::Resolve;
use serde::{Deserialize, Serialize};

use crate::aggregates::{Aggregate, Aggregates};
use crate::by_field::ByField;
use crate::error::StoreError;
use crate::fold::AnyFold;
use crate::index::{PartitionIndex, TopicIndex};
use crate::info::{AggregateInfo, Progress};
use crate::merged::TOPICS_MAX;
use crate::ordered::OpenCopies;
use crate::resolve::Memo;
use crate::snapshots::{Checks, File, SnapshotFigures, Snapshots};
use crate::source::{CACHE_BYTES_MAX, Cache, Source};
use crate::tails::{self, Tails};
use crate::unhalted::Unhalted;
use crate::work::Work;

/// A fold that does not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct NotLoaded {
    /// The aggregate's name; the file's where that cannot be read. With its revision (`order@1`) where a file of a higher
    /// one has the name alone.
    pub name: String,
    /// The file.
    pub file: String,
    /// Where in the file the reason is, from 1.
    pub line: Option<u32>,
    /// Why it does not run, and what to do.
    pub reason: String,
}

impl fmt::Display for NotLoaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Typed events of any number of topics, and the state of their aggregates at any cut.
///
/// The examples of its questions are about a store of two accounts, whose log `accounts` has these events on 5 January 2026:
///
/// | offset | UTC | account | event | actor |
/// |---|---|---|---|---|
/// | 0 | 08:00 | `a-1` | `Opened`, by Ada | ada |
/// | 1 | 09:00 | `a-1` | `Deposited`, 500 cents | ada |
/// | 2 | 10:00 | `a-2` | `Opened`, by Bob | bob |
/// | 3 | 11:00 | `a-1` | `Deposited`, 30 cents | jane |
/// | 4 | 12:00 | `a-2` | `Deposited`, 70 cents | jane |
///
/// [`Fold`](crate::Fold) shows the fold of accounts, [`Decide`](crate::Decide) their commands, and
/// [`Repository`](crate::Repository) how such a store is made from the log up.
pub struct EventStore {
    pub(crate) shared: Arc<Shared>,
    /// What is asked of this store is part of this work.
    pub(crate) work: Work,
    /// Whether answers rest on nothing but the log: on no snapshots, and no copies.
    pub(crate) from_the_log: bool,
}

/// What all questions have in common.
pub(crate) struct Shared {
    pub(crate) resolve: Arc<Memo>,
    pub(crate) cache: Cache,
    pub(crate) unhalted: Unhalted,
    pub(crate) snapshots: Snapshots,
    pub(crate) checks: Checks,
    pub(crate) tails: Tails,
    /// Of walks through all aggregates.
    pub(crate) open_copies: OpenCopies,
    aggregates: Arc<RwLock<Aggregates>>,
    not_loaded: RwLock<Vec<NotLoaded>>,
    /// Wakes the following thread, which ends when this goes away.
    wake: Arc<SyncSender<()>>,
}

impl Shared {
    fn aggregates(&self) -> RwLockReadGuard<'_, Aggregates> {
        self.aggregates.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_aggregates(&self) -> RwLockWriteGuard<'_, Aggregates> {
        self.aggregates.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventStore {
    /// A store without aggregates. Its questions may take as long as they take; see [`EventStore::at_work`].
    pub fn new(resolve: Arc<dyn Resolve>) -> EventStore {
        let (wake, woken) = sync_channel(1);
        let aggregates: Arc<RwLock<Aggregates>> = Arc::default();
        let followed = Arc::downgrade(&aggregates);
        // Without the thread every question still catches up for itself, only later than it could.
        let _ = std::thread::Builder::new()
            .name("annals-index".into())
            .spawn(move || follow(&woken, &followed));
        let shared = Arc::new_cyclic(|shared| Shared {
            resolve: Arc::new(Memo::new(resolve)),
            cache: Cache::new(CACHE_BYTES_MAX),
            unhalted: Unhalted::default(),
            snapshots: Snapshots::default(),
            checks: Checks::new(Weak::clone(shared)),
            tails: Tails::new(tails::BYTES_MAX),
            open_copies: OpenCopies::default(),
            aggregates,
            not_loaded: RwLock::default(),
            wake: Arc::new(wake),
        });
        EventStore::of(shared, Work::up_to(u64::MAX))
    }

    pub(crate) fn of(shared: Arc<Shared>, work: Work) -> EventStore {
        EventStore {
            shared,
            work,
            from_the_log: false,
        }
    }

    /// The same store for one question: it is given up when its work is stopped or has cost what it may. [`Work`] has an example.
    #[must_use]
    pub fn at_work(&self, work: &Work) -> EventStore {
        EventStore {
            shared: Arc::clone(&self.shared),
            work: work.clone(),
            from_the_log: self.from_the_log,
        }
    }

    /// The same store, whose answers all begin with the first event, and read each from the log itself, not from a copy of
    /// it. They are those it gives with snapshots, but for `snapshot`.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::AsOf;
    ///
    /// let fast = store.reconstruct("account", "a-1", &AsOf::Head)?;
    /// let slow = store.without_snapshots().reconstruct("account", "a-1", &AsOf::Head)?;
    /// assert_eq!((slow.state, slow.snapshot), (fast.state, None));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn without_snapshots(&self) -> EventStore {
        EventStore {
            shared: Arc::clone(&self.shared),
            work: self.work.clone(),
            from_the_log: true,
        }
    }

    /// What became of snapshots since the store was made; [`Typed::with_snapshots`](crate::Typed::with_snapshots) has it leave some.
    pub fn snapshot_figures(&self) -> SnapshotFigures {
        self.shared.snapshots.figures()
    }

    /// The snapshots of an aggregate's fold in a partition, if questions may begin with one.
    pub(crate) fn snapshots_of(
        &self,
        aggregate: &Aggregate,
        partition: &PartitionIndex,
    ) -> Option<Arc<File>> {
        if self.from_the_log {
            return None;
        }
        let others = || self.all().iter().map(|one| one.fold.id().clone()).collect();
        self.shared.snapshots.of(&*aggregate.fold, partition, others)
    }

    /// Adds a fold over a topic's log, in place of one of the same name and revision, and begins to index the log. Further
    /// revisions run beside it: `order@1` is the one of revision 1, and `order` the one of the highest.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{EventStore, Source, typed};
    /// use annals_segment_log::PartitionConfig;
    ///
    /// # let (log, schemas) = (&bank.log, bank.schemas.clone());
    /// let store = EventStore::new(schemas);
    /// let source = Source::open(log, "accounts", 1, &PartitionConfig::default())?;
    /// store.add_aggregate(Box::new(typed::<AccountFold>("accounts")), source)?;
    ///
    /// assert_eq!(store.aggregates()[0].name, "account");
    /// assert!(store.remove_aggregate("account@1") && store.aggregates().is_empty());
    /// # Ok(()) }
    /// ```
    pub fn add_aggregate(&self, fold: Box<dyn AnyFold>, source: Source) -> Result<(), StoreError> {
        self.add_merged(fold, vec![source])
    }

    /// The same of a fold over several topics, whose logs are given in the order in which it names them.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{Source, typed};
    /// use annals_segment_log::PartitionConfig;
    ///
    /// # let log = &bank.log;
    /// let open = |topic| Source::open(log, topic, 1, &PartitionConfig::default());
    /// let both = typed::<AccountFold>("accounts").and_topic("cards").by("account_id");
    /// store.add_merged(Box::new(both), vec![open("accounts")?, open("cards")?])?;
    /// assert_eq!(store.aggregates()[0].topics, ["accounts", "cards"]);
    /// # Ok(()) }
    /// ```
    pub fn add_merged(&self, fold: Box<dyn AnyFold>, sources: Vec<Source>) -> Result<(), StoreError> {
        let given = sources.iter().map(|source| source.topic.as_str());
        if !fold.topics().into_iter().eq(given.clone()) {
            return Err(StoreError::WrongTopic {
                aggregate: fold.id().name.clone(),
                wanted: fold.topics().join(", "),
                given: given.collect::<Vec<_>>().join(", "),
            });
        }
        if sources.len() > TOPICS_MAX {
            return Err(StoreError::TooManyTopics {
                aggregate: fold.id().name.clone(),
                max: TOPICS_MAX,
            });
        }
        let fold: Arc<dyn AnyFold> = Arc::from(fold);
        let by = |source: &Source| ByField::of(&fold, &source.topic, &self.shared.resolve);
        let by: Vec<_> = sources.iter().map(by).collect();
        let mut aggregates = self.shared.change_aggregates();
        let indexes: Vec<_> = aggregates.all().map(|aggregate| aggregate.index).collect();
        let index = match indexes.iter().find(|index| index.follows(&sources, &by)) {
            Some(index) => Arc::clone(index),
            None => {
                // Logs that are followed already are not read again; those of one topic by its index first, which may be shared.
                let is_like = |index: &&Arc<TopicIndex>| {
                    index.is_merged() == (sources.len() > 1 || by.iter().any(Option::is_some))
                };
                let (like, unlike): (Vec<_>, Vec<_>) = indexes.iter().partition(is_like);
                let before = |log: &Arc<_>| like.iter().chain(&unlike).find_map(|index| index.of(log));
                let logs = sources.iter().flat_map(|source| &source.partitions);
                for partition in logs.filter(|log| before(log).is_none()) {
                    let wake: Weak<SyncSender<()>> = Arc::downgrade(&self.shared.wake);
                    partition.on_durable(Box::new(move |_| {
                        if let Some(wake) = wake.upgrade() {
                            // A full channel means the thread is about to look anyway.
                            let _ = wake.try_send(());
                        }
                    }));
                }
                Arc::new(TopicIndex::new(&sources, by, &before)?)
            }
        };
        aggregates.insert(fold, index);
        self.shared.snapshots.keep_only(&aggregates.places());
        drop(aggregates);
        let _ = self.shared.wake.try_send(());
        Ok(())
    }

    /// Takes an aggregate out, by `order@1` one revision of it and by `order` all; says whether there was one.
    pub fn remove_aggregate(&self, name: &str) -> bool {
        let mut aggregates = self.shared.change_aggregates();
        let removed = aggregates.remove(name);
        self.shared.snapshots.keep_only(&aggregates.places());
        removed
    }

    /// Says which folds do not run, and why; whoever asks for one of them is told. No other revision answers in its place.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, NotLoaded};
    ///
    /// let (name, file) = ("card".to_owned(), "card.yaml".to_owned());
    /// let reason = "no field `pin`".to_owned();
    /// store.set_not_loaded(vec![NotLoaded { name, file, line: Some(7), reason }]);
    /// let told = store.reconstruct("card", "c-1", &AsOf::Head).expect_err("it does not run").to_string();
    /// assert!(told.contains("card.yaml, line 7: no field `pin`"), "{told}");
    /// # Ok(()) }
    /// ```
    pub fn set_not_loaded(&self, folds: Vec<NotLoaded>) {
        let not_loaded = self.shared.not_loaded.write();
        *not_loaded.unwrap_or_else(PoisonError::into_inner) = folds;
    }

    /// The folds that do not run, as [`EventStore::set_not_loaded`] was told.
    pub fn not_loaded(&self) -> Vec<NotLoaded> {
        let not_loaded = self.shared.not_loaded.read();
        not_loaded.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Indexes everything durable now, for all aggregates. Questions do so by themselves; [`EventStore::progress`] does not.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// store.caught_up()?;
    /// let progress = &store.progress()[0];
    /// assert_eq!((progress.aggregates, progress.records, progress.lag), (2, 5, 0));
    /// # Ok(()) }
    /// ```
    pub fn caught_up(&self) -> Result<(), StoreError> {
        for aggregate in self.all() {
            aggregate.index.catch_up(&self.work)?;
            aggregate.index.count_keys(&self.work)?;
        }
        Ok(())
    }

    /// The aggregates there are, by name.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// let account = &store.aggregates()[0];
    /// assert_eq!((&*account.name, &*account.topic, account.aggregates), ("account", "accounts", 2));
    /// assert_eq!(account.head.to_string(), "0=4");
    /// # Ok(()) }
    /// ```
    pub fn aggregates(&self) -> Vec<AggregateInfo> {
        let (all, not_loaded) = (self.all(), self.not_loaded());
        let told = |aggregate: &Aggregate| {
            let mut info = aggregate.info(&self.work);
            // The name alone is that of a higher revision, which does not run.
            if not_loaded.iter().any(|fold| fold.name == info.name) {
                info.name = format!("{}@{}", info.fold.name, info.fold.rev);
            }
            info
        };
        all.iter().map(told).collect()
    }

    /// How far the indexes of all aggregates are right now, by name; nothing is indexed for it.
    pub fn progress(&self) -> Vec<Progress> {
        self.all().iter().map(|aggregate| aggregate.progress()).collect()
    }

    fn all(&self) -> Vec<Aggregate> {
        self.shared.aggregates().all().collect()
    }

    pub(crate) fn aggregate(&self, name: &str) -> Result<Arc<Aggregate>, StoreError> {
        let aggregates = self.shared.aggregates();
        let not_loaded = self.not_loaded();
        let meant = match not_loaded.iter().any(|fold| fold.name == name) {
            true => None,
            false => aggregates.get(name),
        };
        meant.map(Arc::new).ok_or_else(|| StoreError::UnknownAggregate {
            name: name.to_owned(),
            known: aggregates
                .all()
                .map(|aggregate| aggregate.name().to_owned())
                .collect(),
            not_loaded,
        })
    }
}

/// Brings the indexes up whenever something became durable, until the store is gone.
fn follow(woken: &Receiver<()>, aggregates: &Weak<RwLock<Aggregates>>) {
    let work = Work::up_to(u64::MAX);
    while woken.recv().is_ok() {
        let Some(aggregates) = aggregates.upgrade() else {
            return;
        };
        let known = aggregates.read().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<Aggregate> = known.all().collect();
        drop(known);
        for aggregate in all {
            // Whoever asks next meets the same error and is told.
            let _ = aggregate.index.catch_up(&work);
            let _ = aggregate.index.count_keys(&work);
        }
    }
}
