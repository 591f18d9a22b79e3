//! Groups and their offsets in `__consumer_offsets`: what is written, and what is read back at start.
//!
//! Invariant: offsets that belong to a transaction count when its marker says so, in the log as in memory.

use std::collections::BTreeMap;

use annals_kafka_wire::batch::{Batch, Record};
use annals_kafka_wire::coordinator::offsets::{
    GroupMetadataValue, OffsetCommitKey, OffsetCommitValue, OffsetsKey,
};
use annals_kafka_wire::error::WireError;
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::primitives::{Reader, Writer};
use bytes::Bytes;
use uuid::Uuid;

use super::{CONSUMER_LIMITS, Committed, Groups, Kind, LIMITS};
use crate::broker::Shared;
use crate::consumer_group::{Line, Restored};
use crate::group::Group;
use crate::internal::{self, InternalTopicError, OFFSETS, WriteError, Written};
use crate::topic::Topic;
use crate::transaction::{Place, Producer};

/// The version of values that is written: the first that has the topic's id.
const OFFSET_VERSION: i16 = 4;

/// Lines are written in batches of about so many bytes.
const BATCH_BYTES: usize = 256 * 1024;

/// Writes what a group is now, in the order of the lines; what comes first may be in the log without what follows.
pub(super) fn write_lines(shared: &Shared, lines: Vec<Line>) -> Result<Written, WriteError> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    for (key, value) in lines {
        let key = key.encode()?;
        let more = key.len() + value.as_ref().map_or(0, Bytes::len);
        if bytes + more > BATCH_BYTES && !records.is_empty() {
            internal::write(shared, OFFSETS, None, std::mem::take(&mut records))?;
            bytes = 0;
        }
        bytes += more;
        records.push((key, value));
    }
    internal::write(shared, OFFSETS, None, records)
}

/// The same in one batch: all of it is read back, or nothing.
pub(super) fn write_whole(shared: &Shared, lines: Vec<Line>) -> Result<Written, WriteError> {
    let records = lines.into_iter().map(|(key, value)| Ok((key.encode()?, value)));
    let records: Result<Vec<_>, WireError> = records.collect();
    internal::write(shared, OFFSETS, None, records?)
}

/// Writes offsets, or that there are none any more, a record each; in a producer's transaction if they are of one.
pub(super) fn write_offsets(
    shared: &Shared,
    id: &str,
    transaction_of: Option<Producer>,
    offsets: &[(Place, Option<Committed>)],
) -> Result<Written, WriteError> {
    let mut records = Vec::new();
    for ((topic, partition), committed) in offsets {
        let key = OffsetCommitKey {
            group: id.to_owned(),
            topic: topic.clone(),
            partition: *partition,
        };
        let value = committed.as_ref().map(|committed| {
            let value = OffsetCommitValue {
                offset: committed.offset,
                leader_epoch: committed.leader_epoch,
                metadata: committed.metadata.clone(),
                commit_timestamp: committed.commit_ms,
                topic_id: committed.topic_id.into_bytes(),
                ..OffsetCommitValue::default()
            };
            let mut bytes = Writer::new();
            value
                .encode(&mut bytes, OFFSET_VERSION)
                .map(|()| bytes.into_bytes())
        });
        records.push((OffsetsKey::Offset(key).encode()?, value.transpose()?));
    }
    internal::write(shared, OFFSETS, transaction_of, records)
}

impl Groups {
    /// Reads all groups and offsets. `topic` is none before there was any group.
    pub(crate) fn open(topic: Option<&Topic>) -> Result<Groups, InternalTopicError> {
        let groups = Groups::new();
        let mut restored = BTreeMap::new();
        if let Some(topic) = topic {
            internal::replay(topic, |batch| groups.take(batch, &mut restored))?;
            for (id, group) in restored {
                if !group.is_there() {
                    continue;
                }
                let group = group.finish(&id, CONSUMER_LIMITS, groups.stopwatch.now_ms());
                groups.cells.restore(id, |entry| {
                    (entry.kind, entry.is_stored) = (Kind::Consumer(group), true)
                });
            }
            groups
                .cells
                .retain(|entry| entry.is_stored || !entry.offsets.is_empty());
        }
        Ok(groups)
    }

