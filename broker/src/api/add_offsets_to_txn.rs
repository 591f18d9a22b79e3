//! AddOffsetsToTxn (key 25): a group's offsets will be committed with a producer's transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::producer_fault;
use crate::internal::OFFSETS;
use crate::table::{Answer, Context};
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
    let (shared, stop) = (Arc::clone(&ctx.shared), ctx.stop.clone());
    Answer::Change(Box::pin(async move {
        let add = |ticket| Event::Add(ticket, producer, places);
        let added = transactions::ask(&shared, &request.transactional_id, false, stop, add).await;
        let code = added.err().unwrap_or(ErrorCode::None);
        respond(producer_fault(code, version >= 2))
    }))
}
