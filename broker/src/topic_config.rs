//! The settings a topic may have: their names, defaults and accepted values, one row each.
//!
//! Every setting Kafka 4 knows is known here, so that existing tools can create topics. Invariant: what is stored is
//! carried out. A setting that this storage engine has no use for, or that waits for what is left out, is taken at its
//! default alone and refused otherwise, with the reason. Names the table does not know belong to the [`Guard`] or are
//! refused. Left out for now: recompression, tiered storage.

use std::collections::BTreeMap;

use crate::dead_letter;
use crate::guard::Guard;
use crate::guard_settings;
use crate::topic_name;

mod settings;
#[cfg(test)]
mod tests;

pub(crate) use settings::TopicSettings;

/// What a setting's value must look like. White space around it does not count.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A whole number in this range.
    Whole(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any of these words, with commas between them.
    Words(&'static [&'static str]),
    /// A number from 0 to 1.
    Ratio,
    /// `true` or `false`, in any case.
    Bool,
    /// A topic's name, or nothing. Whether there is such a topic is looked for where topics are known.
    TopicName,
    /// The default alone, for this reason.
    Fixed(&'static str),
}

/// One setting: name, default, accepted values.
struct Known(&'static str, &'static str, Shape);

const I32_MAX: i64 = i32::MAX as i64;
const NOT_NEGATIVE: Shape = Shape::Whole(0, i64::MAX);
const SIZE_OR_ALL: Shape = Shape::Whole(-1, i64::MAX);

const AS_SENT: Shape = Shape::Fixed("batches stay as their producers compressed them");
const OWN_FILES: Shape = Shape::Fixed("this broker lays out its files its own way");
const NOT_TIERED: Shape = Shape::Fixed("all segments are on this broker's disk");
const ONE_NODE: Shape = Shape::Fixed("there is one node");

/// Largest `max.message.bytes`, 100 MiB: a batch comes in one request, and none is longer by default.
const MESSAGE_BYTES_MAX: i64 = 100 * 1024 * 1024;

/// Smallest `segment.bytes`: Kafka 4's floor.
const SEGMENT_BYTES_MIN: i64 = 1024 * 1024;

/// How long a record stays as it is, and how long it may wait to be compacted.
const MIN_LAG: &str = "min.compaction.lag.ms";
const MAX_LAG: &str = "max.compaction.lag.ms";

const TABLE: &[Known] = &[
    Known(dead_letter::SETTING, "", Shape::TopicName),
    Known("annals.durability", "fsync", Shape::Word(&["fsync", "os"])),
    // Neither the topic nor any record of it goes.
    Known("annals.hold", "false", Shape::Bool),
    Known("cleanup.policy", "delete", Shape::Words(&["compact", "delete"])),
    Known("compression.gzip.level", "-1", AS_SENT),
    Known("compression.lz4.level", "9", AS_SENT),
    Known("compression.type", "producer", AS_SENT),
    Known("compression.zstd.level", "3", AS_SENT),
    Known("delete.retention.ms", "86400000", NOT_NEGATIVE),
    Known("file.delete.delay.ms", "60000", OWN_FILES),
    // Nothing is acknowledged before it is synced, which is as often as anybody can ask for: see `SYNCED_ALWAYS`.
    Known("flush.messages", "9223372036854775807", Shape::Whole(1, i64::MAX)),
    Known("flush.ms", "9223372036854775807", NOT_NEGATIVE),
    Known("follower.replication.throttled.replicas", "", ONE_NODE),
    Known("index.interval.bytes", "4096", OWN_FILES),
    Known("leader.replication.throttled.replicas", "", ONE_NODE),
    Known("local.retention.bytes", "-2", NOT_TIERED),
    Known("local.retention.ms", "-2", NOT_TIERED),
    Known(MAX_LAG, "9223372036854775807", Shape::Whole(1, i64::MAX)),
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
    Known("min.cleanable.dirty.ratio", "0.5", Shape::Ratio),
    Known(MIN_LAG, "0", NOT_NEGATIVE),
    Known("min.insync.replicas", "1", ONE_NODE),
    Known("preallocate", "false", OWN_FILES),
    Known("remote.log.copy.disable", "false", NOT_TIERED),
    Known("remote.log.delete.on.disable", "false", NOT_TIERED),
    Known("remote.storage.enable", "false", NOT_TIERED),
    Known("retention.bytes", "-1", SIZE_OR_ALL),
    // Events are kept: Kafka's default, a week, is for those who ask for it.
    Known("retention.ms", "-1", SIZE_OR_ALL),
    Known(
        "segment.bytes",
        "67108864",
        Shape::Whole(SEGMENT_BYTES_MIN, I32_MAX),
    ),
    Known("segment.index.bytes", "10485760", OWN_FILES),
    Known("segment.jitter.ms", "0", OWN_FILES),
    Known("segment.ms", "604800000", Shape::Whole(1, i64::MAX)),
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
            None if guard_settings::check(guard.settings(), name, value)? => {}
            None => return Err(format!("Unknown topic config name: {}", clipped(name))),
        }
    }
    guard_settings::agree(guard.settings(), config)?;
    let settings = TopicSettings::read(config);
    let lag = settings.compaction;
    if lag.max_lag_ms.is_some_and(|most| most < lag.min_lag_ms) {
        return Err(format!(
            "{MIN_LAG} is longer than {MAX_LAG}: a record must wait for as long as it must not."
        ));
    }
    let unsynced = settings.durability_os;
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

/// Every setting of the broker's, with the topic's value where it has one.
pub(crate) fn effective(
    config: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&'static str, Option<&str>)> {
    TABLE
        .iter()
        .map(|known| (known.0, config.get(known.0).map(String::as_str)))
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
            Shape::Words(known) if words(value).all(|word| known.contains(&word)) => Ok(()),
            Shape::Words(known) => Err(format!(
                "any of {}, with commas between them",
                known.join(" and ")
            )),
            Shape::Ratio => match value.parse::<f64>() {
                Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(()),
                _ => Err("a number from 0 to 1".to_owned()),
            },
            Shape::Bool
                if ["true", "false"]
                    .iter()
                    .any(|word| value.eq_ignore_ascii_case(word)) =>
            {
                Ok(())
            }
            Shape::Bool => Err("true or false".to_owned()),
            Shape::TopicName if value.is_empty() || topic_name::check(value).is_ok() => Ok(()),
            Shape::TopicName => Err("the name of a topic".to_owned()),
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

/// The words of a list.
fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// The first characters of a client's text, so that an answer never grows with a hostile question.
pub(crate) fn clipped(text: &str) -> String {
    text.chars().take(100).collect()
}
