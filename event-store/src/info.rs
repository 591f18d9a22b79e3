//! What a store knows of an aggregate type without folding anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aggregates::Aggregate;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{FoldUsed, ReaderUsed};
use crate::time_source::TimeSource;
use crate::work::Work;

/// What a store knows of an aggregate type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct AggregateInfo {
    /// Its name; with its revision (`order@1`) where a fold of a higher one runs under the name alone.
    pub name: String,
    /// The topic its events are in; the first of them, where these are several.
    pub topic: String,
    /// The topics its events are in, in the order in which the fold names them, where these are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub topics: Vec<String>,
    /// Of topics whose events say in a field which aggregate they belong to, and not by their keys, that field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub by: BTreeMap<String, String>,
    /// How many partitions the topic has, or the topics have together.
    pub partitions: u32,
    /// The fold that makes its state.
    pub fold: FoldUsed,
    /// What the fold reads its events with.
    pub readers: Vec<ReaderUsed>,
    /// Whose clock recorded times are by, for all records at the head: `append` is the log's, `producer` that of whoever
    /// sent the events; null where none can be read.
    pub time: Option<TimeSource>,
    /// How many aggregates of this type there are at the head.
    pub aggregates: u64,
    /// Records of the topic at the head.
    pub records: u64,
    /// Records without a key, or without a value in the field that says whose they are; they belong to no aggregate.
    pub keyless_records: u64,
    /// Batches, and damaged places of the log, whose records cannot be read; they may hold events of any aggregate.
    pub unreadable_batches: u64,
    /// The head: the last offset of each partition.
    #[cfg_attr(feature = "http", schema(value_type = String, example = "0=12,1=40"))]
    pub head: Cut,
    /// Why the records from here on cannot be read, when the log is damaged: what is said above is of those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// How far an aggregate's index is: what [`EventStore::progress`](crate::EventStore::progress) tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The aggregate.
    pub name: String,
    /// Aggregates of this type that it knows; of several topics those of the one with most, since only a question puts the
    /// keys of all together.
    pub aggregates: u64,
    /// Records that it holds.
    pub records: u64,
    /// Offsets between what it has read and the last stable ones.
    pub lag: u64,
}

impl Aggregate {
    pub(crate) fn progress(&self) -> Progress {
        let mut progress = Progress {
            name: self.name().to_owned(),
            aggregates: 0,
            records: 0,
            lag: 0,
        };
        let head = self.index.head();
        let mut keys: BTreeMap<&str, u64> = BTreeMap::new();
        for partition in &self.index.partitions {
            let facts = partition.keys().key_facts();
            *keys.entry(&partition.topic).or_default() += facts.keys;
            progress.records += facts.records;
            let behind = partition.log.last_stable_offset() - (partition.last(&head) + 1);
            progress.lag += u64::try_from(behind).unwrap_or(0);
        }
        progress.aggregates = keys.into_values().max().unwrap_or(0);
        progress
    }

    pub(crate) fn info(&self, work: &Work) -> AggregateInfo {
        // One damaged topic must not hide the others.
        let (head, mut damage) = match self.index.catch_up(work) {
            Ok(head) => (head, None),
            Err(error) => (self.index.head(), Some(error.to_string())),
        };
        let mut info = AggregateInfo {
            name: self.name().to_owned(),
            topic: self.index.topics.first().cloned().unwrap_or_default(),
            topics: match self.index.is_merged() {
                true => self.index.topics.clone(),
                false => Vec::new(),
            },
            by: self.index.fields(),
            partitions: u32::try_from(self.index.partitions.len()).unwrap_or(u32::MAX),
            fold: FoldUsed::from(self.fold.id()),
            readers: self.fold.readers(),
            time: None,
            aggregates: 0,
            records: 0,
            keyless_records: 0,
            unreadable_batches: 0,
            head,
            damage: None,
        };
        if damage.is_none() {
            damage = self.tell(&mut info, work).err().map(|error| error.to_string());
        }
        AggregateInfo { damage, ..info }
    }

    fn tell(&self, info: &mut AggregateInfo, work: &Work) -> Result<(), StoreError> {
        info.time = self.index.time(&info.head)?;
        info.unreadable_batches = self.index.unreadable(&info.head)?;
        info.aggregates = self.total(&info.head, work)?;
        for partition in &self.index.partitions {
            let facts = partition.keys().key_facts();
            info.records += facts.records;
            info.keyless_records += facts.keyless;
        }
        Ok(())
    }
}
