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
    /// Topics whose name another has since. What they left stays on disk, in case there are records in it.
    pub(super) aside: BTreeMap<Uuid, NewTopic>,
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
                self.set_aside(&name);
                self.topics.insert(
                    id,
                    NewTopic {
                        name,
                        partitions,
                        config,
                    },
                );
            }
            MetaRecord::TopicConfig { id, config } => {
                if let Some(topic) = self.known(&id) {
                    topic.config = config;
                }
            }
            MetaRecord::TopicPartitions { id, partitions } => {
                if let Some(topic) = self.known(&id) {
                    topic.partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
                }
            }
            MetaRecord::TopicDeleted { id } => {
                let deleted = self.topics.remove(&id).or_else(|| self.aside.remove(&id));
                self.deleted.extend(deleted.map(|new| (id, new)));
            }
            MetaRecord::ProducerIds { next } => self.producer_ids_next = next,
        }
    }

    fn known(&mut self, id: &Uuid) -> Option<&mut NewTopic> {
        self.topics.get_mut(id).or_else(|| self.aside.get_mut(id))
    }

    /// Of two creations of one name the later one counts: it was made when there was no such topic.
    fn set_aside(&mut self, name: &str) {
        let earlier = self.topics.extract_if(.., |_, new| new.name == name);
        self.aside.extend(earlier);
    }
}
