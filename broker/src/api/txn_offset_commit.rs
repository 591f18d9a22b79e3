//! TxnOffsetCommit (key 28): offsets that count when a producer's transaction is committed, and only then. From version
//! 3 on the member says who it is (KIP-447), so that one that was fenced commits nothing; from 5 on the offsets need not
//! have been added to the transaction before (KIP-890).

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use annals_kafka_wire::message::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use tokio::sync::watch;

use super::offset_commit::{Judged, JudgedTopic};
use super::producer_fault;
use crate::broker::Shared;
use crate::group::Identity;
use crate::groups::{self, Who};
use crate::internal::OFFSETS;
use crate::table::{Answer, Context};
use crate::transaction::{Event, Place, Producer};
use crate::transactions;

/// The first version whose clients do not add the group's offsets to the transaction before (KIP-890).
const OPENS_SINCE: i16 = 5;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: TxnOffsetCommitRequest,
) -> Answer<TxnOffsetCommitResponse> {
    let shared = Arc::clone(&ctx.shared);
    let (judged, kept) = Judged::of(
        &shared,
        request.topics.into_iter().map(plain_topic).collect(),
        false,
    );
    let producer = Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let identity = Identity {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let generation = request.generation_id;
    let takes_part = generation >= 0 || !identity.member_id.is_empty() || identity.instance_id.is_some();
    let (place, stop) = ((OFFSETS.to_owned(), 0), ctx.stop.clone());
    Answer::Change(Box::pin(async move {
        let id = &request.transactional_id;
        let opened = match version >= OPENS_SINCE {
            _ if request.group_id.is_empty() => Err(ErrorCode::InvalidGroupId),
            true => open(&shared, id, producer, &place, stop).await,
            false => Ok(()),
        };
        let who = Who {
            identity: &identity,
            epoch: generation,
            knows_epochs: true,
        };
        let written = opened.and_then(|()| {
            transactions::while_open(&shared, id, producer, &place, || {
                let member = takes_part.then_some(&who);
                groups::commit_in_transaction(&shared, &request.group_id, member, producer, kept)
            })
        });
        let stored = match written {
            Ok(Ok((written, gone))) => written.durable(&shared).await.map(|()| gone),
            // There is no word for a member's old epoch here, nor for a group that is gone.
            Ok(Err(ErrorCode::StaleMemberEpoch | ErrorCode::GroupIdNotFound)) => {
                Err(ErrorCode::IllegalGeneration)
            }
            Ok(Err(code)) => Err(code),
            Err(code) => Err(producer_fault(code, false)),
        };
        let topic = |topic: JudgedTopic| TxnOffsetCommitResponseTopic {
            name: topic.name,
            partitions: topic.partitions.into_iter().map(partition).collect(),
        };
        TxnOffsetCommitResponse {
            topics: judged.answers(stored).map(topic).collect(),
            ..TxnOffsetCommitResponse::default()
        }
    }))
}

/// The group's offsets come into the transaction, if they are not in it yet.
async fn open(
    shared: &Arc<Shared>,
    id: &str,
    producer: Producer,
    place: &Place,
    stop: watch::Receiver<bool>,
) -> Result<(), ErrorCode> {
    if transactions::while_open(shared, id, producer, place, || ()).is_ok() {
        return Ok(());
    }
    let places = BTreeSet::from([place.clone()]);
    let add = |ticket| Event::Add(ticket, producer, places);
    transactions::ask(shared, id, false, stop, add).await.map(drop)
}

fn partition((partition_index, code): (i32, ErrorCode)) -> TxnOffsetCommitResponsePartition {
    TxnOffsetCommitResponsePartition {
        partition_index,
        error_code: code.code(),
    }
}

/// A topic as OffsetCommit has it: the two differ in nothing but their names.
fn plain_topic(topic: TxnOffsetCommitRequestTopic) -> OffsetCommitRequestTopic {
    let plain = |partition: TxnOffsetCommitRequestPartition| OffsetCommitRequestPartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        committed_metadata: partition.committed_metadata,
    };
    OffsetCommitRequestTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(plain).collect(),
        ..OffsetCommitRequestTopic::default()
    }
}
