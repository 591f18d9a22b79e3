//! The set of topics: restored from the metadata log, changed a name at a time, read without a lock.
//!
//! Invariant: a topic is in the set only when its creation is durable, and out of it before its files go. A change
//! is written to the metadata log first, so a crash between the two steps ends as the log says: a created topic's
//! missing directories are made at the next start, a deleted topic's left-overs are removed then.
//!
//! A change claims its topic's name, and keeps it until the log has settled what became of the change, however long
//! that takes: so there are never two topics of one name. No lock is held meanwhile; changes of other names, and
//! producer ids, do not wait for it.
//!
//! A creation that is durable and whose files cannot be made (a full disk) is taken back. When that cannot be written
//! either, it is remembered: who creates the name again takes it back first, and a restart first finds the topic there.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use annals_segment_log::{LogDir, LogError};
use arc_swap::ArcSwap;
use uuid::Uuid;

use crate::meta::{MetaError, MetaLog, MetaRecord};
use crate::producer_ids::ProducerIds;
use crate::topic::Topic;
use crate::topic_name;

mod change;
mod files;
mod replayed;
#[cfg(test)]
mod tests;

pub(crate) use files::TOPICS_DIR;
use files::{open_topic, remove_files};
use replayed::Replayed;

/// Who wants to hear when topics come and go: called with all topics, by name.
pub type TopicsListener = Box<dyn Fn(&[Topic]) + Send + Sync>;

/// Why a topic could not be created or deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// The name breaks Kafka's rules, or collides with another topic's.
    #[error("{0}")]
    InvalidName(String),
    /// The name is one that no topic may have.
    #[error("{0}")]
    Prohibited(String),
    /// There is a topic of this name.
    #[error("Topic '{0}' already exists.")]
    Exists(String),
    /// There is no such topic.
    #[error("There is no topic '{0}'.")]
    Unknown(String),
    /// The topic is held.
    #[error("Topic '{0}' is held: it is not deleted while annals.hold is true.")]
    Held(String),
    /// A setting is unknown or its value is not accepted.
    #[error("{0}")]
    InvalidConfig(String),
    /// Not a number of partitions a topic can have.
    #[error("Number of partitions must be from 1 to {max}, not {asked}.")]
    InvalidPartitions {
        /// What was asked for.
        asked: i32,
        /// The broker's limit.
        max: usize,
    },
    /// A topic can only get more partitions.
    #[error("Topic '{name}' has {now} partitions; {asked} would not be more.")]
    NotMorePartitions {
        /// The topic.
        name: String,
        /// How many it has.
        now: usize,
        /// How many were asked for.
        asked: i32,
    },
    /// The broker holds as many partitions as it may.
    #[error(
        "This broker holds {now} of at most {max} partitions; delete a topic, or raise its limit on partitions."
    )]
    TooManyPartitions {
        /// Partitions now.
        now: usize,
        /// The broker's limit.
        max: usize,
    },
    /// The change could not be written.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The topic's partitions could not be opened or removed.
    #[error("the topic's files cannot be changed: {0}")]
    Log(#[from] LogError),
}

/// A topic to be created, its name and settings already checked by [`Topics::check`] or about to be.
#[derive(Debug, Clone)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) config: BTreeMap<String, String>,
}

/// All topics at one moment.
#[derive(Default, Clone)]
pub(crate) struct TopicMap {
    by_name: BTreeMap<String, Topic>,
    by_id: HashMap<Uuid, Topic>,
}

impl TopicMap {
    pub(crate) fn named(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    pub(crate) fn with_id(&self, id: Uuid) -> Option<&Topic> {
        self.by_id.get(&id)
    }

    /// Names of all topics, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// All topics, by name.
    pub(crate) fn list(&self) -> Vec<Topic> {
        self.by_name.values().cloned().collect()
    }

    fn partition_count(&self) -> usize {
        self.by_name.values().map(|topic| topic.partitions.len()).sum()
    }

    fn insert(&mut self, topic: &Topic) {
        self.by_name.insert(topic.name.clone(), topic.clone());
        self.by_id.insert(topic.id, topic.clone());
    }

    fn remove(&mut self, topic: &Topic) {
        self.by_name.remove(&topic.name);
        self.by_id.remove(&topic.id);
    }
}

/// The names that are being changed, each with the partitions it will add.
type Claims = BTreeMap<String, usize>;

/// The topics of a broker.
pub(crate) struct Topics {
    log: LogDir,
    partitions_max: usize,
    cluster_id: String,
    meta: MetaLog,
    current: ArcSwap<TopicMap>,
    /// Locked for moments only; who swaps `current` and tells the listeners holds it.
    claims: Mutex<Claims>,
    /// A claim ended.
    settled: Condvar,
    /// Creations that were answered as failed and are still in the metadata log: id and partitions, by name.
    failed: Mutex<BTreeMap<String, (Uuid, i32)>>,
    producer_ids: Mutex<ProducerIds>,
    listeners: Mutex<Vec<TopicsListener>>,
}

/// A name that nobody else changes, until this is dropped.
struct Claim<'a> {
    topics: &'a Topics,
    name: String,
}

