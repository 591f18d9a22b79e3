//! CreateTopics (key 19): new topics and their configuration.

use super::{NEW_TOPICS_MAX, PARTITIONS_MAX, REPLICAS_MAX, SETTINGS_MAX};

message! {
    /// The topics to create.
    request CreateTopicsRequest: CreateTopics 2..=7 => CreateTopicsResponse {
        topics: Vec<CreatableTopic>, 0.., most NEW_TOPICS_MAX; "Each topic."
        timeout_ms: i32, 0.., default 60_000; "How long to wait until they are there, in milliseconds."
        validate_only: bool, 1..; "Whether to check only, and create nothing."
    }

    /// One topic to create.
    part CreatableTopic {
        name: String, 0..; "Its name."
        num_partitions: i32, 0..; "How many partitions, -1 for the default or if assignments are given."
        replication_factor: i16, 0..; "How many replicas, -1 for the default or if assignments are given."
        assignments: Vec<CreatableReplicaAssignment>, 0.., most PARTITIONS_MAX; "Which brokers hold which partition; empty to leave it to the broker."
        configs: Vec<CreatableTopicConfig>, 0.., most SETTINGS_MAX; "Its configuration."
    }

    /// Where one partition goes.
    part CreatableReplicaAssignment {
        partition_index: i32, 0..; "The partition."
        broker_ids: Vec<i32>, 0.., most REPLICAS_MAX; "The brokers, the preferred leader first."
    }

    /// One configuration to set.
    part CreatableTopicConfig {
        name: String, 0..; "Its name."
        value: Option<String>, 0.., null 0..; "Its value."
    }

    /// What became of each topic.
    response CreateTopicsResponse: CreateTopics 2..=7 => {
        throttle_time_ms: i32, 2..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<CreatableTopicResult>, 0..; "Each topic."
    }

    /// What became of one topic.
    part CreatableTopicResult {
        name: String, 0..; "Its name."
        topic_id: [u8; 16], 7..; "Its id."
        error_code: i16, 0..; "0, or why it was not created."
        error_message: Option<String>, 1.., null 0..; "The same in words."
        topic_config_error_code: i16, 5.., tag 0; "Why its configuration is not shown."
        num_partitions: i32, 5.., default -1; "How many partitions it has."
        replication_factor: i16, 5.., default -1; "How many replicas each has."
        configs: Option<Vec<CreatableTopicConfigs>>, 5.., null 5.., default Some(Vec::new()); "Its configuration, null if it is not shown."
    }

    /// One configuration as it is now.
    part CreatableTopicConfigs {
        name: String, 5..; "Its name."
        value: Option<String>, 5.., null 5..; "Its value."
        read_only: bool, 5..; "Whether it cannot be changed."
        config_source: i8, 5.., default -1; "Where the value comes from: 1 the topic, 5 the default."
        is_sensitive: bool, 5..; "Whether the value is a secret and so not shown."
    }
}
