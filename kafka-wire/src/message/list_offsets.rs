//! ListOffsets (key 2): the offset at a time, or at either end.
//!
//! Times with a meaning of their own: -1 the end, -2 the start, -3 the record with the greatest timestamp (version 7),
//! -4, -5 and -6 tiered storage (versions 8, 9 and 11). Version 0, which gave several offsets, is gone (KIP-896).

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Which partitions, and at which times.
    request ListOffsetsRequest: ListOffsets 1..=11 => ListOffsetsResponse {
        replica_id: i32, 0..; "The broker that replicates, -1 for a consumer."
        isolation_level: i8, 2..; "1 takes the last stable offset for the end."
        topics: Vec<ListOffsetsTopic>, 0.., most TOPICS_MAX; "Each topic."
        timeout_ms: i32, 10..; "How long to wait for what lies in tiered storage, in milliseconds."
    }

    /// One topic to look at.
    part ListOffsetsTopic {
        name: String, 0..; "The topic."
        partitions: Vec<ListOffsetsPartition>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// One partition to look at.
    part ListOffsetsPartition {
        partition_index: i32, 0..; "The partition."
        current_leader_epoch: i32, 4.., default -1; "The leader epoch the client knows, -1 for none."
        timestamp: i64, 0..; "The time in milliseconds since 1970, or one of the special times."
    }

    /// The offsets found.
    response ListOffsetsResponse: ListOffsets 1..=11 => {
        throttle_time_ms: i32, 2..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<ListOffsetsTopicResponse>, 0..; "Each topic."
    }

    /// The offsets found in one topic.
    part ListOffsetsTopicResponse {
        name: String, 0..; "The topic."
        partitions: Vec<ListOffsetsPartitionResponse>, 0..; "Each partition."
    }

    /// The offset found in one partition.
    part ListOffsetsPartitionResponse {
        partition_index: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why there is no offset."
        timestamp: i64, 1.., default -1; "The record's timestamp, -1 for either end or if there is none."
        offset: i64, 1.., default -1; "The offset, -1 if there is none."
        leader_epoch: i32, 4.., default -1; "The epoch of the record's leader, -1 for none."
    }
}
