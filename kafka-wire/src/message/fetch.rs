//! Fetch (key 1): records from an offset on.
//!
//! Versions below 4 carried older message formats and are gone (KIP-896). From version [`TOPIC_IDS_FROM`] on topics are
//! named by id alone, in the request, in what leaves the session, and in the answer.

use bytes::Bytes;

use super::{PARTITIONS_MAX, TOPICS_MAX};

/// The first version in which topics have ids and no names.
pub const TOPIC_IDS_FROM: i16 = 13;

message! {
    /// Where to read, and how much.
    request FetchRequest: Fetch 4..=18 => FetchResponse {
        replica_id: i32, 0..=14, default -1; "The broker that replicates, -1 for a consumer."
        max_wait_ms: i32, 0..; "How long to wait for `min_bytes`, in milliseconds."
        min_bytes: i32, 0..; "How many bytes make an answer worth sending."
        max_bytes: i32, 3.., default i32::MAX; "The most bytes of records; one batch is always sent whole."
        isolation_level: i8, 4..; "0 reads all records, 1 only those of committed transactions."
        session_id: i32, 7..; "The fetch session, 0 for none."
        session_epoch: i32, 7.., default -1; "The session's epoch, -1 for no session."
        topics: Vec<FetchTopic>, 0.., most TOPICS_MAX; "Each topic."
        forgotten_topics_data: Vec<ForgottenTopic>, 7.., most TOPICS_MAX; "What leaves the session."
        rack_id: String, 11..; "The consumer's rack."
        cluster_id: Option<String>, 12.., null 12.., tag 0; "The cluster the client believes in."
        replica_state: ReplicaState, 15.., tag 1; "The broker that replicates, if one does."
    }

    /// A broker that replicates.
    part ReplicaState {
        replica_id: i32, 15.., default -1; "The broker, -1 for a consumer."
        replica_epoch: i64, 15.., default -1; "Its epoch, -1 if not known."
    }

    /// One topic to read.
    part FetchTopic {
        topic: String, 0..=12; "The topic."
        topic_id: [u8; 16], 13..; "The topic's id."
        partitions: Vec<FetchPartition>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// One partition to read.
    part FetchPartition {
        partition: i32, 0..; "The partition."
        current_leader_epoch: i32, 9.., default -1; "The leader epoch the client knows, -1 for none."
        fetch_offset: i64, 0..; "The offset to begin at."
        last_fetched_epoch: i32, 12.., default -1; "The epoch of the last record read, -1 for none."
        log_start_offset: i64, 5.., default -1; "A follower's first offset, -1 for a consumer."
        partition_max_bytes: i32, 0..; "The most bytes from this partition; one batch is always sent whole."
        replica_directory_id: [u8; 16], 17.., tag 0; "The directory a follower keeps it in."
        high_watermark: i64, 18.., tag 1, default i64::MAX; "The high watermark a follower knows; the greatest number from a consumer."
    }

    /// Partitions that leave the session.
    part ForgottenTopic {
        topic: String, 7..=12; "The topic."
        topic_id: [u8; 16], 13..; "The topic's id."
        partitions: Vec<i32>, 7.., most PARTITIONS_MAX; "Its partitions."
    }

    /// Records, by topic and partition.
    response FetchResponse: Fetch 4..=18 => {
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 7..; "0, or why the whole request failed."
        session_id: i32, 7..; "The fetch session, 0 for none."
        responses: Vec<FetchableTopicResponse>, 0..; "Each topic."
        node_endpoints: Vec<NodeEndpoint>, 16.., tag 0; "Where the leaders named below are."
    }

    /// The records of one topic.
    part FetchableTopicResponse {
        topic: String, 0..=12; "The topic."
        topic_id: [u8; 16], 13..; "The topic's id."
        partitions: Vec<PartitionData>, 0..; "Each partition."
    }

    /// The records of one partition.
    part PartitionData {
        partition_index: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why there are no records."
        high_watermark: i64, 0..; "The offset after the last record that can be read."
        last_stable_offset: i64, 4.., default -1; "The first offset of an open transaction, or the high watermark."
        log_start_offset: i64, 5.., default -1; "The first offset the partition still has."
        diverging_epoch: EpochEndOffset, 12.., tag 0; "Where the client's log parted from this one."
        current_leader: LeaderIdAndEpoch, 12.., tag 1; "Who leads the partition, when it is not this broker."
        snapshot_id: SnapshotId, 12.., tag 2; "A snapshot to fetch instead; metadata quorums only."
        aborted_transactions: Option<Vec<AbortedTransaction>>, 4.., null 4..; "Whose records to skip when reading committed."
        preferred_read_replica: i32, 11.., default -1; "A replica to read from instead, -1 for none."
        records: Option<Bytes>, 0.., null 0..; "Whole batches, the first holding the offset asked for."
    }

    /// Where an epoch ends.
    part EpochEndOffset {
        epoch: i32, 12.., default -1; "The epoch."
        end_offset: i64, 12.., default -1; "The offset after its last record."
    }

    /// A partition's leader.
    part LeaderIdAndEpoch {
        leader_id: i32, 12.., default -1; "The broker, -1 if not known."
        leader_epoch: i32, 12.., default -1; "Its epoch, -1 if not known."
    }

    /// A snapshot's name.
    part SnapshotId {
        end_offset: i64, 0.., default -1; "The offset after the last record it includes."
        epoch: i32, 0.., default -1; "That record's epoch."
    }

    /// A transaction that was aborted.
    part AbortedTransaction {
        producer_id: i64, 4..; "The producer."
        first_offset: i64, 4..; "Its first record in the transaction."
    }

    /// Where a broker listens.
    part NodeEndpoint {
        node_id: i32, 16..; "The broker."
        host: String, 16..; "Its host name."
        port: i32, 16..; "Its port."
        rack: Option<String>, 16.., null 16..; "Its rack."
    }
}
