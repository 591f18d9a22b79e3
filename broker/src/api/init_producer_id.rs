//! InitProducerId (key 22): an id for an idempotent producer.
//!
//! * Without a transactional id: a new id with epoch 0, whatever id the client had (v3+ sends it), as Kafka does.
//! * An id without an epoch, or an epoch without an id: INVALID_REQUEST.
//! * With a transactional id: INVALID_REQUEST. Clients take it as final; a retriable code would keep them trying in
//!   silence.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::table::{Answer, Context};

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: InitProducerIdRequest,
) -> Answer<InitProducerIdResponse> {
    if request.transactional_id.is_some() {
        tracing::warn!("a client asked for transactions, which this broker does not have yet");
        return Answer::Now(refused(ErrorCode::InvalidRequest));
    }
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return Answer::Now(refused(ErrorCode::InvalidRequest));
    }
    let shared = Arc::clone(&ctx.shared);
    let take = move || match shared.topics.take_producer_id(shared.now_ms()) {
        Ok(producer_id) => InitProducerIdResponse {
            producer_id,
            producer_epoch: 0,
            ..InitProducerIdResponse::default()
        },
        Err(error) => {
            tracing::error!(%error, "a producer id could not be reserved");
            refused(ErrorCode::KafkaStorageError)
        }
    };
    Answer::change(ctx, &ctx.shared.id_turns, take, refused)
}

fn refused(error: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse {
        error_code: error.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdResponse::default()
    }
}
