//! OffsetFetch (key 9): how far groups have read.
//!
//! Up to version 7 one group is asked for and the answer stands at the top; from version 8 on there is a list of
//! groups. From version [`TOPIC_IDS_FROM`] on topics are named by id alone.

use super::{GROUPS_MAX, PARTITIONS_MAX, TOPICS_MAX};

/// The first version in which topics have ids and no names.
pub const TOPIC_IDS_FROM: i16 = 10;

message! {
    /// Whose offsets.
    request OffsetFetchRequest: OffsetFetch 1..=10 => OffsetFetchResponse {
        group_id: String, 0..=7; "The group."
        topics: Option<Vec<OffsetFetchRequestTopic>>, 0..=7, most TOPICS_MAX, null 2..=7, default Some(Vec::new()); "Each topic, null for all that have offsets."
        groups: Vec<OffsetFetchRequestGroup>, 8.., most GROUPS_MAX; "Each group."
        require_stable: bool, 7..; "Whether to wait out transactions that may still change an offset."
    }

    /// One topic of the one group.
    part OffsetFetchRequestTopic {
        name: String, 0..=7; "The topic."
        partition_indexes: Vec<i32>, 0..=7, most PARTITIONS_MAX; "Its partitions."
    }

    /// One group.
    part OffsetFetchRequestGroup {
        group_id: String, 8..; "The group."
        member_id: Option<String>, 9.., null 9..; "The member that asks, null for none."
        member_epoch: i32, 9.., default -1; "The member's epoch, -1 for none."
        topics: Option<Vec<OffsetFetchRequestTopics>>, 8.., most TOPICS_MAX, null 8.., default Some(Vec::new()); "Each topic, null for all that have offsets."
    }

    /// One topic of a group.
    part OffsetFetchRequestTopics {
        name: String, 8..=9; "The topic."
        topic_id: [u8; 16], 10..; "The topic's id."
        partition_indexes: Vec<i32>, 8.., most PARTITIONS_MAX; "Its partitions."
    }

    /// The offsets.
    response OffsetFetchResponse: OffsetFetch 1..=10 => {
        throttle_time_ms: i32, 3..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<OffsetFetchResponseTopic>, 0..=7; "Each topic."
        error_code: i16, 2..=7; "0, or why there are no offsets."
        groups: Vec<OffsetFetchResponseGroup>, 8..; "Each group."
    }

    /// The one group's offsets in one topic.
    part OffsetFetchResponseTopic {
        name: String, 0..=7; "The topic."
        partitions: Vec<OffsetFetchResponsePartition>, 0..=7; "Each partition."
    }

    /// The one group's offset in one partition.
    part OffsetFetchResponsePartition {
        partition_index: i32, 0..=7; "The partition."
        committed_offset: i64, 0..=7; "The offset of the next record to read, -1 for none."
        committed_leader_epoch: i32, 5..=7, default -1; "The leader epoch of the last record read, -1 for none."
        metadata: Option<String>, 0..=7, null 0..=7; "What the client remembers beside it."
        error_code: i16, 0..=7; "0, or why there is no offset."
    }

    /// One group's offsets.
    part OffsetFetchResponseGroup {
        group_id: String, 8..; "The group."
        topics: Vec<OffsetFetchResponseTopics>, 8..; "Each topic."
        error_code: i16, 8..; "0, or why there are no offsets."
    }

    /// A group's offsets in one topic.
    part OffsetFetchResponseTopics {
        name: String, 8..=9; "The topic."
        topic_id: [u8; 16], 10..; "The topic's id."
        partitions: Vec<OffsetFetchResponsePartitions>, 8..; "Each partition."
    }

    /// A group's offset in one partition.
    part OffsetFetchResponsePartitions {
        partition_index: i32, 8..; "The partition."
        committed_offset: i64, 8..; "The offset of the next record to read, -1 for none."
        committed_leader_epoch: i32, 8.., default -1; "The leader epoch of the last record read, -1 for none."
        metadata: Option<String>, 8.., null 8..; "What the client remembers beside it."
        error_code: i16, 8..; "0, or why there is no offset."
    }
}
