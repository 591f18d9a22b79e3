//! The broker's face to the program around it: open, serve, topics, close.
//!
//! A [`Broker`] is a handle; clones share one state. Invariant: everything a handler needs is in `Shared`, built once
//! at open. What blocks on a sync says so.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use annals_segment_log::{LogConfig, LogDir, LogError};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use uuid::Uuid;

use crate::budget::Budget;
use crate::config::BrokerConfig;
use crate::dead_letter;
use crate::fetch_sessions::FetchSessions;
use crate::figures::Counts;
use crate::groups::{self, Groups};
use crate::guard::Guard;
use crate::internal::{self, InternalTopicError};
use crate::log_state::LogState;
use crate::net::{self, Advertised};
use crate::pace::HalfReads;
use crate::refusals::{Refusals, Refused};
use crate::topic::Topic;
use crate::topic_config;
use crate::topics::{NewTopic, TopicError, Topics, TopicsListener};
use crate::transactions::Transactions;

/// Why a broker could not be opened, served or closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The data directory could not be opened or closed.
    #[error("the data directory: {0}")]
    Log(#[from] LogError),
    /// The topics could not be restored.
    #[error("the topics could not be restored: {0}")]
    Topics(#[from] TopicError),
    /// The groups or transactions could not be restored.
    #[error("groups and transactions could not be restored: {0}")]
    Internal(#[from] InternalTopicError),
    /// The listener failed.
    #[error("the Kafka listener failed: {0}")]
    Io(#[from] io::Error),
}

/// A small honest Kafka broker over one data directory.
///
/// ```no_run
/// # async fn example() -> Result<(), annals_broker::BrokerError> {
/// use std::sync::Arc;
/// use annals_broker::{Advertised, Broker, BrokerConfig, OpenGate};
///
/// let broker = Broker::open("data".as_ref(), BrokerConfig::default(), Arc::new(OpenGate))?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:9092").await?;
/// let stop = async { tokio::signal::ctrl_c().await.unwrap_or(()) };
/// broker.serve(listener, Advertised::default(), stop).await?;
/// broker.close()
/// # }
/// ```
#[derive(Clone)]
pub struct Broker {
    pub(crate) shared: Arc<Shared>,
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: BrokerConfig,
    pub(crate) guard: Arc<dyn Guard>,
    pub(crate) log: LogDir,
    /// Where it is, from the root.
    pub(crate) data_dir: PathBuf,
    pub(crate) topics: Topics,
    pub(crate) groups: Groups,
    pub(crate) transactions: Transactions,
    pub(crate) refusals: Refusals,
    pub(crate) dead_letters: dead_letter::Remembered,
    /// Whether somebody looks after what groups and transactions have due.
    pub(crate) is_awake: AtomicBool,
    /// What is counted of all connections.
    pub(crate) counts: Counts,
    /// Connections that may still be accepted, over all listeners.
    pub(crate) connections: Arc<Semaphore>,
    /// Bytes of requests, read or being read, and not yet answered.
    pub(crate) request_bytes: Budget,
    /// Those of them that frames hold of which not all is here yet.
    pub(crate) half_read: HalfReads,
    /// Bytes of answers not yet written.
    pub(crate) answer_bytes: Budget,
    /// What consumers read, of those that say it once.
    pub(crate) fetch_sessions: FetchSessions,
    /// Bytes of requests that wait for records.
    pub(crate) poll_bytes: Budget,
    /// Bytes that requests take beyond their frames.
    pub(crate) surplus_bytes: Budget,
    /// Blocking reads of the log that may be under way at once. Who waits is served in order, and a connection waits
    /// for one request at a time: so all connections get their turn, whatever each asks for.
    lookups: Arc<Semaphore>,
    /// Appends that may be opened at once, where that takes much more memory than their bytes; shared as `lookups` are.
    pub(crate) openings: Semaphore,
    /// Requests that may change topics at once.
    pub(crate) topic_turns: Arc<Semaphore>,
    /// Requests that may take a producer id at once.
    pub(crate) id_turns: Arc<Semaphore>,
}

/// Requests that change topics at once: more than one, so that a long one does not hold up a short one.
const TOPIC_CHANGES: usize = 4;

/// Blocking reads of the log at once, a core: enough to keep the disk busy while others compute, few enough that the
/// threads that serve connections keep their share of the cores.
const LOOKUPS_PER_CORE: usize = 2;

impl Broker {
    /// Opens a data directory and restores its topics. Blocks while logs are recovered.
    ///
    /// # Errors
    /// [`BrokerError::Log`] when the directory is in use, of a newer format or on a full disk, [`BrokerError::Topics`]
    /// when the metadata log is damaged or a topic's partition cannot be opened. A damaged partition of a topic is
    /// opened to be read ([`Broker::log_state`]).
    pub fn open(data_dir: &Path, config: BrokerConfig, guard: Arc<dyn Guard>) -> Result<Broker, BrokerError> {
        let now_ms = (config.clock)();
        let log = LogDir::open(data_dir, LogConfig::default(), now_ms)?;
        let topics = Topics::open(&log, config.partitions_max, now_ms)?;
        let groups = Groups::open(topics.now().named(internal::OFFSETS))?;
        let transactions = Transactions::open(&topics.now(), now_ms)?;
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let shared = Shared {
            counts: Counts::new(),
            connections: Arc::new(Semaphore::new(config.connections_max)),
            request_bytes: Budget::new(config.requests_in_flight_bytes_max),
            half_read: HalfReads::default(),
            answer_bytes: Budget::new(config.answers_in_flight_bytes_max),
            fetch_sessions: FetchSessions::new(&config),
            poll_bytes: Budget::new(config.polls_bytes_max),
            surplus_bytes: Budget::new(config.requests_in_flight_bytes_max),
            lookups: Arc::new(Semaphore::new(LOOKUPS_PER_CORE * cores)),
            openings: Semaphore::new(cores),
            topic_turns: Arc::new(Semaphore::new(TOPIC_CHANGES)),
            id_turns: Arc::new(Semaphore::new(1)),
            config,
            guard,
            data_dir: std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned()),
            log,
            topics,
            is_awake: AtomicBool::new(false),
            groups,
            transactions,
            refusals: Refusals::default(),
            dead_letters: dead_letter::Remembered::default(),
        };
        groups::forget_topics_gone(&shared);
        Ok(Broker {
            shared: Arc::new(shared),
        })
    }

    /// Serves the Kafka clients of a listener until `shutdown` is done, answers what is in flight and returns. Several
    /// listeners may be served at once, each telling its clients its own address. The data stays open:
    /// [`Broker::close`] closes it.
    ///
    /// # Errors
    /// [`BrokerError::Io`] when the listener has no address.
    pub async fn serve(
        &self,
        listener: TcpListener,
        advertised: Advertised,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), BrokerError> {
        Ok(net::serve(Arc::clone(&self.shared), listener, advertised, shutdown).await?)
    }

    /// The cluster's id as clients see it.
    #[must_use]
    pub fn cluster_id(&self) -> &str {
        self.shared.cluster_id()
    }

    /// Whether the log takes writes, and what of it is damaged.
    #[must_use]
    pub fn log_state(&self) -> LogState {
        self.shared.log_state()
    }

    /// What a topic refused last, the newest first: a few.
    #[must_use]
    pub fn last_refused(&self, topic: &str) -> Vec<Refused> {
        self.shared.refusals.latest(topic)
    }

    /// All topics, by name.
    #[must_use]
    pub fn topics(&self) -> Vec<Topic> {
        self.shared.topics.now().list()
    }

    /// The topic of this name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<Topic> {
        self.shared.topics.now().named(name).cloned()
    }

    /// Creates a topic, as CreateTopics would. Blocks for a sync: not for use on an async thread.
    ///
    /// # Errors
    /// See [`TopicError`].
    pub fn create_topic(
        &self,
        name: &str,
        partitions: i32,
        config: BTreeMap<String, String>,
    ) -> Result<Topic, TopicError> {
        self.shared.create_topic(&NewTopic {
            name: name.to_owned(),
            partitions,
            config,
        })
    }

    /// Deletes a topic and its records. Blocks for a sync.
    ///
    /// # Errors
    /// See [`TopicError`].
    pub fn delete_topic(&self, name: &str) -> Result<(), TopicError> {
        self.shared.delete_topic(name, None).map(drop)
    }

    /// Calls `listener` with all topics after every creation and deletion, one at a time. It must be quick and must
    /// not create or delete topics itself.
    pub fn on_topics_changed(&self, listener: TopicsListener) {
        self.shared.topics.on_change(listener);
    }

    /// Tidies up the log now, as at this time in milliseconds since 1970; a thread does so every few seconds. Blocks: not
    /// for use on an async thread.
    pub fn maintain(&self, now_ms: i64) {
        self.shared.log.maintain(now_ms);
    }

    /// Syncs everything and marks the directory as cleanly closed. No more records are taken afterwards.
    ///
    /// # Errors
    /// [`BrokerError::Log`] when something could not be synced.
    pub fn close(&self) -> Result<(), BrokerError> {
        Ok(self.shared.log.clone().close()?)
    }
}

impl Shared {
    /// The time, for timestamps and their limits.
    pub(crate) fn now_ms(&self) -> i64 {
        (self.config.clock)()
    }

    /// Runs a piece of a request that reads the log and may block, off the threads that serve connections and when
    /// its turn comes. A request that takes long asks for one piece after the other: so it shares with others, and
    /// ends when nobody waits for it any more.
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        piece: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let turn = Arc::clone(&self.lookups).acquire_owned().await.ok();
        tokio::task::spawn_blocking(move || {
            // Kept to the end, also when nobody waits for it.
            let _turn = turn;
            piece()
        })
        .await
    }

    /// The cluster's id as clients see it.
    pub(crate) fn cluster_id(&self) -> &str {
        self.config
            .cluster_id
            .as_deref()
            .unwrap_or_else(|| self.topics.cluster_id())
    }

    /// Checks settings and creates a topic. Blocks for a sync.
    pub(crate) fn create_topic(&self, new: &NewTopic) -> Result<Topic, TopicError> {
        self.check_topic(new)?;
        self.topics.create(new, self.now_ms())
    }

    /// Gives a topic other settings, or only checks whether it could have them. Blocks for a sync.
    pub(crate) fn alter_topic(
        &self,
        name: &str,
        validate_only: bool,
        change: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, TopicError>,
    ) -> Result<(), TopicError> {
        let checked = |config: &BTreeMap<String, String>| {
            let altered = change(config)?;
            self.check_config(name, &altered)?;
            Ok(altered)
        };
        if !validate_only {
            return self.topics.alter(name, self.now_ms(), checked);
        }
        match self.topics.now().named(name) {
            Some(topic) => checked(&topic.config).map(drop),
            None => Err(TopicError::Unknown(topic_config::clipped(name))),
        }
    }

    /// Deletes a topic, and what groups have read of it. Blocks for a sync.
    pub(crate) fn delete_topic(&self, name: &str, id: Option<Uuid>) -> Result<Topic, TopicError> {
        let forget = || groups::forget_topics_gone(self);
        let deleted = self.topics.delete(name, id, self.now_ms(), forget)?;
        self.refusals.forget(name);
        Ok(deleted)
    }

    /// Everything that could keep a topic from being created, but the disk.
    pub(crate) fn check_topic(&self, new: &NewTopic) -> Result<(), TopicError> {
        if new.name == internal::METADATA {
            let reason = format!("Creation of topic '{}' is prohibited", new.name);
            return Err(TopicError::Prohibited(reason));
        }
        if internal::is_internal(&new.name) && self.topics.now().named(&new.name).is_some() {
            return Err(TopicError::Exists(new.name.clone()));
        }
        if internal::is_internal(&new.name) {
            let reason = format!(
                "Topic '{}' is the broker's own: it is made when it is needed",
                new.name
            );
            return Err(TopicError::InvalidName(reason));
        }
        self.topics.check(new)?;
        self.check_config(&new.name, &new.config)
    }

    /// Whether a topic of this name may have these settings.
    fn check_config(&self, name: &str, config: &BTreeMap<String, String>) -> Result<(), TopicError> {
        topic_config::check(config, self.guard.as_ref())
            .and_then(|()| dead_letter::check(self, name, config))
            .map_err(TopicError::InvalidConfig)
    }
}
