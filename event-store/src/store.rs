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
use crate::cut::Cut;
use crate::error::StoreError;
use crate::fold::AnyFold;
use crate::folding::{FoldUsed, ReaderUsed};
use crate::index::{PartitionIndex, TopicIndex};
use crate::ordered::OpenCopies;
use crate::resolve::Memo;
use crate::snapshots::{Checks, File, SnapshotFigures, Snapshots};
use crate::source::{CACHE_BYTES_MAX, Cache, Source};
use crate::tails::{self, Tails};
use crate::time_source::TimeSource;
use crate::unhalted::Unhalted;
use crate::work::Work;

/// What a store knows of an aggregate type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct AggregateInfo {
    /// Its name; with its revision (`order@1`) where a fold of a higher one runs under the name alone.
    pub name: String,
    /// The topic its events are in.
    pub topic: String,
    /// How many partitions the topic has.
    pub partitions: u32,
    /// The fold that makes its state.
    pub fold: FoldUsed,
    /// What the fold reads its events with.
    pub readers: Vec<ReaderUsed>,
    /// Whose clock recorded times are by, for all records at the head: `append` is the log's, `producer` that of whoever
    /// sent the events; null where there are none.
    pub time: Option<TimeSource>,
    /// How many aggregates of this type there are at the head.
    pub aggregates: u64,
    /// Records of the topic at the head.
    pub records: u64,
    /// Records without a key; they belong to no aggregate.
    pub keyless_records: u64,
    /// Batches, and damaged places of the log, whose records cannot be read; they may hold events of any aggregate.
    pub unreadable_batches: u64,
    /// The head: the last offset of each partition.
    #[cfg_attr(feature = "http", schema(value_type = String, example = "0=12,1=40"))]
    pub head: Cut,
    /// Why the records from here on cannot be read, when the log is damaged: what is said above is of those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// How far an aggregate's index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The aggregate.
    pub name: String,
    /// Aggregates of this type that it knows.
    pub aggregates: u64,
    /// Records that it holds.
    pub records: u64,
    /// Offsets between what it has read and the last stable ones.
    pub lag: u64,
}

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
pub struct EventStore {
    pub(crate) shared: Arc<Shared>,
    /// What is asked of this store is part of this work.
    pub(crate) work: Work,
    /// Whether answers rest on nothing but the log: on no snapshots, and no copies.
    pub(crate) from_the_log: bool,
}

/// What all questions have in common.
pub(crate) struct Shared {
    pub(crate) resolve: Memo,
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
            resolve: Memo::new(resolve),
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

    /// The same store for one question: it is given up when its work is stopped or has cost what it may.
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
    #[must_use]
    pub fn without_snapshots(&self) -> EventStore {
        EventStore {
            shared: Arc::clone(&self.shared),
            work: self.work.clone(),
            from_the_log: true,
        }
    }

    /// What became of snapshots since the store was made.
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
    pub fn add_aggregate(&self, fold: Box<dyn AnyFold>, source: Source) -> Result<(), StoreError> {
        if fold.topic() != source.topic {
            return Err(StoreError::WrongTopic {
                aggregate: fold.id().name.clone(),
                wanted: fold.topic().to_owned(),
                given: source.topic,
            });
        }
        let mut aggregates = self.shared.change_aggregates();
        let indexes = aggregates.all().map(|aggregate| aggregate.index);
        let same_topic: Vec<_> = indexes.filter(|index| index.topic == source.topic).collect();
        let index = match same_topic.iter().find(|index| index.follows(&source.partitions)) {
            Some(index) => Arc::clone(index),
            None => {
                // A topic that has more partitions now: those it had are not read again.
                let before = same_topic.iter().max_by_key(|index| index.partitions.len());
                let is_new = |log: &&Arc<_>| before.is_none_or(|before| before.of(log).is_none());
                for partition in source.partitions.iter().filter(is_new) {
                    let wake: Weak<SyncSender<()>> = Arc::downgrade(&self.shared.wake);
                    partition.on_durable(Box::new(move |_| {
                        if let Some(wake) = wake.upgrade() {
                            // A full channel means the thread is about to look anyway.
                            let _ = wake.try_send(());
                        }
                    }));
                }
                let before = before.map(AsRef::as_ref);
                Arc::new(TopicIndex::new(&source.topic, &source.partitions, before))
            }
        };
        aggregates.insert(Arc::from(fold), index);
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
    pub fn set_not_loaded(&self, folds: Vec<NotLoaded>) {
        let not_loaded = self.shared.not_loaded.write();
        *not_loaded.unwrap_or_else(PoisonError::into_inner) = folds;
    }

    /// The folds that do not run.
    pub fn not_loaded(&self) -> Vec<NotLoaded> {
        let not_loaded = self.shared.not_loaded.read();
        not_loaded.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Indexes everything durable now, for all aggregates.
    pub fn caught_up(&self) -> Result<(), StoreError> {
        for aggregate in self.all() {
            aggregate.index.catch_up(&self.work)?;
            aggregate.index.count_keys(&self.work)?;
        }
        Ok(())
    }

    /// The aggregates there are, by name.
    pub fn aggregates(&self) -> Vec<AggregateInfo> {
        let all = self.all();
        all.iter().map(|aggregate| aggregate.info(&self.work)).collect()
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

impl Aggregate {
    fn progress(&self) -> Progress {
        let mut progress = Progress {
            name: self.name().to_owned(),
            aggregates: 0,
            records: 0,
            lag: 0,
        };
        let head = self.index.head();
        for (number, partition) in (0..).zip(&self.index.partitions) {
            let facts = partition.log.key_facts();
            progress.aggregates += facts.keys;
            progress.records += facts.records;
            let behind = partition.log.last_stable_offset() - (head.last(number) + 1);
            progress.lag += u64::try_from(behind).unwrap_or(0);
        }
        progress
    }

    fn info(&self, work: &Work) -> AggregateInfo {
        // One damaged topic must not hide the others.
        let (head, mut damage) = match self.index.catch_up(work) {
            Ok(head) => (head, None),
            Err(error) => (self.index.head(), Some(error.to_string())),
        };
        let mut info = AggregateInfo {
            name: self.name().to_owned(),
            topic: self.index.topic.clone(),
            partitions: u32::try_from(self.index.partitions.len()).unwrap_or(u32::MAX),
            fold: FoldUsed::from(self.fold.id()),
            readers: self.fold.readers(),
            time: None,
            aggregates: 0,
            records: 0,
            keyless_records: 0,
            unreadable_batches: 0,
            head,
            damage: None,
        };
        if damage.is_none() {
            damage = self.tell(&mut info, work).err().map(|error| error.to_string());
        }
        AggregateInfo { damage, ..info }
    }

    fn tell(&self, info: &mut AggregateInfo, work: &Work) -> Result<(), StoreError> {
        info.time = self.index.time(&info.head)?;
        info.unreadable_batches = self.index.unreadable(&info.head)?;
        for partition in &self.index.partitions {
            info.aggregates += partition.begun(info.head.last(partition.number), work)?;
            let facts = partition.log.key_facts();
            info.records += facts.records;
            info.keyless_records += facts.keyless;
        }
        Ok(())
    }
}
