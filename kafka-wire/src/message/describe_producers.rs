//! DescribeProducers (key 61): who has written to a partition lately, and who has a transaction open there.

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Which partitions.
    request DescribeProducersRequest: DescribeProducers 0..=0 => DescribeProducersResponse {
        topics: Vec<TopicRequest>, 0.., most TOPICS_MAX; "Each topic."
    }

    /// One topic.
    part TopicRequest {
        name: String, 0..; "The topic."
        partition_indexes: Vec<i32>, 0.., most PARTITIONS_MAX; "Its partitions."
    }

    /// The producers.
    response DescribeProducersResponse: DescribeProducers 0..=0 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<TopicResponse>, 0..; "Each topic."
    }

    /// One topic's producers.
    part TopicResponse {
        name: String, 0..; "The topic."
        partitions: Vec<PartitionResponse>, 0..; "Each partition."
    }

    /// One partition's producers.
    part PartitionResponse {
        partition_index: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why there are no producers."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        active_producers: Vec<ProducerState>, 0..; "Each producer."
    }

    /// One producer.
    part ProducerState {
        producer_id: i64, 0..; "The producer's id."
        producer_epoch: i32, 0..; "Its epoch."
        last_sequence: i32, 0.., default -1; "The sequence number of its last record, -1 for none."
        last_timestamp: i64, 0.., default -1; "The time of its last record, in milliseconds since 1970; -1 for none."
        coordinator_epoch: i32, 0..; "The epoch of the coordinator that ended its last transaction."
        current_txn_start_offset: i64, 0.., default -1; "Where its open transaction begins, -1 for none."
    }
}
