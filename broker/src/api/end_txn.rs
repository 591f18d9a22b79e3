//! EndTxn (key 26): a producer commits its transaction, or aborts it. Answered when that is decided for good; the
//! markers follow. From version 5 on it goes on under another epoch, which the answer brings (KIP-890).

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::end_txn::{EndTxnRequest, EndTxnResponse};

use super::{init_producer_id, producer_fault};
use crate::table::{Answer, Context};
use crate::transaction::{EPOCH_MAX, Event, Outcome, Producer};
use crate::transactions;

/// The first version whose clients go on under another epoch.
const GOES_ON: i16 = 5;

pub(crate) fn handle(ctx: &Context, version: i16, request: EndTxnRequest) -> Answer<EndTxnResponse> {
    let (shared, stop) = (Arc::clone(&ctx.shared), ctx.stop.clone());
    let producer = Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let outcome = match request.committed {
        true => Outcome::Commit,
        false => Outcome::Abort,
    };
    Answer::Change(Box::pin(async move {
        let fresh_id = match version >= GOES_ON {
            // It is used by who has no epochs left, and by nobody else.
            true if producer.epoch >= EPOCH_MAX => match init_producer_id::take(&shared).await {
                Ok(fresh_id) => Some(fresh_id),
                Err(code) => return refused(code),
            },
            true => Some(producer.id),
            false => None,
        };
        let end = |ticket| Event::End {
            ticket,
            producer,
            outcome,
            fresh_id,
        };
        match transactions::ask(&shared, &request.transactional_id, false, stop, end).await {
            Ok(goes_on) => EndTxnResponse {
                producer_id: goes_on.id,
                producer_epoch: goes_on.epoch,
                ..EndTxnResponse::default()
            },
            Err(code) => refused(producer_fault(code, version >= 2)),
        }
    }))
}

fn refused(code: ErrorCode) -> EndTxnResponse {
    EndTxnResponse {
        error_code: code.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..EndTxnResponse::default()
    }
}
