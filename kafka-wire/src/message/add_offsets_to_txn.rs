//! AddOffsetsToTxn (key 25): a group whose offsets a transaction is about to commit.

message! {
    /// Which group, and which transaction.
    request AddOffsetsToTxnRequest: AddOffsetsToTxn 0..=4 => AddOffsetsToTxnResponse {
        transactional_id: String, 0..; "The transactional id."
        producer_id: i64, 0..; "The producer's id."
        producer_epoch: i16, 0..; "Its epoch."
        group_id: String, 0..; "The group."
    }

    /// What became of it.
    response AddOffsetsToTxnResponse: AddOffsetsToTxn 0..=4 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why the group's offsets are not in the transaction."
    }
}
