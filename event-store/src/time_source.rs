//! Whose clock a recorded time is by.
//!
//! A batch says it itself: on a topic with `message.timestamp.type=LogAppendTime` the log stamps every batch with its own
//! time and marks it; any other record has the time its producer gave it.
//! Invariant: an answer's source depends on the records within its cut alone.

use annals_kafka_wire::batch::TimestampType;
use serde::{Deserialize, Serialize};

/// Whose clock recorded times are by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TimeSource {
    /// The log's own: when it took the record.
    Append,
    /// The producers' for some record at least: what they say, an hour ahead of the log's at most.
    Producer,
}

impl TimeSource {
    /// In words, for a page.
    ///
    /// ```
    /// assert_eq!(annals_event_store::TimeSource::Append.words(), "the log's own (append)");
    /// ```
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            TimeSource::Append => "the log's own (append)",
            TimeSource::Producer => "the producers' (producer)",
        }
    }
}

impl From<TimestampType> for TimeSource {
    fn from(kind: TimestampType) -> TimeSource {
        match kind {
            TimestampType::CreateTime => TimeSource::Producer,
            TimestampType::LogAppendTime => TimeSource::Append,
        }
    }
}
