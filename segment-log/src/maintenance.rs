//! The log's upkeep: one thread that seals old segments, throws away what need not be kept, lets go of key indexes that
//! nobody asks and merges those that somebody does, compacts, and copies what is asked for in the order of keys, off the path of
//! appends.
//!
//! Its time is the time the directory was opened at and what has passed since by a clock that only runs on: so a wall
//! clock set wrong later throws nothing away.
//!
//! Invariant: what fails of it is said and tried again the next time; only a failed sync is the end of all writing.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::committer::{Shared, Unwinding};
use crate::disk::is_failed_sync;
use crate::mutex::lock;
use crate::partition::Partition;

impl Shared {
    /// The thread: a round in every interval, until the directory is closed.
    pub(crate) fn keep_up(&self, opened_ms: i64) {
        let _guard = Unwinding(self, "upkeep");
        let begun = self.now();
        loop {
            let pause = self.config.maintenance_interval;
            let stop = lock(&self.stopping);
            let waited = self.stopped.wait_timeout_while(stop, pause, |stop| !*stop);
            if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                return;
            }
            let passed = self.now().saturating_duration_since(begun);
            let now_ms = opened_ms.saturating_add(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX));
            let bytes_per_second = self.config.compaction_bytes_per_second;
            self.maintain(now_ms, Some(bytes_per_second));
        }
    }

    /// One round over all partitions, one at a time: what gives room first, then compaction, which reads no more than so
    /// many bytes a second. As that takes its time, nobody's retention waits for more than one other's compaction.
    pub(crate) fn maintain(&self, now_ms: i64, bytes_per_second: Option<u64>) {
        let _one_at_a_time = lock(&self.upkeep);
        let pace = Pace {
            shared: self,
            bytes_per_second,
        };
        let partitions: Vec<Arc<Partition>> = lock(&self.partitions).values().cloned().collect();
        let begun = self.now();
        let now_ms = || {
            let passed = self.now().saturating_duration_since(begun).as_millis();
            now_ms.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
        };
        let tidy = || {
            for partition in &partitions {
                self.keep(partition, || partition.maintain(now_ms()));
            }
        };
        tidy();
        for partition in &partitions {
            self.keep(partition, || partition.merge_keys());
        }
        for partition in &partitions {
            if self.keep(partition, || partition.compact(now_ms(), &pace)) == Some(true) {
                tidy();
            }
        }
        for partition in &partitions {
            self.keep(partition, || partition.cluster_some(&pace, &tidy));
        }
    }

    /// Does some of a partition's upkeep, unless nothing is written any more; answers what came of it, if it worked.
    fn keep<T>(&self, partition: &Partition, work: impl FnOnce() -> io::Result<T>) -> Option<T> {
        self.ready().ok()?;
        match work() {
            Ok(done) => Some(done),
            Err(_) if partition.is_removed() => None,
            Err(error) => {
                let path = partition.path();
                if is_failed_sync(&error) {
                    self.fail(format!("the upkeep of {path}: {error}"));
                } else {
                    tracing::warn!(partition = path, %error, "the upkeep of a partition failed; it is tried again");
                }
                None
            }
        }
    }
}

/// How fast compaction may go, and the making of copies.
pub(crate) struct Pace<'a> {
    shared: &'a Shared,
    bytes_per_second: Option<u64>,
}

impl Pace<'_> {
    /// As fast as it can.
    pub(crate) fn unhurried(shared: &Shared) -> Pace<'_> {
        Pace {
            shared,
            bytes_per_second: None,
        }
    }

    /// So many bytes were read: waits for as long as they are worth, and answers whether to go on.
    pub(crate) fn spend(&self, bytes: u64) -> bool {
        let millis = self
            .bytes_per_second
            .map_or(0, |rate| bytes.saturating_mul(1000) / rate.max(1));
        let stop = lock(&self.shared.stopping);
        let waited = self
            .shared
            .stopped
            .wait_timeout_while(stop, Duration::from_millis(millis), |stop| !*stop);
        let stops = *waited.unwrap_or_else(PoisonError::into_inner).0;
        !stops && self.shared.ready().is_ok()
    }
}

/// Bytes a second that compaction reads by default: it leaves a disk to those who append.
pub(crate) const COMPACTION_BYTES_PER_SECOND: u64 = 32 * 1024 * 1024;

/// Bytes of memory for keys by default: about half a million of them in a pass.
pub(crate) const COMPACTION_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How often there is a round by default: Kafka's pause between looks for something to compact.
pub(crate) const INTERVAL: Duration = Duration::from_secs(15);
