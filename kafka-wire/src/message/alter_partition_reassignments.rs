//! AlterPartitionReassignments (key 45): other brokers for partitions.

use super::{PARTITIONS_MAX, REPLICAS_MAX, TOPICS_MAX};

message! {
    /// Where the partitions go.
    request AlterPartitionReassignmentsRequest: AlterPartitionReassignments 0..=1 => AlterPartitionReassignmentsResponse {
        timeout_ms: i32, 0.., default 60_000; "How long to wait for the change to begin, in milliseconds."
        allow_replication_factor_change: bool, 1.., default true; "Whether a partition may have more or fewer replicas than before."
        topics: Vec<ReassignableTopic>, 0.., most TOPICS_MAX; "Each topic."
    }

    /// One topic.
    part ReassignableTopic {
        name: String, 0..; "The topic."
        partitions: Vec<ReassignablePartition>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// Where one partition goes.
    part ReassignablePartition {
        partition_index: i32, 0..; "The partition."
        replicas: Option<Vec<i32>>, 0.., most REPLICAS_MAX, null 0..; "The brokers, the preferred leader first; null to stop a move that is under way."
    }

    /// What became of it.
    response AlterPartitionReassignmentsResponse: AlterPartitionReassignments 0..=1 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        allow_replication_factor_change: bool, 1.., default true; "Whether a partition may have more or fewer replicas than before."
        error_code: i16, 0..; "0, or why the whole request failed."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        responses: Vec<ReassignableTopicResponse>, 0..; "Each topic."
    }

    /// One topic's result.
    part ReassignableTopicResponse {
        name: String, 0..; "The topic."
        partitions: Vec<ReassignablePartitionResponse>, 0..; "Each partition."
    }

    /// One partition's result.
    part ReassignablePartitionResponse {
        partition_index: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why the partition stays."
        error_message: Option<String>, 0.., null 0..; "The same in words."
    }
}
