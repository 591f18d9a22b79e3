//! EndTxn (key 26): a producer commits its transaction, or aborts it. Answered when that is decided for good; the
//! markers follow.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::end_txn::{EndTxnRequest, EndTxnResponse};

use super::producer_fault;
use crate::table::{Answer, Context};
use crate::ticket::told;
use crate::transaction::{Event, Outcome, Producer};
use crate::transactions;

pub(crate) fn handle(ctx: &Context, version: i16, request: EndTxnRequest) -> Answer<EndTxnResponse> {
    let respond = |code: ErrorCode| EndTxnResponse {
        error_code: code.code(),
        ..EndTxnResponse::default()
    };
    let producer = Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let outcome = match request.committed {
        true => Outcome::Commit,
        false => Outcome::Abort,
    };
    let asked = transactions::ask(&ctx.shared, &request.transactional_id, false, |ticket| {
        Event::End(ticket, producer, outcome)
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
