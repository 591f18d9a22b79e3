//! A topic as everyone sees it: name, id, partitions, settings.
//!
//! A handle is a counted pointer, so cloning is free and a deleted topic lives until its last reader lets go. What it
//! says never changes: a topic with other settings or more partitions has another handle, with the same partitions.
//! Whoever holds any of them learns when the topic is deleted.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use annals_kafka_wire::error::ErrorCode;
use annals_segment_log::{LogDir, Partition};
use tokio::sync::watch;
use uuid::Uuid;

use crate::figures::TopicCounts;
use crate::topic_config::TopicSettings;

/// A cheap handle of one topic; its fields are those of [`TopicState`].
#[derive(Clone)]
pub struct Topic(Arc<TopicState>);

/// What a [`Topic`] points at.
pub struct TopicState {
    /// The topic's name.
    pub name: String,
    /// The id that names its directory and tells it from an earlier topic of the same name.
    pub id: Uuid,
    /// Its partitions; a partition's number is its index.
    pub partitions: Vec<Arc<Partition>>,
    /// Its settings, defaults left out.
    pub config: BTreeMap<String, String>,
    pub(crate) settings: TopicSettings,
    /// One a partition: changes whenever its durable end moved or its log failed.
    changes: Vec<watch::Sender<()>>,
    deleted: Arc<AtomicBool>,
    /// What is counted of it, however it changes.
    pub(crate) counts: Arc<TopicCounts>,
}

impl Topic {
    /// A topic over open partitions. The broker makes its own; this is for those who test a guard.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        id: Uuid,
        partitions: Vec<Arc<Partition>>,
        config: BTreeMap<String, String>,
    ) -> Topic {
        let changes = partitions.iter().map(changes_of).collect();
        Topic(Arc::new(TopicState {
            name: name.into(),
            id,
            partitions,
            settings: TopicSettings::read(&config),
            config,
            changes,
            deleted: Arc::default(),
            counts: Arc::default(),
        }))
    }

    /// The topic with these settings. Its partitions are still kept as before.
    pub(crate) fn with_config(&self, config: BTreeMap<String, String>) -> Topic {
        Topic(Arc::new(TopicState {
            name: self.name.clone(),
            id: self.id,
            partitions: self.partitions.clone(),
            settings: TopicSettings::read(&config),
            config,
            changes: self.changes.clone(),
            deleted: Arc::clone(&self.deleted),
            counts: Arc::clone(&self.counts),
        }))
    }

    /// The topic with these partitions behind those it has.
    pub(crate) fn with_more(&self, more: Vec<Arc<Partition>>) -> Topic {
        let changes = self.changes.iter().cloned().chain(more.iter().map(changes_of));
        Topic(Arc::new(TopicState {
            name: self.name.clone(),
            id: self.id,
            changes: changes.collect(),
            partitions: self.partitions.iter().cloned().chain(more).collect(),
            settings: self.settings.clone(),
            config: self.config.clone(),
            deleted: Arc::clone(&self.deleted),
            counts: Arc::clone(&self.counts),
        }))
    }

    /// The partition of this number, if there is one.
    pub(crate) fn partition(&self, number: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(number).ok()?)
    }

    /// Changes whenever this partition's durable end moved, its log failed or the topic was deleted; `None`
    /// when there is no such partition. What happened is then read from the partition itself.
    pub(crate) fn watch(&self, number: i32) -> Option<watch::Receiver<()>> {
        Some(self.changes.get(usize::try_from(number).ok()?)?.subscribe())
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Tells everyone who waits for this topic that it is gone.
    pub(crate) fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
        for change in &self.changes {
            change.send_replace(());
        }
    }

    /// Waits until the record at `offset` is durable; [`ErrorCode::None`] when it is.
    pub(crate) async fn durable(
        &self,
        log: &LogDir,
        number: i32,
        offset: i64,
        deadline: Instant,
    ) -> ErrorCode {
        let (Some(partition), Some(mut changes)) = (self.partition(number), self.watch(number)) else {
            return ErrorCode::UnknownTopicOrPartition;
        };
        // Subscribed before the first look, so a sync between look and wait is not missed.
        loop {
            if partition.high_watermark() > offset {
                return ErrorCode::None;
            }
            if log.failed().is_some() {
                return ErrorCode::KafkaStorageError;
            }
            if self.is_deleted() {
                return ErrorCode::UnknownTopicOrPartition;
            }
            match tokio::time::timeout_at(deadline.into(), changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return ErrorCode::UnknownTopicOrPartition,
                Err(_) => return ErrorCode::RequestTimedOut,
            }
        }
    }
}

/// Changes whenever the partition's durable end moves, or its log fails.
fn changes_of(partition: &Arc<Partition>) -> watch::Sender<()> {
    let changes = watch::channel(()).0;
    let sender = changes.clone();
    partition.on_durable(Box::new(move |_| sender.send_replace(())));
    changes
}

impl Deref for Topic {
    type Target = TopicState;

    fn deref(&self) -> &TopicState {
        &self.0
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic")
            .field("name", &self.name)
            .field("id", &self.id)
            .field("partitions", &self.partitions.len())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
