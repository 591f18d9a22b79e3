//! TxnOffsetCommit (key 28): how far a group has read, to be so once the transaction is committed.
//!
//! From version 3 on the member and its generation are named, so that one that is no member any more is kept out
//! (KIP-447); from version 5 on the group need not have been added to the transaction before (KIP-890).

use super::{PARTITIONS_MAX, TOPICS_MAX};

message! {
    /// Whose offsets, and in which transaction.
    request TxnOffsetCommitRequest: TxnOffsetCommit 0..=5 => TxnOffsetCommitResponse {
        transactional_id: String, 0..; "The transactional id."
        group_id: String, 0..; "The group."
        producer_id: i64, 0..; "The producer's id."
        producer_epoch: i16, 0..; "Its epoch."
        generation_id: i32, 3.., default -1; "The group's generation, -1 for no member."
        member_id: String, 3..; "The member, empty for none."
        group_instance_id: Option<String>, 3.., null 3..; "The name a static member keeps over restarts, null for a dynamic one."
        topics: Vec<TxnOffsetCommitRequestTopic>, 0.., most TOPICS_MAX; "Each topic."
    }

    /// One topic's offsets.
    part TxnOffsetCommitRequestTopic {
        name: String, 0..; "The topic."
        partitions: Vec<TxnOffsetCommitRequestPartition>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// One partition's offset.
    part TxnOffsetCommitRequestPartition {
        partition_index: i32, 0..; "The partition."
        committed_offset: i64, 0..; "The offset of the next record to read."
        committed_leader_epoch: i32, 2.., default -1; "The leader epoch of the last record read, -1 for none."
        committed_metadata: Option<String>, 0.., null 0..; "What the client wants to remember beside it."
    }

    /// What became of the offsets.
    response TxnOffsetCommitResponse: TxnOffsetCommit 0..=5 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        topics: Vec<TxnOffsetCommitResponseTopic>, 0..; "Each topic."
    }

    /// One topic's result.
    part TxnOffsetCommitResponseTopic {
        name: String, 0..; "The topic."
        partitions: Vec<TxnOffsetCommitResponsePartition>, 0..; "Each partition."
    }

    /// One partition's result.
    part TxnOffsetCommitResponsePartition {
        partition_index: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why the offset was not kept."
    }
}
