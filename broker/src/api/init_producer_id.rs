//! InitProducerId (key 22): an id for an idempotent producer, or the next life of a transactional one.
//!
//! * Without a transactional id: a new id with epoch 0, whatever id the client had (v3+ sends it), as Kafka does.
//! * With one: the producer of that id under a higher epoch. What its life before had open is aborted first: until then
//!   CONCURRENT_TRANSACTIONS, which clients try again.
//! * An id without an epoch, or an epoch without an id, an empty transactional id: INVALID_REQUEST.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use super::producer_fault;
use crate::broker::Shared;
use crate::table::{Answer, Context};
use crate::transaction::{Event, Producer};
use crate::transactions;

/// The longest a transaction may stay open (Kafka's `transaction.max.timeout.ms`).
pub(crate) const TIMEOUT_MAX_MS: i32 = 900_000;

/// The first version that knows PRODUCER_FENCED.
const KNOWS_FENCED: i16 = 4;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: InitProducerIdRequest,
) -> Answer<InitProducerIdResponse> {
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return Answer::Now(refused(ErrorCode::InvalidRequest));
    }
    let Some(id) = request.transactional_id else {
        let shared = Arc::clone(&ctx.shared);
        let given = move || match take_now(&shared) {
            Ok(id) => accepted(Producer { id, epoch: 0 }),
            Err(code) => refused(code),
        };
        return Answer::change(ctx, &ctx.shared.id_turns, given, refused);
    };
    if id.is_empty() {
        return Answer::Now(refused(ErrorCode::InvalidRequest));
    }
    let timeout_ms = request.transaction_timeout_ms;
    if !(1..=TIMEOUT_MAX_MS).contains(&timeout_ms) {
        return Answer::Now(refused(ErrorCode::InvalidTransactionTimeout));
    }
    let known = (request.producer_id != -1).then_some(Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    });
    let (shared, stop) = (Arc::clone(&ctx.shared), ctx.stop.clone());
    Answer::later(async move {
        let fresh_id = match take(&shared).await {
            Ok(fresh_id) => fresh_id,
            Err(code) => return refused(code),
        };
        let init = |ticket| Event::Init {
            ticket,
            timeout_ms,
            known,
            fresh_id,
        };
        match transactions::ask(&shared, &id, true, stop, init).await {
            Ok(producer) => accepted(producer),
            Err(code) => refused(producer_fault(code, version >= KNOWS_FENCED)),
        }
    })
}

/// A producer id that nobody has.
pub(super) async fn take(shared: &Arc<Shared>) -> Result<i64, ErrorCode> {
    let shared = Arc::clone(shared);
    let taken = tokio::task::spawn_blocking(move || take_now(&shared)).await;
    taken.unwrap_or(Err(ErrorCode::UnknownServerError))
}

/// As [`take`]. Blocks for a sync now and then.
fn take_now(shared: &Shared) -> Result<i64, ErrorCode> {
    shared.topics.take_producer_id(shared.now_ms()).map_err(|error| {
        tracing::error!(%error, "a producer id could not be reserved");
        ErrorCode::KafkaStorageError
    })
}

fn accepted(producer: Producer) -> InitProducerIdResponse {
    InitProducerIdResponse {
        producer_id: producer.id,
        producer_epoch: producer.epoch,
        ..InitProducerIdResponse::default()
    }
}

fn refused(error: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse {
        error_code: error.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdResponse::default()
    }
}
