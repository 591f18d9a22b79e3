//! The topics the broker keeps for itself: `__consumer_offsets` and `__transaction_state`, in Kafka's record formats.
//!
//! Each is a topic like any other, of one partition: everything a moment brings is synced at once. Clients read them and
//! do not write to them, nor delete them. A record's value of null forgets what its key names.
//!
//! Invariant: what is read back at start is what was durable, oldest first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use annals_kafka_wire::batch::{Batch, BatchBuilder, BatchError, DECOMPRESSED_BYTES_MAX, Record, batches};
use annals_kafka_wire::error::{ErrorCode, WireError};
use annals_segment_log::{AppendError, ReadError};
use bytes::Bytes;

use crate::broker::Shared;
use crate::topic::Topic;
use crate::topics::{NewTopic, TopicError};
use crate::transaction::Producer;

/// Where groups and their offsets are kept.
pub(crate) const OFFSETS: &str = "__consumer_offsets";

/// Where transactions are kept.
pub(crate) const TRANSACTIONS: &str = "__transaction_state";

/// What a cluster's own log is called: no topic is, as clients ask a quorum of it.
pub(crate) const METADATA: &str = "__cluster_metadata";

/// Bytes read at a time at start.
const READ_BYTES: usize = 1024 * 1024;

/// The longest wait for a sync.
const SYNC_WAIT: Duration = Duration::from_secs(30);

/// Whether the topic is one of them.
pub(crate) fn is_internal(name: &str) -> bool {
    name == OFFSETS || name == TRANSACTIONS
}

/// Their settings, which are Kafka's: the last record of each key is what counts.
const SETTINGS: [(&str, &str); 2] = [("cleanup.policy", "compact"), ("segment.bytes", "104857600")];

/// A topic's settings with those it must have: the broker's own topics were made without them once.
pub(crate) fn with_settings(name: &str, mut config: BTreeMap<String, String>) -> BTreeMap<String, String> {
    if is_internal(name) {
        for (setting, value) in SETTINGS {
            config
                .entry(setting.to_owned())
                .or_insert_with(|| value.to_owned());
        }
    }
    config
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("there is no topic {0} yet: ask for the coordinator first")]
    NoTopic(&'static str),
    #[error("it is too large for one batch")]
    TooLarge,
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl WriteError {
    /// What a client is told.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            WriteError::NoTopic(_) => ErrorCode::CoordinatorNotAvailable,
            WriteError::TooLarge => ErrorCode::InvalidCommitOffsetSize,
            WriteError::Append(AppendError::TooLarge { .. }) => ErrorCode::InvalidCommitOffsetSize,
            // Clients look for the coordinator again and come back; a storage error would be final to them.
            WriteError::Append(_) | WriteError::Wire(_) => ErrorCode::NotCoordinator,
        }
    }
}

/// Why a topic could not be read at start.
#[derive(Debug, thiserror::Error)]
pub enum InternalTopicError {
    /// The log could not be read.
    #[error("{topic} cannot be read: {cause}")]
    Read {
        /// The topic.
        topic: String,
        /// The cause.
        cause: ReadError,
    },
    /// A batch in it is damaged.
    #[error("{topic} is damaged: {cause}")]
    Damaged {
        /// The topic.
        topic: String,
        /// The cause.
        cause: BatchError,
    },
}

/// Something written, and not durable yet.
pub(crate) struct Written {
    topic: Topic,
    base_offset: i64,
    last_offset: i64,
}

impl Written {
    /// Where its first record stands.
    pub(crate) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    /// Waits until it is.
    pub(crate) async fn durable(&self, shared: &Shared) -> Result<(), ErrorCode> {
        let deadline = Instant::now() + SYNC_WAIT;
        match self
            .topic
            .durable(&shared.log, 0, self.last_offset, deadline)
            .await
        {
            ErrorCode::None => Ok(()),
            ErrorCode::KafkaStorageError => Err(ErrorCode::NotCoordinator),
            _ => Err(ErrorCode::CoordinatorNotAvailable),
        }
    }
}

