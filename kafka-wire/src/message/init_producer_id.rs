//! InitProducerId (key 22): a producer id for idempotent sending, or the next epoch of one.

message! {
    /// Who asks for an id.
    request InitProducerIdRequest: InitProducerId 0..=5 => InitProducerIdResponse {
        transactional_id: Option<String>, 0.., null 0..; "The transactional id, null for idempotence alone."
        transaction_timeout_ms: i32, 0..; "How long a transaction may stay open, in milliseconds."
        producer_id: i64, 3.., default -1; "The id the producer has, -1 for none."
        producer_epoch: i16, 3.., default -1; "The epoch the producer has, -1 for none."
    }

    /// The id.
    response InitProducerIdResponse: InitProducerId 0..=5 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why there is no id."
        producer_id: i64, 0.., default -1; "The producer's id."
        producer_epoch: i16, 0..; "Its epoch."
    }
}
