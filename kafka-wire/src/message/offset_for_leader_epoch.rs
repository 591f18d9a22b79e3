//! OffsetForLeaderEpoch (key 23): where a leader's epoch ends, so that a client finds out whether what it read still
//! stands.
//!
//! Versions below 2 are gone (KIP-896).

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Which epochs.
    request OffsetForLeaderEpochRequest: OffsetForLeaderEpoch 2..=4 => OffsetForLeaderEpochResponse {
        replica_id: i32, 3.., default -2; "The broker that replicates, -1 for a consumer, -2 if it does not say."
        topics: Vec<OffsetForLeaderTopic>, 0.., most TOPICS_MAX; "Each topic."
    }

    /// One topic.
    part OffsetForLeaderTopic {
        topic: String, 0..; "The topic."
        partitions: Vec<OffsetForLeaderPartition>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// One partition.
    part OffsetForLeaderPartition {
        partition: i32, 0..; "The partition."
        current_leader_epoch: i32, 0.., default -1; "The leader epoch the client knows, -1 for none."
        leader_epoch: i32, 0..; "The epoch asked about."
    }

    /// Where they end.
    response OffsetForLeaderEpochResponse: OffsetForLeaderEpoch 2..=4 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<OffsetForLeaderTopicResult>, 0..; "Each topic."
    }

    /// One topic's answer.
    part OffsetForLeaderTopicResult {
        topic: String, 0..; "The topic."
        partitions: Vec<EpochEndOffset>, 0..; "Each partition."
    }

    /// Where an epoch ends in one partition.
    part EpochEndOffset {
        error_code: i16, 0..; "0, or why there is no answer."
        partition: i32, 0..; "The partition."
        leader_epoch: i32, 0.., default -1; "The epoch asked about, or the one before it that has records; -1 for none."
        end_offset: i64, 0.., default -1; "The offset after its last record, -1 for none."
    }
}
