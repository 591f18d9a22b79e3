//! Groups and their offsets in `__consumer_offsets`: what is written, and what is read back at start.
//!
//! Invariant: offsets that belong to a transaction count when its marker says so, in the log as in memory.

use std::sync::Arc;

use annals_kafka_wire::batch::{Batch, Record};
use annals_kafka_wire::coordinator::offsets::{
    GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue, OffsetsKey,
};
use annals_kafka_wire::error::WireError;
use annals_kafka_wire::message::Versioned;
use annals_kafka_wire::primitives::{Reader, Writer};
use bytes::Bytes;

use super::{Committed, Entry, Groups, LIMITS, lock};
use crate::broker::Shared;
use crate::group::Group;
use crate::internal::{self, InternalTopicError, OFFSETS, WriteError, Written};
use crate::topic::Topic;
use crate::transaction::{Place, Producer};

/// The versions of values that are written: what Kafka 4 writes.
const OFFSET_VERSION: i16 = 3;
const GROUP_VERSION: i16 = 3;

/// Writes a group's generation.
pub(super) fn write_group(shared: &Shared, id: &str, group: &Group) -> Result<Written, WriteError> {
    let mut value = Writer::new();
    group.record(shared.now_ms()).encode(&mut value, GROUP_VERSION)?;
    internal::write(
        shared,
        OFFSETS,
        None,
        [(group_key(id)?, Some(value.into_bytes()))],
    )
}

/// Writes that there is no such group any more.
pub(super) fn write_no_group(shared: &Shared, id: &str) -> Result<Written, WriteError> {
    internal::write(shared, OFFSETS, None, [(group_key(id)?, None)])
}

fn group_key(id: &str) -> Result<Bytes, WireError> {
    let key = GroupMetadataKey { group: id.to_owned() };
    OffsetsKey::Group(key).encode()
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
        if let Some(topic) = topic {
            internal::replay(topic, |batch| groups.take(batch))?;
            lock(&groups.by_id).retain(|_, entry| {
                let entry = lock(entry);
                entry.is_stored || !entry.offsets.is_empty()
            });
        }
        Ok(groups)
    }

    fn take(&self, batch: &Batch) {
        match batch.marker() {
            Ok(None) => internal::each_record(OFFSETS, batch, |record| self.take_record(batch, record)),
            Ok(Some(marker)) => drop(self.settle(batch.producer_id(), marker.committed)),
            Err(error) => {
                tracing::warn!(offset = batch.base_offset(), %error, "a control batch of {OFFSETS} was passed over");
            }
        }
    }

    fn take_record(&self, batch: &Batch, record: &Record) -> Result<(), WireError> {
        let key = record.key.clone().unwrap_or_default();
        match OffsetsKey::decode(&mut Reader::new(key))? {
            OffsetsKey::Offset(key) => {
                let place = (key.topic, key.partition);
                let committed = value::<OffsetCommitValue>(record)?.map(committed);
                if batch.is_transactional() {
                    self.expect_marker(batch.producer_id(), &key.group);
                }
                self.restore(key.group, |entry| match (committed, batch.is_transactional()) {
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
                self.restore(key.group, |entry| {
                    entry.is_stored = value.is_some();
                    entry.group = match value {
                        Some(value) => Group::restored(LIMITS, value, now_ms),
                        None => Group::new(LIMITS),
                    };
                });
            }
            // Groups of the protocol of KIP-848, which this broker does not have yet.
            _ => {}
        }
        Ok(())
    }

    fn restore(&self, id: String, change: impl FnOnce(&mut Entry)) {
        let mut by_id = lock(&self.by_id);
        let entry = by_id.entry(id);
        let entry = entry.or_insert_with(|| Arc::new(super::Mutex::new(Entry::new(Group::new(LIMITS)))));
        change(&mut lock(entry));
    }
}

/// A record's value; `None` for what forgets its key.
fn value<V: Versioned>(record: &Record) -> Result<Option<V>, WireError> {
    let value = record.value.clone();
    value.map(|value| V::decode(&mut Reader::new(value))).transpose()
}

fn committed(value: OffsetCommitValue) -> Committed {
    Committed {
        offset: value.offset,
        leader_epoch: value.leader_epoch,
        metadata: value.metadata,
        commit_ms: value.commit_timestamp,
    }
}
