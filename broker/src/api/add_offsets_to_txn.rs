//! AddOffsetsToTxn (key 25): a group's offsets will be committed with a producer's transaction.

use std::collections::BTreeSet;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::producer_fault;
use crate::internal::OFFSETS;
use crate::table::{Answer, Context};
use crate::ticket::told;
use crate::transaction::{Event, Producer};
use crate::transactions;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: AddOffsetsToTxnRequest,
) -> Answer<AddOffsetsToTxnResponse> {
    let respond = |code: ErrorCode| AddOffsetsToTxnResponse {
        error_code: code.code(),
        ..AddOffsetsToTxnResponse::default()
    };
    if request.group_id.is_empty() {
        return Answer::Now(respond(ErrorCode::InvalidGroupId));
    }
    let producer = Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let places = BTreeSet::from([(OFFSETS.to_owned(), 0)]);
    let asked = transactions::ask(&ctx.shared, &request.transactional_id, false, |ticket| {
        Event::Add(ticket, producer, places)
    });
    let Some(answer) = asked else {
        return Answer::Now(respond(ErrorCode::InvalidProducerIdMapping));
    };
    let stop = ctx.stop.clone();
    Answer::Change(Box::pin(async move {
        respond(match told(answer, stop).await {
            Some(Ok(_)) => ErrorCode::None,
            Some(Err(code)) => producer_fault(code, version >= 2),
            None => ErrorCode::CoordinatorNotAvailable,
        })
    }))
}
