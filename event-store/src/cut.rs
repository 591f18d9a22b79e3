//! A cut: for each partition the last offset that counts. It is the one exact answer to "as of when".
//!
//! Invariant: the same cut over the same log always selects the same records, whatever was appended since. Times
//! and revisions are resolved to a cut once, and the cut is what an answer records.
//! A partition a cut does not name has nothing in it; `-1` says the same. Of one topic a cut names partitions alone
//! (`0=12,1=40`), of several the topic of each too (`orders/0=12,packages/1=5`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::merged::LogName;

/// Partitions a written cut may name; more than any topic has.
const PARTITIONS_MAX: usize = 10_000;

/// The last offset included, for each partition.
///
/// ```
/// use annals_event_store::Cut;
///
/// let cut: Cut = "0=12,1=40".parse()?;
/// assert_eq!((cut.last(1), cut.last(2)), (40, -1));
/// assert_eq!(cut, Cut::from_iter([(0, 12), (1, 40)]));
/// assert_eq!(cut.iter().count(), 2);
/// # Ok::<(), annals_event_store::CutError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cut(BTreeMap<CutLog, i64>);

/// A log, as a cut names it: by its topic only where there are several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CutLog {
    pub(crate) topic: Option<Arc<str>>,
    pub(crate) partition: u32,
}

impl CutLog {
    fn alone(partition: u32) -> CutLog {
        let topic = None;
        CutLog { topic, partition }
    }
}

impl fmt::Display for CutLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(topic) = &self.topic {
            write!(f, "{topic}/")?;
        }
        write!(f, "{}", self.partition)
    }
}

impl FromStr for CutLog {
    type Err = ();

    fn from_str(text: &str) -> Result<CutLog, ()> {
        let (topic, partition) = match text.rsplit_once('/') {
            Some((topic, partition)) if !topic.is_empty() => (Some(Arc::from(topic)), partition),
            Some(_) => return Err(()),
            None => (None, text),
        };
        let partition = partition.parse().map_err(drop)?;
        Ok(CutLog { topic, partition })
    }
}

/// A text that is not a cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// A piece is not `partition=offset`, with or without a topic before it.
    #[error("`{0}` is not partition=offset, or topic/partition=offset")]
    Pair(String),
    /// A partition stands there twice.
    #[error("partition {0} is named twice")]
    Twice(String),
    /// More partitions than a cut may name.
    #[error("a cut names at most {PARTITIONS_MAX} partitions")]
    TooMany,
}

impl Cut {
    /// The last offset of this partition that counts, of a cut of one topic; -1 when none does.
    pub fn last(&self, partition: u32) -> i64 {
        self.last_of(&CutLog::alone(partition))
    }

    /// The last offset of a topic's partition that counts, of a cut of several topics; -1 when none does.
    ///
    /// ```
    /// let cut: annals_event_store::Cut = "orders/0=12,packages/1=5".parse()?;
    /// assert_eq!((cut.last_in("packages", 1), cut.last_in("packages", 0)), (5, -1));
    /// # Ok::<(), annals_event_store::CutError>(())
    /// ```
    pub fn last_in(&self, topic: &str, partition: u32) -> i64 {
        let topic = Some(Arc::from(topic));
        self.last_of(&CutLog { topic, partition })
    }

    pub(crate) fn last_of(&self, log: &CutLog) -> i64 {
        self.0.get(log).copied().unwrap_or(-1)
    }

    /// What it says of one topic, as a cut of that alone; all of it where it names no topics.
    ///
    /// ```
    /// let cut: annals_event_store::Cut = "orders/0=12,packages/1=5".parse()?;
    /// assert_eq!(cut.of_topic("packages").to_string(), "1=5");
    /// # Ok::<(), annals_event_store::CutError>(())
    /// ```
    #[must_use]
    pub fn of_topic(&self, topic: &str) -> Cut {
        let is_of = |log: &CutLog| log.topic.as_deref().is_none_or(|named| named == topic);
        let mine = self.0.iter().filter(|(log, _)| is_of(log));
        mine.map(|(log, last)| (log.partition, *last)).collect()
    }

    /// Whether it has more of any log than another has.
    pub(crate) fn has_more_than(&self, other: &Cut) -> bool {
        self.logs().any(|(log, last)| last > other.last_of(log))
    }

    /// The same cut of several topics, with this log ending at this offset.
    ///
    /// ```
    /// use annals_event_store::{Cut, LogName};
    ///
    /// let cut: Cut = "orders/0=12,packages/1=5".parse()?;
    /// let log = LogName { topic: "packages".to_owned(), partition: 1 };
    /// assert_eq!(cut.ended(&log, 3).to_string(), "orders/0=12,packages/1=3");
    /// # Ok::<(), annals_event_store::CutError>(())
    /// ```
    #[must_use]
    pub fn ended(&self, log: &LogName, last: i64) -> Cut {
        let mut ended = self.clone();
        let log = CutLog {
            topic: Some(Arc::from(log.topic.as_str())),
            partition: log.partition,
        };
        ended.0.insert(log, last.max(-1));
        ended
    }

    /// Partitions and their last offsets, in order; of a cut of several topics without the topics' names.
    pub fn iter(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.0.iter().map(|(log, offset)| (log.partition, *offset))
    }

    /// The same, with how each is named.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (&CutLog, i64)> {
        self.0.iter().map(|(log, offset)| (log, *offset))
    }
}

impl FromIterator<(u32, i64)> for Cut {
    fn from_iter<T: IntoIterator<Item = (u32, i64)>>(pairs: T) -> Cut {
        let named = pairs.into_iter();
        named
            .map(|(partition, offset)| (CutLog::alone(partition), offset))
            .collect()
    }
}

impl FromIterator<(CutLog, i64)> for Cut {
    fn from_iter<T: IntoIterator<Item = (CutLog, i64)>>(pairs: T) -> Cut {
        Cut(pairs
            .into_iter()
            .map(|(log, offset)| (log, offset.max(-1)))
            .collect())
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (log, offset)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{log}={offset}")?;
        }
        Ok(())
    }
}

impl FromStr for Cut {
    type Err = CutError;

    fn from_str(text: &str) -> Result<Cut, CutError> {
        let mut cut = BTreeMap::new();
        for pair in text.split(',').filter(|_| !text.is_empty()) {
            let wrong = || CutError::Pair(pair.to_owned());
            let (log, offset) = pair.trim().split_once('=').ok_or_else(wrong)?;
            let log: CutLog = log.parse().map_err(|()| wrong())?;
            let offset: i64 = offset.parse().map_err(|_| wrong())?;
            if offset < -1 {
                return Err(wrong());
            }
            if cut.contains_key(&log) {
                return Err(CutError::Twice(log.to_string()));
            }
            cut.insert(log, offset);
            if cut.len() > PARTITIONS_MAX {
                return Err(CutError::TooMany);
            }
        }
        Ok(Cut(cut))
    }
}

impl Serialize for Cut {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cut {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Cut, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}
