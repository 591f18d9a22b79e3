//! ElectLeaders (key 43): partitions that should be led by the broker they belong to.

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Which partitions.
    request ElectLeadersRequest: ElectLeaders 0..=2 => ElectLeadersResponse {
        election_type: i8, 1..; "0 the preferred leader, 1 any replica if there is no other way."
        topic_partitions: Option<Vec<TopicPartitions>>, 0.., most TOPICS_MAX, null 0.., default Some(Vec::new()); "Each topic, null for all."
        timeout_ms: i32, 0.., default 60_000; "How long to wait for the elections, in milliseconds."
    }

    /// Partitions of one topic.
    part TopicPartitions {
        topic: String, 0..; "The topic."
        partitions: Vec<i32>, 0.., most PARTITIONS_MAX; "Its partitions."
    }

    /// What became of them.
    response ElectLeadersResponse: ElectLeaders 0..=2 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 1..; "0, or why the whole request failed."
        replica_election_results: Vec<ReplicaElectionResult>, 0..; "Each topic."
    }

    /// One topic's result.
    part ReplicaElectionResult {
        topic: String, 0..; "The topic."
        partition_result: Vec<PartitionResult>, 0..; "Each partition."
    }

    /// One partition's result.
    part PartitionResult {
        partition_id: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why there was no election."
        error_message: Option<String>, 0.., null 0..; "The same in words."
    }
}
