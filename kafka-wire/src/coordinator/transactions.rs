//! `__transaction_state`: the transaction each transactional id is in, or was in last.
//!
//! Kafka 4 writes the value in version 1 once the feature `transaction.version` is 1 or more, and in version 0 before.

use crate::message::declare::message;

message! {
    /// Whose transaction.
    versioned TransactionLogKey: 0..=0, flexible i16::MAX => {
        transactional_id: String, 0..; "The transactional id."
    }

    /// Where the transaction stands.
    versioned TransactionLogValue: 0..=1, flexible 1 => {
        producer_id: i64, 0..; "The producer's id."
        producer_epoch: i16, 0..; "Its epoch."
        transaction_timeout_ms: i32, 0..; "How long the transaction may stay open, in milliseconds."
        transaction_status: i8, 0..; "0 empty, 1 ongoing, 2 about to commit, 3 about to abort, 4 committed, 5 aborted, 6 dead, 7 about to fence an older producer."
        transaction_partitions: Option<Vec<PartitionsSchema>>, 0.., null 0.., default Some(Vec::new()); "What the transaction has written to, null when it is empty."
        transaction_last_update_timestamp_ms: i64, 0..; "When this was written, in milliseconds since 1970."
        transaction_start_timestamp_ms: i64, 0..; "When the transaction began, in milliseconds since 1970; -1 if none did."
        previous_producer_id: i64, 1.., tag 0, default -1; "The id the producer had before, -1 for none."
        next_producer_id: i64, 1.., tag 1, default -1; "The id it will have once the transaction ends, -1 for none."
        client_transaction_version: i16, 1.., tag 2; "The `transaction.version` its client speaks."
        next_producer_epoch: i16, 1.., tag 3, default -1; "The epoch it will have once the transaction ends, -1 for none."
    }

    /// Partitions of one topic.
    part PartitionsSchema {
        topic: String, 0..; "The topic."
        partition_ids: Vec<i32>, 0..; "Its partitions."
    }
}
