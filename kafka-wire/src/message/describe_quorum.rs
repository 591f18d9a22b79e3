//! DescribeQuorum (key 55): who votes on the cluster's metadata, and how far each is.

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Which quorums.
    request DescribeQuorumRequest: DescribeQuorum 0..=2 => DescribeQuorumResponse {
        topics: Vec<QuorumTopic>, 0.., most TOPICS_MAX; "Each topic."
    }

    /// One topic to describe.
    part QuorumTopic {
        topic_name: String, 0..; "The topic."
        partitions: Vec<QuorumPartition>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// One partition to describe.
    part QuorumPartition {
        partition_index: i32, 0..; "The partition."
    }

    /// The quorums.
    response DescribeQuorumResponse: DescribeQuorum 0..=2 => {
        error_code: i16, 0..; "0, or why the whole request failed."
        error_message: Option<String>, 2.., null 2..; "The same in words."
        topics: Vec<TopicData>, 0..; "Each topic."
        nodes: Vec<Node>, 2..; "Each controller."
    }

    /// One topic's quorums.
    part TopicData {
        topic_name: String, 0..; "The topic."
        partitions: Vec<PartitionData>, 0..; "Each partition."
    }

    /// One partition's quorum.
    part PartitionData {
        partition_index: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why there is no description."
        error_message: Option<String>, 2.., null 2..; "The same in words."
        leader_id: i32, 0..; "Who leads, -1 for none."
        leader_epoch: i32, 0..; "The leader's epoch."
        high_watermark: i64, 0..; "The offset after the last record that is agreed upon."
        current_voters: Vec<ReplicaState>, 0..; "Each that votes."
        observers: Vec<ReplicaState>, 0..; "Each that only watches."
    }

    /// One that votes, or watches.
    part ReplicaState {
        replica_id: i32, 0..; "The controller or broker."
        replica_directory_id: [u8; 16], 2..; "The id of its directory."
        log_end_offset: i64, 0..; "The offset after its last record, -1 if not known."
        last_fetch_timestamp: i64, 1.., default -1; "When it last asked, in milliseconds since 1970; -1 if not known."
        last_caught_up_timestamp: i64, 1.., default -1; "When it last had everything, in milliseconds since 1970; -1 if not known."
    }

    /// Where a controller listens.
    part Node {
        node_id: i32, 2..; "The controller."
        listeners: Vec<Listener>, 2..; "Each listener."
    }

    /// One of its listeners.
    part Listener {
        name: String, 2..; "Its name."
        host: String, 2..; "Its host name."
        port: u16, 2..; "Its port."
    }
}
