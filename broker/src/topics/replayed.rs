//! What the metadata log comes to: the topics there are, and those whose files may still be there.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::NewTopic;
use crate::meta::MetaRecord;

/// What the metadata log says, put together.
#[derive(Default)]
pub(super) struct Replayed {
    pub(super) cluster_id: Option<String>,
    pub(super) topics: BTreeMap<Uuid, NewTopic>,
    pub(super) deleted: BTreeMap<Uuid, NewTopic>,
    pub(super) producer_ids_next: i64,
}

impl Replayed {
    /// Takes in the next change.
    pub(super) fn apply(&mut self, record: MetaRecord) {
        match record {
            MetaRecord::Cluster { id } => self.cluster_id = Some(id),
            MetaRecord::TopicCreated {
                name,
                id,
                partitions,
                config,
            } => {
                let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
                self.topics.insert(
                    id,
                    NewTopic {
                        name,
                        partitions,
                        config,
                    },
                );
            }
            MetaRecord::TopicDeleted { id } => {
                self.deleted.extend(self.topics.remove(&id).map(|new| (id, new)));
            }
            MetaRecord::ProducerIds { next } => self.producer_ids_next = next,
        }
    }
}
