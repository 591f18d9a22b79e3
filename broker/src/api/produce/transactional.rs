//! Batches that belong to a transaction: it must be open where they are written to, and from version 12 of Produce on
//! they open it there (KIP-890). That is stored before any of the request is appended, so that whatever is there has an
//! end to come.

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_kafka_wire::batch::Batch;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::produce::ProduceRequest;
use bytes::Bytes;

use super::topic_of;
use crate::admit::Rejection;
use crate::api::producer_fault;
use crate::broker::Shared;
use crate::internal;
use crate::table::{Context, Waiting};
use crate::transaction::{Event, Place, Producer};
use crate::transactions;

/// The first version whose clients do not name the partitions of a transaction before they write to them.
const OPENS_SINCE: i16 = 12;

/// Opens the request's transaction where it writes and is not open yet; `None` when that is nowhere.
pub(super) fn opening(
    ctx: &Context,
    version: i16,
    request: &ProduceRequest,
) -> Option<Waiting<Result<(), ErrorCode>>> {
    let id = request
        .transactional_id
        .as_deref()
        .filter(|_| version >= OPENS_SINCE)?;
    let topics = ctx.shared.topics.now();
    let mut opens: Option<(Producer, BTreeSet<Place>)> = None;
    for asked in &request.topic_data {
        let Ok(topic) = topic_of(&topics, version, asked) else {
            continue;
        };
        if internal::is_internal(&topic.name) {
            continue;
        }
        for data in &asked.partition_data {
            let Some(producer) = producer_of(data.records.as_ref()) else {
                continue;
            };
            let place = (topic.name.clone(), data.index);
            let is_open = transactions::while_open(&ctx.shared, id, producer, &place, || ()).is_ok();
            if is_open || topic.partition(data.index).is_none() {
                continue;
            }
            // A transaction has one producer: what another one sends with it is refused.
            let (first, places) = opens.get_or_insert((producer, BTreeSet::new()));
            if *first == producer {
                places.insert(place);
            }
        }
    }
    let (producer, places) = opens?;
    let (shared, id, stop) = (Arc::clone(&ctx.shared), id.to_owned(), ctx.stop.clone());
    Some(Box::pin(async move {
        let add = |ticket| Event::Add(ticket, producer, places);
        transactions::ask(&shared, &id, false, stop, add).await.map(drop)
    }))
}

/// The producer of a transactional batch; what is no batch is refused later.
pub(super) fn producer_of(records: Option<&Bytes>) -> Option<Producer> {
    let (batch, _) = Batch::parse(records?, 0).ok()?;
    batch.is_transactional().then(|| Producer {
        id: batch.producer_id(),
        epoch: batch.producer_epoch(),
    })
}

/// Does something for a batch that belongs to a transaction while that is open in its partition; it must be, and stays
/// so meanwhile. `opened` is what came of opening it where that was tried.
pub(super) fn in_transaction<T>(
    shared: &Shared,
    request: &ProduceRequest,
    opened: Result<(), ErrorCode>,
    producer: Producer,
    place: &Place,
    work: impl FnOnce() -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    let id = request.transactional_id.as_deref().ok_or_else(|| {
        let sentence = "A transactional batch came without a transactional id";
        Rejection::new(ErrorCode::InvalidTxnState, sentence)
    })?;
    match transactions::while_open(shared, id, producer, place, work) {
        Ok(done) => done,
        Err(closed) => {
            let code = producer_fault(opened.err().unwrap_or(closed), false);
            let sentence = format!(
                "The batch belongs to no open transaction of this partition: {}",
                code.meaning()
            );
            Err(Rejection::new(code, sentence))
        }
    }
}
