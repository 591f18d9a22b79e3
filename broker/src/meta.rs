//! The metadata log: what topics there are, which producer ids were handed out, the cluster's id.
//!
//! It is a partition like any other (`meta/0`), its records JSON, one change a record, oldest first. A change
//! counts once its record is durable; the state in memory is what replaying the log gives. A record of a kind
//! this version does not know stops the start: it was written by a newer one. Left out: compaction, as the log
//! grows by a line per change of a topic and per thousand producer ids.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals_kafka_wire::batch::{Batch, BatchBuilder, BatchError, batches};
use annals_segment_log::{AppendError, Damage, LogDir, LogError, Partition, PartitionConfig, ReadError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where the metadata log is kept in the data directory.
pub(crate) const META_PARTITION: &str = "meta/0";

/// Bytes read at a time when replaying.
const READ_BYTES_MAX: usize = 1024 * 1024;

/// Most bytes one metadata batch may decompress to; the broker writes them uncompressed.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How often a change that is not durable yet is worth a line in the log.
const SYNC_PATIENCE: Duration = Duration::from_secs(30);

/// One change of the metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum MetaRecord {
    /// The cluster's id, drawn when the directory was made.
    Cluster {
        /// As clients see it.
        id: String,
    },
    /// A topic came to be.
    TopicCreated {
        /// Its name.
        name: String,
        /// Its id.
        id: Uuid,
        /// How many partitions it has.
        partitions: u32,
        /// Its settings, defaults left out.
        config: BTreeMap<String, String>,
    },
    /// A topic's settings changed.
    TopicConfig {
        /// Its id.
        id: Uuid,
        /// All its settings from here on, defaults left out.
        config: BTreeMap<String, String>,
    },
    /// A topic got more partitions.
    TopicPartitions {
        /// Its id.
        id: Uuid,
        /// How many it has from here on.
        partitions: u32,
    },
    /// A topic is gone.
    TopicDeleted {
        /// Its id.
        id: Uuid,
    },
    /// Producer ids below `next` may have been handed out.
    ProducerIds {
        /// The first id of the next block.
        next: i64,
    },
}

/// Why the metadata log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// The partition could not be opened.
    #[error("the metadata log {META_PARTITION} cannot be opened: {0}")]
    Open(#[from] LogError),
    /// The partition could not be read.
    #[error("the metadata log {META_PARTITION} cannot be read: {0}")]
    Read(#[from] ReadError),
    /// Part of it is lost.
    #[error(
        "{0}. This is the log of which topics there are, so no topic can be served without it: restore {META_PARTITION} \
         from a backup, or run `annals log repair`, which says which topics have lost their names"
    )]
    Lost(Damage),
    /// A batch in it is damaged.
    #[error("the metadata log {META_PARTITION} is damaged: {0}; restore it from a backup")]
    Damaged(#[from] BatchError),
    /// A record is not one of ours.
    #[error(
        "the record at offset {offset} of {META_PARTITION} cannot be understood ({cause}); \
         a newer version may have written it: start that version"
    )]
    Record {
        /// The record's offset.
        offset: i64,
        /// What the JSON reader said.
        cause: serde_json::Error,
    },
    /// A change could not be written or synced.
    #[error("the metadata log {META_PARTITION} cannot be written: {0}")]
    Append(#[from] AppendError),
    /// A change is too long for a record.
    #[error("a metadata record of {bytes} bytes is too long for a batch")]
    TooLong {
        /// Its size as JSON.
        bytes: usize,
    },
    /// A change could not be put in JSON.
    #[error("a metadata record cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The metadata log, open for changes.
pub(crate) struct MetaLog {
    partition: Arc<Partition>,
}

impl MetaLog {
    /// Opens the log and reads every change in it, oldest first.
    pub(crate) fn open(log: &LogDir) -> Result<(MetaLog, Vec<MetaRecord>), MetaError> {
        let partition = log.partition(META_PARTITION, PartitionConfig::default())?;
        if let Some(damage) = partition.damage().into_iter().next() {
            return Err(MetaError::Lost(damage));
        }
        let meta = MetaLog { partition };
        let records = meta.replay()?;
        Ok((meta, records))
    }

    /// Writes one change and returns when it is durable, or never will be. Blocks, however long the disk takes: a
    /// change that was written may become durable at any time, so nobody may take it for failed before the log has.
    pub(crate) fn append(&self, record: &MetaRecord, now_ms: i64) -> Result<(), MetaError> {
        let value = serde_json::to_vec(record)?;
        let mut builder = BatchBuilder::new();
        if !builder.push(now_ms, None, Some(&value), &[]) {
            return Err(MetaError::TooLong { bytes: value.len() });
        }
        let (batch, _) = Batch::parse(&builder.build(), 0)?;
        let appended = self.partition.append(&batch, now_ms)?;
        loop {
            match self.partition.wait_durable(appended.last_offset, SYNC_PATIENCE) {
                Err(AppendError::TimedOut { offset }) => {
                    tracing::warn!(offset, "a change of the metadata is still not on disk");
                }
                settled => return Ok(settled?),
            }
        }
    }

    /// Its leader epoch, and where what is durable ends.
    pub(crate) fn end(&self) -> (i32, i64) {
        (self.partition.leader_epoch(), self.partition.high_watermark())
    }

    fn replay(&self) -> Result<Vec<MetaRecord>, MetaError> {
        let mut records = Vec::new();
        let mut offset = self.partition.log_start_offset();
        while offset < self.partition.high_watermark() {
            let bytes = self.partition.read(offset, READ_BYTES_MAX)?;
            for batch in batches(&bytes) {
                let batch = batch?;
                batch.verify_crc()?;
                records.extend(records_of(&batch)?);
                offset = batch.last_offset() + 1;
            }
        }
        Ok(records)
    }
}

/// The changes in one batch.
pub(crate) fn records_of(batch: &Batch) -> Result<Vec<MetaRecord>, MetaError> {
    let records = batch.records(BATCH_BYTES_MAX)?.map(|record| {
        let record = record?;
        let value = record.value.as_deref().unwrap_or_default();
        serde_json::from_slice(value).map_err(|cause| MetaError::Record {
            offset: record.offset,
            cause,
        })
    });
    records.collect()
}
