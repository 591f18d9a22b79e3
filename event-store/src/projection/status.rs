//! How a projection stands: what its tables come from, and what is missing in them.

use std::sync::Arc;

use annals_schema_model::Timestamp;

use super::checkpoint::Generation;
use super::projector::{Projector, blocking};
use super::{Projection, ProjectionError};
use crate::cut::Cut;
use crate::feed::{Feed, FeedError};

/// How far tables are behind the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Offsets between what is in the tables and what is committed, over all partitions; markers of transactions count.
    pub offsets: u64,
    /// When the oldest event was recorded that is not in the tables yet; nothing where they have all. How long ago that
    /// is, says the caller's clock.
    pub since: Option<Timestamp>,
}

/// How a generation of tables stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The number behind the names of its tables.
    pub generation: i64,
    /// The revision of the projection that makes it.
    pub revision: u32,
    /// What is in the tables: all up to here.
    pub cut: Cut,
    /// Events that are in the tables.
    pub events: u64,
    /// Events that are not, because the projection has not heard of their kinds.
    pub unknown_events: u64,
    /// The first of these: its kind and its place.
    pub unknown_first: Option<String>,
    /// What is missing.
    pub lag: Lag,
}

/// How a projection stands: what [`Projector::status`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What readers see; nothing before it has caught up for the first time.
    pub live: Option<Standing>,
    /// What is being made beside it.
    pub building: Option<Standing>,
}

impl<P: Projection> Projector<P> {
    /// How it stands: the tables that are live, and those that are being made, by whichever program.
    ///
    /// # Errors
    /// When the database or the log cannot be read.
    pub async fn status(&self) -> Result<Status, ProjectionError> {
        let mut status = Status {
            live: None,
            building: None,
        };
        for generation in self.generations().await? {
            let feed = Arc::clone(&self.feed);
            let (live, counted) = (generation.live, generation.clone());
            let lag = blocking(move || lag(&*feed, &counted)).await??;
            let standing = Some(Standing {
                generation: generation.number,
                revision: generation.revision,
                cut: generation.cut(),
                events: generation.events,
                unknown_events: generation.unknown_events,
                unknown_first: generation.unknown_first,
                lag,
            });
            match live {
                true => status.live = standing,
                false => status.building = standing,
            }
        }
        Ok(status)
    }
}

fn lag(feed: &dyn Feed, generation: &Generation) -> Result<Lag, FeedError> {
    let mut lag = Lag::default();
    for (partition, head) in feed.head()?.iter() {
        let mut last = generation.last(partition);
        lag.offsets += (head - last).max(0).unsigned_abs();
        while last < head {
            let portion = feed.read_on(partition, last, 1)?;
            if let Some(next) = portion.records.first() {
                let since = Timestamp::from_millis(next.timestamp_ms);
                lag.since = Some(lag.since.map_or(since, |oldest| oldest.min(since)));
                break;
            }
            if portion.last <= last {
                break;
            }
            last = portion.last;
        }
    }
    Ok(lag)
}
