//! DescribeTransactions (key 65): where transactions stand.

use super::TRANSACTIONS_MAX;

message! {
    /// Which transactions.
    request DescribeTransactionsRequest: DescribeTransactions 0..=0 => DescribeTransactionsResponse {
        transactional_ids: Vec<String>, 0.., most TRANSACTIONS_MAX; "The transactional ids."
    }

    /// The transactions.
    response DescribeTransactionsResponse: DescribeTransactions 0..=0 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        transaction_states: Vec<TransactionState>, 0..; "Each transaction."
    }

    /// One transaction.
    part TransactionState {
        error_code: i16, 0..; "0, or why the transaction is not described."
        transactional_id: String, 0..; "The transactional id."
        transaction_state: String, 0..; "`Empty`, `Ongoing`, `PrepareCommit`, `PrepareAbort`, `CompleteCommit`, `CompleteAbort`, `Dead` or `PrepareEpochFence`."
        transaction_timeout_ms: i32, 0..; "How long it may stay open, in milliseconds."
        transaction_start_time_ms: i64, 0..; "When it began, in milliseconds since 1970; -1 if none is open."
        producer_id: i64, 0..; "The producer's id."
        producer_epoch: i16, 0..; "Its epoch."
        topics: Vec<TopicData>, 0..; "What it has written to."
    }

    /// One topic it has written to.
    part TopicData {
        topic: String, 0..; "The topic."
        partitions: Vec<i32>, 0..; "Its partitions."
    }
}
