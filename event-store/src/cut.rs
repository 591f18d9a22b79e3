//! A cut: for each partition the last offset that counts. It is the one exact answer to "as of when".
//!
//! Invariant: the same cut over the same log always selects the same records, whatever was appended since. Times
//! and revisions are resolved to a cut once, and the cut is what an answer records.
//! A partition a cut does not name has nothing in it; `-1` says the same.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Partitions a written cut may name; more than any topic has.
const PARTITIONS_MAX: usize = 10_000;

/// The last offset included, for each partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cut(BTreeMap<u32, i64>);

/// A text that is not a cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// A piece is not `partition=offset`.
    #[error("`{0}` is not partition=offset")]
    Pair(String),
    /// A partition stands there twice.
    #[error("partition {0} is named twice")]
    Twice(u32),
    /// More partitions than a cut may name.
    #[error("a cut names at most {PARTITIONS_MAX} partitions")]
    TooMany,
}

impl Cut {
    /// The last offset of this partition that counts; -1 when none does.
    pub fn last(&self, partition: u32) -> i64 {
        self.0.get(&partition).copied().unwrap_or(-1)
    }

    /// Partitions and their last offsets, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.0.iter().map(|(partition, offset)| (*partition, *offset))
    }
}

impl FromIterator<(u32, i64)> for Cut {
    fn from_iter<T: IntoIterator<Item = (u32, i64)>>(pairs: T) -> Cut {
        Cut(pairs
            .into_iter()
            .map(|(partition, offset)| (partition, offset.max(-1)))
            .collect())
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (partition, offset)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{partition}={offset}")?;
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
            let (partition, offset) = pair.trim().split_once('=').ok_or_else(wrong)?;
            let partition = partition.parse().map_err(|_| wrong())?;
            let offset: i64 = offset.parse().map_err(|_| wrong())?;
            if offset < -1 {
                return Err(wrong());
            }
            if cut.insert(partition, offset).is_some() {
                return Err(CutError::Twice(partition));
            }
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
