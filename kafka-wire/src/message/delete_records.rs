//! DeleteRecords (key 21): records to forget, from the beginning of a partition up to an offset.

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Up to where.
    request DeleteRecordsRequest: DeleteRecords 0..=2 => DeleteRecordsResponse {
        topics: Vec<DeleteRecordsTopic>, 0.., most TOPICS_MAX; "Each topic."
        timeout_ms: i32, 0..; "How long to wait until they are gone, in milliseconds."
    }

    /// One topic.
    part DeleteRecordsTopic {
        name: String, 0..; "The topic."
        partitions: Vec<DeleteRecordsPartition>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// One partition.
    part DeleteRecordsPartition {
        partition_index: i32, 0..; "The partition."
        offset: i64, 0..; "The first offset to keep, -1 for the high watermark."
    }

    /// Where the partitions begin now.
    response DeleteRecordsResponse: DeleteRecords 0..=2 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<DeleteRecordsTopicResult>, 0..; "Each topic."
    }

    /// One topic's result.
    part DeleteRecordsTopicResult {
        name: String, 0..; "The topic."
        partitions: Vec<DeleteRecordsPartitionResult>, 0..; "Each partition."
    }

    /// One partition's result.
    part DeleteRecordsPartitionResult {
        partition_index: i32, 0..; "The partition."
        low_watermark: i64, 0..; "The first offset the partition has now, -1 on an error."
        error_code: i16, 0..; "0, or why nothing was deleted."
    }
}