impl Topics {
    /// Replays the metadata log and opens every topic in it.
    pub(crate) fn open(log: &LogDir, partitions_max: usize, now_ms: i64) -> Result<Topics, TopicError> {
        let (meta, records) = MetaLog::open(log)?;
        let mut replayed = Replayed::default();
        for record in records {
            replayed.apply(record);
        }
        let mut map = TopicMap::default();
        for (id, new) in &replayed.topics {
            map.insert(&open_topic(log, new, *id)?);
        }
        for (id, new) in &replayed.aside {
            tracing::warn!(topic = %new.name, %id, "there are two topics of one name: the earlier one is not served");
        }
        for (id, new) in &replayed.deleted {
            remove_files(log, *id, 0..new.partitions);
        }
        let cluster_id = match replayed.cluster_id {
            Some(id) => id,
            None => {
                let id = Uuid::new_v4().simple().to_string();
                meta.append(&MetaRecord::Cluster { id: id.clone() }, now_ms)?;
                id
            }
        };
        let producer_ids = ProducerIds::after(replayed.producer_ids_next);
        Ok(Topics {
            log: log.clone(),
            partitions_max,
            cluster_id,
            meta,
            current: ArcSwap::from_pointee(map),
            claims: Mutex::default(),
            settled: Condvar::new(),
            failed: Mutex::default(),
            producer_ids: Mutex::new(producer_ids),
            listeners: Mutex::default(),
        })
    }

    /// The topics as they are now.
    pub(crate) fn now(&self) -> Arc<TopicMap> {
        self.current.load_full()
    }

    /// The cluster's id kept in the metadata log.
    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Where the metadata log ends, and its leader epoch.
    pub(crate) fn meta_end(&self) -> (i32, i64) {
        self.meta.end()
    }

    /// Calls `listener` with all topics after every change, one change at a time. It must not change topics.
    pub(crate) fn on_change(&self, listener: TopicsListener) {
        lock(&self.listeners).push(listener);
    }

    /// Whether a topic could be created now: its name, its partitions and the room for them.
    pub(crate) fn check(&self, new: &NewTopic) -> Result<(), TopicError> {
        self.check_beside(&lock(&self.claims), new).map(drop)
    }

    /// Whether so many partitions may be added because somebody asked for a name: half of all are kept for topics that
    /// are created on purpose, so that no client takes them all by asking.
    pub(crate) fn may_add_on_demand(&self, partitions: i32) -> bool {
        let asked = usize::try_from(partitions).unwrap_or(0);
        let now = self.now().partition_count() + lock(&self.claims).values().sum::<usize>();
        now + asked <= self.partitions_max / 2
    }

    /// As [`Topics::check`], beside the changes under way; the number of partitions.
    fn check_beside(&self, claims: &Claims, new: &NewTopic) -> Result<usize, TopicError> {
        topic_name::check(&new.name).map_err(TopicError::InvalidName)?;
        let now = self.now();
        if now.named(&new.name).is_some() {
            return Err(TopicError::Exists(new.name.clone()));
        }
        let mut others = now.by_name.keys().chain(claims.keys());
        if let Some(other) = others.find(|other| topic_name::collide(other, &new.name)) {
            return Err(TopicError::InvalidName(format!(
                "Topic '{}' collides with existing topic: {other}",
                new.name
            )));
        }
        let max = self.partitions_max;
        let asked = usize::try_from(new.partitions).unwrap_or(0);
        if asked == 0 || asked > max {
            return Err(TopicError::InvalidPartitions {
                asked: new.partitions,
                max,
            });
        }
        // Who asks again for what is under way waits for that, and is then told that it is there.
        let others = claims.iter().filter(|(name, _)| **name != new.name);
        let count = now.partition_count() + others.map(|(_, partitions)| partitions).sum::<usize>();
        if count + asked > max {
            return Err(TopicError::TooManyPartitions { now: count, max });
        }
        Ok(asked)
    }

