//! A topic's settings as the broker uses them.

use std::collections::BTreeMap;

use annals_kafka_wire::batch::{DECOMPRESSED_BYTES_MAX, TimestampType};
use annals_segment_log::{Compaction, Durability, PartitionConfig, Retention};

use super::{MAX_LAG, MIN_LAG, default, words};
use crate::dead_letter;

/// A topic's settings as the broker uses them, read once when the topic is opened.
#[derive(Debug, Clone)]
pub(crate) struct TopicSettings {
    /// `max.message.bytes`, when the topic sets it.
    pub(crate) message_bytes_max: Option<usize>,
    /// How far before now a record's timestamp may lie.
    pub(crate) timestamp_before_max_ms: i64,
    /// How far after now a record's timestamp may lie.
    pub(crate) timestamp_after_max_ms: i64,
    /// `message.timestamp.type`: whose time a record has.
    pub(crate) timestamp_type: TimestampType,
    /// `annals.durability=os`: acknowledged when written, not when synced.
    pub(crate) durability_os: bool,
    /// `annals.dead.letter.topic`, when the topic sets it.
    pub(crate) dead_letter_topic: Option<String>,
    /// `segment.bytes`.
    pub(crate) segment_bytes_max: u64,
    /// `segment.ms`.
    pub(crate) segment_ms_max: i64,
    /// Whether `cleanup.policy` lets old records go.
    pub(crate) deletes: bool,
    /// `retention.ms` and `retention.bytes`; nothing where old records stay.
    pub(crate) retention: Retention,
    /// Whether `cleanup.policy` has old records of a key go; every record has a key then.
    pub(crate) compacts: bool,
    /// How that is done.
    pub(crate) compaction: Compaction,
    /// `annals.hold`: neither the topic nor any of its records goes.
    pub(crate) is_held: bool,
}

impl TopicSettings {
    /// Reads checked settings; what is absent takes its default.
    pub(crate) fn read(config: &BTreeMap<String, String>) -> TopicSettings {
        let own = |name: &str| config.get(name).map(|value| value.trim());
        let whole = |name: &str| {
            own(name)
                .unwrap_or(default(name))
                .parse::<i64>()
                .unwrap_or(i64::MAX)
        };
        let policies = own("cleanup.policy").unwrap_or(default("cleanup.policy"));
        let deletes = words(policies).any(|word| word == "delete");
        let compacts = words(policies).any(|word| word == "compact");
        let ratio = own("min.cleanable.dirty.ratio").and_then(|value| value.parse().ok());
        let compaction = Compaction {
            min_dirty_ratio: ratio.unwrap_or(Compaction::default().min_dirty_ratio),
            min_lag_ms: whole(MIN_LAG),
            max_lag_ms: Some(whole(MAX_LAG)).filter(|ms| *ms < i64::MAX),
            delete_retention_ms: whole("delete.retention.ms"),
        };
        let kept = Retention {
            ms: Some(whole("retention.ms")).filter(|ms| *ms >= 0),
            bytes: u64::try_from(whole("retention.bytes")).ok(),
        };
        TopicSettings {
            message_bytes_max: own("max.message.bytes").and_then(|value| value.parse().ok()),
            timestamp_before_max_ms: whole("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: whole("message.timestamp.after.max.ms"),
            timestamp_type: match own("message.timestamp.type") {
                Some("LogAppendTime") => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            dead_letter_topic: own(dead_letter::SETTING)
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            durability_os: own("annals.durability") == Some("os"),
            segment_bytes_max: u64::try_from(whole("segment.bytes")).unwrap_or(u64::MAX),
            segment_ms_max: whole("segment.ms"),
            deletes,
            retention: if deletes { kept } else { Retention::default() },
            compacts,
            compaction,
            is_held: own("annals.hold").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        }
    }

    /// What the topic's partitions are opened with.
    pub(crate) fn partition_config(&self) -> PartitionConfig {
        PartitionConfig {
            segment_bytes_max: self.segment_bytes_max,
            segment_ms_max: Some(self.segment_ms_max),
            retention: self.retention,
            compaction: self.compacts.then_some(self.compaction),
            is_held: self.is_held,
            durability: if self.durability_os {
                Durability::Os
            } else {
                Durability::Fsync
            },
            timestamp_type: self.timestamp_type,
            // What a topic takes without a codec it takes with one.
            decompressed_bytes_max: self.message_bytes_max.unwrap_or(0).max(DECOMPRESSED_BYTES_MAX),
        }
    }
}
