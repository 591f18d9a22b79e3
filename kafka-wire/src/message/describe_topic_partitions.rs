//! DescribeTopicPartitions (key 75): topics and their partitions, a page at a time.

use super::TOPICS_MAX;

message! {
    /// Which topics, and from where on.
    request DescribeTopicPartitionsRequest: DescribeTopicPartitions 0..=0 => DescribeTopicPartitionsResponse {
        topics: Vec<TopicRequest>, 0.., most TOPICS_MAX; "Each topic, none for all."
        response_partition_limit: i32, 0.., default 2000; "The most partitions to answer with."
        cursor: Option<Cursor>, 0.., null 0..; "Where to go on, null to begin."
    }

    /// One topic.
    part TopicRequest {
        name: String, 0..; "The topic."
    }

    /// Where a page begins.
    part Cursor {
        topic_name: String, 0..; "The topic."
        partition_index: i32, 0..; "The partition."
    }

    /// One page.
    response DescribeTopicPartitionsResponse: DescribeTopicPartitions 0..=0 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<DescribeTopicPartitionsResponseTopic>, 0..; "Each topic."
        next_cursor: Option<Cursor>, 0.., null 0..; "Where the next page begins, null after the last."
    }

    /// One topic.
    part DescribeTopicPartitionsResponseTopic {
        error_code: i16, 0..; "0, or what is wrong with the topic."
        name: Option<String>, 0.., null 0..; "Its name, null if it is not known."
        topic_id: [u8; 16], 0..; "Its id."
        is_internal: bool, 0..; "Whether it belongs to the broker."
        partitions: Vec<DescribeTopicPartitionsResponsePartition>, 0..; "Each partition."
        topic_authorized_operations: i32, 0.., default i32::MIN; "What the client may do, a bit an operation."
    }

    /// One partition.
    part DescribeTopicPartitionsResponsePartition {
        error_code: i16, 0..; "0, or what is wrong with the partition."
        partition_index: i32, 0..; "The partition."
        leader_id: i32, 0..; "The broker that leads it, -1 for none."
        leader_epoch: i32, 0.., default -1; "The leader's epoch, -1 if not known."
        replica_nodes: Vec<i32>, 0..; "The brokers that hold it."
        isr_nodes: Vec<i32>, 0..; "Those of them that are in sync."
        eligible_leader_replicas: Option<Vec<i32>>, 0.., null 0..; "Those that may lead it though not in sync, null if not known."
        last_known_elr: Option<Vec<i32>>, 0.., null 0..; "Those that could last, null if not known."
        offline_replicas: Vec<i32>, 0..; "Those that are away."
    }
}
