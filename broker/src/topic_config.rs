//! The settings a topic may have: their names, defaults and accepted values, one row each.
//!
//! Every setting Kafka 4 knows is known here, so that existing tools can create topics. Invariant: what is stored is
//! carried out. A setting that this storage engine has no use for, or that waits for what is left out, is taken at its
//! default alone and refused otherwise, with the reason. Names the table does not know belong to the [`Guard`] or are
//! refused. Left out for now: retention, compaction, recompression, tiered storage.

use std::collections::BTreeMap;

use annals_kafka_wire::batch::{DECOMPRESSED_BYTES_MAX, TimestampType};
use annals_segment_log::{Durability, PartitionConfig};

use crate::guard::Guard;

/// What a setting's value must look like. White space around it does not count.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A whole number in this range.
    Whole(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`, in any case.
    Bool,
    /// The default alone, for this reason.
    Fixed(&'static str),
}

/// One setting: name, default, accepted values.
struct Known(&'static str, &'static str, Shape);

const I32_MAX: i64 = i32::MAX as i64;
const NOT_NEGATIVE: Shape = Shape::Whole(0, i64::MAX);

const KEPT: Shape = Shape::Fixed("this broker keeps every record yet");
const NOT_COMPACTED: Shape = Shape::Fixed("this broker compacts nothing yet");
const AS_SENT: Shape = Shape::Fixed("batches stay as their producers compressed them");
const OWN_FILES: Shape = Shape::Fixed("this broker lays out its files its own way");
const NOT_TIERED: Shape = Shape::Fixed("all segments are on this broker's disk");
const ONE_NODE: Shape = Shape::Fixed("there is one node");

/// Largest `max.message.bytes`, 100 MiB: a batch comes in one request, and none is longer by default.
const MESSAGE_BYTES_MAX: i64 = 100 * 1024 * 1024;

/// Smallest `segment.bytes`: Kafka 4's floor.
const SEGMENT_BYTES_MIN: i64 = 1024 * 1024;

const TABLE: &[Known] = &[
    Known("annals.durability", "fsync", Shape::Word(&["fsync", "os"])),
    Known("cleanup.policy", "delete", NOT_COMPACTED),
    Known("compression.gzip.level", "-1", AS_SENT),
    Known("compression.lz4.level", "9", AS_SENT),
    Known("compression.type", "producer", AS_SENT),
    Known("compression.zstd.level", "3", AS_SENT),
    Known("delete.retention.ms", "86400000", NOT_COMPACTED),
    Known("file.delete.delay.ms", "60000", OWN_FILES),
    // Nothing is acknowledged before it is synced, which is as often as anybody can ask for: see `SYNCED_ALWAYS`.
    Known("flush.messages", "9223372036854775807", Shape::Whole(1, i64::MAX)),
    Known("flush.ms", "9223372036854775807", NOT_NEGATIVE),
    Known("follower.replication.throttled.replicas", "", ONE_NODE),
    Known("index.interval.bytes", "4096", OWN_FILES),
    Known("leader.replication.throttled.replicas", "", ONE_NODE),
    Known("local.retention.bytes", "-2", NOT_TIERED),
    Known("local.retention.ms", "-2", NOT_TIERED),
    Known("max.compaction.lag.ms", "9223372036854775807", NOT_COMPACTED),
    Known("max.message.bytes", "1048588", Shape::Whole(0, MESSAGE_BYTES_MAX)),
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
    Known("min.cleanable.dirty.ratio", "0.5", NOT_COMPACTED),
    Known("min.compaction.lag.ms", "0", NOT_COMPACTED),
    Known("min.insync.replicas", "1", ONE_NODE),
    Known("preallocate", "false", OWN_FILES),
    Known("remote.log.copy.disable", "false", NOT_TIERED),
    Known("remote.log.delete.on.disable", "false", NOT_TIERED),
    Known("remote.storage.enable", "false", NOT_TIERED),
    Known("retention.bytes", "-1", KEPT),
    Known("retention.ms", "-1", KEPT),
    Known(
        "segment.bytes",
        "67108864",
        Shape::Whole(SEGMENT_BYTES_MIN, I32_MAX),
    ),
    Known("segment.index.bytes", "10485760", OWN_FILES),
    Known("segment.jitter.ms", "0", OWN_FILES),
    Known("segment.ms", "604800000", OWN_FILES),
    // One node is never left without a leader that has every record.
    Known("unclean.leader.election.enable", "false", Shape::Bool),
];

/// What asks for syncs is carried out where every record is synced before it is acknowledged, and nowhere else.
const SYNCED_ALWAYS: [&str; 2] = ["flush.messages", "flush.ms"];

/// Checks every setting of a topic to be created.
///
/// # Errors
/// A sentence for the client that names the first setting at fault, and what it may be.
pub(crate) fn check(config: &BTreeMap<String, String>, guard: &dyn Guard) -> Result<(), String> {
    for (name, value) in config {
        match TABLE.iter().find(|known| known.0 == name) {
            Some(known) => known.check(value).map_err(|wants| {
                format!(
                    "{name} = {:?} is not accepted: it must be {wants}.",
                    clipped(value)
                )
            })?,
            None if guard.topic_config_known(name, value)? => {}
            None => return Err(format!("Unknown topic config name: {}", clipped(name))),
        }
    }
    let unsynced = TopicSettings::read(config).durability_os;
    let asks = |name: &&&str| {
        config
            .get(**name)
            .is_some_and(|value| !same(value.trim(), default(name)))
    };
    match SYNCED_ALWAYS.iter().find(asks) {
        Some(name) if unsynced => Err(format!(
            "{name} is not accepted beside annals.durability = \"os\", which leaves syncs to the operating system: \
             leave one of them out."
        )),
        _ => Ok(()),
    }
}

/// A setting's default; empty for one that the table does not know.
pub(crate) fn default(name: &str) -> &'static str {
    TABLE
        .iter()
        .find(|known| known.0 == name)
        .map_or("", |known| known.1)
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

impl Known {
    /// What the value must be, when it is not.
    fn check(&self, value: &str) -> Result<(), String> {
        let Known(_, default, shape) = *self;
        let value = value.trim();
        match shape {
            Shape::Whole(min, max) => match value.parse::<i64>() {
                Ok(n) if (min..=max).contains(&n) => Ok(()),
                _ => Err(format!("a whole number from {min} to {max}")),
            },
            Shape::Word(words) if words.contains(&value) => Ok(()),
            Shape::Word(words) => Err(words.join(" or ")),
            Shape::Bool
                if ["true", "false"]
                    .iter()
                    .any(|word| value.eq_ignore_ascii_case(word)) =>
            {
                Ok(())
            }
            Shape::Bool => Err("true or false".to_owned()),
            Shape::Fixed(_) if same(value, default) => Ok(()),
            Shape::Fixed(reason) => Err(format!("{default:?}, its default, as {reason}")),
        }
    }
}

/// Whether a value is the default, however it is written.
fn same(value: &str, default: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    value.eq_ignore_ascii_case(default) || number(value).is_some_and(|value| number(default) == Some(value))
}

/// The first characters of a client's text, so that an answer never grows with a hostile question.
pub(crate) fn clipped(text: &str) -> String {
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
            assert_eq!(check_one(name, &format!(" {default} ")), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_is_carried_out_is_accepted() {
        for (name, value) in [
            ("annals.durability", "os"),
            ("flush.messages", "1"),
            ("flush.ms", "0"),
            ("max.message.bytes", "33554432"),
            ("message.timestamp.after.max.ms", "1000"),
            ("message.timestamp.before.max.ms", "1000"),
            ("message.timestamp.type", "LogAppendTime"),
            ("min.cleanable.dirty.ratio", "0.50"),
            ("preallocate", "FALSE"),
            ("remote.storage.enable", "False"),
            ("segment.bytes", "1073741824"),
            ("unclean.leader.election.enable", "TRUE"),
        ] {
            assert_eq!(check_one(name, value), Ok(()), "{name}={value}");
        }
    }

    #[test]
    fn values_the_broker_would_not_honour_are_refused() {
        for (name, value, says) in [
            ("annals.durability", "maybe", "fsync or os"),
            ("cleanup.policy", "compact", "compacts nothing"),
            (
                "compression.gzip.level",
                "9",
                "as their producers compressed them",
            ),
            ("compression.lz4.level", "1", "as their producers compressed them"),
            ("compression.type", "zstd", "as their producers compressed them"),
            (
                "compression.zstd.level",
                "22",
                "as their producers compressed them",
            ),
            ("delete.retention.ms", "1", "compacts nothing"),
            ("file.delete.delay.ms", "1", "its own way"),
            ("flush.messages", "0", "from 1 to"),
            ("follower.replication.throttled.replicas", "*", "one node"),
            ("index.interval.bytes", "1", "its own way"),
            ("leader.replication.throttled.replicas", "0:1", "one node"),
            ("local.retention.bytes", "1", "this broker's disk"),
            ("local.retention.ms", "1", "this broker's disk"),
            ("max.message.bytes", "-1", "from 0 to"),
            ("max.message.bytes", "many", "a whole number"),
            ("max.message.bytes", "2147483647", "from 0 to 104857600"),
            (
                "message.timestamp.type",
                "logappendtime",
                "CreateTime or LogAppendTime",
            ),
            ("min.cleanable.dirty.ratio", "NaN", "compacts nothing"),
            ("min.insync.replicas", "2", "one node"),
            ("preallocate", "yes", "its own way"),
            ("remote.log.copy.disable", "true", "this broker's disk"),
            ("remote.log.delete.on.disable", "true", "this broker's disk"),
            ("remote.storage.enable", "true", "this broker's disk"),
            ("retention.bytes", "1", "keeps every record"),
            ("retention.ms", "604800000", "keeps every record"),
            ("segment.bytes", "1024", "from 1048576 to"),
            ("segment.ms", "1", "its own way"),
            ("unclean.leader.election.enable", "yes", "true or false"),
            ("retention.sm", "1", "Unknown topic config name: retention.sm"),
        ] {
            let refused = check_one(name, value).expect_err(name);
            assert!(refused.contains(name) && refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn syncs_are_not_asked_for_where_the_operating_system_decides() {
        for (durability, name, value, accepted) in [
            ("os", "flush.messages", "1", false),
            ("os", "flush.ms", "1000", false),
            (" os ", "flush.ms", "0", false),
            ("os", "flush.ms", "9223372036854775807", true),
            ("os", "segment.bytes", "1073741824", true),
            ("fsync", "flush.messages", "1", true),
        ] {
            let config = [("annals.durability", durability), (name, value)];
            let config = config.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let checked = check(&BTreeMap::from(config), &OpenGate);
            assert_eq!(
                checked.is_ok(),
                accepted,
                "{durability:?}, {name}={value}: {checked:?}"
            );
            let told = |sentence: String| sentence.contains(name) && sentence.contains("annals.durability");
            assert!(checked.err().is_none_or(told));
        }
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
