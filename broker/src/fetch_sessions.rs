//! Fetch sessions (KIP-227): a consumer says once which partitions it reads, then what changes of that, and is told of
//! partitions that have something new.
//!
//! Who may have one is `cache.rs`, what one holds is `session.rs`; both are pure, here are the lock, the clock and the
//! dice. A session outlives its connection: its consumer goes on with it over the next one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::fetch::{FetchPartition, PartitionData};
use uuid::Uuid;

use crate::alarm::Stopwatch;
use crate::config::BrokerConfig;

mod cache;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use cache::Part;
use cache::{Cache, Limits};

/// How a consumer names a topic: by name up to version 12 of Fetch, by id from 13 on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum TopicKey {
    Name(Arc<str>),
    Id(Uuid),
}

/// A partition to read, and from where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) topic: TopicKey,
    pub(crate) asked: FetchPartition,
}

impl Wanted {
    fn place(&self) -> Place {
        (self.topic.clone(), self.asked.partition)
    }
}

/// A partition as a consumer names it.
pub(crate) type Place = (TopicKey, i32);

/// What a Fetch says of its session.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// The session it goes on with, or ends.
    pub(crate) session_id: i32,
    pub(crate) epoch: i32,
    /// Whether it names topics by id.
    pub(crate) by_id: bool,
    /// What it reads, or what changed of that; each partition once.
    pub(crate) wanted: Vec<Wanted>,
    /// What it does not read any more.
    pub(crate) forgotten: Vec<Place>,
    /// Its connection.
    pub(crate) peer: SocketAddr,
}

/// What was found of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// It has records for the consumer.
    pub(crate) has_records: bool,
    /// The consumer must hear of it whatever it knows: it is an error, or its log is another than it was.
    pub(crate) is_urgent: bool,
    /// Where it begins and ends.
    pub(crate) ends: Ends,
}

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) log_start_offset: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) high_watermark: i64,
}

impl Found {
    pub(crate) fn of(data: &PartitionData) -> Found {
        Found {
            has_records: data.records.as_ref().is_some_and(|records| !records.is_empty()),
            is_urgent: data.error_code != ErrorCode::None.code() || data.diverging_epoch.epoch >= 0,
            ends: Ends {
                log_start_offset: data.log_start_offset,
                last_stable_offset: data.last_stable_offset,
                high_watermark: data.high_watermark,
            },
        }
    }
}

/// All sessions.
pub(crate) struct FetchSessions {
    cache: Mutex<Cache>,
    stopwatch: Stopwatch,
}

impl FetchSessions {
    pub(crate) fn new(config: &BrokerConfig) -> FetchSessions {
        FetchSessions {
            cache: Mutex::new(Cache::new(Limits {
                sessions_max: config.fetch_sessions_max,
                bytes_max: config.fetch_sessions_bytes_max,
                places_max: config.partitions_max,
            })),
            stopwatch: Stopwatch::start(),
        }
    }

    /// What a Fetch reads; see [`Cache::begin`].
    pub(crate) fn begin(&self, ask: Ask) -> Result<(Part, Vec<Wanted>), ErrorCode> {
        // Any four bytes of it that are random.
        let draw = || i32::from_be_bytes(Uuid::new_v4().as_bytes().first_chunk().copied().unwrap_or([0; 4]));
        let now_ms = self.stopwatch.now_ms();
        self.locked(|cache| cache.begin(ask, now_ms, draw))
    }

    /// What of it its consumer is told; see [`Cache::tell`].
    pub(crate) fn tell(&self, part: Part, found: &[Found]) -> Result<(i32, Vec<bool>), ErrorCode> {
        self.locked(|cache| cache.tell(part, found))
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Cache) -> T) -> T {
        work(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
