//! A data directory looked at and mended while nobody serves it: the log's own check, with the names of topics.

use std::collections::{BTreeMap, HashMap};

use annals_segment_log::{LogError, OfflineLog};

use crate::meta::{META_PARTITION, MetaRecord, records_of};
use crate::topics::TOPICS_DIR;

/// What the partitions of a log directory are to people.
#[derive(Debug, Clone)]
pub struct PartitionNames {
    by_id: HashMap<String, String>,
}

/// A topic's folder of which the metadata log says nothing any more: its name is lost, its records are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameless {
    /// The folder below the log directory, a partition a folder in it.
    pub folder: String,
    /// How many partitions are there.
    pub partitions: usize,
    /// How many records are in them.
    pub records: u64,
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

    /// The folders of topics that have no name, by folder: a repair of the metadata log may have lost it.
    ///
    /// # Errors
    /// [`LogError::Io`] when their files cannot be read.
    pub fn nameless(&self, log: &OfflineLog) -> Result<Vec<Nameless>, LogError> {
        let mut folders = BTreeMap::new();
        for path in log.partitions()? {
            let Some((folder, _)) = path.rsplit_once('/') else {
                continue;
            };
            if !folder.starts_with(TOPICS_DIR) || self.of(&path).is_some() {
                continue;
            }
            let records = log.check(&path)?.records;
            let found = folders.entry(folder.to_owned()).or_insert((0, 0));
            *found = (found.0 + 1, found.1 + records);
        }
        let nameless = folders
            .into_iter()
            .map(|(folder, (partitions, records))| Nameless {
                folder,
                partitions,
                records,
            });
        Ok(nameless.collect())
    }
}
