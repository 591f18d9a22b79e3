//! AddPartitionsToTxn (key 24): partitions a transaction is about to write to.
//!
//! Up to version 3 a producer names one transaction, and the answer stands at the top; versions 4 and up carry several,
//! and are for brokers that ask each other.

use super::{PARTITIONS_MAX, TOPICS_MAX, TRANSACTIONS_MAX};

message! {
    /// What transactions are about to write to.
    request AddPartitionsToTxnRequest: AddPartitionsToTxn 0..=5 => AddPartitionsToTxnResponse {
        transactions: Vec<AddPartitionsToTxnTransaction>, 4.., most TRANSACTIONS_MAX; "Each transaction."
        v3_and_below_transactional_id: String, 0..=3; "The transactional id of the one transaction."
        v3_and_below_producer_id: i64, 0..=3; "Its producer's id."
        v3_and_below_producer_epoch: i16, 0..=3; "Its producer's epoch."
        v3_and_below_topics: Vec<AddPartitionsToTxnTopic>, 0..=3, most TOPICS_MAX; "What it is about to write to."
    }

    /// One transaction.
    part AddPartitionsToTxnTransaction {
        transactional_id: String, 4..; "The transactional id."
        producer_id: i64, 4..; "The producer's id."
        producer_epoch: i16, 4..; "Its epoch."
        verify_only: bool, 4..; "Whether to say only if the partitions are in it, and add none."
        topics: Vec<AddPartitionsToTxnTopic>, 4.., most TOPICS_MAX; "Each topic."
    }

    /// One topic.
    part AddPartitionsToTxnTopic {
        name: String, 0..; "The topic."
        partitions: Vec<i32>, 0.., most PARTITIONS_MAX; "Its partitions."
    }

    /// What became of it.
    response AddPartitionsToTxnResponse: AddPartitionsToTxn 0..=5 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 4..; "0, or why the whole request failed."
        results_by_transaction: Vec<AddPartitionsToTxnResult>, 4..; "Each transaction."
        results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>, 0..=3; "Each topic of the one transaction."
    }

    /// What became of one transaction.
    part AddPartitionsToTxnResult {
        transactional_id: String, 4..; "The transactional id."
        topic_results: Vec<AddPartitionsToTxnTopicResult>, 4..; "Each topic."
    }

    /// One topic's result.
    part AddPartitionsToTxnTopicResult {
        name: String, 0..; "The topic."
        results_by_partition: Vec<AddPartitionsToTxnPartitionResult>, 0..; "Each partition."
    }

    /// One partition's result.
    part AddPartitionsToTxnPartitionResult {
        partition_index: i32, 0..; "The partition."
        partition_error_code: i16, 0..; "0, or why the partition is not in the transaction."
    }
}