/// Makes the topic if it is not there. Blocks for a sync.
pub(crate) fn make(shared: &Shared, name: &'static str) -> Result<(), TopicError> {
    if exists(shared, name) {
        return Ok(());
    }
    let new = NewTopic {
        name: name.to_owned(),
        partitions: 1,
        config: BTreeMap::new(),
    };
    match shared.topics.create(&new, shared.now_ms()) {
        // Somebody else was first.
        Ok(_) | Err(TopicError::Exists(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether it is there.
pub(crate) fn exists(shared: &Shared, name: &'static str) -> bool {
    shared.topics.now().named(name).is_some()
}

/// Everything written to the topic so far; `None` when there is no such topic.
pub(crate) fn so_far(shared: &Shared, name: &'static str) -> Option<Written> {
    let topic = shared.topics.now().named(name).cloned()?;
    let base_offset = topic.partition(0)?.log_end_offset();
    Some(Written {
        topic,
        base_offset,
        last_offset: base_offset - 1,
    })
}

/// Writes records as one batch: of the broker's own, or of a producer's transaction.
pub(crate) fn write(
    shared: &Shared,
    name: &'static str,
    transaction_of: Option<Producer>,
    records: impl IntoIterator<Item = (Bytes, Option<Bytes>)>,
) -> Result<Written, WriteError> {
    let topic = shared.topics.now().named(name).cloned();
    let topic = topic.ok_or(WriteError::NoTopic(name))?;
    let partition = topic.partition(0).ok_or(WriteError::NoTopic(name))?;
    let now_ms = shared.now_ms();
    let mut builder = BatchBuilder::new();
    if let Some(Producer { id, epoch }) = transaction_of {
        builder = builder.producer(id, epoch, -1).transactional();
    }
    for (key, value) in records {
        if !builder.push(now_ms, Some(&key), value.as_deref(), &[]) {
            return Err(WriteError::TooLarge);
        }
    }
    if builder.is_empty() {
        let (base_offset, last_offset) = (partition.log_end_offset(), -1);
        return Ok(Written {
            topic,
            base_offset,
            last_offset,
        });
    }
    let (batch, _) = Batch::parse(&builder.build(), 0).map_err(AppendError::from)?;
    let appended = partition.append(&batch, now_ms)?;
    Ok(Written {
        base_offset: appended.base_offset,
        last_offset: appended.last_offset,
        topic,
    })
}

/// Hands over every batch of a topic, oldest first.
pub(crate) fn replay(topic: &Topic, mut take: impl FnMut(&Batch)) -> Result<(), InternalTopicError> {
    let read = |cause| InternalTopicError::Read {
        topic: topic.name.clone(),
        cause,
    };
    let damaged = |cause| InternalTopicError::Damaged {
        topic: topic.name.clone(),
        cause,
    };
    let Some(partition) = topic.partition(0) else {
        return Ok(());
    };
    let mut offset = partition.log_start_offset();
    while offset < partition.high_watermark() {
        let bytes = match partition.read(offset, READ_BYTES) {
            Ok(bytes) => bytes,
            // The log has said what; what stands around it counts.
            Err(ReadError::Damaged(damage)) => {
                offset = damage.end_offset.max(offset + 1);
                continue;
            }
            Err(error) => return Err(read(error)),
        };
        for batch in batches(&bytes) {
            let batch = batch.map_err(damaged)?;
            batch.verify_crc().map_err(damaged)?;
            take(&batch);
            offset = batch.last_offset() + 1;
        }
    }
    Ok(())
}

/// The records of a batch of [`replay`]. One that cannot be understood is passed over with a warning: Kafka has kinds of
/// records that this broker has no use for.
pub(crate) fn each_record(
    topic: &str,
    batch: &Batch,
    mut take: impl FnMut(&Record) -> Result<(), WireError>,
) {
    let passed_over = |offset: i64, error: &dyn std::fmt::Display| {
        tracing::warn!(topic, offset, %error, "a record was passed over");
    };
    let records = match batch.records(DECOMPRESSED_BYTES_MAX) {
        Ok(records) => records,
        Err(error) => return passed_over(batch.base_offset(), &error),
    };
    for record in records {
        match record {
            Ok(record) => {
                if let Err(error) = take(&record) {
                    passed_over(record.offset, &error);
                }
            }
            Err(error) => return passed_over(batch.base_offset(), &error),
        }
    }
}
