//! The store: which aggregates there are, whose logs they follow, and how a question's point becomes a cut.
//!
//! Invariant: an answer at the head includes every record that was durable when the question was asked.
//! A thread of its own keeps the indexes near the head; correctness does not depend on it.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use serde::{Deserialize, Serialize};

use crate::at::{AsOf, AtError};
use crate::canonical;
use crate::cut::Cut;
use crate::fold::AnyFold;
use crate::folding::{FoldUsed, Spot};
use crate::index::{IndexError, PartitionIndex, TopicIndex};
use crate::key::{key_bytes, key_text};
use crate::resolve::{Memo, Resolve};
use crate::source::{CACHE_BYTES_MAX, Cache, Source};

/// A question the store cannot answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// No fold of this name.
    #[error("there is no aggregate `{name}`; there are: {}", list_or_none(known))]
    UnknownAggregate {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No record with this key.
    #[error("{aggregate} `{id}` does not exist: topic {topic} has no record with this key")]
    UnknownId {
        /// The aggregate.
        aggregate: String,
        /// The id asked for.
        id: String,
        /// The topic that was searched.
        topic: String,
    },
    /// The aggregate began after the point asked for.
    #[error("{aggregate} `{id}` does not exist yet at {at}: its first event is {first}")]
    NotYet {
        /// The aggregate.
        aggregate: String,
        /// The id asked for.
        id: String,
        /// The point asked for.
        at: String,
        /// Its first event's offset and time, in words.
        first: String,
    },
    /// The aggregate has fewer events.
    #[error("{aggregate} `{id}` has no revision {revision}: its revisions are 0 to {last}")]
    NoSuchRevision {
        /// The aggregate.
        aggregate: String,
        /// The id asked for.
        id: String,
        /// The revision asked for.
        revision: u64,
        /// The last one there is.
        last: u64,
    },
    /// A point that means nothing here.
    #[error(transparent)]
    At(#[from] AtError),
    /// A cursor this store did not give out.
    #[error("`{0}` is not a cursor; use the next_cursor of the page before as it is")]
    Cursor(String),
    /// A page size out of bounds.
    #[error("limit {limit} is out of bounds; give 1 to {max}")]
    Limit {
        /// The limit asked for.
        limit: usize,
        /// The largest.
        max: usize,
    },
    /// A fold of one topic with the log of another.
    #[error("aggregate {aggregate} folds topic {wanted}, not {given}")]
    WrongTopic {
        /// The aggregate.
        aggregate: String,
        /// The fold's topic.
        wanted: String,
        /// The source's topic.
        given: String,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
}

fn list_or_none(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// What a store knows of an aggregate type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct AggregateInfo {
    /// Its name.
    pub name: String,
    /// The topic its events are in.
    pub topic: String,
    /// How many partitions the topic has.
    pub partitions: u32,
    /// The fold that makes its state.
    pub fold: FoldUsed,
    /// How many aggregates of this type there are at the head.
    pub aggregates: u64,
    /// Records of the topic at the head.
    pub records: u64,
    /// Records without a key; they belong to no aggregate.
    pub keyless_records: u64,
    /// Batches whose records could not be read; they may hold events of any aggregate.
    pub unreadable_batches: u64,
    /// The head: the last offset of each partition.
    #[cfg_attr(feature = "http", schema(value_type = String, example = "0=12,1=40"))]
    pub head: Cut,
}

/// A fold and the index of its topic.
pub(crate) struct Aggregate {
    pub(crate) fold: Box<dyn AnyFold>,
    pub(crate) index: Arc<TopicIndex>,
}

/// Typed events of any number of topics, and the state of their aggregates at any cut.
pub struct EventStore {
    pub(crate) resolve: Memo,
    pub(crate) cache: Cache,
    aggregates: Arc<RwLock<BTreeMap<String, Arc<Aggregate>>>>,
    /// Wakes the following thread, which ends when this goes away.
    wake: Arc<SyncSender<()>>,
}

impl EventStore {
    /// A store without aggregates.
    pub fn new(resolve: Arc<dyn Resolve>) -> EventStore {
        let (wake, woken) = sync_channel(1);
        let aggregates = Arc::default();
        let followed = Arc::downgrade(&aggregates);
        // Without the thread every question still catches up for itself, only later than it could.
        let _ = std::thread::Builder::new()
            .name("annals-index".into())
            .spawn(move || follow(&woken, &followed));
        EventStore {
            resolve: Memo::new(resolve),
            cache: Cache::new(CACHE_BYTES_MAX),
            aggregates,
            wake: Arc::new(wake),
        }
    }

    /// Adds a fold over a topic's log, in place of one of the same name, and begins to index the log.
    pub fn add_aggregate(&self, fold: Box<dyn AnyFold>, source: Source) -> Result<(), StoreError> {
        let name = fold.id().name.clone();
        if fold.topic() != source.topic {
            let (wanted, given) = (fold.topic().to_owned(), source.topic);
            return Err(StoreError::WrongTopic {
                aggregate: name,
                wanted,
                given,
            });
        }
        let mut aggregates = self.aggregates.write().unwrap_or_else(PoisonError::into_inner);
        let same_log = aggregates
            .values()
            .map(|aggregate| &aggregate.index)
            .find(|index| index.topic == source.topic && index.follows(&source.partitions));
        let index = match same_log {
            Some(index) => Arc::clone(index),
            None => {
                for partition in &source.partitions {
                    let wake: Weak<SyncSender<()>> = Arc::downgrade(&self.wake);
                    partition.on_durable(Box::new(move |_| {
                        if let Some(wake) = wake.upgrade() {
                            // A full channel means the thread is about to look anyway.
                            let _ = wake.try_send(());
                        }
                    }));
                }
                Arc::new(TopicIndex::new(&source.topic, &source.partitions))
            }
        };
        aggregates.insert(name, Arc::new(Aggregate { fold, index }));
        drop(aggregates);
        self.cache.clear();
        let _ = self.wake.try_send(());
        Ok(())
    }

    /// Takes an aggregate out; says whether there was one.
    pub fn remove_aggregate(&self, name: &str) -> bool {
        let removed = self
            .aggregates
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
        self.cache.clear();
        removed.is_some()
    }

    /// Indexes everything durable now, for all aggregates.
    pub fn caught_up(&self) -> Result<(), StoreError> {
        for aggregate in self.all() {
            aggregate.index.catch_up()?;
        }
        Ok(())
    }

    /// The aggregates there are, by name.
    pub fn aggregates(&self) -> Result<Vec<AggregateInfo>, StoreError> {
        self.all().iter().map(|aggregate| aggregate.info()).collect()
    }

    fn all(&self) -> Vec<Arc<Aggregate>> {
        self.aggregates
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(Arc::clone)
            .collect()
    }

    pub(crate) fn aggregate(&self, name: &str) -> Result<Arc<Aggregate>, StoreError> {
        let aggregates = self.aggregates.read().unwrap_or_else(PoisonError::into_inner);
        aggregates
            .get(name)
            .map(Arc::clone)
            .ok_or_else(|| StoreError::UnknownAggregate {
                name: name.to_owned(),
                known: aggregates.keys().cloned().collect(),
            })
    }
}

/// Brings the indexes up whenever something became durable, until the store is gone.
fn follow(woken: &Receiver<()>, aggregates: &Weak<RwLock<BTreeMap<String, Arc<Aggregate>>>>) {
    while woken.recv().is_ok() {
        let Some(aggregates) = aggregates.upgrade() else {
            return;
        };
        let all: Vec<Arc<Aggregate>> = aggregates
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(Arc::clone)
            .collect();
        for aggregate in all {
            // Whoever asks next meets the same error and is told.
            let _ = aggregate.index.catch_up();
        }
    }
}

/// An aggregate's events, found in the index.
pub(crate) struct Located<'a> {
    pub(crate) aggregate: &'a Aggregate,
    pub(crate) partition: &'a PartitionIndex,
    pub(crate) id: String,
    pub(crate) key: Vec<u8>,
    /// Everything durable.
    pub(crate) head: Cut,
    /// All its events up to the head.
    pub(crate) spots: Vec<Spot>,
    /// Other partitions that also have records with this key.
    pub(crate) also_in: Vec<u32>,
}

impl Aggregate {
    pub(crate) fn name(&self) -> &str {
        &self.fold.id().name
    }

    fn info(&self) -> Result<AggregateInfo, StoreError> {
        let head = self.index.catch_up()?;
        let mut info = AggregateInfo {
            name: self.name().to_owned(),
            topic: self.index.topic.clone(),
            partitions: u32::try_from(self.index.partitions.len()).unwrap_or(u32::MAX),
            fold: FoldUsed::from(self.fold.id()),
            aggregates: 0,
            records: 0,
            keyless_records: 0,
            unreadable_batches: 0,
            head,
        };
        for partition in &self.index.partitions {
            let known = partition.known();
            info.aggregates += known.key_count() as u64;
            info.records += known.record_count();
            info.keyless_records += known.keyless_count();
            info.unreadable_batches += known.unreadable(i64::MAX).len() as u64;
        }
        Ok(info)
    }

    /// Finds an aggregate's events up to the head.
    pub(crate) fn locate(&self, id: &str) -> Result<Located<'_>, StoreError> {
        let head = self.index.catch_up()?;
        let key = key_bytes(id);
        let mut found = self.index.find(&key).into_iter();
        let unknown = || StoreError::UnknownId {
            aggregate: self.name().to_owned(),
            id: id.to_owned(),
            topic: self.index.topic.clone(),
        };
        let partition = found.next().ok_or_else(unknown)?;
        let known = partition.known();
        let last = head.last(partition.number);
        let offsets = known
            .offsets(&key)
            .unwrap_or_default()
            .iter()
            .take_while(|offset| **offset <= last);
        let spots: Vec<Spot> = (0..)
            .zip(offsets)
            .map(|(revision, &offset)| Spot {
                offset,
                revision,
                recorded_ms: known.recorded_ms(offset),
            })
            .collect();
        if spots.is_empty() {
            return Err(unknown());
        }
        let also_in = found.map(|other| other.number).collect();
        Ok(Located {
            aggregate: self,
            partition,
            id: key_text(&key),
            key,
            head,
            spots,
            also_in,
        })
    }

    /// The cut a point means for the whole topic. An offset does only where there is one partition; a revision never.
    pub(crate) fn cut(&self, at: &AsOf, head: &Cut) -> Result<Cut, StoreError> {
        let wrong = |problem: &str| Err(AtError::new(at, problem).into());
        match at {
            AsOf::Head => Ok(head.clone()),
            AsOf::Time(ms) => {
                let lasts = self.index.partitions.iter().map(|partition| {
                    let last = partition.known().last_at(*ms).min(head.last(partition.number));
                    (partition.number, last)
                });
                Ok(lasts.collect())
            }
            AsOf::Cut(cut) => {
                let count = self.index.partitions.len();
                if let Some((beyond, _)) = cut.iter().find(|(partition, _)| *partition as usize >= count) {
                    return wrong(&format!(
                        "topic {} has {count} partitions, and no {beyond}",
                        self.index.topic
                    ));
                }
                Ok(head
                    .iter()
                    .map(|(partition, last)| (partition, last.min(cut.last(partition))))
                    .collect())
            }
            AsOf::Offset(offset) if self.index.partitions.len() == 1 => Ok(head
                .iter()
                .map(|(partition, last)| (partition, last.min(*offset)))
                .collect()),
            AsOf::Offset(_) => wrong("the topic has several partitions, so one offset says too little here"),
            AsOf::Revision(_) => wrong("a revision is of one aggregate, not of all"),
        }
    }
}

