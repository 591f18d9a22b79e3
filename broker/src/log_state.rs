//! How the log is: whether it takes writes, what of it is damaged, what was cut away.
//!
//! Left out: what to do about it; [`crate::offline`] does that, while nobody serves the directory.

use annals_segment_log::{Cuts, Damage};

use crate::broker::Shared;

/// How the log is at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogState {
    /// Why nothing is written any more until a restart: a sync failed.
    pub stopped: Option<String>,
    /// Why writes are refused until there is room: the disk is full, or descriptors have run out.
    pub refusing: Option<String>,
    /// The partitions of which something cannot be read.
    pub damaged: Vec<DamagedPartition>,
    /// Torn tails that were cut at the start.
    pub cuts: Cuts,
}

/// A partition of which something cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedPartition {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: usize,
    /// Whether records are still appended to it.
    pub takes_records: bool,
    /// What cannot be read.
    pub damage: Vec<Damage>,
}

impl LogState {
    /// Why no record is taken at the moment, if none is.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.stopped.as_deref().or(self.refusing.as_deref())
    }
}

impl Shared {
    pub(crate) fn log_state(&self) -> LogState {
        let topics = self.topics.now();
        let damaged = topics.list().into_iter().flat_map(|topic| {
            let numbered = topic.partitions.iter().enumerate();
            let damaged = numbered.filter_map(|(number, partition)| {
                let damage = partition.damage();
                (!damage.is_empty()).then(|| DamagedPartition {
                    topic: topic.name.clone(),
                    partition: number,
                    takes_records: partition.takes_records(),
                    damage,
                })
            });
            damaged.collect::<Vec<_>>()
        });
        LogState {
            stopped: self.log.failed(),
            refusing: self.log.refusing(),
            damaged: damaged.collect(),
            cuts: self.log.cuts(),
        }
    }
}
