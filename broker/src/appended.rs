//! What a connection appended without waiting for it to be durable: what `acks` 0 and 1 leave open.
//!
//! Whoever asks on that connection afterwards finds it, because the question waits for it (see
//! [`crate::table::Order`]). Holds at most the last record of every partition there is.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals_segment_log::LogDir;
use uuid::Uuid;

use crate::topic::Topic;

/// How long a question waits for the disk; then it is told how things are.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection's appends, the last of each partition.
#[derive(Default)]
pub(crate) struct Appended {
    last: Mutex<BTreeMap<(Uuid, i32), Last>>,
}

/// A partition's topic, and the offset of the last record.
struct Last {
    topic: Topic,
    offset: i64,
}

impl Appended {
    /// Adds the last record of each of these partitions.
    pub(crate) fn note(&self, appended: impl Iterator<Item = (Topic, i32, i64)>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|(_, partition), last| {
            let stored = last.topic.partition(*partition);
            !last.topic.is_deleted() && stored.is_some_and(|stored| stored.high_watermark() <= last.offset)
        });
        for (topic, partition, offset) in appended {
            last.insert((topic.id, partition), Last { topic, offset });
        }
    }

    /// Waits until all of it is durable, or never will be.
    pub(crate) async fn durable(&self, log: &LogDir) {
        let last = std::mem::take(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = Instant::now() + PATIENCE;
        for ((_, partition), Last { topic, offset }) in last {
            topic.durable(log, partition, offset, deadline).await;
        }
    }
}
