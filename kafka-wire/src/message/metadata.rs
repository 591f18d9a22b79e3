//! Metadata (key 3): brokers, topics and who leads what.
//!
//! In version 0 an empty list of topics asks for all; later a null one does. Versions 11 and up ask for a cluster's
//! authorized operations elsewhere.

use super::TOPICS_MAX;

message! {
    /// Which topics to describe.
    request MetadataRequest: Metadata 0..=13 => MetadataResponse {
        topics: Option<Vec<MetadataRequestTopic>>, 0.., most TOPICS_MAX, null 1.., default Some(Vec::new()); "The topics, null for all."
        allow_auto_topic_creation: bool, 4.., default true; "Whether a topic that is not there may be made."
        include_cluster_authorized_operations: bool, 8..=10; "Whether to say what the client may do to the cluster."
        include_topic_authorized_operations: bool, 8..; "Whether to say what the client may do to each topic."
    }

    /// A topic to describe, by name or by id.
    part MetadataRequestTopic {
        topic_id: [u8; 16], 10..; "The topic's id, zeros if it is named."
        name: Option<String>, 0.., null 10.., default Some(String::new()); "The topic's name, null if its id is given."
    }

    /// The cluster as it is.
    response MetadataResponse: Metadata 0..=13 => {
        throttle_time_ms: i32, 3..; "How long the client is asked to wait, in milliseconds."
        brokers: Vec<MetadataResponseBroker>, 0..; "Each broker."
        cluster_id: Option<String>, 2.., null 2..; "The cluster's id."
        controller_id: i32, 1.., default -1; "The broker that takes admin requests."
        topics: Vec<MetadataResponseTopic>, 0..; "Each topic."
        cluster_authorized_operations: i32, 8..=10, default i32::MIN; "What the client may do, a bit an operation."
        error_code: i16, 13..; "0, or why the whole request failed."
    }

    /// Where a broker listens.
    part MetadataResponseBroker {
        node_id: i32, 0..; "The broker."
        host: String, 0..; "Its host name."
        port: i32, 0..; "Its port."
        rack: Option<String>, 1.., null 1..; "Its rack."
    }

    /// One topic.
    part MetadataResponseTopic {
        error_code: i16, 0..; "0, or what is wrong with the topic."
        name: Option<String>, 0.., null 12.., default Some(String::new()); "Its name, null if an unknown id was asked for."
        topic_id: [u8; 16], 10..; "Its id."
        is_internal: bool, 1..; "Whether it belongs to the broker."
        partitions: Vec<MetadataResponsePartition>, 0..; "Each partition."
        topic_authorized_operations: i32, 8.., default i32::MIN; "What the client may do, a bit an operation."
    }

    /// One partition.
    part MetadataResponsePartition {
        error_code: i16, 0..; "0, or what is wrong with the partition."
        partition_index: i32, 0..; "The partition."
        leader_id: i32, 0..; "The broker that leads it, -1 for none."
        leader_epoch: i32, 7.., default -1; "The leader's epoch."
        replica_nodes: Vec<i32>, 0..; "The brokers that hold it."
        isr_nodes: Vec<i32>, 0..; "Those of them that are in sync."
        offline_replicas: Vec<i32>, 5..; "Those of them that are away."
    }
}
