//! OffsetCommit (key 8): how far a group has read.
//!
//! Versions below 2 are gone (KIP-896); from version [`TOPIC_IDS_FROM`] on topics are named by id alone. A group
//! without members commits with generation -1 and no member id.

use super::{PARTITIONS_MAX, TOPICS_MAX};

/// The first version in which topics have ids and no names.
pub const TOPIC_IDS_FROM: i16 = 10;

message! {
    /// Whose offsets, and from whom.
    request OffsetCommitRequest: OffsetCommit 2..=10 => OffsetCommitResponse {
        group_id: String, 0..; "The group."
        generation_id_or_member_epoch: i32, 0.., default -1; "The group's generation, or the member's epoch in a group of the new protocol; -1 for no member."
        member_id: String, 0..; "The member, empty for none."
        group_instance_id: Option<String>, 7.., null 7..; "The name a static member keeps over restarts, null for a dynamic one."
        retention_time_ms: i64, 0..=4, default -1; "How long to keep the offsets, in milliseconds; -1 for the broker's own rule."
        topics: Vec<OffsetCommitRequestTopic>, 0.., most TOPICS_MAX; "Each topic."
    }

    /// One topic's offsets.
    part OffsetCommitRequestTopic {
        name: String, 0..=9; "The topic."
        topic_id: [u8; 16], 10..; "The topic's id."
        partitions: Vec<OffsetCommitRequestPartition>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// One partition's offset.
    part OffsetCommitRequestPartition {
        partition_index: i32, 0..; "The partition."
        committed_offset: i64, 0..; "The offset of the next record to read."
        committed_leader_epoch: i32, 6.., default -1; "The leader epoch of the last record read, -1 for none."
        committed_metadata: Option<String>, 0.., null 0..; "What the client wants to remember beside it."
    }

    /// What became of the offsets.
    response OffsetCommitResponse: OffsetCommit 2..=10 => {
        throttle_time_ms: i32, 3..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<OffsetCommitResponseTopic>, 0..; "Each topic."
    }

    /// One topic's result.
    part OffsetCommitResponseTopic {
        name: String, 0..=9; "The topic."
        topic_id: [u8; 16], 10..; "The topic's id."
        partitions: Vec<OffsetCommitResponsePartition>, 0..; "Each partition."
    }

    /// One partition's result.
    part OffsetCommitResponsePartition {
        partition_index: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why the offset was not kept."
    }
}
