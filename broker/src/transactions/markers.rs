//! Markers: how the end of a transaction comes into the partitions it wrote to.
//!
//! Invariant: a marker counts once it is on the disk, also where a topic counts its records as written before that: a
//! transaction that is over must not lose its end to a power cut.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_kafka_wire::batch::{Batch, Marker};
use annals_kafka_wire::error::ErrorCode;
use annals_segment_log::AppendError;

use crate::broker::Shared;
use crate::groups;
use crate::internal;
use crate::topic::Topic;
use crate::transaction::{Outcome, Place, Producer};

/// The longest wait for a marker's sync before it is tried again.
const SYNC_WAIT: Duration = Duration::from_secs(30);

/// Markers of one transaction that were appended.
pub(super) struct Appended {
    producer: Producer,
    outcome: Outcome,
    /// Where, and at which offset; `None` where the topic is gone, and there is nothing to mark.
    at: Vec<(Place, Option<(Topic, i64)>)>,
    /// Where that did not come about.
    left: BTreeSet<Place>,
}

/// Writes markers and waits until they are durable; gives the partitions where that has not come about.
pub(super) async fn write(
    shared: &Arc<Shared>,
    producer: Producer,
    outcome: Outcome,
    places: BTreeSet<Place>,
) -> BTreeSet<Place> {
    append(shared, producer, outcome, places).settled(shared).await
}

/// Appends markers, and waits for nothing.
pub(super) fn append(
    shared: &Shared,
    producer: Producer,
    outcome: Outcome,
    places: BTreeSet<Place>,
) -> Appended {
    let (mut at, mut left) = (Vec::new(), BTreeSet::new());
    for place in places {
        match append_one(shared, producer, outcome, &place) {
            Ok(marker) => at.push((place, marker)),
            Err(error) => {
                tracing::warn!(topic = %place.0, partition = place.1, %error, "a transaction's marker could not be written");
                left.insert(place);
            }
        }
    }
    Appended {
        producer,
        outcome,
        at,
        left,
    }
}

impl Appended {
    /// Waits until they are durable, and lets what rests on that count; gives the partitions where it has not come about.
    pub(super) async fn settled(self, shared: &Arc<Shared>) -> BTreeSet<Place> {
        let (deadline, mut left) = (Instant::now() + SYNC_WAIT, self.left);
        for (place, marker) in self.at {
            if let Some((topic, offset)) = marker {
                let is_there = match topic.durable(&shared.log, place.1, offset, deadline).await {
                    ErrorCode::None => synced(&topic, place.1, offset).await,
                    code => code == ErrorCode::UnknownTopicOrPartition,
                };
                if !is_there {
                    left.insert(place);
                    continue;
                }
            }
            if place.0 == internal::OFFSETS {
                groups::end_transaction(shared, self.producer.id, self.outcome == Outcome::Commit);
            }
        }
        left
    }
}

/// Whether the record is on the disk.
async fn synced(topic: &Topic, number: i32, offset: i64) -> bool {
    let Some(partition) = topic.partition(number).map(Arc::clone) else {
        return true;
    };
    let sync = move || partition.sync_to(offset).is_ok();
    tokio::task::spawn_blocking(sync).await.unwrap_or(false)
}

/// Writes one marker; `None` where there is no such partition any more, or a later life of the producer has written.
fn append_one(
    shared: &Shared,
    producer: Producer,
    outcome: Outcome,
    (name, number): &Place,
) -> Result<Option<(Topic, i64)>, AppendError> {
    let Some(topic) = shared.topics.now().named(name).cloned() else {
        return Ok(None);
    };
    let Some(partition) = topic.partition(*number) else {
        return Ok(None);
    };
    let now_ms = shared.now_ms();
    let marker = Marker {
        committed: outcome == Outcome::Commit,
        coordinator_epoch: 0,
    };
    let (batch, _) = Batch::parse(&marker.build(now_ms, producer.id, producer.epoch), 0)?;
    match partition.append(&batch, now_ms) {
        Ok(appended) => Ok(Some((topic, appended.last_offset))),
        Err(AppendError::Removed | AppendError::InvalidProducerEpoch { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