    fn take(&self, batch: &Batch, restored: &mut BTreeMap<String, Restored>) {
        match batch.marker() {
            Ok(None) => {
                internal::each_record(OFFSETS, batch, |record| self.take_record(batch, record, restored))
            }
            Ok(Some(marker)) => drop(self.settle(batch.producer_id(), marker.committed)),
            Err(error) => {
                tracing::warn!(offset = batch.base_offset(), %error, "a control batch of {OFFSETS} was passed over");
            }
        }
    }

    fn take_record(
        &self,
        batch: &Batch,
        record: &Record,
        restored: &mut BTreeMap<String, Restored>,
    ) -> Result<(), WireError> {
        let key = record.key.clone().unwrap_or_default();
        match OffsetsKey::decode(&mut Reader::new(key))? {
            OffsetsKey::Offset(key) => {
                let place = (key.topic, key.partition);
                let committed = value::<OffsetCommitValue>(record)?.map(committed);
                if batch.is_transactional() {
                    self.expect_marker(batch.producer_id(), &key.group);
                }
                self.cells
                    .restore(key.group, |entry| match (committed, batch.is_transactional()) {
                        (Some(committed), true) => {
                            let producer_id = batch.producer_id();
                            entry
                                .offsets
                                .wait_for_marker(producer_id, place, committed, record.offset);
                        }
                        (committed, _) => entry.offsets.put(place, committed, record.offset),
                    });
            }
            OffsetsKey::Group(key) => {
                let value = value::<GroupMetadataValue>(record)?;
                let now_ms = self.stopwatch.now_ms();
                self.cells.restore(key.group, |entry| {
                    entry.is_stored = value.is_some();
                    let since_ms = value.as_ref().map(|value| value.current_state_timestamp);
                    entry.empty_since_ms = since_ms.filter(|since_ms| *since_ms >= 0);
                    entry.kind = Kind::Classic(match value {
                        Some(value) => Group::restored(LIMITS, value, now_ms),
                        None => Group::new(LIMITS),
                    });
                });
            }
            key => take_consumer_group(key, record, restored)?,
        }
        Ok(())
    }
}

/// A record of a group of the new protocol. Compaction may have left a member's before the group's.
fn take_consumer_group(
    key: OffsetsKey,
    record: &Record,
    restored: &mut BTreeMap<String, Restored>,
) -> Result<(), WireError> {
    match key {
        OffsetsKey::ConsumerGroup(key) => match value(record)? {
            Some(value) => restored.entry(key.group_id).or_default().group(value),
            None => drop(restored.remove(&key.group_id)),
        },
        OffsetsKey::TargetAssignment(key) => {
            restored
                .entry(key.group_id)
                .or_default()
                .target_epoch(value(record)?);
        }
        OffsetsKey::ConsumerGroupMember(key) => {
            let group = restored.entry(key.group_id).or_default();
            group.member(key.member_id, value(record)?);
        }
        OffsetsKey::TargetAssignmentMember(key) => {
            let group = restored.entry(key.group_id).or_default();
            group.target(key.member_id, value(record)?);
        }
        OffsetsKey::CurrentMemberAssignment(key) => {
            let group = restored.entry(key.group_id).or_default();
            group.current(key.member_id, value(record)?);
        }
        // What a regular expression stands for is looked up again.
        OffsetsKey::RegularExpression(_) | OffsetsKey::Offset(_) | OffsetsKey::Group(_) => {}
    }
    Ok(())
}

/// A record's value; `None` for what forgets its key.
fn value<V: Versioned>(record: &Record) -> Result<Option<V>, WireError> {
    let value = record.value.clone();
    value.map(|value| V::decode(&mut Reader::new(value))).transpose()
}

fn committed(value: OffsetCommitValue) -> Committed {
    Committed {
        topic_id: Uuid::from_bytes(value.topic_id),
        offset: value.offset,
        leader_epoch: value.leader_epoch,
        metadata: value.metadata,
        commit_ms: value.commit_timestamp,
    }
}
