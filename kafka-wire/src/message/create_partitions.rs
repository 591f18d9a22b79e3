//! CreatePartitions (key 37): more partitions for topics.

use super::{PARTITIONS_MAX, REPLICAS_MAX, TOPICS_MAX};

message! {
    /// The topics to grow.
    request CreatePartitionsRequest: CreatePartitions 0..=3 => CreatePartitionsResponse {
        topics: Vec<CreatePartitionsTopic>, 0.., most TOPICS_MAX; "Each topic."
        timeout_ms: i32, 0..; "How long to wait until they are there, in milliseconds."
        validate_only: bool, 0..; "Whether to check only, and change nothing."
    }

    /// One topic to grow.
    part CreatePartitionsTopic {
        name: String, 0..; "The topic."
        count: i32, 0..; "How many partitions it has afterwards."
        assignments: Option<Vec<CreatePartitionsAssignment>>, 0.., most PARTITIONS_MAX, null 0.., default Some(Vec::new()); "Where each new partition goes; null to leave it to the broker."
    }

    /// Where one new partition goes.
    part CreatePartitionsAssignment {
        broker_ids: Vec<i32>, 0.., most REPLICAS_MAX; "The brokers, the preferred leader first."
    }

    /// What became of each topic.
    response CreatePartitionsResponse: CreatePartitions 0..=3 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        results: Vec<CreatePartitionsTopicResult>, 0..; "Each topic."
    }

    /// What became of one topic.
    part CreatePartitionsTopicResult {
        name: String, 0..; "The topic."
        error_code: i16, 0..; "0, or why it has not grown."
        error_message: Option<String>, 0.., null 0..; "The same in words."
    }
}
