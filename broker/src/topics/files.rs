//! Where the partitions of topics are kept in the data directory.

use std::ops::Range;
use std::sync::Arc;

use annals_segment_log::{LogDir, LogError, Partition};
use uuid::Uuid;

use super::{NewTopic, TopicError};
use crate::internal;
use crate::topic::Topic;
use crate::topic_config::TopicSettings;

/// The topics' directory.
pub(crate) const TOPICS_DIR: &str = "t";

/// Where a partition is kept: never a name a client chose.
pub(super) fn partition_path(id: Uuid, partition: i32) -> String {
    format!("{TOPICS_DIR}/{}/{partition}", id.simple())
}

pub(super) fn open_topic(log: &LogDir, new: &NewTopic, id: Uuid) -> Result<Topic, TopicError> {
    let config = internal::with_settings(&new.name, new.config.clone());
    let settings = TopicSettings::read(&config);
    let partitions = open_partitions(log, &settings, id, 0..new.partitions)?;
    Ok(Topic::new(new.name.clone(), id, partitions, config))
}

pub(super) fn open_partitions(
    log: &LogDir,
    settings: &TopicSettings,
    id: Uuid,
    numbers: Range<i32>,
) -> Result<Vec<Arc<Partition>>, LogError> {
    let config = settings.partition_config();
    numbers
        .map(|number| log.partition(&partition_path(id, number), config.clone()))
        .collect()
}

/// Removes what partitions left on disk. What cannot be removed now of a deleted topic is tried again at the next
/// start.
pub(super) fn remove_files(log: &LogDir, id: Uuid, numbers: Range<i32>) {
    for number in numbers {
        let path = partition_path(id, number);
        if let Err(error) = log.remove(&path) {
            tracing::warn!(%path, %error, "the files of a deleted topic could not be removed yet");
        }
    }
}