    /// Creates a topic whose settings are already checked. Blocks for a sync.
    pub(crate) fn create(&self, new: &NewTopic, now_ms: i64) -> Result<Topic, TopicError> {
        let claim = self.claim(&new.name, |claims| self.check_beside(claims, new))?;
        self.take_back(&new.name, now_ms)?;
        let id = Uuid::new_v4();
        let record = MetaRecord::TopicCreated {
            name: new.name.clone(),
            id,
            partitions: new.partitions.unsigned_abs(),
            config: new.config.clone(),
        };
        self.meta.append(&record, now_ms)?;
        let topic = match open_topic(&self.log, new, id) {
            Ok(topic) => topic,
            Err(error) => {
                self.give_up(new, id, now_ms);
                return Err(error);
            }
        };
        claim.publish(|map| map.insert(&topic));
        tracing::info!(topic = %topic.name, %id, partitions = topic.partitions.len(), "topic created");
        Ok(topic)
    }

    /// Without its files a topic must not come back at the next start either.
    fn give_up(&self, new: &NewTopic, id: Uuid, now_ms: i64) {
        lock(&self.failed).insert(new.name.clone(), (id, new.partitions));
        if let Err(error) = self.take_back(&new.name, now_ms) {
            tracing::error!(
                topic = %new.name, %error,
                "a topic that could not be created is there at the next start, unless it is created before"
            );
        }
    }

    /// Takes back an earlier creation of this name, if one failed and could not be taken back then.
    fn take_back(&self, name: &str, now_ms: i64) -> Result<(), TopicError> {
        let failed = lock(&self.failed).get(name).copied();
        if let Some((id, partitions)) = failed {
            self.meta.append(&MetaRecord::TopicDeleted { id }, now_ms)?;
            lock(&self.failed).remove(name);
            remove_files(&self.log, id, 0..partitions);
        }
        Ok(())
    }

    /// Deletes a topic and its records: the one that has this name when its turn comes, or, if it is meant by its id,
    /// that one alone. `forget` is called before another can take its name. Blocks for a sync.
    pub(crate) fn delete(
        &self,
        name: &str,
        id: Option<Uuid>,
        now_ms: i64,
        forget: impl FnOnce(),
    ) -> Result<Topic, TopicError> {
        let claim = self.claim(name, |_| self.meant(name, id).map(|_| 0))?;
        let topic = self.meant(name, id)?;
        if topic.settings.is_held {
            return Err(TopicError::Held(topic.name.clone()));
        }
        let deleted = MetaRecord::TopicDeleted { id: topic.id };
        self.meta.append(&deleted, now_ms).or_else(|_| {
            // What is to make room on a full disk takes some.
            self.log.give_way();
            self.meta.append(&deleted, now_ms)
        })?;
        claim.publish(|map| map.remove(&topic));
        topic.mark_deleted();
        forget();
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        remove_files(&self.log, topic.id, 0..partitions);
        tracing::info!(topic = %topic.name, id = %topic.id, "topic deleted");
        Ok(topic)
    }

    /// A producer id nobody was given before. Blocks for a sync once in a thousand.
    pub(crate) fn take_producer_id(&self, now_ms: i64) -> Result<i64, MetaError> {
        lock(&self.producer_ids).take(&self.meta, now_ms)
    }

    /// Waits until nobody changes the topic of this name, and claims it if `check` agrees, which says how many
    /// partitions will be added.
    fn claim(
        &self,
        name: &str,
        check: impl Fn(&Claims) -> Result<usize, TopicError>,
    ) -> Result<Claim<'_>, TopicError> {
        let claims = lock(&self.claims);
        let settled = self
            .settled
            .wait_while(claims, |claims| claims.contains_key(name));
        let mut claims = settled.unwrap_or_else(PoisonError::into_inner);
        let partitions = check(&claims)?;
        claims.insert(name.to_owned(), partitions);
        Ok(Claim {
            topics: self,
            name: name.to_owned(),
        })
    }
}

impl Claim<'_> {
    /// Swaps the set and tells the listeners, in the order of the changes. The partitions count as the topic's, no
    /// longer as the claim's. The name stays claimed until this is dropped, which alone ends a claim: another's would
    /// be taken for this one.
    fn publish(&self, change: impl FnOnce(&mut TopicMap)) {
        let mut claims = lock(&self.topics.claims);
        let mut map = TopicMap::clone(&self.topics.now());
        change(&mut map);
        let list = map.list();
        self.topics.current.store(Arc::new(map));
        claims.insert(self.name.clone(), 0);
        for listener in lock(&self.topics.listeners).iter() {
            listener(&list);
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        lock(&self.topics.claims).remove(&self.name);
        self.topics.settled.notify_all();
    }
}

/// Locks; a holder that panicked left nothing half done, as every change is written before it is shown.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
