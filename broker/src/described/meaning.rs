//! The settings a topic may have: what each is called for the whole node, what its values are, what it means.

/// What values are, in Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean = 1,
    String = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// One setting.
pub(super) struct Row {
    name: &'static str,
    /// Its name as the setting of a node, where it has one.
    pub(super) node_name: Option<&'static str>,
    pub(super) kind: Kind,
    pub(super) meaning: &'static str,
}

/// What there is to say of a topic's setting.
pub(super) fn of(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// Whether a setting's values are lists.
pub(super) fn is_list(name: &str) -> bool {
    of(name).is_some_and(|row| row.kind == Kind::List)
}

/// All of them.
pub(super) fn rows() -> impl Iterator<Item = (&'static str, &'static Row)> {
    ROWS.iter().map(|row| (row.name, row))
}

const fn row(name: &'static str, node_name: &'static str, kind: Kind, meaning: &'static str) -> Row {
    let node_name = if node_name.is_empty() {
        None
    } else {
        Some(node_name)
    };
    Row {
        name,
        node_name,
        kind,
        meaning,
    }
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("annals.dead.letter.topic", "", Kind::String, "The topic where records are kept that the guard refuses; empty, nowhere. It must be there already."),
    row("annals.durability", "", Kind::String, "When a record counts as written: fsync, when it is synced to disk; os, when the operating system has it."),
    row("annals.hold", "", Kind::Boolean, "Whether the topic is held: while it is, neither the topic nor any record of it is deleted or compacted."),
    row("cleanup.policy", "log.cleanup.policy", Kind::List, "What becomes of old records: delete, they go; compact, the last of each key stays."),
    row("compression.gzip.level", "compression.gzip.level", Kind::Int, "How hard gzip works where the broker compresses."),
    row("compression.lz4.level", "compression.lz4.level", Kind::Int, "How hard LZ4 works where the broker compresses."),
    row("compression.type", "compression.type", Kind::String, "How batches are compressed: producer, as they came."),
    row("compression.zstd.level", "compression.zstd.level", Kind::Int, "How hard Zstandard works where the broker compresses."),
    row("delete.retention.ms", "log.cleaner.delete.retention.ms", Kind::Long, "How long a compacted topic keeps the mark of a deleted key, in milliseconds."),
    row("file.delete.delay.ms", "log.segment.delete.delay.ms", Kind::Long, "How long the files of deleted records stay, in milliseconds."),
    row("flush.messages", "log.flush.interval.messages", Kind::Long, "After how many records the log is synced at the latest. It is synced before a record is acknowledged, whatever this says, unless annals.durability is os."),
    row("flush.ms", "log.flush.interval.ms", Kind::Long, "After how many milliseconds the log is synced at the latest. It is synced before a record is acknowledged, whatever this says, unless annals.durability is os."),
    row("follower.replication.throttled.replicas", "", Kind::List, "Replicas that are copied slowly, on the side that copies."),
    row("index.interval.bytes", "log.index.interval.bytes", Kind::Int, "How many bytes of the log an entry of its index stands for."),
    row("leader.replication.throttled.replicas", "", Kind::List, "Replicas that are copied slowly, on the side that is copied."),
    row("local.retention.bytes", "log.local.retention.bytes", Kind::Long, "How many bytes stay on this disk where segments are kept elsewhere too; -2, as retention.bytes says."),
    row("local.retention.ms", "log.local.retention.ms", Kind::Long, "How long segments stay on this disk where they are kept elsewhere too; -2, as retention.ms says."),
    row("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", Kind::Long, "How long a record may wait to be compacted, in milliseconds."),
    row("max.message.bytes", "message.max.bytes", Kind::Int, "The largest batch that is taken, in bytes, as its producer compressed it."),
    row("message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms", Kind::Long, "How far a record's time may lie behind now, in milliseconds; a batch with a later one is refused."),
    row("message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms", Kind::Long, "How far a record's time may lie before now, in milliseconds; a batch with an earlier one is refused."),
    row("message.timestamp.type", "log.message.timestamp.type", Kind::String, "Whose time a record has: CreateTime, its producer's; LogAppendTime, that of its append."),
    row("min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", Kind::Double, "How much of a log must be new before it is compacted again."),
    row("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", Kind::Long, "How long a record stays as it is before it may be compacted, in milliseconds."),
    row("min.insync.replicas", "min.insync.replicas", Kind::Int, "How many replicas must have a record before it is acknowledged; there is one."),
    row("preallocate", "log.preallocate", Kind::Boolean, "Whether files get their full size when they are made."),
    row("remote.log.copy.disable", "", Kind::Boolean, "Whether no more segments are kept elsewhere."),
    row("remote.log.delete.on.disable", "", Kind::Boolean, "Whether segments kept elsewhere go when that ends."),
    row("remote.storage.enable", "", Kind::Boolean, "Whether segments are kept elsewhere too."),
    row("retention.bytes", "log.retention.bytes", Kind::Long, "How many bytes a partition keeps before the oldest segments go; -1, all of them."),
    row("retention.ms", "log.retention.ms", Kind::Long, "How long records are kept, in milliseconds; -1, for ever."),
    row("segment.bytes", "log.segment.bytes", Kind::Int, "How large a file of the log grows before the next is begun, in bytes."),
    row("segment.index.bytes", "log.index.size.max.bytes", Kind::Int, "How large an index of a segment may be, in bytes."),
    row("segment.jitter.ms", "log.roll.jitter.ms", Kind::Long, "By how much the ends of segments are spread, in milliseconds."),
    row("segment.ms", "log.roll.ms", Kind::Long, "After how long the next segment is begun though this one is not full, in milliseconds."),
    row("unclean.leader.election.enable", "unclean.leader.election.enable", Kind::Boolean, "Whether a replica that lacks records may lead; there is one replica, and it has them all."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::topic_config;

    #[test]
    fn there_is_a_row_for_every_setting_a_topic_may_have_and_no_other() {
        let config = BTreeMap::new();
        let known = topic_config::effective(&config);
        let known: Vec<&str> = known.map(|(name, _)| name).collect();
        let told: Vec<&str> = rows().map(|(name, _)| name).collect();
        assert_eq!(told, known);
    }
}
