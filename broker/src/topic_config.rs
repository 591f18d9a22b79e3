//! The settings a topic may have: their names, defaults and accepted values, one row each.
//!
//! Kafka's names are accepted so that existing tools can create topics; a value this broker would not honour is
//! refused rather than stored and ignored, except for the tuning knobs marked "no effect here", which change
//! nothing a client could observe in this storage engine. Names the table does not know belong to the [`Guard`] or are refused.
//! Left out for now: retention and compaction run by nothing yet (`retention.*` is stored, records stay).

use std::collections::BTreeMap;

use annals_kafka_wire::batch::{DECOMPRESSED_BYTES_MAX, TimestampType};
use annals_segment_log::{Durability, PartitionConfig};

use crate::guard::Guard;

/// What a setting's value must look like.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A whole number in this range.
    Whole(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A fraction from 0 to 1.
    Fraction,
}

/// One setting: name, default, accepted values.
struct Known(&'static str, &'static str, Shape);

const I32_MAX: i64 = i32::MAX as i64;
const BOOL: Shape = Shape::Word(&["true", "false"]);
const POSITIVE: Shape = Shape::Whole(1, i64::MAX);
const NOT_NEGATIVE: Shape = Shape::Whole(0, i64::MAX);

/// Smallest `segment.bytes`: Kafka 4's floor.
const SEGMENT_BYTES_MIN: i64 = 1024 * 1024;

const TABLE: &[Known] = &[
    Known("annals.durability", "fsync", Shape::Word(&["fsync", "os"])),
    Known("cleanup.policy", "delete", Shape::Word(&["delete"])),
    Known("compression.type", "producer", Shape::Word(&["producer"])),
    Known("delete.retention.ms", "86400000", NOT_NEGATIVE), // no effect here
    Known("file.delete.delay.ms", "60000", NOT_NEGATIVE),   // no effect here
    Known("flush.messages", "9223372036854775807", POSITIVE), // no effect here
    Known("flush.ms", "9223372036854775807", NOT_NEGATIVE), // no effect here
    Known("index.interval.bytes", "4096", Shape::Whole(0, I32_MAX)), // no effect here
    Known("max.compaction.lag.ms", "9223372036854775807", POSITIVE), // no effect here
    Known("max.message.bytes", "1048588", Shape::Whole(0, I32_MAX)),
    Known("message.timestamp.after.max.ms", "3600000", NOT_NEGATIVE),
    Known(
        "message.timestamp.before.max.ms",
        "9223372036854775807",
        NOT_NEGATIVE,
    ),
    Known(
        "message.timestamp.type",
        "CreateTime",
        Shape::Word(&["CreateTime", "LogAppendTime"]),
    ),
    Known("min.cleanable.dirty.ratio", "0.5", Shape::Fraction), // no effect here
    Known("min.compaction.lag.ms", "0", NOT_NEGATIVE),          // no effect here
    Known("min.insync.replicas", "1", Shape::Whole(1, 1)),
    Known("preallocate", "false", BOOL), // no effect here
    Known("retention.bytes", "-1", Shape::Whole(-1, i64::MAX)),
    Known("retention.ms", "-1", Shape::Whole(-1, i64::MAX)),
    Known(
        "segment.bytes",
        "67108864",
        Shape::Whole(SEGMENT_BYTES_MIN, I32_MAX),
    ),
    Known("segment.index.bytes", "10485760", Shape::Whole(4, I32_MAX)), // no effect here
    Known("segment.jitter.ms", "0", NOT_NEGATIVE),                      // no effect here
    Known("segment.ms", "604800000", POSITIVE),                         // no effect here
    Known("unclean.leader.election.enable", "false", BOOL),             // no effect here
];

/// Checks every setting of a topic to be created.
///
/// # Errors
/// A sentence for the client that names the first setting at fault, and what it may be.
pub(crate) fn check(config: &BTreeMap<String, String>, guard: &dyn Guard) -> Result<(), String> {
    for (name, value) in config {
        match TABLE.iter().find(|known| known.0 == name) {
            Some(known) => known.2.check(value).map_err(|wants| {
                format!(
                    "{name} = {:?} is not accepted: it must be {wants}.",
                    clipped(value)
                )
            })?,
            None if guard.topic_config_known(name, value)? => {}
            None => return Err(format!("Unknown topic config name: {}", clipped(name))),
        }
    }
    Ok(())
}

