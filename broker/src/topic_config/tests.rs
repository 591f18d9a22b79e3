use annals_segment_log::{Compaction, Retention};

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
        ("annals.hold", "TRUE"),
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "compact, delete"),
        ("cleanup.policy", ""),
        ("delete.retention.ms", "0"),
        ("max.compaction.lag.ms", "1"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("min.compaction.lag.ms", "60000"),
        ("retention.bytes", "1"),
        ("retention.ms", "604800000"),
        ("segment.ms", "1"),
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
        ("cleanup.policy", "compact,shrink", "any of compact and delete"),
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
        ("delete.retention.ms", "-1", "from 0 to"),
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
        ("min.cleanable.dirty.ratio", "NaN", "from 0 to 1"),
        ("max.compaction.lag.ms", "0", "from 1 to"),
        ("min.insync.replicas", "2", "one node"),
        ("preallocate", "yes", "its own way"),
        ("remote.log.copy.disable", "true", "this broker's disk"),
        ("remote.log.delete.on.disable", "true", "this broker's disk"),
        ("remote.storage.enable", "true", "this broker's disk"),
        ("retention.bytes", "-2", "from -1 to"),
        ("retention.ms", "a week", "from -1 to"),
        ("segment.bytes", "1024", "from 1048576 to"),
        ("segment.ms", "0", "from 1 to"),
        ("annals.hold", "yes", "true or false"),
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
    assert_eq!(settings.partition_config().retention, Retention::default());
    let settings = TopicSettings::read(&own);
    assert!(settings.durability_os);
    assert_eq!(settings.message_bytes_max, Some(1000));
}

#[test]
fn what_is_kept_follows_the_policy_and_the_hold() {
    let read = |own: &[(&str, &str)]| {
        let own = own
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        TopicSettings::read(&own.collect()).partition_config()
    };
    let week = read(&[("retention.ms", "604800000"), ("retention.bytes", " 0 ")]);
    let kept = Retention {
        ms: Some(604_800_000),
        bytes: Some(0),
    };
    assert_eq!(
        (week.retention, week.is_held, week.segment_ms_max),
        (kept, false, Some(604_800_000))
    );
    assert!(read(&[("annals.hold", "True")]).is_held);
    let both = read(&[
        ("cleanup.policy", " compact , delete "),
        ("retention.ms", "1"),
        (MIN_LAG, "7"),
    ]);
    assert_eq!(
        (both.retention.ms, both.compaction.map(|how| how.min_lag_ms)),
        (Some(1), Some(7))
    );
    let compacted = read(&[
        ("cleanup.policy", "compact"),
        ("retention.ms", "1"),
        ("min.cleanable.dirty.ratio", "0.1"),
    ]);
    let how = Compaction {
        min_dirty_ratio: 0.1,
        ..Compaction::default()
    };
    assert_eq!(
        (compacted.retention, compacted.compaction),
        (Retention::default(), Some(how))
    );
    let neither = read(&[("cleanup.policy", ""), ("retention.ms", "1")]);
    assert_eq!(
        (neither.retention, neither.compaction),
        (Retention::default(), None)
    );
    let lags = [(MIN_LAG, "10"), (MAX_LAG, "9")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let refused = check(&BTreeMap::from(lags), &OpenGate).expect_err("a contradiction");
    assert!(
        refused.contains(MIN_LAG) && refused.contains(MAX_LAG),
        "{refused}"
    );
}
