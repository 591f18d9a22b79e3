//! ListPartitionReassignments (key 46): the moves of partitions that are under way.

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Which partitions.
    request ListPartitionReassignmentsRequest: ListPartitionReassignments 0..=0 => ListPartitionReassignmentsResponse {
        timeout_ms: i32, 0.., default 60_000; "How long to wait for an answer, in milliseconds."
        topics: Option<Vec<ListPartitionReassignmentsTopics>>, 0.., most TOPICS_MAX, null 0..; "Each topic, null for all."
    }

    /// One topic.
    part ListPartitionReassignmentsTopics {
        name: String, 0..; "The topic."
        partition_indexes: Vec<i32>, 0.., most PARTITIONS_MAX; "Its partitions."
    }

    /// The moves.
    response ListPartitionReassignmentsResponse: ListPartitionReassignments 0..=0 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why there is no list."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        topics: Vec<OngoingTopicReassignment>, 0..; "Each topic."
    }

    /// One topic's moves.
    part OngoingTopicReassignment {
        name: String, 0..; "The topic."
        partitions: Vec<OngoingPartitionReassignment>, 0..; "Each partition."
    }

    /// One partition's move.
    part OngoingPartitionReassignment {
        partition_index: i32, 0..; "The partition."
        replicas: Vec<i32>, 0..; "The brokers that hold it now."
        adding_replicas: Vec<i32>, 0..; "The brokers it goes to."
        removing_replicas: Vec<i32>, 0..; "The brokers it leaves."
    }
}
