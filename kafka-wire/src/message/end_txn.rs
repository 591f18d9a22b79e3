//! EndTxn (key 26): a transaction is over, one way or the other.
//!
//! From version 5 on every transaction ends with a new epoch for its producer, which the answer brings (KIP-890).

message! {
    /// How the transaction ends.
    request EndTxnRequest: EndTxn 0..=5 => EndTxnResponse {
        transactional_id: String, 0..; "The transactional id."
        producer_id: i64, 0..; "The producer's id."
        producer_epoch: i16, 0..; "Its epoch."
        committed: bool, 0..; "Whether it is committed, or else aborted."
    }

    /// Whether it did.
    response EndTxnResponse: EndTxn 0..=5 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why the transaction has not ended."
        producer_id: i64, 5.., default -1; "The producer's id from here on, -1 if it stays."
        producer_epoch: i16, 5.., default -1; "Its epoch from here on, -1 if it stays."
    }
}
