//! DescribeLogDirs (key 35): what lies where on the broker's disks, and how large it is.
//!
//! Version 0 is gone (KIP-896).

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Which partitions.
    request DescribeLogDirsRequest: DescribeLogDirs 1..=4 => DescribeLogDirsResponse {
        topics: Option<Vec<DescribableLogDirTopic>>, 0.., most TOPICS_MAX, null 0.., default Some(Vec::new()); "Each topic, null for all."
    }

    /// One topic.
    part DescribableLogDirTopic {
        topic: String, 0..; "The topic."
        partitions: Vec<i32>, 0.., most PARTITIONS_MAX; "Its partitions."
    }

    /// The directories.
    response DescribeLogDirsResponse: DescribeLogDirs 1..=4 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 3..; "0, or why the whole request failed."
        results: Vec<DescribeLogDirsResult>, 0..; "Each directory."
    }

    /// One directory.
    part DescribeLogDirsResult {
        error_code: i16, 0..; "0, or why the directory is not to be used."
        log_dir: String, 0..; "Its absolute path."
        topics: Vec<DescribeLogDirsTopic>, 0..; "Each topic."
        total_bytes: i64, 4.., default -1; "How large the volume is that it is on, in bytes; -1 if not known."
        usable_bytes: i64, 4.., default -1; "How much of that is free, in bytes; -1 if not known."
    }

    /// One topic in it.
    part DescribeLogDirsTopic {
        name: String, 0..; "The topic."
        partitions: Vec<DescribeLogDirsPartition>, 0..; "Each partition."
    }

    /// One partition in it.
    part DescribeLogDirsPartition {
        partition_index: i32, 0..; "The partition."
        partition_size: i64, 0..; "How large its files are, in bytes."
        offset_lag: i64, 0..; "How many records it is behind what it copies."
        is_future_key: bool, 0..; "Whether it is a copy that will take the place of another."
    }
}
