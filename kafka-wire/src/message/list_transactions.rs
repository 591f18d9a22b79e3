//! ListTransactions (key 66): the transactional ids this broker looks after.

use super::{FILTERS_MAX, TRANSACTIONS_MAX};

message! {
    /// Which transactions.
    request ListTransactionsRequest: ListTransactions 0..=2 => ListTransactionsResponse {
        state_filters: Vec<String>, 0.., most FILTERS_MAX; "States they may be in, empty for any."
        producer_id_filters: Vec<i64>, 0.., most TRANSACTIONS_MAX; "Producers they may belong to, empty for any."
        duration_filter: i64, 1.., default -1; "How long they must have been open, in milliseconds; -1 for any time."
        transactional_id_pattern: Option<String>, 2.., null 2..; "A regular expression the transactional id must match, null for any."
    }

    /// The transactions.
    response ListTransactionsResponse: ListTransactions 0..=2 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why there is no list."
        unknown_state_filters: Vec<String>, 0..; "States asked for that do not exist."
        transaction_states: Vec<TransactionState>, 0..; "Each transaction."
    }

    /// One transaction.
    part TransactionState {
        transactional_id: String, 0..; "The transactional id."
        producer_id: i64, 0..; "The producer's id."
        transaction_state: String, 0..; "What it is doing."
    }
}
