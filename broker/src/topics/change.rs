//! Changes of a topic that stays: its settings, and more partitions.
//!
//! As a creation, a change is written to the metadata log first; when it is durable it is carried out while the topic is
//! in use, and shown as another handle with the same partitions.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::files::{open_partitions, remove_files};
use super::{TopicError, Topics};
use crate::meta::MetaRecord;
use crate::topic::Topic;
use crate::topic_name;

impl Topics {
    /// Gives a topic the settings that `change` makes of those it has. Blocks for a sync.
    pub(crate) fn alter(
        &self,
        name: &str,
        now_ms: i64,
        change: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, TopicError>,
    ) -> Result<(), TopicError> {
        let claim = self.claim(name, |_| self.there(name).map(|_| 0))?;
        let topic = self.there(name)?;
        let config = change(&topic.config)?;
        if config == topic.config {
            return Ok(());
        }
        let record = MetaRecord::TopicConfig {
            id: topic.id,
            config: config.clone(),
        };
        self.meta.append(&record, now_ms)?;
        let altered = topic.with_config(config);
        for partition in &altered.partitions {
            partition.reconfigure(altered.settings.partition_config());
        }
        claim.publish(|map| map.insert(&altered));
        tracing::info!(topic = %altered.name, id = %altered.id, config = ?altered.config, "topic altered");
        Ok(())
    }

    /// Whether a topic could have so many partitions: how many more that is.
    pub(crate) fn check_grow(&self, name: &str, partitions: i32) -> Result<usize, TopicError> {
        self.more(name, partitions, 0)
    }

    /// As [`Topics::check_grow`], beside those that changes under way add.
    fn more(&self, name: &str, partitions: i32, claimed: usize) -> Result<usize, TopicError> {
        let (now, max) = (self.there(name)?.partitions.len(), self.partitions_max);
        let asked = usize::try_from(partitions).unwrap_or(0);
        if asked <= now {
            return Err(TopicError::NotMorePartitions {
                name: name.to_owned(),
                now,
                asked: partitions,
            });
        }
        let count = self.now().partition_count() + claimed;
        if count + (asked - now) > max {
            return Err(TopicError::TooManyPartitions { now: count, max });
        }
        Ok(asked - now)
    }

    /// Gives a topic more partitions, so that it has as many as this. Blocks for a sync.
    pub(crate) fn grow(&self, name: &str, partitions: i32, now_ms: i64) -> Result<(), TopicError> {
        let claim = self.claim(name, |claims| self.more(name, partitions, claims.values().sum()))?;
        let topic = self.there(name)?;
        let before = topic.partitions.len();
        let record = |count: usize| MetaRecord::TopicPartitions {
            id: topic.id,
            partitions: u32::try_from(count).unwrap_or(u32::MAX),
        };
        self.meta
            .append(&record(usize::try_from(partitions).unwrap_or(before)), now_ms)?;
        let numbers = i32::try_from(before).unwrap_or(i32::MAX)..partitions;
        let more = match open_partitions(&self.log, &topic.settings, topic.id, numbers.clone()) {
            Ok(more) => more,
            Err(error) => {
                // Without their files they must not come at the next start either.
                if let Err(error) = self.meta.append(&record(before), now_ms) {
                    tracing::error!(topic = name, %error, "partitions that could not be made are there at the next start");
                } else {
                    remove_files(&self.log, topic.id, numbers);
                }
                return Err(error.into());
            }
        };
        let grown = topic.with_more(more);
        claim.publish(|map| map.insert(&grown));
        tracing::info!(topic = name, id = %grown.id, partitions, "topic has more partitions");
        Ok(())
    }

    fn there(&self, name: &str) -> Result<Topic, TopicError> {
        self.meant(name, None)
    }

    /// The topic of this name, if it is the one that is meant by its id.
    pub(super) fn meant(&self, name: &str, id: Option<Uuid>) -> Result<Topic, TopicError> {
        let unknown = || TopicError::Unknown(name.chars().take(topic_name::TOPIC_NAME_BYTES_MAX).collect());
        let is_meant = |topic: &Topic| id.is_none_or(|id| topic.id == id);
        self.now()
            .named(name)
            .cloned()
            .filter(is_meant)
            .ok_or_else(unknown)
    }
}