impl Located<'_> {
    /// The cut a point means for this aggregate, and how many of its events are within.
    pub(crate) fn cut(&self, at: &AsOf) -> Result<(Cut, usize), StoreError> {
        let number = self.partition.number;
        let cut = match at {
            AsOf::Offset(offset) => Cut::from_iter([(number, (*offset).min(self.head.last(number)))]),
            AsOf::Revision(revision) => {
                let place = usize::try_from(*revision).ok();
                let Some(spot) = place.and_then(|place| self.spots.get(place)) else {
                    return Err(StoreError::NoSuchRevision {
                        aggregate: self.aggregate.name().to_owned(),
                        id: self.id.clone(),
                        revision: *revision,
                        last: self.spots.len().saturating_sub(1) as u64,
                    });
                };
                Cut::from_iter([(number, spot.offset)])
            }
            at => self.aggregate.cut(at, &self.head)?,
        };
        let last = cut.last(number);
        let within = self.spots.partition_point(|spot| spot.offset <= last);
        Ok((cut, within))
    }

    /// The same, for questions that mean nothing before the first event.
    pub(crate) fn begun(&self, at: &AsOf) -> Result<(Cut, usize), StoreError> {
        let (cut, within) = self.cut(at)?;
        if within > 0 {
            return Ok((cut, within));
        }
        let first = self.spots.first().map_or_else(String::new, |spot| {
            let time = canonical::time_text(spot.recorded_ms);
            format!(
                "offset {} of partition {}, recorded {time}",
                spot.offset, self.partition.number
            )
        });
        Err(StoreError::NotYet {
            aggregate: self.aggregate.name().to_owned(),
            id: self.id.clone(),
            at: at.to_string(),
            first,
        })
    }
}
