//! OffsetDelete (key 47): offsets of a group to forget. It kept the old encoding in its only version.

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Whose offsets.
    request OffsetDeleteRequest: OffsetDelete 0..=0 => OffsetDeleteResponse {
        group_id: String, 0..; "The group."
        topics: Vec<OffsetDeleteRequestTopic>, 0.., most TOPICS_MAX; "Each topic."
    }

    /// One topic.
    part OffsetDeleteRequestTopic {
        name: String, 0..; "The topic."
        partitions: Vec<OffsetDeleteRequestPartition>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// One partition.
    part OffsetDeleteRequestPartition {
        partition_index: i32, 0..; "The partition."
    }

    /// What became of the offsets.
    response OffsetDeleteResponse: OffsetDelete 0..=0 => {
        error_code: i16, 0..; "0, or why the whole request failed."
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<OffsetDeleteResponseTopic>, 0..; "Each topic."
    }

    /// One topic's result.
    part OffsetDeleteResponseTopic {
        name: String, 0..; "The topic."
        partitions: Vec<OffsetDeleteResponsePartition>, 0..; "Each partition."
    }

    /// One partition's result.
    part OffsetDeleteResponsePartition {
        partition_index: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why the offset is still there."
    }
}