/// Every setting's name and default, with whether the topic itself sets it: what CreateTopics answers.
pub(crate) fn effective(config: &BTreeMap<String, String>) -> Vec<(String, String, bool)> {
    let mut all: BTreeMap<&str, (&str, bool)> =
        TABLE.iter().map(|known| (known.0, (known.1, false))).collect();
    all.extend(
        config
            .iter()
            .map(|(name, value)| (name.as_str(), (value.as_str(), true))),
    );
    all.into_iter()
        .map(|(name, (value, own))| (name.to_owned(), value.to_owned(), own))
        .collect()
}

impl Shape {
    fn check(self, value: &str) -> Result<(), String> {
        match self {
            Shape::Whole(min, max) => match value.trim().parse::<i64>() {
                Ok(n) if (min..=max).contains(&n) => Ok(()),
                _ if min == max => Err(format!("{min}")),
                _ => Err(format!("a whole number from {min} to {max}")),
            },
            Shape::Word(words) if words.contains(&value) => Ok(()),
            Shape::Word(words) => Err(words.join(" or ")),
            Shape::Fraction => match value.trim().parse::<f64>() {
                Ok(n) if (0.0..=1.0).contains(&n) => Ok(()),
                _ => Err("a fraction from 0 to 1".to_owned()),
            },
        }
    }
}

/// The first characters of a client's text, so that an answer never grows with a hostile question.
fn clipped(text: &str) -> String {
    text.chars().take(100).collect()
}

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
    /// `segment.bytes`.
    pub(crate) segment_bytes_max: u64,
}

impl TopicSettings {
    /// Reads checked settings; what is absent takes its default.
    pub(crate) fn read(config: &BTreeMap<String, String>) -> TopicSettings {
        let own = |name: &str| config.get(name).map(|value| value.trim());
        let default = |name: &str| {
            TABLE
                .iter()
                .find(|known| known.0 == name)
                .map_or("0", |known| known.1)
        };
        let whole = |name: &str| {
            own(name)
                .unwrap_or(default(name))
                .parse::<i64>()
                .unwrap_or(i64::MAX)
        };
        TopicSettings {
            message_bytes_max: own("max.message.bytes").and_then(|value| value.parse().ok()),
            timestamp_before_max_ms: whole("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: whole("message.timestamp.after.max.ms"),
            timestamp_type: match own("message.timestamp.type") {
                Some("LogAppendTime") => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            durability_os: own("annals.durability") == Some("os"),
            segment_bytes_max: u64::try_from(whole("segment.bytes")).unwrap_or(u64::MAX),
        }
    }

    /// What the topic's partitions are opened with.
    pub(crate) fn partition_config(&self) -> PartitionConfig {
        PartitionConfig {
            segment_bytes_max: self.segment_bytes_max,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::OpenGate;

    fn check_one(name: &str, value: &str) -> Result<(), String> {
        check(&BTreeMap::from([(name.to_owned(), value.to_owned())]), &OpenGate)
    }

    #[test]
    fn the_table_is_sorted_and_its_defaults_are_accepted() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for Known(name, default, _) in TABLE {
            assert_eq!(check_one(name, default), Ok(()), "{name}");
        }
    }

    #[test]
    fn values_the_broker_would_not_honour_are_refused() {
        for (name, value) in [
            ("cleanup.policy", "compact"),
            ("compression.type", "zstd"),
            ("message.timestamp.type", "BrokerTime"),
            ("min.insync.replicas", "2"),
            ("max.message.bytes", "-1"),
            ("max.message.bytes", "many"),
            ("min.cleanable.dirty.ratio", "NaN"),
            ("annals.durability", "maybe"),
            ("retention.sm", "1"),
        ] {
            assert!(check_one(name, value).is_err(), "{name}={value}");
        }
        assert!(
            check_one("retention.sm", "1")
                .unwrap_err()
                .contains("Unknown topic config name: retention.sm")
        );
    }

    #[test]
    fn settings_read_what_the_topic_says_and_defaults_for_the_rest() {
        let settings = TopicSettings::read(&BTreeMap::new());
        assert_eq!(settings.timestamp_after_max_ms, 3_600_000);
        assert_eq!(settings.timestamp_before_max_ms, i64::MAX);
        assert_eq!(settings.segment_bytes_max, 64 * 1024 * 1024);
        assert!(!settings.durability_os && settings.message_bytes_max.is_none());
        let own = BTreeMap::from([
            ("annals.durability".to_owned(), "os".to_owned()),
            ("max.message.bytes".to_owned(), "1000".to_owned()),
        ]);
        let settings = TopicSettings::read(&own);
        assert!(settings.durability_os);
        assert_eq!(settings.message_bytes_max, Some(1000));
    }
}
