//! A data directory looked at and mended while nobody serves it: the log's own check, with the names of topics.

use std::collections::HashMap;

use annals_segment_log::{LogError, OfflineLog};

use crate::meta::{META_PARTITION, MetaRecord, records_of};
use crate::topics::TOPICS_DIR;

/// What the partitions of a log directory are to people.
#[derive(Debug, Clone)]
pub struct PartitionNames {
    by_id: HashMap<String, String>,
}

impl PartitionNames {
    /// Reads them from the metadata log, as far as that can be read.
    ///
    /// # Errors
    /// [`LogError::Io`] when its files cannot be opened.
    pub fn read(log: &OfflineLog) -> Result<PartitionNames, LogError> {
        let mut by_id = HashMap::new();
        log.batches(META_PARTITION, |batch| {
            // A record that cannot be understood names no topic.
            for record in records_of(batch).unwrap_or_default() {
                if let MetaRecord::TopicCreated { name, id, .. } = record {
                    by_id.insert(id.simple().to_string(), name);
                }
            }
        })?;
        Ok(PartitionNames { by_id })
    }

    /// `orders/0` for the path of a topic's partition, `meta/0` for the metadata log; `None` when the metadata log
    /// knows no such topic.
    #[must_use]
    pub fn of(&self, path: &str) -> Option<String> {
        if path == META_PARTITION {
            return Some(path.to_owned());
        }
        let (id, number) = path
            .strip_prefix(TOPICS_DIR)?
            .strip_prefix('/')?
            .split_once('/')?;
        Some(format!("{}/{number}", self.by_id.get(id)?))
    }
}
