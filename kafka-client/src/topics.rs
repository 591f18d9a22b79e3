//! Topics: listed, created, altered, deleted, and what is set on them.

use std::collections::BTreeMap;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use annals_kafka_wire::message::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
};
use annals_kafka_wire::message::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use annals_kafka_wire::message::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use annals_kafka_wire::message::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use annals_kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponseTopic};
use uuid::Uuid;

use crate::{ANSWER_TIMEOUT, Client, ClientError, accepted, unexpected};

/// Kafka's number for topics among the things that have settings.
const TOPIC: i8 = 2;

/// A topic as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: i32,
    /// Whether it belongs to the broker.
    pub is_internal: bool,
}

/// One setting of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value; `None` for a secret, or for none.
    pub value: Option<String>,
    /// Where the value comes from: `topic`, `broker` or `default`.
    pub source: &'static str,
}

impl Client {
    /// Creates a topic and returns its id.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn create_topic(
        &mut self,
        name: &str,
        partitions: i32,
        config: &BTreeMap<String, String>,
    ) -> Result<Uuid, ClientError> {
        let setting = |(name, value): (&String, &String)| CreatableTopicConfig {
            name: name.clone(),
            value: Some(value.clone()),
        };
        let topic = CreatableTopic {
            name: name.to_owned(),
            num_partitions: partitions,
            replication_factor: -1,
            configs: config.iter().map(setting).collect(),
            ..CreatableTopic::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![topic],
            ..CreateTopicsRequest::default()
        };
        let CreateTopicsResponse { topics, .. } = self.call(&request).await?;
        let created = topics
            .into_iter()
            .next()
            .ok_or_else(|| unexpected("no topic in it"))?;
        accepted(created.error_code, created.error_message)?;
        Ok(Uuid::from_bytes(created.topic_id))
    }

    /// Deletes a topic and its records.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn delete_topic(&mut self, name: &str) -> Result<(), ClientError> {
        let topic = DeleteTopicState {
            name: Some(name.to_owned()),
            ..DeleteTopicState::default()
        };
        let request = DeleteTopicsRequest {
            topics: vec![topic],
            topic_names: vec![name.to_owned()],
            timeout_ms: i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX),
        };
        let deleted = self.call(&request).await?.responses.into_iter().next();
        let deleted = deleted.ok_or_else(|| unexpected("no topic in it"))?;
        accepted(deleted.error_code, deleted.error_message)
    }

    /// All topics, by name.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn topics(&mut self) -> Result<Vec<TopicInfo>, ClientError> {
        let request = MetadataRequest {
            topics: None,
            ..MetadataRequest::default()
        };
        self.call(&request)
            .await?
            .topics
            .into_iter()
            .map(topic_info)
            .collect()
    }

    /// One topic; `None` when there is none of this name. Never creates it.
    ///
    /// # Errors
    /// [`ClientError::Broker`] when the name is not a topic's.
    pub async fn topic(&mut self, name: &str) -> Result<Option<TopicInfo>, ClientError> {
        let asked = MetadataRequestTopic {
            name: Some(name.to_owned()),
            ..MetadataRequestTopic::default()
        };
        let request = MetadataRequest {
            topics: Some(vec![asked]),
            allow_auto_topic_creation: false,
            ..MetadataRequest::default()
        };
        let found = self.call(&request).await?.topics.into_iter().next();
        let found = found.ok_or_else(|| unexpected("no topic in it"))?;
        if ErrorCode::from(found.error_code) == ErrorCode::UnknownTopicOrPartition {
            return Ok(None);
        }
        topic_info(found).map(Some)
    }

    /// What is set on a topic, defaults included.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn topic_settings(&mut self, name: &str) -> Result<Vec<Setting>, ClientError> {
        let request = DescribeConfigsRequest {
            resources: vec![DescribeConfigsResource {
                resource_type: TOPIC,
                resource_name: name.to_owned(),
                configuration_keys: None,
            }],
            ..DescribeConfigsRequest::default()
        };
        let found = self.call(&request).await?.results.into_iter().next();
        let found = found.ok_or_else(|| unexpected("no topic in it"))?;
        accepted(found.error_code, found.error_message)?;
        let setting =
            |config: annals_kafka_wire::message::describe_configs::DescribeConfigsResourceResult| Setting {
                name: config.name,
                value: config.value,
                source: match config.config_source {
                    1 => "topic",
                    5 => "default",
                    _ => "broker",
                },
            };
        Ok(found.configs.into_iter().map(setting).collect())
    }

    /// Changes settings of a topic: each to a value, or back to its default.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason; then nothing was changed.
    pub async fn alter_topic(
        &mut self,
        name: &str,
        changes: &[(String, Option<String>)],
    ) -> Result<(), ClientError> {
        let change = |(name, value): &(String, Option<String>)| AlterableConfig {
            name: name.clone(),
            config_operation: i8::from(value.is_none()),
            value: value.clone(),
        };
        let request = IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: TOPIC,
                resource_name: name.to_owned(),
                configs: changes.iter().map(change).collect(),
            }],
            ..IncrementalAlterConfigsRequest::default()
        };
        let altered = self.call(&request).await?.responses.into_iter().next();
        let altered = altered.ok_or_else(|| unexpected("no topic in it"))?;
        accepted(altered.error_code, altered.error_message)
    }

    /// Gives a topic more partitions: so many in all.
    ///
    /// # Errors
    /// [`ClientError::Broker`] with the broker's reason.
    pub async fn grow_topic(&mut self, name: &str, partitions: i32) -> Result<(), ClientError> {
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: name.to_owned(),
                count: partitions,
                assignments: None,
            }],
            timeout_ms: i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX),
            ..CreatePartitionsRequest::default()
        };
        let grown = self.call(&request).await?.results.into_iter().next();
        let grown = grown.ok_or_else(|| unexpected("no topic in it"))?;
        accepted(grown.error_code, grown.error_message)
    }
}

fn topic_info(topic: MetadataResponseTopic) -> Result<TopicInfo, ClientError> {
    accepted(topic.error_code, None)?;
    Ok(TopicInfo {
        name: topic.name.unwrap_or_default(),
        id: Uuid::from_bytes(topic.topic_id),
        is_internal: topic.is_internal,
        partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
    })
}
